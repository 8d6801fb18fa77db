//! Rates as exact decimals, and probabilities.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A nominal rate a year as an exact fraction: `0.18` is 18 %.
///
/// How a year becomes days is the day count's business, so this type says nothing about it.
///
/// ```
/// use dandelion_credit::AnnualRate;
///
/// let rate = AnnualRate::from_percent("18.25".parse().unwrap())?;
/// assert_eq!(rate.as_fraction().to_string(), "0.1825");
/// assert_eq!(rate.to_string(), "18.25 %");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct AnnualRate(Decimal);

impl AnnualRate {
    /// No interest.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The rate whose yearly fraction is `fraction`; negative rates exist, but not below −100 %, and 1,000,000 % is the top.
    ///
    /// # Errors
    /// [`Error::is_invalid`] outside −1 to 10,000.
    pub fn from_fraction(fraction: Decimal) -> Result<Self> {
        if fraction < Decimal::NEGATIVE_ONE || fraction > Decimal::from(10_000) {
            return Err(Error::invalid("annual rate", fraction, "a fraction from -1 to 10000"));
        }
        Ok(Self(fraction.normalize()))
    }

    /// The rate of `percent` per cent a year.
    ///
    /// # Errors
    /// As [`from_fraction`](Self::from_fraction).
    pub fn from_percent(percent: Decimal) -> Result<Self> {
        Self::from_fraction(percent / Decimal::ONE_HUNDRED)
    }

    /// The fraction a year.
    #[must_use]
    pub const fn as_fraction(self) -> Decimal {
        self.0
    }

    /// Per cent a year.
    #[must_use]
    pub fn as_percent(self) -> Decimal {
        (self.0 * Decimal::ONE_HUNDRED).normalize()
    }
}

impl fmt::Display for AnnualRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.as_percent())
    }
}

/// A rate a day as an exact fraction: `0.0005` is five per ten thousand, the usual quote of small revolving loans.
///
/// ```
/// use dandelion_credit::{DailyRate, Money, Rounding};
///
/// let rate = DailyRate::from_fraction("0.0005".parse().unwrap())?;
/// // A day of 0.05 % on 2,000.00 is 1.00.
/// let day = Money::from_minor(200_000).to_decimal_minor() * rate.as_fraction();
/// assert_eq!(Money::from_decimal_minor(day, Rounding::HalfEven)?.to_minor(), 100);
/// assert_eq!(rate.annual(365)?.to_string(), "18.25 %");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct DailyRate(Decimal);

impl DailyRate {
    /// The rate whose daily fraction is `fraction`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] outside −1 to 100.
    pub fn from_fraction(fraction: Decimal) -> Result<Self> {
        if fraction < Decimal::NEGATIVE_ONE || fraction > Decimal::ONE_HUNDRED {
            return Err(Error::invalid("daily rate", fraction, "a fraction from -1 to 100"));
        }
        Ok(Self(fraction.normalize()))
    }

    /// The fraction a day.
    #[must_use]
    pub const fn as_fraction(self) -> Decimal {
        self.0
    }

    /// The nominal annual rate over a year of `year_days` days (360 or 365 as the contract says).
    ///
    /// # Errors
    /// As [`AnnualRate::from_fraction`].
    ///
    /// ```
    /// use dandelion_credit::DailyRate;
    ///
    /// let rate = DailyRate::from_fraction("0.0005".parse().unwrap())?;
    /// assert_eq!(rate.annual(360)?.to_string(), "18 %");
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn annual(self, year_days: u32) -> Result<AnnualRate> {
        AnnualRate::from_fraction(self.0 * Decimal::from(year_days))
    }
}

/// Hundredths of a per cent, whole: how shares, margins and holdbacks are written in policies.
///
/// ```
/// use dandelion_credit::BasisPoints;
///
/// let share = BasisPoints::new(1_250);
/// assert_eq!(share.as_fraction().to_string(), "0.1250"); // 12.5 %
/// assert_eq!(BasisPoints::ONE.as_fraction().to_string(), "1.0000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BasisPoints(i32);

impl BasisPoints {
    /// One whole: 10,000.
    pub const ONE: Self = Self(10_000);

    /// `points` hundredths of a per cent.
    #[must_use]
    pub const fn new(points: i32) -> Self {
        Self(points)
    }

    /// The number of points.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// As a fraction.
    #[must_use]
    pub fn as_fraction(self) -> Decimal {
        Decimal::new(i64::from(self.0), 4)
    }
}

/// A probability: a number from 0 to 1, never NaN.
///
/// ```
/// use dandelion_credit::Probability;
///
/// let default = Probability::new(0.04)?;
/// assert_eq!(default.get() * 5_000.0, 200.0); // of 5,000 such loans 200 are expected to fail
/// assert!(Probability::new(f64::NAN).is_err());
/// assert_eq!(Probability::new(4.0).unwrap_err().to_string(), "probability is 4: from 0 to 1");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

impl Probability {
    /// The probability `p`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] outside 0 to 1 and for NaN.
    pub fn new(p: f64) -> Result<Self> {
        if (0.0..=1.0).contains(&p) { Ok(Self(p)) } else { Err(Error::invalid("probability", p, "from 0 to 1")) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = Error;

    fn try_from(p: f64) -> Result<Self> {
        Self::new(p)
    }
}

impl From<Probability> for f64 {
    fn from(p: Probability) -> Self {
        p.0
    }
}

impl TryFrom<Decimal> for AnnualRate {
    type Error = Error;

    fn try_from(fraction: Decimal) -> Result<Self> {
        Self::from_fraction(fraction)
    }
}

impl From<AnnualRate> for Decimal {
    fn from(rate: AnnualRate) -> Self {
        rate.0
    }
}

impl TryFrom<Decimal> for DailyRate {
    type Error = Error;

    fn try_from(fraction: Decimal) -> Result<Self> {
        Self::from_fraction(fraction)
    }
}

impl From<DailyRate> for Decimal {
    fn from(rate: DailyRate) -> Self {
        rate.0
    }
}

impl FromStr for AnnualRate {
    type Err = Error;

    /// Reads `0.18` or `18 %`.
    fn from_str(text: &str) -> Result<Self> {
        let malformed =
            |_| Error::invalid("annual rate", text, "a decimal fraction such as 0.18, or a percentage such as 18 %");
        match text.trim().strip_suffix('%') {
            Some(percent) => Self::from_percent(percent.trim().parse().map_err(malformed)?),
            None => Self::from_fraction(text.trim().parse().map_err(malformed)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_both_forms_and_refuse_the_rest() {
        assert_eq!("18 %".parse::<AnnualRate>().unwrap(), "0.18".parse().unwrap());
        assert_eq!("0.180".parse::<AnnualRate>().unwrap().to_string(), "18 %");
        for text in ["", "%", "eighteen", "NaN", "-2", "1000001 %"] {
            assert!(text.parse::<AnnualRate>().unwrap_err().is_invalid(), "{text:?}");
        }
    }

    #[test]
    fn a_saved_rate_is_checked_like_a_spoken_one() {
        let rate: AnnualRate = serde_json::from_str("\"0.18\"").unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), "\"0.18\"");
        assert!(serde_json::from_str::<AnnualRate>("\"-50\"").is_err());
        assert!(serde_json::from_str::<DailyRate>("\"101\"").is_err());
    }

    #[test]
    fn probabilities_are_never_nan() {
        assert!(Probability::new(f64::NAN).is_err());
        assert!(Probability::new(-0.0).is_ok());
        assert!(serde_json::from_str::<Probability>("1.5").is_err());
    }
}
