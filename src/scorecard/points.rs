//! Points: log-odds on the scale that score users read.

use serde::Deserialize;
use serde::Serialize;

use crate::elementary::ln;
use crate::error::Error;
use crate::error::Result;

/// Points = base score + (log-odds - ln(base odds)) * pdo / ln 2.
///
/// Kept in the model, so that a loaded card gives the points of the saved one. Points follow the model's log-odds before
/// calibration: they are a ruler for ranking, and a calibration fitted later moves probabilities, not points.
///
/// ```
/// use dandelion_credit::scorecard::PointScale;
///
/// let scale = PointScale { base_score: 600.0, base_odds: 50.0, pdo: 20.0, higher_is_positive: false };
/// // Odds of 1 bad to 50 good are 600 points, and half those odds 20 points more.
/// assert_eq!(scale.points((1.0_f64 / 50.0).ln()).round(), 600.0);
/// assert_eq!(scale.points((1.0_f64 / 100.0).ln()).round(), 620.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointScale {
    /// Points at the base odds.
    pub base_score: f64,
    /// Odds at the base score: of a positive to a negative where `higher_is_positive`, of a negative to a positive
    /// otherwise.
    pub base_odds: f64,
    /// Points that double the odds.
    pub pdo: f64,
    /// Whether more points mean a likelier positive. True for "is a merchant", false where a positive is a default.
    pub higher_is_positive: bool,
}

impl Default for PointScale {
    /// 600 points at even odds, 20 points to double them, higher for a likelier positive.
    fn default() -> Self {
        Self { base_score: 600.0, base_odds: 1.0, pdo: 20.0, higher_is_positive: true }
    }
}

impl PointScale {
    /// Points per log-odds of a positive.
    #[must_use]
    pub fn factor(&self) -> f64 {
        let factor = self.pdo / std::f64::consts::LN_2;
        if self.higher_is_positive { factor } else { -factor }
    }

    /// Points where the log-odds of a positive are zero.
    #[must_use]
    pub fn offset(&self) -> f64 {
        self.base_score - ln(self.base_odds) * self.pdo / std::f64::consts::LN_2
    }

    /// Points of some log-odds of a positive, not rounded.
    #[must_use]
    pub fn points(&self, log_odds: f64) -> f64 {
        self.offset() + log_odds * self.factor()
    }

    /// The log-odds of a positive behind some points: the way back, so that every route to a probability agrees.
    #[must_use]
    pub fn log_odds(&self, points: f64) -> f64 {
        (points - self.offset()) / self.factor()
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (name, value) in [("pdo", self.pdo), ("base odds", self.base_odds)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::invalid(name, value, "finite and above 0"));
            }
        }
        if !self.base_score.is_finite() {
            return Err(Error::invalid("base score", self.base_score, "finite"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_log_odds_are_each_others_way_back() {
        for higher_is_positive in [true, false] {
            let scale = PointScale { base_score: 750.0, base_odds: 35.0, pdo: 60.0, higher_is_positive };
            for log_odds in [-9.0, -0.3, 0.0, 4.2] {
                assert!((scale.log_odds(scale.points(log_odds)) - log_odds).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_scale_without_slope_is_refused() {
        assert!(PointScale { pdo: 0.0, ..PointScale::default() }.check().is_err());
        assert!(PointScale { base_odds: f64::NAN, ..PointScale::default() }.check().is_err());
    }
}
