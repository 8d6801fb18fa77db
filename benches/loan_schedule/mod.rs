//! Schedules and annual rates a second, on one thread.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use dandelion_credit::calendar::{Date, YearFraction, date_of_epoch_day, epoch_day};
use dandelion_credit::loan::{
    DatedAmount, LevelRow, LoanTerms, PeriodFactor, build_schedule, internal_rate_by_dates, level_schedule_into,
};
use dandelion_credit::{AnnualRate, Money, Rounding};

/// A linear congruence: the same principals in every run.
fn principals(count: usize) -> Vec<Money> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..count).map(|_| Money::from_minor(10_000 + (next() % 5_000_000) as i64)).collect()
}

pub fn schedules(c: &mut Criterion) {
    let mut group = c.benchmark_group("loan/schedule");
    let rate: AnnualRate = "0.18".parse().expect("a rate");
    let month = PeriodFactor::new(rate, YearFraction::new(1, 12).expect("a twelfth")).expect("a factor");
    let loans = principals(1_000);
    let mut rows = [LevelRow::default(); 12];
    level_schedule_into(Money::from_minor(1_000_000), month, Rounding::HalfEven, &mut rows).expect("a schedule");
    assert_eq!(rows.iter().map(|row| row.principal_minor).sum::<i64>(), 1_000_000);
    group.throughput(Throughput::Elements(loans.len() as u64));
    group.bench_function("twelve equal instalments, whole numbers", |b| {
        b.iter(|| {
            let mut sum = 0;
            for &principal in &loans {
                level_schedule_into(black_box(principal), month, Rounding::HalfEven, &mut rows).expect("a schedule");
                sum += rows[11].interest_minor;
            }
            sum
        });
    });
    let start: Date = "2024-01-31".parse().expect("a date");
    let terms: Vec<LoanTerms> =
        loans.iter().map(|&loan| LoanTerms::new(loan, rate, start, 12).expect("terms")).collect();
    let slow = build_schedule(&terms[0]).expect("a schedule");
    level_schedule_into(loans[0], month, Rounding::HalfEven, &mut rows).expect("a schedule");
    for (row, twin) in rows.iter().zip(&slow.rows) {
        assert_eq!(row.interest_minor, twin.interest.to_minor());
    }
    group.bench_function("twelve equal instalments, with dates", |b| {
        b.iter(|| {
            terms.iter().map(|terms| build_schedule(terms).expect("a schedule").interest.to_minor()).sum::<i64>()
        });
    });
    group.finish();
}

/// Loans of twelve payments 25 to 35 days apart, as `peers/rates.py` makes them.
fn loans(count: usize) -> Vec<Vec<DatedAmount>> {
    let mut state = 7u64;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let first = epoch_day("2024-01-01".parse().expect("a date"));
    let date = |day: i32| date_of_epoch_day(day).expect("a date of this century");
    (0..count)
        .map(|_| {
            let mut day = first + next(365) as i32;
            let mut flows = vec![DatedAmount { date: date(day), amount: -10_000.0 }];
            for _ in 0..12 {
                day += 25 + next(11) as i32;
                let amount = 10_000.0 / 12.0 * (1.0 + next(1_000) as f64 * 0.000_12);
                flows.push(DatedAmount { date: date(day), amount });
            }
            flows
        })
        .collect()
}

pub fn rates(c: &mut Criterion) {
    let mut group = c.benchmark_group("loan/xirr");
    let loans = loans(2_000);
    let day_count = dandelion_credit::calendar::DayCount::Actual365Fixed;
    for flows in &loans {
        let rate = internal_rate_by_dates(flows, day_count).expect("finite flows").only().expect("one rate");
        let worth: f64 = flows
            .iter()
            .map(|flow| {
                flow.amount / (1.0 + rate).powf(f64::from(epoch_day(flow.date) - epoch_day(flows[0].date)) / 365.0)
            })
            .sum();
        assert!(worth.abs() < 1e-8, "{rate}: {worth}");
    }
    group.throughput(Throughput::Elements(loans.len() as u64));
    group.bench_function("twelve irregular payments", |b| {
        b.iter_batched(
            || (),
            |()| {
                loans
                    .iter()
                    .map(|flows| internal_rate_by_dates(flows, day_count).expect("finite").only().unwrap_or(0.0))
                    .sum::<f64>()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}
