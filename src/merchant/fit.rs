//! Fitting a classifier of one's own.

use crate::error::{Error, Result};
use crate::features::Feature;
use crate::features::FeatureTable;
use crate::merchant::classifier::{MerchantClassifier, Thickness, column};
use crate::merchant::verdict::VerdictConfig;
use crate::progress::Progress;
use crate::scorecard::Direction;
use crate::scorecard::FitConfig;
use crate::scorecard::Labels;
use crate::scorecard::ModelCard;
use crate::scorecard::Outcome;
use crate::scorecard::Scorecard;
use crate::scorecard::Table;
use crate::scorecard::fit;

/// What is known of an account in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountLabel {
    /// A private person.
    Individual,
    /// A business.
    Merchant,
    /// Gathers for a purpose.
    Collector,
    /// Passes on what comes in.
    PassThrough,
    /// Nothing is known: an account that nobody registered, which may be anything.
    Unlabelled,
}

/// How a classifier is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct MerchantFitConfig {
    /// The features to look at; [`MerchantClassifier::default_features`] by default.
    pub features: Vec<Feature>,
    /// Which way each feature may move the first question's log-odds; directions of the trade by default.
    pub monotone: Vec<(Feature, Direction)>,
    /// How each of the three models is fitted. With [`AccountLabel::Unlabelled`] accounts a prior is needed.
    pub fit: FitConfig,
    /// When a file is thin; thin files are left out of training too.
    pub verdict: VerdictConfig,
    /// What the model's cards say it was fitted on.
    pub purpose: String,
}

impl Default for MerchantFitConfig {
    fn default() -> Self {
        let monotone = vec![
            (Feature::UnacquaintedShare, Direction::Increasing),
            (Feature::LocalClustering, Direction::Decreasing),
            (Feature::OneSidedPayerClustering, Direction::Decreasing),
            (Feature::Reciprocity, Direction::Decreasing),
            (Feature::InDegree, Direction::Increasing),
        ];
        Self {
            features: MerchantClassifier::default_features().collect(),
            monotone,
            fit: FitConfig { max_bins: 32, interactions: 0, folds: 4, ..FitConfig::default() },
            verdict: VerdictConfig::default(),
            purpose: "tells merchants from other accounts".to_owned(),
        }
    }
}

impl MerchantClassifier {
    /// Fits the three models on labelled accounts, a label a row of the table.
    ///
    /// Accounts with thin files are left out. A kind that training has no accounts of gets no model and is never given.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when labels and rows differ in number, or fewer than two accounts are on a side of the first
    /// question; [`Error::is_unknown`] for a feature the table lacks; what [`fit`](crate::scorecard::fit) says otherwise.
    ///
    /// # Complexity
    /// Three times [`fit`](crate::scorecard::fit).
    pub fn fit(
        table: &FeatureTable,
        labels: &[AccountLabel],
        config: &MerchantFitConfig,
        progress: Progress<'_>,
    ) -> Result<Self> {
        if labels.len() != table.accounts() {
            let rule = format!("one for each of {} accounts", table.accounts());
            return Err(Error::invalid("number of labels", labels.len(), rule));
        }
        let thickness = Thickness::of(table)?;
        let thick: Vec<usize> = (0..labels.len()).filter(|&row| !thickness.is_thin(row, &config.verdict)).collect();
        let question = |yes: &[AccountLabel], no: &[AccountLabel]| {
            let outcome = |&row: &usize| match labels[row] {
                label if yes.contains(&label) => Some((row, Outcome::Positive)),
                label if no.contains(&label) => Some((row, Outcome::Negative)),
                AccountLabel::Unlabelled => Some((row, Outcome::Unlabelled)),
                _ => None,
            };
            thick.iter().filter_map(outcome).collect::<Vec<_>>()
        };
        use AccountLabel::{Collector, Individual, Merchant, PassThrough};
        let first = question(&[Merchant, Collector, PassThrough], &[Individual]);
        let mut second = question(&[PassThrough], &[Merchant, Collector]);
        let mut third = question(&[Collector], &[Merchant]);
        // What lies behind the first question is asked of known dandelions only.
        for known in [&mut second, &mut third] {
            known.retain(|(_, outcome)| *outcome != Outcome::Unlabelled);
        }
        let answerable = |rows: &[(usize, Outcome)]| {
            let of = |wanted| rows.iter().filter(|(_, outcome)| *outcome == wanted).count();
            of(Outcome::Positive) >= 2 && of(Outcome::Negative) >= 2
        };
        let dandelion = answer_with(table, &first, config, &config.monotone, progress)?;
        let behind = |rows: &[(usize, Outcome)]| {
            answerable(rows).then(|| answer_with(table, rows, config, &[], progress)).transpose()
        };
        let (passes_on, gathers) = (behind(&second)?, behind(&third)?);
        Self::new(config.features.clone(), dandelion, passes_on, gathers, config.verdict)
    }
}

fn answer_with(
    table: &FeatureTable,
    rows: &[(usize, Outcome)],
    config: &MerchantFitConfig,
    monotone: &[(Feature, Direction)],
    progress: Progress<'_>,
) -> Result<Scorecard> {
    let mut columns = Table::new(rows.len());
    for &feature in &config.features {
        let values = column(table, feature)?;
        columns.push_f32(feature.name(), rows.iter().map(|&(row, _)| values[row]).collect::<Vec<f32>>())?;
    }
    let labels = Labels::new(rows.iter().map(|&(_, outcome)| outcome).collect());
    let mut rule = config.fit.clone();
    let wanted = monotone.iter().filter(|(feature, _)| config.features.contains(feature));
    rule.monotone.extend(wanted.map(|(feature, direction)| (feature.name().to_owned(), *direction)));
    let model = fit(&columns, &labels, &rule, progress)?;
    let card = ModelCard { purpose: config.purpose.clone(), ..model.card().clone() };
    Ok(model.with_card(card))
}
