//! Laws of scheduled loans over all their rules, and what hostile terms do to them.

use dandelion_credit::loan::{
    ChargeOffEffect, Component, DownPayment, Every, InstalmentFee, InstalmentShape, InterestMethod, InterestStep,
    LoanAction, LoanEvent, LoanProduct, LoanStatus, MonthDays, PayoffInterest, ScheduleKind, ScheduledAccount,
    ScheduledLoan, ScheduledTerms, TermChange, TransactionKind, YearDays, trial_balance,
};
use dandelion_credit::{BasisPoints, Date, Money, Rounding};
use jiff::ToSpan;
use proptest::prelude::*;

use crate::loan_scheduled::product;

fn day(offset: i64) -> Date {
    "2024-01-31".parse::<Date>().unwrap().saturating_add(offset.days())
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

/// Products of every combination of rules that says how interest runs.
fn products() -> impl Strategy<Value = LoanProduct> {
    let years =
        prop_oneof![Just(YearDays::Actual), Just(YearDays::ActualLeapPeriod), (360u32..=366).prop_map(YearDays::Fixed)];
    let multiples = prop_oneof![3 => Just(None), 1 => Just(Some(100)), 1 => Just(Some(1_000))];
    ((any::<[bool; 10]>(), any::<bool>()), years, multiples).prop_map(|((bits, payoff), year, level_multiple_minor)| {
        let [progressive, declining, daily, partial, thirty, recalculates, rests, no_late, submission, first_day] =
            bits;
        let interest = if payoff { PayoffInterest::PaymentDay } else { PayoffInterest::DueDate };
        LoanProduct {
            kind: if progressive { ScheduleKind::Progressive } else { ScheduleKind::Cumulative },
            method: if declining { InterestMethod::DecliningBalance } else { InterestMethod::Flat },
            step: if daily { InterestStep::Daily } else { InterestStep::Instalment },
            partial_periods: partial,
            year,
            month: if thirty { MonthDays::Thirty } else { MonthDays::Actual },
            level_multiple_minor,
            recalculates: recalculates.then_some(interest),
            rests_by_instalment: rests,
            no_interest_past_due: no_late,
            due_from_submission: submission,
            interest_on_first_day: first_day,
            rounding: if payoff { Rounding::HalfEven } else { Rounding::HalfUp },
            ..product(recalculates)
        }
    })
}

fn terms(rate: &str, instalments: u32, every: Every, start: Date) -> ScheduledTerms {
    ScheduledTerms {
        annual_rate: rate.parse().unwrap(),
        every,
        instalments,
        submitted_on: start,
        expected_on: start,
        shape: InstalmentShape::default(),
    }
}

fn event(key: String, recorded: i64, sequence: u64, action: LoanAction) -> LoanEvent {
    LoanEvent { key, recorded_on: day(recorded), sequence, action }
}

fn repay(on: i64, minor: i64) -> LoanAction {
    LoanAction::Pay { on: day(on), kind: TransactionKind::Repayment, amount_minor: money(minor) }
}

/// An account of 1,200.00 over a year, lent, with payments on rising days.
fn paid_account(product: LoanProduct, payments: &[(i64, i64)]) -> ScheduledAccount {
    let terms = terms("0.18", 12, Every::Months(1), day(0));
    let mut account = ScheduledAccount::open(product, terms, money(120_000)).unwrap();
    let lend = LoanAction::Disburse { on: day(0), amount_minor: money(120_000) };
    account.record(event("lend".to_owned(), 0, 0, lend)).unwrap();
    for (nth, &(on, minor)) in payments.iter().enumerate() {
        account.record(event(format!("pay {nth}"), on, 1 + nth as u64, repay(on, minor))).unwrap();
    }
    account
}

fn payments() -> impl Strategy<Value = Vec<(i64, i64)>> {
    proptest::collection::vec((0i64..420, 1i64..15_000), 0..6).prop_map(|mut payments| {
        payments.sort_unstable();
        payments
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn principal_parts_add_up_to_the_principal(product in products(), instalments in 1u32..40, minor in 1i64..10_000_000) {
        let mut loan =
            ScheduledLoan::approve(product, terms("0.18", instalments, Every::Months(1), day(0)), money(minor)).unwrap();
        loan.disburse(day(0), money(minor)).unwrap();
        let parts: Vec<i64> = loan.instalments().iter().map(|row| row.principal.due).collect();
        prop_assert_eq!(parts.iter().sum::<i64>(), minor, "{:?}", parts);
        prop_assert!(loan.instalments().iter().all(|row| row.principal.due >= 0 && row.interest.due >= 0));
    }

    #[test]
    fn paying_the_payoff_closes_to_exactly_zero(product in products(), payments in payments(), later in 0i64..200) {
        let account = paid_account(product, &payments);
        let at = payments.last().map_or(0, |&(on, _)| on) + later;
        let mut loan = account.loan().clone();
        loan.set_today(day(at));
        let quote = loan.payoff(day(at)).unwrap().total();
        if loan.status() == LoanStatus::Active && quote > 0 {
            loan.pay(day(at), TransactionKind::Repayment, money(quote)).unwrap();
        }
        prop_assert!(loan.status() != LoanStatus::Active, "{} of {quote} left: {:?}", loan.outstanding(), loan.instalments());
        prop_assert_eq!(loan.outstanding(), 0);
    }

    #[test]
    fn a_reversal_restores_the_schedule_and_the_books(product in products(), payments in payments(), minor in 1i64..150_000) {
        let plain = paid_account(product, &payments);
        let mut touched = plain.clone();
        touched.record(event("slip".to_owned(), 421, 9, repay(15, minor))).unwrap();
        touched.record(event("undo".to_owned(), 421, 10, LoanAction::Reverse { key: "slip".to_owned() })).unwrap();
        prop_assert_eq!(touched.loan().instalments(), plain.loan().instalments());
        prop_assert_eq!(trial_balance(touched.journal()).unwrap(), trial_balance(plain.journal()).unwrap());
    }

    #[test]
    fn a_snapshot_and_later_events_equal_the_full_replay(product in products(), payments in payments(), cut in 0usize..7) {
        let whole = paid_account(product.clone(), &payments);
        let cut = cut.min(payments.len());
        let part = paid_account(product, &payments[..cut]);
        let mut resumed = ScheduledAccount::resume(part.snapshot().unwrap()).unwrap();
        for (nth, &(on, minor)) in payments.iter().enumerate().skip(cut) {
            resumed.record(event(format!("pay {nth}"), on, 1 + nth as u64, repay(on, minor))).unwrap();
        }
        prop_assert_eq!(resumed.snapshot().unwrap(), whole.snapshot().unwrap());
    }
}

#[test]
fn a_quote_on_overdue_principal_closes_the_loan_where_interest_runs_to_the_due_date() {
    // Three instalments missed, a quote and its payment in the fourth month: overdue principal earns to the end of it in both.
    let product = LoanProduct {
        step: InterestStep::Instalment,
        recalculates: Some(PayoffInterest::DueDate),
        rests_by_instalment: false,
        no_interest_past_due: false,
        ..product(true)
    };
    let mut loan = paid_account(product, &[]).loan().clone();
    loan.set_today(day(91));
    let quote = loan.payoff(day(91)).unwrap();
    loan.pay(day(91), TransactionKind::Repayment, money(quote.total())).unwrap();
    assert_eq!((loan.outstanding(), loan.status()), (0, LoanStatus::Closed));
    let interest: i64 = loan.instalments().iter().map(|row| row.interest.paid).sum();
    assert_eq!((interest, quote.total()), (quote.interest, 120_000 + interest));
}

/// Amounts and days at the ends of what their types hold.
const AMOUNTS: [i64; 8] = [i64::MIN, -1, 0, 1, 99, 1_000_000, 10_000_000_000_000, i64::MAX];
const DAYS: [i64; 8] = [-4_300_000, -40, 0, 1, 31, 400, 40_000, 4_000_000];
const COUNTS: [u32; 6] = [0, 1, 6, 600, 1_200, u32::MAX];

fn hostile_actions() -> impl Strategy<Value = (u8, usize, usize, usize)> {
    (0u8..16, 0..AMOUNTS.len(), 0..DAYS.len(), 0..COUNTS.len())
}

fn apply(loan: &mut ScheduledLoan, (what, amount, at, count): (u8, usize, usize, usize)) {
    let (amount, on, count) = (money(AMOUNTS[amount]), day(DAYS[at]), COUNTS[count]);
    // An answer or an error that names the rule; never a panic.
    match what {
        0 => drop(loan.disburse(on, amount)),
        1 => drop(loan.pay(on, TransactionKind::Repayment, amount)),
        2 => drop(loan.pay(on, TransactionKind::MerchantRefund, amount)),
        3 => drop(loan.charge_back(amount, (count != 0).then_some(count))),
        4 => drop(loan.defer_income(on, TransactionKind::CapitalisedIncome, amount)),
        5 => drop(loan.charge(Component::Penalty, on, amount)),
        6 => drop(loan.charge_every_instalment(InstalmentFee::OfBoth(BasisPoints::new(count.min(20_000) as i32)))),
        7 => drop(loan.waive_charge(count as usize)),
        8 => drop(loan.change_terms(TermChange::MoreInstalments { from: on, count })),
        9 => drop(loan.change_terms(TermChange::MoveDueDate { from: day(29), to: on })),
        10 => drop(loan.change_terms(TermChange::PauseInterest { from: day(3), to: on })),
        11 => drop(loan.re_age(on, Every::Days(count), count)),
        12 => drop(loan.mark(on, TransactionKind::ChargeOff)),
        13 => drop(loan.mark(on, TransactionKind::ReAmortise)),
        14 => drop(loan.undo(count)),
        _ => {
            loan.set_today(on);
            drop(loan.end_of_day());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn hostile_terms_and_facts_are_answered_or_refused_and_never_panic(
        base in products(),
        rate in prop_oneof![Just("0"), Just("0.18"), Just("1000"), Just("10000000")],
        (count, start, principal) in (0..COUNTS.len(), 0..DAYS.len(), 0..AMOUNTS.len()),
        every in prop_oneof![Just(Every::Months(1)), Just(Every::Days(1)), Just(Every::Days(u32::MAX)), Just(Every::Months(u32::MAX))],
        (down, effect, fixed) in (0i32..20_000, 0u8..3, prop_oneof![Just(None), Just(Some(0)), Just(Some(u32::MAX))]),
        shape in (any::<bool>(), 0u32..8, 0u32..8, 0u32..8),
        actions in proptest::collection::vec(hostile_actions(), 0..8),
    ) {
        let product = LoanProduct {
            down_payment: (down % 3 == 0).then_some(DownPayment { share: BasisPoints::new(down), automatic: down % 2 == 0 }),
            charge_off: [ChargeOffEffect::Regular, ChargeOffEffect::ZeroInterest, ChargeOffEffect::AccelerateMaturity][usize::from(effect)],
            fixed_length_days: fixed,
            ..base
        };
        let (equal_principal, principal_grace, interest_grace, interest_free) = shape;
        let shape = InstalmentShape { equal_principal, principal_grace, interest_grace, interest_free };
        let terms = ScheduledTerms { shape, ..terms(rate, COUNTS[count], every, day(DAYS[start])) };
        let Ok(mut loan) = ScheduledLoan::approve(product, terms, money(AMOUNTS[principal])) else { return Ok(()) };
        drop(loan.disburse(day(DAYS[start]), money(AMOUNTS[principal])));
        for action in actions {
            let before = loan.clone();
            apply(&mut loan, action);
            let _ = (before, loan.payoff(day(40)), loan.outstanding());
        }
    }
}
