//! A queue of transfers in order of time, in blocks that never move.

use std::collections::VecDeque;

use crate::transfer::Transfer;

/// Transfers of a block.
const BLOCK: usize = 1 << 13;

/// To grow costs no copy of what is there; a block that the front has left is used again at the back.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// None of them empty.
    blocks: VecDeque<Vec<Transfer>>,
    /// How many of the first block are gone, never all.
    gone: usize,
    spare: Option<Vec<Transfer>>,
}

impl Queue {
    #[inline]
    pub(super) fn front(&self) -> Option<&Transfer> {
        self.blocks.front()?.get(self.gone)
    }

    #[inline]
    pub(super) fn back(&self) -> Option<&Transfer> {
        self.blocks.back()?.last()
    }

    #[inline]
    pub(super) fn push(&mut self, transfer: Transfer) {
        match self.blocks.back_mut() {
            Some(last) if last.len() < BLOCK => last.push(transfer),
            _ => self.push_block(transfer),
        }
    }

    fn push_block(&mut self, transfer: Transfer) {
        // The first block grows as vectors do, since many windows stay small.
        let is_first = self.blocks.is_empty();
        let anew = || if is_first { Vec::new() } else { Vec::with_capacity(BLOCK) };
        let mut block = self.spare.take().unwrap_or_else(anew);
        block.push(transfer);
        self.blocks.push_back(block);
    }

    pub(super) fn pop(&mut self) -> Option<Transfer> {
        let first = self.blocks.front()?;
        let transfer = *first.get(self.gone)?;
        self.gone += 1;
        if self.gone == first.len() {
            self.spare = self.blocks.pop_front();
            self.spare.iter_mut().for_each(Vec::clear);
            self.gone = 0;
        }
        Some(transfer)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Transfer> {
        self.blocks.iter().flatten().skip(self.gone)
    }

    /// Those at a second.
    pub(super) fn at(&self, at_seconds: i64) -> impl Iterator<Item = &Transfer> {
        let is_before = |transfer: &Transfer| transfer.at_seconds < at_seconds;
        let block = self.blocks.partition_point(|block| block.last().is_some_and(is_before));
        let place = self.blocks.get(block).map_or(0, |block| block.partition_point(is_before));
        let gone = if block == 0 { self.gone } else { 0 };
        let later = self.blocks.range(block..).flatten().skip(place.max(gone));
        later.take_while(move |transfer| transfer.at_seconds == at_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountIndex;

    #[test]
    fn a_queue_in_blocks_is_a_queue() {
        let (mut queue, mut twin) = (Queue::default(), VecDeque::new());
        let [payer, payee] = [0, 1].map(AccountIndex::new);
        for step in 0..6 * BLOCK as i64 {
            let transfer = Transfer { payer, payee, amount_minor: step, at_seconds: step / 5 };
            queue.push(transfer);
            twin.push_back(transfer);
            // A tide: three blocks come, two go.
            for _ in 0..if step as usize / BLOCK % 2 == 1 { 2 } else { 0 } {
                assert_eq!(queue.pop(), twin.pop_front());
            }
            assert_eq!((queue.front(), queue.back()), (twin.front(), twin.back()));
            if step % 1_009 == 0 {
                assert!(queue.iter().eq(&twin));
                for at in [step / 5, step / 10, step / 7, 0] {
                    assert!(queue.at(at).eq(twin.iter().filter(|transfer| transfer.at_seconds == at)));
                }
            }
        }
        while let Some(transfer) = queue.pop() {
            assert_eq!(Some(transfer), twin.pop_front());
        }
        assert!(twin.is_empty() && queue.front().is_none() && queue.back().is_none());
    }
}
