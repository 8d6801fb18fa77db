//! Income earned by the passing of days, and the nightly run.

use super::instalment::ScheduledInstalment;
use super::product::{InterestMethod, ScheduleKind, TransactionKind};
use super::replay::Replay;
use super::state::{LoanStatus, ScheduledLoan};
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

impl ScheduledLoan {
    /// The nightly run: interest on overdue balances is brought up to today.
    ///
    /// # Errors
    /// [`Error::is_overflow`](crate::Error::is_overflow) when a figure cannot be held.
    pub fn end_of_day(&mut self) -> Result<()> {
        let Ok(yesterday) = self.today.yesterday() else { return Ok(()) };
        let mut day = match self.closed_day {
            Some(closed) => closed.tomorrow().unwrap_or(yesterday),
            None => yesterday,
        };
        while day <= yesterday {
            self.close_day(day)?;
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        self.recalculated_on = Some(self.today);
        self.replay(None)
    }

    pub(super) fn close_day(&mut self, day: Date) -> Result<()> {
        self.closed_day = Some(day);
        self.recalculated_on = Some(day.tomorrow().unwrap_or(day).min(self.today));
        if self.status() == LoanStatus::Active && !self.is_charged_off() {
            self.replay(None)?;
            self.accrue(day, false)?;
        }
        Ok(())
    }

    /// Books income earned up to a day, or all of it when the loan is paid, less what was booked before.
    pub(super) fn accrue(&mut self, on: Date, all: bool) -> Result<()> {
        let work = Replay::run(self, None, self.recalculated_on)?;
        let interest = work.interest_till(on, all)?;
        let charged = |component: Component| -> i64 {
            let live = self.charges.iter().filter(|charge| charge.component == component && !charge.waived);
            live.filter(|charge| all || charge.due <= on).map(|charge| charge.amount).sum()
        };
        let by_plan: i64 = work.rows.iter().filter(|row| all || row.due <= on).map(|row| row.fee_by_plan).sum();
        let mut change = Portions {
            interest,
            fee: charged(Component::Fee) + by_plan,
            penalty: charged(Component::Penalty),
            ..Portions::default()
        };
        for transaction in self.transactions.iter().filter(|transaction| !transaction.reverted) {
            let sign = match transaction.kind {
                TransactionKind::Accrual => -1,
                TransactionKind::AccrualAdjustment => 1,
                _ => continue,
            };
            change.interest += sign * transaction.portions.interest;
            change.fee += sign * transaction.portions.fee;
            change.penalty += sign * transaction.portions.penalty;
        }
        for (kind, sign) in [(TransactionKind::Accrual, 1), (TransactionKind::AccrualAdjustment, -1)] {
            let part = |minor: i64| (minor * sign).max(0);
            let portions = Portions {
                interest: part(change.interest),
                fee: part(change.fee),
                penalty: part(change.penalty),
                ..Portions::default()
            };
            let amount = portions.interest + portions.fee + portions.penalty;
            if amount > 0 {
                let index = self.push(on, kind, amount);
                self.transactions[index].portions = portions;
            }
        }
        Ok(())
    }
}

impl Replay<'_> {
    /// Interest earned up to a day by the instalments, or all of it.
    pub(super) fn interest_till(&self, on: Date, all: bool) -> Result<i64> {
        if all {
            return Ok(self.rows.iter().map(|row| row.interest.due).sum());
        }
        let product = &self.loan.product;
        if product.kind == ScheduleKind::Progressive && product.method == InterestMethod::DecliningBalance {
            return self.plan.earned_till(product, on);
        }
        let days = |from: Date, to: Date| i128::from(crate::calendar::epoch_day(to) - crate::calendar::epoch_day(from));
        let part = |row: &ScheduledInstalment| match (row.due <= on, row.from < on) {
            (true, _) => row.interest.due,
            (false, true) => {
                let whole = days(row.from, row.due).max(1);
                product.rounding.div(i128::from(row.interest.due) * days(row.from, on), whole) as i64
            }
            (false, false) => 0,
        };
        Ok(self.rows.iter().map(part).sum())
    }
}
