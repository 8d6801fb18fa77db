//! Who stands behind a payer: exclusive payers, puppets, and the purse that funds them.

use crate::graph::temporal::{Leg, Legs};

use super::super::facts;
use super::super::shape::shrink;
use super::super::signal::Signal;
use super::Desk;

/// Forwarded payments that make a payer a puppet.
const PUPPET: u32 = 2;

impl<L: Legs> Desk<'_, '_, L> {
    /// Finds the purse behind each payer: the account that most of its payments here were forwarded from, the same money
    /// within the funding window; for a payer of nobody else also the account that brought most of its money. Whoever has
    /// none stands behind themselves.
    pub(super) fn look_behind_payers(&mut self) {
        let mut behind = std::mem::take(&mut self.scratch.behind);
        let mut sources = std::mem::take(&mut self.scratch.sources);
        behind.clear();
        let mut forwarded = self.ctx.market.map(|market| market.forwarded.of_account(self.account));
        for payer in &self.scratch.payers {
            sources.clear();
            let receipts = || {
                let own = &self.scratch.by_payer[payer.stretch()];
                own.iter().map(|pair| &self.received[pair.1 as usize]).filter(|leg| leg.amount_minor > 0)
            };
            match &mut forwarded {
                Some(all) => {
                    // Both lists ascend by payer.
                    let own = all.iter().take_while(|payment| payment[0] == payer.account).count();
                    sources.extend(all[..own].iter().map(|payment| payment[1]));
                    *all = &all[own..];
                }
                None => {
                    let inflow = self.ctx.legs.received(payer.account);
                    sources.extend(receipts().filter_map(|leg| self.source_of(leg, inflow)).map(|source| source.peer));
                    sources.sort_unstable();
                }
            }
            let most = sources.chunk_by(|a, b| a == b).max_by_key(|run| (run.len(), std::cmp::Reverse(run[0])));
            behind.push(match most {
                Some(run) if run.len() * 2 >= receipts().count() => (run[0], run.len() as u32),
                _ => (self.ctx.backer(payer.account, self.account), 0),
            });
        }
        self.scratch.behind = behind;
        self.scratch.sources = sources;
    }

    /// The transfer that a payer forwarded with `leg`.
    fn source_of<'l>(&self, leg: &Leg, inflow: &'l [Leg]) -> Option<&'l Leg> {
        facts::source_of(leg, self.account, inflow, self.ctx.config)
    }

    /// Payers that pay nobody else; and puppets: payers that again and again forward here what one purse just gave them.
    pub(super) fn exclusivity(&mut self) {
        self.scratch.taints.clear();
        let mut proof = Vec::new();
        let (mut exclusive, mut count, mut puppets) = (0usize, 0usize, 0usize);
        let mut taints = std::mem::take(&mut self.scratch.taints);
        for (payer, &(_, forwarded)) in self.scratch.payers.iter().zip(&self.scratch.behind) {
            if payer.positive <= 0 {
                continue;
            }
            count += 1;
            let sole = self.ctx.pays_only(payer.account, self.account);
            let puppet = forwarded >= PUPPET;
            exclusive += usize::from(sole && !puppet);
            puppets += usize::from(puppet);
            let told = sole && self.keep;
            if !puppet && !told {
                continue;
            }
            for &(_, place) in &self.scratch.by_payer[payer.stretch()] {
                let leg = &self.received[place as usize];
                if leg.amount_minor <= 0 {
                    continue;
                }
                if puppet {
                    taints.push((place, leg.amount_minor));
                }
                if self.keep {
                    proof.push((leg.amount_minor as f64, leg.row));
                    let inflow = self.ctx.legs.received(payer.account);
                    if let Some(source) = self.source_of(leg, inflow).filter(|_| puppet) {
                        proof.push((2.0 * leg.amount_minor as f64, source.row));
                    }
                }
            }
        }
        self.scratch.taints = taints;
        let share = if count == 0 { 0.0 } else { exclusive as f64 / count as f64 * shrink(count, 5.0) };
        let score = 1.0 - (1.0 - share) * (1.0 - self.tainted_share() * shrink(puppets, 1.0));
        self.note(Signal::PayerExclusivity, score, proof);
        self.take(Signal::PayerExclusivity);
    }
}
