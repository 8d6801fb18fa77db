//! Day counts, date sequences, holidays and business days.

use dandelion_credit::calendar::{
    Adjustment, BusinessCalendar, CouponPeriod, DateSequence, DayCount, DayCountContext, Direction, Period, PeriodUnit,
};
use serde_json::Value;

use crate::check::{Check, Judged, Stop, date, list, malformed, parse_decimal, text};

/// The convention behind one of the names it goes by.
pub fn convention(name: &str) -> Judged<DayCount> {
    let key: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let key = key.replace("actual", "act");
    Ok(match key.as_str() {
        "act360" => DayCount::Actual360,
        "act365" | "act365f" | "act365fixed" => DayCount::Actual365Fixed,
        "act364" => DayCount::Actual364,
        "actact" | "actactisda" => DayCount::ActualActualIsda,
        "actactafb" | "actacteuro" => DayCount::ActualActualAfb,
        "actacticma" | "actactisma" | "actacticmaisma" | "actactbond" | "actacticmawithschedule" => {
            DayCount::ActualActualIcma
        }
        "30360" | "30360bondbasis" | "30360bond" | "30360basic" => DayCount::Thirty360Bond,
        "30360us" | "30360sia" | "30360usa" | "30360nasd" => DayCount::Thirty360Us,
        "30u360" => DayCount::Thirty360Calculator,
        "30e360" | "30360european" | "30360e" | "30360eurobondbasis" => DayCount::ThirtyE360,
        "30e360isda" => DayCount::ThirtyE360Isda,
        "30360isda" => DayCount::Thirty360Bond,
        "30360german" => DayCount::Thirty360German,
        "30365" => DayCount::Thirty365,
        _ if key.starts_with("bus252") => DayCount::Business252,
        _ => return Err(Stop::Unsupported(format!("day count {name}"))),
    })
}

/// `BUS/252 (Brazil settlement calendar)` names its calendar.
fn calendar_in(name: &str) -> Judged<Option<BusinessCalendar>> {
    if !name.starts_with("BUS") {
        return Ok(None);
    }
    match name.split_once('(').map(|(_, rest)| rest.trim_end_matches(')').trim_end_matches("calendar").trim()) {
        Some(name) => Ok(Some(calendar(name)?)),
        None => Ok(None),
    }
}

/// A calendar by any of its names, with or without the market in front as C++ writes it.
fn calendar(name: &str) -> Judged<BusinessCalendar> {
    let name = name.trim_end_matches("()").trim_end_matches(')');
    let name = name.split_once('(').map_or_else(|| name.to_owned(), |(_, market)| market.replace("::", " "));
    let name = if name == "NullCalendar" { "none".to_owned() } else { name };
    BusinessCalendar::named(&name).map_err(|_| Stop::Unsupported(format!("calendar {name}")))
}

pub fn day_count(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let name = vector["convention"].as_str().ok_or_else(|| malformed("convention", &vector["convention"]))?;
    let (convention, market) = (convention(name)?, calendar_in(name)?);
    let (start, end) = (date(&inputs["start"])?, date(&inputs["end"])?);
    let coupon = if let Some(schedule) = inputs.get("schedule") {
        Some(coupon_of(schedule, start)?)
    } else if let Some(reference) = inputs.get("ref_start") {
        Some(CouponPeriod { start: date(reference)?, end: date(&inputs["ref_end"])?, month_end_kept: false })
    } else {
        None
    };
    let termination = inputs.get("termination_date").map(date).transpose()?;
    let context = DayCountContext { coupon, termination, calendar: market.as_ref() };
    if let Some(days) = expected["days"].as_i64() {
        check.equal("days", days, convention.days_in(start, end, &context)?);
    }
    let fraction = convention.fraction_in(start, end, &context)?;
    if let Some(denominator) = expected["year_fraction_denominator"].as_i64() {
        let days = convention.days_in(start, end, &context)?;
        check.equal("denominator", days * fraction.denominator(), denominator * fraction.numerator());
    }
    if let Some(sum) = expected["fraction"].as_str() {
        let wanted = sum
            .split('+')
            .map(parse_decimal)
            .sum::<Option<rust_decimal::Decimal>>()
            .ok_or_else(|| malformed("fraction", sum))?;
        check.equal("fraction", wanted.round_dp(20), fraction.as_decimal().round_dp(20));
    }
    let tolerance = expected["tolerance"].as_str().and_then(|text| text.parse().ok());
    check.near("year fraction", &expected["year_fraction"], fraction.as_f64(), tolerance)
}

/// The regular coupon period at or around `start`.
fn coupon_of(schedule: &Value, start: dandelion_credit::calendar::Date) -> Judged<CouponPeriod> {
    let months = match schedule["frequency"].as_str().unwrap_or_default() {
        "monthly" => 1,
        "quarterly" => 3,
        "semiannual" => 6,
        "annual" => 12,
        other => return Err(Stop::Unsupported(format!("frequency {other}"))),
    };
    let month_end_kept = schedule["end_of_month"].as_bool().unwrap_or(false);
    let step = Period::months(months)?;
    let next = |date| if month_end_kept { step.after_month_end_kept(date, 1) } else { step.after(date, 1) };
    let anchor = schedule.get("first").or(schedule.get("from")).map(date).transpose()?.unwrap_or(start);
    let mut period = CouponPeriod { start: anchor, end: next(anchor)?, month_end_kept };
    while period.end <= start {
        period = CouponPeriod { start: period.end, end: next(period.end)?, month_end_kept };
    }
    Ok(period)
}

fn adjustment(value: &Value) -> Judged<Adjustment> {
    Ok(match value.as_str().unwrap_or("Unadjusted") {
        "Unadjusted" => Adjustment::None,
        "Following" => Adjustment::Following,
        "ModifiedFollowing" => Adjustment::ModifiedFollowing,
        "Preceding" => Adjustment::Preceding,
        "ModifiedPreceding" => Adjustment::ModifiedPreceding,
        other => return Err(Stop::Unsupported(format!("adjustment {other}"))),
    })
}

/// `6*Months` or `monthly`.
fn period(inputs: &Value) -> Judged<Period> {
    if let Some(tenor) = inputs["withTenor"].as_str() {
        let (count, unit) = tenor.split_once('*').ok_or_else(|| malformed("tenor", tenor))?;
        let unit = match unit.trim() {
            "Days" => PeriodUnit::Days,
            "Weeks" => PeriodUnit::Weeks,
            "Months" => PeriodUnit::Months,
            "Years" => PeriodUnit::Years,
            other => return Err(Stop::Unsupported(format!("unit {other}"))),
        };
        return Ok(Period::new(count.trim().parse().map_err(|_| malformed("tenor", tenor))?, unit)?);
    }
    let frequency = inputs.get("withFrequency").unwrap_or(&inputs["frequency"]);
    Ok(match text(frequency)?.to_lowercase().as_str() {
        "daily" => Period::days(1)?,
        "weekly" => Period::weeks(1)?,
        "biweekly" => Period::weeks(2)?,
        "monthly" => Period::months(1)?,
        "quarterly" => Period::months(3)?,
        "semiannual" => Period::months(6)?,
        "annual" => Period::months(12)?,
        other => return Err(Stop::Unsupported(format!("frequency {other}"))),
    })
}

pub fn date_schedule(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let either = |one: &str, other: &str| inputs.get(one).or(inputs.get(other)).cloned().unwrap_or(Value::Null);
    let rule = adjustment(&either("withConvention", "convention"))?;
    let end_rule = inputs.get("withTerminationDateConvention").map(adjustment).transpose()?.unwrap_or(rule);
    let sequence = DateSequence {
        direction: if inputs["backwards"] == true { Direction::Backwards } else { Direction::Forwards },
        first: inputs.get("withFirstDate").map(date).transpose()?,
        next_to_last: inputs.get("withNextToLastDate").map(date).transpose()?,
        month_end_kept: either("endOfMonth", "end_of_month") == true,
        adjustment: rule,
        end_adjustment: end_rule,
        ..DateSequence::new(date(&inputs["from"])?, date(&inputs["to"])?, period(inputs)?)
    };
    let market = calendar(&text(&either("withCalendar", "calendar"))?)?;
    let found: Vec<String> = sequence.dates(&market)?.iter().map(ToString::to_string).collect();
    let wanted: Judged<Vec<String>> = list(&vector["expected"]["dates"])?.iter().map(text).collect();
    check.equal("dates", wanted?.join(" "), found.join(" "));
    Ok(())
}

pub fn holiday_list(vector: &Value, check: &mut Check) -> Judged {
    let market = calendar(&text(&vector["calendar"])?)?;
    let found = market.holidays(date(&vector["inputs"]["from"])?, date(&vector["inputs"]["to"])?);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let wanted: Judged<Vec<String>> =
        list(&vector["expected"]["holidays_excluding_weekends"])?.iter().map(text).collect();
    check.equal("holidays", wanted?.join(" "), found.join(" "));
    Ok(())
}

pub fn business_days_between(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let market = calendar(&text(&inputs["calendar"])?)?;
    let found = market.business_days_between(date(&inputs["from_included"])?, date(&inputs["to_excluded"])?);
    let wanted = &vector["expected"]["business_days"];
    check.equal("business days", wanted.as_i64().ok_or_else(|| malformed("days", wanted))?, found);
    Ok(())
}
