//! Payment plans as they went: actual payments, charges, settlement quotes.
//!
//! A vector prints what happened beside what came of it: scheduled payments that were changed, actual payments and the day of a
//! quote are read from its rows as inputs, every other figure of a row is judged.

use dandelion_credit::Money;
use dandelion_credit::calendar::{Date, days_between};
use dandelion_credit::loan::{
    AmortisationRow, BalanceStatus, ChargeGrouping, ChargeKind, FeeOrder, FeeRebate, PaymentOutcome, PaymentStatus,
    PlanAmortisation, PlanCharge, PlanPayment, PlanServicing, PlanTerms, ProjectedSettlement, PromotionalRate,
    ScheduleChange, amortise_plan, payment_plan, settle_plan,
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use crate::check::{Check, Judged, Stop, date, list, malformed, parse_decimal, text, whole};
use crate::plans;
use crate::schedules::{major, money};

pub fn amortisation_with_events(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let start = date(&inputs["start_date"])?;
    let as_of = days_between(start, date(&inputs["evaluation_date"])?);
    let calendar = Calendar::read(inputs, start)?;
    let terms = PlanTerms {
        payment_days: calendar.days.clone(),
        agreed_payments: calendar.agreed.clone(),
        ..plans::terms(inputs)?
    };
    let plan = payment_plan(&terms)?;
    plans::compare_plan(&plan, &expected["initial_schedule"], check)?;
    let method = text(&inputs["interest"]["apr_method"])?;
    plans::compare_stats(&plan, &terms, &method, start, &expected["initial_stats"], check)?;

    let rows = list(&expected["amortisation"])?;
    let mut payments = Vec::new();
    let mut servicing = servicing(inputs, start)?;
    for row in rows {
        let day = day(row)?;
        payments.extend(actual_payments(day, row["actual_payments"].as_str().unwrap_or_default())?);
        servicing.changes.extend(schedule_change(day, row["scheduled_payment"].as_str().unwrap_or_default())?);
    }
    let seen_until = rows.last().map_or(Ok(0), day)?.max(as_of);
    servicing.later_windows = calendar.later(start, seen_until)?;
    let quote = &expected["final_stats"]["generated_settlement"];
    let mut account = if quote.is_null() {
        amortise_plan(&terms, &servicing, &payments, as_of)?
    } else {
        settle_plan(&terms, &servicing, &payments, as_of)?
    };
    leave_out_unrequired(&mut account, rows.len());
    check.equal("rows", rows.len(), account.rows.len());
    for (index, (wanted, row)) in rows.iter().zip(&account.rows).enumerate() {
        compare_row(index, row, start, wanted, check)?;
    }
    compare_final(&account, payments.len(), &expected["final_stats"], check)
}

fn day(row: &Value) -> Judged<i32> {
    Ok(whole(&row["day"])? as i32)
}

/// The days of a plan, and how its calendar goes on.
struct Calendar {
    days: Vec<i32>,
    agreed: Option<Vec<Money>>,
    unit: Option<String>,
}

impl Calendar {
    fn read(inputs: &Value, start: Date) -> Judged<Self> {
        let schedule = &inputs["schedule"];
        let detail = schedule["detail"].as_str().unwrap_or_default();
        let mut calendar = Self { days: Vec::new(), agreed: None, unit: None };
        match schedule["config"].as_str().unwrap_or_default() {
            "auto-generate schedule" => {
                let unit = text(&schedule["unit_period"])?;
                for date in plans::payment_dates(inputs, start)? {
                    calendar.days.push(days_between(start, date));
                }
                calendar.unit = Some(unit);
            }
            // `day: 14 scheduled payment: original 343.50` for each payment.
            "custom schedule" => {
                let mut payments = Vec::new();
                for part in detail.split("day: ").skip(1) {
                    let (day, payment) =
                        part.split_once(" scheduled payment: original ").ok_or_else(|| malformed("detail", part))?;
                    calendar.days.push(day.trim().parse().map_err(|_| malformed("day", day))?);
                    payments.push(amount(payment)?);
                }
                calendar.agreed = Some(payments);
            }
            // `unit-period config: monthly from 2010-04 on 01 payment count: 48 payment value: 134.57` for each run.
            "fixed schedules" => {
                let mut payments = Vec::new();
                for part in detail.split("unit-period config: ").skip(1) {
                    let (unit, rest) = part.split_once(" payment count: ").ok_or_else(|| malformed("detail", part))?;
                    let (count, rest) = rest.split_once(" payment value: ").ok_or_else(|| malformed("detail", part))?;
                    let value = amount(rest.split(' ').next().unwrap_or_default())?;
                    let count: u32 = count.trim().parse().map_err(|_| malformed("count", count))?;
                    for date in plans::unit_dates(unit, count)? {
                        calendar.days.push(days_between(start, date));
                        payments.push(value);
                    }
                }
                calendar.agreed = Some(payments);
            }
            other => return Err(Stop::Unsupported(format!("schedule {other:?}"))),
        }
        Ok(calendar)
    }

    /// Days after the last payment on which a calendar without an end would have had one.
    fn later(&self, start: Date, until: i32) -> Judged<Vec<i32>> {
        let (Some(unit), Some(&last)) = (&self.unit, self.days.last()) else { return Ok(vec![]) };
        let count = self.days.len() + (until - last).max(0) as usize;
        let dates = plans::unit_dates(unit, count as u32)?;
        Ok(dates.into_iter().map(|date| days_between(start, date)).filter(|&day| day > last && day <= until).collect())
    }
}

fn amount(words: &str) -> Judged<Money> {
    let major = parse_decimal(words).ok_or_else(|| malformed("amount", words))?;
    let minor = major.checked_mul(Decimal::ONE_HUNDRED).ok_or_else(|| malformed("amount", words))?;
    Ok(Money::from_decimal_minor(minor, dandelion_credit::Rounding::HalfUp)?)
}

fn servicing(inputs: &Value, start: Date) -> Judged<PlanServicing> {
    let advanced = &inputs["advanced"];
    let scheduling = advanced["scheduling"].as_str().unwrap_or("as scheduled");
    if scheduling != "as scheduled" {
        return Err(Stop::Unsupported(format!("scheduling {scheduling:?}")));
    }
    let minimum = advanced["minimum_payment"].as_str().unwrap_or_default();
    let fee_order = match inputs["fee"]["amortisation"].as_str() {
        Some("amortise before principal") => FeeOrder::BeforePrincipal,
        _ => FeeOrder::Proportional,
    };
    Ok(PlanServicing {
        interest_grace_days: whole(&advanced["initial_grace_days"])? as i32,
        payment_grace_days: whole(&advanced["payment_timeout_days"])? as i32,
        minimum_payment: match minimum.rsplit_once("up to ") {
            Some((_, most)) => amount(most)?,
            None => Money::ZERO,
        },
        credit_rate: plans::rate(advanced["rate_on_negative_balance"].as_str().unwrap_or("zero"))?,
        promotional_rates: promotional_rates(advanced["promotional_rates"].as_str().unwrap_or("n/a"), start)?,
        fee_order,
        fee_rebate: match advanced["fee_settlement_rebate"].as_str() {
            Some("pro-rata rebate") => FeeRebate::ProRata,
            Some("balance rebate") => FeeRebate::Balance,
            None | Some("no rebate") => FeeRebate::None,
            Some(other) => return Err(Stop::Unsupported(format!("fee rebate {other:?}"))),
        },
        charges: charges(advanced["charges"].as_str().unwrap_or("no charges"))?,
        projected_settlement: ProjectedSettlement::Made,
        ..PlanServicing::default()
    })
}

/// `2024-12-01 to 2024-12-31 at 20.24 % per year`, one or several run together.
fn promotional_rates(words: &str, start: Date) -> Judged<Vec<PromotionalRate>> {
    let mut rates = Vec::new();
    let mut rest = words;
    while rest != "n/a" && !rest.is_empty() {
        let (first, tail) = rest.split_once(" to ").ok_or_else(|| malformed("promotional rate", rest))?;
        let (last, tail) = tail.split_once(" at ").ok_or_else(|| malformed("promotional rate", rest))?;
        let end = ["per day", "per year"].iter().filter_map(|unit| tail.find(unit).map(|at| at + unit.len())).min();
        let (rate, tail) = tail.split_at(end.ok_or_else(|| malformed("promotional rate", rest))?);
        let day = |text: &str| -> Judged<i32> {
            let date: Date = text.trim().parse().map_err(|_| malformed("date", text))?;
            Ok(days_between(start, date))
        };
        rates.push(PromotionalRate { first_day: day(first)?, last_day: day(last)?, rate: plans::rate(rate.trim())? });
        rest = tail.trim_start_matches([',', ';', ' ']);
    }
    Ok(rates)
}

/// `late payment 10.00one charge per dayn/a insufficient funds 7.50one charge per dayn/a` after the head of the table.
fn charges(words: &str) -> Judged<Vec<PlanCharge>> {
    const KINDS: [(&str, ChargeKind); 2] =
        [("late payment ", ChargeKind::LatePayment), ("insufficient funds ", ChargeKind::InsufficientFunds)];
    const GROUPINGS: [(&str, ChargeGrouping); 3] = [
        ("one charge per day", ChargeGrouping::OncePerDay),
        ("one charge per schedule", ChargeGrouping::OncePerPlan),
        ("all charges applied", ChargeGrouping::Every),
    ];
    let mut found = Vec::new();
    for (name, kind) in KINDS {
        for (at, _) in words.match_indices(name) {
            let rest = &words[at + name.len()..];
            let digits = rest.find(|letter: char| !letter.is_ascii_digit() && !".,".contains(letter));
            let (value, rest) = rest.split_at(digits.unwrap_or(rest.len()));
            let grouping = GROUPINGS.iter().find(|(name, _)| rest.starts_with(name));
            let (name, grouping) = grouping.ok_or_else(|| malformed("charge grouping", rest))?;
            if !rest[name.len()..].starts_with("n/a") {
                return Err(Stop::Unsupported("charge holidays".to_owned()));
            }
            found.push((at, PlanCharge { kind, amount: amount(value)?, grouping: *grouping, holidays: vec![] }));
        }
    }
    found.sort_by_key(|&(at, _)| at);
    Ok(found.into_iter().map(|(_, charge)| charge).collect())
}

/// `confirmed 225.00225.00 failed (insufficient funds)`: payments run together; a word before or after an amount says how it
/// turned out.
fn actual_payments(day: i32, words: &str) -> Judged<Vec<PlanPayment>> {
    const BEFORE: [(&str, PaymentOutcome); 3] = [
        ("confirmed ", PaymentOutcome::Confirmed),
        ("pending ", PaymentOutcome::Pending),
        ("write-off ", PaymentOutcome::WrittenOff),
    ];
    const AFTER: [(&str, PaymentOutcome); 3] = [
        (" failed (insufficient funds)", PaymentOutcome::InsufficientFunds),
        (" timed out", PaymentOutcome::Pending),
        (" failed", PaymentOutcome::Failed),
    ];
    let mut payments = Vec::new();
    let mut rest = words.trim();
    while !rest.is_empty() {
        let before = BEFORE.iter().find(|(word, _)| rest.starts_with(word));
        let tail = before.map_or(rest, |(word, _)| &rest[word.len()..]);
        let point = tail.find('.').ok_or_else(|| malformed("actual payment", rest))?;
        let value = tail.get(..point + 3).ok_or_else(|| malformed("actual payment", rest))?;
        let tail = &tail[point + 3..];
        let after = AFTER.iter().find(|(word, _)| tail.starts_with(word));
        let (outcome, tail) = match (before, after) {
            (Some(&(_, outcome)), _) => (outcome, tail),
            (None, Some(&(word, outcome))) => (outcome, &tail[word.len()..]),
            (None, None) => return Err(Stop::Unsupported(format!("payment {rest:?}"))),
        };
        payments.push(PlanPayment { day, amount: amount(value)?, outcome });
        rest = tail.trim_start();
    }
    Ok(payments)
}

/// `original 97.10`, `original 97.10 cancelled` or `rescheduled 20.00`.
fn schedule_change(day: i32, words: &str) -> Judged<Option<ScheduleChange>> {
    if words.ends_with("cancelled") {
        return Ok(Some(ScheduleChange::Cancelled { day }));
    }
    match words.strip_prefix("rescheduled ") {
        Some(value) => Ok(Some(ScheduleChange::Rescheduled { day, amount: amount(value)? })),
        None => Ok(None),
    }
}

fn status(status: PaymentStatus) -> String {
    let word = match status {
        PaymentStatus::NoneScheduled => "none scheduled",
        PaymentStatus::InformationOnly => "information only",
        PaymentStatus::NotYetDue => "not yet due",
        PaymentStatus::PaymentDue => "payment due",
        PaymentStatus::PaymentPending => "payment pending",
        PaymentStatus::PaymentMade => "payment made",
        PaymentStatus::Underpayment => "underpayment",
        PaymentStatus::Overpayment => "overpayment",
        PaymentStatus::ExtraPayment => "extra payment",
        PaymentStatus::Missed => "missed payment",
        PaymentStatus::PaidLaterInFull => "paid later in full",
        PaymentStatus::PaidLaterOwing(rest) => return format!("paid later owing {:.2}", major(rest)),
        PaymentStatus::NothingDue => "nothing due",
        PaymentStatus::NoLongerRequired => "no longer required",
        PaymentStatus::Refunded => "refunded",
        PaymentStatus::Settlement => "generated",
    };
    word.to_owned()
}

fn balance_status(status: BalanceStatus) -> &'static str {
    match status {
        BalanceStatus::Open => "open",
        BalanceStatus::Closed => "closed",
        BalanceStatus::RefundDue => "refund due",
        BalanceStatus::OverRefunded => "over-refunded",
    }
}

fn charges_text(charges: &[(ChargeKind, Money)]) -> String {
    let mut text = String::new();
    for &(kind, amount) in charges {
        let name = match kind {
            ChargeKind::LatePayment => "late payment",
            ChargeKind::InsufficientFunds => "insufficient funds",
        };
        text.push_str(&format!("{name} {:.2}", major(amount)));
    }
    text
}

fn four(minor: Decimal) -> Decimal {
    (minor / Decimal::ONE_HUNDRED).round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero)
}

/// A table may leave out the payments at its end that are no longer required.
fn leave_out_unrequired(account: &mut PlanAmortisation, listed: usize) {
    while account.rows.len() > listed
        && account.rows.last().is_some_and(|row| row.payment_status == PaymentStatus::NoLongerRequired)
    {
        account.rows.pop();
    }
}

fn compare_row(index: usize, row: &AmortisationRow, start: Date, wanted: &Value, check: &mut Check) -> Judged {
    let label = |key: &str| format!("row {index} {key}");
    check.equal(label("date"), date(&wanted["date"])?, plans::day_after(start, row.day)?);
    check.equal(label("payment_status"), text(&wanted["payment_status"])?, status(row.payment_status));
    check.equal(
        label("balance_status"),
        text(&wanted["balance_status"])?,
        balance_status(row.balance_status).to_owned(),
    );
    let charges = wanted["new_charges"].as_str().unwrap_or_default();
    check.equal(label("new_charges"), charges.to_owned(), charges_text(&row.new_charges));
    if let Some(words) = wanted["scheduled_payment"].as_str()
        && !words.ends_with("cancelled")
    {
        let agreed = amount(words.rsplit(' ').next().unwrap_or_default())?;
        check.equal(label("scheduled_payment"), major(agreed), major(row.scheduled.unwrap_or_default()));
    }
    // The first row states what was advanced; no settlement is asked for before anything happened.
    let opening = row.day == 0 && row.net.is_zero();
    let advanced = row.principal_balance.checked_add(row.fee_balance)?;
    let settlement = if opening { advanced } else { row.settlement_figure.unwrap_or_default() };
    let figures = [
        ("day", Decimal::from(row.day)),
        ("window", row.window.into()),
        ("payment_due", major(row.due)),
        ("net_effect", major(row.net)),
        ("charges_portion", major(row.split.charges)),
        ("actuarial_interest", four(row.accrued_minor)),
        ("new_interest", four(row.new_interest_minor)),
        ("interest_portion", major(row.split.interest)),
        ("fee_portion", major(row.split.fee)),
        ("fee_rebate", major(row.fee_rebate)),
        ("principal_portion", major(row.split.principal)),
        ("charges_balance", major(row.charges_balance)),
        ("interest_balance", four(row.interest_balance_minor)),
        ("fee_balance", major(row.fee_balance)),
        ("principal_balance", major(row.principal_balance)),
        ("settlement_figure", major(settlement)),
        ("fee_rebate_if_settled", major(row.rebate_if_settled)),
    ];
    for (key, found) in figures {
        check.exact(label(key), &wanted[key], found)?;
    }
    if !wanted["generated_payment"].is_null() {
        let found = row.settlement_payment.unwrap_or_default();
        check.equal(label("generated_payment"), major(money(&wanted["generated_payment"])?), major(found));
    }
    Ok(())
}

fn compare_final(account: &PlanAmortisation, payments: usize, expected: &Value, check: &mut Check) -> Judged {
    if let Some(words) = expected["generated_settlement"].as_str() {
        let row = account.rows.iter().find(|row| row.settlement_payment.is_some());
        let found =
            row.map(|row| format!("{:.2} on day {}", major(row.settlement_payment.unwrap_or_default()), row.day));
        check.equal("generated_settlement", words.replace(',', ""), found.unwrap_or_default());
    }
    let percent = |share: Decimal| share * Decimal::ONE_HUNDRED;
    let cost = percent(account.cost_of_borrowing()?);
    let cost = cost.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    check.exact("cost_to_borrowing_pct", &expected["cost_to_borrowing_pct"], cost)?;
    let rate = dandelion_credit::loan::float_of(percent(account.effective_daily_rate()?));
    check.near("effective_daily_rate_pct", &expected["effective_daily_rate_pct"], rate, None)?;
    let final_status = balance_status(account.final_status()).to_owned();
    check.equal("final_balance_status", text(&expected["final_balance_status"])?, final_status);
    check.exact(
        "required_scheduled_count",
        &expected["required_scheduled_count"],
        account.required_payments().into(),
    )?;
    check.exact("final_actual_count", &expected["final_actual_count"], payments.into())
}
