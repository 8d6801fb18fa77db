//! Due dates, level instalments, and the interest of every instalment from what was lent and paid until now.

use jiff::ToSpan;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::product::{InterestMethod, InterestStep, LoanProduct, MonthDays, ScheduleKind, YearDays};
use crate::calendar::{Date, epoch_day};
use crate::error::{Error, Result};
use crate::loan::Every;

/// One instalment of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The day its interest begins.
    pub from: Date,
    /// The day it falls due.
    pub due: Date,
    /// Its level: principal and interest together.
    pub level: i64,
    /// The level before payments moved it.
    pub agreed_level: i64,
    /// Principal of charge-backs that fall due with it.
    pub credited_principal: i64,
    /// Interest of charge-backs that falls due with it.
    pub credited_interest: i64,
    /// Principal paid on it.
    pub paid_principal: i64,
    /// Interest paid on it.
    pub paid_interest: i64,
    /// Interest fixed by agreement, in place of what the balance earns.
    pub fixed_interest: Option<i64>,
    /// Principal that falls due.
    pub principal: i64,
    /// Interest that falls due.
    pub interest: i64,
}

impl Period {
    pub(super) fn new(from: Date, due: Date) -> Self {
        Self {
            from,
            due,
            level: 0,
            agreed_level: 0,
            credited_principal: 0,
            credited_interest: 0,
            paid_principal: 0,
            paid_interest: 0,
            fixed_interest: None,
            principal: 0,
            interest: 0,
        }
    }

    fn total(&self) -> i64 {
        self.level + self.credited_principal + self.credited_interest
    }

    pub(super) fn paid(&self) -> i64 {
        self.paid_principal + self.paid_interest
    }

    /// Principal by the agreed level, as if nothing had been paid early.
    pub(super) fn agreed_level_principal(&self) -> i64 {
        (self.agreed_level - self.interest).max(0)
    }

    pub(super) fn is_paid(&self) -> bool {
        self.total() == self.paid()
    }
}

/// Principal paid on a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PrincipalPaid {
    pub on: Date,
    pub period_due: Date,
    pub minor: i64,
}

/// The plan of a loan and what its balance has been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub(super) periods: Vec<Period>,
    pub(super) lent: Vec<(Date, i64)>,
    pub(super) rates: Vec<(Date, Decimal)>,
    pub(super) pauses: Vec<(Date, Date)>,
    pub(super) paid: Vec<PrincipalPaid>,
    pub(super) credited: Vec<(Date, i64)>,
    pub(super) interest_stops_on: Option<Date>,
    pub(super) every: Every,
    pub(super) as_of: Date,
}

fn days(from: Date, to: Date) -> i64 {
    i64::from(epoch_day(to)) - i64::from(epoch_day(from))
}

/// Due dates from `start`: `count` of them, the last on the day the fixed length says.
pub(super) fn due_dates(start: Date, every: Every, count: u32, fixed_length_days: Option<u32>) -> Result<Vec<Date>> {
    let mut dates: Vec<Date> = (1..=count).map(|nth| every.after(start, nth)).collect::<Result<_>>()?;
    if let (Some(length), Some(last)) = (fixed_length_days, dates.last_mut()) {
        *last = Every::Days(length).after(start, 1)?;
    }
    Ok(dates)
}

impl Plan {
    pub(super) fn new(start: Date, dates: &[Date], every: Every, rate: Decimal) -> Self {
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
            lent: Vec::new(),
            rates: vec![(Date::MIN, rate)],
            pauses: Vec::new(),
            paid: Vec::new(),
            credited: Vec::new(),
            interest_stops_on: None,
            every,
            as_of: start,
        }
    }

    fn rate_on(&self, day: Date) -> Decimal {
        self.rates.iter().rev().find(|&&(from, _)| from <= day).map_or(Decimal::ZERO, |&(_, rate)| rate)
    }

    /// The rate of `[from, due)` inside a period, as a fraction of the balance.
    fn factor(&self, product: &LoanProduct, period: &Period, from: Date, due: Date) -> Decimal {
        let rate = self.rate_on(from);
        if rate.is_zero() || from >= due {
            return Decimal::ZERO;
        }
        let length = Decimal::from(days(from, due));
        let whole = Decimal::from(days(period.from, period.due).max(1));
        if product.step == InterestStep::Instalment {
            let a_year = match self.every {
                Every::Months(months) => Some(Decimal::from(months) / Decimal::from(12)),
                Every::Days(_) => None,
            };
            if let Some(part) = a_year {
                return rate * part * length / whole;
            }
        }
        let year = match product.year {
            YearDays::Actual => Decimal::from(from.days_in_year()),
            YearDays::Fixed(days) => Decimal::from(days),
        };
        if product.year == YearDays::Actual && from.year() != due.year() {
            return rate * year_fraction(from, due, product.interest_on_first_day);
        }
        match product.month {
            MonthDays::Actual => rate * length / year,
            MonthDays::Thirty => match self.every {
                Every::Months(_) => {
                    let months = self.months_in(period);
                    rate * months * Decimal::from(30) / year * length / whole
                }
                Every::Days(_) => rate * length / year,
            },
        }
    }

    /// Whole months of a period, and the part of a month that is left over.
    fn months_in(&self, period: &Period) -> Decimal {
        let mut months = 0i64;
        let after = |count: i64| period.from.saturating_add(count.months());
        while after(months + 1) <= period.due {
            months += 1;
        }
        let rest = days(after(months), period.due);
        // A month that ends early only because its last day is short is a whole month.
        if rest > 0
            && period.due == period.due.last_of_month()
            && self.periods.first().is_some_and(|first| first.from.day() > period.due.day())
        {
            return Decimal::from(months + 1);
        }
        if rest == 0 {
            return Decimal::from(months.max(1));
        }
        let shortened = period.from == period.from.last_of_month() && period.from.day() < period.due.day();
        if shortened && rest <= 3 && months > 0 {
            return Decimal::from(months);
        }
        let next = days(after(months), after(months + 1)).max(1);
        Decimal::from(months) + Decimal::from(rest) / Decimal::from(next)
    }

    /// The level that pays `balance` off over the periods from `first` on.
    pub(super) fn level(&self, product: &LoanProduct, first: usize, balance: i64, whole: bool) -> Result<i64> {
        let periods = &self.periods[first..];
        if periods.is_empty() {
            return Ok(balance);
        }
        let amount = match product.method {
            InterestMethod::DecliningBalance => {
                let (mut product_of, mut sum) = (Decimal::ONE, Decimal::ONE);
                for (nth, period) in periods.iter().enumerate() {
                    let growth = Decimal::ONE + self.period_factor(product, period);
                    product_of = checked(product_of.checked_mul(growth))?;
                    if nth > 0 {
                        sum = checked(sum.checked_mul(growth))? + Decimal::ONE;
                    }
                }
                checked(Decimal::from(balance).checked_mul(checked(product_of.checked_div(sum))?))?
            }
            InterestMethod::Flat => {
                let interest: i64 = periods.iter().map(|period| self.flat_interest(product, period, balance)).sum();
                Decimal::from(balance + interest) / Decimal::from(periods.len() as i64)
            }
        };
        let rounded = minor(product.rounding.round(amount, 0))?;
        // Flat instalments of a progressive plan keep their cents.
        let exact = product.method == InterestMethod::Flat && product.kind == ScheduleKind::Progressive && !whole;
        Ok(if exact { rounded } else { multiple(rounded, product.level_multiple_minor) })
    }

    /// The factor of a whole period, split where the rate changes.
    fn period_factor(&self, product: &LoanProduct, period: &Period) -> Decimal {
        let mut cuts: Vec<Date> =
            self.rates.iter().map(|&(from, _)| from).filter(|&day| period.from < day && day < period.due).collect();
        cuts.push(period.due);
        let mut from = period.from;
        let mut sum = Decimal::ZERO;
        for cut in cuts {
            let till_due = self.factor(product, period, from, period.due);
            let whole = days(from, period.due).max(1);
            sum += till_due * Decimal::from(days(from, cut)) / Decimal::from(whole);
            from = cut;
        }
        sum
    }

    fn flat_interest(&self, product: &LoanProduct, period: &Period, balance: i64) -> i64 {
        let exact = Decimal::from(balance) * self.period_factor(product, period);
        product.rounding.round(exact, 0).to_i64().unwrap_or(0)
    }

    pub(super) fn total_lent(&self) -> i64 {
        self.lent.iter().map(|&(_, minor)| minor).sum()
    }

    /// Changes of the balance, by day, as far as they are known before period `upto`'s due date.
    fn changes(&self, product: &LoanProduct, upto: usize, as_of: Date) -> Vec<(Date, i64)> {
        let mut changes: Vec<(Date, i64)> = self.lent.clone();
        changes.extend(self.credited.iter().copied());
        for period in &self.periods[..upto] {
            changes.push((period.due, -period.principal));
        }
        if product.recalculates.is_some() {
            for paid in &self.paid {
                changes.push((paid.on, -paid.minor));
                changes.push((paid.period_due, paid.minor));
            }
            for period in &self.periods[..upto] {
                let unpaid = period.principal - period.paid_principal;
                if period.due < as_of && unpaid > 0 {
                    changes.push((period.due, unpaid));
                    changes.push((as_of, -unpaid));
                }
            }
        }
        changes.sort_unstable();
        changes
    }

    /// Interest that the balance earns in period `nth` until `till`, exact.
    fn earned(&self, product: &LoanProduct, nth: usize, as_of: Date, till: Option<Date>) -> Decimal {
        let period = &self.periods[nth];
        let changes = self.changes(product, nth, as_of);
        let is_paused =
            |day: Date| self.pauses.iter().any(|&(from, to)| from.yesterday().unwrap_or(from) <= day && day < to);
        let mut cuts: Vec<Date> = changes.iter().map(|&(day, _)| day).collect();
        cuts.extend(self.rates.iter().map(|&(day, _)| day));
        cuts.extend(self.pauses.iter().flat_map(|&(from, to)| [from.yesterday().unwrap_or(from), to]));
        cuts.extend(self.interest_stops_on);
        cuts.extend(till);
        cuts.retain(|&day| period.from < day && day < period.due);
        cuts.push(period.due);
        cuts.sort_unstable();
        cuts.dedup();
        let mut from = period.from;
        let mut sum = Decimal::ZERO;
        for cut in cuts {
            let stopped =
                self.interest_stops_on.is_some_and(|stop| from >= stop) || till.is_some_and(|till| from >= till);
            if !stopped && !is_paused(from) {
                let balance: i64 = changes.iter().take_while(|&&(day, _)| day <= from).map(|&(_, change)| change).sum();
                if balance > 0 {
                    let till_due = self.factor(product, period, from, period.due);
                    sum += Decimal::from(balance) * till_due / Decimal::from(days(from, period.due).max(1))
                        * Decimal::from(days(from, cut));
                }
            }
            from = cut;
        }
        sum
    }

    /// Interest the balance has earned up to a day, instalment by instalment in whole minor units.
    pub(super) fn earned_till(&self, product: &LoanProduct, on: Date) -> Result<i64> {
        let mut sum = 0;
        for nth in 0..self.periods.len() {
            if self.periods[nth].from < on {
                sum += match self.periods[nth].fixed_interest {
                    Some(fixed) => fixed,
                    None => minor(product.rounding.round(self.earned(product, nth, self.as_of, Some(on)), 0))?,
                };
            }
        }
        Ok(sum)
    }

    /// Lays principal and interest out again from levels, payments and the balance. `till` ends interest on a day.
    pub(super) fn lay_out(&mut self, product: &LoanProduct, till: Option<Date>, level_last: bool) -> Result<()> {
        for _ in 0..6 {
            let mut carried = 0;
            for nth in 0..self.periods.len() {
                let earned = match (product.method, self.periods[nth].fixed_interest) {
                    (_, Some(fixed)) => fixed,
                    (InterestMethod::Flat, None) => {
                        let period = &self.periods[nth];
                        let lent = self
                            .lent
                            .iter()
                            .filter(|&&(day, _)| day < period.due || day <= period.from)
                            .map(|&(_, minor)| minor)
                            .sum();
                        if product.kind == ScheduleKind::Cumulative && nth + 1 == self.periods.len() {
                            // The last instalment takes what rounding left of the whole interest.
                            let whole =
                                self.periods.iter().map(|period| self.period_factor(product, period)).sum::<Decimal>();
                            let whole = minor(product.rounding.round(whole * Decimal::from(lent), 0))?;
                            whole - self.periods[..nth].iter().map(|period| period.interest).sum::<i64>()
                        } else {
                            self.flat_interest(product, period, lent)
                        }
                    }
                    (InterestMethod::DecliningBalance, None) => {
                        minor(product.rounding.round(self.earned(product, nth, self.as_of, till), 0))?
                    }
                };
                let period = &mut self.periods[nth];
                let calculated = (earned + period.credited_interest + carried).max(0);
                let total = period.total();
                let principal = (total - calculated).max(0);
                let interest =
                    if period.paid_principal > principal { period.paid_interest } else { calculated.min(total) };
                period.interest = interest.max(period.paid_interest);
                period.principal = (total - period.interest).max(period.paid_principal).max(0);
                carried = (calculated - period.interest).max(0);
            }
            if !level_last || !self.level_last() {
                break;
            }
        }
        Ok(())
    }

    /// Gives what is left to the last unpaid instalment; says whether anything moved.
    fn level_last(&mut self) -> bool {
        let credited: i64 = self.periods.iter().map(|period| period.credited_principal).sum();
        let whole = self.total_lent() + credited;
        let paid: i64 = self.periods.iter().map(|period| period.paid_principal).sum();
        let outstanding = whole - paid;
        let mut moved = false;
        for period in &mut self.periods {
            let open = period.principal - period.paid_principal;
            if open > outstanding {
                let floor = (period.paid() - period.credited_principal - period.credited_interest).max(0);
                let level = (period.level - (open - outstanding)).max(floor);
                moved |= level != period.level;
                period.level = level;
            }
        }
        for _ in 0..self.periods.len() {
            let interest: i64 = self.periods.iter().map(|period| period.interest).sum();
            let levels: i64 = self.periods.iter().map(Period::total).sum();
            let difference = whole + interest - levels;
            if difference == 0 {
                break;
            }
            let last = self.periods.iter().rposition(|period| !period.is_paid());
            let last = last.or_else(|| (paid == 0).then(|| self.periods.len() - 1));
            let Some(last) = last else { break };
            let period = &mut self.periods[last];
            let floor = period.paid() - period.credited_principal - period.credited_interest;
            let level = (period.level + difference).max(floor);
            if level == period.level {
                break;
            }
            moved = true;
            period.level = level;
            if level > floor {
                break;
            }
        }
        moved
    }

    /// Moves the level of the instalments from `first` on so that the last one comes nearer to the others.
    pub(super) fn even_out(&mut self, product: &LoanProduct, first: usize) -> Result<()> {
        for _ in 0..3 {
            let related = self.periods.len() - first;
            if related < 2 {
                return Ok(());
            }
            let difference = |plan: &Self| {
                let last = plan.periods.len() - 1;
                plan.periods[last].level - plan.periods[last - 1].level
            };
            let before = difference(self);
            if before.abs() <= related as i64 / 2 {
                return Ok(());
            }
            let level = self.periods[self.periods.len() - 2].level;
            let step = product.rounding.div(i128::from(before), related as i128) as i64;
            let adjusted = multiple(level + step, product.level_multiple_minor);
            if adjusted == level {
                return Ok(());
            }
            let mut other = self.clone();
            for period in &mut other.periods[first..] {
                if adjusted >= period.paid() {
                    period.level = adjusted;
                    period.agreed_level = adjusted;
                }
            }
            other.lay_out(product, None, true)?;
            if difference(&other).abs() >= before.abs() {
                return Ok(());
            }
            *self = other;
            for period in &mut self.periods[first..] {
                period.agreed_level = period.level;
            }
        }
        Ok(())
    }
}

/// The part of a year from one day to another, each day over the days of its own year. The last day of a year counts with
/// the next one unless the first day of a loan earns interest.
fn year_fraction(from: Date, due: Date, first_day: bool) -> Decimal {
    let mut sum = Decimal::ZERO;
    let mut start = from;
    for year in from.year()..=due.year() {
        let end = match (year == due.year(), first_day) {
            (true, _) => due,
            (false, true) => jiff::civil::date(year + 1, 1, 1),
            (false, false) => jiff::civil::date(year, 12, 31),
        };
        let length = if jiff::civil::date(year, 1, 1).in_leap_year() { 366 } else { 365 };
        sum += Decimal::from(days(start, end)) / Decimal::from(length);
        start = end;
    }
    sum
}

fn checked(number: Option<Decimal>) -> Result<Decimal> {
    number.ok_or_else(|| Error::overflow("level instalment", "a number of at most 28 digits"))
}

fn minor(number: Decimal) -> Result<i64> {
    number.to_i64().ok_or_else(|| Error::overflow("interest", "at most 9,223,372,036,854,775,807 minor units"))
}

/// The nearest multiple, halves to the even one; the amount itself where that would be nothing.
pub(super) fn multiple(amount: i64, of: Option<i64>) -> i64 {
    match of {
        Some(unit) if unit > 1 => {
            let rounded = crate::money::Rounding::HalfEven.div(i128::from(amount), i128::from(unit)) as i64 * unit;
            if rounded == 0 { amount } else { rounded }
        }
        _ => amount,
    }
}
