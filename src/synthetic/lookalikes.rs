//! Dandelions that are not shops: the treasurer, the charity, the account that forwards.

use super::config::MarketConfig;
use super::market::{Journal, Purpose};
use super::people::moment;
use super::population::{AccountKind, Population};
use super::random::Stream;

const DAYTIME: [u8; 14] = [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21];
const ANY_HOUR: [u8; 24] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];

/// What the account in `place` does besides private life, if it is one of the look-alikes.
pub(super) fn act(
    config: &MarketConfig,
    population: &Population,
    suppliers: &[u32],
    place: u32,
    journal: &mut Journal,
) {
    let mut stream = Stream::new(config.seed, 30, u64::from(place));
    match population.kinds[place as usize] {
        AccountKind::Treasurer => collect_dues(config, population, suppliers, place, &mut stream, journal),
        AccountKind::Charity => collect_donations(config, population, place, &mut stream, journal),
        AccountKind::PassThrough => forward(config, population, place, &mut stream, journal),
        _ => {}
    }
}

/// One to three events: 20 to 150 people pay equal dues within days; one or two bills follow.
fn collect_dues(
    config: &MarketConfig,
    population: &Population,
    suppliers: &[u32],
    place: u32,
    stream: &mut Stream,
    journal: &mut Journal,
) {
    for _ in 0..stream.between(1, 3) {
        let first = stream.below(config.days);
        let length = stream.between(1, 5);
        let dues = i64::from(stream.between(2, 60)) * 1_000;
        // A class or a club: half from the treasurer's own circles, half from all over town.
        let own = population.layers[2].circle(place);
        let mut collected = 0;
        for _ in 0..stream.between(20, 150) {
            let payer = match stream.below(10) {
                0..=2 => *stream.pick(own),
                3..=6 => population.neighbour(place, 4_000, stream),
                _ => population.anybody(stream),
            };
            let day = first + stream.below(length);
            if payer != place && day < config.days && population.kinds[payer as usize] != AccountKind::Charity {
                journal.send(payer, place, dues, moment(day, &DAYTIME, stream), Purpose::Dues);
                collected += dues;
            }
        }
        for _ in 0..stream.between(1, 2) {
            let day = first + length + stream.below(7);
            let bill = (collected as f64 * (0.4 + 0.1 * stream.unit())) as i64;
            let payee = *stream.pick(suppliers);
            if payee != place && bill > 0 {
                journal.send(place, payee, bill, moment(day, &DAYTIME, stream), Purpose::Bill);
            }
        }
    }
}

/// A trickle of gifts all year, campaigns on top, a few beneficiaries paid monthly.
fn collect_donations(
    config: &MarketConfig,
    population: &Population,
    place: u32,
    stream: &mut Stream,
    journal: &mut Journal,
) {
    let trickle = stream.lognormal(1.5, 0.7);
    let beneficiaries: Vec<u32> = (0..stream.between(2, 6)).map(|_| population.anybody(stream)).collect();
    let mut campaign_until = 0;
    let mut purse = 0i64;
    for day in 0..config.days {
        if day >= campaign_until && stream.chance(0.01) {
            campaign_until = day + stream.between(3, 10);
        }
        let pace = trickle * if day < campaign_until { 8.0 } else { 1.0 };
        for _ in 0..stream.poisson(pace) {
            let donor = population.anybody(stream);
            let gift = if stream.chance(0.8) {
                *stream.pick(&[500, 1_000, 2_000, 5_000, 10_000, 20_000])
            } else {
                i64::from(stream.between(100, 30_000))
            };
            if donor != place {
                journal.send(donor, place, gift, moment(day, &DAYTIME, stream), Purpose::Donation);
                purse += gift;
            }
        }
        if day % 30 == 29 {
            let each = purse * 9 / 10 / beneficiaries.len() as i64;
            for &beneficiary in beneficiaries.iter().filter(|_| each > 0) {
                if beneficiary != place {
                    journal.send(place, beneficiary, each, moment(day, &DAYTIME, stream), Purpose::Grant);
                }
            }
            purse -= each * beneficiaries.len() as i64;
        }
    }
}

/// Bursts of some days: strangers send, within hours nearly all goes on to one to three others.
fn forward(config: &MarketConfig, population: &Population, place: u32, stream: &mut Stream, journal: &mut Journal) {
    let behind: Vec<u32> = (0..stream.between(1, 3)).map(|_| population.anybody(stream)).collect();
    for _ in 0..stream.between(2, 8) {
        let first = stream.below(config.days);
        let pace = stream.lognormal(12.0, 0.6);
        for day in first..(first + stream.between(2, 12)).min(config.days) {
            let mut received = 0i64;
            let mut latest = 0;
            for _ in 0..stream.poisson(pace) {
                let payer = population.anybody(stream);
                if payer == place {
                    continue;
                }
                let sum = if stream.chance(0.5) {
                    i64::from(stream.between(1, 30)) * 10_000
                } else {
                    stream.lognormal(25_000.0, 0.8).round() as i64 + 1
                };
                let at = moment(day, &ANY_HOUR, stream);
                journal.send(payer, place, sum, at, Purpose::PassIn);
                received += sum;
                latest = latest.max(at);
                if received > 200_000 || stream.chance(0.15) {
                    let out = received * i64::from(stream.between(960, 1000)) / 1_000;
                    let next = *stream.pick(&behind);
                    if next != place {
                        let later = latest + 60 + i64::from(stream.below(5_400));
                        journal.send(place, next, out, later, Purpose::PassOut);
                    }
                    received -= out;
                }
            }
        }
    }
}
