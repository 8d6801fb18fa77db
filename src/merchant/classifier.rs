//! The classifier: three models, one question each, and the verdict from their answers.

use serde::{Deserialize, Serialize};

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::features::CATALOGUE_VERSION;
use crate::features::Feature;
use crate::features::FeatureTable;
use crate::merchant::verdict::{KindProbabilities, Verdict, VerdictConfig, VerdictKind, Verdicts};
use crate::merchant::words::VerdictReason;
use crate::parallel::try_map_chunks;
use crate::progress::Progress;
use crate::rate::Probability;
use crate::scorecard::Meaning;
use crate::scorecard::Scorecard;
use crate::scorecard::Scorer;

/// The version of the serialised form.
pub const MODEL_VERSION: u32 = 1;

/// Accounts a task judges at a time.
const CHUNK: usize = 1 << 15;

/// Reasons of a verdict, at most.
const MOST_REASONS: usize = 4;

/// What the models look at unless told otherwise: measures that do not depend on how long or how dense the history is, or
/// only through few payers being little evidence.
const DEFAULT_FEATURES: [&str; 19] = [
    "in_degree",
    "unacquainted_share",
    "local_clustering",
    "one_sided_payer_clustering",
    "reciprocity",
    "net_receiver_share",
    "payer_hhi",
    "payer_return_rate",
    "pass_through",
    "pass_through_24h",
    "receipt_days",
    "active_day_share",
    "top_week_share",
    "burstiness",
    "hour_entropy",
    "night_share",
    "round_amount_share",
    "top_amount_share",
    "ticket_variation",
];

/// Tells merchants from individuals, collectors and pass-throughs.
///
/// Three [`Scorecard`]s over columns of the [`FeatureTable`]; each can be read, edited and exported as any other. Serialised
/// with the version of the catalogue it was fitted on, and refused when read under another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct MerchantClassifier {
    features: Vec<Feature>,
    /// A dandelion rather than a ball of yarn.
    dandelion: Scorecard,
    /// Passes on rather than keeps, among dandelions; absent when training had no such account.
    passes_on: Option<Scorecard>,
    /// Gathers rather than trades, among dandelions that keep; absent when training had no such account.
    gathers: Option<Scorecard>,
    config: VerdictConfig,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    catalogue_version: u32,
    features: Vec<Feature>,
    dandelion: Scorecard,
    passes_on: Option<Scorecard>,
    gathers: Option<Scorecard>,
    config: VerdictConfig,
}

impl From<MerchantClassifier> for Written {
    fn from(model: MerchantClassifier) -> Self {
        Self {
            version: MODEL_VERSION,
            catalogue_version: CATALOGUE_VERSION,
            features: model.features,
            dandelion: model.dandelion,
            passes_on: model.passes_on,
            gathers: model.gathers,
            config: model.config,
        }
    }
}

impl TryFrom<Written> for MerchantClassifier {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        if written.version != MODEL_VERSION {
            return Err(Error::unsupported("merchant classifier", format!("version {}", written.version)));
        }
        if written.catalogue_version != CATALOGUE_VERSION {
            let value = format!("catalogue version {}; this crate has {CATALOGUE_VERSION}", written.catalogue_version);
            return Err(Error::unsupported("merchant classifier", value));
        }
        Self::new(written.features, written.dandelion, written.passes_on, written.gathers, written.config)
    }
}

impl MerchantClassifier {
    pub(super) fn new(
        features: Vec<Feature>,
        dandelion: Scorecard,
        passes_on: Option<Scorecard>,
        gathers: Option<Scorecard>,
        config: VerdictConfig,
    ) -> Result<Self> {
        config.check()?;
        for model in [Some(&dandelion), passes_on.as_ref(), gathers.as_ref()].into_iter().flatten() {
            let names: Vec<&str> = model.features().iter().map(|feature| feature.name.as_str()).collect();
            if names != features.iter().map(|feature| feature.name()).collect::<Vec<_>>() {
                return Err(Error::invalid("columns of a model", names.join(", "), "the features of the classifier"));
            }
            if model.meaning() == Meaning::Score {
                let rule = "a model whose score is a probability: give a prior for half-known labels";
                return Err(Error::invalid("meaning of a model", "score", rule));
            }
        }
        Ok(Self { features, dandelion, passes_on, gathers, config })
    }

    /// The classifier that ships: fitted on the synthetic market by `examples/fit_merchant.rs`, which its cards say.
    ///
    /// # Panics
    /// Never for the file that ships; a test reads it.
    #[must_use]
    pub fn default_model() -> Self {
        serde_json::from_str(include_str!("default_model.json")).expect("the model that ships is read by a test")
    }

    /// What the models look at unless told otherwise.
    pub fn default_features() -> impl Iterator<Item = Feature> {
        DEFAULT_FEATURES.iter().map(|name| Feature::from_name(name).expect("a test looks every name up"))
    }

    /// The features a table has to have.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Features and those that say how thick a file is: what to ask of [`extract`](crate::features::extract) at least.
    pub fn needed_features(&self) -> impl Iterator<Item = Feature> {
        let thickness = [Feature::InCount, Feature::InDegree, Feature::ActiveDays];
        let more = thickness.into_iter().filter(|feature| !self.features.contains(feature));
        self.features.iter().copied().chain(more.collect::<Vec<_>>())
    }

    /// The models in the order of their questions: dandelion, passes on, gathers.
    #[must_use]
    pub fn models(&self) -> [Option<&Scorecard>; 3] {
        [Some(&self.dandelion), self.passes_on.as_ref(), self.gathers.as_ref()]
    }

    /// The same classifier with other demands on the thickness of a file and the certainty of a verdict.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a probability out of range.
    pub fn with_config(mut self, config: VerdictConfig) -> Result<Self> {
        config.check()?;
        self.config = config;
        Ok(self)
    }

    /// When a file is thin and a verdict certain enough.
    #[must_use]
    pub fn config(&self) -> &VerdictConfig {
        &self.config
    }

    /// Judges everybody.
    ///
    /// # Errors
    /// [`Error::is_unknown`] names a feature the table lacks; [`Error::is_cancelled`].
    ///
    /// # Complexity
    /// One look-up for each account, feature and model.
    pub fn judge(&self, table: &FeatureTable, progress: Progress<'_>) -> Result<Verdicts> {
        let columns = self.columns(table)?;
        let thickness = Thickness::of(table)?;
        let scorers = self.models().map(|model| model.map(Scorecard::scorer));
        let accounts = table.accounts();
        let parts = try_map_chunks(accounts, CHUNK, |range| {
            progress.step("judging accounts", range.start as u64, accounts as u64)?;
            let part: Vec<&[f32]> = columns.iter().map(|column| &column[range.clone()]).collect();
            let answers = [0, 1, 2].map(|question| answer(scorers[question].as_ref(), &part, range.len()));
            let [dandelion, passes_on, gathers] = answers;
            let (dandelion, passes_on, gathers) = (dandelion?, passes_on?, gathers?);
            let mut verdicts = Verdicts { kinds: vec![], merchant_probability: vec![], certainty: vec![] };
            for (row, account) in range.enumerate() {
                let probabilities = KindProbabilities::along(dandelion[row], passes_on[row], gathers[row]);
                let (kind, certainty) = self.kind(&probabilities, thickness.is_thin(account, &self.config));
                verdicts.kinds.push(kind);
                verdicts.merchant_probability.push(probabilities.merchant as f32);
                verdicts.certainty.push(certainty as f32);
            }
            Ok(verdicts)
        })?;
        let mut all = Verdicts {
            kinds: Vec::with_capacity(accounts),
            merchant_probability: Vec::with_capacity(accounts),
            certainty: Vec::with_capacity(accounts),
        };
        for part in parts {
            all.kinds.extend(part.kinds);
            all.merchant_probability.extend(part.merchant_probability);
            all.certainty.extend(part.certainty);
        }
        Ok(all)
    }

    /// One account's verdict, the same as in [`judge`](Self::judge), with its reasons.
    ///
    /// # Errors
    /// [`Error::is_unknown`] names a feature or an account the table lacks.
    pub fn explain(&self, table: &FeatureTable, account: AccountIndex) -> Result<Verdict> {
        let row = account.as_usize();
        if row >= table.accounts() {
            return Err(Error::unknown("account", account));
        }
        let values: Vec<f32> = self.columns(table)?.iter().map(|column| column[row]).collect();
        let one = |model: Option<&Scorecard>| -> Result<f64> {
            let score = model.map(|model| model.score_row(&values)).transpose()?;
            Ok(score.and_then(|score| score.probability()).map_or(0.0, Probability::get))
        };
        let [dandelion, passes_on, gathers] = self.models().map(one);
        let probabilities = KindProbabilities::along(dandelion?, passes_on?, gathers?);
        let thickness = Thickness::of(table)?;
        let is_thin = thickness.is_thin(row, &self.config);
        let (kind, _) = self.kind(&probabilities, is_thin);
        let reasons = self.reasons(&values, probabilities.most().0, thickness.payers[row]);
        Ok(Verdict { kind, probabilities, is_thin, reasons })
    }

    fn kind(&self, probabilities: &KindProbabilities, is_thin: bool) -> (VerdictKind, f64) {
        let (kind, certainty) = probabilities.most();
        let sure = !is_thin && certainty >= self.config.min_probability;
        (if sure { kind } else { VerdictKind::Unknown }, certainty)
    }

    fn columns<'t>(&self, table: &'t FeatureTable) -> Result<Vec<&'t [f32]>> {
        self.features.iter().map(|&feature| column(table, feature)).collect()
    }

    /// How much each feature spoke for `kind`: along the questions that lead to it, against what accounts have on average.
    fn reasons(&self, values: &[f32], kind: VerdictKind, payers: f32) -> Vec<VerdictReason> {
        let signs = match kind {
            VerdictKind::Individual | VerdictKind::Unknown => [-1.0, 0.0, 0.0],
            VerdictKind::Merchant => [1.0, -1.0, -1.0],
            VerdictKind::Collector => [1.0, -1.0, 1.0],
            VerdictKind::PassThrough => [1.0, 1.0, 0.0],
        };
        let mut reasons: Vec<VerdictReason> = self
            .features
            .iter()
            .zip(values)
            .enumerate()
            .map(|(place, (&feature, &value))| VerdictReason {
                feature,
                value: (!value.is_nan()).then_some(f64::from(value)),
                payers: payers as u32,
                log_odds: self
                    .models()
                    .into_iter()
                    .zip(signs)
                    .filter_map(|(model, sign)| Some(sign * against_the_mean(model?, place, value)))
                    .sum(),
            })
            .collect();
        reasons.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
        reasons.truncate(MOST_REASONS);
        reasons
    }
}

/// A column's contribution to a model's log-odds less its mean over the training rows.
fn against_the_mean(model: &Scorecard, place: usize, value: f32) -> f64 {
    let column = &model.features()[place];
    let total: f64 = column.weights.iter().sum();
    let sum: f64 = column.units.iter().zip(&column.weights).map(|(&units, weight)| f64::from(units) * weight).sum();
    let mean = if total > 0.0 { sum / total } else { 0.0 };
    (f64::from(column.units[column.bins.bin_of(value)]) - mean) / crate::scorecard::UNITS_PER_LOG_ODDS
}

/// The answers to one question; "no" for everybody where there is no model.
fn answer(scorer: Option<&Scorer>, columns: &[&[f32]], rows: usize) -> Result<Vec<f64>> {
    let mut probabilities = vec![0.0; rows];
    if let Some(scorer) = scorer {
        scorer.probabilities_into(columns, &mut probabilities)?;
    }
    Ok(probabilities)
}

pub(super) fn column(table: &FeatureTable, feature: Feature) -> Result<&[f32]> {
    table.column(feature).ok_or_else(|| Error::unknown("feature of the table", feature.name()))
}

/// The columns that say how thick a file is.
pub(super) struct Thickness<'t> {
    in_count: &'t [f32],
    payers: &'t [f32],
    active_days: Option<&'t [f32]>,
}

impl<'t> Thickness<'t> {
    pub(super) fn of(table: &'t FeatureTable) -> Result<Self> {
        Ok(Self {
            in_count: column(table, Feature::InCount)?,
            payers: column(table, Feature::InDegree)?,
            active_days: table.column(Feature::ActiveDays),
        })
    }

    pub(super) fn is_thin(&self, row: usize, config: &VerdictConfig) -> bool {
        let active_days = self.active_days.map_or(f32::NAN, |column| column[row]);
        config.is_thin(self.in_count[row], self.payers[row], active_days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_feature_is_in_the_catalogue() {
        assert_eq!(MerchantClassifier::default_features().count(), DEFAULT_FEATURES.len());
    }

    #[test]
    fn the_model_that_ships_is_read_and_written_without_loss() {
        let model = MerchantClassifier::default_model();
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<MerchantClassifier>(&text).unwrap(), model);
        assert!(model.models().iter().all(Option::is_some));
    }

    #[test]
    fn a_model_of_another_catalogue_is_refused() {
        let text = serde_json::to_string(&MerchantClassifier::default_model()).unwrap();
        let other = text.replace(&format!("\"catalogue_version\":{CATALOGUE_VERSION}"), "\"catalogue_version\":9999");
        let error = serde_json::from_str::<MerchantClassifier>(&other).unwrap_err();
        assert!(error.to_string().contains("catalogue version 9999"), "{error}");
    }
}
