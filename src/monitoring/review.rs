//! What to do with a line in force: raise, keep, cut or freeze.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::monitoring::warning::{EarlyWarning, WarningKind};

/// A line in force and what a fresh decision would give.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewInput {
    /// The line in force, minor units.
    pub current_minor: i64,
    /// Drawn of it, minor units.
    pub drawn_minor: i64,
    /// What the policy would give today, minor units; zero when it would refuse.
    pub decided_minor: i64,
    /// Days past due today.
    pub days_past_due: u32,
    /// Days since the line last changed.
    pub days_since_change: u32,
    /// Whether the borrower asked for more.
    pub asked: bool,
    /// Whether the law allows raising a line nobody asked to raise (India's directions of 2025 do not).
    pub unasked_increase_allowed: bool,
}

/// When a line changes.
///
/// ```
/// use dandelion_credit::monitoring::{ReviewAction, ReviewConfig, ReviewInput, review_limit};
///
/// // A line of 10,000.00 and figures that would now give 10,400.00: not worth a message, unless 2 % are.
/// let input = ReviewInput {
///     current_minor: 1_000_000, drawn_minor: 0, decided_minor: 1_040_000,
///     days_past_due: 0, days_since_change: 90, asked: false, unasked_increase_allowed: true,
/// };
/// let watchful = ReviewConfig { dead_band_share: 0.02, ..ReviewConfig::default() };
/// assert_eq!(review_limit(&input, &[], &ReviewConfig::default())?.action, ReviewAction::Keep);
/// assert_eq!(review_limit(&input, &[], &watchful)?.limit_minor, 1_040_000);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewConfig {
    /// Changes smaller than this share of the line are not worth a message.
    pub dead_band_share: f64,
    /// Days a line rests between raises; cuts do not wait.
    pub rest_days: u32,
    /// The most a cut takes at once when no grave warning stands, as a share of the line.
    pub max_cut_share: f64,
    /// Warnings of this severity freeze the line.
    pub freeze_severity: f64,
    /// Warnings of this severity stop a raise.
    pub hold_severity: f64,
    /// More days past due freeze the line.
    pub freeze_days_past_due: u32,
}

impl Default for ReviewConfig {
    fn default() -> Self {
        Self {
            dead_band_share: 0.05,
            rest_days: 30,
            max_cut_share: 0.5,
            freeze_severity: 0.6,
            hold_severity: 0.2,
            freeze_days_past_due: 0,
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewAction {
    /// Give more.
    Raise,
    /// Offer more, and wait for the borrower's yes: the law forbids raising unasked.
    OfferRaise,
    /// Leave it.
    Keep,
    /// Give less; never below what is drawn.
    Cut,
    /// No further drawdowns until it is looked at again; what is drawn runs on.
    Freeze,
}

/// The result of a review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitReview {
    /// What to do.
    pub action: ReviewAction,
    /// The line after it, minor units.
    pub limit_minor: i64,
    /// What may still be drawn, minor units.
    pub available_minor: i64,
    /// Why, in a sentence.
    pub why: String,
    /// The warnings that had a part in it.
    pub warnings: Vec<WarningKind>,
}

/// Reviews a line. Arrears and grave warnings freeze; worse figures cut at once but not below what is drawn; better ones
/// raise after a rest, unless a warning stands or the law wants the borrower's word first.
///
/// # Errors
/// [`Error::is_invalid`] when an amount is below zero or a share is not from 0 to 1.
///
/// ```
/// use dandelion_credit::monitoring::{ReviewAction, ReviewConfig, ReviewInput, review_limit};
///
/// // A line of 10,000.00, 6,000.00 drawn; a fresh decision would give 2,000.00. A cut takes half at most, and never what is drawn.
/// let input = ReviewInput {
///     current_minor: 1_000_000, drawn_minor: 600_000, decided_minor: 200_000,
///     days_past_due: 0, days_since_change: 90, asked: false, unasked_increase_allowed: false,
/// };
/// let config = ReviewConfig::default();
/// let cut = review_limit(&input, &[], &config)?;
/// assert_eq!((cut.action, cut.limit_minor, cut.available_minor), (ReviewAction::Cut, 600_000, 0));
/// // Better figures where the law wants the borrower's word: an offer, not a raise. A missed instalment freezes.
/// let better = ReviewInput { decided_minor: 1_500_000, ..input };
/// assert_eq!(review_limit(&better, &[], &config)?.action, ReviewAction::OfferRaise);
/// let late = ReviewInput { days_past_due: 1, ..input };
/// assert_eq!(review_limit(&late, &[], &config)?.action, ReviewAction::Freeze);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn review_limit(input: &ReviewInput, warnings: &[EarlyWarning], config: &ReviewConfig) -> Result<LimitReview> {
    for (name, amount) in [
        ("current_minor", input.current_minor),
        ("drawn_minor", input.drawn_minor),
        ("decided_minor", input.decided_minor),
    ] {
        if amount < 0 {
            return Err(Error::invalid(format!("review.{name}"), amount, "zero or more minor units"));
        }
    }
    for (name, share) in [
        ("dead_band_share", config.dead_band_share),
        ("max_cut_share", config.max_cut_share),
        ("freeze_severity", config.freeze_severity),
        ("hold_severity", config.hold_severity),
    ] {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::invalid(format!("review.{name}"), share, "from 0 to 1"));
        }
    }
    let (current, decided) = (input.current_minor, input.decided_minor);
    let from = |severity: f64| -> Vec<WarningKind> {
        warnings.iter().filter(|warning| warning.severity >= severity).map(|warning| warning.kind).collect()
    };
    let grave = from(config.freeze_severity);
    let result = |action, limit_minor: i64, why: &str, warnings| {
        let frozen = action == ReviewAction::Freeze;
        let available_minor = if frozen { 0 } else { (limit_minor - input.drawn_minor).max(0) };
        LimitReview { action, limit_minor, available_minor, why: why.to_owned(), warnings }
    };
    if input.days_past_due > config.freeze_days_past_due {
        return Ok(result(ReviewAction::Freeze, current, "An instalment is overdue.", grave));
    }
    if !grave.is_empty() {
        return Ok(result(ReviewAction::Freeze, current, "A grave warning stands.", grave));
    }
    // Compared in whole numbers, so that a change right at the edge of the band is told the same way everywhere.
    let share = |share: f64| (i128::from(current) * i128::from((share * 1e6).round() as i64) / 1_000_000) as i64;
    let band = share(config.dead_band_share);
    if decided < current.saturating_sub(band) {
        let floor = input.drawn_minor.min(current).max(current - share(config.max_cut_share));
        let limit = decided.max(floor);
        if limit < current {
            return Ok(result(
                ReviewAction::Cut,
                limit,
                "The business carries less than it did.",
                from(config.hold_severity),
            ));
        }
        return Ok(result(
            ReviewAction::Keep,
            current,
            "All of the line is drawn; it is cut as it is repaid.",
            Vec::new(),
        ));
    }
    if decided > current.saturating_add(band) {
        let held = from(config.hold_severity);
        if !held.is_empty() {
            return Ok(result(ReviewAction::Keep, current, "A warning stands, so the line is not raised.", held));
        }
        if input.days_since_change < config.rest_days && !input.asked {
            return Ok(result(ReviewAction::Keep, current, "The line changed not long ago.", Vec::new()));
        }
        if !input.asked && !input.unasked_increase_allowed {
            let why = "The business carries more; the law wants the borrower to ask for it.";
            return Ok(result(ReviewAction::OfferRaise, current, why, Vec::new()));
        }
        return Ok(result(ReviewAction::Raise, decided, "The business carries more than it did.", Vec::new()));
    }
    Ok(result(ReviewAction::Keep, current, "Nothing that matters has changed.", Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: ReviewInput = ReviewInput {
        current_minor: 1_000_000,
        drawn_minor: 300_000,
        decided_minor: 1_000_000,
        days_past_due: 0,
        days_since_change: 90,
        asked: false,
        unasked_increase_allowed: true,
    };

    fn act(input: ReviewInput, warnings: &[EarlyWarning]) -> (ReviewAction, i64) {
        let review = review_limit(&input, warnings, &ReviewConfig::default()).unwrap();
        assert!(review.limit_minor >= input.drawn_minor.min(input.current_minor), "never below what is drawn");
        assert!(!review.why.is_empty());
        (review.action, review.limit_minor)
    }

    fn warning(severity: f64) -> EarlyWarning {
        let kind = WarningKind::ReceiptsFalling;
        EarlyWarning { kind, severity, observed: 0.0, threshold: 0.0, evidence: String::new() }
    }

    #[test]
    fn the_four_actions_and_their_conditions() {
        use ReviewAction as A;
        assert_eq!(act(PLAIN, &[]), (A::Keep, 1_000_000));
        let more = ReviewInput { decided_minor: 1_400_000, ..PLAIN };
        assert_eq!(act(more, &[]), (A::Raise, 1_400_000));
        assert_eq!(act(ReviewInput { days_since_change: 3, ..more }, &[]).0, A::Keep);
        assert_eq!(act(ReviewInput { unasked_increase_allowed: false, ..more }, &[]), (A::OfferRaise, 1_000_000));
        assert_eq!(act(ReviewInput { unasked_increase_allowed: false, asked: true, ..more }, &[]).0, A::Raise);
        assert_eq!(act(more, &[warning(0.3)]).0, A::Keep);
        assert_eq!(act(more, &[warning(0.9)]).0, A::Freeze);
        let less = ReviewInput { decided_minor: 700_000, ..PLAIN };
        assert_eq!(act(less, &[]), (A::Cut, 700_000));
        assert_eq!(act(ReviewInput { drawn_minor: 800_000, ..less }, &[]), (A::Cut, 800_000));
        assert_eq!(act(ReviewInput { drawn_minor: 1_000_000, ..less }, &[]).0, A::Keep);
        assert_eq!(act(ReviewInput { decided_minor: 0, ..less }, &[]), (A::Cut, 500_000));
        assert_eq!(act(ReviewInput { days_past_due: 1, ..more }, &[]).0, A::Freeze);
    }

    #[test]
    fn nonsense_is_refused() {
        let input = ReviewInput { drawn_minor: -1, ..PLAIN };
        assert!(review_limit(&input, &[], &ReviewConfig::default()).is_err());
        let config = ReviewConfig { max_cut_share: 2.0, ..ReviewConfig::default() };
        assert!(review_limit(&PLAIN, &[], &config).is_err());
        let huge = ReviewInput { current_minor: i64::MAX, decided_minor: i64::MAX, ..PLAIN };
        assert_eq!(act(huge, &[]).0, ReviewAction::Keep);
    }
}
