//! Building a schedule row by row.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::dates::{Span, factor, spans};
use super::factor::PeriodFactor;
use super::level::{level_with_balloon, round_to_multiple};
use super::prepay::level_factors;
use super::terms::{
    Balloon, FeeAmount, FeeTiming, InterestBasis, InterestGrace, LaterDisbursement, LoanTerms, RepaymentMethod,
    ResidualRule,
};
use crate::calendar::{Date, days_between};
use crate::error::{Error, Result};
use crate::money::Money;

/// One payment of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRow {
    /// The first instalment is 1; a down payment is 0.
    pub number: u32,
    /// Where its interest starts to run.
    pub start: Date,
    /// When it is due.
    pub due: Date,
    /// Days from the start to the due date.
    pub days: i32,
    /// Principal.
    pub principal: Money,
    /// Interest.
    pub interest: Money,
    /// Fees.
    pub fees: Money,
    /// All of it.
    pub total: Money,
    /// Principal outstanding after it.
    pub balance: Money,
}

/// All payments of a loan, with totals that the rows add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The payments, by due date.
    pub rows: Vec<ScheduleRow>,
    /// The level instalment, where the method has one (the last that was set, when later disbursements changed it).
    pub level_instalment: Option<Money>,
    /// What the borrower receives at the start: the principal less fees withheld.
    pub net_disbursed: Money,
    /// Everything lent, capitalised fees and interest included.
    pub principal: Money,
    /// All interest.
    pub interest: Money,
    /// All fees paid with instalments or withheld.
    pub fees: Money,
}

/// Builds the schedule of a loan.
///
/// # Errors
/// [`Error::is_invalid`] for terms that contradict themselves (the message names the term); [`Error::is_overflow`] when an
/// amount cannot be held.
///
/// ```
/// use dandelion_credit::loan::{LoanTerms, build_schedule};
/// use dandelion_credit::Money;
///
/// let terms = LoanTerms::new(Money::from_minor(1_000_000), "8.25 %".parse()?, "2026-01-05".parse().unwrap(), 6)?;
/// let schedule = build_schedule(&terms)?;
/// assert_eq!(schedule.level_instalment, Some(Money::from_minor(170_700)));
/// assert_eq!(schedule.rows[0].interest.to_minor(), 6_875);
/// assert_eq!(schedule.rows[5].balance, Money::ZERO);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn build_schedule(terms: &LoanTerms) -> Result<Schedule> {
    terms.check()?;
    let amortised = match terms.balloon {
        Balloon::AmortisedOver(periods) => periods,
        _ => terms.instalments,
    };
    let spans = spans(terms, amortised)?;
    let mut builder = Builder::new(terms, spans)?;
    builder.run()?;
    builder.finish()
}

struct Builder<'a> {
    terms: &'a LoanTerms,
    spans: Vec<Span>,
    factors: Vec<PeriodFactor>,
    later: Vec<LaterDisbursement>,
    balance: i64,
    /// Interest that is owed but not yet due, or was more than an instalment could pay.
    carried: i64,
    level: Option<i64>,
    rows: Vec<ScheduleRow>,
    lent: Money,
    withheld: Money,
}

impl<'a> Builder<'a> {
    fn new(terms: &'a LoanTerms, spans: Vec<Span>) -> Result<Self> {
        let mut factors = Vec::with_capacity(spans.len());
        for (index, span) in spans.iter().enumerate() {
            let waived = index < terms.interest_grace as usize && terms.interest_grace_rule == InterestGrace::Waived;
            factors.push(if waived { PeriodFactor::ZERO } else { factor(terms, *span, span.start)? });
        }
        let mut later = terms.later_disbursements.clone();
        later.sort_by_key(|disbursement| disbursement.date);
        if let (Some(latest), Some(end)) = (later.last(), spans.get(terms.instalments as usize - 1))
            && latest.date >= end.end
        {
            return Err(Error::invalid(
                "later disbursement",
                latest.date,
                format!("before {}, the last due date", end.end),
            ));
        }
        let empty = Vec::with_capacity(terms.instalments as usize + 1);
        let (lent, withheld) = (Money::ZERO, Money::ZERO);
        Ok(Self { terms, spans, factors, later, balance: 0, carried: 0, level: None, rows: empty, lent, withheld })
    }

    fn run(&mut self) -> Result<()> {
        self.disburse(self.terms.start, self.terms.principal, true)?;
        let last = self.terms.instalments as usize - 1;
        for index in 0..=last {
            let span = self.spans[index];
            let interest = self.accrue(index, span)?;
            let custom_end = self.terms.agreed_instalment.is_some() && self.balance == 0 && self.carried == 0;
            if custom_end && interest == 0 && self.later.is_empty() {
                break;
            }
            if matches!(self.terms.method, RepaymentMethod::Bullet) {
                continue;
            }
            self.pay(index, interest)?;
        }
        if matches!(self.terms.method, RepaymentMethod::Bullet) {
            self.pay_bullet()?;
        }
        Ok(())
    }

    /// Money out: the down payment comes straight back, capitalised fees join the balance.
    fn disburse(&mut self, date: Date, amount: Money, first: bool) -> Result<()> {
        self.lent = self.lent.checked_add(amount)?;
        self.balance = checked(self.balance.checked_add(amount.to_minor()))?;
        if first {
            for fee in &self.terms.fees {
                let due = || self.fee(fee.amount, amount, Money::ZERO);
                match fee.timing {
                    FeeTiming::AtDisbursement => self.withheld = self.withheld.checked_add(due()?)?,
                    FeeTiming::Capitalised => {
                        let due = due()?;
                        self.lent = self.lent.checked_add(due)?;
                        self.balance = checked(self.balance.checked_add(due.to_minor()))?;
                    }
                    FeeTiming::EveryInstalment | FeeTiming::WithInstalment(_) => {}
                }
            }
        }
        let share = i64::from(self.terms.down_payment.get());
        if share > 0 {
            let exact = amount.to_decimal_minor() * self.terms.down_payment.as_fraction();
            let down = round_to_multiple(exact, self.terms.rounding.fee, self.terms.rounding.multiple_of)?;
            self.balance -= down.to_minor();
            self.rows.push(ScheduleRow {
                number: 0,
                start: date,
                due: date,
                days: 0,
                principal: down,
                interest: Money::ZERO,
                fees: Money::ZERO,
                total: down,
                balance: Money::from_minor(self.balance),
            });
        }
        Ok(())
    }

    /// The interest of a period, on what was outstanding at its start and on what went out during it.
    fn accrue(&mut self, index: usize, span: Span) -> Result<i64> {
        let rounding = self.terms.rounding.interest;
        let base = if self.terms.method == RepaymentMethod::Flat { self.flat_base() } else { self.balance };
        let mut interest = 0i64;
        if self.terms.method == RepaymentMethod::Flat && matches!(self.terms.basis, InterestBasis::EqualPeriods { .. })
        {
            interest = self.flat_share(index)?;
        } else if !matches!(self.terms.method, RepaymentMethod::Bullet) {
            interest = self.factors[index].interest(base, rounding)?;
        }
        while self.later.first().is_some_and(|later| later.date < span.end) {
            let later = self.later.remove(0);
            let before = self.balance;
            self.disburse(later.date, later.amount, false)?;
            let share = factor(self.terms, span, later.date)?;
            let added = self.balance - before;
            if !matches!(self.terms.method, RepaymentMethod::Bullet) {
                interest = checked(interest.checked_add(share.interest(added, rounding)?))?;
            }
            self.level = None;
        }
        Ok(interest)
    }

    /// Flat interest of equal periods: the total is rounded once, the last period takes what its equal shares leave.
    fn flat_share(&self, index: usize) -> Result<i64> {
        let (base, rounding) = (self.flat_base(), self.terms.rounding.interest);
        let all = &self.factors[..self.terms.instalments as usize];
        if index + 1 < all.len() {
            return all[index].interest(base, rounding);
        }
        let mut whole = PeriodFactor::ZERO;
        let mut before = 0i64;
        for (position, factor) in all.iter().enumerate() {
            whole = whole.plus(*factor)?;
            if position < index {
                before = checked(before.checked_add(factor.interest(base, rounding)?))?;
            }
        }
        checked(whole.interest(base, rounding)?.checked_sub(before))
    }

    fn flat_base(&self) -> i64 {
        // Flat interest is on what was lent, whatever has been repaid since.
        self.lent.to_minor()
            - self.rows.iter().filter(|row| row.number == 0).map(|row| row.principal.to_minor()).sum::<i64>()
    }

    fn pay(&mut self, index: usize, interest: i64) -> Result<()> {
        let number = index as u32 + 1;
        let is_last = number == self.terms.instalments;
        let mut interest = interest;
        if number <= self.terms.interest_grace {
            match self.terms.interest_grace_rule {
                InterestGrace::Deferred => self.carried = checked(self.carried.checked_add(interest))?,
                InterestGrace::Capitalised => {
                    self.balance = checked(self.balance.checked_add(interest))?;
                    self.lent = self.lent.checked_add(Money::from_minor(interest))?;
                }
                InterestGrace::Waived => {}
            }
            interest = 0;
        }
        let amortises = number > self.terms.principal_grace;
        let balloon = match self.terms.balloon {
            Balloon::Amount(amount) => amount.to_minor(),
            _ => 0,
        };
        let mut principal = if is_last && !matches!(self.terms.method, RepaymentMethod::Custom(_)) {
            self.balance
        } else if !amortises {
            0
        } else {
            match &self.terms.method {
                RepaymentMethod::EqualInstalment => {
                    let level = self.level_at(index, balloon)?;
                    level - interest
                }
                RepaymentMethod::Flat => self.level_at(index, 0)? - interest,
                RepaymentMethod::EqualPrincipal => self.equal_part(index, balloon)?,
                RepaymentMethod::InterestOnly | RepaymentMethod::Bullet => 0,
                RepaymentMethod::Custom(parts) => parts[index].to_minor(),
            }
        };
        // An instalment that does not even pay the interest pays part of it; the rest waits.
        let mut due_interest = interest;
        if principal < 0 {
            due_interest += principal;
            self.carried = checked(self.carried.checked_sub(principal))?;
            principal = 0;
        } else if self.carried > 0 && number > self.terms.interest_grace {
            let room = match (&self.terms.method, is_last) {
                // Interest carried because an instalment was too small comes out of later ones.
                (RepaymentMethod::EqualInstalment, false) if self.terms.interest_grace == 0 => {
                    self.carried.min(principal)
                }
                _ => self.carried,
            };
            if room < self.carried
                || matches!(self.terms.method, RepaymentMethod::EqualInstalment)
                    && self.terms.interest_grace == 0
                    && !is_last
            {
                principal -= room;
            }
            due_interest = checked(due_interest.checked_add(room))?;
            self.carried -= room;
        }
        principal = principal.min(self.balance);
        self.push(index, principal, due_interest)
    }

    fn pay_bullet(&mut self) -> Result<()> {
        let last = self.terms.instalments as usize - 1;
        let whole = Span { start: self.terms.start, ..self.spans[last] };
        // Every amount out earns from its own date to the end, and everything is rounded once together.
        let mut sum = Decimal::ZERO;
        let first = self.terms.principal.to_minor();
        let kept = |amount: i64| -> Result<i64> {
            let down = Money::from_minor(amount).to_decimal_minor() * self.terms.down_payment.as_fraction();
            Ok(amount - round_to_multiple(down, self.terms.rounding.fee, self.terms.rounding.multiple_of)?.to_minor())
        };
        let capitalised: i64 = self.lent.to_minor()
            - first
            - self.terms.later_disbursements.iter().map(|later| later.amount.to_minor()).sum::<i64>();
        let mut parts = vec![(self.terms.start, kept(first)? + capitalised)];
        for later in &self.terms.later_disbursements {
            parts.push((later.date, kept(later.amount.to_minor())?));
        }
        for (date, amount) in parts {
            let share = factor(self.terms, whole, date)?;
            sum += share.as_decimal()?.checked_mul(Decimal::from(amount)).ok_or_else(|| {
                Error::overflow("interest of a bullet loan", "at most 9,223,372,036,854,775,807 minor units")
            })?;
        }
        let interest = Money::from_decimal_minor(sum, self.terms.rounding.interest)?.to_minor();
        let balance = self.balance;
        self.push_span(last, whole.start, balance, interest)
    }

    fn push(&mut self, index: usize, principal: i64, interest: i64) -> Result<()> {
        self.push_span(index, self.spans[index].start, principal, interest)
    }

    fn push_span(&mut self, index: usize, start: Date, principal: i64, interest: i64) -> Result<()> {
        let number = index as u32 + 1;
        self.balance -= principal;
        let (principal, interest) = (Money::from_minor(principal), Money::from_minor(interest));
        let mut fees = Money::ZERO;
        for fee in &self.terms.fees {
            let due = match fee.timing {
                FeeTiming::EveryInstalment => true,
                FeeTiming::WithInstalment(with) => with == number,
                FeeTiming::AtDisbursement | FeeTiming::Capitalised => false,
            };
            if due {
                fees = fees.checked_add(self.fee(fee.amount, principal, interest)?)?;
            }
        }
        let due = self.spans[index].due;
        self.rows.push(ScheduleRow {
            number,
            start,
            due,
            days: days_between(start, due),
            principal,
            interest,
            fees,
            total: Money::checked_sum([principal, interest, fees])?,
            balance: Money::from_minor(self.balance),
        });
        Ok(())
    }

    fn fee(&self, amount: FeeAmount, principal: Money, interest: Money) -> Result<Money> {
        let rounding = self.terms.rounding.fee;
        match amount {
            FeeAmount::Fixed(amount) => Ok(amount),
            FeeAmount::OfPrincipal(share) => principal.mul_ratio(share.get().into(), 10_000, rounding),
            FeeAmount::OfInterest(share) => interest.mul_ratio(share.get().into(), 10_000, rounding),
            FeeAmount::OfInstalment(share) => {
                principal.checked_add(interest)?.mul_ratio(share.get().into(), 10_000, rounding)
            }
        }
    }

    fn equal_part(&self, index: usize, balloon: i64) -> Result<i64> {
        let periods = match self.terms.balloon {
            Balloon::AmortisedOver(periods) => i64::from(periods),
            _ => i64::from(self.terms.instalments),
        };
        let left = periods - index as i64;
        let exact = Decimal::from(self.balance - balloon) / Decimal::from(left);
        let part =
            round_to_multiple(exact, self.terms.rounding.instalment, self.terms.rounding.multiple_of)?.to_minor();
        // Equal from the first: what was set stays unless more money went out.
        let before = self.rows.iter().rev().find(|row| row.number > self.terms.principal_grace);
        match before {
            Some(row) if self.later.is_empty() && self.terms.later_disbursements.is_empty() => {
                Ok(row.principal.to_minor())
            }
            _ => Ok(part),
        }
    }

    /// The level instalment in force at `index`, set anew when nothing is.
    fn level_at(&mut self, index: usize, balloon: i64) -> Result<i64> {
        if let Some(level) = self.level {
            return Ok(level);
        }
        let level = match self.terms.agreed_instalment {
            Some(agreed) => agreed.to_minor(),
            None if self.terms.method == RepaymentMethod::Flat => self.flat_level(index)?,
            None => self.solve_level(index, balloon)?,
        };
        self.level = Some(level);
        Ok(level)
    }

    fn flat_level(&self, index: usize) -> Result<i64> {
        let rounding = self.terms.rounding;
        let base = self.flat_base();
        let mut interest = 0i64;
        for position in index..self.terms.instalments as usize {
            let share = match self.terms.basis {
                InterestBasis::EqualPeriods { .. } => self.flat_share(position)?,
                InterestBasis::Days(_) => self.factors[position].interest(base, rounding.interest)?,
            };
            interest = checked(interest.checked_add(share))?;
        }
        let left = i64::from(self.terms.instalments) - index as i64;
        let exact = (Decimal::from(self.balance) + Decimal::from(interest)) / Decimal::from(left);
        Ok(round_to_multiple(exact, rounding.instalment, rounding.multiple_of)?.to_minor())
    }

    fn solve_level(&self, index: usize, balloon: i64) -> Result<i64> {
        let rounding = self.terms.rounding;
        let factors = &level_factors(self.terms, &self.factors[index..])?[..];
        // Before the first period's interest the balance is worth itself; money out during it is worth less.
        let set = |rule| {
            let worth = Money::from_minor(self.balance);
            level_with_balloon(worth, Decimal::from(balloon), factors, rule, rounding.multiple_of).map(Money::to_minor)
        };
        let level = set(rounding.instalment)?;
        let count = self.terms.instalments as usize - index;
        if matches!(self.terms.balloon, Balloon::AmortisedOver(_)) || count < 2 {
            return Ok(level);
        }
        let step = rounding.multiple_of.to_minor();
        // The last instalment (balloon aside) less the level one.
        let excess = |level: i64| -> Result<i64> { Ok(self.last_instalment(index, level, count)? - balloon - level) };
        match self.terms.residual {
            ResidualRule::Last => Ok(level),
            ResidualRule::LastAfterLevelling => {
                let (mut best, mut best_excess) = (level, excess(level)?);
                for _ in 0..3 {
                    let share = Decimal::from(best_excess) / Decimal::from(count as i64);
                    let share = Money::from_decimal_minor(share, rounding.instalment)?.to_minor();
                    let worth_it = best_excess.abs() > count as i64 / 2;
                    let moved = best + share;
                    if !worth_it || share == 0 {
                        break;
                    }
                    let moved_excess = excess(moved)?;
                    if moved_excess.abs() >= best_excess.abs() {
                        break;
                    }
                    (best, best_excess) = (moved, moved_excess);
                }
                Ok(best)
            }
            ResidualRule::LowerLast => {
                let mut level = level;
                while excess(level)? > 0 {
                    level += step;
                }
                while excess(level - step)? <= 0 && level > step {
                    level -= step;
                }
                Ok(level)
            }
            ResidualRule::HigherLast => {
                let mut level = level;
                while excess(level)? < 0 {
                    level -= step;
                }
                while excess(level + step)? >= 0 {
                    level += step;
                }
                Ok(level)
            }
            ResidualRule::SimilarLast => {
                let mut level = level;
                loop {
                    let here = excess(level)?;
                    let next = level + if here > 0 { step } else { -step };
                    if here == 0 || excess(next)?.abs() >= here.abs() {
                        return Ok(level);
                    }
                    level = next;
                }
            }
        }
    }

    /// What the last instalment comes to when all others are `level`.
    fn last_instalment(&self, index: usize, level: i64, count: usize) -> Result<i64> {
        let mut balance = self.balance;
        for (position, factor) in self.factors[index..index + count].iter().enumerate() {
            let interest = factor.interest(balance, self.terms.rounding.interest)?;
            if position + 1 == count {
                return checked(balance.checked_add(interest));
            }
            balance = checked(level.checked_sub(interest).and_then(|principal| balance.checked_sub(principal)))?;
        }
        Ok(balance)
    }

    fn finish(self) -> Result<Schedule> {
        let sum = |part: fn(&ScheduleRow) -> Money| Money::checked_sum(self.rows.iter().map(part));
        let mut fees = sum(|row| row.fees)?;
        fees = fees.checked_add(self.withheld)?;
        if let RepaymentMethod::Custom(_) = self.terms.method {
            let repaid = sum(|row| row.principal)?;
            if repaid != self.lent {
                let rule = format!("{} minor units in all", self.lent.to_minor());
                return Err(Error::invalid("parts of principal", repaid.to_minor(), rule));
            }
        }
        Ok(Schedule {
            level_instalment: self.level.map(Money::from_minor),
            net_disbursed: self.terms.principal.checked_sub(self.withheld)?,
            principal: self.lent,
            interest: sum(|row| row.interest)?,
            fees,
            rows: self.rows,
        })
    }
}

fn checked(sum: Option<i64>) -> Result<i64> {
    sum.ok_or_else(|| Error::overflow("schedule", "at most 9,223,372,036,854,775,807 minor units"))
}
