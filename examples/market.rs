//! Writes a synthetic market as CSV, for trying the other examples and for handing to other programs.
//!
//! ```text
//! cargo run --release --example market -- transfers.csv --accounts 20000 --labels labels.csv --truth truth.csv
//! ```

#[path = "shared/mod.rs"]
mod shared;

use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::synthetic::{Market, MarketConfig};
use dandelion_credit::{Money, Scale};
use jiff::Timestamp;
use shared::out::{Output, csv_writer, finish_csv};
use shared::{Failure, Outcome};

/// Writes the transfers of a seeded synthetic market as `payer,payee,amount,timestamp`.
#[derive(Parser)]
struct Args {
    /// Where the transfers go; `-` is standard output, `.gz` is packed.
    transfers: String,
    /// Writes `account,label,segment`: the truth about every account.
    #[arg(long)]
    labels: Option<String>,
    /// Writes `transfer_row,purpose`: the truth about every transfer, rows counted from 0.
    #[arg(long)]
    truth: Option<String>,
    /// Number of accounts.
    #[arg(long, default_value_t = MarketConfig::default().accounts)]
    accounts: u32,
    /// Days of history.
    #[arg(long, default_value_t = MarketConfig::default().days)]
    days: u32,
    /// Everything random follows from it.
    #[arg(long, default_value_t = MarketConfig::default().seed)]
    seed: u64,
    /// Threads; all cores where absent.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| write(&args))
}

fn write(args: &Args) -> Outcome {
    shared::set_threads(args.threads)?;
    let config = MarketConfig { accounts: args.accounts, days: args.days, seed: args.seed, ..MarketConfig::default() };
    let market = Market::generate(&config)?;

    let mut csv = csv_writer(Output::create(&args.transfers)?);
    csv.write_record(["payer", "payee", "amount", "timestamp"])?;
    for transfer in market.transfers().columns().iter() {
        let amount = Money::from_minor(transfer.amount_minor).display(Scale::CENTS).to_string();
        let at = Timestamp::from_second(transfer.at_seconds).map_err(Failure::new)?.to_string();
        let (payer, payee) = (id(transfer.payer.get()), id(transfer.payee.get()));
        csv.write_record([&payer, &payee, &amount, &at])?;
    }
    finish_csv(csv)?;

    if let Some(name) = &args.labels {
        let mut csv = csv_writer(Output::create(name)?);
        csv.write_record(["account", "label", "segment"])?;
        for (row, kind) in market.kinds().iter().enumerate() {
            let shop = market.shops().binary_search_by_key(&(row as u32), |shop| shop.account.get());
            let segment = shop.map_or("", |place| market.shops()[place].segment.name());
            csv.write_record([&id(row as u32), kind.name(), segment])?;
        }
        finish_csv(csv)?;
    }
    if let Some(name) = &args.truth {
        let mut csv = csv_writer(Output::create(name)?);
        csv.write_record(["transfer_row", "purpose"])?;
        for (row, purpose) in market.purposes().iter().enumerate() {
            let purpose = serde_json::to_value(purpose)?;
            csv.write_record([&row.to_string(), purpose.as_str().unwrap_or_default()])?;
        }
        finish_csv(csv)?;
    }
    Ok(())
}

fn id(account: u32) -> String {
    format!("A{account:08}")
}
