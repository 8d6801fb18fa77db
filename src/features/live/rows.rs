//! Rows of live features.

use crate::features::catalogue::Feature;
use crate::features::catalogue::FeatureGroup;
use crate::features::entries::ENTRIES;
use crate::features::sums::Row;
use crate::graph::LiveGraph;

const STRUCTURE: usize = LiveGraph::KEPT.len();
const FLOW: usize = count_live(false);

const fn is_structure(feature: usize) -> bool {
    matches!(ENTRIES[feature].1.group, FeatureGroup::Structure)
}

const fn count_live(structure: bool) -> usize {
    let (mut feature, mut count) = (0, 0);
    while feature < Feature::COUNT {
        count += (ENTRIES[feature].1.live && is_structure(feature) == structure) as usize;
        feature += 1;
    }
    count
}

/// Where each live feature stands: structure first, then the rest, both in catalogue order; `u8::MAX` for the others.
const PLACES: [u8; Feature::COUNT] = {
    assert!(count_live(true) == STRUCTURE);
    let mut places = [u8::MAX; Feature::COUNT];
    let (mut feature, mut place) = (0, 0);
    while feature < Feature::COUNT {
        if ENTRIES[feature].1.live {
            places[feature] = place;
            place += 1;
        }
        feature += 1;
    }
    places
};

/// The values of [`LiveGraph::KEPT`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StructureValues(pub(super) [f64; STRUCTURE]);

/// The values of the other live features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FlowValues([f64; FLOW]);

impl StructureValues {
    const UNDEFINED: Self = Self([f64::NAN; STRUCTURE]);
}

impl FlowValues {
    pub(super) const fn undefined() -> Self {
        Self([f64::NAN; FLOW])
    }

    #[cfg(test)]
    pub(super) fn bits(&self) -> [u64; FLOW] {
        self.0.map(f64::to_bits)
    }
}

impl Row for FlowValues {
    #[inline(always)]
    fn set(&mut self, feature: Feature, value: f64) {
        self.0[PLACES[feature.index()] as usize - STRUCTURE] = value;
    }
}

/// Whose row: the transfer's payer's or its payee's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Whose money it was.
    Payer,
    /// Whose money it is now.
    Payee,
}

/// The live features of one account at one moment, in `f64`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveRow {
    pub(super) structure: StructureValues,
    pub(super) flow: FlowValues,
}

impl LiveRow {
    /// The live features in the order of [`values`](Self::values), which is that of the catalogue.
    pub fn features() -> impl Iterator<Item = Feature> {
        Feature::all().filter(|feature| feature.info().live)
    }

    /// Every live feature; NaN where undefined.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.structure.0.iter().chain(&self.flow.0).copied()
    }

    /// One feature: `None` when it is undefined or not kept live.
    #[must_use]
    pub fn value(&self, feature: Feature) -> Option<f64> {
        let place = usize::from(PLACES[feature.index()]);
        let value = if place < STRUCTURE { self.structure.0[place] } else { *self.flow.0.get(place - STRUCTURE)? };
        (!value.is_nan()).then_some(value)
    }
}

/// Rows of a batch; those of the last one are written over.
#[derive(Debug, Default)]
pub(super) struct FlowRows {
    rows: Vec<FlowValues>,
    written: usize,
}

impl FlowRows {
    pub(super) fn begin(&mut self) {
        self.written = 0;
    }

    /// The next row, undefined.
    pub(super) fn next(&mut self) -> &mut FlowValues {
        if self.written == self.rows.len() {
            self.rows.push(FlowValues::undefined());
        }
        let row = &mut self.rows[self.written];
        self.written += 1;
        *row = FlowValues::undefined();
        row
    }
}

/// What a batch of transfers gives: for each, the features of both parties right after it.
#[derive(Debug, Default)]
pub struct LiveRows {
    pub(super) structure: Vec<[StructureValues; 2]>,
    /// Rows of each shard's accounts, in the order of the batch.
    pub(super) flow: [FlowRows; super::SHARDS],
    /// Where the row of each transfer's payer and payee stands: shard and place.
    pub(super) places: Vec<[(u32, u32); 2]>,
}

impl LiveRows {
    /// Transfers in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.structure.len()
    }

    /// Whether the batch was empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.structure.is_empty()
    }

    /// The features of one party of transfer `place` of the batch, right after it.
    ///
    /// # Panics
    /// When `place` is not below [`len`](Self::len).
    #[must_use]
    pub fn row(&self, place: usize, side: Side) -> LiveRow {
        let side = side as usize;
        let (shard, row) = self.places[place][side];
        LiveRow { structure: self.structure[place][side], flow: self.flow[shard as usize].rows[row as usize] }
    }

    pub(super) fn begin(&mut self, transfers: usize) {
        self.structure.resize(transfers, [StructureValues::UNDEFINED; 2]);
        self.places.clear();
    }
}
