//! The graph by account: which account has which slot, and what is known of the slot.

use crate::account::AccountIndex;
use crate::graph::StructureFeature;
use crate::graph::live::pages::Pages;
use crate::graph::live::relations::Relations;

/// In place of a slot: the account has none.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Slots of the accounts that have any, dense, so that what is kept of them can stand in arrays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    pages: Pages,
    free: Vec<u32>,
    given: u32,
}

impl Slots {
    /// The account's slot, or [`NO_SLOT`].
    #[inline]
    pub(crate) fn get(&self, account: AccountIndex) -> u32 {
        self.pages.get(account.get())
    }

    /// Asks for the account's slot ahead of its use.
    #[inline]
    pub(crate) fn prefetch(&self, account: AccountIndex) {
        self.pages.prefetch(account.get());
    }

    /// The account's slot; a free one is given to an account without.
    #[inline]
    pub(crate) fn give(&mut self, account: AccountIndex) -> u32 {
        let slot = self.pages.get(account.get());
        if slot != NO_SLOT {
            return slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.given += 1;
            self.given - 1
        });
        self.pages.set(account.get(), slot);
        slot
    }

    /// Takes the account's slot back.
    pub(crate) fn take_back(&mut self, account: AccountIndex) {
        let slot = self.pages.get(account.get());
        if slot != NO_SLOT {
            self.pages.set(account.get(), NO_SLOT);
            self.free.push(slot);
        }
    }

    /// Accounts that have a slot.
    pub(crate) fn len(&self) -> usize {
        self.given as usize - self.free.len()
    }
}

/// A transfer graph that changes, and the exact structure around every account of it at any moment.
///
/// Kept are distinct relations with transfers each way, and of every relation the number of common counterparties; of that
/// everything else is made. Accounts without relations take no memory. A neighbourhood is a sorted list up to 64 and a
/// hash table beyond, so that an account with a million counterparties costs a new relation no more than its partner's
/// counterparties do.
///
/// ```
/// use dandelion_credit::AccountIndex;
/// use dandelion_credit::graph::{LiveGraph, StructureFeature};
///
/// let [mei, wang, stall] = [0, 1, 2].map(AccountIndex::new);
/// let mut graph = LiveGraph::new();
/// graph.insert(mei, stall);
/// graph.insert(wang, stall);
/// assert_eq!(graph.value(StructureFeature::LocalClustering, stall), 0.0);
/// graph.insert(mei, wang);
/// assert_eq!(graph.value(StructureFeature::LocalClustering, stall), 1.0);
/// assert!(graph.remove(mei, wang));
/// assert_eq!(graph.value(StructureFeature::UnacquaintedShare, stall), 1.0);
/// assert!(!graph.remove(mei, wang)); // not there any more
/// ```
#[derive(Debug, Clone, Default)]
pub struct LiveGraph {
    pub(crate) slots: Slots,
    pub(crate) relations: Relations,
}

impl LiveGraph {
    /// What is kept live; other structure needs a batch build.
    pub const KEPT: [StructureFeature; 10] = Relations::KEPT;

    /// A graph without relations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Accounts that have relations.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.slots.len()
    }

    /// Distinct relations.
    #[must_use]
    pub fn relations(&self) -> u64 {
        self.relations.relations
    }

    /// Transfers inserted and not removed, those to oneself aside.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.relations.transfers
    }

    /// One measure of one account now; not a number where it is undefined or not among [`KEPT`](Self::KEPT).
    #[must_use]
    pub fn value(&self, feature: StructureFeature, account: AccountIndex) -> f64 {
        let place = Self::KEPT.iter().position(|&kept| kept == feature);
        place.map_or(f64::NAN, |place| self.values(account)[place])
    }

    /// Every kept measure of one account now, in the order of [`KEPT`](Self::KEPT).
    #[must_use]
    pub fn values(&self, account: AccountIndex) -> [f64; Self::KEPT.len()] {
        self.relations.values(self.slots.get(account))
    }

    /// Adds one transfer. A transfer to oneself changes nothing.
    ///
    /// # Complexity
    /// Of a relation that exists in this direction: a lookup at each party. Else the smaller of the two neighbourhoods, and
    /// a few lookups for each common counterparty.
    pub fn insert(&mut self, payer: AccountIndex, payee: AccountIndex) {
        if payer != payee {
            let slots = [payer, payee].map(|account| self.slots.give(account));
            self.relations.insert(slots);
        }
    }

    /// Takes one transfer away again; `false` when there is none between the two in this direction.
    ///
    /// # Complexity
    /// As [`insert`](Self::insert).
    pub fn remove(&mut self, payer: AccountIndex, payee: AccountIndex) -> bool {
        let slots = [payer, payee].map(|account| self.slots.get(account));
        let held = self.relations.remove(slots);
        if held {
            self.release_if_alone([payer, payee]);
        }
        held
    }

    /// Takes back the slots of parties that have no relation any more.
    pub(crate) fn release_if_alone(&mut self, parties: [AccountIndex; 2]) {
        for account in parties {
            let slot = self.slots.get(account);
            if slot != NO_SLOT && self.relations.is_alone(slot) {
                self.slots.take_back(account);
            }
        }
    }
}
