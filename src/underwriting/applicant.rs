//! What a decision looks at: one merchant as plain values.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::rate::Probability;

/// Everything a decision looks at, as plain values that can be stored beside the decision and read back years later.
///
/// Other rooms compute these values; a caller with its own can fill them in by hand. Only `id` has no sensible default.
/// Missing is not the same as zero: an absent [`Option`] is treated as the field says, always on the careful side.
///
/// ```
/// use dandelion_credit::underwriting::Applicant;
///
/// let applicant = Applicant::from_json(r#"{ "id": "noodle stall", "history_days": 400,
///     "receipts": { "verified_30_minor": 900000, "verified_90_minor": 2600000, "verified_365_minor": 9800000 } }"#)?;
/// assert_eq!(applicant.receipts.verified_365_minor, 9_800_000);
/// let error = Applicant::from_json(r#"{ "id": "x", "suspicion": 1.5 }"#).unwrap_err();
/// assert!(error.to_string().contains("suspicion") || error.to_string().contains("probability"));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Applicant {
    /// The caller's name for the merchant.
    pub id: String,
    /// A group the policy may treat by its own caps (trade, area); none is a group without caps of its own.
    pub segment: Option<String>,
    /// The last day the values know of. None is taken as the day of the decision.
    pub data_as_of: Option<Date>,
    /// What kind of account this is. None is [`AccountKind::Unknown`].
    pub verdict: Option<VerdictFacts>,
    /// Days since the first receipt.
    pub history_days: u32,
    /// Receipts by window.
    pub receipts: ReceiptFacts,
    /// Quantiles of what will come in. None falls back on a share of the last 30 days.
    pub forecast: Option<ForecastFacts>,
    /// How the business is doing beyond its totals.
    pub condition: ConditionFacts,
    /// From 0 (nothing odd) to 1 (washed through and through). None is the policy's `missing_suspicion`.
    pub suspicion: Option<Probability>,
    /// Money owed.
    pub debt: DebtFacts,
    /// How earlier loans were paid back. None is a merchant who never borrowed.
    pub repayment: Option<RepaymentFacts>,
    /// Probability of default within a year from a model of the caller's. None asks the policy's own model.
    pub default_probability: Option<Probability>,
    /// The line the merchant asked for, minor units. None asks for as much as there is.
    pub requested_minor: Option<i64>,
    /// Versions of what the values came from, kept in the record.
    pub sources: Sources,
}

/// The kind of account, as the merchant room tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person: counterparties know each other.
    Individual,
    /// A business: many payers who do not.
    Merchant,
    /// Gathers for an event, a class, a charity: a merchant's shape without a merchant's time.
    Collector,
    /// Money leaves as it comes.
    PassThrough,
    /// Too little is known.
    #[default]
    Unknown,
}

/// What kind of account, and how surely a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictFacts {
    /// The kind.
    pub kind: AccountKind,
    /// Probability that it is a merchant.
    pub merchant_probability: Probability,
}

/// Receipts after washed ones are taken out and no payer counts for more than its share, minor units, up to the last day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptFacts {
    /// Received in 365 days before anything was taken out. None is as much as was verified.
    pub received_365_minor: Option<i64>,
    /// Verified in the last 30 days.
    pub verified_30_minor: i64,
    /// Verified in the last 90 days.
    pub verified_90_minor: i64,
    /// Verified in the last 365 days.
    pub verified_365_minor: i64,
    /// Days of the last 90 with a verified receipt.
    pub active_days_90: u32,
    /// Distinct payers of the last 90 days.
    pub payers_90: u32,
    /// Share of the largest payer in the receipts of 365 days, before its cap and before anything was taken out.
    pub top_payer_share: Option<Probability>,
    /// Share of payers who came back.
    pub payer_return_rate: Option<Probability>,
    /// Refunds and voids over receipts of 365 days, before anything was taken out.
    pub refund_share: Option<Probability>,
}

/// Quantiles of the total receipts over a horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastFacts {
    /// Days the totals span.
    pub horizon_days: u32,
    /// The totals.
    pub totals: Vec<QuantileFact>,
}

/// One quantile of a total.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantileFact {
    /// Probability that the total stays below.
    pub level: Probability,
    /// The total, minor units.
    pub total_minor: i64,
}

/// The state of the business beyond its totals; each is left out of the risk model when absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConditionFacts {
    /// Growth of receipts in 30 days as a fraction, negative when falling.
    pub growth_30: Option<f64>,
    /// Receipts of the last 365 days over those of the 365 days before, less one; none without two years of history.
    pub growth_365: Option<f64>,
    /// Coefficient of variation of weekly receipts.
    pub weekly_variation: Option<f64>,
    /// Days since the last verified receipt.
    pub days_since_receipt: Option<u32>,
    /// Probability that the business is still trading.
    pub alive_probability: Option<Probability>,
}

/// Money the merchant owes, minor units.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebtFacts {
    /// Drawn and not repaid with this lender.
    pub here_minor: i64,
    /// Owed to others. None is the policy's `assumed_elsewhere_share` of receipts.
    pub elsewhere_minor: Option<i64>,
}

/// How earlier loans were paid back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepaymentFacts {
    /// Loans repaid in full and on time.
    pub loans_on_time: u32,
    /// Loans repaid late.
    pub loans_late: u32,
    /// Days past due today, the oldest instalment.
    pub days_past_due: u32,
    /// Worst days past due of the last 365 days.
    pub worst_days_past_due_365: u32,
    /// The line in force, minor units.
    pub current_limit_minor: Option<i64>,
}

/// Where the values came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sources {
    /// Version or digest of the feature catalogue.
    pub catalogue: Option<String>,
    /// Version or digest of the classifier behind the verdict.
    pub classifier: Option<String>,
    /// Version or digest of the default model, when `default_probability` is given.
    pub default_model: Option<String>,
}

impl Applicant {
    /// A merchant of whom nothing is known but the name.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Reads the JSON form; absent fields take their defaults.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the text is not JSON, names an unknown field, or breaks a rule of [`check`](Self::check).
    pub fn from_json(text: &str) -> Result<Self> {
        let applicant: Self = serde_json::from_str(text).map_err(|error| Error::invalid("applicant", error, "JSON"))?;
        applicant.check()?;
        Ok(applicant)
    }

    /// Whether the values make sense together: nothing negative, windows nested, numbers finite.
    ///
    /// A decision is made without it too (negative amounts then count as zero), so a stream need not stop for a bad row;
    /// a caller that wants to know asks here.
    ///
    /// # Errors
    /// [`Error::is_invalid`] naming the field.
    pub fn check(&self) -> Result<()> {
        if self.id.is_empty() {
            return Err(Error::invalid("applicant.id", "empty", "a name"));
        }
        let receipts = &self.receipts;
        let amounts = [
            ("receipts.received_365_minor", receipts.received_365_minor.unwrap_or(0)),
            ("receipts.verified_30_minor", receipts.verified_30_minor),
            ("receipts.verified_90_minor", receipts.verified_90_minor),
            ("receipts.verified_365_minor", receipts.verified_365_minor),
            ("debt.here_minor", self.debt.here_minor),
            ("debt.elsewhere_minor", self.debt.elsewhere_minor.unwrap_or(0)),
            ("requested_minor", self.requested_minor.unwrap_or(0)),
        ];
        let forecast = self.forecast.iter().flat_map(|forecast| &forecast.totals);
        let amounts =
            amounts.into_iter().chain(forecast.map(|total| ("forecast.totals.total_minor", total.total_minor)));
        for (name, amount) in amounts {
            if amount < 0 {
                return Err(Error::invalid(format!("applicant.{name}"), amount, "zero or more minor units"));
            }
        }
        for (name, shorter, longer) in [
            ("receipts.verified_30_minor", receipts.verified_30_minor, receipts.verified_90_minor),
            ("receipts.verified_90_minor", receipts.verified_90_minor, receipts.verified_365_minor),
        ] {
            if shorter > longer {
                let rule = format!("at most the {longer} of the longer window");
                return Err(Error::invalid(format!("applicant.{name}"), shorter, rule));
            }
        }
        if receipts.active_days_90 > 90 {
            return Err(Error::invalid("applicant.receipts.active_days_90", receipts.active_days_90, "at most 90"));
        }
        if self.forecast.as_ref().is_some_and(|forecast| forecast.horizon_days == 0) {
            return Err(Error::invalid("applicant.forecast.horizon_days", 0, "one day or more"));
        }
        for (name, number) in [
            ("growth_30", self.condition.growth_30),
            ("growth_365", self.condition.growth_365),
            ("weekly_variation", self.condition.weekly_variation),
        ] {
            if number.is_some_and(|number| !number.is_finite()) {
                return Err(Error::invalid(format!("applicant.condition.{name}"), "not finite", "a number"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_name_the_field() {
        let mut applicant = Applicant::new("a");
        applicant.receipts.verified_30_minor = 5;
        let error = applicant.check().unwrap_err();
        assert_eq!(error.to_string(), "applicant.receipts.verified_30_minor is 5: at most the 0 of the longer window");
        applicant.receipts.verified_30_minor = -1;
        assert!(applicant.check().unwrap_err().to_string().starts_with("applicant.receipts.verified_30_minor is -1"));
        assert!(Applicant::from_json("{}").is_err());
        assert!(Applicant::from_json(r#"{"id":"a","recepits":{}}"#).is_err());
        assert!(Applicant::from_json("[").unwrap_err().is_invalid());
    }

    #[test]
    fn json_reads_back() {
        let mut applicant = Applicant::new("a");
        applicant.forecast = Some(ForecastFacts {
            horizon_days: 30,
            totals: vec![QuantileFact { level: Probability::new(0.1).unwrap(), total_minor: 4 }],
        });
        let text = serde_json::to_string(&applicant).unwrap();
        assert_eq!(Applicant::from_json(&text).unwrap(), applicant);
    }
}
