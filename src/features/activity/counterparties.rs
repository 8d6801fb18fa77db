//! What passed between the account and each counterparty.

use std::collections::BTreeMap;

use crate::features::activity::RECENT_DAYS;
use crate::features::activity::Way;
use crate::features::activity::day_of;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::ratio;
use crate::features::sums::share;

/// Up to this many transfers counterparties are told apart in a table.
const IN_TABLE: usize = 1 << 12;

/// Cells that are looked at before a counterparty goes aside: the most that numbers chosen to collide can cost.
const PROBES: usize = 64;

/// All that passed with one counterparty.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    in_count: u32,
    out_count: u32,
    in_minor: i64,
    out_minor: i64,
    first_in_seconds: i64,
    last_in_seconds: i64,
}

/// Buffers of this look.
#[derive(Debug, Default)]
pub(super) struct Counterparties {
    met: Vec<Met>,
    table: Vec<u64>,
    keys: Vec<u64>,
}

/// Gives counterparties numbers from 0 on, in the order in which they are first asked for.
struct Numbers<'a> {
    /// Counterparty in the high half, number and one in the low half; 0 is free.
    table: &'a mut [u64],
    shift: u32,
    len: u32,
    /// Numbers of counterparties that found no cell near their own.
    aside: BTreeMap<u32, u32>,
}

impl<'a> Numbers<'a> {
    fn new(table: &'a mut Vec<u64>, asked: usize) -> Self {
        let size = (2 * asked).next_power_of_two().max(2);
        table.clear();
        table.resize(size, 0);
        Self { table, shift: 64 - size.trailing_zeros(), len: 0, aside: BTreeMap::new() }
    }

    #[inline]
    fn of(&mut self, counterparty: u32) -> usize {
        let mask = self.table.len() - 1;
        let home = (u64::from(counterparty).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        for place in home..home + PROBES {
            let cell = &mut self.table[place & mask];
            let is_free = *cell == 0;
            // Whether a counterparty is new is anybody's guess, so new and known ones go one way.
            if is_free | ((*cell >> 32) as u32 == counterparty) {
                let number = if is_free { self.len } else { *cell as u32 - 1 };
                *cell = u64::from(counterparty) << 32 | u64::from(number + 1);
                self.len += u32::from(is_free);
                return number as usize;
            }
        }
        self.of_aside(counterparty)
    }

    #[cold]
    fn of_aside(&mut self, counterparty: u32) -> usize {
        let number = *self.aside.entry(counterparty).or_insert(self.len);
        self.len += u32::from(number == self.len);
        number as usize
    }
}

impl Counterparties {
    pub(super) fn look(
        &mut self,
        [outs, ins]: [&Way<'_>; 2],
        context: &Context<'_>,
        sums: &mut Sums,
        row: &mut impl Row,
    ) {
        let transfers = ins.other.len() + outs.other.len();
        if self.met.len() <= transfers {
            self.met.resize(transfers + 1, Met::default());
        }
        let (met, payers) = if transfers <= IN_TABLE {
            let mut numbers = Numbers::new(&mut self.table, transfers);
            meet([outs, ins], &mut self.met, |_, counterparty| numbers.of(counterparty))
        } else {
            let numbers = number_by_sorting([outs, ins], &mut self.keys);
            meet([outs, ins], &mut self.met, |place, _| numbers[place] as u32 as usize)
        };
        add_counts(met, payers, context, sums);
        add_amounts(met, payers, context, sums);
        write_largest(met, payers, context, row);
        if context.has_times {
            write_visits(&met[..payers], context, row);
        }
    }
}

/// As [`Numbers`], by the place of the transfer: those in, then those out.
fn number_by_sorting<'a>([outs, ins]: [&Way<'_>; 2], keys: &'a mut Vec<u64>) -> &'a [u64] {
    let others = ins.other.iter().chain(outs.other);
    keys.clear();
    keys.extend(others.zip(0..).map(|(&other, place): (_, u64)| u64::from(other) << 32 | place));
    keys.sort_unstable();
    // The first place of each counterparty goes above all its places; in that order counterparties are numbered.
    for run in keys.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
        let first = run[0] & u64::from(u32::MAX);
        run.iter_mut().for_each(|key| *key = first << 32 | *key & u64::from(u32::MAX));
    }
    keys.sort_unstable();
    let (mut number, mut last) = (0u64, None);
    for key in keys.iter_mut() {
        number += u64::from(last.is_some_and(|last| last != *key >> 32));
        last = Some(*key >> 32);
        *key = (*key & u64::from(u32::MAX)) << 32 | number;
    }
    keys.sort_unstable();
    keys
}

/// Adds up what passed with each counterparty. Those that paid come first; their number is returned besides.
fn meet<'a>(
    [outs, ins]: [&Way<'_>; 2],
    met: &'a mut [Met],
    mut number_of: impl FnMut(usize, u32) -> usize,
) -> (&'a [Met], usize) {
    let mut len = 0;
    let each = ins.at_seconds.iter().zip(ins.amount_minor).zip(ins.other);
    for (place, ((&at, &minor), &other)) in each.enumerate() {
        // What is written behind the last stays if the counterparty is new.
        met[len] = Met { first_in_seconds: at, ..Met::default() };
        let number = number_of(place, other);
        len = len.max(number + 1);
        let met = &mut met[number];
        met.in_count += 1;
        met.in_minor += minor;
        met.last_in_seconds = at;
    }
    let payers = len;
    for (place, (&minor, &other)) in outs.amount_minor.iter().zip(outs.other).enumerate() {
        met[len] = Met::default();
        let number = number_of(ins.other.len() + place, other);
        len = len.max(number + 1);
        let met = &mut met[number];
        met.out_count += 1;
        met.out_minor += minor;
    }
    (&met[..len], payers)
}

fn add_counts(met: &[Met], payers: usize, context: &Context<'_>, sums: &mut Sums) {
    let square = |count: u32| u64::from(count) * u64::from(count);
    // Counts of an account fit 32 bits together, so their squares fit 64.
    let (mut payees, mut returning, mut matched) = (0u64, 0u64, 0u64);
    let (mut in_square, mut out_square) = (0u64, 0u64);
    for met in met {
        payees += u64::from(met.out_count > 0);
        returning += u64::from(met.in_count > 1);
        matched += u64::from(met.in_count.min(met.out_count));
        in_square += square(met.in_count);
        out_square += square(met.out_count);
    }
    (sums.payers, sums.payees) = (payers as u64, payees);
    (sums.returning_payers, sums.matched_count) = (returning, matched);
    (sums.payer_count_square, sums.payee_count_square) = (in_square.into(), out_square.into());
    if !context.has_amounts {
        let ln = |met: &Met| context.logarithms.x_ln_x(u64::from(met.in_count));
        sums.payer_count_ln = met[..payers].iter().map(ln).sum();
    }
}

fn add_amounts(met: &[Met], payers: usize, context: &Context<'_>, sums: &mut Sums) {
    let square = |minor: i64| i128::from(minor) * i128::from(minor);
    for met in &met[..payers] {
        let brought = met.in_minor.max(0);
        sums.payer_minor_square += square(met.in_minor);
        sums.payer_minor_ln += i128::from(brought) * i128::from(context.logarithms.ln_of_amount(brought));
        sums.payer_positive_minor += brought;
        sums.matched_minor += brought.min(met.out_minor.max(0));
    }
    for met in met {
        sums.payee_minor_square += square(met.out_minor);
        sums.payee_positive_minor += met.out_minor.max(0);
    }
}

/// The `N` largest of a stream, largest first.
struct Largest<const N: usize>([i64; N]);

impl<const N: usize> Largest<N> {
    #[inline]
    fn push(&mut self, mut value: i64) {
        for kept in &mut self.0 {
            (*kept, value) = ((*kept).max(value), (*kept).min(value));
        }
    }
}

fn write_largest(met: &[Met], payers: usize, context: &Context<'_>, row: &mut impl Row) {
    let (mut top_payers, mut top_payees) = (Largest([0; 5]), Largest([0; 1]));
    let (mut brought, mut got) = (0i64, 0i64);
    for met in &met[..payers] {
        let inflow = if context.has_amounts { met.in_minor.max(0) } else { i64::from(met.in_count) };
        brought += inflow;
        top_payers.push(inflow);
    }
    for met in met {
        let outflow = if context.has_amounts { met.out_minor.max(0) } else { i64::from(met.out_count) };
        got += outflow;
        top_payees.push(outflow);
    }
    row.set(Feature::TopPayerShare, ratio(top_payers.0[0] as f64, brought as f64));
    let top_five: i64 = top_payers.0.iter().sum();
    row.set(Feature::TopFivePayerShare, ratio(top_five as f64, brought as f64));
    row.set(Feature::TopPayeeShare, ratio(top_payees.0[0] as f64, got as f64));
}

fn write_visits(payers: &[Met], context: &Context<'_>, row: &mut impl Row) {
    let (mut day_returning, mut new_payers) = (0u64, 0u64);
    let (mut visit_seconds, mut visits) = (0i128, 0u64);
    for met in payers {
        let first_day = day_of(met.first_in_seconds, context.utc_offset);
        let last_day = day_of(met.last_in_seconds, context.utc_offset);
        visits += u64::from(met.in_count);
        day_returning += u64::from(first_day != last_day);
        new_payers += u64::from(first_day > context.as_of_day - RECENT_DAYS);
        visit_seconds += i128::from(met.last_in_seconds - met.first_in_seconds);
    }
    let gaps = visits - payers.len() as u64;
    let payers = payers.len() as u64;
    row.set(Feature::PayerReturnDayRate, share(day_returning, payers));
    row.set(Feature::NewPayerShare, share(new_payers, payers));
    row.set(Feature::VisitGapDays, ratio(visit_seconds as f64, gaps as f64) / 86_400.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counterparties_chosen_to_collide_are_numbered_all_the_same() {
        let first_cells = |name: &u32| u64::from(*name).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56 == 0;
        let names: Vec<u32> = (0..).filter(first_cells).take(2_000).collect();
        let mut table = Vec::new();
        let mut numbers = Numbers::new(&mut table, names.len());
        for _ in 0..2 {
            for (place, &name) in names.iter().enumerate() {
                assert_eq!(numbers.of(name), place);
            }
        }
        assert!(numbers.aside.len() > 1_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_table_and_the_sort_number_counterparties_alike(
            ins in proptest::collection::vec(0u32..40, 0..60),
            outs in proptest::collection::vec(0u32..40, 0..60),
        ) {
            let zeros = vec![0i64; 60];
            let way = |other| Way { at_seconds: &zeros, amount_minor: &zeros, other };
            let (mut table, mut keys) = (Vec::new(), Vec::new());
            let mut numbers = Numbers::new(&mut table, ins.len() + outs.len());
            let by_table: Vec<u64> = ins.iter().chain(&outs).map(|&other| numbers.of(other) as u64).collect();
            let sorted = number_by_sorting([&way(&outs), &way(&ins)], &mut keys);
            prop_assert_eq!(by_table, sorted.iter().map(|key| key & u64::from(u32::MAX)).collect::<Vec<_>>());
        }
    }
}
