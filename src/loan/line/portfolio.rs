//! Millions of drawdowns accrued by the day in columns, to the bit what the account engine carries.

use super::accrual::AccrualBasis;
use super::drawdown::Drawdown;
use crate::error::{Error, Result};
use crate::loan::Component;
use crate::money::Rounding;

/// Rows worked on together: their columns stay in the nearest cache over many days.
const BLOCK: usize = 512;

/// Exact interest of many drawdowns, one row each: whole minor units and a remainder over the row's denominator.
///
/// A row is the number that [`Drawdown::exact_interest`] holds, split in two, so that a day is an addition and a compare
/// and no division. It stands for days on which nothing happens to the drawdown; one whose principal changed, or that is
/// overdue, is pushed anew or left to the account engine.
///
/// Invariant: `0 <= remainder < denominator`, and the same of the daily remainder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccrualColumns {
    whole: Vec<i64>,
    remainder: Vec<i64>,
    daily_whole: Vec<i64>,
    daily_remainder: Vec<i64>,
    denominator: Vec<i64>,
}

impl AccrualColumns {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.whole.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    /// Adds a drawdown as it stands.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for a convention whose days differ (30/360, actual/actual): those stay with the account
    /// engine. [`Error::is_overflow`] when a day's interest cannot be held.
    pub fn push(&mut self, drawdown: &Drawdown) -> Result<()> {
        let annual = matches!(drawdown.terms.rate, super::accrual::InterestRate::Annual(_));
        if annual && matches!(drawdown.terms.basis, AccrualBasis::ActualActual | AccrualBasis::Thirty360) {
            return Err(Error::unsupported("columnar accrual", format!("{:?}", drawdown.terms.basis)));
        }
        let accrual = drawdown.accrual();
        let denominator = accrual.denominator();
        let from = drawdown.disbursed_on;
        let units = accrual.units(from, super::drawdown::plus(from, 1)?);
        let daily = accrual.numerator(drawdown.open_of(Component::Principal).to_minor(), units)?;
        let part = |number: i128| i64::try_from(number).map_err(|_| super::accrual::overflow());
        let whole = part(drawdown.exact_interest().div_euclid(denominator))?;
        let daily_whole = part(daily.div_euclid(denominator))?;
        self.whole.push(whole);
        self.remainder.push(part(drawdown.exact_interest().rem_euclid(denominator))?);
        self.daily_whole.push(daily_whole);
        self.daily_remainder.push(part(daily.rem_euclid(denominator))?);
        self.denominator.push(part(denominator)?);
        Ok(())
    }

    /// Lets `days` days pass on every row.
    ///
    /// # Complexity
    /// One addition and one compare for each row and day, in blocks that stay in cache.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when a row could pass 2^62 minor units; nothing has then changed.
    pub fn accrue(&mut self, days: u32) -> Result<()> {
        let room = |(&whole, &daily): (&i64, &i64)| {
            daily
                .checked_add(1)
                .and_then(|most| most.checked_mul(i64::from(days)))
                .and_then(|most| most.checked_add(whole))
        };
        if self.whole.iter().zip(&self.daily_whole).any(|row| room(row).is_none_or(|most| most >= 1 << 62)) {
            return Err(super::accrual::overflow());
        }
        let blocks = self
            .whole
            .chunks_mut(BLOCK)
            .zip(self.remainder.chunks_mut(BLOCK))
            .zip(self.daily_whole.chunks(BLOCK).zip(self.daily_remainder.chunks(BLOCK)))
            .zip(self.denominator.chunks(BLOCK));
        for (((whole, remainder), (daily_whole, daily_remainder)), denominator) in blocks {
            for _ in 0..days {
                accrue_day(whole, remainder, daily_whole, daily_remainder, denominator);
            }
        }
        Ok(())
    }

    /// The exact interest of a row, as [`Drawdown::exact_interest`] gives it.
    #[must_use]
    pub fn exact_interest(&self, row: usize) -> i128 {
        i128::from(self.whole[row]) * i128::from(self.denominator[row]) + i128::from(self.remainder[row])
    }

    /// The interest of a row in whole minor units.
    #[must_use]
    pub fn interest_minor(&self, row: usize, rounding: Rounding) -> i64 {
        let fraction = rounding.div(self.exact_interest(row), i128::from(self.denominator[row]));
        fraction as i64
    }

    /// The sum of all rows' whole minor units: what a night's run reports.
    #[must_use]
    pub fn total_whole_minor(&self) -> i128 {
        self.whole.iter().copied().map(i128::from).sum()
    }
}

/// A day on a block. The sum of two remainders stays below 2^63, since every denominator stays below 2^58.
fn accrue_day(
    whole: &mut [i64],
    remainder: &mut [i64],
    daily_whole: &[i64],
    daily_remainder: &[i64],
    denominator: &[i64],
) {
    let rows = whole.len();
    let (remainder, daily_whole) = (&mut remainder[..rows], &daily_whole[..rows]);
    let (daily_remainder, denominator) = (&daily_remainder[..rows], &denominator[..rows]);
    for row in 0..rows {
        let sum = remainder[row] + daily_remainder[row];
        let carry = i64::from(sum >= denominator[row]);
        remainder[row] = sum - denominator[row] * carry;
        whole[row] += daily_whole[row] + carry;
    }
}
