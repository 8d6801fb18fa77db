//! What is underwritten: a synthetic town, or transfers and labels from files.

use dandelion_credit::calendar::{Date, date_of_epoch_day, epoch_day};
use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
use dandelion_credit::{AccountIndex, Scale, TransferColumns, UtcOffset};

use crate::Args;
use crate::shared::csv_in::CsvFile;
use crate::shared::transfers::{Needs, TransferFile};
use crate::shared::{Failure, Outcome};

/// The accounts, their transfers, and what is known about them.
pub struct World {
    source: Source,
    /// Truth by account row: is it a merchant? `None` where nobody says.
    pub is_merchant: Option<Vec<Option<bool>>>,
    /// The last day whose transfers count.
    pub as_of: Date,
    /// Where days are cut.
    pub utc_offset: UtcOffset,
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
        Ok(Self { name: name.to_owned(), is_merchant, as_of, utc_offset, source: Source::File(Box::new(file)) })
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
