//! Instalments and what is due, paid and open on them.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::loan::Component;

/// A debt of an instalment, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Debt {
    /// What falls due.
    pub due: i64,
    /// What was paid.
    pub paid: i64,
    /// What was given up.
    pub waived: i64,
}

impl Debt {
    /// What is open.
    #[must_use]
    pub const fn open(&self) -> i64 {
        self.due - self.paid - self.waived
    }
}

/// What an instalment is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalmentKind {
    /// By the plan.
    Planned,
    /// Due with a disbursement.
    DownPayment,
    /// For what fell due after the last one.
    Additional,
}

/// One instalment of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledInstalment {
    /// What it is there for.
    pub kind: InstalmentKind,
    /// The day its period begins.
    pub from: Date,
    /// The day it falls due.
    pub due: Date,
    /// Principal.
    pub principal: Debt,
    /// Interest.
    pub interest: Debt,
    /// Fees.
    pub fee: Debt,
    /// Penalties.
    pub penalty: Debt,
    /// What was paid before the due date.
    pub in_advance: i64,
    /// What was paid after it.
    pub late: i64,
    /// The day it was met.
    pub met_on: Option<Date>,
    /// Principal in it that was paid before and is owed again.
    pub credited: i64,
    /// Interest in it that was paid before and is owed again.
    pub credited_interest: i64,
    /// The part of its fees that goes with every instalment.
    pub(super) fee_by_plan: i64,
}

impl ScheduledInstalment {
    pub(super) fn new(kind: InstalmentKind, from: Date, due: Date) -> Self {
        let none = Debt::default();
        Self {
            kind,
            from,
            due,
            principal: none,
            interest: none,
            fee: none,
            penalty: none,
            in_advance: 0,
            late: 0,
            met_on: None,
            credited: 0,
            credited_interest: 0,
            fee_by_plan: 0,
        }
    }

    /// A debt of the instalment.
    #[must_use]
    pub const fn debt(&self, component: Component) -> &Debt {
        match component {
            Component::Penalty => &self.penalty,
            Component::Fee => &self.fee,
            Component::Interest => &self.interest,
            Component::Principal => &self.principal,
        }
    }

    pub(super) fn debt_mut(&mut self, component: Component) -> &mut Debt {
        match component {
            Component::Penalty => &mut self.penalty,
            Component::Fee => &mut self.fee,
            Component::Interest => &mut self.interest,
            Component::Principal => &mut self.principal,
        }
    }

    /// Notes on a day whether everything is paid that falls due.
    pub(super) fn note_met(&mut self, on: Date) {
        match (self.met_on, self.open_total()) {
            (None, 0) => self.met_on = Some(on),
            (Some(_), open) if open != 0 => self.met_on = None,
            _ => {}
        }
    }

    pub(super) fn sum(&self, of: impl Fn(&Debt) -> i64) -> i64 {
        Component::ALL.iter().map(|&component| of(self.debt(component))).sum()
    }

    /// Everything that falls due.
    #[must_use]
    pub fn due_total(&self) -> i64 {
        self.sum(|debt| debt.due)
    }

    /// Everything paid.
    #[must_use]
    pub fn paid_total(&self) -> i64 {
        self.sum(|debt| debt.paid)
    }

    /// Everything open.
    #[must_use]
    pub fn open_total(&self) -> i64 {
        self.sum(Debt::open)
    }
}
