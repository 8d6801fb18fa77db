//! Accrual activity: for each instalment, on its due date, what it has earned in all. It sums up and posts nothing.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::product::TransactionKind;
use super::state::ScheduledLoan;
use super::transaction::Portions;
use crate::calendar::Date;

fn earned(row: &ScheduledInstalment) -> Portions {
    Portions { interest: row.interest.due, fee: row.fee.due, penalty: row.penalty.due, ..Portions::default() }
}

fn total(portions: &Portions) -> i64 {
    portions.interest + portions.fee + portions.penalty
}

impl ScheduledLoan {
    /// Notes the activity of the instalments due by a day, and replaces what was noted and is no longer so.
    pub(super) fn note_activity(&mut self, day: Date) {
        if !self.product.accrual_activity {
            return;
        }
        for nth in 0..self.instalments.len() {
            let row = &self.instalments[nth];
            if row.kind != InstalmentKind::DownPayment && row.due <= day {
                let (due, portions) = (row.due, earned(row));
                self.replace_activity(due, portions);
            }
        }
    }

    /// Notes what is left once a loan is closed: on that day, everything not noted before.
    pub(super) fn note_closing_activity(&mut self, closed_on: Date) {
        if !self.product.accrual_activity {
            return;
        }
        for known in self.transactions.iter_mut().filter(|known| known.kind == TransactionKind::AccrualActivity) {
            let later = known.on > closed_on;
            (known.reverted, known.withdrawn) = (known.reverted || later, known.withdrawn || later);
        }
        let mut rest = Portions::default();
        for nth in 0..self.instalments.len() {
            let row = &self.instalments[nth];
            if row.kind == InstalmentKind::DownPayment {
                continue;
            }
            let (due, portions, kind) = (row.due, earned(row), row.kind);
            rest.interest += portions.interest;
            rest.fee += portions.fee;
            rest.penalty += portions.penalty;
            if kind == InstalmentKind::Planned && due < closed_on {
                self.replace_activity(due, portions);
            }
        }
        let activity = |known: &&super::transaction::LoanTransaction| {
            known.kind == TransactionKind::AccrualActivity && !known.reverted
        };
        for known in self.transactions.iter().filter(activity) {
            rest.interest -= known.portions.interest;
            rest.fee -= known.portions.fee;
            rest.penalty -= known.portions.penalty;
        }
        if rest.interest > 0 || rest.fee > 0 || rest.penalty > 0 {
            self.push_activity(closed_on, rest);
        }
    }

    /// A closed loan is open again: what was noted at its closing goes, or becomes that of the instalment due on the day.
    pub(super) fn reopen_activity(&mut self) {
        if !self.product.accrual_activity {
            return;
        }
        let last = self
            .transactions
            .iter()
            .filter(|known| known.kind == TransactionKind::AccrualActivity && !known.reverted)
            .max_by_key(|known| (known.on, known.id))
            .map(|known| (known.id, known.on));
        let Some((id, on)) = last else { return };
        let is_due = self
            .instalments
            .iter()
            .any(|row| row.kind != InstalmentKind::DownPayment && row.due == on && row.due < self.today);
        if is_due {
            self.note_activity(on);
        } else {
            let known = &mut self.transactions[id as usize];
            (known.reverted, known.withdrawn) = (true, true);
        }
    }

    fn replace_activity(&mut self, due: Date, portions: Portions) {
        let known = self
            .transactions
            .iter()
            .position(|known| known.kind == TransactionKind::AccrualActivity && known.on == due && !known.reverted);
        let mut replayed = false;
        if let Some(index) = known {
            if self.transactions[index].portions == portions {
                return;
            }
            let known = &mut self.transactions[index];
            (known.reverted, known.withdrawn) = (true, true);
            replayed = true;
        }
        if total(&portions) > 0 {
            let index = self.push_activity(due, portions);
            self.transactions[index].replayed = replayed;
        }
    }

    fn push_activity(&mut self, on: Date, portions: Portions) -> usize {
        let index = self.push(on, TransactionKind::AccrualActivity, total(&portions));
        self.transactions[index].portions = portions;
        index
    }
}
