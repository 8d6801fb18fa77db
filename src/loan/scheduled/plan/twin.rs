//! The slow twin of a plan that remembers: everything worked out anew whenever it is asked for.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use proptest::prelude::*;

use super::super::charge::InstalmentFee;
use super::super::product::{
    ChargeOffEffect, FutureRule, InstalmentShape, InterestMethod, InterestStep, LoanProduct, MonthDays, PaymentRule,
    PayoffInterest, ScheduleKind, ScheduledTerms, TransactionKind, YearDays,
};
use super::super::state::ScheduledLoan;
use super::{Open, Period, Plan};
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Allocation, Component, Direction, Every};
use crate::money::{Money, Rounding};
use crate::rate::BasisPoints;

thread_local! {
    /// Whether plans of this thread keep nothing of what they worked out.
    pub(super) static WORKS_OUT_ANEW: Cell<bool> = const { Cell::new(false) };
    /// How many times a period was worked out on this thread.
    pub(super) static FIGURED: Cell<u64> = const { Cell::new(0) };
}

/// What `work` gives where nothing is kept.
fn anew<T>(work: impl FnOnce() -> T) -> T {
    WORKS_OUT_ANEW.set(true);
    let found = work();
    WORKS_OUT_ANEW.set(false);
    found
}

impl Plan {
    /// As [`Ahead::asked`](super::till::Ahead::asked): the plan known on `day` anew for every period.
    pub fn due_in_advance_anew(&self, product: &LoanProduct, nth: usize, day: Date) -> Result<Open> {
        let mut plan = self.known_on(product, day)?;
        let unpaid = plan.periods.iter().filter(|period| !period.is_paid()).count();
        if day <= plan.periods[nth].from {
            if unpaid > 1 {
                plan.periods[nth].level = plan.periods[nth].agreed_level;
                plan.refresh_figures(product)?;
                let excess = (plan.periods[nth].open_principal() - plan.open_principal()).max(0);
                plan.periods[nth].level -= excess;
            } else if unpaid == 1 && plan.periods[nth].is_paid() {
                let rest = plan.total_principal() - plan.total_paid_principal();
                let period = &mut plan.periods[nth];
                period.level = period.agreed_level.min(rest + period.paid_principal + period.interest);
            }
            plan.refresh_figures(product)?;
        }
        Ok(Open { principal: plan.periods[nth].principal, interest: plan.periods[nth].interest })
    }

    /// As [`level_last`](Self::level_last): all periods anew in every round.
    pub(super) fn level_last_anew(&mut self, product: &LoanProduct, till: Date) -> Result<()> {
        for _ in 0..=self.periods.len() {
            if !self.level_last_once(product, till)? {
                break;
            }
        }
        Ok(())
    }

    /// Says whether another one has to take the rest.
    fn level_last_once(&mut self, product: &LoanProduct, till: Date) -> Result<bool> {
        self.refresh_figures(product)?;
        let outstanding = (self.total_principal() - self.total_paid_principal()).max(0);
        let mut moved = false;
        for period in &mut self.periods {
            let excess = period.open_principal() - outstanding;
            if excess > 0 {
                let floor = (period.paid() - period.credited()).max(0);
                period.level = (period.level - excess).max(floor);
                moved = true;
            }
        }
        if moved {
            self.refresh_figures(product)?;
        }
        let unpaid = self.periods.iter().rposition(|period| !period.is_paid());
        let Some(last) = unpaid.or_else(|| self.last_of_unpaid_loan()) else { return Ok(false) };
        self.periods[last].drawn_forward = 0;
        for period in &mut self.periods {
            period.interest_moved_up = false;
        }
        self.refresh_figures(product)?;
        let credited: i64 = self.periods.iter().map(Period::credited_principal).sum();
        let levels: i64 = self.periods.iter().map(Period::total).sum();
        let difference = self.total_lent() + credited + self.total_interest() - levels;
        let period = &mut self.periods[last];
        period.level += difference;
        let floor = period.paid() - period.credited();
        let again = period.level < floor;
        if again {
            period.level = floor;
        }
        self.refresh_figures(product)?;
        if !again {
            self.draw_interest_forward(product, last, till)?;
        }
        Ok(again)
    }
}

fn product(bits: [bool; 6], future: u8, interest: u8) -> LoanProduct {
    let [flat, by_instalment, thirty, rests, no_late, actual] = bits;
    let future =
        [FutureRule::NextInstalment, FutureRule::LastInstalment, FutureRule::NextThenLast, FutureRule::Reamortise]
            [usize::from(future % 4)];
    LoanProduct {
        kind: ScheduleKind::Progressive,
        method: if flat { InterestMethod::Flat } else { InterestMethod::DecliningBalance },
        step: if by_instalment { InterestStep::Instalment } else { InterestStep::Daily },
        partial_periods: false,
        year: if actual { YearDays::Actual } else { YearDays::Fixed(360) },
        month: if thirty { MonthDays::Thirty } else { MonthDays::Actual },
        level_multiple_minor: None,
        recalculates: [None, Some(PayoffInterest::PaymentDay), Some(PayoffInterest::DueDate)]
            [usize::from(interest % 3)],
        rests_by_instalment: rests,
        no_interest_past_due: no_late,
        down_payment: None,
        due_from_submission: false,
        fixed_length_days: None,
        rule: PaymentRule { allocation: Allocation::standard(), future },
        rules: BTreeMap::new(),
        interest_refunds: BTreeSet::new(),
        accrual_activity: false,
        charges_in_advance: false,
        charge_back_order: None,
        charge_off: ChargeOffEffect::Regular,
        interest_on_first_day: false,
        rounding: Rounding::HalfEven,
    }
}

/// Orders of a payment: instalment by instalment or component by component, interest or principal first, by timing or not.
fn allocation(order: u8) -> Allocation {
    let direction = if order & 1 == 0 { Direction::Horizontal } else { Direction::Vertical };
    let components = if order & 2 == 0 {
        Component::ALL
    } else {
        [Component::Principal, Component::Interest, Component::Fee, Component::Penalty]
    };
    if order & 4 == 0 {
        Allocation::by_timing(components, direction)
    } else {
        Allocation::by_component(components, direction)
    }
    .unwrap()
}

fn day(offset: i64) -> Date {
    jiff::civil::date(2024, 1, 31).saturating_add(offset.days())
}

/// A loan of 1,000.00 an instalment with what happened to it: days, and amounts lent (below zero), or paid.
fn loan(product: &LoanProduct, instalments: u32, facts: &[(i64, i64)]) -> Result<ScheduledLoan> {
    let terms = ScheduledTerms {
        annual_rate: "0.18".parse().unwrap(),
        every: Every::Months(1),
        instalments,
        submitted_on: day(0),
        expected_on: day(0),
        shape: InstalmentShape::default(),
    };
    let lent = Money::from_minor(100_000 * i64::from(instalments));
    let mut loan = ScheduledLoan::approve(product.clone(), terms, lent)?;
    loan.disburse(day(0), lent)?;
    for &(on, minor) in facts {
        loan.set_today(day(on));
        // A payment after the last is refused; so it is in both twins.
        let _ = match minor {
            0.. => loan.pay(day(on), TransactionKind::Repayment, Money::from_minor(minor)).map(drop),
            _ => loan.charge_back(Money::from_minor(-minor), None).map(drop),
        };
    }
    Ok(loan)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_remembers_is_the_plan_worked_out_anew(
        bits: [bool; 6],
        (future, interest, order) in (0u8..4, 0u8..3, 0u8..8),
        instalments in 1u32..14,
        mut facts in proptest::collection::vec((0i64..450, prop_oneof![1i64..300_000, 1i64..1_500_000, -50_000i64..0]), 0..6),
    ) {
        facts.sort_unstable();
        let mut product = product(bits, future, interest);
        product.rule.allocation = allocation(order);
        let (fast, slow) = (loan(&product, instalments, &facts), anew(|| loan(&product, instalments, &facts)));
        prop_assert_eq!(&fast, &slow);
        if let (Ok(fast), Ok(slow)) = (fast, slow) {
            prop_assert_eq!(fast.payoff(day(200)), anew(|| slow.payoff(day(200))));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_payment_spread_over_what_is_to_come_is_the_one_asked_for_by_plans_made_anew(
        (interest, order, rests, thirty) in (1u8..3, 0u8..8, any::<bool>(), any::<bool>()),
        instalments in 3u32..13,
        mut facts in proptest::collection::vec((0i64..400, prop_oneof![1i64..3_000, 1i64..300_000]), 1..5),
        with_fee: bool,
    ) {
        facts.sort_unstable();
        let mut product = product([false, false, thirty, rests, false, false], 3, interest);
        product.rule.allocation = allocation(order);
        let made = || {
            let mut loan = loan(&product, instalments, &facts)?;
            if with_fee {
                let tenth = BasisPoints::new(1_000);
                loan.charge_every_instalment(InstalmentFee::OfInterest(tenth))?;
                loan.charge(Component::Penalty, day(40), Money::from_minor(1_500))?;
            }
            Ok::<_, Error>(loan)
        };
        let (fast, slow) = (made(), anew(made));
        prop_assert_eq!(fast, slow);
    }
}

#[test]
fn a_payment_works_out_no_more_periods_than_a_few_plans_for_each_instalment_it_meets() {
    let product = product([false; 6], 0, 1);
    for instalments in [20, 60, 180] {
        let lent = 100_000 * i64::from(instalments);
        FIGURED.set(0);
        let paid = loan(&product, instalments, &[(20, 2 * lent)]).unwrap();
        assert_eq!(paid.outstanding(), 0);
        let plans = FIGURED.get() / u64::from(instalments);
        assert!(plans <= 60 * u64::from(instalments), "{instalments}: {plans}");
    }
}

#[test]
fn a_small_payment_spread_evenly_over_a_long_plan_works_out_few_plans_a_round() {
    for (instalments, interest) in [(100, 1), (300, 1), (300, 2)] {
        let mut product = product([false; 6], 3, interest);
        product.rule.allocation = allocation(1);
        FIGURED.set(0);
        // Less than the interest earned so far: a round pays it a part for each instalment, and rounds follow until it is met.
        let paid = loan(&product, instalments, &[(20, 50_000)]).unwrap();
        assert!(paid.outstanding() > 100_000 * i64::from(instalments));
        let plans = FIGURED.get() / u64::from(instalments);
        assert!(plans <= 100 * u64::from(instalments), "{instalments}: {plans}");
    }
}
