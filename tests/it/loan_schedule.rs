//! Laws of schedules, plans and rates.

use dandelion_credit::calendar::{Date, DayCount, Period, date_of_epoch_day};
use dandelion_credit::loan::{
    Balloon, FeeAmount, FeeTiming, InterestBasis, InterestGrace, LaterDisbursement, LevelRow, LoanTerms, PeriodFactor,
    PlanMethod, PlanRate, PlanTerms, Prepayment, PrepaymentEffect, RepaymentMethod, ResidualRule, ScheduledFee,
    TimedAmount, build_schedule, internal_rate_by_times, level_schedule_into, payment_plan, schedule_with_prepayments,
    settlement_figures,
};
use dandelion_credit::{AnnualRate, BasisPoints, DailyRate, Money, Rounding};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn date(text: &str) -> Date {
    text.parse().expect("an ISO date")
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn any_method() -> impl Strategy<Value = RepaymentMethod> {
    prop_oneof![
        Just(RepaymentMethod::EqualInstalment),
        Just(RepaymentMethod::EqualPrincipal),
        Just(RepaymentMethod::InterestOnly),
        Just(RepaymentMethod::Bullet),
        Just(RepaymentMethod::Flat),
    ]
}

fn any_basis() -> impl Strategy<Value = InterestBasis> {
    prop_oneof![
        Just(InterestBasis::EqualPeriods { year_days: 360 }),
        Just(InterestBasis::Days(DayCount::Actual360)),
        Just(InterestBasis::Days(DayCount::Actual365Fixed)),
        Just(InterestBasis::Days(DayCount::ActualActualIsda)),
        Just(InterestBasis::Days(DayCount::ThirtyE360)),
    ]
}

fn any_terms() -> impl Strategy<Value = LoanTerms> {
    let residual = prop_oneof![
        Just(ResidualRule::Last),
        Just(ResidualRule::LastAfterLevelling),
        Just(ResidualRule::LowerLast),
        Just(ResidualRule::SimilarLast),
        Just(ResidualRule::HigherLast),
    ];
    let shape = (any_method(), any_basis(), residual, 0u32..3, 0u32..3);
    let size = (1_000i64..100_000_000, 0i64..6_000, 18_000i32..21_000, 1u32..40, 1u32..4);
    (shape, size, 0u32..20, 0i32..3_000, any::<bool>()).prop_map(|(shape, size, free_days, down_payment, weekly)| {
        let (method, basis, residual, principal_grace, interest_grace) = shape;
        let (principal, rate, start, instalments, every) = size;
        let rate = AnnualRate::from_fraction(Decimal::new(rate, 4)).expect("a rate");
        let start = date_of_epoch_day(start).expect("a date");
        let period = if weekly { Period::weeks(every) } else { Period::months(every) }.expect("a period");
        LoanTerms {
            method,
            basis,
            residual,
            period,
            principal_grace: principal_grace.min(instalments - 1),
            interest_grace: interest_grace.min(instalments - 1),
            interest_grace_rule: InterestGrace::Deferred,
            interest_free_days: free_days,
            down_payment: BasisPoints::new(down_payment),
            ..LoanTerms::new(money(principal), rate, start, instalments).expect("terms")
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn principal_parts_add_up_and_the_balance_ends_at_nothing(terms in any_terms()) {
        let schedule = build_schedule(&terms).unwrap();
        let mut balance = terms.principal.to_minor();
        for row in &schedule.rows {
            balance -= row.principal.to_minor();
            prop_assert_eq!(row.balance.to_minor(), balance);
            prop_assert_eq!(row.total.to_minor(), row.principal.to_minor() + row.interest.to_minor() + row.fees.to_minor());
            prop_assert!(row.principal.to_minor() >= 0 && row.interest.to_minor() >= 0, "{:?}", row);
        }
        prop_assert_eq!(balance, 0);
        prop_assert!(schedule.rows.is_sorted_by_key(|row| row.due));
        let interest: i64 = schedule.rows.iter().map(|row| row.interest.to_minor()).sum();
        prop_assert_eq!(schedule.interest.to_minor(), interest);
    }

    #[test]
    fn the_residue_lies_on_the_side_the_rule_names(principal in 10_000i64..10_000_000, rate in 1i64..4_000, count in 2u32..61) {
        let rate = AnnualRate::from_fraction(Decimal::new(rate, 4)).unwrap();
        let plain = LoanTerms::new(money(principal), rate, date("2024-01-31"), count).unwrap();
        let last_and_level = |residual| {
            let schedule = build_schedule(&LoanTerms { residual, ..plain.clone() }).unwrap();
            (schedule.rows.last().unwrap().total, schedule.level_instalment.unwrap())
        };
        let (last, level) = last_and_level(ResidualRule::LowerLast);
        prop_assert!(last <= level);
        let (last, level) = last_and_level(ResidualRule::HigherLast);
        prop_assert!(last >= level);
        let gap = |(last, level): (Money, Money)| (last.to_minor() - level.to_minor()).abs();
        let similar = gap(last_and_level(ResidualRule::SimilarLast));
        for rule in [ResidualRule::Last, ResidualRule::LowerLast, ResidualRule::HigherLast] {
            prop_assert!(similar <= gap(last_and_level(rule)));
        }
    }

    #[test]
    fn the_whole_number_path_equals_the_dated_one(principal in 1i64..4_000_000_000, rate in 0i64..8_000, count in 1u32..61) {
        let rate = AnnualRate::from_fraction(Decimal::new(rate, 4)).unwrap();
        let slow = build_schedule(&LoanTerms::new(money(principal), rate, date("2024-01-01"), count).unwrap()).unwrap();
        let month = PeriodFactor::new(rate, dandelion_credit::calendar::YearFraction::new(1, 12).unwrap()).unwrap();
        let mut fast = vec![LevelRow::default(); count as usize];
        level_schedule_into(money(principal), month, Rounding::HalfEven, &mut fast).unwrap();
        for (row, twin) in slow.rows.iter().zip(&fast) {
            prop_assert_eq!((row.principal.to_minor(), row.interest.to_minor()), (twin.principal_minor, twin.interest_minor));
        }
    }

    #[test]
    fn the_internal_rate_of_a_schedule_is_its_own_rate(principal in 1_000_000i64..100_000_000, rate in 100i64..6_000, count in 2u32..60) {
        let annual = AnnualRate::from_fraction(Decimal::new(rate, 4)).unwrap();
        let terms = LoanTerms::new(money(principal), annual, date("2024-01-15"), count).unwrap();
        let schedule = build_schedule(&terms).unwrap();
        let mut flows = vec![TimedAmount { years: 0.0, amount: -(principal as f64) }];
        for (n, row) in schedule.rows.iter().enumerate() {
            flows.push(TimedAmount { years: (n + 1) as f64, amount: row.total.to_minor() as f64 });
        }
        let monthly = internal_rate_by_times(&flows).unwrap().only().unwrap();
        prop_assert!((monthly * 12.0 - rate as f64 / 1e4).abs() < 1e-4);
    }

    #[test]
    fn a_prepayment_never_costs_interest(
        principal in 100_000i64..50_000_000, rate in 100i64..4_000, count in 2u32..48, month in 1i32..40, share in 1i64..120,
    ) {
        let rate = AnnualRate::from_fraction(Decimal::new(rate, 4)).unwrap();
        let mut terms = LoanTerms::new(money(principal), rate, date("2024-01-01"), count).unwrap();
        terms.basis = InterestBasis::Days(DayCount::Actual365Fixed);
        let plain = build_schedule(&terms).unwrap();
        let on = terms.period.after(terms.start, month).unwrap();
        for effect in [PrepaymentEffect::ReduceTerm, PrepaymentEffect::ReduceInstalment] {
            let extra = Prepayment { date: on, amount: money(principal * share / 100), effect };
            let early = schedule_with_prepayments(&terms, &[extra]).unwrap();
            let repaid: i64 = early.rows.iter().map(|row| row.principal.to_minor()).sum();
            prop_assert_eq!(repaid, principal);
            prop_assert!(early.interest.to_minor() <= plain.interest.to_minor() + i64::from(count), "rounding aside");
        }
    }

    #[test]
    fn settling_on_any_day_costs_no_more_than_the_rest_of_the_schedule(terms in any_terms(), day in 0i32..900) {
        let method = if terms.method == RepaymentMethod::Flat { RepaymentMethod::EqualInstalment } else { terms.method };
        let terms = LoanTerms { method, interest_grace: 0, ..terms };
        let schedule = build_schedule(&terms).unwrap();
        let last = schedule.rows.last().unwrap().due;
        let length = dandelion_credit::calendar::days_between(terms.start, last);
        let on = date_of_epoch_day(dandelion_credit::calendar::epoch_day(terms.start) + day % (length + 1)).unwrap();
        let figure = settlement_figures(&terms, &schedule, on, 0, BasisPoints::new(0)).unwrap()[0];
        let to_come: i64 = schedule.rows.iter().filter(|row| row.due > on).map(|row| row.total.to_minor()).sum();
        prop_assert!(figure.total.to_minor() <= to_come + 1);
        prop_assert!(figure.total >= figure.principal);
        if on == last {
            prop_assert_eq!(figure.total, Money::ZERO);
        }
    }

    #[test]
    fn plans_repay_everything_and_keep_their_caps(
        principal in 1_000i64..500_000, rate in 0i64..120, first in 0i32..40, count in 1usize..20, add_on in any::<bool>(), share in 0i32..15_000,
    ) {
        let mut terms = PlanTerms {
            principal: money(principal),
            financed_fee: Money::ZERO,
            rate: PlanRate::Daily(DailyRate::from_fraction(Decimal::new(rate, 4)).unwrap()),
            payment_days: (0..count as i32).map(|n| first + n * 30).collect(),
            agreed_payments: None,
            method: if add_on { PlanMethod::AddOn } else { PlanMethod::Actuarial },
            cap: dandelion_credit::loan::CostCap::default(),
            payment_rounding: Rounding::Up,
            interest_rounding: Rounding::Down,
            residual: ResidualRule::LowerLast,
        };
        terms.cap.total_share = Some(BasisPoints::new(share));
        let plan = payment_plan(&terms).unwrap();
        prop_assert_eq!(plan.principal, terms.principal);
        prop_assert!(plan.interest.to_minor() <= principal * i64::from(share) / 10_000);
        prop_assert_eq!(plan.rows.last().unwrap().balance, Money::ZERO);
    }
}

#[test]
fn a_balloon_is_left_for_the_end() {
    let rate: AnnualRate = "6 %".parse().unwrap();
    let mut terms = LoanTerms::new(money(20_000_000), rate, date("2024-01-01"), 180).unwrap();
    terms.balloon = Balloon::AmortisedOver(360);
    let schedule = build_schedule(&terms).unwrap();
    assert_eq!(schedule.level_instalment, Some(money(119_910)));
    let last = schedule.rows.last().unwrap();
    // 142,097.69 beyond the instalment before rounding; 180 roundings of a cent add up to some.
    assert!((last.total.to_minor() - 14_209_769 - 119_910).abs() < 100, "{last:?}");
    let mut terms = LoanTerms::new(money(1_000_000), rate, date("2024-01-01"), 12).unwrap();
    terms.balloon = Balloon::Amount(money(400_000));
    let schedule = build_schedule(&terms).unwrap();
    let (level, last) = (schedule.level_instalment.unwrap(), schedule.rows.last().unwrap());
    assert!((last.total.to_minor() - 400_000 - level.to_minor()).abs() <= 12, "{last:?}");
}

#[test]
fn fees_join_the_places_the_contract_names() {
    let mut terms = LoanTerms::new(money(1_000_000), "12 %".parse().unwrap(), date("2024-01-01"), 4).unwrap();
    let fee = |amount, timing| ScheduledFee { amount, timing };
    terms.fees = vec![
        fee(FeeAmount::OfPrincipal(BasisPoints::new(100)), FeeTiming::AtDisbursement),
        fee(FeeAmount::Fixed(money(500)), FeeTiming::EveryInstalment),
        fee(FeeAmount::Fixed(money(2_000)), FeeTiming::WithInstalment(2)),
        fee(FeeAmount::Fixed(money(10_000)), FeeTiming::Capitalised),
    ];
    let schedule = build_schedule(&terms).unwrap();
    assert_eq!(schedule.net_disbursed, money(990_000));
    assert_eq!(schedule.principal, money(1_010_000));
    let fees: Vec<i64> = schedule.rows.iter().map(|row| row.fees.to_minor()).collect();
    assert_eq!(fees, [500, 2_500, 500, 500]);
    assert_eq!(schedule.fees, money(14_000));
}

#[test]
fn money_paid_out_later_earns_from_its_own_day() {
    let mut terms = LoanTerms::new(money(500_000), "36.5 %".parse().unwrap(), date("2024-01-01"), 1).unwrap();
    terms.method = RepaymentMethod::Bullet;
    terms.basis = InterestBasis::Days(DayCount::Actual365Fixed);
    terms.first_due = Some(date("2024-01-31"));
    terms.later_disbursements = vec![LaterDisbursement { date: date("2024-01-21"), amount: money(100_000) }];
    let schedule = build_schedule(&terms).unwrap();
    // 0.1 % a day: 5,000.00 for 30 days and 1,000.00 for 10
    assert_eq!(schedule.interest, money(15_000 + 1_000));
    assert_eq!(schedule.rows[0].principal, money(600_000));
}

#[test]
fn grace_defers_capitalises_or_waives() {
    let mut terms = LoanTerms::new(money(1_200_000), "12 %".parse().unwrap(), date("2024-01-01"), 6).unwrap();
    (terms.principal_grace, terms.interest_grace) = (2, 2);
    let first_paid = |rule| {
        let schedule = build_schedule(&LoanTerms { interest_grace_rule: rule, ..terms.clone() }).unwrap();
        assert_eq!(schedule.rows[0].total, Money::ZERO);
        (schedule.rows[2].interest.to_minor(), schedule.principal.to_minor())
    };
    assert_eq!(first_paid(InterestGrace::Deferred), (36_000, 1_200_000));
    assert_eq!(first_paid(InterestGrace::Capitalised), (12_241, 1_224_120));
    assert_eq!(first_paid(InterestGrace::Waived), (12_000, 1_200_000));
}

#[test]
fn terms_at_the_edges_have_defined_outcomes() {
    let plain = LoanTerms::new(money(1_000_000), "12 %".parse().unwrap(), date("2024-01-01"), 12).unwrap();
    let refused = |terms: LoanTerms| assert!(build_schedule(&terms).unwrap_err().is_invalid(), "{terms:?}");
    refused(LoanTerms { principal: Money::ZERO, ..plain.clone() });
    refused(LoanTerms { principal: money(-1), ..plain.clone() });
    refused(LoanTerms { instalments: 0, ..plain.clone() });
    refused(LoanTerms { instalments: 1_201, ..plain.clone() });
    refused(LoanTerms { first_due: Some(date("2023-12-31")), ..plain.clone() });
    refused(LoanTerms { method: RepaymentMethod::Custom(vec![money(1); 12]), ..plain.clone() });
    refused(LoanTerms { start: date("9999-06-01"), ..plain.clone() });
    refused(LoanTerms { interest_free_days: 7_304_485, ..plain.clone() });
    refused(LoanTerms { interest_free_days: u32::MAX, ..plain.clone() });
    let extreme =
        LoanTerms { rate: AnnualRate::from_percent(Decimal::from(10_000)).unwrap(), instalments: 600, ..plain.clone() };
    let schedule = build_schedule(&extreme).unwrap();
    assert_eq!(schedule.rows.iter().map(|row| row.principal.to_minor()).sum::<i64>(), 1_000_000);
    let parts = vec![money(250_000), Money::ZERO, money(750_000)];
    let custom = LoanTerms { instalments: 3, method: RepaymentMethod::Custom(parts), ..plain };
    assert_eq!(build_schedule(&custom).unwrap().rows[1].interest.to_minor(), 7_500);
}
