//! Scores that an account's own transfers tell: how its receipts are spread over time and payers.
//!
//! Every function takes lists in order of time and gives a score in 0..=1; what proves it is gathered beside, when asked
//! for, as `(weight, row)` with the most telling first after [`most_telling`].

use std::ops::Range;

use crate::elementary::ln;
use crate::graph::temporal::Leg;

use super::cusum::shift;

pub(super) const DAY: i64 = 86_400;
pub(super) const BLOCK: i64 = 30 * DAY;

/// Thin evidence counts less: `n / (n + m)`.
pub(super) fn shrink(n: usize, m: f64) -> f64 {
    n as f64 / (n as f64 + m)
}

/// Transfers that prove something, weighted; `None` where nobody asked.
pub(super) type Proof<'a> = Option<&'a mut Vec<(f64, u32)>>;

pub(super) fn prove(proof: &mut Proof<'_>, weight: f64, row: u32) {
    if let Some(list) = proof {
        list.push((weight, row));
    }
}

/// The rows by falling weight, each once, at most `most`.
pub(super) fn most_telling(mut proof: Vec<(f64, u32)>, most: usize) -> Vec<u32> {
    proof.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut rows: Vec<u32> = Vec::with_capacity(proof.len().min(most));
    let mut seen = std::collections::BTreeSet::new();
    for (_, row) in proof {
        if rows.len() == most {
            break;
        }
        if seen.insert(row) {
            rows.push(row);
        }
    }
    rows
}

/// Share of what came in that left again within `window`, first in first out; what stayed for `dwell` seconds counts
/// `1 - dwell / (2 window)`.
pub(super) fn pass_through(received: &[Leg], sent: &[Leg], window: i64, mut proof: Proof<'_>) -> f64 {
    let mut first = 0;
    let mut left_of_first = 0i64;
    let (mut matched, mut total) = (0f64, 0i64);
    received.iter().filter(|leg| leg.amount_minor > 0).for_each(|leg| total += leg.amount_minor);
    if total == 0 {
        return 0.0;
    }
    let fresh = |place: usize| received.get(place).map_or(0, |leg| leg.amount_minor.max(0));
    left_of_first = left_of_first.max(fresh(0));
    for out in sent.iter().filter(|leg| leg.amount_minor > 0) {
        let mut wanted = out.amount_minor;
        while first < received.len() && wanted > 0 {
            let oldest = &received[first];
            if oldest.at_seconds > out.at_seconds {
                break;
            }
            let dwell = out.at_seconds - oldest.at_seconds;
            let fits = dwell <= window;
            if fits {
                let part = wanted.min(left_of_first);
                matched += part as f64 * (1.0 - dwell as f64 / (2 * window) as f64);
                wanted -= part;
                left_of_first -= part;
                if part > 0 {
                    prove(&mut proof, part as f64, oldest.row);
                    prove(&mut proof, part as f64, out.row);
                }
            }
            if !fits || left_of_first == 0 {
                first += 1;
                left_of_first = fresh(first);
            }
        }
    }
    matched / total as f64
}

/// Sums of positive receipts over blocks of 30 days back from `as_of`: `[0]` the last one.
pub(super) fn blocks(received: &[Leg], as_of: i64, amount: impl Fn(usize) -> i64) -> [i64; 13] {
    let mut sums = [0i64; 13];
    for (place, leg) in received.iter().enumerate() {
        let block = (as_of - leg.at_seconds).max(0) / BLOCK;
        if let Some(sum) = sums.get_mut(block as usize) {
            *sum += amount(place).max(0);
        }
    }
    sums
}

/// Receipts of the last 30 days against the median of the earlier blocks since the first receipt, or a lasting [`shift`] of the
/// weekly receipts, whichever is larger.
pub(super) fn lift(received: &[Leg], as_of: i64, multiple: f64, mut proof: Proof<'_>) -> f64 {
    let Some(first) = received.first() else { return 0.0 };
    let tenure = ((as_of - first.at_seconds).max(0) / BLOCK).min(12) as usize;
    // The block in which it began is not a whole one.
    if tenure < 3 {
        return 0.0;
    }
    let sums = blocks(received, as_of, |place| received[place].amount_minor);
    let mut earlier = sums[1..tenure].to_vec();
    earlier.sort_unstable();
    let median = earlier[(earlier.len() - 1) / 2] as f64;
    if sums[0] == 0 {
        return 0.0;
    }
    let recent = received.iter().rev().take_while(|leg| as_of - leg.at_seconds < BLOCK);
    let count = recent.clone().count();
    let jump = (1.0 - multiple * median / sums[0] as f64).max(0.0) * shrink(count, 10.0);
    let shift = shift(received, as_of, &mut proof);
    if jump > 0.0 {
        recent.for_each(|leg| prove(&mut proof, leg.amount_minor as f64, leg.row));
    }
    jump.max(shift)
}

/// Share of the last 30 days' receipts from payers first seen in them, above the mean of the same share in earlier blocks.
/// `first_seen(place)` is the time of the first receipt from the payer of the receipt in `place`.
pub(super) fn novelty(received: &[Leg], as_of: i64, first_seen: impl Fn(usize) -> i64, mut proof: Proof<'_>) -> f64 {
    let Some(first) = received.first() else { return 0.0 };
    let tenure = ((as_of - first.at_seconds).max(0) / BLOCK).min(12) as usize;
    if tenure < 3 {
        return 0.0;
    }
    let (mut all, mut new) = ([0i64; 13], [0i64; 13]);
    let mut recent = 0;
    for (place, leg) in received.iter().enumerate().filter(|(_, leg)| leg.amount_minor > 0) {
        let block = ((as_of - leg.at_seconds).max(0) / BLOCK) as usize;
        if block > 12 {
            continue;
        }
        all[block] += leg.amount_minor;
        recent += usize::from(block == 0);
        if (as_of - first_seen(place)).max(0) / BLOCK == block as i64 {
            new[block] += leg.amount_minor;
            if block == 0 {
                prove(&mut proof, leg.amount_minor as f64, leg.row);
            }
        }
    }
    let share = |block: usize| new[block] as f64 / all[block] as f64;
    let earlier: Vec<f64> = (1..tenure).filter(|&block| all[block] > 0).map(share).collect();
    if all[0] == 0 || earlier.is_empty() {
        return 0.0;
    }
    let usual = earlier.iter().sum::<f64>() / earlier.len() as f64;
    (share(0) - usual).max(0.0) * shrink(recent, 10.0)
}

/// Receipts like clockwork: even gaps, all at the same hours, or by night.
pub(super) fn timing(received: &[Leg], offset_seconds: i64, mut proof: Proof<'_>) -> f64 {
    let count = received.len();
    if count < 5 {
        return 0.0;
    }
    let gaps = received.windows(2).map(|pair| (pair[1].at_seconds - pair[0].at_seconds) as f64);
    let mean = (received[count - 1].at_seconds - received[0].at_seconds) as f64 / (count - 1) as f64;
    let variance = gaps.map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / (count - 1) as f64;
    let even = if mean > 0.0 { (1.0 - variance.sqrt() / mean).max(0.0) } else { 0.0 };
    let hours = hours(received, offset_seconds);
    let score = even.max(narrow_hours(&hours, count)).max(by_night(&hours, count)) * shrink(count, 10.0);
    if score > 0.0 {
        received.iter().for_each(|leg| prove(&mut proof, 1.0, leg.row));
    }
    score
}

/// Transfers in each hour of the day.
fn hours(list: &[Leg], offset_seconds: i64) -> [u32; 24] {
    let mut hours = [0; 24];
    for leg in list {
        hours[((leg.at_seconds + offset_seconds).rem_euclid(DAY) / 3600) as usize] += 1;
    }
    hours
}

/// The share of the hours from midnight to six, beyond the quarter that they are of a day.
fn by_night(hours: &[u32; 24], count: usize) -> f64 {
    let share = f64::from(hours[..6].iter().sum::<u32>()) / count as f64;
    ((share - 0.25) / 0.75).max(0.0)
}

/// How few hours of the day transfers fall into: 1 less their entropy, in that of transfers at all hours alike.
fn narrow_hours(hours: &[u32; 24], count: usize) -> f64 {
    let sum: f64 = hours.iter().map(|&hour| n_ln_n(hour as usize)).sum();
    let entropy = ln(count as f64) - sum / count as f64;
    (1.0 - entropy / ln(24f64)).max(0.0)
}

/// `n ln n`, of which 0 is 0.
pub(super) fn n_ln_n(n: usize) -> f64 {
    const SMALL: [f64; 16] = [
        0.0,
        0.0,
        1.386_294_361_119_890_6,
        3.295_836_866_004_329,
        5.545_177_444_479_562,
        8.047_189_562_170_502,
        10.750_556_815_368_33,
        13.621_371_043_387_192,
        16.635_532_333_438_686,
        19.775_021_196_025_975,
        23.025_850_929_940_457,
        26.376_848_000_782_076,
        29.818_879_797_456_006,
        33.344_341_646_999_98,
        36.946_802_614_613_62,
        40.620_753_016_533_15,
    ];
    SMALL.get(n).copied().unwrap_or_else(|| n as f64 * ln(n as f64))
}

/// Refunds among receipts.
pub(super) fn refunds(received: &[Leg], positive: i64, mut proof: Proof<'_>) -> f64 {
    let (mut count, mut back) = (0usize, 0i64);
    for leg in received.iter().filter(|leg| leg.amount_minor < 0) {
        count += 1;
        back -= leg.amount_minor;
        prove(&mut proof, -leg.amount_minor as f64, leg.row);
    }
    if count == 0 { 0.0 } else { (back as f64 / positive.max(1) as f64).min(1.0) * shrink(count, 2.0) }
}

/// The most transfers of one payer to one payee within a day, as `1 - 1 / m`. `by_peer` holds the peer and place of every
/// leg, ascending, and `stretches` where in it each peer's are.
pub(super) fn repeated(
    list: &[Leg],
    by_peer: &[(u32, u32)],
    stretches: impl Iterator<Item = Range<usize>>,
    mut proof: Proof<'_>,
) -> f64 {
    let mut most = 1usize;
    for pair in stretches.map(|stretch| &by_peer[stretch]) {
        let at = |place: usize| list[pair[place].1 as usize].at_seconds;
        if let Some(proof) = &mut proof {
            prove_repeated(pair.len(), at, |place| list[pair[place].1 as usize].row, proof);
        }
        // One more within a day than anywhere before, and they end here.
        (most..pair.len()).for_each(|last| most += usize::from(at(last) - at(last - most) < DAY));
    }
    1.0 - 1.0 / most as f64
}

/// The transfers of a pair that lie within a day of another, by how many do.
fn prove_repeated(all: usize, at: impl Fn(usize) -> i64, row: impl Fn(usize) -> u32, proof: &mut Vec<(f64, u32)>) {
    let (mut first, mut proved) = (0, 0);
    for last in 1..all {
        while at(last) - at(first) >= DAY {
            first += 1;
        }
        let count = last - first + 1;
        // Each transfer proves the first full day it lies in, so that a million of them within a day are told once.
        let full = last + 1 == all || at(last + 1) - at(first) >= DAY;
        if count > 1 && full {
            proof.extend((first.max(proved)..=last).map(|place| (count as f64, row(place))));
            proved = last + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legs(rows: &[(i64, i64)]) -> Vec<Leg> {
        let leg = |(row, &(at_seconds, amount_minor))| Leg { at_seconds, amount_minor, peer: 0, row };
        (0..).zip(rows).map(leg).collect()
    }

    #[test]
    fn the_table_of_n_ln_n_is_what_it_says() {
        for n in 1..20usize {
            assert!((n_ln_n(n) - n as f64 * (n as f64).ln()).abs() < 1e-13, "{n}");
        }
        assert_eq!(n_ln_n(0), 0.0);
    }

    #[test]
    fn money_that_leaves_within_the_window_passes_through() {
        let received = legs(&[(0, 100), (10, 100), (2 * DAY, 50)]);
        let sent = legs(&[(20, 150), (5 * DAY, 100)]);
        let mut proof = Vec::new();
        let share = pass_through(&received, &sent, DAY, Some(&mut proof));
        // 100 stayed for 20 seconds, 50 for 10.
        let whole = |dwell: i64| 1.0 - dwell as f64 / (2 * DAY) as f64;
        assert!((share - (100.0 * whole(20) + 50.0 * whole(10)) / 250.0).abs() < 1e-12);
        assert_eq!(most_telling(proof, 2), [0, 1]);
        assert_eq!(pass_through(&received, &[], DAY, None), 0.0);
        assert_eq!(pass_through(&[], &sent, DAY, None), 0.0);
        assert_eq!(pass_through(&legs(&[(30, 100)]), &sent[..1], DAY, None), 0.0, "nothing leaves before it came");
    }

    #[test]
    fn a_jump_is_measured_against_the_median_of_earlier_blocks() {
        let as_of = 6 * BLOCK;
        let mut rows: Vec<(i64, i64)> = (0..5).map(|block| (block * BLOCK + 5, 100)).collect();
        rows.extend((0..10).map(|i| (as_of - DAY - i, 200)));
        rows.sort_unstable();
        let score = lift(&legs(&rows), as_of, 3.0, None);
        assert!((score - (1.0 - 300.0 / 2000.0) * 0.5).abs() < 1e-12, "{score}");
        assert_eq!(lift(&legs(&rows[..5]), as_of, 3.0, None), 0.0);
        assert_eq!(lift(&legs(&rows[5..]), as_of, 3.0, None), 0.0, "no history, no jump");
    }

    #[test]
    fn even_gaps_and_receipts_by_night_are_told_from_ordinary_ones() {
        let even = legs(&(0..20).map(|i| (i * 3600, 5_000)).collect::<Vec<_>>());
        let odd = legs(&(0..20).map(|i| (i * i * 977, 5_000)).collect::<Vec<_>>());
        assert!(timing(&even, 0, None) > 0.6 && timing(&odd, 0, None) < 0.45);
        // All of them at all hours of the night, less and less often.
        let night = legs(&(0..360).map(|i| (i * i / 40 * DAY + i % 6 * 3_600, 5)).collect::<Vec<_>>());
        assert!((timing(&night, 0, None) - shrink(360, 10.0)).abs() < 1e-9);
        assert!(timing(&night, 12 * 3_600, None) < 0.5, "by day where days are cut half a day later");
    }

    #[test]
    fn repeats_and_refunds_are_found_with_their_rows() {
        let list = legs(&[(0, 900), (5, 910), (9, 905), (9 * DAY, 8), (20 * DAY, 900)]);
        let by_peer: Vec<(u32, u32)> = (0..5).map(|place| (7, place)).collect();
        let mut proof = Vec::new();
        assert!((repeated(&list, &by_peer, std::iter::once(0..5), Some(&mut proof)) - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(most_telling(proof, 9), [0, 1, 2]);
        let list = legs(&[(0, 900), (5, -450)]);
        assert!((refunds(&list, 900, None) - 0.5 / 3.0).abs() < 1e-12);
    }
}
