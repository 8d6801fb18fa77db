//! Transfers grouped by account, a bounded number at a time.
//!
//! A transfer is a leg of two accounts. Accounts are cut into buckets of neighbouring rows, buckets into passes of a bounded
//! number of legs. Each pass streams over the two account columns once, picks the legs of its accounts chunk by chunk, each
//! chunk sorted by bucket on its own, and then hands the buckets out, to be grouped by account inside the cache. Chunks,
//! buckets and passes depend on the data alone, never on threads.

use std::ops::Range;

use crate::error::Result;
use crate::features::activity::Way;
use crate::features::packed::Narrow;
use crate::features::packed::Packed;
use crate::features::packed::Shape;
use crate::features::packed::Wide;
use crate::features::piece::Rows;
use crate::features::source::BUCKET_BITS;
use crate::features::source::Source;
use crate::features::source::Survey;
use crate::features::source::bucket_of;
use crate::features::sums::Leg;
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;

/// Transfers looked through at a time.
const BLOCK: usize = 1 << 10;
/// Legs held at a time, at least, which is one and a half gigabytes; more where the data is larger still, so that passes stay
/// few: each reads nearly all times and amounts again.
const PASS_LEGS: u64 = 1 << 27;
/// Passes aimed at.
const PASSES: u64 = 16;

/// Buckets whose legs are held at one time.
#[derive(Debug)]
struct Pass {
    buckets: Range<usize>,
    /// These are all the buckets there are.
    is_whole: bool,
}

impl Pass {
    #[inline]
    fn has(&self, account: u32) -> bool {
        bucket_of(account).wrapping_sub(self.buckets.start) < self.buckets.len()
    }
}

/// Rows of a block in which an account of the pass takes part, found without a branch for each row: most passes want a
/// few rows of many, and guesses at which would mostly be wrong.
struct Picked {
    offsets: [u16; BLOCK],
    len: usize,
}

impl Picked {
    fn refill(&mut self, rows: &Rows<'_>, block: Range<usize>, pass: &Pass) -> impl Iterator<Item = usize> {
        self.len = 0;
        let ends = rows.payer[block.clone()].iter().zip(&rows.payee[block.clone()]);
        for (offset, (&payer, &payee)) in ends.enumerate() {
            self.offsets[self.len] = offset as u16;
            self.len += usize::from(pass.has(payer) | pass.has(payee));
        }
        self.offsets[..self.len].iter().map(move |&offset| block.start + usize::from(offset))
    }
}

/// Legs of one chunk of transfers, sorted by bucket.
#[derive(Debug, Default)]
struct Part<P> {
    legs: Vec<P>,
    /// `legs[starts[b]..starts[b + 1]]` belong to the pass's bucket `b`.
    starts: Vec<u32>,
}

impl<P: Packed> Part<P> {
    /// Takes the legs of the accounts of the pass from one chunk.
    fn refill(&mut self, source: &Source<'_>, chunk: usize, pass: &Pass, survey: &Survey) {
        // The start of each bucket stands one place up, where it serves as the bucket's write cursor; after writing it is
        // the start of the next.
        self.starts.clear();
        self.starts.push(0);
        let mut total = 0;
        for count in survey.legs(chunk, pass.buckets.clone()) {
            self.starts.push(total);
            total += count;
        }
        // No more than is needed: passes differ a little, and growing as vectors do would double what all of them hold.
        self.legs.truncate(total as usize);
        self.legs.reserve_exact(total as usize - self.legs.len());
        self.legs.resize(total as usize, P::default());
        let (rows, shape) = (&source.chunks[chunk], survey.shape());
        let mut picked = Picked { offsets: [0; BLOCK], len: 0 };
        for start in (0..rows.len()).step_by(BLOCK) {
            let block = start..rows.len().min(start + BLOCK);
            if pass.is_whole {
                block.for_each(|row| self.push(source, rows, shape, row, pass));
            } else {
                picked.refill(rows, block, pass).for_each(|row| self.push(source, rows, shape, row, pass));
            }
        }
    }

    /// Writes those of a transfer's two legs that belong to the pass.
    #[inline]
    fn push(&mut self, source: &Source<'_>, rows: &Rows<'_>, shape: Shape, row: usize, pass: &Pass) {
        if !source.keeps(rows, row) {
            return;
        }
        let (payer, payee) = (rows.payer[row], rows.payee[row]);
        let (at_seconds, amount_minor) = (rows.at_seconds.get(row), rows.amount_minor.get(row));
        for (account, other, is_in) in [(payer, payee, false), (payee, payer, true)] {
            if pass.has(account) {
                let cursor = &mut self.starts[bucket_of(account) - pass.buckets.start + 1];
                let place = account & ((1 << BUCKET_BITS) - 1);
                self.legs[*cursor as usize] = P::pack(place, Leg { at_seconds, amount_minor, other, is_in }, shape);
                *cursor += 1;
            }
        }
    }

    fn bucket(&self, bucket: usize) -> &[P] {
        &self.legs[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }
}

/// Buffers of one thread at one bucket: transfers by account, and of each account first those out, then those in.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    legs: Vec<Leg>,
    starts: Vec<usize>,
}

impl Grouped {
    fn refill<P: Packed>(&mut self, shape: Shape, parts: &[Part<P>], bucket: usize, accounts: usize) {
        self.starts.clear();
        self.starts.resize(2 * accounts + 2, 0);
        for leg in parts.iter().flat_map(|part| part.bucket(bucket)) {
            self.starts[leg.tag() as usize + 2] += 1;
        }
        let mut total = 0;
        for start in &mut self.starts {
            total += *start;
            *start = total;
        }
        self.legs.resize(total, Leg::default());
        for leg in parts.iter().flat_map(|part| part.bucket(bucket)) {
            let cursor = &mut self.starts[leg.tag() as usize + 1];
            self.legs[*cursor] = leg.unpack(shape);
            *cursor += 1;
        }
    }

    /// The transfers of one account of the bucket, out and in, each in order of time.
    pub(super) fn ways(&mut self, account: usize) -> [Way<'_>; 2] {
        let [start, middle, end] = [0, 1, 2].map(|way| self.starts[2 * account + way]);
        let (outs, ins) = self.legs[start..end].split_at_mut(middle - start);
        [outs, ins].map(|way| {
            if !way.is_sorted_by_key(|leg| leg.at_seconds) {
                way.sort_unstable_by_key(|leg| (leg.at_seconds, leg.amount_minor, leg.other));
            }
            &*way
        })
    }
}

/// What [`group_by_account`] hands out: one bucket of accounts with what the caller keeps for it.
#[derive(Debug)]
struct Bucket<K> {
    accounts: usize,
    kept: K,
}

/// Calls `visit(kept, grouped, accounts)` for each bucket of neighbouring accounts, where `kept` is what `keep` made for
/// it. `keep` is called in the order of accounts.
pub(super) fn group_by_account<K: Send>(
    source: &Source<'_>,
    survey: &Survey,
    accounts: usize,
    progress: Progress<'_>,
    keep: impl FnMut(Range<usize>) -> K,
    visit: impl Fn(&mut K, &mut Grouped, usize) + Sync + Send,
) -> Result<()> {
    if survey.is_narrow() {
        group::<K, Narrow>(source, survey, accounts, progress, keep, visit)
    } else {
        group::<K, Wide>(source, survey, accounts, progress, keep, visit)
    }
}

fn group<K: Send, P: Packed>(
    source: &Source<'_>,
    survey: &Survey,
    accounts: usize,
    progress: Progress<'_>,
    mut keep: impl FnMut(Range<usize>) -> K,
    visit: impl Fn(&mut K, &mut Grouped, usize) + Sync + Send,
) -> Result<()> {
    const STAGE: &str = "reading flows and times";
    let buckets = accounts.div_ceil(1 << BUCKET_BITS);
    let legs_of = survey.legs_of_buckets(buckets);
    let total: u64 = legs_of.iter().sum();
    let budget = PASS_LEGS.max(total / PASSES);
    let mut parts: Vec<Part<P>> = source.chunks.iter().map(|_| Part::default()).collect();
    let mut done = 0;
    let mut start = 0;
    while start < buckets {
        let (mut end, mut legs) = (start, 0);
        while end < buckets && (end == start || legs + legs_of[end] <= budget) {
            legs += legs_of[end];
            end += 1;
        }
        progress.step(STAGE, done, total)?;
        let pass = Pass { buckets: start..end, is_whole: end - start == buckets };
        for_each_chunk_mut(&mut parts, 1, |chunk, part| part[0].refill(source, chunk, &pass, survey));
        let mut handed: Vec<Bucket<K>> = (start..end)
            .map(|bucket| {
                let range = bucket << BUCKET_BITS..((bucket + 1) << BUCKET_BITS).min(accounts);
                Bucket { accounts: range.len(), kept: keep(range) }
            })
            .collect();
        let first_stop = std::sync::Mutex::new(None);
        let seen = std::sync::atomic::AtomicU64::new(done);
        // A few buckets at a time share the buffers of a thread.
        for_each_chunk_mut(&mut handed, 8, |first, some| {
            let mut grouped = Grouped::default();
            for (place, bucket) in some.iter_mut().enumerate() {
                let stopped = first_stop.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_some();
                if stopped {
                    return;
                }
                let number = start + first + place;
                grouped.refill(survey.shape(), &parts, number - start, bucket.accounts);
                visit(&mut bucket.kept, &mut grouped, bucket.accounts);
                let now = legs_of[number] + seen.fetch_add(legs_of[number], std::sync::atomic::Ordering::Relaxed);
                if let Err(error) = progress.step(STAGE, now, total) {
                    first_stop.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                }
            }
        });
        if let Some(error) = first_stop.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err(error);
        }
        done += legs;
        start = end;
    }
    progress.step(STAGE, total, total)
}
