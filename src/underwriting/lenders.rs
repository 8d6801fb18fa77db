//! A thousand lenders looking at one merchant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::underwriting::applicant::Applicant;
use crate::underwriting::compiled::Policy;
use crate::underwriting::curve::{PPM, ratio_of};
use crate::underwriting::decide::{DecisionRow, OutcomeKind, assess};
use crate::underwriting::sizing::Facts;

/// Many lenders' policies, ready to look at a merchant one after another.
///
/// Policies that share a default model (most of a platform's lenders do) score it once per merchant.
#[derive(Debug, Clone)]
pub struct LenderPanel {
    policies: Vec<Policy>,
    /// For each policy, its model among the distinct ones.
    model_of: Vec<u32>,
    /// A policy that holds each distinct model.
    models: Vec<u32>,
}

/// What one lender of a panel would do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LenderQuote {
    /// The lender, by its place in the panel.
    pub lender: u32,
    /// Its decision.
    pub row: DecisionRow,
}

impl LenderQuote {
    /// The line that needs no person's word, minor units.
    #[must_use]
    pub fn line_minor(&self) -> i64 {
        if self.row.outcome == OutcomeKind::Referred { 0 } else { self.row.limit_minor }
    }
}

/// What a merchant would choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// The lowest rate among lines that cover what is wanted; when none does, the largest line. Wanted is what the
    /// applicant asked for, or the least line on offer.
    #[default]
    CoverThenRate,
    /// The largest line, the lower rate at equal size.
    LargestLine,
    /// The lowest rate, the larger line at equal rate.
    LowestRate,
}

impl LenderPanel {
    /// The panel of `policies`, in their order.
    ///
    /// # Errors
    /// [`Error::is_conflict`] when two policies name the same lender.
    pub fn new(policies: Vec<Policy>) -> Result<Self> {
        let mut places: BTreeMap<(&str, i64), u32> = BTreeMap::new();
        let mut lenders: BTreeMap<&str, usize> = BTreeMap::new();
        let mut model_of = Vec::with_capacity(policies.len());
        let mut models = Vec::new();
        for (index, policy) in policies.iter().enumerate() {
            let lender = policy.rules().lender.as_str();
            if let Some(before) = lenders.insert(lender, index) {
                let rule = format!("policies {before} and {index} are of the same lender");
                return Err(Error::conflict("lender", lender, rule));
            }
            let key = (policy.compiled.model_digest.as_str(), policy.compiled.minor_per_major);
            let place = *places.entry(key).or_insert_with(|| {
                models.push(index as u32);
                models.len() as u32 - 1
            });
            model_of.push(place);
        }
        Ok(Self { policies, model_of, models })
    }

    /// The policies, in their order.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// What every lender would do, in the order of the panel.
    #[must_use]
    pub fn quotes(&self, applicant: &Applicant, as_of: Date) -> Vec<LenderQuote> {
        let mut quotes = Vec::new();
        self.quotes_into(applicant, as_of, &mut quotes);
        quotes
    }

    /// As [`quotes`](Self::quotes), into a buffer that is cleared first.
    pub fn quotes_into(&self, applicant: &Applicant, as_of: Date, quotes: &mut Vec<LenderQuote>) {
        let facts = Facts::new(applicant, as_of);
        let risks: Vec<i64> = self
            .models
            .iter()
            .map(|&policy| {
                let compiled = &self.policies[policy as usize].compiled;
                let score = || compiled.model.probability_ppm(&facts.row(compiled.minor_per_major));
                facts.given_risk.unwrap_or_else(score)
            })
            .collect();
        quotes.clear();
        quotes.extend(self.policies.iter().zip(&self.model_of).enumerate().map(|(lender, (policy, &model))| {
            let row = assess(&facts, policy, risks[model as usize]).row();
            LenderQuote { lender: lender as u32, row }
        }));
    }

    /// The quote the merchant would choose; none when nobody lends. Of equals, the earlier lender.
    #[must_use]
    pub fn best(&self, applicant: &Applicant, as_of: Date, preference: Preference) -> Option<LenderQuote> {
        best_quote(&self.quotes(applicant, as_of), applicant.requested_minor.unwrap_or(0), preference)
    }
}

/// The quote a merchant who wants `wanted_minor` would choose; of equals, the earlier.
///
/// ```
/// use dandelion_credit::underwriting::{DecisionRow, LenderQuote, LimitRule, OutcomeKind, Preference, best_quote};
///
/// let quote = |lender, limit_minor, disclosed_rate_ppm| LenderQuote {
///     lender,
///     row: DecisionRow {
///         outcome: OutcomeKind::Approved, limit_minor, annual_rate_ppm: 0, disclosed_rate_ppm, margin_ppm: 0,
///         default_probability_ppm: 0, binding: LimitRule::Lender,
///     },
/// };
/// // 5,000.00 at 10 %, 9,000.00 at 12 %, 7,000.00 at 11 %; 6,000.00 are wanted.
/// let quotes = [quote(0, 500_000, 100_000), quote(1, 900_000, 120_000), quote(2, 700_000, 110_000)];
/// let best = |preference| best_quote(&quotes, 600_000, preference).unwrap().lender;
/// assert_eq!(best(Preference::CoverThenRate), 2);
/// assert_eq!(best(Preference::LargestLine), 1);
/// assert_eq!(best(Preference::LowestRate), 0);
/// ```
#[must_use]
pub fn best_quote(quotes: &[LenderQuote], wanted_minor: i64, preference: Preference) -> Option<LenderQuote> {
    let offers = quotes.iter().filter(|quote| quote.line_minor() > 0);
    let rank = |quote: &LenderQuote| {
        let (line, rate) = (quote.line_minor(), quote.row.disclosed_rate_ppm);
        match preference {
            Preference::LargestLine => (0, -line, rate),
            Preference::LowestRate => (0, rate, -line),
            Preference::CoverThenRate if line >= wanted_minor => (0, rate, -line),
            Preference::CoverThenRate => (1, -line, rate),
        }
    };
    offers.min_by_key(|quote| (rank(quote), quote.lender)).copied()
}

/// One lender's part of a line carried by several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JointPart {
    /// The lender, by its place in the panel.
    pub lender: u32,
    /// Its part, minor units.
    pub part_minor: i64,
    /// Its disclosed rate, parts per million.
    pub rate_ppm: i64,
}

/// A line carried by several lenders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JointLine {
    /// The parts, adding up to the line.
    pub parts: Vec<JointPart>,
    /// The line, minor units.
    pub line_minor: i64,
    /// The rate of all together by their parts, parts per million, upwards.
    pub rate_ppm: i64,
}

/// Lenders a joint line may have at most.
const MOST_PARTNERS: usize = 3;
/// Quotes that are tried for it, the cheapest and the largest.
const TRIED: usize = 24;

/// Joins up to three lenders to one line of `wanted_minor` at the lowest common rate, when each carries at least
/// `min_share` of it (30 % by the Chinese notice of 2021 on co-funded internet loans) and none more than its own quote.
///
/// Searches all pairs and triples of the 24 cheapest and the 24 largest quotes, so the result is the best among those.
///
/// # Errors
/// [`Error::is_invalid`] unless the share is from 0 to 1 and the amount above zero.
///
/// ```
/// use dandelion_credit::underwriting::{DecisionRow, LenderQuote, LimitRule, OutcomeKind, joint_line};
///
/// let quote = |lender, limit_minor, disclosed_rate_ppm| LenderQuote {
///     lender,
///     row: DecisionRow {
///         outcome: OutcomeKind::Approved, limit_minor, annual_rate_ppm: 0, disclosed_rate_ppm, margin_ppm: 0,
///         default_probability_ppm: 0, binding: LimitRule::Lender,
///     },
/// };
/// let quotes = [quote(0, 600_000, 100_000), quote(1, 500_000, 120_000), quote(2, 900_000, 150_000)];
/// // 10,000.00 of which nobody carries less than 30 %: 6,000.00 at 10 % and 4,000.00 at 12 % are 10.8 % together.
/// let line = joint_line(&quotes, 1_000_000, 0.30)?.unwrap();
/// assert_eq!(line.parts.iter().map(|part| (part.lender, part.part_minor)).collect::<Vec<_>>(), [(0, 600_000), (1, 400_000)]);
/// assert_eq!(line.rate_ppm, 108_000);
/// assert_eq!(joint_line(&quotes, 3_000_000, 0.30)?, None); // more than all three together
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn joint_line(quotes: &[LenderQuote], wanted_minor: i64, min_share: f64) -> Result<Option<JointLine>> {
    if !(0.0..=1.0).contains(&min_share) {
        return Err(Error::invalid("least share", min_share, "from 0 to 1"));
    }
    if wanted_minor <= 0 {
        return Err(Error::invalid("wanted amount", wanted_minor, "above zero"));
    }
    let least = {
        let exact = i128::from(wanted_minor) * i128::from(crate::underwriting::curve::ppm(min_share));
        ((exact + i128::from(PPM) - 1) / i128::from(PPM)) as i64
    };
    let mut offers: Vec<LenderQuote> =
        quotes.iter().filter(|quote| quote.line_minor() >= least.max(1)).copied().collect();
    offers.sort_by_key(|quote| (quote.row.disclosed_rate_ppm, quote.lender));
    let mut tried: Vec<LenderQuote> = offers.iter().take(TRIED).copied().collect();
    offers.sort_by_key(|quote| (-quote.line_minor(), quote.lender));
    tried.extend(offers.iter().take(TRIED).copied());
    tried.sort_by_key(|quote| (quote.row.disclosed_rate_ppm, quote.lender));
    tried.dedup_by_key(|quote| quote.lender);

    let mut best: Option<JointLine> = None;
    let mut consider = |chosen: &[LenderQuote]| {
        if let Some(line) = join(chosen, wanted_minor, least)
            && best.as_ref().is_none_or(|best| (line.rate_ppm, line.parts.len()) < (best.rate_ppm, best.parts.len()))
        {
            best = Some(line);
        }
    };
    for first in 0..tried.len() {
        consider(&tried[first..=first]);
        for second in first + 1..tried.len() {
            consider(&[tried[first], tried[second]]);
            for third in second + 1..tried.len() {
                consider(&[tried[first], tried[second], tried[third]]);
            }
        }
    }
    debug_assert!(best.as_ref().is_none_or(|line| line.parts.len() <= MOST_PARTNERS));
    Ok(best)
}

/// The cheapest split among `chosen`, which are in order of rate: everybody's least part, the rest to the cheapest first.
fn join(chosen: &[LenderQuote], wanted: i64, least: i64) -> Option<JointLine> {
    let least = if chosen.len() == 1 { 0 } else { least };
    let mut left = wanted.checked_sub(least.checked_mul(chosen.len() as i64)?)?;
    if left < 0 {
        return None;
    }
    let mut parts = Vec::with_capacity(chosen.len());
    for quote in chosen {
        let more = left.min(quote.line_minor() - least);
        left -= more;
        let part = JointPart { lender: quote.lender, part_minor: least + more, rate_ppm: quote.row.disclosed_rate_ppm };
        parts.push(part);
    }
    if left > 0 {
        return None;
    }
    parts.retain(|part| part.part_minor > 0);
    let weighted: i128 = parts.iter().map(|part| i128::from(part.part_minor) * i128::from(part.rate_ppm)).sum();
    let rate_ppm = ((weighted + i128::from(wanted) - 1) / i128::from(wanted)) as i64;
    Some(JointLine { parts, line_minor: wanted, rate_ppm })
}

/// Expected profit of a quoted line over one average drawdown, minor units: what an allocation weighs lenders' offers by.
///
/// ```
/// use dandelion_credit::underwriting::{
///     DecisionRow, LenderQuote, LimitRule, OutcomeKind, Policy, expected_profit_minor,
/// };
///
/// let row = DecisionRow {
///     outcome: OutcomeKind::Approved, limit_minor: 1_000_000, annual_rate_ppm: 180_000, disclosed_rate_ppm: 182_500,
///     margin_ppm: 73_000, default_probability_ppm: 20_000, binding: LimitRule::Capacity,
/// };
/// // The default policy expects 60 % of 10,000.00 to be out for 50 days: 6,000.00 × 7.3 % × 50 ÷ 365 is 60.00.
/// assert_eq!(expected_profit_minor(&LenderQuote { lender: 0, row }, &Policy::default()), 6_000);
/// ```
#[must_use]
pub fn expected_profit_minor(quote: &LenderQuote, policy: &Policy) -> i64 {
    let price = &policy.rules().price;
    let draw = ratio_of(quote.line_minor(), policy.compiled.draw_share, PPM);
    let yearly = i128::from(draw) * i128::from(quote.row.margin_ppm);
    (yearly * i128::from(price.expected_days) / (i128::from(PPM) * 365)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::underwriting::sizing::LimitRule;

    fn quote(lender: u32, line: i64, rate: i64) -> LenderQuote {
        let outcome = if line > 0 { OutcomeKind::Approved } else { OutcomeKind::Declined };
        let row = DecisionRow {
            outcome,
            limit_minor: line,
            annual_rate_ppm: rate,
            disclosed_rate_ppm: rate,
            margin_ppm: 0,
            default_probability_ppm: 0,
            binding: LimitRule::Lender,
        };
        LenderQuote { lender, row }
    }

    #[test]
    fn the_merchant_gets_what_it_prefers() {
        let quotes = [quote(0, 0, 0), quote(1, 500, 100), quote(2, 900, 120), quote(3, 700, 110), quote(4, 900, 120)];
        let best = |wanted, preference| best_quote(&quotes, wanted, preference).unwrap().lender;
        assert_eq!(best(0, Preference::CoverThenRate), 1);
        assert_eq!(best(600, Preference::CoverThenRate), 3);
        assert_eq!(best(5_000, Preference::CoverThenRate), 2);
        assert_eq!(best(0, Preference::LargestLine), 2);
        assert_eq!(best(0, Preference::LowestRate), 1);
        assert_eq!(best_quote(&quotes[..1], 0, Preference::LargestLine), None);
    }

    #[test]
    fn joint_lines_add_up_at_the_lowest_common_rate() {
        let quotes = [quote(0, 600, 100_000), quote(1, 500, 120_000), quote(2, 900, 150_000)];
        let line = joint_line(&quotes, 1_000, 0.3).unwrap().unwrap();
        assert_eq!(
            line.parts.iter().map(|part| (part.lender, part.part_minor)).collect::<Vec<_>>(),
            [(0, 600), (1, 400)]
        );
        assert_eq!(line.rate_ppm, 108_000);
        // Nobody alone, and together only with all three.
        let line = joint_line(&quotes, 1_900, 0.2).unwrap().unwrap();
        assert_eq!(line.parts.iter().map(|part| part.part_minor).sum::<i64>(), 1_900);
        assert_eq!(line.parts.len(), 3);
        assert_eq!(joint_line(&quotes, 2_001, 0.2).unwrap(), None);
        assert_eq!(joint_line(&quotes, 1_900, 0.3).unwrap(), None, "0.3 of 1,900 is more than the second may carry");
        assert!(joint_line(&quotes, 0, 0.3).is_err() && joint_line(&quotes, 1, f64::NAN).is_err());
    }

    #[test]
    fn a_lender_is_named_once() {
        let error = LenderPanel::new(vec![Policy::default(), Policy::default()]).unwrap_err();
        assert!(error.is_conflict());
    }
}
