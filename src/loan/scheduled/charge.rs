//! Fees and penalties: on a day, and on every instalment.

use serde::{Deserialize, Serialize};

use super::instalment::{Debt, InstalmentKind, ScheduledInstalment};
use super::product::{ScheduleKind, TransactionKind};
use super::record::above_zero;
use super::replay::Replay;
use super::state::ScheduledLoan;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Component;
use crate::money::Money;
use crate::rate::BasisPoints;

/// A charge on a loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanCharge {
    /// [`Component::Fee`] or [`Component::Penalty`].
    pub component: Component,
    /// The amount.
    pub amount: i64,
    /// The day it falls due.
    pub due: Date,
    /// Facts recorded before it.
    pub(super) after: u32,
    pub(super) made_on: Date,
    pub(super) waived: bool,
}

impl LoanCharge {
    /// Whether it was given up.
    #[must_use]
    pub const fn is_waived(&self) -> bool {
        self.waived
    }
}

/// What a fee on every instalment is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstalmentFee {
    /// So many minor units.
    Flat(i64),
    /// A share of the principal that falls due.
    OfPrincipal(BasisPoints),
    /// A share of the interest that falls due.
    OfInterest(BasisPoints),
    /// A share of both.
    OfBoth(BasisPoints),
}

impl InstalmentFee {
    pub(super) fn of(self, principal: i64, interest: i64, rounding: crate::money::Rounding) -> i64 {
        let share =
            |amount: i64, share: BasisPoints| rounding.div(i128::from(amount) * i128::from(share.get()), 10_000) as i64;
        match self {
            Self::Flat(minor) => minor,
            Self::OfPrincipal(part) => share(principal, part),
            Self::OfInterest(part) => share(interest, part),
            Self::OfBoth(part) => share(principal + interest, part),
        }
    }
}

impl ScheduledLoan {
    /// The charges.
    #[must_use]
    pub fn charges(&self) -> &[LoanCharge] {
        &self.charges
    }

    /// What was paid of a charge: charges of a component are paid in the order of their due dates.
    #[must_use]
    pub fn charge_paid(&self, charge: &LoanCharge) -> i64 {
        let row_of = |charge: &LoanCharge| {
            let planned = |row: &ScheduledInstalment| row.kind != InstalmentKind::DownPayment && charge.due <= row.due;
            self.instalments.iter().position(planned).unwrap_or(self.instalments.len().saturating_sub(1))
        };
        let row = row_of(charge);
        let paid = self.instalments.get(row).map_or(0, |row| row.debt(charge.component).paid);
        let mut before = 0;
        for other in &self.charges {
            let earlier = (other.due, other.after) < (charge.due, charge.after);
            if other.component == charge.component && !other.waived && earlier && row_of(other) == row {
                before += other.amount;
            }
        }
        if charge.waived { 0 } else { (paid - before).clamp(0, charge.amount) }
    }

    /// What each fee on every instalment comes to, and how much of it is paid: the fees of an instalment met count as paid.
    #[must_use]
    pub fn instalment_fee_debts(&self) -> Vec<Debt> {
        let rounding = self.product.rounding;
        let debt = |fee: &InstalmentFee| {
            let mut debt = Debt::default();
            for row in self.instalments.iter().filter(|row| row.kind == InstalmentKind::Planned) {
                let minor = fee.of(row.principal.due, row.interest.due, rounding);
                debt.due += minor;
                if row.fee_by_plan > 0 && row.fee.paid >= row.fee_by_plan {
                    debt.paid += minor;
                }
            }
            debt
        };
        self.instalment_fees.iter().map(debt).collect()
    }

    /// A fee or a penalty falls due on a day.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or another component.
    pub fn charge(&mut self, component: Component, due: Date, amount: Money) -> Result<()> {
        let minor = above_zero("charge", amount)?;
        if !matches!(component, Component::Fee | Component::Penalty) {
            return Err(Error::invalid("charge", format!("{component:?}"), "a fee or a penalty"));
        }
        // A charge that is not overdue leaves everything else as it was worked out last.
        let as_of = if due < self.today { Some(self.today) } else { self.recalculated_on };
        self.change_as_of(as_of, |loan| {
            let after = loan.transactions.len() as u32;
            loan.charges.push(LoanCharge { component, amount: minor, due, after, made_on: loan.today, waived: false });
            if loan.product.recalculates.is_some() && due < loan.today && loan.product.kind == ScheduleKind::Progressive
            {
                let index = loan.push(due, TransactionKind::Accrual, minor);
                loan.transactions[index].portions.add(component, minor);
            }
            Ok(())
        })
    }

    /// A fee falls due with every instalment.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a fee that is not above zero.
    pub fn charge_every_instalment(&mut self, fee: InstalmentFee) -> Result<()> {
        match fee {
            InstalmentFee::Flat(minor) => {
                above_zero("instalment fee", Money::from_minor(minor))?;
            }
            InstalmentFee::OfPrincipal(part) | InstalmentFee::OfInterest(part) | InstalmentFee::OfBoth(part) => {
                if !(1..=BasisPoints::ONE.get()).contains(&part.get()) {
                    return Err(Error::invalid("instalment fee", part.get(), "1 to 10,000 basis points"));
                }
            }
        }
        self.change(|loan| {
            loan.instalment_fees.push(fee);
            Ok(())
        })
    }

    /// The charge is given up.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a charge that does not exist.
    pub fn waive_charge(&mut self, number: usize) -> Result<()> {
        let charge = *self.charges.get(number).ok_or_else(|| Error::unknown("charge", number))?;
        self.change(|loan| {
            loan.charges[number].waived = true;
            loan.push(loan.today, TransactionKind::ChargeWaiver, charge.amount);
            Ok(())
        })
    }
}

impl Replay<'_> {
    pub(super) fn charge(&mut self, charge: &LoanCharge) {
        if self.rows.is_empty() {
            return;
        }
        let inside = |row: &ScheduledInstalment, first: bool| {
            (row.from < charge.due || first && row.from <= charge.due) && charge.due <= row.due
        };
        let first_planned = self.rows.iter().position(|row| row.kind == InstalmentKind::Planned);
        let found = (0..self.rows.len()).find(|&nth| {
            self.rows[nth].kind != InstalmentKind::DownPayment && inside(&self.rows[nth], Some(nth) == first_planned)
        });
        let nth = match found {
            Some(nth) => nth,
            None => self.additional(charge.due),
        };
        let row = &mut self.rows[nth];
        let debt = row.debt_mut(charge.component);
        debt.due += charge.amount;
        if charge.waived {
            debt.waived += charge.amount;
        }
        if row.open_total() > 0 {
            row.met_on = None;
        }
    }
}
