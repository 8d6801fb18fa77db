//! Payment plans with interest by the day: payments on agreed days, interest on what is outstanding, caps on what it may
//! come to.
//!
//! Where [`build_schedule`](super::build_schedule) thinks in periods, a plan thinks in days: interest is balance × daily
//! rate × days, kept exact and rounded only when a payment is split. Consumer credit with daily and total cost caps is
//! written this way. Two methods: actuarial, interest as it accrues; and add-on, the interest of the whole plan put on top
//! at the start and paid first, which makes the principal fall later and so the interest higher, until both agree.

mod amortise;
mod balances;
mod servicing;

pub use amortise::{AmortisationRow, BalanceStatus, PaymentStatus, PlanAmortisation, amortise_plan, settle_plan};
pub use balances::Split;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use servicing::*;

use crate::error::{Error, Result};
use crate::loan::{CostCap, ResidualRule};
use crate::money::{Money, Rounding};
use crate::rate::{AnnualRate, DailyRate};

/// A rate quoted by the day or by the year of 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanRate {
    /// A day.
    Daily(DailyRate),
    /// A year; a day earns a 365th.
    Yearly(AnnualRate),
}

impl PlanRate {
    /// No interest.
    pub const ZERO: Self = Self::Yearly(AnnualRate::ZERO);

    /// Interest on `balance_minor` over `days`, in minor units: multiplied first, divided last.
    pub(crate) fn interest(self, balance_minor: i64, days: i64) -> Result<Decimal> {
        let times = Decimal::from(balance_minor).checked_mul(Decimal::from(days));
        let (rate, year) = match self {
            Self::Daily(rate) => (rate.as_fraction(), Decimal::ONE),
            Self::Yearly(rate) => (rate.as_fraction(), Decimal::from(365)),
        };
        let product = times.and_then(|times| times.checked_mul(rate)).ok_or_else(overflow)?;
        Ok(product / year)
    }
}

/// Which interest a plan charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanMethod {
    /// As it accrues on the principal outstanding.
    #[default]
    Actuarial,
    /// All of it fixed at the start and paid first.
    AddOn,
}

/// The terms of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTerms {
    /// What the borrower receives.
    pub principal: Money,
    /// A fee added to it.
    #[serde(default)]
    pub financed_fee: Money,
    /// The rate.
    pub rate: PlanRate,
    /// The days of payments, counted from the start, rising.
    pub payment_days: Vec<i32>,
    /// The payments, one a day of payment, when they are agreed rather than reckoned.
    #[serde(default)]
    pub agreed_payments: Option<Vec<Money>>,
    /// The method.
    #[serde(default)]
    pub method: PlanMethod,
    /// Caps on the interest, total and daily.
    #[serde(default)]
    pub cap: CostCap,
    /// How the level payment is rounded.
    pub payment_rounding: Rounding,
    /// How interest is rounded when a payment is split.
    pub interest_rounding: Rounding,
    /// On which side of the level payment the last one may lie.
    #[serde(default)]
    pub residual: ResidualRule,
}

/// A payment of a plan and what it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanRow {
    /// Days after the start.
    pub day: i32,
    /// The payment.
    pub payment: Money,
    /// Interest accrued since the row before, exact, in minor units.
    pub accrued_minor: Decimal,
    /// The part of the payment that is interest.
    pub interest: Money,
    /// The part that is principal (and fee).
    pub principal: Money,
    /// Interest put on top that is not paid yet.
    pub interest_balance: Money,
    /// Principal (and fee) outstanding.
    pub balance: Money,
    /// Interest accrued since the start, exact, in minor units.
    pub total_accrued_minor: Decimal,
    /// Interest paid since the start.
    pub total_interest: Money,
    /// Principal (and fee) paid since the start.
    pub total_principal: Money,
}

/// A plan: the row of the start, then one a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentPlan {
    /// The rows.
    pub rows: Vec<PlanRow>,
    /// The payment most rows have.
    pub level_payment: Money,
    /// The last payment.
    pub final_payment: Money,
    /// All interest.
    pub interest: Money,
    /// All principal, a financed fee included.
    pub principal: Money,
}

fn overflow() -> Error {
    Error::overflow("payment plan", "at most 9,223,372,036,854,775,807 minor units")
}

const MAX_PAYMENTS: usize = 10_000;
const MAX_ROUNDS: usize = 100;

/// Reckons a plan.
///
/// # Errors
/// [`Error::is_invalid`] for no payments, days that do not rise or more than 10,000 of them, agreed payments that do not
/// match the days, a principal that is not above zero, or when no level payment repays the principal;
/// [`Error::is_overflow`] when an amount cannot be held.
///
/// ```
/// use dandelion_credit::loan::{CostCap, PlanMethod, PlanRate, PlanTerms, ResidualRule, payment_plan};
/// use dandelion_credit::{Money, Rounding};
///
/// let terms = PlanTerms {
///     principal: Money::from_minor(31_726),
///     financed_fee: Money::ZERO,
///     rate: PlanRate::Daily("0.00798".parse()?),
///     payment_days: vec![3, 33, 64, 94],
///     agreed_payments: None,
///     method: PlanMethod::Actuarial,
///     cap: CostCap::default(),
///     payment_rounding: Rounding::Up,
///     interest_rounding: Rounding::Down,
///     residual: ResidualRule::LowerLast,
/// };
/// let plan = payment_plan(&terms)?;
/// assert_eq!((plan.level_payment.to_minor(), plan.interest.to_minor()), (10_917, 11_942));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn payment_plan(terms: &PlanTerms) -> Result<PaymentPlan> {
    terms.check()?;
    let owed = terms.principal.checked_add(terms.financed_fee)?;
    let last_day = i64::from(terms.payment_days.last().copied().unwrap_or_default());
    let opening_interest = match terms.method {
        PlanMethod::Actuarial => Money::ZERO,
        PlanMethod::AddOn => {
            let whole =
                terms.capped_total(Decimal::ZERO, terms.rate.interest(terms.principal.to_minor(), last_day)?)?;
            Money::from_decimal_minor(whole, terms.interest_rounding)?
        }
    };
    let opening = PlanRow { balance: owed, interest_balance: opening_interest, ..PlanRow::default() };
    let mut rows = match &terms.agreed_payments {
        Some(payments) => terms.rows(opening, terms.method, |index| payments[index])?,
        None => {
            let level = terms.solve_level(opening)?;
            terms.rows(opening, terms.method, |_| level)?
        }
    };
    if terms.method == PlanMethod::AddOn {
        rows = terms.settle_add_on(opening, rows)?;
    }
    if terms.agreed_payments.is_none()
        && let Some(last) = rows.last_mut()
    {
        last.payment = last.payment.checked_add(last.balance)?;
        last.principal = last.principal.checked_add(last.balance)?;
        last.total_principal = last.total_principal.checked_add(last.balance)?;
        last.balance = Money::ZERO;
    }
    let paid = &rows[1..];
    let mut counted: Vec<(Money, usize)> = Vec::new();
    for row in paid {
        match counted.iter().position(|(payment, _)| *payment == row.payment) {
            Some(known) => counted[known].1 += 1,
            // A plan whose payments differ this much has no level one; the first ones stand for it.
            None if counted.len() < 64 => counted.push((row.payment, 1)),
            None => {}
        }
    }
    let most = counted.iter().map(|&(_, times)| times).max().unwrap_or(0);
    let level_payment = counted.iter().find(|&&(_, times)| times == most).map_or(Money::ZERO, |&(payment, _)| payment);
    let interest = Money::checked_sum(paid.iter().map(|row| row.interest))?;
    let principal = Money::checked_sum(paid.iter().map(|row| row.principal))?;
    let final_payment = paid.last().map_or(Money::ZERO, |row| row.payment);
    Ok(PaymentPlan { level_payment, final_payment, interest, principal, rows })
}

impl PlanTerms {
    fn check(&self) -> Result<()> {
        if !self.principal.is_positive() || self.financed_fee.is_negative() {
            return Err(Error::invalid("principal", self.principal.to_minor(), "above zero, with no fee below zero"));
        }
        let days = &self.payment_days;
        if days.is_empty() || days.len() > MAX_PAYMENTS {
            return Err(Error::invalid("payments", days.len(), "1 to 10,000"));
        }
        if days[0] < 0 || !days.is_sorted_by(|a, b| a < b) {
            return Err(Error::invalid("payment days", format!("{days:?}"), "not before the start, rising"));
        }
        if self.agreed_payments.as_ref().is_some_and(|payments| payments.len() != days.len()) {
            return Err(Error::invalid("agreed payments", days.len(), "one a day of payment"));
        }
        Ok(())
    }

    /// Interest over some days, no more a day than the cap allows.
    pub(crate) fn accrued(&self, balance: Money, days: i64, rate: PlanRate) -> Result<Decimal> {
        let mut interest = rate.interest(balance.to_minor(), days)?;
        if let Some(share) = self.cap.daily_share {
            let most = balance.to_decimal_minor() * share.as_fraction() * Decimal::from(days);
            interest = interest.min(most.max(Decimal::ZERO));
        }
        if let Some(amount) = self.cap.daily {
            interest = interest.min(amount.to_decimal_minor() * Decimal::from(days));
        }
        Ok(interest)
    }

    /// The part of some interest that the total cap still allows.
    pub(crate) fn capped_total(&self, so_far: Decimal, interest: Decimal) -> Result<Decimal> {
        Ok(match self.cap.total_allowed(self.principal)? {
            Some(total) => interest.min(total.to_decimal_minor() - so_far),
            None => interest,
        })
    }

    fn next_row(&self, before: &PlanRow, method: PlanMethod, day: i32, payment: Money) -> Result<PlanRow> {
        let days = i64::from(day - before.day);
        let raw = self.accrued(before.balance, days, self.rate)?;
        let accrued_minor = self.capped_total(before.total_accrued_minor, raw)?;
        let share = match method {
            PlanMethod::Actuarial => raw,
            PlanMethod::AddOn => payment.min(before.interest_balance).to_decimal_minor(),
        };
        let capped = self.capped_total(before.total_interest.to_decimal_minor(), share)?;
        let interest = Money::from_decimal_minor(capped, self.interest_rounding)?;
        let principal = payment.checked_sub(interest)?;
        let interest_balance = match method {
            PlanMethod::Actuarial => Money::ZERO,
            PlanMethod::AddOn => before.interest_balance.checked_sub(interest)?,
        };
        Ok(PlanRow {
            day,
            payment,
            accrued_minor,
            interest,
            principal,
            interest_balance,
            balance: before.balance.checked_sub(principal)?,
            total_accrued_minor: before.total_accrued_minor + accrued_minor,
            total_interest: before.total_interest.checked_add(interest)?,
            total_principal: before.total_principal.checked_add(principal)?,
        })
    }

    fn rows(&self, opening: PlanRow, method: PlanMethod, payment: impl Fn(usize) -> Money) -> Result<Vec<PlanRow>> {
        let mut rows = Vec::with_capacity(self.payment_days.len() + 1);
        rows.push(opening);
        let mut row = opening;
        for (index, &day) in self.payment_days.iter().enumerate() {
            row = self.next_row(&row, method, day, payment(index))?;
            rows.push(row);
        }
        Ok(rows)
    }

    fn final_balance(&self, opening: PlanRow, level: i64) -> Result<i64> {
        let level = Money::from_minor(level);
        let mut row = opening;
        for &day in &self.payment_days {
            row = self.next_row(&row, self.method, day, level)?;
        }
        Ok(row.balance.to_minor())
    }

    /// The level payment by halving: the balance left at the end falls as the payment rises.
    fn solve_level(&self, opening: PlanRow) -> Result<Money> {
        let (mut low, mut high) = (0i64, opening.balance.to_minor().max(1));
        while self.final_balance(opening, high)? > 0 {
            low = high;
            high = high.checked_mul(2).ok_or_else(overflow)?;
        }
        // The smallest payment that leaves nothing.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.final_balance(opening, middle)? > 0 { low = middle } else { high = middle }
        }
        let (over, under) = (self.final_balance(opening, high)?, self.final_balance(opening, high - 1)?);
        let chosen = match self.residual {
            ResidualRule::LowerLast | ResidualRule::Last => high,
            ResidualRule::HigherLast => {
                if over == 0 {
                    high
                } else {
                    high - 1
                }
            }
            ResidualRule::SimilarLast | ResidualRule::LastAfterLevelling => {
                if over.abs() <= under.abs() {
                    high
                } else {
                    high - 1
                }
            }
        };
        Ok(Money::from_minor(chosen))
    }

    /// Add-on interest feeds on itself: interest on top slows the principal down, which accrues more interest. Repeated until
    /// what was put on top is what accrues.
    fn settle_add_on(&self, opening: PlanRow, first: Vec<PlanRow>) -> Result<Vec<PlanRow>> {
        let accrued = |rows: &[PlanRow]| rows.last().map_or(Decimal::ZERO, |row| row.total_accrued_minor);
        let mut on_top = accrued(&first);
        let count = self.payment_days.len() as i64;
        let mut rows = first;
        for _ in 0..=MAX_ROUNDS {
            let interest_balance = Money::from_decimal_minor(on_top, self.interest_rounding)?;
            let opening = PlanRow { interest_balance, ..opening };
            let level = (opening.balance.to_decimal_minor() + on_top) / Decimal::from(count);
            let level = Money::from_decimal_minor(level, self.payment_rounding)?;
            rows = match &self.agreed_payments {
                Some(payments) => self.rows(opening, PlanMethod::AddOn, |index| payments[index])?,
                None => self.rows(opening, PlanMethod::AddOn, |_| level)?,
            };
            let found = self.capped_total(Decimal::ZERO, accrued(&rows).max(Decimal::ZERO))?;
            // Rounded towards less and more, not towards nought, so that a shortfall is seen.
            let rounding = match self.interest_rounding {
                Rounding::Down => Rounding::Floor,
                Rounding::Up => Rounding::Ceiling,
                other => other,
            };
            let difference = Money::from_decimal_minor(on_top - found, rounding)?;
            let left = rows.last().map_or(0, |row| row.balance.to_minor());
            let within = match self.residual {
                ResidualRule::LowerLast | ResidualRule::Last => (-count..=0).contains(&left),
                ResidualRule::SimilarLast | ResidualRule::LastAfterLevelling => (-count..=count).contains(&left),
                ResidualRule::HigherLast => (0..=count).contains(&left),
            };
            if difference.is_zero() && within {
                break;
            }
            on_top = found;
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::BasisPoints;

    fn terms(method: PlanMethod) -> PlanTerms {
        PlanTerms {
            principal: Money::from_minor(31_726),
            financed_fee: Money::ZERO,
            rate: PlanRate::Daily(DailyRate::from_fraction(Decimal::new(798, 5)).unwrap()),
            payment_days: vec![3, 33, 64, 94],
            agreed_payments: None,
            method,
            cap: CostCap::default(),
            payment_rounding: Rounding::Up,
            interest_rounding: Rounding::Down,
            residual: ResidualRule::LowerLast,
        }
    }

    #[test]
    fn add_on_interest_is_what_accrues_while_it_is_paid_first() {
        let plan = payment_plan(&terms(PlanMethod::AddOn)).unwrap();
        assert_eq!((plan.level_payment.to_minor(), plan.final_payment.to_minor()), (12_273, 12_272));
        assert_eq!(plan.interest.to_minor(), 17_365);
        assert_eq!(plan.rows[1].principal, Money::ZERO);
    }

    #[test]
    fn a_total_cap_binds() {
        let cap = CostCap { total_share: Some(BasisPoints::new(1_000)), ..CostCap::default() };
        let plan = payment_plan(&PlanTerms { cap, ..terms(PlanMethod::Actuarial) }).unwrap();
        assert!(plan.interest.to_minor() <= 3_172);
        assert_eq!(plan.principal.to_minor(), 31_726);
    }

    #[test]
    fn plans_that_contradict_themselves_are_refused() {
        for days in [vec![], vec![5, 5], vec![-1, 4]] {
            let bad = PlanTerms { payment_days: days, ..terms(PlanMethod::Actuarial) };
            assert!(payment_plan(&bad).unwrap_err().is_invalid());
        }
        let none = PlanTerms { principal: Money::ZERO, ..terms(PlanMethod::Actuarial) };
        assert!(payment_plan(&none).unwrap_err().is_invalid());
    }
}
