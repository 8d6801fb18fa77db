//! What `--out DIR` writes: features.csv, verdicts.csv and decisions.jsonl.

use std::fs;
use std::io::Write;
use std::path::Path;

use dandelion_credit::underwriting::{DecisionRecord, Policy};

use crate::shared::out::{Output, csv_writer, finish_csv};
use crate::shared::{Failure, Outcome};
use crate::stages::Underwritten;
use crate::world::World;

/// Writes the three files into `folder`, which is made when it is not there.
pub fn write(folder: &str, world: &World, policy: &Policy, done: &Underwritten) -> Outcome {
    fs::create_dir_all(folder).map_err(|e| Failure::new(e).at(folder))?;
    let open = |name: &str| Output::create(&Path::new(folder).join(name).to_string_lossy());
    let rows = world.rows_by_id();

    let mut csv = csv_writer(open("features.csv")?);
    let names = done.table.features().iter().map(|feature| feature.name());
    csv.write_record(["account"].into_iter().chain(names)).map_err(Failure::new)?;
    for &account in &rows {
        let cell = |value: &f32| if value.is_nan() { String::new() } else { value.to_string() };
        let cells = done.table.row(account.into());
        let cells = std::iter::once(world.id(account)).chain(cells.iter().map(cell));
        csv.write_record(cells).map_err(Failure::new)?;
    }
    finish_csv(csv)?;

    let mut csv = csv_writer(open("verdicts.csv")?);
    let header = ["account", "verdict", "merchant_probability", "received", "verified", "suspicion"];
    csv.write_record(header).map_err(Failure::new)?;
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
        ])
        .map_err(Failure::new)?;
    }
    finish_csv(csv)?;

    let mut lines = open("decisions.jsonl")?;
    for merchant in &done.merchants {
        let record = DecisionRecord::make(&merchant.applicant, policy, world.as_of);
        serde_json::to_writer(&mut lines, &record)?;
        lines.write_all(b"\n")?;
    }
    lines.finish()
}
