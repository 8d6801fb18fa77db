//! The loss recognised, and the claim given up.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::days;
use super::product::ChargeOffEffect;
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

impl Replay<'_> {
    pub(super) fn charge_off(&mut self, on: Date) -> Result<Portions> {
        if self.rows.iter().any(|row| row.met_on.is_none()) {
            match self.loan.product.charge_off {
                ChargeOffEffect::Regular => {}
                ChargeOffEffect::ZeroInterest => self.stop_interest(on)?,
                ChargeOffEffect::AccelerateMaturity => self.accelerate(on)?,
            }
            self.charged_off = Some((on, self.interest_until_charge_off(on)?));
        }
        self.frozen = true;
        Ok(self.open_portions())
    }

    /// Interest of the running instalment until today; of later ones, none.
    fn stop_interest(&mut self, on: Date) -> Result<()> {
        for nth in 0..self.rows.len() {
            let row = &self.rows[nth];
            if row.from <= on && on < row.due {
                let interest = self.interest_of_running(nth, on)?;
                let row = &mut self.rows[nth];
                if row.interest.open() > 0 || interest > 0 {
                    row.principal.due += row.interest.due - interest;
                    row.interest.due = interest;
                }
            } else if row.from > on && row.met_on.is_none() {
                let row = &mut self.rows[nth];
                let open = row.interest.open().max(0);
                row.principal.due += open;
                row.interest.due -= open;
            }
        }
        // What principal is left goes to the last instalments.
        let lent: i64 = self.plan.total_lent() + self.down_payments();
        let planned: i64 = self
            .rows
            .iter()
            .filter(|row| row.kind != InstalmentKind::Additional)
            .map(|row| row.principal.due - row.credited)
            .sum();
        let mut rest = lent - planned;
        for row in self.rows.iter_mut().rev() {
            if rest == 0 {
                break;
            }
            if row.kind != InstalmentKind::Additional && row.met_on.is_none() {
                let part = rest.max(row.principal.paid - row.principal.due);
                row.principal.due += part;
                rest -= part;
                row.note_met(on);
            }
        }
        Ok(())
    }

    fn down_payments(&self) -> i64 {
        let down = |row: &&ScheduledInstalment| row.kind == InstalmentKind::DownPayment;
        self.rows.iter().filter(down).map(|row| row.principal.due).sum()
    }

    /// Interest of an instalment until `on`: what was earned, or its share of what is open by days.
    fn interest_of_running(&self, nth: usize, on: Date) -> Result<i64> {
        if let Some(period) = self.period_of(nth).filter(|_| self.recalculates()) {
            return self.plan.earned_in(&self.loan.product, period, on, true);
        }
        let row = &self.rows[nth];
        let whole = days(row.from, row.due).max(1);
        let part = i128::from(row.interest.open()) * i128::from(days(row.from, on));
        Ok(self.loan.product.rounding.div(part, i128::from(whole)) as i64)
    }

    /// Everything falls due today.
    fn accelerate(&mut self, on: Date) -> Result<()> {
        let Some(running) = self.running(on).filter(|&nth| self.rows[nth].kind == InstalmentKind::Planned) else {
            return Ok(());
        };
        if on >= self.rows.iter().map(|row| row.due).max().unwrap_or(on) {
            return Ok(());
        }
        if self.rows[running].met_on.is_none() {
            let interest = self.interest_of_running(running, on)?;
            let row = &mut self.rows[running];
            if row.interest.open() > 0 || interest > 0 {
                row.interest.due = interest;
            }
        }
        let later = self.rows.split_off(running + 1);
        let row = &mut self.rows[running];
        row.due = on;
        let mut behind = ScheduledInstalment::new(InstalmentKind::Additional, on, on);
        for other in later {
            row.principal.due += other.principal.due;
            row.principal.paid += other.principal.paid;
            row.interest.due += other.interest.paid;
            row.interest.paid += other.interest.paid;
            row.in_advance += other.in_advance;
            row.credited += other.credited;
            for component in [Component::Fee, Component::Penalty] {
                let (from, to) = (other.debt(component), behind.debt_mut(component));
                to.due += from.due;
                to.paid += from.paid;
                to.waived += from.waived;
            }
        }
        row.note_met(on);
        if behind.due_total() > 0 {
            let last = self.loan.charges.iter().filter(|charge| !charge.waived).map(|charge| charge.due).max();
            behind.due = last.unwrap_or(on).max(on);
            self.rows.push(behind);
        }
        Ok(())
    }

    /// Interest earned until a charge-off: of past instalments all, of the running one until that day.
    fn interest_until_charge_off(&self, on: Date) -> Result<i64> {
        let mut sum = 0;
        for (nth, row) in self.rows.iter().enumerate() {
            if row.kind == InstalmentKind::Additional {
                continue;
            }
            if row.due <= on {
                sum += row.interest.due - row.credited_interest;
            } else if row.from <= on {
                sum += match self.loan.product.charge_off {
                    _ if self.recalculates() => self.interest_of_running(nth, on)?,
                    ChargeOffEffect::Regular => self.interest_of_running(nth, on)?,
                    _ => row.interest.open(),
                };
            }
        }
        Ok(sum)
    }

    pub(super) fn write_off(&mut self, on: Date) -> Portions {
        if self.loan.recalculates() {
            // The whole claim is given up as it was planned, whatever a charge-off has made of it.
            self.write_figures();
        }
        self.frozen = true;
        let portions = self.open_portions();
        for row in &mut self.rows {
            for component in Component::ALL {
                let open = row.debt(component).open();
                row.debt_mut(component).waived += open;
            }
            if row.met_on.is_none() {
                row.met_on = Some(on);
            }
        }
        portions
    }
}
