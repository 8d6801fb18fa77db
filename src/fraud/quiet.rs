//! Who deals with whom among accounts that are not busy: what is looked through for groups.

use crate::graph::TransferGraph;
use crate::parallel::map_chunks;

/// Counterparties above which nobody is looked through: whom everybody knows makes no group.
pub(super) const BUSY: usize = 64;
const CHUNK: usize = 1 << 12;

/// The quiet counterparties of every account, those with at most [`BUSY`] of their own: in a market of shops and customers
/// a fraction of all relations, side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct QuietRows {
    rows: Vec<Row>,
    peers: Vec<u32>,
}

/// What is looked up of an account at once.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    start: u64,
    len: u32,
    /// Counterparties, quiet or not.
    degree: u32,
}

/// What meeting over an account counts: `1 / √degree`.
pub(super) fn weight_of(degree: usize) -> f32 {
    1.0 / (degree.max(1) as f32).sqrt()
}

impl QuietRows {
    pub fn of(graph: &TransferGraph) -> Self {
        let parts = map_chunks(graph.accounts(), CHUNK, |range| {
            let (mut rows, mut peers) = (Vec::with_capacity(range.len()), Vec::new());
            for account in range {
                let start = peers.len();
                let all = graph.neighbours(account as u32);
                peers.extend(all.iter().filter(|&&peer| graph.degree(peer) <= BUSY));
                let len = (peers.len() - start) as u32;
                rows.push(Row { start: start as u64, len, degree: all.len() as u32 });
            }
            (rows, peers)
        });
        let mut all = Self {
            rows: Vec::with_capacity(graph.accounts()),
            peers: Vec::with_capacity(parts.iter().map(|part| part.1.len()).sum()),
        };
        for (rows, peers) in parts {
            let before = all.peers.len() as u64;
            all.rows.extend(rows.into_iter().map(|row| Row { start: before + row.start, ..row }));
            all.peers.extend::<Vec<u32>>(peers);
        }
        all
    }

    /// The quiet counterparties of `account`, ascending.
    pub fn of_account(&self, account: u32) -> &[u32] {
        self.row(account).0
    }

    /// The same with the weight of `account`.
    pub fn row(&self, account: u32) -> (&[u32], f32) {
        let row = self.rows[account as usize];
        (&self.peers[row.start as usize..row.start as usize + row.len as usize], weight_of(row.degree as usize))
    }

    /// Counterparties of `account`, quiet or not.
    pub fn degree(&self, account: u32) -> usize {
        self.rows[account as usize].degree as usize
    }
}
