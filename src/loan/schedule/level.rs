//! The level instalment: the one payment that, made every period, repays a loan.

use rust_decimal::Decimal;

use super::factor::{PeriodFactor, divide_small};
use crate::error::{Error, Result};
use crate::money::{Money, Rounding};

/// One row of a schedule of small whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LevelRow {
    /// Principal of the instalment.
    pub principal_minor: i64,
    /// Interest of the instalment.
    pub interest_minor: i64,
    /// Principal outstanding after it.
    pub balance_minor: i64,
}

fn overflow() -> Error {
    Error::overflow("level instalment", "at most 9,223,372,036,854,775,807 minor units")
}

/// The instalment that repays `principal` over the periods with these factors, to the nearest `multiple` by `rounding`.
///
/// P ÷ Σ vᵢ, where vᵢ is the product of 1 ÷ (1 + factor) up to period i: the annuity formula for periods of any lengths.
///
/// # Errors
/// [`Error::is_invalid`] without periods or for a multiple below one; [`Error::is_overflow`] when it cannot be held.
///
/// ```
/// use dandelion_credit::calendar::YearFraction;
/// use dandelion_credit::loan::{PeriodFactor, level_instalment};
/// use dandelion_credit::{Money, Rounding};
///
/// let month = PeriodFactor::new("4.5 %".parse()?, YearFraction::new(1, 12)?)?;
/// let instalment = level_instalment(Money::from_minor(100_000_000), &[month; 360], Rounding::HalfEven, Money::from_minor(1))?;
/// assert_eq!(instalment.to_minor(), 506_685);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn level_instalment(
    principal: Money,
    factors: &[PeriodFactor],
    rounding: Rounding,
    multiple: Money,
) -> Result<Money> {
    level_with_balloon(principal, Decimal::ZERO, factors, rounding, multiple)
}

/// As [`level_instalment`], with `balloon_minor` left outstanding after the last period.
pub(super) fn level_with_balloon(
    principal: Money,
    balloon_minor: Decimal,
    factors: &[PeriodFactor],
    rounding: Rounding,
    multiple: Money,
) -> Result<Money> {
    if factors.is_empty() {
        return Err(Error::invalid("instalments", 0, "at least one"));
    }
    if !multiple.is_positive() {
        return Err(Error::invalid("multiple of instalments", multiple.to_minor(), "at least one minor unit"));
    }
    let (mut worth, mut total) = (Decimal::ONE, Decimal::ZERO);
    let mut known: Option<(PeriodFactor, Decimal)> = None;
    for &factor in factors {
        let step = match known {
            Some((before, step)) if before == factor => step,
            _ => Decimal::ONE + factor.as_decimal()?,
        };
        known = Some((factor, step));
        worth = worth.checked_div(step).ok_or_else(overflow)?;
        total = total.checked_add(worth).ok_or_else(overflow)?;
    }
    let repaid = balloon_minor.checked_mul(worth).ok_or_else(overflow)?;
    let exact = (principal.to_decimal_minor() - repaid).checked_div(total).ok_or_else(overflow)?;
    round_to_multiple(exact, rounding, multiple)
}

/// A decimal number of minor units to a multiple of some.
pub(super) fn round_to_multiple(minor: Decimal, rounding: Rounding, multiple: Money) -> Result<Money> {
    if multiple.to_minor() == 1 {
        return Money::from_decimal_minor(minor, rounding);
    }
    let units = Money::from_decimal_minor(minor / multiple.to_decimal_minor(), rounding)?;
    units.checked_mul(multiple.to_minor())
}

// Fixed point: one is 2^62, so that a product of two numbers up to one fits in 124 bits.
const ONE: u64 = 1 << 62;

/// Writes the rows of an equal-instalment loan of equal periods, one a row, and gives the instalment; the last row takes
/// what rounding left. Nothing is allocated, and every figure equals [`build_schedule`](super::build_schedule)'s.
///
/// # Errors
/// [`Error::is_invalid`] without rows, for a principal below zero or of more than 2³² − 1 minor units (then use
/// [`build_schedule`](super::build_schedule)), and for factors that are not plain small fractions from 0 to 1.
///
/// ```
/// use dandelion_credit::calendar::YearFraction;
/// use dandelion_credit::loan::{LevelRow, PeriodFactor, level_schedule_into};
/// use dandelion_credit::{Money, Rounding};
///
/// let month = PeriodFactor::new("12 %".parse()?, YearFraction::new(1, 12)?)?;
/// let mut rows = [LevelRow::default(); 12];
/// let instalment = level_schedule_into(Money::from_minor(1_000_000), month, Rounding::HalfEven, &mut rows)?;
/// assert_eq!(instalment.to_minor(), 88_849);
/// assert_eq!(rows[0], LevelRow { principal_minor: 78_849, interest_minor: 10_000, balance_minor: 921_151 });
/// assert_eq!(rows[11].balance_minor, 0);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn level_schedule_into(
    principal: Money,
    factor: PeriodFactor,
    rounding: Rounding,
    rows: &mut [LevelRow],
) -> Result<Money> {
    let small = u32::try_from(principal.to_minor())
        .map_err(|_| Error::invalid("principal", principal.to_minor(), "0 to 4,294,967,295 minor units"))?;
    let fraction = (u32::try_from(factor.numerator()), u32::try_from(factor.denominator()));
    let (Ok(above), Ok(below)) = fraction else {
        return Err(Error::invalid("factor of a period", format!("{factor:?}"), "a fraction of 32-bit numbers"));
    };
    if above > below || rows.is_empty() {
        return Err(Error::invalid(
            "factor of a period",
            format!("{above}/{below}"),
            "at most 1, with at least one row",
        ));
    }
    let count = rows.len();
    let instalment = match fast_level(small, above, below, count, rounding) {
        Some(instalment) => instalment,
        // Too close to a half for fixed point, or a rounding that is rare: decide in decimals.
        None => {
            let factors = std::iter::repeat_n(factor, count).collect::<Vec<_>>();
            level_instalment(principal, &factors, rounding, Money::from_minor(1))?.to_minor()
        }
    };
    let mut balance = i64::from(small);
    let (last, regular) = rows.split_last_mut().ok_or_else(overflow)?;
    for row in regular {
        // A balance never exceeds the principal, so the product fits 64 bits.
        let interest = divide_small(balance as u64 * u64::from(above), u64::from(below), rounding) as i64;
        let principal = (instalment - interest).min(balance);
        balance -= principal;
        *row = LevelRow { principal_minor: principal, interest_minor: interest, balance_minor: balance };
    }
    let interest = divide_small(balance as u64 * u64::from(above), u64::from(below), rounding) as i64;
    *last = LevelRow { principal_minor: balance, interest_minor: interest, balance_minor: 0 };
    Ok(Money::from_minor(instalment))
}

/// The level instalment in 62-bit fixed point, or `None` when the error bound straddles a rounding boundary.
fn fast_level(principal: u32, above: u32, below: u32, count: usize, rounding: Rounding) -> Option<i64> {
    if above == 0 {
        return Some(divide_small(u64::from(principal), count as u64, rounding) as i64);
    }
    // v = below / (below + above), rounded down by less than one unit in 2^62.
    let v = ((u128::from(below) << 62) / (u128::from(below) + u128::from(above))) as u64;
    let (mut worth, mut total) = (ONE, 0u128);
    for _ in 0..count {
        worth = ((u128::from(worth) * u128::from(v)) >> 62) as u64;
        total += u128::from(worth);
    }
    // P·2^62 / Σv with 24 more bits below the point.
    const EXTRA: u32 = 24;
    let exact = (u128::from(principal) << (62 + EXTRA)) / total;
    // Each v·v loses at most two units, so Σv is short by less than count², and the quotient too large by that share of it.
    let count = count as u128;
    let slack = exact * (count * count + 1) / total + 2;
    let (low, high) = (exact.saturating_sub(slack), exact);
    let round = |number: u128| divide_small(u64::try_from(number).ok()?, 1 << EXTRA, rounding).into();
    let (low, high): (Option<u64>, Option<u64>) = (round(low), round(high));
    (low.is_some() && low == high).then_some(low? as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::YearFraction;
    use crate::rate::AnnualRate;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn fixed_point_gives_the_instalment_of_decimals(principal in 0u32..=u32::MAX, percent in 0u32..100_000, count in 1usize..400) {
            let rate = AnnualRate::from_fraction(Decimal::new(i64::from(percent), 5)).unwrap();
            let factor = PeriodFactor::new(rate, YearFraction::new(1, 12).unwrap()).unwrap();
            let principal = Money::from_minor(i64::from(principal));
            let mut rows = vec![LevelRow::default(); count];
            for rounding in [Rounding::HalfEven, Rounding::HalfUp, Rounding::Up, Rounding::Floor] {
                let fast = level_schedule_into(principal, factor, rounding, &mut rows).unwrap();
                let slow = level_instalment(principal, &vec![factor; count], rounding, Money::from_minor(1)).unwrap();
                prop_assert_eq!(fast, slow);
                let repaid: i64 = rows.iter().map(|row| row.principal_minor).sum();
                prop_assert_eq!(repaid, principal.to_minor());
            }
        }
    }

    #[test]
    fn what_the_fast_path_cannot_hold_is_refused() {
        let mut rows = [LevelRow::default(); 3];
        let factor = PeriodFactor::ZERO;
        assert!(
            level_schedule_into(Money::from_minor(-1), factor, Rounding::HalfEven, &mut rows).unwrap_err().is_invalid()
        );
        assert!(
            level_schedule_into(Money::from_minor(1), factor, Rounding::HalfEven, &mut []).unwrap_err().is_invalid()
        );
        assert!(
            level_instalment(Money::from_minor(1), &[], Rounding::HalfEven, Money::from_minor(1))
                .unwrap_err()
                .is_invalid()
        );
    }
}
