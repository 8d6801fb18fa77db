//! A seeded market of people, shops and everybody who looks like a shop and is not one.
//!
//! Real transfers are secret, and public ones carry no labels, so examples, tests and benches run on a town that is made
//! here: [`Market::generate`] takes a [`MarketConfig`] and gives back transfers and the truth about every account and
//! every transfer. It exists to exercise the whole way from transfers to a repaid loan with known answers; **a figure
//! reached on it says that the machinery works, not how well it would do on your customers.**
//!
//! # Who lives there
//! | kind | what it does | why it is hard |
//! |---|---|---|
//! | [`Person`](AccountKind::Person) | sends small sums round overlapping circles (household, friends, work), shops nearby | shopping adds counterparties who do not know each other |
//! | [`Shop`](AccountKind::Shop) | receipts from regulars and passers-by with a week and a day in them, suppliers, refunds; opens, grows, fades, closes | the owner's private life goes through the same account; some sell once a week |
//! | [`FamilyHub`](AccountKind::FamilyHub) | receives from several relatives every month | steady receipts from several payers, but the payers know each other |
//! | [`Treasurer`](AccountKind::Treasurer) | collects equal dues from dozens of people within days, then pays one or two bills | a dandelion for a week |
//! | [`Charity`](AccountKind::Charity) | receives from many strangers in campaigns, pays a few out monthly | a dandelion all year |
//! | [`PassThrough`](AccountKind::PassThrough) | receives from strangers, forwards nearly all within hours | the perfect dandelion |
//! | [`RingHelper`](AccountKind::RingHelper) | sends a shop its own money back as sales | see [`RingKind`] |
//!
//! # The figures it was set to
//! Borrowers among the shops ([`Market::borrowings`]) draw when stock has to be paid and repay out of receipts. Mean loan,
//! mean days of use and the share of borrowers with more than three loans in six months come out near the figures that
//! MYbank reported for its street vendors in June 2018: 7,615 yuan, 50 days, 35 %. None of the three is written anywhere in
//! the generator; they emerge from the needs, the sizes of the shops and the share of receipts that goes to repayment.
//!
//! ```
//! use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
//!
//! let market = Market::generate(&MarketConfig { accounts: 2_000, days: 60, ..MarketConfig::default() })?;
//! assert_eq!(market.kinds().len(), 2_000);
//! assert_eq!(market.kinds().iter().filter(|kind| **kind == AccountKind::Shop).count(), 80);
//! assert_eq!(market.transfers().len(), market.purposes().len());
//! assert!(market.transfers().columns().check(2_000).is_ok());
//! # Ok::<(), dandelion_credit::Error>(())
//! ```

mod borrowing;
mod config;
mod lookalikes;
mod market;
mod people;
mod population;
mod random;
mod rings;
mod shops;

pub use borrowing::{Borrowing, BorrowingSummary};
pub use config::MarketConfig;
pub use market::{Market, Purpose};
pub use population::AccountKind;
pub use rings::{Ring, RingKind};
pub use shops::{Segment, Shop};
