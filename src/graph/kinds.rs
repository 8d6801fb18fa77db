//! Which way money went around a triangle, and what that is to each of its accounts.

use crate::graph::csr::Tally;

/// Which way money went over a relation: in the lowest bit to the other account, in the next from it.
#[inline]
pub(super) fn ways(tally: Tally) -> u32 {
    u32::from(tally.sent > 0) | u32::from(tally.received > 0) << 1
}

/// The same ways, seen from the other account.
#[inline]
pub(super) fn turned(ways: u32) -> u32 {
    ways >> 1 | (ways & 1) << 1
}

/// What a triangle adds at an account: one triangle, linked pairs of payers, of one-sided payers, and Fagiolo's kinds (cycle,
/// middleman, in, out), by the [`ways`] money went: with one, with the other in the next two bits, from the one to the other
/// in the two above.
const ADDITIONS: [[u32; 8]; 64] = {
    let mut all = [[0; 8]; 64];
    let mut ways = 0;
    while ways < 64 {
        all[ways] = added(ways);
        ways += 1;
    }
    all
};

const fn added(ways: usize) -> [u32; 8] {
    const fn both(ways: usize, one: usize, other: usize) -> u32 {
        (ways & one == one) as u32 + (ways & other == other) as u32
    }
    const TO_A: usize = 1;
    const FROM_A: usize = 2;
    const TO_B: usize = 4;
    const FROM_B: usize = 8;
    const A_PAYS: usize = 16;
    const B_PAYS: usize = 32;
    let payers = (ways & (FROM_A | FROM_B) == FROM_A | FROM_B) as u32;
    let one_sided = (ways & (FROM_A | FROM_B | TO_A | TO_B) == FROM_A | FROM_B) as u32;
    [
        1,
        payers,
        one_sided,
        both(ways, TO_A | A_PAYS | FROM_B, TO_B | B_PAYS | FROM_A),
        both(ways, TO_A | B_PAYS | FROM_B, TO_B | A_PAYS | FROM_A),
        both(ways, FROM_A | A_PAYS | FROM_B, FROM_B | B_PAYS | FROM_A),
        both(ways, TO_A | A_PAYS | TO_B, TO_B | B_PAYS | TO_A),
        0,
    ]
}

/// Bits of one figure of [`PACKED`].
const BITS: usize = 10;
/// Triangles whose figures fit together in one word: none adds more than two.
const FITTING: usize = ((1 << BITS) - 1) / 2;

/// The second to seventh of [`ADDITIONS`], side by side in one word.
const PACKED: [u64; 64] = {
    let mut all = [0; 64];
    let mut ways = 0;
    while ways < 64 {
        let mut at = 0;
        while at < 6 {
            all[ways] |= (ADDITIONS[ways][at + 1] as u64) << (BITS * at);
            at += 1;
        }
        ways += 1;
    }
    all
};

/// Adds what triangles come to, each of the ways `ways` says: pairs of payers, of one-sided payers, and the four kinds.
#[inline]
pub(super) fn add_up<T>(sums: &mut [u64; 6], triangles: &[T], ways: impl Fn(&T) -> u32) {
    for triangles in triangles.chunks(FITTING) {
        let packed = triangles.iter().fold(0, |sum, triangle| sum + PACKED[(ways(triangle) & 63) as usize]);
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum += packed >> (BITS * at) & ((1 << BITS) - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_fagiolo() {
        // Ways as booleans, and each kind as its two ways around.
        for (ways, added) in ADDITIONS.iter().enumerate() {
            let [to_a, from_a, to_b, from_b, a_pays, b_pays] = std::array::from_fn(|at| ways >> at & 1 == 1);
            let both = |one: bool, other: bool| u32::from(one) + u32::from(other);
            let kinds = [
                both(to_a && a_pays && from_b, to_b && b_pays && from_a),
                both(to_a && b_pays && from_b, to_b && a_pays && from_a),
                both(from_a && a_pays && from_b, from_b && b_pays && from_a),
                both(to_a && a_pays && to_b, to_b && b_pays && to_a),
            ];
            assert_eq!(added[3..7], kinds);
            assert_eq!(added[1] == 1, from_a && from_b);
            assert_eq!(added[2] == 1, from_a && from_b && !to_a && !to_b);
        }
    }

    #[test]
    fn side_by_side_is_one_by_one() {
        let all: Vec<u8> = (0..5_000).map(|at| if at < 3_000 { 63 } else { (at % 64) as u8 }).collect();
        let mut sums = [0; 6];
        add_up(&mut sums, &all, |&ways| u32::from(ways));
        let one_by_one: [u64; 6] =
            std::array::from_fn(|at| all.iter().map(|&ways| u64::from(ADDITIONS[usize::from(ways)][at + 1])).sum());
        assert_eq!(sums, one_by_one);
    }
}
