//! How a line stands on a day, and what closes a drawdown.

use serde::{Deserialize, Serialize};

use super::credit_line::CreditLine;
use super::drawdown::{Drawdown, DrawdownStatus};
use super::event::DrawdownId;
use super::fold::{Fold, LineState};
use super::policy::LinePolicy;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Component;
use crate::money::Money;

/// Why a drawdown is not possible, in this order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The line is frozen.
    Frozen,
    /// The line has not begun or has ended.
    NotOpen,
    /// Something on the line is overdue.
    Overdue,
    /// More than is available.
    AboveAvailable {
        /// What is available.
        available_minor: Money,
    },
}

/// How a drawdown stands on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawdownPosition {
    /// The caller's number.
    pub id: DrawdownId,
    /// How it stands.
    pub status: DrawdownStatus,
    /// Principal outstanding.
    pub principal_minor: Money,
    /// Interest earned and not paid, up to the day.
    pub interest_minor: Money,
    /// Fees open.
    pub fee_minor: Money,
    /// Penalties open.
    pub penalty_minor: Money,
    /// Principal and interest that fell due before the day and are open.
    pub overdue_minor: Money,
    /// Days past due.
    pub days_past_due: u32,
    /// Whether interest is not recognised as income.
    pub non_accrual: bool,
    /// Whether it was restructured.
    pub restructured: bool,
    /// The next due date from the day on.
    pub next_due_on: Option<Date>,
}

impl DrawdownPosition {
    fn of(drawdown: &Drawdown, day: Date, policy: &LinePolicy) -> Self {
        let held = matches!(drawdown.status, DrawdownStatus::Active | DrawdownStatus::ChargedOff);
        Self {
            id: drawdown.id,
            status: drawdown.status,
            principal_minor: drawdown.outstanding(),
            interest_minor: drawdown.open_of(Component::Interest),
            fee_minor: drawdown.open_of(Component::Fee),
            penalty_minor: drawdown.open_of(Component::Penalty),
            overdue_minor: Money::from_minor(if held { drawdown.overdue(day) } else { 0 }),
            days_past_due: if held { drawdown.days_past_due(day, policy) } else { 0 },
            non_accrual: drawdown.non_accrual,
            restructured: drawdown.restructured,
            next_due_on: drawdown
                .instalments
                .iter()
                .find(|row| row.due_on >= day && row.open() > Money::ZERO)
                .map(|row| row.due_on),
        }
    }

    /// Everything open.
    #[must_use]
    pub fn owed(&self) -> Money {
        let parts = [self.principal_minor, self.interest_minor, self.fee_minor, self.penalty_minor];
        Money::from_minor(parts.iter().map(|part| part.to_minor()).sum())
    }
}

/// How a line stands on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePosition {
    /// The day.
    pub as_of: Date,
    /// The limit.
    pub limit_minor: Money,
    /// What can still be drawn: the limit less principal outstanding, never below zero; nothing when frozen or ended.
    pub available_minor: Money,
    /// Principal outstanding on all drawdowns still held.
    pub principal_minor: Money,
    /// Fees of the line itself that are open.
    pub fee_minor: Money,
    /// Everything owed on the drawdowns, and the line's own fees.
    pub owed_minor: Money,
    /// What is overdue.
    pub overdue_minor: Money,
    /// The highest days past due of any drawdown.
    pub days_past_due: u32,
    /// Money the borrower has paid too much.
    pub credit_balance_minor: Money,
    /// The drawdowns, in the order of their disbursement.
    pub drawdowns: Vec<DrawdownPosition>,
}

/// What it takes to close a drawdown on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoffQuote {
    /// The day of payment.
    pub on: Date,
    /// Principal outstanding.
    pub principal_minor: Money,
    /// Interest up to the day.
    pub interest_minor: Money,
    /// Fees, the prepayment fee included.
    pub fee_minor: Money,
    /// Penalties.
    pub penalty_minor: Money,
    /// The fee for leaving early, contained in the fees.
    pub prepayment_fee_minor: Money,
    /// The sum: paying it on the day leaves exactly nothing.
    pub total_minor: Money,
}

impl CreditLine {
    /// Whether and why not `amount` can be drawn on `day`.
    ///
    /// # Errors
    /// As [`position`](Self::position).
    pub fn refusal(&self, day: Date, amount: Money) -> Result<Option<Refusal>> {
        let position = self.position(day)?;
        Ok(if self.state.frozen {
            Some(Refusal::Frozen)
        } else if day < self.terms.opened_on || day >= self.state.expires_on {
            Some(Refusal::NotOpen)
        } else if position.days_past_due > 0 {
            Some(Refusal::Overdue)
        } else if amount > position.available_minor {
            Some(Refusal::AboveAvailable { available_minor: position.available_minor })
        } else {
            None
        })
    }

    /// The state as it was, or will be if nothing more happens, at the end of `day`'s events.
    ///
    /// # Errors
    /// [`Error::is_conflict`] for a day before the snapshot the line was resumed from.
    pub fn state_on(&self, day: Date) -> Result<LineState> {
        if day < self.base.as_of && !self.base_keys.is_empty() {
            return Err(Error::conflict("day", day, format!("a day not before the snapshot of {}", self.base.as_of)));
        }
        let mut fold = if day >= self.state.as_of {
            Fold::new(&self.policy, self.state.clone())
        } else {
            let mut fold = self.begin();
            for &number in self.order.iter().take_while(|&&number| self.events[number as usize].value_date <= day) {
                fold.step(number, &self.events[number as usize])?;
            }
            fold
        };
        fold.advance(day)?;
        Ok(fold.state)
    }

    /// How the line stands at the end of `day`, past or future.
    ///
    /// # Errors
    /// As [`state_on`](Self::state_on).
    pub fn position(&self, day: Date) -> Result<LinePosition> {
        let state = self.state_on(day)?;
        let drawdowns: Vec<DrawdownPosition> =
            state.drawdowns.iter().map(|drawdown| DrawdownPosition::of(drawdown, day, &self.policy)).collect();
        let principal: i64 = drawdowns.iter().map(|drawdown| drawdown.principal_minor.to_minor()).sum();
        let open = !state.frozen && day >= self.terms.opened_on && day < state.expires_on;
        let available = if open { (state.limit_minor.to_minor() - principal).max(0) } else { 0 };
        Ok(LinePosition {
            as_of: day,
            limit_minor: state.limit_minor,
            available_minor: Money::from_minor(available),
            principal_minor: Money::from_minor(principal),
            fee_minor: state.fee_minor,
            owed_minor: Money::checked_sum(drawdowns.iter().map(DrawdownPosition::owed))?
                .checked_add(state.fee_minor)?,
            overdue_minor: Money::checked_sum(drawdowns.iter().map(|drawdown| drawdown.overdue_minor))?,
            days_past_due: drawdowns.iter().map(|drawdown| drawdown.days_past_due).max().unwrap_or(0),
            credit_balance_minor: state.credit_balance_minor,
            drawdowns,
        })
    }

    /// What closes a drawdown on `day`, a day not before the last event.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a drawdown that does not exist; [`Error::is_conflict`] for a day before the last event.
    pub fn payoff(&self, id: DrawdownId, day: Date) -> Result<PayoffQuote> {
        if day < self.state.as_of {
            return Err(Error::conflict(
                "payoff day",
                day,
                format!("a day not before the last event on {}", self.state.as_of),
            ));
        }
        let state = self.state_on(day)?;
        let found = state.drawdowns.iter().find(|drawdown| drawdown.id == id);
        let drawdown = found.ok_or_else(|| Error::unknown("drawdown", id.0))?;
        let early = drawdown.principal_in_advance(day);
        let fee = if drawdown.is_active() && early > 0 {
            Money::from_minor(drawdown.prepayment_fee(day, early, true, self.policy.rounding)?)
        } else {
            Money::ZERO
        };
        let position = DrawdownPosition::of(drawdown, day, &self.policy);
        Ok(PayoffQuote {
            on: day,
            principal_minor: position.principal_minor,
            interest_minor: position.interest_minor,
            fee_minor: position.fee_minor.checked_add(fee)?,
            penalty_minor: position.penalty_minor,
            prepayment_fee_minor: fee,
            total_minor: position.owed().checked_add(fee)?,
        })
    }

    /// The quotes of `days` days from `day` on: what a reader sees who may pay today or later.
    ///
    /// # Errors
    /// As [`payoff`](Self::payoff).
    pub fn payoffs(&self, id: DrawdownId, day: Date, days: u32) -> Result<Vec<PayoffQuote>> {
        (0..days).map(|ahead| self.payoff(id, super::drawdown::plus(day, ahead)?)).collect()
    }
}
