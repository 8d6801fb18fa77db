//! One model from the folds: their average, how far they differ, and how sure it may be.

use crate::parallel;
use crate::scorecard::numeric::sigmoid;

/// By what to multiply scores of rows held out, and what to add, to make them as sure as the outcomes allow: an average
/// of folds is too timid where the outcome is nearly settled by the columns. Only what is beyond chance is taken: a
/// factor within two standard errors of 1, or below 1, leaves the scores as they are.
pub(crate) fn stretch(held_out: &[f32], target: &[f32], weight: &[f32]) -> (f64, f64) {
    let (mut slope, mut shift) = (1.0, 0.0);
    let mut error = f64::INFINITY;
    for _ in 0..30 {
        let sums = parallel::map_chunks(held_out.len(), 1 << 16, |range| {
            let mut sums = [0.0; 5];
            for row in range {
                let (x, weight) = (f64::from(held_out[row]), f64::from(weight[row]));
                let p = sigmoid(slope * x + shift);
                let (gap, spread) = (weight * (f64::from(target[row]) - p), weight * p * (1.0 - p));
                let part = [gap, gap * x, spread, spread * x, spread * x * x];
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
            sums
        });
        let mut all = [0.0; 5];
        sums.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(sum, part)| *sum += part));
        let [gap, pull, spread, cross, square] = all;
        let held = spread * square - cross * cross;
        if held < 1e-9 * spread * square || spread <= 0.0 {
            return (1.0, 0.0);
        }
        error = (spread / held).sqrt();
        let steps = [(pull * spread - gap * cross) / held, (gap * square - pull * cross) / held];
        slope += steps[0].clamp(-0.5, 0.5);
        shift += steps[1].clamp(-0.5, 0.5);
        if steps.iter().all(|step| step.abs() < 1e-9) {
            break;
        }
    }
    let excess = slope - 1.0;
    if excess <= 2.0 * error {
        return (1.0, 0.0);
    }
    let kept = 1.0 - 4.0 * error * error / (excess * excess);
    ((1.0 + excess * kept).min(2.0), shift * kept)
}

/// The mean of the folds' tables.
pub(crate) fn average(folds: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let mut mean = folds[0].clone();
    for fold in &folds[1..] {
        for (mean, table) in mean.iter_mut().zip(fold) {
            mean.iter_mut().zip(table).for_each(|(mean, value)| *mean += value);
        }
    }
    let count = folds.len() as f64;
    mean.iter_mut().flatten().for_each(|value| *value /= count);
    mean
}

/// Standard errors by the delete-a-group jackknife, each fold's table centred first; the mean variance of several deals.
pub(crate) fn jackknife(tables: &[&Vec<f64>], folds: usize, weights: &[f64]) -> Vec<f32> {
    let total: f64 = weights.iter().sum();
    let centred: Vec<Vec<f64>> = tables
        .iter()
        .map(|table| {
            let mean = table.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total;
            table.iter().map(|value| value - mean).collect()
        })
        .collect();
    let (count, deals) = (folds as f64, centred.len().div_ceil(folds) as f64);
    (0..weights.len())
        .map(|bin| {
            let variance = |deal: &[Vec<f64>]| {
                let mean = deal.iter().map(|table| table[bin]).sum::<f64>() / count;
                let spread: f64 = deal.iter().map(|table| (table[bin] - mean) * (table[bin] - mean)).sum();
                (count - 1.0) / count * spread
            };
            (centred.chunks(folds).map(variance).sum::<f64>() / deals).sqrt() as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::numeric::Stream;

    #[test]
    fn timid_scores_are_stretched_and_sound_or_few_ones_are_left_alone() {
        let mut stream = Stream::new(3);
        let rows: Vec<f32> = (0..4000).map(|_| stream.below(4000) as f32 / 500.0 - 4.0).collect();
        let outcomes = |stream: &mut Stream, slope: f64| -> Vec<f32> {
            let happens =
                |&x: &f32| (stream.below(1 << 20) as f64) < f64::from(1 << 20) * sigmoid(slope * f64::from(x));
            rows.iter().map(happens).map(|positive| f32::from(u8::from(positive))).collect()
        };
        let weight = vec![1.0; rows.len()];
        let (factor, shift) = stretch(&rows, &outcomes(&mut stream, 1.5), &weight);
        assert!((factor - 1.5).abs() < 0.15 && shift.abs() < 0.2, "{factor} {shift}");
        let (factor, _) = stretch(&rows, &outcomes(&mut stream, 4.0), &weight);
        assert_eq!(factor, 2.0);
        assert_eq!(stretch(&rows, &outcomes(&mut stream, 1.0), &weight), (1.0, 0.0));
        assert_eq!(stretch(&rows, &outcomes(&mut stream, 0.5), &weight), (1.0, 0.0));
        // Few rows say nothing for sure, and a single score has no slope.
        let few = outcomes(&mut stream, 1.3);
        assert_eq!(stretch(&rows[..40], &few[..40], &weight[..40]), (1.0, 0.0));
        assert_eq!(stretch(&[0.5; 40], &few[..40], &weight[..40]), (1.0, 0.0));
    }
}
