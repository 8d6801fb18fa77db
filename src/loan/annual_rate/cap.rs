//! Caps on the cost of credit.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::money::{Money, Rounding};
use crate::rate::{AnnualRate, BasisPoints};

/// Limits on what a loan may cost, each optional: the tightest binds.
///
/// ```
/// use dandelion_credit::loan::CostCap;
/// use dandelion_credit::{BasisPoints, Money};
///
/// let cap = CostCap { total_share: Some(BasisPoints::new(10_000)), ..CostCap::default() }; // all costs at most the principal
/// let allowed = cap.allowed_interest(Money::from_minor(20_000), Money::from_minor(7_500), Money::from_minor(15_000))?;
/// assert_eq!(allowed.to_minor(), 12_500);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostCap {
    /// All interest over the life, as a share of the principal (10,000: the United Kingdom's 100 %).
    pub total_share: Option<BasisPoints>,
    /// All interest over the life, as an amount.
    pub total: Option<Money>,
    /// Interest of one day, as a share of the balance it accrues on (80: the United Kingdom's 0.8 %).
    pub daily_share: Option<BasisPoints>,
    /// Interest of one day, as an amount.
    pub daily: Option<Money>,
    /// The effective annual rate of the actual cash flows.
    pub annual: Option<AnnualRate>,
}

impl CostCap {
    /// A yearly cap of `multiple` times a reference rate, as four times China's one-year loan prime rate.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the product is no [`AnnualRate`].
    ///
    /// ```
    /// use dandelion_credit::loan::CostCap;
    ///
    /// let cap = CostCap::annual_multiple("3.85 %".parse()?, "4".parse().unwrap())?;
    /// assert_eq!(cap.annual.unwrap().to_string(), "15.4 %");
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn annual_multiple(reference: AnnualRate, multiple: rust_decimal::Decimal) -> Result<Self> {
        let product = reference
            .as_fraction()
            .checked_mul(multiple)
            .ok_or_else(|| Error::overflow("annual cap", "a fraction of 28 digits"))?;
        Ok(Self { annual: Some(AnnualRate::from_fraction(product)?), ..Self::default() })
    }

    /// The most that all interest together may come to on `principal`; a share of a cent is not allowed.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the share of the principal cannot be held.
    pub fn total_allowed(&self, principal: Money) -> Result<Option<Money>> {
        let share = match self.total_share {
            Some(points) => {
                Some(principal.mul_ratio(i64::from(points.get()), 10_000, Rounding::Floor)?.max(Money::ZERO))
            }
            None => None,
        };
        Ok(match (share, self.total) {
            (Some(share), Some(total)) => Some(share.min(total)),
            (share, total) => share.or(total),
        })
    }

    /// The part of `interest_to_add` that may still be charged after `interest_so_far`.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when an amount cannot be held.
    pub fn allowed_interest(&self, principal: Money, interest_so_far: Money, interest_to_add: Money) -> Result<Money> {
        let Some(total) = self.total_allowed(principal)? else { return Ok(interest_to_add) };
        Ok(interest_to_add.min(total.checked_sub(interest_so_far)?.max(Money::ZERO)))
    }

    /// Whether an effective annual rate, as found on the actual cash flows, keeps the yearly cap; no cap is always kept.
    ///
    /// A rate within a hundred-millionth of the cap keeps it, since rates are found by approximation.
    #[must_use]
    pub fn allows_rate(&self, effective: f64) -> bool {
        use rust_decimal::prelude::ToPrimitive;
        let cap = self.annual.and_then(|cap| cap.as_fraction().to_f64());
        cap.is_none_or(|cap| effective <= cap + 1e-8)
    }
}
