//! What a contract says about repayment.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::{Adjustment, BusinessCalendar, Date, DayCount, Period};
use crate::error::{Error, Result};
use crate::money::{Money, Rounding};
use crate::rate::{AnnualRate, BasisPoints};

/// How principal comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepaymentMethod {
    /// Instalments of equal size.
    EqualInstalment,
    /// Equal parts of principal, interest besides.
    EqualPrincipal,
    /// Interest in every instalment, all principal with the last.
    InterestOnly,
    /// One payment of principal and all interest at the end of the last period.
    Bullet,
    /// Interest on the original principal for the whole term, in equal instalments ("flat", add-on).
    Flat,
    /// These parts of principal, one an instalment, interest besides; they add up to the principal.
    Custom(Vec<Money>),
}

/// Principal kept for the end of a loan in instalments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balloon {
    /// None: the instalments repay everything.
    #[default]
    None,
    /// So much, due with the last instalment on top of it.
    Amount(Money),
    /// Whatever is outstanding when instalments are reckoned over this many periods but the loan ends before.
    AmortisedOver(u32),
}

/// How long a period is, in years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterestBasis {
    /// By the days between its dates.
    Days(DayCount),
    /// A whole period is always the same: months of a twelfth, weeks and days over a year of so many days. A broken period
    /// counts its days in proportion to the whole period it is part of.
    EqualPeriods {
        /// 360 or 365, for periods of weeks and days.
        year_days: u16,
    },
}

/// Where the cents go that rounding leaves over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResidualRule {
    /// To the last instalment, whichever way.
    #[default]
    Last,
    /// To the last, after moving the level instalment by the residue's share as long as that brings the last one nearer.
    LastAfterLevelling,
    /// To the last, which is the lower one: the smallest level instalment that does not leave the last one higher.
    LowerLast,
    /// To the last, whose difference from the level instalment is the smallest possible.
    SimilarLast,
    /// To the last, which is the higher one: the largest level instalment that does not leave the last one lower.
    HigherLast,
}

/// How interest behaves while no interest is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterestGrace {
    /// It accrues and is due with the first instalment after the grace.
    #[default]
    Deferred,
    /// It accrues and joins the principal.
    Capitalised,
    /// It does not accrue.
    Waived,
}

/// How each component is rounded.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::loan::{LoanTerms, ScheduleRounding, build_schedule};
///
/// // 1,000.00 at 12 % in three instalments of 340.02, to the unit; in whole units of money the last one takes the rest.
/// let mut terms = LoanTerms::new(Money::from_minor(100_000), "12 %".parse()?, "2024-01-01".parse().unwrap(), 3)?;
/// let instalments = |terms: &LoanTerms| -> dandelion_credit::Result<Vec<i64>> {
///     Ok(build_schedule(terms)?.rows.iter().map(|row| row.principal.to_minor() + row.interest.to_minor()).collect())
/// };
/// assert_eq!(instalments(&terms)?, [34_002, 34_002, 34_003]);
/// terms.rounding = ScheduleRounding { multiple_of: Money::from_minor(100), ..ScheduleRounding::default() };
/// assert_eq!(instalments(&terms)?, [34_000, 34_000, 34_007]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleRounding {
    /// Interest of a period, to the minor unit.
    pub interest: Rounding,
    /// Instalments and parts of principal, to `multiple_of`.
    pub instalment: Rounding,
    /// Fees and the down payment, to the minor unit.
    pub fee: Rounding,
    /// Instalments (parts of principal, where these are equal) are multiples of this.
    pub multiple_of: Money,
}

impl Default for ScheduleRounding {
    fn default() -> Self {
        let half_even = Rounding::HalfEven;
        Self { interest: half_even, instalment: half_even, fee: half_even, multiple_of: Money::from_minor(1) }
    }
}

/// What a fee comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeAmount {
    /// So much.
    Fixed(Money),
    /// A share of the principal disbursed (of the instalment's principal, for a fee an instalment).
    OfPrincipal(BasisPoints),
    /// A share of the instalment's interest.
    OfInterest(BasisPoints),
    /// A share of the instalment's principal and interest.
    OfInstalment(BasisPoints),
}

/// When a fee is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeTiming {
    /// Withheld from the disbursement.
    AtDisbursement,
    /// Added to the principal.
    Capitalised,
    /// With every instalment.
    EveryInstalment,
    /// With the instalment of this number, the first being 1.
    WithInstalment(u32),
}

/// A fee of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledFee {
    /// What it comes to.
    pub amount: FeeAmount,
    /// When it is paid.
    pub timing: FeeTiming,
}

/// Money paid out after the first disbursement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterDisbursement {
    /// When; not before the start, and before the last due date.
    pub date: Date,
    /// How much.
    pub amount: Money,
}

/// What happens to due dates on which the market is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessDays {
    /// The open days.
    pub calendar: BusinessCalendar,
    /// Where dates go.
    pub adjustment: Adjustment,
    /// Whether interest runs to the moved date; otherwise to the date as agreed.
    pub interest_moves: bool,
}

/// The repayment terms of one loan. Start from [`LoanTerms::new`] and change what differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoanTerms {
    /// What is lent on `start`.
    pub principal: Money,
    /// The nominal rate a year.
    pub rate: AnnualRate,
    /// The day the money goes out.
    pub start: Date,
    /// How far apart instalments are.
    pub period: Period,
    /// How many there are, 1 to 1,200.
    pub instalments: u32,
    /// How principal comes back.
    #[serde(default = "default_method")]
    pub method: RepaymentMethod,
    /// How long a period is.
    #[serde(default = "default_basis")]
    pub basis: InterestBasis,
    /// When the first instalment falls due, if not one period after the start.
    #[serde(default)]
    pub first_due: Option<Date>,
    /// When the last instalment falls due, if not by the rhythm of the others.
    #[serde(default)]
    pub last_due: Option<Date>,
    /// The day of the month instalments fall due on, as far as a month has it.
    #[serde(default)]
    pub due_day: Option<i8>,
    /// Principal kept for the end.
    #[serde(default)]
    pub balloon: Balloon,
    /// First instalments without principal.
    #[serde(default)]
    pub principal_grace: u32,
    /// First instalments without interest.
    #[serde(default)]
    pub interest_grace: u32,
    /// What happens to the interest of those.
    #[serde(default)]
    pub interest_grace_rule: InterestGrace,
    /// Days after the start on which no interest accrues.
    #[serde(default)]
    pub interest_free_days: u32,
    /// Paid back at once on the start date, as a share of each disbursement.
    #[serde(default)]
    pub down_payment: BasisPoints,
    /// Whether the level instalment is reckoned over equal months though interest runs by days; the last one takes the rest.
    #[serde(default)]
    pub equal_level_periods: bool,
    /// The level instalment, when agreed rather than reckoned; the last one takes the rest, and the loan may end sooner.
    #[serde(default)]
    pub agreed_instalment: Option<Money>,
    /// Fees.
    #[serde(default)]
    pub fees: Vec<ScheduledFee>,
    /// Money paid out later.
    #[serde(default)]
    pub later_disbursements: Vec<LaterDisbursement>,
    /// How components are rounded.
    #[serde(default)]
    pub rounding: ScheduleRounding,
    /// Where the residue of rounding goes.
    #[serde(default)]
    pub residual: ResidualRule,
    /// What happens on closed days.
    #[serde(default)]
    pub business_days: Option<BusinessDays>,
}

const fn default_method() -> RepaymentMethod {
    RepaymentMethod::EqualInstalment
}

const fn default_basis() -> InterestBasis {
    InterestBasis::EqualPeriods { year_days: 360 }
}

pub(super) const MAX_INSTALMENTS: u32 = 1_200;

impl LoanTerms {
    /// Equal monthly instalments, months of a twelfth of a year, no fees, no grace.
    ///
    /// # Errors
    /// None today; the period is valid.
    pub fn new(principal: Money, rate: AnnualRate, start: Date, instalments: u32) -> Result<Self> {
        Ok(Self {
            principal,
            rate,
            start,
            period: Period::months(1)?,
            instalments,
            method: default_method(),
            basis: default_basis(),
            first_due: None,
            last_due: None,
            due_day: None,
            balloon: Balloon::None,
            principal_grace: 0,
            interest_grace: 0,
            interest_grace_rule: InterestGrace::Deferred,
            interest_free_days: 0,
            down_payment: BasisPoints::new(0),
            equal_level_periods: false,
            agreed_instalment: None,
            fees: Vec::new(),
            later_disbursements: Vec::new(),
            rounding: ScheduleRounding::default(),
            residual: ResidualRule::Last,
            business_days: None,
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        let positive = |name: &'static str, amount: Money| {
            if amount.is_positive() { Ok(()) } else { Err(Error::invalid(name, amount.to_minor(), "above zero")) }
        };
        positive("principal", self.principal)?;
        positive("multiple of instalments", self.rounding.multiple_of)?;
        if let Some(agreed) = self.agreed_instalment {
            positive("agreed instalment", agreed)?;
        }
        if self.rate.as_fraction() < Decimal::ZERO {
            return Err(Error::invalid("rate", self.rate, "not below zero"));
        }
        if self.instalments == 0 || self.instalments > MAX_INSTALMENTS {
            return Err(Error::invalid("instalments", self.instalments, "1 to 1,200"));
        }
        if self.principal_grace >= self.instalments {
            return Err(Error::invalid("principal grace", self.principal_grace, "fewer instalments than there are"));
        }
        if self.interest_grace >= self.instalments {
            return Err(Error::invalid("interest grace", self.interest_grace, "fewer instalments than there are"));
        }
        if !(0..10_000).contains(&self.down_payment.get()) {
            return Err(Error::invalid("down payment", self.down_payment.get(), "0 to 9,999 basis points"));
        }
        if self.due_day.is_some_and(|day| !(1..=31).contains(&day)) {
            return Err(Error::invalid("due day", self.due_day.unwrap_or_default(), "1 to 31"));
        }
        if let InterestBasis::EqualPeriods { year_days } = self.basis
            && !(360..=366).contains(&year_days)
        {
            return Err(Error::invalid("days of a year", year_days, "360 to 366"));
        }
        match (self.balloon, &self.method) {
            (Balloon::None, _) => {}
            (Balloon::Amount(amount), RepaymentMethod::EqualInstalment | RepaymentMethod::EqualPrincipal)
                if amount.is_positive() && amount <= self.principal => {}
            (Balloon::AmortisedOver(periods), RepaymentMethod::EqualInstalment | RepaymentMethod::EqualPrincipal)
                if periods >= self.instalments && periods <= MAX_INSTALMENTS => {}
            (balloon, _) => {
                let rule =
                    "part of the principal, or more periods than instalments, with equal instalments or principal";
                return Err(Error::invalid("balloon", format!("{balloon:?}"), rule));
            }
        }
        if let RepaymentMethod::Custom(parts) = &self.method
            && parts.len() != self.instalments as usize
        {
            return Err(Error::invalid("parts of principal", parts.len(), "one an instalment"));
        }
        for later in &self.later_disbursements {
            positive("later disbursement", later.amount)?;
            if later.date < self.start {
                return Err(Error::invalid("later disbursement", later.date, "not before the start"));
            }
        }
        Ok(())
    }
}
