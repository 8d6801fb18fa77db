//! Elementary functions with the same bits on every machine.
//!
//! What the platform's mathematics library gives for `ln`, `exp` and the like differs in the last bit from one platform to the
//! next, and from one version to the next. These come from `libm`, in plain Rust, without anything of a processor's own. `sqrt`
//! is exact by its standard and needs no twin. The lint `disallowed_methods` keeps the others out.

#[cfg(any(test, feature = "synthetic"))]
pub(crate) use libm::cos;
pub(crate) use libm::{exp, expm1 as exp_m1, hypot, log as ln, log1p as ln_1p, log10, pow as powf};

/// 2^-n; 0 where that is too small for a number.
pub(crate) fn half_to_the(n: u32) -> f64 {
    match n {
        0..=1022 => f64::from_bits(u64::from(1023 - n) << 52),
        1023..=1074 => f64::from_bits(1 << (1074 - n)),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two numbers are next to each other or the same.
    fn near(ours: f64, theirs: f64) -> bool {
        ours == theirs || (ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs.abs()
    }

    #[test]
    fn they_are_those_of_the_textbook() {
        for step in 1..4_000 {
            let x = f64::from(step) / 97.0;
            assert!(near(ln(x), x.ln()) && near(log10(x), x.log10()) && near(exp(x), x.exp()), "{x}");
            assert!(near(exp(-x), (-x).exp()) && near(ln_1p(x), x.ln_1p()) && near(exp_m1(-x), (-x).exp_m1()), "{x}");
            assert!(near(powf(x, 0.8), x.powf(0.8)) && near(hypot(x, 3.0), x.hypot(3.0)), "{x}");
            assert!((cos(x) - x.cos()).abs() <= 2.0 * f64::EPSILON, "{x}");
        }
        assert!(ln(0.0) == f64::NEG_INFINITY && ln(-1.0).is_nan() && exp(f64::NEG_INFINITY) == 0.0);
    }

    #[test]
    fn halves_are_exact_down_to_the_smallest_number() {
        let mut half = 1.0;
        for n in 0..1_100 {
            assert_eq!(half_to_the(n), half, "{n}");
            half *= 0.5;
        }
    }

    #[test]
    fn their_bits_are_these() {
        let mut digest = 0u64;
        for step in 1..2_000u32 {
            let x = f64::from(step) * 0.37;
            for y in [ln(x), ln_1p(x), log10(x), exp(-x / 64.0), exp_m1(-x / 64.0), powf(x, 1.3), cos(x), hypot(x, 2.5)]
            {
                digest = digest.rotate_left(5) ^ y.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15);
            }
        }
        assert_eq!(digest, 13_900_548_903_907_909_483);
    }
}
