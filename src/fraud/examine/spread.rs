//! The signals about how an account's transfers are spread over time, amounts and counterparties.

use crate::graph::temporal::{Legs, widest_in};
use crate::money::Scale;

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
        let mut sizes = std::mem::take(&mut self.scratch.sizes);
        let by_size = [Signal::EqualAmounts, Signal::OutOfScale].into_iter().any(|signal| ctx.config.looks_for(signal));
        shape::sizes(received, |_| by_size, &mut sizes[0]);
        shape::sizes(sent, |_| by_size, &mut sizes[1]);
        let sales = if self.received.iter().all(|leg| leg.amount_minor >= 0) {
            &sizes[0]
        } else {
            shape::sizes(received, |leg| leg.amount_minor > 0, &mut sizes[2]);
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
            told(self, Signal::EqualAmounts, &mut |proof: Proof<'_>| shape::equal_amounts(received, sales, proof));
            let unit = ten_major(ctx.config.scale);
            told(self, Signal::RoundAmounts, &mut |proof: Proof<'_>| shape::round_amounts(received, unit, proof));
            let offset = i64::from(ctx.config.utc_offset.seconds());
            told(self, Signal::TimingRegularity, &mut |proof: Proof<'_>| shape::timing(received, offset, proof));
            let positive = self.positive;
            told(self, Signal::Refunds, &mut |proof: Proof<'_>| shape::refunds(received, positive, proof));
        }
        told(self, Signal::OutOfScale, &mut |mut proof: Proof<'_>| {
            let into = shape::out_of_scale(received, &sizes[0], proof.as_deref_mut());
            into.max(shape::out_of_scale(sent, &sizes[1], proof))
        });
        self.scratch.sizes = sizes;
        if ctx.config.looks_for(Signal::RepeatedTransfers) {
            let mut proof = Vec::new();
            let by_payer = shape::repeated(received, &self.scratch.by_payer, keep.then_some(&mut proof));
            let by_payee = shape::repeated(sent, &self.scratch.by_payee, keep.then_some(&mut proof));
            self.note(Signal::RepeatedTransfers, by_payer.max(by_payee), proof);
        }
        self.burst_signals();
        self.own_circle();
    }

    pub(super) fn has_history(&self) -> bool {
        self.received.first().is_some_and(|first| self.ctx.as_of - first.at_seconds >= 3 * shape::BLOCK)
    }

    pub(super) fn burst_signals(&mut self) {
        let mut told: [Option<Told>; 2] = [None, None];
        let mut counts = std::mem::take(&mut self.scratch.counts);
        let sides = [
            (Signal::FanInBurst, self.received, &self.scratch.payer_of, self.scratch.payers.len()),
            (Signal::FanOutBurst, self.sent, &self.scratch.payee_of, self.scratch.payees as usize),
        ];
        for ((signal, list, numbers, all), told) in sides.into_iter().zip(&mut told) {
            if all < 3 || !self.ctx.config.looks_for(signal) {
                continue;
            }
            counts.clear();
            counts.resize(all, 0);
            let best = widest_in(list, numbers, &mut counts, 2 * DAY).filter(|best| best.counterparties >= 3);
            let Some(best) = best else { continue };
            let many = best.counterparties as usize;
            let rows = list[best.first..=best.last].iter().map(|leg| (1.0, leg.row));
            let score = many as f64 / all as f64 * shrink(many, 5.0);
            *told = Some((signal, score, if self.keep { rows.collect() } else { Vec::new() }));
        }
        self.scratch.counts = counts;
        for (signal, score, proof) in told.into_iter().flatten() {
            self.note(signal, score, proof);
        }
    }

    /// Whether the largest payers deal with other payers, quiet ones: whom everybody knows makes no circle.
    pub(super) fn own_circle(&mut self) {
        let (Some(graph), Some(market)) = (self.ctx.graph, self.ctx.market) else { return };
        let payers = &self.scratch.payers;
        if payers.len() < 3 || !self.ctx.config.looks_for(Signal::OwnCircle) {
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
        let is_payer = &mut self.scratch.is_payer;
        is_payer.resize(graph.accounts().div_ceil(64), 0);
        payers.iter().for_each(|payer| is_payer[payer.account as usize / 64] |= 1 << (payer.account % 64));
        let mut proof = Vec::new();
        let mut linked = 0;
        let quiet = &market.closure.quiet;
        let pays = |other: &u32| is_payer[*other as usize / 64] >> (*other % 64) & 1 == 1;
        // Whoever has nobody quiet in common with the account needs no closer look; and whoever has, knows a payer where all
        // quiet counterparties of the account are payers. Rows are touched before they are read, so that they come from
        // memory side by side.
        let told = quiet.of_account(self.account).iter().all(pays);
        let mut touched = 0;
        groups.retain(|group| {
            let payer = payers[group.1 as usize].account;
            let tied = graph.slot_of(self.account, payer).is_some_and(|slot| market.closure.ties[slot] > 0.0);
            if tied && !told {
                touched ^= quiet.of_account(payer).first().copied().unwrap_or(0);
            }
            tied
        });
        std::hint::black_box(touched);
        for &(_, number) in groups.iter() {
            let payer = payers[number as usize];
            if told || quiet.of_account(payer.account).iter().any(pays) {
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
        payers.iter().for_each(|payer| is_payer[payer.account as usize / 64] = 0);
        let score = f64::from(linked) / most as f64 * shrink(payers.len(), 5.0);
        self.note(Signal::OwnCircle, score, proof);
    }
}

fn ten_major(scale: Scale) -> i64 {
    10 * scale.minor_per_major()
}
