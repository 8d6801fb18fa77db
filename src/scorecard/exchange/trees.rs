//! Tree ensembles trained elsewhere: their form, their checks and their answers.

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::parallel;
use crate::scorecard::exchange::walk::Compiled;
use crate::scorecard::table::Column;
use crate::scorecard::table::Table;
use crate::scorecard::table::Values;

/// The name of the serialised form.
const FORMAT: &str = "dandelion-credit tree ensemble 1";

/// Rows a thread takes at a time.
const CHUNK: usize = 4096;

/// What counts as missing in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingRule {
    /// NaN.
    #[default]
    Nan,
    /// NaN, and zero to within 1e-35.
    ZeroOrNan,
    /// Nothing: NaN is read as zero.
    NanIsZero,
}

/// One node; a leaf where `leaf` is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) column: u32,
    /// Values up to and including this go left. Infinite where only missing values are told from the rest.
    #[serde(with = "any_number")]
    pub(crate) threshold: f64,
    pub(crate) missing_left: bool,
    pub(crate) left: u32,
    pub(crate) right: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leaf: Option<f64>,
}

/// Numbers in JSON, which has no infinity: those are text.
mod any_number {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_infinite() {
            serializer.serialize_str(&value.to_string())
        } else {
            serializer.serialize_f64(*value)
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(number),
            Written::Text(text) => text.parse().map_err(|_| D::Error::custom(format!("threshold '{text}'"))),
        }
    }
}

/// An ensemble of trees that gives log-odds: read with [`TreeEnsemble::from_xgboost_json`] or
/// [`TreeEnsemble::from_lightgbm_text`].
///
/// What is not understood is refused when it is read: nominal splits, more than two classes, linear leaves, objectives
/// other than binary log-loss. Check a few margins that the source gives with [`TreeEnsemble::check_margins`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct TreeEnsemble {
    pub(crate) raw: Raw,
    compiled: Compiled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Raw {
    pub(crate) format: String,
    pub(crate) source: String,
    /// Whether the source reads values and adds leaves in single precision.
    pub(crate) single: bool,
    pub(crate) names: Vec<String>,
    pub(crate) missing: Vec<MissingRule>,
    /// What the sum of the leaves starts from.
    pub(crate) base: f64,
    /// The sum is multiplied by this.
    pub(crate) scale: f64,
    pub(crate) trees: Vec<Vec<Node>>,
}

impl From<TreeEnsemble> for Raw {
    fn from(model: TreeEnsemble) -> Self {
        model.raw
    }
}

impl TryFrom<Raw> for TreeEnsemble {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        if raw.format != FORMAT {
            return Err(Error::unsupported("model format", &raw.format));
        }
        if raw.missing.len() != raw.names.len() {
            return Err(Error::invalid("number of missing rules", raw.missing.len(), "one a column"));
        }
        if !(raw.base.is_finite() && raw.scale.is_finite()) {
            return Err(Error::invalid("base of the trees", raw.base, "finite"));
        }
        let compiled = Compiled::new(&raw)?;
        Ok(Self { raw, compiled })
    }
}

impl Raw {
    pub(crate) fn new(source: &str, single: bool, names: Vec<String>) -> Self {
        let missing = vec![MissingRule::Nan; names.len()];
        let (format, source) = (FORMAT.to_owned(), source.to_owned());
        Self { format, source, single, names, missing, base: 0.0, scale: 1.0, trees: Vec::new() }
    }
}

impl TreeEnsemble {
    /// Names of the columns the trees read.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.raw.names
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.raw.trees.len()
    }

    /// Log-odds of every row of a table.
    ///
    /// Leaves are added in the order and precision of the source: XGBoost's margins have its own bits (it adds in single
    /// precision, which moves a margin by some 1e-5 against the exact sum), LightGBM's are equal to within 1e-15.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a column the table lacks; [`Error::is_invalid`] for text where a number is wanted.
    ///
    /// # Complexity
    /// Rows times (columns + trees times depth).
    pub fn margins(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        let columns: Vec<&Column<'_>> = self.raw.names.iter().map(|name| table.column(name)).collect::<Result<_>>()?;
        if let Some(column) = columns.iter().find(|column| matches!(column.values, Values::Nominal { .. })) {
            return Err(Error::invalid("column", &column.name, "numeric, as in the trees"));
        }
        let mut out = vec![self.raw.base; table.rows()];
        parallel::for_each_chunk_mut(&mut out, CHUNK, |first, sums| {
            self.compiled.add_leaves(&self.raw, &columns, first, sums);
            sums.iter_mut().for_each(|sum| *sum *= self.raw.scale);
        });
        Ok(out)
    }

    /// Whether the ensemble gives the margins that its source gave, to within `tolerance`: the test to run once when a
    /// model is brought in.
    ///
    /// # Errors
    /// [`Error::is_conflict`] with the first row that differs; otherwise as [`TreeEnsemble::margins`].
    pub fn check_margins(&self, table: &Table<'_>, expected: &[f64], tolerance: f64) -> Result<()> {
        for (row, (found, expected)) in self.margins(table)?.iter().zip(expected).enumerate() {
            if (found - expected).abs() > tolerance || found.is_nan() != expected.is_nan() {
                return Err(
                    Error::conflict("margin", found, format!("the source gave {expected}")).at(format!("row {row}"))
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::numeric::Stream;

    fn walk_slowly(raw: &Raw, row: &[f64]) -> f64 {
        let mut sum = raw.base;
        for tree in &raw.trees {
            let mut node = tree[0];
            while node.leaf.is_none() {
                let value = row[node.column as usize];
                let value = match raw.missing[node.column as usize] {
                    MissingRule::NanIsZero if value.is_nan() => 0.0,
                    MissingRule::ZeroOrNan if value.abs() <= 1e-35 => f64::NAN,
                    _ => value,
                };
                let left = if value.is_nan() { node.missing_left } else { value <= node.threshold };
                node = tree[if left { node.left } else { node.right } as usize];
            }
            let leaf = node.leaf.unwrap();
            sum = if raw.single { f64::from(sum as f32 + leaf as f32) } else { sum + leaf };
        }
        sum * raw.scale
    }

    fn random_tree(stream: &mut Stream, depth: usize, thresholds: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        grow(stream, depth, thresholds, &mut nodes);
        nodes
    }

    fn grow(stream: &mut Stream, depth: usize, thresholds: usize, nodes: &mut Vec<Node>) -> u32 {
        let place = nodes.len();
        let leaf = Some(f64::from(stream.below(2000) as f32 / 1000.0 - 1.0));
        nodes.push(Node { column: 0, threshold: 0.0, missing_left: false, left: 0, right: 0, leaf });
        if depth > 0 && stream.below(8) > 0 {
            let (left, right) =
                (grow(stream, depth - 1, thresholds, nodes), grow(stream, depth - 1, thresholds, nodes));
            nodes[place] = Node {
                column: stream.below(3) as u32,
                // LightGBM writes an infinite threshold where it tells the missing from all others.
                threshold: match stream.below(thresholds + 1) {
                    place if place == thresholds => f64::INFINITY,
                    place => place as f64 * 10.0 / thresholds as f64 - 5.0,
                },
                missing_left: stream.below(2) == 0,
                left,
                right,
                leaf: None,
            };
        }
        place as u32
    }

    #[test]
    fn blocks_of_rows_fall_into_the_leaves_that_one_row_alone_does() {
        // Codes of one byte and of two; deep bushy trees are walked, small and lopsided ones answered from the leaves up.
        for (thresholds, single) in [(20, false), (2000, false), (20, true), (2000, true)] {
            let mut stream = Stream::new(thresholds as u64);
            let mut raw = Raw::new("test", single, vec!["a".into(), "b".into(), "c".into()]);
            raw.base = f64::from(0.3_f32);
            raw.missing = vec![MissingRule::Nan, MissingRule::ZeroOrNan, MissingRule::NanIsZero];
            raw.trees = (0..40).map(|depth| random_tree(&mut stream, depth % 12, thresholds)).collect();
            let rows = 1003;
            let mut value = || match stream.below(7) {
                0 => f64::NAN,
                1 => 0.0,
                2 => [f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e-40, f64::MIN][stream.below(5)],
                _ => stream.below(41) as f64 / 4.0 - 5.0,
            };
            let columns: Vec<Vec<f64>> = (0..3).map(|_| (0..rows).map(|_| value()).collect()).collect();
            let mut table = Table::new(rows);
            for (name, column) in ["a", "b", "c"].iter().zip(&columns) {
                table.push_f64(name, &column[..]).unwrap();
            }
            let model = TreeEnsemble::try_from(raw.clone()).unwrap();
            let margins = model.margins(&table).unwrap();
            for row in 0..rows {
                let read =
                    |column: usize| if single { f64::from(columns[column][row] as f32) } else { columns[column][row] };
                let slow = walk_slowly(&raw, &[read(0), read(1), read(2)]);
                assert_eq!(margins[row].to_bits(), slow.to_bits(), "row {row} of {thresholds}");
            }
            assert!(model.check_margins(&table, &margins, 1e-9).is_ok());
            let text = serde_json::to_string(&model).unwrap();
            assert_eq!(serde_json::from_str::<TreeEnsemble>(&text).unwrap(), model);
        }
    }

    #[test]
    fn a_tree_that_runs_in_circles_is_refused() {
        let node = Node { column: 0, threshold: 0.0, missing_left: true, left: 0, right: 0, leaf: None };
        let mut raw = Raw::new("test", false, vec!["a".into()]);
        raw.trees = vec![vec![node]];
        assert!(TreeEnsemble::try_from(raw.clone()).unwrap_err().is_invalid());
        raw.trees = vec![vec![Node { left: 9, right: 9, ..node }]];
        assert!(TreeEnsemble::try_from(raw).unwrap_err().is_unknown());
    }
}
