//! Shares, concentrations, deviations and entropies out of whole sums.

use crate::features::sums::Logarithms;
use crate::features::sums::logarithms::LN_ONE;

/// The nearest float to a sum; sums rarely need more than 96 bits, and those convert without a call.
#[inline(always)]
pub(super) fn float(sum: i128) -> f64 {
    if let Ok(sum) = i64::try_from(sum) {
        return sum as f64;
    }
    // Below 2^96 both halves, 48 bits low and the rest high, are exact floats and so is the high one scaled; one addition
    // rounds once.
    const LOW: i128 = 1 << 48;
    match i64::try_from(sum >> 48) {
        Ok(high) if high.unsigned_abs() < 1 << 48 => high as f64 * LOW as f64 + (sum & (LOW - 1)) as u64 as f64,
        _ => sum as f64,
    }
}

/// `part / whole`, undefined for a whole of 0.
#[inline(always)]
pub(in crate::features) fn share(part: u64, whole: u64) -> f64 {
    ratio(part as f64, whole as f64)
}

/// `part / whole`, undefined for a whole of 0.
#[inline(always)]
pub(in crate::features) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

#[inline(always)]
pub(super) fn hhi(square_sum: f64, total: f64) -> f64 {
    ratio(square_sum, total * total)
}

/// `n` times the population standard deviation of `n` numbers, from their sum and their sum of squares.
pub(super) fn scaled_deviation(n: i128, square_sum: i128, sum: i128) -> f64 {
    // Nearly always so small that the product need not be watched.
    let product = if n < 1 << 32 && square_sum < 1 << 94 { Some(n * square_sum) } else { n.checked_mul(square_sum) };
    match product {
        Some(scaled) => float(scaled - sum * sum).sqrt(),
        None => (n as f64 * square_sum as f64 - sum as f64 * sum as f64).max(0.0).sqrt(),
    }
}

/// Entropy, in nats, of shares `x / total` given the sum of `x · ln x`; undefined for a total of 0.
#[inline(always)]
pub(in crate::features) fn entropy(total: u64, x_ln_x_sum: i128, logarithms: &Logarithms) -> f64 {
    match total {
        0 => return f64::NAN,
        1 => return 0.0,
        _ => {}
    }
    match logarithms.x_ln_x(total) - x_ln_x_sum {
        0 => 0.0,
        spread => float(spread) / (total as f64 * LN_ONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_equal_shares_is_their_logarithm() {
        let logarithms = Logarithms::new();
        let sum: i128 = [3u64; 8].iter().map(|&x| logarithms.x_ln_x(x)).sum();
        assert!((entropy(24, sum, &logarithms) - 8f64.ln()).abs() < 1e-11);
        assert_eq!(entropy(24, logarithms.x_ln_x(24), &logarithms), 0.0);
        assert!(entropy(0, 0, &logarithms).is_nan());
    }

    #[test]
    fn the_deviation_survives_sums_of_squares_that_no_integer_holds() {
        let big = i128::from(i64::MAX);
        let (n, sum) = (1i128 << 32, big);
        let spread = scaled_deviation(n, big * big, sum);
        // One giant among dwarfs: n·s ≈ giant · sqrt(n − 1).
        assert!((spread / (big as f64 * ((n - 1) as f64).sqrt()) - 1.0).abs() < 1e-12);
    }
}
