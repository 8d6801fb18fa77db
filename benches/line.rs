//! Speed of the account engine and of the columnar portfolio.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dandelion_credit::loan::{
    AccrualColumns, Action, Allocation, ChargeOffEffect, Component, CreditLine, DrawdownId, DrawdownTerms, Event,
    Every, FutureRule, InstalmentShape, InterestMethod, InterestStep, JournalEntry, LinePolicy, LineTerms, LoanAction,
    LoanEvent, LoanProduct, MonthDays, PaymentKind, PaymentRule, PayoffInterest, ScheduleKind, ScheduledAccount,
    ScheduledTerms, TransactionKind, YearDays,
};
use dandelion_credit::{Date, Money, Rounding};
use jiff::ToSpan;
use std::collections::{BTreeMap, BTreeSet};
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

/// A loan of 24 monthly instalments, each paid a few days early or late and every other one with a fee: fifty events.
fn fifty_scheduled_events() -> Vec<LoanEvent> {
    let event = |nth: usize, at: i64, action: LoanAction| LoanEvent {
        key: format!("event {nth}"),
        recorded_on: day(at),
        sequence: nth as u64,
        action,
    };
    let lend = LoanAction::Disburse { on: day(0), amount_minor: Money::from_minor(1_200_000) };
    let mut events = vec![event(0, 0, lend)];
    for nth in 1..50i64 {
        let at = nth * 15 + nth % 5;
        let action = if nth % 2 == 1 {
            LoanAction::Charge { component: Component::Fee, due: day(at + 3), amount_minor: Money::from_minor(500) }
        } else {
            let kind = TransactionKind::Repayment;
            LoanAction::Pay { on: day(at), kind, amount_minor: Money::from_minor(60_000) }
        };
        events.push(event(nth as usize, at, action));
    }
    events
}

fn scheduled_product() -> LoanProduct {
    LoanProduct {
        kind: ScheduleKind::Progressive,
        method: InterestMethod::DecliningBalance,
        step: InterestStep::Daily,
        partial_periods: false,
        year: YearDays::Actual,
        month: MonthDays::Actual,
        level_multiple_minor: None,
        recalculates: Some(PayoffInterest::PaymentDay),
        rests_by_instalment: false,
        no_interest_past_due: false,
        down_payment: None,
        due_from_submission: false,
        fixed_length_days: None,
        rule: PaymentRule { allocation: Allocation::standard(), future: FutureRule::NextInstalment },
        rules: BTreeMap::new(),
        interest_refunds: BTreeSet::new(),
        accrual_activity: false,
        charges_in_advance: false,
        charge_back_order: None,
        charge_off: ChargeOffEffect::Regular,
        interest_on_first_day: false,
        rounding: Rounding::HalfEven,
    }
}

fn scheduled(criterion: &mut Criterion) {
    let events = fifty_scheduled_events();
    let terms = ScheduledTerms {
        annual_rate: "0.18".parse().unwrap(),
        every: Every::Months(1),
        instalments: 24,
        submitted_on: day(0),
        expected_on: day(0),
        shape: InstalmentShape::default(),
    };
    let replay = || {
        let lent = Money::from_minor(1_200_000);
        let mut account = ScheduledAccount::open(scheduled_product(), terms.clone(), lent).unwrap();
        for event in &events {
            account.record(event.clone()).unwrap();
        }
        account
    };
    let account = replay();
    assert_eq!((account.events().len(), account.journal().iter().all(JournalEntry::is_balanced)), (50, true));
    let mut group = criterion.benchmark_group("scheduled");
    group.sample_size(20);
    group.bench_function("fifty events recorded one by one", |bencher| bencher.iter(replay));
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

criterion_group!(benches, replay, scheduled, portfolio);
criterion_main!(benches);
