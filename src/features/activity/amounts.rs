//! What depends on each transfer's amount alone.

use crate::features::activity::Way;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Sums;

/// Whether amounts are whole multiples of ten major units, by one multiplication where 32 bits are enough.
struct Round {
    ten_major: i64,
    /// 2⁶⁴ over `ten_major`, rounded up; 0 when that has more than 32 bits.
    inverse: u64,
}

impl Round {
    fn new(context: &Context<'_>) -> Self {
        let ten_major = 10 * context.minor_per_major;
        let inverse = u32::try_from(ten_major).map_or(0, |ten_major| u64::MAX / u64::from(ten_major) + 1);
        Self { ten_major, inverse }
    }

    /// Lemire, Kaser and Kurz 2019: a 32-bit number is a multiple when its product with the inverse, cut to 64 bits, stays
    /// below the inverse.
    #[inline]
    fn is_round(&self, minor: i64) -> bool {
        match u32::try_from(minor) {
            Ok(minor) if self.inverse != 0 => u64::from(minor).wrapping_mul(self.inverse) < self.inverse,
            _ => minor % self.ten_major == 0,
        }
    }
}

pub(super) fn add_in(ins: Way<'_>, context: &Context<'_>, sums: &mut Sums) {
    sums.in_count = ins.len() as u64;
    let round = Round::new(context);
    let (mut positive, mut refunds, mut rounds) = (0u64, 0u64, 0u64);
    let (mut positive_minor, mut total_minor, mut square, mut ln) = (0i64, 0i64, 0i128, 0i128);
    for &Leg { amount_minor: minor, .. } in ins {
        let taken = minor.max(0);
        positive += u64::from(minor > 0);
        refunds += u64::from(minor < 0);
        rounds += u64::from(round.is_round(minor));
        positive_minor += taken;
        total_minor += minor;
        square += i128::from(taken) * i128::from(taken);
        ln += i128::from(context.logarithms.ln_of_amount(taken));
    }
    (sums.in_positive, sums.in_refunds, sums.in_round) = (positive, refunds, rounds);
    (sums.in_positive_minor, sums.in_refunded_minor) = (positive_minor, positive_minor - total_minor);
    (sums.in_square, sums.in_ln) = (square, ln);
}

pub(super) fn add_out(outs: Way<'_>, context: &Context<'_>, sums: &mut Sums) {
    sums.out_count = outs.len() as u64;
    let round = Round::new(context);
    for &Leg { amount_minor: minor, .. } in outs {
        sums.out_minor += minor;
        sums.out_positive += u64::from(minor > 0);
        sums.out_positive_minor += minor.max(0);
        sums.out_round += u64::from(round.is_round(minor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiple_is_one_by_division_and_by_multiplication() {
        for ten_major in [10i64, 1_000, 10_000, 10_000_000_000] {
            let inverse = u32::try_from(ten_major).map_or(0, |ten_major| u64::MAX / u64::from(ten_major) + 1);
            let round = Round { ten_major, inverse };
            let near = |minor: i64| [minor - 1, minor, minor + 1];
            let some =
                (0..5_000).chain((0..400).map(|k| i64::from(u32::MAX) - 200 + k)).chain([i64::MAX - 1, i64::MIN + 1]);
            for minor in some.chain((-20..20).flat_map(|k| near(k * ten_major))) {
                assert_eq!(round.is_round(minor), minor % ten_major == 0, "{minor} by {ten_major}");
            }
        }
    }
}
