//! The counterparties of one account: a sorted list while they are few, a hash table once they are many.

use hashbrown::HashTable;

/// Above this many a list becomes a table.
const LIST_MAX: usize = 64;
/// Below this many a table becomes a list again; well below the other, so that no account flips at every transfer.
const TABLE_MIN: usize = 24;

/// What is kept of one counterparty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub account: u32,
    /// Counterparties that both have.
    pub common: u32,
    /// Transfers to it.
    pub sent: u32,
    /// Transfers from it.
    pub received: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Neighbours {
    /// The only one, which is what most accounts have.
    One(Neighbour),
    /// Sorted by account.
    List(Vec<Neighbour>),
    Table(Box<HashTable<Neighbour>>),
}

impl Default for Neighbours {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Spreads dense account rows over 64 bits; one multiplication by an odd constant keeps them apart.
fn hash(account: u32) -> u64 {
    let spread = u64::from(account).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ spread >> 32
}

fn hash_of(neighbour: &Neighbour) -> u64 {
    hash(neighbour.account)
}

impl Neighbours {
    /// All of them, sorted, unless they are kept in a table.
    fn list(&self) -> Option<&[Neighbour]> {
        match self {
            Self::One(one) => Some(std::slice::from_ref(one)),
            Self::List(list) => Some(list),
            Self::Table(_) => None,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::List(list) => list.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Brings the first of them near; what it gives is of no use.
    pub fn touch(&self) -> u32 {
        match self {
            Self::Table(table) => table.len() as u32,
            _ => self.list().and_then(<[Neighbour]>::first).map_or(0, |neighbour| neighbour.account),
        }
    }

    pub fn get(&self, account: u32) -> Option<&Neighbour> {
        match self {
            Self::One(one) => (one.account == account).then_some(one),
            Self::List(list) => {
                list.binary_search_by_key(&account, |neighbour| neighbour.account).ok().map(|place| &list[place])
            }
            Self::Table(table) => table.find(hash(account), |neighbour| neighbour.account == account),
        }
    }

    pub fn get_mut(&mut self, account: u32) -> Option<&mut Neighbour> {
        match self {
            Self::One(one) => (one.account == account).then_some(one),
            Self::List(list) => match list.binary_search_by_key(&account, |neighbour| neighbour.account) {
                Ok(place) => Some(&mut list[place]),
                Err(_) => None,
            },
            Self::Table(table) => table.find_mut(hash(account), |neighbour| neighbour.account == account),
        }
    }

    /// Adds a counterparty that is not there yet.
    pub fn insert(&mut self, new: Neighbour) {
        match self {
            Self::One(one) => {
                let mut list = Vec::with_capacity(2);
                list.extend([*one, new]);
                list.sort_unstable_by_key(|neighbour| neighbour.account);
                *self = Self::List(list);
            }
            Self::List(list) if list.is_empty() => *self = Self::One(new),
            Self::List(list) if list.len() < LIST_MAX => {
                let place = list.partition_point(|neighbour| neighbour.account < new.account);
                list.insert(place, new);
            }
            Self::List(list) => {
                let mut table = Box::new(HashTable::with_capacity(2 * LIST_MAX));
                for neighbour in list.iter().chain([&new]) {
                    table.insert_unique(hash(neighbour.account), *neighbour, hash_of);
                }
                *self = Self::Table(table);
            }
            Self::Table(table) => {
                table.insert_unique(hash(new.account), new, hash_of);
            }
        }
    }

    pub fn remove(&mut self, account: u32) {
        match self {
            Self::One(one) => {
                if one.account == account {
                    *self = Self::default();
                }
            }
            Self::List(list) => {
                if let Ok(place) = list.binary_search_by_key(&account, |neighbour| neighbour.account) {
                    list.remove(place);
                }
            }
            Self::Table(table) => {
                if let Ok(entry) = table.find_entry(hash(account), |neighbour| neighbour.account == account) {
                    entry.remove();
                }
                if table.len() < TABLE_MIN {
                    let mut list: Vec<Neighbour> = table.drain().collect();
                    list.sort_unstable_by_key(|neighbour| neighbour.account);
                    *self = Self::List(list);
                } else if table.len() * 8 < table.capacity() {
                    table.shrink_to(table.len() * 2, hash_of);
                }
            }
        }
    }

    /// Collects the counterparties that `self` and `other` share: the smaller looks itself up in the larger.
    pub fn shared_with(&self, other: &Self, shared: &mut Vec<u32>) {
        shared.clear();
        if let (Some(mut a), Some(mut b)) = (self.list(), other.list()) {
            while let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b) {
                if x.account == y.account {
                    shared.push(x.account);
                }
                (a, b) =
                    (if x.account <= y.account { a_rest } else { a }, if y.account <= x.account { b_rest } else { b });
            }
            return;
        }
        let (small, large) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        let is_shared = |neighbour: &&Neighbour| large.get(neighbour.account).is_some();
        match small {
            Self::Table(table) => shared.extend(table.iter().filter(is_shared).map(|n| n.account)),
            _ => shared.extend(small.list().unwrap_or(&[]).iter().filter(is_shared).map(|n| n.account)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn of(accounts: impl IntoIterator<Item = u32>) -> Neighbours {
        let mut neighbours = Neighbours::default();
        accounts.into_iter().for_each(|account| neighbours.insert(Neighbour { account, ..Neighbour::default() }));
        neighbours
    }

    #[test]
    fn list_and_table_hold_the_same_set_while_it_grows_and_shrinks() {
        let mut neighbours = Neighbours::default();
        let mut twin = BTreeSet::new();
        let mut state = 1u32;
        let mut seen_table = false;
        for step in 0..4_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Tides: the set swells past the limit and ebbs again.
            let swell = (step / 500) % 2 == 0;
            let account = (state >> 16) % 200;
            if swell && twin.insert(account) {
                neighbours.insert(Neighbour { account, ..Neighbour::default() });
            } else if !swell && twin.remove(&account) {
                neighbours.remove(account);
            }
            seen_table |= matches!(neighbours, Neighbours::Table(_));
            assert_eq!(neighbours.len(), twin.len());
            assert_eq!(neighbours.get(account).is_some(), twin.contains(&account));
        }
        assert!(seen_table && matches!(neighbours, Neighbours::List(_)));
    }

    #[test]
    fn what_two_share_does_not_depend_on_how_they_are_kept() {
        let sets = [of((0..40).map(|i| i * 3)), of((0..100).map(|i| i * 2)), of(0..500), of([]), of([6, 7])];
        for a in &sets {
            for b in &sets {
                let mut shared = Vec::new();
                a.shared_with(b, &mut shared);
                shared.sort_unstable();
                let slow: Vec<u32> = (0..500).filter(|&x| a.get(x).is_some() && b.get(x).is_some()).collect();
                assert_eq!(shared, slow);
            }
        }
    }
}
