//! The facts of a loan worked out in the order of their days.

use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::{Period, Plan, due_dates, multiple};
use super::product::{InterestMethod, PayoffInterest, ScheduleKind, TransactionKind};
use super::state::ScheduledLoan;
use super::transaction::{LoanTransaction, Portions};
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

/// One fact in its place.
enum Fact {
    Transaction(usize),
    Charge(usize),
    Change(usize),
}

/// The facts worked out from the first to the last.
pub(super) struct Replay<'a> {
    pub loan: &'a ScheduledLoan,
    pub plan: Plan,
    pub rows: Vec<ScheduledInstalment>,
    pub transactions: Vec<LoanTransaction>,
    pub overpaid: i64,
    pub closing: bool,
}

impl ScheduledLoan {
    pub(super) fn down_payment(&self, amount: i64, share: i32) -> i64 {
        let part = self.product.rounding.div(i128::from(amount) * i128::from(share), 10_000) as i64;
        multiple(part, self.product.level_multiple_minor)
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
    pub(super) fn replay(&mut self, known: Option<usize>) -> Result<()> {
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
    pub(super) fn set_balances(&mut self) {
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

impl<'a> Replay<'a> {
    pub(super) fn run(loan: &'a ScheduledLoan, until: Option<Date>, as_of: Option<Date>) -> Result<Self> {
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
}

impl Replay<'_> {
    pub(super) fn transaction(&mut self, index: usize) -> Result<()> {
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

    pub(super) fn lend(&mut self, on: Date, amount: i64) -> Result<()> {
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
            - self.plan.periods[..first].iter().map(Period::agreed_level_principal).sum::<i64>();
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

    /// Interest on overdue balances up to a day; with `stop`, no interest after it.
    pub(super) fn bring_up_to(&mut self, day: Date, stop: bool) -> Result<()> {
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

    pub(super) fn recalculates(&self) -> bool {
        self.loan.product.recalculates.is_some() && self.loan.product.kind == ScheduleKind::Progressive
    }

    /// Tells the plan what was paid, so that what is due in advance follows.
    pub(super) fn sync(&mut self, on: Date) -> Result<()> {
        if self.recalculates() {
            self.plan.as_of = self.plan.as_of.max(on);
            self.plan.lay_out(&self.loan.product, None, true)?;
            Self::write(&mut self.rows, &self.plan, self.loan);
        }
        Ok(())
    }

    /// Puts the plan's principal and interest, and the fees that go with them, on the instalments.
    pub(super) fn write(rows: &mut [ScheduledInstalment], plan: &Plan, loan: &ScheduledLoan) {
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

    pub(super) fn mark_met(&mut self, on: Date) {
        for row in &mut self.rows {
            let met = row.open_total() == 0 && (row.due_total() > 0 || row.met_on.is_some());
            if met && row.met_on.is_none() {
                row.met_on = Some(on);
            } else if row.open_total() > 0 {
                row.met_on = None;
            }
        }
    }

    pub(super) fn open_portions(&self) -> Portions {
        let mut portions = Portions::default();
        for row in &self.rows {
            for component in Component::ALL {
                portions.add(component, row.debt(component).open());
            }
        }
        portions
    }
}
