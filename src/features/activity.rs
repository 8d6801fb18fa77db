//! Flow, timing and amount features of one account from the transfers it takes part in.
//!
//! Three looks at the same legs: in order of time (days, gaps, money that passes through), by counterparty, and by amount.

use crate::features::catalogue::Feature;
use crate::features::catalogue::FeatureGroup;
use crate::features::sums::Context;
use crate::features::sums::Day;
use crate::features::sums::Leg;
use crate::features::sums::Pair;
use crate::features::sums::Row;
use crate::features::sums::Sign;
use crate::features::sums::Sums;
use crate::features::sums::entropy;
use crate::features::sums::ratio;
use crate::features::sums::share;
use crate::features::sums::top_week;
use crate::transfer::DAY_SECONDS;

/// Days up to the as-of day that count as recent.
const RECENT_DAYS: i64 = 30;

/// Buffers that are used again for account after account.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Counterparty in the high half, place among the legs in the low half.
    by_counterparty: Vec<u64>,
    receipts_by_day: Vec<(i64, i64)>,
    tickets: Vec<i64>,
    arrivals: Vec<(i64, i64)>,
    dwells: Vec<(i64, i64)>,
}

/// Which of the costlier looks are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) anything: bool,
    pub(super) counterparties: bool,
    pub(super) dwell: bool,
    pub(super) tickets: bool,
}

impl Wanted {
    /// What `features` need.
    pub(super) fn of(features: &[Feature]) -> Self {
        use Feature as F;
        let mut wanted = Self::default();
        for feature in features {
            let group = feature.info().group;
            wanted.anything |= matches!(group, FeatureGroup::Flow | FeatureGroup::Timing | FeatureGroup::Amount);
            match feature {
                F::PassThroughHour | F::PassThroughDay | F::PassThroughThreeDays => wanted.dwell = true,
                F::DwellP10 | F::DwellP50 | F::DwellP90 => wanted.dwell = true,
                F::TicketP10 | F::TicketP50 | F::TicketP90 | F::TicketMax => wanted.tickets = true,
                F::RepeatedAmountShare | F::TopAmountShare | F::AmountEntropy => wanted.tickets = true,
                F::CountReciprocity | F::AmountReciprocity | F::PayerHhi | F::PayeeHhi => wanted.counterparties = true,
                F::TopPayerShare | F::TopFivePayerShare | F::TopPayeeShare => wanted.counterparties = true,
                F::EffectivePayers | F::PayerReturnRate | F::PayerReturnDayRate => wanted.counterparties = true,
                F::VisitGapDays | F::NewPayerShare => wanted.counterparties = true,
                _ => {}
            }
        }
        wanted
    }
}

/// Writes the flow, timing and amount features of an account whose transfers are `legs`, in any order; sorts them by time.
pub(super) fn write_activity(
    legs: &mut [Leg],
    wanted: Wanted,
    context: &Context<'_>,
    scratch: &mut Scratch,
    row: &mut impl Row,
) {
    if context.has_times && !legs.is_sorted_by_key(Leg::time_order) {
        legs.sort_unstable_by_key(Leg::time_order);
    }
    let mut sums = Sums::default();
    let recent_minor = look_by_time(legs, context, scratch, &mut sums);
    if context.has_times && context.has_amounts {
        row.set(Feature::RecentReceiptShare, ratio(recent_minor as f64, sums.in_minor() as f64));
    }
    if wanted.counterparties {
        look_by_counterparty(legs, context, scratch, &mut sums, row);
    }
    sums.write(context, row);
    if wanted.dwell && context.has_times && context.has_amounts {
        look_at_dwell(legs, context, scratch, row);
    }
    if wanted.tickets && context.has_amounts {
        look_by_amount(legs, context, scratch, row);
    }
}

/// Fills empty sums alone, from legs in order of time: what the live side takes of accounts with few transfers.
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

/// Days, weeks and gaps; returns the money that came in recent days.
fn look_by_time(legs: &[Leg], context: &Context<'_>, scratch: &mut Scratch, sums: &mut Sums) -> i64 {
    let days = &mut scratch.receipts_by_day;
    days.clear();
    let mut recent_minor = 0;
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
        if today.day > context.as_of_day - RECENT_DAYS {
            recent_minor += leg.amount_minor;
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
    recent_minor
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

fn leg_of(legs: &[Leg], key: u64) -> &Leg {
    &legs[key as u32 as usize]
}

fn pair_of(legs: &[Leg], run: &[u64]) -> Pair {
    let mut pair = Pair::default();
    for &key in run {
        pair.add(leg_of(legs, key), Sign::Plus);
    }
    pair
}

/// The `N` largest of a stream, largest first.
struct Largest<const N: usize>([i64; N]);

impl<const N: usize> Largest<N> {
    fn push(&mut self, mut value: i64) {
        if value <= self.0[N - 1] {
            return;
        }
        for kept in &mut self.0 {
            if value > *kept {
                std::mem::swap(kept, &mut value);
            }
        }
    }
}

fn look_by_counterparty(
    legs: &[Leg],
    context: &Context<'_>,
    scratch: &mut Scratch,
    sums: &mut Sums,
    row: &mut impl Row,
) {
    sort_by_counterparty(legs, scratch);
    let (mut top_payers, mut top_payees) = (Largest([0; 5]), Largest([0; 1]));
    let (mut brought, mut got) = (0i64, 0i64);
    let (mut payers, mut day_returning, mut new_payers) = (0u64, 0u64, 0u64);
    let (mut visit_seconds, mut visit_gaps) = (0i128, 0u64);
    for run in scratch.by_counterparty.chunk_by(|a, b| a >> 32 == b >> 32) {
        let pair = pair_of(legs, run);
        sums.pair(&pair, context.logarithms, Sign::Plus);
        let (inflow, outflow) = if context.has_amounts {
            (pair.in_minor.max(0), pair.out_minor.max(0))
        } else {
            (pair.in_count as i64, pair.out_count as i64)
        };
        (brought, got) = (brought + inflow, got + outflow);
        top_payers.push(inflow);
        top_payees.push(outflow);
        if pair.in_count == 0 || !context.has_times {
            continue;
        }
        // Places rise with time inside a run, so the first and the last leg in are the first and the last visit.
        let visit = |key: &&u64| leg_of(legs, **key).is_in();
        let first = run.iter().find(visit).map_or(0, |&key| leg_of(legs, key).at_seconds);
        let last = run.iter().rfind(visit).map_or(0, |&key| leg_of(legs, key).at_seconds);
        let (first_day, last_day) = (context.utc_offset.epoch_day(first), context.utc_offset.epoch_day(last));
        payers += 1;
        day_returning += u64::from(first_day != last_day);
        new_payers += u64::from(i64::from(first_day) > context.as_of_day - RECENT_DAYS);
        visit_seconds += i128::from(last - first);
        visit_gaps += pair.in_count - 1;
    }
    row.set(Feature::TopPayerShare, ratio(top_payers.0[0] as f64, brought as f64));
    let top_five: i64 = top_payers.0.iter().sum();
    row.set(Feature::TopFivePayerShare, ratio(top_five as f64, brought as f64));
    row.set(Feature::TopPayeeShare, ratio(top_payees.0[0] as f64, got as f64));
    if context.has_times {
        row.set(Feature::PayerReturnDayRate, share(day_returning, payers));
        row.set(Feature::NewPayerShare, share(new_payers, payers));
        row.set(Feature::VisitGapDays, ratio(visit_seconds as f64, visit_gaps as f64) / 86_400.0);
    }
}

/// Money that comes waits in line and leaves first in, first out. A refund is money the other way. Money that leaves
/// without having come in the data is taken to have been there before.
fn look_at_dwell(legs: &[Leg], context: &Context<'_>, scratch: &mut Scratch, row: &mut impl Row) {
    let (arrivals, dwells) = (&mut scratch.arrivals, &mut scratch.dwells);
    arrivals.clear();
    dwells.clear();
    let (mut came, mut head) = (0i64, 0);
    let mut rest = legs;
    while let Some(first) = rest.first() {
        // All of one instant together, so that what comes at an instant can leave at it whatever the order of rows.
        let now = first.at_seconds;
        let (instant, later) = rest.split_at(rest.iter().take_while(|leg| leg.at_seconds == now).count());
        rest = later;
        let comes = |leg: &&Leg| leg.is_in() == (leg.amount_minor > 0);
        let size = |leg: &Leg| leg.amount_minor.abs();
        let arriving: i64 = instant.iter().filter(comes).map(size).sum();
        let mut leaving: i64 = instant.iter().filter(|leg| !comes(leg)).map(size).sum();
        if arriving > 0 {
            arrivals.push((now, arriving));
            came += arriving;
        }
        while leaving > 0 && head < arrivals.len() {
            let (since, waiting) = &mut arrivals[head];
            let moved = leaving.min(*waiting);
            dwells.push((now - *since, moved));
            leaving -= moved;
            *waiting -= moved;
            head += usize::from(*waiting == 0);
        }
    }
    if came == 0 {
        return;
    }
    let mut left_within = [0i64; 3];
    for &(dwell, moved) in dwells.iter() {
        for (left, hours) in left_within.iter_mut().zip([1, 24, 72]) {
            *left += if dwell <= hours * 3600 { moved } else { 0 };
        }
    }
    let [hour, day, three_days] = left_within.map(|left| left as f64 / came as f64);
    if context.has_hours {
        row.set(Feature::PassThroughHour, hour);
    }
    row.set(Feature::PassThroughDay, day);
    row.set(Feature::PassThroughThreeDays, three_days);
    if dwells.is_empty() {
        return;
    }
    dwells.sort_unstable();
    let left: i128 = dwells.iter().map(|(_, moved)| i128::from(*moved)).sum();
    let quantiles = [(Feature::DwellP10, 1), (Feature::DwellP50, 5), (Feature::DwellP90, 9)];
    let (mut gone, mut next) = (0i128, 0);
    for &(dwell, moved) in dwells.iter() {
        gone += i128::from(moved);
        while let Some(&(feature, tenths)) = quantiles.get(next)
            && gone * 10 >= left * tenths
        {
            row.set(feature, dwell as f64 / 3600.0);
            next += 1;
        }
    }
}

fn look_by_amount(legs: &[Leg], context: &Context<'_>, scratch: &mut Scratch, row: &mut impl Row) {
    let tickets = &mut scratch.tickets;
    tickets.clear();
    tickets.extend(legs.iter().filter(|leg| leg.is_in() && leg.amount_minor > 0).map(|leg| leg.amount_minor));
    let Some(last) = tickets.len().checked_sub(1) else { return };
    tickets.sort_unstable();
    let number = tickets.len() as u64;
    // The smallest ticket that at least p tenths do not exceed.
    let quantile = |tenths: usize| context.money(tickets[(tickets.len() * tenths).div_ceil(10) - 1]);
    row.set(Feature::TicketP10, quantile(1));
    row.set(Feature::TicketP50, quantile(5));
    row.set(Feature::TicketP90, quantile(9));
    row.set(Feature::TicketMax, context.money(tickets[last]));
    let (mut repeated, mut top, mut sum) = (0u64, 0u64, 0i128);
    for run in tickets.chunk_by(|a, b| a == b) {
        let count = run.len() as u64;
        repeated += if count > 1 { count } else { 0 };
        top = top.max(count);
        sum += context.logarithms.x_ln_x(count);
    }
    row.set(Feature::RepeatedAmountShare, share(repeated, number));
    row.set(Feature::TopAmountShare, share(top, number));
    if number >= 2 {
        let most = context.logarithms.ln(number) as f64 / (1u64 << 40) as f64;
        row.set(Feature::AmountEntropy, entropy(number, sum, context.logarithms) / most);
    }
}
