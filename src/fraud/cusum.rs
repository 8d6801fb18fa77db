//! A shift of the weekly receipts that lasts, though no month jumps: the cumulative sum of what each week brings beyond
//! the usual.

use crate::graph::temporal::Leg;

use super::shape::{DAY, Proof, prove, shrink};

const WEEK: i64 = 7 * DAY;
/// Weeks before the application in which a shift is looked for.
const RECENT: usize = 8;
/// Fewest earlier weeks that tell what is usual.
const EARLIER: usize = 8;
/// Most weeks looked at.
const MOST: usize = 52;
/// Units by which a week may be above the usual and still be an ordinary one.
const SLACK: f64 = 0.5;
/// Units summed from which a shift is one: the decision interval.
const DECISION: f64 = 5.0;
/// Units that one week can add at most: a single good week makes no shift.
const MOST_A_WEEK: f64 = 4.0;
/// The least unit, in medians: weeks that never differed before still may.
const LEAST_UNIT: f64 = 0.25;
/// Median deviations of a normal law in its standard deviation.
const ROBUST: f64 = 1.4826;

/// How far weekly receipts have shifted upwards at `as_of`: `(1 − 5 / S)⁺ · s(n, 10)`.
///
/// `S` is the upper cumulative sum over the last eight weeks (E. S. Page, "Continuous inspection schemes", Biometrika
/// 1954, with the customary slack of half a unit and a decision interval of five): of each week what it lies above the
/// median of the earlier ones, in their robust deviation, which counts as at least a quarter of the median. What proves a
/// shift are the receipts since it began; `n` is their number.
pub(super) fn shift(received: &[Leg], as_of: i64, proof: &mut Proof<'_>) -> f64 {
    let Some(first) = received.first() else { return 0.0 };
    let whole_weeks = ((as_of - first.at_seconds).max(0) / WEEK).min(MOST as i64) as usize;
    if whole_weeks < RECENT + EARLIER {
        return 0.0;
    }
    let mut sums = [0i64; MOST];
    for leg in received {
        let week = (as_of - leg.at_seconds).max(0) / WEEK;
        if let Some(sum) = sums[..whole_weeks].get_mut(week as usize) {
            *sum += leg.amount_minor.max(0);
        }
    }
    let mut earlier = sums;
    let Some((median, unit)) = usual(&mut earlier[RECENT..whole_weeks]) else { return 0.0 };
    let (mut sum, mut weeks) = (0f64, 0);
    for &week in sums[..RECENT].iter().rev() {
        sum = (sum + ((week as f64 - median) / unit).min(MOST_A_WEEK) - SLACK).max(0.0);
        weeks = if sum > 0.0 { weeks + 1 } else { 0 };
    }
    if sum <= DECISION {
        return 0.0;
    }
    let since = received.iter().rev().take_while(|leg| as_of - leg.at_seconds < weeks * WEEK);
    let count = since.clone().count();
    since.for_each(|leg| prove(proof, leg.amount_minor as f64, leg.row));
    (1.0 - DECISION / sum) * shrink(count, 10.0)
}

/// The median of `weeks` and the unit their distances from it are told in; `None` where it is nothing.
fn usual(weeks: &mut [i64]) -> Option<(f64, f64)> {
    let middle = weeks.len() / 2;
    let median = *weeks.select_nth_unstable(middle).1;
    weeks.iter_mut().for_each(|week| *week = (*week - median).abs());
    let deviation = *weeks.select_nth_unstable(middle).1;
    let median = median as f64;
    (median > 0.0).then(|| (median, (deviation as f64 * ROBUST).max(LEAST_UNIT * median)))
}

#[cfg(test)]
mod tests {
    use super::super::shape::most_telling;
    use super::*;

    /// Two receipts a week, ascending in time, of which `weekly[0]` are the oldest.
    fn legs(weekly: &[i64]) -> (Vec<Leg>, i64) {
        let week = |(week, &minor): (i64, &i64)| [week * WEEK + DAY, week * WEEK + 4 * DAY].map(|at| (at, minor / 2));
        let leg = |(row, (at_seconds, amount_minor))| Leg { at_seconds, amount_minor, peer: 0, row };
        let legs = (0..).zip((0..).zip(weekly).flat_map(week)).map(leg).collect();
        // The oldest week is not a whole one.
        (legs, weekly.len() as i64 * WEEK)
    }

    fn told(weekly: &[i64]) -> f64 {
        let (legs, as_of) = legs(weekly);
        shift(&legs, as_of, &mut None)
    }

    #[test]
    fn a_shift_that_lasts_is_told_and_a_single_good_week_is_not() {
        let mut weekly = [1_000i64; 30];
        assert_eq!(told(&weekly), 0.0);
        weekly[27] = 50_000;
        assert_eq!(told(&weekly), 0.0, "one week");
        weekly = [1_000; 30];
        weekly[25..].fill(1_600);
        // Five weeks of (600 / 250 - 0.5) units, proved by the ten receipts in them.
        let sum: f64 = 5.0 * (2.4 - 0.5);
        assert!((told(&weekly) - (1.0 - 5.0 / sum) * 0.5).abs() < 1e-12, "{}", told(&weekly));
        let (legs, as_of) = legs(&weekly);
        let mut proof = Vec::new();
        shift(&legs, as_of, &mut Some(&mut proof));
        assert_eq!(most_telling(proof, 99), (50..60).collect::<Vec<u32>>());
    }

    #[test]
    fn a_shift_is_told_in_what_weeks_usually_differ_by() {
        let even: Vec<i64> = (0..30).map(|week| if week < 22 { 1_000 } else { 1_500 }).collect();
        let uneven: Vec<i64> = (0..30).map(|week| even[week] + [-600, 0, 600][week % 3]).collect();
        assert!(told(&even) > 0.1);
        assert_eq!(told(&uneven), 0.0);
    }

    #[test]
    fn without_a_history_nothing_is_a_shift() {
        assert_eq!(told(&[]), 0.0);
        assert_eq!(told(&[1_000; 15]), 0.0);
        let mut silent = [0i64; 30];
        silent[25..].fill(1_000);
        assert_eq!(told(&silent), 0.0, "nothing is usual for who received nothing");
        let huge = told(&[i64::MAX / 64; 40]);
        assert_eq!(huge, 0.0);
    }
}
