//! Reading a vector and comparing figures.

use std::fmt;

use dandelion_credit::calendar::Date;
use rust_decimal::Decimal;
use serde_json::Value;

/// One figure that is not as expected.
#[derive(Debug)]
pub struct Difference {
    pub what: String,
    pub expected: String,
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

/// Why a vector is not judged to its end.
pub enum Stop {
    /// It asks for something the engine does not offer.
    Unsupported(String),
    /// The engine answered with an error, or the vector is not of its form.
    Failed(String),
}

impl From<dandelion_credit::Error> for Stop {
    fn from(error: dandelion_credit::Error) -> Self {
        if error.is_unsupported() { Self::Unsupported(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

pub type Judged<T = ()> = Result<T, Stop>;

/// What was compared so far.
#[derive(Default)]
pub struct Check {
    pub met: usize,
    pub differences: Vec<Difference>,
}

impl Check {
    pub fn differs(&mut self, what: impl fmt::Display, expected: impl fmt::Display, found: impl fmt::Display) {
        self.differences.push(Difference {
            what: what.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }

    pub fn equal<T: PartialEq + fmt::Display>(&mut self, what: impl fmt::Display, expected: T, found: T) {
        if expected == found {
            self.met += 1;
        } else {
            self.differs(what, expected, found);
        }
    }

    /// A decimal that must be met exactly; a figure the vector does not print is not asked for.
    pub fn exact(&mut self, what: impl fmt::Display, expected: &Value, found: Decimal) -> Judged {
        if !expected.is_null() {
            self.equal(what, decimal(expected)?.normalize(), found.normalize());
        }
        Ok(())
    }

    /// A number met within `tolerance`, or within half a unit of the last printed digit.
    pub fn near(&mut self, what: impl fmt::Display, expected: &Value, found: f64, tolerance: Option<f64>) -> Judged {
        if expected.is_null() {
            return Ok(());
        }
        let text = text(expected)?;
        let wanted: f64 = text.parse().map_err(|_| malformed("number", &text))?;
        let digits = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let half_unit = 0.5 * 10f64.powi(-(digits as i32));
        // A figure printed with all the digits of a double is as good as the solver that stopped there: a billionth.
        let tolerance = tolerance.unwrap_or(half_unit.max(1e-9));
        // Two doubles next to each other are the same answer.
        if (wanted - found).abs() <= tolerance + 4.0 * f64::EPSILON * wanted.abs() {
            self.met += 1;
        } else {
            self.differs(what, text, found);
        }
        Ok(())
    }
}

pub fn malformed(what: &str, found: impl fmt::Display) -> Stop {
    Stop::Failed(format!("the vector's {what} is {found}"))
}

/// A string or number as its text.
pub fn text(value: &Value) -> Judged<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(malformed("text or number", other)),
    }
}

/// A plain decimal, a percentage or a quotient of two.
pub fn decimal(value: &Value) -> Judged<Decimal> {
    let text = text(value)?;
    parse_decimal(&text).ok_or_else(|| malformed("decimal", text))
}

pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim().replace(',', "");
    if let Some((above, below)) = text.split_once('/') {
        return parse_decimal(above)?.checked_div(parse_decimal(below)?);
    }
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}

pub fn number(value: &Value) -> Judged<f64> {
    Ok(dandelion_credit::loan::float_of(decimal(value)?))
}

pub fn float(value: &Value) -> Judged<f64> {
    let text = text(value)?;
    text.parse().map_err(|_| malformed("number", text))
}

pub fn whole(value: &Value) -> Judged<u32> {
    text(value)?.parse().map_err(|_| malformed("whole number", value))
}

pub fn date(value: &Value) -> Judged<Date> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| malformed("date", value))
}

pub fn list(value: &Value) -> Judged<&Vec<Value>> {
    value.as_array().ok_or_else(|| malformed("list", value))
}
