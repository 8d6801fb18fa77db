//! What to extract, as of when, and in which money and time zone.

use serde::{Deserialize, Serialize};

use crate::features::catalogue::Feature;
use crate::features::catalogue::FeatureGroup;
use crate::money::Scale;
use crate::transfer::UtcOffset;

/// How features are extracted.
///
/// ```
/// use dandelion_credit::features::{FeatureConfig, FeatureGroup};
/// use dandelion_credit::UtcOffset;
///
/// let config = FeatureConfig {
///     utc_offset: UtcOffset::from_seconds(8 * 3600)?,
///     ..FeatureConfig::of_groups(&[FeatureGroup::Flow, FeatureGroup::Timing])
/// };
/// assert!(config.features.iter().any(|feature| feature.name() == "pass_through"));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// The columns of the table, in this order; all of the catalogue by default. What is not asked for is not computed.
    pub features: Vec<Feature>,
    /// The last second that counts: transfers after it are left out as if they were not there. By default the time of the
    /// latest transfer. Ignored when transfers have no times.
    pub as_of_seconds: Option<i64>,
    /// Where civil days, hours and weekdays are cut. UTC by default.
    pub utc_offset: UtcOffset,
    /// How many decimals a major unit has; amounts in the table are in major units. Cents by default.
    pub scale: Scale,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self {
            features: Feature::all().collect(),
            as_of_seconds: None,
            utc_offset: UtcOffset::UTC,
            scale: Scale::CENTS,
        }
    }
}

impl FeatureConfig {
    /// The default with the features of some groups only.
    #[must_use]
    pub fn of_groups(groups: &[FeatureGroup]) -> Self {
        let in_groups = |feature: &Feature| groups.contains(&feature.info().group);
        Self { features: Feature::all().filter(in_groups).collect(), ..Self::default() }
    }

    /// The default with some features only.
    #[must_use]
    pub fn of_features(features: impl IntoIterator<Item = Feature>) -> Self {
        Self { features: features.into_iter().collect(), ..Self::default() }
    }
}
