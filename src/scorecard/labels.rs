//! What is known of each training row.

use std::borrow::Cow;

use crate::error::Error;
use crate::error::Result;

/// What is known of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The event is known to have happened: a registered merchant, a default.
    Positive,
    /// It is known not to have.
    Negative,
    /// Nothing is known; among these are positives nobody has found.
    Unlabelled,
}

/// The outcome and the weight of every training row.
///
/// ```
/// use dandelion_credit::scorecard::{Labels, Outcome};
///
/// let labels = Labels::from_bools([true, false, false]).weighted(vec![1.0, 2.0, 0.5])?;
/// assert_eq!(labels.outcomes()[0], Outcome::Positive);
/// assert!(Labels::from_bools([true]).weighted(vec![-1.0]).is_err());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    outcomes: Vec<Outcome>,
    weights: Option<Cow<'a, [f32]>>,
}

impl<'a> Labels<'a> {
    /// Labels of weight 1.
    #[must_use]
    pub fn new(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, weights: None }
    }

    /// Positive where true, negative where false.
    #[must_use]
    pub fn from_bools(positive: impl IntoIterator<Item = bool>) -> Self {
        Self::new(positive.into_iter().map(|p| if p { Outcome::Positive } else { Outcome::Negative }).collect())
    }

    /// The same labels with a weight a row: how many like it the row stands for.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for another number of weights than of rows, or a weight that is negative or not finite.
    pub fn weighted(mut self, weights: impl Into<Cow<'a, [f32]>>) -> Result<Self> {
        let weights = weights.into();
        if weights.len() != self.outcomes.len() {
            return Err(Error::invalid("number of weights", weights.len(), format!("{}", self.outcomes.len())));
        }
        if let Some(row) = weights.iter().position(|&weight| !weight.is_finite() || weight < 0.0) {
            return Err(Error::invalid("weight", weights[row], "finite and not negative").at(format!("row {row}")));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The outcome of every row.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The weight of every row; `None` where all are 1.
    #[must_use]
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    pub(crate) fn weight(&self, row: usize) -> f32 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }
}
