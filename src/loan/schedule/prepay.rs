//! Repaying early: the schedule that is left when extra money comes in, and what it saves.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::build::{Schedule, ScheduleRow};
use super::level::level_instalment;
use super::terms::{InterestBasis, LoanTerms, RepaymentMethod};
use super::{PeriodFactor, dates};
use crate::calendar::{Date, YearFraction, days_between};
use crate::error::{Error, Result};
use crate::money::Money;

/// What extra money shortens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrepaymentEffect {
    /// Instalments stay, the loan ends sooner.
    #[default]
    ReduceTerm,
    /// The term stays, instalments fall.
    ReduceInstalment,
}

/// Extra principal on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepayment {
    /// When; on a due date it comes with the instalment, otherwise by itself.
    pub date: Date,
    /// How much.
    pub amount: Money,
    /// What it shortens.
    #[serde(default)]
    pub effect: PrepaymentEffect,
}

/// The schedule of an equal-instalment or equal-principal loan with these prepayments made.
///
/// A prepayment on a due date joins the row of that instalment; one between due dates is a row of its own, numbered as the
/// instalment that it precedes: all of it is principal, and the interest so far waits for that instalment. Interest of a
/// split period is the sum of its parts, each rounded.
///
/// # Errors
/// As [`build_schedule`](super::build_schedule); [`Error::is_unsupported`] for other methods, for grace, balloons and later
/// disbursements; [`Error::is_invalid`] for a prepayment that is not above zero or comes before the start.
///
/// ```
/// use dandelion_credit::loan::{LoanTerms, Prepayment, PrepaymentEffect, build_schedule, schedule_with_prepayments};
/// use dandelion_credit::Money;
///
/// let terms = LoanTerms::new(Money::from_minor(100_000_00), "12 %".parse()?, "2024-01-01".parse().unwrap(), 12)?;
/// let extra = Prepayment { date: "2024-03-01".parse().unwrap(), amount: Money::from_minor(50_000_00), effect: PrepaymentEffect::ReduceTerm };
/// let (before, after) = (build_schedule(&terms)?, schedule_with_prepayments(&terms, &[extra])?);
/// assert_eq!((before.rows.len(), after.rows.len()), (12, 6));
/// assert!(after.interest < before.interest);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn schedule_with_prepayments(terms: &LoanTerms, prepayments: &[Prepayment]) -> Result<Schedule> {
    terms.check()?;
    let equal_principal = match terms.method {
        RepaymentMethod::EqualInstalment => false,
        RepaymentMethod::EqualPrincipal => true,
        _ => return Err(Error::unsupported("prepayment of this method", format!("{:?}", terms.method))),
    };
    let plain = terms.principal_grace == 0
        && terms.interest_grace == 0
        && terms.balloon == super::Balloon::None
        && terms.later_disbursements.is_empty()
        && terms.fees.is_empty()
        && terms.down_payment.get() == 0;
    if !plain {
        return Err(Error::unsupported("prepayment with", "grace, balloon, fees, down payment or later disbursements"));
    }
    let mut extra = prepayments.to_vec();
    extra.sort_by_key(|prepayment| prepayment.date);
    for prepayment in &extra {
        if !prepayment.amount.is_positive() {
            return Err(Error::invalid("prepayment", prepayment.amount.to_minor(), "above zero"));
        }
        if prepayment.date < terms.start {
            return Err(Error::invalid("prepayment date", prepayment.date, "not before the start"));
        }
    }
    let spans = dates::spans(terms, terms.instalments)?;
    let mut factors = Vec::with_capacity(spans.len());
    for span in &spans {
        factors.push(dates::factor(terms, *span, span.start)?);
    }
    let rounding = terms.rounding;
    let level_from = |balance: i64, index: usize| -> Result<i64> {
        let balance = Money::from_minor(balance);
        if equal_principal {
            let left = (spans.len() - index) as i64;
            let part = balance.to_decimal_minor() / Decimal::from(left);
            return Ok(super::level::round_to_multiple(part, rounding.instalment, rounding.multiple_of)?.to_minor());
        }
        let factors = level_factors(terms, &factors[index..])?;
        Ok(level_instalment(balance, &factors, rounding.instalment, rounding.multiple_of)?.to_minor())
    };
    let first_level = match terms.agreed_instalment {
        Some(agreed) => agreed.to_minor(),
        None => level_from(terms.principal.to_minor(), 0)?,
    };
    let (mut level, mut balance) = (first_level, terms.principal.to_minor());
    let mut rows: Vec<ScheduleRow> = Vec::with_capacity(spans.len() + extra.len());
    let mut next = 0;
    for (index, span) in spans.iter().enumerate() {
        let number = index as u32 + 1;
        let (mut from, mut split, mut waiting) = (span.start, false, 0i64);
        // Extra money inside the period.
        while balance > 0 && next < extra.len() && extra[next].date < span.end {
            let prepayment = extra[next];
            next += 1;
            // All of it is principal; the interest so far, rounded, waits for the instalment.
            waiting += accrued(terms, *span, from, prepayment.date)?.interest(balance, rounding.interest)?;
            let principal = prepayment.amount.to_minor().min(balance);
            // Money that would close the loan pays what waits besides, so that nothing is left over.
            let closing = if principal == balance { std::mem::take(&mut waiting) } else { 0 };
            balance -= principal;
            rows.push(row(number, from, prepayment.date, principal, closing, balance)?);
            (from, split) = (prepayment.date, true);
            if prepayment.effect == PrepaymentEffect::ReduceInstalment && balance > 0 {
                level = level_from(balance, index)?;
            }
        }
        if balance == 0 {
            break;
        }
        let share = if split { accrued(terms, *span, from, span.end)? } else { factors[index] };
        let interest = share.interest(balance, rounding.interest)?.saturating_add(waiting);
        let last = index + 1 == spans.len();
        let due = if equal_principal { level } else { (level - interest).max(0) };
        let mut principal = if last { balance } else { due.min(balance) };
        let mut effect = None;
        while next < extra.len() && extra[next].date <= span.end {
            principal = principal.saturating_add(extra[next].amount.to_minor()).min(balance);
            effect = Some(extra[next].effect);
            next += 1;
        }
        balance -= principal;
        rows.push(row(number, from, span.due, principal, interest, balance)?);
        if balance == 0 {
            break;
        }
        if effect == Some(PrepaymentEffect::ReduceInstalment) && index + 1 < spans.len() {
            level = level_from(balance, index + 1)?;
        }
    }
    let sum = |part: fn(&ScheduleRow) -> Money| Money::checked_sum(rows.iter().map(part));
    Ok(Schedule {
        level_instalment: (!equal_principal).then(|| Money::from_minor(first_level)),
        net_disbursed: terms.principal,
        principal: sum(|row| row.principal)?,
        interest: sum(|row| row.interest)?,
        fees: Money::ZERO,
        rows,
    })
}

fn row(number: u32, start: Date, due: Date, principal: i64, interest: i64, balance: i64) -> Result<ScheduleRow> {
    let (principal, interest) = (Money::from_minor(principal), Money::from_minor(interest));
    let total = principal.checked_add(interest)?;
    let (days, fees, balance) = (days_between(start, due), Money::ZERO, Money::from_minor(balance));
    Ok(ScheduleRow { number, start, due, days, principal, interest, fees, total, balance })
}

/// The level instalment is reckoned as if all periods were equal when the contract says so, whatever their days.
pub(super) fn level_factors(terms: &LoanTerms, factors: &[PeriodFactor]) -> Result<Vec<PeriodFactor>> {
    match (terms.equal_level_periods, terms.period.whole_months()) {
        (true, Some(months)) => {
            let time = YearFraction::new(months.into(), 12)?;
            Ok(vec![PeriodFactor::new(terms.rate, time)?; factors.len()])
        }
        _ => Ok(factors.to_vec()),
    }
}

/// What a balance earns between two dates of a period.
fn accrued(terms: &LoanTerms, span: dates::Span, from: Date, to: Date) -> Result<PeriodFactor> {
    match terms.basis {
        InterestBasis::Days(convention) => {
            let free = i64::from(terms.interest_free_days);
            if free > 0 {
                return Err(Error::unsupported("prepayment with", "interest-free days"));
            }
            PeriodFactor::new(terms.rate, convention.fraction(from, to)?)
        }
        InterestBasis::EqualPeriods { .. } => {
            let (whole, rest) = (dates::factor(terms, span, from)?, dates::factor(terms, span, to)?);
            whole.minus(rest)
        }
    }
}
