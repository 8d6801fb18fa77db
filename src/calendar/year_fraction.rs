//! A length of time in years, as an exact fraction.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A length of time in years as a reduced fraction of whole numbers: what a [`DayCount`](super::DayCount) returns.
///
/// A fraction, because interest for 31 of 365 days is not a number with a last decimal; it is multiplied by principal and
/// rate first and rounded once at the end.
///
/// ```
/// use dandelion_credit::calendar::YearFraction;
///
/// let year = YearFraction::new(184, 365)?.checked_add(YearFraction::new(182, 366)?)?;
/// assert_eq!((year.numerator(), year.denominator()), (66_887, 66_795));
/// assert_eq!(YearFraction::new(30, 360)?.to_string(), "1/12");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(i64, i64)", into = "(i64, i64)")]
pub struct YearFraction {
    numerator: i64,
    denominator: i64,
}

const OVERFLOW_RULE: &str = "a fraction of two whole numbers of 63 bits";

impl YearFraction {
    /// No time.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// One year.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator / denominator`, reduced.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `denominator` is not positive.
    pub fn new(numerator: i64, denominator: i64) -> Result<Self> {
        if denominator <= 0 {
            return Err(Error::invalid("denominator of a year fraction", denominator, "above zero"));
        }
        Self::reduced(i128::from(numerator), i128::from(denominator))
    }

    /// For denominators that are constants of a convention.
    pub(crate) fn days(numerator: i64, denominator: i64) -> Self {
        debug_assert!(denominator > 0);
        let divisor = gcd(numerator.unsigned_abs().into(), denominator.unsigned_abs().into()) as i64;
        Self { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    fn reduced(numerator: i128, denominator: i128) -> Result<Self> {
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs()) as i128;
        let narrow =
            |part: i128| i64::try_from(part / divisor).map_err(|_| Error::overflow("year fraction", OVERFLOW_RULE));
        Ok(Self { numerator: narrow(numerator)?, denominator: narrow(denominator)? })
    }

    /// The number above the line.
    #[must_use]
    pub const fn numerator(self) -> i64 {
        self.numerator
    }

    /// The number below the line, above zero.
    #[must_use]
    pub const fn denominator(self) -> i64 {
        self.denominator
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the reduced sum cannot be held, which sums of day counts never come near.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        let (n1, d1) = (i128::from(self.numerator), i128::from(self.denominator));
        let (n2, d2) = (i128::from(other.numerator), i128::from(other.denominator));
        let wide = n1.checked_mul(d2).zip(n2.checked_mul(d1)).and_then(|(a, b)| a.checked_add(b));
        Self::reduced(wide.ok_or_else(|| Error::overflow("year fraction", OVERFLOW_RULE))?, d1 * d2)
    }

    /// The opposite: the time backwards.
    #[must_use]
    pub fn negated(self) -> Self {
        // Only i64::MIN has no opposite, and no span of dates comes near it.
        Self { numerator: self.numerator.saturating_neg(), denominator: self.denominator }
    }

    /// The nearest floating-point number of years.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The number of years as a decimal, to 28 digits.
    #[must_use]
    pub fn as_decimal(self) -> Decimal {
        Decimal::from(self.numerator) / Decimal::from(self.denominator)
    }
}

/// The greatest common divisor; that of anything and zero is the other.
pub(crate) fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl Default for YearFraction {
    fn default() -> Self {
        Self::ZERO
    }
}

impl PartialOrd for YearFraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for YearFraction {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.numerator) * i128::from(other.denominator);
        left.cmp(&(i128::from(other.numerator) * i128::from(self.denominator)))
    }
}

impl fmt::Display for YearFraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

impl TryFrom<(i64, i64)> for YearFraction {
    type Error = Error;

    fn try_from((numerator, denominator): (i64, i64)) -> Result<Self> {
        Self::new(numerator, denominator)
    }
}

impl From<YearFraction> for (i64, i64) {
    fn from(fraction: YearFraction) -> Self {
        (fraction.numerator, fraction.denominator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_reduce_compare_and_read_back() {
        let half = YearFraction::new(182, 364).unwrap();
        assert_eq!(half, YearFraction::new(1, 2).unwrap());
        assert!(half > YearFraction::new(-7, 3).unwrap() && half < YearFraction::ONE);
        assert_eq!(half.checked_add(half.negated()).unwrap(), YearFraction::ZERO);
        let text = serde_json::to_string(&half).unwrap();
        assert_eq!(serde_json::from_str::<YearFraction>(&text).unwrap(), half);
        assert!(serde_json::from_str::<YearFraction>("[1,0]").is_err());
        assert!(
            YearFraction::new(1, i64::MAX).unwrap().checked_add(YearFraction::new(1, i64::MAX - 1).unwrap()).is_err()
        );
    }
}
