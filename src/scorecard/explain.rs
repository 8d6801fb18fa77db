//! Reasons: what moved a score, in whole numbers that add up to it.

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::model::Pair;
use crate::scorecard::model::Scorecard;
use crate::scorecard::model::log_odds;

/// Adverse reasons a decision may name: more are "not likely to be helpful" (Regulation B, 12 CFR 1002.9(b)(2)).
pub const MOST_ADVERSE_REASONS: usize = 4;

/// What a score is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The average of the training rows.
    #[default]
    PopulationMean,
    /// The row for which every reason speaks as well as it can, for an applicant who asks what was not the best.
    /// "Well" is away from the adverse side.
    Best,
    /// Contributions of zero.
    Neutral,
}

/// Which side of the score hurts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adverse {
    /// A likelier positive: the positive is a default.
    #[default]
    RaisesLogOdds,
    /// A less likely positive: the positive is a merchant, or a loan repaid.
    LowersLogOdds,
}

/// One reason: a column, or the columns that share a reason group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code: the reason group, or the name of the column.
    pub code: String,
    /// What it adds to the score beyond the baseline, in units of 2^-20 log-odds.
    pub units: i64,
    /// A sentence: the values behind it and the way they point.
    pub sentence: String,
}

impl Reason {
    /// What it adds to the log-odds beyond the baseline.
    #[must_use]
    pub fn log_odds(&self) -> f64 {
        log_odds(self.units)
    }
}

/// A score taken apart: `baseline + the sum of the reasons = score`, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The score of the row in units of 2^-20 log-odds; the bits that scoring gives.
    pub units: i64,
    /// The score of the baseline.
    pub baseline_units: i64,
    /// All reasons, those that moved the score most first; equal ones in the order of the columns.
    pub reasons: Vec<Reason>,
}

impl Explanation {
    /// At most `most` reasons, and never more than four, that point the adverse way, strongest first.
    #[must_use]
    pub fn adverse(&self, adverse: Adverse, most: usize) -> Vec<&Reason> {
        let hurts = |reason: &&Reason| match adverse {
            Adverse::RaisesLogOdds => reason.units > 0,
            Adverse::LowersLogOdds => reason.units < 0,
        };
        self.reasons.iter().filter(hurts).take(most.min(MOST_ADVERSE_REASONS)).collect()
    }
}

/// A model made ready to explain; make one and keep it.
#[derive(Debug, Clone)]
pub struct Explainer<'m> {
    model: &'m Scorecard,
    /// Reason of each column.
    reason_of: Vec<usize>,
    codes: Vec<String>,
    baseline: Vec<i64>,
    baseline_units: i64,
}

fn halves(units: i32) -> [i64; 2] {
    let first = i64::from(units).div_euclid(2);
    [first, i64::from(units) - first]
}

fn mean(units: &[i32], weights: &[f64]) -> i64 {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return 0;
    }
    (units.iter().zip(weights).map(|(&unit, weight)| f64::from(unit) * weight).sum::<f64>() / total).round() as i64
}

fn best(units: &[i32], adverse: Adverse) -> i64 {
    let found = match adverse {
        Adverse::RaisesLogOdds => units.iter().min(),
        Adverse::LowersLogOdds => units.iter().max(),
    };
    i64::from(*found.unwrap_or(&0))
}

impl Scorecard {
    /// Makes the model ready to explain against a baseline. `adverse` says what the best is.
    ///
    /// A pair's contribution is shared evenly by its two columns, so that reasons are columns and not products of them.
    #[must_use]
    pub fn explainer(&self, baseline: Baseline, adverse: Adverse) -> Explainer<'_> {
        let mut codes: Vec<String> = Vec::new();
        let mut reason_of = Vec::new();
        for feature in &self.features {
            let code = feature.reason();
            let place = codes.iter().position(|known| known == code).unwrap_or_else(|| {
                codes.push(code.to_owned());
                codes.len() - 1
            });
            reason_of.push(place);
        }
        let mut of_reason = vec![0_i64; codes.len()];
        for (feature, &reason) in self.features.iter().zip(&reason_of) {
            of_reason[reason] += match baseline {
                Baseline::PopulationMean => mean(&feature.units, &feature.weights),
                Baseline::Best => best(&feature.units, adverse),
                Baseline::Neutral => 0,
            };
        }
        for pair in &self.pairs {
            let units = match baseline {
                Baseline::PopulationMean => mean(&pair.units, &pair.weights),
                Baseline::Best => best(&pair.units, adverse),
                Baseline::Neutral => 0,
            };
            of_reason[reason_of[pair.first]] += units.div_euclid(2);
            of_reason[reason_of[pair.second]] += units - units.div_euclid(2);
        }
        let baseline_units = i64::from(self.intercept) + of_reason.iter().sum::<i64>();
        Explainer { model: self, reason_of, codes, baseline: of_reason, baseline_units }
    }
}

fn cell(pair: &Pair, bins: &[usize]) -> usize {
    usize::from(pair.rows[bins[pair.first]]) * pair.width() + usize::from(pair.cols[bins[pair.second]])
}

impl Explainer<'_> {
    /// Takes one row apart. Values are in the model's order and form, as [`Scorer::encode`](crate::scorecard::Scorer::encode)
    /// gives them: what scores is what explains.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for another number of values than columns.
    pub fn explain(&self, row: &[f32]) -> Result<Explanation> {
        let model = self.model;
        let mut bins = Vec::new();
        let sums = self.contributions(row, &mut bins)?;
        let units = i64::from(model.intercept) + sums.iter().sum::<i64>();
        let mut values: Vec<String> = vec![String::new(); self.codes.len()];
        for (place, feature) in model.features.iter().enumerate() {
            let text = &mut values[self.reason_of[place]];
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&feature.name);
            text.push(' ');
            match feature.bins {
                crate::scorecard::Bins::Numeric { .. } if row[place].is_finite() => {
                    text.push_str(&row[place].to_string());
                }
                _ => text.push_str(&feature.bins.label(bins[place])),
            }
        }
        let reason = |(place, sum): (usize, &i64)| {
            let moved = sum - self.baseline[place];
            let verb = match moved.signum() {
                1 => "raises",
                -1 => "lowers",
                _ => "does not move",
            };
            let sentence = format!("{} {verb} the log-odds by {:.3}", values[place], log_odds(moved.abs()));
            let sentence = if moved == 0 { format!("{} does not move the log-odds", values[place]) } else { sentence };
            Reason { code: self.codes[place].clone(), units: moved, sentence }
        };
        let mut reasons: Vec<Reason> = sums.iter().enumerate().map(reason).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.units.abs()));
        Ok(Explanation { units, baseline_units: self.baseline_units, reasons })
    }

    /// Codes of the reasons, in the order of [`Explainer::contributions_into`].
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    fn contributions(&self, row: &[f32], bins: &mut Vec<usize>) -> Result<Vec<i64>> {
        let model = self.model;
        if row.len() != model.features.len() {
            return Err(Error::invalid("number of values", row.len(), format!("{}", model.features.len())));
        }
        bins.clear();
        let mut sums = vec![0_i64; self.codes.len()];
        for ((feature, &value), &reason) in model.features.iter().zip(row).zip(&self.reason_of) {
            let bin = feature.bins.bin_of(value);
            sums[reason] += i64::from(feature.units[bin]);
            bins.push(bin);
        }
        for pair in &model.pairs {
            let [first, second] = halves(pair.units[cell(pair, bins)]);
            sums[self.reason_of[pair.first]] += first;
            sums[self.reason_of[pair.second]] += second;
        }
        Ok(sums)
    }

    /// What each reason adds beyond the baseline, in units, without words: for many rows.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for another number of values than columns or of places than reasons.
    pub fn contributions_into(&self, row: &[f32], out: &mut [i64]) -> Result<()> {
        if out.len() != self.codes.len() {
            return Err(Error::invalid("number of places", out.len(), format!("{}", self.codes.len())));
        }
        let sums = self.contributions(row, &mut Vec::new())?;
        for ((out, sum), baseline) in out.iter_mut().zip(sums).zip(&self.baseline) {
            *out = sum - baseline;
        }
        Ok(())
    }
}
