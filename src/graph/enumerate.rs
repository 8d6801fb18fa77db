//! Every triangle, by whichever way suits the shape of the graph.
//!
//! Where accounts point to few others (payments between people and shops), each fits a line of the cache: [`count`] and
//! [`corners`](super::corners). Where many point to hundreds (a dense core), the rows of the core are in cache anyway:
//! [`dense`] and [`marked`](super::marked).

use std::ops::Range;

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::classes::classes_of;
use crate::graph::corner::Corner;
use crate::graph::corners::{Work, corners};
use crate::graph::count;
use crate::graph::dense;
use crate::graph::features::Needs;
use crate::graph::lines::{ACCOUNTS, Beside, Lines};
use crate::graph::marked::{Marking, marked};
use crate::graph::orient::{Load, Oriented};
use crate::graph::rows::RowColumns;
use crate::graph::stage::{put, runs};
use crate::graph::weights::{Weighed, Weights};
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;

/// Wedges a relation up to which accounts count as pointing to few others.
const FEW: u64 = 16;

/// What the triangles of every account come to, as far as it was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CornerColumns {
    pub triangles: Vec<u64>,
    payer_pairs: Vec<[u64; 2]>,
    kinds: Vec<[u64; 4]>,
    constraint: Vec<f64>,
    constraint_amount: Vec<f64>,
    alters: Vec<[u32; 2]>,
}

/// The columns of a run of accounts; empty ones were not asked for.
pub(super) struct CornerPart<'a> {
    pub len: usize,
    triangles: &'a mut [u64],
    payer_pairs: &'a mut [[u64; 2]],
    kinds: &'a mut [[u64; 4]],
    constraint: &'a mut [f64],
    constraint_amount: &'a mut [f64],
    alters: &'a mut [[u32; 2]],
}

impl CornerColumns {
    /// Constraints begin with what they are as far as nobody knows another.
    fn of(accounts: usize, needs: Needs, [constraint, constraint_amount]: [Vec<f64>; 2]) -> Self {
        let len = |wanted: bool| if wanted { accounts } else { 0 };
        Self {
            triangles: vec![0; accounts],
            payer_pairs: vec![[0; 2]; len(needs.payers)],
            kinds: vec![[0; 4]; len(needs.kinds)],
            constraint,
            constraint_amount,
            alters: vec![[0; 2]; len(needs.alters)],
        }
    }

    /// Nothing but triangles.
    pub fn of_triangles(triangles: Vec<u64>) -> Self {
        Self { triangles, ..Self::default() }
    }

    /// The columns cut into runs of `width` accounts.
    pub fn parts(&mut self, width: usize) -> Vec<CornerPart<'_>> {
        let mut payer_pairs = runs(&mut self.payer_pairs, width);
        let mut kinds = runs(&mut self.kinds, width);
        let mut constraint = runs(&mut self.constraint, width);
        let mut constraint_amount = runs(&mut self.constraint_amount, width);
        let mut alters = runs(&mut self.alters, width);
        self.triangles
            .chunks_mut(width)
            .map(|triangles| CornerPart {
                len: triangles.len(),
                triangles,
                payer_pairs: payer_pairs.next().unwrap_or_default(),
                kinds: kinds.next().unwrap_or_default(),
                constraint: constraint.next().unwrap_or_default(),
                constraint_amount: constraint_amount.next().unwrap_or_default(),
                alters: alters.next().unwrap_or_default(),
            })
            .collect()
    }

    /// What is known of one account; nothing, and not a number, where it was not asked for.
    pub fn get(&self, account: usize) -> Corner {
        Corner {
            triangles: self.triangles.get(account).copied().unwrap_or_default(),
            payer_pairs: self.payer_pairs.get(account).copied().unwrap_or_default(),
            kinds: self.kinds.get(account).copied().unwrap_or_default(),
            constraint: self.constraint.get(account).copied().unwrap_or(f64::NAN),
            constraint_amount: self.constraint_amount.get(account).copied().unwrap_or(f64::NAN),
            alters: self.alters.get(account).copied().unwrap_or_default(),
        }
    }
}

impl CornerPart<'_> {
    /// The constraint of an account as far as nobody knows another, by count and by amount; not a number where it was not
    /// asked for.
    #[inline]
    pub fn constraints_alone(&self, at: usize) -> [f64; 2] {
        [&self.constraint, &self.constraint_amount].map(|column| column.get(at).copied().unwrap_or(f64::NAN))
    }

    pub fn set(&mut self, at: usize, corner: &Corner) {
        self.triangles[at] = corner.triangles;
        put(self.payer_pairs, at, corner.payer_pairs);
        put(self.kinds, at, corner.kinds);
        put(self.constraint, at, corner.constraint);
        put(self.constraint_amount, at, corner.constraint_amount);
        put(self.alters, at, corner.alters);
    }
}

/// Whether the lines of accounts are the shorter way.
fn suits_lines(graph: &TransferGraph, lines: &Lines) -> bool {
    lines.wedges <= graph.relations() * FEW
}

/// Triangles of every account.
pub(super) fn triangles_of_all(graph: &TransferGraph, progress: Progress<'_>) -> Result<Vec<u64>> {
    progress.step("orienting relations", 0, 1)?;
    let lines = Lines::of(graph, &classes_of(graph), Beside::Nothing);
    if suits_lines(graph, &lines) {
        return count::count(&lines, graph.accounts(), progress);
    }
    drop(lines);
    dense::count(graph, &Oriented::of(graph, Load::Nothing), progress)
}

/// What the triangles of every account come to. The degrees of neighbours are added up on the way, where they are asked for.
pub(super) fn corners_of_all(
    graph: &TransferGraph,
    rows: &mut RowColumns,
    needs: Needs,
    progress: Progress<'_>,
) -> Result<CornerColumns> {
    progress.step("orienting relations", 0, 1)?;
    let mut columns = CornerColumns::of(graph.accounts(), needs, std::mem::take(&mut rows.constraints_alone));
    let beside = if needs.tie_amounts { Beside::TalliesAndAmounts } else { Beside::Tallies };
    let mut lines = Lines::with(graph, &rows.classes, needs.neighbour_degree.then_some(&rows.degree), beside);
    rows.neighbour_degrees = lines.take_neighbour_degrees();
    if suits_lines(graph, &lines) {
        // What is told stays below three times the graph itself.
        let most = graph.bytes() / size_of::<u32>() * 3 + (1 << 24);
        let work = Work { graph, buckets: lines.buckets, totals: &rows.totals, needs };
        if corners(work, lines, &mut columns.parts(work.buckets.width()), most, progress)? {
            return Ok(columns);
        }
    } else {
        drop(lines);
    }
    let load = if needs.tie_amounts { Load::TalliesAndAmounts } else { Load::Tallies };
    let (oriented, weights) = (Oriented::of(graph, load), weights(graph, needs));
    marked(Marking { graph, oriented: &oriented, weights: &weights, needs }, &mut columns, progress)?;
    Ok(columns)
}

fn weights(graph: &TransferGraph, needs: Needs) -> Weights {
    let weigh = |wanted: bool, weigh: fn(&TransferGraph, Range<usize>) -> Weighed| {
        let mut all = vec![0.0; if wanted { graph.accounts() } else { 0 }];
        for_each_chunk_mut(&mut all, ACCOUNTS, |first, all| {
            let inverse = |account| weigh(graph, graph.row(account)).inverse();
            all.iter_mut().zip(first..).for_each(|(value, account)| *value = inverse(account));
        });
        all
    };
    Weights { by_count: weigh(needs.ties, Weighed::by_count), by_amount: weigh(needs.tie_amounts, Weighed::by_amount) }
}
