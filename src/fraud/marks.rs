//! What the caller knows beyond the transfers: who lends, and who shares a device or a place.

use serde::{Deserialize, Serialize};

/// Marked accounts and typed edges, all optional.
///
/// A lender that audits its own borrowers marks its own disbursing accounts; a wallet that sees devices or the places
/// where codes hang passes them as pairs of a thing and an account. Things are any numbers: a device and a place that
/// must not be mixed up get different ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Unsorted")]
pub struct Marks {
    lenders: Vec<u32>,
    /// By account, then thing.
    things: Vec<(u32, u64)>,
}

#[derive(Deserialize)]
struct Unsorted {
    #[serde(default)]
    lenders: Vec<u32>,
    #[serde(default)]
    things: Vec<(u32, u64)>,
}

impl From<Unsorted> for Marks {
    fn from(unsorted: Unsorted) -> Self {
        let shared = unsorted.things.into_iter().map(|(account, thing)| (thing, account));
        Self::new(unsorted.lenders, shared)
    }
}

impl Marks {
    /// Accounts that disburse loans, and `(thing, account)` for every device or place that an account was seen with.
    pub fn new(lenders: impl IntoIterator<Item = u32>, shared: impl IntoIterator<Item = (u64, u32)>) -> Self {
        let mut lenders: Vec<u32> = lenders.into_iter().collect();
        lenders.sort_unstable();
        lenders.dedup();
        let mut things: Vec<(u32, u64)> = shared.into_iter().map(|(thing, account)| (account, thing)).collect();
        things.sort_unstable();
        things.dedup();
        Self { lenders, things }
    }

    /// Nothing is known.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether `account` disburses loans.
    #[must_use]
    pub fn is_lender(&self, account: u32) -> bool {
        self.lenders.binary_search(&account).is_ok()
    }

    /// Whether two accounts were seen with the same thing.
    #[must_use]
    pub fn share(&self, one: u32, other: u32) -> bool {
        let (one, other) = (self.things_of(one), self.things_of(other));
        one.iter().any(|(_, thing)| other.binary_search_by_key(thing, |pair| pair.1).is_ok())
    }

    /// The first thing that `account` was seen with.
    #[must_use]
    pub fn first_thing(&self, account: u32) -> Option<u64> {
        self.things_of(account).first().map(|pair| pair.1)
    }

    pub(super) fn lenders(&self) -> &[u32] {
        &self.lenders
    }

    pub(super) fn has_things(&self) -> bool {
        !self.things.is_empty()
    }

    fn things_of(&self, account: u32) -> &[(u32, u64)] {
        let start = self.things.partition_point(|pair| pair.0 < account);
        let rest = &self.things[start..];
        &rest[..rest.partition_point(|pair| pair.0 == account)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharing_is_having_a_thing_in_common() {
        let marks = Marks::new([9, 3, 9], [(70, 1), (70, 2), (80, 2), (80, 4), (90, 5)]);
        assert!(marks.is_lender(3) && marks.is_lender(9) && !marks.is_lender(4));
        assert!(marks.share(1, 2) && marks.share(4, 2) && !marks.share(1, 4) && !marks.share(1, 6));
        let text = serde_json::to_string(&marks).unwrap();
        assert_eq!(serde_json::from_str::<Marks>(&text).unwrap(), marks);
    }
}
