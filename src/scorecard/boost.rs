//! Additive terms by boosting: each round moves the bins of every term a small step.
//!
//! First in smooth steps: the mean of all places to cut, weighted by likelihood. Few rows leave the place open and the
//! step is gentle; many rows settle it and the step is a jump. Then in sharp steps along a tree of few leaves, which take
//! what only several cuts at once can.
//!
//! Cyclic boosting of one term at a time on binned columns is Lou, Caruana and Gehrke, *Accurate intelligible models
//! with pairwise interactions* (KDD 2013). Stopping early on rows held out chooses how far each phase goes.

use crate::error::Result;
use crate::progress::Progress;
use crate::scorecard::Direction;
use crate::scorecard::numeric::exp;
use crate::scorecard::numeric::log_loss;
use crate::scorecard::numeric::sigmoid_f32;

/// Share of a smooth step that is taken: its noise is averaged out already.
const SMOOTH_RATE: f64 = 0.2;

/// Rounds without gain on the rows held out before smooth steps give way to sharp ones.
const SMOOTH_PATIENCE: usize = 30;

/// Row visits a term may spend on smooth steps, which large tables need less.
const SMOOTH_VISITS: usize = 20_000_000;

/// The kind of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Smooth,
    Sharp,
}

/// Rows whose gradients stay in the first-level cache while they are made.
const BLOCK: usize = 1024;

/// Rows whose sums may be held in single precision.
const EXACT_ROWS: usize = 1 << 15;

/// How far and in what steps boosting goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoostRule {
    pub(crate) learning_rate: f64,
    pub(crate) rounds: usize,
    pub(crate) patience: usize,
    pub(crate) max_leaves: usize,
    pub(crate) min_leaf: f64,
    pub(crate) l2: f64,
    pub(crate) together: usize,
    /// What a cut must gain, in squared standard errors; noise alone gains about 1.
    pub(crate) min_gain: f64,
}

/// What boosting must know of a column besides its codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) bins: usize,
    /// The first bin with an order; `bins` for a nominal column.
    pub(crate) first_ordered: usize,
    pub(crate) monotone: Option<Direction>,
}

/// Rows in the order of one fold: those trained on, then those held out.
pub(crate) struct Fold {
    pub(crate) train: usize,
    pub(crate) target: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) score: Vec<f32>,
}

/// A sum of gradients and of second derivatives.
pub(crate) type Pull = [f64; 2];

impl Fold {
    pub(crate) fn gradients(&self, out: &mut [[f32; 2]]) {
        refresh(&self.score[..self.train], &self.target, &self.weight, out);
    }

    /// Adds what the tables say to every row's score.
    pub(crate) fn add<C: Code>(&mut self, codes: &[Vec<C>], tables: &[Vec<f64>]) {
        for (codes, table) in codes.iter().zip(tables) {
            self.score.iter_mut().zip(codes).for_each(|(score, code)| *score += table[code.place()] as f32);
        }
    }

    pub(crate) fn held_out_loss(&self) -> f64 {
        let (mut loss, mut total) = (0.0, 0.0);
        for row in self.train..self.score.len() {
            let (score, target, weight) =
                (f64::from(self.score[row]), f64::from(self.target[row]), f64::from(self.weight[row]));
            loss += weight * (log_loss(score) + (1.0 - target) * score);
            total += weight;
        }
        if total > 0.0 { loss / total } else { 0.0 }
    }
}

fn refresh(score: &[f32], target: &[f32], weight: &[f32], out: &mut [[f32; 2]]) {
    let rows = score.len();
    let (target, weight, out) = (&target[..rows], &weight[..rows], &mut out[..rows]);
    let mut likely = [0.0_f32; BLOCK];
    for first in (0..rows).step_by(BLOCK) {
        let here = first..(first + BLOCK).min(rows);
        let likely = &mut likely[..here.len()];
        for (p, &score) in likely.iter_mut().zip(&score[here.clone()]) {
            *p = sigmoid_f32(score);
        }
        for (((out, &p), &target), &weight) in
            out[here.clone()].iter_mut().zip(likely.iter()).zip(&target[here.clone()]).zip(&weight[here])
        {
            *out = [weight * (p - target), weight * p * (1.0 - p)];
        }
    }
}

/// A code of a bin in a column (u8) or of a cell in a pair (u16).
pub(crate) trait Code: Copy + Sync + Send {
    fn place(self) -> usize;
}

impl Code for u8 {
    #[inline]
    fn place(self) -> usize {
        usize::from(self)
    }
}

impl Code for u16 {
    #[inline]
    fn place(self) -> usize {
        usize::from(self)
    }
}

/// Sums of gradients by code. Two interleaved tables, so that runs of one code do not wait for themselves.
pub(crate) fn sum_by_code<C: Code>(codes: &[C], pulls: &[[f32; 2]], bins: usize) -> Vec<Pull> {
    let mut sums = vec![[0.0; 2]; bins];
    let mut even = vec![[0.0_f32; 2]; bins];
    let mut odd = vec![[0.0_f32; 2]; bins];
    for (codes, pulls) in codes.chunks(EXACT_ROWS).zip(pulls.chunks(EXACT_ROWS)) {
        for (codes, pulls) in codes.chunks(2).zip(pulls.chunks(2)) {
            let sum = &mut even[codes[0].place()];
            sum[0] += pulls[0][0];
            sum[1] += pulls[0][1];
            if let (Some(code), Some(pull)) = (codes.get(1), pulls.get(1)) {
                let sum = &mut odd[code.place()];
                sum[0] += pull[0];
                sum[1] += pull[1];
            }
        }
        for ((sum, even), odd) in sums.iter_mut().zip(&mut even).zip(&mut odd) {
            sum[0] += f64::from(even[0]) + f64::from(odd[0]);
            sum[1] += f64::from(even[1]) + f64::from(odd[1]);
            (*even, *odd) = ([0.0; 2], [0.0; 2]);
        }
    }
    sums
}

fn step_of(pull: Pull, l2: f64) -> f64 {
    -pull[0] / (pull[1] + l2)
}

fn worth(pull: Pull, l2: f64) -> f64 {
    pull[0] * pull[0] / (pull[1] + l2)
}

fn less(a: Pull, b: Pull) -> Pull {
    [a[0] - b[0], a[1] - b[1]]
}

/// A stretch of ordered bins and its best cut.
#[derive(Clone, Copy)]
struct Leaf {
    from: usize,
    to: usize,
    cut: usize,
    gain: f64,
}

fn best_cut(before: &[Pull], from: usize, to: usize, rule: &BoostRule) -> Leaf {
    let all = less(before[to], before[from]);
    let whole = worth(all, rule.l2);
    let mut leaf = Leaf { from, to, cut: from, gain: rule.min_gain.max(1e-12) };
    for cut in from + 1..to {
        let low = less(before[cut], before[from]);
        let high = less(before[to], before[cut]);
        if low[1] < rule.min_leaf || high[1] < rule.min_leaf {
            continue;
        }
        let gain = worth(low, rule.l2) + worth(high, rule.l2) - whole;
        if gain > leaf.gain {
            (leaf.cut, leaf.gain) = (cut, gain);
        }
    }
    leaf
}

/// Every level steps by its own pull, drawn to the common one by as much as chance alone would spread the levels
/// (empirical Bayes): a column of many rare levels moves only as far as they differ more than noise.
fn level_step(sums: &[Pull], rule: &BoostRule, step: &mut [f32]) {
    let all = sums.iter().fold([0.0; 2], |sum, pull| [sum[0] + pull[0], sum[1] + pull[1]]);
    let common = step_of(all, rule.l2);
    let (mut spread, mut levels) = (0.0, 0.0);
    for pull in sums.iter().filter(|pull| pull[1] > 1e-9) {
        let off = pull[0] + common * pull[1];
        spread += off * off / pull[1];
        levels += 1.0;
    }
    // Under chance alone the spread is about the number of levels less one.
    let excess = spread - (levels - 1.0) - rule.min_gain;
    if excess <= 0.0 {
        return;
    }
    let ridge = (all[1] / excess).max(rule.l2);
    for (step, pull) in step.iter_mut().zip(sums) {
        *step = (common - (pull[0] + common * pull[1]) / (pull[1] + ridge)) as f32;
    }
}

/// The mean of the steps of all cuts of the ordered bins, each weighted by how likely the cut is, and of no cut at all.
fn averaged_step(before: &[Pull], rule: &BoostRule, step: &mut [f32]) {
    let bins = step.len();
    let all = before[bins];
    let whole = worth(all, rule.l2);
    let mut gains = [f64::NEG_INFINITY; 257];
    let (mut most, mut cuts) = (rule.min_gain, 0.0);
    for cut in 1..bins {
        let (low, high) = (before[cut], less(all, before[cut]));
        if low[1] < rule.min_leaf || high[1] < rule.min_leaf {
            continue;
        }
        cuts += 1.0;
        gains[cut] = worth(low, rule.l2) + worth(high, rule.l2) - whole;
        most = most.max(gains[cut]);
    }
    if cuts == 0.0 {
        return;
    }
    let mut total = cuts * likelihood(rule.min_gain - most);
    let mut value = total * step_of(all, rule.l2);
    let mut jumps = [0.0; 257];
    for cut in 1..bins {
        if gains[cut] > f64::NEG_INFINITY {
            let weight = likelihood(gains[cut] - most);
            let (low, high) = (step_of(before[cut], rule.l2), step_of(less(all, before[cut]), rule.l2));
            total += weight;
            value += weight * low;
            jumps[cut] = weight * (high - low);
        }
    }
    for (step, jump) in step.iter_mut().zip(jumps) {
        value += jump;
        *step = (value / total) as f32;
    }
}

/// The likelihood of a cut by its gain, which is twice a log-likelihood.
pub(crate) fn likelihood(gain: f64) -> f64 {
    exp((0.5 * gain).max(-700.0))
}

/// The step of every bin of one column, before the learning rate.
pub(crate) fn column_step(sums: &[Pull], shape: Shape, rule: &BoostRule, phase: Phase, step: &mut [f32]) {
    step.fill(0.0);
    if shape.first_ordered >= shape.bins {
        return level_step(sums, rule, step);
    }
    for bin in 0..shape.first_ordered {
        if sums[bin][1] >= rule.min_leaf {
            step[bin] = step_of(sums[bin], rule.l2) as f32;
        }
    }
    let mut before = [[0.0; 2]; 257];
    let ordered = &sums[shape.first_ordered..];
    for (place, pull) in ordered.iter().enumerate() {
        before[place + 1] = [before[place][0] + pull[0], before[place][1] + pull[1]];
    }
    let (before, step) = (&before[..=ordered.len()], &mut step[shape.first_ordered..]);
    match phase {
        Phase::Smooth => averaged_step(before, rule, step),
        Phase::Sharp => tree_step(before, rule, step),
    }
}

/// The step of a tree of few leaves on the ordered bins.
fn tree_step(before: &[Pull], rule: &BoostRule, step: &mut [f32]) {
    let mut leaves = [Leaf { from: 0, to: 0, cut: 0, gain: 0.0 }; 16];
    leaves[0] = best_cut(before, 0, step.len(), rule);
    let mut count = 1;
    while count < rule.max_leaves.min(16) {
        let best = (0..count).fold(0, |best, leaf| if leaves[leaf].gain > leaves[best].gain { leaf } else { best });
        let leaf = leaves[best];
        if leaf.cut == leaf.from {
            break;
        }
        leaves[best] = best_cut(before, leaf.from, leaf.cut, rule);
        leaves[count] = best_cut(before, leaf.cut, leaf.to, rule);
        count += 1;
    }
    let leaves = &mut leaves[..count];
    leaves.sort_by_key(|leaf| leaf.from);
    for leaf in leaves.iter() {
        step[leaf.from..leaf.to].fill(step_of(less(before[leaf.to], before[leaf.from]), rule.l2) as f32);
    }
}

/// Boosts `tables` (one a term) on the rows of a fold until the rows held out stop gaining; leaves the best tables
/// behind, and the scores they give. `make_step` turns the sums of a term into its step; `keep` alters the part of it
/// that is taken so that the tables keep their promises.
pub(crate) fn boost<C: Code>(
    fold: &mut Fold,
    codes: &[Vec<C>],
    tables: &mut [Vec<f64>],
    rule: &BoostRule,
    progress: (Progress<'_>, &'static str, u64, u64),
    make_step: impl Fn(usize, &[Pull], Phase, &mut [f32]),
    keep: impl Fn(usize, &[Vec<f64>], &[Pull], &mut [f32]),
) -> Result<()> {
    let start = fold.score.clone();
    let mut pulls = vec![[0.0_f32; 2]; fold.train];
    let mut steps: Vec<Vec<f32>> = tables.iter().map(|table| vec![0.0; table.len()]).collect();
    let mut best: Vec<Vec<f64>> = tables.to_vec();
    let (mut best_loss, mut best_round) = (fold.held_out_loss(), 0);
    let smooth_rounds = (SMOOTH_VISITS / fold.score.len().max(1)).clamp(50, 1000);
    let mut phase = Phase::Smooth;
    fold.gradients(&mut pulls);
    for round in 1..=rule.rounds {
        let (progress, stage, done, total) = progress;
        progress.step(stage, done * rule.rounds as u64 + round as u64, total * rule.rounds as u64)?;
        let rate = if phase == Phase::Smooth { SMOOTH_RATE } else { rule.learning_rate } as f32;
        for first in (0..tables.len()).step_by(rule.together) {
            let terms = first..(first + rule.together).min(tables.len());
            for term in terms.clone() {
                let sums = sum_by_code(&codes[term][..fold.train], &pulls, tables[term].len());
                make_step(term, &sums, phase, &mut steps[term]);
                steps[term].iter_mut().for_each(|step| *step *= rate);
                keep(term, tables, &sums, &mut steps[term]);
                tables[term].iter_mut().zip(&steps[term]).for_each(|(value, &step)| *value += f64::from(step));
            }
            for first in (0..fold.score.len()).step_by(BLOCK) {
                let here = first..(first + BLOCK).min(fold.score.len());
                let score = &mut fold.score[here.clone()];
                for term in terms.clone() {
                    let step = &steps[term];
                    for (score, code) in score.iter_mut().zip(&codes[term][here.clone()]) {
                        *score += step[code.place()];
                    }
                }
            }
            fold.gradients(&mut pulls);
        }
        let loss = fold.held_out_loss();
        if loss < best_loss {
            (best_loss, best_round) = (loss, round);
            best.iter_mut().zip(tables.iter()).for_each(|(best, table)| best.copy_from_slice(table));
        }
        let waited = round - best_round;
        match phase {
            Phase::Smooth if waited >= SMOOTH_PATIENCE.min(rule.patience) || round == smooth_rounds => {
                tables.iter_mut().zip(&best).for_each(|(table, best)| table.copy_from_slice(best));
                fold.score.copy_from_slice(&start);
                fold.add(codes, tables);
                fold.gradients(&mut pulls);
                (phase, best_round) = (Phase::Sharp, round);
            }
            Phase::Sharp if waited >= rule.patience => break,
            _ => {}
        }
    }
    tables.iter_mut().zip(best).for_each(|(table, best)| *table = best);
    fold.score = start;
    fold.add(codes, tables);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BoostRule = BoostRule {
        learning_rate: 0.5,
        rounds: 50,
        patience: 10,
        max_leaves: 3,
        min_leaf: 0.1,
        l2: 0.0,
        together: 1,
        min_gain: 0.0,
    };

    #[test]
    fn a_jump_is_found_where_it_is() {
        let mut sums = vec![[0.0, 0.0]; 11];
        for (bin, sum) in sums.iter_mut().enumerate().skip(1) {
            *sum = [if bin < 7 { 2.0 } else { -3.0 }, 4.0];
        }
        let mut step = vec![9.0; 11];
        let shape = Shape { bins: 11, first_ordered: 1, monotone: None };
        column_step(&sums, shape, &RULE, Phase::Sharp, &mut step);
        assert_eq!(step, [0.0, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5, 0.75, 0.75, 0.75, 0.75]);
    }

    #[test]
    fn smooth_steps_are_gentle_where_the_place_is_open_and_sharp_where_it_is_not() {
        let step = |scale: f64| {
            let sums: Vec<Pull> = (0..9).map(|bin| [scale * if bin < 5 { 0.5 } else { -0.5 }, 4.0 * scale]).collect();
            let mut step = vec![0.0; 9];
            let shape = Shape { bins: 9, first_ordered: 1, monotone: None };
            column_step(&sums, shape, &RULE, Phase::Smooth, &mut step);
            step
        };
        let (few, many) = (step(1.0), step(1000.0));
        assert!(few[1..].windows(2).all(|pair| pair[0] < pair[1]), "{few:?}");
        assert!(many[1..5].iter().all(|step| (step + 0.125).abs() < 1e-3), "{many:?}");
        assert!(many[5..].iter().all(|step| (step - 0.125).abs() < 1e-3), "{many:?}");
    }

    #[test]
    fn levels_move_only_as_far_as_they_differ_more_than_chance() {
        let shape = Shape { bins: 40, first_ordered: 40, monotone: None };
        let step = |pull: f64| {
            let sums: Vec<Pull> = (0..40).map(|bin| [if bin % 2 == 0 { pull } else { -pull }, 1.0]).collect();
            let mut step = vec![0.0; 40];
            column_step(&sums, shape, &RULE, Phase::Sharp, &mut step);
            step
        };
        assert!(step(0.9).iter().all(|&step| step == 0.0));
        let apart = step(3.0);
        assert!((-3.0..-2.5).contains(&apart[0]) && (2.5..3.0).contains(&apart[1]), "{apart:?}");
    }

    #[test]
    fn interleaved_sums_are_the_sums() {
        let codes: Vec<u8> = (0..1001_u32).map(|row| (row * 7 % 13) as u8).collect();
        let pulls: Vec<[f32; 2]> = (0..1001_u16).map(|row| [f32::from(row % 5), 1.0]).collect();
        let mut slow = vec![[0.0; 2]; 13];
        for (code, pull) in codes.iter().zip(&pulls) {
            slow[usize::from(*code)][0] += f64::from(pull[0]);
            slow[usize::from(*code)][1] += f64::from(pull[1]);
        }
        assert_eq!(sum_by_code(&codes, &pulls, 13), slow);
    }
}
