//! Money that goes back: charge-backs, refunds, credit balances paid out.

use super::instalment::InstalmentKind;
use super::replay::Replay;
use super::transaction::{LoanTransaction, Portions};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Component;

impl Replay<'_> {
    pub(super) fn take_back(&mut self, transaction: &LoanTransaction) -> Result<Portions> {
        self.bring_up_to(transaction.on, false)?;
        let mut portions = Portions { overpaid: transaction.amount.min(self.overpaid), ..Portions::default() };
        self.overpaid -= portions.overpaid;
        let mut left = transaction.amount - portions.overpaid;
        if left == 0 {
            return Ok(portions);
        }
        let nth = self.row_of(transaction.on);
        let paid = transaction
            .payment
            .and_then(|number| self.transactions.get(number as usize))
            .map(|payment| payment.portions);
        let order = self.loan.product.charge_back_order.unwrap_or([
            Component::Principal,
            Component::Interest,
            Component::Fee,
            Component::Penalty,
        ]);
        for component in order {
            let most = match (self.loan.product.charge_back_order, paid) {
                (Some(_), Some(paid)) => paid.of(component),
                _ if component == Component::Principal => left,
                _ => 0,
            };
            let part = most.min(left);
            left -= part;
            portions.add(component, part);
            self.credit(nth, transaction.on, component, part);
        }
        if left > 0 {
            portions.principal += left;
            self.credit(nth, transaction.on, Component::Principal, left);
        }
        self.rows[nth].met_on = None;
        self.sync(transaction.on)?;
        Ok(portions)
    }

    /// The instalment a debt of today goes to: the running one, or one behind the last.
    pub(super) fn row_of(&mut self, on: Date) -> usize {
        let found = (0..self.rows.len()).find(|&nth| {
            self.rows[nth].kind != InstalmentKind::DownPayment && self.rows[nth].from <= on && on < self.rows[nth].due
        });
        let last = self.rows.len() - 1;
        match found {
            Some(nth) => nth,
            None if self.rows[last].due == on => last,
            None => self.additional(on),
        }
    }

    /// So much is owed again with instalment `nth`.
    pub(super) fn credit(&mut self, nth: usize, on: Date, component: Component, minor: i64) {
        if minor == 0 {
            return;
        }
        let place = self.rows[..nth].iter().filter(|row| row.kind == InstalmentKind::Planned).count();
        let planned = self.rows[nth].kind == InstalmentKind::Planned;
        self.rows[nth].debt_mut(component).due += minor;
        if component == Component::Principal {
            self.rows[nth].credited += minor;
        }
        if let (true, Some(period)) = (planned, self.plan.periods.get_mut(place)) {
            match component {
                Component::Principal => {
                    period.credited_principal += minor;
                    if self.loan.product.recalculates.is_some() {
                        self.plan.credited.push((on, minor));
                    }
                    period.principal += minor;
                }
                Component::Interest => {
                    period.credited_interest += minor;
                    period.interest += minor;
                }
                _ => {}
            }
        }
    }

    pub(super) fn refund_credit(&mut self, transaction: &LoanTransaction) -> Portions {
        let overpaid = transaction.amount.min(self.overpaid);
        self.overpaid -= overpaid;
        let rest = transaction.amount - overpaid;
        if rest > 0 {
            let nth = self.row_of(transaction.on);
            self.credit(nth, transaction.on, Component::Principal, rest);
            self.rows[nth].met_on = None;
        }
        Portions { overpaid, principal: rest, ..Portions::default() }
    }

    /// Money given back on an active loan: what was paid last is open again.
    pub(super) fn refund(&mut self, transaction: &LoanTransaction) -> Result<Portions> {
        let mut left = transaction.amount;
        let mut portions = Portions::default();
        for nth in (0..self.rows.len()).rev() {
            for component in [Component::Principal, Component::Interest, Component::Fee, Component::Penalty] {
                let row = &mut self.rows[nth];
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
