//! Many counterparties within a short time, on one side of an account.

use crate::account::AccountIndex;

use super::index::{Leg, Legs};

/// Which side of the account a burst is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BurstSide {
    /// Many payers pay the account.
    FanIn,
    /// The account pays many payees.
    FanOut,
}

/// What counts as a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurstConfig {
    /// Seconds within which the counterparties meet the account.
    pub window_seconds: i64,
    /// Fewest distinct counterparties within them.
    pub min_counterparties: u32,
}

impl Default for BurstConfig {
    /// Five counterparties within a day.
    fn default() -> Self {
        Self { window_seconds: 86_400, min_counterparties: 5 }
    }
}

/// A stretch of time with the most distinct counterparties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// Which side it is on.
    pub side: BurstSide,
    /// Distinct counterparties in it.
    pub counterparties: u32,
    /// Its first second.
    pub from_seconds: i64,
    /// Its last second.
    pub to_seconds: i64,
    /// What was transferred in it, refunds taken off.
    pub amount_minor: i64,
    /// Rows of its transfers in order of time.
    pub rows: Vec<u32>,
}

/// The strongest fan-in and fan-out bursts of `account`: on each side the window with the most distinct counterparties,
/// the earliest of equals, if there are `min_counterparties` at least.
///
/// ```
/// use dandelion_credit::graph::temporal::{BurstConfig, BurstSide, TemporalIndex, bursts};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// let columns = TransferColumns {
///     payer: &[1, 2, 3, 3, 1], payee: &[0, 0, 0, 0, 0],
///     amount_minor: Some(&[5, 5, 5, 5, 5]), at_seconds: Some(&[0, 90, 100, 110, 900]),
/// };
/// let index = TemporalIndex::build(&columns, 4, Progress::silent())?;
/// let config = BurstConfig { window_seconds: 60, min_counterparties: 2 };
/// let found = bursts(&index, 0.into(), &config);
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].side, found[0].counterparties, &found[0].rows[..]), (BurstSide::FanIn, 2, &[1, 2, 3][..]));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Panics
/// When `account` is not below [`Legs::accounts`].
///
/// # Complexity
/// The transfers of the account times the logarithm of their number; no cap is needed.
pub fn bursts(legs: &impl Legs, account: AccountIndex, config: &BurstConfig) -> Vec<Burst> {
    let sides = [(BurstSide::FanIn, legs.received(account.get())), (BurstSide::FanOut, legs.sent(account.get()))];
    sides.into_iter().filter_map(|(side, list)| strongest(list, side, config)).collect()
}

fn strongest(list: &[Leg], side: BurstSide, config: &BurstConfig) -> Option<Burst> {
    let best = widest(list, config.window_seconds)?;
    let found = &list[best.first..=best.last];
    (best.counterparties >= config.min_counterparties).then(|| Burst {
        side,
        counterparties: best.counterparties,
        from_seconds: found[0].at_seconds,
        to_seconds: found[found.len() - 1].at_seconds,
        amount_minor: found.iter().map(|leg| leg.amount_minor).sum(),
        rows: found.iter().map(|leg| leg.row).collect(),
    })
}

/// Places of a stretch of legs and the distinct counterparties in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub counterparties: u32,
    pub first: usize,
    pub last: usize,
}

/// The stretch of at most `window_seconds` with the most distinct counterparties, the earliest of equals.
pub(crate) fn widest(list: &[Leg], window_seconds: i64) -> Option<Stretch> {
    if list.is_empty() {
        return None;
    }
    // Dense numbers for the counterparties, so that counting them is an array.
    let mut order: Vec<(u32, u32)> = list.iter().zip(0..).map(|(leg, place)| (leg.peer, place)).collect();
    order.sort_unstable();
    let (mut numbers, mut distinct) = (vec![0u32; list.len()], 0u32);
    for run in order.chunk_by(|a, b| a.0 == b.0) {
        run.iter().for_each(|&(_, place)| numbers[place as usize] = distinct);
        distinct += 1;
    }
    widest_in(list, &numbers, &mut vec![0; distinct as usize], window_seconds)
}

/// As [`widest`], where every leg's counterparty has a number and `counts` holds a 0 for each.
pub(crate) fn widest_in(list: &[Leg], numbers: &[u32], counts: &mut [u32], window_seconds: i64) -> Option<Stretch> {
    if list.is_empty() {
        return None;
    }
    let (mut first, mut present) = (0, 0u32);
    let mut best = Stretch { counterparties: 0, first: 0, last: 0 };
    for last in 0..list.len() {
        let count = &mut counts[numbers[last] as usize];
        *count += 1;
        present += u32::from(*count == 1);
        while list[last].at_seconds - list[first].at_seconds > window_seconds {
            let count = &mut counts[numbers[first] as usize];
            *count -= 1;
            present -= u32::from(*count == 0);
            first += 1;
        }
        if present > best.counterparties {
            best = Stretch { counterparties: present, first, last };
        } else if present == best.counterparties && first == best.first {
            best.last = last;
        }
    }
    Some(best)
}

/// Transfers up to which [`most_among_few`] counts.
pub(crate) const FEW: usize = 64;

/// The counterparties of [`widest_in`] among up to [`FEW`] legs where they are more than `least`, which is told otherwise.
pub(crate) fn most_among_few(list: &[Leg], numbers: &[u32], window_seconds: i64, least: u32) -> u32 {
    let mut most = least as usize;
    for (last, leg) in list.iter().enumerate() {
        // No more transfers than that have no more counterparties, and stretches of more are rare.
        let is_within = |other: &Leg| leg.at_seconds - other.at_seconds <= window_seconds;
        if last < most || !is_within(&list[last - most]) {
            continue;
        }
        let within = list[..=last].iter().zip(numbers).rev().take_while(|(other, _)| is_within(other));
        let counterparties = within.fold(0u64, |all, (_, number)| all | 1 << (number % FEW as u32));
        most = most.max(counterparties.count_ones() as usize);
    }
    most as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn the_widest_stretch_is_that_of_all_pairs_of_ends(
            legs in prop::collection::vec((0i64..60, 0u32..8), 1..30),
            window in 0i64..30,
        ) {
            let mut legs: Vec<Leg> =
                legs.iter().map(|&(at_seconds, peer)| Leg { at_seconds, peer, ..Leg::default() }).collect();
            legs.sort_by_key(|leg| leg.at_seconds);
            let mut most = 0;
            for first in 0..legs.len() {
                let until = legs[first].at_seconds + window;
                let peers: BTreeSet<u32> =
                    legs[first..].iter().filter(|leg| leg.at_seconds <= until).map(|leg| leg.peer).collect();
                most = most.max(peers.len());
            }
            let best = widest(&legs, window).unwrap();
            let numbers: Vec<u32> = legs.iter().map(|leg| leg.peer).collect();
            for least in 0..4 {
                prop_assert_eq!(most_among_few(&legs, &numbers, window, least), best.counterparties.max(least));
            }
            let inside: BTreeSet<u32> = legs[best.first..=best.last].iter().map(|leg| leg.peer).collect();
            prop_assert_eq!(best.counterparties as usize, most);
            prop_assert_eq!(inside.len(), most);
            prop_assert!(legs[best.last].at_seconds - legs[best.first].at_seconds <= window);
        }
    }
}
