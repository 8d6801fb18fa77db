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

#[path = "shared/mod.rs"]
mod shared;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::calendar::{date_of_epoch_day, epoch_day};
use dandelion_credit::fraud::{AuditConfig, Auditor, Marks, assess_live};
use dandelion_credit::graph::temporal::{Leg, Legs, TemporalIndex, TemporalWindow};
use dandelion_credit::receipts::{Receipt, Receipts};
use dandelion_credit::synthetic::{Borrowing, Market, MarketConfig, Purpose};
use dandelion_credit::underwriting::*;
use dandelion_credit::{AccountIndex, Probability, Progress, Transfers};
use rayon::prelude::*;
use shared::out::Output;
use shared::{Failure, Outcome as Done};

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

/// One market's cases, as verified and as received.
struct Town {
    verified: Vec<BacktestCase>,
    received: Vec<BacktestCase>,
    /// For each ring: its case with the washed receipts and without, as verified; and as received.
    rings: Vec<[Applicant; 4]>,
    ring_days: Vec<i32>,
    washed_minor: Vec<i64>,
}

/// The days of a live window: a year and a month.
const WINDOW_DAYS: i64 = 400;
const DAY: i64 = 86_400;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| work(&arguments))
}

/// Somebody at the door on the morning of a day.
struct Caller {
    day: i32,
    shop: usize,
    /// The loan wanted and how many were repaid before; none for a ring.
    loan: Option<(Borrowing, u32)>,
    ring: usize,
}

fn town(arguments: &Arguments, seed: u64) -> Done<Town> {
    let config = MarketConfig { seed, accounts: arguments.accounts, days: arguments.days, ..MarketConfig::default() };
    let market = Market::generate(&config)?;
    let first = epoch_day(config.as_of) - config.days as i32;
    let offset = config.utc_offset;
    let midnight = |day: i32| i64::from(day) * DAY - i64::from(offset.seconds());
    let shops: Vec<u32> = market.shops().iter().map(|shop| shop.account.get()).collect();
    let place = |account: u32| shops.binary_search(&account).ok();
    let columns = market.transfers().columns();
    let purposes = market.purposes();

    let mut first_days = vec![i32::MAX; shops.len()];
    let mut ring_days = vec![None; market.rings().len()];
    let rings_of = |account: u32| market.rings().iter().position(|ring| ring.merchant.get() == account);
    for (transfer, purpose) in columns.iter().zip(purposes) {
        let day = offset.epoch_day(transfer.at_seconds);
        let Some(shop) = place(transfer.payee.get()) else { continue };
        first_days[shop] = first_days[shop].min(day);
        if purpose.is_washed()
            && let Some(ring) = rings_of(transfer.payee.get())
        {
            ring_days[ring] = Some(day + 1);
        }
    }
    let borrowings = market.borrowings();
    let mut callers = Vec::new();
    for (loan, before) in borrowings.iter().zip(previous(&borrowings)) {
        let account = loan.account.get();
        let honest = loan.drawn_day >= HISTORY && rings_of(account).is_none();
        if let Some(shop) = place(account).filter(|_| honest) {
            callers.push(Caller { day: first + loan.drawn_day as i32, shop, loan: Some((*loan, before)), ring: 0 });
        }
    }
    for (ring, day) in ring_days.iter().enumerate() {
        if let (Some(day), Some(shop)) = (*day, place(market.rings()[ring].merchant.get())) {
            callers.push(Caller { day, shop, loan: None, ring });
        }
    }
    callers.sort_by_key(|caller| caller.day);

    // What is usual in this market, learnt from the days that only build history.
    let marks = Marks::none();
    let audit_config = AuditConfig { utc_offset: offset, ..AuditConfig::default() };
    let accounts = arguments.accounts as usize;
    let history: Transfers =
        columns.iter().take_while(|row| row.at_seconds < midnight(first + HISTORY as i32)).collect();
    let index = TemporalIndex::build(&history.columns(), accounts, Progress::silent())?;
    let auditor = Auditor::prepare(&index, None, &marks, &audit_config, Progress::silent())?;
    let baseline = auditor.audit(Progress::silent())?.baseline;

    let mut town = Town { verified: vec![], received: vec![], rings: vec![], ring_days: vec![], washed_minor: vec![] };
    let mut windows = [0, 1].map(|_| TemporalWindow::new(accounts, WINDOW_DAYS * DAY));
    let [Ok(with), Ok(without)] = &mut windows else { return Err(Failure::new("a window needs a length")) };
    let see = |window: &TemporalWindow, caller: &Caller, verify: bool, on_time: u32| -> Done<Applicant> {
        let account = shops[caller.shop];
        let row = |leg: &Leg| Receipt {
            at_seconds: leg.at_seconds,
            payer: AccountIndex::new(leg.peer),
            amount_minor: leg.amount_minor,
            transfer_row: u64::from(leg.row),
        };
        let received = Receipts::from_rows(window.received(account).iter().map(row))?;
        let last = date_of_epoch_day(caller.day - 1)?;
        let mut applicant = if verify {
            let now = midnight(caller.day) - 1;
            let assessment = assess_live(window, AccountIndex::new(account), now, &marks, &audit_config, &baseline)?;
            let verified = assessment.verify(&received)?;
            Applicant::from_receipts(account.to_string(), &verified, Some(&received), offset, last)
                .with_suspicion_of(&assessment)
        } else {
            Applicant::from_receipts(account.to_string(), &received, None, offset, last)
        };
        applicant.history_days = (caller.day - first_days[caller.shop]).max(0) as u32;
        let merchant_probability = Probability::new(0.95)?;
        applicant.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability });
        if on_time > 0 {
            applicant.repayment = Some(RepaymentFacts { loans_on_time: on_time, ..RepaymentFacts::default() });
        }
        Ok(applicant)
    };
    let mut transfers = columns.iter().zip(purposes).peekable();
    for caller in &callers {
        while let Some((transfer, purpose)) = transfers.next_if(|(row, _)| row.at_seconds < midnight(caller.day)) {
            with.push(transfer)?;
            if !matches!(purpose, Purpose::WashReceipt | Purpose::WashFunding) {
                without.push(transfer)?;
            }
        }
        let as_of = date_of_epoch_day(caller.day)?;
        let case = |applicant| match &caller.loan {
            Some((loan, _)) => {
                let closed = market.shops()[caller.shop].closed_day;
                BacktestCase {
                    applicant,
                    as_of,
                    demand_minor: loan.principal_minor,
                    days: loan.used_days,
                    defaulted: closed.is_some_and(|closed| closed < loan.drawn_day + loan.used_days),
                    recovered_share: 0.35,
                    propensity: 1.0,
                }
            }
            None => BacktestCase {
                applicant,
                as_of,
                demand_minor: i64::MAX,
                days: 50,
                defaulted: true,
                recovered_share: 0.0,
                propensity: 1.0,
            },
        };
        let on_time = caller.loan.map_or(0, |(_, before)| before);
        let (verified, received) = (see(with, caller, true, on_time)?, see(with, caller, false, on_time)?);
        if caller.loan.is_none() {
            let honest = [see(without, caller, true, 0)?, see(without, caller, false, 0)?];
            town.rings.push([verified.clone(), honest[0].clone(), received.clone(), honest[1].clone()]);
            town.ring_days.push(caller.day);
            town.washed_minor.push(market.rings()[caller.ring].washed_minor);
        }
        town.verified.push(case(verified));
        town.received.push(case(received));
    }
    Ok(town)
}

/// How many loans of the same shop came before each, at most five counted.
fn previous(borrowings: &[Borrowing]) -> Vec<u32> {
    let mut counts = Vec::with_capacity(borrowings.len());
    for (index, loan) in borrowings.iter().enumerate() {
        let repaid = borrowings[..index]
            .iter()
            .rev()
            .take_while(|other| other.account == loan.account)
            .filter(|other| other.drawn_day + other.used_days <= loan.drawn_day);
        counts.push(repaid.count().min(5) as u32);
    }
    counts
}

fn outcome(cases: &[BacktestCase], policy: &Policy) -> Done<PolicyOutcome> {
    let config = BacktestConfig { resamples: 20, ..BacktestConfig::default() };
    Ok(backtest(cases, policy, policy, &config)?.champion)
}

/// The rule of thumb whose loss comes nearest to `loss` from below.
fn at_loss(
    cases: &[BacktestCase],
    loss: f64,
    most: f64,
    rule: impl Fn(f64) -> PolicyRules,
) -> Done<(f64, PolicyOutcome)> {
    let (mut low, mut high) = (0.0, most);
    for _ in 0..14 {
        let middle = (low + high) / 2.0;
        if outcome(cases, &Policy::new(rule(middle))?)?.loss_minor <= loss {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok((low, outcome(cases, &Policy::new(rule(low))?)?))
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
    /// Line gained by washing under the default policy and under a tenth of receipts; what washing cost; what was washed.
    rings: [f64; 4],
    cases: usize,
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
    let flat = |limit: f64| PolicyRules::flat(limit as i64 / 10_000 * 10_000);
    let seeds: Vec<u64> = (1..=arguments.seeds).collect();
    let results: Vec<Done<Compared>> = seeds
        .par_iter()
        .map(|seed| {
            let town = town(arguments, *seed)?;
            let ours = outcome(&town.verified, &policy)?;
            let tenth = outcome(&town.received, &Policy::new(PolicyRules::share_of_receipts(0.10))?)?;
            let (_, tenth_at) = at_loss(&town.received, ours.loss_minor, 1.0, PolicyRules::share_of_receipts)?;
            // A flat line as large as our mean line, then one that loses as much.
            let mean = ours.lines_minor / ours.approved.max(1.0);
            let same = outcome(&town.received, &Policy::new(flat(mean))?)?;
            let (_, flat_at) = at_loss(&town.received, ours.loss_minor, 10_000_000.0, flat)?;
            let mut extra = [0.0; 2];
            for (ring, day) in town.rings.iter().zip(&town.ring_days) {
                let as_of = date_of_epoch_day(*day)?;
                let line =
                    |applicant: &Applicant, policy: &Policy| decide_row(applicant, policy, as_of).limit_minor as f64;
                extra[0] += (line(&ring[0], &policy) - line(&ring[1], &policy)).max(0.0);
                let thumb = Policy::new(PolicyRules::share_of_receipts(0.10))?;
                extra[1] += (line(&ring[2], &thumb) - line(&ring[3], &thumb)).max(0.0);
            }
            let washed: f64 = town.washed_minor.iter().map(|minor| *minor as f64).sum();
            let rings = [extra[0], extra[1], washed * arguments.wash_cost, washed];
            Ok(Compared { outcomes: [ours, tenth, tenth_at, same, flat_at], rings, cases: town.verified.len() })
        })
        .collect();
    let results: Vec<_> = results.into_iter().collect::<Done<_>>()?;

    let mut out = Output::create("-")?;
    let cases: usize = results.iter().map(|result| result.cases).sum();
    writeln!(
        out,
        "{} markets of {} accounts over {} days, {cases} loans wanted; yuan a market, mean ± 95 % over seeds",
        arguments.seeds, arguments.accounts, arguments.days
    )?;
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
    let ring = |place: usize| interval(&results.iter().map(|result| result.rings[place] / 100.0).collect::<Vec<_>>());
    writeln!(
        out,
        "wash rings: {:.0} washed a market at a cost of {:.0}; line gained by it {:.0} ± {:.0} under the default policy, {:.0} ± {:.0} under a tenth of receipts",
        ring(3).0,
        ring(2).0,
        ring(0).0,
        ring(0).1,
        ring(1).0,
        ring(1).1
    )?;
    out.finish()
}
