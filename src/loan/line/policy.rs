//! The rules a line is kept by: rounding, waterfall, what being late costs, when income stops being recognised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::PaymentKind;
use crate::error::{Error, Result};
use crate::loan::{Allocation, Chart, CostCap};
use crate::money::{Money, Rounding};
use crate::rate::BasisPoints;

/// What earns penalty interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdueBase {
    /// Overdue principal only: penalties never compound.
    #[default]
    OverduePrincipal,
    /// Overdue principal and the interest that fell due with it: compound interest on overdue interest.
    OverduePrincipalAndInterest,
    /// All principal outstanding, as soon as a part of it is overdue.
    OutstandingPrincipal,
}

/// What being late costs.
///
/// Only whole rules of law are offered as presets ([`LinePolicy::china`], [`LinePolicy::india`]); the parts can be put
/// together freely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverdueTerms {
    /// The penalty rate as a multiple of the contract rate; zero for none.
    pub multiple_of_contract: BasisPoints,
    /// Whether the penalty rate takes the place of the contract rate on overdue principal, or comes on top of it.
    pub replaces_contract: bool,
    /// What earns it.
    pub base: OverdueBase,
    /// Days after the due date without penalty.
    pub grace_days: u32,
    /// Whether the grace is lost by who does not use it: what is still open when it ends has then earned penalty since its due
    /// date. What was paid within the grace days has not.
    pub grace_is_lost: bool,
    /// A charge for each instalment missed, once the grace days are over.
    pub late_charge_minor: Money,
    /// Days after which overdue interest is added to the principal; never, when absent.
    pub capitalise_after_days: Option<u32>,
    /// Overdue principal and interest below this count as paid: no penalty, no day past due.
    pub minimum_overdue_minor: Money,
}

impl Default for OverdueTerms {
    /// Contract interest goes on, nothing else.
    fn default() -> Self {
        Self {
            multiple_of_contract: BasisPoints::new(0),
            replaces_contract: false,
            base: OverdueBase::OverduePrincipal,
            grace_days: 0,
            grace_is_lost: false,
            late_charge_minor: Money::ZERO,
            capitalise_after_days: None,
            minimum_overdue_minor: Money::ZERO,
        }
    }
}

/// The rules a line is kept by, as data.
///
/// ```
/// use dandelion_credit::loan::LinePolicy;
///
/// assert!(LinePolicy::china().overdue.replaces_contract);
/// assert!(!LinePolicy::india().overdue.replaces_contract);
/// assert_eq!(LinePolicy::china().overdue.multiple_of_contract.get(), 15_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinePolicy {
    /// How accrued interest becomes whole minor units where it is booked; the exact accrual goes on underneath.
    pub rounding: Rounding,
    /// Which debt a payment meets first.
    pub allocation: Allocation,
    /// Another waterfall for some kinds of payment.
    pub allocation_by_kind: BTreeMap<PaymentKind, Allocation>,
    /// What being late costs.
    pub overdue: OverdueTerms,
    /// What a drawdown may cost. Interest and penalties stop at the daily and total caps, fees counting towards the total; the
    /// charges and the annual cap are measured on the cash flows as they went, after each event: [`CreditLine::cost_checks`](super::CreditLine::cost_checks).
    pub cost_cap: CostCap,
    /// Interest is no longer recognised as income after more than so many days past due.
    pub non_accrual_after_days: Option<u32>,
    /// The accounts postings go to.
    pub chart: Chart,
}

impl Default for LinePolicy {
    /// Half-even cents, the standard waterfall, contract interest on late days, non-accrual after 90 days.
    fn default() -> Self {
        Self {
            rounding: Rounding::HalfEven,
            allocation: Allocation::standard(),
            allocation_by_kind: BTreeMap::new(),
            overdue: OverdueTerms::default(),
            cost_cap: CostCap::default(),
            non_accrual_after_days: Some(90),
            chart: Chart::default(),
        }
    }
}

impl LinePolicy {
    /// China: overdue principal, and overdue interest with it, earns 1.5 times the contract rate in its place (PBoC Yinfa
    /// \[2003\] No. 251: 1.3 to 1.5 times, unpaid interest compounds at the penalty rate); costs, interest, penalties,
    /// principal in that order.
    #[must_use]
    pub fn china() -> Self {
        Self {
            rounding: Rounding::HalfUp,
            allocation: Allocation::china_civil_code(),
            overdue: OverdueTerms {
                multiple_of_contract: BasisPoints::new(15_000),
                replaces_contract: true,
                base: OverdueBase::OverduePrincipalAndInterest,
                ..OverdueTerms::default()
            },
            ..Self::default()
        }
    }

    /// India: a penal *charge* (here 2 % a year at a contract rate of 24 %, a twelfth of it) on overdue principal on top
    /// of contract interest, never capitalised (RBI, 18 August 2023).
    #[must_use]
    pub fn india() -> Self {
        Self {
            rounding: Rounding::HalfUp,
            overdue: OverdueTerms {
                multiple_of_contract: BasisPoints::new(833),
                grace_days: 3,
                ..OverdueTerms::default()
            },
            ..Self::default()
        }
    }

    /// The waterfall of a kind of payment.
    #[must_use]
    pub fn allocation_for(&self, kind: PaymentKind) -> &Allocation {
        self.allocation_by_kind.get(&kind).unwrap_or(&self.allocation)
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// [`Error::is_invalid`] naming the rule that a value breaks.
    pub fn check(&self) -> Result<()> {
        let overdue = &self.overdue;
        if !(0..=1_000_000).contains(&overdue.multiple_of_contract.get()) {
            return Err(Error::invalid(
                "penalty multiple",
                overdue.multiple_of_contract.get(),
                "0 to 1000000 basis points",
            ));
        }
        if overdue.late_charge_minor.is_negative() || overdue.minimum_overdue_minor.is_negative() {
            return Err(Error::invalid("overdue amounts", "below zero", "not below zero"));
        }
        if overdue.grace_days > 366 || overdue.capitalise_after_days.is_some_and(|days| !(1..=3_660).contains(&days)) {
            return Err(Error::invalid("grace or capitalisation", "out of range", "at most 366 days; 1 to 3660 days"));
        }
        let cap = &self.cost_cap;
        let shares = [cap.total_share, cap.daily_share].into_iter().flatten().any(|share| share.get() < 0);
        if shares || [cap.total, cap.daily].into_iter().flatten().any(Money::is_negative) {
            return Err(Error::invalid("cost cap", "below zero", "not below zero"));
        }
        if self.non_accrual_after_days.is_some_and(|days| days > 3_660) {
            return Err(Error::invalid("non-accrual limit", "too many days", "at most 3660 days"));
        }
        Ok(())
    }
}
