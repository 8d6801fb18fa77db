//! One merchant's dated inflows, and outflows where they are known.

use serde::{Deserialize, Serialize};

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::rate::Probability;
use crate::transfer::{AT_SECONDS, TransferColumns, UtcOffset};

use super::daily::{DailySeries, Gaps};

/// One amount a merchant was paid, or, when negative, gave back to that payer.
///
/// ```
/// use dandelion_credit::AccountIndex;
/// use dandelion_credit::receipts::{Receipt, Receipts};
///
/// let sale = Receipt { at_seconds: 1_718_900_000, payer: AccountIndex::new(7), amount_minor: 1_850, transfer_row: 0 };
/// let refund = Receipt { amount_minor: -350, transfer_row: 1, ..sale };
/// assert_eq!(Receipts::from_rows([sale, refund])?.total_minor(), 1_500);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receipt {
    /// Seconds since 1970-01-01 UTC, within [`AT_SECONDS`].
    pub at_seconds: i64,
    /// Who paid.
    pub payer: AccountIndex,
    /// Whole minor units; a refund is negative.
    pub amount_minor: i64,
    /// The row of the transfer it came from: what evidence points at. Callers with no transfers number their own rows.
    pub transfer_row: u64,
}

/// One amount a merchant paid out.
///
/// ```
/// use dandelion_credit::AccountIndex;
/// use dandelion_credit::receipts::{ConditionConfig, Outflow, Receipt, Receipts, condition};
///
/// // Of 100.00 taken in, 70.00 went to the supplier the next day.
/// let [guest, supplier] = [7, 9].map(AccountIndex::new);
/// let sale = Receipt { at_seconds: 0, payer: guest, amount_minor: 10_000, transfer_row: 0 };
/// let stock = Outflow { at_seconds: 86_400, payee: supplier, amount_minor: 7_000, transfer_row: 1 };
/// let shop = Receipts::from_rows([sale])?.with_outflows([stock])?;
/// let condition = condition(&shop, 1, 0, &ConditionConfig::default())?;
/// assert_eq!(condition.get("outflow_ratio_90d"), Some(0.7));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outflow {
    /// Seconds since 1970-01-01 UTC, within [`AT_SECONDS`].
    pub at_seconds: i64,
    /// Who was paid.
    pub payee: AccountIndex,
    /// Whole minor units; a refund the merchant got is negative.
    pub amount_minor: i64,
    /// The row of the transfer it came from.
    pub transfer_row: u64,
}

/// One merchant's dated receipts in order of time, with what it paid out where that is known.
///
/// A merchant may collect through several codes: they are one merchant here, and transfers between its own codes are not
/// receipts. Equal times are in order of their rows. The absolute amounts of the receipts, and those of the outflows, add
/// up to no more than an `i64` holds, so that sums of any part of them are safe.
///
/// ```
/// use dandelion_credit::receipts::{Gaps, Receipt, Receipts};
/// use dandelion_credit::{AccountIndex, UtcOffset};
///
/// let day = 86_400;
/// let receipt = |at_seconds, payer, amount_minor, transfer_row| Receipt {
///     at_seconds, payer: AccountIndex::new(payer), amount_minor, transfer_row,
/// };
/// // Out of order, and the second payer takes 5.00 back.
/// let receipts = Receipts::from_rows([receipt(2 * day, 7, -500, 2), receipt(0, 7, 1_200, 0), receipt(60, 8, 800, 1)])?;
/// assert_eq!(receipts.total_minor(), 1_500);
/// let series = receipts.daily(UtcOffset::UTC, 0, 3, Gaps::Zero)?;
/// assert_eq!(series.amount_minor(), [2_000, 0, -500, 0]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Receipts {
    receipts: Vec<Receipt>,
    outflows: Vec<Outflow>,
    coverage: Probability,
}

#[derive(Deserialize)]
struct Unchecked {
    receipts: Vec<Receipt>,
    outflows: Vec<Outflow>,
    coverage: Probability,
}

impl TryFrom<Unchecked> for Receipts {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self> {
        Self::from_rows(unchecked.receipts)?.with_outflows(unchecked.outflows)?.with_coverage(unchecked.coverage)
    }
}

impl Default for Receipts {
    fn default() -> Self {
        Self { receipts: Vec::new(), outflows: Vec::new(), coverage: all() }
    }
}

fn all() -> Probability {
    Probability::new(1.0).expect("1 is a probability")
}

/// Checks what a series of dated amounts must keep, for receipts and outflows alike.
fn check(name: &'static str, rows: impl Iterator<Item = (i64, i64)>) -> Result<()> {
    let mut total = 0u128;
    for (row, (at_seconds, amount_minor)) in rows.enumerate() {
        if !AT_SECONDS.contains(&at_seconds) {
            let rule = "seconds since 1970-01-01 UTC within the years -9999 to 9999";
            return Err(Error::invalid("at_seconds", at_seconds, rule).at(format_args!("{name} {row}")));
        }
        total += u128::from(amount_minor.unsigned_abs());
    }
    if total > i64::MAX as u128 {
        let rule = "at most 9,223,372,036,854,775,807 minor units";
        return Err(Error::overflow(format!("sum of all absolute amounts of {name}"), rule));
    }
    Ok(())
}

impl Receipts {
    /// What the accounts `codes`, which are one merchant, were paid in `transfers`, and what they paid out.
    ///
    /// Reads every row once: right for one merchant. For all merchants at once group the rows first, with
    /// [`RowsByAccount`](super::RowsByAccount). `codes` may repeat.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the columns have no amounts or no times, or differ in length or range as told in
    /// [`TransferColumns::check`].
    ///
    /// ```
    /// use dandelion_credit::receipts::Receipts;
    /// use dandelion_credit::{AccountIndex, TransferColumns};
    ///
    /// // Accounts 1 and 2 are two codes of one stall: what passes between them is no receipt.
    /// let columns = TransferColumns {
    ///     payer: &[5, 6, 1, 2], payee: &[1, 2, 2, 8],
    ///     amount_minor: Some(&[1_200, 800, 500, 300]), at_seconds: Some(&[0, 60, 120, 180]),
    /// };
    /// let stall = Receipts::of_merchant(&columns, &[1, 2].map(AccountIndex::new))?;
    /// assert_eq!((stall.total_minor(), stall.outflows()[0].amount_minor), (2_000, 300));
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn of_merchant(transfers: &TransferColumns<'_>, codes: &[AccountIndex]) -> Result<Self> {
        transfers.check(usize::MAX)?;
        let (amount_minor, at_seconds) = dated_amounts(transfers)?;
        let mut codes: Vec<u32> = codes.iter().map(|code| code.get()).collect();
        codes.sort_unstable();
        codes.dedup();
        let ours = |account: u32| match codes[..] {
            [code] => code == account,
            _ => codes.binary_search(&account).is_ok(),
        };
        let mut merchant = Self::default();
        for row in 0..transfers.len() {
            let (payer, payee) = (transfers.payer[row], transfers.payee[row]);
            match (ours(payer), ours(payee)) {
                (false, true) => merchant.receipts.push(Receipt {
                    at_seconds: at_seconds[row],
                    payer: AccountIndex::new(payer),
                    amount_minor: amount_minor[row],
                    transfer_row: row as u64,
                }),
                (true, false) => merchant.outflows.push(Outflow {
                    at_seconds: at_seconds[row],
                    payee: AccountIndex::new(payee),
                    amount_minor: amount_minor[row],
                    transfer_row: row as u64,
                }),
                _ => {}
            }
        }
        merchant.sort();
        Ok(merchant)
    }

    /// Receipts of the caller's own, in any order.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when a time is outside [`AT_SECONDS`], [`Error::is_overflow`] when the absolute amounts add
    /// up to more than an `i64` holds.
    pub fn from_rows(rows: impl IntoIterator<Item = Receipt>) -> Result<Self> {
        let receipts: Vec<Receipt> = rows.into_iter().collect();
        check("receipt", receipts.iter().map(|receipt| (receipt.at_seconds, receipt.amount_minor)))?;
        let mut merchant = Self { receipts, ..Self::default() };
        merchant.sort();
        Ok(merchant)
    }

    /// The same receipts with these outflows in place of those known so far.
    ///
    /// # Errors
    /// As [`from_rows`](Self::from_rows).
    pub fn with_outflows(mut self, rows: impl IntoIterator<Item = Outflow>) -> Result<Self> {
        self.outflows = rows.into_iter().collect();
        check("outflow", self.outflows.iter().map(|outflow| (outflow.at_seconds, outflow.amount_minor)))?;
        self.sort();
        Ok(self)
    }

    /// The same receipts, said to be the share `coverage` of the merchant's trade: the rest is cash or other channels.
    ///
    /// Levels are reported as they were seen; the business condition reports the trade they stand for beside
    /// them, and growth is the same either way.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `coverage` is 0: no receipts can be scaled up from nothing.
    ///
    /// ```
    /// use dandelion_credit::receipts::{ConditionConfig, Receipt, Receipts, condition};
    /// use dandelion_credit::{AccountIndex, Probability};
    ///
    /// // 60.00 came through the code; the shop says that is three fifths of its trade.
    /// let row = Receipt { at_seconds: 0, payer: AccountIndex::new(7), amount_minor: 6_000, transfer_row: 0 };
    /// let receipts = Receipts::from_rows([row])?.with_coverage(Probability::new(0.6)?)?;
    /// let condition = condition(&receipts, 0, 0, &ConditionConfig::default())?;
    /// assert_eq!((condition.get("receipts_30d"), condition.get("trade_30d")), (Some(6_000.0), Some(10_000.0)));
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn with_coverage(mut self, coverage: Probability) -> Result<Self> {
        if coverage.get() <= 0.0 {
            return Err(Error::invalid("coverage", coverage.get(), "above 0 and at most 1"));
        }
        self.coverage = coverage;
        Ok(self)
    }

    fn sort(&mut self) {
        self.receipts.sort_by_key(|receipt| (receipt.at_seconds, receipt.transfer_row));
        self.outflows.sort_by_key(|outflow| (outflow.at_seconds, outflow.transfer_row));
    }

    /// The receipts in order of time.
    #[must_use]
    pub fn rows(&self) -> &[Receipt] {
        &self.receipts
    }

    /// What the merchant paid out, in order of time; empty where unknown.
    #[must_use]
    pub fn outflows(&self) -> &[Outflow] {
        &self.outflows
    }

    /// The share of the merchant's trade that these receipts are, above 0 and at most 1.
    #[must_use]
    pub fn coverage(&self) -> Probability {
        self.coverage
    }

    /// Number of receipts, refunds included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receipts.len()
    }

    /// Whether nothing was ever received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receipts.is_empty()
    }

    /// The sum of all receipts, refunds taken off.
    #[must_use]
    pub fn total_minor(&self) -> i64 {
        self.receipts.iter().map(|receipt| receipt.amount_minor).sum()
    }

    /// What was known at the end of `last_second`: later rows are left out. How a test of the past stays honest.
    #[must_use]
    pub fn until(&self, last_second: i64) -> Self {
        let receipts = self.receipts.partition_point(|receipt| receipt.at_seconds <= last_second);
        let outflows = self.outflows.partition_point(|outflow| outflow.at_seconds <= last_second);
        Self {
            receipts: self.receipts[..receipts].to_vec(),
            outflows: self.outflows[..outflows].to_vec(),
            coverage: self.coverage,
        }
    }

    /// The verified receipts: `removed_minor[i]` taken out of receipt `i`. A receipt of which nothing is left is left
    /// out, so that a payer who only washed money is no customer either.
    ///
    /// ```
    /// use dandelion_credit::receipts::{Receipt, Receipts};
    /// use dandelion_credit::AccountIndex;
    ///
    /// let row = |at_seconds, amount_minor| Receipt {
    ///     at_seconds, payer: AccountIndex::new(1), amount_minor, transfer_row: at_seconds as u64,
    /// };
    /// let received = Receipts::from_rows([row(0, 900), row(1, 400), row(2, -100)])?;
    /// let verified = received.less_removed(&[900, 150, 0])?;
    /// assert_eq!(verified.rows(), [row(1, 250), row(2, -100)]);
    /// assert!(received.less_removed(&[901, 0, 0]).unwrap_err().is_invalid());
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid`] when there is not one amount a receipt, or one is negative or above its receipt (of a
    /// refund nothing can be taken).
    pub fn less_removed(&self, removed_minor: &[i64]) -> Result<Self> {
        if removed_minor.len() != self.receipts.len() {
            let rule = format!("one amount for each of {} receipts", self.receipts.len());
            return Err(Error::invalid("length of removed_minor", removed_minor.len(), rule));
        }
        let mut receipts = Vec::with_capacity(self.receipts.len());
        for (row, (receipt, &removed)) in self.receipts.iter().zip(removed_minor).enumerate() {
            if removed < 0 || removed > receipt.amount_minor.max(0) {
                let rule = format!("from 0 to the {} received", receipt.amount_minor.max(0));
                return Err(Error::invalid("removed_minor", removed, rule).at(format_args!("receipt {row}")));
            }
            if removed == 0 || removed < receipt.amount_minor {
                receipts.push(Receipt { amount_minor: receipt.amount_minor - removed, ..*receipt });
            }
        }
        Ok(Self { receipts, outflows: self.outflows.clone(), coverage: self.coverage })
    }

    /// Sums a day from `first_day` to `last_day` (days since 1970-01-01 in `offset`, both included); rows outside are
    /// left out.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `last_day` is before `first_day` or more than [`DailySeries::MAX_DAYS`] away.
    pub fn daily(&self, offset: UtcOffset, first_day: i32, last_day: i32, gaps: Gaps) -> Result<DailySeries> {
        let dated = self.receipts.iter().map(|receipt| (offset.epoch_day(receipt.at_seconds), receipt.amount_minor));
        DailySeries::from_dated(dated, first_day, last_day, gaps)
    }
}

/// The two columns without which there is no receipt.
pub(super) fn dated_amounts<'a>(transfers: &TransferColumns<'a>) -> Result<(&'a [i64], &'a [i64])> {
    let absent = |name| Error::invalid(name, "absent", "receipts need amounts and times");
    let amount_minor = transfers.amount_minor.ok_or_else(|| absent("amount_minor"))?;
    let at_seconds = transfers.at_seconds.ok_or_else(|| absent("at_seconds"))?;
    Ok((amount_minor, at_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::{Transfer, Transfers};

    fn transfers(rows: &[(u32, u32, i64, i64)]) -> Transfers {
        rows.iter()
            .map(|&(payer, payee, amount_minor, at_seconds)| Transfer {
                payer: AccountIndex::new(payer),
                payee: AccountIndex::new(payee),
                amount_minor,
                at_seconds,
            })
            .collect()
    }

    #[test]
    fn several_codes_are_one_merchant() {
        let transfers = transfers(&[(5, 1, 100, 9), (6, 2, 40, 3), (1, 2, 70, 4), (2, 9, 30, 5), (5, 9, 8, 1)]);
        let codes = [2, 1, 2].map(AccountIndex::new);
        let merchant = Receipts::of_merchant(&transfers.columns(), &codes).unwrap();
        let seen: Vec<(i64, u64)> = merchant.rows().iter().map(|row| (row.at_seconds, row.transfer_row)).collect();
        assert_eq!(seen, [(3, 1), (9, 0)], "in order of time, and what moved between its own codes is no receipt");
        assert_eq!(merchant.outflows().len(), 1);
        assert_eq!(merchant.until(3).total_minor(), 40);
    }

    #[test]
    fn the_door_refuses_what_would_overflow_or_cannot_be_dated() {
        let row = |at_seconds, amount_minor| Receipt {
            at_seconds,
            payer: AccountIndex::new(0),
            amount_minor,
            transfer_row: 0,
        };
        assert!(Receipts::from_rows([row(0, i64::MAX), row(0, -1)]).unwrap_err().is_overflow());
        assert!(Receipts::from_rows([row(i64::MAX, 1)]).unwrap_err().is_invalid());
        let bare = TransferColumns::of_pairs(&[0], &[1]);
        assert!(Receipts::of_merchant(&bare, &[AccountIndex::new(1)]).unwrap_err().is_invalid());
        let zero = Probability::new(0.0).unwrap();
        assert!(Receipts::default().with_coverage(zero).unwrap_err().is_invalid());
    }

    #[test]
    fn what_comes_back_from_json_is_checked_again() {
        let receipts = Receipts::from_rows([Receipt {
            at_seconds: 5,
            payer: AccountIndex::new(3),
            amount_minor: 700,
            transfer_row: 11,
        }])
        .unwrap();
        let json = serde_json::to_string(&receipts).unwrap();
        assert_eq!(serde_json::from_str::<Receipts>(&json).unwrap(), receipts);
        let bad = json.replace("\"coverage\":1.0", "\"coverage\":0.0");
        assert!(bad != json && serde_json::from_str::<Receipts>(&bad).is_err());
    }
}
