//! One bucket's transfers folded into its distinct relations, each seen from the lower account.

use crate::graph::csr::Tally;
use crate::graph::partition::{Buckets, Piece};

/// The relations of a bucket's accounts to higher accounts.
#[derive(Debug, Default)]
pub(super) struct Upper {
    /// Higher neighbours of each account of the bucket.
    pub degrees: Vec<u32>,
    /// The higher neighbours, account after account, ascending.
    pub neighbours: Vec<u32>,
    pub tallies: Vec<Tally>,
    /// Position among the neighbours, sent and received, where a tally is too small for them.
    pub large: Vec<(usize, u64, u64)>,
    pub amounts: Vec<[i64; 2]>,
    pub days: Vec<[i32; 2]>,
}

/// The tail of a word, in 32 bits where every account leaves room for the direction, else in 64.
trait Tail: Copy + Ord + Default {
    fn new(tail: u64) -> Self;
    fn high(self) -> u32;
    fn high_paid(self) -> bool;
}

impl Tail for u32 {
    fn new(tail: u64) -> Self {
        tail as u32
    }
    fn high(self) -> u32 {
        self >> 1
    }
    fn high_paid(self) -> bool {
        self & 1 == 1
    }
}

impl Tail for u64 {
    fn new(tail: u64) -> Self {
        tail
    }
    fn high(self) -> u32 {
        (self >> 1) as u32
    }
    fn high_paid(self) -> bool {
        self & 1 == 1
    }
}

/// Folds the words of `bucket` in all `pieces`; `has` says whether there are amounts and days.
pub(super) fn distinct(buckets: &Buckets, bucket: usize, pieces: &[Piece], has: [bool; 2]) -> Upper {
    let narrow = buckets.accounts() <= 1 << 31;
    match (has, narrow) {
        ([false, false], true) => plain::<u32>(buckets, bucket, pieces),
        ([false, false], false) => plain::<u64>(buckets, bucket, pieces),
        (_, true) => loaded::<u32>(buckets, bucket, pieces, has),
        (_, false) => loaded::<u64>(buckets, bucket, pieces, has),
    }
}

/// Where each account's words begin once they are lined up by account.
fn row_starts(accounts: usize, bucket: usize, pieces: &[Piece]) -> Vec<usize> {
    let mut starts = vec![0; accounts + 2];
    for piece in pieces {
        for word in &piece.words[piece.segment(bucket)] {
            starts[word.local() + 2] += 1;
        }
    }
    for account in 2..starts.len() {
        starts[account] += starts[account - 1];
    }
    starts
}

fn plain<T: Tail>(buckets: &Buckets, bucket: usize, pieces: &[Piece]) -> Upper {
    let accounts = buckets.range(bucket).len();
    let mut starts = row_starts(accounts, bucket, pieces);
    let mut tails = vec![T::default(); starts[accounts + 1]];
    for piece in pieces {
        for word in &piece.words[piece.segment(bucket)] {
            let cursor = &mut starts[word.local() + 1];
            tails[*cursor] = T::new(word.tail());
            *cursor += 1;
        }
    }
    let mut upper = Upper { degrees: Vec::with_capacity(accounts), ..Upper::default() };
    for account in 0..accounts {
        let row = &mut tails[starts[account]..starts[account + 1]];
        row.sort_unstable();
        let before = upper.neighbours.len();
        let mut at = 0;
        while at < row.len() {
            let high = row[at].high();
            let mut counts = [0u64; 2];
            while at < row.len() && row[at].high() == high {
                counts[usize::from(row[at].high_paid())] += 1;
                at += 1;
            }
            upper.relation(high, counts);
        }
        upper.degrees.push((upper.neighbours.len() - before) as u32);
    }
    upper
}

fn loaded<T: Tail>(buckets: &Buckets, bucket: usize, pieces: &[Piece], has: [bool; 2]) -> Upper {
    let accounts = buckets.range(bucket).len();
    let mut starts = row_starts(accounts, bucket, pieces);
    let all = starts[accounts + 1];
    let mut tails = vec![(T::default(), 0u32); all];
    let (mut amounts, mut days) = (Vec::with_capacity(all), Vec::with_capacity(all));
    let mut index = 0u32;
    for piece in pieces {
        let segment = piece.segment(bucket);
        for word in &piece.words[segment.clone()] {
            let cursor = &mut starts[word.local() + 1];
            tails[*cursor] = (T::new(word.tail()), index);
            *cursor += 1;
            index += 1;
        }
        amounts.extend_from_slice(if has[0] { &piece.amounts[segment.clone()] } else { &[] });
        days.extend_from_slice(if has[1] { &piece.days[segment] } else { &[] });
    }
    let mut upper = Upper { degrees: Vec::with_capacity(accounts), ..Upper::default() };
    for account in 0..accounts {
        let row = &mut tails[starts[account]..starts[account + 1]];
        row.sort_unstable();
        let before = upper.neighbours.len();
        let mut at = 0;
        while at < row.len() {
            let high = row[at].0.high();
            let mut counts = [0u64; 2];
            let mut sums = [0i64; 2];
            let mut span = [i32::MAX, i32::MIN];
            while at < row.len() && row[at].0.high() == high {
                let (tail, index) = row[at];
                let side = usize::from(tail.high_paid());
                counts[side] += 1;
                if has[0] {
                    sums[side] += amounts[index as usize];
                }
                if has[1] {
                    let day = days[index as usize];
                    span = [span[0].min(day), span[1].max(day)];
                }
                at += 1;
            }
            upper.relation(high, counts);
            if has[0] {
                upper.amounts.push(sums);
            }
            if has[1] {
                upper.days.push(span);
            }
        }
        upper.degrees.push((upper.neighbours.len() - before) as u32);
    }
    upper
}

impl Upper {
    fn relation(&mut self, high: u32, counts: [u64; 2]) {
        let [sent, received] = counts;
        let tally = Tally::new(sent, received);
        if tally.is_large() {
            self.large.push((self.neighbours.len(), sent, received));
        }
        self.neighbours.push(high);
        self.tallies.push(tally);
    }
}
