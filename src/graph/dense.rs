//! The triangles of a graph some of whose accounts point to hundreds, and these to each other.
//!
//! Accounts are renamed by rank, most counterparties first, so that the core's rows are short numbers that lie together and
//! stay in cache. Each account marks whom it points to in a bitmap, and the rows of those it points to are held against it.
//! Where the first few thousand ranks are so closely linked that it pays, they become a matrix of bits, whose rows are met
//! 64 accounts at a time. After the hub-first renaming of Shun and Tangwongsan (ICDE 2015) and the bitmaps of LOTUS (PPoPP 2022).

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::graph::TransferGraph;
use crate::graph::orient::Oriented;
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;

/// Accounts between two looks at whether to stop; few, since the core's rows are long.
const RUN: usize = 256;

/// Counters and marks of one thread.
struct Space {
    counts: Vec<u32>,
    sums: Vec<u64>,
    marks: Vec<u64>,
    /// Triangles since the counts were last moved over.
    held: u64,
    /// Twice the triangles inside the core.
    doubled: Vec<u64>,
}

impl Space {
    /// Moves the counts over.
    fn settle(&mut self) {
        for (sum, count) in self.sums.iter_mut().zip(&mut self.counts) {
            *sum += u64::from(std::mem::take(count));
        }
        self.held = 0;
    }
}

/// Counts those of `reach` that are marked, in total and one by one.
#[inline]
fn meet(marks: &[u64], reach: &[u32], counts: &mut [u32]) -> u32 {
    let mut found = 0;
    for &target in reach {
        let bit = (marks[target as usize / 64] >> (target % 64) & 1) as u32;
        counts[target as usize] += bit;
        found += bit;
    }
    found
}

/// The closest-linked first ranks as a matrix of bits.
struct Core {
    size: usize,
    width: usize,
    bits: Vec<u64>,
}

/// Sizes of a core that are weighed against each other.
const CORES: [usize; 6] = [1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15];

impl Core {
    /// The core that saves most; of no accounts where none saves anything.
    fn of(offsets: &[usize], targets: &[u32]) -> Self {
        let accounts = offsets.len() - 1;
        let out = |rank: usize| offsets[rank + 1] - offsets[rank];
        let (mut size, mut most) = (0, 0);
        let (mut tests, mut rank) = (0usize, 0);
        for core in CORES.map(|core| core.min(accounts)) {
            while rank < core {
                tests +=
                    targets[offsets[rank]..offsets[rank + 1]].iter().map(|&target| out(target as usize)).sum::<usize>();
                rank += 1;
            }
            // A word of the matrix costs about what a test of the other way does.
            let saved = tests.saturating_sub(offsets[core] * core.div_ceil(64));
            if saved > most {
                (size, most) = (core, saved);
            }
        }
        let width = size.div_ceil(64);
        let mut bits = vec![0u64; size * width];
        for rank in 0..size {
            for &target in &targets[offsets[rank]..offsets[rank + 1]] {
                bits[rank * width + target as usize / 64] |= 1 << (target % 64);
                bits[target as usize * width + rank / 64] |= 1 << (rank % 64);
            }
        }
        Self { size, width, bits }
    }

    fn row(&self, rank: usize) -> &[u64] {
        &self.bits[rank * self.width..(rank + 1) * self.width]
    }

    /// Adds what `rank` and each of those it points to have in common, to both: twice the triangles in the end.
    fn meet(&self, rank: usize, row: &[u32], doubled: &mut [u64]) {
        let own = self.row(rank);
        for &target in row {
            let common: u32 = own.iter().zip(self.row(target as usize)).map(|(a, b)| (a & b).count_ones()).sum();
            doubled[rank] += u64::from(common);
            doubled[target as usize] += u64::from(common);
        }
    }
}

/// Counts the triangles of every account.
pub(super) fn count(graph: &TransferGraph, oriented: &Oriented, progress: Progress<'_>) -> Result<Vec<u64>> {
    let accounts = graph.accounts();
    // Ranks: most counterparties first. An account then points to lower ranks only.
    let mut order: Vec<u64> =
        (0..accounts).map(|account| u64::from(oriented.class(account)) << 32 | account as u64).collect();
    order.sort_unstable_by(|one, other| other.cmp(one));
    let mut ranks = vec![0u32; accounts];
    for (rank, key) in order.iter().enumerate() {
        ranks[*key as u32 as usize] = rank as u32;
    }
    let mut offsets = Vec::with_capacity(accounts + 1);
    offsets.push(0usize);
    let mut end = 0;
    for key in &order {
        end += oriented.row(*key as u32).1.len();
        offsets.push(end);
    }
    let mut targets = vec![0u32; end];
    let mut rows = Vec::with_capacity(accounts.div_ceil(RUN));
    let mut rest = &mut targets[..];
    for first in (0..accounts).step_by(RUN) {
        let len = offsets[(first + RUN).min(accounts)] - offsets[first];
        let (run, after) = rest.split_at_mut(len);
        rest = after;
        rows.push((first, run));
    }
    for_each_chunk_mut(&mut rows, 1, |_, run| {
        let (first, targets) = &mut run[0];
        for rank in *first..(*first + RUN).min(accounts) {
            let (part, row) = oriented.row(order[rank] as u32);
            let own = &mut targets[offsets[rank] - offsets[*first]..offsets[rank + 1] - offsets[*first]];
            for (slot, &target) in own.iter_mut().zip(&part.targets[row]) {
                *slot = ranks[target as usize];
            }
            own.sort_unstable();
        }
    });

    let core = Core::of(&offsets, &targets);
    let spare: Mutex<Vec<Space>> = Mutex::new(Vec::new());
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut runs: Vec<usize> = (0..accounts).step_by(RUN).collect();
    for_each_chunk_mut(&mut runs, 1, |_, run| {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let first = run[0];
        let last = spare.lock().ok().and_then(|mut spare| spare.pop());
        let mut space = last.unwrap_or_else(|| Space {
            counts: vec![0; accounts],
            sums: vec![0; accounts],
            marks: vec![0; accounts.div_ceil(64)],
            doubled: vec![0; core.size],
            held: 0,
        });
        for rank in first..(first + RUN).min(accounts) {
            let row = &targets[offsets[rank]..offsets[rank + 1]];
            if rank < core.size {
                core.meet(rank, row, &mut space.doubled);
                continue;
            }
            if row.len() < 2 {
                continue;
            }
            for &target in row {
                space.marks[target as usize / 64] |= 1 << (target % 64);
            }
            let mut own = 0;
            for &middle in &row[1..] {
                let reach = &targets[offsets[middle as usize]..offsets[middle as usize + 1]];
                let found = meet(&space.marks, reach, &mut space.counts);
                space.counts[middle as usize] += found;
                own += found;
            }
            space.counts[rank] += own;
            space.held += u64::from(own);
            for &target in row {
                space.marks[target as usize / 64] = 0;
            }
            if space.held > 1 << 30 {
                space.settle();
            }
        }
        if let Ok(mut spare) = spare.lock() {
            spare.push(space);
        }
        let done = done.fetch_add(RUN as u64, Ordering::Relaxed) + RUN as u64;
        let step = progress.step("counting triangles", done.min(accounts as u64), accounts as u64);
        stop.fetch_or(step.is_err(), Ordering::Relaxed);
    });
    if stop.into_inner() {
        return Err(Error::cancelled("counting triangles"));
    }
    let mut counts = vec![0u64; accounts];
    let mut core_sums = vec![0u64; core.size];
    let mut spaces = spare.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    for space in &mut spaces {
        space.settle();
        for (rank, sum) in space.sums.iter().enumerate() {
            counts[order[rank] as u32 as usize] += sum;
        }
        for (rank, doubled) in space.doubled.iter().enumerate() {
            core_sums[rank] += doubled;
        }
    }
    for (rank, sum) in core_sums.iter().enumerate() {
        counts[order[rank] as u32 as usize] += sum / 2;
    }
    Ok(counts)
}
