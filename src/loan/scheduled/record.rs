//! Facts that are recorded on a loan. Whatever is recorded, everything is worked out again; what cannot be is refused whole.

use super::product::{DownPayment, ScheduleKind, TransactionKind};
use super::state::{LoanStatus, MOST_FACTS, MOST_MINOR, ScheduledLoan};
use super::transaction::{LoanTransaction, NewPlan, Portions};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Every;
use crate::money::Money;

impl ScheduledLoan {
    pub(super) fn change(&mut self, edit: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.change_as_of(Some(self.today), edit)
    }

    /// As [`change`](Self::change), with overdue balances taken into account until another day.
    pub(super) fn change_as_of(
        &mut self,
        as_of: Option<Date>,
        edit: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let mut next = self.clone();
        let known = next.transactions.len();
        let was_closed = matches!(next.status(), LoanStatus::Closed | LoanStatus::Overpaid);
        edit(&mut next)?;
        let facts = next.transactions.len() + next.charges.len() + next.changes.len() + next.instalment_fees.len();
        if facts > MOST_FACTS {
            return Err(Error::invalid("events of a loan", facts, "at most 10,000"));
        }
        next.recalculated_on = as_of;
        if let Some((on, interest)) = next.replay(Some(known))? {
            next.accrue_until_charge_off(on, interest);
        }
        next.transactions.iter_mut().filter(|added| added.kind == TransactionKind::InterestRefund).for_each(|added| {
            // A refund that gives no interest back leaves nothing to show.
            added.withdrawn |= added.amount == 0;
        });
        let is_closed = matches!(next.status(), LoanStatus::Closed | LoanStatus::Overpaid);
        if is_closed {
            let paid =
                next.transactions.iter().filter(|transaction| !transaction.reverted && transaction.kind.is_payment());
            if let Some(on) = paid.map(|transaction| transaction.on).max() {
                let last_due = next.instalments.iter().map(|row| row.due).max().unwrap_or(on);
                let progressive = next.product.kind == ScheduleKind::Progressive;
                let booked_on = if progressive { next.today.min(last_due).max(on.min(last_due)) } else { on };
                next.accrue(booked_on, true)?;
                next.amortise_deferred_income(on, true);
                next.note_closing_activity(on);
            }
        } else if was_closed {
            next.reopen_activity();
        }
        if next.status() == LoanStatus::WrittenOff || next.is_charged_off() {
            let today = next.today;
            next.amortise_deferred_income(today, true);
        }
        *self = next;
        Ok(())
    }

    pub(super) fn push(&mut self, on: Date, kind: TransactionKind, amount: i64) -> usize {
        let id = self.transactions.len() as u32;
        self.transactions.push(LoanTransaction {
            id,
            on,
            recorded_on: self.today,
            kind,
            amount,
            portions: Portions::default(),
            reverted: false,
            replayed: false,
            met: Portions::default(),
            withdrawn: false,
            void: false,
            payment: None,
            balance: 0,
            plan: None,
        });
        self.transactions.len() - 1
    }

    /// Money goes out.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero.
    pub fn disburse(&mut self, on: Date, amount: Money) -> Result<()> {
        let minor = above_zero("disbursement", amount)?;
        self.change(|loan| {
            loan.push(on, TransactionKind::Disbursement, minor);
            if let Some(DownPayment { share, automatic: true }) = loan.product.down_payment {
                let part = loan.down_payment(minor, share.get());
                let part = part - loan.overpaid.min(part);
                if part > 0 {
                    loan.push(on, TransactionKind::DownPayment, part);
                }
            }
            Ok(())
        })
    }

    /// A fee that is deferred and earned until the last due date: added to the principal, or paid by a third party.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or a kind that is no such fee; [`Error::is_conflict`]
    /// before any money is out.
    pub fn defer_income(&mut self, on: Date, kind: TransactionKind, amount: Money) -> Result<()> {
        let minor = above_zero("deferred income", amount)?;
        if !matches!(kind, TransactionKind::CapitalisedIncome | TransactionKind::BuyDownFee) {
            return Err(Error::invalid("deferred income", format!("{kind:?}"), "capitalised income or a buy-down fee"));
        }
        if self.status() == LoanStatus::Approved {
            return Err(Error::conflict("deferred income", minor, "money paid out before"));
        }
        self.change(|loan| {
            loan.push(on, kind, minor);
            Ok(())
        })
    }

    /// A payment of some kind; gives back its number.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or a kind that is no payment; [`Error::is_conflict`] before
    /// any money is out.
    pub fn pay(&mut self, on: Date, kind: TransactionKind, amount: Money) -> Result<u32> {
        let gives_interest_back = self.product.interest_refunds.contains(&kind);
        self.pay_as(on, kind, amount, gives_interest_back)
    }

    /// A refund that gives no interest back, whatever the product says; gives back its number.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn pay_without_interest_refund(&mut self, on: Date, kind: TransactionKind, amount: Money) -> Result<u32> {
        self.pay_as(on, kind, amount, false)
    }

    fn pay_as(&mut self, on: Date, kind: TransactionKind, amount: Money, gives_interest_back: bool) -> Result<u32> {
        let minor = above_zero("payment", amount)?;
        if !kind.is_payment() && !matches!(kind, TransactionKind::Refund | TransactionKind::CreditBalanceRefund) {
            return Err(Error::invalid("payment", format!("{kind:?}"), "a kind of payment or refund"));
        }
        if self.status() == LoanStatus::Approved {
            return Err(Error::conflict("payment", minor, "money paid out before"));
        }
        let id = self.transactions.len() as u32;
        self.change(|loan| {
            loan.push(on, kind, minor);
            if gives_interest_back && loan.product.kind == ScheduleKind::Progressive && loan.bears_interest() {
                let index = loan.push(on, TransactionKind::InterestRefund, 0);
                loan.transactions[index].payment = Some(id);
            }
            Ok(())
        })?;
        Ok(id)
    }

    /// A payment is taken back by the bank, today.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero; [`Error::is_unknown`] for a payment that does not exist.
    pub fn charge_back(&mut self, amount: Money, payment: Option<u32>) -> Result<()> {
        let minor = above_zero("charge-back", amount)?;
        if let Some(number) = payment {
            let known = self.transactions.get(number as usize).filter(|known| known.kind.is_payment());
            known.ok_or_else(|| Error::unknown("payment", number))?;
        }
        self.change(|loan| {
            let index = loan.push(loan.today, TransactionKind::ChargeBack, minor);
            loan.transactions[index].payment = payment;
            Ok(())
        })
    }

    /// Everything unpaid moves to new instalments.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for no instalments.
    pub fn re_age(&mut self, start: Date, every: Every, instalments: u32) -> Result<()> {
        if !(1..=1_200).contains(&instalments) {
            return Err(Error::invalid("instalments", instalments, "1 to 1200"));
        }
        self.change(|loan| {
            // It counts from its first due date where that has passed.
            let index = loan.push(loan.today.min(start), TransactionKind::ReAge, 0);
            loan.transactions[index].plan = Some(NewPlan { start, every, instalments });
            Ok(())
        })
    }

    /// A transaction that carries no amount of its own: re-amortisation, charge-off, write-off.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for any other kind.
    pub fn mark(&mut self, on: Date, kind: TransactionKind) -> Result<()> {
        if !matches!(kind, TransactionKind::ReAmortise | TransactionKind::ChargeOff | TransactionKind::WriteOff) {
            return Err(Error::invalid(
                "transaction",
                format!("{kind:?}"),
                "a re-amortisation, a charge-off or a write-off",
            ));
        }
        self.change(|loan| {
            loan.push(on, kind, 0);
            Ok(())
        })
    }

    /// All money that went out never did: the loan is approved again and nothing has happened to it.
    ///
    /// # Errors
    /// [`Error::is_conflict`] when no money is out.
    pub fn undo_all_disbursements(&mut self) -> Result<()> {
        if self.status() == LoanStatus::Approved {
            return Err(Error::conflict("disbursement", "none", "money paid out before"));
        }
        self.change(|loan| {
            for known in &mut loan.transactions {
                (known.reverted, known.withdrawn) = (true, true);
            }
            loan.charges.clear();
            loan.changes.clear();
            loan.closed_day = None;
            Ok(())
        })
    }

    /// A transaction never happened.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for one that does not exist; [`Error::is_conflict`] for one already undone.
    pub fn undo(&mut self, id: u32) -> Result<()> {
        let found = self.transactions.get(id as usize).ok_or_else(|| Error::unknown("transaction", id))?;
        if found.reverted {
            return Err(Error::conflict("transaction", id, "one not undone before"));
        }
        self.change(|loan| {
            let (kind, on) = (loan.transactions[id as usize].kind, loan.transactions[id as usize].on);
            loan.transactions[id as usize].reverted = true;
            // Interest given back with a refund goes with it.
            for other in &mut loan.transactions {
                other.reverted |= other.kind == TransactionKind::InterestRefund && other.payment == Some(id);
            }
            if kind == TransactionKind::Disbursement {
                // A disbursement taken back leaves no trace, nor does the part of it that was due at once.
                loan.transactions[id as usize].withdrawn = true;
                let down = loan.transactions.iter_mut().rev().find(|transaction| {
                    transaction.kind == TransactionKind::DownPayment && transaction.on == on && !transaction.reverted
                });
                if let Some(down) = down {
                    (down.reverted, down.withdrawn) = (true, true);
                }
            }
            Ok(())
        })
    }
}

pub(super) fn above_zero(name: &'static str, amount: Money) -> Result<i64> {
    let minor = amount.to_minor();
    if (1..=MOST_MINOR).contains(&minor) {
        Ok(minor)
    } else {
        Err(Error::invalid(name, minor, "above zero and at most 10^13 minor units"))
    }
}
