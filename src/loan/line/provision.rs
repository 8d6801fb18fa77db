//! What to set aside: expected loss over twelve months and over the lifetime, and the least a supervisor asks for.

use serde::{Deserialize, Serialize};

use super::arrears::RiskClass;
use crate::error::{Error, Result};
use crate::money::{Money, Rounding};
use crate::rate::{BasisPoints, Probability};

/// One month of a loan's future.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExposureMonth {
    /// What would be owed at a default in this month.
    pub exposure_minor: Money,
    /// The probability to default in this month, given no default before.
    pub default_probability: Probability,
    /// The share of the exposure that is then lost.
    pub loss_given_default: Probability,
}

/// How far a loan has weakened: it decides which expected loss is set aside (IFRS 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImpairmentStage {
    /// As good as when it was made: twelve months.
    One,
    /// Markedly weaker, by default 30 days past due: lifetime.
    Two,
    /// Impaired, by default 90 days past due: lifetime.
    Three,
}

impl ImpairmentStage {
    /// The stage by days past due alone: the rebuttable presumptions of IFRS 9 (30 and 90 days).
    #[must_use]
    pub const fn of_days_past_due(days: u32) -> Self {
        match days {
            0..=30 => Self::One,
            31..=90 => Self::Two,
            _ => Self::Three,
        }
    }
}

/// Expected loss, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedLoss {
    /// Of defaults within twelve months.
    pub twelve_months_minor: Money,
    /// Of defaults until the end.
    pub lifetime_minor: Money,
}

impl ExpectedLoss {
    /// The one the stage asks for.
    #[must_use]
    pub const fn at(self, stage: ImpairmentStage) -> Money {
        match stage {
            ImpairmentStage::One => self.twelve_months_minor,
            ImpairmentStage::Two | ImpairmentStage::Three => self.lifetime_minor,
        }
    }
}

/// The expected loss of a loan whose future months are given, each discounted at `monthly_discount` (0.01 for 1 % a
/// month) and rounded up to whole minor units at the end.
///
/// ```
/// use dandelion_credit::loan::{ExposureMonth, expected_loss};
/// use dandelion_credit::{Money, Probability};
///
/// let month = ExposureMonth {
///     exposure_minor: Money::from_minor(100_000),
///     default_probability: Probability::new(0.01)?,
///     loss_given_default: Probability::new(0.5)?,
/// };
/// // 1,000.00 x 1 % x 50 % in the first month, x 99 % in the second
/// let loss = expected_loss(&[month; 2], 0.0)?;
/// assert_eq!(loss.lifetime_minor.to_minor(), 500 + 495);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// [`Error::is_invalid`] for a discount that is not a number of at least 0, or for a negative exposure.
pub fn expected_loss(months: &[ExposureMonth], monthly_discount: f64) -> Result<ExpectedLoss> {
    if !(monthly_discount.is_finite() && monthly_discount >= 0.0) {
        return Err(Error::invalid("monthly discount", monthly_discount, "a number of at least 0"));
    }
    let (mut survival, mut discount) = (1.0, 1.0);
    let (mut year, mut lifetime) = (0.0, 0.0);
    for (nth, month) in months.iter().enumerate() {
        if month.exposure_minor.is_negative() {
            return Err(Error::invalid("exposure", month.exposure_minor.to_minor(), "not below zero"));
        }
        discount /= 1.0 + monthly_discount;
        let default = survival * month.default_probability.get();
        let loss = month.exposure_minor.to_minor() as f64 * month.loss_given_default.get() * default * discount;
        lifetime += loss;
        if nth < 12 {
            year += loss;
        }
        survival -= default;
    }
    // A millionth of a minor unit is the noise of adding up, not a loss.
    let minor = |loss: f64| Money::from_minor((loss - 1e-6).ceil().max(0.0) as i64);
    Ok(ExpectedLoss { twelve_months_minor: minor(year), lifetime_minor: minor(lifetime) })
}

/// The least to set aside for each class, as a share of what is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinimumProvision {
    /// The shares in the order of [`RiskClass::ALL`].
    pub shares: [BasisPoints; 5],
}

impl MinimumProvision {
    /// China's guidance of 2002: 1 % in general, 2 % special mention, 25 % substandard, 50 % doubtful, 100 % loss.
    #[must_use]
    pub const fn china() -> Self {
        Self {
            shares: [
                BasisPoints::new(100),
                BasisPoints::new(200),
                BasisPoints::new(2_500),
                BasisPoints::new(5_000),
                BasisPoints::new(10_000),
            ],
        }
    }

    /// India, unsecured loans: 0.4 % standard, 25 % substandard, 100 % doubtful and loss.
    #[must_use]
    pub const fn india_unsecured() -> Self {
        Self {
            shares: [
                BasisPoints::new(40),
                BasisPoints::new(40),
                BasisPoints::new(2_500),
                BasisPoints::new(10_000),
                BasisPoints::new(10_000),
            ],
        }
    }

    /// The least for a loan of this class, rounded up.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when it cannot be held.
    pub fn of(&self, class: RiskClass, owed: Money) -> Result<Money> {
        owed.mul_ratio(i64::from(self.shares[class as usize].get()), 10_000, Rounding::Up)
    }

    /// What to set aside: the expected loss of the stage, but not less than the minimum of the class.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn provision(
        &self,
        class: RiskClass,
        owed: Money,
        loss: ExpectedLoss,
        stage: ImpairmentStage,
    ) -> Result<Money> {
        Ok(self.of(class, owed)?.max(loss.at(stage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_is_never_below_twelve_months_and_the_minimum_binds() {
        let month = ExposureMonth {
            exposure_minor: Money::from_minor(1_000_000),
            default_probability: Probability::new(0.02).unwrap(),
            loss_given_default: Probability::new(0.6).unwrap(),
        };
        let loss = expected_loss(&[month; 24], 0.01).unwrap();
        assert!(loss.lifetime_minor > loss.twelve_months_minor);
        assert_eq!(loss.at(ImpairmentStage::of_days_past_due(30)), loss.twelve_months_minor);
        assert_eq!(loss.at(ImpairmentStage::of_days_past_due(31)), loss.lifetime_minor);
        let owed = Money::from_minor(999_999);
        let china = MinimumProvision::china();
        assert_eq!(china.of(RiskClass::Substandard, owed).unwrap().to_minor(), 250_000);
        let none = expected_loss(&[], 0.0).unwrap();
        assert_eq!(china.provision(RiskClass::Loss, owed, none, ImpairmentStage::Three).unwrap(), owed);
        assert!(expected_loss(&[], f64::NAN).unwrap_err().is_invalid());
    }
}
