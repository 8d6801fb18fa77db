//! The probability of default: an additive model in whole numbers whose contributions add up exactly.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::underwriting::applicant::Applicant;
use crate::underwriting::curve::{Curve, Direction, Knot, PPM, fraction, log2_micro, ppm, probability_ppm, ratio_of};

/// What a term of the [`DefaultModel`] looks at, and in which unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskFeature {
    /// Base-2 logarithm of verified receipts of 365 days, major units.
    LogReceipts365,
    /// Base-2 logarithm of verified receipts of 30 days, major units.
    LogReceipts30,
    /// Days of the last 90 with a receipt.
    ActiveDays90,
    /// Base-2 logarithm of distinct payers of 90 days.
    LogPayers90,
    /// Share of payers who came back.
    PayerReturnRate,
    /// Share of the largest payer.
    TopPayerShare,
    /// Refunds and voids over receipts.
    RefundShare,
    /// Days since the first receipt.
    HistoryDays,
    /// Days since the last receipt.
    DaysSinceReceipt,
    /// Growth of receipts in 30 days, a fraction.
    Growth30,
    /// Growth of receipts in a year, a fraction.
    Growth365,
    /// Coefficient of variation of weekly receipts.
    WeeklyVariation,
    /// Probability that the business still trades.
    AliveProbability,
    /// Suspicion from 0 to 1.
    Suspicion,
    /// Share of the receipts of 365 days that could not be verified.
    UnverifiedShare,
    /// Probability of being a merchant.
    MerchantProbability,
    /// Debt here and elsewhere over verified receipts of 365 days.
    DebtShare,
    /// Days past due today.
    DaysPastDue,
    /// Worst days past due of 365 days.
    WorstDaysPastDue,
    /// Loans repaid on time.
    LoansOnTime,
    /// Loans repaid late.
    LoansLate,
}

/// Number of risk features.
pub(crate) const FEATURES: usize = 21;
/// A value that is not there.
pub(crate) const MISSING: i64 = i64::MIN;

impl RiskFeature {
    /// Every feature, in the order of the columns.
    pub const ALL: [Self; FEATURES] = [
        Self::LogReceipts365,
        Self::LogReceipts30,
        Self::ActiveDays90,
        Self::LogPayers90,
        Self::PayerReturnRate,
        Self::TopPayerShare,
        Self::RefundShare,
        Self::HistoryDays,
        Self::DaysSinceReceipt,
        Self::Growth30,
        Self::Growth365,
        Self::WeeklyVariation,
        Self::AliveProbability,
        Self::Suspicion,
        Self::UnverifiedShare,
        Self::MerchantProbability,
        Self::DebtShare,
        Self::DaysPastDue,
        Self::WorstDaysPastDue,
        Self::LoansOnTime,
        Self::LoansLate,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogReceipts365 => "log_receipts365",
            Self::LogReceipts30 => "log_receipts30",
            Self::ActiveDays90 => "active_days90",
            Self::LogPayers90 => "log_payers90",
            Self::PayerReturnRate => "payer_return_rate",
            Self::TopPayerShare => "top_payer_share",
            Self::RefundShare => "refund_share",
            Self::HistoryDays => "history_days",
            Self::DaysSinceReceipt => "days_since_receipt",
            Self::Growth30 => "growth30",
            Self::Growth365 => "growth365",
            Self::WeeklyVariation => "weekly_variation",
            Self::AliveProbability => "alive_probability",
            Self::Suspicion => "suspicion",
            Self::UnverifiedShare => "unverified_share",
            Self::MerchantProbability => "merchant_probability",
            Self::DebtShare => "debt_share",
            Self::DaysPastDue => "days_past_due",
            Self::WorstDaysPastDue => "worst_days_past_due",
            Self::LoansOnTime => "loans_on_time",
            Self::LoansLate => "loans_late",
        }
    }

    /// Which way risk may run with the feature; a model that says otherwise is refused, so that no policy, however
    /// written, can punish honest receipts or reward arrears.
    const fn direction(self) -> Direction {
        match self {
            Self::TopPayerShare
            | Self::RefundShare
            | Self::DaysSinceReceipt
            | Self::WeeklyVariation
            | Self::Suspicion
            | Self::UnverifiedShare
            | Self::DebtShare
            | Self::DaysPastDue
            | Self::WorstDaysPastDue
            | Self::LoansLate => Direction::Rising,
            _ => Direction::Falling,
        }
    }
}

/// One term: a piecewise straight curve over one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskTerm {
    /// The feature.
    pub feature: RiskFeature,
    /// Log-odds of default at values of the feature, flat beyond the ends.
    pub knots: Vec<Knot>,
    /// Log-odds when the feature is missing.
    #[serde(default)]
    pub missing: f64,
}

/// An additive model of default within a year: log-odds = base + the sum of the terms.
///
/// The default model's curves are set by judgement from what lenders on payment data report (receipts, their days and
/// payers, age, recency, wash suspicion, arrears and other debt; the sources stand in the design notes), not fitted: it
/// ranks sensibly from the first day, and is meant to be replaced by a fit on own outcomes, either by terms of the same
/// form or by handing in [`Applicant::default_probability`]. Each curve may only run the way its feature allows (receipts
/// never raise risk, arrears never lower it), which is checked when a policy is built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultModel {
    /// Name and version, kept in the record.
    pub name: String,
    /// Log-odds before any term.
    pub base: f64,
    /// The terms; a feature at most once.
    pub terms: Vec<RiskTerm>,
}

fn term(feature: RiskFeature, missing: f64, knots: &[(f64, f64)]) -> RiskTerm {
    RiskTerm { feature, knots: knots.iter().map(|&(at, value)| Knot { at, value }).collect(), missing }
}

impl Default for DefaultModel {
    fn default() -> Self {
        use RiskFeature as F;
        Self {
            name: "receipts-prior-2".to_owned(),
            base: -3.3,
            terms: vec![
                term(
                    F::LogReceipts365,
                    1.2,
                    &[(6.6, 1.2), (10.0, 0.9), (13.3, 0.5), (16.6, 0.0), (20.0, -0.4), (23.3, -0.8), (28.0, -1.3)],
                ),
                term(
                    F::LogReceipts30,
                    0.6,
                    &[(0.0, 0.6), (6.6, 0.45), (10.0, 0.25), (13.0, 0.0), (16.6, -0.15), (24.0, -0.4)],
                ),
                term(
                    F::ActiveDays90,
                    0.4,
                    &[(0.0, 0.8), (5.0, 0.5), (15.0, 0.3), (40.0, 0.05), (60.0, 0.0), (90.0, -0.15)],
                ),
                term(F::LogPayers90, 0.4, &[(0.0, 0.5), (2.0, 0.35), (4.3, 0.15), (6.6, 0.0), (10.0, -0.2)]),
                term(F::PayerReturnRate, 0.0, &[(0.0, 0.15), (0.3, 0.0), (0.7, -0.2)]),
                term(F::TopPayerShare, 0.0, &[(0.02, -0.1), (0.1, 0.0), (0.5, 0.25), (1.0, 0.6)]),
                term(F::RefundShare, 0.0, &[(0.0, 0.0), (0.02, 0.05), (0.1, 0.4), (0.3, 0.9), (1.0, 1.4)]),
                term(F::HistoryDays, 0.4, &[(0.0, 0.8), (90.0, 0.4), (365.0, 0.0), (1_095.0, -0.3)]),
                term(F::DaysSinceReceipt, 0.0, &[(1.0, -0.05), (7.0, 0.05), (30.0, 0.6), (90.0, 1.4), (365.0, 2.0)]),
                term(F::Growth30, 0.0, &[(-0.6, 0.6), (-0.2, 0.2), (0.0, 0.0), (0.2, -0.05)]),
                term(F::Growth365, 0.0, &[(-0.9, 0.6), (-0.5, 0.3), (-0.2, 0.08), (0.0, 0.0), (0.5, -0.15)]),
                term(F::WeeklyVariation, 0.1, &[(0.1, -0.1), (0.5, 0.0), (1.0, 0.15), (3.0, 0.4)]),
                term(F::AliveProbability, 0.0, &[(0.0, 1.5), (0.5, 0.7), (0.9, 0.1), (1.0, 0.0)]),
                term(F::Suspicion, 0.0, &[(0.0, -0.05), (0.1, 0.0), (0.3, 0.4), (0.6, 1.2), (1.0, 2.2)]),
                term(F::UnverifiedShare, 0.0, &[(0.0, 0.0), (0.2, 0.15), (0.5, 0.5), (1.0, 1.0)]),
                term(F::MerchantProbability, 0.3, &[(0.0, 0.8), (0.5, 0.4), (0.9, 0.0), (1.0, -0.05)]),
                term(F::DebtShare, 0.0, &[(0.0, -0.1), (0.1, 0.1), (0.3, 0.7), (1.0, 1.6)]),
                term(F::DaysPastDue, 0.0, &[(0.0, 0.0), (1.0, 0.8), (30.0, 2.2), (90.0, 4.5)]),
                term(F::WorstDaysPastDue, 0.0, &[(0.0, 0.0), (3.0, 0.2), (30.0, 1.1), (90.0, 2.2)]),
                term(F::LoansOnTime, 0.0, &[(0.0, 0.0), (1.0, -0.2), (3.0, -0.45), (10.0, -0.8)]),
                term(F::LoansLate, 0.0, &[(0.0, 0.0), (1.0, 0.35), (3.0, 0.8), (10.0, 1.3)]),
            ],
        }
    }
}

/// What one feature added to the log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskContribution {
    /// The feature.
    pub feature: RiskFeature,
    /// Its value in the feature's unit; none when it was missing.
    pub value: Option<f64>,
    /// Millionths of log-odds it added; positive is riskier.
    pub log_odds_micro: i64,
    /// Millionths of log-odds above the best this feature can give: what it cost.
    pub above_best_micro: i64,
}

/// The probability of default and what made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Probability of default within a year, parts per million.
    pub probability_ppm: i64,
    /// Millionths of log-odds before the terms. Base and contributions add up exactly to `log_odds_micro`.
    pub base_micro: i64,
    /// Millionths of log-odds in all.
    pub log_odds_micro: i64,
    /// The terms, in the model's order; empty when the probability was handed in by the caller.
    pub contributions: Vec<RiskContribution>,
}

impl Risk {
    /// Probability of default within a year.
    #[must_use]
    pub fn probability(&self) -> f64 {
        fraction(self.probability_ppm)
    }
}

/// The features of an applicant as whole numbers: log2 and shares in millionths, days and counts as they are.
pub(crate) type FeatureRow = [i64; FEATURES];

/// Features per whole number, for the curves: `at` in the policy times this is the integer.
const fn unit(feature: RiskFeature) -> f64 {
    match feature {
        RiskFeature::ActiveDays90
        | RiskFeature::HistoryDays
        | RiskFeature::DaysSinceReceipt
        | RiskFeature::DaysPastDue
        | RiskFeature::WorstDaysPastDue
        | RiskFeature::LoansOnTime
        | RiskFeature::LoansLate => 1.0,
        _ => PPM as f64,
    }
}

/// The row of features; `minor_per_major_log2` is the logarithm that turns minor units into major ones.
pub(crate) fn feature_row(applicant: &Applicant, minor_per_major: i64) -> FeatureRow {
    let receipts = &applicant.receipts;
    let condition = &applicant.condition;
    let unit_log2 = log2_micro(minor_per_major);
    let log_money = |minor: i64| (log2_micro(minor) - unit_log2).max(0);
    let share = |p: Option<crate::rate::Probability>| p.map_or(MISSING, |p| ppm(p.get()));
    // Floats of the caller: not finite counts as missing, and beyond a million it makes no difference.
    let number = |x: Option<f64>| x.filter(|x| x.is_finite()).map_or(MISSING, |x| ppm(x.clamp(-1e6, 1e6)));
    let repayment = applicant.repayment.as_ref();
    let verified = receipts.verified_365_minor.max(0);
    let unverified = match receipts.received_365_minor {
        Some(received) if received > verified => PPM - ratio_of(verified, PPM, received),
        Some(_) => 0,
        None => MISSING,
    };
    let debt = applicant.debt.here_minor.max(0).saturating_add(applicant.debt.elsewhere_minor.unwrap_or(0).max(0));
    let debt_share = ratio_of(debt, PPM, verified.max(1)).min(1_000 * PPM);
    let count =
        |f: fn(&crate::underwriting::applicant::RepaymentFacts) -> u32| repayment.map_or(0, |r| i64::from(f(r)));
    [
        log_money(verified),
        log_money(receipts.verified_30_minor.max(0)),
        i64::from(receipts.active_days_90),
        log2_micro(i64::from(receipts.payers_90)),
        share(receipts.payer_return_rate),
        share(receipts.top_payer_share),
        share(receipts.refund_share),
        i64::from(applicant.history_days),
        condition.days_since_receipt.map_or(MISSING, i64::from),
        number(condition.growth_30),
        number(condition.growth_365),
        number(condition.weekly_variation),
        share(condition.alive_probability),
        share(applicant.suspicion),
        unverified,
        share(applicant.verdict.map(|verdict| verdict.merchant_probability)),
        debt_share,
        count(|r| r.days_past_due),
        count(|r| r.worst_days_past_due_365.max(r.days_past_due)),
        count(|r| r.loans_on_time),
        count(|r| r.loans_late),
    ]
}

/// One compiled term.
#[derive(Debug, Clone, PartialEq)]
struct CompiledTerm {
    feature: RiskFeature,
    curve: Curve,
    missing: i64,
    best: i64,
}

/// A checked model, ready to score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CompiledModel {
    base: i64,
    terms: Vec<CompiledTerm>,
}

impl CompiledModel {
    pub fn new(model: &DefaultModel) -> Result<Self> {
        let micro = |value: f64, name: &str| {
            if value.is_finite() && value.abs() <= 100.0 {
                Ok(ppm(value))
            } else {
                Err(Error::invalid(name.to_owned(), value, "log-odds from -100 to 100"))
            }
        };
        let mut terms: Vec<CompiledTerm> = Vec::with_capacity(model.terms.len());
        for (index, term) in model.terms.iter().enumerate() {
            let name = format!("default_model.terms[{index}]");
            let feature = term.feature;
            if terms.iter().any(|before| before.feature == feature) {
                return Err(Error::invalid(format!("{name}.feature"), feature.name(), "a feature at most once"));
            }
            let knots = format!("{name}.knots");
            for (place, knot) in term.knots.iter().enumerate() {
                micro(knot.value, &format!("{knots}[{place}].value"))?;
            }
            let curve = Curve::compile(&knots, &term.knots, unit(feature), PPM as f64, Some(feature.direction()))?;
            let missing = micro(term.missing, &format!("{name}.missing"))?;
            let best = curve.range().0.min(missing);
            terms.push(CompiledTerm { feature, curve, missing, best });
        }
        Ok(Self { base: micro(model.base, "default_model.base")?, terms })
    }

    fn term_micro(term: &CompiledTerm, row: &FeatureRow) -> i64 {
        match row[term.feature as usize] {
            MISSING => term.missing,
            x => term.curve.eval(x),
        }
    }

    /// The probability alone.
    pub fn probability_ppm(&self, row: &FeatureRow) -> i64 {
        let sum: i64 = self.terms.iter().map(|term| Self::term_micro(term, row)).sum();
        probability_ppm(self.base + sum)
    }

    /// The probability and its parts.
    pub fn explain(&self, row: &FeatureRow) -> Risk {
        let contributions: Vec<RiskContribution> = self
            .terms
            .iter()
            .map(|term| {
                let raw = row[term.feature as usize];
                let micro = Self::term_micro(term, row);
                RiskContribution {
                    feature: term.feature,
                    value: (raw != MISSING).then(|| raw as f64 / unit(term.feature)),
                    log_odds_micro: micro,
                    above_best_micro: micro - term.best,
                }
            })
            .collect();
        let log_odds_micro = self.base + contributions.iter().map(|part| part.log_odds_micro).sum::<i64>();
        Risk { probability_ppm: probability_ppm(log_odds_micro), base_micro: self.base, log_odds_micro, contributions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Probability;

    fn shop() -> Applicant {
        let mut shop = Applicant::new("shop");
        shop.history_days = 400;
        shop.receipts.verified_30_minor = 900_000;
        shop.receipts.verified_90_minor = 2_600_000;
        shop.receipts.verified_365_minor = 10_000_000;
        shop.receipts.active_days_90 = 80;
        shop.receipts.payers_90 = 220;
        shop
    }

    fn pd(applicant: &Applicant) -> i64 {
        CompiledModel::new(&DefaultModel::default()).unwrap().probability_ppm(&feature_row(applicant, 100))
    }

    #[test]
    fn an_ordinary_shop_defaults_at_some_three_in_a_hundred() {
        let pd = pd(&shop());
        assert!((20_000..50_000).contains(&pd), "{pd}");
    }

    #[test]
    fn bad_news_raises_risk_and_receipts_lower_it() {
        let plain = pd(&shop());
        let changed = |change: fn(&mut Applicant)| {
            let mut shop = shop();
            change(&mut shop);
            pd(&shop)
        };
        assert!(changed(|s| s.suspicion = Probability::new(0.85).ok()) > 2 * plain);
        assert!(changed(|s| s.repayment.get_or_insert_default().days_past_due = 30) > 4 * plain);
        assert!(changed(|s| s.receipts.verified_365_minor *= 8) < plain);
        assert!(changed(|s| s.repayment.get_or_insert_default().loans_on_time = 3) < plain);
        assert!(changed(|s| s.condition.days_since_receipt = Some(45)) > plain);
        assert!(changed(|s| s.debt.elsewhere_minor = Some(5_000_000)) > 2 * plain);
    }

    #[test]
    fn contributions_add_up_exactly_to_the_score() {
        let model = CompiledModel::new(&DefaultModel::default()).unwrap();
        let row = feature_row(&shop(), 100);
        let risk = model.explain(&row);
        let sum: i64 = risk.contributions.iter().map(|part| part.log_odds_micro).sum();
        assert_eq!(risk.base_micro + sum, risk.log_odds_micro);
        assert_eq!(risk.probability_ppm, model.probability_ppm(&row));
        assert!(risk.contributions.iter().all(|part| part.above_best_micro >= 0));
        assert_eq!(risk.contributions.len(), FEATURES, "the default model looks at everything");
    }

    #[test]
    fn a_model_that_punishes_receipts_is_refused() {
        let mut model = DefaultModel::default();
        model.terms[0].knots[1].value = 9.0;
        let error = CompiledModel::new(&model).unwrap_err();
        assert_eq!(error.to_string(), "default_model.terms[0].knots[1].value is 9: never above the knot before it");
        let mut model = DefaultModel::default();
        model.terms.push(model.terms[3].clone());
        assert!(CompiledModel::new(&model).unwrap_err().to_string().contains("at most once"));
        let model = DefaultModel { base: f64::INFINITY, ..DefaultModel::default() };
        assert!(CompiledModel::new(&model).is_err());
    }

    #[test]
    fn features_are_in_the_order_of_their_columns() {
        for (index, feature) in RiskFeature::ALL.iter().enumerate() {
            assert_eq!(*feature as usize, index);
            assert_eq!(serde_json::to_string(feature).unwrap().trim_matches('"'), feature.name());
        }
    }
}
