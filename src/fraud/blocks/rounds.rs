//! The blocks of a whole market.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::temporal::Legs;
use crate::parallel::{map_chunks, try_map_chunks};
use crate::progress::Progress;

use super::super::patterns::Patterns;
use super::dense::peel;
use super::edge_weight;
use super::flow::{FlowEdge, flow_block};

const CHUNK: usize = 1 << 12;
/// Blocks told; each later one leaves the payees of the earlier ones out.
const BLOCKS: usize = 3;
/// Rounds of a peeling; each takes away a fixed share of the edges at least, so that few remain.
const ROUNDS: u64 = 40;
/// Edges of a block that is peeled once more, exactly.
const EXACT: usize = 1 << 16;
/// Transfers in the evidence of a block.
const EVIDENCE: usize = 256;
/// Accounts with the largest sums let through, among which a layer is looked for, and their relations.
const MIDDLE: usize = 1 << 12;
const MIDDLE_EDGES: usize = 1 << 17;

/// Both kinds of blocks, by member.
#[derive(Debug, Default)]
pub(in super::super) struct MarketBlocks {
    pub dense: Patterns,
    pub layers: Patterns,
}

/// The dense blocks and the flow-through layer of a market.
pub(in super::super) fn market_blocks(
    graph: &TransferGraph,
    legs: &impl Legs,
    progress: Progress<'_>,
) -> Result<MarketBlocks> {
    Ok(MarketBlocks { dense: dense_blocks(graph, legs, progress)?, layers: layers(graph, legs, progress)? })
}

/// Which accounts are still in, on each side.
#[derive(Clone)]
struct Present {
    payer: Vec<bool>,
    payee: Vec<bool>,
}

fn dense_blocks(graph: &TransferGraph, legs: &impl Legs, progress: Progress<'_>) -> Result<Patterns> {
    let accounts = graph.accounts();
    let weight: Vec<u32> = map_chunks(accounts, CHUNK, |range| {
        let payers = |account| graph.row(account).filter(|&slot| graph.counts(slot).received > 0).count();
        range.map(|account| edge_weight(payers(account)) as u32).collect::<Vec<u32>>()
    })
    .concat();
    let mut start = Present { payer: vec![true; accounts], payee: vec![true; accounts] };
    let mut found = Patterns::default();
    let mut whole = None;
    for number in 0..BLOCKS {
        let (block, first_density) = peel_in_rounds(graph, &weight, start.clone(), number as u64, progress)?;
        let whole = *whole.get_or_insert(first_density);
        let pairs = pairs_within(graph, &block);
        if pairs.is_empty() {
            break;
        }
        let (payers, payees, density) = refine(&pairs, &weight, accounts);
        let strength = (1.0 - 3.0 * whole / density).max(0.0) as f32;
        payees.iter().for_each(|&payee| start.payee[payee as usize] = false);
        if strength > 0.0 {
            let mut rows = Vec::new();
            for &payee in &payees {
                let within = legs.received(payee).iter().filter(|leg| payers.binary_search(&leg.peer).is_ok());
                rows.extend(within.take(EVIDENCE - rows.len()).map(|leg| leg.row));
            }
            found.add(strength, rows, payers.into_iter().chain(payees));
        }
    }
    Ok(found.seal())
}

/// Takes away, round by round, everything that weighs no more than the density, and gives back what was there when the
/// density was highest, and the density at the start.
fn peel_in_rounds(
    graph: &TransferGraph,
    weight: &[u32],
    mut present: Present,
    number: u64,
    progress: Progress<'_>,
) -> Result<(Present, f64)> {
    let accounts = graph.accounts();
    let mut best = (0.0f64, present.clone());
    let mut first = 0.0;
    let mut active: Vec<u32> = (0..accounts as u32).collect();
    for round in 0..ROUNDS {
        progress.step("peeling dense blocks", number * ROUNDS + round, BLOCKS as u64 * ROUNDS)?;
        active.retain(|&account| present.payer[account as usize] || present.payee[account as usize]);
        let parts = try_map_chunks(active.len(), CHUNK, |range| {
            Ok(active[range]
                .iter()
                .map(|&account| {
                    let account = account as usize;
                    let (mut out, mut payers) = (0u64, 0u64);
                    for (slot, &peer) in graph.row(account).zip(graph.neighbours(account as u32)) {
                        let peer = peer as usize;
                        if present.payee[peer] || present.payer[peer] {
                            let counts = graph.counts(slot);
                            out += u64::from(weight[peer]) * u64::from(counts.sent > 0 && present.payee[peer]);
                            payers += u64::from(counts.received > 0 && present.payer[peer]);
                        }
                    }
                    let out = if present.payer[account] { out } else { 0 };
                    let into = if present.payee[account] { payers * u64::from(weight[account]) } else { 0 };
                    (out, into)
                })
                .collect::<Vec<(u64, u64)>>())
        })?;
        let degrees = parts.concat();
        // Whoever has no edge left is out at once and counts nowhere.
        let (mut total, mut size) = (0u64, 0u64);
        for (&account, &(out, into)) in active.iter().zip(&degrees) {
            let account = account as usize;
            present.payer[account] &= out > 0;
            present.payee[account] &= into > 0;
            total += out;
            size += u64::from(out > 0) + u64::from(into > 0);
        }
        if size == 0 {
            break;
        }
        let density = total as f64 / size as f64;
        if round == 0 {
            first = density / f64::from(1 << 20);
        }
        if density > best.0 {
            best = (density, present.clone());
        }
        // In a block everybody weighs at least its density, and only a block much denser than the whole is told. If nobody
        // is lighter than that here, thin out faster.
        let mut limit = (density * 1.6) as u64;
        let light = |&(out, into): &(u64, u64), limit: u64| (out > 0 && out <= limit) || (into > 0 && into <= limit);
        if !degrees.iter().any(|degree| light(degree, limit)) {
            limit = (density * 2.1) as u64;
        }
        for (&account, &(out, into)) in active.iter().zip(&degrees) {
            let account = account as usize;
            present.payer[account] &= out > limit;
            present.payee[account] &= into > limit;
        }
    }
    Ok((best.1, first))
}

fn pairs_within(graph: &TransferGraph, block: &Present) -> Vec<(u32, u32)> {
    let parts = map_chunks(graph.accounts(), CHUNK, |range| {
        let mut pairs = Vec::new();
        for account in range.filter(|&account| block.payer[account]) {
            for (slot, &peer) in graph.row(account).zip(graph.neighbours(account as u32)) {
                if block.payee[peer as usize] && graph.counts(slot).sent > 0 {
                    pairs.push((account as u32, peer));
                }
            }
        }
        pairs
    });
    parts.concat()
}

/// Payers, payees and density of the block, peeled exactly when it is small enough.
fn refine(pairs: &[(u32, u32)], weight: &[u32], accounts: usize) -> (Vec<u32>, Vec<u32>, f64) {
    let mut payers: Vec<u32> = pairs.iter().map(|pair| pair.0).collect();
    payers.dedup();
    let mut payees: Vec<u32> = pairs.iter().map(|pair| pair.1).collect();
    payees.sort_unstable();
    payees.dedup();
    let weights: Vec<u64> = pairs.iter().map(|pair| u64::from(weight[pair.1 as usize])).collect();
    let nodes = payers.len() + payees.len();
    if pairs.len() > EXACT || accounts == 0 {
        let density = weights.iter().sum::<u64>() as f64 / f64::from(1 << 20) / nodes as f64;
        return (payers, payees, density);
    }
    let edges: Vec<(u32, u32)> = pairs
        .iter()
        .map(|pair| {
            let payer = payers.partition_point(|&other| other < pair.0);
            let payee = payees.partition_point(|&other| other < pair.1);
            (payer as u32, (payers.len() + payee) as u32)
        })
        .collect();
    let kept = peel(nodes, &edges, &weights);
    let count = payers.len();
    let side = |list: &[u32], from: usize| -> Vec<u32> {
        (0..list.len()).filter(|&place| kept.inside[from + place]).map(|place| list[place]).collect()
    };
    (side(&payers, 0), side(&payees, count), kept.density)
}

/// The layer among the accounts that let the most money through.
fn layers(graph: &TransferGraph, legs: &impl Legs, progress: Progress<'_>) -> Result<Patterns> {
    const LAMBDA: f64 = 0.25;
    let accounts = graph.accounts();
    let parts = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("looking for layers", range.start as u64, accounts as u64)?;
        let mut found = Vec::new();
        for account in range {
            let (mut got, mut gave) = (0i64, 0i64);
            for slot in graph.row(account) {
                let relation = graph.relation_in(slot);
                got += relation.received_minor.max(0);
                gave += relation.sent_minor.max(0);
            }
            // What stays is at most a fifth of what moves.
            if got > 0 && gave > 0 && got.abs_diff(gave) * 5 <= got.max(gave) as u64 {
                found.push((std::cmp::Reverse(got.min(gave)), account as u32));
            }
        }
        Ok(found)
    })?;
    let mut middle: Vec<(std::cmp::Reverse<i64>, u32)> = parts.concat();
    middle.sort_unstable();
    middle.truncate(MIDDLE);
    let mut edges: Vec<FlowEdge> = Vec::new();
    for &(_, account) in &middle {
        if edges.len() + graph.degree(account) > MIDDLE_EDGES {
            continue;
        }
        for relation in graph.relations_of(account) {
            let peer = relation.counterparty.get();
            for (payer, payee, amount_minor) in
                [(account, peer, relation.sent_minor), (peer, account, relation.received_minor)]
            {
                if amount_minor > 0 {
                    edges.push(FlowEdge { payer, payee, amount_minor });
                }
            }
        }
    }
    // A relation between two of the middle is met from both ends.
    edges.sort_unstable_by_key(|edge| (edge.payer, edge.payee));
    edges.dedup();
    let block = flow_block(&edges, LAMBDA);
    let mut found = Patterns::default();
    for &account in &block.middle {
        let (mut got, mut gave, mut rows) = (0i64, 0i64, Vec::new());
        for leg in legs.received(account).iter().filter(|leg| block.sources.binary_search(&leg.peer).is_ok()) {
            got += leg.amount_minor.max(0);
            rows.push((leg.amount_minor, leg.row));
        }
        for leg in legs.sent(account).iter().filter(|leg| block.sinks.binary_search(&leg.peer).is_ok()) {
            gave += leg.amount_minor.max(0);
            rows.push((leg.amount_minor, leg.row));
        }
        let worth = got.min(gave) as f64 - LAMBDA * got.abs_diff(gave) as f64;
        let strength = (worth / got.max(gave).max(1) as f64).max(0.0) as f32;
        if strength <= 0.0 {
            continue;
        }
        rows.sort_unstable_by_key(|&(amount, row)| (std::cmp::Reverse(amount), row));
        let rows: Vec<u32> = rows.into_iter().take(EVIDENCE).map(|pair| pair.1).collect();
        found.add(strength, rows.clone(), [account]);
        let peers = graph.neighbours(account).iter().copied();
        let ends =
            peers.filter(|peer| block.sources.binary_search(peer).is_ok() || block.sinks.binary_search(peer).is_ok());
        found.add(strength / 2.0, rows, ends);
    }
    Ok(found.seal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphConfig;
    use crate::graph::temporal::TemporalIndex;
    use crate::transfer::{Transfer, Transfers};

    #[test]
    fn planted_blocks_are_found_in_a_market() {
        let mut transfers = Transfers::new();
        let mut pay = |payer: u32, payee: u32, amount_minor: i64| {
            transfers.push(Transfer { payer: payer.into(), payee: payee.into(), amount_minor, at_seconds: 0 });
        };
        for customer in 0..3_000u32 {
            pay(customer, 3_000 + customer % 300, 1_000);
            pay(customer, 3_000 + customer * 7 % 300, 1_200);
        }
        for i in 0..144u32 {
            pay(4_000 + i / 12, 4_100 + i % 12, 900);
        }
        for source in 0..8 {
            pay(4_200 + source, 4_300 + source % 2, 500_000);
        }
        pay(4_300, 4_400, 1_950_000);
        pay(4_301, 4_400, 1_990_000);
        let columns = transfers.columns();
        let graph = TransferGraph::build(&columns, 4_500, &GraphConfig::default(), Progress::silent()).unwrap();
        let index = TemporalIndex::build(&columns, 4_500, Progress::silent()).unwrap();
        let blocks = market_blocks(&graph, &index, Progress::silent()).unwrap();
        let dense = |account: u32| blocks.dense.of(account).next().is_some();
        assert!((4_000..4_012).all(dense) && (4_100..4_112).all(dense));
        assert!((0..3_000).filter(|&customer| dense(customer)).count() < 30);
        let layer = |account: u32| blocks.layers.of(account).map(|pattern| pattern.strength).fold(0.0, f32::max);
        assert!(layer(4_300) > 0.9 && layer(4_301) > 0.9);
        assert!(layer(4_200) > 0.4 && layer(4_400) > 0.4);
        assert_eq!(layer(7), 0.0);
    }
}
