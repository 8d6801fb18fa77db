//! Internal rates: every rate at which cash flows are worth nothing.
//!
//! With s = ln(1 + r) the present value is Σ aᵢ·exp(−tᵢ·s), a Dirichlet polynomial. By Descartes' rule it has at most as
//! many real roots as the amounts in order of time change sign (Jameson, "Counting zeros of generalised polynomials", The
//! Mathematical Gazette 90, 2006). One change: exactly one root, found by Newton's method inside a bracket. More: multiplied
//! by exp(c·s) with c between the times of a change, the derivative has one change fewer, so its roots, found the same way,
//! cut the line into pieces on which the value is monotone; each piece holds at most one root.

use crate::calendar::{Date, DayCount, epoch_day};
use crate::elementary::{exp, exp_m1, ln, ln_1p};
use crate::error::{Error, Result};

/// An amount on a date; paid out negative, received positive (or the other way round: only the change of sign matters).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatedAmount {
    /// When.
    pub date: Date,
    /// How much, in any one unit.
    pub amount: f64,
}

/// An amount at a time in years (or in any unit of time the rate shall be per).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedAmount {
    /// When.
    pub years: f64,
    /// How much, in any one unit.
    pub amount: f64,
}

/// The rates at which cash flows are worth nothing, lowest first; a rate is above −1.
#[derive(Debug, Clone, PartialEq)]
pub enum RateSolution {
    /// No rate: the flows are all of one sign, or worth more (or less) than nothing at every rate.
    None,
    /// One rate and no other.
    One(f64),
    /// Several rates, none more right than another.
    Several(Vec<f64>),
}

impl TimedAmount {
    /// What it is worth at time nought, at a log rate.
    fn worth(&self, log: f64) -> f64 {
        self.amount * exp(-self.years * log)
    }
}

impl RateSolution {
    fn of(rates: Vec<f64>) -> Self {
        match rates[..] {
            [] => Self::None,
            [rate] => Self::One(rate),
            _ => Self::Several(rates),
        }
    }

    /// All of them.
    #[must_use]
    pub fn rates(&self) -> &[f64] {
        match self {
            Self::None => &[],
            Self::One(rate) => std::slice::from_ref(rate),
            Self::Several(rates) => rates,
        }
    }

    /// The only one, or nothing when there is none or more than one.
    #[must_use]
    pub const fn only(&self) -> Option<f64> {
        match self {
            Self::One(rate) => Some(*rate),
            Self::None | Self::Several(_) => None,
        }
    }

    /// The one nearest to `guess`, as spreadsheets choose.
    #[must_use]
    pub fn nearest(&self, guess: f64) -> Option<f64> {
        self.rates().iter().copied().min_by(|a, b| (a - guess).abs().total_cmp(&(b - guess).abs()))
    }
}

/// The internal rate a period of amounts one period apart, the first now (IRR).
///
/// # Errors
/// [`Error::is_invalid`] for an amount that is not finite; [`Error::is_unsupported`] as
/// [`internal_rate_by_times`].
///
/// ```
/// use dandelion_credit::loan::{RateSolution, internal_rate};
///
/// let rate = internal_rate(&[-100.0, 39.0, 59.0, 55.0, 20.0])?.only().unwrap();
/// assert!((rate - 0.280_948_421_16).abs() < 1e-11);
/// let both = internal_rate(&[-100.0, 230.0, -132.0])?; // 10 % and 20 %
/// assert!(matches!(both, RateSolution::Several(ref rates) if (rates[1] - 0.2).abs() < 1e-12));
/// assert_eq!(internal_rate(&[100.0, 5.0])?, RateSolution::None);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn internal_rate(amounts: &[f64]) -> Result<RateSolution> {
    let flows = amounts.iter().enumerate().map(|(period, &amount)| TimedAmount { years: period as f64, amount });
    rates_of(flows.collect())
}

/// The effective internal rate a year of dated amounts (XIRR), in any order.
///
/// # Errors
/// As [`internal_rate`], and what the day count asks for.
///
/// ```
/// use dandelion_credit::calendar::DayCount;
/// use dandelion_credit::loan::{DatedAmount, internal_rate_by_dates};
///
/// let flows = [("2008-01-01", -10_000.0), ("2008-03-01", 2_750.0), ("2008-10-30", 4_250.0), ("2009-02-15", 3_250.0), ("2009-04-01", 2_750.0)]
///     .map(|(date, amount)| DatedAmount { date: date.parse().unwrap(), amount });
/// let rate = internal_rate_by_dates(&flows, DayCount::Actual365Fixed)?.only().unwrap();
/// assert!((rate - 0.373_362_535).abs() < 1e-8);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn internal_rate_by_dates(flows: &[DatedAmount], day_count: DayCount) -> Result<RateSolution> {
    let Some(first) = flows.iter().map(|flow| flow.date).min() else { return Ok(RateSolution::None) };
    let first_day = epoch_day(first);
    let years = |date: Date| -> Result<f64> {
        match day_count {
            DayCount::Actual365Fixed => Ok(f64::from(epoch_day(date) - first_day) / 365.0),
            _ => Ok(day_count.fraction(first, date)?.as_f64()),
        }
    };
    let mut timed = Vec::with_capacity(flows.len());
    for flow in flows {
        timed.push(TimedAmount { years: years(flow.date)?, amount: flow.amount });
    }
    rates_of(timed)
}

// A revolving account paid down and drawn again every week for years changes sign a few hundred times.
const MAX_CHANGES: usize = 1_000;
const MAX_EXACT_CHANGES: usize = 40;

/// The internal rate per unit of time of amounts at any times, in any order.
///
/// All rates above −1 are found while the amounts change sign up to 40 times; beyond that, those that a fine net of rates
/// tells apart.
///
/// # Errors
/// [`Error::is_invalid`] for a time or amount that is not finite; [`Error::is_unsupported`] beyond 1,000 changes of sign.
///
/// # Complexity
/// Linear in the amounts for one change of sign; for k changes k² times that.
///
/// ```
/// use dandelion_credit::loan::{RateSolution, TimedAmount, internal_rate_by_times};
///
/// // 100 lent, 121 back after two years: 10 % a year. Money that only goes out has no rate.
/// let lent = TimedAmount { years: 0.0, amount: -100.0 };
/// let back = TimedAmount { years: 2.0, amount: 121.0 };
/// let RateSolution::One(rate) = internal_rate_by_times(&[lent, back])? else { panic!("one rate") };
/// assert!((rate - 0.10).abs() < 1e-9);
/// assert_eq!(internal_rate_by_times(&[lent])?, RateSolution::None);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn internal_rate_by_times(flows: &[TimedAmount]) -> Result<RateSolution> {
    rates_of(flows.to_vec())
}

fn rates_of(flows: Vec<TimedAmount>) -> Result<RateSolution> {
    for flow in &flows {
        if !flow.amount.is_finite() || !flow.years.is_finite() {
            let text = format!("{} at {}", flow.amount, flow.years);
            return Err(Error::invalid("cash flow", text, "a finite amount at a finite time"));
        }
    }
    let polynomial = Polynomial::of(flows);
    let changes = polynomial.changes().count();
    if changes > MAX_CHANGES {
        let text = format!("{changes} changes of sign, more than {MAX_CHANGES}");
        return Err(Error::unsupported("cash flows", text));
    }
    let is_rate = |rate: &f64| rate.is_finite() && *rate > -1.0;
    if changes == 1
        && let Some(rate) = polynomial.only_root().map(exp_m1).filter(is_rate)
    {
        return Ok(RateSolution::One(rate));
    }
    let logs = polynomial.roots(MAX_EXACT_CHANGES);
    Ok(RateSolution::of(logs.into_iter().map(exp_m1).filter(is_rate).collect()))
}

/// Σ aᵢ·exp(−tᵢ·s), times rising from nought, no two alike, no amount zero.
#[derive(Debug, Clone)]
struct Polynomial {
    terms: Vec<TimedAmount>,
}

impl Polynomial {
    fn of(mut terms: Vec<TimedAmount>) -> Self {
        if !terms.is_sorted_by(|a, b| a.years <= b.years) {
            terms.sort_by(|a, b| a.years.total_cmp(&b.years));
        }
        terms.dedup_by(|later, earlier| {
            let together = later.years == earlier.years;
            if together {
                earlier.amount += later.amount;
            }
            together
        });
        let first = terms.first().map_or(0.0, |term| term.years);
        terms.retain(|term| term.amount != 0.0);
        terms.iter_mut().for_each(|term| term.years -= first);
        Self { terms }
    }

    /// The indices after which the sign changes.
    fn changes(&self) -> impl Iterator<Item = usize> + '_ {
        let differ = |pair: &[TimedAmount]| (pair[0].amount < 0.0) != (pair[1].amount < 0.0);
        self.terms.windows(2).enumerate().filter(move |(_, pair)| differ(pair)).map(|(index, _)| index)
    }

    fn span(&self) -> f64 {
        self.terms.last().map_or(0.0, |term| term.years)
    }

    fn gross(&self) -> f64 {
        self.terms.iter().map(|term| term.amount.abs()).sum()
    }

    fn value_and_slope(&self, log: f64) -> (f64, f64) {
        self.terms.iter().fold((0.0, 0.0), |(value, slope), term| {
            let worth = term.worth(log);
            (value + worth, slope - term.years * worth)
        })
    }

    /// The value scaled by a positive factor so that nothing overflows: only its sign and its zeros mean anything.
    fn scaled(&self, log: f64) -> f64 {
        let shift = if log >= 0.0 { 0.0 } else { self.span() };
        self.terms.iter().map(|term| term.amount * exp((shift - term.years) * log)).sum()
    }

    /// The root of one change of sign, if it is found at once.
    ///
    /// Solves ln(received / paid) = 0, which is nearly straight in the log rate: its derivatives are the differences between
    /// the two sides' cumulants of time. From no interest at all, where a step needs no exponentials, three of them are
    /// taken; after that two (Halley's step, which triples the correct digits).
    fn only_root(&self) -> Option<f64> {
        let span = self.span();
        let mut log = Sides::of(self, |term| term.amount).first_step();
        for _ in 0..24 {
            let (step, gap) = Sides::of(self, |term| term.worth(log)).step();
            if !step.is_finite() || step.abs() > 4.0 {
                return None;
            }
            log += step;
            // What is left is below step·(step·span²/gap)².
            if step.abs() * span * span <= 1e-5 * gap.abs() {
                return Some(log);
            }
        }
        None
    }

    /// All roots, rising.
    fn roots(&self, exact_changes: usize) -> Vec<f64> {
        let changes: Vec<usize> = self.changes().collect();
        let Some(&change) = changes.get(changes.len() / 2) else { return Vec::new() };
        // Far enough out the first or the last amount outweighs all others.
        let bound = self.bound();
        let mut cuts = vec![-bound];
        if changes.len() > exact_changes {
            const NET: i32 = 4_096;
            cuts.extend((1 - NET..NET).map(|i| {
                // Finer towards nought, where rates are.
                let share = f64::from(i) / f64::from(NET);
                share * share.abs() * bound
            }));
        } else if changes.len() > 1 {
            let pivot = self.terms[change].years.midpoint(self.terms[change + 1].years);
            let weigh = |term: &TimedAmount| TimedAmount { amount: term.amount * (pivot - term.years), ..*term };
            let derivative = Self { terms: self.terms.iter().map(weigh).collect() };
            cuts.extend(derivative.roots(exact_changes));
        }
        cuts.push(bound);
        let mut found: Vec<f64> = Vec::new();
        for pair in cuts.windows(2) {
            if let Some(root) = self.root_between(pair[0], pair[1])
                && found.last().is_none_or(|&last| root - last > 1e-12 * root.abs().max(1.0))
            {
                found.push(root);
            }
        }
        found
    }

    /// A log rate beyond which, either way, there are no roots: |a| of the end times the gap's growth outweighs the rest.
    fn bound(&self) -> f64 {
        let [first, second, ..] = self.terms[..] else { return 0.0 };
        let [.., before, last] = self.terms[..] else { return 0.0 };
        let head = ln(self.gross() / first.amount.abs()) / (second.years - first.years);
        let tail = ln(self.gross() / last.amount.abs()) / (last.years - before.years);
        // Rates above e^700 and discounts below it are no rates.
        (head.max(tail) + 1.0).min(700.0)
    }

    /// The root in a piece where the value is monotone, by regula falsi with halving (Illinois).
    fn root_between(&self, low: f64, high: f64) -> Option<f64> {
        let (mut a, mut b) = (low, high);
        let (mut fa, mut fb) = (self.scaled(a), self.scaled(b));
        let gross = self.gross();
        if fa == 0.0 {
            return Some(a);
        }
        if (fa < 0.0) == (fb < 0.0) && fb != 0.0 {
            // A double root touches nought without crossing.
            let touches = |value: f64, log: f64| value.abs() <= 1e-15 * gross && log.abs() < 40.0;
            return touches(fb, b).then_some(b).or(touches(fa, a).then_some(a));
        }
        for turn in 0..200 {
            if (b - a).abs() <= 2e-16 * a.abs().max(b.abs()).max(1e-3) {
                break;
            }
            let middle = if turn % 3 == 2 { f64::midpoint(a, b) } else { (a * fb - b * fa) / (fb - fa) };
            let middle = if middle > a && middle < b { middle } else { f64::midpoint(a, b) };
            let value = self.scaled(middle);
            if value == 0.0 {
                return Some(middle);
            }
            if (value < 0.0) == (fa < 0.0) {
                (a, fa) = (middle, value);
                fb *= 0.5;
            } else {
                (b, fb) = (middle, value);
                fa *= 0.5;
            }
        }
        // The halved values above only steer: polish with one honest Newton step inside the bracket.
        let middle = f64::midpoint(a, b);
        let (value, slope) = self.value_and_slope(middle);
        let polished = middle - value / slope;
        Some(if polished >= a && polished <= b { polished } else { middle })
    }
}

/// Present values of what is paid and what is received, with their first three moments in time.
struct Sides {
    /// Received less paid.
    value: f64,
    received: [f64; 4],
    paid: [f64; 4],
}

impl Sides {
    fn of(flows: &Polynomial, worth: impl Fn(&TimedAmount) -> f64) -> Self {
        let (mut value, mut all, mut paid) = (0.0, [0.0; 4], [0.0; 4]);
        for term in &flows.terms {
            let worth = worth(term);
            let (mut size, mut out) = (worth.abs(), (-worth).max(0.0));
            value += worth;
            for moment in 0..4 {
                all[moment] += size;
                paid[moment] += out;
                size *= term.years;
                out *= term.years;
            }
        }
        let received = [0, 1, 2, 3].map(|moment| all[moment] - paid[moment]);
        Self { value, received, paid }
    }

    /// ln(received / paid), and how much more mean, variance and skew (the third cumulant) of time the receipts have.
    fn log_ratio_and_gaps(&self) -> (f64, [f64; 3]) {
        let cumulants = |[sum, first, second, third]: [f64; 4]| {
            let (mean, second, third) = (first / sum, second / sum, third / sum);
            [mean, second - mean * mean, third - mean * (3.0 * second - 2.0 * mean * mean)]
        };
        let (received, paid) = (cumulants(self.received), cumulants(self.paid));
        (ln_1p(self.value / self.paid[0]), [0, 1, 2].map(|order| received[order] - paid[order]))
    }

    /// Halley's step towards the log rate at which both sides are worth the same, and the gap of the mean times.
    fn step(&self) -> (f64, f64) {
        let (ratio, [gap, spread, _]) = self.log_ratio_and_gaps();
        let newton = ratio / gap;
        // Far from the root the curvature may mislead; it never more than halves or doubles the step.
        (newton / (1.0 - newton * spread / gap / 2.0).clamp(0.5, 2.0), gap)
    }

    /// Halley's step, bettered by the third derivative where that helps.
    fn first_step(&self) -> f64 {
        let (ratio, [gap, spread, skew]) = self.log_ratio_and_gaps();
        let halley = self.step().0;
        let left = |log: f64| ratio - log * (gap - log * (spread / 2.0 - log * skew / 6.0));
        let slope = |log: f64| -gap + log * (spread - log * skew / 2.0);
        let better = (0..2).fold(halley, |log, _| log - left(log) / slope(log));
        if (better - halley).abs() <= 0.5 * halley.abs() { better } else { halley }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_root_one_root_and_several_are_told_apart() {
        assert_eq!(internal_rate(&[]).unwrap(), RateSolution::None);
        assert_eq!(internal_rate(&[0.0, 0.0]).unwrap(), RateSolution::None);
        assert_eq!(internal_rate(&[10.0, -30.0, 25.0]).unwrap(), RateSolution::None, "complex roots only");
        assert!(
            matches!(internal_rate(&[-100.0, 0.0, 121.0]).unwrap(), RateSolution::One(rate) if (rate - 0.1).abs() < 1e-15)
        );
        let three = internal_rate(&[-1000.0, 3600.0, -4310.0, 1716.0]).unwrap(); // 10 %, 20 %, 30 %
        let rates = three.rates();
        assert_eq!(rates.len(), 3, "{three:?}");
        for (rate, expected) in rates.iter().zip([0.1, 0.2, 0.3]) {
            assert!((rate - expected).abs() < 1e-9, "{three:?}");
        }
        assert_eq!(three.nearest(0.17), Some(rates[1]));
        assert!(internal_rate(&[f64::NAN]).unwrap_err().is_invalid());
    }

    #[test]
    fn extreme_losses_and_gains_have_rates() {
        let day = 1.0 / 365.0;
        let flows = |amount| [TimedAmount { years: 0.0, amount: -100.0 }, TimedAmount { years: day, amount }];
        let gain = internal_rate_by_times(&flows(101.0)).unwrap().only().unwrap();
        assert!((gain / (1.01f64.powi(365) - 1.0) - 1.0).abs() < 1e-12);
        let loss = internal_rate_by_times(&flows(1.0)).unwrap();
        assert!(loss.rates().len() <= 1, "{loss:?}");
    }

    #[test]
    fn many_changes_of_sign_end_in_time() {
        let flows: Vec<f64> = (0..900).map(|i| if i % 2 == 0 { -100.0 } else { 101.0 }).collect();
        let solution = internal_rate(&flows).unwrap();
        assert!(solution.nearest(0.01).is_some_and(|rate| (rate - 0.01).abs() < 1e-9), "{solution:?}");
        let more: Vec<f64> = (0..1_100).map(|i| if i % 2 == 0 { -100.0 } else { 101.0 }).collect();
        assert!(internal_rate(&more).unwrap_err().is_unsupported());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_rate_found_makes_the_flows_worth_nothing(amounts in proptest::collection::vec(-1e4f64..1e4, 2..20)) {
            let solution = internal_rate(&amounts).unwrap();
            for &rate in solution.rates() {
                if rate > -0.9 && rate < 10.0 {
                    let worth: f64 = amounts.iter().enumerate().map(|(i, amount)| amount / (1.0 + rate).powi(i as i32)).sum();
                    let gross: f64 = amounts.iter().enumerate().map(|(i, amount)| amount.abs() / (1.0 + rate).powi(i as i32)).sum();
                    prop_assert!(worth.abs() <= 1e-10 * gross, "{rate}: {worth}");
                }
            }
            // The slow twin: a fine net of rates crosses nought no more often than roots were found.
            let worth = |rate: f64| amounts.iter().rev().fold(0.0, |sum, amount| amount + sum / (1.0 + rate));
            let net: Vec<f64> = (0..4000).map(|i| worth(-0.8 + f64::from(i) * 0.002)).collect();
            let crossings = net.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count();
            prop_assert!(crossings <= solution.rates().len(), "{crossings} crossings, {solution:?}");
        }
    }
}
