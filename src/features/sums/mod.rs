//! Whole-number sums over one account's transfers, and the formulas from those sums to features.
//!
//! Everything a live feature needs is a sum of whole numbers. Whole numbers do not care in which order they were added and
//! forget exactly what is taken away, so the batch and the live side, which add in different orders, arrive at the same
//! sums, put them through the same formulas, and agree to the last bit. Logarithms take part as whole multiples of 2⁻⁴⁰.

mod amounts;
mod clock;
mod context;
mod flow;
mod leg;
mod logarithms;
mod one;
mod ratios;
mod times;

pub(in crate::features) use clock::{Clock, NIGHT, WEEKEND, moment};
pub(in crate::features) use context::{Context, FeatureRow, Row};
pub(in crate::features) use leg::{Day, Leg, Pair, Sign};
pub(in crate::features) use logarithms::Logarithms;
pub(in crate::features) use ratios::{entropy, ratio, share};
pub(in crate::features) use times::top_week;

/// The sums over one account's transfers. No sum overflows: the absolute amounts of all transfers together fit an `i64`,
/// squares and products with logarithms are `i128`; there are at most a `u32` of transfers, so that squares of counts fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::features) struct Sums {
    // By transfer.
    pub(in crate::features) in_count: u64,
    pub(in crate::features) out_count: u64,
    pub(in crate::features) in_positive: u64,
    pub(in crate::features) in_positive_minor: i64,
    pub(in crate::features) in_refunds: u64,
    pub(in crate::features) in_refunded_minor: i64,
    pub(in crate::features) in_square: i128,
    pub(in crate::features) in_ln: i128,
    pub(in crate::features) in_round: u64,
    pub(in crate::features) out_minor: i64,
    pub(in crate::features) out_positive: u64,
    pub(in crate::features) out_positive_minor: i64,
    pub(in crate::features) out_round: u64,
    /// Before six in the morning, and on Saturdays and Sundays.
    pub(in crate::features) in_night: u64,
    pub(in crate::features) in_weekend: u64,
    /// Sums of `x · ln x` over the hours and over the weekdays.
    pub(in crate::features) in_hour_ln: i128,
    pub(in crate::features) in_weekday_ln: i128,
    // By counterparty.
    pub(in crate::features) payers: u64,
    pub(in crate::features) payees: u64,
    pub(in crate::features) returning_payers: u64,
    pub(in crate::features) payer_count_square: u64,
    pub(in crate::features) payer_minor_square: i128,
    pub(in crate::features) payer_positive_minor: i64,
    pub(in crate::features) payer_minor_ln: i128,
    pub(in crate::features) payer_count_ln: i128,
    pub(in crate::features) payee_count_square: u64,
    pub(in crate::features) payee_minor_square: i128,
    pub(in crate::features) payee_positive_minor: i64,
    pub(in crate::features) matched_count: u64,
    pub(in crate::features) matched_minor: i64,
    // By day.
    pub(in crate::features) active_days: u64,
    pub(in crate::features) receipt_days: u64,
    pub(in crate::features) matched_day_minor: i128,
    // Taken anew whenever features are asked for.
    pub(in crate::features) first_day: i64,
    pub(in crate::features) last_day: i64,
    pub(in crate::features) last_receipt_day: i64,
    pub(in crate::features) top_week_minor: i64,
    // By gap between one transfer in and the next.
    pub(in crate::features) gap_square: i128,
    pub(in crate::features) first_in_seconds: i64,
    pub(in crate::features) last_in_seconds: i64,
}

impl Sums {
    /// Adds or takes away what depends on the transfer alone, its time aside.
    ///
    /// Which way the money went and whether the amount is round is anybody's guess, so both sides are added up without a
    /// branch, one of them with nothing.
    #[inline(always)]
    pub(in crate::features) fn leg(&mut self, leg: &Leg, context: &Context<'_>, sign: Sign) {
        let [came, went] = leg.either_way();
        let (in_minor, out_minor) = (leg.amount_minor & came, leg.amount_minor & went);
        let is_round = i64::from(context.is_round(leg.amount_minor));
        let count = |count: &mut u64, by: i64| sign.count(count, by as u64);
        count(&mut self.in_count, came & 1);
        count(&mut self.in_positive, i64::from(in_minor > 0));
        count(&mut self.in_refunds, i64::from(in_minor < 0));
        count(&mut self.in_round, came & is_round);
        let positive = in_minor.max(0);
        self.in_positive_minor += sign.of(positive);
        self.in_refunded_minor -= sign.of(in_minor.min(0));
        self.in_square += sign.of(i128::from(positive) * i128::from(positive));
        self.in_ln += sign.of(i128::from(context.logarithms.ln_of_amount(positive)));
        count(&mut self.out_count, went & 1);
        count(&mut self.out_positive, i64::from(out_minor > 0));
        count(&mut self.out_round, went & is_round);
        self.out_minor += sign.of(out_minor);
        self.out_positive_minor += sign.of(out_minor.max(0));
    }

    /// Adds or takes away what depends on all that passed between the account and one counterparty. Of a way that nothing
    /// went every term is 0.
    #[inline(always)]
    pub(in crate::features) fn pair(&mut self, pair: &Pair, logarithms: &Logarithms, sign: Sign) {
        let add = |count: &mut u64, by: u64| sign.count(count, by);
        let square = |minor: i64| i128::from(minor) * i128::from(minor);
        let (brought, got) = (pair.in_minor.max(0), pair.out_minor.max(0));
        add(&mut self.payers, u64::from(pair.in_count > 0));
        add(&mut self.returning_payers, u64::from(pair.in_count > 1));
        add(&mut self.payer_count_square, pair.in_count * pair.in_count);
        self.payer_count_ln += sign.of(logarithms.x_ln_x(pair.in_count));
        self.payer_minor_square += sign.of(square(pair.in_minor));
        self.payer_positive_minor += sign.of(brought);
        self.payer_minor_ln += sign.of(i128::from(brought) * i128::from(logarithms.ln_of_amount(brought)));
        add(&mut self.payees, u64::from(pair.out_count > 0));
        add(&mut self.payee_count_square, pair.out_count * pair.out_count);
        self.payee_minor_square += sign.of(square(pair.out_minor));
        self.payee_positive_minor += sign.of(got);
        add(&mut self.matched_count, pair.in_count.min(pair.out_count));
        self.matched_minor += sign.of(brought.min(got));
    }

    /// Adds or takes away what depends on all that one day saw.
    #[inline]
    pub(in crate::features) fn day(&mut self, passed: &Pair, sign: Sign) {
        sign.count(&mut self.active_days, u64::from(!passed.is_empty()));
        sign.count(&mut self.receipt_days, u64::from(passed.in_count > 0));
        self.matched_day_minor += sign.of(i128::from(passed.in_minor.min(passed.out_minor)));
    }

    /// Puts the sums through the formulas. Every feature that is kept live and is no structure comes from here.
    #[inline(always)]
    pub(in crate::features) fn write(&self, context: &Context<'_>, row: &mut impl Row) {
        self.write_flow(context, row);
        if context.has_amounts {
            self.write_amounts(context, row);
        }
        if context.has_times {
            self.write_times(context, row);
        }
    }

    pub(in crate::features) fn active_days(&self) -> u64 {
        self.active_days
    }

    /// No transfer is a refund or of nothing.
    pub(in crate::features) fn all_positive(&self) -> bool {
        (self.in_positive, self.out_positive) == (self.in_count, self.out_count)
    }

    pub(in crate::features) fn in_minor(&self) -> i64 {
        self.in_positive_minor - self.in_refunded_minor
    }
}
