//! Tables of quantiles: learnt from samples, mixed, read between the knots.

use serde::{Deserialize, Serialize};

/// Levels at which a table has a knot: dense in the tails, where limits are read.
pub(super) const KNOTS: [f64; 23] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95,
    0.975, 0.99, 0.995,
];

/// A quantile function by its values at [`KNOTS`], straight between them, flat beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct QuantileTable([f64; 23]);

impl QuantileTable {
    pub(super) const fn new(values: [f64; 23]) -> Self {
        Self(values)
    }

    /// Conformal quantiles of samples: at level q the value of rank q (n + 1), so that a new sample of the same kind lies
    /// below it with probability at least q (Vovk, Gammerman and Shafer 2005). Sorts the samples.
    pub(super) fn of_samples(samples: &mut [f64]) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        let n = samples.len();
        Self(KNOTS.map(|level| {
            if n == 0 {
                return 0.0;
            }
            let rank = (level * (n as f64 + 1.0) - 1.0).clamp(0.0, n as f64 - 1.0);
            let below = rank.floor() as usize;
            let above = (below + 1).min(n - 1);
            samples[below] + (rank - below as f64) * (samples[above] - samples[below])
        }))
    }

    /// The share `own` of this table and the rest of `other`, level by level.
    pub(super) fn mixed(&self, other: &Self, own: f64) -> Self {
        let mut values = self.0;
        for (value, other) in values.iter_mut().zip(other.0) {
            *value = own * *value + (1.0 - own) * other;
        }
        Self(values)
    }

    /// The value at `level`.
    pub(super) fn at(&self, level: f64) -> f64 {
        let above = KNOTS.partition_point(|&knot| knot < level);
        if above == 0 {
            return self.0[0];
        }
        if above == KNOTS.len() {
            return self.0[KNOTS.len() - 1];
        }
        let share = (level - KNOTS[above - 1]) / (KNOTS[above] - KNOTS[above - 1]);
        self.0[above - 1] + share * (self.0[above] - self.0[above - 1])
    }

    pub(super) fn is_valid(&self) -> bool {
        self.0.iter().all(|value| value.is_finite()) && self.0.is_sorted()
    }
}

/// Pinball loss of predicting `forecast` at `level` when `actual` came.
///
/// ```
/// use dandelion_credit::receipts::pinball;
///
/// // A limit is read at a low quantile. At level 0.1 receipts above it cost little, receipts below it nine times as much.
/// assert_eq!(pinball(12_000.0, 10_000.0, 0.1), 200.0);
/// assert_eq!(pinball(8_000.0, 10_000.0, 0.1), 1_800.0);
/// // At the median it is half the absolute error.
/// assert_eq!(pinball(8_000.0, 10_000.0, 0.5), 1_000.0);
/// ```
#[must_use]
pub fn pinball(actual: f64, forecast: f64, level: f64) -> f64 {
    let miss = actual - forecast;
    if miss >= 0.0 { level * miss } else { (level - 1.0) * miss }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_returns_what_it_was_made_of() {
        let mut samples: Vec<f64> = (1..=999).rev().map(f64::from).collect();
        let table = QuantileTable::of_samples(&mut samples);
        for level in [0.01, 0.1, 0.25, 0.5, 0.9, 0.99] {
            assert!((table.at(level) - 1000.0 * level).abs() < 1e-9, "{level}: {}", table.at(level));
        }
        assert!((table.at(0.35) - 350.0).abs() < 1e-9);
        assert!((table.mixed(&QuantileTable::new([0.0; 23]), 0.25).at(0.5) - 125.0).abs() < 1e-9);
        assert_eq!(QuantileTable::of_samples(&mut []).at(0.5), 0.0);
        assert_eq!(QuantileTable::of_samples(&mut [7.0]).at(0.9), 7.0);
    }

    #[test]
    fn pinball_is_least_at_the_quantile() {
        let loss = |forecast: f64| (1..=99).map(|actual| pinball(f64::from(actual), forecast, 0.9)).sum::<f64>();
        assert!(loss(90.0) < loss(85.0) && loss(90.0) < loss(95.0));
        assert_eq!(pinball(10.0, 4.0, 0.5), 3.0);
    }
}
