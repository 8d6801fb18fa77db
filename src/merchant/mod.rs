//! The verdict: what kind of account is it, how surely, and why?
//!
//! `FeatureTable -> `[`MerchantClassifier`]` -> `[`Verdicts`] for everybody, [`Verdict`] with reasons for one. Three glass-box
//! models ask three questions one after the other:
//!
//! 1. **A dandelion or a ball of yarn?** Do strangers pay into it, or people who know each other?
//! 2. **If a dandelion: does money stay?** A mule is the perfect dandelion; money that leaves as it comes gives it away.
//! 3. **If it stays: does it trade?** A treasurer or a charity gathers for a while and in equal sums; a shop sells all year.
//!
//! The probabilities of the four kinds are products along that way, so they always add up to one. Accounts with too thin a
//! file, and accounts between the kinds, are [`Unknown`](VerdictKind::Unknown): the classifier would rather not say.
//!
//! [`MerchantClassifier::default_model`] ships fitted on the synthetic market and says so in its card: it makes the first run
//! possible, and it is not a model of your customers. Fitting your own takes three lines:
//!
//! ```
//! # #[cfg(feature = "synthetic")] {
//! use dandelion_credit::features::{extract, FeatureConfig};
//! use dandelion_credit::merchant::{AccountLabel, MerchantClassifier, MerchantFitConfig, VerdictKind};
//! use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
//! use dandelion_credit::{AccountIndex, Progress};
//!
//! let market = Market::generate(&MarketConfig { accounts: 3_000, days: 120, ..MarketConfig::default() })?;
//! let classifier = MerchantClassifier::default_model();
//! let config = FeatureConfig::of_features(classifier.needed_features());
//! let table = extract(&market.transfers().columns(), 3_000, &config, Progress::silent())?;
//!
//! let verdicts = classifier.judge(&table, Progress::silent())?;
//! let shops = market.kinds().iter().zip(&verdicts.kinds).filter(|(kind, verdict)| {
//!     **kind == AccountKind::Shop && **verdict == VerdictKind::Merchant
//! });
//! assert!(shops.count() > 60); // of 120, the newest and smallest of which have too thin a file
//!
//! let shop = market.shops().iter().max_by(|a, b| a.customers_per_day.total_cmp(&b.customers_per_day)).unwrap();
//! let verdict = classifier.explain(&table, shop.account)?;
//! assert_eq!(verdict.kind, VerdictKind::Merchant);
//! assert!(verdict.reasons[0].sentence().len() > 10);
//! # }
//! # Ok::<(), dandelion_credit::Error>(())
//! ```

mod classifier;
mod fit;
mod verdict;
mod words;

pub use classifier::{MODEL_VERSION, MerchantClassifier};
pub use fit::{AccountLabel, MerchantFitConfig};
pub use verdict::{KindProbabilities, Verdict, VerdictConfig, VerdictKind, Verdicts};
pub use words::VerdictReason;

#[doc = include_str!("clustering.md")]
pub mod what_clustering_can_tell {}
