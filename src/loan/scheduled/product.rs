//! The rules of a product whose loans are repaid by schedule.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::state::MOST_MINOR;
use crate::error::{Error, Result};
use crate::loan::{Allocation, Component};
use crate::money::Rounding;
use crate::rate::BasisPoints;

/// How instalments are laid out and what a payment does to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Interest follows what is paid and when; instalments keep their level and the last unpaid one takes the rest.
    Progressive,
    /// Interest is planned once; payments do not change it.
    Cumulative,
}

/// What interest is charged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterestMethod {
    /// On the principal outstanding.
    DecliningBalance,
    /// On the principal lent.
    Flat,
}

/// Days of a year in the rate of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum YearDays {
    /// 365 or 366, by the calendar year.
    Actual,
    /// 366 in a period that holds a 29 February, 365 in any other.
    ActualLeapPeriod,
    /// Always so many.
    Fixed(u32),
}

/// Days of a month in the rate of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonthDays {
    /// As they are.
    Actual,
    /// Thirty.
    Thirty,
}

/// Steps in which interest is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterestStep {
    /// By the day.
    Daily,
    /// By the instalment.
    Instalment,
}

/// Where interest of a payoff ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoffInterest {
    /// On the day of payment.
    PaymentDay,
    /// On the due date of the running instalment.
    DueDate,
}

/// A part of each disbursement that is due at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownPayment {
    /// The share of the disbursement.
    pub share: BasisPoints,
    /// Whether it is taken out of the disbursement without a payment of its own.
    pub automatic: bool,
}

/// Which instalments a payment beyond what is due goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FutureRule {
    /// The next ones.
    NextInstalment,
    /// The last ones.
    LastInstalment,
    /// The running one, then the last ones.
    NextThenLast,
    /// All of them evenly.
    Reamortise,
}

/// The waterfall of a kind of payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRule {
    /// Which debt first.
    pub allocation: Allocation,
    /// Which instalments in advance.
    pub future: FutureRule,
}

/// What a charge-off does to the instalments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeOffEffect {
    /// Nothing.
    #[default]
    Regular,
    /// No interest from that day.
    ZeroInterest,
    /// Everything falls due on that day.
    AccelerateMaturity,
}

/// Kinds of transactions on a scheduled loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// Money goes out.
    Disbursement,
    /// The part due at once.
    DownPayment,
    /// The borrower pays.
    Repayment,
    /// A shop returns the price.
    MerchantRefund,
    /// A payer's payout is returned.
    PayoutRefund,
    /// The lender gives.
    GoodwillCredit,
    /// The lender gives up interest.
    InterestWaiver,
    /// Interest given back with a refund.
    InterestRefund,
    /// A payment is taken back by the bank.
    ChargeBack,
    /// A credit balance is paid out.
    CreditBalanceRefund,
    /// Unpaid amounts move to new instalments.
    ReAge,
    /// Overdue amounts are spread over the instalments to come.
    ReAmortise,
    /// The loss is recognised.
    ChargeOff,
    /// The claim is given up.
    WriteOff,
    /// Charges are given up.
    ChargeWaiver,
    /// Money is given back on an active loan.
    Refund,
    /// Income earned by the passing of days.
    Accrual,
    /// Accrued income taken back.
    AccrualAdjustment,
    /// What an instalment has earned in all, noted on its due date.
    AccrualActivity,
    /// A fee added to the principal; it is earned until the last due date.
    CapitalisedIncome,
    /// The part of capitalised income earned by the passing of days.
    CapitalisedIncomeAmortisation,
    /// Earned capitalised income taken back.
    CapitalisedIncomeAmortisationAdjustment,
    /// A fee that a third party pays for the borrower; it is earned until the last due date.
    BuyDownFee,
    /// The part of a buy-down fee earned by the passing of days.
    BuyDownFeeAmortisation,
    /// Earned buy-down fee taken back.
    BuyDownFeeAmortisationAdjustment,
}

impl TransactionKind {
    /// Whether it books or notes income and changes nothing that the borrower owes.
    #[must_use]
    pub const fn is_accrual(self) -> bool {
        matches!(
            self,
            Self::Accrual
                | Self::AccrualAdjustment
                | Self::AccrualActivity
                | Self::CapitalisedIncomeAmortisation
                | Self::CapitalisedIncomeAmortisationAdjustment
                | Self::BuyDownFee
                | Self::BuyDownFeeAmortisation
                | Self::BuyDownFeeAmortisationAdjustment
        )
    }

    /// Whether it adds to the principal that the plan pays off.
    #[must_use]
    pub const fn adds_principal(self) -> bool {
        matches!(self, Self::Disbursement | Self::CapitalisedIncome)
    }

    /// Whether its amount is what is open when it comes.
    pub(super) const fn takes_what_is_open(self) -> bool {
        matches!(self, Self::ReAge | Self::ReAmortise | Self::ChargeOff | Self::WriteOff)
    }

    /// Whether it is allocated as a payment.
    #[must_use]
    pub const fn is_payment(self) -> bool {
        matches!(
            self,
            Self::DownPayment
                | Self::Repayment
                | Self::MerchantRefund
                | Self::PayoutRefund
                | Self::GoodwillCredit
                | Self::InterestWaiver
                | Self::InterestRefund
        )
    }
}

/// The rules of a product, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanProduct {
    /// How instalments are laid out.
    pub kind: ScheduleKind,
    /// What interest is charged on.
    pub method: InterestMethod,
    /// In which steps.
    pub step: InterestStep,
    /// Whether a period begun counts in part when interest goes by the instalment.
    pub partial_periods: bool,
    /// Days of a year.
    pub year: YearDays,
    /// Days of a month.
    pub month: MonthDays,
    /// Instalments are whole multiples of this many minor units.
    pub level_multiple_minor: Option<i64>,
    /// Whether the interest of a progressive plan follows payments, and where that of a payoff ends. That of a cumulative plan stands
    /// as it was planned; what rounding left over then falls on the last instalment.
    pub recalculates: Option<PayoffInterest>,
    /// Whether payments rest until the running instalment falls due before interest follows them.
    pub rests_by_instalment: bool,
    /// Whether principal that is not paid in time earns no more than it would have in time.
    pub no_interest_past_due: bool,
    /// The part due at once.
    pub down_payment: Option<DownPayment>,
    /// Whether due dates are counted from the day the loan was asked for, not from the day the money went out.
    pub due_from_submission: bool,
    /// Days from disbursement to the last due date, whatever the periods say.
    pub fixed_length_days: Option<u32>,
    /// The waterfall of payments.
    pub rule: PaymentRule,
    /// Other waterfalls for some kinds of payment.
    pub rules: BTreeMap<TransactionKind, PaymentRule>,
    /// Refunds that give interest back with them.
    pub interest_refunds: BTreeSet<TransactionKind>,
    /// Whether what each instalment has earned is noted on its due date.
    pub accrual_activity: bool,
    /// Whether payments may meet charges that fall due after them.
    pub charges_in_advance: bool,
    /// In which order a charge-back takes back what the payment paid; principal alone, when absent.
    pub charge_back_order: Option<[Component; 4]>,
    /// What a charge-off does.
    pub charge_off: ChargeOffEffect,
    /// Whether the day of disbursement earns interest in place of the day of payment.
    pub interest_on_first_day: bool,
    /// How interest is rounded.
    pub rounding: Rounding,
}

impl LoanProduct {
    /// Checks that the rules can be kept.
    pub(super) fn check(&self) -> Result<()> {
        if let YearDays::Fixed(days) = self.year
            && !(1..=1_000).contains(&days)
        {
            return Err(Error::invalid("days of a year", days, "1 to 1,000"));
        }
        if let Some(down) = self.down_payment {
            let share = down.share.get();
            if !(0..=BasisPoints::ONE.get()).contains(&share) {
                return Err(Error::invalid(
                    "down payment",
                    format!("{share} basis points"),
                    "0 to 10,000 basis points",
                ));
            }
        }
        if let Some(unit) = self.level_multiple_minor
            && !(1..=MOST_MINOR).contains(&unit)
        {
            return Err(Error::invalid("multiple of instalments", unit, "1 to 10^13 minor units"));
        }
        if let Some(mut order) = self.charge_back_order {
            order.sort_unstable();
            let mut all = Component::ALL;
            all.sort_unstable();
            if order != all {
                return Err(Error::invalid("charge-back order", format!("{order:?}"), "each component once"));
            }
        }
        Ok(())
    }

    /// The waterfall of a kind of payment.
    #[must_use]
    pub fn rule_for(&self, kind: TransactionKind) -> &PaymentRule {
        self.rules.get(&kind).unwrap_or(&self.rule)
    }
}

/// What is agreed for one loan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledTerms {
    /// A nominal rate a year, as a fraction.
    pub annual_rate: rust_decimal::Decimal,
    /// The distance between due dates.
    pub every: crate::loan::Every,
    /// The number of instalments.
    pub instalments: u32,
    /// The day the loan was asked for.
    pub submitted_on: crate::calendar::Date,
    /// The day the money is expected to go out.
    pub expected_on: crate::calendar::Date,
    /// Instalments that ask for less than the others, or in another way.
    #[serde(default)]
    pub shape: InstalmentShape,
}

/// How instalments differ from equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstalmentShape {
    /// Principal falls due in equal parts, interest on top.
    pub equal_principal: bool,
    /// The first so many instalments ask for no principal.
    pub principal_grace: u32,
    /// The first so many instalments ask for no interest; it falls due with the next.
    pub interest_grace: u32,
    /// The first so many periods earn no interest.
    pub interest_free: u32,
}

/// A rate between nothing and 100,000 % a year.
pub(super) fn check_rate(rate: rust_decimal::Decimal) -> Result<()> {
    if rate.is_sign_negative() && !rate.is_zero() || rate > rust_decimal::Decimal::ONE_THOUSAND {
        return Err(Error::invalid("annual rate", rate, "a fraction from 0 to 1000"));
    }
    Ok(())
}
