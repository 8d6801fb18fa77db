//! The market: everybody's transfers in order of time, and the truth about them.

use serde::{Deserialize, Serialize};

use super::borrowing::{self, Borrowing};
use super::config::MarketConfig;
use super::population::{AccountKind, Population};
use super::random::Stream;
use super::rings::{self, Ring};
use super::shops::{self, Shop};
use super::{lookalikes, people};
use crate::account::AccountIndex;
use crate::calendar::epoch_day;
use crate::error::Result;
use crate::parallel;
use crate::transfer::{DAY_SECONDS, Transfer, Transfers};

/// Why a transfer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Between people who know each other.
    Private,
    /// From a relative, or among relatives.
    Family,
    /// A customer pays a shop.
    Purchase,
    /// A shop gives money back; the amount is negative and the direction is that of the sale.
    Refund,
    /// A shop pays a supplier.
    Supply,
    /// Dues for an event.
    Dues,
    /// A treasurer pays a bill.
    Bill,
    /// A gift to a charity.
    Donation,
    /// A charity pays out.
    Grant,
    /// A stranger pays an account that forwards.
    PassIn,
    /// An account forwards.
    PassOut,
    /// A ring pays a shop: a receipt that should not count.
    WashReceipt,
    /// The money behind a ring, on its way round.
    WashFunding,
}

impl Purpose {
    /// Whether the transfer is a receipt that should not count.
    #[must_use]
    pub const fn is_washed(self) -> bool {
        matches!(self, Self::WashReceipt)
    }
}

/// One entry under way: places instead of accounts, seconds from the first midnight.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: i64,
    payer: u32,
    payee: u32,
    amount_minor: i64,
    purpose: Purpose,
}

/// Transfers of one part of the population, in the order in which they were made up.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    pub(super) fn send(&mut self, payer: u32, payee: u32, amount_minor: i64, at: i64, purpose: Purpose) {
        if payer != payee && amount_minor != 0 {
            self.entries.push(Entry { at, payer, payee, amount_minor, purpose });
        }
    }
}

/// A generated market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Market {
    config: MarketConfig,
    kinds: Vec<AccountKind>,
    transfers: Transfers,
    purposes: Vec<Purpose>,
    shops: Vec<Shop>,
    rings: Vec<Ring>,
}

/// Accounts a task fills in at a time; fixed, so that the market is the same on any number of threads.
const CHUNK: usize = 1_024;

impl Market {
    /// Makes the market that `config` describes: the same bits for the same configuration, on any number of threads.
    ///
    /// # Errors
    /// [`Error::is_invalid`](crate::Error::is_invalid) names the field of `config` that is out of range.
    pub fn generate(config: &MarketConfig) -> Result<Self> {
        config.check()?;
        let mut population = Population::new(config);
        let shop_places = population.of_kind(AccountKind::Shop);
        let mut shops: Vec<Shop> = shop_places.iter().map(|&place| Shop::new(config, place)).collect();
        let mut rings = rings::recruit(config, &mut population, &shop_places);
        // The busiest hundredth of the shops are also the wholesalers of the rest.
        let mut by_size: Vec<&Shop> = shops.iter().collect();
        by_size.sort_by(|a, b| b.customers_per_day.total_cmp(&a.customers_per_day));
        let wholesalers: Vec<u32> =
            by_size.iter().take((shops.len() / 100).max(3)).map(|shop| shop.account.get()).collect();

        let first_day = epoch_day(config.as_of) - config.days as i32;
        let weekday_of_first_day = (first_day + 3).rem_euclid(7) as u32; // 1970-01-01 was a Thursday
        let mut journals = parallel::map_chunks(population.len() as usize, CHUNK, |places| {
            let mut journal = Journal::default();
            for place in places.map(|place| place as u32) {
                people::live(config, &population, place, &mut journal);
                lookalikes::act(config, &population, &wholesalers, place, &mut journal);
            }
            journal
        });
        journals.extend(parallel::map_chunks(shops.len(), CHUNK / 16, |range| {
            let mut journal = Journal::default();
            for shop in &shops[range] {
                shops::trade(config, &population, &wholesalers, shop, weekday_of_first_day, &mut journal);
            }
            journal
        }));
        let mut journal = Journal::default();
        for ring in &mut rings {
            let at = shop_places.binary_search(&ring.merchant.get()).unwrap_or_default();
            rings::wash(config, ring, shops[at].receipts_per_day_minor(), &mut journal);
        }
        journals.push(journal);

        // Places tell who lives near whom; accounts must not.
        let mut account_of: Vec<u32> = (0..config.accounts).collect();
        Stream::new(config.seed, 5, 0).shuffle(&mut account_of);
        let rename = |account: &mut AccountIndex| *account = AccountIndex::new(account_of[account.as_usize()]);
        let mut kinds = vec![AccountKind::Person; population.kinds.len()];
        for (place, &kind) in population.kinds.iter().enumerate() {
            kinds[account_of[place] as usize] = kind;
        }
        shops.iter_mut().for_each(|shop| rename(&mut shop.account));
        shops.sort_by_key(|shop| shop.account);
        for ring in &mut rings {
            rename(&mut ring.merchant);
            ring.helpers.iter_mut().for_each(rename);
        }
        let midnight = i64::from(first_day) * DAY_SECONDS - i64::from(config.utc_offset.seconds());
        let end = i64::from(config.days) * DAY_SECONDS;
        let entries = in_order_of_time(journals, config.days, end);
        let mut transfers = Transfers::with_capacity(entries.len());
        transfers.extend(entries.iter().map(|entry| Transfer {
            payer: AccountIndex::new(account_of[entry.payer as usize]),
            payee: AccountIndex::new(account_of[entry.payee as usize]),
            amount_minor: entry.amount_minor,
            at_seconds: midnight + entry.at,
        }));
        let purposes = entries.iter().map(|entry| entry.purpose).collect();
        Ok(Self { config: config.clone(), kinds, transfers, purposes, shops, rings })
    }

    /// The configuration it was made from.
    #[must_use]
    pub fn config(&self) -> &MarketConfig {
        &self.config
    }

    /// What each account really is, one a row.
    #[must_use]
    pub fn kinds(&self) -> &[AccountKind] {
        &self.kinds
    }

    /// The transfers in order of time.
    #[must_use]
    pub fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Why each transfer was made, one a transfer.
    #[must_use]
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }

    /// The truth about each shop, in order of account.
    #[must_use]
    pub fn shops(&self) -> &[Shop] {
        &self.shops
    }

    /// The wash rings.
    #[must_use]
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// The loans that shops would take over the period if they could, in order of shop, then of date.
    #[must_use]
    pub fn borrowings(&self) -> Vec<Borrowing> {
        borrowing::needs(&self.config, &self.shops)
    }
}

/// The entries before `end` in order of time; equal seconds in the order in which they were made up.
fn in_order_of_time(journals: Vec<Journal>, days: u32, end: i64) -> Vec<Entry> {
    let mut by_day: Vec<Vec<Entry>> = vec![Vec::new(); days as usize];
    let mut per_day = vec![0usize; days as usize];
    let within = |entry: &&Entry| (0..end).contains(&entry.at);
    for journal in &journals {
        journal.entries.iter().filter(within).for_each(|entry| per_day[(entry.at / DAY_SECONDS) as usize] += 1);
    }
    by_day.iter_mut().zip(&per_day).for_each(|(day, &count)| day.reserve_exact(count));
    for journal in journals {
        for entry in journal.entries.iter().filter(within) {
            by_day[(entry.at / DAY_SECONDS) as usize].push(*entry);
        }
    }
    parallel::for_each_chunk_mut(&mut by_day, 1, |_, days| {
        days.iter_mut().for_each(|day| day.sort_by_key(|entry| entry.at));
    });
    by_day.concat()
}
