//! The plan as it is known on a day: what was earned until then, and no further.

use super::super::product::LoanProduct;
use super::{Plan, Stretch};
use crate::calendar::Date;
use crate::error::Result;

/// What is open on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Open {
    pub principal: i64,
    pub interest: i64,
}

impl Plan {
    /// Stretches that end after `day` earn nothing; the one that `day` lies in ends there.
    pub(super) fn stop_rates_after(&mut self, product: &LoanProduct, day: Date) -> Result<()> {
        if let Some((nth, at)) = self.stretch_of(day) {
            self.periods[nth].stretches[at].due = day;
        }
        for nth in 0..self.periods.len() {
            let is_late = self.periods[nth].due > day;
            if is_late {
                self.rate_period(product, nth);
            }
            for stretch in self.periods[nth].stretches.iter_mut().filter(|stretch| day < stretch.due) {
                stretch.stop();
            }
        }
        Ok(())
    }

    fn stretch_of(&self, day: Date) -> Option<(usize, usize)> {
        let nth = self.period_of(day)?;
        let holds = |at: usize, stretch: &Stretch| {
            (stretch.from < day || nth == 0 && at == 0 && stretch.from == day) && day <= stretch.due
        };
        let stretches = &self.periods[nth].stretches;
        let at = (0..stretches.len()).rev().find(|&at| holds(at, &stretches[at]))?;
        Some((nth, at))
    }

    /// The plan with nothing earned after `day`.
    pub fn known_on(&self, product: &LoanProduct, day: Date) -> Result<Self> {
        let mut plan = self.clone();
        if day < plan.start() {
            for period in &mut plan.periods {
                period.stretches.clear();
            }
            plan.refresh_figures(product)?;
            return Ok(plan);
        }
        if day >= plan.maturity() {
            return Ok(plan);
        }
        let Some(running) = plan.period_of(day) else { return Ok(plan) };
        if let Some((nth, at)) = plan.stretch_of(day) {
            let stretches = &mut plan.periods[nth].stretches;
            stretches[at].due = day;
            if let Some(next) = stretches.get(at + 1) {
                // What is owed again from that very day stands in the stretch behind it.
                let (principal, interest) = (next.credited_principal, next.credited_interest);
                stretches[at].credited_principal += principal;
                stretches[at].credited_interest += interest;
            }
            stretches.truncate(at + 1);
        }
        for nth in running + 1..plan.periods.len() {
            let stretches = &mut plan.periods[nth].stretches;
            let credited = nth == running + 1
                && stretches.first().is_some_and(|first| first.credited_principal > 0 || first.credited_interest > 0);
            if credited {
                stretches[0].due = stretches[0].from;
                stretches.truncate(1);
            } else {
                stretches.clear();
            }
        }
        for nth in 0..plan.periods.len() {
            plan.rate_period(product, nth);
        }
        plan.refresh(product)?;
        plan.level_last(product, day)?;
        Ok(plan)
    }

    /// What its periods ask of payments ahead of time on `day`.
    pub fn ahead_on(&self, product: &LoanProduct, day: Date) -> Result<Ahead> {
        let plan = self.known_on(product, day)?;
        let unpaid = plan.periods.iter().filter(|period| !period.is_paid()).count();
        let rest = plan.total_principal() - plan.total_paid_principal();
        Ok(Ahead { day, unpaid, rest, plan })
    }

    /// Interest of a period earned until `day`.
    pub fn earned_in(&self, product: &LoanProduct, nth: usize, day: Date, with_credited: bool) -> Result<i64> {
        let plan = self.known_on(product, day)?;
        let Some(period) = plan.periods.get(nth) else { return Ok(0) };
        Ok(if with_credited { period.calculated } else { period.calculated - period.credited_interest() })
    }

    /// What closes the plan on `day`.
    pub fn open_on(&self, product: &LoanProduct, day: Date) -> Result<Open> {
        let mut plan = self.clone();
        plan.stop_rates_after(product, day)?;
        plan.refresh(product)?;
        plan.level_last(product, day)?;
        let paid: i64 = plan.periods.iter().map(|period| period.paid_interest).sum();
        Ok(Open { principal: plan.open_principal(), interest: (plan.total_interest() - paid).max(0) })
    }
}

/// The plan as it is known on a day, for all periods that a payment ahead of time goes to.
#[derive(Debug)]
pub(in super::super) struct Ahead {
    pub day: Date,
    /// Periods that are not paid.
    unpaid: usize,
    /// Principal that is not paid.
    rest: i64,
    plan: Plan,
}

impl Ahead {
    /// What a period asks of a payment: interest until the day, the rest of its level principal.
    pub fn asked(&mut self, product: &LoanProduct, nth: usize) -> Result<Open> {
        let carried = nth.checked_sub(1).map_or(0, |before| self.plan.periods[before].carried());
        let period = &mut self.plan.periods[nth];
        let known = (period.level, period.calculated, period.principal, period.interest);
        if self.day <= period.from {
            if self.unpaid > 1 {
                period.level = period.agreed_level;
                period.fall_due(product, carried)?;
                period.level -= (period.open_principal() - self.rest.max(0)).max(0);
            } else if self.unpaid == 1 && period.is_paid() {
                period.level = period.agreed_level.min(self.rest + period.paid_principal + period.interest);
            }
            period.fall_due(product, carried)?;
        }
        let open = Open { principal: period.principal, interest: period.interest };
        (period.level, period.calculated, period.principal, period.interest) = known;
        Ok(open)
    }
}
