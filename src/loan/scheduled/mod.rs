//! Loans repaid by schedule, progressive or cumulative, kept by replaying their facts.

mod accrual;
mod allocate;
mod charge;
mod charge_off;
mod instalment;
mod plan;
mod postings;
mod product;
mod re_age;
mod re_amortise;
mod record;
mod replay;
mod state;
mod take_back;
mod term_change;
mod transaction;

pub use charge::{InstalmentFee, LoanCharge};
pub use instalment::{Debt, InstalmentKind, ScheduledInstalment};
pub use product::{
    ChargeOffEffect, DownPayment, FutureRule, InterestMethod, InterestStep, LoanProduct, MonthDays, PaymentRule,
    PayoffInterest, ScheduleKind, ScheduledTerms, TransactionKind, YearDays,
};
pub use state::{LoanStatus, ScheduledLoan};
pub use term_change::TermChange;
pub use transaction::{LoanTransaction, Portions};
