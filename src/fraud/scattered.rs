//! Money that is scattered and gathered again, in a whole market: found from those in the middle.
//!
//! [`scatter_gathers`](crate::graph::temporal::scatter_gathers) looks around one source, at what its payees pay. For
//! everybody at once it is the middle that is asked which money it passed on: its own transfers lie side by side, and only
//! the few hops between somebody who scatters and somebody who gathers are brought together by their ends.

use crate::graph::temporal::{Leg, Legs, ScatterConfig, ScatterGather, near};
use crate::parallel::sort_unstable;

use super::facts::Facts;
use super::sieve::Sieve;

/// Fewest accounts in the middle of what is looked for.
const MIDDLE: usize = 3;

/// Source, target and middle, and the rows of both transfers.
pub(super) type Hop = (u32, u32, u32, [u32; 2]);

/// The scatter-gathers of all sources that pay three accounts within the window, by source and target, brought together from
/// the hops between their ends.
pub(super) fn all_scatter_gathers(parts: Vec<Vec<Hop>>, config: &ScatterConfig) -> Vec<ScatterGather> {
    // So many accounts in the middle make as many hops at least.
    debug_assert!(config.min_middle as usize >= MIDDLE);
    let key = |hop: &Hop| u64::from(hop.0) << 32 | u64::from(hop.1);
    let mut sieve = Sieve::<MIDDLE>::default();
    sieve.clear(parts.iter().map(Vec::len).sum());
    parts.iter().flatten().for_each(|hop| sieve.meet(key(hop)));
    let mut hops: Vec<Hop> = parts.into_iter().flatten().filter(|hop| sieve.may_matter(key(hop))).collect();
    sort_unstable(&mut hops);
    let mut found = Vec::new();
    let mut middle: Vec<u32> = Vec::new();
    for ends in hops.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        middle.clear();
        middle.extend(ends.iter().map(|hop| hop.2));
        middle.dedup();
        if middle.len() >= config.min_middle as usize {
            let mut rows: Vec<u32> = ends.iter().flat_map(|hop| hop.3).collect();
            rows.sort_unstable();
            rows.dedup();
            found.push(ScatterGather { source: ends[0].0, target: ends[0].1, middle: middle.clone(), rows });
        }
    }
    found
}

/// Adds the hops over `middle`; `false` when it reached the cap.
pub(super) fn hops_over(
    legs: &impl Legs,
    middle: u32,
    facts: &Facts,
    config: &ScatterConfig,
    inflow: &mut Vec<Leg>,
    hops: &mut Vec<Hop>,
) -> bool {
    let sent = legs.sent(middle);
    if !sent.iter().any(|leg| facts.gathers.contains(leg.peer)) {
        return true;
    }
    inflow.clear();
    let received = legs.received(middle).iter();
    inflow.extend(received.filter(|leg| leg.amount_minor > 0 && facts.scatters.contains(leg.peer)));
    let (mut first, mut end, mut steps) = (0, 0, 0u32);
    for out in sent.iter().filter(|leg| facts.gathers.contains(leg.peer)) {
        while end < inflow.len() && inflow[end].at_seconds <= out.at_seconds {
            end += 1;
        }
        while first < end && inflow[first].at_seconds.saturating_add(config.window_seconds) < out.at_seconds {
            first += 1;
        }
        // Transfers that lie side by side cost a fraction of one fetched from elsewhere.
        steps = steps.saturating_add((end - first) as u32 / 16 + 1);
        if steps > config.max_steps {
            return false;
        }
        for into in &inflow[first..end] {
            if into.peer != out.peer && near(into.amount_minor, out.amount_minor, config.amount_tolerance) {
                hops.push((into.peer, out.peer, middle, [into.row, out.row]));
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::config::AuditConfig;
    use super::super::passed_on::PassedOn;
    use super::*;
    use crate::graph::temporal::{TemporalIndex, scatter_gathers};
    use crate::progress::Progress;
    use crate::transfer::{Transfer, Transfers};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn everybody_at_once_is_everybody_alone(
            rows in prop::collection::vec((0u32..7, 0u32..7, 90i64..112, 0i64..40), 0..60), max_steps in 1u32..9,
        ) {
            let pay = |&(payer, payee, amount_minor, at_seconds): &(u32, u32, i64, i64)| Transfer {
                payer: payer.into(), payee: payee.into(), amount_minor, at_seconds,
            };
            let all: Transfers = rows.iter().map(pay).collect();
            let index = TemporalIndex::build(&all.columns(), 7, Progress::silent()).unwrap();
            let config = ScatterConfig { window_seconds: 20, ..ScatterConfig::default() };
            let facts = Facts::of(&index, config.window_seconds);
            let found = |config: &ScatterConfig| {
                let all = PassedOn::of(&index, &facts, &AuditConfig::default(), config, Progress::silent()).unwrap();
                (all_scatter_gathers(all.hops, config), all.capped)
            };
            let (told, capped) = found(&config);
            let sources = (0..7u32).filter(|&source| facts.scatters.contains(source));
            let slow: Vec<ScatterGather> =
                sources.flat_map(|source| scatter_gathers(&index, source.into(), &config).unwrap().found).collect();
            prop_assert_eq!(&told, &slow);
            prop_assert!(capped.is_empty());
            // Under a cap some may be missing, and then it says so.
            let short = ScatterConfig { max_steps, ..config };
            let (told, capped) = found(&short);
            prop_assert!(told == slow || !capped.is_empty());
        }
    }
}
