//! The fund-transfer graph: an immutable compact graph of distinct relations, and the structure around every account.
//!
//! `TransferColumns -> `[`TransferGraph`]` -> `[`Structure`]: [`TransferGraph::build`] (or a [`GraphBuilder`] fed in
//! pieces) makes the graph, [`structure()`] measures every account, [`account_structure`] one of them in a hurry, and
//! [`triangles()`] counts nothing but triangles. [`bipartite_structure`] takes over where only payer-to-merchant transfers
//! are seen and there are no triangles at all. petgraph's algorithms run on the graph as it is.

mod bipartite;
mod build;
mod core_numbers;
mod corner;
mod csr;
mod dense;
mod distinct;
mod egonet;
mod enumerate;
mod features;
mod layout;
pub mod live;
mod orient;
mod partition;
mod single;
mod streams;
mod structure;
pub mod temporal;
mod triangles;
mod visit;
mod wedges;

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
