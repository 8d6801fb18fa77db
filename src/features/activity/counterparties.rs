//! What passed between the account and each counterparty.

use std::collections::BTreeMap;

use crate::features::activity::RECENT_DAYS;
use crate::features::activity::Way;
use crate::features::activity::day_of;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Row;
use crate::features::sums::Sums;
use crate::features::sums::ratio;
use crate::features::sums::share;

/// Up to this many transfers counterparties are told apart in a table.
const IN_TABLE: usize = 1 << 12;

/// Where the counterparty and the turn begin in a cell of that table, above the counterparty's number.
const NAME_SHIFT: u32 = IN_TABLE.trailing_zeros();
const TURN_SHIFT: u32 = NAME_SHIFT + u32::BITS;

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
    table: Table,
    keys: Vec<u64>,
}

/// Cells that need no clearing from one account to the next, since each tells whose turn it was written in.
#[derive(Debug, Default)]
struct Table {
    /// Turn, counterparty and number, from the highest bits down.
    cells: Vec<u64>,
    turn: u64,
}

/// Gives counterparties numbers from 0 on, in the order in which they are first asked for.
struct Numbers<'a> {
    cells: &'a mut [u64],
    turn: u64,
    shift: u32,
    len: u32,
    /// Numbers of counterparties that found no cell near their own.
    aside: BTreeMap<u32, u32>,
}

impl<'a> Numbers<'a> {
    /// For at most `asked` counterparties, no more than [`IN_TABLE`].
    fn new(table: &'a mut Table, asked: usize) -> Self {
        let size = (4 * asked).next_power_of_two().max(2);
        if table.cells.len() < size {
            table.cells.resize(size, 0);
        }
        table.turn += 1;
        if table.turn >> (u64::BITS - TURN_SHIFT) > 0 {
            table.cells.fill(0);
            table.turn = 1;
        }
        let cells = &mut table.cells[..size];
        Self { cells, turn: table.turn, shift: 64 - size.trailing_zeros(), len: 0, aside: BTreeMap::new() }
    }

    #[inline]
    fn of(&mut self, counterparty: u32) -> usize {
        let mask = self.cells.len() - 1;
        const KNOWN: u64 = 1 << NAME_SHIFT;
        const FREE: u64 = 1 << TURN_SHIFT;
        let name = self.turn << TURN_SHIFT | u64::from(counterparty) << NAME_SHIFT;
        let home = (u64::from(counterparty).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        for place in home..home + PROBES {
            let cell = &mut self.cells[place & mask];
            // The number where the counterparty is known; at least the turn where the cell is free.
            let differs = *cell ^ name;
            let is_taken = differs.wrapping_sub(KNOWN) < FREE - KNOWN;
            // Whether a counterparty is new is anybody's guess, so new and known ones go one way.
            if !is_taken {
                let is_new = differs >= FREE;
                let number = if is_new { u64::from(self.len) } else { differs };
                *cell = name | number;
                self.len += u32::from(is_new);
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
        [outs, ins]: [Way<'_>; 2],
        context: &Context<'_>,
        sums: &mut Sums,
        row: &mut impl Row,
    ) {
        let transfers = ins.len() + outs.len();
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
        look_at_payers(&met[..payers], context, sums, row);
        look_at_payees(met, context, sums, row);
    }
}

/// As [`Numbers`], by the place of the transfer: those in, then those out.
fn number_by_sorting<'a>([outs, ins]: [Way<'_>; 2], keys: &'a mut Vec<u64>) -> &'a [u64] {
    let legs = ins.iter().chain(outs);
    keys.clear();
    keys.extend(legs.zip(0..).map(|(leg, place): (_, u64)| u64::from(leg.other) << 32 | place));
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
    [outs, ins]: [Way<'_>; 2],
    met: &'a mut [Met],
    mut number_of: impl FnMut(usize, u32) -> usize,
) -> (&'a [Met], usize) {
    let mut len = 0;
    for (place, &Leg { at_seconds: at, amount_minor: minor, other, .. }) in ins.iter().enumerate() {
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
    for (place, &Leg { amount_minor: minor, other, .. }) in outs.iter().enumerate() {
        met[len] = Met::default();
        let number = number_of(ins.len() + place, other);
        len = len.max(number + 1);
        let met = &mut met[number];
        met.out_count += 1;
        met.out_minor += minor;
    }
    (&met[..len], payers)
}

/// The five largest of a stream, largest first.
struct Largest([i64; 5]);

impl Largest {
    #[inline]
    fn push(&mut self, mut value: i64) {
        for kept in &mut self.0 {
            (*kept, value) = ((*kept).max(value), (*kept).min(value));
        }
    }
}

/// What shares are shares of: money where there are amounts, else transfers.
fn flow(minor: i64, count: u32, context: &Context<'_>) -> i64 {
    if context.has_amounts { minor.max(0) } else { i64::from(count) }
}

fn square(minor: i64) -> i128 {
    i128::from(minor) * i128::from(minor)
}

fn look_at_payers(payers: &[Met], context: &Context<'_>, sums: &mut Sums, row: &mut impl Row) {
    // Counts of an account fit 32 bits together, so their squares fit 64.
    let (mut visits, mut returning, mut matched, mut count_square) = (0u64, 0u64, 0u64, 0u64);
    let (mut positive, mut matched_minor, mut minor_square, mut minor_ln) = (0i64, 0i64, 0i128, 0i128);
    let (mut top, mut brought) = (Largest([0; 5]), 0i64);
    let (mut day_returning, mut new, mut visit_seconds) = (0u64, 0u64, 0i128);
    for met in payers {
        visits += u64::from(met.in_count);
        returning += u64::from(met.in_count > 1);
        matched += u64::from(met.in_count.min(met.out_count));
        count_square += u64::from(met.in_count) * u64::from(met.in_count);
        let minor = met.in_minor.max(0);
        positive += minor;
        matched_minor += minor.min(met.out_minor.max(0));
        minor_square += square(met.in_minor);
        minor_ln += i128::from(minor) * i128::from(context.logarithms.ln_of_amount(minor));
        let inflow = flow(met.in_minor, met.in_count, context);
        brought += inflow;
        top.push(inflow);
        let first_day = day_of(met.first_in_seconds, context.utc_offset);
        let last_day = day_of(met.last_in_seconds, context.utc_offset);
        day_returning += u64::from(first_day != last_day);
        new += u64::from(first_day > context.as_of_day - RECENT_DAYS);
        visit_seconds += i128::from(met.last_in_seconds - met.first_in_seconds);
    }
    let number = payers.len() as u64;
    (sums.payers, sums.returning_payers, sums.matched_count) = (number, returning, matched);
    sums.payer_count_square = count_square;
    (sums.payer_positive_minor, sums.matched_minor) = (positive, matched_minor);
    (sums.payer_minor_square, sums.payer_minor_ln) = (minor_square, minor_ln);
    if !context.has_amounts {
        let ln = |met: &Met| context.logarithms.x_ln_x(u64::from(met.in_count));
        sums.payer_count_ln = payers.iter().map(ln).sum();
    }
    row.set(Feature::TopPayerShare, ratio(top.0[0] as f64, brought as f64));
    row.set(Feature::TopFivePayerShare, ratio(top.0.iter().sum::<i64>() as f64, brought as f64));
    if context.has_times {
        row.set(Feature::PayerReturnDayRate, share(day_returning, number));
        row.set(Feature::NewPayerShare, share(new, number));
        row.set(Feature::VisitGapDays, ratio(visit_seconds as f64, (visits - number) as f64) / 86_400.0);
    }
}

fn look_at_payees(met: &[Met], context: &Context<'_>, sums: &mut Sums, row: &mut impl Row) {
    let (mut payees, mut count_square, mut positive, mut minor_square) = (0u64, 0u64, 0i64, 0i128);
    let (mut top, mut got) = (0, 0i64);
    for met in met {
        payees += u64::from(met.out_count > 0);
        count_square += u64::from(met.out_count) * u64::from(met.out_count);
        positive += met.out_minor.max(0);
        minor_square += square(met.out_minor);
        let outflow = flow(met.out_minor, met.out_count, context);
        got += outflow;
        top = outflow.max(top);
    }
    (sums.payees, sums.payee_count_square) = (payees, count_square);
    (sums.payee_positive_minor, sums.payee_minor_square) = (positive, minor_square);
    row.set(Feature::TopPayeeShare, ratio(top as f64, got as f64));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counterparties_chosen_to_collide_are_numbered_all_the_same() {
        let first_cells = |name: &u32| u64::from(*name).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56 == 0;
        let names: Vec<u32> = (0..).filter(first_cells).take(2_000).collect();
        let mut table = Table::default();
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
            let way = |others: &[u32]| -> Vec<Leg> { others.iter().map(|&other| Leg { other, ..Leg::default() }).collect() };
            let (mut table, mut keys) = (Table::default(), Vec::new());
            let mut numbers = Numbers::new(&mut table, ins.len() + outs.len());
            let by_table: Vec<u64> = ins.iter().chain(&outs).map(|&other| numbers.of(other) as u64).collect();
            let sorted = number_by_sorting([&way(&outs), &way(&ins)], &mut keys);
            prop_assert_eq!(by_table, sorted.iter().map(|key| key & u64::from(u32::MAX)).collect::<Vec<_>>());
        }
    }
}
