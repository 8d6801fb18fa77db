//! The transfers of every account in order of time, on both sides.

use std::ops::Range;

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::parallel::map_chunks;
use crate::progress::Progress;
use crate::transfer::TransferColumns;

/// One transfer as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leg {
    /// Seconds since 1970-01-01 UTC; 0 when the source has no times.
    pub at_seconds: i64,
    /// Whole minor units; negative for a refund, 1 when the source has no amounts.
    pub amount_minor: i64,
    /// The account at the other end.
    pub peer: u32,
    /// Row of the transfer in its source.
    pub row: u32,
}

/// The transfers of each account in order of time, equal times in order of their rows: what a search for patterns reads.
pub trait Legs: Sync {
    /// Number of accounts.
    fn accounts(&self) -> usize;

    /// The transfers that `account` was paid with, in order of time.
    fn received(&self, account: u32) -> &[Leg];

    /// The transfers that `account` paid with, in order of time.
    fn sent(&self, account: u32) -> &[Leg];
}

/// One side of all accounts, bucket after bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Side {
    /// Where the legs of each account begin among those of its bucket, and behind each bucket where its last ones end.
    starts: Vec<u32>,
    /// The legs of each bucket's accounts, in order of account, time and row.
    buckets: Vec<Vec<Leg>>,
}

impl Side {
    fn of(&self, account: u32) -> &[Leg] {
        let bucket = account as usize >> BUCKET_BITS;
        let place = account as usize + bucket;
        &self.buckets[bucket][self.starts[place] as usize..self.starts[place + 1] as usize]
    }

    fn accounts(&self) -> usize {
        self.starts.len() - self.buckets.len()
    }

    fn len(&self) -> u64 {
        self.buckets.iter().map(|legs| legs.len() as u64).sum()
    }
}

/// Transfers that are dealt in one go: few enough to stay in a core's cache meanwhile.
const PIECE: usize = 1 << 15;
/// Transfers of a piece for each bucket, at the least, so that what is dealt to one is read in a stream.
const PIECE_A_BUCKET: usize = 1 << 7;
/// Accounts of one bucket, narrow enough for its counters and its legs to stay in a core's cache.
const BUCKET_BITS: u32 = 11;
/// Times of one piece of work.
const TIMES: usize = 1 << 17;

/// The immutable index of a batch of transfers: 24 bytes a transfer and side, 4 an account and side.
///
/// Self-transfers are left out and counted. Built by dealing rows to narrow ranges of accounts, so that every access
/// outside a cache is a stream (Polychroniou and Ross, SIGMOD 2014).
///
/// ```
/// use dandelion_credit::graph::temporal::{Legs, TemporalIndex};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// let columns = TransferColumns {
///     payer: &[0, 1, 0], payee: &[1, 2, 1], amount_minor: Some(&[500, 480, 20]), at_seconds: Some(&[90, 95, 10]),
/// };
/// let index = TemporalIndex::build(&columns, 3, Progress::silent())?;
/// let times: Vec<i64> = index.received(1).iter().map(|leg| leg.at_seconds).collect();
/// assert_eq!(times, [10, 90]);
/// assert_eq!(index.sent(1)[0].peer, 2);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemporalIndex {
    received: Side,
    sent: Side,
    span: Option<[i64; 2]>,
    self_transfers: u64,
}

impl TemporalIndex {
    /// Lines up `columns`, whose accounts are below `accounts`.
    ///
    /// # Errors
    /// As [`TransferColumns::check`]; [`Error::is_overflow`] past 4,294,967,295 transfers; [`Error::is_cancelled`].
    ///
    /// # Complexity
    /// Linear, with a sort of the rows of each account when the source is not in order of time.
    pub fn build(columns: &TransferColumns<'_>, accounts: usize, progress: Progress<'_>) -> Result<Self> {
        columns.check(accounts)?;
        if u32::try_from(columns.len()).is_err() || u32::try_from(accounts).is_err() {
            return Err(Error::overflow("number of transfers or accounts", "at most 4,294,967,295"));
        }
        let (sorted, span) = columns.at_seconds.map_or((true, None), order_of);
        progress.step("lining up transfers", 0, 2)?;
        let received = line_up(columns, accounts, columns.payee, columns.payer, sorted);
        progress.step("lining up transfers", 1, 2)?;
        let sent = line_up(columns, accounts, columns.payer, columns.payee, sorted);
        progress.step("lining up transfers", 2, 2)?;
        let self_transfers = columns.len() as u64 - sent.len();
        Ok(Self { received, sent, span, self_transfers })
    }

    /// The earliest and the latest time, where the source has times and any transfer.
    #[must_use]
    pub fn span(&self) -> Option<[i64; 2]> {
        self.span
    }

    /// Number of transfers between different accounts.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.sent.len()
    }

    /// Number of transfers of accounts to themselves, which are in no list.
    #[must_use]
    pub fn self_transfers(&self) -> u64 {
        self.self_transfers
    }

    /// The transfers that `account` was paid with; as [`Legs::received`].
    ///
    /// # Panics
    /// When `account` is unknown.
    #[must_use]
    pub fn receipts_of(&self, account: AccountIndex) -> &[Leg] {
        self.received.of(account.get())
    }
}

impl Legs for TemporalIndex {
    fn accounts(&self) -> usize {
        self.sent.accounts()
    }

    fn received(&self, account: u32) -> &[Leg] {
        self.received.of(account)
    }

    fn sent(&self, account: u32) -> &[Leg] {
        self.sent.of(account)
    }
}

/// Whether the times ascend, and the earliest and the latest of them.
fn order_of(times: &[i64]) -> (bool, Option<[i64; 2]>) {
    let parts = map_chunks(times.len(), TIMES, |range| {
        // The last one before belongs to the order, too.
        let sorted = times[range.start.saturating_sub(1)..range.end].is_sorted();
        let ends = |[low, high]: [i64; 2], &time: &i64| [low.min(time), high.max(time)];
        (sorted, times[range].iter().fold([i64::MAX, i64::MIN], ends))
    });
    let ends = parts.iter().map(|part| part.1).reduce(|all, part| [all[0].min(part[0]), all[1].max(part[1])]);
    (parts.iter().all(|part| part.0), ends)
}

/// Rows of one piece, bucket after bucket, in each the order they came in.
struct Dealt {
    starts: Vec<u32>,
    locals: Vec<u16>,
    legs: Vec<Leg>,
}

impl Dealt {
    fn segment(&self, bucket: usize) -> Range<usize> {
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }
}

fn deal(columns: &TransferColumns<'_>, own: &[u32], peer: &[u32], buckets: usize, range: Range<usize>) -> Dealt {
    let mut starts = vec![0u32; buckets + 2];
    for row in range.clone() {
        starts[(own[row] >> BUCKET_BITS) as usize + 2] += u32::from(own[row] != peer[row]);
    }
    for bucket in 2..starts.len() {
        starts[bucket] += starts[bucket - 1];
    }
    let kept = starts[buckets + 1] as usize;
    let (mut locals, mut legs) = (vec![0u16; kept], vec![Leg::default(); kept]);
    for row in range {
        let (own, peer) = (own[row], peer[row]);
        if own == peer {
            continue;
        }
        let cursor = &mut starts[(own >> BUCKET_BITS) as usize + 1];
        let at = *cursor as usize;
        *cursor += 1;
        locals[at] = (own & ((1 << BUCKET_BITS) - 1)) as u16;
        legs[at] = Leg {
            at_seconds: columns.at_seconds.map_or(0, |column| column[row]),
            amount_minor: columns.amount_minor.map_or(1, |column| column[row]),
            peer,
            row: row as u32,
        };
    }
    starts.truncate(buckets + 1);
    Dealt { starts, locals, legs }
}

fn line_up(columns: &TransferColumns<'_>, accounts: usize, own: &[u32], peer: &[u32], sorted: bool) -> Side {
    let buckets = accounts.div_ceil(1 << BUCKET_BITS);
    let piece = PIECE.max(buckets * PIECE_A_BUCKET);
    let pieces = map_chunks(columns.len(), piece, |range| deal(columns, own, peer, buckets, range));
    let lined_up = map_chunks(buckets, 1, |range| {
        let width = (range.end << BUCKET_BITS).min(accounts) - (range.start << BUCKET_BITS);
        gather(&pieces, range.start, width, sorted)
    });
    let mut side = Side { starts: Vec::with_capacity(accounts + buckets), buckets: Vec::with_capacity(buckets) };
    for (starts, legs) in lined_up {
        side.starts.extend(starts);
        side.buckets.push(legs);
    }
    side
}

/// The legs of a bucket of `width` accounts, and where those of each account begin and the last ones end.
fn gather(pieces: &[Dealt], bucket: usize, width: usize, sorted: bool) -> (Vec<u32>, Vec<Leg>) {
    // A place further on than they belong, so that each is where its account's legs begin when the last of them is put down.
    let mut starts = vec![0u32; width + 2];
    for piece in pieces {
        piece.locals[piece.segment(bucket)].iter().for_each(|&local| starts[local as usize + 2] += 1);
    }
    for place in 2..starts.len() {
        starts[place] += starts[place - 1];
    }
    let mut legs = vec![Leg::default(); starts[width + 1] as usize];
    for piece in pieces {
        let segment = piece.segment(bucket);
        for (&local, &leg) in piece.locals[segment.clone()].iter().zip(&piece.legs[segment]) {
            let next = &mut starts[local as usize + 1];
            legs[*next as usize] = leg;
            *next += 1;
        }
    }
    starts.truncate(width + 1);
    if !sorted {
        for two in starts.windows(2) {
            legs[two[0] as usize..two[1] as usize].sort_unstable_by_key(|leg| (leg.at_seconds, leg.row));
        }
    }
    (starts, legs)
}

/// The legs whose times lie in `from..=to`.
pub(crate) fn between(legs: &[Leg], from: i64, to: i64) -> &[Leg] {
    up_to(&legs[legs.partition_point(|leg| leg.at_seconds < from)..], to)
}

/// The first of `legs`, whose times are at most `to`.
pub(crate) fn up_to(legs: &[Leg], to: i64) -> &[Leg] {
    &legs[..lead(legs, |leg| leg.at_seconds <= to)]
}

/// How many of the first `legs` are `early`, when no later one is.
pub(crate) fn lead(legs: &[Leg], early: impl Fn(&Leg) -> bool) -> usize {
    // Windows are short beside the history of a hub: gallop instead of halving everything.
    let mut width = 8;
    while width < legs.len() && early(&legs[width]) {
        width *= 2;
    }
    legs[..width.min(legs.len())].partition_point(early)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The slow twin filters and sorts all transfers for every account.
        #[test]
        fn lists_are_those_of_each_account_alone(
            rows in prop::collection::vec((0u32..9000, 0u32..5, -50i64..100, 0i64..20), 0..80),
        ) {
            let payer: Vec<u32> = rows.iter().map(|row| row.0 % 4 * 2999).collect();
            let payee: Vec<u32> = rows.iter().map(|row| row.1 * 2250).collect();
            let amount: Vec<i64> = rows.iter().map(|row| row.2).collect();
            let at: Vec<i64> = rows.iter().map(|row| row.3).collect();
            let columns = TransferColumns {
                payer: &payer, payee: &payee, amount_minor: Some(&amount), at_seconds: Some(&at),
            };
            let index = TemporalIndex::build(&columns, 9001, Progress::silent()).unwrap();
            for account in 0..9001 {
                let list = |own: &[u32], peer: &[u32]| {
                    let mut legs: Vec<Leg> = (0..rows.len())
                        .filter(|&row| own[row] == account && peer[row] != account)
                        .map(|row| Leg {
                            at_seconds: at[row], amount_minor: amount[row], peer: peer[row], row: row as u32,
                        })
                        .collect();
                    legs.sort_by_key(|leg| (leg.at_seconds, leg.row));
                    legs
                };
                if account % 750 == 0 || account % 2999 == 0 {
                    prop_assert_eq!(index.received(account), &list(&payee, &payer)[..]);
                    prop_assert_eq!(index.sent(account), &list(&payer, &payee)[..]);
                }
            }
            let loops = payer.iter().zip(&payee).filter(|(a, b)| a == b).count() as u64;
            prop_assert_eq!(index.self_transfers(), loops);
        }

        #[test]
        fn between_is_a_filter_by_time(times in prop::collection::vec(0i64..30, 0..60), from in 0i64..30, width in 0i64..9) {
            let mut times = times;
            times.sort_unstable();
            let legs: Vec<Leg> =
                times.iter().map(|&at_seconds| Leg { at_seconds, ..Leg::default() }).collect();
            let slow = times.iter().filter(|&&at| (from..=from + width).contains(&at)).count();
            prop_assert_eq!(between(&legs, from, from + width).len(), slow);
        }
    }

    #[test]
    fn no_transfers_and_no_accounts_are_fine() {
        let index = TemporalIndex::build(&TransferColumns::default(), 0, Progress::silent()).unwrap();
        assert_eq!((index.accounts(), index.transfers(), index.span()), (0, 0, None));
        let index = TemporalIndex::build(&TransferColumns::of_pairs(&[2], &[2]), 3, Progress::silent()).unwrap();
        assert_eq!((index.accounts(), index.transfers(), index.self_transfers()), (3, 0, 1));
    }
}
