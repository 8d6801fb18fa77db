//! The triangles of a graph some of whose accounts point to hundreds, and these to each other.
//!
//! Accounts are renamed by rank, most counterparties first, so that the core's rows are short numbers that lie together and
//! stay in cache. Each account marks whom it points to in a bitmap, and the rows of those it points to are held against it.
//! Where the first few thousand ranks are so closely linked that it pays, they become a matrix of bits, whose rows are met
//! 64 accounts at a time. After the hub-first renaming of Shun and Tangwongsan (ICDE 2015) and the bitmaps of LOTUS (PPoPP 2022).

use std::ops::Range;

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::orient::Oriented;
use crate::graph::stage::in_runs;
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
    fn of(accounts: usize, core: usize) -> Self {
        Self {
            counts: vec![0; accounts],
            sums: vec![0; accounts],
            marks: vec![0; accounts.div_ceil(64)],
            doubled: vec![0; core],
            held: 0,
        }
    }

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

/// The oriented relations by rank, most counterparties first: an account then points to lower ranks only.
struct Ranked {
    /// Who has each rank, in the lower half.
    order: Vec<u64>,
    offsets: Vec<usize>,
    targets: Vec<u32>,
}

impl Ranked {
    fn of(accounts: usize, oriented: &Oriented) -> Self {
        let key = |account: usize| u64::from(oriented.class(account)) << 32 | account as u64;
        let mut order: Vec<u64> = (0..accounts).map(key).collect();
        order.sort_unstable_by(|one, other| other.cmp(one));
        let mut ranks = vec![0u32; accounts];
        let mut offsets = Vec::with_capacity(accounts + 1);
        offsets.push(0);
        let mut end = 0;
        for (rank, key) in order.iter().enumerate() {
            ranks[*key as u32 as usize] = rank as u32;
            end += oriented.row(*key as u32).1.len();
            offsets.push(end);
        }
        let mut ranked = Self { order, offsets, targets: vec![0; end] };
        ranked.fill(oriented, &ranks);
        ranked
    }

    fn fill(&mut self, oriented: &Oriented, ranks: &[u32]) {
        let Self { order, offsets, targets } = self;
        let mut rest = &mut targets[..];
        let cut = |first: usize| {
            let len = offsets[(first + RUN).min(order.len())] - offsets[first];
            rest.split_off_mut(..len).expect("rows end where the last one does")
        };
        let mut runs: Vec<&mut [u32]> = (0..order.len()).step_by(RUN).map(cut).collect();
        for_each_chunk_mut(&mut runs, 1, |run, targets| {
            let first = run * RUN;
            for rank in first..(first + RUN).min(order.len()) {
                let (part, row) = oriented.row(order[rank] as u32);
                let own = &mut targets[0][offsets[rank] - offsets[first]..offsets[rank + 1] - offsets[first]];
                own.iter_mut().zip(&part.targets[row]).for_each(|(slot, &target)| *slot = ranks[target as usize]);
                own.sort_unstable();
            }
        });
    }

    fn row(&self, rank: usize) -> &[u32] {
        &self.targets[self.offsets[rank]..self.offsets[rank + 1]]
    }

    /// Credits the triangles whose lowest corner has such a rank.
    fn meet(&self, rank: usize, space: &mut Space) {
        let row = self.row(rank);
        if row.len() < 2 {
            return;
        }
        for &target in row {
            space.marks[target as usize / 64] |= 1 << (target % 64);
        }
        let mut own = 0;
        for &middle in &row[1..] {
            let found = meet(&space.marks, self.row(middle as usize), &mut space.counts);
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
}

/// Counts the triangles of every account.
pub(super) fn count(graph: &TransferGraph, oriented: &Oriented, progress: Progress<'_>) -> Result<Vec<u64>> {
    let accounts = graph.accounts();
    let ranked = Ranked::of(accounts, oriented);
    let core = Core::of(&ranked.offsets, &ranked.targets);
    let meet_run = |run: Range<usize>, space: &mut Space| {
        for rank in run {
            if rank < core.size {
                core.meet(rank, ranked.row(rank), &mut space.doubled);
            } else {
                ranked.meet(rank, space);
            }
        }
    };
    let fresh = || Space::of(accounts, core.size);
    let mut counts = vec![0u64; accounts];
    let mut core_sums = vec![0u64; core.size];
    for mut space in in_runs("counting triangles", accounts, RUN, progress, fresh, meet_run)? {
        space.settle();
        for (&key, sum) in ranked.order.iter().zip(&space.sums) {
            counts[key as u32 as usize] += sum;
        }
        core_sums.iter_mut().zip(&space.doubled).for_each(|(sum, doubled)| *sum += doubled);
    }
    for (&key, sum) in ranked.order.iter().zip(&core_sums) {
        counts[key as u32 as usize] += sum / 2;
    }
    Ok(counts)
}
