//! Fits the merchant classifier that ships, and says on a town it has not seen what it can tell and what clustering adds.
//!
//! ```text
//! cargo run --release --example fit_merchant -- src/merchant/default_model.json
//! ```

#[path = "shared/mod.rs"]
mod shared;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::features::{Feature, FeatureConfig, FeatureTable, extract};
use dandelion_credit::merchant::{AccountLabel, MerchantClassifier, MerchantFitConfig, VerdictKind};
use dandelion_credit::scorecard::Evidence;
use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
use dandelion_credit::{AccountIndex, Progress, Transfer, Transfers};
use shared::Outcome;
use shared::out::Output;
use shared::progress::Bar;

/// Fits the classifier on three synthetic towns and validates it on a fourth.
#[derive(Parser)]
struct Args {
    /// Where the model goes, as JSON.
    model: String,
    /// Accounts of the largest town.
    #[arg(long, default_value_t = 60_000)]
    accounts: u32,
    /// Threads; all cores where absent.
    #[arg(long)]
    threads: Option<usize>,
}

/// Features that need to know whether counterparties deal with each other.
const CLUSTERING: [Feature; 3] =
    [Feature::UnacquaintedShare, Feature::LocalClustering, Feature::OneSidedPayerClustering];

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| fit(&args))
}

fn fit(args: &Args) -> Outcome {
    shared::set_threads(args.threads)?;
    let bar = Bar::new();
    let update = |update| bar.update(update);
    let progress = Progress::new(&update);

    let base = MarketConfig { accounts: args.accounts, ..MarketConfig::default() };
    // Three towns of different age and pace, so that the model does not lean on the length of a history.
    let training = Towns::of(&[
        MarketConfig { seed: 1, ..base.clone() },
        MarketConfig { seed: 2, accounts: base.accounts / 2, days: 90, customers_per_day_median: 3.0, ..base.clone() },
        MarketConfig { seed: 3, accounts: base.accounts / 3, days: 365, social_per_day_median: 0.05, ..base.clone() },
    ])?;
    let unseen = Towns::of(&[MarketConfig { seed: 99, ..base }])?;
    let (known, table) = (training.table(progress)?, unseen.table(progress)?);

    let without = |dropped: &[Feature]| MerchantFitConfig {
        features: MerchantClassifier::default_features().filter(|feature| !dropped.contains(feature)).collect(),
        ..MerchantFitConfig::default()
    };
    let only = |kept: &[Feature]| MerchantFitConfig { features: kept.to_vec(), ..MerchantFitConfig::default() };
    let shipped = MerchantFitConfig {
        purpose:
            "tells merchants from individuals, collectors and pass-throughs; fitted on the synthetic market, not on \
                  anybody's customers"
                .to_owned(),
        ..MerchantFitConfig::default()
    };
    let degree_and_clustering = [Feature::InDegree, Feature::LocalClustering];
    let variants = [
        ("degree alone", only(&degree_and_clustering[..1])),
        ("degree and clustering", only(&degree_and_clustering)),
        ("everything but clustering", without(&CLUSTERING)),
        ("everything", shipped),
    ];
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{:28} {:>8} {:>22}", "merchants among thick files", "AUC", "precision at 80 % recall")?;
    let mut last = None;
    for (name, config) in variants {
        let model = MerchantClassifier::fit(&known, &training.labels(), &config, progress)?;
        let verdicts = model.judge(&table, progress)?;
        let thick = |row: &usize| verdicts.kinds[*row] != VerdictKind::Unknown || verdicts.certainty[*row] < 0.6;
        let rows: Vec<usize> = (0..table.accounts()).filter(thick).collect();
        let evidence =
            Evidence::from_rows(rows.iter().map(|&row| {
                (f64::from(verdicts.merchant_probability[row]), unseen.kinds[row] == AccountKind::Shop, 1.0)
            }));
        let precision = evidence.threshold_by_recall(0.8).map_or(f64::NAN, |threshold| threshold.precision);
        writeln!(stdout, "{name:28} {:>8.4} {:>22.3}", evidence.measures().auc.value, precision)?;
        last = Some((model, verdicts));
    }
    let Some((model, verdicts)) = last else { return Ok(()) };

    writeln!(stdout, "\n{:12} {}", "", VerdictKind::ALL.map(|kind| format!("{:>13}", kind.name())).concat())?;
    for kind in AccountKind::ALL {
        let of_kind = |verdict| {
            let both = unseen.kinds.iter().zip(&verdicts.kinds);
            both.filter(|(truth, found)| **truth == kind && **found == verdict).count()
        };
        let counts = VerdictKind::ALL.map(|verdict| format!("{:>13}", of_kind(verdict))).concat();
        writeln!(stdout, "{:12} {counts}", kind.name())?;
    }
    drop(bar);
    let mut output = Output::create(&args.model)?;
    serde_json::to_writer(&mut output, &model)?;
    output.write_all(b"\n")?;
    output.finish()
}

/// Several towns side by side, with no transfer between them.
struct Towns {
    kinds: Vec<AccountKind>,
    transfers: Transfers,
}

impl Towns {
    fn of(configs: &[MarketConfig]) -> Outcome<Self> {
        let mut towns = Self { kinds: Vec::new(), transfers: Transfers::new() };
        for config in configs {
            let market = Market::generate(config)?;
            let first = towns.kinds.len() as u32;
            let moved = |account: AccountIndex| AccountIndex::new(first + account.get());
            let here = market.transfers().columns();
            towns.transfers.extend(here.iter().map(|transfer| Transfer {
                payer: moved(transfer.payer),
                payee: moved(transfer.payee),
                ..transfer
            }));
            towns.kinds.extend(market.kinds());
        }
        Ok(towns)
    }

    fn table(&self, progress: Progress<'_>) -> Outcome<FeatureTable> {
        let mut features: Vec<Feature> = MerchantClassifier::default_features().collect();
        features.extend([Feature::InCount, Feature::ActiveDays]);
        let config =
            FeatureConfig { utc_offset: MarketConfig::default().utc_offset, ..FeatureConfig::of_features(features) };
        Ok(extract(&self.transfers.columns(), self.kinds.len(), &config, progress)?)
    }

    fn labels(&self) -> Vec<AccountLabel> {
        let label = |kind: &AccountKind| match kind {
            AccountKind::Shop => AccountLabel::Merchant,
            AccountKind::Treasurer | AccountKind::Charity => AccountLabel::Collector,
            AccountKind::PassThrough => AccountLabel::PassThrough,
            AccountKind::Person | AccountKind::FamilyHub | AccountKind::RingHelper => AccountLabel::Individual,
        };
        self.kinds.iter().map(label).collect()
    }
}
