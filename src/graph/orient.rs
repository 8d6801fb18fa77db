//! Every relation once, from the account with fewer counterparties to the one with more.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::corner::amount_weight;
use crate::graph::csr::Tally;
use crate::graph::partition::Buckets;
use crate::parallel::map_chunks;

/// Accounts per unit of work where no buckets are involved.
pub(super) const ACCOUNTS: usize = 1 << 14;

/// The size class of a degree, eight to a doubling: one byte an account instead of four keeps the order of tens of millions
/// of accounts near the cache.
pub(super) fn class_of(degree: usize) -> u8 {
    let degree = degree as u64;
    if degree < 16 {
        return degree as u8;
    }
    let octave = degree.ilog2();
    (16 + (octave - 4) * 8 + ((degree >> (octave - 3)) & 7) as u32) as u8
}

/// Rows are filled up to a multiple of this, with a number no account has.
const GROUP: usize = 4;
const NOBODY: u32 = u32::MAX;

/// One bit of 64 for an account, so that a row's bits rule out most of those it does not hold.
#[inline]
pub(super) fn bit(account: u32) -> u64 {
    1 << (account.wrapping_mul(0x9E37_79B1) >> 26)
}

/// The rows of one bucket's accounts: whom they point to, lowest rank first.
#[derive(Debug, Default)]
pub(super) struct OutRows {
    starts: Vec<u32>,
    lens: Vec<u32>,
    /// The bits of everybody in the row.
    signatures: Vec<u64>,
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

    /// Whether the row may hold `wanted`, by its bits alone.
    #[inline]
    pub fn may_hold(&self, local: usize, wanted: u32) -> bool {
        self.signatures[local] & bit(wanted) != 0
    }

    /// The place of `wanted` among the targets, where the row holds it. A row has no particular order, but is short, and
    /// comparing all of a group at once needs no guess.
    #[inline]
    pub fn find(&self, local: usize, wanted: u32) -> Option<usize> {
        let (start, end) = (self.starts[local] as usize, self.starts[local + 1] as usize);
        let (groups, _) = self.targets[start..end].as_chunks::<GROUP>();
        for (at, group) in groups.iter().enumerate() {
            let equal: [u32; GROUP] =
                std::array::from_fn(|lane| if group[lane] == wanted { lane as u32 + 1 } else { 0 });
            let lane: u32 = equal.iter().sum();
            if lane > 0 {
                return Some(start + at * GROUP + lane as usize - 1);
            }
        }
        None
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
    /// One bit an account: whether it points to anybody.
    pointing: Vec<u64>,
    /// Pairs of relations that leave one account.
    pub wedges: u64,
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
        let classes: Vec<u8> = map_chunks(accounts, ACCOUNTS, |range| {
            range.map(|account| class_of(graph.row(account).len())).collect::<Vec<u8>>()
        })
        .concat();
        let parts: Vec<OutRows> =
            map_chunks(buckets.len(), 1, |bucket| out_rows(graph, &classes, buckets.range(bucket.start), load));
        let mut pointing = vec![0u64; accounts.div_ceil(64)];
        let mut wedges = 0;
        for (bucket, part) in parts.iter().enumerate() {
            let first = buckets.range(bucket).start;
            for (local, &out) in part.lens.iter().enumerate() {
                let out = u64::from(out);
                wedges += out * out.saturating_sub(1) / 2;
                pointing[(first + local) / 64] |= u64::from(out > 0) << ((first + local) % 64);
            }
        }
        Self { buckets, parts, classes, pointing, wedges }
    }

    /// The size class of an account's degree.
    pub fn class(&self, account: usize) -> u8 {
        self.classes[account]
    }

    /// Whether `account` points to anybody.
    #[inline]
    pub fn points(&self, account: u32) -> bool {
        self.pointing[account as usize / 64] >> (account % 64) & 1 == 1
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
        signatures: Vec::with_capacity(range.len()),
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
        rows.signatures.push(keys.iter().fold(0, |bits, key| bits | bit((key >> 16) as u32)));
        let filled = kept.next_multiple_of(GROUP);
        rows.targets.resize(rows.targets.len() + filled - kept, NOBODY);
        if load >= Load::Tallies {
            rows.tallies.extend(keys.iter().map(|&key| Tally { sent: (key >> 8) as u8, received: key as u8 }));
            rows.tallies.resize(rows.targets.len(), Tally::default());
        }
        if load == Load::TalliesAndAmounts {
            let weight = |key: &u64| {
                let slot = graph.slot_of(account as u32, (key >> 16) as u32);
                slot.map_or(0.0, |slot| amount_weight(graph, slot))
            };
            rows.amounts.extend(keys.iter().map(weight));
            rows.amounts.resize(rows.targets.len(), 0.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_ascend_and_fit_a_byte() {
        let classes: Vec<u8> = (0..100_000).map(class_of).collect();
        assert!(classes.is_sorted());
        assert_eq!(classes[15..19], [15, 16, 16, 17]);
        assert!(class_of(u32::MAX as usize) < u8::MAX);
    }
}
