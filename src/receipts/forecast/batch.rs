//! Answers: for one history, and for a whole panel without an allocation a merchant.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::parallel;
use crate::progress::Progress;

use super::super::daily::{DailyPanel, DailySeries};
use super::fit::fit_forecast;
use super::grid::{ForecastScratch, HistoryClass};
use super::model::{Centre, ForecastModel};
use super::{ForecastConfig, check_levels};

/// Quantiles of one merchant's coming receipts, in whole minor units, none below zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The levels asked for.
    pub levels: Vec<f64>,
    /// Quantiles of the total over the horizon, one a level.
    pub total_minor: Vec<i64>,
    /// Quantiles of each day, `levels.len()` a day, the first day first.
    pub daily_minor: Vec<i64>,
    /// The class its history was put in; `None` where nothing was ever received, and then every quantile is 0.
    pub class: Option<HistoryClass>,
    /// Whether the seasonal-naive baseline answered, since nothing better was found for the class.
    pub is_baseline: bool,
}

/// Quantiles for every merchant of a panel, in columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasts {
    /// The levels asked for.
    pub levels: Vec<f64>,
    /// Days ahead.
    pub horizon_days: u32,
    /// Quantiles of totals over the horizon in whole minor units: `levels.len()` a merchant.
    pub total_minor: Vec<i64>,
    /// Quantiles of days: `horizon_days × levels.len()` a merchant, day by day; empty unless asked for.
    pub daily_minor: Vec<i64>,
    /// The class of each history; `None` where nothing was ever received.
    pub class: Vec<Option<HistoryClass>>,
    /// What answered: learnt from the panel, ready to be kept.
    pub model: ForecastModel,
}

impl Forecasts {
    /// Quantiles of the total of `merchant`, one a level.
    ///
    /// # Panics
    /// When there is no such merchant.
    #[must_use]
    pub fn total_minor(&self, merchant: usize) -> &[i64] {
        &self.total_minor[merchant * self.levels.len()..(merchant + 1) * self.levels.len()]
    }

    /// Quantiles of the days of `merchant`, `levels.len()` a day; empty unless asked for.
    ///
    /// # Panics
    /// When there is no such merchant.
    #[must_use]
    pub fn daily_minor(&self, merchant: usize) -> &[i64] {
        if self.daily_minor.is_empty() {
            return &[];
        }
        let width = self.levels.len() * self.horizon_days as usize;
        &self.daily_minor[merchant * width..(merchant + 1) * width]
    }

    /// Whether the seasonal-naive baseline answered for `merchant`.
    ///
    /// # Panics
    /// When there is no such merchant.
    #[must_use]
    pub fn is_baseline(&self, merchant: usize) -> bool {
        self.class[merchant].is_some_and(|class| self.model.classes[class as usize].falls_back)
    }
}

/// Learns from a panel and answers for each of its merchants.
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::receipts::{DailyPanelBuilder, ForecastConfig, forecast};
///
/// // Twenty shops, half a year, closed every seventh day, 100.00 a day give or take.
/// let mut builder = DailyPanelBuilder::new(182, 1_096);
/// for shop in 0..20u32 {
///     for day in (0..=182).filter(|day| day % 7 != 6) {
///         let wave = (i64::from(shop) * 31 + i64::from(day) * 17) % 41 - 20;
///         builder.push(shop, day, 10_000 + 100 * wave);
///     }
/// }
/// let panel = builder.build()?;
/// let config = ForecastConfig { horizon_days: 28, levels: vec![0.1, 0.5, 0.9], ..ForecastConfig::default() };
/// let forecasts = forecast(&panel, &config, Progress::silent())?;
/// let [low, middle, high] = forecasts.total_minor(0) else { unreachable!("three levels were asked for") };
/// // 24 open days of 28.
/// assert!(220_000 < *low && low < middle && middle < high && *high < 260_000);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// As [`fit_forecast`].
pub fn forecast(panel: &DailyPanel, config: &ForecastConfig, progress: Progress<'_>) -> Result<Forecasts> {
    fit_forecast(panel, config, progress)?.forecast_panel(panel, &config.levels, config.daily, progress)
}

const CHUNK: usize = 256;

impl ForecastModel {
    /// Answers for every merchant of `panel` at `levels`, each strictly between 0 and 1 and rising.
    ///
    /// # Errors
    /// [`Error::is_invalid`](crate::Error::is_invalid) on bad levels, [`Error::is_cancelled`](crate::Error::is_cancelled) when `progress` says stop.
    pub fn forecast_panel(
        self,
        panel: &DailyPanel,
        levels: &[f64],
        daily: bool,
        progress: Progress<'_>,
    ) -> Result<Forecasts> {
        check_levels(levels)?;
        progress.step("forecasting receipts", 0, panel.len() as u64)?;
        let width = levels.len();
        let daily_width = if daily { width * self.horizon_days as usize } else { 0 };
        let parts = parallel::try_map_chunks(panel.len(), CHUNK, |merchants| {
            let done = merchants.end as u64;
            let mut scratch = ForecastScratch::new();
            let mut total_minor = vec![0i64; width * merchants.len()];
            let mut daily_minor = vec![0i64; daily_width * merchants.len()];
            let mut class = Vec::with_capacity(merchants.len());
            for (place, merchant) in merchants.enumerate() {
                class.push(self.forecast_into(
                    panel.days(merchant),
                    panel.last_day(),
                    panel.segment(merchant),
                    levels,
                    &mut scratch,
                    &mut total_minor[place * width..(place + 1) * width],
                    &mut daily_minor[place * daily_width..(place + 1) * daily_width],
                ));
            }
            progress.step("forecasting receipts", done, panel.len() as u64)?;
            Ok((total_minor, daily_minor, class))
        })?;
        let mut total_minor = Vec::with_capacity(width * panel.len());
        let mut daily_minor = Vec::with_capacity(daily_width * panel.len());
        let mut class = Vec::with_capacity(panel.len());
        for (totals, days, classes) in parts {
            total_minor.extend(totals);
            daily_minor.extend(days);
            class.extend(classes);
        }
        let levels = levels.to_vec();
        Ok(Forecasts { levels, horizon_days: self.horizon_days, total_minor, daily_minor, class, model: self })
    }

    /// Answers for one history that ends on its last day, in `segment` (0 where there are none).
    ///
    /// Unknown days are filled with what the same weekday brought before.
    ///
    /// # Errors
    /// [`Error::is_invalid`](crate::Error::is_invalid) on bad levels.
    pub fn forecast_one(&self, series: &DailySeries, segment: u32, levels: &[f64]) -> Result<Forecast> {
        check_levels(levels)?;
        let width = levels.len();
        let mut total_minor = vec![0; width];
        let mut daily_minor = vec![0; width * self.horizon_days as usize];
        let mut scratch = ForecastScratch::new();
        let filled = series.filled();
        let class = self.forecast_into(
            &filled,
            series.last_day(),
            segment,
            levels,
            &mut scratch,
            &mut total_minor,
            &mut daily_minor,
        );
        let is_baseline = class.is_some_and(|class| self.classes[class as usize].falls_back);
        Ok(Forecast { levels: levels.to_vec(), total_minor, daily_minor, class, is_baseline })
    }

    /// The batch path for one merchant: `amount_minor` are its days up to `last_day`, the answers go to `total_minor` (one
    /// a level) and `daily_minor` (one a level and day, or empty). Nothing is allocated once `scratch` has grown.
    ///
    /// Levels are trusted to rise strictly between 0 and 1.
    ///
    /// # Panics
    /// When a slice to be filled has another length.
    #[allow(clippy::too_many_arguments)]
    pub fn forecast_into(
        &self,
        amount_minor: &[i64],
        last_day: i32,
        segment: u32,
        levels: &[f64],
        scratch: &mut ForecastScratch,
        total_minor: &mut [i64],
        daily_minor: &mut [i64],
    ) -> Option<HistoryClass> {
        assert_eq!(total_minor.len(), levels.len(), "one total a level");
        let horizon = self.horizon_days as usize;
        assert!(daily_minor.is_empty() || daily_minor.len() == levels.len() * horizon, "one day a level and step");
        total_minor.fill(0);
        daily_minor.fill(0);
        let centre = self.centre_of(amount_minor, last_day, segment, scratch)?;
        let table = &self.classes[centre.class as usize];
        for (minor, &level) in total_minor.iter_mut().zip(levels) {
            *minor = whole(centre.total + centre.scale * table.totals.at(level));
        }
        if !daily_minor.is_empty() {
            self.days_into(&centre, levels, scratch, daily_minor);
        }
        Some(centre.class)
    }

    /// Days: the level of the total spread by weekday, times quantiles of how single days differ from it, half the
    /// merchant's own over the last 13 weeks and half its class's.
    fn days_into(&self, centre: &Centre, levels: &[f64], scratch: &mut ForecastScratch, daily_minor: &mut [i64]) {
        let table = &self.classes[centre.class as usize];
        let days = scratch.days.len();
        let recent = days.min(91);
        let level = scratch.window(days - recent, recent) / recent as f64;
        let weekday = scratch.weekday;
        scratch.ratios.clear();
        if level > 0.0 {
            for back in 1..=recent {
                let factor = weekday[6 - (back - 1) % 7];
                if factor > 0.05 {
                    scratch.ratios.push((scratch.days[days - back] / (factor * level)).max(0.0));
                }
            }
        }
        scratch.ratios.sort_unstable_by(f64::total_cmp);
        let ratios = &scratch.ratios[..];
        let share = if ratios.is_empty() { 0.0 } else { 0.6 * ratios.len() as f64 / (ratios.len() as f64 + 28.0) };
        let base = centre.total / (7.0 * centre.weeks_in_horizon);
        for (place, &at) in levels.iter().enumerate() {
            let own = if ratios.is_empty() { 0.0 } else { read_sorted(ratios, at) };
            let ratio = share * own + (1.0 - share) * table.days.at(at);
            for (step, day) in daily_minor.chunks_exact_mut(levels.len()).enumerate() {
                day[place] = whole(base * weekday[step % 7] * ratio);
            }
        }
    }
}

fn read_sorted(sorted: &[f64], level: f64) -> f64 {
    let rank = (level * (sorted.len() as f64 + 1.0) - 1.0).clamp(0.0, sorted.len() as f64 - 1.0);
    let below = rank as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (rank - below as f64) * (sorted[above] - sorted[below])
}

/// Whole minor units, none below zero, none beyond what a sum of a few can hold.
fn whole(minor: f64) -> i64 {
    let held = minor.clamp(0.0, 2.0e18);
    if held.is_nan() { 0 } else { held.round_ties_even() as i64 }
}
