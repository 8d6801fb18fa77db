//! What few transfers add up to, worked out anew from their legs in order of time.

use crate::features::sums::Context;
use crate::features::sums::Day;
use crate::features::sums::Leg;
use crate::features::sums::Pair;
use crate::features::sums::Sign;
use crate::features::sums::Sums;
use crate::features::sums::top_week;
use crate::transfer::DAY_SECONDS;

/// Buffers that are used again for account after account.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Counterparty in the high half, place among the legs in the low half.
    by_counterparty: Vec<u64>,
    receipts_by_day: Vec<(i64, i64)>,
}

/// Fills empty sums from legs in order of time.
pub(super) fn add_up(legs: &[Leg], context: &Context<'_>, scratch: &mut Scratch, sums: &mut Sums) {
    look_by_time(legs, context, scratch, sums);
    if let [leg] = legs {
        let mut pair = Pair::default();
        pair.add(leg, Sign::Plus);
        sums.pair(&pair, context.logarithms, Sign::Plus);
        return;
    }
    sort_by_counterparty(legs, scratch);
    for run in scratch.by_counterparty.chunk_by(|a, b| a >> 32 == b >> 32) {
        sums.pair(&pair_of(legs, run), context.logarithms, Sign::Plus);
    }
}

/// Days, weeks and gaps.
fn look_by_time(legs: &[Leg], context: &Context<'_>, scratch: &mut Scratch, sums: &mut Sums) {
    let days = &mut scratch.receipts_by_day;
    days.clear();
    let mut last_in: Option<i64> = None;
    let mut today = Day::default();
    // Seconds of the present day, an empty range before the first.
    let mut day_seconds = 0..0;
    for leg in legs {
        if !day_seconds.contains(&leg.at_seconds) {
            close_day(&today, sums, days);
            let day = i64::from(context.utc_offset.epoch_day(leg.at_seconds));
            let start = day * DAY_SECONDS - i64::from(context.utc_offset.seconds());
            day_seconds = start..start + DAY_SECONDS;
            today = Day { day, ..Day::default() };
        }
        sums.leg(leg, today.day, context, Sign::Plus);
        today.passed.add(leg, Sign::Plus);
        if !leg.is_in() {
            continue;
        }
        match last_in {
            None => sums.first_in_seconds = leg.at_seconds,
            Some(last) => {
                let gap = i128::from(leg.at_seconds - last);
                sums.gap_square += gap * gap;
            }
        }
        last_in = Some(leg.at_seconds);
    }
    close_day(&today, sums, days);
    sums.last_in_seconds = last_in.unwrap_or(0);
    sums.top_week_minor = top_week(days.iter().copied());
}

fn close_day(day: &Day, sums: &mut Sums, receipts_by_day: &mut Vec<(i64, i64)>) {
    if day.passed.is_empty() {
        return;
    }
    if sums.active_days() == 0 {
        sums.first_day = day.day;
    }
    sums.last_day = day.day;
    sums.day(&day.passed, Sign::Plus);
    if day.passed.in_count > 0 {
        sums.last_receipt_day = day.day;
        receipts_by_day.push((day.day, day.passed.in_minor));
    }
}

fn sort_by_counterparty(legs: &[Leg], scratch: &mut Scratch) {
    let keys = &mut scratch.by_counterparty;
    keys.clear();
    keys.extend(legs.iter().enumerate().map(|(place, leg)| u64::from(leg.other) << 32 | place as u64));
    keys.sort_unstable();
}

fn pair_of(legs: &[Leg], run: &[u64]) -> Pair {
    let mut pair = Pair::default();
    for &key in run {
        pair.add(&legs[key as u32 as usize], Sign::Plus);
    }
    pair
}
