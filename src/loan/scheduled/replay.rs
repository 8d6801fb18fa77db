//! The facts of a loan worked out in the order of their days.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::ahead::Found;
use super::instalment::{InstalmentKind, ScheduledInstalment};
use super::plan::{Plan, due_dates, multiple};
use super::product::{InterestMethod, PayoffInterest, ScheduleKind, TransactionKind};
use super::state::ScheduledLoan;
use super::term_change::TermChange;
use super::transaction::{LoanTransaction, Portions};
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

/// One fact in its place.
#[derive(Clone, Copy)]
enum Fact {
    Change(usize),
    Charge(usize),
    Transaction(usize),
}

/// The facts worked out from the first to the last.
pub(super) struct Replay<'a> {
    pub loan: &'a ScheduledLoan,
    pub plan: Plan,
    pub rows: Vec<ScheduledInstalment>,
    pub transactions: Vec<LoanTransaction>,
    pub overpaid: i64,
    /// Whether the payment at hand is meant to close the loan.
    pub closing: bool,
    /// Interest no longer follows payments: the loan was charged off or written off.
    pub frozen: bool,
    /// Overdue principal was spread over the instalments: the plan no longer knows them.
    pub re_amortised: bool,
    /// Everything unpaid was moved to new instalments.
    pub re_aged: bool,
    /// Interest until the charge-off, and the day.
    pub charged_off: Option<(Date, i64)>,
    /// Instalments that had nothing to pay when a payment came to them.
    pub skipped: BTreeSet<usize>,
    /// What a payment ahead of time found out about the plan.
    pub found: Found,
    /// Interest given back with refunds so far.
    pub interest_refunded: i64,
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
        // What is quoted is meant to close the loan: overdue principal earns until the day interest of such a payment runs to.
        work.closing = true;
        work.keep_overdue(on)?;
        let mut owed = work.open_portions();
        if work.recalculates() {
            let outside = |row: &&ScheduledInstalment| row.kind != InstalmentKind::Planned;
            let day = match work.loan.product.recalculates {
                Some(PayoffInterest::DueDate) => work.running(on).map_or(on, |nth| work.rows[nth].due),
                _ => on,
            };
            let open = work.plan.open_on(&work.loan.product, day)?;
            let rest = |of: fn(&ScheduledInstalment) -> i64| work.rows.iter().filter(outside).map(of).sum::<i64>();
            owed.principal = open.principal + rest(|row| row.principal.open());
            owed.interest = open.interest + rest(|row| row.interest.open());
        }
        owed.overpaid = std::mem::take(&mut work.overpaid);
        Ok(owed)
    }

    /// Works everything out again. Of the first `known` transactions, those whose portions changed are marked.
    pub(super) fn replay(&mut self, known: Option<usize>) -> Result<Option<(Date, i64)>> {
        let before: Vec<Portions> = self.transactions.iter().map(|transaction| transaction.portions).collect();
        let work = Replay::run(self, None, self.recalculated_on)?;
        let Replay { rows, transactions, overpaid, charged_off, .. } = work;
        self.transactions = transactions;
        (self.instalments, self.overpaid) = (rows, overpaid);
        for (transaction, old) in self.transactions.iter_mut().zip(&before).take(known.unwrap_or(0)) {
            let changed = transaction.portions != *old && *old != Portions::default();
            if changed && !transaction.reverted && transaction.kind != TransactionKind::Disbursement {
                transaction.replayed = true;
            }
        }
        self.set_balances();
        Ok(charged_off)
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
                TransactionKind::ChargeBack => balance += portions.principal - transaction.met.principal,
                TransactionKind::CapitalisedIncome => balance += transaction.amount - portions.overpaid,
                TransactionKind::CreditBalanceRefund | TransactionKind::Refund => {
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
    /// Works out the facts until a day, all of them if none is given; overdue balances earn interest until `as_of`.
    pub fn run(loan: &'a ScheduledLoan, until: Option<Date>, as_of: Option<Date>) -> Result<Self> {
        let live =
            |transaction: &&LoanTransaction| transaction.kind == TransactionKind::Disbursement && !transaction.reverted;
        let first = loan.transactions.iter().filter(live).map(|transaction| transaction.on).min();
        let start = first.unwrap_or(loan.terms.expected_on);
        let seed = if loan.product.due_from_submission { loan.terms.submitted_on.min(start) } else { start };
        let dates = due_dates(seed, loan.terms.every, loan.terms.instalments, loan.product.fixed_length_days)?;
        let mut plan = Plan::new(seed, &dates, loan.terms.every, loan.terms.annual_rate);
        plan.shape = loan.terms.shape;
        let row = |period: &super::plan::Period| {
            let mut row = ScheduledInstalment::new(InstalmentKind::Planned, period.from, period.due);
            row.met_on = first;
            row
        };
        let rows = plan.periods.iter().map(row).collect();
        let mut work = Self {
            loan,
            plan,
            rows,
            transactions: loan.transactions.clone(),
            overpaid: 0,
            closing: false,
            frozen: false,
            re_amortised: false,
            re_aged: false,
            charged_off: None,
            skipped: BTreeSet::new(),
            found: Found::default(),
            interest_refunded: 0,
        };
        if first.is_none() {
            work.lend(start, loan.approved)?;
            for row in &mut work.rows {
                row.met_on = None;
            }
            return Ok(work);
        }
        for (on, fact) in work.facts(start) {
            if until.is_some_and(|until| on > until && !matches!(fact, Fact::Charge(_))) {
                continue;
            }
            match fact {
                Fact::Transaction(index) => work.transaction(index)?,
                Fact::Charge(index) => {
                    work.charge(&loan.charges[index]);
                    work.use_overpaid_for_charges()?;
                }
                Fact::Change(index) => work.term_change(loan.changes[index])?,
            }
        }
        if let Some(as_of) = as_of {
            work.keep_overdue(as_of)?;
        }
        Ok(work)
    }

    /// All facts in the order they count in: by day, then changes of the terms, then by the day and order of recording.
    fn facts(&self, start: Date) -> Vec<(Date, Fact)> {
        let loan = self.loan;
        let mut facts = Vec::with_capacity(loan.transactions.len() + loan.charges.len() + loan.changes.len());
        for (index, transaction) in loan.transactions.iter().enumerate() {
            if transaction.reverted || transaction.kind.is_accrual() {
                continue;
            }
            // A plan that is made once is made over everything lent.
            let at_once =
                loan.product.kind == ScheduleKind::Cumulative && transaction.kind == TransactionKind::Disbursement;
            let key = if at_once {
                (start, Date::MIN, 0, 0)
            } else {
                (transaction.on, transaction.recorded_on, transaction.id, 2)
            };
            facts.push((key, Fact::Transaction(index)));
        }
        for (index, charge) in loan.charges.iter().enumerate() {
            // Charges of a plan that is made once stand from the beginning, behind the first disbursement.
            let key = if loan.product.charges_in_advance {
                (start, Date::MIN, 1, 0)
            } else {
                (charge.due.min(charge.made_on).max(start), charge.made_on, charge.after, 1)
            };
            facts.push((key, Fact::Charge(index)));
        }
        for (index, change) in loan.changes.iter().enumerate() {
            facts.push(((change.on(), change.on(), 0, 0), Fact::Change(index)));
        }
        facts.sort_by_key(|&(key, _)| key);
        facts.into_iter().map(|((on, ..), fact)| (on, fact)).collect()
    }

    fn transaction(&mut self, index: usize) -> Result<()> {
        let transaction = self.transactions[index].clone();
        let (on, kind) = (transaction.on, transaction.kind);
        self.closing = kind.is_payment() && self.is_meant_to_close(on, transaction.amount)?;
        self.keep_overdue(on)?;
        let (mut portions, mut met) = (Portions::default(), Portions::default());
        match kind {
            TransactionKind::Disbursement => {
                self.lend(on, transaction.amount)?;
                met = self.use_overpaid(on)?;
                portions.overpaid = met.total().min(transaction.amount);
            }
            TransactionKind::ChargeBack => (portions, met) = self.take_back(&transaction)?,
            TransactionKind::CreditBalanceRefund => portions = self.refund_credit(&transaction)?,
            TransactionKind::Refund => portions = self.refund(&transaction)?,
            TransactionKind::ReAmortise => portions = self.re_amortise(on)?,
            TransactionKind::ReAge => {
                if let Some(plan) = transaction.plan {
                    portions = self.re_age(on, plan)?;
                }
            }
            TransactionKind::ChargeOff => {
                portions = self.charge_off(on)?;
                if portions.total() == 0 {
                    (self.frozen, self.charged_off) = (false, None);
                }
            }
            TransactionKind::WriteOff => portions = self.write_off(on),
            TransactionKind::CapitalisedIncome => {
                self.capitalise(on, transaction.amount)?;
                met = self.use_overpaid(on)?;
                portions.overpaid = met.total().min(transaction.amount);
                portions.principal = transaction.amount;
            }
            TransactionKind::InterestRefund if transaction.payment.is_some() => {
                let amount = self.interest_to_refund(&transaction)?;
                self.transactions[index].amount = amount;
                portions = self.pay(on, kind, amount)?;
            }
            TransactionKind::ChargeWaiver => {}
            kind if kind.is_accrual() => {}
            _ => portions = self.pay(on, kind, transaction.amount)?,
        }
        let slot = &mut self.transactions[index];
        (slot.portions, slot.met) = (portions, met);
        slot.void = kind == TransactionKind::ChargeOff && portions.total() == 0;
        if kind.takes_what_is_open() {
            slot.amount = portions.principal + portions.interest + portions.fee + portions.penalty;
        }
        Ok(())
    }

    /// Money goes out: the part due at once gets an instalment of its own, the rest goes into the plan.
    fn lend(&mut self, on: Date, amount: i64) -> Result<()> {
        let product = &self.loan.product;
        let mut rest = amount;
        if let Some(down) = product.down_payment {
            let part = self.loan.down_payment(amount, down.share.get());
            let mut row = ScheduledInstalment::new(InstalmentKind::DownPayment, on, on);
            row.principal.due = part;
            let planned_once = product.kind == ScheduleKind::Cumulative;
            let behind = |other: &ScheduledInstalment| {
                other.due > on || planned_once && other.due == on && other.kind != InstalmentKind::DownPayment
            };
            let place = self.rows.iter().position(behind).unwrap_or(self.rows.len());
            self.rows.insert(place, row);
            rest -= part;
        }
        if self.re_amortised || self.re_aged && on > self.plan.maturity() {
            self.lend_evenly(on, rest);
            return Ok(());
        }
        self.plan.lend(product, on, rest)?;
        let after_all = self.rows.iter().all(|row| row.kind != InstalmentKind::Planned || row.due < on);
        if after_all {
            let nth = self.additional(on);
            self.rows[nth].principal.due += rest;
            self.rows[nth].note_met(on);
        }
        let planned_once = product.kind == ScheduleKind::Cumulative;
        self.write(on, (!planned_once).then_some(on));
        Ok(())
    }

    /// A fee becomes principal without money going out.
    fn capitalise(&mut self, on: Date, amount: i64) -> Result<()> {
        if self.re_amortised || self.re_aged && on > self.plan.maturity() {
            self.lend_evenly(on, amount);
            return Ok(());
        }
        self.plan.lend(&self.loan.product, on, amount)?;
        self.write(on, Some(on));
        Ok(())
    }

    /// What is lent once the plan no longer knows the instalments is spread over those to come.
    fn lend_evenly(&mut self, on: Date, amount: i64) {
        let mut rows: Vec<usize> = (0..self.rows.len())
            .filter(|&nth| self.rows[nth].due > on && self.rows[nth].kind == InstalmentKind::Planned)
            .collect();
        if rows.is_empty() {
            rows.push(self.additional(on));
        }
        let even = self.loan.product.rounding.div(i128::from(amount), rows.len() as i128) as i64;
        let mut rest = amount;
        for &nth in &rows {
            let row = &mut self.rows[nth];
            let due = multiple(row.principal.due + even, self.loan.product.level_multiple_minor);
            rest -= due - row.principal.due;
            row.principal.due = due;
        }
        if let Some(&last) = rows.last() {
            self.rows[last].principal.due += rest;
        }
        for nth in rows {
            self.rows[nth].note_met(on);
        }
    }

    /// Principal overdue on a day goes on to earn interest, where the product says so.
    pub fn keep_overdue(&mut self, day: Date) -> Result<()> {
        if self.recalculates() && !self.loan.product.no_interest_past_due {
            let changed = self.plan.keep_overdue(&self.loan.product, day, self.closing)?;
            if changed {
                self.write_figures();
            }
        }
        Ok(())
    }

    /// Whether interest follows what is paid and when.
    pub fn recalculates(&self) -> bool {
        self.loan.recalculates() && !self.frozen
    }

    /// Whether a payment is enough for everything until the running instalment falls due.
    fn is_meant_to_close(&self, on: Date, amount: i64) -> Result<bool> {
        if !self.recalculates() || self.loan.product.recalculates != Some(PayoffInterest::DueDate) {
            return Ok(false);
        }
        let Some(nth) = self.running(on) else { return Ok(false) };
        let open = self.plan.open_on(&self.loan.product, self.rows[nth].due)?;
        Ok(amount >= open.principal + open.interest)
    }

    /// The instalment whose period holds a day: after its first day until its last.
    pub fn running(&self, on: Date) -> Option<usize> {
        self.rows
            .iter()
            .position(|row| row.kind != InstalmentKind::DownPayment && row.from < on && on <= row.due)
            .or_else(|| self.rows.iter().position(|row| row.kind == InstalmentKind::Planned && row.from == on))
    }

    /// The period of the plan behind an instalment.
    pub fn period_of(&self, nth: usize) -> Option<usize> {
        let row = &self.rows[nth];
        if row.kind == InstalmentKind::DownPayment {
            return None;
        }
        self.plan.periods.iter().position(|period| period.due == row.due)
    }

    /// Puts the plan's principal and interest on the instalments, those due before `from` excepted.
    pub fn write(&mut self, on: Date, from: Option<Date>) {
        let places = self.places_by(|row| row.due);
        for period in &self.plan.periods {
            if from.is_some_and(|from| period.due < from) {
                continue;
            }
            let Some(nth) = place_of(&places, period.due) else { continue };
            let row = &mut self.rows[nth];
            (row.principal.due, row.interest.due) = (period.principal, period.interest);
            if from.is_none() {
                (row.credited, row.credited_interest) = (period.credited_principal(), period.credited_interest());
            }
            row.note_met(on);
        }
        self.write_fees();
    }

    /// Puts the plan's figures on the instalments and says nothing about their being met.
    pub fn write_figures(&mut self) {
        let places = self.places_by(|row| row.from);
        for period in &self.plan.periods {
            if let Some(nth) = place_of(&places, period.from) {
                let row = &mut self.rows[nth];
                (row.principal.due, row.interest.due) = (period.principal, period.interest);
            }
        }
        self.write_fees();
    }

    /// The instalments that are no down payments with a day of theirs, by that day and place.
    fn places_by(&self, day: impl Fn(&ScheduledInstalment) -> Date) -> Vec<(Date, usize)> {
        let counted = self.rows.iter().enumerate().filter(|(_, row)| row.kind != InstalmentKind::DownPayment);
        let mut places: Vec<(Date, usize)> = counted.map(|(nth, row)| (day(row), nth)).collect();
        places.sort_unstable();
        places
    }

    /// Fees that go with every instalment follow its principal and interest.
    pub fn write_fees(&mut self) {
        let (fees, rounding) = (&self.loan.instalment_fees, self.loan.product.rounding);
        if fees.is_empty() {
            return;
        }
        for row in self.rows.iter_mut().filter(|row| row.kind == InstalmentKind::Planned) {
            let fee: i64 = fees.iter().map(|fee| fee.of(row.principal.due, row.interest.due, rounding)).sum();
            row.fee.due += fee - row.fee_by_plan;
            row.fee_by_plan = fee;
        }
    }

    pub fn open_portions(&self) -> Portions {
        let mut portions = Portions::default();
        for row in &self.rows {
            for component in Component::ALL {
                portions.add(component, row.debt(component).open());
            }
        }
        portions
    }
}

/// The first place with this day.
fn place_of(places: &[(Date, usize)], day: Date) -> Option<usize> {
    let at = places.partition_point(|&(other, _)| other < day);
    places.get(at).filter(|&&(other, _)| other == day).map(|&(_, nth)| nth)
}

impl ScheduledLoan {
    /// Whether interest follows what is paid and when: a progressive plan that bears interest on what is outstanding, and a
    /// product that says so.
    pub(super) fn recalculates(&self) -> bool {
        self.product.recalculates.is_some()
            && self.product.kind == ScheduleKind::Progressive
            && self.product.method == InterestMethod::DecliningBalance
            && self.bears_interest()
    }

    /// Whether there is interest in its plan.
    pub(super) fn bears_interest(&self) -> bool {
        self.terms.annual_rate > Decimal::ZERO || self.changes.iter().any(TermChange::bears_interest)
    }
}
