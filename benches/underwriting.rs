//! Benchmarks of the `underwriting` room: one decision, a batch, a thousand lenders, a night's allocation.
//!
//! Small sizes under `cargo test`; full ones under `cargo bench --bench underwriting`.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use dandelion_credit::underwriting::*;
use dandelion_credit::{Date, Probability, Progress};

fn day() -> Date {
    "2026-11-23".parse().expect("a date")
}

fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn share(bits: u64) -> Probability {
    Probability::new((bits % 1_000) as f64 / 1_000.0).expect("a share")
}

fn applicant(seed: u64) -> Applicant {
    let bits = mix(seed);
    let year = 300_000 + (bits % 40_000_000) as i64;
    let mut applicant = Applicant::new(format!("{seed}"));
    applicant.verdict = Some(VerdictFacts {
        kind: if bits.is_multiple_of(17) { AccountKind::Unknown } else { AccountKind::Merchant },
        merchant_probability: Probability::new(0.5 + (mix(bits) % 500) as f64 / 1_000.0).expect("a share"),
    });
    applicant.history_days = (mix(seed + 1) % 900) as u32;
    applicant.receipts = ReceiptFacts {
        received_365_minor: Some(year + year / 9),
        verified_30_minor: year / 11,
        verified_90_minor: year / 4,
        verified_365_minor: year,
        active_days_90: (mix(seed + 2) % 91) as u32,
        payers_90: (mix(seed + 3) % 400) as u32,
        top_payer_share: Some(share(mix(seed + 4) / 3)),
        payer_return_rate: Some(share(mix(seed + 5))),
        refund_share: Probability::new(0.02).ok(),
    };
    let suspicion = share(mix(seed + 6)).get();
    applicant.suspicion = Probability::new(suspicion * suspicion * suspicion).ok();
    applicant.forecast = Some(ForecastFacts {
        horizon_days: 30,
        totals: [(0.1, 14), (0.5, 11), (0.9, 9)]
            .map(|(level, part)| QuantileFact {
                level: Probability::new(level).expect("a share"),
                total_minor: year / part,
            })
            .to_vec(),
    });
    applicant
}

fn applicants(count: u64) -> Vec<Applicant> {
    (0..count).map(applicant).collect()
}

fn lenders(count: u32) -> Vec<Policy> {
    (0..count)
        .map(|lender| {
            let bits = mix(u64::from(lender));
            let mut rules = PolicyRules {
                id: format!("policy {lender}"),
                lender: format!("lender {lender}"),
                ..PolicyRules::default()
            };
            rules.limit.volume_share = 0.04 + (bits % 12) as f64 / 100.0;
            rules.price.margin = 0.02 + (mix(bits) % 60) as f64 / 1_000.0;
            rules.limit.max_line_minor = 1_000_000 + (mix(bits + 1) % 40_000_000) as i64;
            Policy::new(rules).expect("a valid policy")
        })
        .collect()
}

fn small() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// One decision in full, with reasons, waterfall and record; also its tail, which criterion does not show.
fn one(criterion: &mut Criterion) {
    let policy = Policy::default();
    let all = applicants(2_000);
    let mut next = 0;
    criterion.bench_function("decide/one", |bencher| {
        bencher.iter(|| {
            next = (next + 1) % all.len();
            black_box(decide(&all[next], &policy, day()))
        });
    });
    let mut times: Vec<u64> = Vec::new();
    for _ in 0..if small() { 1 } else { 20 } {
        for applicant in &all {
            let start = Instant::now();
            black_box(decide(applicant, &policy, day()));
            times.push(start.elapsed().as_nanos() as u64);
        }
    }
    times.sort_unstable();
    let at = |p: usize| times[times.len() * p / 1_000];
    let approved = all.iter().filter(|applicant| decide(applicant, &policy, day()).is_approved()).count();
    assert!((200..1_800).contains(&approved), "{approved} of 2,000 approved");
    println!("decide/one: p50 {} ns, p99 {} ns, p99.9 {} ns; {approved} of 2000 approved", at(500), at(990), at(999));
}

fn batch(criterion: &mut Criterion) {
    let policy = Policy::default();
    let count = if small() { 2_000 } else { 1_000_000 };
    let all = applicants(count);
    let rows = decide_batch(&all, &policy, day());
    let lent: i64 = rows.iter().map(|row| row.limit_minor).sum();
    assert!(
        rows.iter()
            .zip(&all)
            .step_by(997)
            .all(|(row, applicant)| row.limit_minor == decide(applicant, &policy, day()).limit_minor())
    );
    println!("decide/batch: {count} applicants, {lent} minor units of lines");
    let mut group = criterion.benchmark_group("decide");
    group.sample_size(10);
    group.throughput(criterion::Throughput::Elements(count));
    group.bench_function("batch", |bencher| bencher.iter(|| black_box(decide_batch(&all, &policy, day()))));
    group.finish();
    let price = ComputePrice::default();
    let start = Instant::now();
    black_box(decide_batch(&all, &policy, day()));
    let nanoseconds = start.elapsed().as_nanos() as f64 * rayon::current_num_threads() as f64 / count as f64;
    println!(
        "decide/batch: {nanoseconds:.0} ns of a core each, {:.6} yuan a million at {} a core-hour",
        price.per_million(nanoseconds),
        price.core_hour
    );
}

fn thousand(criterion: &mut Criterion) {
    let count = if small() { 50 } else { 1_000 };
    let panel = LenderPanel::new(lenders(count)).expect("distinct lenders");
    let all = applicants(500);
    let mut quotes = Vec::new();
    panel.quotes_into(&all[0], day(), &mut quotes);
    assert_eq!(quotes.len(), count as usize);
    let mut next = 0;
    criterion.bench_function(&format!("lenders/{count}"), |bencher| {
        bencher.iter(|| {
            next = (next + 1) % all.len();
            panel.quotes_into(&all[next], day(), &mut quotes);
            black_box(best_quote(&quotes, 500_000, Preference::CoverThenRate))
        });
    });
}

fn night(criterion: &mut Criterion) {
    let (count, lenders): (u32, u32) = if small() { (500, 10) } else { (100_000, 200) };
    let mut offers = Vec::new();
    let mut wanted = 0;
    for applicant in 0..count {
        let first = mix(u64::from(applicant)) % u64::from(lenders);
        let amount_minor = 50_000 + (mix(u64::from(applicant) + 7) % 2_000_000) as i64;
        wanted += amount_minor;
        for step in 0..8 {
            let lender = ((first + step * step * 3 + step) % u64::from(lenders)) as u32;
            let value_minor = amount_minor * (10 + (mix(u64::from(applicant) * 8 + step) % 40) as i64) / 1_000;
            offers.push(AllocationOffer { applicant, lender, amount_minor, value_minor });
        }
    }
    let budgets = vec![wanted / i64::from(lenders) / 2; lenders as usize];
    let config = AllocationConfig::default();
    let run = || allocate(&offers, count as usize, &budgets, &config, Progress::silent()).expect("valid offers");
    let found = run();
    assert!(found.value_minor >= found.greedy_minor && found.gap() < 0.02);
    println!(
        "allocate: {count} applicants x 8 offers, {lenders} lenders: value {} of at most {} (gap {:.4} %), greedy {} ({:.3} % less)",
        found.value_minor,
        found.bound_minor,
        found.gap() * 100.0,
        found.greedy_minor,
        (found.value_minor - found.greedy_minor) as f64 / found.value_minor as f64 * 100.0
    );
    let mut group = criterion.benchmark_group("allocate");
    group.sample_size(10);
    group.bench_function(format!("{count}"), |bencher| bencher.iter(|| black_box(run())));
    group.finish();
}

criterion_group!(benches, one, batch, thousand, night);
criterion_main!(benches);
