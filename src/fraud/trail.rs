//! The same odd amount moving on from account to account, in whatever order of time.
//!
//! Rings keep amounts but not always order: parts are paid ahead, ledgers keep only the day. Where an amount is rare in
//! the whole market, two transfers of it that meet at an account are hardly a coincidence. An amount counts as rare when
//! the different pairs of accounts that moved it, `d`, would by chance almost never meet: `d² ≤ 0.02 × accounts`.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::elementary::half_to_the;
use crate::error::Result;
use crate::graph::temporal::{Leg, Legs};
use crate::parallel::{map_chunks, sort_unstable, try_map_chunks};
use crate::progress::Progress;

use super::patterns::Patterns;
use super::sieve::Sieve;

/// Transfers of one amount above which nobody asks whether it is rare.
const MOST_ROWS: u8 = 200;
/// Different pairs of accounts above which an amount is common in any market.
const MOST_PAIRS: f64 = 64.0;
const CHUNK: usize = 1 << 12;
/// Receipts of an account that are looked through for an amount.
const MOST_LOOKED_AT: usize = 1 << 10;
/// Transfers of rare amounts that are held at a time.
const HELD: u64 = 1 << 22;

/// A well-mixed number: splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
pub(super) const fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One transfer of a rare amount.
type Move = (i64, u32, u32, u32);

/// How many transfers there are of each amount that some account was paid and paid on; open addressing, 0 where free.
struct Counters {
    amounts: Vec<i64>,
    /// Amounts that found no cell near their own, ascending.
    aside: Vec<i64>,
    /// Those of the cells, then those of the amounts aside.
    counts: Vec<AtomicU8>,
}

/// Cells that are looked at before an amount goes aside: the most that amounts chosen to collide can cost.
const PROBES: usize = 64;

impl Counters {
    fn of(mut all: Vec<i64>) -> Self {
        sort_unstable(&mut all);
        all.dedup();
        let size = (all.len() * 4).max(1).next_power_of_two();
        let (mut amounts, mut aside) = (vec![0i64; size], Vec::new());
        for amount in all {
            match cells_of(amount, size).find(|&cell| amounts[cell] == 0) {
                Some(cell) => amounts[cell] = amount,
                None => aside.push(amount),
            }
        }
        let counts = (0..size + aside.len()).map(|_| AtomicU8::new(0)).collect();
        Self { amounts, aside, counts }
    }

    /// The amounts that are rare and moved twice at least, among few others.
    fn sieve(&self) -> Sieve {
        let mut sieve = Sieve::default();
        sieve.clear(self.amounts.len() / 4 + self.aside.len());
        for (&amount, count) in self.amounts.iter().chain(&self.aside).zip(&self.counts) {
            if (2..=MOST_ROWS).contains(&count.load(Ordering::Relaxed)) {
                sieve.meet(amount as u64);
                sieve.meet(amount as u64);
            }
        }
        sieve
    }

    /// The counter of `amount` as long as it may be rare.
    fn rare(&self, amount: i64) -> Option<&AtomicU8> {
        let size = self.amounts.len();
        let cell = cells_of(amount, size).find(|&cell| self.amounts[cell] == amount || self.amounts[cell] == 0);
        let place = match cell {
            Some(cell) => (self.amounts[cell] == amount).then_some(cell)?,
            None => size + self.aside.binary_search(&amount).ok()?,
        };
        let count = &self.counts[place];
        (count.load(Ordering::Relaxed) <= MOST_ROWS).then_some(count)
    }
}

/// The cells in which `amount` may be, of a power of two in all.
fn cells_of(amount: i64, all: usize) -> impl Iterator<Item = usize> {
    let home = mix(amount as u64) as usize;
    (0..PROBES.min(all)).map(move |step| home.wrapping_add(step) & (all - 1))
}

/// The trails of the market.
pub(super) fn trails(legs: &impl Legs, progress: Progress<'_>) -> Result<Patterns> {
    let accounts = legs.accounts();
    let paid_on = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("looking for amounts paid on", range.start as u64, accounts as u64)?;
        let (mut amounts, mut sieve) = (Vec::new(), Vec::new());
        for account in range {
            let account = account as u32;
            amounts_paid_on(legs.received(account), legs.sent(account), &mut sieve, &mut amounts);
        }
        amounts.sort_unstable();
        amounts.dedup();
        Ok(amounts)
    })?;
    let counters = Counters::of(paid_on.concat());
    try_map_chunks(accounts, CHUNK, |range| {
        progress.step("counting amounts", range.start as u64, accounts as u64)?;
        for leg in range.flat_map(|account| legs.sent(account as u32)).filter(|leg| leg.amount_minor > 0) {
            // Adding beyond the threshold changes nothing, and racing threads overshoot by less than what is left.
            if let Some(count) = counters.rare(leg.amount_minor) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    })?;
    let counts = counters.counts.iter().map(|count| u64::from(count.load(Ordering::Relaxed)));
    let rare: u64 = counts.filter(|&n| n <= u64::from(MOST_ROWS)).sum();
    let shards = rare.div_ceil(HELD).max(1);
    let sieve = counters.sieve();
    let mut found = Patterns::default();
    for shard in 0..shards {
        let moves = try_map_chunks(accounts, CHUNK, |range| {
            progress.step(
                "following odd amounts",
                shard * accounts as u64 + range.start as u64,
                shards * accounts as u64,
            )?;
            let mut moves: Vec<Move> = Vec::new();
            for account in range {
                for leg in legs.sent(account as u32) {
                    let amount = leg.amount_minor;
                    let here = || shards == 1 || mix(!amount as u64) % shards == shard;
                    if amount > 0 && sieve.may_matter(amount as u64) && counters.rare(amount).is_some() && here() {
                        moves.push((amount, account as u32, leg.peer, leg.row));
                    }
                }
            }
            Ok(moves)
        })?;
        let mut moves: Vec<Move> = moves.concat();
        sort_unstable(&mut moves);
        let runs: Vec<&[Move]> = moves.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1).collect();
        let parts = map_chunks(runs.len(), CHUNK, |range| {
            let mut found = Patterns::default();
            runs[range].iter().for_each(|same| follow(same, accounts, &mut found));
            found
        });
        parts.into_iter().for_each(|part| found.append(part));
    }
    Ok(found.seal())
}

/// Adds the amounts that an account was paid by one and paid to another, and a few more at accounts with many receipts: no
/// other amount makes a trail. Most payments are told by a bit in the nearest cache that nothing of their amount came in.
fn amounts_paid_on(received: &[Leg], sent: &[Leg], sieve: &mut Vec<u64>, amounts: &mut Vec<i64>) {
    if received.is_empty() || sent.is_empty() {
        return;
    }
    let words = (received.len() / 4 + 1).next_power_of_two();
    sieve.clear();
    sieve.resize(words, 0);
    let bit = |amount: i64| {
        let hash = (amount as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        ((hash >> 6) as usize & (words - 1), 1u64 << (hash & 63))
    };
    for leg in received {
        let (word, bit) = bit(leg.amount_minor);
        sieve[word] |= bit;
    }
    for out in sent.iter().filter(|out| out.amount_minor > 0) {
        let (word, bit) = bit(out.amount_minor);
        let came = || received.iter().any(|into| into.amount_minor == out.amount_minor && into.peer != out.peer);
        if sieve[word] & bit != 0 && (received.len() > MOST_LOOKED_AT || came()) {
            amounts.push(out.amount_minor);
        }
    }
}

/// The trails among all transfers of one amount, which ascend by payer and payee.
fn follow(moves: &[Move], accounts: usize, found: &mut Patterns) {
    let mut pairs: Vec<(u32, u32)> = moves.iter().map(|step| (step.1, step.2)).collect();
    pairs.dedup();
    let limit = (0.02 * accounts as f64).sqrt().clamp(2.0, MOST_PAIRS);
    if pairs.len() < 2 || pairs.len() as f64 > limit {
        return;
    }
    // A pair belongs to a trail if another pair goes on from it, or came before it, over a third account.
    let meets = |one: &(u32, u32), other: &(u32, u32)| one.1 == other.0 && one.0 != other.1;
    let on_trail: Vec<(u32, u32)> = pairs
        .iter()
        .copied()
        .filter(|pair| pairs.iter().any(|other| meets(pair, other) || meets(other, pair)))
        .collect();
    let mut left = on_trail;
    while let Some(&first) = left.first() {
        let mut trail = vec![first];
        left.remove(0);
        let mut next = 0;
        while next < trail.len() {
            let here = trail[next];
            let touches =
                |pair: &(u32, u32)| [pair.0, pair.1].iter().any(|account| *account == here.0 || *account == here.1);
            trail.extend(left.iter().copied().filter(touches));
            left.retain(|pair| !touches(pair));
            next += 1;
        }
        let mut members: Vec<u32> = trail.iter().flat_map(|pair| [pair.0, pair.1]).collect();
        members.sort_unstable();
        members.dedup();
        if members.len() < 3 {
            continue;
        }
        let strength = if comes_back(&trail) { 1.0 } else { 1.0 - half_to_the(trail.len() as u32) as f32 };
        let on = |step: &&Move| trail.contains(&(step.1, step.2));
        found.add(strength, moves.iter().filter(on).map(|step| step.3).collect(), members);
    }
}

/// Whether some circle of three accounts or more is left once dead ends are cut off.
pub(super) fn comes_back(trail: &[(u32, u32)]) -> bool {
    let mut members: Vec<u32> = trail.iter().flat_map(|pair| [pair.0, pair.1]).collect();
    members.sort_unstable();
    members.dedup();
    let place = |account: u32| members.partition_point(|&other| other < account);
    let mut around: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    let (mut out, mut into) = (vec![0u32; members.len()], vec![0u32; members.len()]);
    for (number, &(payer, payee)) in trail.iter().enumerate() {
        let (payer, payee) = (place(payer), place(payee));
        out[payer] += 1;
        into[payee] += 1;
        around[payer].push(number);
        around[payee].push(number);
    }
    let mut left = members.len();
    let mut ends: Vec<usize> = (0..members.len()).filter(|&at| out[at] == 0 || into[at] == 0).collect();
    let (mut gone, mut cut) = (vec![false; members.len()], vec![false; trail.len()]);
    while let Some(end) = ends.pop() {
        if std::mem::replace(&mut gone[end], true) {
            continue;
        }
        left -= 1;
        for &number in &around[end] {
            if std::mem::replace(&mut cut[number], true) {
                continue;
            }
            let (payer, payee) = (place(trail[number].0), place(trail[number].1));
            out[payer] -= 1;
            into[payee] -= 1;
            ends.extend([payer, payee].into_iter().filter(|&at| out[at] == 0 || into[at] == 0));
        }
    }
    left >= 3
}

/// The strongest of some patterns; what tests compare.
#[cfg(test)]
fn strongest<'a>(patterns: impl Iterator<Item = &'a super::patterns::Pattern>) -> Option<&'a super::patterns::Pattern> {
    patterns.max_by(|a, b| a.strength.total_cmp(&b.strength))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::transfer::{Transfer, Transfers};

    fn found(rows: &[(u32, u32, i64)]) -> Patterns {
        let pay = |&(payer, payee, amount_minor): &(u32, u32, i64)| Transfer {
            payer: payer.into(),
            payee: payee.into(),
            amount_minor,
            at_seconds: 0,
        };
        let transfers: Transfers = rows.iter().map(pay).collect();
        let index = TemporalIndex::build(&transfers.columns(), 1_000, Progress::silent()).unwrap();
        trails(&index, Progress::silent()).unwrap()
    }

    #[test]
    fn an_odd_amount_is_followed_and_a_common_one_is_not() {
        let mut rows = vec![(5, 6, 1_151), (6, 7, 1_151), (7, 5, 1_151), (7, 5, 1_151), (8, 9, 333), (9, 10, 333)];
        rows.extend((0..40).map(|i| (i, i + 1, 1_000)));
        let patterns = found(&rows);
        let circle = strongest(patterns.of(6)).unwrap();
        assert_eq!((circle.strength, &circle.rows[..]), (1.0, &[0, 1, 2, 3][..]));
        let chain = strongest(patterns.of(9)).unwrap();
        assert_eq!((chain.strength, &chain.rows[..]), (0.75, &[4, 5][..]));
        assert!(patterns.of(20).next().is_none(), "forty people moved that amount");
    }

    proptest::proptest! {
        /// The slow twin asks every pair for another before and behind it, again and again.
        #[test]
        fn what_comes_back_is_left_when_dead_ends_are_cut(
            pairs in proptest::collection::btree_set((0u32..7, 0u32..7), 0..12),
        ) {
            let trail: Vec<(u32, u32)> = pairs.into_iter().filter(|pair| pair.0 != pair.1).collect();
            let mut core = trail.clone();
            for _ in 0..=trail.len() {
                let all = core.clone();
                core.retain(|pair| all.iter().any(|to| to.0 == pair.1) && all.iter().any(|from| from.1 == pair.0));
            }
            let members: std::collections::BTreeSet<u32> = core.iter().map(|pair| pair.0).collect();
            proptest::prop_assert_eq!(comes_back(&trail), members.len() >= 3);
        }
    }

    #[test]
    fn amounts_chosen_to_collide_are_counted_all_the_same() {
        let size = 1 << 11;
        let all: Vec<i64> = (1..).filter(|&amount| mix(amount as u64) as usize % size == 7).take(400).collect();
        let counters = Counters::of(all.clone());
        assert_eq!((counters.amounts.len(), counters.aside.len()), (size, all.len() - PROBES));
        for (place, &amount) in all.iter().enumerate() {
            counters.rare(amount).unwrap().store((place % 200) as u8, Ordering::Relaxed);
        }
        for (place, &amount) in all.iter().enumerate() {
            assert_eq!(counters.rare(amount).unwrap().load(Ordering::Relaxed), (place % 200) as u8);
        }
        assert!(counters.rare(all[399] + 1).is_none() && Counters::of(Vec::new()).rare(5).is_none());
        let next = (all[399] + 1..).find(|&amount| mix(amount as u64) as usize % size == 7).unwrap();
        assert!(counters.rare(next).is_none());
    }

    #[test]
    fn paying_one_another_back_is_no_trail() {
        assert!(found(&[(1, 2, 777), (2, 1, 777)]).of(1).next().is_none());
        assert!(found(&[(1, 2, 777), (1, 3, 777)]).of(1).next().is_none(), "a price list is none either");
    }
}
