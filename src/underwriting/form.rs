//! The form of a JSON policy: one table that both checks a policy and prints its schema, so that the two cannot differ.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::underwriting::policy::{MAX_AMOUNT_MINOR, PolicyRules};
use crate::underwriting::risk::RiskFeature;

/// What a value may be.
enum Form {
    Text,
    Flag,
    Choice(&'static [&'static str]),
    Number(f64, f64),
    Whole(i64, i64),
    List(&'static Form),
    Map(&'static Form),
    Object(&'static [Field]),
    Feature,
    /// `null` or the form.
    Optional(&'static Form),
}

struct Field {
    name: &'static str,
    about: &'static str,
    form: Form,
}

const fn field(name: &'static str, form: Form, about: &'static str) -> Field {
    Field { name, about, form }
}

const SHARE: Form = Form::Number(0.0, 1.0);
const AMOUNT: Form = Form::Whole(0, MAX_AMOUNT_MINOR);
const POSITIVE: Form = Form::Whole(1, MAX_AMOUNT_MINOR);
const DAYS: Form = Form::Whole(0, 36_500);
const RATE: Form = Form::Number(0.0, 100.0);
const MONEY: f64 = MAX_AMOUNT_MINOR as f64;

const SHARE_KNOTS: Form = Form::List(&Form::Object(&[
    field("at", Form::Number(0.0, 1e9), "where"),
    field("value", SHARE, "share of the size there"),
]));

const POLICY: &[Field] = &[
    field("id", Form::Text, "name of the policy"),
    field("version", Form::Whole(0, u32::MAX as i64), "its version"),
    field("lender", Form::Text, "name of the lender"),
    field("currency", Form::Text, "ISO 4217 code of every amount"),
    field("scale", Form::Whole(0, 4), "decimals of the major unit"),
    field(
        "legal",
        Form::Choice(&[
            "none",
            "china_bank",
            "china_micro_lender",
            "china_private_lender",
            "india",
            "european_union",
            "united_kingdom_short_term",
        ]),
        "caps of law, by date",
    ),
    field("eligibility", Form::Object(ELIGIBILITY), "who may borrow: stated cliffs"),
    field("limit", Form::Object(LIMIT), "how much: the least of the rules' upper bounds"),
    field("starter", Form::Optional(&Form::Object(STARTER)), "a small line on too little history; null refuses"),
    field("price", Form::Object(PRICE), "at what price"),
    field("refer", Form::Optional(&Form::Object(REFER)), "what a person must see; null is nobody, ever"),
    field("capital", Form::Object(CAPITAL), "what the lender has left"),
    field("segments", Form::Map(&Form::Object(SEGMENT)), "groups with caps of their own, by name"),
    field("default_model", Form::Object(MODEL), "additive log-odds of default within a year"),
    field("experiment", Form::Optional(&Form::Object(EXPERIMENT)), "the arm of an experiment this policy is"),
];

const ELIGIBILITY: &[Field] = &[
    field("min_merchant_probability", SHARE, "least probability of being a merchant"),
    field("max_suspicion", SHARE, "highest suspicion"),
    field("max_default_probability", SHARE, "highest probability of default within a year"),
    field("max_days_past_due", DAYS, "most days past due today"),
    field("min_receipts_365_minor", AMOUNT, "least verified receipts of 365 days, minor units"),
    field("min_history_days", DAYS, "fewer days since the first receipt are too little to judge"),
    field("min_active_days_90", Form::Whole(0, 90), "fewer days with a receipt are too little to judge"),
    field("max_data_age_days", DAYS, "older values are too old to judge"),
    field("missing_suspicion", SHARE, "suspicion when nobody looked"),
    field("excluded_segments", Form::List(&Form::Text), "segments not served"),
];

const LIMIT: &[Field] = &[
    field("volume_share", Form::Number(0.0, 10.0), "limit over verified receipts of 365 days"),
    field("recent_share", Form::Number(0.0, 10.0), "limit over the last 30 days' receipts taken to a year"),
    field("growth", Form::Object(GROWTH), "anchor_limit x (receipts / anchor_receipts)^elasticity"),
    field("capacity", Form::Object(CAPACITY), "what the business can pay back"),
    field("debt", Form::Object(DEBT), "what it already owes"),
    field("ladder", Form::Object(LADDER), "lines grow with time and with loans repaid"),
    field("risk_factor", SHARE_KNOTS, "share of the size left, by probability of default; falling"),
    field("suspicion_factor", SHARE_KNOTS, "share of the size left, by suspicion; falling"),
    field("merchant_factor", SHARE_KNOTS, "share of the size, by probability of being a merchant; rising"),
    field("payers_factor", SHARE_KNOTS, "share of the size, by distinct payers of 90 days; rising"),
    field("active_days_factor", SHARE_KNOTS, "share of the size, by active days of 90; rising"),
    field("max_line_minor", AMOUNT, "the most for one borrower, minor units"),
    field("min_line_minor", AMOUNT, "less is not offered, minor units"),
    field("rounding_minor", POSITIVE, "limits are whole multiples of this, minor units"),
];

const GROWTH: &[Field] = &[
    field("anchor_receipts_minor", Form::Whole(1, 1_000_000_000_000_000), "receipts of 365 days, minor units"),
    field("anchor_limit_minor", Form::Whole(0, 1_000_000_000_000_000), "limit there, minor units"),
    field("elasticity", Form::Number(0.0, 1.0), "per cent of limit for a per cent of receipts"),
];

const CAPACITY: &[Field] = &[
    field("quantile_level", SHARE, "which quantile of the forecast total"),
    field("holdback_share", SHARE, "share of receipts that can go into repayment"),
    field("term_days", Form::Whole(1, 3_650), "days over which the whole line must be repayable"),
    field("charge_share", Form::Number(0.0, 10.0), "charges over principal to leave room for"),
    field("fallback_share", SHARE, "without a forecast: share of the last 30 days expected in the next 30"),
];

const DEBT: &[Field] = &[
    field("ceiling_share", Form::Number(0.0, 100.0), "all debt over receipts of 365 days, at most"),
    field("assumed_elsewhere_share", Form::Number(0.0, 100.0), "debt elsewhere over receipts when nobody knows"),
];

const LADDER: &[Field] = &[
    field(
        "tenure",
        Form::List(&Form::Object(&[
            field("at", Form::Number(0.0, 36_500.0), "days since the first receipt"),
            field("value", Form::Number(0.0, MONEY), "most there, minor units"),
        ])),
        "most by days since the first receipt; rising",
    ),
    field("first_line_minor", AMOUNT, "most before any loan was repaid, minor units"),
    field("growth_per_loan", Form::Number(0.0, 10.0), "growth of that for a loan repaid on time"),
    field("max_steps", Form::Whole(0, 100), "steps that count"),
    field("max_raise_share", Form::Number(0.0, 100.0), "growth of a line in force at once"),
];

const STARTER: &[Field] = &[
    field("max_line_minor", AMOUNT, "the most, minor units"),
    field("min_receipts_30_minor", AMOUNT, "least verified receipts of 30 days, minor units"),
    field("min_merchant_probability", SHARE, "least probability of being a merchant"),
    field("max_suspicion", SHARE, "highest suspicion"),
    field("max_default_probability", SHARE, "highest probability of default within a year"),
];

const PRICE: &[Field] = &[
    field("cost_of_funds", RATE, "a year"),
    field("loss_given_default", SHARE, "share of an exposure lost on default"),
    field("operating_cost_minor", Form::Whole(0, 1_000_000_000_000), "of a loan, minor units"),
    field("expected_draw_share", Form::Number(0.000_001, 1.0), "share of the line an average drawdown takes"),
    field("expected_days", Form::Whole(1, 3_650), "days an average drawdown is out"),
    field("margin", RATE, "a year"),
    field("fee_share", SHARE, "fee from each drawdown, as a share of it"),
    field("min_annual_rate", RATE, "lowest rate"),
    field("max_annual_rate", RATE, "highest disclosed rate"),
    field("rate_step", Form::Number(0.000_001, 1.0), "rates are whole multiples of this"),
    field(
        "bands",
        Form::List(&Form::Object(&[
            field("up_to_default_probability", SHARE, "for probabilities of default up to this; rising"),
            field("annual_rate", RATE, "the rate; never falling"),
        ])),
        "rate by risk; empty prices every borrower by its own cost",
    ),
    field(
        "lend_below_break_even",
        Form::Flag,
        "whether to lend where the capped rate does not pay what the loan costs",
    ),
    field("year_days", Form::Whole(360, 366), "days that turn the annual rate into the daily one"),
    field("offer_days", Form::Whole(0, 3_650), "days an offer stands"),
];

const REFER: &[Field] = &[
    field("line_from_minor", AMOUNT, "lines from here up, minor units"),
    field("suspicion_from", SHARE, "suspicion from here up"),
    field("default_probability_from", SHARE, "probability of default from here up"),
];

const CAPITAL: &[Field] = &[
    field("available_minor", Form::Optional(&AMOUNT), "left to commit, minor units; null is without end"),
    field("own_share", Form::Optional(&Form::Number(0.000_001, 1.0)), "this lender's share of every loan; null is all"),
];

const SEGMENT: &[Field] = &[
    field("max_line_minor", Form::Optional(&AMOUNT), "the most for one borrower, minor units"),
    field("available_minor", Form::Optional(&AMOUNT), "left to commit in the segment, minor units"),
];

const MODEL: &[Field] = &[
    field("name", Form::Text, "name and version, kept in the record"),
    field("base", Form::Number(-100.0, 100.0), "log-odds before any term"),
    field(
        "terms",
        Form::List(&Form::Object(&[
            field("feature", Form::Feature, "what the term looks at; at most once each"),
            field(
                "knots",
                Form::List(&Form::Object(&[
                    field("at", Form::Number(-1e9, 1e9), "value of the feature"),
                    field("value", Form::Number(-100.0, 100.0), "log-odds there"),
                ])),
                "a piecewise straight curve, running the way the feature allows",
            ),
            field("missing", Form::Number(-100.0, 100.0), "log-odds when the feature is missing"),
        ])),
        "the terms",
    ),
];

const EXPERIMENT: &[Field] = &[
    field("name", Form::Text, "the experiment"),
    field("arm", Form::Text, "the arm"),
    field("propensity", SHARE, "probability of coming into this arm"),
];

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { format!("{}…", text.chars().take(60).collect::<String>()) } else { text }
}

fn check(value: &Value, form: &Form, path: &str) -> Result<()> {
    let wrong = |rule: String| Err(Error::invalid(path.to_owned(), shown(value), rule));
    match form {
        Form::Text => match value {
            Value::String(_) => Ok(()),
            _ => wrong("text".to_owned()),
        },
        Form::Flag => match value {
            Value::Bool(_) => Ok(()),
            _ => wrong("true or false".to_owned()),
        },
        Form::Choice(names) => match value.as_str() {
            Some(name) if names.contains(&name) => Ok(()),
            _ => wrong(format!("one of {}", names.join(", "))),
        },
        Form::Feature => match value.as_str() {
            Some(name) if RiskFeature::ALL.iter().any(|feature| feature.name() == name) => Ok(()),
            _ => wrong(format!("one of {}", RiskFeature::ALL.map(RiskFeature::name).join(", "))),
        },
        Form::Number(low, high) => match value.as_f64() {
            Some(number) if (*low..=*high).contains(&number) => Ok(()),
            _ => wrong(format!("a number from {low} to {high}")),
        },
        Form::Whole(low, high) => match value.as_i64() {
            Some(number) if (*low..=*high).contains(&number) => Ok(()),
            _ => wrong(format!("a whole number from {low} to {high}")),
        },
        Form::Optional(form) => {
            if value.is_null() {
                Ok(())
            } else {
                check(value, form, path)
            }
        }
        Form::List(form) => match value.as_array() {
            Some(items) if items.len() <= 1_000 => {
                items.iter().enumerate().try_for_each(|(index, item)| check(item, form, &format!("{path}[{index}]")))
            }
            _ => wrong("a list of at most 1,000".to_owned()),
        },
        Form::Map(form) => match value.as_object() {
            Some(items) => items.iter().try_for_each(|(name, item)| check(item, form, &format!("{path}.{name}"))),
            None => wrong("an object".to_owned()),
        },
        Form::Object(fields) => match value.as_object() {
            Some(items) => items.iter().try_for_each(|(name, item)| {
                let Some(field) = fields.iter().find(|field| field.name == name) else {
                    let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
                    return Err(Error::unknown(
                        format!("field {name} of {path}"),
                        format!("known are {}", known.join(", ")),
                    ));
                };
                check(item, &field.form, &format!("{path}.{name}"))
            }),
            None => wrong("an object".to_owned()),
        },
    }
}

/// Whether `value` is of the form of a policy; the error names the field.
pub(crate) fn check_policy(value: &Value) -> Result<()> {
    check(value, &Form::Object(POLICY), "policy")
}

fn schema_of(form: &Form, default: Option<&Value>) -> Value {
    match form {
        Form::Text => json!({ "type": "string" }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Choice(names) => json!({ "enum": names }),
        Form::Feature => json!({ "enum": RiskFeature::ALL.map(RiskFeature::name) }),
        Form::Number(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
        Form::Whole(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Form::Optional(form) => json!({ "anyOf": [{ "type": "null" }, schema_of(form, default)] }),
        Form::List(form) => json!({ "type": "array", "maxItems": 1_000, "items": schema_of(form, None) }),
        Form::Map(form) => json!({ "type": "object", "additionalProperties": schema_of(form, None) }),
        Form::Object(fields) => {
            let mut properties = Map::new();
            for field in *fields {
                let default = default.and_then(|default| default.get(field.name));
                let mut schema = schema_of(&field.form, default);
                if let Some(object) = schema.as_object_mut() {
                    object.insert("description".to_owned(), Value::from(field.about));
                    if let Some(default) = default.filter(|_| !matches!(field.form, Form::Object(_))) {
                        object.insert("default".to_owned(), default.clone());
                    }
                }
                properties.insert(field.name.to_owned(), schema);
            }
            json!({ "type": "object", "additionalProperties": false, "properties": properties })
        }
    }
}

/// The JSON Schema (draft 2020-12) of a policy: every field with its meaning, range and default.
///
/// ```
/// let schema = dandelion_credit::underwriting::policy_schema();
/// assert_eq!(schema["properties"]["limit"]["properties"]["growth"]["properties"]["elasticity"]["default"], 0.41);
/// ```
#[must_use]
pub fn policy_schema() -> Value {
    let default = serde_json::to_value(PolicyRules::default()).unwrap_or(Value::Null);
    let mut schema = schema_of(&Form::Object(POLICY), Some(&default));
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), Value::from("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".to_owned(), Value::from("Lending policy"));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::underwriting::policy::{ExperimentTag, RateBand, ReferRules, SegmentRules};

    fn full() -> PolicyRules {
        let mut rules = PolicyRules { refer: Some(ReferRules::default()), ..PolicyRules::default() };
        rules.experiment = Some(ExperimentTag { name: "e".into(), arm: "a".into(), propensity: 0.5 });
        rules.segments.insert("food".into(), SegmentRules::default());
        rules.price.bands.push(RateBand { up_to_default_probability: 0.1, annual_rate: 0.18 });
        rules
    }

    fn same_fields(value: &Value, form: &Form, path: &str) {
        match (form, value) {
            (Form::Optional(form), value) if !value.is_null() => same_fields(value, form, path),
            (Form::List(form), Value::Array(items)) => items.iter().for_each(|item| same_fields(item, form, path)),
            (Form::Map(form), Value::Object(items)) => items.values().for_each(|item| same_fields(item, form, path)),
            (Form::Object(fields), Value::Object(items)) => {
                let mut expected: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let mut found: Vec<&str> = items.keys().map(String::as_str).collect();
                expected.sort_unstable();
                found.sort_unstable();
                assert_eq!(expected, found, "{path}");
                for field in *fields {
                    same_fields(&items[field.name], &field.form, &format!("{path}.{}", field.name));
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_table_and_the_type_have_the_same_fields() {
        let value = serde_json::to_value(full()).unwrap();
        same_fields(&value, &Form::Object(POLICY), "policy");
        check_policy(&value).unwrap();
    }

    #[test]
    fn the_schema_describes_every_field() {
        fn walk(schema: &Value, count: &mut usize) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for property in properties.values() {
                    assert!(property["description"].as_str().is_some_and(|about| !about.is_empty()), "{property}");
                    *count += 1;
                    walk(property, count);
                }
            }
        }
        let mut count = 0;
        walk(&policy_schema(), &mut count);
        assert!(count > 60, "{count}");
    }
}
