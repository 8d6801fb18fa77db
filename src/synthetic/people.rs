//! Private life: circles that send each other small sums, households, relatives.

use super::config::MarketConfig;
use super::market::{Journal, Purpose};
use super::population::{AccountKind, Population};
use super::random::Stream;

/// Hours at which people send each other money, one entry an equal share of the day's transfers.
const SOCIAL_HOURS: [u8; 32] = [
    0, 7, 8, 9, 9, 10, 10, 11, 11, 12, 12, 12, 13, 13, 14, 15, 16, 17, 18, 18, 18, 19, 19, 19, 20, 20, 20, 21, 21, 22,
    22, 23,
];

/// Sums people like to send, in minor units.
const LIKED: [i64; 10] = [520, 666, 888, 1_000, 2_000, 5_000, 6_666, 8_800, 10_000, 20_000];

/// A second of `day` at one of `hours`.
pub(super) fn moment(day: u32, hours: &[u8], stream: &mut Stream) -> i64 {
    i64::from(day) * 86_400 + i64::from(*stream.pick(hours)) * 3_600 + i64::from(stream.below(3_600))
}

/// A private sum: a liked number, or a shared bill.
pub(super) fn private_sum(stream: &mut Stream) -> i64 {
    if stream.chance(0.4) { *stream.pick(&LIKED) } else { stream.lognormal(4_500.0, 0.9).round().max(1.0) as i64 }
}

/// What the account in `place` sends in private over the whole period.
pub(super) fn live(config: &MarketConfig, population: &Population, place: u32, journal: &mut Journal) {
    let mut stream = Stream::new(config.seed, 10, u64::from(place));
    let pace = stream.lognormal(config.social_per_day_median, 0.6);
    let pace = match population.kinds[place as usize] {
        AccountKind::Charity => 0.0,
        AccountKind::PassThrough => pace * 0.1,
        _ => pace,
    };
    let sent = stream.poisson(pace * f64::from(config.days));
    for _ in 0..sent {
        let layer = match stream.below(10) {
            0..=1 => 0,
            2..=6 => 1,
            _ => 2,
        };
        let Some(other) = population.layers[layer].acquaintance(place, &mut stream) else { continue };
        if population.kinds[other as usize] == AccountKind::Charity {
            continue;
        }
        let day = stream.below(config.days);
        let sum = private_sum(&mut stream);
        journal.send(place, other, sum, moment(day, &SOCIAL_HOURS, &mut stream), Purpose::Private);
        if stream.chance(0.35) {
            let day = day + stream.below(10);
            let back = if stream.chance(0.5) { sum } else { private_sum(&mut stream) };
            journal.send(other, place, back, moment(day, &SOCIAL_HOURS, &mut stream), Purpose::Private);
        }
    }
    if population.kinds[place as usize] == AccountKind::FamilyHub {
        receive_from_relatives(config, population, place, &mut stream, journal);
    }
}

/// Three to eight relatives send a monthly sum each; relatives settle things among themselves too.
fn receive_from_relatives(
    config: &MarketConfig,
    population: &Population,
    place: u32,
    stream: &mut Stream,
    journal: &mut Journal,
) {
    let mut relatives: Vec<u32> = (0..stream.between(3, 8)).map(|_| population.neighbour(place, 300, stream)).collect();
    relatives.sort_unstable();
    relatives.dedup();
    relatives.retain(|&relative| relative != place);
    for &relative in &relatives {
        let payday = stream.below(30);
        let sum = (stream.lognormal(90_000.0, 0.5) / 10_000.0).round().max(1.0) as i64 * 10_000;
        let mut day = payday;
        while day < config.days {
            journal.send(relative, place, sum, moment(day, &SOCIAL_HOURS, stream), Purpose::Family);
            day += 29 + stream.below(4);
        }
        for _ in 0..stream.below(4) {
            let (day, sum) = (stream.below(config.days), private_sum(stream));
            let other = *stream.pick(&relatives);
            journal.send(relative, other, sum, moment(day, &SOCIAL_HOURS, stream), Purpose::Family);
        }
    }
}
