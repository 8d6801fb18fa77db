//! Fits, applies and judges the glass-box model on CSV tables.
//!
//! ```text
//! cargo run --release --example classify -- fit train.csv --label y --ignore row --nominal town --model m.json
//! cargo run --release --example classify -- score new.csv --model m.json scores.csv
//! cargo run --release --example classify -- validate test.csv --label y --model m.json
//! ```

#[path = "shared/mod.rs"]
mod shared;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use dandelion_credit::scorecard::{
    Adverse, Baseline, Bins, Direction, Evidence, FitConfig, Labels, Meaning, Model, Outcome as Known, Prior,
    Scorecard, Table, TreeEnsemble, fit,
};
use dandelion_credit::{Probability, Progress};
use serde_json::json;
use shared::csv_in::{CsvFile, Row};
use shared::out::{Output, csv_writer, finish_csv};
use shared::progress::Bar;
use shared::{Failure, Outcome};

/// A glass-box classifier on CSV tables: fit, score, validate, import.
///
/// An empty cell is missing. A column of numbers is numeric, any other is nominal; `.gz` is read as it is and `-` is
/// standard input. Exit status 2 and one line on stderr for bad input.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads; all cores where absent.
    #[arg(long, global = true)]
    threads: Option<usize>,
}

#[derive(Subcommand)]
enum Command {
    /// Fits a model and prints what it found.
    Fit(FitArgs),
    /// Scores every row of a table.
    ///
    /// Writes `row,probability,score,reason1,contribution1,...,reason4,contribution4`: rows counted from 0 in the order
    /// of the file; the probability of a positive (empty where the model only ranks); the log-odds before calibration as
    /// the score; and the four columns that moved it most from the average of the training rows, in log-odds.
    Score(ScoreArgs),
    /// Prints, as JSON, how well a model does on a labelled table.
    ///
    /// Where all rows have one outcome, what compares the two (auc, ks, gini, the calibration line) is null.
    Validate(ValidateArgs),
    /// Brings in a tree ensemble trained elsewhere, for `score` and `validate`.
    ///
    /// Refuses what it does not understand. Trees have no reasons; those cells stay empty.
    Import(ImportArgs),
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// What XGBoost's save_model("m.json") writes.
    XgboostJson,
    /// What LightGBM's save_model("m.txt") writes.
    LightgbmText,
}

#[derive(Args)]
struct ImportArgs {
    /// The model from elsewhere.
    source: String,
    /// What wrote it.
    #[arg(long)]
    format: Format,
    /// Where the model goes, as JSON.
    #[arg(long)]
    model: String,
}

#[derive(Args)]
struct LabelArgs {
    /// The column to predict: 0 and 1, or any two values with --positive.
    #[arg(long)]
    label: String,
    /// The value of the label that is a positive, where it is not 1, true or yes.
    #[arg(long)]
    positive: Option<String>,
    /// Column of row weights.
    #[arg(long)]
    weight: Option<String>,
}

#[derive(Args)]
struct FitArgs {
    /// The training table.
    table: String,
    #[command(flatten)]
    label: LabelArgs,
    /// Where the model goes, as JSON.
    #[arg(long)]
    model: String,
    /// Columns to leave out.
    #[arg(long, value_delimiter = ',')]
    ignore: Vec<String>,
    /// Columns of numbers that are names, not quantities.
    #[arg(long, value_delimiter = ',')]
    nominal: Vec<String>,
    /// JSON object of columns that may move the outcome one way only: {"age": "increasing", "debt": "decreasing"}.
    #[arg(long)]
    monotone: Option<String>,
    /// Pairs of columns, at most.
    #[arg(long, default_value_t = FitConfig::default().interactions)]
    interactions: usize,
    /// Bins a column, at most.
    #[arg(long, default_value_t = FitConfig::default().max_bins)]
    bins: usize,
    /// The value of the label that means "not known"; the empty text for empty cells.
    #[arg(long)]
    unlabelled: Option<String>,
    /// Share of positives among all rows where some are unlabelled: a number, `estimate` (from the labels, an
    /// assumption) or `none` (the model then only ranks).
    #[arg(long, default_value = "estimate")]
    prior: String,
    /// Seed of the folds.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Args)]
struct ScoreArgs {
    /// The table to score.
    table: String,
    /// The model.
    #[arg(long)]
    model: String,
    /// Where the scores go.
    out: String,
}

#[derive(Args)]
struct ValidateArgs {
    /// The table to judge on.
    table: String,
    #[command(flatten)]
    label: LabelArgs,
    /// The model.
    #[arg(long)]
    model: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    shared::run(|| {
        shared::set_threads(cli.threads)?;
        match &cli.command {
            Command::Fit(args) => run_fit(args),
            Command::Score(args) => run_score(args),
            Command::Validate(args) => run_validate(args),
            Command::Import(args) => run_import(args),
        }
    })
}

/// How a column is read.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Numeric until a cell is not a number.
    Guess,
    Numeric,
    Nominal,
}

/// A column of a file while it is read.
struct FileColumn {
    name: String,
    place: usize,
    kind: Kind,
    numbers: Vec<f64>,
    cells: Vec<String>,
}

impl FileColumn {
    fn new(name: &str, place: usize, kind: Kind) -> Self {
        Self { name: name.to_owned(), place, kind, numbers: Vec::new(), cells: Vec::new() }
    }

    fn read(&mut self, row: &Row<'_>) -> Outcome {
        let cell = row.text(self.place)?.trim();
        if self.kind != Kind::Nominal {
            match number(cell) {
                Some(value) => {
                    self.numbers.push(value);
                    return Ok(());
                }
                None if self.kind == Kind::Numeric || cell.parse::<f64>().is_ok() => {
                    return Err(row.bad(self.place, "a plain decimal number, or empty"));
                }
                None => {
                    if self.numbers.iter().any(|value| value.is_finite()) {
                        let (line, name) = (row.line(), &self.name);
                        eprintln!("note: line {line}: {name} is '{cell}', so the column is nominal, not numeric");
                    }
                    let spelled = |value: f64| if value.is_nan() { String::new() } else { (value + 0.0).to_string() };
                    self.cells = std::mem::take(&mut self.numbers).into_iter().map(spelled).collect();
                    self.kind = Kind::Nominal;
                }
            }
        }
        self.cells.push(cell.to_owned());
        Ok(())
    }
}

/// A finite number, NaN for an empty cell, `None` for anything else.
fn number(cell: &str) -> Option<f64> {
    if cell.is_empty() {
        return Some(f64::NAN);
    }
    cell.parse().ok().filter(|value: &f64| value.is_finite())
}

struct Read {
    rows: usize,
    columns: Vec<FileColumn>,
    /// Cells of the label and of the weight, where they were asked for.
    labels: Vec<Known>,
    weights: Option<Vec<f32>>,
}

struct LabelRule<'a> {
    args: &'a LabelArgs,
    unlabelled: Option<&'a str>,
}

impl LabelRule<'_> {
    fn read(&self, row: &Row<'_>, place: usize) -> Outcome<Known> {
        let cell = row.text(place)?.trim();
        let same = |value: &str| cell == value || (number(value).is_some_and(|v| number(cell) == Some(v)));
        if self.unlabelled.is_some_and(same) {
            return Ok(Known::Unlabelled);
        }
        if cell.is_empty() {
            return Err(row.bad(place, "a label in every row"));
        }
        match &self.args.positive {
            Some(positive) if same(positive) => Ok(Known::Positive),
            Some(_) => Ok(Known::Negative),
            None => match cell.to_ascii_lowercase().as_str() {
                "true" | "yes" => Ok(Known::Positive),
                "false" | "no" => Ok(Known::Negative),
                _ if same("1") => Ok(Known::Positive),
                _ if same("0") || same("-1") => Ok(Known::Negative),
                _ => Err(row.bad(place, "0 or 1, true or false, yes or no; or name the positive with --positive")),
            },
        }
    }
}

/// Reads the columns that `kind` wants, and labels and weights.
fn read(table: &str, label: Option<&LabelRule<'_>>, kind: impl Fn(&str) -> Option<Kind>) -> Outcome<Read> {
    let mut file = CsvFile::open(table)?;
    let label_place = label.map(|label| file.required(&label.args.label)).transpose()?;
    let weight_name = label.and_then(|label| label.args.weight.as_deref());
    let weight_place = weight_name.map(|name| file.required(name)).transpose()?;
    let mut columns = Vec::new();
    for (place, name) in file.header().iter().enumerate() {
        if Some(place) == label_place || Some(place) == weight_place {
            continue;
        }
        if columns.iter().any(|column: &FileColumn| column.name == *name) {
            return Err(Failure::new(format!("line 1: column '{name}' occurs twice")).at(table));
        }
        if let Some(kind) = kind(name) {
            columns.push(FileColumn::new(name, place, kind));
        }
    }
    let (mut rows, mut labels, mut weights) = (0, Vec::new(), weight_place.map(|_| Vec::new()));
    while let Some(row) = file.next_row()? {
        rows += 1;
        for column in &mut columns {
            column.read(&row)?;
        }
        if let (Some(rule), Some(place)) = (label, label_place) {
            labels.push(rule.read(&row, place)?);
        }
        if let (Some(weights), Some(place)) = (&mut weights, weight_place) {
            let rule = "a weight: a number, not negative";
            weights
                .push(row.parse(place, rule, |cell| cell.parse().ok().filter(|w: &f32| w.is_finite() && *w >= 0.0))?);
        }
    }
    Ok(Read { rows, columns, labels, weights })
}

impl Read {
    fn table(&self) -> Outcome<Table<'_>> {
        let mut table = Table::new(self.rows);
        for column in &self.columns {
            if column.kind == Kind::Nominal {
                table.push_text(&column.name, &column.cells)?;
            } else {
                table.push_f64(&column.name, &column.numbers[..])?;
            }
        }
        Ok(table)
    }
}

fn config(args: &FitArgs) -> Outcome<FitConfig> {
    let monotone: BTreeMap<String, Direction> = match &args.monotone {
        None => BTreeMap::new(),
        Some(name) => {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut shared::csv_in::open(name)?, &mut text)
                .map_err(|e| Failure::new(e).at(name))?;
            serde_json::from_str(&text).map_err(|e| Failure::new(e).at(name))?
        }
    };
    let prior = match args.prior.as_str() {
        "estimate" => Prior::Estimated,
        "none" => Prior::Unknown,
        text => {
            let prior = text.parse::<f64>().ok().and_then(|p| Probability::new(p).ok());
            Prior::Known(prior.ok_or_else(|| {
                Failure::new(format!("--prior is '{text}': a number from 0 to 1, 'estimate' or 'none'"))
            })?)
        }
    };
    Ok(FitConfig {
        monotone,
        prior,
        interactions: args.interactions,
        max_bins: args.bins,
        seed: args.seed,
        ..FitConfig::default()
    })
}

fn run_fit(args: &FitArgs) -> Outcome {
    let config = config(args)?;
    let rule = LabelRule { args: &args.label, unlabelled: args.unlabelled.as_deref() };
    let ignored = |name: &str| args.ignore.iter().any(|ignored| ignored == name);
    let read = read(&args.table, Some(&rule), |name| match ignored(name) {
        true => None,
        false if args.nominal.iter().any(|nominal| nominal == name) => Some(Kind::Nominal),
        false => Some(Kind::Guess),
    })?;
    for name in &args.nominal {
        if !ignored(name) && !read.columns.iter().any(|column| column.name == *name) {
            return Err(Failure::new(format!("--nominal: no column '{name}'")).at(&args.table));
        }
    }
    let table = read.table().map_err(|e| e.at(&args.table))?;
    let mut labels = Labels::new(read.labels.clone());
    if let Some(weights) = &read.weights {
        labels = labels.weighted(&weights[..])?;
    }
    let bar = Bar::new();
    let callback = |update| bar.update(update);
    let model = fit(&table, &labels, &config, Progress::new(&callback)).map_err(|e| Failure::new(e).at(&args.table))?;
    drop(bar);
    let mut out = Output::create(&args.model)?;
    serde_json::to_writer(&mut out, &model)?;
    out.write_all(b"\n")?;
    out.finish()?;
    if args.model != "-" {
        write!(std::io::stdout(), "{}", summary(&model))?;
    }
    Ok(())
}

fn summary(model: &Scorecard) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let card = model.card();
    let _ = writeln!(
        text,
        "{} rows, {} positive; {} columns, {} pairs; average of {} folds",
        card.rows,
        card.positives,
        model.features().len(),
        model.pairs().len(),
        card.folds
    );
    match model.meaning() {
        Meaning::Probability => {}
        Meaning::ProbabilityGivenPrior { prior, estimated } => {
            let source = if estimated { "estimated from the labels, an assumption" } else { "given" };
            let _ = writeln!(text, "probabilities hold if {:.1} % of all rows are positive ({source})", prior * 100.0);
        }
        Meaning::Score => {
            let _ =
                writeln!(text, "the model ranks and gives no probability: positives are known in part, no prior given");
        }
    }
    let _ =
        writeln!(text, "\n{:24} {:>8} {:>17} {:>8} {:>9} {:>8}", "", "auc", "95 % interval", "ks", "log loss", "brier");
    for (name, measures) in [("training rows", &card.training), ("rows held out (folds)", &card.out_of_fold)] {
        if let Some(m) = measures {
            let interval = format!("{:.4} - {:.4}", m.auc.low, m.auc.high);
            let _ = writeln!(
                text,
                "{name:24} {:>8.4} {interval:>17} {:>8.4} {:>9.4} {:>8.4}",
                m.auc.value, m.ks, m.log_loss, m.brier
            );
        }
    }
    let mut terms: Vec<(f64, String)> = Vec::new();
    for (feature, importance) in model.features().iter().zip(model.importance()) {
        terms.push((importance, feature.name.clone()));
    }
    for (pair, importance) in model.pairs().iter().zip(model.pair_importance()) {
        let (first, second) = (&model.features()[pair.first].name, &model.features()[pair.second].name);
        terms.push((importance, format!("{first} x {second}")));
    }
    terms.sort_by(|a, b| b.0.total_cmp(&a.0));
    let _ = writeln!(text, "\nmean absolute contribution, log-odds");
    let largest = terms.first().map_or(1.0, |term| term.0).max(1e-9);
    let shown = terms.len().min(24);
    for (importance, name) in &terms[..shown] {
        let bar = "#".repeat((importance / largest * 30.0).round() as usize);
        let _ = writeln!(text, "  {importance:7.4}  {name:40} {bar}");
    }
    if terms.len() > shown {
        let _ = writeln!(text, "  and {} more terms", terms.len() - shown);
    }
    text
}

fn text_of(name: &str) -> Outcome<String> {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut shared::csv_in::open(name)?, &mut text).map_err(|e| Failure::new(e).at(name))?;
    Ok(text)
}

fn load(name: &str) -> Outcome<Model> {
    Model::from_json(&text_of(name)?).map_err(|e| Failure::new(e).at(name))
}

fn run_import(args: &ImportArgs) -> Outcome {
    let text = text_of(&args.source)?;
    let trees = match args.format {
        Format::XgboostJson => TreeEnsemble::from_xgboost_json(&text),
        Format::LightgbmText => TreeEnsemble::from_lightgbm_text(&text),
    };
    let model = Model::Trees(trees.map_err(|e| Failure::new(e).at(&args.source))?);
    let mut out = Output::create(&args.model)?;
    serde_json::to_writer(&mut out, &model)?;
    out.write_all(b"\n")?;
    out.finish()
}

fn read_for(model: &Model, table: &str, label: Option<&LabelRule<'_>>) -> Outcome<Read> {
    let wanted = model.predictor().columns();
    let nominal = |name: &str| match model {
        Model::Additive(model) => {
            model.features().iter().any(|feature| feature.name == name && matches!(feature.bins, Bins::Nominal { .. }))
        }
        Model::Trees(_) => false,
    };
    let read = read(table, label, |name| {
        let kind = if nominal(name) { Kind::Nominal } else { Kind::Numeric };
        wanted.iter().any(|column| column == name).then_some(kind)
    })?;
    for name in &wanted {
        if !read.columns.iter().any(|column| column.name == *name) {
            let header = CsvFile::open(table).map(|file| file.header().join(", ")).unwrap_or_default();
            return Err(Failure::new(format!("line 1: no column '{name}'; found: {header}")).at(table));
        }
    }
    Ok(read)
}

fn run_score(args: &ScoreArgs) -> Outcome {
    let model = load(&args.model)?;
    let read = read_for(&model, &args.table, None)?;
    let table = read.table().map_err(|e| e.at(&args.table))?;
    let at = |error| Failure::new(error).at(&args.table);
    let log_odds = model.predictor().log_odds(&table).map_err(at)?;
    let mut csv = csv_writer(Output::create(&args.out)?);
    let mut header = vec!["row".to_owned(), "probability".to_owned(), "score".to_owned()];
    for place in 1..=REASONS {
        header.extend([format!("reason{place}"), format!("contribution{place}")]);
    }
    csv.write_record(&header)?;
    let mut reasons = match &model {
        Model::Additive(model) => Some(Reasons::new(model, &table).map_err(at)?),
        Model::Trees(_) => None,
    };
    for (row, &score) in log_odds.iter().enumerate() {
        let probability = match model.predictor().meaning() {
            Meaning::Score => String::new(),
            _ => model.predictor().probability(score).to_string(),
        };
        let mut record = vec![row.to_string(), probability, score.to_string()];
        if let Some(reasons) = &mut reasons {
            record.extend(reasons.of(row).map_err(at)?);
        }
        record.resize(3 + 2 * REASONS, String::new());
        csv.write_record(&record)?;
    }
    finish_csv(csv)
}

/// Reasons shown for a row.
const REASONS: usize = 4;

/// The strongest reasons of a row, against the average of the training rows.
struct Reasons<'m> {
    explainer: dandelion_credit::scorecard::Explainer<'m>,
    columns: Vec<Vec<f32>>,
    row: Vec<f32>,
    units: Vec<i64>,
    order: Vec<usize>,
}

impl<'m> Reasons<'m> {
    fn new(model: &'m Scorecard, table: &Table<'_>) -> dandelion_credit::Result<Self> {
        let encoded = model.scorer().encode(table)?;
        let columns: Vec<Vec<f32>> = encoded.columns().into_iter().map(<[f32]>::to_vec).collect();
        let explainer = model.explainer(Baseline::PopulationMean, Adverse::RaisesLogOdds);
        let units = vec![0; explainer.codes().len()];
        let order = (0..units.len()).collect();
        Ok(Self { explainer, row: vec![0.0; columns.len()], columns, units, order })
    }

    fn of(&mut self, row: usize) -> dandelion_credit::Result<Vec<String>> {
        for (value, column) in self.row.iter_mut().zip(&self.columns) {
            *value = column[row];
        }
        self.explainer.contributions_into(&self.row, &mut self.units)?;
        let units = &self.units;
        self.order.sort_by_key(|&reason| (std::cmp::Reverse(units[reason].abs()), reason));
        let shown = self.order.iter().take(REASONS).filter(|&&reason| units[reason] != 0);
        let log_odds = |reason: usize| units[reason] as f64 / dandelion_credit::scorecard::UNITS_PER_LOG_ODDS;
        Ok(shown.flat_map(|&reason| [self.explainer.codes()[reason].clone(), log_odds(reason).to_string()]).collect())
    }
}

fn run_validate(args: &ValidateArgs) -> Outcome {
    let model = load(&args.model)?;
    let rule = LabelRule { args: &args.label, unlabelled: None };
    let read = read_for(&model, &args.table, Some(&rule))?;
    let table = read.table().map_err(|e| e.at(&args.table))?;
    let log_odds = model.predictor().log_odds(&table).map_err(|e| Failure::new(e).at(&args.table))?;
    // A model that only ranks is judged as if its log-odds were true: the order counts, the rest says how far off.
    let probabilities: Vec<f64> = log_odds.iter().map(|&score| model.predictor().probability(score)).collect();
    let positive: Vec<bool> = read.labels.iter().map(|&label| label == Known::Positive).collect();
    let weights: Option<Vec<f64>> =
        read.weights.as_ref().map(|weights| weights.iter().map(|&w| f64::from(w)).collect());
    let m = Evidence::gather(&probabilities, &positive, weights.as_deref())?.measures();
    let both = positive.contains(&true) && positive.contains(&false);
    let of_both = |value: f64| both.then_some(value);
    if !both {
        eprintln!("note: all rows of {} have one outcome, so auc, ks, gini and calibration line are null", args.table);
    }
    let report = json!({
        "auc": of_both(m.auc.value), "auc_low": of_both(m.auc.low), "auc_high": of_both(m.auc.high),
        "ks": of_both(m.ks), "gini": of_both(m.gini), "log_loss": m.log_loss, "brier": m.brier, "ece": m.ece,
        "calibration_slope": of_both(m.calibration_slope),
        "calibration_intercept": of_both(m.calibration_intercept), "calibration_in_the_large": m.calibration_in_the_large,
        "n": m.n, "positives": m.positives, "meaning": model.predictor().meaning(),
    });
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
