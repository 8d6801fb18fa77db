//! The validation pack: how well scores tell positives from negatives and how true the probabilities are.
//!
//! [`Evidence`] gathers scored rows with their outcomes and weights, merges with the evidence of other parts, and then
//! answers everything a validator asks. It keeps one entry a distinct probability, so merging is exact: the parts give
//! the figures of the whole.

use serde::Deserialize;
use serde::Serialize;

use crate::elementary::{ln, ln_1p};
use crate::error::Error;
use crate::error::Result;
use crate::scorecard::calibration::logistic_line;
use crate::scorecard::numeric::NORMAL_95;
use crate::scorecard::numeric::logit;

/// Rows of one probability.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    probability: f64,
    /// Weight, squared weight and rows of the negatives, then of the positives.
    weight: [f64; 2],
    squared: [f64; 2],
    rows: [u64; 2],
}

/// Scored rows with known outcomes, by ascending probability.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    levels: Vec<Level>,
}

/// An estimate with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The figures of a validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Rows with weight.
    pub n: u64,
    /// Rows of them that are positive.
    pub positives: u64,
    /// Probability that a positive scores above a negative, ties half, with DeLong's interval (Biometrics 1988).
    pub auc: Interval,
    /// Largest distance of the two cumulative distributions (Kolmogorov and Smirnov).
    pub ks: f64,
    /// 2 AUC - 1.
    pub gini: f64,
    /// Mean negative log-likelihood; probabilities are kept 1e-15 away from 0 and 1.
    pub log_loss: f64,
    /// Mean squared error of the probability.
    pub brier: f64,
    /// Expected calibration error over ten bins of equal width.
    pub ece: f64,
    /// Slope of the logistic regression of the outcome on the log-odds; below 1: too sure.
    pub calibration_slope: f64,
    /// Its intercept.
    pub calibration_intercept: f64,
    /// Share of positives less mean probability.
    pub calibration_in_the_large: f64,
}

/// One band of a gains table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GainsBand {
    /// Least probability in the band.
    pub from: f64,
    /// Weight of the band.
    pub weight: f64,
    /// Weight of its positives.
    pub positives: f64,
    /// Share of the band that is positive.
    pub rate: f64,
    /// Share of all positives found in this band and those above it.
    pub gain: f64,
    /// Rate in this band and those above it over the rate of all.
    pub lift: f64,
}

/// What a threshold does: rows at or above it are flagged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Least probability flagged.
    pub at: f64,
    /// Share of all rows flagged.
    pub flagged: f64,
    /// Share of positives flagged (true positive rate, recall).
    pub recall: f64,
    /// Share of negatives flagged (false positive rate).
    pub false_alarms: f64,
    /// Share of the flagged that is positive.
    pub precision: f64,
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl Evidence {
    /// Gathers `(probability, positive, weight)`. Rows without weight, and rows whose probability is not from 0 to 1 or
    /// whose weight is not finite, are left out: check at the door with [`Evidence::gather`].
    pub fn from_rows(rows: impl IntoIterator<Item = (f64, bool, f64)>) -> Self {
        let mut levels: Vec<Level> = rows
            .into_iter()
            .filter(|(p, _, weight)| (0.0..=1.0).contains(p) && *weight > 0.0 && weight.is_finite())
            .map(|(probability, positive, weight)| {
                let side = usize::from(positive);
                let mut level = Level { probability, weight: [0.0; 2], squared: [0.0; 2], rows: [0; 2] };
                (level.weight[side], level.squared[side], level.rows[side]) = (weight, weight * weight, 1);
                level
            })
            .collect();
        levels.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        Self::pooled(levels)
    }

    /// Gathers probabilities, outcomes and, where there are any, weights.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for lengths that differ, a probability outside 0 to 1 or a weight that is negative or not
    /// finite, with the row.
    pub fn gather(probabilities: &[f64], positive: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        let rows = probabilities.len();
        if positive.len() != rows || weights.is_some_and(|weights| weights.len() != rows) {
            return Err(Error::invalid("number of outcomes", positive.len(), format!("{rows} rows")));
        }
        for row in 0..rows {
            let weight = weights.map_or(1.0, |weights| weights[row]);
            if !(0.0..=1.0).contains(&probabilities[row]) {
                return Err(Error::invalid("probability", probabilities[row], "from 0 to 1").at(format!("row {row}")));
            }
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(Error::invalid("weight", weight, "finite and not negative").at(format!("row {row}")));
            }
        }
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        Ok(Self::from_rows((0..rows).map(|row| (probabilities[row], positive[row], weight(row)))))
    }

    fn pooled(sorted: Vec<Level>) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        for level in sorted {
            match levels.last_mut() {
                Some(last) if last.probability == level.probability => {
                    for side in 0..2 {
                        last.weight[side] += level.weight[side];
                        last.squared[side] += level.squared[side];
                        last.rows[side] += level.rows[side];
                    }
                }
                _ => levels.push(level),
            }
        }
        Self { levels }
    }

    /// The evidence of both parts.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.levels.extend(other.levels);
        self.levels.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        Self::pooled(self.levels)
    }

    fn totals(&self) -> [f64; 2] {
        self.levels.iter().fold([0.0; 2], |sum, level| [sum[0] + level.weight[0], sum[1] + level.weight[1]])
    }

    /// All figures. Where one outcome does not occur nothing can be told apart: the AUC is 0.5 with the interval 0 to 1,
    /// KS and Gini are 0, the calibration line is that of true probabilities.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let [negatives, positives] = self.totals();
        let total = negatives + positives;
        let (mut log_loss, mut brier, mut mean, mut ks) = (0.0, 0.0, 0.0, 0.0_f64);
        let mut below = [0.0; 2];
        let mut ece = [[0.0; 3]; 10];
        for level in &self.levels {
            let p = level.probability;
            let safe = p.clamp(1e-15, 1.0 - 1e-15);
            log_loss -= level.weight[1] * ln(safe) + level.weight[0] * ln_1p(-safe);
            brier += level.weight[1] * (1.0 - p) * (1.0 - p) + level.weight[0] * p * p;
            mean += p * (level.weight[0] + level.weight[1]);
            below = [below[0] + level.weight[0], below[1] + level.weight[1]];
            if negatives > 0.0 && positives > 0.0 {
                ks = ks.max((below[0] / negatives - below[1] / positives).abs());
            }
            let bin = &mut ece[((p * 10.0) as usize).min(9)];
            bin[0] += p * (level.weight[0] + level.weight[1]);
            bin[1] += level.weight[1];
        }
        let auc = self.auc();
        let line = self.calibration_line(positives, total);
        Measures {
            n: self.levels.iter().map(|level| level.rows[0] + level.rows[1]).sum(),
            positives: self.levels.iter().map(|level| level.rows[1]).sum(),
            auc,
            ks,
            gini: 2.0 * auc.value - 1.0,
            log_loss: ratio(log_loss, total),
            brier: ratio(brier, total),
            ece: ratio(ece.iter().map(|bin| (bin[0] - bin[1]).abs()).sum(), total),
            calibration_slope: line.slope,
            calibration_intercept: line.intercept,
            calibration_in_the_large: ratio(positives - mean, total),
        }
    }

    fn calibration_line(&self, positives: f64, total: f64) -> crate::scorecard::calibration::Line {
        if !(positives > 0.0 && positives < total) {
            return crate::scorecard::calibration::Line { slope: 1.0, intercept: 0.0 };
        }
        let mut x = Vec::with_capacity(2 * self.levels.len());
        let mut outcome = Vec::with_capacity(2 * self.levels.len());
        let mut weight = Vec::with_capacity(2 * self.levels.len());
        for level in &self.levels {
            for side in 0..2 {
                if level.weight[side] > 0.0 {
                    x.push(logit(level.probability.clamp(1e-15, 1.0 - 1e-15)));
                    outcome.push(side == 1);
                    weight.push(level.weight[side]);
                }
            }
        }
        logistic_line(&x, &outcome, &|row| weight[row], positives / total)
    }

    fn auc(&self) -> Interval {
        let [negatives, positives] = self.totals();
        if negatives <= 0.0 || positives <= 0.0 {
            return Interval { value: 0.5, low: 0.0, high: 1.0 };
        }
        let mut won = 0.0;
        let mut below = 0.0;
        for level in &self.levels {
            won += level.weight[1] * (below + 0.5 * level.weight[0]);
            below += level.weight[0];
        }
        let value = won / negatives / positives;
        // DeLong: the spread of each row's placement among the rows of the other outcome.
        let (mut spread, mut below) = ([0.0; 2], [0.0; 2]);
        for level in &self.levels {
            let of_positive = (below[0] + 0.5 * level.weight[0]) / negatives;
            let of_negative = 1.0 - (below[1] + 0.5 * level.weight[1]) / positives;
            spread[1] += level.squared[1] * (of_positive - value) * (of_positive - value);
            spread[0] += level.squared[0] * (of_negative - value) * (of_negative - value);
            below[0] += level.weight[0];
            below[1] += level.weight[1];
        }
        let squared =
            self.levels.iter().fold([0.0; 2], |sum, level| [sum[0] + level.squared[0], sum[1] + level.squared[1]]);
        let part = |side: usize, total: f64| {
            // Rows the weights are worth (Kish), for the unbiased divisor.
            let rows = total * total / squared[side];
            spread[side] / (total * total) * rows / (rows - 1.0).max(1e-9)
        };
        let variance = if self.levels.iter().map(|l| l.rows[0]).sum::<u64>() > 1
            && self.levels.iter().map(|l| l.rows[1]).sum::<u64>() > 1
        {
            part(0, negatives) + part(1, positives)
        } else {
            f64::INFINITY
        };
        let half = NORMAL_95 * variance.sqrt();
        Interval { value, low: (value - half).max(0.0), high: (value + half).min(1.0) }
    }

    /// The gains table: `bands` bands of like weight from the highest probability down.
    #[must_use]
    pub fn gains(&self, bands: usize) -> Vec<GainsBand> {
        let [negatives, positives] = self.totals();
        let total = negatives + positives;
        let mut table: Vec<GainsBand> = Vec::new();
        let (mut seen, mut found) = (0.0, 0.0);
        let mut band = [0.0; 2];
        for (place, level) in self.levels.iter().enumerate().rev() {
            band[0] += level.weight[0] + level.weight[1];
            band[1] += level.weight[1];
            seen += level.weight[0] + level.weight[1];
            found += level.weight[1];
            let due = total * (table.len() + 1) as f64 / bands.max(1) as f64;
            if seen >= due * (1.0 - 1e-12) || place == 0 {
                table.push(GainsBand {
                    from: level.probability,
                    weight: band[0],
                    positives: band[1],
                    rate: ratio(band[1], band[0]),
                    gain: ratio(found, positives),
                    lift: ratio(ratio(found, seen), ratio(positives, total)),
                });
                band = [0.0; 2];
            }
        }
        table
    }

    /// What every threshold does, from the highest down: the whole curve behind a choice.
    #[must_use]
    pub fn curve(&self) -> Vec<Threshold> {
        let [negatives, positives] = self.totals();
        let mut at_or_above = [0.0; 2];
        self.levels
            .iter()
            .rev()
            .map(|level| {
                at_or_above[0] += level.weight[0];
                at_or_above[1] += level.weight[1];
                let flagged = at_or_above[0] + at_or_above[1];
                Threshold {
                    at: level.probability,
                    flagged: ratio(flagged, negatives + positives),
                    recall: ratio(at_or_above[1], positives),
                    false_alarms: ratio(at_or_above[0], negatives),
                    precision: ratio(at_or_above[1], flagged),
                }
            })
            .collect()
    }

    /// The threshold that costs least when a missed positive costs `missed` and a false alarm costs `false_alarm`;
    /// `None` where flagging nobody is cheapest.
    #[must_use]
    pub fn threshold_by_cost(&self, missed: f64, false_alarm: f64) -> Option<Threshold> {
        let [negatives, positives] = self.totals();
        let cost = |t: &Threshold| (1.0 - t.recall) * positives * missed + t.false_alarms * negatives * false_alarm;
        let best = self.curve().into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
        (cost(&best) < positives * missed).then_some(best)
    }

    /// The lowest threshold that flags no more than `share` of all rows: as many as a team can work through.
    #[must_use]
    pub fn threshold_by_capacity(&self, share: f64) -> Option<Threshold> {
        self.curve().into_iter().take_while(|threshold| threshold.flagged <= share).last()
    }

    /// The highest threshold that finds `recall` of the positives.
    #[must_use]
    pub fn threshold_by_recall(&self, recall: f64) -> Option<Threshold> {
        self.curve().into_iter().find(|threshold| threshold.recall >= recall)
    }
}

/// The figures of one group of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupMeasures {
    /// Name of the group.
    pub group: String,
    /// Its rows with weight.
    pub n: u64,
    /// Share of positives.
    pub rate: f64,
    /// Share flagged at the threshold.
    pub flagged: f64,
    /// Its figures; `None` below the minimum count of either outcome, since they would say nothing.
    pub measures: Option<Measures>,
}

/// Rates and figures for each group (region, sex, age band): is the model as true for them as for all?
///
/// Groups with fewer than `min_rows` rows of either outcome have no figures. Groups come in the order of their names.
///
/// # Errors
/// As [`Evidence::gather`], and [`Error::is_invalid`] for another number of group names than rows.
pub fn by_group(
    probabilities: &[f64],
    positive: &[bool],
    weights: Option<&[f64]>,
    groups: &[&str],
    threshold: f64,
    min_rows: u64,
) -> Result<Vec<GroupMeasures>> {
    Evidence::gather(probabilities, positive, weights)?;
    if groups.len() != probabilities.len() {
        return Err(Error::invalid("number of groups", groups.len(), format!("{} rows", probabilities.len())));
    }
    let mut rows: std::collections::BTreeMap<&str, Vec<usize>> = std::collections::BTreeMap::new();
    groups.iter().enumerate().for_each(|(row, group)| rows.entry(group).or_default().push(row));
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    Ok(rows
        .into_iter()
        .map(|(group, rows)| {
            let evidence =
                Evidence::from_rows(rows.iter().map(|&row| (probabilities[row], positive[row], weight(row))));
            let measures = evidence.measures();
            let total: f64 = rows.iter().map(|&row| weight(row)).sum();
            let share = |keep: &dyn Fn(usize) -> bool| {
                ratio(rows.iter().filter(|&&row| keep(row)).map(|&row| weight(row)).sum(), total)
            };
            let enough = measures.positives >= min_rows && measures.n - measures.positives >= min_rows;
            GroupMeasures {
                group: group.to_owned(),
                n: measures.n,
                rate: share(&|row| positive[row]),
                flagged: share(&|row| probabilities[row] >= threshold),
                measures: enough.then_some(measures),
            }
        })
        .collect())
}

/// Who changes sides when a challenger replaces a champion at the same share accepted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SwapSet {
    /// Accepted by both: rows, and the share of them that is positive.
    pub both: SwapCell,
    /// Accepted by the challenger only.
    pub swapped_in: SwapCell,
    /// Accepted by the champion only.
    pub swapped_out: SwapCell,
    /// Accepted by neither.
    pub neither: SwapCell,
}

/// One cell of a swap set.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SwapCell {
    /// Rows.
    pub rows: u64,
    /// Rows that are positive.
    pub positives: u64,
}

/// Compares two models where both accept the `accepted` share of rows with the lowest probability. Ties go by row.
///
/// # Errors
/// [`Error::is_invalid`] for lengths that differ or a share outside 0 to 1.
pub fn swap_set(champion: &[f64], challenger: &[f64], positive: &[bool], accepted: f64) -> Result<SwapSet> {
    let rows = champion.len();
    if challenger.len() != rows || positive.len() != rows {
        return Err(Error::invalid("number of rows", challenger.len().min(positive.len()), format!("{rows}")));
    }
    if !(0.0..=1.0).contains(&accepted) {
        return Err(Error::invalid("share accepted", accepted, "from 0 to 1"));
    }
    let take = (rows as f64 * accepted).round() as usize;
    let accept = |scores: &[f64]| {
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
        let mut accepted = vec![false; rows];
        order[..take].iter().for_each(|&row| accepted[row] = true);
        accepted
    };
    let (old, new) = (accept(champion), accept(challenger));
    let mut cells = [[SwapCell::default(); 2]; 2];
    for row in 0..rows {
        let cell = &mut cells[usize::from(old[row])][usize::from(new[row])];
        cell.rows += 1;
        cell.positives += u64::from(positive[row]);
    }
    Ok(SwapSet { both: cells[1][1], swapped_in: cells[0][1], swapped_out: cells[1][0], neither: cells[0][0] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::numeric::Stream;

    fn rows(count: usize, seed: u64) -> Vec<(f64, bool, f64)> {
        let mut stream = Stream::new(seed);
        (0..count)
            .map(|_| {
                let p = stream.below(101) as f64 / 100.0;
                (p, (stream.below(1000) as f64) < p * 1000.0, 1.0 + stream.below(3) as f64)
            })
            .collect()
    }

    #[test]
    fn auc_and_its_variance_are_those_of_all_pairs() {
        let rows: Vec<(f64, bool, f64)> = rows(200, 1).into_iter().map(|(p, y, _)| (p, y, 1.0)).collect();
        let measures = Evidence::from_rows(rows.iter().copied()).measures();
        let positives: Vec<f64> = rows.iter().filter(|row| row.1).map(|row| row.0).collect();
        let negatives: Vec<f64> = rows.iter().filter(|row| !row.1).map(|row| row.0).collect();
        let win = |x: f64, y: f64| {
            if x > y {
                1.0
            } else if x == y {
                0.5
            } else {
                0.0
            }
        };
        let (m, n) = (positives.len() as f64, negatives.len() as f64);
        let v10: Vec<f64> = positives.iter().map(|&x| negatives.iter().map(|&y| win(x, y)).sum::<f64>() / n).collect();
        let v01: Vec<f64> = negatives.iter().map(|&y| positives.iter().map(|&x| win(x, y)).sum::<f64>() / m).collect();
        let auc = v10.iter().sum::<f64>() / m;
        let variance = |v: &[f64]| v.iter().map(|x| (x - auc) * (x - auc)).sum::<f64>() / (v.len() as f64 - 1.0);
        let error = (variance(&v10) / m + variance(&v01) / n).sqrt();
        assert!((measures.auc.value - auc).abs() < 1e-12);
        assert!((measures.auc.high - measures.auc.low - 2.0 * NORMAL_95 * error).abs() < 1e-9);
    }

    #[test]
    fn the_parts_give_the_figures_of_the_whole() {
        let rows = rows(3000, 2);
        let whole = Evidence::from_rows(rows.iter().copied());
        let parts = rows.chunks(700).map(|part| Evidence::from_rows(part.iter().copied()));
        let merged = parts.fold(Evidence::default(), Evidence::merge);
        assert_eq!(whole.measures(), merged.measures());
        assert_eq!(whole.gains(10), merged.gains(10));
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice() {
        let rows = rows(500, 3);
        let weighted = Evidence::from_rows(rows.iter().copied()).measures();
        let repeated = rows.iter().flat_map(|&(p, y, w)| vec![(p, y, 1.0); w as usize]);
        let repeated = Evidence::from_rows(repeated).measures();
        for (a, b) in [
            (weighted.auc.value, repeated.auc.value),
            (weighted.ks, repeated.ks),
            (weighted.log_loss, repeated.log_loss),
            (weighted.brier, repeated.brier),
            (weighted.ece, repeated.ece),
            (weighted.calibration_slope, repeated.calibration_slope),
        ] {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
        // The interval is of the rows, not of the weight.
        assert!(weighted.auc.high - weighted.auc.low > repeated.auc.high - repeated.auc.low);
    }

    #[test]
    fn true_probabilities_have_slope_one() {
        let measures = Evidence::from_rows(rows(50_000, 4).into_iter().map(|(p, y, _)| (p, y, 1.0))).measures();
        assert!((measures.calibration_slope - 1.0).abs() < 0.05, "{measures:?}");
        assert!(measures.calibration_intercept.abs() < 0.05 && measures.ece < 0.01);
        assert!(measures.calibration_in_the_large.abs() < 0.01);
    }

    #[test]
    fn gains_end_with_everything_found() {
        let evidence = Evidence::from_rows(rows(1000, 5));
        let gains = evidence.gains(10);
        assert_eq!(gains.len(), 10);
        assert!((gains[9].gain - 1.0).abs() < 1e-12 && (gains[9].lift - 1.0).abs() < 1e-12);
        assert!(gains[0].lift > 1.5 && gains.windows(2).all(|pair| pair[0].gain <= pair[1].gain));
    }

    #[test]
    fn thresholds_keep_their_promises() {
        let evidence = Evidence::from_rows(rows(1000, 6));
        assert!(evidence.threshold_by_capacity(0.1).unwrap().flagged <= 0.1);
        assert!(evidence.threshold_by_recall(0.8).unwrap().recall >= 0.8);
        assert!(evidence.threshold_by_cost(1.0, 1e9).is_none_or(|t| t.false_alarms == 0.0));
        let cheap = evidence.threshold_by_cost(1.0, 1e-9).unwrap();
        assert_eq!(cheap.recall, 1.0);
    }

    #[test]
    fn one_outcome_alone_answers_and_does_not_panic() {
        let measures = Evidence::from_rows([(0.2, true, 1.0), (0.3, true, 1.0)]).measures();
        assert_eq!(measures.auc, Interval { value: 0.5, low: 0.0, high: 1.0 });
        assert_eq!(Evidence::default().measures().n, 0);
        assert!(Evidence::gather(&[1.5], &[true], None).is_err());
    }

    #[test]
    fn a_swap_set_keeps_the_share_accepted() {
        let old: Vec<f64> = (0..100).map(f64::from).collect();
        let new: Vec<f64> = (0..100).map(|row| f64::from((row * 37) % 100)).collect();
        let positive: Vec<bool> = (0..100).map(|row| row % 4 == 0).collect();
        let swap = swap_set(&old, &new, &positive, 0.3).unwrap();
        assert_eq!(swap.both.rows + swap.swapped_in.rows, 30);
        assert_eq!(swap.swapped_in.rows, swap.swapped_out.rows);
        assert_eq!(swap.neither.rows + swap.swapped_in.rows, 70);
    }

    #[test]
    fn small_groups_have_no_figures() {
        let p = [0.1, 0.9, 0.2, 0.8, 0.5];
        let y = [false, true, false, true, true];
        let groups = ["north", "north", "north", "north", "south"];
        let found = by_group(&p, &y, None, &groups, 0.5, 2).unwrap();
        assert_eq!(found[0].measures.unwrap().auc.value, 1.0);
        assert!(found[1].measures.is_none() && found[1].flagged == 1.0);
    }
}
