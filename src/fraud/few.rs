//! Short lists in order: an account's transfers are a few dozen mostly, and sorting them by comparisons is all guessing.

use crate::graph::temporal::Leg;

/// Numbers up to which each is asked how many others are below it; that is without any branch.
const FEW: usize = 48;
/// Numbers that ask at once.
const LANES: usize = 8;

/// For each of up to [`FEW`] numbers how many others are below it.
fn ranks(numbers: &[u32]) -> [u32; FEW] {
    // The same order with a sign, which wide registers compare.
    let mut signed = [0i32; FEW];
    signed.iter_mut().zip(numbers).for_each(|(signed, &number)| *signed = (number ^ 1 << 31) as i32);
    let mut ranks = [0u32; FEW];
    let lanes = signed.chunks_exact(LANES).zip(ranks.chunks_exact_mut(LANES));
    for (own, ranks) in lanes.take(numbers.len().div_ceil(LANES)) {
        let mut below = [0u32; LANES];
        for &other in &signed[..numbers.len()] {
            below.iter_mut().zip(own).for_each(|(below, &own)| *below += u32::from(other < own));
        }
        ranks.copy_from_slice(&below);
    }
    ranks
}

/// Numbers from which on they are dealt by their digits.
const MANY: usize = 96;
/// How many digits there are.
const DIGITS: usize = 1 << 8;

/// Buffers for numbers that are being sorted.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    numbers: Vec<u32>,
    dealt: Vec<u32>,
}

impl Numbers {
    /// Sorts the numbers, whose lowest `known` bits ascend already where all others are equal.
    fn sort(&mut self, known: u32) {
        if self.numbers.len() < MANY {
            return self.numbers.sort_unstable();
        }
        let Self { numbers, dealt } = self;
        let most = numbers.iter().fold(0, |all, number| all | number);
        dealt.resize(numbers.len(), 0);
        let mut shift = known;
        while shift < u32::BITS && most >> shift > 0 {
            let digit = |number: u32| (number >> shift) as usize % DIGITS;
            let mut next = [0u32; DIGITS];
            numbers.iter().for_each(|&number| next[digit(number)] += 1);
            let mut start = 0;
            next.iter_mut().for_each(|next| start += std::mem::replace(next, start));
            for &number in numbers.iter() {
                let next = &mut next[digit(number)];
                dealt[*next as usize] = number;
                *next += 1;
            }
            std::mem::swap(numbers, dealt);
            shift += DIGITS.trailing_zeros();
        }
    }

    /// Sorts different numbers, as [`sort`](Self::sort).
    fn sort_different(&mut self, known: u32) {
        if self.numbers.len() > FEW {
            return self.sort(known);
        }
        let (ranks, mut sorted) = (ranks(&self.numbers), [0u32; FEW]);
        self.numbers.iter().zip(ranks).for_each(|(&number, rank)| sorted[rank as usize % FEW] = number);
        self.numbers.iter_mut().zip(sorted).for_each(|(number, sorted)| *number = sorted);
    }
}

/// Sorts `sizes`.
pub(super) fn sort_sizes(sizes: &mut [u64], buffers: &mut Numbers) {
    if sizes.iter().fold(0, |all, size| all | size) > u64::from(u32::MAX) {
        return sizes.sort_unstable();
    }
    buffers.numbers.clear();
    buffers.numbers.extend(sizes.iter().map(|&size| size as u32));
    if sizes.len() > FEW {
        buffers.sort(0);
        return sizes.iter_mut().zip(&buffers.numbers).for_each(|(size, &number)| *size = u64::from(number));
    }
    let (ranks, mut sorted) = (ranks(&buffers.numbers), [0u64; FEW]);
    sizes.iter().zip(ranks).for_each(|(&size, rank)| sorted[rank as usize % FEW] = size);
    // Equal sizes share the first of their places, and fill those behind it.
    let mut last = 0;
    for (size, sorted) in sizes.iter_mut().zip(sorted) {
        last = sorted.max(last);
        *size = last;
    }
}

/// Counterparty and place of every transfer in `list`, ascending; counterparties are below `accounts`.
pub(super) fn by_peer(list: &[Leg], accounts: usize, buffers: &mut Numbers, into: &mut Vec<(u32, u32)>) {
    into.clear();
    let width = usize::BITS - list.len().saturating_sub(1).leading_zeros();
    if (accounts as u64) << width > 1 << 32 {
        into.extend((0..).zip(list).map(|(place, leg)| (leg.peer, place)));
        return into.sort_unstable();
    }
    // Both fit into one number.
    buffers.numbers.clear();
    buffers.numbers.extend((0..).zip(list).map(|(place, leg)| leg.peer << width | place));
    buffers.sort_different(width);
    into.extend(buffers.numbers.iter().map(|&pair| (pair >> width, pair & ((1 << width) - 1))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counting_sorts(mut numbers in prop::collection::vec(prop_oneof![1u64..40, any::<u64>().prop_map(|n| n | 1)], 0..300),
                          narrow in any::<bool>()) {
            if narrow {
                numbers.iter_mut().for_each(|number| *number = (*number & 0xffff_ffff).max(1));
            }
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            sort_sizes(&mut numbers, &mut Numbers::default());
            prop_assert_eq!(numbers, sorted);
        }

        #[test]
        fn pairs_are_those_of_a_sort(
            peers in prop::collection::vec(prop_oneof![0u32..9, 0u32..1 << 25, any::<u32>()], 0..300), accounts in 1usize..1 << 33,
        ) {
            let list: Vec<Leg> =
                peers.iter().map(|&peer| Leg { peer: peer % accounts.min(1 << 31) as u32, ..Leg::default() }).collect();
            let mut sorted: Vec<(u32, u32)> = (0..).zip(&list).map(|(place, leg)| (leg.peer, place)).collect();
            sorted.sort_unstable();
            let mut told = Vec::new();
            by_peer(&list, accounts, &mut Numbers::default(), &mut told);
            prop_assert_eq!(told, sorted);
        }
    }
}
