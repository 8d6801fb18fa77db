//! Triangles of every account, and nothing else.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::enumerate::triangles_of_all;
use crate::graph::lines::ACCOUNTS;
use crate::parallel::map_chunks;
use crate::progress::Progress;

/// The triangles of every account: what [`triangles`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triangles {
    /// Triangles that hold the account, one figure an account.
    pub of_account: Vec<u64>,
    /// Distinct triangles in the graph.
    pub total: u64,
}

impl Triangles {
    /// Local clustering of every account, `2t / k(k-1)`; not a number below two counterparties.
    ///
    /// # Panics
    /// When `graph` is not the graph the triangles were counted in.
    #[must_use]
    pub fn local_clustering(&self, graph: &TransferGraph) -> Vec<f64> {
        assert_eq!(self.of_account.len(), graph.accounts(), "triangles of this graph");
        let clustering = |account: usize| {
            let degree = graph.row(account).len() as f64;
            if degree < 2.0 { f64::NAN } else { 2.0 * self.of_account[account] as f64 / (degree * (degree - 1.0)) }
        };
        map_chunks(self.of_account.len(), ACCOUNTS, |range| range.map(clustering).collect::<Vec<f64>>()).concat()
    }
}

/// Counts the triangles of every account.
///
/// ```
/// use dandelion_credit::graph::{GraphConfig, TransferGraph, triangles};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// let columns = TransferColumns::of_pairs(&[0, 1, 2, 0], &[1, 2, 0, 3]);
/// let graph = TransferGraph::build(&columns, 4, &GraphConfig::default(), Progress::silent()).unwrap();
/// let found = triangles(&graph, Progress::silent()).unwrap();
/// assert_eq!((found.total, &found.of_account[..]), (1, &[1, 1, 1, 0][..]));
/// assert_eq!(found.local_clustering(&graph)[0], 1.0 / 3.0);
/// ```
///
/// # Errors
/// [`Error::is_cancelled`](crate::Error::is_cancelled) when `progress` asks to stop.
pub fn triangles(graph: &TransferGraph, progress: Progress<'_>) -> Result<Triangles> {
    let of_account = triangles_of_all(graph, progress)?;
    let total = of_account.iter().sum::<u64>() / 3;
    Ok(Triangles { of_account, total })
}
