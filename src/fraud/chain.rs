//! Money that is handed on whole from account to account: what came in goes out again, nearly all of it, to somebody else.
//!
//! Circles come back and rare amounts show themselves; a chain does neither. It shows in accounts that for some days do
//! nothing but hand one sum on, or in sums so near each other that chance hardly explains it. A payment is linked with the
//! receipt before it when the amounts are within the tolerance, and each is at least half of what moved on its side
//! meanwhile, or they are nearer than any pair of receipts and payments meanwhile would be by chance at one account in
//! twenty. So trade of many small sums links nothing.

use crate::elementary::half_to_the;
use crate::graph::temporal::Leg;
use crate::parallel::sort_unstable;

use super::patterns::Patterns;
use super::trail::comes_back;

/// Seconds between a receipt and the payment that hands it on.
pub(super) const WINDOW: i64 = 2 * 86_400;
/// Transfers around a payment that are looked at; whoever has more meanwhile is busy, and hands nothing on whole.
const NEAREST: usize = 32;
/// Differences between amounts, as a share of the larger, that are not told apart: prices and fees are round.
const SAME: f64 = 0.01;
/// Pairs of receipts and payments, times their difference, up to which nearness is telling: amounts that spread over factors
/// differ by a share `d` or less in about `d / 2` of all pairs, so that this is one in twenty.
const TELLING: f64 = 0.1;
/// Pairs of accounts of the shortest chain told: people hand a sum on now and then, and three times in a row by chance.
const SHORTEST: usize = 4;
/// Transfers of the longest chain told: where everything hangs together, chains tell nothing.
const LONGEST: usize = 256;

/// A transfer with its ends, as far as chains need it.
pub(super) type Step = (u32, u32, u32);

/// Adds the chains of the market to `found`: connected `links`, by the number of different pairs of accounts they lead over.
pub(super) fn add_chains(links: &[[Step; 2]], found: &mut Patterns) {
    // A row tells its step, so that numbers are sorted instead of steps: row and link.
    let mut ends: Vec<u64> = Vec::with_capacity(2 * links.len());
    for (number, link) in (0u64..).zip(links) {
        ends.extend(link.iter().map(|step| u64::from(step.0) << 32 | number));
    }
    sort_unstable(&mut ends);
    let mut steps: Vec<Step> = Vec::new();
    let mut numbers = vec![[0u32; 2]; links.len()];
    for end in ends {
        let (row, link) = ((end >> 32) as u32, end as u32 as usize);
        let side = usize::from(links[link][0].0 != row);
        if steps.last().is_none_or(|last| last.0 != row) {
            steps.push(links[link][side]);
        }
        numbers[link][side] = steps.len() as u32 - 1;
    }
    // Steps that are linked, directly or over others, come to have the same root.
    let mut root: Vec<u32> = (0..steps.len() as u32).collect();
    for link in numbers {
        let [a, b] = link.map(|step| root_of(&mut root, step));
        root[a.max(b) as usize] = a.min(b);
    }
    let mut chains: Vec<(u32, u32)> = (0..steps.len() as u32).map(|step| (root_of(&mut root, step), step)).collect();
    sort_unstable(&mut chains);
    for chain in chains.chunk_by(|a, b| a.0 == b.0) {
        if chain.len() <= LONGEST {
            tell(chain.iter().map(|(_, step)| steps[*step as usize]), found);
        }
    }
}

fn tell(chain: impl Iterator<Item = Step>, found: &mut Patterns) {
    let (mut rows, mut pairs, mut members) = (Vec::new(), Vec::new(), Vec::new());
    for (row, payer, payee) in chain {
        rows.push(row);
        pairs.push((payer, payee));
        members.extend([payer, payee]);
    }
    pairs.sort_unstable();
    pairs.dedup();
    members.sort_unstable();
    members.dedup();
    let strength = match pairs.len() {
        _ if comes_back(&pairs) => 1.0,
        SHORTEST.. => 1.0 - half_to_the(pairs.len() as u32 - 2) as f32,
        _ => return,
    };
    found.add(strength, rows, members);
}

/// The root of a step, with the way there halved.
fn root_of(root: &mut [u32], mut step: u32) -> u32 {
    while root[step as usize] != step {
        root[step as usize] = root[root[step as usize] as usize];
        step = root[step as usize];
    }
    step
}

/// The receipt that the payment in `place` hands on, and the payment: the latest that fits among those that are nearly
/// `alike`, the latest first, of all that were `received` within the window before it.
pub(super) fn link_over<'l>(
    account: u32,
    received: &[Leg],
    mut alike: impl Iterator<Item = &'l Leg>,
    sent: &[Leg],
    place: usize,
    tolerance: f64,
) -> Option<[Step; 2]> {
    let out = &sent[place];
    if received.len() > NEAREST {
        return None;
    }
    let (inflow, receipts) = (received.iter().map(|into| into.amount_minor.max(0)).sum(), received.len() as f64);
    let links_with = |into: &&Leg| {
        let difference = difference(into, out);
        if into.peer == out.peer || difference > tolerance {
            return false;
        }
        // At least the payment itself moved.
        let near = difference.max(SAME);
        let half = is_half(into, inflow);
        if receipts * near > TELLING && !half {
            return false;
        }
        let Some((count, outflow)) = sent_around(sent, place, into.at_seconds) else { return false };
        receipts * count as f64 * near <= TELLING || half && is_half(out, outflow)
    };
    let into = alike.find(links_with)?;
    Some([(into.row, into.peer, account), (out.row, account, out.peer)])
}

fn is_half(leg: &Leg, all: i64) -> bool {
    i128::from(leg.amount_minor) * 2 >= i128::from(all)
}

/// By which share of the larger two amounts differ.
fn difference(one: &Leg, other: &Leg) -> f64 {
    let (one, other) = (one.amount_minor as f64, other.amount_minor as f64);
    (one - other).abs() / one.max(other)
}

/// How many payments were made within the window from `since` on, which holds the one in `place`, and their sum; nothing where
/// they are too many to look at.
fn sent_around(sent: &[Leg], place: usize, since: i64) -> Option<(usize, i64)> {
    let before = sent[..place].iter().rev().take_while(|leg| leg.at_seconds >= since);
    let after = sent[place..].iter().take_while(|leg| leg.at_seconds - since <= WINDOW);
    let (mut count, mut sum) = (0, 0);
    for leg in before.chain(after) {
        count += 1;
        if count > NEAREST {
            return None;
        }
        sum += leg.amount_minor.max(0);
    }
    Some((count, sum))
}

#[cfg(test)]
mod tests {
    use super::super::config::AuditConfig;
    use super::super::facts::Facts;
    use super::super::knowledge::scatter_config;
    use super::super::passed_on::PassedOn;
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::progress::Progress;
    use crate::transfer::{Transfer, Transfers};
    use proptest::prelude::*;

    const DAY: i64 = 86_400;

    type Row = (u32, u32, i64, i64);

    fn index(rows: &[Row]) -> TemporalIndex {
        let pay = |&(payer, payee, amount_minor, at_seconds): &Row| Transfer {
            payer: payer.into(),
            payee: payee.into(),
            amount_minor,
            at_seconds,
        };
        let all: Transfers = rows.iter().map(pay).collect();
        TemporalIndex::build(&all.columns(), 60, Progress::silent()).unwrap()
    }

    fn links(index: &TemporalIndex) -> Vec<[Step; 2]> {
        let config = AuditConfig::default();
        let scatter = scatter_config(&config);
        let facts = Facts::of(index, scatter.window_seconds);
        PassedOn::of(index, &facts, &config, &scatter, Progress::silent()).unwrap().links
    }

    fn chains(rows: &[Row]) -> Patterns {
        let mut found = Patterns::default();
        add_chains(&links(&index(rows)), &mut found);
        found.seal()
    }

    #[test]
    fn money_handed_on_whole_is_a_chain_and_trade_is_none() {
        let mut rows: Vec<Row> =
            (0..5).map(|i| (i, i + 1, 100_000 - i64::from(i) * 2_000, i64::from(i) * DAY)).collect();
        rows.extend([(50, 51, 7_000, 0), (51, 52, 6_900, DAY), (52, 53, 6_950, DAY)]);
        // A shop with forty customers pays one of their amounts on.
        rows.extend((0..40).map(|i| (20 + i, 10, 5_000 + i64::from(i), i64::from(i) * 600)));
        rows.push((10, 11, 5_020, DAY));
        rows.push((11, 12, 5_020, DAY + 60));
        let found = chains(&rows);
        let chain = found.of(3).next().unwrap();
        assert_eq!((chain.strength, &chain.rows[..]), (0.875, &[0, 1, 2, 3, 4][..]));
        assert!([10, 12, 51].into_iter().all(|account| found.of(account).next().is_none()));
    }

    #[test]
    fn a_chain_that_comes_back_is_the_strongest() {
        let ring: Vec<Row> =
            (0..9).map(|i| (i, (i + 1) % 9, 100_000 - i64::from(i) * 500, i64::from(i) * DAY)).collect();
        assert_eq!(chains(&ring).of(4).next().unwrap().strength, 1.0);
    }

    proptest! {
        /// The slow twin filters all transfers for every payment.
        #[test]
        fn links_are_those_of_nested_loops(rows in prop::collection::vec((0u32..5, 0u32..5, 80i64..120, 0i64..9), 0..30)) {
            let mut rows: Vec<Row> = rows.into_iter().map(|(a, b, amount, day)| (a, b, amount, day * DAY)).collect();
            rows.sort_by_key(|row| row.3);
            let links = links(&index(&rows));
            for account in 0..5u32 {
                let fast: Vec<[Step; 2]> = links.iter().filter(|link| link[0].2 == account).copied().collect();
                let of = |payee: bool| {
                    let own = move |row: &Row| if payee { row.1 } else { row.0 };
                    (0u32..).zip(&rows).filter(move |(_, row)| own(row) == account && row.0 != row.1)
                };
                let mut slow = Vec::new();
                for (number, out) in of(false) {
                    let inflow: Vec<_> = of(true).filter(|(_, into)| (0..=WINDOW).contains(&(out.3 - into.3))).collect();
                    let all: i64 = inflow.iter().map(|(_, into)| into.2).sum();
                    let fits = |into: &Row| {
                        let outflow: Vec<i64> = of(false).filter(|(_, row)| (0..=WINDOW).contains(&(row.3 - into.3)))
                            .map(|(_, row)| row.2).collect();
                        let half = into.2 * 2 >= all && out.2 * 2 >= outflow.iter().sum();
                        let (apart, larger) = ((into.2 - out.2).abs(), into.2.max(out.2));
                        let pairs = (inflow.len() * outflow.len()) as f64;
                        let telling = pairs * (apart as f64 / larger as f64).max(0.01) <= 0.1;
                        into.0 != out.1 && apart * 10 <= larger && (half || telling)
                    };
                    if let Some((source, into)) = inflow.iter().rev().find(|(_, into)| fits(into)) {
                        slow.push([(*source, into.0, account), (number, account, out.1)]);
                    }
                }
                prop_assert_eq!(fast, slow);
            }
        }
    }
}
