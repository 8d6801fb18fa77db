//! A loan repaid by schedule: facts in, the schedule, the transactions and the journal out.

use serde::{Deserialize, Serialize};

use super::plan::{Plan, PrincipalPaid, due_dates, multiple};
use super::product::{
    ChargeOffEffect, DownPayment, FutureRule, InterestMethod, LoanProduct, PaymentRule, PayoffInterest, ScheduleKind,
    ScheduledTerms, TransactionKind,
};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Cell, Component, Direction, Every, Posting, Timing};
use crate::money::Money;
use crate::rate::BasisPoints;

/// A debt of an instalment, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Debt {
    /// What falls due.
    pub due: i64,
    /// What was paid.
    pub paid: i64,
    /// What was given up.
    pub waived: i64,
}

impl Debt {
    /// What is open.
    #[must_use]
    pub const fn open(&self) -> i64 {
        self.due - self.paid - self.waived
    }
}

/// What an instalment is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalmentKind {
    /// By the plan.
    Planned,
    /// Due with a disbursement.
    DownPayment,
    /// For what fell due after the last one.
    Additional,
}

/// One instalment of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledInstalment {
    /// What it is there for.
    pub kind: InstalmentKind,
    /// The day its period begins.
    pub from: Date,
    /// The day it falls due.
    pub due: Date,
    /// Principal.
    pub principal: Debt,
    /// Interest.
    pub interest: Debt,
    /// Fees.
    pub fee: Debt,
    /// Penalties.
    pub penalty: Debt,
    /// What was paid before the due date.
    pub in_advance: i64,
    /// What was paid after it.
    pub late: i64,
    /// The day it was met.
    pub met_on: Option<Date>,
    /// Principal in it that was paid before and is owed again.
    pub credited: i64,
    /// The part of its fees that goes with every instalment.
    fee_by_plan: i64,
}

impl ScheduledInstalment {
    fn new(kind: InstalmentKind, from: Date, due: Date) -> Self {
        let none = Debt::default();
        Self {
            kind,
            from,
            due,
            principal: none,
            interest: none,
            fee: none,
            penalty: none,
            in_advance: 0,
            late: 0,
            met_on: None,
            credited: 0,
            fee_by_plan: 0,
        }
    }

    /// A debt of the instalment.
    #[must_use]
    pub const fn debt(&self, component: Component) -> &Debt {
        match component {
            Component::Penalty => &self.penalty,
            Component::Fee => &self.fee,
            Component::Interest => &self.interest,
            Component::Principal => &self.principal,
        }
    }

    fn debt_mut(&mut self, component: Component) -> &mut Debt {
        match component {
            Component::Penalty => &mut self.penalty,
            Component::Fee => &mut self.fee,
            Component::Interest => &mut self.interest,
            Component::Principal => &mut self.principal,
        }
    }

    fn sum(&self, of: impl Fn(&Debt) -> i64) -> i64 {
        Component::ALL.iter().map(|&component| of(self.debt(component))).sum()
    }

    /// Everything that falls due.
    #[must_use]
    pub fn due_total(&self) -> i64 {
        self.sum(|debt| debt.due)
    }

    /// Everything paid.
    #[must_use]
    pub fn paid_total(&self) -> i64 {
        self.sum(|debt| debt.paid)
    }

    /// Everything open.
    #[must_use]
    pub fn open_total(&self) -> i64 {
        self.sum(Debt::open)
    }
}

/// What a transaction was made of, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Portions {
    /// Principal.
    pub principal: i64,
    /// Interest.
    pub interest: i64,
    /// Fees.
    pub fee: i64,
    /// Penalties.
    pub penalty: i64,
    /// What was left over.
    pub overpaid: i64,
}

impl Portions {
    fn add(&mut self, component: Component, minor: i64) {
        match component {
            Component::Penalty => self.penalty += minor,
            Component::Fee => self.fee += minor,
            Component::Interest => self.interest += minor,
            Component::Principal => self.principal += minor,
        }
    }

    const fn of(&self, component: Component) -> i64 {
        match component {
            Component::Penalty => self.penalty,
            Component::Fee => self.fee,
            Component::Interest => self.interest,
            Component::Principal => self.principal,
        }
    }
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanTransaction {
    /// Its number, in the order of arrival.
    pub id: u32,
    /// The day it counts from.
    pub on: Date,
    /// Its kind.
    pub kind: TransactionKind,
    /// Its amount.
    pub amount: i64,
    /// What it was made of.
    pub portions: Portions,
    /// Whether it was undone.
    pub reverted: bool,
    /// Whether a later fact changed what it was made of.
    pub replayed: bool,
    withdrawn: bool,
    /// The payment a charge-back takes back.
    pub payment: Option<u32>,
    /// Principal outstanding after it.
    pub balance: i64,
    plan: Option<NewPlan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct NewPlan {
    start: Date,
    every: Every,
    instalments: u32,
}

/// A charge on a loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanCharge {
    /// [`Component::Fee`] or [`Component::Penalty`].
    pub component: Component,
    /// The amount.
    pub amount: i64,
    /// The day it falls due.
    pub due: Date,
    /// Facts recorded before it.
    after: u32,
    made_on: Date,
    waived: bool,
}

impl LoanCharge {
    /// Whether it was given up.
    #[must_use]
    pub const fn is_waived(&self) -> bool {
        self.waived
    }
}

/// What a fee on every instalment is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalmentFee {
    /// So many minor units.
    Flat(i64),
    /// A share of the principal that falls due.
    OfPrincipal(BasisPoints),
    /// A share of the interest that falls due.
    OfInterest(BasisPoints),
    /// A share of both.
    OfBoth(BasisPoints),
}

impl InstalmentFee {
    fn of(self, principal: i64, interest: i64, rounding: crate::money::Rounding) -> i64 {
        let share =
            |amount: i64, share: BasisPoints| rounding.div(i128::from(amount) * i128::from(share.get()), 10_000) as i64;
        match self {
            Self::Flat(minor) => minor,
            Self::OfPrincipal(part) => share(principal, part),
            Self::OfInterest(part) => share(interest, part),
            Self::OfBoth(part) => share(principal + interest, part),
        }
    }
}

/// A change of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermChange {
    /// A new rate from a day.
    Rate {
        /// The day.
        from: Date,
        /// The rate a year, as a fraction.
        annual_rate: rust_decimal::Decimal,
    },
    /// More instalments at the end, levels anew from a day.
    MoreInstalments {
        /// The day.
        from: Date,
        /// How many.
        count: u32,
    },
    /// The instalment due on one day falls due on another; later ones follow at their distance.
    MoveDueDate {
        /// The due date.
        from: Date,
        /// The new due date.
        to: Date,
    },
    /// No interest between two days, both included.
    PauseInterest {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
}

impl TermChange {
    const fn on(&self) -> Date {
        match *self {
            Self::Rate { from, .. }
            | Self::MoreInstalments { from, .. }
            | Self::MoveDueDate { from, .. }
            | Self::PauseInterest { from, .. } => from,
        }
    }
}

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
    product: LoanProduct,
    terms: ScheduledTerms,
    approved: i64,
    today: Date,
    transactions: Vec<LoanTransaction>,
    charges: Vec<LoanCharge>,
    changes: Vec<TermChange>,
    instalment_fees: Vec<InstalmentFee>,
    instalments: Vec<ScheduledInstalment>,
    overpaid: i64,
    recalculated_on: Option<Date>,
    closed_day: Option<Date>,
}

/// One fact in its place.
enum Fact {
    Transaction(usize),
    Charge(usize),
    Change(usize),
}

impl ScheduledLoan {
    /// An approved loan.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero, or no instalments or more than 1,200.
    pub fn approve(product: LoanProduct, terms: ScheduledTerms, amount: Money) -> Result<Self> {
        if amount <= Money::ZERO {
            return Err(Error::invalid("principal", amount.to_minor(), "above zero minor units"));
        }
        if !(1..=1_200).contains(&terms.instalments) || matches!(terms.every, Every::Days(0) | Every::Months(0)) {
            return Err(Error::invalid("instalments", terms.instalments, "1 to 1200, at least a day apart"));
        }
        let mut loan = Self {
            today: terms.submitted_on,
            product,
            terms,
            approved: amount.to_minor(),
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
            self.transactions.iter().filter(|transaction| !transaction.withdrawn).collect();
        sorted.sort_by_key(|transaction| (transaction.on, transaction.id));
        sorted
    }

    /// The charges.
    #[must_use]
    pub fn charges(&self) -> &[LoanCharge] {
        &self.charges
    }

    /// What was paid of a charge: charges of a component are paid in the order of their due dates.
    #[must_use]
    pub fn charge_paid(&self, charge: &LoanCharge) -> i64 {
        let row_of = |charge: &LoanCharge| {
            let planned = |row: &ScheduledInstalment| row.kind != InstalmentKind::DownPayment && charge.due <= row.due;
            self.instalments.iter().position(planned).unwrap_or(self.instalments.len().saturating_sub(1))
        };
        let row = row_of(charge);
        let paid = self.instalments.get(row).map_or(0, |row| row.debt(charge.component).paid);
        let mut before = 0;
        for other in &self.charges {
            let earlier = (other.due, other.after) < (charge.due, charge.after);
            if other.component == charge.component && !other.waived && earlier && row_of(other) == row {
                before += other.amount;
            }
        }
        if charge.waived { 0 } else { (paid - before).clamp(0, charge.amount) }
    }

    /// Whether it came after a charge-off that stands.
    #[must_use]
    pub fn is_after_charge_off(&self, transaction: &LoanTransaction) -> bool {
        self.transactions.iter().any(|other| {
            other.kind == TransactionKind::ChargeOff
                && !other.reverted
                && (other.on, other.id) < (transaction.on, transaction.id)
        })
    }

    /// What each fee on every instalment comes to, and how much of it is paid: the fees of an instalment met count as paid.
    #[must_use]
    pub fn instalment_fee_debts(&self) -> Vec<Debt> {
        let rounding = self.product.rounding;
        let debt = |fee: &InstalmentFee| {
            let mut debt = Debt::default();
            for row in self.instalments.iter().filter(|row| row.kind == InstalmentKind::Planned) {
                let minor = fee.of(row.principal.due, row.interest.due, rounding);
                debt.due += minor;
                if row.fee_by_plan > 0 && row.fee.paid >= row.fee_by_plan {
                    debt.paid += minor;
                }
            }
            debt
        };
        self.instalment_fees.iter().map(debt).collect()
    }

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
                (Account::Principal, portions.principal),
                (Account::InterestReceivable, receivable),
                (Account::CreditBalance, portions.overpaid),
                (Account::Cash, -transaction.amount),
            ],
            // The loss is the principal; interest, fees and penalties were never received and leave the income.
            TransactionKind::ChargeOff | TransactionKind::WriteOff => vec![
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

    /// The nightly run: interest on overdue balances is brought up to today.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when a figure cannot be held.
    pub fn end_of_day(&mut self) -> Result<()> {
        let Ok(yesterday) = self.today.yesterday() else { return Ok(()) };
        let mut day = match self.closed_day {
            Some(closed) => closed.tomorrow().unwrap_or(yesterday),
            None => yesterday,
        };
        while day <= yesterday {
            self.close_day(day)?;
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        self.recalculated_on = Some(self.today);
        self.replay(None)
    }

    fn close_day(&mut self, day: Date) -> Result<()> {
        self.closed_day = Some(day);
        self.recalculated_on = Some(day.tomorrow().unwrap_or(day).min(self.today));
        if self.status() == LoanStatus::Active && !self.is_charged_off() {
            self.replay(None)?;
            self.accrue(day, false)?;
        }
        Ok(())
    }

    fn is_charged_off(&self) -> bool {
        self.transactions
            .iter()
            .any(|transaction| transaction.kind == TransactionKind::ChargeOff && !transaction.reverted)
    }

    /// Books income earned up to a day, or all of it when the loan is paid, less what was booked before.
    fn accrue(&mut self, on: Date, all: bool) -> Result<()> {
        let work = Replay::run(self, None, self.recalculated_on)?;
        let interest = work.interest_till(on, all)?;
        let charged = |component: Component| -> i64 {
            let live = self.charges.iter().filter(|charge| charge.component == component && !charge.waived);
            live.filter(|charge| all || charge.due <= on).map(|charge| charge.amount).sum()
        };
        let by_plan: i64 = work.rows.iter().filter(|row| all || row.due <= on).map(|row| row.fee_by_plan).sum();
        let mut change = Portions {
            interest,
            fee: charged(Component::Fee) + by_plan,
            penalty: charged(Component::Penalty),
            ..Portions::default()
        };
        for transaction in self.transactions.iter().filter(|transaction| !transaction.reverted) {
            let sign = match transaction.kind {
                TransactionKind::Accrual => -1,
                TransactionKind::AccrualAdjustment => 1,
                _ => continue,
            };
            change.interest += sign * transaction.portions.interest;
            change.fee += sign * transaction.portions.fee;
            change.penalty += sign * transaction.portions.penalty;
        }
        for (kind, sign) in [(TransactionKind::Accrual, 1), (TransactionKind::AccrualAdjustment, -1)] {
            let part = |minor: i64| (minor * sign).max(0);
            let portions = Portions {
                interest: part(change.interest),
                fee: part(change.fee),
                penalty: part(change.penalty),
                ..Portions::default()
            };
            let amount = portions.interest + portions.fee + portions.penalty;
            if amount > 0 {
                let index = self.push(on, kind, amount);
                self.transactions[index].portions = portions;
            }
        }
        Ok(())
    }

    fn change(&mut self, edit: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let mut next = self.clone();
        if next.closed_day.is_some() {
            // Days that were left open are closed before anything new is recorded.
            next.end_of_day()?;
        }
        let known = next.transactions.len();
        edit(&mut next)?;
        next.recalculated_on = Some(next.today);
        next.replay(Some(known))?;
        if matches!(next.status(), LoanStatus::Closed | LoanStatus::Overpaid) {
            let paid =
                next.transactions.iter().filter(|transaction| !transaction.reverted && transaction.kind.is_payment());
            if let Some(on) = paid.map(|transaction| transaction.on).max() {
                next.accrue(on, true)?;
            }
        }
        *self = next;
        Ok(())
    }

    fn push(&mut self, on: Date, kind: TransactionKind, amount: i64) -> usize {
        let id = self.transactions.len() as u32;
        self.transactions.push(LoanTransaction {
            id,
            on,
            kind,
            amount,
            portions: Portions::default(),
            reverted: false,
            replayed: false,
            withdrawn: false,
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

    fn down_payment(&self, amount: i64, share: i32) -> i64 {
        let part = self.product.rounding.div(i128::from(amount) * i128::from(share), 10_000) as i64;
        multiple(part, self.product.level_multiple_minor)
    }

    /// A payment of some kind; gives back its number.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or a kind that is no payment; [`Error::is_conflict`] before
    /// any money is out.
    pub fn pay(&mut self, on: Date, kind: TransactionKind, amount: Money) -> Result<u32> {
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

    /// A fee or a penalty falls due on a day.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or another component.
    pub fn charge(&mut self, component: Component, due: Date, amount: Money) -> Result<()> {
        let minor = above_zero("charge", amount)?;
        if !matches!(component, Component::Fee | Component::Penalty) {
            return Err(Error::invalid("charge", format!("{component:?}"), "a fee or a penalty"));
        }
        self.change(|loan| {
            let after = loan.transactions.len() as u32;
            loan.charges.push(LoanCharge { component, amount: minor, due, after, made_on: loan.today, waived: false });
            if loan.product.recalculates.is_some()
                && due <= loan.today
                && loan.product.kind == ScheduleKind::Progressive
            {
                let index = loan.push(due, TransactionKind::Accrual, minor);
                loan.transactions[index].portions.add(component, minor);
            }
            Ok(())
        })
    }

    /// A fee falls due with every instalment.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a fee that is not above zero.
    pub fn charge_every_instalment(&mut self, fee: InstalmentFee) -> Result<()> {
        let size = match fee {
            InstalmentFee::Flat(minor) => minor,
            InstalmentFee::OfPrincipal(part) | InstalmentFee::OfInterest(part) | InstalmentFee::OfBoth(part) => {
                i64::from(part.get())
            }
        };
        above_zero("instalment fee", Money::from_minor(size))?;
        self.change(|loan| {
            loan.instalment_fees.push(fee);
            Ok(())
        })
    }

    /// The charge is given up.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a charge that does not exist.
    pub fn waive_charge(&mut self, number: usize) -> Result<()> {
        let charge = *self.charges.get(number).ok_or_else(|| Error::unknown("charge", number))?;
        self.change(|loan| {
            loan.charges[number].waived = true;
            loan.push(loan.today, TransactionKind::ChargeWaiver, charge.amount);
            Ok(())
        })
    }

    /// The terms change.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a change that leaves no schedule.
    pub fn change_terms(&mut self, change: TermChange) -> Result<()> {
        self.change(|loan| {
            loan.changes.push(change);
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
            let index = loan.push(loan.today, TransactionKind::ReAge, 0);
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
            if kind == TransactionKind::ChargeOff {
                loan.accrue(on, false)?;
            }
            loan.push(on, kind, 0);
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

    /// What closes the loan on a day: principal, interest, fees and penalties.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn payoff(&self, on: Date) -> Result<Portions> {
        let mut copy = self.clone();
        copy.today = copy.today.max(on);
        let mut work = Replay::run(&copy, Some(on), None)?;
        work.bring_up_to(on, true)?;
        let mut owed = Portions::default();
        for row in &work.rows {
            for component in Component::ALL {
                owed.add(component, row.debt(component).open());
            }
        }
        owed.overpaid = work.overpaid;
        Ok(owed)
    }

    /// Works everything out again. Of the first `known` transactions, those whose portions changed are marked.
    fn replay(&mut self, known: Option<usize>) -> Result<()> {
        let before: Vec<Portions> = self.transactions.iter().map(|transaction| transaction.portions).collect();
        let work = Replay::run(self, None, self.recalculated_on)?;
        let Replay { rows, transactions, overpaid, .. } = work;
        self.transactions = transactions;
        (self.instalments, self.overpaid) = (rows, overpaid);
        for (transaction, old) in self.transactions.iter_mut().zip(&before).take(known.unwrap_or(0)) {
            let changed = transaction.portions != *old && *old != Portions::default();
            if changed && !transaction.reverted && transaction.kind != TransactionKind::Disbursement {
                transaction.replayed = true;
            }
        }
        self.set_balances();
        Ok(())
    }

    /// Principal outstanding after each transaction, by day and arrival.
    fn set_balances(&mut self) {
        let mut order: Vec<usize> = (0..self.transactions.len()).collect();
        order.sort_by_key(|&index| (self.transactions[index].on, self.transactions[index].id));
        let mut balance = 0;
        for index in order {
            let transaction = &mut self.transactions[index];
            if transaction.reverted {
                continue;
            }
            let portions = transaction.portions;
            let mut shown = true;
            match transaction.kind {
                TransactionKind::Disbursement => balance += transaction.amount - portions.overpaid,
                TransactionKind::ChargeBack | TransactionKind::CreditBalanceRefund | TransactionKind::Refund => {
                    balance += portions.principal;
                }
                TransactionKind::WriteOff => balance = 0,
                kind if kind.is_payment() => balance -= portions.principal,
                TransactionKind::ChargeWaiver => {}
                _ => shown = false,
            }
            transaction.balance = if shown { balance } else { 0 };
        }
    }
}

/// The facts worked out from the first to the last.
struct Replay<'a> {
    loan: &'a ScheduledLoan,
    plan: Plan,
    rows: Vec<ScheduledInstalment>,
    transactions: Vec<LoanTransaction>,
    overpaid: i64,
    closing: bool,
}

impl<'a> Replay<'a> {
    fn run(loan: &'a ScheduledLoan, until: Option<Date>, as_of: Option<Date>) -> Result<Self> {
        let first = loan
            .transactions
            .iter()
            .filter(|transaction| transaction.kind == TransactionKind::Disbursement && !transaction.reverted)
            .map(|transaction| transaction.on)
            .min();
        let start = first.unwrap_or(loan.terms.expected_on);
        let seed = if loan.product.due_from_submission { loan.terms.submitted_on.min(start) } else { start };
        let dates = due_dates(seed, loan.terms.every, loan.terms.instalments, loan.product.fixed_length_days)?;
        let plan = Plan::new(start, &dates, loan.terms.every, loan.terms.annual_rate);
        let mut from = start;
        let rows = dates
            .iter()
            .map(|&due| {
                let row = ScheduledInstalment::new(InstalmentKind::Planned, from, due);
                from = due;
                row
            })
            .collect();
        let mut work = Self { loan, plan, rows, transactions: loan.transactions.clone(), overpaid: 0, closing: false };
        if first.is_none() {
            work.lend(start, loan.approved)?;
            return Ok(work);
        }
        let mut facts: Vec<(Date, u32, u8, Fact)> = Vec::new();
        for (index, transaction) in loan.transactions.iter().enumerate() {
            // A plan that is made once is made over everything lent.
            let first =
                loan.product.kind == ScheduleKind::Cumulative && transaction.kind == TransactionKind::Disbursement;
            let on = if first { start } else { transaction.on };
            facts.push((on, if first { 0 } else { transaction.id }, u8::from(!first), Fact::Transaction(index)));
        }
        for (index, charge) in loan.charges.iter().enumerate() {
            let on = if loan.product.charges_in_advance { start } else { charge.due.min(charge.made_on).max(start) };
            facts.push((on, charge.after, 0, Fact::Charge(index)));
        }
        for (index, change) in loan.changes.iter().enumerate() {
            facts.push((change.on(), 0, 0, Fact::Change(index)));
        }
        facts.sort_by_key(|&(on, id, rank, _)| (on, id, rank));
        if loan.product.charges_in_advance {
            // Charges stand from the beginning, behind the first disbursement.
            facts
                .sort_by_key(|(on, id, rank, fact)| (*on, *on == start && matches!(fact, Fact::Charge(_)), *id, *rank));
        }
        for (on, _, _, fact) in facts {
            if until.is_some_and(|until| on > until && !matches!(fact, Fact::Charge(_))) {
                break;
            }
            match fact {
                Fact::Transaction(index) => work.transaction(index)?,
                Fact::Charge(index) => {
                    work.charge(&loan.charges[index]);
                    if work.overpaid > 0 {
                        work.use_overpaid(loan.charges[index].made_on.max(on), true)?;
                    }
                }
                Fact::Change(index) => work.term_change(loan.changes[index])?,
            }
        }
        if let Some(as_of) = as_of {
            work.bring_up_to(as_of, false)?;
        }
        Ok(work)
    }

    /// Interest earned up to a day by the instalments, or all of it.
    fn interest_till(&self, on: Date, all: bool) -> Result<i64> {
        if all {
            return Ok(self.rows.iter().map(|row| row.interest.due).sum());
        }
        let product = &self.loan.product;
        if product.kind == ScheduleKind::Progressive && product.method == InterestMethod::DecliningBalance {
            return self.plan.earned_till(product, on);
        }
        let days = |from: Date, to: Date| i128::from(crate::calendar::epoch_day(to) - crate::calendar::epoch_day(from));
        let part = |row: &ScheduledInstalment| match (row.due <= on, row.from < on) {
            (true, _) => row.interest.due,
            (false, true) => {
                let whole = days(row.from, row.due).max(1);
                product.rounding.div(i128::from(row.interest.due) * days(row.from, on), whole) as i64
            }
            (false, false) => 0,
        };
        Ok(self.rows.iter().map(part).sum())
    }

    fn recalculates(&self) -> bool {
        self.loan.product.recalculates.is_some() && self.loan.product.kind == ScheduleKind::Progressive
    }

    /// Interest on overdue balances up to a day; with `stop`, no interest after it.
    fn bring_up_to(&mut self, day: Date, stop: bool) -> Result<()> {
        if !self.recalculates() || self.plan.total_lent() == 0 {
            return Ok(());
        }
        self.plan.as_of = self.plan.as_of.max(day);
        let mut till = stop.then_some(day);
        if stop && self.loan.product.recalculates == Some(PayoffInterest::DueDate) {
            till = self.plan.periods.iter().map(|period| period.due).find(|&due| due >= day);
        }
        let mut plan = self.plan.clone();
        plan.lay_out(&self.loan.product, till, true)?;
        if stop {
            Self::write(&mut self.rows, &plan, self.loan);
        } else {
            self.plan = plan;
            Self::write(&mut self.rows, &self.plan, self.loan);
        }
        Ok(())
    }

    /// Puts the plan's principal and interest, and the fees that go with them, on the instalments.
    fn write(rows: &mut [ScheduledInstalment], plan: &Plan, loan: &ScheduledLoan) {
        let planned = rows.iter_mut().filter(|row| row.kind == InstalmentKind::Planned);
        for (row, period) in planned.zip(&plan.periods) {
            row.principal.due = period.principal;
            row.interest.due = period.interest;
            let fee: i64 = loan
                .instalment_fees
                .iter()
                .map(|fee| fee.of(period.principal, period.interest, loan.product.rounding))
                .sum();
            row.fee.due += fee - row.fee_by_plan;
            row.fee_by_plan = fee;
        }
    }

    fn lend(&mut self, on: Date, amount: i64) -> Result<()> {
        let mut rest = amount;
        if let Some(down) = self.loan.product.down_payment {
            let part = self.loan.down_payment(amount, down.share.get());
            let mut row = ScheduledInstalment::new(InstalmentKind::DownPayment, on, on);
            row.principal.due = part;
            let planned_once = self.loan.product.kind == ScheduleKind::Cumulative;
            let behind = |other: &ScheduledInstalment| {
                other.due > on || planned_once && other.due == on && other.kind != InstalmentKind::DownPayment
            };
            let place = self.rows.iter().position(behind).unwrap_or(self.rows.len());
            self.rows.insert(place, row);
            rest -= part;
        }
        self.plan.lent.push((on, rest));
        // On a due date, the instalment after it is the first to change.
        let last = self.plan.periods.len() - 1;
        let mut first = self.plan.periods.iter().position(|period| on < period.due).unwrap_or(last);
        if self.loan.product.kind == ScheduleKind::Cumulative {
            // Planned once, over everything lent.
            first = 0;
        }
        let before: i64 = self.plan.lent.iter().map(|&(_, minor)| minor).sum::<i64>()
            - self.plan.periods[..first].iter().map(super::plan::Period::agreed_level_principal).sum::<i64>();
        let level = self.plan.level(&self.loan.product, first, before, self.loan.terms.annual_rate.is_zero())?;
        for period in &mut self.plan.periods[first..] {
            period.level = level;
            period.agreed_level = level;
        }
        self.plan.lay_out(&self.loan.product, None, true)?;
        if self.loan.terms.annual_rate > rust_decimal::Decimal::ZERO
            && self.loan.product.method == InterestMethod::DecliningBalance
        {
            self.plan.even_out(&self.loan.product, first)?;
        }
        self.plan.lay_out(&self.loan.product, None, true)?;
        Self::write(&mut self.rows, &self.plan, self.loan);
        Ok(())
    }

    fn charge(&mut self, charge: &LoanCharge) {
        if self.rows.is_empty() {
            return;
        }
        let inside = |row: &ScheduledInstalment, first: bool| {
            (row.from < charge.due || first && row.from <= charge.due) && charge.due <= row.due
        };
        let first_planned = self.rows.iter().position(|row| row.kind == InstalmentKind::Planned);
        let found = (0..self.rows.len()).find(|&nth| {
            self.rows[nth].kind != InstalmentKind::DownPayment && inside(&self.rows[nth], Some(nth) == first_planned)
        });
        let nth = match found {
            Some(nth) => nth,
            None => self.additional(charge.due),
        };
        let row = &mut self.rows[nth];
        let debt = row.debt_mut(charge.component);
        debt.due += charge.amount;
        if charge.waived {
            debt.waived += charge.amount;
        }
        if row.open_total() > 0 {
            row.met_on = None;
        }
    }

    /// The instalment behind the last one, reaching to `day`.
    fn additional(&mut self, day: Date) -> usize {
        let last = self.rows.len() - 1;
        if self.rows[last].kind == InstalmentKind::Additional {
            self.rows[last].due = self.rows[last].due.max(day);
            return last;
        }
        let row = ScheduledInstalment::new(InstalmentKind::Additional, self.rows[last].due, day);
        self.rows.push(row);
        last + 1
    }

    fn term_change(&mut self, change: TermChange) -> Result<()> {
        let product = &self.loan.product;
        match change {
            TermChange::Rate { from, annual_rate } => {
                let day = from.yesterday().unwrap_or(from);
                self.plan.rates.push((day, annual_rate));
                self.plan.rates.sort_by_key(|&(from, _)| from);
                self.relevel(day)
            }
            TermChange::PauseInterest { from, to } => {
                self.plan.pauses.push((from, to));
                self.plan.lay_out(product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
                Ok(())
            }
            TermChange::MoreInstalments { from, count } => {
                let known = self.plan.periods.len() as u32;
                let start = self.plan.periods[0].from;
                for nth in known..known + count {
                    let (begin, due) =
                        (self.loan.terms.every.after(start, nth)?, self.loan.terms.every.after(start, nth + 1)?);
                    self.plan.periods.push(super::plan::Period::new(begin, due));
                    let place = self
                        .rows
                        .iter()
                        .position(|row| row.kind == InstalmentKind::Additional)
                        .unwrap_or(self.rows.len());
                    self.rows.insert(place, ScheduledInstalment::new(InstalmentKind::Planned, begin, due));
                }
                self.relevel(from.yesterday().unwrap_or(from))
            }
            TermChange::MoveDueDate { from, to } => {
                let Some(first) = self.plan.periods.iter().position(|period| period.due == from) else {
                    return Err(Error::unknown("due date", from));
                };
                let mut due = to;
                for nth in first..self.plan.periods.len() {
                    if nth > first {
                        let old = &self.loan.terms.every;
                        due = old.after(to, (nth - first) as u32)?;
                        if let (Some(length), true) = (product.fixed_length_days, nth + 1 == self.plan.periods.len()) {
                            let moved = crate::calendar::epoch_day(to) - crate::calendar::epoch_day(from);
                            due = Every::Days(length + moved.max(0) as u32).after(self.plan.periods[0].from, 1)?;
                        }
                    }
                    self.plan.periods[nth].due = due;
                    if nth + 1 < self.plan.periods.len() {
                        self.plan.periods[nth + 1].from = due;
                    }
                }
                let planned = self.rows.iter_mut().filter(|row| row.kind == InstalmentKind::Planned);
                for (row, period) in planned.zip(&self.plan.periods) {
                    (row.from, row.due) = (period.from, period.due);
                }
                self.plan.lay_out(product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
                Ok(())
            }
        }
    }

    /// Levels anew from the instalment that `day` lies in.
    fn relevel(&mut self, day: Date) -> Result<()> {
        let product = &self.loan.product;
        let last = self.plan.periods.len() - 1;
        let first = self.plan.periods.iter().position(|period| day < period.due).unwrap_or(last);
        self.plan.lay_out(product, None, false)?;
        let lent = self.plan.total_lent();
        let before = lent - self.plan.periods[..first].iter().map(|period| period.principal).sum::<i64>();
        let level = self.plan.level(product, first, before, self.loan.terms.annual_rate.is_zero())?;
        for period in &mut self.plan.periods[first..] {
            if level >= period.paid() {
                period.level = level;
                period.agreed_level = level;
            }
        }
        self.plan.lay_out(product, None, true)?;
        self.plan.even_out(product, first)?;
        self.plan.lay_out(product, None, true)?;
        Self::write(&mut self.rows, &self.plan, self.loan);
        Ok(())
    }

    fn transaction(&mut self, index: usize) -> Result<()> {
        let transaction = self.transactions[index].clone();
        if transaction.reverted
            || matches!(transaction.kind, TransactionKind::Accrual | TransactionKind::AccrualAdjustment)
        {
            return Ok(());
        }
        let mut portions = Portions::default();
        match transaction.kind {
            TransactionKind::Disbursement => {
                self.lend(transaction.on, transaction.amount)?;
                if self.overpaid > 0 {
                    portions.overpaid = self.use_overpaid(transaction.on, false)?;
                }
            }
            TransactionKind::ChargeBack => portions = self.take_back(&transaction)?,
            TransactionKind::CreditBalanceRefund => portions = self.refund_credit(&transaction),
            TransactionKind::Refund => portions = self.refund(&transaction)?,
            TransactionKind::ReAmortise => portions = self.re_amortise(transaction.on)?,
            TransactionKind::ReAge => {
                if let Some(plan) = transaction.plan {
                    portions = self.re_age(transaction.on, plan)?;
                }
            }
            TransactionKind::ChargeOff => portions = self.charge_off(transaction.on)?,
            TransactionKind::WriteOff => portions = self.write_off(transaction.on),
            TransactionKind::ChargeWaiver => portions.fee = 0,
            TransactionKind::Accrual | TransactionKind::AccrualAdjustment => return Ok(()),
            _ => portions = self.pay(transaction.on, transaction.kind, transaction.amount)?,
        }
        let slot = &mut self.transactions[index];
        slot.portions = portions;
        if matches!(
            transaction.kind,
            TransactionKind::ReAge
                | TransactionKind::ReAmortise
                | TransactionKind::ChargeOff
                | TransactionKind::WriteOff
        ) {
            slot.amount = portions.principal + portions.interest + portions.fee + portions.penalty;
        }
        Ok(())
    }

    fn pay(&mut self, on: Date, kind: TransactionKind, amount: i64) -> Result<Portions> {
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

    fn mark_met(&mut self, on: Date) {
        for row in &mut self.rows {
            let met = row.open_total() == 0 && (row.due_total() > 0 || row.met_on.is_some());
            if met && row.met_on.is_none() {
                row.met_on = Some(on);
            } else if row.open_total() > 0 {
                row.met_on = None;
            }
        }
    }

    /// Pays `amount` down the waterfall; gives back what is left.
    fn allocate(&mut self, on: Date, amount: i64, rule: &PaymentRule, portions: &mut Portions) -> Result<i64> {
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
    fn pay_charges_due(&mut self, on: Date, amount: i64, portions: &mut Portions) -> i64 {
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

    /// Tells the plan what was paid, so that what is due in advance follows.
    fn sync(&mut self, on: Date) -> Result<()> {
        if self.recalculates() {
            self.plan.as_of = self.plan.as_of.max(on);
            self.plan.lay_out(&self.loan.product, None, true)?;
            Self::write(&mut self.rows, &self.plan, self.loan);
        }
        Ok(())
    }

    fn pay_in_advance(
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
    fn due_in_advance(&mut self, on: Date) -> Result<()> {
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

    fn pay_row(&mut self, nth: usize, on: Date, amount: i64, components: &[Component], portions: &mut Portions) -> i64 {
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

    fn tell_plan(&mut self, nth: usize, on: Date, component: Component, paid: i64) {
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
    fn use_overpaid(&mut self, on: Date, restate: bool) -> Result<i64> {
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

    /// The instalment a debt of today goes to: the running one, or one behind the last.
    fn row_of(&mut self, on: Date) -> usize {
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

    fn take_back(&mut self, transaction: &LoanTransaction) -> Result<Portions> {
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

    /// So much is owed again with instalment `nth`.
    fn credit(&mut self, nth: usize, on: Date, component: Component, minor: i64) {
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

    fn refund_credit(&mut self, transaction: &LoanTransaction) -> Portions {
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
    fn refund(&mut self, transaction: &LoanTransaction) -> Result<Portions> {
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

    fn re_amortise(&mut self, on: Date) -> Result<Portions> {
        self.bring_up_to(on, false)?;
        let mut moved = 0;
        for nth in 0..self.rows.len() {
            let row = &mut self.rows[nth];
            if row.due <= on && row.principal.open() > 0 {
                moved += row.principal.open();
                row.principal.due -= row.principal.open();
                if row.open_total() == 0 {
                    row.met_on = Some(on);
                }
            }
        }
        let future: Vec<usize> = (0..self.rows.len())
            .filter(|&nth| {
                self.rows[nth].due > on
                    && self.rows[nth].kind == InstalmentKind::Planned
                    && self.rows[nth].open_total() > 0
            })
            .collect();
        if future.is_empty() {
            return Err(Error::invalid("re-amortisation", on, "a day before the last due date"));
        }
        let count = future.len() as i64;
        let even = self.even_part(moved, count);
        for (place, &nth) in future.iter().enumerate() {
            let part = if place as i64 + 1 == count { moved - even * (count - 1) } else { even };
            self.rows[nth].principal.due += part;
        }
        self.read_back();
        Ok(Portions { principal: moved, ..Portions::default() })
    }

    fn even_part(&self, total: i64, count: i64) -> i64 {
        let part = self.loan.product.rounding.div(i128::from(total), i128::from(count)) as i64;
        multiple(part, self.loan.product.level_multiple_minor)
    }

    /// Takes the instalments as the plan: after a change that was made on them.
    fn read_back(&mut self) {
        let rows: Vec<&ScheduledInstalment> =
            self.rows.iter().filter(|row| row.kind == InstalmentKind::Planned).collect();
        let mut periods = Vec::with_capacity(rows.len());
        for row in rows {
            let known = self.plan.periods.iter().find(|period| period.from == row.from && period.due == row.due);
            let mut period = known.cloned().unwrap_or_else(|| super::plan::Period::new(row.from, row.due));
            period.principal = row.principal.due;
            period.interest = row.interest.due;
            period.level = row.principal.due + row.interest.due - period.credited_principal - period.credited_interest;
            period.agreed_level = period.level;
            (period.paid_principal, period.paid_interest) = (row.principal.paid, row.interest.paid);
            periods.push(period);
        }
        self.plan.periods = periods;
    }

    fn re_age(&mut self, on: Date, plan: NewPlan) -> Result<Portions> {
        self.bring_up_to(on, false)?;
        let mut portions = Portions::default();
        // Instalments to come make room; what was paid on them, and their charges, go with the first of the new ones.
        let (kept, dropped): (Vec<_>, Vec<_>) =
            self.rows.drain(..).partition(|row| row.due <= on || row.kind == InstalmentKind::DownPayment);
        self.rows = kept;
        let mut last_due = self.plan.periods.first().map_or(on, |period| period.from);
        for row in &mut self.rows {
            portions.principal += row.principal.open();
            portions.interest += row.interest.open();
            row.principal.due -= row.principal.open();
            row.interest.due -= row.interest.open();
            if row.open_total() == 0 && row.met_on.is_none() {
                row.met_on = Some(on);
            }
            last_due = last_due.max(row.due);
        }
        for row in &dropped {
            portions.principal += row.principal.open();
            portions.interest += row.interest.open();
        }
        let count = i64::from(plan.instalments);
        let even = self.even_part(portions.principal, count);
        let even_interest = self.even_part(portions.interest, count);
        let mut from = last_due.min(plan.start);
        let first_new = self.rows.len();
        for nth in 0..plan.instalments {
            let due = if nth == 0 { plan.start } else { plan.every.after(plan.start, nth)? };
            let is_last = nth + 1 == plan.instalments;
            let mut row = ScheduledInstalment::new(InstalmentKind::Planned, from, due);
            row.principal.due = if is_last { portions.principal - even * (count - 1) } else { even };
            row.interest.due = if is_last { portions.interest - even_interest * (count - 1) } else { even_interest };
            self.rows.push(row);
            from = due;
        }
        for old in dropped {
            for component in Component::ALL {
                let debt = *old.debt(component);
                let charge = matches!(component, Component::Fee | Component::Penalty);
                let place = if charge {
                    (first_new..self.rows.len())
                        .find(|&nth| old.due <= self.rows[nth].due)
                        .unwrap_or(self.rows.len() - 1)
                } else {
                    first_new
                };
                let to = self.rows[place].debt_mut(component);
                to.due += if charge { debt.due } else { debt.paid + debt.waived };
                to.paid += debt.paid;
                to.waived += debt.waived;
            }
            self.rows[first_new].in_advance += old.in_advance;
        }
        let planned = self.rows[..first_new].iter().filter(|row| row.kind == InstalmentKind::Planned).count();
        self.rows.sort_by_key(|row| (row.due, row.kind != InstalmentKind::DownPayment));
        self.read_back();
        let product = &self.loan.product;
        let bears_interest =
            !self.loan.terms.annual_rate.is_zero() && product.method == InterestMethod::DecliningBalance;
        if bears_interest && product.kind == ScheduleKind::Progressive {
            // Interest unpaid until today is part of what the new instalments pay off.
            let level = self.plan.level(product, planned, portions.principal + portions.interest, false)?;
            for period in &mut self.plan.periods[planned..] {
                if level >= period.paid() {
                    (period.level, period.agreed_level) = (level, level);
                }
            }
            self.plan.lay_out(product, None, true)?;
            self.plan.even_out(product, planned)?;
            self.plan.lay_out(product, None, true)?;
            Self::write(&mut self.rows, &self.plan, self.loan);
        }
        Ok(portions)
    }

    fn charge_off(&mut self, on: Date) -> Result<Portions> {
        self.bring_up_to(on, false)?;
        match self.loan.product.charge_off {
            ChargeOffEffect::Regular => {}
            ChargeOffEffect::ZeroInterest => {
                self.plan.interest_stops_on = Some(on);
                self.plan.lay_out(&self.loan.product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
            }
            ChargeOffEffect::AccelerateMaturity => {
                self.plan.interest_stops_on = Some(on);
                self.plan.lay_out(&self.loan.product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
                let Some(running) =
                    self.rows.iter().position(|row| row.kind == InstalmentKind::Planned && row.due >= on)
                else {
                    return Ok(self.open_portions());
                };
                let later = self.rows.split_off(running + 1);
                let row = &mut self.rows[running];
                row.due = on;
                for other in later {
                    for component in Component::ALL {
                        let from = other.debt(component);
                        let to = row.debt_mut(component);
                        to.due += from.due;
                        to.paid += from.paid;
                        to.waived += from.waived;
                    }
                    row.in_advance += other.in_advance;
                }
                self.read_back();
            }
        }
        Ok(self.open_portions())
    }

    fn open_portions(&self) -> Portions {
        let mut portions = Portions::default();
        for row in &self.rows {
            for component in Component::ALL {
                portions.add(component, row.debt(component).open());
            }
        }
        portions
    }

    fn write_off(&mut self, on: Date) -> Portions {
        let portions = self.open_portions();
        for row in &mut self.rows {
            for component in Component::ALL {
                let open = row.debt(component).open();
                row.debt_mut(component).waived += open;
            }
            if row.met_on.is_none() {
                row.met_on = Some(on);
            }
        }
        portions
    }
}

fn above_zero(name: &'static str, amount: Money) -> Result<i64> {
    if amount > Money::ZERO {
        Ok(amount.to_minor())
    } else {
        Err(Error::invalid(name, amount.to_minor(), "above zero minor units"))
    }
}
