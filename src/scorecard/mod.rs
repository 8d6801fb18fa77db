//! The glass-box model: a table of contributions a column, as sharp as boosted trees and readable as a scorecard.
//!
//! [`Table`] and [`Labels`] go in, [`FitConfig`] says how, [`fit`] gives a [`Scorecard`]; its [`Scorer`] scores columns
//! or rows, and [`Evidence`] says how well.
//!
//! log-odds = intercept + the sum over columns of *contribution of the bin the value falls in* + the same for a few
//! pairs of columns. Contributions are whole numbers of 2^-20 log-odds, so sums are exact in any order, reasons add up
//! to the score to the last digit, and one row alone has the bits it has in a batch of 30 million.

mod average;
mod binning;
mod bins;
mod boost;
mod calibration;
mod card;
mod compiled;
mod config;
mod exchange;
mod explain;
mod fit;
mod labels;
mod model;
mod monotone;
mod numeric;
mod pairs;
mod points;
mod score;
mod stability;
mod table;
mod unlabelled;
mod validation;

pub use bins::{Bins, MAX_BINS, MISSING, OTHER, Unseen};
pub use calibration::{Calibration, CalibrationMethod};
pub use card::ModelCard;
pub use config::{FitConfig, Prior};
pub use exchange::cards::{CardRow, CardRule};
pub use exchange::predictor::{Model, Predictor};
pub use exchange::trees::TreeEnsemble;
pub use explain::{Adverse, Baseline, Explainer, Explanation, MOST_ADVERSE_REASONS, Reason};
pub use fit::fit;
pub use labels::{Labels, Outcome};
pub use model::{Direction, Feature, Meaning, Pair, Scorecard, UNITS_PER_LOG_ODDS};
pub use points::PointScale;
pub use score::{Encoded, Score, Scorer};
pub use stability::{Alarm, BinReport, ColumnDrift, Stability, stability};
pub use table::Table;
pub use validation::{
    Evidence, GainsBand, GroupMeasures, Interval, Measures, SwapCell, SwapSet, Threshold, by_group, swap_set,
};
