//! Money that goes back to the payer, or to the purse behind the payer.

use crate::graph::temporal::Legs;

use super::super::signal::Signal;
use super::{Desk, Party};

/// Receipts and returns that are matched, as places among the account's receipts and payments.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// Who paid and was paid, as places in both lists.
    both: Vec<(u32, u32)>,
    receipts: Vec<u32>,
    returns: Vec<u32>,
    /// What each of the receipts was matched with, in minor units.
    matched: Vec<i64>,
}

/// The places of the accounts that are in both lists, which ascend by account.
fn who_is_in_both(payers: &[Party], payees: &[Party], both: &mut Vec<(u32, u32)>) {
    both.resize(payers.len().min(payees.len()) + 1, (0, 0));
    let (mut payer, mut payee, mut count) = (0, 0, 0);
    while payer < payers.len() && payee < payees.len() {
        // Which list goes on is anybody's guess, so all is worked out at every step.
        let (one, other) = (payers[payer].account, payees[payee].account);
        both[count] = (payer as u32, payee as u32);
        count += usize::from(one == other);
        payer += usize::from(one <= other);
        payee += usize::from(other <= one);
    }
    both.truncate(count);
}

impl<L: Legs> Desk<'_, '_, L> {
    pub(super) fn round_trips(&mut self) {
        self.scratch.taints.clear();
        let mut proof = Vec::new();
        if !self.sent.is_empty() {
            self.direct_returns(&mut proof);
            self.returns_to_purses(&mut proof);
        }
        if self.scratch.taints.is_empty() {
            return;
        }
        let score = self.tainted_share();
        self.note(Signal::RoundTrip, score, proof);
        self.take(Signal::RoundTrip);
    }

    /// What went to `account`.
    fn sent_to(&self, account: u32) -> Option<&[(u32, u32)]> {
        let payees = &self.scratch.payees;
        let payee = &payees[payees.binary_search_by_key(&account, |payee| payee.account).ok()?];
        Some(&self.scratch.by_payee[payee.stretch()])
    }

    pub(super) fn direct_returns(&mut self, proof: &mut Vec<(f64, u32)>) {
        let mut taints = std::mem::take(&mut self.scratch.taints);
        let mut matching = std::mem::take(&mut self.scratch.matching);
        who_is_in_both(&self.scratch.payers, &self.scratch.payees, &mut matching.both);
        let both = std::mem::take(&mut matching.both);
        for &(payer, payee) in &both {
            let (payer, payee) = (self.scratch.payers[payer as usize], self.scratch.payees[payee as usize]);
            let receipts = self.scratch.by_payer[payer.stretch()].iter().map(|pair| pair.1);
            let returns = self.scratch.by_payee[payee.stretch()].iter().map(|pair| pair.1);
            if !self.is_ring(receipts.len(), payer.positive.min(payee.positive)) {
                continue;
            }
            matching.receipts.clear();
            matching.receipts.extend(receipts);
            matching.returns.clear();
            matching.returns.extend(returns);
            self.match_returns(&mut matching, payer.positive, &mut taints, proof);
        }
        matching.both = both;
        self.scratch.taints = taints;
        self.scratch.matching = matching;
    }

    /// A purse pays puppets, the puppets pay the account, the account pays the purse: one hop more than a round trip.
    pub(super) fn returns_to_purses(&mut self, proof: &mut Vec<(f64, u32)>) {
        let mut puppets_of: Vec<(u32, u32)> = Vec::new();
        for (number, (payer, &(purse, _))) in (0..).zip(self.scratch.payers.iter().zip(&self.scratch.behind)) {
            if purse != payer.account && self.sent_to(purse).is_some() {
                puppets_of.push((purse, number));
            }
        }
        puppets_of.sort_unstable();
        let mut taints = std::mem::take(&mut self.scratch.taints);
        let mut matching = std::mem::take(&mut self.scratch.matching);
        for puppets in puppets_of.chunk_by(|a, b| a.0 == b.0) {
            let Matching { receipts, returns, .. } = &mut matching;
            receipts.clear();
            let mut positive = 0;
            for &(_, number) in puppets {
                let payer = self.scratch.payers[number as usize];
                positive += payer.positive;
                let own = &self.scratch.by_payer[payer.stretch()];
                receipts.extend(own.iter().map(|pair| pair.1));
            }
            receipts.sort_unstable();
            returns.clear();
            let sent = self.sent_to(puppets[0].0).unwrap_or_default();
            returns.extend(sent.iter().map(|pair| pair.1));
            self.match_returns(&mut matching, positive, &mut taints, proof);
        }
        self.scratch.taints = taints;
        self.scratch.matching = matching;
    }

    /// Friends settle bills now and then; a ring goes round again and again, or moves much at once.
    fn is_ring(&self, rounds: usize, total: i64) -> bool {
        let config = self.ctx.config;
        rounds >= config.return_rounds as usize
            || i128::from(total) * 10_000 >= i128::from(self.positive) * i128::from(config.return_share.get())
    }

    /// Matches money sent back with receipts within the window either way, in order of time.
    pub(super) fn match_returns(
        &self,
        matching: &mut Matching,
        positive: i64,
        taints: &mut Vec<(u32, i64)>,
        proof: &mut Vec<(f64, u32)>,
    ) {
        let window = self.ctx.config.return_window_seconds;
        let Matching { receipts, returns, matched, .. } = matching;
        receipts.retain(|&place| self.received[place as usize].amount_minor > 0);
        matched.clear();
        matched.resize(receipts.len(), 0);
        let mut pairs: Vec<(f64, u32)> = Vec::new();
        let mut first = 0;
        let mut total = 0;
        for &back in returns.iter() {
            let back = &self.sent[back as usize];
            let mut left = back.amount_minor;
            while first < receipts.len() {
                let leg = &self.received[receipts[first] as usize];
                if leg.at_seconds < back.at_seconds - window || matched[first] == leg.amount_minor {
                    first += 1;
                } else {
                    break;
                }
            }
            for (&place, matched) in receipts[first..].iter().zip(&mut matched[first..]) {
                let leg = &self.received[place as usize];
                if left <= 0 || leg.at_seconds > back.at_seconds + window {
                    break;
                }
                let part = left.min(leg.amount_minor - *matched);
                *matched += part;
                left -= part;
                total += part;
                if self.keep && part > 0 {
                    pairs.push((part as f64, leg.row));
                    pairs.push((part as f64, back.row));
                }
            }
        }
        let rounds = matched.iter().filter(|&&minor| minor > 0).count();
        if !self.is_ring(rounds, total) {
            return;
        }
        proof.extend(pairs);
        let whole = total > 0 && total * 2 >= positive;
        for (&place, &matched) in receipts.iter().zip(matched.iter()) {
            let minor = if whole { self.received[place as usize].amount_minor } else { matched };
            if minor > 0 {
                taints.push((place, minor));
                if self.keep && whole {
                    proof.push((minor as f64 / 2.0, self.received[place as usize].row));
                }
            }
        }
    }
}
