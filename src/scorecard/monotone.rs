//! Promises of direction, kept while boosting: a step goes where the rows pull, and then the table with the step is put
//! in order by pooling neighbours that are not (Ayer and others 1955), weighted by the second derivatives.
//!
//! What is promised is that the *score* moves one way, whatever the other columns hold. So a pair may fall where the
//! column alone rises by as much: it has the room that the column and the column's other pairs leave. Steps that each
//! went the promised way could never take back what an earlier one did too much, and a pair of such steps could not hold
//! a joint effect at all.

use crate::scorecard::Direction;
use crate::scorecard::boost::{Pull, Shape};
use crate::scorecard::pairs::{Candidate, Coarse};

/// Turns over the two columns of a pair that are both promised.
const TURNS: usize = 3;

impl Direction {
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::Increasing => 1.0,
            Self::Decreasing => -1.0,
        }
    }
}

/// Lets the values of `cells` ascend in that order: neighbours that do not are pooled at their weighted mean.
fn pool(table: &mut [f64], sums: &[Pull], cells: &[usize]) {
    if cells.windows(2).all(|pair| table[pair[0]] <= table[pair[1]]) {
        return;
    }
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(cells.len());
    for &cell in cells {
        let mut last = (table[cell], sums[cell][1].max(1e-9), 1);
        while let Some(&(value, weight, count)) = pools.last().filter(|before| before.0 > last.0) {
            let both = weight + last.1;
            last = ((value * weight + last.0 * last.1) / both, both, count + last.2);
            pools.pop();
        }
        pools.push(last);
    }
    let values = pools.iter().flat_map(|&(value, _, count)| std::iter::repeat_n(value, count));
    cells.iter().zip(values).for_each(|(&cell, value)| table[cell] = value);
}

fn in_direction(cells: impl DoubleEndedIterator<Item = usize>, direction: Direction) -> Vec<usize> {
    match direction {
        Direction::Increasing => cells.collect(),
        Direction::Decreasing => cells.rev().collect(),
    }
}

/// Alters the step of a column so that its table keeps the promise.
pub(crate) fn keep_column(table: &[f64], sums: &[Pull], shape: Shape, step: &mut [f32]) {
    let Some(direction) = shape.monotone else { return };
    let mut next: Vec<f64> = table.iter().zip(step.iter()).map(|(value, &step)| value + f64::from(step)).collect();
    pool(&mut next, sums, &in_direction(shape.first_ordered..shape.bins, direction));
    step.iter_mut().zip(next.iter().zip(table)).for_each(|(step, (next, table))| *step = (next - table) as f32);
}

/// One axis of a pair's table.
#[derive(Clone, Copy)]
struct Axis<'a> {
    column: usize,
    coarse: &'a Coarse,
    stride: usize,
    lines: usize,
    line_stride: usize,
}

impl<'a> Axis<'a> {
    fn both(pair: Candidate, coarse: &'a [Coarse]) -> [Self; 2] {
        let (first, second) = (&coarse[pair.first], &coarse[pair.second]);
        let (wide, long) = (second.bins, first.bins);
        [
            Axis { column: pair.first, coarse: first, stride: wide, lines: wide, line_stride: 1 },
            Axis { column: pair.second, coarse: second, stride: 1, lines: long, line_stride: wide },
        ]
    }

    fn cell(&self, place: usize, line: usize) -> usize {
        place * self.stride + line * self.line_stride
    }

    /// The ordered cells of a line in the promised direction.
    fn cells(&self, line: usize, direction: Direction) -> Vec<usize> {
        in_direction((self.coarse.first_ordered..self.coarse.bins).map(|place| self.cell(place, line)), direction)
    }
}

/// How far pairs may fall, a bin of each promised column: what the column alone rises there, less what its pairs fall.
#[derive(Debug, Clone)]
pub(crate) struct Room(Vec<Vec<f64>>);

impl Room {
    pub(crate) fn new(mains: &[Vec<f64>], shapes: &[Shape], coarse: &[Coarse]) -> Self {
        let column = |(main, (shape, coarse)): (&Vec<f64>, (&Shape, &Coarse))| {
            let mut room = vec![0.0; if shape.monotone.is_some() { coarse.bins } else { 0 }];
            let Some(direction) = shape.monotone else { return room };
            for bin in shape.first_ordered + 1..shape.bins {
                let place = usize::from(coarse.of_bin[bin]);
                if coarse.of_bin[bin - 1] != coarse.of_bin[bin] {
                    room[place] = (direction.sign() * (main[bin] - main[bin - 1])).max(0.0);
                }
            }
            room
        };
        Self(mains.iter().zip(shapes.iter().zip(coarse)).map(column).collect())
    }

    /// Takes away what a pair falls.
    pub(crate) fn take(&mut self, pair: Candidate, coarse: &[Coarse], table: &[f64]) {
        for axis in Axis::both(pair, coarse) {
            let Some(direction) = axis.coarse.monotone else { continue };
            for place in axis.coarse.first_ordered + 1..axis.coarse.bins {
                let rise = |line: usize| table[axis.cell(place, line)] - table[axis.cell(place - 1, line)];
                let worst = (0..axis.lines).map(|line| direction.sign() * rise(line)).fold(0.0, f64::min);
                let room = &mut self.0[axis.column][place];
                *room = (*room + worst).max(0.0);
            }
        }
    }

    /// Alters the step of pair `term` so that the score keeps the promises of both columns.
    pub(crate) fn keep_pair(
        &self,
        (term, pairs, tables): (usize, &[Candidate], &[Vec<f64>]),
        coarse: &[Coarse],
        sums: &[Pull],
        step: &mut [f32],
    ) {
        let axes = Axis::both(pairs[term], coarse);
        let promised = || axes.iter().filter_map(|axis| Some((axis, axis.coarse.monotone?)));
        if promised().next().is_none() {
            return;
        }
        let mut left = self.clone();
        for (place, (&pair, table)) in pairs.iter().zip(tables).enumerate() {
            let shares = promised().any(|(axis, _)| axis.column == pair.first || axis.column == pair.second);
            if place != term && shares {
                left.take(pair, coarse, table);
            }
        }
        // With the room added, what keeps the promise is what ascends.
        let mut room = vec![0.0; step.len()];
        for (axis, direction) in promised() {
            let mut upto = 0.0;
            for place in axis.coarse.first_ordered..axis.coarse.bins {
                upto += direction.sign() * left.0[axis.column][place];
                (0..axis.lines).for_each(|line| room[axis.cell(place, line)] += upto);
            }
        }
        let table = &tables[term];
        let mut next: Vec<f64> = (0..step.len()).map(|cell| table[cell] + f64::from(step[cell]) + room[cell]).collect();
        let turns = if promised().count() == 2 { TURNS } else { 1 };
        for _ in 0..turns {
            for (axis, direction) in promised() {
                (0..axis.lines).for_each(|line| pool(&mut next, sums, &axis.cells(line, direction)));
            }
        }
        // Pooling along one axis may disturb the other a little; the largest so far along both does not.
        for (axis, direction) in promised() {
            for line in 0..axis.lines {
                let cells = axis.cells(line, direction);
                cells.windows(2).for_each(|pair| next[pair[1]] = next[pair[1]].max(next[pair[0]]));
            }
        }
        step.iter_mut().enumerate().for_each(|(cell, step)| *step = (next[cell] - room[cell] - table[cell]) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::numeric::Stream;

    fn noise(stream: &mut Stream, count: usize) -> Vec<f64> {
        (0..count).map(|_| stream.below(2001) as f64 / 1000.0 - 1.0).collect()
    }

    fn coarse(bins: usize, first_ordered: usize, monotone: Option<Direction>) -> Coarse {
        Coarse { of_bin: (0..bins as u8).collect(), bins, first_ordered, monotone }
    }

    #[test]
    fn pooling_gives_the_nearest_ascending_values() {
        let mut stream = Stream::new(1);
        for _ in 0..200 {
            let values = noise(&mut stream, 7);
            let sums: Vec<Pull> = (0..7).map(|_| [0.0, 1.0 + stream.below(5) as f64]).collect();
            let mut pooled = values.clone();
            pool(&mut pooled, &sums, &[0, 1, 2, 3, 4, 5, 6]);
            // The slow twin: the largest over what begins before of the least over what ends after, of weighted means.
            for place in 0..7 {
                let mean = |from: usize, to: usize| {
                    let total: f64 = (from..=to).map(|at| sums[at][1]).sum();
                    (from..=to).map(|at| values[at] * sums[at][1]).sum::<f64>() / total
                };
                let least = |from: usize| (place..7).map(|to| mean(from, to)).fold(f64::INFINITY, f64::min);
                let slow = (0..=place).map(least).fold(f64::NEG_INFINITY, f64::max);
                assert!((pooled[place] - slow).abs() < 1e-12, "{values:?} {pooled:?}");
            }
        }
    }

    #[test]
    fn a_column_keeps_its_direction_and_its_unordered_bins_their_step() {
        let mut stream = Stream::new(2);
        let shape = Shape { bins: 9, first_ordered: 2, monotone: Some(Direction::Decreasing) };
        let mut table = vec![0.0; 9];
        for _ in 0..50 {
            let mut step: Vec<f32> = noise(&mut stream, 9).iter().map(|&value| value as f32).collect();
            let free = step.clone();
            keep_column(&table, &[[0.0, 1.0]; 9], shape, &mut step);
            assert_eq!(step[..2], free[..2]);
            table.iter_mut().zip(&step).for_each(|(value, &step)| *value += f64::from(step));
            assert!(table[2..].windows(2).all(|pair| pair[0] >= pair[1] - 1e-6), "{table:?}");
        }
    }

    #[test]
    fn pairs_fall_no_further_than_their_columns_rise() {
        let mut stream = Stream::new(3);
        let (up, down) = (Some(Direction::Increasing), Some(Direction::Decreasing));
        let columns = [coarse(6, 1, up), coarse(5, 1, down), coarse(4, 4, None)];
        let shapes: Vec<Shape> = columns
            .iter()
            .map(|of| Shape { bins: of.bins, first_ordered: of.first_ordered, monotone: of.monotone })
            .collect();
        let mains = [vec![9.0, 0.0, 0.5, 0.5, 1.5, 3.0], vec![-9.0, 2.0, 1.0, 1.0, 0.0], vec![0.0, 1.0, -1.0, 2.0]];
        let pairs = [(0, 1), (0, 2), (1, 2)].map(|(first, second)| Candidate { first, second });
        let mut tables: Vec<Vec<f64>> = vec![vec![0.0; 30], vec![0.0; 24], vec![0.0; 20]];
        let room = Room::new(&mains, &shapes, &columns);
        let (mut fallen, mut altered) = (0.0_f64, 0);
        for round in 0..300 {
            let term = round % 3;
            let cells = tables[term].len();
            let sums: Vec<Pull> = (0..cells).map(|_| [0.0, 1.0 + stream.below(3) as f64]).collect();
            let mut step: Vec<f32> = noise(&mut stream, cells).iter().map(|&value| value as f32).collect();
            let free = step.clone();
            room.keep_pair((term, &pairs, &tables), &columns, &sums, &mut step);
            altered += usize::from(step != free);
            tables[term].iter_mut().zip(&step).for_each(|(value, &step)| *value += f64::from(step));
            let score = |a: usize, b: usize, c: usize| {
                let joint = tables[0][a * 5 + b] + tables[1][a * 4 + c] + tables[2][b * 4 + c];
                mains[0][a] + mains[1][b] + mains[2][c] + joint
            };
            for (a, b, c) in (0..6).flat_map(|a| (0..5).flat_map(move |b| (0..4).map(move |c| (a, b, c)))) {
                assert!(a < 2 || score(a, b, c) >= score(a - 1, b, c) - 1e-5);
                assert!(b < 2 || score(a, b, c) <= score(a, b - 1, c) + 1e-5);
            }
            fallen =
                fallen.min((1..24).map(|cell| tables[1][cell] - tables[1][cell.saturating_sub(4)]).fold(0.0, f64::min));
        }
        assert!(altered > 250 && fallen < -0.4, "{altered} {fallen}");
    }
}
