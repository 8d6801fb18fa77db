//! What a stage of work on many threads shares: the threads' workspaces, and how far it is.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::progress::Progress;

/// What threads work with, one item each at a time: taken from the spare ones or made afresh, and all there in the end.
pub(super) struct Pool<T> {
    spare: Mutex<Vec<T>>,
    /// Items that take no more.
    full: Mutex<Vec<T>>,
}

impl<T> Pool<T> {
    pub fn new() -> Self {
        Self { spare: Mutex::new(Vec::new()), full: Mutex::new(Vec::new()) }
    }

    /// Lends an item to `work`; one that is `full` afterwards is not lent again.
    pub fn with<R>(
        &self,
        fresh: impl FnOnce() -> T,
        full: impl FnOnce(&T) -> bool,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        let last = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut item = last.unwrap_or_else(fresh);
        let result = work(&mut item);
        let pool = if full(&item) { &self.full } else { &self.spare };
        pool.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        result
    }

    /// All items.
    pub fn into_items(self) -> Vec<T> {
        let mut items = self.spare.into_inner().unwrap_or_else(PoisonError::into_inner);
        items.append(&mut self.full.into_inner().unwrap_or_else(PoisonError::into_inner));
        items
    }
}

/// A column cut into runs of `width`, and empty ones behind: a column that was not asked for has none but these.
pub(super) fn runs<T>(column: &mut [T], width: usize) -> impl Iterator<Item = &mut [T]> {
    column.chunks_mut(width).chain(std::iter::repeat_with(Default::default))
}

/// Sets an entry of a column, unless that was not asked for.
#[inline]
pub(super) fn put<T>(column: &mut [T], at: usize, value: T) {
    if let Some(slot) = column.get_mut(at) {
        *slot = value;
    }
}

/// A stage of many steps on many threads, which the caller may stop.
pub(super) struct Steps<'a> {
    stage: &'static str,
    total: usize,
    done: AtomicUsize,
    stop: AtomicBool,
    progress: Progress<'a>,
}

impl<'a> Steps<'a> {
    pub fn new(stage: &'static str, total: usize, progress: Progress<'a>) -> Self {
        Self { stage, total, done: AtomicUsize::new(0), stop: AtomicBool::new(false), progress }
    }

    /// Whether the caller asked to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// One more step is done.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let step = self.progress.step(self.stage, done as u64, self.total as u64);
        self.stop.fetch_or(step.is_err(), Ordering::Relaxed);
    }

    /// The end of the stage, which is an error where it was stopped.
    pub fn end(&self) -> Result<()> {
        if self.stopped() { Err(Error::cancelled(self.stage)) } else { Ok(()) }
    }
}
