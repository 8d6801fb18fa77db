//! Relations under insertion and deletion, and what they mean for triangles.

use std::hint::black_box;

use crate::account::AccountIndex;
use crate::graph::StructureFeature;
use crate::graph::corner::Corner;
use crate::graph::live::neighbours::Neighbour;
use crate::graph::live::neighbours::Neighbours;
use crate::graph::live::pages::Pages;
use crate::graph::structure::Measured;

/// What is kept of one account while it has counterparties.
#[derive(Debug, Clone, Default)]
struct Node {
    neighbours: Neighbours,
    triangles: u64,
    payer_pairs: u64,
    in_degree: u32,
    out_degree: u32,
    /// Counterparties that share no counterparty with the account.
    unacquainted: u32,
}

/// A transfer graph that changes, and the exact structure around every account of it at any moment.
///
/// Kept are distinct relations with transfers each way, and of every relation the number of common counterparties; of that
/// everything else is made. Accounts without relations take no memory. A neighbourhood is a sorted list up to 64 and a
/// hash table beyond, so that an account with a million counterparties costs a new relation no more than its partner's
/// counterparties do.
///
/// ```
/// use dandelion_credit::AccountIndex;
/// use dandelion_credit::graph::{LiveGraph, StructureFeature};
///
/// let [mei, wang, stall] = [0, 1, 2].map(AccountIndex::new);
/// let mut graph = LiveGraph::new();
/// graph.insert(mei, stall);
/// graph.insert(wang, stall);
/// assert_eq!(graph.value(StructureFeature::LocalClustering, stall), 0.0);
/// graph.insert(mei, wang);
/// assert_eq!(graph.value(StructureFeature::LocalClustering, stall), 1.0);
/// assert!(graph.remove(mei, wang));
/// assert_eq!(graph.value(StructureFeature::UnacquaintedShare, stall), 1.0);
/// assert!(!graph.remove(mei, wang)); // not there any more
/// ```
#[derive(Debug, Clone, Default)]
pub struct LiveGraph {
    slots: Pages,
    nodes: Vec<Node>,
    free: Vec<u32>,
    relations: u64,
    transfers: u64,
    shared: Vec<u32>,
}

impl LiveGraph {
    /// What is kept live; other structure needs a batch build.
    pub const KEPT: [StructureFeature; 10] = [
        StructureFeature::Degree,
        StructureFeature::InDegree,
        StructureFeature::OutDegree,
        StructureFeature::MutualDegree,
        StructureFeature::Reciprocity,
        StructureFeature::Triangles,
        StructureFeature::LocalClustering,
        StructureFeature::PayerClustering,
        StructureFeature::EffectiveSize,
        StructureFeature::UnacquaintedShare,
    ];

    /// A graph without relations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Accounts that have relations.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Distinct relations.
    #[must_use]
    pub fn relations(&self) -> u64 {
        self.relations
    }

    /// Transfers inserted and not removed, those to oneself aside.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.transfers
    }

    /// One measure of one account now; not a number where it is undefined or not among [`KEPT`](Self::KEPT).
    #[must_use]
    pub fn value(&self, feature: StructureFeature, account: AccountIndex) -> f64 {
        if Self::KEPT.contains(&feature) { self.measured(account).value(feature) } else { f64::NAN }
    }

    /// Every kept measure of one account now, in the order of [`KEPT`](Self::KEPT).
    #[must_use]
    pub fn values(&self, account: AccountIndex) -> [f64; Self::KEPT.len()] {
        let measured = self.measured(account);
        Self::KEPT.map(|feature| measured.value(feature))
    }

    fn measured(&self, account: AccountIndex) -> Measured {
        let none = Node::default();
        let node = self.slots.get(account.get()).map_or(&none, |slot| &self.nodes[slot]);
        let degree = node.neighbours.len() as u32;
        Measured {
            degree,
            in_degree: node.in_degree,
            out_degree: node.out_degree,
            one_sided_payers: 0,
            corner: Corner {
                triangles: node.triangles,
                payer_pairs: [node.payer_pairs, 0],
                alters: [degree - node.unacquainted, 0],
                ..Corner::default()
            },
            core: None,
            neighbour_degrees: 0,
            egonet: None,
        }
    }

    /// Reads what is kept of some parties once, each step for all of them before the next: reads that do not wait for one
    /// another overlap, and updates that follow find their memory near. Changes nothing.
    pub(crate) fn touch(&self, parties: impl Iterator<Item = [AccountIndex; 2]>) {
        let mut slots = [u32::MAX; 64];
        for (slot, account) in slots.iter_mut().zip(parties.flatten()) {
            *slot = self.slots.get(account.get()).map_or(u32::MAX, |slot| slot as u32);
        }
        let here = || slots.iter().filter_map(|&slot| self.nodes.get(slot as usize));
        black_box(here().fold(0, |sum, node| sum ^ node.in_degree));
        black_box(here().fold(0, |sum, node| sum ^ node.neighbours.touch()));
    }

    fn slot(&mut self, account: u32) -> usize {
        if let Some(slot) = self.slots.get(account) {
            return slot;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None => {
                self.nodes.push(Node::default());
                self.nodes.len() - 1
            }
        };
        self.slots.set(account, Some(slot));
        slot
    }

    fn release_if_alone(&mut self, account: u32, slot: usize) {
        if self.nodes[slot].neighbours.len() == 0 {
            self.nodes[slot] = Node::default();
            self.slots.set(account, None);
            self.free.push(slot as u32);
        }
    }

    /// The common counterparties of two accounts, in the scratch list, which the caller gives back.
    fn shared(&mut self, a: usize, b: usize) -> Vec<u32> {
        let mut shared = std::mem::take(&mut self.shared);
        self.nodes[a].neighbours.shared_with(&self.nodes[b].neighbours, &mut shared);
        shared
    }

    /// Of `accounts`, how many pay the account in `slot`.
    fn payers_among(&self, slot: usize, accounts: &[u32]) -> u64 {
        let neighbours = &self.nodes[slot].neighbours;
        let pays = |account: &&u32| neighbours.get(**account).is_some_and(|neighbour| neighbour.received > 0);
        accounts.iter().filter(pays).count() as u64
    }

    /// Adds one transfer. A transfer to oneself changes nothing.
    ///
    /// # Complexity
    /// Of a relation that exists in this direction: a lookup at each party. Else the smaller of the two neighbourhoods, and
    /// a few lookups for each common counterparty.
    pub fn insert(&mut self, payer: AccountIndex, payee: AccountIndex) {
        if payer == payee {
            return;
        }
        self.transfers += 1;
        let [from, to] = [payer.get(), payee.get()];
        let (p, q) = (self.slot(from), self.slot(to));
        if let Some(neighbour) = self.nodes[p].neighbours.get_mut(to) {
            neighbour.sent += 1;
            let first = neighbour.sent == 1;
            if let Some(neighbour) = self.nodes[q].neighbours.get_mut(from) {
                neighbour.received += 1;
            }
            if first {
                self.nodes[p].out_degree += 1;
                self.nodes[q].in_degree += 1;
                let shared = self.shared(p, q);
                self.nodes[q].payer_pairs += self.payers_among(q, &shared);
                self.shared = shared;
            }
            return;
        }
        let shared = self.shared(p, q);
        for &other in &shared {
            self.close_triangle(other, [from, to], [p, q]);
        }
        self.nodes[q].payer_pairs += self.payers_among(q, &shared);
        let common = shared.len() as u32;
        self.shared = shared;
        for (slot, neighbour) in [
            (p, Neighbour { account: to, common, sent: 1, received: 0 }),
            (q, Neighbour { account: from, common, sent: 0, received: 1 }),
        ] {
            let node = &mut self.nodes[slot];
            node.triangles += u64::from(common);
            node.unacquainted += u32::from(common == 0);
            node.neighbours.insert(neighbour);
        }
        self.nodes[p].out_degree += 1;
        self.nodes[q].in_degree += 1;
        self.relations += 1;
    }

    /// The relation between `ends` is new, and `other` knows both.
    fn close_triangle(&mut self, other: u32, ends: [u32; 2], slots: [usize; 2]) {
        let w = self.slot(other);
        let mut both_pay = true;
        for (end, slot) in ends.into_iter().zip(slots) {
            for (place, account) in [(w, end), (slot, other)] {
                let node = &mut self.nodes[place];
                if let Some(neighbour) = node.neighbours.get_mut(account) {
                    neighbour.common += 1;
                    node.unacquainted -= u32::from(neighbour.common == 1);
                    both_pay &= place != w || neighbour.received > 0;
                }
            }
        }
        self.nodes[w].triangles += 1;
        self.nodes[w].payer_pairs += u64::from(both_pay);
    }

    /// Takes one transfer away again; `false` when there is none between the two in this direction.
    ///
    /// # Complexity
    /// As [`insert`](Self::insert).
    pub fn remove(&mut self, payer: AccountIndex, payee: AccountIndex) -> bool {
        let [from, to] = [payer.get(), payee.get()];
        let (Some(p), Some(q)) = (self.slots.get(from), self.slots.get(to)) else { return false };
        let Some(neighbour) = self.nodes[p].neighbours.get_mut(to).filter(|neighbour| neighbour.sent > 0) else {
            return false;
        };
        self.transfers -= 1;
        neighbour.sent -= 1;
        let (sent, received) = (neighbour.sent, neighbour.received);
        if let Some(neighbour) = self.nodes[q].neighbours.get_mut(from) {
            neighbour.received -= 1;
        }
        if sent > 0 {
            return true;
        }
        self.nodes[p].out_degree -= 1;
        self.nodes[q].in_degree -= 1;
        let shared = self.shared(p, q);
        self.nodes[q].payer_pairs -= self.payers_among(q, &shared);
        if received == 0 {
            for &other in &shared {
                self.open_triangle(other, [from, to], [p, q]);
            }
            for (slot, account) in [(p, to), (q, from)] {
                let node = &mut self.nodes[slot];
                node.triangles -= shared.len() as u64;
                node.unacquainted -= u32::from(shared.is_empty());
                node.neighbours.remove(account);
            }
            self.relations -= 1;
            self.release_if_alone(from, p);
            self.release_if_alone(to, q);
        }
        self.shared = shared;
        true
    }

    /// The relation between `ends` goes, and `other` knows both.
    fn open_triangle(&mut self, other: u32, ends: [u32; 2], slots: [usize; 2]) {
        let w = self.slot(other);
        let mut both_pay = true;
        for (end, slot) in ends.into_iter().zip(slots) {
            for (place, account) in [(w, end), (slot, other)] {
                let node = &mut self.nodes[place];
                if let Some(neighbour) = node.neighbours.get_mut(account) {
                    neighbour.common -= 1;
                    node.unacquainted += u32::from(neighbour.common == 0);
                    both_pay &= place != w || neighbour.received > 0;
                }
            }
        }
        self.nodes[w].triangles -= 1;
        self.nodes[w].payer_pairs -= u64::from(both_pay);
    }
}
