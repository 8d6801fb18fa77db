//! What is agreed for one drawdown, frozen on the day the money goes out.

use jiff::Span;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::accrual::{Accrual, AccrualBasis, InterestRate, whole};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::money::{Money, Rounding};
use crate::rate::{BasisPoints, DailyRate};

/// The distance between instalments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// So many days.
    Days(u32),
    /// So many months, counted from the first day, the last day of shorter months standing in.
    Months(u32),
}

impl Every {
    /// The date `times` steps after `start`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] past the year 9999.
    pub fn after(self, start: Date, times: u32) -> Result<Date> {
        let steps = |each: u32| i64::from(each).checked_mul(i64::from(times));
        let span = match self {
            Self::Days(days) => steps(days).and_then(|days| Span::new().try_days(days).ok()),
            Self::Months(months) => steps(months).and_then(|months| Span::new().try_months(months).ok()),
        };
        span.and_then(|span| start.checked_add(span).ok())
            .ok_or_else(|| Error::invalid("due date", format!("{start} plus {times} periods"), "before the year 10000"))
    }
}

/// The form of a drawdown in instalments. Interest is whatever the days have earned; the form says how the principal
/// comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanForm {
    /// Instalments of equal size as planned, the last one smaller or larger by what rounding left.
    EqualInstalment,
    /// Equal parts of principal, the last one takes what is left.
    EqualPrincipal,
    /// All principal with the last instalment.
    InterestOnly,
}

/// One agreed repayment of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlannedPrincipal {
    /// The day it falls due.
    pub due_on: Date,
    /// How much of the principal falls due.
    pub principal_minor: Money,
}

/// How the principal of a drawdown comes back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepaymentPlan {
    /// In one sum after so many days, or on any earlier day.
    Bullet {
        /// Days from disbursement to maturity.
        term_days: u32,
    },
    /// In instalments.
    Instalments {
        /// How many, 1 to 1,200.
        count: u32,
        /// How far apart.
        every: Every,
        /// How the principal is spread.
        form: PlanForm,
    },
    /// As agreed one by one: dates rising, parts adding up to the principal.
    Custom(Vec<PlannedPrincipal>),
}

/// What early repayment costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrepaymentFee {
    /// Nothing, the usual case of borrow and repay on any day.
    #[default]
    None,
    /// A share of the principal repaid early, once the cooling-off days are over.
    ShareOfPrincipal {
        /// The share.
        share: BasisPoints,
        /// Days from disbursement in which leaving is free (India asks for at least one).
        cooling_off_days: u32,
    },
    /// Interest for at least so many days.
    MinimumDays(u32),
    /// A share of the interest that the rest of the term would have earned on the principal repaid early.
    ShareOfRemainingInterest(BasisPoints),
}

/// The terms of one drawdown. They are frozen: a later change of the line's policy does not reach it.
///
/// ```
/// use dandelion_credit::loan::{DrawdownTerms, RepaymentPlan};
///
/// let terms = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 50)?;
/// assert_eq!(terms.repayment, RepaymentPlan::Bullet { term_days: 50 });
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawdownTerms {
    /// The contract rate.
    pub rate: InterestRate,
    /// How days become parts of a year; of no weight for a daily rate.
    #[serde(default)]
    pub basis: AccrualBasis,
    /// How the principal comes back.
    pub repayment: RepaymentPlan,
    /// Days from disbursement without interest, 0 to 36,525.
    #[serde(default)]
    pub interest_free_days: u32,
    /// A fee that falls due with the disbursement.
    #[serde(default)]
    pub upfront_fee_minor: Money,
    /// What early repayment costs.
    #[serde(default)]
    pub prepayment_fee: PrepaymentFee,
}

impl DrawdownTerms {
    /// Borrow now, pay back on any day within `term_days`, interest at `rate` (a fraction) for each day.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a rate outside −1 to 100.
    pub fn bullet_daily(rate: Decimal, term_days: u32) -> Result<Self> {
        Ok(Self {
            rate: InterestRate::Daily(DailyRate::from_fraction(rate)?),
            basis: AccrualBasis::Actual360,
            repayment: RepaymentPlan::Bullet { term_days },
            interest_free_days: 0,
            upfront_fee_minor: Money::ZERO,
            prepayment_fee: PrepaymentFee::None,
        })
    }

    /// Checks the terms and lays out the principal: due dates rising, parts adding up to `principal`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] naming the rule that a term breaks.
    pub fn plan(&self, disbursed_on: Date, principal: Money, rounding: Rounding) -> Result<Vec<PlannedPrincipal>> {
        if principal <= Money::ZERO {
            return Err(Error::invalid("principal", principal.to_minor(), "above zero minor units"));
        }
        if self.upfront_fee_minor.is_negative() {
            return Err(Error::invalid("upfront fee", self.upfront_fee_minor.to_minor(), "not below zero"));
        }
        if self.interest_free_days > TERM_DAYS_MAX {
            return Err(Error::invalid("interest_free_days", self.interest_free_days, "at most 36525 days"));
        }
        let accrual = Accrual::new(self.rate, self.basis)?;
        plan_principal(&self.repayment, &accrual, disbursed_on, principal, rounding)
    }
}

/// Most instalments of one drawdown: a hundred years of months.
const INSTALMENTS_MAX: u32 = 1_200;

/// Days a bullet may run, and days without interest: a hundred years.
const TERM_DAYS_MAX: u32 = 36_525;

pub(super) fn plan_principal(
    repayment: &RepaymentPlan,
    accrual: &Accrual,
    start: Date,
    principal: Money,
    rounding: Rounding,
) -> Result<Vec<PlannedPrincipal>> {
    match *repayment {
        RepaymentPlan::Bullet { term_days } => {
            if term_days == 0 || term_days > TERM_DAYS_MAX {
                return Err(Error::invalid("term_days", term_days, "1 to 36525 days"));
            }
            let due_on = Every::Days(term_days).after(start, 1)?;
            Ok(vec![PlannedPrincipal { due_on, principal_minor: principal }])
        }
        RepaymentPlan::Instalments { count, every, form } => {
            if count == 0 || count > INSTALMENTS_MAX {
                return Err(Error::invalid("instalments", count, "1 to 1200"));
            }
            if matches!(every, Every::Days(0) | Every::Months(0)) {
                return Err(Error::invalid("period", 0, "at least one day or month"));
            }
            let dates: Vec<Date> = (1..=count).map(|nth| every.after(start, nth)).collect::<Result<_>>()?;
            spread(form, None, accrual, start, &dates, principal, rounding)
        }
        RepaymentPlan::Custom(ref parts) => {
            let sum = Money::checked_sum(parts.iter().map(|part| part.principal_minor))?;
            if sum != principal {
                return Err(Error::invalid(
                    "custom plan",
                    sum.to_minor(),
                    format!("parts that add up to {}", principal.to_minor()),
                ));
            }
            let rising = parts.windows(2).all(|pair| pair[0].due_on < pair[1].due_on);
            if !rising || parts.first().is_none_or(|part| part.due_on <= start) {
                return Err(Error::invalid("custom plan", start, "due dates that rise and lie after the start"));
            }
            if parts.iter().any(|part| part.principal_minor.is_negative()) {
                return Err(Error::invalid("custom plan", "a part below zero", "parts not below zero"));
            }
            Ok(parts.clone())
        }
    }
}

/// Spreads `principal` over `dates`. With a `level`, instalments stay that size and the last dates may get nothing.
pub(super) fn spread(
    form: PlanForm,
    level: Option<Money>,
    accrual: &Accrual,
    start: Date,
    dates: &[Date],
    principal: Money,
    rounding: Rounding,
) -> Result<Vec<PlannedPrincipal>> {
    let count = dates.len() as i64;
    let part = |due_on: Date, minor: i64| PlannedPrincipal { due_on, principal_minor: Money::from_minor(minor) };
    let total = principal.to_minor();
    Ok(match form {
        PlanForm::InterestOnly => dates
            .iter()
            .enumerate()
            .map(|(nth, &due)| part(due, if nth as i64 == count - 1 { total } else { 0 }))
            .collect(),
        PlanForm::EqualPrincipal => {
            let each = total / count;
            let last = total - each * (count - 1);
            dates
                .iter()
                .enumerate()
                .map(|(nth, &due)| part(due, if nth as i64 == count - 1 { last } else { each }))
                .collect()
        }
        PlanForm::EqualInstalment => {
            let steps = interest_steps(accrual, start, dates);
            let level = match level {
                Some(level) => level.to_minor(),
                None => level_minor(&steps, accrual, total, rounding)?,
            };
            let mut left = total;
            let mut plan = Vec::with_capacity(dates.len());
            for (nth, (&due, &units)) in dates.iter().zip(&steps).enumerate() {
                let interest = whole(accrual.numerator(left, units)?, accrual.denominator(), rounding)?;
                let is_last = nth as i64 == count - 1;
                let principal = if is_last { left } else { level.saturating_sub(interest).clamp(0, left) };
                plan.push(part(due, principal));
                left -= principal;
            }
            plan
        }
    })
}

fn interest_steps(accrual: &Accrual, start: Date, dates: &[Date]) -> Vec<i64> {
    let mut from = start;
    dates
        .iter()
        .map(|&to| {
            let units = accrual.units(from, to);
            from = to;
            units
        })
        .collect()
}

/// The smallest level instalment that leaves nothing after the last one: bisection on the exact recursion.
pub(super) fn level_minor(steps: &[i64], accrual: &Accrual, total: i64, rounding: Rounding) -> Result<i64> {
    let denominator = accrual.denominator();
    let pays_off = |level: i64| -> Result<bool> {
        let mut left = total;
        for &units in steps {
            let interest = whole(accrual.numerator(left, units)?, denominator, rounding)?;
            // An instalment below the interest never pays off, and the balance need not be followed further.
            if interest >= level && left > 0 {
                return Ok(false);
            }
            left = left.saturating_add(interest).saturating_sub(level).max(0);
        }
        Ok(left == 0)
    };
    let first = whole(accrual.numerator(total, steps.iter().sum())?, denominator, rounding)?;
    let (mut low, mut high) = (0, total.checked_add(first).ok_or_else(super::accrual::overflow)?);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if pays_off(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::AnnualRate;

    fn terms(rate: &str, repayment: RepaymentPlan) -> DrawdownTerms {
        DrawdownTerms {
            rate: InterestRate::Annual(rate.parse::<AnnualRate>().unwrap()),
            basis: AccrualBasis::Thirty360,
            repayment,
            interest_free_days: 0,
            upfront_fee_minor: Money::ZERO,
            prepayment_fee: PrepaymentFee::None,
        }
    }

    #[test]
    fn an_equal_instalment_plan_is_the_textbook_annuity() {
        let plan = RepaymentPlan::Instalments { count: 360, every: Every::Months(1), form: PlanForm::EqualInstalment };
        let terms = terms("4.5 %", plan);
        let start = "2025-01-01".parse().unwrap();
        let parts = terms.plan(start, Money::from_minor(100_000_000), Rounding::HalfUp).unwrap();
        // First interest 3,750.00, level instalment 5,066.85 or .86 when it must leave nothing over.
        assert_eq!(parts[0].principal_minor.to_minor(), 506_686 - 375_000);
        let sum: i64 = parts.iter().map(|part| part.principal_minor.to_minor()).sum();
        assert_eq!((parts.len(), sum), (360, 100_000_000));
    }

    #[test]
    fn terms_that_make_no_loan_are_refused_by_name() {
        let start: Date = "2025-01-31".parse().unwrap();
        let refuse = |repayment: RepaymentPlan, minor: i64| {
            terms("10 %", repayment).plan(start, Money::from_minor(minor), Rounding::HalfEven).unwrap_err()
        };
        assert!(refuse(RepaymentPlan::Bullet { term_days: 0 }, 100).is_invalid());
        assert!(refuse(RepaymentPlan::Bullet { term_days: 30 }, 0).is_invalid());
        assert!(refuse(RepaymentPlan::Bullet { term_days: 30 }, -5).is_invalid());
        assert!(refuse(RepaymentPlan::Custom(Vec::new()), 100).is_invalid());
        let many =
            |count| RepaymentPlan::Instalments { count, every: Every::Months(1), form: PlanForm::EqualPrincipal };
        assert!(refuse(many(1_201), 100).is_invalid());
        let parts = terms("1000000 %", many(600)).plan(start, Money::from_minor(100_000), Rounding::HalfEven).unwrap();
        assert_eq!(parts.len(), 600);
        assert_eq!(parts[0].due_on.to_string(), "2025-02-28");
        assert_eq!(parts[1].due_on.to_string(), "2025-03-31");
    }
}
