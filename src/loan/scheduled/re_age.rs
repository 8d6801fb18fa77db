//! Everything unpaid moved to new instalments.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::multiple;
use super::replay::Replay;
use super::transaction::{NewPlan, Portions};
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

impl Replay<'_> {
    pub(super) fn re_age(&mut self, on: Date, new: NewPlan) -> Result<Portions> {
        self.re_aged = true;
        if self.recalculates() { self.re_age_plan(on, new) } else { self.re_age_rows(on, new) }
    }

    /// The plan ends today and goes on with new periods for all unpaid principal.
    fn re_age_plan(&mut self, on: Date, new: NewPlan) -> Result<Portions> {
        let product = &self.loan.product;
        let interest = self.plan.open_interest_on(product, on)?;
        let principal = self.plan.open_principal();
        self.plan.re_age(product, on, new, principal)?;
        let mut kept: Vec<ScheduledInstalment> = Vec::new();
        let mut old = std::mem::take(&mut self.rows);
        for period in &self.plan.periods {
            let found = old.iter().position(|row| row.kind != InstalmentKind::DownPayment && row.from == period.from);
            let mut row = match found {
                Some(nth) => old.remove(nth),
                None => ScheduledInstalment::new(InstalmentKind::Planned, period.from, period.due),
            };
            (row.kind, row.due) = (InstalmentKind::Planned, period.due);
            (row.principal.due, row.interest.due) = (period.principal, period.interest);
            row.note_met(on);
            kept.push(row);
        }
        // Down payments and what stands behind the last one stay; fees of instalments that are gone go to the new ones.
        for row in old {
            if row.kind == InstalmentKind::Planned {
                let nth = kept.iter().position(|new| row.due <= new.due).unwrap_or(kept.len() - 1);
                for component in [Component::Fee, Component::Penalty] {
                    let (from, to) = (*row.debt(component), kept[nth].debt_mut(component));
                    to.due += from.due;
                    to.paid += from.paid;
                    to.waived += from.waived;
                }
                kept[nth].in_advance += row.in_advance;
                kept[nth].note_met(on);
            } else {
                kept.push(row);
            }
        }
        self.rows = kept;
        self.order_rows();
        Ok(Portions { principal, interest, ..Portions::default() })
    }

    /// All unpaid principal moves to new instalments in even parts; what was paid on an instalment stays with the new one in
    /// its place.
    fn re_age_rows(&mut self, on: Date, new: NewPlan) -> Result<Portions> {
        let mut moved = Portions::default();
        for row in &mut self.rows {
            for component in [Component::Principal, Component::Interest] {
                if component == Component::Interest && !self.loan.terms.annual_rate.is_zero() {
                    continue;
                }
                let debt = row.debt_mut(component);
                let open = debt.open().max(0);
                debt.due -= open;
                moved.add(component, open);
            }
            row.note_met(on);
        }
        let place = self
            .rows
            .iter()
            .rposition(|row| row.kind != InstalmentKind::DownPayment && row.due < new.start)
            .map_or_else(
                || self.rows.iter().take_while(|row| row.kind == InstalmentKind::DownPayment).count(),
                |nth| nth + 1,
            );
        let mut from = match place.checked_sub(1).map(|nth| &self.rows[nth]) {
            Some(row) if row.kind != InstalmentKind::DownPayment => row.due,
            _ => self.rows.get(place).map_or(on, |row| row.from),
        };
        let count = i64::from(new.instalments);
        let even = |minor: i64| {
            let part = self.loan.product.rounding.div(i128::from(minor), i128::from(count)) as i64;
            multiple(part, self.loan.product.level_multiple_minor)
        };
        let (principal, interest) = (even(moved.principal), even(moved.interest));
        let mut due = new.start;
        for nth in 0..new.instalments {
            if nth > 0 {
                due = new.every.after(new.start, nth)?;
            }
            let is_last = nth + 1 == new.instalments;
            let part = |whole: i64, even: i64| if is_last { whole - even * (count - 1) } else { even };
            let at = place + nth as usize;
            let known = self.rows.get(at).is_some_and(|row| row.kind != InstalmentKind::Additional || row.due <= due);
            if !known {
                self.rows.insert(at.min(self.rows.len()), ScheduledInstalment::new(InstalmentKind::Planned, from, due));
            }
            let row = &mut self.rows[at];
            (row.kind, row.from, row.due) = (InstalmentKind::Planned, from, due);
            row.principal.due = part(moved.principal, principal) + row.principal.paid;
            row.interest.due = part(moved.interest, interest) + row.interest.paid.max(row.interest.due);
            row.note_met(on);
            from = due;
        }
        let end = place + new.instalments as usize;
        let mut nth = 0;
        self.rows.retain(|row| {
            nth += 1;
            nth <= end || row.kind == InstalmentKind::Additional || row.paid_total() != 0
        });
        self.order_rows();
        Ok(moved)
    }

    /// Rows by due date, each from where the one before it ends.
    fn order_rows(&mut self) {
        self.rows.sort_by_key(|row| (row.due, row.kind != InstalmentKind::DownPayment));
        let mut before: Option<Date> = None;
        for row in &mut self.rows {
            if let (Some(before), true) = (before, row.kind != InstalmentKind::DownPayment) {
                row.from = before;
            }
            before = Some(row.due);
        }
    }
}
