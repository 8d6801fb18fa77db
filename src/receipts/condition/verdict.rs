//! The condition in a word, with the numbers behind it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Condition;

/// How a business is doing, in a word.
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, DailySeries, Outlook, condition_of_series};
///
/// let outlook = |days: Vec<i64>| -> dandelion_credit::Result<Outlook> {
///     Ok(condition_of_series(&DailySeries::new(0, days)?, 0, &ConditionConfig::default())?.outlook())
/// };
/// assert_eq!(outlook(vec![1_000; 27])?, Outlook::Thin); // under four weeks
/// assert_eq!(outlook(vec![1_000; 90])?, Outlook::Steady);
/// assert_eq!(outlook([[1_000; 60].to_vec(), [400; 30].to_vec()].concat())?, Outlook::Declining); // at half the usual
/// assert_eq!(outlook([[1_000; 76].to_vec(), [0; 14].to_vec()].concat())?, Outlook::Stopped); // silent for two weeks
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// Too little history to say: under four weeks, or fewer than four days with receipts.
    Thin,
    /// Silent for two weeks or more, and three times longer than it usually is; or it never received anything.
    Stopped,
    /// Rises by more than 3 % in 30 days, and not by chance.
    Growing,
    /// Falls by more than 3 % in 30 days, and not by chance; or the last 30 days bring less than 60 % of the usual.
    Declining,
    /// The last 30 days differ from the last 90 by more than a fifth, as they did a year ago.
    Seasonal,
    /// None of these.
    Steady,
}

impl Outlook {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Thin => "thin",
            Self::Stopped => "stopped",
            Self::Growing => "growing",
            Self::Declining => "declining",
            Self::Seasonal => "seasonal",
            Self::Steady => "steady",
        }
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

pub(super) fn outlook(condition: &Condition) -> Outlook {
    let value = |name| condition.get(name);
    let Some(silence) = value("days_since_last_receipt") else { return Outlook::Stopped };
    let usual = value("usual_gap_p95_days").unwrap_or(14.0).max(2.0);
    if silence >= 14.0 && silence > 3.0 * usual {
        return Outlook::Stopped;
    }
    let tenure = value("tenure_days").unwrap_or(0.0);
    let active_days = value("active_day_ratio_90d").unwrap_or(0.0) * tenure.min(90.0);
    if tenure < 28.0 || active_days < 3.5 {
        return Outlook::Thin;
    }
    let ratio = value("ratio_30_90").unwrap_or(1.0);
    let last_year = value("year_ago_ratio_30_90").unwrap_or(1.0);
    let swings = |ratio: f64| (ratio > 1.2, ratio < 0.8);
    if swings(ratio) == swings(last_year) && swings(ratio) != (false, false) {
        return Outlook::Seasonal;
    }
    let (trend, z) = (value("trend_30d").unwrap_or(0.0), value("trend_z").unwrap_or(0.0));
    if ratio < 0.6 || (trend < -0.03 && z < -2.0 && ratio < 1.1) {
        Outlook::Declining
    } else if trend > 0.03 && z > 2.0 && ratio > 0.9 {
        Outlook::Growing
    } else {
        Outlook::Steady
    }
}

/// A sentence a loan officer can read out.
pub(super) fn sentence(condition: &Condition) -> String {
    let value = |name| condition.get(name);
    let percent = |share: f64| format!("{:+.0} %", 100.0 * share);
    let days = |days: f64| if days == 1.0 { "1 day".to_owned() } else { format!("{days:.0} days") };
    let mut facts = Vec::new();
    match condition.outlook() {
        Outlook::Stopped => match value("days_since_last_receipt") {
            None => facts.push("nothing was ever received".to_owned()),
            Some(silence) => {
                facts.push(format!("nothing for {}", days(silence)));
                if let Some(gap) = value("usual_gap_p95_days") {
                    facts.push(format!("gaps used to be at most {}", days(gap)));
                }
            }
        },
        Outlook::Thin => {
            let tenure = value("tenure_days").unwrap_or(0.0);
            facts.push(format!("{} of history, too few to say", days(tenure)));
        }
        _ => {
            if let Some(trend) = value("trend_30d") {
                facts.push(format!("{} in 30 days", percent(trend)));
            }
            if let Some(ratio) = value("ratio_30_90") {
                facts.push(format!("the last 30 days at {:.0} % of the 90-day level", 100.0 * ratio));
            }
            if let (Outlook::Seasonal, Some(ratio)) = (condition.outlook(), value("year_ago_ratio_30_90")) {
                facts.push(format!("a year ago at {:.0} %", 100.0 * ratio));
            }
            if let Some(cv) = value("weekly_cv") {
                facts.push(format!("weeks vary by {:.0} %", 100.0 * cv));
            }
        }
    }
    format!("{}: {}", condition.outlook(), facts.join(", "))
}
