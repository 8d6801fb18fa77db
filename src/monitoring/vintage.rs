//! Vintages: how loans paid out in the same month do as they age.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::money::Money;

/// One vintage at one age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VintageCell {
    /// Loans that went bad at this age.
    pub bad_loans: u64,
    /// What was outstanding on them then, minor units.
    pub bad_minor: i128,
    /// Recovered on bad loans at this age, minor units.
    pub recovered_minor: i128,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Vintage {
    loans: u64,
    principal_minor: i128,
    /// By months on book.
    cells: BTreeMap<u32, VintageCell>,
}

/// Loans by month of payout and age in months; shards add up.
///
/// What "bad" means (30 or 90 days past due, written off) is the caller's choice, the same for all.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::monitoring::Vintages;
///
/// let mut vintages = Vintages::default();
/// let january = "2026-01-20".parse().unwrap();
/// for _ in 0..100 {
///     vintages.paid_out(january, Money::from_minor(1_000))?;
/// }
/// vintages.went_bad(january, "2026-04-02".parse().unwrap(), Money::from_minor(800))?;
/// let curve = vintages.curve(2026, 1).unwrap();
/// assert_eq!(curve.cumulative_bad_share, [0.0, 0.0, 0.0, 0.008]); // of principal, months 0 to 3
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Vintages {
    /// By months since year 0.
    vintages: BTreeMap<i32, Vintage>,
}

/// The life of one vintage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VintageCurve {
    /// Loans paid out.
    pub loans: u64,
    /// Principal paid out, minor units.
    pub principal_minor: i128,
    /// Bad balance up to and including each month on book, over principal.
    pub cumulative_bad_share: Vec<f64>,
    /// The same less recoveries.
    pub cumulative_net_share: Vec<f64>,
    /// Loans gone bad up to and including each month on book, over loans.
    pub cumulative_bad_loans_share: Vec<f64>,
}

fn month(date: Date) -> i32 {
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

impl Vintages {
    /// Counts a loan paid out.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a principal below zero.
    pub fn paid_out(&mut self, on: Date, principal: Money) -> Result<()> {
        if principal.is_negative() {
            return Err(Error::invalid("principal", principal.to_minor(), "zero or more"));
        }
        let vintage = self.vintages.entry(month(on)).or_default();
        vintage.loans += 1;
        vintage.principal_minor += i128::from(principal.to_minor());
        Ok(())
    }

    fn cell(&mut self, paid_out: Date, on: Date) -> Result<&mut VintageCell> {
        let age = month(on) - month(paid_out);
        let age =
            u32::try_from(age).map_err(|_| Error::invalid("date", on, format!("not before the payout, {paid_out}")))?;
        Ok(self.vintages.entry(month(paid_out)).or_default().cells.entry(age).or_default())
    }

    /// Counts a loan that went bad, with what was outstanding on it.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when it went bad before it was paid out.
    pub fn went_bad(&mut self, paid_out: Date, on: Date, outstanding: Money) -> Result<()> {
        let cell = self.cell(paid_out, on)?;
        cell.bad_loans += 1;
        cell.bad_minor += i128::from(outstanding.to_minor());
        Ok(())
    }

    /// Counts a recovery on a bad loan.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when it came before the payout.
    pub fn recovered(&mut self, paid_out: Date, on: Date, amount: Money) -> Result<()> {
        self.cell(paid_out, on)?.recovered_minor += i128::from(amount.to_minor());
        Ok(())
    }

    /// Adds another shard's counts.
    pub fn merge(&mut self, other: &Self) {
        for (month, theirs) in &other.vintages {
            let ours = self.vintages.entry(*month).or_default();
            ours.loans += theirs.loans;
            ours.principal_minor += theirs.principal_minor;
            for (age, cell) in &theirs.cells {
                let sum = ours.cells.entry(*age).or_default();
                sum.bad_loans += cell.bad_loans;
                sum.bad_minor += cell.bad_minor;
                sum.recovered_minor += cell.recovered_minor;
            }
        }
    }

    /// The vintages there are, as year and month, the oldest first.
    pub fn months(&self) -> impl Iterator<Item = (i32, u32)> + '_ {
        self.vintages.keys().map(|month| (month.div_euclid(12), month.rem_euclid(12) as u32 + 1))
    }

    /// The life of one vintage up to its last event; none when nothing was paid out that month.
    #[must_use]
    pub fn curve(&self, year: i32, month: u32) -> Option<VintageCurve> {
        let vintage = self.vintages.get(&year.checked_mul(12)?.checked_add_unsigned(month.checked_sub(1)?)?)?;
        if vintage.loans == 0 {
            return None;
        }
        let last = vintage.cells.keys().next_back().copied().unwrap_or(0);
        // Dates span 20,000 years at most, so ages are few.
        let ages = 0..=last.min(240_000);
        let over =
            |part: i128| if vintage.principal_minor > 0 { part as f64 / vintage.principal_minor as f64 } else { 0.0 };
        let mut sum = VintageCell::default();
        let mut curve = VintageCurve {
            loans: vintage.loans,
            principal_minor: vintage.principal_minor,
            cumulative_bad_share: Vec::new(),
            cumulative_net_share: Vec::new(),
            cumulative_bad_loans_share: Vec::new(),
        };
        for age in ages {
            if let Some(cell) = vintage.cells.get(&age) {
                sum.bad_loans += cell.bad_loans;
                sum.bad_minor += cell.bad_minor;
                sum.recovered_minor += cell.recovered_minor;
            }
            curve.cumulative_bad_share.push(over(sum.bad_minor));
            curve.cumulative_net_share.push(over(sum.bad_minor - sum.recovered_minor));
            curve.cumulative_bad_loans_share.push(sum.bad_loans as f64 / vintage.loans as f64);
        }
        Some(curve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn curves_rise_and_recoveries_lower_the_net() {
        let mut vintages = Vintages::default();
        for _ in 0..10 {
            vintages.paid_out(day("2025-11-30"), Money::from_minor(100)).unwrap();
        }
        vintages.went_bad(day("2025-11-30"), day("2026-01-01"), Money::from_minor(80)).unwrap();
        vintages.went_bad(day("2025-11-30"), day("2026-03-01"), Money::from_minor(100)).unwrap();
        vintages.recovered(day("2025-11-30"), day("2026-03-31"), Money::from_minor(60)).unwrap();
        let curve = vintages.curve(2025, 11).unwrap();
        assert_eq!(curve.cumulative_bad_share, [0.0, 0.0, 0.08, 0.08, 0.18]);
        assert_eq!(curve.cumulative_net_share[4], 0.12);
        assert_eq!(curve.cumulative_bad_loans_share[4], 0.2);
        assert_eq!(vintages.months().collect::<Vec<_>>(), [(2025, 11)]);
        assert_eq!(vintages.curve(2025, 12), None);
        assert_eq!(vintages.curve(2025, 0), None);
        assert!(vintages.went_bad(day("2026-02-01"), day("2026-01-01"), Money::ZERO).unwrap_err().is_invalid());
    }

    #[test]
    fn shards_merge_to_the_whole() {
        let (mut left, mut right, mut whole) = (Vintages::default(), Vintages::default(), Vintages::default());
        for step in 0..100i64 {
            let paid = day(&format!("2025-{:02}-15", step % 12 + 1));
            let part = if step % 3 == 0 { &mut left } else { &mut right };
            for vintages in [part, &mut whole] {
                vintages.paid_out(paid, Money::from_minor(step)).unwrap();
                if step % 5 == 0 {
                    vintages.went_bad(paid, day("2026-06-01"), Money::from_minor(step)).unwrap();
                }
            }
        }
        let mut other = right.clone();
        other.merge(&left);
        left.merge(&right);
        assert_eq!(left, whole);
        assert_eq!(other, whole);
    }
}
