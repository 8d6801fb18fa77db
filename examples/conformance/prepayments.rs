//! Schedules with money repaid early.

use dandelion_credit::calendar::{Adjustment, BusinessCalendar, Date, DayCount, Period};
use dandelion_credit::loan::{
    BusinessDays, InterestBasis, LoanTerms, PaymentTiming, Prepayment, PrepaymentEffect, RepaymentMethod,
    ScheduleRounding, build_schedule, present_value, schedule_with_prepayments,
};
use dandelion_credit::{AnnualRate, Money, Rounding};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::check::{Check, Judged, Stop, date, decimal, list, malformed, text, whole};
use crate::schedules::{major, money};

fn effect(words: &Value) -> Judged<PrepaymentEffect> {
    match words.as_str().unwrap_or_default() {
        "reduce_term" => Ok(PrepaymentEffect::ReduceTerm),
        "reduce_instalment" => Ok(PrepaymentEffect::ReduceInstalment),
        other => Err(Stop::Unsupported(format!("effect {other}"))),
    }
}

/// Rounding half up throughout, as these calculators do.
fn terms(inputs: &Value, start: Date) -> Judged<LoanTerms> {
    let half_up = ScheduleRounding {
        interest: Rounding::HalfUp,
        instalment: Rounding::HalfUp,
        fee: Rounding::HalfUp,
        ..ScheduleRounding::default()
    };
    let rate = AnnualRate::from_percent(decimal(&inputs["annual_rate_pct"])?)?;
    let terms = LoanTerms::new(money(&inputs["amount"])?, rate, start, whole(&inputs["months"])?)?;
    Ok(LoanTerms { rounding: half_up, ..terms })
}

pub fn schedule(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let month = Period::months(1)?;
    let any: Date = "2024-01-01".parse().map_err(|_| malformed("date", "any"))?;
    let start = match inputs.get("first_payment") {
        Some(first) => month.after(date(first)?, -1)?,
        None => any,
    };
    let mut terms = terms(inputs, start)?;
    if inputs.get("first_payment").is_some() {
        // With dates, interest runs by the days over those of the year a period starts in, the instalment does not.
        terms.basis = InterestBasis::Days(DayCount::ActualActualStart);
        terms.equal_level_periods = true;
    }
    let mut prepayments = Vec::new();
    for early in list(&inputs["early_payments"])? {
        let first = whole(&early["month_index"])?;
        let last = match early["repeat"].as_str() {
            None => first + 1,
            Some(words) if words.ends_with("to the end") => terms.instalments,
            Some(words) => words
                .rsplit(' ')
                .next()
                .and_then(|index| index.parse().ok())
                .ok_or_else(|| malformed("repeat", words))?,
        };
        for index in first..last {
            prepayments.push(Prepayment {
                date: month.after(start, index as i32 + 1)?,
                amount: money(&early["extra"])?,
                effect: effect(&early["strategy"])?,
            });
        }
    }
    let schedule = schedule_with_prepayments(&terms, &prepayments)?;
    let level = schedule.level_instalment.unwrap_or_default();
    check.exact("level payment", &expected["level_payment"], major(level))?;
    check.exact("total interest", &expected["total_interest"], major(schedule.interest))?;
    let rows = list(&expected["rows"])?;
    check.equal("rows", rows.len(), schedule.rows.len());
    let mut opening = terms.principal;
    for (index, (wanted, row)) in rows.iter().zip(&schedule.rows).enumerate() {
        let figures =
            [("opening", opening), ("principal", row.principal), ("interest", row.interest), ("paid", row.total)];
        for (key, found) in figures {
            check.exact(format!("row {index} {key}"), &wanted[key], major(found))?;
        }
        if let Some(due) = wanted.get("date") {
            check.equal(format!("row {index} date"), text(due)?, row.due.to_string());
        }
        opening = row.balance;
    }
    Ok(())
}

pub fn totals(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    if let Some(largest) = expected.get("max_loan") {
        let rate = decimal(&inputs["annual_rate_pct"])? / Decimal::from(1_200);
        let (months, payment) = (whole(&inputs["months"])?, decimal(&inputs["instalment"])?);
        let loan = present_value(rate, months, -payment, Decimal::ZERO, PaymentTiming::End)?;
        let cents = Money::from_decimal_minor(loan * Decimal::ONE_HUNDRED, Rounding::HalfUp)?;
        return check.exact("largest loan", largest, major(cents));
    }
    let any: Date = "2024-01-01".parse().map_err(|_| malformed("date", "any"))?;
    let start = inputs.get("issue").map_or(Ok(any), date)?;
    let mut terms = terms(inputs, start)?;
    if inputs.get("issue").is_some() {
        terms.basis = InterestBasis::Days(DayCount::ActualActualDayEnd);
        terms.equal_level_periods = true;
    }
    if let Some(day) = inputs.get("payment_day") {
        terms.due_day = i8::try_from(whole(day)?).ok();
    }
    if let Some(fixed) = inputs.get("fixed_payment") {
        terms.agreed_instalment = Some(money(fixed)?);
    }
    if inputs["method"] == "equal principal" {
        terms.method = RepaymentMethod::EqualPrincipal;
    }
    if let Some(name) = inputs["calendar"].as_str() {
        let calendar = BusinessCalendar::named(name).map_err(|_| Stop::Unsupported(format!("calendar {name}")))?;
        let adjustment = Adjustment::ModifiedFollowing;
        terms.business_days = Some(BusinessDays { calendar, adjustment, interest_moves: true });
    }
    let mut prepayments = Vec::new();
    for early in inputs.get("early").map_or(Ok(&vec![]), list)? {
        let (date, amount) = (date(&early[0])?, money(&early[1])?);
        prepayments.push(Prepayment { date, amount, effect: effect(&early[2])? });
    }
    let schedule = if prepayments.is_empty() && terms.agreed_instalment.is_none() {
        build_schedule(&terms)?
    } else {
        schedule_with_prepayments(&terms, &prepayments)?
    };
    check.exact("instalment", &expected["instalment"], major(schedule.level_instalment.unwrap_or_default()))?;
    check.exact("total interest", &expected["total_interest"], major(schedule.interest))?;
    let last = schedule.rows.last().map_or(Money::ZERO, |row| row.total);
    check.exact("last payment", &expected["last_payment"], major(last))
}

/// A plain loan in equal instalments whose rows are a date, principal, interest and balance.
pub fn annuity_schedule(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let rate = AnnualRate::from_percent(decimal(&inputs["annual_rate_pct"])?)?;
    let mut terms =
        LoanTerms::new(money(&inputs["advance"])?, rate, date(&inputs["start"])?, whole(&inputs["payments"])?)?;
    terms.first_due = inputs.get("first_payment").map(date).transpose()?;
    terms.rounding.interest = Rounding::HalfUp;
    terms.rounding.instalment = Rounding::HalfUp;
    let name = text(&inputs["day_count"])?;
    if !name.starts_with("30") {
        terms.basis = InterestBasis::Days(crate::calendars::convention(&name)?);
    }
    let schedule = build_schedule(&terms)?;
    check.exact("instalment", &expected["instalment"], major(schedule.level_instalment.unwrap_or_default()))?;
    let rows = list(&expected["rows"])?;
    check.equal("rows", rows.len(), schedule.rows.len());
    for (index, (wanted, row)) in rows.iter().zip(&schedule.rows).enumerate() {
        check.equal(format!("row {index} date"), text(&wanted[0])?, row.due.to_string());
        for (column, found) in [row.principal, row.interest, row.balance].into_iter().enumerate() {
            check.exact(format!("row {index} column {column}"), &wanted[column + 1], major(found))?;
        }
    }
    Ok(())
}
