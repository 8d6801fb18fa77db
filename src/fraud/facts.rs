//! What one pass over everybody's transfers tells: sets of accounts that keep expensive searches away from most others.

use crate::graph::temporal::{Leg, Legs};
use crate::parallel::map_chunks;

use super::config::AuditConfig;

/// Accounts of one piece of work; a multiple of the bits of a word.
const CHUNK: usize = 1 << 12;
/// Transfers to a payer among which the money that it forwards is looked for.
const LATEST: usize = 32;

/// A set of accounts, a bit each: small enough to stay in cache while accounts are looked up at random.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AccountSet(Vec<u64>);

impl AccountSet {
    pub fn contains(&self, account: u32) -> bool {
        self.0.get(account as usize / 64).is_some_and(|word| word >> (account % 64) & 1 == 1)
    }
}

/// A set of transfers that may hold a few others, too: a bit for every place that rows are dealt to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowSieve(Vec<u64>);

impl RowSieve {
    fn of(rows: &[u32], transfers: usize) -> Self {
        let mut words = vec![0u64; transfers.div_ceil(64).next_power_of_two()];
        let mask = words.len() - 1;
        rows.iter().for_each(|row| words[(*row as usize / 64) & mask] |= 1 << (row % 64));
        Self(words)
    }

    /// `false` means that `row` is not in the set.
    pub fn may_contain(&self, row: u32) -> bool {
        !self.0.is_empty() && self.0[(row as usize / 64) & (self.0.len() - 1)] >> (row % 64) & 1 == 1
    }
}

/// Who does what, as far as an account's own transfers tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Pays, and pays one other account only.
    pub pays_one: AccountSet,
    /// Has paid on, to somebody else and within the funding window, nearly what it was just paid.
    pub forwards: AccountSet,
    /// The transfers with which it did.
    pub forwarded: RowSieve,
    /// Has paid three different accounts within the window of scattering.
    pub scatters: AccountSet,
    /// Was paid by three different accounts.
    pub gathers: AccountSet,
}

impl Facts {
    pub fn of(legs: &impl Legs, config: &AuditConfig, scatter_window_seconds: i64) -> Self {
        let accounts = legs.accounts();
        let parts = map_chunks(accounts, CHUNK, |range| {
            let first = range.start;
            let mut words = [(); 4].map(|()| vec![0u64; range.len().div_ceil(64)]);
            let (mut rows, mut transfers) = (Vec::new(), 0);
            for account in range {
                let (received, sent) = (legs.received(account as u32), legs.sent(account as u32));
                let before = rows.len();
                transfers += sent.len();
                rows_forwarded(received, sent, config, &mut rows);
                let told = [
                    sole_payee(sent).is_some(),
                    rows.len() > before,
                    three_within(sent, scatter_window_seconds),
                    three_within(received, i64::MAX),
                ];
                for (words, told) in words.iter_mut().zip(told) {
                    words[(account - first) / 64] |= u64::from(told) << (account % 64);
                }
            }
            (words, rows, transfers)
        });
        let (mut sets, mut rows, mut transfers) = ([const { Vec::new() }; 4], Vec::new(), 0);
        for part in parts {
            sets.iter_mut().zip(part.0).for_each(|(set, words)| set.extend(words));
            rows.extend(part.1);
            transfers += part.2;
        }
        let [pays_one, forwards, scatters, gathers] = sets.map(AccountSet);
        Self { pays_one, forwards, forwarded: RowSieve::of(&rows, transfers), scatters, gathers }
    }
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
    source_among(leg, payee, &inflow[..until], config)
}

fn source_among<'l>(leg: &Leg, payee: u32, before: &'l [Leg], config: &AuditConfig) -> Option<&'l Leg> {
    before
        .iter()
        .rev()
        .take(LATEST)
        .take_while(|before| leg.at_seconds - before.at_seconds <= config.funding_window_seconds)
        .find(|before| before.peer != payee && near(leg.amount_minor, before.amount_minor, config.amount_tolerance))
}

fn near(one: i64, other: i64, tolerance: f64) -> bool {
    (one as f64 - other as f64).abs() <= one.max(other) as f64 * tolerance
}

/// The rows of the payments that have a [`source_of`].
fn rows_forwarded(received: &[Leg], sent: &[Leg], config: &AuditConfig, rows: &mut Vec<u32>) {
    let mut until = 0;
    for leg in sent.iter().filter(|leg| leg.amount_minor > 0) {
        while until < received.len() && received[until].at_seconds <= leg.at_seconds {
            until += 1;
        }
        if source_among(leg, leg.peer, &received[..until], config).is_some() {
            rows.push(leg.row);
        }
    }
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
            let config = AuditConfig { funding_window_seconds: window, ..AuditConfig::default() };
            let facts = Facts::of(&index, &config, window);
            for account in 0..6u32 {
                let sent: Vec<_> = rows.iter().filter(|row| row.0 == account && row.1 != account).collect();
                let received: Vec<_> = rows.iter().filter(|row| row.1 == account && row.0 != account).collect();
                let one = !sent.is_empty() && sent.iter().all(|row| row.1 == sent[0].1);
                prop_assert_eq!(facts.pays_one.contains(account), one);
                let forwarded = |out: &&(u32, u32, i64, i64)| received.iter().any(|into| {
                    out.2 > 0 && into.0 != out.1 && (0..=window).contains(&(out.3 - into.3))
                        && (out.2 - into.2).abs() as f64 <= out.2.max(into.2) as f64 * 0.1
                });
                let forwards = sent.iter().any(forwarded);
                for row in (0u32..).zip(&rows).filter(|(_, row)| row.0 == account && row.1 != account && forwarded(row)) {
                    prop_assert!(facts.forwarded.may_contain(row.0));
                }
                prop_assert_eq!(facts.forwards.contains(account), forwards);
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
            prop_assert!(!facts.pays_one.contains(64) && !facts.forwards.contains(u32::MAX));
        }
    }
}
