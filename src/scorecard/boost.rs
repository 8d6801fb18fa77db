//! Additive terms by boosting: each round moves the bins of every term a small step along a tree of few leaves.
//!
//! Cyclic boosting of one term at a time on binned columns is Lou, Caruana and Gehrke, *Accurate intelligible models
//! with pairwise interactions* (KDD 2013). Small trees leave jumps sharp and flat stretches flat, which a smoothness
//! penalty does not; stopping early on rows held out chooses how far each term moves.

use crate::error::Result;
use crate::progress::Progress;
use crate::scorecard::Direction;
use crate::scorecard::numeric::log_loss;
use crate::scorecard::numeric::sigmoid_f32;

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

fn agrees(low: f64, high: f64, monotone: Option<Direction>) -> bool {
    match monotone {
        None => true,
        Some(Direction::Increasing) => low <= high,
        Some(Direction::Decreasing) => low >= high,
    }
}

/// A stretch of ordered bins and its best cut.
#[derive(Clone, Copy)]
struct Leaf {
    from: usize,
    to: usize,
    cut: usize,
    gain: f64,
}

fn best_cut(before: &[Pull], from: usize, to: usize, monotone: Option<Direction>, rule: &BoostRule) -> Leaf {
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
        if gain > leaf.gain && agrees(step_of(low, rule.l2), step_of(high, rule.l2), monotone) {
            (leaf.cut, leaf.gain) = (cut, gain);
        }
    }
    leaf
}

/// The step of every bin of one column, before the learning rate.
pub(crate) fn tree_step(sums: &[Pull], shape: Shape, rule: &BoostRule, step: &mut [f32]) {
    step.fill(0.0);
    let nominal = shape.first_ordered >= shape.bins;
    if !nominal {
        for bin in 0..shape.first_ordered {
            if sums[bin][1] >= rule.min_leaf {
                step[bin] = step_of(sums[bin], rule.l2) as f32;
            }
        }
    }
    let mut order: [usize; 256] = std::array::from_fn(|place| place);
    let order = if nominal {
        let order = &mut order[..shape.bins];
        // Levels in the order of their pull (Fisher 1958), with small levels drawn to the middle.
        order.sort_by(|&a, &b| step_of(sums[a], rule.l2 + 4.0).total_cmp(&step_of(sums[b], rule.l2 + 4.0)));
        &order[..]
    } else {
        &order[shape.first_ordered..shape.bins]
    };
    let mut before = [[0.0; 2]; 257];
    for (place, &bin) in order.iter().enumerate() {
        before[place + 1] = [before[place][0] + sums[bin][0], before[place][1] + sums[bin][1]];
    }
    let before = &before[..=order.len()];
    let mut leaves = [Leaf { from: 0, to: 0, cut: 0, gain: 0.0 }; 16];
    leaves[0] = best_cut(before, 0, order.len(), shape.monotone, rule);
    let mut count = 1;
    while count < rule.max_leaves.min(16) {
        let best = (0..count).fold(0, |best, leaf| if leaves[leaf].gain > leaves[best].gain { leaf } else { best });
        let leaf = leaves[best];
        if leaf.cut == leaf.from {
            break;
        }
        leaves[best] = best_cut(before, leaf.from, leaf.cut, shape.monotone, rule);
        leaves[count] = best_cut(before, leaf.cut, leaf.to, shape.monotone, rule);
        count += 1;
    }
    let leaves = &mut leaves[..count];
    leaves.sort_by_key(|leaf| leaf.from);
    let mut previous: Option<f64> = None;
    let mut values = [0.0; 16];
    for (value, leaf) in values.iter_mut().zip(leaves.iter()) {
        *value = step_of(less(before[leaf.to], before[leaf.from]), rule.l2);
        // Leaves of one parent agree; cousins may not, and then this round does not move the column.
        if previous.is_some_and(|previous| !agrees(previous, *value, shape.monotone)) {
            order.iter().for_each(|&bin| step[bin] = 0.0);
            return;
        }
        previous = Some(*value);
    }
    for (value, leaf) in values.iter().zip(leaves.iter()) {
        order[leaf.from..leaf.to].iter().for_each(|&bin| step[bin] = *value as f32);
    }
}

/// Boosts `tables` (one a term) on the rows of a fold until the rows held out stop gaining; leaves the best tables
/// behind. `make_step` turns the sums of a term into its step. Returns the loss on the rows held out.
pub(crate) fn boost<C: Code>(
    fold: &mut Fold,
    codes: &[Vec<C>],
    tables: &mut [Vec<f64>],
    rule: &BoostRule,
    progress: (Progress<'_>, &'static str, u64, u64),
    make_step: impl Fn(usize, &[Pull], &mut [f32]),
) -> Result<f64> {
    let mut pulls = vec![[0.0_f32; 2]; fold.train];
    let mut steps: Vec<Vec<f32>> = tables.iter().map(|table| vec![0.0; table.len()]).collect();
    let mut best: Vec<Vec<f64>> = tables.to_vec();
    let (mut best_loss, mut best_round) = (fold.held_out_loss(), 0);
    fold.gradients(&mut pulls);
    for round in 1..=rule.rounds {
        let (progress, stage, done, total) = progress;
        progress.step(stage, done * rule.rounds as u64 + round as u64, total * rule.rounds as u64)?;
        for first in (0..tables.len()).step_by(rule.together) {
            let terms = first..(first + rule.together).min(tables.len());
            for term in terms.clone() {
                let sums = sum_by_code(&codes[term][..fold.train], &pulls, tables[term].len());
                make_step(term, &sums, &mut steps[term]);
                for (value, step) in tables[term].iter_mut().zip(&mut steps[term]) {
                    *step *= rule.learning_rate as f32;
                    *value += f64::from(*step);
                }
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
        } else if round - best_round >= rule.patience {
            break;
        }
    }
    tables.iter_mut().zip(best).for_each(|(table, best)| *table = best);
    Ok(best_loss)
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
        tree_step(&sums, shape, &RULE, &mut step);
        assert_eq!(step, [0.0, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5, 0.75, 0.75, 0.75, 0.75]);
        tree_step(&sums, Shape { monotone: Some(Direction::Decreasing), ..shape }, &RULE, &mut step);
        assert!(step[1..].windows(2).all(|pair| pair[0] >= pair[1]), "{step:?}");
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
