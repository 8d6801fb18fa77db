//! Every measure of condition by name: what it means, its unit and range, and when it is undefined.

use serde::Serialize;

/// One measure of a business's condition.
///
/// ```
/// use dandelion_credit::receipts::{CONDITION_CATALOGUE, condition_column};
///
/// let entry = CONDITION_CATALOGUE[condition_column("drawdown_90d").unwrap()];
/// assert_eq!((entry.block, entry.unit, entry.range), ("trend", "share", "0..=1"));
/// assert_eq!(entry.meaning, "How far the last 7 days lie below the best 7 days of the last 90.");
/// assert_eq!(entry.undefined_when, "no 7 days with receipts above zero in 90 days");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ConditionEntry {
    /// Its name, as columns carry it.
    pub name: &'static str,
    /// The block of the catalogue it belongs to.
    pub block: &'static str,
    /// What it says, in a sentence.
    pub meaning: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The values it can take.
    pub range: &'static str,
    /// When it has no value; empty when it always has one.
    pub undefined_when: &'static str,
}

macro_rules! catalogue {
    ($($constant:ident $name:literal $block:literal $unit:literal $range:literal $undefined:literal $meaning:literal)*) => {
        #[allow(dead_code, non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place { $($constant),* }
        /// Places of the measures in a row.
        pub(super) mod at {
            $(#[allow(dead_code)] pub(in super::super) const $constant: usize = super::Place::$constant as usize;)*
        }
        /// Every measure, in the order of columns.
        pub const CONDITION_CATALOGUE: &[ConditionEntry] = &[$(ConditionEntry {
            name: $name, block: $block, meaning: $meaning, unit: $unit, range: $range, undefined_when: $undefined,
        }),*];
    };
}

catalogue! {
    TENURE "tenure_days" "level" "days" "0.." "" "Days from the first receipt known to the day of judgement, both included."
    R7 "receipts_7d" "level" "minor units" "any" "" "Receipts of the last 7 days, refunds taken off."
    R30 "receipts_30d" "level" "minor units" "any" "" "Receipts of the last 30 days, refunds taken off."
    R90 "receipts_90d" "level" "minor units" "any" "" "Receipts of the last 90 days, refunds taken off."
    R180 "receipts_180d" "level" "minor units" "any" "" "Receipts of the last 180 days, refunds taken off."
    R365 "receipts_365d" "level" "minor units" "any" "" "Receipts of the last 365 days, refunds taken off."
    TRADE30 "trade_30d" "level" "minor units" "any" "" "The trade that the receipts of the last 30 days stand for: receipts over the share of trade they cover."
    ACTIVE "active_day_ratio_90d" "level" "share" "0..=1" "no known day" "Share of known days with receipts, over the last 90 days or the tenure where it is shorter."
    TICKETS "tickets_per_day_90d" "level" "receipts a day" "0.." "only daily sums are known" "Receipts above zero a day over the last 90 days or the tenure where it is shorter."
    TICKET "median_ticket_90d" "level" "minor units" "above 0" "no receipt above zero in 90 days, or only daily sums are known" "Median receipt above zero over the last 90 days."
    REFUNDS "refund_share_90d" "level" "share" "0.." "nothing was received in 90 days, or only daily sums are known" "Refunds over receipts above zero, last 90 days."
    TREND "trend_30d" "trend" "growth a 30 days" "above -1" "fewer than 4 whole weeks" "Theil-Sen slope of the log of weekly receipts over up to 26 whole weeks without holidays, as growth in 30 days: 0.1 is a tenth more."
    TREND_SIGN "trend_z" "trend" "standard deviations" "any" "fewer than 4 whole weeks" "Mann-Kendall statistic of the same weeks: beyond 2 either way the trend is not chance."
    RATIO "ratio_30_90" "trend" "ratio" "any" "tenure below 60 days, or receipts of 90 days not above zero" "Receipts a day of the last 30 days over those of the last 90 (or the tenure where it is shorter)."
    DRAWDOWN "drawdown_90d" "trend" "share" "0..=1" "no 7 days with receipts above zero in 90 days" "How far the last 7 days lie below the best 7 days of the last 90."
    CV "weekly_cv" "stability" "ratio" "0.." "fewer than 4 whole weeks, or their mean is not above zero" "Standard deviation of weekly receipts over their mean, up to 26 whole weeks."
    STREAK "longest_zero_streak_180d" "stability" "days" "0..=180" "" "Longest run of known days without receipts in the last 180 days of the tenure, holidays passed over."
    WEAK "weak_week_share" "stability" "share" "0..=1" "fewer than 4 whole weeks, or their median is not above zero" "Share of weeks below half the median week, up to 26 whole weeks without holidays."
    MON "monday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Monday over those of a mean day, up to 26 weeks."
    TUE "tuesday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Tuesday over those of a mean day, up to 26 weeks."
    WED "wednesday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Wednesday over those of a mean day, up to 26 weeks."
    THU "thursday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Thursday over those of a mean day, up to 26 weeks."
    FRI "friday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Friday over those of a mean day, up to 26 weeks."
    SAT "saturday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Saturday over those of a mean day, up to 26 weeks."
    SUN "sunday_factor" "seasonality" "ratio" "0..=7" "tenure below 21 days, or receipts not above zero" "Receipts of a Sunday over those of a mean day, up to 26 weeks."
    HOLIDAY "holiday_factor" "seasonality" "ratio" "0.." "no holiday in the last 400 days of the tenure, or other days bring nothing" "Receipts of a holiday over those of the other days, last 400 days."
    YEAR_AGO "year_ago_ratio_30d" "seasonality" "ratio" "any" "tenure below 400 days, or nothing above zero came then" "Receipts of the last 30 days over those of the same weekdays 364 days before."
    YEAR_SHAPE "year_ago_ratio_30_90" "seasonality" "ratio" "any" "tenure below 454 days, or nothing above zero came then" "What ratio_30_90 was 364 days before: a season shows in both."
    PAYERS "payers_90d" "customers" "payers" "0.." "only daily sums are known" "Distinct payers of the last 90 days."
    NEW_PAYERS "new_payer_share_30d" "customers" "share" "0..=1" "no payer in 30 days, or only daily sums are known" "Share of the payers of the last 30 days that never paid before."
    RETURNING "returning_payer_share_30d" "customers" "share" "0..=1" "no payer in 30 days, or only daily sums are known" "Share of the payers of the last 30 days that had paid before: the rest of new_payer_share_30d."
    RETAINED "retained_payer_share_30d" "customers" "share" "0..=1" "no payer 31 to 60 days ago, or only daily sums are known" "Share of the payers of days 31 to 60 back that paid again in the last 30."
    COHORT "cohort_retention_90d" "customers" "share" "0..=1" "no payer was first seen 91 to 180 days ago, or only daily sums are known" "Share of the payers first seen 91 to 180 days ago that paid in the last 90."
    HHI "payer_hhi_90d" "customers" "share" "0..=1" "nothing was received in 90 days, or only daily sums are known" "Sum over payers of squared share of receipts above zero, last 90 days: 1 is a single payer."
    TOP_PAYER "top_payer_share_90d" "customers" "share" "0..=1" "nothing was received in 90 days, or only daily sums are known" "Largest payer's share of receipts above zero, last 90 days."
    OUTFLOW "outflow_ratio_90d" "cash" "ratio" "any" "outflows are not known, or receipts of 90 days not above zero" "Outflows over receipts, last 90 days."
    SUPPLIER "supplier_week_share" "cash" "share" "0..=1" "outflows are not known, or the tenure is below 28 days" "Share of the last 13 weeks in which a payee that was paid in at least 3 of them was paid: regular stocking up."
    SILENCE "days_since_last_receipt" "survival" "days" "0.." "nothing was ever received" "Known days since the last day with receipts, holidays passed over."
    GAP "usual_gap_p95_days" "survival" "days" "1.." "fewer than 5 days with receipts in 400 days" "95th percentile of the gaps between days with receipts, last 400 days, holidays passed over."
    SILENCE_RATIO "silence_ratio" "survival" "ratio" "0.." "fewer than 5 days with receipts in 400 days" "Days since the last receipt over the usual gap: above 1 the shop is quieter than it ever was for long."
    HAZARD "segment_stop_rate_30d" "survival" "share" "0..=1" "no norms of the segment were given" "Share of shops of its segment and age that fell silent within 30 days."
    PEER "growth_against_segment" "peers" "difference" "any" "no norms of the segment were given, or no ratio_30_90" "Own ratio_30_90 less the segment's median."
}

/// Number of measures.
pub(super) const WIDTH: usize = CONDITION_CATALOGUE.len();

/// The place of the measure called `name`.
///
/// ```
/// use dandelion_credit::receipts::{CONDITION_CATALOGUE, condition_column};
///
/// assert_eq!(condition_column("receipts_30d"), Some(2));
/// assert_eq!(CONDITION_CATALOGUE[2].unit, "minor units");
/// assert_eq!(condition_column("turnover"), None);
/// ```
#[must_use]
pub fn condition_column(name: &str) -> Option<usize> {
    CONDITION_CATALOGUE.iter().position(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_find_their_place() {
        for (place, entry) in CONDITION_CATALOGUE.iter().enumerate() {
            assert_eq!(condition_column(entry.name), Some(place));
            assert!(entry.meaning.ends_with('.') && !entry.unit.is_empty() && !entry.range.is_empty());
        }
        assert_eq!(CONDITION_CATALOGUE[at::PEER].name, "growth_against_segment");
        assert_eq!(condition_column("no such measure"), None);
    }
}
