//! Transfers from CSV: header `payer,payee[,amount[,timestamp]]`.

use std::str::FromStr;

use dandelion_credit::{AT_SECONDS, AccountDirectory, Money, Rounding, Scale, TransferColumns};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Outcome;
use super::csv_in::{CsvFile, Row};

/// Which optional columns the example cannot do without.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// `amount` is required.
    pub amount: bool,
    /// `timestamp` is required.
    pub timestamp: bool,
}

/// The transfers of a file, row `i` of the columns being data row `i` of the file, and who is who.
#[derive(Debug, Default)]
pub struct TransferFile {
    /// Ids and rows of accounts, in the order in which the file names them.
    pub directory: AccountDirectory,
    /// Account row of the payer.
    pub payer: Vec<u32>,
    /// Account row of the payee.
    pub payee: Vec<u32>,
    /// Whole minor units; absent without the column.
    pub amount_minor: Option<Vec<i64>>,
    /// Seconds since 1970-01-01 UTC; absent without the column.
    pub at_seconds: Option<Vec<i64>>,
}

impl TransferFile {
    /// Reads `name`. Amounts are in major units and are rounded half to even to the minor unit of `scale`.
    pub fn read(name: &str, needs: Needs, scale: Scale) -> Outcome<Self> {
        let mut csv = CsvFile::open(name)?;
        let (payer, payee) = (csv.required("payer")?, csv.required("payee")?);
        let optional = |column: &str, required: bool| match csv.column(column) {
            None if required => csv.required(column).map(Some),
            found => Ok(found),
        };
        let amount = optional("amount", needs.amount)?;
        let timestamp = optional("timestamp", needs.timestamp)?;
        let mut file = Self {
            amount_minor: amount.map(|_| Vec::new()),
            at_seconds: timestamp.map(|_| Vec::new()),
            ..Self::default()
        };
        let mut absolute_total = 0u128;
        while let Some(row) = csv.next_row()? {
            for (column, rows) in [(payer, &mut file.payer), (payee, &mut file.payee)] {
                let account = file.directory.intern(row.text(column)?).map_err(|e| row.fail(e))?;
                rows.push(account.get());
            }
            if let (Some(column), Some(amounts)) = (amount, &mut file.amount_minor) {
                let minor = amount_minor(&row, column, scale)?;
                absolute_total += u128::from(minor.unsigned_abs());
                if absolute_total > i64::MAX as u128 {
                    return Err(row.bad(column, &too_large(scale)));
                }
                amounts.push(minor);
            }
            if let (Some(column), Some(times)) = (timestamp, &mut file.at_seconds) {
                times.push(at_seconds(&row, column)?);
            }
        }
        Ok(file)
    }

    /// The columns as the library takes them.
    pub fn columns(&self) -> TransferColumns<'_> {
        TransferColumns {
            payer: &self.payer,
            payee: &self.payee,
            amount_minor: self.amount_minor.as_deref(),
            at_seconds: self.at_seconds.as_deref(),
        }
    }
}

fn too_large(scale: Scale) -> String {
    let minor = scale.minor_per_major();
    format!(
        "all absolute amounts of a file add up to at most 2^63 - 1 minor units, here {minor} to a major unit; fewer \
         --decimals take larger ones"
    )
}

/// A field in major units as whole minor units, rounded half to even.
pub fn amount_minor(row: &Row<'_>, column: usize, scale: Scale) -> Outcome<i64> {
    minor_of(row.text(column)?.trim(), scale).ok_or_else(|| {
        let minor = scale.minor_per_major();
        row.bad(
            column,
            &format!("a plain decimal such as -12.50, below 2^63 minor units, here {minor} to a major unit"),
        )
    })
}

fn minor_of(text: &str, scale: Scale) -> Option<i64> {
    if let Ok(money) = Money::parse(text, scale) {
        return Some(money.to_minor());
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let major = Decimal::from_str(text).ok().filter(|_| plain)?;
    let minor = major.checked_mul(Decimal::from(scale.minor_per_major()))?;
    Money::from_decimal_minor(minor, Rounding::HalfEven).ok().map(Money::to_minor)
}

/// A field as seconds since 1970-01-01 UTC: RFC 3339, or a whole number of seconds.
pub fn at_seconds(row: &Row<'_>, column: usize) -> Outcome<i64> {
    row.parse(
        column,
        "RFC 3339 such as 2018-06-21T09:30:00+08:00, or whole seconds since 1970, years -9999 to 9999",
        |text| {
            let seconds = match text.parse::<i64>() {
                Ok(seconds) => seconds,
                Err(_) => {
                    let at = Timestamp::from_str(text).ok()?;
                    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
                }
            };
            AT_SECONDS.contains(&seconds).then_some(seconds)
        },
    )
}
