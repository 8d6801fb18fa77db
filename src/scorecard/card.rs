//! The model card: where a model comes from, what it was measured at, what it must not be used for.

use serde::Deserialize;
use serde::Serialize;

use crate::scorecard::validation::Measures;

/// What travels with a model so that a stranger can judge it. Filled by [`fit`](crate::scorecard::fit) as far as it
/// knows; the rest is the owner's to write.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelCard {
    /// What the model is for, and what a positive is.
    pub purpose: String,
    /// Where the training rows come from.
    pub data: String,
    /// What it must not be used for, and what was assumed.
    pub limits: Vec<String>,
    /// Training rows.
    pub rows: u64,
    /// Their weight.
    pub weight: f64,
    /// Training rows with a positive label.
    pub positives: u64,
    /// Seed of the fit.
    pub seed: u64,
    /// Folds of the fit.
    pub folds: u64,
    /// Figures on the training rows. Flattering; kept to compare with the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<Measures>,
    /// Figures by the folds that had not seen the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_fold: Option<Measures>,
}
