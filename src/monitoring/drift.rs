//! Whether today's merchants are still those the model was made for, and whether it still says how many will default.

use serde::{Deserialize, Serialize};

use crate::elementary::ln;
use crate::error::{Error, Result};

/// Counts between fixed edges; shards add up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "HistogramForm", into = "HistogramForm")]
pub struct Histogram {
    edges: Vec<f64>,
    /// Below the first edge, between each two, from the last on; then the missing.
    counts: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistogramForm {
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl TryFrom<HistogramForm> for Histogram {
    type Error = Error;

    fn try_from(form: HistogramForm) -> Result<Self> {
        let mut histogram = Self::new(&form.edges)?;
        if form.counts.len() != histogram.counts.len() {
            return Err(Error::invalid("histogram.counts", form.counts.len(), "two more than there are edges"));
        }
        histogram.counts = form.counts;
        Ok(histogram)
    }
}

impl From<Histogram> for HistogramForm {
    fn from(histogram: Histogram) -> Self {
        Self { edges: histogram.edges, counts: histogram.counts }
    }
}

/// How much a distribution has moved: the usual reading of the index at 0.10 and 0.25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftLevel {
    /// Below 0.10.
    Stable,
    /// From 0.10.
    Moving,
    /// From 0.25: the model meets a population it was not made for.
    Moved,
}

/// The population stability index and its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StabilityIndex {
    /// The index: sum of (now − then) × ln(now / then) over bins.
    pub index: f64,
    /// How to read it.
    pub level: DriftLevel,
    /// The bins, the missing last.
    pub parts: Vec<StabilityPart>,
}

/// One bin of a stability index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StabilityPart {
    /// Share then.
    pub then: f64,
    /// Share now.
    pub now: f64,
    /// What the bin adds.
    pub part: f64,
}

impl Histogram {
    /// An empty histogram between `edges`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] unless there are 1 to 10,000 finite edges, rising.
    pub fn new(edges: &[f64]) -> Result<Self> {
        let rising = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if !(1..=10_000).contains(&edges.len()) || !rising || edges.iter().any(|edge| !edge.is_finite()) {
            return Err(Error::invalid(
                "histogram.edges",
                format!("{} edges", edges.len()),
                "1 to 10,000 finite, rising",
            ));
        }
        Ok(Self { edges: edges.to_vec(), counts: vec![0; edges.len() + 2] })
    }

    /// The histogram of `values` with edges at their own quantiles, up to `bins` bins of about equal count: what a score's
    /// reference is usually made of.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `bins` is not 2 to 1,000 or no value is finite, or all are the same.
    pub fn of_quantiles(values: &[f64], bins: usize) -> Result<Self> {
        if !(2..=1_000).contains(&bins) {
            return Err(Error::invalid("bins", bins, "2 to 1,000"));
        }
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..bins).filter_map(|bin| sorted.get(bin * sorted.len() / bins).copied()).collect();
        edges.dedup();
        // An edge at the very lowest value would leave the bin below it empty for ever.
        edges.retain(|edge| sorted.first().is_some_and(|lowest| edge > lowest));
        let mut histogram = Self::new(&edges)?;
        values.iter().for_each(|&value| histogram.add(value));
        Ok(histogram)
    }

    /// An empty histogram with the same edges.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { edges: self.edges.clone(), counts: vec![0; self.counts.len()] }
    }

    /// Counts a value; NaN is missing.
    pub fn add(&mut self, value: f64) {
        let bin = if value.is_nan() { self.edges.len() + 1 } else { self.edges.partition_point(|edge| *edge <= value) };
        self.counts[bin] += 1;
    }

    /// Adds another shard's counts.
    ///
    /// # Errors
    /// [`Error::is_conflict`] when the edges differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.edges != other.edges {
            return Err(Error::conflict(
                "histogram",
                format!("{} edges", other.edges.len()),
                "shards have the same edges",
            ));
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        Ok(())
    }

    /// Values counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The population stability index of `now` against this histogram. Half a count is added to each bin that is empty on
    /// one side, so that the index stays finite; bins empty on both sides add nothing.
    ///
    /// # Errors
    /// [`Error::is_conflict`] when the edges differ, [`Error::is_invalid`] when one of the two is empty.
    ///
    /// ```
    /// use dandelion_credit::monitoring::{DriftLevel, Histogram};
    ///
    /// let values: Vec<f64> = (0..1_000).map(f64::from).collect();
    /// let then = Histogram::of_quantiles(&values, 10)?;
    /// let mut now = then.emptied();
    /// values.iter().for_each(|value| now.add(value + 300.0));
    /// assert_eq!(then.stability(&then)?.index, 0.0);
    /// assert_eq!(then.stability(&now)?.level, DriftLevel::Moved);
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn stability(&self, now: &Self) -> Result<StabilityIndex> {
        if self.edges != now.edges {
            return Err(Error::conflict("histogram", format!("{} edges", now.edges.len()), "both have the same edges"));
        }
        let (all_then, all_now) = (self.count(), now.count());
        if all_then == 0 || all_now == 0 {
            return Err(Error::invalid("histogram", "empty", "at least one value on each side"));
        }
        let share = |count: u64, all: u64| (count as f64).max(0.5) / all as f64;
        let parts: Vec<StabilityPart> = self
            .counts
            .iter()
            .zip(&now.counts)
            .map(|(&then, &now)| {
                if then == 0 && now == 0 {
                    return StabilityPart { then: 0.0, now: 0.0, part: 0.0 };
                }
                let (then, now) = (share(then, all_then), share(now, all_now));
                StabilityPart { then, now, part: (now - then) * ln(now / then) }
            })
            .collect();
        let index: f64 = parts.iter().map(|part| part.part).sum();
        let level = match index {
            index if index >= 0.25 => DriftLevel::Moved,
            index if index >= 0.10 => DriftLevel::Moving,
            _ => DriftLevel::Stable,
        };
        Ok(StabilityIndex { index, level, parts })
    }
}

/// One bin of predicted risk.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Cases.
    pub cases: u64,
    /// Sum of the predicted probabilities, in millionths, whole so that shards add up to the same bits.
    pub predicted_micro: u64,
    /// Sum of p (1 − p), in millionths.
    pub variance_micro: u64,
    /// Cases that defaulted.
    pub defaults: u64,
}

/// Predicted against observed defaults by predicted risk; shards add up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CalibrationTable {
    bins: [CalibrationBin; BINS],
}

/// Upper edges of the bins of predicted risk, the last without end.
const EDGES: [f64; BINS - 1] = [0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.20, 0.35];
const BINS: usize = 10;

/// Whether a model still says how many will default.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationDrift {
    /// Observed defaults over predicted ones; none when none were predicted.
    pub ratio: Option<f64>,
    /// Observed less predicted in standard deviations of what chance does.
    pub z: f64,
    /// Hosmer and Lemeshow's sum over bins of squared deviations: about `bins` when calibrated.
    pub chi_squared: f64,
    /// Bins with cases: its degrees of freedom.
    pub bins: u32,
    /// Whether chance explains the deviation: |z| below 3 and chi-squared below its mean by three of its deviations above.
    pub calibrated: bool,
}

impl CalibrationTable {
    /// Counts a case with its predicted probability and how it ended.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the probability is not from 0 to 1.
    pub fn add(&mut self, predicted: f64, defaulted: bool) -> Result<()> {
        if !(0.0..=1.0).contains(&predicted) {
            return Err(Error::invalid("predicted probability", predicted, "from 0 to 1"));
        }
        let bin = &mut self.bins[EDGES.partition_point(|edge| *edge <= predicted)];
        bin.cases += 1;
        bin.predicted_micro += (predicted * 1e6).round() as u64;
        bin.variance_micro += (predicted * (1.0 - predicted) * 1e6).round() as u64;
        bin.defaults += u64::from(defaulted);
        Ok(())
    }

    /// Adds another shard's counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, bin) in self.bins.iter_mut().zip(&other.bins) {
            sum.cases += bin.cases;
            sum.predicted_micro += bin.predicted_micro;
            sum.variance_micro += bin.variance_micro;
            sum.defaults += bin.defaults;
        }
    }

    /// The bins, the safest first.
    #[must_use]
    pub const fn bins(&self) -> &[CalibrationBin] {
        &self.bins
    }

    /// Whether predictions still hold.
    #[must_use]
    pub fn drift(&self) -> CalibrationDrift {
        let micro = |sum: u64| sum as f64 / 1e6;
        let (mut predicted, mut variance, mut observed, mut chi_squared, mut bins) = (0.0, 0.0, 0.0, 0.0, 0);
        for bin in self.bins.iter().filter(|bin| bin.cases > 0) {
            let (p, v, o) = (micro(bin.predicted_micro), micro(bin.variance_micro), bin.defaults as f64);
            predicted += p;
            variance += v;
            observed += o;
            bins += 1;
            if v > 0.0 {
                chi_squared += (o - p) * (o - p) / v;
            }
        }
        let z = if variance > 0.0 { (observed - predicted) / f64::sqrt(variance) } else { 0.0 };
        let most = f64::from(bins) + 3.0 * (2.0 * f64::from(bins)).sqrt();
        CalibrationDrift {
            ratio: (predicted > 0.0).then(|| observed / predicted),
            z,
            chi_squared,
            bins,
            calibrated: z.abs() < 3.0 && chi_squared <= most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1 with no pattern, the same every time.
    fn uniform(index: u64) -> f64 {
        let mut x = index.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 32)) >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn the_index_agrees_with_its_formula_by_hand() {
        let mut then = Histogram::new(&[1.0]).unwrap();
        let mut now = then.emptied();
        for index in 0..100 {
            then.add(if index < 50 { 0.0 } else { 2.0 });
            now.add(if index < 30 { 0.0 } else { 2.0 });
        }
        let expected = (0.3 - 0.5) * (0.3f64 / 0.5).ln() + (0.7 - 0.5) * (0.7f64 / 0.5).ln();
        let index = then.stability(&now).unwrap();
        assert!((index.index - expected).abs() < 1e-12);
        assert_eq!(index.level, DriftLevel::Moving);
        now.add(f64::NAN);
        assert!(then.stability(&now).unwrap().parts[2].part > 0.0, "missing values are a bin of their own");
    }

    #[test]
    fn histograms_merge_and_refuse_other_edges() {
        let values: Vec<f64> = (0..1_000).map(uniform).collect();
        let whole = Histogram::of_quantiles(&values, 10).unwrap();
        let (mut left, mut right) = (whole.emptied(), whole.emptied());
        values
            .iter()
            .enumerate()
            .for_each(|(index, &value)| if index % 3 == 0 { left.add(value) } else { right.add(value) });
        right.merge(&left).unwrap();
        assert_eq!(right, whole);
        assert!(left.merge(&Histogram::new(&[0.5]).unwrap()).unwrap_err().is_conflict());
        assert!(whole.stability(&whole.emptied()).unwrap_err().is_invalid());
        assert!(Histogram::new(&[1.0, 1.0]).is_err() && Histogram::of_quantiles(&[2.0; 9], 4).is_err());
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), whole);
        assert!(serde_json::from_str::<Histogram>(r#"{"edges":[1,0],"counts":[0,0,0,0]}"#).is_err());
        assert!(serde_json::from_str::<Histogram>(r#"{"edges":[0,1],"counts":[0]}"#).is_err());
    }

    #[test]
    fn calibration_is_told_from_chance() {
        let table = |worse: f64| {
            let mut table = CalibrationTable::default();
            for index in 0..20_000 {
                let predicted = 0.3 * uniform(index).powi(3);
                table.add(predicted, uniform(index + 1_000_000) < predicted * worse).unwrap();
            }
            table
        };
        let good = table(1.0).drift();
        assert!(good.calibrated && (good.ratio.unwrap() - 1.0).abs() < 0.08, "{good:?}");
        let bad = table(1.4).drift();
        assert!(!bad.calibrated && bad.z > 5.0, "{bad:?}");
        let mut merged = table(1.0);
        merged.merge(&table(1.0));
        assert_eq!(merged.bins()[3].cases, 2 * table(1.0).bins()[3].cases);
        assert!(CalibrationTable::default().add(f64::NAN, true).is_err());
        assert!(CalibrationTable::default().drift().calibrated);
    }
}
