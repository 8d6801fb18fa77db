//! One account, and every triangle at it: what the triangles add up to.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::csr::Tally;
use crate::graph::features::Needs;

/// Shares of ties are added up in units of 2^-61, because whole numbers have the same sum in any order.
const TIE: f64 = (1u64 << 61) as f64;

/// The relation between two counterparties `a` and `b` of an account.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Link {
    pub a_pays: bool,
    pub b_pays: bool,
    pub count: f64,
    pub amount: f64,
}

/// What all triangles at an account come to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Corner {
    pub triangles: u64,
    /// Linked pairs of payers, and of payers that are not payees.
    pub payer_pairs: [u64; 2],
    /// Cycle, middleman, in, out.
    pub kinds: [u64; 4],
    pub constraint: f64,
    pub constraint_amount: f64,
    /// Counterparties acquainted with another one, and components among the counterparties.
    pub alters: [u32; 2],
}

/// One over the weight of all of each account's relations.
#[derive(Debug, Default)]
pub(super) struct Weights {
    pub by_count: Vec<f64>,
    pub by_amount: Vec<f64>,
    /// Whether they lie by place in the row of the one account looked at, and not by account.
    pub by_place: bool,
}

/// The weight of a relation by amount: what went either way, refunds taken off, never below nothing.
pub(super) fn amount_weight(graph: &TransferGraph, slot: usize) -> f64 {
    graph.amounts.as_ref().map_or(0.0, |column| {
        let [sent, received] = column[slot];
        (i128::from(sent) + i128::from(received)).max(0) as f64
    })
}

pub(super) fn inverse_count(graph: &TransferGraph, row: Range<usize>) -> f64 {
    1.0 / row.map(|slot| graph.counts(slot).total()).sum::<u64>() as f64
}

pub(super) fn inverse_amount(graph: &TransferGraph, row: Range<usize>) -> f64 {
    // Whole minor units below 2^63 in all, so an exact sum fits and has no order.
    let sum: i128 = row.map(|slot| amount_weight(graph, slot) as i128).sum();
    if sum == 0 { 0.0 } else { 1.0 / sum as f64 }
}

/// Burt's constraint under way, by one kind of weight.
#[derive(Debug, Default)]
struct Ties {
    /// Share of each relation in the account's total.
    shares: Vec<f64>,
    /// The share over the counterparty's own total; not a number until it is needed.
    pulls: Vec<f64>,
    /// What reaches each counterparty through the others.
    ties: Vec<i64>,
}

impl Ties {
    fn begin(&mut self, shares: impl Iterator<Item = f64>) {
        self.shares.clear();
        self.shares.extend(shares);
        self.pulls.clear();
        self.pulls.resize(self.shares.len(), f64::NAN);
        self.ties.clear();
        self.ties.resize(self.shares.len(), 0);
    }

    #[inline]
    fn pull(&mut self, place: usize, inverse: impl Fn(usize) -> f64) -> f64 {
        if self.pulls[place].is_nan() {
            self.pulls[place] = self.shares[place] * inverse(place) * TIE;
        }
        self.pulls[place]
    }

    #[inline]
    fn triangle(&mut self, a: usize, b: usize, weight: f64, inverse: impl Fn(usize) -> f64) {
        self.ties[a] += (self.pull(b, &inverse) * weight) as i64;
        self.ties[b] += (self.pull(a, &inverse) * weight) as i64;
    }

    fn finish(&self) -> f64 {
        squares(self.shares.iter().zip(&self.ties).map(|(&share, &tie)| whole(share) + tie))
    }
}

/// The sum of squares of shares in units of 2^-61, exact and so the same in any order; not a number of no shares.
fn squares(shares: impl Iterator<Item = i64>) -> f64 {
    let sum: u128 = shares.map(|share| u128::from(share.unsigned_abs()).pow(2)).sum();
    if sum == 0 { f64::NAN } else { sum as f64 / (TIE * TIE) }
}

/// The workspace of one account at a time.
#[derive(Debug, Default)]
pub(super) struct Ego {
    needs: Needs,
    row: Range<usize>,
    sum: Corner,
    by_count: Ties,
    by_amount: Ties,
    /// Union-find over the counterparties.
    parents: Vec<u32>,
    acquainted: Vec<bool>,
    unions: u32,
}

fn whole(share: f64) -> i64 {
    (share * TIE) as i64
}

fn count_shares(graph: &TransferGraph, row: Range<usize>) -> impl Iterator<Item = f64> {
    let inverse = inverse_count(graph, row.clone());
    row.map(move |slot| graph.counts(slot).total() as f64 * inverse)
}

fn amount_shares(graph: &TransferGraph, row: Range<usize>) -> impl Iterator<Item = f64> {
    let inverse = inverse_amount(graph, row.clone());
    row.map(move |slot| amount_weight(graph, slot) * inverse)
}

impl Ego {
    /// An account without triangles, at once.
    pub fn alone(graph: &TransferGraph, row: Range<usize>, needs: Needs) -> Corner {
        let constraint = if needs.ties { squares(count_shares(graph, row.clone()).map(whole)) } else { 0.0 };
        let constraint_amount =
            if needs.tie_amounts { squares(amount_shares(graph, row.clone()).map(whole)) } else { 0.0 };
        Corner { constraint, constraint_amount, alters: [0, row.len() as u32], ..Corner::default() }
    }

    /// Begins with the account whose row is `row`.
    pub fn begin(&mut self, graph: &TransferGraph, row: Range<usize>, needs: Needs) {
        let degree = row.len();
        self.needs = needs;
        self.row = row.clone();
        self.sum = Corner::default();
        if needs.ties {
            self.by_count.begin(count_shares(graph, row.clone()));
        }
        if needs.tie_amounts {
            self.by_amount.begin(amount_shares(graph, row));
        }
        if needs.alters {
            self.unions = 0;
            self.parents.clear();
            self.parents.extend(0..degree as u32);
            self.acquainted.clear();
            self.acquainted.resize(degree, false);
        }
    }

    /// Adds the triangle with the counterparties at places `a` and `b` of the row.
    #[inline]
    pub fn triangle(&mut self, graph: &TransferGraph, weights: &Weights, a: usize, b: usize, link: Link) {
        let needs = self.needs;
        self.sum.triangles += 1;
        if needs.payers || needs.kinds {
            self.kinds(graph.tallies[self.row.start + a], graph.tallies[self.row.start + b], link);
        }
        let start = self.row.start;
        let at = |place: usize| if weights.by_place { place } else { graph.neighbours[start + place] as usize };
        if needs.ties {
            self.by_count.triangle(a, b, link.count, |place| weights.by_count[at(place)]);
        }
        if needs.tie_amounts {
            self.by_amount.triangle(a, b, link.amount, |place| weights.by_amount[at(place)]);
        }
        if needs.alters {
            self.acquainted[a] = true;
            self.acquainted[b] = true;
            let (root_a, root_b) = (self.root(a as u32), self.root(b as u32));
            if root_a != root_b {
                self.parents[root_a.max(root_b) as usize] = root_a.min(root_b);
                self.unions += 1;
            }
        }
    }

    #[inline]
    fn kinds(&mut self, with_a: Tally, with_b: Tally, link: Link) {
        let (to_a, from_a) = (with_a.sent > 0, with_a.received > 0);
        let (to_b, from_b) = (with_b.sent > 0, with_b.received > 0);
        self.sum.payer_pairs[0] += u64::from(from_a & from_b);
        self.sum.payer_pairs[1] += u64::from(from_a & from_b & !to_a & !to_b);
        let kinds = kinds_of(to_a, from_a, to_b, from_b, link.a_pays, link.b_pays);
        for (sum, kind) in self.sum.kinds.iter_mut().zip(kinds) {
            *sum += kind;
        }
    }

    #[inline]
    fn root(&mut self, mut at: u32) -> u32 {
        while self.parents[at as usize] != at {
            let up = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = up;
            at = up;
        }
        at
    }

    /// What the triangles came to.
    pub fn finish(&mut self) -> Corner {
        if self.needs.ties {
            self.sum.constraint = self.by_count.finish();
        }
        if self.needs.tie_amounts {
            self.sum.constraint_amount = self.by_amount.finish();
        }
        if self.needs.alters {
            let acquainted = self.acquainted.iter().map(|&acquainted| u32::from(acquainted)).sum();
            self.sum.alters = [acquainted, self.row.len() as u32 - self.unions];
        }
        self.sum
    }
}

/// Fagiolo's four kinds of directed triangles at an account, each of two ways around: cycle, middleman, in, out.
#[inline]
pub(super) fn kinds_of(to_a: bool, from_a: bool, to_b: bool, from_b: bool, a_pays: bool, b_pays: bool) -> [u64; 4] {
    let both = |one: bool, other: bool| u64::from(one) + u64::from(other);
    [
        both(to_a & a_pays & from_b, to_b & b_pays & from_a),
        both(to_a & b_pays & from_b, to_b & a_pays & from_a),
        both(from_a & a_pays & from_b, from_b & b_pays & from_a),
        both(to_a & a_pays & to_b, to_b & b_pays & to_a),
    ]
}
