//! Every relation once, from the account with fewer counterparties to the one with more.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::classes::classes_of;
use crate::graph::csr::Tally;
use crate::graph::partition::Buckets;
use crate::graph::weights::amount_weight;
use crate::parallel::map_chunks;

/// The rows of one bucket's accounts: whom they point to, lowest rank first.
#[derive(Debug, Default)]
pub(super) struct OutRows {
    starts: Vec<u32>,
    lens: Vec<u32>,
    pub targets: Vec<u32>,
    /// Beside the targets where they were asked for.
    pub tallies: Vec<Tally>,
    /// Weights by amount beside the targets where they were asked for.
    pub amounts: Vec<f64>,
}

impl OutRows {
    /// The row of the account at place `local` of the bucket.
    #[inline]
    pub fn row(&self, local: usize) -> Range<usize> {
        let start = self.starts[local] as usize;
        start..start + self.lens[local] as usize
    }
}

/// The relations of a graph oriented by rank: the degree's size class, ties by account.
///
/// No account points to many: at most about the square root of twice the relations (Chiba and Nishizeki, 1985), since
/// whoever it points to has about as many counterparties or more.
#[derive(Debug)]
pub(super) struct Oriented {
    pub buckets: Buckets,
    pub parts: Vec<OutRows>,
    classes: Vec<u8>,
}

/// What lies beside the targets of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    Nothing,
    Tallies,
    TalliesAndAmounts,
}

impl Oriented {
    pub fn of(graph: &TransferGraph, load: Load) -> Self {
        let accounts = graph.accounts();
        let buckets = Buckets::over(accounts);
        let classes = classes_of(graph);
        let parts: Vec<OutRows> =
            map_chunks(buckets.len(), 1, |bucket| out_rows(graph, &classes, buckets.range(bucket.start), load));
        Self { buckets, parts, classes }
    }

    /// The size class of an account's degree.
    pub fn class(&self, account: usize) -> u8 {
        self.classes[account]
    }

    /// Whom `account` points to: the columns of its bucket, and its row in them.
    #[inline]
    pub fn row(&self, account: u32) -> (&OutRows, Range<usize>) {
        let part = &self.parts[self.buckets.of(account)];
        (part, part.row(self.buckets.local(account) as usize))
    }
}

/// A row under way: class, account and tally in one word, so that sorting carries them along.
fn key(class: u8, account: u32, tally: Tally) -> u64 {
    u64::from(class) << 48 | u64::from(account) << 16 | u64::from(tally.sent) << 8 | u64::from(tally.received)
}

#[inline(never)]
fn out_rows(graph: &TransferGraph, classes: &[u8], range: Range<usize>, load: Load) -> OutRows {
    let slots = graph.offsets[range.start] as usize..graph.offsets[range.end] as usize;
    let mut rows = OutRows {
        starts: Vec::with_capacity(range.len() + 1),
        lens: Vec::with_capacity(range.len()),
        ..OutRows::default()
    };
    rows.targets.reserve(slots.len() * 3 / 4);
    if load >= Load::Tallies {
        rows.tallies.reserve(slots.len() * 3 / 4);
    }
    rows.starts.push(0);
    let mut keys: Vec<u64> = Vec::new();
    for account in range {
        let row = graph.row(account);
        let own = key(classes[account], account as u32, Tally::default());
        keys.clear();
        keys.resize(row.len(), 0);
        // Every candidate is written, only those above are kept: no branch to guess.
        let mut kept = 0;
        for (&other, &tally) in graph.neighbours[row.clone()].iter().zip(&graph.tallies[row]) {
            let key = key(classes[other as usize], other, tally);
            keys[kept] = key;
            kept += usize::from(key > own);
        }
        let keys = &mut keys[..kept];
        if keys.len() <= 24 {
            insertion_sort(keys);
        } else {
            keys.sort_unstable();
        }
        rows.targets.extend(keys.iter().map(|key| (key >> 16) as u32));
        rows.lens.push(kept as u32);
        if load >= Load::Tallies {
            rows.tallies.extend(keys.iter().map(|&key| Tally { sent: (key >> 8) as u8, received: key as u8 }));
        }
        if load == Load::TalliesAndAmounts {
            let weight = |key: &u64| {
                let slot = graph.slot_of(account as u32, (key >> 16) as u32);
                slot.map_or(0.0, |slot| amount_weight(graph, slot))
            };
            rows.amounts.extend(keys.iter().map(weight));
        }
        rows.starts.push(rows.targets.len() as u32);
    }
    rows
}

fn insertion_sort(keys: &mut [u64]) {
    for end in 1..keys.len() {
        let key = keys[end];
        let mut at = end;
        while at > 0 && keys[at - 1] > key {
            keys[at] = keys[at - 1];
            at -= 1;
        }
        keys[at] = key;
    }
}
