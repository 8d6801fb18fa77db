//! The rules of a product whose loans are repaid by schedule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

impl TransactionKind {
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
    /// Whether interest follows payments, and where that of a payoff ends.
    pub recalculates: Option<PayoffInterest>,
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
}
