//! Who an account is to its owner, who it is to us, and the directory between the two.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An account as the data plane sees it: a dense number from 0, the row of every column.
///
/// 32 bits, since half the memory traffic of a graph is indices; 4 billion accounts are enough for one machine.
///
/// ```
/// use dandelion_credit::AccountIndex;
///
/// let receipts_minor = [1_200, 800, 0];
/// let stall = AccountIndex::new(1);
/// assert_eq!(receipts_minor[stall.as_usize()], 800); // a row of every column
/// assert_eq!(stall.to_string(), "#1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountIndex(u32);

impl AccountIndex {
    /// The account in row `index`.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The row as the number it is.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The row as a slice index.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl From<u32> for AccountIndex {
    fn from(index: u32) -> Self {
        Self(index)
    }
}

impl fmt::Display for AccountIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// An account as its owner names it: any string. Records, decisions and evidence that leave the crate carry it.
///
/// ```
/// use dandelion_credit::AccountId;
///
/// let stall = AccountId::new("6212 0001 / code 3");
/// assert_eq!(stall.as_str(), "6212 0001 / code 3"); // kept as it is: no trimming, no case folding
/// assert_ne!(stall, AccountId::from("6212 0001 / CODE 3"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(Box<str>);

impl AccountId {
    /// The account its owner calls `id`.
    #[must_use]
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }

    /// The owner's name for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccountId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directory between the owner's ids and dense rows: rows are given out in the order in which ids are first seen.
///
/// Ids are any strings (empty, with commas, with quotes: all are just bytes to it) and lie back to back in one arena:
/// 30 million ids of 12 bytes take about 0.7 GB, an eighth of what a map of `String`s takes. The hash is seeded per
/// directory so that nobody can prepare ids that collide; the seed shows in no result.
///
/// ```
/// use dandelion_credit::AccountDirectory;
///
/// let mut directory = AccountDirectory::new();
/// let noodles = directory.intern("noodle stall").unwrap();
/// let mei = directory.intern("Mei, 3rd floor").unwrap();
/// assert_eq!(directory.intern("noodle stall").unwrap(), noodles);
/// assert_eq!((noodles.get(), mei.get(), directory.len()), (0, 1, 2));
/// assert_eq!(directory.id(mei), Some("Mei, 3rd floor"));
/// assert_eq!(directory.index_of("nobody"), None);
/// ```
#[derive(Clone, Default)]
pub struct AccountDirectory {
    hasher: RandomState,
    rows: HashTable<u32>,
    text: String,
    /// `text[ends[row - 1]..ends[row]]` is the id of `row`.
    ends: Vec<u64>,
}

impl AccountDirectory {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Accounts known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no account is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The row of `id`, a new one if it was not known.
    ///
    /// # Errors
    /// [`Error::is_overflow`] past 2³² − 1 accounts.
    pub fn intern(&mut self, id: &str) -> Result<AccountIndex> {
        let hash = self.hasher.hash_one(id);
        let Self { hasher, rows, text, ends } = self;
        if let Some(&row) = rows.find(hash, |&row| id_of(text, ends, row) == id) {
            return Ok(AccountIndex(row));
        }
        let row = u32::try_from(ends.len())
            .ok()
            .filter(|&row| row < u32::MAX)
            .ok_or_else(|| Error::overflow("number of accounts", "at most 4,294,967,295"))?;
        text.push_str(id);
        ends.push(text.len() as u64);
        rows.insert_unique(hash, row, |&row| hasher.hash_one(id_of(text, ends, row)));
        Ok(AccountIndex(row))
    }

    /// The row of `id`, if it is known.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<AccountIndex> {
        let hash = self.hasher.hash_one(id);
        self.rows.find(hash, |&row| id_of(&self.text, &self.ends, row) == id).map(|&row| AccountIndex(row))
    }

    /// The id in row `index`, if there is such a row.
    #[must_use]
    pub fn id(&self, index: AccountIndex) -> Option<&str> {
        (index.as_usize() < self.ends.len()).then(|| id_of(&self.text, &self.ends, index.0))
    }

    /// Every id in row order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len() as u32).map(|row| id_of(&self.text, &self.ends, row))
    }

    /// The rows in the order of their ids as byte strings: how files are sorted so that two runs can be compared.
    ///
    /// ```
    /// use dandelion_credit::AccountDirectory;
    ///
    /// let mut directory = AccountDirectory::new();
    /// for id in ["a9", "B", "a10"] {
    ///     directory.intern(id)?;
    /// }
    /// let sorted: Vec<u32> = directory.rows_by_id().iter().map(|row| row.get()).collect();
    /// assert_eq!(sorted, [1, 2, 0]); // "B", "a10", "a9": as bytes, not as numbers
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    #[must_use]
    pub fn rows_by_id(&self) -> Vec<AccountIndex> {
        let mut rows: Vec<AccountIndex> = (0..self.ends.len() as u32).map(AccountIndex).collect();
        rows.sort_unstable_by_key(|row| id_of(&self.text, &self.ends, row.0));
        rows
    }
}

fn id_of<'a>(text: &'a str, ends: &[u64], row: u32) -> &'a str {
    let row = row as usize;
    let start = if row == 0 { 0 } else { ends[row - 1] as usize };
    &text[start..ends[row] as usize]
}

impl fmt::Debug for AccountDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountDirectory").field("accounts", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ids_are_kept_apart() {
        let mut directory = AccountDirectory::new();
        let ids = ["", " ", "a,b", "\"a\",b", "a", "b", "é", "e\u{301}", "a\nb"];
        for (row, id) in ids.iter().enumerate() {
            assert_eq!(directory.intern(id).unwrap().as_usize(), row);
        }
        assert_eq!(directory.ids().collect::<Vec<_>>(), ids);
        assert_eq!(directory.id(AccountIndex::new(9)), None);
    }

    #[test]
    fn rows_by_id_sorts_as_bytes() {
        let mut directory = AccountDirectory::new();
        for id in ["b", "B", "a10", "a9", ""] {
            directory.intern(id).unwrap();
        }
        let sorted: Vec<_> = directory.rows_by_id().iter().map(|&row| directory.id(row).unwrap()).collect();
        assert_eq!(sorted, ["", "B", "a10", "a9", "b"]);
    }
}
