//! Loans repaid by schedule, progressive or cumulative, kept by replaying their facts.

mod account;
mod accrual;
mod activity;
mod ahead;
mod allocate;
mod charge;
mod charge_off;
mod deferred_income;
mod instalment;
mod interest_refund;
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

pub use account::{LoanAction, LoanEvent, ScheduledAccount, ScheduledSnapshot};
pub use charge::{InstalmentFee, LoanCharge};
pub use instalment::{Debt, InstalmentKind, ScheduledInstalment};
pub use product::{
    ChargeOffEffect, DownPayment, FutureRule, InstalmentShape, InterestMethod, InterestStep, LoanProduct, MonthDays,
    PaymentRule, PayoffInterest, ScheduleKind, ScheduledTerms, TransactionKind, YearDays,
};
pub use state::{LoanStatus, ScheduledLoan};
pub use term_change::TermChange;
pub use transaction::{LoanTransaction, Portions};
