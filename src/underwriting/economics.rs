//! What a loan costs and earns: why machines that decide for two yuan can lend to a street stall.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::money::Money;
use crate::rate::AnnualRate;

/// What was lent in a period, and what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Book {
    /// Loans paid out.
    pub loans: u64,
    /// Principal paid out, all loans.
    pub principal: Money,
    /// Sum over days of what was owed at the day's end, in minor units.
    pub balance_days_minor: i128,
    /// Interest and fees earned.
    pub income: Money,
    /// Cost of the money lent.
    pub funding_cost: Money,
    /// Operating cost of handling loans, computing included.
    pub operating_cost: Money,
    /// The part of it that is computing and storage.
    pub computing_cost: Money,
    /// Written off, less what was recovered.
    pub loss: Money,
    /// Decisions made.
    pub decisions: u64,
    /// Decisions a person had a hand in.
    pub decisions_by_hand: u64,
}

impl Book {
    /// Adds another shard of the same period.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when a sum cannot be held.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let long = || Error::overflow("sum of books", "at most what 64 bits hold");
        let merged = Self {
            loans: self.loans.checked_add(other.loans).ok_or_else(long)?,
            principal: self.principal.checked_add(other.principal)?,
            balance_days_minor: self.balance_days_minor.checked_add(other.balance_days_minor).ok_or_else(long)?,
            income: self.income.checked_add(other.income)?,
            funding_cost: self.funding_cost.checked_add(other.funding_cost)?,
            operating_cost: self.operating_cost.checked_add(other.operating_cost)?,
            computing_cost: self.computing_cost.checked_add(other.computing_cost)?,
            loss: self.loss.checked_add(other.loss)?,
            decisions: self.decisions.checked_add(other.decisions).ok_or_else(long)?,
            decisions_by_hand: self.decisions_by_hand.checked_add(other.decisions_by_hand).ok_or_else(long)?,
        };
        *self = merged;
        Ok(())
    }
}

/// What a book comes to, by loan and by year. Undefined figures (a share of nothing) are none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnitEconomics {
    /// Mean principal of a loan, minor units.
    pub mean_loan_minor: Option<f64>,
    /// Mean days a unit of money was out.
    pub mean_days: Option<f64>,
    /// Operating cost of a loan, minor units.
    pub cost_per_loan_minor: Option<f64>,
    /// Share of it that is computing.
    pub computing_share: Option<f64>,
    /// Rate a year at which income would just pay operating cost.
    pub break_even_rate: Option<f64>,
    /// The same with funding and losses.
    pub full_break_even_rate: Option<f64>,
    /// Income a year over money out.
    pub yield_rate: Option<f64>,
    /// Loss a year over money out.
    pub loss_rate: Option<f64>,
    /// Income less funding, operating cost and loss, over money out, a year.
    pub margin_rate: Option<f64>,
    /// Decisions without a person.
    pub touchless_share: Option<f64>,
    /// Income less funding, operating cost and loss, minor units.
    pub profit_minor: i128,
}

/// Reckons a book's unit economics over years of 365 days.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::underwriting::{Book, unit_economics};
///
/// // The reported loan: 7,615 yuan for 50 days, at 2.3 yuan by machine and 2,000 by hand.
/// let machine = Book {
///     loans: 1,
///     principal: Money::from_minor(761_500),
///     balance_days_minor: 761_500 * 50,
///     operating_cost: Money::from_minor(230),
///     computing_cost: Money::from_minor(200),
///     ..Book::default()
/// };
/// let by_hand = Book { operating_cost: Money::from_minor(200_000), ..machine };
/// let percent = |book| (unit_economics(book).break_even_rate.unwrap() * 10_000.0).round() / 100.0;
/// assert_eq!(percent(&machine), 0.22);
/// assert_eq!(percent(&by_hand).round(), 192.0);
/// ```
#[must_use]
pub fn unit_economics(book: &Book) -> UnitEconomics {
    let over = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let loans = book.loans as f64;
    let principal = book.principal.to_minor() as f64;
    let balance_days = book.balance_days_minor as f64;
    let yearly = |part: f64| over(part * 365.0, balance_days);
    let minor = |money: Money| money.to_minor() as f64;
    let wide = |money: Money| i128::from(money.to_minor());
    let profit_minor = wide(book.income) - wide(book.funding_cost) - wide(book.operating_cost) - wide(book.loss);
    let full_cost = minor(book.operating_cost) + minor(book.funding_cost) + minor(book.loss);
    UnitEconomics {
        mean_loan_minor: over(principal, loans),
        mean_days: over(balance_days, principal),
        cost_per_loan_minor: over(minor(book.operating_cost), loans),
        computing_share: over(minor(book.computing_cost), minor(book.operating_cost)),
        break_even_rate: yearly(minor(book.operating_cost)),
        full_break_even_rate: yearly(full_cost),
        yield_rate: yearly(minor(book.income)),
        loss_rate: yearly(minor(book.loss)),
        margin_rate: yearly(profit_minor as f64),
        touchless_share: over(
            (book.decisions - book.decisions_by_hand.min(book.decisions)) as f64,
            book.decisions as f64,
        ),
        profit_minor,
    }
}

/// The rate a year at which a loan of `principal` for `days` days just pays `cost`, exactly, to the twelfth decimal.
///
/// # Errors
/// [`Error::is_invalid`] unless principal and days are above zero and the cost is not below; also when the rate is beyond
/// what an [`AnnualRate`] holds.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::underwriting::break_even_rate;
///
/// let rate = break_even_rate(Money::from_minor(200_000), Money::from_minor(761_500), 50)?;
/// assert_eq!(rate.as_percent().round_dp(1).to_string(), "191.7");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn break_even_rate(cost: Money, principal: Money, days: u32) -> Result<AnnualRate> {
    if !principal.is_positive() {
        return Err(Error::invalid("principal", principal.to_minor(), "above zero"));
    }
    if days == 0 {
        return Err(Error::invalid("days", days, "above zero"));
    }
    if cost.is_negative() {
        return Err(Error::invalid("cost", cost.to_minor(), "zero or more"));
    }
    let money_days = principal.to_decimal_minor() * Decimal::from(days);
    AnnualRate::from_fraction((cost.to_decimal_minor() * Decimal::from(365) / money_days).round_dp(12))
}

/// What computing costs, as the machine is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComputePrice {
    /// Price of a core for an hour, major units of the currency.
    pub core_hour: f64,
}

impl Default for ComputePrice {
    /// 0.25 yuan a core-hour, the order of a public cloud's list price.
    fn default() -> Self {
        Self { core_hour: 0.25 }
    }
}

impl ComputePrice {
    /// Cost of a million decisions of `nanoseconds` each on one core, major units.
    ///
    /// ```
    /// use dandelion_credit::underwriting::ComputePrice;
    ///
    /// let yuan = ComputePrice::default().per_million(3_600.0);
    /// assert!((yuan - 0.00025).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn per_million(&self, nanoseconds: f64) -> f64 {
        nanoseconds * 1e6 / 3.6e12 * self.core_hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        Book {
            loans: 4,
            principal: Money::from_minor(4_000_000),
            balance_days_minor: 4_000_000 * 50,
            income: Money::from_minor(100_000),
            funding_cost: Money::from_minor(20_000),
            operating_cost: Money::from_minor(920),
            computing_cost: Money::from_minor(800),
            loss: Money::from_minor(30_000),
            decisions: 10,
            decisions_by_hand: 0,
        }
    }

    #[test]
    fn figures_come_from_balance_days() {
        let figures = unit_economics(&book());
        assert_eq!(figures.mean_days, Some(50.0));
        assert_eq!(figures.cost_per_loan_minor, Some(230.0));
        assert_eq!(figures.touchless_share, Some(1.0));
        assert_eq!(figures.profit_minor, 49_080);
        let yield_rate = figures.yield_rate.unwrap();
        assert!((yield_rate - 100_000.0 * 365.0 / 200_000_000.0).abs() < 1e-12);
        let margin = yield_rate - figures.full_break_even_rate.unwrap();
        assert!((margin - figures.margin_rate.unwrap()).abs() < 1e-12);
        assert_eq!(unit_economics(&Book::default()).yield_rate, None);
    }

    #[test]
    fn shards_add_up() {
        let mut merged = book();
        merged.merge(&book()).unwrap();
        assert_eq!(merged.loans, 8);
        assert_eq!(unit_economics(&merged).yield_rate, unit_economics(&book()).yield_rate);
        let full = Book { income: Money::MAX, ..Book::default() };
        let before = merged;
        assert!(merged.merge(&full).unwrap_err().is_overflow());
        assert_eq!(merged, before, "a failed merge changes nothing");
    }

    #[test]
    fn break_even_refuses_nonsense() {
        let (cost, principal) = (Money::from_minor(230), Money::from_minor(761_500));
        assert_eq!(break_even_rate(cost, principal, 50).unwrap().as_percent().round_dp(4).to_string(), "0.2205");
        assert!(break_even_rate(cost, Money::ZERO, 50).is_err());
        assert!(break_even_rate(cost, principal, 0).is_err());
        assert!(break_even_rate(Money::from_minor(-1), principal, 1).is_err());
        assert!(break_even_rate(Money::MAX, Money::from_minor(1), 1).is_err());
    }
}
