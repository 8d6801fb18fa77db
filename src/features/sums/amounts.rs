//! From sums to amount features.

use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::logarithms::LN_ONE;
use crate::features::sums::ratios::float;
use crate::features::sums::ratios::ratio;
use crate::features::sums::ratios::scaled_deviation;
use crate::features::sums::ratios::share;

impl Sums {
    #[inline(always)]
    pub(super) fn write_amounts(&self, context: &Context<'_>, row: &mut impl Row) {
        let tickets = self.in_positive;
        let major = context.minor_per_major as f64;
        row.set(Feature::TicketMean, ratio(self.in_positive_minor as f64, tickets as f64) / major);
        row.set(
            Feature::TicketLogMean,
            ratio(float(self.in_ln), tickets as f64) / LN_ONE
                - f64::from(context.scale.decimals()) * std::f64::consts::LN_10,
        );
        if tickets >= 2 {
            let sum = i128::from(self.in_positive_minor);
            let spread = scaled_deviation(i128::from(tickets), self.in_square, sum);
            row.set(Feature::TicketVariation, spread / float(sum));
        }
        row.set(Feature::OutTicketMean, ratio(self.out_positive_minor as f64, self.out_positive as f64) / major);
        row.set(Feature::RoundAmountShare, share(self.in_round, self.in_count));
        row.set(Feature::OutRoundAmountShare, share(self.out_round, self.out_count));
    }
}
