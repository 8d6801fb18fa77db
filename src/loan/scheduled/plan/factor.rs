//! The rate of a stretch of days, as a fraction of the balance.

use jiff::ToSpan;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::super::product::{InterestStep, LoanProduct, MonthDays, ScheduleKind, YearDays};
use super::{Period, Plan, Stretch, days, remembers};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Every;

/// Significant digits that interest is worked out with before it is rounded to the minor unit.
const DIGITS: u32 = 19;

/// The nearest number of [`DIGITS`] digits.
pub(super) fn precise(number: Decimal) -> Decimal {
    number.round_sf_with_strategy(DIGITS, RoundingStrategy::MidpointNearestEven).unwrap_or(number)
}

/// What the interest of a stretch follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grounds {
    balance: i64,
    /// Interest owed again from its first day.
    credited: i64,
    from: Date,
    until: Date,
    /// When its period falls due.
    due: Date,
    rate_till_due: Decimal,
    paused: bool,
}

impl Grounds {
    pub fn of(stretch: &Stretch, balance: i64, due: Date) -> Self {
        Self {
            balance,
            credited: stretch.credited_interest,
            from: stretch.from,
            until: stretch.due,
            due,
            rate_till_due: stretch.rate_till_due,
            paused: stretch.paused,
        }
    }

    /// What is earned, exact to [`DIGITS`] digits, with what is owed again.
    pub fn earned(&self) -> Result<Decimal> {
        let credited = Decimal::from(self.credited);
        let length = days(self.from, self.due);
        if self.paused || length == 0 || self.balance == 0 || self.rate_till_due.is_zero() {
            return Ok(credited.max(Decimal::ZERO));
        }
        let till_due = checked(Decimal::from(self.balance).checked_mul(self.rate_till_due))?;
        let a_day = precise(precise(till_due) / Decimal::from(length));
        let sum = checked(a_day.checked_mul(Decimal::from(days(self.from, self.until))))?;
        Ok((precise(sum) + credited).max(Decimal::ZERO))
    }
}

/// What the rates of a stretch follow from, under one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    rate: Decimal,
    every: Every,
    start: Date,
    period: (Date, Date),
    stretch: (Date, Date),
}

pub(super) fn checked(number: Option<Decimal>) -> Result<Decimal> {
    number.ok_or_else(|| Error::overflow("interest", "a number of at most 28 digits"))
}

pub(super) fn minor(number: Decimal) -> Result<i64> {
    number
        .to_i64()
        .filter(|minor| minor.abs() <= super::super::state::MOST_MINOR)
        .ok_or_else(|| Error::overflow("interest or instalment", "at most 10,000,000,000,000 minor units"))
}

impl Plan {
    /// Brings the rates of a period's stretches up to date.
    pub fn rate_period(&mut self, product: &LoanProduct, nth: usize) {
        if nth < self.shape.interest_free as usize {
            return;
        }
        let (start, every) = (self.start(), self.every);
        for at in 0..self.periods[nth].stretches.len() {
            let period = &self.periods[nth];
            let (from, due) = (period.stretches[at].from, period.stretches[at].due);
            let rate = self.rate_on(from);
            let times = Times { rate, every, start, period: (period.from, period.due), stretch: (from, due) };
            if period.stretches[at].times == Some(times) && remembers() {
                continue;
            }
            let rate = self.factor(product, period, from, due, true);
            let till_due = self.factor(product, period, from, period.due, false);
            let stretch = &mut self.periods[nth].stretches[at];
            (stretch.rate, stretch.rate_till_due, stretch.times) = (rate, till_due, Some(times));
        }
    }

    /// The rate of `[from, due)` inside a period. For a level, months count as agreed and not as they turn out.
    fn factor(&self, product: &LoanProduct, period: &Period, from: Date, due: Date, for_level: bool) -> Decimal {
        let rate = self.rate_on(from);
        let whole = days(period.from, period.due);
        if rate.is_zero() || from >= due || whole <= 0 {
            return Decimal::ZERO;
        }
        let length = Decimal::from(days(from, due));
        let whole = Decimal::from(whole);
        let part = |part_of_year: Decimal| {
            (precise(precise(rate * precise(part_of_year)) * length) / whole)
                .round_dp_with_strategy(DIGITS, RoundingStrategy::MidpointNearestEven)
        };
        if let (InterestStep::Instalment, Every::Months(months)) = (product.step, self.every) {
            return part(Decimal::from(months) / Decimal::from(12));
        }
        let in_days = |year: Decimal| precise(precise(rate * precise(Decimal::ONE / year)) * length);
        let has_leap_day = || (period.from.year()..=period.due.year()).any(|year| leap_day_within(year, period));
        let year = match product.year {
            YearDays::Fixed(days) => Decimal::from(days.max(1)),
            // A plan that is made once takes every year as one of 365 days.
            YearDays::Actual if product.kind == ScheduleKind::Cumulative => Decimal::from(365),
            YearDays::Actual => Decimal::from(from.days_in_year()),
            YearDays::ActualLeapPeriod => Decimal::from(if has_leap_day() { from.days_in_year() } else { 365 }),
        };
        let splits = match product.year {
            YearDays::Fixed(_) => false,
            YearDays::Actual => product.kind == ScheduleKind::Progressive && from.year() != due.year(),
            YearDays::ActualLeapPeriod => from.year() != due.year() && has_leap_day(),
        };
        if splits {
            return precise(rate * year_fraction(from, due, product.interest_on_first_day));
        }
        match (product.month, self.every) {
            (MonthDays::Thirty, Every::Months(every)) => {
                let months = if for_level { Decimal::from(every) } else { self.months_in(period, every) };
                part(precise(Decimal::from(30) * months) / year)
            }
            _ => in_days(year),
        }
    }

    /// The same rate for every period of a plan that is made once: a month has thirty days, a year 365 where days count.
    pub(super) fn even_rate(&self, product: &LoanProduct) -> Decimal {
        let rate = self.rate_on(self.start());
        let year = match product.year {
            YearDays::Fixed(days) => Decimal::from(days.max(1)),
            YearDays::Actual | YearDays::ActualLeapPeriod => Decimal::from(365),
        };
        precise(match (product.step, self.every) {
            (InterestStep::Instalment, Every::Months(months)) => rate * (Decimal::from(months) / Decimal::from(12)),
            (InterestStep::Daily, Every::Months(months)) => rate * (Decimal::from(months) * Decimal::from(30) / year),
            (_, Every::Days(days)) => rate * (Decimal::from(days) / year),
        })
    }

    /// Whole months of a period, and the part of a month that is left over.
    fn months_in(&self, period: &Period, every: u32) -> Decimal {
        let start = self.start();
        let after = |from: Date, months: i64| from.saturating_add(months.months());
        let apart = |from: Date, to: Date| {
            i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month())
        };
        // A period between two due dates counted from the first day is as long as agreed, whatever the month's last day.
        let count = apart(start, period.due);
        let aligned =
            count > 0 && after(start, count) == period.due && after(period.due, -i64::from(every)) == period.from
                || count >= i64::from(every)
                    && after(start, count) == period.due
                    && after(start, count - i64::from(every)) == period.from;
        if aligned {
            return Decimal::from(every);
        }
        let mut months = apart(period.from, period.due).max(0);
        if after(period.from, months) > period.due {
            months -= 1;
        }
        let rest = days(after(period.from, months), period.due);
        let next = days(after(period.from, months), after(period.from, months + 1)).max(1);
        Decimal::from(months) + precise(Decimal::from(rest) / Decimal::from(next))
    }
}

fn leap_day_within(year: i16, period: &Period) -> bool {
    Date::new(year, 2, 29).is_ok_and(|day| period.from < day && day <= period.due)
}

/// The part of a year from one day to another, each day over the days of its own year. The last day of a year counts with
/// the next one unless the first day of a loan earns interest.
fn year_fraction(from: Date, due: Date, first_day: bool) -> Decimal {
    let mut sum = Decimal::ZERO;
    let mut start = from;
    for year in from.year()..=due.year() {
        let end = match (year == due.year(), first_day) {
            (true, _) => due,
            (false, true) => jiff::civil::date(year + 1, 1, 1),
            (false, false) => jiff::civil::date(year, 12, 31),
        };
        let length = if jiff::civil::date(year, 1, 1).in_leap_year() { 366 } else { 365 };
        sum += precise(Decimal::from(days(start, end)) / Decimal::from(length));
        start = end;
    }
    sum
}
