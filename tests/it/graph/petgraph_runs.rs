//! petgraph's algorithms run on the compact graph unchanged, and give what they give on petgraph's own.

use dandelion_credit::graph::TransferGraph;
use dandelion_credit::{AccountIndex, Transfer};
use petgraph::Direction;
use petgraph::algo::{connected_components, dijkstra, is_cyclic_directed, kosaraju_scc, tarjan_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Bfs, EdgeRef, IntoEdgesDirected, IntoNeighborsDirected};

use super::slow::{build, pay};

/// Some circles, a chain and a shop.
fn transfers() -> Vec<Transfer> {
    let mut rows = Vec::new();
    for base in [0, 10, 20] {
        rows.extend((0..6).map(|i| pay(base + i, base + (i + 1) % 6, 100 + i64::from(i), i64::from(i))));
    }
    rows.extend((0..5).map(|i| pay(40 + i, 41 + i, 7, 0)));
    rows.extend((0..8).map(|i| pay(i, 50, 300, 5)));
    rows.extend([pay(0, 1, 9, 9), pay(1, 0, 9, 9), pay(44, 44, 1, 1)]);
    rows
}

fn own(graph: &TransferGraph) -> DiGraph<(), u64> {
    let mut own = DiGraph::new();
    for _ in 0..graph.accounts() {
        own.add_node(());
    }
    for account in 0..graph.accounts() as u32 {
        for relation in graph.relations_of(account).filter(|relation| relation.sent > 0) {
            own.add_edge(
                NodeIndex::new(account as usize),
                NodeIndex::new(relation.counterparty.as_usize()),
                relation.sent,
            );
        }
    }
    own
}

#[test]
fn components_and_shortest_paths_are_petgraphs_own() {
    let graph = build(&transfers(), 51);
    let own = own(&graph);
    assert_eq!(connected_components(&graph), connected_components(&own));
    assert_eq!(connected_components(&graph), 28);
    let from = AccountIndex::new(0);
    let fast = dijkstra(&graph, from, None, |edge| edge.weight().count);
    let slow = dijkstra(&own, NodeIndex::new(0), None, |edge| *edge.weight());
    assert_eq!(fast.len(), slow.len());
    for (account, cost) in &slow {
        assert_eq!(fast[&AccountIndex::new(account.index() as u32)], *cost);
    }
    assert_eq!(fast[&AccountIndex::new(5)], 6);
}

#[test]
fn strong_components_cycles_and_walks_run_too() {
    let graph = build(&transfers(), 51);
    let own = own(&graph);
    let sizes = |mut sizes: Vec<usize>| {
        sizes.sort_unstable();
        sizes
    };
    let expected = sizes(tarjan_scc(&own).iter().map(Vec::len).collect());
    assert_eq!(sizes(tarjan_scc(&graph).iter().map(Vec::len).collect()), expected);
    assert_eq!(sizes(kosaraju_scc(&graph).iter().map(Vec::len).collect()), expected);
    assert!(is_cyclic_directed(&graph));
    let mut walk = Bfs::new(&graph, AccountIndex::new(40));
    let mut met = Vec::new();
    while let Some(account) = walk.next(&graph) {
        met.push(account.get());
    }
    assert_eq!(met, [40, 41, 42, 43, 44, 45]);
}

#[test]
fn both_directions_name_the_same_edges() {
    let graph = build(&transfers(), 51);
    let shop = AccountIndex::new(50);
    let payers: Vec<u32> = graph.neighbors_directed(shop, Direction::Incoming).map(AccountIndex::get).collect();
    assert_eq!(payers, (0..8).collect::<Vec<u32>>());
    assert_eq!(graph.neighbors_directed(shop, Direction::Outgoing).count(), 0);
    for incoming in graph.edges_directed(shop, Direction::Incoming) {
        let outgoing = graph.edges_directed(incoming.source(), Direction::Outgoing).find(|edge| edge.target() == shop);
        assert_eq!(outgoing, Some(incoming));
        assert_eq!(incoming.weight().amount_minor, 300);
    }
}
