//! The double entry behind each transaction.

use super::product::TransactionKind;
use super::state::ScheduledLoan;
use super::transaction::LoanTransaction;
use crate::loan::{Account, Posting};
use crate::money::Money;

impl ScheduledLoan {
    /// The balanced postings of a transaction; none for one that moves no money.
    #[must_use]
    pub fn postings(&self, transaction: &LoanTransaction) -> Vec<Posting> {
        let portions = &transaction.portions;
        let receivable = portions.interest + portions.fee + portions.penalty;
        let lines: Vec<(Account, i64)> = match transaction.kind {
            TransactionKind::Disbursement => {
                vec![(Account::Principal, transaction.amount), (Account::Cash, -transaction.amount)]
            }
            TransactionKind::ChargeBack | TransactionKind::CreditBalanceRefund | TransactionKind::Refund => vec![
                // What a credit balance met was never owed.
                (Account::Principal, portions.principal - transaction.met.principal),
                (Account::InterestReceivable, receivable + transaction.met.principal - transaction.met.total()),
                (Account::CreditBalance, portions.overpaid),
                (Account::Cash, -transaction.amount),
            ],
            // The loss is the principal; interest, fees and penalties were never received and leave the income.
            TransactionKind::WriteOff => vec![
                (Account::CreditLoss, portions.principal + receivable),
                (Account::Principal, -portions.principal),
                (Account::InterestReceivable, -receivable),
            ],
            TransactionKind::ChargeOff => vec![
                (Account::CreditLoss, portions.principal),
                (Account::InterestIncome, portions.interest),
                (Account::FeeIncome, portions.fee + portions.penalty),
                (Account::Principal, -portions.principal),
                (Account::InterestReceivable, -receivable),
            ],
            TransactionKind::Accrual => vec![
                (Account::InterestReceivable, receivable),
                (Account::InterestIncome, -portions.interest),
                (Account::FeeIncome, -portions.fee - portions.penalty),
            ],
            TransactionKind::AccrualAdjustment => vec![
                (Account::InterestReceivable, -receivable),
                (Account::InterestIncome, portions.interest),
                (Account::FeeIncome, portions.fee + portions.penalty),
            ],
            TransactionKind::CapitalisedIncome => {
                vec![(Account::Principal, transaction.amount), (Account::DeferredIncome, -transaction.amount)]
            }
            TransactionKind::BuyDownFee => {
                vec![(Account::BuyDownExpense, transaction.amount), (Account::DeferredIncome, -transaction.amount)]
            }
            TransactionKind::CapitalisedIncomeAmortisation | TransactionKind::BuyDownFeeAmortisation => {
                vec![(Account::DeferredIncome, transaction.amount), (Account::InterestIncome, -transaction.amount)]
            }
            TransactionKind::CapitalisedIncomeAmortisationAdjustment
            | TransactionKind::BuyDownFeeAmortisationAdjustment => {
                vec![(Account::InterestIncome, transaction.amount), (Account::DeferredIncome, -transaction.amount)]
            }
            kind if kind.is_payment() => {
                let source = match kind {
                    TransactionKind::GoodwillCredit => Account::GoodwillExpense,
                    TransactionKind::InterestWaiver | TransactionKind::InterestRefund => Account::InterestIncome,
                    _ => Account::Cash,
                };
                vec![
                    (source, transaction.amount),
                    (Account::Principal, -portions.principal),
                    (Account::InterestReceivable, -receivable),
                    (Account::CreditBalance, -portions.overpaid),
                ]
            }
            _ => Vec::new(),
        };
        let lines: Vec<(Account, i64)> = if self.is_after_charge_off(transaction) {
            // The books hold no claim any more: what moves goes against the loss and the income given up.
            let moved = |account: Account, debit: i64| match account {
                Account::Principal => vec![(Account::CreditLoss, debit)],
                Account::InterestReceivable => {
                    let charges = (portions.fee + portions.penalty) * debit.signum();
                    vec![(Account::InterestIncome, debit - charges), (Account::FeeIncome, charges)]
                }
                other => vec![(other, debit)],
            };
            lines.into_iter().flat_map(|(account, debit)| moved(account, debit)).collect()
        } else {
            lines
        };
        let sign = [1, -1];
        let times = if transaction.reverted { 2 } else { 1 };
        sign[..times]
            .iter()
            .flat_map(|sign| lines.iter().map(move |&(account, debit)| (account, debit * sign)))
            .filter(|&(_, debit)| debit != 0)
            .map(|(account, debit)| Posting { account, debit_minor: Money::from_minor(debit) })
            .collect()
    }
}
