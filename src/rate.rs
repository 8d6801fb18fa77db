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
/// let rate: DailyRate = "0.0005".parse()?;
/// assert_eq!(rate, "0.05 %".parse()?);
/// assert_eq!(rate.to_string(), "0.05 %");
/// // A day of 0.05 % on 2,000.00 is 1.00.
/// let day = Money::from_minor(200_000).to_decimal_minor() * rate.as_fraction();
/// assert_eq!(Money::from_decimal_minor(day, Rounding::HalfEven)?.to_minor(), 100);
/// assert_eq!(rate.annual(365)?.to_string(), "18.25 %");
/// // What is no rate is named with the rule.
/// let error = "5 bp".parse::<DailyRate>().unwrap_err();
/// assert_eq!(error.to_string(), "daily rate is 5 bp: a decimal fraction such as 0.0005, or a percentage such as 0.05 %");
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

    /// The rate of `percent` per cent a day.
    ///
    /// # Errors
    /// As [`from_fraction`](Self::from_fraction).
    pub fn from_percent(percent: Decimal) -> Result<Self> {
        Self::from_fraction(percent / Decimal::ONE_HUNDRED)
    }

    /// The fraction a day.
    #[must_use]
    pub const fn as_fraction(self) -> Decimal {
        self.0
    }

    /// Per cent a day.
    #[must_use]
    pub fn as_percent(self) -> Decimal {
        (self.0 * Decimal::ONE_HUNDRED).normalize()
    }

    /// The nominal annual rate over a year of `year_days` days (360 or 365 as the contract says).
    ///
    /// # Errors
    /// As [`AnnualRate::from_fraction`].
    ///
    /// ```
    /// use dandelion_credit::DailyRate;
    ///
    /// let rate: DailyRate = "0.0005".parse()?;
    /// assert_eq!(rate.annual(360)?.to_string(), "18 %");
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn annual(self, year_days: u32) -> Result<AnnualRate> {
        AnnualRate::from_fraction(self.0 * Decimal::from(year_days))
    }
}

impl fmt::Display for DailyRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.as_percent())
    }
}

/// Hundredths of a per cent, whole: how shares, margins and holdbacks are written in policies.
///
/// ```
/// use dandelion_credit::BasisPoints;
///
/// let share = BasisPoints::new(1_250);
/// assert_eq!(share.as_fraction().to_string(), "0.1250");
/// assert_eq!(share.to_string(), "12.5 %");
/// assert_eq!(share, "0.125".parse()?);
/// assert_eq!(BasisPoints::ONE, "100 %".parse()?);
/// // What is finer than a point is refused rather than rounded away.
/// assert!("12.505 %".parse::<BasisPoints>().unwrap_err().is_invalid());
/// # Ok::<(), dandelion_credit::Error>(())
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

impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", Decimal::new(i64::from(self.0), 2).normalize())
    }
}

/// A probability: a number from 0 to 1, never NaN.
///
/// ```
/// use dandelion_credit::Probability;
///
/// let default = Probability::new(0.04)?;
/// assert_eq!(default, "0.04".parse()?);
/// assert_eq!(default.to_string(), "0.04");
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

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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

/// A decimal fraction (`0.18`) or a percentage (`18 %`) as a fraction; none when the text is of neither form.
fn read_fraction(text: &str) -> Option<Decimal> {
    match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<Decimal>().ok().map(|percent| percent / Decimal::ONE_HUNDRED),
        None => text.trim().parse().ok(),
    }
}

impl FromStr for AnnualRate {
    type Err = Error;

    /// Reads `0.18` or `18 %`.
    fn from_str(text: &str) -> Result<Self> {
        let rule = "a decimal fraction such as 0.18, or a percentage such as 18 %";
        Self::from_fraction(read_fraction(text).ok_or_else(|| Error::invalid("annual rate", text, rule))?)
    }
}

impl FromStr for DailyRate {
    type Err = Error;

    /// Reads `0.0005` or `0.05 %`.
    fn from_str(text: &str) -> Result<Self> {
        let rule = "a decimal fraction such as 0.0005, or a percentage such as 0.05 %";
        Self::from_fraction(read_fraction(text).ok_or_else(|| Error::invalid("daily rate", text, rule))?)
    }
}

impl FromStr for BasisPoints {
    type Err = Error;

    /// Reads `0.125` or `12.5 %`.
    fn from_str(text: &str) -> Result<Self> {
        let rule =
            "a decimal fraction such as 0.125, or a percentage such as 12.5 %, of whole basis points within 31 bits";
        let points = read_fraction(text).and_then(|fraction| fraction.checked_mul(Self::ONE.get().into()));
        let whole = points.filter(Decimal::is_integer).and_then(|points| i32::try_from(points.normalize()).ok());
        whole.map(Self).ok_or_else(|| Error::invalid("basis points", text, rule))
    }
}

impl FromStr for Probability {
    type Err = Error;

    /// Reads `0.04`.
    fn from_str(text: &str) -> Result<Self> {
        let malformed = |_| Error::invalid("probability", text, "a number from 0 to 1, such as 0.04");
        Self::new(text.trim().parse().map_err(malformed)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule that refuses `text` as a `T`.
    fn refusal<T: FromStr<Err = Error> + fmt::Debug>(text: &str) -> String {
        let error = text.parse::<T>().unwrap_err();
        assert!(error.is_invalid(), "{error}");
        error.to_string()
    }

    #[test]
    fn rates_read_both_forms_and_refuse_the_rest() {
        assert_eq!("18 %".parse::<AnnualRate>().unwrap(), "0.18".parse().unwrap());
        assert_eq!("0.180".parse::<AnnualRate>().unwrap().to_string(), "18 %");
        assert_eq!(" 0.05% ".parse::<DailyRate>().unwrap(), "0.00050".parse().unwrap());
        for text in ["", "%", "eighteen", "NaN", "1 % %", "79228162514264337593543950336"] {
            for error in [refusal::<AnnualRate>(text), refusal::<DailyRate>(text), refusal::<BasisPoints>(text)] {
                assert!(error.contains(&format!(" is {text}: a ")), "{error}");
            }
        }
        for text in ["-2", "1000001 %"] {
            assert!(
                refusal::<AnnualRate>(text).contains("from -1 to 10000")
                    && refusal::<DailyRate>(text).contains("from -1 to 100")
            );
        }
        assert_eq!(refusal::<DailyRate>("101"), "daily rate is 101: a fraction from -1 to 100");
    }

    #[test]
    fn basis_points_are_whole_and_within_their_type() {
        for points in [i32::MIN, -1, 0, 1, 12_345, i32::MAX] {
            assert_eq!(BasisPoints::new(points).to_string().parse(), Ok(BasisPoints::new(points)));
        }
        for text in ["0.00005", "0.005 %", "214748.3648", "79228162514264337593543950335"] {
            assert!(refusal::<BasisPoints>(text).contains("whole basis points"));
        }
    }

    #[test]
    fn a_saved_rate_is_checked_like_a_spoken_one() {
        let rate: AnnualRate = serde_json::from_str("\"0.18\"").unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), "\"0.18\"");
        assert!(serde_json::from_str::<AnnualRate>("\"-50\"").is_err());
        let rate: DailyRate = serde_json::from_str("\"0.0005\"").unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), "\"0.0005\"");
        assert!(serde_json::from_str::<DailyRate>("\"101\"").is_err());
    }

    #[test]
    fn probabilities_are_never_nan() {
        assert!(Probability::new(f64::NAN).is_err());
        assert!(Probability::new(-0.0).is_ok());
        assert!(serde_json::from_str::<Probability>("1.5").is_err());
        for text in ["", "often", "NaN", "inf", "-0.1", "1.0000001", "4 %"] {
            assert!(refusal::<Probability>(text).contains("from 0 to 1"), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_shown_reads_back_as_itself(digits in -10i128.pow(28)..=10i128.pow(28), decimals in 0..=28u32, zeros in 0..=6u32) {
            let fraction = Decimal::from_i128_with_scale(digits / 10i128.pow(zeros), decimals);
            if let Ok(rate) = AnnualRate::from_fraction(fraction) {
                prop_assert_eq!(rate.to_string().parse(), Ok(rate));
                prop_assert_eq!(rate.as_fraction().to_string().parse(), Ok(rate));
                prop_assert_eq!(AnnualRate::from_percent(rate.as_percent()), Ok(rate));
            }
            if let Ok(rate) = DailyRate::from_fraction(fraction) {
                prop_assert_eq!(rate.to_string().parse(), Ok(rate));
                prop_assert_eq!(rate.as_fraction().to_string().parse(), Ok(rate));
                prop_assert_eq!(DailyRate::from_percent(rate.as_percent()), Ok(rate));
            }
        }

        #[test]
        fn points_and_probabilities_shown_read_back_as_themselves(points: i32, p in 0.0..=1.0f64) {
            let points = BasisPoints::new(points);
            prop_assert_eq!(points.to_string().parse(), Ok(points));
            prop_assert_eq!(points.as_fraction().to_string().parse(), Ok(points));
            let p = Probability::new(p).unwrap();
            prop_assert_eq!(p.to_string().parse(), Ok(p));
        }
    }
}
