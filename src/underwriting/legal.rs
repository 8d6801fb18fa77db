//! What the law caps, by country and date.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::calendar::epoch_day;

/// A jurisdiction whose caps are kept as data with the day each came into force.
///
/// A preset is a starting point for a lawyer, not legal advice: it holds the caps that bear on the size and the price of a
/// small working-capital line, nothing else, and says where each was read. A policy may always be stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalPreset {
    /// No cap of law; the policy's own caps stand alone.
    #[default]
    None,
    /// A commercial bank in China lending online for business.
    ChinaBank,
    /// A micro-loan company in China lending online for business.
    ChinaMicroLender,
    /// A private lender in China without a licence for finance, bound by the courts' cap.
    ChinaPrivateLender,
    /// A regulated lender in India lending digitally.
    India,
    /// A lender in the European Union: disclosure and early repayment, no cap on rate or size.
    EuropeanUnion,
    /// High-cost short-term credit in the United Kingdom.
    UnitedKingdomShortTerm,
}

/// The caps in force on one day. Amounts are major units of the country's currency; rates are fractions a year.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LegalCaps {
    /// The first day they are in force, ISO 8601.
    pub since: &'static str,
    /// Largest line for one borrower, major units.
    pub max_line_major: Option<i64>,
    /// Highest disclosed annual rate, fees included, as a fraction.
    pub max_annual_rate: Option<f64>,
    /// Longest term of a loan repaid in one sum, days.
    pub max_term_days: Option<u32>,
    /// Least share of each co-funded loan that the partner must carry.
    pub min_partner_share: Option<f64>,
    /// Whether a line may be raised without the borrower's asking.
    pub unasked_increase_allowed: bool,
    /// Days in which the borrower may walk away at no cost but the interest of the days used.
    pub cooling_off_days: u32,
    /// Where it was read.
    pub source: &'static str,
}

const OPEN: LegalCaps = LegalCaps {
    since: "-009999-01-01",
    max_line_major: None,
    max_annual_rate: None,
    max_term_days: None,
    min_partner_share: None,
    unasked_increase_allowed: true,
    cooling_off_days: 0,
    source: "no cap of law is applied",
};

const CHINA_BANK: &[LegalCaps] = &[
    LegalCaps {
        since: "2020-07-12",
        source: "CBIRC Order No. 9 of 2020 on internet loans of commercial banks; the cap of 200,000 yuan binds consumption credit, a working-capital line is the bank's own to size",
        ..OPEN
    },
    LegalCaps {
        since: "2021-02-19",
        min_partner_share: Some(0.30),
        source: "CBIRC notice of 2021 on internet loans: the partner carries at least 30 % of each co-funded loan",
        ..OPEN
    },
    LegalCaps {
        since: "2025-10-01",
        min_partner_share: Some(0.30),
        max_annual_rate: Some(0.24),
        source: "NFRA Notice No. 9 of 2025 on internet-assisted lending: enhancement fees count in the comprehensive cost; market practice holds it to 24 %",
        ..OPEN
    },
];

const CHINA_MICRO: &[LegalCaps] = &[
    LegalCaps {
        since: "2020-08-20",
        max_annual_rate: Some(0.36),
        source: "practice before the cost guidance of December 2025",
        ..OPEN
    },
    LegalCaps {
        since: "2025-01-17",
        max_line_major: Some(10_000_000),
        max_annual_rate: Some(0.36),
        source: "measures on micro-loan companies: at most 10,000,000 yuan a household for business (draft of 23 August 2024)",
        ..OPEN
    },
    LegalCaps {
        since: "2025-12-19",
        max_line_major: Some(10_000_000),
        max_annual_rate: Some(0.24),
        source: "cost guidance for micro-loan companies of December 2025: no new loan above 24 % comprehensive cost",
        ..OPEN
    },
    LegalCaps {
        since: "2028-01-01",
        max_line_major: Some(10_000_000),
        max_annual_rate: Some(0.12),
        source: "the same guidance: new loans within four times the one-year LPR by the end of 2027, about 12 % at an LPR of 3 %",
        ..OPEN
    },
];

const CHINA_PRIVATE: &[LegalCaps] = &[
    LegalCaps {
        since: "2015-09-01",
        max_annual_rate: Some(0.24),
        source: "Supreme People's Court provisions of 2015: claims up to 24 % a year are upheld",
        ..OPEN
    },
    LegalCaps {
        since: "2020-08-20",
        max_annual_rate: Some(0.154),
        source: "Supreme People's Court provisions of August 2020: four times the one-year LPR when the contract is made, 15.4 % at an LPR of 3.85 %; state the cap in the policy when the LPR has moved",
        ..OPEN
    },
];

const INDIA: &[LegalCaps] = &[LegalCaps {
    since: "2025-05-08",
    unasked_increase_allowed: false,
    cooling_off_days: 1,
    source: "RBI Digital Lending Directions of 8 May 2025: no automatic increase of a limit, cooling-off of a day or more",
    ..OPEN
}];

const EUROPEAN_UNION: &[LegalCaps] = &[LegalCaps {
    since: "2010-06-11",
    cooling_off_days: 14,
    source: "Directive 2008/48/EC (consumers; lines for business are outside it and these days are then a courtesy)",
    ..OPEN
}];

const UK_SHORT_TERM: &[LegalCaps] = &[LegalCaps {
    since: "2015-01-02",
    max_annual_rate: Some(2.92),
    cooling_off_days: 14,
    source: "FCA price cap on high-cost short-term credit: 0.8 % a day, and 100 % in all",
    ..OPEN
}];

impl LegalPreset {
    /// The preset's caps, earliest first.
    #[must_use]
    pub const fn timeline(self) -> &'static [LegalCaps] {
        match self {
            Self::None => &[],
            Self::ChinaBank => CHINA_BANK,
            Self::ChinaMicroLender => CHINA_MICRO,
            Self::ChinaPrivateLender => CHINA_PRIVATE,
            Self::India => INDIA,
            Self::EuropeanUnion => EUROPEAN_UNION,
            Self::UnitedKingdomShortTerm => UK_SHORT_TERM,
        }
    }

    /// The caps in force on `day`; before the first, none.
    ///
    /// ```
    /// use dandelion_credit::underwriting::LegalPreset;
    ///
    /// let day = "2026-11-23".parse().unwrap();
    /// assert_eq!(LegalPreset::ChinaMicroLender.caps_on(day).max_annual_rate, Some(0.24));
    /// let later = "2028-03-01".parse().unwrap();
    /// assert_eq!(LegalPreset::ChinaMicroLender.caps_on(later).max_annual_rate, Some(0.12));
    /// assert!(!LegalPreset::India.caps_on(day).unasked_increase_allowed);
    /// ```
    #[must_use]
    pub fn caps_on(self, day: Date) -> LegalCaps {
        let in_force = |caps: &&LegalCaps| caps.since.parse::<Date>().is_ok_and(|since| since <= day);
        self.timeline().iter().rev().find(in_force).copied().unwrap_or(OPEN)
    }

    /// The timeline by epoch day, for a policy that asks it thousands of times a second.
    pub(crate) fn by_day(self) -> Vec<(i32, LegalCaps)> {
        let dated = |caps: &LegalCaps| caps.since.parse::<Date>().ok().map(|since| (epoch_day(since), *caps));
        self.timeline().iter().filter_map(dated).collect()
    }
}

/// The caps of a timeline on a day.
pub(crate) fn caps_on(timeline: &[(i32, LegalCaps)], day: i32) -> LegalCaps {
    timeline.iter().rev().find(|(since, _)| *since <= day).map_or(OPEN, |(_, caps)| *caps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_are_dated_and_in_order() {
        for preset in [
            LegalPreset::ChinaBank,
            LegalPreset::ChinaMicroLender,
            LegalPreset::ChinaPrivateLender,
            LegalPreset::India,
            LegalPreset::EuropeanUnion,
            LegalPreset::UnitedKingdomShortTerm,
        ] {
            let days = preset.by_day();
            assert_eq!(days.len(), preset.timeline().len(), "every date of {preset:?} reads");
            assert!(days.windows(2).all(|pair| pair[0].0 < pair[1].0), "{preset:?}");
            for (day, caps) in &days {
                assert_eq!(caps_on(&days, *day), *caps);
                assert!(!caps.source.is_empty());
            }
            assert_eq!(caps_on(&days, days[0].0 - 1), OPEN);
        }
    }
}
