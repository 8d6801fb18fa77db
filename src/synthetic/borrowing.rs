//! The loans shops would take: when stock has to be paid, and until receipts have paid it back.

use serde::{Deserialize, Serialize};

use super::config::MarketConfig;
use super::random::Stream;
use super::shops::Shop;
use crate::account::AccountIndex;
use crate::elementary::powf;

/// One loan a shop would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrowing {
    /// Who draws.
    pub account: AccountIndex,
    /// The day it is drawn, from the first day of the market.
    pub drawn_day: u32,
    /// What is drawn, in minor units; whole hundreds of yuan.
    pub principal_minor: i64,
    /// Days until receipts have paid it back, as long as the shop trades.
    pub used_days: u32,
}

/// What the loans of many borrowers look like together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BorrowingSummary {
    /// Shops with at least one loan in the window.
    pub borrowers: usize,
    /// Loans in the window.
    pub loans: usize,
    /// Mean principal in major units.
    pub mean_principal: f64,
    /// Mean days of use.
    pub mean_used_days: f64,
    /// Share of borrowers with more than three loans in the window.
    pub more_than_three_share: f64,
}

impl BorrowingSummary {
    /// Sums up the loans drawn in the `window_days` days from `first_day`. All zero when there are none.
    #[must_use]
    pub fn of(borrowings: &[Borrowing], first_day: u32, window_days: u32) -> Self {
        let within = |loan: &&Borrowing| (first_day..first_day.saturating_add(window_days)).contains(&loan.drawn_day);
        let loans: Vec<&Borrowing> = borrowings.iter().filter(within).collect();
        let counts: Vec<usize> = loans.chunk_by(|a, b| a.account == b.account).map(<[_]>::len).collect();
        let mean = |sum: f64, of: usize| if of == 0 { 0.0 } else { sum / of as f64 };
        Self {
            borrowers: counts.len(),
            loans: loans.len(),
            mean_principal: mean(loans.iter().map(|loan| loan.principal_minor as f64 / 100.0).sum(), loans.len()),
            mean_used_days: mean(loans.iter().map(|loan| f64::from(loan.used_days)).sum(), loans.len()),
            more_than_three_share: mean(counts.iter().filter(|&&count| count > 3).count() as f64, counts.len()),
        }
    }
}

/// Share of receipts left for repayment after stock, rent and living.
const SURPLUS_SHARE: f64 = 0.49;
/// Weeks of receipts a restocking costs, at the median.
const STOCK_WEEKS: f64 = 3.5;
/// Days between two restockings that cannot be paid out of the till, at the median.
const NEED_GAP_DAYS: f64 = 65.0;

/// Every loan of every shop, in order of shop, then of date.
pub(super) fn needs(config: &MarketConfig, shops: &[Shop]) -> Vec<Borrowing> {
    let mut loans = Vec::new();
    for shop in shops {
        let mut stream = Stream::new(config.seed, 50, u64::from(shop.account.get()));
        // A shop that sells for less than 100 yuan a day gets by without; a fifth of the rest never borrow.
        let per_day = shop.receipts_per_day_minor();
        if per_day < 10_000.0 || stream.chance(0.2) {
            continue;
        }
        let gap = stream.lognormal(NEED_GAP_DAYS, 0.55);
        let last = shop.closed_day.unwrap_or(config.days).min(config.days);
        let mut day = f64::from(shop.opened_day.max(0)) + stream.exponential(gap);
        while day < f64::from(last) {
            let stock = stream.lognormal(STOCK_WEEKS, 0.45) * 7.0 * per_day;
            // Sub-linear: the larger shop has savings.
            let principal = powf(stock, 0.8) * powf(600_000f64, 0.2);
            let principal_minor = ((principal / 10_000.0).round() as i64).max(5) * 10_000;
            let surplus = powf(per_day, 0.8) * powf(40_000f64, 0.2) * SURPLUS_SHARE * stream.lognormal(1.0, 0.25);
            let used_days = ((principal_minor as f64 / surplus).round() as u32).clamp(1, 365);
            loans.push(Borrowing { account: shop.account, drawn_day: day as u32, principal_minor, used_days });
            day += 3.0 + stream.exponential(gap);
        }
    }
    loans
}
