//! The fold itself: one event after another changes the state and makes balanced entries.

mod charge;
mod pay;
mod replan;

use serde::{Deserialize, Serialize};

use super::cost::CostCheck;
use super::drawdown::{Drawdown, DrawdownStatus, Earned, Pause};
use super::event::{Action, DrawdownId, Event};
use super::policy::LinePolicy;
use super::terms::DrawdownTerms;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Component, CostCap, JournalEntry, JournalKind, Posting};
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
    /// Fees of the line itself that are open: for keeping it, not for a drawdown.
    pub fee_minor: Money,
    /// The drawdowns in the order of their disbursement.
    pub drawdowns: Vec<Drawdown>,
    /// The sum of all amounts of all events, kept below a bound so that no sum of a line can overflow.
    pub(in crate::loan::line) turnover: i64,
}

/// The most that the amounts of all events of a line, or the interest of a drawdown, may add up to.
pub(in crate::loan::line) const TURNOVER_MAX: i64 = 1_000_000_000_000_000_000;

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

/// The fold in progress.
pub(in crate::loan::line) struct Fold<'a> {
    pub policy: &'a LinePolicy,
    pub state: LineState,
    pub entries: Vec<JournalEntry>,
    pub movements: Vec<Movement>,
    pub costs: Vec<CostCheck>,
}

impl<'a> Fold<'a> {
    pub const fn new(policy: &'a LinePolicy, state: LineState) -> Self {
        Self { policy, state, entries: Vec::new(), movements: Vec::new(), costs: Vec::new() }
    }
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
        let moved_before = self.movements.len();
        self.apply(number, day, &event.action)?;
        if self.policy.cost_cap == CostCap::default() { Ok(()) } else { self.check_costs(number, day, moved_before) }
    }

    /// Holds every drawdown that the event moved against the caps.
    fn check_costs(&mut self, event: u32, day: Date, moved_before: usize) -> Result<()> {
        let moved = self.movements[moved_before..].iter().filter(|movement| movement.event.is_some());
        let mut ids: Vec<DrawdownId> = moved.filter_map(|movement| movement.drawdown).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let drawdown = &self.state.drawdowns[self.find(id)?];
            let (cost, excess) = (drawdown.cost()?, drawdown.cap_excess(day, self.policy)?);
            let cost_minor = Money::from_minor(cost);
            self.costs.push(CostCheck { event, drawdown: id, as_of: day, cost_minor, excess });
        }
        Ok(())
    }

    fn apply(&mut self, number: u32, day: Date, action: &Action) -> Result<()> {
        match *action {
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
            Action::ChargeLine { amount_minor } => self.charge_line(number, day, amount_minor),
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
        let lent = drawdown.filter(|_| cash != 0).and_then(|id| self.find(id).ok());
        if let Some(index) = lent {
            self.state.drawdowns[index].pass_cash(day, cash);
        }
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

    fn disburse(&mut self, number: u32, day: Date, id: DrawdownId, amount: Money, terms: &DrawdownTerms) -> Result<()> {
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
