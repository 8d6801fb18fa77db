//! The record of a decision, and making it again.

use serde::{Deserialize, Serialize};

use crate::underwriting::applicant::Applicant;
use crate::underwriting::compiled::{Policy, digest_of};
use crate::underwriting::decide::{Decision, decide};

/// What to keep of a decision: with the policy it names, it can be made again years later.
///
/// Fields it does not know are passed over when it is read, so that a file may carry columns of its own beside the record.
///
/// ```
/// use dandelion_credit::underwriting::{Applicant, DecisionRecord, Policy, Replay};
///
/// let policy = Policy::default();
/// let record = DecisionRecord::make(&Applicant::new("stall"), &policy, "2026-11-23".parse().unwrap());
/// let kept = serde_json::to_string(&record).unwrap();
/// let read: DecisionRecord = serde_json::from_str(&kept).unwrap();
/// assert_eq!(read.replay(&policy), Replay::Same);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// What was looked at.
    pub applicant: Applicant,
    /// What was decided.
    pub decision: Decision,
    /// A person's word against the decision, when there was one; the caller fills it in.
    #[serde(default)]
    pub override_by: Option<Override>,
}

/// A person's word against a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// The line given instead, minor units; zero refuses.
    pub limit_minor: i64,
}

/// What came of making a decision again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "replay", rename_all = "snake_case")]
pub enum Replay {
    /// The same, bit for bit.
    Same,
    /// The policy handed in is not the one it was made under.
    OtherPolicy {
        /// Digest in the record.
        recorded: String,
        /// Digest of the policy handed in.
        given: String,
    },
    /// The applicant in the record is not the one it was made for: the record was altered.
    OtherApplicant {
        /// Digest in the record.
        recorded: String,
        /// Digest of the applicant beside it.
        given: String,
    },
    /// Another version of this crate decides otherwise, or the record was altered.
    Different {
        /// Version of the crate in the record.
        recorded_version: String,
        /// What this version decides.
        decision: Box<Decision>,
    },
}

impl DecisionRecord {
    /// Decides and keeps what is needed to do so again.
    #[must_use]
    pub fn make(applicant: &Applicant, policy: &Policy, as_of: crate::calendar::Date) -> Self {
        Self { applicant: applicant.clone(), decision: decide(applicant, policy, as_of), override_by: None }
    }

    /// Makes the decision again and compares.
    #[must_use]
    pub fn replay(&self, policy: &Policy) -> Replay {
        let stamp = &self.decision.stamp;
        if stamp.policy_digest != policy.digest() {
            return Replay::OtherPolicy { recorded: stamp.policy_digest.clone(), given: policy.digest().to_owned() };
        }
        let given = digest_of(&self.applicant);
        if stamp.applicant_digest != given {
            return Replay::OtherApplicant { recorded: stamp.applicant_digest.clone(), given };
        }
        let decision = decide(&self.applicant, policy, self.decision.as_of);
        if decision == self.decision {
            return Replay::Same;
        }
        Replay::Different { recorded_version: stamp.crate_version.clone(), decision: Box::new(decision) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::underwriting::policy::PolicyRules;

    #[test]
    fn altered_records_are_told_apart() {
        let policy = Policy::default();
        let record = DecisionRecord::make(&Applicant::new("a"), &policy, "2026-11-23".parse().unwrap());
        assert_eq!(record.replay(&policy), Replay::Same);

        let other = Policy::new(PolicyRules { version: 2, ..PolicyRules::default() }).unwrap();
        assert!(matches!(record.replay(&other), Replay::OtherPolicy { .. }));

        let mut altered = record.clone();
        altered.applicant.history_days = 900;
        assert!(matches!(altered.replay(&policy), Replay::OtherApplicant { .. }));

        let mut altered = record.clone();
        altered.decision.reasons.clear();
        assert!(matches!(altered.replay(&policy), Replay::Different { .. }));
    }
}
