//! The feature table of all accounts at once.

use dandelion_credit::features::{Feature, FeatureConfig, FeatureGroup, FeatureTable, extract, extract_exact};
use dandelion_credit::{AccountIndex, Progress, Scale, Transfer, TransferColumns, Transfers, UtcOffset};
use proptest::prelude::*;

use super::slow::Definition;

const ACCOUNTS: u32 = 6;

fn money_groups() -> FeatureConfig {
    FeatureConfig::of_groups(&[FeatureGroup::Flow, FeatureGroup::Timing, FeatureGroup::Amount])
}

/// Transfers among a few accounts within about two months, some at one instant, some refunds, some to oneself.
pub fn some_transfers(most: usize) -> impl Strategy<Value = Vec<Transfer>> {
    let one = (0..ACCOUNTS, 0..ACCOUNTS, -20i64..80, 0i64..60, 0i64..24);
    let transfer = |(payer, payee, amount, day, hour): (u32, u32, i64, i64, i64)| Transfer {
        payer: AccountIndex::new(payer),
        payee: AccountIndex::new(payee),
        amount_minor: amount,
        at_seconds: 1_500_000_000 + day * 86_400 + hour * hour * 100,
    };
    proptest::collection::vec(one.prop_map(transfer), 0..most)
}

fn table(transfers: &[Transfer], config: &FeatureConfig) -> FeatureTable<f64> {
    let transfers: Transfers = transfers.iter().copied().collect();
    extract_exact(&transfers.columns(), ACCOUNTS as usize, config, Progress::silent()).unwrap()
}

/// All cells as bits, so that undefined equals undefined.
pub fn bits(table: &FeatureTable<f64>) -> Vec<u64> {
    table.view().t().iter().map(|cell| cell.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_feature_is_what_its_definition_says(
        transfers in some_transfers(40), cut in 0i64..70, offset in -11i32..12, decimals in 0u8..3
    ) {
        let config = FeatureConfig {
            as_of_seconds: Some(1_500_000_000 + cut * 86_400),
            utc_offset: UtcOffset::from_seconds(offset * 3600).unwrap(),
            scale: Scale::new(decimals).unwrap(),
            ..money_groups()
        };
        let table = table(&transfers, &config);
        for account in 0..ACCOUNTS {
            let definition = Definition {
                account,
                transfers: &transfers,
                as_of: config.as_of_seconds.unwrap(),
                offset: config.utc_offset,
                minor_per_major: 10f64.powi(i32::from(decimals)),
            };
            let expected = definition.features();
            for &feature in table.features() {
                let found = table.value(AccountIndex::new(account), feature);
                match (found, expected.get(&feature)) {
                    (None, None) => {}
                    (Some(a), Some(b)) => {
                        prop_assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{feature} of {account}: {a} not {b}");
                    }
                    (a, b) => prop_assert!(false, "{feature} of {account}: {a:?} not {b:?}"),
                }
            }
        }
    }

    #[test]
    fn the_order_of_rows_changes_nothing(transfers in some_transfers(60), seed in any::<u64>()) {
        let config = money_groups();
        let mut other = transfers.clone();
        let mut state = seed;
        for place in (1..other.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.swap(place, (state >> 33) as usize % (place + 1));
        }
        prop_assert_eq!(bits(&table(&transfers, &config)), bits(&table(&other, &config)));
    }

    #[test]
    fn renaming_accounts_permutes_features(transfers in some_transfers(60)) {
        let config = money_groups();
        let renamed = |account: AccountIndex| AccountIndex::new((account.get() * 5 + 2) % ACCOUNTS);
        let other: Vec<Transfer> =
            transfers.iter().map(|t| Transfer { payer: renamed(t.payer), payee: renamed(t.payee), ..*t }).collect();
        let (one, other) = (table(&transfers, &config), table(&other, &config));
        for account in (0..ACCOUNTS).map(AccountIndex::new) {
            for &feature in one.features() {
                let (a, b) = (one.value(account, feature), other.value(renamed(account), feature));
                prop_assert_eq!(a.map(f64::to_bits), b.map(f64::to_bits), "{}", feature);
            }
        }
    }

    #[test]
    fn nothing_after_the_as_of_second_leaks_in(transfers in some_transfers(60), cut in 0i64..60) {
        let cut = 1_500_000_000 + cut * 86_400;
        let config = FeatureConfig { as_of_seconds: Some(cut), ..FeatureConfig::default() };
        let before: Vec<Transfer> = transfers.iter().filter(|t| t.at_seconds <= cut).copied().collect();
        prop_assert_eq!(bits(&table(&transfers, &config)), bits(&table(&before, &config)));
    }

    #[test]
    fn rounding_to_f32_is_all_that_sets_the_two_tables_apart(transfers in some_transfers(60)) {
        let transfers: Transfers = transfers.into_iter().collect();
        let own = |feature: &Feature| feature.info().group != FeatureGroup::Neighbourhood;
        let config = FeatureConfig::of_features(Feature::all().filter(own));
        let wide = extract_exact(&transfers.columns(), ACCOUNTS as usize, &config, Progress::silent()).unwrap();
        let narrow = extract(&transfers.columns(), ACCOUNTS as usize, &config, Progress::silent()).unwrap();
        for (a, b) in wide.view().iter().zip(narrow.view().iter()) {
            prop_assert_eq!((*a as f32).to_bits(), b.to_bits());
        }
        // Neighbourhood columns are made of rounded cells, and so are near but not the same.
        let config = FeatureConfig::of_groups(&[FeatureGroup::Neighbourhood]);
        let wide = extract_exact(&transfers.columns(), ACCOUNTS as usize, &config, Progress::silent()).unwrap();
        let narrow = extract(&transfers.columns(), ACCOUNTS as usize, &config, Progress::silent()).unwrap();
        for (a, b) in wide.view().iter().zip(narrow.view().iter()) {
            prop_assert!(a.is_nan() == b.is_nan() && (a.is_nan() || (a - f64::from(*b)).abs() <= 1e-5 * a.abs().max(1.0)));
        }
    }

    #[test]
    fn neighbourhood_is_taken_over_counterparties_where_it_is_defined(transfers in some_transfers(30)) {
        let table = table(&transfers, &FeatureConfig::default());
        for account in 0..ACCOUNTS {
            let others: std::collections::BTreeSet<u32> = transfers
                .iter()
                .map(|t| (t.payer.get(), t.payee.get()))
                .filter(|(a, b)| a != b && (*a == account || *b == account))
                .map(|(a, b)| a + b - account)
                .collect();
            let read = |name| {
                let feature = Feature::from_name(name).unwrap();
                others.iter().filter_map(|&other| table.value(AccountIndex::new(other), feature)).collect::<Vec<f64>>()
            };
            for base in ["degree", "local_clustering", "in_count", "in_amount", "pass_through", "active_days"] {
                let values = read(base);
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                let spread = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
                let max = values.iter().copied().fold(f64::NAN, f64::max);
                for (kind, expected) in [("mean", mean), ("spread", spread), ("max", max)] {
                    let feature = Feature::from_name(&format!("alter_{kind}_{base}")).unwrap();
                    let found = table.value(AccountIndex::new(account), feature);
                    let agrees = found.map_or(expected.is_nan(), |x| (x - expected).abs() <= 1e-9 * x.abs().max(1.0));
                    prop_assert!(agrees, "{} of {}: {:?} not {}", feature, account, found, expected);
                }
            }
        }
    }
}

#[test]
fn butterflies_are_two_payers_of_the_same_two_payees() {
    // 0 and 1 pay 2 and 3, 1 also pays 4, 0 pays 1.
    let columns = TransferColumns::of_pairs(&[0, 0, 1, 1, 1, 0, 0], &[2, 3, 2, 3, 4, 1, 2]);
    let table = extract(&columns, 6, &FeatureConfig::default(), Progress::silent()).unwrap();
    assert_eq!(table.column_named("butterflies").unwrap(), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert!(table.column_named("bipartite_clustering").unwrap()[5].is_nan());
}

/// A deterministic crowd that spans several buckets of accounts.
fn crowd(accounts: u32, transfers: u32) -> Transfers {
    let mut state = 7u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..transfers)
        .map(|row| Transfer {
            payer: AccountIndex::new(next(u64::from(accounts)) as u32),
            payee: AccountIndex::new((next(u64::from(accounts)) * next(100) / 100) as u32),
            amount_minor: next(100_000) as i64 - 2_000,
            at_seconds: i64::from(row) * 60,
        })
        .collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let transfers = crowd(5_000, 40_000);
    let config = FeatureConfig::default();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(&extract_exact(&transfers.columns(), 5_000, &config, Progress::silent()).unwrap()))
    };
    let one = on(1);
    assert!(one == on(2) && one == on(7));
}

#[test]
fn a_column_alone_is_the_column_of_the_whole_table() {
    let transfers = crowd(300, 6_000);
    let whole = extract_exact(&transfers.columns(), 300, &FeatureConfig::default(), Progress::silent()).unwrap();
    for feature in Feature::all() {
        let config = FeatureConfig::of_features([feature]);
        let alone = extract_exact(&transfers.columns(), 300, &config, Progress::silent()).unwrap();
        let bits = |table: &FeatureTable<f64>| -> Vec<u64> {
            table.column(feature).unwrap().iter().map(|cell| cell.to_bits()).collect()
        };
        assert!(bits(&alone) == bits(&whole), "{feature}");
    }
}

#[test]
fn values_stay_in_the_range_the_catalogue_states() {
    let transfers: Transfers =
        crowd(300, 6_000).columns().iter().map(|t| Transfer { amount_minor: t.amount_minor.abs(), ..t }).collect();
    let table = extract_exact(&transfers.columns(), 300, &FeatureConfig::default(), Progress::silent()).unwrap();
    for &feature in table.features() {
        let range = feature.info().range.split(' ').next().unwrap();
        let Some((low, high)) = range.split_once("..").filter(|_| range != "any") else { continue };
        let low: f64 = low.parse().unwrap();
        let high: f64 = high.parse().unwrap_or(f64::INFINITY);
        for cell in table.column(feature).unwrap().iter().filter(|cell| !cell.is_nan()) {
            assert!((low - 1e-12..=high + 1e-12).contains(cell), "{feature}: {cell} not in {range}");
        }
    }
}

#[test]
fn without_amounts_or_times_what_needs_them_is_undefined() {
    let columns = TransferColumns::of_pairs(&[0, 1, 1, 2], &[1, 0, 2, 2]);
    let table = extract(&columns, 3, &FeatureConfig::default(), Progress::silent()).unwrap();
    assert_eq!((table.transfers(), table.self_transfers(), table.as_of_seconds()), (4, 1, None));
    for &feature in table.features() {
        let column = table.column(feature).unwrap();
        match feature.info().group {
            FeatureGroup::Timing | FeatureGroup::Amount => {
                assert!(column.iter().all(|cell| cell.is_nan()), "{feature}");
            }
            _ => {}
        }
    }
    assert_eq!(table.column_named("in_count").unwrap(), [1.0, 1.0, 1.0]);
    assert_eq!(table.column_named("payer_hhi").unwrap(), [1.0, 1.0, 1.0]);
    assert_eq!(table.column_named("count_reciprocity").unwrap(), [1.0, 2.0 / 3.0, 0.0]);
}

#[test]
fn an_empty_world_has_an_empty_table() {
    let table = extract(&TransferColumns::default(), 0, &FeatureConfig::default(), Progress::silent()).unwrap();
    assert_eq!(table.view().dim(), (0, Feature::COUNT));
    let table = extract(&TransferColumns::default(), 2, &FeatureConfig::default(), Progress::silent()).unwrap();
    assert_eq!(table.column_named("degree").unwrap(), [0.0, 0.0]);
    assert!(table.column_named("local_clustering").unwrap().iter().all(|cell| cell.is_nan()));
}

#[test]
fn the_door_refuses_what_cannot_be_meant() {
    let columns = TransferColumns::of_pairs(&[0], &[9]);
    let refused = |config: &FeatureConfig| extract(&columns, 3, config, Progress::silent()).unwrap_err();
    assert!(refused(&FeatureConfig::default()).is_unknown());
    let twice = FeatureConfig::of_features([Feature::Degree, Feature::Degree]);
    assert!(extract(&TransferColumns::default(), 3, &twice, Progress::silent()).unwrap_err().is_invalid());
    let stop = |_| std::ops::ControlFlow::Break(());
    let stopped = extract(&TransferColumns::of_pairs(&[0], &[1]), 2, &money_groups(), Progress::new(&stop));
    assert!(stopped.unwrap_err().is_cancelled());
}

#[test]
fn a_table_travels_through_serde_and_bad_ones_are_refused() {
    let transfers = crowd(20, 100);
    let table = extract_exact(&transfers.columns(), 20, &FeatureConfig::default(), Progress::silent()).unwrap();
    let text = serde_json::to_string(&table).unwrap();
    let back: FeatureTable<f64> = serde_json::from_str(&text).unwrap();
    assert_eq!(bits(&back), bits(&table));
    assert_eq!(back.self_transfers(), table.self_transfers());
    for (from, to) in [
        ("\"catalogue_version\":1", "\"catalogue_version\":999"),
        ("\"accounts\":20", "\"accounts\":21"),
        ("\"degree\"", "\"karma\""),
        ("\"degree\"", "\"in_degree\""),
    ] {
        assert!(text.contains(from));
        assert!(serde_json::from_str::<FeatureTable<f64>>(&text.replacen(from, to, 1)).is_err(), "{to}");
    }
}
