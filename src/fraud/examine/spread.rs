//! The signals about how an account's transfers are spread over time, amounts and counterparties.

use crate::graph::temporal::{Legs, widest_in};
use crate::money::Scale;

use super::super::closure::BUSY;
use super::super::shape::{self, DAY, Proof, prove, shrink};
use super::super::signal::Signal;
use super::Desk;

/// A score with what proves it.
type Told = (Signal, f64, Vec<(f64, u32)>);

impl<L: Legs> Desk<'_, '_, L> {
    /// The signals about how the account's transfers are spread.
    pub(super) fn shape_signals(&mut self) {
        let (ctx, received, sent, keep) = (self.ctx, self.received, self.sent, self.keep);
        let as_of = ctx.as_of;
        let mut amounts = std::mem::take(&mut self.scratch.amounts);
        let mut numbers = std::mem::take(&mut self.scratch.numbers);
        let told = |desk: &mut Self, signal: Signal, score: &mut dyn FnMut(Proof<'_>) -> f64| {
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
            told(self, Signal::EqualAmounts, &mut |proof: Proof<'_>| {
                shape::equal_amounts(received, &mut amounts, proof)
            });
            let unit = ten_major(ctx.config.scale);
            told(self, Signal::RoundAmounts, &mut |proof: Proof<'_>| shape::round_amounts(received, unit, proof));
            let offset = i64::from(ctx.config.utc_offset.seconds());
            told(self, Signal::TimingRegularity, &mut |proof: Proof<'_>| shape::timing(received, offset, proof));
            let positive = self.positive;
            told(self, Signal::Refunds, &mut |proof: Proof<'_>| shape::refunds(received, positive, proof));
        }
        let mut proof = Vec::new();
        let by_payer = shape::repeated(received, &self.scratch.by_payer, keep.then_some(&mut proof));
        let by_payee = shape::repeated(sent, &self.scratch.by_payee, keep.then_some(&mut proof));
        self.note(Signal::RepeatedTransfers, by_payer.max(by_payee), proof);
        let mut proof = Vec::new();
        let into = shape::out_of_scale(received, &mut numbers, keep.then_some(&mut proof));
        let out = shape::out_of_scale(sent, &mut numbers, keep.then_some(&mut proof));
        self.note(Signal::OutOfScale, into.max(out), proof);
        self.scratch.amounts = amounts;
        self.scratch.numbers = numbers;
        self.burst_signals();
        self.own_circle();
    }

    pub(super) fn has_history(&self) -> bool {
        self.received.first().is_some_and(|first| self.ctx.as_of - first.at_seconds >= 3 * shape::BLOCK)
    }

    pub(super) fn burst_signals(&mut self) {
        let payees = self.scratch.by_payee.chunk_by(|a, b| a.0 == b.0).count();
        let payers = self.scratch.payers.len();
        if payers.max(payees) < 3 {
            return;
        }
        let mut told: Vec<Told> = Vec::new();
        for (signal, list, order, all) in [
            (Signal::FanInBurst, self.received, &self.scratch.by_payer, payers),
            (Signal::FanOutBurst, self.sent, &self.scratch.by_payee, payees),
        ] {
            let Some(best) = widest_in(list, order, 2 * DAY).filter(|best| best.counterparties >= 3) else { continue };
            let many = best.counterparties as usize;
            let rows = list[best.first..=best.last].iter().map(|leg| (1.0, leg.row));
            told.push((
                signal,
                many as f64 / all as f64 * shrink(many, 5.0),
                if self.keep { rows.collect() } else { Vec::new() },
            ));
        }
        for (signal, score, proof) in told {
            self.note(signal, score, proof);
        }
    }

    /// Whether the largest payers deal with other payers, quiet ones: whom everybody knows makes no circle.
    pub(super) fn own_circle(&mut self) {
        let (Some(graph), Some(market)) = (self.ctx.graph, self.ctx.market) else { return };
        let payers = &self.scratch.payers;
        if payers.len() < 3 {
            return;
        }
        self.scratch.taints.clear();
        let groups = &mut self.scratch.groups;
        groups.clear();
        groups.extend((0..).zip(payers).map(|(number, _)| (0u32, number)));
        let most = groups.len().min(10);
        let by_size = |group: &(u32, u32)| (std::cmp::Reverse(payers[group.1 as usize].positive), group.1);
        if groups.len() > most {
            groups.select_nth_unstable_by_key(most - 1, by_size);
            groups.truncate(most);
        }
        groups.sort_unstable_by_key(by_size);
        let mut proof = Vec::new();
        let mut linked = 0;
        for &(_, number) in groups.iter() {
            let payer = payers[number as usize];
            // Whoever has nobody quiet in common with the account needs no closer look.
            let tied = graph.slot_of(self.account, payer.account).is_some_and(|slot| market.closure.ties[slot] > 0.0);
            let is_payer = |other: &u32| {
                graph.degree(*other) <= BUSY && payers.binary_search_by_key(other, |payer| payer.account).is_ok()
            };
            let knows = tied && graph.neighbours(payer.account).iter().any(is_payer);
            if knows {
                linked += 1;
                let places = &self.scratch.by_payer[payer.start as usize..payer.end as usize];
                for &(_, place) in places {
                    let leg = &self.received[place as usize];
                    if leg.amount_minor > 0 {
                        prove(&mut self.keep.then_some(&mut proof), leg.amount_minor as f64, leg.row);
                    }
                }
            }
        }
        let score = f64::from(linked) / most as f64 * shrink(payers.len(), 5.0);
        self.note(Signal::OwnCircle, score, proof);
    }
}

fn ten_major(scale: Scale) -> i64 {
    10 * scale.minor_per_major()
}
