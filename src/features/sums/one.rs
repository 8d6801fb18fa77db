//! What a single transfer adds up to, which is all that most accounts have.

use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::NIGHT;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::WEEKEND;
use crate::features::sums::moment;

impl Sums {
    /// The features of an account whose only transfer is `leg`.
    ///
    /// The formulas are those of every account. Whichever way the money went, most sums are 0 or 1; the compiler knows them
    /// and leaves little of the formulas.
    #[inline(always)]
    pub(in crate::features) fn write_one(leg: &Leg, context: &Context<'_>, row: &mut impl Row) {
        if leg.is_in {
            Self::of_one_in(leg, context).write(context, row);
        } else {
            Self::of_one_out(leg, context).write(context, row);
        }
    }

    #[inline(always)]
    fn of_one_in(leg: &Leg, context: &Context<'_>) -> Self {
        let (amount, positive) = (leg.amount_minor, leg.amount_minor.max(0));
        let day = i64::from(context.utc_offset.epoch_day(leg.at_seconds));
        let (hour, weekday) = moment(leg.at_seconds, day, context);
        Self {
            in_count: 1,
            in_positive: u64::from(amount > 0),
            in_positive_minor: positive,
            in_refunds: u64::from(amount < 0),
            in_refunded_minor: positive - amount,
            in_square: i128::from(positive) * i128::from(positive),
            in_ln: i128::from(context.logarithms.ln(positive as u64)),
            in_round: u64::from(context.is_round(amount)),
            in_night: u64::from(NIGHT.contains(&hour)),
            in_weekend: u64::from(WEEKEND.contains(&weekday)),
            payers: 1,
            payer_count_square: 1,
            payer_minor_square: i128::from(amount) * i128::from(amount),
            payer_positive_minor: positive,
            payer_minor_ln: context.logarithms.x_ln_x(positive as u64),
            receipt_days: 1,
            last_receipt_day: day,
            top_week_minor: positive,
            first_in_seconds: leg.at_seconds,
            last_in_seconds: leg.at_seconds,
            ..Self::on_one_day(day, amount)
        }
    }

    #[inline(always)]
    fn of_one_out(leg: &Leg, context: &Context<'_>) -> Self {
        let (amount, positive) = (leg.amount_minor, leg.amount_minor.max(0));
        let day = i64::from(context.utc_offset.epoch_day(leg.at_seconds));
        Self {
            out_count: 1,
            out_minor: amount,
            out_positive: u64::from(amount > 0),
            out_positive_minor: positive,
            out_round: u64::from(context.is_round(amount)),
            payees: 1,
            payee_count_square: 1,
            payee_minor_square: i128::from(amount) * i128::from(amount),
            payee_positive_minor: positive,
            ..Self::on_one_day(day, amount)
        }
    }

    #[inline(always)]
    fn on_one_day(day: i64, amount: i64) -> Self {
        let matched_day_minor = amount.min(0).into();
        Self { active_days: 1, first_day: day, last_day: day, matched_day_minor, ..Self::default() }
    }
}
