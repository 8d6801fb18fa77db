//! Walking trees fast: values become places among the thresholds, and rows walk a tree side by side.
//!
//! A value's code is the number of its column's thresholds that lie below it, so a step down a tree compares two small
//! whole numbers, and a missing value is one below or above all others. Codes of a block of rows stay in the first-level
//! cache while all trees pass over them. Where QuickScorer (Lucchese and others, SIGIR 2015) marks leaves by bit masks,
//! trees of fewer than some hundred leaves walk as fast this way and may have any number.

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::exchange::trees::MissingRule;
use crate::scorecard::exchange::trees::Node;
use crate::scorecard::exchange::trees::Raw;
use crate::scorecard::table::Column;
use crate::scorecard::table::Values;

/// Rows whose codes are in the first-level cache together.
const BLOCK: usize = 512;

/// Rows that walk a tree side by side.
const ABREAST: usize = 8;

/// Cells of a grid for each threshold.
const CELLS_PER_THRESHOLD: usize = 8;

/// Cells of a grid, at most.
const MOST_CELLS: usize = 1 << 14;

/// Thresholds in one cell that are counted one by one; more are searched.
const COUNTED: usize = 6;

/// A node ready to walk: siblings lie side by side, a leaf leads to itself.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    left: u32,
    plane: u16,
    /// Codes above go right.
    limit: u16,
}

/// One tree in the list of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tree {
    root: u32,
    /// Steps to the nearest and to the farthest leaf.
    shallow: u32,
    deep: u32,
}

/// The trees and the codes they read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Compiled {
    grids: Vec<Grid>,
    /// Where the codes of a column are written: with the missing values below all others, and above.
    planes: Vec<[Option<u16>; 2]>,
    width: usize,
    steps: Vec<Step>,
    values: Vec<f64>,
    trees: Vec<Tree>,
}

/// A monotone map from numbers to cells.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spacing {
    /// Cells of one width.
    Even { origin: f64, scale: f64 },
    /// Cells of one relative width: the upper bits of the number.
    Relative { origin: u64, shift: u32 },
}

/// The thresholds of a column and, for every cell, how many of them lie before it.
#[derive(Debug, Clone, PartialEq)]
struct Grid {
    thresholds: Vec<f64>,
    spacing: Spacing,
    before: Vec<u16>,
    /// Thresholds in one cell, at most.
    most: usize,
}

/// The bits of a number in the order of the numbers.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

impl Spacing {
    fn cell(self, value: f64, last: usize) -> usize {
        match self {
            Self::Even { origin, scale } => ((value - origin) * scale).clamp(0.0, last as f64) as usize,
            Self::Relative { origin, shift } => {
                (ordered(value).saturating_sub(origin) >> shift).min(last as u64) as usize
            }
        }
    }
}

impl Default for Grid {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Grid {
    fn new(mut thresholds: Vec<f64>) -> Self {
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        let cells = (thresholds.len() * CELLS_PER_THRESHOLD).next_power_of_two().min(MOST_CELLS);
        let finite = || thresholds.iter().copied().filter(|threshold| threshold.is_finite());
        let (low, high) = (finite().next().unwrap_or(0.0), finite().next_back().unwrap_or(0.0));
        let scale = cells as f64 / (high - low);
        let even = Spacing::Even { origin: low, scale: if scale.is_finite() { scale } else { 0.0 } };
        let span = ordered(high) - ordered(low);
        let shift = (0..64).find(|&shift| (span >> shift) < cells as u64).unwrap_or(63);
        let relative = Spacing::Relative { origin: ordered(low), shift };
        let [even, relative] = [even, relative].map(|spacing| Self::spaced(thresholds.clone(), spacing, cells));
        if relative.most < even.most { relative } else { even }
    }

    fn spaced(thresholds: Vec<f64>, spacing: Spacing, cells: usize) -> Self {
        let mut before = vec![0_u16; cells + 1];
        for &threshold in &thresholds {
            before[spacing.cell(threshold, cells - 1) + 1] += 1;
        }
        let most = before.iter().copied().max().unwrap_or(0).into();
        for cell in 0..cells {
            before[cell + 1] += before[cell];
        }
        Self { thresholds, spacing, before, most }
    }

    /// How many thresholds lie below a number. Cells are monotone, so only those of its own cell are in doubt.
    fn code(&self, value: f64) -> usize {
        let cell = self.spacing.cell(value, self.before.len() - 2);
        let first = usize::from(self.before[cell]);
        if self.most <= COUNTED {
            let near = &self.thresholds[first..self.thresholds.len().min(first + self.most)];
            return first + near.iter().filter(|&&threshold| threshold < value).count();
        }
        let near = &self.thresholds[first..usize::from(self.before[cell + 1])];
        first + near.partition_point(|&threshold| threshold < value)
    }
}

/// A code in as few bytes as its column needs.
pub(super) trait Code: Copy + Default + Into<u16> {
    fn of(code: usize) -> Self;
}

impl Code for u8 {
    fn of(code: usize) -> Self {
        code as u8
    }
}

impl Code for u16 {
    fn of(code: usize) -> Self {
        code as u16
    }
}

impl Compiled {
    pub(super) fn new(raw: &Raw) -> Result<Self> {
        let mut thresholds: Vec<Vec<f64>> = vec![Vec::new(); raw.names.len()];
        let mut compiled = Self { planes: vec![[None; 2]; raw.names.len()], ..Self::default() };
        for (place, tree) in raw.trees.iter().enumerate() {
            let at = |error: Error| error.at(format!("tree {place}"));
            for node in tree {
                match node.leaf {
                    Some(value) if value.is_finite() => {}
                    Some(value) => return Err(at(Error::invalid("leaf", value, "finite"))),
                    None => {
                        let list = thresholds.get_mut(node.column as usize);
                        let list = list.ok_or_else(|| at(Error::unknown("column", node.column)))?;
                        if node.threshold.is_nan() {
                            return Err(at(Error::invalid("threshold", node.threshold, "a number")));
                        }
                        list.push(node.threshold);
                        let plane = &mut compiled.planes[node.column as usize][usize::from(!node.missing_left)];
                        if plane.is_none() {
                            let next = u16::try_from(compiled.width);
                            *plane = Some(next.map_err(|_| Error::overflow("columns split on", "32,767"))?);
                            compiled.width += 1;
                        }
                    }
                }
            }
        }
        for (list, name) in thresholds.into_iter().zip(&raw.names) {
            let grid = Grid::new(list);
            if grid.thresholds.len() > 65_000 {
                return Err(Error::overflow(format!("thresholds of {name}"), "65,000"));
            }
            compiled.grids.push(grid);
        }
        for (place, tree) in raw.trees.iter().enumerate() {
            compiled.add(tree).map_err(|error| error.at(format!("tree {place}")))?;
        }
        Ok(compiled)
    }

    /// Lays a tree out breadth first. Refuses trees whose nodes are reached twice.
    fn add(&mut self, tree: &[Node]) -> Result<()> {
        let root = self.steps.len();
        let mut queue: Vec<(u32, u32)> = vec![(0, 0)];
        let (mut next, mut shallow, mut deep) = (0, u32::MAX, 0);
        while let Some(&(from, depth)) = queue.get(next) {
            let here = root + next;
            next += 1;
            let node = tree.get(from as usize).ok_or_else(|| Error::unknown("node", from))?;
            if queue.len() > tree.len() {
                return Err(Error::invalid("tree", "a node is reached twice", "every node has one parent"));
            }
            if let Some(value) = node.leaf {
                (shallow, deep) = (shallow.min(depth), deep.max(depth));
                self.steps.push(Step { left: here as u32, plane: 0, limit: u16::MAX });
                self.values.push(value);
                continue;
            }
            let column = node.column as usize;
            let thresholds = &self.grids[column].thresholds;
            let limit = thresholds.partition_point(|&threshold| threshold < node.threshold) as u16;
            let plane = self.planes[column][usize::from(!node.missing_left)].unwrap_or(0);
            self.steps.push(Step { left: (root + queue.len()) as u32, plane, limit });
            self.values.push(0.0);
            queue.extend([(node.left, depth + 1), (node.right, depth + 1)]);
        }
        self.trees.push(Tree { root: root as u32, shallow, deep });
        Ok(())
    }

    /// Adds the leaves that rows of a table fall into, tree by tree, to their sums.
    pub(super) fn add_leaves(&self, raw: &Raw, columns: &[&Column<'_>], first: usize, sums: &mut [f64]) {
        if self.grids.iter().all(|grid| grid.thresholds.len() <= usize::from(u8::MAX)) {
            self.add_leaves_coded::<u8>(raw, columns, first, sums);
        } else {
            self.add_leaves_coded::<u16>(raw, columns, first, sums);
        }
    }

    fn add_leaves_coded<C: Code>(&self, raw: &Raw, columns: &[&Column<'_>], first: usize, sums: &mut [f64]) {
        let mut codes = vec![C::default(); BLOCK * self.width];
        for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
            let first = first + block * BLOCK;
            let rows = first..first + sums.len();
            for (place, column) in columns.iter().enumerate() {
                match &column.values {
                    Values::F32(values) => {
                        let values = values[rows.clone()].iter().map(|&value| f64::from(value));
                        self.encode(place, raw.missing[place], values, &mut codes);
                    }
                    Values::F64(values) if raw.single => {
                        let values = values[rows.clone()].iter().map(|&value| f64::from(value as f32));
                        self.encode(place, raw.missing[place], values, &mut codes);
                    }
                    Values::F64(values) => {
                        let values = values[rows.clone()].iter().copied();
                        self.encode(place, raw.missing[place], values, &mut codes);
                    }
                    Values::Nominal { .. } => {}
                }
            }
            for &tree in &self.trees {
                self.walk(tree, &codes[..sums.len() * self.width], sums);
            }
        }
    }

    /// Writes the codes of one column for a block of rows that lie one after the other.
    fn encode<C: Code>(&self, column: usize, rule: MissingRule, values: impl Iterator<Item = f64>, codes: &mut [C]) {
        let grid = &self.grids[column];
        let [below, above] = self.planes[column];
        if below.is_none() && above.is_none() {
            return;
        }
        for (value, codes) in values.zip(codes.chunks_exact_mut(self.width)) {
            let value = match rule {
                MissingRule::Nan => value,
                MissingRule::NanIsZero => {
                    if value.is_nan() {
                        0.0
                    } else {
                        value
                    }
                }
                MissingRule::ZeroOrNan => {
                    if value.abs() <= 1e-35 {
                        f64::NAN
                    } else {
                        value
                    }
                }
            };
            let code = grid.code(value);
            if let Some(plane) = below {
                codes[usize::from(plane)] = C::of(if value.is_nan() { 0 } else { code });
            }
            if let Some(plane) = above {
                codes[usize::from(plane)] = C::of(if value.is_nan() { grid.thresholds.len() } else { code });
            }
        }
    }

    fn step<C: Code>(&self, at: &mut u32, row: &[C]) {
        let step = self.steps[*at as usize];
        *at = step.left + u32::from(row[usize::from(step.plane)].into() > step.limit);
    }

    fn walk<C: Code>(&self, tree: Tree, codes: &[C], sums: &mut [f64]) {
        if tree.deep == 0 {
            let value = self.values[tree.root as usize];
            sums.iter_mut().for_each(|sum| *sum += value);
            return;
        }
        let whole = sums.len() / ABREAST * ABREAST;
        let (abreast, rest) = sums.split_at_mut(whole);
        for (sums, codes) in abreast.chunks_exact_mut(ABREAST).zip(codes.chunks_exact(ABREAST * self.width)) {
            let rows: [&[C]; ABREAST] = std::array::from_fn(|row| &codes[row * self.width..(row + 1) * self.width]);
            let mut at = [tree.root; ABREAST];
            for _ in 0..tree.shallow {
                at.iter_mut().zip(rows).for_each(|(at, row)| self.step(at, row));
            }
            for _ in tree.shallow..tree.deep {
                let before = at;
                at.iter_mut().zip(rows).for_each(|(at, row)| self.step(at, row));
                if at == before {
                    break;
                }
            }
            sums.iter_mut().zip(at).for_each(|(sum, at)| *sum += self.values[at as usize]);
        }
        for (sum, row) in rest.iter_mut().zip(codes[whole * self.width..].chunks_exact(self.width)) {
            let mut at = tree.root;
            (0..tree.deep).for_each(|_| self.step(&mut at, row));
            *sum += self.values[at as usize];
        }
    }
}
