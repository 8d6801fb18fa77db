//! Benchmarks of the `loan` room: schedules and annual rates; the credit line has its own file.

#[path = "loan_schedule/mod.rs"]
mod loan_schedule;

use criterion::{criterion_group, criterion_main};

criterion_group!(benches, loan_schedule::schedules, loan_schedule::rates);
criterion_main!(benches);
