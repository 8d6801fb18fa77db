//! Laws and figures of the credit line.

use std::collections::BTreeMap;

use dandelion_credit::loan::{
    Account, AccrualColumns, Action, CoLending, Component, CreditLine, DrawdownId, DrawdownStatus, DrawdownTerms,
    Event, Every, FirstLoss, Funder, InterestRate, JournalEntry, LinePolicy, LineTerms, OverdueTerms, PaymentKind,
    PlanForm, PrepayEffect, PrepaymentFee, Recorded, RepaymentPlan, Snapshot, statement, trial_balance,
};
use dandelion_credit::{BasisPoints, DailyRate, Date, Money};
use jiff::ToSpan;
use proptest::prelude::*;
use rust_decimal::Decimal;

fn day(offset: i64) -> Date {
    "2024-01-01".parse::<Date>().unwrap().checked_add(offset.days()).unwrap()
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn line_terms() -> LineTerms {
    LineTerms { limit_minor: money(1_000_000_000), opened_on: day(0), expires_on: day(5_000) }
}

fn repay(key: &str, at: i64, drawdown: Option<u32>, minor: i64) -> Event {
    let action =
        Action::Repay { drawdown: drawdown.map(DrawdownId), amount_minor: money(minor), kind: PaymentKind::Repayment };
    Event::new(key, day(at), action)
}

fn disburse(key: &str, at: i64, id: u32, minor: i64, terms: &DrawdownTerms) -> Event {
    let action = Action::Disburse { drawdown: DrawdownId(id), amount_minor: money(minor), terms: terms.clone() };
    Event::new(key, day(at), action)
}

fn daily(term_days: u32) -> DrawdownTerms {
    DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), term_days).unwrap()
}

fn interest(percent: &str) -> InterestRate {
    InterestRate::Annual(format!("{percent} %").parse().unwrap())
}

fn annual(percent: &str, repayment: RepaymentPlan) -> DrawdownTerms {
    let mut terms = daily(1);
    terms.rate = interest(percent);
    terms.basis = dandelion_credit::loan::AccrualBasis::Actual365;
    terms.repayment = repayment;
    terms
}

fn monthly(count: u32, form: PlanForm) -> RepaymentPlan {
    RepaymentPlan::Instalments { count, every: Every::Months(1), form }
}

fn sums(entries: &[JournalEntry]) -> BTreeMap<Account, i64> {
    trial_balance(entries).unwrap().into_iter().map(|line| (line.account, line.debit_minor.to_minor())).collect()
}

#[test]
fn published_revolving_examples_come_out_to_the_cent() {
    // A line at 35 % a year over 365 days; the second example pays principal down and draws again.
    let terms = annual("35", RepaymentPlan::Bullet { term_days: 90 });
    let mut line = CreditLine::open(LinePolicy::default(), line_terms()).unwrap();
    line.record(disburse("d1", 0, 1, 50_000, &terms)).unwrap();
    assert_eq!(line.payoff(DrawdownId(1), day(30)).unwrap().total_minor.to_minor(), 51_438);

    let allocation = dandelion_credit::loan::Allocation::principal_first();
    let policy = LinePolicy { allocation, ..LinePolicy::default() };
    let mut line = CreditLine::open(policy, line_terms()).unwrap();
    line.record(disburse("d1", 0, 1, 50_000, &terms)).unwrap();
    line.record(repay("p1", 15, Some(1), 20_000)).unwrap();
    line.record(disburse("d2", 25, 2, 10_000, &terms)).unwrap();
    assert_eq!(line.position(day(30)).unwrap().owed_minor.to_minor(), 41_199);
}

#[test]
fn chinese_overdue_interest_replaces_and_compounds_while_indian_charges_never_capitalise() {
    let terms = daily(30);
    let owed = |policy: LinePolicy, at: i64| {
        let mut line = CreditLine::open(policy, line_terms()).unwrap();
        line.record(disburse("d1", 0, 1, 1_000_000, &terms)).unwrap();
        let position = line.position(day(at)).unwrap();
        (
            position.drawdowns[0].interest_minor.to_minor(),
            position.drawdowns[0].penalty_minor.to_minor(),
            position.days_past_due,
        )
    };
    // 10,000.00 at 0.05 % for 30 days: 150.00; then 0.075 % a day on 10,150.00 for 10 days: 76.125.
    assert_eq!(owed(LinePolicy::china(), 30), (15_000, 0, 0));
    assert_eq!(owed(LinePolicy::china(), 40), (15_000, 7_613, 10));
    // Contract interest goes on, 200.00; the charge starts after 3 days on principal alone: 0.05 % x 8.33 % x 7 days.
    assert_eq!(owed(LinePolicy::india(), 40), (20_000, 292, 10));
}

#[test]
fn payoff_leaves_exactly_nothing_on_every_day_of_the_loan() {
    for form in [PlanForm::EqualInstalment, PlanForm::EqualPrincipal, PlanForm::InterestOnly] {
        for at in [0, 1, 17, 31, 59, 60, 200, 364, 366, 500] {
            let mut terms = annual("18.25", monthly(12, form));
            terms.prepayment_fee =
                PrepaymentFee::ShareOfPrincipal { share: BasisPoints::new(100), cooling_off_days: 3 };
            terms.upfront_fee_minor = money(321);
            let mut line = CreditLine::open(LinePolicy::china(), line_terms()).unwrap();
            line.record(disburse("d", 0, 7, 1_234_567, &terms)).unwrap();
            let quote = line.payoff(DrawdownId(7), day(at)).unwrap();
            if at == 17 {
                assert_eq!(quote.prepayment_fee_minor.to_minor(), 12_346);
            }
            line.record(repay("p", at, Some(7), quote.total_minor.to_minor())).unwrap();
            let position = line.position(day(at + 400)).unwrap();
            assert_eq!(position.owed_minor, Money::ZERO, "{form:?} day {at}");
            assert_eq!(position.credit_balance_minor, Money::ZERO, "{form:?} day {at}");
            let sums = sums(line.journal());
            assert!(!sums.contains_key(&Account::Principal) && !sums.contains_key(&Account::InterestReceivable));
        }
    }
}

#[test]
fn prepayment_effects_do_what_their_names_say() {
    let terms = annual("12", monthly(12, PlanForm::EqualInstalment));
    let after = |effect: PrepayEffect| {
        let mut line = CreditLine::open(LinePolicy::default(), line_terms()).unwrap();
        line.record(disburse("d", 0, 1, 1_200_000, &terms)).unwrap();
        line.record(repay(
            "p",
            31,
            Some(1),
            line.state_on(day(31)).unwrap().drawdowns[0].instalments[0].open().to_minor(),
        ))
        .unwrap();
        let action = Action::Prepay { drawdown: DrawdownId(1), amount_minor: money(500_000), effect };
        line.record(Event::new("early", day(31), action).in_sequence(1)).unwrap();
        let drawdown = line.state().drawdowns[0].clone();
        assert_eq!(
            drawdown.outstanding().to_minor(),
            1_200_000 - 500_000 - drawdown.instalments[0].principal.paid_minor.to_minor()
        );
        let future: Vec<i64> = drawdown
            .instalments
            .iter()
            .filter(|row| row.due_on > day(31))
            .map(|row| row.principal.open().to_minor())
            .collect();
        future
    };
    let next = after(PrepayEffect::NextInstalments);
    assert!(next[0] == 0 && next.len() == 11 && *next.last().unwrap() > 100_000);
    let last = after(PrepayEffect::LastInstalments);
    assert!(last[0] > 90_000 && last.len() < 11);
    let term = after(PrepayEffect::ReduceTerm);
    assert!(term.len() < 11 && term[0] > last[0], "instalments keep their size, so more of them is principal");
    let smaller = after(PrepayEffect::ReduceInstalment);
    assert!(smaller.len() == 11 && smaller[0] < 60_000);
}

#[test]
fn a_payment_with_no_name_meets_the_oldest_debt_first_and_the_rest_is_credit() {
    let mut line = CreditLine::open(LinePolicy::default(), line_terms()).unwrap();
    line.record(disburse("d1", 0, 1, 10_000, &daily(30))).unwrap();
    line.record(disburse("d2", 5, 2, 10_000, &daily(10))).unwrap();
    // d2 falls due first, on day 15: 10,050; on day 16 the first penny goes there.
    line.record(repay("p1", 16, None, 10_055)).unwrap();
    let position = line.position(day(16)).unwrap();
    assert_eq!(position.drawdowns[1].owed(), Money::ZERO);
    assert_eq!(
        position.drawdowns[0].principal_minor.to_minor() + position.drawdowns[0].interest_minor.to_minor(),
        10_080
    );
    line.record(repay("p2", 17, None, 20_000)).unwrap();
    let position = line.position(day(17)).unwrap();
    assert_eq!(position.owed_minor, Money::ZERO);
    assert_eq!(position.credit_balance_minor.to_minor(), 20_000 - 10_085);
    let too_much = Event::new("r0", day(18), Action::RefundCreditBalance { amount_minor: money(99_999) });
    assert!(line.record(too_much).unwrap_err().is_invalid());
    line.record(Event::new("r1", day(18), Action::RefundCreditBalance { amount_minor: money(9_915) })).unwrap();
    assert!(!sums(line.journal()).contains_key(&Account::CreditBalance));
}

#[test]
fn bad_input_is_refused_by_name_and_leaves_no_trace() {
    let mut line = CreditLine::open(LinePolicy::default(), line_terms()).unwrap();
    line.record(disburse("d1", 10, 1, 10_000, &daily(30))).unwrap();
    line.record(repay("p1", 20, Some(1), 500)).unwrap();
    line.record(Event::new("rev", day(21), Action::Reverse { key: "p1".into() })).unwrap();
    let digest = line.digest().unwrap();
    let journal = line.journal().len();
    let mut refuse = |event: Event| {
        let error = line.record(event).unwrap_err();
        assert_eq!((line.digest().unwrap(), line.journal().len()), (digest.clone(), journal), "{error}");
        error
    };
    assert!(refuse(repay("a", 22, Some(1), 0)).is_invalid());
    assert!(refuse(repay("a", 22, Some(1), -5)).is_invalid());
    assert!(refuse(repay("a", 5, Some(1), 5)).is_unknown());
    assert!(refuse(repay("a", -5, None, 5)).is_invalid());
    assert!(refuse(repay("a", 22, Some(9), 5)).is_unknown());
    assert!(refuse(disburse("a", 22, 1, 5, &daily(3))).is_conflict());
    assert!(refuse(disburse("a", 22, 2, 0, &daily(3))).is_invalid());
    assert!(refuse(disburse("a", 22, 2, i64::MAX, &daily(3))).is_overflow());
    for interest_free_days in [36_526, 7_304_485, u32::MAX] {
        assert!(refuse(disburse("a", 22, 2, 5, &DrawdownTerms { interest_free_days, ..daily(3) })).is_invalid());
    }
    assert!(refuse(Event::new("a", day(22), Action::Reverse { key: "rev".into() })).is_conflict());
    assert!(refuse(Event::new("a", day(22), Action::Reverse { key: "p1".into() })).is_conflict());
    assert!(refuse(Event::new("a", day(22), Action::Reverse { key: "nobody".into() })).is_unknown());
    // Taking the disbursement away leaves a repayment, itself reversed, so nothing stands on it: allowed. A live one not.
    assert!(refuse(repay("d1", 22, Some(1), 5)).is_conflict());
    let component = Component::Principal;
    let waive = Action::Waive { drawdown: DrawdownId(1), component, amount_minor: money(1) };
    assert!(refuse(Event::new("a", day(22), waive)).is_invalid());
    let back = Action::ChargeBack { drawdown: DrawdownId(1), amount_minor: money(1) };
    assert!(refuse(Event::new("a", day(22), back)).is_invalid());
    line.record(repay("p2", 22, Some(1), 100)).unwrap();
    let error = line.record(Event::new("b", day(23), Action::Reverse { key: "d1".into() })).unwrap_err();
    assert!(error.is_unknown() && error.to_string().starts_with("event p2"), "{error}");
    let again = line.record(repay("p2", 22, Some(1), 100)).unwrap();
    assert_eq!(again, Recorded::default(), "the same event twice does nothing");
}

#[test]
fn a_charged_off_loan_is_recovered_and_a_sold_one_is_gone() {
    let mut line = CreditLine::open(LinePolicy::china(), line_terms()).unwrap();
    for id in 1..=3 {
        line.record(disburse(&format!("d{id}"), 0, id, 100_000, &daily(30))).unwrap();
    }
    let id = DrawdownId;
    line.record(Event::new("co", day(220), Action::ChargeOff { drawdown: id(1) })).unwrap();
    line.record(repay("late", 230, Some(1), 60_000)).unwrap();
    line.record(Event::new("wo", day(231), Action::WriteOff { drawdown: id(2) })).unwrap();
    line.record(Event::new("rec", day(240), Action::Recover { drawdown: id(2), amount_minor: money(5_000) })).unwrap();
    line.record(Event::new("sale", day(241), Action::Sell { drawdown: id(3), price_minor: money(40_000) })).unwrap();
    let sums = sums(line.journal());
    assert_eq!(sums[&Account::RecoveryIncome], -65_000);
    assert!(!sums.contains_key(&Account::Principal) && !sums.contains_key(&Account::SuspendedIncome));
    assert_eq!(sums[&Account::CreditLoss], 200_000, "interest that was no longer recognised is no loss");
}

/// A random but valid story: two drawdowns, then payments, charges, prepayments, pauses.
fn stories() -> impl Strategy<Value = Vec<Event>> {
    let step = (1i64..400, 0u8..10, 1i64..400_000, any::<bool>());
    proptest::collection::vec(step, 1..14).prop_map(|steps| {
        let mut events = vec![
            disburse("d1", 0, 1, 1_000_003, &annual("17.39", monthly(6, PlanForm::EqualInstalment))),
            disburse("d2", 0, 2, 777_777, &daily(45)),
        ];
        for (nth, (at, kind, minor, named)) in steps.into_iter().enumerate() {
            let key = format!("e{nth}");
            let id = DrawdownId(1 + u32::from(named));
            let event = match kind {
                0..=5 => repay(&key, at, (kind < 3).then_some(id.0), minor),
                6 => {
                    let charge = Action::Repay {
                        drawdown: None,
                        amount_minor: money(minor / 50 + 1),
                        kind: PaymentKind::GoodwillCredit,
                    };
                    Event::new(key, day(at), charge)
                }
                7 => disburse(&key, at, 10 + nth as u32, minor, &annual("9.9", monthly(3, PlanForm::EqualPrincipal))),
                8 => Event::new(key, day(at), Action::SetLimit { limit_minor: money(minor) }),
                _ => repay(&key, at, Some(id.0), minor / 7 + 1),
            };
            events.push(event.in_sequence(nth as u64 + 1));
        }
        events
    })
}

/// A story with every kind of event: what cannot happen when its turn comes is left out.
fn wild_stories() -> impl Strategy<Value = (LinePolicy, Vec<Event>)> {
    let step = (1i64..400, 0u8..20, 1i64..400_000, any::<bool>());
    (policies(), proptest::collection::vec(step, 1..24)).prop_map(|(policy, mut steps)| {
        steps.sort_by_key(|step| step.0);
        let mut line = CreditLine::open(policy.clone(), line_terms()).unwrap();
        line.record(disburse("d1", 0, 1, 1_000_003, &annual("17.39", monthly(6, PlanForm::EqualInstalment)))).unwrap();
        line.record(disburse("d2", 0, 2, 777_777, &daily(45)).in_sequence(1)).unwrap();
        for (nth, (at, kind, minor, named)) in steps.into_iter().enumerate() {
            let drawdown = DrawdownId(1 + u32::from(named));
            let (amount_minor, repayment) = (money(minor), monthly(1 + minor as u32 % 9, PlanForm::EqualPrincipal));
            let action = match kind {
                0..=2 => {
                    Action::Repay { drawdown: named.then_some(drawdown), amount_minor, kind: PaymentKind::Repayment }
                }
                3 => Action::Prepay { drawdown, amount_minor, effect: PrepayEffect::ReduceTerm },
                4 => Action::Prepay { drawdown, amount_minor, effect: PrepayEffect::ReduceInstalment },
                5 => Action::Prepay { drawdown, amount_minor, effect: PrepayEffect::LastInstalments },
                6 => Action::Charge { drawdown, component: Component::Fee, amount_minor: money(minor / 100 + 1) },
                7 => Action::Waive { drawdown, component: Component::Interest, amount_minor: money(minor / 100 + 1) },
                8 => Action::ChargeBack { drawdown, amount_minor: money(minor / 3 + 1) },
                9 => Action::RefundCreditBalance { amount_minor: money(minor / 9 + 1) },
                10 => Action::Pause { drawdown, until: day(at + minor % 40 + 1), accrues_interest: named },
                11 => Action::Reschedule { drawdown, repayment, rate: named.then(|| interest("11")) },
                12 => Action::ReAge { drawdown, repayment },
                13 => Action::ReAmortise { drawdown },
                14 => Action::Restructure { drawdown, repayment, rate: interest("5") },
                15 => Action::ChargeOff { drawdown },
                16 => Action::WriteOff { drawdown },
                17 => Action::Recover { drawdown, amount_minor },
                18 => Action::Sell { drawdown, price_minor: amount_minor },
                _ => Action::ChargeLine { amount_minor: money(minor / 100 + 1) },
            };
            let before = line.state().clone();
            if line.record(Event::new(format!("e{nth}"), day(at), action).in_sequence(nth as u64 + 2)).is_err() {
                assert_eq!(line.state(), &before, "nothing is half applied");
            }
        }
        (policy, line.events().to_vec())
    })
}

fn policies() -> impl Strategy<Value = LinePolicy> {
    (0u8..6).prop_map(|kind| match kind {
        4 => {
            let mut policy = LinePolicy::china();
            (policy.overdue.grace_days, policy.overdue.grace_is_lost) = (7, true);
            policy
        }
        5 => {
            let mut policy = LinePolicy::china();
            policy.cost_cap.daily_share = Some(BasisPoints::new(5));
            policy
        }
        0 => LinePolicy::china(),
        1 => LinePolicy::india(),
        2 => {
            let mut policy = LinePolicy::default();
            policy.overdue.late_charge_minor = money(1_500);
            policy.overdue.grace_days = 5;
            policy.overdue.capitalise_after_days = Some(20);
            policy
        }
        _ => {
            let mut policy = LinePolicy::china();
            policy.cost_cap.total_share = Some(BasisPoints::new(300));
            policy
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_kind_of_event_keeps_the_books_the_order_and_the_snapshot(
        (policy, events) in wild_stories(), keys in proptest::collection::vec(any::<u32>(), 32), cut in 0usize..24
    ) {
        let mut whole = CreditLine::replay(policy.clone(), line_terms(), events.clone()).unwrap();
        let mut shuffled: Vec<(u32, Event)> = keys.into_iter().zip(events.iter().cloned()).collect();
        shuffled.sort_by_key(|&(key, _)| key);
        let any_order = CreditLine::replay(policy.clone(), line_terms(), shuffled.into_iter().map(|(_, event)| event)).unwrap();
        prop_assert_eq!(any_order.state(), whole.state());

        let written = serde_json::to_string(&events).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Vec<Event>>(&written).unwrap(), &events);
        let first = CreditLine::replay(policy.clone(), line_terms(), events[..cut.min(events.len())].to_vec()).unwrap();
        let mut resumed = CreditLine::resume(policy, first.snapshot().unwrap()).unwrap();
        resumed.record_all(events).unwrap();
        prop_assert_eq!(resumed.state(), whole.state());
        prop_assert_eq!(resumed.digest().unwrap(), whole.digest().unwrap());

        whole.advance(day(500)).unwrap();
        for entry in whole.journal() {
            prop_assert!(entry.is_balanced());
        }
        let (sums, state) = (sums(whole.journal()), whole.state());
        // What was charged off is a claim and no longer an asset.
        let held = || state.drawdowns.iter().filter(|drawdown| drawdown.status != DrawdownStatus::ChargedOff);
        let open = |component| held().map(|drawdown| drawdown.open_of(component).to_minor()).sum::<i64>();
        let balance = |account| sums.get(&account).copied().unwrap_or(0);
        prop_assert_eq!(balance(Account::Principal), open(Component::Principal));
        prop_assert_eq!(balance(Account::InterestReceivable), open(Component::Interest));
        prop_assert_eq!(balance(Account::PenaltyReceivable), open(Component::Penalty));
        prop_assert_eq!(balance(Account::FeeReceivable), open(Component::Fee) + state.fee_minor.to_minor());
        prop_assert_eq!(balance(Account::CreditBalance), -state.credit_balance_minor.to_minor());
    }
}

#[test]
fn a_new_rate_quoted_another_way_goes_on_from_the_exact_interest() {
    let events = |rate: InterestRate| {
        let action =
            Action::Restructure { drawdown: DrawdownId(1), repayment: monthly(2, PlanForm::EqualPrincipal), rate };
        [disburse("d1", 0, 1, 777_777, &daily(45)), Event::new("anew", day(20), action)]
    };
    let owed = |rate: InterestRate, at: i64| {
        let line = CreditLine::replay(LinePolicy::default(), line_terms(), events(rate)).unwrap();
        line.position(day(at)).unwrap().owed_minor.to_minor()
    };
    let daily_rate = InterestRate::Daily("0.0001".parse::<Decimal>().map(DailyRate::from_fraction).unwrap().unwrap());
    // 7,777.77 at 0.05 % for 20 days is 77.7777; 3.6 % over 360 days and 0.01 % a day are the same.
    for (at, expected) in [(20, 785_555), (21, 785_633), (30, 786_333)] {
        assert_eq!((owed(interest("3.6"), at), owed(daily_rate, at)), (expected, expected), "day {at}");
    }
}

#[test]
fn a_reversal_survives_its_written_form() {
    let reversal = Event::new("r1", day(3), Action::Reverse { key: "d1".to_owned() });
    let written = serde_json::to_string(&reversal).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), reversal, "{written}");
    let short = r#"{"key": "r1", "value_date": "2024-01-04", "action": "reverse", "reversed_key": "d1"}"#;
    assert_eq!(serde_json::from_str::<Event>(short).unwrap(), reversal);
}

#[test]
fn a_grace_that_is_not_used_is_lost() {
    let mut policy = LinePolicy::china();
    (policy.overdue.grace_days, policy.overdue.grace_is_lost) = (3, true);
    let penalty_after = |policy: &LinePolicy, paid_at: i64| {
        let mut line =
            CreditLine::replay(policy.clone(), line_terms(), [disburse("d1", 0, 1, 1_000_000, &daily(30))]).unwrap();
        let due = line.payoff(DrawdownId(1), day(30)).unwrap().total_minor.to_minor();
        line.record(repay("p1", paid_at, Some(1), due)).unwrap();
        let position = line.position(day(paid_at)).unwrap();
        (position.owed_minor.to_minor(), position.drawdowns[0].interest_minor.to_minor())
    };
    // 10,000.00 at 0.05 % a day: 5.00 a day of contract interest in the grace days, to the day.
    assert_eq!(penalty_after(&policy, 30), (0, 0));
    assert_eq!(penalty_after(&policy, 32).0, 1_000, "two days of contract interest, no penalty");
    let kept =
        LinePolicy { overdue: OverdueTerms { grace_is_lost: false, ..policy.overdue.clone() }, ..policy.clone() };
    let no_grace = LinePolicy { overdue: OverdueTerms { grace_days: 0, ..policy.overdue.clone() }, ..policy.clone() };
    // Five days late: the penalty of five days on 10,150.00 where the grace is lost, of two where it is kept.
    let (lost, kept, none) = (penalty_after(&policy, 35).0, penalty_after(&kept, 35).0, penalty_after(&no_grace, 35).0);
    assert_eq!(lost, none, "who does not use the grace days stands as if there were none");
    assert!(kept < lost, "{kept} {lost}");
}

#[test]
fn a_line_fee_is_paid_before_drawdowns_by_a_payment_that_names_none() {
    let mut line =
        CreditLine::replay(LinePolicy::china(), line_terms(), [disburse("d1", 0, 1, 100_000, &daily(30))]).unwrap();
    line.record(Event::new("fee", day(5), Action::ChargeLine { amount_minor: money(3_000) })).unwrap();
    assert_eq!(line.position(day(5)).unwrap().owed_minor.to_minor(), 100_000 + 250 + 3_000);
    line.record(repay("named", 5, Some(1), 1_000)).unwrap();
    assert_eq!(line.position(day(5)).unwrap().fee_minor.to_minor(), 3_000);
    line.record(repay("unnamed", 6, None, 3_500)).unwrap();
    assert_eq!(line.position(day(6)).unwrap().fee_minor.to_minor(), 0);
    line.record(Event::new("undo", day(7), Action::Reverse { key: "fee".to_owned() })).unwrap();
    let after = line.position(day(7)).unwrap();
    assert_eq!(after.fee_minor.to_minor(), 0);
    assert!(
        line.record(Event::new("none", day(8), Action::ChargeLine { amount_minor: Money::ZERO }))
            .unwrap_err()
            .is_invalid()
    );
    assert_eq!(
        statement(&line).unwrap().last().unwrap().balance_minor,
        line.position(day(5)).unwrap().owed_minor.min(after.owed_minor)
    );
}

#[test]
fn cost_caps_hold_after_each_event() {
    let mut policy = LinePolicy::china();
    policy.cost_cap.daily_share = Some(BasisPoints::new(5));
    policy.cost_cap.annual = Some("0.24".parse().unwrap());
    let mut line = CreditLine::replay(policy, line_terms(), [disburse("d1", 0, 1, 1_000_000, &daily(30))]).unwrap();
    // The penalty of 1.5 times 0.05 % stops at 0.05 % a day.
    let late = line.position(day(50)).unwrap();
    assert_eq!(late.owed_minor.to_minor(), 1_000_000 + 50 * 500);
    let id = DrawdownId(1);
    assert!(line.cost_of_credit(id, day(50)).unwrap().excess.is_zero());
    let charge = Action::Charge { drawdown: id, component: Component::Fee, amount_minor: money(20_000) };
    let recorded = line.record(Event::new("fee", day(20), charge)).unwrap();
    // 20 days may cost 20 times 5.00, interest has taken them all: the fee is too much.
    assert_eq!(recorded.costs[0].cost_minor.to_minor(), 20 * 500 + 20_000);
    assert_eq!(recorded.costs[0].excess.daily_minor.to_minor(), 20_000);
    assert_eq!(line.cost_checks(), [line.cost_checks()[0], recorded.costs[0]]);
    assert!(line.cost_checks()[0].excess.is_zero(), "a disbursement costs nothing");
    let cost = line.cost_of_credit(id, day(50)).unwrap();
    assert!(!cost.excess.annual_minor.is_zero() && cost.annual_rate.unwrap() > 0.24);
    // The cash flows count, not the contract: half paid back early makes the same fee dearer.
    let mut early = line.clone();
    early.record(repay("half", 21, Some(1), 500_000)).unwrap();
    assert!(early.cost_of_credit(id, day(50)).unwrap().annual_rate > cost.annual_rate);
    // Giving up the excess brings the rate to the cap.
    let waive = Action::Waive { drawdown: id, component: Component::Fee, amount_minor: cost.excess.annual_minor };
    let mending = line.record(Event::new("mend", day(50), waive)).unwrap();
    assert!(mending.costs[0].excess.annual_minor.is_zero() && mending.costs[0].excess.daily_minor > Money::ZERO);
    let mended = line.cost_of_credit(id, day(50)).unwrap();
    assert!(mended.annual_rate.unwrap() <= 0.24 + 1e-9, "{mended:?}");
    assert!(mended.annual_rate.unwrap() > 0.2399);
    // A reversal tells anew what has come out differently.
    let undone = line.record(Event::new("undo", day(60), Action::Reverse { key: "fee".to_owned() }));
    assert!(undone.is_err(), "the waiver stands on the fee");
    line.record(Event::new("undo mend", day(60), Action::Reverse { key: "mend".to_owned() })).unwrap();
    line.record(Event::new("undo", day(60), Action::Reverse { key: "fee".to_owned() })).unwrap();
    assert!(line.cost_checks().iter().all(|check| check.excess.is_zero()), "{:?}", line.cost_checks());
    let back = line.record(repay("early", 10, Some(1), 500_000)).unwrap();
    assert_eq!(back.costs.len(), 1);
    assert!(line.cost_of_credit(DrawdownId(9), day(50)).unwrap_err().is_unknown());
}

#[test]
fn a_total_cap_reports_charges_above_it_and_the_cost_outlives_a_snapshot() {
    let mut policy = LinePolicy::china();
    policy.cost_cap.total_share = Some(BasisPoints::new(300));
    let id = DrawdownId(1);
    let mut line =
        CreditLine::replay(policy.clone(), line_terms(), [disburse("d1", 0, 1, 1_000_000, &daily(30))]).unwrap();
    let paid = line.record(repay("half", 20, Some(1), 500_000)).unwrap();
    assert_eq!((paid.costs[0].cost_minor.to_minor(), paid.costs[0].excess.is_zero()), (10_000, true));
    let snapshot = line.snapshot().unwrap();
    let mut resumed = CreditLine::resume(policy, snapshot).unwrap();
    let charge = Action::Charge { drawdown: id, component: Component::Fee, amount_minor: money(25_000) };
    for line in [&mut line, &mut resumed] {
        let fee = line.record(Event::new("fee", day(20), charge.clone()).in_sequence(9)).unwrap();
        // 3 % of the principal, 300.00, may be taken: 100.00 of interest and a fee of 250.00 are 50.00 above it.
        assert_eq!(fee.costs[0].excess.most().to_minor(), 5_000);
    }
    assert_eq!(line.cost_of_credit(id, day(40)).unwrap(), resumed.cost_of_credit(id, day(40)).unwrap());
    assert_eq!(line.digest().unwrap(), resumed.digest().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_gives_the_state_and_the_books_of_value_order(
        events in stories(), policy in policies(), keys in proptest::collection::vec(any::<u32>(), 16)
    ) {
        let whole = CreditLine::replay(policy.clone(), line_terms(), events.clone()).unwrap();
        let mut shuffled: Vec<Event> = events.clone();
        let mut order: Vec<usize> = (0..shuffled.len()).collect();
        // Disbursements stay in front of what names them; the rest arrives anyhow.
        order.sort_by_key(|&nth| (nth >= 2, keys[nth]));
        shuffled = order.into_iter().map(|nth| events[nth].clone()).collect();
        let mut line = CreditLine::open(policy.clone(), line_terms()).unwrap();
        for event in shuffled {
            for entry in line.record(event).unwrap().entries {
                prop_assert!(entry.is_balanced());
            }
        }
        let end = day(600);
        let mut whole = whole;
        whole.advance(end).unwrap();
        line.advance(end).unwrap();
        prop_assert_eq!(line.state(), whole.state());
        prop_assert_eq!(line.digest().unwrap(), whole.digest().unwrap());
        prop_assert_eq!(sums(line.journal()), sums(whole.journal()));
    }

    #[test]
    fn the_books_say_what_the_state_says(events in stories(), policy in policies(), at in 400i64..800) {
        let mut line = CreditLine::replay(policy, line_terms(), events).unwrap();
        line.advance(day(at)).unwrap();
        for entry in line.journal() {
            prop_assert!(entry.is_balanced());
        }
        let sums = sums(line.journal());
        let state = line.state();
        let open = |component| state.drawdowns.iter().map(|drawdown| drawdown.open_of(component).to_minor()).sum::<i64>();
        let balance = |account| sums.get(&account).copied().unwrap_or(0);
        prop_assert_eq!(balance(Account::Principal), open(Component::Principal));
        prop_assert_eq!(balance(Account::InterestReceivable), open(Component::Interest));
        prop_assert_eq!(balance(Account::PenaltyReceivable), open(Component::Penalty));
        prop_assert_eq!(balance(Account::FeeReceivable), open(Component::Fee));
        prop_assert_eq!(balance(Account::CreditBalance), -state.credit_balance_minor.to_minor());
    }

    #[test]
    fn reversing_everything_leaves_the_books_empty(events in stories(), policy in policies()) {
        let mut line = CreditLine::replay(policy, line_terms(), events.clone()).unwrap();
        line.advance(day(450)).unwrap();
        for (nth, event) in events.iter().enumerate().rev() {
            let reversal = Event::new(format!("r{nth}"), day(460), Action::Reverse { key: event.key.clone() });
            for entry in line.record(reversal).unwrap().entries {
                prop_assert!(entry.is_balanced());
            }
        }
        prop_assert!(sums(line.journal()).is_empty());
    }

    #[test]
    fn a_snapshot_and_later_events_are_a_full_replay(events in stories(), policy in policies(), cut in 0usize..14) {
        let mut events = events;
        events.sort_by(|a, b| (a.value_date, a.sequence, &a.key).cmp(&(b.value_date, b.sequence, &b.key)));
        let cut = cut.min(events.len());
        let whole = CreditLine::replay(policy.clone(), line_terms(), events.clone()).unwrap();
        let first = CreditLine::replay(policy.clone(), line_terms(), events[..cut].to_vec()).unwrap();
        let stored = serde_json::to_string(&first.snapshot().unwrap()).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&stored).unwrap();
        let mut resumed = CreditLine::resume(policy, snapshot).unwrap();
        for event in &events {
            resumed.record(event.clone()).unwrap();
        }
        prop_assert_eq!(resumed.state(), whole.state());
        prop_assert_eq!(resumed.digest().unwrap(), whole.digest().unwrap());
    }

    #[test]
    fn a_waterfall_neither_creates_nor_loses_a_cent(events in stories(), policy in policies(), at in 1i64..500, minor in 1i64..3_000_000) {
        let line = CreditLine::replay(policy, line_terms(), events).unwrap();
        let at = at.max(400);
        let before = line.position(day(at)).unwrap();
        let mut after = line.clone();
        after.record(repay("the payment", at, None, minor)).unwrap();
        let after = after.position(day(at)).unwrap();
        let owed = before.owed_minor.to_minor() - after.owed_minor.to_minor();
        let credit = after.credit_balance_minor.to_minor() - before.credit_balance_minor.to_minor();
        prop_assert_eq!(owed + credit, minor);
        for (before, after) in before.drawdowns.iter().zip(&after.drawdowns) {
            prop_assert!(after.owed() <= before.owed() && !after.owed().is_negative());
        }
    }

    #[test]
    fn splitting_a_repayment_in_two_on_the_same_day_changes_nothing(
        policy in policies(), at in 1i64..300, minor in 2i64..900_000, share in 1i64..100
    ) {
        let terms = annual("17.39", monthly(6, PlanForm::EqualInstalment));
        let start = CreditLine::replay(policy, line_terms(), [disburse("d1", 0, 1, 1_000_003, &terms)]).unwrap();
        let (mut one, mut two) = (start.clone(), start);
        one.record(repay("p", at, None, minor)).unwrap();
        let first = (minor * share / 100).clamp(1, minor - 1);
        two.record(repay("p1", at, None, first)).unwrap();
        two.record(repay("p2", at, None, minor - first).in_sequence(1)).unwrap();
        for later in [at, at + 40, at + 400] {
            prop_assert_eq!(one.position(day(later)).unwrap(), two.position(day(later)).unwrap());
        }
    }

    #[test]
    fn advancing_day_by_day_is_advancing_at_once(events in stories(), policy in policies()) {
        let mut at_once = CreditLine::replay(policy, line_terms(), events).unwrap();
        let mut by_day = at_once.clone();
        let from = at_once.state().as_of;
        let mut today = from;
        for _ in 0..150 {
            today = today.tomorrow().unwrap();
            by_day.advance(today).unwrap();
        }
        at_once.advance(today).unwrap();
        prop_assert_eq!(by_day.state(), at_once.state());
        prop_assert_eq!(sums(by_day.journal()), sums(at_once.journal()));
    }
}

#[test]
fn exact_accrual_never_drifts_over_thirty_years_of_days() {
    let days = 30 * 365 + 7;
    let mut terms = annual("17.389321", RepaymentPlan::Bullet { term_days: days + 1 });
    let mut line = CreditLine::open(LinePolicy::default(), line_terms()).unwrap();
    line.record(disburse("d1", 0, 1, 761_503, &terms)).unwrap();
    terms.basis = dandelion_credit::loan::AccrualBasis::ActualActual;
    line.record(disburse("d2", 0, 2, 761_503, &terms).in_sequence(1)).unwrap();
    let mut columns = AccrualColumns::new();
    columns.push(&line.state().drawdowns[0]).unwrap();
    assert!(columns.push(&line.state().drawdowns[1]).unwrap_err().is_unsupported());
    let end = day(i64::from(days));
    let at_once = line.state_on(end).unwrap();
    let mut today = day(0);
    while today < end {
        today = today.tomorrow().unwrap();
        line.advance(today).unwrap();
        columns.accrue(1).unwrap();
    }
    // The definition itself: principal x rate x days, over 365 trillionths.
    assert_eq!(line.state().drawdowns[0].exact_interest(), 761_503 * 173_893_210_000 * i128::from(days));
    assert_eq!(columns.exact_interest(0), line.state().drawdowns[0].exact_interest());
    for (one, other) in line.state().drawdowns.iter().zip(&at_once.drawdowns) {
        assert_eq!(one.exact_interest(), other.exact_interest());
        assert_eq!(one.open_of(Component::Interest), other.open_of(Component::Interest));
    }
    let booked: i64 = sums(line.journal())[&Account::InterestReceivable];
    assert_eq!(
        booked,
        line.state().drawdowns.iter().map(|drawdown| drawdown.open_of(Component::Interest).to_minor()).sum::<i64>()
    );
}

#[test]
fn funders_parts_of_every_entry_balance_and_add_up_to_it() {
    let terms = annual("17.39", monthly(6, PlanForm::EqualInstalment));
    let mut line = CreditLine::open(LinePolicy::china(), line_terms()).unwrap();
    line.record(disburse("d", 0, 1, 1_000_003, &terms)).unwrap();
    for month in 1..=4 {
        line.record(repay(&format!("p{month}"), month * 31, Some(1), 150_001)).unwrap();
    }
    line.advance(day(200)).unwrap();
    line.record(Event::new("wo", day(300), Action::WriteOff { drawdown: DrawdownId(1) })).unwrap();
    let funder = |name: &str, share, rate| Funder { name: name.into(), share: BasisPoints::new(share), rate };
    let deal = CoLending {
        funders: vec![
            funder("bank", 7_000, Some(interest("9.5"))),
            funder("fund", 333, None),
            funder("platform", 2_667, None),
        ],
        residual_owner: 2,
        service_fee: BasisPoints::new(150),
        first_loss: Some(FirstLoss { funder: 2, cap: BasisPoints::new(10_000) }),
    };
    let books = deal.split(line.journal(), interest("17.39")).unwrap();
    let mut together: BTreeMap<Account, i64> = BTreeMap::new();
    for book in &books {
        for entry in &book.entries {
            assert!(entry.is_balanced());
        }
        let sums = sums(&book.entries);
        assert!(
            !sums.contains_key(&Account::Principal) && !sums.contains_key(&Account::InterestReceivable),
            "{sums:?}"
        );
        for (account, minor) in sums {
            *together.entry(account).or_default() += minor;
        }
    }
    together.retain(|_, minor| *minor != 0);
    assert_eq!(together, sums(line.journal()));
    let earned = |book: usize| -sums(&books[book].entries)[&Account::InterestIncome];
    assert!(earned(0) < earned(2) * 7_000 / 2_667 && earned(2) > 0, "the platform keeps the difference of the rates");
    let paid: i64 = books.iter().map(|book| book.guarantee_minor.to_minor()).sum();
    assert!(paid == 0 && books[0].guarantee_minor > Money::ZERO && books[2].guarantee_minor < Money::ZERO);
    let mut short = deal.clone();
    short.funders[0].share = BasisPoints::new(6_999);
    assert!(short.split(line.journal(), interest("17.39")).unwrap_err().is_invalid());
}

#[test]
fn a_statement_adds_up_to_what_is_owed() {
    let mut line = CreditLine::open(LinePolicy::china(), line_terms()).unwrap();
    line.record(disburse("d1", 0, 1, 500_000, &daily(30))).unwrap();
    line.record(repay("p1", 10, Some(1), 200_000)).unwrap();
    line.record(repay("p2", 40, Some(1), 100_000)).unwrap();
    line.advance(day(50)).unwrap();
    let rows = statement(&line).unwrap();
    let position = line.position(day(50)).unwrap();
    assert_eq!(rows.last().unwrap().balance_minor, position.owed_minor);
    assert_eq!(rows.last().unwrap().principal_balance_minor, position.principal_minor);
    assert_eq!(rows.iter().map(|row| row.cash_minor.to_minor()).sum::<i64>(), 200_000);
}
