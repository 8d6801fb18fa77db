//! Periods: every so many days, weeks, months or years.

use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

use super::{Date, is_month_end};
use crate::error::{Error, Result};

/// What a [`Period`] counts.
///
/// ```
/// use dandelion_credit::calendar::{Period, PeriodUnit};
///
/// // Four weeks are 28 days and no month; two years are 24 months and no number of days.
/// let (weeks, years) = (Period::new(4, PeriodUnit::Weeks)?, Period::new(2, PeriodUnit::Years)?);
/// assert_eq!((weeks.whole_days(), weeks.whole_months()), (Some(28), None));
/// assert_eq!((years.whole_days(), years.whole_months()), (None, Some(24)));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodUnit {
    /// Calendar days.
    Days,
    /// Seven days.
    Weeks,
    /// Calendar months.
    Months,
    /// Twelve months.
    Years,
}

/// A whole number of days, weeks, months or years, at least one.
///
/// Months are always counted from the first date of a schedule, so a loan that starts on the 31st falls due on the last day
/// of each short month and on the 31st of the long ones.
///
/// ```
/// use dandelion_credit::calendar::Period;
///
/// let month = Period::months(1)?;
/// let start = "2024-01-31".parse().unwrap();
/// let dates: Vec<String> = (1..=3).map(|n| month.after(start, n).unwrap().to_string()).collect();
/// assert_eq!(dates, ["2024-02-29", "2024-03-31", "2024-04-30"]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "PeriodForm", into = "PeriodForm")]
pub struct Period {
    count: u32,
    unit: PeriodUnit,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeriodForm {
    count: u32,
    unit: PeriodUnit,
}

const MAX_COUNT: u32 = 10_000_000;

impl Period {
    /// `count` units.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for none or more than 10,000,000.
    pub fn new(count: u32, unit: PeriodUnit) -> Result<Self> {
        if count == 0 || count > MAX_COUNT {
            return Err(Error::invalid("period", count, "1 to 10,000,000 days, weeks, months or years"));
        }
        Ok(Self { count, unit })
    }

    /// `count` days.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn days(count: u32) -> Result<Self> {
        Self::new(count, PeriodUnit::Days)
    }

    /// `count` weeks.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn weeks(count: u32) -> Result<Self> {
        Self::new(count, PeriodUnit::Weeks)
    }

    /// `count` months.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn months(count: u32) -> Result<Self> {
        Self::new(count, PeriodUnit::Months)
    }

    /// How many units.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Which unit.
    #[must_use]
    pub const fn unit(self) -> PeriodUnit {
        self.unit
    }

    /// The whole months in it, or `None` for days and weeks.
    #[must_use]
    pub const fn whole_months(self) -> Option<u32> {
        match self.unit {
            PeriodUnit::Months => Some(self.count),
            PeriodUnit::Years => Some(self.count * 12),
            PeriodUnit::Days | PeriodUnit::Weeks => None,
        }
    }

    /// The whole days in it, or `None` for months and years.
    #[must_use]
    pub const fn whole_days(self) -> Option<u32> {
        match self.unit {
            PeriodUnit::Days => Some(self.count),
            PeriodUnit::Weeks => Some(self.count * 7),
            PeriodUnit::Months | PeriodUnit::Years => None,
        }
    }

    fn times(self, n: i32) -> Option<Span> {
        let total = i64::from(self.count) * i64::from(n);
        match self.unit {
            PeriodUnit::Days => Span::new().try_days(total).ok(),
            PeriodUnit::Weeks => Span::new().try_weeks(total).ok(),
            PeriodUnit::Months => Span::new().try_months(total).ok(),
            PeriodUnit::Years => Span::new().try_years(total).ok(),
        }
    }

    /// The date `n` periods after `anchor` (before it when `n` is negative); a day its month does not have becomes the last.
    ///
    /// # Errors
    /// [`Error::is_invalid`] beyond the year 9999.
    pub fn after(self, anchor: Date, n: i32) -> Result<Date> {
        self.times(n)
            .and_then(|span| anchor.checked_add(span).ok())
            .ok_or_else(|| Error::invalid("number of periods", n, "dates of the years -9999 to 9999"))
    }

    /// As [`after`](Self::after), but in months with the given day of month, as far as a month has it: how a payment day of
    /// 31 is kept although the first payment falls into a short month.
    ///
    /// # Errors
    /// [`Error::is_invalid`] beyond the year 9999.
    pub fn after_on_day(self, anchor: Date, n: i32, day: i8) -> Result<Date> {
        let date = self.after(anchor, n)?;
        if self.whole_months().is_none() {
            return Ok(date);
        }
        Ok(with_day(date, day))
    }

    /// As [`after`](Self::after), but a month end stays a month end.
    ///
    /// # Errors
    /// [`Error::is_invalid`] beyond the year 9999.
    pub fn after_month_end_kept(self, anchor: Date, n: i32) -> Result<Date> {
        let date = self.after(anchor, n)?;
        let keeps = self.whole_months().is_some() && is_month_end(anchor);
        Ok(if keeps { date.last_of_month() } else { date })
    }
}

/// `date` moved within its month to `day`, or to the last day of a month without it.
pub(crate) fn with_day(date: Date, day: i8) -> Date {
    let day = day.clamp(1, date.days_in_month());
    date.first_of_month().saturating_add(i64::from(day - 1).days())
}

impl TryFrom<PeriodForm> for Period {
    type Error = Error;

    fn try_from(form: PeriodForm) -> Result<Self> {
        Self::new(form.count, form.unit)
    }
}

impl From<Period> for PeriodForm {
    fn from(period: Period) -> Self {
        Self { count: period.count, unit: period.unit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn month_ends_are_kept_from_the_anchor() {
        let month = Period::months(1).unwrap();
        assert_eq!(month.after(date(2023, 2, 28), 1).unwrap(), date(2023, 3, 28));
        assert_eq!(month.after_month_end_kept(date(2023, 2, 28), 1).unwrap(), date(2023, 3, 31));
        assert_eq!(month.after_on_day(date(2023, 2, 28), 1, 30).unwrap(), date(2023, 3, 30));
        assert_eq!(Period::weeks(2).unwrap().after(date(2024, 2, 20), -1).unwrap(), date(2024, 2, 6));
    }

    #[test]
    fn periods_beyond_the_calendar_are_refused() {
        assert!(Period::days(0).unwrap_err().is_invalid());
        let century = Period::new(100_000, PeriodUnit::Years).unwrap();
        assert!(century.after(date(2024, 1, 1), 1).unwrap_err().is_invalid());
        assert!(century.after(date(2024, 1, 1), i32::MIN).unwrap_err().is_invalid());
        assert!(serde_json::from_str::<Period>(r#"{"count":0,"unit":"days"}"#).is_err());
    }
}
