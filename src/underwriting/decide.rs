//! The verb: one merchant, one policy, one answer.

use jiff::ToSpan;
use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::parallel;
use crate::underwriting::applicant::{AccountKind, Applicant};
use crate::underwriting::compiled::{Policy, digest_of};
use crate::underwriting::curve::{PPM, fraction, ratio_of};
use crate::underwriting::policy::ExperimentTag;
use crate::underwriting::price::{Price, Quote, quote};
use crate::underwriting::reasons::{Reason, ReasonCode, Unit, principal};
use crate::underwriting::risk::Risk;
use crate::underwriting::sizing::{Facts, LimitRule, OPEN, Sizing, Waterfall, size};

/// What a merchant may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The line, minor units.
    pub limit_minor: i64,
    /// What is left of it to draw today, minor units.
    pub available_minor: i64,
    /// At what price.
    pub price: Price,
    /// Days over which the whole line can be repaid from a low quantile of receipts.
    pub term_days: u32,
    /// The last day the offer stands.
    pub valid_until: Date,
    /// Days in which the borrower may walk away.
    pub cooling_off_days: u32,
    /// This lender's part of the line, minor units; a partner carries the rest.
    pub own_part_minor: i64,
    /// Whether it is a first line on too little history.
    pub starter: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Yes.
    Approved {
        /// The offer.
        offer: Offer,
    },
    /// No.
    Declined,
    /// Too little is known; the policy may still allow a first small line.
    InsufficientData {
        /// The starter offer.
        starter: Option<Offer>,
    },
    /// A person must look: only under a policy with a refer band.
    Referred {
        /// What will be offered if the person agrees.
        offer: Offer,
    },
}

impl Outcome {
    /// The answer in one word.
    #[must_use]
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Approved { .. } => OutcomeKind::Approved,
            Self::Declined => OutcomeKind::Declined,
            Self::InsufficientData { .. } => OutcomeKind::InsufficientData,
            Self::Referred { .. } => OutcomeKind::Referred,
        }
    }
}

/// What made a decision, so that it can be made again bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// SHA-256 of the applicant's canonical JSON, in hex.
    pub applicant_digest: String,
    /// SHA-256 of the policy's canonical JSON, in hex.
    pub policy_digest: String,
    /// The policy's name and version.
    pub policy: String,
    /// SHA-256 of the default model, in hex; the caller's name for it when the probability was handed in.
    pub model: String,
    /// Version of this crate.
    pub crate_version: String,
    /// Version of the feature catalogue, as the applicant brought it.
    pub catalogue: Option<String>,
    /// Version of the classifier, as the applicant brought it.
    pub classifier: Option<String>,
    /// The experiment and its propensity, as the policy names them.
    pub experiment: Option<ExperimentTag>,
}

/// One decision: the answer, why, and what it was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The applicant's id.
    pub applicant: String,
    /// The day it was made for.
    pub as_of: Date,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Every rule of the limit.
    pub waterfall: Waterfall,
    /// Probability of default and its parts.
    pub risk: Risk,
    /// At most four, heaviest first.
    pub reasons: Vec<Reason>,
    /// For the record.
    pub stamp: Stamp,
}

impl Decision {
    /// The offer on the table, starter and referred ones included.
    #[must_use]
    pub fn offer(&self) -> Option<&Offer> {
        match &self.outcome {
            Outcome::Approved { offer } | Outcome::Referred { offer } => Some(offer),
            Outcome::InsufficientData { starter } => starter.as_ref(),
            Outcome::Declined => None,
        }
    }

    /// The line offered, minor units; zero without an offer.
    #[must_use]
    pub fn limit_minor(&self) -> i64 {
        self.offer().map_or(0, |offer| offer.limit_minor)
    }

    /// Whether the answer is yes.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        matches!(self.outcome, Outcome::Approved { .. })
    }
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Yes.
    Approved,
    /// No.
    Declined,
    /// Too little is known.
    InsufficientData,
    /// A person must look.
    Referred,
}

/// A decision as a row of a table: what a batch gives, without the reasons, which one call of [`decide`] adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecisionRow {
    /// The answer.
    pub outcome: OutcomeKind,
    /// The line offered, minor units; zero without an offer.
    pub limit_minor: i64,
    /// Nominal annual rate, parts per million; zero without an offer.
    pub annual_rate_ppm: i64,
    /// Rate to disclose a year, fee counted in, parts per million; zero without an offer.
    pub disclosed_rate_ppm: i64,
    /// Margin above break-even a year, parts per million; zero without an offer.
    pub margin_ppm: i64,
    /// Probability of default within a year, parts per million.
    pub default_probability_ppm: i64,
    /// The rule that bound.
    pub binding: LimitRule,
}

/// Which gates are shut; bit `code as u32` of a [`ReasonCode`].
#[derive(Clone, Copy, Default)]
struct Gates(u64);

impl Gates {
    fn shut(&mut self, code: ReasonCode, when: bool) {
        self.0 |= u64::from(when) << code as u32;
    }

    fn any(self) -> bool {
        self.0 != 0
    }

    fn has(self, code: ReasonCode) -> bool {
        self.0 >> code as u32 & 1 == 1
    }
}

/// Everything about a decision but its prose.
pub(crate) struct Assessed {
    refused: Gates,
    thin: Gates,
    sizing: Sizing,
    pub limit: i64,
    pub starter: bool,
    quote: Quote,
    pub outcome: OutcomeKind,
    pub risk: i64,
}

pub(crate) fn assess(facts: &Facts<'_>, policy: &Policy, risk: i64) -> Assessed {
    let (rules, compiled) = (&policy.rules().eligibility, &policy.compiled);
    let receipts = &facts.applicant.receipts;
    let sizing = size(facts, policy, risk);

    let mut refused = Gates::default();
    let excluded = facts.applicant.segment.as_ref().is_some_and(|segment| rules.excluded_segments.contains(segment));
    refused.shut(ReasonCode::SegmentNotServed, excluded);
    refused.shut(ReasonCode::ArrearsToday, facts.days_past_due > rules.max_days_past_due);
    let merchant = facts.merchant.unwrap_or(0);
    let other_kind = !matches!(facts.kind, AccountKind::Merchant | AccountKind::Unknown);
    let unlikely = facts.kind == AccountKind::Merchant && merchant < compiled.min_merchant;
    refused.shut(ReasonCode::NotAMerchant, other_kind || unlikely);
    let suspicion = facts.suspicion.unwrap_or(compiled.missing_suspicion);
    refused.shut(ReasonCode::SuspiciousReceipts, suspicion > compiled.max_suspicion);

    let mut thin = Gates::default();
    thin.shut(ReasonCode::DataFromFuture, facts.age_days < 0);
    thin.shut(ReasonCode::DataTooOld, i64::from(facts.age_days) > i64::from(rules.max_data_age_days));
    let stale = thin.any();
    thin.shut(ReasonCode::KindUnknown, facts.kind == AccountKind::Unknown);
    thin.shut(ReasonCode::ShortHistory, facts.applicant.history_days < rules.min_history_days);
    thin.shut(ReasonCode::FewActiveDays, receipts.active_days_90 < rules.min_active_days_90);
    thin.shut(ReasonCode::LowReceipts, facts.receipts_365 < rules.min_receipts_365_minor);

    // The rules' own limit, and beside it the starter line: the merchant gets the larger, so that learning more about a
    // business never takes its first line away.
    let mut soft = Gates::default();
    let full = Sizing::rounded(sizing.raw, policy);
    let mut quoted = quote(policy, full.max(policy.rules().limit.min_line_minor), risk, &sizing.caps);
    soft.shut(ReasonCode::RiskTooHigh, risk > compiled.max_risk);
    soft.shut(ReasonCode::PriceAboveCap, !quoted.pays(policy));
    let shut = refused.any() || stale;
    let mut limit = if shut || thin.any() || soft.any() { 0 } else { full };
    let mut starter = false;
    let mut sizing = sizing;
    if !shut && sizing.starter > 0 {
        let lifted = sizing.lifted();
        let first = Sizing::rounded(lifted.raw.min(sizing.starter), policy);
        if first > limit || (thin.any() && first > 0) {
            limit = first;
            starter = true;
            sizing = lifted;
            quoted = quote(policy, limit, risk, &sizing.caps);
        }
    }
    if !starter && !thin.any() {
        refused.0 |= soft.0;
    }
    let referred = limit > 0
        && policy.rules().refer.as_ref().is_some_and(|refer| {
            limit >= refer.line_from_minor || suspicion >= compiled.refer_suspicion || risk >= compiled.refer_risk
        });
    let outcome = if refused.any() {
        OutcomeKind::Declined
    } else if thin.any() {
        OutcomeKind::InsufficientData
    } else if limit == 0 {
        OutcomeKind::Declined
    } else if referred {
        OutcomeKind::Referred
    } else {
        OutcomeKind::Approved
    };
    Assessed { refused, thin, sizing, limit, starter, quote: quoted, outcome, risk }
}

impl Assessed {
    pub fn row(&self) -> DecisionRow {
        let offered = self.limit > 0;
        DecisionRow {
            outcome: self.outcome,
            limit_minor: self.limit,
            annual_rate_ppm: if offered { self.quote.nominal_ppm } else { 0 },
            disclosed_rate_ppm: if offered { self.quote.disclosed_ppm } else { 0 },
            margin_ppm: if offered { self.quote.parts.margin_ppm } else { 0 },
            default_probability_ppm: self.risk,
            binding: LimitRule::ALL[self.sizing.binding],
        }
    }

    fn reasons(&self, facts: &Facts<'_>, policy: &Policy, risk: &Risk) -> Vec<Reason> {
        let rules = &policy.rules().eligibility;
        let mut reasons: Vec<Reason> = Vec::with_capacity(16);
        for code in ReasonCode::ALL {
            if !self.refused.has(code) && !self.thin.has(code) {
                continue;
            }
            let share = |parts: Option<i64>| parts.map(fraction);
            let (observed, needed, unit) = match code {
                ReasonCode::ArrearsToday => {
                    (Some(f64::from(facts.days_past_due)), Some(f64::from(rules.max_days_past_due)), Unit::Days)
                }
                ReasonCode::NotAMerchant | ReasonCode::KindUnknown => {
                    (share(facts.merchant), Some(rules.min_merchant_probability), Unit::Share)
                }
                ReasonCode::SuspiciousReceipts => (share(facts.suspicion), Some(rules.max_suspicion), Unit::Share),
                ReasonCode::RiskTooHigh => {
                    (Some(fraction(self.risk)), Some(rules.max_default_probability), Unit::Share)
                }
                ReasonCode::PriceAboveCap => {
                    let parts = &self.quote.parts;
                    (Some(fraction(parts.break_even_ppm)), Some(fraction(parts.cap_ppm)), Unit::Share)
                }
                ReasonCode::DataFromFuture | ReasonCode::DataTooOld => {
                    (Some(f64::from(facts.age_days)), Some(f64::from(rules.max_data_age_days)), Unit::Days)
                }
                ReasonCode::ShortHistory => {
                    (Some(f64::from(facts.applicant.history_days)), Some(f64::from(rules.min_history_days)), Unit::Days)
                }
                ReasonCode::FewActiveDays => {
                    let seen = facts.applicant.receipts.active_days_90;
                    (Some(f64::from(seen)), Some(f64::from(rules.min_active_days_90)), Unit::Days)
                }
                ReasonCode::LowReceipts => {
                    (Some(facts.receipts_365 as f64), Some(rules.min_receipts_365_minor as f64), Unit::MoneyMinor)
                }
                _ => (None, None, Unit::Count),
            };
            reasons.push(Reason { code, weight_ppm: PPM, observed, needed, unit });
        }
        // A total risk is no reason a person can act on: its largest parts are.
        if self.refused.has(ReasonCode::RiskTooHigh) || self.refused.has(ReasonCode::PriceAboveCap) {
            reasons.retain(|reason| reason.code != ReasonCode::RiskTooHigh);
            push_risk(&mut reasons, risk, PPM);
        }
        // The most the caps of law, lender and segment would allow: what every other rule takes its part of.
        let best =
            [LimitRule::Law, LimitRule::Lender, LimitRule::Segment].map(|rule| self.sizing.bounds[rule as usize]);
        let best = best.into_iter().fold(OPEN, i64::min).max(1);
        // Only rules that would stop the line from doubling had a part in it.
        let near = self.sizing.raw.max(self.limit).max(policy.rules().limit.min_line_minor).saturating_mul(2);
        let size = self.sizing.bounds[LimitRule::Volume as usize].min(self.sizing.bounds[LimitRule::Growth as usize]);
        for (rule, &bound) in LimitRule::ALL.iter().zip(&self.sizing.bounds) {
            let binds = self.sizing.binding == *rule as usize;
            // A factor of one takes nothing.
            let whole = rule.is_factor() && bound >= size;
            if bound == OPEN || ((bound >= near || whole) && !binds) {
                continue;
            }
            // A gate that is shut weighs all; a bound weighs what it took, and always less than a gate.
            let weight_ppm = (PPM - ratio_of(bound.min(best), PPM, best)).min(PPM - 1).max(i64::from(binds));
            if *rule == LimitRule::Risk {
                push_risk(&mut reasons, risk, weight_ppm);
            } else if weight_ppm > 0 {
                let (observed, unit) = observed(facts, *rule);
                let needed = Some(bound as f64).filter(|_| unit == Unit::MoneyMinor);
                reasons.push(Reason { code: ReasonCode::of_rule(*rule), weight_ppm, observed, needed, unit });
            }
        }
        principal(reasons)
    }

    fn offer(&self, facts: &Facts<'_>, policy: &Policy, as_of: Date) -> Option<Offer> {
        if self.limit == 0 || self.outcome == OutcomeKind::Declined {
            return None;
        }
        let rules = policy.rules();
        let price = self.quote.price(policy).ok()?;
        Some(Offer {
            limit_minor: self.limit,
            available_minor: (self.limit - facts.here).max(0),
            price,
            term_days: self
                .sizing
                .caps
                .max_term_days
                .map_or(rules.limit.capacity.term_days, |most| most.min(rules.limit.capacity.term_days)),
            valid_until: as_of.checked_add(i64::from(rules.price.offer_days).days()).unwrap_or(Date::MAX),
            cooling_off_days: self.sizing.caps.cooling_off_days,
            own_part_minor: ratio_of(self.limit, policy.compiled.own_share, PPM),
            starter: self.starter,
        })
    }
}

/// The largest parts of the risk as reasons, sharing `weight` by what each cost above the best it could be.
fn push_risk(reasons: &mut Vec<Reason>, risk: &Risk, weight: i64) {
    let total: i64 = risk.contributions.iter().map(|part| part.above_best_micro).sum();
    if total == 0 {
        let probability = Some(risk.probability());
        reasons.push(Reason {
            code: ReasonCode::OwnModelRisk,
            weight_ppm: weight,
            observed: probability,
            needed: None,
            unit: Unit::Share,
        });
        return;
    }
    for part in risk.contributions.iter().filter(|part| part.above_best_micro > 0) {
        reasons.push(Reason {
            code: ReasonCode::of_feature(part.feature),
            weight_ppm: ratio_of(part.above_best_micro, weight, total),
            observed: Some(fraction(part.log_odds_micro)),
            needed: Some(fraction(part.log_odds_micro - part.above_best_micro)),
            unit: Unit::LogOdds,
        });
    }
}

fn observed(facts: &Facts<'_>, rule: LimitRule) -> (Option<f64>, Unit) {
    let receipts = &facts.applicant.receipts;
    match rule {
        LimitRule::Volume | LimitRule::Growth => (Some(facts.receipts_365 as f64), Unit::MoneyMinor),
        LimitRule::Recent | LimitRule::Capacity => (Some(facts.receipts_30 as f64), Unit::MoneyMinor),
        LimitRule::Debt => (facts.elsewhere.map(|debt| debt as f64), Unit::MoneyMinor),
        LimitRule::Suspicion => (facts.suspicion.map(fraction), Unit::Share),
        LimitRule::Merchant => (facts.merchant.map(fraction), Unit::Share),
        LimitRule::Payers => (Some(f64::from(receipts.payers_90)), Unit::Count),
        LimitRule::ActiveDays => (Some(f64::from(receipts.active_days_90)), Unit::Days),
        LimitRule::Tenure => (Some(f64::from(facts.applicant.history_days)), Unit::Days),
        LimitRule::Repaid => (Some(facts.steps as f64), Unit::Count),
        _ => (None, Unit::MoneyMinor),
    }
}

/// Decides: how much, at what price, and why.
///
/// Total: every applicant under every policy gets an answer, with no input, clock or chance but the arguments. Whole
/// numbers throughout, so the answer has the same bits on every machine, and these laws hold exactly:
/// * the limit never falls when verified receipts of any window, or the forecast, rise;
/// * it never rises when suspicion, risk, arrears or debt do;
/// * it moves without jumps larger than the rounding step, but where the policy states a cliff
///   ([`EligibilityRules`](crate::underwriting::EligibilityRules), the least line, the starter's conditions);
/// * it is the least of the waterfall's bounds, rounded downwards.
///
/// ```
/// use dandelion_credit::underwriting::{AccountKind, Applicant, Policy, VerdictFacts, decide};
/// use dandelion_credit::Probability;
///
/// let mut stall = Applicant::new("noodle stall");
/// stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
/// stall.history_days = 420;
/// stall.receipts.verified_30_minor = 900_000; // 9,000 yuan in 30 days
/// stall.receipts.verified_90_minor = 2_600_000;
/// stall.receipts.verified_365_minor = 10_000_000;
/// stall.receipts.active_days_90 = 80;
/// stall.receipts.payers_90 = 220;
///
/// let decision = decide(&stall, &Policy::default(), "2026-11-23".parse().unwrap());
/// assert_eq!(decision.limit_minor(), 1_200_000); // 12,000 yuan: what half of last month's receipts can carry
/// assert_eq!(decision.waterfall.binding, dandelion_credit::underwriting::LimitRule::Capacity);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[must_use]
pub fn decide(applicant: &Applicant, policy: &Policy, as_of: Date) -> Decision {
    let facts = Facts::new(applicant, as_of);
    let row = facts.row(policy.compiled.minor_per_major);
    let risk = match facts.given_risk {
        Some(probability_ppm) => {
            let log_odds_micro = crate::underwriting::curve::log_odds_micro(probability_ppm);
            Risk { probability_ppm, base_micro: log_odds_micro, log_odds_micro, contributions: Vec::new() }
        }
        None => policy.compiled.model.explain(&row),
    };
    let assessed = assess(&facts, policy, risk.probability_ppm);
    let reasons = assessed.reasons(&facts, policy, &risk);
    let offer = assessed.offer(&facts, policy, as_of);
    let outcome = match (assessed.outcome, offer) {
        (OutcomeKind::Approved, Some(offer)) => Outcome::Approved { offer },
        (OutcomeKind::Referred, Some(offer)) => Outcome::Referred { offer },
        (OutcomeKind::InsufficientData, starter) => Outcome::InsufficientData { starter },
        _ => Outcome::Declined,
    };
    let own = facts.given_risk.and(applicant.sources.default_model.clone());
    let stamp = Stamp {
        applicant_digest: digest_of(applicant),
        policy_digest: policy.digest().to_owned(),
        policy: format!("{} {}", policy.rules().id, policy.rules().version),
        model: own.unwrap_or_else(|| policy.compiled.model_digest.clone()),
        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
        catalogue: applicant.sources.catalogue.clone(),
        classifier: applicant.sources.classifier.clone(),
        experiment: policy.rules().experiment.clone(),
    };
    let limit = Sizing::rounded(assessed.sizing.raw, policy);
    Decision {
        applicant: applicant.id.clone(),
        as_of,
        outcome,
        waterfall: Waterfall::new(&assessed.sizing, limit, assessed.starter),
        risk,
        reasons,
        stamp,
    }
}

/// The decision without reasons, waterfall and record, for batches.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{AccountKind, Applicant, Policy, VerdictFacts, decide, decide_row};
///
/// let mut stall = Applicant::new("noodle stall");
/// stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
/// stall.history_days = 420;
/// stall.receipts.verified_30_minor = 900_000;
/// stall.receipts.verified_90_minor = 2_600_000;
/// stall.receipts.verified_365_minor = 10_000_000;
/// stall.receipts.active_days_90 = 80;
/// stall.receipts.payers_90 = 220;
///
/// // The same answer as the full decision, to the unit.
/// let (policy, day) = (Policy::default(), "2026-11-23".parse().unwrap());
/// let (row, decision) = (decide_row(&stall, &policy, day), decide(&stall, &policy, day));
/// assert_eq!((row.limit_minor, row.binding), (decision.limit_minor(), decision.waterfall.binding));
/// assert_eq!(row.limit_minor, 1_200_000);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[must_use]
pub fn decide_row(applicant: &Applicant, policy: &Policy, as_of: Date) -> DecisionRow {
    let facts = Facts::new(applicant, as_of);
    let risk = match facts.given_risk {
        Some(risk) => risk,
        None => policy.compiled.model.probability_ppm(&facts.row(policy.compiled.minor_per_major)),
    };
    assess(&facts, policy, risk).row()
}

/// Applicants a chunk of a batch holds.
const CHUNK: usize = 4_096;

/// Decides on every applicant; the rows in their order. The same bits on any number of threads.
///
/// ```
/// use dandelion_credit::underwriting::{Applicant, OutcomeKind, Policy, decide_batch};
///
/// let rows = decide_batch(&[Applicant::new("a"), Applicant::new("b")], &Policy::default(), "2026-11-23".parse().unwrap());
/// assert_eq!(rows[1].outcome, OutcomeKind::InsufficientData);
/// ```
#[must_use]
pub fn decide_batch(applicants: &[Applicant], policy: &Policy, as_of: Date) -> Vec<DecisionRow> {
    let chunks = parallel::map_chunks(applicants.len(), CHUNK, |range| {
        applicants[range].iter().map(|applicant| decide_row(applicant, policy, as_of)).collect::<Vec<_>>()
    });
    chunks.concat()
}
