//! A lender's policy as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Scale;
use crate::underwriting::curve::Knot;
use crate::underwriting::legal::LegalPreset;
use crate::underwriting::risk::DefaultModel;

/// The largest amount a policy may name, minor units: whole in JSON readers that keep numbers as doubles.
pub(crate) const MAX_AMOUNT_MINOR: i64 = 9_000_000_000_000_000;

/// Everything a lender decides about how it lends: eligibility, limit, price, caps, and the model of default.
///
/// Plain data with a default for every field, so that a JSON policy only names what it changes. Amounts are whole minor
/// units of `currency`; shares, rates and probabilities are fractions, carried as parts per million. A [`Policy`] is made
/// of it by [`Policy::new`], which checks every field once.
///
/// [`Policy`]: crate::underwriting::Policy
/// [`Policy::new`]: crate::underwriting::Policy::new
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyRules {
    /// Name of the policy.
    pub id: String,
    /// Its version; a change of any field deserves a new one.
    pub version: u32,
    /// Name of the lender.
    pub lender: String,
    /// ISO 4217 code of the currency of every amount.
    pub currency: String,
    /// Decimals of the currency's major unit.
    pub scale: Scale,
    /// Caps of law, by date.
    pub legal: LegalPreset,
    /// Who may borrow.
    pub eligibility: EligibilityRules,
    /// How much.
    pub limit: LimitRules,
    /// For those with too little history; none refuses them.
    pub starter: Option<StarterRules>,
    /// At what price.
    pub price: PriceRules,
    /// Cases a person must see; none, as in the default, means no person ever.
    pub refer: Option<ReferRules>,
    /// What the lender has left to lend.
    pub capital: CapitalRules,
    /// Groups with caps of their own, by name.
    pub segments: BTreeMap<String, SegmentRules>,
    /// The model of default used when the applicant brings no probability.
    pub default_model: DefaultModel,
    /// The experiment a decision under this policy belongs to.
    pub experiment: Option<ExperimentTag>,
}

/// Who may borrow. Each rule here is a stated cliff: beyond it the answer is no, whatever the rest says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EligibilityRules {
    /// Least probability of being a merchant.
    pub min_merchant_probability: f64,
    /// Highest suspicion.
    pub max_suspicion: f64,
    /// Highest probability of default within a year.
    pub max_default_probability: f64,
    /// Most days past due today.
    pub max_days_past_due: u32,
    /// Least verified receipts of 365 days, minor units.
    pub min_receipts_365_minor: i64,
    /// Fewer days since the first receipt are too little to judge.
    pub min_history_days: u32,
    /// Fewer days of the last 90 with a receipt are too little to judge.
    pub min_active_days_90: u32,
    /// Older values than this many days are too old to judge.
    pub max_data_age_days: u32,
    /// Suspicion when nobody looked.
    pub missing_suspicion: f64,
    /// Segments the lender does not serve.
    pub excluded_segments: Vec<String>,
}

/// How much: every rule gives an upper bound, the limit is the least of them, rounded downwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// Limit over verified receipts of 365 days.
    pub volume_share: f64,
    /// Limit over the receipts of the last 30 days taken to a year: a business that has shrunk is seen at once.
    pub recent_share: f64,
    /// "Collect more, borrow more": a concave curve beyond the anchor.
    pub growth: GrowthRules,
    /// What the business can pay back.
    pub capacity: CapacityRules,
    /// What it already owes.
    pub debt: DebtRules,
    /// Lines grow with time and with loans repaid.
    pub ladder: LadderRules,
    /// Share of the size left at a probability of default.
    pub risk_factor: Vec<Knot>,
    /// Share of the size left at a suspicion.
    pub suspicion_factor: Vec<Knot>,
    /// Share of the size given at a probability of being a merchant.
    pub merchant_factor: Vec<Knot>,
    /// Share of the size given at a number of distinct payers in 90 days: what a few friends can feign.
    pub payers_factor: Vec<Knot>,
    /// Share of the size given at a number of active days in 90.
    pub active_days_factor: Vec<Knot>,
    /// The most for one borrower, minor units.
    pub max_line_minor: i64,
    /// Less than this is not offered, minor units.
    pub min_line_minor: i64,
    /// Limits are whole multiples of this, minor units.
    pub rounding_minor: i64,
}

/// `anchor_limit × (receipts / anchor_receipts)^elasticity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrowthRules {
    /// Verified receipts of 365 days at the anchor, minor units.
    pub anchor_receipts_minor: i64,
    /// Limit at the anchor, minor units.
    pub anchor_limit_minor: i64,
    /// Per cent of limit for a per cent of receipts; 0.41 was measured at Alipay.
    pub elasticity: f64,
}

/// Principal with charges must fit a share of what will come in, seen from the low side.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{AccountKind, Applicant, Policy, PolicyRules, VerdictFacts, decide};
///
/// let mut stall = Applicant::new("noodle stall");
/// stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
/// stall.history_days = 420;
/// stall.receipts.verified_30_minor = 900_000;
/// stall.receipts.verified_90_minor = 2_600_000;
/// stall.receipts.verified_365_minor = 10_000_000;
/// stall.receipts.active_days_90 = 80;
/// stall.receipts.payers_90 = 220;
/// let on = "2026-11-23".parse().unwrap();
///
/// // 9,000.00 came in the last 30 days; half of that is expected to go on: 54,000.00 in 360 days. A quarter of it carries
/// // 12,053.57 and its charges of 12 %; three tenths carry 14,464.28. Limits are whole hundreds.
/// let limit = |rules| Policy::new(rules).map(|policy| decide(&stall, &policy, on).limit_minor());
/// assert_eq!(limit(PolicyRules::default())?, 1_200_000);
/// let mut bold = PolicyRules::default();
/// bold.limit.capacity.holdback_share = 0.30;
/// assert_eq!(limit(bold)?, 1_440_000);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapacityRules {
    /// Which quantile of the forecast total: low, since the mean is missed half of the time.
    pub quantile_level: f64,
    /// Share of receipts that can go into repayment.
    pub holdback_share: f64,
    /// Days over which the whole line must be repayable.
    pub term_days: u32,
    /// Charges over principal to leave room for.
    pub charge_share: f64,
    /// Without a forecast: the share of the last 30 days' receipts expected in the next 30.
    pub fallback_share: f64,
}

/// All debt together must fit a share of receipts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebtRules {
    /// Debt here and elsewhere over verified receipts of 365 days, at most.
    pub ceiling_share: f64,
    /// Debt elsewhere over verified receipts of 365 days when nobody knows.
    pub assumed_elsewhere_share: f64,
}

/// Lines grow with time and with loans repaid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LadderRules {
    /// Most at a number of days since the first receipt; values in minor units.
    pub tenure: Vec<Knot>,
    /// Most before any loan was repaid, minor units.
    pub first_line_minor: i64,
    /// Growth of that for every loan repaid on time; a late one takes back one step.
    pub growth_per_loan: f64,
    /// Steps that count.
    pub max_steps: u32,
    /// A line in force may grow at most by this share at once, but is always free to reach the first line.
    pub max_raise_share: f64,
}

/// A small line for a merchant with too little history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StarterRules {
    /// The most, minor units.
    pub max_line_minor: i64,
    /// Least verified receipts of 30 days, minor units.
    pub min_receipts_30_minor: i64,
    /// Least probability of being a merchant.
    pub min_merchant_probability: f64,
    /// Highest suspicion.
    pub max_suspicion: f64,
    /// Highest probability of default within a year: a starter is a trial that may cost more than it earns.
    pub max_default_probability: f64,
}

/// Cost of funds, expected loss, operating cost and margin, under caps.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{AccountKind, Applicant, Policy, PolicyRules, VerdictFacts, decide};
///
/// let mut stall = Applicant::new("noodle stall");
/// stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
/// stall.history_days = 420;
/// stall.receipts.verified_30_minor = 900_000;
/// stall.receipts.verified_90_minor = 2_600_000;
/// stall.receipts.verified_365_minor = 10_000_000;
/// stall.receipts.active_days_90 = 80;
/// stall.receipts.payers_90 = 220;
/// let on = "2026-11-23".parse().unwrap();
///
/// let rate = |rules| Policy::new(rules).map(|policy| decide(&stall, &policy, on).offer().map(|offer| offer.price.annual_rate));
/// assert_eq!(rate(PolicyRules::default())?, Some("13.68 %".parse()?));
/// // Two points less of margin are six steps of 0.36 % less of rate.
/// let mut modest = PolicyRules::default();
/// modest.price.margin -= 0.02;
/// assert_eq!(rate(modest)?, Some("11.52 %".parse()?));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceRules {
    /// Cost of funds a year.
    pub cost_of_funds: f64,
    /// Share of an exposure lost on default.
    pub loss_given_default: f64,
    /// Operating cost of a loan, minor units; 2.3 yuan was reported.
    pub operating_cost_minor: i64,
    /// Share of the line that an average drawdown takes.
    pub expected_draw_share: f64,
    /// Days an average drawdown is out; 50 was reported.
    pub expected_days: u32,
    /// Margin a year.
    pub margin: f64,
    /// Fee taken from each drawdown, as a share of it; counts in the disclosed rate.
    pub fee_share: f64,
    /// Lowest rate a year.
    pub min_annual_rate: f64,
    /// Highest disclosed rate a year of this lender; the law may be lower.
    pub max_annual_rate: f64,
    /// Rates are whole multiples of this.
    pub rate_step: f64,
    /// Rate by risk; empty prices every borrower by its own cost.
    pub bands: Vec<RateBand>,
    /// Whether to lend where the capped rate does not pay what the loan costs.
    pub lend_below_break_even: bool,
    /// Days in a year for turning the annual rate into the daily one.
    pub year_days: u32,
    /// Days an offer stands.
    pub offer_days: u32,
}

/// One step of a price list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateBand {
    /// For probabilities of default up to this.
    pub up_to_default_probability: f64,
    /// The annual rate.
    pub annual_rate: f64,
}

/// What a person must see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferRules {
    /// Lines from here up, minor units.
    pub line_from_minor: i64,
    /// Suspicion from here up.
    pub suspicion_from: f64,
    /// Probability of default from here up.
    pub default_probability_from: f64,
}

/// What the lender has left.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapitalRules {
    /// Left to commit, minor units; none is without end.
    pub available_minor: Option<i64>,
    /// This lender's share of every loan; the rest is its partner's.
    pub own_share: Option<f64>,
}

/// Caps of one segment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SegmentRules {
    /// The most for one borrower, minor units.
    pub max_line_minor: Option<i64>,
    /// Left to commit in the segment, minor units.
    pub available_minor: Option<i64>,
}

/// Which arm of which experiment, and how likely this arm was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentTag {
    /// The experiment.
    pub name: String,
    /// The arm this policy is.
    pub arm: String,
    /// Probability with which a merchant came into this arm, for weighting outcomes later.
    pub propensity: f64,
}

impl Default for PolicyRules {
    fn default() -> Self {
        Self {
            id: "default".to_owned(),
            version: 1,
            lender: "lender".to_owned(),
            currency: "CNY".to_owned(),
            scale: Scale::CENTS,
            legal: LegalPreset::None,
            eligibility: EligibilityRules::default(),
            limit: LimitRules::default(),
            starter: Some(StarterRules::default()),
            price: PriceRules::default(),
            refer: None,
            capital: CapitalRules::default(),
            segments: BTreeMap::new(),
            default_model: DefaultModel::default(),
            experiment: None,
        }
    }
}

impl PolicyRules {
    /// A rule of thumb to compare policies with: everybody with receipts gets the same line, whatever else is known.
    /// Gates that any lender keeps (not a merchant, overdue today) stay; price and costs are the default's.
    #[must_use]
    pub fn flat(limit_minor: i64) -> Self {
        let mut rules = Self::without_judgement("flat");
        rules.limit.growth.anchor_limit_minor = limit_minor;
        rules.limit.growth.elasticity = 0.0;
        rules.limit.volume_share = 10.0;
        rules
    }

    /// A rule of thumb to compare policies with: a share of a year's receipts, whatever else is known.
    #[must_use]
    pub fn share_of_receipts(share: f64) -> Self {
        let mut rules = Self::without_judgement("share of receipts");
        rules.limit.growth.anchor_limit_minor = 1_000_000_000_000_000;
        rules.limit.growth.anchor_receipts_minor = 1;
        rules.limit.volume_share = share;
        rules
    }

    fn without_judgement(id: &str) -> Self {
        let all = || knots(&[(0.0, 1.0)]);
        let mut rules = Self { id: id.to_owned(), starter: None, ..Self::default() };
        rules.eligibility.max_suspicion = 1.0;
        rules.eligibility.max_default_probability = 1.0;
        rules.eligibility.min_history_days = 0;
        rules.eligibility.min_active_days_90 = 0;
        rules.eligibility.min_receipts_365_minor = 0;
        let limit = &mut rules.limit;
        limit.recent_share = 10.0;
        limit.capacity.fallback_share = 1.0;
        limit.capacity.holdback_share = 1.0;
        limit.capacity.quantile_level = 1.0;
        limit.capacity.charge_share = 0.0;
        limit.capacity.term_days = 3_650;
        limit.debt.ceiling_share = 100.0;
        limit.debt.assumed_elsewhere_share = 0.0;
        limit.ladder.tenure = knots(&[(0.0, MAX_AMOUNT_MINOR as f64)]);
        limit.ladder.first_line_minor = MAX_AMOUNT_MINOR;
        limit.risk_factor = all();
        limit.suspicion_factor = all();
        limit.merchant_factor = all();
        limit.payers_factor = all();
        limit.active_days_factor = all();
        rules.price.lend_below_break_even = true;
        rules
    }
}

impl Default for EligibilityRules {
    fn default() -> Self {
        Self {
            min_merchant_probability: 0.5,
            max_suspicion: 0.6,
            max_default_probability: 0.20,
            max_days_past_due: 0,
            min_receipts_365_minor: 100_000,
            min_history_days: 30,
            min_active_days_90: 8,
            max_data_age_days: 14,
            missing_suspicion: 0.1,
            excluded_segments: Vec::new(),
        }
    }
}

fn knots(points: &[(f64, f64)]) -> Vec<Knot> {
    points.iter().map(|&(at, value)| Knot { at, value }).collect()
}

impl Default for LimitRules {
    fn default() -> Self {
        Self {
            volume_share: 0.20,
            recent_share: 0.20,
            growth: GrowthRules::default(),
            capacity: CapacityRules::default(),
            debt: DebtRules::default(),
            ladder: LadderRules::default(),
            risk_factor: knots(&[(0.02, 1.0), (0.05, 0.85), (0.10, 0.5), (0.20, 0.0)]),
            suspicion_factor: knots(&[(0.1, 1.0), (0.3, 0.6), (0.6, 0.0)]),
            merchant_factor: knots(&[(0.5, 0.0), (0.6, 0.4), (0.9, 1.0)]),
            payers_factor: knots(&[(2.0, 0.0), (8.0, 0.4), (30.0, 1.0)]),
            active_days_factor: knots(&[(4.0, 0.0), (12.0, 0.5), (40.0, 1.0)]),
            max_line_minor: 30_000_000,
            min_line_minor: 50_000,
            rounding_minor: 10_000,
        }
    }
}

impl Default for GrowthRules {
    fn default() -> Self {
        Self { anchor_receipts_minor: 10_000_000, anchor_limit_minor: 2_000_000, elasticity: 0.41 }
    }
}

impl Default for CapacityRules {
    fn default() -> Self {
        Self { quantile_level: 0.1, holdback_share: 0.25, term_days: 360, charge_share: 0.12, fallback_share: 0.5 }
    }
}

impl Default for DebtRules {
    fn default() -> Self {
        Self { ceiling_share: 0.25, assumed_elsewhere_share: 0.03 }
    }
}

impl Default for LadderRules {
    fn default() -> Self {
        Self {
            tenure: knots(&[(0.0, 50_000.0), (30.0, 200_000.0), (90.0, 1_000_000.0), (365.0, 30_000_000.0)]),
            first_line_minor: 2_000_000,
            growth_per_loan: 0.5,
            max_steps: 8,
            max_raise_share: 1.0,
        }
    }
}

impl Default for StarterRules {
    fn default() -> Self {
        Self {
            max_line_minor: 50_000,
            min_receipts_30_minor: 100_000,
            min_merchant_probability: 0.7,
            max_suspicion: 0.2,
            max_default_probability: 0.35,
        }
    }
}

impl Default for PriceRules {
    fn default() -> Self {
        Self {
            cost_of_funds: 0.035,
            loss_given_default: 0.65,
            operating_cost_minor: 230,
            expected_draw_share: 0.6,
            expected_days: 50,
            margin: 0.08,
            fee_share: 0.0,
            min_annual_rate: 0.06,
            max_annual_rate: 0.24,
            rate_step: 0.0036,
            bands: Vec::new(),
            lend_below_break_even: false,
            year_days: 360,
            offer_days: 30,
        }
    }
}

impl Default for ReferRules {
    fn default() -> Self {
        Self { line_from_minor: MAX_AMOUNT_MINOR, suspicion_from: 1.0, default_probability_from: 1.0 }
    }
}
