//! The triangles among the accounts of a dense core, by rows of bits and rows of weights.
//!
//! The highest ranks of a graph with a dense core nearly all deal with each other. Meeting their triangles one by one is as
//! slow as there are many; here the row of one is held against the row of another as a whole: of bits for the ways money
//! went, of weights for what reaches one through the others. What comes out is the same whole numbers, to the last unit, as
//! when each triangle is told by itself.
//!
//! Whoever the core's accounts point to is in the core, since they point to higher ranks: so the triangles among them are
//! just those whose lowest rank is in the core.

use std::ops::Range;
use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::corner::Unit;
use crate::graph::marked::{Marking, Told};
use crate::graph::orient::Oriented;
use crate::graph::stage::in_runs;
use crate::graph::weights::{amount_weight, count_weight};
use crate::graph::wide;
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;

/// Accounts that are held against as many others at a time.
const TILE: usize = 64;
/// Accounts through which is looked at a time: the rows of two tiles, plain and scaled, stay in a core's own cache.
const SPAN: usize = wide::SPAN;
/// Accounts a word of bits.
const BITS: usize = u64::BITS as usize;
/// Sizes of a core that are weighed against each other.
const SIZES: [usize; 8] = [1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14];
/// Bytes of the matrix of weights a relation of the graph, at most.
const BYTES_A_RELATION: u64 = 64;
/// A place nobody has.
const OUTSIDE: u32 = u32::MAX;

/// The highest ranks, whose triangles with each other are told here.
pub(super) struct Core {
    /// Lowest rank first.
    accounts: Vec<u32>,
    /// Their places among these, of all accounts.
    places: Vec<u32>,
    pointing: Pointing,
}

impl Core {
    /// The core that saves most; of nobody where none saves anything.
    pub fn of(graph: &TransferGraph, oriented: &Oriented) -> Self {
        let mut ranks: Vec<u64> =
            (0..graph.accounts()).map(|account| u64::from(oriented.class(account)) << 32 | account as u64).collect();
        let most = SIZES[SIZES.len() - 1].min(ranks.len());
        if most < ranks.len() {
            ranks.select_nth_unstable_by(most, |one, other| other.cmp(one));
            ranks.truncate(most);
        }
        ranks.sort_unstable_by(|one, other| other.cmp(one));
        let size = size_that_pays(graph.relations(), oriented, &ranks);
        let accounts: Vec<u32> = ranks[..size].iter().rev().map(|rank| *rank as u32).collect();
        let mut places = vec![OUTSIDE; graph.accounts()];
        for (place, &account) in accounts.iter().enumerate() {
            places[account as usize] = place as u32;
        }
        let pointing = Pointing::of(oriented, &accounts, &places);
        Self { accounts, places, pointing }
    }

    pub fn holds(&self, account: usize) -> bool {
        self.places[account] != OUTSIDE
    }

    /// The place of an account among those of the core, lowest rank first.
    #[inline]
    pub fn place(&self, account: u32) -> Option<u32> {
        let place = self.places[account as usize];
        (place != OUTSIDE).then_some(place)
    }

    /// Whether the account at place `one` points to the one at place `other`.
    #[inline]
    pub fn points(&self, one: u32, other: u32) -> bool {
        let Pointing { width, words, .. } = &self.pointing;
        words[one as usize * width + other as usize / BITS] >> (other % u64::BITS) & 1 == 1
    }

    /// How many the account at place `one` points to before the one at place `other`.
    #[inline]
    pub fn points_before(&self, one: u32, other: u32) -> u32 {
        let Pointing { width, words, before } = &self.pointing;
        let at = one as usize * width + other as usize / BITS;
        before[at] + (words[at] & ((1 << (other % u64::BITS)) - 1)).count_ones()
    }

    /// Tells all triangles in the core.
    pub fn tell(&self, work: Marking<'_>, told: &Told, progress: Progress<'_>) -> Result<()> {
        if self.accounts.is_empty() {
            return Ok(());
        }
        let (needs, ways) = (work.needs, Ways::of(self, work.graph));
        let mut places: Vec<usize> = (0..self.accounts.len()).collect();
        for_each_chunk_mut(&mut places, TILE, |_, run| {
            run.iter().for_each(|&place| self.tell_ways(work, place, &ways, told));
        });
        for (kind, _) in [needs.ties, needs.tie_amounts].into_iter().enumerate().filter(|(_, wanted)| *wanted) {
            self.tie(work, kind, &ways, told, progress)?;
        }
        Ok(())
    }

    /// Tells which ways money went around all triangles of the account at `place`, and which of those it points to are in one.
    fn tell_ways(&self, work: Marking<'_>, place: usize, ways: &Ways, told: &Told) {
        let Marking { graph, oriented, needs, .. } = work;
        let (account, own) = (self.accounts[place], ways.row(place));
        let row = graph.row(account as usize);
        // Every triangle, and every pair of payers, is met from two sides.
        let (mut triangles, mut payers, mut one_sided, mut kinds) = (0, 0, 0, [0; 4]);
        for (&other, tally) in graph.neighbours[row.clone()].iter().zip(&graph.tallies[row]) {
            let Some(other) = self.place(other) else { continue };
            let (pays, paid) = (u64::from(tally.sent > 0), u64::from(tally.received > 0));
            let met = wide::meet_ways(own, ways.row(other as usize));
            triangles += met.known;
            payers += paid * met.payers;
            one_sided += paid * (1 - pays) * met.one_sided_payers;
            kinds[0] += pays * met.paying_a_payer;
            kinds[1] += pays * met.paid_by_a_payer;
            kinds[2] += paid * met.paying_a_payer;
            kinds[3] += pays * met.paying_a_payee;
        }
        told.triangles[account as usize].fetch_add(triangles / 2, Ordering::Relaxed);
        if needs.payers || needs.kinds {
            let [cycle, middleman, inward, outward] = kinds;
            told.add_kinds(account, &[payers / 2, one_sided / 2, cycle, middleman, inward, outward]);
        }
        if needs.alters {
            let (part, slots) = oriented.row(account);
            let met = &told.relations[oriented.buckets.of(account)].met;
            for slot in slots {
                let other = ways.row(self.places[part.targets[slot] as usize] as usize);
                if have_some_in_common(own, other) {
                    met[slot].store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Adds what comes through each account of the core to the relations of all others of it.
    fn tie(&self, work: Marking<'_>, kind: usize, ways: &Ways, told: &Told, progress: Progress<'_>) -> Result<()> {
        let ties = Ties::of(self, work, ways, kind);
        let tie = |tile, tiles: &mut Tiles| self.tie_tile(work.oriented, &ties, tile, kind, told, tiles);
        in_runs("weighing ties of the core", self.accounts.len(), TILE, progress, Tiles::new, tie).map(drop)
    }

    /// The same for the relations by which the accounts of one tile point to others.
    fn tie_tile(
        &self,
        oriented: &Oriented,
        ties: &Ties<'_>,
        own: Range<usize>,
        kind: usize,
        told: &Told,
        tiles: &mut Tiles,
    ) {
        let mut rows: Vec<Range<usize>> = own.clone().map(|place| oriented.row(self.accounts[place]).1).collect();
        for first in (own.start..self.accounts.len()).step_by(TILE) {
            let others = first..(first + TILE).min(self.accounts.len());
            tiles.pairs.clear();
            for (local, row) in rows.iter_mut().enumerate() {
                let part = oriented.row(self.accounts[own.start + local]).0;
                // Rows ascend by rank, as places do.
                while let Some(slot) = row.clone().next() {
                    let place = self.places[part.targets[slot] as usize] as usize;
                    if place >= others.end {
                        break;
                    }
                    tiles.pairs.push(Pair { local: [local, place - first], slot, through: 0 });
                    row.start += 1;
                }
            }
            tiles.weigh(ties, own.start, first);
            for pair in &tiles.pairs {
                let account = self.accounts[own.start + pair.local[0]];
                let through = &told.relations[oriented.buckets.of(account)].through[kind];
                through[pair.slot].fetch_add(pair.through, Ordering::Relaxed);
            }
        }
    }
}

/// The size, of the highest `ranks`, that saves most on this processor. No figure depends on it.
fn size_that_pays(relations: u64, oriented: &Oriented, ranks: &[u64]) -> usize {
    let out = |account: u32| oriented.row(account).1.len() as u64;
    let (mut size, mut most) = (0, 0.0);
    let (mut links, mut tests, mut rank) = (0u64, 0u64, 0);
    for core in SIZES.map(|core| core.min(ranks.len())) {
        while rank < core {
            let (part, row) = oriented.row(ranks[rank] as u32);
            links += row.len() as u64;
            tests += part.targets[row].iter().map(|&target| out(target)).sum::<u64>();
            rank += 1;
        }
        if (core * core * size_of::<f64>()) as u64 > relations * BYTES_A_RELATION {
            break;
        }
        // In a core whose ranks differ, more tests end in a triangle than there are relations among all pairs.
        let closing = (2.0 * links as f64 / (core as f64 * core as f64).max(1.0)).min(1.0).sqrt();
        let one_by_one = tests as f64 * (TEST + TRIANGLE * closing);
        let saved = one_by_one - links as f64 * core as f64 * wide::cost_of_a_tie();
        if saved > most {
            (size, most) = (core, saved);
        }
    }
    size
}

/// Nanoseconds of looking whether two that an account points to are linked, and of telling a triangle, one by one.
const TEST: f64 = 2.0;
const TRIANGLE: f64 = 60.0;

/// Whom of the core its accounts point to, a bit each: asked for one by one, where a row is short and another long.
struct Pointing {
    width: usize,
    words: Vec<u64>,
    /// How many bits are set before each word of a row.
    before: Vec<u32>,
}

impl Pointing {
    fn of(oriented: &Oriented, accounts: &[u32], places: &[u32]) -> Self {
        let width = accounts.len().div_ceil(BITS).max(1);
        let mut words = vec![0u64; accounts.len() * width];
        for_each_chunk_mut(&mut words, width, |first, words| {
            let (part, row) = oriented.row(accounts[first / width]);
            for place in part.targets[row].iter().map(|&target| places[target as usize]) {
                words[place as usize / BITS] |= 1 << (place % u64::BITS);
            }
        });
        let mut before = vec![0u32; words.len()];
        for_each_chunk_mut(&mut before, width, |first, before| {
            let mut sum = 0;
            for (before, word) in before.iter_mut().zip(&words[first..]) {
                *before = sum;
                sum += word.count_ones();
            }
        });
        Self { width, words, before }
    }
}

/// Who of the core pays whom, a bit each.
struct Ways {
    /// Words of a row: whom the account pays, then by whom it is paid.
    width: usize,
    words: Vec<u64>,
}

impl Ways {
    fn of(core: &Core, graph: &TransferGraph) -> Self {
        let half = core.accounts.len().div_ceil(BITS * wide::WORDS) * wide::WORDS;
        let mut words = vec![0; core.accounts.len() * 2 * half];
        for_each_chunk_mut(&mut words, 2 * half, |first, words| {
            let row = graph.row(core.accounts[first / (2 * half)] as usize);
            for (&other, tally) in graph.neighbours[row.clone()].iter().zip(&graph.tallies[row]) {
                let place = core.places[other as usize];
                if place != OUTSIDE {
                    let (word, bit) = (place as usize / BITS, place % u64::BITS);
                    words[word] |= u64::from(tally.sent > 0) << bit;
                    words[half + word] |= u64::from(tally.received > 0) << bit;
                }
            }
        });
        Self { width: 2 * half, words }
    }

    fn row(&self, place: usize) -> &[u64] {
        &self.words[place * self.width..(place + 1) * self.width]
    }

    /// Whom the account deals with, of a span.
    #[inline]
    fn known(&self, place: usize, span: usize) -> [u64; SPAN / BITS] {
        let (pays, paid) = self.row(place).split_at(self.width / 2);
        let first = span / BITS;
        std::array::from_fn(|at| pays[first + at] | paid[first + at])
    }
}

/// Whether two accounts with such rows have a counterparty in common.
fn have_some_in_common(own: &[u64], other: &[u64]) -> bool {
    let halves = |row| <[u64]>::split_at(row, own.len() / 2);
    let ((pays, paid), (other_pays, other_paid)) = (halves(own), halves(other));
    pays.iter().zip(paid).zip(other_pays.iter().zip(other_paid)).any(|((a, b), (c, d))| (a | b) & (c | d) != 0)
}

/// The weights of the core's relations, by count or by amount.
struct Ties<'a> {
    ways: &'a Ways,
    /// Weights of a row.
    width: usize,
    weights: Vec<f64>,
    /// One over the total of each account.
    inverses: Vec<f64>,
    /// Units of one for what comes through others, of each account by itself.
    scales: Vec<f64>,
}

impl<'a> Ties<'a> {
    fn of(core: &Core, work: Marking<'_>, ways: &'a Ways, kind: usize) -> Self {
        let Marking { graph, weights, .. } = work;
        let totals = if kind == 0 { &weights.by_count } else { &weights.by_amount };
        let mut inverses: Vec<f64> = core.accounts.iter().map(|&account| totals[account as usize]).collect();
        let scales = inverses.iter().map(|&inverse| Unit::of(inverse, inverse).scale()).collect();
        let width = core.accounts.len().next_multiple_of(SPAN);
        inverses.resize(width, 0.0);
        let mut weights = vec![0.0; core.accounts.len() * width];
        for_each_chunk_mut(&mut weights, width, |first, weights| {
            let row = graph.row(core.accounts[first / width] as usize);
            for (&other, slot) in graph.neighbours[row.clone()].iter().zip(row) {
                let place = core.places[other as usize];
                if place != OUTSIDE {
                    let weight = if kind == 0 { count_weight(graph, slot) } else { amount_weight(graph, slot) };
                    weights[place as usize] = weight;
                }
            }
        });
        Self { ways, width, weights, inverses, scales }
    }

    fn span(&self, place: usize, span: usize) -> &[f64] {
        &self.weights[place * self.width + span..][..SPAN]
    }
}

/// A relation between two tiles.
struct Pair {
    /// Places in the tile of the one that points, and of the other.
    local: [usize; 2],
    /// Its slot among the relations of its bucket.
    slot: usize,
    through: u64,
}

/// Rows of two tiles over one span, in units of their own accounts, and the relations between the two.
struct Tiles {
    own: Vec<f64>,
    others: Vec<f64>,
    pairs: Vec<Pair>,
}

impl Tiles {
    fn new() -> Self {
        Self { own: vec![0.0; TILE * SPAN], others: vec![0.0; TILE * SPAN], pairs: Vec::new() }
    }

    /// Weighs what comes through all accounts of the core, for all relations between the tiles that begin at two places.
    fn weigh(&mut self, ties: &Ties<'_>, own: usize, others: usize) {
        let Self { own: own_scaled, others: others_scaled, pairs } = self;
        if pairs.is_empty() {
            return;
        }
        let mut used = [0u64; 2];
        for pair in pairs.iter() {
            used.iter_mut().zip(pair.local).for_each(|(used, local)| *used |= 1 << local);
        }
        for span in (0..ties.width).step_by(SPAN) {
            for (first, scaled, used) in [(own, &mut *own_scaled, used[0]), (others, &mut *others_scaled, used[1])] {
                for local in (0..TILE).filter(|local| used >> local & 1 == 1) {
                    let (scale, row) = (ties.scales[first + local], ties.span(first + local, span));
                    let scaled = &mut scaled[local * SPAN..(local + 1) * SPAN];
                    scaled.iter_mut().zip(row).for_each(|(scaled, weight)| *scaled = weight * scale);
                }
            }
            let inverses = &ties.inverses[span..span + SPAN];
            for pair in pairs.iter_mut() {
                let [one, other] = pair.local;
                let [own_known, other_known] = [own + one, others + other].map(|place| ties.ways.known(place, span));
                let common: [u64; SPAN / BITS] = std::array::from_fn(|at| own_known[at] & other_known[at]);
                if common == [0; SPAN / BITS] {
                    continue;
                }
                // The unit of a relation is the smaller one's; a power of two, so that it does not matter what it scales.
                let by_own = ties.scales[own + one] >= ties.scales[others + other];
                let (first, second) = if by_own {
                    (&own_scaled[one * SPAN..(one + 1) * SPAN], ties.span(others + other, span))
                } else {
                    (ties.span(own + one, span), &others_scaled[other * SPAN..(other + 1) * SPAN])
                };
                pair.through += wide::weigh_through(&common, first, second, inverses);
            }
        }
    }
}
