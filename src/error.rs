//! The one error of the crate: bad input, said with the value and the rule it breaks.
//!
//! There are three kinds of *no*. A business no ("this shop may not borrow") is an ordinary value with reasons. Bad
//! input is an [`Error`]. A bug of ours is a failed assertion. This file is only about the second.

use std::borrow::Cow;
use std::fmt::Display;

/// What every fallible function of this crate returns.
///
/// ```
/// use dandelion_credit::{Money, Result, Scale};
///
/// fn total(amounts: &[&str]) -> Result<Money> {
///     let amounts: Result<Vec<Money>> = amounts.iter().map(|text| Money::parse(text, Scale::CENTS)).collect();
///     Money::checked_sum(amounts?)
/// }
/// assert_eq!(total(&["12.50", "0.75"])?.to_minor(), 1_325);
/// assert!(total(&["12.50", "a lot"]).unwrap_err().is_invalid());
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Bad input, worded so that a person can mend it: which value, and which rule it breaks.
///
/// The variants behind it are private, since they follow the rooms of the crate and may change; a caller that wants to
/// act on the *kind* of failure asks one of the `is_*` predicates. One word in size, so that hot `Result`s stay small.
///
/// ```
/// use dandelion_credit::{Money, Scale};
///
/// let error = Money::parse("12.345", Scale::CENTS).unwrap_err();
/// assert!(error.is_invalid());
/// assert_eq!(error.to_string(), "amount is 12.345: at most 2 decimals");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Kind {
    #[error("{name} is {value}: {rule}")]
    Invalid { name: Text, value: String, rule: Text },
    #[error("{name} is not known: {value}")]
    Unknown { name: Text, value: String },
    #[error("{name} is beyond what can be held: {rule}")]
    Overflow { name: Text, rule: Text },
    #[error("{name} is not supported: {value}")]
    Unsupported { name: Text, value: String },
    #[error("{name} conflicts with what is already there: {value}: {rule}")]
    Conflict { name: Text, value: String, rule: Text },
    #[error("cancelled while {stage}")]
    Cancelled { stage: Text },
    #[error("{place}: {source}")]
    At { place: String, source: Error },
}

type Text = Cow<'static, str>;

impl Error {
    /// A value outside its range or not of its form. `rule` says what would have been right.
    #[cold]
    pub(crate) fn invalid(name: impl Into<Text>, value: impl Display, rule: impl Into<Text>) -> Self {
        Self(Box::new(Kind::Invalid { name: name.into(), value: value.to_string(), rule: rule.into() }))
    }

    /// A name, id, index or key that does not exist.
    #[cold]
    pub(crate) fn unknown(name: impl Into<Text>, value: impl Display) -> Self {
        Self(Box::new(Kind::Unknown { name: name.into(), value: value.to_string() }))
    }

    /// A result or an input larger than its type can hold. `rule` says how much that is.
    #[cold]
    pub(crate) fn overflow(name: impl Into<Text>, rule: impl Into<Text>) -> Self {
        Self(Box::new(Kind::Overflow { name: name.into(), rule: rule.into() }))
    }

    /// Well-formed input of a kind this crate does not deal with.
    #[cold]
    pub(crate) fn unsupported(name: impl Into<Text>, value: impl Display) -> Self {
        Self(Box::new(Kind::Unsupported { name: name.into(), value: value.to_string() }))
    }

    /// Input that contradicts earlier input (an idempotency key reused with another body, a reversal of a reversal).
    #[cold]
    pub(crate) fn conflict(name: impl Into<Text>, value: impl Display, rule: impl Into<Text>) -> Self {
        Self(Box::new(Kind::Conflict { name: name.into(), value: value.to_string(), rule: rule.into() }))
    }

    /// The caller's progress callback asked to stop.
    #[cold]
    pub(crate) fn cancelled(stage: impl Into<Text>) -> Self {
        Self(Box::new(Kind::Cancelled { stage: stage.into() }))
    }

    /// The same error with the place it happened in front, such as `row 12` or `policy.limit.volume_share`.
    ///
    /// ```
    /// use dandelion_credit::{Money, Scale};
    ///
    /// let error = Money::parse("ten", Scale::CENTS).unwrap_err().at("line 12");
    /// assert_eq!(error.to_string(), "line 12: amount is ten: a plain decimal such as -12.50");
    /// ```
    #[must_use]
    pub fn at(self, place: impl Display) -> Self {
        Self(Box::new(Kind::At { place: place.to_string(), source: self }))
    }

    fn root(&self) -> &Kind {
        match &*self.0 {
            Kind::At { source, .. } => source.root(),
            kind => kind,
        }
    }

    /// A value is outside its range or not of its form.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.root(), Kind::Invalid { .. })
    }

    /// A name, id, index or key does not exist.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.root(), Kind::Unknown { .. })
    }

    /// A sum, a size or a count is larger than its type can hold.
    #[must_use]
    pub fn is_overflow(&self) -> bool {
        matches!(self.root(), Kind::Overflow { .. })
    }

    /// The input is well formed but of a kind this crate does not deal with.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self.root(), Kind::Unsupported { .. })
    }

    /// The input contradicts what came before it.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.root(), Kind::Conflict { .. })
    }

    /// The caller's progress callback asked to stop; nothing was changed.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.root(), Kind::Cancelled { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn predicates_see_through_the_place() {
        let error = Error::unknown("account", "A-17").at("row 3").at("transfers.csv");
        assert!(error.is_unknown() && !error.is_invalid());
        assert_eq!(error.to_string(), "transfers.csv: row 3: account is not known: A-17");
    }
}
