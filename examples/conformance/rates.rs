//! Annual rates, time factors and caps.

use dandelion_credit::loan::{
    CostCap, DatedAmount, LegalPeriod, LegalTime, RateSolution, TimedAmount, UnitPeriod, UnitPeriodTime,
    actuarial_rate, effective_rate, internal_rate, internal_rate_by_dates, internal_rate_by_times, simple_annual_rate,
};
use dandelion_credit::{AnnualRate, BasisPoints, Money, Scale};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::calendars::convention;
use crate::check::{Check, Judged, Stop, date, decimal, float, list, malformed, number, parse_decimal, text, whole};

/// What stands between the brackets of `EU200848EC(time_period=DayCountTimePeriod.MONTH)`.
fn option(options: &str, name: &str) -> Option<String> {
    let (_, rest) = options.split_once(&format!("{name}="))?;
    let value = rest.split([',', ')']).next()?;
    Some(value.rsplit('.').next()?.trim().to_lowercase())
}

pub fn time_factor(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let name = text(&vector["convention"])?;
    let options = inputs["options"].as_str().unwrap_or_default();
    let unit = option(options, "time_period");
    let (start, end) = (date(&inputs["start"])?, date(&inputs["end"])?);
    if name.starts_with("US Appendix J") {
        let unit = match unit.as_deref() {
            Some("year") => UnitPeriod::Months(12),
            Some("half_year") => UnitPeriod::Months(6),
            Some("quarter") => UnitPeriod::Months(3),
            Some("month") => UnitPeriod::Months(1),
            Some("fortnight") => UnitPeriod::Fortnight,
            Some("week") => UnitPeriod::Weeks(1),
            Some("day") => UnitPeriod::Day,
            other => return Err(Stop::Unsupported(format!("unit-period {other:?}"))),
        };
        let time = unit.time(start, end)?;
        check.near("whole", &expected["factor"], f64::from(time.whole), Some(1e-9))?;
        let fraction = decimal(&expected["fraction"])?;
        return check.near("fraction", &json!(fraction.to_string()), time.fraction, Some(1e-9));
    }
    let period = match unit.as_deref() {
        Some("year") => LegalPeriod::Year,
        Some("week") => LegalPeriod::Week,
        _ => LegalPeriod::Month,
    };
    let flag = |name: &str| option(options, name).as_deref() == Some("true");
    let years = if name.starts_with("EU 2008/48") {
        LegalTime::EuropeanUnion { period }.years(start, end)?
    } else if name.starts_with("UK CONC") {
        let (secured_on_land, single_payment) = (flag("is_secured_on_land"), flag("has_single_payment"));
        LegalTime::UnitedKingdom { period, secured_on_land, single_payment }.years(start, end)?
    } else {
        convention(&name)?.fraction(start, end)?
    };
    // The working is the whole sum; the factor beside it is at times only its first term.
    let mut sum = None;
    if let Some(working) = expected["working"].as_str() {
        let terms = working.trim_start_matches("f =").split('=').next().unwrap_or_default();
        sum = terms.split('+').map(parse_decimal).sum::<Option<Decimal>>();
        if let Some((_, printed)) = working.rsplit_once('=') {
            check.near("working", &json!(printed.trim()), years.as_f64(), None)?;
        }
    }
    let factor = decimal(&expected["factor"])?;
    match sum {
        Some(sum) if (sum - factor).abs() > Decimal::new(1, 12) => {
            check.equal("sum", sum.round_dp(18), years.as_decimal().round_dp(18));
        }
        _ => check.near("factor", &json!(factor.to_string()), years.as_f64(), Some(1e-12))?,
    }
    Ok(())
}

fn compare(expected: &Value, solution: &RateSolution, check: &mut Check) -> Judged {
    let wanted = &expected["rate"];
    if wanted.is_null() {
        check.equal("number of rates", 0, solution.rates().len());
        return Ok(());
    }
    // Where several rates are right, the source's own choice among them must be one of ours.
    let guess = float(wanted)?;
    match solution.nearest(guess) {
        Some(rate) => check.near("rate", wanted, rate, expected.get("tolerance").map(float).transpose()?),
        None => {
            check.differs("rate", wanted, "none");
            Ok(())
        }
    }
}

fn dated(flows: &Value) -> Judged<Vec<DatedAmount>> {
    list(flows)?.iter().map(|flow| Ok(DatedAmount { date: date(&flow[0])?, amount: float(&flow[1])? })).collect()
}

pub fn xirr(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let day_count = convention(&text(&inputs["day_count"])?)?;
    let solution = internal_rate_by_dates(&dated(&inputs["cashflows"])?, day_count)?;
    compare(&vector["expected"], &solution, check)
}

pub fn irr(vector: &Value, check: &mut Check) -> Judged {
    let flows = &vector["inputs"]["cashflows"];
    let amounts = if let Some(times) = flows.get("times") {
        let mut amounts = vec![float(&flows["first"])?];
        amounts.extend(std::iter::repeat_n(float(&flows["then"])?, whole(times)? as usize));
        amounts
    } else {
        list(flows)?.iter().map(float).collect::<Judged<_>>()?
    };
    compare(&vector["expected"], &internal_rate(&amounts)?, check)
}

pub fn apr_cashflows(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let mut flows = Vec::new();
    for (name, sign) in [("advances", -1.0), ("payments", 1.0)] {
        for flow in list(&inputs[name])? {
            let years = match flow.get("t_years") {
                Some(years) => number(years)?,
                None => number(&flow["t_months"])? / 12.0,
            };
            flows.push(TimedAmount { years, amount: sign * number(&flow["amount"])? });
        }
    }
    let solution = internal_rate_by_times(&flows)?;
    let Some(rate) = solution.nearest(0.1) else {
        check.differs("rate", &expected["apr_pct"], "none");
        return Ok(());
    };
    let tolerance = expected.get("tolerance_points").map(float).transpose()?;
    check.near("apr_pct", &expected["apr_pct"], rate * 100.0, tolerance)
}

pub fn apr_dates(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let method = text(&inputs["method"])?;
    let time = if method.starts_with("EU 2008/48") {
        LegalTime::EuropeanUnion { period: LegalPeriod::Month }
    } else {
        LegalTime::Days365
    };
    let mut flows = dated(&inputs["payments"])?;
    let advance = &inputs["advance"];
    flows.push(DatedAmount { date: date(&advance[0])?, amount: -float(&advance[1])? });
    let total: f64 = flows.iter().map(|flow| flow.amount).sum();
    let rate = match effective_rate(&flows, time)?.nearest(0.1) {
        Some(rate) => rate,
        // What is paid back is what was lent: there is no cost, at whatever rate.
        None if total == 0.0 => 0.0,
        None => {
            check.differs("apr_pct", &expected["apr_pct"], "none");
            return Ok(());
        }
    };
    check.near("apr_pct", &expected["apr_pct"], rate * 100.0, None)
}

pub fn apr_us_actuarial(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let mut payments = Vec::new();
    for payment in list(&inputs["payments"])? {
        let time = UnitPeriodTime { whole: whole(&payment["t"])?, fraction: number(&payment["f"])? };
        payments.push((time, number(&payment["amount"])?));
    }
    let solution =
        actuarial_rate(number(&inputs["amount_financed"])?, &payments, number(&inputs["unit_periods_per_year"])?)?;
    let Some(rate) = solution.only() else {
        check.differs("apr_pct", &vector["expected"]["apr_pct"], "none");
        return Ok(());
    };
    // Where the vector's unit-period and dates are plain, the engine's own measure of the first interval must agree.
    let unit = match inputs["unit_period"].as_str().unwrap_or_default() {
        "month" => Some(UnitPeriod::Months(1)),
        "2 months" => Some(UnitPeriod::Months(2)),
        "quarter" => Some(UnitPeriod::Months(3)),
        "year" => Some(UnitPeriod::Months(12)),
        "half-month" => Some(UnitPeriod::HalfMonth),
        "week" => Some(UnitPeriod::Weeks(1)),
        "2 weeks" => Some(UnitPeriod::Weeks(2)),
        "4 weeks" => Some(UnitPeriod::Weeks(4)),
        _ => None,
    };
    let dates = &inputs["dates"];
    if let (Some(unit), Some(start), Some(first)) = (unit, dates.get("advance"), dates.get("first_payment")) {
        let time = unit.time(date(start)?, date(first)?)?;
        if let Some((printed, _)) = payments.first() {
            check.near(
                "first t + f",
                &json!((f64::from(printed.whole) + printed.fraction).to_string()),
                f64::from(time.whole) + time.fraction,
                Some(1e-9),
            )?;
        }
    }
    check.near("apr_pct", &vector["expected"]["apr_pct"], rate * 100.0, None)
}

fn money(value: &Value) -> Judged<Money> {
    Ok(Money::parse(&text(value)?, Scale::CENTS)?)
}

pub fn interest_cap(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let share = match &inputs["total_cap_pct_of_principal"] {
        Value::Null => None,
        percent => {
            let points = decimal(percent)? * Decimal::ONE_HUNDRED;
            let whole = points.normalize();
            if whole.scale() > 0 {
                return Err(malformed("cap", percent));
            }
            Some(BasisPoints::new(i32::try_from(whole.mantissa()).map_err(|_| malformed("cap", percent))?))
        }
    };
    let cap = CostCap { total_share: share, ..CostCap::default() };
    let allowed = cap.allowed_interest(
        money(&inputs["principal"])?,
        money(&inputs["interest_so_far"])?,
        money(&inputs["interest_to_add"])?,
    )?;
    check.exact("allowed", &vector["expected"]["allowed"], Decimal::new(allowed.to_minor(), 2))
}

pub fn annualised_rate_disclosure(vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let fee = inputs.get("upfront_fee").map_or(Ok(0.0), number)?;
    let mut flows = vec![TimedAmount { years: 0.0, amount: fee - number(&inputs["loan"])? }];
    let payment = number(&inputs["payment"])?;
    flows.extend(
        (1..=whole(&inputs["payments_monthly"])?).map(|n| TimedAmount { years: f64::from(n) / 12.0, amount: payment }),
    );
    check.near("simple_annual_pct", &expected["simple_annual_pct"], simple_annual_rate(&flows)? * 100.0, None)?;
    let irr =
        internal_rate_by_times(&flows)?.only().ok_or_else(|| Stop::Failed("no single internal rate".to_owned()))?;
    check.near("irr_annual_pct", &expected["irr_annual_pct"], irr * 100.0, None)
}

pub fn penalty_rate(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let found = decimal(&inputs["daily_rate_pct"])? * decimal(&inputs["multiple"])?;
    check.exact("penalty_daily_rate_pct", &vector["expected"]["penalty_daily_rate_pct"], found)
}

pub fn rate_cap(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    // Four times the one-year loan prime rate is the statute's rule.
    let multiple = inputs.get("multiple").map_or(Ok(Decimal::from(4)), decimal)?;
    let cap = CostCap::annual_multiple(AnnualRate::from_percent(decimal(&inputs["lpr_1y_pct"])?)?, multiple)?;
    let percent = cap.annual.map(AnnualRate::as_percent).unwrap_or_default();
    check.exact("cap_pct", &vector["expected"]["cap_pct"], percent)
}
