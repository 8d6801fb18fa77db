//! What the triangles of every account come to, for graphs some of whose accounts point to hundreds.
//!
//! The triangles among the highest ranks are told by whole rows, as [`matrix`](super::matrix) says. Of the rest, each account
//! marks whom it points to, and looks at whom these point to: every triangle is met once, from its lowest rank, and told to
//! its three accounts and three relations. What an account tells about itself and those it points to stays in cache
//! until its last triangle; sums over accounts and relations are whole numbers that all threads add to, so that their order
//! does not matter.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::corner::{Corner, Unit, beyond, square_beyond};
use crate::graph::enumerate::{CornerColumns, CornerPart};
use crate::graph::features::Needs;
use crate::graph::joined::Joined;
use crate::graph::kinds::{add_up, turned, ways};
use crate::graph::matrix::Core;
use crate::graph::orient::{Oriented, OutRows};
use crate::graph::stage::{Steps, in_runs};
use crate::graph::told::count_of;
use crate::graph::weights::Weights;
use crate::parallel::{Workspaces, for_each_chunk_mut};
use crate::progress::Progress;

/// Accounts between two looks at whether to stop; few, since some rows are long here.
const MARKED: usize = 1 << 7;
/// Ways of triangles that are kept before they are added up.
const MANY: usize = 512;

/// The graph, and what is asked of it.
#[derive(Clone, Copy)]
pub(super) struct Marking<'a> {
    pub graph: &'a TransferGraph,
    pub oriented: &'a Oriented,
    pub weights: &'a Weights,
    pub needs: Needs,
}

/// What all triangles tell; empty where not asked for.
pub(super) struct Told {
    pub triangles: Vec<AtomicU64>,
    /// Pairs of payers, of one-sided payers, and the four kinds, by account.
    kinds: Vec<[AtomicU64; 6]>,
    /// Sums over the oriented relations, bucket by bucket as [`Oriented`] has them.
    pub relations: Vec<Relations>,
    /// What an account has beyond its squared shares, low and high word: by count, by amount.
    squares: [Vec<[AtomicU64; 2]>; 2],
    /// Counterparties that know another, by account.
    acquainted: Vec<AtomicU32>,
}

/// Sums over the oriented relations of one bucket.
pub(super) struct Relations {
    /// What comes through others: by count, by amount.
    pub through: [Vec<AtomicU64>; 2],
    /// Whether the relation is in a triangle.
    pub met: Vec<AtomicBool>,
}

fn several<T>(len: usize, wanted: bool, one: impl Fn() -> T) -> Vec<T> {
    std::iter::repeat_with(one).take(if wanted { len } else { 0 }).collect()
}

impl Told {
    fn of(work: Marking<'_>) -> Self {
        let Needs { payers, kinds, ties, tie_amounts, alters, .. } = work.needs;
        let accounts = work.graph.accounts();
        let zero = || AtomicU64::new(0);
        let sums = |part: &OutRows| {
            let relations = part.targets.len();
            Relations {
                through: [ties, tie_amounts].map(|wanted| several(relations, wanted, zero)),
                met: several(relations, alters, || AtomicBool::new(false)),
            }
        };
        Self {
            triangles: several(accounts, true, zero),
            kinds: several(accounts, payers || kinds, || std::array::from_fn(|_| zero())),
            relations: work.oriented.parts.iter().map(sums).collect(),
            squares: [ties, tie_amounts].map(|wanted| several(accounts, wanted, || [zero(), zero()])),
            acquainted: several(accounts, alters, || AtomicU32::new(0)),
        }
    }

    pub fn add_kinds(&self, account: u32, sums: &[u64; 6]) {
        for (all, &sum) in self.kinds[account as usize].iter().zip(sums).filter(|(_, sum)| **sum > 0) {
            all.fetch_add(sum, Ordering::Relaxed);
        }
    }

    /// Adds up `ways` and forgets them.
    fn add_ways(&self, account: u32, ways: &mut Vec<u8>) {
        let mut sums = [0; 6];
        add_up(&mut sums, ways, |&ways| u32::from(ways));
        self.add_kinds(account, &sums);
        ways.clear();
    }

    fn add_square(&self, kind: usize, account: u32, square: u128) {
        let [low, high] = &self.squares[kind][account as usize];
        let before = low.fetch_add(square as u64, Ordering::Relaxed);
        let carry = u64::from(before.checked_add(square as u64).is_none());
        let more = (square >> 64) as u64 + carry;
        if more > 0 {
            high.fetch_add(more, Ordering::Relaxed);
        }
    }

    fn square(&self, kind: usize, account: usize) -> u128 {
        let [low, high] = self.squares[kind][account].each_ref().map(|word| word.load(Ordering::Relaxed));
        u128::from(high) << 64 | u128::from(low)
    }
}

/// A relation that the account under way points along.
#[derive(Debug, Clone, Copy, Default)]
struct Pointed {
    target: u32,
    /// Its place in the core, where it is in it.
    place: Option<u32>,
    ways: u32,
    triangles: u32,
    /// By count, by amount.
    ties: [Tie; 2],
}

#[derive(Debug, Clone, Copy, Default)]
struct Tie {
    weight: f64,
    /// One over the total of whom it points to.
    inverse: f64,
    through: u64,
}

/// A relation from one of those the account points to, to another one of them.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// Its slot among the relations of its bucket.
    slot: u32,
    /// The other one's place in the account's row.
    place: u32,
    ways: u32,
}

/// What one thread works with.
struct Space {
    /// One bit an account, set for those the account under way points to.
    marks: Vec<u64>,
    /// Their places in its row.
    places: Vec<u32>,
    row: Vec<Pointed>,
    slots: Vec<u32>,
    links: Vec<Link>,
    /// What the triangles of the account under way come to so far.
    sums: [u64; 6],
    /// Ways of the triangles with one that it points to, as the two see them, and as the others do, by place in its row.
    own: Vec<u8>,
    theirs: Vec<u8>,
    others: Vec<Vec<u8>>,
}

impl Space {
    fn of(accounts: usize) -> Self {
        Self {
            marks: vec![0; accounts.div_ceil(64)],
            places: vec![0; accounts],
            row: Vec::new(),
            slots: Vec::new(),
            links: Vec::new(),
            sums: [0; 6],
            own: Vec::new(),
            theirs: Vec::new(),
            others: Vec::new(),
        }
    }
}

/// Measures the corners of every account.
pub(super) fn marked(work: Marking<'_>, columns: &mut CornerColumns, progress: Progress<'_>) -> Result<()> {
    let accounts = work.graph.accounts();
    let told = Told::of(work);
    let core = Core::of(work.graph, work.oriented);
    let meet_run = |run: Range<usize>, space: &mut Space| {
        run.filter(|&account| !core.holds(account)).for_each(|account| meet(work, &core, account as u32, &told, space));
    };
    drop(in_runs("meeting triangles", accounts, MARKED, progress, || Space::of(accounts), meet_run)?);
    core.tell(work, &told, progress)?;
    let mut parts: Vec<usize> = (0..work.oriented.parts.len()).collect();
    for_each_chunk_mut(&mut parts, 1, |_, part| settle(work, part[0], &told));
    let counts: Vec<u64> = told.triangles.iter().map(|sum| sum.load(Ordering::Relaxed)).collect();
    let steps = Steps::new("summing up triangles", accounts.div_ceil(MARKED), progress);
    let spaces = Workspaces::new();
    for_each_chunk_mut(&mut columns.parts(MARKED), 1, |run, part| {
        if !steps.stopped() {
            let sum_up = |joined: &mut Joined| sum_up(work, &counts, run * MARKED, &told, joined, &mut part[0]);
            spaces.with(|| Joined::over(accounts), sum_up);
            steps.step();
        }
    });
    steps.end()
}

/// Tells all triangles of which `account` has the lowest rank.
fn meet(work: Marking<'_>, core: &Core, account: u32, told: &Told, space: &mut Space) {
    let Marking { oriented, needs, .. } = work;
    let (_, slots) = oriented.row(account);
    if slots.len() < 2 {
        return;
    }
    begin(work, core, account, space);
    let mut all = 0;
    let asks_kinds = needs.payers || needs.kinds;
    for a in 0..slots.len() {
        let v = space.row[a].target;
        match space.row[a].place {
            Some(place) if slots.len() - a < oriented.row(v).1.len() => ask_links(oriented, core, place, a, space),
            _ => find_links(oriented, v, space),
        }
        let triangles = space.links.len() as u32;
        if triangles == 0 {
            continue;
        }
        all += u64::from(triangles);
        space.row[a].triangles += triangles;
        for link in &space.links {
            space.row[link.place as usize].triangles += 1;
        }
        if asks_kinds {
            tell_kinds(v, a, told, space);
        }
        let relations = &told.relations[oriented.buckets.of(v)];
        if needs.alters {
            space.links.iter().for_each(|link| relations.met[link.slot as usize].store(true, Ordering::Relaxed));
        }
        if needs.ties {
            tie(work, 0, [account, v], a, &relations.through[0], space);
        }
        if needs.tie_amounts {
            tie(work, 1, [account, v], a, &relations.through[1], space);
        }
    }
    let relations = &told.relations[oriented.buckets.of(account)];
    told.triangles[account as usize].fetch_add(all, Ordering::Relaxed);
    for (slot, pointed) in slots.zip(&space.row) {
        space.marks[pointed.target as usize / 64] = 0;
        if pointed.triangles == 0 {
            continue;
        }
        told.triangles[pointed.target as usize].fetch_add(u64::from(pointed.triangles), Ordering::Relaxed);
        if needs.alters {
            relations.met[slot].store(true, Ordering::Relaxed);
        }
        for (through, tie) in relations.through.iter().zip(&pointed.ties).filter(|(_, tie)| tie.through > 0) {
            through[slot].fetch_add(tie.through, Ordering::Relaxed);
        }
    }
    if asks_kinds {
        told.add_kinds(account, &space.sums);
        for (pointed, ways) in space.row.iter().zip(&mut space.others).filter(|(_, ways)| !ways.is_empty()) {
            told.add_ways(pointed.target, ways);
        }
    }
}

/// Marks whom `account` points to.
fn begin(work: Marking<'_>, core: &Core, account: u32, space: &mut Space) {
    let Marking { graph, oriented, weights, needs } = work;
    let (part, slots) = oriented.row(account);
    let Space { marks, places, row, sums, others, .. } = space;
    row.clear();
    *sums = [0; 6];
    others.resize_with(others.len().max(slots.len()), Vec::new);
    for (place, slot) in slots.enumerate() {
        let (target, tally) = (part.targets[slot], part.tallies[slot]);
        marks[target as usize / 64] |= 1 << (target % 64);
        places[target as usize] = place as u32;
        let mut pointed = Pointed { target, place: core.place(target), ways: ways(tally), ..Pointed::default() };
        if needs.ties {
            pointed.ties[0].weight = count_of(graph, account, target, tally);
            pointed.ties[0].inverse = weights.by_count[target as usize];
        }
        if needs.tie_amounts {
            pointed.ties[1].weight = part.amounts[slot];
            pointed.ties[1].inverse = weights.by_amount[target as usize];
        }
        row.push(pointed);
    }
}

/// The links of `v` to others that are marked.
#[inline]
fn find_links(oriented: &Oriented, v: u32, space: &mut Space) {
    let (part, row) = oriented.row(v);
    let Space { marks, places, slots, links, .. } = space;
    slots.resize(slots.len().max(row.len()), 0);
    // Every candidate is written, only those marked are kept: no branch to guess.
    let mut kept = 0;
    for (slot, &w) in row.clone().zip(&part.targets[row]) {
        slots[kept] = slot as u32;
        kept += (marks[w as usize / 64] >> (w % 64) & 1) as usize;
    }
    links.clear();
    links.extend(slots[..kept].iter().map(|&slot| {
        let (w, tally) = (part.targets[slot as usize], part.tallies[slot as usize]);
        Link { slot, place: places[w as usize], ways: ways(tally) }
    }));
}

/// The links of the one at place `a` of the row, at `place` of the core, to the others behind it, who are in the core too.
#[inline]
fn ask_links(oriented: &Oriented, core: &Core, place: u32, a: usize, space: &mut Space) {
    let Space { row, slots, links, .. } = space;
    let (part, its_row) = oriented.row(row[a].target);
    slots.resize(slots.len().max(row.len()), 0);
    // Every candidate is written, only those linked are kept: no branch to guess.
    let mut kept = 0;
    for (at, other) in row.iter().enumerate().skip(a + 1) {
        slots[kept] = at as u32;
        kept += usize::from(other.place.is_some_and(|other| core.points(place, other)));
    }
    links.clear();
    links.extend(slots[..kept].iter().map(|&at| {
        let before = row[at as usize].place.map_or(0, |other| core.points_before(place, other));
        let slot = its_row.start + before as usize;
        Link { slot: slot as u32, place: at, ways: ways(part.tallies[slot]) }
    }));
}

/// Tells which ways money went around the triangles with the one at place `a` of the row, which is `v`.
#[inline]
fn tell_kinds(v: u32, a: usize, told: &Told, space: &mut Space) {
    let Space { row, links, sums, own, theirs, others, .. } = space;
    let with_v = row[a].ways;
    let turned_v = turned(with_v);
    own.clear();
    for link in links.iter() {
        let with_w = row[link.place as usize].ways;
        own.push((with_v | with_w << 2 | link.ways << 4) as u8);
        theirs.push((turned_v | link.ways << 2 | with_w << 4) as u8);
        let other = &mut others[link.place as usize];
        other.push((turned(with_w) | turned(link.ways) << 2 | with_v << 4) as u8);
        if other.len() == MANY {
            told.add_ways(row[link.place as usize].target, other);
        }
    }
    add_up(sums, own, |&ways| u32::from(ways));
    told.add_ways(v, theirs);
}

/// Adds what comes through each of three to the relation of the two others, for all triangles with the one at place `a`.
#[inline]
fn tie(work: Marking<'_>, kind: usize, [u, v]: [u32; 2], a: usize, through: &[AtomicU64], space: &mut Space) {
    let Marking { graph, oriented, weights, .. } = work;
    let part = &oriented.parts[oriented.buckets.of(v)];
    let of_u = if kind == 0 { weights.by_count[u as usize] } else { weights.by_amount[u as usize] };
    let Space { row, links, .. } = space;
    let Tie { weight: uv, inverse: of_v, through: mut over_uv } = row[a].ties[kind];
    for link in links.iter() {
        let slot = link.slot as usize;
        let pointed = &mut row[link.place as usize];
        let vw = if kind == 0 { count_of(graph, v, pointed.target, part.tallies[slot]) } else { part.amounts[slot] };
        let Tie { weight: uw, inverse: of_w, through: over_uw } = &mut pointed.ties[kind];
        over_uv += Unit::of(of_u, of_v).through(*uw, vw, *of_w);
        *over_uw += Unit::of(of_u, *of_w).through(uv, vw, of_v);
        through[slot].fetch_add(Unit::of(of_v, *of_w).through(uv, *uw, of_u), Ordering::Relaxed);
    }
    row[a].ties[kind].through = over_uv;
}

/// Adds what the relations of one bucket come to, to their accounts.
fn settle(work: Marking<'_>, bucket: usize, told: &Told) {
    let Marking { graph, oriented, weights, .. } = work;
    let (part, relations) = (&oriented.parts[bucket], &told.relations[bucket]);
    for (local, account) in oriented.buckets.range(bucket).enumerate() {
        let account = account as u32;
        for slot in part.row(local) {
            let target = part.targets[slot];
            if relations.met.get(slot).is_some_and(|met| met.load(Ordering::Relaxed)) {
                told.acquainted[account as usize].fetch_add(1, Ordering::Relaxed);
                told.acquainted[target as usize].fetch_add(1, Ordering::Relaxed);
            }
            for (kind, through) in relations.through.iter().enumerate() {
                let sum = through.get(slot).map_or(0, |sum| sum.load(Ordering::Relaxed));
                if sum > 0 {
                    let weight = if kind == 0 {
                        count_of(graph, account, target, part.tallies[slot])
                    } else {
                        part.amounts[slot]
                    };
                    let inverses = if kind == 0 { &weights.by_count } else { &weights.by_amount };
                    let [own, other] = [account, target].map(|account| inverses[account as usize]);
                    let number = Unit::of(own, other).number(sum);
                    for (account, inverse) in [(account, own), (target, other)] {
                        told.add_square(kind, account, square_beyond(weight * inverse, number, inverse));
                    }
                }
            }
        }
    }
}

/// Sets the columns of a run of accounts.
fn sum_up(
    work: Marking<'_>,
    counts: &[u64],
    first: usize,
    told: &Told,
    joined: &mut Joined,
    part: &mut CornerPart<'_>,
) {
    let Marking { graph, oriented, needs, .. } = work;
    for at in 0..part.len {
        let account = first + at;
        let row = graph.row(account);
        let mut corner = Corner { triangles: counts[account], ..Corner::default() };
        let [by_count, by_amount] = part.constraints_alone(at);
        if let Some(sums) = told.kinds.get(account) {
            let [payers, one_sided, kinds @ ..] = sums.each_ref().map(|sum| sum.load(Ordering::Relaxed));
            (corner.payer_pairs, corner.kinds) = ([payers, one_sided], kinds);
        }
        if needs.ties {
            corner.constraint = by_count + beyond(told.square(0, account));
        }
        if needs.tie_amounts {
            corner.constraint_amount = by_amount + beyond(told.square(1, account));
        }
        if needs.alters {
            let acquainted = told.acquainted[account].load(Ordering::Relaxed);
            let ties = joined.ties(oriented, &graph.neighbours[row.clone()], counts, acquainted);
            corner.alters = [acquainted, row.len() as u32 - ties];
        }
        part.set(at, &corner);
    }
}
