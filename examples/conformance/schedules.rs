//! Schedules from terms.

use dandelion_credit::calendar::{DayCount, Period};
use dandelion_credit::loan::{
    Annuity, InterestBasis, LaterDisbursement, LoanTerms, RepaymentMethod, ResidualRule, Schedule, ScheduleRounding,
    ScheduleRow, build_schedule, float_of,
};
use dandelion_credit::{AnnualRate, BasisPoints, Money, Rounding, Scale};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::check::{Check, Judged, Stop, date, decimal, list, malformed, text, whole};

pub fn money(value: &Value) -> Judged<Money> {
    Ok(Money::parse(&text(value)?, Scale::CENTS)?)
}

pub fn major(amount: Money) -> Decimal {
    Decimal::new(amount.to_minor(), 2)
}

fn name<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_default()
}

fn period(count: u32, unit: &str) -> Judged<Period> {
    Ok(match unit {
        "DAYS" => Period::days(count)?,
        "WEEKS" => Period::weeks(count)?,
        "MONTHS" => Period::months(count)?,
        "YEARS" => Period::months(count * 12)?,
        other => return Err(Stop::Unsupported(format!("unit {other}"))),
    })
}

/// The yearly rate behind one quoted a year, a month or for the whole term.
fn annual_rate(loan: &Value, policy: &Value) -> Judged<AnnualRate> {
    let quoted = decimal(&loan["annual_rate_pct"])?;
    let frequency =
        loan["interestRateFrequencyType"].as_str().unwrap_or_else(|| name(policy, "interestRateFrequencyType"));
    let percent = match frequency {
        "PER_MONTH" | "2" => quoted * Decimal::from(12),
        "WHOLE_TERM" => {
            let term = decimal(&loan["term"])?;
            let years = match name(loan, "term_unit") {
                "MONTHS" => term / Decimal::from(12),
                "WEEKS" => term / Decimal::from(52),
                "DAYS" => term / Decimal::from(365),
                _ => term,
            };
            quoted.checked_div(years).ok_or_else(|| malformed("term", term))?
        }
        "" | "PER_YEAR" | "3" => quoted,
        other => return Err(Stop::Unsupported(format!("rate frequency {other}"))),
    };
    Ok(AnnualRate::from_percent(percent)?)
}

fn basis(loan: &Value, policy: &Value) -> Judged<InterestBasis> {
    if name(loan, "interest_calculation_period") == "SAME_AS_REPAYMENT_PERIOD" {
        return Ok(InterestBasis::EqualPeriods { year_days: 360 });
    }
    let leap_only = name(policy, "daysInYearCustomStrategy").starts_with("FEB_29_PERIOD_ONLY");
    Ok(match (name(policy, "daysInYearType"), name(policy, "daysInMonthType")) {
        ("360", "30") => InterestBasis::EqualPeriods { year_days: 360 },
        ("365", "30") => InterestBasis::EqualPeriods { year_days: 365 },
        ("360", "ACTUAL") => InterestBasis::Days(DayCount::Actual360),
        ("364", "ACTUAL") => InterestBasis::Days(DayCount::Actual364),
        ("365", "ACTUAL") => InterestBasis::Days(DayCount::Actual365Fixed),
        ("ACTUAL", "ACTUAL") if leap_only => InterestBasis::Days(DayCount::Actual365Leap),
        // Interest of the disbursement's own day makes a day belong to the year it starts in.
        ("ACTUAL", "ACTUAL") if policy["interestRecognitionOnDisbursementDate"] == true => {
            InterestBasis::Days(DayCount::ActualActualIsda)
        }
        ("ACTUAL" | "", "ACTUAL" | "") => InterestBasis::Days(DayCount::ActualActualDayEnd),
        other => return Err(Stop::Unsupported(format!("days {other:?}"))),
    })
}

/// A servicing platform's product and loan as terms.
pub fn platform_terms(loan: &Value, policy: &Value, disbursements: &Value) -> Judged<LoanTerms> {
    let disbursements = list(disbursements)?;
    let first = disbursements.first().ok_or_else(|| malformed("disbursements", "empty"))?;
    let start = date(&first["date"])?;
    let or_nought = |key: &str| loan.get(key).map_or(Ok(0), whole);
    let progressive = name(policy, "loanScheduleType") == "PROGRESSIVE";
    let flat = name(loan, "interest_type") == "FLAT";
    let every = loan.get("every").map_or(Ok(1), whole)?;
    let repayments = whole(loan.get("repayments").unwrap_or(&Value::Null))?;
    let mut terms = LoanTerms::new(money(&first["amount"])?, annual_rate(loan, policy)?, start, repayments)?;
    terms.period = period(every, loan["every_unit"].as_str().unwrap_or("MONTHS"))?;
    terms.basis = basis(loan, policy)?;
    terms.method = match (flat, name(loan, "amortization")) {
        (true, _) => RepaymentMethod::Flat,
        (false, "EQUAL_PRINCIPAL") => RepaymentMethod::EqualPrincipal,
        (false, _) => RepaymentMethod::EqualInstalment,
    };
    terms.principal_grace = or_nought("grace_on_principal")?;
    terms.interest_grace = or_nought("grace_on_interest")?;
    terms.residual = if progressive && !flat { ResidualRule::LastAfterLevelling } else { ResidualRule::Last };
    // The newer kind of schedule does not round flat instalments that hold interest to whole units.
    let exact = progressive && flat && !terms.rate.as_fraction().is_zero();
    let multiple = policy.get("installmentAmountInMultiplesOf").filter(|_| !exact);
    let multiple = multiple.map_or(Ok(Money::from_minor(1)), money)?;
    terms.rounding = ScheduleRounding { multiple_of: multiple, ..ScheduleRounding::default() };
    if policy["enableDownPayment"] == true {
        let share = text(&policy["disbursedAmountPercentageForDownPayment"])?;
        let digits: String = share.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        let percent = digits.trim_matches('.').parse::<Decimal>().map_err(|_| malformed("down payment", &share))?;
        let points = (percent * Decimal::ONE_HUNDRED).normalize();
        let points = if points.scale() == 0 { i32::try_from(points.mantissa()).ok() } else { None };
        terms.down_payment = BasisPoints::new(points.ok_or_else(|| malformed("down payment", share))?);
    }
    for later in &disbursements[1..] {
        terms
            .later_disbursements
            .push(LaterDisbursement { date: date(&later["date"])?, amount: money(&later["amount"])? });
    }
    Ok(terms)
}

pub fn platform_schedule(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let terms = platform_terms(&inputs["loan"], &inputs["policy"], &inputs["disbursements"])?;
    let schedule = build_schedule(&terms)?;
    let expected = list(&vector["expected"]["rows"])?;
    let printed: Vec<&Value> = expected.iter().filter(|row| row.get("nr").is_some()).collect();
    check.equal("instalments", printed.len(), schedule.rows.len());
    for (index, (wanted, row)) in printed.iter().zip(&schedule.rows).enumerate() {
        compare_row(index + 1, wanted, row, check)?;
    }
    if let Some(totals) = vector["expected"].get("totals") {
        check.exact("total principal", &totals["principal"], major(schedule.principal))?;
        check.exact("total interest", &totals["interest"], major(schedule.interest))?;
        check.exact("total fees", &totals["fees"], major(schedule.fees))?;
        let due = Money::checked_sum([schedule.principal, schedule.interest, schedule.fees])?;
        check.exact("total due", &totals["due"], major(due))?;
    }
    Ok(())
}

fn compare_row(number: usize, wanted: &Value, row: &ScheduleRow, check: &mut Check) -> Judged {
    check.equal(format!("row {number} date"), text(&wanted["date"])?, row.due.to_string());
    if let Some(days) = wanted.get("days") {
        check.exact(format!("row {number} days"), days, row.days.into())?;
    }
    let parts = [
        ("principal", row.principal),
        ("interest", row.interest),
        ("fees", row.fees),
        ("penalties", Money::ZERO),
        ("due", row.total),
        ("balance", row.balance),
    ];
    for (part, found) in parts {
        check.exact(format!("row {number} {part}"), &wanted[part], major(found))?;
    }
    Ok(())
}

fn monthly_terms(principal: Money, percent: &Value, start: &str, months: u32) -> Judged<LoanTerms> {
    let start = start.parse().map_err(|_| malformed("date", start))?;
    let mut terms = LoanTerms::new(principal, AnnualRate::from_percent(decimal(percent)?)?, start, months)?;
    terms.rounding.interest = Rounding::HalfUp;
    terms.rounding.instalment = Rounding::HalfUp;
    Ok(terms)
}

/// Schedules whose dates the vector does not give fall on whole months, so any start will do.
const ANY_START: &str = "2024-01-01";

pub fn equal_instalment(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let terms =
        monthly_terms(money(&inputs["principal"])?, &inputs["annual_rate_pct"], ANY_START, whole(&inputs["months"])?)?;
    let schedule = build_schedule(&terms)?;
    let level = schedule.level_instalment.unwrap_or_default();
    check.exact("instalment", &expected["instalment"], major(level))?;
    if let Some(about) = expected.get("total_payment_about") {
        // Said of instalments before rounding.
        let rate = decimal(&inputs["annual_rate_pct"])? / Decimal::from(1_200);
        let periods = whole(&inputs["months"])?;
        let annuity = Annuity { rate, periods, present: decimal(&inputs["principal"])?, ..Annuity::default() };
        check.near("total payment", about, -float_of(annuity.payment()? * Decimal::from(periods)), None)?;
    }
    Ok(())
}

/// A key fact statement: instalment, totals and the nominal annual rate on what the borrower receives.
pub fn key_facts(vector: &Value, check: &mut Check) -> Judged {
    use dandelion_credit::loan::{TimedAmount, simple_annual_rate};
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let sanctioned = money(&inputs["sanctioned"])?;
    let months = whole(&inputs["term_months"])?;
    let mut terms = monthly_terms(sanctioned, &inputs["annual_rate_pct"], ANY_START, months)?;
    if expected.get("instalment").is_some() {
        // The lender collects the whole unit that it prints, the last one too.
        terms.rounding.multiple_of = Money::from_minor(100);
        let level = build_schedule(&terms)?.level_instalment.unwrap_or_default();
        let exact = level.checked_mul(months.into())?.checked_sub(sanctioned)?;
        check.exact("total interest", &expected["total_interest"], major(exact))?;
        check.exact("total payout", &expected["total_payout"], major(level.checked_mul(months.into())?))?;
    }
    let schedule = build_schedule(&terms)?;
    let fees = ["fees_lender", "fees_third_party"].iter().filter_map(|key| inputs.get(*key));
    let fees = fees.map(money).collect::<Judged<Vec<_>>>()?;
    let net = match inputs.get("net_disbursed") {
        Some(net) => money(net)?,
        None => sanctioned.checked_sub(Money::checked_sum(fees)?)?,
    };
    check.exact("net disbursed", &expected["net_disbursed"], major(net))?;
    let level = schedule.level_instalment.unwrap_or_default();
    let whole_units =
        |amount: Money| major(amount).round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    check.exact("exact instalment", &expected["instalment_exact"], major(level))?;
    check.exact("rounded instalment", &expected["instalment_rounded"], whole_units(level))?;
    check.exact("instalment", &expected["instalment"], whole_units(level))?;
    // Printed in whole units from unrounded rows; what differs by one is the printing.
    let near_unit = |what: &str, wanted: &Value, found: Money, check: &mut Check| -> Judged {
        if !wanted.is_null() {
            check.near(what, wanted, float_of(major(found)), Some(1.0))?;
        }
        Ok(())
    };
    if expected.get("instalment").is_none() {
        near_unit("total interest", &expected["total_interest"], schedule.interest, check)?;
        let payable = schedule.principal.checked_add(schedule.interest)?;
        near_unit("total payable", &expected["total_payable"], payable, check)?;
    }
    if let Some(rows) = expected.get("schedule") {
        let mut opening = sanctioned;
        for (index, (wanted, row)) in list(rows)?.iter().zip(&schedule.rows).enumerate() {
            near_unit(&format!("row {index} opening"), &wanted[0], opening, check)?;
            near_unit(&format!("row {index} principal"), &wanted[1], row.principal, check)?;
            near_unit(&format!("row {index} interest"), &wanted[2], row.interest, check)?;
            opening = row.balance;
        }
    }
    let mut flows = vec![TimedAmount { years: 0.0, amount: -float_of(major(net)) }];
    for (index, row) in schedule.rows.iter().enumerate() {
        flows.push(TimedAmount { years: (index + 1) as f64 / 12.0, amount: float_of(major(row.total)) });
    }
    check.near("apr_pct", &expected["apr_pct"], simple_annual_rate(&flows)? * 100.0, None)
}

pub fn simple_interest_days(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let (start, mut end) = (date(&inputs["from"])?, date(&inputs["to"])?);
    if inputs["both_ends_inclusive"] == true {
        end = end.tomorrow().map_err(|_| malformed("date", end))?;
    }
    let percent = decimal(&inputs["lpr_1y_pct"])? * inputs.get("multiple").map_or(Ok(Decimal::ONE), decimal)?;
    let convention = match whole(&inputs["year_basis"])? {
        360 => DayCount::Actual360,
        365 => DayCount::Actual365Fixed,
        other => return Err(Stop::Unsupported(format!("year of {other} days"))),
    };
    let bullet =
        bullet(money(&inputs["principal"])?, AnnualRate::from_percent(percent)?, start, end, convention, vec![])?;
    check.exact("interest", &vector["expected"]["interest"], major(bullet.interest))
}

/// A loan repaid in one sum on a day, interest by the day.
fn bullet(
    principal: Money,
    rate: AnnualRate,
    start: dandelion_credit::calendar::Date,
    end: dandelion_credit::calendar::Date,
    convention: DayCount,
    later_disbursements: Vec<LaterDisbursement>,
) -> Judged<Schedule> {
    let terms = LoanTerms {
        method: RepaymentMethod::Bullet,
        basis: InterestBasis::Days(convention),
        first_due: Some(end),
        rounding: ScheduleRounding { interest: Rounding::HalfUp, ..ScheduleRounding::default() },
        later_disbursements,
        ..LoanTerms::new(principal, rate, start, 1)?
    };
    Ok(build_schedule(&terms)?)
}

pub fn split_residual(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let principal = money(&inputs["amount"])?;
    let mut terms =
        LoanTerms::new(principal, AnnualRate::ZERO, date(&Value::from(ANY_START))?, whole(&inputs["parts"])?)?;
    terms.method = RepaymentMethod::EqualPrincipal;
    terms.rounding.instalment = Rounding::Down;
    terms.rounding.multiple_of = money(&inputs["unit"])?;
    let found = build_schedule(&terms)?.rows;
    let expected = list(&vector["expected"]["parts"])?;
    check.equal("parts", expected.len(), found.len());
    for (wanted, row) in expected.iter().zip(&found) {
        check.exact("part", wanted, major(row.principal))?;
    }
    Ok(())
}

/// Interest by the day on a line's balance as it is drawn and repaid.
pub fn revolving_daily_interest(vector: &Value, check: &mut Check) -> Judged {
    use dandelion_credit::calendar::YearFraction;
    use dandelion_credit::loan::PeriodFactor;
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let rate = AnnualRate::from_percent(decimal(&inputs["annual_rate_pct"])?)?;
    let basis = i64::from(whole(&inputs["basis"])?);
    let (mut balance, mut day, mut exact) = (0i64, 0i64, Decimal::ZERO);
    let limit = money(&inputs["limit"])?.to_minor();
    let day_of = |event: &Value| -> Judged<i64> {
        text(&event[0])?.trim_start_matches("day").trim().parse().map_err(|_| malformed("day", event))
    };
    let accrue = |balance: i64, days: i64| -> Judged<Decimal> {
        let factor = PeriodFactor::new(rate, YearFraction::new(days, basis)?)?;
        Ok(factor.as_decimal()? * Decimal::from(balance))
    };
    for event in list(&inputs["events"])? {
        let on = day_of(event)?;
        exact += accrue(balance, on - day)?;
        day = on;
        let amount = money(&event[2])?.to_minor();
        balance += match event[1].as_str().unwrap_or_default() {
            "draw" => amount,
            "repay principal" => -amount,
            other => return Err(Stop::Unsupported(format!("event {other}"))),
        };
        if balance > limit {
            return Err(malformed("draw beyond the limit", event));
        }
    }
    exact += accrue(balance, i64::from(whole(&inputs["at_day"])?) - day)?;
    let interest = Money::from_decimal_minor(exact, Rounding::HalfUp)?;
    check.exact("interest", &expected["interest"], major(interest))?;
    check.exact("payoff", &expected["payoff"], major(interest.checked_add(Money::from_minor(balance))?))
}
