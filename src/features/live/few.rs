//! What few transfers add up to, worked out anew from their legs in order of time.

use crate::features::sums::Clock;
use crate::features::sums::Context;
use crate::features::sums::Day;
use crate::features::sums::Leg;
use crate::features::sums::Pair;
use crate::features::sums::Sign;
use crate::features::sums::Sums;
use crate::features::sums::top_week;
use crate::transfer::DAY_SECONDS;

/// A buffer that is used again for account after account: days with transfers, and what came in on them.
pub(super) type Receipts = Vec<(i64, i64)>;

/// The sums over legs in order of time.
#[inline]
pub(super) fn add_up(legs: &[Leg], context: &Context<'_>, receipts: &mut Receipts) -> Sums {
    let mut sums = Sums::default();
    look_by_time(legs, context, receipts, &mut sums);
    look_by_counterparty(legs, context, &mut sums);
    sums
}

/// Days, weeks and gaps. Only a new day is a branch.
#[inline(always)]
fn look_by_time(legs: &[Leg], context: &Context<'_>, receipts: &mut Receipts, sums: &mut Sums) {
    receipts.clear();
    let mut clock = Clock::default();
    let mut today = Day::default();
    // Seconds of the present day, an empty range before the first.
    let mut day_seconds = 0..0;
    for leg in legs {
        if !day_seconds.contains(&leg.at_seconds) {
            close_day(&today, sums, receipts);
            let day = i64::from(context.utc_offset.epoch_day(leg.at_seconds));
            let start = day * DAY_SECONDS - i64::from(context.utc_offset.seconds());
            day_seconds = start..start + DAY_SECONDS;
            today = Day { day, ..Day::default() };
        }
        let [came, went] = leg.either_way();
        let is_first = -i64::from(sums.in_count == 0);
        let gap = (leg.at_seconds - sums.last_in_seconds) & came & !is_first;
        sums.gap_square += i128::from(gap) * i128::from(gap);
        sums.first_in_seconds += leg.at_seconds & came & is_first;
        sums.last_in_seconds = (leg.at_seconds & came) + (sums.last_in_seconds & went);
        clock.change(leg, today.day, context, sums, Sign::Plus);
        sums.leg(leg, context, Sign::Plus);
        today.passed.add(leg, Sign::Plus);
    }
    close_day(&today, sums, receipts);
    let days = sums.last_receipt_day - sums.first_day;
    // Within a week, or of an only receipt, all that came is the week, unless some of it was refunds.
    sums.top_week_minor = match sums.in_refunds == 0 && (sums.in_count < 2 || days < 7) {
        true => sums.in_positive_minor,
        false => top_week(receipts.iter().copied()),
    };
}

#[inline(always)]
fn close_day(day: &Day, sums: &mut Sums, receipts: &mut Receipts) {
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
    }
    receipts.push((day.day, day.passed.in_minor));
}

/// Each counterparty at its first leg. Few legs are looked through sooner than sorted.
#[inline(always)]
fn look_by_counterparty(legs: &[Leg], context: &Context<'_>, sums: &mut Sums) {
    for (place, leg) in legs.iter().enumerate() {
        let is_same = |other: &&Leg| other.other == leg.other;
        if legs[..place].iter().any(|other| is_same(&other)) {
            continue;
        }
        let mut pair = Pair::default();
        legs[place..].iter().filter(is_same).for_each(|leg| pair.add(leg, Sign::Plus));
        sums.pair(&pair, context.logarithms, Sign::Plus);
    }
}
