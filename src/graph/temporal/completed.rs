//! Circles of money that one transfer completes: what is asked right after each transfer of a stream.

use crate::error::{Error, Result};
use crate::transfer::Transfer;

use super::index::{Leg, Legs, between};

/// Most transfers in a circle that can be asked for.
const MOST_HOPS: usize = 8;

/// Which circles count, and how hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedConfig {
    /// Most transfers in a circle, 2 to 8.
    pub max_hops: usize,
    /// Seconds from the first transfer to the last.
    pub window_seconds: i64,
    /// Transfers that may be looked at; then the search stops and says so.
    pub max_steps: u32,
}

impl Default for CompletedConfig {
    /// Circles of up to 5 transfers within a day.
    fn default() -> Self {
        Self { max_hops: 5, window_seconds: 86_400, max_steps: 1 << 12 }
    }
}

impl CompletedConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::is_invalid`] names the field.
    pub fn check(&self) -> Result<()> {
        if !(2..=MOST_HOPS).contains(&self.max_hops) {
            return Err(Error::invalid("max_hops", self.max_hops, "from 2 to 8"));
        }
        if !(0..=1 << 40).contains(&self.window_seconds) {
            return Err(Error::invalid("window_seconds", self.window_seconds, "from 0 to 2^40"));
        }
        Ok(())
    }
}

/// How many circles a transfer completed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompletedCircles {
    /// Circles by their number of transfers; places 0 and 1 are 0.
    pub by_hops: [u32; MOST_HOPS + 1],
    /// Whether the search reached its cap: some may be missing.
    pub capped: bool,
}

/// Counts the circles that `transfer`, which `legs` hold already, takes part in: simple circles of accounts over which
/// money can have gone round in order of time, whatever the amounts.
///
/// Told right after a transfer arrives, these are the circles that it completes, late or not: each is told once in a
/// stream, by the last of its transfers to arrive. Parallel transfers over the same hop make one circle, and equal times
/// may follow each other either way, as in [`circular_flows`](super::circular_flows). Which transfers make a circle, and
/// whether the amount was kept, [`circular_flows_through`](super::circular_flows_through) tells.
///
/// ```
/// use dandelion_credit::graph::temporal::{CompletedConfig, TemporalWindow, completed_circles};
/// use dandelion_credit::{AccountIndex, Transfer};
///
/// let mut window = TemporalWindow::new(3, 86_400)?;
/// let mut told = Vec::new();
/// for (payer, payee, at_seconds) in [(0, 1, 0), (1, 2, 60), (2, 0, 120), (1, 0, 180)] {
///     let [payer, payee] = [payer, payee].map(AccountIndex::new);
///     let transfer = Transfer { payer, payee, amount_minor: 500, at_seconds };
///     window.push(transfer)?;
///     let circles = completed_circles(&window, &transfer, &CompletedConfig::default())?;
///     told.push((circles.by_hops[2], circles.by_hops[3]));
/// }
/// assert_eq!(told, [(0, 0), (0, 0), (0, 1), (1, 0)]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// As [`CompletedConfig::check`].
///
/// # Panics
/// When a party of the transfer is not below [`Legs::accounts`].
///
/// # Complexity
/// A depth-first search backwards from the payer and, among transfers not earlier than this one, forwards from the payee,
/// over at most `max_steps` transfers. Nothing is looked at where the payee paid nobody or nobody paid the payer within
/// the window.
pub fn completed_circles(legs: &impl Legs, transfer: &Transfer, config: &CompletedConfig) -> Result<CompletedCircles> {
    config.check()?;
    let [payer, payee] = [transfer.payer.get(), transfer.payee.get()];
    let mut search =
        Search { legs, config, payer, ahead: vec![payee], behind: Vec::new(), found: Vec::new(), steps: 0 };
    if payer != payee {
        search.forwards(transfer.at_seconds, transfer.at_seconds);
    }
    let mut circles = CompletedCircles { capped: search.steps >= config.max_steps, ..CompletedCircles::default() };
    search.found.sort_unstable();
    search.found.dedup();
    for circle in &search.found {
        circles.by_hops[circle.iter().filter(|place| **place != u32::MAX).count()] += 1;
    }
    Ok(circles)
}

/// A search under way. The circle is the payer, `ahead`, and `behind` from its end.
struct Search<'a, L> {
    legs: &'a L,
    config: &'a CompletedConfig,
    payer: u32,
    /// The payee, and those its money went on to.
    ahead: Vec<u32>,
    /// Those the payer's money came from, the nearest first.
    behind: Vec<u32>,
    /// Accounts of each circle in its order from the payer, filled up with `u32::MAX`.
    found: Vec<[u32; MOST_HOPS]>,
    steps: u32,
}

/// Peers of `legs`, each with its first leg, as long as steps are left.
fn first_by_peer<'a>(
    legs: impl Iterator<Item = &'a Leg>,
    steps: &mut u32,
    most: u32,
    mut visit: impl FnMut(&mut u32, &'a Leg),
) {
    let mut tried: Vec<u32> = Vec::new();
    for leg in legs {
        if *steps >= most {
            return;
        }
        *steps += 1;
        if !tried.contains(&leg.peer) {
            tried.push(leg.peer);
            visit(steps, leg);
        }
    }
}

impl<'a, L: Legs> Search<'a, L> {
    /// Money that reached the end of `ahead` at `arrival` meets what came to the payer by `at_seconds`, or goes on.
    fn forwards(&mut self, at_seconds: i64, arrival: i64) {
        let since = arrival.saturating_sub(self.config.window_seconds);
        self.backwards(self.payer, since, at_seconds);
        // One more hop leads back to the payer; a hop elsewhere needs another one behind it.
        let last_step = self.ahead.len() + 1 == self.config.max_hops;
        let legs: &'a L = self.legs;
        let place = self.ahead[self.ahead.len() - 1];
        let until = at_seconds.saturating_add(self.config.window_seconds);
        let mut steps = self.steps;
        first_by_peer(
            between(legs.sent(place), arrival, until).iter(),
            &mut steps,
            self.config.max_steps,
            |steps, leg| {
                self.steps = *steps;
                if leg.peer == self.payer {
                    // Round without anything before: the circle begins with this transfer.
                    self.tell();
                } else if !last_step && !self.ahead.contains(&leg.peer) {
                    self.ahead.push(leg.peer);
                    self.forwards(at_seconds, leg.at_seconds);
                    self.ahead.pop();
                }
                *steps = self.steps;
            },
        );
        self.steps = self.steps.max(steps);
    }

    /// Who paid `place` between `since` and `until`, and before that.
    fn backwards(&mut self, place: u32, since: i64, until: i64) {
        let legs: &'a L = self.legs;
        let (start, hops) = (self.ahead[self.ahead.len() - 1], self.ahead.len() + self.behind.len() + 1);
        if between(legs.sent(start), since, until).is_empty() {
            return;
        }
        let last_step = hops == self.config.max_hops;
        let before = between(legs.received(place), since, until);
        let mut steps = self.steps;
        first_by_peer(before.iter().rev(), &mut steps, self.config.max_steps, |steps, leg| {
            self.steps = *steps;
            if leg.peer == start {
                self.tell();
            } else if !last_step
                && leg.peer != self.payer
                && !self.ahead.contains(&leg.peer)
                && !self.behind.contains(&leg.peer)
            {
                self.behind.push(leg.peer);
                self.backwards(leg.peer, since, leg.at_seconds);
                self.behind.pop();
            }
            *steps = self.steps;
        });
        self.steps = self.steps.max(steps);
    }

    fn tell(&mut self) {
        let mut circle = [u32::MAX; MOST_HOPS];
        let accounts =
            [self.payer].into_iter().chain(self.ahead.iter().copied()).chain(self.behind.iter().rev().copied());
        circle.iter_mut().zip(accounts).for_each(|(place, account)| *place = account);
        self.found.push(circle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountIndex;
    use crate::graph::temporal::TemporalWindow;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Row = (u32, u32, i64);

    /// Every simple circle of accounts that some choice of rows in order of time goes round, by trying all of them.
    fn circles(rows: &[Row], max_hops: usize, window: i64) -> BTreeSet<Vec<u32>> {
        fn onward(rows: &[Row], path: &mut Vec<Row>, max_hops: usize, window: i64, found: &mut BTreeSet<Vec<u32>>) {
            let (first, last) = (path[0], path[path.len() - 1]);
            if last.1 == first.0 {
                let mut circle: Vec<u32> = path.iter().map(|row| row.0).collect();
                let least = (0..circle.len()).min_by_key(|&place| circle[place]).unwrap();
                circle.rotate_left(least);
                found.insert(circle);
                return;
            }
            if path.len() == max_hops {
                return;
            }
            for &row in rows {
                let fits = row.0 == last.1 && row.2 >= last.2 && row.2 - first.2 <= window;
                if fits && row.0 != row.1 && path[1..].iter().all(|other| other.0 != row.1) {
                    path.push(row);
                    onward(rows, path, max_hops, window, found);
                    path.pop();
                }
            }
        }
        let mut found = BTreeSet::new();
        for &row in rows.iter().filter(|row| row.0 != row.1) {
            onward(rows, &mut vec![row], max_hops, window, &mut found);
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn circles_completed_are_those_that_were_not_there_before(
            rows in prop::collection::vec((0u32..5, 0u32..5, 0i64..30), 1..16),
            window in 1i64..40,
            max_hops in 2usize..6,
        ) {
            let config = CompletedConfig { max_hops, window_seconds: window, max_steps: u32::MAX };
            let mut held = TemporalWindow::new(5, 1 << 20).unwrap();
            let mut seen: Vec<Row> = Vec::new();
            for &(payer, payee, at_seconds) in &rows {
                let [from, to] = [payer, payee].map(AccountIndex::new);
                let transfer = Transfer { payer: from, payee: to, amount_minor: 1, at_seconds };
                held.push(transfer).unwrap();
                seen.push((payer, payee, at_seconds));
                let found = completed_circles(&held, &transfer, &config).unwrap();
                // Circles over the hop for which this row is needed or will do.
                let mut others = seen.clone();
                others.retain(|row| (row.0, row.1) != (payer, payee));
                others.push((payer, payee, at_seconds));
                let over_hop = |circle: &Vec<u32>| {
                    payer != payee && (0..circle.len()).any(|place| {
                        circle[place] == payer && circle[(place + 1) % circle.len()] == payee
                    })
                };
                let slow: Vec<Vec<u32>> = circles(&others, max_hops, window).into_iter().filter(over_hop).collect();
                prop_assert!(!found.capped);
                for hops in 2..=max_hops {
                    let expected = slow.iter().filter(|circle| circle.len() == hops).count();
                    prop_assert_eq!(found.by_hops[hops] as usize, expected, "{} hops", hops);
                }
            }
        }
    }

    #[test]
    fn a_hub_ends_the_search_at_its_cap() {
        let mut held = TemporalWindow::new(3_000, 86_400).unwrap();
        let pay = |payer: u32, payee: u32| Transfer {
            payer: payer.into(),
            payee: payee.into(),
            amount_minor: 1,
            at_seconds: 7,
        };
        for account in 2..3_000 {
            held.push(pay(0, account)).unwrap();
            held.push(pay(account, 1)).unwrap();
        }
        let last = pay(1, 0);
        held.push(last).unwrap();
        let config = CompletedConfig { max_steps: 1_000, ..CompletedConfig::default() };
        let found = completed_circles(&held, &last, &config).unwrap();
        assert!(found.capped && found.by_hops[3] > 0 && found.by_hops[3] < 2_998);
    }
}
