//! After the money is out: early warnings, limit review, arrears, vintages, roll rates, drift.
//!
//! Two kinds of things live here. Tables that are counted over a whole book ([`Ageing`], [`RollMatrix`], [`Vintages`],
//! [`Histogram`], [`CalibrationTable`]) are sums: shards count their own loans and `merge`, in any order, with the same
//! result. Judgements about one merchant ([`early_warnings`], [`review_limit`], [`collection_order`]) take plain values,
//! configuration and a day, and give back what to do with the evidence for it.

mod ageing;
mod collection;
mod drift;
mod review;
mod roll;
mod vintage;
mod warning;

pub use ageing::{Ageing, AgeingBucket, AssetClass, LoanState, classify_asset};
pub use collection::{CollectionCase, CollectionConfig, CollectionTask, collection_order};
pub use drift::{
    CalibrationBin, CalibrationDrift, CalibrationTable, DriftLevel, Histogram, StabilityIndex, StabilityPart,
};
pub use review::{LimitReview, ReviewAction, ReviewConfig, ReviewInput, review_limit};
pub use roll::RollMatrix;
pub use vintage::{VintageCell, VintageCurve, Vintages};
pub use warning::{EarlyWarning, MerchantWatch, WarningConfig, WarningKind, early_warnings};
