//! Events in, postings out: laws of a scheduled loan's account.

use dandelion_credit::loan::{
    Account, Component, Every, InstalmentShape, LoanAction, LoanEvent, LoanStatus, ScheduledAccount, ScheduledTerms,
    TermChange, TransactionKind, trial_balance,
};
use dandelion_credit::{Date, Money};
use jiff::ToSpan;
use proptest::prelude::*;

use crate::loan_scheduled::product;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn day(offset: i64) -> Date {
    date("2024-01-01").checked_add(offset.days()).unwrap()
}

fn account(recalculates: bool) -> ScheduledAccount {
    let start = day(0);
    let terms = ScheduledTerms {
        annual_rate: "0.07".parse().unwrap(),
        every: Every::Months(1),
        instalments: 6,
        submitted_on: start,
        expected_on: start,
        shape: InstalmentShape::default(),
    };
    ScheduledAccount::open(product(recalculates), terms, money(10_000)).unwrap()
}

fn event(key: &str, recorded: i64, sequence: u64, action: LoanAction) -> LoanEvent {
    LoanEvent { key: key.to_owned(), recorded_on: day(recorded), sequence, action }
}

fn disburse() -> LoanEvent {
    event("lend", 0, 0, LoanAction::Disburse { on: day(0), amount_minor: money(10_000) })
}

fn pay(key: &str, recorded: i64, on: i64, minor: i64) -> LoanEvent {
    let kind = TransactionKind::Repayment;
    event(key, recorded, 1, LoanAction::Pay { on: day(on), kind, amount_minor: money(minor) })
}

fn balance(account: &ScheduledAccount, of: Account) -> i64 {
    let balances = trial_balance(account.journal()).unwrap();
    balances.iter().find(|line| line.account == of).map_or(0, |line| line.debit_minor.to_minor())
}

#[test]
fn a_key_used_twice_counts_once_and_for_another_event_is_refused() {
    let mut account = account(true);
    assert_eq!(account.record(disburse()).unwrap().len(), 1);
    assert!(account.record(disburse()).unwrap().is_empty());
    assert!(account.record(pay("lend", 31, 31, 5)).unwrap_err().is_conflict());
    assert_eq!(account.events().len(), 1);
    assert_eq!((balance(&account, Account::Principal), balance(&account, Account::Cash)), (10_000, -10_000));
}

#[test]
fn a_late_event_books_only_what_it_changes() {
    let mut account = account(true);
    account.record(disburse()).unwrap();
    account.record(pay("february", 31, 31, 1_701)).unwrap();
    // 17.01 in time: 0.58 interest (100.00 x 7 % / 12) and 16.43 principal.
    assert_eq!(balance(&account, Account::Principal), 10_000 - 1_643);
    // Ten days later it turns out that 50.00 had come in on 15 January: interest of January falls to 0.43
    // (58.33 x 14 / 31 + 29.17 x 17 / 31, in cents).
    let entries = account.record(pay("january", 41, 14, 5_000)).unwrap();
    assert!(entries.iter().all(|entry| entry.is_balanced() && entry.booked_on == day(41)));
    assert!(entries.iter().any(|entry| entry.value_date == day(14)));
    assert_eq!(balance(&account, Account::Cash), -10_000 + 6_701);
    let interest: i64 = account.loan().transactions().iter().map(|known| known.portions.interest).sum();
    assert_eq!(balance(&account, Account::Principal), 10_000 - 6_701 + interest);
    assert_eq!(interest, 42);
}

#[test]
fn what_is_reversed_never_happened_and_a_reversal_stands() {
    let mut account = account(true);
    account.record(disburse()).unwrap();
    let before = account.loan().instalments().to_vec();
    account.record(pay("once", 31, 31, 1_701)).unwrap();
    let reverse = |key: &str, of: &str| event(key, 32, 9, LoanAction::Reverse { key: of.to_owned() });
    account.record(reverse("undo", "once")).unwrap();
    assert_eq!(account.loan().instalments(), before);
    assert_eq!(balance(&account, Account::Cash), -10_000);
    let journal = account.journal().to_vec();
    assert!(account.record(reverse("undo the undo", "undo")).unwrap_err().is_conflict());
    assert!(account.record(reverse("again", "once")).unwrap_err().is_conflict());
    assert!(account.record(reverse("who", "nobody")).unwrap_err().is_unknown());
    assert_eq!(account.journal(), journal);
}

#[test]
fn a_reversal_that_would_break_a_later_event_changes_nothing() {
    let mut account = account(true);
    account.record(disburse()).unwrap();
    account.record(pay("paid", 31, 31, 1_701)).unwrap();
    let taken = LoanAction::ChargeBack { amount_minor: money(500), payment: Some("paid".to_owned()) };
    account.record(event("taken back", 35, 0, taken)).unwrap();
    let (loan, journal) = (account.loan().clone(), account.journal().to_vec());
    let reverse = event("undo", 36, 0, LoanAction::Reverse { key: "paid".to_owned() });
    assert!(account.record(reverse).unwrap_err().is_unknown());
    assert_eq!((account.loan(), account.journal()), (&loan, journal.as_slice()));
}

#[test]
fn events_that_no_loan_can_take_are_refused_whole() {
    let mut account = account(true);
    assert!(account.record(pay("too early", 0, 0, 5)).unwrap_err().is_conflict());
    account.record(disburse()).unwrap();
    let loan = account.loan().clone();
    for (key, action) in [
        ("nothing", LoanAction::Disburse { on: day(1), amount_minor: money(0) }),
        ("too much", LoanAction::Disburse { on: day(1), amount_minor: Money::MAX }),
        ("interest", LoanAction::Charge { component: Component::Interest, due: day(9), amount_minor: money(5) }),
        ("no instalments", LoanAction::ReAge { start: day(9), every: Every::Months(1), instalments: 0 }),
        ("no date", LoanAction::ChangeTerms { change: TermChange::MoveDueDate { from: day(3), to: day(9) } }),
        (
            "rate",
            LoanAction::ChangeTerms { change: TermChange::Rate { from: day(3), annual_rate: "-1".parse().unwrap() } },
        ),
        ("years", LoanAction::ChangeTerms { change: TermChange::MoreInstalments { from: day(3), count: u32::MAX } }),
        ("whose", LoanAction::WaiveCharge { charge: "lend".to_owned() }),
    ] {
        assert!(account.record(event(key, 1, 5, action)).is_err(), "{key}");
        assert_eq!(account.loan(), &loan, "{key}");
    }
}

#[test]
fn more_than_is_owed_becomes_a_credit_balance_that_can_be_paid_out() {
    let mut account = account(true);
    account.record(disburse()).unwrap();
    account.record(pay("all and more", 0, 0, 12_000)).unwrap();
    assert_eq!((account.loan().status(), account.loan().overpaid()), (LoanStatus::Overpaid, 2_000));
    let out = LoanAction::Pay { on: day(1), kind: TransactionKind::CreditBalanceRefund, amount_minor: money(2_000) };
    account.record(event("out", 1, 0, out)).unwrap();
    assert_eq!((account.loan().status(), account.loan().overpaid()), (LoanStatus::Closed, 0));
    assert!(trial_balance(account.journal()).unwrap().is_empty());
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_been_left_out_and_notices_a_change() {
    let mut whole = account(true);
    whole.record(disburse()).unwrap();
    whole.record(pay("first", 31, 31, 1_701)).unwrap();
    let snapshot = whole.snapshot().unwrap();
    let json = serde_json::to_string(&snapshot).unwrap();
    let mut resumed = ScheduledAccount::resume(serde_json::from_str(&json).unwrap()).unwrap();
    for later in [pay("second", 60, 60, 1_701), pay("third", 80, 75, 900)] {
        whole.record(later.clone()).unwrap();
        resumed.record(later).unwrap();
    }
    assert_eq!(resumed.loan(), whole.loan());
    assert!(resumed.record(pay("first", 31, 31, 1_701)).unwrap().is_empty());
    assert!(resumed.record(pay("before it", 30, 30, 5)).unwrap_err().is_conflict());
    let mut changed = snapshot.clone();
    changed.keys.insert("unknown".to_owned(), String::new());
    assert!(ScheduledAccount::resume(changed).unwrap_err().is_conflict());
    let other = dandelion_credit::loan::ScheduledSnapshot { version: snapshot.version + 1, ..snapshot };
    assert!(ScheduledAccount::resume(other).unwrap_err().is_unsupported());
}

fn stories() -> impl Strategy<Value = Vec<(i64, i64, i64, u8)>> {
    proptest::collection::vec((0i64..190, 0i64..40, 1i64..3_000, 0u8..6), 1..7)
}

/// Payments, charges and nightly runs, some of them recorded late.
fn events(story: &[(i64, i64, i64, u8)]) -> Vec<LoanEvent> {
    let mut events = vec![disburse()];
    for (nth, &(on, late, minor, what)) in story.iter().enumerate() {
        let action = match what {
            0 => LoanAction::Charge { component: Component::Fee, due: day(on + 5), amount_minor: money(minor) },
            1 => LoanAction::CloseDay,
            2 => LoanAction::Pay { on: day(on), kind: TransactionKind::MerchantRefund, amount_minor: money(minor) },
            _ => LoanAction::Pay { on: day(on), kind: TransactionKind::Repayment, amount_minor: money(minor) },
        };
        events.push(event(&format!("event {nth}"), on + late, 1 + nth as u64, action));
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn replay_in_any_arrival_order_equals_replay_in_value_order(
        recalculates in any::<bool>(), story in stories(), seed in any::<u64>()
    ) {
        let mut ordered = account(recalculates);
        let mut all = events(&story);
        all.sort_by_key(|event| (event.recorded_on, event.sequence));
        for event in &all {
            ordered.record(event.clone()).unwrap();
        }
        // Every other order that begins with the disbursement.
        let rest = &mut all[1..];
        let mut state = seed;
        for nth in (1..rest.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            rest.swap(nth, (state >> 33) as usize % (nth + 1));
        }
        let mut shuffled = account(recalculates);
        for event in all {
            shuffled.record(event).unwrap();
        }
        prop_assert_eq!(shuffled.loan(), ordered.loan());
        prop_assert_eq!(trial_balance(shuffled.journal()).unwrap(), trial_balance(ordered.journal()).unwrap());
    }

    #[test]
    fn journals_balance_and_the_waterfall_neither_creates_nor_loses_a_cent(
        recalculates in any::<bool>(), story in stories()
    ) {
        let mut account = account(recalculates);
        let mut paid = 0;
        for event in events(&story) {
            if let LoanAction::Pay { amount_minor, .. } = event.action {
                paid += amount_minor.to_minor();
            }
            for entry in account.record(event).unwrap() {
                prop_assert!(entry.is_balanced());
            }
        }
        let loan = account.loan();
        let met: i64 = loan.instalments().iter().map(dandelion_credit::loan::ScheduledInstalment::paid_total).sum();
        prop_assert_eq!(met + loan.overpaid(), paid);
        prop_assert_eq!(balance(&account, Account::Cash), paid - 10_000);
        let open: i64 = loan.instalments().iter().map(|row| row.principal.open()).sum();
        prop_assert_eq!(balance(&account, Account::Principal), open);
        prop_assert_eq!(balance(&account, Account::CreditBalance), -loan.overpaid());
    }

    #[test]
    fn splitting_a_repayment_in_two_on_the_same_day_changes_no_total_by_more_than_a_cent_an_instalment(
        on in 0i64..190, minor in 2i64..9_000, part in 1i64..100
    ) {
        let (mut one, mut two) = (account(true), account(true));
        let first = (minor * part / 100).clamp(1, minor - 1);
        one.record(disburse()).unwrap();
        two.record(disburse()).unwrap();
        one.record(pay("whole", on, on, minor)).unwrap();
        two.record(pay("first", on, on, first)).unwrap();
        two.record(LoanEvent { sequence: 2, ..pay("second", on, on, minor - first) }).unwrap();
        let totals = |account: &ScheduledAccount| {
            let rows = account.loan().instalments();
            let interest: i64 = rows.iter().map(|row| row.interest.due).sum();
            (interest, account.loan().outstanding())
        };
        let (a, b) = (totals(&one), totals(&two));
        prop_assert!((a.0 - b.0).abs() <= 6 && (a.1 - b.1).abs() <= 6, "{a:?} {b:?}");
    }
}
