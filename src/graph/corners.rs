//! What the triangles of every account come to, for graphs whose accounts point to few others.
//!
//! Triangles are found as [`count`](super::count) finds them, each from its lowest rank. What a triangle is to each of its
//! accounts is mailed to them, and what it adds to the relation of its two higher ones to the bucket that holds the relation;
//! each bucket then reads its mail while all it is about lies in the core's cache. Sums are whole numbers, so that their order
//! does not matter.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::alters::Alters;
use crate::graph::corner::{
    Corner, Unit, Weights, beyond, count_weight, square_beyond, squared_amounts, squared_counts,
};
use crate::graph::count::{RUN, Run};
use crate::graph::csr::Tally;
use crate::graph::enumerate::CornerPart;
use crate::graph::features::Needs;
use crate::graph::kinds::{add_up, turned, ways};
use crate::graph::lines::{Lines, NOBODY, Part, found_in};
use crate::graph::stage::{Pool, Steps};
use crate::graph::streams::Streams;
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;

/// The graph and what is asked of it.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub graph: &'a TransferGraph,
    pub lines: &'a Lines,
    pub weights: &'a Weights,
    pub needs: Needs,
}

/// Mail of one thread.
#[derive(Debug)]
struct Space {
    /// Triangles for the accounts of each bucket.
    told: Streams,
    /// What comes through others, for the relations of each bucket: by count, by amount.
    through: [Streams; 2],
    /// One bit an account, set for those a long row points to.
    marks: Vec<u64>,
}

impl Space {
    /// Words of mail.
    fn held(&self) -> usize {
        self.told.held() + self.through.iter().map(Streams::held).sum::<usize>()
    }
}

/// What reaches the relations of one bucket through others: by count, by amount; empty where not asked for.
type Through<'a> = [&'a mut [u64]; 2];

/// Measures the corners of every account into `parts`, one part a bucket. Whether it was done: not where what the triangles
/// tell would take more than `most` words.
pub(super) fn corners(
    work: Work<'_>,
    parts: &mut [CornerPart<'_>],
    most: usize,
    progress: Progress<'_>,
) -> Result<bool> {
    let buckets = work.lines.buckets;
    let needs = work.needs;
    if work.lines.parts.iter().any(|part| part.relations > u32::MAX as usize) {
        return Ok(false);
    }
    // In one piece, which goes back to the system, or stays, as a whole.
    let relations = work.lines.parts.iter().map(|part| part.relations).sum::<usize>();
    let mut all = [needs.ties, needs.tie_amounts].map(|wanted| vec![0u64; if wanted { relations } else { 0 }]);
    let mut through = by_bucket(&mut all, work.lines);
    let steps = Steps::new("meeting triangles", buckets.len(), progress);
    let (held, too_many) = (AtomicUsize::new(0), AtomicBool::new(false));
    let pool: Pool<Space> = Pool::new();
    let fresh = || Space {
        told: Streams::of(buckets.len()),
        through: [Streams::of(buckets.len()), Streams::of(buckets.len())],
        marks: vec![0; work.graph.accounts().div_ceil(64)],
    };
    for_each_chunk_mut(&mut through, 1, |bucket, through| {
        if steps.stopped() || too_many.load(Ordering::Relaxed) {
            return;
        }
        let is_full = |space: &Space| space.told.is_full() || space.through.iter().any(Streams::is_full);
        pool.with(fresh, is_full, |space| {
            let before = space.held();
            meet_bucket(work, bucket, &mut through[0], space);
            let more = space.held() - before;
            let all = held.fetch_add(more, Ordering::Relaxed) + more;
            too_many.fetch_or(all > most, Ordering::Relaxed);
        });
        steps.step();
    });
    steps.end()?;
    if too_many.into_inner() {
        return Ok(false);
    }
    let spaces = pool.into_items();

    let steps = Steps::new("summing up triangles", 2 * buckets.len(), progress);
    let pool: Pool<[Streams; 2]> = Pool::new();
    let mut squares: Vec<Squares> = buckets_of(work);
    let all = through.iter_mut().zip(&mut squares).zip(parts.iter_mut());
    let mut all: Vec<_> = all.map(|((through, squares), part)| (through, squares, part)).collect();
    for_each_chunk_mut(&mut all, 1, |bucket, all| {
        if !steps.stopped() {
            let (through, squares, part) = &mut all[0];
            listen(work, bucket, &spaces, part);
            let fresh = || [Streams::of(buckets.len()), Streams::of(buckets.len())];
            let is_full = |sums: &[Streams; 2]| sums.iter().any(Streams::is_full);
            pool.with(fresh, is_full, |sums| {
                for (kind, through) in through.iter_mut().enumerate().filter(|(_, through)| !through.is_empty()) {
                    receive(&spaces, bucket, kind, through);
                    pass_on(work, bucket, kind, through, &mut squares[kind], &mut sums[kind]);
                }
            });
            steps.step();
        }
    });
    steps.end()?;
    drop(spaces);
    let sums = pool.into_items();
    let mut both: Vec<_> = squares.iter_mut().zip(parts.iter_mut()).collect();
    for_each_chunk_mut(&mut both, 1, |bucket, both| {
        if !steps.stopped() {
            let (squares, part) = &mut both[0];
            if needs.ties {
                constraint(work, bucket, 0, &mut squares[0], &sums, part.constraint);
            }
            if needs.tie_amounts {
                constraint(work, bucket, 1, &mut squares[1], &sums, part.constraint_amount);
            }
            steps.step();
        }
    });
    steps.end()?;
    Ok(true)
}

/// What the accounts of one bucket have beyond their squared shares: by count, by amount; empty where not asked for.
type Squares = [Vec<u128>; 2];

fn buckets_of(work: Work<'_>) -> Vec<Squares> {
    let wanted = [work.needs.ties, work.needs.tie_amounts];
    let of = |bucket| wanted.map(|wanted| vec![0; if wanted { work.lines.buckets.range(bucket).len() } else { 0 }]);
    (0..work.lines.buckets.len()).map(of).collect()
}

/// The sums of all relations, cut into those of each bucket.
fn by_bucket<'a>(all: &'a mut [Vec<u64>; 2], lines: &Lines) -> Vec<Through<'a>> {
    let mut rest = all.each_mut().map(Vec::as_mut_slice);
    let cut = |part: &Part| {
        rest.each_mut().map(|rest| {
            let len = part.relations.min(rest.len());
            let (own, later) = std::mem::take(rest).split_at_mut(len);
            *rest = later;
            own
        })
    };
    lines.parts.iter().map(cut).collect()
}

/// An account that points to others, while its triangles are met.
struct Apex<'a> {
    account: u32,
    row: &'a [u32],
    tallies: &'a [Tally],
    /// Where its relations begin among those of the bucket.
    start: usize,
}

/// Meets all triangles whose lowest rank is in one bucket.
#[inline(never)]
fn meet_bucket(work: Work<'_>, bucket: usize, through: &mut Through<'_>, space: &mut Space) {
    let lines = work.lines;
    let part = &lines.parts[bucket];
    let first = lines.buckets.range(bucket).start as u32;
    let apex = |local: usize| {
        let (row, tallies) = part.row(local);
        Apex { account: first + local as u32, row, tallies, start: part.sides[local].start }
    };
    let weights = [(work.needs.ties, &work.weights.by_count), (work.needs.tie_amounts, &work.weights.by_amount)];
    let inverses: Vec<&[f64]> =
        weights.into_iter().filter_map(|(wanted, inverse)| wanted.then_some(&inverse[..])).collect();
    let mut asks = Run::new(lines);
    // Triangles of a run: which line, the lanes of the two others, and the place of the one in the row of the other.
    let mut found: Vec<(usize, [usize; 2], usize)> = Vec::new();
    for (run, lines_of_run) in part.lines.chunks(RUN).enumerate() {
        asks.ask(lines_of_run);
        found.clear();
        asks.for_each(lines_of_run, |at, lane, answer, before, mut met| {
            while met > 0 {
                let place = met.trailing_zeros() as usize;
                met &= met - 1;
                let other = before + found_in(answer, lines_of_run[at].0[place]).trailing_zeros() as usize;
                found.push((at, [lane, place], other));
            }
        });
        // What the triangles are about to look up is brought near all at once, as the lines were.
        let mut near = 0;
        for &(at, [a, b], _) in &found {
            let [v, w] = [a, b].map(|lane| lines_of_run[at].0[lane]);
            near ^= lines.parts[lines.buckets.of(v)].sides[lines.buckets.local(v) as usize].start as u64;
            for inverse in &inverses {
                near ^= inverse[v as usize].to_bits() ^ inverse[w as usize].to_bits();
            }
        }
        black_box(near);
        for of_one in found.chunk_by(|one, other| one.0 == other.0) {
            let apex = apex(run * RUN + of_one[0].0);
            for &(_, places, other) in of_one {
                triangle(work, &apex, places, other, through, space);
            }
        }
        for (at, _) in lines_of_run.iter().enumerate().filter(|(_, line)| line.as_long().is_some()) {
            meet_long(work, &apex(run * RUN + at), through, space);
        }
    }
}

/// Meets the triangles of an account that points to more others than a line holds.
#[inline(never)]
fn meet_long(work: Work<'_>, apex: &Apex<'_>, through: &mut Through<'_>, space: &mut Space) {
    let lines = work.lines;
    for &target in apex.row {
        space.marks[target as usize / 64] |= 1 << (target % 64);
    }
    for (a, &v) in apex.row.iter().enumerate() {
        for (place, &w) in lines.lanes(v, lines.line(v)).as_flattened().iter().enumerate() {
            if w != NOBODY
                && space.marks[w as usize / 64] >> (w % 64) & 1 == 1
                && let Ok(b) = apex.row.binary_search(&w)
            {
                triangle(work, apex, [a, b], place, through, space);
            }
        }
    }
    for &target in apex.row {
        space.marks[target as usize / 64] = 0;
    }
}

/// The count of a relation of `a` and `b`, of which `a` sent and received `tally`.
#[inline]
pub(super) fn count_of(graph: &TransferGraph, a: u32, b: u32, tally: Tally) -> f64 {
    if tally.is_large()
        && let Some(slot) = graph.slot_of(a, b)
    {
        return count_weight(graph, slot);
    }
    f64::from(tally.sent) + f64::from(tally.received)
}

/// Tells what the triangle of the account, those at places `a` and `b` of its row, and the relation at `place` of the row of
/// the one at `a` to the one at `b` comes to.
#[inline]
fn triangle(
    work: Work<'_>,
    apex: &Apex<'_>,
    [a, b]: [usize; 2],
    place: usize,
    through: &mut Through<'_>,
    space: &mut Space,
) {
    let Work { graph, lines, weights, needs } = work;
    let buckets = lines.buckets;
    let (u, v, w) = (apex.account, apex.row[a], apex.row[b]);
    let (of_v, local_v) = (&lines.parts[buckets.of(v)], buckets.local(v) as usize);
    let (uv, uw) = (apex.tallies[a], apex.tallies[b]);
    let side = &of_v.sides[local_v];
    let vw = match of_v.lines[local_v].as_long() {
        None => side.tallies[place],
        Some(row) => of_v.long_tallies[row.start + place],
    };
    let tell = |told: &mut Streams, account: u32, one: u32, other: u32, ways: u32| {
        let head = buckets.local(account) << 16 | ways;
        if needs.alters {
            told.record(buckets.of(account), 3).copy_from_slice(&[head, one, other]);
        } else {
            told.record(buckets.of(account), 1)[0] = head;
        }
    };
    if needs.triangles || needs.payers || needs.kinds || needs.alters {
        let (ways_uv, ways_uw, ways_vw) = (ways(uv), ways(uw), ways(vw));
        tell(&mut space.told, u, v, w, ways_uv | ways_uw << 2 | ways_vw << 4);
        tell(&mut space.told, v, u, w, turned(ways_uv) | ways_vw << 2 | ways_uw << 4);
        tell(&mut space.told, w, u, v, turned(ways_uw) | turned(ways_vw) << 2 | ways_uv << 4);
    }
    let mut tie = |kind: usize, inverse: &[f64], [uv, uw, vw]: [f64; 3]| {
        let [of_u, of_v, of_w] = [u, v, w].map(|account| inverse[account as usize]);
        let through = &mut through[kind];
        through[apex.start + a] += Unit::of(of_u, of_v).through(uw, vw, of_w);
        through[apex.start + b] += Unit::of(of_u, of_w).through(uv, vw, of_v);
        let sum = Unit::of(of_v, of_w).through(uv, uw, of_u);
        let record = space.through[kind].record(buckets.of(v), 3);
        record.copy_from_slice(&[(side.start + place) as u32, sum as u32, (sum >> 32) as u32]);
    };
    if needs.ties {
        let counts = [count_of(graph, u, v, uv), count_of(graph, u, w, uw), count_of(graph, v, w, vw)];
        tie(0, &weights.by_count, counts);
    }
    if needs.tie_amounts {
        let own = &lines.parts[buckets.of(u)].amounts;
        tie(1, &weights.by_amount, [own[apex.start + a], own[apex.start + b], of_v.amounts[side.start + place]]);
    }
}

fn words(one: u64, other: u64) -> [u32; 4] {
    [one as u32, (one >> 32) as u32, other as u32, (other >> 32) as u32]
}

fn join(words: &[u32]) -> u64 {
    u64::from(words[0]) | u64::from(words[1]) << 32
}

/// Adds up what comes through others for the relations of one bucket.
fn receive(spaces: &[Space], bucket: usize, kind: usize, through: &mut [u64]) {
    for block in spaces.iter().flat_map(|space| space.through[kind].blocks(bucket)) {
        for record in block.chunks_exact(3) {
            through[record[0] as usize] += join(&record[1..]);
        }
    }
}

/// The weight of an oriented relation of an account in a bucket, at `place` of its row.
#[inline]
fn weight_of(work: Work<'_>, bucket: usize, kind: usize, account: u32, other: u32, tally: Tally, at: usize) -> f64 {
    if kind == 0 { count_of(work.graph, account, other, tally) } else { work.lines.parts[bucket].amounts[at] }
}

fn inverses(weights: &Weights, kind: usize) -> &[f64] {
    if kind == 0 { &weights.by_count } else { &weights.by_amount }
}

/// A relation over which something comes through others.
#[derive(Debug, Clone, Copy, Default)]
struct Tied {
    local: u32,
    other: u32,
    /// Its place among the relations of the bucket.
    at: u32,
    tally: Tally,
}

/// Adds what comes through others over the relations of one bucket to the bucket's accounts, and mails it to those they
/// point to.
#[inline(never)]
fn pass_on(work: Work<'_>, bucket: usize, kind: usize, through: &[u64], squares: &mut [u128], sums: &mut Streams) {
    let buckets = work.lines.buckets;
    let part = &work.lines.parts[bucket];
    let first = buckets.range(bucket).start;
    let inverse = inverses(work.weights, kind);
    let mut tied = vec![Tied::default(); through.len() + 1];
    // Every candidate is written, only those with something are kept: no branch to guess.
    let mut kept = 0;
    for local in 0..squares.len() {
        let (row, tallies) = part.row(local);
        let start = part.sides[local].start;
        for (at, (&other, &tally)) in (start..).zip(row.iter().zip(tallies)) {
            tied[kept] = Tied { local: local as u32, other, at: at as u32, tally };
            kept += usize::from(through[at] > 0);
        }
    }
    for &Tied { local, other, at, tally } in &tied[..kept] {
        let own = inverse[first + local as usize];
        let weight = weight_of(work, bucket, kind, first as u32 + local, other, tally, at as usize);
        let number = Unit::of(own, inverse[other as usize]).number(through[at as usize]);
        squares[local as usize] += square_beyond(weight * own, number, own);
        let record = sums.record(buckets.of(other), 5);
        record[0] = buckets.local(other);
        record[1..].copy_from_slice(&words(weight.to_bits(), number.to_bits()));
    }
}

/// Burt's constraint of the accounts of one bucket.
#[inline(never)]
fn constraint(
    work: Work<'_>,
    bucket: usize,
    kind: usize,
    squares: &mut [u128],
    sums: &[[Streams; 2]],
    column: &mut [f64],
) {
    let range = work.lines.buckets.range(bucket);
    let inverse = &inverses(work.weights, kind)[range.clone()];
    for block in sums.iter().flat_map(|sums| sums[kind].blocks(bucket)) {
        for record in block.chunks_exact(5) {
            let local = record[0] as usize;
            let [weight, number] = [1, 3].map(|at| f64::from_bits(join(&record[at..])));
            squares[local] += square_beyond(weight * inverse[local], number, inverse[local]);
        }
    }
    let alone = if kind == 0 { squared_counts } else { squared_amounts };
    for (((value, &squares), &inverse), account) in column.iter_mut().zip(&*squares).zip(inverse).zip(range) {
        *value = alone(work.graph, work.graph.row(account), inverse) + beyond(squares);
    }
}

/// Sums up what the accounts of one bucket were told, sorted by account first.
#[inline(never)]
fn listen(work: Work<'_>, bucket: usize, spaces: &[Space], part: &mut CornerPart<'_>) {
    let range = work.lines.buckets.range(bucket);
    let len = if work.needs.alters { 3 } else { 1 };
    let blocks = || spaces.iter().flat_map(|space| space.told.blocks(bucket));
    // Where the records of each account end, and, once they are dealt out, where they begin.
    let mut starts = vec![0u32; range.len() + 1];
    for block in blocks() {
        block.chunks_exact(len).for_each(|record| starts[(record[0] >> 16) as usize] += 1);
    }
    let mut end = 0;
    for start in &mut starts {
        end += *start;
        *start = end;
    }
    let mut ways = vec![0u8; end as usize];
    let mut pairs = vec![[0u32; 2]; if work.needs.alters { end as usize } else { 0 }];
    for block in blocks() {
        for record in block.chunks_exact(len) {
            let cursor = &mut starts[(record[0] >> 16) as usize];
            *cursor -= 1;
            ways[*cursor as usize] = (record[0] & 63) as u8;
            if let &[_, one, other] = record {
                pairs[*cursor as usize] = [one, other];
            }
        }
    }
    let mut alters = Alters::default();
    for (local, account) in range.enumerate() {
        let told = starts[local] as usize..starts[local + 1] as usize;
        let mut sums = [0; 6];
        add_up(&mut sums, &ways[told.clone()]);
        let [payers, one_sided, kinds @ ..] = sums;
        let corner = Corner {
            triangles: told.len() as u64,
            payer_pairs: [payers, one_sided],
            kinds,
            alters: match pairs.get(told) {
                Some(pairs) => alters.of(work.graph.row(account).len() as u32, pairs),
                None => [0; 2],
            },
            constraint: f64::NAN,
            constraint_amount: f64::NAN,
        };
        part.set(local, &corner);
    }
}
