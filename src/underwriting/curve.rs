//! Curves in whole numbers: a limit that must never fall when receipts rise cannot stand on a last bit of a float.
//!
//! Shares and probabilities are carried as parts per million, log-odds as millionths, money as minor units. A curve is a
//! list of knots joined by straight lines and evaluated in `i128`, so it is exactly monotone where its knots are, has no
//! jump, and has the same bits on every machine.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Parts in a whole.
pub(crate) const PPM: i64 = 1_000_000;

/// A fraction as parts per million; callers have checked that it is finite and small.
pub(crate) fn ppm(fraction: f64) -> i64 {
    (fraction * PPM as f64).round() as i64
}

/// Parts per million as a fraction.
pub(crate) fn fraction(ppm: i64) -> f64 {
    ppm as f64 / PPM as f64
}

/// `amount × parts ÷ 1,000,000`, downwards, held to what an `i64` can hold. Both are at least zero.
pub(crate) fn share_of(amount: i64, parts: i64) -> i64 {
    ratio_of(amount, parts, PPM)
}

/// `amount × numerator ÷ denominator`, downwards, held to what an `i64` can hold. All are at least zero, the last above.
pub(crate) fn ratio_of(amount: i64, numerator: i64, denominator: i64) -> i64 {
    // Most amounts fit 64 bits, where division is several times faster.
    if let Some(product) = amount.checked_mul(numerator) {
        return product / denominator;
    }
    let exact = i128::from(amount) * i128::from(numerator) / i128::from(denominator);
    exact.min(i128::from(i64::MAX)) as i64
}

/// A point of a curve in a policy: at `at` the curve is `value`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knot {
    /// Where; its unit is the field's.
    pub at: f64,
    /// How much there; its unit is the field's.
    pub value: f64,
}

impl Knot {
    /// The curve is `value` at `at`.
    #[must_use]
    pub const fn new(at: f64, value: f64) -> Self {
        Self { at, value }
    }
}

/// Which way a curve may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Rising,
    Falling,
}

/// A piecewise straight line through integer knots, flat beyond the first and the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Curve {
    at: Vec<i64>,
    value: Vec<i64>,
}

impl Curve {
    /// The curve through `knots`, whose places are scaled by `at_unit` and values by `value_unit` to whole numbers.
    pub fn compile(
        name: &str,
        knots: &[Knot],
        at_unit: f64,
        value_unit: f64,
        direction: Option<Direction>,
    ) -> Result<Self> {
        if knots.is_empty() {
            return Err(Error::invalid(name.to_owned(), "[]", "at least one knot"));
        }
        let whole = |number: f64, unit: f64, part: &str, index: usize| {
            let scaled = (number * unit).round();
            // Bounded so that differences and their products with each other fit an i128 with room to spare.
            if scaled.is_finite() && scaled.abs() <= 4e18 {
                Ok(scaled as i64)
            } else {
                Err(Error::invalid(format!("{name}[{index}].{part}"), number, "a number the curve can hold"))
            }
        };
        let mut curve = Self { at: Vec::with_capacity(knots.len()), value: Vec::with_capacity(knots.len()) };
        for (index, knot) in knots.iter().enumerate() {
            let (at, value) = (whole(knot.at, at_unit, "at", index)?, whole(knot.value, value_unit, "value", index)?);
            if curve.at.last().is_some_and(|&before| before >= at) {
                return Err(Error::invalid(format!("{name}[{index}].at"), knot.at, "above the knot before it"));
            }
            let turns = match (direction, curve.value.last()) {
                (Some(Direction::Rising), Some(&before)) => value < before,
                (Some(Direction::Falling), Some(&before)) => value > before,
                _ => false,
            };
            if turns {
                let rule = if direction == Some(Direction::Rising) { "never below" } else { "never above" };
                let rule = format!("{rule} the knot before it");
                return Err(Error::invalid(format!("{name}[{index}].value"), knot.value, rule));
            }
            curve.at.push(at);
            curve.value.push(value);
        }
        Ok(curve)
    }

    /// The value at `x`, rounded downwards between knots.
    pub fn eval(&self, x: i64) -> i64 {
        let above = self.at.partition_point(|&at| at <= x);
        if above == 0 {
            return self.value[0];
        }
        if above == self.at.len() {
            return self.value[above - 1];
        }
        let (x0, x1, y0, y1) = (self.at[above - 1], self.at[above], self.value[above - 1], self.value[above]);
        y0 + line(x - x0, y1 - y0, x1 - x0)
    }

    /// The smallest and the largest value.
    pub fn range(&self) -> (i64, i64) {
        let low = self.value.iter().min().copied().unwrap_or(0);
        let high = self.value.iter().max().copied().unwrap_or(0);
        (low, high)
    }
}

/// `run × rise ÷ width` downwards, in 64 bits where they suffice.
fn line(run: i64, rise: i64, width: i64) -> i64 {
    match run.checked_mul(rise) {
        Some(product) => product.div_euclid(width),
        None => (i128::from(run) * i128::from(rise)).div_euclid(i128::from(width)) as i64,
    }
}

/// Steps of a [`PowerCurve`] in each doubling.
const STEPS: i64 = 16;

/// `limit × (x / anchor)^elasticity` in whole minor units: sixteen exact points in each doubling of `x`, straight lines
/// between them. A chord lies below a concave curve, here by at most 0.006 %, so the approximation errs on the careful side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PowerCurve {
    curve: Curve,
    /// log2 of the first knot above zero, in millionths: from it a place is found without a search, which a thousand
    /// lenders' curves, none of them in cache, would pay for in memory latency.
    first_log2: i64,
}

impl PowerCurve {
    pub fn new(anchor: i64, limit: i64, elasticity: f64) -> Self {
        let mut at = vec![0];
        let mut value = vec![0];
        // From a millionth of the anchor to a million times it.
        for step in -20 * STEPS..=20 * STEPS {
            let doublings = step as f64 / STEPS as f64;
            let x = anchor as f64 * exp2(doublings);
            let y = limit as f64 * exp2(doublings * elasticity);
            if x.max(y) > 4e18 {
                break;
            }
            // The value at the rounded place, to first order.
            let y = y * (1.0 + elasticity * (x.round() - x) / x);
            let (x, y) = (x.round() as i64, y.floor() as i64);
            if x > at[at.len() - 1] {
                at.push(x);
                value.push(y.max(value[value.len() - 1]));
            }
        }
        let first_log2 = log2_micro(at.get(1).copied().unwrap_or(1));
        Self { curve: Curve { at, value }, first_log2 }
    }

    pub fn eval(&self, x: i64) -> i64 {
        let (at, value) = (&self.curve.at, &self.curve.value);
        let last = at.len() - 1;
        if x <= 0 || last == 0 {
            return value[0];
        }
        let guess = (log2_micro(x) - self.first_log2) * STEPS / PPM + 1;
        let mut place = guess.clamp(0, last as i64) as usize;
        while at[place] > x {
            place -= 1;
        }
        while place < last && at[place + 1] <= x {
            place += 1;
        }
        if place == last {
            return value[last];
        }
        value[place] + line(x - at[place], value[place + 1] - value[place], at[place + 1] - at[place])
    }
}

/// 2^x by arithmetic alone, so that it has the same bits everywhere; relative error below 1e-14 for |x| up to 1,000.
pub(crate) const fn exp2(x: f64) -> f64 {
    let whole = floor(x);
    let mut result = exp_small((x - whole) * std::f64::consts::LN_2);
    let (mut count, factor) = if whole < 0.0 { (-whole, 0.5) } else { (whole, 2.0) };
    while count >= 1.0 {
        result *= factor;
        count -= 1.0;
    }
    result
}

const fn floor(x: f64) -> f64 {
    let whole = x as i64 as f64;
    if whole > x { whole - 1.0 } else { whole }
}

/// e^x for x from 0 to ln 2 by its Taylor series.
const fn exp_small(x: f64) -> f64 {
    let mut sum = 1.0;
    let mut term = 22.0;
    while term >= 1.0 {
        sum = 1.0 + x / term * sum;
        term -= 1.0;
    }
    sum
}

/// log2 of a whole number in millionths: exact at powers of two, straight lines between 64 points of each doubling.
/// Monotone, and at most 0.00005 from the logarithm. Zero and below count as one.
pub(crate) fn log2_micro(x: i64) -> i64 {
    let x = x.max(1) as u64;
    let exponent = 63 - x.leading_zeros();
    // The mantissa from 1 to 2 as 2^32..2^33.
    let mantissa = if exponent >= 32 { x >> (exponent - 32) } else { x << (32 - exponent) };
    let rest = mantissa - (1 << 32);
    let slot = (rest >> 26) as usize;
    let within = (rest & ((1 << 26) - 1)) as i64;
    let (low, high) = (LOG2_TABLE[slot], LOG2_TABLE[slot + 1]);
    i64::from(exponent) * PPM + low + (((high - low) * within) >> 26)
}

/// log2(1 + i/64) in millionths.
const LOG2_TABLE: [i64; 65] = {
    let mut table = [0; 65];
    let mut i = 0;
    while i <= 64 {
        // ln(m) = 2 artanh((m - 1) / (m + 1)), whose series converges fast on 1..2.
        let mantissa = 1.0 + i as f64 / 64.0;
        let z = (mantissa - 1.0) / (mantissa + 1.0);
        let mut power = z;
        let mut sum = 0.0;
        let mut k = 1.0;
        while k < 60.0 {
            sum += power / k;
            power *= z * z;
            k += 2.0;
        }
        table[i] = (2.0 * sum / std::f64::consts::LN_2 * PPM as f64 + 0.5) as i64;
        i += 1;
    }
    table
};

/// Knots of the logistic curve in each unit of log-odds.
const LOGISTIC_STEPS: usize = 64;
/// The log-odds beyond which a probability no longer changes.
pub(crate) const LOG_ODDS_END: i64 = 14;

/// The probability, in parts per million, of log-odds in millionths: monotone, and within two parts of the logistic curve.
pub(crate) fn probability_ppm(log_odds_micro: i64) -> i64 {
    let from_start = log_odds_micro.clamp(-LOG_ODDS_END * PPM, LOG_ODDS_END * PPM) + LOG_ODDS_END * PPM;
    let width = PPM / LOGISTIC_STEPS as i64;
    let slot = (from_start / width) as usize;
    if slot + 1 >= LOGISTIC.len() {
        return LOGISTIC[LOGISTIC.len() - 1];
    }
    let within = from_start % width;
    LOGISTIC[slot] + (LOGISTIC[slot + 1] - LOGISTIC[slot]) * within / width
}

const LOGISTIC: [i64; 2 * LOG_ODDS_END as usize * LOGISTIC_STEPS + 1] = {
    let mut table = [0; 2 * LOG_ODDS_END as usize * LOGISTIC_STEPS + 1];
    let mut i = 0;
    while i < table.len() {
        let x = i as f64 / LOGISTIC_STEPS as f64 - LOG_ODDS_END as f64;
        let odds = exp2(x / std::f64::consts::LN_2);
        table[i] = (odds / (1.0 + odds) * PPM as f64 + 0.5) as i64;
        i += 1;
    }
    table
};

/// The log-odds, in millionths, whose probability comes nearest to `parts` per million: the way back by bisection.
pub(crate) fn log_odds_micro(parts: i64) -> i64 {
    let (mut low, mut high) = (-LOG_ODDS_END * PPM, LOG_ODDS_END * PPM);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if probability_ppm(middle) < parts {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_meet_their_knots_and_are_flat_beyond() {
        let knots = [Knot::new(10.0, 1.0), Knot::new(20.0, 2.0), Knot::new(40.0, 2.0)];
        let curve = Curve::compile("c", &knots, 1.0, 100.0, Some(Direction::Rising)).unwrap();
        let values: Vec<i64> = [0, 10, 15, 20, 30, 40, 99].iter().map(|&x| curve.eval(x)).collect();
        assert_eq!(values, [100, 100, 150, 200, 200, 200, 200]);
        let error = Curve::compile("c", &knots, 1.0, 100.0, Some(Direction::Falling)).unwrap_err();
        assert_eq!(error.to_string(), "c[1].value is 2: never above the knot before it");
        assert!(Curve::compile("c", &[Knot::new(f64::NAN, 0.0)], 1.0, 1.0, None).is_err());
    }

    #[test]
    fn the_power_curve_is_within_its_stated_error_and_never_falls() {
        let (anchor, limit, elasticity) = (10_000_000, 1_000_000, 0.41);
        let curve = PowerCurve::new(anchor, limit, elasticity);
        assert_eq!(curve.eval(anchor), limit);
        let mut before = 0;
        let mut x = 1_000i64;
        while x < 10_000_000_000_000 {
            let value = curve.eval(x);
            let exact = limit as f64 * (x as f64 / anchor as f64).powf(elasticity);
            assert!(value >= before);
            assert_eq!(value, curve.curve.eval(x), "the guessed place is the searched one");
            assert!(value as f64 <= exact + 1.0 && value as f64 >= exact * (1.0 - 6e-5) - 2.0, "{x}: {value} {exact}");
            before = value;
            x += x / 37 + 1;
        }
    }

    #[test]
    fn logarithms_and_probabilities_are_close_and_monotone() {
        let mut before = -1;
        let mut x = 1i64;
        while x < i64::MAX / 2 {
            let value = log2_micro(x);
            assert!(value >= before && (value as f64 / 1e6 - (x as f64).log2()).abs() < 5e-5, "{x}");
            before = value;
            x += x / 101 + 1;
        }
        let mut before = -1;
        for step in -15_000..15_000 {
            let log_odds = step * 1_000;
            let value = probability_ppm(log_odds);
            let exact = 1.0 / (1.0 + (-log_odds as f64 / 1e6).exp());
            assert!(value >= before && ((value as f64 / 1e6) - exact).abs() < 5e-6, "{log_odds}: {value} {exact}");
            before = value;
        }
        assert!((log_odds_micro(30_000) as f64 / 1e6 - (0.03f64 / 0.97).ln()).abs() < 1e-3);
    }

    #[test]
    fn powers_of_two_agree_with_the_machine() {
        for step in -400..400 {
            let x = f64::from(step) / 16.0;
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-13, "{x}");
        }
    }
}
