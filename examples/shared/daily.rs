//! Daily receipts from CSV: header `merchant,date,amount`.

use dandelion_credit::calendar::{Date, epoch_day};
use dandelion_credit::{AccountDirectory, Scale};

use super::Outcome;
use super::csv_in::CsvFile;
use super::transfers::amount_minor;

/// The rows of a file: who, on which day since 1970-01-01, how much in whole minor units.
#[derive(Debug, Default)]
pub struct DailyFile {
    /// Ids and numbers of merchants, in the order in which the file names them.
    pub directory: AccountDirectory,
    /// Merchant, day and amount.
    pub rows: Vec<(u32, i32, i64)>,
    /// The latest day of any row.
    pub last_day: Option<i32>,
}

impl DailyFile {
    /// Reads `name`. Amounts are in major units; several rows of one day add up later.
    pub fn read(name: &str, scale: Scale) -> Outcome<Self> {
        let mut csv = CsvFile::open(name)?;
        let (merchant, date) = (csv.required("merchant")?, csv.required("date")?);
        let amount = csv.required("amount")?;
        let mut file = Self::default();
        while let Some(row) = csv.next_row()? {
            let who = file.directory.intern(row.text(merchant)?).map_err(|e| row.fail(e))?;
            let day = row.parse(date, "a date such as 2018-06-21", |text| text.parse::<Date>().ok().map(epoch_day))?;
            file.rows.push((who.get(), day, amount_minor(&row, amount, scale)?));
            file.last_day = file.last_day.max(Some(day));
        }
        Ok(file)
    }
}
