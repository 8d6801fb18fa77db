//! Rules of scheduled loans, each with figures of the servicing platform that has them: the end-to-end feature tables of
//! apache/fineract at b32837e, by their TestRail numbers.

use std::collections::BTreeSet;

use dandelion_credit::loan::{
    ChargeOffEffect, Component, Every, InstalmentShape, InterestMethod, InterestStep, LoanProduct, LoanStatus,
    MonthDays, ScheduleKind, ScheduledLoan, ScheduledTerms, TermChange, TransactionKind, YearDays,
};
use dandelion_credit::{Date, Money};

use crate::loan_scheduled::product;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn lent(product: LoanProduct, start: &str, rate: &str, months: u32, minor: i64) -> ScheduledLoan {
    shaped(product, start, rate, months, minor, InstalmentShape::default())
}

fn shaped(
    product: LoanProduct,
    start: &str,
    rate: &str,
    months: u32,
    minor: i64,
    shape: InstalmentShape,
) -> ScheduledLoan {
    let start = date(start);
    let terms = ScheduledTerms {
        annual_rate: rate.parse().unwrap(),
        every: Every::Months(1),
        instalments: months,
        submitted_on: start,
        expected_on: start,
        shape,
    };
    let mut loan = ScheduledLoan::approve(product, terms, money(minor)).unwrap();
    loan.disburse(start, money(minor)).unwrap();
    loan
}

fn on(loan: &mut ScheduledLoan, day: &str) -> Date {
    loan.set_today(date(day));
    date(day)
}

fn repay(loan: &mut ScheduledLoan, day: &str, minor: i64) {
    let day = on(loan, day);
    loan.pay(day, TransactionKind::Repayment, money(minor)).unwrap();
}

fn parts(loan: &ScheduledLoan) -> Vec<(i64, i64)> {
    loan.instalments().iter().map(|row| (row.principal.due, row.interest.due)).collect()
}

fn actual_days() -> LoanProduct {
    LoanProduct { year: YearDays::Actual, month: MonthDays::Actual, ..product(true) }
}

#[test]
fn a_refund_gives_back_the_interest_on_what_it_returns() {
    // C3269: 1,000.00 at 9.9 % by actual days, returned in full after 21 days: 1,000 x 9.9 % x 21 / 366 = 5.68.
    let refunds = BTreeSet::from([TransactionKind::MerchantRefund]);
    let mut loan = lent(LoanProduct { interest_refunds: refunds, ..actual_days() }, "2024-01-01", "0.099", 4, 100_000);
    let day = on(&mut loan, "2024-01-22");
    loan.pay(day, TransactionKind::MerchantRefund, money(100_000)).unwrap();
    let given_back: Vec<_> = loan
        .transactions()
        .iter()
        .filter(|known| known.kind == TransactionKind::InterestRefund)
        .map(|known| (known.amount, known.portions.principal))
        .collect();
    assert_eq!(given_back, [(568, 568)]);
    assert_eq!((loan.status(), loan.outstanding()), (LoanStatus::Closed, 0));
    // A refund of the same kind that is agreed to give nothing back leaves the interest owed.
    let mut plain = lent(loan.product().clone(), "2024-01-01", "0.099", 4, 100_000);
    let day = on(&mut plain, "2024-01-22");
    plain.pay_without_interest_refund(day, TransactionKind::MerchantRefund, money(100_000)).unwrap();
    assert!(plain.outstanding() > 0);
}

#[test]
fn a_fee_added_to_the_principal_is_earned_by_the_day_and_at_once_when_the_loan_closes() {
    // C3647: 900.00 and a day later 100.00 of income at 7 %: 900 x 7 % / 12 + 100 x 7 % / 12 x 30 / 31 = 5.81.
    let mut loan = lent(product(true), "2024-01-01", "0.07", 1, 90_000);
    let day = on(&mut loan, "2024-01-02");
    loan.defer_income(day, TransactionKind::CapitalisedIncome, money(10_000)).unwrap();
    assert_eq!(parts(&loan), [(100_000, 581)]);
    loan.end_of_day().unwrap();
    repay(&mut loan, "2024-01-02", 110_000);
    assert_eq!((parts(&loan), loan.overpaid()), (vec![(100_000, 17)], 9_983));
    let earned: i64 = loan
        .transactions()
        .iter()
        .filter(|known| known.kind == TransactionKind::CapitalisedIncomeAmortisation)
        .map(|known| known.amount)
        .sum();
    assert_eq!(earned, 10_000);
}

#[test]
fn a_re_age_spreads_the_principal_and_the_unpaid_interest_over_new_instalments() {
    // C4075: 100.00 at 7 % over 6 months, one paid, one missed; on 15 March everything goes to six from 1 April.
    let mut loan = lent(product(true), "2024-01-01", "0.07", 6, 10_000);
    repay(&mut loan, "2024-02-01", 1_701);
    on(&mut loan, "2024-03-15");
    loan.re_age(date("2024-04-01"), Every::Months(1), 6).unwrap();
    let expected = [(1_643, 58), (0, 0), (1_332, 98), (1_389, 41), (1_397, 33), (1_405, 25), (1_413, 17), (1_421, 8)];
    assert_eq!(parts(&loan), expected);
}

#[test]
fn a_charge_off_accelerates_everything_to_its_day() {
    // C3727: charged off on 31 March with one of six instalments paid.
    let accelerates = LoanProduct { charge_off: ChargeOffEffect::AccelerateMaturity, ..product(true) };
    let mut loan = lent(accelerates, "2024-01-01", "0.07", 6, 10_000);
    repay(&mut loan, "2024-02-01", 1_701);
    let day = on(&mut loan, "2024-03-31");
    loan.mark(day, TransactionKind::ChargeOff).unwrap();
    assert_eq!(parts(&loan), [(1_643, 58), (1_652, 49), (6_705, 47)]);
    assert_eq!(loan.instalments()[2].due, day);
    // Interest earned until then is booked: 0.58 + 0.49 + 0.47.
    let accrued: i64 = loan
        .transactions()
        .iter()
        .filter(|known| known.kind == TransactionKind::Accrual)
        .map(|known| known.portions.interest)
        .sum();
    assert_eq!(accrued, 154);
    // Money that turns out to have paid everything before makes the charge-off void.
    loan.pay(date("2024-03-01"), TransactionKind::Repayment, money(8_406)).unwrap();
    assert_eq!(loan.status(), LoanStatus::Closed);
    assert!(!loan.transactions().iter().any(|known| known.kind == TransactionKind::ChargeOff));
}

#[test]
fn a_charge_off_that_stops_interest_leaves_principal_alone_to_be_paid() {
    let stops = LoanProduct { charge_off: ChargeOffEffect::ZeroInterest, ..product(true) };
    let mut loan = lent(stops, "2024-01-01", "0.07", 6, 10_000);
    repay(&mut loan, "2024-02-01", 1_701);
    let day = on(&mut loan, "2024-03-01");
    loan.mark(day, TransactionKind::ChargeOff).unwrap();
    let (principal, interest): (Vec<i64>, Vec<i64>) = parts(&loan).into_iter().unzip();
    assert_eq!(interest, [58, 49, 0, 0, 0, 0]);
    assert_eq!(principal.iter().sum::<i64>(), 10_000);
}

#[test]
fn a_due_date_that_moves_lengthens_its_period_and_shifts_the_later_ones() {
    // C3156: 100.00 at 9.4822 % by thirty-day months, the first due date moved from 1 to 18 February.
    let mut loan = lent(product(false), "2024-01-01", "0.094822", 6, 10_000);
    assert_eq!(parts(&loan)[0], (1_634, 79));
    on(&mut loan, "2024-02-18");
    loan.change_terms(TermChange::MoveDueDate { from: date("2024-02-01"), to: date("2024-02-18") }).unwrap();
    let expected = [(1_588, 125), (1_647, 66), (1_660, 53), (1_673, 40), (1_686, 27), (1_746, 14)];
    assert_eq!(parts(&loan), expected);
    assert_eq!(loan.instalments()[5].due, date("2024-07-18"));
}

#[test]
fn equal_principal_and_grace_shape_the_instalments_of_a_plan_made_once() {
    let once = LoanProduct {
        kind: ScheduleKind::Cumulative,
        step: InterestStep::Instalment,
        level_multiple_minor: Some(100),
        ..product(false)
    };
    // C2494: 5,000.00 at 12 % over 18 months in equal parts of principal.
    let equal = InstalmentShape { equal_principal: true, ..InstalmentShape::default() };
    let loan = shaped(once.clone(), "2022-11-01", "0.12", 18, 500_000, equal);
    assert_eq!((parts(&loan)[0], parts(&loan)[1], parts(&loan)[17]), ((27_778, 5_000), (27_778, 4_722), (27_774, 278)));
    // C2495: no principal in the first three.
    let grace = InstalmentShape { principal_grace: 3, ..InstalmentShape::default() };
    let loan = shaped(once, "2022-11-01", "0.12", 18, 500_000, grace);
    assert_eq!((parts(&loan)[2], parts(&loan)[3], parts(&loan)[17]), ((0, 5_000), (31_100, 5_000), (35_136, 351)));
}

#[test]
fn a_credit_balance_meets_a_charge_back_before_anything_is_owed() {
    // C3079 in short: 500.00 too much, 125.00 of it taken back.
    let mut loan = lent(product(false), "2024-01-01", "0", 2, 50_000);
    let payment = {
        let day = on(&mut loan, "2024-01-10");
        loan.pay(day, TransactionKind::PayoutRefund, money(62_500)).unwrap()
    };
    assert_eq!(loan.overpaid(), 12_500);
    loan.charge_back(money(12_500), Some(payment)).unwrap();
    assert_eq!((loan.status(), loan.outstanding(), loan.overpaid()), (LoanStatus::Closed, 0, 0));
    assert_eq!(parts(&loan), [(25_000, 0), (25_000, 0)]);
}

#[test]
fn overdue_principal_is_spread_over_what_is_to_come() {
    let mut loan = lent(product(false), "2024-01-01", "0", 4, 40_000);
    let day = on(&mut loan, "2024-02-15");
    loan.mark(day, TransactionKind::ReAmortise).unwrap();
    assert_eq!(parts(&loan), [(0, 0), (13_333, 0), (13_333, 0), (13_334, 0)]);
}

#[test]
fn a_year_has_366_days_only_in_the_period_with_its_leap_day() {
    let leap = LoanProduct { year: YearDays::ActualLeapPeriod, month: MonthDays::Actual, ..product(false) };
    let loan = lent(leap, "2024-01-01", "0.12", 3, 100_000);
    // 1,000 x 12 % x 31 / 365, then the balance x 12 % x 29 / 366, then x 31 / 365.
    assert_eq!(parts(&loan)[0].1, 1_019);
    let balance = 100_000 - parts(&loan)[0].0;
    assert_eq!(parts(&loan)[1].1, (balance * 12 * 29 + 18_300) / 36_600);
    let balance = balance - parts(&loan)[1].0;
    assert_eq!(parts(&loan)[2].1, (balance * 12 * 31 + 18_250) / 36_500);
}

#[test]
fn flat_interest_is_a_share_of_what_was_lent_in_every_instalment() {
    // C3141: 1,000.00 at 12 % flat over four months.
    let flat = LoanProduct {
        kind: ScheduleKind::Cumulative,
        method: InterestMethod::Flat,
        step: InterestStep::Instalment,
        ..product(false)
    };
    let loan = lent(flat, "2024-01-01", "0.12", 4, 100_000);
    assert_eq!(parts(&loan), [(25_000, 1_000); 4]);
}

#[test]
fn what_an_instalment_has_earned_is_noted_on_its_due_date() {
    let noted = LoanProduct { accrual_activity: true, ..product(true) };
    let mut loan = lent(noted, "2024-01-01", "0.07", 6, 10_000);
    loan.charge(Component::Fee, date("2024-01-20"), money(300)).unwrap();
    on(&mut loan, "2024-02-02");
    loan.end_of_day().unwrap();
    let activity = |loan: &ScheduledLoan| -> Vec<(Date, i64, i64)> {
        let known = loan.transactions();
        let known = known.iter().filter(|known| known.kind == TransactionKind::AccrualActivity);
        known.map(|known| (known.on, known.portions.interest, known.portions.fee)).collect()
    };
    assert_eq!(activity(&loan), [(date("2024-02-01"), 58, 300)]);
    let before = loan.transactions().len();
    loan.end_of_day().unwrap();
    assert_eq!(loan.transactions().len(), before);
}

#[test]
fn hostile_figures_are_refused_and_never_overflow() {
    let start = date("2024-01-01");
    let terms = |rate: &str, instalments: u32, every: Every| ScheduledTerms {
        annual_rate: rate.parse().unwrap(),
        every,
        instalments,
        submitted_on: start,
        expected_on: start,
        shape: InstalmentShape::default(),
    };
    let month = Every::Months(1);
    let most = money(10_000_000_000_000);
    for (terms, amount) in [
        (terms("0.07", 6, month), money(0)),
        (terms("0.07", 6, month), money(-5)),
        (terms("0.07", 6, month), Money::MAX),
        (terms("-0.07", 6, month), money(5)),
        (terms("1001", 6, month), money(5)),
        (terms("0.07", 0, month), money(5)),
        (terms("0.07", 1_201, month), money(5)),
        (terms("0.07", 6, Every::Days(0)), money(5)),
        (terms("0.07", 1_200, Every::Months(u32::MAX)), money(5)),
    ] {
        assert!(ScheduledLoan::approve(product(true), terms, amount).unwrap_err().is_invalid());
    }
    // The largest amount at 10,000 % over 600 months either has a plan or is refused; it does not wrap.
    for rate in ["100", "1000", "0"] {
        if let Ok(mut loan) = ScheduledLoan::approve(product(true), terms(rate, 600, month), most) {
            let lent = loan.disburse(start, most);
            let principal: i64 = loan.instalments().iter().map(|row| row.principal.due).sum();
            assert!(lent.is_err() || principal == most.to_minor(), "{rate}");
        }
    }
    let mut loan = ScheduledLoan::approve(product(true), terms("100", 600, month), money(1)).unwrap();
    loan.disburse(start, money(1)).unwrap();
    assert_eq!(loan.instalments().iter().map(|row| row.principal.due).sum::<i64>(), 1);
    loan.set_today(date("9999-12-31"));
    assert!(loan.end_of_day().is_ok());
    loan.set_today(date("2024-01-02"));
    assert!(loan.end_of_day().is_ok());
}
