//! A policy checked, digested and turned into whole numbers.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::underwriting::curve::{Curve, Direction, Knot, PPM, PowerCurve, ppm};
use crate::underwriting::form::check_policy;
use crate::underwriting::legal::LegalCaps;
use crate::underwriting::policy::PolicyRules;
use crate::underwriting::risk::CompiledModel;

/// A checked policy: what [`decide`](crate::underwriting::decide) takes.
///
/// Building one checks every field, joins the curves and takes the digest, once; deciding then cannot fail. It serialises
/// as its [`PolicyRules`] and checks them again when read.
///
/// ```
/// use dandelion_credit::underwriting::Policy;
///
/// let policy = Policy::from_json(r#"{ "id": "bank 7", "limit": { "volume_share": 0.08 } }"#)?;
/// assert_eq!(policy.rules().limit.volume_share, 0.08);
/// assert_eq!(policy.rules().limit.growth.elasticity, 0.41);
///
/// let error = Policy::from_json(r#"{ "limit": { "volume_share": "much" } }"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"policy.limit.volume_share is "much": a number from 0 to 10"#);
/// let error = Policy::from_json(r#"{ "limit": { "volume_shar": 0.1 } }"#).unwrap_err();
/// assert!(error.to_string().starts_with("field volume_shar of policy.limit is not known"));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "PolicyRules")]
pub struct Policy {
    rules: PolicyRules,
    digest: String,
    pub(crate) compiled: Compiled,
}

/// The whole numbers behind a [`Policy`]: money in minor units, fractions in parts per million.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    pub minor_per_major: i64,
    pub legal: Vec<(i32, LegalCaps)>,
    pub min_merchant: i64,
    pub max_suspicion: i64,
    pub max_risk: i64,
    pub missing_suspicion: i64,
    pub volume_share: i64,
    pub recent_share: i64,
    pub growth: PowerCurve,
    pub quantile: i64,
    pub holdback: i64,
    pub charge: i64,
    pub fallback: i64,
    pub debt_ceiling: i64,
    pub assumed_elsewhere: i64,
    pub tenure: Curve,
    pub first_lines: Vec<i64>,
    pub max_raise: i64,
    pub risk_factor: Curve,
    pub suspicion_factor: Curve,
    pub merchant_factor: Curve,
    pub payers_factor: Curve,
    pub active_days_factor: Curve,
    pub starter_merchant: i64,
    pub starter_suspicion: i64,
    pub starter_risk: i64,
    pub refer_suspicion: i64,
    pub refer_risk: i64,
    pub own_share: i64,
    pub cost_of_funds: i64,
    pub loss_given_default: i64,
    pub draw_share: i64,
    pub margin: i64,
    pub fee: i64,
    pub min_rate: i64,
    pub max_rate: i64,
    pub rate_step: i64,
    pub bands: Vec<(i64, i64)>,
    pub model: CompiledModel,
    pub model_digest: String,
}

pub(crate) fn digest_of(value: &impl Serialize) -> String {
    // Serialising plain data of this crate cannot fail; an empty digest would be seen at once.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    hex(&Sha256::digest(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

impl Policy {
    /// Checks `rules` and makes them ready.
    ///
    /// # Errors
    /// [`Error::is_invalid`] naming the field that is out of range, or the two that contradict each other.
    pub fn new(rules: PolicyRules) -> Result<Self> {
        let value = serde_json::to_value(&rules).map_err(|error| Error::invalid("policy", error, "JSON"))?;
        check_policy(&value)?;
        let compiled = compile(&rules)?;
        let digest = digest_of(&rules);
        Ok(Self { rules, digest, compiled })
    }

    /// Reads a JSON policy; absent fields take their defaults.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when it is not JSON or a value is out of range, [`Error::is_unknown`] for a field that does
    /// not exist; both name the field.
    pub fn from_json(text: &str) -> Result<Self> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| Error::invalid("policy", error, "JSON"))?;
        Self::try_from(value)
    }

    /// The policy's fields.
    #[must_use]
    pub fn rules(&self) -> &PolicyRules {
        &self.rules
    }

    /// SHA-256 of the policy's canonical JSON, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl Default for Policy {
    fn default() -> Self {
        // The defaults are checked by a test of this file.
        Self::new(PolicyRules::default()).unwrap_or_else(|error| unreachable!("the default policy is valid: {error}"))
    }
}

impl TryFrom<serde_json::Value> for Policy {
    type Error = Error;

    fn try_from(value: serde_json::Value) -> Result<Self> {
        check_policy(&value)?;
        let rules = serde_json::from_value(value).map_err(|error| Error::invalid("policy", error, "a policy"))?;
        Self::new(rules)
    }
}

impl From<Policy> for PolicyRules {
    fn from(policy: Policy) -> Self {
        policy.rules
    }
}

fn factor(name: &str, knots: &[Knot], unit: f64, direction: Direction) -> Result<Curve> {
    Curve::compile(&format!("policy.limit.{name}"), knots, unit, PPM as f64, Some(direction))
}

fn compile(rules: &PolicyRules) -> Result<Compiled> {
    use Direction::{Falling, Rising};
    let (limit, price) = (&rules.limit, &rules.price);
    let code = &rules.currency;
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::invalid("policy.currency", code, "three capital letters"));
    }
    if limit.min_line_minor > limit.max_line_minor {
        let rule = format!("at most max_line_minor, {}", limit.max_line_minor);
        return Err(Error::invalid("policy.limit.min_line_minor", limit.min_line_minor, rule));
    }
    if price.min_annual_rate > price.max_annual_rate {
        let rule = format!("at most max_annual_rate, {}", price.max_annual_rate);
        return Err(Error::invalid("policy.price.min_annual_rate", price.min_annual_rate, rule));
    }
    for (index, pair) in price.bands.windows(2).enumerate() {
        if pair[0].up_to_default_probability >= pair[1].up_to_default_probability
            || pair[0].annual_rate > pair[1].annual_rate
        {
            let name = format!("policy.price.bands[{}]", index + 1);
            let shown = format!("up to {} at {}", pair[1].up_to_default_probability, pair[1].annual_rate);
            return Err(Error::invalid(name, shown, "above the band before it, and no cheaper"));
        }
    }
    let ladder = &limit.ladder;
    let growth = PPM + ppm(ladder.growth_per_loan);
    let mut first_lines = vec![ladder.first_line_minor];
    for _ in 0..ladder.max_steps {
        let grown = i128::from(first_lines[first_lines.len() - 1]) * i128::from(growth) / i128::from(PPM);
        first_lines.push(grown.min(i128::from(limit.max_line_minor.max(ladder.first_line_minor))) as i64);
    }
    let starter = rules.starter.as_ref();
    let refer = rules.refer.as_ref();
    Ok(Compiled {
        minor_per_major: rules.scale.minor_per_major(),
        legal: rules.legal.by_day(),
        min_merchant: ppm(rules.eligibility.min_merchant_probability),
        max_suspicion: ppm(rules.eligibility.max_suspicion),
        max_risk: ppm(rules.eligibility.max_default_probability),
        missing_suspicion: ppm(rules.eligibility.missing_suspicion),
        volume_share: ppm(limit.volume_share),
        recent_share: ppm(limit.recent_share),
        growth: PowerCurve::new(
            limit.growth.anchor_receipts_minor,
            limit.growth.anchor_limit_minor,
            limit.growth.elasticity,
        ),
        quantile: ppm(limit.capacity.quantile_level),
        holdback: ppm(limit.capacity.holdback_share),
        charge: ppm(limit.capacity.charge_share),
        fallback: ppm(limit.capacity.fallback_share),
        debt_ceiling: ppm(limit.debt.ceiling_share),
        assumed_elsewhere: ppm(limit.debt.assumed_elsewhere_share),
        tenure: Curve::compile("policy.limit.ladder.tenure", &ladder.tenure, 1.0, 1.0, Some(Rising))?,
        first_lines,
        max_raise: ppm(ladder.max_raise_share),
        risk_factor: factor("risk_factor", &limit.risk_factor, PPM as f64, Falling)?,
        suspicion_factor: factor("suspicion_factor", &limit.suspicion_factor, PPM as f64, Falling)?,
        merchant_factor: factor("merchant_factor", &limit.merchant_factor, PPM as f64, Rising)?,
        payers_factor: factor("payers_factor", &limit.payers_factor, 1.0, Rising)?,
        active_days_factor: factor("active_days_factor", &limit.active_days_factor, 1.0, Rising)?,
        starter_merchant: starter.map_or(PPM + 1, |starter| ppm(starter.min_merchant_probability)),
        starter_suspicion: starter.map_or(-1, |starter| ppm(starter.max_suspicion)),
        starter_risk: starter.map_or(-1, |starter| ppm(starter.max_default_probability)),
        refer_suspicion: refer.map_or(i64::MAX, |refer| ppm(refer.suspicion_from)),
        refer_risk: refer.map_or(i64::MAX, |refer| ppm(refer.default_probability_from)),
        own_share: ppm(rules.capital.own_share.unwrap_or(1.0)),
        cost_of_funds: ppm(price.cost_of_funds),
        loss_given_default: ppm(price.loss_given_default),
        draw_share: ppm(price.expected_draw_share),
        margin: ppm(price.margin),
        fee: ppm(price.fee_share),
        min_rate: ppm(price.min_annual_rate),
        max_rate: ppm(price.max_annual_rate),
        rate_step: ppm(price.rate_step),
        bands: price.bands.iter().map(|band| (ppm(band.up_to_default_probability), ppm(band.annual_rate))).collect(),
        model: CompiledModel::new(&rules.default_model).map_err(|error| error.at("policy"))?,
        model_digest: digest_of(&rules.default_model),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::underwriting::policy::RateBand;

    #[test]
    fn the_default_policy_is_valid_and_reads_back() {
        let policy = Policy::default();
        let text = serde_json::to_string(&policy).unwrap();
        let back: Policy = serde_json::from_str(&text).unwrap();
        assert_eq!(policy, back);
        assert_eq!(policy.digest(), back.digest());
        assert_eq!(policy.digest().len(), 64);
        let same = Policy::from_json("{}").unwrap();
        assert_eq!(same.digest(), policy.digest());
    }

    #[test]
    fn a_changed_field_changes_the_digest() {
        let mut rules = PolicyRules::default();
        rules.limit.rounding_minor += 1;
        assert_ne!(Policy::new(rules).unwrap().digest(), Policy::default().digest());
    }

    #[test]
    fn bad_policies_are_refused_by_field() {
        let broken = |change: fn(&mut PolicyRules)| {
            let mut rules = PolicyRules::default();
            change(&mut rules);
            Policy::new(rules).unwrap_err().to_string()
        };
        assert_eq!(
            broken(|rules| rules.limit.volume_share = f64::NAN),
            "policy.limit.volume_share is null: a number from 0 to 10"
        );
        assert!(broken(|rules| rules.limit.max_line_minor = -1).starts_with("policy.limit.max_line_minor is -1"));
        assert!(broken(|rules| rules.limit.min_line_minor = 40_000_000).contains("at most max_line_minor"));
        assert!(broken(|rules| rules.currency = "yuan".into()).starts_with("policy.currency"));
        assert!(broken(|rules| rules.limit.risk_factor.clear()).starts_with("policy.limit.risk_factor"));
        assert!(broken(|rules| rules.limit.risk_factor.reverse()).starts_with("policy.limit.risk_factor[1].at"));
        assert!(broken(|rules| rules.limit.payers_factor[2].value = 0.1).contains("payers_factor[2].value"));
        assert!(broken(|rules| rules.default_model.terms[0].knots.clear()).contains("default_model.terms[0].knots"));
        assert!(
            broken(|rules| {
                let band = |p, annual_rate| RateBand { up_to_default_probability: p, annual_rate };
                rules.price.bands = vec![band(0.1, 0.2), band(0.1, 0.3)];
            })
            .starts_with("policy.price.bands[1]")
        );
        assert!(Policy::from_json("[]").is_err());
        assert!(Policy::from_json(r#"{"scale":9}"#).unwrap_err().to_string().starts_with("policy.scale is 9"));
        assert!(Policy::from_json(r#"{"legal":"atlantis"}"#).unwrap_err().to_string().contains("china_bank"));
        assert!(serde_json::from_str::<Policy>(r#"{"limit":{"nope":1}}"#).is_err());
    }
}
