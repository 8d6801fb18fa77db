//! What ties two accounts that deal with each other: the quiet counterparties that both have.

use std::ops::Range;

use crate::graph::TransferGraph;

use super::quiet::{BUSY, weight_of};

/// Slots before that of a counterparty, while which its row is asked for, and twice as many before where that lies.
const AHEAD: usize = 12;

/// The weight of the quiet counterparties that both ends of a relation have; below zero where one of them paid the account
/// of the row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tie(f32);

impl Tie {
    /// The weight of the quiet counterparties that both ends have.
    pub fn weight(self) -> f32 {
        self.0.abs()
    }

    /// Whether one of them paid the account in whose row the relation is.
    pub fn is_over_payer(self) -> bool {
        self.0 < 0.0
    }

    /// One more such counterparty.
    fn over(self, weight: f32, payer: bool) -> Self {
        let sum = self.weight() + weight;
        Self(if payer || self.is_over_payer() { -sum } else { sum })
    }
}

/// A bit for each counterparty of the account at hand; none between accounts.
#[derive(Default)]
pub(super) struct Marked(Vec<u64>);

impl Marked {
    fn mark(&mut self, peers: &[u32]) {
        peers.iter().for_each(|&peer| self.0[peer as usize / 64] |= 1 << (peer % 64));
    }

    fn unmark(&mut self, peers: &[u32]) {
        peers.iter().for_each(|&peer| self.0[peer as usize / 64] = 0);
    }

    fn holds(&self, account: u32) -> bool {
        self.0[account as usize / 64] >> (account % 64) & 1 == 1
    }
}

/// The ties of `accounts`, for every slot of their rows: over each quiet counterparty to those of its own that the account
/// deals with, too.
pub(super) fn ties_of(graph: &TransferGraph, accounts: Range<usize>, marked: &mut Marked) -> Vec<Tie> {
    marked.0.resize(graph.accounts().div_ceil(64), 0);
    let weights: [f32; BUSY + 1] = std::array::from_fn(weight_of);
    let first = graph.row(accounts.start).start;
    let mut all = vec![Tie::default(); graph.row(accounts.end - 1).end - first];
    let mut shared = [0u32; BUSY];
    for account in accounts {
        let (row, peers) = (graph.row(account), graph.neighbours(account as u32));
        let ties = &mut all[row.start - first..row.end - first];
        marked.mark(peers);
        for (slot, &middle) in row.zip(peers) {
            graph.ask_ahead(slot, AHEAD, BUSY);
            let ends = graph.neighbours(middle);
            let Some(&weight) = weights.get(ends.len()) else { continue };
            let payer = graph.counts(slot).received > 0;
            // Whether both deal with an end is anybody's guess, so each is put down, and written over where they do not.
            let mut count = 0;
            for &end in ends {
                shared[count % BUSY] = end;
                count += usize::from(marked.holds(end));
            }
            for &end in &shared[..count] {
                let tie = &mut ties[peers.partition_point(|&peer| peer < end)];
                *tie = tie.over(weight, payer);
            }
        }
        marked.unmark(peers);
    }
    all
}
