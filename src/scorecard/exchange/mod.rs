//! Models from elsewhere and models for elsewhere.

pub(crate) mod cards;
pub(crate) mod lightgbm;
pub(crate) mod pmml;
pub(crate) mod predictor;
pub(crate) mod sql;
pub(crate) mod trees;
mod walk;
pub(crate) mod xgboost;
