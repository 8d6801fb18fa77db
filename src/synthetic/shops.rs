//! Shops: who they are, when their customers come, what they sell, and how they fare.

use serde::{Deserialize, Serialize};

use super::config::MarketConfig;
use super::market::{Journal, Purpose};
use super::people::moment;
use super::population::{AccountKind, Population};
use super::random::Stream;
use crate::account::AccountIndex;
use crate::elementary::exp;

/// The trade of a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Steamed buns and soy milk before work.
    Breakfast,
    /// Noodles at noon and in the evening.
    Noodles,
    /// Fruit and vegetables.
    Greengrocer,
    /// Haircuts: few tickets, large ones, best at the weekend.
    Hairdresser,
    /// A night-market grill.
    NightGrill,
    /// Repairs: a few tickets a week.
    Repairs,
}

impl Segment {
    /// Every trade.
    pub const ALL: [Self; 6] =
        [Self::Breakfast, Self::Noodles, Self::Greengrocer, Self::Hairdresser, Self::NightGrill, Self::Repairs];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Breakfast => "breakfast",
            Self::Noodles => "noodles",
            Self::Greengrocer => "greengrocer",
            Self::Hairdresser => "hairdresser",
            Self::NightGrill => "night_grill",
            Self::Repairs => "repairs",
        }
    }

    const fn trade(self) -> Trade {
        match self {
            Self::Breakfast => Trade {
                ticket_minor: 900.0,
                ticket_sigma: 0.35,
                pace: 1.5,
                hours: &[6, 6, 7, 7, 7, 8, 8, 9],
                week: [1.1, 1.1, 1.1, 1.1, 1.1, 0.8, 0.7],
            },
            Self::Noodles => Trade {
                ticket_minor: 1_900.0,
                ticket_sigma: 0.4,
                pace: 1.3,
                hours: &[11, 11, 12, 12, 12, 13, 17, 18, 18, 19, 20],
                week: [0.95, 0.95, 0.95, 1.0, 1.1, 1.1, 0.95],
            },
            Self::Greengrocer => Trade {
                ticket_minor: 2_600.0,
                ticket_sigma: 0.6,
                pace: 1.2,
                hours: &[7, 8, 8, 9, 9, 10, 11, 16, 17, 17, 18, 18, 19],
                week: [0.9, 0.9, 0.9, 0.95, 1.05, 1.2, 1.1],
            },
            Self::Hairdresser => Trade {
                ticket_minor: 5_500.0,
                ticket_sigma: 0.5,
                pace: 0.5,
                hours: &[10, 11, 13, 14, 14, 15, 16, 17, 18, 19, 20],
                week: [0.3, 0.8, 0.9, 0.9, 1.2, 1.6, 1.3],
            },
            Self::NightGrill => Trade {
                ticket_minor: 4_200.0,
                ticket_sigma: 0.55,
                pace: 0.9,
                hours: &[17, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 0],
                week: [0.8, 0.8, 0.85, 0.9, 1.3, 1.4, 0.95],
            },
            Self::Repairs => Trade {
                ticket_minor: 7_500.0,
                ticket_sigma: 0.8,
                pace: 0.12,
                hours: &[9, 10, 10, 11, 13, 14, 15, 16, 17, 18],
                week: [1.1, 1.1, 1.0, 1.0, 1.0, 1.0, 0.8],
            },
        }
    }
}

struct Trade {
    ticket_minor: f64,
    ticket_sigma: f64,
    /// Customers against the market's median.
    pace: f64,
    hours: &'static [u8],
    /// Monday to Sunday.
    week: [f64; 7],
}

/// The truth about one shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shop {
    /// Its account.
    pub account: AccountIndex,
    /// Its trade.
    pub segment: Segment,
    /// Day it opened, counted from the first day of the market; negative when it was there before.
    pub opened_day: i32,
    /// Day it closed for good, where it did within the period.
    pub closed_day: Option<u32>,
    /// Days before closing over which trade faded away; 0 when it shut from one day to the next.
    pub fading_days: u32,
    /// Customers a day it was set up for, before trend, week and luck.
    pub customers_per_day: f64,
    /// Median ticket in minor units.
    pub ticket_minor: f64,
    /// Growth of custom a month as a fraction.
    pub growth_per_month: f64,
}

impl Shop {
    pub(super) fn new(config: &MarketConfig, place: u32) -> Self {
        let mut stream = Stream::new(config.seed, 20, u64::from(place));
        let segment = *stream.pick(&Segment::ALL);
        let trade = segment.trade();
        let days = f64::from(config.days);
        let newcomer = stream.chance((0.35 * days / 365.0).min(0.6));
        let opened_day =
            if newcomer { stream.below(config.days) as i32 } else { -(stream.exponential(700.0) as i32) - 1 };
        // A constant hazard of 15 % a year, young shops twice that.
        let alive_days = stream.exponential(365.0 / if newcomer { 0.3 } else { 0.15 });
        let closing = f64::from(opened_day.max(0)) + alive_days;
        Self {
            account: AccountIndex::new(place),
            segment,
            opened_day,
            closed_day: (closing < days).then_some(closing as u32),
            fading_days: if stream.chance(0.6) { stream.between(20, 90) } else { 0 },
            customers_per_day: stream.lognormal(config.customers_per_day_median * trade.pace, 0.8).min(400.0),
            ticket_minor: stream.lognormal(trade.ticket_minor, 0.3),
            growth_per_month: 0.005 + 0.03 * stream.normal(),
        }
    }

    /// Receipts a day in minor units that the shop was set up for.
    #[must_use]
    pub fn receipts_per_day_minor(&self) -> f64 {
        let spread = self.segment.trade().ticket_sigma;
        let week: f64 = self.segment.trade().week.iter().sum::<f64>() / 7.0;
        self.customers_per_day * week * self.ticket_minor * exp(spread * spread / 2.0)
    }

    /// How much of its custom is left on `day`: 0 before opening and after closing, growing or fading between.
    fn vigour(&self, day: u32) -> f64 {
        let age = day as i32 - self.opened_day;
        if age < 0 || self.closed_day.is_some_and(|closed| day >= closed) {
            return 0.0;
        }
        let begun = (f64::from(age) / 30.0).min(1.0).mul_add(0.7, 0.3);
        let grown = exp(self.growth_per_month * f64::from(day) / 30.0);
        let left = self.closed_day.map_or(u32::MAX, |closed| closed - day);
        let fading = if left < self.fading_days { f64::from(left) / f64::from(self.fading_days) } else { 1.0 };
        begun * grown * fading
    }
}

/// A ticket: whole yuan mostly, tenths otherwise.
pub(super) fn ticket(median: f64, sigma: f64, stream: &mut Stream) -> i64 {
    let exact = stream.lognormal(median, sigma);
    let step = if stream.chance(0.7) { 100.0 } else { 10.0 };
    ((exact / step).round() * step).max(step) as i64
}

/// Everything one shop sells, refunds and buys.
pub(super) fn trade(
    config: &MarketConfig,
    population: &Population,
    suppliers: &[u32],
    shop: &Shop,
    weekday_of_first_day: u32,
    journal: &mut Journal,
) {
    let place = shop.account.get();
    let mut stream = Stream::new(config.seed, 21, u64::from(place));
    let trade = shop.segment.trade();
    let regulars: Vec<u32> = (0..(4.0 * shop.customers_per_day).ceil().max(4.0) as u32)
        .map(|_| population.neighbour(place, 500, &mut stream))
        .filter(|&who| who != place && population.kinds[who as usize] != AccountKind::Charity)
        .collect();
    let closed_weekday = stream.chance(0.15).then(|| stream.below(7));
    let own_suppliers: Vec<u32> = (0..stream.between(1, 3)).map(|_| *stream.pick(suppliers)).collect();
    let mut away_until = 0;
    // Good and bad days come in runs: an AR(1) of log custom.
    let mut luck = 0.0;
    let mut till = 0i64;
    for day in 0..config.days {
        luck = 0.6 * luck + 0.2 * stream.normal();
        let weekday = (weekday_of_first_day + day) % 7;
        if day >= away_until && stream.chance(0.004) {
            away_until = day + stream.between(2, 12);
        }
        let open = day >= away_until && closed_weekday != Some(weekday);
        let custom = if open { shop.vigour(day) } else { 0.0 };
        if custom > 0.0 {
            let mean = shop.customers_per_day * custom * trade.week[weekday as usize] * exp(luck - 0.03);
            for _ in 0..stream.poisson(mean) {
                let regular = !regulars.is_empty() && stream.chance(config.regular_share);
                let payer = if regular {
                    // The faithful come more often than the rest.
                    let (a, b) = (stream.below(regulars.len() as u32), stream.below(regulars.len() as u32));
                    regulars[a.min(b) as usize]
                } else if stream.chance(0.7) {
                    population.neighbour(place, 3_000, &mut stream)
                } else {
                    population.anybody(&mut stream)
                };
                if payer == place {
                    continue;
                }
                let sum = ticket(shop.ticket_minor, trade.ticket_sigma, &mut stream);
                let at = moment(day, trade.hours, &mut stream);
                journal.send(payer, place, sum, at, Purpose::Purchase);
                till += sum;
                if stream.chance(0.004) {
                    journal.send(payer, place, -sum, at + 600 + i64::from(stream.below(7_200)), Purpose::Refund);
                    till -= sum;
                }
            }
        }
        if weekday == 0 && till > 10_000 {
            let bill = (till as f64 * (0.45 + 0.2 * stream.unit())) as i64 / 100 * 100;
            let supplier = *stream.pick(&own_suppliers);
            if supplier != place && bill > 0 {
                journal.send(place, supplier, bill, moment(day, &[6, 7, 14, 15], &mut stream), Purpose::Supply);
            }
            till = 0;
        }
    }
}
