//! How old the arrears of a book are.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::money::Money;

/// One loan on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoanState {
    /// Principal outstanding.
    pub outstanding: Money,
    /// Of it and of interest, what is overdue.
    pub overdue: Money,
    /// Days since the oldest unpaid instalment was due; 0 when nothing is overdue.
    pub days_past_due: u32,
}

/// A bucket of days past due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgeingBucket {
    /// Nothing overdue.
    Current,
    /// 1 to 30 days.
    Days1To30,
    /// 31 to 60 days.
    Days31To60,
    /// 61 to 90 days.
    Days61To90,
    /// 91 to 180 days.
    Days91To180,
    /// 181 to 360 days.
    Days181To360,
    /// More than 360 days.
    Over360,
}

/// Number of buckets.
pub(crate) const BUCKETS: usize = 7;

impl AgeingBucket {
    /// Every bucket, the youngest first.
    pub const ALL: [Self; BUCKETS] = [
        Self::Current,
        Self::Days1To30,
        Self::Days31To60,
        Self::Days61To90,
        Self::Days91To180,
        Self::Days181To360,
        Self::Over360,
    ];

    /// The bucket of a number of days past due.
    #[must_use]
    pub const fn of(days_past_due: u32) -> Self {
        match days_past_due {
            0 => Self::Current,
            1..=30 => Self::Days1To30,
            31..=60 => Self::Days31To60,
            61..=90 => Self::Days61To90,
            91..=180 => Self::Days91To180,
            181..=360 => Self::Days181To360,
            _ => Self::Over360,
        }
    }
}

/// The five tiers of the Chinese rules on classifying financial assets (in force from 1 July 2023), by days alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetClass {
    /// Nothing overdue.
    Normal,
    /// Overdue at all.
    SpecialMention,
    /// More than 90 days: non-performing from here on.
    Substandard,
    /// More than 270 days.
    Doubtful,
    /// More than 360 days.
    Loss,
}

/// The tier of a number of days past due. Other signs (a bankrupt debtor) may only make it worse.
///
/// ```
/// use dandelion_credit::monitoring::{AssetClass, classify_asset};
///
/// assert_eq!(classify_asset(90), AssetClass::SpecialMention);
/// assert_eq!(classify_asset(91), AssetClass::Substandard);
/// ```
#[must_use]
pub const fn classify_asset(days_past_due: u32) -> AssetClass {
    match days_past_due {
        0 => AssetClass::Normal,
        1..=90 => AssetClass::SpecialMention,
        91..=270 => AssetClass::Substandard,
        271..=360 => AssetClass::Doubtful,
        _ => AssetClass::Loss,
    }
}

/// Loans and money by age of arrears; shards add up.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::monitoring::{Ageing, LoanState};
///
/// let loan = |outstanding, days_past_due| LoanState {
///     outstanding: Money::from_minor(outstanding),
///     overdue: Money::ZERO,
///     days_past_due,
/// };
/// let mut ageing = Ageing::default();
/// for loan in [loan(9_000, 0), loan(600, 5), loan(300, 45), loan(100, 120)] {
///     ageing.add(&loan)?;
/// }
/// assert_eq!(ageing.portfolio_at_risk(1), Some(0.10));
/// assert_eq!(ageing.portfolio_at_risk(30), Some(0.04));
/// assert_eq!(ageing.portfolio_at_risk(90), Some(0.01));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ageing {
    loans: [u64; BUCKETS],
    outstanding: [Money; BUCKETS],
    overdue: [Money; BUCKETS],
}

impl Ageing {
    /// Counts a loan; one with nothing outstanding and nothing overdue is not counted.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for amounts below zero, [`Error::is_overflow`] when a total cannot be held.
    pub fn add(&mut self, loan: &LoanState) -> Result<()> {
        if loan.outstanding.is_negative() || loan.overdue.is_negative() {
            return Err(Error::invalid("outstanding", loan.outstanding.to_minor(), "amounts of zero or more"));
        }
        if loan.outstanding.is_zero() && loan.overdue.is_zero() {
            return Ok(());
        }
        let bucket = AgeingBucket::of(loan.days_past_due) as usize;
        let outstanding = self.outstanding[bucket].checked_add(loan.outstanding)?;
        self.overdue[bucket] = self.overdue[bucket].checked_add(loan.overdue)?;
        self.outstanding[bucket] = outstanding;
        self.loans[bucket] += 1;
        Ok(())
    }

    /// Adds another shard's counts.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when a total cannot be held; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let mut sum = self.clone();
        for bucket in 0..BUCKETS {
            sum.loans[bucket] += other.loans[bucket];
            sum.outstanding[bucket] = sum.outstanding[bucket].checked_add(other.outstanding[bucket])?;
            sum.overdue[bucket] = sum.overdue[bucket].checked_add(other.overdue[bucket])?;
        }
        *self = sum;
        Ok(())
    }

    /// Loans in a bucket.
    #[must_use]
    pub const fn loans(&self, bucket: AgeingBucket) -> u64 {
        self.loans[bucket as usize]
    }

    /// Principal outstanding in a bucket.
    #[must_use]
    pub const fn outstanding(&self, bucket: AgeingBucket) -> Money {
        self.outstanding[bucket as usize]
    }

    /// Overdue in a bucket.
    #[must_use]
    pub const fn overdue(&self, bucket: AgeingBucket) -> Money {
        self.overdue[bucket as usize]
    }

    /// Outstanding principal of loans more than `days` days past due (1: at all) over all of it: PAR1, PAR30, PAR90…
    /// Days are taken down to a bucket's edge (1, 30, 60, 90, 180, 360). None for an empty book.
    #[must_use]
    pub fn portfolio_at_risk(&self, days: u32) -> Option<f64> {
        let first = match days {
            0..=29 => AgeingBucket::Days1To30,
            30..=59 => AgeingBucket::Days31To60,
            60..=89 => AgeingBucket::Days61To90,
            90..=179 => AgeingBucket::Days91To180,
            180..=359 => AgeingBucket::Days181To360,
            _ => AgeingBucket::Over360,
        };
        let sum = |buckets: &[Money]| buckets.iter().map(|money| i128::from(money.to_minor())).sum::<i128>();
        let all = sum(&self.outstanding);
        (all > 0).then(|| sum(&self.outstanding[first as usize..]) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_meet_without_gap_or_overlap() {
        let mut before = AgeingBucket::Current;
        let mut turns = Vec::new();
        for days in 0..500 {
            let bucket = AgeingBucket::of(days);
            assert!(bucket >= before && classify_asset(days) >= classify_asset(days.saturating_sub(1)));
            if bucket != before {
                turns.push(days);
            }
            before = bucket;
        }
        assert_eq!(turns, [1, 31, 61, 91, 181, 361]);
    }

    #[test]
    fn failed_additions_change_nothing() {
        let mut ageing = Ageing::default();
        let huge = LoanState { outstanding: Money::MAX, overdue: Money::ZERO, days_past_due: 3 };
        ageing.add(&huge).unwrap();
        let before = ageing.clone();
        assert!(ageing.add(&huge).unwrap_err().is_overflow());
        assert!(ageing.merge(&before.clone()).unwrap_err().is_overflow());
        let negative = LoanState { outstanding: Money::from_minor(-1), ..huge };
        assert!(ageing.add(&negative).unwrap_err().is_invalid());
        assert_eq!(ageing, before);
        assert_eq!(Ageing::default().portfolio_at_risk(1), None);
    }
}
