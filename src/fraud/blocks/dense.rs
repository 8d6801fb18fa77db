//! One dense block, peeled exactly.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::edge_weight;

/// A block of payers and payees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DenseBlock {
    /// Its payers, ascending.
    pub payers: Vec<u32>,
    /// Its payees, ascending. An account may be on both sides.
    pub payees: Vec<u32>,
    /// Weight of its edges over the number of its accounts, both sides counted.
    pub density: f64,
}

/// The block with the highest weight of edges per account that greedy peeling finds: at least half as dense as the
/// densest there is. `pairs` are payer and payee, repeats count once; an edge weighs `1 / ln(payers of the payee + 5)`,
/// fixed before the peeling, so that payments to popular accounts cannot hide a block.
///
/// ```
/// use dandelion_credit::fraud::dense_block;
///
/// // Ten shops with ten customers each, and four puppets that pay all of three merchants.
/// let mut pairs: Vec<(u32, u32)> = (0..100).map(|customer| (100 + customer, customer % 10)).collect();
/// pairs.extend((0..12).map(|i| (200 + i / 3, 20 + i % 3)));
/// let block = dense_block(&pairs);
/// assert_eq!((&block.payers[..], &block.payees[..]), (&[200, 201, 202, 203][..], &[20, 21, 22][..]));
/// ```
///
/// # Complexity
/// The number of pairs times its logarithm.
#[must_use]
pub fn dense_block(pairs: &[(u32, u32)]) -> DenseBlock {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    pairs.dedup();
    let mut popularity: HashMap<u32, usize> = HashMap::new();
    pairs.iter().for_each(|pair| *popularity.entry(pair.1).or_default() += 1);
    peel_pairs(&pairs, |payee| popularity[&payee]).block
}

/// A peeling of pairs: its block, and the load of every account that is in a pair.
pub(super) struct Peeled {
    pub block: DenseBlock,
    pub payer_load: Vec<(u32, u64)>,
    pub payee_load: Vec<(u32, u64)>,
}

/// Peels distinct pairs, in ascending order, whose payees have `popularity` payers in all.
pub(super) fn peel_pairs(pairs: &[(u32, u32)], popularity: impl Fn(u32) -> usize) -> Peeled {
    let (payers, payees) = (distinct(pairs.iter().map(|pair| pair.0)), distinct(pairs.iter().map(|pair| pair.1)));
    let place = |list: &[u32], account: u32| list.partition_point(|&other| other < account);
    let edges: Vec<(u32, u32)> = pairs
        .iter()
        .map(|pair| (place(&payers, pair.0) as u32, (payers.len() + place(&payees, pair.1)) as u32))
        .collect();
    let weight: Vec<u64> = pairs.iter().map(|pair| edge_weight(popularity(pair.1))).collect();
    let kept = peel(payers.len() + payees.len(), &edges, &weight);
    let (payers_inside, payees_inside) = kept.inside.split_at(payers.len());
    let side = |list: &[u32], inside: &[bool]| {
        list.iter().zip(inside).filter(|(_, inside)| **inside).map(|(account, _)| *account).collect::<Vec<u32>>()
    };
    let (payer_load, payee_load) = kept.load.split_at(payers.len());
    let loads = |list: &[u32], load: &[u64]| list.iter().copied().zip(load.iter().copied()).collect();
    Peeled {
        block: DenseBlock {
            payers: side(&payers, payers_inside),
            payees: side(&payees, payees_inside),
            density: kept.density,
        },
        payer_load: loads(&payers, payer_load),
        payee_load: loads(&payees, payee_load),
    }
}

fn distinct(accounts: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut list: Vec<u32> = accounts.collect();
    list.sort_unstable();
    list.dedup();
    list
}

pub(super) struct Kept {
    pub inside: Vec<bool>,
    pub density: f64,
    /// What each node weighed when it was peeled. Laid on the end that goes first, edges load no node with more, and no
    /// block is denser than the heaviest load (Charikar 2000).
    pub load: Vec<u64>,
}

/// Peels the lightest node again and again, and keeps what was there when the density was highest.
pub(super) fn peel(nodes: usize, edges: &[(u32, u32)], weight: &[u64]) -> Kept {
    let mut start = vec![0u32; nodes + 1];
    for &(a, b) in edges {
        start[a as usize + 1] += 1;
        start[b as usize + 1] += 1;
    }
    for node in 0..nodes {
        start[node + 1] += start[node];
    }
    let mut next = start.clone();
    let mut around = vec![(0u32, 0u64); edges.len() * 2];
    let mut degree = vec![0u64; nodes];
    for (&(a, b), &weight) in edges.iter().zip(weight) {
        for (node, other) in [(a, b), (b, a)] {
            around[next[node as usize] as usize] = (other, weight);
            next[node as usize] += 1;
            degree[node as usize] += weight;
        }
    }
    let mut total: u64 = weight.iter().sum();
    let mut heap: BinaryHeap<Reverse<(u64, u32)>> = (0..).zip(&degree).map(|(node, &d)| Reverse((d, node))).collect();
    let mut order: Vec<u32> = Vec::with_capacity(nodes);
    let mut gone = vec![false; nodes];
    let mut load = vec![0u64; nodes];
    // Compared as fractions of whole numbers: the same on every machine.
    let (mut best, mut best_size) = (total, nodes.max(1));
    while let Some(Reverse((d, node))) = heap.pop() {
        if gone[node as usize] || d != degree[node as usize] {
            continue;
        }
        gone[node as usize] = true;
        load[node as usize] = d;
        order.push(node);
        total -= d;
        for &(other, weight) in &around[start[node as usize] as usize..start[node as usize + 1] as usize] {
            if !gone[other as usize] {
                degree[other as usize] -= weight;
                heap.push(Reverse((degree[other as usize], other)));
            }
        }
        let size = nodes - order.len();
        if size > 0 && u128::from(total) * best_size as u128 > u128::from(best) * size as u128 {
            (best, best_size) = (total, size);
        }
    }
    let mut inside = vec![true; nodes];
    order[..nodes - best_size.min(nodes)].iter().for_each(|&node| inside[node as usize] = false);
    Kept { inside, density: best as f64 / (1u64 << 20) as f64 / best_size as f64, load }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_a_block_of_nothing() {
        assert_eq!(dense_block(&[]), DenseBlock::default());
    }

    #[test]
    fn camouflage_does_not_hide_a_block() {
        let mut pairs: Vec<(u32, u32)> = (0..2_000).map(|i| (1_000 + i % 500, i % 7)).collect();
        let block: Vec<(u32, u32)> = (0..100).map(|i| (5_000 + i / 10, 6_000 + i % 10)).collect();
        pairs.extend(&block);
        // Every puppet also pays every popular shop.
        pairs.extend((0..70).map(|i| (5_000 + i / 7, i % 7)));
        let found = dense_block(&pairs);
        assert!((5_000..5_010).all(|puppet| found.payers.binary_search(&puppet).is_ok()));
        assert!((6_000..6_010).all(|payee| found.payees.binary_search(&payee).is_ok()));
        assert!(found.payers.len() <= 10, "{found:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// All subsets of a small world.
        #[test]
        fn the_block_is_at_least_half_as_dense_as_the_densest(pairs in prop::collection::btree_set((0u32..5, 5u32..9), 1..14)) {
            let pairs: Vec<(u32, u32)> = pairs.into_iter().collect();
            let payers = |payee: u32| pairs.iter().filter(|pair| pair.1 == payee).count();
            let density = |set: u32| {
                let within = pairs.iter().filter(|pair| set >> pair.0 & 1 == 1 && set >> pair.1 & 1 == 1);
                within.map(|pair| edge_weight(payers(pair.1)) as f64).sum::<f64>()
                    / f64::from(1 << 20) / f64::from(set.count_ones())
            };
            let best = (1u32..1 << 9).map(density).fold(0.0, f64::max);
            let found = dense_block(&pairs);
            let set = found.payers.iter().chain(&found.payees).fold(0u32, |set, &account| set | 1 << account);
            prop_assert!((density(set) - found.density).abs() < 1e-9);
            prop_assert!(found.density * 2.0 >= best - 1e-9 && found.density <= best + 1e-9);
        }
    }
}
