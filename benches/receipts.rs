//! Benchmarks of the `receipts` room: condition of everybody, forecasts one by one, learning, backtest.
//!
//! `cargo bench --bench receipts`; with `--test` each runs once on a small panel.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dandelion_credit::Progress;
use dandelion_credit::receipts::{
    BacktestConfig, ConditionConfig, DailyPanel, ForecastConfig, ForecastScratch, backtest_forecast,
    condition_of_panel, fit_forecast,
};

/// Counts allocations, so that "none a merchant" is measured and not only said.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the counter has no part in it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Shops of five kinds in turn, from a fixed seed: steady, closed on one weekday, intermittent, drifting, young.
fn panel(merchants: usize, days: usize) -> DailyPanel {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut roll = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut offsets = vec![0u64];
    let mut amounts: Vec<i64> = Vec::with_capacity(merchants * days);
    for merchant in 0..merchants {
        let kind = merchant % 5;
        let mut level = 2_000.0 + 50_000.0 * roll() * roll();
        let own = if kind == 4 { 10 + (roll() * days as f64) as usize } else { days };
        for day in 0..own.min(days) {
            level *= if kind == 3 { 0.97 + 0.06 * roll() } else { 1.0 };
            let open = (kind != 1 || day % 7 != 3) && (kind != 2 || roll() < 0.2);
            amounts.push(if open { (level * (0.5 + roll())) as i64 } else { 0 });
        }
        offsets.push(amounts.len() as u64);
    }
    DailyPanel::new(19_000, offsets, amounts).expect("the panel is sound")
}

fn size(full: usize, small: usize) -> usize {
    if std::env::args().any(|argument| argument == "--test") { small } else { full }
}

fn condition(c: &mut Criterion) {
    let merchants = size(300_000, 2_000);
    let panel = panel(merchants, 180);
    let mut group = c.benchmark_group("condition");
    group.sample_size(10).measurement_time(Duration::from_secs(8)).throughput(Throughput::Elements(merchants as u64));
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
        group.bench_function(format!("{merchants} merchants x 180 days, {threads} threads"), |b| {
            b.iter(|| {
                let measure = || condition_of_panel(&panel, &ConditionConfig::default(), Progress::silent());
                let table = pool.install(measure).expect("the configuration is sound");
                assert_eq!(table.len(), merchants);
                assert_eq!(table.condition(0).get("active_day_ratio_90d"), Some(1.0));
                table
            });
        });
    }
    group.finish();
}

fn one_thread_forecast(c: &mut Criterion) {
    const LEVELS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
    let merchants = size(2_000, 200);
    let mut group = c.benchmark_group("forecast");
    group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(Throughput::Elements(merchants as u64));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("threads can be had");
    for days in [180, 730] {
        let panel = panel(merchants, days);
        let learn = || fit_forecast(&panel, &ForecastConfig::default(), Progress::silent());
        group.bench_function(format!("learn, {merchants} merchants x {days} days, 1 thread"), |b| {
            b.iter(|| pool.install(learn).expect("the configuration is sound"));
        });
        let model = pool.install(learn).expect("the configuration is sound");
        let mut scratch = ForecastScratch::new();
        let (mut total, mut daily) = ([0i64; 9], [0i64; 270]);
        let mut answer_all = || {
            let mut sum = 0i64;
            for merchant in 0..merchants {
                let days = panel.days(merchant);
                let last_day = panel.last_day();
                let class = model.forecast_into(days, last_day, 0, &LEVELS, &mut scratch, &mut total, &mut daily);
                assert!(class.is_some() && total.is_sorted());
                sum += total[4];
            }
            sum
        };
        let first = answer_all();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        assert_eq!(answer_all(), first);
        assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before, "an allocation on the batch path");
        group.bench_function(format!("answer, {merchants} merchants x {days} days, 1 thread"), |b| {
            b.iter(|| black_box(answer_all()));
        });
    }
    group.finish();
}

fn backtest(c: &mut Criterion) {
    let merchants = size(1_000, 100);
    let panel = panel(merchants, 365);
    let mut group = c.benchmark_group("backtest");
    group.sample_size(10).throughput(Throughput::Elements(4 * merchants as u64));
    group.bench_function(format!("4 cuts, {merchants} merchants x 365 days"), |b| {
        b.iter(|| {
            let backtest = backtest_forecast(&panel, &BacktestConfig::default(), Progress::silent());
            let all = backtest.expect("the configuration is sound").all;
            assert!(all.loss_ratio() < 1.0, "the family is worse than seasonal-naive: {}", all.loss_ratio());
            all
        });
    });
    group.finish();
}

criterion_group!(benches, condition, one_thread_forecast, backtest);
criterion_main!(benches);
