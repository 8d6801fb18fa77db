//! Money that goes round: temporal cycles with the amount kept.

use std::ops::RangeInclusive;

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::parallel::try_map_chunks;
use crate::progress::Progress;

use super::handed_on::{HandedOn, Known, rounded_up};
use super::index::{Leg, Legs, between};

/// What counts as a circular flow, and how hard to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleConfig {
    /// Fewest transfers in a circle; 2 is a plain round trip.
    pub min_hops: usize,
    /// Most transfers in a circle, at most 8.
    pub max_hops: usize,
    /// Seconds from the first transfer to the last.
    pub window_seconds: i64,
    /// Every amount lies within this share of the first one, 0 to 0.9.
    pub amount_tolerance: f64,
    /// Transfers that may be looked at for one account; then the search for that account stops and says so.
    pub max_steps: u32,
    /// Circles kept for one account; then the search for that account stops and says so.
    pub max_flows: u32,
}

impl Default for CycleConfig {
    /// Circles of 2 to 5 transfers within a week, amounts within a tenth.
    fn default() -> Self {
        Self {
            min_hops: 2,
            max_hops: 5,
            window_seconds: 7 * 86_400,
            amount_tolerance: 0.1,
            max_steps: 1 << 14,
            max_flows: 64,
        }
    }
}

impl CycleConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::is_invalid`] names the field.
    pub fn check(&self) -> Result<()> {
        if !(2..=8).contains(&self.min_hops) || !(self.min_hops..=8).contains(&self.max_hops) {
            let value = format!("{} to {}", self.min_hops, self.max_hops);
            return Err(Error::invalid("min_hops to max_hops", value, "from 2 to 8, ascending"));
        }
        if !(0..=1 << 40).contains(&self.window_seconds) {
            return Err(Error::invalid("window_seconds", self.window_seconds, "from 0 to 2^40"));
        }
        if !(0.0..=0.9).contains(&self.amount_tolerance) {
            return Err(Error::invalid("amount_tolerance", self.amount_tolerance, "from 0 to 0.9"));
        }
        Ok(())
    }

    fn band(&self, amount_minor: i64) -> RangeInclusive<i64> {
        let amount = amount_minor as f64;
        let low = rounded_up(amount * (1.0 - self.amount_tolerance));
        let high = (amount * (1.0 + self.amount_tolerance)) as i64;
        low.min(amount_minor).max(1)..=high.max(amount_minor)
    }

    /// Amounts that can share a circle with `amount_minor`, whichever of the two is the first.
    fn wide_band(&self, amount_minor: i64) -> RangeInclusive<i64> {
        let ratio = (1.0 + self.amount_tolerance) / (1.0 - self.amount_tolerance);
        let amount = amount_minor as f64;
        ((amount / ratio).floor() as i64).min(amount_minor).max(1)..=((amount * ratio).ceil() as i64).max(amount_minor)
    }
}

/// One circle: money that left `accounts[0]` and came back to it over the others, in order of time.
///
/// Transfers over the same hop that fit the same circle (same two accounts, amounts within the tolerance, times that keep
/// the order) are told together: five payments of 10.42 from A to B, five from B to C and five from C to A are one circle
/// of three hops with fifteen rows, not 125 circles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircularFlow {
    /// The accounts in the order of the flow, the one the circle starts from first; all different.
    pub accounts: Vec<u32>,
    /// The rows of the transfers, hop after hop, in order of time within a hop.
    pub rows: Vec<u32>,
    /// The amount of the first transfer, which the others are within the tolerance of.
    pub amount_minor: i64,
}

/// Every circle found, and whose search was cut short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CircularFlows {
    /// The circles, by the account they start from, then in the order in which they begin.
    pub flows: Vec<CircularFlow>,
    /// Accounts whose search reached a cap, ascending: circles that start there may be missing.
    pub capped: Vec<u32>,
}

/// The circular flows among all accounts: simple cycles of `min_hops..=max_hops` transfers, no transfer earlier than the
/// one before it, all within `window_seconds`, every amount within `amount_tolerance` of the first.
///
/// Equal times are in no known order (many ledgers only keep the day), so they may follow each other either way. A circle
/// is found once, from its earliest transfer; amounts of 0 and refunds take no part.
///
/// ```
/// use dandelion_credit::graph::temporal::{CycleConfig, TemporalIndex, circular_flows};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// // 0 -> 1 -> 2 -> 0, half a per cent less each time; and a coffee.
/// let columns = TransferColumns {
///     payer: &[0, 1, 2, 1], payee: &[1, 2, 0, 0],
///     amount_minor: Some(&[10_000, 9_950, 9_900, 350]), at_seconds: Some(&[0, 600, 1_200, 900]),
/// };
/// let index = TemporalIndex::build(&columns, 3, Progress::silent())?;
/// let found = circular_flows(&index, &CycleConfig::default(), Progress::silent())?;
/// assert_eq!(found.flows.len(), 1);
/// assert_eq!((&found.flows[0].accounts[..], &found.flows[0].rows[..]), (&[0, 1, 2][..], &[0, 1, 2][..]));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// As [`CycleConfig::check`]; [`Error::is_cancelled`].
///
/// # Complexity
/// One pass marks the transfers whose payee sends a matching amount on within the window, and those whose payer was sent one
/// before; a depth-first search follows the former, and only where one of the latter comes back in time. At most `max_steps` transfers are looked at for an account. After Blanuša et al.,
/// "Scalable fine-grained parallel cycle enumeration algorithms" (SPAA 2022), and Kumar and Calders, "2SCENT" (PVLDB 11).
pub fn circular_flows(legs: &impl Legs, config: &CycleConfig, progress: Progress<'_>) -> Result<CircularFlows> {
    config.check()?;
    const CHUNK: usize = 1 << 12;
    let accounts = legs.accounts();
    let parts = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("looking for money handed on", range.start as u64, accounts as u64)?;
        let mut finder = HandedOn::new(config);
        range.for_each(|account| finder.look_at(legs.received(account as u32), legs.sent(account as u32)));
        Ok(finder.found())
    })?;
    let known = Known::of(&parts);
    drop(parts);
    let chunks = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("following money round", range.start as u64, accounts as u64)?;
        let mut search = Search::new(legs, config);
        search.known = Some(&known);
        for account in range {
            search.from(account as u32);
        }
        Ok(search.found)
    })?;
    let mut all = CircularFlows::default();
    for chunk in chunks {
        all.flows.extend(chunk.flows);
        all.capped.extend(chunk.capped);
    }
    Ok(all)
}

/// The circular flows that pass through `account`: those of [`circular_flows`] that name it.
///
/// # Errors
/// As [`CycleConfig::check`].
///
/// # Panics
/// When `account` is not below [`Legs::accounts`].
///
/// # Complexity
/// Follows matching amounts from the account forwards and backwards to learn where such a circle may start, then searches
/// from there; `max_steps` holds for each of these, and 64 starting accounts are the most.
pub fn circular_flows_through(legs: &impl Legs, account: AccountIndex, config: &CycleConfig) -> Result<CircularFlows> {
    config.check()?;
    let account = account.get();
    let mut starts = vec![account];
    let mut capped = false;
    let mut steps = 0u32;
    let mut seen: Vec<(u32, usize)> = Vec::new();
    for leg in legs.sent(account).iter().filter(|leg| leg.amount_minor > 0) {
        let band = config.wide_band(leg.amount_minor);
        let mut ahead = vec![leg.peer];
        let until = leg.at_seconds.saturating_add(config.window_seconds);
        let mut front = vec![leg.peer];
        for _ in 2..config.max_hops {
            let mut next = Vec::new();
            for &place in &front {
                for onward in between(legs.sent(place), leg.at_seconds, until) {
                    steps += 1;
                    if band.contains(&onward.amount_minor) && onward.peer != account && steps < config.max_steps {
                        next.push(onward.peer);
                    }
                }
                if steps >= config.max_steps {
                    break;
                }
            }
            next.sort_unstable();
            next.dedup();
            ahead.extend_from_slice(&next);
            front = next;
        }
        ahead.sort_unstable();
        ahead.dedup();
        let since = leg.at_seconds.saturating_sub(config.window_seconds);
        let mut front = vec![account];
        seen.clear();
        for depth in 1..config.max_hops {
            let mut next = Vec::new();
            for &place in &front {
                for before in between(legs.received(place), since, leg.at_seconds) {
                    steps += 1;
                    if band.contains(&before.amount_minor) && before.peer != account && steps < config.max_steps {
                        next.push(before.peer);
                    }
                }
                if steps >= config.max_steps {
                    break;
                }
            }
            next.sort_unstable();
            next.dedup();
            next.retain(|place| !seen.iter().any(|(other, _)| other == place));
            seen.extend(next.iter().map(|&place| (place, depth)));
            starts.extend(next.iter().filter(|place| ahead.binary_search(place).is_ok()));
            front = next;
        }
        if steps >= config.max_steps {
            capped = true;
            break;
        }
    }
    starts.sort_unstable();
    starts.dedup();
    if starts.len() > 64 {
        capped = true;
        starts.retain(|&start| start != account);
        starts.truncate(63);
        starts.push(account);
        starts.sort_unstable();
    }
    let mut search = Search::new(legs, config);
    starts.into_iter().for_each(|start| search.from(start));
    let mut found = search.found;
    found.flows.retain(|flow| flow.accounts.contains(&account));
    capped |= !found.capped.is_empty();
    found.capped = if capped { vec![account] } else { Vec::new() };
    Ok(found)
}

/// A search under way: the path from the start, and when the money arrived at each place of it.
struct Search<'a, L> {
    legs: &'a L,
    config: &'a CycleConfig,
    found: CircularFlows,
    path: Vec<u32>,
    arrivals: Vec<i64>,
    /// Whom the money was followed to from each place of the path.
    tried: Vec<u32>,
    /// Legs that may bring money back to the start, whichever transfer it left with.
    returning: Vec<Leg>,
    /// Those that bring the money of the seed back.
    closers: Vec<Leg>,
    /// Rows of first hops that an earlier circle of this start has told.
    told: Vec<u32>,
    /// Transfers that may be followed and that may follow, where that is known.
    known: Option<&'a Known>,
    steps: u32,
    flows: u32,
}

/// The first transfer of the circles looked for.
#[derive(Clone, Copy)]
struct Seed {
    leg: Leg,
    low: i64,
    high: i64,
    until: i64,
}

impl Seed {
    /// Whether `leg` may be part of a circle that starts with the seed.
    fn admits(&self, leg: &Leg) -> bool {
        (self.low..=self.high).contains(&leg.amount_minor)
            && (leg.at_seconds, leg.row) > (self.leg.at_seconds, self.leg.row)
    }
}

impl<'a, L: Legs> Search<'a, L> {
    fn new(legs: &'a L, config: &'a CycleConfig) -> Self {
        Self {
            legs,
            config,
            found: CircularFlows::default(),
            path: Vec::new(),
            arrivals: Vec::new(),
            tried: Vec::new(),
            returning: Vec::new(),
            closers: Vec::new(),
            told: Vec::new(),
            known: None,
            steps: 0,
            flows: 0,
        }
    }

    /// Whether the payee of `leg` may have sent the money on, so that a circle may follow the transfer.
    fn may_follow(&self, leg: &Leg) -> bool {
        self.known.is_none_or(|known| known.handed_on.contains(leg.row))
    }

    /// Whether the payer of `leg` may have been sent the money before, so that a circle may end with the transfer.
    fn may_close(&self, leg: &Leg) -> bool {
        leg.amount_minor > 0 && self.known.is_none_or(|known| known.passed_on.contains(leg.row))
    }

    fn exhausted(&self) -> bool {
        self.steps >= self.config.max_steps || self.flows >= self.config.max_flows
    }

    fn from(&mut self, start: u32) {
        let legs = self.legs;
        let mut returning = std::mem::take(&mut self.returning);
        returning.clear();
        returning.extend(legs.received(start).iter().filter(|leg| self.may_close(leg)));
        self.circles_from(start, &returning);
        self.returning = returning;
    }

    /// Looks for the circles from `start` that may end with one of the `returning` transfers.
    fn circles_from(&mut self, start: u32, returning: &[Leg]) {
        let legs = self.legs;
        let Some(last) = returning.last() else { return };
        (self.steps, self.flows) = (0, 0);
        self.told.clear();
        let (mut first, mut end) = (0, 0);
        for &leg in legs.sent(start) {
            if leg.at_seconds > last.at_seconds {
                break;
            }
            let until = leg.at_seconds.saturating_add(self.config.window_seconds);
            // Payments come in order of time, and so do their windows.
            first += returning[first..].iter().take_while(|other| other.at_seconds < leg.at_seconds).count();
            if returning[first].at_seconds > until
                || leg.amount_minor <= 0
                || !self.may_follow(&leg)
                || self.told.contains(&leg.row)
            {
                continue;
            }
            end = first.max(end);
            end += returning[end..].iter().take_while(|other| other.at_seconds <= until).count();
            let band = self.config.band(leg.amount_minor);
            let seed = Seed { leg, low: *band.start(), high: *band.end(), until };
            let back = &returning[first..end];
            self.steps = self.steps.saturating_add(back.len() as u32 / 16 + 1);
            self.closers.clear();
            // Whom the money went to first brings it back in a round trip only.
            let closes = |closer: &&Leg| seed.admits(closer) && (self.config.min_hops == 2 || closer.peer != leg.peer);
            self.closers.extend(back.iter().filter(closes));
            if !self.closers.is_empty() {
                self.path.clear();
                self.arrivals.clear();
                self.path.extend([start, leg.peer]);
                self.arrivals.extend([leg.at_seconds, leg.at_seconds]);
                self.onward(&seed);
            }
            if self.exhausted() {
                self.found.capped.push(start);
                return;
            }
        }
    }

    fn onward(&mut self, seed: &Seed) {
        let (place, arrival) = (self.path[self.path.len() - 1], self.arrivals[self.arrivals.len() - 1]);
        let hops = self.path.len();
        let closes = |closer: &Leg| closer.peer == place && closer.at_seconds >= arrival;
        if hops >= self.config.min_hops && self.closers.iter().any(closes) {
            self.tell(seed);
        }
        if hops >= self.config.max_hops || self.exhausted() {
            return;
        }
        let last_step = hops + 1 == self.config.max_hops;
        let tried_before = self.tried.len();
        let legs = self.legs;
        for onward in between(legs.sent(place), arrival, seed.until) {
            self.steps += 1;
            if self.exhausted() {
                break;
            }
            if !seed.admits(onward)
                || !self.may_follow(onward)
                || self.path.contains(&onward.peer)
                || self.tried[tried_before..].contains(&onward.peer)
            {
                continue;
            }
            if last_step && !self.closers.iter().any(|closer| closer.peer == onward.peer) {
                continue;
            }
            self.tried.push(onward.peer);
            self.path.push(onward.peer);
            self.arrivals.push(onward.at_seconds);
            self.onward(seed);
            self.path.pop();
            self.arrivals.pop();
        }
        self.tried.truncate(tried_before);
    }

    /// Writes the present path down with every transfer that fits it.
    fn tell(&mut self, seed: &Seed) {
        let legs = self.legs;
        let hops = self.path.len();
        let mut rows_of_hop: Vec<Vec<u32>> = Vec::with_capacity(hops);
        let mut latest = seed.until;
        for hop in (0..hops).rev() {
            let (place, next) = (self.path[hop], self.path[(hop + 1) % hops]);
            let window = if hop + 1 == hops {
                between(legs.received(next), self.arrivals[hop], latest)
            } else {
                between(legs.sent(place), self.arrivals[hop], latest)
            };
            self.steps = self.steps.saturating_add(window.len() as u32 / 16 + 1);
            let other = if hop + 1 == hops { place } else { next };
            let fits = |leg: &&Leg| leg.peer == other && (seed.admits(leg) || (hop == 0 && leg.row == seed.leg.row));
            let mut last = None;
            let rows: Vec<u32> =
                window.iter().filter(fits).inspect(|leg| last = Some(leg.at_seconds)).map(|leg| leg.row).collect();
            latest = last.unwrap_or(latest);
            rows_of_hop.push(rows);
        }
        rows_of_hop.reverse();
        self.told.extend_from_slice(&rows_of_hop[0]);
        self.flows += 1;
        self.found.flows.push(CircularFlow {
            accounts: self.path.clone(),
            rows: rows_of_hop.concat(),
            amount_minor: seed.leg.amount_minor,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::temporal::{TemporalIndex, TemporalWindow};
    use crate::transfer::{Transfer, Transfers};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn transfers(rows: &[(u32, u32, i64, i64)]) -> Transfers {
        let pay = |&(payer, payee, amount_minor, at_seconds): &(u32, u32, i64, i64)| Transfer {
            payer: payer.into(),
            payee: payee.into(),
            amount_minor,
            at_seconds,
        };
        rows.iter().map(pay).collect()
    }

    fn index(rows: &[(u32, u32, i64, i64)]) -> TemporalIndex {
        TemporalIndex::build(&transfers(rows).columns(), 8, Progress::silent()).unwrap()
    }

    fn found(rows: &[(u32, u32, i64, i64)], config: &CycleConfig) -> Vec<CircularFlow> {
        let all = circular_flows(&index(rows), config, Progress::silent()).unwrap();
        assert!(all.capped.is_empty());
        all.flows
    }

    #[test]
    fn order_of_time_and_size_of_amounts_decide() {
        let config = CycleConfig::default();
        assert_eq!(found(&[(0, 1, 100, 5), (1, 2, 100, 6), (2, 0, 91, 7)], &config).len(), 1);
        assert!(found(&[(0, 1, 100, 5), (1, 2, 100, 4), (2, 0, 91, 7)], &config).is_empty(), "out of order");
        assert!(found(&[(0, 1, 100, 5), (1, 2, 89, 6), (2, 0, 91, 7)], &config).is_empty(), "out of tolerance");
        let late = 7 * 86_400 + 6;
        assert!(found(&[(0, 1, 100, 5), (1, 2, 100, 6), (2, 0, 91, late)], &config).is_empty(), "out of the window");
        assert!(found(&[(0, 1, -100, 5), (1, 0, -100, 6)], &config).is_empty(), "refunds are no circle");
    }

    #[test]
    fn transfers_of_one_day_are_in_no_order() {
        let flows = found(&[(1, 2, 100, 5), (2, 0, 100, 5), (0, 1, 100, 5)], &CycleConfig::default());
        assert_eq!(flows.len(), 1, "{flows:?}");
        assert_eq!(flows[0].accounts, [1, 2, 0]);
    }

    #[test]
    fn parallel_transfers_are_one_circle() {
        let mut rows = Vec::new();
        for (payer, payee, day) in [(0, 1, 1), (1, 2, 2), (2, 0, 3)] {
            rows.extend([(payer, payee, 1_042, day * 86_400); 5]);
        }
        let flows = found(&rows, &CycleConfig::default());
        assert_eq!(flows.len(), 1);
        assert_eq!(flows[0].rows, (0..15).collect::<Vec<u32>>());
    }

    #[test]
    fn a_hub_reaches_its_cap_and_says_so() {
        let mut rows = Vec::new();
        for other in 1..8 {
            rows.extend((0..200).map(|at| (0, other, 100, at)));
            rows.extend((0..200).map(|at| (other, 0, 100, at)));
        }
        let config = CycleConfig { max_steps: 500, ..CycleConfig::default() };
        let all = circular_flows(&index(&rows), &config, Progress::silent()).unwrap();
        assert!(all.capped.contains(&0));
    }

    /// Every simple path, transfer by transfer.
    fn slow(rows: &[(u32, u32, i64, i64)], config: &CycleConfig) -> BTreeSet<Vec<u32>> {
        fn walk(
            rows: &[(u32, u32, i64, i64)],
            config: &CycleConfig,
            path: &mut Vec<u32>,
            out: &mut BTreeSet<Vec<u32>>,
        ) {
            let (first, last) = (rows[path[0] as usize], rows[path[path.len() - 1] as usize]);
            let accounts: Vec<u32> = path.iter().map(|&row| rows[row as usize].0).collect();
            if last.1 == first.0 {
                if path.len() >= config.min_hops {
                    out.insert(accounts);
                }
                return;
            }
            if path.len() == config.max_hops || accounts.contains(&last.1) {
                return;
            }
            for (row, leg) in rows.iter().enumerate() {
                let start = path[0] as usize;
                if leg.0 == last.1
                    && leg.0 != leg.1
                    && leg.3 >= last.3
                    && leg.3 <= first.3 + config.window_seconds
                    && (leg.3, row) > (first.3, start)
                    && config.band(first.2).contains(&leg.2)
                {
                    path.push(row as u32);
                    walk(rows, config, path, out);
                    path.pop();
                }
            }
        }
        let mut out = BTreeSet::new();
        for (row, leg) in rows.iter().enumerate().filter(|(_, leg)| leg.0 != leg.1 && leg.2 > 0) {
            let _ = leg;
            walk(rows, config, &mut vec![row as u32], &mut out);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn circles_are_those_of_an_exhaustive_walk(
            rows in prop::collection::vec((0u32..6, 0u32..6, 90i64..112, 0i64..40), 0..26),
            window_seconds in 5i64..40,
        ) {
            let config = CycleConfig { window_seconds, ..CycleConfig::default() };
            let flows = found(&rows, &config);
            let fast: BTreeSet<Vec<u32>> = flows.iter().map(|flow| flow.accounts.clone()).collect();
            let slow = slow(&rows, &config);
            // A later parallel first hop opens a later window, which is told only from the first.
            for flow in &fast {
                prop_assert!(slow.contains(flow));
            }
            let distinct: BTreeSet<(u32, u32)> = rows.iter().map(|row| (row.0, row.1)).collect();
            if distinct.len() == rows.len() {
                prop_assert_eq!(&fast, &slow);
            }
            for flow in &flows {
                let hops = flow.accounts.len();
                for (&row, _) in flow.rows.iter().zip(0..) {
                    let (payer, payee, amount, at) = rows[row as usize];
                    let hop = flow.accounts.iter().position(|&account| account == payer).unwrap();
                    prop_assert_eq!(flow.accounts[(hop + 1) % hops], payee);
                    prop_assert!(config.band(flow.amount_minor).contains(&amount));
                    prop_assert!(at <= rows[flow.rows[0] as usize].3 + window_seconds);
                }
            }
        }

        #[test]
        fn circles_through_one_account_are_those_that_name_it(
            rows in prop::collection::vec((0u32..7, 0u32..7, 95i64..105, 0i64..40), 0..40),
        ) {
            let config = CycleConfig { window_seconds: 20, ..CycleConfig::default() };
            let all = found(&rows, &config);
            let mut window = TemporalWindow::new(8, 1 << 20).unwrap();
            for leg in transfers(&rows).columns().iter() {
                window.push(leg).unwrap();
            }
            for account in 0..8 {
                let through = circular_flows_through(&window, account.into(), &config).unwrap();
                let mut expected: Vec<&CircularFlow> =
                    all.iter().filter(|flow| flow.accounts.contains(&account)).collect();
                let mut told: Vec<&CircularFlow> = through.flows.iter().collect();
                expected.sort_by_key(|flow| &flow.rows);
                told.sort_by_key(|flow| &flow.rows);
                prop_assert_eq!(told, expected);
            }
        }
    }
}
