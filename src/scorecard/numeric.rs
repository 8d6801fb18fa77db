//! Small numbers work: a logistic function with the same bits everywhere, and a generator for seeds.

use crate::elementary::{self, ln, ln_1p};

/// `e^x` from additions, multiplications and one shift only, so that every machine gives the same bits
/// and many are worked out side by side.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for factor in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + factor;
    }
    sum * f64::from_bits((shifted.to_bits() << 52).wrapping_add(0x3FF0_0000_0000_0000))
}

/// The logistic function 1 / (1 + e^-x), to 1e-15; beyond 700 it stays at its value there.
#[inline]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-(x.clamp(-700.0, 700.0))))
}

/// The logistic function in single precision, for gradients.
#[inline]
pub(crate) fn sigmoid_f32(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = -(x.clamp(-80.0, 80.0));
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let sum = 1.0
        + r * (1.0 + r * (0.5 + r * (0.166_666_67 + r * (0.041_666_668 + r * (0.008_333_334 + r * 0.001_388_889)))));
    1.0 / (1.0 + sum * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000)))
}

/// ln(1 + e^-margin), without overflow.
pub(crate) fn log_loss(margin: f64) -> f64 {
    if margin > 0.0 { ln_1p(elementary::exp(-margin)) } else { ln_1p(elementary::exp(margin)) - margin }
}

/// ln(p / (1 - p)).
pub(crate) fn logit(p: f64) -> f64 {
    ln(p / (1.0 - p))
}

/// The normal quantile of a two-sided 95 % interval.
pub(crate) const NORMAL_95: f64 = 1.959_963_984_540_054;

/// A stream of numbers that depends on its seed only (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `0..n`; 0 for an empty range.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logistic_function_is_the_textbook_one() {
        for step in -7000..7000 {
            let x = f64::from(step) / 100.0;
            let (ours, theirs) = (sigmoid(x), 1.0 / (1.0 + (-x).exp()));
            assert!((ours - theirs).abs() <= 2e-15 * theirs, "{x}: {ours} {theirs}");
            let single = f64::from(sigmoid_f32(x as f32));
            assert!((single - theirs).abs() < 3e-7, "{x}: {single} {theirs}");
        }
        assert_eq!(sigmoid(0.0), 0.5);
        assert!(sigmoid(1e9) == 1.0 && sigmoid(-1e9) > 0.0);
    }

    #[test]
    fn a_shuffle_is_a_permutation_that_depends_on_the_seed() {
        let shuffled = |seed| {
            let mut items: Vec<u32> = (0..100).collect();
            Stream::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
        let mut sorted = shuffled(3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }
}
