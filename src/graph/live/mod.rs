//! The live twin of the graph: relations come and go one transfer at a time, and the structure around both parties is at
//! hand right after each.
//!
//! [`LiveGraph::insert`] and [`LiveGraph::remove`] touch the two parties and their common counterparties, nobody else. What
//! is kept are whole numbers, and the ratios come from the same formulas as those of [`structure()`](crate::graph::structure()),
//! so that at any moment every value has the bits that a graph built from the same transfers would give.

mod blocks;
mod graph;
mod neighbours;
mod node;
mod pages;
mod pool;
mod relations;

pub use graph::LiveGraph;
pub(crate) use graph::NO_SLOT;

pub(crate) use blocks::Blocks;
pub(crate) use pool::Pool;
pub(crate) use pool::PoolRow;
pub(crate) use relations::Relations;
