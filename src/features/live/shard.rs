//! A share of the accounts, kept by one thread at a time.

use std::hint::black_box;

use crate::account::AccountIndex;
use crate::features::activity::Scratch;
use crate::features::live::Event;
use crate::features::live::SHARDS;
use crate::features::live::account::LiveAccount;
use crate::features::live::rows::FlowValues;
use crate::features::live::shard_of;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Sums;
use crate::graph::live::Pages;

/// Events whose memory is brought near together.
pub(super) const TOGETHER: usize = 32;

/// The accounts whose number leaves the same remainder.
#[derive(Debug, Default)]
pub(super) struct Shard {
    slots: Pages,
    accounts: Vec<LiveAccount>,
    free: Vec<u32>,
    scratch: Scratch,
    /// What the last batch gave.
    pub(super) rows: Vec<FlowValues>,
}

fn key(account: AccountIndex) -> u32 {
    account.get() / SHARDS as u32
}

impl Shard {
    /// Puts the events through that concern the accounts of this shard, which is the `number`-th.
    pub(super) fn apply<'a>(&mut self, number: usize, events: &[Event], context_at: impl Fn(i64) -> Context<'a>) {
        self.rows.clear();
        for group in events.chunks(TOGETHER) {
            if group.len() > 1 {
                self.touch(number, group);
            }
            self.apply_group(number, group, &context_at);
        }
    }

    /// Reads the accounts of the events once, each step for all of them before the next: reads that do not wait for one
    /// another overlap, and what follows finds its memory near.
    fn touch(&self, number: usize, events: &[Event]) {
        let mut slots = [u32::MAX; 2 * TOGETHER];
        let parties = events.iter().flat_map(|event| [event.transfer.payer, event.transfer.payee]);
        for (slot, account) in slots.iter_mut().zip(parties) {
            if shard_of(account) == number {
                *slot = self.slots.get(key(account)).map_or(u32::MAX, |slot| slot as u32);
            }
        }
        let here = || slots.iter().filter_map(|&slot| self.accounts.get(slot as usize));
        black_box(here().filter(|account| matches!(account, LiveAccount::One(_))).count());
        black_box(here().fold(0, |sum, account| sum ^ account.touch()));
    }

    fn apply_group<'a>(&mut self, number: usize, events: &[Event], context_at: &impl Fn(i64) -> Context<'a>) {
        for event in events {
            let transfer = &event.transfer;
            let sides = [(transfer.payer, transfer.payee, 0), (transfer.payee, transfer.payer, 1)];
            if sides.iter().all(|(account, ..)| shard_of(*account) != number) {
                continue;
            }
            let context = context_at(event.newest_seconds);
            for (account, other, tag) in sides.into_iter().filter(|(account, ..)| shard_of(*account) == number) {
                let leg = Leg {
                    at_seconds: transfer.at_seconds,
                    amount_minor: transfer.amount_minor,
                    other: other.get(),
                    tag,
                };
                if transfer.payer != transfer.payee {
                    if event.comes {
                        self.add(account, leg, &context);
                    } else {
                        self.take(account, &leg, &context);
                    }
                }
                if event.comes {
                    let slot = self.slots.get(key(account));
                    self.rows.push(FlowValues::undefined());
                    let Some(values) = self.rows.last_mut() else { continue };
                    match slot {
                        Some(slot) => self.accounts[slot].write(&context, &mut self.scratch, values),
                        None => Sums::default().write(&context, values),
                    }
                }
            }
        }
    }

    fn add(&mut self, account: AccountIndex, leg: Leg, context: &Context<'_>) {
        let slot = match self.slots.get(key(account)) {
            Some(slot) => slot,
            None => {
                let slot = match self.free.pop() {
                    Some(slot) => slot as usize,
                    None => {
                        self.accounts.push(LiveAccount::default());
                        self.accounts.len() - 1
                    }
                };
                self.slots.set(key(account), Some(slot));
                slot
            }
        };
        self.accounts[slot].add(leg, context);
    }

    fn take(&mut self, account: AccountIndex, leg: &Leg, context: &Context<'_>) {
        let Some(slot) = self.slots.get(key(account)) else { return };
        self.accounts[slot].take(leg, context);
        if self.accounts[slot].is_empty() {
            self.accounts[slot] = LiveAccount::default();
            self.slots.set(key(account), None);
            self.free.push(slot as u32);
        }
    }

    /// The features of one account now.
    pub(super) fn write(&self, account: AccountIndex, context: &Context<'_>, values: &mut FlowValues) {
        match self.slots.get(key(account)) {
            Some(slot) => self.accounts[slot].write(context, &mut Scratch::default(), values),
            None => Sums::default().write(context, values),
        }
    }
}
