//! How a model is fitted.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::error::Result;
use crate::rate::Probability;
use crate::scorecard::Direction;
use crate::scorecard::bins::MAX_BINS;
use crate::scorecard::bins::Unseen;
use crate::scorecard::boost::BoostRule;
use crate::scorecard::points::PointScale;
use crate::scorecard::table::Table;

/// Where the share of positives comes from when some rows are unlabelled.
///
/// Without it the ranking is good and the numbers are not. On UCI's adult with 30 % of the positives labelled, log-loss
/// against the truth is 0.488 with the rest taken for negative, 0.303 with the share estimated and 0.302 with the true
/// one, at an AUC of 0.916 to 0.917 throughout. Where the strong-looking are labelled first the estimate finds half the
/// share (0.122 for 0.241), and log-losses are 0.553, 0.442 and 0.348: only a share from outside withstands that.
/// Source: Elkan and Noto, "Learning classifiers from only positive and unlabeled data", KDD 2008.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Prior {
    /// Nobody knows it: the model gives a score and no probability.
    #[default]
    Unknown,
    /// The share of positives among all rows, from outside: a census, an audit, a register.
    Known(Probability),
    /// Read off the labels: among the rows that look most like known positives nearly all are positive, so the share of
    /// them that is labelled is the share of positives that is. An assumption, and the model says so: it fails where the
    /// labelled are not a random choice of the positives.
    Estimated,
}

/// How a model is fitted. The defaults suit tables of a thousand to some million rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FitConfig {
    /// Bins of a numeric column, special values included and the missing bin not; levels of a nominal one. 2 to 254.
    pub max_bins: usize,
    /// Pairs of columns, at most; those with the strongest joint effect on the residuals are fitted, the twelve
    /// strongest of a fold first. 0 for none.
    pub interactions: usize,
    /// Parts the rows are dealt into, 2 to 64. Each fold of the fit holds one part out to know when to stop; the model
    /// is the average of the folds, and every row has a score from the one fold that has not seen it. Tables of fewer
    /// than 10,000 rows are dealt up to three times, and a row's score is then the mean of one fold a deal.
    pub folds: usize,
    /// Share of each sharp step that is taken. Above 0, at most 1; smaller is slower and a little more accurate.
    pub learning_rate: f64,
    /// Rounds of a fold, at most.
    pub rounds: usize,
    /// Rounds without gain on the rows held out before a fold stops.
    pub patience: usize,
    /// Leaves of a column's sharp step, 2 to 16.
    pub max_leaves: usize,
    /// Least weight of p(1 - p) in a leaf.
    pub min_leaf: f64,
    /// Ridge added to a leaf's weight.
    pub l2: f64,
    /// Columns stepped on the same residuals. 1 is slowest and cyclic; more is faster.
    pub together: usize,
    /// What a cut must gain, in squared standard errors; noise alone gains about 1. A cut of a pair, which has a
    /// thousand places, must gain 4 at least.
    pub min_gain: f64,
    /// Levels of less training weight are pooled.
    pub min_level_weight: f64,
    /// What levels that training has not seen count as.
    pub unseen: Unseen,
    /// Columns that may move the log-odds one way only.
    pub monotone: BTreeMap<String, Direction>,
    /// Values of numeric columns that mean something of their own, such as -999 for "no bureau record".
    pub specials: BTreeMap<String, Vec<f32>>,
    /// Columns that share a reason.
    pub reason_groups: BTreeMap<String, String>,
    /// Where the share of positives comes from when some rows are unlabelled.
    pub prior: Prior,
    /// The scale of points.
    pub points: PointScale,
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            max_bins: 254,
            interactions: 48,
            folds: 8,
            learning_rate: 0.08,
            rounds: 2000,
            patience: 40,
            max_leaves: 4,
            min_leaf: 1.0,
            l2: 1.0,
            together: 4,
            min_gain: 0.0,
            min_level_weight: 4.0,
            unseen: Unseen::Other,
            monotone: BTreeMap::new(),
            specials: BTreeMap::new(),
            reason_groups: BTreeMap::new(),
            prior: Prior::Unknown,
            points: PointScale::default(),
            seed: 0,
        }
    }
}

fn within(name: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(name, value, format!("from {low} to {high}")))
}

impl FitConfig {
    pub(crate) fn check(&self, table: &Table<'_>) -> Result<()> {
        within("max_bins", self.max_bins as f64, 2.0, (MAX_BINS - 2) as f64)?;
        within("folds", self.folds as f64, 2.0, 64.0)?;
        within("interactions", self.interactions as f64, 0.0, 1000.0)?;
        within("learning_rate", self.learning_rate, 1e-4, 1.0)?;
        within("rounds", self.rounds as f64, 1.0, 1e6)?;
        within("patience", self.patience as f64, 1.0, 1e6)?;
        within("max_leaves", self.max_leaves as f64, 2.0, 16.0)?;
        within("min_leaf", self.min_leaf, 1e-6, 1e12)?;
        within("l2", self.l2, 0.0, 1e12)?;
        within("min_gain", self.min_gain, 0.0, 1e12)?;
        within("min_level_weight", self.min_level_weight, 0.0, 1e12)?;
        self.points.check()?;
        for name in self.monotone.keys().chain(self.specials.keys()).chain(self.reason_groups.keys()) {
            table.column(name)?;
        }
        Ok(())
    }

    pub(crate) fn boost_rule(&self) -> BoostRule {
        BoostRule {
            learning_rate: self.learning_rate,
            rounds: self.rounds,
            patience: self.patience,
            max_leaves: self.max_leaves,
            min_leaf: self.min_leaf,
            l2: self.l2,
            together: self.together.max(1),
            min_gain: self.min_gain,
        }
    }
}
