//! Wash rings: a shop's own money comes back to it as sales.

use serde::{Deserialize, Serialize};

use super::config::MarketConfig;
use super::market::{Journal, Purpose};
use super::people::moment;
use super::population::{AccountKind, Population};
use super::random::Stream;
use crate::account::AccountIndex;

const ANY_HOUR: [u8; 16] = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22];

/// How a ring works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingKind {
    /// Two or three helpers pay the shop and get the sum back within two days.
    RoundTrip,
    /// The sum goes through a chain of three to five accounts and comes back as a sale, a little less each time.
    Circle,
    /// A purse behind the shop funds five to twenty puppets that pay only this shop.
    Puppets,
    /// Real friends pay during the last weeks before the application and are paid back afterwards in one sum.
    Pumping,
}

impl RingKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::RoundTrip, Self::Circle, Self::Puppets, Self::Pumping];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundTrip => "round_trip",
            Self::Circle => "circle",
            Self::Puppets => "puppets",
            Self::Pumping => "pumping",
        }
    }
}

/// The truth about one ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// How it works.
    pub kind: RingKind,
    /// Whose receipts it inflates.
    pub merchant: AccountIndex,
    /// Who helps.
    pub helpers: Vec<AccountIndex>,
    /// Washed receipts in minor units over the period.
    pub washed_minor: i64,
}

/// Chooses helpers and turns those who serve nothing else into [`AccountKind::RingHelper`].
pub(super) fn recruit(config: &MarketConfig, population: &mut Population, shops: &[u32]) -> Vec<Ring> {
    let mut stream = Stream::new(config.seed, 40, 0);
    let wanted = (config.ring_share * shops.len() as f64).round() as usize;
    let mut merchants = shops.to_vec();
    stream.shuffle(&mut merchants);
    let mut rings = Vec::new();
    for (number, &merchant) in merchants.iter().take(wanted).enumerate() {
        let kind = RingKind::ALL[number % RingKind::ALL.len()];
        let (low, high, hired) = match kind {
            RingKind::RoundTrip => (1, 3, false),
            RingKind::Circle => (2, 5, true),
            RingKind::Puppets => (6, 21, true),
            RingKind::Pumping => (4, 12, false),
        };
        let mut helpers = Vec::new();
        for _ in 0..stream.between(low, high) * 4 {
            let candidate = if hired {
                population.neighbour(merchant, 2_000, &mut stream)
            } else {
                *stream.pick(population.layers[1].circle(merchant))
            };
            let fit = population.kinds[candidate as usize] == AccountKind::Person && !helpers.contains(&candidate);
            if fit && helpers.len() < high as usize && (helpers.len() < low as usize || stream.chance(0.6)) {
                helpers.push(candidate);
            }
        }
        if helpers.len() < low as usize {
            continue;
        }
        if hired {
            helpers.iter().for_each(|&helper| population.kinds[helper as usize] = AccountKind::RingHelper);
        }
        rings.push(Ring {
            kind,
            merchant: AccountIndex::new(merchant),
            helpers: helpers.into_iter().map(AccountIndex::new).collect(),
            washed_minor: 0,
        });
    }
    rings
}

/// Runs one ring over the last 40 to 100 days before the application.
pub(super) fn wash(config: &MarketConfig, ring: &mut Ring, receipts_per_day_minor: f64, journal: &mut Journal) {
    let merchant = ring.merchant.get();
    let helpers: Vec<u32> = ring.helpers.iter().map(|helper| helper.get()).collect();
    let mut stream = Stream::new(config.seed, 41, u64::from(merchant));
    let first = config.days.saturating_sub(stream.between(40, 100));
    // A ring is worth the trouble when it adds half to twice the honest receipts.
    let per_day = receipts_per_day_minor.max(3_000.0) * (0.5 + 1.5 * stream.unit());
    let mut washed = 0;
    let mut owed = vec![0i64; helpers.len()];
    for day in first..config.days {
        let rounds = stream.poisson(2.0);
        for _ in 0..rounds {
            let sum = ((per_day / 2.0 * (0.7 + 0.6 * stream.unit())) as i64 / 100 * 100).max(100);
            let at = moment(day, &ANY_HOUR, &mut stream);
            let mut pause = |base: i64, most: u32| base + i64::from(stream.below(most));
            match ring.kind {
                RingKind::RoundTrip => {
                    let who = day as usize % helpers.len();
                    journal.send(helpers[who], merchant, sum, at, Purpose::WashReceipt);
                    journal.send(merchant, helpers[who], sum, at + pause(1_800, 100_000), Purpose::WashFunding);
                }
                RingKind::Circle => {
                    let mut at = at;
                    let mut left = sum + sum / 50;
                    journal.send(merchant, helpers[0], left, at, Purpose::WashFunding);
                    for pair in helpers.windows(2) {
                        at += pause(600, 20_000);
                        left -= left / 200;
                        journal.send(pair[0], pair[1], left, at, Purpose::WashFunding);
                    }
                    at += pause(600, 20_000);
                    left -= left / 200;
                    journal.send(helpers[helpers.len() - 1], merchant, left, at, Purpose::WashReceipt);
                    washed += left - sum;
                }
                RingKind::Puppets => {
                    let purse = helpers[0];
                    let puppet = helpers[1 + pause(0, helpers.len() as u32 - 1) as usize];
                    journal.send(purse, puppet, sum, at, Purpose::WashFunding);
                    journal.send(puppet, merchant, sum, at + pause(900, 30_000), Purpose::WashReceipt);
                    owed[0] += sum;
                    if owed[0] > 4 * per_day as i64 {
                        journal.send(merchant, purse, owed[0], at + pause(40_000, 30_000), Purpose::WashFunding);
                        owed[0] = 0;
                    }
                }
                RingKind::Pumping => {
                    let who = pause(0, helpers.len() as u32) as usize;
                    journal.send(helpers[who], merchant, sum, at, Purpose::WashReceipt);
                    owed[who] += sum;
                    if owed[who] > 2 * per_day as i64 {
                        journal.send(
                            merchant,
                            helpers[who],
                            owed[who],
                            at + pause(90_000, 400_000),
                            Purpose::WashFunding,
                        );
                        owed[who] = 0;
                    }
                }
            }
            washed += sum;
        }
    }
    ring.washed_minor = washed;
}
