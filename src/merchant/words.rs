//! Reasons in words: "412 payers, 97 % of whom know none of the others" rather than a weight.

use serde::{Deserialize, Serialize};

use crate::features::Feature;

/// One reason behind a verdict: a feature, its value, and how much it weighed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VerdictReason {
    /// The feature, whose name is the reason's stable code.
    pub feature: Feature,
    /// Its value; `None` where it is undefined.
    pub value: Option<f64>,
    /// Distinct payers of the account, which sentences about shares need.
    pub payers: u32,
    /// Log-odds towards the kind that was judged most probable: positive speaks for it, negative against.
    pub log_odds: f64,
}

impl VerdictReason {
    /// The reason as a sentence a person can read out.
    ///
    /// ```
    /// use dandelion_credit::features::Feature;
    /// use dandelion_credit::merchant::VerdictReason;
    ///
    /// let reason = VerdictReason { feature: Feature::UnacquaintedShare, value: Some(0.97), payers: 412, log_odds: 2.5 };
    /// assert_eq!(reason.sentence(), "412 payers; 97 % of its counterparties know none of the others");
    /// ```
    #[must_use]
    pub fn sentence(&self) -> String {
        let payers = self.payers;
        let Some(value) = self.value else {
            return format!("{} cannot be told from these transfers", self.feature.name().replace('_', " "));
        };
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        match self.feature {
            Feature::InDegree => format!("{value:.0} distinct payers"),
            Feature::UnacquaintedShare => {
                format!("{payers} payers; {} of its counterparties know none of the others", percent(value))
            }
            Feature::LocalClustering => {
                format!("{} of the pairs of its counterparties deal with each other", percent(value))
            }
            Feature::OneSidedPayerClustering => {
                format!("{} of the pairs of those who only pay it deal with each other", percent(value))
            }
            Feature::Reciprocity => {
                format!("it also pays {} of those it deals with and is paid by them", percent(value))
            }
            Feature::NetReceiverShare => format!("{} of the money that moves comes in", percent(value)),
            Feature::PayerHhi => format!("its payers are as concentrated as {:.1} equal ones", 1.0 / value.max(1e-9)),
            Feature::PayerReturnRate => format!("{} of its payers paid more than once", percent(value)),
            Feature::PassThrough => format!("{} of what comes in leaves the same day", percent(value)),
            Feature::PassThroughDay => format!("{} of what comes in leaves within a day", percent(value)),
            Feature::ReceiptDays => format!("money came in on {value:.0} days"),
            Feature::ActiveDayShare => format!("it was active on {} of its days", percent(value)),
            Feature::TopWeekShare => format!("its busiest week brought {} of all receipts", percent(value)),
            Feature::TopAmountShare => format!("{} of its receipts are of one and the same amount", percent(value)),
            Feature::RepeatedAmountShare => format!("{} of its receipts repeat an amount", percent(value)),
            Feature::Burstiness => match value {
                v if v > 0.3 => "money comes in bursts".to_owned(),
                v if v < -0.3 => "money comes like clockwork".to_owned(),
                _ => "money comes in as chance has it".to_owned(),
            },
            Feature::HourEntropy => format!("its receipts spread over the day at {value:.2} of what could be"),
            Feature::NightShare => format!("{} of its receipts come at night", percent(value)),
            Feature::RoundAmountShare => format!("{} of its receipts are round amounts", percent(value)),
            Feature::TicketVariation => format!("its receipts vary by {} of their mean", percent(value)),
            other => format!("{} is {value:.3}", other.name().replace('_', " ")),
        }
    }
}
