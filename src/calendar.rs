//! Civil dates: days since the epoch, day counts, business days and periods.
//!
//! All calendar arithmetic is jiff's; what is added here are the conventions of the trade: how many days a contract says
//! lie between two dates ([`DayCount`]), on which days a market is open ([`BusinessCalendar`]), and where the dates of a
//! schedule fall ([`Period`], [`DateSequence`]).

mod business;
mod date_sequence;
mod day_count;
mod markets;
mod period;
mod year_fraction;

pub use jiff::civil::{Date, Weekday};

use jiff::Span;

use crate::error::{Error, Result};

pub use business::{Adjustment, BusinessCalendar, Holiday, HolidayRule, WeekendShift};
pub use date_sequence::{DateSequence, Direction};
pub use day_count::{CouponPeriod, DayCount, DayCountContext};
pub use period::{Period, PeriodUnit};
pub use year_fraction::YearFraction;
pub(crate) use year_fraction::gcd;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Days from 1970-01-01 to `date`, negative before it: how columns hold dates.
///
/// ```
/// use dandelion_credit::calendar::{date_of_epoch_day, epoch_day, Date};
///
/// let summit: Date = "2018-06-21".parse().unwrap();
/// assert_eq!(epoch_day(summit), 17_703);
/// assert_eq!(date_of_epoch_day(17_703).unwrap(), summit);
/// ```
#[must_use]
pub fn epoch_day(date: Date) -> i32 {
    // Dates span the years -9999 to 9999, so the hours fit an i64 and the days an i32.
    (date.duration_since(EPOCH).as_hours() / 24) as i32
}

/// The date `epoch_day` days after 1970-01-01.
///
/// # Errors
/// [`Error::is_invalid`] outside the years −9999 to 9999.
///
/// ```
/// use dandelion_credit::calendar::date_of_epoch_day;
///
/// assert_eq!(date_of_epoch_day(0)?.to_string(), "1970-01-01");
/// assert_eq!(date_of_epoch_day(19_782)?.to_string(), "2024-02-29"); // 54 years, 13 of them leap years, and 59 days
/// assert!(date_of_epoch_day(i32::MAX).unwrap_err().is_invalid());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn date_of_epoch_day(epoch_day: i32) -> Result<Date> {
    days_after(EPOCH, epoch_day.into())
        .ok_or_else(|| Error::invalid("epoch day", epoch_day, "a day of the years -9999 to 9999"))
}

/// The date `days` days after `date`, if the calendar reaches so far; any number may be asked for.
pub(crate) fn days_after(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// Days from `start` to `end`, negative when `end` comes first.
///
/// ```
/// use dandelion_credit::calendar::days_between;
///
/// let (start, end) = ("2024-02-28".parse().unwrap(), "2024-03-01".parse().unwrap());
/// assert_eq!(days_between(start, end), 2);
/// ```
#[must_use]
pub fn days_between(start: Date, end: Date) -> i32 {
    epoch_day(end) - epoch_day(start)
}

/// Whether `date` is the last day of its month.
///
/// ```
/// use dandelion_credit::calendar::{Date, is_month_end};
///
/// let ends = ["2023-02-28", "2024-02-28", "2024-02-29"].map(|date| is_month_end(date.parse::<Date>().unwrap()));
/// assert_eq!(ends, [true, false, true]); // 2024 is a leap year
/// ```
#[must_use]
pub fn is_month_end(date: Date) -> bool {
    date.day() == date.days_in_month()
}

fn is_february_end(date: Date) -> bool {
    date.month() == 2 && is_month_end(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_beyond_the_calendar_are_refused_however_far_they_lie() {
        for day in [i32::MIN, -7_304_485, 7_304_485, i32::MAX] {
            assert!(date_of_epoch_day(day).unwrap_err().is_invalid(), "{day}");
        }
        for date in [Date::MIN, Date::MAX] {
            assert_eq!(date_of_epoch_day(epoch_day(date)).unwrap(), date);
        }
        assert_eq!([i64::MIN, i64::MAX].map(|days| days_after(EPOCH, days)), [None, None]);
    }
}
