//! The only place that knows whether there are threads.
//!
//! Work is cut into chunks whose size does not depend on the thread count, and results come back in chunk order, so
//! that every sum, and therefore every bit, is the same on one thread, on seven, and without the `parallel` feature.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "parallel")]
use rayon::prelude::*;

use crate::error::Result;

fn chunk_range(index: usize, chunk: usize, len: usize) -> Range<usize> {
    index * chunk..((index + 1) * chunk).min(len)
}

/// `f` over `0..len` in ranges of `chunk`; the results in the order of the ranges.
pub(crate) fn map_chunks<T: Send>(len: usize, chunk: usize, f: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
    let chunks = len.div_ceil(chunk);
    let one = |index| f(chunk_range(index, chunk, len));
    #[cfg(feature = "parallel")]
    if chunks > 1 {
        return (0..chunks).into_par_iter().map(one).collect();
    }
    (0..chunks).map(one).collect()
}

/// As [`map_chunks`], but stops early on an error and returns one of the errors met.
pub(crate) fn try_map_chunks<T: Send>(
    len: usize,
    chunk: usize,
    f: impl Fn(Range<usize>) -> Result<T> + Sync + Send,
) -> Result<Vec<T>> {
    let chunks = len.div_ceil(chunk);
    let one = |index| f(chunk_range(index, chunk, len));
    #[cfg(feature = "parallel")]
    return (0..chunks).into_par_iter().map(one).collect();
    #[cfg(not(feature = "parallel"))]
    return (0..chunks).map(one).collect();
}

/// `f(first_index, chunk)` over disjoint chunks of `items`.
pub(crate) fn for_each_chunk_mut<T: Send>(items: &mut [T], chunk: usize, f: impl Fn(usize, &mut [T]) + Sync + Send) {
    #[cfg(feature = "parallel")]
    items.par_chunks_mut(chunk).enumerate().for_each(|(index, part)| f(index * chunk, part));
    #[cfg(not(feature = "parallel"))]
    items.chunks_mut(chunk).enumerate().for_each(|(index, part)| f(index * chunk, part));
}

/// `len` times `value`: large memory is touched for the first time by all threads.
pub(crate) fn filled<T: Clone + Send + Sync>(len: usize, value: T) -> Vec<T> {
    #[cfg(feature = "parallel")]
    return rayon::iter::repeat_n(value, len).collect();
    #[cfg(not(feature = "parallel"))]
    return vec![value; len];
}

/// Sorts; equal items must be alike in everything, since their order is open.
pub(crate) fn sort_unstable<T: Ord + Send>(items: &mut [T]) {
    #[cfg(feature = "parallel")]
    items.par_sort_unstable();
    #[cfg(not(feature = "parallel"))]
    items.sort_unstable();
}

/// Both closures, side by side where there are threads.
pub(crate) fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    #[cfg(feature = "parallel")]
    return rayon::join(a, b);
    #[cfg(not(feature = "parallel"))]
    return (a(), b());
}

/// What threads work with, one item each at a time: taken from the spare ones or made afresh, and all there in the end.
pub(crate) struct Workspaces<T> {
    spare: Mutex<Vec<T>>,
    /// Items that take no more.
    full: Mutex<Vec<T>>,
}

impl<T> Workspaces<T> {
    pub(crate) fn new() -> Self {
        Self { spare: Mutex::new(Vec::new()), full: Mutex::new(Vec::new()) }
    }

    /// Lends an item to `work`.
    pub(crate) fn with<R>(&self, fresh: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        self.with_until(|_| false, fresh, work)
    }

    /// The same; one that is `full` afterwards is not lent again.
    pub(crate) fn with_until<R>(
        &self,
        full: impl FnOnce(&T) -> bool,
        fresh: impl FnOnce() -> T,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        let last = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut item = last.unwrap_or_else(fresh);
        let result = work(&mut item);
        let items = if full(&item) { &self.full } else { &self.spare };
        items.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        result
    }

    /// All items.
    pub(crate) fn into_items(self) -> Vec<T> {
        let mut items = self.spare.into_inner().unwrap_or_else(PoisonError::into_inner);
        items.append(&mut self.full.into_inner().unwrap_or_else(PoisonError::into_inner));
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_back_in_order_and_cover_everything_once() {
        for len in [0, 1, 7, 8, 9, 1000] {
            let seen: Vec<usize> = map_chunks(len, 8, <Range<usize>>::collect::<Vec<_>>).concat();
            assert_eq!(seen, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn workspaces_are_lent_until_they_are_full_and_none_is_lost() {
        let spaces = Workspaces::new();
        map_chunks(1000, 1, |range| {
            spaces.with_until(|space: &Vec<usize>| space.len() == 10, Vec::new, |space| space.extend(range));
        });
        let items = spaces.into_items();
        assert!(items.iter().all(|space| space.len() <= 10) && items.len() >= 100);
        let mut all = items.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn mutable_chunks_know_where_they_start() {
        let mut items = vec![0; 20];
        for_each_chunk_mut(&mut items, 6, |first, part| {
            part.iter_mut().enumerate().for_each(|(i, item)| *item = first + i);
        });
        assert_eq!(items, (0..20).collect::<Vec<_>>());
    }
}
