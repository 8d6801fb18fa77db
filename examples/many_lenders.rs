//! A thousand lenders: every policy against one merchant, the offer it would choose, a line carried by several, and a
//! night's applicants allocated under the lenders' budgets.
//!
//! `cargo run --release --example many_lenders -- --lenders 1000 --applicants 20000`

#[path = "shared/mod.rs"]
mod shared;

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dandelion_credit::underwriting::*;
use dandelion_credit::{Date, Probability, Progress};
use shared::out::Output;
use shared::progress::Bar;
use shared::{Failure, Outcome as Done};

/// Shows a thousand lenders at work on one merchant and on a night of them.
#[derive(Parser)]
struct Arguments {
    /// A JSON array of policies; none makes up --lenders of them
    #[arg(long)]
    policies: Option<String>,
    /// Lenders to make up
    #[arg(long, default_value_t = 1_000)]
    lenders: u32,
    /// Applicants of the night
    #[arg(long, default_value_t = 20_000)]
    applicants: u32,
    /// Share of the night's wishes that the lenders' budgets cover together
    #[arg(long, default_value_t = 0.5)]
    budget: f64,
    /// Seed of what is made up
    #[arg(long, default_value_t = 310)]
    seed: u64,
    /// The day of the decisions
    #[arg(long, default_value = "2026-11-23")]
    as_of: Date,
    /// Threads; all cores when absent
    #[arg(long)]
    threads: Option<usize>,
}

fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn policies(arguments: &Arguments) -> Done<Vec<Policy>> {
    if let Some(name) = &arguments.policies {
        let mut text = String::new();
        shared::csv_in::open(name)?.read_to_string(&mut text).map_err(|error| Failure::new(error).at(name))?;
        let values: Vec<serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| Failure::from(error).at(name))?;
        let each = values.into_iter().enumerate();
        return each
            .map(|(index, value)| {
                Policy::try_from(value).map_err(|error| Failure::from(error).at(format!("{name}[{index}]")))
            })
            .collect();
    }
    // Small firms, city banks, trusts: other appetites, other costs, other caps, one language.
    let each = 0..arguments.lenders;
    each.map(|lender| {
        let dice = |turn: u64, end: u64| mix(arguments.seed ^ mix(u64::from(lender) * 16 + turn)) % end;
        let mut rules = PolicyRules {
            id: format!("policy {lender}"),
            lender: format!("lender {lender}"),
            legal: [LegalPreset::ChinaBank, LegalPreset::ChinaMicroLender][dice(0, 2) as usize],
            ..PolicyRules::default()
        };
        rules.limit.volume_share = 0.05 + dice(1, 12) as f64 / 100.0;
        rules.limit.max_line_minor = 500_000 + dice(2, 30_000_000) as i64;
        rules.price.cost_of_funds = 0.025 + dice(3, 30) as f64 / 1_000.0;
        rules.price.margin = 0.02 + dice(4, 50) as f64 / 1_000.0;
        rules.eligibility.max_default_probability = 0.04 + dice(5, 12) as f64 / 100.0;
        Ok(Policy::new(rules)?)
    })
    .collect()
}

fn applicant(seed: u64) -> Done<Applicant> {
    let dice = |turn: u64, end: u64| mix(seed ^ mix(turn)) % end;
    // Receipts over three orders of magnitude.
    let year = 300_000 * (1 << dice(1, 8)) + dice(2, 300_000) as i64;
    let mut applicant = Applicant::new(format!("merchant {seed}"));
    let merchant_probability = Probability::new(0.7 + dice(3, 300) as f64 / 1_000.0)?;
    applicant.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability });
    applicant.history_days = 40 + dice(4, 900) as u32;
    applicant.receipts.verified_365_minor = year;
    applicant.receipts.verified_90_minor = year / 4;
    applicant.receipts.verified_30_minor = year / 12;
    applicant.receipts.active_days_90 = 20 + dice(5, 71) as u32;
    applicant.receipts.payers_90 = 10 + dice(6, 400) as u32;
    applicant.suspicion = Some(Probability::new((dice(7, 1_000) as f64 / 1_000.0).powi(4))?);
    applicant.requested_minor = Some(year / 20 + 50_000);
    Ok(applicant)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| work(&arguments))
}

fn work(arguments: &Arguments) -> Done {
    shared::set_threads(arguments.threads)?;
    if !(0.0..=100.0).contains(&arguments.budget) {
        return Err(Failure::new(format!("--budget is {}: from 0 to 100", arguments.budget)));
    }
    let panel = LenderPanel::new(policies(arguments)?)?;
    let mut out = Output::create("-")?;
    one_merchant(&panel, arguments, &mut out)?;
    one_night(&panel, arguments, &mut out)?;
    out.finish()
}

fn one_merchant(panel: &LenderPanel, arguments: &Arguments, out: &mut Output) -> Done {
    let merchant = applicant(arguments.seed)?;
    let mut quotes = Vec::new();
    let mut times: Vec<u128> = Vec::new();
    for _ in 0..201 {
        let start = Instant::now();
        panel.quotes_into(&merchant, arguments.as_of, &mut quotes);
        times.push(start.elapsed().as_nanos());
    }
    times.sort_unstable();
    let lenders = panel.policies().len();
    let offers = quotes.iter().filter(|quote| quote.line_minor() > 0).count();
    writeln!(
        out,
        "{lenders} lenders looked at one merchant in {:.3} ms (median of 201); {offers} would lend",
        times[100] as f64 / 1e6
    )?;
    let wanted = merchant.requested_minor.unwrap_or(0);
    let name = |lender: u32| panel.policies()[lender as usize].rules().lender.clone();
    for (label, preference) in [
        ("cheapest that covers the wish", Preference::CoverThenRate),
        ("largest", Preference::LargestLine),
        ("cheapest", Preference::LowestRate),
    ] {
        if let Some(best) = best_quote(&quotes, wanted, preference) {
            let (line, rate) = (best.line_minor() as f64 / 100.0, best.row.disclosed_rate_ppm as f64 / 1e4);
            writeln!(out, "  {label}: {} lends {line:.2} at {rate:.2} % a year", name(best.lender))?;
        }
    }
    // More than any one of them: several together, each with at least 30 %.
    let asked_minor = quotes.iter().map(LenderQuote::line_minor).max().unwrap_or(0) * 3 / 2;
    if asked_minor > 0 {
        let asked = asked_minor as f64 / 100.0;
        match joint_line(&quotes, asked_minor, 0.3)? {
            Some(line) => {
                let part = |part: &JointPart| format!("{} {:.2}", name(part.lender), part.part_minor as f64 / 100.0);
                let parts = line.parts.iter().map(part).collect::<Vec<_>>().join(", ");
                writeln!(out, "  {asked:.2} together: {parts} at {:.2} %", line.rate_ppm as f64 / 1e4)?;
            }
            None => writeln!(out, "  {asked:.2} together: no partners")?,
        }
    }
    Ok(())
}

/// A merchant is in reach of one lender in thirty; of those, its eight most profitable. Budgets cover a part of what is wanted.
fn one_night(panel: &LenderPanel, arguments: &Arguments, out: &mut Output) -> Done {
    let lenders = panel.policies().len();
    let start = Instant::now();
    let mut offers: Vec<AllocationOffer> = Vec::new();
    let mut demand_minor = 0i64;
    let mut quotes = Vec::new();
    for place in 0..arguments.applicants {
        let applicant = applicant(arguments.seed ^ mix(u64::from(place)))?;
        panel.quotes_into(&applicant, arguments.as_of, &mut quotes);
        let reaches = |lender: u32| lenders < 60 || mix(u64::from(place) << 32 | u64::from(lender)).is_multiple_of(30);
        let mut best: Vec<AllocationOffer> = quotes
            .iter()
            .filter(|quote| quote.line_minor() > 0 && reaches(quote.lender))
            .map(|quote| AllocationOffer {
                applicant: place,
                lender: quote.lender,
                amount_minor: quote.line_minor(),
                value_minor: expected_profit_minor(quote, &panel.policies()[quote.lender as usize]),
            })
            .collect();
        best.sort_by_key(|offer| (-offer.value_minor, offer.lender));
        best.truncate(8);
        demand_minor += best.first().map_or(0, |offer| offer.amount_minor);
        offers.extend(best);
    }
    let decided = start.elapsed().as_secs_f64();

    let budget_minor = (demand_minor as f64 * arguments.budget / lenders.max(1) as f64) as i64;
    let bar = Bar::new();
    let callback = |update| bar.update(update);
    let (budgets, config) = (vec![budget_minor; lenders], AllocationConfig::default());
    let start = Instant::now();
    let found = allocate(&offers, arguments.applicants as usize, &budgets, &config, Progress::new(&callback))?;
    let allocated = start.elapsed().as_secs_f64();

    let left: f64 = found.left_minor.iter().map(|left| *left as f64).sum();
    let used = 100.0 * (1.0 - left / (budget_minor as f64 * lenders as f64).max(1.0));
    let decisions = u64::from(arguments.applicants) * lenders as u64;
    let served = found.chosen.iter().flatten().count();
    let yuan = |minor: i64| minor as f64 / 100.0;
    let behind = 100.0 * (found.value_minor - found.greedy_minor) as f64 / (found.value_minor as f64).max(1.0);
    writeln!(
        out,
        "a night of {} applicants: {decisions} decisions in {decided:.2} s, allocated in {allocated:.2} s",
        arguments.applicants
    )?;
    writeln!(out, "  {served} served, {used:.1} % of the lenders' budgets used")?;
    writeln!(
        out,
        "  expected profit {:.2}, at most {:.2} ({:.3} % away), greedy {:.2} ({behind:.2} % less)",
        yuan(found.value_minor),
        yuan(found.bound_minor),
        found.gap() * 100.0,
        yuan(found.greedy_minor)
    )?;
    Ok(())
}
