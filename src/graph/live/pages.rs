//! From sparse numbers to slots: a table in pages that come into being where they are written.

/// Numbers on a page.
const PAGE: usize = 1 << 12;
const EMPTY: u32 = u32::MAX;

/// Slots of `u32` keys. Two reads a lookup; a key costs at most one page of 16 KiB, however large it is, so that no single
/// number can ask for gigabytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages {
    pages: Vec<Option<Box<[u32]>>>,
}

impl Pages {
    /// The slot of `key`, if it has one.
    pub(crate) fn get(&self, key: u32) -> Option<usize> {
        let page = self.pages.get(key as usize / PAGE)?.as_ref()?;
        let slot = page[key as usize % PAGE];
        (slot != EMPTY).then_some(slot as usize)
    }

    /// Gives `key` the slot `slot`, below 2³² − 1, or takes it away.
    pub(crate) fn set(&mut self, key: u32, slot: Option<usize>) {
        let number = key as usize / PAGE;
        if number >= self.pages.len() {
            self.pages.resize(number + 1, None);
        }
        let page = self.pages[number].get_or_insert_with(|| vec![EMPTY; PAGE].into_boxed_slice());
        page[key as usize % PAGE] = slot.map_or(EMPTY, |slot| slot as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_slot_it_was_given_last() {
        let mut pages = Pages::default();
        assert_eq!(pages.get(0), None);
        for key in [0, 1, 4_095, 4_096, 3_000_000, u32::MAX - 1] {
            pages.set(key, Some(key as usize % 97));
            assert_eq!(pages.get(key), Some(key as usize % 97));
        }
        pages.set(4_096, None);
        assert_eq!((pages.get(4_096), pages.get(4_095)), (None, Some(4_095 % 97)));
        assert!(pages.pages.iter().flatten().count() <= 5);
    }
}
