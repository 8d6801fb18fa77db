//! Periods of a schedule: where each starts and ends, when it is due, and what share of a balance it earns.

use super::factor::PeriodFactor;
use super::terms::{InterestBasis, LoanTerms};
use crate::calendar::{Date, Period, PeriodUnit, YearFraction, days_after, days_between};
use crate::error::{Error, Result};

/// One period: interest runs from `start` to `end`, and the instalment is due on `due`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub start: Date,
    pub end: Date,
    pub due: Date,
}

/// The periods of the contract; `count` may go beyond its instalments, for a longer amortisation.
pub(super) fn spans(terms: &LoanTerms, count: u32) -> Result<Vec<Span>> {
    let agreed = |number: u32| -> Result<Date> {
        if number == terms.instalments
            && let Some(last) = terms.last_due
        {
            return Ok(last);
        }
        let n = number as i32;
        match (terms.first_due, terms.due_day) {
            (Some(first), Some(day)) => terms.period.after_on_day(first, n - 1, day),
            (Some(first), None) => terms.period.after(first, n - 1),
            (None, Some(day)) => terms.period.after_on_day(terms.start, n, day),
            (None, None) => terms.period.after(terms.start, n),
        }
    };
    let mut spans = Vec::with_capacity(count as usize);
    let mut start = terms.start;
    for number in 1..=count {
        let agreed = agreed(number)?;
        let (end, due) = match &terms.business_days {
            Some(days) => {
                let moved = days.calendar.adjust(agreed, days.adjustment)?;
                (if days.interest_moves { moved } else { agreed }, moved)
            }
            None => (agreed, agreed),
        };
        if end <= start {
            return Err(Error::invalid("due date", end, format!("after {start}, the date before it")));
        }
        spans.push(Span { start, end, due });
        start = end;
    }
    Ok(spans)
}

/// The share that a balance earns from `from` to the end of the period.
pub(super) fn factor(terms: &LoanTerms, span: Span, from: Date) -> Result<PeriodFactor> {
    let free_until = match terms.interest_free_days {
        0 => terms.start,
        days => days_after(terms.start, days.into())
            .ok_or_else(|| Error::invalid("interest-free days", days, "ending before the year 10000"))?,
    };
    let from = from.max(span.start).max(free_until);
    if from >= span.end {
        return Ok(PeriodFactor::ZERO);
    }
    let time = match terms.basis {
        InterestBasis::Days(convention) => convention.fraction(from, span.end)?,
        InterestBasis::EqualPeriods { year_days } => equal_periods(terms.period, year_days, span, from)?,
    };
    PeriodFactor::new(terms.rate, time)
}

/// A whole period in years.
fn whole_period(period: Period, year_days: u16) -> Result<YearFraction> {
    let count = i64::from(period.count());
    match period.unit() {
        PeriodUnit::Days => YearFraction::new(count, year_days.into()),
        PeriodUnit::Weeks => YearFraction::new(count * 7, year_days.into()),
        PeriodUnit::Months => YearFraction::new(count, 12),
        PeriodUnit::Years => YearFraction::new(count, 1),
    }
}

fn equal_periods(period: Period, year_days: u16, span: Span, from: Date) -> Result<YearFraction> {
    let whole = whole_period(period, year_days)?;
    let times = |above: i64, below: i64| -> Result<YearFraction> {
        let above =
            whole.numerator().checked_mul(above).ok_or_else(|| Error::overflow("period", "a 63-bit fraction"))?;
        YearFraction::new(above, whole.denominator().saturating_mul(below))
    };
    // Whole periods back from the end; one that was cut to a short month's last day is still whole.
    let regular = |n: i32| period.after(span.end, -n);
    let mut periods = 0;
    while regular(periods + 1)? >= from {
        periods += 1;
    }
    if regular(periods)? == from || periods == 0 && from == span.start && is_whole(period, from, span.end)? {
        return times(i64::from(periods.max(1)), 1);
    }
    if is_whole(period, from, span.end)? {
        return Ok(whole);
    }
    let (piece_start, piece_end) = (regular(periods + 1)?, regular(periods)?);
    // Inside a whole period of the schedule itself, that period's own days are the measure.
    let (piece_start, piece_end) = if periods == 0 && is_whole(period, span.start, span.end)? {
        (span.start, span.end)
    } else {
        (piece_start, piece_end)
    };
    let rest = i64::from(days_between(from, piece_end));
    let all = i64::from(days_between(piece_start, piece_end));
    times(i64::from(periods) * all + rest, all)
}

/// Whether the two dates are one period apart, as seen from either end.
fn is_whole(period: Period, start: Date, end: Date) -> Result<bool> {
    let forwards = period.after(start, 1)? == end;
    // A day of 29 to 31 that a month lacks is cut to its last day on either side.
    let cut = |short: Date, long: Date| short.day() == short.days_in_month() && long.day() > short.day();
    let months_apart = || i32::from(end.year() - start.year()) * 12 + i32::from(end.month()) - i32::from(start.month());
    let same_months = period.whole_months().is_some_and(|months| months_apart() == months as i32);
    Ok(forwards || same_months && (start.day() == end.day() || cut(start, end) || cut(end, start)))
}
