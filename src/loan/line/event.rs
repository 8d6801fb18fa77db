//! What happened to a line, as facts with a value date.

use serde::{Deserialize, Serialize};

use super::accrual::InterestRate;
use super::terms::{DrawdownTerms, RepaymentPlan};
use crate::calendar::Date;
use crate::loan::Component;
use crate::money::Money;

/// The caller's number of a drawdown, unique on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DrawdownId(pub u32);

/// Where a payment comes from. The policy may give each its own waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// The borrower pays.
    #[default]
    Repayment,
    /// A shop returns the price of goods bought with the loan.
    MerchantRefund,
    /// The lender gives up a part at its own cost.
    GoodwillCredit,
}

/// What principal paid early does to the instalments still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrepayEffect {
    /// The next instalments are paid ahead.
    #[default]
    NextInstalments,
    /// The last instalments go first.
    LastInstalments,
    /// Instalments keep their size, the loan ends sooner.
    ReduceTerm,
    /// The number of instalments stays, each gets smaller.
    ReduceInstalment,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Money goes out; from here the drawdown is a loan of its own.
    Disburse {
        /// Its number.
        drawdown: DrawdownId,
        /// How much.
        amount_minor: Money,
        /// Its terms, frozen.
        terms: DrawdownTerms,
    },
    /// A payment, allocated by the policy's waterfall; what is left over becomes a credit balance.
    Repay {
        /// To this drawdown; to all of them, oldest debt first, when none is named.
        drawdown: Option<DrawdownId>,
        /// How much.
        amount_minor: Money,
        /// Where it comes from.
        #[serde(default)]
        kind: PaymentKind,
    },
    /// A payment of what is owed so far and then of principal not yet due.
    Prepay {
        /// To this drawdown.
        drawdown: DrawdownId,
        /// How much, the prepayment fee included.
        amount_minor: Money,
        /// What becomes of the plan.
        #[serde(default)]
        effect: PrepayEffect,
    },
    /// A fee or a penalty is charged, due with the instalment of that day.
    Charge {
        /// On this drawdown.
        drawdown: DrawdownId,
        /// [`Component::Fee`] or [`Component::Penalty`].
        component: Component,
        /// How much.
        amount_minor: Money,
    },
    /// A fee for the line itself, for keeping it open or for what is not drawn; due at once, and paid first by payments that
    /// name no drawdown. To give it up, reverse it.
    ChargeLine {
        /// How much.
        amount_minor: Money,
    },
    /// A part of a debt other than principal is given up, oldest first, at most what is open.
    Waive {
        /// On this drawdown.
        drawdown: DrawdownId,
        /// Which debt; principal is written off, not waived.
        component: Component,
        /// How much.
        amount_minor: Money,
    },
    /// An earlier payment is taken back by the payer's bank: so much principal is owed again, at once.
    ChargeBack {
        /// On this drawdown.
        drawdown: DrawdownId,
        /// How much.
        amount_minor: Money,
    },
    /// A credit balance is paid out.
    RefundCreditBalance {
        /// How much, at most the credit balance.
        amount_minor: Money,
    },
    /// Days past due and penalties stand still until a date, interest too if so agreed.
    Pause {
        /// This drawdown.
        drawdown: DrawdownId,
        /// The first day it runs again.
        until: Date,
        /// Whether contract interest goes on.
        accrues_interest: bool,
    },
    /// Instalments still to come get a new plan from this day; overdue ones stay overdue.
    Reschedule {
        /// This drawdown.
        drawdown: DrawdownId,
        /// The new plan for the principal not yet due.
        repayment: RepaymentPlan,
        /// A new rate from this day, where agreed.
        rate: Option<InterestRate>,
    },
    /// Everything unpaid, overdue or not, gets a new plan from this day; days past due start again at zero.
    ReAge {
        /// This drawdown.
        drawdown: DrawdownId,
        /// The new plan for all unpaid principal.
        repayment: RepaymentPlan,
    },
    /// Overdue principal is spread evenly over the instalments still to come.
    ReAmortise {
        /// This drawdown.
        drawdown: DrawdownId,
    },
    /// As re-age, at a new rate, because the borrower is in difficulty: it stays marked as restructured.
    Restructure {
        /// This drawdown.
        drawdown: DrawdownId,
        /// The new plan.
        repayment: RepaymentPlan,
        /// The new rate.
        rate: InterestRate,
    },
    /// The loss is recognised; the claim stays.
    ChargeOff {
        /// This drawdown.
        drawdown: DrawdownId,
    },
    /// The claim is given up.
    WriteOff {
        /// This drawdown.
        drawdown: DrawdownId,
    },
    /// Money comes in on a claim given up.
    Recover {
        /// This drawdown.
        drawdown: DrawdownId,
        /// How much.
        amount_minor: Money,
    },
    /// The claim is sold.
    Sell {
        /// This drawdown.
        drawdown: DrawdownId,
        /// What the buyer pays.
        price_minor: Money,
    },
    /// The limit changes.
    SetLimit {
        /// The new limit.
        limit_minor: Money,
    },
    /// No new drawdowns.
    Freeze,
    /// Drawdowns are possible again.
    Unfreeze,
    /// The line ends on another day.
    SetExpiry {
        /// The first day without drawdowns.
        expires_on: Date,
    },
    /// An earlier event never happened.
    Reverse {
        /// Its key; written as `reversed_key`, since an event has a key of its own.
        #[serde(rename = "reversed_key")]
        key: String,
    },
}

impl Action {
    /// The drawdown it names, if any.
    #[must_use]
    pub const fn drawdown(&self) -> Option<DrawdownId> {
        match *self {
            Self::Disburse { drawdown, .. }
            | Self::Prepay { drawdown, .. }
            | Self::Charge { drawdown, .. }
            | Self::Waive { drawdown, .. }
            | Self::ChargeBack { drawdown, .. }
            | Self::Pause { drawdown, .. }
            | Self::Reschedule { drawdown, .. }
            | Self::ReAge { drawdown, .. }
            | Self::ReAmortise { drawdown }
            | Self::Restructure { drawdown, .. }
            | Self::ChargeOff { drawdown }
            | Self::WriteOff { drawdown }
            | Self::Recover { drawdown, .. }
            | Self::Sell { drawdown, .. } => Some(drawdown),
            Self::Repay { drawdown, .. } => drawdown,
            Self::ChargeLine { .. }
            | Self::RefundCreditBalance { .. }
            | Self::SetLimit { .. }
            | Self::Freeze
            | Self::Unfreeze
            | Self::SetExpiry { .. }
            | Self::Reverse { .. } => None,
        }
    }

    /// The amount it carries; nothing for the rest.
    #[must_use]
    pub fn amount(&self) -> Money {
        match *self {
            Self::Disburse { amount_minor, ref terms, .. } => {
                Money::from_minor(amount_minor.to_minor().saturating_add(terms.upfront_fee_minor.to_minor()))
            }
            Self::Repay { amount_minor, .. }
            | Self::Prepay { amount_minor, .. }
            | Self::Charge { amount_minor, .. }
            | Self::ChargeLine { amount_minor }
            | Self::Waive { amount_minor, .. }
            | Self::ChargeBack { amount_minor, .. }
            | Self::RefundCreditBalance { amount_minor }
            | Self::Recover { amount_minor, .. }
            | Self::Sell { price_minor: amount_minor, .. } => amount_minor,
            _ => Money::ZERO,
        }
    }

    /// A short name for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Disburse { .. } => "Disbursement",
            Self::Repay { kind: PaymentKind::Repayment, .. } => "Repayment",
            Self::Repay { kind: PaymentKind::MerchantRefund, .. } => "Merchant refund",
            Self::Repay { kind: PaymentKind::GoodwillCredit, .. } => "Goodwill credit",
            Self::Prepay { .. } => "Prepayment",
            Self::Charge { .. } => "Charge",
            Self::ChargeLine { .. } => "Line fee",
            Self::Waive { .. } => "Waiver",
            Self::ChargeBack { .. } => "Charge-back",
            Self::RefundCreditBalance { .. } => "Credit balance paid out",
            Self::Pause { .. } => "Pause",
            Self::Reschedule { .. } => "Rescheduling",
            Self::ReAge { .. } => "Re-age",
            Self::ReAmortise { .. } => "Re-amortisation",
            Self::Restructure { .. } => "Restructuring",
            Self::ChargeOff { .. } => "Charge-off",
            Self::WriteOff { .. } => "Write-off",
            Self::Recover { .. } => "Recovery",
            Self::Sell { .. } => "Sale",
            Self::SetLimit { .. } => "Limit change",
            Self::Freeze => "Freeze",
            Self::Unfreeze => "Unfreeze",
            Self::SetExpiry { .. } => "Expiry change",
            Self::Reverse { .. } => "Reversal",
        }
    }
}

/// An [`Action`] with its day, its place within the day, and a key that makes delivering it twice harmless.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Event {
    /// The caller's idempotency key.
    pub key: String,
    /// The day it counts from.
    pub value_date: Date,
    /// Its place among the events of that day; equal ones are put in the order of their keys.
    pub sequence: u64,
    /// The day it became known: entries that mend earlier ones are booked then. The value date, when that is later.
    pub recorded_on: Date,
    /// What happened.
    #[serde(flatten)]
    pub action: Action,
}

/// An event as it may be written down: the first place of its day and recorded on its value date, unless it says otherwise.
#[derive(Deserialize)]
struct Written {
    key: String,
    value_date: Date,
    #[serde(default)]
    sequence: u64,
    #[serde(default)]
    recorded_on: Option<Date>,
    #[serde(flatten)]
    action: Action,
}

impl From<Written> for Event {
    fn from(written: Written) -> Self {
        let Written { key, value_date, sequence, recorded_on, action } = written;
        Self { key, value_date, sequence, recorded_on: recorded_on.unwrap_or(value_date), action }
    }
}

impl Event {
    /// An event recorded on its value date, in place 0 of the day.
    #[must_use]
    pub fn new(key: impl Into<String>, value_date: Date, action: Action) -> Self {
        Self { key: key.into(), value_date, sequence: 0, recorded_on: value_date, action }
    }

    /// The same event in another place of its day.
    #[must_use]
    pub fn in_sequence(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// The same event, become known on `recorded_on`.
    #[must_use]
    pub fn recorded(mut self, recorded_on: Date) -> Self {
        self.recorded_on = recorded_on;
        self
    }

    pub(super) fn order(&self) -> (Date, u64, &str) {
        (self.value_date, self.sequence, &self.key)
    }
}
