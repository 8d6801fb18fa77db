//! Business-day calendars as data: which weekdays rest, which rules make holidays, which dates are exceptions.

use jiff::ToSpan;
use serde::{Deserialize, Serialize};

use super::{Date, Weekday, days_between};
use crate::error::{Error, Result};

/// The open and closed days of a market, as data that can be written to a policy file and read back.
///
/// A day is open unless its weekday rests or a rule makes it a holiday; a listed working day is open whatever the rules
/// say (China's make-up weekends). [`BusinessCalendar::named`] knows the markets that ship with the crate.
///
/// ```
/// use dandelion_credit::calendar::{Adjustment, BusinessCalendar, Date};
///
/// let target = BusinessCalendar::named("target")?;
/// let easter_sunday: Date = "2024-03-31".parse().unwrap();
/// assert!(!target.is_business_day(easter_sunday));
/// assert_eq!(target.adjust(easter_sunday, Adjustment::Following)?.to_string(), "2024-04-02");
/// assert_eq!(target.adjust(easter_sunday, Adjustment::ModifiedFollowing)?.to_string(), "2024-03-28");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CalendarForm", into = "CalendarForm")]
pub struct BusinessCalendar {
    form: CalendarForm,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarForm {
    name: String,
    /// Monday 1 to Sunday 7.
    weekend: Vec<i8>,
    #[serde(default)]
    rules: Vec<HolidayRule>,
    /// Sorted.
    #[serde(default)]
    holidays: Vec<Date>,
    /// Sorted.
    #[serde(default)]
    working_days: Vec<Date>,
}

/// A holiday that comes every year, or in a range of years.
///
/// ```
/// use dandelion_credit::calendar::{BusinessCalendar, Date, Holiday, HolidayRule, Weekday, WeekendShift};
///
/// // A market day kept on 1 October since 2020; from a Saturday it moves back to Friday, from a Sunday on to Monday.
/// let rule = HolidayRule {
///     shift: WeekendShift { saturday: -1, sunday: 1 },
///     from_year: Some(2020),
///     ..HolidayRule::new(Holiday::Fixed { month: 10, day: 1 })
/// };
/// let calendar = BusinessCalendar::new("town", &[Weekday::Saturday, Weekday::Sunday])?.with_rule(rule)?;
/// let (first, last): (Date, Date) = ("2019-01-01".parse().unwrap(), "2023-12-31".parse().unwrap());
/// let kept: Vec<String> = calendar.holidays(first, last).iter().map(ToString::to_string).collect();
/// assert_eq!(kept, ["2020-10-01", "2021-10-01", "2022-09-30", "2023-10-02"]); // Thursday, Friday, Friday, Monday
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolidayRule {
    /// The day it falls on.
    pub day: Holiday,
    /// Where it moves from a weekend. It never moves from a weekday.
    #[serde(default)]
    pub shift: WeekendShift,
    /// The first year it is kept.
    #[serde(default)]
    pub from_year: Option<i16>,
    /// The last year it is kept.
    #[serde(default)]
    pub to_year: Option<i16>,
    /// Years between in which it is not kept or was moved by decree.
    #[serde(default)]
    pub except_years: Vec<i16>,
}

/// The day of the year a holiday falls on.
///
/// ```
/// use dandelion_credit::calendar::{BusinessCalendar, Date, Holiday, HolidayRule};
///
/// let in_2024 = |day: Holiday| -> dandelion_credit::Result<Vec<Date>> {
///     let calendar = BusinessCalendar::new("one holiday", &[])?.with_rule(HolidayRule::new(day))?;
///     Ok(calendar.holidays("2024-01-01".parse().unwrap(), "2024-12-31".parse().unwrap()))
/// };
/// let date = |text: &str| vec![text.parse::<Date>().unwrap()];
/// assert_eq!(in_2024(Holiday::Easter { offset_days: -2 })?, date("2024-03-29")); // Good Friday
/// assert_eq!(in_2024(Holiday::NthWeekday { month: 5, nth: -1, weekday: 1 })?, date("2024-05-27")); // last Monday of May
/// assert_eq!(in_2024(Holiday::TokyoVernalEquinox)?, date("2024-03-20"));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holiday {
    /// The same date every year.
    Fixed {
        /// January 1 to December 12.
        month: i8,
        /// The day of the month, a real one.
        day: i8,
    },
    /// So many days after Western Easter Sunday (before it when negative).
    Easter {
        /// −100 to 100.
        offset_days: i16,
    },
    /// The first, second, … or (negative) last, last but one, … such weekday of a month.
    NthWeekday {
        /// January 1 to December 12.
        month: i8,
        /// 1 to 5, or −1 to −5 from the end.
        nth: i8,
        /// Monday 1 to Sunday 7.
        weekday: i8,
    },
    /// The day the sun crosses the equator northward at Tokyo (1980 to 2099).
    TokyoVernalEquinox,
    /// The day the sun crosses the equator southward at Tokyo (1980 to 2099).
    TokyoAutumnalEquinox,
}

/// Days a holiday moves when it falls on a Saturday or a Sunday: `{saturday: -1, sunday: 1}` is the custom of the United
/// States, `{saturday: 2, sunday: 1}` that of the United Kingdom's New Year.
///
/// ```
/// use dandelion_credit::calendar::{BusinessCalendar, Date, Holiday, HolidayRule, WeekendShift};
///
/// // New Year 2022 was a Saturday: the United Kingdom rested on Monday the 3rd.
/// let shift = WeekendShift { saturday: 2, sunday: 1 };
/// let rule = HolidayRule { shift, ..HolidayRule::new(Holiday::Fixed { month: 1, day: 1 }) };
/// let calendar = BusinessCalendar::new("new year", &[])?.with_rule(rule)?;
/// let (first, last): (Date, Date) = ("2022-01-01".parse().unwrap(), "2022-01-31".parse().unwrap());
/// assert_eq!(calendar.holidays(first, last), ["2022-01-03".parse::<Date>().unwrap()]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeekendShift {
    /// Days to move from a Saturday, −3 to 3.
    #[serde(default)]
    pub saturday: i8,
    /// Days to move from a Sunday, −3 to 3.
    #[serde(default)]
    pub sunday: i8,
}

/// Which way a date goes when the market is closed on it.
///
/// ```
/// use dandelion_credit::calendar::{Adjustment, BusinessCalendar, Date};
///
/// let weekends = BusinessCalendar::named("weekends")?;
/// let saturday: Date = "2024-08-31".parse().unwrap();
/// let moved = |adjustment| weekends.adjust(saturday, adjustment).map(|date| date.to_string());
/// assert_eq!(moved(Adjustment::None)?, "2024-08-31");
/// assert_eq!(moved(Adjustment::Following)?, "2024-09-02");
/// assert_eq!(moved(Adjustment::ModifiedFollowing)?, "2024-08-30"); // September is another month
/// assert_eq!(moved(Adjustment::Preceding)?, "2024-08-30");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// It stays.
    #[default]
    None,
    /// To the next business day.
    Following,
    /// To the next business day, but back rather than into another month.
    ModifiedFollowing,
    /// To the last business day before.
    Preceding,
    /// To the last business day before, but forward rather than into another month.
    ModifiedPreceding,
}

// No calendar that a person writes down is closed for longer than this.
const LONGEST_CLOSURE_DAYS: i32 = 366;

impl BusinessCalendar {
    /// A calendar whose `weekend` days rest and which has no holidays yet; an empty weekend makes every day a business day.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when all seven days rest.
    pub fn new(name: impl Into<String>, weekend: &[Weekday]) -> Result<Self> {
        let weekend = weekend.iter().map(|day| day.to_monday_one_offset()).collect();
        let empty = CalendarForm { name: name.into(), weekend, rules: vec![], holidays: vec![], working_days: vec![] };
        Self::try_from(empty)
    }

    /// The same calendar with one more yearly holiday.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a day no year has.
    pub fn with_rule(mut self, rule: HolidayRule) -> Result<Self> {
        self.form.rules.push(rule);
        Self::try_from(self.form)
    }

    /// The same calendar with these dates closed.
    #[must_use]
    pub fn with_holidays(mut self, dates: impl IntoIterator<Item = Date>) -> Self {
        self.form.holidays.extend(dates);
        sort(&mut self.form.holidays);
        self
    }

    /// The same calendar with these dates open, whatever the rules say.
    #[must_use]
    pub fn with_working_days(mut self, dates: impl IntoIterator<Item = Date>) -> Self {
        self.form.working_days.extend(dates);
        sort(&mut self.form.working_days);
        self
    }

    /// A calendar that ships with the crate: `none`, `weekends`, `target`, `united_kingdom`, `germany_frankfurt`,
    /// `united_states_bonds`, `united_states_federal`, `brazil`, `japan`, `russia`, `india`, `china_sse`, `china_interbank`. Capitals,
    /// spaces and underscores do not matter.
    ///
    /// China's and India's calendars are decreed year by year; theirs reach from 2005 (India 2019) to 2026.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for another name.
    pub fn named(name: &str) -> Result<Self> {
        super::markets::named(name)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.form.name
    }

    fn is_weekend(&self, date: Date) -> bool {
        self.form.weekend.contains(&date.weekday().to_monday_one_offset())
    }

    /// Whether the market is open.
    #[must_use]
    pub fn is_business_day(&self, date: Date) -> bool {
        if self.form.working_days.binary_search(&date).is_ok() {
            return true;
        }
        !self.is_weekend(date)
            && self.form.holidays.binary_search(&date).is_err()
            && !self.form.rules.iter().any(|rule| rule.falls_on(date))
    }

    /// Business days from `start` (counted) to `end` (not counted); negative when `end` comes first, with `end` counted
    /// and `start` not.
    ///
    /// # Complexity
    /// Linear in the years between, not in the days.
    ///
    /// ```
    /// use dandelion_credit::calendar::BusinessCalendar;
    ///
    /// // March 2024 has 31 days, 10 of them weekends; TARGET also rests on Good Friday, the 29th.
    /// let (start, end) = ("2024-03-01".parse().unwrap(), "2024-04-01".parse().unwrap());
    /// assert_eq!(BusinessCalendar::named("weekends")?.business_days_between(start, end), 21);
    /// assert_eq!(BusinessCalendar::named("target")?.business_days_between(start, end), 20);
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    #[must_use]
    pub fn business_days_between(&self, start: Date, end: Date) -> i64 {
        if end < start {
            // Backwards the days are those after `end` up to `start`.
            let after = |date: Date| date.tomorrow().unwrap_or(date);
            return -self.business_days_between(after(end), after(start));
        }
        if end == start {
            return 0;
        }
        let days = days_between(start, end);
        let resting = self.form.weekend.len() as i64;
        let whole_weeks = i64::from(days / 7);
        let mut open = whole_weeks * (7 - resting);
        let mut date = start.saturating_add((whole_weeks * 7).days());
        while date < end {
            open += i64::from(!self.is_weekend(date));
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        let Ok(last) = end.yesterday() else { return open };
        let closed = self.holidays(start, last).len() as i64;
        let range = self.form.working_days.partition_point(|&day| day < start)
            ..self.form.working_days.partition_point(|&day| day < end);
        let made_up = self.form.working_days[range].iter().filter(|&&day| self.is_weekend(day)).count() as i64;
        open - closed + made_up
    }

    /// The closed days from `first` to `last`, both counted, that are not weekends anyway, in order.
    #[must_use]
    pub fn holidays(&self, first: Date, last: Date) -> Vec<Date> {
        let mut closed: Vec<Date> =
            self.form.holidays.iter().copied().filter(|&date| first <= date && date <= last).collect();
        for rule in &self.form.rules {
            // A day may move over the turn of the year.
            for year in first.year().saturating_sub(1)..=last.year().saturating_add(1) {
                closed.extend(rule.date_in(year).filter(|&date| first <= date && date <= last));
            }
        }
        sort(&mut closed);
        closed.retain(|&date| !self.is_weekend(date) && self.form.working_days.binary_search(&date).is_err());
        closed
    }

    /// The date, moved by `adjustment` when the market is closed on it.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when no business day lies within a year that way.
    pub fn adjust(&self, date: Date, adjustment: Adjustment) -> Result<Date> {
        let walk = |step: i32| -> Result<Date> {
            let mut found = date;
            for _ in 0..LONGEST_CLOSURE_DAYS {
                if self.is_business_day(found) {
                    return Ok(found);
                }
                found = found.checked_add(step.days()).map_err(|_| no_business_day(date))?;
            }
            Err(no_business_day(date))
        };
        let modified = |step: i32| -> Result<Date> {
            let found = walk(step)?;
            if found.month() == date.month() { Ok(found) } else { walk(-step) }
        };
        match adjustment {
            Adjustment::None => Ok(date),
            Adjustment::Following => walk(1),
            Adjustment::Preceding => walk(-1),
            Adjustment::ModifiedFollowing => modified(1),
            Adjustment::ModifiedPreceding => modified(-1),
        }
    }

    /// The date `days` business days after `date` (before it when negative), which is first moved to a business day the
    /// same way.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the calendar ends before that.
    ///
    /// ```
    /// use dandelion_credit::calendar::BusinessCalendar;
    ///
    /// // Money sent on Thursday the 28th of March 2024 arrives two TARGET days later: Easter lies between.
    /// let target = BusinessCalendar::named("target")?;
    /// assert_eq!(target.advance("2024-03-28".parse().unwrap(), 2)?.to_string(), "2024-04-03");
    /// assert_eq!(target.advance("2024-04-03".parse().unwrap(), -2)?.to_string(), "2024-03-28");
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn advance(&self, date: Date, days: i32) -> Result<Date> {
        let step = if days < 0 { -1 } else { 1 };
        let way = if days < 0 { Adjustment::Preceding } else { Adjustment::Following };
        let mut found = self.adjust(date, way)?;
        for _ in 0..days.unsigned_abs() {
            let next = found.checked_add(step.days()).map_err(|_| no_business_day(date))?;
            found = self.adjust(next, way)?;
        }
        Ok(found)
    }

    /// Whether no later day of the month is a business day.
    #[must_use]
    pub fn is_business_month_end(&self, date: Date) -> bool {
        self.adjust(date.last_of_month(), Adjustment::Preceding).is_ok_and(|last| date >= last)
    }
}

fn no_business_day(date: Date) -> Error {
    Error::invalid("date", date, "within a year of a business day of the calendar")
}

fn sort(dates: &mut Vec<Date>) {
    dates.sort_unstable();
    dates.dedup();
}

impl HolidayRule {
    /// A rule for every year, without moving from weekends.
    #[must_use]
    pub const fn new(day: Holiday) -> Self {
        let shift = WeekendShift { saturday: 0, sunday: 0 };
        Self { day, shift, from_year: None, to_year: None, except_years: Vec::new() }
    }

    fn is_kept_in(&self, year: i16) -> bool {
        self.from_year.is_none_or(|first| first <= year)
            && self.to_year.is_none_or(|last| year <= last)
            && !self.except_years.contains(&year)
    }

    /// The date the holiday is kept on in `year`, weekend shift included.
    fn date_in(&self, year: i16) -> Option<Date> {
        if !self.is_kept_in(year) {
            return None;
        }
        let date = self.day.in_year(year)?;
        let shift = match date.weekday() {
            Weekday::Saturday => self.shift.saturday,
            Weekday::Sunday => self.shift.sunday,
            _ => 0,
        };
        date.checked_add(i64::from(shift).days()).ok()
    }

    fn falls_on(&self, date: Date) -> bool {
        let neighbours = match (date.month(), date.day()) {
            (1, 1..=3) => Some(date.year().saturating_sub(1)),
            (12, 29..=31) => Some(date.year().saturating_add(1)),
            _ => None,
        };
        self.date_in(date.year()) == Some(date) || neighbours.is_some_and(|year| self.date_in(year) == Some(date))
    }
}

impl Holiday {
    fn in_year(self, year: i16) -> Option<Date> {
        match self {
            Self::Fixed { month, day } => Date::new(year, month, day).ok(),
            Self::Easter { offset_days } => easter_sunday(year)?.checked_add(i64::from(offset_days).days()).ok(),
            Self::NthWeekday { month, nth, weekday } => {
                let weekday = Weekday::from_monday_one_offset(weekday).ok()?;
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
            Self::TokyoVernalEquinox => tokyo_equinox(year, 3, 20_691_150),
            Self::TokyoAutumnalEquinox => tokyo_equinox(year, 9, 23_090_000),
        }
    }

    fn is_real(self) -> bool {
        match self {
            // 2000 is a leap year, so 29 February passes and simply does not come in other years.
            Self::Fixed { month, day } => Date::new(2000, month, day).is_ok(),
            Self::Easter { offset_days } => (-100..=100).contains(&offset_days),
            Self::NthWeekday { month, nth, weekday } => {
                (1..=12).contains(&month) && (1..=5).contains(&nth.abs()) && (1..=7).contains(&weekday)
            }
            Self::TokyoVernalEquinox | Self::TokyoAutumnalEquinox => true,
        }
    }
}

/// Western Easter by the anonymous Gregorian algorithm (Nature, 20 April 1876).
fn easter_sunday(year: i16) -> Option<Date> {
    if year < 1583 {
        return None;
    }
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let day_of_march = h + l - 7 * m + 22;
    Date::new(year, 3, 1).ok()?.checked_add(i64::from(day_of_march - 1).days()).ok()
}

/// Mean equinox in millionths of a day of the month in 2000, moved on by 0.242194 days a year less leap days.
fn tokyo_equinox(year: i16, month: i8, day_in_2000: i64) -> Option<Date> {
    if !(1980..=2099).contains(&year) {
        return None;
    }
    let years = i64::from(year) - 2000;
    let leap_days = years.div_euclid(4);
    let day = (day_in_2000 + years * 242_194 - leap_days * 1_000_000).div_euclid(1_000_000);
    Date::new(year, month, i8::try_from(day).ok()?).ok()
}

impl TryFrom<CalendarForm> for BusinessCalendar {
    type Error = Error;

    fn try_from(mut form: CalendarForm) -> Result<Self> {
        form.weekend.sort_unstable();
        form.weekend.dedup();
        if form.weekend.len() > 6 || form.weekend.iter().any(|day| !(1..=7).contains(day)) {
            let rule = "at most six of Monday 1 to Sunday 7";
            return Err(Error::invalid("weekend", format!("{:?}", form.weekend), rule).at(&form.name));
        }
        for rule in &form.rules {
            let WeekendShift { saturday, sunday } = rule.shift;
            if !rule.day.is_real() || !(-3..=3).contains(&saturday) || !(-3..=3).contains(&sunday) {
                let rule = format!("{rule:?}");
                return Err(
                    Error::invalid("holiday", rule, "a day that a year has, moved by at most 3 days").at(&form.name)
                );
            }
        }
        sort(&mut form.holidays);
        sort(&mut form.working_days);
        Ok(Self { form })
    }
}

impl From<BusinessCalendar> for CalendarForm {
    fn from(calendar: BusinessCalendar) -> Self {
        calendar.form
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_falls_where_the_church_put_it() {
        for (year, month, day) in [(1818, 3, 22), (1999, 4, 4), (2000, 4, 23), (2024, 3, 31), (2038, 4, 25)] {
            assert_eq!(easter_sunday(year), Some(date(year, month, day)));
        }
        assert_eq!(easter_sunday(-1), None);
    }

    #[test]
    fn equinoxes_follow_the_gazette() {
        for (year, vernal, autumnal) in [(1992, 20, 23), (2009, 20, 23), (2012, 20, 22), (2019, 21, 23), (2024, 20, 22)]
        {
            assert_eq!(Holiday::TokyoVernalEquinox.in_year(year), Some(date(year, 3, vernal)), "{year}");
            assert_eq!(Holiday::TokyoAutumnalEquinox.in_year(year), Some(date(year, 9, autumnal)), "{year}");
        }
    }

    #[test]
    fn counting_by_weeks_agrees_with_counting_by_days() {
        let calendar = BusinessCalendar::named("china interbank").unwrap();
        let mut open = 0;
        let start = date(2023, 12, 28);
        let mut day = start;
        while day < date(2026, 1, 5) {
            assert_eq!(calendar.business_days_between(start, day), open, "{day}");
            open += i64::from(calendar.is_business_day(day));
            day = day.tomorrow().unwrap();
        }
    }

    #[test]
    fn holidays_that_move_over_new_year_are_seen() {
        let federal = BusinessCalendar::named("united states federal").unwrap();
        assert!(!federal.is_business_day(date(2021, 12, 31)), "New Year 2022 was a Saturday");
        assert!(federal.is_business_day(date(2021, 12, 30)));
    }

    #[test]
    fn calendars_are_data() {
        let text = r#"{"name":"shop","weekend":[7],"rules":[{"day":{"fixed":{"month":5,"day":1}}}],"holidays":["2024-02-12"]}"#;
        let shop: BusinessCalendar = serde_json::from_str(text).unwrap();
        assert!(shop.is_business_day(date(2024, 2, 10)) && !shop.is_business_day(date(2024, 2, 12)));
        assert_eq!(serde_json::from_str::<BusinessCalendar>(&serde_json::to_string(&shop).unwrap()).unwrap(), shop);
        for bad in [
            r#"{"name":"x","weekend":[1,2,3,4,5,6,7]}"#,
            r#"{"name":"x","weekend":[0]}"#,
            r#"{"name":"x","weekend":[],"rules":[{"day":{"fixed":{"month":2,"day":30}}}]}"#,
            r#"{"name":"x","weekend":[],"rules":[{"day":{"nth_weekday":{"month":2,"nth":0,"weekday":1}}}]}"#,
        ] {
            assert!(serde_json::from_str::<BusinessCalendar>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_calendar_closed_for_years_is_an_error_not_a_hang() {
        let days = (0..1000).map(|day| date(2024, 1, 1).checked_add(day.days()).unwrap());
        let closed = BusinessCalendar::new("closed", &[]).unwrap().with_holidays(days);
        assert!(closed.adjust(date(2024, 2, 1), Adjustment::Following).unwrap_err().is_invalid());
        assert!(closed.adjust(date(9999, 12, 31), Adjustment::Following).is_ok());
    }
}
