//! Fitting: bins, boosted terms on folds, pairs on the residuals, the average of the folds as whole numbers.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::error::Result;
use crate::parallel;
use crate::progress::Progress;
use crate::rate::Probability;
use crate::scorecard::Direction;
use crate::scorecard::binning;
use crate::scorecard::binning::BinningRule;
use crate::scorecard::bins::Bins;
use crate::scorecard::bins::MAX_BINS;
use crate::scorecard::bins::Unseen;
use crate::scorecard::boost;
use crate::scorecard::boost::BoostRule;
use crate::scorecard::boost::Fold;
use crate::scorecard::boost::Shape;
use crate::scorecard::calibration::Calibration;
use crate::scorecard::card::ModelCard;
use crate::scorecard::labels::Labels;
use crate::scorecard::labels::Outcome;
use crate::scorecard::model::Feature;
use crate::scorecard::model::Meaning;
use crate::scorecard::model::Pair;
use crate::scorecard::model::Scorecard;
use crate::scorecard::model::units;
use crate::scorecard::numeric::Stream;
use crate::scorecard::numeric::logit;
use crate::scorecard::numeric::sigmoid;
use crate::scorecard::pairs;
use crate::scorecard::pairs::Candidate;
use crate::scorecard::pairs::Coarse;
use crate::scorecard::points::PointScale;
use crate::scorecard::table::Table;
use crate::scorecard::unlabelled;
use crate::scorecard::validation::Evidence;

/// Rows up to which several amounts of regularisation are tried.
const TRIED_ROWS: usize = 100_000;

/// Where the share of positives comes from when some rows are unlabelled.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Prior {
    /// Nobody knows it: the model gives a score and no probability.
    #[default]
    Unknown,
    /// The share of positives among all rows, from outside: a census, an audit, a register.
    Known(Probability),
    /// Read off the labels: among the rows that look most like known positives nearly all are positive, so the share of
    /// them that is labelled is the share of positives that is. An assumption, and the model says so.
    Estimated,
}

/// How a model is fitted. The defaults suit tables of a thousand to some million rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FitConfig {
    /// Bins of a numeric column, special values included and the missing bin not; levels of a nominal one. 2 to 254.
    pub max_bins: usize,
    /// Pairs of columns, at most; those with the strongest joint effect on the residuals are fitted. 0 for none.
    pub interactions: usize,
    /// Parts the rows are dealt into, 2 to 64. Each fold of the fit holds one part out to know when to stop; the model
    /// is the average of the folds, and every row has a score from the one fold that has not seen it.
    pub folds: usize,
    /// Share of each step that is taken. Above 0, at most 1; smaller is slower and a little more accurate.
    pub learning_rate: f64,
    /// Rounds of a fold, at most.
    pub rounds: usize,
    /// Rounds without gain on the rows held out before a fold stops.
    pub patience: usize,
    /// Leaves of a column's step, 2 to 16.
    pub max_leaves: usize,
    /// Least weight of p(1 - p) in a leaf.
    pub min_leaf: f64,
    /// Ridge added to a leaf's weight.
    pub l2: f64,
    /// Columns stepped on the same residuals. 1 is slowest and cyclic; more is faster.
    pub together: usize,
    /// What a cut must gain, in squared standard errors; noise alone gains about 1. `None` tries 0, 1 and 2.5 on tables
    /// of at most 100,000 rows and keeps what does best on rows held out, and takes 1 on larger ones.
    pub min_gain: Option<f64>,
    /// Levels of less training weight are pooled.
    pub min_level_weight: f64,
    /// What levels that training has not seen count as.
    pub unseen: Unseen,
    /// Columns that may move the log-odds one way only.
    pub monotone: BTreeMap<String, Direction>,
    /// Values of numeric columns that mean something of their own, such as -999 for "no bureau record".
    pub specials: BTreeMap<String, Vec<f32>>,
    /// Columns that share a reason.
    pub reason_groups: BTreeMap<String, String>,
    /// Where the share of positives comes from when some rows are unlabelled.
    pub prior: Prior,
    /// The scale of points.
    pub points: PointScale,
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            max_bins: 254,
            interactions: 48,
            folds: 8,
            learning_rate: 0.04,
            rounds: 2000,
            patience: 40,
            max_leaves: 4,
            min_leaf: 1.0,
            l2: 1.0,
            together: 4,
            min_gain: None,
            min_level_weight: 4.0,
            unseen: Unseen::Other,
            monotone: BTreeMap::new(),
            specials: BTreeMap::new(),
            reason_groups: BTreeMap::new(),
            prior: Prior::Unknown,
            points: PointScale::default(),
            seed: 0,
        }
    }
}

fn within(name: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(name, value, format!("from {low} to {high}")))
}

impl FitConfig {
    fn check(&self, table: &Table<'_>) -> Result<()> {
        within("max_bins", self.max_bins as f64, 2.0, (MAX_BINS - 2) as f64)?;
        within("folds", self.folds as f64, 2.0, 64.0)?;
        within("interactions", self.interactions as f64, 0.0, 1000.0)?;
        within("learning_rate", self.learning_rate, 1e-4, 1.0)?;
        within("rounds", self.rounds as f64, 1.0, 1e6)?;
        within("patience", self.patience as f64, 1.0, 1e6)?;
        within("max_leaves", self.max_leaves as f64, 2.0, 16.0)?;
        within("min_leaf", self.min_leaf, 1e-6, 1e12)?;
        within("l2", self.l2, 0.0, 1e12)?;
        within("min_gain", self.min_gain.unwrap_or(0.0), 0.0, 1e12)?;
        within("min_level_weight", self.min_level_weight, 0.0, 1e12)?;
        self.points.check()?;
        for name in self.monotone.keys().chain(self.specials.keys()).chain(self.reason_groups.keys()) {
            table.column(name)?;
        }
        Ok(())
    }

    fn boost_rule(&self, min_gain: f64) -> BoostRule {
        BoostRule {
            learning_rate: self.learning_rate,
            rounds: self.rounds,
            patience: self.patience,
            max_leaves: self.max_leaves,
            min_leaf: self.min_leaf,
            l2: self.l2,
            together: self.together.max(1),
            min_gain,
        }
    }
}

/// Fits a model on a table and labels.
///
/// Deterministic: the same rows, configuration and seed give the same model on any number of threads.
///
/// # Errors
/// [`Error::is_invalid`] for a configuration out of range, lengths that differ, fewer than two rows of either outcome
/// or a monotone nominal column; [`Error::is_unknown`] for a configured column the table does not have;
/// [`Error::is_cancelled`] when `progress` asks to stop.
///
/// # Complexity
/// Rows times columns times rounds, for each fold; folds run side by side.
pub fn fit(table: &Table<'_>, labels: &Labels<'_>, config: &FitConfig, progress: Progress<'_>) -> Result<Scorecard> {
    config.check(table)?;
    let rows = table.rows();
    if labels.outcomes().len() != rows {
        return Err(Error::invalid("number of labels", labels.outcomes().len(), format!("{rows} rows")));
    }
    if table.columns().is_empty() {
        return Err(Error::invalid("number of columns", 0, "at least one"));
    }
    if rows >= u32::MAX as usize {
        return Err(Error::overflow("number of rows", "fewer than 4,294,967,295"));
    }
    let is_positive: Vec<bool> = labels.outcomes().iter().map(|&outcome| outcome == Outcome::Positive).collect();
    let mut counts = [0_u64; 2];
    for (row, &positive) in is_positive.iter().enumerate() {
        counts[usize::from(positive)] += u64::from(labels.weight(row) > 0.0);
    }
    for (outcome, count) in [("positives", counts[1]), ("negatives", counts[0])] {
        if count < 2 {
            return Err(Error::invalid(format!("number of {outcome}"), count, "at least 2"));
        }
    }
    // Weights are relative: scaled to a mean of 1, so that ridge and leaf sizes mean the same.
    let total: f64 = (0..rows).map(|row| f64::from(labels.weight(row))).sum();
    let scale = rows as f64 / total;
    let weight: Vec<f32> = (0..rows).map(|row| (f64::from(labels.weight(row)) * scale) as f32).collect();

    progress.step("choosing bins", 0, 1)?;
    let mut features = Vec::new();
    let mut codes = Vec::new();
    for binned in parallel::map_chunks(table.columns().len(), 1, |range| bin_column(table, range.start, labels, config))
    {
        let (feature, column) = binned?;
        features.push(feature);
        codes.push(column);
    }

    let mut target: Vec<f32> = is_positive.iter().map(|&positive| f32::from(u8::from(positive))).collect();
    let data = Training { features: &features, codes: &codes, weight: &weight, is_positive: &is_positive, config };
    let gains: &[f64] = match &config.min_gain {
        Some(gain) => std::slice::from_ref(gain),
        None if rows <= TRIED_ROWS => &[0.0, 1.0, 2.5],
        None => &[1.0],
    };
    let (mut fitted, mut min_gain, mut least) = (data.run(gains[0], &target, progress)?, gains[0], f64::INFINITY);
    if gains.len() > 1 {
        least = data.held_out_loss(&fitted, &target);
    }
    for &gain in &gains[1..] {
        let tried = data.run(gain, &target, progress)?;
        let loss = data.held_out_loss(&tried, &target);
        if loss < least {
            (fitted, min_gain, least) = (tried, gain, loss);
        }
    }
    let mut meaning = Meaning::Probability;
    if labels.outcomes().contains(&Outcome::Unlabelled) {
        let known = unlabelled::soften(labels, &fitted.held_out, config.prior)?;
        meaning = known.meaning;
        if let Some(soft) = known.target {
            target = soft;
            fitted = data.run(min_gain, &target, progress)?;
        }
    }
    Ok(data.assemble(fitted, &target, meaning, total))
}

fn bin_column(table: &Table<'_>, place: usize, labels: &Labels<'_>, config: &FitConfig) -> Result<(Feature, Vec<u8>)> {
    let column = &table.columns()[place];
    let name = column.name.clone();
    let rule = BinningRule {
        max_bins: config.max_bins,
        specials: config.specials.get(&name).map_or(&[], Vec::as_slice),
        unseen: config.unseen,
        min_level_weight: config.min_level_weight,
    };
    let bins = binning::choose(column, labels.weights(), &rule).map_err(|error| error.at(&name))?;
    let monotone = config.monotone.get(&name).copied();
    if monotone.is_some() && matches!(bins, Bins::Nominal { .. }) {
        return Err(Error::invalid("monotone column", name, "numeric: levels have no order"));
    }
    // Levels that training pools are "other", whatever an unseen level will be.
    let pooled = match &bins {
        Bins::Nominal { levels, .. } => Bins::Nominal { levels: levels.clone(), unseen: Unseen::Other },
        numeric @ Bins::Numeric { .. } => numeric.clone(),
    };
    let codes = bins.codes(&pooled.encode(column)?);
    let mut weights = vec![0.0; bins.len()];
    let mut positives = vec![0.0; bins.len()];
    for (row, &code) in codes.iter().enumerate() {
        let weight = f64::from(labels.weight(row));
        weights[usize::from(code)] += weight;
        if labels.outcomes()[row] == Outcome::Positive {
            positives[usize::from(code)] += weight;
        }
    }
    let reason_group = config.reason_groups.get(&name).cloned();
    let (units, standard_errors) = (vec![0; bins.len()], Vec::new());
    Ok((Feature { name, bins, monotone, reason_group, units, standard_errors, weights, positives }, codes))
}

struct Training<'a> {
    features: &'a [Feature],
    codes: &'a [Vec<u8>],
    weight: &'a [f32],
    is_positive: &'a [bool],
    config: &'a FitConfig,
}

/// The terms of one fold.
struct Terms {
    mains: Vec<Vec<f64>>,
    pairs: Vec<Vec<f64>>,
}

struct PairShape {
    at: Candidate,
    first: Coarse,
    second: Coarse,
}

struct Fitted {
    base: f64,
    folds: Vec<Terms>,
    pairs: Vec<PairShape>,
    /// Log-odds of every row by the fold that has not seen it.
    held_out: Vec<f32>,
}

impl Training<'_> {
    fn shapes(&self) -> Vec<Shape> {
        let shape = |feature: &Feature| Shape {
            bins: feature.bins.len(),
            first_ordered: feature.bins.first_ordered(),
            monotone: feature.monotone,
        };
        self.features.iter().map(shape).collect()
    }

    /// Rows of each part, ascending; outcomes are dealt evenly.
    fn parts(&self) -> Vec<Vec<u32>> {
        let mut stream = Stream::new(self.config.seed);
        let folds = self.config.folds.min(self.weight.len() / 2).max(2);
        let mut parts = vec![Vec::new(); folds];
        let mut next = 0;
        for outcome in [true, false] {
            let mut rows: Vec<u32> =
                (0..self.weight.len() as u32).filter(|&row| self.is_positive[row as usize] == outcome).collect();
            stream.shuffle(&mut rows);
            for row in rows {
                parts[next % folds].push(row);
                next += 1;
            }
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        parts
    }

    fn order(parts: &[Vec<u32>], held_out: usize, rows: usize) -> Vec<u32> {
        let mut out = vec![false; rows];
        parts[held_out].iter().for_each(|&row| out[row as usize] = true);
        (0..rows as u32).filter(|&row| !out[row as usize]).chain(parts[held_out].iter().copied()).collect()
    }

    fn held_out_loss(&self, fitted: &Fitted, target: &[f32]) -> f64 {
        let fold =
            Fold { train: 0, target: target.to_vec(), weight: self.weight.to_vec(), score: fitted.held_out.clone() };
        fold.held_out_loss()
    }

    fn run(&self, min_gain: f64, target: &[f32], progress: Progress<'_>) -> Result<Fitted> {
        let rows = self.weight.len();
        let rule = self.config.boost_rule(min_gain);
        let shapes = self.shapes();
        let parts = self.parts();
        let (mut sum, mut total) = (0.0, 0.0);
        for (&target, &weight) in target.iter().zip(self.weight) {
            sum += f64::from(target) * f64::from(weight);
            total += f64::from(weight);
        }
        let base = logit((sum / total).clamp(1e-6, 1.0 - 1e-6));
        let fold_of = |order: &[u32], train: usize, score: Vec<f32>| Fold {
            train,
            target: order.iter().map(|&row| target[row as usize]).collect(),
            weight: order.iter().map(|&row| self.weight[row as usize]).collect(),
            score,
        };
        let mut mains: Vec<Vec<Vec<f64>>> = parallel::try_map_chunks(parts.len(), 1, |range| {
            let part = range.start;
            let order = Self::order(&parts, part, rows);
            let codes: Vec<Vec<u8>> =
                self.codes.iter().map(|column| order.iter().map(|&row| column[row as usize]).collect()).collect();
            let mut fold = fold_of(&order, rows - parts[part].len(), vec![base as f32; rows]);
            let mut tables: Vec<Vec<f64>> = shapes.iter().map(|shape| vec![0.0; shape.bins]).collect();
            let report = (progress, "fitting columns", part as u64, parts.len() as u64);
            boost::boost(&mut fold, &codes, &mut tables, &rule, report, |term, sums, step| {
                boost::tree_step(sums, shapes[term], &rule, step);
            })?;
            Ok(tables)
        })?;

        progress.step("looking for pairs", 0, 1)?;
        let pairs = self.find_pairs(&average(&mains), base, target, &shapes, &rule);
        let mut folds = Vec::new();
        let mut held_out = vec![0.0_f32; rows];
        let pair_tables: Vec<(Vec<Vec<f64>>, Vec<f32>)> = parallel::try_map_chunks(parts.len(), 1, |range| {
            let part = range.start;
            let order = Self::order(&parts, part, rows);
            let mut tables: Vec<Vec<f64>> =
                pairs.iter().map(|pair| vec![0.0; pair.first.bins * pair.second.bins]).collect();
            let mut score = vec![base as f32; rows];
            for (column, table) in self.codes.iter().zip(&mains[part]) {
                for (score, &row) in score.iter_mut().zip(&order) {
                    *score += table[usize::from(column[row as usize])] as f32;
                }
            }
            let codes: Vec<Vec<u16>> = pairs
                .iter()
                .map(|pair| {
                    let cell = |&row: &u32| {
                        let first = pair.first.of_bin[usize::from(self.codes[pair.at.first][row as usize])];
                        let second = pair.second.of_bin[usize::from(self.codes[pair.at.second][row as usize])];
                        u16::from(first) * pair.second.bins as u16 + u16::from(second)
                    };
                    order.iter().map(cell).collect()
                })
                .collect();
            let train = rows - parts[part].len();
            if !pairs.is_empty() {
                let mut fold = fold_of(&order, train, score.clone());
                let report = (progress, "fitting pairs", part as u64, parts.len() as u64);
                boost::boost(&mut fold, &codes, &mut tables, &rule, report, |term, sums, step| {
                    pairs::pair_step(sums, &pairs[term].first, &pairs[term].second, &rule, step);
                })?;
            }
            for (codes, table) in codes.iter().zip(&tables) {
                for (score, &cell) in score[train..].iter_mut().zip(&codes[train..]) {
                    *score += table[usize::from(cell)] as f32;
                }
            }
            Ok((tables, score.split_off(train)))
        })?;
        for (part, (tables, scores)) in pair_tables.into_iter().enumerate() {
            parts[part].iter().zip(scores).for_each(|(&row, score)| held_out[row as usize] = score);
            folds.push(Terms { mains: std::mem::take(&mut mains[part]), pairs: tables });
        }
        Ok(Fitted { base, folds, pairs, held_out })
    }

    fn find_pairs(
        &self,
        mains: &[Vec<f64>],
        base: f64,
        target: &[f32],
        shapes: &[Shape],
        rule: &BoostRule,
    ) -> Vec<PairShape> {
        if self.config.interactions == 0 || self.codes.len() < 2 {
            return Vec::new();
        }
        let rows = self.weight.len();
        let mut score = vec![base as f32; rows];
        for (column, table) in self.codes.iter().zip(mains) {
            for (score, &code) in score.iter_mut().zip(column) {
                *score += table[usize::from(code)] as f32;
            }
        }
        let mut pulls = vec![[0.0_f32; 2]; rows];
        Fold { train: rows, target: target.to_vec(), weight: self.weight.to_vec(), score }.gradients(&mut pulls);
        let coarse: Vec<Coarse> = self
            .features
            .iter()
            .zip(shapes)
            .map(|(feature, &shape)| Coarse::new(shape, &feature.weights, &feature.positives))
            .collect();
        let columns: Vec<Vec<u8>> = self.codes.iter().zip(&coarse).map(|(codes, coarse)| coarse.codes(codes)).collect();
        pairs::screen(&columns, &coarse, &pulls, rule, self.config.interactions)
            .into_iter()
            .map(|at| PairShape { at, first: coarse[at.first].clone(), second: coarse[at.second].clone() })
            .collect()
    }

    fn assemble(&self, fitted: Fitted, target: &[f32], meaning: Meaning, total: f64) -> Scorecard {
        let Fitted { base, mut folds, pairs: shapes, held_out } = fitted;
        let weights: Vec<Vec<f64>> = shapes.iter().map(|shape| self.cell_weights(shape)).collect();
        for fold in &mut folds {
            for ((shape, weights), table) in shapes.iter().zip(&weights).zip(&mut fold.pairs) {
                if shape.first.monotone.is_some() || shape.second.monotone.is_some() {
                    continue;
                }
                let (of_rows, of_cols) = pairs::purify(table, weights, shape.first.bins, shape.second.bins);
                for (value, &coarse) in fold.mains[shape.at.first].iter_mut().zip(&shape.first.of_bin) {
                    *value += of_rows[usize::from(coarse)];
                }
                for (value, &coarse) in fold.mains[shape.at.second].iter_mut().zip(&shape.second.of_bin) {
                    *value += of_cols[usize::from(coarse)];
                }
            }
        }
        let mains: Vec<Vec<Vec<f64>>> = folds.iter_mut().map(|fold| std::mem::take(&mut fold.mains)).collect();
        let cells: Vec<Vec<Vec<f64>>> = folds.iter_mut().map(|fold| std::mem::take(&mut fold.pairs)).collect();
        let mut intercept = base;
        let mut features = self.features.to_vec();
        for (place, (feature, mut table)) in features.iter_mut().zip(average(&mains)).enumerate() {
            let held: f64 = feature.weights.iter().sum();
            let mean = table.iter().zip(&feature.weights).map(|(value, weight)| value * weight).sum::<f64>() / held;
            table.iter_mut().for_each(|value| *value -= mean);
            intercept += mean;
            // A bin without an order that nobody was in says nothing.
            let unordered = feature.bins.first_ordered();
            for (value, &weight) in table.iter_mut().zip(&feature.weights).take(unordered) {
                if weight == 0.0 {
                    *value = 0.0;
                }
            }
            feature.units = table.iter().map(|&value| units(value)).collect();
            feature.standard_errors = jackknife(mains.iter().map(|tables| &tables[place]), &feature.weights);
        }
        let average_cells = average(&cells);
        let pairs = shapes
            .into_iter()
            .zip(average_cells)
            .zip(weights)
            .map(|((shape, table), weights)| Pair {
                first: shape.at.first,
                second: shape.at.second,
                rows: shape.first.of_bin,
                cols: shape.second.of_bin,
                units: table.iter().map(|&value| units(value)).collect(),
                weights,
            })
            .collect();
        let mut model = Scorecard {
            intercept: units(intercept),
            features,
            pairs,
            calibration: Calibration::Identity,
            points: self.config.points,
            meaning,
            card: ModelCard::default(),
        };
        model.drop_empty_pairs();
        let fitted_units = model.units_of_codes(self.codes);
        let shift = self.centre(&fitted_units, target);
        model.intercept = model.intercept.saturating_add(units(shift));
        let evidence = |log_odds: &dyn Fn(usize) -> f64| {
            Evidence::from_rows((0..self.weight.len()).map(|row| {
                (
                    sigmoid(log_odds(row)),
                    self.is_positive[row],
                    f64::from(self.weight[row]) * total / self.weight.len() as f64,
                )
            }))
        };
        let training = evidence(&|row| f64::from(fitted_units[row]) / crate::scorecard::UNITS_PER_LOG_ODDS + shift);
        let validation = evidence(&|row| f64::from(held_out[row]));
        model.card = ModelCard {
            rows: self.weight.len() as u64,
            weight: total,
            positives: self.is_positive.iter().filter(|&&positive| positive).count() as u64,
            seed: self.config.seed,
            folds: folds.len() as u64,
            training: Some(training.measures()),
            out_of_fold: Some(validation.measures()),
            ..ModelCard::default()
        };
        debug_assert!(model.check().is_ok());
        model
    }

    fn cell_weights(&self, shape: &PairShape) -> Vec<f64> {
        let mut weights = vec![0.0; shape.first.bins * shape.second.bins];
        let (first, second) = (&self.codes[shape.at.first], &self.codes[shape.at.second]);
        for ((&a, &b), &weight) in first.iter().zip(second).zip(self.weight) {
            let row = usize::from(shape.first.of_bin[usize::from(a)]);
            let col = usize::from(shape.second.of_bin[usize::from(b)]);
            weights[row * shape.second.bins + col] += f64::from(weight);
        }
        weights
    }

    /// What to add to every score so that the mean probability is the mean target.
    fn centre(&self, fitted: &[i32], target: &[f32]) -> f64 {
        let mut shift = 0.0;
        for _ in 0..8 {
            let sums = parallel::map_chunks(fitted.len(), 1 << 16, |range| {
                let (mut gap, mut slope) = (0.0, 0.0);
                for row in range {
                    let p = sigmoid(f64::from(fitted[row]) / crate::scorecard::UNITS_PER_LOG_ODDS + shift);
                    let weight = f64::from(self.weight[row]);
                    gap += weight * (f64::from(target[row]) - p);
                    slope += weight * p * (1.0 - p);
                }
                [gap, slope]
            });
            let [gap, slope] = sums.iter().fold([0.0; 2], |sum, part| [sum[0] + part[0], sum[1] + part[1]]);
            if slope < 1e-9 {
                break;
            }
            shift += (gap / slope).clamp(-1.0, 1.0);
        }
        shift
    }
}

/// The mean of the folds' tables.
fn average(folds: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
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

/// Standard errors by the delete-a-group jackknife, each fold's table centred first.
fn jackknife<'t>(tables: impl Iterator<Item = &'t Vec<f64>>, weights: &[f64]) -> Vec<f32> {
    let total: f64 = weights.iter().sum();
    let centred: Vec<Vec<f64>> = tables
        .map(|table| {
            let mean = table.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total;
            table.iter().map(|value| value - mean).collect()
        })
        .collect();
    let count = centred.len() as f64;
    (0..weights.len())
        .map(|bin| {
            let mean = centred.iter().map(|table| table[bin]).sum::<f64>() / count;
            let spread: f64 = centred.iter().map(|table| (table[bin] - mean) * (table[bin] - mean)).sum();
            ((count - 1.0) / count * spread).sqrt() as f32
        })
        .collect()
}
