//! Labels that are known in part: registered merchants are positives, and the rest is not negative but unlabelled.
//!
//! Fitted as if unlabelled meant negative, a model ranks well and its numbers are far too low. With the share of
//! positives the numbers can be mended: by how much a row's chance of being *labelled* falls short of the labelled share
//! of the positives, an unlabelled row counts as part positive (Elkan and Noto, KDD 2008), and the model is fitted again
//! on those parts. Without the share there is no way, and the type says score.

use crate::elementary::exp;
use crate::error::Error;
use crate::error::Result;
use crate::scorecard::config::Prior;
use crate::scorecard::labels::Labels;
use crate::scorecard::labels::Outcome;
use crate::scorecard::model::Meaning;
use crate::scorecard::numeric::sigmoid;

/// What the labels allow.
pub(crate) struct Softened {
    pub(crate) meaning: Meaning,
    /// The part of each row that counts as positive; `None` where there is no prior.
    pub(crate) target: Option<Vec<f32>>,
}

/// `held_out` is each row's log-odds of being labelled, by a fold that has not seen the row.
pub(crate) fn soften(labels: &Labels<'_>, held_out: &[f32], prior: Prior) -> Result<Softened> {
    let outcomes = labels.outcomes();
    let (mut total, mut labelled) = (0.0, 0.0);
    for (row, &outcome) in outcomes.iter().enumerate() {
        let weight = f64::from(labels.weight(row));
        total += weight;
        if outcome == Outcome::Positive {
            labelled += weight;
        }
    }
    let (prior, estimated) = match prior {
        Prior::Unknown => return Ok(Softened { meaning: Meaning::Score, target: None }),
        Prior::Known(prior) => (prior.get(), false),
        Prior::Estimated => {
            let share = labelled_share(labels, held_out);
            ((labelled / total / share).min(0.99), true)
        }
    };
    if prior * total < labelled || prior >= 1.0 {
        let least = labelled / total;
        return Err(Error::invalid(
            "prior",
            prior,
            format!("at least the share already labelled, {least:.6}, and below 1"),
        ));
    }
    let mut open = 0.0;
    for (row, &outcome) in outcomes.iter().enumerate() {
        if outcome == Outcome::Unlabelled {
            open += f64::from(labels.weight(row));
        }
    }
    // Positives still to be found among the unlabelled rows, spread by their odds of being labelled: the factor on the
    // odds that makes the parts add up to it is found by bisection.
    let wanted = (prior * total - labelled).min(open);
    let odds: Vec<f64> = held_out.iter().map(|&score| exp((f64::from(score)).clamp(-30.0, 30.0))).collect();
    let part = |row: usize, factor: f64| (factor * odds[row]).min(1.0);
    let (mut low, mut high) = (1e-12_f64, 1e12_f64);
    for _ in 0..100 {
        let factor = (low * high).sqrt();
        let found: f64 = (0..outcomes.len())
            .filter(|&row| outcomes[row] == Outcome::Unlabelled)
            .map(|row| f64::from(labels.weight(row)) * part(row, factor))
            .sum();
        if found < wanted { low = factor } else { high = factor }
    }
    let target = outcomes
        .iter()
        .enumerate()
        .map(|(row, outcome)| match outcome {
            Outcome::Positive => 1.0,
            Outcome::Negative => 0.0,
            Outcome::Unlabelled => part(row, (low * high).sqrt()) as f32,
        })
        .collect();
    Ok(Softened { meaning: Meaning::ProbabilityGivenPrior { prior, estimated }, target: Some(target) })
}

/// The share of positives that is labelled: the largest share of labelled rows, less two standard errors, among the
/// rows that look most like labelled ones.
fn labelled_share(labels: &Labels<'_>, held_out: &[f32]) -> f64 {
    let mut order: Vec<usize> =
        (0..held_out.len()).filter(|&row| labels.outcomes()[row] != Outcome::Negative).collect();
    order.sort_by(|&a, &b| held_out[b].total_cmp(&held_out[a]).then(a.cmp(&b)));
    let (mut seen, mut labelled, mut best) = (0.0, 0.0, 0.0_f64);
    let least = (order.len() as f64 * 0.002).max(50.0);
    for row in order {
        let weight = f64::from(labels.weight(row));
        seen += weight;
        if labels.outcomes()[row] == Outcome::Positive {
            labelled += weight;
        }
        if seen >= least {
            let share = labelled / seen;
            best = best.max(share - 2.0 * (share * (1.0 - share) / seen).sqrt());
        }
    }
    let mean: f64 = held_out.iter().map(|&score| sigmoid(f64::from(score))).sum::<f64>() / held_out.len() as f64;
    best.max(mean).clamp(1e-6, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Probability;

    #[test]
    fn parts_add_up_to_the_prior() {
        let outcomes: Vec<Outcome> =
            (0..1000).map(|row| if row % 10 == 0 { Outcome::Positive } else { Outcome::Unlabelled }).collect();
        let held_out: Vec<f32> = (0..1000).map(|row| (row % 37) as f32 / 10.0 - 4.0).collect();
        let labels = Labels::new(outcomes);
        let prior = Prior::Known(Probability::new(0.3).unwrap());
        let softened = soften(&labels, &held_out, prior).unwrap();
        let sum: f32 = softened.target.unwrap().iter().sum();
        assert!((sum - 300.0).abs() < 0.1, "{sum}");
        let low = Prior::Known(Probability::new(0.05).unwrap());
        assert!(soften(&labels, &held_out, low).is_err_and(|error| error.is_invalid()));
        assert!(soften(&labels, &held_out, Prior::Unknown).unwrap().target.is_none());
    }
}
