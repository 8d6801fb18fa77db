//! What accounts are told of a triangle: words that a relation says of itself, and how a record begins.

use crate::graph::TransferGraph;
use crate::graph::csr::Tally;
use crate::graph::weights::{amount_weight, count_weight};

/// A count that is not told; all others are below.
const COUNT: u16 = 0x1FF;
/// A weight or a total that is not told.
pub(super) const UNTOLD: u32 = u32::MAX;

/// What a relation says of itself: in the lowest two bits which [`ways`](super::kinds::ways) money went, then the count of
/// its transfers, and above it the ways as the other account sees them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said(u16);

impl Said {
    /// Where the ways of the other account begin.
    const TURNED: u32 = 11;

    #[inline]
    pub fn of(tally: Tally) -> Self {
        let [sent, received] = [tally.sent, tally.received].map(u16::from);
        let [to, from] = [sent.min(1), received.min(1)];
        let count = if tally.is_large() { COUNT } else { sent + received };
        Self((from | to << 1) << Self::TURNED | count << 2 | from << 1 | to)
    }

    #[inline]
    pub fn ways(self) -> u32 {
        u32::from(self.0) & 3
    }

    /// The ways as the other account sees them.
    #[inline]
    pub fn turned(self) -> u32 {
        u32::from(self.0 >> Self::TURNED)
    }

    /// The count, and the ways below it.
    #[inline]
    pub fn count_and_ways(self) -> u32 {
        u32::from(self.0) & ((1 << Self::TURNED) - 1)
    }
}

/// How a record begins, in the lower half of a word: the count of the relation of the two others, and which ways money went
/// from the one to the other, with the other, and with the one.
#[inline]
pub(super) fn head(between: Said, with_other: u32, with_one: u32) -> u32 {
    between.count_and_ways() << 4 | with_other << 2 | with_one
}

/// The ways money went, in the lowest bits of a record.
#[inline]
pub(super) fn told_ways(head: u32) -> u32 {
    head & 63
}

/// The count that a record tells.
#[inline]
pub(super) fn told_count(head: u32) -> u32 {
    head >> 6 & u32::from(COUNT)
}

/// The count of a relation of `a` and `b`, of which `a` sent and received `tally`.
#[inline]
pub(super) fn count_of(graph: &TransferGraph, a: u32, b: u32, tally: Tally) -> f64 {
    let told = if tally.is_large() { COUNT } else { u16::from(tally.sent) + u16::from(tally.received) };
    count_told(graph, || [a, b], u32::from(told))
}

/// The count of a relation, as it was told or as the graph has it where it was not.
#[inline]
pub(super) fn count_told(graph: &TransferGraph, pair: impl Fn() -> [u32; 2], told: u32) -> f64 {
    if told == u32::from(COUNT) { in_graph(graph, pair(), count_weight) } else { f64::from(told) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::csr::LARGE;
    use crate::graph::kinds::{turned, ways};

    #[test]
    fn every_tally_says_what_it_counts_and_which_ways_money_went() {
        for (sent, received) in (0..=LARGE).flat_map(|sent| (0..=LARGE).map(move |received| (sent, received))) {
            let tally = Tally { sent, received };
            let said = Said::of(tally);
            assert_eq!((said.ways(), said.turned()), (ways(tally), turned(ways(tally))));
            let head = 65_535 << 16 | head(said, 2, 1);
            assert_eq!((head >> 16, told_ways(head)), (65_535, ways(tally) << 4 | 2 << 2 | 1));
            let count = u32::from(sent) + u32::from(received);
            assert_eq!(told_count(head), if tally.is_large() { u32::from(COUNT) } else { count });
        }
    }
}
