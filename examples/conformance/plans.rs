//! Payment plans with interest by the day.

use dandelion_credit::calendar::{Date, Period, days_between};
use dandelion_credit::loan::{
    CostCap, DatedAmount, LegalTime, PaymentPlan, PlanMethod, PlanRate, PlanTerms, ResidualRule, UnitPeriod,
    actuarial_rate, effective_rate, float_of, payment_plan,
};
use dandelion_credit::{AnnualRate, BasisPoints, DailyRate, Money, Rounding};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use crate::check::{Check, Judged, Stop, date, list, malformed, parse_decimal, text, whole};
use crate::schedules::{major, money};

pub fn rounding(value: &Value) -> Judged<Rounding> {
    Ok(match value.as_str().unwrap_or_default() {
        // A payment is whole minor units: one that the plan does not round is agreed, not reckoned.
        "not rounded" => Rounding::HalfUp,
        "up" => Rounding::Up,
        "down" => Rounding::Down,
        "half_away_from_zero" => Rounding::HalfUp,
        "half_even" => Rounding::HalfEven,
        other => return Err(Stop::Unsupported(format!("rounding {other:?}"))),
    })
}

/// `0.798 % per day`, `9.95 % per year` or `zero`.
pub fn rate(words: &str) -> Judged<PlanRate> {
    if words == "zero" {
        return Ok(PlanRate::ZERO);
    }
    let (percent, unit) = words.split_once('%').ok_or_else(|| malformed("rate", words))?;
    let fraction = parse_decimal(percent).ok_or_else(|| malformed("rate", words))? / Decimal::ONE_HUNDRED;
    match unit.trim() {
        "per day" => Ok(PlanRate::Daily(DailyRate::from_fraction(fraction)?)),
        "per year" => Ok(PlanRate::Yearly(AnnualRate::from_fraction(fraction)?)),
        other => Err(Stop::Unsupported(format!("rate {other}"))),
    }
}

/// `100 %`, `500.00` or `n/a`, as a share and an amount.
fn cap(value: &Value) -> Judged<(Option<BasisPoints>, Option<Money>)> {
    let words = value.as_str().unwrap_or("n/a");
    if words == "n/a" {
        return Ok((None, None));
    }
    match words.split_once('%') {
        Some((percent, _)) => {
            let points =
                (parse_decimal(percent).ok_or_else(|| malformed("cap", words))? * Decimal::ONE_HUNDRED).normalize();
            let points = if points.scale() == 0 { i32::try_from(points.mantissa()).ok() } else { None };
            Ok((Some(BasisPoints::new(points.ok_or_else(|| malformed("cap", words))?)), None))
        }
        None => Ok((None, Some(money(value)?))),
    }
}

fn two_digits(text: &str) -> Judged<i8> {
    if text == "month-end" { Ok(31) } else { text.parse().map_err(|_| malformed("day", text)) }
}

/// The dates of `monthly from 2025-04 on 14`, `2-weekly from 2023-11-23` or `weekly from 2022-05-06`.
pub fn unit_dates(words: &str, count: u32) -> Judged<Vec<Date>> {
    let (unit, rest) = words.split_once(" from ").ok_or_else(|| malformed("unit-period", words))?;
    if unit == "semi-monthly" {
        return semi_monthly_dates(rest, count);
    }
    let (every, unit) = unit.split_once('-').unwrap_or(("1", unit));
    let every: u32 = every.parse().map_err(|_| Stop::Unsupported(format!("unit-period {words}")))?;
    match unit {
        "monthly" => {
            let (month, day) = rest.split_once(" on ").ok_or_else(|| malformed("unit-period", words))?;
            let anchor: Date = format!("{month}-01").parse().map_err(|_| malformed("month", month))?;
            let (day, period) = (two_digits(day)?, Period::months(every)?);
            (0..count).map(|n| Ok(period.after_on_day(anchor, n as i32, day)?)).collect()
        }
        "weekly" => {
            let anchor: Date = rest.parse().map_err(|_| malformed("date", rest))?;
            let period = Period::weeks(every)?;
            (0..count).map(|n| Ok(period.after(anchor, n as i32)?)).collect()
        }
        "daily" => {
            let anchor: Date = rest.parse().map_err(|_| malformed("date", rest))?;
            let period = Period::days(every)?;
            (0..count).map(|n| Ok(period.after(anchor, n as i32)?)).collect()
        }
        _ => Err(Stop::Unsupported(format!("unit-period {words}"))),
    }
}

/// The dates of `2022-11 on 01 and 15`, beginning with the first day named.
fn semi_monthly_dates(words: &str, count: u32) -> Judged<Vec<Date>> {
    let (month, days) = words.split_once(" on ").ok_or_else(|| malformed("unit-period", words))?;
    let (first, second) =
        days.split_once(" and ").or_else(|| days.split_once('/')).ok_or_else(|| malformed("unit-period", words))?;
    let (first, second) = (two_digits(first.trim())?, two_digits(second.trim())?);
    let anchor: Date = format!("{month}-01").parse().map_err(|_| malformed("month", month))?;
    let period = Period::months(1)?;
    // A second day that is the lower one lies in the next month.
    let ahead = i32::from(second < first);
    (0..count as i32)
        .map(|n| match n % 2 {
            0 => Ok(period.after_on_day(anchor, n / 2, first)?),
            _ => Ok(period.after_on_day(anchor, n / 2 + ahead, second)?),
        })
        .collect()
}

/// The plan's terms, without its days of payment.
pub fn terms(inputs: &Value) -> Judged<PlanTerms> {
    let interest = &inputs["interest"];
    let principal = money(&inputs["principal"])?;
    let (total_share, total) = cap(&interest["cap_total"])?;
    let (daily_share, daily) = cap(&interest["cap_daily"])?;
    let financed_fee = match &inputs["fee"] {
        Value::Null => Money::ZERO,
        fee => {
            let words = text(&fee["type"])?;
            let figure = words.trim_end_matches('%').trim().rsplit(' ').next().unwrap_or_default();
            let figure = parse_decimal(figure).ok_or_else(|| malformed("fee", &words))?;
            let minor = if words.ends_with('%') {
                figure * principal.to_decimal_minor() / Decimal::ONE_HUNDRED
            } else {
                figure * Decimal::ONE_HUNDRED
            };
            Money::from_decimal_minor(minor, rounding(&fee["rounding"])?)?
        }
    };
    Ok(PlanTerms {
        principal,
        financed_fee,
        rate: rate(interest["standard_rate"].as_str().unwrap_or_default())?,
        payment_days: vec![],
        agreed_payments: None,
        method: match interest["method"].as_str().unwrap_or_default() {
            "actuarial" => PlanMethod::Actuarial,
            "add-on" => PlanMethod::AddOn,
            other => return Err(Stop::Unsupported(format!("method {other}"))),
        },
        cap: CostCap { total_share, total, daily_share, daily, annual: None },
        payment_rounding: rounding(&inputs["payment_rounding"])?,
        interest_rounding: rounding(&interest["rounding"])?,
        residual: match inputs["level_payment_option"].as_str().unwrap_or_default() {
            "similar final payment" => ResidualRule::SimilarLast,
            "higher final payment" => ResidualRule::HigherLast,
            _ => ResidualRule::LowerLast,
        },
    })
}

pub fn payment_dates(inputs: &Value, start: Date) -> Judged<Vec<Date>> {
    let schedule = &inputs["schedule"];
    let unit = text(&schedule["unit_period"])?;
    if let Some(duration) = schedule.get("max_duration") {
        let words = text(duration)?;
        let days: i32 =
            words.split(' ').next().and_then(|days| days.parse().ok()).ok_or_else(|| malformed("duration", &words))?;
        let dates = unit_dates(&unit, days.unsigned_abs() + 1)?;
        return Ok(dates.into_iter().filter(|&date| days_between(start, date) <= days).collect());
    }
    unit_dates(&unit, whole(&schedule["payment_count"])?)
}

/// The annual rate by the named method in per cent, of an advance and what comes back.
fn annual_percentage(method: &str, advance: Money, start: Date, payments: &[(Date, Money)]) -> Judged<f64> {
    let amount = |money: Money| float_of(major(money));
    let solution = if method.starts_with("US") {
        let dates: Vec<Date> = payments.iter().map(|(date, _)| *date).collect();
        let unit = UnitPeriod::of_schedule(start, &dates)?;
        let mut timed = Vec::new();
        for &(date, payment) in payments {
            timed.push((unit.time(start, date)?, amount(payment)));
        }
        actuarial_rate(amount(advance), &timed, unit.per_year())?
    } else {
        let mut flows = vec![DatedAmount { date: start, amount: -amount(advance) }];
        flows.extend(payments.iter().map(|&(date, payment)| DatedAmount { date, amount: amount(payment) }));
        effective_rate(&flows, LegalTime::Days365)?
    };
    Ok(solution.nearest(1.0).unwrap_or_default() * 100.0)
}

pub fn compare_plan(plan: &PaymentPlan, expected: &Value, check: &mut Check) -> Judged {
    let rows = list(expected)?;
    check.equal("rows", rows.len(), plan.rows.len());
    let four = |minor: Decimal| {
        (minor / Decimal::ONE_HUNDRED).round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero)
    };
    for (index, (wanted, row)) in rows.iter().zip(&plan.rows).enumerate() {
        let figures = [
            ("day", Decimal::from(row.day)),
            ("scheduled_payment", major(row.payment)),
            ("actuarial_interest", four(row.accrued_minor)),
            ("interest_portion", major(row.interest)),
            ("principal_portion", major(row.principal)),
            ("interest_balance", major(row.interest_balance)),
            ("principal_balance", major(row.balance)),
            ("total_actuarial_interest", four(row.total_accrued_minor)),
            ("total_interest", major(row.total_interest)),
            ("total_principal", major(row.total_principal)),
        ];
        for (key, found) in figures {
            check.exact(format!("row {index} {key}"), &wanted[key], found)?;
        }
    }
    Ok(())
}

pub fn compare_stats(
    plan: &PaymentPlan,
    terms: &PlanTerms,
    method: &str,
    start: Date,
    expected: &Value,
    check: &mut Check,
) -> Judged {
    let on_top = if terms.method == PlanMethod::AddOn { plan.interest } else { Money::ZERO };
    check.exact("initial_interest_balance", &expected["initial_interest_balance"], major(on_top))?;
    let costs = terms.financed_fee.checked_add(plan.interest)?;
    let share = major(costs) / major(plan.principal) * Decimal::ONE_HUNDRED;
    let share = share.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    check.exact("cost_to_borrowing_pct", &expected["cost_to_borrowing_pct"], share)?;
    check.exact("level_payment", &expected["level_payment"], major(plan.level_payment))?;
    check.exact("final_payment", &expected["final_payment"], major(plan.final_payment))?;
    let last_day = plan.rows.last().map_or(0, |row| row.day);
    check.exact("last_scheduled_day", &expected["last_scheduled_day"], last_day.into())?;
    let total = plan.principal.checked_add(plan.interest)?;
    check.exact("total_scheduled", &expected["total_scheduled"], major(total))?;
    check.exact("total_principal", &expected["total_principal"], major(plan.principal))?;
    check.exact("total_interest", &expected["total_interest"], major(plan.interest))?;
    let mut payments = Vec::new();
    for row in &plan.rows[1..] {
        payments.push((day_after(start, row.day)?, row.payment));
    }
    let found = annual_percentage(method, terms.principal, start, &payments)?;
    check.near("apr_pct", &expected["apr_pct"], found, None)
}

pub fn day_after(start: Date, days: i32) -> Judged<Date> {
    let day = dandelion_credit::calendar::epoch_day(start) + days;
    Ok(dandelion_credit::calendar::date_of_epoch_day(day)?)
}

pub fn basic_schedule(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let start = date(&inputs["start_date"])?;
    let mut terms = terms(inputs)?;
    terms.payment_days = payment_dates(inputs, start)?.iter().map(|&date| days_between(start, date)).collect();
    let plan = payment_plan(&terms)?;
    compare_plan(&plan, &expected["schedule"], check)?;
    let method = text(&inputs["interest"]["apr_method"])?;
    compare_stats(&plan, &terms, &method, start, &expected["stats"], check)
}

/// One plan a cell: the first payment some days after the start, then monthly.
pub fn apr_grid(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let start = date(&inputs["start_date"])?;
    let method = text(&inputs["interest"]["apr_method"])?;
    let base = terms(inputs)?;
    for cell in list(&vector["expected"])? {
        let first_day = whole(&cell["first_payment_day"])? as i32;
        let first = day_after(start, first_day)?;
        let count = whole(&cell["payment_count"])?;
        // A first payment on a month's last day keeps to last days.
        let day = if first.day() == first.days_in_month() { 31 } else { first.day() };
        let mut days = Vec::new();
        for n in 0..count {
            days.push(days_between(start, Period::months(1)?.after_on_day(first, n as i32, day)?));
        }
        let plan = payment_plan(&PlanTerms { payment_days: days, ..base.clone() })?;
        let mut payments = Vec::new();
        for row in &plan.rows[1..] {
            payments.push((day_after(start, row.day)?, row.payment));
        }
        let found = annual_percentage(&method, base.principal, start, &payments)?;
        check.near(format!("day {first_day} count {count}"), &cell["apr_pct"], found, None)?;
    }
    Ok(())
}
