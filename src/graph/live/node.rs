//! What is kept of one account of the graph: its only counterparty, or where more than that is kept.

use crate::graph::live::blocks::Blocks;
use crate::graph::live::neighbours::Neighbour;
use crate::graph::live::neighbours::Neighbours;
use crate::graph::live::neighbours::Passed;
use crate::graph::live::neighbours::Store;
use crate::graph::weights::DirectedDegrees;

/// An account. Most have one counterparty, so four of them share a cache line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Node {
    #[default]
    None,
    /// Its only counterparty, with which it can have none in common.
    One(u32, Passed),
    /// The number of its hub.
    Hub(u32),
}

/// What is kept of an account with two counterparties or more: half a cache line. An account has no more triangles than there
/// are relations, nor do more of its payers deal with each other.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Hub {
    pub neighbours: Neighbours,
    pub triangles: u32,
    pub payer_pairs: u32,
    pub in_degree: u32,
    pub out_degree: u32,
    /// Counterparties that share no counterparty with the account.
    pub unacquainted: u32,
}

impl Hub {
    fn count(&mut self, new: Neighbour) {
        self.triangles += new.common;
        self.unacquainted += u32::from(new.common == 0);
        self.in_degree += u32::from(new.passed.received > 0);
        self.out_degree += u32::from(new.passed.sent > 0);
    }

    /// Adds a counterparty that is not there yet.
    pub fn insert(&mut self, store: &mut Store, new: Neighbour) {
        self.count(new);
        self.neighbours.insert(store, new);
    }

    /// Takes out a counterparty with which no transfer is left, and which shares `common` others.
    pub fn remove(&mut self, store: &mut Store, slot: u32, common: u32) {
        self.triangles -= common;
        self.unacquainted -= u32::from(common == 0);
        self.neighbours.remove(store, slot);
    }

    pub fn directed(&self) -> DirectedDegrees {
        DirectedDegrees { payers: self.in_degree, payees: self.out_degree }
    }
}

/// The hubs there are, and the numbers of those given back.
#[derive(Debug, Clone, Default)]
pub(super) struct Hubs {
    hubs: Blocks<Hub>,
    free: Vec<u32>,
}

impl Hubs {
    #[inline]
    pub fn get(&self, number: u32) -> &Hub {
        &self.hubs[number as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut Hub {
        &mut self.hubs[number as usize]
    }

    /// A hub of two counterparties that are no counterparties of each other.
    pub fn pair(&mut self, store: &mut Store, pair: [Neighbour; 2]) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.hubs.grow_to(self.hubs.len() + 1);
            self.hubs.len() as u32 - 1
        });
        let hub = self.get_mut(number);
        *hub = Hub { neighbours: Neighbours::pair(store, pair), ..Hub::default() };
        pair.into_iter().for_each(|new| hub.count(new));
        number
    }

    /// Gives back a hub that has one counterparty left, which is returned.
    pub fn release(&mut self, store: &mut Store, number: u32) -> Option<Neighbour> {
        let only = self.get(number).neighbours.release_only(store)?;
        self.free.push(number);
        Some(only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_as_small_as_they_are_said_to_be() {
        assert_eq!((size_of::<Node>(), size_of::<Hub>()), (16, 32));
    }
}
