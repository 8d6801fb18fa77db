//! How each shop is doing: level, trend, stability, seasons, customers and survival, a named column each.

#[path = "shared/mod.rs"]
mod shared;

use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::calendar::{Date, epoch_day};
use dandelion_credit::receipts::{
    CONDITION_CATALOGUE, ConditionConfig, ConditionTable, DailyPanelBuilder, RowsByAccount, condition_of_panel,
    condition_of_transfers,
};
use dandelion_credit::{AccountDirectory, AccountIndex, Progress, Scale, UtcOffset};

use shared::csv_in::CsvFile;
use shared::daily::DailyFile;
use shared::out::{Output, csv_writer, finish_csv};
use shared::progress::Bar;
use shared::transfers::{Needs, TransferFile};
use shared::{Failure, Outcome};

/// Measures the condition of every merchant: one row each, sorted by id, an empty cell where a measure is undefined.
///
/// TRANSFERS.csv has the header payer,payee,amount,timestamp and every account paid up to the day of judgement is judged; with --daily
/// it has merchant,date,amount, and measures of payers and tickets stay empty. Amounts are in major units. `outlook` is
/// growing, steady, seasonal, declining, stopped, or thin where there is too little history; `told` says why.
#[derive(Debug, Parser)]
struct Arguments {
    /// Transfers or daily receipts; `-` is standard input, `.gz` is unpacked.
    #[arg(required_unless_present = "catalogue")]
    input: Option<String>,
    /// Where the rows go; `-` is standard output.
    #[arg(required_unless_present = "catalogue")]
    out: Option<String>,
    /// The input is daily sums.
    #[arg(long)]
    daily: bool,
    /// The day of judgement; the latest day of the input by default.
    #[arg(long)]
    as_of: Option<Date>,
    /// Where days of transfers are cut, such as +08:00.
    #[arg(long, default_value = "UTC", allow_hyphen_values = true)]
    utc_offset: UtcOffset,
    /// A CSV file with a column `date`: days on which closing means nothing.
    #[arg(long)]
    holidays: Option<String>,
    /// Decimals of the currency's minor unit.
    #[arg(long, default_value_t = 2)]
    decimals: u8,
    /// Threads; all cores by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints the catalogue of measures as CSV and stops.
    #[arg(long)]
    catalogue: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| example(&arguments))
}

fn example(arguments: &Arguments) -> Outcome {
    if arguments.catalogue {
        return print_catalogue();
    }
    let (input, out) = (arguments.input.as_deref().unwrap_or("-"), arguments.out.as_deref().unwrap_or("-"));
    shared::set_threads(arguments.threads)?;
    let scale = Scale::new(arguments.decimals)?;
    let config = ConditionConfig {
        utc_offset: arguments.utc_offset,
        holidays: arguments.holidays.as_deref().map_or(Ok(Vec::new()), read_holidays)?,
        ..ConditionConfig::default()
    };
    let bar = Bar::new();
    let callback = |update| bar.update(update);
    let progress = Progress::new(&callback);
    let (directory, merchants, table) = if arguments.daily {
        let file = DailyFile::read(input, scale)?;
        let last_day = arguments.as_of.map(epoch_day).or(file.last_day).unwrap_or(0);
        let mut builder = DailyPanelBuilder::new(last_day, 1_200);
        let mut begun = vec![false; file.directory.len()];
        for &(merchant, day, amount) in &file.rows {
            begun[merchant as usize] |= day <= last_day;
            builder.push(merchant, day, amount);
        }
        let panel = builder.build()?;
        let table = condition_of_panel(&panel, &config, progress)?;
        let merchants: Vec<Option<usize>> =
            begun.iter().enumerate().map(|(row, &begun)| begun.then_some(row)).collect();
        (file.directory, merchants, table)
    } else {
        let file = TransferFile::read(input, Needs { amount: true, timestamp: true }, scale)?;
        let columns = file.columns();
        let accounts = file.directory.len();
        let received = RowsByAccount::received(&columns, accounts)?;
        let sent = RowsByAccount::sent(&columns, accounts)?;
        let at_seconds = columns.at_seconds.unwrap_or_default();
        let day_of = |&at: &i64| config.utc_offset.epoch_day(at);
        let last_day = arguments.as_of.map(epoch_day).or(at_seconds.iter().map(day_of).max()).unwrap_or(0);
        // An account first paid after the day of judgement is not there yet.
        let begun = |account: &AccountIndex| {
            received.rows(*account).iter().any(|&row| day_of(&at_seconds[row as usize]) <= last_day)
        };
        let paid: Vec<AccountIndex> = (0..accounts as u32).map(AccountIndex::new).filter(begun).collect();
        let table = condition_of_transfers(&columns, &received, Some(&sent), &paid, last_day, &config, progress)?;
        let mut merchants = vec![None; accounts];
        paid.iter().enumerate().for_each(|(row, account)| merchants[account.as_usize()] = Some(row));
        (file.directory, merchants, table)
    };
    drop(bar);
    write(out, &directory, &merchants, &table, scale)
}

fn write(
    out: &str,
    directory: &AccountDirectory,
    merchants: &[Option<usize>],
    table: &ConditionTable,
    scale: Scale,
) -> Outcome {
    let mut csv = csv_writer(Output::create(out)?);
    let names = CONDITION_CATALOGUE.iter().map(|entry| entry.name);
    csv.write_record(["merchant", "outlook", "told"].into_iter().chain(names))?;
    for account in directory.rows_by_id() {
        let Some(row) = merchants[account.as_usize()] else { continue };
        let condition = table.condition(row);
        csv.write_field(directory.id(account).unwrap_or_default())?;
        csv.write_field(condition.outlook().word())?;
        csv.write_field(condition.sentence())?;
        for (entry, value) in CONDITION_CATALOGUE.iter().zip(condition.values()) {
            let per_major = if entry.unit == "minor units" { scale.minor_per_major() as f64 } else { 1.0 };
            csv.write_field(value.map_or_else(String::new, |value| (value / per_major).to_string()))
                .map_err(Failure::new)?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    finish_csv(csv)
}

fn read_holidays(name: &str) -> Outcome<Vec<i32>> {
    let mut csv = CsvFile::open(name)?;
    let date = csv.required("date")?;
    let mut days = Vec::new();
    while let Some(row) = csv.next_row()? {
        days.push(row.parse(date, "a date such as 2018-02-16", |text| text.parse::<Date>().ok().map(epoch_day))?);
    }
    Ok(days)
}

fn print_catalogue() -> Outcome {
    let mut csv = csv_writer(Output::create("-")?);
    let header = ["name", "block", "meaning", "unit", "range", "undefined_when"];
    csv.write_record(header)?;
    for entry in CONDITION_CATALOGUE {
        let row = [entry.name, entry.block, entry.meaning, entry.unit, entry.range, entry.undefined_when];
        csv.write_record(row)?;
    }
    finish_csv(csv)
}
