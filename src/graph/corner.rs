//! One account, and every triangle at it: what the triangles add up to.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::csr::Tally;
use crate::graph::features::Needs;

/// Shares are squared in units of 2^-61, because whole numbers have the same sum in any order.
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

/// What reaches an account and a counterparty through a third one that both know, over all of the third one's dealings:
/// `c_iq c_jq / W_q`. The sum over all such `q` belongs to the relation, from whichever end it is seen. It never exceeds the
/// lesser total of the two, and is added up as a whole number of such a part of it that 61 bits hold the most there can be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit(u64);

impl Unit {
    /// The unit of the relation of two accounts, by one over their totals.
    #[inline]
    pub fn of(inverse: f64, other: f64) -> Self {
        Self(inverse.max(other).to_bits() >> 52)
    }

    /// What comes through one account, in whole units.
    #[inline]
    pub fn through(self, first: f64, second: f64, inverse: f64) -> u64 {
        (first * second * inverse * f64::from_bits((self.0 + 61) << 52)) as u64
    }

    /// The sum as a number, 2^61 times what it stands for.
    #[inline]
    pub fn number(self, sum: u64) -> f64 {
        sum as f64 * f64::from_bits((2046 - self.0) << 52)
    }
}

/// The square of a relation's share together with what comes through others, in units of 2^-122, as far as it exceeds the
/// square of the share alone; `through` as [`Unit::number`] gives it.
#[inline]
pub(super) fn square_beyond(share: f64, through: f64, inverse: f64) -> u128 {
    let (share, tie) = (u128::from(whole(share)), u128::from((through * inverse) as u64));
    tie * (2 * share + tie)
}

/// The square of a share in units of 2^-122.
#[inline]
pub(super) fn square(share: f64) -> u128 {
    u128::from(whole(share)).pow(2)
}

/// The sum of squares as a number; not a number of no shares.
pub(super) fn of_squares(sum: u128) -> f64 {
    if sum == 0 { f64::NAN } else { sum as f64 / (TIE * TIE) }
}

/// Burt's constraint under way, by one kind of weight.
#[derive(Debug, Default)]
struct Ties {
    /// One over the account's total.
    inverse: f64,
    /// Weight of each relation.
    weights: Vec<f64>,
    /// One over each counterparty's own total; not a number until it is needed.
    others: Vec<f64>,
    /// What reaches each counterparty through the others.
    through: Vec<u64>,
}

impl Ties {
    fn begin(&mut self, inverse: f64, weights: impl Iterator<Item = f64>) {
        self.inverse = inverse;
        self.weights.clear();
        self.weights.extend(weights);
        self.others.clear();
        self.others.resize(self.weights.len(), f64::NAN);
        self.through.clear();
        self.through.resize(self.weights.len(), 0);
    }

    #[inline]
    fn triangle(&mut self, a: usize, b: usize, weight: f64, inverse: impl Fn(usize) -> f64) {
        for place in [a, b] {
            if self.others[place].is_nan() {
                self.others[place] = inverse(place);
            }
        }
        let (other_a, other_b) = (self.others[a], self.others[b]);
        self.through[a] += Unit::of(self.inverse, other_a).through(self.weights[b], weight, other_b);
        self.through[b] += Unit::of(self.inverse, other_b).through(self.weights[a], weight, other_a);
    }

    fn finish(&self) -> f64 {
        let mut sum = 0;
        for ((&weight, &through), &other) in self.weights.iter().zip(&self.through).zip(&self.others) {
            let share = weight * self.inverse;
            sum += square(share);
            if through > 0 {
                sum += square_beyond(share, Unit::of(self.inverse, other).number(through), self.inverse);
            }
        }
        of_squares(sum)
    }
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

fn whole(share: f64) -> u64 {
    (share * TIE) as u64
}

/// The weight of a relation by transfers either way.
pub(super) fn count_weight(graph: &TransferGraph, slot: usize) -> f64 {
    graph.counts(slot).total() as f64
}

impl Ego {
    /// Begins with the account whose row is `row`.
    pub fn begin(&mut self, graph: &TransferGraph, row: Range<usize>, needs: Needs) {
        let degree = row.len();
        self.needs = needs;
        self.row = row.clone();
        self.sum = Corner::default();
        if needs.ties {
            let weights = row.clone().map(|slot| count_weight(graph, slot));
            self.by_count.begin(inverse_count(graph, row.clone()), weights);
        }
        if needs.tie_amounts {
            let weights = row.clone().map(|slot| amount_weight(graph, slot));
            self.by_amount.begin(inverse_amount(graph, row), weights);
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
