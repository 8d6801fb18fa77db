//! The first digits of amounts: sales of a trade with small and large tickets begin with 1 far more often than with 9, amounts
//! that a script draws do not.

use crate::graph::temporal::Leg;

use super::shape::{Proof, prove, shrink};

/// Fewest receipts whose digits are tested.
const FEWEST: usize = 100;
/// How many times the 95th percentile must be the 5th: amounts of narrower trades need not follow the law.
const SPREAD: u64 = 50;
/// Mean absolute deviation from which first digits do not conform (Nigrini, "Benford's Law", 2012, table 7.1).
const NONCONFORMING: f64 = 0.015;
/// The same for digits that are all alike often, rounded up.
const ALIKE: f64 = 0.06;
/// Benford's law: `log10(1 + 1 / digit)`.
const LAW: [f64; 9] = [
    std::f64::consts::LOG10_2,
    0.176_091_259_055_681_25,
    0.124_938_736_608_3,
    0.096_910_013_008_056_42,
    0.079_181_246_047_624_82,
    0.066_946_789_630_613_22,
    0.057_991_946_977_686_754,
    0.051_152_522_447_381_29,
    0.045_757_490_560_675_115,
];
/// The mean absolute deviation that `n` amounts which follow the law show by chance, times `√n`:
/// `Σ √(2 p (1 − p) / π) / 9`, each count being nearly normal.
const BY_CHANCE: f64 = 0.234_847_131_9;

/// How far the first digits of receipts are from Benford's law, their positive amounts given in ascending order:
/// `((d − c − 0.015) / 0.045)⁺ · s(n, 100)`, at most 1, with `d` the mean absolute deviation of the nine shares and `c` what
/// it comes to by chance. Amounts below a hundred in number, or less than fifty-fold apart at the middle nine tenths, say
/// nothing.
pub(super) fn amount_digits(received: &[Leg], amounts: &[u64], proof: &mut Proof<'_>) -> f64 {
    let n = amounts.len();
    if n < FEWEST || amounts[n - 1 - n / 20] / SPREAD < amounts[n / 20] {
        return 0.0;
    }
    let mut counts = [0u32; 9];
    amounts.iter().for_each(|&amount| counts[first_digit(amount) - 1] += 1);
    let beyond = |digit: usize| f64::from(counts[digit]) / n as f64 - LAW[digit];
    let deviation = (0..9).map(|digit| beyond(digit).abs()).sum::<f64>() / 9.0;
    let excess = deviation - BY_CHANCE / (n as f64).sqrt() - NONCONFORMING;
    if excess <= 0.0 {
        return 0.0;
    }
    if proof.is_some() {
        // The digit that is there too often, the smaller of equals.
        let often = (0..9).rev().max_by(|&a, &b| beyond(a).total_cmp(&beyond(b))).map_or(1, |digit| digit + 1);
        let positive = received.iter().filter(|leg| leg.amount_minor > 0);
        let telling = positive.filter(|leg| first_digit(leg.amount_minor.unsigned_abs()) == often);
        telling.for_each(|leg| prove(proof, 1.0, leg.row));
    }
    (excess / (ALIKE - NONCONFORMING)).min(1.0) * shrink(n, 100.0)
}

/// The first digit of `amount`, which is not 0.
fn first_digit(amount: u64) -> usize {
    (amount / 10u64.pow(amount.ilog10())) as usize
}

#[cfg(test)]
mod tests {
    use super::super::shape::most_telling;
    use super::*;

    fn told(amounts: impl IntoIterator<Item = i64>) -> (f64, Vec<u32>) {
        let leg = |(row, amount_minor)| Leg { at_seconds: i64::from(row), amount_minor, peer: 0, row };
        let legs: Vec<Leg> = (0..).zip(amounts).map(leg).collect();
        let mut sizes: Vec<u64> = legs.iter().map(|leg| leg.amount_minor.unsigned_abs()).collect();
        sizes.sort_unstable();
        let mut proof = Vec::new();
        let score = amount_digits(&legs, &sizes, &mut Some(&mut proof));
        (score, most_telling(proof, 5))
    }

    #[test]
    fn powers_of_two_follow_the_law_and_evenly_drawn_numbers_do_not() {
        // The first digits of the powers of any number but ten follow it in the limit.
        assert_eq!(told((0..400).map(|i| 1i64 << (i % 50))).0, 0.0);
        // Digits 1 to 9 alike often over three decades.
        let even = (0..900).map(|i| (1 + i % 9) * [10, 100, 1_000][i as usize % 3] + i % 10);
        let (score, rows) = told(even);
        assert!((0.73..=0.75).contains(&score), "{score}");
        assert_eq!(rows.len(), 5);
    }

    #[test]
    fn what_proves_it_begins_with_the_digit_that_is_too_frequent() {
        let lump = (0..400).map(|i| if i % 4 == 0 { 1i64 << (i % 50) } else { 7_000 + i });
        let (score, rows) = told(lump);
        assert!(score > 0.5);
        assert!(rows.iter().all(|row| row % 4 != 0), "{rows:?}");
    }

    #[test]
    fn few_or_alike_amounts_are_not_tested() {
        assert_eq!(told((0..99).map(|i| 10 + i * 977)).0, 0.0, "few");
        assert_eq!(told((0..900).map(|i| 1_000 + i * 10)).0, 0.0, "one decade");
        assert_eq!(told([]).0, 0.0);
        assert_eq!(told([i64::MAX; 200]).0, 0.0);
    }

    #[test]
    fn the_written_numbers_are_what_they_say() {
        for (digit, law) in (1..).zip(LAW) {
            assert!((law - (1.0 + 1.0 / f64::from(digit)).log10()).abs() < 1e-15);
        }
        let by_chance = LAW.map(|p| (2.0 * p * (1.0 - p) / std::f64::consts::PI).sqrt()).iter().sum::<f64>() / 9.0;
        assert!((by_chance - BY_CHANCE).abs() < 1e-9, "{by_chance}");
        let alike = LAW.map(|p| (p - 1.0 / 9.0).abs()).iter().sum::<f64>() / 9.0;
        assert!(alike < ALIKE && alike > ALIKE - 0.001);
    }
}
