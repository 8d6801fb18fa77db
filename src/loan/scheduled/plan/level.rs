//! Levels: what an instalment should come to, and which one takes the rest.

use std::ops::Range;

use rust_decimal::Decimal;

use super::super::product::{InstalmentShape, InterestMethod, LoanProduct, ScheduleKind};
use super::factor::{checked, minor, precise};
use super::{Period, Plan};
use crate::calendar::Date;
use crate::error::Result;

/// The nearest multiple, halves to the even one; the amount itself where that would be nothing.
pub(in super::super) fn multiple(amount: i64, of: Option<i64>) -> i64 {
    match of {
        Some(unit) if unit > 1 => {
            let rounded = crate::money::Rounding::HalfEven.div(i128::from(amount), i128::from(unit)) as i64 * unit;
            if rounded == 0 { amount } else { rounded }
        }
        _ => amount,
    }
}

/// The instalment that pays `balance` off at these rates a period.
fn annuity(rates: &[Decimal], balance: i64) -> Result<Decimal> {
    if let Some(level) = annuity_by_growth(rates, balance) {
        return Ok(precise(level));
    }
    // Growth beyond what a number can hold: the same by present values, which only get smaller.
    let (mut value, mut sum) = (Decimal::ONE, Decimal::ZERO);
    for rate in rates {
        value = precise(value / (Decimal::ONE + rate));
        sum += value;
    }
    checked(Decimal::from(balance).checked_div(sum)).map(precise)
}

fn annuity_by_growth(rates: &[Decimal], balance: i64) -> Option<Decimal> {
    let (mut growth, mut sum) = (Decimal::ONE, Decimal::ONE);
    for (nth, rate) in rates.iter().enumerate() {
        let factor = Decimal::ONE + rate;
        growth = precise(growth.checked_mul(factor)?);
        if nth > 0 {
            sum = precise(Decimal::ONE + precise(sum.checked_mul(factor)?));
        }
    }
    precise(growth.checked_mul(Decimal::from(balance))?).checked_div(sum)
}

/// What all periods come to.
struct Sums {
    levels: i64,
    interest: i64,
}

impl Plan {
    /// Sets the levels from period `first` on so that they pay off what is lent, as it stands.
    pub fn set_levels(&mut self, product: &LoanProduct, first: usize) -> Result<()> {
        match product.method {
            InterestMethod::DecliningBalance => self.set_equal_levels(product, first),
            InterestMethod::Flat => self.set_flat_levels(product, first),
        }
    }

    fn set_equal_levels(&mut self, product: &LoanProduct, first: usize) -> Result<()> {
        let paying = first.max(self.shape.principal_grace as usize).min(self.periods.len() - 1);
        let rates: Vec<Decimal> = match product.kind {
            ScheduleKind::Progressive => {
                let rate = |period: &Period| period.stretches.iter().map(|stretch| stretch.rate).sum();
                self.periods[paying..].iter().map(rate).collect()
            }
            ScheduleKind::Cumulative => vec![self.even_rate(product); self.periods.len() - paying],
        };
        let balance = match (product.kind, first.checked_sub(1)) {
            // Planned once, over everything that is lent.
            (ScheduleKind::Cumulative, _) => self.total_lent(),
            (ScheduleKind::Progressive, None) => self.periods[first].lent(),
            (ScheduleKind::Progressive, Some(before)) => {
                self.periods[before].closing_balance() + self.periods[first].lent()
            }
        };
        let exact = annuity(&rates, balance)?;
        let level = multiple(minor(product.rounding.round(precise(exact), 0))?, product.level_multiple_minor);
        for period in &mut self.periods[first..] {
            if level >= period.paid() {
                (period.level, period.agreed_level) = (level, level);
            }
        }
        if self.shape.equal_principal || paying > first {
            self.shape_levels(product, first, paying, balance)?;
        }
        Ok(())
    }

    /// Levels of instalments that ask for no principal, or for equal principal and the interest on top.
    fn shape_levels(&mut self, product: &LoanProduct, first: usize, paying: usize, balance: i64) -> Result<()> {
        let count = (self.periods.len() - paying) as i64;
        let even = product.rounding.div(i128::from(balance), i128::from(count)) as i64;
        for nth in first..self.periods.len() {
            let principal = match (nth < paying, self.shape.equal_principal) {
                (true, _) => 0,
                (false, true) => even,
                (false, false) => break,
            };
            self.refresh(product)?;
            let interest = if nth < self.shape.interest_grace as usize { 0 } else { self.periods[nth].calculated };
            let level = principal + interest;
            (self.periods[nth].level, self.periods[nth].agreed_level) = (level, level);
        }
        Ok(())
    }

    fn set_flat_levels(&mut self, product: &LoanProduct, first: usize) -> Result<()> {
        self.refresh(product)?;
        let mut interest = 0;
        for period in &self.periods[first..] {
            let earned: Decimal = period.stretches.iter().map(|stretch| stretch.earned).sum();
            interest += minor(product.rounding.round(earned, 0))?;
        }
        let lent = self.total_lent();
        let repaid = if first > 0 {
            let before: i64 = self.periods[..first].iter().map(Period::lent).sum();
            before - self.periods[first - 1].closing_balance()
        } else {
            0
        };
        let total = lent + interest - repaid;
        let count = (self.periods.len() - first) as i64;
        let even = product.rounding.div(i128::from(total), i128::from(count)) as i64;
        // Flat instalments of a progressive plan keep their cents, unless there is no interest in them.
        let exact = product.kind == ScheduleKind::Progressive && interest > 0;
        let level = if exact { even } else { multiple(even, product.level_multiple_minor) };
        let last = self.periods.len() - 1;
        for (nth, period) in self.periods.iter_mut().enumerate().skip(first) {
            let level = if nth == last { total - level * (count - 1) } else { level };
            if level >= period.paid() {
                (period.level, period.agreed_level) = (level, level);
            }
        }
        Ok(())
    }

    /// Levels anew from the period that falls due on or after `due`, on the plan as it stands.
    pub fn relevel(&mut self, product: &LoanProduct, due: Date) -> Result<()> {
        let Some(first) = self.first_due_from(due) else { return Ok(()) };
        for nth in first..self.periods.len() {
            self.rate_period(product, nth);
        }
        self.refresh(product)?;
        self.set_levels(product, first)?;
        self.refresh(product)?;
        self.level_last(product, due)?;
        // Where a product recalculates, a cumulative plan leaves what rounding left over with the last instalment.
        let evens_out = product.kind == ScheduleKind::Progressive || product.recalculates.is_none();
        if evens_out && product.method == InterestMethod::DecliningBalance && self.shape == InstalmentShape::default() {
            self.even_out(product, first)?;
        }
        Ok(())
    }

    pub fn first_due_from(&self, due: Date) -> Option<usize> {
        self.periods.iter().position(|period| period.due >= due)
    }

    /// Levels anew after more was lent, as if nothing had been paid: what was paid early keeps its effect.
    pub fn relevel_unpaid(&mut self, product: &LoanProduct, due: Date) -> Result<()> {
        let Some(first) = self.first_due_from(due) else { return Ok(()) };
        for nth in first..self.periods.len() {
            self.rate_period(product, nth);
        }
        self.refresh(product)?;
        let mut unpaid = self.clone();
        for period in &mut unpaid.periods {
            (period.paid_principal, period.paid_interest, period.drawn_forward) = (0, 0, 0);
            for stretch in &mut period.stretches {
                stretch.corrected = 0;
            }
        }
        unpaid.relevel(product, due)?;
        for (period, other) in self.periods.iter_mut().zip(&unpaid.periods).skip(first) {
            (period.level, period.agreed_level) = (other.level, other.agreed_level);
        }
        self.refresh(product)?;
        self.level_last(product, due)
    }

    /// Gives what is left to the last period that is not paid, and what is too much for it to those before. `till` is the day
    /// until which interest is known.
    pub fn level_last(&mut self, product: &LoanProduct, till: Date) -> Result<()> {
        #[cfg(test)]
        if !super::remembers() {
            return self.level_last_anew(product, till);
        }
        self.refresh_figures(product)?;
        let all = 0..self.periods.len();
        let outstanding = (self.total_principal() - self.total_paid_principal()).max(0);
        let owed = self.total_lent() + self.periods.iter().map(Period::credited_principal).sum::<i64>();
        let mut sums = self.sums();
        // Periods that may have changed since they were held against what is outstanding, and behind which all are paid.
        let (mut changed, mut end) = (all.clone(), all.end);
        for round in 0..=all.end {
            let cut = self.cut_excess(changed.clone(), outstanding);
            if cut {
                self.refresh_figures(product)?;
                (sums, end) = (self.sums(), all.end);
            }
            let unpaid = self.periods[..end].iter().rposition(|period| !period.is_paid());
            let Some(last) = unpaid.or_else(|| self.last_of_unpaid_loan()) else { return Ok(()) };
            end = last + 1;
            let drawn = std::mem::take(&mut self.periods[last].drawn_forward);
            let all_changed = round == 0 && self.give_back_moved_interest();
            changed = last..last + 1;
            if all_changed {
                self.refresh_figures(product)?;
                sums = self.sums();
            } else if drawn != 0 {
                sums.levels -= drawn;
                changed = self.refresh_sums_from(product, last, &mut sums)?;
            }
            let period = &mut self.periods[last];
            let floor = period.paid() - period.credited();
            let asked = period.level + owed + sums.interest - sums.levels;
            let level = asked.max(floor);
            let more = level - std::mem::replace(&mut period.level, level);
            sums.levels += more;
            if more != 0 {
                let moved = self.refresh_sums_from(product, last, &mut sums)?;
                changed.end = changed.end.max(moved.end);
            }
            if asked >= floor {
                return self.draw_interest_forward(product, last, till);
            }
            if cut || all_changed {
                changed = all.clone();
            }
        }
        Ok(())
    }

    fn sums(&self) -> Sums {
        Sums { levels: self.periods.iter().map(Period::total).sum(), interest: self.total_interest() }
    }

    /// Brings figures and sums up to date after a change of period `first`; says which periods may have changed.
    fn refresh_sums_from(&mut self, product: &LoanProduct, first: usize, sums: &mut Sums) -> Result<Range<usize>> {
        let (changed, more) = self.refresh_from(product, first)?;
        sums.interest += more;
        Ok(changed)
    }

    /// No period asks for more principal than is outstanding; says whether any did.
    fn cut_excess(&mut self, among: Range<usize>, outstanding: i64) -> bool {
        let mut cut = false;
        for period in &mut self.periods[among] {
            let excess = period.open_principal() - outstanding;
            if excess > 0 {
                let floor = (period.paid() - period.credited()).max(0);
                let level = (period.level - excess).max(floor);
                cut |= level != std::mem::replace(&mut period.level, level);
            }
        }
        cut
    }

    /// The last period where nothing was paid and nothing asked for, and yet something is lent.
    pub(super) fn last_of_unpaid_loan(&self) -> Option<usize> {
        let last = self.periods.len() - 1;
        let period = &self.periods[last];
        let open = self.total_paid_principal() == 0 && !period.stretches.is_empty() && period.closing_balance() > 0;
        open.then_some(last)
    }

    /// Interest that fell due in an earlier period falls due in its own again; says whether there was any.
    fn give_back_moved_interest(&mut self) -> bool {
        self.periods.iter_mut().fold(false, |any, period| any | std::mem::take(&mut period.interest_moved_up))
    }

    /// Interest that was earned until `till` in periods where nothing is left open falls due with the last that is.
    pub fn draw_interest_forward(&mut self, product: &LoanProduct, last: usize, till: Date) -> Result<()> {
        if last + 1 == self.periods.len() {
            return Ok(());
        }
        let mut known = self.clone();
        known.stop_rates_after(product, till)?;
        known.refresh_figures(product)?;
        let carried = known.periods[last + 1..].iter().rev().map(Period::carried).find(|&carried| carried > 0);
        if let Some(carried) = carried {
            self.periods[last].drawn_forward = carried;
            for period in &mut self.periods[last + 1..] {
                period.interest_moved_up = true;
            }
            self.refresh_figures(product)?;
        }
        Ok(())
    }

    /// The last level and the one before it, among periods neither of which is paid.
    fn last_difference(&self, first: usize) -> (i64, i64) {
        for nth in (first + 1..self.periods.len()).rev() {
            let (before, last) = (&self.periods[nth - 1], &self.periods[nth]);
            if !before.is_paid() && !last.is_paid() {
                return (before.level, last.level - before.level);
            }
        }
        (self.periods[first].level, 0)
    }

    /// Moves the level of the periods from `first` on so that the last one comes nearer to the others.
    pub fn even_out(&mut self, product: &LoanProduct, first: usize) -> Result<()> {
        let mut other = None;
        for _ in 0..3 {
            let (level, difference) = self.last_difference(first);
            let uncounted = self.periods[first..].iter().filter(|period| level < period.paid()).count();
            let related = (self.periods.len() - first - uncounted) as i64;
            // Half as many minor units as there are instalments are not worth spreading.
            let half = ((self.periods.len() - first) / 2) as i64;
            if half == 0 || difference.abs() <= half {
                return Ok(());
            }
            let step = product.rounding.div(i128::from(difference), i128::from(related.max(1))) as i64;
            let adjusted = multiple(level + step, product.level_multiple_minor);
            if adjusted == level {
                return Ok(());
            }
            let plan = other.get_or_insert_with(|| self.clone());
            for period in &mut plan.periods[first..] {
                if adjusted >= period.paid() && !period.closed {
                    (period.level, period.agreed_level) = (adjusted, adjusted);
                }
            }
            plan.refresh(product)?;
            let due = plan.periods[first].due;
            plan.level_last(product, due)?;
            if plan.last_difference(0).1.abs() >= difference.abs() {
                return Ok(());
            }
            for (period, other) in self.periods[first..].iter_mut().zip(&plan.periods[first..]) {
                (period.level, period.agreed_level) = (other.level, other.level);
            }
            self.refresh(product)?;
        }
        Ok(())
    }
}
