//! What a person reads: every movement of an account with its balance.

use serde::{Deserialize, Serialize};

use super::credit_line::CreditLine;
use super::event::DrawdownId;
use crate::calendar::Date;
use crate::error::Result;
use crate::money::Money;

/// One line of a statement. Amounts that the borrower owes more are above zero, less below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementRow {
    /// The day it counts from.
    pub value_date: Date,
    /// What happened.
    pub description: String,
    /// The drawdown, where there is one.
    pub drawdown: Option<DrawdownId>,
    /// Change of principal.
    pub principal_minor: Money,
    /// Change of interest.
    pub interest_minor: Money,
    /// Change of fees and penalties.
    pub charges_minor: Money,
    /// Cash paid out to the borrower, negative when received.
    pub cash_minor: Money,
    /// Principal outstanding afterwards.
    pub principal_balance_minor: Money,
    /// Everything owed afterwards, less a credit balance.
    pub balance_minor: Money,
}

/// The statement of a line from its opening to its last event: the rows add up, and the last balance is what is owed.
///
/// # Errors
/// [`Error::is_overflow`](crate::Error::is_overflow) when a balance cannot be held.
pub fn statement(line: &CreditLine) -> Result<Vec<StatementRow>> {
    let mut principal = Money::ZERO;
    let mut balance = Money::ZERO;
    line.movements()
        .iter()
        .map(|movement| {
            let charges = movement.fee_minor.checked_add(movement.penalty_minor)?;
            let change = [movement.principal_minor, movement.interest_minor, charges, movement.credit_minor];
            principal = principal.checked_add(movement.principal_minor)?;
            balance = balance.checked_add(Money::checked_sum(change)?)?;
            let description = match movement.event {
                Some(number) => line.events()[number as usize].action.name().to_owned(),
                None if charges.is_zero() => "Interest".to_owned(),
                None => "Interest and penalties".to_owned(),
            };
            Ok(StatementRow {
                value_date: movement.value_date,
                description,
                drawdown: movement.drawdown,
                principal_minor: movement.principal_minor,
                interest_minor: movement.interest_minor,
                charges_minor: charges,
                cash_minor: movement.cash_minor,
                principal_balance_minor: principal,
                balance_minor: balance,
            })
        })
        .collect()
}
