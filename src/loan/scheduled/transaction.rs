//! Transactions and what they were made of.

use serde::{Deserialize, Serialize};

use super::product::TransactionKind;
use crate::calendar::Date;
use crate::loan::{Component, Every};

/// What a transaction was made of, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Portions {
    /// Principal.
    pub principal: i64,
    /// Interest.
    pub interest: i64,
    /// Fees.
    pub fee: i64,
    /// Penalties.
    pub penalty: i64,
    /// What was left over.
    pub overpaid: i64,
}

impl Portions {
    /// All parts of a debt together.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.principal + self.interest + self.fee + self.penalty
    }

    pub(super) fn add(&mut self, component: Component, minor: i64) {
        match component {
            Component::Penalty => self.penalty += minor,
            Component::Fee => self.fee += minor,
            Component::Interest => self.interest += minor,
            Component::Principal => self.principal += minor,
        }
    }

    pub(super) const fn of(&self, component: Component) -> i64 {
        match component {
            Component::Penalty => self.penalty,
            Component::Fee => self.fee,
            Component::Interest => self.interest,
            Component::Principal => self.principal,
        }
    }
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanTransaction {
    /// Its number, in the order of arrival.
    pub id: u32,
    /// The day it counts from.
    pub on: Date,
    /// The day it was recorded.
    pub recorded_on: Date,
    /// Its kind.
    pub kind: TransactionKind,
    /// Its amount.
    pub amount: i64,
    /// What it was made of.
    pub portions: Portions,
    /// Whether it was undone.
    pub reverted: bool,
    /// Whether a later fact changed what it was made of.
    pub replayed: bool,
    /// What of it a credit balance met at once.
    pub(super) met: Portions,
    pub(super) withdrawn: bool,
    /// Nothing was open when it came: a charge-off that earlier payments made void.
    pub(super) void: bool,
    /// The payment a charge-back takes back, or the refund that gives interest back.
    pub payment: Option<u32>,
    /// Principal outstanding after it.
    pub balance: i64,
    pub(super) plan: Option<NewPlan>,
}

impl LoanTransaction {
    /// Its place among the others: by day, then as they were recorded.
    pub(super) const fn order(&self) -> (Date, Date, u32) {
        (self.on, self.recorded_on, self.id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewPlan {
    pub start: Date,
    pub every: Every,
    pub instalments: u32,
}
