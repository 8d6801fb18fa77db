//! Short rows that grow and shrink, packed in blocks of doubling size.

use crate::graph::live::blocks::Blocks;
use crate::graph::wide::prefetch;

/// Items of the smallest block; the others double.
const SMALLEST: usize = 2;
/// Sizes of block: 2, 4, 8, 16, 32, 64.
const SIZES: usize = 6;

/// Where a row lies in its pool; its owner keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PoolRow {
    block: u32,
    len: u16,
    /// Which size of block.
    size: u16,
}

impl PoolRow {
    pub(crate) fn len(self) -> usize {
        usize::from(self.len)
    }
}

/// Places for rows of one size, one after the other, and those that were given back.
#[derive(Debug, Clone)]
struct Places<T> {
    items: Blocks<T>,
    free: Vec<u32>,
}

/// Rows of 1 to [`LONGEST`](Self::LONGEST) items. A row costs no allocation and no header, rows that came one after the
/// other lie side by side, and a block that was given back is used again, so that memory follows the most there ever was.
#[derive(Debug, Clone)]
pub(crate) struct Pool<T> {
    sizes: [Places<T>; SIZES],
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { sizes: std::array::from_fn(|_| Places { items: Blocks::default(), free: Vec::new() }) }
    }
}

fn room(size: u16) -> usize {
    SMALLEST << size
}

impl<T: Copy + Default> Pool<T> {
    /// Items of the largest block.
    pub(crate) const LONGEST: usize = SMALLEST << (SIZES - 1);

    #[inline]
    pub(crate) fn get(&self, row: PoolRow) -> &[T] {
        self.sizes[usize::from(row.size)].items.row(row.block as usize * room(row.size), row.len())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, row: PoolRow) -> &mut [T] {
        self.sizes[usize::from(row.size)].items.row_mut(row.block as usize * room(row.size), row.len())
    }

    /// Asks for the first items of a row ahead of their use.
    #[inline]
    pub(crate) fn prefetch(&self, row: PoolRow) {
        prefetch(&self.sizes[usize::from(row.size)].items[row.block as usize * room(row.size)]);
    }

    /// A new row of two items.
    pub(crate) fn pair(&mut self, items: [T; 2]) -> PoolRow {
        self.row(&items)
    }

    /// A new row of at most [`LONGEST`](Self::LONGEST) items.
    pub(crate) fn row(&mut self, items: &[T]) -> PoolRow {
        let size = items.len().div_ceil(SMALLEST).next_power_of_two().trailing_zeros() as u16;
        let mut row = self.take(size);
        row.len = items.len() as u16;
        self.get_mut(row).copy_from_slice(items);
        row
    }

    fn take(&mut self, size: u16) -> PoolRow {
        let blocks = &mut self.sizes[usize::from(size)];
        let block = blocks.free.pop().unwrap_or_else(|| {
            let blocks_before = blocks.items.len() / room(size);
            blocks.items.grow_to(blocks.items.len() + room(size));
            u32::try_from(blocks_before).expect("fewer blocks than accounts, which 32 bits number")
        });
        PoolRow { block, len: 0, size }
    }

    /// Gives a row back.
    pub(crate) fn release(&mut self, row: PoolRow) {
        self.sizes[usize::from(row.size)].free.push(row.block);
    }

    /// Puts `item` at `place` of a row shorter than [`LONGEST`](Self::LONGEST).
    pub(crate) fn insert(&mut self, row: &mut PoolRow, place: usize, item: T) {
        let len = row.len();
        if len == room(row.size) {
            self.change_size(row, row.size + 1);
        }
        row.len += 1;
        let items = self.get_mut(*row);
        items.copy_within(place..len, place + 1);
        items[place] = item;
    }

    /// Takes out the item at `place`; a block of which three quarters stand empty is changed for a smaller one.
    pub(crate) fn remove(&mut self, row: &mut PoolRow, place: usize) {
        self.get_mut(*row).copy_within(place + 1.., place);
        row.len -= 1;
        if row.size > 0 && row.len() * 4 <= room(row.size) {
            self.change_size(row, row.size - 1);
        }
    }

    fn change_size(&mut self, row: &mut PoolRow, size: u16) {
        let mut new = self.take(size);
        new.len = row.len;
        let (from, to) = (row.block as usize * room(row.size), new.block as usize * room(size));
        let (small, large) = self.sizes.split_at_mut(usize::from(row.size.max(size)));
        let (small, large) = (&mut small[small.len() - 1].items, &mut large[0].items);
        let (old, moved) = if size > row.size { (&*small, large) } else { (&*large, small) };
        moved.row_mut(to, row.len()).copy_from_slice(old.row(from, row.len()));
        self.release(*row);
        *row = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_vectors_they_stand_for() {
        let mut pool: Pool<u32> = Pool::default();
        let mut rows: Vec<(PoolRow, Vec<u32>)> = Vec::new();
        let mut state = 1u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for step in 0..20_000u32 {
            match next(20) {
                0 => rows.push((pool.pair([step, step + 1]), vec![step, step + 1])),
                1 if !rows.is_empty() => pool.release(rows.swap_remove(next(rows.len())).0),
                // Tides, so that rows outgrow their blocks and fall back again.
                what if !rows.is_empty() => {
                    let grows = what < if step % 8_000 < 4_000 { 14 } else { 6 };
                    let number = next(rows.len());
                    let (row, twin) = &mut rows[number];
                    if grows && twin.len() < Pool::<u32>::LONGEST {
                        let place = next(twin.len() + 1);
                        pool.insert(row, place, step);
                        twin.insert(place, step);
                    } else if !grows && twin.len() > 1 {
                        let place = next(twin.len());
                        pool.remove(row, place);
                        twin.remove(place);
                    }
                }
                _ => {}
            }
        }
        assert!(rows.iter().any(|(row, _)| row.len() > 16));
        for (row, twin) in &rows {
            assert_eq!(pool.get(*row), &twin[..]);
        }
    }
}
