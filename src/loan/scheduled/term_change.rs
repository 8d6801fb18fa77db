//! Changes of the terms on the way: rates, due dates, more instalments, pauses of interest.

use serde::{Deserialize, Serialize};

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::Period;
use super::replay::Replay;
use super::state::ScheduledLoan;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Every;

/// A change of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermChange {
    /// A new rate from a day.
    Rate {
        /// The day.
        from: Date,
        /// The rate a year, as a fraction.
        annual_rate: rust_decimal::Decimal,
    },
    /// More instalments at the end, levels anew from a day.
    MoreInstalments {
        /// The day.
        from: Date,
        /// How many.
        count: u32,
    },
    /// The instalment due on one day falls due on another; later ones follow at their distance.
    MoveDueDate {
        /// The due date.
        from: Date,
        /// The new due date.
        to: Date,
    },
    /// No interest between two days, both included.
    PauseInterest {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
}

impl TermChange {
    pub(super) const fn on(&self) -> Date {
        match *self {
            Self::Rate { from, .. }
            | Self::MoreInstalments { from, .. }
            | Self::MoveDueDate { from, .. }
            | Self::PauseInterest { from, .. } => from,
        }
    }
}

impl ScheduledLoan {
    /// The terms change.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a change that leaves no schedule.
    pub fn change_terms(&mut self, change: TermChange) -> Result<()> {
        self.change(|loan| {
            loan.changes.push(change);
            Ok(())
        })
    }
}

impl Replay<'_> {
    pub(super) fn term_change(&mut self, change: TermChange) -> Result<()> {
        let product = &self.loan.product;
        match change {
            TermChange::Rate { from, annual_rate } => {
                let day = from.yesterday().unwrap_or(from);
                self.plan.rates.push((day, annual_rate));
                self.plan.rates.sort_by_key(|&(from, _)| from);
                self.relevel(day)
            }
            TermChange::PauseInterest { from, to } => {
                self.plan.pauses.push((from, to));
                self.plan.lay_out(product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
                Ok(())
            }
            TermChange::MoreInstalments { from, count } => {
                let known = self.plan.periods.len() as u32;
                let start = self.plan.periods[0].from;
                for nth in known..known + count {
                    let (begin, due) =
                        (self.loan.terms.every.after(start, nth)?, self.loan.terms.every.after(start, nth + 1)?);
                    self.plan.periods.push(Period::new(begin, due));
                    let place = self
                        .rows
                        .iter()
                        .position(|row| row.kind == InstalmentKind::Additional)
                        .unwrap_or(self.rows.len());
                    self.rows.insert(place, ScheduledInstalment::new(InstalmentKind::Planned, begin, due));
                }
                self.relevel(from.yesterday().unwrap_or(from))
            }
            TermChange::MoveDueDate { from, to } => {
                let Some(first) = self.plan.periods.iter().position(|period| period.due == from) else {
                    return Err(Error::unknown("due date", from));
                };
                let mut due = to;
                for nth in first..self.plan.periods.len() {
                    if nth > first {
                        let old = &self.loan.terms.every;
                        due = old.after(to, (nth - first) as u32)?;
                        if let (Some(length), true) = (product.fixed_length_days, nth + 1 == self.plan.periods.len()) {
                            let moved = crate::calendar::epoch_day(to) - crate::calendar::epoch_day(from);
                            due = Every::Days(length + moved.max(0) as u32).after(self.plan.periods[0].from, 1)?;
                        }
                    }
                    self.plan.periods[nth].due = due;
                    if nth + 1 < self.plan.periods.len() {
                        self.plan.periods[nth + 1].from = due;
                    }
                }
                let planned = self.rows.iter_mut().filter(|row| row.kind == InstalmentKind::Planned);
                for (row, period) in planned.zip(&self.plan.periods) {
                    (row.from, row.due) = (period.from, period.due);
                }
                self.plan.lay_out(product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
                Ok(())
            }
        }
    }

    /// Levels anew from the instalment that `day` lies in.
    pub(super) fn relevel(&mut self, day: Date) -> Result<()> {
        let product = &self.loan.product;
        let last = self.plan.periods.len() - 1;
        let first = self.plan.periods.iter().position(|period| day < period.due).unwrap_or(last);
        self.plan.lay_out(product, None, false)?;
        let lent = self.plan.total_lent();
        let before = lent - self.plan.periods[..first].iter().map(|period| period.principal).sum::<i64>();
        let level = self.plan.level(product, first, before, self.loan.terms.annual_rate.is_zero())?;
        for period in &mut self.plan.periods[first..] {
            if level >= period.paid() {
                period.level = level;
                period.agreed_level = level;
            }
        }
        self.plan.lay_out(product, None, true)?;
        self.plan.even_out(product, first)?;
        self.plan.lay_out(product, None, true)?;
        Self::write(&mut self.rows, &self.plan, self.loan);
        Ok(())
    }
}
