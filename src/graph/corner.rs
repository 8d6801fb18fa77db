//! One account, and every triangle at it: what the triangles add up to.

use std::ops::Range;

use crate::graph::TransferGraph;
use crate::graph::components::Components;
use crate::graph::features::Needs;
use crate::graph::kinds::{add_up, ways};
use crate::graph::weights::{Weighed, amount_weight, count_weight};
use crate::graph::wide::whole_below;

/// Shares are told in units of 2^-61, because whole numbers have the same sum in any order.
const TIE: f64 = (1u64 << 61) as f64;

/// The relation between a counterparty of an account and the one at `place` of its row.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Link {
    pub place: u32,
    /// Which [`ways`] money went, as the first of the two sees it.
    pub ways: u32,
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

/// What reaches an account and a counterparty through a third one that both know, over all of the third one's dealings:
/// `c_iq c_jq / W_q`. The sum over all such `q` belongs to the relation, from whichever end it is seen. It never exceeds the
/// lesser total of the two, and is added up as a whole number of such a part of it that 61 bits hold the most there can be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit(u64);

impl Unit {
    /// The unit of the relation of two accounts, by one over their totals.
    #[inline]
    pub fn of(inverse: f64, other: f64) -> Self {
        let exponent = |inverse: f64| inverse.to_bits() >> 52;
        Self(exponent(inverse).max(exponent(other)))
    }

    /// What comes through one account, in whole units.
    #[inline]
    pub fn through(self, first: f64, second: f64, inverse: f64) -> u64 {
        in_units(first * second * inverse * self.scale())
    }

    /// Units of one.
    #[inline]
    pub fn scale(self) -> f64 {
        f64::from_bits((self.0 + 61) << 52)
    }

    /// The unit of which there are so many in one.
    #[inline]
    pub fn of_scale(scale: f64) -> Self {
        Self((scale.to_bits() >> 52) - 61)
    }

    /// The sum as a number, 2^61 times what it stands for; 62 bits hold it too.
    #[inline]
    pub fn number(self, sum: u64) -> f64 {
        sum.cast_signed() as f64 * f64::from_bits((2046 - self.0) << 52)
    }
}

/// The whole number below, which 62 bits hold.
#[inline]
fn in_units(number: f64) -> u64 {
    whole_below(number).cast_unsigned()
}

/// The square of a relation's share together with what comes through others, in units of 2^-122, as far as it exceeds the
/// square of the share alone; `through` as [`Unit::number`] gives it.
#[inline]
pub(super) fn square_beyond(share: f64, through: f64, inverse: f64) -> u128 {
    let (share, tie) = (whole(share), in_units(through * inverse));
    u128::from(tie) * u128::from(2 * share + tie)
}

/// A sum of what [`square_beyond`] gives, as a number.
pub(super) fn beyond(sum: u128) -> f64 {
    sum as f64 / (TIE * TIE)
}

/// A relation of the account whose constraint is under way.
#[derive(Debug, Clone, Copy, Default)]
struct Tie {
    weight: f64,
    /// One over the counterparty's own total.
    other: f64,
    /// Units of one for what comes through others.
    scale: f64,
    through: u64,
}

/// Burt's constraint under way, by one kind of weight.
#[derive(Debug, Default)]
pub(super) struct Ties {
    /// One over the account's total.
    inverse: f64,
    /// Its constraint as far as nobody knows another.
    alone: f64,
    /// By place in the row; what is left of earlier accounts at places that are not known.
    all: Vec<Tie>,
}

impl Ties {
    /// Begins with an account that has so many relations.
    pub fn begin(&mut self, inverse: f64, alone: f64, relations: usize) {
        (self.inverse, self.alone) = (inverse, alone);
        self.all.resize(self.all.len().max(relations), Tie::default());
    }

    /// The relation at `place`: its weight, and one over the counterparty's total. Needed of those in a triangle alone.
    #[inline]
    pub fn know(&mut self, place: usize, weight: f64, other: f64) {
        self.all[place] = Tie { weight, other, scale: Unit::of(self.inverse, other).scale(), through: 0 };
    }

    /// The triangles with the counterparty at place `a` and those at the places of `links`, of such weights.
    #[inline]
    pub fn meet(&mut self, a: usize, links: impl Iterator<Item = (usize, f64)>) {
        let Tie { weight: weight_a, other: other_a, scale: scale_a, mut through } = self.all[a];
        for (b, weight) in links {
            let tie = &mut self.all[b];
            through += in_units(tie.weight * weight * tie.other * scale_a);
            tie.through += in_units(weight_a * weight * other_a * tie.scale);
        }
        self.all[a].through = through;
    }

    /// One triangle with the counterparties at two places, whose relation has such a weight.
    #[inline]
    pub fn meet_one(&mut self, [a, b]: [u32; 2], weight: f64) {
        self.meet(a as usize, std::iter::once((b as usize, weight)));
    }

    /// Burt's constraint of the account, whose relations at `known` places are in a triangle.
    pub fn finish(&self, known: impl Iterator<Item = usize>) -> f64 {
        let mut sum = 0;
        known.map(|place| &self.all[place]).filter(|tie| tie.through > 0).for_each(|tie| {
            let number = Unit::of_scale(tie.scale).number(tie.through);
            sum += square_beyond(tie.weight * self.inverse, number, self.inverse);
        });
        self.alone + beyond(sum)
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
    /// Ways of the triangles under way.
    ways: Vec<u8>,
    /// The counterparties, joined where they know each other.
    components: Components,
    acquainted: Vec<bool>,
}

fn whole(share: f64) -> u64 {
    in_units(share * TIE)
}

impl Ego {
    /// Begins with the account whose row is `row`; `others` tells one over the total of the counterparty at a place, by count
    /// and by amount, which only those in a triangle need.
    pub fn begin(
        &mut self,
        graph: &TransferGraph,
        row: Range<usize>,
        needs: Needs,
        others: [&dyn Fn(usize) -> f64; 2],
    ) {
        let degree = row.len();
        let [by_count, by_amount] = others;
        self.needs = needs;
        self.row = row.clone();
        self.sum = Corner::default();
        if needs.ties {
            let weighed = Weighed::by_count(graph, row.clone());
            self.by_count.begin(weighed.inverse(), weighed.constraint_alone(), degree);
            for (place, slot) in row.clone().enumerate() {
                self.by_count.know(place, count_weight(graph, slot), by_count(place));
            }
        }
        if needs.tie_amounts {
            let weighed = Weighed::by_amount(graph, row.clone());
            self.by_amount.begin(weighed.inverse(), weighed.constraint_alone(), degree);
            for (place, slot) in row.clone().enumerate() {
                self.by_amount.know(place, amount_weight(graph, slot), by_amount(place));
            }
        }
        if needs.alters {
            self.components.begin(degree);
            self.acquainted.clear();
            self.acquainted.resize(degree, false);
        }
    }

    /// Adds the triangles with the counterparty at place `a` of the row and those it is linked to.
    pub fn meet(&mut self, graph: &TransferGraph, a: usize, links: &[Link]) {
        let needs = self.needs;
        self.sum.triangles += links.len() as u64;
        if needs.payers || needs.kinds {
            let tallies = &graph.tallies[self.row.clone()];
            let with_a = ways(tallies[a]);
            let of = |link: &Link| (with_a | ways(tallies[link.place as usize]) << 2 | link.ways << 4) as u8;
            self.ways.clear();
            self.ways.extend(links.iter().map(of));
            let mut sums = [0; 6];
            add_up(&mut sums, &self.ways, |&ways| u32::from(ways));
            let [payers, one_sided, kinds @ ..] = sums;
            self.sum.payer_pairs[0] += payers;
            self.sum.payer_pairs[1] += one_sided;
            self.sum.kinds.iter_mut().zip(kinds).for_each(|(sum, kind)| *sum += kind);
        }
        if needs.ties {
            self.by_count.meet(a, links.iter().map(|link| (link.place as usize, link.count)));
        }
        if needs.tie_amounts {
            self.by_amount.meet(a, links.iter().map(|link| (link.place as usize, link.amount)));
        }
        // Nothing is left to join where all know each other.
        if needs.alters && !self.components.is_whole() {
            for link in links {
                self.acquainted[a] = true;
                self.acquainted[link.place as usize] = true;
                self.components.join(a as u32, link.place);
            }
        }
    }

    /// What the triangles came to.
    pub fn finish(&mut self) -> Corner {
        if self.needs.ties {
            self.sum.constraint = self.by_count.finish(0..self.row.len());
        }
        if self.needs.tie_amounts {
            self.sum.constraint_amount = self.by_amount.finish(0..self.row.len());
        }
        if self.needs.alters {
            let acquainted = self.acquainted.iter().map(|&acquainted| u32::from(acquainted)).sum();
            self.sum.alters = [acquainted, self.row.len() as u32 - self.components.joined()];
        }
        self.sum
    }
}
