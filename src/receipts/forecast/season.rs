//! What a whole panel did a year ago in the days that are now to come.
//!
//! One merchant's year is too noisy to repeat; that of a whole panel is not, and a feast that fills all shops shows in
//! it. How far the panel's year is followed is learnt from how well it foretold the origins of the past.

use serde::{Deserialize, Serialize};

use crate::elementary::powf;

use super::grid::{ForecastScratch, METHODS, Method};

/// Weeks before the last day for which the season is kept.
pub(super) const SEASON_WEEKS: usize = 40;

/// The stretches, in days, that methods look back over: the season of a forecast is how the horizon compared with that
/// stretch a year ago.
const STRETCHES: [usize; 5] = [7, 28, 56, 91, 364];

/// The stretch each method looks back over.
const STRETCH_OF: [Option<usize>; METHODS] = {
    let mut of = [None; METHODS];
    of[Method::SeasonalNaive as usize] = Some(0);
    of[Method::Mean4 as usize] = Some(1);
    of[Method::FastSmoothing as usize] = Some(1);
    of[Method::DampedTrend as usize] = Some(1);
    of[Method::Tsb as usize] = Some(1);
    of[Method::Median8 as usize] = Some(2);
    of[Method::SlowSmoothing as usize] = Some(3);
    of[Method::Mean13 as usize] = Some(3);
    of[Method::Mean52 as usize] = Some(4);
    of[Method::Shrunk as usize] = Some(4);
    of
};

/// By how much the panel's receipts of the horizon differed, a year (364 days) before each origin, from those of the
/// stretches before it: 1.2 says that a fifth more came in those days.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Season {
    /// The day of the first row of factors, counted from 1970-01-01.
    pub(super) last_day: i32,
    /// Factors by stretch, one row a week back from `last_day`.
    pub(super) factors: Vec<[f64; STRETCHES.len()]>,
    /// How far the season is followed, from 0 (not at all) to 1.
    pub(super) follow: f64,
}

/// What merchants vote with, added up over them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Votes {
    after: [f64; STRETCHES.len()],
    before: [f64; STRETCHES.len()],
    count: [f64; STRETCHES.len()],
}

impl Votes {
    /// Lets one merchant vote on the season `back` weeks ago, where it was trading a year before. Every merchant weighs
    /// at most one, whatever its size.
    pub(super) fn add(&mut self, scratch: &ForecastScratch, back: usize, horizon: usize) {
        let days = 7 * (horizon as f64 / 7.0).round().max(1.0) as usize;
        let Some(then) = scratch.days.len().checked_sub(7 * back + 364) else { return };
        let after = scratch.window(then, days) / days as f64;
        for (place, &stretch) in STRETCHES.iter().enumerate() {
            // The year has no year before it that most panels still know, so it is held against itself.
            let start = if stretch == 364 { Some(then) } else { then.checked_sub(stretch) };
            let Some(start) = start else { continue };
            let before = scratch.window(start, stretch) / stretch as f64;
            if after > 0.0 && before > 0.0 {
                self.after[place] += after / (after + before);
                self.before[place] += before / (after + before);
                self.count[place] += 1.0;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for place in 0..STRETCHES.len() {
            self.after[place] += other.after[place];
            self.before[place] += other.before[place];
            self.count[place] += other.count[place];
        }
    }

    /// The factors, shrunk to 1 where few vote.
    pub(super) fn factors(&self) -> [f64; STRETCHES.len()] {
        let mut factors = [1.0; STRETCHES.len()];
        for (place, factor) in factors.iter_mut().enumerate() {
            if self.count[place] >= 5.0 {
                let shrink = self.count[place] / (self.count[place] + 10.0);
                *factor = powf((self.after[place] / self.before[place]).clamp(0.25, 4.0), shrink);
            }
        }
        factors
    }
}

impl Season {
    /// What the forecast of each method is multiplied by for a horizon that starts `back` weeks before the last day.
    pub(super) fn of_week(&self, back: usize) -> [f64; METHODS] {
        let mut multipliers = [1.0; METHODS];
        if self.follow > 0.0
            && let Some(factors) = self.factors.get(back)
        {
            for (multiplier, stretch) in multipliers.iter_mut().zip(STRETCH_OF) {
                *multiplier = stretch.map_or(1.0, |stretch| powf(factors[stretch], self.follow));
            }
        }
        multipliers
    }

    /// The same for a horizon that starts after `last_day`: 1 where the model knows no season for that day.
    pub(super) fn of_day(&self, last_day: i32) -> [f64; METHODS] {
        let age = i64::from(self.last_day) - i64::from(last_day);
        match usize::try_from(age) {
            Ok(age) if age % 7 == 0 => self.of_week(age / 7),
            _ => [1.0; METHODS],
        }
    }

    /// The factor of the last four weeks, the one that `follow` is learnt with.
    pub(super) fn monthly(&self, back: usize) -> f64 {
        self.factors.get(back).map_or(1.0, |factors| factors[1])
    }

    pub(super) fn is_valid(&self) -> bool {
        (0.0..=1.0).contains(&self.follow) && self.factors.iter().flatten().all(|factor| (0.2..=5.0).contains(factor))
    }
}

/// How far to follow the season: the slope, over the dates of origins, of what came on what the season said, with a
/// normal prior around 0.7. Dates count, not merchants: all shops of a date share its weather.
pub(super) fn follow(came: &[(f64, f64)], horizon: usize) -> f64 {
    const PRIOR: f64 = 0.7;
    const PRIOR_SPREAD: f64 = 0.3;
    /// Enough for the slope and its noise to agree to a percent.
    const ROUNDS: usize = 8;
    let n = came.len() as f64;
    if n < 2.0 {
        return PRIOR;
    }
    let mean = |f: fn(&(f64, f64)) -> f64| came.iter().map(f).sum::<f64>() / n;
    let (mean_said, mean_came) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let apart_of = |pair: &(f64, f64)| (pair.0 - mean_said, pair.1 - mean_came);
    let squares: f64 = came.iter().map(|pair| apart_of(pair).0).map(|said| said * said).sum();
    let products: f64 = came.iter().map(|pair| apart_of(pair).0 * apart_of(pair).1).sum();
    // Horizons of neighbouring origins overlap.
    let apart = 7.0 / horizon.max(7) as f64;
    let prior = 1.0 / (PRIOR_SPREAD * PRIOR_SPREAD);
    // The noise is what the slope leaves over, and the slope depends on the noise: a prior that is wrong must not pass
    // its own errors off as noise.
    let mut slope = PRIOR;
    for _ in 0..ROUNDS {
        let rest: f64 =
            came.iter().map(apart_of).map(|(said, came)| came - slope * said).map(|error| error * error).sum();
        let noise = (rest / n).max(0.02 * 0.02);
        slope = (PRIOR * prior + apart * products / noise) / (prior + apart * squares / noise);
    }
    slope.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_that_foretold_is_followed_and_one_that_did_not_is_not() {
        let said = |week: i32| 0.3 * f64::from(week % 5 - 2);
        let right: Vec<(f64, f64)> = (0..26).map(|week| (said(week), 0.1 + said(week))).collect();
        let wrong: Vec<(f64, f64)> = (0..26).map(|week| (said(week), -0.02 * f64::from(week % 2))).collect();
        assert!(follow(&right, 30) > 0.9);
        assert!(follow(&wrong, 30) < 0.25);
        assert_eq!(follow(&[], 30), 0.7);
    }
}
