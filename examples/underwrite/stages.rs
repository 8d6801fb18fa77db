//! The way of the data, stage by stage: transfers to features, to verdicts, to verified receipts, to decisions.

use std::time::Instant;

use dandelion_credit::calendar::epoch_day;
use dandelion_credit::features::{FeatureConfig, FeatureTable, extract};
use dandelion_credit::fraud::{AuditConfig, Auditor, FraudAssessment, MarketAudit, Marks};
use dandelion_credit::graph::temporal::TemporalIndex;
use dandelion_credit::graph::{GraphConfig, TransferGraph};
use dandelion_credit::merchant::{MerchantClassifier, VerdictKind, Verdicts};
use dandelion_credit::receipts::{
    Condition, ConditionConfig, DailyPanelBuilder, Forecast, ForecastConfig, Forecasts, Receipts, RowsByAccount,
    condition, forecast,
};
use dandelion_credit::underwriting::{Applicant, DecisionRow, Policy, decide_batch};
use dandelion_credit::{AccountIndex, Progress, Transfers};
use rayon::prelude::*;

use crate::applicant::applicant_of;
use crate::shared::Outcome;
use crate::world::World;

/// Days ahead that receipts are forecast.
pub const HORIZON_DAYS: u32 = 30;

/// Everything the report and the files are written from.
pub struct Underwritten {
    /// Transfers that count: none after the day of the decision.
    pub transfers: usize,
    /// Features of every account.
    pub table: FeatureTable,
    /// Verdict of every account.
    pub verdicts: Verdicts,
    /// Receipts audit of every account.
    pub audit: MarketAudit,
    /// Those decided on, merchants and others, in full, in order of account.
    pub merchants: Vec<Merchant>,
    /// A decision for each of them.
    pub decisions: Vec<DecisionRow>,
    /// Seconds by stage.
    pub seconds: Vec<(&'static str, f64)>,
}

/// One merchant on its way to a decision.
pub struct Merchant {
    /// Its account.
    pub account: u32,
    /// Which receipts do not count, and why.
    pub assessment: FraudAssessment,
    /// What it received.
    pub received: Receipts,
    /// What of it counts.
    pub verified: Receipts,
    /// How the business is doing, by verified receipts.
    pub condition: Condition,
    /// Quantiles of the receipts to come.
    pub forecast: Forecast,
    /// What the decision looks at.
    pub applicant: Applicant,
}

/// Runs every stage.
pub fn underwrite(world: &World, policy: &Policy, progress: Progress<'_>) -> Outcome<Underwritten> {
    let mut clock = Clock::new();
    let until = transfers_until(world);
    let columns = until.as_ref().map_or_else(|| world.columns(), Transfers::columns);
    let accounts = world.accounts();

    let classifier = MerchantClassifier::default_model();
    let features = FeatureConfig {
        as_of_seconds: Some(world.as_of_seconds()),
        utc_offset: world.utc_offset,
        ..FeatureConfig::default()
    };
    let table = extract(&columns, accounts, &features, progress)?;
    clock.lap("features of every account");

    let verdicts = classifier.judge(&table, progress)?;
    clock.lap("verdicts");

    let graph = TransferGraph::build(&columns, accounts, &GraphConfig::default(), progress)?;
    let index = TemporalIndex::build(&columns, accounts, progress)?;
    let marks = Marks::none();
    let config = AuditConfig {
        as_of_seconds: Some(world.as_of_seconds()),
        utc_offset: world.utc_offset,
        ..AuditConfig::default()
    };
    let auditor = Auditor::prepare(&index, Some(&graph), &marks, &config, progress)?;
    let audit = auditor.audit(progress)?;
    clock.lap("audit of all receipts");

    let rows = RowsByAccount::received(&columns, accounts)?;
    let named = world.asking(&columns);
    let asks = |account: &u32| named[*account as usize] || verdicts.kinds[*account as usize] == VerdictKind::Merchant;
    let asking: Vec<u32> = (0..accounts as u32).filter(asks).collect();
    let examine = |&account: &u32| -> Outcome<Found> {
        let received = rows.receipts(AccountIndex::new(account), &columns);
        let assessment = auditor.assess(AccountIndex::new(account), &audit)?;
        let verified = assessment.verify(&received)?;
        Ok((account, assessment, received, verified))
    };
    let receipts = asking.par_iter().map(examine).collect::<Outcome<Vec<Found>>>()?;
    clock.lap("verified receipts");

    let forecasts = forecast_all(&receipts, world, progress)?;
    let last_day = epoch_day(world.as_of);
    let condition_config = ConditionConfig { utc_offset: world.utc_offset, ..ConditionConfig::default() };
    let conclude = |(place, (account, assessment, received, verified)): (usize, Found)| -> Outcome<Merchant> {
        let condition = condition(&verified, last_day, 0, &condition_config)?;
        let forecast = one_of(&forecasts, place);
        let applicant = Applicant::new(world.id(account));
        let mut merchant = Merchant { account, applicant, assessment, received, verified, condition, forecast };
        merchant.applicant = applicant_of(&merchant, world, &verdicts)?;
        Ok(merchant)
    };
    let merchants = receipts.into_par_iter().enumerate().map(conclude).collect::<Outcome<Vec<Merchant>>>()?;
    clock.lap("condition and forecast");

    let applicants: Vec<Applicant> = merchants.iter().map(|merchant| merchant.applicant.clone()).collect();
    let decisions = decide_batch(&applicants, policy, world.as_of);
    clock.lap("decisions");
    let transfers = columns.len();
    Ok(Underwritten { transfers, table, verdicts, audit, merchants, decisions, seconds: clock.laps })
}

/// The transfers up to the day of the decision; `None` when all of them are.
fn transfers_until(world: &World) -> Option<Transfers> {
    let (columns, last) = (world.columns(), world.as_of_seconds());
    let all = columns.at_seconds.unwrap_or_default().iter().all(|&at| at <= last);
    (!all).then(|| columns.iter().filter(|transfer| transfer.at_seconds <= last).collect())
}

type Found = (u32, FraudAssessment, Receipts, Receipts);

fn forecast_all(receipts: &[Found], world: &World, progress: Progress<'_>) -> Outcome<Forecasts> {
    let config = ForecastConfig { horizon_days: HORIZON_DAYS, daily: true, ..ForecastConfig::default() };
    let last_day = epoch_day(world.as_of);
    let mut panel = DailyPanelBuilder::new(last_day, config.max_history_days as usize);
    for (place, (_, _, received, verified)) in receipts.iter().enumerate() {
        // A merchant whose receipts were all washed still has its days, with nothing on them.
        let Some(first) = received.rows().first() else { continue };
        panel.push(place as u32, world.utc_offset.epoch_day(first.at_seconds), 0);
        for receipt in verified.rows() {
            panel.push(place as u32, world.utc_offset.epoch_day(receipt.at_seconds), receipt.amount_minor);
        }
    }
    Ok(forecast(&panel.build()?, &config, progress)?)
}

fn one_of(forecasts: &Forecasts, place: usize) -> Forecast {
    Forecast {
        levels: forecasts.levels.clone(),
        total_minor: forecasts.total_minor(place).to_vec(),
        daily_minor: forecasts.daily_minor(place).to_vec(),
        class: forecasts.class[place],
        is_baseline: forecasts.is_baseline(place),
    }
}

struct Clock {
    since: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Clock {
    fn new() -> Self {
        Self { since: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self, stage: &'static str) {
        self.laps.push((stage, self.since.elapsed().as_secs_f64()));
        self.since = Instant::now();
    }
}
