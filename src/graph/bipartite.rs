//! What is left to measure where only payer-to-merchant transfers are seen: butterflies instead of triangles.
//!
//! Accounts are ranked by degree, either role by itself. A butterfly is found once, from its highest rank: two steps down
//! to every account reached by way of lower ones, counting the ways. After Wang, Lin, Qin, Zhang and Zhang, "Vertex priority
//! based butterfly counting" (VLDB 2019).

use std::ops::Range;

use crate::error::{Error, Result};
use crate::graph::TransferGraph;
use crate::graph::lines::ACCOUNTS;
use crate::graph::stage::in_runs;
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::progress::Progress;

/// Ranks between two looks at whether to stop.
const RUN: usize = 256;

/// Butterflies around every account: what [`bipartite_structure`] gives.
///
/// Payers on one side, payees on the other, an account that does both on either. A *butterfly* is two payers who both pay
/// the same two payees.
#[derive(Debug, Clone, PartialEq)]
pub struct BipartiteStructure {
    butterflies: [Vec<u64>; 2],
    /// Ways from an account over a counterparty to another account of its own role, over those from its other counterparties.
    paths: [Vec<f64>; 2],
}

/// The side of a transfer an account is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It pays.
    Payer,
    /// It is paid.
    Payee,
}

impl BipartiteStructure {
    /// Number of accounts.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.butterflies[0].len()
    }

    /// Butterflies that hold the account, in either role.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn butterflies(&self, account: usize) -> u64 {
        self.butterflies[0][account] + self.butterflies[1][account]
    }

    /// Butterflies that hold the account in one role.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn butterflies_as(&self, role: Role, account: usize) -> u64 {
        self.butterflies[role as usize][account]
    }

    /// Share of paths of three relations through the account that a fourth closes: for a shop, how often a customer `p` is
    /// also a customer where another customer of the shop goes besides; not a number where there is no such path.
    ///
    /// The node's part of Robins and Alexander's (2004) clustering of two-mode networks.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn clustering_as(&self, role: Role, account: usize) -> f64 {
        let paths = self.paths[role as usize][account];
        if paths > 0.0 { 2.0 * self.butterflies_as(role, account) as f64 / paths } else { f64::NAN }
    }
}

/// Payers and payees as one graph of two sides, renamed by rank: fewest counterparties first.
struct Ranked {
    offsets: Vec<usize>,
    /// Counterparties by rank, ascending.
    targets: Vec<u32>,
    /// The account and role of each rank, as `account << 1 | role`.
    names: Vec<u64>,
}

impl Ranked {
    fn of(graph: &TransferGraph, degrees: &[[u32; 2]]) -> Result<Self> {
        let accounts = graph.accounts();
        let mut order: Vec<u128> = Vec::new();
        for (account, degrees) in degrees.iter().enumerate() {
            for (role, &degree) in degrees.iter().enumerate() {
                if degree > 0 {
                    order.push(u128::from(degree) << 64 | (account as u128) << 1 | role as u128);
                }
            }
        }
        if order.len() > u32::MAX as usize {
            return Err(Error::overflow("payers and payees together", "at most 4,294,967,295"));
        }
        order.sort_unstable();
        let names: Vec<u64> = order.iter().map(|&key| key as u64).collect();
        drop(order);
        let mut ranks = vec![[0u32; 2]; accounts];
        for (rank, &name) in names.iter().enumerate() {
            ranks[(name >> 1) as usize][(name & 1) as usize] = rank as u32;
        }
        let mut offsets = vec![0usize];
        let mut end = 0;
        for &name in &names {
            end += degrees[(name >> 1) as usize][(name & 1) as usize] as usize;
            offsets.push(end);
        }
        let mut targets = vec![0u32; end];
        let mut runs: Vec<(usize, &mut [u32])> = Vec::new();
        let mut rest = &mut targets[..];
        for first in (0..names.len()).step_by(ACCOUNTS) {
            let (run, after) = rest.split_at_mut(offsets[(first + ACCOUNTS).min(names.len())] - offsets[first]);
            rest = after;
            runs.push((first, run));
        }
        for_each_chunk_mut(&mut runs, 1, |_, run| {
            let (first, targets) = &mut run[0];
            let mut at = 0;
            for &name in &names[*first..(*first + ACCOUNTS).min(names.len())] {
                let (account, role) = ((name >> 1) as usize, (name & 1) as usize);
                let start = at;
                for slot in graph.row(account) {
                    let tally = graph.tallies[slot];
                    if [tally.sent, tally.received][role] > 0 {
                        targets[at] = ranks[graph.neighbours[slot] as usize][1 - role];
                        at += 1;
                    }
                }
                targets[start..at].sort_unstable();
            }
        });
        Ok(Self { offsets, targets, names })
    }

    fn row(&self, rank: usize) -> &[u32] {
        &self.targets[self.offsets[rank]..self.offsets[rank + 1]]
    }

    /// Those of a row that rank below `rank`.
    fn below(&self, row: usize, rank: usize) -> impl Iterator<Item = usize> {
        self.row(row).iter().map(|&target| target as usize).take_while(move |&target| target < rank)
    }
}

/// Counters of one thread.
struct Space {
    ways: Vec<u32>,
    met: Vec<u32>,
    sums: Vec<u64>,
}

/// Counts butterflies around every account, exactly.
///
/// ```
/// use dandelion_credit::graph::{GraphConfig, Role, TransferGraph, bipartite_structure};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// // Customers 0 and 1 both pay shops 3 and 4; customer 2 pays shop 4 only.
/// let columns = TransferColumns::of_pairs(&[0, 0, 1, 1, 2], &[3, 4, 3, 4, 4]);
/// let graph = TransferGraph::build(&columns, 5, &GraphConfig::default(), Progress::silent()).unwrap();
/// let found = bipartite_structure(&graph, Progress::silent()).unwrap();
/// assert_eq!((0..5).map(|account| found.butterflies(account)).collect::<Vec<_>>(), [1, 1, 0, 1, 1]);
/// assert_eq!(found.clustering_as(Role::Payee, 3), 1.0);
/// assert_eq!(found.clustering_as(Role::Payee, 4), 0.5);
/// assert!(found.clustering_as(Role::Payer, 3).is_nan());
/// ```
///
/// # Errors
/// [`Error::is_cancelled`] when `progress` asks to stop.
///
/// # Complexity
/// The sum over relations of the lesser degree of the two accounts, at most relations times arboricity: neither a shop with
/// millions of customers nor a complete bipartite core is worse.
pub fn bipartite_structure(graph: &TransferGraph, progress: Progress<'_>) -> Result<BipartiteStructure> {
    let accounts = graph.accounts();
    // Payees of the payer, payers of the payee.
    let degrees: Vec<[u32; 2]> = map_chunks(accounts, ACCOUNTS, |range: Range<usize>| {
        let degrees = |account| {
            graph.tallies[graph.row(account)].iter().fold([0u32; 2], |[outs, ins], tally| {
                [outs + u32::from(tally.sent > 0), ins + u32::from(tally.received > 0)]
            })
        };
        range.map(degrees).collect::<Vec<[u32; 2]>>()
    })
    .concat();
    progress.step("ranking payers and payees", 0, 1)?;
    let ranked = Ranked::of(graph, &degrees)?;
    let total = ranked.names.len();
    let fresh = || Space { ways: vec![0; total], met: Vec::new(), sums: vec![0; total] };
    let find = |run: Range<usize>, space: &mut Space| run.for_each(|rank| from_highest(&ranked, rank, space));
    let mut butterflies = [vec![0u64; accounts], vec![0u64; accounts]];
    for space in in_runs("counting butterflies", total, RUN, progress, fresh, find)? {
        for (&name, sum) in ranked.names.iter().zip(&space.sums) {
            butterflies[(name & 1) as usize][(name >> 1) as usize] += sum;
        }
    }
    let paths = [0, 1].map(|role: usize| {
        map_chunks(accounts, ACCOUNTS, |range| {
            range.map(|account| paths_through(graph, &degrees, account, role)).collect::<Vec<f64>>()
        })
        .concat()
    });
    Ok(BipartiteStructure { butterflies, paths })
}

/// All butterflies whose highest rank is `rank`, credited to their four corners.
fn from_highest(ranked: &Ranked, rank: usize, space: &mut Space) {
    let Space { ways, met, sums } = space;
    for middle in ranked.below(rank, rank) {
        for end in ranked.below(middle, rank) {
            if ways[end] == 0 {
                met.push(end as u32);
            }
            ways[end] += 1;
        }
    }
    if met.iter().any(|&end| ways[end as usize] > 1) {
        for middle in ranked.below(rank, rank) {
            let through: u64 = ranked.below(middle, rank).map(|end| u64::from(ways[end] - 1)).sum();
            sums[middle] += through;
        }
    }
    for end in met.drain(..) {
        let found = u64::from(std::mem::take(&mut ways[end as usize]));
        sums[end as usize] += found * (found - 1) / 2;
        sums[rank] += found * (found - 1) / 2;
    }
}

fn paths_through(graph: &TransferGraph, degrees: &[[u32; 2]], account: usize, role: usize) -> f64 {
    let onward: u64 = graph
        .row(account)
        .filter(|&slot| [graph.tallies[slot].sent, graph.tallies[slot].received][role] > 0)
        .map(|slot| u64::from(degrees[graph.neighbours[slot] as usize][1 - role]) - 1)
        .sum();
    onward as f64 * f64::from(degrees[account][role].saturating_sub(1))
}
