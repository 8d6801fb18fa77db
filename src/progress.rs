//! How a long job tells its caller how far it is, and how the caller stops it.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// How far a long job is: `done` of `total` units of its present stage.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::Mutex;
/// use dandelion_credit::{Progress, Update};
///
/// let line = Mutex::new(String::new());
/// let show = |Update { stage, done, total }| {
///     *line.lock().unwrap() = format!("{stage}: {} %", 100 * done / total.max(1));
///     ControlFlow::Continue(())
/// };
/// Progress::new(&show).step("counting triangles", 30, 120)?;
/// assert_eq!(line.into_inner().unwrap(), "counting triangles: 25 %");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// What is being done, as a verb phrase a progress bar can show: `"counting triangles"`.
    pub stage: &'static str,
    /// Units finished, `0..=total`.
    pub done: u64,
    /// Units in this stage; what a unit is depends on the stage (transfers, accounts, rows).
    pub total: u64,
}

/// A handle that long jobs take: silent by default, or a callback that may stop the job.
///
/// The callback is called from whichever thread does the work, every few milliseconds rather than on every item, and
/// never affects the result. When it returns [`ControlFlow::Break`] the job ends soon after with an error for which
/// [`Error::is_cancelled`] holds; nothing the caller passed in has changed.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use dandelion_credit::{Progress, Update};
///
/// let seen = AtomicU64::new(0);
/// let callback = |update: Update| {
///     seen.store(update.done, Ordering::Relaxed);
///     if update.done < 50 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// };
/// let progress = Progress::new(&callback);
/// assert!(progress.step("reading transfers", 10, 100).is_ok());
/// assert!(progress.step("reading transfers", 60, 100).unwrap_err().is_cancelled());
/// assert_eq!(seen.into_inner(), 60);
/// assert!(Progress::silent().step("anything", 1, 1).is_ok());
/// ```
#[derive(Clone, Copy, Default)]
pub struct Progress<'a> {
    callback: Option<&'a (dyn Fn(Update) -> ControlFlow<()> + Sync)>,
}

impl<'a> Progress<'a> {
    /// Reports to `callback`, which stops the job by returning [`ControlFlow::Break`].
    #[must_use]
    pub fn new(callback: &'a (dyn Fn(Update) -> ControlFlow<()> + Sync)) -> Self {
        Self { callback: Some(callback) }
    }

    /// Reports to nobody and is never stopped.
    #[must_use]
    pub const fn silent() -> Self {
        Self { callback: None }
    }

    /// Reports that `done` of `total` units of `stage` are finished.
    ///
    /// # Errors
    /// [`Error::is_cancelled`] when the callback asks to stop.
    pub fn step(self, stage: &'static str, done: u64, total: u64) -> Result<()> {
        match self.callback {
            Some(callback) if callback(Update { stage, done, total }).is_break() => Err(Error::cancelled(stage)),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.callback.is_some() { "Progress(callback)" } else { "Progress(silent)" })
    }
}
