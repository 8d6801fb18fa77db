//! Legs on their way to their account: what is moved most is packed into the fewest bytes.

use crate::features::source::BUCKET_BITS;
use crate::features::sums::Leg;

/// Bits of a leg's tag: the account's place in its bucket, and in the lowest bit the way the money went.
const TAG_BITS: u32 = BUCKET_BITS + 1;

/// What all legs have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// No leg is earlier.
    base_seconds: i64,
    /// Bits that number the accounts.
    account_bits: u32,
}

impl Shape {
    pub(super) fn new(base_seconds: i64, accounts: usize) -> Self {
        Self { base_seconds, account_bits: accounts.next_power_of_two().trailing_zeros() }
    }

    /// Whether times up to `span_seconds` after the base fit a [`Narrow`] leg.
    pub(super) fn is_narrow(self, span_seconds: i64) -> bool {
        let time_bits = i64::BITS - span_seconds.leading_zeros();
        time_bits + self.account_bits + TAG_BITS <= u64::BITS
    }
}

/// A leg as it is written and read between the transfers and their accounts.
pub(super) trait Packed: Copy + Default + Send + Sync {
    /// The leg of the account at `place` of its bucket.
    fn pack(place: u32, leg: Leg, shape: Shape) -> Self;
    fn unpack(self, shape: Shape) -> Leg;
    /// Twice the place, and one more where money comes in.
    fn tag(&self) -> u32;
}

/// Any leg.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wide {
    at_seconds: i64,
    amount_minor: i64,
    other: u32,
    tag: u32,
}

impl Packed for Wide {
    #[inline]
    fn pack(place: u32, leg: Leg, _: Shape) -> Self {
        let Leg { at_seconds, amount_minor, other, is_in } = leg;
        Self { at_seconds, amount_minor, other, tag: place << 1 | u32::from(is_in) }
    }

    #[inline]
    fn unpack(self, _: Shape) -> Leg {
        let Self { at_seconds, amount_minor, other, tag } = self;
        Leg { at_seconds, amount_minor, other, is_in: tag & 1 == 1 }
    }

    #[inline]
    fn tag(&self) -> u32 {
        self.tag
    }
}

/// A leg whose amount fits an `i32` and whose counterparty, time and tag fit 64 bits together: of 30 million accounts, what
/// happens within eight years.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrow {
    /// From the lowest bit: tag, counterparty, seconds after the base; in two halves, so that nothing is left between legs.
    low: u32,
    high: u32,
    amount_minor: i32,
}

impl Packed for Narrow {
    #[inline]
    fn pack(place: u32, leg: Leg, shape: Shape) -> Self {
        let after_base = (leg.at_seconds - shape.base_seconds) as u64;
        let word = (after_base << shape.account_bits | u64::from(leg.other)) << TAG_BITS;
        let word = word | u64::from(place << 1 | u32::from(leg.is_in));
        Self { low: word as u32, high: (word >> 32) as u32, amount_minor: leg.amount_minor as i32 }
    }

    #[inline]
    fn unpack(self, shape: Shape) -> Leg {
        let word = u64::from(self.high) << 32 | u64::from(self.low);
        let above = word >> TAG_BITS;
        let at_seconds = shape.base_seconds + (above >> shape.account_bits) as i64;
        let other = (above & ((1 << shape.account_bits) - 1)) as u32;
        Leg { at_seconds, amount_minor: self.amount_minor.into(), other, is_in: self.low & 1 == 1 }
    }

    #[inline]
    fn tag(&self) -> u32 {
        self.low & ((1 << TAG_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{FeatureConfig, FeatureGroup, extract_exact};
    use crate::progress::Progress;
    use crate::transfer::TransferColumns;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_packed_leg_comes_back_as_it_was(
            after in 0..1i64 << 40, base_seconds in -1i64 << 40..1 << 40, amount: i32, other: u32, place in 0..1u32 << BUCKET_BITS, is_in: bool,
            accounts in 1usize..1 << 32,
        ) {
            let shape = Shape::new(base_seconds, accounts);
            let after = (0..41).map(|bits| after >> bits).find(|&after| shape.is_narrow(after)).unwrap();
            let other = (u64::from(other) % accounts as u64) as u32;
            let leg = Leg { at_seconds: base_seconds + after, amount_minor: amount.into(), other, is_in };
            let (narrow, wide) = (Narrow::pack(place, leg, shape), Wide::pack(place, leg, shape));
            prop_assert_eq!([narrow.unpack(shape), wide.unpack(shape)], [leg; 2]);
            prop_assert_eq!([narrow.tag(), wide.tag()], [place << 1 | u32::from(is_in); 2]);
        }

        #[test]
        fn a_giant_or_an_ancient_among_others_changes_nothing_for_the_rest(
            rows in proptest::collection::vec((0u32..6, 0u32..6, -500i64..5_000, 0i64..5_000_000), 1..60),
            giant in proptest::sample::select(vec![(1i64 << 31, 0i64), (-1 << 40, 0), (1, -1 << 34)]),
        ) {
            let config = FeatureConfig {
                as_of_seconds: Some(4_000_000),
                ..FeatureConfig::of_groups(&[FeatureGroup::Flow, FeatureGroup::Timing, FeatureGroup::Amount])
            };
            let table = |rows: &[(u32, u32, i64, i64)]| {
                let payer: Vec<u32> = rows.iter().map(|row| row.0).collect();
                let payee: Vec<u32> = rows.iter().map(|row| row.1).collect();
                let amount_minor: Vec<i64> = rows.iter().map(|row| row.2).collect();
                let at_seconds: Vec<i64> = rows.iter().map(|row| row.3).collect();
                let columns = TransferColumns {
                    payer: &payer,
                    payee: &payee,
                    amount_minor: Some(&amount_minor),
                    at_seconds: Some(&at_seconds),
                };
                extract_exact(&columns, 8, &config, Progress::silent()).unwrap()
            };
            let narrow = table(&rows);
            let wide = table(&[&rows[..], &[(6, 7, giant.0, giant.1)]].concat());
            for &feature in narrow.features() {
                let bits = |column: &[f64]| column[..6].iter().map(|cell| cell.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(
                    bits(narrow.column(feature).unwrap()), bits(wide.column(feature).unwrap()), "{}", feature
                );
            }
        }
    }
}
