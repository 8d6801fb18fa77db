//! Interest by the day as a whole number over a fixed denominator: nothing is rounded until it is booked.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use crate::calendar::{Date, epoch_day};
use crate::error::{Error, Result};
use crate::money::Rounding;
use crate::rate::{AnnualRate, BasisPoints, DailyRate};

/// Steps in one whole of a rate: rates are exact to twelve decimals, finer ones are refused.
pub const RATE_STEPS: i64 = 1_000_000_000_000;

/// How days become parts of a year, for conventions in which a span is the sum of its days.
///
/// Those are the conventions under which interest can be carried day by day: where a period starts has no say in what a
/// day earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccrualBasis {
    /// Actual days over 360: the usual quote of Chinese lenders.
    Actual360,
    /// Actual days over 364: 52 weeks.
    Actual364,
    /// Actual days over 365, leap year or not.
    #[default]
    Actual365,
    /// Actual days over the days of the calendar year each one falls in (ISDA).
    ActualActual,
    /// Every month has 30 days, every year 360 (30E/360).
    Thirty360,
}

impl AccrualBasis {
    /// Units in a year. A day is a whole number of units in every convention.
    #[must_use]
    pub const fn units_per_year(self) -> i64 {
        match self {
            Self::Actual360 | Self::Thirty360 => 360,
            Self::Actual364 => 364,
            Self::Actual365 => 365,
            Self::ActualActual => 365 * 366,
        }
    }

    /// The units before `date`, from a fixed origin; units between two dates are a difference of two of these.
    fn index(self, date: Date) -> i64 {
        match self {
            Self::Actual360 | Self::Actual364 | Self::Actual365 => i64::from(epoch_day(date)),
            Self::ActualActual => {
                let day = i64::from(date.day_of_year()) - 1;
                i64::from(date.year()) * 365 * 366 + day * if date.in_leap_year() { 365 } else { 366 }
            }
            Self::Thirty360 => {
                i64::from(date.year()) * 360 + i64::from(date.month()) * 30 + i64::from(date.day().min(30))
            }
        }
    }
}

/// A contract rate as it is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterestRate {
    /// So much a year; the [`AccrualBasis`] says what a day is of it.
    Annual(AnnualRate),
    /// So much a day, every calendar day.
    Daily(DailyRate),
}

impl InterestRate {
    /// The quoted fraction.
    #[must_use]
    pub const fn as_fraction(self) -> Decimal {
        match self {
            Self::Annual(rate) => rate.as_fraction(),
            Self::Daily(rate) => rate.as_fraction(),
        }
    }

    /// The rate `multiple` times as high (a penalty of 150 % of the contract rate is 15,000 basis points).
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the product leaves the range of the rate.
    ///
    /// ```
    /// use dandelion_credit::loan::InterestRate;
    /// use dandelion_credit::BasisPoints;
    ///
    /// // 0.05 % a day, overdue at 1.5 times
    /// let contract = InterestRate::Daily("0.0005".parse()?);
    /// let overdue = contract.times(BasisPoints::new(15_000))?;
    /// assert_eq!(overdue.as_fraction().to_string(), "0.00075");
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn times(self, multiple: BasisPoints) -> Result<Self> {
        let product = |fraction: Decimal| {
            fraction
                .checked_mul(multiple.as_fraction())
                .ok_or_else(|| Error::overflow("penalty rate", "a fraction of at most 28 digits"))
        };
        Ok(match self {
            Self::Annual(rate) => Self::Annual(AnnualRate::from_fraction(product(rate.as_fraction())?)?),
            Self::Daily(rate) => Self::Daily(DailyRate::from_fraction(product(rate.as_fraction())?)?),
        })
    }

    /// The rate as a whole number of steps of a trillionth.
    ///
    /// # Errors
    /// [`Error::is_invalid`] below zero and with more than twelve decimals.
    pub(super) fn steps(self) -> Result<i64> {
        let fraction = self.as_fraction();
        if fraction.is_sign_negative() && !fraction.is_zero() {
            return Err(Error::invalid("interest rate", fraction, "not below zero"));
        }
        let steps = fraction
            .checked_mul(Decimal::from(RATE_STEPS))
            .ok_or_else(|| Error::overflow("interest rate", "a fraction of at most 28 digits"))?;
        if !steps.fract().is_zero() {
            return Err(Error::invalid("interest rate", fraction, "at most twelve decimals"));
        }
        steps.to_i64().ok_or_else(|| Error::overflow("interest rate", "at most 9,223,372 as a fraction"))
    }
}

/// What a day earns, as whole numbers: `principal × steps × units ÷ denominator` minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrual {
    basis: Option<AccrualBasis>,
    steps: i64,
}

impl Accrual {
    /// The accrual of a rate. A daily rate counts calendar days whatever the basis.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a rate below zero or with more than twelve decimals.
    pub fn new(rate: InterestRate, basis: AccrualBasis) -> Result<Self> {
        let basis = match rate {
            InterestRate::Annual(_) => Some(basis),
            InterestRate::Daily(_) => None,
        };
        Ok(Self { basis, steps: rate.steps()? })
    }

    /// The rate in trillionths.
    #[must_use]
    pub const fn steps(&self) -> i64 {
        self.steps
    }

    /// What the exact accrual is divided by to give minor units.
    #[must_use]
    pub fn denominator(&self) -> i128 {
        i128::from(RATE_STEPS) * i128::from(self.basis.map_or(1, AccrualBasis::units_per_year))
    }

    /// The units from one date to another.
    #[must_use]
    pub fn units(&self, from: Date, to: Date) -> i64 {
        match self.basis {
            None => i64::from(epoch_day(to)) - i64::from(epoch_day(from)),
            Some(basis) => basis.index(to) - basis.index(from),
        }
    }

    /// The exact accrual of `principal_minor` over `units`, as a numerator over [`denominator`](Self::denominator).
    ///
    /// # Errors
    /// [`Error::is_overflow`] beyond 128 bits.
    pub fn numerator(&self, principal_minor: i64, units: i64) -> Result<i128> {
        i128::from(principal_minor)
            .checked_mul(i128::from(self.steps))
            .and_then(|product| product.checked_mul(i128::from(units)))
            .ok_or_else(overflow)
    }
}

#[cold]
pub(super) fn overflow() -> Error {
    Error::overflow("accrued interest", "a numerator of at most 127 bits")
}

/// `numerator ÷ denominator` in whole minor units.
pub(super) fn whole(numerator: i128, denominator: i128, rounding: Rounding) -> Result<i64> {
    // The common case of a quotient of two numbers of 64 bits needs no 128-bit division.
    if let (Ok(numerator), Ok(denominator)) = (u64::try_from(numerator), u64::try_from(denominator)) {
        let (quotient, remainder) = (numerator / denominator, numerator % denominator);
        if remainder == 0 {
            return i64::try_from(quotient).map_err(|_| overflow());
        }
    }
    i64::try_from(rounding.div(numerator, denominator)).map_err(|_| overflow())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn units_of_a_year_are_the_units_of_its_days_summed() {
        use AccrualBasis::{Actual360, Actual364, Actual365, ActualActual, Thirty360};
        for basis in [Actual360, Actual364, Actual365, ActualActual, Thirty360] {
            let accrual = Accrual::new(InterestRate::Annual("0.1".parse().unwrap()), basis).unwrap();
            let (mut day, end) = (date("2023-01-01"), date("2029-01-01"));
            let mut sum = 0;
            while day < end {
                let next = day.tomorrow().unwrap();
                sum += accrual.units(day, next);
                day = next;
            }
            assert_eq!(sum, accrual.units(date("2023-01-01"), end));
            if matches!(basis, ActualActual | Thirty360) {
                assert_eq!(sum, 6 * basis.units_per_year());
            }
        }
    }

    #[test]
    fn rates_too_fine_or_below_zero_are_refused() {
        let basis = AccrualBasis::Actual365;
        assert!(
            Accrual::new(InterestRate::Annual("0.0000000000001".parse().unwrap()), basis).unwrap_err().is_invalid()
        );
        assert!(Accrual::new(InterestRate::Annual("-0.01".parse().unwrap()), basis).unwrap_err().is_invalid());
        let top = Accrual::new(InterestRate::Annual("10000".parse().unwrap()), basis).unwrap();
        assert!(top.numerator(i64::MAX, 1_000_000).unwrap_err().is_overflow());
    }
}
