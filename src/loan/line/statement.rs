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
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::loan::{
///     Action, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms, PaymentKind, statement,
/// };
///
/// let day = |text: &str| text.parse().unwrap();
/// let limit_minor = Money::from_minor(500_000);
/// let terms = LineTerms { limit_minor, opened_on: day("2026-03-01"), expires_on: day("2027-03-01") };
/// let mut line = CreditLine::open(LinePolicy::china(), terms)?;
/// let terms = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 90)?;
/// let draw = Action::Disburse { drawdown: DrawdownId(1), amount_minor: Money::from_minor(200_000), terms };
/// line.record(Event::new("draw", day("2026-03-01"), draw))?;
/// let pay = Action::Repay { drawdown: None, amount_minor: Money::from_minor(52_000), kind: PaymentKind::Repayment };
/// line.record(Event::new("pay", day("2026-03-21"), pay).in_sequence(1))?;
/// // 2,000.00 drawn; 20 days of 1.00 interest; of 520.00 paid, 20.00 is interest and 500.00 principal.
/// let last = statement(&line)?.pop().unwrap();
/// assert_eq!((last.interest_minor.to_minor(), last.principal_minor.to_minor()), (-2_000, -50_000));
/// assert_eq!((last.principal_balance_minor.to_minor(), last.balance_minor.to_minor()), (150_000, 150_000));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
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
