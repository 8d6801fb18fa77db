//! Benchmarks of the `features` room, with the graph's build beside as the yardstick.
//!
//! `DANDELION_ACCOUNTS=3000000 cargo bench --bench features -- extract` sizes the synthetic market; 100,000 by default. It
//! runs over 41 days, so that there are about 20 transfers an account.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dandelion_credit::features::{Feature, FeatureConfig, FeatureGroup, LiveConfig, LiveFeatures, Side, extract};
use dandelion_credit::graph::{GraphConfig, TransferGraph};
use dandelion_credit::synthetic::{Market, MarketConfig};
use dandelion_credit::{Progress, Transfer};

#[path = "../examples/shared/memory.rs"]
mod memory;

// As the host of a job of this size would have it.
#[global_allocator]
static MEMORY: memory::HugePages = memory::HugePages::new();

fn market() -> Market {
    let trial = std::env::args().any(|arg| arg == "--test");
    let asked = std::env::var("DANDELION_ACCOUNTS").ok().and_then(|text| text.parse().ok());
    let accounts = if trial { 2_000 } else { asked.unwrap_or(100_000) };
    Market::generate(&MarketConfig { accounts, days: 41, ..MarketConfig::default() })
        .expect("the default market is possible")
}

fn extracting(c: &mut Criterion) {
    let market = market();
    let (columns, accounts) = (market.transfers().columns(), market.kinds().len());
    let mut group = c.benchmark_group("extract");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(columns.len() as u64));
    let silent = Progress::silent();
    group.bench_function("graph build, the yardstick", |b| {
        b.iter(|| {
            let graph = TransferGraph::build(&columns, accounts, &GraphConfig::default(), silent).unwrap();
            assert_eq!(graph.transfers() + graph.self_transfers(), columns.len() as u64);
            black_box(graph)
        });
    });
    let groups = [
        ("flow", &[FeatureGroup::Flow][..]),
        ("timing", &[FeatureGroup::Timing]),
        ("amount", &[FeatureGroup::Amount]),
        ("flow, timing, amount", &[FeatureGroup::Flow, FeatureGroup::Timing, FeatureGroup::Amount]),
    ];
    for (name, groups) in groups {
        let config = FeatureConfig::of_groups(groups);
        group.bench_function(name, |b| {
            b.iter(|| {
                let table = extract(&columns, accounts, &config, silent).unwrap();
                assert_eq!(table.transfers(), columns.len() as u64);
                black_box(table)
            });
        });
    }
    let config = FeatureConfig::default();
    group.bench_function("everything", |b| {
        b.iter(|| black_box(extract(&columns, accounts, &config, silent).unwrap()));
    });
    group.finish();
}

fn keeping_live(c: &mut Criterion) {
    let market = market();
    let mut stream: Vec<Transfer> = market.transfers().columns().iter().collect();
    stream.sort_by_key(|transfer| transfer.at_seconds);
    stream.truncate(1 << 20);
    let mut group = c.benchmark_group("live");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.throughput(Throughput::Elements(stream.len() as u64));
    for size in [1, 128, 1_024] {
        group.bench_function(format!("batches of {size}"), |b| {
            b.iter_batched(
                || LiveFeatures::new(&LiveConfig { window_days: 7, ..LiveConfig::default() }).unwrap(),
                |mut live| {
                    for batch in stream.chunks(size) {
                        let rows = live.push_batch(batch).unwrap();
                        let last = rows.row(rows.len() - 1, Side::Payee);
                        assert!(last.value(Feature::Degree).is_some());
                    }
                    live
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, extracting, keeping_live);
criterion_main!(benches);
