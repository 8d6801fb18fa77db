//! What the triangles of every account come to, for graphs whose accounts point to few others.
//!
//! Triangles are found as [`count`](super::count) finds them, each from its lowest rank, and told to each of their accounts
//! by mail: the two others, which ways money went, and the weight of their relation. Each bucket then reads its mail
//! while all it is about lies in the core's cache ([`listen`](super::listen)). Sums are whole numbers, so that their order
//! does not matter.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::corner::{amount_weight, count_weight, inverse_amount, inverse_count, total_amount, total_count};
use crate::graph::count::{RUN, Run};
use crate::graph::csr::Tally;
use crate::graph::enumerate::CornerPart;
use crate::graph::features::Needs;
use crate::graph::kinds::{turned, ways};
use crate::graph::lines::{ACCOUNTS, LANES, Line, Lines, NOBODY, Side, found_in};
use crate::graph::listen::Listener;
use crate::graph::partition::Buckets;
use crate::graph::stage::{Pool, Steps};
use crate::graph::streams::Streams;
use crate::parallel::{for_each_chunk_mut, join, map_chunks};
use crate::progress::Progress;

/// Words of a record: the account's place in its bucket, the count of the relation of the two others and the ways money went;
/// the two others; the amount of their relation. It ends behind the last of these that is asked for.
const WORDS: usize = 4;
/// Where the two others are.
pub(super) const NAMES: usize = 1;
/// Where the amount is.
pub(super) const AMOUNT: usize = 3;
/// A count that is not told; all others are below.
const COUNT: u32 = 0x1FF;
/// A weight or a total that is not told.
const UNTOLD: u32 = u32::MAX;

/// The ways money went, in the lowest bits of a record.
#[inline]
pub(super) fn told_ways(head: u32) -> u32 {
    head & 63
}

/// The count that a record tells.
#[inline]
pub(super) fn told_count(head: u32) -> u32 {
    head >> 6 & COUNT
}

/// The graph and what is asked of it.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub graph: &'a TransferGraph,
    pub buckets: Buckets,
    pub totals: &'a Totals,
    pub needs: Needs,
}

/// The weights of all of each account's relations together, as they are told: by count, by amount; empty where not asked for.
#[derive(Debug)]
pub(super) struct Totals(pub [Vec<u32>; 2]);

impl Totals {
    pub fn of(graph: &TransferGraph, needs: Needs) -> Self {
        let of_all = |wanted: bool, total: fn(&TransferGraph, Range<usize>) -> u64| {
            let mut all = vec![0; if wanted { graph.accounts() } else { 0 }];
            for_each_chunk_mut(&mut all, ACCOUNTS, |first, all| {
                let told = |account| to_tell(total(graph, graph.row(account)));
                all.iter_mut().zip(first..).for_each(|(value, account)| *value = told(account));
            });
            all
        };
        Self([of_all(needs.ties, total_count), of_all(needs.tie_amounts, total_amount)])
    }
}

/// One over the total of an account, as it was told or as the graph has it where it was not; nothing where there is no weight.
#[inline]
pub(super) fn inverse_told(graph: &TransferGraph, kind: usize, account: u32, told: u32) -> f64 {
    #[cold]
    fn in_graph(graph: &TransferGraph, kind: usize, account: u32) -> f64 {
        [inverse_count, inverse_amount][kind](graph, graph.row(account as usize))
    }
    match told {
        UNTOLD => in_graph(graph, kind, account),
        0 => 0.0,
        told => 1.0 / f64::from(told),
    }
}

/// Mail of one thread.
#[derive(Debug)]
pub(super) struct Space {
    /// Triangles for the accounts of each bucket.
    pub told: Streams,
    /// One bit an account, set for those a long row points to.
    marks: Vec<u64>,
}

/// Measures the corners of every account into `parts`, one part a bucket, from the lines of the graph with what lies beside
/// them. Whether it was done: not where what the triangles tell would take more than `most` words.
pub(super) fn corners(
    work: Work<'_>,
    lines: Lines,
    parts: &mut [CornerPart<'_>],
    most: usize,
    progress: Progress<'_>,
) -> Result<bool> {
    if work.needs.tie_amounts {
        corners_by::<WORDS>(work, lines, parts, most, progress)
    } else if work.needs.ties || work.needs.alters {
        corners_by::<AMOUNT>(work, lines, parts, most, progress)
    } else {
        corners_by::<NAMES>(work, lines, parts, most, progress)
    }
}

/// The same, by records of `LEN` words.
fn corners_by<const LEN: usize>(
    work: Work<'_>,
    lines: Lines,
    parts: &mut [CornerPart<'_>],
    most: usize,
    progress: Progress<'_>,
) -> Result<bool> {
    let Some(mut spaces) = meet_all::<LEN>(work, &lines, most, progress)? else { return Ok(false) };
    let steps = Steps::new("summing up triangles", work.buckets.len(), progress);
    let pool: Pool<Listener> = Pool::new();
    let listen = || {
        for_each_chunk_mut(parts, 1, |bucket, part| {
            if !steps.stopped() {
                let listen = |listener: &mut Listener| listener.listen::<LEN>(work, bucket, &spaces, &mut part[0]);
                pool.with(Listener::default, |_| false, listen);
                steps.step();
            }
        });
    };
    // To give back memory takes its time too.
    join(|| drop(lines), listen);
    for_each_chunk_mut(&mut spaces, 1, |_, space| space[0].told = Streams::default());
    steps.end()?;
    Ok(true)
}

/// Meets all triangles; nothing where what they tell takes more than `most` words.
fn meet_all<const LEN: usize>(
    work: Work<'_>,
    lines: &Lines,
    most: usize,
    progress: Progress<'_>,
) -> Result<Option<Vec<Space>>> {
    let buckets = work.buckets;
    let steps = Steps::new("meeting triangles", buckets.len(), progress);
    let (held, too_many) = (AtomicUsize::new(0), AtomicBool::new(false));
    let pool: Pool<Space> = Pool::new();
    let fresh = || Space { told: Streams::of(buckets.len()), marks: vec![0; work.graph.accounts().div_ceil(64)] };
    let (heads, sides) = (lines.heads(), lines.sides());
    map_chunks(buckets.len(), 1, |bucket| {
        if steps.stopped() || too_many.load(Ordering::Relaxed) {
            return;
        }
        pool.with(
            fresh,
            |space| space.told.is_full(),
            |space| {
                let before = space.told.held();
                meet_bucket::<LEN>(lines, &heads, &sides, bucket.start, space);
                let more = space.told.held() - before;
                let all = held.fetch_add(more, Ordering::Relaxed) + more;
                too_many.fetch_or(all > most, Ordering::Relaxed);
            },
        );
        steps.step();
    });
    steps.end()?;
    Ok((!too_many.into_inner()).then(|| pool.into_items()))
}

/// An account that points to others, while its triangles are met.
struct Apex<'a> {
    account: u32,
    row: &'a [u32],
    tallies: &'a [Tally],
    /// Amounts of its relations, where asked for.
    amounts: &'a [u32],
}

/// A triangle that was found.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// Places of the two others in the row of the account.
    a: usize,
    b: usize,
    /// The place of the one at `b` in the row of the one at `a`.
    place: usize,
    /// The relation of the two.
    tally: Tally,
}

/// Meets all triangles whose lowest rank is in one bucket.
#[inline(never)]
fn meet_bucket<const LEN: usize>(
    lines: &Lines,
    heads: &[&[Line]],
    sides: &[&[Side]],
    bucket: usize,
    space: &mut Space,
) {
    let part = &lines.parts[bucket];
    let first = lines.buckets.range(bucket).start as u32;
    let apex = |local: usize| {
        let (row, tallies) = part.row(local);
        let amounts = part.amount_starts.get(local).map_or(&[][..], |&start| &part.amounts[start..]);
        Apex { account: first + local as u32, row, tallies, amounts }
    };
    let mut asks = Run::new(lines, heads);
    // Triangles of a run: which line, the lanes of the two others, and the place of the one in the row of the other.
    let mut met_by: Vec<(usize, [usize; 2], usize)> = Vec::new();
    let mut found: Vec<Found> = Vec::new();
    for (run, lines_of_run) in part.lines.chunks(RUN).enumerate() {
        asks.ask(lines_of_run);
        met_by.clear();
        asks.for_each(lines_of_run, |at, lane, answer, before, mut met| {
            while met > 0 {
                let place = met.trailing_zeros() as usize;
                met &= met - 1;
                let other = before + found_in(answer, lines_of_run[at].0[place]).trailing_zeros() as usize;
                met_by.push((at, [lane, place], other));
            }
        });
        // What lies beside the answers is asked for all at once too.
        found.clear();
        found.extend(met_by.iter().map(|&(at, [a, b], place)| {
            let v = lines_of_run[at].0[a];
            let side = &sides[lines.buckets.of(v)][lines.buckets.local(v) as usize];
            Found { a, b, place, tally: side.0[place % LANES] }
        }));
        let mut rest = &mut found[..];
        for of_one in met_by.chunk_by(|one, other| one.0 == other.0) {
            let apex = apex(run * RUN + of_one[0].0);
            let (own, others) = rest.split_at_mut(of_one.len());
            rest = others;
            for found in own {
                let v = apex.row[found.a];
                let of_v = &lines.parts[lines.buckets.of(v)];
                if let Some(row) = lines.line(v).as_long() {
                    found.tally = of_v.long_tallies[row.start + found.place];
                }
                triangle::<LEN>(lines, &apex, found, &mut space.told);
            }
        }
        for (at, _) in lines_of_run.iter().enumerate().filter(|(_, line)| line.as_long().is_some()) {
            meet_long::<LEN>(lines, &apex(run * RUN + at), space);
        }
    }
}

/// Meets the triangles of an account that points to more others than a line holds.
#[inline(never)]
fn meet_long<const LEN: usize>(lines: &Lines, apex: &Apex<'_>, space: &mut Space) {
    for &target in apex.row {
        space.marks[target as usize / 64] |= 1 << (target % 64);
    }
    for (a, &v) in apex.row.iter().enumerate() {
        let (line, of_v, local) = (lines.line(v), &lines.parts[lines.buckets.of(v)], lines.buckets.local(v) as usize);
        for (place, &w) in lines.lanes(v, line).as_flattened().iter().enumerate() {
            if w != NOBODY
                && space.marks[w as usize / 64] >> (w % 64) & 1 == 1
                && let Ok(b) = apex.row.binary_search(&w)
            {
                let tally = match line.as_long() {
                    Some(row) => of_v.long_tallies[row.start + place],
                    None => of_v.sides[local].0[place],
                };
                let found = Found { a, b, place, tally };
                triangle::<LEN>(lines, apex, &found, &mut space.told);
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
    count_told(graph, || [a, b], count_to_tell(tally))
}

#[inline]
fn count_to_tell(tally: Tally) -> u32 {
    if tally.is_large() { COUNT } else { u32::from(tally.sent) + u32::from(tally.received) }
}

/// The count of a relation, as it was told or as the graph has it where it was not.
#[inline]
pub(super) fn count_told(graph: &TransferGraph, pair: impl Fn() -> [u32; 2], told: u32) -> f64 {
    if told == COUNT { in_graph(graph, pair(), count_weight) } else { f64::from(told) }
}

/// A weight by amount or a total as it is told: as far as it fits a word.
#[inline]
pub(super) fn to_tell(weight: u64) -> u32 {
    u32::try_from(weight).unwrap_or(UNTOLD)
}

/// The weight of a relation by amount, as it was told or as the graph has it where it was not.
#[inline]
pub(super) fn amount_told(graph: &TransferGraph, pair: impl Fn() -> [u32; 2], told: u32) -> f64 {
    if told == UNTOLD { in_graph(graph, pair(), amount_weight) } else { f64::from(told) }
}

#[cold]
fn in_graph(graph: &TransferGraph, [a, b]: [u32; 2], weight: fn(&TransferGraph, usize) -> f64) -> f64 {
    graph.slot_of(a, b).map_or(0.0, |slot| weight(graph, slot))
}

/// Tells its three accounts a triangle that was found.
#[inline]
fn triangle<const LEN: usize>(lines: &Lines, apex: &Apex<'_>, found: &Found, told: &mut Streams) {
    let buckets = lines.buckets;
    let &Found { a, b, place, tally } = found;
    let (u, v, w) = (apex.account, apex.row[a], apex.row[b]);
    let tallies = [apex.tallies[a], apex.tallies[b], tally];
    let [ways_uv, ways_uw, ways_vw] = tallies.map(ways);
    let [count_uv, count_uw, count_vw] = tallies.map(count_to_tell);
    let [amount_uv, amount_uw, amount_vw] = if LEN > AMOUNT {
        let of_v = &lines.parts[buckets.of(v)];
        let start = of_v.amount_starts[buckets.local(v) as usize];
        [apex.amounts[a], apex.amounts[b], of_v.amounts[start + place]]
    } else {
        [0; 3]
    };
    tell::<LEN>(buckets, told, u, [v, w], ways_uv | ways_uw << 2 | ways_vw << 4, [count_vw, amount_vw]);
    tell::<LEN>(buckets, told, v, [u, w], turned(ways_uv) | ways_vw << 2 | ways_uw << 4, [count_uw, amount_uw]);
    tell::<LEN>(buckets, told, w, [u, v], turned(ways_uw) | turned(ways_vw) << 2 | ways_uv << 4, [count_uv, amount_uv]);
}

/// Tells an account the two others, which ways money went, and the count and amount of the relation of the two others.
#[inline(always)]
fn tell<const LEN: usize>(
    buckets: Buckets,
    told: &mut Streams,
    account: u32,
    [one, other]: [u32; 2],
    ways: u32,
    [count, amount]: [u32; 2],
) {
    let words: [u32; WORDS] = [buckets.local(account) << 16 | count << 6 | ways, one, other, amount];
    told.record::<LEN>(buckets.of(account)).copy_from_slice(&words[..LEN]);
}
