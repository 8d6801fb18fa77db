//! What may happen to a plan after it is signed, and by which rules it is met.

use serde::{Deserialize, Serialize};

use super::PlanRate;
use crate::error::{Error, Result};
use crate::money::Money;

/// A rate that replaces the plan's between two days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromotionalRate {
    /// The first day it holds, counted from the start of the plan.
    pub first_day: i32,
    /// The last day it holds.
    pub last_day: i32,
    /// The rate.
    pub rate: PlanRate,
}

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// A payment not made in full on its day.
    LatePayment,
    /// A payment that the borrower's bank refused for want of money.
    InsufficientFunds,
}

/// How often a charge of one kind may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeGrouping {
    /// Once a day, however many causes the day has.
    #[default]
    OncePerDay,
    /// Once in the life of the plan.
    OncePerPlan,
    /// For every cause.
    Every,
}

/// A charge for a payment that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCharge {
    /// What it is for.
    pub kind: ChargeKind,
    /// What it comes to.
    pub amount: Money,
    /// How often it may be made.
    #[serde(default)]
    pub grouping: ChargeGrouping,
    /// Spans of days, both ends included, on which it is not made.
    #[serde(default)]
    pub holidays: Vec<(i32, i32)>,
}

/// How a payment pays a financed fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeOrder {
    /// Beside the principal, in the proportion both had at the start; a broken unit goes to the fee.
    #[default]
    Proportional,
    /// Before the principal.
    BeforePrincipal,
}

/// What of a financed fee is given back when the plan is settled early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeRebate {
    /// Nothing.
    #[default]
    None,
    /// The share of the days not used, rounded in the borrower's favour. A plan that was rescheduled has lost it.
    ProRata,
    /// All of it that is not paid yet.
    Balance,
}

/// What the settlement figure of a day still to come takes for granted. On days past the two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectedSettlement {
    /// The payments expected until then: what settling will cost a borrower who keeps to the plan.
    #[default]
    Expected,
    /// The payments made until now, in what it gives back: of interest put on top only what was paid in fact counts as paid, and
    /// a fee's rebate is lowered by the payment expected that day. FSharp.Finance.Personal prints these.
    Made,
}

/// A change to the payments of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleChange {
    /// A payment agreed later; on a day of the plan it replaces the plan's.
    Rescheduled {
        /// Its day.
        day: i32,
        /// What is to be paid.
        amount: Money,
    },
    /// The payment of a day of the plan is no longer asked for.
    Cancelled {
        /// Its day.
        day: i32,
    },
}

/// How a plan is serviced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanServicing {
    /// Settling by this day costs no interest that is not paid yet.
    pub interest_grace_days: i32,
    /// For so many days after its own a payment may still arrive before it counts as late, and one on its way be confirmed
    /// before it counts as failed.
    pub payment_grace_days: i32,
    /// A payment due below this is not asked for; it is owed with a later one.
    pub minimum_payment: Money,
    /// The rate paid to a borrower who has paid too much.
    pub credit_rate: PlanRate,
    /// Rates for spans of days; the first that holds on a day counts.
    pub promotional_rates: Vec<PromotionalRate>,
    /// How a financed fee is paid.
    pub fee_order: FeeOrder,
    /// What of it is given back on early settlement.
    pub fee_rebate: FeeRebate,
    /// Charges for late and refused payments.
    pub charges: Vec<PlanCharge>,
    /// Changes to the payments.
    pub changes: Vec<ScheduleChange>,
    /// Days after the last payment on which the calendar of payments would have gone on: a payment made after one of them no
    /// longer makes good the last payment due.
    pub later_windows: Vec<i32>,
    /// The settlement figure of days still to come.
    pub projected_settlement: ProjectedSettlement,
}

impl Default for PlanServicing {
    fn default() -> Self {
        Self {
            interest_grace_days: 0,
            payment_grace_days: 0,
            minimum_payment: Money::ZERO,
            credit_rate: PlanRate::ZERO,
            promotional_rates: Vec::new(),
            fee_order: FeeOrder::default(),
            fee_rebate: FeeRebate::default(),
            charges: Vec::new(),
            changes: Vec::new(),
            later_windows: Vec::new(),
            projected_settlement: ProjectedSettlement::default(),
        }
    }
}

impl PlanServicing {
    pub(super) fn check(&self) -> Result<()> {
        for (name, days) in
            [("interest grace days", self.interest_grace_days), ("payment grace days", self.payment_grace_days)]
        {
            if days < 0 {
                return Err(Error::invalid(name, days, "at least 0"));
            }
        }
        if self.minimum_payment.is_negative() {
            return Err(Error::invalid("minimum payment", self.minimum_payment.to_minor(), "at least 0"));
        }
        for rate in &self.promotional_rates {
            if rate.first_day > rate.last_day {
                let span = format!("day {} to {}", rate.first_day, rate.last_day);
                return Err(Error::invalid("promotional rate", span, "a first day not after the last"));
            }
        }
        for charge in &self.charges {
            if charge.amount.is_negative() {
                return Err(Error::invalid("charge", charge.amount.to_minor(), "at least 0"));
            }
        }
        Ok(())
    }
}

/// How a payment turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The money is there; a negative amount is a refund to the borrower.
    #[default]
    Confirmed,
    /// On its way: counts until the grace days are over, then no longer.
    Pending,
    /// It did not arrive.
    Failed,
    /// The borrower's bank refused it for want of money.
    InsufficientFunds,
    /// No money moved: the lender forgoes this much.
    WrittenOff,
}

/// A payment, or an attempt at one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanPayment {
    /// The day, counted from the start of the plan.
    pub day: i32,
    /// What was paid; negative when it went to the borrower.
    pub amount: Money,
    /// How it turned out.
    #[serde(default)]
    pub outcome: PaymentOutcome,
}

impl PlanPayment {
    /// A payment that arrived.
    #[must_use]
    pub const fn confirmed(day: i32, amount: Money) -> Self {
        Self { day, amount, outcome: PaymentOutcome::Confirmed }
    }
}
