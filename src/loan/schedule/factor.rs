//! Rate times time as an exact fraction, and interest rounded once.

use rust_decimal::Decimal;

use crate::calendar::YearFraction;
use crate::error::{Error, Result};
use crate::money::Rounding;
use crate::rate::AnnualRate;

/// The share of a balance that one period earns: rate × time, an exact fraction of whole numbers.
///
/// ```
/// use dandelion_credit::calendar::YearFraction;
/// use dandelion_credit::loan::PeriodFactor;
/// use dandelion_credit::Rounding;
///
/// let month = PeriodFactor::new("18 %".parse()?, YearFraction::new(1, 12)?)?;
/// assert_eq!((month.numerator(), month.denominator()), (3, 200));
/// assert_eq!(month.interest(761_500, Rounding::HalfEven)?, 11_422); // 11,422.5 to the even cent
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeriodFactor {
    numerator: i128,
    denominator: i128,
}

const OVERFLOW_RULE: &str = "rate and time whose fraction has at most 100 bits";

impl PeriodFactor {
    /// No interest.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// `rate` over `time`.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the fraction cannot be held, which takes a rate of more than twenty digits.
    pub fn new(rate: AnnualRate, time: YearFraction) -> Result<Self> {
        Self::of_fraction(rate.as_fraction(), time)
    }

    /// `rate` per year as a bare fraction over `time`.
    pub(crate) fn of_fraction(rate: Decimal, time: YearFraction) -> Result<Self> {
        let (mantissa, scale) = (rate.mantissa(), 10i128.checked_pow(rate.scale()));
        let overflow = || Error::overflow("interest of a period", OVERFLOW_RULE);
        let scale = scale.ok_or_else(overflow)?;
        let (mantissa, scale) = reduce(mantissa, scale);
        let (mantissa, below) = reduce(mantissa, time.denominator().into());
        let (above, scale) = reduce(time.numerator().into(), scale);
        let numerator = mantissa.checked_mul(above).ok_or_else(overflow)?;
        let denominator = scale.checked_mul(below).ok_or_else(overflow)?;
        Ok(Self { numerator, denominator })
    }

    /// The sum of two stretches of time.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the fraction cannot be held.
    pub fn plus(self, other: Self) -> Result<Self> {
        let overflow = || Error::overflow("interest of a period", OVERFLOW_RULE);
        let divisor = crate::calendar::gcd(self.denominator.unsigned_abs(), other.denominator.unsigned_abs()) as i128;
        let (a, b) = (other.denominator / divisor, self.denominator / divisor);
        let left = self.numerator.checked_mul(a).ok_or_else(overflow)?;
        let right = other.numerator.checked_mul(b).ok_or_else(overflow)?;
        let numerator = left.checked_add(right).ok_or_else(overflow)?;
        let denominator = self.denominator.checked_mul(a).ok_or_else(overflow)?;
        let (numerator, denominator) = reduce(numerator, denominator);
        Ok(Self { numerator, denominator })
    }

    /// What is left when a stretch is taken off.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the fraction cannot be held.
    pub fn minus(self, other: Self) -> Result<Self> {
        self.plus(Self { numerator: -other.numerator, denominator: other.denominator })
    }

    /// The number above the line.
    #[must_use]
    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// The number below the line, above zero.
    #[must_use]
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    /// As a decimal to 28 digits.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when either number has more than 96 bits.
    pub fn as_decimal(self) -> Result<Decimal> {
        let overflow = |_| Error::overflow("interest of a period", OVERFLOW_RULE);
        let above = Decimal::try_from_i128_with_scale(self.numerator, 0).map_err(overflow)?;
        let below = Decimal::try_from_i128_with_scale(self.denominator, 0).map_err(overflow)?;
        Ok(above / below)
    }

    /// The interest on `balance_minor`, rounded once.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when it cannot be held.
    pub fn interest(self, balance_minor: i64, rounding: Rounding) -> Result<i64> {
        // Small numbers, as nearly all are, divide in one instruction.
        if let (Ok(balance), Ok(above), Ok(below)) =
            (u32::try_from(balance_minor), u32::try_from(self.numerator), u64::try_from(self.denominator))
        {
            return Ok(divide_small(u64::from(balance) * u64::from(above), below, rounding) as i64);
        }
        let overflow = || Error::overflow("interest of a period", "at most 9,223,372,036,854,775,807 minor units");
        let product = i128::from(balance_minor).checked_mul(self.numerator).ok_or_else(overflow)?;
        i64::try_from(rounding.div(product, self.denominator)).map_err(|_| overflow())
    }
}

/// `n / d` for whole numbers that are not negative.
pub(super) fn divide_small(n: u64, d: u64, rounding: Rounding) -> u64 {
    let (quotient, rest) = (n / d, n % d);
    let up = match rounding {
        Rounding::HalfEven => rest > d - rest || rest == d - rest && quotient & 1 == 1,
        Rounding::HalfUp => rest >= d - rest,
        Rounding::HalfDown => rest > d - rest,
        Rounding::Up | Rounding::Ceiling => rest > 0,
        Rounding::Down | Rounding::Floor => false,
    };
    quotient + u64::from(up)
}

fn reduce(numerator: i128, denominator: i128) -> (i128, i128) {
    let divisor = crate::calendar::gcd(numerator.unsigned_abs(), denominator.unsigned_abs()) as i128;
    (numerator / divisor, denominator / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_division_equals_the_long_one(balance in 0i64..5_000_000_000, percent in 0u32..1_000_000, days in 0i64..800) {
            let rate = AnnualRate::from_fraction(Decimal::new(i64::from(percent), 6)).unwrap();
            let factor = PeriodFactor::new(rate, YearFraction::new(days, 365).unwrap()).unwrap();
            for rounding in [Rounding::HalfEven, Rounding::HalfUp, Rounding::HalfDown, Rounding::Up, Rounding::Down, Rounding::Ceiling, Rounding::Floor] {
                let long = rounding.div(i128::from(balance) * factor.numerator, factor.denominator);
                prop_assert_eq!(i128::from(factor.interest(balance, rounding).unwrap()), long);
            }
        }
    }

    #[test]
    fn daily_interest_over_thirty_years_never_drifts() {
        let rate: AnnualRate = "0.182499".parse().unwrap();
        let day = PeriodFactor::new(rate, YearFraction::new(1, 365).unwrap()).unwrap();
        let mut sum = PeriodFactor::ZERO;
        for _ in 0..10_950 {
            sum = sum.plus(day).unwrap();
        }
        assert_eq!(sum, PeriodFactor::new(rate, YearFraction::new(30, 1).unwrap()).unwrap());
    }

    #[test]
    fn amounts_beyond_what_can_be_held_are_errors() {
        let rate = AnnualRate::from_fraction(Decimal::from(10_000)).unwrap();
        let factor = PeriodFactor::new(rate, YearFraction::new(1, 1).unwrap()).unwrap();
        assert!(factor.interest(i64::MAX, Rounding::HalfEven).unwrap_err().is_overflow());
    }
}
