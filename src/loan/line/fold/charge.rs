//! Debts that are not lent money: charges, waivers, payments taken back, credit paid out.

use super::super::drawdown::DrawdownStatus;
use super::super::event::DrawdownId;
use super::super::instalment::Instalment;
use super::{Fold, Parts, above_zero};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Component, JournalKind};
use crate::money::Money;

impl Fold<'_> {
    /// A fee of the line itself, due at once.
    pub(super) fn charge_line(&mut self, number: u32, day: Date, amount: Money) -> Result<()> {
        let minor = above_zero("line fee", amount)?;
        self.state.fee_minor = self.state.fee_minor.checked_add(amount)?;
        let lines = [(Account::FeeReceivable, minor), (Account::FeeIncome, -minor)];
        self.post(day, Some(number), None, JournalKind::Event, &lines);
        self.movement(day, number, None, Parts { fee: minor, ..Parts::default() }, 0, 0);
        Ok(())
    }

    pub(super) fn charge(
        &mut self,
        number: u32,
        day: Date,
        id: DrawdownId,
        component: Component,
        amount: Money,
    ) -> Result<()> {
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
    pub(super) fn charge_parts(
        &mut self,
        number: u32,
        day: Date,
        index: usize,
        component: Component,
        amount: i64,
    ) -> Result<()> {
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

    pub(super) fn waive(
        &mut self,
        number: u32,
        day: Date,
        id: DrawdownId,
        component: Component,
        amount: Money,
    ) -> Result<()> {
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

    pub(super) fn charge_back(&mut self, number: u32, day: Date, id: DrawdownId, amount: Money) -> Result<()> {
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

    pub(super) fn refund_credit(&mut self, number: u32, day: Date, amount: Money) -> Result<()> {
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
}
