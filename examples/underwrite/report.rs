//! The report, one screen long.

use std::io::{self, Write};

use dandelion_credit::fraud::FraudAssessment;
use dandelion_credit::merchant::VerdictKind;
use dandelion_credit::underwriting::{OutcomeKind, Policy};
use dandelion_credit::{Money, Scale};

use crate::shared::Outcome;
use crate::stages::Underwritten;
use crate::story;
use crate::world::World;

/// Prints everything.
pub fn print(world: &World, policy: &Policy, done: &Underwritten, load_seconds: f64) -> Outcome {
    let mut out = io::stdout().lock();
    let verdicts = &done.verdicts;
    writeln!(out, "{}, as of {}", world.name, world.as_of)?;
    writeln!(out, "  accounts judged     {:>12}   from {} transfers", world.accounts(), done.transfers)?;
    let counts = VerdictKind::ALL.map(|kind| format!("{} {}", verdicts.count(kind), kind.name().replace('_', "-")));
    writeln!(out, "  verdicts            {}", counts.join(", "))?;
    print_accuracy(&mut out, world, done)?;
    print_washing(&mut out, done)?;
    print_limits(&mut out, done)?;
    match story::chosen(done) {
        Some(place) => story::tell(&mut out, world, policy, done, place)?,
        None => writeln!(out, "\nNo merchant was found to tell about.")?,
    }
    let stages: Vec<String> = done.seconds.iter().map(|(stage, seconds)| format!("{stage} {seconds:.2}")).collect();
    let total: f64 = load_seconds + done.seconds.iter().map(|(_, seconds)| seconds).sum::<f64>();
    writeln!(out, "\nseconds: transfers at hand {load_seconds:.2}, {}; {total:.2} in all", stages.join(", "))?;
    out.flush()?;
    Ok(())
}

/// Precision and recall among accounts whose truth is known.
fn print_accuracy(out: &mut impl Write, world: &World, done: &Underwritten) -> Outcome {
    let Some(truth) = &world.is_merchant else { return Ok(()) };
    let mut cells = [[0u64; 2]; 2];
    let mut unknown = 0;
    for (truth, verdict) in truth.iter().zip(&done.verdicts.kinds) {
        match (truth, verdict) {
            (Some(true), VerdictKind::Unknown) => unknown += 1,
            (Some(truth), verdict) => {
                cells[usize::from(*truth)][usize::from(*verdict == VerdictKind::Merchant)] += 1;
            }
            (None, _) => {}
        }
    }
    let [[_, false_positive], [missed, found]] = cells;
    let share = |part: u64, whole: u64| match whole {
        0 => "undefined".to_owned(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    };
    let precision = share(found, found + false_positive);
    let recall = share(found, found + missed + unknown);
    writeln!(
        out,
        "  merchants           precision {precision}, recall {recall} ({unknown} true merchants have too thin a file)"
    )?;
    Ok(())
}

fn major(minor: i64) -> String {
    Money::from_minor(minor).display(Scale::CENTS).to_string()
}

/// What was taken out at those who are judged merchants; others may have been decided on, too.
fn print_washing(out: &mut impl Write, done: &Underwritten) -> Outcome {
    let is_merchant = |account: u32| done.verdicts.kinds[account as usize] == VerdictKind::Merchant;
    let assessments: Vec<&FraudAssessment> = done
        .merchants
        .iter()
        .filter(|decided| is_merchant(decided.account))
        .map(|decided| &decided.assessment)
        .collect();
    let sum = |of: fn(&FraudAssessment) -> Money| Money::checked_sum(assessments.iter().copied().map(of));
    let (received, removed) = (sum(FraudAssessment::received)?, sum(FraudAssessment::removed)?);
    let touched = assessments.iter().filter(|assessment| !assessment.removed().is_zero()).count();
    let share = removed.to_minor() as f64 / received.to_minor().max(1) as f64;
    writeln!(
        out,
        "  receipts washed out {:>12}   of {} ({:.1} %) at {touched} of {} merchants",
        major(removed.to_minor()),
        major(received.to_minor()),
        100.0 * share,
        assessments.len()
    )?;
    Ok(())
}

fn print_limits(out: &mut impl Write, done: &Underwritten) -> Outcome {
    let count = |kind| done.decisions.iter().filter(|row| row.outcome == kind).count();
    writeln!(
        out,
        "  decisions           {} approved, {} too little data, {} declined, {} referred",
        count(OutcomeKind::Approved),
        count(OutcomeKind::InsufficientData),
        count(OutcomeKind::Declined),
        count(OutcomeKind::Referred)
    )?;
    let mut limits: Vec<i64> = done.decisions.iter().map(|row| row.limit_minor).filter(|&limit| limit > 0).collect();
    limits.sort_unstable();
    let Some(last) = limits.len().checked_sub(1) else { return Ok(writeln!(out, "  limits              none")?) };
    let at = |share: f64| major(limits[(share * last as f64).round() as usize]);
    let mean = limits.iter().sum::<i64>() / limits.len() as i64;
    writeln!(
        out,
        "  limits              {} given, mean {}, p10 {}, p50 {}, p90 {}",
        limits.len(),
        major(mean),
        at(0.1),
        at(0.5),
        at(0.9)
    )?;
    Ok(())
}
