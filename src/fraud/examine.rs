//! One account under the lamp: every signal's score, what it taints, and what proves it.

use crate::graph::temporal::{Leg, Legs, circular_flows_through, scatter_gathers, widest_in};
use crate::money::Scale;

use super::cap::largest_contribution;
use super::context::Context;
use super::knowledge::{scatter_config, scatters_at_all};
use super::shape::{self, DAY, Proof, most_telling, prove, shrink};
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

/// Whoever paid the account, with everything that came from there.
#[derive(Debug, Clone, Copy, Default)]
struct Payer {
    account: u32,
    /// Stretch of `by_payer`.
    start: u32,
    end: u32,
    positive: i64,
    /// What may still be taken from this payer's receipts: never more than they brought after refunds.
    left: i64,
}

/// Buffers that one thread uses for account after account.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    by_payer: Vec<(u32, u32)>,
    by_payee: Vec<(u32, u32)>,
    payers: Vec<Payer>,
    /// Payer of each receipt, as a place in `payers`.
    payer_of: Vec<u32>,
    /// Taken so far from each receipt.
    taken: Vec<i64>,
    /// Receipts tainted by the signal at hand.
    taints: Vec<(u32, i64)>,
    amounts: Vec<i64>,
    numbers: Vec<f64>,
    groups: Vec<(u32, u32)>,
    /// Who stands behind each payer, and how many of its receipts were forwarded from there.
    behind: Vec<(u32, u32)>,
}

/// A score with what proves it.
type Told = (Signal, f64, Vec<(f64, u32)>);

/// Forwarded payments that make a payer a puppet.
const PUPPET: u32 = 2;

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
    let positive = received.iter().map(|leg| leg.amount_minor.max(0)).sum();
    let result = Examination {
        positive_minor: positive,
        scores: [0.0; SIGNALS],
        received_minor: received.iter().map(|leg| leg.amount_minor).sum(),
        tainted_minor: [0; SIGNALS],
        taken: Vec::new(),
        cuts: Vec::new(),
        evidence: Vec::new(),
        capped: false,
    };
    let mut desk = Desk { ctx, account, received, sent, scratch, result, keep, positive };
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
        let order = |list: &[Leg], into: &mut Vec<(u32, u32)>| {
            into.clear();
            into.extend((0..).zip(list).map(|(place, leg)| (leg.peer, place)));
            into.sort_unstable();
        };
        order(self.received, &mut scratch.by_payer);
        order(self.sent, &mut scratch.by_payee);
        scratch.taken.clear();
        scratch.taken.resize(self.received.len(), 0);
        scratch.payer_of.clear();
        scratch.payer_of.resize(self.received.len(), 0);
        scratch.payers.clear();
        let mut start = 0;
        for run in scratch.by_payer.chunk_by(|a, b| a.0 == b.0) {
            let (mut positive, mut net) = (0, 0);
            for &(_, place) in run {
                let amount = self.received[place as usize].amount_minor;
                positive += amount.max(0);
                net += amount;
                scratch.payer_of[place as usize] = scratch.payers.len() as u32;
            }
            let end = start + run.len() as u32;
            scratch.payers.push(Payer { account: run[0].0, start, end, positive, left: net.max(0) });
            start = end;
        }
    }

    /// Finds the purse behind each payer: the account that most of its payments here were forwarded from, the same money
    /// within the funding window; for a payer of nobody else also the account that brought most of its money. Whoever has
    /// none stands behind themselves.
    fn look_behind_payers(&mut self) {
        let mut behind = std::mem::take(&mut self.scratch.behind);
        behind.clear();
        let mut sources: Vec<u32> = Vec::new();
        for payer in &self.scratch.payers {
            sources.clear();
            let mut receipts = 0;
            let inflow = if payer.positive > 0 { self.ctx.legs.received(payer.account) } else { &[] };
            if !inflow.is_empty() {
                for &(_, place) in &self.scratch.by_payer[payer.start as usize..payer.end as usize] {
                    let leg = &self.received[place as usize];
                    if leg.amount_minor > 0 {
                        receipts += 1;
                        sources.extend(self.source_of(leg, inflow).map(|source| source.peer));
                    }
                }
            }
            sources.sort_unstable();
            let most = sources.chunk_by(|a, b| a == b).max_by_key(|run| (run.len(), std::cmp::Reverse(run[0])));
            behind.push(match most {
                Some(run) if run.len() * 2 >= receipts => (run[0], run.len() as u32),
                _ => (self.ctx.backer(payer.account, self.account), 0),
            });
        }
        self.scratch.behind = behind;
    }

    /// The transfer that a payer forwarded with `leg`: the latest one before it of nearly the same amount.
    fn source_of<'l>(&self, leg: &Leg, inflow: &'l [Leg]) -> Option<&'l Leg> {
        /// Transfers to the payer that are looked at.
        const LATEST: usize = 32;
        let (window, tolerance) = (self.ctx.config.funding_window_seconds, self.ctx.config.amount_tolerance);
        let until = inflow.partition_point(|before| before.at_seconds <= leg.at_seconds);
        inflow[..until]
            .iter()
            .rev()
            .take(LATEST)
            .take_while(|before| leg.at_seconds - before.at_seconds <= window)
            .find(|before| before.peer != self.account && near(leg.amount_minor, before.amount_minor, tolerance))
    }

    /// Puts the score of a signal down, with what proves it.
    fn note(&mut self, signal: Signal, score: f64, proof: Vec<(f64, u32)>) {
        self.result.scores[signal.index()] = score.clamp(0.0, 1.0) as f32;
        if self.keep && score > 0.0 && !proof.is_empty() {
            let rows = most_telling(proof, self.ctx.config.evidence_rows);
            self.result.evidence.push((signal, rows));
        }
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
        self.loan_funded();
        self.shared_device();
        self.circular();
        self.round_trips();
        self.exclusivity();
    }

    fn loan_funded(&mut self) {
        self.scratch.taints.clear();
        if self.ctx.loans.is_empty() {
            return;
        }
        let mut proof = Vec::new();
        let window = self.ctx.config.loan_window_seconds;
        for payer in &self.scratch.payers {
            let places = &self.scratch.by_payer[payer.start as usize..payer.end as usize];
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

    fn shared_device(&mut self) {
        self.scratch.taints.clear();
        if !self.ctx.marks.has_things() || self.ctx.marks.first_thing(self.account).is_none() {
            return;
        }
        for payer in &self.scratch.payers {
            if self.ctx.marks.share(self.account, payer.account) {
                let places = &self.scratch.by_payer[payer.start as usize..payer.end as usize];
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

    fn circular(&mut self) {
        self.scratch.taints.clear();
        let mut rows: Vec<u32> = Vec::new();
        let mut proof = Vec::new();
        let mut circles = 0i32;
        let mut add = |flow: &crate::graph::temporal::CircularFlow, keep: bool| {
            circles += 1;
            rows.extend_from_slice(&flow.rows);
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
                self.result.capped |= !found.capped.is_empty();
            }
        }
        if circles == 0 {
            return;
        }
        rows.sort_unstable();
        for (place, leg) in (0..).zip(self.received) {
            if rows.binary_search(&leg.row).is_ok() {
                self.scratch.taints.push((place, leg.amount_minor));
            }
        }
        let score = 1.0 - (1.0 - self.tainted_share()) * 0.5f64.powi(circles.min(60));
        self.note(Signal::CircularFlow, score, proof);
        self.take(Signal::CircularFlow);
    }

    fn round_trips(&mut self) {
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

    /// The stretch of `by_payee` that went to `account`.
    fn sent_to(&self, account: u32) -> std::ops::Range<usize> {
        let start = self.scratch.by_payee.partition_point(|pair| pair.0 < account);
        let length = self.scratch.by_payee[start..].partition_point(|pair| pair.0 == account);
        start..start + length
    }

    fn direct_returns(&mut self, proof: &mut Vec<(f64, u32)>) {
        let mut taints = std::mem::take(&mut self.scratch.taints);
        let mut next = 0;
        let payees = &self.scratch.by_payee;
        for payer in &self.scratch.payers {
            // Both lists ascend by account: walk them side by side.
            while next < payees.len() && payees[next].0 < payer.account {
                next += 1;
            }
            let start = next;
            while next < payees.len() && payees[next].0 == payer.account {
                next += 1;
            }
            if start == next {
                continue;
            }
            let receipts = self.scratch.by_payer[payer.start as usize..payer.end as usize].iter().map(|pair| pair.1);
            let returns = payees[start..next].iter().map(|pair| pair.1);
            let returns: Vec<u32> = returns.collect();
            self.match_returns(receipts.collect(), &returns, payer.positive, &mut taints, proof);
        }
        self.scratch.taints = taints;
    }

    /// A purse pays puppets, the puppets pay the account, the account pays the purse: one hop more than a round trip.
    fn returns_to_purses(&mut self, proof: &mut Vec<(f64, u32)>) {
        let mut puppets_of: Vec<(u32, u32)> = Vec::new();
        for (number, (payer, &(purse, _))) in (0..).zip(self.scratch.payers.iter().zip(&self.scratch.behind)) {
            if purse != payer.account && !self.sent_to(purse).is_empty() {
                puppets_of.push((purse, number));
            }
        }
        puppets_of.sort_unstable();
        let mut taints = std::mem::take(&mut self.scratch.taints);
        for puppets in puppets_of.chunk_by(|a, b| a.0 == b.0) {
            let mut receipts: Vec<u32> = Vec::new();
            let mut positive = 0;
            for &(_, number) in puppets {
                let payer = self.scratch.payers[number as usize];
                positive += payer.positive;
                let own = &self.scratch.by_payer[payer.start as usize..payer.end as usize];
                receipts.extend(own.iter().map(|pair| pair.1));
            }
            receipts.sort_unstable();
            let returns = self.sent_to(puppets[0].0);
            let returns: Vec<u32> = self.scratch.by_payee[returns].iter().map(|pair| pair.1).collect();
            self.match_returns(receipts, &returns, positive, &mut taints, proof);
        }
        self.scratch.taints = taints;
    }

    /// Matches money sent back with receipts within the window either way, in order of time.
    fn match_returns(
        &self,
        receipts: Vec<u32>,
        returns: &[u32],
        positive: i64,
        taints: &mut Vec<(u32, i64)>,
        proof: &mut Vec<(f64, u32)>,
    ) {
        let window = self.ctx.config.return_window_seconds;
        let receipts: Vec<u32> =
            receipts.into_iter().filter(|&place| self.received[place as usize].amount_minor > 0).collect();
        let mut matched = vec![0i64; receipts.len()];
        let mut pairs: Vec<(f64, u32)> = Vec::new();
        let mut first = 0;
        let mut total = 0;
        for &back in returns {
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
        // Friends settle bills now and then; a ring goes round again and again, or moves much at once.
        let rounds = matched.iter().filter(|&&minor| minor > 0).count();
        let config = self.ctx.config;
        let large = i128::from(total) * 10_000 >= i128::from(self.positive) * i128::from(config.return_share.get());
        if rounds < config.return_rounds as usize && !large {
            return;
        }
        proof.extend(pairs);
        let whole = total > 0 && total * 2 >= positive;
        for (&place, &matched) in receipts.iter().zip(&matched) {
            let minor = if whole { self.received[place as usize].amount_minor } else { matched };
            if minor > 0 {
                taints.push((place, minor));
                if self.keep && whole {
                    proof.push((minor as f64 / 2.0, self.received[place as usize].row));
                }
            }
        }
    }

    /// Payers that pay nobody else; and puppets: payers that again and again forward here what one purse just gave them.
    fn exclusivity(&mut self) {
        self.scratch.taints.clear();
        let mut proof = Vec::new();
        let (mut exclusive, mut count, mut puppets) = (0usize, 0usize, 0usize);
        let mut taints = std::mem::take(&mut self.scratch.taints);
        for (payer, &(_, forwarded)) in self.scratch.payers.iter().zip(&self.scratch.behind) {
            if payer.positive <= 0 {
                continue;
            }
            count += 1;
            let sole = self.ctx.sole_payee(payer.account) == Some(self.account);
            let puppet = forwarded >= PUPPET;
            exclusive += usize::from(sole && !puppet);
            puppets += usize::from(puppet);
            if !sole && !puppet {
                continue;
            }
            let inflow = self.ctx.legs.received(payer.account);
            for &(_, place) in &self.scratch.by_payer[payer.start as usize..payer.end as usize] {
                let leg = &self.received[place as usize];
                if leg.amount_minor <= 0 {
                    continue;
                }
                if puppet {
                    taints.push((place, leg.amount_minor));
                }
                if self.keep {
                    proof.push((leg.amount_minor as f64, leg.row));
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

    /// The signals about how the account's transfers are spread.
    fn shape_signals(&mut self) {
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

    fn has_history(&self) -> bool {
        self.received.first().is_some_and(|first| self.ctx.as_of - first.at_seconds >= 3 * shape::BLOCK)
    }

    fn burst_signals(&mut self) {
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

    /// Whether the largest payers know other payers.
    fn own_circle(&mut self) {
        /// A row of relations longer than this is a hub's, and knowing a hub makes no circle.
        const LONGEST: usize = 512;
        let Some(graph) = self.ctx.graph else { return };
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
            let row = graph.neighbours(payer.account);
            let knows = row.len() <= LONGEST
                && row.iter().any(|other| payers.binary_search_by_key(other, |payer| payer.account).is_ok());
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

    /// The signals that were found for the whole market beforehand; of them, one account alone can only tell the
    /// scatter-gathers that start from it.
    fn market_signals(&mut self) {
        let Some(market) = self.ctx.market else {
            let config = scatter_config(self.ctx.config);
            if !scatters_at_all(self.sent, &config) {
                return;
            }
            let around = scatter_gathers(self.ctx.legs, self.account.into(), &config).unwrap_or_default();
            self.result.capped |= around.capped;
            let most = around.found.iter().map(|found| found.middle.len()).max().unwrap_or(0);
            if most > 2 {
                let rows = around.found.iter().flat_map(|found| found.rows.iter().map(|&row| (1.0, row)));
                let rows = if self.keep { rows.collect() } else { Vec::new() };
                self.note(Signal::ScatterGather, 1.0 - 0.5f64.powi(most as i32 - 2), rows);
            }
            return;
        };
        for (signal, patterns) in [
            (Signal::AmountTrail, &market.trails),
            (Signal::DenseBlock, &market.dense),
            (Signal::FlowThroughBlock, &market.layers),
            (Signal::ScatterGather, &market.scatters),
        ] {
            let (mut score, mut proof) = (0f32, Vec::new());
            for pattern in patterns.of(self.account) {
                score = score.max(pattern.strength);
                if self.keep {
                    proof.extend(pattern.rows.iter().map(|&row| (f64::from(pattern.strength), row)));
                }
            }
            self.note(signal, f64::from(score), proof);
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

    /// What signals about the shape of the business take: nothing, unless the caller says so.
    fn take_by_shape(&mut self) {
        for signal in Signal::ALL.into_iter().skip(Signal::PassThrough.index()) {
            let score = f64::from(self.result.scores[signal.index()]);
            let jump = signal == Signal::PreApplicationLift;
            if self.ctx.config.haircuts.of(signal) == 0 || score <= 0.0 || jump {
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
    fn hold_jump(&mut self) {
        if self.ctx.config.haircuts.of(Signal::PreApplicationLift) > 0 {
            self.scratch.taints.clear();
            self.taint_jump();
            self.take(Signal::PreApplicationLift);
        }
    }

    fn taint_jump(&mut self) {
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

    /// No payer, with those it funds, may hold more than its share of what is left.
    fn cap_payers(&mut self) {
        let scratch = &mut *self.scratch;
        if scratch.payers.is_empty() {
            return;
        }
        // Payers with the same purse behind them are one.
        let mut groups = std::mem::take(&mut scratch.groups);
        groups.clear();
        for (number, (payer, &(purse, _))) in (0..).zip(scratch.payers.iter().zip(&scratch.behind)) {
            if payer.left > 0 {
                groups.push((purse, number));
            }
        }
        groups.sort_unstable();
        let mut sums: Vec<i64> = Vec::with_capacity(groups.len());
        let sum_of = |payers: &[Payer], run: &[(u32, u32)]| run.iter().map(|g| payers[g.1 as usize].left).sum::<i64>();
        sums.extend(groups.chunk_by(|a, b| a.0 == b.0).map(|run| sum_of(&scratch.payers, run)));
        let config = self.ctx.config;
        let most = largest_contribution(&mut sums, config.payer_floor_minor, i64::from(config.payer_share.get()));
        let (mut sum, mut count) = (0, 0);
        for run in groups.chunk_by(|a, b| a.0 == b.0) {
            let mut excess = sum_of(&scratch.payers, run) - most;
            for &(_, number) in run.iter().rev() {
                let payer = &mut scratch.payers[number as usize];
                for &(_, place) in scratch.by_payer[payer.start as usize..payer.end as usize].iter().rev() {
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

    fn finish(mut self) -> Examination {
        if self.keep {
            let cut = self.scratch.taken.iter().zip(self.received).filter(|(taken, _)| **taken > 0);
            self.result.cuts = cut.map(|(&taken, leg)| (leg.row, taken)).collect();
            self.result.evidence.sort_by_key(|evidence| evidence.0);
        }
        self.result
    }
}

fn near(one: i64, other: i64, tolerance: f64) -> bool {
    (one as f64 - other as f64).abs() <= one.max(other) as f64 * tolerance
}

fn ten_major(scale: Scale) -> i64 {
    10 * scale.minor_per_major()
}
