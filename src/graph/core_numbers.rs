//! Core numbers by peeling.
//!
//! Accounts with the fewest counterparties leave first, and take one counterparty from each of theirs; whoever falls to
//! that number or below leaves too. While many leave at once, the losses are mailed to the buckets of those who lose, so
//! that the counts are met in cache; a long chain of single departures is followed one by one.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::partition::Buckets;
use crate::graph::streams::Streams;
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;

/// Still there.
const STAYS: u32 = u32::MAX;
/// Slots of departing accounts from which on losses are mailed.
const MANY: u64 = 1 << 16;
/// Writers of mail; fixed, so that threads do not change the result.
const WRITERS: usize = 8;

/// A run of accounts, as wide as a bucket.
struct Part<'a> {
    first: usize,
    /// Counterparties left.
    left: &'a mut [u32],
    core: &'a mut [u32],
    /// The fewest counterparties anybody has who stays.
    fewest: u32,
    /// Who stays, and who leaves next.
    staying: Vec<u32>,
    leaving: Vec<u32>,
}

impl Part<'_> {
    /// Forgets who has left, and notes the fewest counterparties anybody has who stays.
    fn look(&mut self) {
        let (core, left) = (&*self.core, &*self.left);
        let mut fewest = u32::MAX;
        self.staying.retain(|&local| {
            let stays = core[local as usize] == STAYS;
            fewest = fewest.min(if stays { left[local as usize] } else { u32::MAX });
            stays
        });
        self.fewest = fewest;
    }

    /// Lets everybody with at most `level` counterparties leave.
    fn level(&mut self, level: u32) {
        if self.fewest > level {
            return;
        }
        let staying = std::mem::take(&mut self.staying);
        for &local in &staying {
            if self.left[local as usize] <= level {
                self.leave(local as usize, level);
            }
        }
        self.staying = staying;
    }

    fn lose(&mut self, local: usize, level: u32) {
        // Whoever stays has more than `level` left, whoever has left has none.
        let left = self.left[local];
        self.left[local] = left - u32::from(left > level);
        if left == level + 1 {
            self.leave(local, level);
        }
    }

    fn leave(&mut self, local: usize, level: u32) {
        self.core[local] = level;
        self.left[local] = 0;
        self.leaving.push((self.first + local) as u32);
    }
}

/// One bit an account that has left.
struct Departed(Vec<u64>);

impl Departed {
    fn add(&mut self, account: u32) {
        self.0[account as usize / 64] |= 1 << (account % 64);
    }

    #[inline]
    fn has(&self, account: u32) -> bool {
        self.0[account as usize / 64] >> (account % 64) & 1 == 1
    }
}

/// The core number of every account.
pub(super) fn core_numbers(graph: &TransferGraph, progress: Progress<'_>) -> Result<Vec<u32>> {
    let accounts = graph.accounts();
    let buckets = Buckets::over(accounts);
    let width = buckets.width();
    let mut left: Vec<u32> = (0..accounts).map(|account| graph.row(account).len() as u32).collect();
    let mut core = vec![STAYS; accounts];
    let mut parts: Vec<Part<'_>> = left
        .chunks_mut(width)
        .zip(core.chunks_mut(width))
        .enumerate()
        .map(|(bucket, (left, core))| Part {
            first: bucket * width,
            fewest: 0,
            staying: (0..left.len() as u32).collect(),
            leaving: Vec::new(),
            left,
            core,
        })
        .collect();
    let mut letters: Vec<Streams> = (0..WRITERS).map(|_| Streams::default()).collect();
    let mut leaving: Vec<u32> = Vec::new();
    let mut departed = Departed(vec![0; accounts.div_ceil(64)]);
    let mut left_behind = accounts as u64;
    loop {
        for_each_chunk_mut(&mut parts, 1, |_, part| part[0].look());
        let fewest = parts.iter().map(|part| part.fewest).min().unwrap_or(u32::MAX);
        if fewest == u32::MAX {
            break;
        }
        for_each_chunk_mut(&mut parts, 1, |_, part| part[0].level(fewest));
        loop {
            leaving.clear();
            parts.iter_mut().for_each(|part| leaving.append(&mut part.leaving));
            if leaving.is_empty() {
                break;
            }
            left_behind -= leaving.len() as u64;
            progress.step("peeling cores", accounts as u64 - left_behind, accounts as u64)?;
            let slots: u64 = leaving.iter().map(|&account| graph.degree(account) as u64).sum();
            leaving.iter().for_each(|&account| departed.add(account));
            if slots < MANY {
                one_by_one(graph, &buckets, &mut parts, &mut leaving, &mut departed, fewest, &mut left_behind);
            } else {
                mailed(graph, &buckets, &mut parts, &leaving, &departed, fewest, &mut letters);
            }
        }
    }
    Ok(core)
}

/// Follows departures one after the other until there are none, or many.
#[inline(never)]
fn one_by_one(
    graph: &TransferGraph,
    buckets: &Buckets,
    parts: &mut [Part<'_>],
    leaving: &mut Vec<u32>,
    departed: &mut Departed,
    level: u32,
    left_behind: &mut u64,
) {
    let mut slots = 0;
    while let Some(account) = leaving.pop() {
        for &other in graph.neighbours(account) {
            if departed.has(other) {
                continue;
            }
            let part = &mut parts[buckets.of(other)];
            part.lose(buckets.local(other) as usize, level);
            if let Some(next) = part.leaving.pop() {
                departed.add(next);
                slots += graph.degree(next) as u64;
                *left_behind -= 1;
                leaving.push(next);
            }
        }
        slots = slots.saturating_sub(graph.degree(account) as u64);
        if slots >= 2 * MANY {
            // Back to the parts, from where they leave together; they are counted again there.
            *left_behind += leaving.len() as u64;
            for account in leaving.drain(..) {
                parts[buckets.of(account)].leaving.push(account);
            }
        }
    }
}

/// Mails one loss to every counterparty of those who leave.
#[inline(never)]
fn mailed(
    graph: &TransferGraph,
    buckets: &Buckets,
    parts: &mut [Part<'_>],
    leaving: &[u32],
    departed: &Departed,
    level: u32,
    letters: &mut [Streams],
) {
    let most = (graph.relations() / 4).max(1 << 22);
    let mut rest = leaving;
    while !rest.is_empty() {
        let mut slots = 0;
        let fits = rest.iter().take_while(|&&account| {
            slots += graph.degree(account) as u64;
            slots <= most
        });
        let (now, later) = rest.split_at(fits.count().max(1));
        rest = later;
        let share = now.len().div_ceil(WRITERS);
        for_each_chunk_mut(letters, 1, |writer, letters| {
            letters[0].clear(buckets.len());
            let own = (writer * share).min(now.len())..((writer + 1) * share).min(now.len());
            for &account in &now[own] {
                for &other in graph.neighbours(account).iter().filter(|&&other| !departed.has(other)) {
                    letters[0].record(buckets.of(other), 1)[0] = buckets.local(other);
                }
            }
        });
        let letters = &*letters;
        for_each_chunk_mut(parts, 1, |bucket, part| {
            for block in letters.iter().flat_map(|letters| letters.blocks(bucket)) {
                for &local in block {
                    part[0].lose(local as usize, level);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphConfig;
    use crate::transfer::TransferColumns;

    fn graph(payer: &[u32], payee: &[u32], accounts: usize) -> TransferGraph {
        let columns = TransferColumns::of_pairs(payer, payee);
        TransferGraph::build(&columns, accounts, &GraphConfig::default(), Progress::silent()).unwrap()
    }

    /// The core number of every account, after Batagelj and Zaversnik (2003): accounts leave in order of the counterparties
    /// they have left, found in constant time because they are kept sorted by it.
    fn slow_core_numbers(graph: &TransferGraph) -> Vec<u32> {
        let accounts = graph.accounts();
        let mut degrees: Vec<u32> = (0..accounts).map(|account| graph.row(account).len() as u32).collect();
        let most = degrees.iter().copied().max().unwrap_or(0) as usize;
        let mut starts = vec![0usize; most + 2];
        for &degree in &degrees {
            starts[degree as usize + 1] += 1;
        }
        for degree in 1..starts.len() {
            starts[degree] += starts[degree - 1];
        }
        let mut order = vec![0u32; accounts];
        let mut places = vec![0u32; accounts];
        let mut cursors = starts.clone();
        for (account, &degree) in degrees.iter().enumerate() {
            let cursor = &mut cursors[degree as usize];
            (order[*cursor], places[account]) = (account as u32, *cursor as u32);
            *cursor += 1;
        }
        for at in 0..accounts {
            let account = order[at];
            let level = degrees[account as usize];
            for &other in graph.neighbours(account) {
                let degree = degrees[other as usize];
                if degree > level {
                    // Swap with the first of its degree, whose range then begins one later.
                    let (from, to) = (places[other as usize] as usize, starts[degree as usize].max(at + 1));
                    let first = order[to];
                    order.swap(from, to);
                    (places[other as usize], places[first as usize]) = (to as u32, from as u32);
                    starts[degree as usize] = to + 1;
                    degrees[other as usize] = degree - 1;
                }
            }
        }
        degrees
    }

    #[test]
    fn a_clique_with_a_tail_has_a_core_and_a_rim() {
        let graph = graph(&[0, 0, 0, 1, 1, 2, 3, 4], &[1, 2, 3, 2, 3, 3, 4, 5], 7);
        assert_eq!(core_numbers(&graph, Progress::silent()).unwrap(), [3, 3, 3, 3, 1, 1, 0]);
    }

    #[test]
    fn many_at_once_and_one_by_one_peel_as_the_slow_twin_does() {
        // Random relations of 60,000 accounts, the low ones closely linked, and a long path behind them.
        let (mut payer, mut payee) = (Vec::new(), Vec::new());
        let mut state = 7u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (((state >> 33) * bound) >> 31) as u32
        };
        for _ in 0..200_000 {
            payer.push(below(60_000));
            payee.push(below(60_000));
        }
        for _ in 0..20_000 {
            payer.push(below(300));
            payee.push(below(300));
        }
        for at in 60_000..80_000 {
            payer.push(at);
            payee.push(at + 1);
        }
        let graph = graph(&payer, &payee, 80_001);
        assert_eq!(core_numbers(&graph, Progress::silent()).unwrap(), slow_core_numbers(&graph));
    }
}
