//! Balanced double-entry journals, and the chart of accounts as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::money::Money;

/// The roles a posting can play. A [`Chart`] gives each role the code and name of the lender's own books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Money at the bank.
    Cash,
    /// Principal lent out.
    Principal,
    /// Interest accrued and not yet paid.
    InterestReceivable,
    /// Penalties accrued and not yet paid.
    PenaltyReceivable,
    /// Fees charged and not yet paid.
    FeeReceivable,
    /// Interest and penalties that are owed but not recognised as income (non-accrual).
    SuspendedIncome,
    /// Money the borrower paid too much.
    CreditBalance,
    /// Interest earned.
    InterestIncome,
    /// Penalties earned.
    PenaltyIncome,
    /// Fees earned.
    FeeIncome,
    /// Money recovered after a charge-off.
    RecoveryIncome,
    /// Interest, penalties and fees given up.
    WaiverExpense,
    /// Credit given to the borrower at the lender's cost.
    GoodwillExpense,
    /// Losses recognised by charge-off or write-off.
    CreditLoss,
    /// Gain (credit) or loss (debit) on a sold claim.
    SaleResult,
    /// Income charged and not yet earned.
    DeferredIncome,
    /// What a fee paid for the borrower costs.
    BuyDownExpense,
}

impl Account {
    /// Every role, in order.
    pub const ALL: [Self; 17] = [
        Self::Cash,
        Self::Principal,
        Self::InterestReceivable,
        Self::PenaltyReceivable,
        Self::FeeReceivable,
        Self::SuspendedIncome,
        Self::CreditBalance,
        Self::InterestIncome,
        Self::PenaltyIncome,
        Self::FeeIncome,
        Self::RecoveryIncome,
        Self::WaiverExpense,
        Self::GoodwillExpense,
        Self::CreditLoss,
        Self::SaleResult,
        Self::DeferredIncome,
        Self::BuyDownExpense,
    ];
}

/// The side of the balance sheet or of the result an account stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountClass {
    /// What the lender has.
    Asset,
    /// What the lender owes.
    Liability,
    /// What it earns.
    Income,
    /// What it spends.
    Expense,
}

/// One line of a chart of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartLine {
    /// The role in this crate.
    pub account: Account,
    /// The code in the lender's books.
    pub code: String,
    /// The name in the lender's books.
    pub name: String,
    /// Where it stands.
    pub class: AccountClass,
}

/// A chart of accounts: a code, a name and a class for each role, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ChartLine>", into = "Vec<ChartLine>")]
pub struct Chart(Vec<ChartLine>);

impl Chart {
    /// A chart with exactly one line for each role.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when a role is missing or stands twice.
    pub fn new(mut lines: Vec<ChartLine>) -> Result<Self> {
        lines.sort_by_key(|line| line.account);
        if !lines.iter().map(|line| line.account).eq(Account::ALL) {
            return Err(Error::invalid(
                "chart of accounts",
                format!("{} lines", lines.len()),
                "each account role once",
            ));
        }
        Ok(Self(lines))
    }

    /// The line of a role.
    #[must_use]
    pub fn line(&self, account: Account) -> &ChartLine {
        &self.0[account as usize]
    }

    /// All lines, in the order of the roles.
    #[must_use]
    pub fn lines(&self) -> &[ChartLine] {
        &self.0
    }
}

impl TryFrom<Vec<ChartLine>> for Chart {
    type Error = Error;

    fn try_from(lines: Vec<ChartLine>) -> Result<Self> {
        Self::new(lines)
    }
}

impl From<Chart> for Vec<ChartLine> {
    fn from(chart: Chart) -> Self {
        chart.0
    }
}

impl Default for Chart {
    /// A plain four-digit chart: 1xxx assets, 2xxx liabilities, 4xxx income, 5xxx expenses.
    fn default() -> Self {
        use Account as A;
        use AccountClass::{Asset, Expense, Income, Liability};
        let rows = [
            (A::Cash, "1001", "Cash", Asset),
            (A::Principal, "1101", "Loans receivable", Asset),
            (A::InterestReceivable, "1102", "Interest receivable", Asset),
            (A::PenaltyReceivable, "1103", "Penalties receivable", Asset),
            (A::FeeReceivable, "1104", "Fees receivable", Asset),
            (A::SuspendedIncome, "2102", "Suspended income", Liability),
            (A::CreditBalance, "2101", "Borrowers' credit balances", Liability),
            (A::InterestIncome, "4001", "Interest income", Income),
            (A::PenaltyIncome, "4002", "Penalty income", Income),
            (A::FeeIncome, "4003", "Fee income", Income),
            (A::RecoveryIncome, "4004", "Recoveries", Income),
            (A::WaiverExpense, "5001", "Waivers", Expense),
            (A::GoodwillExpense, "5002", "Goodwill credits", Expense),
            (A::CreditLoss, "5003", "Credit losses", Expense),
            (A::SaleResult, "5004", "Result of claims sold", Expense),
            (A::DeferredIncome, "2103", "Deferred income", Liability),
            (A::BuyDownExpense, "5005", "Buy-down fees", Expense),
        ];
        let line = |(account, code, name, class): (A, &str, &str, AccountClass)| ChartLine {
            account,
            code: code.to_owned(),
            name: name.to_owned(),
            class,
        };
        Self(rows.map(line).to_vec())
    }
}

/// One side of an entry: a debit when above zero, a credit when below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// Debit positive, credit negative, in minor units; never zero.
    pub debit_minor: Money,
}

/// Why an entry was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalKind {
    /// An event.
    Event,
    /// Interest or penalties earned by the passing of days.
    Accrual,
    /// A change between accrual and non-accrual.
    Recognition,
    /// What a backdated or reversed event changed in entries already made.
    Compensation,
}

/// A balanced entry: its postings add up to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The day it is booked.
    pub booked_on: Date,
    /// The day it counts from.
    pub value_date: Date,
    /// The event behind it: its number in the order of arrival.
    pub event: Option<u32>,
    /// The drawdown it belongs to, where it belongs to one.
    pub drawdown: Option<u32>,
    /// Why it was made.
    pub kind: JournalKind,
    /// The postings.
    pub postings: Vec<Posting>,
}

impl JournalEntry {
    /// Whether debits equal credits.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.postings.iter().map(|posting| i128::from(posting.debit_minor.to_minor())).sum::<i128>() == 0
    }
}

/// The balance of one account: debits less credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerBalance {
    /// The account.
    pub account: Account,
    /// Debits less credits, in minor units.
    pub debit_minor: Money,
}

/// The balances of every account that was posted to, in the order of the roles.
///
/// # Errors
/// [`Error::is_overflow`] when a balance cannot be held.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::loan::{Action, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms, trial_balance};
///
/// let day = "2026-03-01".parse().unwrap();
/// let limit_minor = Money::from_minor(500_000);
/// let terms = LineTerms { limit_minor, opened_on: day, expires_on: "2027-03-01".parse().unwrap() };
/// let mut line = CreditLine::open(LinePolicy::china(), terms)?;
/// let terms = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 90)?;
/// let draw = Action::Disburse { drawdown: DrawdownId(1), amount_minor: Money::from_minor(200_000), terms };
/// line.record(Event::new("draw", day, draw))?;
/// // Debits less credits of all accounts together are nothing; the principal is one of the debits.
/// let balances: Vec<i64> = trial_balance(line.journal())?.iter().map(|it| it.debit_minor.to_minor()).collect();
/// assert_eq!(balances.iter().sum::<i64>(), 0);
/// assert!(balances.contains(&200_000) && balances.contains(&-200_000));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn trial_balance(entries: &[JournalEntry]) -> Result<Vec<LedgerBalance>> {
    let mut sums: BTreeMap<Account, i128> = BTreeMap::new();
    for posting in entries.iter().flat_map(|entry| &entry.postings) {
        *sums.entry(posting.account).or_default() += i128::from(posting.debit_minor.to_minor());
    }
    sums.into_iter()
        .filter(|&(_, sum)| sum != 0)
        .map(|(account, sum)| {
            let minor = i64::try_from(sum).map_err(|_| {
                Error::overflow("ledger balance", "at most 9,223,372,036,854,775,807 minor units either way")
            })?;
            Ok(LedgerBalance { account, debit_minor: Money::from_minor(minor) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_names_every_role_once() {
        let mut lines = Chart::default().lines().to_vec();
        assert_eq!(Chart::default().line(Account::SaleResult).code, "5004");
        lines.pop();
        assert!(Chart::new(lines).unwrap_err().is_invalid());
        for line in Chart::default().lines() {
            assert_eq!(Chart::default().line(line.account), line);
        }
    }
}
