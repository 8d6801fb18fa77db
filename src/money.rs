//! Money as whole minor units, how it is rounded, and how it is split without losing any.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An amount of money in whole minor units (cents, fen, paise) of a currency the caller knows.
///
/// Integers, because a customer can add the columns up again and get the total. There is no currency inside: one book is
/// kept in one currency, and the policy names it. Arithmetic is checked; nothing wraps and nothing saturates.
///
/// ```
/// use dandelion_credit::{Money, Scale};
///
/// let loan = Money::parse("7615", Scale::CENTS)?;
/// let fee = Money::from_minor(230);
/// assert_eq!(loan.checked_add(fee)?.to_minor(), 761_730);
/// assert_eq!(loan.checked_add(fee)?.display(Scale::CENTS).to_string(), "7617.30");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

const OVERFLOW_RULE: &str = "at most 9,223,372,036,854,775,807 minor units either way";

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that can be held.
    pub const MAX: Self = Self(i64::MAX);

    /// `minor` whole minor units.
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// The whole minor units.
    #[must_use]
    pub const fn to_minor(self) -> i64 {
        self.0
    }

    /// Reads a plain decimal in major units: an optional sign, digits, and at most `scale` decimals. Precision is refused
    /// rather than rounded away.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the text is not of that form or has too many decimals; [`Error::is_overflow`] when it is
    /// too large.
    ///
    /// ```
    /// use dandelion_credit::{Money, Scale};
    ///
    /// assert_eq!(Money::parse("-12.5", Scale::CENTS)?.to_minor(), -1_250);
    /// assert_eq!(Money::parse("1.2340", Scale::new(3)?)?.to_minor(), 1_234);
    /// assert!(Money::parse("1e3", Scale::CENTS).is_err());
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn parse(text: &str, scale: Scale) -> Result<Self> {
        const FORM: &str = "a plain decimal such as -12.50";
        let malformed = || Error::invalid("amount", text, FORM);
        let trimmed = text.trim();
        let (negative, digits) = match trimmed.as_bytes().first() {
            Some(b'-') => (true, &trimmed[1..]),
            Some(b'+') => (false, &trimmed[1..]),
            _ => (false, trimmed),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + decimals.len() == 0 || !all_digits(whole) || !all_digits(decimals) {
            return Err(malformed());
        }
        let decimals = decimals.trim_end_matches('0');
        let places = usize::from(scale.0);
        if decimals.len() > places {
            return Err(Error::invalid("amount", text, format!("at most {places} decimals")));
        }
        let padding = std::iter::repeat_n(b'0', places - decimals.len());
        let minor = whole.bytes().chain(decimals.bytes()).chain(padding).try_fold(0i64, |minor, digit| {
            let digit = i64::from(digit - b'0');
            minor.checked_mul(10)?.checked_add(if negative { -digit } else { digit })
        });
        // Summing on the negative side lets i64::MIN through, as it should.
        let minor = minor.ok_or_else(|| Error::overflow(format!("amount {trimmed}"), OVERFLOW_RULE))?;
        Ok(Self(minor))
    }

    /// The amount in major units with exactly `scale` decimals, for people to read.
    #[must_use]
    pub fn display(self, scale: Scale) -> impl fmt::Display {
        DisplayMajor { money: self, scale }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when it cannot be held.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        self.0.checked_add(other.0).map(Self).ok_or_else(|| Error::overflow("sum of money", OVERFLOW_RULE))
    }

    /// The difference.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when it cannot be held.
    pub fn checked_sub(self, other: Self) -> Result<Self> {
        self.0.checked_sub(other.0).map(Self).ok_or_else(|| Error::overflow("difference of money", OVERFLOW_RULE))
    }

    /// The opposite amount.
    ///
    /// # Errors
    /// [`Error::is_overflow`] on the one amount without an opposite, −9,223,372,036,854,775,808.
    pub fn checked_neg(self) -> Result<Self> {
        self.0.checked_neg().map(Self).ok_or_else(|| Error::overflow("opposite of money", OVERFLOW_RULE))
    }

    /// The product with a whole number.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when it cannot be held.
    pub fn checked_mul(self, times: i64) -> Result<Self> {
        self.0.checked_mul(times).map(Self).ok_or_else(|| Error::overflow("product of money", OVERFLOW_RULE))
    }

    /// The sum of many.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the total cannot be held; passing values beyond it do not matter.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self> {
        let total: i128 = amounts.into_iter().map(|amount| i128::from(amount.0)).sum();
        i64::try_from(total).map(Self).map_err(|_| Error::overflow("sum of money", OVERFLOW_RULE))
    }

    /// `self × numerator ÷ denominator`, carried exactly and rounded once.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `denominator` is not positive; [`Error::is_overflow`] when the result cannot be held.
    ///
    /// ```
    /// use dandelion_credit::{Money, Rounding};
    ///
    /// // 50 days of interest at 0.05 % a day on 7,615.00
    /// let interest = Money::from_minor(761_500).mul_ratio(50 * 5, 10_000, Rounding::HalfEven)?;
    /// assert_eq!(interest.to_minor(), 19_038); // 19,037.5 rounds to the even cent
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn mul_ratio(self, numerator: i64, denominator: i64, rounding: Rounding) -> Result<Self> {
        if denominator <= 0 {
            return Err(Error::invalid("denominator", denominator, "above zero"));
        }
        let product = i128::from(self.0) * i128::from(numerator);
        let rounded = rounding.div(product, i128::from(denominator));
        i64::try_from(rounded).map(Self).map_err(|_| Error::overflow("product of money", OVERFLOW_RULE))
    }

    /// A decimal number of *minor* units rounded to whole ones.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when it cannot be held.
    pub fn from_decimal_minor(minor: Decimal, rounding: Rounding) -> Result<Self> {
        let whole = rounding.round(minor, 0);
        i64::try_from(whole.mantissa() / 10i128.pow(whole.scale()))
            .map(Self)
            .map_err(|_| Error::overflow("amount", OVERFLOW_RULE))
    }

    /// The amount in minor units as an exact decimal.
    #[must_use]
    pub fn to_decimal_minor(self) -> Decimal {
        Decimal::from(self.0)
    }

    /// Splits by `weights` into parts that add up to the whole, to the unit.
    ///
    /// Largest remainders first, ties to the earlier part (Hamilton's method), so no part is a whole unit or more away
    /// from its exact share, and the same call always splits the same way.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when there are no weights or all are zero.
    ///
    /// ```
    /// use dandelion_credit::Money;
    ///
    /// let parts = Money::from_minor(100).split(&[1, 1, 1])?;
    /// assert_eq!(parts, [34, 33, 33].map(Money::from_minor));
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn split(self, weights: &[u64]) -> Result<Vec<Self>> {
        let total: u128 = weights.iter().copied().map(u128::from).sum();
        if total == 0 {
            return Err(Error::invalid("weights", format!("{weights:?}"), "at least one above zero"));
        }
        let whole = u128::from(self.0.unsigned_abs());
        // Both factors are below 2^64 and a weight is at most the total, so a floor is at most the whole.
        let mut parts: Vec<u64> = weights.iter().map(|&weight| (whole * u128::from(weight) / total) as u64).collect();
        let mut left = whole as u64 - parts.iter().sum::<u64>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|&part| std::cmp::Reverse(whole * u128::from(weights[part]) % total));
        for part in order {
            if left == 0 {
                break;
            }
            parts[part] += 1;
            left -= 1;
        }
        debug_assert_eq!(left, 0, "fewer units are left over than there are parts");
        let sign = self.0.signum();
        Ok(parts.into_iter().map(|part| Self((part as i64).wrapping_mul(sign))).collect())
    }

    /// The smaller of two amounts.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The larger of two amounts.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// Whether it is exactly nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether it is below nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it is above nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

struct DisplayMajor {
    money: Money,
    scale: Scale,
}

impl fmt::Display for DisplayMajor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { money: Money(minor), scale: Scale(places) } = *self;
        let unit = 10u64.pow(u32::from(places));
        let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
        let text = match places {
            0 => whole.to_string(),
            _ => format!("{whole}.{rest:0>width$}", width = usize::from(places)),
        };
        f.pad_integral(minor >= 0, "", &text)
    }
}

/// How many decimals the major unit of a currency has: 0 (yen) to 4.
///
/// ```
/// use dandelion_credit::{Money, Scale};
///
/// // The same 12,345 minor units in yen, in yuan and in dinars.
/// let shown = |scale: Scale| Money::from_minor(12_345).display(scale).to_string();
/// assert_eq!([shown(Scale::WHOLE), shown(Scale::CENTS), shown(Scale::new(3)?)], ["12345", "123.45", "12.345"]);
/// assert_eq!(Scale::CENTS.minor_per_major(), 100);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Scale(u8);

impl Scale {
    /// No decimals, as the yen.
    pub const WHOLE: Self = Self(0);
    /// Two decimals, as yuan, rupee, euro, dollar.
    pub const CENTS: Self = Self(2);

    /// `decimals` decimals.
    ///
    /// # Errors
    /// [`Error::is_invalid`] above 4.
    pub fn new(decimals: u8) -> Result<Self> {
        if decimals <= 4 { Ok(Self(decimals)) } else { Err(Error::invalid("scale", decimals, "0 to 4 decimals")) }
    }

    /// The number of decimals.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.0
    }

    /// Minor units in one major unit: 1 to 10,000.
    #[must_use]
    pub const fn minor_per_major(self) -> i64 {
        10i64.pow(self.0 as u32)
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::CENTS
    }
}

impl TryFrom<u8> for Scale {
    type Error = Error;

    fn try_from(decimals: u8) -> Result<Self> {
        Self::new(decimals)
    }
}

impl From<Scale> for u8 {
    fn from(scale: Scale) -> Self {
        scale.0
    }
}

/// How a number between two units becomes one of them. Every place that rounds names one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearest, halves to the even neighbour: no drift over many roundings.
    #[default]
    HalfEven,
    /// To the nearest, halves away from zero: what most statutes call rounding.
    HalfUp,
    /// To the nearest, halves towards zero.
    HalfDown,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// Towards plus infinity.
    Ceiling,
    /// Towards minus infinity.
    Floor,
}

impl Rounding {
    /// `numerator ÷ denominator` as a whole number by this rule.
    ///
    /// # Panics
    /// When `denominator` is not positive.
    ///
    /// ```
    /// use dandelion_credit::Rounding;
    ///
    /// assert_eq!(Rounding::HalfEven.div(-5, 2), -2);
    /// assert_eq!(Rounding::HalfUp.div(-5, 2), -3);
    /// assert_eq!(Rounding::Floor.div(-5, 2), -3);
    /// ```
    #[must_use]
    pub fn div(self, numerator: i128, denominator: i128) -> i128 {
        assert!(denominator > 0, "a denominator is above zero");
        let floor = numerator.div_euclid(denominator);
        let remainder = numerator.rem_euclid(denominator);
        if remainder == 0 {
            return floor;
        }
        // remainder > denominator - remainder is "above the half" and cannot overflow.
        let half = remainder.cmp(&(denominator - remainder));
        let negative = numerator < 0;
        let up = match self {
            Self::Floor => false,
            Self::Ceiling => true,
            Self::Up => !negative,
            Self::Down => negative,
            Self::HalfEven => half.is_gt() || half.is_eq() && floor % 2 != 0,
            Self::HalfUp => half.is_gt() || half.is_eq() && !negative,
            Self::HalfDown => half.is_gt() || half.is_eq() && negative,
        };
        floor + i128::from(up)
    }

    /// A decimal rounded to `decimals` places by this rule.
    #[must_use]
    pub fn round(self, number: Decimal, decimals: u32) -> Decimal {
        use rust_decimal::RoundingStrategy as Strategy;
        let strategy = match self {
            Self::HalfEven => Strategy::MidpointNearestEven,
            Self::HalfUp => Strategy::MidpointAwayFromZero,
            Self::HalfDown => Strategy::MidpointTowardZero,
            Self::Up => Strategy::AwayFromZero,
            Self::Down => Strategy::ToZero,
            Self::Ceiling => Strategy::ToPositiveInfinity,
            Self::Floor => Strategy::ToNegativeInfinity,
        };
        number.round_dp_with_strategy(decimals, strategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rounding; 7] = [
        Rounding::HalfEven,
        Rounding::HalfUp,
        Rounding::HalfDown,
        Rounding::Up,
        Rounding::Down,
        Rounding::Ceiling,
        Rounding::Floor,
    ];

    #[test]
    fn whole_division_agrees_with_the_decimal_library() {
        for rule in RULES {
            for numerator in -40i64..=40 {
                for denominator in [1i64, 2, 4, 5, 8, 10] {
                    let exact = Decimal::from(numerator) / Decimal::from(denominator);
                    let expected = rule.round(exact, 0);
                    let found = rule.div(i128::from(numerator), i128::from(denominator));
                    assert_eq!(Decimal::from(found as i64), expected, "{rule:?} {numerator}/{denominator}");
                }
            }
        }
    }

    #[test]
    fn parsing_and_printing_are_inverse_at_every_scale() {
        for decimals in 0..=4 {
            let scale = Scale::new(decimals).unwrap();
            for minor in [0, 1, -1, 9, 10, 99, 100, -10_001, 123_456_789, i64::MAX, i64::MIN, i64::MIN + 1] {
                let text = Money::from_minor(minor).display(scale).to_string();
                assert_eq!(Money::parse(&text, scale).unwrap().to_minor(), minor, "{text}");
            }
        }
    }

    #[test]
    fn text_that_is_not_money_is_refused() {
        for text in ["", " ", "-", ".", "1,000", "1e3", "NaN", "inf", "--1", "1.2.3", "0x10", "١"] {
            assert!(Money::parse(text, Scale::CENTS).unwrap_err().is_invalid(), "{text:?}");
        }
        assert!(Money::parse("92233720368547758.08", Scale::CENTS).unwrap_err().is_overflow());
        assert_eq!(Money::parse("-92233720368547758.08", Scale::CENTS).unwrap().to_minor(), i64::MIN);
        assert_eq!(Money::parse(".5", Scale::CENTS).unwrap().to_minor(), 50);
        assert_eq!(Money::parse("5.", Scale::CENTS).unwrap().to_minor(), 500);
        assert_eq!(Money::parse("5.00000", Scale::CENTS).unwrap().to_minor(), 500);
    }

    #[test]
    fn split_parts_add_up_and_stay_within_a_unit_of_their_share() {
        let weights: [&[u64]; 5] = [&[1], &[1, 1, 1], &[0, 7, 0], &[30, 70], &[u64::MAX, 1, u64::MAX]];
        for minor in [0, 1, -1, 2, 100, -101, 999_999_999, i64::MAX, i64::MIN] {
            for weights in weights {
                let parts = Money::from_minor(minor).split(weights).unwrap();
                let total: i128 = parts.iter().map(|part| i128::from(part.0)).sum();
                assert_eq!(total, i128::from(minor));
                let sum: u128 = weights.iter().copied().map(u128::from).sum();
                for (part, &weight) in parts.iter().zip(weights) {
                    let floor = u128::from(minor.unsigned_abs()) * u128::from(weight) / sum;
                    assert!(u128::from(part.0.unsigned_abs()).abs_diff(floor) <= 1);
                }
            }
        }
        assert!(Money::ZERO.split(&[0, 0]).unwrap_err().is_invalid());
        assert!(Money::ZERO.split(&[]).unwrap_err().is_invalid());
    }
}
