//! Legs on their way to their account: what is moved most is packed into the fewest bytes.

use crate::features::sums::Leg;

/// A leg as it is written and read between the transfers and their accounts.
pub(super) trait Packed: Copy + Default + Send + Sync {
    /// `base_seconds` is no later than the leg.
    fn pack(leg: Leg, base_seconds: i64) -> Self;
    fn unpack(self, base_seconds: i64) -> Leg;
    fn tag(&self) -> u32;
}

/// Any leg.
impl Packed for Leg {
    #[inline]
    fn pack(leg: Leg, _: i64) -> Self {
        leg
    }

    #[inline]
    fn unpack(self, _: i64) -> Leg {
        self
    }

    #[inline]
    fn tag(&self) -> u32 {
        self.tag
    }
}

/// A leg whose amount fits an `i32` and which takes place less than 2³² seconds, 136 years, after the base.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Narrow {
    after_base: u32,
    amount_minor: i32,
    other: u32,
    tag: u32,
}

impl Packed for Narrow {
    #[inline]
    fn pack(leg: Leg, base_seconds: i64) -> Self {
        let after_base = (leg.at_seconds - base_seconds) as u32;
        Self { after_base, amount_minor: leg.amount_minor as i32, other: leg.other, tag: leg.tag }
    }

    #[inline]
    fn unpack(self, base_seconds: i64) -> Leg {
        let at_seconds = base_seconds + i64::from(self.after_base);
        Leg { at_seconds, amount_minor: self.amount_minor.into(), other: self.other, tag: self.tag }
    }

    #[inline]
    fn tag(&self) -> u32 {
        self.tag
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
            after in 0..=u32::MAX, base_seconds in -1i64 << 40..1 << 40, amount: i32, other: u32, tag: u32,
        ) {
            let leg =
                Leg { at_seconds: base_seconds + i64::from(after), amount_minor: amount.into(), other, tag };
            let narrow = Narrow::pack(leg, base_seconds);
            prop_assert_eq!((narrow.unpack(base_seconds), narrow.tag()), (leg, tag));
            prop_assert_eq!((Leg::pack(leg, base_seconds).unpack(base_seconds), Packed::tag(&leg)), (leg, tag));
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
