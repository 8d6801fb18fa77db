//! From sparse numbers to slots: a table in pages that come into being where they are written.

use crate::graph::live::NO_SLOT;
use crate::graph::wide::prefetch;

/// Numbers on a page.
const PAGE: usize = 1 << 12;

/// Slots of `u32` keys. Two reads a lookup; a key costs at most one page of 16 KiB, however large it is, so that no single
/// number can ask for gigabytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    pages: Vec<Option<Box<[u32; PAGE]>>>,
}

impl Pages {
    /// The slot of `key`, or [`NO_SLOT`].
    #[inline]
    pub(super) fn get(&self, key: u32) -> u32 {
        match self.pages.get(key as usize / PAGE) {
            Some(Some(page)) => page[key as usize % PAGE],
            _ => NO_SLOT,
        }
    }

    /// Asks for the slot of `key` ahead of its use.
    #[inline]
    pub(super) fn prefetch(&self, key: u32) {
        if let Some(Some(page)) = self.pages.get(key as usize / PAGE) {
            prefetch(&page[key as usize % PAGE]);
        }
    }

    /// Gives `key` the slot `slot`; [`NO_SLOT`] takes it away.
    pub(super) fn set(&mut self, key: u32, slot: u32) {
        let number = key as usize / PAGE;
        if number >= self.pages.len() {
            self.pages.resize(number + 1, None);
        }
        self.pages[number].get_or_insert_with(|| Box::new([NO_SLOT; PAGE]))[key as usize % PAGE] = slot;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_slot_it_was_given_last() {
        let mut pages = Pages::default();
        assert_eq!(pages.get(0), NO_SLOT);
        for key in [0, 1, 4_095, 4_096, 3_000_000, u32::MAX - 1] {
            pages.set(key, key % 97);
            assert_eq!(pages.get(key), key % 97);
        }
        pages.set(4_096, NO_SLOT);
        assert_eq!((pages.get(4_096), pages.get(4_095)), (NO_SLOT, 4_095 % 97));
        assert!(pages.pages.iter().flatten().count() <= 5);
    }
}
