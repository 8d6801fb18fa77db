//! One number that is comparable between merchants: how unusual an account's signals are, and how close it is to others.

use serde::{Deserialize, Serialize};

use crate::elementary::{exp, log10};
use crate::error::{Error, Result};
use crate::graph::TransferGraph;
use crate::parallel::map_chunks;
use crate::progress::Progress;

use super::baseline::SYNTHETIC_TAILS;
use super::config::Weights;
use super::signal::{SIGNALS, Signal};
use super::ties::Tie;

const BINS: usize = 256;
const CHUNK: usize = 1 << 14;

/// How often each signal reaches which score in a market: what makes a score of 0.6 mean the same for two signals.
///
/// A score that one account in a thousand reaches is telling, one that every second account reaches is not. A
/// market's own frequencies are mixed with those of the synthetic market, which weighs as much as 500
/// accounts, so that a file of ten accounts still has a scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Counts", into = "Counts")]
pub struct Baseline {
    accounts: u64,
    /// Accounts with at least the score of the bin, per signal.
    at_least: Vec<[u64; BINS]>,
}

#[derive(Serialize, Deserialize)]
struct Counts {
    accounts: u64,
    at_least: Vec<Vec<u64>>,
}

impl From<Baseline> for Counts {
    fn from(baseline: Baseline) -> Self {
        Self { accounts: baseline.accounts, at_least: baseline.at_least.iter().map(|bins| bins.to_vec()).collect() }
    }
}

impl TryFrom<Counts> for Baseline {
    type Error = Error;

    fn try_from(counts: Counts) -> Result<Self> {
        let wrong = || {
            let rule = format!("{SIGNALS} signals of {BINS} counts that fall from at most the number of accounts");
            Error::invalid("at_least", "of another form", rule)
        };
        let mut at_least = Vec::with_capacity(SIGNALS);
        for bins in counts.at_least {
            let bins: [u64; BINS] = bins.try_into().map_err(|_| wrong())?;
            if bins[0] > counts.accounts || bins.windows(2).any(|two| two[0] < two[1]) {
                return Err(wrong());
            }
            at_least.push(bins);
        }
        if at_least.len() == SIGNALS { Ok(Self { accounts: counts.accounts, at_least }) } else { Err(wrong()) }
    }
}

impl Default for Baseline {
    /// The synthetic market alone.
    fn default() -> Self {
        Self { accounts: 0, at_least: vec![[0; BINS]; SIGNALS] }
    }
}

fn bin(score: f32) -> usize {
    ((score * BINS as f32) as usize).min(BINS - 1)
}

impl Baseline {
    /// What the synthetic market weighs beside the market's own accounts.
    const PRIOR: f64 = 500.0;

    /// The frequencies of a market whose scores are known, a row an account.
    #[must_use]
    pub fn of(scores: &[[f32; SIGNALS]]) -> Self {
        let parts = map_chunks(scores.len(), CHUNK, |range| {
            let mut counts = vec![[0u64; BINS]; SIGNALS];
            for row in &scores[range] {
                for (counts, &score) in counts.iter_mut().zip(row) {
                    counts[bin(score)] += 1;
                }
            }
            counts
        });
        let mut at_least = vec![[0u64; BINS]; SIGNALS];
        for part in parts {
            for (sum, part) in at_least.iter_mut().zip(part) {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        }
        for bins in &mut at_least {
            for bin in (0..BINS - 1).rev() {
                bins[bin] += bins[bin + 1];
            }
        }
        Self { accounts: scores.len() as u64, at_least }
    }

    /// Share of accounts whose `signal` reaches `score`, above 0 and at most 1.
    #[must_use]
    pub fn share_at_least(&self, signal: Signal, score: f32) -> f64 {
        if score <= 0.0 {
            return 1.0;
        }
        let own = self.at_least[signal.index()][bin(score)] as f64;
        let share = (own + Self::PRIOR * synthetic_share(signal, score)) / (self.accounts as f64 + Self::PRIOR);
        share.clamp(1e-9, 1.0)
    }

    /// How telling it is that `signal` reaches `score`: 0 when everybody does, 1 when one account in a thousand does.
    #[must_use]
    pub fn rarity(&self, signal: Signal, score: f32) -> f64 {
        (-log10(self.share_at_least(signal, score)) / 3.0).clamp(0.0, 1.0)
    }

    /// How unusual the account's own signals are together: `1 − Π (1 − weight × score × rarity)`.
    #[must_use]
    pub fn unusualness(&self, scores: &[f32; SIGNALS], weights: &Weights) -> f64 {
        let mut unsuspicious = 1.0;
        for signal in Signal::ALL {
            let score = scores[signal.index()];
            if score > 0.0 && signal != Signal::Association {
                unsuspicious *= 1.0 - weights.of(signal) * f64::from(score) * self.rarity(signal, score);
            }
        }
        1.0 - unsuspicious
    }
}

/// The share of the synthetic market's accounts that reach `score`, between the written points along a straight line in
/// the logarithm of the share.
fn synthetic_share(signal: Signal, score: f32) -> f64 {
    let points = &SYNTHETIC_TAILS[signal.index()];
    let score = f64::from(score);
    let (mut from, mut ln_share) = (0.0, 0.0);
    for (&point, &next) in points.iter().zip(&LN_SHARES) {
        if score <= point {
            let way = if point > from { (score - from) / (point - from) } else { 1.0 };
            return exp(ln_share + way * (next - ln_share));
        }
        (from, ln_share) = (point.max(from), next);
    }
    0.001
}

/// Logarithms of the shares at which the scores are written down: 30 %, 10 %, 3 %, 1 %, 0.3 % and 0.1 %.
const LN_SHARES: [f64; 6] = [
    -1.203_972_804_325_936_1,
    -2.302_585_092_994_045_5,
    -3.506_557_897_319_982,
    -4.605_170_185_988_091,
    -5.809_142_990_314_028,
    -6.907_755_278_982_137,
];

/// What came of unusualness among the shops of synthetic towns: the share that washes receipts, between these knots along
/// straight lines. An isotonic fit to two towns of 80,000 accounts (6,400 shops, 384 of which wash), rounded; towns of
/// other seeds agree within a few hundredths below 0.6 and a tenth above.
const CALIBRATION: [(f64, f64); 11] = [
    (0.0, 0.0),
    (0.2, 0.002),
    (0.3, 0.006),
    (0.4, 0.015),
    (0.5, 0.035),
    (0.6, 0.1),
    (0.65, 0.22),
    (0.7, 0.33),
    (0.85, 0.4),
    (0.9, 0.6),
    (1.0, 0.95),
];

/// Puts unusualness on a scale on which a shop of the synthetic market can be read: the share of shops so unusual that wash
/// receipts. It keeps every order, so that nothing is lost on markets where other shares hold.
pub(super) fn calibrated(unusual: f64) -> f64 {
    let place = CALIBRATION.partition_point(|knot| knot.0 < unusual).clamp(1, CALIBRATION.len() - 1);
    let ((from, low), (to, high)) = (CALIBRATION[place - 1], CALIBRATION[place]);
    low + (unusual.clamp(from, to) - from) / (to - from) * (high - low)
}

/// Suspicion that reaches each account over its relations: a random walk that restarts with probability one half at
/// accounts in proportion to the square of their unusualness (weak doubts are not passed on), in multiples of the mean and
/// shrunk by the square root of the degree (a hub meets everybody), put on `a / (a + 1)`. Its own is left out.
///
/// `ties` holds for every slot of the graph how many counterparties both ends share; half of all walking goes along them,
/// since whoever acts together has others in common.
///
/// Being close to a ring is not guilt: it takes nothing from receipts, and it weighs little beside an account's own
/// signals.
pub(super) fn association(
    graph: &TransferGraph,
    ties: &[Tie],
    own: &[f32],
    progress: Progress<'_>,
) -> Result<Vec<f32>> {
    const ROUNDS: u64 = 6;
    const RESTART: f32 = 0.5;
    let accounts = graph.accounts();
    let own: Vec<f32> = own.iter().map(|suspicion| suspicion * suspicion).collect();
    let mean = total(&own, |&own| own) / accounts.max(1) as f64;
    if mean <= 0.0 {
        return Ok(vec![0.0; accounts]);
    }
    // What a walk weighs a relation by: 1 for itself, and as much on the average for what both ends share.
    let shared = total(ties, |tie| tie.weight());
    let per_tie = if shared > 0.0 { (ties.len() as f64 / shared) as f32 } else { 0.0 };
    let strength: Vec<f32> = map_chunks(accounts, CHUNK, |range| {
        let sum = |account: usize| ties[graph.row(account)].iter().map(|tie| 1.0 + per_tie * tie.weight()).sum::<f32>();
        range.map(|account| sum(account).max(1.0)).collect::<Vec<f32>>()
    })
    .concat();
    let degree = |account: usize| graph.row(account).len().max(1) as f32;
    let mut out: Vec<f32> = (0..accounts).map(|account| own[account] / strength[account]).collect();
    let mut arrived = vec![0f32; accounts];
    for round in 0..ROUNDS {
        progress.step("following suspicion", round, ROUNDS)?;
        let parts = map_chunks(accounts, CHUNK, |range| {
            let sum = |account: usize| {
                let peers = graph.neighbours(account as u32).iter().zip(&ties[graph.row(account)]);
                peers.map(|(&peer, tie)| (1.0 + per_tie * tie.weight()) * out[peer as usize]).sum()
            };
            range.map(sum).collect::<Vec<f32>>()
        });
        arrived = parts.concat();
        for account in 0..accounts {
            out[account] = (RESTART * own[account] + (1.0 - RESTART) * arrived[account]) / strength[account];
        }
    }
    let relative = |account: usize| {
        let arrived = f64::from(arrived[account]) / mean / f64::from(degree(account)).sqrt();
        (arrived / (arrived + 1.0)) as f32
    };
    Ok((0..accounts).map(relative).collect())
}

/// A sum that is the same on any number of threads.
fn total<T: Sync>(values: &[T], of: impl Fn(&T) -> f32 + Sync + Send) -> f64 {
    map_chunks(values.len(), CHUNK, |range| values[range].iter().map(|value| f64::from(of(value))).sum::<f64>())
        .into_iter()
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphConfig;
    use crate::transfer::TransferColumns;

    #[test]
    fn what_everybody_does_is_not_telling() {
        let mut scores = vec![[0f32; SIGNALS]; 10_000];
        let (rare, common) = (Signal::CircularFlow.index(), Signal::RoundAmounts.index());
        scores.iter_mut().for_each(|row| row[common] = 0.9);
        scores[7][rare] = 0.9;
        let baseline = Baseline::of(&scores);
        assert!(baseline.rarity(Signal::RoundAmounts, 0.9) < 0.05);
        assert!(baseline.rarity(Signal::CircularFlow, 0.9) > 0.9);
        let weights = Weights::default();
        assert!(baseline.unusualness(&scores[7], &weights) > 0.7);
        assert!(baseline.unusualness(&scores[8], &weights) < 0.01);
        let text = serde_json::to_string(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
        assert!(serde_json::from_str::<Baseline>(r#"{"accounts":3,"at_least":[]}"#).is_err());
    }

    #[test]
    fn the_logarithms_of_the_shares_are_what_they_say() {
        for (ln_share, share) in LN_SHARES.into_iter().zip([0.3f64, 0.1, 0.03, 0.01, 0.003, 0.001]) {
            assert!((ln_share - share.ln()).abs() <= 2.0 * f64::EPSILON * ln_share.abs(), "{share}");
        }
    }

    #[test]
    fn a_higher_score_is_never_less_suspicious() {
        let baseline = Baseline::default();
        for signal in Signal::ALL {
            let mut before = 0.0;
            for step in 1..=100 {
                let rarity = baseline.rarity(signal, step as f32 / 100.0);
                assert!(rarity + 1e-12 >= before, "{signal} at {step}");
                before = rarity;
            }
        }
    }

    #[test]
    fn calibration_keeps_every_order() {
        let steps: Vec<f64> = (0..=1_000).map(|step| calibrated(f64::from(step) / 1_000.0)).collect();
        assert!(steps.windows(2).all(|two| two[0] < two[1]));
        assert_eq!((steps[0], steps[500], steps[1_000]), (0.0, 0.035, 0.95));
    }

    #[test]
    fn suspicion_reaches_neighbours_more_than_strangers() {
        let columns = TransferColumns::of_pairs(&[0, 1, 2, 4, 5], &[1, 2, 3, 5, 6]);
        let graph = TransferGraph::build(&columns, 8, &GraphConfig::default(), Progress::silent()).unwrap();
        let own = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let ties = vec![Tie::default(); graph.relations() as usize * 2];
        let reached = association(&graph, &ties, &own, Progress::silent()).unwrap();
        assert!(reached[1] > reached[2] && reached[2] > reached[3] && reached[3] > 0.0);
        assert_eq!(reached[4..], [0.0; 4]);
    }
}
