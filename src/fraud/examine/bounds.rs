//! What bounds the receipts that count, whoever paid them: shares by shape, the cap on single payers, the last 30 days.

use crate::graph::temporal::{Leg, Legs};

use super::super::cap::largest_contribution;
use super::super::config::of_shape;
use super::super::shape;
use super::super::signal::Signal;
use super::{Desk, Party, Taker};

impl<L: Legs> Desk<'_, '_, L> {
    /// What signals about the shape of the business take: nothing, unless the caller says so.
    pub(super) fn take_by_shape(&mut self) {
        if !self.ctx.takes_by_shape {
            return;
        }
        for signal in of_shape() {
            let score = f64::from(self.result.scores[signal.index()]);
            if self.ctx.config.haircuts.of(signal) == 0 || score <= 0.0 {
                continue;
            }
            self.scratch.taints.clear();
            let part = |leg: &Leg| ((leg.amount_minor as f64 * score).floor() as i64).min(leg.amount_minor);
            let all = (0..).zip(self.received).filter(|(_, leg)| leg.amount_minor > 0);
            self.scratch.taints.extend(all.map(|(place, leg)| (place, part(leg))));
            self.take(signal);
        }
    }

    /// Receipts of the last 30 days are held to a multiple of the best earlier 30 days. This comes last: what is left after
    /// everything else only grows with honest receipts, and so does the smaller of it and the bound.
    pub(super) fn hold_jump(&mut self) {
        // Nobody who received no more than what counts in any case has more of it in the last 30 days.
        let within = self.positive <= self.ctx.config.recent_floor_minor;
        if self.ctx.config.haircuts.of(Signal::PreApplicationLift) > 0 && !within {
            self.scratch.taints.clear();
            self.taint_jump();
            self.take(Signal::PreApplicationLift);
        }
    }

    pub(super) fn taint_jump(&mut self) {
        let taken = &self.scratch.taken;
        let left = |place: usize| self.received[place].amount_minor - taken[place];
        let sums = shape::blocks(self.received, self.ctx.as_of, left);
        let best = sums[1..].iter().copied().max().unwrap_or(0);
        let most = ((best as f64 * self.ctx.config.recent_multiple) as i64).max(self.ctx.config.recent_floor_minor);
        let mut excess = sums[0] - most;
        for (place, leg) in self.received.iter().enumerate().rev() {
            if excess <= 0 || self.ctx.as_of - leg.at_seconds >= shape::BLOCK {
                break;
            }
            let part = left(place).clamp(0, excess);
            excess -= part;
            if part > 0 {
                // On top of what is gone already, which is the same money only once.
                self.scratch.taints.push((place as u32, self.scratch.taken[place] + part));
            }
        }
    }

    /// Whether the cap on payers can take anything: told without sorting where every payer stands alone.
    fn may_exceed_cap(&self) -> bool {
        let (mut total, mut largest, mut alone) = (0i64, 0i64, true);
        for (payer, &(purse, _)) in self.scratch.payers.iter().zip(&self.scratch.behind) {
            total += payer.left;
            largest = largest.max(payer.left);
            alone &= purse == payer.account;
        }
        let [total, largest] = [total, largest].map(i128::from);
        let floor = i128::from(self.ctx.config.payer_floor_minor);
        let allowed = floor * 10_000 + i128::from(self.ctx.config.payer_share.get()) * total;
        total > floor && !(alone && largest * 10_000 <= allowed)
    }

    /// No payer, with those it funds, may hold more than its share of what is left.
    pub(super) fn cap_payers(&mut self) {
        // Nobody who received no more than one payer may contribute in any case has a payer who contributed more.
        if self.positive <= self.ctx.config.payer_floor_minor || !self.may_exceed_cap() {
            return;
        }
        let scratch = &mut *self.scratch;
        // Payers with the same purse behind them are one.
        let mut groups = std::mem::take(&mut scratch.groups);
        groups.clear();
        let left = (0..).zip(scratch.payers.iter().zip(&scratch.behind)).filter(|(_, (payer, _))| payer.left > 0);
        // Nearly all stand alone, and ascend; a sort that knows runs has little to do when the others come last.
        for led in [false, true] {
            let such = left.clone().filter(|(_, (payer, behind))| (behind.0 != payer.account) == led);
            groups.extend(such.map(|(number, (_, behind))| (behind.0, number)));
        }
        groups.sort();
        let mut sums: Vec<i64> = Vec::with_capacity(groups.len());
        let sum_of = |payers: &[Party], run: &[(u32, u32)]| run.iter().map(|g| payers[g.1 as usize].left).sum::<i64>();
        sums.extend(groups.chunk_by(|a, b| a.0 == b.0).map(|run| sum_of(&scratch.payers, run)));
        let config = self.ctx.config;
        let most = largest_contribution(&mut sums, config.payer_floor_minor, i64::from(config.payer_share.get()));
        let (mut sum, mut count) = (0, 0);
        for run in groups.chunk_by(|a, b| a.0 == b.0) {
            let mut excess = sum_of(&scratch.payers, run) - most;
            for &(_, number) in run.iter().rev() {
                let payer = &mut scratch.payers[number as usize];
                for &(_, place) in scratch.by_payer[payer.stretch()].iter().rev() {
                    if excess <= 0 {
                        break;
                    }
                    let taken = &mut scratch.taken[place as usize];
                    let left = (self.received[place as usize].amount_minor - *taken).max(0);
                    let part = left.min(excess).min(payer.left);
                    if part > 0 {
                        *taken += part;
                        payer.left -= part;
                        excess -= part;
                        sum += part;
                        count += 1;
                    }
                }
            }
        }
        scratch.groups = groups;
        if sum > 0 {
            self.result.taken.push((Taker::PayerCap, sum, count));
        }
    }
}
