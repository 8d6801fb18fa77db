//! What the triangles of every account come to, for graphs whose accounts point to few others.
//!
//! Triangles are found as [`count`](super::count) finds them, each from its lowest rank, and told to each of their accounts
//! by mail: the two others, which ways money went, and the weight of their relation. Each bucket then reads its mail
//! while all it is about lies in the core's cache ([`listen`](super::listen)). Sums are whole numbers, so that their order
//! does not matter.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::count::{RUN, Run};
use crate::graph::enumerate::CornerPart;
use crate::graph::features::Needs;
use crate::graph::lines::{Line, Lines, NOBODY, Side, found_in};
use crate::graph::listen::Listener;
use crate::graph::partition::Buckets;
use crate::graph::rows::Totals;
use crate::graph::stage::Steps;
use crate::graph::streams::Streams;
use crate::graph::told::{Said, UNTOLD, head};
use crate::graph::weights::Weighed;
use crate::graph::wide::prefetch;
use crate::parallel::{Workspaces, for_each_chunk_mut, join, map_chunks};
use crate::progress::Progress;

/// Words of a record: its [`head`]; the two others; the amount of their relation. It ends behind the last of these that is asked for.
const WORDS: usize = 4;
/// Where the two others are.
pub(super) const NAMES: usize = 1;
/// Where the amount is.
pub(super) const AMOUNT: usize = 3;
/// The graph and what is asked of it.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    pub graph: &'a TransferGraph,
    pub buckets: Buckets,
    pub totals: &'a Totals,
    pub needs: Needs,
}

/// One over the total of an account, as it was told or as the graph has it where it was not; nothing where there is no weight.
#[inline]
pub(super) fn inverse_told(graph: &TransferGraph, kind: usize, account: u32, told: u32) -> f64 {
    #[cold]
    fn in_graph(graph: &TransferGraph, kind: usize, account: u32) -> f64 {
        let row = graph.row(account as usize);
        let weighed = if kind == 0 { Weighed::by_count(graph, row) } else { Weighed::by_amount(graph, row) };
        weighed.inverse()
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
    let listeners: Workspaces<Listener> = Workspaces::new();
    let listen = || {
        for_each_chunk_mut(parts, 1, |bucket, part| {
            if !steps.stopped() {
                let listen = |listener: &mut Listener| listener.listen::<LEN>(work, bucket, &spaces, &mut part[0]);
                listeners.with(Listener::default, listen);
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
    let spaces: Workspaces<Space> = Workspaces::new();
    let fresh = || Space { told: Streams::of(buckets.len()), marks: vec![0; work.graph.accounts().div_ceil(64)] };
    let (heads, sides) = (lines.heads(), lines.sides());
    map_chunks(buckets.len(), 1, |bucket| {
        if steps.stopped() || too_many.load(Ordering::Relaxed) {
            return;
        }
        spaces.with_until(
            |space| space.told.is_full(),
            fresh,
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
    Ok((!too_many.into_inner()).then(|| spaces.into_items()))
}

/// An account that points to others, while its triangles are met.
struct Apex<'a> {
    account: u32,
    /// Whom it points to, and what lies beside.
    row: &'a [u32],
    said: &'a [Said],
    /// Amounts of its relations, where asked for.
    amounts: &'a [u32],
}

/// A triangle that was found.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// The place of the account in its run.
    at: usize,
    /// Places of the two others in the row of the account.
    a: usize,
    b: usize,
    /// The place of the one at `b` in the row of the one at `a`.
    place: usize,
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
    let first = lines.buckets.range(bucket).start;
    let amounts = |local: usize| part.amount_starts.get(local).map_or(&[][..], |&start| &part.amounts[start..]);
    let mut asks = Run::new(lines, heads);
    let mut found: Vec<Found> = Vec::new();
    for (run, (of_run, sides_of_run)) in part.lines.chunks(RUN).zip(part.sides.chunks(RUN)).enumerate() {
        asks.ask(of_run);
        found.clear();
        asks.for_each(of_run, |at, a, answer, before, mut met| {
            // What lies beside the answer is asked for here, a while before it is needed.
            let v = of_run[at].0[a];
            prefetch(&sides[lines.buckets.of(v)][lines.buckets.local(v) as usize]);
            while met > 0 {
                let b = met.trailing_zeros() as usize;
                met &= met - 1;
                let place = before + found_in(answer, of_run[at].0[b]).trailing_zeros() as usize;
                found.push(Found { at, a, b, place });
            }
        });
        for of_one in found.chunk_by(|one, other| one.at == other.at) {
            let at = of_one[0].at;
            let local = run * RUN + at;
            let (row, said) = (&of_run[at].0, &sides_of_run[at].0);
            let apex = Apex { account: (first + local) as u32, row, said, amounts: amounts(local) };
            for found in of_one {
                triangle::<LEN>(lines, sides, &apex, found, &mut space.told);
            }
        }
        for (at, line) in of_run.iter().enumerate() {
            if let Some(row) = line.as_long() {
                let local = run * RUN + at;
                let (row, said) = (&part.long[row.clone()], &part.long_sides[row]);
                let apex = Apex { account: (first + local) as u32, row, said, amounts: amounts(local) };
                meet_long::<LEN>(lines, sides, &apex, space);
            }
        }
    }
}

/// Meets the triangles of an account that points to more others than a line holds.
#[inline(never)]
fn meet_long<const LEN: usize>(lines: &Lines, sides: &[&[Side]], apex: &Apex<'_>, space: &mut Space) {
    for &target in apex.row {
        space.marks[target as usize / 64] |= 1 << (target % 64);
    }
    for (a, &v) in apex.row.iter().enumerate() {
        for (place, &w) in lines.lanes(v, lines.line(v)).as_flattened().iter().enumerate() {
            if w != NOBODY
                && space.marks[w as usize / 64] >> (w % 64) & 1 == 1
                && let Ok(b) = apex.row.binary_search(&w)
            {
                triangle::<LEN>(lines, sides, apex, &Found { at: 0, a, b, place }, &mut space.told);
            }
        }
    }
    for &target in apex.row {
        space.marks[target as usize / 64] = 0;
    }
}

/// What the account at `place` of the row of `v` says beside it.
#[inline]
fn said_beside(lines: &Lines, sides: &[&[Side]], v: u32, place: usize) -> Said {
    #[cold]
    fn in_long(lines: &Lines, v: u32, place: usize) -> Said {
        let start = lines.line(v).as_long().map_or(0, |row| row.start);
        lines.parts[lines.buckets.of(v)].long_sides[start + place]
    }
    let side = &sides[lines.buckets.of(v)][lines.buckets.local(v) as usize].0;
    side.get(place).copied().unwrap_or_else(|| in_long(lines, v, place))
}

/// Tells its three accounts a triangle that was found.
#[inline(always)]
fn triangle<const LEN: usize>(lines: &Lines, sides: &[&[Side]], apex: &Apex<'_>, found: &Found, told: &mut Streams) {
    let buckets = lines.buckets;
    let &Found { a, b, place, .. } = found;
    let (u, v, w) = (apex.account, apex.row[a], apex.row[b]);
    let (uv, uw, vw) = (apex.said[a], apex.said[b], said_beside(lines, sides, v, place));
    let [amount_uv, amount_uw, amount_vw] = if LEN > AMOUNT {
        let of_v = &lines.parts[buckets.of(v)];
        let start = of_v.amount_starts[buckets.local(v) as usize];
        [apex.amounts[a], apex.amounts[b], of_v.amounts[start + place]]
    } else {
        [0; 3]
    };
    tell::<LEN>(buckets, told, u, head(vw, uw.ways(), uv.ways()), [v, w, amount_vw]);
    tell::<LEN>(buckets, told, v, head(uw, vw.ways(), uv.turned()), [u, w, amount_uw]);
    tell::<LEN>(buckets, told, w, head(uv, vw.turned(), uw.turned()), [u, v, amount_uv]);
}

/// Tells an account how a record begins, the two others, and the amount of their relation.
#[inline(always)]
fn tell<const LEN: usize>(
    buckets: Buckets,
    told: &mut Streams,
    account: u32,
    head: u32,
    [one, other, amount]: [u32; 3],
) {
    let words: [u32; WORDS] = [buckets.local(account) << 16 | head, one, other, amount];
    told.record::<LEN>(buckets.of(account)).copy_from_slice(&words[..LEN]);
}
