//! The fund-transfer graph: an immutable compact graph of distinct relations, and the structure around every account.
//!
//! `TransferColumns -> `[`TransferGraph`]` -> `[`Structure`]: [`TransferGraph::build`] (or a [`GraphBuilder`] fed in
//! pieces) makes the graph, [`structure()`] measures every account, [`account_structure`] one of them in a hurry, and
//! [`triangles()`] counts nothing but triangles. [`bipartite_structure`] takes over where only payer-to-merchant transfers
//! are seen and there are no triangles at all. petgraph's algorithms run on the graph as it is.
//!
//! # Memory of large jobs
//! Triangles are found by random reads of one cache line an account, and every call takes and returns working memory of up to
//! 64 bytes an account and 4 a relation (`structure`: 120 an account, 36 a triangle and 48 with amounts; around a dense core 64
//! a relation and none a triangle). A host that judges millions
//! of accounts gains by two things that only it can decide, with its global allocator:
//! - *huge pages*: ask the system for 2 MiB pages under large blocks (on Linux `madvise(MADV_HUGEPAGE)` where
//!   `/sys/kernel/mm/transparent_hugepage/enabled` says `madvise`), so that a random read does not wait for its address first;
//! - *memory that stays*: hand freed blocks out again instead of returning them, since the first touch of a fresh page costs
//!   more than most of what is then done with it.
//!
//! `examples/shared/memory.rs` is such an allocator in 150 lines; mimalloc and jemalloc have options for both. What it gains is
//! in `BENCHMARKS.md`.

mod bipartite;
mod build;
mod circle;
mod classes;
mod components;
mod core_numbers;
mod corner;
mod corners;
mod count;
mod csr;
mod dense;
mod distinct;
mod egonet;
mod enumerate;
mod features;
mod joined;
mod kinds;
mod layout;
mod lines;
mod listen;
pub mod live;
mod marked;
mod matrix;
mod orient;
mod partition;
mod rows;
mod single;
mod stage;
mod streams;
mod structure;
pub mod temporal;
mod told;
mod triangles;
mod visit;
mod weights;
pub(crate) mod wide;

pub use bipartite::{BipartiteStructure, Role, bipartite_structure};
pub use build::{GraphBuilder, GraphConfig};
pub use csr::{Counts, Relation, TransferGraph};
pub use egonet::EgonetFit;
pub use features::{StructureConfig, StructureFeature};
pub use live::LiveGraph;
pub use single::{AccountStructure, account_structure};
pub use structure::{Structure, structure};
pub use triangles::{Triangles, triangles};
pub use visit::{AllEdges, DirectedEdges, DirectedNeighbours, Flow, FlowEdge, Visited};
