//! Evaluating trees fast: values become places among the thresholds, and a tree is answered for hundreds of rows at once.
//!
//! A value's code is the number of its column's thresholds that lie below it, so a split compares two small whole
//! numbers, and a missing value lies below or above all others. A small tree is answered from its leaves up: at every
//! split each row of a block takes the answer of the left or of the right side, without a branch and sixteen rows to an
//! instruction. That costs the number of splits, as the bit masks of QuickScorer do (Lucchese and others, SIGIR 2015),
//! and no more than a row's path in a tree of a hundred leaves. Larger trees are walked, eight rows side by side.

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::exchange::trees::MissingRule;
use crate::scorecard::exchange::trees::Node;
use crate::scorecard::exchange::trees::Raw;
use crate::scorecard::table::Column;
use crate::scorecard::table::Values;

/// Rows answered together; their codes are in the first-level cache.
const BLOCK: usize = 256;

/// Rows that walk a tree side by side.
const ABREAST: usize = 8;

/// Leaves of a tree that is answered from its leaves up, at most, in codes of two bytes.
const MOST_LEAVES: usize = 1024;

/// Answers that wait for their sibling, at most: one for each doubling of the leaves.
const WAITING: usize = 12;

/// Splits that are answered for all rows in the time that one step of a walk takes.
const SPLITS_PER_STEP: usize = 16;

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

/// Which answers a split chooses from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Choice {
    /// Two leaves.
    Leaves { left: u16, right: u16 },
    /// A leaf, and the last answer on the right.
    LeafOrLast { left: u16 },
    /// The last answer on the left, and a leaf.
    LastOrLeaf { right: u16 },
    /// The answer before the last on the left, the last on the right.
    Sides,
    /// The same the other way round.
    SidesSwapped,
}

/// A split ready to be answered for all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Split {
    plane: u16,
    /// Codes above go right.
    limit: u16,
    choice: Choice,
}

/// One tree in the lists of steps, splits and leaves.
#[derive(Debug, Clone, PartialEq)]
struct Tree {
    root: u32,
    /// Steps to the nearest and to the farthest leaf.
    shallow: u32,
    deep: u32,
    /// From the leaves up; empty for a tree that is walked.
    splits: Vec<Split>,
    leaves: Vec<f64>,
}

/// The trees and the codes they read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Compiled {
    grids: Vec<Grid>,
    /// Where the codes of a column are written: with the missing values below all others, and above.
    planes: Vec<[Option<u16>; 2]>,
    width: usize,
    /// Whether one byte holds every code.
    narrow: bool,
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
trait Code: Copy + Default + Into<u16> {
    fn of(code: usize) -> Self;

    /// `right` for codes above the limit, else `left`; by bit masks, which compilers turn into wide instructions where
    /// they leave a condition between three arrays alone (15 times slower).
    fn choose(self, limit: Self, left: Self, right: Self) -> Self;
}

impl Code for u8 {
    fn of(code: usize) -> Self {
        code as u8
    }

    #[inline]
    fn choose(self, limit: Self, left: Self, right: Self) -> Self {
        left ^ ((left ^ right) & Self::from(self > limit).wrapping_neg())
    }
}

impl Code for u16 {
    fn of(code: usize) -> Self {
        code as u16
    }

    #[inline]
    fn choose(self, limit: Self, left: Self, right: Self) -> Self {
        left ^ ((left ^ right) & Self::from(self > limit).wrapping_neg())
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
        compiled.narrow = compiled.grids.iter().all(|grid| grid.thresholds.len() <= usize::from(u8::MAX));
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
        let mut tree = Tree { root: root as u32, shallow, deep, splits: Vec::new(), leaves: Vec::new() };
        let splits = queue.len() / 2;
        let (most, worth) = if self.narrow { (256, SPLITS_PER_STEP) } else { (MOST_LEAVES, SPLITS_PER_STEP / 2) };
        if splits > 0 && splits < most && splits <= worth * deep as usize {
            self.split(tree.root, &mut tree);
        }
        self.trees.push(tree);
        Ok(())
    }

    fn is_leaf(&self, at: u32) -> bool {
        self.steps[at as usize].left == at
    }

    /// How many answers wait at once below a node, the side that needs more being answered first.
    fn waiting(&self, at: u32) -> usize {
        if self.is_leaf(at) {
            return 0;
        }
        let left = self.steps[at as usize].left;
        let (a, b) = (self.waiting(left), self.waiting(left + 1));
        if a == b { a + 1 } else { a.max(b) }
    }

    /// Lists the splits below a node, children first.
    fn split(&self, at: u32, tree: &mut Tree) {
        let Step { left, plane, limit } = self.steps[at as usize];
        let right = left + 1;
        let leaf = |at: u32, tree: &mut Tree| {
            tree.leaves.push(self.values[at as usize]);
            tree.leaves.len() as u16 - 1
        };
        let choice = match (self.is_leaf(left), self.is_leaf(right)) {
            (true, true) => Choice::Leaves { left: leaf(left, tree), right: leaf(right, tree) },
            (true, false) => {
                self.split(right, tree);
                Choice::LeafOrLast { left: leaf(left, tree) }
            }
            (false, true) => {
                self.split(left, tree);
                Choice::LastOrLeaf { right: leaf(right, tree) }
            }
            (false, false) if self.waiting(left) >= self.waiting(right) => {
                self.split(left, tree);
                self.split(right, tree);
                Choice::Sides
            }
            (false, false) => {
                self.split(right, tree);
                self.split(left, tree);
                Choice::SidesSwapped
            }
        };
        tree.splits.push(Split { plane, limit, choice });
    }

    /// Adds the leaves that rows of a table fall into, tree by tree, to their sums, rounding each sum as the source does.
    pub(super) fn add_leaves(&self, raw: &Raw, columns: &[&Column<'_>], first: usize, sums: &mut [f64]) {
        if self.narrow {
            self.add_leaves_coded::<u8>(raw, columns, first, sums);
        } else {
            self.add_leaves_coded::<u16>(raw, columns, first, sums);
        }
    }

    fn add_leaves_coded<C: Code>(&self, raw: &Raw, columns: &[&Column<'_>], first: usize, sums: &mut [f64]) {
        let mut codes = vec![[C::default(); BLOCK]; self.width];
        let mut answers = [[C::default(); BLOCK]; WAITING];
        for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
            let first = first + block * BLOCK;
            let rows = first..first + sums.len();
            for (place, column) in columns.iter().enumerate() {
                match &column.values {
                    Values::F32(values) => {
                        let values = values[rows.clone()].iter().map(|&value| f64::from(value));
                        self.encode(place, raw.missing[place], &values, &mut codes);
                    }
                    Values::F64(values) if raw.single => {
                        let values = values[rows.clone()].iter().map(|&value| f64::from(value as f32));
                        self.encode(place, raw.missing[place], &values, &mut codes);
                    }
                    Values::F64(values) => {
                        let values = values[rows.clone()].iter().copied();
                        self.encode(place, raw.missing[place], &values, &mut codes);
                    }
                    Values::Nominal { .. } => {}
                }
            }
            for tree in &self.trees {
                if tree.splits.is_empty() {
                    self.walk(tree, &codes, raw.single, sums);
                    continue;
                }
                let leaves = answer(&tree.splits, &codes, &mut answers);
                let leaves = leaves.iter().map(|&leaf| tree.leaves[usize::from(leaf.into())]);
                add(raw.single, sums, leaves);
            }
        }
    }

    /// Writes the codes of one column for a block of rows.
    fn encode<C: Code>(
        &self,
        column: usize,
        rule: MissingRule,
        values: &(impl Iterator<Item = f64> + Clone),
        codes: &mut [[C; BLOCK]],
    ) {
        let grid = &self.grids[column];
        let missing = [0, grid.thresholds.len()];
        let read = |value: f64| match rule {
            MissingRule::NanIsZero if value.is_nan() => 0.0,
            MissingRule::ZeroOrNan if value.abs() <= 1e-35 => f64::NAN,
            _ => value,
        };
        for (plane, missing) in self.planes[column].into_iter().zip(missing) {
            let Some(plane) = plane else { continue };
            for (code, value) in codes[usize::from(plane)].iter_mut().zip(values.clone()) {
                let value = read(value);
                *code = C::of(if value.is_nan() { missing } else { grid.code(value) });
            }
        }
    }

    fn walk<C: Code>(&self, tree: &Tree, codes: &[[C; BLOCK]], single: bool, sums: &mut [f64]) {
        for (group, sums) in sums.chunks_mut(ABREAST).enumerate() {
            let mut at = [tree.root; ABREAST];
            for depth in 0..tree.deep {
                let before = at;
                for (row, at) in at.iter_mut().enumerate() {
                    let step = self.steps[*at as usize];
                    let code = codes[usize::from(step.plane)][group * ABREAST + row];
                    *at = step.left + u32::from(code.into() > step.limit);
                }
                if depth >= tree.shallow && at == before {
                    break;
                }
            }
            add(single, sums, at.into_iter().map(|at| self.values[at as usize]));
        }
    }
}

/// Adds leaves to sums. In single precision the sum of two numbers is rounded once: double precision holds it well enough
/// for rounding it again to change nothing.
fn add(single: bool, sums: &mut [f64], leaves: impl Iterator<Item = f64>) {
    if single {
        sums.iter_mut().zip(leaves).for_each(|(sum, leaf)| *sum = f64::from((*sum + leaf) as f32));
    } else {
        sums.iter_mut().zip(leaves).for_each(|(sum, leaf)| *sum += leaf);
    }
}

/// The leaf of every row of a block, by place in the tree's leaves.
fn answer<'a, C: Code>(
    splits: &[Split],
    codes: &[[C; BLOCK]],
    answers: &'a mut [[C; BLOCK]; WAITING],
) -> &'a [C; BLOCK] {
    let mut waiting = 0;
    for split in splits {
        let (code, limit) = (&codes[usize::from(split.plane)], C::of(split.limit.into()));
        match split.choice {
            Choice::Leaves { left, right } => {
                let (left, right) = (C::of(left.into()), C::of(right.into()));
                for (answer, &code) in answers[waiting].iter_mut().zip(code) {
                    *answer = code.choose(limit, left, right);
                }
                waiting += 1;
            }
            Choice::LeafOrLast { left } => {
                let left = C::of(left.into());
                for (answer, &code) in answers[waiting - 1].iter_mut().zip(code) {
                    *answer = code.choose(limit, left, *answer);
                }
            }
            Choice::LastOrLeaf { right } => {
                let right = C::of(right.into());
                for (answer, &code) in answers[waiting - 1].iter_mut().zip(code) {
                    *answer = code.choose(limit, *answer, right);
                }
            }
            Choice::Sides | Choice::SidesSwapped => {
                waiting -= 1;
                let (before, last) = answers.split_at_mut(waiting);
                let (before, last) = (&mut before[waiting - 1], &last[0]);
                if split.choice == Choice::Sides {
                    for ((answer, &last), &code) in before.iter_mut().zip(last).zip(code) {
                        *answer = code.choose(limit, *answer, last);
                    }
                } else {
                    for ((answer, &last), &code) in before.iter_mut().zip(last).zip(code) {
                        *answer = code.choose(limit, last, *answer);
                    }
                }
            }
        }
    }
    &answers[0]
}
