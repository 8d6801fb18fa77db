//! How long money stays: what comes waits in line and leaves first in, first out.

use crate::features::activity::Way;
use crate::features::activity::ahead::Ahead;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Row;
use crate::features::sums::Sums;

/// Hours of the windows in which money passes through.
const WINDOWS: [(Feature, i64); 3] =
    [(Feature::PassThroughHour, 1), (Feature::PassThroughDay, 24), (Feature::PassThroughThreeDays, 72)];
const QUANTILES: [(Feature, i128); 3] = [(Feature::DwellP10, 1), (Feature::DwellP50, 5), (Feature::DwellP90, 9)];

/// Buffers of this look.
#[derive(Debug, Default)]
pub(super) struct Dwell {
    arriving: Vec<Leg>,
    leaving: Vec<Leg>,
    narrow: Vec<u64>,
    wide: Vec<u128>,
}

/// Money that moves one way, in order of time, none of it 0: what `there` brings and what of `back` is given back. Order
/// within one second is open: what leaves at a second may take all that came up to it.
fn moves<'a>(there: Way<'_>, back: Way<'_>, line: &'a mut Vec<Leg>) -> Way<'a> {
    let brought = there.iter().copied().filter(|leg| leg.amount_minor > 0);
    let given_back = back.iter().filter(|leg| leg.amount_minor < 0);
    line.clear();
    line.extend(brought.chain(given_back.map(|leg| Leg { amount_minor: -leg.amount_minor, ..*leg })));
    line.sort_unstable_by_key(|leg| (leg.at_seconds, leg.amount_minor));
    line
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
    pub(super) fn look(&mut self, [outs, ins]: [Way<'_>; 2], sums: &Sums, context: &Context<'_>, row: &mut impl Row) {
        let (arriving, leaving) = if sums.all_positive() {
            (ins, outs)
        } else {
            (moves(ins, outs, &mut self.arriving), moves(outs, ins, &mut self.leaving))
        };
        let ([first, ..], [.., last]) = (arriving, arriving) else { return };
        let came: i64 = arriving.iter().map(|leg| leg.amount_minor).sum();
        let longest = leaving.last().unwrap_or(last).at_seconds - first.at_seconds;
        let within = if longest <= i64::from(u32::MAX) && came <= i64::from(u32::MAX) {
            pair_off(arriving, leaving, &mut self.narrow).write_quantiles(row)
        } else {
            pair_off(arriving, leaving, &mut self.wide).write_quantiles(row)
        };
        for ((feature, _), within) in WINDOWS.into_iter().zip(within) {
            if feature != Feature::PassThroughHour || context.has_hours {
                row.set(feature, within as f64 / came as f64);
            }
        }
    }
}

/// What left again, piece by piece, in order of leaving.
struct Paired<'a, P> {
    pieces: &'a mut [P],
    /// All of it.
    left: i64,
    /// What stayed no longer than each window.
    within: [i64; 3],
}

/// Matches what leaves with what came.
fn pair_off<'a, P: Piece>(arriving: Way<'_>, leaving: Way<'_>, pieces: &'a mut Vec<P>) -> Paired<'a, P> {
    let (comes, goes) = (arriving.len(), leaving.len());
    if pieces.len() < comes + goes {
        pieces.resize(comes + goes, P::NOTHING);
    }
    let (mut len, mut left, mut within) = (0, 0, [0; 3]);
    let get = |way: Way<'_>, place| way.get(place).map(|leg: &Leg| (leg.at_seconds, leg.amount_minor));
    let (mut come, mut gone) = (Ahead::new(|place| get(arriving, place)), Ahead::new(|place| get(leaving, place)));
    // A step uses up one side or both, so steps are no more than arrivals and departures together.
    while come.place < comes && gone.place < goes {
        let ((since, waiting), (now, wanted)) = (come.now, gone.now);
        let has_come = since <= now;
        let moved = if has_come { waiting.min(wanted) } else { 0 };
        pieces[len] = P::new(now - since, moved);
        len += usize::from(has_come);
        // A step waits for the one before, so what is added up on the way costs nothing.
        left += moved;
        for (within, (_, hours)) in within.iter_mut().zip(WINDOWS) {
            *within += if now - since <= hours * 3600 { moved } else { 0 };
        }
        let (next_come, next_gone) = (moved == waiting, !has_come | (moved == wanted));
        come.now.1 -= moved;
        gone.now.1 -= moved;
        come.step(next_come);
        gone.step(next_gone);
    }
    Paired { pieces: &mut pieces[..len], left, within }
}

impl<P: Piece> Paired<'_, P> {
    /// Sorts the pieces by dwell and writes its quantiles; returns what left within each window.
    fn write_quantiles(self, row: &mut impl Row) -> [i64; 3] {
        self.pieces.sort_unstable();
        let mut pieces = self.pieces.iter().map(|piece| piece.split());
        let (mut gone, mut reached) = (0, 0);
        for (feature, tenths) in QUANTILES {
            // The first piece with which a share of tenths or more is gone.
            let needed = ((i128::from(self.left) * tenths + 9) / 10) as i64;
            while gone < needed
                && let Some((dwell, moved)) = pieces.next()
            {
                (gone, reached) = (gone + moved, dwell);
            }
            if gone > 0 {
                row.set(feature, reached as f64 / 3600.0);
            }
        }
        self.within
    }
}
