//! Scores that the amounts of an account tell: a few of them over and over, round ones, strange ones.
//!
//! As in [`shape`](super::shape), every function gives a score in 0..=1, and what proves it beside when asked for.

use crate::elementary::{exp, ln};
use crate::graph::temporal::Leg;

use super::few::{Numbers, sort_sizes};
use super::shape::{Proof, n_ln_n, prove, shrink};

/// Sizes of the amounts of `list`, ascending; amounts of 0 are left out.
pub(super) fn sizes(list: &[Leg], into: &mut Vec<u64>, buffers: &mut Numbers) {
    into.clear();
    into.extend(list.iter().map(|leg| leg.amount_minor.unsigned_abs()));
    sort_sizes(into, buffers);
    if into.first() == Some(&0) {
        into.drain(..into.partition_point(|&size| size == 0));
    }
}

/// The `sizes` of `list` without those of its refunds.
pub(super) fn without_refunds(list: &[Leg], sizes: &[u64], into: &mut Vec<u64>) {
    let mut refunds: Vec<u64> =
        list.iter().filter(|leg| leg.amount_minor < 0).map(|leg| leg.amount_minor.unsigned_abs()).collect();
    refunds.sort_unstable();
    let mut refunds = refunds.into_iter().peekable();
    into.clear();
    into.extend(sizes.iter().filter(|&size| refunds.next_if_eq(size).is_none()));
}

/// How much one amount dominates the receipts, whose positive amounts are given in ascending order.
pub(super) fn equal_amounts(received: &[Leg], amounts: &[u64], mut proof: Proof<'_>) -> f64 {
    if amounts.len() < 3 {
        return 0.0;
    }
    let (mut most, mut top) = (0, 0);
    for run in amounts.chunk_by(|a, b| a == b) {
        if run.len() > most {
            (most, top) = (run.len(), run[0]);
        }
    }
    let share = most as f64 / amounts.len() as f64;
    let score = ((share - 0.2) / 0.8).max(few_amounts(amounts)) * shrink(amounts.len(), 10.0);
    if score > 0.0 && proof.is_some() {
        let dominating = received.iter().filter(|leg| leg.amount_minor > 0 && leg.amount_minor.unsigned_abs() == top);
        dominating.for_each(|leg| prove(&mut proof, 1.0, leg.row));
    }
    score
}

/// How few different amounts there are: 1 less twice the entropy of the ascending `amounts`, in that of as many different
/// ones; told of a hundred amounts and more.
fn few_amounts(amounts: &[u64]) -> f64 {
    const FEWEST: usize = 100;
    if amounts.len() < FEWEST {
        return 0.0;
    }
    let sum: f64 = amounts.chunk_by(|a, b| a == b).map(|run| n_ln_n(run.len())).sum();
    let ln_count = ln(amounts.len() as f64);
    let entropy = ln_count - sum / amounts.len() as f64;
    (1.0 - 2.0 * entropy / ln_count).max(0.0)
}

/// Share of receipts that are whole multiples of `unit`.
pub(super) fn round_amounts(received: &[Leg], unit: i64, mut proof: Proof<'_>) -> f64 {
    let (mut count, mut round) = (0usize, 0usize);
    for leg in received.iter().filter(|leg| leg.amount_minor > 0) {
        count += 1;
        if leg.amount_minor % unit == 0 {
            round += 1;
            prove(&mut proof, leg.amount_minor as f64, leg.row);
        }
    }
    if count == 0 { 0.0 } else { round as f64 / count as f64 * shrink(count, 10.0) }
}

/// How far the strangest amount of `list` is from the others, whose [`sizes`] are given.
pub(super) fn out_of_scale(list: &[Leg], sizes: &[u64], mut proof: Proof<'_>) -> f64 {
    /// The least unit in which distances are told.
    const LEAST: f64 = 0.25;
    /// Units up to which an amount is ordinary.
    const ORDINARY: f64 = 3.0;
    /// Median deviations of a normal law in its standard deviation.
    const ROBUST: f64 = 1.4826;
    if sizes.len() < 3 {
        return 0.0;
    }
    let log = |size: u64| ln(size as f64);
    let median = log(sizes[sizes.len() / 2]);
    let farthest = (log(sizes[sizes.len() - 1]) - median).max(median - log(sizes[0]));
    if farthest <= ORDINARY * LEAST {
        return 0.0;
    }
    let deviation = (log(halfway_out(sizes)) - median).abs();
    let unit = (deviation * ROBUST).max(LEAST);
    let largest = farthest / unit;
    if largest <= ORDINARY {
        return 0.0;
    }
    if proof.is_some() {
        for leg in list.iter().filter(|leg| leg.amount_minor != 0) {
            let distance = (log(leg.amount_minor.unsigned_abs()) - median).abs() / unit;
            if distance > ORDINARY {
                prove(&mut proof, distance, leg.row);
            }
        }
    }
    1.0 - exp(-(largest - ORDINARY) / 6.0)
}

/// The size at the median distance from the median, told by ratios of whole numbers: walked to from the median outwards, the
/// nearer side first.
fn halfway_out(sizes: &[u64]) -> u64 {
    let middle = sizes.len() / 2;
    let square = u128::from(sizes[middle]).pow(2);
    let (mut below, mut above, mut last) = (middle, middle, sizes[middle]);
    for _ in 0..middle {
        let above_is_nearer = match sizes.get(above + 1) {
            Some(&next) => below == 0 || u128::from(sizes[below - 1]) * u128::from(next) <= square,
            None => false,
        };
        last = if above_is_nearer {
            above += 1;
            sizes[above]
        } else {
            below -= 1;
            sizes[below]
        };
    }
    last
}

#[cfg(test)]
mod tests {
    use super::super::shape::most_telling;
    use super::*;

    fn legs(rows: &[(i64, i64)]) -> Vec<Leg> {
        let leg = |(row, &(at_seconds, amount_minor))| Leg { at_seconds, amount_minor, peer: 0, row };
        (0..).zip(rows).map(leg).collect()
    }

    fn sizes_of(list: &[Leg]) -> Vec<u64> {
        let mut all = Vec::new();
        sizes(list, &mut all, &mut Numbers::default());
        all
    }

    #[test]
    fn equal_and_round_amounts_are_told_from_ordinary_ones() {
        let even = legs(&[(0, 5_000); 20]);
        let odd = legs(&(0..20).map(|i| (i, 1_003 + 617 * (i * i % 41))).collect::<Vec<_>>());
        let equal = |list: &[Leg]| equal_amounts(list, &sizes_of(list), None);
        assert!(equal(&even) > 0.6 && equal(&odd) < 0.1);
        assert!(round_amounts(&even, 1_000, None) > 0.6 && round_amounts(&odd, 1_000, None) < 0.1);
    }

    #[test]
    fn a_few_amounts_in_turn_are_told() {
        // Five amounts, each a fifth of the receipts: none dominates.
        let five = legs(&(0..400).map(|i| (i, 1_000 + i % 5)).collect::<Vec<_>>());
        let fewness = 1.0 - 2.0 * 5f64.ln() / 400f64.ln();
        let score = equal_amounts(&five, &sizes_of(&five), None);
        assert!((score - fewness * shrink(400, 10.0)).abs() < 1e-12, "{score}");
        assert_eq!(equal_amounts(&five[..95], &sizes_of(&five[..95]), None), 0.0, "too few to tell");
        let different = legs(&(0..400).map(|i| (i, 1_000 + i)).collect::<Vec<_>>());
        assert_eq!(equal_amounts(&different, &sizes_of(&different), None), 0.0);
    }

    #[test]
    fn the_strange_amount_is_the_proof() {
        let list = legs(&[(0, 900), (5, 910), (9, 905), (90, 8), (95, 900)]);
        let mut proof = Vec::new();
        assert!(out_of_scale(&list, &sizes_of(&list), Some(&mut proof)) > 0.9);
        assert_eq!(most_telling(proof, 9), [3]);
    }

    /// The median deviation by sorting, and a logarithm of every amount.
    fn out_of_scale_by_sorting(list: &[Leg]) -> f64 {
        let mut logs: Vec<f64> = list
            .iter()
            .map(|leg| leg.amount_minor.unsigned_abs())
            .filter(|&size| size != 0)
            .map(|size| (size as f64).ln())
            .collect();
        if logs.len() < 3 {
            return 0.0;
        }
        logs.sort_by(f64::total_cmp);
        let median = logs[logs.len() / 2];
        let mut distances: Vec<f64> = logs.iter().map(|log| (log - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let unit = (distances[logs.len() / 2] * 1.4826).max(0.25);
        1.0 - (-(distances[logs.len() - 1] / unit - 3.0).max(0.0) / 6.0).exp()
    }

    proptest::proptest! {
        #[test]
        fn sizes_without_refunds_are_those_of_the_other_amounts(
            amounts in proptest::collection::vec(-9i64..9, 0..40),
        ) {
            let list = legs(&amounts.iter().map(|&amount| (0, amount)).collect::<Vec<_>>());
            let sales: Vec<Leg> = list.iter().filter(|leg| leg.amount_minor > 0).copied().collect();
            let mut told = Vec::new();
            without_refunds(&list, &sizes_of(&list), &mut told);
            proptest::prop_assert_eq!(told, sizes_of(&sales));
        }

        #[test]
        fn strange_amounts_are_those_that_sorting_tells(
            amounts in proptest::collection::vec(-9i64..9, 0..40), base in 1i64..9, strange in 0i64..5_000,
        ) {
            let rows: Vec<(i64, i64)> =
                amounts.iter().map(|&amount| (0, amount.pow(2) * 40 * base + amount)).chain([(0, strange)]).collect();
            let (list, mut proof) = (legs(&rows), Vec::new());
            let score = out_of_scale(&list, &sizes_of(&list), Some(&mut proof));
            proptest::prop_assert!((score - out_of_scale_by_sorting(&list)).abs() < 1e-9);
            proptest::prop_assert_eq!(score > 0.0, !proof.is_empty());
        }
    }
}
