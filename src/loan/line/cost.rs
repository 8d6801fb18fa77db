//! What a drawdown has cost on the cash flows as they went, against the caps of the policy.

use serde::{Deserialize, Serialize};

use super::accrual::whole;
use super::credit_line::CreditLine;
use super::drawdown::Drawdown;
use super::event::DrawdownId;
use super::policy::LinePolicy;
use crate::calendar::{Date, DayCount, days_between};
use crate::elementary::{exp, ln_1p};
use crate::error::{Error, Result};
use crate::loan::{DatedAmount, float_of, internal_rate_by_dates};
use crate::money::Money;

/// Cash between lender and borrower on one day, above zero when it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CashFlow {
    pub day: Date,
    pub out_minor: i64,
}

/// How much each cap of [`LinePolicy::cost_cap`] is passed by; zero where it is kept or there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CapExcess {
    /// What has to be forgiven or given back on the day for the effective rate of the cash flows to come down to the annual cap.
    pub annual_minor: Money,
    /// Interest, fees and penalties above what the days so far may cost together. A fee on the first day is above it until
    /// enough days have passed: who pays back early has paid too much.
    pub daily_minor: Money,
    /// Interest, fees and penalties above what the whole loan may cost.
    pub total_minor: Money,
}

impl CapExcess {
    /// Whether every cap is kept.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.most().is_zero()
    }

    /// The largest of the three: giving back that much on the day mends them all.
    #[must_use]
    pub fn most(&self) -> Money {
        self.annual_minor.max(self.daily_minor).max(self.total_minor)
    }
}

/// A drawdown held against the caps right after an event that moved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostCheck {
    /// The event, by its number in the order of arrival.
    pub event: u32,
    /// The drawdown.
    pub drawdown: DrawdownId,
    /// The value date of the event.
    pub as_of: Date,
    /// Interest, fees and penalties, paid and open; below zero while less has come back than went out and the rest is given up.
    pub cost_minor: Money,
    /// What is too much.
    pub excess: CapExcess,
}

/// What a drawdown has cost its borrower by a day, as if what is owed were paid on it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CostOfCredit {
    /// The day.
    pub as_of: Date,
    /// Interest, fees and penalties, paid and open.
    pub cost_minor: Money,
    /// The effective annual rate of the cash flows, over days of a 365th of a year; none where none is defined, as when the
    /// money came back on the day it went out.
    pub annual_rate: Option<f64>,
    /// What is too much.
    pub excess: CapExcess,
}

impl Drawdown {
    /// Cash that passes on `day`, out above zero; flows of one day are one flow.
    pub(super) fn pass_cash(&mut self, day: Date, out_minor: i64) {
        match self.flows.last_mut() {
            Some(last) if last.day == day => last.out_minor += out_minor,
            _ => self.flows.push(CashFlow { day, out_minor }),
        }
    }

    /// Everything its borrower has paid and owes, less everything that went out.
    pub(super) fn cost(&self) -> Result<i64> {
        let out: i64 = self.flows.iter().map(|flow| flow.out_minor).sum();
        Ok(self.owed()? - out)
    }

    /// What is too much if all that is owed were paid on `day`, a day up to which interest has run.
    pub(super) fn cap_excess(&self, day: Date, policy: &LinePolicy) -> Result<CapExcess> {
        let (cap, cost) = (&policy.cost_cap, self.cost()?);
        let above = |most: i64| Money::from_minor((cost - most).max(0));
        let mut excess = CapExcess::default();
        if let Some(total) = cap.total_allowed(self.principal_minor)? {
            excess.total_minor = above(total.to_minor());
        }
        if cap.daily_share.is_some() || cap.daily.is_some() {
            let allowed = whole(self.daily_numerator, self.accrual.denominator(), crate::Rounding::Ceiling)?;
            // Interest and penalties are each rounded when they are booked: a unit between them is no breach.
            if cost > allowed.saturating_add(1) {
                excess.daily_minor = above(allowed);
            }
        }
        if let Some(annual) = cap.annual {
            excess.annual_minor = self.above_annual(day, float_of(annual.as_fraction()))?;
        }
        Ok(excess)
    }

    /// What the flows are worth on the day at a rate: above zero, the lender has had more than the rate allows.
    fn above_annual(&self, day: Date, rate: f64) -> Result<Money> {
        let log = ln_1p(rate);
        let (mut worth, mut gross) = (self.owed()? as f64, self.owed()? as f64);
        for flow in &self.flows {
            let then = flow.out_minor as f64 * exp(f64::from(days_between(flow.day, day)) / 365.0 * log);
            worth -= then;
            gross += then.abs();
        }
        // Floating point is sure to some 15 digits; less than a millionth of a unit is nothing.
        let unsure = 1e-6 + gross * 1e-14;
        Ok(if worth > unsure { Money::from_minor((worth - unsure).ceil() as i64) } else { Money::ZERO })
    }
}

impl CreditLine {
    /// Every drawdown that an event moved, held against the caps of the policy right after it, in value order; empty where the
    /// policy has no cap. As [`movements`](Self::movements), those of the fold as it now stands.
    #[must_use]
    pub fn cost_checks(&self) -> &[CostCheck] {
        &self.costs
    }

    /// What a drawdown has cost by `day`, on the cash flows as they went: late, early, in parts, with every charge and waiver. An
    /// excess is mended by a waiver or a refund of that much. [`record`](Self::record) tells the same for the day of each event
    /// where the policy has a cap.
    ///
    /// Law caps what credit may cost a year (24 %, four times the loan prime rate) whatever the contract says, and only the cash
    /// flows tell: a fee of a few yuan on a loan of a few days is hundreds of per cent a year.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a drawdown that does not exist; as [`state_on`](Self::state_on).
    ///
    /// ```
    /// use dandelion_credit::Money;
    /// use dandelion_credit::loan::{
    ///     Action, Component, CostCap, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms,
    /// };
    ///
    /// let cost_cap = CostCap { annual: Some("0.24".parse()?), ..CostCap::default() };
    /// let terms = LineTerms {
    ///     limit_minor: Money::from_minor(1_000_000),
    ///     opened_on: "2026-01-01".parse().unwrap(),
    ///     expires_on: "2027-01-01".parse().unwrap(),
    /// };
    /// let mut line = CreditLine::open(LinePolicy { cost_cap, ..LinePolicy::china() }, terms)?;
    /// let (id, day) = (DrawdownId(1), "2026-03-31".parse().unwrap());
    /// let daily = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 50)?;
    /// line.draw("draw", "2026-03-01".parse().unwrap(), id, Money::from_minor(761_500), &daily)?.expect("within the limit");
    /// assert!(line.cost_of_credit(id, day)?.excess.is_zero()); // 0.05 % a day for 30 days is 19.86 % a year
    ///
    /// let recorded = line.record(Event::new("fee", day, Action::Charge {
    ///     drawdown: id, component: Component::Fee, amount_minor: Money::from_minor(5_000),
    /// }))?;
    /// let cost = line.cost_of_credit(id, day)?;
    /// assert_eq!(cost.annual_rate.map(|rate| (rate * 1e4).round()), Some(2_964.0));
    /// assert_eq!((cost.cost_minor.to_minor(), cost.excess.annual_minor.to_minor()), (16_423, 2_840));
    /// assert_eq!(recorded.costs[0].excess, cost.excess); // the event has told already
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn cost_of_credit(&self, id: DrawdownId, day: Date) -> Result<CostOfCredit> {
        let state = self.state_on(day)?;
        let found = state.drawdowns.iter().find(|drawdown| drawdown.id == id);
        let drawdown = found.ok_or_else(|| Error::unknown("drawdown", id.0))?;
        let passed = drawdown.flows.iter().map(|flow| DatedAmount { date: flow.day, amount: -(flow.out_minor as f64) });
        let owed = DatedAmount { date: day, amount: drawdown.owed()? as f64 };
        let flows: Vec<DatedAmount> = passed.chain([owed]).collect();
        Ok(CostOfCredit {
            as_of: day,
            cost_minor: Money::from_minor(drawdown.cost()?),
            annual_rate: internal_rate_by_dates(&flows, DayCount::Actual365Fixed)?.nearest(0.1),
            excess: drawdown.cap_excess(day, &self.policy)?,
        })
    }
}
