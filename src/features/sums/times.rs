//! From sums to timing features.

use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::ratios::entropy;
use crate::features::sums::ratios::float;
use crate::features::sums::ratios::ratio;
use crate::features::sums::ratios::scaled_deviation;
use crate::features::sums::ratios::share;

const LN_7: f64 = 1.945_910_149_055_313_3;

const LN_24: f64 = 3.178_053_830_347_945_7;

impl Sums {
    #[inline(always)]
    pub(super) fn write_times(&self, context: &Context<'_>, row: &mut impl Row) {
        row.set(Feature::ActiveDays, self.active_days as f64);
        row.set(Feature::ReceiptDays, self.receipt_days as f64);
        if context.has_amounts {
            let received = self.in_minor() as f64;
            row.set(Feature::PassThrough, ratio(float(self.matched_day_minor), received));
            row.set(Feature::TopWeekShare, ratio(self.top_week_minor as f64, received));
        }
        if self.active_days > 0 {
            let tenure = context.as_of_day - self.first_day + 1;
            row.set(Feature::TenureDays, tenure as f64);
            row.set(Feature::RecencyDays, (context.as_of_day - self.last_day) as f64);
            row.set(Feature::ActiveDayShare, self.active_days as f64 / tenure as f64);
        }
        if self.in_count == 0 {
            return;
        }
        row.set(Feature::ReceiptRecencyDays, (context.as_of_day - self.last_receipt_day) as f64);
        let evenness = |sum: i128| entropy(self.in_count, sum, context.logarithms);
        row.set(Feature::WeekdayEntropy, evenness(self.in_weekday_ln) / LN_7);
        if context.has_hours {
            row.set(Feature::HourEntropy, evenness(self.in_hour_ln) / LN_24);
            row.set(Feature::NightShare, share(self.in_night, self.in_count));
        }
        row.set(Feature::WeekendShare, share(self.in_weekend, self.in_count));
        let gaps = self.in_count - 1;
        if gaps == 0 {
            return;
        }
        // With G gaps, sum S and sum of squares Q: G·s = sqrt(G·Q − S²) and G·m = S.
        let sum = i128::from(self.last_in_seconds) - i128::from(self.first_in_seconds);
        row.set(Feature::GapMeanHours, float(sum) / (gaps as f64 * 3600.0));
        if gaps >= 2 && sum > 0 {
            let spread = scaled_deviation(i128::from(gaps), self.gap_square, sum);
            row.set(Feature::GapVariation, spread / float(sum));
            row.set(Feature::Burstiness, (spread - float(sum)) / (spread + float(sum)));
        }
    }
}

/// The largest sum over 7 consecutive days of `(day, amount)`, days ascending; 0 when no week sums higher.
///
/// What a sliding week holds changes when a day enters at its end and when one leaves at its start, so the weeks that end
/// on a day and the weeks that start right after one are all there is to try. Without refunds the former are enough.
pub(in crate::features) fn top_week(days: impl Iterator<Item = (i64, i64)> + Clone) -> i64 {
    let (mut best, mut sum, mut refunds) = (0i64, 0i64, false);
    let mut leaving = days.clone();
    let mut oldest = leaving.next();
    for (day, amount) in days.clone() {
        refunds |= amount < 0;
        while let Some((old_day, old_amount)) = oldest
            && old_day + 7 <= day
        {
            sum -= old_amount;
            oldest = leaving.next();
        }
        sum += amount;
        best = best.max(sum);
    }
    if refunds {
        let mut entering = days.clone().peekable();
        sum = 0;
        for (day, amount) in days {
            // The week day+1 ..= day+7.
            while let Some(&(new_day, new_amount)) = entering.peek()
                && new_day <= day + 7
            {
                sum += new_amount;
                entering.next();
            }
            sum -= amount;
            best = best.max(sum);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logarithms_of_whole_weeks_and_days_are_right() {
        assert!((7f64.ln() - LN_7).abs() < 1e-15 && (24f64.ln() - LN_24).abs() < 1e-15);
    }

    #[test]
    fn a_week_ends_before_the_eighth_day() {
        assert_eq!(top_week([(0, 5), (6, 5), (7, 5)].into_iter()), 10);
        assert_eq!(top_week([(0, 5), (7, 4)].into_iter()), 5);
        assert_eq!(top_week(std::iter::empty()), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_top_week_is_the_best_of_all_weeks(
            days in proptest::collection::btree_map(0i64..40, -50i64..50, 0..20)
        ) {
            let slow = (-10..50).map(|start| days.range(start..start + 7).map(|(_, amount)| amount).sum::<i64>()).max();
            prop_assert_eq!(top_week(days.iter().map(|(day, amount)| (*day, *amount))), slow.unwrap());
        }
    }
}
