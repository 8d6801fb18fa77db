//! Fitting: bins, boosted terms on folds, pairs on the residuals, the average of the folds as whole numbers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::error::Error;
use crate::error::Result;
use crate::parallel;
use crate::progress::Progress;
use crate::scorecard::average;
use crate::scorecard::binning;
use crate::scorecard::binning::BinningRule;
use crate::scorecard::bins::Bins;
use crate::scorecard::bins::Unseen;
use crate::scorecard::boost;
use crate::scorecard::boost::BoostRule;
use crate::scorecard::boost::Fold;
use crate::scorecard::boost::Shape;
use crate::scorecard::calibration::Calibration;
use crate::scorecard::card::ModelCard;
use crate::scorecard::config::FitConfig;
use crate::scorecard::labels::Labels;
use crate::scorecard::labels::Outcome;
use crate::scorecard::model::Feature;
use crate::scorecard::model::Meaning;
use crate::scorecard::model::Pair;
use crate::scorecard::model::Scorecard;
use crate::scorecard::model::units;
use crate::scorecard::monotone;
use crate::scorecard::monotone::Room;
use crate::scorecard::numeric::Stream;
use crate::scorecard::numeric::logit;
use crate::scorecard::numeric::sigmoid;
use crate::scorecard::pairs;
use crate::scorecard::pairs::Candidate;
use crate::scorecard::pairs::Coarse;
use crate::scorecard::table::Table;
use crate::scorecard::unlabelled;
use crate::scorecard::validation::Evidence;

/// Rows that all deals together have to reach: tables of fewer are dealt into parts several times.
const DEALT_ROWS: usize = 10_000;

/// Rows a fold trains on, at most: more add time and, over all folds, hardly any accuracy.
const FOLD_ROWS: usize = 150_000;

/// Pairs fitted first and together, the strongest of the screen. The others follow on what these leave, so that the
/// noise of the many does not end the fit of the few before its time.
const STRONG_PAIRS: usize = 12;

/// What a cut of a pair must gain, in squared standard errors, whatever a cut of one column must: a pair has a thousand
/// places to cut.
const PAIR_GAIN: f64 = 4.0;

/// Deals, at most.
const MOST_DEALS: usize = 3;

/// Fits a model on a table and labels.
///
/// Deterministic: the same rows, configuration and seed give the same model on any number of threads.
///
/// Where the average of the folds is too timid on the rows they had not seen, by more than two standard errors of the
/// slope, all terms are stretched by one factor (2 at most); no order changes, and the out-of-fold figures of the card
/// are those of the stretched scores.
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
    let mut fitted = data.run(&target, progress)?;
    let mut meaning = Meaning::Probability;
    if labels.outcomes().contains(&Outcome::Unlabelled) {
        let known = unlabelled::soften(labels, &fitted.held_out, config.prior)?;
        meaning = known.meaning;
        if let Some(soft) = known.target {
            target = soft;
            fitted = data.run(&target, progress)?;
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

    /// Rows of each part, ascending; outcomes are dealt evenly. Every deal parts all rows anew.
    fn parts(&self) -> Vec<Vec<u32>> {
        let mut stream = Stream::new(self.config.seed);
        (0..self.deals()).flat_map(|_| self.deal(&mut stream)).collect()
    }

    fn deals(&self) -> usize {
        (DEALT_ROWS / self.weight.len().max(1)).clamp(1, MOST_DEALS)
    }

    fn folds(&self) -> usize {
        self.config.folds.min(self.weight.len() / 2).max(2)
    }

    fn deal(&self, stream: &mut Stream) -> Vec<Vec<u32>> {
        let folds = self.folds();
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

    /// The rows a fold trains on, then some of those it holds out, and how many the first are. Every fold of a large
    /// table takes other rows.
    fn order(parts: &[Vec<u32>], held_out: usize, rows: usize) -> (Vec<u32>, usize) {
        let mut out = vec![false; rows];
        parts[held_out].iter().for_each(|&row| out[row as usize] = true);
        let part = &parts[held_out];
        let step = (rows - part.len()).div_ceil(FOLD_ROWS).max(1);
        let train = (0..rows as u32).filter(|&row| !out[row as usize]).skip(held_out % step).step_by(step);
        let mut order: Vec<u32> = train.collect();
        let train = order.len();
        order.extend(part.iter().step_by(part.len().div_ceil(FOLD_ROWS / 4).max(1)));
        (order, train)
    }

    fn run(&self, target: &[f32], progress: Progress<'_>) -> Result<Fitted> {
        let rows = self.weight.len();
        let rule = self.config.boost_rule();
        let pair_rule = BoostRule { min_gain: rule.min_gain.max(PAIR_GAIN), ..rule };
        let shapes = self.shapes();
        let parts = self.parts();
        let (mut sum, mut total) = (0.0, 0.0);
        for (&target, &weight) in target.iter().zip(self.weight) {
            sum += f64::from(target) * f64::from(weight);
            total += f64::from(weight);
        }
        let base = logit((sum / total).clamp(1e-6, 1.0 - 1e-6));
        let coarse: Vec<Coarse> = self
            .features
            .iter()
            .zip(&shapes)
            .map(|(feature, &shape)| Coarse::new(shape, &feature.weights, &feature.positives))
            .collect();
        let fitted = parallel::try_map_chunks(parts.len(), 1, |range| {
            let part = range.start;
            let report = |stage| (progress, stage, part as u64, parts.len() as u64);
            let (order, train) = Self::order(&parts, part, rows);
            let codes: Vec<Vec<u8>> =
                self.codes.iter().map(|column| order.iter().map(|&row| column[row as usize]).collect()).collect();
            let mut fold = Fold {
                train,
                target: order.iter().map(|&row| target[row as usize]).collect(),
                weight: order.iter().map(|&row| self.weight[row as usize]).collect(),
                score: vec![base as f32; order.len()],
            };
            let mut mains: Vec<Vec<f64>> = shapes.iter().map(|shape| vec![0.0; shape.bins]).collect();
            boost::boost(
                &mut fold,
                &codes,
                &mut mains,
                &rule,
                report("fitting columns"),
                |term, sums, phase, step| {
                    boost::column_step(sums, shapes[term], &rule, phase, step);
                },
                |term, tables, sums, step| monotone::keep_column(&tables[term], sums, shapes[term], step),
            )?;
            // Only rows trained on choose the pairs: those held out have to say when to stop, and a choice they had a
            // part in would flatter them.
            let pairs = self.find_pairs(&fold, &codes, &coarse, &rule);
            let mut tables: Vec<Vec<f64>> =
                pairs.iter().map(|pair| vec![0.0; coarse[pair.first].bins * coarse[pair.second].bins]).collect();
            let mut room = Room::new(&mains, &shapes, &coarse);
            let stages = [0..pairs.len().min(STRONG_PAIRS), pairs.len().min(STRONG_PAIRS)..pairs.len()];
            for stage in stages.into_iter().filter(|stage| !stage.is_empty()) {
                let pairs = &pairs[stage.clone()];
                let cells: Vec<Vec<u16>> = pairs
                    .iter()
                    .map(|pair| {
                        let (first, second) = (&coarse[pair.first], &coarse[pair.second]);
                        pairs::cells(&first.codes(&codes[pair.first]), &second.codes(&codes[pair.second]), second.bins)
                    })
                    .collect();
                boost::boost(
                    &mut fold,
                    &cells,
                    &mut tables[stage.clone()],
                    &pair_rule,
                    report("fitting pairs"),
                    |term, sums, phase, step| {
                        let Candidate { first, second } = pairs[term];
                        pairs::pair_step(sums, &coarse[first], &coarse[second], &pair_rule, phase, step);
                    },
                    |term, tables, sums, step| room.keep_pair((term, pairs, tables), &coarse, sums, step),
                )?;
                pairs.iter().zip(&tables[stage]).for_each(|(&pair, table)| room.take(pair, &coarse, table));
            }
            let held_out = parts[part].iter().map(|&row| {
                let code = |column: usize| usize::from(self.codes[column][row as usize]);
                let mut score = base as f32;
                for (column, table) in mains.iter().enumerate() {
                    score += table[code(column)] as f32;
                }
                for (&Candidate { first, second }, table) in pairs.iter().zip(&tables) {
                    score += table[coarse[first].cell(&coarse[second], code(first), code(second))] as f32;
                }
                score
            });
            let held_out: Vec<f32> = held_out.collect();
            Ok((Terms { mains, pairs: tables }, pairs, held_out))
        })?;
        let mut held_out = vec![0.0_f32; rows];
        let share = self.deals() as f32;
        for (part, (.., scores)) in parts.iter().zip(&fitted) {
            part.iter().zip(scores).for_each(|(&row, score)| held_out[row as usize] += score / share);
        }
        let (folds, chosen): (Vec<Terms>, Vec<Vec<Candidate>>) =
            fitted.into_iter().map(|(terms, pairs, _)| (terms, pairs)).unzip();
        let (folds, pairs) = self.common_pairs(folds, &chosen, &coarse);
        Ok(Fitted { base, folds, pairs, held_out })
    }

    fn find_pairs(&self, fold: &Fold, codes: &[Vec<u8>], coarse: &[Coarse], rule: &BoostRule) -> Vec<Candidate> {
        if self.config.interactions == 0 || codes.len() < 2 {
            return Vec::new();
        }
        let mut pulls = vec![[0.0_f32; 2]; fold.train];
        fold.gradients(&mut pulls);
        let columns: Vec<Vec<u8>> =
            codes.iter().zip(coarse).map(|(codes, coarse)| coarse.codes(&codes[..fold.train])).collect();
        pairs::screen(&columns, coarse, &pulls, rule, self.config.interactions)
    }

    /// The pairs of all folds, of which the strongest on average stay: a pair that few folds chose is weak in the mean.
    fn common_pairs(
        &self,
        mut folds: Vec<Terms>,
        chosen: &[Vec<Candidate>],
        coarse: &[Coarse],
    ) -> (Vec<Terms>, Vec<PairShape>) {
        let union: BTreeSet<Candidate> = chosen.iter().flatten().copied().collect();
        let mut tables: BTreeMap<Candidate, Vec<Vec<f64>>> = BTreeMap::new();
        for candidate in union {
            let blank = vec![0.0; coarse[candidate.first].bins * coarse[candidate.second].bins];
            tables.insert(candidate, vec![blank; folds.len()]);
        }
        for (place, (fold, chosen)) in folds.iter_mut().zip(chosen).enumerate() {
            for (table, candidate) in fold.pairs.drain(..).zip(chosen) {
                if let Some(tables) = tables.get_mut(candidate) {
                    tables[place] = table;
                }
            }
        }
        let shape =
            |at: Candidate| PairShape { at, first: coarse[at.first].clone(), second: coarse[at.second].clone() };
        let candidates: Vec<Candidate> = tables.keys().copied().collect();
        let strengths: Vec<f64> = parallel::map_chunks(candidates.len(), 1, |range| {
            let candidate = candidates[range.start];
            let weights = self.cell_weights(&shape(candidate));
            let mean = |cell: usize| tables[&candidate].iter().map(|table| table[cell]).sum::<f64>();
            weights.iter().enumerate().map(|(cell, weight)| weight * mean(cell).abs()).sum()
        });
        let mut order: Vec<usize> = (0..candidates.len()).filter(|&place| strengths[place] > 0.0).collect();
        order.sort_by(|&a, &b| strengths[b].total_cmp(&strengths[a]).then(a.cmp(&b)));
        order.truncate(self.config.interactions);
        let kept: Vec<Candidate> = order.into_iter().map(|place| candidates[place]).collect();
        for (place, fold) in folds.iter_mut().enumerate() {
            fold.pairs = kept.iter().map(|candidate| tables[candidate][place].clone()).collect();
        }
        (folds, kept.into_iter().map(shape).collect())
    }

    fn assemble(&self, fitted: Fitted, target: &[f32], meaning: Meaning, total: f64) -> Scorecard {
        let Fitted { base, mut folds, pairs: shapes, mut held_out } = fitted;
        let (factor, offset) = average::stretch(&held_out, target, self.weight);
        held_out.iter_mut().for_each(|score| *score = (f64::from(*score) * factor + offset) as f32);
        let weights: Vec<Vec<f64>> = shapes.iter().map(|shape| self.cell_weights(shape)).collect();
        for fold in &mut folds {
            fold.mains.iter_mut().chain(&mut fold.pairs).flatten().for_each(|value| *value *= factor);
            for ((shape, weights), table) in shapes.iter().zip(&weights).zip(&mut fold.pairs) {
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
        for (place, (feature, mut table)) in features.iter_mut().zip(average::average(&mains)).enumerate() {
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
            let tables: Vec<&Vec<f64>> = mains.iter().map(|tables| &tables[place]).collect();
            feature.standard_errors = average::jackknife(&tables, self.folds(), &feature.weights);
        }
        let average_cells = average::average(&cells);
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
        model.round_in_direction();
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
