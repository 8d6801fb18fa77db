//! What a verdict is.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::merchant::words::VerdictReason;

/// The kind of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// A private person: those who pay in know each other.
    Individual,
    /// A business: strangers pay in, most of the year, and the money stays long enough to be earned.
    Merchant,
    /// Gathers for a purpose: an event, a class, a charity, a savings group.
    Collector,
    /// Passes on what comes in: a mule, a relay.
    PassThrough,
    /// Too thin a file, or between the kinds.
    Unknown,
}

impl VerdictKind {
    /// Every kind, in order.
    pub const ALL: [Self; 5] = [Self::Individual, Self::Merchant, Self::Collector, Self::PassThrough, Self::Unknown];

    /// The stable name used in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Merchant => "merchant",
            Self::Collector => "collector",
            Self::PassThrough => "pass_through",
            Self::Unknown => "unknown",
        }
    }
}

/// The probability of each kind; they add up to one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KindProbabilities {
    /// Of a private person.
    pub individual: f64,
    /// Of a business.
    pub merchant: f64,
    /// Of an account that gathers for a purpose.
    pub collector: f64,
    /// Of an account that passes on.
    pub pass_through: f64,
}

impl KindProbabilities {
    /// Along the three questions: `dandelion`, `passes_on` given a dandelion, `gathers` given that money stays.
    pub(super) fn along(dandelion: f64, passes_on: f64, gathers: f64) -> Self {
        let stays = dandelion * (1.0 - passes_on);
        Self {
            individual: 1.0 - dandelion,
            merchant: stays * (1.0 - gathers),
            collector: stays * gathers,
            pass_through: dandelion * passes_on,
        }
    }

    /// The most probable kind and its probability; the earlier of two equal ones.
    pub(super) fn most(&self) -> (VerdictKind, f64) {
        let all = [
            (VerdictKind::Individual, self.individual),
            (VerdictKind::Merchant, self.merchant),
            (VerdictKind::Collector, self.collector),
            (VerdictKind::PassThrough, self.pass_through),
        ];
        all.into_iter().fold(all[0], |most, next| if next.1 > most.1 { next } else { most })
    }
}

/// When a file is too thin to judge, and how sure a verdict has to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerdictConfig {
    /// Fewest transfers in; below it the file is thin.
    pub min_in_count: u32,
    /// Fewest distinct payers; below it the file is thin.
    pub min_payers: u32,
    /// Fewest distinct days with transfers, where times are known; below it the file is thin.
    pub min_active_days: u32,
    /// The most probable kind has to reach it, 0.25 to 1; below it the account is between the kinds.
    pub min_probability: f64,
}

impl Default for VerdictConfig {
    fn default() -> Self {
        Self { min_in_count: 10, min_payers: 4, min_active_days: 5, min_probability: 0.6 }
    }
}

impl VerdictConfig {
    pub(super) fn check(&self) -> Result<()> {
        if (0.25..=1.0).contains(&self.min_probability) {
            return Ok(());
        }
        Err(Error::invalid("min_probability", self.min_probability, "from 0.25 to 1"))
    }

    /// Whether a file is too thin. Days that are not known do not count against it.
    pub(super) fn is_thin(&self, in_count: f32, payers: f32, active_days: f32) -> bool {
        in_count < self.min_in_count as f32
            || payers < self.min_payers as f32
            || active_days < self.min_active_days as f32
    }
}

/// One account's verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The kind.
    pub kind: VerdictKind,
    /// How probable each kind is.
    pub probabilities: KindProbabilities,
    /// Whether the file is too thin to judge.
    pub is_thin: bool,
    /// At most four, the most telling first, for or against the most probable kind.
    pub reasons: Vec<VerdictReason>,
}

/// Everybody's verdicts, a row an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// The kinds.
    pub kinds: Vec<VerdictKind>,
    /// Probability of each being a merchant, thin files included.
    pub merchant_probability: Vec<f32>,
    /// Probability of the most probable kind.
    pub certainty: Vec<f32>,
}

impl Verdicts {
    /// How many accounts are of a kind.
    #[must_use]
    pub fn count(&self, kind: VerdictKind) -> usize {
        self.kinds.iter().filter(|found| **found == kind).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_to_one_and_the_most_probable_wins() {
        for dandelion in [0.0, 0.3, 1.0] {
            for passes_on in [0.0, 0.5, 1.0] {
                for gathers in [0.0, 0.2, 1.0] {
                    let p = KindProbabilities::along(dandelion, passes_on, gathers);
                    assert!((p.individual + p.merchant + p.collector + p.pass_through - 1.0).abs() < 1e-12);
                }
            }
        }
        assert_eq!(KindProbabilities::along(0.9, 0.1, 0.2).most().0, VerdictKind::Merchant);
        assert_eq!(KindProbabilities::along(0.9, 0.8, 0.2).most().0, VerdictKind::PassThrough);
        assert_eq!(KindProbabilities::along(0.9, 0.1, 0.9).most().0, VerdictKind::Collector);
        assert_eq!(KindProbabilities::along(0.1, 0.1, 0.9).most().0, VerdictKind::Individual);
    }

    #[test]
    fn unknown_days_do_not_make_a_file_thin() {
        let config = VerdictConfig::default();
        assert!(!config.is_thin(50.0, 20.0, f32::NAN));
        assert!(config.is_thin(50.0, 20.0, 2.0));
        assert!(config.is_thin(9.0, 9.0, 9.0));
    }
}
