//! The forecasts of every method at every weekly origin of one history, in one pass over prefix sums.
//!
//! Weeks are counted back from the end of the history, so each origin lies on the same weekday as the real one and the
//! weeks between are whole. Everything an origin sees lies before it.

use serde::{Deserialize, Serialize};

use crate::elementary::{exp, ln};

/// A way to say what the next days will bring; the family that forecasts are combined from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The last seven days again and again: the baseline that has to be beaten.
    SeasonalNaive,
    /// The mean of the last 4 weeks.
    Mean4,
    /// Exponential smoothing of weekly receipts, gain 0.35.
    FastSmoothing,
    /// Exponential smoothing of weekly receipts, gain 0.1.
    SlowSmoothing,
    /// The mean of the last 13 weeks.
    Mean13,
    /// The mean of the last 52 weeks.
    Mean52,
    /// Holt's linear trend with damping 0.9 a week (Gardner and McKenzie 1985), gains 0.3 and 0.1.
    DampedTrend,
    /// Chance of a day with receipts times their size, each smoothed (Teunter, Syntetos and Babai 2011): it decays when a
    /// shop falls silent, as Croston's method does not.
    Tsb,
    /// The median of the last 8 weeks: deaf to one great sale.
    Median8,
    /// The same days a year (364 days) ago, scaled by how the last 8 weeks compare with the same 8 weeks then.
    YearAgo,
    /// Share of active days and size of a day, each shrunk to the segment (empirical Bayes): for thin histories.
    Shrunk,
    /// Nothing comes any more. Its weight is how far a class of histories is shrunk to zero.
    Nothing,
}

pub(super) const METHODS: usize = 12;

impl Method {
    /// Every method, in the order of weights in a model.
    pub const ALL: [Self; METHODS] = [
        Self::SeasonalNaive,
        Self::Mean4,
        Self::FastSmoothing,
        Self::SlowSmoothing,
        Self::Mean13,
        Self::Mean52,
        Self::DampedTrend,
        Self::Tsb,
        Self::Median8,
        Self::YearAgo,
        Self::Shrunk,
        Self::Nothing,
    ];
}

/// What kind of history an origin sees; weights and intervals are learnt for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryClass {
    /// Less than two weeks old.
    New,
    /// Less than eight weeks old.
    Young,
    /// Silent for more than two weeks and for more than three times its own mean gap.
    Stopped,
    /// Receipts on less than one day in ten of the last 13 weeks.
    Sparse,
    /// Receipts on less than half of the days.
    Intermittent,
    /// Receipts on most days, weekly sums that vary by more than 35 % of their mean.
    Volatile,
    /// Receipts on most days, weekly sums that vary less.
    Steady,
}

pub(super) const CLASSES: usize = 7;

impl HistoryClass {
    /// Every class, in the order of a model's tables.
    pub const ALL: [Self; CLASSES] =
        [Self::New, Self::Young, Self::Stopped, Self::Sparse, Self::Intermittent, Self::Volatile, Self::Steady];
}

/// What thin histories are shrunk to: the typical merchant of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentPrior {
    /// Share of days with receipts, after the first.
    pub active_share: f64,
    /// Mean over merchants of the log of the mean receipts of an active day, in minor units.
    pub log_size: f64,
    /// Days of its own that a merchant's log size needs to weigh as much as the segment's.
    pub size_days: f64,
    /// Typical standard deviation of weekly receipts over their mean.
    pub weekly_cv: f64,
}

impl Default for SegmentPrior {
    /// Of no use until a segment was seen: no size to shrink to (`size_days` is 0), one active day in two.
    fn default() -> Self {
        Self { active_share: 0.5, log_size: 0.0, size_days: 0.0, weekly_cv: 0.5 }
    }
}

/// What one origin sees, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) class: HistoryClass,
    /// Forecast total of each method, at least 0.
    pub(super) totals: [f64; METHODS],
    /// Receipts a week that `weekday` factors spread over the days, for the daily quantiles.
    pub(super) weeks_in_horizon: f64,
    /// Prior scale of the error of a total, from the spread of weekly sums.
    pub(super) scale: f64,
    /// Size of the merchant, for errors that shall weigh alike.
    pub(super) size: f64,
    /// What the horizon brought, where the history goes so far.
    pub(super) actual: f64,
}

/// Buffers for one history after the other; they grow to the longest and stay.
#[derive(Debug, Clone, Default)]
pub struct ForecastScratch {
    pub(super) days: Vec<f64>,
    pub(super) sum: Vec<f64>,
    square: Vec<f64>,
    week: Vec<f64>,
    weekday_sum: Vec<[f64; 7]>,
    weekday_active: Vec<[u32; 7]>,
    fast: Vec<f64>,
    slow: Vec<f64>,
    level: Vec<f64>,
    trend: Vec<f64>,
    tsb: Vec<f64>,
    last_active: Vec<i32>,
    pub(super) origins: Vec<Origin>,
    pub(super) ratios: Vec<f64>,
    pub(super) weekday: [f64; 7],
}

pub(super) const GAIN_FAST: f64 = 0.35;
pub(super) const GAIN_SLOW: f64 = 0.1;

impl ForecastScratch {
    /// Buffers that grow on first use.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a history: leading zeros are not history, nor is what lies more than `max_days` back.
    pub(super) fn read(&mut self, amount_minor: &[i64], max_days: usize) {
        let kept = &amount_minor[amount_minor.len().saturating_sub(max_days)..];
        let start = kept.iter().position(|&amount| amount != 0).unwrap_or(kept.len());
        self.days.clear();
        self.days.extend(kept[start..].iter().map(|&amount| amount as f64));
        let n = self.days.len();
        let weeks = n.div_ceil(7);
        let head = n - 7 * (weeks.max(1) - 1).min(n / 7);
        let head = if n == 0 { 0 } else { head };
        self.sum.clear();
        self.sum.push(0.0);
        let mut running = 0.0;
        for &day in &self.days {
            running += day;
            self.sum.push(running);
        }
        for column in [&mut self.week, &mut self.fast, &mut self.slow, &mut self.level, &mut self.trend, &mut self.tsb]
        {
            column.clear();
        }
        self.last_active.clear();
        self.weekday_sum.clear();
        self.weekday_sum.push([0.0; 7]);
        self.weekday_active.clear();
        self.weekday_active.push([0; 7]);
        self.square.clear();
        self.square.push(0.0);
        let (mut fast, mut slow, mut chance) = (Smooth::default(), Smooth::default(), Smooth::default());
        let (mut size, mut level, mut trend) = (0.0, 0.0, 0.0);
        let (mut start, mut last_active) = (0, -1);
        for week in 0..weeks {
            let end = if week == 0 { head } else { start + 7 };
            let share = (end - start) as f64 / 7.0;
            let mut weekday_sum = self.weekday_sum[week];
            let mut weekday_active = self.weekday_active[week];
            let (mut total, mut square, mut active, mut active_sum) = (0.0, self.square[week], 0u32, 0.0);
            for place in start..end {
                let day = self.days[place];
                let weekday = 7 - (end - place);
                total += day;
                square += day * day;
                weekday_sum[weekday] += day;
                if day > 0.0 {
                    active += 1;
                    active_sum += day;
                    weekday_active[weekday] += 1;
                }
                if day != 0.0 {
                    last_active = place as i32;
                }
            }
            let rate = total / share;
            self.week.push(rate);
            self.weekday_sum.push(weekday_sum);
            self.weekday_active.push(weekday_active);
            self.square.push(square);
            self.last_active.push(last_active);
            self.fast.push(fast.next(total, share, 1.0 - GAIN_FAST));
            self.slow.push(slow.next(total, share, 1.0 - GAIN_SLOW));
            // Holt with a gain that starts as a plain mean.
            let gain = f64::max(0.3, 1.0 / (week as f64 + 1.0));
            let expected = level + 0.9 * trend;
            let before = level;
            level = expected + gain * (rate - expected);
            trend = if week == 0 { 0.0 } else { 0.9 * trend + 0.1 * (level - before - 0.9 * trend) };
            self.level.push(level);
            self.trend.push(trend);
            let chance = chance.next(f64::from(active) / 7.0, share, 0.8);
            if active > 0 {
                let mean = active_sum / f64::from(active);
                let gain = f64::max(0.15, 1.0 / (week as f64 + 1.0));
                size += if size == 0.0 { mean } else { gain * (mean - size) };
            }
            self.tsb.push(7.0 * chance * size);
            start = end;
        }
    }

    /// Number of weeks, the first perhaps partial.
    pub(super) fn weeks(&self) -> usize {
        self.week.len()
    }

    /// Weekly sums without a partial first week.
    pub(super) fn full_weeks(&self) -> &[f64] {
        &self.week[usize::from(!self.days.len().is_multiple_of(7)).min(self.week.len())..]
    }

    /// Sum of the `days` days from place `start`.
    pub(super) fn window(&self, start: usize, days: usize) -> f64 {
        self.sum[start + days] - self.sum[start]
    }

    fn weekly_mean(&self, weeks: usize, last: usize) -> f64 {
        let end = self.days.len() - 7 * (self.weeks() - weeks);
        let days = end.min(7 * last);
        self.window(end - days, days) * 7.0 / days as f64
    }

    /// Weekday factors of mean 1 as seen after `weeks` weeks, from the last 26 of them, shrunk to 1 by how much of their
    /// spread chance explains; a weekday on which nothing ever came, when something should have, is closed.
    pub(super) fn weekdays(&self, weeks: usize) -> [f64; 7] {
        let from = weeks.saturating_sub(26);
        let head = self.days.len() - 7 * (self.weeks() - 1);
        let (mut sums, mut counts, mut active) = ([0.0; 7], [0.0; 7], [0u32; 7]);
        for weekday in 0..7 {
            sums[weekday] = self.weekday_sum[weeks][weekday] - self.weekday_sum[from][weekday];
            active[weekday] = self.weekday_active[weeks][weekday] - self.weekday_active[from][weekday];
            let partial_misses = from == 0 && weekday < 7 - head;
            counts[weekday] = (weeks - from) as f64 - f64::from(partial_misses);
        }
        let days: f64 = counts.iter().sum();
        let mean = sums.iter().sum::<f64>() / days;
        if weeks < 3 || mean <= 0.0 {
            return [1.0; 7];
        }
        let square = self.square[weeks] - self.square[from];
        let explained: f64 = (0..7).map(|w| sums[w] * sums[w] / counts[w]).sum();
        let within = ((square - explained) / (days - 7.0)).max(0.0) / (mean * mean);
        let mut factors = [0.0; 7];
        for weekday in 0..7 {
            factors[weekday] = sums[weekday] / counts[weekday] / mean;
        }
        let between = factors.iter().map(|f| (f - 1.0) * (f - 1.0)).sum::<f64>() / 6.0;
        let noise = within * 7.0 / days;
        let kept = if between > 0.0 { (1.0 - noise / between).clamp(0.0, 1.0) } else { 0.0 };
        let active_days: u32 = active.iter().sum();
        for weekday in 0..7 {
            factors[weekday] = (1.0 + kept * (factors[weekday] - 1.0)).max(0.0);
            let others = f64::from(active_days - active[weekday]) / (days - counts[weekday]);
            if active[weekday] == 0 && counts[weekday] * ln(1.0 - others.min(0.9999)) < -3.9 {
                factors[weekday] = 0.0;
            }
        }
        let sum: f64 = factors.iter().sum();
        factors.map(|factor| factor * 7.0 / sum)
    }

    /// What is seen `back` weeks before the end, for a total over `horizon` days.
    pub(super) fn origin(&self, back: usize, horizon: usize, prior: &SegmentPrior) -> Origin {
        let weeks = self.weeks() - back;
        let at = weeks - 1;
        let end = self.days.len() - 7 * back;
        let weekday = self.weekdays(weeks);
        let weeks_in_horizon = (0..horizon).map(|step| weekday[step % 7]).sum::<f64>() / 7.0;
        let recent = self.recent(weeks);
        let class = self.class(weeks, end, &recent);
        let mean13 = self.weekly_mean(weeks, 13);
        let mean52 = self.weekly_mean(weeks, 52);
        let mut path = 0.0;
        let (mut ahead, mut damping) = (0.0, 1.0);
        for step in 0..horizon {
            if step % 7 == 0 {
                damping *= 0.9;
                ahead += damping;
            }
            path += weekday[step % 7] / 7.0 * (self.level[at] + ahead * self.trend[at]).max(0.0);
        }
        let cap = 3.0 * weeks_in_horizon * self.level[at].max(self.fast[at]).max(0.0);
        let shrunk = self.shrunk(weeks, end, prior);
        let spread = |rate: f64| (rate * weeks_in_horizon).max(0.0);
        let totals = [
            spread(self.weekly_mean(weeks, 1)),
            spread(self.weekly_mean(weeks, 4)),
            spread(self.fast[at]),
            spread(self.slow[at]),
            spread(mean13),
            spread(mean52),
            path.min(cap),
            spread(self.tsb[at]),
            spread(recent.median8),
            self.year_ago(end, horizon).unwrap_or(spread(mean13)).max(0.0),
            spread(7.0 * shrunk.chance * shrunk.size),
            0.0,
        ];
        let actual = if end + horizon <= self.days.len() { self.window(end, horizon) } else { f64::NAN };
        let variance = (recent.squares + 2.0 * square(prior.weekly_cv * mean13)) / (recent.weeks + 1.0);
        let longest = spread(mean13).max(spread(mean52));
        // Days that come or do not come, each of the mean size: what the spread of silent weeks does not show.
        let comings = horizon as f64 * shrunk.chance * (1.0 - shrunk.chance) * shrunk.size * shrunk.size;
        let variance = horizon as f64 / 7.0 * variance + square(0.1 * spread(mean13)) + comings;
        let scale = variance.sqrt().max(0.05 * longest);
        let size = (0.5 * (longest + spread(self.weekly_mean(weeks, 4)))).max(1.0);
        Origin { class, totals, weeks_in_horizon, scale: scale.max(1.0), size, actual }
    }

    /// The last 13 weekly sums: their squared distance from the mean, and the median of the last 8.
    fn recent(&self, weeks: usize) -> Recent {
        let last = &self.week[weeks.saturating_sub(13)..weeks];
        let count = last.len() as f64;
        let mean = last.iter().sum::<f64>() / count;
        let squares = last.iter().map(|rate| (rate - mean) * (rate - mean)).sum();
        let mut sorted = [0.0; 8];
        let eight = &self.week[weeks.saturating_sub(8)..weeks];
        sorted[..eight.len()].copy_from_slice(eight);
        let sorted = &mut sorted[..eight.len()];
        sorted.sort_unstable_by(f64::total_cmp);
        let median8 = 0.5 * (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]);
        Recent { weeks: count, mean, squares, median8 }
    }

    fn class(&self, weeks: usize, end: usize, recent: &Recent) -> HistoryClass {
        let at = weeks - 1;
        let total: u32 = self.weekday_active[weeks].iter().sum();
        let from = weeks.saturating_sub(13);
        let active = total - self.weekday_active[from].iter().sum::<u32>();
        let days = end.min(91) as f64;
        let silent = f64::from(end as i32 - 1 - self.last_active[at]);
        let heard = (f64::from(self.last_active[at]) + 1.0).max(1.0);
        let gap = heard / f64::from(total.max(1));
        if total >= 4 && silent >= 14.0 && silent > 3.0 * gap {
            HistoryClass::Stopped
        } else if end < 14 {
            HistoryClass::New
        } else if end < 56 {
            HistoryClass::Young
        } else if f64::from(active) < 0.1 * days {
            HistoryClass::Sparse
        } else if f64::from(active) < 0.5 * days {
            HistoryClass::Intermittent
        } else if (recent.squares / recent.weeks).sqrt() > 0.35 * recent.mean {
            HistoryClass::Volatile
        } else {
            HistoryClass::Steady
        }
    }

    fn year_ago(&self, end: usize, horizon: usize) -> Option<f64> {
        let then = end.checked_sub(364)?;
        let before = then.checked_sub(56)?;
        let now = self.window(end - 56, 56);
        let past = self.window(before, 56);
        let ratio = (now > 0.0 && past > 0.0).then(|| (now / past).clamp(0.2, 5.0))?;
        Some(ratio * self.window(then, horizon))
    }

    fn shrunk(&self, weeks: usize, end: usize, prior: &SegmentPrior) -> Shrunk {
        let active: u32 = self.weekday_active[weeks].iter().sum();
        if active == 0 {
            return Shrunk { chance: 0.0, size: 0.0 };
        }
        // The first day is a day with receipts by the way a history begins, so it says nothing of how many there are.
        let active = f64::from(active);
        let chance = (active - 1.0 + 14.0 * prior.active_share) / (end as f64 - 1.0 + 14.0);
        let own = ln(self.sum[end].max(1.0) / active);
        let size = (active * own + prior.size_days * prior.log_size) / (active + prior.size_days);
        Shrunk { chance: chance.clamp(0.0, 1.0), size: exp(size) }
    }
}

/// Chance of a day with receipts and their size, shrunk to the segment.
struct Shrunk {
    chance: f64,
    size: f64,
}

struct Recent {
    weeks: f64,
    mean: f64,
    squares: f64,
    median8: f64,
}

/// Exponential smoothing whose weights add up to one from the first week on, so that nothing depends on a start value.
#[derive(Default)]
struct Smooth {
    sum: f64,
    weight: f64,
}

impl Smooth {
    fn next(&mut self, total: f64, share: f64, keep: f64) -> f64 {
        self.sum = keep * self.sum + total;
        self.weight = keep * self.weight + share;
        self.sum / self.weight
    }
}

fn square(x: f64) -> f64 {
    x * x
}
