//! Everything unpaid moved to new instalments.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::product::{InterestMethod, ScheduleKind};
use super::replay::Replay;
use super::transaction::{NewPlan, Portions};
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

impl Replay<'_> {
    pub(super) fn re_age(&mut self, on: Date, plan: NewPlan) -> Result<Portions> {
        self.bring_up_to(on, false)?;
        let mut portions = Portions::default();
        // Instalments to come make room; what was paid on them, and their charges, go with the first of the new ones.
        let (kept, dropped): (Vec<_>, Vec<_>) =
            self.rows.drain(..).partition(|row| row.due <= on || row.kind == InstalmentKind::DownPayment);
        self.rows = kept;
        let mut last_due = self.plan.periods.first().map_or(on, |period| period.from);
        for row in &mut self.rows {
            portions.principal += row.principal.open();
            portions.interest += row.interest.open();
            row.principal.due -= row.principal.open();
            row.interest.due -= row.interest.open();
            if row.open_total() == 0 && row.met_on.is_none() {
                row.met_on = Some(on);
            }
            last_due = last_due.max(row.due);
        }
        for row in &dropped {
            portions.principal += row.principal.open();
            portions.interest += row.interest.open();
        }
        let count = i64::from(plan.instalments);
        let even = self.even_part(portions.principal, count);
        let even_interest = self.even_part(portions.interest, count);
        let mut from = last_due.min(plan.start);
        let first_new = self.rows.len();
        for nth in 0..plan.instalments {
            let due = if nth == 0 { plan.start } else { plan.every.after(plan.start, nth)? };
            let is_last = nth + 1 == plan.instalments;
            let mut row = ScheduledInstalment::new(InstalmentKind::Planned, from, due);
            row.principal.due = if is_last { portions.principal - even * (count - 1) } else { even };
            row.interest.due = if is_last { portions.interest - even_interest * (count - 1) } else { even_interest };
            self.rows.push(row);
            from = due;
        }
        for old in dropped {
            for component in Component::ALL {
                let debt = *old.debt(component);
                let charge = matches!(component, Component::Fee | Component::Penalty);
                let place = if charge {
                    (first_new..self.rows.len())
                        .find(|&nth| old.due <= self.rows[nth].due)
                        .unwrap_or(self.rows.len() - 1)
                } else {
                    first_new
                };
                let to = self.rows[place].debt_mut(component);
                to.due += if charge { debt.due } else { debt.paid + debt.waived };
                to.paid += debt.paid;
                to.waived += debt.waived;
            }
            self.rows[first_new].in_advance += old.in_advance;
        }
        let planned = self.rows[..first_new].iter().filter(|row| row.kind == InstalmentKind::Planned).count();
        self.rows.sort_by_key(|row| (row.due, row.kind != InstalmentKind::DownPayment));
        self.read_back();
        let product = &self.loan.product;
        let bears_interest =
            !self.loan.terms.annual_rate.is_zero() && product.method == InterestMethod::DecliningBalance;
        if bears_interest && product.kind == ScheduleKind::Progressive {
            // Interest unpaid until today is part of what the new instalments pay off.
            let level = self.plan.level(product, planned, portions.principal + portions.interest, false)?;
            for period in &mut self.plan.periods[planned..] {
                if level >= period.paid() {
                    (period.level, period.agreed_level) = (level, level);
                }
            }
            self.plan.lay_out(product, None, true)?;
            self.plan.even_out(product, planned)?;
            self.plan.lay_out(product, None, true)?;
            Self::write(&mut self.rows, &self.plan, self.loan);
        }
        Ok(portions)
    }
}
