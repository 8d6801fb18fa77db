//! Tell merchants from individuals in a fund-transfer graph, verify their receipts, set and explain a revolving limit,
//! and keep the loans to the cent.
//!
//! # One merchant, from transfers to a repaid loan
//! The whole crate in its order. A host would read transfers from its own ledger; here a small synthetic town stands in.
//!
//! ```
//! # #[cfg(feature = "synthetic")] {
//! use dandelion_credit::calendar::{date_of_epoch_day, epoch_day};
//! use dandelion_credit::features::{FeatureConfig, extract};
//! use dandelion_credit::fraud::{AuditConfig, Auditor, Marks};
//! use dandelion_credit::graph::temporal::TemporalIndex;
//! use dandelion_credit::graph::{GraphConfig, TransferGraph};
//! use dandelion_credit::loan::{Action, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms, PaymentKind};
//! use dandelion_credit::merchant::{MerchantClassifier, VerdictKind};
//! use dandelion_credit::receipts::{ConditionConfig, Receipts, condition};
//! use dandelion_credit::synthetic::{Market, MarketConfig};
//! use dandelion_credit::underwriting::{Applicant, ConditionFacts, Policy, ReceiptFacts, decide};
//! use dandelion_credit::{Money, Progress};
//!
//! // Transfers: columns of payer, payee, amount in minor units, and time.
//! let config = MarketConfig { accounts: 2_000, days: 150, ..MarketConfig::default() };
//! let market = Market::generate(&config)?;
//! let (transfers, accounts) = (market.transfers().columns(), 2_000);
//! let today = date_of_epoch_day(epoch_day(config.as_of) - 1)?;
//!
//! // Everybody at once: who is a merchant? And is the largest shop one?
//! let features = FeatureConfig { utc_offset: config.utc_offset, ..FeatureConfig::default() };
//! let table = extract(&transfers, accounts, &features, Progress::silent())?;
//! let classifier = MerchantClassifier::default_model();
//! let verdicts = classifier.judge(&table, Progress::silent())?;
//! assert!(verdicts.count(VerdictKind::Individual) > 1_500);
//! let shop = market.shops().iter().max_by(|a, b| a.customers_per_day.total_cmp(&b.customers_per_day)).unwrap().account;
//! assert_eq!(verdicts.kinds[shop.as_usize()], VerdictKind::Merchant);
//!
//! // Its receipts, less those that should not count.
//! let graph = TransferGraph::build(&transfers, accounts, &GraphConfig::default(), Progress::silent())?;
//! let index = TemporalIndex::build(&transfers, accounts, Progress::silent())?;
//! let (marks, audit_config) = (Marks::none(), AuditConfig::default());
//! let auditor = Auditor::prepare(&index, Some(&graph), &marks, &audit_config, Progress::silent())?;
//! let audit = auditor.audit(Progress::silent())?;
//! let assessment = auditor.assess(shop, &audit)?;
//! let received = Receipts::of_merchant(&transfers, &[shop])?;
//! let verified = assessment.verify(&received)?;
//! assert!(verified.total_minor() <= received.total_minor());
//!
//! // How it is doing, and what a lender makes of it.
//! let rules = ConditionConfig { utc_offset: config.utc_offset, ..ConditionConfig::default() };
//! let doing = condition(&verified, epoch_day(today), 0, &rules)?;
//! let applicant = Applicant {
//!     history_days: 150,
//!     receipts: ReceiptFacts::measure(&verified, Some(&received), config.utc_offset, today),
//!     condition: ConditionFacts::from(&doing),
//!     suspicion: Some(assessment.suspicion()),
//!     ..Applicant::new("the largest shop")
//! };
//! let decision = decide(&applicant, &Policy::default(), today);
//! assert!(decision.reasons.len() <= 4);
//! assert!(decision.waterfall.lines.iter().any(|line| line.binding));
//!
//! // A line of 5,000.00; 2,000.00 drawn at 0.05 % a day and paid off after 20 days: exactly nothing is left.
//! let after = |days: i32| date_of_epoch_day(epoch_day(today) + days);
//! let terms = LineTerms { limit_minor: Money::from_minor(500_000), opened_on: today, expires_on: after(365)? };
//! let mut line = CreditLine::open(LinePolicy::china(), terms)?;
//! let daily = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 90)?;
//! let draw = Action::Disburse { drawdown: DrawdownId(1), amount_minor: Money::from_minor(200_000), terms: daily };
//! line.record(Event::new("draw", today, draw))?;
//! let quote = line.payoff(DrawdownId(1), after(20)?)?;
//! assert_eq!(quote.interest_minor.to_minor(), 2_000); // 20 days of 0.05 % of 2,000.00
//! let repay = Action::Repay { drawdown: None, amount_minor: quote.total_minor, kind: PaymentKind::Repayment };
//! line.record(Event::new("pay off", after(20)?, repay).in_sequence(1))?;
//! let position = line.position(after(20)?)?;
//! assert!(position.drawdowns.iter().all(|drawdown| drawdown.owed().is_zero()));
//! assert_eq!(position.available_minor.to_minor(), 500_000);
//! # }
//! # Ok::<(), dandelion_credit::Error>(())
//! ```
//!
//! # The rooms
//! The data plane looks at all accounts at once, in columns: [`graph`], [`features`], [`scorecard`], [`merchant`]. The control
//! plane looks at one merchant at a time, in exact money and with reasons: [`receipts`], [`fraud`], [`underwriting`], [`loan`],
//! [`monitoring`]. [`synthetic`] makes towns to try them on. [`design`] says why it is so.
//!
//! # Themes
//! - *verb(&input, &config) -> output.* Configurations are plain structs with documented fields and a `Default`.
//! - *Three kinds of no.* A business no is a value with reasons; bad input is an [`Error`] that names the value and the rule;
//!   a bug of ours is a failed assertion.
//! - *Same input, same bits*, on any machine, on any number of threads and without them. Time and seeds are arguments.
//! - *Money* is whole minor units; interest is carried exactly and rounded once, by a named [`Rounding`].
//! - *Long work* takes a [`Progress`], reports to it and can be stopped by it.

#![deny(unsafe_code)]
#![deny(missing_docs)]
// Elementary functions of the platform differ in their last bits; tests hold ours against them.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

// Ground floor: nouns that every room shares; knows no room.
mod account;
pub mod calendar;
mod elementary;
mod error;
mod money;
mod parallel;
mod progress;
mod rate;
mod transfer;

// Data plane: all accounts at once.
pub mod features;
pub mod graph;
pub mod merchant;
pub mod scorecard;

// Control plane: one merchant at a time.
pub mod fraud;
pub mod loan;
pub mod monitoring;
pub mod receipts;
pub mod underwriting;

#[cfg(feature = "synthetic")]
pub mod synthetic;

#[doc = include_str!("design.md")]
pub mod design {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;

pub use account::{AccountDirectory, AccountId, AccountIndex};
pub use calendar::Date;
pub use error::{Error, Result};
pub use money::{Money, Rounding, Scale};
pub use progress::{Progress, Update};
pub use rate::{AnnualRate, BasisPoints, DailyRate, Probability};
pub use transfer::{AT_SECONDS, Transfer, TransferColumns, Transfers, UtcOffset};
