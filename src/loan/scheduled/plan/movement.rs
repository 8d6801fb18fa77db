//! What moves the balance of a plan: money lent, paid, owed again, not paid in time; and changes of its terms.

use jiff::ToSpan;
use rust_decimal::Decimal;

use super::super::product::{InterestMethod, InterestStep, LoanProduct, PayoffInterest, ScheduleKind};
use super::{Period, Plan, Stretch};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::Every;

impl Plan {
    /// The balance changes on `day`; gives back the period that the day belongs to.
    fn change(&mut self, day: Date, lent: i64, corrected: i64) -> Option<usize> {
        let nth = self.period_of(day)?;
        let is_end = nth + 1 == self.periods.len() && self.periods[nth].due == day;
        let period = &mut self.periods[nth];
        let known = if is_end {
            // What happens on the last day of all stands behind everything earned.
            period
                .stretches
                .len()
                .checked_sub(1)
                .filter(|&last| period.stretches[last].from == period.stretches[last].due)
        } else {
            period.stretches.iter().position(|stretch| stretch.due == day)
        };
        let at = known.unwrap_or_else(|| Self::cut(period, day));
        if let Some(stretch) = period.stretches.get_mut(at) {
            stretch.lent += lent;
            stretch.corrected += corrected;
        }
        Some(nth)
    }

    /// Cuts the stretch that `day` lies in; gives back the part that ends on it.
    fn cut(period: &mut Period, day: Date) -> usize {
        let at = period.stretches.iter().rposition(|stretch| stretch.from < day && day <= stretch.due).unwrap_or(0);
        let Some(stretch) = period.stretches.get_mut(at) else { return 0 };
        let due = stretch.due;
        let cut = day.clamp(stretch.from, due);
        stretch.due = cut;
        let mut rest = Stretch::new(cut, due);
        rest.paused = stretch.paused;
        period.stretches.insert(at + 1, rest);
        at
    }

    /// `amount` is lent on `day`: levels anew from the period it falls in.
    pub fn lend(&mut self, product: &LoanProduct, day: Date, amount: i64) -> Result<()> {
        let mut from = day;
        if product.step == InterestStep::Instalment && !product.partial_periods {
            // Interest goes by whole periods: money lent inside one counts from its beginning.
            from = self.periods.iter().find(|period| period.due > day).map_or(day, |period| period.from);
        }
        let is_first = self.periods.iter().all(|period| period.level == 0);
        let Some(nth) = self.change(from, amount, 0) else { return Ok(()) };
        // On a due date, the period after it is the first to change.
        let nth = match product.kind {
            ScheduleKind::Cumulative => 0,
            ScheduleKind::Progressive if self.periods[nth].due == from => (nth + 1).min(self.periods.len() - 1),
            ScheduleKind::Progressive => nth,
        };
        let due = self.periods[nth].due;
        if is_first || product.method == InterestMethod::Flat || product.kind == ScheduleKind::Cumulative {
            self.relevel(product, due)
        } else {
            self.relevel_unpaid(product, due)
        }
    }

    /// A new rate from `day`, its own interest included.
    pub fn change_rate(&mut self, product: &LoanProduct, day: Date, rate: Decimal) -> Result<()> {
        let mut before = day.yesterday().unwrap_or(day);
        if product.kind == ScheduleKind::Cumulative {
            // A plan that is made once has one rate for a whole period.
            before = self.periods.iter().find(|period| period.due >= day).map_or(before, |period| period.from);
        }
        self.rates.push((before, rate));
        self.rates.sort_by_key(|&(from, _)| from);
        self.relevel_around(product, before)
    }

    fn relevel_around(&mut self, product: &LoanProduct, day: Date) -> Result<()> {
        let Some(nth) = self.change(day, 0, 0) else { return Ok(()) };
        let nth = if self.periods[nth].due == day { (nth + 1).min(self.periods.len() - 1) } else { nth };
        let due = self.periods[nth].due;
        for nth in 0..self.periods.len() {
            self.rate_period(product, nth);
        }
        self.relevel(product, due)
    }

    /// `count` more periods at the end, levels anew from `day`.
    pub fn extend(&mut self, product: &LoanProduct, day: Date, count: u32) -> Result<()> {
        let (start, known) = (self.start(), self.periods.len() as u32);
        if count > 1_200 || known + count > 1_200 {
            return Err(Error::invalid("more instalments", count, "at most 1,200 in all"));
        }
        for nth in known..known + count {
            let (from, due) = (self.every.after(start, nth)?, self.every.after(start, nth + 1)?);
            self.periods.push(Period::new(from, due));
        }
        self.relevel_around(product, day.yesterday().unwrap_or(day))
    }

    /// The period due on `from` falls due on `to`; later ones follow at their distance.
    pub fn move_due_date(&mut self, product: &LoanProduct, from: Date, to: Date) -> Result<()> {
        let Some(first) = self.periods.iter().position(|period| period.due == from) else {
            return Err(Error::unknown("due date", from));
        };
        if to <= self.periods[first].from {
            return Err(Error::invalid("due date", to, format!("after {}", self.periods[first].from)));
        }
        let mut due = to;
        let last = self.periods.len() - 1;
        for nth in first..=last {
            if nth > first {
                due = self.every.after(to, (nth - first) as u32)?;
                if let (Some(length), true) = (product.fixed_length_days, nth == last) {
                    let moved = super::days(from, to);
                    let length = u32::try_from(i64::from(length) + moved).unwrap_or(0);
                    due =
                        Every::Days(length).after(self.start(), 1)?.max(self.periods[nth].from.saturating_add(1.day()));
                }
            }
            let period = &mut self.periods[nth];
            period.due = due;
            if let Some(stretch) = period.stretches.last_mut() {
                stretch.due = due;
            }
            if nth < last {
                let next = &mut self.periods[nth + 1];
                next.from = due;
                if let Some(stretch) = next.stretches.first_mut() {
                    stretch.from = due;
                }
            }
        }
        for nth in first..=last {
            self.rate_period(product, nth);
        }
        self.refresh(product)?;
        self.level_last(product, from)
    }

    /// No interest from one day to another, both included.
    pub fn pause(&mut self, product: &LoanProduct, from: Date, to: Date) -> Result<()> {
        let before = from.yesterday().unwrap_or(from);
        let mut first = None;
        for nth in 0..self.periods.len() {
            let period = &mut self.periods[nth];
            if period.from >= to || period.due < from {
                continue;
            }
            let (start, end) = (before.max(period.from), to.min(period.due));
            if !period.stretches.iter().any(|stretch| stretch.from == start) {
                Self::cut(period, start);
            }
            if !period.stretches.iter().any(|stretch| stretch.due == end) {
                Self::cut(period, end);
            }
            for stretch in period.stretches.iter_mut().filter(|stretch| start <= stretch.from && stretch.due <= end) {
                stretch.paused = true;
            }
            self.rate_period(product, nth);
            first.get_or_insert(nth);
        }
        let Some(first) = first else { return Ok(()) };
        self.refresh(product)?;
        let start = self.periods[first].from;
        self.level_last(product, start)
    }

    /// A change of the balance that leaves levels as they are, except the last.
    fn correct(&mut self, product: &LoanProduct, day: Date, amount: i64) -> Result<()> {
        let Some(nth) = self.change(day, 0, amount) else { return Ok(()) };
        self.rate_period(product, nth);
        self.refresh(product)?;
        self.level_last(product, day)
    }

    /// Interest is paid on a period.
    pub fn pay_interest(&mut self, product: &LoanProduct, nth: usize, on: Date, amount: i64) -> Result<()> {
        let unpaid = self.periods.iter().rposition(|period| !period.is_paid());
        if unpaid == Some(nth) && nth + 1 < self.periods.len() && on >= self.periods[nth].due {
            self.draw_interest_forward(product, nth, on)?;
        }
        self.periods[nth].paid_interest += amount;
        self.refresh(product)?;
        self.level_last(product, on)
    }

    /// Principal is paid on a period: early principal lowers the balance at once, late principal from the due date.
    pub fn pay_principal(&mut self, product: &LoanProduct, nth: usize, on: Date, amount: i64) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        self.periods[nth].paid_principal += amount;
        let day = on.min(self.periods[nth].due);
        self.correct(product, day, -amount)?;
        if self.levels_are_fixed {
            return Ok(());
        }
        let several = self.periods.iter().filter(|period| !period.is_paid()).count() > 1;
        let period = &mut self.periods[nth];
        let met = period.paid() > period.total() || period.paid() == period.agreed_level + period.credited();
        if several && on < period.from && met {
            period.level = period.paid() - period.credited();
        }
        self.refresh_figures(product)?;
        self.level_last(product, day)
    }

    /// Principal or interest is owed again from `on`.
    pub fn credit(&mut self, product: &LoanProduct, on: Date, principal: i64, interest: i64) -> Result<()> {
        let Some(nth) = self.change(on, 0, principal) else { return Ok(()) };
        let last = self.periods.len() - 1;
        let holder = self
            .periods
            .iter()
            .enumerate()
            .position(|(nth, period)| period.from <= on && (on < period.due || nth == last && on == period.due));
        let stretch =
            holder.and_then(|holder| self.periods[holder].stretches.iter_mut().rfind(|stretch| stretch.from == on));
        if let Some(stretch) = stretch {
            stretch.credited_principal += principal;
            stretch.credited_interest += interest;
        }
        self.rate_period(product, nth);
        self.refresh(product)?;
        self.level_last(product, on)
    }

    /// Principal that is not paid in time stays in the balance until `day`; says whether anything changed.
    pub fn keep_overdue(&mut self, product: &LoanProduct, day: Date, closing: bool) -> Result<bool> {
        let last = self.periods.len() - 1;
        let day = day.min(self.maturity());
        let overdue: Vec<usize> =
            (0..=last).filter(|&nth| self.periods[nth].due < day && !self.periods[nth].closed).collect();
        if overdue.is_empty() {
            return Ok(false);
        }
        let current = self.period_of(day).unwrap_or(last);
        let (mut before, mut sum, mut changed) = (0, 0, false);
        for nth in overdue {
            if before != 0 {
                changed |= self.keep_overdue_in(product, day, nth, before, sum, closing)?;
            }
            before = self.periods[nth].open_principal();
            sum += before;
        }
        if current != last || day <= self.periods[last].due {
            changed |= self.keep_overdue_in(product, day, current, before, sum, closing)?;
        }
        if sum > 0 && self.overdue_until.is_none_or(|until| until < day) {
            self.overdue_until = Some(day);
        }
        Ok(changed)
    }

    fn keep_overdue_in(
        &mut self,
        product: &LoanProduct,
        day: Date,
        nth: usize,
        overdue: i64,
        sum: i64,
        closing: bool,
    ) -> Result<bool> {
        if self.overdue_until == Some(day) {
            return Ok(false);
        }
        let (from, due) = (self.periods[nth].from, self.periods[nth].due);
        let start = self.overdue_until.filter(|&until| from <= until).unwrap_or(from);
        self.correct(product, start, overdue)?;
        if from < day && day <= due {
            let end = if product.interest_until_due(closing) { due } else { day };
            self.correct(product, end, -sum)?;
            self.overdue_until = Some(end);
        }
        Ok(true)
    }
}

impl LoanProduct {
    /// Whether interest of a payment runs until the running instalment falls due.
    pub(in super::super) fn interest_until_due(&self, closing: bool) -> bool {
        self.recalculates == Some(PayoffInterest::DueDate) && (closing || self.rests_by_instalment)
    }
}
