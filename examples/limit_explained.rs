//! One limit explained: every rule, the one that bound, the reasons, and what would raise it; as text and as SVG.
//!
//! `cargo run --release --example limit_explained -- --svg limit.svg`
//! `cargo run --release --example limit_explained -- --applicant stall.json --policy bank.json --language chinese`

#[path = "shared/mod.rs"]
mod shared;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::underwriting::*;
use dandelion_credit::{Date, Money, Probability};
use shared::out::Output;
use shared::{Failure, Outcome as Done};

/// Explains one decision: the limit waterfall, price, reasons, and what would raise the limit.
#[derive(Parser)]
struct Arguments {
    /// The applicant as JSON; `-` is standard input; none is a noodle stall made up here
    #[arg(long)]
    applicant: Option<String>,
    /// The policy as JSON; none is the default policy
    #[arg(long)]
    policy: Option<String>,
    /// The day of the decision
    #[arg(long, default_value = "2026-11-23")]
    as_of: Date,
    /// english or chinese
    #[arg(long, default_value = "english")]
    language: String,
    /// Where to draw the waterfall
    #[arg(long)]
    svg: Option<String>,
    /// Where to write the decision's record as JSON
    #[arg(long)]
    record: Option<String>,
}

fn read(name: &str) -> Done<String> {
    let mut text = String::new();
    if name == "-" {
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    let mut source = shared::csv_in::open(name)?;
    source.read_to_string(&mut text).map_err(|error| Failure::new(error).at(name))?;
    Ok(text)
}

/// A stall with a year of receipts, one loan repaid and a loan elsewhere.
fn stall() -> Done<Applicant> {
    let mut stall = Applicant::new("noodle stall");
    stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
    stall.history_days = 420;
    stall.receipts = ReceiptFacts {
        received_365_minor: Some(10_400_000),
        verified_30_minor: 860_000,
        verified_90_minor: 2_600_000,
        verified_365_minor: 10_000_000,
        active_days_90: 81,
        payers_90: 236,
        top_payer_share: Some(Probability::new(0.03)?),
        payer_return_rate: Some(Probability::new(0.42)?),
        refund_share: Some(Probability::new(0.01)?),
    };
    let levels = [0.1, 0.25, 0.5, 0.75, 0.9];
    stall.forecast = Some(ForecastFacts::of_levels(&levels, &[700_000, 780_000, 870_000, 960_000, 1_060_000], 30));
    stall.suspicion = Some(Probability::new(0.06)?);
    stall.debt.elsewhere_minor = Some(200_000);
    stall.repayment = Some(RepaymentFacts { loans_on_time: 1, ..RepaymentFacts::default() });
    Ok(stall)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::run(|| explain(&arguments))
}

fn explain(arguments: &Arguments) -> Done {
    let language = match arguments.language.as_str() {
        "english" => Language::English,
        "chinese" => Language::Chinese,
        other => return Err(Failure::new(format!("--language is {other}: english or chinese"))),
    };
    let applicant = match &arguments.applicant {
        Some(name) => Applicant::from_json(&read(name)?).map_err(|error| Failure::from(error).at(name))?,
        None => stall()?,
    };
    let policy = match &arguments.policy {
        Some(name) => Policy::from_json(&read(name)?).map_err(|error| Failure::from(error).at(name))?,
        None => Policy::default(),
    };
    let record = DecisionRecord::make(&applicant, &policy, arguments.as_of);
    let text = report(&record, &policy, language);
    if let Some(name) = &arguments.svg {
        let mut out = Output::create(name)?;
        out.write_all(drawing(&record.decision, &policy).as_bytes())?;
        out.finish()?;
    }
    if let Some(name) = &arguments.record {
        let mut out = Output::create(name)?;
        serde_json::to_writer_pretty(&mut out, &record)?;
        out.finish()?;
    }
    let mut out = Output::create("-")?;
    out.write_all(text.as_bytes())?;
    out.finish()
}

fn money(minor: i64, policy: &Policy) -> String {
    Money::from_minor(minor).display(policy.rules().scale).to_string()
}

fn report(record: &DecisionRecord, policy: &Policy, language: Language) -> String {
    let decision = &record.decision;
    let mut text = String::new();
    let answer = match &decision.outcome {
        Outcome::Approved { .. } => "approved",
        Outcome::Declined => "declined",
        Outcome::InsufficientData { starter: Some(_) } => "too little data, starter line",
        Outcome::InsufficientData { starter: None } => "too little data",
        Outcome::Referred { .. } => "referred",
    };
    let _ = writeln!(text, "{}: {answer}, on {} under {}", decision.applicant, decision.as_of, decision.stamp.policy);
    if let Some(offer) = decision.offer() {
        let parts = &offer.price.parts;
        let percent = |ppm: i64| ppm as f64 / 10_000.0;
        let _ = writeln!(
            text,
            "  line {} {}, to draw now {}, until {}\n  {} a year ({} a day), to disclose {}: funds {:.2} %, losses {:.2} %, handling {:.2} %, break-even {:.2} %, margin {:.2} %",
            money(offer.limit_minor, policy),
            policy.rules().currency,
            money(offer.available_minor, policy),
            offer.valid_until,
            offer.price.annual_rate,
            offer.price.daily_rate.as_fraction().normalize(),
            offer.price.disclosed_annual_rate,
            percent(parts.cost_of_funds_ppm),
            percent(parts.expected_loss_ppm + parts.survival_ppm),
            percent(parts.operating_ppm),
            percent(parts.break_even_ppm),
            percent(parts.margin_ppm),
        );
    }
    let _ = writeln!(text, "  probability of default in a year {:.2} %", decision.risk.probability() * 100.0);

    let waterfall = &decision.waterfall;
    let _ = writeln!(text, "\n  {:<18}{:>16}{:>16}", "rule", "allows", "slack");
    let mut lines: Vec<&WaterfallLine> = waterfall.lines.iter().filter(|line| line.bound_minor.is_some()).collect();
    lines.sort_by_key(|line| (line.bound_minor, line.rule));
    for line in lines {
        let bound = line.bound_minor.unwrap_or(0);
        let mark = if line.binding { "  <- binds" } else { "" };
        let slack = money(line.slack_minor.unwrap_or(0), policy);
        let _ = writeln!(text, "  {:<18}{:>16}{slack:>16}{mark}", line.rule.name(), money(bound, policy));
    }
    let rounded = money(waterfall.rounded_off_minor, policy);
    let _ = writeln!(text, "  rounded down by {rounded} to {}", money(waterfall.limit_minor, policy));

    let _ = writeln!(text, "\n  why, for the merchant | for the file");
    for reason in &decision.reasons {
        let _ = writeln!(text, "  - {} | {}", reason.sentence(language), reason.for_the_file(language));
    }
    let raises = what_would_raise(&record.applicant, policy, decision.as_of, &RaiseConfig::default());
    let _ = writeln!(text, "\n  what would raise it");
    if raises.is_empty() {
        let _ = writeln!(text, "  - nothing that a merchant can do by itself");
    }
    for raise in raises {
        let unit = policy.rules().scale.minor_per_major();
        let advice: Vec<String> = raise.changes.iter().map(|change| change.sentence(language, unit)).collect();
        let _ = writeln!(text, "  - {} -> {}", advice.join(" "), money(raise.limit_minor, policy));
    }
    let _ = writeln!(
        text,
        "\n  record: applicant {}…, policy {}…",
        &decision.stamp.applicant_digest[..12],
        &policy.digest()[..12]
    );
    text
}

/// The bounds as bars, the least in red, the limit as a line.
fn drawing(decision: &Decision, policy: &Policy) -> String {
    const ROW: i64 = 24;
    const LEFT: i64 = 130;
    const WIDE: f64 = 520.0;
    let waterfall = &decision.waterfall;
    let mut lines: Vec<&WaterfallLine> = waterfall.lines.iter().filter(|line| line.bound_minor.is_some()).collect();
    lines.sort_by_key(|line| (line.bound_minor, line.rule));
    // Bars end at four times the least bound: what lies beyond had no part in it.
    let end = (waterfall.raw_minor.max(waterfall.limit_minor).max(1) as f64) * 4.0;
    let along = |minor: i64| (minor as f64 / end).min(1.0) * WIDE;
    let height = (lines.len() as i64 + 3) * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"800\" height=\"{height}\" fill=\"white\"/>\n<text x=\"12\" y=\"20\" font-weight=\"bold\">Limit {} {}: {} binds</text>\n",
        money(waterfall.limit_minor, policy),
        policy.rules().currency,
        waterfall.binding.name(),
    );
    for (row, line) in lines.iter().enumerate() {
        let (bound, y) = (line.bound_minor.unwrap_or(0), (row as i64 + 2) * ROW);
        let colour = if line.binding { "#c0392b" } else { "#7fb069" };
        let more = if bound as f64 > end { " →" } else { "" };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"16\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{}{more}</text>",
            LEFT - 8,
            y + 13,
            line.rule.name(),
            y,
            along(bound),
            LEFT as f64 + along(bound) + 6.0,
            y + 13,
            money(bound, policy),
        );
    }
    let x = LEFT as f64 + along(waterfall.limit_minor);
    let _ = writeln!(
        svg,
        "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#222\" stroke-dasharray=\"4 3\"/>\n</svg>",
        2 * ROW - 6,
        height - ROW / 2
    );
    svg
}
