//! The loan: what happened, and what the schedule shows for it.

use serde::{Deserialize, Serialize};

use super::charge::{InstalmentFee, LoanCharge};
use super::instalment::ScheduledInstalment;
use super::product::{LoanProduct, ScheduledTerms, TransactionKind, check_rate};
use super::record::above_zero;
use super::term_change::TermChange;
use super::transaction::LoanTransaction;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Every;
use crate::money::Money;

/// The largest amount of money in one place, and the most facts of a loan: sums over instalments and transactions stay far
/// below what a number of 64 bits can hold, so that nothing behind the doors where amounts come in can overflow.
pub(super) const MOST_MINOR: i64 = 10_000_000_000_000;
pub(super) const MOST_FACTS: usize = 10_000;

/// How a loan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoanStatus {
    /// Agreed, no money out.
    Approved,
    /// Money is owed.
    Active,
    /// Everything is paid.
    Closed,
    /// More than everything is paid.
    Overpaid,
    /// The claim was given up.
    WrittenOff,
}

/// A loan repaid by schedule: everything it shows is worked out from the facts, in the order of their days.
///
/// A backdated or undone fact is no special case: it is put in its place and everything follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledLoan {
    pub(super) product: LoanProduct,
    pub(super) terms: ScheduledTerms,
    pub(super) approved: i64,
    pub(super) today: Date,
    pub(super) transactions: Vec<LoanTransaction>,
    pub(super) charges: Vec<LoanCharge>,
    pub(super) changes: Vec<TermChange>,
    pub(super) instalment_fees: Vec<InstalmentFee>,
    pub(super) instalments: Vec<ScheduledInstalment>,
    pub(super) overpaid: i64,
    pub(super) recalculated_on: Option<Date>,
    pub(super) closed_day: Option<Date>,
}

impl ScheduledLoan {
    /// An approved loan.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or more than 10^13 minor units, a negative rate or one
    /// above 100,000 %, no instalments or more than 1,200, or a product that breaks a rule.
    pub fn approve(product: LoanProduct, terms: ScheduledTerms, amount: Money) -> Result<Self> {
        let minor = above_zero("principal", amount)?;
        product.check()?;
        check_rate(terms.annual_rate)?;
        if !(1..=1_200).contains(&terms.instalments) || matches!(terms.every, Every::Days(0) | Every::Months(0)) {
            return Err(Error::invalid("instalments", terms.instalments, "1 to 1200, at least a day apart"));
        }
        let mut loan = Self {
            today: terms.submitted_on,
            product,
            terms,
            approved: minor,
            transactions: Vec::new(),
            charges: Vec::new(),
            changes: Vec::new(),
            instalment_fees: Vec::new(),
            instalments: Vec::new(),
            overpaid: 0,
            recalculated_on: None,
            closed_day: None,
        };
        loan.replay(None)?;
        Ok(loan)
    }

    /// Another amount is approved before any money is out.
    ///
    /// # Errors
    /// As [`approve`](Self::approve); [`Error::is_conflict`] once money is out.
    pub fn approve_amount(&mut self, amount: Money) -> Result<()> {
        let minor = above_zero("principal", amount)?;
        if self.status() != LoanStatus::Approved {
            return Err(Error::conflict("approved amount", minor, "no money out before"));
        }
        self.change(|loan| {
            loan.approved = minor;
            Ok(())
        })
    }

    /// The rules.
    #[must_use]
    pub const fn product(&self) -> &LoanProduct {
        &self.product
    }

    /// The schedule, by due date.
    #[must_use]
    pub fn instalments(&self) -> &[ScheduledInstalment] {
        &self.instalments
    }

    /// The transactions by day and arrival, undone ones included.
    #[must_use]
    pub fn transactions(&self) -> Vec<&LoanTransaction> {
        let mut sorted: Vec<&LoanTransaction> =
            self.transactions.iter().filter(|transaction| !transaction.withdrawn && !transaction.void).collect();
        sorted.sort_by_key(|transaction| (transaction.on, transaction.id));
        sorted
    }

    /// Whether it came after a charge-off that stands.
    #[must_use]
    pub fn is_after_charge_off(&self, transaction: &LoanTransaction) -> bool {
        // Nothing is earned after a charge-off: what is booked on its day was earned before.
        !transaction.kind.is_accrual()
            && self.transactions.iter().any(|other| {
                other.kind == TransactionKind::ChargeOff
                    && !other.reverted
                    && !other.void
                    && (other.on, other.id) < (transaction.on, transaction.id)
            })
    }

    pub(super) fn is_charged_off(&self) -> bool {
        self.transactions.iter().any(|transaction| {
            transaction.kind == TransactionKind::ChargeOff && !transaction.reverted && !transaction.void
        })
    }

    /// What was paid beyond what is owed.
    #[must_use]
    pub const fn overpaid(&self) -> i64 {
        self.overpaid
    }

    /// Everything open.
    #[must_use]
    pub fn outstanding(&self) -> i64 {
        self.instalments.iter().map(ScheduledInstalment::open_total).sum()
    }

    /// The first day of delinquency: so many days of grace after the oldest due date that is not met.
    #[must_use]
    pub fn delinquent_since(&self, grace_days: u32) -> Option<Date> {
        let oldest = self.instalments.iter().find(|row| row.due < self.today && row.open_total() > 0)?;
        let since = Every::Days(grace_days.max(1)).after(oldest.due, u32::from(grace_days > 0)).ok()?;
        (since < self.today).then_some(since)
    }

    /// Today.
    #[must_use]
    pub const fn today(&self) -> Date {
        self.today
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> LoanStatus {
        let live = |kind| self.transactions.iter().any(|transaction| !transaction.reverted && transaction.kind == kind);
        if !live(TransactionKind::Disbursement) {
            LoanStatus::Approved
        } else if live(TransactionKind::WriteOff) {
            LoanStatus::WrittenOff
        } else if self.overpaid > 0 {
            LoanStatus::Overpaid
        } else if self.outstanding() == 0 {
            LoanStatus::Closed
        } else {
            LoanStatus::Active
        }
    }

    /// Today moves on.
    pub fn set_today(&mut self, today: Date) {
        self.today = today;
    }
}
