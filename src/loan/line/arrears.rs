//! Days past due as buckets and as the five tiers a supervisor asks for.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::money::Money;
use crate::rate::BasisPoints;

/// The five tiers of loan classification, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskClass {
    /// Paid as agreed.
    Normal,
    /// Overdue, or weakened.
    SpecialMention,
    /// Non-performing.
    Substandard,
    /// Probably lost in part.
    Doubtful,
    /// Lost.
    Loss,
}

impl RiskClass {
    /// All five, best first.
    pub const ALL: [Self; 5] = [Self::Normal, Self::SpecialMention, Self::Substandard, Self::Doubtful, Self::Loss];

    /// Whether it counts as non-performing.
    #[must_use]
    pub fn is_non_performing(self) -> bool {
        self >= Self::Substandard
    }
}

/// From how many days past due each tier begins, as long as a rule is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassLimits {
    /// The first day of the rule.
    pub in_force_from: Date,
    /// Special mention from so many days.
    pub special_mention_days: u32,
    /// Substandard from so many days.
    pub substandard_days: u32,
    /// Doubtful from so many days.
    pub doubtful_days: u32,
    /// Loss from so many days; never by days alone, when absent.
    pub loss_days: Option<u32>,
    /// A restructured loan is at least this.
    pub restructured_at_least: RiskClass,
}

/// Dated class limits: the rule of the day decides.
///
/// ```
/// use dandelion_credit::loan::{ClassificationTable, RiskClass};
///
/// let table = ClassificationTable::china();
/// let day = "2026-03-01".parse().unwrap();
/// assert_eq!(table.classify(day, 0, false)?, RiskClass::Normal);
/// assert_eq!(table.classify(day, 1, false)?, RiskClass::SpecialMention);
/// assert_eq!(table.classify(day, 91, false)?, RiskClass::Substandard);
/// assert_eq!(table.classify(day, 361, false)?, RiskClass::Loss);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ClassLimits>", into = "Vec<ClassLimits>")]
pub struct ClassificationTable(Vec<ClassLimits>);

impl TryFrom<Vec<ClassLimits>> for ClassificationTable {
    type Error = Error;

    fn try_from(rules: Vec<ClassLimits>) -> Result<Self> {
        Self::new(rules)
    }
}

impl From<ClassificationTable> for Vec<ClassLimits> {
    fn from(table: ClassificationTable) -> Self {
        table.0
    }
}

impl ClassificationTable {
    /// A table of rules by the day they came into force.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when there are none, when two begin on one day, or when limits do not rise.
    pub fn new(mut rules: Vec<ClassLimits>) -> Result<Self> {
        rules.sort_by_key(|rule| rule.in_force_from);
        let distinct = rules.windows(2).all(|pair| pair[0].in_force_from < pair[1].in_force_from);
        if rules.is_empty() || !distinct {
            return Err(Error::invalid("classification table", rules.len(), "at least one rule, one for a day"));
        }
        for rule in &rules {
            let loss = rule.loss_days.unwrap_or(u32::MAX);
            let limits = [1, rule.special_mention_days, rule.substandard_days, rule.doubtful_days, loss];
            if limits.windows(2).any(|pair| pair[0] > pair[1]) {
                return Err(Error::invalid("class limits", format!("{limits:?}"), "days that rise from 1"));
            }
        }
        Ok(Self(rules))
    }

    /// China: overdue at all is special mention, more than 90 days substandard, more than 270 doubtful, more than 360 a
    /// loss, in force from 1 July 2023 (Measures for the Risk Classification of Financial Assets of Commercial Banks).
    #[must_use]
    pub fn china() -> Self {
        Self(vec![ClassLimits {
            in_force_from: jiff::civil::date(2023, 7, 1),
            special_mention_days: 1,
            substandard_days: 91,
            doubtful_days: 271,
            loss_days: Some(361),
            restructured_at_least: RiskClass::SpecialMention,
        }])
    }

    /// India: a special mention account from the first day, non-performing after 90 days, doubtful after a further twelve
    /// months; a loss is found by inspection, not by days.
    #[must_use]
    pub fn india() -> Self {
        Self(vec![ClassLimits {
            in_force_from: jiff::civil::date(2004, 3, 31),
            special_mention_days: 1,
            substandard_days: 91,
            doubtful_days: 91 + 365,
            loss_days: None,
            restructured_at_least: RiskClass::Substandard,
        }])
    }

    /// The class of a loan `days_past_due` days late on `day`.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a day before the first rule.
    pub fn classify(&self, day: Date, days_past_due: u32, restructured: bool) -> Result<RiskClass> {
        let rule = self.0.iter().rev().find(|rule| rule.in_force_from <= day);
        let rule = rule.ok_or_else(|| Error::unknown("classification rule of the day", day))?;
        let by_days = if rule.loss_days.is_some_and(|days| days_past_due >= days) {
            RiskClass::Loss
        } else if days_past_due >= rule.doubtful_days {
            RiskClass::Doubtful
        } else if days_past_due >= rule.substandard_days {
            RiskClass::Substandard
        } else if days_past_due >= rule.special_mention_days {
            RiskClass::SpecialMention
        } else {
            RiskClass::Normal
        };
        Ok(if restructured { by_days.max(rule.restructured_at_least) } else { by_days })
    }
}

/// One debt of a debtor with its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassifiedDebt {
    /// What is owed.
    pub owed_minor: Money,
    /// Its own class.
    pub class: RiskClass,
}

/// The class of a debtor's debts taken together: when more than `contagion` of them is non-performing, all are (10 % in
/// China).
///
/// ```
/// use dandelion_credit::loan::{ClassifiedDebt, RiskClass, debtor_class};
/// use dandelion_credit::{BasisPoints, Money};
///
/// let debt = |owed, class| ClassifiedDebt { owed_minor: Money::from_minor(owed), class };
/// let tenth = BasisPoints::new(1_000);
/// // Exactly a tenth is non-performing: not yet more than a tenth. One fen more and everything is.
/// let good = debt(900_000, RiskClass::SpecialMention);
/// assert_eq!(debtor_class(&[good, debt(100_000, RiskClass::Substandard)], tenth), RiskClass::SpecialMention);
/// assert_eq!(debtor_class(&[good, debt(100_001, RiskClass::Substandard)], tenth), RiskClass::Substandard);
/// ```
#[must_use]
pub fn debtor_class(debts: &[ClassifiedDebt], contagion: BasisPoints) -> RiskClass {
    let sum = |performing: bool| -> i128 {
        let chosen = debts.iter().filter(|debt| performing || debt.class.is_non_performing());
        chosen.map(|debt| i128::from(debt.owed_minor.to_minor())).sum()
    };
    let worst_performing = debts
        .iter()
        .map(|debt| debt.class)
        .filter(|class| !class.is_non_performing())
        .max()
        .unwrap_or(RiskClass::Normal);
    if sum(false) * 10_000 > sum(true) * i128::from(contagion.get()) {
        RiskClass::Substandard
    } else {
        worst_performing
    }
}

/// Buckets of days past due by the first day of each, such as 1, 31, 61, 91.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct DelinquencyBuckets(Vec<u32>);

impl TryFrom<Vec<u32>> for DelinquencyBuckets {
    type Error = Error;

    fn try_from(starts: Vec<u32>) -> Result<Self> {
        Self::new(starts)
    }
}

impl From<DelinquencyBuckets> for Vec<u32> {
    fn from(buckets: DelinquencyBuckets) -> Self {
        buckets.0
    }
}

impl Default for DelinquencyBuckets {
    /// 1-30, 31-60, 61-90, 91-180, over 180 days.
    fn default() -> Self {
        Self(vec![1, 31, 61, 91, 181])
    }
}

impl DelinquencyBuckets {
    /// Buckets that begin on these days past due.
    ///
    /// # Errors
    /// [`Error::is_invalid`] unless they rise from at least 1.
    pub fn new(starts: Vec<u32>) -> Result<Self> {
        if starts.first().is_none_or(|&start| start == 0) || starts.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(Error::invalid("delinquency buckets", format!("{starts:?}"), "days that rise from at least 1"));
        }
        Ok(Self(starts))
    }

    /// The bucket of `days_past_due`, 0 for the first; none when nothing is due or the first bucket is not reached.
    #[must_use]
    pub fn bucket(&self, days_past_due: u32) -> Option<usize> {
        self.0.partition_point(|&start| start <= days_past_due).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_turn_on_the_day_of_the_rule() {
        let china = ClassificationTable::china();
        let day = "2024-01-01".parse().unwrap();
        let classes = [0, 1, 90, 91, 270, 271, 360, 361].map(|days| china.classify(day, days, false).unwrap() as u8);
        assert_eq!(classes, [0, 1, 1, 2, 2, 3, 3, 4]);
        assert!(china.classify("2020-01-01".parse().unwrap(), 1, false).unwrap_err().is_unknown());
        assert_eq!(ClassificationTable::india().classify(day, 0, true).unwrap(), RiskClass::Substandard);
        assert!(ClassificationTable::new(Vec::new()).unwrap_err().is_invalid());
    }

    #[test]
    fn one_bad_debt_in_ten_taints_the_debtor() {
        let debt = |minor, class| ClassifiedDebt { owed_minor: Money::from_minor(minor), class };
        let tenth = BasisPoints::new(1_000);
        let at_the_edge = [debt(900, RiskClass::Normal), debt(100, RiskClass::Doubtful)];
        assert_eq!(debtor_class(&at_the_edge, tenth), RiskClass::Normal);
        let beyond = [debt(899, RiskClass::SpecialMention), debt(101, RiskClass::Doubtful)];
        assert_eq!(debtor_class(&beyond, tenth), RiskClass::Substandard);
        assert_eq!(debtor_class(&[], tenth), RiskClass::Normal);
    }

    #[test]
    fn buckets_cover_every_day_once() {
        let buckets = DelinquencyBuckets::default();
        assert_eq!(
            [0, 1, 30, 31, 180, 181, 9_999].map(|days| buckets.bucket(days)),
            [None, Some(0), Some(0), Some(1), Some(3), Some(4), Some(4)]
        );
        assert!(DelinquencyBuckets::new(vec![1, 1]).is_err() && DelinquencyBuckets::new(vec![0]).is_err());
    }
}
