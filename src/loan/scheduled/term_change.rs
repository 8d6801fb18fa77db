//! Changes of the terms on the way: rates, due dates, more instalments, pauses of interest.

use serde::{Deserialize, Serialize};

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::Period;
use super::product::{ScheduleKind, check_rate};
use super::replay::Replay;
use super::state::ScheduledLoan;
use crate::calendar::Date;
use crate::error::Result;

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
    /// Whether it gives the loan a rate above nothing.
    pub(super) fn bears_interest(&self) -> bool {
        matches!(self, Self::Rate { annual_rate, .. } if *annual_rate > rust_decimal::Decimal::ZERO)
    }

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
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a change that leaves no schedule.
    pub fn change_terms(&mut self, change: TermChange) -> Result<()> {
        if let TermChange::Rate { annual_rate, .. } = change {
            check_rate(annual_rate)?;
        }
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
            TermChange::Rate { from, annual_rate } => self.plan.change_rate(product, from, annual_rate)?,
            TermChange::PauseInterest { from, to } => self.plan.pause(product, from, to)?,
            TermChange::MoveDueDate { from, to } => {
                self.plan.move_due_date(product, from, to)?;
                let planned = self.rows.iter_mut().filter(|row| row.kind == InstalmentKind::Planned);
                for (row, period) in planned.zip(&self.plan.periods) {
                    (row.from, row.due) = (period.from, period.due);
                }
                if product.kind == ScheduleKind::Cumulative {
                    self.rows.sort_by_key(|row| (row.due, row.kind != InstalmentKind::DownPayment));
                }
                let maturity = self.plan.maturity();
                for row in self.rows.iter_mut().filter(|row| row.kind == InstalmentKind::Additional) {
                    row.from = maturity.min(row.due);
                }
            }
            TermChange::MoreInstalments { from, count } => {
                self.plan.extend(product, from, count)?;
                let end = self.rows.iter().position(|row| row.kind == InstalmentKind::Additional);
                let place = end.unwrap_or(self.rows.len());
                let known = self.plan.periods.len() - count as usize;
                let planned =
                    |period: &Period| ScheduledInstalment::new(InstalmentKind::Planned, period.from, period.due);
                self.rows.splice(place..place, self.plan.periods[known..].iter().map(planned));
            }
        }
        self.write_unmet(change.on());
        Ok(())
    }

    /// Puts the plan's figures on the instalments that are not met and not due before `from`.
    fn write_unmet(&mut self, from: Date) {
        for period in &self.plan.periods {
            let same = |row: &&mut ScheduledInstalment| {
                row.kind != InstalmentKind::DownPayment && row.due == period.due && row.due >= from
            };
            if let Some(row) = self.rows.iter_mut().find(same).filter(|row| row.met_on.is_none()) {
                (row.principal.due, row.interest.due) = (period.principal, period.interest);
            }
        }
        self.write_fees();
    }
}
