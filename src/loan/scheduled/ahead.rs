//! Payments ahead of time: what was found out about the plan is kept until the plan changes.

use super::instalment::InstalmentKind;
use super::plan::{Ahead, Open, remembers};
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

/// What a payment found out about the plan while it goes from instalment to instalment.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The period behind each instalment, and whether it is the instalment that the period's figures go to.
    places: Vec<Option<(usize, bool)>>,
    /// The plan as it is known on a day.
    ahead: Option<Ahead>,
    /// The day on which a payment of no interest leaves the plan as it is.
    at_rest: Option<Date>,
    /// The instalments show the plan as it stands.
    written: bool,
}

impl Found {
    /// The period behind an instalment.
    pub fn period_of(&self, nth: usize) -> Option<usize> {
        self.places.get(nth).copied().flatten().map(|(period, _)| period)
    }

    /// The plan has changed: what was found out about it no longer holds.
    fn forget(&mut self) {
        (self.ahead, self.at_rest) = (None, None);
    }
}

impl Replay<'_> {
    /// The periods behind the instalments, and nothing else found out yet.
    pub(super) fn places_of_periods(&self) -> Found {
        let mut periods: Vec<(Date, usize)> =
            self.plan.periods.iter().enumerate().map(|(nth, period)| (period.due, nth)).collect();
        periods.sort_unstable();
        let mut taken = vec![false; periods.len()];
        let mut place = |due: Date| {
            let at = periods.partition_point(|&(other, _)| other < due);
            let &(_, period) = periods.get(at).filter(|&&(other, _)| other == due)?;
            Some((period, !std::mem::replace(&mut taken[period], true)))
        };
        let counts = |kind: InstalmentKind| kind != InstalmentKind::DownPayment;
        let places = self.rows.iter().map(|row| if counts(row.kind) { place(row.due) } else { None }).collect();
        Found { places, ..Found::default() }
    }

    /// Pays one component of an instalment that is not due yet; gives back what was paid.
    pub(super) fn pay_ahead(
        &mut self,
        nth: usize,
        period: usize,
        on: Date,
        amount: i64,
        component: Component,
        portions: &mut Portions,
    ) -> Result<i64> {
        let (loan, row) = (self.loan, &self.rows[nth]);
        let runs_on = row.from < on && on <= row.due && loan.product.interest_until_due(self.closing);
        let day = if runs_on { row.due } else { on };
        let open = self.asked_ahead(period, day)?;
        if open.principal == 0 && open.interest == 0 {
            self.skipped.insert(nth);
        }
        if self.changes_nothing(nth, period, day, amount, component, open) {
            let row = &mut self.rows[nth];
            row.met_on = (row.open_total() == 0).then_some(on);
            return Ok(0);
        }
        match component {
            Component::Interest => self.rows[nth].interest.due = open.interest,
            Component::Principal => self.rows[nth].principal.due = open.principal,
            _ => {}
        }
        let paid = self.pay_debt(nth, on, amount, component, portions);
        match component {
            Component::Principal => {
                self.plan.pay_principal(&loan.product, period, day, paid)?;
                if paid != 0 {
                    self.found.forget();
                }
            }
            Component::Interest => self.pay_interest_ahead(period, day, paid)?,
            _ => return Ok(paid),
        }
        self.write(on, None);
        self.found.written = true;
        Ok(paid)
    }

    /// What a period asks of a payment on a day.
    fn asked_ahead(&mut self, period: usize, day: Date) -> Result<Open> {
        let product = &self.loan.product;
        #[cfg(test)]
        if !remembers() {
            return self.plan.due_in_advance_anew(product, period, day);
        }
        let mut ahead = match self.found.ahead.take() {
            Some(ahead) if ahead.day == day => ahead,
            _ => self.plan.ahead_on(product, day)?,
        };
        let open = ahead.asked(product, period)?;
        self.found.ahead = Some(ahead);
        Ok(open)
    }

    /// Whether nothing is paid, and the plan and the instalments are known to stay as they are.
    fn changes_nothing(
        &self,
        nth: usize,
        period: usize,
        day: Date,
        amount: i64,
        component: Component,
        open: Open,
    ) -> bool {
        let row = &self.rows[nth];
        let shows_period = self.found.places[nth].is_some_and(|(_, shows)| shows);
        let (debt, asked, is_known) = match component {
            Component::Interest => {
                let is_at_rest = self.found.at_rest == Some(day) && day < self.plan.periods[period].due;
                (row.interest, open.interest, is_at_rest)
            }
            Component::Principal => (row.principal, open.principal, true),
            _ => return false,
        };
        let pays_nothing = amount <= 0 || asked - debt.paid - debt.waived <= 0;
        remembers() && pays_nothing && is_known && self.found.written && shows_period
    }

    /// Tells the plan of interest paid; finds out whether nothing paid changes nothing.
    fn pay_interest_ahead(&mut self, period: usize, day: Date, paid: i64) -> Result<()> {
        let product = &self.loan.product;
        if paid != 0 || day >= self.plan.periods[period].due {
            self.found.forget();
            return self.plan.pay_interest(product, period, day, paid);
        }
        let before = self.plan.clone();
        self.plan.pay_interest(product, period, day, 0)?;
        if self.plan == before {
            self.found.at_rest = Some(day);
        } else {
            self.found.forget();
        }
        Ok(())
    }
}
