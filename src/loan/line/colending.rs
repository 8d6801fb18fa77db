//! One drawdown, several funders: every posting splits, and the parts add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accrual::InterestRate;
use crate::error::{Error, Result};
use crate::loan::{Account, JournalEntry, Posting};
use crate::money::{Money, Rounding};
use crate::rate::BasisPoints;

/// One who puts up a share of a drawdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funder {
    /// Who it is.
    pub name: String,
    /// The share of the principal.
    pub share: BasisPoints,
    /// The rate it earns on its share, when that is not the borrower's; the residual owner earns or bears the difference.
    pub rate: Option<InterestRate>,
}

/// How a drawdown is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoLending {
    /// The funders; shares add up to 10,000.
    pub funders: Vec<Funder>,
    /// Which of them owns what rounding and rate differences leave.
    pub residual_owner: usize,
    /// The share of each other funder's interest that the residual owner keeps for its service.
    pub service_fee: BasisPoints,
    /// Which funder bears losses first, and up to which share of the principal lent (5 % for a default loss guarantee in
    /// India).
    pub first_loss: Option<FirstLoss>,
}

/// A guarantee among funders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstLoss {
    /// Who bears it.
    pub funder: usize,
    /// Up to which share of the principal lent.
    pub cap: BasisPoints,
}

/// A funder's part of a journal: the same entries, each balanced in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunderBook {
    /// Who it is.
    pub name: String,
    /// Its parts of the entries, in their order; entries of which it has nothing are left out.
    pub entries: Vec<JournalEntry>,
    /// What the guarantee paid it for losses, negative for the one who paid.
    pub guarantee_minor: Money,
}

impl CoLending {
    fn check(&self) -> Result<()> {
        let sum: i64 = self.funders.iter().map(|funder| i64::from(funder.share.get())).sum();
        if sum != 10_000 || self.funders.iter().any(|funder| funder.share.get() < 0) {
            return Err(Error::invalid("funders' shares", sum, "shares not below zero that add up to 10000"));
        }
        let first_loss = self.first_loss.map_or(0, |first| first.funder);
        if self.residual_owner >= self.funders.len() || first_loss >= self.funders.len() {
            return Err(Error::unknown("funder", self.residual_owner.max(first_loss)));
        }
        let cap = self.first_loss.map_or(0, |first| first.cap.get());
        if !(0..=10_000).contains(&self.service_fee.get()) || !(0..=10_000).contains(&cap) {
            return Err(Error::invalid("service fee or guarantee", self.service_fee.get(), "0 to 10000 basis points"));
        }
        Ok(())
    }

    /// Splits the journal of one drawdown whose contract rate is `rate`.
    ///
    /// Shares are applied to running totals, so that a funder's principal ends at nothing when the whole does; the part of
    /// the residual owner is what the others leave.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when shares do not add up to the whole or rates are of different kinds;
    /// [`Error::is_unknown`] for a funder that does not exist.
    pub fn split(&self, entries: &[JournalEntry], rate: InterestRate) -> Result<Vec<FunderBook>> {
        self.check()?;
        let whole = rate.steps()?;
        // Interest weights over 10,000 x 10,000 x the contract rate: share, funder's rate, what the service leaves.
        let interest: Vec<i128> = self
            .funders
            .iter()
            .map(|funder| {
                let own = match funder.rate {
                    None => whole,
                    Some(own) if std::mem::discriminant(&own) == std::mem::discriminant(&rate) => own.steps()?,
                    Some(own) => {
                        return Err(Error::invalid(
                            "funder's rate",
                            own.as_fraction(),
                            "a rate quoted as the borrower's is",
                        ));
                    }
                };
                Ok(i128::from(funder.share.get()) * i128::from(own) * i128::from(10_000 - self.service_fee.get()))
            })
            .collect::<Result<_>>()?;
        let mut books: Vec<FunderBook> = self
            .funders
            .iter()
            .map(|funder| FunderBook { name: funder.name.clone(), entries: Vec::new(), guarantee_minor: Money::ZERO })
            .collect();
        let mut totals: BTreeMap<Account, i128> = BTreeMap::new();
        let mut given: BTreeMap<(usize, Account), i128> = BTreeMap::new();
        for entry in entries {
            // The posting that takes what balances the parts: cash before income before the rest.
            let rank = |account: Account| match account {
                Account::Cash => 0,
                Account::InterestIncome | Account::PenaltyIncome | Account::FeeIncome => 1,
                Account::CreditLoss | Account::SaleResult | Account::WaiverExpense | Account::GoodwillExpense => 2,
                _ => 3,
            };
            let Some(balancing) = (0..entry.postings.len()).min_by_key(|&line| rank(entry.postings[line].account))
            else {
                continue;
            };
            let mut left: Vec<i128> =
                entry.postings.iter().map(|posting| i128::from(posting.debit_minor.to_minor())).collect();
            for (index, book) in books.iter_mut().enumerate() {
                if index == self.residual_owner {
                    continue;
                }
                let mut postings = Vec::new();
                let mut sum = 0;
                for (line, posting) in entry.postings.iter().enumerate() {
                    if line == balancing {
                        continue;
                    }
                    let total =
                        totals.get(&posting.account).copied().unwrap_or(0) + i128::from(posting.debit_minor.to_minor());
                    let part = match posting.account {
                        Account::InterestReceivable
                        | Account::InterestIncome
                        | Account::PenaltyReceivable
                        | Account::PenaltyIncome
                        | Account::SuspendedIncome
                            if whole > 0 =>
                        {
                            let denominator = 100_000_000 * i128::from(whole);
                            let numerator = total.checked_mul(interest[index]).ok_or_else(super::accrual::overflow)?;
                            Rounding::HalfEven.div(numerator, denominator)
                        }
                        _ => Rounding::HalfEven.div(total * i128::from(self.funders[index].share.get()), 10_000),
                    };
                    let before = given.entry((index, posting.account)).or_default();
                    let change = part - *before;
                    *before = part;
                    sum += change;
                    left[line] -= change;
                    push(&mut postings, posting.account, change)?;
                }
                left[balancing] += sum;
                push(&mut postings, entry.postings[balancing].account, -sum)?;
                keep(book, entry, postings);
            }
            let mut postings = Vec::new();
            for (posting, &part) in entry.postings.iter().zip(&left) {
                push(&mut postings, posting.account, part)?;
            }
            keep(&mut books[self.residual_owner], entry, postings);
            for (line, posting) in entry.postings.iter().enumerate() {
                if line != balancing {
                    *totals.entry(posting.account).or_default() += i128::from(posting.debit_minor.to_minor());
                }
            }
        }
        self.guarantee(&mut books)?;
        Ok(books)
    }

    /// Pays the others' losses out of the guarantor's share, up to the cap.
    fn guarantee(&self, books: &mut [FunderBook]) -> Result<()> {
        let Some(first) = self.first_loss else { return Ok(()) };
        let sum = |book: &FunderBook, account: Account, lent_only: bool| -> i64 {
            let postings = book.entries.iter().flat_map(|entry| &entry.postings);
            let chosen = postings.filter(|posting| posting.account == account);
            chosen.map(|posting| posting.debit_minor.to_minor()).filter(|&debit| !lent_only || debit > 0).sum()
        };
        let lent: i64 = books.iter().map(|book| sum(book, Account::Principal, true)).sum();
        let cap = Money::from_minor(lent).mul_ratio(i64::from(first.cap.get()), 10_000, Rounding::Down)?.to_minor();
        let losses: Vec<i64> = books.iter().map(|book| sum(book, Account::CreditLoss, false).max(0)).collect();
        let own = losses[first.funder];
        let others: i64 = losses.iter().sum::<i64>() - own;
        let paid = others.min((cap - own).max(0));
        if paid == 0 {
            return Ok(());
        }
        let mut weights: Vec<u64> = losses.iter().map(|&loss| loss as u64).collect();
        weights[first.funder] = 0;
        for (book, part) in books.iter_mut().zip(Money::from_minor(paid).split(&weights)?) {
            book.guarantee_minor = part;
        }
        books[first.funder].guarantee_minor = Money::from_minor(-paid);
        Ok(())
    }
}

fn push(postings: &mut Vec<Posting>, account: Account, debit: i128) -> Result<()> {
    if debit != 0 {
        let minor = i64::try_from(debit).map_err(|_| super::accrual::overflow())?;
        postings.push(Posting { account, debit_minor: Money::from_minor(minor) });
    }
    Ok(())
}

fn keep(book: &mut FunderBook, entry: &JournalEntry, postings: Vec<Posting>) {
    if !postings.is_empty() {
        book.entries.push(JournalEntry { postings, ..entry.clone() });
    }
}
