//! Benchmarks of the `fraud` room, on the synthetic market; the graph build stands beside, since it is the measure.
//!
//! `DANDELION_ACCOUNTS` and `DANDELION_DAYS` set another size; 50 days are about 24 transfers an account.
//! `-- stages` prints the seconds of every stage, and how long single accounts take by day; `-- signals` looks for one signal
//! at a time and prints what each costs, what it tells, and what it takes.

#[path = "../examples/shared/memory.rs"]
mod memory;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Instant;

use criterion::{Criterion, criterion_group};
use dandelion_credit::fraud::{
    AuditConfig, Auditor, BlockWatch, Haircuts, Marks, Signal, Weights, assess_live, dense_block,
};
use dandelion_credit::graph::temporal::{CycleConfig, Legs, TemporalIndex, circular_flows};
use dandelion_credit::graph::{GraphConfig, TransferGraph};
use dandelion_credit::synthetic::{Market, MarketConfig};
use dandelion_credit::{BasisPoints, Progress, TransferColumns, Update};

#[global_allocator]
static MEMORY: memory::HugePages = memory::HugePages::new();

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn accounts() -> u32 {
    if std::env::args().any(|argument| argument == "--test") { 2_000 } else { number("DANDELION_ACCOUNTS", 100_000) }
}

fn market() -> Market {
    let days = number("DANDELION_DAYS", 180);
    Market::generate(&MarketConfig { accounts: accounts(), days, ..MarketConfig::default() }).unwrap()
}

fn build(columns: &TransferColumns<'_>, accounts: u32) -> TransferGraph {
    TransferGraph::build(columns, accounts as usize, &GraphConfig::default(), Progress::silent()).unwrap()
}

fn whole_market(criterion: &mut Criterion) {
    let accounts = accounts();
    let market = market();
    let columns = market.transfers().columns();
    let graph = build(&columns, accounts);
    let index = TemporalIndex::build(&columns, accounts as usize, Progress::silent()).unwrap();
    let (marks, config) = (Marks::none(), AuditConfig::default());
    let auditor = Auditor::prepare(&index, Some(&graph), &marks, &config, Progress::silent()).unwrap();
    let audit = auditor.audit(Progress::silent()).unwrap();
    assert!(audit.verified_minor.iter().zip(&audit.received_minor).all(|(verified, received)| verified <= received));
    let ring = market.rings().first().map_or(0, |ring| ring.merchant.get());

    let mut group = criterion.benchmark_group(format!("fraud/market of {accounts} accounts"));
    group.sample_size(10);
    group.bench_function("graph build", |bench| bench.iter(|| black_box(build(&columns, accounts))));
    group.bench_function("temporal index", |bench| {
        bench.iter(|| black_box(TemporalIndex::build(&columns, accounts as usize, Progress::silent()).unwrap()));
    });
    group.bench_function("circular flows", |bench| {
        bench.iter(|| black_box(circular_flows(&index, &CycleConfig::default(), Progress::silent()).unwrap()));
    });
    group.bench_function("prepare", |bench| {
        let prepare = || Auditor::prepare(&index, Some(&graph), &marks, &config, Progress::silent()).unwrap();
        bench.iter(|| black_box(prepare()));
    });
    group.bench_function("audit everybody", |bench| {
        bench.iter(|| black_box(auditor.audit(Progress::silent()).unwrap()));
    });
    group.bench_function("assess one", |bench| {
        bench.iter(|| black_box(auditor.assess(ring.into(), &audit).unwrap()));
    });
    let as_of = index.span().map_or(0, |span| span[1]);
    group.bench_function("assess one, live", |bench| {
        bench.iter(|| black_box(assess_live(&index, ring.into(), as_of, &marks, &config, &audit.baseline).unwrap()));
    });
    group.finish();
}

fn blocks(criterion: &mut Criterion) {
    let customers = accounts() / 2;
    let mut pairs: Vec<(u32, u32)> = (0..customers).map(|i| (i, customers + i * 7 % (customers / 20))).collect();
    let block: Vec<(u32, u32)> = (0..400).map(|i| (3 * customers + i / 20, 4 * customers + i % 20)).collect();
    pairs.extend(&block);
    let mut group = criterion.benchmark_group(format!("fraud/dense block among {} pairs", pairs.len()));
    group.sample_size(10);
    group.bench_function("peel", |bench| {
        bench.iter(|| {
            let found = dense_block(&pairs);
            assert_eq!(found.payees.len(), 20);
        });
    });
    let mut watch = BlockWatch::new();
    for &(payer, payee) in &pairs {
        watch.pay(payer, payee);
    }
    assert_eq!(watch.block().payees.len(), 20);
    let mut next = 5 * customers;
    group.bench_function("watch one payment", |bench| {
        bench.iter(|| {
            next += 1;
            black_box(watch.pay(next, customers + next % 50))
        });
    });
    group.finish();
}

/// Runs `work` and gives what it made with its seconds, and adds the seconds of its stages to `stages`; those of searches that
/// run side by side go to whichever told of itself last.
fn timed<T>(stages: &mut Vec<(String, f64)>, work: impl FnOnce(Progress<'_>) -> T) -> (T, f64) {
    let marks: Mutex<Vec<(String, Instant)>> = Mutex::new(Vec::new());
    let mark = |update: Update| {
        let mut marks = marks.lock().unwrap();
        if marks.last().is_none_or(|(stage, _)| stage != update.stage) {
            marks.push((update.stage.to_string(), Instant::now()));
        }
        ControlFlow::Continue(())
    };
    let start = Instant::now();
    let made = work(Progress::new(&mark));
    let end = Instant::now();
    let marks = marks.lock().unwrap();
    for (place, (stage, from)) in marks.iter().enumerate() {
        let until = marks.get(place + 1).map_or(end, |next| next.1);
        let seconds = (until - *from).as_secs_f64();
        match stages.iter_mut().find(|other| other.0 == *stage) {
            Some(other) => other.1 += seconds,
            None => stages.push((stage.clone(), seconds)),
        }
    }
    (made, (end - start).as_secs_f64())
}

/// Seconds of every stage, three times over, and single accounts on the live index: ordinary ones and the largest hubs.
fn stages() {
    let accounts = accounts();
    let market = market();
    let columns = market.transfers().columns();
    println!("{accounts} accounts, {} transfers", columns.len());
    for _ in 0..3 {
        let mut stages = Vec::new();
        let (graph, building) = timed(&mut Vec::new(), |_| build(&columns, accounts));
        let line_up = |progress: Progress<'_>| TemporalIndex::build(&columns, accounts as usize, progress).unwrap();
        let (index, lining_up) = timed(&mut Vec::new(), line_up);
        let (marks, config) = (Marks::none(), AuditConfig::default());
        let prepare =
            |progress: Progress<'_>| Auditor::prepare(&index, Some(&graph), &marks, &config, progress).unwrap();
        let (auditor, preparing) = timed(&mut stages, prepare);
        let (audit, auditing) = timed(&mut stages, |progress: Progress<'_>| auditor.audit(progress).unwrap());
        let all = lining_up + preparing + auditing;
        println!("graph {building:.3} s; index {lining_up:.3}, prepare {preparing:.3}, audit {auditing:.3}");
        println!("  together {:.1} times the graph; {} accounts capped", all / building, audit.capped.len());
        stages.iter().for_each(|(stage, seconds)| println!("  {stage:<30} {seconds:.3}"));
        drop(auditor);
        let as_of = index.span().map_or(0, |span| span[1]);
        let mut by_size: Vec<u32> = (0..accounts).collect();
        by_size.sort_by_key(|&account| std::cmp::Reverse(index.received(account).len() + index.sent(account).len()));
        for (name, list) in [
            ("all", by_size.iter().step_by(by_size.len().div_ceil(4_000)).copied().collect::<Vec<u32>>()),
            ("the 200 largest", by_size.iter().take(200).copied().collect()),
        ] {
            let mut micros: Vec<f64> = Vec::new();
            for account in list {
                let start = Instant::now();
                black_box(assess_live(&index, account.into(), as_of, &marks, &config, &audit.baseline).unwrap());
                micros.push(start.elapsed().as_secs_f64() * 1e6);
            }
            micros.sort_by(f64::total_cmp);
            let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
            println!("  one account, {name}: p50 {:.0} us, p99 {:.0} us, most {:.0} us", at(0.5), at(0.99), at(1.0));
        }
    }
}

/// Area under the ROC curve of `scores` for those that are `wanted`, ties by half.
fn roc_auc(scored: &mut [(f32, bool)]) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut rank) = (0.0, 0usize);
    for ties in scored.chunk_by(|a, b| a.0 == b.0) {
        let mean = rank as f64 + (ties.len() + 1) as f64 / 2.0;
        rank_sum += mean * ties.iter().filter(|one| one.1).count() as f64;
        rank += ties.len();
    }
    let wanted = scored.iter().filter(|one| one.1).count() as f64;
    (rank_sum - wanted * (wanted + 1.0) / 2.0) / (wanted * (scored.len() as f64 - wanted))
}

/// One signal at a time: seconds beyond those of an audit that looks for nothing, how well it tells shops that wash from
/// others, and what it takes, without the cap on single payers.
fn signals() {
    let accounts = accounts();
    let market = market();
    let columns = market.transfers().columns();
    let graph = build(&columns, accounts);
    let index = TemporalIndex::build(&columns, accounts as usize, Progress::silent()).unwrap();
    let marks = Marks::none();
    let rings: BTreeSet<u32> = market.rings().iter().map(|ring| ring.merchant.get()).collect();
    let mut washed = 0;
    for (transfer, purpose) in columns.iter().zip(market.purposes()) {
        if purpose.is_washed() && rings.contains(&transfer.payee.get()) {
            washed += transfer.amount_minor;
        }
    }
    let run = |config: &AuditConfig| {
        let once = || {
            let start = Instant::now();
            let auditor = Auditor::prepare(&index, Some(&graph), &marks, config, Progress::silent()).unwrap();
            let audit = auditor.audit(Progress::silent()).unwrap();
            (start.elapsed().as_secs_f64(), audit)
        };
        (0..3).map(|_| once()).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
    };
    let nothing = AuditConfig {
        haircuts: Haircuts::NONE,
        suspicion_weights: Weights::NONE,
        payer_share: BasisPoints::new(10_000),
        ..AuditConfig::default()
    };
    let (base, _) = run(&nothing);
    println!("{accounts} accounts, {} transfers; looking for nothing takes {base:.3} s", columns.len());
    for signal in Signal::ALL {
        let all = AuditConfig::default();
        let config = AuditConfig {
            haircuts: Haircuts::NONE.with(signal, all.haircuts.of(signal)).unwrap(),
            suspicion_weights: Weights::NONE.with(signal, all.suspicion_weights.of(signal)).unwrap(),
            ..nothing.clone()
        };
        let (seconds, audit) = run(&config);
        let (mut scored, mut taken, mut honest, mut raised) = (Vec::new(), [0i64; 2], 0i64, [0usize; 2]);
        for shop in market.shops().iter().map(|shop| shop.account.as_usize()) {
            let washes = rings.contains(&(shop as u32));
            let score = audit.scores[shop][signal.index()];
            scored.push((score, washes));
            raised[usize::from(washes)] += usize::from(score >= 0.5);
            taken[usize::from(washes)] += audit.received_minor[shop] - audit.verified_minor[shop];
            honest += if washes { 0 } else { audit.received_minor[shop] };
        }
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        println!(
            "{:<22} {:>6.3} s  AUC {:.2}  raised at {:>3.0} % of washing and {:>3.0} % of other shops  taken {:>3.0} % of washed, {:.2} % of other shops' receipts",
            signal.name(),
            (seconds - base).max(0.0),
            roc_auc(&mut scored),
            share(raised[1], rings.len()),
            share(raised[0], market.shops().len() - rings.len()),
            share(taken[1] as usize, washed as usize),
            share(taken[0] as usize, honest as usize),
        );
    }
    let (seconds, audit) = run(&AuditConfig::default());
    let shops = market.shops().iter().map(|shop| shop.account);
    let mut scored: Vec<(f32, bool)> =
        shops.map(|shop| (audit.suspicion[shop.as_usize()], rings.contains(&shop.get()))).collect();
    println!("{:<22} {seconds:>6.3} s  AUC {:.4}", "suspicion", roc_auc(&mut scored));
}

criterion_group!(benches, whole_market, blocks);

fn main() {
    if std::env::args().any(|argument| argument == "stages") {
        return stages();
    }
    if std::env::args().any(|argument| argument == "signals") {
        return signals();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
