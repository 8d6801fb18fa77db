//! Income earned by the passing of days, and the nightly run.

use super::instalment::InstalmentKind;
use super::plan::days;
use super::product::{ScheduleKind, TransactionKind};
use super::replay::Replay;
use super::state::{LoanStatus, ScheduledLoan};
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Component;

/// Days that one nightly run closes at most: eleven years.
const MOST_OPEN_DAYS: i64 = 4_000;

impl ScheduledLoan {
    /// The nightly run: interest on overdue balances is brought up to today.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when more than 4,000 days were left open; [`Error::is_overflow`] when a figure cannot be held.
    pub fn end_of_day(&mut self) -> Result<()> {
        let Ok(yesterday) = self.today.yesterday() else { return Ok(()) };
        let mut day = match self.closed_day {
            Some(closed) => closed.tomorrow().unwrap_or(yesterday),
            None => yesterday,
        };
        let open = days(day, yesterday);
        if open > MOST_OPEN_DAYS {
            return Err(Error::invalid("days to close at once", open, "at most 4,000"));
        }
        while day <= yesterday {
            self.close_day(day)?;
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        self.recalculated_on = Some(self.today);
        self.replay(None).map(|_| ())
    }

    pub(super) fn close_day(&mut self, day: Date) -> Result<()> {
        self.closed_day = Some(day);
        self.recalculated_on = Some(day.tomorrow().unwrap_or(day).min(self.today));
        if self.status() == LoanStatus::Active && !self.is_charged_off() {
            self.replay(None)?;
            self.accrue(day, false)?;
            self.amortise_deferred_income(day, false);
            self.note_activity(day);
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
        self.book_income(on, change);
        Ok(())
    }

    /// Books income where it is above zero and takes it back where it is below.
    fn book_income(&mut self, on: Date, change: Portions) {
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
    }

    /// Books the interest that a charge-off finds earned and not booked.
    pub(super) fn accrue_until_charge_off(&mut self, on: Date, interest: i64) {
        let booked: i64 = self
            .transactions
            .iter()
            .filter(|transaction| !transaction.reverted && transaction.on <= on)
            .map(|transaction| match transaction.kind {
                TransactionKind::Accrual => transaction.portions.interest,
                TransactionKind::AccrualAdjustment => -transaction.portions.interest,
                _ => 0,
            })
            .sum();
        self.book_income(on, Portions { interest: interest - booked, ..Portions::default() });
    }
}

impl Replay<'_> {
    /// Interest earned up to a day by the instalments, or all of it; what is owed again was earned before.
    fn interest_till(&self, on: Date, all: bool) -> Result<i64> {
        let product = &self.loan.product;
        let day = if product.interest_on_first_day { on.tomorrow().unwrap_or(on) } else { on };
        let mut sum = 0;
        for (nth, row) in self.rows.iter().enumerate() {
            if all || row.due < day {
                sum += row.interest.due - row.credited_interest;
            } else if row.from < day && row.kind == InstalmentKind::Planned {
                sum += match self.period_of(nth).filter(|_| product.kind == ScheduleKind::Progressive) {
                    Some(period) => self.plan.earned_in(product, period, day, false)?,
                    None => {
                        let part = i128::from(row.interest.due) * i128::from(days(row.from, day));
                        product.rounding.div(part, i128::from(days(row.from, row.due).max(1))) as i64
                    }
                };
            }
        }
        Ok(sum)
    }
}
