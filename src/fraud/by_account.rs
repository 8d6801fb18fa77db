//! What belongs to each account, side by side: looked up without a search.

/// Items of every account, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ByAccount<T> {
    /// Items of an account begin here; nobody past the end has any.
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for ByAccount<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ByAccount<T> {
    /// Nobody has anything.
    pub const fn new() -> Self {
        Self { starts: Vec::new(), items: Vec::new() }
    }

    /// Lines up `pairs`, which ascend by account and are 4,294,967,295 at most.
    pub fn of(pairs: impl ExactSizeIterator<Item = (u32, T)>) -> Self {
        let mut all = Self { items: Vec::with_capacity(pairs.len()), ..Self::new() };
        for (account, item) in pairs {
            if all.starts.len() <= account as usize {
                all.starts.resize(account as usize + 1, all.items.len() as u32);
            }
            all.items.push(item);
        }
        if !all.items.is_empty() {
            all.starts.push(all.items.len() as u32);
        }
        all
    }

    /// The items of `account`.
    pub fn of_account(&self, account: u32) -> &[T] {
        match self.starts.get(account as usize..) {
            Some(&[start, end, ..]) => &self.items[start as usize..end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn items_of_an_account_are_those_of_a_filter(
            pairs in proptest::collection::vec((0u32..9, 0u8..200), 0..30), offset in 0u32..70,
        ) {
            let mut pairs: Vec<(u32, u8)> = pairs.into_iter().map(|pair| (pair.0 * 3 + offset, pair.1)).collect();
            pairs.sort_by_key(|pair| pair.0);
            let all = ByAccount::of(pairs.iter().copied());
            for account in (0..110).chain([u32::MAX]) {
                let slow: Vec<u8> = pairs.iter().filter(|pair| pair.0 == account).map(|pair| pair.1).collect();
                proptest::prop_assert_eq!(all.of_account(account), &slow[..]);
            }
        }
    }
}
