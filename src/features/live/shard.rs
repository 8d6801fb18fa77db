//! A share of the accounts, kept by one thread at a time.

use crate::features::live::Event;
use crate::features::live::SHARDS;
use crate::features::live::account::LiveAccount;
use crate::features::live::few::Receipts;
use crate::features::live::rows::FlowRows;
use crate::features::live::rows::FlowValues;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::graph::live::Blocks;
use crate::graph::live::Pool;
use crate::graph::wide::prefetch;

/// Events whose memory is brought near together.
pub(super) const TOGETHER: usize = 32;

/// The accounts whose slot leaves the same remainder. Threads write to several shards at a time, so none shares a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard {
    accounts: Blocks<LiveAccount>,
    pool: Pool<Leg>,
    receipts: Receipts,
    /// Which party, 0 for the payer and 1 for the payee, of which event is to be seen to, in the order of the events.
    turns: Vec<(u32, u32)>,
    /// Rows that these will give.
    wanted: u32,
    rows: FlowRows,
}

fn place_of(slot: u32) -> usize {
    slot as usize / SHARDS
}

impl Shard {
    /// One of the parties of the event of this number is an account of this shard; the place of its row, if it gives one.
    pub(super) fn queue(&mut self, number: usize, party: usize, comes: bool) -> u32 {
        self.turns.push((number as u32, party as u32));
        self.wanted += u32::from(comes);
        self.wanted.wrapping_sub(1)
    }

    /// Sees to all that was queued.
    pub(super) fn apply(&mut self, events: &[Event], context: &Context<'_>) {
        let mut context = *context;
        let turns = std::mem::take(&mut self.turns);
        for group in turns.chunks(TOGETHER) {
            self.prefetch(group, events);
            for &(number, party) in group {
                let event = &events[number as usize];
                (context.as_of_day, context.has_hours) = (event.as_of_day, event.has_hours);
                self.apply_one(event, party as usize, &context);
            }
        }
        self.turns = turns;
    }

    /// Hands over the rows that what was queued gave, in exchange for those of an earlier batch, to be written over.
    pub(super) fn hand_over(&mut self, rows: &mut FlowRows) {
        std::mem::swap(&mut self.rows, rows);
        self.rows.begin();
        self.turns.clear();
        self.wanted = 0;
    }

    /// Whether nothing was queued.
    pub(super) fn is_idle(&self) -> bool {
        self.turns.is_empty()
    }

    /// Asks for the account in a slot ahead of its turn.
    #[inline]
    pub(super) fn prefetch_account(&self, slot: u32) {
        self.accounts.get(place_of(slot)).into_iter().for_each(prefetch);
    }

    /// Asks for the accounts, then for what they point at, and then for what that points at: waits overlap, and what follows
    /// finds its memory near.
    fn prefetch(&self, turns: &[(u32, u32)], events: &[Event]) {
        let slots = || turns.iter().map(|&(number, party)| events[number as usize].slots[party as usize]);
        let accounts = || slots().filter_map(|slot| self.accounts.get(place_of(slot)));
        accounts().for_each(prefetch);
        accounts().for_each(|account| account.prefetch(&self.pool));
        accounts().for_each(LiveAccount::prefetch_ends);
    }

    fn apply_one(&mut self, event: &Event, party: usize, context: &Context<'_>) {
        let (transfer, slot) = (&event.transfer, event.slots[party]);
        let other = if party == 0 { transfer.payee } else { transfer.payer };
        let leg = Leg {
            at_seconds: transfer.at_seconds,
            amount_minor: transfer.amount_minor,
            other: other.get(),
            is_in: party == 1,
        };
        let place = place_of(slot);
        if !event.comes {
            if let Some(account) = self.accounts.get_mut(place) {
                account.go(&leg, &mut self.pool, context);
            }
        } else if transfer.payer == transfer.payee {
            let mut values = FlowValues::undefined();
            self.write(slot, context, &mut values);
            *self.rows.next() = values;
        } else {
            self.accounts.grow_to(place + 1);
            self.accounts[place].come(leg, &mut self.pool, context, &mut self.receipts, self.rows.next());
        }
    }

    /// The features of the account in a slot now; of no slot, those of an account without transfers.
    pub(super) fn write(&self, slot: u32, context: &Context<'_>, values: &mut FlowValues) {
        let account = self.accounts.get(place_of(slot)).unwrap_or(&LiveAccount::None);
        account.write(&self.pool, context, &mut Receipts::new(), values);
    }
}
