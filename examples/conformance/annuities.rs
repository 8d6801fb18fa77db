//! Annuity formulas and rebates.

use dandelion_credit::loan::{
    Annuity, EarlySettlement, PaymentTiming, decimal_of, float_of, future_value, net_present_value, number_of_periods,
    present_value, rate_per_period,
};
use dandelion_credit::{Money, Rounding, Scale};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::check::{Check, Judged, Stop, decimal, float, list, number, parse_decimal, text, whole};

pub fn formula(kind: &str, vector: &Value, check: &mut Check) -> Judged {
    let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
    let optional = |name: &str| inputs.get(name).map_or(Ok(Decimal::ZERO), decimal);
    let timing = match inputs.get("when").and_then(Value::as_str) {
        Some("begin" | "1") => PaymentTiming::Begin,
        _ => PaymentTiming::End,
    };
    let annuity = || -> Judged<Annuity> {
        let (rate, periods) = (decimal(&inputs["rate"])?, whole(&inputs["nper"])?);
        Ok(Annuity { rate, periods, present: optional("pv")?, future: optional("fv")?, timing })
    };
    let found = match kind {
        "pmt" => annuity()?.payment()?,
        "ipmt" => annuity()?.interest_in(whole(&inputs["per"])?)?,
        "ppmt" => annuity()?.principal_in(whole(&inputs["per"])?)?,
        "fv" => {
            let (rate, periods) = (decimal(&inputs["rate"])?, whole(&inputs["nper"])?);
            future_value(rate, periods, optional("pmt")?, optional("pv")?, timing)?
        }
        "pv" => {
            let (rate, periods) = (decimal(&inputs["rate"])?, whole(&inputs["nper"])?);
            present_value(rate, periods, optional("pmt")?, optional("fv")?, timing)?
        }
        "npv" | "npv_end" => {
            let amounts: Judged<Vec<Decimal>> = list(&inputs["values"])?.iter().map(decimal).collect();
            net_present_value(decimal(&inputs["rate"])?, &amounts?)?
        }
        "nper" => {
            let (payment, present, future) = (optional("pmt")?, optional("pv")?, optional("fv")?);
            let periods = number_of_periods(
                number(&inputs["rate"])?,
                float_of(payment),
                float_of(present),
                float_of(future),
                timing,
            );
            return near(periods, expected, check);
        }
        "rate" => {
            let (payment, present, future) = (optional("pmt")?, optional("pv")?, optional("fv")?);
            let rates = rate_per_period(
                whole(&inputs["nper"])?,
                float_of(payment),
                float_of(present),
                float_of(future),
                timing,
            )?;
            return near(rates.nearest(0.1), expected, check);
        }
        other => return Err(Stop::Unsupported(format!("formula {other}"))),
    };
    let wanted = decimal(&expected["value"])?;
    let tolerance = expected.get("rel_tolerance").map_or(Ok(Decimal::new(1, 12)), decimal)?;
    if (found - wanted).abs() <= tolerance * wanted.abs() {
        check.met += 1;
    } else {
        check.differs("value", wanted, found);
    }
    Ok(())
}

fn near(found: Option<f64>, expected: &Value, check: &mut Check) -> Judged {
    match (found, &expected["value"]) {
        (None, Value::Null) => check.met += 1,
        (Some(found), Value::Null) => check.differs("value", "none", found),
        (None, wanted) => check.differs("value", wanted, "none"),
        (Some(found), wanted) => {
            let relative = expected.get("rel_tolerance").map(float).transpose()?;
            let tolerance = relative.map(|relative| float(wanted).map(|wanted| relative * wanted.abs())).transpose()?;
            check.near("value", wanted, found, tolerance)?;
        }
    }
    Ok(())
}

pub fn early_settlement_rebate(vector: &Value, check: &mut Check) -> Judged {
    let inputs = &vector["inputs"];
    let money = |name: &str| -> Judged<Money> { Ok(Money::parse(&text(&inputs[name])?, Scale::CENTS)?) };
    // The regulations' guidance works with the monthly rate to six decimals.
    let rate = (number(&inputs["apr_pct"])? / 100.0 + 1.0).powf(1.0 / 12.0) - 1.0;
    let part_period = match inputs["part_period"].as_str() {
        Some(part) => parse_decimal(part).ok_or_else(|| crate::check::malformed("part of a period", part))?,
        None => Decimal::ZERO,
    };
    let settlement = EarlySettlement {
        credit: money("credit")?,
        instalment: money("instalment")?,
        instalments: whole(&inputs["instalments_monthly"])?,
        paid: whole(&inputs["settled_after_instalments"])?,
        rate: decimal_of(rate)?.round_dp(6),
        part_period,
    };
    let rebate = settlement.rebate(Rounding::HalfUp)?;
    check.exact("rebate", &vector["expected"]["rebate"], Decimal::new(rebate.to_minor(), 2))
}
