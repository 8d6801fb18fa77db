//! What closes a loan kept by its schedule on any day.

use serde::{Deserialize, Serialize};

use super::build::Schedule;
use super::dates::{self, Span};
use super::terms::{LoanTerms, RepaymentMethod};
use crate::calendar::{Date, days_after};
use crate::error::{Error, Result};
use crate::money::Money;
use crate::rate::BasisPoints;

/// What closes a loan on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementFigure {
    /// The day.
    pub on: Date,
    /// Principal outstanding.
    pub principal: Money,
    /// Interest since the last due date (or since the start).
    pub interest: Money,
    /// The fee for leaving early.
    pub fee: Money,
    /// All of it.
    pub total: Money,
    /// Interest of the schedule that is never paid because the loan ends now.
    pub interest_saved: Money,
}

/// The figures that close a loan on `first` and each of the `days` days after it, when every instalment due by then has
/// been paid; the fee is a share of the principal repaid early.
///
/// # Errors
/// [`Error::is_invalid`] for a day before the start or after the last due date, more than 3,660 days, or a negative fee;
/// [`Error::is_unsupported`] for flat interest and later disbursements, whose early end is a matter of rebates and events.
///
/// ```
/// use dandelion_credit::loan::{LoanTerms, build_schedule, settlement_figures};
/// use dandelion_credit::{BasisPoints, Money};
///
/// let terms = LoanTerms::new(Money::from_minor(1_000_000), "12 %".parse()?, "2024-01-01".parse().unwrap(), 12)?;
/// let schedule = build_schedule(&terms)?;
/// let figures = settlement_figures(&terms, &schedule, "2024-02-01".parse().unwrap(), 1, BasisPoints::new(100))?;
/// assert_eq!(figures[0].total.to_minor(), 921_151 + 9_212); // the balance after the first instalment, and 1 %
/// assert_eq!(figures[1].interest.to_minor(), 318); // one day of 29 of a month's 1 %
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn settlement_figures(
    terms: &LoanTerms,
    schedule: &Schedule,
    first: Date,
    days: u32,
    fee_share: BasisPoints,
) -> Result<Vec<SettlementFigure>> {
    if days > 3_660 {
        return Err(Error::invalid("days", days, "at most 3,660"));
    }
    if fee_share.get() < 0 {
        return Err(Error::invalid("fee for leaving early", fee_share.get(), "not below zero"));
    }
    if terms.method == RepaymentMethod::Flat || !terms.later_disbursements.is_empty() {
        return Err(Error::unsupported("early end of", "flat interest or later disbursements"));
    }
    let spans = dates::spans(terms, terms.instalments)?;
    let last_due = schedule.rows.last().map_or(terms.start, |row| row.due);
    let mut figures = Vec::with_capacity(days as usize + 1);
    for day in 0..=days {
        let on = days_after(first, day.into()).ok_or_else(|| Error::invalid("day", first, "before the year 10000"))?;
        if on < terms.start || on > last_due {
            let rule = format!("from {} to {last_due}", terms.start);
            return Err(Error::invalid("day of settlement", on, rule));
        }
        figures.push(figure(terms, schedule, &spans, on, fee_share)?);
    }
    Ok(figures)
}

fn figure(
    terms: &LoanTerms,
    schedule: &Schedule,
    spans: &[Span],
    on: Date,
    fee_share: BasisPoints,
) -> Result<SettlementFigure> {
    let rounding = terms.rounding;
    let paid = schedule.rows.iter().rev().find(|row| row.due <= on);
    let principal = match paid {
        Some(row) => row.balance,
        None => schedule.principal,
    };
    // Interest has been paid to the end of the last span that is due; a bullet loan's runs from the start.
    let whole = match terms.method {
        RepaymentMethod::Bullet => spans.last().map(|last| Span { start: terms.start, ..*last }),
        _ => spans.iter().find(|span| span.due > on).copied(),
    };
    let mut interest = Money::ZERO;
    if let Some(span) = whole.filter(|_| principal.is_positive()) {
        let upto = on.clamp(span.start, span.end);
        let share = dates::factor(terms, span, span.start)?.minus(dates::factor(terms, span, upto)?)?;
        interest = Money::from_minor(share.interest(principal.to_minor(), rounding.interest)?);
    }
    let fee = principal.mul_ratio(fee_share.get().into(), 10_000, terms.rounding.fee)?;
    let to_come = Money::checked_sum(schedule.rows.iter().filter(|row| row.due > on).map(|row| row.interest))?;
    Ok(SettlementFigure {
        on,
        principal,
        interest,
        fee,
        total: Money::checked_sum([principal, interest, fee])?,
        interest_saved: to_come.checked_sub(interest)?,
    })
}
