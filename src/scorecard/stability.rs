//! Has the world moved away from the model? Stability on the model's own bins, and what its columns are worth.

use serde::Deserialize;
use serde::Serialize;

use crate::elementary::ln;
use crate::error::Error;
use crate::error::Result;
use crate::scorecard::model::Feature;
use crate::scorecard::model::Scorecard;
use crate::scorecard::score::Scorer;
use crate::scorecard::table::Table;

/// A population stability index and what it calls for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Sum over bins of (new share - old share) ln(new share / old share).
    pub psi: f64,
    /// What the customary limits make of it.
    pub alarm: Alarm,
}

/// The customary limits: below 0.10 stable, below 0.25 watch, otherwise act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// Below 0.10.
    Stable,
    /// From 0.10.
    Watch,
    /// From 0.25.
    Act,
}

/// The stability of two distributions over the same bins, from weights or counts. A bin that is empty on one side
/// counts as half a row there, so that the index is finite.
///
/// ```
/// use dandelion_credit::scorecard::{Alarm, stability};
///
/// let found = stability(&[100.0, 200.0, 300.0], &[110.0, 190.0, 300.0])?;
/// assert!(found.psi < 0.01 && found.alarm == Alarm::Stable);
/// assert_eq!(stability(&[100.0, 0.0], &[0.0, 100.0])?.alarm, Alarm::Act);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// [`Error::is_invalid`] for lengths that differ, a weight that is negative or not finite, or a side without weight.
pub fn stability(old: &[f64], new: &[f64]) -> Result<Stability> {
    if old.len() != new.len() {
        return Err(Error::invalid("number of bins", new.len(), format!("{}", old.len())));
    }
    if let Some(bad) = old.iter().chain(new).find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        return Err(Error::invalid("weight of a bin", bad, "finite and not negative"));
    }
    let (old_total, new_total): (f64, f64) = (old.iter().sum(), new.iter().sum());
    if old_total <= 0.0 || new_total <= 0.0 {
        return Err(Error::invalid("total weight", old_total.min(new_total), "above 0 on both sides"));
    }
    let mut psi = 0.0;
    for (&old, &new) in old.iter().zip(new) {
        if old > 0.0 || new > 0.0 {
            let before = (if old > 0.0 { old } else { 0.5_f64.min(old_total) }) / old_total;
            let after = (if new > 0.0 { new } else { 0.5_f64.min(new_total) }) / new_total;
            psi += (after - before) * ln(after / before);
        }
    }
    let alarm = match psi {
        psi if psi < 0.10 => Alarm::Stable,
        psi if psi < 0.25 => Alarm::Watch,
        _ => Alarm::Act,
    };
    Ok(Stability { psi, alarm })
}

/// How one column has moved since training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnDrift {
    /// The column.
    pub column: String,
    /// Its stability on the model's own bins, intervals gathered into about ten groups.
    pub stability: Stability,
    /// Characteristic stability: how far its move shifts the mean log-odds.
    pub shift: f64,
    /// Share of rows that are missing now.
    pub missing: f64,
}

/// What a bin of a column says about the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinReport {
    /// What the bin holds.
    pub bin: String,
    /// Training weight.
    pub weight: f64,
    /// Training weight of positives.
    pub positives: f64,
    /// Weight of evidence: ln of (share of the positives / share of the negatives). Positive where positives are dense.
    pub woe: f64,
    /// Contribution of the model, log-odds.
    pub contribution: f64,
    /// Its standard error; 0 where unknown.
    pub standard_error: f64,
}

impl Feature {
    /// What every bin says about the outcome on the training rows. Bins without one of the outcomes get half a row of
    /// it, so that the weight of evidence is finite; bins without rows have 0.
    #[must_use]
    pub fn report(&self) -> Vec<BinReport> {
        let positives: f64 = self.positives.iter().sum();
        let negatives: f64 = self.weights.iter().sum::<f64>() - positives;
        (0..self.bins.len())
            .map(|bin| {
                let weight = self.weights.get(bin).copied().unwrap_or(0.0);
                let found = self.positives.get(bin).copied().unwrap_or(0.0);
                let share = |part: f64, whole: f64| part.max(0.5) / whole.max(0.5);
                let woe = ln(share(found, positives) / share(weight - found, negatives));
                BinReport {
                    bin: self.bins.label(bin),
                    weight,
                    positives: found,
                    woe: if weight > 0.0 { woe } else { 0.0 },
                    contribution: f64::from(self.units[bin]) / crate::scorecard::UNITS_PER_LOG_ODDS,
                    standard_error: self.standard_errors.get(bin).map_or(0.0, |&error| f64::from(error)),
                }
            })
            .collect()
    }

    /// Information value on the training rows: the sum over bins of (share of positives - share of negatives) times the
    /// weight of evidence.
    #[must_use]
    pub fn information_value(&self) -> f64 {
        let positives: f64 = self.positives.iter().sum();
        let negatives: f64 = self.weights.iter().sum::<f64>() - positives;
        let part = |row: &BinReport| {
            row.woe * (row.positives / positives.max(0.5) - (row.weight - row.positives) / negatives.max(0.5))
        };
        self.report().iter().map(part).sum()
    }
}

/// Ordered bins gathered into about ten groups of like old weight, since the index over hundreds of bins would be noise;
/// missing, special values and levels apart.
fn grouped(old: &[f64], new: &[f64], first_ordered: usize) -> (Vec<f64>, Vec<f64>) {
    let total: f64 = old.iter().sum();
    let mut groups: Vec<(f64, f64)> = Vec::new();
    let mut fresh = true;
    for (bin, (&old, &new)) in old.iter().zip(new).enumerate() {
        if fresh {
            groups.push((0.0, 0.0));
        }
        let last = groups.len() - 1;
        groups[last].0 += old;
        groups[last].1 += new;
        fresh = bin < first_ordered || groups[last].0 >= total / 10.0;
    }
    groups.into_iter().unzip()
}

impl Scorecard {
    /// How the columns of a new table have moved since training, on the model's own bins, in the model's order.
    ///
    /// # Errors
    /// As [`Scorer::encode`], and [`Error::is_invalid`] for a table without rows or a model without training weights.
    pub fn drift(&self, scorer: &Scorer, table: &Table<'_>) -> Result<Vec<ColumnDrift>> {
        let encoded = scorer.encode(table)?;
        let rows = table.rows() as f64;
        let mut found = Vec::new();
        for (feature, column) in self.features.iter().zip(encoded.columns()) {
            let mut new = vec![0.0; feature.bins.len()];
            feature.bins.codes(column).into_iter().for_each(|code| new[usize::from(code)] += 1.0);
            let mut old = feature.weights.clone();
            old.resize(new.len(), 0.0);
            let (old_total, new_total): (f64, f64) = (old.iter().sum(), new.iter().sum());
            let shift: f64 = (0..new.len())
                .map(|bin| {
                    let moved = new[bin] / new_total.max(1.0) - old[bin] / old_total.max(f64::MIN_POSITIVE);
                    moved * f64::from(feature.units[bin]) / crate::scorecard::UNITS_PER_LOG_ODDS
                })
                .sum();
            let (old_groups, new_groups) = grouped(&old, &new, feature.bins.first_ordered());
            let stability = stability(&old_groups, &new_groups).map_err(|error| error.at(&feature.name))?;
            found.push(ColumnDrift {
                column: feature.name.clone(),
                stability,
                shift,
                missing: new[crate::scorecard::MISSING] / rows.max(1.0),
            });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::Bins;

    fn feature() -> Feature {
        Feature {
            name: "age".into(),
            bins: Bins::numeric(vec![30.0], vec![]).unwrap(),
            monotone: None,
            reason_group: None,
            units: vec![0, 1 << 20, -(1 << 20)],
            standard_errors: vec![],
            weights: vec![0.0, 100.0, 300.0],
            positives: vec![0.0, 50.0, 30.0],
        }
    }

    #[test]
    fn weight_of_evidence_has_the_sign_of_the_positives() {
        // 50 of 80 positives and 50 of 320 negatives lie below 30: ln(0.625 / 0.15625) = ln 4.
        let report = feature().report();
        assert!((report[1].woe - 4.0_f64.ln()).abs() < 1e-12);
        assert!((report[2].woe - (0.375_f64 / 0.84375).ln()).abs() < 1e-12);
        let iv = 4.0_f64.ln() * (0.625 - 0.15625) + (0.375_f64 / 0.84375).ln() * (0.375 - 0.84375);
        assert!((feature().information_value() - iv).abs() < 1e-12);
    }

    #[test]
    fn the_index_is_the_textbook_sum() {
        let found = stability(&[50.0, 50.0], &[60.0, 40.0]).unwrap();
        let by_hand = 0.1 * (0.6_f64 / 0.5).ln() - 0.1 * (0.4_f64 / 0.5).ln();
        assert!((found.psi - by_hand).abs() < 1e-12);
        assert!(stability(&[1.0], &[0.0]).is_err() && stability(&[1.0], &[f64::NAN]).is_err());
    }
}
