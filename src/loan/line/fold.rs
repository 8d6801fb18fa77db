//! The fold itself: one event after another changes the state and makes balanced entries.

use serde::{Deserialize, Serialize};

use super::drawdown::{Drawdown, DrawdownStatus, Earned, Instalment, Pause};
use super::event::{Action, DrawdownId, Event, PaymentKind, PrepayEffect};
use super::policy::LinePolicy;
use super::terms::{PlanForm, PlannedPrincipal, RepaymentPlan, plan_principal, spread};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Allocation, Component, Direction, JournalEntry, JournalKind, Posting, Timing};
use crate::money::Money;

/// What a movement on the line was made of. Money that the borrower owes more is above zero, less below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The day it counts from.
    pub value_date: Date,
    /// The event behind it, by its number in the order of arrival; none for accruals.
    pub event: Option<u32>,
    /// The drawdown, where there is one.
    pub drawdown: Option<DrawdownId>,
    /// Change of principal owed.
    pub principal_minor: Money,
    /// Change of interest owed.
    pub interest_minor: Money,
    /// Change of fees owed.
    pub fee_minor: Money,
    /// Change of penalties owed.
    pub penalty_minor: Money,
    /// Change of the credit balance, negative when it grows.
    pub credit_minor: Money,
    /// Cash out to the borrower, negative when it comes in; zero where none moves.
    pub cash_minor: Money,
}

/// Everything a line is, as of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineState {
    /// The day up to which every event counts.
    pub as_of: Date,
    /// The limit.
    pub limit_minor: Money,
    /// The first day without drawdowns.
    pub expires_on: Date,
    /// Whether drawdowns are stopped.
    pub frozen: bool,
    /// Money the borrower has paid too much.
    pub credit_balance_minor: Money,
    /// The drawdowns in the order of their disbursement.
    pub drawdowns: Vec<Drawdown>,
    /// The sum of all amounts of all events, kept below a bound so that no sum of a line can overflow.
    pub(super) turnover: i64,
}

/// The most that the amounts of all events of a line, or the interest of a drawdown, may add up to.
pub(super) const TURNOVER_MAX: i64 = 1_000_000_000_000_000_000;

/// A change of one drawdown by a payment, a waiver or the like, by component.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    penalty: i64,
    fee: i64,
    interest: i64,
    principal: i64,
}

impl Parts {
    fn add(&mut self, component: Component, minor: i64) {
        match component {
            Component::Penalty => self.penalty += minor,
            Component::Fee => self.fee += minor,
            Component::Interest => self.interest += minor,
            Component::Principal => self.principal += minor,
        }
    }

    fn total(&self) -> i64 {
        self.penalty + self.fee + self.interest + self.principal
    }
}

/// Which event pays, on which day, from which account, and whether principal not yet due may be paid.
#[derive(Debug, Clone, Copy)]
struct Payment {
    number: u32,
    day: Date,
    source: Account,
    principal_in_advance: bool,
}

/// The fold in progress.
pub(super) struct Fold<'a> {
    pub policy: &'a LinePolicy,
    pub state: LineState,
    pub entries: Vec<JournalEntry>,
    pub movements: Vec<Movement>,
}

impl Fold<'_> {
    /// Lets the days to `day` pass on every drawdown.
    pub fn advance(&mut self, day: Date) -> Result<()> {
        for index in 0..self.state.drawdowns.len() {
            self.accrue(index, day)?;
        }
        self.state.as_of = self.state.as_of.max(day);
        Ok(())
    }

    fn accrue(&mut self, index: usize, day: Date) -> Result<()> {
        let drawdown = &mut self.state.drawdowns[index];
        if !drawdown.is_active() || drawdown.accrued_to >= day {
            return Ok(());
        }
        let earned = drawdown.accrue(day, self.policy)?;
        if earned == Earned::default() {
            return Ok(());
        }
        let id = drawdown.id;
        self.post(
            day,
            None,
            Some(id),
            JournalKind::Accrual,
            &[
                (Account::Principal, earned.principal),
                (Account::InterestReceivable, earned.interest_receivable),
                (Account::PenaltyReceivable, earned.penalty_receivable),
                (Account::InterestIncome, -earned.interest_income),
                (Account::PenaltyIncome, -earned.penalty_income),
                (Account::SuspendedIncome, -earned.suspended),
            ],
        );
        self.movements.push(Movement {
            value_date: day,
            event: None,
            drawdown: Some(id),
            principal_minor: Money::from_minor(earned.principal),
            interest_minor: Money::from_minor(earned.interest_receivable),
            fee_minor: Money::ZERO,
            penalty_minor: Money::from_minor(earned.penalty_receivable),
            credit_minor: Money::ZERO,
            cash_minor: Money::ZERO,
        });
        Ok(())
    }

    fn post(
        &mut self,
        day: Date,
        event: Option<u32>,
        drawdown: Option<DrawdownId>,
        kind: JournalKind,
        lines: &[(Account, i64)],
    ) {
        let mut postings = Vec::with_capacity(lines.len());
        for &(account, debit) in lines {
            if debit != 0 {
                postings.push(Posting { account, debit_minor: Money::from_minor(debit) });
            }
        }
        if postings.is_empty() {
            return;
        }
        let drawdown = drawdown.map(|id| id.0);
        let entry = JournalEntry { booked_on: day, value_date: day, event, drawdown, kind, postings };
        debug_assert!(entry.is_balanced(), "{entry:?}");
        self.entries.push(entry);
    }

    fn find(&self, id: DrawdownId) -> Result<usize> {
        let found = self.state.drawdowns.iter().position(|drawdown| drawdown.id == id);
        found.ok_or_else(|| Error::unknown("drawdown", id.0))
    }

    /// The drawdown, accrued to the day, if it is still the lender's to change.
    fn active(&mut self, id: DrawdownId, day: Date) -> Result<usize> {
        let index = self.find(id)?;
        self.accrue(index, day)?;
        if !self.state.drawdowns[index].is_active() {
            let status = self.state.drawdowns[index].status;
            return Err(Error::conflict("drawdown", id.0, format!("an active drawdown, this one is {status:?}")));
        }
        Ok(index)
    }

    /// Applies one event. On an error the fold is to be thrown away.
    pub fn step(&mut self, number: u32, event: &Event) -> Result<()> {
        let day = event.value_date;
        self.state.as_of = self.state.as_of.max(day);
        let turnover = self.state.turnover.checked_add(event.action.amount().to_minor().saturating_abs());
        self.state.turnover = turnover
            .filter(|&sum| sum <= TURNOVER_MAX)
            .ok_or_else(|| Error::overflow("amounts of a line", "at most 10^18 minor units over all events"))?;
        match event.action {
            Action::Disburse { drawdown, amount_minor, ref terms } => {
                self.disburse(number, day, drawdown, amount_minor, terms)
            }
            Action::Repay { drawdown, amount_minor, kind } => self.repay(number, day, drawdown, amount_minor, kind),
            Action::Prepay { drawdown, amount_minor, effect } => {
                self.prepay(number, day, drawdown, amount_minor, effect)
            }
            Action::Charge { drawdown, component, amount_minor } => {
                self.charge(number, day, drawdown, component, amount_minor)
            }
            Action::Waive { drawdown, component, amount_minor } => {
                self.waive(number, day, drawdown, component, amount_minor)
            }
            Action::ChargeBack { drawdown, amount_minor } => self.charge_back(number, day, drawdown, amount_minor),
            Action::RefundCreditBalance { amount_minor } => self.refund_credit(number, day, amount_minor),
            Action::Pause { drawdown, until, accrues_interest } => {
                if until <= day {
                    return Err(Error::invalid("pause", until, format!("a day after {day}")));
                }
                let index = self.active(drawdown, day)?;
                self.state.drawdowns[index].pauses.push(Pause { from: day, until, accrues_interest });
                Ok(())
            }
            Action::Reschedule { drawdown, ref repayment, rate } => {
                let index = self.active(drawdown, day)?;
                if let Some(rate) = rate {
                    self.state.drawdowns[index].terms.rate = rate;
                    self.state.drawdowns[index].set_rate(self.policy)?;
                }
                self.replan(index, day, repayment, false)
            }
            Action::ReAge { drawdown, ref repayment } => {
                let index = self.active(drawdown, day)?;
                self.replan(index, day, repayment, true)
            }
            Action::Restructure { drawdown, ref repayment, rate } => {
                let index = self.active(drawdown, day)?;
                self.state.drawdowns[index].terms.rate = rate;
                self.state.drawdowns[index].restructured = true;
                self.state.drawdowns[index].set_rate(self.policy)?;
                self.replan(index, day, repayment, true)
            }
            Action::ReAmortise { drawdown } => self.re_amortise(day, drawdown),
            Action::ChargeOff { drawdown } => self.end(number, day, drawdown, DrawdownStatus::ChargedOff, 0),
            Action::WriteOff { drawdown } => self.end(number, day, drawdown, DrawdownStatus::WrittenOff, 0),
            Action::Sell { drawdown, price_minor } => {
                self.end(number, day, drawdown, DrawdownStatus::Sold, not_negative("price", price_minor)?)
            }
            Action::Recover { drawdown, amount_minor } => self.recover(number, day, drawdown, amount_minor),
            Action::SetLimit { limit_minor } => {
                self.state.limit_minor = Money::from_minor(not_negative("limit", limit_minor)?);
                Ok(())
            }
            Action::Freeze => {
                self.state.frozen = true;
                Ok(())
            }
            Action::Unfreeze => {
                self.state.frozen = false;
                Ok(())
            }
            Action::SetExpiry { expires_on } => {
                self.state.expires_on = expires_on;
                Ok(())
            }
            Action::Reverse { .. } => Ok(()),
        }
    }

    fn movement(&mut self, day: Date, number: u32, drawdown: Option<DrawdownId>, parts: Parts, credit: i64, cash: i64) {
        self.movements.push(Movement {
            value_date: day,
            event: Some(number),
            drawdown,
            principal_minor: Money::from_minor(parts.principal),
            interest_minor: Money::from_minor(parts.interest),
            fee_minor: Money::from_minor(parts.fee),
            penalty_minor: Money::from_minor(parts.penalty),
            credit_minor: Money::from_minor(credit),
            cash_minor: Money::from_minor(cash),
        });
    }

    fn disburse(
        &mut self,
        number: u32,
        day: Date,
        id: DrawdownId,
        amount: Money,
        terms: &super::terms::DrawdownTerms,
    ) -> Result<()> {
        if self.state.drawdowns.iter().any(|drawdown| drawdown.id == id) {
            return Err(Error::conflict("drawdown", id.0, "a number not yet used on this line"));
        }
        let drawdown = Drawdown::open(id, terms, day, amount, self.policy)?;
        self.state.drawdowns.push(drawdown);
        let (amount, fee) = (amount.to_minor(), terms.upfront_fee_minor.to_minor());
        self.post(
            day,
            Some(number),
            Some(id),
            JournalKind::Event,
            &[
                (Account::Principal, amount),
                (Account::FeeReceivable, fee),
                (Account::Cash, -amount),
                (Account::FeeIncome, -fee),
            ],
        );
        self.movement(day, number, Some(id), Parts { principal: amount, fee, ..Parts::default() }, 0, amount);
        Ok(())
    }

    fn repay(
        &mut self,
        number: u32,
        day: Date,
        id: Option<DrawdownId>,
        amount: Money,
        kind: PaymentKind,
    ) -> Result<()> {
        let amount = above_zero("payment", amount)?;
        let targets: Vec<usize> = match id {
            Some(id) => vec![self.find(id)?],
            None => (0..self.state.drawdowns.len())
                .filter(|&index| {
                    matches!(self.state.drawdowns[index].status, DrawdownStatus::Active | DrawdownStatus::ChargedOff)
                })
                .collect(),
        };
        for &index in &targets {
            self.accrue(index, day)?;
        }
        // Leaving early has its price; it is owed once the payment is enough to leave.
        for &index in &targets {
            let drawdown = &self.state.drawdowns[index];
            let early = drawdown.principal_in_advance(day);
            if drawdown.is_active() && early > 0 && targets.len() == 1 && amount >= drawdown.owed()? {
                let fee = drawdown.prepayment_fee(day, early, true, self.policy.rounding)?;
                self.charge_parts(number, day, index, Component::Fee, fee)?;
            }
        }
        let source = match kind {
            PaymentKind::GoodwillCredit => Account::GoodwillExpense,
            PaymentKind::Repayment | PaymentKind::MerchantRefund => Account::Cash,
        };
        let allocation = self.policy.allocation_for(kind);
        let left =
            self.allocate(Payment { number, day, source, principal_in_advance: true }, &targets, amount, allocation)?;
        if left > 0 {
            self.state.credit_balance_minor = self.state.credit_balance_minor.checked_add(Money::from_minor(left))?;
            let lines = [(source, left), (Account::CreditBalance, -left)];
            self.post(day, Some(number), None, JournalKind::Event, &lines);
            self.movement(day, number, None, Parts::default(), -left, if source == Account::Cash { -left } else { 0 });
        }
        Ok(())
    }

    /// Pays `amount` down the waterfall over the instalments of `targets` and gives back what is left.
    fn allocate(&mut self, payment: Payment, targets: &[usize], amount: i64, allocation: &Allocation) -> Result<i64> {
        let Payment { number, day, source, principal_in_advance } = payment;
        let drawdowns = &mut self.state.drawdowns;
        let mut parts = vec![Parts::default(); targets.len()];
        let mut left = amount;
        let cells = allocation.cells();
        let mut at = 0;
        while at < cells.len() && left > 0 {
            let timing = cells[at].timing;
            let run = match allocation.direction() {
                Direction::Vertical => 1,
                Direction::Horizontal => cells[at..].iter().take_while(|cell| cell.timing == timing).count(),
            };
            let in_timing = |due_on: Date| match timing {
                Timing::PastDue => due_on < day,
                Timing::Due => due_on == day,
                Timing::InAdvance => due_on > day,
            };
            let mut rows: Vec<(Date, usize, usize)> = Vec::new();
            for (target, &index) in targets.iter().enumerate() {
                if !matches!(drawdowns[index].status, DrawdownStatus::Active | DrawdownStatus::ChargedOff) {
                    continue;
                }
                let instalments = drawdowns[index].instalments.iter().enumerate();
                rows.extend(
                    instalments
                        .filter(|(_, row)| in_timing(row.due_on) && row.open() > Money::ZERO)
                        .map(|(row, instalment)| (instalment.due_on, target, row)),
                );
            }
            if targets.len() > 1 {
                rows.sort_unstable();
            }
            for (_, target, row) in rows {
                for cell in &cells[at..at + run] {
                    if timing == Timing::InAdvance && cell.component == Component::Principal && !principal_in_advance {
                        continue;
                    }
                    let paid = drawdowns[targets[target]].instalments[row].owed_mut(cell.component).pay(left);
                    parts[target].add(cell.component, paid);
                    left -= paid;
                }
            }
            at += run;
        }
        for (&index, &paid) in targets.iter().zip(&parts) {
            if paid.total() > 0 {
                self.settle(number, day, index, paid, source)?;
            }
        }
        Ok(left)
    }

    /// Books what a payment paid on one drawdown, and closes the drawdown when nothing is left.
    fn settle(&mut self, number: u32, day: Date, index: usize, paid: Parts, source: Account) -> Result<()> {
        let drawdown = &mut self.state.drawdowns[index];
        let id = drawdown.id;
        if drawdown.status == DrawdownStatus::ChargedOff {
            drawdown.recovered_minor = drawdown.recovered_minor.checked_add(Money::from_minor(paid.total()))?;
            if drawdown.owed()? == 0 {
                drawdown.ended_on = Some(day);
            }
            let lines = [(source, paid.total()), (Account::RecoveryIncome, -paid.total())];
            self.post(day, Some(number), Some(id), JournalKind::Event, &lines);
        } else {
            let (mut interest, mut penalty) =
                (paid.interest.min(drawdown.suspended_interest), paid.penalty.min(drawdown.suspended_penalty));
            drawdown.suspended_interest -= interest;
            drawdown.suspended_penalty -= penalty;
            let closes = drawdown.owed()? == 0;
            if closes {
                drawdown.status = DrawdownStatus::Closed;
                drawdown.ended_on = Some(day);
            }
            if drawdown.non_accrual && (closes || drawdown.overdue(day) == 0) {
                drawdown.non_accrual = false;
                interest += std::mem::take(&mut drawdown.suspended_interest);
                penalty += std::mem::take(&mut drawdown.suspended_penalty);
            }
            self.post(
                day,
                Some(number),
                Some(id),
                JournalKind::Event,
                &[
                    (source, paid.total()),
                    (Account::SuspendedIncome, interest + penalty),
                    (Account::PenaltyReceivable, -paid.penalty),
                    (Account::FeeReceivable, -paid.fee),
                    (Account::InterestReceivable, -paid.interest),
                    (Account::Principal, -paid.principal),
                    (Account::InterestIncome, -interest),
                    (Account::PenaltyIncome, -penalty),
                ],
            );
        }
        let parts =
            Parts { penalty: -paid.penalty, fee: -paid.fee, interest: -paid.interest, principal: -paid.principal };
        let cash = if source == Account::Cash { -paid.total() } else { 0 };
        self.movement(day, number, Some(id), parts, 0, cash);
        Ok(())
    }

    fn prepay(&mut self, number: u32, day: Date, id: DrawdownId, amount: Money, effect: PrepayEffect) -> Result<()> {
        let amount = above_zero("prepayment", amount)?;
        let index = self.active(id, day)?;
        let allocation = self.policy.allocation_for(PaymentKind::Repayment);
        let dues = Payment { number, day, source: Account::Cash, principal_in_advance: false };
        let left = self.allocate(dues, &[index], amount, allocation)?;
        let drawdown = &self.state.drawdowns[index];
        let early = drawdown.principal_in_advance(day);
        let rounding = self.policy.rounding;
        let whole_fee = drawdown.prepayment_fee(day, early, true, rounding)?;
        let closes = early > 0 && left >= early.saturating_add(whole_fee);
        if left > 0 && !closes && early > 0 {
            // The largest part of principal that can be paid together with its fee.
            let (mut low, mut high) = (0, early.min(left) + 1);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let fee = self.state.drawdowns[index].prepayment_fee(day, middle, false, rounding)?;
                if middle.saturating_add(fee) <= left { low = middle } else { high = middle }
            }
            let fee = self.state.drawdowns[index].prepayment_fee(day, low, false, rounding)?;
            self.charge_parts(number, day, index, Component::Fee, left - low - (left - low - fee))?;
            let fee_paid = self.allocate(dues, &[index], fee, allocation)?;
            debug_assert_eq!(fee_paid, 0, "a fee charged today is due today");
            self.take_early(index, day, low, effect)?;
            let paid = Parts { principal: low, ..Parts::default() };
            if low > 0 {
                self.settle(number, day, index, paid, Account::Cash)?;
            }
            let rest = left - low - fee;
            if rest > 0 {
                return self.repay(number, day, Some(id), Money::from_minor(rest), PaymentKind::Repayment);
            }
            return Ok(());
        }
        if left > 0 {
            return self.repay(number, day, Some(id), Money::from_minor(left), PaymentKind::Repayment);
        }
        Ok(())
    }

    /// Moves `paid` of principal not yet due into an instalment of its own on `day` and lays out the rest anew.
    fn take_early(&mut self, index: usize, day: Date, paid: i64, effect: PrepayEffect) -> Result<()> {
        let rounding = self.policy.rounding;
        let drawdown = &mut self.state.drawdowns[index];
        let first = drawdown.instalments.iter().position(|row| row.due_on > day).unwrap_or(drawdown.instalments.len());
        let future = &mut drawdown.instalments[first..];
        let total: i64 = future.iter().map(|row| row.principal.open_minor()).sum();
        let rest = total - paid;
        let dates: Vec<Date> = future.iter().map(|row| row.due_on).collect();
        let open: Vec<i64> = future.iter().map(|row| row.principal.open_minor()).collect();
        let plan: Vec<i64> = match effect {
            PrepayEffect::NextInstalments => take_in_order(&open, paid, false),
            PrepayEffect::LastInstalments => take_in_order(&open, paid, true),
            PrepayEffect::ReduceTerm => match (drawdown.is_equal_instalment(), drawdown.level) {
                (true, Some(level)) => {
                    let form = PlanForm::EqualInstalment;
                    principals(&spread(
                        form,
                        Some(level),
                        &drawdown.accrual,
                        day,
                        &dates,
                        Money::from_minor(rest),
                        rounding,
                    )?)
                }
                _ => take_in_order(&open, paid, true),
            },
            PrepayEffect::ReduceInstalment if drawdown.is_equal_instalment() => {
                let form = PlanForm::EqualInstalment;
                let plan = spread(form, None, &drawdown.accrual, day, &dates, Money::from_minor(rest), rounding)?;
                drawdown.set_level(&plan, day, rounding)?;
                principals(&plan)
            }
            PrepayEffect::ReduceInstalment => {
                let weights: Vec<u64> = open.iter().map(|&part| part.max(0) as u64).collect();
                Money::from_minor(rest).split(&weights)?.into_iter().map(Money::to_minor).collect()
            }
        };
        for (row, part) in drawdown.instalments[first..].iter_mut().zip(plan) {
            let settled = row.principal.paid_minor.to_minor() + row.principal.waived_minor.to_minor();
            row.principal.due_minor = Money::from_minor(settled + part);
        }
        if effect != PrepayEffect::NextInstalments {
            // Instalments at the end that hold nothing any more are gone.
            while drawdown.instalments.len() > first + 1
                && drawdown
                    .instalments
                    .last()
                    .is_some_and(|row| Component::ALL.iter().all(|&part| row.owed(part).due_minor.is_zero()))
            {
                drawdown.instalments.pop();
            }
        }
        let mut row = Instalment::new(day, Money::from_minor(paid));
        row.principal.paid_minor = Money::from_minor(paid);
        drawdown.instalments.insert(first, row);
        Ok(())
    }

    fn charge(&mut self, number: u32, day: Date, id: DrawdownId, component: Component, amount: Money) -> Result<()> {
        let amount = above_zero("charge", amount)?;
        if !matches!(component, Component::Fee | Component::Penalty) {
            return Err(Error::invalid("charge", format!("{component:?}"), "a fee or a penalty"));
        }
        let index = self.active(id, day)?;
        let due = match self.state.drawdowns[index].instalments.iter().position(|row| row.due_on >= day) {
            Some(row) => row,
            None => self.state.drawdowns[index].instalments.len().saturating_sub(1),
        };
        if let Some(row) = self.state.drawdowns[index].instalments.get_mut(due) {
            row.owed_mut(component).add_due(amount)?;
        }
        self.book_charge(number, day, index, component, amount);
        Ok(())
    }

    /// A charge that is due on the day itself.
    fn charge_parts(&mut self, number: u32, day: Date, index: usize, component: Component, amount: i64) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let instalments = &mut self.state.drawdowns[index].instalments;
        let first = instalments.iter().position(|row| row.due_on > day).unwrap_or(instalments.len());
        let mut row = Instalment::new(day, Money::ZERO);
        row.owed_mut(component).add_due(amount)?;
        instalments.insert(first, row);
        self.book_charge(number, day, index, component, amount);
        Ok(())
    }

    fn book_charge(&mut self, number: u32, day: Date, index: usize, component: Component, amount: i64) {
        let drawdown = &mut self.state.drawdowns[index];
        let id = drawdown.id;
        let (receivable, income) = match component {
            Component::Fee => (Account::FeeReceivable, Account::FeeIncome),
            _ if drawdown.non_accrual => {
                drawdown.suspended_penalty += amount;
                (Account::PenaltyReceivable, Account::SuspendedIncome)
            }
            _ => (Account::PenaltyReceivable, Account::PenaltyIncome),
        };
        self.post(day, Some(number), Some(id), JournalKind::Event, &[(receivable, amount), (income, -amount)]);
        let mut parts = Parts::default();
        parts.add(component, amount);
        self.movement(day, number, Some(id), parts, 0, 0);
    }

    fn waive(&mut self, number: u32, day: Date, id: DrawdownId, component: Component, amount: Money) -> Result<()> {
        let amount = above_zero("waiver", amount)?;
        if component == Component::Principal {
            return Err(Error::invalid(
                "waiver",
                "principal",
                "a penalty, a fee or interest: principal is written off",
            ));
        }
        let index = self.active(id, day)?;
        let drawdown = &mut self.state.drawdowns[index];
        let open = drawdown.open_of(component).to_minor();
        if amount > open {
            return Err(Error::invalid("waiver", amount, format!("at most the {open} that are open")));
        }
        let mut left = amount;
        for row in &mut drawdown.instalments {
            left -= row.owed_mut(component).waive(left);
        }
        let (receivable, suspended) = match component {
            Component::Penalty => (Account::PenaltyReceivable, &mut drawdown.suspended_penalty),
            Component::Interest => (Account::InterestReceivable, &mut drawdown.suspended_interest),
            _ => (Account::FeeReceivable, &mut 0),
        };
        let from_suspended = amount.min(*suspended);
        *suspended -= from_suspended;
        let closes = drawdown.owed()? == 0;
        if closes {
            drawdown.status = DrawdownStatus::Closed;
            drawdown.ended_on = Some(day);
        }
        let (mut interest, mut penalty) = (0, 0);
        if drawdown.non_accrual && (closes || drawdown.overdue(day) == 0) {
            drawdown.non_accrual = false;
            interest = std::mem::take(&mut drawdown.suspended_interest);
            penalty = std::mem::take(&mut drawdown.suspended_penalty);
        }
        self.post(
            day,
            Some(number),
            Some(id),
            JournalKind::Event,
            &[
                (Account::SuspendedIncome, from_suspended + interest + penalty),
                (Account::WaiverExpense, amount - from_suspended),
                (receivable, -amount),
                (Account::InterestIncome, -interest),
                (Account::PenaltyIncome, -penalty),
            ],
        );
        let mut parts = Parts::default();
        parts.add(component, -amount);
        self.movement(day, number, Some(id), parts, 0, 0);
        Ok(())
    }

    fn charge_back(&mut self, number: u32, day: Date, id: DrawdownId, amount: Money) -> Result<()> {
        let amount = above_zero("charge-back", amount)?;
        let index = self.find(id)?;
        self.accrue(index, day)?;
        let drawdown = &mut self.state.drawdowns[index];
        if !matches!(drawdown.status, DrawdownStatus::Active | DrawdownStatus::Closed) {
            return Err(Error::conflict(
                "drawdown",
                id.0,
                format!("active or closed, this one is {:?}", drawdown.status),
            ));
        }
        let paid: i64 = drawdown.instalments.iter().map(|row| row.principal.paid_minor.to_minor()).sum();
        let taken_back: i64 = drawdown.instalments.iter().map(|row| row.principal.due_minor.to_minor()).sum::<i64>()
            - drawdown.principal_minor.to_minor();
        if amount > paid - taken_back.max(0) {
            return Err(Error::invalid(
                "charge-back",
                amount,
                format!("at most the {} of principal paid", paid - taken_back.max(0)),
            ));
        }
        drawdown.status = DrawdownStatus::Active;
        drawdown.ended_on = None;
        drawdown.accrued_to = drawdown.accrued_to.max(day);
        let first = drawdown.instalments.iter().position(|row| row.due_on > day).unwrap_or(drawdown.instalments.len());
        drawdown.instalments.insert(first, Instalment::new(day, Money::from_minor(amount)));
        self.post(
            day,
            Some(number),
            Some(id),
            JournalKind::Event,
            &[(Account::Principal, amount), (Account::Cash, -amount)],
        );
        self.movement(day, number, Some(id), Parts { principal: amount, ..Parts::default() }, 0, amount);
        Ok(())
    }

    fn refund_credit(&mut self, number: u32, day: Date, amount: Money) -> Result<()> {
        let minor = above_zero("refund", amount)?;
        let credit = self.state.credit_balance_minor;
        if amount > credit {
            return Err(Error::invalid(
                "refund",
                minor,
                format!("at most the credit balance of {}", credit.to_minor()),
            ));
        }
        self.state.credit_balance_minor = credit.checked_sub(amount)?;
        self.post(
            day,
            Some(number),
            None,
            JournalKind::Event,
            &[(Account::CreditBalance, minor), (Account::Cash, -minor)],
        );
        self.movement(day, number, None, Parts::default(), minor, minor);
        Ok(())
    }

    /// Lays unpaid principal out anew: that of instalments to come, or with `overdue_too` all of it.
    fn replan(&mut self, index: usize, day: Date, repayment: &RepaymentPlan, overdue_too: bool) -> Result<()> {
        let rounding = self.policy.rounding;
        let drawdown = &mut self.state.drawdowns[index];
        let moves = |row: &Instalment| row.due_on > day || overdue_too && row.open() > Money::ZERO;
        let total: i64 =
            drawdown.instalments.iter().filter(|row| moves(row)).map(|row| row.principal.open_minor()).sum();
        if total <= 0 {
            return Err(Error::invalid("new plan", total, "principal left to plan for"));
        }
        let plan = plan_principal(repayment, &drawdown.accrual, day, Money::from_minor(total), rounding)?;
        let mut carried = Instalment::new(plan[0].due_on, plan[0].principal_minor);
        let mut kept = Vec::with_capacity(drawdown.instalments.len() + plan.len());
        for row in &drawdown.instalments {
            if !moves(row) {
                kept.push(*row);
                continue;
            }
            let mut settled = *row;
            for component in Component::ALL {
                let open = settled.owed(component).open_minor();
                let owed = settled.owed_mut(component);
                owed.due_minor = Money::from_minor(owed.due_minor.to_minor() - open);
                if component != Component::Principal {
                    carried.owed_mut(component).add_due(open)?;
                }
            }
            settled.due_on = settled.due_on.min(day);
            if Component::ALL.iter().any(|&component| !settled.owed(component).due_minor.is_zero()) {
                kept.push(settled);
            }
        }
        kept.push(carried);
        kept.extend(plan[1..].iter().map(|part| Instalment::new(part.due_on, part.principal_minor)));
        drawdown.instalments = kept;
        drawdown.terms.repayment = repayment.clone();
        drawdown.set_level(&plan, day, rounding)
    }

    fn re_amortise(&mut self, day: Date, id: DrawdownId) -> Result<()> {
        let index = self.active(id, day)?;
        let rows = &mut self.state.drawdowns[index].instalments;
        let first = rows.iter().position(|row| row.due_on > day).unwrap_or(rows.len());
        if first == rows.len() {
            return Err(Error::invalid("re-amortisation", day, "a day before the last due date"));
        }
        let mut overdue = 0;
        for row in &mut rows[..first] {
            let open = row.principal.open_minor();
            row.principal.due_minor = Money::from_minor(row.principal.due_minor.to_minor() - open);
            overdue += open;
        }
        let parts = Money::from_minor(overdue).split(&vec![1; rows.len() - first])?;
        for (row, part) in rows[first..].iter_mut().zip(parts) {
            row.principal.add_due(part.to_minor())?;
        }
        Ok(())
    }

    /// Takes a claim off the books: charged off, written off, or sold for `price`.
    fn end(&mut self, number: u32, day: Date, id: DrawdownId, status: DrawdownStatus, price: i64) -> Result<()> {
        let index = self.find(id)?;
        self.accrue(index, day)?;
        let drawdown = &mut self.state.drawdowns[index];
        let before = drawdown.status;
        let allowed = match status {
            DrawdownStatus::ChargedOff => before == DrawdownStatus::Active,
            _ => matches!(before, DrawdownStatus::Active | DrawdownStatus::ChargedOff),
        };
        if !allowed {
            return Err(Error::conflict(
                "drawdown",
                id.0,
                format!("a claim that is still held, this one is {before:?}"),
            ));
        }
        let open = Component::ALL.map(|component| drawdown.open_of(component).to_minor());
        let [penalty, fee, interest, principal] = open;
        let suspended =
            std::mem::take(&mut drawdown.suspended_interest) + std::mem::take(&mut drawdown.suspended_penalty);
        drawdown.non_accrual = false;
        drawdown.status = status;
        let gone = status != DrawdownStatus::ChargedOff;
        if gone {
            drawdown.ended_on = Some(day);
            for row in &mut drawdown.instalments {
                for component in Component::ALL {
                    row.owed_mut(component).waive(i64::MAX);
                }
            }
        }
        let result = if status == DrawdownStatus::Sold { Account::SaleResult } else { Account::CreditLoss };
        let lines = if before == DrawdownStatus::ChargedOff {
            // The books hold nothing any more; what comes in is income.
            vec![(Account::Cash, price), (Account::RecoveryIncome, -price)]
        } else {
            vec![
                (Account::Cash, price),
                (Account::SuspendedIncome, suspended),
                (result, open.iter().sum::<i64>() - suspended - price),
                (Account::Principal, -principal),
                (Account::InterestReceivable, -interest),
                (Account::PenaltyReceivable, -penalty),
                (Account::FeeReceivable, -fee),
            ]
        };
        self.post(day, Some(number), Some(id), JournalKind::Event, &lines);
        if gone {
            let parts = Parts { penalty: -penalty, fee: -fee, interest: -interest, principal: -principal };
            self.movement(day, number, Some(id), parts, 0, 0);
        }
        Ok(())
    }

    fn recover(&mut self, number: u32, day: Date, id: DrawdownId, amount: Money) -> Result<()> {
        let minor = above_zero("recovery", amount)?;
        let index = self.find(id)?;
        let drawdown = &mut self.state.drawdowns[index];
        if drawdown.status != DrawdownStatus::WrittenOff {
            let status = drawdown.status;
            return Err(Error::conflict("recovery", id.0, format!("a drawdown written off, this one is {status:?}")));
        }
        drawdown.recovered_minor = drawdown.recovered_minor.checked_add(amount)?;
        self.post(
            day,
            Some(number),
            Some(id),
            JournalKind::Event,
            &[(Account::Cash, minor), (Account::RecoveryIncome, -minor)],
        );
        self.movement(day, number, Some(id), Parts::default(), 0, -minor);
        Ok(())
    }
}

fn principals(plan: &[PlannedPrincipal]) -> Vec<i64> {
    plan.iter().map(|part| part.principal_minor.to_minor()).collect()
}

/// What is left of `open` when `paid` is taken from the front or from the back.
fn take_in_order(open: &[i64], paid: i64, from_back: bool) -> Vec<i64> {
    let mut rest = open.to_vec();
    let mut left = paid;
    let take = |part: &mut i64| {
        let taken = (*part).min(left);
        *part -= taken;
        left -= taken;
    };
    if from_back {
        rest.iter_mut().rev().for_each(take);
    } else {
        rest.iter_mut().for_each(take);
    }
    rest
}

fn above_zero(name: &'static str, amount: Money) -> Result<i64> {
    if amount > Money::ZERO {
        Ok(amount.to_minor())
    } else {
        Err(Error::invalid(name, amount.to_minor(), "above zero minor units"))
    }
}

fn not_negative(name: &'static str, amount: Money) -> Result<i64> {
    if amount.is_negative() {
        Err(Error::invalid(name, amount.to_minor(), "not below zero"))
    } else {
        Ok(amount.to_minor())
    }
}
