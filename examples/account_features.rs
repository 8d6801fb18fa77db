//! Features of every account of a CSV file of transfers, as CSV.
//!
//! `cargo run --release --example account_features -- TRANSFERS.csv FEATURES.csv`

#[path = "shared/mod.rs"]
mod shared;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::calendar::{Date, epoch_day};
use dandelion_credit::features::{Feature, FeatureConfig, catalogue_markdown, extract_exact};
use dandelion_credit::{Progress, Scale, Update, UtcOffset};

use shared::out::Output;
use shared::progress::Bar;
use shared::transfers::{Needs, TransferFile};
use shared::{Failure, Outcome};

/// Features of every account: structure, flow, timing, amounts, neighbourhood.
///
/// Rows are sorted by account id as bytes, columns stand in catalogue order (`--catalogue` prints it), an empty cell means
/// undefined. Transfers from an account to itself count nowhere; how many there were is said on stderr.
#[derive(Parser)]
struct Args {
    /// CSV with the header `payer,payee[,amount[,timestamp]]`; `-` is standard input, `.gz` is unpacked. Ids are any
    /// strings; amounts are in major units; timestamps are RFC 3339 or whole seconds since 1970.
    #[arg(required_unless_present = "catalogue")]
    transfers: Option<String>,
    /// CSV to write; `-` is standard output.
    #[arg(required_unless_present = "catalogue")]
    features: Option<String>,
    /// Where days, hours and weekdays are cut, such as +08:00.
    #[arg(long, default_value = "UTC", allow_hyphen_values = true)]
    utc_offset: UtcOffset,
    /// The last day that counts (in the offset); by default that of the last transfer.
    #[arg(long)]
    as_of: Option<Date>,
    /// Only these columns, comma separated, in this order.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Decimals kept of amounts, 0 to 4 [default: 4, or 2 where amounts of a file are too large for 4]. All absolute
    /// amounts of a file add up to at most 2^63 - 1 minor units, whatever the decimals.
    #[arg(long)]
    decimals: Option<u8>,
    /// Threads; all cores by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Print what each column means, as a Markdown table, and stop.
    #[arg(long)]
    catalogue: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| write_features(&args))
}

/// The transfers, and in which minor units.
fn read(args: &Args, input: &str) -> Outcome<(TransferFile, Scale)> {
    let in_scale = |decimals| {
        let scale = Scale::new(decimals)?;
        Ok((TransferFile::read(input, Needs::default(), scale)?, scale))
    };
    match args.decimals {
        Some(decimals) => in_scale(decimals),
        // What passes by on standard input is read once.
        None if input == "-" => in_scale(4),
        None => in_scale(4).or_else(|_| in_scale(2)),
    }
}

fn write_features(args: &Args) -> Outcome {
    let (Some(input), Some(output)) = (&args.transfers, &args.features) else {
        let mut out = Output::create("-")?;
        out.write_all(catalogue_markdown().as_bytes())?;
        return out.finish();
    };
    shared::set_threads(args.threads)?;
    let (file, scale) = read(args, input)?;
    let mut config = FeatureConfig {
        utc_offset: args.utc_offset,
        scale,
        as_of_seconds: args
            .as_of
            .map(|date| (i64::from(epoch_day(date)) + 1) * 86_400 - i64::from(args.utc_offset.seconds()) - 1),
        ..FeatureConfig::default()
    };
    if !args.only.is_empty() {
        config.features = args.only.iter().map(|name| Feature::from_name(name)).collect::<Result<_, _>>()?;
    }
    let bar = Bar::new();
    let report = |update: Update| bar.update(update);
    let table = extract_exact(&file.columns(), file.directory.len(), &config, Progress::new(&report))
        .map_err(|error| Failure::from(error).at(input))?;
    drop(bar);
    if table.self_transfers() > 0 {
        eprintln!("note: {} transfers from an account to itself count nowhere", table.self_transfers());
    }

    let mut csv = shared::out::csv_writer(Output::create(output)?);
    let header = ["account"].into_iter().chain(table.features().iter().map(|feature| feature.name()));
    csv.write_record(header)?;
    let cells = table.view();
    let mut text = Vec::new();
    for account in file.directory.rows_by_id() {
        csv.write_field(file.directory.id(account).unwrap_or_default())?;
        for cell in cells.row(account.as_usize()) {
            text.clear();
            if !cell.is_nan() {
                write!(text, "{cell}")?;
            }
            csv.write_field(&text)?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    shared::out::finish_csv(csv)
}
