//! The graph itself: rows of neighbours, and what went each way over every relation.

use std::ops::Range;

use crate::account::AccountIndex;
use crate::graph::wide::prefetch;

/// A count byte of this value stands for "look into [`TransferGraph::large`]".
pub(super) const LARGE: u8 = u8::MAX;

/// Transfers counted over one relation from one side: to the neighbour, and from it. Two bytes a slot, because most
/// pairs of accounts meet a handful of times; the few that meet more often lie aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub sent: u8,
    pub received: u8,
}

impl Tally {
    pub fn new(sent: u64, received: u64) -> Self {
        let byte = |count: u64| count.min(u64::from(LARGE)) as u8;
        Self { sent: byte(sent), received: byte(received) }
    }

    pub fn mirrored(self) -> Self {
        Self { sent: self.received, received: self.sent }
    }

    pub fn is_large(self) -> bool {
        self.sent == LARGE || self.received == LARGE
    }
}

/// The exact counts of a slot whose bytes overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LargeTally {
    pub slot: u64,
    pub sent: u64,
    pub received: u64,
}

/// Who paid whom, as an immutable compact graph: what every kernel of the data plane reads.
///
/// A *relation* is an unordered pair of different accounts with at least one transfer between them, however many and in
/// whichever direction. Every relation is stored twice, once in the row of either account; a row holds its neighbours in
/// ascending order. Beside each neighbour lie the transfers and amounts sent and received, refunds with their sign, and
/// the days of the first and last transfer, as far as the source had amounts and times. Self-transfers are in no row;
/// they are counted and reported.
///
/// Accounts are dense `u32` rows, positions in the rows are `u64`, so 4 billion accounts and any number of relations fit.
/// Memory: 8 bytes an account and 12 bytes a relation; 32 more a relation with amounts, 16 more with times.
///
/// Invariants, relied on by every kernel: offsets ascend and end at twice the relations; rows ascend strictly, hold no
/// account of their own and are symmetric; a slot and its mirror carry the same figures with sides exchanged.
///
/// ```
/// use dandelion_credit::graph::{GraphConfig, TransferGraph};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// // 0 pays 1 twice, 1 pays 0 once, 2 pays 1, and 3 pays itself.
/// let columns = TransferColumns::of_pairs(&[0, 1, 0, 2, 3], &[1, 0, 1, 1, 3]);
/// let graph = TransferGraph::build(&columns, 4, &GraphConfig::default(), Progress::silent()).unwrap();
/// assert_eq!((graph.accounts(), graph.relations(), graph.transfers(), graph.self_transfers()), (4, 2, 4, 1));
/// assert_eq!(graph.neighbours(1), [0, 2]);
/// let with_0 = graph.relation(1, 0).unwrap();
/// assert_eq!((with_0.sent, with_0.received), (1, 2));
/// assert!(graph.relation(0, 2).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferGraph {
    pub(super) offsets: Vec<u64>,
    pub(super) neighbours: Vec<u32>,
    pub(super) tallies: Vec<Tally>,
    pub(super) large: Vec<LargeTally>,
    /// Sent and received minor units, one pair a slot.
    pub(super) amounts: Option<Vec<[i64; 2]>>,
    /// First and last day of the relation, one pair a slot.
    pub(super) days: Option<Vec<[i32; 2]>>,
    pub(super) transfers: u64,
    pub(super) self_transfers: u64,
}

/// One relation as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    /// The other account.
    pub counterparty: AccountIndex,
    /// Transfers from this account to the counterparty.
    pub sent: u64,
    /// Transfers from the counterparty to this account.
    pub received: u64,
    /// Minor units sent, refunds of them taken off; 0 when the source has no amounts.
    pub sent_minor: i64,
    /// Minor units received, refunds of them taken off; 0 when the source has no amounts.
    pub received_minor: i64,
    /// Days of the first and the last transfer either way, as days since 1970-01-01; absent when the source has no times.
    pub days: Option<[i32; 2]>,
}

impl TransferGraph {
    /// Number of accounts, with or without transfers.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of distinct relations.
    #[must_use]
    pub fn relations(&self) -> u64 {
        self.neighbours.len() as u64 / 2
    }

    /// Number of transfers between different accounts.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.transfers
    }

    /// Number of transfers of accounts to themselves, which are in no relation.
    #[must_use]
    pub fn self_transfers(&self) -> u64 {
        self.self_transfers
    }

    /// Whether the relations carry amounts.
    #[must_use]
    pub fn has_amounts(&self) -> bool {
        self.amounts.is_some()
    }

    /// Whether the relations carry days.
    #[must_use]
    pub fn has_days(&self) -> bool {
        self.days.is_some()
    }

    /// Number of distinct counterparties of `account`.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn degree(&self, account: u32) -> usize {
        self.row(account as usize).len()
    }

    /// The distinct counterparties of `account`, ascending.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn neighbours(&self, account: u32) -> &[u32] {
        &self.neighbours[self.row(account as usize)]
    }

    /// The slots of `account`: positions in the columns that run along all rows. A caller's own columns of
    /// `2 * relations` entries can be read beside them.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn row(&self, account: usize) -> Range<usize> {
        self.offsets[account] as usize..self.offsets[account + 1] as usize
    }

    /// Transfers sent to and received from the neighbour in `slot`.
    ///
    /// # Panics
    /// When `slot` is not below twice the relations.
    #[must_use]
    pub fn counts(&self, slot: usize) -> Counts {
        let tally = self.tallies[slot];
        if tally.is_large() { self.large_counts(slot) } else { Counts::of(tally) }
    }

    #[cold]
    fn large_counts(&self, slot: usize) -> Counts {
        let at = self.large.partition_point(|large| large.slot < slot as u64);
        Counts { sent: self.large[at].sent, received: self.large[at].received }
    }

    /// The relation in `slot`, seen from the account whose row it is in.
    ///
    /// # Panics
    /// When `slot` is not below twice the relations.
    #[must_use]
    pub fn relation_in(&self, slot: usize) -> Relation {
        let Counts { sent, received } = self.counts(slot);
        let [sent_minor, received_minor] = self.sums_in(slot);
        Relation {
            counterparty: AccountIndex::new(self.neighbours[slot]),
            sent,
            received,
            sent_minor,
            received_minor,
            days: self.days.as_ref().map(|column| column[slot]),
        }
    }

    /// Minor units sent to and received from the neighbour in `slot`, refunds taken off; 0 when the source has no amounts.
    pub(crate) fn sums_in(&self, slot: usize) -> [i64; 2] {
        self.amounts.as_ref().map_or([0, 0], |column| column[slot])
    }

    /// The relations of `account` by ascending counterparty.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    pub fn relations_of(&self, account: u32) -> impl ExactSizeIterator<Item = Relation> + '_ {
        self.row(account as usize).map(|slot| self.relation_in(slot))
    }

    /// The relation between two accounts as `account` sees it, if there is one.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    ///
    /// # Complexity
    /// The logarithm of the degree of `account`.
    #[must_use]
    pub fn relation(&self, account: u32, counterparty: u32) -> Option<Relation> {
        self.slot_of(account, counterparty).map(|slot| self.relation_in(slot))
    }

    /// The slot of `counterparty` in the row of `account`, if they have a relation.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn slot_of(&self, account: u32, counterparty: u32) -> Option<usize> {
        let row = self.row(account as usize);
        let at = self.neighbours[row.clone()].binary_search(&counterparty).ok()?;
        Some(row.start + at)
    }

    /// Asks for the row of the counterparty `ahead` slots behind `slot`, if no more than `most` are in it, and for where that of
    /// the one twice as far lies, so that they come from memory while others are read.
    pub(crate) fn ask_ahead(&self, slot: usize, ahead: usize, most: usize) {
        if let Some(&far) = self.neighbours.get(slot + 2 * ahead) {
            prefetch(&self.offsets[far as usize]);
        }
        if let Some(&near) = self.neighbours.get(slot + ahead) {
            let row = self.neighbours(near);
            if row.len() <= most {
                row.iter().step_by(16).chain(row.last()).for_each(prefetch);
            }
        }
    }

    /// Bytes this graph holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&self.offsets[..])
            + size_of_val(&self.neighbours[..])
            + size_of_val(&self.tallies[..])
            + size_of_val(&self.large[..])
            + self.amounts.as_ref().map_or(0, |column| size_of_val(&column[..]))
            + self.days.as_ref().map_or(0, |column| size_of_val(&column[..]))
    }
}

/// Transfers over a relation, seen from one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Transfers to the neighbour.
    pub sent: u64,
    /// Transfers from the neighbour.
    pub received: u64,
}

impl Counts {
    fn of(tally: Tally) -> Self {
        Self { sent: u64::from(tally.sent), received: u64::from(tally.received) }
    }

    /// Transfers either way.
    #[must_use]
    pub fn total(self) -> u64 {
        self.sent + self.received
    }
}
