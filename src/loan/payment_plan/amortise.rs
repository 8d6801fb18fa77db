//! A plan meeting the payments that were made.
//!
//! One pass over the days on which anything is due or happens. On each day: interest since the day before, then charges, then
//! the payment split into charges, interest, fee and principal. Days to come are filled with the payments expected on them, so
//! one table tells the past and what is left. A settlement quote is the same pass with one payment more.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::balances::{Balances, Settles, Split};
use super::{ChargeGrouping, ChargeKind, PaymentOutcome, PlanPayment, PlanServicing, PlanTerms, ScheduleChange};
use crate::error::{Error, Result};
use crate::loan::payment_plan;
use crate::money::Money;

/// What became of the payment of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The first day, and nothing was due on it.
    NoneScheduled,
    /// The day the account is looked at; nothing happened on it.
    InformationOnly,
    /// Due on a day to come.
    NotYetDue,
    /// Due, unpaid, and within the grace days.
    PaymentDue,
    /// On its way, and within the grace days.
    PaymentPending,
    /// Paid in full on its day.
    PaymentMade,
    /// Paid in part on its day, and within the grace days.
    Underpayment,
    /// Paid, and more than was due.
    Overpayment,
    /// A payment on a day without one due.
    ExtraPayment,
    /// Not paid.
    Missed,
    /// Not paid in full on its day, but before the next one fell due.
    PaidLaterInFull,
    /// Not paid in full before the next one fell due; the rest.
    PaidLaterOwing(Money),
    /// Nothing was due, or an attempt failed on a day without a payment due.
    NothingDue,
    /// The plan was paid off before.
    NoLongerRequired,
    /// Money went to the borrower.
    Refunded,
    /// The payment that settles the plan.
    Settlement,
}

/// Where an account stands at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceStatus {
    /// Something is owed.
    #[default]
    Open,
    /// Nothing is owed either way.
    Closed,
    /// The lender owes the borrower.
    RefundDue,
    /// More was refunded than was owed to the borrower.
    OverRefunded,
}

/// A day of an account. Interest is exact, in minor units; everything else whole minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmortisationRow {
    /// Days after the start.
    pub day: i32,
    /// The payment agreed for the day, nothing when it was cancelled.
    pub scheduled: Option<Money>,
    /// How many payments have fallen due so far, this day's among them.
    pub window: u32,
    /// What was asked for: the payment agreed less what was paid ahead, and no more than settles the plan.
    pub due: Money,
    /// What settles the plan, where the day is that of a quote; less than nothing when the lender pays.
    pub settlement_payment: Option<Money>,
    /// What the balances move by: payments that count, a settlement, or on a day to come the payment expected.
    pub net: Money,
    /// What became of the payment.
    pub payment_status: PaymentStatus,
    /// Where the account stands.
    pub balance_status: BalanceStatus,
    /// Charges made on the day, in the order of their terms.
    pub new_charges: Vec<(ChargeKind, Money)>,
    /// Interest accrued on the balance since the row before.
    pub accrued_minor: Decimal,
    /// Interest added to what is owed: what accrued, less what was put on top at the start.
    pub new_interest_minor: Decimal,
    /// How the payment was split.
    pub split: Split,
    /// Part of the fee given back.
    pub fee_rebate: Money,
    /// Charges outstanding.
    pub charges_balance: Money,
    /// Interest outstanding.
    pub interest_balance_minor: Decimal,
    /// Fee outstanding.
    pub fee_balance: Money,
    /// Principal outstanding; below zero when too much was paid.
    pub principal_balance: Money,
    /// What settles the plan after this row on its day; nothing while a payment is on its way.
    pub settlement_figure: Option<Money>,
    /// The part of the fee that settling on the day gives back.
    pub rebate_if_settled: Money,
}

/// An account day by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAmortisation {
    /// Days on which something is due or happened, rising, the first day among them.
    pub rows: Vec<AmortisationRow>,
    /// The day it is seen from: later rows are expectation.
    pub as_of_day: i32,
}

impl PlanAmortisation {
    /// Where the account stands at the last row.
    #[must_use]
    pub fn final_status(&self) -> BalanceStatus {
        self.rows.last().map_or(BalanceStatus::Open, |row| row.balance_status)
    }

    /// How many payments the plan needed or needs.
    #[must_use]
    pub fn required_payments(&self) -> usize {
        let required =
            |row: &&AmortisationRow| row.scheduled.is_some() && row.payment_status != PaymentStatus::NoLongerRequired;
        self.rows.iter().filter(required).count()
    }

    fn total(&self, part: impl Fn(&Split) -> Money) -> Result<Decimal> {
        Ok(Money::checked_sum(self.rows.iter().map(|row| part(&row.split)))?.to_decimal_minor())
    }

    /// Charges, interest and fee paid as a share of the principal paid; zero before any principal is.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when a total cannot be held.
    pub fn cost_of_borrowing(&self) -> Result<Decimal> {
        let cost = self.total(|split| split.charges)? + self.total(|split| split.interest)?;
        let cost = cost + self.total(|split| split.fee)?;
        Ok(cost.checked_div(self.total(|split| split.principal)?).unwrap_or_default())
    }

    /// Interest paid a day, as a share of the principal and fee paid; zero before any is.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when a total cannot be held.
    pub fn effective_daily_rate(&self) -> Result<Decimal> {
        let repaid = self.total(|split| split.principal)? + self.total(|split| split.fee)?;
        let share = self.total(|split| split.interest)?.checked_div(repaid).unwrap_or_default();
        let days = self.rows.last().map_or(0, |row| row.day);
        Ok(share.checked_div(days.into()).unwrap_or_default())
    }
}

/// An account of a plan: what was agreed against what was paid, seen from a day.
///
/// Payments count on their day if they were confirmed, were written off, or are still within the grace days; later payments than
/// `as_of_day` are not known yet and left out. What is paid ahead is taken off the next payments due; what is missed is not
/// asked for a second time but stays in the balances and goes on earning interest.
///
/// # Errors
/// [`Error::is_invalid`] for terms [`payment_plan`] refuses, servicing rules that contradict themselves, payments before the
/// start, a cancelled day without a payment, or more than 10,000 payments; [`Error::is_overflow`] when an amount cannot be held.
///
/// ```
/// use dandelion_credit::loan::{
///     BalanceStatus, CostCap, PaymentStatus, PlanMethod, PlanPayment, PlanRate, PlanServicing, PlanTerms, ResidualRule,
///     amortise_plan, settle_plan,
/// };
/// use dandelion_credit::{Money, Rounding};
///
/// let terms = PlanTerms {
///     principal: Money::from_minor(150_000),
///     financed_fee: Money::ZERO,
///     rate: PlanRate::Daily("0.008".parse()?),
///     payment_days: vec![14, 44, 75, 106, 134],
///     agreed_payments: None,
///     method: PlanMethod::Actuarial,
///     cap: CostCap::default(),
///     payment_rounding: Rounding::Up,
///     interest_rounding: Rounding::Down,
///     residual: ResidualRule::LowerLast,
/// };
/// let paid = [14, 44, 75, 106].map(|day| PlanPayment::confirmed(day, Money::from_minor(50_000)));
/// let rules = PlanServicing::default();
///
/// let account = amortise_plan(&terms, &rules, &paid, 133)?;
/// let last = account.rows.last().unwrap();
/// assert_eq!((last.day, last.due.to_minor(), last.payment_status), (134, 43_207, PaymentStatus::NotYetDue));
///
/// let settled = settle_plan(&terms, &rules, &paid, 133)?; // a day earlier costs 8 a thousand less
/// let quote = settled.rows.iter().find_map(|row| row.settlement_payment).unwrap();
/// assert_eq!((quote.to_minor(), settled.final_status()), (42_924, BalanceStatus::Closed));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn amortise_plan(
    terms: &PlanTerms,
    servicing: &PlanServicing,
    payments: &[PlanPayment],
    as_of_day: i32,
) -> Result<PlanAmortisation> {
    Amortiser::new(terms, servicing, payments, as_of_day)?.run(false)
}

/// The account with the payment that settles it on a day, in the row of that day: what a settlement quote promises is what the
/// same pass closes to exactly nothing. When the borrower has paid too much, the payment is a refund.
///
/// # Errors
/// As [`amortise_plan`].
///
/// ```
/// use dandelion_credit::loan::{
///     BalanceStatus, CostCap, PlanMethod, PlanRate, PlanServicing, PlanTerms, ResidualRule, settle_plan,
/// };
/// use dandelion_credit::{Money, Rounding};
///
/// let terms = PlanTerms {
///     principal: Money::from_minor(100_000),
///     financed_fee: Money::ZERO,
///     rate: PlanRate::Daily("0.008".parse()?),
///     payment_days: vec![30],
///     agreed_payments: None,
///     method: PlanMethod::Actuarial,
///     cap: CostCap::default(),
///     payment_rounding: Rounding::Up,
///     interest_rounding: Rounding::Down,
///     residual: ResidualRule::LowerLast,
/// };
/// // Ten days of 0.8 % on 1,000.00 are 80.00.
/// let settled = settle_plan(&terms, &PlanServicing::default(), &[], 10)?;
/// let quote = settled.rows.iter().find_map(|row| row.settlement_payment).unwrap();
/// assert_eq!((quote.to_minor(), settled.final_status()), (108_000, BalanceStatus::Closed));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn settle_plan(
    terms: &PlanTerms,
    servicing: &PlanServicing,
    payments: &[PlanPayment],
    on_day: i32,
) -> Result<PlanAmortisation> {
    Amortiser::new(terms, servicing, payments, on_day)?.run(true)
}

/// What a day holds.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    scheduled: Option<Money>,
    counted: Money,
    pending: Money,
    attempts: u32,
    refused: u32,
    window: u32,
}

const MAX_PAYMENTS: usize = 10_000;

struct Amortiser<'a> {
    terms: &'a PlanTerms,
    servicing: &'a PlanServicing,
    as_of: i32,
    opening_interest: Money,
    days: BTreeMap<i32, Day>,
    /// Payments agreed anew are not lowered by what was paid ahead before them.
    first_rescheduled: Option<i32>,
    /// What was paid in each window, by its number.
    paid_in_window: Vec<Money>,
}

impl<'a> Amortiser<'a> {
    fn new(terms: &'a PlanTerms, servicing: &'a PlanServicing, payments: &[PlanPayment], as_of: i32) -> Result<Self> {
        servicing.check()?;
        if as_of < 0 {
            return Err(Error::invalid("as-of day", as_of, "not before the start"));
        }
        if payments.len() > MAX_PAYMENTS {
            return Err(Error::invalid("payments", payments.len(), "at most 10,000"));
        }
        let plan = payment_plan(terms)?;
        let opening_interest = plan.rows[0].interest_balance;
        let mut days: BTreeMap<i32, Day> = BTreeMap::from([(0, Day::default()), (as_of, Day::default())]);
        for row in &plan.rows[1..] {
            days.entry(row.day).or_default().scheduled = Some(row.payment);
        }
        for &change in &servicing.changes {
            match change {
                ScheduleChange::Rescheduled { day, amount } => {
                    if day < 0 || amount.is_negative() {
                        let found = format!("{} on day {day}", amount.to_minor());
                        return Err(Error::invalid("rescheduled payment", found, "at least 0, not before the start"));
                    }
                    days.entry(day).or_default().scheduled = Some(amount);
                }
                ScheduleChange::Cancelled { day } => match days.get_mut(&day) {
                    Some(Day { scheduled: Some(amount), .. }) => *amount = Money::ZERO,
                    _ => return Err(Error::invalid("cancelled day", day, "a day with a payment")),
                },
            }
        }
        let rescheduled = |change: &ScheduleChange| match *change {
            ScheduleChange::Rescheduled { day, .. } => Some(day),
            ScheduleChange::Cancelled { .. } => None,
        };
        let first_rescheduled = servicing.changes.iter().filter_map(rescheduled).min();
        let paid_in_window = vec![Money::ZERO];
        let mut account = Self { terms, servicing, as_of, opening_interest, days, first_rescheduled, paid_in_window };
        for payment in payments {
            account.record(payment)?;
        }
        account.number_windows()?;
        Ok(account)
    }

    fn record(&mut self, payment: &PlanPayment) -> Result<()> {
        if payment.day < 0 {
            return Err(Error::invalid("payment day", payment.day, "not before the start"));
        }
        if payment.day > self.as_of {
            return Ok(());
        }
        let within_grace = self.within_grace(payment.day);
        let day = self.days.entry(payment.day).or_default();
        day.attempts += 1;
        match payment.outcome {
            PaymentOutcome::Confirmed | PaymentOutcome::WrittenOff => {
                day.counted = day.counted.checked_add(payment.amount)?;
            }
            PaymentOutcome::Pending if within_grace => {
                day.counted = day.counted.checked_add(payment.amount)?;
                day.pending = day.pending.checked_add(payment.amount)?;
            }
            PaymentOutcome::InsufficientFunds => day.refused += 1,
            PaymentOutcome::Pending | PaymentOutcome::Failed => {}
        }
        Ok(())
    }

    /// Each payment due opens a window, and so does each later day on which one would have.
    fn number_windows(&mut self) -> Result<()> {
        let last = self.days.iter().rev().find(|(_, day)| day.scheduled.is_some()).map_or(0, |(&day, _)| day);
        let mut later: Vec<i32> = self.servicing.later_windows.iter().copied().filter(|&day| day > last).collect();
        later.sort_unstable();
        let mut later = later.into_iter().peekable();
        let mut window = 0;
        for (&number, day) in &mut self.days {
            while later.next_if(|&start| start <= number).is_some() {
                window += 1;
                self.paid_in_window.push(Money::ZERO);
            }
            if day.scheduled.is_some() {
                window += 1;
                self.paid_in_window.push(Money::ZERO);
            }
            day.window = window;
            let paid = &mut self.paid_in_window[window as usize];
            *paid = paid.checked_add(day.counted)?;
        }
        Ok(())
    }

    fn within_grace(&self, day: i32) -> bool {
        self.as_of - day <= self.servicing.payment_grace_days
    }

    fn run(&self, settle: bool) -> Result<PlanAmortisation> {
        let mut balances = Balances::open(self.terms, self.servicing, self.opening_interest)?;
        let mut status = BalanceStatus::Open;
        let (mut paid, mut asked) = (Money::ZERO, Money::ZERO);
        let mut charged = BTreeMap::new();
        let mut rows = Vec::with_capacity(self.days.len());
        let settled_in = settle.then(|| self.days.get(&self.as_of).map_or(0, |day| day.window));
        for (&number, day) in &self.days {
            let projected = number > self.as_of;
            let (accrued_minor, mut new_interest_minor) = balances.accrue(number, projected)?;
            if self.first_rescheduled == Some(number) {
                (paid, asked) = (Money::ZERO, Money::ZERO);
            }
            let ahead = paid.checked_sub(asked)?.max(Money::ZERO);
            let due = self.due(day, ahead, balances.closing_price(number)?)?;
            let settles = settle && number == self.as_of;
            let payment_status = self.payment_status(number, day, due, status, settles, settled_in);
            let new_charges = self.charges(number, day, payment_status, status, &mut charged);
            for (_, amount) in &new_charges {
                balances.charge(*amount)?;
            }
            let price = if settles { balances.settlement_price(number)? } else { balances.closing_price(number)? };
            let settlement_payment = if settles { Some(price.checked_sub(day.counted)?) } else { None };
            let net = match payment_status {
                PaymentStatus::Settlement => price,
                PaymentStatus::NotYetDue => due,
                PaymentStatus::PaymentDue if !settle => due,
                _ => day.counted,
            };
            let was_open = matches!(status, BalanceStatus::Open | BalanceStatus::OverRefunded);
            let ends = match settles {
                true => Settles::ByQuote,
                false if net.is_positive() && net == balances.settlement_price(number)? => Settles::ByQuote,
                false if net.is_positive() && net >= price => Settles::ByPayment,
                false => Settles::No,
            };
            let posted = balances.pay(number, net, ends, projected)?;
            new_interest_minor += posted.interest_adjustment_minor;
            status = balances.status(status, net);
            paid = paid.checked_add(net)?;
            asked = asked.checked_add(day.scheduled.unwrap_or_default())?;
            rows.push(AmortisationRow {
                day: number,
                scheduled: day.scheduled,
                window: day.window,
                due,
                settlement_payment,
                net,
                payment_status,
                balance_status: status,
                new_charges,
                accrued_minor: if posted.interest_waived { Decimal::ZERO } else { accrued_minor },
                new_interest_minor: if posted.interest_waived { Decimal::ZERO } else { new_interest_minor },
                split: posted.split,
                fee_rebate: posted.fee_rebate,
                charges_balance: balances.charges,
                interest_balance_minor: balances.interest_minor,
                fee_balance: balances.fee,
                principal_balance: balances.principal,
                settlement_figure: if day.pending.is_zero() {
                    Some(balances.settlement_figure(number, projected.then_some(net), status)?)
                } else {
                    None
                },
                rebate_if_settled: if was_open || !net.is_zero() { balances.rebate(number)? } else { Money::ZERO },
            });
        }
        Ok(PlanAmortisation { rows, as_of_day: self.as_of })
    }

    /// The payment agreed less what was paid ahead, no more than settles the plan, and nothing when it is too little to ask for.
    fn due(&self, day: &Day, ahead: Money, price: Money) -> Result<Money> {
        let Some(scheduled) = day.scheduled else { return Ok(Money::ZERO) };
        let due = scheduled.checked_sub(ahead)?.min(price).max(Money::ZERO);
        Ok(if due < self.servicing.minimum_payment { Money::ZERO } else { due })
    }

    fn payment_status(
        &self,
        number: i32,
        day: &Day,
        due: Money,
        before: BalanceStatus,
        settles: bool,
        settled_in: Option<u32>,
    ) -> PaymentStatus {
        let open = matches!(before, BalanceStatus::Open | BalanceStatus::OverRefunded);
        let net = day.counted;
        if settles {
            return PaymentStatus::Settlement;
        }
        if net.is_negative() {
            return PaymentStatus::Refunded;
        }
        if !day.pending.is_zero() {
            return PaymentStatus::PaymentPending;
        }
        if day.scheduled.is_none() {
            return match (net.is_positive(), day.attempts) {
                (true, _) if before == BalanceStatus::RefundDue => PaymentStatus::Overpayment,
                (true, _) => PaymentStatus::ExtraPayment,
                (false, 1..) => PaymentStatus::NothingDue,
                (false, 0) if number == self.as_of => PaymentStatus::InformationOnly,
                (false, 0) => PaymentStatus::NoneScheduled,
            };
        }
        if !open && net.is_zero() {
            return PaymentStatus::NoLongerRequired;
        }
        if due.is_zero() {
            return if net.is_zero() { PaymentStatus::NothingDue } else { PaymentStatus::Overpayment };
        }
        if number > self.as_of {
            return PaymentStatus::NotYetDue;
        }
        if net >= due {
            return if net == due { PaymentStatus::PaymentMade } else { PaymentStatus::Overpayment };
        }
        let paid = self.paid_in_window[day.window as usize];
        let grace = self.within_grace(number);
        if paid >= due || !grace && settled_in == Some(day.window) {
            PaymentStatus::PaidLaterInFull
        } else if grace {
            if net.is_zero() { PaymentStatus::PaymentDue } else { PaymentStatus::Underpayment }
        } else if paid.is_positive() {
            PaymentStatus::PaidLaterOwing(Money::from_minor(due.to_minor() - paid.to_minor()))
        } else {
            PaymentStatus::Missed
        }
    }

    /// The charges a day gives cause for.
    fn charges(
        &self,
        number: i32,
        day: &Day,
        status: PaymentStatus,
        before: BalanceStatus,
        charged: &mut BTreeMap<ChargeKind, i32>,
    ) -> Vec<(ChargeKind, Money)> {
        let mut made = Vec::new();
        // An attempt on a day without a payment due is the lender's own.
        if matches!(before, BalanceStatus::Closed | BalanceStatus::RefundDue) || day.scheduled.is_none() {
            return made;
        }
        let late =
            matches!(status, PaymentStatus::Missed | PaymentStatus::PaidLaterInFull | PaymentStatus::PaidLaterOwing(_));
        for charge in &self.servicing.charges {
            if charge.holidays.iter().any(|&(first, last)| (first..=last).contains(&number)) {
                continue;
            }
            let causes = match charge.kind {
                ChargeKind::LatePayment => u32::from(late && !self.within_grace(number)),
                ChargeKind::InsufficientFunds => day.refused,
            };
            let times = match charge.grouping {
                ChargeGrouping::Every => causes,
                ChargeGrouping::OncePerDay => causes.min(1),
                ChargeGrouping::OncePerPlan if charged.contains_key(&charge.kind) => 0,
                ChargeGrouping::OncePerPlan => causes.min(1),
            };
            for _ in 0..times {
                charged.insert(charge.kind, number);
                made.push((charge.kind, charge.amount));
            }
        }
        made
    }
}
