//! What the decision promises for every applicant and every policy.

use dandelion_credit::underwriting::*;
use dandelion_credit::{Date, Probability};
use proptest::prelude::*;

pub fn day() -> Date {
    "2026-11-23".parse().unwrap()
}

fn probability() -> impl Strategy<Value = Probability> {
    (0u32..=1_000).prop_map(|p| Probability::new(f64::from(p) / 1_000.0).unwrap())
}

/// Mostly lendable, since a law about refusals alone would be a law about nothing.
fn verdict() -> impl Strategy<Value = Option<VerdictFacts>> {
    let kind = prop_oneof![
        12 => Just(AccountKind::Merchant),
        2 => Just(AccountKind::Unknown),
        1 => Just(AccountKind::Individual),
        1 => Just(AccountKind::PassThrough),
    ];
    let verdict = (kind, 600u32..=1_000).prop_map(|(kind, p)| VerdictFacts {
        kind,
        merchant_probability: Probability::new(f64::from(p) / 1_000.0).unwrap(),
    });
    prop_oneof![9 => verdict.prop_map(Some), 1 => Just(None)]
}

/// Money over many orders of magnitude.
fn money(top_exponent: u32) -> impl Strategy<Value = i64> {
    (0..top_exponent, 100_000i64..1_000_000).prop_map(|(exponent, mantissa)| mantissa * 2i64.pow(exponent))
}

fn receipts() -> impl Strategy<Value = ReceiptFacts> {
    (
        money(14),
        0u32..=100,
        0u32..=100,
        0u32..=90,
        0u32..400,
        proptest::option::of(0u32..60),
        proptest::option::of(probability()),
    )
        .prop_map(|(year, quarter, month, active_days_90, payers_90, refunds, top_payer_share)| {
            let verified_90_minor = year / 100 * i64::from(quarter) / 2;
            ReceiptFacts {
                received_365_minor: Some(year + year / 20),
                verified_30_minor: verified_90_minor / 100 * i64::from(month),
                verified_90_minor,
                verified_365_minor: year,
                active_days_90,
                payers_90,
                top_payer_share,
                payer_return_rate: None,
                refund_share: refunds.map(|share| Probability::new(f64::from(share) / 100.0).unwrap()),
            }
        })
}

fn repayment() -> impl Strategy<Value = Option<RepaymentFacts>> {
    let record =
        (0u32..8, 0u32..3, prop_oneof![8 => Just(0u32), 1 => 1u32..60], 0u32..40, proptest::option::of(money(6)));
    proptest::option::of(record.prop_map(|(loans_on_time, loans_late, days_past_due, worst, current_limit_minor)| {
        RepaymentFacts { loans_on_time, loans_late, days_past_due, worst_days_past_due_365: worst, current_limit_minor }
    }))
}

pub fn applicant() -> impl Strategy<Value = Applicant> {
    let forecast = proptest::option::of((money(10), 7u32..200).prop_map(|(total, horizon_days)| {
        let level = |level: f64| Probability::new(level).unwrap();
        let total_at = |level, total_minor| QuantileFact { level, total_minor };
        let totals =
            vec![total_at(level(0.05), total / 2), total_at(level(0.1), total), total_at(level(0.5), total * 2)];
        ForecastFacts { horizon_days, totals }
    }));
    (
        (verdict(), 0u32..900, receipts(), forecast, proptest::option::of(probability())),
        (
            proptest::option::of((-50i32..50).prop_map(|growth| f64::from(growth) / 100.0)),
            proptest::option::of(0u32..60),
            prop_oneof![3 => Just(0i64), 1 => money(4)],
            proptest::option::of(money(6)),
            repayment(),
            proptest::option::of(money(8)),
        ),
    )
        .prop_map(
            |(
                (verdict, history_days, receipts, forecast, suspicion),
                (growth_30, gap, here, elsewhere, repayment, requested),
            )| {
                Applicant {
                    verdict,
                    history_days,
                    receipts,
                    forecast,
                    // Squared, so that most are little suspected.
                    suspicion: suspicion.map(|p| Probability::new(p.get() * p.get()).unwrap()),
                    condition: ConditionFacts { growth_30, days_since_receipt: gap, ..ConditionFacts::default() },
                    debt: DebtFacts { here_minor: here, elsewhere_minor: elsewhere },
                    repayment,
                    requested_minor: requested,
                    ..Applicant::new("a")
                }
            },
        )
}

pub fn policy() -> impl Strategy<Value = Policy> {
    (
        (5u32..30, 5u32..40, 20u32..90, 5u32..60, 10u32..60),
        proptest::option::of(0i64..200_000),
        any::<bool>(),
        prop_oneof![
            Just(LegalPreset::None),
            Just(LegalPreset::ChinaMicroLender),
            Just(LegalPreset::ChinaPrivateLender)
        ],
        prop_oneof![Just(1i64), Just(10_000), Just(50_000)],
    )
        .prop_map(|((volume, recent, elasticity, holdback, ceiling), capital, starter, legal, rounding)| {
            let mut rules = PolicyRules { legal, ..PolicyRules::default() };
            rules.limit.volume_share = f64::from(volume) / 100.0;
            rules.limit.recent_share = f64::from(recent) / 100.0;
            rules.limit.growth.elasticity = f64::from(elasticity) / 100.0;
            rules.limit.capacity.holdback_share = f64::from(holdback) / 100.0;
            rules.limit.debt.ceiling_share = f64::from(ceiling) / 100.0;
            rules.limit.rounding_minor = rounding;
            rules.capital.available_minor = capital.map(|major| major * 100);
            if !starter {
                rules.starter = None;
            }
            Policy::new(rules).unwrap()
        })
}

fn limit(applicant: &Applicant, policy: &Policy) -> i64 {
    decide_row(applicant, policy, day()).limit_minor
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn honest_receipts_never_lower_the_limit(
        applicant in applicant(), policy in policy(), window in 0usize..5, more in money(12),
    ) {
        let mut richer = applicant.clone();
        let receipts = &mut richer.receipts;
        // A receipt lies in every window that is long enough to hold it, and in the forecast.
        if window <= 2 { receipts.verified_365_minor += more; receipts.received_365_minor = receipts.received_365_minor.map(|r| r + more); }
        if window <= 1 { receipts.verified_90_minor += more; }
        if window == 0 { receipts.verified_30_minor += more; }
        if window == 3 { receipts.payers_90 += 3; receipts.active_days_90 = (receipts.active_days_90 + 5).min(90); }
        if window == 4 && let Some(forecast) = &mut richer.forecast {
            for total in &mut forecast.totals { total.total_minor += more; }
        }
        prop_assert!(limit(&richer, &policy) >= limit(&applicant, &policy));
    }

    #[test]
    fn worse_news_never_raises_the_limit(applicant in applicant(), policy in policy(), news in 0usize..12) {
        let mut worse = applicant.clone();
        let up = |p: Option<Probability>, floor: f64| Probability::new((p.map_or(floor, Probability::get) + 0.15).min(1.0)).ok();
        match news {
            0 => worse.suspicion = up(worse.suspicion, 0.1),
            1 => worse.repayment.get_or_insert_default().days_past_due += 1,
            2 => worse.repayment.get_or_insert_default().loans_late += 1,
            3 => worse.debt.here_minor += 300_000,
            4 => worse.debt.elsewhere_minor = worse.debt.elsewhere_minor.map(|debt| debt + 300_000),
            5 => worse.condition.growth_30 = worse.condition.growth_30.map(|growth| growth - 0.2),
            6 => worse.condition.days_since_receipt = worse.condition.days_since_receipt.map(|days| days + 10),
            7 => worse.receipts.received_365_minor = worse.receipts.received_365_minor.map(|received| received * 2),
            8 => worse.receipts.refund_share = up(worse.receipts.refund_share, 0.0),
            9 => worse.repayment.get_or_insert_default().worst_days_past_due_365 += 20,
            10 => if let Some(verdict) = &mut worse.verdict {
                verdict.merchant_probability = Probability::new(verdict.merchant_probability.get() * 0.8).unwrap();
            },
            _ => worse.receipts.top_payer_share = up(worse.receipts.top_payer_share, 0.1),
        }
        prop_assert!(limit(&worse, &policy) <= limit(&applicant, &policy));
    }

    #[test]
    fn the_limit_has_no_cliff_the_policy_does_not_state(applicant in applicant(), policy in policy(), step in 1i64..1_000) {
        // A little more of everything that is money moves the limit by no more than the rounding step and the steepest
        // slope of any rule, unless a stated gate opens (then one side is a refusal or a starter line).
        let mut richer = applicant.clone();
        richer.receipts.verified_365_minor += step;
        richer.receipts.verified_30_minor += step;
        let before = decide(&applicant, &policy, day());
        let after = decide(&richer, &policy, day());
        let full = |decision: &Decision| decision.offer().filter(|offer| !offer.starter).map(|offer| offer.limit_minor);
        if let (Some(before), Some(after)) = (full(&before), full(&after)) {
            let rounding = policy.rules().limit.rounding_minor;
            prop_assert!(after - before <= rounding + 200 * step, "{before} {after}");
        }
    }

    #[test]
    fn the_waterfall_says_what_bound(applicant in applicant(), policy in policy()) {
        let decision = decide(&applicant, &policy, day());
        let waterfall = &decision.waterfall;
        let least = waterfall.lines.iter().filter_map(|line| line.bound_minor).min().unwrap();
        prop_assert_eq!(waterfall.raw_minor, least);
        prop_assert_eq!(waterfall.bound_minor(waterfall.binding), Some(least));
        prop_assert_eq!(waterfall.lines.iter().filter(|line| line.binding).count(), 1);
        prop_assert_eq!(waterfall.raw_minor - waterfall.rounded_off_minor, waterfall.limit_minor);
        for line in &waterfall.lines {
            prop_assert_eq!(line.slack_minor, line.bound_minor.map(|bound| bound - waterfall.limit_minor));
            prop_assert!(line.slack_minor.is_none_or(|slack| slack >= 0));
        }
        if let Some(offer) = decision.offer() {
            prop_assert_eq!(offer.limit_minor, waterfall.limit_minor);
            prop_assert_eq!(offer.limit_minor % policy.rules().limit.rounding_minor, 0);
            prop_assert!(offer.limit_minor >= policy.rules().limit.min_line_minor);
            prop_assert!(offer.price.disclosed_annual_rate.as_fraction() * rust_decimal(1_000_000) <= rust_decimal(offer.price.parts.cap_ppm));
        }
    }

    #[test]
    fn reasons_are_at_most_four_and_the_first_explains_a_refusal(applicant in applicant(), policy in policy()) {
        let decision = decide(&applicant, &policy, day());
        prop_assert!(decision.reasons.len() <= MAX_REASONS);
        prop_assert!(!decision.reasons.is_empty());
        prop_assert!(decision.reasons.windows(2).all(|pair| pair[0].weight_ppm >= pair[1].weight_ppm));
        if decision.offer().is_none() && decision.outcome == Outcome::Declined && decision.waterfall.limit_minor > 0 {
            // Refused by a gate: it weighs all, or its parts together do.
            prop_assert!(decision.reasons[0].weight_ppm == 1_000_000 || !decision.risk.contributions.is_empty());
        }
    }

    #[test]
    fn rows_batches_and_full_decisions_agree(applicants in proptest::collection::vec(applicant(), 1..20), policy in policy()) {
        let rows = decide_batch(&applicants, &policy, day());
        for (applicant, row) in applicants.iter().zip(rows) {
            let full = decide(applicant, &policy, day());
            prop_assert_eq!(row, decide_row(applicant, &policy, day()));
            prop_assert_eq!(row.limit_minor, full.limit_minor());
            prop_assert_eq!(row.default_probability_ppm, full.risk.probability_ppm);
            prop_assert_eq!(row.binding, full.waterfall.binding);
            let kind = match full.outcome {
                Outcome::Approved { .. } => OutcomeKind::Approved,
                Outcome::Declined => OutcomeKind::Declined,
                Outcome::InsufficientData { .. } => OutcomeKind::InsufficientData,
                Outcome::Referred { .. } => OutcomeKind::Referred,
            };
            prop_assert_eq!(row.outcome, kind);
            prop_assert!(kind != OutcomeKind::Referred, "no refer band, no person");
        }
    }

    #[test]
    fn decisions_survive_json_and_repeat_bit_for_bit(applicant in applicant(), policy in policy()) {
        let decision = decide(&applicant, &policy, day());
        let text = serde_json::to_string(&decision).unwrap();
        let back: Decision = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &decision);
        let applicant: Applicant = serde_json::from_str(&serde_json::to_string(&applicant).unwrap()).unwrap();
        let policy: Policy = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_string(&decide(&applicant, &policy, day())).unwrap(), text);
    }

    #[test]
    fn no_value_however_absurd_panics(
        amounts in proptest::array::uniform8(any::<i64>()), counts in proptest::array::uniform6(any::<u32>()),
        growth in any::<f64>(), p in probability(),
    ) {
        let applicant = Applicant {
            verdict: Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: p }),
            history_days: counts[0],
            receipts: ReceiptFacts {
                received_365_minor: Some(amounts[0]),
                verified_30_minor: amounts[1],
                verified_90_minor: amounts[2],
                verified_365_minor: amounts[3],
                active_days_90: counts[1],
                payers_90: counts[2],
                ..ReceiptFacts::default()
            },
            forecast: Some(ForecastFacts { horizon_days: counts[3], totals: vec![QuantileFact { level: p, total_minor: amounts[4] }] }),
            condition: ConditionFacts { growth_30: Some(growth), ..ConditionFacts::default() },
            debt: DebtFacts { here_minor: amounts[5], elsewhere_minor: Some(amounts[6]) },
            repayment: Some(RepaymentFacts { loans_on_time: counts[4], loans_late: counts[5], current_limit_minor: Some(amounts[7]), ..RepaymentFacts::default() }),
            requested_minor: Some(amounts[7]),
            ..Applicant::new("")
        };
        for date in [day(), Date::MIN, Date::MAX] {
            let decision = decide(&applicant, &Policy::default(), date);
            prop_assert!(decision.limit_minor() <= Policy::default().rules().limit.max_line_minor);
        }
    }
}

fn rust_decimal(number: i64) -> rust_decimal::Decimal {
    rust_decimal::Decimal::from(number)
}
