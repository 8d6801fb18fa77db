//! Live features: transfers come one by one or in small batches, a sliding window forgets them exactly, and the features of
//! both parties are at hand right after each.
//!
//! [`Transfer`]` -> `[`LiveFeatures::push`]` -> `[`LiveRows`], under a [`LiveConfig`]. Whatever came before (late transfers
//! within the slack, forgotten ones, retractions, a snapshot and a restart), every value has the bits that
//! [`extract_exact`](crate::features::extract_exact) gives over the transfers that are in the window at that moment: both
//! keep whole numbers and put them through the same formulas.

mod account;
mod arrivals;
mod few;
mod queue;
mod rows;
mod shard;
mod snapshot;
mod window;

pub use rows::{LiveRow, LiveRows, Side};

use serde::{Deserialize, Serialize};

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::features::live::rows::FlowValues;
use crate::features::live::rows::StructureValues;
use crate::features::live::shard::Shard;
use crate::features::live::window::Window;
use crate::features::sums::Context;
use crate::features::sums::Logarithms;
use crate::graph::LiveGraph;
use crate::graph::live::NO_SLOT;
use crate::graph::live::Relations;
use crate::money::Scale;
use crate::parallel::for_each_chunk_mut;
use crate::parallel::join;
use crate::transfer::AT_SECONDS;
use crate::transfer::DAY_SECONDS;
use crate::transfer::Transfer;
use crate::transfer::Transfers;
use crate::transfer::UtcOffset;

/// Slots are dealt to this many shards, whatever the number of threads.
const SHARDS: usize = 16;
/// Batches below this are not worth waking another thread for.
const BATCH_FOR_THREADS: usize = 64;

/// What a live window holds and how its days are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LiveConfig {
    /// Length of the window in days of 86,400 seconds: a transfer counts while it is younger than that, compared with the
    /// newest one seen. 90 by default.
    pub window_days: u32,
    /// How many seconds a transfer may be older than the newest one seen before it; less than the window. 0 by default.
    pub slack_seconds: u32,
    /// Where civil days, hours and weekdays are cut. UTC by default.
    pub utc_offset: UtcOffset,
    /// How many decimals a major unit has. Cents by default.
    pub scale: Scale,
    /// Amounts are not known: what needs them is undefined, as in a batch without amounts. `false` by default.
    pub without_amounts: bool,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            window_days: 90,
            slack_seconds: 0,
            utc_offset: UtcOffset::UTC,
            scale: Scale::CENTS,
            without_amounts: false,
        }
    }
}

impl LiveConfig {
    pub(super) fn window_seconds(&self) -> i64 {
        i64::from(self.window_days) * DAY_SECONDS
    }

    fn check(&self) -> Result<()> {
        if self.window_days == 0 {
            return Err(Error::invalid("window_days", self.window_days, "at least 1"));
        }
        if i64::from(self.slack_seconds) >= self.window_seconds() {
            return Err(Error::invalid("slack_seconds", self.slack_seconds, "less than the window"));
        }
        Ok(())
    }
}

/// What happens to the state, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    transfer: Transfer,
    /// Where payer and payee are kept; the same for both when the transfer is to oneself and changes nothing.
    slots: [u32; 2],
    /// The civil day of the newest time seen, counting this transfer.
    as_of_day: i64,
    /// Whether the transfer comes, and rows are wanted, or goes.
    comes: bool,
    /// Whether times in the window tell the hour, once this has happened.
    has_hours: bool,
}

impl Event {
    fn parties(&self) -> [AccountIndex; 2] {
        [self.transfer.payer, self.transfer.payee]
    }
}

/// The features of every account over a sliding window, kept current transfer by transfer.
///
/// Memory: 24 bytes a transfer in the window, and for each of its two accounts its own view: 24 bytes a transfer and 16
/// a counterparty up to twice that while blocks are half full (nothing for an account's only transfer), for an account with
/// more than 16 transfers sums of 1 KiB and some 50 bytes a counterparty; and 44 bytes an account with transfers in the
/// window, 76 where it has two counterparties. Accounts without any take none, so memory follows the window and not the
/// history.
///
/// ```
/// use dandelion_credit::features::{Feature, LiveConfig, LiveFeatures, Side};
/// use dandelion_credit::{AccountIndex, Transfer};
///
/// let [mei, wang, stall] = [0, 1, 2].map(AccountIndex::new);
/// let pay = |payer, payee, amount_minor, day: i64| Transfer { payer, payee, amount_minor, at_seconds: day * 86_400 };
/// let mut live = LiveFeatures::new(&LiveConfig { window_days: 30, ..LiveConfig::default() })?;
/// live.push(pay(mei, stall, 1_850, 0))?;
/// live.push(pay(wang, stall, 1_150, 10))?;
/// let rows = live.push(pay(mei, wang, 5_000, 20))?;
/// assert_eq!(rows.row(0, Side::Payee).value(Feature::Degree), Some(2.0));
/// assert_eq!(live.row(stall).value(Feature::LocalClustering), Some(1.0));
/// assert_eq!(live.row(stall).value(Feature::InAmount), Some(30.0));
/// // On day 35 the first sale is more than 30 days old: it is forgotten, and so is the relation.
/// live.push(pay(wang, stall, 1_000, 35))?;
/// assert_eq!(live.row(stall).value(Feature::Degree), Some(1.0));
/// assert_eq!(live.row(stall).value(Feature::InAmount), Some(21.5));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug)]
pub struct LiveFeatures {
    config: LiveConfig,
    logarithms: Logarithms,
    window: Window,
    graph: LiveGraph,
    shards: Vec<Shard>,
    self_transfers: u64,
    events: Vec<Event>,
    rows: LiveRows,
}

impl LiveFeatures {
    /// An empty window.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a window of no days or a slack as long as the window.
    pub fn new(config: &LiveConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            config: *config,
            logarithms: Logarithms::new(),
            window: Window::new(config.utc_offset),
            graph: LiveGraph::new(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            self_transfers: 0,
            events: Vec::new(),
            rows: LiveRows::default(),
        })
    }

    /// How it was set up.
    #[must_use]
    pub fn config(&self) -> &LiveConfig {
        &self.config
    }

    /// Transfers in the window, those to oneself aside.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.graph.transfers()
    }

    /// Accounts with transfers in the window.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.graph.accounts()
    }

    /// Transfers from an account to itself seen so far; they count in no feature, but time passes with them.
    #[must_use]
    pub fn self_transfers(&self) -> u64 {
        self.self_transfers
    }

    /// The newest time seen: the as-of second of every feature.
    #[must_use]
    pub fn newest_seconds(&self) -> Option<i64> {
        self.window.newest_seconds
    }

    /// The graph of the window.
    #[must_use]
    pub fn graph(&self) -> &LiveGraph {
        &self.graph
    }

    /// Takes one transfer and gives the features of both parties right after it.
    ///
    /// # Errors
    /// As [`push_batch`](Self::push_batch).
    pub fn push(&mut self, transfer: Transfer) -> Result<&LiveRows> {
        self.push_batch(std::slice::from_ref(&transfer))
    }

    /// Takes transfers in the order given and gives, for each, the features of both parties right after it (not after the
    /// batch). On two or more threads structure and flows are kept side by side; batches of some hundred are enough for
    /// that, and the batch size changes no bit.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a transfer that is older than the newest seen before it by more than the slack, or outside
    /// [`AT_SECONDS`]; [`Error::is_overflow`] when absolute amounts in the window and the batch add up to more than an
    /// `i64`, or transfers to more than a `u32`. The error names the place in the batch, and nothing of the batch was taken.
    ///
    /// # Complexity
    /// For each transfer, and for each forgotten: the smaller of the two neighbourhoods when a relation appears or goes, a
    /// few lookups else, of which one is logarithmic in the seconds at which the account was paid; the days of the window for
    /// an account with more than 16 transfers. An account with a million counterparties costs what its partner's
    /// neighbourhood costs.
    pub fn push_batch(&mut self, batch: &[Transfer]) -> Result<&LiveRows> {
        self.check(batch)?;
        self.events.clear();
        for transfer in batch {
            let newest_seconds =
                self.window.newest_seconds.map_or(transfer.at_seconds, |newest| newest.max(transfer.at_seconds));
            self.window.newest_seconds = Some(newest_seconds);
            self.forget(newest_seconds);
            if transfer.payer == transfer.payee {
                self.self_transfers += 1;
            } else {
                self.window.push(transfer);
            }
            self.happen(transfer, newest_seconds, true);
        }
        self.apply(batch.len());
        Ok(&self.rows)
    }

    /// Lets time pass without a transfer, so that the window moves on.
    ///
    /// # Errors
    /// [`Error::is_invalid`] outside [`AT_SECONDS`]. A time before the newest seen changes nothing.
    pub fn advance_to(&mut self, at_seconds: i64) -> Result<()> {
        check_time(at_seconds)?;
        let newest_seconds = self.window.newest_seconds.map_or(at_seconds, |newest| newest.max(at_seconds));
        self.window.newest_seconds = Some(newest_seconds);
        self.events.clear();
        self.forget(newest_seconds);
        self.apply(0);
        Ok(())
    }

    /// Takes back a transfer that is in the window, as if it had never come: one that was reversed or sent twice. The time
    /// it moved the window to stays.
    ///
    /// # Errors
    /// [`Error::is_unknown`] when the window holds no such transfer.
    pub fn retract(&mut self, transfer: &Transfer) -> Result<()> {
        if transfer.payer == transfer.payee || !self.window.retract(transfer) {
            return Err(Error::unknown("transfer in the window", format_args!("{transfer:?}")));
        }
        self.events.clear();
        let newest_seconds = self.window.newest_seconds.unwrap_or(transfer.at_seconds);
        self.happen(transfer, newest_seconds, false);
        self.apply(0);
        Ok(())
    }

    /// The transfers in the window in order of time, those to oneself aside: what a snapshot holds, and what whatever else
    /// is kept beside the window is built from after a restart.
    #[must_use]
    pub fn held(&self) -> Transfers {
        self.window.sorted().into_iter().collect()
    }

    /// What the last [`push`](Self::push) or [`push_batch`](Self::push_batch) gave.
    #[must_use]
    pub fn rows(&self) -> &LiveRows {
        &self.rows
    }

    /// The features of one account now. An account without transfers in the window has counts of 0 and undefined shares.
    #[must_use]
    pub fn row(&self, account: AccountIndex) -> LiveRow {
        let mut flow = FlowValues::undefined();
        let newest_seconds = self.window.newest_seconds.unwrap_or(0);
        let has_hours = self.window.has_hours();
        let context = context(&self.config, &self.logarithms, newest_seconds, has_hours);
        let slot = self.graph.slots.get(account);
        self.shards[shard_of(slot)].write(slot, &context, &mut flow);
        LiveRow { structure: StructureValues(self.graph.values(account)), flow }
    }

    fn check(&self, batch: &[Transfer]) -> Result<()> {
        let mut newest = self.window.newest_seconds;
        let mut total = self.window.absolute_minor;
        for (place, transfer) in batch.iter().enumerate() {
            let at = |error: Error| error.at(format_args!("transfer {place} of the batch"));
            check_time(transfer.at_seconds).map_err(at)?;
            if let Some(newest) = newest
                && transfer.at_seconds < newest - i64::from(self.config.slack_seconds)
            {
                let slack = self.config.slack_seconds;
                let rule = format!("no more than the slack of {slack} s before the newest seen, {newest}");
                return Err(at(Error::invalid("at_seconds", transfer.at_seconds, rule)));
            }
            newest = newest.max(Some(transfer.at_seconds));
            total += u128::from(transfer.amount_minor.unsigned_abs());
            if total > i64::MAX as u128 {
                let rule = "at most 9,223,372,036,854,775,807 minor units";
                return Err(at(Error::overflow("sum of all absolute amounts in the window", rule)));
            }
        }
        if self.graph.transfers() + batch.len() as u64 > u64::from(u32::MAX) {
            return Err(Error::overflow("transfers in the window", "at most 4,294,967,295"));
        }
        Ok(())
    }

    /// Moves what is older than the window from it into the events.
    #[inline]
    fn forget(&mut self, newest_seconds: i64) {
        let until_seconds = newest_seconds - self.config.window_seconds();
        if !self.window.reaches(until_seconds) {
            return;
        }
        while let Some(transfer) = self.window.pop_until(until_seconds) {
            self.happen(&transfer, newest_seconds, false);
        }
    }

    fn happen(&mut self, transfer: &Transfer, newest_seconds: i64, comes: bool) {
        let has_hours = self.window.has_hours();
        let as_of_day = i64::from(self.config.utc_offset.epoch_day(newest_seconds));
        self.events.push(Event { transfer: *transfer, slots: [NO_SLOT; 2], as_of_day, comes, has_hours });
    }

    /// Finds the slots of the parties of every event, gives slots to accounts that come in, and queues the parties at their
    /// shards.
    fn find_slots(&mut self) {
        let Self { graph, events, shards, rows, .. } = self;
        let slots = &mut graph.slots;
        let mut number = 0;
        for group in events.chunks_mut(shard::TOGETHER) {
            group.iter().flat_map(Event::parties).for_each(|account| slots.prefetch(account));
            for event in group {
                let [payer, payee] = event.parties();
                event.slots = match event.comes && payer != payee {
                    true => [slots.give(payer), slots.give(payee)],
                    false => [slots.get(payer), slots.get(payee)],
                };
                let mut place = |party: usize| {
                    let shard = shard_of(event.slots[party]);
                    (shard as u32, shards[shard].queue(number, party, event.comes))
                };
                let places = [place(0), place(1)];
                if event.comes {
                    rows.places.push(places);
                }
                number += 1;
            }
        }
    }

    fn apply(&mut self, rows: usize) {
        self.rows.begin(rows);
        self.find_slots();
        let context = context(&self.config, &self.logarithms, 0, false);
        let Self { graph, shards, events, rows: out, .. } = self;
        let (relations, structure_rows) = (&mut graph.relations, &mut out.structure);
        let mut structure = || follow_structure(relations, events, structure_rows);
        let flow = |shard: &mut Shard| shard.apply(events, &context);
        if rows < BATCH_FOR_THREADS {
            // On their way while the structure is seen to.
            for slot in events.iter().take(shard::TOGETHER).flat_map(|event| event.slots) {
                shards[shard_of(slot)].prefetch_account(slot);
            }
            structure();
            shards.iter_mut().filter(|shard| !shard.is_idle()).for_each(flow);
        } else {
            join(structure, || for_each_chunk_mut(shards, 1, |_, shard| flow(&mut shard[0])));
        }
        for event in events.iter().filter(|event| !event.comes) {
            graph.release_if_alone(event.parties());
        }
        for (shard, rows) in shards.iter_mut().zip(&mut out.flow).filter(|(shard, _)| !shard.is_idle()) {
            shard.hand_over(rows);
        }
    }
}

/// The structure around both parties after each event.
fn follow_structure(relations: &mut Relations, events: &[Event], rows: &mut [[StructureValues; 2]]) {
    let mut rows = rows.iter_mut();
    for group in events.chunks(shard::TOGETHER) {
        relations.prefetch(&group.iter().flat_map(|event| event.slots));
        for event in group {
            if !event.comes {
                relations.remove(event.slots);
                continue;
            }
            if event.transfer.payer != event.transfer.payee {
                relations.insert(event.slots);
            }
            if let Some(row) = rows.next() {
                for (values, slot) in row.iter_mut().zip(event.slots) {
                    values.0 = relations.values(slot);
                }
            }
        }
    }
}

fn context<'a>(config: &LiveConfig, logarithms: &'a Logarithms, newest_seconds: i64, has_hours: bool) -> Context<'a> {
    Context {
        has_amounts: !config.without_amounts,
        has_times: true,
        has_hours,
        utc_offset: config.utc_offset,
        as_of_day: i64::from(config.utc_offset.epoch_day(newest_seconds)),
        scale: config.scale,
        minor_per_major: config.scale.minor_per_major(),
        logarithms,
    }
}

fn check_time(at_seconds: i64) -> Result<()> {
    let rule = "seconds since 1970-01-01 UTC within the years -9999 to 9999";
    if AT_SECONDS.contains(&at_seconds) { Ok(()) } else { Err(Error::invalid("at_seconds", at_seconds, rule)) }
}

fn shard_of(slot: u32) -> usize {
    slot as usize % SHARDS
}
