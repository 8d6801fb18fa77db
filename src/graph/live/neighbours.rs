//! The counterparties of one account: itself while there is one, a sorted row of a pool while they are few, a hash table
//! once they are many.

use hashbrown::HashTable;

use crate::graph::live::NO_SLOT;
use crate::graph::live::pool::Pool;
use crate::graph::live::pool::PoolRow;
use crate::graph::wide::prefetch;

/// Above this many a row becomes a table.
const ROW_MAX: usize = Pool::<Neighbour>::LONGEST;
/// Below this many a table becomes a row again; well below the other, so that no account flips at every transfer.
const TABLE_MIN: usize = 24;

/// What is kept of one counterparty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub slot: u32,
    /// Counterparties that both have.
    pub common: u32,
    /// Transfers to it.
    pub sent: u32,
    /// Transfers from it.
    pub received: u32,
}

impl Default for Neighbour {
    fn default() -> Self {
        Self { slot: NO_SLOT, common: 0, sent: 0, received: 0 }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) enum Neighbours {
    #[default]
    None,
    /// The only one, which is what most accounts have.
    One(Neighbour),
    /// Two or more at first, one or more later, sorted by slot.
    Row(PoolRow),
    Table(Box<HashTable<Neighbour>>),
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
    /// All of them, sorted, unless they are kept in a table.
    #[inline]
    fn sorted<'a>(&'a self, pool: &'a Pool<Neighbour>) -> Option<&'a [Neighbour]> {
        match self {
            Self::None => Some(&[]),
            Self::One(one) => Some(std::slice::from_ref(one)),
            Self::Row(row) => Some(pool.get(*row)),
            Self::Table(_) => None,
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Row(row) => row.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Asks for the first of them ahead of their use.
    #[inline]
    pub fn prefetch(&self, pool: &Pool<Neighbour>) {
        match self {
            Self::None | Self::One(_) => {}
            Self::Row(row) => pool.prefetch(*row),
            Self::Table(table) => prefetch(&**table),
        }
    }

    #[inline]
    pub fn get<'a>(&'a self, pool: &'a Pool<Neighbour>, slot: u32) -> Option<&'a Neighbour> {
        match self {
            Self::None => None,
            Self::One(one) => (one.slot == slot).then_some(one),
            Self::Row(row) => {
                let row = pool.get(*row);
                place_of(row, slot).ok().map(|place| &row[place])
            }
            Self::Table(table) => table.find(hash(slot), |neighbour| neighbour.slot == slot),
        }
    }

    #[inline]
    pub fn get_mut<'a>(&'a mut self, pool: &'a mut Pool<Neighbour>, slot: u32) -> Option<&'a mut Neighbour> {
        match self {
            Self::None => None,
            Self::One(one) => (one.slot == slot).then_some(one),
            Self::Row(row) => {
                let row = pool.get_mut(*row);
                match place_of(row, slot) {
                    Ok(place) => Some(&mut row[place]),
                    Err(_) => None,
                }
            }
            Self::Table(table) => table.find_mut(hash(slot), |neighbour| neighbour.slot == slot),
        }
    }

    /// Adds a counterparty that is not there yet.
    pub fn insert(&mut self, pool: &mut Pool<Neighbour>, new: Neighbour) {
        match self {
            Self::None => *self = Self::One(new),
            Self::One(one) => {
                let pair = if one.slot < new.slot { [*one, new] } else { [new, *one] };
                *self = Self::Row(pool.pair(pair));
            }
            Self::Row(row) if row.len() < ROW_MAX => {
                let place = pool.get(*row).partition_point(|neighbour| neighbour.slot < new.slot);
                pool.insert(row, place, new);
            }
            Self::Row(row) => {
                let mut table = Box::new(HashTable::with_capacity(2 * ROW_MAX));
                for neighbour in pool.get(*row).iter().chain([&new]) {
                    table.insert_unique(hash(neighbour.slot), *neighbour, hash_of);
                }
                pool.release(*row);
                *self = Self::Table(table);
            }
            Self::Table(table) => {
                table.insert_unique(hash(new.slot), new, hash_of);
            }
        }
    }

    pub fn remove(&mut self, pool: &mut Pool<Neighbour>, slot: u32) {
        match self {
            Self::None => {}
            Self::One(one) => {
                if one.slot == slot {
                    *self = Self::None;
                }
            }
            Self::Row(row) => {
                if let Ok(place) = place_of(pool.get(*row), slot) {
                    pool.remove(row, place);
                }
                if let [one] = pool.get(*row) {
                    let one = *one;
                    pool.release(*row);
                    *self = Self::One(one);
                }
            }
            Self::Table(table) => {
                if let Ok(entry) = table.find_entry(hash(slot), |neighbour| neighbour.slot == slot) {
                    entry.remove();
                }
                if table.len() < TABLE_MIN {
                    let mut left: Vec<Neighbour> = table.drain().collect();
                    left.sort_unstable_by_key(|neighbour| neighbour.slot);
                    *self = Self::None;
                    left.into_iter().for_each(|neighbour| self.insert(pool, neighbour));
                } else if table.len() * 8 < table.capacity() {
                    table.shrink_to(table.len() * 2, hash_of);
                }
            }
        }
    }

    /// Collects the counterparties that `self` and `other` share: the smaller looks itself up in the larger.
    pub fn shared_with(&self, other: &Self, pool: &Pool<Neighbour>, shared: &mut Vec<u32>) {
        shared.clear();
        if let (Some(mut a), Some(mut b)) = (self.sorted(pool), other.sorted(pool)) {
            while let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b) {
                if x.slot == y.slot {
                    shared.push(x.slot);
                }
                (a, b) = (if x.slot <= y.slot { a_rest } else { a }, if y.slot <= x.slot { b_rest } else { b });
            }
            return;
        }
        let (small, large) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        let is_shared = |neighbour: &&Neighbour| large.get(pool, neighbour.slot).is_some();
        match small {
            Self::Table(table) => shared.extend(table.iter().filter(is_shared).map(|n| n.slot)),
            _ => shared.extend(small.sorted(pool).unwrap_or(&[]).iter().filter(is_shared).map(|n| n.slot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn of(pool: &mut Pool<Neighbour>, slots: impl IntoIterator<Item = u32>) -> Neighbours {
        let mut neighbours = Neighbours::default();
        slots.into_iter().for_each(|slot| neighbours.insert(pool, Neighbour { slot, ..Neighbour::default() }));
        neighbours
    }

    #[test]
    fn row_and_table_hold_the_same_set_while_it_grows_and_shrinks() {
        let mut pool = Pool::default();
        let mut neighbours = Neighbours::default();
        let mut twin = BTreeSet::new();
        let mut state = 1u32;
        let mut seen_table = false;
        for step in 0..4_000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Tides: the set swells past the limit and ebbs again.
            let swell = (step / 500) % 2 == 0;
            let slot = (state >> 16) % 200;
            if swell && twin.insert(slot) {
                neighbours.insert(&mut pool, Neighbour { slot, ..Neighbour::default() });
            } else if !swell && twin.remove(&slot) {
                neighbours.remove(&mut pool, slot);
            }
            seen_table |= matches!(neighbours, Neighbours::Table(_));
            assert_eq!(neighbours.len(), twin.len());
            assert_eq!(neighbours.get(&pool, slot).is_some(), twin.contains(&slot));
        }
        assert!(seen_table && !matches!(neighbours, Neighbours::Table(_)));
    }

    #[test]
    fn what_two_share_does_not_depend_on_how_they_are_kept() {
        let mut pool = Pool::default();
        let sets = [
            of(&mut pool, (0..40).map(|i| i * 3)),
            of(&mut pool, (0..100).map(|i| i * 2)),
            of(&mut pool, 0..500),
            of(&mut pool, []),
            of(&mut pool, [6]),
            of(&mut pool, [7, 6]),
        ];
        for a in &sets {
            for b in &sets {
                let mut shared = Vec::new();
                a.shared_with(b, &pool, &mut shared);
                shared.sort_unstable();
                let slow: Vec<u32> =
                    (0..500).filter(|&x| a.get(&pool, x).is_some() && b.get(&pool, x).is_some()).collect();
                assert_eq!(shared, slow);
            }
        }
    }
}
