//! Who paid whom *when*: the transfers of every account in order of time, and the patterns in which money moves on.
//!
//! [`TransferGraph`](crate::graph::TransferGraph) folds the transfers between two accounts into one relation; questions
//! about order need each of them. [`TemporalIndex`] holds them for a batch, [`TemporalWindow`] for a stream, and every
//! pattern is searched for through [`Legs`], which both are:
//! [`circular_flows`] (money that comes back within a few hops, [`circular_flows_through`] for one account,
//! [`completed_circles`] for one transfer of a stream),
//! [`bursts`] (many counterparties within a short time) and [`scatter_gathers`] (out to many, together again at one).
//!
//! # Hubs
//! A search around an account with a million transfers could go on for hours. Every search therefore works under a
//! stated cap on the steps it may take for one account, and says when it was reached: a result that is not complete is
//! never silent.

mod bursts;
mod completed;
mod cycles;
mod handed_on;
mod index;
mod scatter;
mod window;

pub use bursts::{Burst, BurstConfig, BurstSide, bursts};
pub(crate) use bursts::{FEW, most_among_few, widest_in};
pub use completed::{CompletedCircles, CompletedConfig, completed_circles};
pub use cycles::{CircularFlow, CircularFlows, CycleConfig, circular_flows, circular_flows_through};
pub(crate) use handed_on::RowSet;
pub use index::{Leg, Legs, TemporalIndex};
pub(crate) use scatter::near;
pub use scatter::{ScatterConfig, ScatterGather, ScatterGathers, scatter_gathers};
pub use window::TemporalWindow;
