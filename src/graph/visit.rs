//! petgraph's visit traits, so that its algorithms run on the compact graph as it is.
//!
//! petgraph sees a directed simple graph: an edge from payer to payee wherever there is at least one transfer that way,
//! weighted by [`Flow`]. A node is an [`AccountIndex`], an edge is named by its slot in the payer's row.

use std::ops::Range;

use petgraph::visit::{
    Data, EdgeRef, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges, IntoEdgesDirected, IntoNeighbors,
    IntoNeighborsDirected, IntoNodeIdentifiers, NodeCompactIndexable, NodeCount, NodeIndexable, VisitMap, Visitable,
};
use petgraph::{Directed, Direction};

use crate::account::AccountIndex;
use crate::graph::TransferGraph;

/// What went from a payer to a payee over all their transfers: the weight of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Transfers.
    pub count: u64,
    /// Minor units, refunds taken off; 0 when the source has no amounts.
    pub amount_minor: i64,
}

/// An edge from a payer to a payee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowEdge {
    payer: AccountIndex,
    payee: AccountIndex,
    slot: u64,
    flow: Flow,
}

impl EdgeRef for FlowEdge {
    type NodeId = AccountIndex;
    /// Slot of the payee in the payer's row.
    type EdgeId = u64;
    type Weight = Flow;

    fn source(&self) -> AccountIndex {
        self.payer
    }

    fn target(&self) -> AccountIndex {
        self.payee
    }

    fn weight(&self) -> &Flow {
        &self.flow
    }

    fn id(&self) -> u64 {
        self.slot
    }
}

/// Neighbours of an account in one direction of payment, ascending.
#[derive(Debug, Clone)]
pub struct DirectedNeighbours<'a> {
    graph: &'a TransferGraph,
    slots: Range<usize>,
    direction: Direction,
}

impl Iterator for DirectedNeighbours<'_> {
    type Item = AccountIndex;

    fn next(&mut self) -> Option<AccountIndex> {
        let Self { graph, slots, direction } = self;
        slots
            .find(|&slot| match direction {
                Direction::Outgoing => graph.tallies[slot].sent > 0,
                Direction::Incoming => graph.tallies[slot].received > 0,
            })
            .map(|slot| AccountIndex::new(graph.neighbours[slot]))
    }
}

/// Edges of an account in one direction of payment, by ascending neighbour.
#[derive(Debug, Clone)]
pub struct DirectedEdges<'a> {
    graph: &'a TransferGraph,
    account: AccountIndex,
    slots: Range<usize>,
    direction: Direction,
}

impl Iterator for DirectedEdges<'_> {
    type Item = FlowEdge;

    fn next(&mut self) -> Option<FlowEdge> {
        let Self { graph, account, slots, direction } = self;
        for slot in slots {
            let relation = graph.relation_in(slot);
            match direction {
                Direction::Outgoing if relation.sent > 0 => {
                    return Some(FlowEdge {
                        payer: *account,
                        payee: relation.counterparty,
                        slot: slot as u64,
                        flow: Flow { count: relation.sent, amount_minor: relation.sent_minor },
                    });
                }
                Direction::Incoming if relation.received > 0 => {
                    // The edge is named from the payer's side whichever side finds it.
                    let mirror = graph.slot_of(relation.counterparty.get(), account.get());
                    return Some(FlowEdge {
                        payer: relation.counterparty,
                        payee: *account,
                        slot: mirror.map_or(u64::MAX, |mirror| mirror as u64),
                        flow: Flow { count: relation.received, amount_minor: relation.received_minor },
                    });
                }
                _ => {}
            }
        }
        None
    }
}

/// Every edge of the graph, by ascending payer and payee.
#[derive(Debug, Clone)]
pub struct AllEdges<'a> {
    graph: &'a TransferGraph,
    account: usize,
    edges: DirectedEdges<'a>,
}

impl Iterator for AllEdges<'_> {
    type Item = FlowEdge;

    fn next(&mut self) -> Option<FlowEdge> {
        loop {
            if let Some(edge) = self.edges.next() {
                return Some(edge);
            }
            self.account += 1;
            if self.account >= self.graph.accounts() {
                return None;
            }
            self.edges = edges_of(self.graph, self.account as u32, Direction::Outgoing);
        }
    }
}

fn edges_of(graph: &TransferGraph, account: u32, direction: Direction) -> DirectedEdges<'_> {
    DirectedEdges { graph, account: AccountIndex::new(account), slots: graph.row(account as usize), direction }
}

/// The accounts an algorithm of petgraph has been to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visited {
    words: Vec<u64>,
}

impl Visited {
    fn over(accounts: usize) -> Self {
        Self { words: vec![0; accounts.div_ceil(64)] }
    }
}

impl VisitMap<AccountIndex> for Visited {
    fn visit(&mut self, account: AccountIndex) -> bool {
        let (word, bit) = (account.as_usize() / 64, 1 << (account.get() % 64));
        let first = self.words[word] & bit == 0;
        self.words[word] |= bit;
        first
    }

    fn is_visited(&self, account: &AccountIndex) -> bool {
        self.words[account.as_usize() / 64] & 1 << (account.get() % 64) != 0
    }

    fn unvisit(&mut self, account: AccountIndex) -> bool {
        let was = self.is_visited(&account);
        self.words[account.as_usize() / 64] &= !(1 << (account.get() % 64));
        was
    }
}

impl GraphBase for TransferGraph {
    type NodeId = AccountIndex;
    type EdgeId = u64;
}

impl GraphProp for TransferGraph {
    type EdgeType = Directed;
}

impl Data for TransferGraph {
    type NodeWeight = ();
    type EdgeWeight = Flow;
}

impl NodeCount for TransferGraph {
    fn node_count(&self) -> usize {
        self.accounts()
    }
}

impl NodeIndexable for TransferGraph {
    fn node_bound(&self) -> usize {
        self.accounts()
    }

    fn to_index(&self, account: AccountIndex) -> usize {
        account.as_usize()
    }

    fn from_index(&self, index: usize) -> AccountIndex {
        AccountIndex::new(index as u32)
    }
}

impl NodeCompactIndexable for TransferGraph {}

impl Visitable for TransferGraph {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited::over(self.accounts())
    }

    fn reset_map(&self, map: &mut Visited) {
        *map = Visited::over(self.accounts());
    }
}

impl<'a> IntoNeighbors for &'a TransferGraph {
    type Neighbors = DirectedNeighbours<'a>;

    fn neighbors(self, account: AccountIndex) -> DirectedNeighbours<'a> {
        self.neighbors_directed(account, Direction::Outgoing)
    }
}

impl<'a> IntoNeighborsDirected for &'a TransferGraph {
    type NeighborsDirected = DirectedNeighbours<'a>;

    fn neighbors_directed(self, account: AccountIndex, direction: Direction) -> DirectedNeighbours<'a> {
        DirectedNeighbours { graph: self, slots: self.row(account.as_usize()), direction }
    }
}

impl<'a> IntoEdgeReferences for &'a TransferGraph {
    type EdgeRef = FlowEdge;
    type EdgeReferences = AllEdges<'a>;

    fn edge_references(self) -> AllEdges<'a> {
        let none = DirectedEdges {
            graph: self,
            account: AccountIndex::default(),
            slots: 0..0,
            direction: Direction::Outgoing,
        };
        let edges = if self.accounts() > 0 { edges_of(self, 0, Direction::Outgoing) } else { none };
        AllEdges { graph: self, account: 0, edges }
    }
}

impl<'a> IntoEdges for &'a TransferGraph {
    type Edges = DirectedEdges<'a>;

    fn edges(self, account: AccountIndex) -> DirectedEdges<'a> {
        edges_of(self, account.get(), Direction::Outgoing)
    }
}

impl<'a> IntoEdgesDirected for &'a TransferGraph {
    type EdgesDirected = DirectedEdges<'a>;

    fn edges_directed(self, account: AccountIndex, direction: Direction) -> DirectedEdges<'a> {
        edges_of(self, account.get(), direction)
    }
}

impl IntoNodeIdentifiers for &TransferGraph {
    type NodeIdentifiers = std::iter::Map<Range<u32>, fn(u32) -> AccountIndex>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        (0..self.accounts() as u32).map(AccountIndex::new)
    }
}
