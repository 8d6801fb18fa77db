//! What is underwritten: a synthetic town, or transfers and labels from files.

use dandelion_credit::calendar::{Date, date_of_epoch_day, epoch_day};
use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
use dandelion_credit::{AccountIndex, Scale, TransferColumns, UtcOffset};

use crate::shared::csv_in::CsvFile;
use crate::shared::transfers::{Needs, TransferFile};
use crate::shared::{Failure, Outcome};
use crate::{Args, Decide};

/// Files with no more receiving accounts than this have everybody decided on.
const MOST_DECIDED: usize = 50_000;

/// The accounts, their transfers, and what is known about them.
pub struct World {
    source: Source,
    /// Truth by account row: is it a merchant? `None` where nobody says.
    pub is_merchant: Option<Vec<Option<bool>>>,
    /// The last day whose transfers count.
    pub as_of: Date,
    /// Where days are cut.
    pub utc_offset: UtcOffset,
    /// Whom to decide on; by the size of the file where absent.
    decide: Option<Decide>,
    /// What the report calls it.
    pub name: String,
}

enum Source {
    Market(Box<Market>),
    File(Box<TransferFile>),
}

impl World {
    /// Generates or reads what the arguments name.
    pub fn open(args: &Args) -> Outcome<Self> {
        match &args.transfers {
            Some(name) => Self::read(name, args),
            None => Self::generate(args),
        }
    }

    fn generate(args: &Args) -> Outcome<Self> {
        let mut config = MarketConfig::default();
        config.accounts = args.accounts.unwrap_or(config.accounts);
        config.seed = args.seed.unwrap_or(config.seed);
        let last = epoch_day(config.as_of) - 1;
        let as_of = args.as_of.unwrap_or(date_of_epoch_day(last)?);
        let market = Market::generate(&config)?;
        let truth = market.kinds().iter().map(|kind| Some(*kind == AccountKind::Shop)).collect();
        Ok(Self {
            name: format!("a synthetic town (seed {})", config.seed),
            is_merchant: Some(truth),
            decide: args.decide,
            as_of,
            utc_offset: args.utc_offset.unwrap_or(config.utc_offset),
            source: Source::Market(Box::new(market)),
        })
    }

    fn read(name: &str, args: &Args) -> Outcome<Self> {
        let file = TransferFile::read(name, Needs { amount: true, timestamp: true }, Scale::CENTS)?;
        let utc_offset = args.utc_offset.unwrap_or_default();
        let last = file.at_seconds.as_deref().unwrap_or_default().iter().copied().max();
        let last = last.ok_or_else(|| Failure::new("no transfers: at least one row is required").at(name))?;
        let as_of = match args.as_of {
            Some(date) => date,
            None => date_of_epoch_day(utc_offset.epoch_day(last))?,
        };
        let is_merchant = args.labels.as_deref().map(|labels| read_labels(labels, &file)).transpose()?;
        let decide = args.decide;
        Ok(Self { name: name.to_owned(), is_merchant, decide, as_of, utc_offset, source: Source::File(Box::new(file)) })
    }

    /// The transfers.
    pub fn columns(&self) -> TransferColumns<'_> {
        match &self.source {
            Source::Market(market) => market.transfers().columns(),
            Source::File(file) => file.columns(),
        }
    }

    /// Number of accounts.
    pub fn accounts(&self) -> usize {
        match &self.source {
            Source::Market(market) => market.kinds().len(),
            Source::File(file) => file.directory.len(),
        }
    }

    /// The owner's name for an account.
    pub fn id(&self, account: u32) -> String {
        match &self.source {
            Source::Market(_) => format!("A{account:08}"),
            Source::File(file) => file.directory.id(account.into()).unwrap_or_default().to_owned(),
        }
    }

    /// Account rows in the order of their ids.
    pub fn rows_by_id(&self) -> Vec<u32> {
        match &self.source {
            Source::Market(market) => (0..market.kinds().len() as u32).collect(),
            Source::File(file) => file.directory.rows_by_id().into_iter().map(AccountIndex::get).collect(),
        }
    }

    /// Accounts to decide on although they are not judged merchants, a flag for each: those that the labels name and, when
    /// `--decide` says so or a file is not too large, everybody who received anything.
    pub fn asking(&self, columns: &TransferColumns<'_>) -> Vec<bool> {
        let mut receives = vec![false; self.accounts()];
        for &payee in columns.payee {
            receives[payee as usize] = true;
        }
        let everyone = match self.decide {
            Some(decide) => decide == Decide::Everyone,
            None => {
                matches!(self.source, Source::File(_))
                    && receives.iter().filter(|receives| **receives).count() <= MOST_DECIDED
            }
        };
        let named = |account: usize| self.is_merchant.as_ref().is_some_and(|truth| truth[account].is_some());
        let is_file = matches!(self.source, Source::File(_));
        let asks = |account: usize| (everyone && receives[account]) || (is_file && named(account));
        (0..self.accounts()).map(asks).collect()
    }

    /// The last second whose transfers count.
    pub fn as_of_seconds(&self) -> i64 {
        (i64::from(epoch_day(self.as_of)) + 1) * 86_400 - i64::from(self.utc_offset.seconds()) - 1
    }
}

/// `account,label`: `merchant`, `shop`, `1` and `true` are merchants, an empty label is unknown, the rest are not.
fn read_labels(name: &str, file: &TransferFile) -> Outcome<Vec<Option<bool>>> {
    let mut csv = CsvFile::open(name)?;
    let (account, label) = (csv.required("account")?, csv.required("label")?);
    let mut truth = vec![None; file.directory.len()];
    while let Some(row) = csv.next_row()? {
        let is_merchant = match row.text(label)?.trim() {
            "" => continue,
            text => matches!(text, "merchant" | "shop" | "1" | "true"),
        };
        // Accounts that made no transfer are not judged.
        if let Some(index) = file.directory.index_of(row.text(account)?) {
            truth[index.as_usize()] = Some(is_merchant);
        }
    }
    Ok(truth)
}
