//! Money that accounts pass on: every receipt and payment of an account that may be the same money, met once for all searches
//! that ask for them.
//!
//! Most payments have no receipt of nearly their amount before them, and nothing more has to be asked about these.

use std::ops::Range;

use crate::error::Result;
use crate::graph::temporal::{Leg, Legs, ScatterConfig, near};
use crate::parallel::{sort_unstable, try_map_chunks};
use crate::progress::Progress;

use super::by_account::ByAccount;
use super::chain::{self, Step, link_over};
use super::config::AuditConfig;
use super::facts::{Facts, LATEST, source_among};
use super::scattered::{Hop, hops_over};
use super::signal::Signal;

const CHUNK: usize = 1 << 12;

/// What accounts passed on.
#[derive(Debug, Default)]
pub(super) struct PassedOn {
    /// Payments of nearly what their payer was just paid by somebody else, within the funding window, by payee: payer, and
    /// whom it came from, ascending.
    pub forwarded: ByAccount<[u32; 2]>,
    /// Receipts and payments that may be part of a chain, in order of the accounts.
    pub links: Vec<[Step; 2]>,
    /// Hops between somebody who scatters and somebody who gathers, piece by piece.
    pub hops: Vec<Vec<Hop>>,
    /// Accounts whose search for hops reached its cap, ascending.
    pub capped: Vec<u32>,
}

impl PassedOn {
    /// Looks at every account.
    pub fn of(
        legs: &impl Legs,
        facts: &Facts,
        config: &AuditConfig,
        scatter: &ScatterConfig,
        progress: Progress<'_>,
    ) -> Result<Self> {
        let accounts = legs.accounts();
        let parts = try_map_chunks(accounts, CHUNK, |range| {
            progress.step("looking for money passed on", range.start as u64, accounts as u64)?;
            let mut search = Search::new(legs, facts, config, scatter);
            range.for_each(|account| search.look_at(account as u32));
            Ok(search.found)
        })?;
        let (mut all, mut forwarded) = (Self::default(), Vec::new());
        for part in parts {
            forwarded.extend(part.forwarded);
            all.links.extend(part.links);
            all.hops.push(part.hops);
            all.capped.extend(part.capped);
        }
        sort_unstable(&mut forwarded);
        all.forwarded = ByAccount::of(forwarded.into_iter().map(|[payee, payer, source]| (payee, [payer, source])));
        Ok(all)
    }
}

/// What was found at some accounts.
#[derive(Default)]
struct Found {
    /// Payee, payer and whom the money came from.
    forwarded: Vec<[u32; 3]>,
    links: Vec<[Step; 2]>,
    hops: Vec<Hop>,
    capped: Vec<u32>,
}

struct Search<'a, L> {
    legs: &'a L,
    facts: &'a Facts,
    config: &'a AuditConfig,
    scatter: &'a ScatterConfig,
    follows_chains: bool,
    follows_hops: bool,
    /// Seconds before a payment in which the receipts of a chain or of scattered money lie.
    window: i64,
    found: Found,
    /// Places of receipts of nearly the amount of the payment at hand.
    alike: Vec<u32>,
    inflow: Vec<Leg>,
}

/// Amounts between which those lie that are nearly `amount`, whichever of the two is larger, and a few others at the ends; none
/// where it is a refund or nothing.
fn around(amount: i64, tolerance: f64) -> [i64; 2] {
    if amount <= 0 {
        return [1, 0];
    }
    let amount = amount as f64;
    let low = (amount * (1.0 - tolerance) * (1.0 - 1e-9) - 1.0) as i64;
    [low.max(1), (amount / (1.0 - tolerance) * (1.0 + 1e-9) + 1.0) as i64]
}

impl<'a, L: Legs> Search<'a, L> {
    fn new(legs: &'a L, facts: &'a Facts, config: &'a AuditConfig, scatter: &'a ScatterConfig) -> Self {
        Self {
            legs,
            facts,
            config,
            scatter,
            follows_chains: config.looks_for(Signal::AmountTrail),
            follows_hops: config.looks_for(Signal::ScatterGather),
            window: chain::WINDOW.max(scatter.window_seconds),
            found: Found::default(),
            alike: Vec::new(),
            inflow: Vec::new(),
        }
    }

    /// Looks at what `account` passed on.
    fn look_at(&mut self, account: u32) {
        let (received, sent) = (self.legs.received(account), self.legs.sent(account));
        if received.is_empty() {
            return;
        }
        let earlier_hops = self.found.hops.len();
        let steps = self.meet(account, received, sent);
        if self.follows_hops && self.may_be_capped(steps) {
            // Steps are only counted there.
            self.found.hops.truncate(earlier_hops);
            let Found { hops, capped, .. } = &mut self.found;
            if !hops_over(self.legs, account, self.facts, self.scatter, &mut self.inflow, hops) {
                capped.push(account);
            }
        }
    }

    /// Meets every payment with the receipts before it, and tells how many steps a search for hops takes at the most.
    fn meet(&mut self, account: u32, received: &[Leg], sent: &[Leg]) -> usize {
        let (mut place, mut first, mut end, mut steps) = (0, 0, 0, sent.len());
        while let Some(out) = sent.get(place) {
            end += received[end..].iter().take_while(|into| into.at_seconds <= out.at_seconds).count();
            let since = out.at_seconds.saturating_sub(self.window);
            first += received[first..end].iter().take_while(|into| into.at_seconds < since).count();
            steps += (end - first) / 16;
            let from = self.first_asked(first, end, steps);
            if from == end {
                // On to the payments after the next receipt.
                let Some(next) = received.get(end) else { break };
                place += sent[place..].iter().take_while(|out| out.at_seconds < next.at_seconds).count();
                continue;
            }
            let [low, high] = around(out.amount_minor, self.config.amount_tolerance);
            self.alike.clear();
            let asked = (from as u32..).zip(&received[from..end]);
            self.alike.extend(asked.filter(|(_, into)| (low..=high).contains(&into.amount_minor)).map(|pair| pair.0));
            if !self.alike.is_empty() {
                self.forwarded(account, received, end, out);
                self.linked(account, received, first..end, sent, place);
                self.hopped(account, received, out);
            }
            place += 1;
        }
        steps
    }

    /// Whether a search for hops that takes `steps` at the most may reach its cap.
    fn may_be_capped(&self, steps: usize) -> bool {
        steps > self.scatter.max_steps as usize
    }

    /// The first receipt that is asked, of those within the window.
    fn first_asked(&self, first: usize, end: usize, steps: usize) -> usize {
        let latest = end.saturating_sub(LATEST);
        match self.may_be_capped(steps) {
            // All others are asked for the sake of hops only.
            true => latest,
            false if self.config.funding_window_seconds > self.window => first.min(latest),
            false => first,
        }
    }

    fn forwarded(&mut self, payer: u32, received: &[Leg], end: usize, out: &Leg) {
        let latest = self.alike.iter().rev().take_while(|&&place| place as usize + LATEST >= end);
        let before = latest.map(|&place| &received[place as usize]);
        if let Some(source) = source_among(out, out.peer, before, self.config) {
            self.found.forwarded.push([out.peer, payer, source.peer]);
        }
    }

    fn linked(&mut self, account: u32, received: &[Leg], window: Range<usize>, sent: &[Leg], place: usize) {
        if self.follows_chains {
            let since = sent[place].at_seconds.saturating_sub(chain::WINDOW);
            let first = window.start + received[window.clone()].partition_point(|into| into.at_seconds < since);
            let alike = self.alike.iter().rev().map(|&place| place as usize).take_while(|&place| place >= first);
            let alike = alike.map(|place| &received[place]);
            let tolerance = self.config.amount_tolerance;
            self.found.links.extend(link_over(account, &received[first..window.end], alike, sent, place, tolerance));
        }
    }

    fn hopped(&mut self, middle: u32, received: &[Leg], out: &Leg) {
        if !self.follows_hops || !self.facts.gathers.contains(out.peer) {
            return;
        }
        let since = out.at_seconds.saturating_sub(self.scatter.window_seconds);
        for into in self.alike.iter().map(|&place| &received[place as usize]) {
            if into.at_seconds >= since
                && into.peer != out.peer
                && near(into.amount_minor, out.amount_minor, self.scatter.amount_tolerance)
                && self.facts.scatters.contains(into.peer)
            {
                self.found.hops.push((into.peer, out.peer, middle, [into.row, out.row]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::knowledge::scatter_config;
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::transfer::{Transfer, Transfers};
    use proptest::prelude::*;

    proptest! {
        /// The slow twin looks at every pair of a receipt and a payment.
        #[test]
        fn forwarded_payments_are_those_of_nested_loops(
            rows in prop::collection::vec((0u32..6, 0u32..6, -3i64..30, 0i64..40), 0..40),
            window in 1i64..30, minutes in prop_oneof![Just(1i64), Just(400), Just(90_000)], max_steps in prop_oneof![Just(1u32), Just(1 << 13)],
        ) {
            let window = window * minutes;
            let rows: Vec<_> = rows.into_iter().map(|(payer, payee, amount, at)| (payer, payee, amount, at * minutes)).collect();
            let pay = |&(payer, payee, amount_minor, at_seconds): &(u32, u32, i64, i64)| Transfer {
                payer: payer.into(), payee: payee.into(), amount_minor, at_seconds,
            };
            let all: Transfers = rows.iter().map(pay).collect();
            let index = TemporalIndex::build(&all.columns(), 6, Progress::silent()).unwrap();
            let config = AuditConfig { funding_window_seconds: window, max_steps, ..AuditConfig::default() };
            let scatter = scatter_config(&config);
            let facts = Facts::of(&index, scatter.window_seconds);
            let passed_on = PassedOn::of(&index, &facts, &config, &scatter, Progress::silent()).unwrap();
            for account in 0..6u32 {
                let sent: Vec<_> = rows.iter().filter(|row| row.0 == account && row.1 != account).collect();
                let received: Vec<_> = rows.iter().filter(|row| row.1 == account && row.0 != account).collect();
                // The latest of those that fit, in order of time and row.
                let mut forwarded: Vec<[u32; 3]> = Vec::new();
                for out in sent.iter().filter(|out| out.2 > 0) {
                    let source = received.iter().enumerate().filter(|(_, into)| {
                        into.0 != out.1 && (0..=window).contains(&(out.3 - into.3))
                            && (out.2 - into.2).abs() as f64 <= out.2.max(into.2) as f64 * 0.1
                    }).max_by_key(|(place, into)| (into.3, *place));
                    forwarded.extend(source.map(|(_, into)| [out.1, account, into.0]));
                }
                forwarded.sort_unstable();
                let to = |payee: u32| passed_on.forwarded.of_account(payee).iter().map(move |&[payer, source]| [payee, payer, source]);
                let told: Vec<[u32; 3]> = (0..6).flat_map(to).filter(|one| one[1] == account).collect();
                prop_assert_eq!(told, forwarded);
            }
        }
    }
}
