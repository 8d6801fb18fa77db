//! Sequences of dates: the due dates of a contract from its ends, its period and its calendar.

use serde::{Deserialize, Serialize};

use super::business::{Adjustment, BusinessCalendar};
use super::period::Period;
use super::{Date, is_month_end};
use crate::error::{Error, Result};

/// From which end a [`DateSequence`] is counted, and so where a broken period falls.
///
/// ```
/// use dandelion_credit::calendar::{BusinessCalendar, DateSequence, Direction, Period};
///
/// let daily = BusinessCalendar::named("none")?;
/// let dates = |direction| -> dandelion_credit::Result<Vec<String>> {
///     let (start, end) = ("2024-01-10".parse().unwrap(), "2024-03-25".parse().unwrap());
///     let sequence = DateSequence { direction, ..DateSequence::new(start, end, Period::months(1)?) };
///     Ok(sequence.dates(&daily)?.iter().map(|date| date.to_string()[5..].to_owned()).collect())
/// };
/// assert_eq!(dates(Direction::Forwards)?, ["01-10", "02-10", "03-10", "03-25"]); // 15 days are left at the end
/// assert_eq!(dates(Direction::Backwards)?, ["01-10", "01-25", "02-25", "03-25"]); // or come first
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the start: a broken period comes last.
    #[default]
    Forwards,
    /// From the end: a broken period comes first.
    Backwards,
}

/// How the dates of a contract are laid out.
///
/// ```
/// use dandelion_credit::calendar::{Adjustment, BusinessCalendar, DateSequence, Period};
///
/// let target = BusinessCalendar::named("target")?;
/// let sequence = DateSequence {
///     month_end_kept: true,
///     adjustment: Adjustment::Following,
///     ..DateSequence::new("2024-02-29".parse().unwrap(), "2024-06-30".parse().unwrap(), Period::months(1)?)
/// };
/// let dates: Vec<String> = sequence.dates(&target)?.iter().map(ToString::to_string).collect();
/// assert_eq!(dates, ["2024-02-29", "2024-04-02", "2024-04-30", "2024-05-31", "2024-06-30"]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateSequence {
    /// The first date.
    pub start: Date,
    /// The last date.
    pub end: Date,
    /// How far apart the dates between are.
    pub period: Period,
    /// From which end they are counted.
    pub direction: Direction,
    /// The end of a broken first period.
    pub first: Option<Date>,
    /// The start of a broken last period.
    pub next_to_last: Option<Date>,
    /// Whether dates counted from a month end are month ends too (the calendar's last business day counts as one).
    pub month_end_kept: bool,
    /// Where dates go when the market is closed.
    pub adjustment: Adjustment,
    /// Where the last date goes.
    pub end_adjustment: Adjustment,
}

// 600 instalments are a long loan; a daily sequence over three centuries is a mistake.
const MAX_DATES: usize = 110_000;

impl DateSequence {
    /// A forward sequence without stubs or adjustments.
    #[must_use]
    pub const fn new(start: Date, end: Date, period: Period) -> Self {
        Self {
            start,
            end,
            period,
            direction: Direction::Forwards,
            first: None,
            next_to_last: None,
            month_end_kept: false,
            adjustment: Adjustment::None,
            end_adjustment: Adjustment::None,
        }
    }

    /// The dates, strictly increasing.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `start`, `first`, `next_to_last` and `end` are not in that order, or when there would be
    /// more than 110,000 dates.
    pub fn dates(&self, calendar: &BusinessCalendar) -> Result<Vec<Date>> {
        self.check()?;
        let (mut dates, seed) = match self.direction {
            Direction::Forwards => self.forwards(calendar)?,
            Direction::Backwards => self.backwards(calendar)?,
        };
        let to_month_ends =
            self.month_end_kept && self.period.whole_months().is_some() && calendar.is_business_month_end(seed);
        let last = dates.len() - 1;
        for date in &mut dates[1..last] {
            let unadjusted = if to_month_ends { date.last_of_month() } else { *date };
            *date = calendar.adjust(unadjusted, self.adjustment)?;
        }
        dates[0] = calendar.adjust(dates[0], self.adjustment)?;
        dates[last] = calendar.adjust(dates[last], self.end_adjustment)?;
        // Adjusting may carry an inner date to an end or past it: the ends win.
        let (start, end) = (dates[0], dates[last]);
        let mut kept = vec![start];
        for &date in &dates[1..last] {
            if date < end && kept.last().is_some_and(|&before| before < date) {
                kept.push(date);
            }
        }
        if kept.last().is_some_and(|&before| before < end) {
            kept.push(end);
        }
        Ok(kept)
    }

    fn check(&self) -> Result<()> {
        let given = [Some(self.start), self.first, self.next_to_last, Some(self.end)];
        let present: Vec<Date> = given.into_iter().flatten().collect();
        if !present.is_sorted() || self.start >= self.end {
            let text = format!("{} to {}", self.start, self.end);
            return Err(Error::invalid("date sequence", text, "start, first, next to last and end in that order"));
        }
        Ok(())
    }

    fn shifted(&self, seed: Date, periods: i32, calendar: &BusinessCalendar) -> Result<Date> {
        let date = self.period.after(seed, periods)?;
        let keep = self.month_end_kept && self.period.whole_months().is_some();
        let at_end = is_month_end(seed) || calendar.is_business_month_end(seed);
        Ok(if keep && at_end && is_month_end(seed) { date.last_of_month() } else { date })
    }

    fn forwards(&self, calendar: &BusinessCalendar) -> Result<(Vec<Date>, Date)> {
        let same_day = |a: Date, b: Date, rule| Ok::<_, Error>(calendar.adjust(a, rule)? == calendar.adjust(b, rule)?);
        let mut dates = vec![self.start];
        let mut seed = self.start;
        if let Some(first) = self.first.filter(|&first| first > self.start) {
            dates.push(first);
            seed = first;
        }
        let exit = self.next_to_last.unwrap_or(self.end);
        for n in 1.. {
            let Ok(date) = self.shifted(seed, n, calendar) else { break };
            if date > exit {
                break;
            }
            if !same_day(dates[dates.len() - 1], date, self.adjustment)? {
                push(&mut dates, date)?;
            }
        }
        for last in [self.next_to_last, Some(self.end)].into_iter().flatten() {
            let rule = if last == self.end { self.end_adjustment } else { self.adjustment };
            if dates[dates.len() - 1] < last && (last == self.end || !same_day(dates[dates.len() - 1], last, rule)?) {
                dates.push(last);
            }
        }
        Ok((dates, seed))
    }

    fn backwards(&self, calendar: &BusinessCalendar) -> Result<(Vec<Date>, Date)> {
        let same_day = |a: Date, b: Date, rule| Ok::<_, Error>(calendar.adjust(a, rule)? == calendar.adjust(b, rule)?);
        let mut dates = vec![self.end];
        let mut seed = self.end;
        if let Some(before) = self.next_to_last.filter(|&date| date < self.end) {
            dates.push(before);
            seed = before;
        }
        let exit = self.first.unwrap_or(self.start);
        for n in 1.. {
            let Ok(date) = self.shifted(seed, -n, calendar) else { break };
            if date < exit {
                break;
            }
            if !same_day(dates[dates.len() - 1], date, self.adjustment)? {
                push(&mut dates, date)?;
            }
        }
        for date in [self.first, Some(self.start)].into_iter().flatten() {
            if date < dates[dates.len() - 1] {
                dates.push(date);
            }
        }
        dates.reverse();
        Ok((dates, seed))
    }
}

fn push(dates: &mut Vec<Date>, date: Date) -> Result<()> {
    if dates.len() == MAX_DATES {
        return Err(Error::invalid("date sequence", dates.len() + 1, "at most 110,000 dates"));
    }
    dates.push(date);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn text(dates: &[Date]) -> Vec<String> {
        dates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn broken_periods_fall_at_the_end_counted_towards() {
        let none = BusinessCalendar::named("none").unwrap();
        let forwards = DateSequence::new(date(2024, 1, 10), date(2024, 4, 1), Period::months(1).unwrap());
        assert_eq!(text(&forwards.dates(&none).unwrap()), ["2024-01-10", "2024-02-10", "2024-03-10", "2024-04-01"]);
        let backwards = DateSequence { direction: Direction::Backwards, ..forwards };
        assert_eq!(text(&backwards.dates(&none).unwrap()), ["2024-01-10", "2024-02-01", "2024-03-01", "2024-04-01"]);
    }

    #[test]
    fn dates_out_of_order_and_endless_sequences_are_refused() {
        let none = BusinessCalendar::named("none").unwrap();
        let day = Period::days(1).unwrap();
        assert!(DateSequence::new(date(2024, 1, 2), date(2024, 1, 2), day).dates(&none).unwrap_err().is_invalid());
        assert!(DateSequence::new(date(1, 1, 1), date(9999, 12, 31), day).dates(&none).unwrap_err().is_invalid());
        let long = DateSequence::new(date(9999, 11, 15), date(9999, 12, 31), Period::months(1).unwrap());
        assert_eq!(text(&long.dates(&none).unwrap()), ["9999-11-15", "9999-12-15", "9999-12-31"]);
    }
}
