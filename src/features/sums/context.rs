//! What the formulas must know, and where they put what they give.

use crate::features::catalogue::Feature;
use crate::features::sums::Logarithms;
use crate::money::Scale;
use crate::transfer::UtcOffset;

/// What the formulas must know besides the sums.
#[derive(Debug, Clone, Copy)]
pub(in crate::features) struct Context<'a> {
    pub(in crate::features) has_amounts: bool,
    pub(in crate::features) has_times: bool,
    /// Times tell the hour and not the day alone.
    pub(in crate::features) has_hours: bool,
    pub(in crate::features) utc_offset: UtcOffset,
    pub(in crate::features) as_of_day: i64,
    pub(in crate::features) scale: Scale,
    /// Minor units of a major one, by that scale.
    pub(in crate::features) minor_per_major: i64,
    pub(in crate::features) logarithms: &'a Logarithms,
}

#[cfg(test)]
impl<'a> Context<'a> {
    /// Everything is known, in cents, on day 40.
    pub(in crate::features) fn example(logarithms: &'a Logarithms) -> Self {
        Self {
            has_amounts: true,
            has_times: true,
            has_hours: true,
            utc_offset: UtcOffset::UTC,
            as_of_day: 40,
            scale: Scale::CENTS,
            minor_per_major: 100,
            logarithms,
        }
    }
}

impl Context<'_> {
    pub(in crate::features) fn money(&self, minor: i64) -> f64 {
        minor as f64 / self.minor_per_major as f64
    }

    #[inline]
    pub(in crate::features) fn is_round(&self, minor: i64) -> bool {
        let ten_major = 10 * self.minor_per_major;
        // Division by 32 bits takes a fraction of the time, and is nearly always enough.
        match (u32::try_from(minor), u32::try_from(ten_major)) {
            (Ok(minor), Ok(ten_major)) => minor % ten_major == 0,
            _ => minor % ten_major == 0,
        }
    }
}

/// Where formulas put what they give.
pub(in crate::features) trait Row {
    /// Writes one feature.
    fn set(&mut self, feature: Feature, value: f64);
}

/// The features of one account before they are put into a table; NaN where undefined.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::features) struct FeatureRow([f64; Feature::COUNT]);

impl FeatureRow {
    pub(in crate::features) fn undefined() -> Self {
        Self([f64::NAN; Feature::COUNT])
    }

    pub(in crate::features) fn get(&self, feature: Feature) -> f64 {
        self.0[feature.index()]
    }
}

impl Row for FeatureRow {
    fn set(&mut self, feature: Feature, value: f64) {
        self.0[feature.index()] = value;
    }
}
