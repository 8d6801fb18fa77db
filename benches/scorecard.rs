//! Benchmarks of the `scorecard` room: fitting, scoring columns and rows beside reading the memory, imported trees.
//!
//! `ROWS=30000000 cargo bench --bench scorecard -- score` scores 3 GB; `LIGHTGBM_TEXT=PATH` writes the imported model there,
//! for LightGBM to predict with.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dandelion_credit::Progress;
use dandelion_credit::scorecard::{FitConfig, Labels, Table, TreeEnsemble, fit};
use rayon::prelude::*;

#[path = "../examples/shared/memory.rs"]
mod memory;

/// Large blocks lie on huge pages, as a host that scores millions would have them.
#[global_allocator]
static MEMORY: memory::HugePages = memory::HugePages::new();

const COLUMNS: usize = 24;

fn columns(rows: usize) -> Vec<Vec<f32>> {
    (0..COLUMNS)
        .into_par_iter()
        .map(|column| {
            let mut state = column as u64 + 7;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state ^ state >> 29) >> 40) as f32 / (1 << 24) as f32
            };
            let value = |u: f32| if u < 0.03 { f32::NAN } else { (u * 6.0 - 3.0).exp() * (column + 1) as f32 };
            (0..rows).map(|_| value(next())).collect()
        })
        .collect()
}

fn table(columns: &[Vec<f32>]) -> Table<'_> {
    let mut table = Table::new(columns[0].len());
    for (place, column) in columns.iter().enumerate() {
        table.push_f32(&format!("c{place}"), &column[..]).expect("columns have one length");
    }
    table
}

fn outcomes(columns: &[Vec<f32>]) -> Vec<bool> {
    (0..columns[0].len())
        .map(|row| {
            let signal = columns[0][row].max(0.0).ln_1p() - columns[1][row].max(0.0).ln_1p();
            signal + (row * 7919 % 1000) as f32 / 500.0 > 1.0
        })
        .collect()
}

/// Rows: few under `--test`, 3,000,000 when measured (30,000,000 with `ROWS=30000000`, 3 GB).
fn rows(criterion_tests: bool) -> usize {
    let wanted = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok());
    wanted.unwrap_or(if criterion_tests { 20_000 } else { 3_000_000 })
}

fn score(c: &mut Criterion) {
    let testing = std::env::args().any(|arg| arg == "--test");
    let training = columns(20_000);
    let labels = Labels::from_bools(outcomes(&training));
    let config =
        FitConfig { max_bins: 32, interactions: 0, folds: 2, min_gain: 1.0, rounds: 50, ..FitConfig::default() };
    let model = fit(&table(&training), &labels, &config, Progress::silent()).expect("the table is sound");
    let paired = FitConfig { interactions: 10, ..config };
    let paired = fit(&table(&training), &labels, &paired, Progress::silent()).expect("the table is sound");
    let columns = columns(rows(testing));
    let slices: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
    let mut group = c.benchmark_group("score");
    group.sample_size(10).throughput(Throughput::Elements(columns[0].len() as u64));
    group.bench_function("read the memory, one thread", |b| {
        b.iter(|| columns.iter().map(|column| column.iter().fold(0, |sum, v| sum ^ v.to_bits())).fold(0, |a, b| a ^ b));
    });
    group.bench_function("read the memory, all threads", |b| {
        let read = |part: &[f32]| part.iter().fold(0, |sum, v| sum ^ v.to_bits());
        b.iter(|| {
            let sums = columns.iter().map(|column| column.par_chunks(1 << 16).map(read).reduce(|| 0, |a, b| a ^ b));
            sums.fold(0, |a, b| a ^ b)
        });
    });
    let scorer = model.scorer();
    let mut log_odds = vec![0.0_f32; columns[0].len()];
    group.bench_function("columns to log-odds", |b| {
        b.iter(|| scorer.log_odds_into(black_box(&slices), &mut log_odds).expect("the columns fit"));
    });
    let mut probabilities = vec![0.0_f64; columns[0].len()];
    group.bench_function("columns to probability", |b| {
        b.iter(|| scorer.probabilities_into(black_box(&slices), &mut probabilities).expect("the columns fit"));
    });
    let pairs = paired.scorer();
    group.bench_function("columns and 10 pairs to log-odds", |b| {
        b.iter(|| pairs.log_odds_into(black_box(&slices), &mut log_odds).expect("the columns fit"));
    });
    let wide: Vec<f32> =
        (0..columns[0].len().min(1_000_000)).flat_map(|row| slices.iter().map(move |c| c[row])).collect();
    let mut units = vec![0; wide.len() / COLUMNS];
    group.throughput(Throughput::Elements(units.len() as u64));
    group.bench_function("rows to units", |b| {
        b.iter(|| scorer.units_by_row_into(black_box(&wide), &mut units).expect("the rows fit"));
    });
    scorer.log_odds_into(&slices, &mut log_odds).expect("the columns fit");
    scorer.units_by_row_into(&wide, &mut units).expect("the rows fit");
    for (row, units) in units.iter().enumerate() {
        assert_eq!(*units as f32 / 1_048_576.0, log_odds[row], "rows and columns give the same bits");
    }
    let one: Vec<f32> = slices.iter().map(|column| column[0]).collect();
    let explainer = model.explainer(dandelion_credit::scorecard::Baseline::PopulationMean, Default::default());
    group.throughput(Throughput::Elements(1));
    group.bench_function("reasons of one row", |b| {
        b.iter(|| explainer.explain(black_box(&one)).expect("the row fits"));
    });
    group.finish();
}

fn train(c: &mut Criterion) {
    let testing = std::env::args().any(|arg| arg == "--test");
    let columns = columns(if testing { 2_000 } else { 50_000 });
    let positive = outcomes(&columns);
    let mut group = c.benchmark_group("fit");
    group.sample_size(10);
    let config = FitConfig { folds: 2, interactions: 4, min_gain: 1.0, rounds: 100, ..FitConfig::default() };
    group.bench_function("columns and pairs", |b| {
        b.iter_batched(
            || (table(&columns), Labels::from_bools(positive.iter().copied())),
            |(table, labels)| {
                let model = fit(&table, &labels, &config, Progress::silent()).expect("the table is sound");
                assert!(model.card().out_of_fold.expect("fitted").auc.value > 0.8);
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// An ensemble as LightGBM writes it: full trees of depth 6 on all columns, from a fixed stream.
fn lightgbm_text(trees: usize) -> String {
    use std::fmt::Write;
    let mut state = 11_u64;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("c{column}")).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n\
         objective=binary sigmoid:1\nfeature_names={}\nfeature_infos={}\n\n",
        COLUMNS - 1,
        names.join(" "),
        vec!["[0:1e9]"; COLUMNS].join(" ")
    );
    let splits = 63;
    for tree in 0..trees {
        let line = |name: &str, values: Vec<String>| format!("{name}={}\n", values.join(" "));
        let child = |place: usize| if place < splits { place.to_string() } else { format!("-{}", place - splits + 1) };
        let _ = write!(text, "Tree={tree}\nnum_leaves={}\nnum_cat=0\n", splits + 1);
        text += &line("split_feature", (0..splits).map(|_| below(COLUMNS as u64).to_string()).collect());
        text += &line("threshold", (0..splits).map(|_| (below(4000) as f64 / 100.0 + 0.05).to_string()).collect());
        // Missing values are NaN and go left (10) or right (8).
        text += &line("decision_type", (0..splits).map(|_| (8 + 2 * below(2)).to_string()).collect());
        text += &line("left_child", (0..splits).map(|node| child(2 * node + 1)).collect());
        text += &line("right_child", (0..splits).map(|node| child(2 * node + 2)).collect());
        text += &line("leaf_value", (0..=splits).map(|_| (below(2000) as f64 / 1e5 - 0.01).to_string()).collect());
        text.push('\n');
    }
    text + "end of trees\n"
}

/// Rows are those of the other benchmarks, 1,000,000 of them. `LIGHTGBM_TEXT=PATH` writes the model there, for the rival.
fn trees(c: &mut Criterion) {
    let testing = std::env::args().any(|arg| arg == "--test");
    let text = lightgbm_text(82);
    if let Ok(path) = std::env::var("LIGHTGBM_TEXT") {
        std::fs::write(path, &text).expect("the path can be written");
    }
    let trees = TreeEnsemble::from_lightgbm_text(&text).expect("the text is a model");
    let columns = columns(if testing { 5_000 } else { 1_000_000 });
    let table = table(&columns);
    let mut group = c.benchmark_group("imported trees");
    group.sample_size(10).throughput(Throughput::Elements(table.rows() as u64));
    group.bench_function("82 of depth 6", |b| b.iter(|| trees.margins(black_box(&table)).expect("the columns fit")));
    group.finish();
}

criterion_group!(benches, score, train, trees);
criterion_main!(benches);
