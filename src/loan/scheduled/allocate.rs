//! How a payment meets what is owed.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::PrincipalPaid;
use super::product::{FutureRule, PaymentRule, PayoffInterest, TransactionKind};
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::{Cell, Component, Direction, Timing};

impl Replay<'_> {
    pub(super) fn pay(&mut self, on: Date, kind: TransactionKind, amount: i64) -> Result<Portions> {
        if self.recalculates() && self.loan.product.recalculates == Some(PayoffInterest::DueDate) {
            // A payment that is meant to close the loan owes interest until the running instalment falls due.
            let mut copy = Self {
                loan: self.loan,
                plan: self.plan.clone(),
                rows: self.rows.clone(),
                transactions: Vec::new(),
                ..*self
            };
            copy.bring_up_to(on, true)?;
            self.closing = copy.rows.iter().map(ScheduledInstalment::open_total).sum::<i64>() <= amount;
        }
        self.bring_up_to(on, false)?;
        let mut portions = Portions::default();
        let rule = self.loan.product.rule_for(kind).clone();
        let left = self.allocate(on, amount, &rule, &mut portions)?;
        portions.overpaid = left;
        self.overpaid += left;
        self.bring_up_to(on, false)?;
        self.mark_met(on);
        Ok(portions)
    }

    /// Pays `amount` down the waterfall; gives back what is left.
    pub(super) fn allocate(
        &mut self,
        on: Date,
        amount: i64,
        rule: &PaymentRule,
        portions: &mut Portions,
    ) -> Result<i64> {
        let cells: Vec<Cell> = rule.allocation.cells().to_vec();
        let mut left = amount;
        let mut at = 0;
        while at < cells.len() && left > 0 {
            let timing = cells[at].timing;
            let run = match rule.allocation.direction() {
                Direction::Vertical => 1,
                Direction::Horizontal => cells[at..].iter().take_while(|cell| cell.timing == timing).count(),
            };
            let components: Vec<Component> = cells[at..at + run].iter().map(|cell| cell.component).collect();
            if timing == Timing::InAdvance {
                if self.loan.product.charges_in_advance {
                    left = self.pay_charges_due(on, left, portions);
                }
                left = self.pay_in_advance(on, left, rule.future, &components, portions)?;
            } else {
                for nth in 0..self.rows.len() {
                    let fits = match timing {
                        Timing::PastDue => self.rows[nth].due < on,
                        _ => self.rows[nth].due == on,
                    };
                    if fits {
                        left = self.pay_row(nth, on, left, &components, portions);
                    }
                }
                self.sync(on)?;
            }
            at += run;
        }
        Ok(left)
    }

    /// Charges that are due by their own date although their instalment is not.
    pub(super) fn pay_charges_due(&mut self, on: Date, amount: i64, portions: &mut Portions) -> i64 {
        let mut left = amount;
        for component in [Component::Penalty, Component::Fee] {
            let due: i64 = self
                .loan
                .charges
                .iter()
                .filter(|charge| charge.component == component && charge.due <= on && !charge.waived)
                .map(|charge| charge.amount)
                .sum();
            let paid: i64 = self.rows.iter().map(|row| row.debt(component).paid).sum();
            let mut open = (due - paid).max(0).min(left);
            for nth in 0..self.rows.len() {
                if open == 0 || left == 0 {
                    break;
                }
                let unpaid = self.pay_row(nth, on, open.min(left), &[component], portions);
                let met = open.min(left) - unpaid;
                (open, left) = (open - met, left - met);
            }
        }
        left
    }

    pub(super) fn pay_in_advance(
        &mut self,
        on: Date,
        amount: i64,
        rule: FutureRule,
        components: &[Component],
        portions: &mut Portions,
    ) -> Result<i64> {
        let mut left = amount;
        for _ in 0..=self.rows.len() * 2 {
            if left == 0 {
                break;
            }
            if self.recalculates() {
                self.due_in_advance(on)?;
            }
            let open: Vec<usize> = (0..self.rows.len())
                .filter(|&nth| self.rows[nth].due > on)
                .filter(|&nth| components.iter().any(|&component| self.rows[nth].debt(component).open() > 0))
                .collect();
            let (Some(&first), Some(&last)) = (open.first(), open.last()) else { break };
            let before = left;
            match rule {
                FutureRule::NextInstalment => left = self.pay_row(first, on, left, components, portions),
                FutureRule::LastInstalment => left = self.pay_row(last, on, left, components, portions),
                FutureRule::NextThenLast => {
                    let running = self.rows[first].from <= on;
                    left = self.pay_row(if running { first } else { last }, on, left, components, portions);
                }
                FutureRule::Reamortise => {
                    let count = open.len() as i64;
                    let even = self.loan.product.rounding.div(i128::from(left), i128::from(count)) as i64;
                    let mut rest = left;
                    for (place, &nth) in open.iter().enumerate() {
                        let part = if place + 1 == open.len() { rest } else { even.min(rest) };
                        let unpaid = self.pay_row(nth, on, part, components, portions);
                        rest -= part - unpaid;
                    }
                    left = rest;
                }
            }
            self.sync(on)?;
            if left == before {
                break;
            }
        }
        Ok(left)
    }

    /// What each instalment to come asks of a payment on `on`: interest until that day, the rest of its level principal.
    pub(super) fn due_in_advance(&mut self, on: Date) -> Result<()> {
        let product = &self.loan.product;
        let mut plan = self.plan.clone();
        let till = match product.recalculates {
            Some(PayoffInterest::DueDate) if self.closing => {
                plan.periods.iter().map(|period| period.due).find(|&due| due >= on).unwrap_or(on)
            }
            _ => on,
        };
        plan.lay_out(product, Some(till), true)?;
        let outstanding = plan.total_lent()
            + plan.periods.iter().map(|period| period.credited_principal - period.paid_principal).sum::<i64>();
        let unpaid = plan.periods.iter().filter(|period| !period.is_paid()).count();
        for period in &mut plan.periods {
            if on <= period.from && unpaid > 1 {
                let mut level = period.agreed_level;
                let principal = (level + period.credited_principal + period.credited_interest - period.interest)
                    .max(period.paid_principal);
                let excess = (principal - period.paid_principal - outstanding).max(0);
                level -= excess;
                period.principal = (level + period.credited_principal + period.credited_interest - period.interest)
                    .max(period.paid_principal);
            }
        }
        Self::write(&mut self.rows, &plan, self.loan);
        Ok(())
    }

    pub(super) fn pay_row(
        &mut self,
        nth: usize,
        on: Date,
        amount: i64,
        components: &[Component],
        portions: &mut Portions,
    ) -> i64 {
        let mut left = amount;
        for &component in components {
            let row = &mut self.rows[nth];
            let debt = row.debt_mut(component);
            let paid = debt.open().max(0).min(left);
            if paid == 0 {
                continue;
            }
            debt.paid += paid;
            left -= paid;
            if on < row.due {
                row.in_advance += paid;
            } else if on > row.due {
                row.late += paid;
            }
            portions.add(component, paid);
            if row.kind == InstalmentKind::Planned {
                self.tell_plan(nth, on, component, paid);
            }
        }
        if self.rows[nth].open_total() == 0 && self.rows[nth].met_on.is_none() {
            self.rows[nth].met_on = Some(on);
        }
        left
    }

    pub(super) fn tell_plan(&mut self, nth: usize, on: Date, component: Component, paid: i64) {
        let place = self.rows[..nth].iter().filter(|row| row.kind == InstalmentKind::Planned).count();
        let Some(period) = self.plan.periods.get_mut(place) else { return };
        match component {
            Component::Interest => period.paid_interest += paid,
            Component::Principal => {
                period.paid_principal += paid;
                self.plan.paid.push(PrincipalPaid { on, period_due: period.due, minor: paid });
                let total = period.level + period.credited_principal + period.credited_interest;
                let credited = period.credited_principal + period.credited_interest;
                if on < period.from && (period.paid() > total || period.paid() == period.agreed_level + credited) {
                    period.level = period.paid() - credited;
                }
            }
            _ => {}
        }
    }

    /// A credit balance is used up for what is owed.
    pub(super) fn use_overpaid(&mut self, on: Date, restate: bool) -> Result<i64> {
        let payment = self.transactions.iter().rposition(|transaction| {
            !transaction.reverted && transaction.portions.overpaid > 0 && transaction.kind.is_payment()
        });
        let Some(index) = payment else { return Ok(0) };
        let rule = self.loan.product.rule_for(self.transactions[index].kind).clone();
        let available = self.transactions[index].portions.overpaid.min(self.overpaid);
        let before = self.transactions[index].portions;
        let mut portions = before;
        let left = self.allocate(on, available, &rule, &mut portions)?;
        self.overpaid -= available - left;
        if restate {
            // What was left over of the payment has met a charge: the payment says so.
            portions.overpaid -= available - left;
            self.transactions[index].portions = portions;
        }
        self.mark_met(on);
        Ok(portions.principal - before.principal)
    }
}
