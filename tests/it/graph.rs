//! Laws and figures of the `graph` room, seen from outside.

mod data;
mod laws;
mod petgraph_runs;
mod shapes;
mod slow;
