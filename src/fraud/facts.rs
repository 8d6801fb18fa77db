//! What one pass over everybody's transfers tells: sets of accounts that keep expensive searches away from most others.

use crate::graph::temporal::{Leg, Legs};
use crate::parallel::map_chunks;

use super::config::AuditConfig;

/// Accounts of one piece of work; a multiple of the bits of a word.
const CHUNK: usize = 1 << 12;
/// Transfers to a payer among which the money that it forwards is looked for.
pub(super) const LATEST: usize = 32;

/// A set of accounts, a bit each: small enough to stay in cache while accounts are looked up at random.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AccountSet(Vec<u64>);

impl AccountSet {
    pub fn contains(&self, account: u32) -> bool {
        self.0.get(account as usize / 64).is_some_and(|word| word >> (account % 64) & 1 == 1)
    }
}

/// Who does what, as far as an account's own transfers tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Pays, and pays one other account only.
    pub pays_one: AccountSet,
    /// The purse behind accounts that pay one other account only, where it is not that account; ascending.
    pub purses: Vec<(u32, u32)>,
    /// Has paid three different accounts within the window of scattering.
    pub scatters: AccountSet,
    /// Was paid by three different accounts.
    pub gathers: AccountSet,
}

impl Facts {
    pub fn of(legs: &impl Legs, scatter_window_seconds: i64) -> Self {
        let accounts = legs.accounts();
        let parts = map_chunks(accounts, CHUNK, |range| {
            let first = range.start;
            let mut words = [(); 3].map(|()| vec![0u64; range.len().div_ceil(64)]);
            let mut purses = Vec::new();
            for account in range {
                let own = account as u32;
                let (received, sent) = (legs.received(own), legs.sent(own));
                let payee = sole_payee(sent);
                if let Some(payee) = payee
                    && let Some(purse) = purse_of(received).filter(|&purse| purse != payee)
                {
                    purses.push((own, purse));
                }
                let told =
                    [payee.is_some(), three_within(sent, scatter_window_seconds), three_within(received, i64::MAX)];
                for (words, told) in words.iter_mut().zip(told) {
                    words[(account - first) / 64] |= u64::from(told) << (account % 64);
                }
            }
            (words, purses)
        });
        let (mut sets, mut purses) = ([const { Vec::new() }; 3], Vec::new());
        for part in parts {
            sets.iter_mut().zip(part.0).for_each(|(set, words)| set.extend(words));
            purses.extend(part.1);
        }
        let [pays_one, scatters, gathers] = sets.map(AccountSet);
        Self { pays_one, purses, scatters, gathers }
    }

    /// The purse behind `account`, which pays one other account only.
    pub fn purse(&self, account: u32) -> Option<u32> {
        let place = self.purses.binary_search_by_key(&account, |pair| pair.0).ok()?;
        Some(self.purses[place].1)
    }
}

/// The purse behind a puppet: who brought at least half of the money that an account received.
pub(super) fn purse_of(received: &[Leg]) -> Option<u32> {
    /// A puppet lives on a handful of transfers; somebody with more is not one.
    const MOST: usize = 1024;
    if received.is_empty() || received.len() > MOST {
        return None;
    }
    let mut sums: Vec<(u32, i64)> =
        received.iter().filter(|leg| leg.amount_minor > 0).map(|leg| (leg.peer, leg.amount_minor)).collect();
    sums.sort_unstable();
    let total: i64 = sums.iter().map(|sum| sum.1).sum();
    let half = |run: &&[(u32, i64)]| run.iter().map(|sum| sum.1).sum::<i64>() * 2 >= total.max(1);
    sums.chunk_by(|a, b| a.0 == b.0).find(half).map(|run| run[0].0)
}

/// The only payee among `sent`.
pub(super) fn sole_payee(sent: &[Leg]) -> Option<u32> {
    let first = sent.first()?.peer;
    sent.iter().all(|leg| leg.peer == first).then_some(first)
}

/// The transfer among `inflow`, in order of time, that a payer forwarded with `leg`: the latest one before it of nearly
/// the same amount, from somebody else than `leg` went to.
pub(super) fn source_of<'l>(leg: &Leg, payee: u32, inflow: &'l [Leg], config: &AuditConfig) -> Option<&'l Leg> {
    let until = inflow.partition_point(|before| before.at_seconds <= leg.at_seconds);
    source_among(leg, payee, inflow[..until].iter().rev().take(LATEST), config)
}

/// The same among the last [`LATEST`] transfers `before` it, the latest first, of which those of other amounts may be left out.
pub(super) fn source_among<'l>(
    leg: &Leg,
    payee: u32,
    before: impl Iterator<Item = &'l Leg>,
    config: &AuditConfig,
) -> Option<&'l Leg> {
    before
        .take_while(|before| leg.at_seconds - before.at_seconds <= config.funding_window_seconds)
        .find(|before| before.peer != payee && near(leg.amount_minor, before.amount_minor, config.amount_tolerance))
}

fn near(one: i64, other: i64, tolerance: f64) -> bool {
    (one as f64 - other as f64).abs() <= one.max(other) as f64 * tolerance
}

/// Whether three different counterparties moved money within `window_seconds`.
pub(super) fn three_within(list: &[Leg], window_seconds: i64) -> bool {
    // The counterparties met last, each with its latest time, the latest first.
    let mut latest: [Option<(u32, i64)>; 2] = [None; 2];
    list.iter().filter(|leg| leg.amount_minor > 0).any(|leg| {
        let now = Some((leg.peer, leg.at_seconds));
        match latest {
            [Some((one, _)), _] if one == leg.peer => latest[0] = now,
            [one, Some((other, _))] if other == leg.peer => latest = [now, one],
            [one, Some((_, before))] => {
                if leg.at_seconds.saturating_sub(before) <= window_seconds {
                    return true;
                }
                latest = [now, one];
            }
            [one, None] => latest = [now, one],
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::progress::Progress;
    use crate::transfer::{Transfer, Transfers};
    use proptest::prelude::*;

    proptest! {
        /// The slow twins look at every pair and every three transfers.
        #[test]
        fn facts_are_those_of_nested_loops(
            rows in prop::collection::vec((0u32..6, 0u32..6, -3i64..30, 0i64..40), 0..40), window in 1i64..30,
        ) {
            let pay = |&(payer, payee, amount_minor, at_seconds): &(u32, u32, i64, i64)| Transfer {
                payer: payer.into(), payee: payee.into(), amount_minor, at_seconds,
            };
            let all: Transfers = rows.iter().map(pay).collect();
            let index = TemporalIndex::build(&all.columns(), 6, Progress::silent()).unwrap();
            let facts = Facts::of(&index, window);
            for account in 0..6u32 {
                let sent: Vec<_> = rows.iter().filter(|row| row.0 == account && row.1 != account).collect();
                let received: Vec<_> = rows.iter().filter(|row| row.1 == account && row.0 != account).collect();
                let one = !sent.is_empty() && sent.iter().all(|row| row.1 == sent[0].1);
                prop_assert_eq!(facts.pays_one.contains(account), one);
                let all: i64 = received.iter().map(|row| row.2.max(0)).sum();
                let purse = (0..6u32).find(|&purse| {
                    let brought: Vec<i64> = received.iter().filter(|row| row.0 == purse && row.2 > 0).map(|row| row.2).collect();
                    !brought.is_empty() && brought.iter().sum::<i64>() * 2 >= all
                });
                prop_assert_eq!(facts.purse(account), purse.filter(|&purse| one && purse != sent[0].1));
                let three = |list: &[&(u32, u32, i64, i64)], peer: fn(&(u32, u32, i64, i64)) -> u32, window: i64| {
                    let list: Vec<_> = list.iter().filter(|row| row.2 > 0).collect();
                    list.iter().any(|a| list.iter().any(|b| list.iter().any(|c| {
                        let times = [a.3, b.3, c.3];
                        let [a, b, c] = [peer(a), peer(b), peer(c)];
                        a != b && b != c && a != c && times.iter().max().unwrap() - times.iter().min().unwrap() <= window
                    })))
                };
                prop_assert_eq!(facts.scatters.contains(account), three(&sent, |row| row.1, window));
                prop_assert_eq!(facts.gathers.contains(account), three(&received, |row| row.0, i64::MAX));
            }
            prop_assert!(!facts.pays_one.contains(64) && !facts.gathers.contains(u32::MAX));
        }
    }
}
