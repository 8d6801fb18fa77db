//! Money coming in: repayments down the waterfall, prepayments, and what closes a drawdown.

use super::super::drawdown::DrawdownStatus;
use super::super::event::{DrawdownId, PaymentKind, PrepayEffect};
use super::super::instalment::Instalment;
use super::super::terms::{PlanForm, PlannedPrincipal, spread};
use super::{Fold, Parts, above_zero};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Allocation, Component, Direction, JournalKind, Timing};
use crate::money::Money;

/// Which event pays, on which day, from which account, and whether principal not yet due may be paid.
#[derive(Debug, Clone, Copy)]
struct Payment {
    number: u32,
    day: Date,
    source: Account,
    principal_in_advance: bool,
}

impl Fold<'_> {
    pub(super) fn repay(
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
        let source = match kind {
            PaymentKind::GoodwillCredit => Account::GoodwillExpense,
            PaymentKind::Repayment | PaymentKind::MerchantRefund => Account::Cash,
        };
        // A payment that names no drawdown pays the line's own fees first.
        let amount = if id.is_none() { self.pay_line_fees(number, day, amount, source)? } else { amount };
        // Leaving early has its price; it is owed once the payment is enough to leave.
        let owed = targets
            .iter()
            .try_fold(0i64, |sum, &index| Ok::<_, Error>(sum.saturating_add(self.state.drawdowns[index].owed()?)))?;
        for &index in &targets {
            let drawdown = &self.state.drawdowns[index];
            let early = drawdown.principal_in_advance(day);
            if drawdown.is_active() && early > 0 && amount >= owed {
                let fee = drawdown.prepayment_fee(day, early, true, self.policy.rounding)?;
                self.charge_parts(number, day, index, Component::Fee, fee)?;
            }
        }
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

    /// Takes the line's own fees out of a payment and gives back what is left.
    fn pay_line_fees(&mut self, number: u32, day: Date, amount: i64, source: Account) -> Result<i64> {
        let paid = self.state.fee_minor.to_minor().min(amount);
        if paid > 0 {
            self.state.fee_minor = self.state.fee_minor.checked_sub(Money::from_minor(paid))?;
            let lines = [(source, paid), (Account::FeeReceivable, -paid)];
            self.post(day, Some(number), None, JournalKind::Event, &lines);
            let cash = if source == Account::Cash { -paid } else { 0 };
            self.movement(day, number, None, Parts { fee: -paid, ..Parts::default() }, 0, cash);
        }
        Ok(amount - paid)
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

    pub(super) fn prepay(
        &mut self,
        number: u32,
        day: Date,
        id: DrawdownId,
        amount: Money,
        effect: PrepayEffect,
    ) -> Result<()> {
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
