//! The default policy against two rules of thumb on two years of a synthetic market: a flat limit, and a tenth of annual
//! receipts. Each rule is also set to lose as much money as the default policy does, since anybody earns more by risking more.
//!
//! `cargo run --release --example policy_backtest -- --seeds 8`
//!
//! Every loan that a shop of the market wants is a case: the merchant as it was that day, what it wanted, and whether it
//! still traded when the loan was due. Shops with a wash ring apply when the ring has done its work, draw all they are
//! given and vanish. The default policy sees what the fraud room leaves of the receipts, assessed on a live window of the
//! stream on the morning of the loan; the rules of thumb take receipts as they come. All ask the same price: what the
//! default policy's price rules make of the merchant.

#[path = "../shared/mod.rs"]
mod shared;
mod town;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::underwriting::*;
use rayon::prelude::*;
use shared::out::Output;
use shared::{Failure, Outcome as Done};
use town::Town;

/// Compares the default policy with a flat limit and with a tenth of annual receipts, with intervals over seeds.
#[derive(Parser)]
struct Arguments {
    /// Markets to try
    #[arg(long, default_value_t = 6)]
    seeds: u64,
    /// Accounts of each market
    #[arg(long, default_value_t = 20_000)]
    accounts: u32,
    /// Days of each market; the first 180 only build history
    #[arg(long, default_value_t = 730)]
    days: u32,
    /// A policy to try instead of the default
    #[arg(long)]
    policy: Option<String>,
    /// What a ring pays to move a unit of money once round: fees of the payment firm and of the helpers
    #[arg(long, default_value_t = 0.02)]
    wash_cost: f64,
    /// Threads; all cores when absent
    #[arg(long)]
    threads: Option<usize>,
}

const HISTORY: u32 = 180;

fn outcome(cases: &[BacktestCase], policy: &Policy) -> Done<PolicyOutcome> {
    let config = BacktestConfig { resamples: 20, ..BacktestConfig::default() };
    Ok(backtest(cases, policy, policy, &config)?.champion)
}

/// The rule of thumb whose loss comes nearest to `loss` from below.
fn at_loss(cases: &[BacktestCase], loss: f64, most: f64, rule: impl Fn(f64) -> PolicyRules) -> Done<PolicyOutcome> {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..14 {
        let middle = (low + high) / 2.0;
        if outcome(cases, &Policy::new(rule(middle))?)?.loss_minor <= loss {
            low = middle;
        } else {
            high = middle;
        }
    }
    outcome(cases, &Policy::new(rule(low))?)
}

/// Mean and 95 % interval over seeds (Student's t).
fn interval(values: &[f64]) -> (f64, f64) {
    const T: [f64; 31] = [
        f64::INFINITY,
        12.71,
        4.30,
        3.18,
        2.78,
        2.57,
        2.45,
        2.36,
        2.31,
        2.26,
        2.23,
        2.20,
        2.18,
        2.16,
        2.14,
        2.13,
        2.12,
        2.11,
        2.10,
        2.09,
        2.09,
        2.08,
        2.07,
        2.07,
        2.06,
        2.06,
        2.06,
        2.05,
        2.05,
        2.05,
        2.04,
    ];
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, T[(values.len() - 1).min(30)] * (variance / n).sqrt())
}

/// What one market showed.
struct Compared {
    /// The default policy; a tenth of receipts; that at equal loss; a flat line; that at equal loss.
    outcomes: [PolicyOutcome; 5],
    rings: Rings,
    cases: usize,
}

/// What washing brought in one market, minor units.
struct Rings {
    /// Line gained under the default policy and under a tenth of receipts.
    gained: [f64; 2],
    cost: f64,
    washed: f64,
}

/// One market under each rule.
fn compare(arguments: &Arguments, policy: &Policy, seed: u64) -> Done<Compared> {
    let town = Town::make(arguments, seed)?;
    let flat = |limit: f64| PolicyRules::flat(limit as i64 / 10_000 * 10_000);
    let thumb = Policy::new(PolicyRules::share_of_receipts(0.10))?;
    let ours = outcome(&town.verified, policy)?;
    let tenth = outcome(&town.received, &thumb)?;
    let tenth_at = at_loss(&town.received, ours.loss_minor, 1.0, PolicyRules::share_of_receipts)?;
    // A flat line as large as our mean line, then one that loses as much.
    let mean = ours.lines_minor / ours.approved.max(1.0);
    let same = outcome(&town.received, &Policy::new(flat(mean))?)?;
    let flat_at = at_loss(&town.received, ours.loss_minor, 10_000_000.0, flat)?;

    let mut gained = [0.0; 2];
    for ring in &town.rings {
        let line = |applicant, policy| decide_row(applicant, policy, ring.as_of).limit_minor as f64;
        gained[0] += (line(&ring.verified, policy) - line(&ring.verified_honest, policy)).max(0.0);
        gained[1] += (line(&ring.received, &thumb) - line(&ring.received_honest, &thumb)).max(0.0);
    }
    let washed: f64 = town.rings.iter().map(|ring| ring.washed_minor as f64).sum();
    let rings = Rings { gained, cost: washed * arguments.wash_cost, washed };
    Ok(Compared { outcomes: [ours, tenth, tenth_at, same, flat_at], rings, cases: town.verified.len() })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| work(&arguments))
}

fn work(arguments: &Arguments) -> Done {
    shared::set_threads(arguments.threads)?;
    if arguments.seeds == 0 || arguments.seeds > 1_000 {
        return Err(Failure::new(format!("--seeds is {}: 1 to 1,000", arguments.seeds)));
    }
    if arguments.days <= HISTORY {
        return Err(Failure::new(format!("--days is {}: more than {HISTORY}", arguments.days)));
    }
    let policy = match &arguments.policy {
        Some(name) => Policy::from_json(&std::fs::read_to_string(name).map_err(|error| Failure::new(error).at(name))?)?,
        None => Policy::default(),
    };
    let seeds: Vec<u64> = (1..=arguments.seeds).collect();
    let results: Vec<Done<Compared>> = seeds.par_iter().map(|seed| compare(arguments, &policy, *seed)).collect();
    let results: Vec<_> = results.into_iter().collect::<Done<_>>()?;

    let mut out = Output::create("-")?;
    let cases: usize = results.iter().map(|result| result.cases).sum();
    writeln!(
        out,
        "{} markets of {} accounts over {} days, {cases} loans wanted; yuan a market, mean ± 95 % over seeds",
        arguments.seeds, arguments.accounts, arguments.days
    )?;
    report_outcomes(&mut out, &results)?;
    report_rings(&mut out, &results)?;
    out.finish()
}

fn report_outcomes(out: &mut Output, results: &[Compared]) -> Done {
    writeln!(
        out,
        "{:<34}{:>10}{:>22}{:>22}{:>22}{:>10}",
        "policy", "lent to", "drawn", "loss", "profit", "loss/drawn"
    )?;
    let names = [
        "default policy",
        "a tenth of annual receipts",
        "  set to the same loss",
        "flat, the default's mean line",
        "  set to the same loss",
    ];
    for (place, name) in names.iter().enumerate() {
        let column = |figure: fn(&PolicyOutcome) -> f64| {
            let values: Vec<f64> = results.iter().map(|result| figure(&result.outcomes[place])).collect();
            interval(&values)
        };
        let approved = column(|outcome| outcome.approved).0;
        let both = |pair: (f64, f64)| format!("{:.0} ± {:.0}", pair.0 / 100.0, pair.1 / 100.0);
        let rate = column(|outcome| outcome.loss_rate().unwrap_or(0.0)).0;
        let (drawn, loss) = (both(column(|outcome| outcome.drawn_minor)), both(column(|outcome| outcome.loss_minor)));
        let profit = both(column(|outcome| outcome.profit_minor));
        writeln!(out, "{name:<34}{approved:>10.0}{drawn:>22}{loss:>22}{profit:>22}{:>9.2}%", rate * 100.0)?;
    }
    for (place, name) in [(2, "a tenth of receipts"), (4, "a flat limit")] {
        let gains: Vec<f64> = results
            .iter()
            .map(|result| (result.outcomes[0].profit_minor - result.outcomes[place].profit_minor) / 100.0)
            .collect();
        let (mean, half) = interval(&gains);
        writeln!(out, "more profit than {name} at equal loss: {mean:.0} [{:.0}, {:.0}]", mean - half, mean + half)?;
    }
    Ok(())
}

fn report_rings(out: &mut Output, results: &[Compared]) -> Done {
    let yuan = |figure: fn(&Rings) -> f64| {
        interval(&results.iter().map(|result| figure(&result.rings) / 100.0).collect::<Vec<_>>())
    };
    let (ours, thumb) = (yuan(|rings| rings.gained[0]), yuan(|rings| rings.gained[1]));
    writeln!(
        out,
        "wash rings: {:.0} washed a market at a cost of {:.0}; line gained by it {:.0} ± {:.0} under the default policy, {:.0} ± {:.0} under a tenth of receipts",
        yuan(|rings| rings.washed).0,
        yuan(|rings| rings.cost).0,
        ours.0,
        ours.1,
        thumb.0,
        thumb.1
    )?;
    Ok(())
}
