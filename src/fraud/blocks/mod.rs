//! Blocks of accounts that are denser, or let more money through, than honest trade explains.
//!
//! - [`dense_block`]: the densest block of payers and payees, where an edge weighs less the more payers its payee has, so
//!   that payments to popular accounts do not hide a block (Hooi et al., "FRAUDAR", KDD 2016).
//! - [`BlockWatch`]: the same block kept up to date while edges arrive (after Jiang et al., "Spade", PVLDB 16(3)).
//! - [`flow_block`]: a middle layer that receives and sends on (after Li et al., "FlowScope", AAAI 2020).
//!
//! Of a whole market (`market_blocks`) whoever is too light for any block that would be told is left out first; what remains
//! is peeled in rounds while it is large: each takes away everything that is not denser than the block as a whole, which
//! needs a number of rounds that grows with the logarithm of the accounts (Bahmani et al., PVLDB 5(5)).

use crate::elementary::ln;

mod dense;
mod flow;
mod layers;
mod rounds;
mod watch;

pub use dense::{DenseBlock, dense_block};
pub use flow::{FlowBlock, FlowEdge, flow_block};
pub(super) use layers::{MarketBlocks, market_blocks};
pub use watch::BlockWatch;

/// What an edge to a payee with `payers` payers weighs, in 2^-20: `1 / ln(payers + 5)`.
pub(super) fn edge_weight(payers: usize) -> u64 {
    ((1u64 << 20) as f64 / ln(payers as f64 + 5.0)).round() as u64
}
