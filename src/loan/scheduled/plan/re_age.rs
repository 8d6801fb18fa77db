//! A plan that ends on a day and goes on with new periods.

use jiff::ToSpan;

use super::super::product::LoanProduct;
use super::super::transaction::NewPlan;
use super::{Period, Plan, due_dates};
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Every;

impl Plan {
    /// Interest open in periods that have begun, earned until `day`.
    pub fn open_interest_on(&self, product: &LoanProduct, day: Date) -> Result<i64> {
        let known = self.known_on(product, day)?;
        Ok(known.periods.iter().filter(|period| period.from < day).map(Period::open_interest).sum())
    }

    /// `principal` is paid off by new periods from the one that falls due on the new start; nothing stays due before it.
    pub fn re_age(&mut self, product: &LoanProduct, on: Date, new: NewPlan, principal: i64) -> Result<()> {
        let first = self.periods.iter().position(|period| period.due >= new.start).unwrap_or(self.periods.len());
        for period in self.periods[..first].iter_mut().filter(|period| !period.is_paid()) {
            // What was overdue until today no longer is.
            let open = period.open_principal();
            if let Some(last) = period.stretches.last_mut().filter(|last| last.corrected != 0) {
                last.corrected -= open;
            }
            period.level = period.paid();
            period.credited_moved = period.credited_principal() + period.credited_interest();
        }
        for stretch in self.periods[first..].iter_mut().flat_map(|period| &mut period.stretches) {
            if stretch.due == on && stretch.corrected < 0 && self.overdue_until == Some(on) {
                stretch.corrected = 0;
            }
        }
        let begin = if new.start == self.start() { new.start } else { before(new.start, new.every) };
        let mut dates = vec![new.start];
        if begin == new.start {
            dates = due_dates(begin, new.every, new.instalments, None)?;
        } else if new.instalments > 1 {
            dates.extend(due_dates(new.start, new.every, new.instalments - 1, None)?);
        }
        let mut other = Self::new(begin, &dates, new.every, self.rate_on(begin));
        other.rates.extend(self.rates.iter().filter(|&&(from, _)| from > begin).copied().collect::<Vec<_>>());
        other.lend(product, begin, principal)?;
        self.take_over(product, first, other);
        self.refresh(product)?;
        self.level_last(product, on)?;
        self.even_out(product, first)
    }

    /// The periods from `first` on are those of another plan: the same dates and levels, with what was paid and owed again.
    fn take_over(&mut self, product: &LoanProduct, first: usize, other: Self) {
        let mut old = self.periods.split_off(first).into_iter();
        let mut from = self.periods.last().map_or(other.start(), |last| last.due);
        for (nth, new) in other.periods.into_iter().enumerate() {
            let mut period = old.next().unwrap_or_else(|| Period::new(from, new.due));
            period.from = from;
            period.due = new.due.max(from);
            if period.stretches.len() > 1 {
                period.stretches.retain(|stretch| stretch.from < new.due);
            }
            if let Some(stretch) = period.stretches.first_mut() {
                stretch.from = from;
            }
            if let Some(stretch) = period.stretches.last_mut() {
                stretch.due = period.due;
            }
            period.level = new.principal + new.interest;
            period.agreed_level = period.level;
            from = period.due;
            self.periods.push(period);
            self.rate_period(product, first + nth);
        }
        // What was paid on periods that are gone goes with the first new one.
        for gone in old {
            let period = &mut self.periods[first];
            period.paid_principal += gone.paid_principal;
            period.paid_interest += gone.paid_interest;
            period.level += gone.paid();
        }
    }
}

fn before(day: Date, every: Every) -> Date {
    match every {
        Every::Days(days) => day.saturating_sub(i64::from(days).min(1_000_000).days()),
        Every::Months(months) => day.saturating_sub(i64::from(months).min(100_000).months()),
    }
}
