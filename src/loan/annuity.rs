//! The annuity formulas: payment, interest, principal, rate, number of periods, present and future value.
//!
//! Signs are the spreadsheet's: what one receives is positive, what one pays is negative, and
//! `present + Σ payment·v^t + future·v^n = 0`. Exact decimals to 28 digits, except the two that need a logarithm or a root.

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, MathematicalOps};
use serde::{Deserialize, Serialize};

use crate::elementary::{ln, ln_1p};
use crate::error::{Error, Result};
use crate::loan::annual_rate::{RateSolution, TimedAmount, internal_rate_by_times};

/// When in its period a payment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentTiming {
    /// At the end: in arrears.
    #[default]
    End,
    /// At the beginning: in advance.
    Begin,
}

/// A stream of equal payments at a constant rate a period.
///
/// ```
/// use dandelion_credit::loan::Annuity;
///
/// let loan = Annuity { rate: "0.01".parse().unwrap(), periods: 12, present: 10_000.into(), ..Annuity::default() };
/// assert_eq!(loan.payment()?.round_dp(2).to_string(), "-888.49");
/// assert_eq!(loan.interest_in(1)?.round_dp(2).to_string(), "-100.00");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annuity {
    /// The rate a period, above −1.
    pub rate: Decimal,
    /// The number of payments.
    pub periods: u32,
    /// Received now.
    pub present: Decimal,
    /// Received after the last period.
    #[serde(default)]
    pub future: Decimal,
    /// When payments are made.
    #[serde(default)]
    pub timing: PaymentTiming,
}

const MAX_PERIODS: u32 = 1_000_000;

fn overflow() -> Error {
    Error::overflow("annuity", "a decimal of 28 digits below 7.9e28")
}

impl Annuity {
    fn check(&self) -> Result<()> {
        check_rate(self.rate)?;
        if self.periods == 0 || self.periods > MAX_PERIODS {
            return Err(Error::invalid("periods", self.periods, "1 to 1,000,000"));
        }
        Ok(())
    }

    fn due_factor(&self) -> Result<Decimal> {
        match self.timing {
            PaymentTiming::End => Ok(Decimal::ONE),
            PaymentTiming::Begin => one_plus(self.rate),
        }
    }

    /// The payment a period.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a rate of −1 or below and for no periods; [`Error::is_overflow`] when the answer cannot be
    /// held.
    pub fn payment(&self) -> Result<Decimal> {
        self.check()?;
        let periods = Decimal::from(self.periods);
        if self.rate.is_zero() {
            return Ok(-(self.present.checked_add(self.future).ok_or_else(overflow)? / periods));
        }
        let discount = discount(self.rate, self.periods)?;
        let numerator = self
            .future
            .checked_mul(discount)
            .and_then(|future| future.checked_add(self.present))
            .and_then(|sum| sum.checked_mul(self.rate))
            .ok_or_else(overflow)?;
        let denominator = (Decimal::ONE - discount).checked_mul(self.due_factor()?).ok_or_else(overflow)?;
        Ok(-numerator.checked_div(denominator).ok_or_else(overflow)?)
    }

    /// What is owed after `paid` payments, with the sign of `present`.
    fn balance_after(&self, paid: u32) -> Result<Decimal> {
        let left = self.periods - paid;
        let payment = self.payment()?.checked_mul(self.due_factor()?).ok_or_else(overflow)?;
        if self.rate.is_zero() {
            return payment
                .checked_mul(left.into())
                .and_then(|sum| (-sum).checked_sub(self.future))
                .ok_or_else(overflow);
        }
        let discount = discount(self.rate, left)?;
        let share = (Decimal::ONE - discount).checked_div(self.rate).ok_or_else(overflow)?;
        let payments = payment.checked_mul(share).ok_or_else(overflow)?;
        self.future.checked_mul(discount).and_then(|future| (-payments).checked_sub(future)).ok_or_else(overflow)
    }

    fn check_period(&self, period: u32) -> Result<()> {
        self.check()?;
        if period == 0 || period > self.periods {
            return Err(Error::invalid("period", period, format!("1 to {}", self.periods)));
        }
        Ok(())
    }

    /// The interest in the payment of `period`, the first being 1.
    ///
    /// # Errors
    /// As [`payment`](Self::payment), and [`Error::is_invalid`] for a period outside the annuity.
    pub fn interest_in(&self, period: u32) -> Result<Decimal> {
        self.check_period(period)?;
        match (self.timing, period) {
            (PaymentTiming::Begin, 1) => Ok(Decimal::ZERO),
            (PaymentTiming::Begin, _) => {
                // A payment in advance bears interest on the balance after the payment before.
                let due = self.balance_after(period - 1)?;
                let interest = due.checked_mul(self.rate).ok_or_else(overflow)?;
                (-interest).checked_div(self.due_factor()?).ok_or_else(overflow)
            }
            (PaymentTiming::End, _) => {
                self.balance_after(period - 1)?.checked_mul(self.rate).map(|interest| -interest).ok_or_else(overflow)
            }
        }
    }

    /// The principal in the payment of `period`, the first being 1.
    ///
    /// # Errors
    /// As [`interest_in`](Self::interest_in).
    pub fn principal_in(&self, period: u32) -> Result<Decimal> {
        self.payment()?.checked_sub(self.interest_in(period)?).ok_or_else(overflow)
    }
}

/// (1 + rate)^−periods; nought when it is too small to write.
fn discount(rate: Decimal, periods: u32) -> Result<Decimal> {
    let step = Decimal::ONE.checked_div(one_plus(rate)?).ok_or_else(overflow)?;
    step.checked_powi(i64::from(periods)).ok_or_else(overflow)
}

/// (1 + rate)^periods.
///
/// # Errors
/// [`Error::is_overflow`] from 7.9e28 on.
///
/// ```
/// use dandelion_credit::loan::growth;
///
/// assert_eq!(growth("0.02".parse().unwrap(), 3)?.to_string(), "1.061208"); // 1.02 × 1.02 × 1.02
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn growth(rate: Decimal, periods: u32) -> Result<Decimal> {
    one_plus(rate)?.checked_powi(i64::from(periods)).ok_or_else(overflow)
}

fn one_plus(rate: Decimal) -> Result<Decimal> {
    Decimal::ONE.checked_add(rate).ok_or_else(overflow)
}

fn check_rate(rate: Decimal) -> Result<()> {
    if rate <= Decimal::NEGATIVE_ONE { Err(Error::invalid("rate a period", rate, "above -1")) } else { Ok(()) }
}

/// What one unit a period comes to, or is worth, when one unit in one sum becomes `one`.
fn annuity_of(one: Decimal, rate: Decimal, periods: u32, timing: PaymentTiming) -> Result<Decimal> {
    let plain = if rate.is_zero() {
        Decimal::from(periods)
    } else {
        (one - Decimal::ONE).abs().checked_div(rate.abs()).ok_or_else(overflow)?
    };
    let due = if timing == PaymentTiming::Begin { one_plus(rate)? } else { Decimal::ONE };
    plain.checked_mul(due).ok_or_else(overflow)
}

/// The future value of a present value and a payment a period: −(present·g + payment·(g − 1)/rate), g being the growth.
///
/// # Errors
/// [`Error::is_invalid`] for a rate of −1 or below; [`Error::is_overflow`] when it cannot be held.
///
/// ```
/// use dandelion_credit::loan::{PaymentTiming, future_value};
///
/// // 100 put by at the end of each of three months at 1 % a month: 100 × (1.0201 + 1.01 + 1). Paid out is negative.
/// let saved = future_value("0.01".parse().unwrap(), 3, (-100).into(), 0.into(), PaymentTiming::End)?;
/// assert_eq!(saved.round_dp(4).to_string(), "303.0100");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn future_value(
    rate: Decimal,
    periods: u32,
    payment: Decimal,
    present: Decimal,
    timing: PaymentTiming,
) -> Result<Decimal> {
    check_rate(rate)?;
    let growth = growth(rate, periods)?;
    let grown = present.checked_mul(growth).ok_or_else(overflow)?;
    let paid = payment.checked_mul(annuity_of(growth, rate, periods, timing)?).ok_or_else(overflow)?;
    grown.checked_add(paid).map(|sum| -sum).ok_or_else(overflow)
}

/// The present value of a payment a period and a future value: −(future·v + payment·(1 − v)/rate), v being the discount.
///
/// # Errors
/// [`Error::is_invalid`] for a rate of −1 or below; [`Error::is_overflow`] when it cannot be held.
///
/// ```
/// use dandelion_credit::loan::{PaymentTiming, present_value};
///
/// // The largest loan that 2,497.21 a month repays in five years at 12.9 %
/// let rate = rust_decimal::Decimal::new(129, 3) / rust_decimal::Decimal::from(12);
/// let loan = present_value(rate, 60, "-2497.21".parse().unwrap(), 0.into(), PaymentTiming::End)?;
/// assert_eq!(loan.round_dp(2).to_string(), "109999.97");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn present_value(
    rate: Decimal,
    periods: u32,
    payment: Decimal,
    future: Decimal,
    timing: PaymentTiming,
) -> Result<Decimal> {
    check_rate(rate)?;
    let discount = discount(rate, periods)?;
    let worth = future.checked_mul(discount).ok_or_else(overflow)?;
    let paid = payment.checked_mul(annuity_of(discount, rate, periods, timing)?).ok_or_else(overflow)?;
    worth.checked_add(paid).map(|sum| -sum).ok_or_else(overflow)
}

/// The present value of amounts one period apart, the first now.
///
/// # Errors
/// [`Error::is_invalid`] for a rate of −1 or below; [`Error::is_overflow`] when it cannot be held.
///
/// ```
/// use dandelion_credit::loan::net_present_value;
///
/// // 1,000 lent now and 550 back in each of two months, at 5 % a month: −1000 + 550 ÷ 1.05 + 550 ÷ 1.1025.
/// let worth = net_present_value("0.05".parse().unwrap(), &[(-1_000).into(), 550.into(), 550.into()])?;
/// assert_eq!(worth.round_dp(2).to_string(), "22.68");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn net_present_value(rate: Decimal, amounts: &[Decimal]) -> Result<Decimal> {
    check_rate(rate)?;
    let step = one_plus(rate)?;
    // Horner's rule from the last amount back.
    let earlier = |sum: Decimal, amount: Decimal| sum.checked_div(step)?.checked_add(amount);
    amounts.iter().rev().try_fold(Decimal::ZERO, |sum, &amount| earlier(sum, amount).ok_or_else(overflow))
}

/// The number of periods in which payments bring `present` to `future`, broken periods included; `None` when they never do.
///
/// ```
/// use dandelion_credit::loan::{PaymentTiming, number_of_periods};
///
/// // 1,000 at 1 % a month, 100 back each month: the eleventh payment is a broken one. Interest alone (10) never repays it.
/// let periods = |payment| number_of_periods(0.01, payment, 1_000.0, 0.0, PaymentTiming::End);
/// assert_eq!(periods(-100.0).map(|n| (n * 100.0).round() / 100.0), Some(10.59));
/// assert_eq!(periods(-10.0), None);
/// ```
#[must_use]
pub fn number_of_periods(rate: f64, payment: f64, present: f64, future: f64, timing: PaymentTiming) -> Option<f64> {
    let periods = if rate == 0.0 {
        -(present + future) / payment
    } else {
        let due = if timing == PaymentTiming::Begin { 1.0 + rate } else { 1.0 };
        let worth = payment * due / rate;
        ln((worth - future) / (worth + present)) / ln_1p(rate)
    };
    periods.is_finite().then_some(periods)
}

/// The rates a period at which `periods` payments bring `present` to `future`.
///
/// # Errors
/// [`Error::is_invalid`] for more than a million periods or numbers that are not finite.
///
/// ```
/// use dandelion_credit::loan::{PaymentTiming, RateSolution, rate_per_period};
///
/// // 1,000 for two payments of 550: −1000·x² + 550·x + 550 = 0 gives x = 1.06596.
/// let RateSolution::One(rate) = rate_per_period(2, -550.0, 1_000.0, 0.0, PaymentTiming::End)? else { panic!("one rate") };
/// assert!((rate - 0.06596).abs() < 1e-5);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn rate_per_period(
    periods: u32,
    payment: f64,
    present: f64,
    future: f64,
    timing: PaymentTiming,
) -> Result<RateSolution> {
    if periods > MAX_PERIODS {
        return Err(Error::invalid("periods", periods, "at most 1,000,000"));
    }
    let first = if timing == PaymentTiming::Begin { 0 } else { 1 };
    let mut flows = vec![TimedAmount { years: 0.0, amount: present }];
    flows.extend((0..periods).map(|n| TimedAmount { years: f64::from(n + first), amount: payment }));
    flows.push(TimedAmount { years: f64::from(periods), amount: future });
    internal_rate_by_times(&flows)
}

/// A decimal from a binary floating-point number, to its fifteen honest digits.
///
/// # Errors
/// [`Error::is_invalid`] for a number that is not finite or too large.
///
/// ```
/// use dandelion_credit::loan::decimal_of;
///
/// assert_eq!(decimal_of(0.1 + 0.2)?.to_string(), "0.3"); // the seventeenth digit of the binary number is noise
/// assert!(decimal_of(f64::NAN).unwrap_err().is_invalid());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn decimal_of(number: f64) -> Result<Decimal> {
    Decimal::from_f64(number).ok_or_else(|| Error::invalid("number", number, "finite and below 7.9e28"))
}

/// The nearest binary floating-point number.
///
/// ```
/// use dandelion_credit::loan::float_of;
///
/// assert_eq!(float_of("0.0005".parse().unwrap()), 0.0005);
/// ```
#[must_use]
pub fn float_of(number: Decimal) -> f64 {
    // Only a decimal that is no number could fail, and there is none.
    number.to_f64().unwrap_or(f64::NAN)
}

/// Consumer Credit (Early Settlement) Regulations 2004 (United Kingdom), regulation 4: the rebate when a loan of equal
/// instalments is settled early.
///
/// The rebate is what the instalments after settlement come to, less what settles: the credit accumulated at `rate` a period
/// less the instalments paid, each accumulated likewise, all of it carried on over the part of a period.
///
/// ```
/// use dandelion_credit::loan::{EarlySettlement, decimal_of};
/// use dandelion_credit::{Money, Rounding};
///
/// let settlement = EarlySettlement {
///     credit: Money::from_minor(500_000),
///     instalment: Money::from_minor(13_457),
///     instalments: 48,
///     paid: 12,
///     rate: decimal_of(1.14f64.powf(1.0 / 12.0) - 1.0)?.round_dp(6),
///     part_period: 0.into(),
/// };
/// assert_eq!(settlement.rebate(Rounding::HalfUp)?.to_minor(), 86_052);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlySettlement {
    /// The amount of credit.
    pub credit: crate::Money,
    /// What is paid a period.
    pub instalment: crate::Money,
    /// How many instalments there are.
    pub instalments: u32,
    /// How many fell due before settlement.
    pub paid: u32,
    /// The rate a period.
    pub rate: Decimal,
    /// The part of a period since the last instalment, from 0 to 1.
    pub part_period: Decimal,
}

impl EarlySettlement {
    /// What settles the loan.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when more instalments were paid than there are or the part of a period is not from 0 to 1;
    /// [`Error::is_overflow`] when an amount cannot be held.
    pub fn settlement_figure(&self, rounding: crate::Rounding) -> Result<crate::Money> {
        if self.paid > self.instalments {
            return Err(Error::invalid("instalments paid", self.paid, format!("at most {}", self.instalments)));
        }
        if self.part_period < Decimal::ZERO || self.part_period > Decimal::ONE {
            return Err(Error::invalid("part of a period", self.part_period, "from 0 to 1"));
        }
        let accumulated = |amount: crate::Money, periods: u32| -> Result<Decimal> {
            amount.to_decimal_minor().checked_mul(growth(self.rate, periods)?).ok_or_else(overflow)
        };
        let mut balance = accumulated(self.credit, self.paid)?;
        for instalment in 1..=self.paid {
            balance =
                balance.checked_sub(accumulated(self.instalment, self.paid - instalment)?).ok_or_else(overflow)?;
        }
        let part = one_plus(self.rate)?.checked_powd(self.part_period).ok_or_else(overflow)?;
        crate::Money::from_decimal_minor(balance.checked_mul(part).ok_or_else(overflow)?, rounding)
    }

    /// The rebate: the instalments still to come less [`settlement_figure`](Self::settlement_figure).
    ///
    /// # Errors
    /// As [`settlement_figure`](Self::settlement_figure).
    pub fn rebate(&self, rounding: crate::Rounding) -> Result<crate::Money> {
        let to_come = self.instalment.checked_mul(i64::from(self.instalments.saturating_sub(self.paid)))?;
        to_come.checked_sub(self.settlement_figure(rounding)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interest_and_principal_add_up_to_the_payment_and_the_loan() {
        for timing in [PaymentTiming::End, PaymentTiming::Begin] {
            let rate = Decimal::new(1, 2);
            let annuity = Annuity { rate, periods: 24, present: Decimal::from(5_000), future: Decimal::ZERO, timing };
            let principal: Decimal = (1..=24).map(|period| annuity.principal_in(period).unwrap()).sum();
            assert_eq!(principal.round_dp(15), Decimal::from(-5_000), "{timing:?}");
        }
    }

    #[test]
    fn values_are_inverse_to_each_other() {
        let (rate, payment) = (Decimal::new(7, 2), Decimal::from(12_000));
        let present = present_value(rate, 20, payment, Decimal::ZERO, PaymentTiming::End).unwrap();
        let future = future_value(rate, 20, payment, present, PaymentTiming::End).unwrap();
        assert!(future.abs() < Decimal::new(1, 15), "{future}");
        let flows = [present, payment, payment];
        assert!(net_present_value(Decimal::NEGATIVE_ONE, &flows).unwrap_err().is_invalid());
    }

    #[test]
    fn no_rate_and_no_amount_is_too_odd_for_an_answer_or_an_error() {
        let smallest = Decimal::new(1, 28);
        let odd = [Decimal::ZERO, smallest, Decimal::ONE, Decimal::MAX].map(|number| [number, -number]).concat();
        let rates = [&odd[..], &[Decimal::NEGATIVE_ONE + smallest, Decimal::from(-2)]].concat();
        for rate in rates {
            for (&one, &other) in odd.iter().flat_map(|one| odd.iter().map(move |other| (one, other))) {
                for timing in [PaymentTiming::End, PaymentTiming::Begin] {
                    for periods in [0, 1, 2, 1_000] {
                        let annuity = Annuity { rate, periods, present: one, future: other, timing };
                        let answers = [
                            future_value(rate, periods, one, other, timing),
                            present_value(rate, periods, one, other, timing),
                            net_present_value(rate, &[one, other, one]),
                            annuity.principal_in(1),
                            annuity.principal_in(2),
                        ];
                        let refused = answers.iter().filter(|answer| answer.is_err()).count();
                        assert!(rate > Decimal::NEGATIVE_ONE || refused == answers.len(), "{annuity:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn impossible_annuities_are_refused() {
        let annuity = Annuity { periods: 0, ..Annuity::default() };
        assert!(annuity.payment().unwrap_err().is_invalid());
        let annuity = Annuity { periods: 5, rate: Decimal::NEGATIVE_ONE, ..Annuity::default() };
        assert!(annuity.payment().unwrap_err().is_invalid());
        let annuity = Annuity { periods: 5, ..Annuity::default() };
        assert!(annuity.interest_in(6).unwrap_err().is_invalid());
        assert_eq!(rate_per_period(12, 400.0, 10_000.0, 5_000.0, PaymentTiming::End).unwrap(), RateSolution::None);
        assert_eq!(
            number_of_periods(0.01, -50.0, 10_000.0, 0.0, PaymentTiming::End),
            None,
            "interest outruns the payment"
        );
    }
}
