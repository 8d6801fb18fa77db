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
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::receipts::{ConditionConfig, DailyPanel, condition_of_panel};
///
/// let panel = DailyPanel::new(99, vec![0, 100, 110], [vec![1_000; 100], vec![500; 10]].concat())?;
/// let table = condition_of_panel(&panel, &ConditionConfig::default(), Progress::silent())?;
/// let tenure: Vec<Option<f64>> = table.column("tenure_days")?.collect();
/// assert_eq!(tenure, [Some(100.0), Some(10.0)]);
/// // Ten days are too few for a ratio of 30 days to 90: undefined is `None`, not zero.
/// assert_eq!(table.column("ratio_30_90")?.collect::<Vec<_>>(), [Some(1.0), None]);
/// assert!(table.column("turnover").is_err());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
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
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::receipts::{ConditionConfig, DailyPanel, Outlook, condition_of_panel};
///
/// // One shop sells for 10.00 a day; the other did so for 70 days and then stopped.
/// let stopped = (0..100).map(|day| if day < 70 { 1_000 } else { 0 });
/// let panel = DailyPanel::new(99, vec![0, 100, 200], [1_000; 100].into_iter().chain(stopped).collect())?;
/// let table = condition_of_panel(&panel, &ConditionConfig::default(), Progress::silent())?;
/// assert_eq!([0, 1].map(|shop| table.condition(shop).outlook()), [Outlook::Steady, Outlook::Stopped]);
/// assert_eq!(table.condition(1).sentence(), "stopped: nothing for 30 days, gaps used to be at most 1 day");
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
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
///
/// ```
/// use dandelion_credit::receipts::{ConditionConfig, RowsByAccount, condition_of_transfers};
/// use dandelion_credit::{AccountIndex, Progress, TransferColumns};
///
/// // Accounts 0 and 1 pay the stalls 2 and 3, all on the first day of 1970.
/// let columns = TransferColumns {
///     payer: &[0, 1, 0], payee: &[2, 2, 3],
///     amount_minor: Some(&[3_000, 1_000, 500]), at_seconds: Some(&[100, 200, 300]),
/// };
/// let received = RowsByAccount::received(&columns, 4)?;
/// let stalls = [2, 3].map(AccountIndex::new);
/// let config = ConditionConfig::default();
/// let table = condition_of_transfers(&columns, &received, None, &stalls, 0, &config, Progress::silent())?;
/// assert_eq!(table.column("receipts_7d")?.collect::<Vec<_>>(), [Some(4_000.0), Some(500.0)]);
/// assert_eq!(table.column("top_payer_share_90d")?.collect::<Vec<_>>(), [Some(0.75), Some(1.0)]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
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
