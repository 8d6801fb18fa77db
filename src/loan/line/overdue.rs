//! The late part of a drawdown: what is overdue, for how long, and what that costs.

use super::accrual::{Accrual, overflow};
use super::drawdown::{Drawdown, Earned, Pause, plus};
use super::instalment::Instalment;
use super::policy::{LinePolicy, OverdueBase, OverdueTerms};
use crate::calendar::{Date, epoch_day};
use crate::error::Result;

/// What is outstanding, and what of it is late.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Late {
    pub outstanding: i64,
    principal: i64,
    interest: i64,
}

impl Late {
    fn add(&mut self, row: &Instalment) {
        self.principal += row.principal.open_minor();
        self.interest += (row.interest.open_minor() - row.late_interest_minor.to_minor()).max(0);
    }

    pub fn any(&self) -> bool {
        self.principal + self.interest > 0
    }

    pub fn base(&self, base: OverdueBase) -> i64 {
        match base {
            OverdueBase::OverduePrincipal => self.principal,
            OverdueBase::OverduePrincipalAndInterest => self.principal + self.interest,
            OverdueBase::OutstandingPrincipal => self.outstanding,
        }
    }

    /// The principal on which the penalty takes the place of contract interest.
    pub fn replaced(&self, overdue: &OverdueTerms) -> i64 {
        match (overdue.replaces_contract, overdue.base) {
            (false, _) => 0,
            (true, OverdueBase::OutstandingPrincipal) => self.outstanding,
            (true, _) => self.principal,
        }
    }
}

impl Drawdown {
    /// Principal and interest that fell due before `day` and are still open.
    pub(super) fn overdue(&self, day: Date) -> i64 {
        let rows = self.instalments.iter().take_while(|row| row.due_on < day);
        rows.map(|row| row.principal.open_minor() + row.interest.open_minor()).sum()
    }

    fn oldest_unpaid(&self, day: Date) -> Option<Date> {
        self.instalments
            .iter()
            .take_while(|row| row.due_on < day)
            .find(|row| row.principal.open_minor() + row.interest.open_minor() > 0)
            .map(|row| row.due_on)
    }

    /// Days since the oldest instalment fell due that is still unpaid, pauses left out; 0 when nothing is overdue.
    #[must_use]
    pub fn days_past_due(&self, day: Date, policy: &LinePolicy) -> u32 {
        let enough = self.overdue(day) > policy.overdue.minimum_overdue_minor.to_minor().max(1) - 1;
        match self.oldest_unpaid(day) {
            Some(due_on) if enough => {
                let days = epoch_day(day) - epoch_day(due_on) - self.paused_days(due_on, day);
                days.max(0) as u32
            }
            _ => 0,
        }
    }

    fn paused_days(&self, from: Date, to: Date) -> i32 {
        let overlap = |pause: &Pause| (epoch_day(pause.until.min(to)) - epoch_day(pause.from.max(from))).max(0);
        self.pauses.iter().map(overlap).sum()
    }

    /// The day on which an instalment unpaid since `due_on` is `days` past due, pauses left out.
    pub(super) fn day_past_due(&self, due_on: Date, days: u32) -> Result<Date> {
        let mut day = plus(due_on, days)?;
        loop {
            let later = plus(due_on, days + self.paused_days(due_on, day) as u32)?;
            if later == day {
                return Ok(day);
            }
            day = later;
        }
    }

    pub(super) fn pause_on(&self, day: Date) -> Option<&Pause> {
        self.pauses.iter().find(|pause| pause.from <= day && day < pause.until)
    }

    /// What is outstanding and what is late, beyond the grace days, on `day`.
    pub(super) fn late_on(&self, day: Date, policy: &LinePolicy) -> Late {
        let mut late = Late::default();
        for row in &self.instalments {
            late.outstanding += row.principal.open_minor();
            if epoch_day(row.due_on).saturating_add(policy.overdue.grace_days as i32) <= epoch_day(day) {
                late.add(row);
            }
        }
        if late.principal + late.interest < policy.overdue.minimum_overdue_minor.to_minor().max(1) {
            (late.principal, late.interest) = (0, 0);
        }
        late
    }

    /// Penalty of the grace days of what is still open on the day they end; contract interest that it replaces was charged.
    pub(super) fn lost_grace(&self, day: Date, penal: Accrual, policy: &LinePolicy) -> Result<i128> {
        let overdue = &policy.overdue;
        let mut sum = 0i128;
        for row in &self.instalments {
            if epoch_day(row.due_on).saturating_add(overdue.grace_days as i32) != epoch_day(day) {
                continue;
            }
            let mut late = Late { outstanding: row.principal.open_minor(), ..Late::default() };
            late.add(row);
            let units = self.accrual.units(row.due_on, day);
            let penalty = penal.numerator(late.base(overdue.base), units)?;
            let charged = self.accrual.numerator(late.replaced(overdue), units)?;
            sum = sum.checked_add((penalty - charged).max(0)).ok_or_else(overflow)?;
        }
        Ok(sum)
    }

    /// Penalties go with the oldest debt that is overdue.
    pub(super) fn add_penalty(&mut self, day: Date, minor: i64) -> Result<()> {
        let late = self
            .instalments
            .iter()
            .position(|row| row.due_on <= day && row.principal.open_minor() + row.interest.open_minor() > 0);
        match late {
            Some(row) => self.instalments[row].penalty.add_due(minor),
            None => match self.running_row(day) {
                Some(row) => row.penalty.add_due(minor),
                None => Ok(()),
            },
        }
    }

    /// The charge for each instalment missed, made once its grace days are over.
    pub(super) fn charge_late(&mut self, day: Date, policy: &LinePolicy, earned: &mut Earned) -> Result<()> {
        let overdue = &policy.overdue;
        let charge = overdue.late_charge_minor.to_minor();
        let mut charged = 0;
        for row in &mut self.instalments {
            let last_day = epoch_day(row.due_on).saturating_add(overdue.grace_days as i32);
            let open = row.principal.open_minor() + row.interest.open_minor();
            let missed = last_day < epoch_day(day) && open >= overdue.minimum_overdue_minor.to_minor().max(1);
            if missed && !row.late_charge_made {
                row.late_charge_made = true;
                row.penalty.add_due(charge)?;
                charged += charge;
            }
        }
        self.recognise(0, charged, earned);
        Ok(())
    }
}
