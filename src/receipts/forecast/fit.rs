//! Learning from a panel: every merchant's past is cut at weekly origins, and what each method would have said there is
//! held against what came.

use crate::elementary::{exp, ln};
use crate::error::Result;
use crate::parallel;
use crate::progress::Progress;

use super::super::daily::DailyPanel;
use super::builtin;
use super::grid::{CLASSES, ForecastScratch, HistoryClass, METHODS, Method, Origin, SegmentPrior};
use super::model::{Centre, ClassTable, ForecastModel, OWN_ORIGINS, OwnPast, VERSION, centre, own_weights};
use super::prior::SegmentSums;
use super::quantile::{QuantileTable, pinball};
use super::season::{SEASON_WEEKS, Season, Votes, follow};
use super::{ForecastConfig, check_config};

/// Levels at which a class is held against the baseline.
const JUDGED: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Most origins of a class that weights are learnt from; more move nothing but the clock.
const MOST_ORIGINS: usize = 3_000;

/// Days of a horizon that daily quantiles are learnt from.
const SAMPLED_DAYS: usize = 3;

/// One origin of one merchant, what it saw and what came.
#[derive(Clone)]
struct Sample {
    merchant: u32,
    /// Weeks before the last day.
    back: u32,
    origin: Origin,
    past: OwnPast,
    /// Receipts of some days of the horizon over their weekday factor.
    days: [f64; SAMPLED_DAYS],
}

const CHUNK: usize = 64;

/// Learns from `panel` how the receipts of its merchants go on.
///
/// Every merchant is cut at up to `config.origins` weekly origins. Per class of history, weights of the methods are
/// learnt by exponentiated gradient on a robust loss, the strength of a merchant's own record and of the panel's season by
/// trying a few, and quantiles of totals from standardised errors. With few origins the built-in tables weigh in.
/// The result is tried on merchants left out; a class in which it does no better than seasonal-naive falls back to it.
///
/// # Errors
/// [`Error::is_invalid`](crate::Error::is_invalid) on a bad configuration and
/// [`Error::is_cancelled`](crate::Error::is_cancelled) when `progress` says stop.
///
/// # Complexity
/// O(sampled merchants × (days + origins × horizon)), and at most `config.sample_merchants` are sampled, evenly.
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::receipts::{DailyPanel, DailySeries, ForecastConfig, HistoryClass, fit_forecast};
///
/// // Learnt once from ten shops that take in 10.00 every day, the model answers for a stranger who takes in 20.00.
/// let panel = DailyPanel::new(119, (0..=10).map(|shop| shop * 120).collect(), vec![1_000; 1_200])?;
/// let config = ForecastConfig { horizon_days: 14, ..ForecastConfig::default() };
/// let model = fit_forecast(&panel, &config, Progress::silent())?;
/// let stranger = model.forecast_one(&DailySeries::new(0, vec![2_000; 120])?, 0, &[0.5])?;
/// assert_eq!(stranger.class, Some(HistoryClass::Steady));
/// assert!((27_500..=28_500).contains(&stranger.total_minor[0])); // 14 days of 20.00
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn fit_forecast(panel: &DailyPanel, config: &ForecastConfig, progress: Progress<'_>) -> Result<ForecastModel> {
    check_config(config)?;
    let horizon = config.horizon_days as usize;
    let history = config.max_history_days as usize;
    let stride = panel.len().div_ceil(config.sample_merchants.max(1) as usize).max(1);
    let sampled = panel.len().div_ceil(stride);
    progress.step("learning receipts", 0, 3)?;

    let parts = parallel::map_chunks(sampled, CHUNK, |merchants| {
        let mut scratch = ForecastScratch::new();
        let mut sums = SegmentSums::default();
        let mut votes = vec![Votes::default(); SEASON_WEEKS];
        for merchant in merchants.map(|merchant| merchant * stride) {
            scratch.read(panel.days(merchant), history);
            if scratch.weeks() > 0 {
                sums.add(panel.segment(merchant), &scratch);
                for (back, votes) in votes.iter_mut().enumerate() {
                    votes.add(&scratch, back, horizon);
                }
            }
        }
        (sums, votes)
    });
    let mut sums = SegmentSums::default();
    let mut votes = vec![Votes::default(); SEASON_WEEKS];
    for (part, part_votes) in &parts {
        sums.merge(part);
        votes.iter_mut().zip(part_votes).for_each(|(votes, part)| votes.merge(part));
    }
    let segments = sums.priors();
    let factors = votes.iter().map(Votes::factors).collect();
    let mut season = Season { last_day: panel.last_day(), factors, follow: 0.0 };
    progress.step("learning receipts", 1, 3)?;

    let parts = parallel::map_chunks(sampled, CHUNK, |merchants| {
        let mut scratch = ForecastScratch::new();
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); CLASSES];
        for merchant in merchants.map(|merchant| merchant * stride) {
            scratch.read(panel.days(merchant), history);
            let segment = panel.segment(merchant) as usize + 1;
            let prior = segments.get(segment).unwrap_or(&segments[0]);
            sample(merchant, &mut scratch, horizon, config.origins as usize, prior, &mut samples);
        }
        samples
    });
    let mut by_class: Vec<Vec<Sample>> = vec![Vec::new(); CLASSES];
    for part in parts {
        for (class, samples) in part.into_iter().enumerate() {
            by_class[class].extend(samples);
        }
    }
    season.follow = follow(&by_date(&by_class, &season), horizon);
    let seasons: Vec<[f64; METHODS]> = (0..SEASON_WEEKS + 256).map(|back| season.of_week(back)).collect();
    progress.step("learning receipts", 2, 3)?;
    let classes = parallel::map_chunks(CLASSES, 1, |class| {
        let samples = &by_class[class.start];
        if config.baseline_only {
            return learn_table(class.start, &samples.iter().collect::<Vec<_>>(), &seasons, horizon, true);
        }
        learn_class(class.start, samples, &seasons, horizon)
    });
    progress.step("learning receipts", 3, 3)?;
    Ok(ForecastModel {
        version: VERSION,
        horizon_days: config.horizon_days,
        max_history_days: config.max_history_days,
        classes,
        segments,
        season,
    })
}

/// Cuts one history at its weekly origins and adds what each saw and what came to the samples of its class.
fn sample(
    merchant: usize,
    scratch: &mut ForecastScratch,
    horizon: usize,
    origins: usize,
    prior: &SegmentPrior,
    samples: &mut [Vec<Sample>],
) {
    let first_known = horizon.div_ceil(7);
    let weeks = scratch.weeks();
    let mut seen = std::mem::take(&mut scratch.origins);
    seen.clear();
    let last = (first_known + origins + OWN_ORIGINS + first_known).min(weeks);
    for back in first_known..last {
        seen.push(scratch.origin(back, horizon, prior));
    }
    // Own errors that a sample may know are those of origins whose horizon ended before it: `first_known` weeks older.
    let mut past = OwnPast::NONE;
    let learns = |index: usize| first_known + index + 2 <= weeks;
    let kept = seen.len().min(origins);
    let range = |index: usize| (index + first_known)..(index + first_known + OWN_ORIGINS).min(seen.len());
    for index in range(0).filter(|&index| learns(index)) {
        past.add(&seen[index], 1.0);
    }
    for index in 0..kept {
        let origin = seen[index];
        let end = scratch.days.len() - 7 * (first_known + index);
        let weekday = scratch.weekdays(weeks - first_known - index);
        let mut days = [f64::NAN; SAMPLED_DAYS];
        for (place, day) in days.iter_mut().enumerate() {
            let step = (merchant * 7 + index * 5 + place * 11) % horizon;
            if weekday[step % 7] > 0.05 {
                *day = scratch.days[end + step] / weekday[step % 7];
            }
        }
        let back = (first_known + index) as u32;
        let known = if past.count > 0.5 { past } else { OwnPast::NONE };
        samples[origin.class as usize].push(Sample { merchant: merchant as u32, back, origin, past: known, days });
        let (now, next) = (range(index), range(index + 1));
        if now.start < now.end && learns(now.start) {
            past.add(&seen[now.start], -1.0);
        }
        if next.end > now.end && learns(next.end - 1) {
            past.add(&seen[next.end - 1], 1.0);
        }
    }
    scratch.origins = seen;
}

/// What the season said and what came, as logs, one pair a date: the median over merchants of how the total compared with
/// the four weeks before.
fn by_date(by_class: &[Vec<Sample>], season: &Season) -> Vec<(f64, f64)> {
    let mut came: Vec<Vec<f64>> = Vec::new();
    for sample in by_class.iter().flatten() {
        let back = sample.back as usize;
        if came.len() <= back {
            came.resize(back + 1, Vec::new());
        }
        let Origin { actual, totals, size, .. } = sample.origin;
        let before = totals[Method::Mean4 as usize];
        came[back].push(ln((actual.max(0.0) + 0.1 * size) / (before + 0.1 * size)));
    }
    let voted = |back: usize| season.monthly(back) != 1.0;
    let mut pairs = Vec::new();
    for (back, came) in came.iter_mut().enumerate().filter(|(back, came)| voted(*back) && came.len() >= 10) {
        let middle = came.len() / 2;
        let (_, &mut median, _) = came.select_nth_unstable_by(middle, f64::total_cmp);
        pairs.push((ln(season.monthly(back)), median));
    }
    pairs
}

/// Forecasts of each method with the season in them.
fn seasoned(sample: &Sample, seasons: &[[f64; METHODS]]) -> [f64; METHODS] {
    let mut totals = sample.origin.totals;
    totals.iter_mut().zip(&seasons[sample.back as usize]).for_each(|(total, season)| *total *= season);
    totals
}

/// Weights by exponentiated gradient (Kivinen and Warmuth 1997) on Huber's loss of totals over the merchant's size.
fn learn_weights(samples: &[&Sample], start: &[f64; METHODS], seasons: &[[f64; METHODS]]) -> [f64; METHODS] {
    let step = samples.len().div_ceil(MOST_ORIGINS).max(1);
    let rows: Vec<([f64; METHODS], f64)> = samples
        .iter()
        .step_by(step)
        .map(|sample| {
            let size = sample.origin.size;
            let totals = seasoned(sample, seasons).map(|total| (total / size).min(20.0));
            (totals, (sample.origin.actual / size).clamp(-2.0, 20.0))
        })
        .collect();
    let mut weights = start.map(|weight| 0.5 * weight + 0.5 / METHODS as f64);
    for _ in 0..160 {
        let mut gradient = [0.0; METHODS];
        for (totals, actual) in &rows {
            let forecast: f64 = weights.iter().zip(totals).map(|(w, t)| w * t).sum();
            let pull = (forecast - actual).clamp(-0.5, 0.5);
            gradient.iter_mut().zip(totals).for_each(|(g, t)| *g += pull * t);
        }
        let mut sum = 0.0;
        for (weight, gradient) in weights.iter_mut().zip(gradient) {
            *weight *= exp(-10.0 * gradient / rows.len() as f64);
            sum += *weight;
        }
        weights = weights.map(|weight| weight / sum);
    }
    weights
}

/// Absolute error of the combined total over the merchant's size.
fn loss(samples: &[&Sample], weights: &[f64; METHODS], own_skill: f64, seasons: &[[f64; METHODS]]) -> f64 {
    let step = samples.len().div_ceil(MOST_ORIGINS).max(1);
    let one = |sample: &&Sample| {
        let weights = own_weights(weights, own_skill, &sample.past);
        let total: f64 = weights.iter().zip(seasoned(sample, seasons)).map(|(w, t)| w * t).sum();
        let miss = (sample.origin.actual - total).abs() / sample.origin.size;
        miss.min(10.0)
    };
    samples.iter().step_by(step).map(one).sum()
}

/// The table of a class learnt from samples; `baseline` learns only how far seasonal-naive totals stray.
fn learn_table(
    class: usize,
    samples: &[&Sample],
    seasons: &[[f64; METHODS]],
    horizon: usize,
    baseline: bool,
) -> ClassTable {
    let mut table = builtin::table(class);
    table.origins = samples.len() as u64;
    if baseline {
        table.weights = [0.0; METHODS];
        table.weights[Method::SeasonalNaive as usize] = 1.0;
        table.own_skill = 0.0;
        table.falls_back = true;
    }
    if samples.is_empty() {
        return table;
    }
    // Horizons of weekly origins overlap, so they count as fewer.
    let effective = samples.len() as f64 * 7.0 / horizon.max(7) as f64;
    if !baseline {
        let share = effective / (effective + 20.0);
        let start = table.weights;
        let learnt = learn_weights(samples, &start, seasons);
        for (weight, learnt) in table.weights.iter_mut().zip(learnt) {
            *weight = share * learnt + (1.0 - share) * *weight;
        }
        if effective > 10.0 {
            // The usual strength stays unless another is better by more than a hair.
            let mut least = 0.998 * loss(samples, &table.weights, table.own_skill, seasons);
            for own_skill in [0.0, 2.0, 4.0] {
                let loss = loss(samples, &table.weights, own_skill, seasons);
                if loss < least {
                    (table.own_skill, least) = (own_skill, loss);
                }
            }
        }
    }
    let centres: Vec<Centre> = samples.iter().map(|sample| centre_of(sample, &table, seasons, horizon)).collect();
    let mut errors: Vec<f64> = samples
        .iter()
        .zip(&centres)
        .map(|(sample, centre)| (sample.origin.actual - centre.total) / centre.scale)
        .collect();
    let share = effective / (effective + 15.0);
    table.totals = QuantileTable::of_samples(&mut errors).mixed(&table.totals, share);
    let mut days: Vec<f64> = Vec::with_capacity(SAMPLED_DAYS * samples.len());
    for (sample, centre) in samples.iter().zip(&centres) {
        let base = centre.total / (7.0 * centre.weeks_in_horizon);
        if base > 0.0 && base.is_finite() {
            days.extend(sample.days.iter().filter(|day| day.is_finite()).map(|day| (day / base).clamp(0.0, 1e6)));
        }
    }
    if !days.is_empty() {
        table.days = QuantileTable::of_samples(&mut days).mixed(&table.days, share);
    }
    table
}

fn centre_of(sample: &Sample, table: &ClassTable, seasons: &[[f64; METHODS]], horizon: usize) -> Centre {
    // The baseline knows no season.
    let season = if table.falls_back { &[1.0; METHODS] } else { &seasons[sample.back as usize] };
    centre(&sample.origin, &sample.past, table, season, horizon)
}

/// Mean pinball loss over the merchant's size.
fn judge(samples: &[&Sample], table: &ClassTable, seasons: &[[f64; METHODS]], horizon: usize) -> f64 {
    let one = |sample: &&Sample| {
        let centre = centre_of(sample, table, seasons, horizon);
        let at = |level: f64| (centre.total + centre.scale * table.totals.at(level)).max(0.0);
        let sum: f64 = JUDGED.iter().map(|&level| pinball(sample.origin.actual, at(level), level)).sum();
        (sum / sample.origin.size).min(100.0)
    };
    samples.iter().map(one).sum()
}

fn learn_class(class: usize, samples: &[Sample], seasons: &[[f64; METHODS]], horizon: usize) -> ClassTable {
    let all: Vec<&Sample> = samples.iter().collect();
    let mut table = learn_table(class, &all, seasons, horizon, false);
    let fold = |odd: u32| all.iter().copied().filter(|sample| sample.merchant % 2 == odd).collect::<Vec<&Sample>>();
    let folds = [fold(0), fold(1)];
    if folds.iter().all(|fold| fold.len() >= 20) {
        let (mut family, mut baseline) = (0.0, 0.0);
        for (learnt, tried) in [(&folds[0], &folds[1]), (&folds[1], &folds[0])] {
            family += judge(tried, &learn_table(class, learnt, seasons, horizon, false), seasons, horizon);
            baseline += judge(tried, &learn_table(class, learnt, seasons, horizon, true), seasons, horizon);
        }
        table.loss_ratio = if baseline > 0.0 { family / baseline } else { 1.0 };
        if table.loss_ratio > 1.0 {
            let loss_ratio = table.loss_ratio;
            table = ClassTable { loss_ratio, ..learn_table(class, &all, seasons, horizon, true) };
        }
    }
    debug_assert!(HistoryClass::ALL.len() == CLASSES);
    table
}
