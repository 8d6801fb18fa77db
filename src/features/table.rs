//! The feature table: accounts down, features across, column after column.

use ndarray::{ArrayView1, ArrayView2, Axis, ShapeBuilder};
use serde::{Deserialize, Serialize};

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::features::catalogue::CATALOGUE_VERSION;
use crate::features::catalogue::Feature;
use crate::parallel::for_each_chunk_mut;

/// Cells that are made undefined together.
const CELLS: usize = 1 << 18;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// What a cell may be: `f32`, as models read it, or `f64`, as files and audits want it.
pub trait Cell: sealed::Sealed + Copy + Send + Sync + PartialEq + std::fmt::Debug + Serialize + 'static {
    /// The undefined cell.
    const UNDEFINED: Self;
    /// The nearest cell to `value`.
    fn from_f64(value: f64) -> Self;
    /// The value, without loss.
    fn to_f64(self) -> f64;
}

impl Cell for f32 {
    const UNDEFINED: Self = Self::NAN;
    fn from_f64(value: f64) -> Self {
        value as Self
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Cell for f64 {
    const UNDEFINED: Self = Self::NAN;
    fn from_f64(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// Features of every account: a column for each feature asked for, a row for each account, NaN where undefined.
///
/// Cells are `f32`: half the memory, and a scorecard cuts them into a few dozen bins. An `f32` holds whole numbers exactly
/// up to 2²⁴ = 16,777,216 and seven digits beyond; where files or audits need the exact figure,
/// [`extract_exact`](crate::features::extract_exact) gives the same table in `f64`, whole up to 2⁵³.
///
/// Invariants: `features` are distinct; `cells.len() == features.len() * accounts`; column `c` is
/// `cells[c * accounts..(c + 1) * accounts]`.
///
/// ```
/// use dandelion_credit::features::{extract, Feature, FeatureConfig};
/// use dandelion_credit::{AccountIndex, Progress, TransferColumns};
///
/// // Three payers of account 0, of whom 1 and 2 know each other.
/// let columns = TransferColumns::of_pairs(&[1, 2, 3, 1], &[0, 0, 0, 2]);
/// let table = extract(&columns, 4, &FeatureConfig::default(), Progress::silent())?;
/// assert_eq!(table.value(AccountIndex::new(0), Feature::InCount), Some(3.0));
/// assert_eq!(table.column_named("in_degree")?, [3.0, 0.0, 1.0, 0.0]);
/// assert_eq!(table.view().dim(), (4, Feature::COUNT));
/// // Account 3 has no payers: the concentration of nothing is undefined, not zero.
/// assert!(table.column(Feature::PayerHhi).unwrap()[3].is_nan());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Cell + Deserialize<'de>"), try_from = "Written<T>", into = "Written<T>")]
pub struct FeatureTable<T: Cell = f32> {
    accounts: usize,
    features: Vec<Feature>,
    cells: Vec<T>,
    self_transfers: u64,
    transfers: u64,
    as_of_seconds: Option<i64>,
}

/// The serialised form: it carries the catalogue version, and undefined cells are `null`, since JSON has no NaN.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Cell + Deserialize<'de>"), deny_unknown_fields)]
struct Written<T: Cell> {
    catalogue_version: u32,
    accounts: usize,
    transfers: u64,
    self_transfers: u64,
    as_of_seconds: Option<i64>,
    features: Vec<Feature>,
    columns: Vec<Vec<Option<T>>>,
}

impl<T: Cell> From<FeatureTable<T>> for Written<T> {
    fn from(table: FeatureTable<T>) -> Self {
        let column = |feature: &Feature| {
            let cells = table.column(*feature).unwrap_or(&[]);
            cells.iter().map(|cell| (!cell.to_f64().is_nan()).then_some(*cell)).collect()
        };
        Self {
            catalogue_version: CATALOGUE_VERSION,
            accounts: table.accounts,
            transfers: table.transfers,
            self_transfers: table.self_transfers,
            as_of_seconds: table.as_of_seconds,
            columns: table.features.iter().map(column).collect(),
            features: table.features,
        }
    }
}

impl<T: Cell> TryFrom<Written<T>> for FeatureTable<T> {
    type Error = Error;

    fn try_from(written: Written<T>) -> Result<Self> {
        if written.catalogue_version != CATALOGUE_VERSION {
            let value = format!("version {}", written.catalogue_version);
            return Err(Error::unsupported("feature catalogue", value));
        }
        check_distinct(&written.features)?;
        if written.columns.len() != written.features.len() {
            let rule = "a table has a column for each of its features";
            return Err(Error::invalid("number of columns", written.columns.len(), rule));
        }
        let mut cells = Vec::with_capacity(written.columns.iter().map(Vec::len).sum());
        for (feature, column) in written.features.iter().zip(&written.columns) {
            if column.len() != written.accounts {
                let rule = "a column has a cell for each account";
                return Err(Error::invalid("length of a column", column.len(), rule).at(feature));
            }
            cells.extend(column.iter().map(|cell| cell.unwrap_or(T::UNDEFINED)));
        }
        Ok(Self {
            accounts: written.accounts,
            features: written.features,
            cells,
            self_transfers: written.self_transfers,
            transfers: written.transfers,
            as_of_seconds: written.as_of_seconds,
        })
    }
}

/// No feature is asked for twice.
pub(super) fn check_distinct(features: &[Feature]) -> Result<()> {
    let mut seen = [false; Feature::COUNT];
    for feature in features {
        if std::mem::replace(&mut seen[feature.index()], true) {
            return Err(Error::invalid("feature", feature, "each feature at most once"));
        }
    }
    Ok(())
}

impl<T: Cell> FeatureTable<T> {
    /// A table in which every cell is undefined.
    pub(super) fn undefined(accounts: usize, features: Vec<Feature>) -> Self {
        let mut cells = vec![T::from_f64(0.0); accounts * features.len()];
        for_each_chunk_mut(&mut cells, CELLS, |_, cells| cells.fill(T::UNDEFINED));
        Self { accounts, features, cells, self_transfers: 0, transfers: 0, as_of_seconds: None }
    }

    pub(super) fn note_source(&mut self, transfers: u64, self_transfers: u64, as_of_seconds: Option<i64>) {
        (self.transfers, self.self_transfers, self.as_of_seconds) = (transfers, self_transfers, as_of_seconds);
    }

    /// Number of rows.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts
    }

    /// The columns, in their order.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Transfers the table was made from, those after the as-of time left out.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.transfers
    }

    /// Transfers from an account to itself among them, which count in no feature.
    #[must_use]
    pub fn self_transfers(&self) -> u64 {
        self.self_transfers
    }

    /// The time up to which transfers were taken: the configured one, or the latest seen; `None` without times.
    #[must_use]
    pub fn as_of_seconds(&self) -> Option<i64> {
        self.as_of_seconds
    }

    /// The column of `feature`, one cell an account, if the table has it.
    #[must_use]
    pub fn column(&self, feature: Feature) -> Option<&[T]> {
        let place = self.features.iter().position(|&own| own == feature)?;
        Some(&self.cells[place * self.accounts..(place + 1) * self.accounts])
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// [`Error::is_unknown`] when the catalogue or the table has no such feature.
    pub fn column_named(&self, name: &str) -> Result<&[T]> {
        let feature = Feature::from_name(name)?;
        self.column(feature).ok_or_else(|| Error::unknown("column of the feature table", name))
    }

    /// One cell: `None` when undefined, or when the table has no such account or feature.
    #[must_use]
    pub fn value(&self, account: AccountIndex, feature: Feature) -> Option<f64> {
        let cell = self.column(feature)?.get(account.as_usize())?.to_f64();
        (!cell.is_nan()).then_some(cell)
    }

    /// The whole table as an array view of shape (accounts, features); columns are contiguous.
    #[must_use]
    pub fn view(&self) -> ArrayView2<'_, T> {
        ArrayView2::from_shape((self.accounts, self.features.len()).f(), &self.cells)
            .expect("cells hold accounts times features")
    }

    /// One account's features, in column order.
    ///
    /// # Panics
    /// When the table has no such account.
    #[must_use]
    pub fn row(&self, account: AccountIndex) -> ArrayView1<'_, T> {
        self.view().index_axis_move(Axis(0), account.as_usize())
    }

    /// The columns cut into rows `from..to`, to be filled side by side.
    pub(super) fn columns_mut(&mut self) -> impl Iterator<Item = (Feature, &mut [T])> {
        let accounts = self.accounts;
        let chunks = self.cells.chunks_mut(accounts.max(1));
        self.features.iter().copied().zip(chunks)
    }

    /// Drops every column but the first `features`.
    pub(super) fn keep_first(&mut self, features: usize) {
        self.features.truncate(features);
        self.cells.truncate(features * self.accounts);
    }
}
