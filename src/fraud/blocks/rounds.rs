//! The dense blocks of a whole market.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::temporal::Legs;
use crate::parallel::map_chunks;
use crate::progress::Progress;

use super::super::patterns::Patterns;
use super::dense::peel;
use super::edge_weight;

const CHUNK: usize = 1 << 12;
/// Blocks told; each later one leaves the payees of the earlier ones out.
const BLOCKS: u64 = 3;
/// A block is told when it is denser than this multiple of the whole market.
const TELLING: u64 = 3;
/// Rounds of a peeling; each takes away a fixed share of the edges at least, so that few remain.
const ROUNDS: u64 = 40;
/// Edges that are peeled one account at a time.
const EXACT: usize = 1 << 16;
/// Transfers in the evidence of a block.
const EVIDENCE: usize = 256;

/// The densest blocks, by member.
///
/// # Complexity
/// Two passes over the relations. In a block everybody weighs at least its density, so whoever weighs less than what is
/// told at all is left out at once, which in a market of shops and customers is nearly everybody; what remains is peeled in
/// rounds while it is large, and one account at a time when it is small.
pub(super) fn dense_blocks(graph: &TransferGraph, legs: &impl Legs, progress: Progress<'_>) -> Result<Patterns> {
    let accounts = graph.accounts();
    progress.step("peeling dense blocks", 0, BLOCKS + 1)?;
    // What an edge to each account weighs, and all edges to it together.
    let into: Vec<(u32, u64)> = map_chunks(accounts, CHUNK, |range| {
        let payers = |account| graph.row(account).filter(|&slot| graph.counts(slot).received > 0).count();
        let weigh = |payers: usize| (edge_weight(payers) as u32, edge_weight(payers) * payers as u64);
        range.map(|account| weigh(payers(account))).collect::<Vec<_>>()
    })
    .concat();
    let weight: Vec<u32> =
        map_chunks(accounts, CHUNK, |range| into[range].iter().map(|pair| pair.0).collect::<Vec<_>>()).concat();
    let out: Vec<u64> = map_chunks(accounts, CHUNK, |range| {
        let load = |account: usize| {
            let slots = graph.row(account).zip(graph.neighbours(account as u32));
            let paid = slots.filter(|(slot, _)| graph.counts(*slot).sent > 0);
            paid.map(|(_, &payee)| u64::from(weight[payee as usize])).sum()
        };
        range.map(load).collect::<Vec<u64>>()
    })
    .concat();
    let total: u64 = out.iter().sum();
    let size = out.iter().filter(|&&load| load > 0).count() + into.iter().filter(|pair| pair.1 > 0).count();
    if total == 0 {
        return Ok(Patterns::default());
    }
    let least = TELLING * total / size as u64;
    let mut core = Core::of(graph, |payer| out[payer] >= least, |payee| into[payee].1 >= least, &weight);
    let mut found = Patterns::default();
    for number in 0..BLOCKS {
        progress.step("peeling dense blocks", number + 1, BLOCKS + 1)?;
        core.prune(least);
        let Some((inside, density)) = core.densest() else { break };
        let strength = (1.0 - TELLING as f64 * total as f64 / size as f64 / density).max(0.0) as f32;
        if strength > 0.0 {
            let (payers, payees) = core.members(&inside);
            let mut rows = Vec::new();
            for &payee in &payees {
                let within = legs.received(payee).iter().filter(|leg| payers.binary_search(&leg.peer).is_ok());
                rows.extend(within.take(EVIDENCE - rows.len()).map(|leg| leg.row));
            }
            found.add(strength, rows, payers.into_iter().chain(payees));
        }
        let payees = core.payers..inside.len();
        core.edges.retain(|edge| !(payees.contains(&(edge.1 as usize)) && inside[edge.1 as usize]));
    }
    Ok(found.seal())
}

/// The part of a market in which a block may lie: payers first, then payees, as numbers of their own.
struct Core {
    /// The account behind each number; ascending on each side.
    accounts: Vec<u32>,
    /// How many of the numbers are payers.
    payers: usize,
    edges: Vec<(u32, u32)>,
    /// What an edge to each number weighs.
    weight: Vec<u64>,
}

impl Core {
    fn of(
        graph: &TransferGraph,
        pays: impl Fn(usize) -> bool + Sync,
        is_paid: impl Fn(usize) -> bool + Sync,
        weight: &[u32],
    ) -> Self {
        let pairs = map_chunks(graph.accounts(), CHUNK, |range| {
            let mut pairs: Vec<(u32, u32)> = Vec::new();
            for account in range.filter(|&account| pays(account)) {
                for (slot, &peer) in graph.row(account).zip(graph.neighbours(account as u32)) {
                    if is_paid(peer as usize) && graph.counts(slot).sent > 0 {
                        pairs.push((account as u32, peer));
                    }
                }
            }
            pairs
        })
        .concat();
        let mut accounts: Vec<u32> = pairs.iter().map(|pair| pair.0).collect();
        accounts.dedup();
        let payers = accounts.len();
        let mut payees: Vec<u32> = pairs.iter().map(|pair| pair.1).collect();
        payees.sort_unstable();
        payees.dedup();
        let mut payer = 0;
        let edges = pairs.iter().map(|pair| {
            while accounts[payer] < pair.0 {
                payer += 1;
            }
            (payer as u32, (payers + payees.partition_point(|&other| other < pair.1)) as u32)
        });
        let edges = edges.collect();
        accounts.extend(payees);
        let weight = accounts.iter().map(|&account| u64::from(weight[account as usize])).collect();
        Self { accounts, payers, edges, weight }
    }

    /// What every number weighs among the edges that are left.
    fn loads(&self) -> Vec<u64> {
        let mut loads = vec![0u64; self.accounts.len()];
        for &(payer, payee) in &self.edges {
            loads[payer as usize] += self.weight[payee as usize];
            loads[payee as usize] += self.weight[payee as usize];
        }
        loads
    }

    /// Takes away, again and again, whoever weighs less than `least`.
    fn prune(&mut self, least: u64) {
        for _ in 0..ROUNDS {
            let loads = self.loads();
            let before = self.edges.len();
            self.edges.retain(|edge| loads[edge.0 as usize] >= least && loads[edge.1 as usize] >= least);
            if self.edges.len() == before {
                return;
            }
        }
    }

    /// The densest block met while peeling, as numbers that are inside, and its density.
    fn densest(&self) -> Option<(Vec<bool>, f64)> {
        let mut left =
            Self { accounts: self.accounts.clone(), edges: self.edges.clone(), weight: self.weight.clone(), ..*self };
        let mut best: Option<(Vec<bool>, f64)> = None;
        for _ in 0..ROUNDS {
            if left.edges.len() <= EXACT {
                break;
            }
            let loads = left.loads();
            let size = loads.iter().filter(|&&load| load > 0).count();
            // Every edge loads both of its ends.
            let density = loads.iter().sum::<u64>() as f64 / 2.0 / size as f64;
            if best.as_ref().is_none_or(|best| density > best.1) {
                best = Some((loads.iter().map(|&load| load > 0).collect(), density));
            }
            // Only a block much denser than the whole is told. If nobody is lighter than that, thin out faster.
            let mut limit = (density * 1.6) as u64;
            if !loads.iter().any(|&load| load > 0 && load <= limit) {
                limit = (density * 2.1) as u64;
            }
            left.edges.retain(|edge| loads[edge.0 as usize] > limit && loads[edge.1 as usize] > limit);
        }
        if !left.edges.is_empty() && left.edges.len() <= EXACT {
            let (inside, density) = left.peel_exactly();
            if best.as_ref().is_none_or(|best| density > best.1) {
                best = Some((inside, density));
            }
        }
        best
    }

    fn peel_exactly(&self) -> (Vec<bool>, f64) {
        let mut numbers: Vec<u32> = self.edges.iter().flat_map(|edge| [edge.0, edge.1]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let place = |number: u32| numbers.partition_point(|&other| other < number) as u32;
        let edges: Vec<(u32, u32)> = self.edges.iter().map(|edge| (place(edge.0), place(edge.1))).collect();
        let weights: Vec<u64> = self.edges.iter().map(|edge| self.weight[edge.1 as usize]).collect();
        let kept = peel(numbers.len(), &edges, &weights);
        let mut inside = vec![false; self.accounts.len()];
        numbers.iter().zip(kept.inside).for_each(|(&number, kept)| inside[number as usize] = kept);
        (inside, kept.density * f64::from(1 << 20))
    }

    /// Payers and payees that are inside, ascending.
    fn members(&self, inside: &[bool]) -> (Vec<u32>, Vec<u32>) {
        let side = |range: std::ops::Range<usize>| {
            range.filter(|&number| inside[number]).map(|number| self.accounts[number]).collect::<Vec<u32>>()
        };
        (side(0..self.payers), side(self.payers..self.accounts.len()))
    }
}
