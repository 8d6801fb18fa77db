//! How much any one payer may contribute.

/// The largest contribution `c` of one payer that is at most `floor + share × Σ min(h, c)`, over the sums `h` that the
/// payers brought.
///
/// With it the verified sum `S = Σ min(h, c)` is the largest one of which nobody holds more than `floor + share × S`.
/// Three laws follow, and the tests hold them: `S` never falls when a sum grows or a payer is added; no payer's part is
/// larger than the rule says; and `k` payers whose sums are chosen freely add at most `k × (floor + share × H) /
/// (1 − k × share)` to receipts of `H` from others, as long as `k × share` is below 1.
///
/// `sums` holds positive amounts in any order, which changes. `share_bp` is in basis points, at most 10,000.
pub(super) fn largest_contribution(sums: &mut [i64], floor: i64, share_bp: i64) -> i64 {
    let Some(&largest) = sums.iter().max() else { return floor };
    // No sum is too large that so many others reach that their shares make up the whole: only the largest few need an order.
    let few = if share_bp > 0 { (9_999 / share_bp) as usize } else { sums.len() };
    let middle = sums.len().saturating_sub(few);
    if middle > 0 && few > 0 {
        sums.select_nth_unstable(middle);
    }
    let (others, few) = sums.split_at_mut(middle);
    few.sort_unstable();
    // g(c) = floor + share × Σ min(h, c) − c is concave with g(0) ≥ 0: what satisfies it is one interval from 0. Between two
    // sums it is linear, so that the first sum that is too large tells where it ends.
    let share = i128::from(share_bp);
    let mut allowed = i128::from(floor) * 10_000 + share * others.iter().copied().map(i128::from).sum::<i128>();
    for (&sum, larger) in few.iter().zip((1..=few.len() as i128).rev()) {
        let excess = 10_000 - share * larger;
        if i128::from(sum) * excess > allowed {
            return (allowed / excess) as i64;
        }
        allowed += share * i128::from(sum);
    }
    largest
}

/// The verified sum under [`largest_contribution`].
#[cfg(test)]
pub(super) fn capped_sum(sums: &[i64], floor: i64, share_bp: i64) -> i64 {
    let mut sums = sums.to_vec();
    let most = largest_contribution(&mut sums, floor, share_bp);
    sums.iter().map(|&sum| sum.min(most)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_large_payer_among_many_is_held_to_its_share() {
        // 100 from each of eight, and 10,000 from one: 10 + 0.1 × (800 + 100) = 100.
        let mut sums = [[100; 8].to_vec(), vec![10_000]].concat();
        assert_eq!(largest_contribution(&mut sums, 10, 1_000), 100);
        // Without a floor nine payers cannot each hold at most a tenth of what they bring together.
        assert_eq!(largest_contribution(&mut sums, 0, 1_000), 0);
        assert_eq!(capped_sum(&[10_000], 500, 1_000), 555);
        assert_eq!(largest_contribution(&mut [], 7, 1_000), 7);
    }

    proptest! {
        #[test]
        fn a_larger_sum_or_another_payer_never_lowers_the_total(
            sums in prop::collection::vec(1i64..10_000, 0..12), more in 1i64..10_000,
            floor in 0i64..500, share in 0i64..=10_000, at in 0usize..12,
        ) {
            let before = capped_sum(&sums, floor, share);
            let mut with_another = sums.clone();
            with_another.push(more);
            prop_assert!(capped_sum(&with_another, floor, share) >= before);
            if !sums.is_empty() {
                let mut grown = sums.clone();
                let at = at % grown.len();
                grown[at] += more;
                prop_assert!(capped_sum(&grown, floor, share) >= before);
            }
        }

        #[test]
        fn free_payers_add_at_most_the_stated_formula(
            honest in prop::collection::vec(1i64..10_000, 0..12),
            ring in prop::collection::vec(1i64..1_000_000_000, 1..6),
            floor in 0i64..500, share in 0i64..1_600,
        ) {
            let alone: i64 = honest.iter().sum();
            let both = capped_sum(&[honest, ring.clone()].concat(), floor, share);
            let k = ring.len() as f64;
            let kappa = share as f64 / 10_000.0;
            let bound = alone as f64 + k * (floor as f64 + kappa * alone as f64) / (1.0 - k * kappa);
            prop_assert!(both as f64 <= bound + 1e-6, "{both} > {bound}");
        }

        #[test]
        fn the_contribution_is_the_largest_that_keeps_the_rule(
            sums in prop::collection::vec(1i64..200, 1..10), floor in 0i64..50, share in 0i64..=10_000,
        ) {
            let most = largest_contribution(&mut sums.clone(), floor, share);
            let keeps = |c: i64| {
                let total: i64 = sums.iter().map(|&sum| sum.min(c)).sum();
                c * 10_000 <= floor * 10_000 + share * total
            };
            prop_assert!(keeps(most));
            let largest = sums.iter().copied().max().unwrap();
            prop_assert!(most == largest || !keeps(most + 1));
        }
    }
}
