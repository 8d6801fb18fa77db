//! When money came in at one account, second by second, and the gaps between.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::features::sums::Sign;
use crate::graph::wide::prefetch;

/// Arrivals between a late one and the nearer end up to which moving them aside costs less than a tree does.
const NEAR: usize = 1 << 10;

/// Seconds at which transfers came in, ascending, and how many. Nearly all come and go at the ends; once one does so far
/// from either, as slack and retractions allow, a tree keeps them, so that no order of arrival costs more than a logarithm.
#[derive(Debug)]
pub(super) enum Arrivals {
    Row(VecDeque<(i64, u32)>),
    Tree(BTreeMap<i64, u32>),
}

impl Default for Arrivals {
    fn default() -> Self {
        Self::Row(VecDeque::new())
    }
}

impl Arrivals {
    /// Adds or takes away an arrival, and tells by how much the sum of squared gaps changes: a new second cuts the gap it
    /// falls into in two, one that goes joins its two gaps.
    pub fn change(&mut self, at_seconds: i64, sign: Sign) -> i128 {
        match self {
            Self::Row(row) => {
                let place = place_in(row, at_seconds, |arrival| arrival.0);
                if place.min(row.len() - place) > NEAR {
                    *self = Self::Tree(row.drain(..).collect());
                    return self.change(at_seconds, sign);
                }
                change_row(row, place, at_seconds, sign)
            }
            Self::Tree(tree) => change_tree(tree, at_seconds, sign),
        }
    }

    pub fn first_seconds(&self) -> Option<i64> {
        match self {
            Self::Row(row) => row.front().map(|arrival| arrival.0),
            Self::Tree(tree) => tree.first_key_value().map(|(&at, _)| at),
        }
    }

    pub fn last_seconds(&self) -> Option<i64> {
        match self {
            Self::Row(row) => row.back().map(|arrival| arrival.0),
            Self::Tree(tree) => tree.last_key_value().map(|(&at, _)| at),
        }
    }

    /// Asks for what the next arrival goes on from.
    pub fn prefetch_end(&self) {
        if let Self::Row(row) = self {
            row.back().into_iter().for_each(prefetch);
        }
    }
}

fn change_row(row: &mut VecDeque<(i64, u32)>, place: usize, at_seconds: i64, sign: Sign) -> i128 {
    let is_known = row.get(place).is_some_and(|arrival| arrival.0 == at_seconds);
    if !is_known {
        row.insert(place, (at_seconds, 0));
    }
    let is_empty = count(&mut row[place].1, sign);
    if is_known != is_empty {
        return 0;
    }
    let second = |place: usize| row.get(place).map(|arrival| arrival.0);
    let cut = cut(place.checked_sub(1).and_then(second), at_seconds, second(place + 1));
    if !is_empty {
        return cut;
    }
    row.remove(place);
    if row.len() * 8 < row.capacity() {
        row.shrink_to(row.len() * 2);
    }
    -cut
}

fn change_tree(tree: &mut BTreeMap<i64, u32>, at_seconds: i64, sign: Sign) -> i128 {
    let times = tree.entry(at_seconds).or_default();
    let is_known = *times > 0;
    let is_empty = count(times, sign);
    if is_known != is_empty {
        return 0;
    }
    let before = tree.range(..at_seconds).next_back().map(|(&at, _)| at);
    let after = tree.range(at_seconds..).nth(1).map(|(&at, _)| at);
    let cut = cut(before, at_seconds, after);
    if !is_empty {
        return cut;
    }
    tree.remove(&at_seconds);
    -cut
}

/// Counts an arrival more or less; whether none is left.
fn count(times: &mut u32, sign: Sign) -> bool {
    *times = match sign {
        Sign::Plus => *times + 1,
        Sign::Minus => *times - 1,
    };
    *times == 0
}

/// What a second between two others changes of the sum of squared gaps.
fn cut(before: Option<i64>, here: i64, after: Option<i64>) -> i128 {
    let square = |from: Option<i64>, to: Option<i64>| match (from, to) {
        (Some(from), Some(to)) => i128::from(to - from) * i128::from(to - from),
        _ => 0,
    };
    square(before, Some(here)) + square(Some(here), after) - square(before, after)
}

/// Where `key` stands or is to stand among items that ascend by it, mostly at the end.
#[inline]
pub(super) fn place_in<T>(items: &VecDeque<T>, key: i64, key_of: impl Fn(&T) -> i64) -> usize {
    match items.back().map(&key_of) {
        Some(last) if last == key => items.len() - 1,
        Some(last) if last > key => items.partition_point(|item| key_of(item) < key),
        _ => items.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sum of squared gaps, told from a list.
    fn squares(times: &[i64]) -> i128 {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        sorted.windows(2).map(|two| i128::from(two[1] - two[0]).pow(2)).sum()
    }

    #[test]
    fn who_arrives_in_the_middle_of_many_again_and_again_is_kept_in_a_tree() {
        let mut arrivals = Arrivals::default();
        let mut sum = 0;
        let ends = (0..4 * NEAR as i64).map(|i| i * 1_000);
        let middle = (0..500).map(|i| 2_000_500 + i % 250);
        let times: Vec<i64> = ends.chain(middle).collect();
        for (place, &at) in times.iter().enumerate() {
            assert_eq!(matches!(arrivals, Arrivals::Tree(_)), place > 4 * NEAR);
            sum += arrivals.change(at, Sign::Plus);
        }
        assert_eq!(sum, squares(&times));
        assert_eq!((arrivals.first_seconds(), arrivals.last_seconds()), (Some(0), Some(4_095_000)));
        for (place, &at) in times.iter().enumerate() {
            sum += arrivals.change(at, Sign::Minus);
            if place % 97 == 0 {
                assert_eq!(sum, squares(&times[place + 1..]));
            }
        }
        assert_eq!((sum, arrivals.first_seconds(), arrivals.last_seconds()), (0, None, None));
    }

    proptest! {
        #[test]
        fn both_ways_of_keeping_arrivals_tell_the_gaps_of_a_list(
            times in prop::collection::vec(0i64..60, 1..80), left in any::<prop::sample::Index>(),
        ) {
            let left = left.index(times.len());
            for mut arrivals in [Arrivals::default(), Arrivals::Tree(BTreeMap::new())] {
                let mut sum: i128 = times.iter().map(|&at| arrivals.change(at, Sign::Plus)).sum();
                prop_assert_eq!(sum, squares(&times));
                sum += times[left..].iter().map(|&at| arrivals.change(at, Sign::Minus)).sum::<i128>();
                prop_assert_eq!(sum, squares(&times[..left]));
                prop_assert_eq!(arrivals.first_seconds(), times[..left].iter().min().copied());
                prop_assert_eq!(arrivals.last_seconds(), times[..left].iter().max().copied());
            }
        }
    }
}
