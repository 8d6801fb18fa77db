//! How much: every rule as an upper bound in whole minor units. One pass, no allocation.

use serde::{Deserialize, Serialize};

use crate::calendar::{Date, epoch_day};
use crate::underwriting::applicant::{AccountKind, Applicant};
use crate::underwriting::compiled::Policy;
use crate::underwriting::curve::{PPM, ppm, ratio_of, share_of};
use crate::underwriting::legal::{LegalCaps, caps_on};
use crate::underwriting::risk::{FeatureRow, feature_row};

/// A rule of the limit. When two bind at once the earlier in this list is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitRule {
    /// The most the law lets one borrower have.
    Law,
    /// The most this lender lets one borrower have.
    Lender,
    /// The most for one borrower of the segment.
    Segment,
    /// What is left for the segment.
    SegmentCapital,
    /// What the lender has left.
    Capital,
    /// What the merchant asked for.
    Requested,
    /// A share of a year's verified receipts.
    Volume,
    /// A share of the last month's receipts taken to a year.
    Recent,
    /// The concave curve of verified receipts.
    Growth,
    /// What a low quantile of coming receipts can pay back.
    Capacity,
    /// All debt against a year's receipts.
    Debt,
    /// The size cut by the probability of default.
    Risk,
    /// The size cut by suspicion.
    Suspicion,
    /// The size by how surely this is a merchant.
    Merchant,
    /// The size by the number of payers.
    Payers,
    /// The size by the number of active days.
    ActiveDays,
    /// What the length of history allows.
    Tenure,
    /// What the number of loans repaid allows.
    Repaid,
    /// How far a line in force may grow at once.
    Raise,
    /// The most for a merchant with too little history.
    Starter,
}

/// Number of limit rules.
pub(crate) const RULES: usize = 20;
/// A rule that does not apply.
pub(crate) const OPEN: i64 = i64::MAX;

impl LimitRule {
    /// Every rule, in order of precedence.
    pub const ALL: [Self; RULES] = [
        Self::Law,
        Self::Lender,
        Self::Segment,
        Self::SegmentCapital,
        Self::Capital,
        Self::Requested,
        Self::Volume,
        Self::Recent,
        Self::Growth,
        Self::Capacity,
        Self::Debt,
        Self::Risk,
        Self::Suspicion,
        Self::Merchant,
        Self::Payers,
        Self::ActiveDays,
        Self::Tenure,
        Self::Repaid,
        Self::Raise,
        Self::Starter,
    ];

    /// The stable name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Law => "law",
            Self::Lender => "lender",
            Self::Segment => "segment",
            Self::SegmentCapital => "segment_capital",
            Self::Capital => "capital",
            Self::Requested => "requested",
            Self::Volume => "volume",
            Self::Recent => "recent",
            Self::Growth => "growth",
            Self::Capacity => "capacity",
            Self::Debt => "debt",
            Self::Risk => "risk",
            Self::Suspicion => "suspicion",
            Self::Merchant => "merchant",
            Self::Payers => "payers",
            Self::ActiveDays => "active_days",
            Self::Tenure => "tenure",
            Self::Repaid => "repaid",
            Self::Raise => "raise",
            Self::Starter => "starter",
        }
    }

    /// Whether the rule is a share of the size that the receipts alone would give.
    pub(crate) const fn is_factor(self) -> bool {
        matches!(self, Self::Risk | Self::Suspicion | Self::Merchant | Self::Payers | Self::ActiveDays)
    }

    /// Whether a starter line lifts the rule: sizes by history it does, hard caps it does not.
    pub(crate) const fn lifted_by_starter(self) -> bool {
        !matches!(
            self,
            Self::Law
                | Self::Lender
                | Self::Segment
                | Self::SegmentCapital
                | Self::Capital
                | Self::Requested
                | Self::Capacity
                | Self::Debt
                | Self::Starter
        )
    }
}

/// An applicant as whole numbers, made once however many policies look at it.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub applicant: &'a Applicant,
    pub kind: AccountKind,
    pub merchant: Option<i64>,
    pub suspicion: Option<i64>,
    pub given_risk: Option<i64>,
    pub receipts_30: i64,
    pub receipts_365: i64,
    pub here: i64,
    pub elsewhere: Option<i64>,
    pub days_past_due: u32,
    pub steps: usize,
    /// Days from the values to the decision; negative when the values come from its future.
    pub age_days: i32,
    pub day: i32,
}

impl<'a> Facts<'a> {
    pub fn new(applicant: &'a Applicant, as_of: Date) -> Self {
        let day = epoch_day(as_of);
        let repayment = applicant.repayment.as_ref();
        Self {
            applicant,
            kind: applicant.verdict.map_or(AccountKind::Unknown, |verdict| verdict.kind),
            merchant: applicant.verdict.map(|verdict| ppm(verdict.merchant_probability.get())),
            suspicion: applicant.suspicion.map(|suspicion| ppm(suspicion.get())),
            given_risk: applicant.default_probability.map(|risk| ppm(risk.get())),
            receipts_30: applicant.receipts.verified_30_minor.max(0),
            receipts_365: applicant.receipts.verified_365_minor.max(0),
            here: applicant.debt.here_minor.max(0),
            elsewhere: applicant.debt.elsewhere_minor.map(|debt| debt.max(0)),
            days_past_due: repayment.map_or(0, |repayment| repayment.days_past_due),
            steps: repayment.map_or(0, |repayment| repayment.loans_on_time.saturating_sub(repayment.loans_late))
                as usize,
            age_days: applicant.data_as_of.map_or(0, |data| day - epoch_day(data)),
            day,
        }
    }

    pub fn row(&self, minor_per_major: i64) -> FeatureRow {
        feature_row(self.applicant, minor_per_major)
    }
}

/// Every rule's bound and what they come to.
#[derive(Debug, Clone)]
pub(crate) struct Sizing {
    pub bounds: [i64; RULES],
    /// Index of the least bound.
    pub binding: usize,
    /// The least bound, before rounding.
    pub raw: i64,
    /// What a starter line would lift history's bounds to; 0 when its conditions are not met.
    pub starter: i64,
    pub caps: LegalCaps,
}

impl Sizing {
    /// The limit of the rules: rounded, and nothing below the least line.
    pub fn rounded(raw: i64, policy: &Policy) -> i64 {
        let limit = &policy.rules().limit;
        let rounded = raw - raw % limit.rounding_minor;
        if rounded < limit.min_line_minor { 0 } else { rounded }
    }

    /// The same bounds with history's lifted to the starter line.
    pub fn lifted(&self) -> Self {
        let mut bounds = self.bounds;
        for (rule, bound) in LimitRule::ALL.iter().zip(&mut bounds) {
            if rule.lifted_by_starter() {
                *bound = (*bound).max(self.starter);
            }
        }
        bounds[LimitRule::Starter as usize] = self.starter;
        let (binding, raw) = least(&bounds);
        Self { bounds, binding, raw, ..self.clone() }
    }
}

fn least(bounds: &[i64; RULES]) -> (usize, i64) {
    let mut binding = 0;
    for (index, bound) in bounds.iter().enumerate() {
        if *bound < bounds[binding] {
            binding = index;
        }
    }
    (binding, bounds[binding])
}

/// The low quantile of what comes in over the policy's term.
fn expected_low(facts: &Facts<'_>, policy: &Policy) -> i64 {
    let compiled = &policy.compiled;
    let term = i64::from(policy.rules().limit.capacity.term_days);
    let forecast = facts.applicant.forecast.as_ref().filter(|forecast| forecast.horizon_days > 0);
    // The highest level that is not above the policy's, so that a coarse forecast errs on the careful side; a forecast
    // that only knows higher levels does not answer the question.
    let low = forecast.and_then(|forecast| {
        let usable = forecast.totals.iter().filter(|total| ppm(total.level.get()) <= compiled.quantile);
        let best =
            usable.max_by(|a, b| a.level.get().total_cmp(&b.level.get()).then(b.total_minor.cmp(&a.total_minor)))?;
        Some(ratio_of(best.total_minor.max(0), term, i64::from(forecast.horizon_days)))
    });
    low.unwrap_or_else(|| ratio_of(share_of(facts.receipts_30, compiled.fallback), term, 30))
}

/// Every rule of `policy` for the merchant of `facts`, whose probability of default is `risk` parts per million.
pub(crate) fn size(facts: &Facts<'_>, policy: &Policy, risk: i64) -> Sizing {
    let (rules, compiled) = (policy.rules(), &policy.compiled);
    let receipts = &facts.applicant.receipts;
    let caps = caps_on(&compiled.legal, facts.day);
    let segment = facts.applicant.segment.as_ref().and_then(|name| rules.segments.get(name));
    let suspicion = facts.suspicion.unwrap_or(compiled.missing_suspicion);
    let own = |available: i64| ratio_of(available, PPM, compiled.own_share);

    let mut bounds = [OPEN; RULES];
    let mut set = |rule: LimitRule, bound: i64| bounds[rule as usize] = bound;
    if let Some(major) = caps.max_line_major {
        set(LimitRule::Law, major.saturating_mul(compiled.minor_per_major));
    }
    set(LimitRule::Lender, rules.limit.max_line_minor);
    if let Some(segment) = segment {
        set(LimitRule::Segment, segment.max_line_minor.unwrap_or(OPEN));
        set(LimitRule::SegmentCapital, segment.available_minor.map_or(OPEN, own));
    }
    set(LimitRule::Capital, rules.capital.available_minor.map_or(OPEN, own));
    set(LimitRule::Requested, facts.applicant.requested_minor.map_or(OPEN, |asked| asked.max(0)));

    let volume = share_of(facts.receipts_365, compiled.volume_share);
    let growth = compiled.growth.eval(facts.receipts_365);
    let size = volume.min(growth);
    set(LimitRule::Volume, volume);
    set(LimitRule::Recent, share_of(ratio_of(facts.receipts_30, 365, 30), compiled.recent_share));
    set(LimitRule::Growth, growth);

    let low = share_of(expected_low(facts, policy), compiled.holdback);
    // Receipts that are promised to others cannot be promised again. One product, so that it cannot fall by a unit of
    // rounding when receipts rise.
    let (free, room) = match facts.elsewhere {
        Some(debt) => ((low - debt).max(0), (share_of(facts.receipts_365, compiled.debt_ceiling) - debt).max(0)),
        None => (low, share_of(facts.receipts_365, (compiled.debt_ceiling - compiled.assumed_elsewhere).max(0))),
    };
    set(LimitRule::Capacity, ratio_of(free, PPM, PPM + compiled.charge));
    set(LimitRule::Debt, room);

    set(LimitRule::Risk, share_of(size, compiled.risk_factor.eval(risk)));
    set(LimitRule::Suspicion, share_of(size, compiled.suspicion_factor.eval(suspicion)));
    let merchant = facts.merchant.unwrap_or(0);
    set(LimitRule::Merchant, share_of(size, compiled.merchant_factor.eval(merchant)));
    set(LimitRule::Payers, share_of(size, compiled.payers_factor.eval(i64::from(receipts.payers_90))));
    set(LimitRule::ActiveDays, share_of(size, compiled.active_days_factor.eval(i64::from(receipts.active_days_90))));

    let tenure = compiled.tenure.eval(i64::from(facts.applicant.history_days));
    set(LimitRule::Tenure, tenure);
    let repaid = compiled.first_lines[facts.steps.min(compiled.first_lines.len() - 1)];
    set(LimitRule::Repaid, repaid);
    let current = facts.applicant.repayment.as_ref().and_then(|repayment| repayment.current_limit_minor);
    if let Some(current) = current.filter(|current| *current > 0) {
        let grown = current.saturating_add(share_of(current, compiled.max_raise));
        set(LimitRule::Raise, grown.max(rules.limit.ladder.first_line_minor));
    }

    let starter = match &rules.starter {
        Some(starter)
            if facts.receipts_30 >= starter.min_receipts_30_minor
                && merchant >= compiled.starter_merchant
                && suspicion <= compiled.starter_suspicion
                && risk <= compiled.starter_risk =>
        {
            starter.max_line_minor
        }
        _ => 0,
    };
    let (binding, raw) = least(&bounds);
    Sizing { bounds, binding, raw, starter, caps }
}

/// One rule of a waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaterfallLine {
    /// The rule.
    pub rule: LimitRule,
    /// The most the rule allows, minor units; none when it does not apply.
    pub bound_minor: Option<i64>,
    /// Room between the rule's bound and the rounded limit, minor units.
    pub slack_minor: Option<i64>,
    /// Whether this rule set the limit.
    pub binding: bool,
}

/// Why the limit is what it is: every rule's bound, the one that bound, and the room under the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waterfall {
    /// The rules in order of precedence.
    pub lines: Vec<WaterfallLine>,
    /// The rule whose bound is least.
    pub binding: LimitRule,
    /// The least bound, minor units.
    pub raw_minor: i64,
    /// What rounding took off, minor units: all of it when less than the least line was left.
    pub rounded_off_minor: i64,
    /// The limit the rules come to, minor units.
    pub limit_minor: i64,
    /// Whether the bounds that stand on history were lifted to the starter line.
    pub starter: bool,
}

impl Waterfall {
    pub(crate) fn new(sizing: &Sizing, limit: i64, starter: bool) -> Self {
        let lines = LimitRule::ALL
            .iter()
            .zip(&sizing.bounds)
            .enumerate()
            .map(|(index, (&rule, &bound))| WaterfallLine {
                rule,
                bound_minor: (bound != OPEN).then_some(bound),
                slack_minor: (bound != OPEN).then(|| bound - limit),
                binding: index == sizing.binding,
            })
            .collect();
        Self {
            lines,
            binding: LimitRule::ALL[sizing.binding],
            raw_minor: sizing.raw,
            rounded_off_minor: sizing.raw - limit,
            limit_minor: limit,
            starter,
        }
    }

    /// The bound of one rule, minor units; none when it does not apply.
    #[must_use]
    pub fn bound_minor(&self, rule: LimitRule) -> Option<i64> {
        self.lines[rule as usize].bound_minor
    }
}
