//! Receipts in, verified receipts out: what was taken, why, and what proves it.

use serde::{Deserialize, Serialize};

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::money::Money;
use crate::rate::Probability;
use crate::receipts::Receipts;

use super::config::AuditConfig;
use super::examine::{Examination, Taker};
use super::signal::Signal;

/// What one signal says about one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalFinding {
    /// Which signal.
    pub signal: Signal,
    /// Its score, 0 to 1, by [`Signal::formula`].
    pub score: Probability,
    /// The share of the positive receipts that it would take by itself, 0 to 1: what it taints times its haircut.
    pub haircut: Probability,
    /// Rows of the transfers that prove it, the most telling first, at most
    /// [`evidence_rows`](AuditConfig::evidence_rows).
    pub evidence: Vec<u32>,
    /// [`Signal::version`] of the formula.
    pub version: u16,
}

/// What took money out of the receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedBy {
    /// A signal.
    Signal(Signal),
    /// One payer, with those it funds, would hold too large a share of the verified receipts.
    PayerCap,
}

impl RemovedBy {
    /// The stable name: the signal's, or `payer_cap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signal(signal) => signal.name(),
            Self::PayerCap => "payer_cap",
        }
    }

    /// The sentence a loan officer can read out.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Signal(signal) => signal.reason(),
            Self::PayerCap => "one payer may only make up a part of the receipts that count",
        }
    }
}

/// One line of the account of what was removed. Every line counts money that no line above it has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Who took it.
    pub by: RemovedBy,
    /// How much.
    pub removed: Money,
    /// From how many receipts.
    pub receipts: u32,
}

/// One merchant's receipts after the audit.
///
/// `received − Σ removals = verified`, to the minor unit; `verified` never exceeds `received`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct FraudAssessment {
    account: AccountIndex,
    received: Money,
    verified: Money,
    suspicion: Probability,
    signals: Vec<SignalFinding>,
    removals: Vec<Removal>,
    /// Transfer row and what was taken from it, ascending.
    cuts: Vec<(u32, i64)>,
    capped: bool,
}

#[derive(Deserialize)]
struct Unchecked {
    account: AccountIndex,
    received: Money,
    verified: Money,
    suspicion: Probability,
    signals: Vec<SignalFinding>,
    removals: Vec<Removal>,
    cuts: Vec<(u32, i64)>,
    capped: bool,
}

impl TryFrom<Unchecked> for FraudAssessment {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self> {
        let Unchecked { account, received, verified, suspicion, signals, removals, mut cuts, capped } = unchecked;
        let removed = Money::checked_sum(removals.iter().map(|removal| removal.removed))?;
        if removals.iter().any(|removal| removal.removed.is_negative()) || received.checked_sub(removed)? != verified {
            let rule = "what was received less what was removed, and nothing is removed twice";
            return Err(Error::invalid("verified", verified.to_minor(), rule));
        }
        cuts.sort_unstable();
        Ok(Self { account, received, verified, suspicion, signals, removals, cuts, capped })
    }
}

impl FraudAssessment {
    pub(super) fn of(
        account: u32,
        examination: Examination,
        suspicion: f64,
        association: Option<(f32, Vec<u32>)>,
        config: &AuditConfig,
    ) -> Self {
        let positive = examination.positive_minor.max(1) as f64;
        let probability = |value: f64| Probability::new(value.clamp(0.0, 1.0)).expect("clamped to 0..=1");
        let verified = examination.verified_minor();
        let mut evidence = examination.evidence;
        let mut scores = examination.scores;
        if let Some((score, rows)) = association {
            scores[Signal::Association.index()] = score;
            evidence.push((Signal::Association, rows));
        }
        let finding = |signal: Signal| {
            let score = f64::from(scores[signal.index()]);
            let tainted = examination.tainted_minor[signal.index()] as f64 / positive;
            SignalFinding {
                signal,
                score: probability(score),
                haircut: probability(tainted * f64::from(config.haircuts.of(signal)) / 10_000.0),
                evidence: evidence.iter().find(|(of, _)| *of == signal).map_or_else(Vec::new, |(_, rows)| rows.clone()),
                version: signal.version(),
            }
        };
        let raised = |signal: &Signal| scores[signal.index()] > 0.0;
        let removals = examination.taken.iter().map(|&(by, minor, receipts)| Removal {
            by: match by {
                Taker::Signal(signal) => RemovedBy::Signal(signal),
                Taker::PayerCap => RemovedBy::PayerCap,
            },
            removed: Money::from_minor(minor),
            receipts,
        });
        let mut cuts = examination.cuts;
        cuts.sort_unstable();
        Self {
            account: account.into(),
            received: Money::from_minor(examination.received_minor),
            verified: Money::from_minor(verified),
            suspicion: probability(suspicion),
            signals: Signal::ALL.into_iter().filter(raised).map(finding).collect(),
            removals: removals.collect(),
            cuts,
            capped: examination.capped,
        }
    }

    /// Whose receipts these are.
    #[must_use]
    pub fn account(&self) -> AccountIndex {
        self.account
    }

    /// What was received, refunds taken off.
    #[must_use]
    pub fn received(&self) -> Money {
        self.received
    }

    /// What of it counts.
    #[must_use]
    pub fn verified(&self) -> Money {
        self.verified
    }

    /// What does not: the sum of [`removals`](Self::removals).
    #[must_use]
    pub fn removed(&self) -> Money {
        self.received.checked_sub(self.verified).expect("verified is at most received, both within the checked sum")
    }

    /// How unusual the account's signals are in its market, 0 to 1; comparable between merchants.
    #[must_use]
    pub fn suspicion(&self) -> Probability {
        self.suspicion
    }

    /// The signals that were raised, in order of precedence.
    #[must_use]
    pub fn signals(&self) -> &[SignalFinding] {
        &self.signals
    }

    /// What `signal` says, if it was raised.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> Option<&SignalFinding> {
        self.signals.iter().find(|finding| finding.signal == signal)
    }

    /// What was taken, by whom, line by line.
    #[must_use]
    pub fn removals(&self) -> &[Removal] {
        &self.removals
    }

    /// Transfer row and minor units taken from it, for every receipt that was cut, in order of row.
    #[must_use]
    pub fn cuts(&self) -> &[(u32, i64)] {
        &self.cuts
    }

    /// Whether a search around the account reached its cap, so that patterns may be missing.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.capped
    }

    /// Takes what was removed out of the merchant's dated receipts, row by row; rows that the audit did not see stay as
    /// they are.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `receipts` hold less in some row than the audit took from it: they are not those that
    /// were audited.
    pub fn verify(&self, receipts: &Receipts) -> Result<Receipts> {
        let cut = |row: u64| {
            let row = u32::try_from(row).ok()?;
            let place = self.cuts.binary_search_by_key(&row, |cut| cut.0).ok()?;
            Some(self.cuts[place].1)
        };
        let removed: Vec<i64> = receipts.rows().iter().map(|receipt| cut(receipt.transfer_row).unwrap_or(0)).collect();
        receipts.less_removed(&removed)
    }
}
