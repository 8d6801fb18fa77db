//! The model as a PMML 4.4 Scorecard.

use std::fmt::Write;

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::bins::Bins;
use crate::scorecard::bins::MISSING;
use crate::scorecard::bins::OTHER;
use crate::scorecard::bins::Unseen;
use crate::scorecard::model::Scorecard;
use crate::scorecard::model::log_odds;

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c < ' ' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

impl Scorecard {
    /// The model as a PMML 4.4 `Scorecard` whose score is in points, with a reason code a column. Bins are cut in single
    /// precision, as the data dictionary says (`float`); the first attribute that fits a row counts.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for a model with pairs, which a PMML scorecard cannot say (fit with `interactions: 0`),
    /// and for a column that refuses unseen levels.
    pub fn to_pmml(&self) -> Result<String> {
        if !self.pairs.is_empty() {
            return Err(Error::unsupported("model in PMML", "pairs of columns; fit with interactions 0"));
        }
        let factor = self.points.factor();
        let points = |units: i32| log_odds(i64::from(units)) * factor;
        let mut dictionary = String::new();
        let mut mining = String::new();
        let mut characteristics = String::new();
        for feature in &self.features {
            let name = escaped(&feature.name);
            let _ = writeln!(mining, "      <MiningField name=\"{name}\" invalidValueTreatment=\"asIs\"/>");
            let _ = writeln!(
                characteristics,
                "      <Characteristic name=\"{name}\" reasonCode=\"{}\" baselineScore=\"0\">",
                escaped(feature.reason())
            );
            let mut attribute = |bin: usize, predicate: &str| {
                let partial = points(feature.units[bin]);
                let _ =
                    writeln!(characteristics, "        <Attribute partialScore=\"{partial}\">{predicate}</Attribute>");
            };
            let is = |operator: &str, value: &str| {
                format!("<SimplePredicate field=\"{name}\" operator=\"{operator}\" value=\"{}\"/>", escaped(value))
            };
            attribute(MISSING, &format!("<SimplePredicate field=\"{name}\" operator=\"isMissing\"/>"));
            match &feature.bins {
                Bins::Numeric { edges, specials } => {
                    let _ = writeln!(
                        dictionary,
                        "    <DataField name=\"{name}\" optype=\"continuous\" dataType=\"float\"/>"
                    );
                    for (place, special) in specials.iter().enumerate() {
                        attribute(place + 1, &is("equal", &special.to_string()));
                    }
                    for (place, edge) in edges.iter().enumerate() {
                        attribute(specials.len() + 1 + place, &is("lessThan", &edge.to_string()));
                    }
                    attribute(specials.len() + 1 + edges.len(), "<True/>");
                }
                Bins::Nominal { levels, unseen } => {
                    let _ = writeln!(
                        dictionary,
                        "    <DataField name=\"{name}\" optype=\"categorical\" dataType=\"string\"/>"
                    );
                    for (place, level) in levels.iter().enumerate() {
                        attribute(place + 2, &is("equal", level));
                    }
                    match unseen {
                        Unseen::Other => attribute(OTHER, "<True/>"),
                        Unseen::Missing => attribute(MISSING, "<True/>"),
                        Unseen::Refuse => {
                            return Err(Error::unsupported("column in PMML", "one that refuses unseen levels"));
                        }
                    }
                }
            }
            characteristics.push_str("      </Characteristic>\n");
        }
        let initial = self.points.points(self.intercept());
        // Reasons point to the columns that cost the most points below a baseline of none.
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\">\n  \
             <Header><Application name=\"dandelion-credit\"/></Header>\n  <DataDictionary>\n{dictionary}  \
             </DataDictionary>\n  <Scorecard functionName=\"regression\" initialScore=\"{initial}\" \
             useReasonCodes=\"true\" reasonCodeAlgorithm=\"pointsBelow\" baselineMethod=\"neutral\">\n    \
             <MiningSchema>\n{mining}    </MiningSchema>\n    <Output>\n      <OutputField name=\"points\" \
             feature=\"predictedValue\" optype=\"continuous\" dataType=\"double\"/>\n    </Output>\n    \
             <Characteristics>\n{characteristics}    </Characteristics>\n  </Scorecard>\n</PMML>\n"
        ))
    }
}
