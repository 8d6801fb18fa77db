//! Every relation once, from the account with fewer counterparties to the one with more: one cache line an account.
//!
//! Ranked by degree, nearly all accounts of a payment graph point to at most sixteen others, however many point to them. Their
//! numbers fill one line of 64 bytes, so that whoever asks an account whom it points to waits for memory once.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::classes::DegreeSum;
use crate::graph::csr::Tally;
use crate::graph::partition::Buckets;
use crate::graph::told::{Said, to_tell};
use crate::graph::weights::amount_weight;
use crate::parallel::map_chunks;

/// Accounts in a line.
pub(super) const LANES: usize = 16;
/// A number no account has, in lanes that hold nobody.
pub(super) const NOBODY: u32 = u32::MAX;
/// Accounts per unit of work where no buckets are involved.
pub(super) const ACCOUNTS: usize = 1 << 14;
/// Accounts whose rows are gone through before their lines are laid out.
const RUN: usize = 16;

/// Whom an account points to, ascending, or where a longer row lies: then the first lane holds nobody, and the second one
/// somebody.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Line(pub [u32; LANES]);

impl Line {
    pub fn long(start: usize, len: usize) -> Self {
        let mut lanes = [NOBODY; LANES];
        lanes[1..6].copy_from_slice(&[0, start as u32, (start >> 32) as u32, len as u32, (len >> 32) as u32]);
        Self(lanes)
    }

    /// Where the row lies in [`Part::long`], if it has more accounts than lanes.
    #[inline]
    pub fn as_long(&self) -> Option<Range<usize>> {
        let join = |low: usize| self.0[low] as usize | (self.0[low + 1] as usize) << 32;
        (self.0[0] == NOBODY && self.0[1] != NOBODY).then(|| join(2)..join(2) + join(4))
    }

    /// Whether the account points to two others at least.
    #[inline]
    pub fn has_wedges(&self) -> bool {
        self.0[1] != NOBODY
    }
}

/// One bit for each lane that holds `account`.
#[inline]
pub(super) fn found_in(lanes: &[u32; LANES], account: u32) -> u32 {
    let equal = |&lane: &u32| if lane == account { u32::MAX } else { 0 };
    lanes.iter().map(equal).enumerate().fold(0, |bits, (at, equal)| bits | equal & 1 << at)
}

/// What is said beside the lanes of a line; beside the whole of a long row it lies in [`Part::long_sides`].
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Side(pub [Said; LANES]);

/// What is asked for beside the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beside {
    Nothing,
    Tallies,
    TalliesAndAmounts,
}

/// The lines of one bucket's accounts.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub lines: Vec<Line>,
    /// Beside the lines, where asked for.
    pub sides: Vec<Side>,
    /// Weights by amount of the oriented relations as they are told, where asked for, and where those of each account begin.
    pub amounts: Vec<u32>,
    pub amount_starts: Vec<usize>,
    /// Beside the long rows.
    pub long_sides: Vec<Said>,
    /// Rows too long for a line, ascending, filled up to a multiple of the lanes with nobody.
    pub long: Vec<u32>,
    /// One bit an account: whether it points to anybody.
    pointing: Vec<u64>,
    /// Pairs of relations that leave one account.
    wedges: u64,
    /// The degrees of all counterparties of each account together, where asked for.
    neighbour_degrees: Vec<u64>,
}

/// The relations of a graph oriented by rank: the degree's size class, ties by account.
///
/// No account points to many: at most about the square root of twice the relations (Chiba and Nishizeki, 1985), since
/// whoever it points to has about as many counterparties or more.
#[derive(Debug)]
pub(super) struct Lines {
    pub buckets: Buckets,
    pub parts: Vec<Part>,
    pointing: Vec<u64>,
    /// Pairs of relations that leave one account.
    pub wedges: u64,
}

impl Lines {
    /// The lines of a graph whose accounts are of such `classes`, with what is asked for `beside` them.
    pub fn of(graph: &TransferGraph, classes: &[u8], beside: Beside) -> Self {
        Self::with(graph, classes, None, beside)
    }

    /// The same; where `degree` is given, the degrees of everybody's counterparties are added up on the way.
    pub fn with(graph: &TransferGraph, classes: &[u8], degree: Option<&[u32]>, beside: Beside) -> Self {
        let buckets = Buckets::over(graph.accounts());
        let mut parts: Vec<Part> = map_chunks(buckets.len(), 1, |bucket| {
            lines_of(graph, classes, degree, buckets.range(bucket.start), beside)
        });
        let pointing = parts.iter_mut().flat_map(|part| std::mem::take(&mut part.pointing)).collect();
        let wedges = parts.iter().map(|part| part.wedges).sum();
        Self { buckets, parts, pointing, wedges }
    }

    /// The degrees of everybody's counterparties together, where they were asked for.
    pub fn take_neighbour_degrees(&mut self) -> Vec<u64> {
        self.parts.iter_mut().flat_map(|part| std::mem::take(&mut part.neighbour_degrees)).collect()
    }

    /// The lines of each bucket: few enough to stay in the nearest cache, where the parts themselves do not.
    pub fn heads(&self) -> Vec<&[Line]> {
        self.parts.iter().map(|part| &part.lines[..]).collect()
    }

    /// What lies beside them.
    pub fn sides(&self) -> Vec<&[Side]> {
        self.parts.iter().map(|part| &part.sides[..]).collect()
    }

    #[inline]
    pub fn line(&self, account: u32) -> &Line {
        &self.parts[self.buckets.of(account)].lines[self.buckets.local(account) as usize]
    }

    /// Whether `account` points to anybody.
    #[inline]
    pub fn points(&self, account: u32) -> bool {
        self.pointing[account as usize / 64] >> (account % 64) & 1 == 1
    }

    /// The row of an account as lanes, filled up with nobody.
    #[inline]
    pub fn lanes<'a>(&'a self, account: u32, line: &'a Line) -> &'a [[u32; LANES]] {
        match line.as_long() {
            None => std::slice::from_ref(&line.0),
            Some(row) => {
                let long = &self.parts[self.buckets.of(account)].long;
                long[row.start..row.start + (row.end - row.start).next_multiple_of(LANES)].as_chunks().0
            }
        }
    }
}

#[inline(never)]
fn lines_of(
    graph: &TransferGraph,
    classes: &[u8],
    degree: Option<&[u32]>,
    range: Range<usize>,
    beside: Beside,
) -> Part {
    let accounts = range.len();
    let sides = if beside > Beside::Nothing { accounts } else { 0 };
    let mut part = Part {
        lines: Vec::with_capacity(accounts),
        sides: Vec::with_capacity(sides),
        neighbour_degrees: Vec::with_capacity(if degree.is_some() { accounts } else { 0 }),
        pointing: vec![0; accounts.div_ceil(64)],
        ..Part::default()
    };
    if beside == Beside::Nothing {
        let mut kept = Kept::<()>::default();
        for_each_run(range, |run| {
            for account in run {
                let row = graph.neighbours(account as u32).iter().map(|&other| (other, ()));
                kept.keep(classes, account as u32, row, |_, _| ());
            }
            part.push_lines(&mut kept);
        });
        return part;
    }
    let mut kept = Kept::<Tally>::default();
    let mut room = Vec::new();
    for_each_run(range, |run| {
        for account in run {
            let row = graph.row(account);
            let neighbours = graph.neighbours[row.clone()].iter();
            let pairs = neighbours.clone().copied().zip(graph.tallies[row.clone()].iter().copied());
            if let Some(degree) = degree {
                let mut sum = DegreeSum::over(row.len(), &mut room);
                kept.keep(classes, account as u32, pairs, |other, class| sum.add(other, class));
                part.neighbour_degrees.push(sum.finish(degree));
            } else {
                kept.keep(classes, account as u32, pairs, |_, _| ());
            }
            if beside == Beside::TalliesAndAmounts {
                part.amount_starts.push(part.amounts.len());
                let above = neighbours.zip(row).filter(|(other, _)| is_above(classes, account as u32, **other));
                part.amounts.extend(above.map(|(_, slot)| to_tell(amount_weight(graph, slot) as u64)));
            }
        }
        part.push_sides(&kept);
        part.push_lines(&mut kept);
    });
    part
}

/// Hands `each` the accounts of a range in runs.
fn for_each_run(range: Range<usize>, mut each: impl FnMut(Range<usize>)) {
    range.clone().step_by(RUN).for_each(|first| each(first..(first + RUN).min(range.end)));
}

/// Whether `other` ranks above `account`.
#[inline]
fn is_above(classes: &[u8], account: u32, other: u32) -> bool {
    ranks_above([classes[account as usize], classes[other as usize]], account, other)
}

#[inline]
fn ranks_above([class, class_of_other]: [u8; 2], account: u32, other: u32) -> bool {
    class_of_other >= class + u8::from(other < account)
}

/// Whom each account of a run points to, one after the other, and what lies beside. Lines are laid out when the whole run is
/// done: a line read as a whole right behind its last lane would wait until every lane is in the cache.
#[derive(Debug, Default)]
struct Kept<T> {
    /// Behind the last there is room for a line.
    others: Vec<u32>,
    beside: Vec<T>,
    /// Where those of each account end.
    ends: Vec<usize>,
}

impl<T: Copy + Default> Kept<T> {
    /// Keeps those of a row to whom `account` points; `meet` sees everybody in it, and their class.
    #[inline]
    fn keep(
        &mut self,
        classes: &[u8],
        account: u32,
        row: impl ExactSizeIterator<Item = (u32, T)>,
        mut meet: impl FnMut(u32, u8),
    ) {
        let start = self.ends.last().copied().unwrap_or_default();
        let room = start + row.len() + LANES + 1;
        if self.others.len() < room {
            self.others.resize(room, NOBODY);
            self.beside.resize(room, T::default());
        }
        let (others, all_beside) = (&mut self.others[..room], &mut self.beside[..room]);
        // Every candidate is written, only those above are kept: no branch to guess.
        let mut at = start;
        let own = classes[account as usize];
        for (other, beside) in row {
            let class = classes[other as usize];
            meet(other, class);
            others[at] = other;
            all_beside[at] = beside;
            at += usize::from(ranks_above([own, class], account, other));
        }
        self.ends.push(at);
    }

    /// Where those of each account lie.
    fn rows(&self) -> impl Iterator<Item = Range<usize>> {
        std::iter::once(&0).chain(&self.ends).zip(&self.ends).map(|(&start, &end)| start..end)
    }
}

impl Part {
    /// Adds the lines of a run of accounts.
    #[inline]
    fn push_lines<T: Copy + Default>(&mut self, kept: &mut Kept<T>) {
        for row in kept.rows() {
            let (local, len) = (self.lines.len(), row.len());
            if len <= LANES {
                let mut lanes: [u32; LANES] = *kept.others[row.start..].first_chunk().expect("room for a line");
                lanes.iter_mut().enumerate().for_each(|(at, lane)| *lane = if at < len { *lane } else { NOBODY });
                self.lines.push(Line(lanes));
            } else {
                self.push_long(&kept.others[row]);
            }
            self.pointing[local / 64] |= u64::from(len > 0) << (local % 64);
            self.wedges += len as u64 * (len as u64).saturating_sub(1) / 2;
        }
        kept.ends.clear();
    }

    #[cold]
    fn push_long(&mut self, row: &[u32]) {
        self.lines.push(Line::long(self.long.len(), row.len()));
        self.long.extend(row);
        self.long.resize(self.long.len().next_multiple_of(LANES), NOBODY);
    }

    /// Adds what lies beside them.
    #[inline]
    fn push_sides(&mut self, kept: &Kept<Tally>) {
        for row in kept.rows() {
            self.sides.push(Side(kept.beside[row.start..].first_chunk().expect("room for a line").map(Said::of)));
            if row.len() > LANES {
                // At the same place as the row itself.
                self.long_sides.extend(kept.beside[row].iter().map(|&tally| Said::of(tally)));
                self.long_sides.resize(self.long_sides.len().next_multiple_of(LANES), Said::default());
            }
        }
    }
}
