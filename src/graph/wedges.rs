//! The triangles of a graph whose accounts point to few others, with every row met in cache.
//!
//! Written down, the plan is: for each account `u`, each `v` it points to, and each `w` it points to that ranks above `v`,
//! ask whether `v` points to `w`. Asked right away, every question is a walk to another corner of memory. So `u` mails its
//! questions to the bucket of `v` instead, `v`'s rank and all that rank above it as one letter; a bucket then answers all its
//! letters while its own rows lie in the core's cache; and what follows from an answer is mailed to the buckets of the
//! three accounts in the same way. Memory is only ever streamed. Letters are written and answered in rounds, so that they
//! take a fixed share of the graph's own size.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Result;
use crate::graph::csr::Tally;
use crate::graph::orient::{Load, Oriented};
use crate::graph::streams::{LONGEST, Streams};
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::progress::Progress;

/// Those ranking above that go into one letter, at most.
const TAIL: usize = 64;
const _: () = assert!(5 + TAIL + TAIL / 2 + 2 * TAIL <= LONGEST);
/// Writers of letters and of answers, each with streams of its own; fixed, so that threads do not change the result.
const WRITERS: usize = 8;

/// A triangle as it is told to one of its accounts: the other two, and what went between them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub local: usize,
    pub a: u32,
    pub b: u32,
    /// From `a` to `b` and back.
    pub tally: Tally,
    /// Weight by amount of what went between them; 0 where amounts were not asked for.
    pub amount: f64,
}

/// Words of a triangle told to an account, without and with amounts.
const TOLD: [usize; 2] = [3, 5];

/// Everything the triangles told, account bucket by account bucket.
#[derive(Debug)]
pub(super) struct Answers {
    streams: Vec<Streams>,
    amounts: bool,
}

/// What the accounts of one bucket were told.
#[derive(Debug)]
pub(super) struct BucketAnswers<'a> {
    answers: &'a Answers,
    bucket: usize,
}

impl Answers {
    /// The triangles told to the accounts of `bucket`.
    pub fn of(&self, bucket: usize) -> BucketAnswers<'_> {
        BucketAnswers { answers: self, bucket }
    }
}

impl BucketAnswers<'_> {
    /// Hands every triangle to `hear`, in an order that threads do not change.
    pub fn for_each(&self, mut hear: impl FnMut(Told)) {
        let amounts = self.answers.amounts;
        for streams in &self.answers.streams {
            for block in streams.blocks(self.bucket) {
                for words in block.chunks_exact(TOLD[usize::from(amounts)]) {
                    hear(Told {
                        local: (words[0] >> 16) as usize,
                        a: words[1],
                        b: words[2],
                        tally: unpack(words[0]),
                        amount: if amounts { join(words[3], words[4]) } else { 0.0 },
                    });
                }
            }
        }
    }
}

fn join(high: u32, low: u32) -> f64 {
    f64::from_bits(u64::from(high) << 32 | u64::from(low))
}

fn split(amount: f64) -> [u32; 2] {
    [(amount.to_bits() >> 32) as u32, amount.to_bits() as u32]
}

fn pack(tally: Tally) -> u32 {
    u32::from(tally.sent) << 8 | u32::from(tally.received)
}

fn unpack(word: u32) -> Tally {
    Tally { sent: (word >> 8) as u8, received: word as u8 }
}

/// Rounds of work: runs of buckets whose letters fill about `words` words.
fn rounds(oriented: &Oriented, words: u64) -> Vec<Range<usize>> {
    let mut rounds = Vec::new();
    let (mut first, mut held) = (0, 0);
    for (bucket, part) in oriented.parts.iter().enumerate() {
        let range = oriented.buckets.range(bucket);
        held += (0..range.len()).map(|local| part.row(local).len() as u64).map(|out| out * (out + 3) / 2).sum::<u64>();
        if held > words {
            rounds.push(first..bucket + 1);
            (first, held) = (bucket + 1, 0);
        }
    }
    if first < oriented.parts.len() {
        rounds.push(first..oriented.parts.len());
    }
    rounds
}

/// Words of letters that are under way at once.
fn letter_words(oriented: &Oriented) -> u64 {
    let relations: usize = oriented.parts.iter().map(|part| part.targets.len()).sum();
    (relations as u64).max(1 << 22)
}

fn writers(round: &Range<usize>) -> Vec<Range<usize>> {
    let share = round.len().div_ceil(WRITERS).max(1);
    round.clone().step_by(share).map(|first| first..(first + share).min(round.end)).collect()
}

/// Writes the letters of the accounts in buckets `from`, with as much beside each account as `LOAD` says: 0 nothing, 1 its
/// tally, 2 its amount too.
#[inline(never)]
fn write_letters<const LOAD: usize>(oriented: &Oriented, from: Range<usize>, letters: &mut Streams) {
    let buckets = oriented.buckets;
    letters.clear(buckets.len());
    for bucket in from {
        let part = &oriented.parts[bucket];
        for (local, u) in buckets.range(bucket).enumerate() {
            let row = part.row(local);
            let targets = &part.targets[row.clone()];
            for (place, &v) in targets.iter().enumerate() {
                if place + 1 == targets.len() || !oriented.points(v) {
                    continue;
                }
                let mut above = place + 1;
                while above < targets.len() {
                    let tail = &targets[above..targets.len().min(above + TAIL)];
                    let slots = row.start + above..row.start + above + tail.len();
                    let record = letters.record(buckets.of(v), letter::<LOAD>(tail.len()));
                    record[0] = buckets.local(v) << 16 | tail.len() as u32;
                    record[1] = u as u32;
                    let mut at = 2;
                    if LOAD >= 1 {
                        record[2] = pack(part.tallies[row.start + place]);
                        for (word, pair) in record[3..].iter_mut().zip(part.tallies[slots.clone()].chunks(2)) {
                            *word = pack(pair[0]) << 16 | pair.get(1).map_or(0, |&tally| pack(tally));
                        }
                        at = 3 + tail.len().div_ceil(2);
                    }
                    if LOAD == 2 {
                        record[at..at + 2].copy_from_slice(&split(part.amounts[row.start + place]));
                        for (words, &amount) in record[at + 2..].chunks_exact_mut(2).zip(&part.amounts[slots]) {
                            words.copy_from_slice(&split(amount));
                        }
                        at += 2 + 2 * tail.len();
                    }
                    record[at..].copy_from_slice(tail);
                    above += tail.len();
                }
            }
        }
    }
}

/// Words of a letter with so many accounts.
fn letter<const LOAD: usize>(len: usize) -> usize {
    match LOAD {
        0 => 2 + len,
        1 => 3 + len.div_ceil(2) + len,
        _ => 5 + len.div_ceil(2) + 3 * len,
    }
}

/// Counts the triangles of every account.
pub(super) fn count(oriented: &Oriented, accounts: usize, progress: Progress<'_>) -> Result<Vec<u64>> {
    let buckets = oriented.buckets;
    let mut counts = vec![0u64; accounts];
    let rounds = rounds(oriented, letter_words(oriented));
    let mut letters: Vec<Streams> = (0..WRITERS).map(|_| Streams::default()).collect();
    let mut answers: Vec<Streams> = (0..WRITERS).map(|_| Streams::default()).collect();
    for (at, round) in rounds.iter().enumerate() {
        progress.step("counting triangles", at as u64, rounds.len() as u64)?;
        let writers_of = writers(round);
        for_each_chunk_mut(&mut letters[..writers_of.len()], 1, |writer, letters| {
            write_letters::<0>(oriented, writers_of[writer].clone(), &mut letters[0]);
        });
        let letters = &letters[..writers_of.len()];
        let answerers = writers(&(0..buckets.len()));
        for_each_chunk_mut(&mut answers[..answerers.len()], 1, |answerer, answers| {
            answers[0].clear(buckets.len());
            for bucket in answerers[answerer].clone() {
                answer_counts(oriented, bucket, letters, &mut answers[0]);
            }
        });
        let width = buckets.width();
        for_each_chunk_mut(&mut counts, width, |first, counts| {
            let bucket = buckets.of(first as u32);
            for block in answers[..answerers.len()].iter().flat_map(|answers| answers.blocks(bucket)) {
                for word in block {
                    counts[(word >> 16) as usize] += u64::from(word & 0xFFFF);
                }
            }
        });
    }
    Ok(counts)
}

#[inline(never)]
fn answer_counts(oriented: &Oriented, bucket: usize, letters: &[Streams], answers: &mut Streams) {
    let buckets = oriented.buckets;
    let part = &oriented.parts[bucket];
    for block in letters.iter().flat_map(|letters| letters.blocks(bucket)) {
        let mut rest = block;
        while let [head, u, more @ ..] = rest {
            let (local, len) = (head >> 16, (head & 0xFFFF) as usize);
            let (tail, after) = more.split_at(len);
            rest = after;
            let mut found = 0u32;
            for &w in tail {
                if part.may_hold(local as usize, w) && part.find(local as usize, w).is_some() {
                    found += 1;
                    answers.record(buckets.of(w), 1)[0] = buckets.local(w) << 16 | 1;
                }
            }
            if found > 0 {
                answers.record(buckets.of(*u), 1)[0] = buckets.local(*u) << 16 | found;
                answers.record(bucket, 1)[0] = local << 16 | found;
            }
        }
    }
}

/// Tells every triangle to its three accounts, with amounts where the rows have them; `None` where that would take more
/// than `most` words.
pub(super) fn tell(oriented: &Oriented, load: Load, most: usize, progress: Progress<'_>) -> Result<Option<Answers>> {
    match load {
        Load::TalliesAndAmounts => tell_loaded::<2>(oriented, most, progress),
        _ => tell_loaded::<1>(oriented, most, progress),
    }
}

fn tell_loaded<const LOAD: usize>(oriented: &Oriented, most: usize, progress: Progress<'_>) -> Result<Option<Answers>> {
    let buckets = oriented.buckets;
    let rounds = rounds(oriented, letter_words(oriented));
    let mut letters: Vec<Streams> = (0..WRITERS).map(|_| Streams::default()).collect();
    let answerers = writers(&(0..buckets.len()));
    let mut answers: Vec<Streams> = map_chunks(answerers.len(), 1, |_| {
        let mut streams = Streams::default();
        streams.clear(buckets.len());
        streams
    });
    for (at, round) in rounds.iter().enumerate() {
        progress.step("meeting triangles", at as u64, rounds.len() as u64)?;
        let writers_of = writers(round);
        for_each_chunk_mut(&mut letters[..writers_of.len()], 1, |writer, letters| {
            write_letters::<LOAD>(oriented, writers_of[writer].clone(), &mut letters[0]);
        });
        let letters = &letters[..writers_of.len()];
        let full = AtomicBool::new(false);
        for_each_chunk_mut(&mut answers, 1, |answerer, answers| {
            for bucket in answerers[answerer].clone() {
                if answers[0].held() > most / WRITERS {
                    full.store(true, Ordering::Relaxed);
                    return;
                }
                answer_told::<LOAD>(oriented, bucket, letters, &mut answers[0]);
            }
        });
        if full.into_inner() {
            return Ok(None);
        }
    }
    Ok(Some(Answers { streams: answers, amounts: LOAD == 2 }))
}

#[inline(never)]
fn answer_told<const LOAD: usize>(oriented: &Oriented, bucket: usize, letters: &[Streams], answers: &mut Streams) {
    let buckets = oriented.buckets;
    let part = &oriented.parts[bucket];
    let first = buckets.range(bucket).start as u32;
    let mut told = |account: u32, tally: Tally, amount: [u32; 2], a: u32, b: u32| {
        let record = answers.record(buckets.of(account), TOLD[usize::from(LOAD == 2)]);
        record[..3].copy_from_slice(&[buckets.local(account) << 16 | pack(tally), a, b]);
        record[3..].copy_from_slice(if LOAD == 2 { &amount } else { &[] });
    };
    for block in letters.iter().flat_map(|letters| letters.blocks(bucket)) {
        let mut rest = block;
        while !rest.is_empty() {
            let (local, len) = (rest[0] >> 16, (rest[0] & 0xFFFF) as usize);
            let (record, after) = rest.split_at(letter::<LOAD>(len));
            rest = after;
            let tail = &record[record.len() - len..];
            for (at, &w) in tail.iter().enumerate() {
                if !part.may_hold(local as usize, w) {
                    continue;
                }
                let Some(slot) = part.find(local as usize, w) else { continue };
                let (u, v) = (record[1], first + local);
                let pair = record[3 + at / 2];
                let (u_to_v, u_to_w) = (unpack(record[2]), unpack(if at % 2 == 0 { pair >> 16 } else { pair }));
                let amount = |at: usize| if LOAD == 2 { [record[at], record[at + 1]] } else { [0; 2] };
                let amounts = 3 + len.div_ceil(2);
                let v_to_w = if LOAD == 2 { split(part.amounts[slot]) } else { [0; 2] };
                told(u, part.tallies[slot], v_to_w, v, w);
                told(v, u_to_w, amount(amounts + 2 + 2 * at), u, w);
                told(w, u_to_v, amount(amounts), u, v);
            }
        }
    }
}
