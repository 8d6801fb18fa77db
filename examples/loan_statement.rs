//! The story of one small revolving line as a statement for a person, and a drawing of its balance.
//!
//! `cargo run --release --example loan_statement` prints the statement; `--svg FILE` draws the balance day by day.

#[path = "shared/mod.rs"]
mod shared;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::calendar::epoch_day;
use dandelion_credit::loan::{
    Action, ClassificationTable, Component, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms,
    PaymentKind, statement,
};
use dandelion_credit::{Date, Money, Scale};
use jiff::ToSpan;
use plotters::prelude::*;
use shared::{Failure, Outcome};

/// Replays a year of a shop's revolving line and prints what its owner would read.
#[derive(Parser)]
struct Args {
    /// Draw the balance over time into this file.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// JSON lines of events (key, value_date, sequence, recorded_on, action ...) in place of the built-in story.
    #[arg(long)]
    events: Option<PathBuf>,
    /// The line's limit in minor units.
    #[arg(long, default_value_t = 2_000_000)]
    limit_minor: i64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| tell(&args))
}

fn tell(args: &Args) -> Outcome {
    let events = match &args.events {
        Some(path) => read(path)?,
        None => story()?,
    };
    let Some(first) = events.iter().map(|event| event.value_date).min() else {
        return Err(Failure::new("no events"));
    };
    let expires_on = first.checked_add(1.year()).map_err(Failure::new)?;
    let terms = LineTerms { limit_minor: Money::from_minor(args.limit_minor), opened_on: first, expires_on };
    let mut line = CreditLine::replay(LinePolicy::china(), terms, events)?;
    let end = line.state().as_of;
    line.advance(end)?;

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<11} {:<22} {:>4} {:>13} {:>12} {:>12} {:>14}",
        "date", "what", "loan", "principal", "interest", "cash", "balance"
    )?;
    for row in statement(&line)? {
        writeln!(
            out,
            "{:<11} {:<22} {:>4} {:>13} {:>12} {:>12} {:>14}",
            row.value_date.to_string(),
            row.description,
            row.drawdown.map(|id| id.0.to_string()).unwrap_or_default(),
            shown(row.principal_minor),
            shown(row.interest_minor.checked_add(row.charges_minor)?),
            shown(row.cash_minor),
            row.balance_minor.display(Scale::CENTS).to_string(),
        )?;
    }
    let position = line.position(end)?;
    writeln!(
        out,
        "\non {end}: owed {}, available {}, {} days past due, class {:?}",
        position.owed_minor.display(Scale::CENTS),
        position.available_minor.display(Scale::CENTS),
        position.days_past_due,
        ClassificationTable::china().classify(end, position.days_past_due, false)?,
    )?;
    for drawdown in position.drawdowns.iter().filter(|drawdown| drawdown.owed() > Money::ZERO) {
        writeln!(out, "to close drawdown {}:", drawdown.id.0)?;
        for quote in line.payoffs(drawdown.id, end, 4)? {
            writeln!(out, "  {}  {:>12}", quote.on, quote.total_minor.display(Scale::CENTS).to_string())?;
        }
    }
    if let Some(path) = &args.svg {
        draw(&line, first, end, path)?;
    }
    Ok(())
}

fn shown(amount: Money) -> String {
    if amount.is_zero() { String::new() } else { amount.display(Scale::CENTS).to_string() }
}

fn read(path: &std::path::Path) -> Outcome<Vec<Event>> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::new(error).at(path.display()))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(nth, line)| {
            serde_json::from_str(line)
                .map_err(|error| Failure::new(error).at(format!("{}: line {}", path.display(), nth + 1)))
        })
        .collect()
}

/// 7,615 yuan for 50 days, paid early; a second drawdown that runs late; a third beside it.
fn story() -> Outcome<Vec<Event>> {
    let day = |offset: i64| -> Date { jiff::civil::date(2026, 3, 1).saturating_add(offset.days()) };
    let fifty_days = DrawdownTerms::bullet_daily("0.0004".parse().map_err(Failure::new)?, 50)?;
    let draw = |key: &str, at: i64, id: u32, minor: i64| {
        let (drawdown, amount_minor, terms) = (DrawdownId(id), Money::from_minor(minor), fifty_days.clone());
        Event::new(key, day(at), Action::Disburse { drawdown, amount_minor, terms })
    };
    let pay = |key: &str, at: i64, id: Option<u32>, minor: i64| {
        let (drawdown, amount_minor, kind) = (id.map(DrawdownId), Money::from_minor(minor), PaymentKind::Repayment);
        Event::new(key, day(at), Action::Repay { drawdown, amount_minor, kind })
    };
    Ok(vec![
        draw("draw 1", 0, 1, 761_500),
        pay("early", 20, Some(1), 400_000),
        draw("draw 2", 31, 2, 500_000),
        pay("the rest", 44, Some(1), 371_121),
        draw("draw 3", 60, 3, 250_000),
        pay("too little", 85, Some(2), 200_000),
        Event::new(
            "waived",
            day(100),
            Action::Waive {
                drawdown: DrawdownId(2),
                component: Component::Penalty,
                amount_minor: Money::from_minor(500),
            },
        ),
        pay("both", 108, None, 400_000),
    ])
}

/// What is owed and what of it is overdue, as a picture: steps by the day, at most some 1,500 of them, under the limit.
fn draw(line: &CreditLine, first: Date, end: Date, path: &std::path::Path) -> Outcome {
    let major = |money: Money| money.to_minor() as f64 / 100.0;
    let span = i64::from(epoch_day(end)) - i64::from(epoch_day(first)) + 1;
    let stride = span / 1_500 + 1;
    let (mut owed, mut overdue, mut limit, mut before) = (Vec::new(), Vec::new(), Vec::new(), (0.0, 0.0));
    for at in (0..span).step_by(stride as usize) {
        let position = line.position(first.saturating_add(at.days()))?;
        let now = (major(position.owed_minor), major(position.overdue_minor));
        owed.extend([(at as f64, before.0), (at as f64, now.0)]);
        overdue.extend([(at as f64, before.1), (at as f64, now.1)]);
        limit.push((at as f64, major(position.limit_minor)));
        before = now;
    }
    let most = owed.iter().chain(&limit).map(|&(_, height)| height).fold(1.0, f64::max) * 1.08;
    let date = |at: &f64| first.saturating_add((*at as i64).days()).to_string();
    let mut text = String::new();
    let chart = |text: &mut String| -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(text, (900, 420)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(20)
            .caption(format!("Owed from {first} to {end}"), ("sans-serif", 20))
            .x_label_area_size(32)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..(span as f64 - 1.0).max(1.0), 0.0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(7)
            .x_label_formatter(&date)
            .y_label_formatter(&|height| format!("{height:.0}"))
            .label_style(("sans-serif", 13))
            .draw()?;
        let (blue, red, grey) = (RGBColor(40, 110, 180), RGBColor(200, 60, 50), RGBColor(120, 120, 120));
        let key = |colour: RGBColor| move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], colour.filled());
        chart
            .draw_series(AreaSeries::new(owed, 0.0, blue.mix(0.25)).border_style(blue))?
            .label("owed")
            .legend(key(blue));
        chart
            .draw_series(AreaSeries::new(overdue, 0.0, red.mix(0.45)).border_style(red))?
            .label("of it overdue")
            .legend(key(red));
        chart
            .draw_series(LineSeries::new(limit, grey))?
            .label("limit")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], grey));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(TRANSPARENT)
            .label_font(("sans-serif", 13))
            .draw()?;
        root.present()?;
        Ok(())
    };
    let failed = |error: String| Failure::new(error).at(path.display());
    chart(&mut text).map_err(|error| failed(error.to_string()))?;
    std::fs::write(path, text).map_err(|error| failed(error.to_string()))
}
