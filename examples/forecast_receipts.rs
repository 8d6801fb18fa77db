//! What each shop will take in over the coming days: quantiles of every day and of the total.

#[path = "shared/mod.rs"]
mod shared;

use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::calendar::{Date, date_of_epoch_day, epoch_day};
use dandelion_credit::receipts::{DailyPanel, DailyPanelBuilder, ForecastConfig, Forecasts, forecast};
use dandelion_credit::{AccountIndex, Money, Progress, Scale};
use plotters::prelude::*;

use shared::daily::DailyFile;
use shared::out::{Output, csv_writer, finish_csv};
use shared::progress::Bar;
use shared::{Failure, Outcome};

/// Forecasts daily receipts of many merchants: quantiles of each day and of the total over the horizon.
///
/// DAILY.csv has the header merchant,date,amount (major units, ISO dates; absent days are zero). OUT.csv gets
/// merchant,step,level,amount, where step 0 is the total over the horizon and steps 1, 2, ... are the days after --as-of.
/// Every merchant with at least one receipt up to --as-of gets an answer; merchants are sorted by id. A summary of what
/// was learnt, and where the seasonal-naive baseline had to answer, goes to stderr with --explain.
#[derive(Debug, Parser)]
struct Arguments {
    /// Daily receipts; `-` is standard input, `.gz` is unpacked.
    daily: String,
    /// Where the quantiles go; `-` is standard output.
    out: String,
    /// The last day that may be used; the latest date of the file by default.
    #[arg(long)]
    as_of: Option<Date>,
    /// Days ahead, 1 to 180.
    #[arg(long, default_value_t = 30)]
    horizon: u32,
    /// Quantile levels, rising, each between 0 and 1.
    #[arg(long, value_delimiter = ',', default_value = "0.1,0.25,0.5,0.75,0.9")]
    levels: Vec<f64>,
    /// Decimals of the currency's minor unit.
    #[arg(long, default_value_t = 2)]
    decimals: u8,
    /// Threads; all cores by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints how each class of history was answered.
    #[arg(long)]
    explain: bool,
    /// Draws one merchant's past and its fan of quantiles into this SVG file.
    #[arg(long)]
    plot: Option<String>,
    /// The merchant to draw; the one with the largest forecast by default.
    #[arg(long, requires = "plot")]
    merchant: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| example(&arguments))
}

fn example(arguments: &Arguments) -> Outcome {
    shared::set_threads(arguments.threads)?;
    let scale = Scale::new(arguments.decimals)?;
    let file = DailyFile::read(&arguments.daily, scale)?;
    let config = ForecastConfig {
        horizon_days: arguments.horizon,
        levels: arguments.levels.clone(),
        daily: true,
        ..ForecastConfig::default()
    };
    let last_day = arguments.as_of.map(epoch_day).or(file.last_day).unwrap_or(0);
    let mut builder = DailyPanelBuilder::new(last_day, config.max_history_days as usize);
    let mut known = vec![false; file.directory.len()];
    for &(merchant, day, amount) in &file.rows {
        known[merchant as usize] |= day <= last_day;
        builder.push(merchant, day, amount);
    }
    let panel = builder.build()?;
    let bar = Bar::new();
    let forecasts = forecast(&panel, &config, Progress::new(&|update| bar.update(update)))?;
    drop(bar);

    if arguments.explain {
        for class in forecasts.model.summary() {
            eprintln!("{}", serde_json::to_string(&class)?);
        }
    }
    let mut csv = csv_writer(Output::create(&arguments.out)?);
    csv.write_record(["merchant", "step", "level", "amount"])?;
    let levels: Vec<String> = arguments.levels.iter().map(f64::to_string).collect();
    for row in file.directory.rows_by_id().into_iter().filter(|row| known[row.as_usize()]) {
        let id = file.directory.id(row).unwrap_or_default();
        // A merchant whose receipts all lie further back than the history that is read gets zeros.
        let merchant = row.as_usize();
        let quantile = |step: usize, level: usize| match step {
            0 => forecasts.total_minor(merchant)[level],
            _ => forecasts.daily_minor(merchant)[(step - 1) * levels.len() + level],
        };
        for step in 0..=arguments.horizon as usize {
            for (level, shown) in levels.iter().enumerate() {
                let amount = Money::from_minor(quantile(step, level)).display(scale).to_string();
                csv.write_record([id, &step.to_string(), shown, &amount])?;
            }
        }
    }
    finish_csv(csv)?;

    if let Some(name) = &arguments.plot {
        let chosen = match &arguments.merchant {
            Some(id) => {
                let unknown = || Failure::new(format!("--merchant {id}: no such merchant in {}", arguments.daily));
                file.directory
                    .index_of(id)
                    .map(AccountIndex::as_usize)
                    .filter(|&row| row < panel.len())
                    .ok_or_else(unknown)?
            }
            None => (0..panel.len())
                .max_by_key(|&merchant| forecasts.total_minor(merchant).last().copied())
                .ok_or_else(|| Failure::new("no merchant to draw"))?,
        };
        draw_fan(name, &panel, &forecasts, chosen, scale)?;
    }
    Ok(())
}

/// The last 120 days of a merchant and the fan of its daily quantiles, as an SVG.
fn draw_fan(name: &str, panel: &DailyPanel, forecasts: &Forecasts, merchant: usize, scale: Scale) -> Outcome {
    let major = |minor: i64| minor as f64 / scale.minor_per_major() as f64;
    let past = panel.days(merchant);
    let past = &past[past.len().saturating_sub(120)..];
    let width = forecasts.levels.len();
    let days: Vec<&[i64]> = forecasts.daily_minor(merchant).chunks_exact(width).collect();
    let first = -(past.len() as i32) + 1;
    let top = past.iter().chain(days.iter().copied().flatten()).copied().max().unwrap_or(1).max(1);
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (760, 260)).into_drawing_area();
        root.fill(&WHITE).map_err(Failure::new)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(64)
            .build_cartesian_2d(first..forecasts.horizon_days as i32 + 1, 0.0..major(top) * 1.05)
            .map_err(Failure::new)?;
        let date = |day: &i32| {
            date_of_epoch_day(panel.last_day().saturating_add(*day)).map_or_else(|_| String::new(), |d| d.to_string())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .x_labels(6)
            .x_label_formatter(&date)
            .draw()
            .map_err(Failure::new)?;
        let green = RGBColor(46, 125, 80);
        for pair in 0..width / 2 {
            let edge =
                |level: usize| days.iter().enumerate().map(move |(step, day)| (step as i32 + 1, major(day[level])));
            let outline: Vec<(i32, f64)> =
                edge(pair).chain(edge(width - 1 - pair).collect::<Vec<_>>().into_iter().rev()).collect();
            chart.draw_series([Polygon::new(outline, green.mix(0.22))]).map_err(Failure::new)?;
        }
        let middle = days.iter().enumerate().map(|(step, day)| (step as i32 + 1, major(day[width / 2])));
        chart.draw_series(LineSeries::new(middle, green.stroke_width(2))).map_err(Failure::new)?;
        let seen = past.iter().enumerate().map(|(place, &amount)| (first + place as i32, major(amount.max(0))));
        chart.draw_series(LineSeries::new(seen, BLACK.mix(0.75))).map_err(Failure::new)?;
        root.present().map_err(Failure::new)?;
    }
    let mut output = Output::create(name)?;
    std::io::Write::write_all(&mut output, text.as_bytes())?;
    output.finish()
}
