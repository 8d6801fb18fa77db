//! Laws and figures of payment plans as they go.

use dandelion_credit::loan::{
    AmortisationRow, BalanceStatus, ChargeGrouping, ChargeKind, CostCap, FeeOrder, FeeRebate, PaymentOutcome,
    PaymentStatus, PlanAmortisation, PlanCharge, PlanMethod, PlanPayment, PlanRate, PlanServicing, PlanTerms,
    PromotionalRate, ResidualRule, ScheduleChange, amortise_plan, settle_plan,
};
use dandelion_credit::{BasisPoints, DailyRate, Money, Rounding};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

/// 1,500.00 at 0.8 % a day over five months, capped as the United Kingdom caps short credit.
fn terms(method: PlanMethod) -> PlanTerms {
    PlanTerms {
        principal: money(150_000),
        financed_fee: Money::ZERO,
        rate: PlanRate::Daily(DailyRate::from_fraction("0.008".parse().unwrap()).unwrap()),
        payment_days: vec![14, 44, 75, 106, 134],
        agreed_payments: None,
        method,
        cap: CostCap {
            total_share: Some(BasisPoints::new(10_000)),
            daily_share: Some(BasisPoints::new(80)),
            ..CostCap::default()
        },
        payment_rounding: Rounding::Up,
        interest_rounding: Rounding::Down,
        residual: ResidualRule::LowerLast,
    }
}

fn late_charge(minor: i64) -> PlanCharge {
    PlanCharge {
        kind: ChargeKind::LatePayment,
        amount: money(minor),
        grouping: ChargeGrouping::OncePerDay,
        holidays: vec![],
    }
}

fn row(account: &PlanAmortisation, day: i32) -> &AmortisationRow {
    account.rows.iter().find(|row| row.day == day).unwrap()
}

// Figures of FSharp.Finance.Personal's published examples (io/out at 204707c).

#[test]
fn paid_ahead_then_late_then_all_at_once() {
    let servicing =
        PlanServicing { payment_grace_days: 3, charges: vec![late_charge(1_000)], ..PlanServicing::default() };
    let paid = [(2, 49_153), (4, 49_153), (140, 119_395)].map(|(day, minor)| PlanPayment::confirmed(day, money(minor)));
    let account = amortise_plan(&terms(PlanMethod::Actuarial), &servicing, &paid, 140).unwrap();
    assert_eq!(row(&account, 14).payment_status, PaymentStatus::NothingDue);
    assert_eq!(row(&account, 75).payment_status, PaymentStatus::Missed);
    assert_eq!(row(&account, 134).payment_status, PaymentStatus::PaidLaterInFull);
    assert_eq!(row(&account, 134).settlement_figure, Some(money(116_719)));
    let last = row(&account, 140);
    let parts = [last.split.charges, last.split.interest, last.split.principal].map(Money::to_minor);
    assert_eq!((parts, last.balance_status), ([3_000, 60_650, 55_745], BalanceStatus::Closed));
}

#[test]
fn interest_put_on_top_is_given_back_when_the_plan_ends_early() {
    let terms = PlanTerms {
        principal: money(100_000),
        payment_days: vec![31, 61, 90, 120],
        agreed_payments: Some([45_146, 45_146, 45_146, 45_143].map(money).to_vec()),
        ..terms(PlanMethod::AddOn)
    };
    let paid = [(31, 45_146), (61, 45_146), (90, 79_455)].map(|(day, minor)| PlanPayment::confirmed(day, money(minor)));
    let account = amortise_plan(&terms, &PlanServicing::default(), &paid, 90).unwrap();
    assert_eq!(row(&account, 61).settlement_figure, Some(money(58_508)));
    let last = row(&account, 90);
    assert_eq!((last.split.interest.to_minor(), last.balance_status), (-10_834, BalanceStatus::Closed));
    assert_eq!(account.rows.last().unwrap().payment_status, PaymentStatus::NoLongerRequired);
}

#[test]
fn a_fee_is_rebated_pro_rata_and_never_below_nothing() {
    let terms = PlanTerms {
        principal: money(120_000),
        financed_fee: money(227_364),
        rate: PlanRate::Yearly("0.0995".parse().unwrap()),
        payment_days: (0..11).map(|n| 15 + 14 * n).collect(),
        cap: CostCap::default(),
        ..terms(PlanMethod::Actuarial)
    };
    let servicing = PlanServicing {
        payment_grace_days: 3,
        minimum_payment: money(50),
        fee_rebate: FeeRebate::ProRata,
        charges: vec![late_charge(1_000)],
        ..PlanServicing::default()
    };
    let paid = [18, 25, 32, 39, 46, 53].map(|day| PlanPayment::confirmed(day, money(2_500)));
    let account = settle_plan(&terms, &servicing, &paid, 57).unwrap();
    let settled = row(&account, 57);
    assert_eq!(row(&account, 15).payment_status, PaymentStatus::PaidLaterOwing(money(27_315)));
    assert_eq!(settled.settlement_payment, Some(money(196_972)));
    assert_eq!((settled.fee_rebate, settled.split.fee), (money(143_753), money(79_021)));
    let before = PlanServicing { fee_order: FeeOrder::BeforePrincipal, ..servicing };
    let account = amortise_plan(&terms, &before, &[PlanPayment::confirmed(15, money(100_000))], 15).unwrap();
    assert_eq!(row(&account, 15).split.principal, Money::ZERO);
}

#[test]
fn a_pending_payment_counts_until_it_times_out() {
    let servicing = PlanServicing { payment_grace_days: 3, ..PlanServicing::default() };
    let pending = [PlanPayment { day: 14, amount: money(49_153), outcome: PaymentOutcome::Pending }];
    let status = |as_of: i32| {
        let account = amortise_plan(&terms(PlanMethod::Actuarial), &servicing, &pending, as_of).unwrap();
        (row(&account, 14).payment_status, row(&account, 14).settlement_figure.is_some())
    };
    assert_eq!(status(17), (PaymentStatus::PaymentPending, false), "no quote while money is on its way");
    assert_eq!(status(18), (PaymentStatus::Missed, true));
}

#[test]
fn settling_within_the_grace_days_costs_no_interest_and_a_promotion_holds_on_its_days() {
    let servicing = PlanServicing { interest_grace_days: 3, ..PlanServicing::default() };
    let quote = |day: i32| {
        let account = settle_plan(&terms(PlanMethod::Actuarial), &servicing, &[], day).unwrap();
        row(&account, day).settlement_payment.unwrap().to_minor()
    };
    assert_eq!((quote(3), quote(4)), (150_000, 154_800));
    let rate = PlanRate::Yearly("0.2024".parse().unwrap());
    let promotion = PromotionalRate { first_day: 11, last_day: 12, rate };
    let servicing = PlanServicing { promotional_rates: vec![promotion], ..PlanServicing::default() };
    let account = settle_plan(&terms(PlanMethod::Actuarial), &servicing, &[], 14).unwrap();
    // Twelve days at 0.8 % and two at a 365th of 20.24 %.
    assert_eq!(row(&account, 14).split.interest.to_minor(), 14_400 + 166);
}

#[test]
fn a_refused_payment_is_charged_as_often_as_agreed_and_not_on_holidays() {
    let refused = |day| PlanPayment { day, amount: money(49_153), outcome: PaymentOutcome::InsufficientFunds };
    let attempts = [refused(14), refused(14), refused(20), refused(44)];
    let charged = |grouping: ChargeGrouping, holidays: Vec<(i32, i32)>| {
        let charge = PlanCharge { kind: ChargeKind::InsufficientFunds, amount: money(700), grouping, holidays };
        let servicing = PlanServicing { charges: vec![charge], ..PlanServicing::default() };
        let account = amortise_plan(&terms(PlanMethod::Actuarial), &servicing, &attempts, 60).unwrap();
        row(&account, 60).charges_balance.to_minor()
    };
    assert_eq!(charged(ChargeGrouping::OncePerDay, vec![]), 1_400);
    assert_eq!(charged(ChargeGrouping::OncePerPlan, vec![]), 700);
    assert_eq!(charged(ChargeGrouping::Every, vec![]), 2_100);
    assert_eq!(charged(ChargeGrouping::Every, vec![(10, 14)]), 700);
}

#[test]
fn payments_can_be_cancelled_and_agreed_anew() {
    let changes = vec![
        ScheduleChange::Cancelled { day: 44 },
        ScheduleChange::Rescheduled { day: 160, amount: money(20_000) },
        ScheduleChange::Rescheduled { day: 190, amount: money(500_000) },
    ];
    let servicing = PlanServicing { changes, ..PlanServicing::default() };
    let paid = [14, 75, 106, 134].map(|day| PlanPayment::confirmed(day, money(49_153)));
    let account = amortise_plan(&terms(PlanMethod::Actuarial), &servicing, &paid, 135).unwrap();
    assert_eq!(row(&account, 44).payment_status, PaymentStatus::NothingDue);
    assert_eq!(row(&account, 160).due, money(20_000));
    assert_eq!(account.final_status(), BalanceStatus::Closed, "the last payment asks for no more than is owed");
}

#[test]
fn plans_that_cannot_be_are_refused_by_name() {
    let good = terms(PlanMethod::Actuarial);
    let refuse = |servicing: PlanServicing, payments: &[PlanPayment], as_of: i32| {
        amortise_plan(&good, &servicing, payments, as_of).unwrap_err().is_invalid()
    };
    let rules = PlanServicing::default;
    assert!(refuse(rules(), &[], -1));
    assert!(refuse(rules(), &[PlanPayment::confirmed(-1, money(5))], 10));
    assert!(refuse(rules(), &vec![PlanPayment::confirmed(1, money(5)); 10_001], 10));
    assert!(refuse(PlanServicing { interest_grace_days: -1, ..rules() }, &[], 10));
    assert!(refuse(PlanServicing { minimum_payment: money(-1), ..rules() }, &[], 10));
    assert!(refuse(PlanServicing { charges: vec![late_charge(-1)], ..rules() }, &[], 10));
    assert!(refuse(PlanServicing { changes: vec![ScheduleChange::Cancelled { day: 15 }], ..rules() }, &[], 10));
    let backwards = PromotionalRate { first_day: 9, last_day: 8, rate: PlanRate::ZERO };
    assert!(refuse(PlanServicing { promotional_rates: vec![backwards], ..rules() }, &[], 10));
    let huge = [PlanPayment::confirmed(1, Money::MAX), PlanPayment::confirmed(1, Money::MAX)];
    assert!(amortise_plan(&good, &rules(), &huge, 10).unwrap_err().is_overflow());
    let far = amortise_plan(&good, &rules(), &[PlanPayment::confirmed(1, Money::MAX)], i32::MAX).unwrap();
    assert_eq!(far.final_status(), BalanceStatus::RefundDue);
}

fn any_servicing() -> impl Strategy<Value = PlanServicing> {
    (0i32..5, 0i32..5, 0i64..200, any::<bool>(), 0u8..3, 0i64..1_500).prop_map(
        |(interest_grace_days, payment_grace_days, minimum, before, rebate, charge)| PlanServicing {
            interest_grace_days,
            payment_grace_days,
            minimum_payment: money(minimum),
            credit_rate: PlanRate::Yearly("0.08".parse().unwrap()),
            fee_order: if before { FeeOrder::BeforePrincipal } else { FeeOrder::Proportional },
            fee_rebate: [FeeRebate::None, FeeRebate::ProRata, FeeRebate::Balance][usize::from(rebate)],
            charges: if charge > 0 { vec![late_charge(charge)] } else { vec![] },
            ..PlanServicing::default()
        },
    )
}

fn any_terms() -> impl Strategy<Value = PlanTerms> {
    (10_000i64..1_000_000, 0i64..200_000, any::<bool>(), 0u32..90, any::<bool>()).prop_map(
        |(principal, fee, add_on, rate, capped)| {
            let method = if add_on { PlanMethod::AddOn } else { PlanMethod::Actuarial };
            PlanTerms {
                principal: money(principal),
                financed_fee: money(if add_on { 0 } else { fee }),
                rate: PlanRate::Daily(DailyRate::from_fraction(Decimal::new(i64::from(rate), 4)).unwrap()),
                cap: if capped { terms(method).cap } else { CostCap::default() },
                ..terms(method)
            }
        },
    )
}

fn any_payments() -> impl Strategy<Value = Vec<PlanPayment>> {
    let payment = (0i32..200, -20_000i64..120_000, 0u8..8).prop_map(|(day, minor, outcome)| PlanPayment {
        day,
        amount: money(minor),
        outcome: match outcome {
            0 => PaymentOutcome::Pending,
            1 => PaymentOutcome::Failed,
            2 => PaymentOutcome::InsufficientFunds,
            3 => PaymentOutcome::WrittenOff,
            _ => PaymentOutcome::Confirmed,
        },
    });
    proptest::collection::vec(payment, 0..12)
}

fn total(row: &AmortisationRow) -> i64 {
    row.principal_balance.to_minor() + row.fee_balance.to_minor() + row.charges_balance.to_minor()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_payment_is_split_without_a_cent_over(
        terms in any_terms(), servicing in any_servicing(), payments in any_payments(), as_of in 0i32..220
    ) {
        let account = amortise_plan(&terms, &servicing, &payments, as_of).unwrap();
        let mut before = terms.principal.to_minor() + terms.financed_fee.to_minor();
        for row in &account.rows {
            let split = row.split;
            let parts = [split.charges, split.interest, split.fee, split.principal];
            prop_assert_eq!(parts.iter().map(|part| part.to_minor()).sum::<i64>(), row.net.to_minor());
            let charged: i64 = row.new_charges.iter().map(|(_, amount)| amount.to_minor()).sum();
            let paid = row.net.to_minor() - split.interest.to_minor();
            prop_assert_eq!(total(row), before + charged - row.fee_rebate.to_minor() - paid);
            prop_assert!(row.due <= row.scheduled.unwrap_or_default() && !row.due.is_negative());
            before = total(row);
        }
    }

    #[test]
    fn a_quote_closes_to_exactly_nothing_on_any_day(
        terms in any_terms(), servicing in any_servicing(), payments in any_payments(), day in 0i32..220
    ) {
        let settled = settle_plan(&terms, &servicing, &payments, day).unwrap();
        let row = row(&settled, day);
        prop_assert_eq!((total(row), row.interest_balance_minor.trunc()), (0, Decimal::ZERO));
        prop_assert_eq!(settled.final_status(), BalanceStatus::Closed);
        // What was quoted, paid, is what was promised.
        let mut paid = payments.clone();
        paid.retain(|payment| payment.outcome != PaymentOutcome::Pending);
        let quoted = settle_plan(&terms, &servicing, &paid, day).unwrap();
        let amount = quoted.rows.iter().find_map(|row| row.settlement_payment).unwrap();
        prop_assume!(amount.is_positive());
        paid.push(PlanPayment::confirmed(day, amount));
        let account = amortise_plan(&terms, &servicing, &paid, day).unwrap();
        let after = account.rows.iter().find(|row| row.day == day).unwrap();
        prop_assert_eq!((total(after), after.balance_status), (0, BalanceStatus::Closed), "{:?}", after);
    }

    #[test]
    fn the_order_of_payments_and_splitting_one_change_nothing(
        terms in any_terms(), servicing in any_servicing(), payments in any_payments(), share in 1i64..100
    ) {
        let account = amortise_plan(&terms, &servicing, &payments, 150).unwrap();
        let mut halves = Vec::new();
        for payment in payments.iter().rev() {
            let part = payment.amount.to_minor() * share / 100;
            halves.push(PlanPayment { amount: money(part), ..*payment });
            halves.push(PlanPayment { amount: money(payment.amount.to_minor() - part), ..*payment });
        }
        prop_assert_eq!(amortise_plan(&terms, &servicing, &halves, 150).unwrap(), account);
    }

    #[test]
    fn interest_keeps_the_total_cap_whatever_happens(
        terms in any_terms(), servicing in any_servicing(), payments in any_payments(), as_of in 0i32..2_000
    ) {
        let account = amortise_plan(&terms, &servicing, &payments, as_of).unwrap();
        if let Some(most) = terms.cap.total_allowed(terms.principal).unwrap() {
            let paid: i64 = account.rows.iter().map(|row| row.split.interest.to_minor()).sum();
            let open = account.rows.last().unwrap().interest_balance_minor;
            prop_assert!(Decimal::from(paid) + open <= most.to_decimal_minor() + Decimal::ONE, "{paid} + {open} > {most:?}");
        }
    }
}
