//! What was learnt, class by class, and how one history is answered with it.

use serde::{Deserialize, Serialize};

use crate::elementary::{exp, hypot, ln, powf};
use crate::error::{Error, Result};

use super::grid::{CLASSES, ForecastScratch, HistoryClass, METHODS, Method, Origin, SegmentPrior};
use super::quantile::QuantileTable;
use super::season::Season;

/// What the histories of one class have taught: how methods are weighted and how far totals stray from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClassTable {
    /// Weight of each method, adding up to 1.
    pub(super) weights: [f64; METHODS],
    /// How strongly a merchant's own past errors move its weights, from 0 (not at all).
    pub(super) own_skill: f64,
    /// Quantiles of (total − forecast) / scale.
    pub(super) totals: QuantileTable,
    /// Quantiles of receipts of one day over the level and weekday factor of that day.
    pub(super) days: QuantileTable,
    /// Mean pinball loss on merchants that were left out, over that of the seasonal-naive baseline; 1 where it was not
    /// measured.
    pub(super) loss_ratio: f64,
    /// Origins the table was learnt from.
    pub(super) origins: u64,
    /// Whether the baseline answers for this class.
    pub(super) falls_back: bool,
}

/// Where one history's total is expected, and how far it may stray.
#[derive(Debug, Clone, Copy)]
pub(super) struct Centre {
    pub(super) total: f64,
    pub(super) scale: f64,
    pub(super) class: HistoryClass,
    pub(super) weeks_in_horizon: f64,
}

/// Errors of a merchant's own past at the origins from which a forecast may learn.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnPast {
    /// Sum of absolute errors of each method.
    pub(super) errors: [f64; METHODS],
    /// Sum of forecasts of each method.
    pub(super) totals: [f64; METHODS],
    pub(super) count: f64,
}

impl OwnPast {
    pub(super) const NONE: Self = Self { errors: [0.0; METHODS], totals: [0.0; METHODS], count: 0.0 };
}

pub(super) const OWN_ORIGINS: usize = 26;

/// Weights of methods, moved from the class's by how well each did for this merchant.
pub(super) fn own_weights(weights: &[f64; METHODS], own_skill: f64, past: &OwnPast) -> [f64; METHODS] {
    let mut moved = *weights;
    if own_skill == 0.0 || past.count == 0.0 {
        return moved;
    }
    let mean: f64 = weights.iter().zip(past.errors).map(|(w, e)| w * e).sum();
    if mean <= 0.0 {
        return moved;
    }
    let power = own_skill * past.count / (past.count + 6.0);
    let mut sum = 0.0;
    for (weight, error) in moved.iter_mut().zip(past.errors) {
        if *weight > 0.0 {
            *weight *= powf((error / mean).max(0.2), -power);
            sum += *weight;
        }
    }
    moved.map(|weight| weight / sum)
}

/// Centre and scale of the total from one origin.
pub(super) fn centre(
    origin: &Origin,
    past: &OwnPast,
    table: &ClassTable,
    season: &[f64; METHODS],
    horizon: usize,
) -> Centre {
    let weights = own_weights(&table.weights, table.own_skill, past);
    let (mut total, mut level) = (0.0, 0.0);
    for method in 0..METHODS {
        let part = weights[method] * origin.totals[method];
        level += part;
        total += part * season[method];
    }
    let mut scale = origin.scale;
    if past.count > 0.0 {
        let error: f64 = weights.iter().zip(past.errors).map(|(w, e)| w * e).sum::<f64>() / past.count;
        let before = weights.iter().zip(past.totals).map(|(w, t)| w * t).sum::<f64>() / past.count;
        let grown = ((total + 0.1 * origin.size) / (before + 0.1 * origin.size)).sqrt().clamp(0.3, 3.0);
        let own = (error * grown).max(0.02 * origin.size).max(1.0);
        let apart = 1.0 + (past.count - 1.0) * 7.0 / horizon.max(7) as f64;
        scale = exp((apart * ln(own) + 2.0 * ln(scale)) / (apart + 2.0));
    }
    // A season is itself a guess: where it moves the total far, the total may stray farther.
    let scale = hypot(scale, 0.4 * (total - level));
    Centre { total, scale, class: origin.class, weeks_in_horizon: origin.weeks_in_horizon }
}

/// What a panel of merchants has taught about their receipts over one horizon: enough to answer for any of them, or for
/// a stranger, without the panel.
///
/// Answers depend on nothing but the model and the history, so a model can be kept, versioned and replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct ForecastModel {
    pub(super) version: u32,
    pub(super) horizon_days: u32,
    pub(super) max_history_days: u32,
    /// One a class, in the order of [`HistoryClass::ALL`].
    pub(super) classes: Vec<ClassTable>,
    /// Priors by segment, the first for segments never seen.
    pub(super) segments: Vec<SegmentPrior>,
    pub(super) season: Season,
}

#[derive(Deserialize)]
struct Unchecked {
    version: u32,
    horizon_days: u32,
    max_history_days: u32,
    classes: Vec<ClassTable>,
    segments: Vec<SegmentPrior>,
    season: Season,
}

/// The version of the layout and meaning of a model; others are refused.
pub(super) const VERSION: u32 = 1;

impl TryFrom<Unchecked> for ForecastModel {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self> {
        let Unchecked { version, horizon_days, max_history_days, classes, segments, season } = unchecked;
        if version != VERSION {
            return Err(Error::unsupported("version of the forecast model", version));
        }
        super::check_horizon(horizon_days)?;
        super::check_history(max_history_days)?;
        let shares = |table: &ClassTable| {
            let sum: f64 = table.weights.iter().sum();
            table.weights.iter().all(|weight| (0.0..=1.0).contains(weight)) && (sum - 1.0).abs() < 1e-6
        };
        let sound = |table: &ClassTable| {
            shares(table)
                && (0.0..=8.0).contains(&table.own_skill)
                && table.totals.is_valid()
                && table.days.is_valid()
                && table.loss_ratio.is_finite()
        };
        if classes.len() != CLASSES || !classes.iter().all(sound) {
            let rule = "seven tables of weights that add up to 1 and rising quantiles";
            return Err(Error::invalid("classes of the forecast model", classes.len(), rule));
        }
        let sound = |prior: &SegmentPrior| {
            (0.0..=1.0).contains(&prior.active_share)
                && (0.0..=50.0).contains(&prior.log_size)
                && (0.0..=1e6).contains(&prior.size_days)
                && (0.0..=1e3).contains(&prior.weekly_cv)
        };
        if segments.is_empty() || !segments.iter().all(sound) || !season.is_valid() {
            let rule = "at least one, with shares in 0..=1 and finite sizes";
            return Err(Error::invalid("segments of the forecast model", segments.len(), rule));
        }
        Ok(Self { version, horizon_days, max_history_days, classes, segments, season })
    }
}

/// How a class of histories is answered, and how well that did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassSummary {
    /// The class.
    pub class: HistoryClass,
    /// Methods and their weights, the heaviest first, weights below 1 % left out.
    pub weights: Vec<MethodWeight>,
    /// Mean pinball loss on merchants left out of the learning, over that of the seasonal-naive baseline: below 1 is
    /// better. 1 where the panel had none to measure it on.
    pub loss_ratio: f64,
    /// Origins the table was learnt from.
    pub origins: u64,
    /// Whether the family did no better than the baseline, so that the baseline answers.
    pub falls_back: bool,
}

/// One method's part in a class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MethodWeight {
    /// The method.
    pub method: Method,
    /// Its share of the forecast, 0 to 1.
    pub weight: f64,
}

impl ForecastModel {
    /// Days ahead the model answers for.
    #[must_use]
    pub fn horizon_days(&self) -> u32 {
        self.horizon_days
    }

    /// How each class is answered, in the order of [`HistoryClass::ALL`].
    #[must_use]
    pub fn summary(&self) -> Vec<ClassSummary> {
        let one = |(&class, table): (&HistoryClass, &ClassTable)| {
            let mut weights: Vec<MethodWeight> = Method::ALL
                .iter()
                .zip(table.weights)
                .map(|(&method, weight)| MethodWeight { method, weight })
                .filter(|part| part.weight >= 0.01)
                .collect();
            weights.sort_by(|a, b| b.weight.total_cmp(&a.weight));
            let &ClassTable { loss_ratio, origins, falls_back, .. } = table;
            ClassSummary { class, weights, loss_ratio, origins, falls_back }
        };
        HistoryClass::ALL.iter().zip(&self.classes).map(one).collect()
    }

    pub(super) fn segment(&self, segment: u32) -> &SegmentPrior {
        self.segments.get(segment as usize + 1).unwrap_or(&self.segments[0])
    }

    /// Reads a history into `scratch` and finds centre and scale of its total; `None` where nothing was ever received.
    pub(super) fn centre_of(
        &self,
        days: &[i64],
        last_day: i32,
        segment: u32,
        scratch: &mut ForecastScratch,
    ) -> Option<Centre> {
        scratch.read(days, self.max_history_days as usize);
        let weeks = scratch.weeks();
        if weeks == 0 {
            return None;
        }
        let horizon = self.horizon_days as usize;
        let prior = self.segment(segment);
        let first_known = horizon.div_ceil(7);
        let mut past = OwnPast::NONE;
        for back in first_known..first_known + OWN_ORIGINS {
            if back + 2 > weeks {
                break;
            }
            let origin = scratch.origin(back, horizon, prior);
            past.add(&origin, 1.0);
        }
        let origin = scratch.origin(0, horizon, prior);
        scratch.weekday = scratch.weekdays(weeks);
        let season = self.season.of_day(last_day);
        let table = &self.classes[origin.class as usize];
        let season = if table.falls_back { [1.0; METHODS] } else { season };
        Some(centre(&origin, &past, table, &season, horizon))
    }
}

impl OwnPast {
    /// Learns from an origin whose horizon is over; forgets it again with `sign` −1.
    pub(super) fn add(&mut self, origin: &Origin, sign: f64) {
        for method in 0..METHODS {
            self.errors[method] += sign * (origin.actual - origin.totals[method]).abs();
            self.totals[method] += sign * origin.totals[method];
        }
        self.count += sign;
    }
}
