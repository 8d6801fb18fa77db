//! Core numbers by peeling.
//!
//! Accounts with the fewest counterparties leave first, and take one counterparty from each of theirs; whoever falls to
//! that number leaves too. After Batagelj and Zaversnik (2003), but level by level: all an account needs is the number of
//! counterparties it has left, which stays at the level it left on and so is its core number in the end. One thread does
//! it, beside the others' triangles: losses of many accounts are taken together and without a branch, so that none of these
//! reads waits for another.

use std::hint::black_box;

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::wide::prefetch;
use crate::progress::Progress;

/// Accounts that leave together.
const TOGETHER: usize = 64;
/// Accounts that leave between two looks at whether to stop.
const LOOK: usize = 1 << 16;

/// The core number of every account.
pub(super) fn core_numbers(graph: &TransferGraph, progress: Progress<'_>) -> Result<Vec<u32>> {
    let accounts = graph.accounts();
    let mut left: Vec<u32> = graph.offsets.windows(2).map(|row| (row[1] - row[0]) as u32).collect();
    let mut staying: Vec<u32> = (0..accounts as u32).collect();
    let mut leaving = Leaving { order: vec![0; accounts + 1], end: 0 };
    let (mut gone, mut looked) = (0, 0);
    let mut losses = Losses { gone: vec![0; accounts.div_ceil(64)], room: Vec::new() };
    let mut level = 0;
    while !staying.is_empty() {
        // Each account is looked at once for each level it stays, which are no more than its counterparties.
        let mut kept = 0;
        for at in 0..staying.len() {
            let account = staying[at];
            let counterparties = left[account as usize];
            leaving.add(account, counterparties == level);
            staying[kept] = account;
            kept += usize::from(counterparties > level);
        }
        staying.truncate(kept);
        while gone < leaving.end {
            let now = gone..leaving.end.min(gone + TOGETHER);
            gone = now.end;
            for &other in losses.of(graph, &leaving.order[now], &left) {
                let counterparties = left[other as usize];
                left[other as usize] = counterparties - u32::from(counterparties > level);
                leaving.add(other, counterparties == level + 1);
            }
            if gone - looked >= LOOK {
                looked = gone;
                progress.step("peeling cores", gone as u64, accounts as u64)?;
            }
        }
        progress.step("peeling cores", gone as u64, accounts as u64)?;
        level += 1;
    }
    Ok(left)
}

/// Who leaves, in order.
struct Leaving {
    /// Room for one more than there are accounts: each candidate is written, only those that leave are kept.
    order: Vec<u32>,
    end: usize,
}

impl Leaving {
    #[inline]
    fn add(&mut self, account: u32, leaves: bool) {
        self.order[self.end] = account;
        self.end += usize::from(leaves);
    }
}

/// Who loses a counterparty.
struct Losses {
    /// One bit an account, set for those that left: a fraction of the size of what they have left, so that looking here first
    /// spares half of the looking there.
    gone: Vec<u64>,
    room: Vec<u32>,
}

impl Losses {
    /// The counterparties of all who leave `now` that did not leave before, one after the other; their rows are asked for
    /// together first.
    fn of(&mut self, graph: &TransferGraph, now: &[u32], left: &[u32]) -> &[u32] {
        let Self { gone, room } = self;
        let near = |sum: u32, &account: &u32| {
            let row = graph.neighbours(account);
            sum ^ row.first().copied().unwrap_or_default() ^ row.last().copied().unwrap_or_default()
        };
        black_box(now.iter().fold(0, near));
        let mut kept = 0;
        for &account in now {
            gone[account as usize / 64] |= 1 << (account % 64);
            let row = graph.neighbours(account);
            // Room for one more: every candidate is written, only those still there are kept.
            if room.len() <= kept + row.len() {
                room.resize(kept + row.len() + 1, 0);
            }
            for &other in row {
                room[kept] = other;
                prefetch(&left[other as usize]);
                kept += usize::from(gone[other as usize / 64] >> (other % 64) & 1 == 0);
            }
        }
        &room[..kept]
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
    fn level_by_level_peels_as_the_slow_twin_does() {
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
