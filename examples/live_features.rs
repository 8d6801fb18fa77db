//! Features of both parties right after each transfer of a stream, over a sliding window.
//!
//! `cargo run --release --example live_features -- STREAM.csv FEATURES.csv --window 90`

#[path = "shared/mod.rs"]
mod shared;

use std::hint::black_box;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use dandelion_credit::features::{Feature, LiveConfig, LiveFeatures, LiveRow, LiveRows, Side};
use dandelion_credit::graph::temporal::{CompletedCircles, CompletedConfig, Legs, TemporalWindow, completed_circles};
use dandelion_credit::{AccountDirectory, Scale, Transfer, UtcOffset};
use serde_json::json;

use shared::csv_in::{CsvFile, open};
use shared::out::Output;
use shared::transfers::{amount_minor, at_seconds};
use shared::{Failure, Outcome};

/// Features of both parties right after each transfer, over a sliding window.
///
/// Writes two rows a transfer, the payer's and the payee's: `row,account,side`, then the live features in catalogue order;
/// an empty cell means undefined. At the end one JSON line on stderr: `transfers`, `per_second`, `p50_us`, `p99_us`,
/// `peak_mib`; reading, parsing and writing files are not counted, and the latency of a transfer in a batch is the batch's
/// over its size.
#[derive(Parser)]
struct Args {
    /// CSV with the header `payer,payee[,amount],timestamp`, nearly in order of time; `-` is standard input.
    stream: String,
    /// CSV to write; `-` measures only.
    features: String,
    /// Length of the window in days [default: 90, or the snapshot's].
    #[arg(long)]
    window: Option<u32>,
    /// How many seconds a transfer may come late [default: 0, or the snapshot's].
    #[arg(long)]
    slack: Option<u32>,
    /// Transfers handed over at a time.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Threads; all cores by default. More than one help from batches of 64.
    #[arg(long)]
    threads: Option<usize>,
    /// Where to write the window at the end, as JSON.
    #[arg(long)]
    snapshot: Option<String>,
    /// A snapshot to go on from; row numbers go on too.
    #[arg(long)]
    resume: Option<String>,
    /// Where days, hours and weekdays are cut, such as +08:00 [default: UTC, or the snapshot's].
    #[arg(long, allow_hyphen_values = true)]
    utc_offset: Option<UtcOffset>,
    /// Also count, for each transfer, the circles of 2 to 5 transfers within a day that it completes, in columns
    /// `circles_2` to `circles_5` behind the others, the same for both parties.
    #[arg(long)]
    cycles: bool,
    /// Mebibytes of memory touched before the first transfer, so that none waits for pages the system has yet to find. A window
    /// that has been full once needs no more of them.
    #[arg(long, value_name = "MIB", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..1 << 20))]
    reserve: u32,
    /// Decimals kept of amounts, 0 to 4 [default: 4, or the snapshot's]. All absolute amounts in the window add up to at
    /// most 2^63 - 1 minor units, whatever the decimals: larger ones ask for fewer.
    #[arg(long)]
    decimals: Option<u8>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| {
        shared::set_threads(args.threads)?;
        // Freed at once, and handed out again.
        drop(black_box(vec![1u8; (args.reserve as usize) << 20]));
        // On a thread of the pool, so that handing half of a batch to another costs next to nothing.
        rayon::scope(|_| follow(&args))
    })
}

/// Everything that a snapshot holds.
struct State {
    live: LiveFeatures,
    directory: AccountDirectory,
    rows: u64,
}

impl State {
    fn begin(args: &Args, has_amounts: bool) -> Outcome<Self> {
        let default = LiveConfig::default();
        let config = LiveConfig {
            window_days: args.window.unwrap_or(default.window_days),
            slack_seconds: args.slack.unwrap_or(default.slack_seconds),
            utc_offset: args.utc_offset.unwrap_or(default.utc_offset),
            scale: Scale::new(args.decimals.unwrap_or(4))?,
            without_amounts: !has_amounts,
        };
        Ok(Self { live: LiveFeatures::new(&config)?, directory: AccountDirectory::new(), rows: 0 })
    }

    fn resume(name: &str, args: &Args, has_amounts: bool) -> Outcome<Self> {
        let mut text = String::new();
        open(name)?.read_to_string(&mut text).map_err(|e| Failure::new(e).at(name))?;
        let (accounts, rows, live): (Vec<String>, u64, LiveFeatures) =
            serde_json::from_str(&text).map_err(|e| Failure::new(e).at(name))?;
        let mut directory = AccountDirectory::new();
        for (row, id) in accounts.iter().enumerate() {
            if directory.intern(id)?.as_usize() != row {
                return Err(Failure::new(format!("account '{id}' stands twice")).at(name));
            }
        }
        let config = live.config();
        let same = args.window.is_none_or(|days| days == config.window_days)
            && args.slack.is_none_or(|seconds| seconds == config.slack_seconds)
            && args.utc_offset.is_none_or(|offset| offset == config.utc_offset)
            && args.decimals.is_none_or(|decimals| decimals == config.scale.decimals())
            && has_amounts != config.without_amounts;
        if !same {
            return Err(Failure::new(format!("the snapshot was taken with other settings: {config:?}")).at(name));
        }
        Ok(Self { live, directory, rows })
    }

    fn write(&self, name: &str) -> Outcome {
        let mut out = Output::create(name)?;
        let accounts: Vec<&str> = self.directory.ids().collect();
        serde_json::to_writer(&mut out, &(accounts, self.rows, &self.live))?;
        out.finish()
    }
}

/// The transfers of the last day and what the last batch completed.
struct Circles {
    config: CompletedConfig,
    window: TemporalWindow,
    completed: Vec<CompletedCircles>,
}

impl Circles {
    /// Columns told, by the number of transfers in a circle.
    const HOPS: [usize; 4] = [2, 3, 4, 5];

    fn begin(state: &State) -> Outcome<Self> {
        let config = CompletedConfig::default();
        // Late transfers complete circles that are as much older.
        let seconds = config.window_seconds + i64::from(state.live.config().slack_seconds);
        let mut window = TemporalWindow::new(0, seconds)?;
        for transfer in state.live.held().columns().iter() {
            window.push(transfer)?;
        }
        Ok(Self { config, window, completed: Vec::new() })
    }

    fn push(&mut self, batch: &[Transfer]) -> dandelion_credit::Result<()> {
        self.completed.clear();
        for transfer in batch {
            self.window.push(*transfer)?;
            let known = transfer.payer.max(transfer.payee).as_usize() < self.window.accounts();
            let none = CompletedCircles::default();
            let found = if known { completed_circles(&self.window, transfer, &self.config)? } else { none };
            self.completed.push(found);
        }
        Ok(())
    }
}

/// How long it took, batch by batch.
#[derive(Default)]
struct Clock {
    total: Duration,
    nanos_each: Vec<(u64, u64)>,
}

impl Clock {
    fn add(&mut self, spent: Duration, transfers: usize) {
        self.total += spent;
        self.nanos_each.push((spent.as_nanos() as u64 / transfers as u64, transfers as u64));
    }

    /// Microseconds that a share of the transfers did not exceed.
    fn quantile_us(&mut self, share: f64) -> f64 {
        self.nanos_each.sort_unstable();
        let all: u64 = self.nanos_each.iter().map(|(_, transfers)| transfers).sum();
        let mut seen = 0;
        let found = self.nanos_each.iter().find(|(_, transfers)| {
            seen += transfers;
            seen as f64 >= share * all as f64
        });
        found.map_or(0.0, |(nanos, _)| *nanos as f64 / 1000.0)
    }
}

/// Transfers read before they are handed over, at least.
const READ_AHEAD: usize = 1 << 17;

fn follow(args: &Args) -> Outcome {
    let mut csv = CsvFile::open(&args.stream)?;
    let [payer, payee, timestamp] = ["payer", "payee", "timestamp"].map(|name| csv.required(name));
    let (payer, payee, timestamp) = (payer?, payee?, timestamp?);
    let amount = csv.column("amount");
    let mut state = match &args.resume {
        Some(name) => State::resume(name, args, amount.is_some())?,
        None => State::begin(args, amount.is_some())?,
    };
    let scale = state.live.config().scale;
    let mut circles = if args.cycles { Some(Circles::begin(&state)?) } else { None };
    let mut writer = match args.features.as_str() {
        "-" => None,
        name => {
            let mut writer = shared::out::csv_writer(Output::create(name)?);
            let names = ["row", "account", "side"].into_iter().chain(LiveRow::features().map(Feature::name));
            let more = circles.iter().flat_map(|_| Circles::HOPS.map(|hops| format!("circles_{hops}")));
            writer.write_record(names.map(str::to_owned).chain(more))?;
            Some(writer)
        }
    };

    let size = args.batch.max(1);
    // A stretch of the file is read at a time, whole batches of it, so that the one is not timed in the other's cache.
    let stretch = READ_AHEAD.checked_next_multiple_of(size).unwrap_or(size);
    let (mut read, mut lines) = (Vec::new(), Vec::new());
    let (mut clock, mut transfers) = (Clock::default(), 0u64);
    loop {
        read.clear();
        lines.clear();
        while read.len() < stretch {
            let Some(row) = csv.next_row()? else { break };
            let mut account = |column| state.directory.intern(row.text(column)?).map_err(|e| row.fail(e));
            read.push(Transfer {
                payer: account(payer)?,
                payee: account(payee)?,
                amount_minor: amount.map_or(Ok(0), |column| amount_minor(&row, column, scale))?,
                at_seconds: at_seconds(&row, timestamp)?,
            });
            lines.push(row.line());
        }
        if read.is_empty() {
            break;
        }
        for (batch, lines) in read.chunks(size).zip(lines.chunks(size)) {
            let start = Instant::now();
            let live = &mut state.live;
            let (taken, completed) = match &mut circles {
                None => (live.push_batch(batch).map(LiveRows::len), Ok(())),
                Some(circles) => rayon::join(|| live.push_batch(batch).map(LiveRows::len), || circles.push(batch)),
            };
            clock.add(start.elapsed(), batch.len());
            if taken.is_err() {
                // Nothing of the batch was taken: one by one, the line is found.
                for (transfer, line) in batch.iter().zip(lines) {
                    let place = format!("{}: line {line}", args.stream);
                    state.live.push(*transfer).map_err(|error| Failure::new(error).at(place))?;
                }
            }
            completed?;
            transfers += batch.len() as u64;
            if let Some(writer) = &mut writer {
                write_rows(writer, &state, batch, circles.as_ref())?;
            }
            state.rows += batch.len() as u64;
        }
    }
    if let Some(writer) = writer {
        shared::out::finish_csv(writer)?;
    }
    if let Some(name) = &args.snapshot {
        state.write(name)?;
    }
    let per_second = transfers as f64 / clock.total.as_secs_f64().max(1e-9);
    eprintln!(
        "{}",
        json!({
            "transfers": transfers,
            "per_second": per_second.round(),
            "p50_us": clock.quantile_us(0.5),
            "p99_us": clock.quantile_us(0.99),
            "peak_mib": peak_mib(),
        })
    );
    Ok(())
}

fn write_rows(
    writer: &mut csv::Writer<Output>,
    state: &State,
    batch: &[Transfer],
    circles: Option<&Circles>,
) -> Outcome {
    let mut text = Vec::new();
    for (place, transfer) in batch.iter().enumerate() {
        for (side, name, account) in [(Side::Payer, "payer", transfer.payer), (Side::Payee, "payee", transfer.payee)] {
            let number = (state.rows + place as u64).to_string();
            writer.write_field(number)?;
            writer.write_field(state.directory.id(account).unwrap_or_default())?;
            writer.write_field(name)?;
            for value in state.live.rows().row(place, side).values() {
                text.clear();
                if !value.is_nan() {
                    write!(text, "{value}")?;
                }
                writer.write_field(&text)?;
            }
            for hops in circles.iter().flat_map(|_| Circles::HOPS) {
                let completed = circles.and_then(|circles| circles.completed.get(place));
                let count = completed.map_or(0, |circles| circles.by_hops[hops]);
                writer.write_field(count.to_string())?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
    }
    Ok(())
}

/// The most memory this process ever held, where the system says.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kib / 1024.0).round())
}
