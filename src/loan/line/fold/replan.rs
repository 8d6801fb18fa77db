//! What is agreed anew, and how a claim leaves the books.

use super::super::drawdown::DrawdownStatus;
use super::super::event::DrawdownId;
use super::super::instalment::Instalment;
use super::super::terms::{RepaymentPlan, plan_principal};
use super::{Fold, Parts, above_zero};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Component, JournalKind};
use crate::money::Money;

impl Fold<'_> {
    /// Lays unpaid principal out anew: that of instalments to come, or with `overdue_too` all of it.
    pub(super) fn replan(
        &mut self,
        index: usize,
        day: Date,
        repayment: &RepaymentPlan,
        overdue_too: bool,
    ) -> Result<()> {
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

    pub(super) fn re_amortise(&mut self, day: Date, id: DrawdownId) -> Result<()> {
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
    pub(super) fn end(
        &mut self,
        number: u32,
        day: Date,
        id: DrawdownId,
        status: DrawdownStatus,
        price: i64,
    ) -> Result<()> {
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

    pub(super) fn recover(&mut self, number: u32, day: Date, id: DrawdownId, amount: Money) -> Result<()> {
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
