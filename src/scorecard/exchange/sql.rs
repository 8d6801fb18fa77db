//! The model as one SQL query.

use std::fmt::Write;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::bins::Bins;
use crate::scorecard::bins::MISSING;
use crate::scorecard::bins::OTHER;
use crate::scorecard::bins::Unseen;
use crate::scorecard::calibration::Calibration;
use crate::scorecard::model::Feature;
use crate::scorecard::model::Meaning;
use crate::scorecard::model::Scorecard;

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `CASE` over the bins of a column, giving `value(bin)`.
fn by_bin(feature: &Feature, value: &dyn Fn(usize) -> i64) -> String {
    let name = quoted(&feature.name);
    let mut text = format!("CASE WHEN {name} IS NULL THEN {}", value(MISSING));
    match &feature.bins {
        Bins::Numeric { edges, specials } => {
            // Bins are cut in single precision; the cast makes the database cut where the model does.
            let number = format!("CAST({name} AS REAL)");
            for (place, special) in specials.iter().enumerate() {
                let _ = write!(text, " WHEN {number} = CAST({special} AS REAL) THEN {}", value(place + 1));
            }
            for (place, edge) in edges.iter().enumerate() {
                let _ =
                    write!(text, " WHEN {number} < CAST({edge} AS REAL) THEN {}", value(specials.len() + 1 + place));
            }
            let _ = write!(text, " ELSE {} END", value(specials.len() + 1 + edges.len()));
        }
        Bins::Nominal { levels, unseen } => {
            for (place, level) in levels.iter().enumerate() {
                let _ = write!(text, " WHEN {name} = {} THEN {}", literal(level), value(place + 2));
            }
            let other = match unseen {
                Unseen::Missing => value(MISSING).to_string(),
                Unseen::Other => value(OTHER).to_string(),
                // Refusing is NULL: the row has no score.
                Unseen::Refuse => "NULL".to_owned(),
            };
            let _ = write!(text, " ELSE {other} END");
        }
    }
    text
}

impl Scorecard {
    /// A query over `table` that gives `units` (whole, as [`Score::units`](crate::scorecard::Score::units)), `log_odds`,
    /// `points` and, where the model has one, `probability` for every row: standard SQL with `CASE`, `CAST(... AS REAL)`
    /// and `EXP`, where `REAL` is single precision. Nominal columns are text with numbers spelled as the model has them.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for an isotonic calibration.
    pub fn to_sql(&self, table: &str) -> Result<String> {
        let mut sum = self.intercept.to_string();
        for feature in &self.features {
            let _ = write!(sum, "\n    + {}", by_bin(feature, &|bin| i64::from(feature.units[bin])));
        }
        for pair in &self.pairs {
            let width = pair.width() as i64;
            let row = by_bin(&self.features[pair.first], &|bin| i64::from(pair.rows[bin]) * width);
            let col = by_bin(&self.features[pair.second], &|bin| i64::from(pair.cols[bin]));
            let _ = write!(sum, "\n    + CASE {row} + {col}");
            for (cell, unit) in pair.units.iter().enumerate().filter(|(_, unit)| **unit != 0) {
                let _ = write!(sum, " WHEN {cell} THEN {unit}");
            }
            sum.push_str(" ELSE 0 END");
        }
        let line = match &self.calibration {
            Calibration::Identity => "units / 1048576.0".to_owned(),
            Calibration::Sigmoid { slope, intercept } => format!("({slope} * units / 1048576.0 + {intercept})"),
            Calibration::Isotonic { .. } => return Err(Error::unsupported("calibration in SQL", "isotonic")),
        };
        let probability = match self.meaning {
            Meaning::Score => String::new(),
            _ => format!(",\n  1.0 / (1.0 + EXP(-({line}))) AS probability"),
        };
        let (offset, factor) = (self.points.offset(), self.points.factor());
        Ok(format!(
            "SELECT scored.*,\n  units / 1048576.0 AS log_odds,\n  {offset} + {factor} * (units / 1048576.0) AS points\
             {probability}\nFROM (\n  SELECT source.*,\n    {sum} AS units\n  FROM {} AS source\n) AS scored\n",
            quoted(table)
        ))
    }
}
