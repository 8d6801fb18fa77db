//! A transfer of money between two accounts, and columns of many.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::parallel::map_chunks;

/// Rows that are checked together.
const ROWS: usize = 1 << 17;
/// Seconds in a civil day of a fixed offset.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// Seconds since 1970-01-01 UTC that a transfer may carry: the years −9999 to 9999.
///
/// ```
/// use dandelion_credit::{AT_SECONDS, TransferColumns};
///
/// // A time in milliseconds is found out at the door: read as seconds it lies in the year 56,437.
/// let at_seconds = [1_718_900_000_000];
/// assert!(!AT_SECONDS.contains(&at_seconds[0]));
/// let columns = TransferColumns { at_seconds: Some(&at_seconds), ..TransferColumns::of_pairs(&[0], &[1]) };
/// assert!(columns.check(2).unwrap_err().is_invalid());
/// ```
pub const AT_SECONDS: RangeInclusive<i64> = -377_705_023_201..=253_402_207_200;

/// One transfer of money from `payer` to `payee`.
///
/// ```
/// use dandelion_credit::{AccountIndex, Transfer};
///
/// let [guest, stall] = [0, 1].map(AccountIndex::new);
/// let sale = Transfer { payer: guest, payee: stall, amount_minor: 1_850, at_seconds: 1_718_900_000 };
/// // The guest gets 3.50 back: same payer, same payee, a negative amount. The sale is then worth 15.00.
/// let refund = Transfer { amount_minor: -350, at_seconds: sale.at_seconds + 600, ..sale };
/// assert_eq!(sale.amount_minor + refund.amount_minor, 1_500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose money it was.
    pub payer: AccountIndex,
    /// Whose money it is now.
    pub payee: AccountIndex,
    /// Whole minor units. A negative amount is a refund: `payee` gives back to `payer` what an earlier transfer brought,
    /// and it lowers sums while its direction stays that of the sale.
    pub amount_minor: i64,
    /// Seconds since 1970-01-01 UTC, within [`AT_SECONDS`].
    pub at_seconds: i64,
}

/// Columns of transfers that somebody else owns: what every job of the data plane takes.
///
/// `payer` and `payee` hold account rows. `amount_minor` and `at_seconds` are absent when the source has none; jobs that
/// need them say so. Rows may be in any order, repeat, and pay themselves.
///
/// ```
/// use dandelion_credit::TransferColumns;
///
/// let (payer, payee, amount_minor) = ([0, 0, 2], [1, 1, 1], [1_000, 500, -200]);
/// let columns = TransferColumns { amount_minor: Some(&amount_minor), ..TransferColumns::of_pairs(&payer, &payee) };
/// columns.check(3)?;
/// let received: i64 = columns.iter().filter(|transfer| transfer.payee.get() == 1).map(|transfer| transfer.amount_minor).sum();
/// assert_eq!(received, 1_300);
/// // An account that the book does not have is named with its row.
/// assert_eq!(columns.check(2).unwrap_err().to_string(), "row 2: payer is not known: #2");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransferColumns<'a> {
    /// Account row of the payer, one a transfer.
    pub payer: &'a [u32],
    /// Account row of the payee, one a transfer.
    pub payee: &'a [u32],
    /// Whole minor units, one a transfer, where the source has amounts.
    pub amount_minor: Option<&'a [i64]>,
    /// Seconds since 1970-01-01 UTC, one a transfer, where the source has times.
    pub at_seconds: Option<&'a [i64]>,
}

impl<'a> TransferColumns<'a> {
    /// Columns of payer and payee alone.
    #[must_use]
    pub fn of_pairs(payer: &'a [u32], payee: &'a [u32]) -> Self {
        Self { payer, payee, amount_minor: None, at_seconds: None }
    }

    /// Number of transfers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payer.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payer.is_empty()
    }

    /// The transfer in `row`; amount 0 and time 0 stand in for absent columns.
    ///
    /// # Panics
    /// When `row` is not below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, row: usize) -> Transfer {
        Transfer {
            payer: AccountIndex::new(self.payer[row]),
            payee: AccountIndex::new(self.payee[row]),
            amount_minor: self.amount_minor.map_or(0, |column| column[row]),
            at_seconds: self.at_seconds.map_or(0, |column| column[row]),
        }
    }

    /// The transfers one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Transfer> + 'a {
        let columns = *self;
        (0..columns.len()).map(move |row| columns.get(row))
    }

    /// Checks the columns at the door, so that no loop behind it has to.
    ///
    /// Columns have one length; every account is below `accounts`; every time is within [`AT_SECONDS`]; and the absolute
    /// amounts add up to no more than an `i64` holds, which makes every partial sum of any account safe.
    ///
    /// # Errors
    /// [`Error::is_invalid`], [`Error::is_unknown`] or [`Error::is_overflow`], with the row.
    pub fn check(&self, accounts: usize) -> Result<()> {
        let same_len = |name: &'static str, len: usize| {
            let rule = "columns of transfers are of one length";
            if len == self.payer.len() { Ok(()) } else { Err(Error::invalid(name, len, rule)) }
        };
        same_len("length of payee", self.payee.len())?;
        self.amount_minor.map_or(Ok(()), |column| same_len("length of amount_minor", column.len()))?;
        self.at_seconds.map_or(Ok(()), |column| same_len("length of at_seconds", column.len()))?;
        for (name, column) in [("payer", self.payer), ("payee", self.payee)] {
            let highest = map_chunks(column.len(), ROWS, |rows| column[rows].iter().copied().max());
            let Some(max) = highest.into_iter().flatten().max().filter(|&max| max as usize >= accounts) else {
                continue;
            };
            let row = column.iter().position(|&account| account == max).unwrap_or(0);
            return Err(Error::unknown(name, AccountIndex::new(max)).at(format_args!("row {row}")));
        }
        check_total(self.absolute_minor())?;
        if let Some(column) = self.at_seconds {
            let is_outside = |at: &i64| !AT_SECONDS.contains(at);
            let outside =
                |rows: Range<usize>| column[rows.clone()].iter().position(is_outside).map(|row| rows.start + row);
            if let Some(row) = map_chunks(column.len(), ROWS, outside).into_iter().flatten().next() {
                let rule = "seconds since 1970-01-01 UTC within the years -9999 to 9999";
                return Err(Error::invalid("at_seconds", column[row], rule).at(format_args!("row {row}")));
            }
        }
        Ok(())
    }

    /// The sum of all absolute amounts.
    fn absolute_minor(&self) -> u128 {
        let column = self.amount_minor.unwrap_or_default();
        let sum = |amounts: &[i64]| amounts.iter().map(|amount| u128::from(amount.unsigned_abs())).sum::<u128>();
        map_chunks(column.len(), ROWS, |rows| sum(&column[rows])).into_iter().sum()
    }
}

fn check_total(absolute_minor: u128) -> Result<()> {
    if absolute_minor > i64::MAX as u128 {
        return Err(Error::overflow("sum of all absolute amounts", "at most 9,223,372,036,854,775,807 minor units"));
    }
    Ok(())
}

/// What the pieces of transfers that belong together have come to so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Admitted {
    pub rows: u64,
    /// Which columns they have, fixed by the first of them that has rows: amounts, times.
    columns: Option<[bool; 2]>,
    absolute_minor: u128,
}

impl Admitted {
    /// Whether the transfers have amounts, and times.
    pub fn columns(&self) -> [bool; 2] {
        self.columns.unwrap_or_default()
    }

    /// The same with one piece more, whose rows are of `0..accounts`.
    ///
    /// # Errors
    /// As [`TransferColumns::check`], whose rule on the sum of amounts holds over all pieces together; [`Error::is_conflict`]
    /// when the piece lacks a column that earlier ones had, or the other way round.
    pub fn with(self, piece: &TransferColumns<'_>, accounts: usize) -> Result<Self> {
        piece.check(accounts).map_err(|error| match self.rows {
            0 => error,
            before => error.at(format_args!("in the transfers after the first {before}")),
        })?;
        if piece.is_empty() {
            return Ok(self);
        }
        let these = [piece.amount_minor.is_some(), piece.at_seconds.is_some()];
        let known = self.columns.unwrap_or(these);
        for (name, known, this) in [("amount_minor", known[0], these[0]), ("at_seconds", known[1], these[1])] {
            if known != this {
                let value = if this { "present" } else { "absent" };
                return Err(Error::conflict(name, value, "every piece of transfers has the same columns"));
            }
        }
        let absolute_minor = self.absolute_minor + piece.absolute_minor();
        check_total(absolute_minor)?;
        Ok(Self { rows: self.rows + piece.len() as u64, columns: Some(these), absolute_minor })
    }
}

/// Columns of transfers of our own, to fill row by row.
///
/// ```
/// use dandelion_credit::{AccountIndex, Transfer, Transfers};
///
/// let [mei, stall] = [0, 1].map(AccountIndex::new);
/// let transfers: Transfers = [
///     Transfer { payer: mei, payee: stall, amount_minor: 1_850, at_seconds: 1_718_900_000 },
///     Transfer { payer: mei, payee: stall, amount_minor: -350, at_seconds: 1_718_900_600 },
/// ]
/// .into_iter()
/// .collect();
/// assert_eq!(transfers.columns().amount_minor.unwrap().iter().sum::<i64>(), 1_500);
/// assert!(transfers.columns().check(2).is_ok());
/// assert!(transfers.columns().check(1).unwrap_err().is_unknown());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    payer: Vec<u32>,
    payee: Vec<u32>,
    amount_minor: Vec<i64>,
    at_seconds: Vec<i64>,
}

impl Transfers {
    /// No transfers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No transfers yet, with room for `capacity`.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            payer: Vec::with_capacity(capacity),
            payee: Vec::with_capacity(capacity),
            amount_minor: Vec::with_capacity(capacity),
            at_seconds: Vec::with_capacity(capacity),
        }
    }

    /// Adds one more row.
    pub fn push(&mut self, transfer: Transfer) {
        self.payer.push(transfer.payer.get());
        self.payee.push(transfer.payee.get());
        self.amount_minor.push(transfer.amount_minor);
        self.at_seconds.push(transfer.at_seconds);
    }

    /// Number of transfers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payer.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payer.is_empty()
    }

    /// The columns as jobs take them.
    #[must_use]
    pub fn columns(&self) -> TransferColumns<'_> {
        TransferColumns {
            payer: &self.payer,
            payee: &self.payee,
            amount_minor: Some(&self.amount_minor),
            at_seconds: Some(&self.at_seconds),
        }
    }
}

impl Extend<Transfer> for Transfers {
    fn extend<I: IntoIterator<Item = Transfer>>(&mut self, transfers: I) {
        transfers.into_iter().for_each(|transfer| self.push(transfer));
    }
}

impl FromIterator<Transfer> for Transfers {
    fn from_iter<I: IntoIterator<Item = Transfer>>(transfers: I) -> Self {
        let mut columns = Self::new();
        columns.extend(transfers);
        columns
    }
}

/// A fixed offset from UTC at which calendar days are cut, in whole seconds within ±26 hours; China is `+08:00`.
///
/// Fixed, because a feature must not depend on a time-zone database that differs between two machines.
///
/// ```
/// use dandelion_credit::UtcOffset;
///
/// let china: UtcOffset = "+08:00".parse()?;
/// assert_eq!(china.seconds(), 28_800);
/// assert_eq!(china.to_string(), "+08:00");
/// assert_eq!("Z".parse(), Ok(UtcOffset::UTC));
/// assert!("Asia/Shanghai".parse::<UtcOffset>().unwrap_err().is_invalid());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct UtcOffset(i32);

impl UtcOffset {
    /// No offset.
    pub const UTC: Self = Self(0);

    /// `seconds` east of UTC.
    ///
    /// # Errors
    /// [`Error::is_invalid`] beyond 26 hours either way.
    pub fn from_seconds(seconds: i32) -> Result<Self> {
        let rule = "within 26 hours of UTC";
        if (-93_600..=93_600).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(Error::invalid("utc_offset", seconds, rule))
        }
    }

    /// The offset in seconds east of UTC.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        self.0
    }

    /// The civil day of an instant, as days since 1970-01-01 in this offset.
    ///
    /// ```
    /// use dandelion_credit::UtcOffset;
    ///
    /// let china: UtcOffset = "+08:00".parse().unwrap();
    /// assert_eq!(UtcOffset::UTC.epoch_day(86_399), 0);
    /// assert_eq!(china.epoch_day(86_399), 1);
    /// assert_eq!(UtcOffset::UTC.epoch_day(-1), -1);
    /// ```
    #[must_use]
    pub const fn epoch_day(self, at_seconds: i64) -> i32 {
        (at_seconds + self.0 as i64).div_euclid(DAY_SECONDS) as i32
    }

    /// The second of the civil day, `0..86_400`.
    #[must_use]
    pub const fn second_of_day(self, at_seconds: i64) -> u32 {
        (at_seconds + self.0 as i64).rem_euclid(DAY_SECONDS) as u32
    }
}

impl TryFrom<i32> for UtcOffset {
    type Error = Error;

    fn try_from(seconds: i32) -> Result<Self> {
        Self::from_seconds(seconds)
    }
}

impl From<UtcOffset> for i32 {
    fn from(offset: UtcOffset) -> Self {
        offset.0
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let (minutes, seconds) = (self.0.unsigned_abs() / 60, self.0.unsigned_abs() % 60);
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)?;
        if seconds > 0 { write!(f, ":{seconds:02}") } else { Ok(()) }
    }
}

impl FromStr for UtcOffset {
    type Err = Error;

    /// Reads `+08:00`, `-05:30`, `+00:19:32`, `Z` or `UTC`.
    fn from_str(text: &str) -> Result<Self> {
        let seconds = match text.trim() {
            "Z" | "UTC" => Some(0),
            signed => match signed.as_bytes().first() {
                Some(b'+') => read_clock(&signed[1..]),
                Some(b'-') => read_clock(&signed[1..]).map(|seconds| -seconds),
                _ => None,
            },
        };
        Self::from_seconds(seconds.ok_or_else(|| Error::invalid("utc_offset", text, "an offset such as +08:00, or Z"))?)
    }
}

/// Seconds of `08:00` or `08:00:00`.
fn read_clock(text: &str) -> Option<i32> {
    let two_digits = |part: &str| match part.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(i32::from(tens - b'0') * 10 + i32::from(ones - b'0')),
        _ => None,
    };
    let parts: Option<Vec<i32>> = text.split(':').map(two_digits).collect();
    match parts?[..] {
        [hours, minutes] if minutes < 60 => Some(hours * 3600 + minutes * 60),
        [hours, minutes, seconds] if minutes < 60 && seconds < 60 => Some(hours * 3600 + minutes * 60 + seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_shown_reads_back_as_itself() {
        for seconds in (-93_600..=93_600).step_by(7).chain([-93_600, -1, 0, 1, 93_600]) {
            let offset = UtcOffset::from_seconds(seconds).unwrap();
            assert_eq!(offset.to_string().parse(), Ok(offset));
        }
        let shown = |seconds| UtcOffset::from_seconds(seconds).unwrap().to_string();
        assert_eq!([0, -19_800, 1_172].map(shown), ["+00:00", "-05:30", "+00:19:32"]);
        for text in ["", "+", "08:00", "+8:00", "+0800", "+08:60", "+08:00:60", "+08:00:00:00", "++1:00", "+08:٠٠"] {
            let error = text.parse::<UtcOffset>().unwrap_err();
            assert_eq!(error.to_string(), format!("utc_offset is {text}: an offset such as +08:00, or Z"));
        }
        assert!("+26:00:01".parse::<UtcOffset>().unwrap_err().to_string().contains("within 26 hours"));
    }

    #[test]
    fn an_offset_is_within_26_hours_however_it_comes() {
        for seconds in [i32::MIN, -93_601, 93_601, i32::MAX] {
            assert!(UtcOffset::from_seconds(seconds).unwrap_err().is_invalid());
            assert!(serde_json::from_str::<UtcOffset>(&seconds.to_string()).is_err());
        }
        assert_eq!(serde_json::from_str::<UtcOffset>("28800").unwrap().seconds(), 28_800);
    }

    #[test]
    fn the_first_row_that_breaks_a_rule_is_named_however_far_down() {
        let rows = 2 * ROWS + 10;
        let (mut payer, payee) = (vec![0; rows], vec![1; rows]);
        let mut at_seconds = vec![0; rows];
        for row in [ROWS + 7, ROWS + 90, 2 * ROWS + 1] {
            (payer[row], at_seconds[row]) = (5, i64::MAX);
        }
        let columns = TransferColumns { at_seconds: Some(&at_seconds), ..TransferColumns::of_pairs(&payer, &payee) };
        let named = format!("row {}", ROWS + 7);
        for (accounts, is_unknown) in [(2, true), (6, false)] {
            let error = columns.check(accounts).unwrap_err();
            assert_eq!((error.is_unknown(), error.is_invalid()), (is_unknown, !is_unknown));
            assert!(error.to_string().contains(&named), "{error}");
        }
    }

    #[test]
    fn the_door_names_the_row_and_the_rule() {
        let pay = |payer, payee, amount_minor, at_seconds| Transfer {
            payer: AccountIndex::new(payer),
            payee: AccountIndex::new(payee),
            amount_minor,
            at_seconds,
        };
        let check = |rows: &[Transfer]| rows.iter().copied().collect::<Transfers>().columns().check(2);
        assert!(check(&[]).is_ok());
        assert!(check(&[pay(0, 1, i64::MIN + 1, 0)]).is_ok());
        assert!(check(&[pay(0, 1, i64::MIN, 0)]).unwrap_err().is_overflow());
        assert!(check(&[pay(0, 1, i64::MAX, 0), pay(0, 1, -1, 0)]).unwrap_err().is_overflow());
        assert_eq!(
            check(&[pay(0, 1, 1, 0), pay(0, 2, 1, 0)]).unwrap_err().to_string(),
            "row 1: payee is not known: #2"
        );
        assert!(check(&[pay(0, 1, 1, i64::MAX)]).unwrap_err().is_invalid());
        let columns = TransferColumns { payer: &[0, 1], payee: &[1], amount_minor: None, at_seconds: None };
        assert!(columns.check(2).unwrap_err().is_invalid());
    }
}
