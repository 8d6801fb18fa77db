//! CSV files with a header, read row by row, whose errors name the file, the line, the value and the rule.

use std::fs::File;
use std::io::{self, BufReader, Read};

use csv::ByteRecord;
use flate2::read::MultiGzDecoder;

use super::{Failure, Outcome};

/// A CSV file with a header; `-` is standard input, `.gz` is unpacked, a byte-order mark is passed over.
pub struct CsvFile {
    name: String,
    header: Vec<String>,
    reader: csv::Reader<Box<dyn Read>>,
    record: ByteRecord,
}

/// Opens a file or standard input for reading, unpacked where the name ends in `.gz`.
pub fn open(name: &str) -> Outcome<Box<dyn Read>> {
    if name == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = BufReader::with_capacity(1 << 20, File::open(name).map_err(|e| Failure::new(e).at(name))?);
    Ok(if name.ends_with(".gz") { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

impl CsvFile {
    /// Opens `name` and reads its header.
    pub fn open(name: &str) -> Outcome<Self> {
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_reader(open(name)?);
        let shown = if name == "-" { "standard input" } else { name };
        let header = reader.byte_headers().map_err(|e| Failure::new(e).at(shown))?;
        if header.is_empty() {
            return Err(Failure::new("line 1: the file is empty: a header is required").at(shown));
        }
        let mut names = Vec::new();
        for (place, column) in header.iter().enumerate() {
            let column = std::str::from_utf8(column).map_err(|e| Failure::new(e).at(format!("{shown}: line 1")))?;
            let column = if place == 0 { column.trim_start_matches('\u{feff}') } else { column };
            names.push(column.trim().to_owned());
        }
        Ok(Self { name: shown.to_owned(), header: names, reader, record: ByteRecord::new() })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The place of column `name`, where there is one.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// The place of a column that must be there.
    pub fn required(&self, name: &str) -> Outcome<usize> {
        self.column(name).ok_or_else(|| {
            let found = self.header.join(", ");
            Failure::new(format!("line 1: no column '{name}'; found: {found}")).at(&self.name)
        })
    }

    /// The next row, or `None` at the end.
    pub fn next_row(&mut self) -> Outcome<Option<Row<'_>>> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(Row { file: &self.name, record: &self.record, header: &self.header })),
            Ok(false) => Ok(None),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let rule = match error.kind() {
                    csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        format!("line {line}: {len} fields: as many as the header, {expected_len}")
                    }
                    csv::ErrorKind::Io(error) => format!("line {line}: {error}"),
                    _ => error.to_string(),
                };
                Err(Failure::new(rule).at(&self.name))
            }
        }
    }
}

/// One row of a CSV file.
pub struct Row<'a> {
    file: &'a str,
    record: &'a ByteRecord,
    header: &'a [String],
}

impl Row<'_> {
    /// The line of the file that the row begins on.
    pub fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// The text of a field.
    pub fn text(&self, column: usize) -> Outcome<&str> {
        let field = self.record.get(column).unwrap_or_default();
        std::str::from_utf8(field).map_err(|_| self.bad(column, "text in UTF-8"))
    }

    /// A field read by `parse`; `rule` says what would have been right.
    pub fn parse<T>(&self, column: usize, rule: &str, parse: impl FnOnce(&str) -> Option<T>) -> Outcome<T> {
        parse(self.text(column)?.trim()).ok_or_else(|| self.bad(column, rule))
    }

    /// A failure that names this row, the field's value and the rule it breaks.
    pub fn bad(&self, column: usize, rule: &str) -> Failure {
        let value = String::from_utf8_lossy(self.record.get(column).unwrap_or_default());
        let name = self.header.get(column).map_or("?", String::as_str);
        self.fail(format!("{name} is '{value}': {rule}"))
    }

    /// A failure that names this row.
    pub fn fail(&self, message: impl std::fmt::Display) -> Failure {
        Failure::new(message).at(format!("{}: line {}", self.file, self.line()))
    }
}
