//! Judges the loan engine by published figures: every `*.json` of a folder in the form of the loan vectors.
//!
//! Each vector is dispatched by its `kind` or by the shape of its file, never by its id or a product's name, and passes when
//! every expected figure is met: money and dates exactly, rates and factors within the tolerance that the vector states or
//! half a unit of the last printed digit.

#[path = "../shared/mod.rs"]
mod shared;

mod annuities;
mod calendars;
mod check;
mod plan_events;
mod plans;
mod prepayments;
mod rates;
mod scenarios;
mod schedules;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use check::{Check, Judged, Stop};
use clap::Parser;
use serde_json::{Value, json};
use shared::{Failure, Outcome};

/// Judges the loan engine by the figures of every *.json in a folder.
///
/// Prints `name: passed/total, unsupported N` a file and what failed with the expected and the found value. A vector of a
/// kind the engine does not know counts as unsupported, which is not passed. Money and dates are met exactly, rates and factors
/// within the tolerance that a vector states or half a unit of the last printed digit, though no finer than a billionth.
#[derive(Parser)]
#[command(name = "conformance", version)]
struct Arguments {
    /// The folder.
    dir: PathBuf,
    /// One JSON document for machines instead of lines for people.
    #[arg(long)]
    json: bool,
    /// Differences shown for each failed vector.
    #[arg(long, default_value_t = 3)]
    show: usize,
}

struct FileReport {
    name: String,
    passed: usize,
    total: usize,
    unsupported: Vec<(String, String)>,
    failed: Vec<(String, Vec<check::Difference>)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| {
        let reports = judge_folder(&arguments.dir)?;
        if arguments.json {
            writeln!(std::io::stdout(), "{:#}", as_json(&reports))?;
        } else {
            print_reports(&reports, arguments.show)?;
        }
        Ok(())
    })
}

fn judge_folder(dir: &Path) -> Outcome<Vec<FileReport>> {
    let place = dir.display().to_string();
    let entries = std::fs::read_dir(dir).map_err(|error| Failure::from(error).at(&place))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("{place}: no *.json in it")));
    }
    files.iter().map(|path| judge_file(path).map_err(|failure| failure.at(path.display()))).collect()
}

fn judge_file(path: &Path) -> Outcome<FileReport> {
    let file: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let vectors = file["vectors"].as_array().ok_or_else(|| Failure::new("no list named vectors"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut report = FileReport { name, passed: 0, total: vectors.len(), unsupported: vec![], failed: vec![] };
    for vector in vectors {
        let id = vector["id"].as_str().unwrap_or("without id").to_owned();
        let mut check = Check::default();
        match judge(&file, vector, &mut check) {
            Err(Stop::Unsupported(what)) => report.unsupported.push((id, what)),
            Err(Stop::Failed(why)) => {
                check.differs("library", "an answer", why);
                report.failed.push((id, check.differences));
            }
            Ok(()) if check.differences.is_empty() && check.met > 0 => report.passed += 1,
            Ok(()) if check.differences.is_empty() => report.unsupported.push((id, "no figure to compare".to_owned())),
            Ok(()) => report.failed.push((id, check.differences)),
        }
    }
    Ok(report)
}

/// One function a kind; files whose vectors name no kind are told apart by what they hold.
fn judge(file: &Value, vector: &Value, check: &mut Check) -> Judged {
    let kind = vector["kind"].as_str().unwrap_or_default();
    match kind {
        "year_fraction" | "day_count" => calendars::day_count(vector, check),
        "date_schedule" => calendars::date_schedule(vector, check),
        "holiday_list" => calendars::holiday_list(vector, check),
        "business_days_between" => calendars::business_days_between(vector, check),
        "time_factor" => rates::time_factor(vector, check),
        "xirr" => rates::xirr(vector, check),
        "irr" => rates::irr(vector, check),
        "apr_cashflows" => rates::apr_cashflows(vector, check),
        "apr_dates" => rates::apr_dates(vector, check),
        "apr_us_actuarial" => rates::apr_us_actuarial(vector, check),
        "interest_cap" => rates::interest_cap(vector, check),
        "annualised_rate_disclosure" => rates::annualised_rate_disclosure(vector, check),
        "penalty_rate" => rates::penalty_rate(vector, check),
        "rate_cap" => rates::rate_cap(vector, check),
        "pmt" | "ppmt" | "ipmt" | "rate" | "nper" | "pv" | "fv" | "npv" | "npv_end" => {
            annuities::formula(kind, vector, check)
        }
        "prepayment_schedule" => prepayments::schedule(vector, check),
        "prepayment_totals" => prepayments::totals(vector, check),
        "annuity_schedule" => prepayments::annuity_schedule(vector, check),
        "basic_schedule" => plans::basic_schedule(vector, check),
        "amortisation_with_events" => plan_events::amortisation_with_events(vector, check),
        "apr_grid" => plans::apr_grid(vector, check),
        "equal_instalment" => schedules::equal_instalment(vector, check),
        "kfs_apr" | "kfs_apr_and_schedule" => schedules::key_facts(vector, check),
        "simple_interest_days" => schedules::simple_interest_days(vector, check),
        "split_residual" => schedules::split_residual(vector, check),
        "revolving_daily_interest" => schedules::revolving_daily_interest(vector, check),
        "" if vector["inputs"].get("disbursements").is_some() => schedules::platform_schedule(vector, check),
        "early_settlement_rebate" => annuities::early_settlement_rebate(vector, check),
        _ if vector["events"].is_array() && !vector["product"].is_null() => scenarios::scenario(file, vector, check),
        _ => Err(Stop::Unsupported(format!("kind {kind:?}"))),
    }
}

fn print_reports(reports: &[FileReport], show: usize) -> Outcome {
    let mut out = std::io::stdout().lock();
    for report in reports {
        writeln!(out, "{}: {}/{}, unsupported {}", report.name, report.passed, report.total, report.unsupported.len())?;
        for (id, differences) in &report.failed {
            let shown: Vec<String> = differences.iter().take(show).map(ToString::to_string).collect();
            let more = differences.len().saturating_sub(show);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(out, "  failed {id}: {}{more}", shown.join("; "))?;
        }
        for (id, what) in &report.unsupported {
            writeln!(out, "  unsupported {id}: {what}")?;
        }
    }
    let (passed, total) = reports.iter().fold((0, 0), |(p, t), report| (p + report.passed, t + report.total));
    writeln!(out, "all: {passed}/{total}")?;
    Ok(())
}

fn as_json(reports: &[FileReport]) -> Value {
    let files: Vec<Value> = reports
        .iter()
        .map(|report| {
            let failed: Vec<Value> = report
                .failed
                .iter()
                .map(|(id, differences)| {
                    let differences: Vec<Value> = differences
                        .iter()
                        .map(|d| json!({"what": d.what, "expected": d.expected, "found": d.found}))
                        .collect();
                    json!({"id": id, "differences": differences})
                })
                .collect();
            let unsupported: Vec<Value> =
                report.unsupported.iter().map(|(id, what)| json!({"id": id, "what": what})).collect();
            json!({
                "name": report.name, "passed": report.passed, "total": report.total,
                "unsupported_count": unsupported.len(), "failed": failed, "unsupported": unsupported,
            })
        })
        .collect();
    json!({ "files": files })
}
