//! Money that is scattered over several accounts and gathered again at one.

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::graph::temporal::index::{Leg, Legs, between};

/// What counts as scatter-gather, and how hard to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScatterConfig {
    /// Seconds from the scattering of an amount to its gathering.
    pub window_seconds: i64,
    /// The gathered amount lies within this share of the scattered one, 0 to 0.9.
    pub amount_tolerance: f64,
    /// Fewest accounts in the middle.
    pub min_middle: u32,
    /// Transfers that may be looked at for one account; then the search stops and says so.
    pub max_steps: u32,
}

impl Default for ScatterConfig {
    /// Three in the middle, two days, amounts within a tenth.
    fn default() -> Self {
        Self { window_seconds: 2 * 86_400, amount_tolerance: 0.1, min_middle: 3, max_steps: 1 << 13 }
    }
}

impl ScatterConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::is_invalid`] names the field.
    pub fn check(&self) -> Result<()> {
        if !(0..=1 << 40).contains(&self.window_seconds) {
            return Err(Error::invalid("window_seconds", self.window_seconds, "from 0 to 2^40"));
        }
        if !(0.0..=0.9).contains(&self.amount_tolerance) {
            return Err(Error::invalid("amount_tolerance", self.amount_tolerance, "from 0 to 0.9"));
        }
        if self.min_middle < 2 {
            return Err(Error::invalid("min_middle", self.min_middle, "2 at least"));
        }
        Ok(())
    }
}

/// One source, one target, and those in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScatterGather {
    /// Who scattered.
    pub source: u32,
    /// Who gathered.
    pub target: u32,
    /// Those in between, ascending.
    pub middle: Vec<u32>,
    /// Rows of the transfers to the middle and from it, ascending.
    pub rows: Vec<u32>,
}

/// What was found around one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScatterGathers {
    /// By ascending account at the other end.
    pub found: Vec<ScatterGather>,
    /// Whether the search reached its cap: some may be missing.
    pub capped: bool,
}

/// The scatter-gathers whose source is `account`: at least `min_middle` different accounts that it pays, each of which
/// pays nearly the same amount to one and the same target within the window. A target that is the source itself makes a
/// bundle of round trips and is not told here.
///
/// ```
/// use dandelion_credit::graph::temporal::{ScatterConfig, TemporalIndex, scatter_gathers};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// let columns = TransferColumns {
///     payer: &[0, 0, 0, 1, 2, 3], payee: &[1, 2, 3, 4, 4, 4],
///     amount_minor: Some(&[500, 600, 700, 495, 590, 700]), at_seconds: Some(&[0, 1, 2, 60, 70, 80]),
/// };
/// let index = TemporalIndex::build(&columns, 5, Progress::silent())?;
/// let around = scatter_gathers(&index, 0.into(), &ScatterConfig::default())?;
/// assert_eq!((around.found[0].target, &around.found[0].middle[..]), (4, &[1, 2, 3][..]));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// As [`ScatterConfig::check`].
///
/// # Panics
/// When `account` is not below [`Legs::accounts`].
///
/// # Complexity
/// The transfers of the account times those that its payees make within the window, at most `max_steps`.
pub fn scatter_gathers(legs: &impl Legs, account: AccountIndex, config: &ScatterConfig) -> Result<ScatterGathers> {
    config.check()?;
    let source = account.get();
    let mut hops: Vec<(u32, u32, [u32; 2])> = Vec::new();
    let mut around = ScatterGathers::default();
    let mut steps = 0u32;
    'legs: for out in legs.sent(source).iter().filter(|leg| leg.amount_minor > 0) {
        for onward in onward(legs, out, config) {
            steps += 1;
            if steps > config.max_steps {
                around.capped = true;
                break 'legs;
            }
            if onward.peer != source && near(out.amount_minor, onward.amount_minor, config.amount_tolerance) {
                hops.push((onward.peer, out.peer, [out.row, onward.row]));
            }
        }
        steps += 1;
    }
    hops.sort_unstable();
    for same_target in hops.chunk_by(|a, b| a.0 == b.0) {
        let mut middle: Vec<u32> = same_target.iter().map(|hop| hop.1).collect();
        middle.dedup();
        if middle.len() < config.min_middle as usize {
            continue;
        }
        let mut rows: Vec<u32> = same_target.iter().flat_map(|hop| hop.2).collect();
        rows.sort_unstable();
        rows.dedup();
        around.found.push(ScatterGather { source, target: same_target[0].0, middle, rows });
    }
    Ok(around)
}

/// What the payee of `leg` pays within the window after it.
fn onward<'a>(legs: &'a impl Legs, leg: &Leg, config: &ScatterConfig) -> &'a [Leg] {
    between(legs.sent(leg.peer), leg.at_seconds, leg.at_seconds.saturating_add(config.window_seconds))
}

/// Whether two amounts are within `tolerance` of the first.
pub(crate) fn near(first: i64, second: i64, tolerance: f64) -> bool {
    (second as f64 - first as f64).abs() <= first as f64 * tolerance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::progress::Progress;
    use crate::transfer::{Transfer, Transfers};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn scatter_gathers_are_those_of_a_nested_loop(
            rows in prop::collection::vec((0u32..6, 0u32..6, 90i64..112, 0i64..40), 0..40),
        ) {
            let pay = |&(payer, payee, amount_minor, at_seconds): &(u32, u32, i64, i64)| Transfer {
                payer: payer.into(), payee: payee.into(), amount_minor, at_seconds,
            };
            let all: Transfers = rows.iter().map(pay).collect();
            let index = TemporalIndex::build(&all.columns(), 6, Progress::silent()).unwrap();
            let config = ScatterConfig { window_seconds: 20, min_middle: 2, ..ScatterConfig::default() };
            for source in 0..6u32 {
                let fast = scatter_gathers(&index, source.into(), &config).unwrap();
                prop_assert!(!fast.capped);
                let mut slow = Vec::new();
                for target in (0..6).filter(|&target| target != source) {
                    let (mut middle, mut told) = (Vec::new(), Vec::new());
                    for (i, a) in rows.iter().enumerate().filter(|(_, a)| a.0 == source && a.1 != source) {
                        for (j, b) in rows.iter().enumerate() {
                            let linked = b.0 == a.1 && b.1 == target && b.0 != b.1;
                            if linked && (a.3..=a.3 + 20).contains(&b.3) && near(a.2, b.2, 0.1) {
                                middle.push(a.1);
                                told.extend([i as u32, j as u32]);
                            }
                        }
                    }
                    middle.sort_unstable();
                    middle.dedup();
                    told.sort_unstable();
                    told.dedup();
                    if middle.len() >= 2 {
                        slow.push(ScatterGather { source, target, middle, rows: told });
                    }
                }
                prop_assert_eq!(fast.found, slow);
            }
        }
    }
}
