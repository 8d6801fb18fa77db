//! The actuarial method of the United States: Regulation Z, 12 CFR 1026, Appendix J.

use serde::{Deserialize, Serialize};

use super::roots::RateSolution;
use crate::calendar::{Date, Period, days_between, is_month_end};
use crate::elementary::{exp, ln_1p};
use crate::error::{Error, Result};

/// The interval the term is measured in: the one that occurs most often between payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitPeriod {
    /// A day, 365 a year.
    Day,
    /// So many weeks, 52 divided by them a year.
    Weeks(u32),
    /// Fourteen days, 26 a year, with the days left over divided by 15: the reading of pocket calculators.
    Fortnight,
    /// Half a month, 24 a year.
    HalfMonth,
    /// So many months, 12 divided by them a year; 12 is a year.
    Months(u32),
    /// One advance and one payment: the whole term of so many days, 365 divided by them a year.
    WholeTerm {
        /// Days of the term.
        days: u32,
    },
}

/// The time of a payment: whole unit-periods and a fraction of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitPeriodTime {
    /// Whole unit-periods, t.
    pub whole: u32,
    /// The fraction of a unit-period besides, f.
    pub fraction: f64,
}

impl UnitPeriod {
    /// How many make a year.
    #[must_use]
    pub fn per_year(self) -> f64 {
        match self {
            Self::Day => 365.0,
            Self::Weeks(weeks) => 52.0 / f64::from(weeks.max(1)),
            Self::Fortnight => 26.0,
            Self::HalfMonth => 24.0,
            Self::Months(months) => 12.0 / f64::from(months.max(1)),
            Self::WholeTerm { days } => 365.0 / f64::from(days.max(1)),
        }
    }

    /// The time from `start` to `end`: whole unit-periods counted back from the later date, and the rest.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `end` is before `start`.
    ///
    /// ```
    /// use dandelion_credit::loan::UnitPeriod;
    ///
    /// // Appendix J (c)(1)(iv): a quarter and 39 of 90 days
    /// let time = UnitPeriod::Months(3).time("1978-05-23".parse().unwrap(), "1978-10-01".parse().unwrap())?;
    /// assert_eq!((time.whole, time.fraction), (1, 39.0 / 90.0));
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn time(self, start: Date, end: Date) -> Result<UnitPeriodTime> {
        if end < start {
            return Err(Error::invalid("end of an interval", end, "not before its start"));
        }
        let days = days_between(start, end).unsigned_abs();
        let of_days = |unit: u32, over: u32| UnitPeriodTime {
            whole: days / unit,
            fraction: f64::from(days % unit) / f64::from(over),
        };
        let months_and_days = || -> Result<(u32, u32)> {
            let month = Period::months(1)?;
            // A month end is counted back to month ends.
            let back = |months: i32| {
                if is_month_end(end) { month.after_month_end_kept(end, -months) } else { month.after(end, -months) }
            };
            let mut months = (i32::from(end.year()) - i32::from(start.year())) * 12 + i32::from(end.month())
                - i32::from(start.month());
            while months > 0 && back(months)? < start {
                months -= 1;
            }
            let rest = days_between(start, back(months)?);
            Ok((months.unsigned_abs(), rest.unsigned_abs()))
        };
        Ok(match self {
            Self::Day => UnitPeriodTime { whole: 0, fraction: f64::from(days) / 365.0 },
            Self::Weeks(weeks) => of_days(weeks.max(1) * 7, weeks.max(1) * 7),
            Self::Fortnight => of_days(14, 15),
            Self::WholeTerm { days: term } => of_days(term.max(1), term.max(1)),
            Self::HalfMonth => {
                let (months, rest) = months_and_days()?;
                UnitPeriodTime { whole: 2 * months + rest / 15, fraction: f64::from(rest % 15) / 15.0 }
            }
            Self::Months(unit) => {
                let unit = unit.max(1);
                let (months, rest) = months_and_days()?;
                let over = months % unit;
                let fraction = match unit {
                    12 if rest == 0 => f64::from(over) / 12.0,
                    12 => {
                        f64::from(days_between(start, Period::months(1)?.after(end, -((months - over) as i32))?))
                            / 365.0
                    }
                    _ => f64::from(over * 30 + rest) / f64::from(unit * 30),
                };
                UnitPeriodTime { whole: months / unit, fraction }
            }
        })
    }

    /// The unit-period of a schedule (Appendix J (b)(4) and (5)): the interval that occurs most often between its dates, as a day,
    /// a number of weeks, half a month or a number of months up to a year; the smaller of two that occur as often; the average
    /// interval when none occurs twice; the whole term when there is a single payment.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when there is no payment after the start.
    ///
    /// ```
    /// use dandelion_credit::calendar::Date;
    /// use dandelion_credit::loan::UnitPeriod;
    ///
    /// let dates = |texts: &[&str]| -> Vec<Date> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    /// let start = "2024-01-01".parse().unwrap();
    /// let eight_weeks = dates(&["2024-01-18", "2024-03-14", "2024-05-09", "2024-07-04"]);
    /// assert_eq!(UnitPeriod::of_schedule(start, &eight_weeks)?, UnitPeriod::Weeks(8));
    /// let month_ends = dates(&["2024-01-31", "2024-02-29", "2024-03-31"]);
    /// assert_eq!(UnitPeriod::of_schedule(start, &month_ends)?, UnitPeriod::Months(1));
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn of_schedule(start: Date, payments: &[Date]) -> Result<Self> {
        let mut dates: Vec<Date> = payments.iter().copied().filter(|&date| date > start).collect();
        dates.push(start);
        dates.sort_unstable();
        dates.dedup();
        let (Some(&last), true) = (dates.last(), dates.len() > 1) else {
            return Err(Error::invalid("payments", payments.len(), "at least one after the advance"));
        };
        let term = days_between(start, last);
        if dates.len() == 2 {
            return Ok(Self::WholeTerm { days: term.unsigned_abs().min(365) });
        }
        let mut counts: Vec<(Self, usize)> = Vec::new();
        for pair in dates.windows(2) {
            let unit = Self::between(pair[0], pair[1])?;
            match counts.iter_mut().find(|(known, _)| *known == unit) {
                Some((_, count)) => *count += 1,
                None => counts.push((unit, 1)),
            }
        }
        let count_of = |unit: Self| counts.iter().find(|(known, _)| *known == unit).map_or(0, |&(_, count)| count);
        // Halves of months are at times fourteen days long.
        let (halves, fortnights) = (count_of(Self::HalfMonth), count_of(Self::Weeks(2)));
        if halves > 0 && halves * 2 >= fortnights && (halves + fortnights) * 2 > dates.len() - 1 {
            return Ok(Self::HalfMonth);
        }
        let most = counts.iter().map(|&(_, count)| count).max().unwrap_or(0);
        if most == 1 {
            return Ok(Self::nearest(term / (dates.len() as i32 - 1)));
        }
        let commonest = counts.into_iter().filter(|&(_, count)| count == most).map(|(unit, _)| unit);
        Ok(commonest.min_by_key(|unit| unit.days()).unwrap_or(Self::Months(1)))
    }

    /// The interval between two dates: months when both lie on one day of the month, whole weeks, or what is nearest.
    fn between(start: Date, end: Date) -> Result<Self> {
        let months =
            (i32::from(end.year()) - i32::from(start.year())) * 12 + i32::from(end.month()) - i32::from(start.month());
        if (1..=12).contains(&months) {
            let month = Period::months(1)?;
            let ends = is_month_end(start) && is_month_end(end);
            if ends || month.after(start, months)? == end || month.after(end, -months)? == start {
                return Ok(Self::Months(months.unsigned_abs()));
            }
        }
        let days = days_between(start, end);
        if days % 7 == 0 && days <= 364 {
            return Ok(Self::Weeks((days / 7).unsigned_abs()));
        }
        Ok(Self::nearest(days))
    }

    /// The day, half month or number of months of about so many days.
    fn nearest(days: i32) -> Self {
        const UNITS: [(i32, UnitPeriod); 4] =
            [(1, UnitPeriod::Day), (7, UnitPeriod::Weeks(1)), (14, UnitPeriod::Weeks(2)), (15, UnitPeriod::HalfMonth)];
        if days > 22 {
            return Self::Months(((days + 15) / 30).clamp(1, 12).unsigned_abs());
        }
        UNITS.into_iter().min_by_key(|&(unit, _)| (unit - days).abs()).map_or(Self::Day, |(_, unit)| unit)
    }

    /// About how many days it has, for putting them in order.
    const fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Weeks(weeks) => 7 * weeks,
            Self::Fortnight => 14,
            Self::HalfMonth => 15,
            Self::Months(months) => 30 * months,
            Self::WholeTerm { days } => days,
        }
    }
}

/// The nominal annual rate i·w at which the payments, each discounted by (1 + f·i)(1 + i)^t, equal `amount_financed`
/// (Appendix J (b)(8)); the unit-period rate nearest to nought when several do.
///
/// # Errors
/// [`Error::is_invalid`] for amounts or fractions that are not finite.
///
/// ```
/// use dandelion_credit::loan::{UnitPeriodTime, actuarial_rate};
///
/// let payments: Vec<_> = (1..=24).map(|whole| (UnitPeriodTime { whole, fraction: 0.0 }, 230.0)).collect();
/// let rate = actuarial_rate(5_000.0, &payments, 12.0)?.only().unwrap();
/// assert_eq!((rate * 1e4).round() / 1e2, 9.69); // per cent: Appendix J (c)(1)(i)
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn actuarial_rate(
    amount_financed: f64,
    payments: &[(UnitPeriodTime, f64)],
    unit_periods_per_year: f64,
) -> Result<RateSolution> {
    let finite =
        payments.iter().all(|(time, amount)| time.fraction.is_finite() && time.fraction >= 0.0 && amount.is_finite());
    if !finite || !amount_financed.is_finite() || !unit_periods_per_year.is_finite() {
        return Err(Error::invalid("payments", amount_financed, "finite amounts at finite times"));
    }
    let total: f64 = payments.iter().map(|(_, amount)| amount).sum();
    if amount_financed <= 0.0 || total <= 0.0 || payments.iter().any(|&(_, amount)| amount < 0.0) {
        return Ok(RateSolution::None);
    }
    // With payments all one way the worth falls steadily as the rate rises, from infinity near -1 to nought: one root.
    let worth = |rate: f64| -> f64 {
        payments
            .iter()
            .map(|&(time, amount)| amount / ((1.0 + time.fraction * rate) * exp(f64::from(time.whole) * ln_1p(rate))))
            .sum::<f64>()
            - amount_financed
    };
    let least = payments.iter().map(|(time, _)| time.fraction).fold(1.0, f64::max);
    let (mut low, mut high) = (-1.0 / least + 1e-12, 1.0);
    while worth(high) > 0.0 {
        high *= 2.0;
        if high > 1e12 {
            return Ok(RateSolution::None);
        }
    }
    if worth(low) < 0.0 {
        return Ok(RateSolution::None);
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if worth(middle) > 0.0 { low = middle } else { high = middle }
    }
    Ok(RateSolution::One(f64::midpoint(low, high) * unit_periods_per_year))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn regulation_z_measures_odd_first_periods() {
        let time = UnitPeriod::HalfMonth.time(date(1978, 2, 23), date(1978, 3, 1)).unwrap();
        assert_eq!((time.whole, time.fraction), (0, 0.4));
        let time = UnitPeriod::Months(2).time(date(1978, 1, 10), date(1978, 3, 1)).unwrap();
        assert_eq!((time.whole, time.fraction), (0, 52.0 / 60.0));
        let time = UnitPeriod::Weeks(1).time(date(1978, 3, 20), date(1978, 4, 21)).unwrap();
        assert_eq!((time.whole, time.fraction), (4, 4.0 / 7.0));
        let time = UnitPeriod::Months(1).time(date(2023, 10, 31), date(2024, 2, 29)).unwrap();
        assert_eq!((time.whole, time.fraction), (4, 0.0));
    }

    #[test]
    fn the_commonest_interval_is_the_unit() {
        let weeks: Vec<Date> =
            (1..6).map(|n| Period::weeks(2).unwrap().after(date(2023, 11, 16), n).unwrap()).collect();
        assert_eq!(UnitPeriod::of_schedule(date(2023, 11, 15), &weeks).unwrap(), UnitPeriod::Weeks(2));
        assert_eq!(
            UnitPeriod::of_schedule(date(2024, 1, 1), &[date(2024, 2, 20)]).unwrap(),
            UnitPeriod::WholeTerm { days: 50 }
        );
        assert!(UnitPeriod::of_schedule(date(2024, 1, 1), &[]).unwrap_err().is_invalid());
        let unit = |dates: &[Date]| UnitPeriod::of_schedule(date(2024, 1, 10), dates).unwrap();
        let twice_a_month =
            [date(2024, 1, 15), date(2024, 2, 1), date(2024, 2, 15), date(2024, 3, 1), date(2024, 3, 15)];
        assert_eq!(unit(&twice_a_month), UnitPeriod::HalfMonth);
        assert_eq!(unit(&[date(2024, 5, 10), date(2024, 9, 10), date(2025, 1, 10)]), UnitPeriod::Months(4));
        // None occurs twice: 31, 60 and 80 days, 57 on average.
        assert_eq!(unit(&[date(2024, 2, 10), date(2024, 4, 10), date(2024, 6, 29)]), UnitPeriod::Months(2));
    }
}
