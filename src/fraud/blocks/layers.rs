//! The layer of a whole market that lets money through, and both kinds of blocks together.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::temporal::Legs;
use crate::parallel::{join, try_map_chunks};
use crate::progress::Progress;

use super::super::config::AuditConfig;
use super::super::patterns::Patterns;
use super::super::signal::Signal;
use super::flow::{FlowEdge, flow_block};
use super::rounds::dense_blocks;

const CHUNK: usize = 1 << 12;
/// Transfers in the evidence of an account of the layer.
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
    config: &AuditConfig,
    progress: Progress<'_>,
) -> Result<MarketBlocks> {
    // Both have stretches that one thread alone can work at.
    let (dense, layers) = join(
        || match config.looks_for(Signal::DenseBlock) {
            true => dense_blocks(graph, legs, progress),
            false => Ok(Patterns::default()),
        },
        || match config.looks_for(Signal::FlowThroughBlock) {
            true => layers(graph, legs, progress),
            false => Ok(Patterns::default()),
        },
    );
    Ok(MarketBlocks { dense: dense?, layers: layers? })
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
                let [sent_minor, received_minor] = graph.sums_in(slot);
                got += received_minor.max(0);
                gave += sent_minor.max(0);
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
        let blocks = market_blocks(&graph, &index, &AuditConfig::default(), Progress::silent()).unwrap();
        let dense = |account: u32| blocks.dense.of(account).next().is_some();
        assert!((4_000..4_012).all(dense) && (4_100..4_112).all(dense));
        assert!((0..3_000).filter(|&customer| dense(customer)).count() < 30);
        let layer = |account: u32| blocks.layers.of(account).map(|pattern| pattern.strength).fold(0.0, f32::max);
        assert!(layer(4_300) > 0.9 && layer(4_301) > 0.9);
        assert!(layer(4_200) > 0.4 && layer(4_400) > 0.4);
        assert_eq!(layer(7), 0.0);
    }
}
