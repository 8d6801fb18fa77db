//! Money gathered from strangers and handed to strangers at once: two small crowds at one account that tell nothing alone.
//!
//! Who gathers and who scatters is one account here, where in a scatter-gather it is two; of the others each makes a single
//! ordinary transfer. Three strangers who pay within five days are chance at most accounts, and so are three who are paid;
//! both at once, and the sums alike, are not.

use crate::elementary::log10;
use crate::graph::temporal::Leg;

use super::burst::{ANYWAY, COMMON, Crowd, FEWEST, MOST, NEAR_BY_CHANCE, ORDINARY, Strangers, pace_of, surprise};

/// Fewest strangers on each side.
const FEWEST_A_SIDE: usize = 2;

/// The most surprising window at an account in which strangers pay it and are paid by it, if it is more surprising than
/// at one account in twenty: the decimals of both crowds together, less those of the tries, and more by those of two sums
/// being as near as the tolerance by chance where they are.
pub(super) fn relay(
    [received, sent]: [&[Leg]; 2],
    [payers, payees]: &mut [Strangers; 2],
    window: i64,
    tolerance: f64,
) -> Option<Crowd> {
    if window <= 0 || !meet(received, sent, window) {
        return None;
    }
    let (payers, payees) = (payers.among(received), payees.among(sent));
    let paces = [pace_of(received, window), pace_of(sent, window)];
    let tries = log10((payers.len() * payees.len()) as f64);
    let (mut most, mut best) = (COMMON, None);
    let (mut end, mut from, mut until) = (0, 0, 0);
    for (first, start) in payers.iter().map(|leg| leg.at_seconds).enumerate() {
        let within = |leg: &Leg| leg.at_seconds - start <= window;
        end += payers[end..].iter().take_while(|leg| within(leg)).count();
        from += payees[from..].iter().take_while(|leg| leg.at_seconds < start).count();
        until = until.max(from);
        until += payees[until..].iter().take_while(|leg| within(leg)).count();
        let counts = [end - first, until - from];
        if counts.iter().sum::<usize>() < FEWEST || counts.iter().any(|&n| n < FEWEST_A_SIDE) {
            continue;
        }
        let others = [payers.len() - counts[0], payees.len() - counts[1]];
        let told: f64 = (0..2).map(|side| surprise(counts[side], others[side] as f64 * paces[side] + ANYWAY)).sum();
        let sums = [&payers[first..end], &payees[from..until]].map(sum_of);
        let alike = (sums[0] - sums[1]).abs() <= tolerance * sums[0].max(sums[1]);
        let told = told - tries - if alike { log10(NEAR_BY_CHANCE) } else { 0.0 };
        if told > most {
            (most, best) = (told, Some((first..end, from..until)));
        }
    }
    let (gathered, scattered) = best?;
    let told = if most > ORDINARY { [&payers[gathered], &payees[scattered]].concat() } else { Vec::new() };
    Some(Crowd { surprise: most, legs: told })
}

fn sum_of(legs: &[Leg]) -> f64 {
    legs.iter().map(|leg| leg.amount_minor as f64).sum()
}

/// Whether anywhere enough transfers go in and out within `window` at all, strangers or not.
fn meet(received: &[Leg], sent: &[Leg], window: i64) -> bool {
    let fits = |list: &[Leg]| (FEWEST_A_SIDE..=MOST).contains(&list.len());
    if !fits(received) || !fits(sent) {
        return false;
    }
    let mut from = 0;
    received.windows(FEWEST_A_SIDE).any(|two| {
        let start = two[0].at_seconds;
        from += sent[from..].iter().take_while(|leg| leg.at_seconds < start).count();
        let last = from + FEWEST_A_SIDE - 1;
        two[1].at_seconds - start <= window && sent.get(last).is_some_and(|leg| leg.at_seconds - start <= window)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400;
    const WINDOW: i64 = 5 * DAY;

    /// Transfers of one side: counterparty, amount, time.
    fn legs(rows: &[(u32, i64, i64)]) -> Vec<Leg> {
        let leg = |(row, &(peer, amount_minor, at_seconds))| Leg { at_seconds, amount_minor, peer, row };
        let mut legs: Vec<Leg> = (0..).zip(rows).map(leg).collect();
        legs.sort_by_key(|leg| (leg.at_seconds, leg.row));
        legs
    }

    fn crowd(received: &[Leg], sent: &[Leg]) -> Option<Crowd> {
        relay([received, sent], &mut Default::default(), WINDOW, 0.1)
    }

    #[test]
    fn what_three_strangers_bring_and_three_take_at_once_is_told() {
        let brought =
            legs(&[(1, 500, 40 * DAY), (2, 700, 41 * DAY), (3, 600, 42 * DAY), (9, 80, 0), (9, 90, 70 * DAY)]);
        let taken =
            legs(&[(4, 600, 42 * DAY), (5, 590, 43 * DAY), (6, 580, 44 * DAY), (9, 70, 2 * DAY), (9, 75, 80 * DAY)]);
        let found = crowd(&brought, &taken).unwrap();
        // Nobody else comes once: a quarter is expected a side, three windows times three are tried, and the sums agree.
        let told = 2.0 * surprise(3, ANYWAY) - 9f64.log10() + 5f64.log10();
        assert!((found.surprise - told).abs() < 1e-12 && told > ORDINARY, "{}", found.surprise);
        assert_eq!(found.legs.iter().map(|leg| leg.peer).collect::<Vec<u32>>(), [1, 2, 3, 4, 5, 6]);
        // A month later it is somebody else's money.
        let later: Vec<Leg> = taken.iter().map(|leg| Leg { at_seconds: leg.at_seconds + 30 * DAY, ..*leg }).collect();
        assert_eq!(crowd(&brought, &later), None);
        // Those who are paid again and again are no strangers.
        let again: Vec<Leg> = taken.iter().flat_map(|leg| [*leg, *leg]).collect();
        assert_eq!(crowd(&brought, &again), None);
        assert_eq!(crowd(&brought, &[]), None);
    }

    proptest! {
        /// The slow twin counts for every window anew.
        #[test]
        fn the_relay_is_that_of_nested_loops(
            rows in prop::collection::vec((0u32..30, 90i64..130, 0i64..40, any::<bool>()), 0..50),
        ) {
            let side = |into: bool| -> Vec<Leg> {
                let own = rows.iter().filter(|row| row.3 == into);
                legs(&own.map(|&(peer, amount, day, _)| (peer, amount, day * DAY)).collect::<Vec<_>>())
            };
            let sides = [side(true), side(false)];
            let once = sides.each_ref().map(|list| -> Vec<&Leg> {
                list.iter().filter(|leg| list.iter().filter(|other| other.peer == leg.peer).count() == 1).collect()
            });
            let tries = once.each_ref().map(Vec::len);
            let mut most: f64 = COMMON;
            for start in once[0].iter().map(|leg| leg.at_seconds) {
                let within = once.each_ref().map(|list| -> Vec<&Leg> {
                    list.iter().filter(|leg| (start..=start + WINDOW).contains(&leg.at_seconds)).copied().collect()
                });
                if within.iter().any(|side| side.len() < 2) || within[0].len() + within[1].len() < 4 {
                    continue;
                }
                let told = |side: usize| {
                    let others = (once[side].len() - within[side].len()) as f64;
                    surprise(within[side].len(), others * pace_of(&sides[side], WINDOW) + ANYWAY)
                };
                let sums = within.each_ref().map(|side| side.iter().map(|leg| leg.amount_minor).sum::<i64>() as f64);
                let alike = (sums[0] - sums[1]).abs() <= 0.1 * sums[0].max(sums[1]);
                let told = told(0) + told(1) - ((tries[0] * tries[1]) as f64).log10();
                most = most.max(told + if alike { 5f64.log10() } else { 0.0 });
            }
            let told = crowd(&sides[0], &sides[1]).map_or(COMMON, |crowd| crowd.surprise);
            prop_assert!((told - most).abs() < 1e-9, "{} {}", told, most);
        }
    }
}
