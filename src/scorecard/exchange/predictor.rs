//! One door for models of either kind.

use serde::Deserialize;
use serde::Serialize;

use crate::error::Result;
use crate::scorecard::exchange::trees::TreeEnsemble;
use crate::scorecard::model::Meaning;
use crate::scorecard::model::Scorecard;
use crate::scorecard::table::Table;

/// What scores the rows of a table: a glass box, or trees trained elsewhere.
pub trait Predictor {
    /// Names of the columns it reads.
    fn columns(&self) -> Vec<String>;

    /// What its probabilities may be called.
    fn meaning(&self) -> Meaning;

    /// Log-odds of a positive for every row, before calibration.
    ///
    /// # Errors
    /// [`Error::is_unknown`](crate::Error::is_unknown) for a column the table lacks,
    /// [`Error::is_invalid`](crate::Error::is_invalid) for text where a number is wanted.
    fn log_odds(&self, table: &Table<'_>) -> Result<Vec<f64>>;

    /// The probability behind some log-odds.
    fn probability(&self, log_odds: f64) -> f64;
}

impl Predictor for Scorecard {
    fn columns(&self) -> Vec<String> {
        self.features().iter().map(|feature| feature.name.clone()).collect()
    }

    fn meaning(&self) -> Meaning {
        self.meaning
    }

    fn log_odds(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        Ok(self.scorer().score_table(table)?.iter().map(crate::scorecard::Score::log_odds).collect())
    }

    fn probability(&self, log_odds: f64) -> f64 {
        self.calibration.probability(log_odds)
    }
}

impl Predictor for TreeEnsemble {
    fn columns(&self) -> Vec<String> {
        self.names().to_vec()
    }

    fn meaning(&self) -> Meaning {
        Meaning::Probability
    }

    fn log_odds(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        self.margins(table)
    }

    fn probability(&self, log_odds: f64) -> f64 {
        crate::scorecard::numeric::sigmoid(log_odds)
    }
}

/// A model file of either kind, told apart by what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant)]
pub enum Model {
    /// The additive model of this crate.
    Additive(Scorecard),
    /// Trees trained elsewhere.
    Trees(TreeEnsemble),
}

impl Model {
    /// The model as a predictor.
    #[must_use]
    pub fn predictor(&self) -> &dyn Predictor {
        match self {
            Self::Additive(model) => model,
            Self::Trees(model) => model,
        }
    }

    /// Reads a model file of either kind.
    ///
    /// # Errors
    /// [`Error::is_invalid`](crate::Error::is_invalid) for text that is neither, with what is wrong with it.
    pub fn from_json(text: &str) -> Result<Self> {
        let bad = |error: serde_json::Error| crate::Error::invalid("model", error, "JSON as this crate writes it");
        let value: serde_json::Value = serde_json::from_str(text).map_err(bad)?;
        let trees = value.get("trees").is_some();
        if trees {
            serde_json::from_str(text).map(Self::Trees).map_err(bad)
        } else {
            serde_json::from_str(text).map(Self::Additive).map_err(bad)
        }
    }
}
