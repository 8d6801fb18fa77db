//! Relations under insertion and deletion, and what they mean for triangles, by slot.

use crate::graph::StructureFeature as F;
use crate::graph::corner::Corner;
use crate::graph::live::blocks::Blocks;
use crate::graph::live::neighbours::Neighbour;
use crate::graph::live::neighbours::Neighbours;
use crate::graph::live::pool::Pool;
use crate::graph::structure::{DirectedDegrees, Measured};
use crate::graph::wide::prefetch;

/// What is kept of one account while it has counterparties: one cache line.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
struct Node {
    neighbours: Neighbours,
    triangles: u64,
    payer_pairs: u64,
    in_degree: u32,
    out_degree: u32,
    /// Counterparties that share no counterparty with the account.
    unacquainted: u32,
}

impl Node {
    #[inline(always)]
    fn values(&self) -> [f64; Relations::KEPT.len()] {
        let directed = DirectedDegrees { payers: self.in_degree, payees: self.out_degree };
        match self.neighbours {
            // An only counterparty closes no triangle, which leaves little of the formulas.
            Neighbours::One(_) => Relations::all_of(1, directed, 0, 0, 0),
            _ => {
                let degree = self.neighbours.len() as u32;
                Relations::all_of(degree, directed, self.triangles, self.payer_pairs, degree - self.unacquainted)
            }
        }
    }
}

/// The graph by slot; a slot without relations is as it was before it had any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relations {
    nodes: Blocks<Node>,
    pool: Pool<Neighbour>,
    pub(super) relations: u64,
    pub(super) transfers: u64,
    shared: Vec<u32>,
}

macro_rules! kept {
    ($($feature:ident),*) => {
        /// What is kept live.
        pub(crate) const KEPT: [F; [$(F::$feature),*].len()] = [$(F::$feature),*];

        /// Every kept measure, in the order of [`KEPT`](Self::KEPT).
        #[inline(always)]
        fn all_of(
            degree: u32,
            directed: DirectedDegrees,
            triangles: u64,
            payer_pairs: u64,
            acquainted: u32,
        ) -> [f64; Self::KEPT.len()] {
            let corner =
                Corner { triangles, payer_pairs: [payer_pairs, 0], alters: [acquainted, 0], ..Corner::default() };
            let measured = Measured { degree, directed, corner, core: None, neighbour_degrees: 0, egonet: None };
            // Each by its name, so that the choice is made when this is compiled.
            [$(measured.value(F::$feature)),*]
        }
    };
}

impl Relations {
    kept!(
        Degree,
        InDegree,
        OutDegree,
        MutualDegree,
        Reciprocity,
        Triangles,
        LocalClustering,
        PayerClustering,
        EffectiveSize,
        UnacquaintedShare
    );

    /// Every kept measure of one slot now; of no slot, that of an account without relations.
    #[inline]
    pub(crate) fn values(&self, slot: u32) -> [f64; Self::KEPT.len()] {
        match self.nodes.get(slot as usize) {
            Some(node) => node.values(),
            None => Node::default().values(),
        }
    }

    pub(crate) fn is_alone(&self, slot: u32) -> bool {
        self.nodes.get(slot as usize).is_none_or(|node| node.neighbours.len() == 0)
    }

    /// Asks for what is kept of some slots, and then for their counterparties: waits overlap, and updates that follow find
    /// their memory near.
    pub(crate) fn prefetch(&self, slots: &(impl Iterator<Item = u32> + Clone)) {
        let nodes = || slots.clone().filter_map(|slot| self.nodes.get(slot as usize));
        nodes().for_each(prefetch);
        nodes().for_each(|node| node.neighbours.prefetch(&self.pool));
    }

    /// Of `slots`, how many pay the account in `slot`.
    fn payers_among(&self, slot: u32, slots: &[u32]) -> u64 {
        let neighbours = &self.nodes[slot as usize].neighbours;
        let pays = |other: &&u32| neighbours.get(&self.pool, **other).is_some_and(|neighbour| neighbour.received > 0);
        slots.iter().filter(pays).count() as u64
    }

    /// The common counterparties of two accounts, in the scratch list, which the caller gives back.
    fn shared(&mut self, [a, b]: [u32; 2]) -> Vec<u32> {
        let mut shared = std::mem::take(&mut self.shared);
        let [a, b] = [a, b].map(|slot| &self.nodes[slot as usize].neighbours);
        a.shared_with(b, &self.pool, &mut shared);
        shared
    }

    fn neighbour(&mut self, of: u32, slot: u32) -> Option<&mut Neighbour> {
        self.nodes.get_mut(of as usize)?.neighbours.get_mut(&mut self.pool, slot)
    }

    /// Adds one transfer from the first of `ends`, which differ, to the second.
    pub(crate) fn insert(&mut self, ends: [u32; 2]) {
        let [p, q] = ends;
        self.nodes.grow_to(p.max(q) as usize + 1);
        self.transfers += 1;
        if let Some(neighbour) = self.neighbour(p, q) {
            neighbour.sent += 1;
            let first = neighbour.sent == 1;
            if let Some(neighbour) = self.neighbour(q, p) {
                neighbour.received += 1;
            }
            if first {
                self.nodes[p as usize].out_degree += 1;
                self.nodes[q as usize].in_degree += 1;
                let shared = self.shared(ends);
                self.nodes[q as usize].payer_pairs += self.payers_among(q, &shared);
                self.shared = shared;
            }
            return;
        }
        let shared = self.shared(ends);
        for &other in &shared {
            self.close_triangle(other, ends);
        }
        self.nodes[q as usize].payer_pairs += self.payers_among(q, &shared);
        let common = shared.len() as u32;
        self.shared = shared;
        for (slot, neighbour) in [
            (p, Neighbour { slot: q, common, sent: 1, received: 0 }),
            (q, Neighbour { slot: p, common, sent: 0, received: 1 }),
        ] {
            let node = &mut self.nodes[slot as usize];
            node.triangles += u64::from(common);
            node.unacquainted += u32::from(common == 0);
            node.neighbours.insert(&mut self.pool, neighbour);
        }
        self.nodes[p as usize].out_degree += 1;
        self.nodes[q as usize].in_degree += 1;
        self.relations += 1;
    }

    /// The relation between `ends` is new, and `other` knows both.
    fn close_triangle(&mut self, other: u32, ends: [u32; 2]) {
        let mut both_pay = true;
        for end in ends {
            for (of, slot) in [(other, end), (end, other)] {
                let node = &mut self.nodes[of as usize];
                if let Some(neighbour) = node.neighbours.get_mut(&mut self.pool, slot) {
                    neighbour.common += 1;
                    node.unacquainted -= u32::from(neighbour.common == 1);
                    both_pay &= of != other || neighbour.received > 0;
                }
            }
        }
        let node = &mut self.nodes[other as usize];
        node.triangles += 1;
        node.payer_pairs += u64::from(both_pay);
    }

    /// Takes one transfer away again; `false` when there is none between the two in this direction.
    pub(crate) fn remove(&mut self, ends: [u32; 2]) -> bool {
        let [p, q] = ends;
        let Some(neighbour) = self.neighbour(p, q).filter(|neighbour| neighbour.sent > 0) else {
            return false;
        };
        neighbour.sent -= 1;
        let (sent, received) = (neighbour.sent, neighbour.received);
        self.transfers -= 1;
        if let Some(neighbour) = self.neighbour(q, p) {
            neighbour.received -= 1;
        }
        if sent > 0 {
            return true;
        }
        self.nodes[p as usize].out_degree -= 1;
        self.nodes[q as usize].in_degree -= 1;
        let shared = self.shared(ends);
        self.nodes[q as usize].payer_pairs -= self.payers_among(q, &shared);
        if received == 0 {
            for &other in &shared {
                self.open_triangle(other, ends);
            }
            for (slot, other) in [(p, q), (q, p)] {
                let node = &mut self.nodes[slot as usize];
                node.triangles -= shared.len() as u64;
                node.unacquainted -= u32::from(shared.is_empty());
                node.neighbours.remove(&mut self.pool, other);
            }
            self.relations -= 1;
        }
        self.shared = shared;
        true
    }

    /// The relation between `ends` goes, and `other` knows both.
    fn open_triangle(&mut self, other: u32, ends: [u32; 2]) {
        let mut both_pay = true;
        for end in ends {
            for (of, slot) in [(other, end), (end, other)] {
                let node = &mut self.nodes[of as usize];
                if let Some(neighbour) = node.neighbours.get_mut(&mut self.pool, slot) {
                    neighbour.common -= 1;
                    node.unacquainted += u32::from(neighbour.common == 0);
                    both_pay &= of != other || neighbour.received > 0;
                }
            }
        }
        let node = &mut self.nodes[other as usize];
        node.triangles -= 1;
        node.payer_pairs -= u64::from(both_pay);
    }
}
