//! The triangles of a graph whose accounts point to few others.
//!
//! For each account `u` and each `v` it points to, those whom both point to are found by holding the line of `v` against the
//! line of `u`, all lanes at once. Lines of a run of accounts are asked for together, so that their way from memory is gone
//! once and not one after the other. What is found is credited to the lanes of `u`, and mailed to the accounts in them when
//! all of `u` is done: memory is met in order there.

use std::hint::black_box;

use crate::error::Result;
use crate::graph::lines::{LANES, Line, Lines, NOBODY};
use crate::graph::stage::Steps;
use crate::graph::streams::Streams;
use crate::graph::wide::{self, Ask};
use crate::parallel::{Workspaces, for_each_chunk_mut};
use crate::progress::Progress;

/// Accounts whose lines are asked for together.
pub(super) const RUN: usize = 16;

/// What one thread works with.
#[derive(Debug)]
struct Space {
    /// Triangles for the accounts of each bucket, as words of place and number.
    mail: Streams,
    /// One bit an account, set for those a long row points to.
    marks: Vec<u64>,
}

/// Counts the triangles of every account.
pub(super) fn count(lines: &Lines, accounts: usize, progress: Progress<'_>) -> Result<Vec<u64>> {
    let buckets = lines.buckets;
    let mut counts = vec![0u64; accounts];
    let steps = Steps::new("counting triangles", buckets.len(), progress);
    let spaces = Workspaces::new();
    let fresh = || Space { mail: Streams::of(buckets.len()), marks: vec![0; accounts.div_ceil(64)] };
    let heads = lines.heads();
    for_each_chunk_mut(&mut counts, buckets.width(), |first, counts| {
        if !steps.stopped() {
            let bucket = buckets.of(first as u32);
            let count = |space: &mut Space| count_bucket(lines, &heads, bucket, counts, space);
            spaces.with_until(|space| space.mail.is_full(), fresh, count);
            steps.step();
        }
    });
    steps.end()?;
    let spaces = spaces.into_items();
    for_each_chunk_mut(&mut counts, buckets.width(), |first, counts| {
        for block in spaces.iter().flat_map(|space| space.mail.blocks(buckets.of(first as u32))) {
            for word in block {
                counts[(word >> 16) as usize] += u64::from(word & 0xFFFF);
            }
        }
    });
    Ok(counts)
}

/// A run of accounts, whom they ask, and what comes of it: one thread's at a time.
#[derive(Debug)]
pub(super) struct Run<'a> {
    lines: &'a Lines,
    heads: &'a [&'a [Line]],
    asked: Vec<Ask>,
    answers: Vec<&'a Line>,
    met: Vec<u16>,
}

impl<'a> Run<'a> {
    pub fn new(lines: &'a Lines, heads: &'a [&'a [Line]]) -> Self {
        Self { lines, heads, asked: vec![(0, 0); RUN * LANES], answers: Vec::new(), met: Vec::new() }
    }

    /// Asks all whom the accounts of `run` point to for their lines, all at once: none of these reads waits for another.
    pub fn ask(&mut self, run: &[Line]) {
        let mut asks = 0;
        for (at, line) in run.iter().enumerate() {
            if !line.has_wedges() || line.as_long().is_some() {
                continue;
            }
            for (lane, &v) in line.0.iter().enumerate() {
                if v == NOBODY {
                    break;
                }
                self.asked[asks] = (v, (at * LANES + lane) as u8);
                asks += usize::from(self.lines.points(v));
            }
        }
        self.answers.clear();
        let (buckets, heads) = (self.lines.buckets, self.heads);
        let line = |&(v, _): &Ask| &heads[buckets.of(v)][buckets.local(v) as usize];
        self.answers.extend(self.asked[..asks].iter().map(line));
        black_box(self.answers.iter().fold(0, |all, line| all ^ line.0[0]));
        wide::meet(run, &self.asked, &self.answers, &mut self.met);
    }

    /// Hands `each` the place in the run and the lane that asked, the answer of a line, and the lanes of the asking line that
    /// are in it too as bits, where there are any; a long answer in blocks, with the lanes before each.
    #[inline]
    pub fn for_each(&self, run: &[Line], mut each: impl FnMut(usize, usize, &[u32; LANES], usize, u16)) {
        for ((&line, &(v, place)), &met) in self.answers.iter().zip(&self.asked).zip(&self.met) {
            let (at, lane) = (usize::from(place) / LANES, usize::from(place) % LANES);
            if met > 0 {
                each(at, lane, &line.0, 0, met);
            } else if line.as_long().is_some() {
                for (block, lanes) in self.lines.lanes(v, line).iter().enumerate() {
                    let met = found_among(&run[at].0, lanes);
                    if met > 0 {
                        each(at, lane, lanes, block * LANES, met);
                    }
                }
            }
        }
    }
}

/// One bit for each lane of `own` whose account is among `others`.
fn found_among(own: &[u32; LANES], others: &[u32; LANES]) -> u16 {
    let found = |&account: &u32| account != NOBODY && others.contains(&account);
    own.iter().enumerate().fold(0, |bits, (lane, account)| bits | u16::from(found(account)) << lane)
}

/// Credits the triangles that are found from the accounts of one bucket, to these or by mail.
#[inline(never)]
fn count_bucket(lines: &Lines, heads: &[&[Line]], bucket: usize, counts: &mut [u64], space: &mut Space) {
    let part = &lines.parts[bucket];
    let mut asks = Run::new(lines, heads);
    for (run, counts) in part.lines.chunks(RUN).zip(counts.chunks_mut(RUN)) {
        asks.ask(run);
        let mut sums = [[0u32; LANES]; RUN];
        let mut credited = [0u16; RUN];
        asks.for_each(run, |at, lane, _, _, mut met| {
            let sums = &mut sums[at];
            sums[lane] += met.count_ones();
            credited[at] |= met | 1 << lane;
            while met > 0 {
                sums[met.trailing_zeros() as usize] += 1;
                met &= met - 1;
            }
        });
        for (at, (line, count)) in run.iter().zip(counts).enumerate() {
            if let Some(row) = line.as_long() {
                *count += count_long(lines, &part.long[row], space);
                continue;
            }
            let (mut rest, mut corners) = (credited[at], 0);
            while rest > 0 {
                let lane = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                corners += sums[at][lane];
                credit(lines, line.0[lane], sums[at][lane], &mut space.mail);
            }
            *count += u64::from(corners / 2);
        }
    }
}

/// Credits `sum` triangles to `account`.
#[inline]
fn credit(lines: &Lines, account: u32, mut sum: u32, mail: &mut Streams) {
    while sum > 0 {
        let now = sum.min(0xFFFF);
        mail.record::<1>(lines.buckets.of(account))[0] = lines.buckets.local(account) << 16 | now;
        sum -= now;
    }
}

/// Credits the triangles found from an account that points to more others than a line holds; how many there are.
#[inline(never)]
fn count_long(lines: &Lines, row: &[u32], space: &mut Space) -> u64 {
    for &target in row {
        space.marks[target as usize / 64] |= 1 << (target % 64);
    }
    let mut sums = vec![0u32; row.len()];
    let mut all = 0;
    for (place, &v) in row.iter().enumerate() {
        for &w in lines.lanes(v, lines.line(v)).as_flattened() {
            if w != NOBODY
                && space.marks[w as usize / 64] >> (w % 64) & 1 == 1
                && let Ok(other) = row.binary_search(&w)
            {
                sums[other] += 1;
                sums[place] += 1;
                all += 1;
            }
        }
    }
    for (&target, &sum) in row.iter().zip(&sums) {
        space.marks[target as usize / 64] = 0;
        credit(lines, target, sum, &mut space.mail);
    }
    all
}
