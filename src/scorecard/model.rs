//! The model: a table of contributions for every column and pair, and everything that turns their sum into an answer.

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::bins::Bins;
use crate::scorecard::calibration::Calibration;
use crate::scorecard::card::ModelCard;
use crate::scorecard::points::PointScale;

/// Contributions are whole numbers of this fraction of a log-odds, so that they add up exactly in any order.
pub const UNITS_PER_LOG_ODDS: f64 = 1_048_576.0;

/// The name of the serialised form.
const FORMAT: &str = "dandelion-credit additive model 1";

/// A sum of contributions as log-odds.
pub(crate) fn log_odds(units: i64) -> f64 {
    units as f64 / UNITS_PER_LOG_ODDS
}

pub(crate) fn units(log_odds: f64) -> i32 {
    (log_odds * UNITS_PER_LOG_ODDS).round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// Which way a column may move the log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A larger value never lowers them.
    Increasing,
    /// A larger value never raises them.
    Decreasing,
}

/// What the number behind a score may be called.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The probability of a positive: every training row had an outcome, or an audited sample calibrated the score.
    #[default]
    Probability,
    /// A probability if the share of positives is what it was said to be.
    ProbabilityGivenPrior {
        /// Share of positives among all rows.
        prior: f64,
        /// Whether the share was estimated from the labels themselves, which is an assumption, rather than given.
        estimated: bool,
    },
    /// Only the order means something: positives were known in part, and nobody said how many there are.
    Score,
}

/// One column of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// Its bins.
    pub bins: Bins,
    /// Which way it may move the score, if that was asked for, whatever the other columns hold: its own contributions
    /// and those of its pairs together. Holds for the ordered bins, not for missing and special values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monotone: Option<Direction>,
    /// The reason it shares with correlated columns; its own name where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_group: Option<String>,
    /// Contribution of each bin, in units of 2^-20 log-odds.
    pub units: Vec<i32>,
    /// Standard error of each contribution, in log-odds: the jackknife over the folds of the fit. Empty where the
    /// model was imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standard_errors: Vec<f32>,
    /// Training weight of each bin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// Training weight of the positives of each bin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positives: Vec<f64>,
}

/// The joint effect of two columns, beyond what each does alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Place of the first column in the model.
    pub first: usize,
    /// Place of the second column in the model.
    pub second: usize,
    /// Row of the table for each bin of the first column.
    pub rows: Vec<u8>,
    /// Column of the table for each bin of the second column.
    pub cols: Vec<u8>,
    /// Contribution of each cell, row by row, in units of 2^-20 log-odds.
    pub units: Vec<i32>,
    /// Training weight of each cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
}

impl Pair {
    pub(crate) fn width(&self) -> usize {
        self.cols.iter().copied().max().map_or(1, |most| usize::from(most) + 1)
    }

    pub(crate) fn height(&self) -> usize {
        self.rows.iter().copied().max().map_or(1, |most| usize::from(most) + 1)
    }
}

/// A glass-box model: log-odds = intercept + one contribution a column + one a pair.
///
/// Everything it does can be read off its tables, and the tables are the model: editing one edits the other. It is
/// checked whenever it is made or read (bins ascend, tables have the length of their bins, the score
/// moves one way along monotone columns, sums cannot overflow), so what exists can be scored.
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::scorecard::{FitConfig, Labels, Scorecard, Table, fit};
///
/// let degree: Vec<f32> = (0..400).map(|row| (row % 40) as f32).collect();
/// let mut table = Table::new(400);
/// table.push_f32("degree", &degree[..])?;
/// let labels = Labels::from_bools((0..400).map(|row| row % 40 >= 25));
/// let model = fit(&table, &labels, &FitConfig::default(), Progress::silent())?;
///
/// let loaded: Scorecard = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
/// assert_eq!(loaded, model);
/// let scorer = loaded.scorer();
/// assert!(scorer.score_row(&[39.0])?.log_odds() > 2.0);
/// assert!(scorer.score_row(&[3.0])?.log_odds() < -2.0);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Scorecard {
    pub(crate) intercept: i32,
    pub(crate) features: Vec<Feature>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) calibration: Calibration,
    pub(crate) points: PointScale,
    pub(crate) meaning: Meaning,
    pub(crate) card: ModelCard,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    format: String,
    #[serde(default)]
    meaning: Meaning,
    intercept: i32,
    #[serde(default)]
    points: PointScale,
    #[serde(default)]
    calibration: Calibration,
    features: Vec<Feature>,
    #[serde(default)]
    pairs: Vec<Pair>,
    #[serde(default)]
    card: ModelCard,
}

impl From<Scorecard> for Raw {
    fn from(model: Scorecard) -> Self {
        let Scorecard { intercept, features, pairs, calibration, points, meaning, card } = model;
        Self { format: FORMAT.to_owned(), intercept, features, pairs, calibration, points, meaning, card }
    }
}

impl TryFrom<Raw> for Scorecard {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        if raw.format != FORMAT {
            return Err(Error::unsupported("model format", raw.format));
        }
        let Raw { intercept, features, pairs, calibration, points, meaning, card, .. } = raw;
        let model = Self { intercept, features, pairs, calibration, points, meaning, card };
        model.check()?;
        Ok(model)
    }
}

fn length(name: &str, what: &'static str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::invalid(format!("number of {what} of {name}"), found, format!("{wanted}, one a bin")))
}

impl Feature {
    pub(crate) fn check(&self) -> Result<()> {
        self.bins.check().map_err(|error| error.at(&self.name))?;
        let bins = self.bins.len();
        length(&self.name, "contributions", self.units.len(), bins)?;
        for (what, len) in [
            ("standard errors", self.standard_errors.len()),
            ("weights", self.weights.len()),
            ("positives", self.positives.len()),
        ] {
            if len > 0 {
                length(&self.name, what, len, bins)?;
            }
        }
        Ok(())
    }

    /// The reason this column answers for.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason_group.as_deref().unwrap_or(&self.name)
    }
}

impl Scorecard {
    /// Whether the tables fit together.
    pub(crate) fn check(&self) -> Result<()> {
        let mut largest = i64::from(self.intercept).abs();
        let worst = |units: &[i32]| units.iter().map(|&unit| i64::from(unit).abs()).max().unwrap_or(0);
        let mut names: Vec<&str> = self.features.iter().map(|feature| feature.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::conflict("column", pair[0], "a name occurs once"));
        }
        for feature in &self.features {
            feature.check()?;
            largest += worst(&feature.units);
        }
        for pair in &self.pairs {
            self.check_pair(pair)?;
            largest += worst(&pair.units);
        }
        for (place, feature) in self.features.iter().enumerate() {
            if self.rises(place).iter().any(|&rise| rise < 0) {
                let rule = "monotone in the direction the model promises";
                return Err(Error::invalid("contributions of", &feature.name, rule));
            }
        }
        if largest > i64::from(i32::MAX) {
            return Err(Error::overflow("sum of the largest contributions", "2,047 log-odds"));
        }
        self.calibration.check()?;
        self.points.check()
    }

    /// By how much the score goes in the promised direction from each ordered bin of a column to the next, in units, at
    /// least, whatever the other columns hold; nothing where nothing is promised.
    fn rises(&self, place: usize) -> Vec<i64> {
        let feature = &self.features[place];
        let Some(direction) = feature.monotone else { return Vec::new() };
        let gap = |low: i32, high: i32| match direction {
            Direction::Increasing => i64::from(high) - i64::from(low),
            Direction::Decreasing => i64::from(low) - i64::from(high),
        };
        let along = |map: &[u8], lines: usize, bin: usize, cell: &dyn Fn(usize, usize) -> i32| {
            let (low, high) = (usize::from(map[bin - 1]), usize::from(map[bin]));
            (0..lines).map(|line| gap(cell(low, line), cell(high, line))).min().unwrap_or(0)
        };
        let rise = |bin: usize| {
            let mut rise = gap(feature.units[bin - 1], feature.units[bin]);
            for pair in &self.pairs {
                let (long, wide) = (pair.height(), pair.width());
                if pair.first == place {
                    rise += along(&pair.rows, wide, bin, &|row, col| pair.units[row * wide + col]);
                }
                if pair.second == place {
                    rise += along(&pair.cols, long, bin, &|col, row| pair.units[row * wide + col]);
                }
            }
            rise
        };
        (feature.bins.first_ordered() + 1..feature.bins.len()).map(rise).collect()
    }

    /// Gives promised columns the few units back that rounding took.
    pub(crate) fn round_in_direction(&mut self) {
        for place in 0..self.features.len() {
            let rises = self.rises(place);
            let feature = &mut self.features[place];
            let first = feature.bins.first_ordered() + 1;
            let mut missing = 0;
            for (unit, rise) in feature.units.iter_mut().skip(first).zip(rises) {
                missing += rise.min(0).unsigned_abs() as i32;
                *unit += if feature.monotone == Some(Direction::Decreasing) { -missing } else { missing };
            }
        }
    }

    fn check_pair(&self, pair: &Pair) -> Result<()> {
        let place = |place: usize| {
            self.features.get(place).ok_or_else(|| Error::unknown("column of a pair", format!("number {place}")))
        };
        let (first, second) = (place(pair.first)?, place(pair.second)?);
        let name = format!("{} and {}", first.name, second.name);
        length(&name, "rows", pair.rows.len(), first.bins.len())?;
        length(&name, "columns", pair.cols.len(), second.bins.len())?;
        let cells = pair.width() * pair.height();
        if pair.width() > 32 || pair.height() > 32 {
            let size = format!("{} by {}", pair.height(), pair.width());
            return Err(Error::invalid(format!("size of the pair {name}"), size, "at most 32 by 32"));
        }
        length(&name, "cells", pair.units.len(), cells)?;
        if !pair.weights.is_empty() {
            length(&name, "weights", pair.weights.len(), cells)?;
        }
        Ok(())
    }

    /// The columns, in the order in which rows are scored.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The pairs.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Log-odds where every contribution is zero.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        log_odds(i64::from(self.intercept))
    }

    /// The layer between log-odds and probability.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The scale of points.
    #[must_use]
    pub fn points(&self) -> &PointScale {
        &self.points
    }

    /// What the model's answer may be called.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// Where the model comes from and how well it did.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The same model with another card.
    #[must_use]
    pub fn with_card(self, card: ModelCard) -> Self {
        Self { card, ..self }
    }

    /// The same model on another scale of points.
    ///
    /// # Errors
    /// [`Error::is_invalid`] where the scale makes no sense.
    pub fn with_points(self, points: PointScale) -> Result<Self> {
        points.check()?;
        Ok(Self { points, ..self })
    }

    /// The same model with another calibration. An audited sample turns a score into a probability: what is fitted on
    /// rows whose outcome somebody looked up is passed with [`Meaning::Probability`].
    ///
    /// # Errors
    /// [`Error::is_invalid`] where the calibration is not monotone.
    pub fn with_calibration(self, calibration: Calibration, meaning: Meaning) -> Result<Self> {
        calibration.check()?;
        Ok(Self { calibration, meaning, ..self })
    }

    /// The same model in which columns share a reason: `(column, group)`.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a column the model does not have.
    pub fn with_reason_groups<'g>(mut self, groups: impl IntoIterator<Item = (&'g str, &'g str)>) -> Result<Self> {
        for (name, group) in groups {
            let place = self.place(name)?;
            self.features[place].reason_group = Some(group.to_owned());
        }
        Ok(self)
    }

    /// The same model with one contribution set by hand, in log-odds. Scores, reasons and exports all read the table, so
    /// they follow; a monotone promise is checked again.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a column or bin the model does not have; [`Error::is_invalid`] for a contribution that
    /// breaks a monotone promise or is beyond 2,047 log-odds.
    pub fn with_contribution(mut self, column: &str, bin: usize, log_odds: f64) -> Result<Self> {
        let place = self.place(column)?;
        if log_odds.is_nan() || log_odds.abs() >= 2047.0 {
            return Err(Error::invalid("contribution", log_odds, "between -2047 and 2047 log-odds"));
        }
        let feature = &mut self.features[place];
        match feature.units.get_mut(bin) {
            Some(unit) => *unit = units(log_odds),
            None => return Err(Error::unknown(format!("bin of {column}"), bin)),
        }
        self.check()?;
        Ok(self)
    }

    pub(crate) fn place(&self, name: &str) -> Result<usize> {
        self.features
            .iter()
            .position(|feature| feature.name == name)
            .ok_or_else(|| Error::unknown("column of the model", name))
    }

    /// Mean absolute contribution of each column on the training rows, in log-odds; zero where weights are unknown.
    #[must_use]
    pub fn importance(&self) -> Vec<f64> {
        self.features.iter().map(|feature| mean_absolute(&feature.units, &feature.weights)).collect()
    }

    /// Mean absolute contribution of each pair on the training rows, in log-odds.
    #[must_use]
    pub fn pair_importance(&self) -> Vec<f64> {
        self.pairs.iter().map(|pair| mean_absolute(&pair.units, &pair.weights)).collect()
    }
}

fn mean_absolute(units: &[i32], weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    let sum: f64 = units.iter().zip(weights).map(|(&unit, weight)| f64::from(unit).abs() * weight).sum();
    if total > 0.0 { sum / total / UNITS_PER_LOG_ODDS } else { 0.0 }
}
