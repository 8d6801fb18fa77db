//! The typical merchant of each segment, by the method of moments.

use std::collections::BTreeMap;

use crate::elementary::ln;

use super::grid::{ForecastScratch, SegmentPrior};

/// Sums over the merchants of each segment; 0 stands for all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct SegmentSums(BTreeMap<u32, Sums>);

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    merchants: f64,
    days: f64,
    active: f64,
    log_size: f64,
    log_size_squared: f64,
    within: f64,
    within_freedom: f64,
    active_days: f64,
    cv: f64,
    cv_merchants: f64,
}

impl Sums {
    fn merge(&mut self, other: &Self) {
        self.merchants += other.merchants;
        self.days += other.days;
        self.active += other.active;
        self.log_size += other.log_size;
        self.log_size_squared += other.log_size_squared;
        self.within += other.within;
        self.within_freedom += other.within_freedom;
        self.active_days += other.active_days;
        self.cv += other.cv;
        self.cv_merchants += other.cv_merchants;
    }

    fn prior(&self, all: &SegmentPrior) -> SegmentPrior {
        if self.merchants < 1.0 {
            return *all;
        }
        let share = self.merchants / (self.merchants + 10.0);
        let mix = |own: f64, all: f64| share * own + (1.0 - share) * all;
        let log_size = self.log_size / self.merchants;
        let spread = (self.log_size_squared / self.merchants - log_size * log_size).max(0.0);
        let within = (self.within / self.within_freedom.max(1.0)).max(0.01);
        let between = (spread - within * self.merchants / self.active_days.max(1.0)).max(0.05);
        SegmentPrior {
            active_share: mix((self.active + 1.0) / (self.days + 2.0), all.active_share).clamp(0.0, 1.0),
            log_size: if all.size_days > 0.0 { mix(log_size, all.log_size) } else { log_size },
            size_days: (within / between).clamp(0.1, 30.0),
            weekly_cv: mix((self.cv + 1.0) / (self.cv_merchants + 2.0), all.weekly_cv),
        }
    }
}

impl SegmentSums {
    /// Adds one merchant, whose history was read, to its segment and to all.
    pub(super) fn add(&mut self, segment: u32, scratch: &ForecastScratch) {
        let (mut active, mut total, mut logs, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for &day in scratch.days.iter().filter(|&&day| day > 0.0) {
            let log = ln(day);
            active += 1.0;
            total += day;
            logs += log;
            squares += log * log;
        }
        if active == 0.0 {
            return;
        }
        let log_size = ln(total / active);
        let weeks = scratch.full_weeks();
        let mean = weeks.iter().sum::<f64>() / weeks.len().max(1) as f64;
        let deviation = weeks.iter().map(|week| (week - mean) * (week - mean)).sum::<f64>() / weeks.len().max(1) as f64;
        let has_cv = weeks.len() >= 4 && mean > 0.0;
        let one = Sums {
            merchants: 1.0,
            days: scratch.days.len() as f64 - 1.0,
            active: active - 1.0,
            log_size,
            log_size_squared: log_size * log_size,
            within: (squares - logs * logs / active).max(0.0),
            within_freedom: active - 1.0,
            active_days: active,
            cv: if has_cv { (deviation.sqrt() / mean).min(3.0) } else { 0.0 },
            cv_merchants: f64::from(has_cv),
        };
        self.0.entry(0).or_default().merge(&one);
        self.0.entry(segment + 1).or_default().merge(&one);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (segment, sums) in &other.0 {
            self.0.entry(*segment).or_default().merge(sums);
        }
    }

    /// The prior of all merchants, then one of each segment, shrunk to it where few merchants are in it.
    pub(super) fn priors(&self) -> Vec<SegmentPrior> {
        let Some(all) = self.0.get(&0) else { return vec![SegmentPrior::default()] };
        let all = all.prior(&SegmentPrior::default());
        let last = self.0.keys().next_back().copied().unwrap_or(0);
        let mut priors = vec![all; last as usize + 1];
        for (&segment, sums) in self.0.iter().filter(|(segment, _)| **segment > 0) {
            priors[segment as usize] = sums.prior(&all);
        }
        priors
    }
}
