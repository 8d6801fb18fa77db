//! How a payment meets what is owed.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::product::{FutureRule, PaymentRule, TransactionKind};
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::{Component, Direction, Timing};

impl Replay<'_> {
    pub(super) fn pay(&mut self, on: Date, kind: TransactionKind, amount: i64) -> Result<Portions> {
        if self.closing {
            self.draw_rest_of_running_period(on)?;
        }
        let rule = self.loan.product.rule_for(kind).clone();
        let mut portions = Portions::default();
        portions.overpaid = self.allocate(on, amount, &rule, &mut portions)?;
        self.overpaid += portions.overpaid;
        Ok(portions)
    }

    /// A payment that closes the loan after its running instalment was paid owes the interest until that falls due.
    fn draw_rest_of_running_period(&mut self, on: Date) -> Result<()> {
        let running = self.plan.periods.iter().position(|period| period.from <= on && on < period.due);
        let Some(nth) = running.filter(|&nth| self.plan.periods[nth].is_paid()) else { return Ok(()) };
        let open = self.plan.open_on(&self.loan.product, self.plan.periods[nth].due)?;
        if open.interest > 0 {
            self.plan.periods[nth].drawn_forward = open.interest;
            self.plan.refresh_figures(&self.loan.product)?;
        }
        Ok(())
    }

    /// Pays `amount` down the waterfall; gives back what is left.
    pub(super) fn allocate(
        &mut self,
        on: Date,
        amount: i64,
        rule: &PaymentRule,
        portions: &mut Portions,
    ) -> Result<i64> {
        let cells = rule.allocation.cells();
        let mut left = amount;
        let mut at = 0;
        while at < cells.len() && left > 0 {
            let timing = cells[at].timing;
            let run = match rule.allocation.direction() {
                Direction::Vertical => 1,
                Direction::Horizontal => cells[at..].iter().take_while(|cell| cell.timing == timing).count(),
            };
            let components: Vec<Component> = cells[at..at + run].iter().map(|cell| cell.component).collect();
            if timing == Timing::InAdvance && self.loan.product.charges_in_advance {
                left = self.pay_charges_due(on, left, portions);
            }
            left = self.pay_cells(on, left, timing, &components, rule, portions)?;
            at += run;
        }
        Ok(left)
    }

    /// Pays cells of one timing, instalment after instalment, until nothing is left or nothing is open in them.
    fn pay_cells(
        &mut self,
        on: Date,
        amount: i64,
        timing: Timing,
        components: &[Component],
        rule: &PaymentRule,
        portions: &mut Portions,
    ) -> Result<i64> {
        let mut left = amount;
        self.skipped.clear();
        self.found = self.places_of_periods();
        for _ in 0..self.rows.len() * 100 {
            if left == 0 {
                break;
            }
            let vertical = (rule.allocation.direction() == Direction::Vertical).then(|| components[0]);
            let rows = self.rows_to_pay(on, timing, rule.future, vertical);
            let Some(&last) = rows.last() else { break };
            let before = (left, self.skipped.len());
            for &component in components {
                let count = rows.len() as i64;
                let mut even = self.loan.product.rounding.div(i128::from(left), i128::from(count)) as i64;
                let mut adjustment = left - even * count;
                if even + adjustment < 0 {
                    even = left / count;
                    adjustment = left - even * count;
                }
                for &nth in &rows {
                    let part = if nth == last { even + adjustment } else { even };
                    left -= self.pay_cell(nth, on, part, component, timing, portions)?;
                }
            }
            if (left, self.skipped.len()) == before {
                break;
            }
        }
        Ok(left)
    }

    /// The instalments that a payment of this timing goes to next.
    fn rows_to_pay(&self, on: Date, timing: Timing, future: FutureRule, only: Option<Component>) -> Vec<usize> {
        let is_open = |row: &ScheduledInstalment| match only {
            Some(component) => row.debt(component).open() > 0,
            None => row.met_on.is_none(),
        };
        let all = || self.rows.iter().enumerate();
        let one = |found: Option<(usize, &ScheduledInstalment)>| found.map(|(nth, _)| nth).into_iter().collect();
        match timing {
            Timing::PastDue => one(all().find(|(_, row)| is_open(row) && row.due < on)),
            Timing::Due => one(all().find(|(_, row)| is_open(row) && row.due == on)),
            Timing::InAdvance => {
                // A row with nothing due may have interest until today: it is asked once.
                let may_be_open = |nth: usize, row: &ScheduledInstalment| {
                    let empty = only.is_none() && self.recalculates() && row.due_total() == 0;
                    is_open(row) || empty && !self.skipped.contains(&nth)
                };
                let last =
                    || one(self.rows.iter().enumerate().rfind(|&(nth, row)| row.due > on && may_be_open(nth, row)));
                match future {
                    FutureRule::NextInstalment => one(all().find(|(_, row)| is_open(row) && row.due > on)),
                    FutureRule::LastInstalment => last(),
                    FutureRule::NextThenLast => {
                        let running: Vec<usize> = all()
                            .filter(|(_, row)| is_open(row) && row.from <= on && on < row.due)
                            .map(|(nth, _)| nth)
                            .collect();
                        if running.is_empty() { last() } else { running }
                    }
                    FutureRule::Reamortise => {
                        all().filter(|(_, row)| is_open(row) && row.due > on).map(|(nth, _)| nth).collect()
                    }
                }
            }
        }
    }

    /// Pays one component of one instalment and tells the plan; gives back what was paid.
    fn pay_cell(
        &mut self,
        nth: usize,
        on: Date,
        amount: i64,
        component: Component,
        timing: Timing,
        portions: &mut Portions,
    ) -> Result<i64> {
        let period = self.found.period_of(nth).filter(|_| self.recalculates());
        let Some(period) = period else {
            self.skipped.insert(nth);
            return Ok(self.pay_debt(nth, on, amount, component, portions));
        };
        if timing == Timing::InAdvance {
            return self.pay_ahead(nth, period, on, amount, component, portions);
        }
        let paid = self.pay_debt(nth, on, amount, component, portions);
        match component {
            Component::Principal => self.plan.pay_principal(&self.loan.product, period, on, paid)?,
            Component::Interest => self.plan.pay_interest(&self.loan.product, period, on, paid)?,
            _ => return Ok(paid),
        }
        self.write(on, None);
        Ok(paid)
    }

    /// Pays a debt of an instalment; gives back what was paid.
    pub(super) fn pay_debt(
        &mut self,
        nth: usize,
        on: Date,
        amount: i64,
        component: Component,
        portions: &mut Portions,
    ) -> i64 {
        let row = &mut self.rows[nth];
        let debt = row.debt_mut(component);
        let paid = debt.open().clamp(0, amount.max(0));
        debt.paid += paid;
        if on < row.due {
            row.in_advance += paid;
        } else if on > row.due {
            row.late += paid;
        }
        portions.add(component, paid);
        row.met_on = (row.open_total() == 0).then_some(on);
        paid
    }

    /// Charges that are due by their own date although their instalment is not.
    fn pay_charges_due(&mut self, on: Date, amount: i64, portions: &mut Portions) -> i64 {
        let mut left = amount;
        for component in [Component::Penalty, Component::Fee] {
            let charges = self.loan.charges.iter().filter(|charge| charge.component == component);
            let due: i64 =
                charges.filter(|charge| charge.due <= on && !charge.waived).map(|charge| charge.amount).sum();
            let paid: i64 = self.rows.iter().map(|row| row.debt(component).paid).sum();
            let mut open = (due - paid).max(0).min(left);
            for nth in 0..self.rows.len() {
                if open == 0 {
                    break;
                }
                if self.rows[nth].debt(component).open() > 0 {
                    let met = self.pay_debt(nth, on, open, component, portions);
                    (open, left) = (open - met, left - met);
                }
            }
        }
        left
    }

    /// A credit balance is used up for what has fallen due on a day; gives back what it met.
    pub(super) fn use_overpaid(&mut self, on: Date) -> Result<Portions> {
        if self.overpaid == 0 {
            return Ok(Portions::default());
        }
        let rule = self.loan.product.rule.clone();
        let available = self.overpaid;
        let mut portions = Portions::default();
        self.overpaid = self.allocate(on, available, &rule, &mut portions)?;
        Ok(portions)
    }

    /// What was left over of earlier payments meets charges made since: the payments say so.
    pub(super) fn use_overpaid_for_charges(&mut self) -> Result<()> {
        if self.overpaid == 0 {
            return Ok(());
        }
        for index in 0..self.transactions.len() {
            let transaction = &self.transactions[index];
            let available = transaction.portions.overpaid.min(self.overpaid);
            if transaction.reverted || !transaction.kind.is_payment() || available == 0 {
                continue;
            }
            let (on, mut portions) = (transaction.on, transaction.portions);
            let rule = self.loan.product.rule_for(transaction.kind).clone();
            let left = self.allocate(on, available, &rule, &mut portions)?;
            self.overpaid -= available - left;
            portions.overpaid -= available - left;
            self.transactions[index].portions = portions;
        }
        Ok(())
    }

    /// The instalment behind the last one, reaching to `day`.
    pub(super) fn additional(&mut self, day: Date) -> usize {
        let last = self.rows.len() - 1;
        if self.rows[last].kind == InstalmentKind::Additional {
            self.rows[last].due = self.rows[last].due.max(day);
            return last;
        }
        let from = self.rows[last].due;
        self.rows.push(ScheduledInstalment::new(InstalmentKind::Additional, from, day));
        last + 1
    }
}
