//! Two accounts with the same payers: a pool of puppets serves more than one applicant.

use crate::error::Result;
use crate::graph::temporal::Legs;
use crate::parallel::{map_chunks, sort_unstable, try_map_chunks};
use crate::progress::Progress;

use super::shape::shrink;
use super::sieve::Sieve;
use super::trail::mix;

/// Fewest payers of an account that can share a pool.
const FEWEST: usize = 4;
/// Fewest payers shared.
const SHARED: usize = 3;
/// An account with more transfers in is a hub: that the whole town pays it and the grocer too says nothing.
const HUB: usize = 1 << 13;
/// Accounts of one key that are compared with each other.
const GROUP: usize = 8;
/// Independent hashes; two sets of Jaccard index J meet in one of them with probability `1 − (1 − J²)⁴`.
const HASHES: u64 = 4;

/// For each account the largest `|A ∩ B| / min(|A|, |B|) × s(|A ∩ B|, 5)` over candidates B, and B. Candidates agree in
/// the two smallest hashes of their payers under one of four hash functions (Broder, "On the resemblance and containment
/// of documents", 1997).
pub(super) fn overlaps(legs: &impl Legs, progress: Progress<'_>) -> Result<Vec<(f32, u32)>> {
    const CHUNK: usize = 1 << 12;
    let accounts = legs.accounts();
    let keys = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("comparing payers", range.start as u64, accounts as u64)?;
        let mut keys: Vec<(u64, u32)> = Vec::new();
        for account in range {
            let received = legs.received(account as u32);
            if received.len() < FEWEST || received.len() > HUB {
                continue;
            }
            let mut smallest = [[u64::MAX; 2]; HASHES as usize];
            for leg in received {
                for (seed, two) in (1..).zip(&mut smallest) {
                    let hash = mix(u64::from(leg.peer) ^ seed << 40);
                    let next = if hash == two[0] { two[1] } else { two[1].min(hash.max(two[0])) };
                    *two = [hash.min(two[0]), next];
                }
            }
            for two in smallest {
                if two[1] != u64::MAX {
                    keys.push((mix(two[0]) ^ two[1], account as u32));
                }
            }
        }
        Ok(keys)
    })?;
    // Most keys are of one account alone.
    let mut sieve: Sieve = Sieve::default();
    sieve.clear(keys.iter().map(Vec::len).sum());
    keys.iter().flatten().for_each(|key| sieve.meet(key.0));
    let mut keys: Vec<(u64, u32)> = keys.into_iter().flatten().filter(|key| sieve.may_matter(key.0)).collect();
    drop(sieve);
    sort_unstable(&mut keys);
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for same in keys.chunk_by(|a, b| a.0 == b.0) {
        let same = &same[..same.len().min(GROUP)];
        for (place, one) in same.iter().enumerate() {
            pairs.extend(same[place + 1..].iter().map(|other| (one.1, other.1)));
        }
    }
    drop(keys);
    pairs.sort_unstable();
    pairs.dedup();
    let payers = |account: u32| {
        let mut payers: Vec<u32> = legs.received(account).iter().map(|leg| leg.peer).collect();
        payers.sort_unstable();
        payers.dedup();
        payers
    };
    let scored = map_chunks(pairs.len(), 1 << 10, |range| {
        let mut scored = Vec::new();
        for &(one, other) in &pairs[range] {
            let (a, b) = (payers(one), payers(other));
            let shared = a.iter().filter(|payer| b.binary_search(payer).is_ok()).count();
            let smaller = a.len().min(b.len());
            if shared >= SHARED && smaller >= FEWEST {
                let score = shared as f64 / smaller as f64 * shrink(shared, 5.0);
                scored.push((one, other, score as f32));
            }
        }
        scored
    });
    let mut best = vec![(0f32, 0u32); accounts];
    for (one, other, score) in scored.into_iter().flatten() {
        for (account, peer) in [(one, other), (other, one)] {
            if score > best[account as usize].0 {
                best[account as usize] = (score, peer);
            }
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::transfer::TransferColumns;

    #[test]
    fn a_pool_of_puppets_serves_two_merchants() {
        // 0 and 1 share 10..20; 2 has payers of its own, one of them from the pool.
        let (mut payer, mut payee) = (Vec::new(), Vec::new());
        for puppet in 10..20 {
            for merchant in [0, 1] {
                payer.push(puppet);
                payee.push(merchant);
            }
        }
        payer.extend(19..30);
        payee.extend([2; 11]);
        let index = TemporalIndex::build(&TransferColumns::of_pairs(&payer, &payee), 30, Progress::silent()).unwrap();
        let best = overlaps(&index, Progress::silent()).unwrap();
        let expected = (10.0 / 15.0) as f32;
        assert_eq!((best[0], best[1]), ((expected, 1), (expected, 0)));
        assert_eq!(best[2].0, 0.0);
    }
}
