//! Annual rates: what a loan costs a year by the law of the place, from its dated cash flows.
//!
//! * [`internal_rate`] and [`internal_rate_by_dates`]: IRR and XIRR, with no root and several roots told apart;
//! * [`effective_rate`]: the European Union's and the United Kingdom's effective annual rate, whose times are measured by
//!   [`LegalTime`];
//! * [`actuarial_rate`]: the nominal rate of the United States' Regulation Z, Appendix J, over [`UnitPeriod`]s;
//! * [`simple_annual_rate`]: China's simple rate over the principal actually in use;
//! * [`CostCap`]: what interest may still be charged under a daily and a total cap.
//!
//! Amounts are binary floating-point numbers of any one unit here: a rate is the root of an equation, found to about
//! fifteen digits, and never money.

mod cap;
mod effective;
mod roots;
mod simple;
mod unit_period;

pub use cap::CostCap;
pub use effective::{LegalPeriod, LegalTime, effective_rate};
pub use roots::{
    DatedAmount, RateSolution, TimedAmount, internal_rate, internal_rate_by_dates, internal_rate_by_times,
};
pub use simple::{nominal_from_effective, simple_annual_rate};
pub use unit_period::{UnitPeriod, UnitPeriodTime, actuarial_rate};
