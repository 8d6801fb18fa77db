//! Loans repaid by schedule, progressive or cumulative, kept by replaying their facts.

mod account;
mod plan;
mod product;

pub use account::{
    Debt, InstalmentFee, InstalmentKind, LoanCharge, LoanStatus, LoanTransaction, Portions, ScheduledInstalment,
    ScheduledLoan, TermChange,
};
pub use product::{
    ChargeOffEffect, DownPayment, FutureRule, InterestMethod, InterestStep, LoanProduct, MonthDays, PaymentRule,
    PayoffInterest, ScheduleKind, ScheduledTerms, TransactionKind, YearDays,
};
