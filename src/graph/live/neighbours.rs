//! The counterparties of an account with more than one: a sorted row of a pool while they are few, a hash table once they
//! are many.

use hashbrown::HashTable;

use crate::graph::live::NO_SLOT;
use crate::graph::live::pool::Pool;
use crate::graph::live::pool::PoolRow;
use crate::graph::wide::prefetch;

/// Above this many a row becomes a table.
const ROW_MAX: usize = Pool::<Neighbour>::LONGEST;
/// Below this many a table becomes a row again; well below the other, so that no account flips at every transfer.
const TABLE_MIN: usize = 24;

/// Transfers between an account and a counterparty, each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub sent: u32,
    pub received: u32,
}

/// What is kept of one counterparty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub slot: u32,
    /// Counterparties that both have.
    pub common: u32,
    pub passed: Passed,
}

impl Default for Neighbour {
    fn default() -> Self {
        Self { slot: NO_SLOT, common: 0, passed: Passed::default() }
    }
}

/// Where the counterparties of all accounts are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    rows: Pool<Neighbour>,
    tables: Vec<HashTable<Neighbour>>,
    /// Numbers of tables given back.
    free: Vec<u32>,
}

impl Store {
    fn keep(&mut self, table: HashTable<Neighbour>) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.tables.push(HashTable::new());
            self.tables.len() as u32 - 1
        });
        self.tables[number as usize] = table;
        number
    }

    fn give_back(&mut self, number: u32) -> HashTable<Neighbour> {
        self.free.push(number);
        std::mem::take(&mut self.tables[number as usize])
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Neighbours {
    /// Sorted by slot.
    Row(PoolRow),
    /// The number of their table.
    Table(u32),
}

impl Default for Neighbours {
    fn default() -> Self {
        Self::Row(PoolRow::default())
    }
}

/// Spreads dense slots over 64 bits; one multiplication by an odd constant keeps them apart.
fn hash(slot: u32) -> u64 {
    let spread = u64::from(slot).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ spread >> 32
}

fn hash_of(neighbour: &Neighbour) -> u64 {
    hash(neighbour.slot)
}

fn place_of(row: &[Neighbour], slot: u32) -> Result<usize, usize> {
    row.binary_search_by_key(&slot, |neighbour| neighbour.slot)
}

impl Neighbours {
    pub fn pair(store: &mut Store, [a, b]: [Neighbour; 2]) -> Self {
        Self::Row(store.rows.pair(if a.slot < b.slot { [a, b] } else { [b, a] }))
    }

    /// The counterparty if it is the only one left, of which the memory is given back.
    pub fn release_only(self, store: &mut Store) -> Option<Neighbour> {
        let Self::Row(row) = self else { return None };
        let &[only] = store.rows.get(row) else { return None };
        store.rows.release(row);
        Some(only)
    }

    /// All of them, sorted, unless they are kept in a table.
    #[inline]
    fn sorted(self, store: &Store) -> Option<&[Neighbour]> {
        match self {
            Self::Row(row) => Some(store.rows.get(row)),
            Self::Table(_) => None,
        }
    }

    #[inline]
    pub fn len(self, store: &Store) -> usize {
        match self {
            Self::Row(row) => row.len(),
            Self::Table(number) => store.tables[number as usize].len(),
        }
    }

    /// Asks for the first of them ahead of their use.
    #[inline]
    pub fn prefetch(self, store: &Store) {
        match self {
            Self::Row(row) => store.rows.prefetch(row),
            Self::Table(number) => prefetch(&store.tables[number as usize]),
        }
    }

    #[inline]
    pub fn get(self, store: &Store, slot: u32) -> Option<&Neighbour> {
        match self {
            Self::Row(row) => {
                let row = store.rows.get(row);
                place_of(row, slot).ok().map(|place| &row[place])
            }
            Self::Table(number) => store.tables[number as usize].find(hash(slot), |neighbour| neighbour.slot == slot),
        }
    }

    #[inline]
    pub fn get_mut(self, store: &mut Store, slot: u32) -> Option<&mut Neighbour> {
        match self {
            Self::Row(row) => {
                let row = store.rows.get_mut(row);
                match place_of(row, slot) {
                    Ok(place) => Some(&mut row[place]),
                    Err(_) => None,
                }
            }
            Self::Table(number) => {
                store.tables[number as usize].find_mut(hash(slot), |neighbour| neighbour.slot == slot)
            }
        }
    }

    /// Adds a counterparty that is not there yet.
    pub fn insert(&mut self, store: &mut Store, new: Neighbour) {
        match self {
            Self::Row(row) if row.len() < ROW_MAX => {
                let place = store.rows.get(*row).partition_point(|neighbour| neighbour.slot < new.slot);
                store.rows.insert(row, place, new);
            }
            Self::Row(row) => {
                let mut table = HashTable::with_capacity(2 * ROW_MAX);
                for neighbour in store.rows.get(*row).iter().chain([&new]) {
                    table.insert_unique(hash(neighbour.slot), *neighbour, hash_of);
                }
                store.rows.release(*row);
                *self = Self::Table(store.keep(table));
            }
            Self::Table(number) => {
                store.tables[*number as usize].insert_unique(hash(new.slot), new, hash_of);
            }
        }
    }

    pub fn remove(&mut self, store: &mut Store, slot: u32) {
        match self {
            Self::Row(row) => {
                if let Ok(place) = place_of(store.rows.get(*row), slot) {
                    store.rows.remove(row, place);
                }
            }
            Self::Table(number) => {
                let table = &mut store.tables[*number as usize];
                if let Ok(entry) = table.find_entry(hash(slot), |neighbour| neighbour.slot == slot) {
                    entry.remove();
                }
                if table.len() < TABLE_MIN {
                    let mut left: Vec<Neighbour> = store.give_back(*number).into_iter().collect();
                    left.sort_unstable_by_key(|neighbour| neighbour.slot);
                    *self = Self::Row(store.rows.row(&left));
                } else if table.len() * 8 < table.capacity() {
                    table.shrink_to(table.len() * 2, hash_of);
                }
            }
        }
    }

    /// Collects the counterparties that `self` and `other` share: the smaller looks itself up in the larger.
    pub fn shared_with(self, other: Self, store: &Store, shared: &mut Vec<u32>) {
        shared.clear();
        if let (Some(mut a), Some(mut b)) = (self.sorted(store), other.sorted(store)) {
            while let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b) {
                if x.slot == y.slot {
                    shared.push(x.slot);
                }
                (a, b) = (if x.slot <= y.slot { a_rest } else { a }, if y.slot <= x.slot { b_rest } else { b });
            }
            return;
        }
        let (small, large) = if self.len(store) <= other.len(store) { (self, other) } else { (other, self) };
        let is_shared = |neighbour: &&Neighbour| large.get(store, neighbour.slot).is_some();
        match small {
            Self::Table(number) => {
                shared.extend(store.tables[number as usize].iter().filter(is_shared).map(|n| n.slot));
            }
            _ => shared.extend(small.sorted(store).unwrap_or(&[]).iter().filter(is_shared).map(|n| n.slot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn neighbour(slot: u32) -> Neighbour {
        Neighbour { slot, ..Neighbour::default() }
    }

    fn of(store: &mut Store, slots: impl IntoIterator<Item = u32>) -> Neighbours {
        let mut slots = slots.into_iter();
        let mut neighbours = Neighbours::pair(store, [0, 1].map(|_| neighbour(slots.next().unwrap())));
        slots.for_each(|slot| neighbours.insert(store, neighbour(slot)));
        neighbours
    }

    #[test]
    fn row_and_table_hold_the_same_set_while_it_grows_and_shrinks() {
        let mut store = Store::default();
        let mut neighbours = of(&mut store, [900, 901]);
        let mut twin = BTreeSet::from([900, 901]);
        let mut state = 1u32;
        let mut seen_table = false;
        for step in 0..4_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Tides: the set swells past the limit and ebbs again.
            let swell = (step / 500) % 2 == 0;
            let slot = (state >> 16) % 200;
            if swell && twin.insert(slot) {
                neighbours.insert(&mut store, neighbour(slot));
            } else if !swell && twin.remove(&slot) {
                neighbours.remove(&mut store, slot);
            }
            seen_table |= matches!(neighbours, Neighbours::Table(_));
            assert_eq!(neighbours.len(&store), twin.len());
            assert_eq!(neighbours.get(&store, slot).is_some(), twin.contains(&slot));
        }
        assert!(seen_table && !matches!(neighbours, Neighbours::Table(_)));
    }

    #[test]
    fn what_two_share_does_not_depend_on_how_they_are_kept() {
        let mut store = Store::default();
        let sets = [
            of(&mut store, (0..40).map(|i| i * 3)),
            of(&mut store, (0..100).map(|i| i * 2)),
            of(&mut store, 0..500),
            of(&mut store, [400, 6]),
            of(&mut store, [7, 6]),
        ];
        for a in sets {
            for b in sets {
                let mut shared = Vec::new();
                a.shared_with(b, &store, &mut shared);
                shared.sort_unstable();
                let slow: Vec<u32> =
                    (0..500).filter(|&x| a.get(&store, x).is_some() && b.get(&store, x).is_some()).collect();
                assert_eq!(shared, slow);
            }
        }
    }
}
