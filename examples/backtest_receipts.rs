//! How good forecasts of receipts would have been, by kind of shop.

#[path = "shared/mod.rs"]
mod shared;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::calendar::epoch_day;
use dandelion_credit::receipts::{BacktestConfig, BacktestRow, DailyPanelBuilder, ForecastConfig, backtest_forecast};
use dandelion_credit::synthetic::{Market, MarketConfig, Segment};
use dandelion_credit::{Progress, Scale};

use shared::Outcome;
use shared::daily::DailyFile;
use shared::progress::Bar;

/// Cuts the past again and again, forecasts, and scores what was said against what came.
///
/// Without DAILY.csv (merchant,date,amount) the shops of the seeded synthetic market are judged, a row for each trade.
#[derive(Debug, Parser)]
struct Arguments {
    /// Daily receipts; `-` is standard input, `.gz` is unpacked.
    daily: Option<String>,
    /// Days ahead, 1 to 180.
    #[arg(long, default_value_t = 30)]
    horizon: u32,
    /// Number of cuts.
    #[arg(long, default_value_t = 4)]
    origins: u32,
    /// Days between cuts.
    #[arg(long, default_value_t = 30)]
    step: u32,
    /// Accounts of the synthetic market.
    #[arg(long, default_value_t = 100_000)]
    accounts: u32,
    /// Days of the synthetic market.
    #[arg(long, default_value_t = 360)]
    days: u32,
    /// Decimals of the currency's minor unit.
    #[arg(long, default_value_t = 2)]
    decimals: u8,
    /// Threads; all cores by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints the whole result as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| example(&arguments))
}

fn example(arguments: &Arguments) -> Outcome {
    shared::set_threads(arguments.threads)?;
    let scale = Scale::new(arguments.decimals)?;
    let mut names: Vec<&str> = Vec::new();
    let panel = if let Some(name) = &arguments.daily {
        let file = DailyFile::read(name, scale)?;
        let mut builder = DailyPanelBuilder::new(file.last_day.unwrap_or(0), 4_000);
        file.rows.iter().for_each(|&(merchant, day, amount)| builder.push(merchant, day, amount));
        builder.build()?
    } else {
        let config = MarketConfig { accounts: arguments.accounts, days: arguments.days, ..MarketConfig::default() };
        let market = Market::generate(&config)?;
        names = Segment::ALL.iter().map(|segment| segment.name()).collect();
        let mut number = vec![None; arguments.accounts as usize];
        for (place, shop) in market.shops().iter().enumerate() {
            number[shop.account.as_usize()] = Some(place as u32);
        }
        let mut builder = DailyPanelBuilder::new(epoch_day(config.as_of) - 1, 4_000);
        for transfer in market.transfers().columns().iter() {
            if let Some(shop) = number[transfer.payee.as_usize()] {
                builder.push(shop, config.utc_offset.epoch_day(transfer.at_seconds), transfer.amount_minor);
            }
        }
        let mut segments: Vec<u32> = market.shops().iter().map(|shop| shop.segment as u32).collect();
        let panel = builder.build()?;
        segments.truncate(panel.len());
        panel.with_segments(segments)?
    };
    let config = BacktestConfig {
        forecast: ForecastConfig { horizon_days: arguments.horizon, ..BacktestConfig::default().forecast },
        origins: arguments.origins,
        step_days: arguments.step,
    };
    let bar = Bar::new();
    let backtest = backtest_forecast(&panel, &config, Progress::new(&|update| bar.update(update)))?;
    drop(bar);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&backtest)?)?;
        return Ok(());
    }
    writeln!(out, "segment       forecasts  pinball   of naive  coverage (of)  MASE   WAPE    bias")?;
    let mut print = |name: &str, row: &BacktestRow| {
        let shown = |value: Option<f64>| value.map_or_else(|| "     -".to_owned(), |value| format!("{value:6.3}"));
        writeln!(
            out,
            "{name:12}  {:9}  {:8.2}  {:8.3}   {:6.3} ({:.1})  {} {} {}",
            row.forecasts,
            row.pinball_minor / scale.minor_per_major() as f64,
            row.loss_ratio(),
            row.coverage,
            row.nominal_coverage,
            shown(row.mase),
            shown(row.wape),
            shown(row.bias),
        )
    };
    for row in &backtest.by_segment {
        let segment = row.segment.unwrap_or(0);
        let name = names.get(segment as usize).map_or_else(|| segment.to_string(), |name| (*name).to_owned());
        print(&name, row)?;
    }
    print("all", &backtest.all)?;
    Ok(())
}
