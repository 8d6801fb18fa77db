//! The balances of a plan's account: what accrues, what settles them, and how a payment is split over them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    BalanceStatus, FeeOrder, FeeRebate, PlanMethod, PlanServicing, PlanTerms, ProjectedSettlement, ScheduleChange,
    overflow,
};
use crate::error::Result;
use crate::money::{Money, Rounding};

/// A payment's parts; they add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Split {
    /// Charges, paid first.
    pub charges: Money,
    /// Interest, paid next.
    pub interest: Money,
    /// Fee.
    pub fee: Money,
    /// Principal.
    pub principal: Money,
}

/// Whether a payment ends the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settles {
    No,
    /// It is at least what was left to pay.
    ByPayment,
    /// It is what was quoted to the last fraction.
    ByQuote,
}

/// What a payment did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Posted {
    pub split: Split,
    pub fee_rebate: Money,
    /// Interest that settling took off, below zero, or made final.
    pub interest_adjustment_minor: Decimal,
    pub interest_waived: bool,
}

pub(super) struct Balances<'a> {
    terms: &'a PlanTerms,
    servicing: &'a PlanServicing,
    day: i32,
    pub principal: Money,
    pub fee: Money,
    pub charges: Money,
    pub interest_minor: Decimal,
    /// Interest put on top at the start that time has not earned yet.
    unearned_minor: Decimal,
    accrued_minor: Decimal,
    interest_paid: Money,
    interest_paid_in_fact: Money,
    settled: bool,
    over_refunded: bool,
}

impl<'a> Balances<'a> {
    pub fn open(terms: &'a PlanTerms, servicing: &'a PlanServicing, opening_interest: Money) -> Result<Self> {
        let on_top = match terms.method {
            PlanMethod::Actuarial => Money::ZERO,
            PlanMethod::AddOn => opening_interest,
        };
        Ok(Self {
            terms,
            servicing,
            day: 0,
            principal: terms.principal,
            fee: terms.financed_fee,
            charges: Money::ZERO,
            interest_minor: on_top.to_decimal_minor(),
            unearned_minor: on_top.to_decimal_minor(),
            accrued_minor: Decimal::ZERO,
            interest_paid: Money::ZERO,
            interest_paid_in_fact: Money::ZERO,
            settled: false,
            over_refunded: false,
        })
    }

    /// Interest up to `day`: what accrued, and what of it is new.
    pub fn accrue(&mut self, day: i32, projected: bool) -> Result<(Decimal, Decimal)> {
        let raw = self.interest_until(day)?;
        let accrued = self.terms.capped_total(self.accrued_minor, raw)?;
        let new = match self.terms.method {
            // Fractions dropped when payments were split still count towards a cap; what was charged does not.
            PlanMethod::Actuarial => {
                self.terms.capped_total(self.interest_paid.to_decimal_minor() + self.interest_minor, raw)?
            }
            PlanMethod::AddOn => {
                let earned = self.unearned_minor.min(accrued).max(Decimal::ZERO);
                self.unearned_minor -= earned;
                let beyond = accrued - earned;
                // What was put on top is the interest that accrues on the plan, to within a unit a payment.
                let payments = Decimal::from(self.terms.payment_days.len());
                if projected && beyond.abs() < payments { Decimal::ZERO } else { beyond }
            }
        };
        self.day = day;
        self.accrued_minor = self.accrued_minor.checked_add(accrued).ok_or_else(overflow)?;
        self.interest_minor = self.interest_minor.checked_add(new).ok_or_else(overflow)?;
        // Interest on top is whole units; less than one beyond it is rounding between the two.
        if self.terms.method == PlanMethod::AddOn && self.interest_minor.abs() < Decimal::ONE {
            self.interest_minor = Decimal::ZERO;
        }
        Ok((accrued, new))
    }

    fn interest_until(&self, day: i32) -> Result<Decimal> {
        let balance = self.principal.checked_add(self.fee)?;
        let days = i64::from(day) - i64::from(self.day);
        // The lender's own mistake earns the lender nothing.
        if self.over_refunded {
            return Ok(Decimal::ZERO);
        }
        if !balance.is_positive() {
            return self.servicing.credit_rate.interest(balance.to_minor(), days);
        }
        let mut interest = Decimal::ZERO;
        let mut from = self.day;
        while from < day {
            let (until, rate) = self.rate_after(from, day);
            let part = self.terms.accrued(balance, i64::from(until) - i64::from(from), rate)?;
            interest = interest.checked_add(part).ok_or_else(overflow)?;
            from = until;
        }
        Ok(interest)
    }

    /// The rate of the day after `from`, and the last day up to `day` for which it holds. Interest of a day falls on its end.
    fn rate_after(&self, from: i32, day: i32) -> (i32, super::PlanRate) {
        let next = from + 1;
        let mut until = day;
        for promotion in &self.servicing.promotional_rates {
            if (promotion.first_day..=promotion.last_day).contains(&next) {
                return (until.min(promotion.last_day), promotion.rate);
            }
            if promotion.first_day > next {
                until = until.min(promotion.first_day - 1);
            }
        }
        (until, self.terms.rate)
    }

    pub fn charge(&mut self, amount: Money) -> Result<()> {
        self.charges = self.charges.checked_add(amount)?;
        Ok(())
    }

    /// The part of the fee that settling on `day` gives back, pro rata of what was paid as well as of what was not.
    pub fn rebate(&self, day: i32) -> Result<Money> {
        let last = self.terms.payment_days.last().copied().unwrap_or_default();
        match self.servicing.fee_rebate {
            FeeRebate::None => Ok(Money::ZERO),
            FeeRebate::Balance => Ok(self.fee.max(Money::ZERO)),
            FeeRebate::ProRata if day >= last || self.is_rescheduled() => Ok(Money::ZERO),
            FeeRebate::ProRata => {
                let left = i64::from(last) - i64::from(day);
                self.terms.financed_fee.mul_ratio(left, i64::from(last), Rounding::Ceiling)
            }
        }
    }

    fn is_rescheduled(&self) -> bool {
        self.servicing.changes.iter().any(|change| matches!(change, ScheduleChange::Rescheduled { .. }))
    }

    fn rebate_left(&self, day: i32) -> Result<Money> {
        if self.settled { Ok(Money::ZERO) } else { self.rebate(day) }
    }

    /// Interest rounded towards the borrower where the plan rounds down, also when it is the lender that owes it.
    fn rounded(&self, interest_minor: Decimal) -> Result<Money> {
        let rounding = match self.terms.interest_rounding {
            Rounding::Down => Rounding::Floor,
            Rounding::Up => Rounding::Ceiling,
            other => other,
        };
        Money::from_decimal_minor(interest_minor, rounding)
    }

    fn is_waived(&self, day: i32) -> bool {
        day <= self.servicing.interest_grace_days && self.servicing.interest_grace_days > 0
    }

    /// Interest that settling on `day` leaves: without what time has not earned, and none unpaid within the grace days.
    fn interest_if_settled(&self, day: i32) -> Decimal {
        let earned = match self.terms.method {
            _ if self.over_refunded => Decimal::ZERO,
            PlanMethod::Actuarial => self.interest_minor,
            PlanMethod::AddOn => self.accrued_minor - self.interest_paid.to_decimal_minor(),
        };
        if self.is_waived(day) { earned.min(Decimal::ZERO) } else { earned }
    }

    fn price(&self, interest_minor: Decimal, rebate: Money) -> Result<Money> {
        let owed = self.principal.checked_add(self.fee)?.checked_add(self.charges)?;
        owed.checked_sub(rebate)?.checked_add(self.rounded(interest_minor)?)
    }

    /// What settles everything on `day`.
    pub fn settlement_price(&self, day: i32) -> Result<Money> {
        self.price(self.interest_if_settled(day), self.rebate_left(day)?)
    }

    /// What pays everything as planned: as the settlement price, but less than a unit of interest that time has not earned is
    /// rounding, and stays.
    pub fn closing_price(&self, day: i32) -> Result<Money> {
        if self.has_interest_to_give_back() || self.is_waived(day) || self.terms.method == PlanMethod::Actuarial {
            return self.settlement_price(day);
        }
        self.price(self.interest_minor, self.rebate_left(day)?)
    }

    fn has_interest_to_give_back(&self) -> bool {
        self.unearned_minor >= Decimal::ONE
    }

    /// What settles what a row leaves; `expected` is the payment that a row to come expects.
    pub fn settlement_figure(&self, day: i32, expected: Option<Money>, status: BalanceStatus) -> Result<Money> {
        if status == BalanceStatus::Closed {
            return Ok(Money::ZERO);
        }
        match (expected, self.servicing.projected_settlement) {
            (Some(expected), ProjectedSettlement::Made) => {
                let interest = match self.terms.method {
                    PlanMethod::Actuarial => self.interest_minor,
                    PlanMethod::AddOn => {
                        self.interest_minor.min(self.accrued_minor - self.interest_paid_in_fact.to_decimal_minor())
                    }
                };
                self.price(interest, self.rebate_left(day)?.checked_sub(expected)?.max(Money::ZERO))
            }
            _ => self.settlement_price(day),
        }
    }

    /// Gives back what settling gives back; a `quote` gives back the last fraction too.
    fn settle(&mut self, day: i32, quote: bool) -> Result<Posted> {
        let mut posted = Posted { fee_rebate: self.rebate_left(day)?, ..Posted::default() };
        self.fee = self.fee.checked_sub(posted.fee_rebate)?;
        self.settled = true;
        if quote || self.is_waived(day) || self.has_interest_to_give_back() {
            posted.interest_waived = self.is_waived(day) && self.terms.method == PlanMethod::Actuarial;
            posted.interest_adjustment_minor = -self.unearned_minor;
            self.interest_minor = self.interest_if_settled(day);
            self.unearned_minor = Decimal::ZERO;
        }
        Ok(posted)
    }

    /// Splits a payment, or a refund, over what is owed.
    pub fn pay(&mut self, day: i32, net: Money, settles: Settles, projected: bool) -> Result<Posted> {
        let mut posted = match settles {
            Settles::No => Posted::default(),
            Settles::ByPayment => self.settle(day, false)?,
            Settles::ByQuote => self.settle(day, true)?,
        };
        let split = if settles == Settles::ByQuote {
            // Each balance is paid to nothing, one out of the other where they are of different signs.
            let interest = self.rounded(self.interest_minor)?;
            let rest = net.checked_sub(self.charges)?.checked_sub(interest)?;
            Split { charges: self.charges, interest, fee: self.fee, principal: rest.checked_sub(self.fee)? }
        } else if net.is_positive() {
            self.split(net, settles != Settles::No)?
        } else if net.is_negative() {
            let interest = self.rounded(self.interest_minor.min(Decimal::ZERO))?.max(net);
            Split { interest, principal: net.checked_sub(interest)?, ..Split::default() }
        } else {
            Split::default()
        };
        self.charges = self.charges.checked_sub(split.charges)?;
        self.interest_minor -= split.interest.to_decimal_minor();
        self.fee = self.fee.checked_sub(split.fee)?;
        self.principal = self.principal.checked_sub(split.principal)?;
        self.interest_paid = self.interest_paid.checked_add(split.interest)?;
        if !projected {
            self.interest_paid_in_fact = self.interest_paid;
        }
        // Interest paid up to less than a unit is paid; what rounding left of it is dropped.
        if !net.is_zero() && self.interest_minor.abs() < Decimal::ONE {
            self.interest_minor = Decimal::ZERO;
        }
        posted.split = split;
        Ok(posted)
    }

    fn split(&self, net: Money, settles: bool) -> Result<Split> {
        let charges = net.min(self.charges);
        let left = net.checked_sub(charges)?;
        let interest = left.min(self.rounded(self.interest_minor)?);
        let left = left.checked_sub(interest)?;
        let fee = match self.servicing.fee_order {
            _ if settles => self.fee,
            FeeOrder::BeforePrincipal => left.min(self.fee),
            FeeOrder::Proportional => {
                let share = i128::from(left.to_minor()) * i128::from(self.terms.financed_fee.to_minor());
                let whole =
                    i128::from(self.terms.financed_fee.to_minor()) + i128::from(self.terms.principal.to_minor());
                let share = Rounding::Ceiling.div(share, whole);
                let share = Money::from_minor(i64::try_from(share).map_err(|_| overflow())?);
                share.max(left.checked_sub(self.principal)?).min(self.fee)
            }
        };
        Ok(Split { charges, interest, fee, principal: left.checked_sub(fee)? })
    }

    /// Where the account stands after a movement of `net`.
    pub fn status(&mut self, before: BalanceStatus, net: Money) -> BalanceStatus {
        let owed = i128::from(self.principal.to_minor())
            + i128::from(self.fee.to_minor())
            + i128::from(self.charges.to_minor());
        let owed = Decimal::from(owed).saturating_add(self.interest_minor);
        let status = if owed.abs() < Decimal::ONE {
            BalanceStatus::Closed
        } else if owed.is_sign_negative() {
            BalanceStatus::RefundDue
        } else if before == BalanceStatus::OverRefunded || before == BalanceStatus::RefundDue && net.is_negative() {
            BalanceStatus::OverRefunded
        } else {
            BalanceStatus::Open
        };
        self.over_refunded = status == BalanceStatus::OverRefunded;
        status
    }
}
