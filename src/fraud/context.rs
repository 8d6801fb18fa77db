//! What an examination of one account may look at.

use crate::graph::TransferGraph;
use crate::graph::temporal::{CircularFlow, Legs, RowSet};

use super::by_account::ByAccount;
use super::closure::Closure;
use super::config::AuditConfig;
use super::facts::{Facts, purse_of, sole_payee};
use super::marks::Marks;
use super::patterns::Patterns;

/// Disbursements of the marked lenders, by borrower and time.
#[derive(Debug, Clone, Default)]
pub(super) struct Loans(Vec<(u32, i64, i64, u32)>);

impl Loans {
    pub fn of(legs: &impl Legs, marks: &Marks) -> Self {
        let accounts = legs.accounts() as u32;
        let mut all = Vec::new();
        for &lender in marks.lenders().iter().filter(|&&lender| lender < accounts) {
            let out = legs.sent(lender).iter().filter(|leg| leg.amount_minor > 0);
            all.extend(out.map(|leg| (leg.peer, leg.at_seconds, leg.amount_minor, leg.row)));
        }
        all.sort_unstable();
        Self(all)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Time, amount and row of each disbursement to `account`.
    pub fn to(&self, account: u32) -> impl Iterator<Item = (i64, i64, u32)> {
        let start = self.0.partition_point(|loan| loan.0 < account);
        let rest = &self.0[start..];
        let own = &rest[..rest.partition_point(|loan| loan.0 == account)];
        own.iter().map(|&(_, at_seconds, amount, row)| (at_seconds, amount, row))
    }
}

/// What was found out about the whole market before single accounts are examined.
#[derive(Debug, Clone, Default)]
pub(super) struct Knowledge {
    /// Which accounts need a closer look at all.
    pub facts: Facts,
    /// As [`PassedOn::forwarded`](super::passed_on::PassedOn::forwarded).
    pub forwarded: ByAccount<[u32; 2]>,
    pub flows: Vec<CircularFlow>,
    /// Numbers of the flows that each account is on, ascending.
    pub flows_of: ByAccount<u32>,
    /// Rows of the transfers that are part of any flow.
    pub flow_rows: RowSet,
    /// Accounts whose search for circles reached a cap, ascending.
    pub capped: Vec<u32>,
    pub trails: Patterns,
    pub scatters: Patterns,
    pub dense: Patterns,
    pub layers: Patterns,
    pub crowds_in: Patterns,
    pub crowds_out: Patterns,
    /// Empty without a graph.
    pub closure: Closure,
    /// Share of its payers that another account has too, and which account that is.
    pub overlap: Vec<(f32, u32)>,
}

impl Knowledge {
    pub fn flows_of(&self, account: u32) -> impl Iterator<Item = &CircularFlow> {
        self.flows_of.of_account(account).iter().map(|&number| &self.flows[number as usize])
    }
}

/// Everything an examination reads; cheap to copy.
pub(super) struct Context<'a, L> {
    pub legs: &'a L,
    pub graph: Option<&'a TransferGraph>,
    pub marks: &'a Marks,
    pub config: &'a AuditConfig,
    pub loans: &'a Loans,
    pub market: Option<&'a Knowledge>,
    pub as_of: i64,
    /// Whether signals about the shape of the business take anything.
    pub takes_by_shape: bool,
}

impl<L: Legs> Context<'_, L> {
    /// Whether `payer`, who paid `merchant`, pays nobody else.
    pub fn pays_only(&self, payer: u32, merchant: u32) -> bool {
        match self.market {
            Some(market) => market.facts.pays_one.contains(payer),
            None => sole_payee(self.legs.sent(payer)) == Some(merchant),
        }
    }

    /// Whose money a payer of `merchant` brings: the purse behind a payer of nobody else, else the payer itself.
    pub fn backer(&self, payer: u32, merchant: u32) -> u32 {
        if !self.pays_only(payer, merchant) {
            return payer;
        }
        let purse = match self.market {
            Some(market) => market.facts.purse(payer),
            None => purse_of(self.legs.received(payer)).filter(|&purse| purse != merchant),
        };
        purse.unwrap_or(payer)
    }
}
