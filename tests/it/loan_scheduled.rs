//! Loans repaid by schedule: figures worked out by hand, and laws.

use std::collections::{BTreeMap, BTreeSet};

use dandelion_credit::loan::{
    Allocation, ChargeOffEffect, Component, Every, FutureRule, InstalmentShape, InterestMethod, InterestStep,
    LoanProduct, LoanStatus, MonthDays, PaymentRule, PayoffInterest, ScheduleKind, ScheduledInstalment, ScheduledLoan,
    ScheduledTerms, TermChange, TransactionKind, YearDays,
};
use dandelion_credit::{Date, Money, Rounding};
use jiff::ToSpan;
use proptest::prelude::*;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn product(recalculates: bool) -> LoanProduct {
    LoanProduct {
        kind: ScheduleKind::Progressive,
        method: InterestMethod::DecliningBalance,
        step: InterestStep::Daily,
        partial_periods: false,
        year: YearDays::Fixed(360),
        month: MonthDays::Thirty,
        level_multiple_minor: None,
        recalculates: recalculates.then_some(PayoffInterest::PaymentDay),
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

fn hundred_over_six_months(recalculates: bool) -> ScheduledLoan {
    let start = date("2024-01-01");
    let terms = ScheduledTerms {
        annual_rate: "0.07".parse().unwrap(),
        every: Every::Months(1),
        instalments: 6,
        submitted_on: start,
        expected_on: start,
        shape: InstalmentShape::default(),
    };
    let mut loan = ScheduledLoan::approve(product(recalculates), terms, Money::from_minor(10_000)).unwrap();
    loan.disburse(start, Money::from_minor(10_000)).unwrap();
    loan
}

fn parts(loan: &ScheduledLoan) -> Vec<(i64, i64)> {
    loan.instalments().iter().map(|row| (row.principal.due, row.interest.due)).collect()
}

#[test]
fn a_schedule_is_the_annuity_with_the_rest_in_the_last_instalment() {
    let plan = [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)];
    assert_eq!(parts(&hundred_over_six_months(true)), plan);
    assert_eq!(parts(&hundred_over_six_months(false)), plan);
}

#[test]
fn a_payoff_in_the_middle_of_a_month_owes_that_part_of_its_interest_and_closes_the_loan() {
    let mut loan = hundred_over_six_months(true);
    loan.set_today(date("2024-02-01"));
    loan.pay(date("2024-02-01"), TransactionKind::Repayment, Money::from_minor(1_701)).unwrap();
    loan.set_today(date("2024-02-15"));
    let owed = loan.payoff(date("2024-02-15")).unwrap();
    // 83.57 x 7 % / 12 x 14 / 29 = 0.235
    assert_eq!((owed.principal, owed.interest), (8_357, 24));
    loan.pay(date("2024-02-15"), TransactionKind::Repayment, Money::from_minor(8_381)).unwrap();
    assert_eq!((loan.outstanding(), loan.overpaid(), loan.status()), (0, 0, LoanStatus::Closed));
    let interest: i64 = loan.instalments().iter().map(|row| row.interest.due).sum();
    assert_eq!(interest, 82);
}

#[test]
fn interest_follows_a_missed_instalment_where_the_product_says_so() {
    let mut late = hundred_over_six_months(true);
    late.set_today(date("2024-02-15"));
    late.end_of_day().unwrap();
    // 16.43 overdue from 1 to 15 February: 14 days of 29 more of a month's interest on it.
    assert_eq!(late.instalments()[1].interest.due, 53);
    let mut fixed = hundred_over_six_months(false);
    fixed.set_today(date("2024-02-15"));
    fixed.end_of_day().unwrap();
    assert_eq!(fixed.instalments()[1].interest.due, 49);
}

#[test]
fn what_breaks_a_rule_is_refused_and_changes_nothing() {
    let mut loan = hundred_over_six_months(true);
    let before = loan.clone();
    let nothing = Money::ZERO;
    let day = date("2024-02-01");
    assert!(loan.pay(day, TransactionKind::Repayment, nothing).unwrap_err().is_invalid());
    assert!(loan.pay(day, TransactionKind::ReAge, Money::from_minor(1)).unwrap_err().is_invalid());
    assert!(loan.charge(Component::Interest, day, Money::from_minor(1)).unwrap_err().is_invalid());
    assert!(loan.undo(99).unwrap_err().is_unknown());
    assert!(loan.re_age(day, Every::Months(1), 0).unwrap_err().is_invalid());
    assert!(loan.change_terms(TermChange::MoveDueDate { from: date("2024-02-02"), to: day }).unwrap_err().is_unknown());
    assert_eq!(loan, before);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn payments_are_found_again_in_the_instalments_to_the_cent(
        recalculates in any::<bool>(), payments in proptest::collection::vec((0i64..200, 1i64..4_000), 1..8)
    ) {
        let mut loan = hundred_over_six_months(recalculates);
        let mut paid = 0;
        for (offset, minor) in payments {
            let on = date("2024-01-01").checked_add(offset.days()).unwrap();
            loan.set_today(on);
            loan.pay(on, TransactionKind::Repayment, Money::from_minor(minor)).unwrap();
            paid += minor;
        }
        let found: i64 = loan.instalments().iter().map(ScheduledInstalment::paid_total).sum();
        prop_assert_eq!(found + loan.overpaid(), paid);
        let principal: i64 = loan.instalments().iter().map(|row| row.principal.due).sum();
        prop_assert_eq!(principal, 10_000);
        for transaction in loan.transactions() {
            let sum: i64 = loan.postings(transaction).iter().map(|posting| posting.debit_minor.to_minor()).sum();
            prop_assert_eq!(sum, 0);
        }
    }

    #[test]
    fn undoing_every_payment_gives_the_first_schedule_back(payments in proptest::collection::vec((0i64..200, 1i64..4_000), 1..6)) {
        let mut loan = hundred_over_six_months(false);
        let first = parts(&loan);
        let ids: Vec<u32> = payments
            .into_iter()
            .map(|(offset, minor)| {
                let on = date("2024-01-01").checked_add(offset.days()).unwrap();
                loan.pay(on, TransactionKind::Repayment, Money::from_minor(minor)).unwrap()
            })
            .collect();
        for id in ids {
            loan.undo(id).unwrap();
        }
        prop_assert_eq!(parts(&loan), first);
        prop_assert_eq!((loan.outstanding(), loan.overpaid()), (10_205, 0));
    }
}
