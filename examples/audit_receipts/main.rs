//! Audits receipts: for every account what was received, what of it counts, how suspicious it looks, and which signals
//! were raised; with `--evidence` the transfers that prove them, with `--svg` a picture of one ring that was found.

mod picture;
#[path = "../shared/mod.rs"]
mod shared;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::fraud::{AuditConfig, Auditor, MarketAudit, Marks, RemovedBy, Signal};
use dandelion_credit::graph::temporal::TemporalIndex;
use dandelion_credit::graph::{GraphConfig, TransferGraph};
use dandelion_credit::{AccountIndex, Money, Progress, Scale};
use shared::csv_in::CsvFile;
use shared::out::{Output, csv_writer, finish_csv};
use shared::progress::Bar;
use shared::transfers::{Needs, TransferFile};
use shared::{Failure, Outcome};

/// Finds receipts that should not count: money that goes round, puppets, loans that come back as sales.
///
/// Writes one row an account, in order of account id: account,received,verified,suspicion,signals. Amounts are in major
/// units. Suspicion (0 to 1) is comparable between accounts; signals are joined by ';', the most telling first.
#[derive(Parser)]
#[command(version, after_help = after_help())]
struct Arguments {
    /// CSV with header payer,payee,amount,timestamp; '-' for standard input, .gz is unpacked.
    transfers: String,
    /// CSV to write; '-' for standard output.
    out: String,
    /// CSV to write with account,signal,score,transfer_rows: data rows of TRANSFERS counted from 0, joined by ';', the
    /// most telling first.
    #[arg(long)]
    evidence: Option<String>,
    /// SVG to write with a picture of the most suspicious ring.
    #[arg(long)]
    svg: Option<String>,
    /// Signals below this score are left out of OUT and of the evidence.
    #[arg(long, default_value_t = 0.05)]
    min_score: f64,
    /// File with one account id a line that disburse loans.
    #[arg(long)]
    lenders: Option<String>,
    /// CSV with header thing,account: devices or places that accounts were seen with.
    #[arg(long)]
    shared: Option<String>,
    /// JSON with fields of the configuration that differ from the defaults.
    #[arg(long)]
    config: Option<String>,
    /// Decimals of the currency.
    #[arg(long, default_value_t = 2)]
    decimals: u8,
    /// Threads; all cores by default.
    #[arg(long)]
    threads: Option<usize>,
}

fn after_help() -> String {
    let mut help = String::from("Signals:\n");
    for signal in Signal::ALL {
        let _ = writeln!(help, "  {:<22} {}", signal.name(), signal.formula());
    }
    help
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| audit(&arguments))
}

fn audit(arguments: &Arguments) -> Outcome {
    shared::set_threads(arguments.threads)?;
    let scale = Scale::new(arguments.decimals)?;
    let file = TransferFile::read(&arguments.transfers, Needs { amount: true, timestamp: true }, scale)?;
    let config = read_config(arguments, scale)?;
    let marks = read_marks(arguments, &file)?;
    let bar = Bar::new();
    let report = |update| bar.update(update);
    let progress = Progress::new(&report);

    let accounts = file.directory.len();
    let graph = TransferGraph::build(&file.columns(), accounts, &GraphConfig::default(), progress)?;
    let index = TemporalIndex::build(&file.columns(), accounts, progress)?;
    let auditor = Auditor::prepare(&index, Some(&graph), &marks, &config, progress)?;
    let market = auditor.audit(progress)?;
    drop(bar);

    let id = |account: u32| {
        let id = file.directory.id(AccountIndex::new(account));
        id.map_or_else(|| format!("#{account}"), str::to_owned)
    };
    let mut order: Vec<u32> = (0..accounts as u32).collect();
    order.sort_by_cached_key(|&account| id(account));
    write_accounts(arguments, &market, &order, &id, scale)?;
    if let Some(name) = &arguments.evidence {
        let mut csv = csv_writer(Output::create(name)?);
        csv.write_record(["account", "signal", "score", "transfer_rows"])?;
        for &account in &order {
            let least = arguments.min_score as f32;
            if market.signals(account.into()).all(|(_, score)| score < least) {
                continue;
            }
            for finding in auditor.assess(account.into(), &market)?.signals() {
                let score = finding.score.get();
                if score >= arguments.min_score && !finding.evidence.is_empty() {
                    let rows: Vec<String> = finding.evidence.iter().map(u32::to_string).collect();
                    let record = [id(account), finding.signal.to_string(), format!("{score:.4}"), rows.join(";")];
                    csv.write_record(record)?;
                }
            }
        }
        finish_csv(csv)?;
    }
    if let Some(name) = &arguments.svg {
        let picture = match picture::most_suspicious_ring(&auditor, &market)? {
            Some((assessment, signal)) => picture::draw(&assessment, signal, &file.columns(), &id, scale),
            None => picture::no_ring(),
        };
        let mut out = Output::create(name)?;
        out.write_all(picture.as_bytes())?;
        out.finish()?;
    }
    summary(&market, scale);
    Ok(())
}

fn read_config(arguments: &Arguments, scale: Scale) -> Outcome<AuditConfig> {
    let Some(name) = &arguments.config else { return Ok(AuditConfig { scale, ..AuditConfig::default() }) };
    let text = std::fs::read_to_string(name).map_err(|e| Failure::new(e).at(name))?;
    let config: AuditConfig = serde_json::from_str(&text).map_err(|e| Failure::from(e).at(name))?;
    config.check().map_err(|e| Failure::from(e).at(name))?;
    Ok(config)
}

fn read_marks(arguments: &Arguments, file: &TransferFile) -> Outcome<Marks> {
    let account = |id: &str| file.directory.index_of(id).map(AccountIndex::get);
    let mut lenders = Vec::new();
    if let Some(name) = &arguments.lenders {
        let text = std::fs::read_to_string(name).map_err(|e| Failure::new(e).at(name))?;
        for (line, id) in text.lines().enumerate().filter(|(_, id)| !id.trim().is_empty()) {
            let known = account(id.trim());
            let unknown =
                || Failure::new(format!("{name}: line {}: lender is '{id}': an account of the transfers", line + 1));
            lenders.push(known.ok_or_else(unknown)?);
        }
    }
    let mut shared = Vec::new();
    if let Some(name) = &arguments.shared {
        let mut csv = CsvFile::open(name)?;
        let (thing, owner) = (csv.required("thing")?, csv.required("account")?);
        let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(row) = csv.next_row()? {
            let next = numbers.len() as u64;
            let number = *numbers.entry(row.text(thing)?.to_owned()).or_insert(next);
            // Devices of accounts that never moved money say nothing here.
            if let Some(account) = account(row.text(owner)?) {
                shared.push((number, account));
            }
        }
    }
    Ok(Marks::new(lenders, shared))
}

fn write_accounts(
    arguments: &Arguments,
    market: &MarketAudit,
    order: &[u32],
    id: &dyn Fn(u32) -> String,
    scale: Scale,
) -> Outcome {
    let mut csv = csv_writer(Output::create(&arguments.out)?);
    csv.write_record(["account", "received", "verified", "suspicion", "signals"])?;
    for &account in order {
        let place = account as usize;
        let mut signals: Vec<(Signal, f32)> = market
            .signals(account.into())
            .filter(|(signal, score)| *signal != Signal::Association && f64::from(*score) >= arguments.min_score)
            .collect();
        let telling = |pair: &(Signal, f32)| market.baseline.rarity(pair.0, pair.1) * f64::from(pair.1);
        signals.sort_by(|a, b| telling(b).total_cmp(&telling(a)));
        let signals: Vec<&str> = signals.iter().map(|pair| pair.0.name()).collect();
        let money = |minor: i64| Money::from_minor(minor).display(scale).to_string();
        let record = [
            id(account),
            money(market.received_minor[place]),
            money(market.verified_minor[place]),
            format!("{:.6}", market.suspicion[place]),
            signals.join(";"),
        ];
        csv.write_record(record)?;
    }
    finish_csv(csv)
}

fn summary(market: &MarketAudit, scale: Scale) {
    let money = |minor: i128| Money::from_minor(minor.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64);
    let sum = |column: &[i64]| money(column.iter().map(|&minor| i128::from(minor)).sum());
    eprintln!(
        "{} accounts, received {}, verified {}",
        market.suspicion.len(),
        sum(&market.received_minor).display(scale),
        sum(&market.verified_minor).display(scale)
    );
    for signal in Signal::ALL {
        let taken = market.removed_minor[signal.index()];
        if taken > 0 {
            eprintln!("  {:<22} {}", RemovedBy::Signal(signal).name(), Money::from_minor(taken).display(scale));
        }
    }
    let by_cap = Money::from_minor(market.removed_by_payer_cap_minor);
    eprintln!("  {:<22} {}", RemovedBy::PayerCap.name(), by_cap.display(scale));
    if !market.capped.is_empty() {
        eprintln!(
            "  searches around {} accounts reached their cap: patterns there may be missing",
            market.capped.len()
        );
    }
}
