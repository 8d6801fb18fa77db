//! Simple annual rates over the principal in use, and nominal rates from effective ones.

use super::roots::TimedAmount;
use crate::elementary::{exp_m1, ln_1p};
use crate::error::{Error, Result};

/// The simple annual rate of People's Bank of China Announcement 2021 No. 3: all costs over the principal actually in use,
/// year for year.
///
/// `flows` are the lender's: disbursements negative (less what was withheld), payments positive, at times in years. Between
/// flows simple interest runs on what is outstanding; the answer is the rate at which the last flow leaves nothing. With
/// equal intervals it is the internal rate of an interval times the intervals a year.
///
/// # Errors
/// [`Error::is_invalid`] when nothing was paid out or back, when money comes back first, and for times or amounts that are
/// not finite.
///
/// ```
/// use dandelion_credit::loan::{TimedAmount, simple_annual_rate};
///
/// // The announcement's example: 100,000 with 1,000 withheld, repaid in twelve months of 8,833.30
/// let mut flows = vec![TimedAmount { years: 0.0, amount: -99_000.0 }];
/// flows.extend((1..=12).map(|month| TimedAmount { years: f64::from(month) / 12.0, amount: 8_833.3 }));
/// assert_eq!((simple_annual_rate(&flows)? * 1e4).round() / 1e2, 12.80); // per cent
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn simple_annual_rate(flows: &[TimedAmount]) -> Result<f64> {
    for flow in flows {
        if !flow.amount.is_finite() || !flow.years.is_finite() {
            let text = format!("{} at {}", flow.amount, flow.years);
            return Err(Error::invalid("cash flow", text, "a finite amount at a finite time"));
        }
    }
    let mut sorted = flows.to_vec();
    sorted.sort_by(|a, b| a.years.total_cmp(&b.years));
    let left_over = |rate: f64| -> f64 {
        let (mut balance, mut now) = (0.0, sorted.first().map_or(0.0, |flow| flow.years));
        for flow in &sorted {
            balance += balance * rate * (flow.years - now) - flow.amount;
            now = flow.years;
        }
        balance
    };
    let out_first = sorted.iter().find(|flow| flow.amount != 0.0).is_some_and(|flow| flow.amount < 0.0);
    let (mut low, mut high) = (0.0, 1.0);
    while left_over(low) > 0.0 && low > -1e3 {
        low = low * 2.0 - 0.5;
    }
    while left_over(high) < 0.0 && high < 1e9 {
        high *= 2.0;
    }
    if !out_first || left_over(low) > 0.0 || left_over(high) < 0.0 {
        return Err(Error::invalid("cash flows", flows.len(), "money paid out and then back"));
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if left_over(middle) < 0.0 { low = middle } else { high = middle }
    }
    Ok(f64::midpoint(low, high))
}

/// The nominal annual rate compounded `periods_per_year` times that gives the effective rate: n·((1 + r)^(1/n) − 1).
///
/// India's key fact statement and the Appendix J of the United States print such rates.
///
/// ```
/// let nominal = dandelion_credit::loan::nominal_from_effective(0.126_825_030_131_969_72, 12.0);
/// assert!((nominal - 0.12).abs() < 1e-15);
/// ```
#[must_use]
pub fn nominal_from_effective(effective: f64, periods_per_year: f64) -> f64 {
    periods_per_year * exp_m1(ln_1p(effective) / periods_per_year)
}
