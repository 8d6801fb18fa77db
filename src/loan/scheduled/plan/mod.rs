//! The plan of a loan: periods, each cut into stretches of unchanging balance, and what falls due in them.
//!
//! A period has a level, what principal and interest together should come to. Its interest is what its stretches earn,
//! its principal the rest of the level. Interest that finds no room in a level is carried to the next period.

mod dates;
mod factor;
mod level;
mod movement;
mod re_age;
mod till;
#[cfg(test)]
pub(super) mod twin;

use std::ops::Range;

use rust_decimal::Decimal;

pub(super) use dates::{days, due_dates};
pub(super) use level::multiple;
pub(super) use till::{Ahead, Open};

use super::product::{InstalmentShape, InterestMethod, LoanProduct};
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Every;

/// Whether what was worked out once is kept until something it follows from changes. Tests work everything out anew, too.
pub(super) fn remembers() -> bool {
    #[cfg(test)]
    return !twin::WORKS_OUT_ANEW.get();
    #[cfg(not(test))]
    true
}

/// A stretch of days in which the balance does not change. What changes it stands at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub from: Date,
    pub due: Date,
    /// No interest.
    pub paused: bool,
    /// Lent at its end.
    pub lent: i64,
    /// Any other change of the balance at its end: paid early, not paid in time, owed again.
    pub corrected: i64,
    /// Principal owed again from its first day.
    pub credited_principal: i64,
    /// Interest owed again from its first day.
    pub credited_interest: i64,
    /// The balance that earns interest.
    pub balance: i64,
    /// The rate of the stretch.
    pub rate: Decimal,
    /// The rate from its first day to the end of the period.
    pub rate_till_due: Decimal,
    /// What its rates were worked out from.
    times: Option<factor::Times>,
    /// What the balance earns, exact; it goes with `balance`.
    pub earned: Decimal,
    /// What `earned` was worked out from.
    grounds: Option<factor::Grounds>,
}

impl Stretch {
    pub fn new(from: Date, due: Date) -> Self {
        Self {
            from,
            due,
            paused: false,
            lent: 0,
            corrected: 0,
            credited_principal: 0,
            credited_interest: 0,
            balance: 0,
            rate: Decimal::ZERO,
            rate_till_due: Decimal::ZERO,
            times: None,
            earned: Decimal::ZERO,
            grounds: None,
        }
    }

    /// It earns nothing from now on.
    pub fn stop(&mut self) {
        (self.rate, self.rate_till_due, self.times) = Default::default();
    }

    /// Works out what it earns on `balance` within a period that ends on `due`, where anything of that has changed; says
    /// whether it has.
    fn earn(&mut self, balance: i64, due: Date) -> Result<bool> {
        let grounds = factor::Grounds::of(self, balance, due);
        let changed = self.grounds != Some(grounds) || !remembers();
        if changed {
            self.earned = grounds.earned()?;
            self.grounds = Some(grounds);
        }
        Ok(changed)
    }
}

/// One period of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Period {
    pub from: Date,
    pub due: Date,
    pub stretches: Vec<Stretch>,
    /// What principal and interest should come to.
    pub level: i64,
    /// The level before payments moved it.
    pub agreed_level: i64,
    pub paid_principal: i64,
    pub paid_interest: i64,
    /// Interest of later periods that falls due here, because nothing is left open in those.
    pub drawn_forward: i64,
    /// Its own interest falls due in an earlier period.
    pub interest_moved_up: bool,
    /// What was owed again in it and has moved to new instalments.
    pub credited_moved: i64,
    /// It only holds what was paid before a re-age.
    pub closed: bool,
    /// Principal that falls due.
    pub principal: i64,
    /// Interest that falls due.
    pub interest: i64,
    /// Interest as it was earned, whether the level has room for it or not.
    pub calculated: i64,
    /// What so many stretches earn, in minor units.
    earned: Option<(usize, i64)>,
}

impl Period {
    pub fn new(from: Date, due: Date) -> Self {
        Self {
            from,
            due,
            stretches: vec![Stretch::new(from, due)],
            level: 0,
            agreed_level: 0,
            paid_principal: 0,
            paid_interest: 0,
            drawn_forward: 0,
            interest_moved_up: false,
            credited_moved: 0,
            closed: false,
            principal: 0,
            interest: 0,
            calculated: 0,
            earned: None,
        }
    }

    /// What its stretches earn, in minor units.
    fn earned(&mut self, product: &LoanProduct) -> Result<i64> {
        match self.earned {
            Some((stretches, earned)) if stretches == self.stretches.len() && remembers() => Ok(earned),
            _ => {
                let exact: Decimal = self.stretches.iter().map(|stretch| stretch.earned).sum();
                let earned = if exact.is_zero() { 0 } else { factor::minor(product.rounding.round(exact, 0))? };
                self.earned = Some((self.stretches.len(), earned));
                Ok(earned)
            }
        }
    }

    /// Works out what falls due from what is earned, its level and what earlier periods had no room for; gives back what it
    /// has no room for itself.
    fn fall_due(&mut self, product: &LoanProduct, carried: i64) -> Result<i64> {
        #[cfg(test)]
        twin::FIGURED.set(twin::FIGURED.get() + 1);
        let earned = if self.interest_moved_up { 0 } else { self.earned(product)? };
        self.calculated = (earned + self.drawn_forward + carried).max(0);
        let total = self.total();
        let room = (total - self.calculated).max(0);
        let interest = if self.paid_principal > room { self.paid_interest } else { self.calculated.min(total) };
        self.interest = interest.max(self.paid_interest);
        self.principal = (total - self.interest).max(0).max(self.paid_principal);
        Ok(self.carried())
    }

    pub fn credited_principal(&self) -> i64 {
        self.stretches.iter().map(|stretch| stretch.credited_principal).sum::<i64>().max(0)
    }

    pub fn credited_interest(&self) -> i64 {
        self.stretches.iter().map(|stretch| stretch.credited_interest).sum::<i64>().max(0)
    }

    /// Owed again in it, as far as it has not moved on.
    pub fn credited(&self) -> i64 {
        self.credited_principal() + self.credited_interest() - self.credited_moved
    }

    pub fn total(&self) -> i64 {
        self.level + self.credited() + self.drawn_forward
    }

    pub fn paid(&self) -> i64 {
        self.paid_principal + self.paid_interest
    }

    pub fn is_paid(&self) -> bool {
        self.total() == self.paid()
    }

    pub fn open_principal(&self) -> i64 {
        (self.principal - self.paid_principal).max(0)
    }

    pub fn open_interest(&self) -> i64 {
        (self.interest - self.paid_interest).max(0)
    }

    /// Interest that found no room.
    pub fn carried(&self) -> i64 {
        (self.calculated - self.interest).max(0)
    }

    pub fn lent(&self) -> i64 {
        self.stretches.iter().map(|stretch| stretch.lent).sum()
    }

    /// The balance behind its last stretch, its principal taken off.
    pub fn closing_balance(&self) -> i64 {
        let Some(last) = self.stretches.last() else { return 0 };
        (last.balance + last.corrected + last.lent + self.paid_principal - self.principal).max(0)
    }
}

/// The plan of a loan and what its balance has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub periods: Vec<Period>,
    pub rates: Vec<(Date, Decimal)>,
    pub every: Every,
    /// Until when overdue principal was taken into the balance.
    pub overdue_until: Option<Date>,
    /// How its instalments differ from equal ones.
    pub shape: InstalmentShape,
    /// Levels no longer follow what is paid.
    pub levels_are_fixed: bool,
}

impl Plan {
    pub fn new(start: Date, dates: &[Date], every: Every, rate: Decimal) -> Self {
        let mut from = start;
        let periods = dates
            .iter()
            .map(|&due| {
                let period = Period::new(from, due);
                from = due;
                period
            })
            .collect();
        Self {
            periods,
            rates: vec![(Date::MIN, rate)],
            every,
            overdue_until: None,
            shape: InstalmentShape::default(),
            levels_are_fixed: false,
        }
    }

    pub fn start(&self) -> Date {
        self.periods[0].from
    }

    pub fn maturity(&self) -> Date {
        self.periods[self.periods.len() - 1].due
    }

    pub fn rate_on(&self, day: Date) -> Decimal {
        self.rates.iter().rev().find(|&&(from, _)| from <= day).map_or(Decimal::ZERO, |&(_, rate)| rate)
    }

    pub fn total_lent(&self) -> i64 {
        self.periods.iter().map(Period::lent).sum()
    }

    /// All principal that ever falls due: lent and owed again.
    pub fn total_principal(&self) -> i64 {
        let credited: i64 =
            self.periods.iter().flat_map(|period| &period.stretches).map(|stretch| stretch.credited_principal).sum();
        (self.total_lent() + credited).max(0)
    }

    pub fn total_paid_principal(&self) -> i64 {
        self.periods.iter().map(|period| period.paid_principal).sum::<i64>().max(0)
    }

    pub fn total_interest(&self) -> i64 {
        self.periods.iter().map(|period| period.interest).sum()
    }

    pub fn open_principal(&self) -> i64 {
        (self.total_principal() - self.total_paid_principal()).max(0)
    }

    /// The period that a change of the balance on `day` belongs to: after its first day until its last; the first period
    /// has its first day too.
    pub fn period_of(&self, day: Date) -> Option<usize> {
        self.periods
            .iter()
            .enumerate()
            .position(|(nth, period)| (period.from < day || nth == 0 && period.from == day) && day <= period.due)
    }

    /// Works out balances, and from them what falls due.
    pub fn refresh(&mut self, product: &LoanProduct) -> Result<()> {
        self.work_out(product, true)
    }

    /// Works out what falls due from the balances as they stand.
    pub fn refresh_figures(&mut self, product: &LoanProduct) -> Result<()> {
        self.work_out(product, false)
    }

    /// Works out what falls due from period `first` on, the only one that has changed, as far as that makes a difference;
    /// gives back which periods may have changed, and by how much interest has in all.
    fn refresh_from(&mut self, product: &LoanProduct, first: usize) -> Result<(Range<usize>, i64)> {
        let mut carried = first.checked_sub(1).map_or(0, |before| self.periods[before].carried());
        let mut more = 0;
        for nth in first..self.periods.len() {
            let period = &mut self.periods[nth];
            let (interest, known) = (period.interest, period.carried());
            carried = period.fall_due(product, carried)?;
            more += period.interest - interest;
            if carried == known {
                return Ok((first..nth + 1, more));
            }
        }
        Ok((first..self.periods.len(), more))
    }

    fn work_out(&mut self, product: &LoanProduct, balances: bool) -> Result<()> {
        let mut lent_before = 0;
        let mut carried = 0;
        for nth in 0..self.periods.len() {
            let (before, rest) = self.periods.split_at_mut(nth);
            let previous = before.last();
            let period = &mut rest[0];
            for at in 0..period.stretches.len() {
                if balances {
                    let balance = if at == 0 {
                        previous.filter(|previous| !previous.stretches.is_empty()).map(Period::closing_balance)
                    } else {
                        let last = &period.stretches[at - 1];
                        Some((last.balance + last.corrected + last.lent).max(0))
                    };
                    if let Some(balance) = balance {
                        period.stretches[at].balance = balance;
                    }
                }
                let due = period.due;
                let stretch = &mut period.stretches[at];
                let base = match product.method {
                    InterestMethod::DecliningBalance => stretch.balance,
                    InterestMethod::Flat => lent_before,
                };
                if stretch.earn(base, due)? {
                    period.earned = None;
                }
                lent_before += stretch.lent;
            }
            carried = period.fall_due(product, carried)?;
        }
        Ok(())
    }
}
