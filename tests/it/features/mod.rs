//! Laws and figures of the `features` room, seen from outside.

mod batch;
mod catalogue;
mod live;
mod live_graph;
mod pieces;
mod slow;
