//! An array that grows in blocks and never moves what it holds.

/// Bytes of a block, about.
const BYTES: usize = 1 << 18;
/// Items are made that many at a time.
const RUN: usize = 32;

/// Items that stand in blocks of a fixed size: to grow costs no copy of what is there, so that memory is touched once and no
/// single transfer pays for all before it. Only the first block grows as vectors do, since many arrays stay small.
#[derive(Debug, Clone)]
pub(crate) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<T: Default> Blocks<T> {
    /// Items of a block, a power of two.
    const ITEMS: usize = BYTES / size_of::<T>().next_power_of_two();

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The item at a place; beyond the end there may be a default one.
    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.blocks.get(place / Self::ITEMS)?.get(place % Self::ITEMS)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.blocks.get_mut(place / Self::ITEMS)?.get_mut(place % Self::ITEMS)
    }

    /// `len` items from `start` on, all in one block.
    #[inline]
    pub(crate) fn row(&self, start: usize, len: usize) -> &[T] {
        &self.blocks[start / Self::ITEMS][start % Self::ITEMS..][..len]
    }

    /// As [`row`](Self::row).
    #[inline]
    pub(crate) fn row_mut(&mut self, start: usize, len: usize) -> &mut [T] {
        &mut self.blocks[start / Self::ITEMS][start % Self::ITEMS..][..len]
    }

    /// Adds default items until there are `len`.
    #[inline]
    pub(crate) fn grow_to(&mut self, len: usize) {
        while self.len < len {
            self.grow(len);
        }
    }

    /// Adds default items to the last block as far as it and `len` go.
    fn grow(&mut self, len: usize) {
        if self.len == self.blocks.len() * Self::ITEMS {
            self.blocks.push(if self.len == 0 { Vec::new() } else { Vec::with_capacity(Self::ITEMS) });
        }
        let last = self.blocks.len() - 1;
        let items = (len - last * Self::ITEMS).min(Self::ITEMS);
        let block = &mut self.blocks[last];
        if items > block.len() {
            block.resize_with(items.next_multiple_of(RUN), T::default);
        }
        self.len = last * Self::ITEMS + items;
    }
}

impl<T: Default> std::ops::Index<usize> for Blocks<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: usize) -> &T {
        &self.blocks[place / Self::ITEMS][place % Self::ITEMS]
    }
}

impl<T: Default> std::ops::IndexMut<usize> for Blocks<T> {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.blocks[place / Self::ITEMS][place % Self::ITEMS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_what_a_vector_holds() {
        let (mut blocks, mut twin) = (Blocks::<u64>::default(), Vec::new());
        for step in [1, 1, 5, 1_000, Blocks::<u64>::ITEMS, 1, 3 * Blocks::<u64>::ITEMS, 7] {
            twin.resize(twin.len() + step, 0);
            blocks.grow_to(twin.len());
            for place in [0, twin.len() / 2, twin.len() - 1] {
                twin[place] += place as u64;
                blocks[place] += place as u64;
            }
            assert!(blocks.len() == twin.len() && (0..twin.len()).all(|place| blocks[place] == twin[place]));
            assert!(blocks.get(twin.len()).is_none_or(|&item| item == 0));
        }
    }
}
