//! The loan engine: terms, schedules, credit lines, events, accrual, allocation, arrears, payoff, annual rates, postings.
//!
//! A [`CreditLine`] is the aggregate. Every drawdown on it is a loan of its own with frozen terms; events go in, balanced
//! [`JournalEntry`]s come out, and the state is nothing but a fold of the policy over the events in value order.
//!
//! A [`ScheduledLoan`] is one term loan kept by its table of instalments, as servicing platforms keep it; with events and a
//! journal it is a [`ScheduledAccount`]. Take the line for money drawn and repaid on any day, the schedule where interest belongs
//! to periods and a table of instalments is the contract.

mod allocation;
mod annual_rate;
mod annuity;
mod journal;
mod line;
mod payment_plan;
mod schedule;
mod scheduled;

pub use allocation::{Allocation, Cell, Component, Direction, Timing};
pub use annual_rate::*;
pub use annuity::*;
pub use journal::{
    Account, AccountClass, Chart, ChartLine, JournalEntry, JournalKind, LedgerBalance, Posting, trial_balance,
};
pub use line::*;
pub use payment_plan::*;
pub use schedule::*;
pub use scheduled::*;
