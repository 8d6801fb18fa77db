//! The transfers that count, and what one look at all of them tells.

use std::ops::Range;

use crate::features::packed::Shape;
use crate::features::piece::Piece;
use crate::features::piece::Rows;
use crate::parallel::map_chunks;
use crate::transfer::TransferColumns;
use crate::transfer::UtcOffset;

/// Accounts in a bucket: their legs should fit the second-level cache.
pub(super) const BUCKET_BITS: u32 = 10;
/// Transfers that are sorted by bucket at a time.
pub(super) const CHUNK: usize = 1 << 20;

pub(super) fn bucket_of(account: u32) -> usize {
    (account >> BUCKET_BITS) as usize
}

/// The transfers that count.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// All transfers, a chunk at a time.
    pub(super) chunks: Vec<Rows<'a>>,
    /// The same as they were handed over, if it was in one piece.
    pub(super) columns: Option<TransferColumns<'a>>,
    pub(super) has_amounts: bool,
    pub(super) has_times: bool,
    /// Transfers after this second are left out.
    pub(super) until_seconds: i64,
}

impl<'a> Source<'a> {
    pub(super) fn of_columns(columns: &TransferColumns<'a>, as_of_seconds: Option<i64>) -> Self {
        let chunk = |start| Rows::of(columns, start, CHUNK);
        Self {
            chunks: (0..columns.len()).step_by(CHUNK).map(chunk).collect(),
            columns: Some(*columns),
            ..Self::of_nothing([columns.amount_minor.is_some(), columns.at_seconds.is_some()], as_of_seconds)
        }
    }

    /// `has` tells whether the pieces have amounts and times.
    pub(super) fn of_pieces(pieces: &'a [Piece], has: [bool; 2], as_of_seconds: Option<i64>) -> Self {
        Self { chunks: pieces.iter().map(Piece::rows).collect(), ..Self::of_nothing(has, as_of_seconds) }
    }

    fn of_nothing([has_amounts, has_times]: [bool; 2], as_of_seconds: Option<i64>) -> Self {
        let until_seconds = as_of_seconds.filter(|_| has_times).unwrap_or(i64::MAX);
        Self { chunks: Vec::new(), columns: None, has_amounts, has_times, until_seconds }
    }

    #[inline]
    pub(super) fn keeps(&self, rows: &Rows<'_>, row: usize) -> bool {
        rows.payer[row] != rows.payee[row] && rows.at_seconds.get(row) <= self.until_seconds
    }

    /// Whether times tell the hour: where all of them are midnight, in UTC or in `offset`, they tell the day alone.
    pub(super) fn has_hours(&self, offset: UtcOffset) -> bool {
        self.has_times && self.is_off_midnight(UtcOffset::UTC) && self.is_off_midnight(offset)
    }

    fn is_off_midnight(&self, offset: UtcOffset) -> bool {
        self.chunks.iter().any(|rows| {
            let mut all = 0..rows.len();
            all.any(|row| offset.second_of_day(rows.at_seconds.get(row)) > 0 && self.keeps(rows, row))
        })
    }

    pub(super) fn survey(&self, accounts: usize) -> Survey {
        let chunks = map_chunks(self.chunks.len(), 1, |chunk| self.survey_chunk(&self.chunks[chunk.start], accounts));
        let empty = Survey { accounts, transfers: 0, self_transfers: 0, span_seconds: None, wide: 0, legs: Vec::new() };
        chunks.into_iter().fold(empty, Survey::join)
    }

    fn survey_chunk(&self, rows: &Rows<'_>, accounts: usize) -> Survey {
        let mut legs = vec![0u32; accounts.div_ceil(1 << BUCKET_BITS)];
        let (mut transfers, mut self_transfers, mut wide) = (0u64, 0u64, 0u64);
        let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
        for (row, (&payer, &payee)) in rows.payer.iter().zip(rows.payee).enumerate() {
            let (at, minor) = (rows.at_seconds.get(row), rows.amount_minor.get(row));
            let (counts, to_self) = (at <= self.until_seconds, payer == payee);
            transfers += u64::from(counts);
            self_transfers += u64::from(counts & to_self);
            legs[bucket_of(payer)] += u32::from(counts & !to_self);
            legs[bucket_of(payee)] += u32::from(counts & !to_self);
            (earliest, latest) = (earliest.min(at), latest.max(at));
            // Amounts that fit an i32 leave nothing in the upper half.
            wide |= (minor.wrapping_sub(i64::from(i32::MIN)) as u64) >> 32;
        }
        Survey { accounts, transfers, self_transfers, span_seconds: Some((earliest, latest)), wide, legs: vec![legs] }
    }
}

/// What one look at all transfers tells.
#[derive(Debug)]
pub(super) struct Survey {
    accounts: usize,
    /// Up to the last second that counts.
    pub(super) transfers: u64,
    /// Those of them from an account to itself.
    pub(super) self_transfers: u64,
    /// The first and the last second of all transfers, 0 where they have no times; `None` without transfers.
    pub(super) span_seconds: Option<(i64, i64)>,
    /// 0 when every amount fits an `i32`.
    wide: u64,
    /// How many legs each bucket has in each chunk.
    legs: Vec<Vec<u32>>,
}

impl Survey {
    fn join(mut self, mut next: Self) -> Self {
        self.transfers += next.transfers;
        self.self_transfers += next.self_transfers;
        self.wide |= next.wide;
        self.span_seconds = match (self.span_seconds, next.span_seconds) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (own, new) => own.or(new),
        };
        self.legs.append(&mut next.legs);
        self
    }

    /// What the legs of all transfers have in common.
    pub(super) fn shape(&self) -> Shape {
        let earliest = self.span_seconds.map_or(0, |(earliest, _)| earliest);
        Shape::new(earliest, self.accounts)
    }

    /// Every amount fits an `i32`, and times fit what the accounts leave of 64 bits.
    pub(super) fn is_narrow(&self) -> bool {
        let span_seconds = self.span_seconds.map_or(0, |(earliest, latest)| latest - earliest);
        self.wide == 0 && self.shape().is_narrow(span_seconds)
    }

    /// Legs of each of some buckets in one chunk.
    pub(super) fn legs(&self, chunk: usize, buckets: Range<usize>) -> &[u32] {
        &self.legs[chunk][buckets]
    }

    /// Legs of each bucket in all chunks.
    pub(super) fn legs_of_buckets(&self, buckets: usize) -> Vec<u64> {
        (0..buckets).map(|bucket| self.legs.iter().map(|chunk| u64::from(chunk[bucket])).sum()).collect()
    }
}
