//! One integration binary; a module for each question asked of the crate.

mod architecture;
mod calendar;
mod features;
mod fraud;
mod graph;
mod loan;
mod loan_line;
mod loan_plans;
mod loan_schedule;
mod loan_scheduled;
mod loan_scheduled_account;
mod loan_scheduled_laws;
mod loan_scheduled_rules;
mod merchant;
mod monitoring;
mod receipts;
mod scorecard;
mod shared_data;
mod synthetic;
mod underwriting;
