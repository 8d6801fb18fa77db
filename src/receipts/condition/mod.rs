//! How a shop is doing: level, trend, stability, seasons, customers, cash and survival, each a named measure.

mod catalogue;
mod customers;
mod days;
mod norms;
mod table;
mod verdict;

pub use catalogue::{CONDITION_CATALOGUE, ConditionEntry, condition_column};
pub use norms::{SegmentNorms, segment_norms};
pub use table::{ConditionTable, condition_of_panel, condition_of_transfers};
pub use verdict::Outlook;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::transfer::UtcOffset;

use super::daily::{DailySeries, Gaps};
use super::receipt::Receipts;
use catalogue::WIDTH;
use customers::{Seen, measure_outflows, measure_receipts};
use days::{Days, Scratch};

/// What a judgement of condition is told besides the receipts.
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, DailySeries, Outlook, condition_of_series};
///
/// // A shop closes for the last 14 of 90 days. Is that a silence? Not when the caller says these days are holidays.
/// let series = DailySeries::new(0, [[1_000; 76].to_vec(), [0; 14].to_vec()].concat())?;
/// let plain = condition_of_series(&series, 0, &ConditionConfig::default())?;
/// let holidays = ConditionConfig { holidays: (76..90).collect(), ..ConditionConfig::default() };
/// let told = condition_of_series(&series, 0, &holidays)?;
/// assert_eq!([plain, told].map(|it| it.get("days_since_last_receipt")), [Some(14.0), Some(0.0)]);
/// assert_eq!([plain, told].map(|it| it.outlook()), [Outlook::Stopped, Outlook::Steady]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionConfig {
    /// Where days are cut.
    pub utc_offset: UtcOffset,
    /// Days since 1970-01-01 that are holidays, in any order: lunar new year and whatever else closes or fills shops where
    /// these are. Weeks with one are left out of the trend, and closing on one is no silence. Ratios of windows count
    /// them as any other day; what a feast did to everybody is in `growth_against_segment`.
    pub holidays: Vec<i32>,
    /// What is usual in each merchant's segment; see [`segment_norms`].
    pub norms: Vec<SegmentNorms>,
}

/// One merchant's condition on one day.
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, DailySeries, condition_of_series};
///
/// // Twelve weeks of 10.00 a day and one of 4.00.
/// let days = (0..91).map(|day| if day < 84 { 1_000 } else { 400 }).collect::<Vec<_>>();
/// let condition = condition_of_series(&DailySeries::new(0, days)?, 0, &ConditionConfig::default())?;
/// assert_eq!(condition.get("receipts_7d"), Some(2_800.0));
/// assert_eq!(condition.get("drawdown_90d"), Some(0.6)); // 28.00 against 70.00 in the best week
/// assert_eq!(condition.get("payers_90d"), None); // daily sums do not say who paid
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// In the order of [`CONDITION_CATALOGUE`]; NaN stands for undefined and never leaves this type.
    row: [f64; WIDTH],
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(WIDTH + 1))?;
        map.serialize_entry("outlook", &self.outlook())?;
        for (entry, value) in CONDITION_CATALOGUE.iter().zip(self.values()) {
            map.serialize_entry(entry.name, &value)?;
        }
        map.end()
    }
}

impl Condition {
    /// The measure called `name` in [`CONDITION_CATALOGUE`]; `None` where it is undefined or there is none of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        condition_column(name).map(|place| self.row[place]).filter(|value| !value.is_nan())
    }

    /// Every measure in the order of [`CONDITION_CATALOGUE`], `None` where undefined.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Option<f64>> {
        self.row.iter().map(|&value| (!value.is_nan()).then_some(value))
    }

    /// The condition in a word.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        verdict::outlook(self)
    }

    /// The condition in a sentence with the numbers behind it.
    #[must_use]
    pub fn sentence(&self) -> String {
        verdict::sentence(self)
    }
}

/// The last 1,200 days are looked at: no measure reaches further back.
const MOST_DAYS: usize = 1_200;

/// The condition of one merchant at the end of `last_day` (days since 1970-01-01 in the configured offset).
///
/// Later receipts are left out, so a judgement of the past sees the past only. Tenure is counted from the first receipt.
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, Outlook, Receipt, Receipts, condition};
/// use dandelion_credit::AccountIndex;
///
/// // A stall that sells for 20.00 a day to four customers in turn, and for six weeks now for a tenth more each week.
/// let receipts = Receipts::from_rows((0..120u32).map(|day| Receipt {
///     at_seconds: i64::from(day) * 86_400 + 40_000,
///     payer: AccountIndex::new(day % 4),
///     amount_minor: (2_000.0 * 1.1f64.powi((day as i32 - 78).max(0) / 7)) as i64,
///     transfer_row: u64::from(day),
/// }))?;
/// let condition = condition(&receipts, 119, 0, &ConditionConfig::default())?;
/// assert_eq!(condition.get("active_day_ratio_90d"), Some(1.0));
/// assert_eq!(condition.get("payers_90d"), Some(4.0));
/// assert_eq!(condition.get("retained_payer_share_30d"), Some(1.0));
/// assert_eq!(condition.get("year_ago_ratio_30d"), None);
/// assert_eq!(condition.outlook(), Outlook::Growing);
/// assert!(condition.sentence().starts_with("growing: +"));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
///
/// # Errors
/// [`Error::is_invalid`] when a norm of the configuration is out of range.
pub fn condition(receipts: &Receipts, last_day: i32, segment: u32, config: &ConditionConfig) -> Result<Condition> {
    let judge = Judge::new(config)?;
    let offset = config.utc_offset;
    let mut scratch = Scratch::default();
    let first = receipts.rows().first().map(|receipt| offset.epoch_day(receipt.at_seconds));
    let Some(first) = first.filter(|&first| first <= last_day) else {
        return Ok(judge.nothing(segment, true, !receipts.outflows().is_empty()));
    };
    let reach = i64::from(last_day) - MOST_DAYS as i64 + 1;
    let first = i64::from(first).max(reach) as i32;
    let series = receipts.daily(offset, first, last_day, Gaps::Zero)?;
    let (days, _) = begun(series.amount_minor(), &[]);
    let mut row = judge.days(days, &[], last_day, receipts.coverage().get(), segment, &mut scratch);
    let back = |at_seconds: i64| i64::from(last_day) - i64::from(offset.epoch_day(at_seconds));
    let within = |back: &i64| (0..MOST_DAYS as i64).contains(back);
    scratch.payers.clear();
    for receipt in receipts.rows() {
        let back = back(receipt.at_seconds);
        if within(&back) {
            scratch.payers.push(Seen::new(receipt.payer.get(), back as i32, receipt.amount_minor));
        }
    }
    measure_receipts(&mut row, &mut scratch);
    if !receipts.outflows().is_empty() {
        scratch.payers.clear();
        for outflow in receipts.outflows() {
            let back = back(outflow.at_seconds);
            if within(&back) {
                scratch.payers.push(Seen::new(outflow.payee.get(), back as i32, outflow.amount_minor));
            }
        }
        measure_outflows(&mut row, &mut scratch);
    }
    Ok(Condition { row })
}

/// The condition of one merchant of whom only daily sums are known, at the end of its last day. Measures of tickets,
/// payers and outflows are undefined.
///
/// # Errors
/// As [`condition`].
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, DailySeries, condition_of_series};
///
/// // Open six days of seven, 20.00 each: 26 weeks.
/// let days: Vec<i64> = (0..182).map(|day| if day % 7 == 3 { 0 } else { 2_000 }).collect();
/// let condition = condition_of_series(&DailySeries::new(0, days)?, 0, &ConditionConfig::default())?;
/// assert_eq!(condition.get("sunday_factor"), Some(0.0)); // 1970-01-01 was a Thursday, so day 3 a Sunday
/// assert_eq!(condition.get("monday_factor"), Some(7.0 / 6.0));
/// assert_eq!((condition.get("weekly_cv"), condition.get("trend_30d")), (Some(0.0), Some(0.0)));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn condition_of_series(series: &DailySeries, segment: u32, config: &ConditionConfig) -> Result<Condition> {
    let judge = Judge::new(config)?;
    let known: Vec<bool> = if (0..series.len()).all(|place| series.is_known(place)) {
        Vec::new()
    } else {
        (0..series.len()).map(|place| series.is_known(place)).collect()
    };
    let (days, known) = begun(series.amount_minor(), &known);
    Ok(Condition { row: judge.days(days, known, series.last_day(), 1.0, segment, &mut Scratch::default()) })
}

/// The days from the first receipt on, at most as many as are looked at.
fn begun<'a>(days: &'a [i64], known: &'a [bool]) -> (&'a [i64], &'a [bool]) {
    let reach = days.len().saturating_sub(MOST_DAYS);
    let start = days[reach..].iter().position(|&amount| amount != 0).map_or(days.len(), |place| reach + place);
    (&days[start..], if known.is_empty() { known } else { &known[start..] })
}

/// A checked configuration.
struct Judge {
    holidays: Vec<i32>,
    norms: Vec<SegmentNorms>,
}

impl Judge {
    fn new(config: &ConditionConfig) -> Result<Self> {
        for (segment, norms) in config.norms.iter().enumerate() {
            if !norms.is_valid() {
                let rule = "a finite growth, and stop rates from 0 to 1";
                return Err(Error::invalid("norms", format!("{norms:?}"), rule).at(format_args!("segment {segment}")));
            }
        }
        let mut holidays = config.holidays.clone();
        holidays.sort_unstable();
        holidays.dedup();
        Ok(Self { holidays, norms: config.norms.clone() })
    }

    fn days(
        &self,
        amount_minor: &[i64],
        known: &[bool],
        last_day: i32,
        coverage: f64,
        segment: u32,
        scratch: &mut Scratch,
    ) -> [f64; WIDTH] {
        let mut row = [f64::NAN; WIDTH];
        let holidays = &self.holidays[..];
        Days { amount_minor, known, last_day, holidays, coverage }.measure(&mut row, scratch);
        self.against_segment(&mut row, segment);
        row
    }

    fn against_segment(&self, row: &mut [f64; WIDTH], segment: u32) {
        use catalogue::at;
        if let Some(norms) = self.norms.get(segment as usize) {
            row[at::HAZARD] = norms.stop_rate(row[at::TENURE]);
            row[at::PEER] = row[at::RATIO] - norms.ratio_30_90;
        }
    }

    /// The condition of a merchant that had received nothing yet.
    fn nothing(&self, segment: u32, with_receipts: bool, with_outflows: bool) -> Condition {
        let mut scratch = Scratch::default();
        let mut row = self.days(&[], &[], 0, 1.0, segment, &mut scratch);
        if with_receipts {
            measure_receipts(&mut row, &mut scratch);
        }
        if with_outflows {
            measure_outflows(&mut row, &mut scratch);
        }
        Condition { row }
    }
}
