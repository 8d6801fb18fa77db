//! Day counts: how much of a year a contract says lies between two dates.

use serde::{Deserialize, Serialize};

use super::business::BusinessCalendar;
use super::period::Period;
use super::{Date, YearFraction, days_between, is_february_end, is_month_end};
use crate::error::{Error, Result};

/// How days become years. The names are those of the 2006 ISDA definitions and of ICMA where these have one.
///
/// Every answer is an exact [`YearFraction`]. A span that runs backwards is the negative of the same span forwards.
///
/// ```
/// use dandelion_credit::calendar::{Date, DayCount};
///
/// let (start, end): (Date, Date) = ("2003-11-01".parse().unwrap(), "2004-05-01".parse().unwrap());
/// assert_eq!(DayCount::Actual360.fraction(start, end)?.to_string(), "91/180"); // 182 days
/// assert_eq!(DayCount::Thirty360Bond.fraction(start, end)?.to_string(), "1/2");
/// assert_eq!(DayCount::ActualActualAfb.fraction(start, end)?.to_string(), "91/183");
/// assert_eq!(DayCount::ActualActualIsda.fraction(start, end)?.to_string(), "66491/133590");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayCount {
    /// Days over 360: money markets, and most daily interest in China.
    Actual360,
    /// Days over 365, leap year or not: India, the United Kingdom, consumer credit.
    Actual365Fixed,
    /// Days over 364, fifty-two whole weeks.
    Actual364,
    /// Days of common years over 365 plus days of leap years over 366.
    ActualActualIsda,
    /// As ISDA's, but a day belongs to the year it ends in: 31 December to 1 January is a day of the new year. How many loan
    /// systems and the United Kingdom's consumer rules split a period over New Year.
    ActualActualDayEnd,
    /// Days over the days of the year in which the span starts.
    ActualActualStart,
    /// Days over 366 when the span holds a 29 February after its start, over 365 otherwise ("ACT/365 actual").
    Actual365Leap,
    /// Whole years counted back from the end, the rest over 366 when it holds a 29 February and over 365 otherwise.
    ActualActualAfb,
    /// Days over the days of the coupon period times the coupons a year; needs a [`CouponPeriod`] unless the span is itself
    /// a regular one.
    ActualActualIcma,
    /// Months of 30 days; a 31st at the end counts as the 30th only after a start on the 30th or 31st ("30/360", "bond basis").
    Thirty360Bond,
    /// As the bond basis, with the last day of February counting as the 30th ("30U/360", SIA).
    Thirty360Us,
    /// As the bond basis, but a February end against an equal or later day is stretched to that day (pocket calculators'
    /// rule, known as 30U/360 there).
    Thirty360Calculator,
    /// Months of 30 days, every 31st counting as the 30th ("30E/360", Eurobond basis).
    ThirtyE360,
    /// Month ends count as the 30th, February's too, except a February end that is the termination date ("30E/360 ISDA").
    ThirtyE360Isda,
    /// Month ends count as the 30th, February's too, always.
    Thirty360German,
    /// Months of 30 days as 30E/360 counts them, over 365.
    Thirty365,
    /// Business days over 252, the start included and the end not; needs a calendar.
    Business252,
}

/// A regular coupon period beside which [`DayCount::ActualActualIcma`] measures.
///
/// ```
/// use dandelion_credit::calendar::{CouponPeriod, Date, DayCount, DayCountContext};
///
/// // A half-yearly coupon of 182 days: 91 days in it are half of half a year.
/// let date = |text: &str| text.parse::<Date>().unwrap();
/// let coupon = CouponPeriod { start: date("2024-01-01"), end: date("2024-07-01"), month_end_kept: false };
/// let context = DayCountContext { coupon: Some(coupon), ..DayCountContext::default() };
/// let years = DayCount::ActualActualIcma.fraction_in(date("2024-01-01"), date("2024-04-01"), &context)?;
/// assert_eq!(years.to_string(), "1/4");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouponPeriod {
    /// Where the period starts.
    pub start: Date,
    /// Where it ends.
    pub end: Date,
    /// Whether neighbouring notional periods keep the month end.
    pub month_end_kept: bool,
}

/// What some conventions need to know besides the two dates.
///
/// ```
/// use dandelion_credit::calendar::{BusinessCalendar, Date, DayCount, DayCountContext};
///
/// let date = |text: &str| text.parse::<Date>().unwrap();
/// let (start, end) = (date("2024-01-31"), date("2024-02-29"));
/// // Without a calendar business days cannot be counted; with one there are 21 of 252.
/// assert!(DayCount::Business252.fraction(start, end).unwrap_err().is_invalid());
/// let weekends = BusinessCalendar::named("weekends")?;
/// let context = DayCountContext { calendar: Some(&weekends), ..DayCountContext::default() };
/// assert_eq!(DayCount::Business252.fraction_in(start, end, &context)?.to_string(), "1/12");
/// // 30E/360 ISDA: the end of February is a 30th, unless the contract ends on it.
/// assert_eq!(DayCount::ThirtyE360Isda.fraction(start, end)?.to_string(), "1/12");
/// let context = DayCountContext { termination: Some(end), ..DayCountContext::default() };
/// assert_eq!(DayCount::ThirtyE360Isda.fraction_in(start, end, &context)?.to_string(), "29/360");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct DayCountContext<'a> {
    /// For ACT/ACT ICMA: the regular period the span lies in or beside. Absent: the span itself.
    pub coupon: Option<CouponPeriod>,
    /// For 30E/360 ISDA: the date the contract ends.
    pub termination: Option<Date>,
    /// For BUS/252: the open days.
    pub calendar: Option<&'a BusinessCalendar>,
}

impl DayCount {
    /// Every convention, in the order of their documentation.
    pub const ALL: [Self; 17] = [
        Self::Actual360,
        Self::Actual365Fixed,
        Self::Actual364,
        Self::ActualActualIsda,
        Self::ActualActualDayEnd,
        Self::ActualActualStart,
        Self::Actual365Leap,
        Self::ActualActualAfb,
        Self::ActualActualIcma,
        Self::Thirty360Bond,
        Self::Thirty360Us,
        Self::Thirty360Calculator,
        Self::ThirtyE360,
        Self::ThirtyE360Isda,
        Self::Thirty360German,
        Self::Thirty365,
        Self::Business252,
    ];

    /// The years from `start` to `end`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for [`Business252`](Self::Business252), which needs a calendar.
    pub fn fraction(self, start: Date, end: Date) -> Result<YearFraction> {
        self.fraction_in(start, end, &DayCountContext::default())
    }

    /// The years from `start` to `end`, with what the convention needs besides.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for [`Business252`](Self::Business252) without a calendar and for a coupon period that does not
    /// run forwards.
    ///
    /// ```
    /// use dandelion_credit::calendar::{BusinessCalendar, DayCount, DayCountContext};
    ///
    /// let brazil = BusinessCalendar::named("brazil")?;
    /// let context = DayCountContext { calendar: Some(&brazil), ..DayCountContext::default() };
    /// let (start, end) = ("2002-02-04".parse().unwrap(), "2003-05-16".parse().unwrap());
    /// assert_eq!(DayCount::Business252.fraction_in(start, end, &context)?.to_string(), "107/84"); // 321 days
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn fraction_in(self, start: Date, end: Date, context: &DayCountContext<'_>) -> Result<YearFraction> {
        if end < start {
            return Ok(self.fraction_in(end, start, context)?.negated());
        }
        let over = |denominator| Ok(YearFraction::days(self.days_in(start, end, context)?, denominator));
        match self {
            Self::Actual365Fixed | Self::Thirty365 => over(365),
            Self::Actual364 => over(364),
            Self::Business252 => over(252),
            Self::ActualActualIsda => act_act_isda(start, end),
            // Shifting both ends by a day moves the turn of the year; the last day of the calendar has no next.
            Self::ActualActualDayEnd => match (start.tomorrow(), end.tomorrow()) {
                (Ok(start), Ok(end)) => act_act_isda(start, end),
                _ => act_act_isda(start, end),
            },
            Self::ActualActualStart => over(year_days(start.year())),
            Self::Actual365Leap => {
                let leap = (start.year()..=end.year())
                    .any(|year| Date::new(year, 2, 29).is_ok_and(|leap_day| start < leap_day && leap_day <= end));
                over(if leap { 366 } else { 365 })
            }
            Self::ActualActualAfb => act_act_afb(start, end),
            Self::ActualActualIcma => {
                let coupon = context.coupon.unwrap_or(CouponPeriod { start, end, month_end_kept: false });
                act_act_icma(start, end, coupon)
            }
            Self::Actual360
            | Self::Thirty360Bond
            | Self::Thirty360Us
            | Self::Thirty360Calculator
            | Self::ThirtyE360
            | Self::ThirtyE360Isda
            | Self::Thirty360German => over(360),
        }
    }

    /// The days from `start` to `end` as the convention counts them: actual days, months of 30, or business days.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for [`Business252`](Self::Business252) without a calendar.
    pub fn days_in(self, start: Date, end: Date, context: &DayCountContext<'_>) -> Result<i64> {
        if end < start {
            return Ok(-self.days_in(end, start, context)?);
        }
        let (d1, d2) = (i64::from(start.day()), i64::from(end.day()));
        let months = i64::from(end.year() - start.year()) * 12 + i64::from(end.month()) - i64::from(start.month());
        let capped = |day: i64| day.min(30);
        let stretched = |date: Date| if is_month_end(date) { 30 } else { i64::from(date.day()).min(30) };
        let (d1, d2) = match self {
            Self::Actual360
            | Self::Actual365Fixed
            | Self::Actual364
            | Self::ActualActualIsda
            | Self::ActualActualDayEnd
            | Self::ActualActualStart
            | Self::Actual365Leap
            | Self::ActualActualAfb
            | Self::ActualActualIcma => return Ok(i64::from(days_between(start, end))),
            Self::Business252 => {
                let calendar = context
                    .calendar
                    .ok_or_else(|| Error::invalid("day count", "BUS/252", "used with a calendar of business days"))?;
                return Ok(calendar.business_days_between(start, end));
            }
            Self::Thirty365 | Self::ThirtyE360 => (capped(d1), capped(d2)),
            Self::Thirty360German => (stretched(start), stretched(end)),
            Self::ThirtyE360Isda => {
                let at_termination = is_february_end(end) && context.termination == Some(end);
                (stretched(start), if at_termination { d2 } else { stretched(end) })
            }
            Self::Thirty360Bond => (capped(d1), if d1 >= 30 { capped(d2) } else { d2 }),
            Self::Thirty360Us => {
                let d2 = if is_february_end(start) && is_february_end(end) { 30 } else { d2 };
                let d1 = if is_february_end(start) { 30 } else { d1 };
                (capped(d1), if d1 >= 30 { capped(d2) } else { d2 })
            }
            Self::Thirty360Calculator => calculator_days(start, end),
        };
        Ok(months * 30 + d2 - d1)
    }
}

/// The HP-12C's reading of February: its last day stands for the 30th, or for the 29th in a common year against a 29th;
/// two month ends, and two equal days, lie whole months apart.
fn calculator_days(start: Date, end: Date) -> (i64, i64) {
    let (d1, d2) = (i64::from(start.day()).min(30), i64::from(end.day()).min(30));
    let stretched = |date: Date, against: i64| if !date.in_leap_year() && against == 29 { 29 } else { 30 };
    if d1 == d2 || is_month_end(start) && is_month_end(end) {
        (0, 0)
    } else if is_february_end(start) {
        (stretched(start, d2), d2)
    } else if is_february_end(end) {
        (d1, stretched(end, d1))
    } else {
        (d1, d2)
    }
}

fn first_of_year(year: i16) -> Date {
    // The years are those of existing dates.
    Date::constant(year, 1, 1)
}

fn year_days(year: i16) -> i64 {
    i64::from(first_of_year(year).days_in_year())
}

/// ISDA 2006, section 4.16(b).
fn act_act_isda(start: Date, end: Date) -> Result<YearFraction> {
    let (y1, y2) = (start.year(), end.year());
    if y1 == y2 {
        return Ok(YearFraction::days(i64::from(days_between(start, end)), year_days(y1)));
    }
    // From the start to the end of its year is the year less the days before the start.
    let gone = |date: Date| i64::from(date.day_of_year()) - 1;
    let head = YearFraction::days(year_days(y1) - gone(start), year_days(y1));
    let tail = YearFraction::days(gone(end), year_days(y2));
    YearFraction::days(i64::from(y2) - i64::from(y1) - 1, 1).checked_add(head)?.checked_add(tail)
}

/// Association française de banques, 1994: the base convention of fixed-rate euro contracts.
fn act_act_afb(start: Date, end: Date) -> Result<YearFraction> {
    // The same day `years` earlier; the end of February stays the end of February.
    let earlier = |years: i64| -> Date {
        let year = (i64::from(end.year()) - years) as i16;
        if is_february_end(end) && years > 0 {
            return first_of_year(year).with().month(2).day(1).build().map_or(end, Date::last_of_month);
        }
        end.with().year(year).build().unwrap_or(end)
    };
    let mut years = i64::from(end.year()) - i64::from(start.year());
    if earlier(years) < start {
        years -= 1;
    }
    let rest_end = earlier(years);
    let holds_leap_day =
        |year: i16| Date::new(year, 2, 29).is_ok_and(|leap_day| start <= leap_day && leap_day < rest_end);
    let leap = if rest_end.in_leap_year() { holds_leap_day(rest_end.year()) } else { holds_leap_day(start.year()) };
    let denominator = if leap { 366 } else { 365 };
    YearFraction::days(years, 1).checked_add(YearFraction::days(i64::from(days_between(start, rest_end)), denominator))
}

/// ICMA rule 251: days over the days of each notional coupon period, each period being worth its share of a year.
fn act_act_icma(start: Date, end: Date, coupon: CouponPeriod) -> Result<YearFraction> {
    if start == end {
        return Ok(YearFraction::ZERO);
    }
    let mut coupon = coupon;
    let coupon_days = days_between(coupon.start, coupon.end);
    if coupon_days <= 0 {
        return Err(Error::invalid("coupon period", format!("{} to {}", coupon.start, coupon.end), "runs forwards"));
    }
    // Nearest whole number of months; a period shorter than half a month is measured beside a year.
    let mut months = (i64::from(coupon_days) * 24 + 365) / 730;
    if months == 0 {
        months = 12;
        coupon.end = Period::months(12)?.after(coupon.start, 1)?;
    }
    let step = Period::months(u32::try_from(months).unwrap_or(12))?;
    let boundary = |periods: i32| -> Result<Date> {
        match periods {
            0 => Ok(coupon.start),
            1 => Ok(coupon.end),
            n if coupon.month_end_kept && n > 1 => step.after_month_end_kept(coupon.end, n - 1),
            n if n > 1 => step.after(coupon.end, n - 1),
            n if coupon.month_end_kept => step.after_month_end_kept(coupon.start, n),
            n => step.after(coupon.start, n),
        }
    };
    // The notional period that holds the start: estimated, then walked to.
    let mut index = (i64::from(days_between(coupon.start, start)) / i64::from(coupon_days)) as i32;
    while boundary(index)? > start {
        index -= 1;
    }
    while boundary(index + 1)? <= start {
        index += 1;
    }
    let share = |from: Date, to: Date, index: i32| -> Result<YearFraction> {
        let whole = i64::from(days_between(boundary(index)?, boundary(index + 1)?));
        Ok(YearFraction::days(i64::from(days_between(from, to)) * months, whole * 12))
    };
    if boundary(index + 1)? >= end {
        return share(start, end, index);
    }
    let mut total = share(start, boundary(index + 1)?, index)?;
    let mut last = index + 1;
    // Whole periods are worth the same each, so only their number matters.
    let skip = i64::from(days_between(boundary(last)?, end)) / i64::from(coupon_days.max(366)) - 1;
    last += skip.max(0) as i32;
    while boundary(last + 1)? <= end {
        last += 1;
    }
    let whole = i64::from(last - index - 1);
    total = total.checked_add(YearFraction::days(whole * months, 12))?;
    if boundary(last)? < end {
        total = total.checked_add(share(boundary(last)?, end, last)?)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn fraction(convention: DayCount, start: Date, end: Date) -> String {
        convention.fraction(start, end).unwrap().to_string()
    }

    #[test]
    fn conventions_differ_where_their_definitions_say_so() {
        let (start, end) = (date(2008, 2, 29), date(2008, 8, 31));
        assert_eq!(fraction(DayCount::Thirty360Bond, start, end), "91/180");
        assert_eq!(fraction(DayCount::Thirty360Us, start, end), "1/2");
        assert_eq!(fraction(DayCount::ThirtyE360, start, end), "181/360");
        assert_eq!(fraction(DayCount::Thirty360German, start, end), "1/2");
        assert_eq!(fraction(DayCount::Actual364, start, end), "46/91");
        assert_eq!(fraction(DayCount::Thirty365, start, end), "181/365");
        assert_eq!(fraction(DayCount::ActualActualIsda, start, end), "92/183");
    }

    #[test]
    fn a_february_end_at_termination_keeps_its_days() {
        let (start, end) = (date(2011, 8, 31), date(2012, 2, 29));
        let context = DayCountContext { termination: Some(end), ..DayCountContext::default() };
        assert_eq!(DayCount::ThirtyE360Isda.days_in(start, end, &context).unwrap(), 179);
        assert_eq!(DayCount::ThirtyE360Isda.days_in(start, end, &DayCountContext::default()).unwrap(), 180);
    }

    #[test]
    fn icma_measures_stub_periods_beside_notional_ones() {
        let coupon = CouponPeriod { start: date(2003, 1, 15), end: date(2003, 7, 15), month_end_kept: false };
        let context = DayCountContext { coupon: Some(coupon), ..DayCountContext::default() };
        let icma = |start, end| DayCount::ActualActualIcma.fraction_in(start, end, &context).unwrap().to_string();
        assert_eq!(icma(date(2002, 8, 15), date(2003, 7, 15)), "337/368"); // 153/184 of a half-year and one half-year
        assert_eq!(icma(date(2003, 1, 15), date(2013, 1, 15)), "10");
        assert_eq!(icma(date(1990, 1, 15), date(2030, 7, 15)), "81/2");
    }

    #[test]
    fn a_day_may_belong_to_the_year_it_ends_in() {
        let (start, end) = (date(2023, 12, 12), date(2024, 1, 12));
        let expected = YearFraction::new(19, 365).unwrap().checked_add(YearFraction::new(12, 366).unwrap()).unwrap();
        assert_eq!(DayCount::ActualActualDayEnd.fraction(start, end).unwrap(), expected);
        assert_eq!(fraction(DayCount::Actual365Leap, date(2024, 1, 31), date(2024, 2, 29)), "29/366");
        assert_eq!(fraction(DayCount::Actual365Leap, date(2024, 2, 29), date(2024, 3, 31)), "31/365");
    }

    #[test]
    fn business_days_need_a_calendar() {
        assert!(DayCount::Business252.fraction(date(2024, 1, 1), date(2024, 2, 1)).unwrap_err().is_invalid());
    }

    fn any_date() -> impl Strategy<Value = Date> {
        (-3_600_000i32..=2_900_000).prop_map(|day| super::super::date_of_epoch_day(day).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn every_convention_counts_whole_years_nearly_whole_and_backwards_as_negative(start in any_date(), end in any_date()) {
            for convention in DayCount::ALL {
                if convention == DayCount::Business252 {
                    continue;
                }
                let years = convention.fraction(start, end).unwrap();
                let actual = f64::from(days_between(start, end)) / 365.2425;
                prop_assert!((years.as_f64() - actual).abs() <= 0.05 + actual.abs() * 0.02, "{convention:?}");
                prop_assert_eq!(convention.fraction(end, start).unwrap(), years.negated());
            }
        }

        #[test]
        fn calendar_year_counts_add_up(start in any_date(), a in 0i32..4000, b in 0i32..4000) {
            let start = start.min(date(9900, 1, 1));
            let middle = super::super::date_of_epoch_day(super::super::epoch_day(start) + a).unwrap();
            let end = super::super::date_of_epoch_day(super::super::epoch_day(middle) + b).unwrap();
            for convention in [DayCount::Actual360, DayCount::Actual365Fixed, DayCount::ActualActualIsda] {
                let parts = convention.fraction(start, middle).unwrap().checked_add(convention.fraction(middle, end).unwrap());
                prop_assert_eq!(parts.unwrap(), convention.fraction(start, end).unwrap());
            }
        }
    }
}
