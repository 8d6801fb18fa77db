//! One account's flows in the window: its transfers while they are few, sums over them once they are many.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::features::live::arrivals::Arrivals;
use crate::features::live::arrivals::place_in;
use crate::features::live::few::Receipts;
use crate::features::live::few::add_up;
use crate::features::live::rows::FlowValues;
use crate::features::sums::Clock;
use crate::features::sums::Context;
use crate::features::sums::Day;
use crate::features::sums::Leg;
use crate::features::sums::Pair;
use crate::features::sums::Sign;
use crate::features::sums::Sums;
use crate::features::sums::top_week;
use crate::graph::live::Pool;
use crate::graph::live::PoolRow;
use crate::graph::wide::prefetch;
use crate::graph::wide::prefetch_all;

/// Up to this many transfers it is cheaper to add them up anew than to keep sums.
const FEW: usize = 16;

/// What is kept of one account.
#[derive(Debug, Default)]
pub(super) enum LiveAccount {
    #[default]
    None,
    /// Its only transfer, which is what most accounts have.
    One(Leg),
    /// Every transfer, in order of time.
    Few(PoolRow),
    /// Sums, until the account is empty.
    Many(Box<Tally>),
}

/// Where a leg goes among legs in order of time: behind those it does not come before.
fn place_of(legs: &[Leg], leg: &Leg) -> usize {
    legs.iter().rposition(|other| other.time_order() <= leg.time_order()).map_or(0, |place| place + 1)
}

impl LiveAccount {
    /// Takes a transfer that comes and writes the features of the account right after it.
    pub(super) fn come(
        &mut self,
        leg: Leg,
        pool: &mut Pool<Leg>,
        context: &Context<'_>,
        receipts: &mut Receipts,
        values: &mut FlowValues,
    ) {
        match self {
            Self::None => {
                *self = Self::One(leg);
                Sums::write_one(&leg, context, values);
                return;
            }
            Self::One(first) => {
                let pair = if first.time_order() <= leg.time_order() { [*first, leg] } else { [leg, *first] };
                *self = Self::Few(pool.pair(pair));
            }
            Self::Few(row) if row.len() < FEW => {
                let place = place_of(pool.get(*row), &leg);
                pool.insert(row, place, leg);
            }
            Self::Few(row) => {
                let mut tally = Box::<Tally>::default();
                for leg in pool.get(*row).iter().chain([&leg]) {
                    tally.change(leg, context, Sign::Plus);
                }
                pool.release(*row);
                *self = Self::Many(tally);
            }
            Self::Many(tally) => tally.change(&leg, context, Sign::Plus),
        }
        self.write(pool, context, receipts, values);
    }

    /// Takes a transfer out again.
    pub(super) fn go(&mut self, leg: &Leg, pool: &mut Pool<Leg>, context: &Context<'_>) {
        match self {
            Self::None => {}
            Self::One(first) => {
                if first == leg {
                    *self = Self::None;
                }
            }
            Self::Few(row) => {
                if let Some(place) = pool.get(*row).iter().position(|other| other == leg) {
                    pool.remove(row, place);
                }
                if let [one] = pool.get(*row) {
                    let one = *one;
                    pool.release(*row);
                    *self = Self::One(one);
                }
            }
            Self::Many(tally) => {
                tally.change(leg, context, Sign::Minus);
                if tally.days.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    /// Asks for the account's own memory ahead of its use.
    #[inline]
    pub(super) fn prefetch(&self, pool: &Pool<Leg>) {
        match self {
            Self::None | Self::One(_) => {}
            Self::Few(row) => pool.prefetch(*row),
            Self::Many(tally) => prefetch_all(&**tally),
        }
    }

    /// Asks for what that memory points at.
    #[inline]
    pub(super) fn prefetch_ends(&self) {
        if let Self::Many(tally) = self {
            tally.prefetch_ends();
        }
    }

    pub(super) fn write(
        &self,
        pool: &Pool<Leg>,
        context: &Context<'_>,
        receipts: &mut Receipts,
        values: &mut FlowValues,
    ) {
        let sums = match self {
            Self::None => Sums::default(),
            Self::One(leg) => return Sums::write_one(leg, context, values),
            Self::Few(row) => match pool.get(*row) {
                // Half of them have two; what is known to be two is not looked through in loops.
                &[a, b] => add_up(&[a, b], context, receipts),
                legs => add_up(legs, context, receipts),
            },
            Self::Many(tally) => tally.sums(),
        };
        sums.write(context, values);
    }
}

/// The sums of one account and what it takes to change them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sums: Sums,
    clock: Clock,
    pairs: HashTable<(u32, Pair)>,
    /// Days with transfers, ascending.
    days: VecDeque<Day>,
    arrivals: Arrivals,
}

fn hash(counterparty: u32) -> u64 {
    let spread = u64::from(counterparty).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ spread >> 32
}

fn hash_of(entry: &(u32, Pair)) -> u64 {
    hash(entry.0)
}

impl Tally {
    fn change(&mut self, leg: &Leg, context: &Context<'_>, sign: Sign) {
        let day = i64::from(context.utc_offset.epoch_day(leg.at_seconds));
        self.sums.leg(leg, context, sign);
        self.change_pair(leg, context, sign);
        self.change_day(leg, day, sign);
        if leg.is_in {
            self.clock.change(leg, day, context, &mut self.sums, sign);
            self.sums.gap_square += self.arrivals.change(leg.at_seconds, sign);
        }
    }

    fn change_pair(&mut self, leg: &Leg, context: &Context<'_>, sign: Sign) {
        let is_other = |entry: &(u32, Pair)| entry.0 == leg.other;
        let entry = self.pairs.entry(hash(leg.other), is_other, hash_of);
        let mut entry = entry.or_insert_with(|| (leg.other, Pair::default()));
        let pair = &mut entry.get_mut().1;
        self.sums.pair(pair, context.logarithms, Sign::Minus);
        pair.add(leg, sign);
        self.sums.pair(pair, context.logarithms, Sign::Plus);
        if pair.is_empty() {
            entry.remove();
            if self.pairs.len() * 8 < self.pairs.capacity() {
                self.pairs.shrink_to(self.pairs.len() * 2, hash_of);
            }
        }
    }

    fn change_day(&mut self, leg: &Leg, day: i64, sign: Sign) {
        let place = place_in(&self.days, day, |other| other.day);
        if self.days.get(place).is_none_or(|other| other.day != day) {
            self.days.insert(place, Day { day, ..Day::default() });
        }
        let passed = &mut self.days[place].passed;
        self.sums.day(passed, Sign::Minus);
        passed.add(leg, sign);
        self.sums.day(passed, Sign::Plus);
        if passed.is_empty() {
            self.days.remove(place);
        }
    }

    /// Asks for what the last transfers left behind, where the next ones go on.
    fn prefetch_ends(&self) {
        self.days.back().into_iter().for_each(prefetch);
        self.arrivals.prefetch_end();
    }

    /// The sums with the figures that are none.
    fn sums(&self) -> Sums {
        let mut sums = self.sums.clone();
        sums.first_day = self.days.front().map_or(0, |day| day.day);
        sums.last_day = self.days.back().map_or(0, |day| day.day);
        sums.last_receipt_day = self.days.iter().rfind(|day| day.passed.in_count > 0).map_or(0, |day| day.day);
        sums.top_week_minor = top_week(self.days.iter().map(|day| (day.day, day.passed.in_minor)));
        sums.first_in_seconds = self.arrivals.first_seconds().unwrap_or(0);
        sums.last_in_seconds = self.arrivals.last_seconds().unwrap_or(0);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::sums::Logarithms;
    use proptest::prelude::*;

    #[test]
    fn an_account_takes_no_more_than_its_only_transfer() {
        assert_eq!(size_of::<LiveAccount>(), size_of::<Leg>());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn kept_sums_are_the_sums_of_what_is_left(
            legs in proptest::collection::vec((0i64..40, 0i64..9, -40i64..200, 0u32..5, any::<bool>()), 0..60),
            order in any::<u64>(),
        ) {
            let logarithms = Logarithms::new();
            let context = Context::example(&logarithms);
            let mut tally = Tally::default();
            let mut left: Vec<Leg> = Vec::new();
            let mut state = order;
            for (day, hour, amount_minor, other, is_in) in legs {
                let leg = Leg { at_seconds: day * 86_400 + hour * 7_200, amount_minor, other, is_in };
                tally.change(&leg, &context, Sign::Plus);
                left.push(leg);
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if state >> 62 == 0 {
                    let gone = left.swap_remove((state >> 20) as usize % left.len());
                    tally.change(&gone, &context, Sign::Minus);
                }
                left.sort_by_key(Leg::time_order);
                prop_assert_eq!(tally.sums(), add_up(&left, &context, &mut Receipts::default()));
            }
        }

        #[test]
        fn the_row_of_an_only_transfer_is_what_its_sums_give(
            (day, second, amount_minor, is_in) in (-40i64..41, 0i64..86_400, -40i64..200, any::<bool>()),
            (has_amounts, has_hours, large) in any::<(bool, bool, bool)>(),
        ) {
            let logarithms = Logarithms::new();
            let context = Context { has_amounts, has_hours, ..Context::example(&logarithms) };
            let amount_minor = if large { amount_minor << 40 } else { amount_minor };
            let leg = Leg { at_seconds: day * 86_400 + second, amount_minor, other: 3, is_in };
            let [mut by_one, mut by_sums] = [FlowValues::undefined(); 2];
            Sums::write_one(&leg, &context, &mut by_one);
            add_up(&[leg], &context, &mut Receipts::default()).write(&context, &mut by_sums);
            prop_assert_eq!(by_one.bits(), by_sums.bits());
        }
    }
}
