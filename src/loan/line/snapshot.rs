//! A line's state to be stored and gone on from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::credit_line::{CreditLine, LineTerms};
use super::event::Event;
use super::fold::LineState;
use super::policy::LinePolicy;
use crate::error::{Error, Result};

/// The version of the serialised form of states and snapshots.
pub const STATE_VERSION: u32 = 1;

/// A line's state on a day with a version and a digest, to go on from without the events before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`STATE_VERSION`] when it was made.
    pub version: u32,
    /// What the line started from.
    pub terms: LineTerms,
    /// The state.
    pub state: LineState,
    /// Keys of the events before it, with their bodies' digests, so that a late repeat is still recognised.
    pub keys: BTreeMap<String, String>,
    /// SHA-256 over version, policy, terms, state and keys.
    pub digest: String,
}

impl CreditLine {
    /// The state with a version and a digest, to be stored and gone on from.
    ///
    /// # Errors
    /// Never for a line made through this type; the digest is made from its JSON form.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut keys = self.base_keys.clone();
        for event in &self.events {
            keys.insert(event.key.clone(), body_digest(event)?);
        }
        let digest = state_digest(&self.policy, &self.terms, &self.state, &keys)?;
        Ok(Snapshot { version: STATE_VERSION, terms: self.terms, state: self.state.clone(), keys, digest })
    }

    /// Goes on from a snapshot. Later events give the state a full replay would have given; earlier ones are refused.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for another version; [`Error::is_conflict`] when the digest does not fit, because the
    /// snapshot was changed or belongs to another policy.
    pub fn resume(policy: LinePolicy, snapshot: Snapshot) -> Result<Self> {
        if snapshot.version != STATE_VERSION {
            return Err(Error::unsupported("snapshot version", snapshot.version));
        }
        policy.check()?;
        let digest = state_digest(&policy, &snapshot.terms, &snapshot.state, &snapshot.keys)?;
        if digest != snapshot.digest {
            return Err(Error::conflict(
                "snapshot digest",
                &snapshot.digest,
                "the digest of its content under this policy",
            ));
        }
        Ok(Self::from_base(policy, snapshot.terms, snapshot.state, snapshot.keys))
    }

    /// SHA-256 of policy, terms, state and the keys of all events.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn digest(&self) -> Result<String> {
        Ok(self.snapshot()?.digest)
    }
}

fn state_digest(
    policy: &LinePolicy,
    terms: &LineTerms,
    state: &LineState,
    keys: &BTreeMap<String, String>,
) -> Result<String> {
    sha256(&(STATE_VERSION, policy, terms, state, keys))
}

pub(super) fn body_digest(event: &Event) -> Result<String> {
    sha256(&(event.value_date, &event.action))
}

fn sha256<T: Serialize>(content: &T) -> Result<String> {
    let bytes =
        serde_json::to_vec(content).map_err(|error| Error::invalid("state", error, "content that JSON can hold"))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
