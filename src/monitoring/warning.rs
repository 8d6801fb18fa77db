//! Early warnings about a merchant who has money out.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::rate::Probability;

/// A merchant with money out, then and now. "Then" is the day of the last decision; absent values raise no warning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MerchantWatch {
    /// The caller's name for it.
    pub id: String,
    /// Verified receipts of the last 30 days, minor units.
    pub receipts_30_minor: i64,
    /// Lower end of what the forecast at the decision expected for these 30 days, minor units.
    pub expected_low_30_minor: Option<i64>,
    /// The average 30 days before the decision, minor units.
    pub usual_30_minor: Option<i64>,
    /// Days since the last receipt.
    pub days_since_receipt: Option<u32>,
    /// The gap that 95 % of its gaps between receipts stay within, days.
    pub usual_gap_days: Option<u32>,
    /// Distinct payers of the last 30 days.
    pub payers_30: Option<u32>,
    /// Of the payers who came regularly before, the share still coming here.
    pub regulars_kept_share: Option<Probability>,
    /// Of those who stopped, the share who now pay an account linked to the merchant: receipts taken elsewhere.
    pub regulars_moved_share: Option<Probability>,
    /// Local clustering at the decision.
    pub clustering_then: Option<f64>,
    /// Local clustering now.
    pub clustering_now: Option<f64>,
    /// Suspicion at the decision.
    pub suspicion_then: Option<Probability>,
    /// Suspicion now.
    pub suspicion_now: Option<Probability>,
    /// Names of wash signals that were not there at the decision.
    pub new_signals: Vec<String>,
    /// Instalments missed since the decision.
    pub missed_instalments: u32,
    /// Days past due today.
    pub days_past_due: u32,
    /// The line, minor units.
    pub limit_minor: i64,
    /// Drawn 30 days ago, minor units.
    pub drawn_then_minor: i64,
    /// Drawn now, minor units.
    pub drawn_now_minor: i64,
    /// New debt elsewhere since the decision, minor units.
    pub new_debt_elsewhere_minor: Option<i64>,
}

/// From where on a change is a warning.
///
/// ```
/// use dandelion_credit::monitoring::{MerchantWatch, WarningConfig, early_warnings};
///
/// // 5,000.00 in 30 days where 9,000.00 is usual: below six tenths of it, and above half of it.
/// let watch = MerchantWatch { receipts_30_minor: 500_000, usual_30_minor: Some(900_000), ..MerchantWatch::default() };
/// let on = "2026-11-23".parse().unwrap();
/// assert_eq!(early_warnings(&watch, &WarningConfig::default(), on)?.len(), 1);
/// let patient = WarningConfig { receipts_fall_share: 0.5, ..WarningConfig::default() };
/// assert_eq!(early_warnings(&watch, &patient, on)?, []);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WarningConfig {
    /// Receipts below this share of the usual.
    pub receipts_fall_share: f64,
    /// Days without a receipt, as a multiple of the usual gap.
    pub silence_multiple: f64,
    /// Days without a receipt that are never too few to warn.
    pub silence_days: u32,
    /// Share of regulars moved to a linked account.
    pub moved_share: f64,
    /// Share of regulars kept below which custom is being lost.
    pub kept_share: f64,
    /// Rise of clustering: a dandelion turning into a ball of yarn.
    pub clustering_rise: f64,
    /// Rise of suspicion.
    pub suspicion_rise: f64,
    /// Rise of the used share of the line in 30 days.
    pub utilisation_rise: f64,
    /// New debt elsewhere as a share of usual receipts of 30 days.
    pub new_debt_share: f64,
}

impl Default for WarningConfig {
    fn default() -> Self {
        Self {
            receipts_fall_share: 0.6,
            silence_multiple: 2.0,
            silence_days: 4,
            moved_share: 0.2,
            kept_share: 0.4,
            clustering_rise: 0.15,
            suspicion_rise: 0.2,
            utilisation_rise: 0.5,
            new_debt_share: 1.0,
        }
    }
}

/// What a warning is about, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Instalments were missed.
    MissedInstalments,
    /// Regular payers now pay a linked account.
    ReceiptsDiverted,
    /// New wash signals, or suspicion has risen.
    WashSignals,
    /// No receipt for far longer than usual.
    Silent,
    /// Receipts fell below what was expected from the low side.
    ReceiptsFalling,
    /// Regular payers stay away.
    CustomersLost,
    /// Counterparties have begun to know each other.
    ClusteringTurning,
    /// The line is suddenly used much more.
    UtilisationJump,
    /// Much new debt elsewhere.
    NewDebtElsewhere,
}

/// One warning with what it stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyWarning {
    /// What it is about.
    pub kind: WarningKind,
    /// From 0 (just beyond the threshold) to 1 (as bad as it can be).
    pub severity: f64,
    /// What was seen.
    pub observed: f64,
    /// From where on it is a warning.
    pub threshold: f64,
    /// The evidence in a sentence a person can check.
    pub evidence: String,
}

/// Every warning about a merchant on a day, the severest first, of equals the gravest kind.
///
/// # Errors
/// [`Error::is_invalid`] when a threshold is not a finite number of zero or more.
///
/// ```
/// use dandelion_credit::monitoring::{MerchantWatch, WarningConfig, WarningKind, early_warnings};
///
/// let watch = MerchantWatch { receipts_30_minor: 200_000, usual_30_minor: Some(900_000), ..MerchantWatch::default() };
/// let warnings = early_warnings(&watch, &WarningConfig::default(), "2026-11-23".parse().unwrap())?;
/// assert_eq!(warnings[0].kind, WarningKind::ReceiptsFalling);
/// assert_eq!(warnings[0].evidence, "2026-11-23: 200000 received in 30 days, usual 900000, warned below 540000");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn early_warnings(watch: &MerchantWatch, config: &WarningConfig, on: Date) -> Result<Vec<EarlyWarning>> {
    check(config)?;
    let mut look = Look { watch, config, on, found: Vec::new() };
    look.at_repayment();
    look.at_diversion();
    look.at_washing();
    look.at_silence();
    look.at_receipts();
    look.at_regulars();
    look.at_clustering();
    look.at_utilisation();
    look.at_debt_elsewhere();
    let mut found = look.found;
    found.sort_by(|a, b| b.severity.total_cmp(&a.severity).then(a.kind.cmp(&b.kind)));
    Ok(found)
}

fn check(config: &WarningConfig) -> Result<()> {
    for (name, value) in [
        ("receipts_fall_share", config.receipts_fall_share),
        ("silence_multiple", config.silence_multiple),
        ("moved_share", config.moved_share),
        ("kept_share", config.kept_share),
        ("clustering_rise", config.clustering_rise),
        ("suspicion_rise", config.suspicion_rise),
        ("utilisation_rise", config.utilisation_rise),
        ("new_debt_share", config.new_debt_share),
    ] {
        if !(0.0..=1e6).contains(&value) {
            return Err(Error::invalid(format!("warning.{name}"), value, "from 0 to 1,000,000"));
        }
    }
    Ok(())
}

/// One look at a merchant: what was found so far.
struct Look<'a> {
    watch: &'a MerchantWatch,
    config: &'a WarningConfig,
    on: Date,
    found: Vec<EarlyWarning>,
}

impl Look<'_> {
    /// A warning whose severity runs from 0 at the threshold to 1 at `worst`.
    fn warn(&mut self, kind: WarningKind, observed: f64, threshold: f64, worst: f64, evidence: &str) {
        let span = worst - threshold;
        let severity = if span == 0.0 { 1.0 } else { ((observed - threshold) / span).clamp(0.0, 1.0) };
        let evidence = format!("{}: {evidence}", self.on);
        self.found.push(EarlyWarning { kind, severity, observed, threshold, evidence });
    }

    /// Receipts usual in 30 days, where there are any.
    fn usual_30_minor(&self) -> Option<i64> {
        self.watch.usual_30_minor.filter(|usual| *usual > 0)
    }

    fn at_repayment(&mut self) {
        let (missed, days) = (self.watch.missed_instalments, self.watch.days_past_due);
        if missed > 0 || days > 0 {
            let evidence = format!("{missed} instalments missed, {days} days past due");
            let observed = f64::from(days).max(f64::from(missed));
            self.warn(WarningKind::MissedInstalments, observed, 0.0, 30.0, &evidence);
        }
    }

    fn at_diversion(&mut self) {
        let threshold = self.config.moved_share;
        if let Some(moved) = self.watch.regulars_moved_share.map(Probability::get).filter(|moved| *moved >= threshold) {
            let evidence = format!("{:.0} % of its regulars now pay a linked account", moved * 100.0);
            self.warn(WarningKind::ReceiptsDiverted, moved, threshold, 1.0, &evidence);
        }
    }

    fn at_washing(&mut self) {
        let rise = match (self.watch.suspicion_then, self.watch.suspicion_now) {
            (Some(then), Some(now)) => now.get() - then.get(),
            (None, Some(now)) => now.get(),
            _ => 0.0,
        };
        let signals = &self.watch.new_signals;
        if !signals.is_empty() || rise > self.config.suspicion_rise {
            let evidence = format!("suspicion rose by {rise:.2}; new signals: {}", signals.join(", "));
            // A new signal is a warning however small the rise.
            let observed = rise.max(0.0);
            self.warn(WarningKind::WashSignals, observed, self.config.suspicion_rise.min(observed), 1.0, &evidence);
        }
    }

    fn at_silence(&mut self) {
        let Some(days) = self.watch.days_since_receipt else { return };
        let usual = f64::from(self.watch.usual_gap_days.unwrap_or(1).max(1));
        let threshold = (usual * self.config.silence_multiple).max(f64::from(self.config.silence_days));
        if f64::from(days) > threshold {
            let evidence = format!("no receipt for {days} days, 95 % of its gaps are within {usual:.0}");
            self.warn(WarningKind::Silent, f64::from(days), threshold, threshold + 30.0, &evidence);
        }
    }

    fn at_receipts(&mut self) {
        let usual = self.usual_30_minor();
        let share = self.config.receipts_fall_share;
        let floor = match (usual, self.watch.expected_low_30_minor) {
            // What a low quantile already expected is no news.
            (Some(usual), Some(low)) => Some((usual as f64 * share).min(low.max(0) as f64)),
            (Some(usual), None) => Some(usual as f64 * share),
            (None, low) => low.map(|low| low.max(0) as f64),
        };
        let received = self.watch.receipts_30_minor.max(0);
        if let Some(floor) = floor.filter(|floor| (received as f64) < *floor) {
            let usual = usual.map_or_else(|| "unknown".to_owned(), |usual| usual.to_string());
            let evidence = format!("{received} received in 30 days, usual {usual}, warned below {floor:.0}");
            self.warn(WarningKind::ReceiptsFalling, received as f64, floor, 0.0, &evidence);
        }
    }

    fn at_regulars(&mut self) {
        let threshold = self.config.kept_share;
        if let Some(kept) = self.watch.regulars_kept_share.map(Probability::get).filter(|kept| *kept < threshold) {
            let evidence = format!("{:.0} % of its regulars still come", kept * 100.0);
            self.warn(WarningKind::CustomersLost, kept, threshold, 0.0, &evidence);
        }
    }

    fn at_clustering(&mut self) {
        let (Some(then), Some(now)) = (self.watch.clustering_then, self.watch.clustering_now) else { return };
        if now - then > self.config.clustering_rise {
            let evidence =
                format!("local clustering went from {then:.3} to {now:.3}: its counterparties know each other now");
            self.warn(WarningKind::ClusteringTurning, now - then, self.config.clustering_rise, 1.0, &evidence);
        }
    }

    fn at_utilisation(&mut self) {
        let limit = self.watch.limit_minor;
        if limit <= 0 {
            return;
        }
        let [then, now] =
            [self.watch.drawn_then_minor, self.watch.drawn_now_minor].map(|drawn| drawn.max(0) as f64 / limit as f64);
        if now - then > self.config.utilisation_rise {
            let evidence =
                format!("use of the line went from {:.0} % to {:.0} % in 30 days", then * 100.0, now * 100.0);
            self.warn(WarningKind::UtilisationJump, now - then, self.config.utilisation_rise, 1.0, &evidence);
        }
    }

    fn at_debt_elsewhere(&mut self) {
        let (Some(debt), Some(usual)) = (self.watch.new_debt_elsewhere_minor, self.usual_30_minor()) else { return };
        let threshold = usual as f64 * self.config.new_debt_share;
        if debt as f64 > threshold {
            let evidence = format!("{debt} of new debt elsewhere against usual receipts of {usual} in 30 days");
            self.warn(WarningKind::NewDebtElsewhere, debt as f64, threshold, 4.0 * threshold + 1.0, &evidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Date {
        "2026-11-23".parse().unwrap()
    }

    fn p(value: f64) -> Option<Probability> {
        Probability::new(value).ok()
    }

    fn calm() -> MerchantWatch {
        MerchantWatch {
            receipts_30_minor: 880_000,
            expected_low_30_minor: Some(700_000),
            usual_30_minor: Some(900_000),
            days_since_receipt: Some(1),
            usual_gap_days: Some(2),
            regulars_kept_share: p(0.8),
            regulars_moved_share: p(0.02),
            clustering_then: Some(0.02),
            clustering_now: Some(0.03),
            suspicion_then: p(0.05),
            suspicion_now: p(0.06),
            limit_minor: 1_000_000,
            drawn_then_minor: 300_000,
            drawn_now_minor: 500_000,
            new_debt_elsewhere_minor: Some(0),
            ..MerchantWatch::default()
        }
    }

    fn kinds(watch: &MerchantWatch) -> Vec<WarningKind> {
        let warnings = early_warnings(watch, &WarningConfig::default(), day()).unwrap();
        assert!(warnings.iter().all(|warning| (0.0..=1.0).contains(&warning.severity) && !warning.evidence.is_empty()));
        warnings.iter().map(|warning| warning.kind).collect()
    }

    #[test]
    fn each_change_raises_its_own_warning_and_calm_none() {
        use WarningKind as W;
        assert_eq!(kinds(&calm()), []);
        assert_eq!(kinds(&MerchantWatch { missed_instalments: 1, ..calm() }), [W::MissedInstalments]);
        assert_eq!(kinds(&MerchantWatch { regulars_moved_share: p(0.5), ..calm() }), [W::ReceiptsDiverted]);
        assert_eq!(kinds(&MerchantWatch { suspicion_now: p(0.5), ..calm() }), [W::WashSignals]);
        assert_eq!(kinds(&MerchantWatch { new_signals: vec!["cycle".into()], ..calm() }), [W::WashSignals]);
        assert_eq!(kinds(&MerchantWatch { days_since_receipt: Some(9), ..calm() }), [W::Silent]);
        assert_eq!(kinds(&MerchantWatch { receipts_30_minor: 300_000, ..calm() }), [W::ReceiptsFalling]);
        assert_eq!(kinds(&MerchantWatch { regulars_kept_share: p(0.1), ..calm() }), [W::CustomersLost]);
        assert_eq!(kinds(&MerchantWatch { clustering_now: Some(0.4), ..calm() }), [W::ClusteringTurning]);
        assert_eq!(kinds(&MerchantWatch { drawn_now_minor: 950_000, ..calm() }), [W::UtilisationJump]);
        assert_eq!(
            kinds(&MerchantWatch { new_debt_elsewhere_minor: Some(2_000_000), ..calm() }),
            [W::NewDebtElsewhere]
        );
    }

    #[test]
    fn worse_is_severer() {
        let severity = |receipts_30_minor| {
            let watch = MerchantWatch { receipts_30_minor, ..calm() };
            early_warnings(&watch, &WarningConfig::default(), day()).unwrap()[0].severity
        };
        assert!(severity(0) > severity(200_000) && severity(200_000) > severity(500_000));
        assert_eq!(severity(0), 1.0);
        let bad = WarningConfig { moved_share: f64::NAN, ..WarningConfig::default() };
        assert!(early_warnings(&calm(), &bad, day()).unwrap_err().to_string().starts_with("warning.moved_share"));
    }
}
