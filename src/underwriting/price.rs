//! At what price: cost of funds, expected loss, operating cost and margin, under the caps of the law.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::rate::{AnnualRate, DailyRate};
use crate::underwriting::compiled::Policy;
use crate::underwriting::curve::{PPM, ppm, share_of};
use crate::underwriting::legal::LegalCaps;

/// How a rate was made. Every part is parts per million a year of the money that is out, over 365 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceParts {
    /// What the money costs the lender.
    pub cost_of_funds_ppm: i64,
    /// What defaults take: probability × loss given default.
    pub expected_loss_ppm: i64,
    /// What handling a loan costs, over the average drawdown and its days.
    pub operating_ppm: i64,
    /// What those who default no longer pay, spread over those who do not.
    pub survival_ppm: i64,
    /// The rate at which the lender neither earns nor loses: the sum of the parts above, exactly.
    pub break_even_ppm: i64,
    /// What the disclosed rate leaves above break-even; negative when a cap lies below it.
    pub margin_ppm: i64,
    /// The drawdown the parts were reckoned with, minor units.
    pub average_draw_minor: i64,
    /// Its days.
    pub average_days: u32,
    /// The cap on the disclosed rate: the law's or the lender's, whichever is lower.
    pub cap_ppm: i64,
    /// Whether the cap held the rate below break-even and the policy's margin.
    pub capped: bool,
}

/// What an approved merchant may do, and at what price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Nominal rate a year over the policy's `year_days`.
    pub annual_rate: AnnualRate,
    /// The same a day, rounded down at the tenth decimal.
    pub daily_rate: DailyRate,
    /// Yearly rate over 365 days with the fee counted in, on money actually out: the figure to disclose.
    pub disclosed_annual_rate: AnnualRate,
    /// Fee on each drawdown, parts per million of it.
    pub fee_ppm: i64,
    /// How it was made.
    pub parts: PriceParts,
}

/// A price in whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    pub nominal_ppm: i64,
    pub disclosed_ppm: i64,
    pub parts: PriceParts,
    /// Whether the price list has a band for the risk; without a list it has.
    pub listed: bool,
}

fn clamp(wide: i128) -> i64 {
    wide.clamp(0, i128::from(i64::MAX)) as i64
}

/// The price of a line of `limit` to a merchant whose probability of default is `risk`.
pub(crate) fn quote(policy: &Policy, limit: i64, risk: i64, caps: &LegalCaps) -> Quote {
    let (compiled, rules) = (&policy.compiled, &policy.rules().price);
    let days = rules.expected_days;
    let draw = share_of(limit, compiled.draw_share).max(1);
    let expected_loss_ppm = share_of(risk, compiled.loss_given_default);
    let money_days = i128::from(draw) * i128::from(days);
    let operating_wide = i128::from(rules.operating_cost_minor) * i128::from(PPM) * 365;
    let operating_ppm = clamp((operating_wide + money_days - 1) / money_days);
    let plain = i128::from(compiled.cost_of_funds) + i128::from(expected_loss_ppm) + i128::from(operating_ppm);
    // A loan defaults within its days with this probability; only the others pay the rate.
    let within = (i128::from(risk) * i128::from(days) / 365).min(i128::from(PPM) * 99 / 100);
    let survivors = i128::from(PPM) - within;
    let break_even = clamp((plain * i128::from(PPM) + survivors - 1) / survivors);
    let survival_ppm = clamp(i128::from(break_even) - plain);

    let year_days = i128::from(rules.year_days);
    let fee_year = clamp((i128::from(compiled.fee) * 365 + i128::from(days) - 1) / i128::from(days));
    let legal_cap = caps.max_annual_rate.map_or(i64::MAX, ppm);
    let cap = compiled.max_rate.min(legal_cap);
    let nominal_of = |disclosed: i64| clamp(i128::from(disclosed) * year_days / 365);
    let top = nominal_of((cap - fee_year).max(0));
    let (wanted, listed) = if compiled.bands.is_empty() {
        let required = break_even.saturating_add(compiled.margin);
        (nominal_of((required - fee_year).max(0)), true)
    } else {
        let band = compiled.bands.iter().find(|(up_to, _)| risk <= *up_to);
        let last = compiled.bands.last().map_or(0, |(_, rate)| *rate);
        (band.map_or(last, |(_, rate)| *rate), band.is_some())
    };
    let step = compiled.rate_step;
    let stepped = wanted.saturating_add(step - 1) / step * step;
    let nominal_ppm = stepped.max(compiled.min_rate).min(top - top % step).max(0);
    let disclosed_ppm = clamp((i128::from(nominal_ppm) * 365 + year_days - 1) / year_days).saturating_add(fee_year);
    Quote {
        nominal_ppm,
        disclosed_ppm,
        listed,
        parts: PriceParts {
            cost_of_funds_ppm: compiled.cost_of_funds,
            expected_loss_ppm,
            operating_ppm,
            survival_ppm,
            break_even_ppm: break_even,
            margin_ppm: disclosed_ppm.saturating_sub(break_even),
            average_draw_minor: draw,
            average_days: days,
            cap_ppm: cap,
            capped: stepped > top - top % step,
        },
    }
}

impl Quote {
    /// Whether the lender may ask the rate and at least breaks even by it, or does not mind.
    pub fn pays(&self, policy: &Policy) -> bool {
        (self.parts.margin_ppm >= 0 || policy.rules().price.lend_below_break_even)
            && self.disclosed_ppm <= self.parts.cap_ppm
            && self.listed
    }

    /// The price people read.
    pub fn price(&self, policy: &Policy) -> Result<Price> {
        let annual = Decimal::new(self.nominal_ppm, 6);
        let year_days = Decimal::from(policy.rules().price.year_days);
        let daily = (annual / year_days).round_dp_with_strategy(10, rust_decimal::RoundingStrategy::ToZero);
        Ok(Price {
            annual_rate: AnnualRate::from_fraction(annual)?,
            daily_rate: DailyRate::from_fraction(daily)?,
            disclosed_annual_rate: AnnualRate::from_fraction(Decimal::new(self.disclosed_ppm.min(9_999 * PPM), 6))?,
            fee_ppm: policy.compiled.fee,
            parts: self.parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::underwriting::legal::LegalPreset;
    use crate::underwriting::policy::{PolicyRules, RateBand};

    fn policy(change: impl Fn(&mut PolicyRules)) -> Policy {
        let mut rules = PolicyRules::default();
        change(&mut rules);
        Policy::new(rules).unwrap()
    }

    fn caps(preset: LegalPreset) -> LegalCaps {
        preset.caps_on("2026-11-23".parse().unwrap())
    }

    #[test]
    fn the_reported_loan_breaks_even_at_the_reported_rate() {
        let policy = policy(|rules| {
            rules.price.cost_of_funds = 0.0;
            rules.price.expected_draw_share = 1.0;
        });
        let quote = quote(&policy, 761_500, 0, &caps(LegalPreset::None));
        // 2.3 yuan over 7,615 yuan for 50 days: 0.2205 % a year.
        assert_eq!(quote.parts.break_even_ppm, 2_205);
    }

    #[test]
    fn parts_add_up_and_risk_never_makes_it_cheaper() {
        let policy = policy(|_| {});
        let mut before = 0;
        for risk in (0..=400_000).step_by(500) {
            let quote = quote(&policy, 800_000, risk, &caps(LegalPreset::None));
            let parts = quote.parts;
            let sum = parts.cost_of_funds_ppm + parts.expected_loss_ppm + parts.operating_ppm + parts.survival_ppm;
            assert_eq!(sum, parts.break_even_ppm);
            assert!(quote.nominal_ppm >= before && quote.disclosed_ppm <= parts.cap_ppm);
            assert_eq!(quote.pays(&policy), parts.break_even_ppm <= quote.disclosed_ppm);
            before = quote.nominal_ppm;
        }
    }

    #[test]
    fn the_law_caps_the_disclosed_rate_with_the_fee_in_it() {
        let policy = policy(|rules| {
            rules.legal = LegalPreset::ChinaPrivateLender;
            rules.price.fee_share = 0.01;
        });
        let quote = quote(&policy, 800_000, 200_000, &caps(LegalPreset::ChinaPrivateLender));
        assert!(quote.disclosed_ppm <= 154_000 && quote.parts.capped);
        // The fee of 1 % for 50 days is 7.3 % a year, so little is left for interest.
        assert!(quote.nominal_ppm <= 81_000);
        assert!(!quote.pays(&policy));
    }

    #[test]
    fn price_lists_are_read_by_risk() {
        let policy = policy(|rules| {
            let band = |p, annual_rate| RateBand { up_to_default_probability: p, annual_rate };
            rules.price.bands = vec![band(0.02, 0.108), band(0.05, 0.144), band(0.10, 0.18)];
        });
        let rate = |risk| quote(&policy, 800_000, risk, &caps(LegalPreset::None));
        assert_eq!(rate(20_000).nominal_ppm, 108_000);
        assert_eq!(rate(20_001).nominal_ppm, 144_000);
        assert!(rate(100_000).listed && !rate(100_001).listed);
        let price = rate(100_000).price(&policy).unwrap();
        assert_eq!(price.daily_rate.as_fraction().to_string(), "0.0005");
        assert_eq!(price.disclosed_annual_rate.to_string(), "18.25 %");
    }
}
