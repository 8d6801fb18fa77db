//! The structure around one account, without touching the rest.

use std::ops::Range;

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::graph::TransferGraph;
use crate::graph::corner::{Ego, Link};
use crate::graph::egonet::EgonetFit;
use crate::graph::features::{StructureConfig, StructureFeature};
use crate::graph::kinds::ways;
use crate::graph::structure::Measured;
use crate::graph::weights::{Tallied, Weighed, Weights, amount_weight, count_weight};

/// The structure around one account: what [`account_structure`] gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccountStructure {
    config: StructureConfig,
    measured: Measured,
}

impl AccountStructure {
    /// One measure; not a number where it is undefined, was not asked for, or needs the whole population.
    #[must_use]
    pub fn value(&self, feature: StructureFeature) -> f64 {
        if self.config.wants(feature) { self.measured.value(feature) } else { f64::NAN }
    }
}

/// Measures the structure around one account, bit for bit as [`structure()`](super::structure()) does.
///
/// Two measures need the whole population: the core number, which is not a number here, and the egonet residual, which is
/// there when the caller hands in the `egonet` line of an earlier run over everybody
/// ([`Structure::egonet`](super::Structure::egonet)).
///
/// ```
/// use dandelion_credit::graph::{GraphConfig, StructureConfig, StructureFeature, TransferGraph, account_structure};
/// use dandelion_credit::{AccountIndex, Progress, TransferColumns};
///
/// let columns = TransferColumns::of_pairs(&[0, 1, 2, 0], &[1, 2, 0, 3]);
/// let graph = TransferGraph::build(&columns, 4, &GraphConfig::default(), Progress::silent()).unwrap();
/// let one = account_structure(&graph, AccountIndex::new(0), &StructureConfig::default(), None).unwrap();
/// assert_eq!(one.value(StructureFeature::Triangles), 1.0);
/// assert_eq!(one.value(StructureFeature::UnacquaintedShare), 1.0 / 3.0);
/// ```
///
/// # Errors
/// [`Error::is_unknown`] when the graph has no such account.
///
/// # Complexity
/// For each counterparty of degree `d`, the least of `d log k`, `k log d` and `k + d`, `k` being the account's own degree:
/// a neighbouring hub costs no more than `k` look-ups. Weights add the degrees of those counterparties that know another.
pub fn account_structure(
    graph: &TransferGraph,
    account: AccountIndex,
    config: &StructureConfig,
    egonet: Option<EgonetFit>,
) -> Result<AccountStructure> {
    if account.as_usize() >= graph.accounts() {
        return Err(Error::unknown("account", account));
    }
    let mut needs = config.needs();
    needs.tie_amounts &= graph.has_amounts();
    let row = graph.row(account.as_usize());
    let neighbours = &graph.neighbours[row.clone()];
    let mut found: Vec<(u32, u32, usize)> = Vec::new();
    if needs.triangles || needs.corners() {
        for (a, &low) in neighbours.iter().enumerate() {
            common(graph, neighbours, low, |b, slot| {
                // Each pair once, from its lower place.
                if b > a {
                    found.push((a as u32, b as u32, slot));
                }
            });
        }
    }
    let mut ego = Ego::default();
    let weights = weights(graph, neighbours, &found, [needs.ties, needs.tie_amounts]);
    ego.begin(graph, row.clone(), needs, [&|place| weights.by_count[place], &|place| weights.by_amount[place]]);
    let mut links: Vec<Link> = Vec::new();
    for found in found.chunk_by(|one, other| one.0 == other.0) {
        links.clear();
        links.extend(found.iter().map(|&(_, place, slot)| Link {
            place,
            ways: ways(graph.tallies[slot]),
            count: count_weight(graph, slot),
            amount: if needs.tie_amounts { amount_weight(graph, slot) } else { 0.0 },
        }));
        ego.meet(graph, found[0].0 as usize, &links);
    }
    let mut corner = ego.finish();
    for (wanted, value) in [(needs.ties, &mut corner.constraint), (needs.tie_amounts, &mut corner.constraint_amount)] {
        if !wanted {
            *value = f64::NAN;
        }
    }
    let neighbour_degrees =
        if needs.neighbour_degree { neighbours.iter().map(|&other| graph.degree(other) as u64).sum() } else { 0 };
    let measured = Measured {
        degree: row.len() as u32,
        directed: Tallied::of(&graph.tallies[row]).directed,
        corner,
        core: None,
        neighbour_degrees,
        egonet,
    };
    Ok(AccountStructure { config: *config, measured })
}

/// Hands `meet` the place in `neighbours`, and the slot in the row of `other`, of everybody both know.
fn common(graph: &TransferGraph, neighbours: &[u32], other: u32, mut meet: impl FnMut(usize, usize)) {
    let row = graph.row(other as usize);
    let theirs = &graph.neighbours[row.clone()];
    let (k, d) = (neighbours.len(), theirs.len());
    let log = |n: usize| n.max(2).ilog2() as usize + 1;
    if k * log(d) < d {
        for (place, mutual) in neighbours.iter().enumerate() {
            if let Ok(at) = theirs.binary_search(mutual) {
                meet(place, row.start + at);
            }
        }
    } else if d * log(k) < k {
        for (at, mutual) in theirs.iter().enumerate() {
            if let Ok(place) = neighbours.binary_search(mutual) {
                meet(place, row.start + at);
            }
        }
    } else {
        let (mut place, mut at) = (0, 0);
        while place < k && at < d {
            if neighbours[place] == theirs[at] {
                meet(place, row.start + at);
            }
            let (mine, its) = (neighbours[place], theirs[at]);
            place += usize::from(mine <= its);
            at += usize::from(its <= mine);
        }
    }
}

/// The weights of those counterparties that are in a triangle, by place in the row; the others are never looked at.
fn weights(graph: &TransferGraph, neighbours: &[u32], found: &[(u32, u32, usize)], wanted: [bool; 2]) -> Weights {
    let mut acquainted = vec![false; neighbours.len()];
    for &(a, b, _) in found {
        acquainted[a as usize] = true;
        acquainted[b as usize] = true;
    }
    let weigh = |wanted: bool, weigh: fn(&TransferGraph, Range<usize>) -> Weighed| {
        let one = |(&other, &acquainted): (&u32, &bool)| {
            if acquainted { weigh(graph, graph.row(other as usize)).inverse() } else { 0.0 }
        };
        if wanted { neighbours.iter().zip(&acquainted).map(one).collect() } else { Vec::new() }
    };
    Weights { by_count: weigh(wanted[0], Weighed::by_count), by_amount: weigh(wanted[1], Weighed::by_amount) }
}
