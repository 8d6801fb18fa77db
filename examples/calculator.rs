//! A loan calculator for other programs: JSON lines in, JSON lines out.

#[path = "shared/mod.rs"]
mod shared;

use std::io::{BufRead, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::BasisPoints;
use dandelion_credit::calendar::{BusinessCalendar, CouponPeriod, Date, DayCount, DayCountContext};
use dandelion_credit::loan::{
    CreditLine, DatedAmount, DrawdownId, Event, LegalPeriod, LegalTime, LinePolicy, LineTerms, LoanTerms, TimedAmount,
    UnitPeriod, actuarial_rate, build_schedule, effective_rate, internal_rate, internal_rate_by_dates,
    settlement_figures, simple_annual_rate,
};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Failure, Outcome};

/// Answers loan questions, one JSON object a line on stdin, one line on stdout for each, in order.
#[derive(Parser)]
#[command(name = "calculator", version, after_long_help = SAMPLES)]
struct Arguments {}

const SAMPLES: &str = r#"Money is whole minor units, rates are decimal strings ("0.18" is 18 %), dates are ISO 8601. An error
is a line {"error": …} in its place and never a stop. Words that have a usual value can be left out. Each may carry "id": anything; the
answer carries it back. Each line below that begins with {" is a question as it stands.

schedule: the instalments of a loan. method: equal_instalment, equal_principal, interest_only, bullet, flat, {"custom": [minor, …]}
{"schedule": {"principal": 1000000, "rate": "0.12", "start": "2024-01-31", "period": {"count": 1, "unit": "months"}, "instalments": 12, "method": "equal_instalment", "basis": {"days": "actual365_fixed"}, "residual": "lower_last"}}

annual_rate: xirr (day_count), irr (amounts), eu, uk (period: year, month or week), us_actuarial (unit_period), simple
{"annual_rate": {"method": "xirr", "flows": [["2008-01-01", -10000], ["2008-03-01", 2750], ["2008-10-30", 4250], ["2009-02-15", 3250], ["2009-04-01", 2750]]}}
{"annual_rate": {"method": "irr", "amounts": [-100.0, 39.0, 59.0, 55.0, 20.0]}}
{"annual_rate": {"method": "eu", "period": "month", "flows": [["2024-01-01", -1000.0], ["2025-01-01", 1120.0]]}}

day_count: days and years between two dates
{"day_count": {"convention": "actual_actual_isda", "start": "2003-11-01", "end": "2004-05-01"}}
{"day_count": {"convention": "business252", "calendar": "brazil", "start": "2002-02-04", "end": "2003-05-16"}}

payoff: what closes a scheduled loan on a day and on some days after it
{"payoff": {"terms": {"principal": 1000000, "rate": "0.12", "start": "2024-01-31", "period": {"count": 1, "unit": "months"}, "instalments": 12}, "on": "2024-03-15", "days": 2, "fee_bp": 100}}

line: a credit line as its events leave it on a day, its journal, and what closes a drawdown. policy: china, india, standard, or
an object with what differs from standard; {"action": "reverse", "reversed_key": "pay-1"} undoes an event
{"line": {"terms": {"limit_minor": 1000000, "opened_on": "2026-01-01", "expires_on": "2027-01-01"}, "policy": "china", "events": [{"key": "draw-1", "value_date": "2026-03-01", "action": "disburse", "drawdown": 1, "amount_minor": 761500, "terms": {"rate": {"daily": "0.0005"}, "repayment": {"bullet": {"term_days": 50}}}}, {"key": "pay-1", "value_date": "2026-03-21", "action": "repay", "drawdown": 1, "amount_minor": 400000}], "as_of": "2026-03-21", "payoff": {"drawdown": 1, "days": 3}}}"#;

/// One question by its name.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Schedule(Box<LoanTerms>),
    AnnualRate(RateQuestion),
    DayCount(DayQuestion),
    Payoff(Box<PayoffQuestion>),
    Line(Box<LineQuestion>),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "method")]
enum RateQuestion {
    Irr {
        amounts: Vec<f64>,
    },
    Xirr {
        flows: Vec<(Date, f64)>,
        #[serde(default = "act365")]
        day_count: DayCount,
    },
    Eu {
        flows: Vec<(Date, f64)>,
        #[serde(default = "month")]
        period: LegalPeriod,
    },
    Uk {
        flows: Vec<(Date, f64)>,
        #[serde(default = "month")]
        period: LegalPeriod,
        #[serde(default)]
        secured_on_land: bool,
    },
    UsActuarial {
        flows: Vec<(Date, f64)>,
        #[serde(default)]
        unit_period: Option<UnitPeriod>,
    },
    Simple {
        flows: Vec<(Date, f64)>,
        #[serde(default = "act365")]
        day_count: DayCount,
    },
}

const fn act365() -> DayCount {
    DayCount::Actual365Fixed
}

const fn month() -> LegalPeriod {
    LegalPeriod::Month
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DayQuestion {
    convention: DayCount,
    start: Date,
    end: Date,
    #[serde(default)]
    calendar: Option<String>,
    #[serde(default)]
    coupon: Option<CouponPeriod>,
    #[serde(default)]
    termination: Option<Date>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayoffQuestion {
    terms: LoanTerms,
    on: Date,
    #[serde(default)]
    days: u32,
    #[serde(default)]
    fee_bp: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineQuestion {
    terms: LineTerms,
    #[serde(default)]
    policy: PolicyChoice,
    events: Vec<Event>,
    #[serde(default)]
    as_of: Option<Date>,
    #[serde(default)]
    payoff: Option<LinePayoff>,
}

/// The quotes of a drawdown from the day asked for on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinePayoff {
    drawdown: DrawdownId,
    #[serde(default)]
    days: u32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PolicyChoice {
    Named(PolicyName),
    Whole(Box<LinePolicy>),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PolicyName {
    Standard,
    China,
    India,
}

impl Default for PolicyChoice {
    fn default() -> Self {
        Self::Named(PolicyName::Standard)
    }
}

fn main() -> ExitCode {
    Arguments::parse();
    shared::run(|| {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut line = Vec::new();
        let mut input = std::io::stdin().lock();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            serde_json::to_writer(&mut out, &reply(&line))?;
            out.write_all(b"\n")?;
            out.flush()?;
        }
        Ok(())
    })
}

/// The answer to one line, or what is wrong with it.
fn reply(line: &[u8]) -> Value {
    let mut question: Value = match serde_json::from_slice(line) {
        Ok(question) => question,
        Err(error) => return json!({"error": error.to_string()}),
    };
    let id = question.as_object_mut().and_then(|fields| fields.remove("id"));
    let mut reply = match serde_json::from_value(question) {
        Ok(question) => answer(question).unwrap_or_else(|failure| json!({"error": failure.to_string()})),
        Err(error) => json!({"error": error.to_string()}),
    };
    if let Some(id) = id {
        reply["id"] = id;
    }
    reply
}

/// Days of quotes given at most: ten years of them.
const MAX_DAYS: u32 = 3_660;

fn answer(question: Question) -> Outcome<Value> {
    match question {
        Question::Schedule(terms) => Ok(json!({"schedule": build_schedule(&terms)?})),
        Question::AnnualRate(question) => Ok(json!({"annual_rate": annual_rate(question)?})),
        Question::DayCount(question) => Ok(json!({"day_count": day_count(&question)?})),
        Question::Payoff(question) => {
            let PayoffQuestion { terms, on, days, fee_bp } = *question;
            check_days(days)?;
            let schedule = build_schedule(&terms)?;
            let figures = settlement_figures(&terms, &schedule, on, days, BasisPoints::new(fee_bp))?;
            Ok(json!({"payoff": figures}))
        }
        Question::Line(question) => line(*question),
    }
}

fn check_days(days: u32) -> Outcome {
    if days > MAX_DAYS {
        return Err(Failure::new(format!("days is {days}, at most {MAX_DAYS}")));
    }
    Ok(())
}

fn dated(flows: Vec<(Date, f64)>) -> Vec<DatedAmount> {
    flows.into_iter().map(|(date, amount)| DatedAmount { date, amount }).collect()
}

fn annual_rate(question: RateQuestion) -> Outcome<Value> {
    let solution = match question {
        RateQuestion::Irr { amounts } => internal_rate(&amounts)?,
        RateQuestion::Xirr { flows, day_count } => internal_rate_by_dates(&dated(flows), day_count)?,
        RateQuestion::Eu { flows, period } => effective_rate(&dated(flows), LegalTime::EuropeanUnion { period })?,
        RateQuestion::Uk { flows, period, secured_on_land } => {
            let single_payment = flows.len() == 2;
            effective_rate(&dated(flows), LegalTime::UnitedKingdom { period, secured_on_land, single_payment })?
        }
        RateQuestion::UsActuarial { mut flows, unit_period } => {
            flows.sort_by_key(|&(date, _)| date);
            let Some((&(start, advance), payments)) = flows.split_first() else {
                return Ok(json!({"rates": []}));
            };
            let dates: Vec<Date> = payments.iter().map(|&(date, _)| date).collect();
            let unit = match unit_period {
                Some(unit) => unit,
                None => UnitPeriod::of_schedule(start, &dates)?,
            };
            let mut timed = Vec::with_capacity(payments.len());
            for &(date, amount) in payments {
                timed.push((unit.time(start, date)?, amount));
            }
            actuarial_rate(-advance, &timed, unit.per_year())?
        }
        RateQuestion::Simple { flows, day_count } => {
            let Some(first) = flows.iter().map(|&(date, _)| date).min() else { return Ok(json!({"rates": []})) };
            let mut timed = Vec::with_capacity(flows.len());
            for (date, amount) in flows {
                timed.push(TimedAmount { years: day_count.fraction(first, date)?.as_f64(), amount });
            }
            return Ok(json!({"rates": [simple_annual_rate(&timed)?]}));
        }
    };
    Ok(json!({"rates": solution.rates()}))
}

fn day_count(question: &DayQuestion) -> Outcome<Value> {
    let calendar = question.calendar.as_deref().map(BusinessCalendar::named).transpose()?;
    let context =
        DayCountContext { coupon: question.coupon, termination: question.termination, calendar: calendar.as_ref() };
    let days = question.convention.days_in(question.start, question.end, &context)?;
    let fraction = question.convention.fraction_in(question.start, question.end, &context)?;
    Ok(json!({"days": days, "fraction": fraction.to_string(), "years": fraction.as_f64()}))
}

fn line(question: LineQuestion) -> Outcome<Value> {
    let policy = match question.policy {
        PolicyChoice::Named(PolicyName::Standard) => LinePolicy::default(),
        PolicyChoice::Named(PolicyName::China) => LinePolicy::china(),
        PolicyChoice::Named(PolicyName::India) => LinePolicy::india(),
        PolicyChoice::Whole(policy) => *policy,
    };
    let latest = question.events.iter().map(|event| event.value_date).max();
    let day = question.as_of.or(latest).unwrap_or(question.terms.opened_on);
    let line = CreditLine::replay(policy, question.terms, question.events)?;
    let mut answer = json!({"position": line.position(day)?, "journal": line.journal()});
    if let Some(LinePayoff { drawdown, days }) = question.payoff {
        check_days(days)?;
        answer["payoff"] = json!(line.payoffs(drawdown, day, days + 1)?);
    }
    Ok(json!({"line": answer}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_of_the_help_has_an_answer() {
        let samples: Vec<&str> =
            SAMPLES.lines().filter(|line| line.starts_with("{\"") && !line.contains('…')).collect();
        assert_eq!(samples.len(), 8);
        for sample in samples {
            let reply = reply(sample.as_bytes());
            assert!(reply.get("error").is_none(), "{sample}: {reply}");
        }
    }

    #[test]
    fn hostile_lines_are_answered_and_keep_their_id() {
        let lines = [
            r#"{"#,
            r#"[]"#,
            r#"{}"#,
            r#"{"id": 7}"#,
            r#"{"id": 7, "schedule": {}, "payoff": {}}"#,
            r#"{"id": 7, "unknown": 1}"#,
            r#"{"id": 7, "schedule": {"principal": 0, "rate": "0.12", "start": "2024-01-31", "period": {"count": 1, "unit": "months"}, "instalments": 12}}"#,
            r#"{"id": 7, "schedule": {"principal": 9223372036854775807, "rate": "100", "start": "9999-12-31", "period": {"count": 1, "unit": "months"}, "instalments": 4294967295}}"#,
            r#"{"id": 7, "annual_rate": {"method": "irr", "amounts": [1e999]}}"#,
            r#"{"id": 7, "day_count": {"convention": "business252", "calendar": "atlantis", "start": "2002-02-04", "end": "2003-05-16"}}"#,
            r#"{"id": 7, "line": {"terms": {"limit_minor": -1, "opened_on": "2026-01-01", "expires_on": "2027-01-01"}, "events": []}}"#,
            r#"{"id": 7, "line": {"terms": {"limit_minor": 1, "opened_on": "2026-01-01", "expires_on": "2027-01-01"}, "events": [], "payoff": {"drawdown": 1, "days": 4294967295}}}"#,
        ];
        for line in lines {
            let reply = reply(line.as_bytes());
            assert!(reply["error"].is_string(), "{line}: {reply}");
            assert_eq!(reply["id"] == 7, line.contains(r#""id": 7"#) && !line.contains("1e999"), "{line}: {reply}");
        }
        assert!(reply(&[0xff, 0xfe, b'{']).get("error").is_some());
        assert!(reply("[".repeat(100_000).as_bytes()).get("error").is_some());
    }
}
