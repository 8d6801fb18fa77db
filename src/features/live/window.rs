//! The transfers of the window, oldest first to go.

use std::collections::{BTreeMap, HashMap};

use crate::account::AccountIndex;
use crate::features::live::queue::Queue;
use crate::transfer::Transfer;
use crate::transfer::UtcOffset;

/// Orders transfers by time, and equal times by the rest.
type Key = (i64, AccountIndex, AccountIndex, i64);

fn key(transfer: &Transfer) -> Key {
    (transfer.at_seconds, transfer.payer, transfer.payee, transfer.amount_minor)
}

/// What came in order stands in a queue; what came late in a tree; what was retracted from the queue is counted aside until
/// the queue comes to it. So a transfer costs one push and one pop, a late one a logarithm.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) newest_seconds: Option<i64>,
    /// Sum of the absolute amounts held.
    pub(super) absolute_minor: u128,
    /// No transfer held is older.
    oldest_seconds: i64,
    /// Transfers held that are off midnight, in UTC and in the offset of the window.
    off_midnight: [u64; 2],
    utc_offset: UtcOffset,
    in_order: Queue,
    late: BTreeMap<Key, u64>,
    retracted: HashMap<Transfer, u64>,
}

impl Window {
    /// An empty window whose days are cut in `utc_offset`.
    pub(super) fn new(utc_offset: UtcOffset) -> Self {
        Self { utc_offset, oldest_seconds: i64::MAX, ..Self::default() }
    }

    /// Whether the times held tell the hour and not the day alone.
    pub(super) fn has_hours(&self) -> bool {
        self.off_midnight.iter().all(|&held| held > 0)
    }

    fn off_midnight(&self, transfer: &Transfer) -> [u64; 2] {
        [UtcOffset::UTC, self.utc_offset].map(|offset| u64::from(offset.second_of_day(transfer.at_seconds) > 0))
    }

    /// What is held of `transfer` besides itself comes in.
    fn count_in(&mut self, transfer: &Transfer) {
        self.absolute_minor += u128::from(transfer.amount_minor.unsigned_abs());
        for (held, one) in self.off_midnight(transfer).into_iter().enumerate() {
            self.off_midnight[held] += one;
        }
    }

    /// And goes out again.
    fn count_out(&mut self, transfer: &Transfer) {
        self.absolute_minor -= u128::from(transfer.amount_minor.unsigned_abs());
        for (held, one) in self.off_midnight(transfer).into_iter().enumerate() {
            self.off_midnight[held] -= one;
        }
    }

    pub(super) fn push(&mut self, transfer: &Transfer) {
        self.count_in(transfer);
        self.oldest_seconds = self.oldest_seconds.min(transfer.at_seconds);
        if self.in_order.back().is_none_or(|last| last.at_seconds <= transfer.at_seconds) {
            self.in_order.push(*transfer);
        } else {
            *self.late.entry(key(transfer)).or_default() += 1;
        }
    }

    /// Whether it may hold transfers that are not younger than `until_seconds`.
    #[inline]
    pub(super) fn reaches(&self, until_seconds: i64) -> bool {
        self.oldest_seconds <= until_seconds
    }

    /// Takes out the oldest transfer if it is not younger than `until_seconds`.
    pub(super) fn pop_until(&mut self, until_seconds: i64) -> Option<Transfer> {
        loop {
            let late_at = self.late.first_key_value().map(|(key, _)| key.0);
            let queued_at = self.in_order.front().map(|transfer| transfer.at_seconds);
            let oldest = [late_at, queued_at].into_iter().flatten().min().unwrap_or(i64::MAX);
            self.oldest_seconds = oldest;
            if oldest > until_seconds {
                return None;
            }
            let transfer = if queued_at == Some(oldest) {
                let transfer = self.in_order.pop()?;
                if self.unretract(&transfer) {
                    continue;
                }
                transfer
            } else {
                let mut entry = self.late.first_entry()?;
                let (at_seconds, payer, payee, amount_minor) = *entry.key();
                *entry.get_mut() -= 1;
                if *entry.get() == 0 {
                    entry.remove();
                }
                Transfer { payer, payee, amount_minor, at_seconds }
            };
            self.count_out(&transfer);
            return Some(transfer);
        }
    }

    /// Whether the transfer was retracted; if so, that is dealt with.
    fn unretract(&mut self, transfer: &Transfer) -> bool {
        if self.retracted.is_empty() {
            return false;
        }
        let Some(times) = self.retracted.get_mut(transfer) else { return false };
        *times -= 1;
        if *times == 0 {
            self.retracted.remove(transfer);
        }
        true
    }

    /// Takes out one transfer equal to this one; `false` when there is none.
    pub(super) fn retract(&mut self, transfer: &Transfer) -> bool {
        if let Some(times) = self.late.get_mut(&key(transfer)) {
            *times -= 1;
            if *times == 0 {
                self.late.remove(&key(transfer));
            }
        } else {
            let at_that_time = self.in_order.at(transfer.at_seconds);
            let held = at_that_time.filter(|other| *other == transfer).count() as u64;
            if held <= self.retracted.get(transfer).copied().unwrap_or(0) {
                return false;
            }
            *self.retracted.entry(*transfer).or_default() += 1;
        }
        self.count_out(transfer);
        true
    }

    /// Every transfer held, in one order whatever order they came in.
    pub(super) fn sorted(&self) -> Vec<Transfer> {
        let mut retracted = self.retracted.clone();
        let mut all: Vec<Transfer> = Vec::new();
        for transfer in self.in_order.iter() {
            match retracted.get_mut(transfer) {
                Some(times) if *times > 0 => *times -= 1,
                _ => all.push(*transfer),
            }
        }
        for (&(at_seconds, payer, payee, amount_minor), &times) in &self.late {
            all.extend((0..times).map(|_| Transfer { payer, payee, amount_minor, at_seconds }));
        }
        all.sort_unstable_by_key(key);
        all
    }
}
