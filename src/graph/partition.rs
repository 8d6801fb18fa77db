//! Ranges of accounts narrow enough for a core's cache, and pieces of transfers dealt to them.

use std::ops::Range;

use crate::transfer::{TransferColumns, UtcOffset};

/// Accounts cut into ranges of one power-of-two width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buckets {
    accounts: usize,
    shift: u32,
}

impl Buckets {
    /// Bits of the position of an account inside its bucket, at most.
    pub const LOCAL_BITS: u32 = 16;
    const MOST: usize = 2048;

    pub fn over(accounts: usize) -> Self {
        let mut shift = 10;
        while shift < Self::LOCAL_BITS && accounts.div_ceil(1 << shift) > Self::MOST {
            shift += 1;
        }
        Self { accounts, shift }
    }

    pub fn accounts(&self) -> usize {
        self.accounts
    }

    pub fn len(&self) -> usize {
        self.accounts.div_ceil(1 << self.shift)
    }

    /// Accounts of every bucket but perhaps the last.
    pub fn width(&self) -> usize {
        1 << self.shift
    }

    pub fn of(&self, account: u32) -> usize {
        (account >> self.shift) as usize
    }

    pub fn local(&self, account: u32) -> u32 {
        account & ((1 << self.shift) - 1)
    }

    pub fn range(&self, bucket: usize) -> Range<usize> {
        bucket << self.shift..((bucket + 1) << self.shift).min(self.accounts)
    }
}

/// A transfer on its way to the bucket of its lower account: that account's place in the bucket, the higher account, and
/// whether the higher one paid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word(pub u64);

impl Word {
    fn new(local: u32, high: u32, high_paid: bool) -> Self {
        Self(u64::from(local) << 33 | u64::from(high) << 1 | u64::from(high_paid))
    }

    pub fn local(self) -> usize {
        (self.0 >> 33) as usize
    }

    /// The higher account and, in the lowest bit, whether it paid.
    pub fn tail(self) -> u64 {
        self.0 & ((1 << 33) - 1)
    }
}

/// Transfers dealt to buckets: bucket after bucket, in each the order they came in.
#[derive(Debug, Default)]
pub(super) struct Piece {
    starts: Vec<u32>,
    pub words: Vec<Word>,
    pub amounts: Vec<i64>,
    pub days: Vec<i32>,
}

impl Piece {
    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn segment(&self, bucket: usize) -> Range<usize> {
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }

    /// Deals the rows of `range`; self-transfers are left out. Takes the memory of a piece that is no longer needed.
    pub fn deal(
        buckets: &Buckets,
        columns: &TransferColumns<'_>,
        range: Range<usize>,
        offset: UtcOffset,
        spent: Self,
    ) -> Self {
        let (payer, payee) = (&columns.payer[range.clone()], &columns.payee[range.clone()]);
        let Self { mut starts, mut words, amounts: mut piece_amounts, days: mut piece_days } = spent;
        starts.clear();
        starts.resize(buckets.len() + 2, 0);
        for (&a, &b) in payer.iter().zip(payee) {
            starts[buckets.of(a.min(b)) + 2] += u32::from(a != b);
        }
        for bucket in 2..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let kept = starts.last().map_or(0, |&end| end as usize);
        // What is left of earlier transfers is overwritten below, to the last word.
        words.resize(kept, Word(0));
        let amounts = columns.amount_minor.map(|column| &column[range.clone()]);
        let times = columns.at_seconds.map(|column| &column[range.clone()]);
        piece_amounts.resize(if amounts.is_some() { kept } else { 0 }, 0);
        piece_days.resize(if times.is_some() { kept } else { 0 }, 0);
        for (row, (&a, &b)) in payer.iter().zip(payee).enumerate() {
            if a == b {
                continue;
            }
            let (low, high) = (a.min(b), a.max(b));
            let cursor = &mut starts[buckets.of(low) + 1];
            let at = *cursor as usize;
            *cursor += 1;
            words[at] = Word::new(buckets.local(low), high, high == a);
            if let Some(column) = amounts {
                piece_amounts[at] = column[row];
            }
            if let Some(column) = times {
                piece_days[at] = offset.epoch_day(column[row]);
            }
        }
        starts.truncate(buckets.len() + 1);
        Self { starts, words, amounts: piece_amounts, days: piece_days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_every_account_once() {
        for accounts in [0, 1, 1023, 1024, 1025, 131_072, 2_097_153, 3_000_000, 300_000_000] {
            let buckets = Buckets::over(accounts);
            let covered: usize = (0..buckets.len()).map(|b| buckets.range(b).len()).sum();
            assert_eq!(covered, accounts);
            for account in [0, accounts / 2, accounts.saturating_sub(1)] {
                if account < accounts {
                    let range = buckets.range(buckets.of(account as u32));
                    assert!(range.contains(&account));
                    assert_eq!(range.start + buckets.local(account as u32) as usize, account);
                }
            }
        }
    }

    #[test]
    fn every_transfer_is_dealt_once_and_self_transfers_are_not() {
        let payer: Vec<u32> = (0..1000).map(|i| i * 7 % 3000).collect();
        let payee: Vec<u32> = (0..1000).map(|i| i * 11 % 3000).collect();
        let buckets = Buckets::over(3000);
        let piece = Piece::deal(
            &buckets,
            &TransferColumns::of_pairs(&payer, &payee),
            0..1000,
            UtcOffset::UTC,
            Piece::default(),
        );
        let mut found = Vec::new();
        for bucket in 0..buckets.len() {
            for word in &piece.words[piece.segment(bucket)] {
                let low = (buckets.range(bucket).start + word.local()) as u32;
                let high = (word.tail() >> 1) as u32;
                found.push(if word.0 & 1 == 1 { (high, low) } else { (low, high) });
            }
        }
        let mut pairs: Vec<(u32, u32)> = payer.into_iter().zip(payee).filter(|(a, b)| a != b).collect();
        pairs.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, pairs);
    }
}
