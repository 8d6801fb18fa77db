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
    pub(super) withdrawn: bool,
    /// The payment a charge-back takes back.
    pub payment: Option<u32>,
    /// Principal outstanding after it.
    pub balance: i64,
    pub(super) plan: Option<NewPlan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NewPlan {
    pub start: Date,
    pub every: Every,
    pub instalments: u32,
}
