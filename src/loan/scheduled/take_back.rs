//! Money that goes back: charge-backs, refunds, credit balances paid out.

use super::instalment::InstalmentKind;
use super::product::TransactionKind;
use super::replay::Replay;
use super::transaction::{LoanTransaction, Portions};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Component;

impl Replay<'_> {
    /// A payment that its bank took back is owed again: its parts, and what of them a credit balance met at once.
    pub(super) fn take_back(&mut self, transaction: &LoanTransaction) -> Result<(Portions, Portions)> {
        let (on, amount) = (transaction.on, transaction.amount);
        let follows_plan = self.loan.product.recalculates.is_some() && !self.frozen;
        let mut portions = Portions::default();
        if self.loan.product.charge_back_order.is_none() && !follows_plan {
            return Ok((self.owe_principal_again(on, amount)?, Portions::default()));
        }
        let parts = self.parts_taken_back(transaction);
        for component in Component::ALL {
            portions.add(component, parts.of(component));
        }
        if follows_plan && on <= self.plan.maturity() {
            let product = &self.loan.product;
            if parts.principal > 0 {
                self.plan.credit(product, on, parts.principal, 0)?;
            }
            if parts.interest > 0 {
                self.plan.credit(product, on, 0, parts.interest)?;
            }
            self.write(on, None);
            let nth = self.row_holding(on);
            self.credit_row(nth, on, Portions { principal: 0, interest: 0, ..parts });
        } else {
            let nth = self.row_to_credit(on);
            self.credit_row(nth, on, parts);
        }
        let met = self.use_overpaid(on)?;
        portions.overpaid = met.total().min(amount);
        Ok((portions, met))
    }

    /// What a charge-back takes back of the payment behind it, less what earlier ones took.
    fn parts_taken_back(&self, transaction: &LoanTransaction) -> Portions {
        let Some(order) = self.loan.product.charge_back_order else {
            return Portions { principal: transaction.amount, ..Portions::default() };
        };
        let paid = transaction.payment.and_then(|number| self.transactions.get(number as usize));
        let mut rest = paid.map(|payment| payment.portions).unwrap_or_default();
        let earlier = self.transactions.iter().filter(|other| {
            other.kind == TransactionKind::ChargeBack
                && !other.reverted
                && other.payment == transaction.payment
                && (other.on, other.id) < (transaction.on, transaction.id)
        });
        for other in earlier {
            let taken = Self::split(other.amount, order, &rest);
            for component in order {
                rest.add(component, -taken.of(component));
            }
        }
        let mut parts = Self::split(transaction.amount, order, &rest);
        let taken: i64 = order.iter().map(|&component| parts.of(component)).sum();
        parts.principal += transaction.amount - taken;
        parts
    }

    fn split(amount: i64, order: [Component; 4], most: &Portions) -> Portions {
        let mut left = amount;
        let mut parts = Portions::default();
        for component in order {
            let part = most.of(component).clamp(0, left);
            parts.add(component, part);
            left -= part;
        }
        parts
    }

    /// The whole amount is owed again as principal; a credit balance meets it first.
    fn owe_principal_again(&mut self, on: Date, amount: i64) -> Result<Portions> {
        let overpaid = amount.min(self.overpaid);
        self.overpaid -= overpaid;
        if overpaid == amount {
            return Ok(Portions { overpaid, ..Portions::default() });
        }
        let nth = self.row_to_credit(on);
        self.credit_row(nth, on, Portions { principal: amount, ..Portions::default() });
        self.meet(nth, on, overpaid);
        Ok(Portions { overpaid, principal: amount - overpaid, ..Portions::default() })
    }

    /// Principal of an instalment is met out of the credit balance.
    fn meet(&mut self, nth: usize, on: Date, minor: i64) {
        let row = &mut self.rows[nth];
        row.principal.paid += minor;
        if on < row.due {
            row.in_advance += minor;
        } else if on > row.due {
            row.late += minor;
        }
        row.note_met(on);
    }

    /// The instalment whose days from the first to the one before the last hold a day; the last one on its last day.
    fn row_holding(&mut self, on: Date) -> usize {
        let maturity = self.plan.maturity();
        let found = self.rows.iter().position(|row| {
            row.kind != InstalmentKind::DownPayment
                && (row.from <= on && on < row.due || on == maturity && row.due == maturity)
        });
        found.unwrap_or_else(|| self.row_to_credit(on))
    }

    /// The instalment a debt of today goes to: the first that falls due later, or one behind the last.
    fn row_to_credit(&mut self, on: Date) -> usize {
        let found = self.rows.iter().position(|row| match row.kind {
            InstalmentKind::DownPayment => false,
            InstalmentKind::Planned => row.due > on,
            InstalmentKind::Additional => true,
        });
        match found {
            Some(nth) if self.rows[nth].kind == InstalmentKind::Planned => nth,
            None if self.rows.last().is_some_and(|row| row.due == on) => self.rows.len() - 1,
            _ => self.additional(on),
        }
    }

    /// So much is owed again with an instalment.
    fn credit_row(&mut self, nth: usize, on: Date, parts: Portions) {
        let row = &mut self.rows[nth];
        for component in Component::ALL {
            row.debt_mut(component).due += parts.of(component);
        }
        row.credited += parts.principal;
        row.credited_interest += parts.interest;
        row.note_met(on);
    }

    /// A credit balance is paid out; more than it becomes a debt.
    pub(super) fn refund_credit(&mut self, transaction: &LoanTransaction) -> Result<Portions> {
        let (on, amount) = (transaction.on, transaction.amount);
        let overpaid = amount.min(self.overpaid);
        let follows_plan = self.loan.product.recalculates.is_some() && !self.frozen;
        if overpaid == amount || !follows_plan || on > self.plan.maturity() {
            return self.owe_principal_again(on, amount);
        }
        self.overpaid -= overpaid;
        let product = &self.loan.product;
        self.plan.credit(product, on, amount, 0)?;
        self.write(on, None);
        let nth = self.row_to_credit(on);
        if overpaid > 0 {
            if let Some(period) = self.period_of(nth) {
                self.plan.pay_principal(product, period, on, overpaid)?;
            }
            self.write(on, None);
            self.meet(nth, on, overpaid);
        }
        Ok(Portions { overpaid, principal: amount - overpaid, ..Portions::default() })
    }

    /// Money given back on an active loan: what was paid last is open again.
    pub(super) fn refund(&mut self, transaction: &LoanTransaction) -> Result<Portions> {
        let mut left = transaction.amount;
        let mut portions = Portions::default();
        for row in self.rows.iter_mut().rev() {
            for component in [Component::Principal, Component::Interest, Component::Fee, Component::Penalty] {
                let debt = row.debt_mut(component);
                let part = debt.paid.min(left);
                debt.paid -= part;
                left -= part;
                portions.add(component, part);
                row.in_advance = row.in_advance.min(row.paid_total());
                if part > 0 {
                    row.met_on = None;
                }
            }
        }
        if left > 0 {
            return Err(Error::invalid("refund", transaction.amount, "at most what was paid"));
        }
        Ok(portions)
    }
}
