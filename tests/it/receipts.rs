//! Laws and figures of the `receipts` room, seen from outside.

use dandelion_credit::receipts::{
    BacktestConfig, CONDITION_CATALOGUE, Condition, ConditionConfig, DailyPanel, DailyPanelBuilder, DailySeries,
    ForecastConfig, ForecastModel, Forecasts, Gaps, Outlook, Receipt, Receipts, RowsByAccount, SegmentNorms,
    backtest_forecast, condition, condition_of_panel, condition_of_series, condition_of_transfers, forecast, pinball,
    segment_norms,
};
use dandelion_credit::{AccountIndex, Progress, Transfer, Transfers, UtcOffset};
use proptest::prelude::*;

/// Numbers in 0..1 that are the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.roll()).sum::<f64>() - 6.0
    }
}

fn panel_of(series: &[Vec<i64>], last_day: i32) -> DailyPanel {
    let mut offsets = vec![0u64];
    let mut amounts = Vec::new();
    for days in series {
        amounts.extend_from_slice(days);
        offsets.push(amounts.len() as u64);
    }
    DailyPanel::new(last_day, offsets, amounts).unwrap()
}

/// Shops of four kinds in turn: steady, closed on one weekday, intermittent, drifting.
fn shops(count: usize, days: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut dice = Dice(seed);
    let mut one = |kind: usize| {
        let size = 2_000.0 * (1.2 * dice.bell()).exp();
        let mut drift = 0.0;
        (0..days)
            .map(|day| {
                drift += if kind == 3 { 0.03 * dice.bell() } else { 0.0 };
                let open = match kind {
                    1 => day % 7 != 3,
                    2 => dice.roll() < 0.2,
                    _ => true,
                };
                if open { (size * (drift + 0.35 * dice.bell()).exp()) as i64 } else { 0 }
            })
            .collect()
    };
    (0..count).map(|shop| one(shop % 4)).collect()
}

fn told(series: &[Vec<i64>], config: &ForecastConfig) -> Forecasts {
    forecast(&panel_of(series, 19_000), config, Progress::silent()).unwrap()
}

const LEVELS: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

#[test]
fn eight_in_ten_totals_fall_between_the_outer_tenths() {
    // Learn on the first 200 days, look at the 30 days after them.
    let shops = shops(400, 230, 7);
    let past: Vec<Vec<i64>> = shops.iter().map(|days| days[..200].to_vec()).collect();
    let forecasts = told(&past, &ForecastConfig::default());
    let (mut within, mut below) = (0, 0);
    for (shop, days) in shops.iter().enumerate() {
        let total: i64 = days[200..].iter().sum();
        let quantiles = forecasts.total_minor(shop);
        within += usize::from((quantiles[0]..=quantiles[4]).contains(&total));
        below += usize::from(total < quantiles[2]);
    }
    assert!((290..=350).contains(&within), "{within} of 400");
    assert!((160..=240).contains(&below), "{below} of 400 below the median");
    assert!(
        forecasts
            .model
            .summary()
            .iter()
            .filter(|class| class.origins > 500)
            .all(|class| class.falls_back == (class.loss_ratio > 1.0))
    );
}

#[test]
fn totals_are_not_sums_of_daily_quantiles() {
    let forecasts = told(&shops(80, 200, 3), &ForecastConfig { daily: true, ..ForecastConfig::default() });
    let (mut narrower, mut steady) = (0, 0);
    for shop in (0..80).step_by(4) {
        let daily = forecasts.daily_minor(shop);
        let sum = |level: usize| daily.chunks_exact(5).map(|day| day[level]).sum::<i64>();
        let total = forecasts.total_minor(shop);
        steady += 1;
        narrower += usize::from(total[4] - total[0] < (sum(4) - sum(0)) / 2);
    }
    assert!(narrower > steady * 3 / 4, "{narrower} of {steady}: errors of independent days cancel in the total");
}

#[test]
fn quantiles_rise_with_their_level_and_none_is_below_zero() {
    for horizon_days in [1, 7, 30, 45, 180] {
        let config = ForecastConfig { horizon_days, daily: true, ..ForecastConfig::default() };
        let forecasts = told(&shops(60, 300, 11), &config);
        for shop in 0..60 {
            let rises = |quantiles: &[i64]| quantiles.is_sorted() && quantiles[0] >= 0;
            assert!(rises(forecasts.total_minor(shop)));
            assert!(forecasts.daily_minor(shop).chunks_exact(LEVELS.len()).all(rises));
        }
    }
}

#[test]
fn the_same_bits_on_any_thread_count_and_alone() {
    let shops = shops(90, 150, 5);
    let config = ForecastConfig { daily: true, ..ForecastConfig::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| told(&shops, &config))
    };
    let one = on(1);
    assert_eq!(one, on(3));
    for (shop, days) in shops.iter().enumerate() {
        let series = DailySeries::new(19_000 - 149, days.clone()).unwrap();
        let alone = one.model.forecast_one(&series, 0, &LEVELS).unwrap();
        assert_eq!(alone.total_minor, one.total_minor(shop));
        assert_eq!(alone.daily_minor, one.daily_minor(shop));
    }
}

#[test]
fn a_model_that_was_kept_answers_the_same() {
    let forecasts = told(&shops(40, 120, 9), &ForecastConfig::default());
    let json = serde_json::to_string(&forecasts.model).unwrap();
    let kept: ForecastModel = serde_json::from_str(&json).unwrap();
    assert_eq!(kept, forecasts.model);
    for (from, to) in [("\"version\":1", "\"version\":2"), ("\"horizon_days\":30", "\"horizon_days\":0")] {
        let broken = json.replacen(from, to, 1);
        assert!(broken != json && serde_json::from_str::<ForecastModel>(&broken).is_err());
    }
    assert!(serde_json::from_str::<ForecastModel>(&json.replacen("\"weights\":[", "\"weights\":[0.5,", 1)).is_err());
}

#[test]
fn twice_the_money_is_twice_the_forecast() {
    let shops = shops(60, 200, 21);
    let double: Vec<Vec<i64>> = shops.iter().map(|days| days.iter().map(|amount| 2 * amount).collect()).collect();
    let (single, double) = (told(&shops, &ForecastConfig::default()), told(&double, &ForecastConfig::default()));
    for (single, double) in single.total_minor.iter().zip(&double.total_minor) {
        assert!((2 * single - double).abs() as f64 <= 4.0 + 1e-6 * *single as f64, "{single} {double}");
    }
}

#[test]
fn odd_histories_get_defined_answers() {
    let mut spike = vec![0i64; 400];
    spike[200] = 100_000_000_000_000;
    let mut last = vec![0i64; 3_650];
    last[3_649] = 1;
    let mut refunds = vec![500i64; 100];
    refunds[99] = -900_000;
    let odd = vec![
        vec![],
        vec![7],
        vec![0; 3_650],
        last,
        spike,
        refunds,
        vec![-5; 90],
        vec![i64::MAX],
        (0..300).map(|day| if day == 0 { 5_000 } else { 0 }).collect(),
        vec![i64::MAX / 400; 300],
    ];
    for horizon_days in [1, 30, 180] {
        let config = ForecastConfig { horizon_days, daily: true, ..ForecastConfig::default() };
        for series in [odd.clone(), odd[3..5].to_vec(), vec![vec![]], Vec::new()] {
            let forecasts = told(&series, &config);
            assert!(forecasts.total_minor.iter().chain(&forecasts.daily_minor).all(|&minor| minor >= 0));
            for (shop, days) in series.iter().enumerate() {
                if days.iter().rev().take(1_096).all(|&amount| amount == 0) {
                    assert_eq!(forecasts.total_minor(shop), [0; 5], "nothing received, nothing forecast");
                }
            }
        }
    }
    let table = condition_of_panel(&panel_of(&odd, 19_000), &ConditionConfig::default(), Progress::silent()).unwrap();
    for shop in 0..odd.len() {
        assert!(table.condition(shop).values().flatten().all(f64::is_finite), "{:?}", table.condition(shop));
        assert!(!table.condition(shop).sentence().is_empty());
    }
    assert_eq!(table.condition(2).outlook(), Outlook::Stopped);
    assert_eq!(table.condition(1).outlook(), Outlook::Thin);
}

#[test]
fn bad_questions_are_errors() {
    let panel = panel_of(&[vec![1, 2, 3]], 10);
    let asks = |config: ForecastConfig| forecast(&panel, &config, Progress::silent()).unwrap_err().to_string();
    let usual = ForecastConfig::default;
    assert_eq!(asks(ForecastConfig { horizon_days: 181, ..usual() }), "horizon_days is 181: from 1 to 180 days");
    assert_eq!(asks(ForecastConfig { levels: vec![0.5, 1.0], ..usual() }), "level is 1: strictly between 0 and 1");
    assert!(asks(ForecastConfig { levels: vec![f64::NAN], ..usual() }).starts_with("level is NaN"));
    assert!(asks(ForecastConfig { levels: vec![0.5, 0.5], ..usual() }).contains("levels rise"));
    assert!(asks(ForecastConfig { origins: 0, ..usual() }).contains("origins is 0"));
    let stop = |_| std::ops::ControlFlow::Break(());
    assert!(forecast(&panel, &usual(), Progress::new(&stop)).unwrap_err().is_cancelled());
    let norms = vec![SegmentNorms { ratio_30_90: f64::NAN, ..SegmentNorms::default() }];
    let config = ConditionConfig { norms, ..ConditionConfig::default() };
    assert!(condition_of_panel(&panel, &config, Progress::silent()).unwrap_err().is_invalid());
}

#[test]
fn a_growing_a_steady_a_dying_and_a_stopped_shop_are_told_apart() {
    let mut dice = Dice(2);
    let mut series = |f: &dyn Fn(f64) -> f64| -> Vec<i64> {
        (0..200).map(|day| (f(f64::from(day)) * (0.1 * dice.bell()).exp()) as i64).collect()
    };
    let shops = [
        series(&|day| 1_000.0 * (0.006 * day).exp()),
        series(&|_| 1_000.0),
        series(&|day| 5_000.0 * (-0.01 * day).exp()),
        series(&|day| if day < 170.0 { 1_000.0 } else { 0.0 }),
    ];
    let table = condition_of_panel(&panel_of(&shops, 19_000), &ConditionConfig::default(), Progress::silent()).unwrap();
    let outlooks: Vec<&str> = (0..4).map(|shop| table.condition(shop).outlook().word()).collect();
    assert_eq!(outlooks, ["growing", "steady", "declining", "stopped"]);
    let growth = table.condition(0).get("trend_30d").unwrap();
    assert!((growth - 0.197).abs() < 0.05, "exp(0.006 x 30) - 1 = 0.197, found {growth}");
    assert!(table.condition(2).sentence().starts_with("declining: -"));
    assert_eq!(table.condition(3).get("days_since_last_receipt"), Some(30.0));
}

#[test]
fn a_season_that_came_last_year_is_no_decline() {
    // A seaside kiosk: three times as much in one quarter of each year.
    let kiosk: Vec<i64> = (0..728).map(|day| if day % 364 < 91 { 3_000 } else { 1_000 }).collect();
    let judged = kiosk[..364 + 91 + 40].to_vec();
    let series = DailySeries::new(0, judged).unwrap();
    let condition = condition_of_series(&series, 0, &ConditionConfig::default()).unwrap();
    assert_eq!(condition.outlook(), Outlook::Seasonal, "{}", condition.sentence());
    assert_eq!(condition.get("year_ago_ratio_30d"), Some(1.0));
}

#[test]
fn closing_for_new_year_is_neither_silence_nor_decline() {
    let closed = 150..165;
    let days: Vec<i64> = (0..168).map(|day| if closed.contains(&day) { 0 } else { 1_000 + day % 7 }).collect();
    let series = DailySeries::new(0, days).unwrap();
    let holidays = ConditionConfig { holidays: closed.map(|day| day as i32).collect(), ..ConditionConfig::default() };
    let told = condition_of_series(&series, 0, &holidays).unwrap();
    let untold = condition_of_series(&series, 0, &ConditionConfig::default()).unwrap();
    assert_eq!((told.get("longest_zero_streak_180d"), untold.get("longest_zero_streak_180d")), (Some(0.0), Some(15.0)));
    assert_eq!((told.get("weak_week_share"), told.get("holiday_factor")), (Some(0.0), Some(0.0)));
    assert!(untold.get("weak_week_share").unwrap() > 0.05);
    // On the evening before the last closed day: fourteen days without a sale, none of them a working day.
    let [told, untold] = [&holidays, &ConditionConfig::default()]
        .map(|config| condition_of_series(&series.until(163), 0, config).unwrap());
    let silence = |condition: &Condition| condition.get("days_since_last_receipt");
    assert_eq!((silence(&told), told.outlook()), (Some(0.0), Outlook::Steady));
    assert_eq!((silence(&untold), untold.outlook()), (Some(14.0), Outlook::Stopped));
}

#[test]
fn unknown_days_are_no_days_of_silence() {
    let dated = (0..140).filter(|day| day % 3 == 0).map(|day| (day, 900));
    let unknown = DailySeries::from_dated(dated, 0, 139, Gaps::Unknown).unwrap();
    let condition = condition_of_series(&unknown, 0, &ConditionConfig::default()).unwrap();
    assert_eq!(condition.get("active_day_ratio_90d"), Some(1.0));
    assert_eq!(condition.get("longest_zero_streak_180d"), Some(0.0));
    assert_eq!(condition.get("days_since_last_receipt"), Some(0.0));
}

#[test]
fn norms_of_a_segment_say_what_is_usual_there() {
    let mut series = vec![vec![1_000; 200]; 20];
    series.extend(vec![(0..200).map(|day| if day < 170 { 1_000 } else { 0 }).collect::<Vec<i64>>(); 20]);
    let segments = (0..40).map(|shop| u32::from(shop >= 20)).collect();
    let panel = panel_of(&series, 19_000).with_segments(segments).unwrap();
    let norms = segment_norms(&panel, &ConditionConfig::default(), Progress::silent()).unwrap();
    assert_eq!(norms[0].ratio_30_90, 1.0);
    assert!(norms[0].stop_rate_30d[1] < 0.011 && norms[1].stop_rate_30d[1] > 0.5, "{norms:?}");
    let config = ConditionConfig { norms, ..ConditionConfig::default() };
    let table = condition_of_panel(&panel, &config, Progress::silent()).unwrap();
    assert_eq!(table.condition(0).get("growth_against_segment"), Some(0.0));
    assert!(table.condition(39).get("segment_stop_rate_30d").unwrap() > 0.5);
}

/// The slow twin cuts, learns, forecasts and adds up by hand.
#[test]
fn a_backtest_is_what_forecasting_the_past_would_have_given() {
    let shops = shops(80, 260, 17);
    let segments: Vec<u32> = (0..80).map(|shop| shop % 2).collect();
    let panel = panel_of(&shops, 19_000).with_segments(segments).unwrap();
    let config = BacktestConfig { origins: 2, step_days: 14, ..BacktestConfig::default() };
    let backtest = backtest_forecast(&panel, &config, Progress::silent()).unwrap();
    let (mut loss, mut covered, mut count) = (0.0, 0, 0);
    for back in [30, 44] {
        let said = forecast(&panel.until(19_000 - back), &config.forecast, Progress::silent()).unwrap();
        for (shop, days) in shops.iter().enumerate().filter(|(shop, _)| shop % 2 == 1) {
            let seen = days.len() - back as usize;
            let total: i64 = days[seen..seen + 30].iter().sum();
            let quantiles = said.total_minor(shop);
            covered += usize::from((quantiles[0]..=quantiles[8]).contains(&total));
            count += 1;
            for (&level, &quantile) in said.levels.iter().zip(quantiles) {
                loss += pinball(total as f64, quantile as f64, level) / 9.0;
            }
        }
    }
    let odd = &backtest.by_segment[1];
    assert_eq!((odd.segment, odd.forecasts, backtest.all.forecasts), (Some(1), count, 160));
    assert!((odd.pinball_minor - loss / count as f64).abs() < 1e-6 * odd.pinball_minor);
    assert!((odd.coverage - f64::from(covered as u32) / count as f64).abs() < 1e-12);
    assert!(backtest.all.loss_ratio() < 1.0 && backtest.all.mase.unwrap() < 1.0, "{:?}", backtest.all);
    assert!(backtest.all.levels.windows(2).all(|pair| pair[0].below <= pair[1].below));
    let none = BacktestConfig { origins: 0, ..config };
    assert!(backtest_forecast(&panel, &none, Progress::silent()).unwrap_err().is_invalid());
}

/// Shops that sell twice as much in one month of the year are expected to do so again.
#[test]
fn a_feast_that_filled_all_shops_last_year_is_expected_again() {
    let mut dice = Dice(4);
    let shops: Vec<Vec<i64>> = (0..60)
        .map(|_| {
            let size = 3_000.0 * (0.8 * dice.bell()).exp();
            let feast = |day: i32| if (300..328).contains(&(day % 364)) { 2.0 } else { 1.0 };
            (0..364 + 300).map(|day| (size * feast(day) * (0.2 * dice.bell()).exp()) as i64).collect()
        })
        .collect();
    let config = ForecastConfig { horizon_days: 28, ..ForecastConfig::default() };
    let forecasts = told(&shops, &config);
    let risen = (0..60).filter(|&shop| {
        let month: i64 = shops[shop][shops[shop].len() - 28..].iter().sum();
        forecasts.total_minor(shop)[2] > month * 13 / 10
    });
    assert!(risen.count() >= 55, "the season is followed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The batch path and one merchant alone are two ways to the same numbers, and neither sees later transfers.
    #[test]
    fn the_batch_tells_what_each_merchant_alone_tells(
        rows in prop::collection::vec((0u32..5, 0u32..5, -2_000i64..9_000, 0i64..200 * 86_400), 0..120),
        last_day in 0i32..210,
    ) {
        let transfers: Transfers = rows.iter().map(|&(payer, payee, amount_minor, at_seconds)| Transfer {
            payer: AccountIndex::new(payer), payee: AccountIndex::new(payee), amount_minor, at_seconds,
        }).collect();
        let columns = transfers.columns();
        let config = ConditionConfig { utc_offset: UtcOffset::from_seconds(8 * 3_600).unwrap(), ..Default::default() };
        let merchants: Vec<AccountIndex> = (0..5).map(AccountIndex::new).collect();
        let received = RowsByAccount::received(&columns, 5).unwrap();
        let sent = RowsByAccount::sent(&columns, 5).unwrap();
        let table = condition_of_transfers(
            &columns, &received, Some(&sent), &merchants, last_day, &config, Progress::silent(),
        ).unwrap();
        for (row, merchant) in merchants.iter().enumerate() {
            let receipts = Receipts::of_merchant(&columns, &[*merchant]).unwrap();
            let alone = condition(&receipts, last_day, 0, &config).unwrap();
            let cut = receipts.until(i64::from(last_day + 1) * 86_400 - 1 - 8 * 3_600);
            let past = condition(&cut, last_day, 0, &config).unwrap();
            for (place, entry) in CONDITION_CATALOGUE.iter().enumerate() {
                let pick = |condition: &Condition| condition.values().nth(place).unwrap();
                let batch = pick(&table.condition(row));
                // An outflow after the day of judgement still says that outflows are known.
                if entry.block != "cash" {
                    prop_assert_eq!(batch, pick(&past), "{}", entry.name);
                }
                prop_assert_eq!(batch, pick(&alone), "{}", entry.name);
                prop_assert!(batch.is_none_or(f64::is_finite), "{}", entry.name);
            }
        }
    }

    /// Whatever is thrown at it, an answer is defined.
    #[test]
    fn every_series_is_answered(
        series in prop::collection::vec(prop::collection::vec(prop_oneof![
            3 => Just(0i64), 3 => 0i64..5_000, 1 => -5_000i64..0, 1 => Just(100_000_000_000_000i64),
        ], 0..90), 0..8),
        horizon_days in 1u32..=60,
    ) {
        let config = ForecastConfig { horizon_days, daily: true, ..ForecastConfig::default() };
        let forecasts = told(&series, &config);
        prop_assert_eq!(forecasts.total_minor.len(), series.len() * 5);
        prop_assert!(forecasts.total_minor.iter().chain(&forecasts.daily_minor).all(|&minor| minor >= 0));
        prop_assert!(forecasts.total_minor.chunks_exact(5).all(<[i64]>::is_sorted));
    }
}

#[test]
fn the_order_of_receipts_means_nothing() {
    let mut rows: Vec<Receipt> = (0..200u32)
        .map(|row| Receipt {
            at_seconds: i64::from(row * 37 % 200) * 40_000,
            payer: AccountIndex::new(row % 7),
            amount_minor: i64::from(row * 13 % 50) * 100 - 300,
            transfer_row: u64::from(row),
        })
        .collect();
    let sorted = Receipts::from_rows(rows.clone()).unwrap();
    rows.reverse();
    assert_eq!(Receipts::from_rows(rows).unwrap(), sorted);
    let mut builder = DailyPanelBuilder::new(100, 400);
    let mut reversed = builder.clone();
    for row in sorted.rows() {
        builder.push(0, UtcOffset::UTC.epoch_day(row.at_seconds), row.amount_minor);
    }
    for row in sorted.rows().iter().rev() {
        reversed.push(0, UtcOffset::UTC.epoch_day(row.at_seconds), row.amount_minor);
    }
    assert_eq!(builder.build().unwrap(), reversed.build().unwrap());
}
