//! The rows of every account at once: what one merchant's receipts are cut from in a batch.

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::parallel;
use crate::transfer::TransferColumns;

use super::receipt::{Outflow, Receipt, Receipts, dated_amounts};

/// The transfer rows of each account in order of time: `rows[offsets[a]..offsets[a + 1]]` are those of account `a`.
///
/// Built by counting, prefix sums and filling, then frozen; 4 bytes a transfer and 8 an account. Transfers of an account
/// to itself are left out. Equal times keep the order of the rows.
///
/// ```
/// use dandelion_credit::receipts::RowsByAccount;
/// use dandelion_credit::{AccountIndex, TransferColumns};
///
/// let columns = TransferColumns {
///     payer: &[0, 1, 2, 0],
///     payee: &[2, 2, 2, 1],
///     amount_minor: Some(&[500, 300, 900, 70]),
///     at_seconds: Some(&[40, 20, 30, 10]),
/// };
/// let received = RowsByAccount::received(&columns, 3)?;
/// assert_eq!(received.rows(AccountIndex::new(2)), [1, 0]);
/// assert_eq!(received.receipts(AccountIndex::new(2), &columns).total_minor(), 800);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsByAccount {
    offsets: Vec<u64>,
    rows: Vec<u32>,
}

impl RowsByAccount {
    /// The rows in which each of `accounts` accounts was paid.
    ///
    /// # Errors
    /// As [`TransferColumns::check`]; [`Error::is_invalid`] when amounts or times are absent; [`Error::is_overflow`] past
    /// 2³² − 1 transfers.
    ///
    /// # Complexity
    /// O(accounts + transfers) when the rows are in order of time, else the rows of each account are sorted as well.
    pub fn received(transfers: &TransferColumns<'_>, accounts: usize) -> Result<Self> {
        Self::of(transfers, accounts, transfers.payee)
    }

    /// The rows in which each of `accounts` accounts paid.
    ///
    /// # Errors
    /// As [`received`](Self::received).
    ///
    /// # Complexity
    /// As [`received`](Self::received).
    pub fn sent(transfers: &TransferColumns<'_>, accounts: usize) -> Result<Self> {
        Self::of(transfers, accounts, transfers.payer)
    }

    fn of(transfers: &TransferColumns<'_>, accounts: usize, side: &[u32]) -> Result<Self> {
        transfers.check(accounts)?;
        let (_, at_seconds) = dated_amounts(transfers)?;
        if u32::try_from(transfers.len()).is_err() {
            return Err(Error::overflow("number of transfers", "at most 4,294,967,295"));
        }
        let apart = |row: usize| transfers.payer[row] != transfers.payee[row];
        let mut offsets = vec![0u64; accounts + 1];
        for (row, &account) in side.iter().enumerate() {
            offsets[account as usize + 1] += u64::from(apart(row));
        }
        for account in 0..accounts {
            offsets[account + 1] += offsets[account];
        }
        let mut next = offsets.clone();
        let mut rows = vec![0u32; offsets[accounts] as usize];
        for (row, &account) in side.iter().enumerate() {
            if apart(row) {
                rows[next[account as usize] as usize] = row as u32;
                next[account as usize] += 1;
            }
        }
        drop(next);
        if !at_seconds.is_sorted() {
            let mut parts: Vec<&mut [u32]> = Vec::with_capacity(accounts);
            let mut rest = &mut rows[..];
            for ends in offsets.windows(2) {
                let (part, after) = rest.split_at_mut((ends[1] - ends[0]) as usize);
                parts.push(part);
                rest = after;
            }
            parallel::for_each_chunk_mut(&mut parts, 4096, |_, parts| {
                for part in parts {
                    part.sort_unstable_by_key(|&row| (at_seconds[row as usize], row));
                }
            });
        }
        Ok(Self { offsets, rows })
    }

    /// Number of accounts.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The transfer rows of `account` in order of time.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn rows(&self, account: AccountIndex) -> &[u32] {
        let account = account.as_usize();
        &self.rows[self.offsets[account] as usize..self.offsets[account + 1] as usize]
    }

    /// The receipts of `account`, from rows grouped by [`received`](Self::received) out of the same `transfers`.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts), or `transfers` is shorter than it was.
    #[must_use]
    pub fn receipts(&self, account: AccountIndex, transfers: &TransferColumns<'_>) -> Receipts {
        let rows = self.rows(account).iter().map(|&row| {
            let transfer = transfers.get(row as usize);
            Receipt {
                at_seconds: transfer.at_seconds,
                payer: transfer.payer,
                amount_minor: transfer.amount_minor,
                transfer_row: u64::from(row),
            }
        });
        Receipts::from_rows(rows).expect("checked when the rows were grouped")
    }

    /// What `account` paid out, from rows grouped by [`sent`](Self::sent) out of the same `transfers`.
    ///
    /// # Panics
    /// As [`receipts`](Self::receipts).
    #[must_use]
    pub fn outflows(&self, account: AccountIndex, transfers: &TransferColumns<'_>) -> Vec<Outflow> {
        let rows = self.rows(account).iter().map(|&row| {
            let transfer = transfers.get(row as usize);
            Outflow {
                at_seconds: transfer.at_seconds,
                payee: transfer.payee,
                amount_minor: transfer.amount_minor,
                transfer_row: u64::from(row),
            }
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The slow twin reads every transfer for every account.
        #[test]
        fn grouped_rows_are_those_of_each_merchant_alone(
            rows in prop::collection::vec((0u32..6, 0u32..6, -50i64..100, 0i64..20), 0..60),
        ) {
            let column = |f: fn(&(u32, u32, i64, i64)) -> i64| rows.iter().map(f).collect::<Vec<i64>>();
            let (amount_minor, at_seconds) = (column(|row| row.2), column(|row| row.3));
            let payer: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let payee: Vec<u32> = rows.iter().map(|row| row.1).collect();
            let columns = TransferColumns {
                payer: &payer, payee: &payee, amount_minor: Some(&amount_minor), at_seconds: Some(&at_seconds),
            };
            let received = RowsByAccount::received(&columns, 6).unwrap();
            let sent = RowsByAccount::sent(&columns, 6).unwrap();
            for account in (0..6).map(AccountIndex::new) {
                let alone = Receipts::of_merchant(&columns, &[account]).unwrap();
                let grouped = received.receipts(account, &columns);
                prop_assert_eq!(grouped.rows(), alone.rows());
                let outflows = sent.outflows(account, &columns);
                prop_assert_eq!(&outflows[..], alone.outflows());
            }
        }
    }

    #[test]
    fn bare_pairs_have_no_receipts() {
        assert!(RowsByAccount::received(&TransferColumns::of_pairs(&[0], &[1]), 2).unwrap_err().is_invalid());
        assert!(RowsByAccount::received(&TransferColumns::of_pairs(&[0], &[2]), 2).unwrap_err().is_unknown());
    }
}
