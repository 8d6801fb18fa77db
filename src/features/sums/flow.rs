//! From sums to flow features.

use crate::elementary::exp;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::ratios::entropy;
use crate::features::sums::ratios::float;
use crate::features::sums::ratios::hhi;
use crate::features::sums::ratios::ratio;
use crate::features::sums::ratios::share;

impl Sums {
    #[inline(always)]
    pub(super) fn write_flow(&self, context: &Context<'_>, row: &mut impl Row) {
        let (in_minor, out_minor) = (self.in_minor(), self.out_minor);
        row.set(Feature::InCount, self.in_count as f64);
        row.set(Feature::OutCount, self.out_count as f64);
        let transfers = self.in_count + self.out_count;
        row.set(Feature::CountReciprocity, share(2 * self.matched_count, transfers));
        row.set(Feature::PayerReturnRate, share(self.returning_payers, self.payers));
        if context.has_amounts {
            row.set(Feature::InAmount, context.money(in_minor));
            row.set(Feature::OutAmount, context.money(out_minor));
            let exchanged = i128::from(in_minor) + i128::from(out_minor);
            row.set(Feature::NetReceiverShare, ratio(in_minor as f64, float(exchanged)));
            let positive = i128::from(self.payer_positive_minor) + i128::from(self.payee_positive_minor);
            row.set(Feature::AmountReciprocity, ratio(2.0 * self.matched_minor as f64, float(positive)));
            row.set(Feature::PayerHhi, hhi(float(self.payer_minor_square), in_minor as f64));
            row.set(Feature::PayeeHhi, hhi(float(self.payee_minor_square), out_minor as f64));
            row.set(Feature::RefundShare, share(self.in_refunds, self.in_count));
            row.set(Feature::RefundAmountShare, ratio(self.in_refunded_minor as f64, self.in_positive_minor as f64));
            let entropy = entropy(self.payer_positive_minor as u64, self.payer_minor_ln, context.logarithms);
            row.set(Feature::EffectivePayers, exp(entropy));
        } else {
            row.set(Feature::NetReceiverShare, share(self.in_count, transfers));
            row.set(Feature::PayerHhi, hhi(self.payer_count_square as f64, self.in_count as f64));
            row.set(Feature::PayeeHhi, hhi(self.payee_count_square as f64, self.out_count as f64));
            let entropy = entropy(self.in_count, self.payer_count_ln, context.logarithms);
            row.set(Feature::EffectivePayers, exp(entropy));
        }
    }
}
