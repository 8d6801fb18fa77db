//! The signals about how an account's transfers are spread over time, amounts and counterparties.

use crate::graph::temporal::{FEW, Legs, most_among_few, widest_in};
use crate::money::Scale;

use super::super::amounts;
use super::super::digits::amount_digits;
use super::super::shape::{self, DAY, Proof, shrink};
use super::super::signal::Signal;
use super::{Desk, Party};

/// A score with what proves it.
type Told = (Signal, f64, Vec<(f64, u32)>);

impl<L: Legs> Desk<'_, '_, L> {
    /// The signals about how the account's transfers are spread.
    pub(super) fn shape_signals(&mut self) {
        let (ctx, received, sent, keep) = (self.ctx, self.received, self.sent, self.keep);
        let as_of = ctx.as_of;
        let mut sizes = std::mem::take(&mut self.scratch.sizes);
        let sorting = &mut self.scratch.sorting;
        let by_size = [Signal::EqualAmounts, Signal::AmountDigits, Signal::OutOfScale]
            .into_iter()
            .any(|signal| ctx.config.looks_for(signal));
        amounts::sizes(if by_size { received } else { &[] }, &mut sizes[0], sorting);
        amounts::sizes(if by_size { sent } else { &[] }, &mut sizes[1], sorting);
        let sales = if self.received.iter().all(|leg| leg.amount_minor >= 0) {
            &sizes[0]
        } else {
            let [all, _, sales] = &mut sizes;
            amounts::without_refunds(received, all, sales);
            &sizes[2]
        };
        let told = |desk: &mut Self, signal: Signal, score: &mut dyn FnMut(Proof<'_>) -> f64| {
            if !ctx.config.looks_for(signal) {
                return;
            }
            let mut proof = Vec::new();
            let score = score(keep.then_some(&mut proof));
            desk.note(signal, score, proof);
        };
        if !received.is_empty() {
            let n = received.len();
            let through = &mut |proof: Proof<'_>| shape::pass_through(received, sent, DAY, proof) * shrink(n, 4.0);
            told(self, Signal::PassThrough, through);
            let first_seen: Vec<i64> = if self.has_history() {
                let first = |&number: &u32| {
                    let payer = self.scratch.payers[number as usize];
                    received[self.scratch.by_payer[payer.start as usize].1 as usize].at_seconds
                };
                self.scratch.payer_of.iter().map(first).collect()
            } else {
                Vec::new()
            };
            if !first_seen.is_empty() {
                told(self, Signal::PayerNovelty, &mut |proof: Proof<'_>| {
                    shape::novelty(received, as_of, |place| first_seen[place], proof)
                });
                told(self, Signal::PreApplicationLift, &mut |proof: Proof<'_>| {
                    shape::lift(received, as_of, ctx.config.recent_multiple, proof)
                });
            }
            told(self, Signal::EqualAmounts, &mut |proof: Proof<'_>| amounts::equal_amounts(received, sales, proof));
            told(self, Signal::AmountDigits, &mut |mut proof: Proof<'_>| amount_digits(received, sales, &mut proof));
            let unit = ten_major(ctx.config.scale);
            told(self, Signal::RoundAmounts, &mut |proof: Proof<'_>| amounts::round_amounts(received, unit, proof));
            let offset = i64::from(ctx.config.utc_offset.seconds());
            told(self, Signal::TimingRegularity, &mut |proof: Proof<'_>| shape::timing(received, offset, proof));
            let positive = self.positive;
            told(self, Signal::Refunds, &mut |proof: Proof<'_>| shape::refunds(received, positive, proof));
        }
        told(self, Signal::OutOfScale, &mut |mut proof: Proof<'_>| {
            let into = amounts::out_of_scale(received, &sizes[0], proof.as_deref_mut());
            into.max(amounts::out_of_scale(sent, &sizes[1], proof))
        });
        self.scratch.sizes = sizes;
        if ctx.config.looks_for(Signal::RepeatedTransfers) {
            let mut proof = Vec::new();
            let [payers, payees] =
                [&self.scratch.payers, &self.scratch.payees].map(|all| all.iter().map(Party::stretch));
            let by_payer = shape::repeated(received, &self.scratch.by_payer, payers, keep.then_some(&mut proof));
            let by_payee = shape::repeated(sent, &self.scratch.by_payee, payees, keep.then_some(&mut proof));
            self.note(Signal::RepeatedTransfers, by_payer.max(by_payee), proof);
        }
        self.burst_signals();
        self.own_circle();
    }

    pub(super) fn has_history(&self) -> bool {
        self.received.first().is_some_and(|first| self.ctx.as_of - first.at_seconds >= 3 * shape::BLOCK)
    }

    pub(super) fn burst_signals(&mut self) {
        /// Fewest counterparties that make a burst.
        const FEWEST: u32 = 3;
        let mut told: [Option<Told>; 2] = [None, None];
        let mut counts = std::mem::take(&mut self.scratch.counts);
        let sides = [
            (Signal::FanInBurst, self.received, &self.scratch.payer_of, self.scratch.payers.len()),
            (Signal::FanOutBurst, self.sent, &self.scratch.payee_of, self.scratch.payees.len()),
        ];
        for ((signal, list, numbers, all), told) in sides.into_iter().zip(&mut told) {
            if all < FEWEST as usize || !self.ctx.config.looks_for(signal) {
                continue;
            }
            let (many, within) = if self.keep || list.len() > FEW {
                counts.clear();
                counts.resize(all, 0);
                let best = widest_in(list, numbers, &mut counts, 2 * DAY);
                best.map_or((0, &list[..0]), |best| (best.counterparties, &list[best.first..=best.last]))
            } else {
                (most_among_few(list, numbers, 2 * DAY, FEWEST - 1), &list[..0])
            };
            if many < FEWEST {
                continue;
            }
            let score = f64::from(many) / all as f64 * shrink(many as usize, 5.0);
            let rows = within.iter().filter(|_| self.keep).map(|leg| (1.0, leg.row));
            *told = Some((signal, score, rows.collect()));
        }
        self.scratch.counts = counts;
        for (signal, score, proof) in told.into_iter().flatten() {
            self.note(signal, score, proof);
        }
    }

    /// Whether the largest payers deal with other payers, quiet ones: whom everybody knows makes no circle.
    pub(super) fn own_circle(&mut self) {
        /// Payers that are looked at.
        const LARGEST: usize = 10;
        let (Some(graph), Some(market)) = (self.ctx.graph, self.ctx.market) else { return };
        let payers = &self.scratch.payers;
        if payers.len() < 3 || !self.ctx.config.looks_for(Signal::OwnCircle) {
            return;
        }
        let most = payers.len().min(LARGEST);
        // The largest payers come first, the earlier of equals.
        let by_size = |number: u32| (std::cmp::Reverse(payers[number as usize].positive), number);
        let numbers = &mut self.scratch.numbers;
        let mut last_of_most = || {
            numbers.clear();
            numbers.extend(0..payers.len() as u32);
            by_size(*numbers.select_nth_unstable_by_key(most - 1, |&number| by_size(number)).1)
        };
        let mut last = None;
        let mut proof = Vec::new();
        let mut linked = 0;
        let (ties, peers) = (&market.closure.ties[graph.row(self.account as usize)], graph.neighbours(self.account));
        for (&account, _) in peers.iter().zip(ties).filter(|(_, tie)| tie.is_over_payer()) {
            let Ok(number) = payers.binary_search_by_key(&account, |payer| payer.account) else { continue };
            // Told when the first is asked for: most accounts have nobody of that kind.
            if by_size(number as u32) > *last.get_or_insert_with(&mut last_of_most) {
                continue;
            }
            linked += 1;
            if self.keep {
                let payer = payers[number];
                let places = &self.scratch.by_payer[payer.stretch()];
                let legs = places.iter().map(|&(_, place)| &self.received[place as usize]);
                proof.extend(legs.filter(|leg| leg.amount_minor > 0).map(|leg| (leg.amount_minor as f64, leg.row)));
            }
        }
        let score = f64::from(linked) / most as f64 * shrink(payers.len(), 5.0);
        self.note(Signal::OwnCircle, score, proof);
    }
}

fn ten_major(scale: Scale) -> i64 {
    10 * scale.minor_per_major()
}
