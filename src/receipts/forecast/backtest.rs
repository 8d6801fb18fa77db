//! How good forecasts would have been: the past cut again and again, and what came held against what was said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::progress::Progress;

use super::super::daily::DailyPanel;
use super::batch::{Forecasts, forecast};
use super::quantile::pinball;
use super::{ForecastConfig, check_config};

/// Where a backtest cuts the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BacktestConfig {
    /// What is forecast at each cut, and how.
    pub forecast: ForecastConfig,
    /// Number of cuts, 1 or more; the latest leaves exactly one horizon to be seen.
    pub origins: u32,
    /// Days between cuts, 1 or more.
    pub step_days: u32,
}

impl Default for BacktestConfig {
    fn default() -> Self {
        let levels = (1..10).map(|tenth| f64::from(tenth) / 10.0).collect();
        Self { forecast: ForecastConfig { levels, ..ForecastConfig::default() }, origins: 4, step_days: 30 }
    }
}

/// How one level fared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LevelScore {
    /// The level.
    pub level: f64,
    /// Mean pinball loss of totals, in minor units.
    pub pinball_minor: f64,
    /// Share of totals at or below the quantile: near the level when intervals are honest. Totals of exactly zero under a
    /// quantile of zero count as below, so shops that often sell nothing lift it.
    pub below: f64,
}

/// How forecasts of one segment fared over all cuts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestRow {
    /// The segment; `None` is all of them.
    pub segment: Option<u32>,
    /// Forecasts judged: one a cut and merchant that had receipts before the cut.
    pub forecasts: u64,
    /// Score of each level.
    pub levels: Vec<LevelScore>,
    /// Mean pinball loss over all levels, in minor units.
    pub pinball_minor: f64,
    /// The same of the seasonal-naive baseline whose intervals were learnt in the same way.
    pub baseline_pinball_minor: f64,
    /// Share of totals from the lowest to the highest quantile, both included.
    pub coverage: f64,
    /// What `coverage` should be: the highest level less the lowest.
    pub nominal_coverage: f64,
    /// Mean absolute error of the middle level of single days over that of "as a week before" within the merchant's own
    /// past, averaged over merchants that have such a past; below 1 beats it. `None` where none has.
    pub mase: Option<f64>,
    /// Sum of absolute errors of the middle level over the sum of absolute totals; `None` where nothing came.
    pub wape: Option<f64>,
    /// Sum of errors (forecast less actual) of the middle level over the sum of totals: positive is too high. `None` where
    /// nothing came in sum.
    pub bias: Option<f64>,
}

impl BacktestRow {
    /// Mean pinball loss over that of the baseline: below 1 is better. 1 where neither missed.
    #[must_use]
    pub fn loss_ratio(&self) -> f64 {
        if self.baseline_pinball_minor > 0.0 { self.pinball_minor / self.baseline_pinball_minor } else { 1.0 }
    }
}

/// How forecasts would have fared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// All segments together.
    pub all: BacktestRow,
    /// Each segment with a forecast, in order.
    pub by_segment: Vec<BacktestRow>,
}

#[derive(Clone, Default)]
struct Sums {
    forecasts: u64,
    pinball: Vec<f64>,
    baseline: f64,
    below: Vec<u64>,
    covered: u64,
    scaled_error: f64,
    scaled: u64,
    error: f64,
    signed_error: f64,
    actual: f64,
    absolute_actual: f64,
}

/// Forecasts the totals of a panel at cuts of its past, learning only from before each cut, and scores them by pinball
/// loss, coverage, WAPE and bias, and their days by MASE
/// (Hyndman and Koehler 2006), for each segment.
///
/// # Errors
/// [`Error::is_invalid`] on a bad configuration, [`Error::is_cancelled`] when `progress` says stop.
///
/// # Complexity
/// Two fits and answers a cut: one of the family, one of the baseline.
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::receipts::{BacktestConfig, DailyPanel, ForecastConfig, backtest_forecast};
///
/// // Ten shops that take in 10.00 every day: a fortnight is 140.00, and every forecast of it should say so.
/// let panel = DailyPanel::new(119, (0..=10).map(|shop| shop * 120).collect(), vec![1_000; 1_200])?;
/// let forecast = ForecastConfig { horizon_days: 14, levels: vec![0.1, 0.5, 0.9], ..ForecastConfig::default() };
/// let config = BacktestConfig { forecast, origins: 1, ..BacktestConfig::default() };
/// let result = backtest_forecast(&panel, &config, Progress::silent())?;
/// assert_eq!((result.all.forecasts, result.by_segment.len()), (10, 1)); // one cut, ten shops, one segment
/// assert!(result.all.wape.unwrap() < 0.01 && result.all.coverage == 1.0);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn backtest_forecast(panel: &DailyPanel, config: &BacktestConfig, progress: Progress<'_>) -> Result<Backtest> {
    check_config(&config.forecast)?;
    if config.forecast.levels.is_empty() {
        return Err(Error::invalid("levels", "none", "at least one level to judge"));
    }
    for (name, value) in [("origins", config.origins), ("step_days", config.step_days)] {
        if value == 0 {
            return Err(Error::invalid(name, value, "at least 1"));
        }
    }
    let horizon = config.forecast.horizon_days as usize;
    let family = ForecastConfig { daily: true, baseline_only: false, ..config.forecast.clone() };
    let baseline = ForecastConfig { daily: false, baseline_only: true, ..family.clone() };
    let width = family.levels.len();
    let mut sums: BTreeMap<Option<u32>, Sums> = BTreeMap::new();
    for origin in 0..config.origins {
        progress.step("backtesting forecasts", u64::from(origin), u64::from(config.origins))?;
        let back = i64::from(config.forecast.horizon_days) + i64::from(origin) * i64::from(config.step_days);
        let Ok(cut) = i32::try_from(i64::from(panel.last_day()) - back) else { break };
        let past = panel.until(cut);
        let said = forecast(&past, &family, progress)?;
        let naive = forecast(&past, &baseline, progress)?;
        for merchant in (0..panel.len()).filter(|&merchant| said.class[merchant].is_some()) {
            let days = panel.days(merchant);
            let seen = past.days(merchant).len();
            let came = &days[seen..seen + horizon];
            for key in [None, Some(panel.segment(merchant))] {
                let sums = sums.entry(key).or_insert_with(|| Sums {
                    pinball: vec![0.0; width],
                    below: vec![0; width],
                    ..Sums::default()
                });
                sums.add(&said, &naive, merchant, came, past.days(merchant));
            }
        }
    }
    let levels = &family.levels;
    let all = sums.remove(&None).unwrap_or_default().row(None, levels);
    let by_segment = sums.into_iter().map(|(segment, sums)| sums.row(segment, levels)).collect();
    Ok(Backtest { all, by_segment })
}

impl Sums {
    fn add(&mut self, said: &Forecasts, naive: &Forecasts, merchant: usize, came: &[i64], past: &[i64]) {
        let actual = came.iter().sum::<i64>() as f64;
        let quantiles = said.total_minor(merchant);
        self.forecasts += 1;
        for (place, &level) in said.levels.iter().enumerate() {
            self.pinball[place] += pinball(actual, quantiles[place] as f64, level);
            self.baseline += pinball(actual, naive.total_minor(merchant)[place] as f64, level);
            self.below[place] += u64::from(actual <= quantiles[place] as f64);
        }
        let (low, high) = (quantiles[0] as f64, quantiles[quantiles.len() - 1] as f64);
        self.covered += u64::from((low..=high).contains(&actual) || (low == 0.0 && actual < 0.0));
        let error = quantiles[quantiles.len() / 2] as f64 - actual;
        self.error += error.abs();
        self.signed_error += error;
        self.actual += actual;
        self.absolute_actual += actual.abs();
        let weekly: f64 = past.windows(8).map(|days| (days[7] - days[0]).abs() as f64).sum();
        if weekly > 0.0 {
            let width = quantiles.len();
            let middles = said.daily_minor(merchant).iter().skip(width / 2).step_by(width);
            let error: f64 = middles.zip(came).map(|(middle, came)| (*middle as f64 - *came as f64).abs()).sum();
            self.scaled_error += error / came.len() as f64 / (weekly / (past.len() - 7) as f64);
            self.scaled += 1;
        }
    }

    fn row(self, segment: Option<u32>, levels: &[f64]) -> BacktestRow {
        let n = self.forecasts.max(1) as f64;
        let at = |sums: &[f64], place: usize| sums.get(place).copied().unwrap_or(0.0) / n;
        let score = |(place, &level): (usize, &f64)| LevelScore {
            level,
            pinball_minor: at(&self.pinball, place),
            below: self.below.get(place).copied().unwrap_or(0) as f64 / n,
        };
        let count = n * levels.len() as f64;
        BacktestRow {
            segment,
            forecasts: self.forecasts,
            levels: levels.iter().enumerate().map(score).collect(),
            pinball_minor: self.pinball.iter().sum::<f64>() / count,
            baseline_pinball_minor: self.baseline / count,
            coverage: self.covered as f64 / n,
            nominal_coverage: levels[levels.len() - 1] - levels[0],
            mase: (self.scaled > 0).then(|| self.scaled_error / self.scaled as f64),
            wape: (self.absolute_actual > 0.0).then(|| self.error / self.absolute_actual),
            bias: (self.actual != 0.0).then(|| self.signed_error / self.actual),
        }
    }
}
