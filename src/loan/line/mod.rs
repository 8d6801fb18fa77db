//! The credit line: events in, balanced postings out.

mod accrual;
mod arrears;
mod colending;
mod cost;
mod credit_line;
mod drawdown;
mod event;
mod fold;
mod instalment;
mod overdue;
mod policy;
mod portfolio;
mod position;
mod provision;
mod snapshot;
mod statement;
mod terms;

pub use accrual::{Accrual, AccrualBasis, InterestRate, RATE_STEPS};
pub use arrears::{ClassLimits, ClassificationTable, ClassifiedDebt, DelinquencyBuckets, RiskClass, debtor_class};
pub use colending::{CoLending, FirstLoss, Funder, FunderBook};
pub use cost::{CapExcess, CostCheck, CostOfCredit};
pub use credit_line::{CreditLine, LineTerms, Recorded};
pub use drawdown::{Drawdown, DrawdownStatus};
pub use event::{Action, DrawdownId, Event, PaymentKind, PrepayEffect};
pub use fold::{LineState, Movement};
pub use instalment::{Instalment, Owed};
pub use policy::{LinePolicy, OverdueBase, OverdueTerms};
pub use portfolio::AccrualColumns;
pub use position::{DrawdownPosition, LinePosition, PayoffQuote, Refusal};
pub use provision::{ExpectedLoss, ExposureMonth, ImpairmentStage, MinimumProvision, expected_loss};
pub use snapshot::{STATE_VERSION, Snapshot};
pub use statement::{StatementRow, statement};
pub use terms::{DrawdownTerms, Every, PlanForm, PlannedPrincipal, PrepaymentFee, RepaymentPlan};
