//! The columns a model is fitted on and scores.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::Error;
use crate::error::Result;

/// Code of a missing cell in a nominal column.
pub(crate) const MISSING_LEVEL: u32 = u32::MAX;

/// Named columns of equal length: numbers, where NaN and the infinities mean missing, and nominal levels.
///
/// Borrows what it can, so that a feature table of 30 million rows is scored where it lies.
///
/// ```
/// use dandelion_credit::scorecard::Table;
///
/// let mut table = Table::new(3);
/// table.push_f32("degree", &[4.0, f32::NAN, 180.0][..])?;
/// table.push_text("town", ["Leeds", "", "York"])?;
/// assert_eq!(table.rows(), 3);
/// assert!(table.push_f32("degree", vec![1.0; 3]).unwrap_err().is_conflict());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Table<'a> {
    rows: usize,
    columns: Vec<Column<'a>>,
    places: HashMap<String, usize>,
}

/// One column of a [`Table`].
#[derive(Debug, Clone)]
pub(crate) struct Column<'a> {
    pub(crate) name: String,
    pub(crate) values: Values<'a>,
}

#[derive(Debug, Clone)]
pub(crate) enum Values<'a> {
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
    Nominal { levels: Vec<String>, codes: Cow<'a, [u32]> },
}

impl<'a> Table<'a> {
    /// An empty table of `rows` rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new(), places: HashMap::new() }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    fn push(&mut self, name: &str, len: usize, values: Values<'a>) -> Result<()> {
        if len != self.rows {
            return Err(Error::invalid(format!("length of column {name}"), len, format!("{} rows", self.rows)));
        }
        if self.places.contains_key(name) {
            return Err(Error::conflict("column", name, "a name occurs once"));
        }
        self.places.insert(name.to_owned(), self.columns.len());
        self.columns.push(Column { name: name.to_owned(), values });
        Ok(())
    }

    /// Adds a numeric column; NaN and the infinities are missing values.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for another length than the table's; [`Error::is_conflict`] for a name already there.
    pub fn push_f32(&mut self, name: &str, values: impl Into<Cow<'a, [f32]>>) -> Result<()> {
        let values = values.into();
        self.push(name, values.len(), Values::F32(values))
    }

    /// Adds a numeric column in double precision. The additive model rounds it to `f32`; imported tree ensembles read
    /// it as it is.
    ///
    /// # Errors
    /// As [`Table::push_f32`].
    pub fn push_f64(&mut self, name: &str, values: impl Into<Cow<'a, [f64]>>) -> Result<()> {
        let values = values.into();
        self.push(name, values.len(), Values::F64(values))
    }

    /// Adds a nominal column as codes into `levels`; `u32::MAX` is missing.
    ///
    /// # Errors
    /// As [`Table::push_f32`], and [`Error::is_invalid`] for a code that is neither a level nor missing.
    pub fn push_nominal(&mut self, name: &str, levels: Vec<String>, codes: impl Into<Cow<'a, [u32]>>) -> Result<()> {
        let codes = codes.into();
        if let Some(code) = codes.iter().find(|&&code| code != MISSING_LEVEL && code as usize >= levels.len()) {
            return Err(Error::invalid(format!("code in column {name}"), code, "an index into its levels"));
        }
        self.push(name, codes.len(), Values::Nominal { levels, codes })
    }

    /// Adds a nominal column from its cells; an empty cell is missing. A cell that is a number counts as that number
    /// however it is written (`4`, `4.0` and `4e0` are one level).
    ///
    /// # Errors
    /// As [`Table::push_f32`].
    pub fn push_text<S: AsRef<str>>(&mut self, name: &str, cells: impl IntoIterator<Item = S>) -> Result<()> {
        let mut levels: Vec<String> = Vec::new();
        let mut places: HashMap<String, u32> = HashMap::new();
        let mut codes = Vec::with_capacity(self.rows);
        for cell in cells {
            let cell = cell.as_ref().trim();
            if cell.is_empty() {
                codes.push(MISSING_LEVEL);
                continue;
            }
            let level = canonical_level(cell);
            let next = levels.len() as u32;
            let code = *places.entry(level.clone().into_owned()).or_insert(next);
            if code == next {
                levels.push(level.into_owned());
            }
            codes.push(code);
        }
        self.push_nominal(name, levels, codes)
    }

    pub(crate) fn column(&self, name: &str) -> Result<&Column<'a>> {
        match self.places.get(name) {
            Some(&place) => Ok(&self.columns[place]),
            None => {
                let found: Vec<&str> = self.names().collect();
                Err(Error::unknown("column", format!("{name} (the table has {})", found.join(", "))))
            }
        }
    }

    pub(crate) fn columns(&self) -> &[Column<'a>] {
        &self.columns
    }
}

/// Numbers have one spelling as levels, so that `4.0` in one file is `4` in the next.
pub(crate) fn canonical_level(cell: &str) -> Cow<'_, str> {
    let numeric = cell.bytes().next().is_some_and(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    match cell.parse::<f64>() {
        Ok(number) if numeric && number.is_finite() => Cow::Owned(level_of(number)),
        _ => Cow::Borrowed(cell),
    }
}

pub(crate) fn level_of(number: f64) -> String {
    (number + 0.0).to_string()
}

impl Column<'_> {
    /// The numbers as `f32`; infinities stay, kernels take them for missing.
    pub(crate) fn numbers(&self) -> Result<Cow<'_, [f32]>> {
        match &self.values {
            Values::F32(values) => Ok(Cow::Borrowed(values)),
            Values::F64(values) => Ok(Cow::Owned(values.iter().map(|&v| narrow(v)).collect())),
            Values::Nominal { .. } => Err(Error::invalid("column", &self.name, "numeric, as in the model")),
        }
    }
}

/// To `f32`: finite numbers beyond its range become its largest, so that only what was missing is missing.
pub(crate) fn narrow(value: f64) -> f32 {
    if value.is_finite() { (value as f32).clamp(f32::MIN, f32::MAX) } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_level_however_it_is_written() {
        let mut table = Table::new(6);
        table.push_text("code", ["4", "4.0", " 4e0", "-0", "0", "nan"]).unwrap();
        let Values::Nominal { levels, codes } = &table.columns()[0].values else { panic!("nominal") };
        assert_eq!(levels, &["4", "0", "nan"]);
        assert_eq!(codes.as_ref(), &[0, 0, 0, 1, 1, 2]);
    }

    #[test]
    fn wrong_lengths_and_codes_are_refused() {
        let mut table = Table::new(2);
        assert!(table.push_f64("a", vec![1.0]).unwrap_err().is_invalid());
        assert!(table.push_nominal("a", vec!["x".into()], vec![0, 1]).unwrap_err().is_invalid());
        assert!(table.column("b").unwrap_err().is_unknown());
    }

    #[test]
    fn narrowing_keeps_finite_numbers_finite() {
        assert_eq!(narrow(1e300), f32::MAX);
        assert!(narrow(f64::INFINITY).is_nan() && narrow(f64::NAN).is_nan());
    }
}
