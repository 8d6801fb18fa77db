//! One drawdown: its instalments, what it owes, and how days make it owe more.

use serde::{Deserialize, Serialize};

use super::accrual::{Accrual, overflow, whole};
use super::cost::CashFlow;
use super::event::DrawdownId;
use super::instalment::Instalment;
use super::policy::LinePolicy;
use super::terms::{DrawdownTerms, PlannedPrincipal, PrepaymentFee};
use crate::calendar::{Date, days_after, epoch_day};
use crate::error::{Error, Result};
use crate::loan::Component;
use crate::money::{Money, Rounding};

/// How a drawdown stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawdownStatus {
    /// Money is owed.
    Active,
    /// Everything is paid.
    Closed,
    /// The loss is recognised, the claim stays.
    ChargedOff,
    /// The claim was given up.
    WrittenOff,
    /// The claim belongs to somebody else.
    Sold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pause {
    pub from: Date,
    pub until: Date,
    pub accrues_interest: bool,
}

/// A drawdown and all that became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawdown {
    /// The caller's number.
    pub id: DrawdownId,
    /// Its terms, frozen at disbursement; a rescheduling may replace the rate and the plan.
    pub terms: DrawdownTerms,
    /// The day the money went out.
    pub disbursed_on: Date,
    /// How much went out.
    pub principal_minor: Money,
    /// How it stands.
    pub status: DrawdownStatus,
    /// The day it was closed, written off or sold.
    pub ended_on: Option<Date>,
    /// Its instalments by due date. Principal prepaid stands in an instalment of its own on the day of payment.
    pub instalments: Vec<Instalment>,
    /// Marked by a restructuring.
    pub restructured: bool,
    /// Interest is owed but not recognised as income.
    pub non_accrual: bool,
    /// Interest and penalties given up, capitalised ones not counted.
    pub recovered_minor: Money,
    pub(super) accrual: Accrual,
    pub(super) overdue_accrual: Option<Accrual>,
    pub(super) accrued_to: Date,
    #[serde(with = "exact")]
    pub(super) interest_numerator: i128,
    #[serde(with = "exact")]
    pub(super) penalty_numerator: i128,
    pub(super) booked_interest: i64,
    pub(super) booked_penalty: i64,
    pub(super) suspended_interest: i64,
    pub(super) suspended_penalty: i64,
    pub(super) level: Option<Money>,
    pub(super) pauses: Vec<Pause>,
    /// Cash as it went, by day.
    pub(super) flows: Vec<CashFlow>,
    /// What the days so far may have cost under a daily cap, over the accrual's denominator.
    #[serde(with = "exact")]
    pub(super) daily_numerator: i128,
}

/// Whole numbers of 128 bits as text, since JSON readers lose them.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &i128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<i128, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What days earned, as changes of ledger accounts: the first three add up to the last three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Earned {
    pub principal: i64,
    pub interest_receivable: i64,
    pub penalty_receivable: i64,
    pub interest_income: i64,
    pub penalty_income: i64,
    pub suspended: i64,
}

impl Drawdown {
    pub(super) fn open(
        id: DrawdownId,
        terms: &DrawdownTerms,
        day: Date,
        amount: Money,
        policy: &LinePolicy,
    ) -> Result<Self> {
        let plan = terms.plan(day, amount, policy.rounding)?;
        let accrual = Accrual::new(terms.rate, terms.basis)?;
        let mut instalments = Vec::with_capacity(plan.len() + 1);
        if !terms.upfront_fee_minor.is_zero() {
            let mut first = Instalment::new(day, Money::ZERO);
            first.fee.due_minor = terms.upfront_fee_minor;
            instalments.push(first);
        }
        instalments.extend(plan.iter().map(|part| Instalment::new(part.due_on, part.principal_minor)));
        let mut drawdown = Self {
            id,
            terms: terms.clone(),
            disbursed_on: day,
            principal_minor: amount,
            status: DrawdownStatus::Active,
            ended_on: None,
            instalments,
            restructured: false,
            non_accrual: false,
            recovered_minor: Money::ZERO,
            accrual,
            overdue_accrual: None,
            accrued_to: day,
            interest_numerator: 0,
            penalty_numerator: 0,
            booked_interest: 0,
            booked_penalty: 0,
            suspended_interest: 0,
            suspended_penalty: 0,
            level: None,
            pauses: Vec::new(),
            flows: Vec::new(),
            daily_numerator: 0,
        };
        drawdown.set_rate(policy)?;
        drawdown.set_level(&plan, day, policy.rounding)?;
        Ok(drawdown)
    }

    /// Takes the accruals from the terms' rate.
    pub(super) fn set_rate(&mut self, policy: &LinePolicy) -> Result<()> {
        let before = self.accrual.denominator();
        self.accrual = Accrual::new(self.terms.rate, self.terms.basis)?;
        self.interest_numerator = rescaled(self.interest_numerator, before, self.accrual.denominator())?;
        self.penalty_numerator = rescaled(self.penalty_numerator, before, self.accrual.denominator())?;
        self.daily_numerator = rescaled(self.daily_numerator, before, self.accrual.denominator())?;
        let multiple = policy.overdue.multiple_of_contract;
        self.overdue_accrual = if multiple.get() == 0 {
            None
        } else {
            Some(Accrual::new(self.terms.rate.times(multiple)?, self.terms.basis)?)
        };
        Ok(())
    }

    /// Remembers the level of an equal-instalment plan, for prepayments that keep it.
    pub(super) fn set_level(&mut self, plan: &[PlannedPrincipal], start: Date, rounding: Rounding) -> Result<()> {
        self.level = None;
        if let (true, Some(first)) = (self.is_equal_instalment(), plan.first()) {
            let total: i64 = plan.iter().map(|part| part.principal_minor.to_minor()).sum();
            let units = self.accrual.units(start, first.due_on);
            let interest = whole(self.accrual.numerator(total, units)?, self.accrual.denominator(), rounding)?;
            self.level = Some(first.principal_minor.checked_add(Money::from_minor(interest))?);
        }
        Ok(())
    }

    pub(super) fn is_equal_instalment(&self) -> bool {
        use super::terms::{PlanForm, RepaymentPlan};
        matches!(self.terms.repayment, RepaymentPlan::Instalments { form: PlanForm::EqualInstalment, .. })
    }

    /// Whether days still make it owe more and payments still reduce it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == DrawdownStatus::Active
    }

    /// What is open of one component, over all instalments.
    #[must_use]
    pub fn open_of(&self, component: Component) -> Money {
        Money::from_minor(self.instalments.iter().map(|row| row.owed(component).open_minor()).sum())
    }

    /// Principal outstanding.
    #[must_use]
    pub fn outstanding(&self) -> Money {
        self.open_of(Component::Principal)
    }

    /// The exact interest carried so far, in units of one over [`exact_denominator`](Self::exact_denominator).
    #[must_use]
    pub const fn exact_interest(&self) -> i128 {
        self.interest_numerator
    }

    /// What exact interest is divided by to give minor units.
    #[must_use]
    pub fn exact_denominator(&self) -> i128 {
        self.accrual.denominator()
    }

    /// The accrual that each day adds, for the columnar portfolio form.
    #[must_use]
    pub const fn accrual(&self) -> Accrual {
        self.accrual
    }

    /// Lets the days from the last accrual to `to` pass.
    pub(super) fn accrue(&mut self, to: Date, policy: &LinePolicy) -> Result<Earned> {
        let mut earned = Earned::default();
        while self.is_active() && self.accrued_to < to {
            let from = self.accrued_to;
            let until = self.next_break(from, to, policy)?;
            self.earn(from, until, policy, &mut earned)?;
            self.accrued_to = until;
            self.on_day(until, policy, &mut earned)?;
        }
        self.accrued_to = self.accrued_to.max(to);
        Ok(earned)
    }

    /// The next day on which the daily accrual may change by itself.
    fn next_break(&self, from: Date, to: Date, policy: &LinePolicy) -> Result<Date> {
        if policy.cost_cap.total_share.is_some() || policy.cost_cap.total.is_some() {
            // Under a total cap the order in which interest and penalties reach it matters: day by day, always.
            return plus(from, 1);
        }
        let mut next = to;
        let mut meet = |day: Date| {
            if from < day && day < next {
                next = day;
            }
        };
        if self.terms.interest_free_days > 0 {
            meet(plus(self.disbursed_on, self.terms.interest_free_days)?);
        }
        for pause in &self.pauses {
            meet(pause.from);
            meet(pause.until);
        }
        let overdue = &policy.overdue;
        for row in &self.instalments {
            if row.due_on >= to {
                break;
            }
            meet(row.due_on);
            if row.open().is_zero() {
                continue;
            }
            if overdue.grace_days > 0 {
                meet(plus(row.due_on, overdue.grace_days)?);
            }
            if let Some(days) = overdue.capitalise_after_days {
                meet(plus(row.due_on, days)?);
            }
            if overdue.late_charge_minor > Money::ZERO {
                meet(plus(row.due_on, overdue.grace_days + 1)?);
            }
            if let Some(days) = policy.non_accrual_after_days {
                meet(self.day_past_due(row.due_on, days + 1)?);
            }
        }
        Ok(next)
    }

    /// Earns from `from` to `until`, between which nothing changes.
    fn earn(&mut self, from: Date, until: Date, policy: &LinePolicy, earned: &mut Earned) -> Result<()> {
        let overdue = &policy.overdue;
        let pause = self.pause_on(from);
        let charges_interest = pause.is_none_or(|pause| pause.accrues_interest)
            && epoch_day(from) - epoch_day(self.disbursed_on) >= self.terms.interest_free_days as i32;
        let late = self.late_on(from, policy);
        let units = self.accrual.units(from, until);
        let penal = self.overdue_accrual.filter(|_| pause.is_none() && late.any());
        let replaced = if penal.is_some() { late.replaced(overdue) } else { 0 };
        let mut interest =
            if charges_interest { self.accrual.numerator(late.outstanding - replaced, units)? } else { 0 };
        let mut penalty = 0;
        if let Some(penal) = penal {
            penalty = penal.numerator(late.base(overdue.base), units)?;
            if overdue.grace_is_lost && overdue.grace_days > 0 {
                penalty = penalty.checked_add(self.lost_grace(from, penal, policy)?).ok_or_else(overflow)?;
            }
        }
        if let Some(most) = self.daily_most(late.outstanding, from, until, policy)? {
            self.daily_numerator = self.daily_numerator.checked_add(most).ok_or_else(overflow)?;
            interest = interest.min(most);
            penalty = penalty.min(most - interest);
        }
        self.interest_numerator = self.interest_numerator.checked_add(interest).ok_or_else(overflow)?;
        self.penalty_numerator = self.penalty_numerator.checked_add(penalty).ok_or_else(overflow)?;
        self.book(from, policy, earned)
    }

    /// The most that the days may cost, exactly; none without a daily cap.
    fn daily_most(&self, outstanding: i64, from: Date, until: Date, policy: &LinePolicy) -> Result<Option<i128>> {
        let denominator = self.accrual.denominator();
        let share = match policy.cost_cap.daily_share {
            Some(share) => Some(
                i128::from(outstanding)
                    .checked_mul(i128::from(share.get()))
                    .and_then(|product| product.checked_mul(denominator / 10_000))
                    .ok_or_else(overflow)?,
            ),
            None => None,
        };
        let amount = policy.cost_cap.daily.map(|daily| i128::from(daily.to_minor()) * denominator);
        let most = match (share, amount) {
            (Some(share), Some(amount)) => share.min(amount),
            (None, None) => return Ok(None),
            (share, amount) => share.or(amount).unwrap_or_default(),
        };
        let days = i128::from(epoch_day(until) - epoch_day(from));
        Ok(Some(most.max(0).checked_mul(days).ok_or_else(overflow)?))
    }

    /// Puts what the exact accruals have come to, in whole minor units, on the instalments.
    fn book(&mut self, from: Date, policy: &LinePolicy, earned: &mut Earned) -> Result<()> {
        let denominator = self.accrual.denominator();
        let mut interest = whole(self.interest_numerator, denominator, policy.rounding)? - self.booked_interest;
        let mut penalty = whole(self.penalty_numerator, denominator, policy.rounding)? - self.booked_penalty;
        if let Some(most) = policy.cost_cap.total_allowed(self.principal_minor)? {
            let most = most.to_minor();
            let costs = [Component::Fee, Component::Interest, Component::Penalty];
            let so_far: i64 = self
                .instalments
                .iter()
                .flat_map(|row| costs.map(|component| row.owed(component).due_minor.to_minor()))
                .sum();
            let room = (most - so_far).max(0);
            let total = interest + penalty;
            interest = interest.min(room);
            penalty = penalty.min(room - interest);
            if total > interest + penalty {
                // What the cap has cut off is not owed later either.
                self.interest_numerator = i128::from(self.booked_interest + interest) * denominator;
                self.penalty_numerator = i128::from(self.booked_penalty + penalty) * denominator;
            }
        }
        if self.booked_interest.saturating_add(interest).saturating_add(self.booked_penalty).saturating_add(penalty)
            > super::fold::TURNOVER_MAX
        {
            return Err(overflow());
        }
        if interest != 0 {
            let late = self.instalments.last().is_some_and(|row| row.due_on <= from);
            if let Some(row) = self.running_row(from) {
                row.interest.add_due(interest)?;
                if late {
                    row.late_interest_minor = row.late_interest_minor.checked_add(Money::from_minor(interest))?;
                }
            }
            self.booked_interest += interest;
        }
        if penalty != 0 {
            self.add_penalty(from, penalty)?;
            self.booked_penalty += penalty;
        }
        self.recognise(interest, penalty, earned);
        Ok(())
    }

    /// The instalment whose period `day` lies in; the last one after maturity.
    pub(super) fn running_row(&mut self, day: Date) -> Option<&mut Instalment> {
        let running = self.instalments.iter().position(|row| row.due_on > day);
        match running {
            Some(row) => self.instalments.get_mut(row),
            None => self.instalments.last_mut(),
        }
    }

    pub(super) fn recognise(&mut self, interest: i64, penalty: i64, earned: &mut Earned) {
        earned.interest_receivable += interest;
        earned.penalty_receivable += penalty;
        if self.non_accrual {
            self.suspended_interest += interest;
            self.suspended_penalty += penalty;
            earned.suspended += interest + penalty;
        } else {
            earned.interest_income += interest;
            earned.penalty_income += penalty;
        }
    }

    /// What happens by itself on the morning of `day`.
    fn on_day(&mut self, day: Date, policy: &LinePolicy, earned: &mut Earned) -> Result<()> {
        let overdue = &policy.overdue;
        let runs = self.pause_on(day).is_none();
        if runs && !overdue.late_charge_minor.is_zero() {
            self.charge_late(day, policy, earned)?;
        }
        if let Some(days) = overdue.capitalise_after_days {
            for row in &mut self.instalments {
                if epoch_day(row.due_on).saturating_add(days as i32) == epoch_day(day) {
                    let open = row.interest.open_minor();
                    row.interest.due_minor = Money::from_minor(row.interest.due_minor.to_minor() - open);
                    row.principal.add_due(open)?;
                    earned.principal += open;
                    earned.interest_receivable -= open;
                }
            }
        }
        if let Some(days) = policy.non_accrual_after_days
            && !self.non_accrual
            && self.days_past_due(day, policy) > days
        {
            self.non_accrual = true;
            let (interest, penalty) =
                (self.open_of(Component::Interest).to_minor(), self.open_of(Component::Penalty).to_minor());
            self.suspended_interest += interest;
            self.suspended_penalty += penalty;
            earned.interest_income -= interest;
            earned.penalty_income -= penalty;
            earned.suspended += interest + penalty;
        }
        Ok(())
    }

    /// When the prepaid principal closes or shortens the loan on `day`: what that costs.
    pub(super) fn prepayment_fee(&self, day: Date, principal: i64, closes: bool, rounding: Rounding) -> Result<i64> {
        let Some(maturity) = self.instalments.last().map(|row| row.due_on).filter(|&maturity| day < maturity) else {
            return Ok(0);
        };
        let elapsed = epoch_day(day) - epoch_day(self.disbursed_on);
        match self.terms.prepayment_fee {
            PrepaymentFee::None => Ok(0),
            PrepaymentFee::ShareOfPrincipal { share, cooling_off_days } => {
                if elapsed < cooling_off_days as i32 {
                    return Ok(0);
                }
                Ok(Money::from_minor(principal).mul_ratio(i64::from(share.get()), 10_000, rounding)?.to_minor())
            }
            PrepaymentFee::MinimumDays(days) => {
                if !closes || elapsed >= days as i32 {
                    return Ok(0);
                }
                let units = self.accrual.units(self.disbursed_on, plus(self.disbursed_on, days)?);
                let numerator = self.accrual.numerator(self.principal_minor.to_minor(), units)?;
                Ok((whole(numerator, self.accrual.denominator(), rounding)? - self.booked_interest).max(0))
            }
            PrepaymentFee::ShareOfRemainingInterest(share) => {
                let numerator = self.accrual.numerator(principal, self.accrual.units(day, maturity))?;
                let interest = whole(numerator, self.accrual.denominator(), rounding)?;
                Ok(Money::from_minor(interest).mul_ratio(i64::from(share.get()), 10_000, rounding)?.to_minor())
            }
        }
    }

    /// Principal not yet due on `day`.
    pub(super) fn principal_in_advance(&self, day: Date) -> i64 {
        self.instalments.iter().filter(|row| row.due_on > day).map(|row| row.principal.open_minor()).sum()
    }

    /// Everything open.
    pub(super) fn owed(&self) -> Result<i64> {
        Ok(Money::checked_sum(self.instalments.iter().map(Instalment::open))?.to_minor())
    }
}

/// The same fraction over another denominator, to a trillionth of a minor unit: a rate by the day and one by the year count in
/// different units.
fn rescaled(numerator: i128, before: i128, after: i128) -> Result<i128> {
    if before == after {
        return Ok(numerator);
    }
    let (whole, rest) = (numerator.div_euclid(before), numerator.rem_euclid(before));
    let rest = rest.checked_mul(after).map(|rest| Rounding::HalfEven.div(rest, before));
    let whole = whole.checked_mul(after);
    whole.zip(rest).and_then(|(whole, rest)| whole.checked_add(rest)).ok_or_else(overflow)
}

pub(super) fn plus(date: Date, days: u32) -> Result<Date> {
    days_after(date, days.into())
        .ok_or_else(|| Error::invalid("date", format_args!("{date} and {days} days"), "before the year 10000"))
}
