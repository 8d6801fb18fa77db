//! Effective annual rates: the European Union's and the United Kingdom's.

use serde::{Deserialize, Serialize};

use super::roots::{DatedAmount, RateSolution, TimedAmount, internal_rate_by_times};
use crate::calendar::{Date, DayCount, Period, YearFraction, days_between, is_month_end};
use crate::error::{Error, Result};

/// The unit in which a statute measures the intervals between payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalPeriod {
    /// Whole years.
    Year,
    /// Months of a twelfth of a year, equal whatever their days.
    Month,
    /// Weeks of a fifty-second of a year.
    Week,
}

/// How a statute turns two dates into years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalTime {
    /// Days over 365, leap year or not: open to every lender by the old directives, and the reading of the United Kingdom's
    /// consumer rules when intervals are in days.
    Days365,
    /// Directive 2008/48/EC, Annex I, remark (c) as amended by 2011/90/EU: whole periods counted back from the later date,
    /// the days left over divided by the days of the year that ends where the first whole period starts.
    EuropeanUnion {
        /// The unit of the intervals.
        period: LegalPeriod,
    },
    /// Financial Conduct Authority, CONC App 1.1 and 1.2: whole periods counted forward, the days left over divided by the
    /// days of the calendar year they lie in.
    UnitedKingdom {
        /// The unit of the intervals.
        period: LegalPeriod,
        /// Whether the credit is secured on land.
        secured_on_land: bool,
        /// Whether there is one advance and one payment.
        single_payment: bool,
    },
}

impl LegalTime {
    /// The years from `start` to `end` as the statute measures them.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `end` is before `start`.
    ///
    /// ```
    /// use dandelion_credit::loan::{LegalPeriod, LegalTime};
    ///
    /// let months = LegalTime::EuropeanUnion { period: LegalPeriod::Month };
    /// let years = months.years("2013-01-12".parse().unwrap(), "2013-02-15".parse().unwrap())?;
    /// assert_eq!(years.to_string(), "67/732"); // 1/12 + 3/366
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn years(self, start: Date, end: Date) -> Result<YearFraction> {
        if end < start {
            return Err(Error::invalid("end of an interval", end, "not before its start"));
        }
        match self {
            Self::Days365 => DayCount::Actual365Fixed.fraction(start, end),
            Self::EuropeanUnion { period } => european(start, end, period),
            Self::UnitedKingdom { period, secured_on_land, single_payment } => {
                british(start, end, period, secured_on_land && single_payment)
            }
        }
    }
}

impl LegalPeriod {
    fn period(self) -> Result<Period> {
        match self {
            Self::Year => Period::months(12),
            Self::Month => Period::months(1),
            Self::Week => Period::weeks(1),
        }
    }

    const fn per_year(self) -> i64 {
        match self {
            Self::Year => 1,
            Self::Month => 12,
            Self::Week => 52,
        }
    }

    /// The largest number of periods that fit between, from the dates' own fields.
    fn at_most(self, start: Date, end: Date) -> i32 {
        let months =
            (i32::from(end.year()) - i32::from(start.year())) * 12 + i32::from(end.month()) - i32::from(start.month());
        match self {
            Self::Year => months / 12,
            Self::Month => months,
            Self::Week => days_between(start, end) / 7,
        }
    }
}

fn european(start: Date, end: Date, period: LegalPeriod) -> Result<YearFraction> {
    let step = period.period()?;
    let mut whole = period.at_most(start, end);
    while whole > 0 && step.after(end, -whole)? < start {
        whole -= 1;
    }
    let mut rest_end = step.after(end, -whole)?;
    // From one month end to another is whole months although one is shorter.
    if period != LegalPeriod::Week && rest_end > start && is_month_end(start) && is_month_end(end) {
        let next = step.after(end, -(whole + 1))?;
        let same_month = period == LegalPeriod::Month || start.month() == end.month();
        if same_month && next < start && start.day() > next.day() {
            whole += 1;
            rest_end = start;
        }
    }
    let mut years = YearFraction::new(i64::from(whole), period.per_year())?;
    let days = days_between(start, rest_end);
    if days > 0 {
        let year_before = Period::months(12)?.after(rest_end, -1)?;
        years =
            years.checked_add(YearFraction::new(i64::from(days), i64::from(days_between(year_before, rest_end)))?)?;
    }
    Ok(years)
}

fn british(start: Date, end: Date, period: LegalPeriod, months_before_weeks: bool) -> Result<YearFraction> {
    let month_ends = is_month_end(start) && is_month_end(end);
    let whole_months = start.day() == end.day() || month_ends;
    let months = || {
        let months = LegalPeriod::Month.at_most(start, end);
        if end.day() < start.day() && !month_ends { months - 1 } else { months }
    };
    let days = days_between(start, end);
    let (whole, rest_start) = match period {
        LegalPeriod::Week if days % 7 == 0 && whole_months && months_before_weeks => {
            return YearFraction::new(i64::from(months()), 12);
        }
        LegalPeriod::Week => (YearFraction::new(i64::from(days / 7), 52)?, Period::weeks(1)?.after(start, days / 7)?),
        LegalPeriod::Month | LegalPeriod::Year if whole_months => return YearFraction::new(i64::from(months()), 12),
        LegalPeriod::Month | LegalPeriod::Year => {
            (YearFraction::new(i64::from(months()), 12)?, Period::months(1)?.after(start, months())?)
        }
    };
    // Days of one calendar year are over that year's days: 31 December belongs to the old year.
    let eve = Date::new(rest_start.year(), 12, 31).unwrap_or(rest_start);
    let part =
        |from: Date, to: Date| YearFraction::new(i64::from(days_between(from, to)), i64::from(to.days_in_year()));
    if rest_start.year() == end.year() {
        return whole.checked_add(part(rest_start, end)?);
    }
    whole.checked_add(part(rest_start, eve)?)?.checked_add(part(eve, end)?)
}

/// The effective annual rate of dated amounts, the first date being time nought: the r at which
/// Σ aᵢ·(1 + r)^−tᵢ is nothing.
///
/// # Errors
/// As [`internal_rate_by_times`].
///
/// ```
/// use dandelion_credit::loan::{DatedAmount, LegalTime, effective_rate};
///
/// let flows = [("2012-10-10", -500.0), ("2012-10-15", 510.0)].map(|(date, amount)| DatedAmount { date: date.parse().unwrap(), amount });
/// let rate = effective_rate(&flows, LegalTime::Days365)?.only().unwrap();
/// assert_eq!((rate * 1e5).round() / 1e3, 324.436); // per cent
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn effective_rate(flows: &[DatedAmount], time: LegalTime) -> Result<RateSolution> {
    let Some(first) = flows.iter().map(|flow| flow.date).min() else { return Ok(RateSolution::None) };
    let mut timed = Vec::with_capacity(flows.len());
    for flow in flows {
        timed.push(TimedAmount { years: time.years(first, flow.date)?.as_f64(), amount: flow.amount });
    }
    internal_rate_by_times(&timed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn months_are_counted_back_from_month_ends() {
        let months = LegalTime::EuropeanUnion { period: LegalPeriod::Month };
        let years = |start, end| months.years(start, end).unwrap().to_string();
        assert_eq!(years(date(2024, 12, 31), date(2025, 2, 28)), "1/6");
        assert_eq!(years(date(2024, 2, 29), date(2025, 2, 28)), "1");
        assert_eq!(years(date(2023, 2, 28), date(2024, 2, 29)), "1");
        assert_eq!(years(date(2024, 2, 28), date(2025, 2, 27)), "727/732"); // 11/12 + 28/366
    }

    #[test]
    fn british_days_belong_to_their_calendar_years() {
        let months =
            LegalTime::UnitedKingdom { period: LegalPeriod::Month, secured_on_land: false, single_payment: false };
        let years = months.years(date(2024, 11, 25), date(2025, 1, 5)).unwrap();
        let expected = 1.0 / 12.0 + 6.0 / 366.0 + 5.0 / 365.0;
        assert!((years.as_f64() - expected).abs() < 1e-15);
        assert!(months.years(date(2024, 1, 2), date(2024, 1, 1)).unwrap_err().is_invalid());
    }
}
