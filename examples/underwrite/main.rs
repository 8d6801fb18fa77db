//! From raw transfers to a repaid loan: judges every account, decides for every merchant, and tells one in full.
//!
//! ```text
//! cargo run --release --example underwrite
//! cargo run --release --example underwrite -- --transfers transfers.csv --labels labels.csv --out out
//! ```

mod applicant;
mod files;
mod loan;
mod report;
#[path = "../shared/mod.rs"]
mod shared;
mod stages;
mod story;
mod world;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dandelion_credit::calendar::Date;
use dandelion_credit::underwriting::{Policy, policy_schema};
use dandelion_credit::{Progress, UtcOffset};
use shared::progress::Bar;
use shared::{Failure, Outcome};
use world::World;

/// Judges every account of a fund-transfer graph, takes out washed receipts, and decides how much each merchant may borrow.
///
/// Without arguments it makes a synthetic town of 100,000 accounts. Amounts are rounded half to even to two decimals.
#[derive(Debug, Parser)]
pub struct Args {
    /// Transfers with the header `payer,payee,amount,timestamp`; `-` is standard input, `.gz` is unpacked.
    #[arg(long)]
    transfers: Option<String>,
    /// Truth with the header `account,label`: merchant, shop, 1 and true are merchants; empty is unknown.
    #[arg(long, requires = "transfers")]
    labels: Option<String>,
    /// The lender's policy as JSON; see --policy-schema.
    #[arg(long)]
    policy: Option<String>,
    /// The day of the decision: nothing after it is used. The last day with transfers where absent.
    #[arg(long)]
    as_of: Option<Date>,
    /// Writes features.csv, verdicts.csv and decisions.jsonl into this folder. A line of decisions.jsonl has account, verdict,
    /// merchant_probability, outcome, limit (major units), annual_rate, default_probability (within a year, declined
    /// accounts too) and reasons, and beside them the whole record: applicant and decision.
    #[arg(long)]
    out: Option<String>,
    /// Where days are cut, such as +08:00; UTC for files, the town's own offset otherwise.
    #[arg(long)]
    utc_offset: Option<UtcOffset>,
    /// Whom to decide on: accounts judged merchants, or everyone who received anything. Where absent, everyone in files with
    /// up to 50,000 such accounts, merchants otherwise; accounts that the labels name are always decided on.
    #[arg(long, value_enum)]
    decide: Option<Decide>,
    /// Accounts of the synthetic town.
    #[arg(long, conflicts_with = "transfers")]
    accounts: Option<u32>,
    /// Seed of the synthetic town.
    #[arg(long, conflicts_with = "transfers")]
    seed: Option<u64>,
    /// Threads; all cores where absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints the JSON schema of a policy and ends.
    #[arg(long)]
    policy_schema: bool,
}

/// Whom to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Decide {
    /// Accounts judged merchants.
    Merchants,
    /// Everyone who received anything.
    Everyone,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| underwrite(&args))
}

fn underwrite(args: &Args) -> Outcome {
    if args.policy_schema {
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&policy_schema())?)?;
        return Ok(());
    }
    shared::set_threads(args.threads)?;
    let policy = match &args.policy {
        Some(name) => {
            let text = std::io::read_to_string(shared::csv_in::open(name)?).map_err(|e| Failure::new(e).at(name))?;
            Policy::from_json(&text).map_err(|e| Failure::new(e).at(name))?
        }
        None => Policy::default(),
    };
    let began = Instant::now();
    let world = World::open(args)?;
    let load_seconds = began.elapsed().as_secs_f64();

    let bar = Bar::new();
    let done = stages::underwrite(&world, &policy, Progress::new(&|update| bar.update(update)))?;
    drop(bar);
    if let Some(folder) = &args.out {
        files::write(folder, &world, &policy, &done)?;
    }
    report::print(&world, &policy, &done, load_seconds)
}
