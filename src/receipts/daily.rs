//! Receipts a day: one merchant's series, and a panel of many.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a day without a receipt means.
///
/// ```
/// use dandelion_credit::receipts::{DailySeries, Gaps};
///
/// let dated = [(10, 600), (12, 300)];
/// let closed = DailySeries::from_dated(dated, 10, 12, Gaps::Zero)?;
/// let unrecorded = DailySeries::from_dated(dated, 10, 12, Gaps::Unknown)?;
/// // Day 11 sold nothing, or nobody wrote it down: then it is taken to be the mean of the known days.
/// assert_eq!((closed.is_known(1), closed.filled()), (true, vec![600, 0, 300]));
/// assert_eq!((unrecorded.is_known(1), unrecorded.filled()), (false, vec![600, 450, 300]));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// Nothing was sold that day: the usual case when the record is complete.
    #[default]
    Zero,
    /// Nobody recorded that day: it says nothing, neither of the level nor of the shop having stopped.
    Unknown,
}

/// One merchant's receipts a day, from `first_day` on without a hole.
///
/// Days are counted from 1970-01-01 in whatever offset the caller cut them at. Amounts are whole minor units, refunds
/// taken off, so a day may be negative. Where gaps are unknown, the days without a receipt are marked and carry 0.
///
/// ```
/// use dandelion_credit::receipts::{DailySeries, Gaps};
///
/// // Two sales and a refund on day 20,000, nothing on the next, one sale on the third.
/// let dated = [(20_002, 500), (20_000, 900), (20_000, 300), (20_000, -200)];
/// let series = DailySeries::from_dated(dated, 20_000, 20_002, Gaps::Zero)?;
/// assert_eq!(series.amount_minor(), [1_000, 0, 500]);
/// // A test of the past sees the past only.
/// assert_eq!(series.until(20_001).amount_minor(), [1_000, 0]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct DailySeries {
    first_day: i32,
    amount_minor: Vec<i64>,
    /// Whether each day is known; empty when all are.
    known: Vec<bool>,
}

#[derive(Deserialize)]
struct Unchecked {
    first_day: i32,
    amount_minor: Vec<i64>,
    known: Vec<bool>,
}

impl TryFrom<Unchecked> for DailySeries {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self> {
        let Unchecked { first_day, amount_minor, known } = unchecked;
        if !known.is_empty() && known.len() != amount_minor.len() {
            return Err(Error::invalid("length of known", known.len(), "one a day, or none when all days are known"));
        }
        Ok(Self { known, ..Self::new(first_day, amount_minor)? })
    }
}

impl DailySeries {
    /// The longest series, a little over a hundred years: beyond it a date is a typing error, not history.
    pub const MAX_DAYS: usize = 40_000;

    /// Receipts a day from `first_day` on, every day known.
    ///
    /// # Errors
    /// [`Error::is_invalid`] past [`MAX_DAYS`](Self::MAX_DAYS) or past the last day an `i32` counts, and
    /// [`Error::is_overflow`] when the absolute amounts add up to more than an `i64` holds.
    pub fn new(first_day: i32, amount_minor: impl Into<Vec<i64>>) -> Result<Self> {
        let amount_minor = amount_minor.into();
        if amount_minor.len() > Self::MAX_DAYS {
            return Err(Error::invalid("days of a series", amount_minor.len(), "at most 40,000 days"));
        }
        if first_day.checked_add(amount_minor.len() as i32).is_none() {
            return Err(Error::invalid("first day", first_day, "a day so that the last one can be counted too"));
        }
        check_sum(&amount_minor)?;
        Ok(Self { first_day, amount_minor, known: Vec::new() })
    }

    /// Sums a day of dated amounts in any order; those outside `first_day..=last_day` are left out.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::is_invalid`] when `last_day` is before `first_day`.
    pub fn from_dated(
        dated: impl IntoIterator<Item = (i32, i64)>,
        first_day: i32,
        last_day: i32,
        gaps: Gaps,
    ) -> Result<Self> {
        let days = i64::from(last_day) - i64::from(first_day) + 1;
        if !(1..=Self::MAX_DAYS as i64).contains(&days) {
            let rule = format!("from the first day, {first_day}, to 39,999 days after it");
            return Err(Error::invalid("last day", last_day, rule));
        }
        let mut sums = vec![0i128; days as usize];
        let mut known = vec![gaps == Gaps::Zero; days as usize];
        for (day, amount) in dated {
            if (first_day..=last_day).contains(&day) {
                let place = (i64::from(day) - i64::from(first_day)) as usize;
                sums[place] += i128::from(amount);
                known[place] = true;
            }
        }
        let amount_minor: Option<Vec<i64>> = sums.into_iter().map(|sum| i64::try_from(sum).ok()).collect();
        let amount_minor = amount_minor.ok_or_else(|| Error::overflow("receipts of a day", SUM_RULE))?;
        let known = if known.iter().all(|&known| known) { Vec::new() } else { known };
        Ok(Self { known, ..Self::new(first_day, amount_minor)? })
    }

    /// The first day, counted from 1970-01-01.
    #[must_use]
    pub fn first_day(&self) -> i32 {
        self.first_day
    }

    /// The last day, counted from 1970-01-01; the day before the first when the series is empty.
    #[must_use]
    pub fn last_day(&self) -> i32 {
        self.first_day + self.amount_minor.len() as i32 - 1
    }

    /// Receipts a day in whole minor units; 0 on unknown days.
    #[must_use]
    pub fn amount_minor(&self) -> &[i64] {
        &self.amount_minor
    }

    /// Whether the day in place `index` is known; days past the end are not.
    #[must_use]
    pub fn is_known(&self, index: usize) -> bool {
        index < self.amount_minor.len() && self.known.get(index).copied().unwrap_or(true)
    }

    /// Number of days.
    #[must_use]
    pub fn len(&self) -> usize {
        self.amount_minor.len()
    }

    /// Whether it has no day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.amount_minor.is_empty()
    }

    /// Receipts a day with unknown days filled in: the mean of the last four known days of the same weekday, or, before
    /// there is one, of the known days of the whole series.
    #[must_use]
    pub fn filled(&self) -> Vec<i64> {
        let mut filled = self.amount_minor.clone();
        if self.known.is_empty() {
            return filled;
        }
        let known = self.known.iter().filter(|&&known| known).count() as i128;
        let total: i128 = self.amount_minor.iter().map(|&amount| i128::from(amount)).sum();
        let overall = if known == 0 { 0 } else { (total / known) as i64 };
        let mut last: [[i64; 4]; 7] = [[0; 4]; 7];
        let mut count = [0usize; 7];
        for (place, amount) in filled.iter_mut().enumerate() {
            let weekday = place % 7;
            if self.known[place] {
                last[weekday][count[weekday] % 4] = *amount;
                count[weekday] += 1;
            } else {
                let seen = count[weekday].min(4);
                let sum: i128 = last[weekday][..seen].iter().map(|&amount| i128::from(amount)).sum();
                *amount = if seen == 0 { overall } else { (sum / seen as i128) as i64 };
            }
        }
        filled
    }

    /// The series up to and with `last_day`.
    #[must_use]
    pub fn until(&self, last_day: i32) -> Self {
        let days = (i64::from(last_day) - i64::from(self.first_day) + 1).clamp(0, self.len() as i64) as usize;
        let known = if self.known.is_empty() { Vec::new() } else { self.known[..days].to_vec() };
        Self { first_day: self.first_day, amount_minor: self.amount_minor[..days].to_vec(), known }
    }
}

const SUM_RULE: &str = "at most 9,223,372,036,854,775,807 minor units";

fn check_sum(amount_minor: &[i64]) -> Result<()> {
    let total: u128 = amount_minor.iter().map(|amount| u128::from(amount.unsigned_abs())).sum();
    if total > i64::MAX as u128 {
        return Err(Error::overflow("sum of all absolute amounts of a merchant", SUM_RULE));
    }
    Ok(())
}

/// Daily receipts of many merchants, each from its own first day to one common last day: the columns behind batch work.
///
/// `amount_minor[offsets[m]..offsets[m + 1]]` are the days of merchant `m`, the last of them being `last_day`, so a
/// merchant that began late takes little room. Segments, where the caller has them (trade, district), are what thin
/// histories are shrunk to.
///
/// ```
/// use dandelion_credit::receipts::DailyPanel;
///
/// // Both series end on day 20,002; the second shop opened two days later.
/// let panel = DailyPanel::new(20_002, vec![0, 3, 4], vec![1_000, 0, 500, 800])?.with_segments(vec![0, 7])?;
/// assert_eq!((panel.days(0), panel.days(1)), (&[1_000, 0, 500][..], &[800][..]));
/// assert_eq!(panel.segment(1), 7);
/// // A day earlier the second shop had not begun.
/// assert_eq!((panel.until(20_001).days(0), panel.until(20_001).days(1).len()), (&[1_000, 0][..], 0));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyPanel {
    pub(super) last_day: i32,
    pub(super) offsets: Vec<u64>,
    pub(super) amount_minor: Vec<i64>,
    pub(super) segments: Vec<u32>,
}

impl DailyPanel {
    /// A panel from columns the caller already has: `amount_minor[offsets[m]..offsets[m + 1]]` are the days of merchant
    /// `m`, the last of them `last_day`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when offsets do not start at 0, fall, or do not end at the number of amounts, when a
    /// merchant has more than [`DailySeries::MAX_DAYS`] days; [`Error::is_overflow`] when the absolute amounts of one
    /// merchant add up to more than an `i64` holds.
    pub fn new(last_day: i32, offsets: Vec<u64>, amount_minor: Vec<i64>) -> Result<Self> {
        let rule = "offsets that start at 0, never fall and end at the number of amounts";
        if offsets.first() != Some(&0) || offsets.last() != Some(&(amount_minor.len() as u64)) || !offsets.is_sorted() {
            return Err(Error::invalid("offsets", format_args!("{} long", offsets.len()), rule));
        }
        for (merchant, ends) in offsets.windows(2).enumerate() {
            let days = &amount_minor[ends[0] as usize..ends[1] as usize];
            if days.len() > DailySeries::MAX_DAYS || last_day.checked_sub(days.len() as i32).is_none() {
                let error = Error::invalid("days of a series", days.len(), "at most 40,000 days");
                return Err(error.at(format_args!("merchant {merchant}")));
            }
            check_sum(days).map_err(|error| error.at(format_args!("merchant {merchant}")))?;
        }
        Ok(Self { last_day, offsets, amount_minor, segments: Vec::new() })
    }

    /// The same panel with each merchant's segment: small whole numbers of the caller's.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when there is not one a merchant, or one is 65,536 or more.
    pub fn with_segments(mut self, segments: Vec<u32>) -> Result<Self> {
        if segments.len() != self.len() {
            let rule = format!("one for each of {} merchants", self.len());
            return Err(Error::invalid("length of segments", segments.len(), rule));
        }
        if let Some(&segment) = segments.iter().find(|&&segment| segment > 0xffff) {
            return Err(Error::invalid("segment", segment, "below 65,536"));
        }
        self.segments = segments;
        Ok(self)
    }

    /// Number of merchants.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no merchant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The day the panel ends with, counted from 1970-01-01.
    #[must_use]
    pub fn last_day(&self) -> i32 {
        self.last_day
    }

    /// The days of `merchant`; the last is [`last_day`](Self::last_day).
    ///
    /// # Panics
    /// When `merchant` is not below [`len`](Self::len).
    #[must_use]
    pub fn days(&self, merchant: usize) -> &[i64] {
        &self.amount_minor[self.offsets[merchant] as usize..self.offsets[merchant + 1] as usize]
    }

    /// The segment of `merchant`; 0 where the caller gave none.
    #[must_use]
    pub fn segment(&self, merchant: usize) -> u32 {
        self.segments.get(merchant).copied().unwrap_or(0)
    }

    /// The panel as it was at the end of `last_day`: later days are cut off, and merchants not yet begun have none.
    #[must_use]
    pub fn until(&self, last_day: i32) -> Self {
        let cut = (i64::from(self.last_day) - i64::from(last_day)).max(0) as usize;
        let mut offsets = Vec::with_capacity(self.offsets.len());
        let mut amount_minor = Vec::with_capacity(self.amount_minor.len());
        offsets.push(0);
        for merchant in 0..self.len() {
            let days = self.days(merchant);
            amount_minor.extend_from_slice(&days[..days.len().saturating_sub(cut)]);
            offsets.push(amount_minor.len() as u64);
        }
        let last_day = last_day.min(self.last_day);
        Self { last_day, offsets, amount_minor, segments: self.segments.clone() }
    }
}

/// Collects dated amounts of many merchants into a [`DailyPanel`].
///
/// Rows come in any order; several of one day are added up; rows after the last day are left out, and so are those more
/// than `max_days` before it. A merchant's series starts at its first day with a row.
///
/// ```
/// use dandelion_credit::receipts::DailyPanelBuilder;
///
/// let mut builder = DailyPanelBuilder::new(100, 1_096);
/// builder.push(0, 99, 700);
/// builder.push(0, 97, 500);
/// builder.push(2, 100, 900);
/// builder.push(2, 101, 900); // after the last day
/// let panel = builder.build()?;
/// assert_eq!(panel.len(), 3);
/// assert_eq!(panel.days(0), [500, 0, 700, 0]);
/// assert!(panel.days(1).is_empty());
/// assert_eq!(panel.days(2), [900]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DailyPanelBuilder {
    last_day: i32,
    max_days: usize,
    merchants: u32,
    rows: Vec<(u32, i32, i64)>,
}

impl DailyPanelBuilder {
    /// A builder of a panel that ends with `last_day` and looks back at most `max_days`
    /// (cut to [`DailySeries::MAX_DAYS`]).
    #[must_use]
    pub fn new(last_day: i32, max_days: usize) -> Self {
        Self { last_day, max_days: max_days.clamp(1, DailySeries::MAX_DAYS), merchants: 0, rows: Vec::new() }
    }

    /// Adds what `merchant`, a number from 0, received on `day`.
    pub fn push(&mut self, merchant: u32, day: i32, amount_minor: i64) {
        self.merchants = self.merchants.max(merchant.saturating_add(1));
        let age = i64::from(self.last_day) - i64::from(day);
        if (0..self.max_days as i64).contains(&age) {
            self.rows.push((merchant, day, amount_minor));
        }
    }

    /// The panel: as many merchants as the highest number says, those without a row with no days.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when the absolute amounts of one merchant add up to more than an `i64` holds.
    pub fn build(mut self) -> Result<DailyPanel> {
        self.rows.sort_unstable_by_key(|&(merchant, day, _)| (merchant, day));
        let mut offsets = Vec::with_capacity(self.merchants as usize + 1);
        let mut amount_minor: Vec<i64> = Vec::new();
        offsets.push(0u64);
        let mut rows = &self.rows[..];
        for merchant in 0..self.merchants {
            let own = rows.partition_point(|row| row.0 == merchant);
            let (mine, after) = rows.split_at(own);
            rows = after;
            if let Some(&(_, first_day, _)) = mine.first() {
                let start = amount_minor.len();
                amount_minor.resize(start + (self.last_day - first_day + 1) as usize, 0);
                for &(_, day, amount) in mine {
                    let sum = &mut amount_minor[start + (day - first_day) as usize];
                    let place = || format!("merchant {merchant}");
                    let overflow = || Error::overflow("receipts of a day", SUM_RULE).at(place());
                    *sum = sum.checked_add(amount).ok_or_else(overflow)?;
                }
            }
            offsets.push(amount_minor.len() as u64);
        }
        DailyPanel::new(self.last_day, offsets, amount_minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_the_caller_says() {
        let dated = [(12, 5), (10, 3), (12, -9), (99, 1)];
        let zero = DailySeries::from_dated(dated, 10, 13, Gaps::Zero).unwrap();
        let unknown = DailySeries::from_dated(dated, 10, 13, Gaps::Unknown).unwrap();
        assert_eq!(zero.amount_minor(), [3, 0, -4, 0]);
        assert_eq!(unknown.amount_minor(), zero.amount_minor());
        assert_eq!([0, 1, 2, 3, 4].map(|day| zero.is_known(day)), [true, true, true, true, false]);
        assert_eq!([0, 1, 2, 3, 4].map(|day| unknown.is_known(day)), [true, false, true, false, false]);
        assert_eq!(unknown.until(11).len(), 2);
        assert_eq!(zero.last_day(), 13);
    }

    #[test]
    fn the_door_names_what_is_wrong() {
        assert!(DailySeries::from_dated([], 5, 4, Gaps::Zero).unwrap_err().is_invalid());
        assert!(DailySeries::from_dated([], i32::MIN, i32::MAX, Gaps::Zero).unwrap_err().is_invalid());
        assert!(DailySeries::new(0, vec![i64::MAX, -1]).unwrap_err().is_overflow());
        assert!(DailySeries::new(i32::MAX, vec![1]).unwrap_err().is_invalid());
        assert!(DailyPanel::new(0, vec![0, 3, 2], vec![1, 2]).unwrap_err().is_invalid());
        assert!(DailyPanel::new(i32::MIN, vec![0, 2], vec![1, 2]).unwrap_err().is_invalid());
        assert!(DailyPanel::new(0, vec![], vec![]).unwrap_err().is_invalid());
        assert!(DailyPanel::new(0, vec![0], vec![]).unwrap().is_empty());
        let json = "{\"first_day\":3,\"amount_minor\":[1,2],\"known\":[true]}";
        assert!(serde_json::from_str::<DailySeries>(json).is_err());
    }

    #[test]
    fn a_day_of_too_much_is_an_error() {
        let mut builder = DailyPanelBuilder::new(0, 10);
        builder.push(0, 0, i64::MAX);
        builder.push(0, 0, 1);
        assert!(builder.build().unwrap_err().is_overflow());
    }

    #[test]
    fn cutting_a_panel_forgets_later_days() {
        let panel = DailyPanel::new(9, vec![0, 3, 4], vec![1, 2, 3, 8]).unwrap().with_segments(vec![4, 5]).unwrap();
        let earlier = panel.until(8);
        assert_eq!((earlier.days(0), earlier.days(1)), (&[1, 2][..], &[][..]));
        assert_eq!((earlier.last_day(), earlier.segment(1)), (8, 5));
        assert_eq!(panel.until(50), panel);
        assert!(panel.with_segments(vec![1]).unwrap_err().is_invalid());
    }
}
