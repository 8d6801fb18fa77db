//! One policy against another on outcomes that are known.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::parallel;
use crate::underwriting::applicant::Applicant;
use crate::underwriting::compiled::Policy;
use crate::underwriting::curve::PPM;
use crate::underwriting::decide::{OutcomeKind, decide_row};

/// A case whose end is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BacktestCase {
    /// The merchant as it was.
    pub applicant: Applicant,
    /// The day of the decision.
    pub as_of: Date,
    /// What the merchant wanted to draw, minor units; a drawdown is the smaller of this and the line.
    pub demand_minor: i64,
    /// Days the drawdown was out, or would have been.
    pub days: u32,
    /// Whether it was not paid back.
    pub defaulted: bool,
    /// Share recovered after a default.
    pub recovered_share: f64,
    /// Probability with which the case came into the data (an experiment's propensity); 1 when all did. Cases count by its
    /// inverse.
    pub propensity: f64,
}

/// How uncertainty is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BacktestConfig {
    /// Resamples of the cases, 20 to 100,000.
    pub resamples: u32,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Seed of the resampling.
    pub seed: u64,
}

impl Default for BacktestConfig {
    fn default() -> Self {
        Self { resamples: 1_000, confidence: 0.95, seed: 310 }
    }
}

/// A figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure on the cases as they are.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What a policy would have come to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PolicyOutcome {
    /// Cases with a line, weighted.
    pub approved: f64,
    /// Of those, cases that defaulted, weighted.
    pub bad: f64,
    /// Lines granted, minor units.
    pub lines_minor: f64,
    /// Drawn, minor units.
    pub drawn_minor: f64,
    /// Interest and fees, minor units.
    pub income_minor: f64,
    /// Lost on defaults, minor units.
    pub loss_minor: f64,
    /// Income less losses, cost of funds and operating cost, minor units.
    pub profit_minor: f64,
}

impl PolicyOutcome {
    /// Share of approved cases that defaulted.
    #[must_use]
    pub fn bad_rate(&self) -> Option<f64> {
        (self.approved > 0.0).then(|| self.bad / self.approved)
    }

    /// Loss over money drawn.
    #[must_use]
    pub fn loss_rate(&self) -> Option<f64> {
        (self.drawn_minor > 0.0).then(|| self.loss_minor / self.drawn_minor)
    }

    fn add(&mut self, other: &Self, weight: f64) {
        self.approved += weight * other.approved;
        self.bad += weight * other.bad;
        self.lines_minor += weight * other.lines_minor;
        self.drawn_minor += weight * other.drawn_minor;
        self.income_minor += weight * other.income_minor;
        self.loss_minor += weight * other.loss_minor;
        self.profit_minor += weight * other.profit_minor;
    }
}

/// Cases that the two policies treat alike or not.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SwapCell {
    /// Cases, weighted.
    pub cases: f64,
    /// Of those, cases that defaulted, weighted.
    pub bad: f64,
    /// Profit under the policy that lends, minor units; under the challenger where both do.
    pub profit_minor: f64,
}

/// Who is swapped in and out.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SwapSet {
    /// Both lend.
    pub both: SwapCell,
    /// The challenger lends, the champion does not.
    pub swapped_in: SwapCell,
    /// The champion lends, the challenger does not.
    pub swapped_out: SwapCell,
    /// Neither lends.
    pub neither: SwapCell,
}

/// One policy against another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// The policy in force.
    pub champion: PolicyOutcome,
    /// The policy tried.
    pub challenger: PolicyOutcome,
    /// Who is swapped.
    pub swap: SwapSet,
    /// Profit of the challenger less the champion's, minor units.
    pub profit_gain_minor: Estimate,
    /// Loss over money drawn of the challenger less the champion's; none when one of them lends nothing.
    pub loss_rate_gain: Option<Estimate>,
    /// Bad rate of the challenger less the champion's; none when one of them approves nobody.
    pub bad_rate_gain: Option<Estimate>,
}

/// What one policy makes of one case.
fn outcome(case: &BacktestCase, policy: &Policy) -> PolicyOutcome {
    let row = decide_row(&case.applicant, policy, case.as_of);
    let limit = if row.outcome == OutcomeKind::Referred { 0 } else { row.limit_minor };
    if limit == 0 {
        return PolicyOutcome::default();
    }
    let price = &policy.rules().price;
    let drawn = case.demand_minor.clamp(0, limit) as f64;
    let years = f64::from(case.days) / 365.0;
    let rate = row.disclosed_rate_ppm as f64 / PPM as f64;
    // Who defaults pays neither interest nor, but for what is recovered, principal.
    let (income, loss) =
        if case.defaulted { (0.0, drawn * (1.0 - case.recovered_share)) } else { (drawn * rate * years, 0.0) };
    let handling = if drawn > 0.0 { price.operating_cost_minor as f64 } else { 0.0 };
    PolicyOutcome {
        approved: 1.0,
        bad: f64::from(u8::from(case.defaulted)),
        lines_minor: limit as f64,
        drawn_minor: drawn,
        income_minor: income,
        loss_minor: loss,
        profit_minor: income - loss - drawn * price.cost_of_funds * years - handling,
    }
}

/// Cases in a chunk.
const CHUNK: usize = 4_096;

/// Runs two policies over cases whose end is known.
///
/// A drawdown under another line than the one in the record is the smaller of the demand and the line; whether the case
/// defaults is taken as recorded, so a test of much larger lines than were ever given leans on that. Intervals are
/// percentiles of a Poisson bootstrap over cases (each resample counts a case 0, 1, 2… times), the same on any number of
/// threads.
///
/// # Errors
/// [`Error::is_invalid`] naming the case when a share or propensity is out of range, or the configuration is.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{
///     AccountKind, Applicant, BacktestCase, BacktestConfig, Policy, PolicyRules, VerdictFacts, backtest,
/// };
///
/// let case = |defaulted| -> dandelion_credit::Result<BacktestCase> {
///     let merchant_probability = Probability::new(0.97)?;
///     let mut applicant = Applicant::new("stall");
///     applicant.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability });
///     applicant.receipts.verified_30_minor = 900_000;
///     applicant.receipts.verified_90_minor = 2_600_000;
///     applicant.receipts.verified_365_minor = 10_000_000;
///     let as_of = "2026-11-23".parse().unwrap();
///     Ok(BacktestCase { applicant, as_of, demand_minor: 1_000_000, days: 50, defaulted, recovered_share: 0.25, propensity: 1.0 })
/// };
/// let cases = [case(false)?, case(false)?, case(false)?, case(true)?];
/// // Lines of 2,000.00 and of 4,000.00 for everybody: the one default loses three quarters of what was drawn.
/// let flat = |minor| Policy::new(PolicyRules::flat(minor));
/// let result = backtest(&cases, &flat(200_000)?, &flat(400_000)?, &BacktestConfig::default())?;
/// assert_eq!((result.champion.loss_minor, result.challenger.loss_minor), (150_000.0, 300_000.0));
/// assert_eq!((result.swap.both.cases, result.challenger.bad_rate()), (4.0, Some(0.25)));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn backtest(
    cases: &[BacktestCase],
    champion: &Policy,
    challenger: &Policy,
    config: &BacktestConfig,
) -> Result<Backtest> {
    check(cases, config)?;
    let pairs: Vec<[PolicyOutcome; 2]> = parallel::map_chunks(cases.len(), CHUNK, |range| {
        cases[range].iter().map(|case| [outcome(case, champion), outcome(case, challenger)]).collect::<Vec<_>>()
    })
    .concat();
    let weights: Vec<f64> = cases.iter().map(|case| 1.0 / case.propensity).collect();

    let mut swap = SwapSet::default();
    for ((case, pair), weight) in cases.iter().zip(&pairs).zip(&weights) {
        let cell = match (pair[0].approved > 0.0, pair[1].approved > 0.0) {
            (true, true) => &mut swap.both,
            (false, true) => &mut swap.swapped_in,
            (true, false) => &mut swap.swapped_out,
            (false, false) => &mut swap.neither,
        };
        let lends = if pair[1].approved > 0.0 { &pair[1] } else { &pair[0] };
        cell.cases += weight;
        cell.bad += weight * f64::from(u8::from(case.defaulted));
        cell.profit_minor += weight * lends.profit_minor;
    }

    let totals = |counts: &dyn Fn(usize) -> f64| {
        let mut both = [PolicyOutcome::default(); 2];
        for (index, pair) in pairs.iter().enumerate() {
            let weight = weights[index] * counts(index);
            if weight > 0.0 {
                both[0].add(&pair[0], weight);
                both[1].add(&pair[1], weight);
            }
        }
        both
    };
    let plain = totals(&|_| 1.0);
    let resampled = parallel::map_chunks(config.resamples as usize, 8, |range| {
        range
            .map(|resample| {
                let seed = mix(config.seed ^ mix(resample as u64 + 1));
                totals(&|index| f64::from(poisson_one(mix(seed ^ mix(index as u64)))))
            })
            .collect::<Vec<_>>()
    })
    .concat();
    let estimate = |figure: &dyn Fn(&[PolicyOutcome; 2]) -> Option<f64>| {
        let value = figure(&plain)?;
        let mut drawn: Vec<f64> = resampled.iter().filter_map(figure).collect();
        drawn.sort_by(f64::total_cmp);
        let tail = (1.0 - config.confidence) / 2.0;
        let at = |p: f64| drawn.get((p * (drawn.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(value);
        Some(Estimate { value, low: at(tail), high: at(1.0 - tail) })
    };
    let gain = estimate(&|both| Some(both[1].profit_minor - both[0].profit_minor));
    Ok(Backtest {
        champion: plain[0],
        challenger: plain[1],
        swap,
        profit_gain_minor: gain.unwrap_or(Estimate { value: 0.0, low: 0.0, high: 0.0 }),
        loss_rate_gain: estimate(&|both| Some(both[1].loss_rate()? - both[0].loss_rate()?)),
        bad_rate_gain: estimate(&|both| Some(both[1].bad_rate()? - both[0].bad_rate()?)),
    })
}

fn check(cases: &[BacktestCase], config: &BacktestConfig) -> Result<()> {
    if !(20..=100_000).contains(&config.resamples) {
        return Err(Error::invalid("backtest.resamples", config.resamples, "20 to 100,000"));
    }
    if !(0.5..1.0).contains(&config.confidence) {
        return Err(Error::invalid("backtest.confidence", config.confidence, "from 0.5 to below 1"));
    }
    for (index, case) in cases.iter().enumerate() {
        if !(0.0..=1.0).contains(&case.recovered_share) {
            return Err(Error::invalid(format!("case {index}: recovered_share"), case.recovered_share, "from 0 to 1"));
        }
        if !(1e-6..=1.0).contains(&case.propensity) {
            return Err(Error::invalid(format!("case {index}: propensity"), case.propensity, "from 0.000001 to 1"));
        }
    }
    Ok(())
}

/// SplitMix64's output function: every bit of the result depends on every bit of the input.
const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A Poisson draw of mean one from 64 random bits.
fn poisson_one(bits: u64) -> u32 {
    /// P(N <= n) for n = 0..=12.
    const CUMULATIVE: [f64; 13] = {
        let mut table = [0.0; 13];
        let mut probability = 0.367_879_441_171_442_33;
        let mut sum = 0.0;
        let mut n = 0;
        while n < 13 {
            sum += probability;
            table[n] = sum;
            n += 1;
            probability /= n as f64;
        }
        table
    };
    let uniform = (bits >> 11) as f64 / (1u64 << 53) as f64;
    CUMULATIVE.partition_point(|&cumulative| cumulative <= uniform) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Probability;
    use crate::underwriting::applicant::{AccountKind, VerdictFacts};
    use crate::underwriting::policy::PolicyRules;

    /// Merchants whose true risk rises as receipts fall; every tenth is suspicious and defaults often.
    fn cases(count: u64) -> Vec<BacktestCase> {
        (0..count)
            .map(|index| {
                let bits = mix(index);
                let year = 2_000_000 + (bits % 20_000_000) as i64;
                let washed = index % 10 == 0;
                let mut applicant = Applicant::new(format!("{index}"));
                applicant.verdict = Some(VerdictFacts {
                    kind: AccountKind::Merchant,
                    merchant_probability: Probability::new(0.95).unwrap(),
                });
                applicant.history_days = 400;
                applicant.receipts.verified_365_minor = year;
                applicant.receipts.verified_90_minor = year / 4;
                applicant.receipts.verified_30_minor = year / 12;
                applicant.receipts.active_days_90 = 75;
                applicant.receipts.payers_90 = 150;
                applicant.suspicion = Probability::new(if washed { 0.7 } else { 0.05 }).ok();
                let risk = if washed { 0.5 } else { 0.02 };
                BacktestCase {
                    applicant,
                    as_of: "2026-01-01".parse().unwrap(),
                    demand_minor: 1_000_000,
                    days: 50,
                    defaulted: (mix(index + 77) % 1_000) as f64 / 1_000.0 < risk,
                    recovered_share: 0.3,
                    propensity: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn a_policy_that_looks_at_suspicion_beats_one_that_does_not() {
        let blind = Policy::new(PolicyRules::share_of_receipts(0.1)).unwrap();
        let result = backtest(&cases(3_000), &blind, &Policy::default(), &BacktestConfig::default()).unwrap();
        assert!(result.profit_gain_minor.low > 0.0, "{:?}", result.profit_gain_minor);
        assert!(result.loss_rate_gain.unwrap().high < 0.0);
        let swap = result.swap;
        assert_eq!(swap.both.cases + swap.swapped_in.cases + swap.swapped_out.cases + swap.neither.cases, 3_000.0);
        assert_eq!(swap.swapped_out.cases, 300.0);
        assert!(swap.swapped_out.bad / swap.swapped_out.cases > 10.0 * swap.both.bad / swap.both.cases);
        let in_interval = |estimate: Estimate| estimate.low <= estimate.value && estimate.value <= estimate.high;
        assert!(in_interval(result.profit_gain_minor) && in_interval(result.bad_rate_gain.unwrap()));
    }

    #[test]
    fn a_policy_against_itself_gains_nothing_and_seeds_repeat() {
        let policy = Policy::default();
        let result = backtest(&cases(300), &policy, &policy, &BacktestConfig::default()).unwrap();
        assert_eq!(result.profit_gain_minor, Estimate { value: 0.0, low: 0.0, high: 0.0 });
        assert_eq!(result.champion, result.challenger);
        let again = backtest(&cases(300), &policy, &policy, &BacktestConfig::default()).unwrap();
        assert_eq!(result, again);
    }

    #[test]
    fn half_the_propensity_counts_twice() {
        let policy = Policy::default();
        let mut half = cases(100);
        half.iter_mut().for_each(|case| case.propensity = 0.5);
        let config = BacktestConfig::default();
        let one = backtest(&cases(100), &policy, &policy, &config).unwrap().champion;
        let two = backtest(&half, &policy, &policy, &config).unwrap().champion;
        assert_eq!(two.approved, 2.0 * one.approved);
        half[3].propensity = 0.0;
        let error = backtest(&half, &policy, &policy, &config).unwrap_err();
        assert!(error.to_string().starts_with("case 3: propensity is 0"));
    }

    #[test]
    fn the_intervals_cover_as_often_as_they_say() {
        // The mean profit of a policy on fresh samples, against the interval of each sample.
        let blind = Policy::new(PolicyRules::share_of_receipts(0.1)).unwrap();
        let config = BacktestConfig { resamples: 200, confidence: 0.8, ..BacktestConfig::default() };
        let all = cases(20_000);
        let truth = backtest(&all, &blind, &Policy::default(), &BacktestConfig { resamples: 20, ..config.clone() })
            .unwrap()
            .profit_gain_minor
            .value
            / 50.0;
        let covered = all
            .chunks(400)
            .filter(|sample| {
                let gain = backtest(sample, &blind, &Policy::default(), &config).unwrap().profit_gain_minor;
                gain.low <= truth && truth <= gain.high
            })
            .count();
        // 50 samples at 80 %: 40 expected, 5 standard deviations below is 26.
        assert!((28..=49).contains(&covered), "{covered} of 50");
    }

    #[test]
    fn poisson_draws_have_mean_and_variance_one() {
        let draws: Vec<f64> = (0..100_000u64).map(|index| f64::from(poisson_one(mix(index)))).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.015 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }
}
