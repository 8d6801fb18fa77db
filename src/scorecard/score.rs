//! Scoring: the model compiled to look-up tables, and the kernels that run down columns or rows.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;
use crate::error::Result;
use crate::parallel;
use crate::rate::Probability;
use crate::scorecard::bins::Bins;
use crate::scorecard::calibration::Calibration;
use crate::scorecard::compiled::CompiledColumn;
use crate::scorecard::compiled::CompiledPair;
use crate::scorecard::compiled::PAIR_SIDE;
use crate::scorecard::compiled::Side;
use crate::scorecard::compiled::Sides;
use crate::scorecard::compiled::add_fused;
use crate::scorecard::compiled::by_prefix;
use crate::scorecard::compiled::prefix;
use crate::scorecard::model::Meaning;
use crate::scorecard::model::Scorecard;
use crate::scorecard::model::UNITS_PER_LOG_ODDS;
use crate::scorecard::model::log_odds;
use crate::scorecard::points::PointScale;
use crate::scorecard::table::Table;

/// Rows whose sums stay in the first-level cache.
const BLOCK: usize = 1024;

/// Rows a thread takes at a time.
const CHUNK: usize = 1 << 16;

/// Columns whose look-ups are made in one pass over the sums.
const FUSED: usize = 4;

/// Blocks of columns that the prefix tables do not take as they are.
type Mapped = [[f32; BLOCK]; FUSED];

/// A model compiled for scoring: for every column a table from the upper 16 bits of a number to its contribution.
///
/// A row costs one look-up a column, three a pair, and no branch. The sums are whole numbers, so a row alone has the
/// bits it has in any batch, by columns or by rows, on any number of threads. Takes 256 KB a column, or 512 KB for each
/// way it takes part in pairs; make one and keep it.
pub struct Scorer {
    names: Vec<String>,
    bins: Vec<Bins>,
    /// Whether the prefix table takes the column as it is.
    plain: Vec<bool>,
    /// Columns outside all pairs.
    alone: Vec<CompiledColumn>,
    sides: Vec<Side>,
    pairs: Vec<CompiledPair>,
    /// The intercept and what the sides' tables were lifted by.
    base: i32,
    calibration: Calibration,
    points: PointScale,
    meaning: Meaning,
}

/// The answer for one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    units: i32,
    probability: Option<f64>,
    points: f64,
}

impl Score {
    fn new(units: i32, meaning: Meaning, calibration: &Calibration, points: &PointScale) -> Self {
        let log_odds = log_odds(i64::from(units));
        let probability = (meaning != Meaning::Score).then(|| calibration.probability(log_odds));
        Self { units, probability, points: points.points(log_odds) }
    }

    /// The sum of the contributions in units of 2^-20 log-odds: whole, so that reasons add up to it.
    #[must_use]
    pub fn units(&self) -> i32 {
        self.units
    }

    /// The log-odds of a positive before calibration; exactly [`Score::units`] / 2^20.
    #[must_use]
    pub fn log_odds(&self) -> f64 {
        log_odds(i64::from(self.units))
    }

    /// The calibrated probability of a positive; `None` where the model only ranks ([`Meaning::Score`]).
    #[must_use]
    pub fn probability(&self) -> Option<Probability> {
        self.probability.and_then(|p| Probability::new(p).ok())
    }

    /// Points on the model's scale, not rounded.
    #[must_use]
    pub fn points(&self) -> f64 {
        self.points
    }
}

impl fmt::Debug for Scorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scorer").field("columns", &self.names).field("pairs", &self.pairs.len()).finish_non_exhaustive()
    }
}

/// The columns of a table in the order and form a scorer reads; see [`Scorer::encode`].
#[derive(Debug, Clone)]
pub struct Encoded<'t> {
    columns: Vec<Cow<'t, [f32]>>,
}

impl Encoded<'_> {
    /// The columns as slices.
    #[must_use]
    pub fn columns(&self) -> Vec<&[f32]> {
        self.columns.iter().map(AsRef::as_ref).collect()
    }
}

impl Scorecard {
    /// Compiles the model for scoring.
    ///
    /// # Complexity
    /// 65,536 look-ups and 256 KB a column, or 512 KB for each way a column takes part in pairs.
    #[must_use]
    pub fn scorer(&self) -> Scorer {
        let features = &self.features;
        let mut sides = Sides::new(self);
        let pairs: Vec<CompiledPair> = self
            .pairs
            .iter()
            .map(|pair| {
                let mut units = Box::new([0; PAIR_SIDE * PAIR_SIDE]);
                let width = pair.width();
                for (cell, &unit) in pair.units.iter().enumerate() {
                    units[cell / width * PAIR_SIDE + cell % width] = unit;
                }
                let first = sides.place(pair.first, &pair.rows, PAIR_SIDE);
                CompiledPair { first, second: sides.place(pair.second, &pair.cols, 1), units }
            })
            .collect();
        let alone = (0..features.len()).filter(|&column| !sides.has(column));
        let alone = alone.map(|column| {
            let feature = &features[column];
            let units = sides.bin_of[column].iter().map(|&bin| feature.units[usize::from(bin)]).collect();
            CompiledColumn { column, units: by_prefix(units) }
        });
        Scorer {
            names: features.iter().map(|feature| feature.name.clone()).collect(),
            bins: features.iter().map(|feature| feature.bins.clone()).collect(),
            plain: features.iter().map(|feature| feature.bins.is_prefix()).collect(),
            alone: alone.collect(),
            base: self.intercept.wrapping_add(sides.lift),
            sides: sides.list,
            pairs,
            calibration: self.calibration.clone(),
            points: self.points,
            meaning: self.meaning,
        }
    }

    /// The answer for one row without compiling a scorer first: the same bits, in microseconds. Values are in the form
    /// [`Scorer::encode`] gives.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for another number of values than columns.
    pub fn score_row(&self, row: &[f32]) -> Result<Score> {
        if row.len() != self.features.len() {
            return Err(Error::invalid("number of values", row.len(), format!("{}", self.features.len())));
        }
        let bins = self.features.iter().zip(row).map(|(feature, &value)| vec![feature.bins.bin_of(value) as u8]);
        let sums = self.units_of_codes(&bins.collect::<Vec<_>>());
        let units = sums.first().copied().unwrap_or(self.intercept);
        Ok(Score::new(units, self.meaning, &self.calibration, &self.points))
    }

    pub(crate) fn drop_empty_pairs(&mut self) {
        self.pairs.retain(|pair| pair.units.iter().any(|&unit| unit != 0));
    }

    /// The sum for every row of binned columns: the definition that the kernels are tested against.
    pub(crate) fn units_of_codes(&self, codes: &[Vec<u8>]) -> Vec<i32> {
        let mut sums = vec![self.intercept; codes.first().map_or(0, Vec::len)];
        for (feature, codes) in self.features.iter().zip(codes) {
            sums.iter_mut().zip(codes).for_each(|(sum, &code)| *sum += feature.units[usize::from(code)]);
        }
        for pair in &self.pairs {
            let width = pair.width();
            for ((sum, &a), &b) in sums.iter_mut().zip(&codes[pair.first]).zip(&codes[pair.second]) {
                let (row, col) = (usize::from(pair.rows[usize::from(a)]), usize::from(pair.cols[usize::from(b)]));
                *sum += pair.units[row * width + col];
            }
        }
        sums
    }
}

impl Scorer {
    /// Names of the columns, in the order rows are given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the answers may be called.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// The columns of `table` that the model reads, in its order, nominal ones as bins. Borrows `f32` columns.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a column the table lacks, or a level where the model refuses unseen ones;
    /// [`Error::is_invalid`] for text where the model has a numeric column.
    pub fn encode<'t>(&self, table: &'t Table<'_>) -> Result<Encoded<'t>> {
        let columns = self.names.iter().zip(&self.bins).map(|(name, bins)| bins.encode(table.column(name)?));
        Ok(Encoded { columns: columns.collect::<Result<_>>()? })
    }

    fn door(&self, columns: &[&[f32]], rows: usize) -> Result<()> {
        if columns.len() != self.names.len() {
            return Err(Error::invalid("number of columns", columns.len(), format!("{}", self.names.len())));
        }
        match columns.iter().position(|column| column.len() != rows) {
            Some(bad) => {
                let name = format!("length of column {}", self.names[bad]);
                Err(Error::invalid(name, columns[bad].len(), format!("{rows}, as the buffer")))
            }
            None => Ok(()),
        }
    }

    /// The sums of one block of rows.
    fn block(&self, columns: &[&[f32]], first: usize, sums: &mut [i32], mapped: &mut Mapped) {
        let rows = sums.len();
        sums.fill(self.base);
        for group in self.alone.chunks(FUSED) {
            let mut seen: [&[f32]; FUSED] = [&[]; FUSED];
            for ((seen, mapped), alone) in seen.iter_mut().zip(&mut *mapped).zip(group) {
                *seen = self.seen(alone.column, &columns[alone.column][first..first + rows], mapped);
            }
            add_fused(sums, &seen[..group.len()], group);
        }
        let [mapped_first, mapped_second, ..] = mapped;
        for pair in &self.pairs {
            let (one, two) = (&self.sides[pair.first], &self.sides[pair.second]);
            let a = self.seen(one.column, &columns[one.column][first..first + rows], mapped_first);
            let b = self.seen(two.column, &columns[two.column][first..first + rows], mapped_second);
            let (one, two) = (&one.told, &two.told);
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                *sum = sum.wrapping_add(pair.meet(one[prefix(a)], two[prefix(b)]));
            }
        }
    }

    /// A column as the prefix tables take it.
    fn seen<'v>(&self, column: usize, values: &'v [f32], mapped: &'v mut [f32; BLOCK]) -> &'v [f32] {
        if self.plain[column] {
            return values;
        }
        let mapped = &mut mapped[..values.len()];
        self.bins[column].map_into(values, mapped);
        mapped
    }

    /// Runs down the columns and hands every block of sums to `give`, with the part of `out` it belongs to.
    fn run<T: Send>(
        &self,
        columns: &[&[f32]],
        out: &mut [T],
        give: impl Fn(&[i32], &mut [T]) + Sync + Send,
    ) -> Result<()> {
        self.door(columns, out.len())?;
        parallel::for_each_chunk_mut(out, CHUNK, |first, part| {
            let mut mapped: Box<Mapped> = Box::new([[0.0; BLOCK]; FUSED]);
            let mut sums = [0_i32; BLOCK];
            for (block, part) in part.chunks_mut(BLOCK).enumerate() {
                let sums = &mut sums[..part.len()];
                self.block(columns, first + block * BLOCK, sums, &mut mapped);
                give(sums, part);
            }
        });
        Ok(())
    }

    /// The sum of contributions of every row, in units of 2^-20 log-odds, into a buffer the caller owns. `columns` are
    /// in the model's order, as [`Scorer::encode`] gives them.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the number of columns or a length does not fit.
    pub fn units_into(&self, columns: &[&[f32]], out: &mut [i32]) -> Result<()> {
        self.run(columns, out, |sums, out| out.copy_from_slice(sums))
    }

    /// The log-odds of every row before calibration. As [`Scorer::units_into`].
    ///
    /// # Errors
    /// As [`Scorer::units_into`].
    pub fn log_odds_into(&self, columns: &[&[f32]], out: &mut [f32]) -> Result<()> {
        const UNIT: f32 = 1.0 / UNITS_PER_LOG_ODDS as f32;
        self.run(columns, out, |sums, out| out.iter_mut().zip(sums).for_each(|(out, &sum)| *out = sum as f32 * UNIT))
    }

    /// The calibrated probability of every row.
    ///
    /// # Errors
    /// As [`Scorer::units_into`], and [`Error::is_unsupported`] where the model only ranks ([`Meaning::Score`]).
    pub fn probabilities_into(&self, columns: &[&[f32]], out: &mut [f64]) -> Result<()> {
        if self.meaning == Meaning::Score {
            return Err(Error::unsupported("probability", "the model only ranks: give a prior or an audited sample"));
        }
        self.run(columns, out, |sums, out| match &self.calibration {
            Calibration::Identity => out
                .iter_mut()
                .zip(sums)
                .for_each(|(out, &sum)| *out = crate::scorecard::numeric::sigmoid(log_odds(i64::from(sum)))),
            other => {
                out.iter_mut().zip(sums).for_each(|(out, &sum)| *out = other.probability(log_odds(i64::from(sum))));
            }
        })
    }

    fn row_units(&self, row: &[f32]) -> i32 {
        let mut mapped = [0.0];
        let mut look = |column: usize| {
            if self.plain[column] {
                return prefix(row[column]);
            }
            self.bins[column].map_into(&row[column..=column], &mut mapped);
            prefix(mapped[0])
        };
        let mut sum = self.base;
        for alone in &self.alone {
            sum = sum.wrapping_add(alone.units[look(alone.column)]);
        }
        for pair in &self.pairs {
            let (first, second) = (&self.sides[pair.first], &self.sides[pair.second]);
            sum = sum.wrapping_add(pair.meet(first.told[look(first.column)], second.told[look(second.column)]));
        }
        sum
    }

    /// The answer for one row, its values in the model's order. The same bits as in any batch.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for another number of values than columns.
    pub fn score_row(&self, row: &[f32]) -> Result<Score> {
        if row.len() != self.names.len() {
            return Err(Error::invalid("number of values", row.len(), format!("{}", self.names.len())));
        }
        Ok(self.answer(self.row_units(row)))
    }

    pub(crate) fn answer(&self, units: i32) -> Score {
        Score::new(units, self.meaning, &self.calibration, &self.points)
    }

    /// As [`Scorer::units_into`], for rows that lie one after the other: `rows.len() == out.len() * columns`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the lengths do not fit.
    pub fn units_by_row_into(&self, rows: &[f32], out: &mut [i32]) -> Result<()> {
        let width = self.names.len();
        if rows.len() != out.len() * width {
            return Err(Error::invalid("number of values", rows.len(), format!("{} rows of {width}", out.len())));
        }
        if width == 0 {
            out.fill(self.base);
            return Ok(());
        }
        parallel::for_each_chunk_mut(out, CHUNK, |first, part| {
            for (row, out) in part.iter_mut().enumerate() {
                let start = (first + row) * width;
                *out = self.row_units(&rows[start..start + width]);
            }
        });
        Ok(())
    }

    /// Scores a whole table, the convenient way.
    ///
    /// # Errors
    /// As [`Scorer::encode`].
    pub fn score_table(&self, table: &Table<'_>) -> Result<Vec<Score>> {
        let encoded = self.encode(table)?;
        let mut units = vec![0; table.rows()];
        self.units_into(&encoded.columns(), &mut units)?;
        Ok(units.into_iter().map(|units| self.answer(units)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::bins::Unseen;
    use crate::scorecard::model::{Feature, Pair};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Prefix edges, free edges with a special value, a nominal column, and one more of the first kind.
    fn features() -> Vec<Feature> {
        let bins = [
            Bins::numeric(vec![-2.0, 0.0, 1.0, 64.0], Vec::new()),
            Bins::numeric(vec![1999.7, 2003.3], vec![-999.0]),
            Bins::nominal(["a", "b", "c"].map(str::to_owned).to_vec(), Unseen::Other),
            Bins::numeric(vec![0.5], Vec::new()),
        ];
        let feature = |(place, bins): (usize, Result<Bins>)| {
            let bins = bins.unwrap();
            let (name, units) = (format!("c{place}"), vec![0; bins.len()]);
            Feature {
                name,
                bins,
                monotone: None,
                reason_group: None,
                units,
                standard_errors: Vec::new(),
                weights: Vec::new(),
                positives: Vec::new(),
            }
        };
        bins.into_iter().enumerate().map(feature).collect()
    }

    /// A card with tables as large as may be, and pairs that share columns, coarse bins and roles.
    fn card(units: &[i32], pairs: &[(usize, usize, u8)]) -> Scorecard {
        let most = i32::MAX / (1 + features().len() + pairs.len()) as i32;
        let mut units = units.iter().cycle().map(|&unit| unit.clamp(-most, most));
        let mut features = features();
        features.iter_mut().for_each(|feature| feature.units.fill_with(|| units.next().unwrap()));
        let pairs = pairs.iter().map(|&(first, second, coarse)| {
            let side = |place: usize| (0..features[place].bins.len() as u8).map(|bin| bin / coarse).collect();
            let mut pair =
                Pair { first, second, rows: side(first), cols: side(second), units: Vec::new(), weights: Vec::new() };
            pair.units = units.by_ref().take(pair.width() * pair.height()).collect();
            pair
        });
        let pairs = pairs.collect();
        Scorecard {
            intercept: units.next().unwrap(),
            features,
            pairs,
            calibration: Calibration::Identity,
            points: PointScale::default(),
            meaning: Meaning::Probability,
            card: crate::scorecard::card::ModelCard::default(),
        }
    }

    proptest! {
        #[test]
        fn columns_rows_and_the_definition_give_the_same_units(
            units in vec(prop_oneof![-1000..1000_i32, any::<i32>()], 40),
            pairs in vec((0..4_usize, 0..4_usize, 1..4_u8), 0..7),
            rows in vec(
                (
                    prop_oneof![Just(f32::NAN), -3.0..99.0_f32],
                    prop_oneof![Just(-999.0_f32), 1990.0..2010.0_f32, Just(f32::NAN)],
                    0..5_u8,
                    -1.0..2.0_f32,
                ),
                1..40,
            ),
        ) {
            let card = card(&units, &pairs);
            card.check().unwrap();
            let rows: Vec<[f32; 4]> = rows.into_iter().map(|(a, b, level, d)| [a, b, f32::from(level), d]).collect();
            let columns: Vec<Vec<f32>> = (0..4).map(|place| rows.iter().map(|row| row[place]).collect()).collect();
            let codes: Vec<Vec<u8>> =
                card.features.iter().zip(&columns).map(|(feature, column)| feature.bins.codes(column)).collect();
            let expected = card.units_of_codes(&codes);
            let scorer = card.scorer();
            let (mut by_column, mut by_row) = (vec![0; rows.len()], vec![0; rows.len()]);
            let slices: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
            scorer.units_into(&slices, &mut by_column).unwrap();
            scorer.units_by_row_into(&rows.concat(), &mut by_row).unwrap();
            prop_assert_eq!(&by_column, &expected);
            prop_assert_eq!(&by_row, &expected);
        }
    }
}
