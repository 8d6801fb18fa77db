//! What a feature is: the kinds of words the catalogue is written in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::error::Result;
use crate::features::entries::ENTRIES;
pub use crate::features::entries::Feature;

/// The version of the catalogue. It rises whenever a feature changes its meaning or leaves; a model remembers the version
/// it was fitted on, so that it never scores columns that mean something else.
pub const CATALOGUE_VERSION: u32 = 1;

/// A family of features that share what they look at and what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureGroup {
    /// Who is linked with whom; needs nothing but payer and payee.
    Structure,
    /// How much comes and goes, and from and to how many.
    Flow,
    /// When it comes and goes; needs times.
    Timing,
    /// How large single transfers are; needs amounts.
    Amount,
    /// What the counterparties look like: one level of neighbourhood.
    Neighbourhood,
}

impl FeatureGroup {
    /// Every group, in catalogue order.
    pub const ALL: [Self; 5] = [Self::Structure, Self::Flow, Self::Timing, Self::Amount, Self::Neighbourhood];

    /// The group's name as it stands in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Flow => "flow",
            Self::Timing => "timing",
            Self::Amount => "amount",
            Self::Neighbourhood => "neighbourhood",
        }
    }

    /// The features of the group, in catalogue order.
    ///
    /// ```
    /// use dandelion_credit::features::{Feature, FeatureGroup};
    ///
    /// assert_eq!(FeatureGroup::Structure.features().next(), Some(Feature::Degree));
    /// ```
    pub fn features(self) -> impl Iterator<Item = Feature> {
        Feature::all().filter(move |feature| feature.info().group == self)
    }
}

/// What a feature is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A whole number of accounts, transfers, triangles and the like.
    Count,
    /// A part of a whole or another pure number.
    Ratio,
    /// Major currency units (yuan, not fen).
    Money,
    /// The natural logarithm of major currency units.
    LogMoney,
    /// Civil days.
    Days,
    /// Hours.
    Hours,
}

impl Unit {
    /// The unit as it stands in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Ratio => "ratio",
            Self::Money => "major units",
            Self::LogMoney => "ln(major units)",
            Self::Days => "days",
            Self::Hours => "hours",
        }
    }
}

/// One entry of the catalogue: everything there is to know about a feature but its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FeatureInfo {
    /// The column's name in tables, CSV headers, models and reasons.
    pub name: &'static str,
    /// The family it belongs to.
    pub group: FeatureGroup,
    /// What it is counted in.
    pub unit: Unit,
    /// What it says, in one sentence.
    pub meaning: &'static str,
    /// The values it can take.
    pub range: &'static str,
    /// When there is no value (NaN in a table, an empty cell in a file). Timing features are also undefined without
    /// times, amount features without amounts.
    pub undefined: &'static str,
    /// What it takes to compute for all accounts.
    pub cost: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether it is kept live, transfer by transfer, by [`LiveFeatures`](crate::features::LiveFeatures).
    pub live: bool,
}

impl Feature {
    /// How many features there are.
    pub const COUNT: usize = ENTRIES.len();

    /// Every feature, in catalogue order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        ENTRIES.iter().map(|(feature, _)| *feature)
    }

    /// The place in the catalogue, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The catalogue entry.
    #[must_use]
    pub const fn info(self) -> &'static FeatureInfo {
        &ENTRIES[self as usize].1
    }

    /// The column name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// The feature called `name`.
    ///
    /// # Errors
    /// [`Error::is_unknown`] when the catalogue has no such name.
    ///
    /// ```
    /// use dandelion_credit::features::Feature;
    ///
    /// assert_eq!(Feature::from_name("payer_hhi").unwrap(), Feature::PayerHhi);
    /// assert!(Feature::from_name("karma").unwrap_err().is_unknown());
    /// ```
    pub fn from_name(name: &str) -> Result<Self> {
        Self::all().find(|feature| feature.name() == name).ok_or_else(|| Error::unknown("feature", name))
    }

    /// Whether a computed value is a whole number that a file should show without a decimal point.
    #[must_use]
    pub const fn is_count(self) -> bool {
        matches!(self.info().unit, Unit::Count)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Feature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_name(&name).map_err(serde::de::Error::custom)
    }
}

/// The catalogue as a Markdown table: what `catalogue.md`, the page in the documentation, is drawn from.
///
/// ```
/// use dandelion_credit::features::catalogue_markdown;
///
/// assert!(catalogue_markdown().lines().any(|line| line.starts_with("| `local_clustering` | ratio |")));
/// ```
#[must_use]
pub fn catalogue_markdown() -> String {
    use fmt::Write;
    let mut page = String::new();
    for group in FeatureGroup::ALL {
        let _ = writeln!(page, "## {}\n", group.name());
        page.push_str("| name | unit | meaning | range | undefined | cost | source | live |\n");
        page.push_str("|---|---|---|---|---|---|---|---|\n");
        for info in group.features().map(Feature::info) {
            let live = if info.live { "yes" } else { "" };
            let FeatureInfo { name, meaning, range, undefined, cost, source, .. } = info;
            let unit = info.unit.name();
            let _ = writeln!(
                page,
                "| `{name}` | {unit} | {meaning} | {range} | {undefined} | {cost} | {source} | {live} |"
            );
        }
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_in_the_order_of_the_enum() {
        for (place, feature) in Feature::all().enumerate() {
            assert_eq!(feature.index(), place, "{feature}");
            assert_eq!(Feature::from_name(feature.name()).unwrap(), feature);
        }
    }

    #[test]
    fn groups_stand_together() {
        let order: Vec<FeatureGroup> = Feature::all().map(|feature| feature.info().group).collect();
        assert!(order.is_sorted());
        assert_eq!(FeatureGroup::ALL.iter().flat_map(|group| group.features()).count(), Feature::COUNT);
    }

    #[test]
    fn entries_are_complete_sentences_without_table_breakers() {
        for info in Feature::all().map(Feature::info) {
            assert!(info.meaning.ends_with('.') && !info.meaning.contains("  "), "{}", info.name);
            for text in [info.meaning, info.range, info.undefined, info.cost, info.source] {
                assert!(!text.is_empty() && !text.contains('|') && !text.contains('\n'), "{}: {text}", info.name);
            }
        }
    }

    #[test]
    fn names_travel_through_serde() {
        let text = serde_json::to_string(&[Feature::Degree, Feature::TopWeekShare]).unwrap();
        assert_eq!(text, r#"["degree","top_week_share"]"#);
        assert_eq!(serde_json::from_str::<Vec<Feature>>(&text).unwrap(), [Feature::Degree, Feature::TopWeekShare]);
        assert!(serde_json::from_str::<Feature>("\"karma\"").is_err());
    }
}
