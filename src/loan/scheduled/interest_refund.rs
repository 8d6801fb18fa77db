//! Interest given back with a refund: what would not have been owed had the refunded part never been lent.

use super::product::TransactionKind;
use super::replay::Replay;
use super::transaction::LoanTransaction;
use crate::calendar::Date;
use crate::error::Result;

impl Replay<'_> {
    /// The interest that goes back with the refunds so far, less what went back before.
    pub(super) fn interest_to_refund(&mut self, refund: &LoanTransaction) -> Result<i64> {
        let on = refund.on;
        let amount = if self.frozen {
            self.rows.iter().map(|row| row.interest.due).sum::<i64>()
        } else {
            self.interest_due_by(on)? - self.interest_without_refunds(refund)?
        };
        let amount = (amount - self.interest_refunded).max(0);
        self.interest_refunded += amount;
        Ok(amount)
    }

    /// Interest that falls due for the days until `on`, whatever was paid.
    fn interest_due_by(&self, on: Date) -> Result<i64> {
        let product = &self.loan.product;
        let mut ahead = self.plan.ahead_on(product, on)?;
        (0..self.plan.periods.len()).map(|nth| Ok(ahead.asked(product, nth)?.interest)).sum()
    }

    /// The same for a loan whose refunded part was paid back on the day it was lent.
    fn interest_without_refunds(&self, refund: &LoanTransaction) -> Result<i64> {
        let mut other = self.loan.clone();
        other.transactions.clear();
        let mut known: Vec<&LoanTransaction> = self.loan.transactions.iter().filter(|known| !known.reverted).collect();
        known.sort_by_key(|known| known.order());
        known.retain(|known| known.order() < refund.order() && !known.kind.is_accrual());
        known.retain(|known| known.kind != TransactionKind::InterestRefund);
        let gives_back = |known: &&&LoanTransaction| self.loan.product.interest_refunds.contains(&known.kind);
        let mut refunded: i64 = known.iter().filter(gives_back).map(|known| known.amount).sum();
        for transaction in known {
            if self.loan.product.interest_refunds.contains(&transaction.kind) {
                continue;
            }
            let mut copies = vec![transaction.clone()];
            if transaction.kind == TransactionKind::Disbursement && refunded > 0 {
                let mut paid = transaction.clone();
                paid.kind = TransactionKind::Repayment;
                paid.amount = transaction.amount.min(refunded);
                refunded -= paid.amount;
                copies.push(paid);
            }
            for mut copy in copies {
                copy.id = other.transactions.len() as u32;
                copy.payment = None;
                other.transactions.push(copy);
            }
        }
        Replay::run(&other, Some(refund.on), Some(refund.on))?.interest_due_by(refund.on)
    }
}
