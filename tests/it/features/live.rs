//! Live features have, at every moment, the bits that a batch over the same window gives.

use dandelion_credit::features::{Feature, FeatureConfig, LiveConfig, LiveFeatures, LiveRow, Side, extract_exact};
use dandelion_credit::{AccountIndex, Progress, Scale, Transfer, Transfers, UtcOffset};
use proptest::prelude::*;

const ACCOUNTS: u32 = 5;
const DAY: i64 = 86_400;

fn config(window_days: u32, slack_seconds: u32) -> LiveConfig {
    LiveConfig {
        window_days,
        slack_seconds,
        utc_offset: UtcOffset::from_seconds(8 * 3600).unwrap(),
        ..LiveConfig::default()
    }
}

fn bits(row: &LiveRow) -> Vec<u64> {
    row.values().map(f64::to_bits).collect()
}

/// The slow twin: remembers every transfer and extracts a whole table whenever it is asked.
struct Twin {
    config: LiveConfig,
    all: Vec<Transfer>,
    newest: i64,
}

impl Twin {
    fn window(&self) -> Vec<Transfer> {
        let oldest = self.newest - i64::from(self.config.window_days) * DAY;
        self.all.iter().filter(|t| t.at_seconds > oldest).copied().collect()
    }

    fn rows(&self) -> Vec<Vec<u64>> {
        let transfers: Transfers = self.window().into_iter().collect();
        let config = FeatureConfig {
            as_of_seconds: Some(self.newest),
            utc_offset: self.config.utc_offset,
            scale: self.config.scale,
            ..FeatureConfig::of_features(LiveRow::features())
        };
        let table = extract_exact(&transfers.columns(), ACCOUNTS as usize, &config, Progress::silent()).unwrap();
        table.view().rows().into_iter().map(|row| row.iter().map(|cell| cell.to_bits()).collect()).collect()
    }
}

fn same_as_batch(live: &LiveFeatures, twin: &Twin) -> Result<(), TestCaseError> {
    for (account, expected) in twin.rows().iter().enumerate() {
        let found = live.row(AccountIndex::new(account as u32));
        for (feature, (a, b)) in LiveRow::features().zip(bits(&found).iter().zip(expected)) {
            let (x, y) = (f64::from_bits(*a), f64::from_bits(*b));
            prop_assert!(a == b || x.is_nan() && y.is_nan(), "{} of {}: {} not {}", feature, account, x, y);
        }
    }
    Ok(())
}

fn restart(live: &LiveFeatures) -> LiveFeatures {
    serde_json::from_str(&serde_json::to_string(live).unwrap()).unwrap()
}

/// A stream nearly in order: gap to the one before, how late it comes, payer, payee, amount, what else happens.
fn stream(most: usize) -> impl Strategy<Value = Vec<(i64, i64, u32, u32, i64, u8)>> {
    let gap = prop_oneof![4 => 0i64..8 * 3600, 1 => 0i64..6 * DAY, 1 => Just(0)];
    let late = prop_oneof![3 => Just(0), 1 => 0i64..2 * DAY];
    proptest::collection::vec((gap, late, 0..ACCOUNTS, 0..ACCOUNTS, -30i64..300, any::<u8>()), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn live_equals_batch_after_every_prefix(stream in stream(90), window_days in 3u32..12) {
        let slack = 2 * DAY as u32;
        let mut live = LiveFeatures::new(&config(window_days, slack)).unwrap();
        let mut twin = Twin { config: config(window_days, slack), all: Vec::new(), newest: 0 };
        let mut clock = 1_600_000_000;
        for (gap, late, payer, payee, amount_minor, what) in stream {
            clock += gap;
            let transfer = Transfer {
                payer: AccountIndex::new(payer),
                payee: AccountIndex::new(payee),
                amount_minor,
                at_seconds: clock - late,
            };
            twin.newest = twin.newest.max(transfer.at_seconds);
            if payer != payee {
                twin.all.push(transfer);
            }
            let rows = live.push(transfer).unwrap();
            let after = [Side::Payer, Side::Payee].map(|side| rows.row(0, side));
            prop_assert_eq!(bits(&after[0]), bits(&live.row(transfer.payer)));
            prop_assert_eq!(bits(&after[1]), bits(&live.row(transfer.payee)));
            same_as_batch(&live, &twin)?;
            match what % 16 {
                0 => {
                    live = restart(&live);
                    same_as_batch(&live, &twin)?;
                }
                1 | 2 => {
                    let window = twin.window();
                    if let Some(&gone) = window.get(usize::from(what) % window.len().max(1)) {
                        live.retract(&gone).unwrap();
                        let place = twin.all.iter().position(|t| *t == gone).unwrap();
                        twin.all.remove(place);
                        same_as_batch(&live, &twin)?;
                    }
                }
                3 => {
                    clock += DAY;
                    twin.newest = twin.newest.max(clock);
                    live.advance_to(clock).unwrap();
                    same_as_batch(&live, &twin)?;
                }
                _ => {}
            }
            prop_assert_eq!(live.transfers(), twin.window().len() as u64);
        }
        // Long after, nothing is left.
        live.advance_to(clock + 400 * DAY).unwrap();
        prop_assert_eq!((live.transfers(), live.accounts(), live.graph().relations()), (0, 0, 0));
    }

    #[test]
    fn permuting_rows_inside_the_slack_changes_nothing(stream in stream(60), seed in any::<u64>()) {
        let slack = 2 * DAY;
        let mut clock = 1_600_000_000;
        let transfers: Vec<Transfer> = stream
            .iter()
            .map(|&(gap, _, payer, payee, amount_minor, _)| {
                clock += gap;
                let [payer, payee] = [payer, payee].map(AccountIndex::new);
                Transfer { payer, payee, amount_minor, at_seconds: clock }
            })
            .collect();
        // Sorting by time plus up to one slack moves no transfer behind one that is a slack younger.
        let mut state = seed;
        let mut order: Vec<(i64, usize)> = transfers
            .iter()
            .enumerate()
            .map(|(place, transfer)| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (transfer.at_seconds + (state >> 33) as i64 % slack, place)
            })
            .collect();
        order.sort_unstable();
        let run = |order: &mut dyn Iterator<Item = usize>| {
            let mut live = LiveFeatures::new(&config(5, slack as u32)).unwrap();
            order.for_each(|place| {
                live.push(transfers[place]).unwrap();
            });
            live
        };
        let (one, other) = (run(&mut (0..transfers.len())), run(&mut order.iter().map(|(_, place)| *place)));
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        for account in (0..ACCOUNTS).map(AccountIndex::new) {
            prop_assert_eq!(bits(&one.row(account)), bits(&other.row(account)));
        }
    }
}

/// Many accounts, a few shops among them, in order of time.
fn market(accounts: u64, transfers: usize) -> Vec<Transfer> {
    let mut state = 11u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..transfers)
        .map(|row| Transfer {
            payer: AccountIndex::new(next(accounts) as u32),
            payee: AccountIndex::new(if next(3) == 0 { next(5) } else { next(accounts) } as u32),
            amount_minor: next(20_000) as i64 - 500,
            at_seconds: 1_700_000_000 + row as i64 * 90,
        })
        .collect()
}

#[test]
fn batches_and_threads_change_no_bit() {
    let transfers = market(400, 9_000);
    let run = |size: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut live = LiveFeatures::new(&config(3, 0)).unwrap();
            let mut seen: Vec<u64> = Vec::new();
            for batch in transfers.chunks(size) {
                let rows = live.push_batch(batch).unwrap();
                for place in 0..rows.len() {
                    seen.extend([Side::Payer, Side::Payee].iter().flat_map(|&side| bits(&rows.row(place, side))));
                }
            }
            seen
        })
    };
    let one = run(1, 1);
    for (size, threads) in [(7, 2), (64, 1), (500, 2), (4_096, 3)] {
        assert!(run(size, threads) == one, "batches of {size} on {threads} threads");
    }
}

#[test]
fn busy_accounts_equal_batch_too() {
    let transfers = market(60, 4_000);
    let live_config = LiveConfig { scale: Scale::WHOLE, ..config(2, 0) };
    let mut live = LiveFeatures::new(&live_config).unwrap();
    for (place, transfer) in transfers.iter().enumerate() {
        live.push(*transfer).unwrap();
        if place % 500 == 499 {
            let oldest = transfer.at_seconds - 2 * DAY;
            let window: Transfers = transfers[..=place].iter().filter(|t| t.at_seconds > oldest).copied().collect();
            let batch_config = FeatureConfig {
                utc_offset: live_config.utc_offset,
                scale: live_config.scale,
                ..FeatureConfig::of_features(LiveRow::features())
            };
            let table = extract_exact(&window.columns(), 60, &batch_config, Progress::silent()).unwrap();
            for account in (0..60).map(AccountIndex::new) {
                for feature in LiveRow::features() {
                    let (a, b) = (live.row(account).value(feature), table.value(account, feature));
                    assert_eq!(a.map(f64::to_bits), b.map(f64::to_bits), "{feature} of {account}");
                }
            }
        }
    }
}

#[test]
fn the_door_refuses_and_takes_nothing() {
    let [a, b] = [0, 1].map(AccountIndex::new);
    let pay = |amount_minor, at_seconds| Transfer { payer: a, payee: b, amount_minor, at_seconds };
    let mut live = LiveFeatures::new(&config(5, 60)).unwrap();
    live.push(pay(100, 1_000)).unwrap();
    let error = live.push_batch(&[pay(1, 1_010), pay(1, 949)]).unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().starts_with("transfer 1 of the batch: at_seconds is 949"), "{error}");
    assert_eq!((live.transfers(), live.newest_seconds()), (1, Some(1_000)));
    assert!(live.push(pay(i64::MIN, 1_000)).unwrap_err().is_overflow());
    assert!(live.push(pay(i64::MAX, 1_000)).unwrap_err().is_overflow());
    assert!(live.push(pay(1, i64::MAX)).unwrap_err().is_invalid());
    assert!(live.advance_to(i64::MIN).unwrap_err().is_invalid());
    assert!(live.retract(&pay(99, 1_000)).unwrap_err().is_unknown());
    live.retract(&pay(100, 1_000)).unwrap();
    assert!(live.retract(&pay(100, 1_000)).unwrap_err().is_unknown());
    assert_eq!(live.row(b).value(Feature::InCount), Some(0.0));
    assert!(LiveFeatures::new(&LiveConfig { window_days: 0, ..LiveConfig::default() }).unwrap_err().is_invalid());
    let slack = LiveConfig { window_days: 1, slack_seconds: 86_400, ..LiveConfig::default() };
    assert!(LiveFeatures::new(&slack).unwrap_err().is_invalid());
}

#[test]
fn a_snapshot_that_cannot_be_is_refused() {
    let mut live = LiveFeatures::new(&config(5, 60)).unwrap();
    let [payer, payee] = [0, 1].map(AccountIndex::new);
    live.push(Transfer { payer, payee, amount_minor: 700, at_seconds: 1_000_000 }).unwrap();
    let text = serde_json::to_string(&live).unwrap();
    for (from, to) in [
        ("\"newest_seconds\":1000000", "\"newest_seconds\":9000000"),
        ("\"newest_seconds\":1000000", "\"newest_seconds\":999999"),
        ("\"newest_seconds\":1000000", "\"newest_seconds\":null"),
        ("\"payee\":[1]", "\"payee\":[0]"),
        ("\"payee\":[1]", "\"payee\":[1,2]"),
        ("\"window_days\":5", "\"window_days\":0"),
        ("\"catalogue_version\":1", "\"catalogue_version\":2"),
        ("[700]", "[700000000000000000000]"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        assert!(serde_json::from_str::<LiveFeatures>(&text.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn without_amounts_live_equals_batch_without_amounts() {
    let transfers: Vec<Transfer> = market(30, 600).iter().map(|t| Transfer { amount_minor: 0, ..*t }).collect();
    let live_config = LiveConfig { without_amounts: true, ..config(90, 0) };
    let mut live = LiveFeatures::new(&live_config).unwrap();
    live.push_batch(&transfers).unwrap();
    let owned: Transfers = transfers.iter().copied().collect();
    let columns = dandelion_credit::TransferColumns { amount_minor: None, ..owned.columns() };
    let batch_config =
        FeatureConfig { utc_offset: live_config.utc_offset, ..FeatureConfig::of_features(LiveRow::features()) };
    let table = extract_exact(&columns, 30, &batch_config, Progress::silent()).unwrap();
    for account in (0..30).map(AccountIndex::new) {
        for feature in LiveRow::features() {
            let (a, b) = (live.row(account).value(feature), table.value(account, feature));
            assert_eq!(a.map(f64::to_bits), b.map(f64::to_bits), "{feature} of {account}");
        }
    }
}

#[test]
fn times_that_are_all_midnight_tell_no_hour() {
    let [payer, payee] = [0, 1].map(AccountIndex::new);
    let pay = |at_seconds| Transfer { payer, payee, amount_minor: 100, at_seconds };
    let china = UtcOffset::from_seconds(8 * 3600).unwrap();
    for (utc_offset, midnight) in [(UtcOffset::UTC, 0), (china, 0), (china, 16 * 3600)] {
        let mut live = LiveFeatures::new(&LiveConfig { window_days: 10, utc_offset, ..LiveConfig::default() }).unwrap();
        let mut night_after = |at_seconds| {
            live.push(pay(at_seconds)).unwrap();
            let row = live.row(payee);
            assert_eq!(row.value(Feature::NightShare).is_some(), row.value(Feature::HourEntropy).is_some());
            assert!(row.value(Feature::WeekendShare).is_some());
            row.value(Feature::NightShare).is_some()
        };
        assert!(!night_after(midnight) && !night_after(DAY + midnight));
        // One time that tells the hour is enough, and is forgotten with the window.
        assert!(night_after(2 * DAY + midnight + 61) && night_after(11 * DAY + midnight));
        assert!(!night_after(30 * DAY + midnight));

        let days: Transfers = (0..5).map(|day| pay(day * DAY + midnight)).collect();
        let batch_config = FeatureConfig { utc_offset, ..FeatureConfig::default() };
        let table = extract_exact(&days.columns(), 2, &batch_config, Progress::silent()).unwrap();
        for feature in [Feature::NightShare, Feature::HourEntropy, Feature::PassThroughHour] {
            assert_eq!(table.value(payee, feature), None, "{feature}");
        }
        assert_eq!(table.value(payee, Feature::PassThroughDay), Some(0.0));
    }
}
