//! The decision: how much, at what price, why, and for which lender.
//!
//! An [`Applicant`] is one merchant as plain values; a [`Policy`] is a lender as data; [`decide`] joins them into a
//! [`Decision`] that says how much, at what price, why in at most four reasons, what each rule of the limit would have
//! allowed, and what is needed to make the same decision again years later.
//!
//! Everything inside is whole numbers: a limit that is promised never to fall when honest receipts rise cannot rest on the
//! last bit of a float.

mod acquisition;
mod allocate;
mod applicant;
mod backtest;
mod compiled;
mod curve;
mod decide;
mod economics;
mod form;
mod from_rooms;
mod legal;
mod lenders;
mod optimise;
mod policy;
mod price;
mod raise;
mod reasons;
mod record;
mod risk;
mod sizing;

pub use acquisition::{AcquisitionConfig, InviteReason, Prospect, RankedProspect, rank_prospects};
pub use allocate::{Allocation, AllocationConfig, AllocationOffer, allocate};
pub use applicant::{
    AccountKind, Applicant, ConditionFacts, DebtFacts, ForecastFacts, QuantileFact, ReceiptFacts, RepaymentFacts,
    Sources, VerdictFacts,
};
pub use backtest::{Backtest, BacktestCase, BacktestConfig, Estimate, PolicyOutcome, SwapCell, SwapSet, backtest};
pub use compiled::Policy;
pub use curve::Knot;
pub use decide::{Decision, DecisionRow, Offer, Outcome, OutcomeKind, Stamp, decide, decide_batch, decide_row};
pub use economics::{Book, ComputePrice, UnitEconomics, break_even_rate, unit_economics};
pub use form::policy_schema;
pub use legal::{LegalCaps, LegalPreset};
pub use lenders::{
    JointLine, JointPart, LenderPanel, LenderQuote, Preference, best_quote, expected_profit_minor, joint_line,
};
pub use optimise::{FrontierPoint, GradeCurves, OptimalLimits, OptimalLimitsConfig, optimal_limits};
pub use policy::{
    CapacityRules, CapitalRules, DebtRules, EligibilityRules, ExperimentTag, GrowthRules, LadderRules, LimitRules,
    PolicyRules, PriceRules, RateBand, ReferRules, SegmentRules, StarterRules,
};
pub use price::{Price, PriceParts};
pub use raise::{Change, Lever, Raise, RaiseConfig, what_would_raise};
pub use reasons::{Language, MAX_REASONS, Reason, ReasonCode, Unit};
pub use record::{DecisionRecord, Override, Replay};
pub use risk::{DefaultModel, Risk, RiskContribution, RiskFeature, RiskTerm};
pub use sizing::{LimitRule, Waterfall, WaterfallLine};
