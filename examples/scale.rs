//! How long tens of millions of accounts take, stage by stage, beside how much memory.
//!
//! ```text
//! cargo run --release --example scale -- --accounts 1000000
//! cargo run --release --example scale -- --edges M.bin --repeat 3 --json
//! cargo run --release --example scale -- --edges M.bin --repeat 1 --features
//! ```

#[path = "shared/mod.rs"]
mod shared;

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dandelion_credit::features::{
    Feature, FeatureBuilder, FeatureConfig, FeatureGroup, FeatureTable, extract_on_graph,
};
use dandelion_credit::graph::{
    GraphBuilder, GraphConfig, Structure, StructureConfig, StructureFeature, TransferGraph, structure, triangles,
};
use dandelion_credit::merchant::MerchantClassifier;
use dandelion_credit::synthetic::{Market, MarketConfig};
use dandelion_credit::{Progress, TransferColumns};
use rayon::prelude::*;
use serde_json::json;
use shared::progress::Bar;
use shared::{Failure, Outcome};

/// Measures every stage from raw transfers to structure features and, where there are amounts and times, to verdicts: wall
/// seconds cold and warm, and peak memory. Triangles include the local clustering of every account; structure is all
/// measures, from the graph alone.
#[derive(Parser)]
struct Args {
    /// Transfers as little-endian u32 pairs payer, payee; pairs may repeat.
    #[arg(long, value_name = "FILE.bin")]
    edges: Option<String>,
    /// Accounts of a synthetic market with amounts and times, where no file is given.
    #[arg(long, default_value_t = 1_000_000, conflicts_with = "edges")]
    accounts: u32,
    /// The market's seed.
    #[arg(long, default_value_t = MarketConfig::default().seed)]
    seed: u64,
    /// Runs of the whole; the first is cold, the others reuse its memory.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Threads; all cores where absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Skips the stages behind the graph's structure.
    #[arg(long)]
    structure_only: bool,
    /// Instead of the graph, the features by flow, timing and amount, of transfers handed over in pieces. Bare pairs are given
    /// amounts, and times within 41 days, made up from the number of their row.
    #[arg(long, conflicts_with = "structure_only")]
    features: bool,
    /// One JSON line on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| measure(&args))
}

/// Wall seconds of every stage, one figure a run.
#[derive(Default)]
struct Clock {
    stages: Vec<(&'static str, Vec<f64>)>,
}

impl Clock {
    /// Adds `seconds` to `stage` of run `run`.
    fn add(&mut self, stage: &'static str, run: usize, seconds: f64) {
        let at = self.stages.iter().position(|(name, _)| *name == stage).unwrap_or_else(|| {
            self.stages.push((stage, Vec::new()));
            self.stages.len() - 1
        });
        let runs = &mut self.stages[at].1;
        runs.resize(runs.len().max(run + 1), 0.0);
        runs[run] += seconds;
    }

    fn time<T>(&mut self, stage: &'static str, run: usize, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let result = work();
        self.add(stage, run, begin.elapsed().as_secs_f64());
        result
    }
}

/// What the runs found, the same in each.
#[derive(PartialEq)]
struct Found {
    accounts: usize,
    transfers: u64,
    /// Where there is a graph: relations and triangles.
    graph: Option<[u64; 2]>,
    checksum: u64,
}

fn measure(args: &Args) -> Outcome {
    shared::set_threads(args.threads)?;
    let mut clock = Clock::default();
    let source = match &args.edges {
        Some(name) => Source::File { name, accounts: clock.time("scan", 0, || accounts_of(name))? },
        None => {
            let config = MarketConfig { accounts: args.accounts, seed: args.seed, ..MarketConfig::default() };
            Source::Market(Box::new(clock.time("generate", 0, || Market::generate(&config))?))
        }
    };
    let bar = Bar::new();
    let callback = |update| bar.update(update);
    let progress = Progress::new(&callback);
    let found = match args.features {
        true => measure_features(args, &source, &mut clock, progress)?,
        false => measure_graph(args, &source, &mut clock, progress)?,
    };
    drop(bar);
    report(args, &found, &clock)?;
    Ok(())
}

/// The same in every run, or a failure.
fn agree(last: &mut Option<Found>, found: Found) -> Outcome {
    match last.replace(found) {
        Some(before) if Some(&before) != last.as_ref() => Err(Failure::new("two runs differ")),
        _ => Ok(()),
    }
}

fn measure_features(args: &Args, source: &Source<'_>, clock: &mut Clock, progress: Progress<'_>) -> Outcome<Found> {
    let config = FeatureConfig::of_groups(&[FeatureGroup::Flow, FeatureGroup::Timing, FeatureGroup::Amount]);
    let mut last = None;
    for run in 0..args.repeat as usize {
        let mut builder = FeatureBuilder::new(source.accounts(), &config)?;
        source.feed("push", true, clock, run, |columns| builder.push(columns))?;
        let table = clock.time("features", run, || builder.finish(progress))?;
        let (accounts, transfers) = (table.accounts(), table.transfers());
        agree(&mut last, Found { accounts, transfers, graph: None, checksum: checksum_of_table(&table) })?;
    }
    last.ok_or_else(|| Failure::new("no run"))
}

fn measure_graph(args: &Args, source: &Source<'_>, clock: &mut Clock, progress: Progress<'_>) -> Outcome<Found> {
    // Kept from run to run for its memory, and given up in the last one.
    let mut kept = Some(GraphBuilder::new(source.accounts(), &GraphConfig::default())?);
    let mut last = None;
    for run in 0..args.repeat as usize {
        let Some(mut builder) = kept.take() else { break };
        source.feed("build", false, clock, run, |columns| builder.push(columns))?;
        let graph = if run + 1 < args.repeat as usize {
            clock.time("build", run, || kept.insert(builder).finish(progress))?
        } else {
            clock.time("build", run, || builder.into_graph(progress))?
        };
        let counted = clock.time("triangles", run, || {
            let counted = triangles(&graph, progress)?;
            black_box(counted.local_clustering(&graph));
            Ok::<_, Failure>(counted)
        })?;
        let measured = clock.time("structure", run, || structure(&graph, &StructureConfig::default(), progress))?;
        let found = Found {
            accounts: graph.accounts(),
            transfers: graph.transfers(),
            graph: Some([graph.relations(), counted.total]),
            checksum: checksum(&measured),
        };
        agree(&mut last, found)?;
        if !args.structure_only {
            further_stages(source, &graph, clock, run, progress)?;
        }
    }
    last.ok_or_else(|| Failure::new("no run"))
}

/// The stages behind the structure: what else the verdict looks at, and the verdicts. Bare pairs have neither amounts nor
/// times, which all of that is about.
fn further_stages(
    source: &Source<'_>,
    graph: &TransferGraph,
    clock: &mut Clock,
    run: usize,
    progress: Progress<'_>,
) -> Outcome {
    let Source::Market(market) = source else { return Ok(()) };
    let classifier = MerchantClassifier::default_model();
    let structural = |feature: &Feature| feature.info().group == FeatureGroup::Structure;
    let transfers = market.transfers();
    let columns = transfers.columns();
    let others = FeatureConfig::of_features(Feature::all().filter(|feature| !structural(feature)));
    clock.time("other features", run, || extract_on_graph(graph, &columns, &others, progress))?;
    let needed = FeatureConfig::of_features(classifier.needed_features());
    let table = extract_on_graph(graph, &columns, &needed, progress)?;
    clock.time("classify", run, || classifier.judge(&table, progress))?;
    Ok(())
}

/// Where the transfers come from.
enum Source<'a> {
    File { name: &'a str, accounts: usize },
    Market(Box<Market>),
}

/// Transfers that are read in one go.
const CHUNK: usize = 1 << 23;

impl Source<'_> {
    fn accounts(&self) -> usize {
        match self {
            Source::File { accounts, .. } => *accounts,
            Source::Market(market) => market.kinds().len(),
        }
    }

    /// Pushes all transfers: reading counts as `load`, making amounts and times up as `make up`, the rest as `stage`.
    fn feed(
        &self,
        stage: &'static str,
        makes_up: bool,
        clock: &mut Clock,
        run: usize,
        mut push: impl FnMut(&TransferColumns<'_>) -> dandelion_credit::Result<()>,
    ) -> Outcome {
        let name = match self {
            Source::Market(market) => return Ok(clock.time(stage, run, || push(&market.transfers().columns()))?),
            Source::File { name, .. } => name,
        };
        let mut file = File::open(name).map_err(|error| Failure::new(error).at(name))?;
        let mut bytes = vec![0u8; 8 * CHUNK];
        let (mut payer, mut payee) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
        let (mut amount_minor, mut at_seconds) = (Vec::new(), Vec::new());
        let mut rows = 0;
        loop {
            clock.time("load", run, || read_pairs(&mut file, &mut bytes, &mut payer, &mut payee, name))?;
            if payer.is_empty() {
                return Ok(());
            }
            let mut columns = TransferColumns::of_pairs(&payer, &payee);
            if makes_up {
                let range = rows..rows + payer.len();
                clock.time("make up", run, || {
                    range.into_par_iter().map(made_up).unzip_into_vecs(&mut amount_minor, &mut at_seconds);
                });
                columns.amount_minor = Some(&amount_minor);
                columns.at_seconds = Some(&at_seconds);
            }
            clock.time(stage, run, || push(&columns))?;
            rows += payer.len();
        }
    }
}

/// An amount between 0.50 and 655.85, small ones more often and one in four round, and a second within 41 days.
fn made_up(row: usize) -> (i64, i64) {
    let spread = |number: u64| {
        let mixed = (number ^ number >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    };
    let bits = spread(row as u64 + 1);
    let minor = 50 + (((bits >> 48) * (bits >> 32 & 0xFFFF)) >> 16) as i64;
    let minor = if bits & 3 == 0 { (minor / 1_000 + 1) * 1_000 } else { minor };
    (minor, 1_700_000_000 + (spread(bits) >> 16) as i64 % (41 * 86_400))
}

/// Fills the columns with the next pairs of a file; empty at its end.
fn read_pairs(file: &mut File, bytes: &mut [u8], payer: &mut Vec<u32>, payee: &mut Vec<u32>, name: &str) -> Outcome {
    let mut held = 0;
    while held < bytes.len() {
        match file.read(&mut bytes[held..]).map_err(|error| Failure::new(error).at(name))? {
            0 => break,
            more => held += more,
        }
    }
    if held % 8 != 0 {
        let rule = "a whole number of pairs of 4-byte accounts";
        return Err(Failure::new(format!("{} bytes at the end: {rule}", held % 8)).at(name));
    }
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    payer.clear();
    payee.clear();
    for pair in bytes[..held].chunks_exact(8) {
        payer.push(word(&pair[..4]));
        payee.push(word(&pair[4..]));
    }
    Ok(())
}

/// One more than the highest account of a file.
fn accounts_of(name: &str) -> Outcome<usize> {
    let mut file = File::open(name).map_err(|error| Failure::new(error).at(name))?;
    let mut bytes = vec![0u8; 8 * CHUNK];
    let (mut payer, mut payee) = (Vec::new(), Vec::new());
    let mut accounts = 0;
    loop {
        read_pairs(&mut file, &mut bytes, &mut payer, &mut payee, name)?;
        let Some(most) = payer.iter().chain(&payee).max() else { return Ok(accounts) };
        accounts = accounts.max(*most as usize + 1);
    }
}

/// One number more in a digest.
fn mix(sum: u64, bits: u64) -> u64 {
    (sum ^ bits).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

/// A digest of the bits of every feature of every account, in order.
fn checksum(measured: &Structure) -> u64 {
    let chunk = 1 << 14;
    let chunks: Vec<u64> = (0..measured.accounts().div_ceil(chunk))
        .into_par_iter()
        .map(|at| {
            let accounts = at * chunk..((at + 1) * chunk).min(measured.accounts());
            accounts
                .flat_map(|account| StructureFeature::ALL.map(|f| measured.value(f, account).to_bits()))
                .fold(7, mix)
        })
        .collect();
    chunks.into_iter().fold(7, mix)
}

/// A digest of the bits of every column, in order.
fn checksum_of_table(table: &FeatureTable) -> u64 {
    let columns: Vec<u64> = table
        .features()
        .par_iter()
        .map(|&feature| {
            table.column(feature).unwrap_or_default().iter().fold(7, |sum, cell| mix(sum, cell.to_bits().into()))
        })
        .collect();
    columns.into_iter().fold(7, mix)
}

/// The most memory the process ever held, in MiB, where the system tells.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

fn report(args: &Args, found: &Found, clock: &Clock) -> Outcome {
    let mut out = std::io::stdout().lock();
    let Found { accounts, transfers, graph, checksum } = found;
    let [relations, triangles] = [0, 1].map(|place| graph.map(|counts| counts[place]));
    let checksum = format!("{checksum:016x}");
    let round = |seconds: f64| (seconds * 1e4).round() / 1e4;
    if args.json {
        let stages: serde_json::Map<String, serde_json::Value> = clock
            .stages
            .iter()
            .map(|(stage, runs)| {
                let warm = runs.iter().skip(1).copied().reduce(f64::min).map(round);
                let all: Vec<f64> = runs.iter().copied().map(round).collect();
                ((*stage).to_owned(), json!({ "cold": round(runs[0]), "warm": warm, "runs": all }))
            })
            .collect();
        writeln!(
            out,
            "{}",
            json!({
                "accounts": accounts, "transfers": transfers, "relations": relations, "triangles": triangles,
                "checksum": checksum, "threads": rayon::current_num_threads(), "peak_mib": peak_mib(),
                "seconds": stages,
            })
        )?;
        return Ok(());
    }
    writeln!(out, "accounts {accounts}   transfers {transfers}")?;
    if let Some([relations, triangles]) = graph {
        writeln!(out, "relations {relations}   triangles {triangles}")?;
    }
    writeln!(out, "\nstage            cold s    best warm s")?;
    for (stage, runs) in &clock.stages {
        let warm = runs.iter().skip(1).copied().reduce(f64::min);
        writeln!(out, "{stage:<14} {:>8.3}    {}", runs[0], warm.map_or(String::new(), |warm| format!("{warm:>8.3}")))?;
    }
    let peak = peak_mib().map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    writeln!(out, "\nthreads {}   peak memory {peak}   checksum {checksum}", rayon::current_num_threads())?;
    Ok(())
}
