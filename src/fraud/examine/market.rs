//! The signals that need the whole market, looked up for one account.

use crate::elementary::half_to_the;
use crate::graph::temporal::{Leg, Legs, scatter_gathers};

use super::super::context::Knowledge;
use super::super::facts::three_within;
use super::super::knowledge::scatter_config;
use super::super::signal::Signal;
use super::Desk;

impl<L: Legs> Desk<'_, '_, L> {
    /// The signals that were found for the whole market beforehand; of them, one account alone can only tell the
    /// scatter-gathers that start from it.
    pub(super) fn market_signals(&mut self) {
        let Some(market) = self.ctx.market else {
            let config = scatter_config(self.ctx.config);
            if !self.ctx.config.looks_for(Signal::ScatterGather) || !three_within(self.sent, config.window_seconds) {
                return;
            }
            let around = scatter_gathers(self.ctx.legs, self.account.into(), &config).unwrap_or_default();
            self.result.capped |= around.capped;
            let most = around.found.iter().map(|found| found.middle.len()).max().unwrap_or(0);
            if most > 2 {
                let rows = around.found.iter().flat_map(|found| found.rows.iter().map(|&row| (1.0, row)));
                let rows = if self.keep { rows.collect() } else { Vec::new() };
                self.note(Signal::ScatterGather, 1.0 - half_to_the(most as u32 - 2), rows);
            }
            return;
        };
        for (signal, patterns) in [
            (Signal::AmountTrail, &market.trails),
            (Signal::DenseBlock, &market.dense),
            (Signal::FlowThroughBlock, &market.layers),
            (Signal::ScatterGather, &market.scatters),
            (Signal::FanInBurst, &market.crowds_in),
            (Signal::FanOutBurst, &market.crowds_out),
        ] {
            if !self.ctx.config.looks_for(signal) {
                continue;
            }
            let (own, mut score) = (self.result.scores[signal.index()], 0f32);
            let mut proof = Vec::new();
            for pattern in patterns.of(self.account) {
                score = score.max(pattern.strength);
                if self.keep {
                    proof.extend(pattern.rows.iter().map(|&row| (f64::from(pattern.strength), row)));
                }
            }
            if score > own {
                self.note_again(signal, score, proof);
            }
        }
        if self.ctx.config.looks_for(Signal::TightGroup)
            && let Some(&score) = market.closure.scores.get(self.account as usize)
            && score > 0.0
        {
            let proof = if self.keep { self.ties_of(market) } else { Vec::new() };
            self.note(Signal::TightGroup, f64::from(score), proof);
        }
        if let Some(&(score, other)) = market.overlap.get(self.account as usize)
            && score > 0.0
        {
            let mut proof = Vec::new();
            if self.keep {
                let of_other: std::collections::BTreeSet<u32> =
                    self.ctx.legs.received(other).iter().map(|leg| leg.peer).collect();
                let shared = self.received.iter().filter(|leg| of_other.contains(&leg.peer));
                proof.extend(shared.map(|leg| (leg.amount_minor as f64, leg.row)));
            }
            self.note(Signal::PayerOverlap, f64::from(score), proof);
        }
    }

    /// The transfers with counterparties that share others with the account, by how many and how quiet ones.
    pub(super) fn ties_of(&self, market: &Knowledge) -> Vec<(f64, u32)> {
        let Some(graph) = self.ctx.graph else { return Vec::new() };
        let tie = |leg: &Leg| {
            let slot = graph.slot_of(self.account, leg.peer)?;
            let counts = graph.counts(slot);
            let mutual = if counts.sent > 0 && counts.received > 0 { 0.5 } else { 0.0 };
            let tie = f64::from(market.closure.ties[slot].weight()) + mutual;
            (tie > 0.0).then_some((tie, leg.row))
        };
        self.received.iter().chain(self.sent).filter_map(tie).collect()
    }
}
