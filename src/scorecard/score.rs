//! Scoring: the model compiled to look-up tables, and the kernels that run down columns or rows.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;
use crate::error::Result;
use crate::parallel;
use crate::rate::Probability;
use crate::scorecard::bins::Bins;
use crate::scorecard::calibration::Calibration;
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

/// Rows and columns of a pair's table.
const PAIR_SIDE: usize = 32;

type ByPrefix<T> = Box<[T; 65536]>;

/// A model compiled for scoring: for every column a table from the upper 16 bits of a number to its contribution.
///
/// A row costs one look-up a column and no branch. The sums are whole numbers, so a row alone has the bits it has in
/// any batch, by columns or by rows, on any number of threads. Takes 256 KB a column; make one and keep it.
pub struct Scorer {
    names: Vec<String>,
    bins: Vec<Bins>,
    /// Whether the prefix table takes the column as it is.
    plain: Vec<bool>,
    units: Vec<ByPrefix<i32>>,
    sides: Vec<Side>,
    pairs: Vec<CompiledPair>,
    intercept: i32,
    calibration: Calibration,
    points: PointScale,
    meaning: Meaning,
}

/// A column as one side of a pair: coarse bins by prefix.
struct Side {
    column: usize,
    of_bin: Vec<u8>,
    coarse: ByPrefix<u8>,
}

struct CompiledPair {
    first: usize,
    second: usize,
    units: Box<[i32; PAIR_SIDE * PAIR_SIDE]>,
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
    /// A few milliseconds and 256 KB a column.
    #[must_use]
    pub fn scorer(&self) -> Scorer {
        let features = &self.features;
        let tables: Vec<ByPrefix<u8>> = features.iter().map(|feature| feature.bins.prefix_table()).collect();
        let units = features.iter().zip(&tables).map(|(feature, bin_of)| {
            let units: Vec<i32> = bin_of.iter().map(|&bin| feature.units[usize::from(bin)]).collect();
            units.into_boxed_slice().try_into().expect("65,536 entries")
        });
        let mut sides: Vec<Side> = Vec::new();
        let mut side = |column: usize, of_bin: &[u8]| {
            if let Some(place) = sides.iter().position(|side| side.column == column && side.of_bin == of_bin) {
                return place;
            }
            let coarse: Vec<u8> = tables[column].iter().map(|&bin| of_bin[usize::from(bin)]).collect();
            let coarse = coarse.into_boxed_slice().try_into().expect("65,536 entries");
            sides.push(Side { column, of_bin: of_bin.to_vec(), coarse });
            sides.len() - 1
        };
        let mut pairs = Vec::new();
        for pair in &self.pairs {
            let (first, second) = (side(pair.first, &pair.rows), side(pair.second, &pair.cols));
            let mut units = Box::new([0; PAIR_SIDE * PAIR_SIDE]);
            let width = pair.width();
            for (cell, &unit) in pair.units.iter().enumerate() {
                units[cell / width * PAIR_SIDE + cell % width] = unit;
            }
            pairs.push(CompiledPair { first, second, units });
        }
        Scorer {
            names: features.iter().map(|feature| feature.name.clone()).collect(),
            bins: features.iter().map(|feature| feature.bins.clone()).collect(),
            plain: features.iter().map(|feature| feature.bins.is_prefix()).collect(),
            units: units.collect(),
            sides,
            pairs,
            intercept: self.intercept,
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

fn prefix(value: f32) -> usize {
    (value.to_bits() >> 16) as usize
}

/// Adds the contributions of up to four columns to the sums, in one pass.
fn add_fused(sums: &mut [i32], columns: &[&[f32]], tables: &[ByPrefix<i32>]) {
    let rows = sums.len();
    match (columns, tables) {
        ([a, b, c, d], [ta, tb, tc, td]) => {
            let (a, b, c, d) = (&a[..rows], &b[..rows], &c[..rows], &d[..rows]);
            for (row, sum) in sums.iter_mut().enumerate() {
                *sum += ta[prefix(a[row])] + tb[prefix(b[row])] + tc[prefix(c[row])] + td[prefix(d[row])];
            }
        }
        _ => {
            for (column, table) in columns.iter().zip(tables) {
                sums.iter_mut().zip(*column).for_each(|(sum, &value)| *sum += table[prefix(value)]);
            }
        }
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
    fn block(&self, columns: &[&[f32]], first: usize, sums: &mut [i32], scratch: &mut Scratch) {
        let rows = sums.len();
        sums.fill(self.intercept);
        let mapped = &mut scratch.mapped;
        for (group, columns) in columns.chunks(FUSED).enumerate() {
            let first_column = group * FUSED;
            let plain = &self.plain[first_column..first_column + columns.len()];
            for (place, column) in columns.iter().enumerate() {
                if !plain[place] {
                    let bins = &self.bins[first_column + place];
                    bins.map_into(&column[first..first + rows], &mut mapped[place][..rows]);
                }
            }
            let mut seen: [&[f32]; FUSED] = [&[]; FUSED];
            for (place, column) in columns.iter().enumerate() {
                seen[place] = if plain[place] { &column[first..first + rows] } else { &mapped[place][..rows] };
            }
            let tables = &self.units[first_column..first_column + columns.len()];
            add_fused(sums, &seen[..columns.len()], tables);
        }
        if self.pairs.is_empty() {
            return;
        }
        for (side, codes) in self.sides.iter().zip(&mut scratch.codes) {
            let column = &columns[side.column][first..first + rows];
            let column = if self.plain[side.column] {
                column
            } else {
                self.bins[side.column].map_into(column, &mut mapped[0][..rows]);
                &mapped[0][..rows]
            };
            codes.iter_mut().zip(column).for_each(|(code, &value)| *code = side.coarse[prefix(value)]);
        }
        for pair in &self.pairs {
            let (first, second) = (&scratch.codes[pair.first][..rows], &scratch.codes[pair.second][..rows]);
            for ((sum, &a), &b) in sums.iter_mut().zip(first).zip(second) {
                *sum += pair.units[(usize::from(a) * PAIR_SIDE + usize::from(b)) % (PAIR_SIDE * PAIR_SIDE)];
            }
        }
    }

    fn scratch(&self) -> Scratch {
        Scratch { mapped: vec![[0.0; BLOCK]; FUSED], codes: vec![[0; BLOCK]; self.sides.len()] }
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
            let mut scratch = self.scratch();
            let mut sums = [0_i32; BLOCK];
            for (block, part) in part.chunks_mut(BLOCK).enumerate() {
                let sums = &mut sums[..part.len()];
                self.block(columns, first + block * BLOCK, sums, &mut scratch);
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
        let mut sum = self.intercept;
        let look = |column: usize, mapped: &mut [f32; 1]| {
            if self.plain[column] {
                return prefix(row[column]);
            }
            self.bins[column].map_into(&row[column..=column], mapped);
            prefix(mapped[0])
        };
        for (column, table) in self.units.iter().enumerate() {
            sum += table[look(column, &mut mapped)];
        }
        for pair in &self.pairs {
            let (first, second) = (&self.sides[pair.first], &self.sides[pair.second]);
            let a = first.coarse[look(first.column, &mut mapped)];
            let b = second.coarse[look(second.column, &mut mapped)];
            sum += pair.units[usize::from(a) * PAIR_SIDE + usize::from(b)];
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
            out.fill(self.intercept);
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

struct Scratch {
    mapped: Vec<[f32; BLOCK]>,
    codes: Vec<[u8; BLOCK]>,
}
