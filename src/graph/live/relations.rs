//! Relations under insertion and deletion, and what they mean for triangles, by slot.

use crate::graph::StructureFeature as F;
use crate::graph::corner::Corner;
use crate::graph::live::blocks::Blocks;
use crate::graph::live::neighbours::Neighbour;
use crate::graph::live::neighbours::Passed;
use crate::graph::live::neighbours::Store;
use crate::graph::live::node::Hub;
use crate::graph::live::node::Hubs;
use crate::graph::live::node::Node;
use crate::graph::structure::Measured;
use crate::graph::weights::DirectedDegrees;
use crate::graph::wide::prefetch;

/// The graph by slot; a slot without relations is as it was before it had any. What else its owner keeps is read by other
/// threads meanwhile, so it shares no cache line.
#[derive(Debug, Clone, Default)]
#[repr(align(128))]
pub(crate) struct Relations {
    nodes: Blocks<Node>,
    hubs: Hubs,
    store: Store,
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
        match *self.node(slot) {
            Node::None => Self::all_of(0, DirectedDegrees::default(), 0, 0, 0),
            // An only counterparty closes no triangle, which leaves little of the formulas.
            Node::One(_, passed) => {
                let [payers, payees] = [passed.received, passed.sent].map(|count| u32::from(count > 0));
                Self::all_of(1, DirectedDegrees { payers, payees }, 0, 0, 0)
            }
            Node::Hub(hub) => {
                let hub = self.hubs.get(hub);
                let degree = hub.neighbours.len(&self.store) as u32;
                let (triangles, pairs) = (hub.triangles.into(), hub.payer_pairs.into());
                Self::all_of(degree, hub.directed(), triangles, pairs, degree - hub.unacquainted)
            }
        }
    }

    pub(crate) fn is_alone(&self, slot: u32) -> bool {
        matches!(self.node(slot), Node::None)
    }

    /// Asks for what is kept of some slots, then for their hubs and then for their counterparties: waits overlap, and updates
    /// that follow find their memory near.
    pub(crate) fn prefetch(&self, slots: &(impl Iterator<Item = u32> + Clone)) {
        slots.clone().filter_map(|slot| self.nodes.get(slot as usize)).for_each(prefetch);
        let hubs = || slots.clone().filter_map(|slot| self.hub(slot));
        hubs().for_each(prefetch);
        hubs().for_each(|hub| hub.neighbours.prefetch(&self.store));
    }

    #[inline]
    fn node(&self, slot: u32) -> &Node {
        self.nodes.get(slot as usize).unwrap_or(&Node::None)
    }

    #[inline]
    fn hub(&self, slot: u32) -> Option<&Hub> {
        match *self.node(slot) {
            Node::Hub(hub) => Some(self.hubs.get(hub)),
            _ => None,
        }
    }

    #[inline]
    fn hub_mut(&mut self, slot: u32) -> Option<&mut Hub> {
        match *self.node(slot) {
            Node::Hub(hub) => Some(self.hubs.get_mut(hub)),
            _ => None,
        }
    }

    /// Whether the account in `of` has the one in `slot` for a counterparty.
    fn knows(&self, of: u32, slot: u32) -> bool {
        match *self.node(of) {
            Node::None => false,
            Node::One(only, _) => only == slot,
            Node::Hub(hub) => self.hubs.get(hub).neighbours.get(&self.store, slot).is_some(),
        }
    }

    /// What passed between the account in `of` and the one in `slot`, if anything.
    #[inline]
    fn passed_mut(&mut self, of: u32, slot: u32) -> Option<&mut Passed> {
        match self.nodes.get_mut(of as usize)? {
            Node::None => None,
            Node::One(only, passed) => (*only == slot).then_some(passed),
            Node::Hub(hub) => {
                let neighbour = self.hubs.get_mut(*hub).neighbours.get_mut(&mut self.store, slot);
                neighbour.map(|neighbour| &mut neighbour.passed)
            }
        }
    }

    /// The common counterparties of two accounts, in the scratch list, which the caller gives back.
    fn shared(&mut self, [a, b]: [u32; 2]) -> Vec<u32> {
        let mut shared = std::mem::take(&mut self.shared);
        shared.clear();
        match (*self.node(a), *self.node(b)) {
            (Node::None, _) | (_, Node::None) => {}
            (Node::One(only, _), _) => shared.extend(self.knows(b, only).then_some(only)),
            (_, Node::One(only, _)) => shared.extend(self.knows(a, only).then_some(only)),
            (Node::Hub(a), Node::Hub(b)) => {
                let [a, b] = [a, b].map(|hub| self.hubs.get(hub).neighbours);
                a.shared_with(b, &self.store, &mut shared);
            }
        }
        shared
    }

    /// Of accounts that the one in `slot` shares with another, how many pay it.
    fn payers_among(&self, slot: u32, shared: &[u32]) -> u32 {
        let Some(hub) = self.hub(slot) else { return 0 };
        let pays = |other: &&u32| {
            let neighbour = hub.neighbours.get(&self.store, **other);
            neighbour.is_some_and(|neighbour| neighbour.passed.received > 0)
        };
        shared.iter().filter(pays).count() as u32
    }

    /// Adds one transfer from the first of `ends`, which differ, to the second.
    pub(crate) fn insert(&mut self, ends: [u32; 2]) {
        let [p, q] = ends;
        self.nodes.grow_to(p.max(q) as usize + 1);
        self.transfers += 1;
        if let Some(passed) = self.passed_mut(p, q) {
            passed.sent += 1;
            let first = passed.sent == 1;
            if let Some(passed) = self.passed_mut(q, p) {
                passed.received += 1;
            }
            if first {
                self.become_mutual(ends);
            }
            return;
        }
        let shared = self.shared(ends);
        let common = shared.len() as u32;
        self.join(p, Neighbour { slot: q, common, passed: Passed { sent: 1, received: 0 } });
        self.join(q, Neighbour { slot: p, common, passed: Passed { sent: 0, received: 1 } });
        for &other in &shared {
            self.close_triangle(other, ends);
        }
        let pairs = self.payers_among(q, &shared);
        if let Some(hub) = self.hub_mut(q) {
            hub.payer_pairs += pairs;
        }
        self.shared = shared;
        self.relations += 1;
    }

    /// The first of `ends` pays the second for the first time, which has paid it before.
    fn become_mutual(&mut self, ends: [u32; 2]) {
        let [p, q] = ends;
        if let Some(hub) = self.hub_mut(p) {
            hub.out_degree += 1;
        }
        let shared = self.shared(ends);
        let pairs = self.payers_among(q, &shared);
        if let Some(hub) = self.hub_mut(q) {
            hub.in_degree += 1;
            hub.payer_pairs += pairs;
        }
        self.shared = shared;
    }

    /// The account in `of` has a new counterparty.
    fn join(&mut self, of: u32, new: Neighbour) {
        let node = &mut self.nodes[of as usize];
        match *node {
            Node::None => *node = Node::One(new.slot, new.passed),
            Node::One(slot, passed) => {
                let first = Neighbour { slot, common: 0, passed };
                *node = Node::Hub(self.hubs.pair(&mut self.store, [first, new]));
            }
            Node::Hub(hub) => self.hubs.get_mut(hub).insert(&mut self.store, new),
        }
    }

    /// The account in `of` loses the counterparty in `slot`, with which it shares `common` others.
    fn part(&mut self, of: u32, slot: u32, common: u32) {
        let node = &mut self.nodes[of as usize];
        match *node {
            Node::None | Node::One(..) => *node = Node::None,
            Node::Hub(hub) => {
                self.hubs.get_mut(hub).remove(&mut self.store, slot, common);
                if let Some(only) = self.hubs.release(&mut self.store, hub) {
                    *node = Node::One(only.slot, only.passed);
                }
            }
        }
    }

    /// The relation between `ends` is new, and `other` knows both.
    fn close_triangle(&mut self, other: u32, ends: [u32; 2]) {
        let mut both_pay = true;
        for end in ends {
            for (of, slot) in [(other, end), (end, other)] {
                let Node::Hub(hub) = self.nodes[of as usize] else { continue };
                let hub = self.hubs.get_mut(hub);
                if let Some(neighbour) = hub.neighbours.get_mut(&mut self.store, slot) {
                    neighbour.common += 1;
                    hub.unacquainted -= u32::from(neighbour.common == 1);
                    both_pay &= of != other || neighbour.passed.received > 0;
                }
            }
        }
        if let Some(hub) = self.hub_mut(other) {
            hub.triangles += 1;
            hub.payer_pairs += u32::from(both_pay);
        }
    }

    /// Takes one transfer away again; `false` when there is none between the two in this direction.
    pub(crate) fn remove(&mut self, ends: [u32; 2]) -> bool {
        let [p, q] = ends;
        let Some(passed) = self.passed_mut(p, q).filter(|passed| passed.sent > 0) else {
            return false;
        };
        passed.sent -= 1;
        let left = *passed;
        self.transfers -= 1;
        if let Some(passed) = self.passed_mut(q, p) {
            passed.received -= 1;
        }
        if left.sent > 0 {
            return true;
        }
        if let Some(hub) = self.hub_mut(p) {
            hub.out_degree -= 1;
        }
        let shared = self.shared(ends);
        let pairs = self.payers_among(q, &shared);
        if let Some(hub) = self.hub_mut(q) {
            hub.in_degree -= 1;
            hub.payer_pairs -= pairs;
        }
        if left.received == 0 {
            for &other in &shared {
                self.open_triangle(other, ends);
            }
            let common = shared.len() as u32;
            self.part(p, q, common);
            self.part(q, p, common);
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
                let Node::Hub(hub) = self.nodes[of as usize] else { continue };
                let hub = self.hubs.get_mut(hub);
                if let Some(neighbour) = hub.neighbours.get_mut(&mut self.store, slot) {
                    neighbour.common -= 1;
                    hub.unacquainted += u32::from(neighbour.common == 0);
                    both_pay &= of != other || neighbour.passed.received > 0;
                }
            }
        }
        if let Some(hub) = self.hub_mut(other) {
            hub.triangles -= 1;
            hub.payer_pairs -= u32::from(both_pay);
        }
    }
}
