//! Schedules: which instalment falls due when, and how much of it is principal, interest and fees.
//!
//! One verb: [`build_schedule`] turns [`LoanTerms`] into a [`Schedule`]. Interest of every period is carried as an exact
//! fraction ([`PeriodFactor`]) and rounded once; the principal parts add up to the principal to the cent, the rounding
//! residue going where [`ResidualRule`] says. For many small loans of equal periods [`level_schedule_into`] does the same in
//! whole numbers without touching the heap.

mod build;
mod dates;
mod factor;
mod level;
mod payoff;
mod prepay;
mod terms;

pub use build::{Schedule, ScheduleRow, build_schedule};
pub use factor::PeriodFactor;
pub use level::{LevelRow, level_instalment, level_schedule_into};
pub use payoff::{SettlementFigure, settlement_figures};
pub use prepay::{Prepayment, PrepaymentEffect, schedule_with_prepayments};
pub use terms::{
    Balloon, BusinessDays, FeeAmount, FeeTiming, InterestBasis, InterestGrace, LaterDisbursement, LoanTerms,
    RepaymentMethod, ResidualRule, ScheduleRounding, ScheduledFee,
};
