//! What `--out DIR` writes: features.csv, verdicts.csv and decisions.jsonl.

use std::fs;
use std::io::Write;
use std::path::Path;

use dandelion_credit::underwriting::{DecisionRecord, OutcomeKind, Policy, ReasonCode};
use rayon::prelude::*;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::shared::out::{Output, csv_writer, finish_csv};
use crate::shared::{Failure, Outcome};
use crate::stages::{Merchant, Underwritten};
use crate::world::World;

/// Writes the three files into `folder`, which is made when it is not there.
pub fn write(folder: &str, world: &World, policy: &Policy, done: &Underwritten) -> Outcome {
    fs::create_dir_all(folder).map_err(|e| Failure::new(e).at(folder))?;
    let open = |name: &str| Output::create(&Path::new(folder).join(name).to_string_lossy());
    let rows = world.rows_by_id();

    let mut csv = csv_writer(open("features.csv")?);
    let names = done.table.features().iter().map(|feature| feature.name());
    csv.write_record(["account"].into_iter().chain(names))?;
    for &account in &rows {
        let cell = |value: &f32| if value.is_nan() { String::new() } else { value.to_string() };
        let cells = done.table.row(account.into());
        let cells = std::iter::once(world.id(account)).chain(cells.iter().map(cell));
        csv.write_record(cells)?;
    }
    finish_csv(csv)?;

    let mut csv = csv_writer(open("verdicts.csv")?);
    let header = ["account", "verdict", "merchant_probability", "received", "verified", "suspicion"];
    csv.write_record(header)?;
    for &account in &rows {
        let row = account as usize;
        let (verdicts, audit) = (&done.verdicts, &done.audit);
        let money =
            |minor: i64| dandelion_credit::Money::from_minor(minor).display(dandelion_credit::Scale::CENTS).to_string();
        csv.write_record([
            world.id(account),
            verdicts.kinds[row].name().to_owned(),
            verdicts.merchant_probability[row].to_string(),
            money(audit.received_minor[row]),
            money(audit.verified_minor[row]),
            audit.suspicion[row].to_string(),
        ])?;
    }
    finish_csv(csv)?;

    let mut lines = open("decisions.jsonl")?;
    for merchants in done.merchants.chunks(1_024) {
        let line = |merchant: &Merchant| serde_json::to_vec(&line(merchant, policy, world, done));
        let written: Vec<Vec<u8>> = merchants.par_iter().map(line).collect::<Result<_, _>>()?;
        for line in written {
            lines.write_all(&line)?;
            lines.write_all(b"\n")?;
        }
    }
    lines.finish()
}

/// A line of decisions.jsonl: what is asked for most, then the record that can be replayed.
#[derive(Serialize)]
struct Line {
    account: String,
    verdict: &'static str,
    merchant_probability: f32,
    outcome: OutcomeKind,
    /// Major units.
    limit: f64,
    /// A fraction; none without an offer.
    annual_rate: Option<f64>,
    /// Within a year, for everybody, declined or not.
    default_probability: f64,
    reasons: Vec<ReasonCode>,
    #[serde(flatten)]
    record: DecisionRecord,
}

fn line(merchant: &Merchant, policy: &Policy, world: &World, done: &Underwritten) -> Line {
    let row = merchant.account as usize;
    let record = DecisionRecord::make(&merchant.applicant, policy, world.as_of);
    let decision = &record.decision;
    let scale = policy.rules().scale.minor_per_major() as f64;
    Line {
        account: world.id(merchant.account),
        verdict: done.verdicts.kinds[row].name(),
        merchant_probability: done.verdicts.merchant_probability[row],
        outcome: decision.outcome.kind(),
        limit: decision.limit_minor() as f64 / scale,
        annual_rate: decision.offer().and_then(|offer| offer.price.annual_rate.as_fraction().to_f64()),
        default_probability: decision.risk.probability(),
        reasons: decision.reasons.iter().map(|reason| reason.code).collect(),
        record,
    }
}
