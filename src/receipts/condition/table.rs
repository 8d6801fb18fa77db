//! The condition of everybody at once, in columns.

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::parallel;
use crate::progress::Progress;
use crate::transfer::TransferColumns;

use super::super::by_account::RowsByAccount;
use super::super::daily::DailyPanel;
use super::super::receipt::dated_amounts;
use super::catalogue::{CONDITION_CATALOGUE, WIDTH, condition_column};
use super::customers::{Seen, measure_outflows, measure_receipts};
use super::days::Scratch;
use super::{Condition, ConditionConfig, Judge, MOST_DAYS, begun};

/// Measures of many merchants: one row each, in the order of [`CONDITION_CATALOGUE`].
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionTable {
    rows: Vec<[f64; WIDTH]>,
}

impl ConditionTable {
    /// Number of merchants.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no merchant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The condition of one merchant.
    ///
    /// # Panics
    /// When there is no such merchant.
    #[must_use]
    pub fn condition(&self, merchant: usize) -> Condition {
        Condition { row: self.rows[merchant] }
    }

    /// The measure called `name` of every merchant, `None` where it is undefined.
    ///
    /// # Errors
    /// [`Error::is_unknown`] when the catalogue has no such name.
    pub fn column(&self, name: &str) -> Result<impl ExactSizeIterator<Item = Option<f64>>> {
        let place = condition_column(name).ok_or_else(|| Error::unknown("measure of condition", name))?;
        debug_assert!(place < CONDITION_CATALOGUE.len());
        Ok(self.rows.iter().map(move |row| (!row[place].is_nan()).then_some(row[place])))
    }
}

const CHUNK: usize = 512;

fn fill(
    rows: usize,
    progress: Progress<'_>,
    measure: impl Fn(usize, &mut Scratch) -> [f64; WIDTH] + Sync + Send,
) -> Result<ConditionTable> {
    const STAGE: &str = "measuring business condition";
    let mut table = vec![[f64::NAN; WIDTH]; rows];
    // A stretch at a time, so that a caller can follow and stop it.
    for (stretch, part) in table.chunks_mut(64 * CHUNK).enumerate() {
        progress.step(STAGE, (stretch * 64 * CHUNK) as u64, rows as u64)?;
        parallel::for_each_chunk_mut(part, CHUNK, |first, rows| {
            let mut scratch = Scratch::default();
            for (place, row) in rows.iter_mut().enumerate() {
                *row = measure(stretch * 64 * CHUNK + first + place, &mut scratch);
            }
        });
    }
    progress.step(STAGE, rows as u64, rows as u64)?;
    Ok(ConditionTable { rows: table })
}

/// The condition of every merchant of a panel on its last day, from daily sums alone.
///
/// # Errors
/// [`Error::is_invalid`] when a norm of the configuration is out of range, [`Error::is_cancelled`] when `progress` says
/// stop.
pub fn condition_of_panel(
    panel: &DailyPanel,
    config: &ConditionConfig,
    progress: Progress<'_>,
) -> Result<ConditionTable> {
    let judge = Judge::new(config)?;
    fill(panel.len(), progress, |merchant, scratch| {
        let (days, _) = begun(panel.days(merchant), &[]);
        judge.days(days, &[], panel.last_day(), 1.0, panel.segment(merchant), scratch)
    })
}

/// The condition of `merchants` at the end of `last_day`, from transfers grouped by
/// [`RowsByAccount::received`] and, where outflows shall count, [`RowsByAccount::sent`].
///
/// Gives what [`condition`](super::condition) gives for each merchant alone, in segment 0.
///
/// # Errors
/// As [`condition_of_panel`]; [`Error::is_unknown`] when a merchant is not below the accounts of a grouping, and
/// [`Error::is_invalid`] when amounts or times are absent.
///
/// # Complexity
/// O(transfers of the merchants), each merchant's sorted by payer; nothing is allocated a merchant once buffers have
/// grown.
pub fn condition_of_transfers(
    transfers: &TransferColumns<'_>,
    received: &RowsByAccount,
    sent: Option<&RowsByAccount>,
    merchants: &[AccountIndex],
    last_day: i32,
    config: &ConditionConfig,
    progress: Progress<'_>,
) -> Result<ConditionTable> {
    let judge = Judge::new(config)?;
    let (amount_minor, at_seconds) = dated_amounts(transfers)?;
    let accounts = sent.map_or(received.accounts(), |sent| sent.accounts().min(received.accounts()));
    if let Some(&merchant) = merchants.iter().find(|merchant| merchant.as_usize() >= accounts) {
        return Err(Error::unknown("merchant", merchant));
    }
    let back = |row: u32| i64::from(last_day) - i64::from(config.utc_offset.epoch_day(at_seconds[row as usize]));
    let within = |&back: &i64| (0..MOST_DAYS as i64).contains(&back);
    fill(merchants.len(), progress, |place, scratch| {
        let rows = received.rows(merchants[place]);
        let known = |row: &&u32| within(&back(**row));
        let mut days = std::mem::take(&mut scratch.days);
        days.clear();
        if let Some(&first) = rows.iter().find(known) {
            days.resize(back(first) as usize + 1, 0);
        }
        let last = days.len();
        scratch.payers.clear();
        for &row in rows.iter().filter(known) {
            let (back, amount) = (back(row), amount_minor[row as usize]);
            days[last - 1 - back as usize] += amount;
            scratch.payers.push(Seen::new(transfers.payer[row as usize], back as i32, amount));
        }
        let (begun, _) = begun(&days, &[]);
        let mut measures = judge.days(begun, &[], last_day, 1.0, 0, scratch);
        scratch.days = days;
        measure_receipts(&mut measures, scratch);
        let outflows = sent.map_or(&[][..], |sent| sent.rows(merchants[place]));
        if !outflows.is_empty() {
            scratch.payers.clear();
            for &row in outflows.iter().filter(known) {
                let payee = transfers.payee[row as usize];
                scratch.payers.push(Seen::new(payee, back(row) as i32, amount_minor[row as usize]));
            }
            measure_outflows(&mut measures, scratch);
        }
        measures
    })
}
