//! One account under the lamp: every signal's score, what it taints, and what proves it.

mod bounds;
mod market;
mod money;
mod puppets;
mod returns;
mod spread;

use std::ops::Range;

use crate::graph::temporal::{Leg, Legs};

use super::context::Context;
use super::few::{Numbers, by_peer};
use super::shape::most_telling;
use super::signal::{SIGNALS, Signal};

/// What took money out of the receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taker {
    Signal(Signal),
    PayerCap,
}

/// The result for one account.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Examination {
    pub scores: [f32; SIGNALS],
    /// Receipts, refunds taken off.
    pub received_minor: i64,
    /// Receipts before refunds.
    pub positive_minor: i64,
    /// Sum that each signal taints by itself, before haircuts and before other signals.
    pub tainted_minor: [i64; SIGNALS],
    /// What was taken, by whom, from how many receipts; in order of precedence.
    pub taken: Vec<(Taker, i64, u32)>,
    /// Row and amount of every receipt that was cut, where asked for.
    pub cuts: Vec<(u32, i64)>,
    /// Rows that prove each signal, where asked for.
    pub evidence: Vec<(Signal, Vec<u32>)>,
    /// Whether a search around the account reached its cap.
    pub capped: bool,
}

impl Examination {
    pub fn verified_minor(&self) -> i64 {
        self.received_minor - self.taken.iter().map(|taken| taken.1).sum::<i64>()
    }
}

/// Whoever paid the account or was paid, with everything that moved between the two that way.
#[derive(Debug, Clone, Copy, Default)]
struct Party {
    account: u32,
    /// Stretch of `by_payer` or `by_payee`.
    start: u32,
    end: u32,
    positive: i64,
    /// What may still be taken from this payer's receipts: never more than they brought after refunds.
    left: i64,
}

impl Party {
    /// The stretch of `by_payer` or `by_payee`.
    fn stretch(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Gives every counterparty in `pairs`, which are the transfers of `list` by counterparty and place, a number in the order of
/// the accounts, and tells the number of each transfer.
fn number_runs(pairs: &[(u32, u32)], list: &[Leg], number_of: &mut Vec<u32>, parties: &mut Vec<Party>) {
    // What is left from before is written over.
    number_of.resize(list.len(), 0);
    parties.resize(list.len(), Party::default());
    // Whether a run goes on is anybody's guess, so what came so far is put down at every step.
    let (mut count, mut last) = (0, None);
    let [mut positive, mut left] = [0i64; 2];
    for (end, &(account, place)) in (1..).zip(pairs) {
        count += usize::from(last != Some(account));
        last = Some(account);
        let amount = list[place as usize].amount_minor;
        (positive, left) = (positive.wrapping_add(amount.max(0)), left.wrapping_add(amount));
        number_of[place as usize] = count as u32 - 1;
        parties[count - 1] = Party { account, start: 0, end, positive, left };
    }
    parties.truncate(count);
    let mut before = Party::default();
    for party in parties {
        let so_far = *party;
        party.start = before.end;
        party.positive = party.positive.wrapping_sub(before.positive);
        party.left = party.left.wrapping_sub(before.left).max(0);
        before = so_far;
    }
}

/// Buffers that one thread uses for account after account.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    by_payer: Vec<(u32, u32)>,
    by_payee: Vec<(u32, u32)>,
    payers: Vec<Party>,
    /// Payer of each receipt, as a place in `payers`.
    payer_of: Vec<u32>,
    /// Taken so far from each receipt.
    taken: Vec<i64>,
    /// Receipts tainted by the signal at hand.
    taints: Vec<(u32, i64)>,
    /// Amounts without their sign, ascending: of receipts, of payments, and of receipts that are no refunds.
    sizes: [Vec<u64>; 3],
    /// Payee of each payment, as a place in `payees`.
    payee_of: Vec<u32>,
    payees: Vec<Party>,
    counts: Vec<u32>,
    sources: Vec<u32>,
    groups: Vec<(u32, u32)>,
    /// Payers as places in `payers`, to find the largest.
    numbers: Vec<u32>,
    /// Numbers that are being sorted.
    sorting: Numbers,
    matching: returns::Matching,
    /// Who stands behind each payer, and how many of its receipts were forwarded from there.
    behind: Vec<(u32, u32)>,
}

struct Desk<'a, 'b, L> {
    ctx: &'a Context<'b, L>,
    account: u32,
    received: &'a [Leg],
    sent: &'a [Leg],
    scratch: &'a mut Scratch,
    result: Examination,
    keep: bool,
    positive: i64,
}

/// Examines `account`; evidence and the cuts of single receipts are gathered only with `keep`.
pub(super) fn examine<L: Legs>(ctx: &Context<'_, L>, account: u32, scratch: &mut Scratch, keep: bool) -> Examination {
    let (received, sent) = (ctx.legs.received(account), ctx.legs.sent(account));
    let result = Examination {
        positive_minor: 0,
        scores: [0.0; SIGNALS],
        received_minor: received.iter().map(|leg| leg.amount_minor).sum(),
        tainted_minor: [0; SIGNALS],
        taken: Vec::new(),
        cuts: Vec::new(),
        evidence: Vec::new(),
        capped: false,
    };
    let mut desk = Desk { ctx, account, received, sent, scratch, result, keep, positive: 0 };
    desk.group();
    desk.look_behind_payers();
    desk.money_signals();
    desk.shape_signals();
    desk.market_signals();
    desk.take_by_shape();
    desk.cap_payers();
    desk.hold_jump();
    desk.finish()
}

impl<L: Legs> Desk<'_, '_, L> {
    fn group(&mut self) {
        let scratch = &mut *self.scratch;
        let accounts = self.ctx.legs.accounts();
        by_peer(self.received, accounts, &mut scratch.sorting, &mut scratch.by_payer);
        by_peer(self.sent, accounts, &mut scratch.sorting, &mut scratch.by_payee);
        scratch.taken.clear();
        scratch.taken.resize(self.received.len(), 0);
        number_runs(&scratch.by_payer, self.received, &mut scratch.payer_of, &mut scratch.payers);
        number_runs(&scratch.by_payee, self.sent, &mut scratch.payee_of, &mut scratch.payees);
        self.positive = scratch.payers.iter().map(|payer| payer.positive).sum();
        self.result.positive_minor = self.positive;
    }

    /// Puts the score of a signal down, with what proves it.
    fn note(&mut self, signal: Signal, score: f64, proof: Vec<(f64, u32)>) {
        self.result.scores[signal.index()] = score.clamp(0.0, 1.0) as f32;
        if self.keep && score > 0.0 && !proof.is_empty() {
            let rows = most_telling(proof, self.ctx.config.evidence_rows);
            self.result.evidence.push((signal, rows));
        }
    }

    /// Puts a higher score of a signal down, with what proves it in place of what proved the lower one.
    fn note_again(&mut self, signal: Signal, score: f32, proof: Vec<(f64, u32)>) {
        self.result.evidence.retain(|evidence| evidence.0 != signal);
        self.note(signal, f64::from(score), proof);
    }

    /// Takes what `signal` taints and nobody before it took.
    fn take(&mut self, signal: Signal) {
        let share = i128::from(self.ctx.config.haircuts.of(signal));
        let (mut sum, mut count, mut tainted) = (0, 0, 0);
        for &(place, minor) in &self.scratch.taints {
            tainted += minor;
            let wanted = (i128::from(minor) * share / 10_000) as i64;
            let taken = &mut self.scratch.taken[place as usize];
            let payer = &mut self.scratch.payers[self.scratch.payer_of[place as usize] as usize];
            let part = (wanted - *taken).clamp(0, payer.left);
            if part > 0 {
                *taken += part;
                payer.left -= part;
                sum += part;
                count += 1;
            }
        }
        self.result.tainted_minor[signal.index()] = tainted;
        if sum > 0 {
            self.result.taken.push((Taker::Signal(signal), sum, count));
        }
    }

    fn tainted_share(&self) -> f64 {
        let sum: i64 = self.scratch.taints.iter().map(|taint| taint.1).sum();
        if self.positive == 0 { 0.0 } else { sum as f64 / self.positive as f64 }
    }

    /// Proof of the tainted receipts: the largest first.
    fn prove_taints(&self, proof: &mut Vec<(f64, u32)>) {
        if self.keep {
            let rows = self.scratch.taints.iter().map(|&(place, minor)| (place, minor));
            proof.extend(rows.map(|(place, minor)| (minor as f64, self.received[place as usize].row)));
        }
    }

    /// The signals that taint single receipts.
    fn money_signals(&mut self) {
        let look = |signal: Signal, look: fn(&mut Self), desk: &mut Self| {
            if desk.ctx.config.looks_for(signal) {
                look(desk);
            }
        };
        look(Signal::LoanFunded, Self::loan_funded, self);
        look(Signal::SharedDevice, Self::shared_device, self);
        look(Signal::CircularFlow, Self::circular, self);
        look(Signal::RoundTrip, Self::round_trips, self);
        look(Signal::PayerExclusivity, Self::exclusivity, self);
    }

    fn finish(mut self) -> Examination {
        if self.keep {
            let cut = self.scratch.taken.iter().zip(self.received).filter(|(taken, _)| **taken > 0);
            self.result.cuts = cut.map(|(&taken, leg)| (leg.row, taken)).collect();
            self.result.evidence.sort_by_key(|evidence| evidence.0);
        }
        self.result
    }
}
