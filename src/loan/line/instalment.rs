//! One instalment: what fell or falls due of each component, and what became of it.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;
use crate::money::Money;

/// One debt of one instalment: what fell or falls due, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Owed {
    /// What is to be paid.
    pub due_minor: Money,
    /// What was paid.
    pub paid_minor: Money,
    /// What was given up.
    pub waived_minor: Money,
}

impl Owed {
    /// What is still open.
    #[must_use]
    pub fn open(&self) -> Money {
        Money::from_minor(self.due_minor.to_minor() - self.paid_minor.to_minor() - self.waived_minor.to_minor())
    }

    pub(super) fn open_minor(&self) -> i64 {
        self.open().to_minor()
    }

    pub(super) fn add_due(&mut self, minor: i64) -> Result<()> {
        self.due_minor = self.due_minor.checked_add(Money::from_minor(minor))?;
        Ok(())
    }

    /// Takes up to `left` out of what is open and gives back how much.
    pub(super) fn pay(&mut self, left: i64) -> i64 {
        let paid = self.open_minor().max(0).min(left);
        self.paid_minor = Money::from_minor(self.paid_minor.to_minor() + paid);
        paid
    }

    pub(super) fn waive(&mut self, left: i64) -> i64 {
        let waived = self.open_minor().max(0).min(left);
        self.waived_minor = Money::from_minor(self.waived_minor.to_minor() + waived);
        waived
    }
}

/// One instalment of a drawdown. Its interest grows by the day until it falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instalment {
    /// The day it falls due.
    pub due_on: Date,
    /// The money lent.
    pub principal: Owed,
    /// Contract interest earned in its period so far.
    pub interest: Owed,
    /// Fees.
    pub fee: Owed,
    /// Penalties.
    pub penalty: Owed,
    /// Whether the charge for missing it was made.
    pub(super) late_charge_made: bool,
    /// Interest that was added after it had fallen due: it earns no penalty.
    pub(super) late_interest_minor: Money,
}

impl Instalment {
    pub(super) fn new(due_on: Date, principal: Money) -> Self {
        let principal = Owed { due_minor: principal, ..Owed::default() };
        let none = Owed::default();
        Self {
            due_on,
            principal,
            interest: none,
            fee: none,
            penalty: none,
            late_charge_made: false,
            late_interest_minor: Money::ZERO,
        }
    }

    /// A debt of the instalment.
    #[must_use]
    pub fn owed(&self, component: Component) -> &Owed {
        match component {
            Component::Penalty => &self.penalty,
            Component::Fee => &self.fee,
            Component::Interest => &self.interest,
            Component::Principal => &self.principal,
        }
    }

    pub(super) fn owed_mut(&mut self, component: Component) -> &mut Owed {
        match component {
            Component::Penalty => &mut self.penalty,
            Component::Fee => &mut self.fee,
            Component::Interest => &mut self.interest,
            Component::Principal => &mut self.principal,
        }
    }

    /// What is open in all components.
    #[must_use]
    pub fn open(&self) -> Money {
        Money::from_minor(Component::ALL.iter().map(|&component| self.owed(component).open_minor()).sum())
    }
}
