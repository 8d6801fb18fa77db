//! A stretch of transfers, in the width in which it is kept.

use crate::transfer::TransferColumns;

/// A column of whole numbers that somebody keeps.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers<'a> {
    /// The transfers have no such column; 0 stands in for it.
    Absent,
    Whole(&'a [i64]),
    /// By how much each number lies above the lowest, which stands in front.
    Above(i64, &'a [u32]),
}

impl<'a> Numbers<'a> {
    fn of(column: Option<&'a [i64]>) -> Self {
        column.map_or(Self::Absent, Self::Whole)
    }

    #[inline(always)]
    pub(super) fn get(self, row: usize) -> i64 {
        match self {
            Self::Absent => 0,
            Self::Whole(numbers) => numbers[row],
            Self::Above(lowest, numbers) => lowest + i64::from(numbers[row]),
        }
    }
}

/// Transfers that are looked through together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) payer: &'a [u32],
    pub(super) payee: &'a [u32],
    pub(super) amount_minor: Numbers<'a>,
    pub(super) at_seconds: Numbers<'a>,
}

impl<'a> Rows<'a> {
    /// Those of `columns` from `start` on, `most` at most.
    pub(super) fn of(columns: &TransferColumns<'a>, start: usize, most: usize) -> Self {
        let range = start..columns.len().min(start + most);
        Self {
            payer: &columns.payer[range.clone()],
            payee: &columns.payee[range.clone()],
            amount_minor: Numbers::of(columns.amount_minor.map(|column| &column[range.clone()])),
            at_seconds: Numbers::of(columns.at_seconds.map(|column| &column[range])),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.payer.len()
    }
}

/// A column of our own: half as wide where its numbers lie within 2³² of each other, as the times of 136 years do.
#[derive(Debug)]
enum Held {
    Absent,
    Whole(Box<[i64]>),
    Above(i64, Box<[u32]>),
}

impl Held {
    fn of(numbers: Numbers<'_>) -> Self {
        let Numbers::Whole(numbers) = numbers else { return Self::Absent };
        let lowest = numbers.iter().copied().min().unwrap_or(0);
        let highest = numbers.iter().copied().max().unwrap_or(0);
        match highest.abs_diff(lowest) <= u64::from(u32::MAX) {
            true => Self::Above(lowest, numbers.iter().map(|number| (number - lowest) as u32).collect()),
            false => Self::Whole(numbers.into()),
        }
    }

    fn numbers(&self) -> Numbers<'_> {
        match self {
            Self::Absent => Numbers::Absent,
            Self::Whole(numbers) => Numbers::Whole(numbers),
            Self::Above(lowest, numbers) => Numbers::Above(*lowest, numbers),
        }
    }
}

/// Transfers of our own, in as few bytes as they allow: 16 each, mostly.
#[derive(Debug)]
pub(super) struct Piece {
    payer: Box<[u32]>,
    payee: Box<[u32]>,
    amount_minor: Held,
    at_seconds: Held,
}

impl Piece {
    pub(super) fn of(rows: &Rows<'_>) -> Self {
        Self {
            payer: rows.payer.into(),
            payee: rows.payee.into(),
            amount_minor: Held::of(rows.amount_minor),
            at_seconds: Held::of(rows.at_seconds),
        }
    }

    pub(super) fn rows(&self) -> Rows<'_> {
        Rows {
            payer: &self.payer,
            payee: &self.payee,
            amount_minor: self.amount_minor.numbers(),
            at_seconds: self.at_seconds.numbers(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_held_is_what_was_handed_over(
            base in any::<i64>(), above in proptest::collection::vec(any::<u32>(), 1..9), far in any::<Option<i64>>(),
        ) {
            let numbers: Vec<i64> = above.iter().map(|&above| base.saturating_add(above.into())).chain(far).collect();
            let held = Held::of(Numbers::Whole(&numbers));
            prop_assert_eq!((0..numbers.len()).map(|row| held.numbers().get(row)).collect::<Vec<_>>(), numbers);
            prop_assert!(far.is_some() || matches!(held, Held::Above(..)));
        }
    }

    #[test]
    fn the_lowest_and_the_highest_number_there_are_stand_in_one_column() {
        for numbers in [vec![i64::MIN, i64::MAX], vec![i64::MAX; 3], vec![i64::MIN, i64::MIN + i64::from(u32::MAX)]] {
            let held = Held::of(Numbers::Whole(&numbers));
            assert_eq!((0..numbers.len()).map(|row| held.numbers().get(row)).collect::<Vec<_>>(), numbers);
        }
    }
}
