//! One merchant told in full: verdict, receipts, limit, what would raise it, and a drawdown with its cost.

use std::io::Write;

use dandelion_credit::merchant::{MerchantClassifier, VerdictReason};
use dandelion_credit::underwriting::{
    Decision, Language, LimitRule, OutcomeKind, Policy, RaiseConfig, decide, what_would_raise,
};
use dandelion_credit::{Money, Scale};

use crate::loan;
use crate::shared::Outcome;
use crate::stages::{Merchant, Underwritten};
use crate::world::World;

/// The approved merchant with the middle limit; the one with most receipts where none was approved.
pub fn chosen(done: &Underwritten) -> Option<usize> {
    let approved = |place: &usize| done.decisions[*place].outcome == OutcomeKind::Approved;
    let mut places: Vec<usize> = (0..done.merchants.len()).filter(approved).collect();
    if places.is_empty() {
        let receipts = |place: &usize| done.merchants[*place].applicant.receipts.verified_365_minor;
        return (0..done.merchants.len()).max_by_key(receipts);
    }
    places.sort_by_key(|&place| (done.decisions[place].limit_minor, place));
    places.get(places.len() / 2).copied()
}

/// Tells the merchant in `place`.
pub fn tell(out: &mut impl Write, world: &World, policy: &Policy, done: &Underwritten, place: usize) -> Outcome {
    let merchant = &done.merchants[place];
    let decision = decide(&merchant.applicant, policy, world.as_of);
    writeln!(out, "\nOne merchant in full: {}", merchant.applicant.id)?;
    tell_verdict(out, done, merchant)?;
    tell_receipts(out, merchant)?;
    tell_decision(out, &decision)?;
    for raise in what_would_raise(&merchant.applicant, policy, world.as_of, &RaiseConfig::default()).iter().take(2) {
        let unit = Scale::CENTS.minor_per_major();
        let advice: Vec<String> = raise.changes.iter().map(|change| change.sentence(Language::English, unit)).collect();
        let limit = Money::from_minor(raise.limit_minor).display(Scale::CENTS).to_string();
        writeln!(out, "  would raise it    to {limit}: {}", advice.join(" "))?;
    }
    if let Some(offer) = decision.offer().filter(|offer| offer.available_minor > 0) {
        let story = loan::tell(offer, world.as_of)?;
        writeln!(
            out,
            "  a drawdown        {} for {} days costs {} at {} a year ({} disclosed); {} paid back, {} owed, {} to draw again, {} journal entries",
            story.amount.display(Scale::CENTS),
            story.days,
            story.interest.display(Scale::CENTS),
            offer.price.annual_rate,
            offer.price.disclosed_annual_rate,
            story.paid.display(Scale::CENTS),
            story.owed_after.display(Scale::CENTS),
            story.available_after.display(Scale::CENTS),
            story.entries
        )?;
    }
    Ok(())
}

fn tell_verdict(out: &mut impl Write, done: &Underwritten, merchant: &Merchant) -> Outcome {
    let classifier = MerchantClassifier::default_model();
    let verdict = classifier.explain(&done.table, merchant.account.into())?;
    let share = 100.0 * verdict.probabilities.merchant;
    let reasons: Vec<String> = verdict.reasons.iter().map(VerdictReason::sentence).collect();
    writeln!(out, "  verdict           {} ({share:.1} % merchant): {}", verdict.kind.name(), reasons.join("; "))?;
    Ok(())
}

fn tell_receipts(out: &mut impl Write, merchant: &Merchant) -> Outcome {
    let assessment = &merchant.assessment;
    let raised: Vec<&str> = assessment.signals().iter().map(|finding| finding.signal.name()).collect();
    writeln!(
        out,
        "  receipts          {} received, {} verified, suspicion {:.2}{}{}",
        assessment.received().display(Scale::CENTS),
        assessment.verified().display(Scale::CENTS),
        assessment.suspicion().get(),
        if raised.is_empty() { "" } else { "; signals: " },
        raised.join(", ")
    )?;
    writeln!(out, "  condition         {}", merchant.condition.sentence())?;
    let quantile = |level: f64| {
        let place = merchant.forecast.levels.iter().position(|&found| (found - level).abs() < 1e-9);
        place.map_or_else(String::new, |place| {
            Money::from_minor(merchant.forecast.total_minor[place]).display(Scale::CENTS).to_string()
        })
    };
    writeln!(
        out,
        "  next 30 days      {} in the middle, {} to {} in four of five cases",
        quantile(0.5),
        quantile(0.1),
        quantile(0.9)
    )?;
    Ok(())
}

fn tell_decision(out: &mut impl Write, decision: &Decision) -> Outcome {
    let limit = Money::from_minor(decision.limit_minor()).display(Scale::CENTS).to_string();
    let outcome = if decision.is_approved() { "approved" } else { "not approved" };
    writeln!(
        out,
        "  decision          {outcome}, limit {limit}; bound by: {}; default within a year {:.2} %",
        name(decision.waterfall.binding),
        100.0 * decision.risk.probability()
    )?;
    let mut lines: Vec<_> = decision.waterfall.lines.iter().filter(|line| line.bound_minor.is_some()).collect();
    lines.sort_by_key(|line| line.bound_minor);
    let shown: Vec<String> = lines
        .iter()
        .take(7)
        .map(|line| {
            let bound = Money::from_minor(line.bound_minor.unwrap_or_default()).display(Scale::CENTS).to_string();
            format!("{} {bound}", name(line.rule))
        })
        .collect();
    writeln!(out, "  limit waterfall   {}", shown.join(" | "))?;
    for reason in &decision.reasons {
        writeln!(out, "  reason            {}", reason.sentence(Language::English))?;
    }
    Ok(())
}

/// The rule's stable name in words.
fn name(rule: LimitRule) -> String {
    let name = serde_json::to_value(rule).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}
