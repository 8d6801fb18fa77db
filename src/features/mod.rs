//! What an account's transfers say about it: the feature table of all accounts, and its catalogue.
//!
//! [`TransferColumns`](crate::TransferColumns) `-> `[`FeatureTable`]: [`extract`] makes one row of features for every account, as of a date, under a
//! [`FeatureConfig`]; [`extract_exact`] the same in `f64` for files and audits; a [`FeatureBuilder`] the same of transfers that come
//! in pieces and would not fit memory all at once. [`LiveFeatures`] keeps most of the
//! row current while transfers arrive. Structure alone cannot tell a shop from a
//! mule (a mule is the perfect dandelion), so flow, time and amounts stand in the same row. The [catalogue](catalogue_page)
//! is data: column names, CSV headers, this documentation and the reasons of a decision are all drawn from [`FeatureInfo`].
//!
//! What holds for every feature: transfers from an account to itself count nowhere (the table says how many there were);
//! nothing after the as-of second leaks in; days, hours and weekdays are cut at a fixed UTC offset; an undefined value is
//! NaN, never 0; the same input gives the same bits on any number of threads and in any order of its rows.

mod activity;
mod builder;
mod catalogue;
mod config;
mod entries;
mod extract;
mod grouping;
pub mod live;
mod packed;
mod piece;
mod source;
mod structure;
mod sums;
mod table;

pub use builder::FeatureBuilder;
pub use catalogue::{CATALOGUE_VERSION, Feature, FeatureGroup, FeatureInfo, Unit, catalogue_markdown};
pub use config::FeatureConfig;
pub use extract::{extract, extract_exact, extract_on_graph};
pub use live::{LiveConfig, LiveFeatures, LiveRow, LiveRows, Side};
pub use table::{Cell, FeatureTable};

#[doc = include_str!("catalogue.md")]
pub mod catalogue_page {}
