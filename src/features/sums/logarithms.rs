//! Logarithms of whole numbers, as whole multiples of 2⁻⁴⁰.

/// Fixed-point one: logarithms are kept in units of 2⁻⁴⁰.
pub(super) const LN_ONE: f64 = (1u64 << 40) as f64;

/// Whole numbers below this have their logarithm in a table.
const TABLE: usize = 2048;

/// Cells a mantissa falls into.
const CELLS: usize = 256;

/// Natural logarithm in units of 2⁻⁴⁰, for whole numbers from 1; 0 for 0.
///
/// Of our own, from additions, multiplications and divisions alone, so that it has the same bits on every machine, and in a
/// few nanoseconds: a number is a power of two times a mantissa, the mantissa lies within 2⁻⁹ of the centre of one of 256
/// cells, and from there a polynomial of degree 5 is exact to 2⁻⁵⁵.
#[derive(Debug, Clone)]
pub(in crate::features) struct Logarithms {
    /// One over each centre, and its logarithm.
    cells: Box<[[f64; 2]; CELLS]>,
    ln: Box<[i64]>,
    x_ln_x: Box<[i64]>,
    /// By how much `x · ln x` rises from each number to the next.
    rise: Box<[i64]>,
}

/// ln of `x` in 1..2 by the series of the inverse hyperbolic tangent.
fn ln_by_series(x: f64) -> f64 {
    let z = (x - 1.0) / (x + 1.0);
    (0..24).rev().fold(0.0, |sum, k| sum * z * z + 2.0 / f64::from(2 * k + 1)) * z
}

impl Logarithms {
    pub(in crate::features) fn new() -> Self {
        let centre = |cell: usize| 1.0 + (cell as f64 + 0.5) / CELLS as f64;
        let cells = Box::new(std::array::from_fn(|cell| [1.0 / centre(cell), ln_by_series(centre(cell))]));
        let mut logarithms = Self { cells, ln: Box::default(), x_ln_x: Box::default(), rise: Box::default() };
        logarithms.ln = (0..TABLE as u64).map(|whole| logarithms.by_cell(whole.max(1) as f64)).collect();
        logarithms.x_ln_x = logarithms.ln.iter().zip(0..).map(|(ln, whole)| ln * whole).collect();
        logarithms.rise = logarithms.x_ln_x.windows(2).map(|pair| pair[1] - pair[0]).collect();
        logarithms
    }

    /// The logarithm of a whole number from 1 on, as a float.
    #[inline]
    fn by_cell(&self, whole: f64) -> i64 {
        const MANTISSA: u64 = (1 << 52) - 1;
        let bits = whole.to_bits();
        let cell = (bits >> 44) as usize % CELLS;
        let mantissa = f64::from_bits(bits & MANTISSA | 1023 << 52);
        let power = f64::from((bits >> 52) as i32 - 1023);
        let [inverse, ln] = self.cells[cell];
        let off = mantissa * inverse - 1.0;
        let polynomial = off * (1.0 - off * (1.0 / 2.0 - off * (1.0 / 3.0 - off * (1.0 / 4.0 - off * (1.0 / 5.0)))));
        // With 1.5 · 2⁵² added, the nearest whole number stands in the low bits.
        const ROUND: f64 = 6_755_399_441_055_744.0;
        let rounded = (power * std::f64::consts::LN_2 + (ln + polynomial)) * LN_ONE + ROUND;
        rounded.to_bits() as i64 - ROUND.to_bits() as i64
    }

    /// As [`ln`](Self::ln), of what is not negative and mostly not small, without a branch.
    #[inline]
    pub(in crate::features) fn ln_of_amount(&self, minor: i64) -> i64 {
        self.by_cell(minor.max(1) as f64)
    }

    #[inline]
    pub(in crate::features) fn ln(&self, whole: u64) -> i64 {
        match self.ln.get(whole as usize) {
            Some(&ln) => ln,
            None => self.by_cell(whole as f64),
        }
    }

    /// `whole · ln(whole)`.
    #[inline]
    pub(in crate::features) fn x_ln_x(&self, whole: u64) -> i128 {
        match self.x_ln_x.get(whole as usize) {
            Some(&product) => i128::from(product),
            None => i128::from(whole) * i128::from(self.by_cell(whole as f64)),
        }
    }

    /// What `x · ln x` gains from `whole` to the next number.
    #[inline]
    pub(in crate::features) fn rise(&self, whole: u32) -> i128 {
        match self.rise.get(whole as usize) {
            Some(&rise) => i128::from(rise),
            None => self.x_ln_x(u64::from(whole) + 1) - self.x_ln_x(u64::from(whole)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_the_nearest_multiples() {
        let logarithms = Logarithms::new();
        let powers = (0..64).flat_map(|bit| [1u64 << bit, (1u64 << bit) + (1u64 << bit) / 3, (1u64 << bit) | 1]);
        for whole in (1..5_000).chain(powers).chain([u64::MAX, i64::MAX as u64]) {
            let exact = (whole as f64).ln() * LN_ONE;
            assert!((logarithms.ln(whole) as f64 - exact).abs() <= 0.5 + 1e-2, "{whole}");
            assert_eq!(logarithms.x_ln_x(whole), i128::from(whole) * i128::from(logarithms.ln(whole)));
            if let Ok(minor) = i64::try_from(whole) {
                assert_eq!(logarithms.ln_of_amount(minor), logarithms.ln(whole));
            }
            if let Ok(from) = u32::try_from(whole) {
                assert_eq!(logarithms.rise(from), logarithms.x_ln_x(whole + 1) - logarithms.x_ln_x(whole));
            }
        }
        assert_eq!((logarithms.ln(0), logarithms.ln(1)), (0, 0));
        assert_eq!((logarithms.ln_of_amount(0), logarithms.ln_of_amount(1)), (0, 0));
    }
}
