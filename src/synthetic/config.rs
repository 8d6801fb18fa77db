//! What the market is made of, as numbers.

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::transfer::UtcOffset;

/// The parameters of a synthetic market. The defaults are a town of 100,000 accounts over 180 days.
///
/// ```
/// use dandelion_credit::synthetic::{Market, MarketConfig};
///
/// // The same seed makes the same town; more shops are more shops.
/// let town = MarketConfig { accounts: 1_000, days: 30, ..MarketConfig::default() };
/// let shops = |config: &MarketConfig| Market::generate(config).map(|market| market.shops().len());
/// assert_eq!(shops(&town)?, 40);
/// assert_eq!(shops(&MarketConfig { shop_share: 0.08, ..town.clone() })?, 80);
/// // A field out of its range is named.
/// let error = shops(&MarketConfig { days: 7, ..town }).unwrap_err();
/// assert!(error.to_string().contains("days is 7"));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketConfig {
    /// Everything random follows from it.
    pub seed: u64,
    /// Accounts of every kind together, 1,000 to 100,000,000.
    pub accounts: u32,
    /// The first day without transfers: the day the lender looks at the market.
    pub as_of: Date,
    /// Days of history before [`as_of`](Self::as_of), 30 to 3,660.
    pub days: u32,
    /// The offset in which the market's clocks run.
    pub utc_offset: UtcOffset,
    /// Share of accounts that are shops (sole proprietors: the same account pays for their private life).
    pub shop_share: f64,
    /// Share of accounts that collect for an event: class dues, a wedding, a group order.
    pub treasurer_share: f64,
    /// Share of accounts that collect donations.
    pub charity_share: f64,
    /// Share of accounts that forward what strangers send them.
    pub pass_through_share: f64,
    /// Share of accounts that live on what several relatives send them every month.
    pub family_hub_share: f64,
    /// Share of *shops* that pump their receipts with a wash ring before they apply.
    pub ring_share: f64,
    /// Median customers a day of a shop; shops spread around it log-normally with sigma 0.8.
    pub customers_per_day_median: f64,
    /// Median transfers a day between a person and their circles; people spread around it with sigma 0.6.
    pub social_per_day_median: f64,
    /// Share of a shop's customers who are its regulars; the rest pass by.
    pub regular_share: f64,
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self {
            seed: 310,
            accounts: 100_000,
            as_of: date(2018, 6, 21),
            days: 180,
            utc_offset: UtcOffset::from_seconds(8 * 3600).unwrap_or_default(),
            shop_share: 0.04,
            treasurer_share: 0.008,
            charity_share: 0.001,
            pass_through_share: 0.004,
            family_hub_share: 0.01,
            ring_share: 0.06,
            customers_per_day_median: 5.5,
            social_per_day_median: 0.08,
            regular_share: 0.55,
        }
    }
}

impl MarketConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::is_invalid`] names the field.
    pub fn check(&self) -> Result<()> {
        let range = |name: &'static str, value: f64, low: f64, high: f64| {
            let fine = (low..=high).contains(&value);
            if fine { Ok(()) } else { Err(Error::invalid(name, value, format!("from {low} to {high}"))) }
        };
        range("accounts", f64::from(self.accounts), 1_000.0, 1e8)?;
        range("days", f64::from(self.days), 30.0, 3_660.0)?;
        range("shop_share", self.shop_share, 0.001, 0.3)?;
        range("treasurer_share", self.treasurer_share, 0.0, 0.1)?;
        range("charity_share", self.charity_share, 0.0, 0.1)?;
        range("pass_through_share", self.pass_through_share, 0.0, 0.1)?;
        range("family_hub_share", self.family_hub_share, 0.0, 0.1)?;
        range("ring_share", self.ring_share, 0.0, 0.5)?;
        range("customers_per_day_median", self.customers_per_day_median, 0.01, 1_000.0)?;
        range("social_per_day_median", self.social_per_day_median, 0.0, 10.0)?;
        range("regular_share", self.regular_share, 0.0, 1.0)
    }
}
