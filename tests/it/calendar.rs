//! Day counts and calendars against the definitions' own worked examples.

use dandelion_credit::calendar::{BusinessCalendar, CouponPeriod, Date, DayCount, DayCountContext};
use serde_json::Value;

use crate::shared_data;

fn date(value: &Value) -> Date {
    value.as_str().and_then(|text| text.parse().ok()).expect("an ISO date")
}

fn convention(name: &str) -> DayCount {
    match name {
        "ACT/ACT ISDA" => DayCount::ActualActualIsda,
        "ACT/ACT AFB" => DayCount::ActualActualAfb,
        "ACT/ACT ICMA (ISMA)" => DayCount::ActualActualIcma,
        "30/360 Bond Basis" => DayCount::Thirty360Bond,
        "30/360 US" => DayCount::Thirty360Us,
        "30E/360" => DayCount::ThirtyE360,
        "30E/360 ISDA" => DayCount::ThirtyE360Isda,
        "30/365" => DayCount::Thirty365,
        name if name.starts_with("BUS/252") => DayCount::Business252,
        name => panic!("{name} is not a convention of the list"),
    }
}

#[test]
fn published_day_counts_are_met() {
    let Some(text) = shared_data::text("loan-vectors/quantlib-daycount-calendar.json") else { return };
    let file: Value = serde_json::from_str(&text).unwrap();
    let brazil = BusinessCalendar::named("brazil").unwrap();
    let mut judged = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let (inputs, expected) = (&vector["inputs"], &vector["expected"]);
        let id = &vector["id"];
        match vector["kind"].as_str().unwrap() {
            "year_fraction" | "day_count" if inputs.get("schedule").is_none() => {
                let convention = convention(vector["convention"].as_str().unwrap());
                let coupon = inputs.get("ref_start").map(|start| CouponPeriod {
                    start: date(start),
                    end: date(&inputs["ref_end"]),
                    month_end_kept: false,
                });
                let termination = inputs.get("termination_date").map(date);
                let context = DayCountContext { coupon, termination, calendar: Some(&brazil) };
                let (start, end) = (date(&inputs["start"]), date(&inputs["end"]));
                if let Some(days) = expected["days"].as_i64() {
                    assert_eq!(convention.days_in(start, end, &context).unwrap(), days, "{id}");
                } else {
                    let years: f64 = expected["year_fraction"].as_str().unwrap().parse().unwrap();
                    let found = convention.fraction_in(start, end, &context).unwrap().as_f64();
                    assert!((found - years).abs() < 1e-10, "{id}: {found}");
                }
                judged += 1;
            }
            "holiday_list" => {
                let market = BusinessCalendar::named(vector["calendar"].as_str().unwrap()).unwrap();
                let found = market.holidays(date(&inputs["from"]), date(&inputs["to"]));
                let listed: Vec<Date> =
                    expected["holidays_excluding_weekends"].as_array().unwrap().iter().map(date).collect();
                assert_eq!(found, listed, "{id}");
                judged += 1;
            }
            "business_days_between" => {
                let days = brazil.business_days_between(date(&inputs["from_included"]), date(&inputs["to_excluded"]));
                assert_eq!(Some(days), expected["business_days"].as_i64(), "{id}");
                judged += 1;
            }
            _ => {}
        }
    }
    assert!(judged > 100, "{judged} cases judged");
}
