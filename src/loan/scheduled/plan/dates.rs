//! Due dates and days between them.

use crate::calendar::{Date, epoch_day};
use crate::error::Result;
use crate::loan::Every;

pub(in super::super) fn days(from: Date, to: Date) -> i64 {
    i64::from(epoch_day(to)) - i64::from(epoch_day(from))
}

/// Due dates from `start`: `count` of them, the last on the day the fixed length says.
pub(in super::super) fn due_dates(
    start: Date,
    every: Every,
    count: u32,
    fixed_length_days: Option<u32>,
) -> Result<Vec<Date>> {
    let mut dates: Vec<Date> = (1..=count).map(|nth| every.after(start, nth)).collect::<Result<_>>()?;
    if let (Some(length), Some(last)) = (fixed_length_days, dates.last_mut()) {
        *last = Every::Days(length).after(start, 1)?;
    }
    Ok(dates)
}
