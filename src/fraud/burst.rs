//! Many strangers at once: counterparties that deal with an account once and never again, in more of a crowd than its own pace
//! and the habits of the market explain.
//!
//! Gathering and scattering show in the middle: an account with little other life is suddenly paid by many, or pays many, and
//! often nearly the same sum each time. The others in such a group make a single ordinary transfer, which tells only by where
//! and when it goes; so everybody in the crowd shares its strength.

use std::sync::LazyLock;

use crate::elementary::{exp, ln, log10};
use crate::error::Result;
use crate::graph::temporal::{Leg, Legs};
use crate::parallel::try_map_chunks;
use crate::progress::Progress;

use super::config::AuditConfig;
use super::patterns::Patterns;
use super::relay::relay;

const CHUNK: usize = 1 << 12;
const DAY: i64 = 86_400;
/// Seconds in which a crowd meets, or a quarter of the market's time where that is less.
const WINDOW: i64 = 5 * DAY;
/// Fewest strangers in a crowd.
pub(super) const FEWEST: usize = 4;
/// Transfers on one side of an account above which crowds are its daily life: the bits of a word.
pub(super) const MOST: usize = 64;
/// Strangers that are expected in any window, whatever the pace.
pub(super) const ANYWAY: f64 = 0.25;
/// Decimals of surprise that tell nothing: one account in a hundred has as much by chance.
pub(super) const ORDINARY: f64 = 2.0;
/// Decimals of surprise that one account in twenty has by chance.
pub(super) const COMMON: f64 = 1.301_029_995_663_981_3;
/// How strong money that strangers bring and strangers take is at most: small crowds, which meet at honest accounts, too.
const HANDED_ON: f64 = 0.7;
/// Share of other amounts that lie as near to one another by chance.
pub(super) const NEAR_BY_CHANCE: f64 = 0.2;

/// The crowds around every account: who was paid by one, who paid one, and who was paid by one that was handed to another.
pub(super) fn crowds(
    legs: &impl Legs,
    span_seconds: i64,
    config: &AuditConfig,
    progress: Progress<'_>,
) -> Result<[Patterns; 3]> {
    let window = WINDOW.min(span_seconds / 4);
    let accounts = legs.accounts();
    let parts = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("looking for crowds", range.start as u64, accounts as u64)?;
        let mut sides = [const { Side::new() }; 3];
        let (mut once, mut near) = (<[Strangers; 2]>::default(), Vec::new());
        for account in range {
            let account = account as u32;
            let lists = [legs.received(account), legs.sent(account)];
            for ((side, list), once) in sides.iter_mut().zip(lists).zip(&mut once) {
                once.forget();
                let asked = (FEWEST..=MOST).contains(&list.len());
                side.ask(account, asked, || crowd(list, once, &mut near, window, config.amount_tolerance));
            }
            let asked = lists.iter().all(|list| (2..=MOST).contains(&list.len()));
            sides[2].ask(account, asked, || relay(lists, &mut once, window, config.amount_tolerance));
        }
        Ok(sides)
    })?;
    let mut all = [const { Side::new() }; 3];
    for part in parts {
        all.iter_mut().zip(part).for_each(|(all, part)| all.append(part));
    }
    let [gathered, scattered, handed_on] = all;
    Ok([gathered.told(1.0), scattered.told(1.0), handed_on.told(HANDED_ON)])
}

/// The crowds of the market on one side.
struct Side {
    /// Accounts with few enough transfers.
    asked: usize,
    /// Surprise at each of them, where it is above [`COMMON`].
    surprises: Vec<f64>,
    /// Accounts and their crowds, if they are out of the ordinary.
    found: Vec<(u32, Crowd)>,
}

impl Side {
    const fn new() -> Self {
        Self { asked: 0, surprises: Vec::new(), found: Vec::new() }
    }

    /// Looks at `account`, if it is one that is `asked`.
    fn ask(&mut self, account: u32, asked: bool, look: impl FnOnce() -> Option<Crowd>) {
        self.asked += usize::from(asked);
        if let Some(crowd) = asked.then(look).flatten() {
            self.surprises.push(crowd.surprise);
            self.found.extend((crowd.surprise > ORDINARY).then_some((account, crowd)));
        }
    }

    fn append(&mut self, other: Self) {
        self.asked += other.asked;
        self.surprises.extend(other.surprises);
        self.found.extend(other.found);
    }

    /// The crowds that are out of the ordinary in this market, at most `most` strong.
    fn told(mut self, most: f64) -> Patterns {
        let unit = unit_of(&mut self.surprises, self.asked);
        let mut patterns = Patterns::default();
        for (account, Crowd { surprise, legs }) in self.found {
            let strength = most * (1.0 - exp((ORDINARY - surprise / unit) / 2.0));
            if strength > 0.0 {
                let members = legs.iter().map(|leg| leg.peer).chain([account]);
                patterns.add(strength as f32, legs.iter().map(|leg| leg.row).collect(), members);
            }
        }
        patterns.seal()
    }
}

/// What a decimal of surprise is in a market: 1 where one account in twenty has as much as chance explains, more where
/// customers come in crowds anyhow. The most surprising twentieth of the accounts is left out, and one more, so that rings
/// do not hide themselves.
fn unit_of(surprises: &mut [f64], accounts: usize) -> f64 {
    let place = accounts / 20 + 1;
    if place >= surprises.len() {
        return 1.0;
    }
    let usual = *surprises.select_nth_unstable_by(place, |a, b| b.total_cmp(a)).1;
    (usual / COMMON).max(1.0)
}

/// The most surprising crowd at an account.
#[derive(Debug, PartialEq)]
pub(super) struct Crowd {
    /// Decimals of the chance that it came together by itself.
    pub surprise: f64,
    /// Its transfers; none where the surprise is an ordinary one.
    pub legs: Vec<Leg>,
}

/// Places of the table in which counterparties are looked up; a multiple of what it holds, so that few meet there.
const TABLE: usize = 4 * MOST;

/// The transfers of those that appear on one side of an account once, gathered when they are first asked for.
#[derive(Default)]
pub(super) struct Strangers {
    once: Vec<Leg>,
    known: bool,
}

impl Strangers {
    /// Goes on to another account.
    fn forget(&mut self) {
        self.known = false;
    }

    /// Those in `list`, of at most [`MOST`], whose amounts are positive.
    pub fn among(&mut self, list: &[Leg]) -> &[Leg] {
        if !self.known {
            self.known = true;
            self.once.clear();
            let mut left = singles(list);
            while left != 0 {
                let leg = list[left.trailing_zeros() as usize];
                left &= left - 1;
                if leg.amount_minor > 0 {
                    self.once.push(leg);
                }
            }
        }
        &self.once
    }
}

/// A bit for the place of each transfer in `list` whose counterparty is in no other.
fn singles(list: &[Leg]) -> u64 {
    // The place of a counterparty's first transfer, counted from 1, where its hash leads or soon after.
    let mut table = [0u8; TABLE];
    let mut singles = 0u64;
    for (place, leg) in list.iter().enumerate().take(MOST) {
        let mut at = (leg.peer.wrapping_mul(0x9e37_79b1) >> (32 - TABLE.trailing_zeros())) as usize;
        singles |= 1 << place;
        while table[at] != 0 {
            let first = usize::from(table[at]) - 1;
            if list[first].peer == leg.peer {
                singles &= !(1 << place | 1 << first);
                break;
            }
            at = (at + 1) % TABLE;
        }
        if table[at] == 0 {
            table[at] = place as u8 + 1;
        }
    }
    singles
}

/// The most surprising crowd in `list`, if it is more surprising than at one account in twenty.
fn crowd(list: &[Leg], once: &mut Strangers, near: &mut Vec<Leg>, window: i64, tolerance: f64) -> Option<Crowd> {
    if !(FEWEST..=MOST).contains(&list.len()) || window <= 0 {
        return None;
    }
    if !list.windows(FEWEST).any(|legs| legs[FEWEST - 1].at_seconds - legs[0].at_seconds <= window) {
        return None;
    }
    let once = once.among(list);
    if once.len() < FEWEST {
        return None;
    }
    // Where a window may lie is tried as often as there are strangers.
    let tries = log10(once.len() as f64);
    let pace = pace_of(list, window);
    let (mut most, mut best, mut end) = (COMMON, None, 0);
    for first in 0..once.len() {
        let before = end;
        while end < once.len() && once[end].at_seconds - once[first].at_seconds <= window {
            end += 1;
        }
        // Part of the window before, or too few.
        if end == before || end - first < FEWEST {
            continue;
        }
        let usual = (once.len() - (end - first)) as f64 * pace;
        let told = surprise(end - first, usual + ANYWAY) - tries;
        if told > most {
            (most, best) = (told, Some((first, end, None)));
        }
        let usual = usual * NEAR_BY_CHANCE + ANYWAY;
        if surprise(end - first, usual) - 2.0 * tries <= most {
            continue;
        }
        near.clear();
        near.extend_from_slice(&once[first..end]);
        near.sort_unstable_by_key(|leg| leg.amount_minor);
        let band = widest_band(near, tolerance);
        let (low, high) = (near[band.start].amount_minor, near[band.end - 1].amount_minor);
        let others = once.iter().filter(|leg| (low..=high).contains(&leg.amount_minor)).count() - band.len();
        let told = surprise(band.len(), others as f64 * pace + usual) - 2.0 * tries;
        if band.len() >= FEWEST && told > most {
            (most, best) = (told, Some((first, end, Some((low, high)))));
        }
    }
    let (first, end, band) = best?;
    let kept = |leg: &&Leg| band.is_none_or(|(low, high)| (low..=high).contains(&leg.amount_minor));
    let legs = if most > ORDINARY { once[first..end].iter().filter(kept).copied().collect() } else { Vec::new() };
    Some(Crowd { surprise: most, legs })
}

/// Share of an account's other transfers that a window as long as this one would hold by chance, as far as it was at work
/// at all: whoever opened last week has a pace of its own. At most 1, so that a single transfer soon after does not excuse a
/// crowd.
pub(super) fn pace_of(list: &[Leg], window: i64) -> f64 {
    let at_work = list[list.len() - 1].at_seconds - list[0].at_seconds;
    window as f64 / (at_work - window).max(window) as f64
}

/// The longest run of `sorted` amounts within the tolerance of one another.
fn widest_band(sorted: &[Leg], tolerance: f64) -> std::ops::Range<usize> {
    let ratio = (1.0 + tolerance) / (1.0 - tolerance);
    let (mut best, mut end) = (0..0, 0);
    for first in 0..sorted.len() {
        let most = sorted[first].amount_minor as f64 * ratio;
        while end < sorted.len() && sorted[end].amount_minor as f64 <= most {
            end += 1;
        }
        if end - first > best.len() {
            best = first..end;
        }
    }
    best
}

/// Logarithms of the factorials of as many as may be in a crowd.
static LN_FACTORIALS: LazyLock<[f64; MOST + 1]> = LazyLock::new(|| {
    let mut all = [0.0; MOST + 1];
    (2..=MOST).for_each(|n| all[n] = all[n - 1] + ln(n as f64));
    all
});

/// How surprising `many` or more are where `usual` are expected: the decimals of their chance by Poisson's law.
pub(super) fn surprise(many: usize, usual: f64) -> f64 {
    let factorial = LN_FACTORIALS[many];
    let many = many as f64;
    if many <= usual {
        return 0.0;
    }
    // Every further term is at most usual / (many + 1) of the one before.
    let ln_first = many * ln(usual) - usual - factorial;
    let rest = -ln(1.0 - usual / (many + 1.0));
    (-(ln_first + rest) / std::f64::consts::LN_10).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn legs(rows: &[(u32, i64, i64)]) -> Vec<Leg> {
        let leg = |(row, &(peer, amount_minor, at_seconds))| Leg { at_seconds, amount_minor, peer, row };
        let mut legs: Vec<Leg> = (0..).zip(rows).map(leg).collect();
        legs.sort_by_key(|leg| (leg.at_seconds, leg.row));
        legs
    }

    fn crowd(list: &[Leg]) -> Option<Crowd> {
        super::crowd(list, &mut Strangers::default(), &mut Vec::new(), WINDOW, 0.1)
    }

    #[test]
    fn strangers_at_once_are_a_crowd_and_regular_customers_are_none() {
        let strangers: Vec<(u32, i64, i64)> =
            (0..8).map(|i| (i, 50_000 + i64::from(i) * 500, 20 * DAY + i64::from(i) * 40_000)).collect();
        let found = crowd(&legs(&strangers)).unwrap();
        assert!(found.surprise > 7.0, "{}", found.surprise);
        assert_eq!(found.legs.iter().map(|leg| leg.row).collect::<Vec<u32>>(), (0..8).collect::<Vec<u32>>());
        // The same eight come again, and eight strangers of all sizes come over two months.
        let again: Vec<(u32, i64, i64)> = strangers
            .iter()
            .flat_map(|&(peer, amount, at)| [(peer, amount, at), (peer, amount, at + 9 * DAY)])
            .collect();
        assert_eq!(crowd(&legs(&again)), None);
        let spread: Vec<(u32, i64, i64)> = (0..8).map(|i| (i, 900 << i, i64::from(i) * 8 * DAY)).collect();
        assert_eq!(crowd(&legs(&spread)), None);
        // A shop that opened ten days ago.
        let opened: Vec<(u32, i64, i64)> =
            (0..40).map(|i| (i, 900 + i64::from(i * 37 % 40) * 100, i64::from(i) * DAY / 4)).collect();
        assert!(crowd(&legs(&opened)).is_none_or(|crowd| crowd.surprise < ORDINARY));
    }

    #[test]
    fn what_is_common_in_a_market_is_told_in_a_larger_unit() {
        assert_eq!(unit_of(&mut [9.0; 5], 95), 1.0);
        let mut common = [&[1.5; 50][..], &[2.0 * COMMON; 20], &[9.0; 5]].concat();
        assert_eq!(unit_of(&mut common, 95), 2.0);
        assert_eq!((unit_of(&mut [], 0), unit_of(&mut [30.0], 10)), (1.0, 1.0));
    }

    #[test]
    fn surprise_is_the_tail_of_poissons_law() {
        for (many, usual) in [(4, 0.25), (4, 1.5), (9, 2.0), (30, 10.0)] {
            let mut term = f64::exp(-usual);
            let mut tail = 0.0;
            for n in 0..200 {
                if n >= many {
                    tail += term;
                }
                term *= usual / (f64::from(n as u32) + 1.0);
            }
            let told = surprise(many, usual);
            assert!(
                (-f64::log10(tail) - told).abs() < 0.05 && told <= -f64::log10(tail) + 1e-9,
                "{many} {usual} {told}"
            );
        }
        assert_eq!(surprise(3, 3.0), 0.0);
    }

    proptest! {
        /// The slow twin filters all strangers for every window and every lowest amount.
        #[test]
        fn the_crowd_is_that_of_nested_loops(
            rows in prop::collection::vec((0u32..40, 90i64..130, 0i64..40), 0..40),
        ) {
            let rows: Vec<(u32, i64, i64)> = rows.into_iter().map(|(peer, amount, at)| (peer, amount, at * DAY)).collect();
            let list = legs(&rows);
            let once: Vec<&Leg> =
                list.iter().filter(|leg| list.iter().filter(|other| other.peer == leg.peer).count() == 1).collect();
            let tries = (once.len() as f64).log10();
            let at = |leg: &Leg| leg.at_seconds;
            let at_work = list.last().map_or(0, at) - list.first().map_or(0, at);
            let pace = if at_work < 2 * WINDOW { 1.0 } else { WINDOW as f64 / (at_work - WINDOW) as f64 };
            let mut most: f64 = COMMON;
            let within = |place: usize| -> Vec<&Leg> {
                let legs = once[place..].iter().filter(|leg| leg.at_seconds - once[place].at_seconds <= WINDOW);
                legs.copied().collect()
            };
            for place in 0..once.len() {
                let found = within(place);
                let is_part = place > 0 && within(place - 1).len() == found.len() + 1;
                if found.len() < FEWEST || is_part {
                    continue;
                }
                let usual = (once.len() - found.len()) as f64 * pace;
                most = most.max(surprise(found.len(), usual + ANYWAY) - tries);
                let highest = |low: i64| low as f64 * (1.1 / 0.9);
                let band = |low: i64, leg: &Leg| leg.amount_minor >= low && leg.amount_minor as f64 <= highest(low);
                let count = |low: i64| found.iter().filter(|leg| band(low, leg)).count();
                let lowest = found.iter().map(|leg| leg.amount_minor).max_by_key(|&low| (count(low), -low)).unwrap();
                let high = found.iter().filter(|leg| band(lowest, leg)).map(|leg| leg.amount_minor).max().unwrap();
                let others = once.iter().filter(|leg| (lowest..=high).contains(&leg.amount_minor)).count() - count(lowest);
                if count(lowest) >= FEWEST {
                    let usual = others as f64 * pace + usual * NEAR_BY_CHANCE + ANYWAY;
                    most = most.max(surprise(count(lowest), usual) - 2.0 * tries);
                }
            }
            let told = crowd(&list).map_or(COMMON, |crowd| crowd.surprise);
            prop_assert!((told - most).abs() < 1e-9, "{} {}", told, most);
        }
    }
}
