//! How a value becomes the number of a bin: the one binner behind fitting, scoring, drift and reasons.
//!
//! # Prefix keys
//! An `f32` sorts like its bits. When every edge lies where the low 16 bits are zero (0xFFFF below zero), the bin is a
//! function of the upper 16 bits alone, and a table of 65,536 entries finds it exactly, without a branch and at a cost
//! that does not depend on the number of bins. Such edges lie 0.4 to 0.8 % apart. Where that is too coarse (years,
//! dates, ids) a column has free edges and is searched.

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::table::Column;
use crate::scorecard::table::MISSING_LEVEL;
use crate::scorecard::table::Values;
use crate::scorecard::table::level_of;

/// Bin of missing values, in every column.
pub const MISSING: usize = 0;

/// Bin of rare and unseen levels, in nominal columns.
pub const OTHER: usize = 1;

/// Most bins a column can have, the missing one included.
pub const MAX_BINS: usize = 256;

/// What a level that training has not seen counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// As the rare levels that training pooled; neutral (contribution 0) where there were none.
    #[default]
    Other,
    /// As a missing value.
    Missing,
    /// An error that names the column and the level.
    Refuse,
}

/// The bins of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Bins {
    /// Numbers. Bin 0 holds missing values, then one bin for each special value, then the intervals
    /// `(-inf, e0) [e0, e1) ... [ek, inf)`. The infinities are missing; numbers within 9.2e-41 of zero are zero.
    Numeric {
        /// Lower ends of all intervals but the first, ascending.
        edges: Vec<f32>,
        /// Values with a bin of their own, whatever interval they lie in.
        #[serde(default)]
        specials: Vec<f32>,
    },
    /// Levels. Bin 0 holds missing cells, bin 1 rare and unseen levels, then one bin a level.
    Nominal {
        /// The levels, by bin.
        levels: Vec<String>,
        /// What an unseen level counts as.
        #[serde(default)]
        unseen: Unseen,
    },
}

/// The upper 16 bits of a number, in ascending order of the number, with -0 and 0 as one.
pub(crate) fn ordered_key(value: f32) -> u16 {
    let prefix = (value.to_bits() >> 16) as u16;
    match if prefix & 0x8000 == 0 { prefix | 0x8000 } else { !prefix } {
        0x7FFF => 0x8000,
        key => key,
    }
}

/// Numbers nearer to zero than 9.2e-41 count as zero: they share its key.
fn flushed(value: f32) -> f32 {
    if ordered_key(value) == 0x8000 { 0.0 } else { value }
}

/// The least number of a key: an edge that the prefix table can tell.
pub(crate) fn edge_of_key(key: u16) -> f32 {
    if key == 0x7FFF {
        0.0
    } else if key & 0x8000 == 0 {
        f32::from_bits((u32::from(!key) << 16) | 0xFFFF)
    } else {
        f32::from_bits(u32::from(key & 0x7FFF) << 16)
    }
}

impl Bins {
    /// Numeric bins with the given edges and special values.
    ///
    /// # Errors
    /// As [`Bins::check`].
    pub fn numeric(edges: Vec<f32>, specials: Vec<f32>) -> Result<Self> {
        let bins = Self::Numeric { edges, specials };
        bins.check()?;
        Ok(bins)
    }

    /// One bin a level.
    ///
    /// # Errors
    /// As [`Bins::check`].
    pub fn nominal(levels: Vec<String>, unseen: Unseen) -> Result<Self> {
        let bins = Self::Nominal { levels, unseen };
        bins.check()?;
        Ok(bins)
    }

    /// Whether the bins make sense.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when edges do not ascend, an edge or special value is not finite, a special value or level
    /// occurs twice, or there are more than [`MAX_BINS`] bins.
    pub fn check(&self) -> Result<()> {
        if self.len() > MAX_BINS {
            return Err(Error::invalid("number of bins", self.len(), format!("at most {MAX_BINS}, missing included")));
        }
        match self {
            Self::Numeric { edges, specials } => {
                if let Some(bad) = edges.iter().chain(specials).find(|value| !value.is_finite()) {
                    return Err(Error::invalid("edge", bad, "a finite number"));
                }
                if let Some(pair) = edges.windows(2).find(|pair| pair[0] >= pair[1]) {
                    return Err(Error::invalid("edge", pair[1], format!("above the edge before it, {}", pair[0])));
                }
                let mut sorted = specials.clone();
                sorted.sort_by(f32::total_cmp);
                if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(Error::invalid("special value", pair[0], "named once"));
                }
            }
            Self::Nominal { levels, .. } => {
                let mut sorted: Vec<&String> = levels.iter().collect();
                sorted.sort();
                if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(Error::invalid("level", pair[0], "named once"));
                }
            }
        }
        Ok(())
    }

    /// Number of bins, the missing one included.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric { edges, specials } => specials.len() + edges.len() + 2,
            Self::Nominal { levels, .. } => levels.len() + 2,
        }
    }

    /// First bin with an order: the intervals of a numeric column; [`Bins::len`] for a nominal one.
    #[must_use]
    pub fn first_ordered(&self) -> usize {
        match self {
            Self::Numeric { specials, .. } => specials.len() + 1,
            Self::Nominal { .. } => self.len(),
        }
    }

    /// The bin of a number, as the model's definition says it (kernels agree with this, and a test says so).
    /// In a nominal column the number is a bin already.
    #[must_use]
    pub fn bin_of(&self, value: f32) -> usize {
        if !value.is_finite() {
            return MISSING;
        }
        let value = flushed(value);
        match self {
            Self::Numeric { edges, specials } => match specials.iter().position(|&special| special == value) {
                Some(place) => place + 1,
                None => specials.len() + 1 + edges.partition_point(|&edge| edge <= value),
            },
            Self::Nominal { levels, .. } => {
                let key = ordered_key(value);
                (0..levels.len() + 2).find(|&bin| ordered_key(bin as f32) == key).unwrap_or(OTHER)
            }
        }
    }

    /// What a bin holds, in words: `missing`, `= -999`, `[0.5, 2)`, `Leeds`, `other`.
    #[must_use]
    pub fn label(&self, bin: usize) -> String {
        if bin == MISSING {
            return "missing".to_owned();
        }
        match self {
            Self::Numeric { edges, specials } => {
                if let Some(special) = specials.get(bin - 1) {
                    return format!("= {special}");
                }
                let interval = bin - 1 - specials.len();
                match (interval.checked_sub(1).and_then(|i| edges.get(i)), edges.get(interval)) {
                    (None, None) => "any".to_owned(),
                    (None, Some(high)) => format!("< {high}"),
                    (Some(low), None) => format!(">= {low}"),
                    (Some(low), Some(high)) => format!("[{low}, {high})"),
                }
            }
            Self::Nominal { levels, .. } => levels.get(bin.wrapping_sub(2)).cloned().unwrap_or("other".to_owned()),
        }
    }

    /// Whether the prefix table alone tells the bins.
    pub(crate) fn is_prefix(&self) -> bool {
        match self {
            Self::Numeric { edges, specials } => {
                specials.is_empty()
                    && edges.iter().all(|&edge| edge_of_key(ordered_key(edge)).to_bits() == edge.to_bits())
            }
            Self::Nominal { .. } => true,
        }
    }

    /// The bin of every 16-bit prefix of what the kernels look up: the number itself where [`Bins::is_prefix`], the
    /// bin as a number otherwise.
    pub(crate) fn prefix_table(&self) -> Box<[u8; 65536]> {
        let mut table = vec![0_u8; 65536];
        match self {
            Self::Numeric { .. } if self.is_prefix() => {
                for (prefix, bin) in table.iter_mut().enumerate() {
                    // Any number of the prefix will do, since no edge lies inside it.
                    let value = f32::from_bits((prefix as u32) << 16);
                    *bin = self.bin_of(value) as u8;
                }
            }
            Self::Numeric { .. } | Self::Nominal { .. } => {
                let fallback = if matches!(self, Self::Nominal { .. }) { OTHER as u8 } else { MISSING as u8 };
                for (prefix, bin) in table.iter_mut().enumerate() {
                    *bin = if f32::from_bits((prefix as u32) << 16).is_finite() { fallback } else { MISSING as u8 };
                }
                for bin in 0..self.len() {
                    table[((bin as f32).to_bits() >> 16) as usize] = bin as u8;
                }
            }
        }
        table.into_boxed_slice().try_into().expect("65,536 entries")
    }

    /// Turns values into what the prefix table takes: bins as numbers. Only where the bins are not [`Bins::is_prefix`].
    pub(crate) fn map_into(&self, values: &[f32], out: &mut [f32]) {
        let Self::Numeric { edges, specials } = self else {
            out.copy_from_slice(values);
            return;
        };
        let first = (specials.len() + 1) as f32;
        for (bin, &value) in out.iter_mut().zip(values) {
            let value = flushed(value);
            let mut found =
                if value.is_finite() { first + edges.partition_point(|&edge| edge <= value) as f32 } else { 0.0 };
            for (place, &special) in specials.iter().enumerate() {
                if value == special {
                    found = (place + 1) as f32;
                }
            }
            *bin = found;
        }
    }

    /// What the kernels read for this column: the numbers, or for a nominal column the bins as numbers.
    pub(crate) fn encode<'c>(&self, column: &'c Column<'_>) -> Result<std::borrow::Cow<'c, [f32]>> {
        use std::borrow::Cow;
        let Self::Nominal { levels, unseen } = self else { return column.numbers() };
        let places: std::collections::HashMap<&str, usize> =
            levels.iter().enumerate().map(|(place, level)| (level.as_str(), place + 2)).collect();
        let bin_of = |level: &str| match (places.get(level), unseen) {
            (Some(&bin), _) => Ok(bin as f32),
            (None, Unseen::Other) => Ok(OTHER as f32),
            (None, Unseen::Missing) => Ok(f32::NAN),
            (None, Unseen::Refuse) => Err(Error::unknown(format!("level of {}", column.name), level)),
        };
        let by_number = |value: f64| if value.is_finite() { bin_of(&level_of(value)) } else { Ok(f32::NAN) };
        match &column.values {
            Values::Nominal { levels, codes } => {
                let mut used = vec![false; levels.len()];
                codes.iter().filter(|&&code| code != MISSING_LEVEL).for_each(|&code| used[code as usize] = true);
                let bins: Vec<f32> = levels
                    .iter()
                    .zip(&used)
                    .map(|(level, &used)| if used { bin_of(level) } else { Ok(f32::NAN) })
                    .collect::<Result<_>>()?;
                let bin = |&code: &u32| if code == MISSING_LEVEL { f32::NAN } else { bins[code as usize] };
                Ok(Cow::Owned(codes.iter().map(bin).collect()))
            }
            Values::F32(values) => {
                values.iter().map(|&v| by_number(f64::from(v))).collect::<Result<Vec<_>>>().map(Cow::Owned)
            }
            Values::F64(values) => values.iter().map(|&v| by_number(v)).collect::<Result<Vec<_>>>().map(Cow::Owned),
        }
    }

    /// The bin of every row of an encoded column.
    pub(crate) fn codes(&self, encoded: &[f32]) -> Vec<u8> {
        let table = self.prefix_table();
        let look_up = |values: &[f32], codes: &mut Vec<u8>| {
            codes.extend(values.iter().map(|value| table[(value.to_bits() >> 16) as usize]));
        };
        let mut codes = Vec::with_capacity(encoded.len());
        if self.is_prefix() {
            look_up(encoded, &mut codes);
        } else {
            let mut mapped = [0.0; 1024];
            for block in encoded.chunks(1024) {
                self.map_into(block, &mut mapped[..block.len()]);
                look_up(&mapped[..block.len()], &mut codes);
            }
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_values() -> Vec<f32> {
        let mut values = vec![0.0, -0.0, 1.0, -1.0, f32::MIN, f32::MAX, 1e-45, -1e-45, 1e-40, -1e-40];
        for key in (0x0080..0xFF80_u16).step_by(7) {
            let edge = edge_of_key(key);
            for step in [-1_i32, 0, 1] {
                values.push(f32::from_bits(edge.to_bits().wrapping_add_signed(step)));
            }
        }
        values.extend([f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7F80_0001)]);
        values
    }

    #[test]
    fn keys_ascend_with_the_numbers_they_stand_for() {
        for key in 0x0081..0xFF7F_u16 {
            if key == 0x7FFF {
                continue;
            }
            let edge = edge_of_key(key);
            assert_eq!(ordered_key(edge), key);
            let below = if edge == 0.0 { -1e-37 } else { edge.next_down() };
            assert!(ordered_key(below) < key, "{key:x} {edge} {below}");
        }
    }

    #[test]
    fn the_prefix_table_finds_the_bin_of_the_definition() {
        let edges: Vec<f32> = [-3.0e10, -1.0, -0.0625, 0.0, 1.0, 1.5, 7.0, 1e20]
            .iter()
            .map(|&edge| edge_of_key(ordered_key(edge)))
            .collect();
        let bins = Bins::numeric(edges, vec![]).unwrap();
        assert!(bins.is_prefix());
        let values = any_values();
        for (value, code) in values.iter().zip(bins.codes(&values)) {
            assert_eq!(usize::from(code), bins.bin_of(*value), "{value:e} {:x}", value.to_bits());
        }
    }

    #[test]
    fn special_values_and_free_edges_are_exact() {
        let bins = Bins::numeric(vec![2011.5, 2012.5, 99_998.5], vec![-999.0, 99_999.0]).unwrap();
        assert!(!bins.is_prefix());
        let values = [-999.0, 99_999.0, 99_998.0, 99_998.99, 2011.0, 2012.0, 2013.0, f32::NAN, f32::INFINITY, -998.99];
        let codes = bins.codes(&values);
        assert_eq!(codes, [1, 2, 5, 6, 3, 4, 5, 0, 0, 3]);
        assert!(values.iter().zip(&codes).all(|(&value, &code)| bins.bin_of(value) == usize::from(code)));
    }

    #[test]
    fn labels_say_what_a_bin_holds() {
        let bins = Bins::numeric(vec![0.5, 2.0], vec![-999.0]).unwrap();
        let labels: Vec<String> = (0..bins.len()).map(|bin| bins.label(bin)).collect();
        assert_eq!(labels, ["missing", "= -999", "< 0.5", "[0.5, 2)", ">= 2"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_edges_bin_as_the_definition_says(
            mut edges in proptest::collection::vec(-1e6_f32..1e6, 0..40),
            specials in proptest::collection::btree_set(-50_i32..50, 0..4),
            values in proptest::collection::vec(prop_oneof![(-60_i32..60).prop_map(|v| v as f32), any::<f32>()], 1..200),
        ) {
            edges.sort_by(f32::total_cmp);
            edges.dedup();
            let bins = Bins::numeric(edges, specials.into_iter().map(|v| v as f32).collect()).unwrap();
            let codes = bins.codes(&values);
            for (&value, &code) in values.iter().zip(&codes) {
                prop_assert_eq!(bins.bin_of(value), usize::from(code));
            }
        }
    }
}
