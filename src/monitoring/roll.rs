//! How arrears roll from one bucket to the next in a month.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::monitoring::ageing::{AgeingBucket, BUCKETS};

/// Loans and money by bucket before and bucket after; shards add up.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::monitoring::RollMatrix;
///
/// let mut roll = RollMatrix::default();
/// roll.add(10, 40, Money::from_minor(700)); // 1-30 days rolled on
/// roll.add(12, 0, Money::from_minor(300)); // 1-30 days cured
/// use dandelion_credit::monitoring::AgeingBucket as Bucket;
/// assert_eq!(roll.rate(Bucket::Days1To30, Bucket::Days31To60), Some(0.7));
/// assert_eq!(roll.cure_rate(Bucket::Days1To30), Some(0.3));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RollMatrix {
    loans: [[u64; BUCKETS]; BUCKETS],
    balance: [[i128; BUCKETS]; BUCKETS],
}

impl RollMatrix {
    /// Counts a loan that was `before` days past due with `balance` outstanding and is now `after`. A loan that was repaid
    /// in between counts as current.
    pub fn add(&mut self, before: u32, after: u32, balance: Money) {
        let (from, to) = (AgeingBucket::of(before) as usize, AgeingBucket::of(after) as usize);
        self.loans[from][to] += 1;
        self.balance[from][to] += i128::from(balance.to_minor().max(0));
    }

    /// Adds another shard's counts.
    pub fn merge(&mut self, other: &Self) {
        for from in 0..BUCKETS {
            for to in 0..BUCKETS {
                self.loans[from][to] += other.loans[from][to];
                self.balance[from][to] = self.balance[from][to].saturating_add(other.balance[from][to]);
            }
        }
    }

    /// Loans that went from one bucket to the other.
    #[must_use]
    pub const fn loans(&self, from: AgeingBucket, to: AgeingBucket) -> u64 {
        self.loans[from as usize][to as usize]
    }

    /// Share of a bucket's balance that went to another; none for an empty bucket.
    #[must_use]
    pub fn rate(&self, from: AgeingBucket, to: AgeingBucket) -> Option<f64> {
        let row = &self.balance[from as usize];
        let all: i128 = row.iter().sum();
        (all > 0).then(|| row[to as usize] as f64 / all as f64)
    }

    /// Share of a bucket's balance that became current.
    #[must_use]
    pub fn cure_rate(&self, from: AgeingBucket) -> Option<f64> {
        self.rate(from, AgeingBucket::Current)
    }

    /// Share of a bucket's balance that ended in an older bucket.
    #[must_use]
    pub fn forward_rate(&self, from: AgeingBucket) -> Option<f64> {
        let older = &AgeingBucket::ALL[from as usize + 1..];
        older.iter().map(|&to| self.rate(from, to)).sum()
    }

    /// Share of a bucket's balance expected to be more than 90 days past due, or to have been, within `months` months when
    /// every month rolls as this one did; 1 for buckets beyond 90 days. A bucket nothing was seen in stays where it is.
    #[must_use]
    pub fn reaches_90(&self, months: u32) -> [f64; BUCKETS] {
        let bad = AgeingBucket::Days91To180 as usize;
        let mut reach = [0.0; BUCKETS];
        reach[bad..].fill(1.0);
        for _ in 0..months.min(1_200) {
            let mut next = reach;
            for (from, next) in next.iter_mut().enumerate().take(bad) {
                if let Some(first) = self.rate(AgeingBucket::ALL[from], AgeingBucket::ALL[0]) {
                    let others = (1..BUCKETS)
                        .filter_map(|to| Some(self.rate(AgeingBucket::ALL[from], AgeingBucket::ALL[to])? * reach[to]));
                    *next = first * reach[0] + others.sum::<f64>();
                }
            }
            reach = next;
        }
        reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AgeingBucket as B;

    #[test]
    fn rates_of_a_bucket_add_up_to_one() {
        let mut roll = RollMatrix::default();
        for (before, after, balance) in [(0, 0, 90), (0, 5, 10), (5, 0, 40), (5, 20, 30), (5, 45, 30), (45, 100, 7)] {
            roll.add(before, after, Money::from_minor(balance));
        }
        for from in [B::Current, B::Days1To30, B::Days31To60] {
            let all: f64 = B::ALL.iter().map(|&to| roll.rate(from, to).unwrap()).sum();
            assert!((all - 1.0).abs() < 1e-12);
        }
        assert_eq!(roll.forward_rate(B::Days1To30), Some(0.3));
        assert_eq!(roll.rate(B::Over360, B::Current), None);
        // 10 % roll to 1-30, of which 30 % roll on a month, of which all reach 90.
        let reach = roll.reaches_90(3);
        assert!((reach[B::Current as usize] - 0.1 * 0.3).abs() < 1e-12, "{reach:?}");
        assert_eq!(reach[B::Over360 as usize], 1.0);
    }

    #[test]
    fn shards_merge_in_any_order() {
        let mut parts = [RollMatrix::default(), RollMatrix::default(), RollMatrix::default()];
        let mut whole = RollMatrix::default();
        for step in 0..300u32 {
            let (before, after) = (step * 7 % 120, step * 13 % 150);
            let balance = Money::from_minor(i64::from(step));
            parts[step as usize % 3].add(before, after, balance);
            whole.add(before, after, balance);
        }
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let mut merged = RollMatrix::default();
            order.iter().for_each(|&part| merged.merge(&parts[part]));
            assert_eq!(merged, whole);
        }
    }
}
