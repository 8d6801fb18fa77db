//! How much an account deals with each of its counterparties, and with all of them.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::csr::Tally;

/// The weight of a relation by transfers either way.
pub(super) fn count_weight(graph: &TransferGraph, slot: usize) -> f64 {
    graph.counts(slot).total() as f64
}

/// The weight of a relation by amount: what went either way, refunds taken off, never below nothing.
pub(super) fn amount_weight(graph: &TransferGraph, slot: usize) -> f64 {
    graph.amounts.as_ref().map_or(0.0, |column| {
        let [sent, received] = column[slot];
        (i128::from(sent) + i128::from(received)).max(0) as f64
    })
}

/// The weights of all relations of an account by one measure: their sum, and the sum of their squares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighed {
    pub total: u64,
    squares: f64,
}

impl Weighed {
    /// One over the total; nothing where there is no weight.
    #[inline]
    pub fn inverse(self) -> f64 {
        if self.total == 0 { 0.0 } else { 1.0 / self.total as f64 }
    }

    /// The sum of the squared shares of the relations: Burt's constraint as far as nobody knows another. Not a number where
    /// there is no weight.
    #[inline]
    pub fn constraint_alone(self) -> f64 {
        let inverse = self.inverse();
        if self.squares == 0.0 { f64::NAN } else { self.squares * inverse * inverse }
    }

    /// By transfers.
    pub fn by_count(graph: &TransferGraph, row: Range<usize>) -> Self {
        Tallied::of(&graph.tallies[row.clone()]).weighed(graph, row)
    }

    /// By amount: whole minor units below 2^63 in all, so an exact sum fits and has no order.
    pub fn by_amount(graph: &TransferGraph, row: Range<usize>) -> Self {
        let weights = || row.clone().map(|slot| amount_weight(graph, slot));
        let squares: u128 = weights().map(|weight| (weight as u128).pow(2)).sum();
        Self { total: weights().map(|weight| weight as u64).sum(), squares: squares as f64 }
    }
}

/// One over the total of each account's relations, by count and by amount; empty where not asked for.
#[derive(Debug, Default)]
pub(super) struct Weights {
    pub by_count: Vec<f64>,
    pub by_amount: Vec<f64>,
}

/// How many counterparties pay an account, and how many it pays.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct DirectedDegrees {
    pub payers: u32,
    pub payees: u32,
}

/// What the tallies of a row add up to, in one walk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tallied {
    pub directed: DirectedDegrees,
    total: u64,
    squares: u64,
    has_large: bool,
}

impl Tallied {
    #[inline]
    pub fn of(tallies: &[Tally]) -> Self {
        let mut sum = Self::default();
        for tally in tallies {
            let count = u64::from(tally.sent) + u64::from(tally.received);
            sum.directed.payers += u32::from(tally.received > 0);
            sum.directed.payees += u32::from(tally.sent > 0);
            sum.total += count;
            sum.squares += count * count;
            sum.has_large |= tally.is_large();
        }
        sum
    }

    /// The weights by count of `row`, whose tallies these are.
    #[inline]
    pub fn weighed(self, graph: &TransferGraph, row: Range<usize>) -> Weighed {
        #[cold]
        fn with_large(graph: &TransferGraph, row: Range<usize>) -> Weighed {
            let counts = || row.clone().map(|slot| graph.counts(slot).total());
            let squares: u128 = counts().map(|count| u128::from(count).pow(2)).sum();
            Weighed { total: counts().sum(), squares: squares as f64 }
        }
        if self.has_large {
            with_large(graph, row)
        } else {
            Weighed { total: self.total, squares: self.squares as f64 }
        }
    }
}
