//! Whole-number sums over one account's transfers, and the formulas from those sums to features.
//!
//! Everything a live feature needs is a sum of whole numbers. Whole numbers do not care in which order they were added and
//! forget exactly what is taken away, so the batch and the live side, which add in different orders, arrive at the same
//! sums, put them through the same formulas, and agree to the last bit. Logarithms take part as whole multiples of 2⁻⁴⁰.

use crate::features::catalogue::Feature;
use crate::money::Scale;
use crate::transfer::DAY_SECONDS;
use crate::transfer::UtcOffset;

const LN_7: f64 = 1.945_910_149_055_313_3;
const LN_24: f64 = 3.178_053_830_347_945_7;

/// Fixed-point one: logarithms are kept in units of 2⁻⁴⁰.
const LN_ONE: f64 = (1u64 << 40) as f64;

/// Whole numbers below this have their logarithm in a table.
const TABLE: usize = 2048;

/// Natural logarithm in units of 2⁻⁴⁰, for whole numbers from 1; 0 for 0.
///
/// Of our own, from additions, multiplications and divisions alone, so that it has the same bits on every machine, and in a
/// few nanoseconds: a number is a power of two times a mantissa, the mantissa lies within 2⁻⁹ of the centre of one of 256
/// cells, and from there a polynomial of degree 5 is exact to 2⁻⁵⁵.
#[derive(Debug, Clone)]
pub(super) struct Logarithms {
    /// One over each centre, and its logarithm.
    cells: Box<[[f64; 2]]>,
    ln: Box<[i64]>,
    x_ln_x: Box<[i64]>,
    /// By how much `x · ln x` rises from each number to the next.
    rise: Box<[i64]>,
}

/// ln of `x` in 1..2 by the series of the inverse hyperbolic tangent.
fn ln_by_series(x: f64) -> f64 {
    let z = (x - 1.0) / (x + 1.0);
    (0..24).rev().fold(0.0, |sum, k| sum * z * z + 2.0 / f64::from(2 * k + 1)) * z
}

impl Logarithms {
    pub(super) fn new() -> Self {
        let centre = |cell: u32| 1.0 + (f64::from(cell) + 0.5) / 256.0;
        let cells = (0..256).map(|cell| [1.0 / centre(cell), ln_by_series(centre(cell))]).collect();
        let mut logarithms = Self { cells, ln: Box::default(), x_ln_x: Box::default(), rise: Box::default() };
        logarithms.ln = (0..TABLE as u64).map(|whole| logarithms.by_cell(whole)).collect();
        logarithms.x_ln_x = logarithms.ln.iter().zip(0..).map(|(ln, whole)| ln * whole).collect();
        logarithms.rise = logarithms.x_ln_x.windows(2).map(|pair| pair[1] - pair[0]).collect();
        logarithms
    }

    fn by_cell(&self, whole: u64) -> i64 {
        const MANTISSA: u64 = (1 << 52) - 1;
        if whole == 0 {
            return 0;
        }
        let bits = (whole as f64).to_bits();
        let cell = (bits >> 44) as usize & 0xFF;
        let mantissa = f64::from_bits(bits & MANTISSA | 1023 << 52);
        let power = (bits >> 52) as f64 - 1023.0;
        let [inverse, ln] = self.cells[cell];
        let off = mantissa * inverse - 1.0;
        let polynomial = off * (1.0 - off * (1.0 / 2.0 - off * (1.0 / 3.0 - off * (1.0 / 4.0 - off / 5.0))));
        // Adding and taking away 1.5 · 2⁵² rounds to the nearest whole number without a call.
        const ROUND: f64 = 6_755_399_441_055_744.0;
        ((power * std::f64::consts::LN_2 + (ln + polynomial)) * LN_ONE + ROUND - ROUND) as i64
    }

    #[inline]
    pub(super) fn ln(&self, whole: u64) -> i64 {
        match self.ln.get(whole as usize) {
            Some(&ln) => ln,
            None => self.by_cell(whole),
        }
    }

    /// `whole · ln(whole)`.
    #[inline]
    pub(super) fn x_ln_x(&self, whole: u64) -> i128 {
        match self.x_ln_x.get(whole as usize) {
            Some(&product) => i128::from(product),
            None => i128::from(whole) * i128::from(self.by_cell(whole)),
        }
    }

    /// What `x · ln x` gains from `whole` to the next number.
    #[inline]
    fn rise(&self, whole: u32) -> i128 {
        match self.rise.get(whole as usize) {
            Some(&rise) => i128::from(rise),
            None => self.x_ln_x(u64::from(whole) + 1) - self.x_ln_x(u64::from(whole)),
        }
    }
}

/// The nearest float to a sum; sums rarely need more than 96 bits, and those convert without a call.
#[inline]
fn float(sum: i128) -> f64 {
    if let Ok(sum) = i64::try_from(sum) {
        return sum as f64;
    }
    // Below 2^96 both halves, 48 bits low and the rest high, are exact floats and so is the high one scaled; one addition
    // rounds once.
    const LOW: i128 = 1 << 48;
    match i64::try_from(sum >> 48) {
        Ok(high) if high.unsigned_abs() < 1 << 48 => high as f64 * LOW as f64 + (sum & (LOW - 1)) as u64 as f64,
        _ => sum as f64,
    }
}

/// What the formulas must know besides the sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) has_amounts: bool,
    pub(super) has_times: bool,
    /// Times tell the hour and not the day alone.
    pub(super) has_hours: bool,
    pub(super) utc_offset: UtcOffset,
    pub(super) as_of_day: i64,
    pub(super) scale: Scale,
    pub(super) logarithms: &'a Logarithms,
}

impl Context<'_> {
    pub(super) fn money(&self, minor: i64) -> f64 {
        minor as f64 / self.scale.minor_per_major() as f64
    }

    #[inline]
    pub(super) fn is_round(&self, minor: i64) -> bool {
        let ten_major = 10 * self.scale.minor_per_major();
        // Division by 32 bits takes a fraction of the time, and is nearly always enough.
        match (u32::try_from(minor), u32::try_from(ten_major)) {
            (Ok(minor), Ok(ten_major)) => minor % ten_major == 0,
            _ => minor % ten_major == 0,
        }
    }
}

/// Where formulas put what they give.
pub(super) trait Row {
    /// Writes one feature.
    fn set(&mut self, feature: Feature, value: f64);
}

/// The features of one account before they are put into a table; NaN where undefined.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FeatureRow([f64; Feature::COUNT]);

impl FeatureRow {
    pub(super) fn undefined() -> Self {
        Self([f64::NAN; Feature::COUNT])
    }

    pub(super) fn get(&self, feature: Feature) -> f64 {
        self.0[feature.index()]
    }
}

impl Row for FeatureRow {
    fn set(&mut self, feature: Feature, value: f64) {
        self.0[feature.index()] = value;
    }
}

/// One transfer as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Leg {
    pub(super) at_seconds: i64,
    pub(super) amount_minor: i64,
    pub(super) other: u32,
    /// Bit 0: money comes in. The bits above are the caller's.
    pub(super) tag: u32,
}

impl Leg {
    pub(super) fn is_in(&self) -> bool {
        self.tag & 1 == 1
    }

    /// Time first; at one instant what comes in stands before what goes out.
    pub(super) fn time_order(&self) -> (i64, bool) {
        (self.at_seconds, !self.is_in())
    }
}

/// What passed between the account and others, both ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) in_count: u64,
    pub(super) out_count: u64,
    pub(super) in_minor: i64,
    pub(super) out_minor: i64,
}

impl Pair {
    #[inline]
    pub(super) fn add(&mut self, leg: &Leg, sign: Sign) {
        let (count, amount) = if leg.is_in() {
            (&mut self.in_count, &mut self.in_minor)
        } else {
            (&mut self.out_count, &mut self.out_minor)
        };
        sign.count(count, 1);
        *amount += sign.of(leg.amount_minor);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_count == 0 && self.out_count == 0
    }
}

/// Whether something is added or taken away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// `by` more, or `by` less.
    fn count(self, count: &mut u64, by: u64) {
        match self {
            Self::Plus => *count += by,
            Self::Minus => *count -= by,
        }
    }

    fn of<T: std::ops::Neg<Output = T>>(self, value: T) -> T {
        match self {
            Self::Plus => value,
            Self::Minus => -value,
        }
    }
}

/// What one civil day saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) day: i64,
    /// With all counterparties together.
    pub(super) passed: Pair,
}

/// The sums over one account's transfers. No sum overflows: the absolute amounts of all transfers together fit an `i64`,
/// squares and products with logarithms are `i128`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    // By transfer.
    pub(super) in_count: u64,
    pub(super) out_count: u64,
    in_positive: u64,
    in_positive_minor: i64,
    in_refunds: u64,
    in_refunded_minor: i64,
    in_square: i128,
    in_ln: i128,
    in_round: u64,
    out_minor: i64,
    out_positive: u64,
    out_positive_minor: i64,
    out_round: u64,
    in_by_hour: [u32; 24],
    in_by_weekday: [u32; 7],
    /// Sums of `x · ln x` over the hours and over the weekdays.
    in_hour_ln: i128,
    in_weekday_ln: i128,
    // By counterparty.
    payers: u64,
    payees: u64,
    returning_payers: u64,
    payer_count_square: u128,
    payer_minor_square: i128,
    payer_positive_minor: i64,
    payer_minor_ln: i128,
    payer_count_ln: i128,
    payee_count_square: u128,
    payee_minor_square: i128,
    payee_positive_minor: i64,
    matched_count: u64,
    matched_minor: i64,
    // By day.
    active_days: u64,
    receipt_days: u64,
    matched_day_minor: i128,
    // Taken anew whenever features are asked for.
    pub(super) first_day: i64,
    pub(super) last_day: i64,
    pub(super) last_receipt_day: i64,
    pub(super) top_week_minor: i64,
    // By gap between one transfer in and the next.
    pub(super) gap_square: i128,
    pub(super) first_in_seconds: i64,
    pub(super) last_in_seconds: i64,
}

impl Sums {
    /// Adds or takes away what depends on the transfer alone. `day` is its civil day.
    #[inline]
    pub(super) fn leg(&mut self, leg: &Leg, day: i64, context: &Context<'_>, sign: Sign) {
        // Whether an amount is round is anybody's guess, so what depends on it is added up without a branch.
        let step = |count: &mut u64, by: bool| sign.count(count, u64::from(by));
        let amount = leg.amount_minor;
        let is_round = context.is_round(amount);
        if !leg.is_in() {
            step(&mut self.out_count, true);
            self.out_minor += sign.of(amount);
            step(&mut self.out_positive, amount > 0);
            self.out_positive_minor += sign.of(amount.max(0));
            step(&mut self.out_round, is_round);
            return;
        }
        step(&mut self.in_count, true);
        step(&mut self.in_round, is_round);
        if amount > 0 {
            step(&mut self.in_positive, true);
            self.in_positive_minor += sign.of(amount);
            self.in_square += sign.of(i128::from(amount) * i128::from(amount));
            self.in_ln += sign.of(i128::from(context.logarithms.ln(amount as u64)));
        } else {
            step(&mut self.in_refunds, amount < 0);
            self.in_refunded_minor -= sign.of(amount);
        }
        let second_of_day = leg.at_seconds + i64::from(context.utc_offset.seconds()) - day * DAY_SECONDS;
        // 1970-01-01 was a Thursday; weekday 0 is Monday.
        let (hour, weekday) = ((second_of_day / 3600) as usize, (day + 3).rem_euclid(7) as usize);
        for (count, sum) in [
            (&mut self.in_by_hour[hour], &mut self.in_hour_ln),
            (&mut self.in_by_weekday[weekday], &mut self.in_weekday_ln),
        ] {
            match sign {
                Sign::Plus => {
                    *sum += context.logarithms.rise(*count);
                    *count += 1;
                }
                Sign::Minus => {
                    *count -= 1;
                    *sum -= context.logarithms.rise(*count);
                }
            }
        }
    }

    /// Adds or takes away what depends on all that passed between the account and one counterparty.
    #[inline]
    pub(super) fn pair(&mut self, pair: &Pair, logarithms: &Logarithms, sign: Sign) {
        let add = |count: &mut u64, by: u64| sign.count(count, by);
        let square = |count: u64| u128::from(count) * u128::from(count);
        let add_square = |sum: &mut u128, count: u64| match sign {
            Sign::Plus => *sum += square(count),
            Sign::Minus => *sum -= square(count),
        };
        add(&mut self.payers, u64::from(pair.in_count > 0));
        add(&mut self.payees, u64::from(pair.out_count > 0));
        add(&mut self.returning_payers, u64::from(pair.in_count > 1));
        add_square(&mut self.payer_count_square, pair.in_count);
        add_square(&mut self.payee_count_square, pair.out_count);
        add(&mut self.matched_count, pair.in_count.min(pair.out_count));
        self.payer_count_ln += sign.of(logarithms.x_ln_x(pair.in_count));
        let (brought, got) = (pair.in_minor.max(0), pair.out_minor.max(0));
        self.payer_minor_square += sign.of(i128::from(pair.in_minor) * i128::from(pair.in_minor));
        self.payee_minor_square += sign.of(i128::from(pair.out_minor) * i128::from(pair.out_minor));
        self.payer_positive_minor += sign.of(brought);
        self.payee_positive_minor += sign.of(got);
        self.payer_minor_ln += sign.of(logarithms.x_ln_x(brought as u64));
        self.matched_minor += sign.of(brought.min(got));
    }

    /// Adds or takes away what depends on all that one day saw.
    #[inline]
    pub(super) fn day(&mut self, passed: &Pair, sign: Sign) {
        sign.count(&mut self.active_days, u64::from(!passed.is_empty()));
        sign.count(&mut self.receipt_days, u64::from(passed.in_count > 0));
        self.matched_day_minor += sign.of(i128::from(passed.in_minor.min(passed.out_minor)));
    }

    /// Puts the sums through the formulas. Every feature that is kept live and is no structure comes from here.
    pub(super) fn write(&self, context: &Context<'_>, row: &mut impl Row) {
        self.write_flow(context, row);
        if context.has_amounts {
            self.write_amounts(context, row);
        }
        if context.has_times {
            self.write_times(context, row);
        }
    }

    pub(super) fn active_days(&self) -> u64 {
        self.active_days
    }

    pub(super) fn in_minor(&self) -> i64 {
        self.in_positive_minor - self.in_refunded_minor
    }

    fn write_flow(&self, context: &Context<'_>, row: &mut impl Row) {
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
            row.set(Feature::EffectivePayers, entropy.exp());
        } else {
            row.set(Feature::NetReceiverShare, share(self.in_count, transfers));
            row.set(Feature::PayerHhi, hhi(float(self.payer_count_square as i128), self.in_count as f64));
            row.set(Feature::PayeeHhi, hhi(float(self.payee_count_square as i128), self.out_count as f64));
            let entropy = entropy(self.in_count, self.payer_count_ln, context.logarithms);
            row.set(Feature::EffectivePayers, entropy.exp());
        }
    }

    fn write_amounts(&self, context: &Context<'_>, row: &mut impl Row) {
        let tickets = self.in_positive;
        let major = context.scale.minor_per_major() as f64;
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

    fn write_times(&self, context: &Context<'_>, row: &mut impl Row) {
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
        let of = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        let evenness = |sum: i128| entropy(self.in_count, sum, context.logarithms);
        row.set(Feature::WeekdayEntropy, evenness(self.in_weekday_ln) / LN_7);
        if context.has_hours {
            row.set(Feature::HourEntropy, evenness(self.in_hour_ln) / LN_24);
            row.set(Feature::NightShare, share(of(&self.in_by_hour[..6]), self.in_count));
        }
        row.set(Feature::WeekendShare, share(of(&self.in_by_weekday[5..]), self.in_count));
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

/// `part / whole`, undefined for a whole of 0.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    ratio(part as f64, whole as f64)
}

/// `part / whole`, undefined for a whole of 0.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

fn hhi(square_sum: f64, total: f64) -> f64 {
    ratio(square_sum, total * total)
}

/// `n` times the population standard deviation of `n` numbers, from their sum and their sum of squares.
fn scaled_deviation(n: i128, square_sum: i128, sum: i128) -> f64 {
    match n.checked_mul(square_sum) {
        Some(scaled) => float(scaled - sum * sum).sqrt(),
        None => (n as f64 * square_sum as f64 - sum as f64 * sum as f64).max(0.0).sqrt(),
    }
}

/// Entropy, in nats, of shares `x / total` given the sum of `x · ln x`; undefined for a total of 0.
pub(super) fn entropy(total: u64, x_ln_x_sum: i128, logarithms: &Logarithms) -> f64 {
    if total == 0 {
        return f64::NAN;
    }
    float(logarithms.x_ln_x(total) - x_ln_x_sum) / (total as f64 * LN_ONE)
}

/// The largest sum over 7 consecutive days of `(day, amount)`, days ascending; 0 when no week sums higher.
///
/// What a sliding week holds changes when a day enters at its end and when one leaves at its start, so the weeks that end
/// on a day and the weeks that start right after one are all there is to try. Without refunds the former are enough.
pub(super) fn top_week(days: impl Iterator<Item = (i64, i64)> + Clone) -> i64 {
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
    fn logarithms_are_the_nearest_multiples() {
        let logarithms = Logarithms::new();
        let powers = (0..64).flat_map(|bit| [1u64 << bit, (1u64 << bit) + (1u64 << bit) / 3, (1u64 << bit) | 1]);
        for whole in (1..5_000).chain(powers).chain([u64::MAX, i64::MAX as u64]) {
            let exact = (whole as f64).ln() * LN_ONE;
            assert!((logarithms.ln(whole) as f64 - exact).abs() <= 0.5 + 1e-2, "{whole}");
            assert_eq!(logarithms.x_ln_x(whole), i128::from(whole) * i128::from(logarithms.ln(whole)));
            if let Ok(from) = u32::try_from(whole) {
                assert_eq!(logarithms.rise(from), logarithms.x_ln_x(whole + 1) - logarithms.x_ln_x(whole));
            }
        }
        assert_eq!((logarithms.ln(0), logarithms.ln(1)), (0, 0));
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

    #[test]
    fn entropy_of_equal_shares_is_their_logarithm() {
        let logarithms = Logarithms::new();
        let sum: i128 = [3u64; 8].iter().map(|&x| logarithms.x_ln_x(x)).sum();
        assert!((entropy(24, sum, &logarithms) - 8f64.ln()).abs() < 1e-11);
        assert_eq!(entropy(24, logarithms.x_ln_x(24), &logarithms), 0.0);
        assert!(entropy(0, 0, &logarithms).is_nan());
    }

    #[test]
    fn the_deviation_survives_sums_of_squares_that_no_integer_holds() {
        let big = i128::from(i64::MAX);
        let (n, sum) = (1i128 << 32, big);
        let spread = scaled_deviation(n, big * big, sum);
        // One giant among dwarfs: n·s ≈ giant · sqrt(n − 1).
        assert!((spread / (big as f64 * ((n - 1) as f64).sqrt()) - 1.0).abs() < 1e-12);
    }
}
