//! Flow, timing and amount features of one account from the transfers it takes part in.
//!
//! Transfers in and transfers out are looked at apart, since little is asked of both, and each look is a loop with few
//! branches: what a market does next is anybody's guess, and every wrong guess costs as much as ten sums.

mod ahead;
mod amounts;
mod counterparties;
mod days;
mod dwell;
mod tickets;

use crate::features::activity::counterparties::Counterparties;
use crate::features::activity::days::Days;
use crate::features::activity::dwell::Dwell;
use crate::features::catalogue::Feature;
use crate::features::catalogue::FeatureGroup;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::transfer::DAY_SECONDS;
use crate::transfer::UtcOffset;

/// Days up to the as-of day that count as recent.
const RECENT_DAYS: i64 = 30;

/// An account's transfers of one direction, in order of time where there are times.
pub(super) type Way<'a> = &'a [Leg];

/// The civil day of a second within [`AT_SECONDS`](crate::transfer::AT_SECONDS).
#[inline]
fn day_of(at_seconds: i64, utc_offset: UtcOffset) -> i64 {
    // Counted from a day before all of them, since numbers that are not negative divide faster.
    const BEFORE: i64 = 5_000_000;
    let seconds = at_seconds + i64::from(utc_offset.seconds()) + BEFORE * DAY_SECONDS;
    (seconds as u64 / DAY_SECONDS as u64) as i64 - BEFORE
}

/// Buffers that are used again for account after account.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    days: Days,
    counterparties: Counterparties,
    dwell: Dwell,
    tickets: Vec<u64>,
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

/// Writes the flow, timing and amount features of an account with the transfers `ins` and `outs`.
pub(super) fn write_activity(
    [outs, ins]: [Way<'_>; 2],
    wanted: Wanted,
    context: &Context<'_>,
    scratch: &mut Scratch,
    row: &mut impl Row,
) {
    let mut sums = Sums::default();
    amounts::add_in(ins, context, &mut sums);
    amounts::add_out(outs, context, &mut sums);
    if context.has_times {
        scratch.days.look([outs, ins], context, &mut sums, row);
    }
    if wanted.counterparties {
        scratch.counterparties.look([outs, ins], context, &mut sums, row);
    }
    sums.write(context, row);
    if wanted.dwell && context.has_times && context.has_amounts {
        scratch.dwell.look([outs, ins], &sums, context, row);
    }
    if wanted.tickets && context.has_amounts {
        tickets::look(ins, context, &mut scratch.tickets, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::AT_SECONDS;

    #[test]
    fn days_are_those_of_the_calendar_from_the_first_year_to_the_last() {
        for offset in [-14 * 3600, -1, 0, 1, 8 * 3600, 14 * 3600] {
            let offset = UtcOffset::from_seconds(offset).unwrap();
            let (first, last) = AT_SECONDS.into_inner();
            for at in (first..=last).step_by(9_999_999).chain([first, -1, 0, 1, last]) {
                assert_eq!(day_of(at, offset), i64::from(offset.epoch_day(at)));
            }
        }
    }
}
