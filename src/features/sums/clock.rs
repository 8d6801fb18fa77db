//! When transfers come in: hours of the day and days of the week.

use std::ops::Range;

use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Sign;
use crate::features::sums::Sums;
use crate::transfer::DAY_SECONDS;

/// How many transfers came in at each hour and on each weekday, of which 0 is Monday.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::features) struct Clock {
    pub(in crate::features) by_hour: [u32; 24],
    pub(in crate::features) by_weekday: [u32; 7],
}

/// The hours of the night.
pub(in crate::features) const NIGHT: Range<usize> = 0..6;
/// The weekdays of the weekend.
pub(in crate::features) const WEEKEND: Range<usize> = 5..7;

/// The hour and the weekday of a second, whose civil day is `day`.
#[inline]
pub(in crate::features) fn moment(at_seconds: i64, day: i64, context: &Context<'_>) -> (usize, usize) {
    let second_of_day = at_seconds + i64::from(context.utc_offset.seconds()) - day * DAY_SECONDS;
    // Counted from weeks before any day there is, since numbers that are not negative divide faster. 1970-01-01 was a
    // Thursday.
    const WEEKS: i64 = 1_000_000;
    ((second_of_day as u32 / 3600) as usize % 24, ((day + 3 + 7 * WEEKS) as u32 % 7) as usize)
}

impl Clock {
    /// Adds or takes away a transfer that came in on `day`, here and in the sums; one that went out changes nothing.
    #[inline(always)]
    pub(in crate::features) fn change(
        &mut self,
        leg: &Leg,
        day: i64,
        context: &Context<'_>,
        sums: &mut Sums,
        sign: Sign,
    ) {
        let (hour, weekday) = moment(leg.at_seconds, day, context);
        let [came, _] = leg.either_way();
        let by = u32::from(leg.is_in);
        sign.count(&mut sums.in_night, u64::from(by & u32::from(NIGHT.contains(&hour))));
        sign.count(&mut sums.in_weekend, u64::from(by & u32::from(WEEKEND.contains(&weekday))));
        for (count, sum) in
            [(&mut self.by_hour[hour], &mut sums.in_hour_ln), (&mut self.by_weekday[weekday], &mut sums.in_weekday_ln)]
        {
            match sign {
                Sign::Plus => {
                    *sum += context.logarithms.rise(*count) & i128::from(came);
                    *count += by;
                }
                Sign::Minus => {
                    *count -= by;
                    *sum -= context.logarithms.rise(*count) & i128::from(came);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::sums::Logarithms;
    use crate::transfer::AT_SECONDS;

    #[test]
    fn weekdays_go_round_from_the_first_year_to_the_last() {
        let logarithms = Logarithms::new();
        let context = Context::example(&logarithms);
        for day in (AT_SECONDS.start() / DAY_SECONDS..AT_SECONDS.end() / DAY_SECONDS).step_by(5) {
            let hour = day.rem_euclid(24);
            let moment = moment(day * DAY_SECONDS + hour * 3600 + 3599, day, &context);
            assert_eq!(moment, (hour as usize, (day + 3).rem_euclid(7) as usize));
        }
    }
}
