//! From relations seen once, by the lower account, to rows that hold every relation twice.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Result;
use crate::graph::csr::{LargeTally, Tally};
use crate::graph::distinct::Upper;
use crate::graph::partition::Buckets;
use crate::parallel::{for_each_chunk_mut, map_chunks, try_map_chunks};
use crate::progress::Progress;

/// Relations that are mirrored in one go, at least; fixed, so that threads do not change the result.
const GROUP: usize = 1 << 21;

/// The columns of a graph.
#[derive(Debug)]
pub(super) struct Rows {
    pub offsets: Vec<u64>,
    pub neighbours: Vec<u32>,
    pub tallies: Vec<Tally>,
    pub large: Vec<LargeTally>,
    pub amounts: Option<Vec<[i64; 2]>>,
    pub days: Option<Vec<[i32; 2]>>,
}

/// Relations dealt to the buckets of the higher account: in each, ascending by the lower one.
#[derive(Debug, Default)]
struct Mirrored {
    starts: Vec<u32>,
    words: Vec<MirrorWord>,
    amounts: Vec<[i64; 2]>,
    days: Vec<[i32; 2]>,
}

/// The higher account's place in its bucket, the lower account, and the tally as the higher account sees it.
#[derive(Debug, Clone, Copy)]
struct MirrorWord(u64);

impl MirrorWord {
    fn new(local: u32, low: u32, tally: Tally) -> Self {
        let tally = u64::from(tally.sent) << 8 | u64::from(tally.received);
        Self(u64::from(local) << 48 | u64::from(low) << 16 | tally)
    }

    fn local(self) -> usize {
        (self.0 >> 48) as usize
    }

    fn low(self) -> u32 {
        (self.0 >> 16) as u32
    }

    fn tally(self) -> Tally {
        Tally { sent: (self.0 >> 8) as u8, received: self.0 as u8 }
    }
}

impl Mirrored {
    fn segment(&self, bucket: usize) -> Range<usize> {
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }

    /// Deals the relations of the buckets in `range`.
    fn deal(buckets: &Buckets, range: Range<usize>, uppers: &[Upper]) -> Self {
        let mut starts = vec![0u32; buckets.len() + 2];
        for upper in &uppers[range.clone()] {
            for &high in &upper.neighbours {
                starts[buckets.of(high) + 2] += 1;
            }
        }
        for bucket in 2..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let all = starts.last().map_or(0, |&end| end as usize);
        let mut words = vec![MirrorWord(0); all];
        let has = |column: fn(&Upper) -> bool| uppers[range.clone()].iter().any(column);
        let mut amounts = vec![[0i64; 2]; if has(|upper| !upper.amounts.is_empty()) { all } else { 0 }];
        let mut days = vec![[0i32; 2]; if has(|upper| !upper.days.is_empty()) { all } else { 0 }];
        for bucket in range.clone() {
            let upper = &uppers[bucket];
            let mut slot = 0;
            for (low, &degree) in buckets.range(bucket).zip(&upper.degrees) {
                for at in slot..slot + degree as usize {
                    let high = upper.neighbours[at];
                    let cursor = &mut starts[buckets.of(high) + 1];
                    let to = *cursor as usize;
                    *cursor += 1;
                    words[to] = MirrorWord::new(buckets.local(high), low as u32, upper.tallies[at].mirrored());
                    if let Some(&[sent, received]) = upper.amounts.get(at) {
                        amounts[to] = [received, sent];
                    }
                    if let Some(&span) = upper.days.get(at) {
                        days[to] = span;
                    }
                }
                slot += degree as usize;
            }
        }
        starts.truncate(buckets.len() + 1);
        Self { starts, words, amounts, days }
    }
}

/// One bucket's part of the columns.
struct Part<'a> {
    bucket: usize,
    neighbours: &'a mut [u32],
    tallies: &'a mut [Tally],
    amounts: &'a mut [[i64; 2]],
    days: &'a mut [[i32; 2]],
}

/// Lays out the rows of all accounts from what each bucket knows of higher neighbours.
pub(super) fn layout(
    buckets: &Buckets,
    accounts: usize,
    uppers: &[Upper],
    has: [bool; 2],
    progress: Progress<'_>,
) -> Result<Rows> {
    let (done, groups) = (AtomicU64::new(0), groups_of(uppers));
    let mirrored = try_map_chunks(groups.len(), 1, |group| {
        let dealt = Mirrored::deal(buckets, groups[group.start].clone(), uppers);
        progress.step("mirroring relations", done.fetch_add(1, Ordering::Relaxed) + 1, groups.len() as u64)?;
        Ok(dealt)
    })?;
    let lower: Vec<Vec<u32>> = map_chunks(buckets.len(), 1, |bucket| lower_degrees(buckets, bucket.start, &mirrored));

    let mut offsets = Vec::with_capacity(accounts + 1);
    let mut end = 0u64;
    offsets.push(end);
    for (upper, lower) in uppers.iter().zip(&lower) {
        for (&higher, &lower) in upper.degrees.iter().zip(lower) {
            end += u64::from(higher) + u64::from(lower);
            offsets.push(end);
        }
    }
    let slots = end as usize;
    let mut neighbours = vec![0u32; slots];
    let mut tallies = vec![Tally::default(); slots];
    let mut amounts = has[0].then(|| vec![[0i64; 2]; slots]);
    let mut days = has[1].then(|| vec![[0i32; 2]; slots]);

    let mut parts = cut(buckets, &offsets, &mut neighbours, &mut tallies, amounts.as_deref_mut(), days.as_deref_mut());
    progress.step("laying out rows", 0, 1)?;
    for_each_chunk_mut(&mut parts, 1, |_, part| fill(buckets, &offsets, uppers, &lower, &mirrored, &mut part[0]));
    progress.step("laying out rows", 1, 1)?;

    let mut rows = Rows { offsets, neighbours, tallies, large: Vec::new(), amounts, days };
    rows.large = large(buckets, uppers, &rows);
    Ok(rows)
}

/// Runs of buckets with enough relations each to be worth dealing in one go.
fn groups_of(uppers: &[Upper]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut first, mut held) = (0, 0);
    for (bucket, upper) in uppers.iter().enumerate() {
        // A group of one bucket may be of any size up to what 32-bit positions hold; more never join.
        if held > 0 && held + upper.neighbours.len() > GROUP {
            groups.push(first..bucket);
            (first, held) = (bucket, 0);
        }
        held += upper.neighbours.len();
    }
    if first < uppers.len() {
        groups.push(first..uppers.len());
    }
    groups
}

fn lower_degrees(buckets: &Buckets, bucket: usize, mirrored: &[Mirrored]) -> Vec<u32> {
    let mut degrees = vec![0u32; buckets.range(bucket).len()];
    for dealt in mirrored {
        for word in &dealt.words[dealt.segment(bucket)] {
            degrees[word.local()] += 1;
        }
    }
    degrees
}

fn cut<'a>(
    buckets: &Buckets,
    offsets: &[u64],
    mut neighbours: &'a mut [u32],
    mut tallies: &'a mut [Tally],
    amounts: Option<&'a mut [[i64; 2]]>,
    days: Option<&'a mut [[i32; 2]]>,
) -> Vec<Part<'a>> {
    let (mut amounts, mut days) = (amounts.unwrap_or_default(), days.unwrap_or_default());
    (0..buckets.len())
        .map(|bucket| {
            let range = buckets.range(bucket);
            let len = (offsets[range.end] - offsets[range.start]) as usize;
            Part {
                bucket,
                neighbours: take(&mut neighbours, len),
                tallies: take(&mut tallies, len),
                amounts: take(&mut amounts, len),
                days: take(&mut days, len),
            }
        })
        .collect()
}

/// Splits up to `len` items off the front.
fn take<'a, T>(items: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let all = std::mem::take(items);
    let (front, rest) = all.split_at_mut(len.min(all.len()));
    *items = rest;
    front
}

fn fill(
    buckets: &Buckets,
    offsets: &[u64],
    uppers: &[Upper],
    lower: &[Vec<u32>],
    mirrored: &[Mirrored],
    part: &mut Part<'_>,
) {
    let range = buckets.range(part.bucket);
    let base = offsets[range.start];
    let mut cursors: Vec<usize> = offsets[range.clone()].iter().map(|&offset| (offset - base) as usize).collect();
    for dealt in mirrored {
        for at in dealt.segment(part.bucket) {
            let word = dealt.words[at];
            let cursor = &mut cursors[word.local()];
            part.neighbours[*cursor] = word.low();
            part.tallies[*cursor] = word.tally();
            if let Some(&sums) = dealt.amounts.get(at) {
                part.amounts[*cursor] = sums;
            }
            if let Some(&span) = dealt.days.get(at) {
                part.days[*cursor] = span;
            }
            *cursor += 1;
        }
    }
    let upper = &uppers[part.bucket];
    let mut from = 0;
    for (account, &degree) in upper.degrees.iter().enumerate() {
        let degree = degree as usize;
        let to = (offsets[range.start + account] - base) as usize + lower[part.bucket][account] as usize;
        part.neighbours[to..to + degree].copy_from_slice(&upper.neighbours[from..from + degree]);
        part.tallies[to..to + degree].copy_from_slice(&upper.tallies[from..from + degree]);
        if !upper.amounts.is_empty() {
            part.amounts[to..to + degree].copy_from_slice(&upper.amounts[from..from + degree]);
        }
        if !upper.days.is_empty() {
            part.days[to..to + degree].copy_from_slice(&upper.days[from..from + degree]);
        }
        from += degree;
    }
}

/// Both slots of every relation whose counts do not fit a byte.
fn large(buckets: &Buckets, uppers: &[Upper], rows: &Rows) -> Vec<LargeTally> {
    let slot_of = |account: usize, neighbour: u32| {
        let (start, end) = (rows.offsets[account] as usize, rows.offsets[account + 1] as usize);
        (start + rows.neighbours[start..end].partition_point(|&other| other < neighbour)) as u64
    };
    let per_bucket = map_chunks(uppers.len(), 1, |bucket| {
        let upper = &uppers[bucket.start];
        let mut found = Vec::with_capacity(2 * upper.large.len());
        let (mut account, mut end) = (0, upper.degrees.first().map_or(0, |&degree| degree as usize));
        for &(at, sent, received) in &upper.large {
            while at >= end {
                account += 1;
                end += upper.degrees[account] as usize;
            }
            let (low, high) = (buckets.range(bucket.start).start + account, upper.neighbours[at]);
            found.push(LargeTally { slot: slot_of(low, high), sent, received });
            found.push(LargeTally { slot: slot_of(high as usize, low as u32), sent: received, received: sent });
        }
        found
    });
    let mut all = per_bucket.concat();
    all.sort_unstable_by_key(|large| large.slot);
    all
}
