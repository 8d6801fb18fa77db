//! What a shop will take in over the next days, with honest intervals.
//!
//! A small family of methods, each a few lines of arithmetic on prefix sums, is combined per class of history by how well
//! it did on the panel's own past; intervals are conformal quantiles of the errors made there. A total over the horizon is
//! forecast as a total, since errors of the days hang together and daily quantiles do not add up.

mod backtest;
mod batch;
mod builtin;
mod fit;
mod grid;
mod model;
mod prior;
mod quantile;
mod season;

pub use backtest::{Backtest, BacktestConfig, BacktestRow, LevelScore, backtest_forecast};
pub use batch::{Forecast, Forecasts, forecast};
pub use fit::fit_forecast;
pub use grid::{ForecastScratch, HistoryClass, Method, SegmentPrior};
pub use model::{ClassSummary, ForecastModel, MethodWeight};
pub use quantile::pinball;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What is asked of a forecast, and how much of the past it may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForecastConfig {
    /// Days ahead, 1 to 180.
    pub horizon_days: u32,
    /// Quantile levels, each strictly between 0 and 1, rising.
    pub levels: Vec<f64>,
    /// Days of history that are read, 7 to 4,000; the default of three years shows two Christmases before the last.
    pub max_history_days: u32,
    /// Weekly origins of each merchant's past that are learnt from, 1 to 104; half a year by default.
    pub origins: u32,
    /// Most merchants that are learnt from, evenly sampled, 1 or more.
    pub sample_merchants: u32,
    /// Whether batch answers carry every day of the horizon beside the total.
    pub daily: bool,
    /// Whether seasonal-naive alone answers, its intervals learnt in the same way: what the family is held against.
    pub baseline_only: bool,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        Self {
            horizon_days: 30,
            levels: vec![0.1, 0.25, 0.5, 0.75, 0.9],
            max_history_days: 1_096,
            origins: 26,
            sample_merchants: 4_000,
            daily: false,
            baseline_only: false,
        }
    }
}

fn check_horizon(horizon_days: u32) -> Result<()> {
    let rule = "from 1 to 180 days";
    if (1..=180).contains(&horizon_days) { Ok(()) } else { Err(Error::invalid("horizon_days", horizon_days, rule)) }
}

fn check_history(max_history_days: u32) -> Result<()> {
    let rule = "from 7 to 4,000 days";
    if (7..=4_000).contains(&max_history_days) {
        Ok(())
    } else {
        Err(Error::invalid("max_history_days", max_history_days, rule))
    }
}

fn check_levels(levels: &[f64]) -> Result<()> {
    if let Some(level) = levels.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
        return Err(Error::invalid("level", level, "strictly between 0 and 1"));
    }
    if let Some(pair) = levels.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(Error::invalid("level", pair[1], format!("levels rise, and {} comes before it", pair[0])));
    }
    Ok(())
}

fn check_config(config: &ForecastConfig) -> Result<()> {
    check_horizon(config.horizon_days)?;
    check_history(config.max_history_days)?;
    check_levels(&config.levels)?;
    if !(1..=104).contains(&config.origins) {
        return Err(Error::invalid("origins", config.origins, "from 1 to 104 weekly origins"));
    }
    if config.sample_merchants == 0 {
        return Err(Error::invalid("sample_merchants", 0, "at least 1 merchant"));
    }
    Ok(())
}
