//! Receipts that single transfers prove wrong: lent, from the same device, gone round in a circle.

use crate::elementary::half_to_the;
use crate::graph::temporal::{CircularFlow, Leg, Legs, circular_flows_through};

use super::super::signal::Signal;
use super::Desk;

impl<L: Legs> Desk<'_, '_, L> {
    pub(super) fn loan_funded(&mut self) {
        self.scratch.taints.clear();
        if self.ctx.loans.is_empty() {
            return;
        }
        let mut proof = Vec::new();
        let window = self.ctx.config.loan_window_seconds;
        for payer in &self.scratch.payers {
            let places = &self.scratch.by_payer[payer.stretch()];
            let positive = places.iter().filter(|place| self.received[place.1 as usize].amount_minor > 0);
            if self.ctx.marks.is_lender(payer.account) {
                // What a lender pays in is a loan, not a sale.
                let whole = positive.map(|&(_, place)| (place, self.received[place as usize].amount_minor));
                self.scratch.taints.extend(whole);
                continue;
            }
            let mut left: Vec<i64> =
                positive.clone().map(|place| self.received[place.1 as usize].amount_minor).collect();
            let places: Vec<u32> = positive.map(|place| place.1).collect();
            for (at_seconds, amount, row) in self.ctx.loans.to(payer.account) {
                let mut lent = amount;
                for (left, &place) in left.iter_mut().zip(&places) {
                    let leg = &self.received[place as usize];
                    let after = leg.at_seconds - at_seconds;
                    if (0..=window).contains(&after) && lent > 0 && *left > 0 {
                        let part = lent.min(*left);
                        lent -= part;
                        *left -= part;
                        if self.keep {
                            proof.push((part as f64, row));
                        }
                    }
                }
            }
            for (left, &place) in left.iter().zip(&places) {
                let part = self.received[place as usize].amount_minor - left;
                if part > 0 {
                    self.scratch.taints.push((place, part));
                }
            }
        }
        self.prove_taints(&mut proof);
        let score = self.tainted_share();
        self.note(Signal::LoanFunded, score, proof);
        self.take(Signal::LoanFunded);
    }

    pub(super) fn shared_device(&mut self) {
        self.scratch.taints.clear();
        if !self.ctx.marks.has_things() || self.ctx.marks.first_thing(self.account).is_none() {
            return;
        }
        for payer in &self.scratch.payers {
            if self.ctx.marks.share(self.account, payer.account) {
                let places = &self.scratch.by_payer[payer.stretch()];
                let whole = places.iter().map(|&(_, place)| (place, self.received[place as usize].amount_minor));
                self.scratch.taints.extend(whole.filter(|taint| taint.1 > 0));
            }
        }
        let mut proof = Vec::new();
        self.prove_taints(&mut proof);
        let score = self.tainted_share();
        self.note(Signal::SharedDevice, score, proof);
        self.take(Signal::SharedDevice);
    }

    pub(super) fn circular(&mut self) {
        self.scratch.taints.clear();
        let mut rows: Vec<u32> = Vec::new();
        let mut proof = Vec::new();
        let mut circles = 0u32;
        let mut add = |flow: &CircularFlow, keep: bool| {
            circles += 1;
            if keep {
                proof.extend(flow.rows.iter().map(|&row| (flow.amount_minor as f64, row)));
            }
        };
        match self.ctx.market {
            Some(market) => {
                market.flows_of(self.account).for_each(|flow| add(flow, self.keep));
                self.result.capped |= market.capped.binary_search(&self.account).is_ok();
            }
            None => {
                let config = self.ctx.config.cycles();
                let found = circular_flows_through(self.ctx.legs, self.account.into(), &config).unwrap_or_default();
                found.flows.iter().for_each(|flow| add(flow, self.keep));
                rows.extend(found.flows.iter().flat_map(|flow| &flow.rows));
                rows.sort_unstable();
                self.result.capped |= !found.capped.is_empty();
            }
        }
        if circles == 0 {
            return;
        }
        // A receipt that is part of any circle is part of one of the account's own.
        let goes_round = |leg: &Leg| match self.ctx.market {
            Some(market) => market.flow_rows.contains(leg.row),
            None => rows.binary_search(&leg.row).is_ok(),
        };
        for (place, leg) in (0..).zip(self.received) {
            if goes_round(leg) {
                self.scratch.taints.push((place, leg.amount_minor));
            }
        }
        let score = 1.0 - (1.0 - self.tainted_share()) * half_to_the(circles.min(60));
        self.note(Signal::CircularFlow, score, proof);
        self.take(Signal::CircularFlow);
    }
}
