//! How long money stays: what comes waits in line and leaves first in, first out.

use crate::features::activity::Way;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Row;
use crate::features::sums::Sums;

/// Hours of the windows in which money passes through.
const WINDOWS: [(Feature, i64); 3] =
    [(Feature::PassThroughHour, 1), (Feature::PassThroughDay, 24), (Feature::PassThroughThreeDays, 72)];
const QUANTILES: [(Feature, i128); 3] = [(Feature::DwellP10, 1), (Feature::DwellP50, 5), (Feature::DwellP90, 9)];

/// Buffers of this look.
#[derive(Debug, Default)]
pub(super) struct Dwell {
    arriving: Line,
    leaving: Line,
    narrow: Vec<u64>,
    wide: Vec<u128>,
}

/// Money that moves one way, in order of time, none of it 0. Order within one second is open: what leaves at a second may
/// take all that came up to it.
#[derive(Debug, Default)]
struct Line {
    at_seconds: Vec<i64>,
    minor: Vec<i64>,
    unsorted: Vec<(i64, i64)>,
}

impl Line {
    /// What `there` brings and what of `back` is given back.
    fn refill(&mut self, there: &Way<'_>, back: &Way<'_>) -> Moves<'_> {
        let brought = pairs(there).filter(|&(_, minor)| minor > 0);
        let given_back = pairs(back).filter(|&(_, minor)| minor < 0).map(|(at, minor)| (at, -minor));
        self.unsorted.clear();
        self.unsorted.extend(brought.chain(given_back));
        self.unsorted.sort_unstable();
        self.at_seconds.clear();
        self.at_seconds.extend(self.unsorted.iter().map(|&(at, _)| at));
        self.minor.clear();
        self.minor.extend(self.unsorted.iter().map(|&(_, minor)| minor));
        Moves { at_seconds: &self.at_seconds, minor: &self.minor }
    }
}

fn pairs(way: &Way<'_>) -> impl Iterator<Item = (i64, i64)> {
    way.at_seconds.iter().copied().zip(way.amount_minor.iter().copied())
}

/// A filled [`Line`], or an account's transfers themselves.
#[derive(Debug, Clone, Copy)]
struct Moves<'a> {
    at_seconds: &'a [i64],
    minor: &'a [i64],
}

impl<'a> Moves<'a> {
    fn of(way: &Way<'a>) -> Self {
        Self { at_seconds: way.at_seconds, minor: way.amount_minor }
    }
}

/// Dwell time in the high half, what stayed so long in the low half.
trait Piece: Ord + Copy {
    const NOTHING: Self;
    fn new(dwell: i64, moved: i64) -> Self;
    fn split(self) -> (i64, i64);
}

impl Piece for u64 {
    const NOTHING: Self = 0;
    fn new(dwell: i64, moved: i64) -> Self {
        (dwell as Self) << 32 | moved as Self
    }
    fn split(self) -> (i64, i64) {
        ((self >> 32) as i64, i64::from(self as u32))
    }
}

impl Piece for u128 {
    const NOTHING: Self = 0;
    fn new(dwell: i64, moved: i64) -> Self {
        (dwell as Self) << 64 | moved as Self
    }
    fn split(self) -> (i64, i64) {
        ((self >> 64) as i64, self as i64)
    }
}

impl Dwell {
    /// A refund is money the other way. Money that leaves without having come in the data is taken to have been there
    /// before.
    pub(super) fn look(&mut self, [outs, ins]: [&Way<'_>; 2], sums: &Sums, context: &Context<'_>, row: &mut impl Row) {
        let (arriving, leaving) = if sums.all_positive() {
            (Moves::of(ins), Moves::of(outs))
        } else {
            (self.arriving.refill(ins, outs), self.leaving.refill(outs, ins))
        };
        let ([first, ..], [.., last]) = (arriving.at_seconds, arriving.at_seconds) else { return };
        let came: i64 = arriving.minor.iter().sum();
        let longest = leaving.at_seconds.last().unwrap_or(last) - first;
        let within = if longest <= i64::from(u32::MAX) && came <= i64::from(u32::MAX) {
            write_quantiles(pair_off(arriving, leaving, &mut self.narrow), row)
        } else {
            write_quantiles(pair_off(arriving, leaving, &mut self.wide), row)
        };
        for ((feature, _), within) in WINDOWS.into_iter().zip(within) {
            if feature != Feature::PassThroughHour || context.has_hours {
                row.set(feature, within as f64 / came as f64);
            }
        }
    }
}

/// Matches what leaves with what came, piece by piece.
fn pair_off<'a, P: Piece>(arriving: Moves<'_>, leaving: Moves<'_>, pieces: &'a mut Vec<P>) -> &'a mut [P] {
    let (comes, goes) = (arriving.minor.len(), leaving.minor.len());
    if pieces.len() < comes + goes {
        pieces.resize(comes + goes, P::NOTHING);
    }
    if comes == 0 || goes == 0 {
        return &mut pieces[..0];
    }
    let (mut len, mut come, mut gone) = (0, 0, 0);
    let (mut waiting, mut wanted) = (arriving.minor[0], leaving.minor[0]);
    // A step uses up one side or both, so steps are no more than arrivals and departures together.
    while come < comes && gone < goes {
        let (since, now) = (arriving.at_seconds[come], leaving.at_seconds[gone]);
        let has_come = since <= now;
        let moved = if has_come { waiting.min(wanted) } else { 0 };
        pieces[len] = P::new(now - since, moved);
        len += usize::from(has_come);
        let (next_come, next_gone) = (moved == waiting, !has_come | (moved == wanted));
        come += usize::from(next_come);
        gone += usize::from(next_gone);
        waiting = if next_come { arriving.minor[come.min(comes - 1)] } else { waiting - moved };
        wanted = if next_gone { leaving.minor[gone.min(goes - 1)] } else { wanted - moved };
    }
    &mut pieces[..len]
}

/// Sorts the pieces and writes the quantiles of dwell; returns what left within each window.
fn write_quantiles<P: Piece>(pieces: &mut [P], row: &mut impl Row) -> [i64; 3] {
    pieces.sort_unstable();
    let (mut left, mut within) = (0i64, [0i64; 3]);
    for piece in pieces.iter() {
        let (dwell, moved) = piece.split();
        left += moved;
        for (left, (_, hours)) in within.iter_mut().zip(WINDOWS) {
            *left += if dwell <= hours * 3600 { moved } else { 0 };
        }
    }
    if pieces.is_empty() {
        return within;
    }
    // The first piece with which a share of tenths or more is gone: those before it are counted.
    let needed = QUANTILES.map(|(_, tenths)| ((i128::from(left) * tenths + 9) / 10) as i64);
    let (mut gone, mut before) = (0i64, [0usize; 3]);
    for piece in pieces.iter() {
        gone += piece.split().1;
        for (before, needed) in before.iter_mut().zip(needed) {
            *before += usize::from(gone < needed);
        }
    }
    for ((feature, _), before) in QUANTILES.into_iter().zip(before) {
        row.set(feature, pieces[before].split().0 as f64 / 3600.0);
    }
    within
}
