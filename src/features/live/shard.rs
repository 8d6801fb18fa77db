//! A share of the accounts, kept by one thread at a time.

use std::hint::black_box;

use crate::features::live::Event;
use crate::features::live::SHARDS;
use crate::features::live::account::LiveAccount;
use crate::features::live::few::Scratch;
use crate::features::live::rows::FlowValues;
use crate::features::live::shard_of;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Sums;
use crate::graph::live::Pool;

/// Events whose memory is brought near together.
pub(super) const TOGETHER: usize = 32;

/// The accounts whose slot leaves the same remainder.
#[derive(Debug, Default)]
pub(super) struct Shard {
    accounts: Vec<LiveAccount>,
    pool: Pool<Leg>,
    scratch: Scratch,
    /// What the last batch gave.
    pub(super) rows: Vec<FlowValues>,
}

fn place_of(slot: u32) -> usize {
    slot as usize / SHARDS
}

impl Shard {
    /// Puts the events through that concern the accounts of this shard, which is the `number`-th.
    pub(super) fn apply<'a>(&mut self, number: usize, events: &[Event], context_at: impl Fn(&Event) -> Context<'a>) {
        self.rows.clear();
        for group in events.chunks(TOGETHER) {
            if group.len() > 1 {
                self.touch(number, group);
            }
            for event in group {
                self.apply_one(number, event, &context_at);
            }
        }
    }

    /// Reads the accounts of the events once, each step for all of them before the next: reads that do not wait for one
    /// another overlap, and what follows finds its memory near.
    fn touch(&self, number: usize, events: &[Event]) {
        let slots = || events.iter().flat_map(|event| event.slots).filter(|&slot| shard_of(slot) == number);
        let accounts = || slots().filter_map(|slot| self.accounts.get(place_of(slot)));
        black_box(accounts().filter(|account| matches!(account, LiveAccount::One(_))).count());
        black_box(accounts().fold(0, |sum, account| sum ^ account.touch(&self.pool)));
    }

    fn apply_one<'a>(&mut self, number: usize, event: &Event, context_at: &impl Fn(&Event) -> Context<'a>) {
        let [mine, its] = event.slots.map(|slot| shard_of(slot) == number);
        if !(mine || its) {
            return;
        }
        let (transfer, [payer, payee]) = (&event.transfer, event.slots);
        let context = context_at(event);
        let sides = [(mine, payer, transfer.payee, 0), (its, payee, transfer.payer, 1)];
        for (_, slot, other, tag) in sides.into_iter().filter(|side| side.0) {
            let leg =
                Leg { at_seconds: transfer.at_seconds, amount_minor: transfer.amount_minor, other: other.get(), tag };
            if payer != payee {
                self.change(slot, leg, event.comes, &context);
            }
            if event.comes {
                self.rows.push(FlowValues::undefined());
                if let Some(values) = self.rows.last_mut() {
                    match self.accounts.get(place_of(slot)) {
                        Some(account) => account.write(&self.pool, &context, &mut self.scratch, values),
                        None => Sums::default().write(&context, values),
                    }
                }
            }
        }
    }

    fn change(&mut self, slot: u32, leg: Leg, comes: bool, context: &Context<'_>) {
        let place = place_of(slot);
        if comes {
            if place >= self.accounts.len() {
                self.accounts.resize_with(place + 1, LiveAccount::default);
            }
            self.accounts[place].add(leg, &mut self.pool, context);
        } else if let Some(account) = self.accounts.get_mut(place) {
            account.take(&leg, &mut self.pool, context);
        }
    }

    /// The features of the account in a slot now; of no slot, those of an account without transfers.
    pub(super) fn write(&self, slot: u32, context: &Context<'_>, values: &mut FlowValues) {
        match self.accounts.get(place_of(slot)) {
            Some(account) => account.write(&self.pool, context, &mut Scratch::default(), values),
            None => Sums::default().write(context, values),
        }
    }
}
