//! Benchmarks of the `fraud` room, on the synthetic market; the graph build stands beside, since it is the measure.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dandelion_credit::fraud::{AuditConfig, Auditor, BlockWatch, Marks, assess_live, dense_block};
use dandelion_credit::graph::temporal::{CycleConfig, TemporalIndex, circular_flows};
use dandelion_credit::graph::{GraphConfig, TransferGraph};
use dandelion_credit::synthetic::{Market, MarketConfig};
use dandelion_credit::{Progress, TransferColumns};

fn accounts() -> u32 {
    if std::env::args().any(|argument| argument == "--test") { 2_000 } else { 100_000 }
}

fn build(columns: &TransferColumns<'_>, accounts: u32) -> TransferGraph {
    TransferGraph::build(columns, accounts as usize, &GraphConfig::default(), Progress::silent()).unwrap()
}

fn whole_market(criterion: &mut Criterion) {
    let accounts = accounts();
    let market = Market::generate(&MarketConfig { accounts, ..MarketConfig::default() }).unwrap();
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

criterion_group!(benches, whole_market, blocks);
criterion_main!(benches);
