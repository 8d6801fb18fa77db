//! Patterns that span several accounts, found once and looked up by account.

use super::by_account::ByAccount;

/// One pattern: how strong it is, and the transfers that make it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pattern {
    pub strength: f32,
    pub rows: Vec<u32>,
}

/// Patterns and who is part of which.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    /// Account and pattern.
    members: Vec<(u32, u32)>,
    /// The patterns of each account, once sealed.
    of: ByAccount<u32>,
}

impl Patterns {
    /// Adds a pattern with its members.
    pub fn add(&mut self, strength: f32, rows: Vec<u32>, members: impl IntoIterator<Item = u32>) {
        let number = self.patterns.len() as u32;
        self.patterns.push(Pattern { strength, rows });
        self.members.extend(members.into_iter().map(|account| (account, number)));
    }

    /// Adds the patterns of `other` behind the own ones.
    pub fn append(&mut self, other: Self) {
        let before = self.patterns.len() as u32;
        self.patterns.extend(other.patterns);
        self.members.extend(other.members.into_iter().map(|(account, number)| (account, before + number)));
    }

    /// Makes the patterns ready to be looked up.
    pub fn seal(mut self) -> Self {
        self.members.sort_unstable();
        self.members.dedup();
        self.of = ByAccount::of(self.members.iter().copied());
        self
    }

    /// The patterns that `account` is part of, in the order in which they were found.
    pub fn of(&self, account: u32) -> impl Iterator<Item = &Pattern> {
        self.of.of_account(account).iter().map(|&number| &self.patterns[number as usize])
    }
}
