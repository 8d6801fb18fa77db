//! What a stage of work on many threads shares: columns cut into runs, and how far it is.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::parallel::{Workspaces, map_chunks};
use crate::progress::Progress;

/// Work over `0..len` in runs of `run`, each with a space of one thread at a time; all spaces in the end.
pub(super) fn in_runs<T: Send>(
    stage: &'static str,
    len: usize,
    run: usize,
    progress: Progress<'_>,
    fresh: impl Fn() -> T + Sync + Send,
    work: impl Fn(Range<usize>, &mut T) + Sync + Send,
) -> Result<Vec<T>> {
    let steps = Steps::new(stage, len.div_ceil(run), progress);
    let spaces = Workspaces::new();
    map_chunks(len, run, |range| {
        if !steps.stopped() {
            spaces.with(&fresh, |space| work(range, space));
            steps.step();
        }
    });
    steps.end()?;
    Ok(spaces.into_items())
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
