//! From log-odds to probability: a monotone layer of its own, fitted on rows that training has not seen.

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::numeric::logit;
use crate::scorecard::numeric::sigmoid;

/// How log-odds become a probability. Always rising, so that calibrating never changes an order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Calibration {
    /// The logistic function of the log-odds.
    #[default]
    Identity,
    /// The logistic function of a line through the log-odds (Platt 1999).
    Sigmoid {
        /// Factor of the log-odds, above 0.
        slope: f64,
        /// Added to them.
        intercept: f64,
    },
    /// Straight lines between points that never fall; level beyond the outermost.
    Isotonic {
        /// Log-odds of the points, ascending.
        log_odds: Vec<f64>,
        /// Probabilities of the points, not falling.
        probabilities: Vec<f64>,
    },
}

/// Which calibration to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CalibrationMethod {
    /// A line through the log-odds: two numbers, fit for a few hundred rows.
    Sigmoid,
    /// Steps by pooling neighbours (Ayer and others 1955) until each holds at least `min_mass` of weight, joined by
    /// lines.
    Isotonic {
        /// Least weight behind a point.
        min_mass: f64,
    },
}

impl Calibration {
    /// Fits a calibration on log-odds and outcomes of rows that the model was **not** trained on: the rows an audit
    /// looked up, a later month, or the out-of-fold scores of the fit.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for lengths that differ, a number that is not finite, a negative weight, or when only one
    /// outcome occurs.
    ///
    /// ```
    /// use dandelion_credit::scorecard::{Calibration, CalibrationMethod};
    ///
    /// let log_odds: Vec<f64> = (0..1000).map(|row| (row % 100) as f64 / 10.0 - 5.0).collect();
    /// // Overconfident: above zero it happens in 6 of 10, below in 4 of 10.
    /// let positive: Vec<bool> = (0..1000).map(|row| (row / 100) < if row % 100 < 50 { 4 } else { 6 }).collect();
    /// let fitted = Calibration::fit(&log_odds, &positive, None, CalibrationMethod::Sigmoid)?;
    /// assert!(fitted.probability(5.0) < 0.75 && fitted.probability(-5.0) > 0.25);
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn fit(
        log_odds: &[f64],
        positive: &[bool],
        weights: Option<&[f64]>,
        method: CalibrationMethod,
    ) -> Result<Self> {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        if positive.len() != log_odds.len() || weights.is_some_and(|weights| weights.len() != log_odds.len()) {
            return Err(Error::invalid("number of outcomes", positive.len(), format!("{} rows", log_odds.len())));
        }
        if let Some(row) = (0..log_odds.len()).find(|&row| !(log_odds[row].is_finite() && weight(row) >= 0.0)) {
            return Err(Error::invalid("log-odds or weight", log_odds[row], "finite").at(format!("row {row}")));
        }
        let total: f64 = (0..log_odds.len()).map(weight).sum();
        let positives: f64 = (0..log_odds.len()).filter(|&row| positive[row]).map(weight).sum();
        if !(positives > 0.0 && positives < total && total.is_finite()) {
            return Err(Error::invalid("weight of positives", positives, "some positives and some negatives"));
        }
        let fitted = match method {
            CalibrationMethod::Sigmoid => {
                let line = logistic_line(log_odds, positive, &weight, positives / total);
                Self::Sigmoid { slope: line.slope.max(1e-6), intercept: line.intercept }
            }
            CalibrationMethod::Isotonic { min_mass } => isotonic(log_odds, positive, &weight, min_mass),
        };
        fitted.check()?;
        Ok(fitted)
    }

    /// The probability of a positive at some log-odds.
    #[must_use]
    #[inline]
    pub fn probability(&self, log_odds: f64) -> f64 {
        match self {
            Self::Identity => sigmoid(log_odds),
            Self::Sigmoid { slope, intercept } => sigmoid(slope * log_odds + intercept),
            Self::Isotonic { log_odds: at, probabilities } => {
                let above = at.partition_point(|&point| point <= log_odds);
                if above == 0 {
                    return probabilities[0];
                }
                if above == at.len() {
                    return probabilities[above - 1];
                }
                let share = (log_odds - at[above - 1]) / (at[above] - at[above - 1]);
                probabilities[above - 1] + share * (probabilities[above] - probabilities[above - 1])
            }
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Identity => Ok(()),
            Self::Sigmoid { slope, intercept } => {
                if slope.is_finite() && *slope > 0.0 && intercept.is_finite() {
                    Ok(())
                } else {
                    Err(Error::invalid("slope of the calibration", slope, "finite and above 0, so that it rises"))
                }
            }
            Self::Isotonic { log_odds, probabilities } => {
                if log_odds.is_empty() || log_odds.len() != probabilities.len() {
                    return Err(Error::invalid(
                        "points of the calibration",
                        log_odds.len(),
                        "as many as probabilities",
                    ));
                }
                let finite = log_odds.iter().all(|x| x.is_finite());
                if !finite || log_odds.windows(2).any(|pair| pair[0] >= pair[1]) {
                    return Err(Error::invalid("points of the calibration", "not in order", "ascending"));
                }
                let within = probabilities.iter().all(|p| (0.0..=1.0).contains(p));
                if !within || probabilities.windows(2).any(|pair| pair[0] > pair[1]) {
                    return Err(Error::invalid("probabilities of the calibration", "not in order", "not falling"));
                }
                Ok(())
            }
        }
    }
}

/// A line through log-odds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

/// The likeliest line, by Newton steps halved until they gain.
pub(crate) fn logistic_line(x: &[f64], positive: &[bool], weight: &impl Fn(usize) -> f64, share: f64) -> Line {
    let loss = |line: Line| -> f64 {
        (0..x.len())
            .map(|row| {
                let margin = line.slope * x[row] + line.intercept;
                weight(row) * crate::scorecard::numeric::log_loss(if positive[row] { margin } else { -margin })
            })
            .sum()
    };
    let mut line = Line { slope: 1.0, intercept: 0.0 };
    let flat = Line { slope: 0.0, intercept: logit(share) };
    let mut best = loss(line);
    if loss(flat) < best {
        (line, best) = (flat, loss(flat));
    }
    for _ in 0..50 {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for row in 0..x.len() {
            let p = sigmoid(line.slope * x[row] + line.intercept);
            let (g, h) = (weight(row) * (p - f64::from(positive[row])), weight(row) * p * (1.0 - p));
            g0 += g;
            g1 += g * x[row];
            h00 += h;
            h01 += h * x[row];
            h11 += h * x[row] * x[row];
        }
        // A trace of ridge keeps separable rows finite.
        h00 += 1e-9;
        h11 += 1e-9;
        let determinant = h00 * h11 - h01 * h01;
        if determinant.abs() < 1e-300 {
            break;
        }
        let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        let mut size = 1.0;
        let mut moved = false;
        while size > 1e-6 {
            let next = Line { slope: line.slope - size * d1, intercept: line.intercept - size * d0 };
            let next_loss = loss(next);
            if next_loss < best {
                moved = best - next_loss > 1e-12 * best.abs();
                (line, best) = (next, next_loss);
                break;
            }
            size *= 0.5;
        }
        if !moved {
            break;
        }
    }
    line
}

fn isotonic(x: &[f64], positive: &[bool], weight: &impl Fn(usize) -> f64, min_mass: f64) -> Calibration {
    #[derive(Clone, Copy)]
    struct Pool {
        weight: f64,
        positives: f64,
        log_odds: f64,
    }
    let mut order: Vec<usize> = (0..x.len()).filter(|&row| weight(row) > 0.0).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let join = |a: Pool, b: Pool| Pool {
        weight: a.weight + b.weight,
        positives: a.positives + b.positives,
        log_odds: a.log_odds + b.log_odds,
    };
    // First mass, so that no step rests on a handful of rows; ties stay together.
    let mut masses: Vec<Pool> = Vec::new();
    let mut last = f64::NAN;
    for row in order {
        let w = weight(row);
        let pool = Pool { weight: w, positives: w * f64::from(positive[row]), log_odds: w * x[row] };
        match masses.last_mut() {
            Some(held) if held.weight < min_mass || last == x[row] => *held = join(*held, pool),
            _ => masses.push(pool),
        }
        last = x[row];
    }
    if masses.len() > 1 && masses.last().is_some_and(|pool| pool.weight < min_mass) {
        let tail = masses.pop().expect("more than one");
        let end = masses.len() - 1;
        masses[end] = join(masses[end], tail);
    }
    let mut pools: Vec<Pool> = Vec::new();
    for pool in masses {
        let mut pool = pool;
        while let Some(before) = pools.last() {
            if before.positives * pool.weight < pool.positives * before.weight {
                break;
            }
            pool = join(*before, pool);
            pools.pop();
        }
        pools.push(pool);
    }
    // Half a row of doubt at either end keeps certainties away.
    let probability = |pool: &Pool| (pool.positives + 0.5) / (pool.weight + 1.0);
    let mut at = Vec::new();
    let mut probabilities: Vec<f64> = Vec::new();
    for pool in &pools {
        let centre = pool.log_odds / pool.weight;
        if at.last().is_none_or(|&before| before < centre) {
            at.push(centre);
            let before = probabilities.last().copied().unwrap_or(0.0);
            probabilities.push(probability(pool).max(before));
        }
    }
    Calibration::Isotonic { log_odds: at, probabilities }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::numeric::Stream;

    fn rows(slope: f64, intercept: f64) -> (Vec<f64>, Vec<bool>) {
        let mut stream = Stream::new(5);
        let x: Vec<f64> = (0..20_000).map(|_| stream.below(8001) as f64 / 1000.0 - 4.0).collect();
        let positive =
            x.iter().map(|&x| stream.below(1 << 30) as f64 / 1.074e9 < sigmoid(slope * x + intercept)).collect();
        (x, positive)
    }

    #[test]
    fn a_sigmoid_finds_the_line_behind_the_outcomes() {
        let (x, positive) = rows(0.6, -0.8);
        let Calibration::Sigmoid { slope, intercept } =
            Calibration::fit(&x, &positive, None, CalibrationMethod::Sigmoid).unwrap()
        else {
            panic!("a sigmoid was asked for")
        };
        assert!((slope - 0.6).abs() < 0.03 && (intercept + 0.8).abs() < 0.05, "{slope} {intercept}");
    }

    #[test]
    fn isotonic_points_rise_and_hold_their_mass() {
        let (x, positive) = rows(1.5, 0.4);
        let fitted = Calibration::fit(&x, &positive, None, CalibrationMethod::Isotonic { min_mass: 500.0 }).unwrap();
        let Calibration::Isotonic { log_odds, .. } = &fitted else { panic!("isotonic was asked for") };
        assert!(log_odds.len() <= 40 && log_odds.len() > 5);
        for step in -40..40 {
            let x = f64::from(step) / 10.0;
            assert!((fitted.probability(x) - sigmoid(1.5 * x + 0.4)).abs() < 0.06, "{x}");
        }
    }

    #[test]
    fn separable_outcomes_stay_finite() {
        let x: Vec<f64> = (0..100).map(f64::from).collect();
        let positive: Vec<bool> = x.iter().map(|&x| x > 50.0).collect();
        for method in [CalibrationMethod::Sigmoid, CalibrationMethod::Isotonic { min_mass: 10.0 }] {
            let fitted = Calibration::fit(&x, &positive, None, method).unwrap();
            assert!(fitted.probability(0.0) < 0.2 && fitted.probability(99.0) > 0.8);
        }
        assert!(Calibration::fit(&x, &[true; 100], None, CalibrationMethod::Sigmoid).is_err());
    }

    #[test]
    fn a_calibration_that_falls_is_refused_when_read() {
        for text in [
            r#"{"kind":"sigmoid","slope":-1.0,"intercept":0.0}"#,
            r#"{"kind":"isotonic","log_odds":[0.0,1.0],"probabilities":[0.5,0.4]}"#,
            r#"{"kind":"isotonic","log_odds":[],"probabilities":[]}"#,
        ] {
            assert!(serde_json::from_str::<Calibration>(text).unwrap().check().is_err(), "{text}");
        }
    }
}
