//! One merchant's answers from all rooms as the plain values a decision looks at.

use dandelion_credit::Probability;
use dandelion_credit::calendar::epoch_day;
use dandelion_credit::features::CATALOGUE_VERSION;
use dandelion_credit::merchant::{MODEL_VERSION, VerdictKind, Verdicts};
use dandelion_credit::underwriting::{
    AccountKind, Applicant, ConditionFacts, ForecastFacts, ReceiptFacts, Sources, VerdictFacts,
};

use crate::shared::Outcome;
use crate::stages::{HORIZON_DAYS, Merchant};
use crate::world::World;

/// The facts of one merchant.
pub fn applicant_of(merchant: &Merchant, world: &World, verdicts: &Verdicts) -> Outcome<Applicant> {
    let row = merchant.account as usize;
    let kind = match verdicts.kinds[row] {
        VerdictKind::Individual => AccountKind::Individual,
        VerdictKind::Merchant => AccountKind::Merchant,
        VerdictKind::Collector => AccountKind::Collector,
        VerdictKind::PassThrough => AccountKind::PassThrough,
        VerdictKind::Unknown => AccountKind::Unknown,
    };
    let certainty = f64::from(verdicts.merchant_probability[row]).clamp(0.0, 1.0);
    let first_day = merchant.received.rows().first().map(|first| world.utc_offset.epoch_day(first.at_seconds));
    let history_days = first_day.map_or(0, |first| (epoch_day(world.as_of) - first + 1).max(0) as u32);
    let mut condition =
        ConditionFacts::from(&merchant.condition).with_growth_365(&merchant.verified, world.utc_offset, world.as_of);
    if merchant.verified.rows().is_empty() {
        // Nothing that counts since the first receipt.
        condition.days_since_receipt = Some(history_days);
    }
    let applicant = Applicant {
        data_as_of: Some(world.as_of),
        verdict: Some(VerdictFacts { kind, merchant_probability: Probability::new(certainty)? }),
        history_days,
        receipts: ReceiptFacts::measure(&merchant.verified, Some(&merchant.received), world.utc_offset, world.as_of),
        forecast: Some(ForecastFacts::of_forecast(&merchant.forecast, HORIZON_DAYS)),
        condition,
        suspicion: Some(merchant.assessment.suspicion()),
        sources: Sources {
            catalogue: Some(CATALOGUE_VERSION.to_string()),
            classifier: Some(MODEL_VERSION.to_string()),
            ..Sources::default()
        },
        ..Applicant::new(world.id(merchant.account))
    };
    applicant.check()?;
    Ok(applicant)
}
