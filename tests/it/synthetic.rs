//! Laws and figures of the synthetic market.

use dandelion_credit::synthetic::{AccountKind, BorrowingSummary, Market, MarketConfig, Purpose};
use dandelion_credit::{Transfer, calendar};

fn small() -> MarketConfig {
    MarketConfig { accounts: 3_000, days: 90, ..MarketConfig::default() }
}

#[test]
fn the_same_seed_makes_the_same_market_on_any_number_of_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Market::generate(&small()).unwrap())
    };
    let market = on(1);
    assert_eq!(market, on(2));
    assert_eq!(market, on(7));
    assert_ne!(market.transfers(), Market::generate(&MarketConfig { seed: 311, ..small() }).unwrap().transfers());
}

#[test]
fn transfers_are_in_order_within_the_period_and_never_to_oneself() {
    let config = small();
    let market = Market::generate(&config).unwrap();
    let columns = market.transfers().columns();
    columns.check(config.accounts as usize).unwrap();
    let rows: Vec<Transfer> = columns.iter().collect();
    assert!(rows.windows(2).all(|pair| pair[0].at_seconds <= pair[1].at_seconds));
    assert!(rows.iter().all(|row| row.payer != row.payee && row.amount_minor != 0));
    let end = calendar::epoch_day(config.as_of);
    let days = end - config.days as i32..end;
    assert!(rows.iter().all(|row| days.contains(&config.utc_offset.epoch_day(row.at_seconds))));
    let refunds = market.purposes().iter().filter(|purpose| **purpose == Purpose::Refund).count();
    assert_eq!(rows.iter().filter(|row| row.amount_minor < 0).count(), refunds);
    assert!(refunds > 0);
}

#[test]
fn every_kind_of_account_is_there_in_its_share() {
    let config = MarketConfig { accounts: 20_000, days: 30, ..MarketConfig::default() };
    let market = Market::generate(&config).unwrap();
    let count = |kind| market.kinds().iter().filter(|found| **found == kind).count();
    assert_eq!(count(AccountKind::Shop), 800);
    assert_eq!(count(AccountKind::FamilyHub), 200);
    assert_eq!(count(AccountKind::Treasurer), 160);
    assert_eq!(count(AccountKind::Charity), 20);
    assert_eq!(count(AccountKind::PassThrough), 80);
    assert!(count(AccountKind::RingHelper) > 50);
    assert_eq!(AccountKind::ALL.iter().map(|&kind| count(kind)).sum::<usize>(), 20_000);
}

#[test]
fn rings_account_for_every_washed_receipt() {
    let market = Market::generate(&MarketConfig { accounts: 10_000, ..MarketConfig::default() }).unwrap();
    let mut kinds: Vec<_> = market.rings().iter().map(|ring| ring.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 4);
    let rows = market.transfers().columns();
    for ring in market.rings() {
        let washed: i64 = rows
            .iter()
            .zip(market.purposes())
            .filter(|(row, purpose)| purpose.is_washed() && row.payee == ring.merchant)
            .map(|(row, _)| {
                assert!(ring.helpers.contains(&row.payer));
                row.amount_minor
            })
            .sum();
        // What was still under way at the end of the period is not among the transfers.
        assert!(washed <= ring.washed_minor && washed * 10 >= ring.washed_minor * 9, "{ring:?} {washed}");
    }
}

#[test]
fn borrowers_come_out_near_the_reported_figures() {
    let market = Market::generate(&MarketConfig { accounts: 100_000, days: 182, ..MarketConfig::default() }).unwrap();
    let summary = BorrowingSummary::of(&market.borrowings(), 0, 182);
    assert!(summary.borrowers > 1_000, "{summary:?}");
    assert!((summary.mean_principal / 7_615.0 - 1.0).abs() < 0.05, "{summary:?}");
    assert!((summary.mean_used_days / 50.0 - 1.0).abs() < 0.05, "{summary:?}");
    assert!((summary.more_than_three_share - 0.35).abs() < 0.03, "{summary:?}");
}

#[test]
fn a_market_out_of_range_names_the_field() {
    let error = Market::generate(&MarketConfig { accounts: 5, ..MarketConfig::default() }).unwrap_err();
    assert_eq!(error.to_string(), "accounts is 5: from 1000 to 100000000");
    assert!(Market::generate(&MarketConfig { ring_share: f64::NAN, ..small() }).unwrap_err().is_invalid());
}
