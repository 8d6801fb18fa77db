//! Whom to call first: by what a call is expected to bring.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::money::Money;
use crate::monitoring::ageing::{AgeingBucket, BUCKETS};
use crate::monitoring::roll::RollMatrix;

/// An overdue merchant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionCase {
    /// Its place in the caller's tables.
    pub account: u32,
    /// What is overdue.
    pub overdue: Money,
    /// What is outstanding in all.
    pub outstanding: Money,
    /// Days past due.
    pub days_past_due: u32,
    /// Receipts of the last 30 days: what could be paid from. None when unknown.
    pub receipts_30: Option<Money>,
}

/// What calls do and cost.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::monitoring::{CollectionCase, CollectionConfig, collection_order};
///
/// // 3,000.00 overdue for 45 days, by a stall that takes in 1,000.00 a month. Half of that can go into repayment, a third cure
/// // alone, and a call cures 30 % of the rest: it brings 500.00 × 0.65 × 0.30, less its cost of 5.00.
/// let money = Money::from_minor;
/// let case = CollectionCase {
///     account: 1, overdue: money(300_000), outstanding: money(300_000), days_past_due: 45, receipts_30: Some(money(100_000)),
/// };
/// let gains = |config: &CollectionConfig| -> dandelion_credit::Result<Vec<f64>> {
///     Ok(collection_order(&[case], config)?.iter().map(|task| task.expected_gain_minor.round()).collect())
/// };
/// assert_eq!(gains(&CollectionConfig::default())?, [9_250.0]);
/// // A visit that costs 100.00 is not worth making.
/// assert!(gains(&CollectionConfig { call_cost_minor: 10_000, ..CollectionConfig::default() })?.is_empty());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectionConfig {
    /// Probability of cure in a month without a call, by bucket; usually a roll matrix's cure rates.
    pub cure_alone: [f64; BUCKETS],
    /// Share of those who would not cure alone that a call cures, by bucket.
    pub call_effect: [f64; BUCKETS],
    /// Cost of a call, minor units.
    pub call_cost_minor: i64,
    /// Share of a month's receipts a merchant can pay overdue money from.
    pub payable_share: f64,
    /// Calls there is time for; none is without end.
    pub capacity: Option<usize>,
}

impl Default for CollectionConfig {
    /// Cure and effect of the order lenders report for small unsecured loans: most early arrears cure alone, a call helps
    /// most in between, and little helps late. Replace by own figures, see [`with_cure_rates`](Self::with_cure_rates).
    fn default() -> Self {
        Self {
            cure_alone: [1.0, 0.70, 0.35, 0.20, 0.10, 0.04, 0.01],
            call_effect: [0.0, 0.30, 0.30, 0.22, 0.12, 0.05, 0.02],
            call_cost_minor: 500,
            payable_share: 0.5,
            capacity: None,
        }
    }
}

impl CollectionConfig {
    /// The same with cure rates as a roll matrix saw them; buckets it saw nothing in keep theirs.
    #[must_use]
    pub fn with_cure_rates(mut self, roll: &RollMatrix) -> Self {
        for (bucket, cure) in AgeingBucket::ALL.iter().zip(&mut self.cure_alone) {
            *cure = roll.cure_rate(*bucket).unwrap_or(*cure);
        }
        self
    }
}

/// A call worth making.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CollectionTask {
    /// The account.
    pub account: u32,
    /// What the call is expected to bring beyond what would come anyway, cost taken off, minor units.
    pub expected_gain_minor: f64,
    /// What is expected to come in a month without a call, minor units.
    pub expected_alone_minor: f64,
    /// Probability of cure with the call.
    pub cure_probability: f64,
}

/// Calls worth making, the one that brings most first; those that bring less than they cost are left out.
///
/// The largest debt or the oldest is not the best call: who pays anyway needs none, and who cannot pay repays none.
///
/// # Errors
/// [`Error::is_invalid`] when a probability of the configuration is not from 0 to 1 or an amount is below zero.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::monitoring::{CollectionCase, CollectionConfig, collection_order};
///
/// let case = |account, days_past_due, overdue| CollectionCase {
///     account,
///     overdue: Money::from_minor(overdue),
///     outstanding: Money::from_minor(overdue),
///     days_past_due,
///     receipts_30: None,
/// };
/// let order = collection_order(&[case(1, 5, 300_000), case(2, 45, 300_000), case(3, 400, 900_000)], &CollectionConfig::default())?;
/// assert_eq!(order.iter().map(|task| task.account).collect::<Vec<_>>(), [2, 1, 3]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn collection_order(cases: &[CollectionCase], config: &CollectionConfig) -> Result<Vec<CollectionTask>> {
    for (name, shares) in [("cure_alone", &config.cure_alone), ("call_effect", &config.call_effect)] {
        if let Some(bucket) = shares.iter().position(|share| !(0.0..=1.0).contains(share)) {
            return Err(Error::invalid(format!("collection.{name}[{bucket}]"), shares[bucket], "from 0 to 1"));
        }
    }
    if !(0.0..=1.0).contains(&config.payable_share) {
        return Err(Error::invalid("collection.payable_share", config.payable_share, "from 0 to 1"));
    }
    if config.call_cost_minor < 0 {
        return Err(Error::invalid("collection.call_cost_minor", config.call_cost_minor, "zero or more"));
    }
    let mut tasks: Vec<CollectionTask> = cases
        .iter()
        .filter(|case| case.days_past_due > 0 && case.overdue.is_positive())
        .filter_map(|case| {
            let bucket = AgeingBucket::of(case.days_past_due) as usize;
            let overdue = case.overdue.to_minor() as f64;
            let payable = case
                .receipts_30
                .map_or(overdue, |receipts| overdue.min(receipts.to_minor().max(0) as f64 * config.payable_share));
            let alone = config.cure_alone[bucket];
            let lift = (1.0 - alone) * config.call_effect[bucket];
            let gain = payable * lift - config.call_cost_minor as f64;
            (gain > 0.0).then_some(CollectionTask {
                account: case.account,
                expected_gain_minor: gain,
                expected_alone_minor: payable * alone,
                cure_probability: alone + lift,
            })
        })
        .collect();
    tasks.sort_by(|a, b| b.expected_gain_minor.total_cmp(&a.expected_gain_minor).then(a.account.cmp(&b.account)));
    tasks.truncate(config.capacity.unwrap_or(usize::MAX));
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(account: u32, days_past_due: u32, receipts: Option<i64>) -> CollectionCase {
        CollectionCase {
            account,
            overdue: Money::from_minor(300_000),
            outstanding: Money::from_minor(500_000),
            days_past_due,
            receipts_30: receipts.map(Money::from_minor),
        }
    }

    #[test]
    fn who_cannot_pay_comes_last_and_who_costs_more_than_it_brings_is_left_out() {
        let cases = [case(1, 45, Some(0)), case(2, 45, Some(10_000_000)), case(3, 45, Some(200_000)), case(4, 0, None)];
        let order = collection_order(&cases, &CollectionConfig::default()).unwrap();
        assert_eq!(order.iter().map(|task| task.account).collect::<Vec<_>>(), [2, 3]);
        assert!((order[0].expected_gain_minor - (300_000.0 * 0.65 * 0.30 - 500.0)).abs() < 1e-6);
        let config = CollectionConfig { capacity: Some(1), ..CollectionConfig::default() };
        assert_eq!(collection_order(&cases, &config).unwrap().len(), 1);
    }

    #[test]
    fn cure_rates_come_from_the_books_own_rolls() {
        let mut roll = RollMatrix::default();
        roll.add(40, 0, Money::from_minor(90));
        roll.add(40, 70, Money::from_minor(10));
        let config = CollectionConfig::default().with_cure_rates(&roll);
        assert_eq!(config.cure_alone[AgeingBucket::Days31To60 as usize], 0.9);
        assert_eq!(config.cure_alone[AgeingBucket::Days1To30 as usize], 0.70);
        let bad = CollectionConfig { payable_share: f64::NAN, ..config };
        assert!(collection_order(&[], &bad).is_err());
    }
}
