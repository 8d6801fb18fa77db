//! Pairs of columns whose joint effect is more than the sum of theirs: finding them and fitting them.
//!
//! Every pair is screened on the residuals of the additive fit by the best cut into four quadrants (FAST, Lou, Caruana
//! and Gehrke 2013); a screen on anything but residuals gains nothing.

use crate::parallel;
use crate::scorecard::Direction;
use crate::scorecard::boost::BoostRule;
use crate::scorecard::boost::Phase;
use crate::scorecard::boost::Pull;
use crate::scorecard::boost::Shape;
use crate::scorecard::boost::likelihood;
use crate::scorecard::boost::sum_by_code;

/// Bins of a column within a pair, at most.
pub(crate) const PAIR_BINS: usize = 32;

/// Least weight of a level that is told from the rare ones within a pair.
const PAIR_LEVEL_WEIGHT: f64 = 25.0;

/// Row visits a screen may cost; beyond, every so many rows are read.
const SCREEN_VISITS: usize = 1_500_000_000;

/// A column within a pair: each bin's coarse bin.
#[derive(Debug, Clone)]
pub(crate) struct Coarse {
    pub(crate) of_bin: Vec<u8>,
    pub(crate) bins: usize,
    /// The first with an order; `bins` for a nominal column.
    pub(crate) first_ordered: usize,
    pub(crate) monotone: Option<Direction>,
}

impl Coarse {
    /// Coarse bins of like weight: missing and special values apart, levels in the order of their mean target.
    pub(crate) fn new(shape: Shape, weight: &[f64], target: &[f64]) -> Self {
        let mut of_bin = vec![0_u8; shape.bins];
        let mut order: Vec<usize> = (shape.first_ordered.min(shape.bins)..shape.bins).collect();
        let mut bins = 0;
        if shape.first_ordered >= shape.bins {
            let mean = |bin: usize| (target[bin] + 0.2) / (weight[bin] + 1.0);
            // Levels too rare to have a place of their own share the first bin: their mean would say what their few
            // rows did.
            order = (0..shape.bins).filter(|&bin| weight[bin] >= PAIR_LEVEL_WEIGHT).collect();
            order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
            bins = usize::from(order.len() < shape.bins);
        } else {
            for coarse in of_bin.iter_mut().take(shape.first_ordered) {
                *coarse = bins as u8;
                bins = (bins + 1).min(PAIR_BINS / 2);
            }
        }
        let total: f64 = order.iter().map(|&bin| weight[bin]).sum();
        let most = PAIR_BINS - bins;
        let (mut held, mut left, mut bins_left) = (0.0, total, most);
        for (place, &bin) in order.iter().enumerate() {
            of_bin[bin] = bins as u8;
            held += weight[bin];
            let next = order.get(place + 1).map_or(0.0, |&next| weight[next]);
            let few = order.len() - place <= bins_left;
            let full = few || held + 0.5 * next >= left / bins_left as f64;
            if full && bins_left > 1 && place + 1 < order.len() {
                bins += 1;
                bins_left -= 1;
                left -= held;
                held = 0.0;
            }
        }
        let bins = if order.is_empty() { bins.max(1) } else { bins + 1 };
        let first_ordered = of_bin.get(shape.first_ordered).map_or(bins, |&coarse| usize::from(coarse));
        Self { of_bin, bins, first_ordered, monotone: shape.monotone }
    }

    /// The cell of two bins in the table of this column by `second`.
    pub(crate) fn cell(&self, second: &Self, bin: usize, other: usize) -> usize {
        usize::from(self.of_bin[bin]) * second.bins + usize::from(second.of_bin[other])
    }

    pub(crate) fn codes(&self, codes: &[u8]) -> Vec<u8> {
        codes.iter().map(|&code| self.of_bin[usize::from(code)]).collect()
    }
}

/// Two columns by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub(crate) first: usize,
    pub(crate) second: usize,
}

/// The `most` pairs with the strongest joint effect on the residuals, strongest first. `columns` are coarse bins.
pub(crate) fn screen(
    columns: &[Vec<u8>],
    coarse: &[Coarse],
    pulls: &[[f32; 2]],
    rule: &BoostRule,
    most: usize,
) -> Vec<Candidate> {
    let candidates: Vec<Candidate> = (0..columns.len())
        .flat_map(|first| (first + 1..columns.len()).map(move |second| Candidate { first, second }))
        .filter(|pair| coarse[pair.first].bins > 1 && coarse[pair.second].bins > 1)
        .collect();
    let visits = candidates.len().saturating_mul(pulls.len());
    let step = visits.div_ceil(SCREEN_VISITS).max(1);
    let pulls: Vec<[f32; 2]> = pulls.iter().step_by(step).copied().collect();
    let columns: Vec<Vec<u8>> = columns.iter().map(|column| column.iter().step_by(step).copied().collect()).collect();
    let gains: Vec<f64> = parallel::map_chunks(candidates.len(), 1, |range| {
        let pair = candidates[range.start];
        let (rows, cols) = (coarse[pair.first].bins, coarse[pair.second].bins);
        let cells = cells(&columns[pair.first], &columns[pair.second], cols);
        Quadrants::new(&sum_by_code(&cells, &pulls, rows * cols), rows, cols).joint_gain(rule)
    });
    let mut order: Vec<usize> = (0..candidates.len()).filter(|&place| gains[place] > 0.0).collect();
    order.sort_by(|&a, &b| gains[b].total_cmp(&gains[a]).then(a.cmp(&b)));
    order.truncate(most);
    order.into_iter().map(|place| candidates[place]).collect()
}

/// The cell of every row in a table of `cols` columns.
pub(crate) fn cells(first: &[u8], second: &[u8], cols: usize) -> Vec<u16> {
    first.iter().zip(second).map(|(&a, &b)| u16::from(a) * cols as u16 + u16::from(b)).collect()
}

fn worth(pull: Pull, rule: &BoostRule) -> f64 {
    pull[0] * pull[0] / (pull[1] + rule.l2)
}

fn plus(a: Pull, b: Pull) -> Pull {
    [a[0] + b[0], a[1] + b[1]]
}

fn less(a: Pull, b: Pull) -> Pull {
    [a[0] - b[0], a[1] - b[1]]
}

/// Sums over all cells up to a row and a column of a pair's table.
struct Quadrants {
    upto: Vec<Pull>,
    rows: usize,
    cols: usize,
}

impl Quadrants {
    fn new(sums: &[Pull], rows: usize, cols: usize) -> Self {
        let wide = cols + 1;
        let mut upto = vec![[0.0; 2]; (rows + 1) * wide];
        for row in 0..rows {
            let mut line = [0.0; 2];
            for col in 0..cols {
                line = plus(line, sums[row * cols + col]);
                upto[(row + 1) * wide + col + 1] = plus(upto[row * wide + col + 1], line);
            }
        }
        Self { upto, rows, cols }
    }

    /// The quadrants that a cut before `row` and before `col` makes.
    fn cut(&self, row: usize, col: usize) -> [Pull; 4] {
        let wide = self.cols + 1;
        let all = self.upto[self.rows * wide + self.cols];
        let (top, left) = (self.upto[row * wide + self.cols], self.upto[self.rows * wide + col]);
        let corner = self.upto[row * wide + col];
        [corner, less(top, corner), less(left, corner), less(less(all, top), less(left, corner))]
    }

    /// What the best cut into quadrants gains beyond what one of its two cuts alone gains, which belongs to the single
    /// columns.
    fn joint_gain(&self, rule: &BoostRule) -> f64 {
        let mut best = 0.0_f64;
        for row in 1..self.rows {
            for col in 1..self.cols {
                let [a, b, c, d] = self.cut(row, col);
                if [a, b, c, d].iter().all(|quadrant| quadrant[1] >= rule.min_leaf) {
                    let four = worth(a, rule) + worth(b, rule) + worth(c, rule) + worth(d, rule);
                    let across = worth(plus(a, b), rule) + worth(plus(c, d), rule);
                    let along = worth(plus(a, c), rule) + worth(plus(b, d), rule);
                    best = best.max(four - across.max(along));
                }
            }
        }
        best
    }
}

/// A table seen along one of its axes.
#[derive(Clone, Copy)]
struct View<'a> {
    sums: &'a [Pull],
    long: usize,
    wide: usize,
    long_stride: usize,
    wide_stride: usize,
}

/// One cut along the long axis, and one across on either side of it (0: none).
#[derive(Clone, Copy)]
struct Cuts {
    gain: f64,
    long: usize,
    across: [usize; 2],
    values: [[f64; 2]; 2],
}

fn cut_across(line: &[Pull], rule: &BoostRule) -> (f64, usize, [f64; 2]) {
    let all = line.iter().fold([0.0; 2], |sum, &pull| plus(sum, pull));
    let step = |pull: Pull| -pull[0] / (pull[1] + rule.l2);
    let (mut best, mut place, mut values) = (worth(all, rule), 0, [step(all); 2]);
    let mut low = [0.0; 2];
    for cut in 1..line.len() {
        low = plus(low, line[cut - 1]);
        let high = less(all, low);
        if low[1] >= rule.min_leaf && high[1] >= rule.min_leaf {
            let gain = worth(low, rule) + worth(high, rule);
            if gain > best {
                (best, place, values) = (gain, cut, [step(low), step(high)]);
            }
        }
    }
    (best, place, values)
}

impl Cuts {
    fn value(&self, side: usize, across: usize) -> f64 {
        self.values[side][usize::from(self.across[side] > 0 && across >= self.across[side])]
    }
}

fn best_cuts(view: View<'_>, rule: &BoostRule) -> Option<Cuts> {
    let mut high = vec![[0.0; 2]; view.wide];
    for row in 0..view.long {
        for (col, sum) in high.iter_mut().enumerate() {
            *sum = plus(*sum, view.sums[row * view.long_stride + col * view.wide_stride]);
        }
    }
    let whole = worth(high.iter().fold([0.0; 2], |sum, &pull| plus(sum, pull)), rule);
    let mut low = vec![[0.0; 2]; view.wide];
    let (mut low_weight, mut high_weight) = (0.0, high.iter().map(|pull| pull[1]).sum::<f64>());
    let mut best: Option<Cuts> = None;
    for long in 1..view.long {
        for col in 0..view.wide {
            let pull = view.sums[(long - 1) * view.long_stride + col * view.wide_stride];
            low[col] = plus(low[col], pull);
            high[col] = less(high[col], pull);
            low_weight += pull[1];
            high_weight -= pull[1];
        }
        if low_weight < rule.min_leaf || high_weight < rule.min_leaf {
            continue;
        }
        let (low_gain, low_place, low_values) = cut_across(&low, rule);
        let (high_gain, high_place, high_values) = cut_across(&high, rule);
        let cuts = Cuts {
            gain: low_gain + high_gain - whole,
            long,
            across: [low_place, high_place],
            values: [low_values, high_values],
        };
        if best.is_none_or(|best| cuts.gain > best.gain) {
            best = Some(cuts);
        }
    }
    best
}

/// The mean of the steps of all quadrants, each weighted by its likelihood.
fn averaged_step(sums: &[Pull], first: &Coarse, second: &Coarse, rule: &BoostRule, step: &mut [f32]) {
    let (rows, cols) = (first.bins, second.bins);
    let table = Quadrants::new(sums, rows, cols);
    let value = |pull: Pull| -pull[0] / (pull[1] + rule.l2);
    let all = table.upto[table.upto.len() - 1];
    let whole = worth(all, rule);
    let mut found: Vec<(usize, usize, f64, [f64; 4])> = Vec::new();
    let mut most = rule.min_gain;
    let mut tried = 0.0;
    for row in 1..rows {
        for col in 1..cols {
            let cut = table.cut(row, col);
            if cut.iter().any(|quadrant| quadrant[1] < rule.min_leaf) {
                continue;
            }
            tried += 1.0;
            let [a, b, c, d] = cut.map(value);
            let gain = cut.iter().map(|&quadrant| worth(quadrant, rule)).sum::<f64>() - whole;
            most = most.max(gain);
            found.push((row, col, gain, [a, b, c, d]));
        }
    }
    if tried == 0.0 {
        return;
    }
    let mut total = tried * likelihood(rule.min_gain - most);
    let mut base = total * value(all);
    let (mut down, mut along, mut both) = (vec![0.0; rows], vec![0.0; cols], vec![0.0; rows * cols]);
    for (row, col, gain, [a, b, c, d]) in found {
        let weight = likelihood(gain - most);
        total += weight;
        base += weight * a;
        down[row] += weight * (c - a);
        along[col] += weight * (b - a);
        both[row * cols + col] += weight * (d - c - b + a);
    }
    let mut above = vec![0.0; cols];
    for row in 0..rows {
        base += down[row];
        let (mut value, mut line) = (base, 0.0);
        for col in 0..cols {
            value += along[col];
            above[col] += both[row * cols + col];
            line += above[col];
            step[row * cols + col] = ((value + line) / total) as f32;
        }
    }
}

/// The step of every cell of a pair, before the learning rate: the mean of all quadrants, or one cut along the better
/// axis and one across on each side.
pub(crate) fn pair_step(
    sums: &[Pull],
    first: &Coarse,
    second: &Coarse,
    rule: &BoostRule,
    phase: Phase,
    step: &mut [f32],
) {
    let (rows, cols) = (first.bins, second.bins);
    let down = View { sums, long: rows, wide: cols, long_stride: cols, wide_stride: 1 };
    let along = View { sums, long: cols, wide: rows, long_stride: 1, wide_stride: cols };
    step.fill(0.0);
    if phase == Phase::Smooth {
        averaged_step(sums, first, second, rule, step);
        return;
    }
    let (a, b) = (best_cuts(down, rule), best_cuts(along, rule));
    let (view, cuts) = match (a, b) {
        (Some(a), Some(b)) if b.gain > a.gain => (along, b),
        (Some(a), _) => (down, a),
        (None, Some(b)) => (along, b),
        (None, None) => return,
    };
    if cuts.gain < rule.min_gain {
        return;
    }
    for long in 0..view.long {
        let side = usize::from(long >= cuts.long);
        for wide in 0..view.wide {
            step[long * view.long_stride + wide * view.wide_stride] = cuts.value(side, wide) as f32;
        }
    }
}

/// Moves what a pair's table says about one column alone into that column, by weighted means, so that the pair holds
/// only the joint effect and the sum is unchanged. Returns the part of the first, of the second and of all rows.
pub(crate) fn purify(table: &mut [f64], weight: &[f64], rows: usize, cols: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut of_rows, mut of_cols) = (vec![0.0; rows], vec![0.0; cols]);
    for _ in 0..50 {
        let mut moved = 0.0_f64;
        for row in 0..rows {
            let total: f64 = (0..cols).map(|col| weight[row * cols + col]).sum();
            if total > 0.0 {
                let mean = (0..cols).map(|col| weight[row * cols + col] * table[row * cols + col]).sum::<f64>() / total;
                (0..cols).for_each(|col| table[row * cols + col] -= mean);
                of_rows[row] += mean;
                moved = moved.max(mean.abs());
            }
        }
        for col in 0..cols {
            let total: f64 = (0..rows).map(|row| weight[row * cols + col]).sum();
            if total > 0.0 {
                let mean = (0..rows).map(|row| weight[row * cols + col] * table[row * cols + col]).sum::<f64>() / total;
                (0..rows).for_each(|row| table[row * cols + col] -= mean);
                of_cols[col] += mean;
                moved = moved.max(mean.abs());
            }
        }
        if moved < 1e-9 {
            break;
        }
    }
    (of_rows, of_cols)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BoostRule = BoostRule {
        learning_rate: 1.0,
        rounds: 1,
        patience: 1,
        max_leaves: 3,
        min_leaf: 0.1,
        l2: 0.0,
        together: 1,
        min_gain: 0.0,
    };

    #[test]
    fn the_screen_finds_the_exclusive_or_and_not_the_sum() {
        let rows = 4000_usize;
        let columns: Vec<Vec<u8>> =
            (0..4).map(|bit| (0..rows).map(|row| (((row * 2_654_435_761) >> (8 + bit)) & 1) as u8).collect()).collect();
        let pulls: Vec<[f32; 2]> = (0..rows)
            .map(|row| {
                let joint = if columns[1][row] == columns[3][row] { 0.5 } else { -0.5 };
                [joint + if columns[0][row] == 1 { 0.7 } else { -0.7 }, 0.25]
            })
            .collect();
        let coarse = vec![Coarse { of_bin: vec![0, 1], bins: 2, first_ordered: 0, monotone: None }; 4];
        assert_eq!(screen(&columns, &coarse, &pulls, &RULE, 1), [Candidate { first: 1, second: 3 }]);
    }

    #[test]
    fn purifying_leaves_the_sum_as_it_was() {
        let (rows, cols) = (3, 4);
        let table: Vec<f64> = (0..12).map(|cell| f64::from((cell * cell * 7) % 5) - 1.3).collect();
        let weight: Vec<f64> = (0..12).map(|cell| f64::from((cell * 5) % 4)).collect();
        let mut pure = table.clone();
        let (of_rows, of_cols) = purify(&mut pure, &weight, rows, cols);
        for cell in 0..12 {
            let sum = pure[cell] + of_rows[cell / cols] + of_cols[cell % cols];
            assert!((sum - table[cell]).abs() < 1e-9);
        }
        for row in 0..rows {
            let mean: f64 = (0..cols).map(|col| weight[row * cols + col] * pure[row * cols + col]).sum();
            assert!(mean.abs() < 1e-6);
        }
    }

    #[test]
    fn a_quadrant_is_stepped_towards() {
        let coarse = Coarse { of_bin: vec![0, 1, 2], bins: 3, first_ordered: 0, monotone: None };
        let sums: Vec<Pull> =
            (0..9).map(|cell| [if cell / 3 == 2 && cell % 3 == 2 { -1.0 } else { 0.0 }, 1.0]).collect();
        let mut step = vec![0.0; 9];
        pair_step(&sums, &coarse, &coarse, &RULE, Phase::Sharp, &mut step);
        assert_eq!(step, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        pair_step(&sums, &coarse, &coarse, &RULE, Phase::Smooth, &mut step);
        assert!(step[8] > 0.3 && step[8] > 2.0 * step[4] && step[0].abs() < 0.1, "{step:?}");
    }
}
