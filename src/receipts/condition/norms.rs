//! What is usual in a segment, against which one merchant is held.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::progress::Progress;

use super::super::daily::DailyPanel;
use super::days::median;
use super::{ConditionConfig, condition_of_panel};

/// What is usual in one segment (a trade, a district).
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, DailySeries, SegmentNorms, condition_of_series};
///
/// // 60 days at 10.00, then 30 at 4.00: (120 / 30) / (720 / 90) = 0.5. In its trade a half is usual this season.
/// let days: Vec<i64> = (0..90).map(|day| if day < 60 { 1_000 } else { 400 }).collect();
/// let winter = SegmentNorms { ratio_30_90: 0.5, stop_rate_30d: [0.05, 0.03, 0.01] };
/// let config = ConditionConfig { norms: vec![winter], ..ConditionConfig::default() };
/// let condition = condition_of_series(&DailySeries::new(0, days)?, 0, &config)?;
/// assert_eq!((condition.get("ratio_30_90"), condition.get("growth_against_segment")), (Some(0.5), Some(0.0)));
/// assert_eq!(condition.get("segment_stop_rate_30d"), Some(0.03)); // 90 days old: the second band
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentNorms {
    /// Median of `ratio_30_90`.
    pub ratio_30_90: f64,
    /// Share of shops with receipts 31 to 60 days ago and none since, by tenure: under 90 days, under a year, older.
    pub stop_rate_30d: [f64; 3],
}

impl Default for SegmentNorms {
    /// Level receipts, nobody stops.
    fn default() -> Self {
        Self { ratio_30_90: 1.0, stop_rate_30d: [0.0; 3] }
    }
}

fn band(tenure_days: f64) -> usize {
    usize::from(tenure_days >= 90.0) + usize::from(tenure_days >= 365.0)
}

impl SegmentNorms {
    pub(super) fn stop_rate(&self, tenure_days: f64) -> f64 {
        self.stop_rate_30d[band(tenure_days)]
    }

    pub(super) fn is_valid(&self) -> bool {
        self.ratio_30_90.is_finite() && self.stop_rate_30d.iter().all(|rate| (0.0..=1.0).contains(rate))
    }
}

/// Norms of every segment of a panel, as [`ConditionConfig::norms`] takes them; segments in which nobody trades are level.
///
/// Stop rates are shrunk to 2 % by twenty shops' worth, so that a segment of three is not said to be immortal.
///
/// # Errors
/// As [`condition_of_panel`].
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::receipts::{ConditionConfig, DailyPanel, segment_norms};
///
/// // Four shops of 60 days; the last has been silent for 30.
/// let days = [[100; 60], [200; 60], [300; 60], std::array::from_fn(|day| if day < 30 { 400 } else { 0 })].concat();
/// let panel = DailyPanel::new(59, vec![0, 60, 120, 180, 240], days)?;
/// let norms = segment_norms(&panel, &ConditionConfig::default(), Progress::silent())?;
/// assert_eq!(norms[0].ratio_30_90, 1.0);
/// // One of four fell silent, shrunk to 2 % of twenty: (1 + 0.4) / (4 + 20).
/// assert_eq!(norms[0].stop_rate_30d[0], 1.4 / 24.0);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn segment_norms(
    panel: &DailyPanel,
    config: &ConditionConfig,
    progress: Progress<'_>,
) -> Result<Vec<SegmentNorms>> {
    let table = condition_of_panel(panel, &ConditionConfig { norms: Vec::new(), ..config.clone() }, progress)?;
    let segments = (0..panel.len()).map(|merchant| panel.segment(merchant) as usize + 1).max().unwrap_or(0);
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); segments];
    let mut stopped = vec![[(0.0, 0.0); 3]; segments];
    for merchant in 0..panel.len() {
        let segment = panel.segment(merchant) as usize;
        let condition = table.condition(merchant);
        if let Some(ratio) = condition.get("ratio_30_90") {
            ratios[segment].push(ratio);
        }
        let days = panel.days(merchant);
        let start = days.iter().position(|&amount| amount != 0).unwrap_or(days.len());
        let days = &days[start..];
        if days.len() > 30 {
            let (before, since) = days.split_at(days.len() - 30);
            if before[before.len().saturating_sub(30)..].iter().any(|&amount| amount > 0) {
                let (at_risk, fell_silent) = &mut stopped[segment][band(before.len() as f64)];
                *at_risk += 1.0;
                *fell_silent += f64::from(u8::from(since.iter().all(|&amount| amount <= 0)));
            }
        }
    }
    let norms = ratios.iter_mut().zip(&stopped).map(|(ratios, stopped)| SegmentNorms {
        ratio_30_90: if ratios.is_empty() { 1.0 } else { median(ratios) },
        stop_rate_30d: stopped.map(|(at_risk, fell_silent)| (fell_silent + 20.0 * 0.02) / (at_risk + 20.0)),
    });
    Ok(norms.collect())
}
