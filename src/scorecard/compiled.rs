//! The tables a scorer looks up: from the upper 16 bits of a number to what its column tells.

use crate::scorecard::model::Scorecard;

/// Where the place in a pair's table begins, in what a column tells the pair.
const PLACE: u32 = 32;

/// Rows and columns of a pair's table.
pub(super) const PAIR_SIDE: usize = 32;

pub(super) type ByPrefix<T> = Box<[T; 65536]>;

pub(super) struct CompiledColumn {
    pub(super) column: usize,
    pub(super) units: ByPrefix<i32>,
}

/// A column as one side of a pair, by prefix: below [`PLACE`] what it contributes by itself, where no pair before has
/// added that, lifted so that none is negative; above it the place in the pair's table. Two sides added up are the
/// contribution of both and the cell where they meet.
pub(super) struct Side {
    pub(super) column: usize,
    pub(super) told: ByPrefix<u64>,
}

pub(super) struct CompiledPair {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) units: Box<[i32; PAIR_SIDE * PAIR_SIDE]>,
}

impl CompiledPair {
    /// What the pair and its two columns add to a row; the lift of the columns is taken off in [`Scorer::base`].
    pub(super) fn meet(&self, first: u64, second: u64) -> i32 {
        let both = first + second;
        (both as u32 as i32).wrapping_add(self.units[(both >> PLACE) as usize % (PAIR_SIDE * PAIR_SIDE)])
    }
}

/// The sides of the pairs compiled so far.
pub(super) struct Sides<'c> {
    card: &'c Scorecard,
    /// The bin of every prefix, by column.
    pub(super) bin_of: Vec<ByPrefix<u8>>,
    /// Column, coarse bins, size of a step, and whether the column's own contribution is in it.
    made: Vec<(usize, &'c [u8], usize, bool)>,
    pub(super) list: Vec<Side>,
    /// What has to be added to a row's sum for the contributions in `list` to be those of the card.
    pub(super) lift: i32,
}

impl<'c> Sides<'c> {
    pub(super) fn new(card: &'c Scorecard) -> Self {
        let bin_of = card.features.iter().map(|feature| feature.bins.prefix_table()).collect();
        Self { card, bin_of, made: Vec::new(), list: Vec::new(), lift: 0 }
    }

    pub(super) fn has(&self, column: usize) -> bool {
        self.list.iter().any(|side| side.column == column)
    }

    /// The place in `list` of a column whose coarse bins are `step` cells apart in the pair's table.
    pub(super) fn place(&mut self, column: usize, of_bin: &'c [u8], step: usize) -> usize {
        let told = !self.has(column);
        let key = (column, of_bin, step, told);
        if let Some(place) = self.made.iter().position(|made| *made == key) {
            return place;
        }
        let feature = &self.card.features[column];
        let least = if told { feature.units.iter().copied().min().unwrap_or(0) } else { 0 };
        self.lift = self.lift.wrapping_add(least);
        let told = self.bin_of[column].iter().map(|&bin| {
            let bin = usize::from(bin);
            let own = if told { feature.units[bin].abs_diff(least) } else { 0 };
            ((usize::from(of_bin[bin]) * step) as u64) << PLACE | u64::from(own)
        });
        self.list.push(Side { column, told: by_prefix(told.collect()) });
        self.made.push(key);
        self.list.len() - 1
    }
}

pub(super) fn by_prefix<T>(entries: Vec<T>) -> ByPrefix<T> {
    entries.into_boxed_slice().try_into().ok().expect("65,536 entries")
}

pub(super) fn prefix(value: f32) -> usize {
    (value.to_bits() >> 16) as usize
}

/// Adds the contributions of up to four columns to the sums, in one pass.
pub(super) fn add_fused(sums: &mut [i32], columns: &[&[f32]], tables: &[CompiledColumn]) {
    let rows = sums.len();
    match (columns, tables) {
        ([a, b, c, d], [ta, tb, tc, td]) => {
            let (a, b, c, d) = (&a[..rows], &b[..rows], &c[..rows], &d[..rows]);
            let (ta, tb, tc, td) = (&ta.units, &tb.units, &tc.units, &td.units);
            for (row, sum) in sums.iter_mut().enumerate() {
                let two = ta[prefix(a[row])].wrapping_add(tb[prefix(b[row])]);
                let two_more = tc[prefix(c[row])].wrapping_add(td[prefix(d[row])]);
                *sum = sum.wrapping_add(two.wrapping_add(two_more));
            }
        }
        _ => {
            for (column, table) in columns.iter().zip(tables) {
                sums.iter_mut()
                    .zip(*column)
                    .for_each(|(sum, &value)| *sum = sum.wrapping_add(table.units[prefix(value)]));
            }
        }
    }
}
