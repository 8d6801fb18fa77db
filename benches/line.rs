//! Speed of the account engine and of the columnar portfolio.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dandelion_credit::loan::{
    AccrualColumns, Action, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms, PaymentKind,
};
use dandelion_credit::{Date, Money};
use jiff::ToSpan;
use std::hint::black_box;

fn day(offset: i64) -> Date {
    jiff::civil::date(2026, 1, 1).saturating_add(offset.days())
}

fn terms() -> LineTerms {
    LineTerms { limit_minor: Money::from_minor(10_000_000), opened_on: day(0), expires_on: day(1_000) }
}

/// Ten drawdowns of 50 days, each repaid in four parts: fifty events.
fn fifty_events() -> Vec<Event> {
    let fifty_days = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 50).unwrap();
    let mut events = Vec::new();
    for nth in 0..10u32 {
        let at = i64::from(nth) * 12;
        let action = Action::Disburse {
            drawdown: DrawdownId(nth),
            amount_minor: Money::from_minor(761_500),
            terms: fifty_days.clone(),
        };
        events.push(Event::new(format!("draw {nth}"), day(at), action).in_sequence(u64::from(nth)));
        for part in 1..=4 {
            let minor = if part < 4 { 200_000 } else { 400_000 };
            let action = Action::Repay {
                drawdown: (part < 4).then_some(DrawdownId(nth)),
                amount_minor: Money::from_minor(minor),
                kind: PaymentKind::Repayment,
            };
            events.push(
                Event::new(format!("pay {nth} {part}"), day(at + part * 11), action).in_sequence(100 + part as u64),
            );
        }
    }
    events
}

fn replay(criterion: &mut Criterion) {
    let events = fifty_events();
    assert_eq!(events.len(), 50);
    let line = CreditLine::replay(LinePolicy::china(), terms(), events.clone()).unwrap();
    let end = line.position(day(400)).unwrap();
    assert_eq!((end.owed_minor.to_minor(), end.credit_balance_minor > Money::ZERO), (0, true));
    let mut group = criterion.benchmark_group("line");
    group.bench_function("replay of a 50-event account", |bencher| {
        bencher.iter_batched(
            || (LinePolicy::china(), events.clone()),
            |(policy, events)| CreditLine::replay(policy, terms(), events).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn portfolio(criterion: &mut Criterion) {
    let rows: usize = if criterion_is_test() { 1_000 } else { 1_000_000 };
    let mut columns = AccrualColumns::new();
    let fifty_days = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 900).unwrap();
    let policy = LinePolicy::china();
    let mut line = CreditLine::open(policy, LineTerms { limit_minor: Money::MAX, ..terms() }).unwrap();
    for nth in 0..100u32 {
        let action = Action::Disburse {
            drawdown: DrawdownId(nth),
            amount_minor: Money::from_minor(761_503 + i64::from(nth) * 7_919),
            terms: fifty_days.clone(),
        };
        line.record(Event::new(format!("draw {nth}"), day(0), action).in_sequence(u64::from(nth))).unwrap();
    }
    for row in 0..rows {
        columns.push(&line.state().drawdowns[row % 100]).unwrap();
    }
    let mut check = columns.clone();
    check.accrue(365).unwrap();
    let state = line.state_on(day(365)).unwrap();
    for (row, drawdown) in state.drawdowns.iter().enumerate() {
        assert_eq!(check.exact_interest(row), drawdown.exact_interest());
    }
    let mut group = criterion.benchmark_group("portfolio");
    group.sample_size(10);
    for days in [1u32, 30] {
        group.throughput(Throughput::Elements(rows as u64 * u64::from(days)));
        group.bench_function(format!("accrual of {rows} drawdowns over {days} days"), |bencher| {
            bencher.iter(|| {
                columns.accrue(days).unwrap();
                black_box(columns.exact_interest(0))
            });
        });
    }
    group.finish();
}

fn criterion_is_test() -> bool {
    std::env::args().any(|argument| argument == "--test") || !std::env::args().any(|argument| argument == "--bench")
}

criterion_group!(benches, replay, portfolio);
criterion_main!(benches);
