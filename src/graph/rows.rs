//! What the row of every account tells by itself, in one pass over the rows.

use crate::graph::TransferGraph;
use crate::graph::classes::{DegreeSum, classes_of};
use crate::graph::features::Needs;
use crate::graph::lines::ACCOUNTS;
use crate::graph::stage::{put, runs};
use crate::graph::told::to_tell;
use crate::graph::weights::{DirectedDegrees, Tallied, Weighed};
use crate::parallel::{filled, for_each_chunk_mut};

/// What rows tell, a column each; empty ones were not asked for.
#[derive(Debug)]
pub(super) struct RowColumns {
    pub degree: Vec<u32>,
    /// The size classes of degrees.
    pub classes: Vec<u8>,
    pub directed: Vec<DirectedDegrees>,
    /// The degrees of all counterparties together; left to [`Lines`](super::lines::Lines) where these are made.
    pub neighbour_degrees: Vec<u64>,
    pub totals: Totals,
    /// Burt's constraint as far as nobody knows another: by count, by amount.
    pub constraints_alone: [Vec<f64>; 2],
}

/// The weights of all of each account's relations together, as they are told: by count, by amount; empty where not asked for.
#[derive(Debug)]
pub(super) struct Totals(pub [Vec<u32>; 2]);

/// The columns of a run of accounts.
struct Part<'a> {
    first: usize,
    len: usize,
    directed: &'a mut [DirectedDegrees],
    neighbour_degrees: &'a mut [u64],
    totals: [&'a mut [u32]; 2],
    constraints_alone: [&'a mut [f64]; 2],
}

impl RowColumns {
    pub fn of(graph: &TransferGraph, needs: Needs) -> Self {
        let accounts = graph.accounts();
        let len = |wanted: bool| if wanted { accounts } else { 0 };
        let ties = [needs.ties, needs.tie_amounts];
        let neighbour_degree = needs.neighbour_degree && !needs.corners();
        let mut columns = Self {
            degree: filled(accounts, 0),
            classes: classes_of(graph),
            directed: filled(len(needs.degrees), DirectedDegrees::default()),
            neighbour_degrees: filled(len(neighbour_degree), 0),
            totals: Totals(ties.map(|wanted| filled(len(wanted), 0))),
            constraints_alone: ties.map(|wanted| filled(len(wanted), 0.0)),
        };
        for_each_chunk_mut(&mut columns.degree, ACCOUNTS, |first, degrees| {
            degrees.iter_mut().zip(first..).for_each(|(degree, account)| *degree = graph.row(account).len() as u32);
        });
        if needs.degrees || neighbour_degree || needs.ties || needs.tie_amounts {
            columns.fill(graph, needs);
        }
        columns
    }

    fn fill(&mut self, graph: &TransferGraph, needs: Needs) {
        let (degree, classes) = (&self.degree[..], &self.classes[..]);
        let mut directed = runs(&mut self.directed, ACCOUNTS);
        let mut neighbour_degrees = runs(&mut self.neighbour_degrees, ACCOUNTS);
        let mut totals = self.totals.0.each_mut().map(|column| runs(column, ACCOUNTS));
        let mut constraints_alone = self.constraints_alone.each_mut().map(|column| runs(column, ACCOUNTS));
        let part = |first| Part {
            first,
            len: ACCOUNTS.min(degree.len() - first),
            directed: directed.next().unwrap_or_default(),
            neighbour_degrees: neighbour_degrees.next().unwrap_or_default(),
            totals: totals.each_mut().map(|runs| runs.next().unwrap_or_default()),
            constraints_alone: constraints_alone.each_mut().map(|runs| runs.next().unwrap_or_default()),
        };
        let mut parts: Vec<Part<'_>> = (0..degree.len()).step_by(ACCOUNTS).map(part).collect();
        for_each_chunk_mut(&mut parts, 1, |_, part| part[0].fill(graph, classes, degree, needs));
    }
}

impl Part<'_> {
    fn fill(&mut self, graph: &TransferGraph, classes: &[u8], degree: &[u32], needs: Needs) {
        let mut room = Vec::new();
        for at in 0..self.len {
            let row = graph.row(self.first + at);
            if let Some(degrees) = self.neighbour_degrees.get_mut(at) {
                let mut sum = DegreeSum::over(row.len(), &mut room);
                graph.neighbours[row.clone()].iter().for_each(|&other| sum.add(other, classes[other as usize]));
                *degrees = sum.finish(degree);
            }
            let tallied = Tallied::of(&graph.tallies[row.clone()]);
            put(self.directed, at, tallied.directed);
            if needs.ties {
                self.weigh(0, at, tallied.weighed(graph, row.clone()));
            }
            if needs.tie_amounts {
                self.weigh(1, at, Weighed::by_amount(graph, row));
            }
        }
    }

    #[inline]
    fn weigh(&mut self, kind: usize, at: usize, weighed: Weighed) {
        self.totals[kind][at] = to_tell(weighed.total);
        self.constraints_alone[kind][at] = weighed.constraint_alone();
    }
}
