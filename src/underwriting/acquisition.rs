//! Whom to invite: accounts that look like merchants and have no receiving code yet.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rate::Probability;
use crate::underwriting::applicant::AccountKind;
use crate::underwriting::curve::{Curve, Direction, Knot, PPM, fraction, ppm, ratio_of, share_of};

/// An account that might be invited.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prospect {
    /// Its place in the caller's tables.
    pub account: u32,
    /// What kind of account it looks like.
    pub kind: AccountKind,
    /// Probability that it is a merchant.
    pub merchant_probability: Probability,
    /// Whether it already has a code.
    pub has_code: bool,
    /// Receipts of the last 90 days, minor units.
    pub receipts_90_minor: i64,
    /// Distinct payers of the last 90 days.
    pub payers_90: u32,
    /// Days of the last 90 with a receipt.
    pub active_days_90: u32,
    /// Suspicion from 0 to 1.
    pub suspicion: Probability,
    /// Merchants with a code among its counterparties: neighbours bring neighbours.
    pub neighbours_with_code: u32,
}

/// What an invitation is worth.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{AccountKind, AcquisitionConfig, Prospect, rank_prospects};
///
/// // 90,000.00 in a quarter are 365,000.00 a year: fees of 365.00, and 292.00 on the quarter in use of a line of 29,200.00.
/// // A merchant with 60 active days accepts one time in four: two years are worth 328.50, less 2.00 for asking.
/// let stall = Prospect {
///     account: 7,
///     kind: AccountKind::Merchant,
///     merchant_probability: Probability::new(1.0)?,
///     has_code: false,
///     receipts_90_minor: 9_000_000,
///     payers_90: 400,
///     active_days_90: 60,
///     suspicion: Probability::new(0.0)?,
///     neighbours_with_code: 0,
/// };
/// let value = |config: &AcquisitionConfig| rank_prospects(&[stall], config).map(|ranked| ranked[0].expected_value_minor);
/// assert_eq!(value(&AcquisitionConfig::default())?, 32_650);
/// assert_eq!(value(&AcquisitionConfig { years: 1.0, ..AcquisitionConfig::default() })?, 16_225);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcquisitionConfig {
    /// Earned on receipts through the code, as a share of them.
    pub fee_share: f64,
    /// Line expected over a year's receipts.
    pub line_share: f64,
    /// Share of the line in use on average.
    pub use_share: f64,
    /// Margin a year on money out.
    pub margin: f64,
    /// Cost of an invitation, minor units.
    pub invitation_cost_minor: i64,
    /// Probability of accepting by active days of 90; rising.
    pub accept_by_active_days: Vec<Knot>,
    /// Share added to that probability for each neighbour with a code, up to five.
    pub accept_per_neighbour: f64,
    /// Years a merchant stays.
    pub years: f64,
    /// Highest suspicion that is invited.
    pub max_suspicion: f64,
    /// Least probability of being a merchant that is invited.
    pub min_merchant_probability: f64,
}

impl Default for AcquisitionConfig {
    fn default() -> Self {
        Self {
            fee_share: 0.001,
            line_share: 0.08,
            use_share: 0.25,
            margin: 0.04,
            invitation_cost_minor: 200,
            accept_by_active_days: [(0.0, 0.02), (20.0, 0.10), (60.0, 0.25), (90.0, 0.30)]
                .map(|(at, value)| Knot { at, value })
                .to_vec(),
            accept_per_neighbour: 0.10,
            years: 2.0,
            max_suspicion: 0.3,
            min_merchant_probability: 0.5,
        }
    }
}

/// Why a prospect is worth inviting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteReason {
    /// Its receipts through a code would earn fees.
    Receipts,
    /// It could carry a line.
    Lending,
    /// It trades on most days, and such accounts accept.
    TradesDaily,
    /// Its neighbours have codes.
    Neighbours,
}

/// A prospect with its worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedProspect {
    /// The account.
    pub account: u32,
    /// Expected value of inviting it, minor units, cost taken off.
    pub expected_value_minor: i64,
    /// Probability that it is a merchant and accepts.
    pub success_probability: f64,
    /// What made the value, the largest first.
    pub reasons: Vec<InviteReason>,
}

/// The prospects worth inviting, the most valuable first; of equals, the smaller account number.
///
/// Expected value = P(merchant) × P(accepts) × years × (fees on a year's receipts + margin on the line in use) − cost.
/// Accounts with a code, of another kind, too suspicious or worth less than their invitation are left out.
///
/// # Errors
/// [`Error::is_invalid`] naming the field of the configuration.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{AccountKind, AcquisitionConfig, Prospect, rank_prospects};
///
/// let stall = Prospect {
///     account: 7,
///     kind: AccountKind::Merchant,
///     merchant_probability: Probability::new(0.9)?,
///     has_code: false,
///     receipts_90_minor: 2_500_000,
///     payers_90: 200,
///     active_days_90: 80,
///     suspicion: Probability::new(0.02)?,
///     neighbours_with_code: 3,
/// };
/// let served = Prospect { account: 8, has_code: true, ..stall };
/// let ranked = rank_prospects(&[stall, served], &AcquisitionConfig::default())?;
/// assert_eq!(ranked.len(), 1);
/// assert!(ranked[0].expected_value_minor > 5_000); // some 50 yuan
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn rank_prospects(prospects: &[Prospect], config: &AcquisitionConfig) -> Result<Vec<RankedProspect>> {
    for (name, value, most) in [
        ("fee_share", config.fee_share, 1.0),
        ("line_share", config.line_share, 10.0),
        ("use_share", config.use_share, 1.0),
        ("margin", config.margin, 10.0),
        ("invitation_cost_minor", config.invitation_cost_minor as f64, 1e12),
        ("accept_per_neighbour", config.accept_per_neighbour, 10.0),
        ("years", config.years, 100.0),
        ("max_suspicion", config.max_suspicion, 1.0),
        ("min_merchant_probability", config.min_merchant_probability, 1.0),
    ] {
        if !(0.0..=most).contains(&value) {
            return Err(Error::invalid(format!("acquisition.{name}"), value, format!("from 0 to {most}")));
        }
    }
    let name = "acquisition.accept_by_active_days";
    let accept = Curve::compile(name, &config.accept_by_active_days, 1.0, PPM as f64, Some(Direction::Rising))?;
    if accept.range().0 < 0 || accept.range().1 > PPM {
        return Err(Error::invalid(name, format!("{:?}", config.accept_by_active_days), "values from 0 to 1"));
    }
    let lending = config.line_share * config.use_share * config.margin;
    let mut ranked: Vec<RankedProspect> = prospects
        .iter()
        .filter(|prospect| {
            !prospect.has_code
                && matches!(prospect.kind, AccountKind::Merchant | AccountKind::Unknown)
                && prospect.suspicion.get() <= config.max_suspicion
                && prospect.merchant_probability.get() >= config.min_merchant_probability
        })
        .filter_map(|prospect| {
            let year = ratio_of(prospect.receipts_90_minor.max(0), 365, 90);
            let base = accept.eval(i64::from(prospect.active_days_90));
            let neighbours = i64::from(prospect.neighbours_with_code.min(5));
            let lift = share_of(base, ppm(config.accept_per_neighbour) * neighbours);
            let accepts = (base + lift).min(PPM);
            let success = share_of(accepts, ppm(prospect.merchant_probability.get()));
            let worth = |share: f64| share_of(share_of(year, ppm(share * config.years)), success);
            let (fees, credit) = (worth(config.fee_share), worth(lending));
            let value = fees.saturating_add(credit).saturating_sub(config.invitation_cost_minor);
            if value <= 0 {
                return None;
            }
            let daily = if prospect.active_days_90 >= 60 { (fees + credit) / 2 } else { 0 };
            let neighbourly = if base > 0 { ratio_of(fees + credit, lift, base + lift) } else { 0 };
            let mut parts = [
                (fees, InviteReason::Receipts),
                (credit, InviteReason::Lending),
                (daily, InviteReason::TradesDaily),
                (neighbourly, InviteReason::Neighbours),
            ];
            parts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            let reasons = parts.iter().filter(|(part, _)| *part > 0).map(|(_, reason)| *reason).collect();
            Some(RankedProspect {
                account: prospect.account,
                expected_value_minor: value,
                success_probability: fraction(success),
                reasons,
            })
        })
        .collect();
    ranked.sort_by(|a, b| b.expected_value_minor.cmp(&a.expected_value_minor).then(a.account.cmp(&b.account)));
    Ok(ranked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prospect(account: u32, receipts_90_minor: i64) -> Prospect {
        Prospect {
            account,
            kind: AccountKind::Merchant,
            merchant_probability: Probability::new(0.9).unwrap(),
            has_code: false,
            receipts_90_minor,
            payers_90: 100,
            active_days_90: 70,
            suspicion: Probability::new(0.05).unwrap(),
            neighbours_with_code: 0,
        }
    }

    #[test]
    fn more_receipts_more_neighbours_and_surer_merchants_come_first() {
        let plain = prospect(0, 2_000_000);
        let larger = prospect(1, 4_000_000);
        let neighbourly = Prospect { account: 2, neighbours_with_code: 5, ..plain };
        let unsure = Prospect { account: 3, merchant_probability: Probability::new(0.6).unwrap(), ..plain };
        let ranked = rank_prospects(&[unsure, plain, neighbourly, larger], &AcquisitionConfig::default()).unwrap();
        assert_eq!(ranked.iter().map(|prospect| prospect.account).collect::<Vec<_>>(), [1, 2, 0, 3]);
        assert!(ranked[1].reasons.contains(&InviteReason::Neighbours));
        assert!(ranked[2].reasons.contains(&InviteReason::Receipts));
    }

    #[test]
    fn who_has_a_code_or_washes_or_is_worth_nothing_is_left_out() {
        let plain = prospect(0, 2_000_000);
        let out = [
            Prospect { has_code: true, ..plain },
            Prospect { kind: AccountKind::PassThrough, ..plain },
            Prospect { suspicion: Probability::new(0.5).unwrap(), ..plain },
            prospect(1, 100),
            prospect(2, -5),
        ];
        assert!(rank_prospects(&out, &AcquisitionConfig::default()).unwrap().is_empty());
        let config = AcquisitionConfig { years: f64::NAN, ..AcquisitionConfig::default() };
        assert!(rank_prospects(&out, &config).unwrap_err().to_string().starts_with("acquisition.years"));
    }
}
