//! Overdue principal spread over the instalments to come.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::{Period, multiple};
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::{Error, Result};

impl Replay<'_> {
    pub(super) fn re_amortise(&mut self, on: Date) -> Result<Portions> {
        self.bring_up_to(on, false)?;
        let mut moved = 0;
        for nth in 0..self.rows.len() {
            let row = &mut self.rows[nth];
            if row.due <= on && row.principal.open() > 0 {
                moved += row.principal.open();
                row.principal.due -= row.principal.open();
                if row.open_total() == 0 {
                    row.met_on = Some(on);
                }
            }
        }
        let future: Vec<usize> = (0..self.rows.len())
            .filter(|&nth| {
                self.rows[nth].due > on
                    && self.rows[nth].kind == InstalmentKind::Planned
                    && self.rows[nth].open_total() > 0
            })
            .collect();
        if future.is_empty() {
            return Err(Error::invalid("re-amortisation", on, "a day before the last due date"));
        }
        let count = future.len() as i64;
        let even = self.even_part(moved, count);
        for (place, &nth) in future.iter().enumerate() {
            let part = if place as i64 + 1 == count { moved - even * (count - 1) } else { even };
            self.rows[nth].principal.due += part;
        }
        self.read_back();
        Ok(Portions { principal: moved, ..Portions::default() })
    }

    pub(super) fn even_part(&self, total: i64, count: i64) -> i64 {
        let part = self.loan.product.rounding.div(i128::from(total), i128::from(count)) as i64;
        multiple(part, self.loan.product.level_multiple_minor)
    }

    /// Takes the instalments as the plan: after a change that was made on them.
    pub(super) fn read_back(&mut self) {
        let rows: Vec<&ScheduledInstalment> =
            self.rows.iter().filter(|row| row.kind == InstalmentKind::Planned).collect();
        let mut periods = Vec::with_capacity(rows.len());
        for row in rows {
            let known = self.plan.periods.iter().find(|period| period.from == row.from && period.due == row.due);
            let mut period = known.cloned().unwrap_or_else(|| Period::new(row.from, row.due));
            period.principal = row.principal.due;
            period.interest = row.interest.due;
            period.level = row.principal.due + row.interest.due - period.credited_principal - period.credited_interest;
            period.agreed_level = period.level;
            (period.paid_principal, period.paid_interest) = (row.principal.paid, row.interest.paid);
            periods.push(period);
        }
        self.plan.periods = periods;
    }
}
