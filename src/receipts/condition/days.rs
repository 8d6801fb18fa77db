//! Measures that daily sums alone give.

use super::catalogue::{WIDTH, at};
use crate::elementary::{exp, ln};

/// Buffers for one merchant after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    weeks: Vec<f64>,
    pairs: Vec<f64>,
    gaps: Vec<u32>,
    pub(super) payers: Vec<super::customers::Seen>,
    pub(super) tickets: Vec<i64>,
    pub(super) days: Vec<i64>,
}

/// The daily sums of one merchant up to the day of judgement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days<'a> {
    /// From the first day with a receipt on.
    pub(super) amount_minor: &'a [i64],
    /// Whether each day is known; empty when all are.
    pub(super) known: &'a [bool],
    /// The day of judgement.
    pub(super) last_day: i32,
    /// Sorted.
    pub(super) holidays: &'a [i32],
    pub(super) coverage: f64,
}

const TREND_WEEKS: usize = 26;

impl Days<'_> {
    fn is_known(&self, place: usize) -> bool {
        self.known.is_empty() || self.known[place]
    }

    fn is_holiday(&self, place: usize) -> bool {
        let back = (self.amount_minor.len() - 1 - place) as i32;
        !self.holidays.is_empty() && self.holidays.binary_search(&(self.last_day - back)).is_ok()
    }

    /// Sum of `days` days that end `back` days before the last one, as far as the history goes.
    fn sum(&self, days: usize, back: usize) -> f64 {
        let end = self.amount_minor.len().saturating_sub(back);
        let start = end.saturating_sub(days);
        // Absolute amounts of a merchant add up to no more than an i64 holds.
        self.amount_minor[start..end].iter().sum::<i64>() as f64
    }

    fn known_days(&self, days: usize) -> usize {
        let start = self.amount_minor.len().saturating_sub(days);
        if self.known.is_empty() {
            self.amount_minor.len() - start
        } else {
            self.known[start..].iter().filter(|&&known| known).count()
        }
    }

    fn level(&self, row: &mut [f64; WIDTH]) {
        let days = self.amount_minor.len();
        row[at::TENURE] = days as f64;
        for (place, window) in [(at::R7, 7), (at::R30, 30), (at::R90, 90), (at::R180, 180), (at::R365, 365)] {
            row[place] = self.sum(window, 0);
        }
        row[at::TRADE30] = row[at::R30] / self.coverage;
        let known = self.known_days(90);
        if known > 0 {
            let start = days.saturating_sub(90);
            let active = self.amount_minor[start..].iter().filter(|&&amount| amount > 0).count();
            row[at::ACTIVE] = active as f64 / known as f64;
        }
        if days >= 60 && row[at::R90] > 0.0 {
            row[at::RATIO] = row[at::R30] / 30.0 / (row[at::R90] / days.min(90) as f64);
        }
        if days >= 400 {
            let then = self.sum(30, 364);
            if then > 0.0 {
                row[at::YEAR_AGO] = row[at::R30] / then;
            }
            let quarter = self.sum(90, 364);
            if days >= 454 && quarter > 0.0 {
                row[at::YEAR_SHAPE] = then / 30.0 / (quarter / 90.0);
            }
        }
        let mut best = 0i64;
        let mut last = 0i64;
        let recent = &self.amount_minor[days.saturating_sub(96)..];
        for (place, &amount) in recent.iter().enumerate() {
            last += amount;
            if place >= 7 {
                last -= recent[place - 7];
            }
            best = best.max(last);
        }
        if best > 0 {
            row[at::DRAWDOWN] = (1.0 - last as f64 / best as f64).clamp(0.0, 1.0);
        }
    }

    /// Whole weeks back from the last day; unknown days are made up for when at least four days of a week are known.
    fn weeks(&self, scratch: &mut Scratch, with_holidays: bool) {
        scratch.weeks.clear();
        let days = self.amount_minor.len();
        for week in 0..(days / 7).min(TREND_WEEKS) {
            let end = days - 7 * week;
            let sum: i64 = self.amount_minor[end - 7..end].iter().sum();
            if self.known.is_empty() && (with_holidays || self.holidays.is_empty()) {
                scratch.weeks.push(sum as f64);
                continue;
            }
            let known = (end - 7..end).filter(|&place| self.is_known(place)).count();
            let holidays = (end - 7..end).filter(|&place| self.is_holiday(place)).count();
            if known >= 4 && (with_holidays || holidays == 0) {
                scratch.weeks.push(sum as f64 * 7.0 / known as f64);
            }
        }
        scratch.weeks.reverse();
    }

    fn trend_and_stability(&self, row: &mut [f64; WIDTH], scratch: &mut Scratch) {
        self.weeks(scratch, true);
        let count = scratch.weeks.len() as f64;
        let mean = scratch.weeks.iter().sum::<f64>() / count.max(1.0);
        if count >= 4.0 && mean > 0.0 {
            let squares: f64 = scratch.weeks.iter().map(|week| (week - mean) * (week - mean)).sum();
            row[at::CV] = (squares / count).sqrt() / mean;
        }
        if !self.holidays.is_empty() {
            self.weeks(scratch, false);
        }
        let Scratch { weeks, pairs, .. } = scratch;
        if weeks.len() < 4 {
            return;
        }
        pairs.clear();
        pairs.extend_from_slice(weeks);
        let middle = median(pairs);
        if middle > 0.0 {
            row[at::WEAK] = weeks.iter().filter(|&&week| week < 0.5 * middle).count() as f64 / weeks.len() as f64;
        }
        // A week of nothing has no log: a twentieth of the mean week keeps it low without letting it rule.
        let mean = weeks.iter().map(|week| week.max(0.0)).sum::<f64>() / weeks.len() as f64;
        if mean <= 0.0 {
            (row[at::TREND], row[at::TREND_SIGN]) = (0.0, 0.0);
            return;
        }
        weeks.iter_mut().for_each(|week| *week = ln(week.max(0.0) / mean + 0.05));
        pairs.clear();
        let mut sign = 0i32;
        for later in 1..weeks.len() {
            for earlier in 0..later {
                let rise = weeks[later] - weeks[earlier];
                sign += i32::from(rise > 0.0) - i32::from(rise < 0.0);
                pairs.push(rise / (later - earlier) as f64);
            }
        }
        row[at::TREND] = exp(median(pairs) * 30.0 / 7.0) - 1.0;
        let n = weeks.len() as f64;
        row[at::TREND_SIGN] = f64::from(sign) / (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    }

    fn seasonality(&self, row: &mut [f64; WIDTH]) {
        let days = self.amount_minor.len();
        // 1970-01-01 was a Thursday, day 3 of a week that begins on Monday.
        let weekday = |place: usize| (i64::from(self.last_day) - (days - 1 - place) as i64 + 3).rem_euclid(7) as usize;
        if days >= 21 {
            let (mut sums, mut counts) = ([0.0; 7], [0.0; 7]);
            let mut day = weekday(days.saturating_sub(182));
            for place in days.saturating_sub(182)..days {
                if self.is_known(place) {
                    sums[day] += self.amount_minor[place].max(0) as f64;
                    counts[day] += 1.0;
                }
                day = if day == 6 { 0 } else { day + 1 };
            }
            let mean = sums.iter().sum::<f64>() / counts.iter().sum::<f64>();
            if mean > 0.0 {
                for weekday in 0..7 {
                    if counts[weekday] > 0.0 {
                        row[at::MON + weekday] = (sums[weekday] / counts[weekday] / mean).min(7.0);
                    }
                }
            }
        }
        if self.holidays.is_empty() {
            return;
        }
        let (mut on, mut on_days, mut off, mut off_days) = (0.0, 0.0, 0.0, 0.0);
        for place in (days.saturating_sub(400)..days).filter(|&place| self.is_known(place)) {
            let amount = self.amount_minor[place].max(0) as f64;
            if self.is_holiday(place) {
                (on, on_days) = (on + amount, on_days + 1.0);
            } else {
                (off, off_days) = (off + amount, off_days + 1.0);
            }
        }
        if on_days > 0.0 && off > 0.0 {
            row[at::HOLIDAY] = on / on_days / (off / off_days);
        }
    }

    fn silence(&self, row: &mut [f64; WIDTH], scratch: &mut Scratch) {
        let days = self.amount_minor.len();
        scratch.gaps.clear();
        let (mut streak, mut longest, mut gap) = (0u32, 0u32, None::<u32>);
        for place in days.saturating_sub(400)..days {
            if self.amount_minor[place] > 0 {
                if let Some(gap) = gap {
                    scratch.gaps.push(gap + 1);
                }
                (gap, streak) = (Some(0), 0);
            } else if self.is_known(place) && !self.is_holiday(place) {
                gap = gap.map(|gap| gap + 1);
                if place + 180 >= days {
                    streak += 1;
                    longest = longest.max(streak);
                }
            }
        }
        row[at::STREAK] = f64::from(longest);
        let silent = match gap {
            Some(gap) => Some(f64::from(gap)),
            None => self.amount_minor.iter().rposition(|&amount| amount > 0).map(|place| (days - 1 - place) as f64),
        };
        if let Some(silent) = silent {
            row[at::SILENCE] = silent;
            if scratch.gaps.len() >= 4 {
                let rank = (scratch.gaps.len() * 95).div_ceil(100) - 1;
                let (_, &mut usual, _) = scratch.gaps.select_nth_unstable(rank);
                row[at::GAP] = f64::from(usual);
                row[at::SILENCE_RATIO] = silent / f64::from(usual);
            }
        }
    }

    /// Fills the measures of a row that daily sums give.
    pub(super) fn measure(&self, row: &mut [f64; WIDTH], scratch: &mut Scratch) {
        self.level(row);
        row[at::STREAK] = 0.0;
        if self.amount_minor.is_empty() {
            return;
        }
        self.trend_and_stability(row, scratch);
        self.seasonality(row);
        self.silence(row, scratch);
    }
}

/// The median of numbers without NaN; reorders them. 0 of none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd { upper } else { 0.5 * (upper + below.iter().copied().fold(f64::NEG_INFINITY, f64::max)) }
}
