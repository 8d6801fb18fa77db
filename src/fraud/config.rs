//! How an audit looks and what it takes away.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::temporal::CycleConfig;
use crate::money::Scale;
use crate::rate::BasisPoints;
use crate::transfer::UtcOffset;

use super::signal::{SIGNALS, Signal};

const DAY: i64 = 86_400;

/// Windows, tolerances, haircuts and caps of an audit. The defaults suit receipts in yuan, kept in fen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// The second the audit looks back from; the last transfer of the index where absent.
    pub as_of_seconds: Option<i64>,
    /// Where days and hours are cut.
    pub utc_offset: UtcOffset,
    /// Decimals of the currency, for round amounts.
    pub scale: Scale,
    /// Most transfers in a circle, 3 to 8.
    pub cycle_hops: usize,
    /// Seconds from the first transfer of a circle to the last.
    pub cycle_window_seconds: i64,
    /// Share by which amounts may differ and still be the same money, 0 to 0.9.
    pub amount_tolerance: f64,
    /// Transfers looked at around one account before a search gives up and says so.
    pub max_steps: u32,
    /// Seconds between a receipt and the money that goes back for it, either way.
    pub return_window_seconds: i64,
    /// Receipts of one payer that went back before a round trip counts as more than friends settling a bill.
    pub return_rounds: u32,
    /// Or this share of all receipts going back to one payer, in basis points.
    pub return_share: BasisPoints,
    /// Seconds between a puppet's funding and its payment.
    pub funding_window_seconds: i64,
    /// Seconds between a disbursement to a payer and a receipt it may have paid.
    pub loan_window_seconds: i64,
    /// Receipts of the last 30 days above this multiple of the best earlier 30 days do not count.
    pub recent_multiple: f64,
    /// Receipts of the last 30 days that count in any case, in minor units.
    pub recent_floor_minor: i64,
    /// The largest share of the verified receipts that one payer (with those it funds) may contribute.
    pub payer_share: BasisPoints,
    /// What one payer may contribute in any case, in minor units, so that a thin file is not emptied.
    pub payer_floor_minor: i64,
    /// How much of what each signal taints is taken away, in order of [`Signal::ALL`]; 0 for signals that only score. A
    /// signal that neither takes nor weighs is not looked for.
    pub haircuts: Haircuts,
    /// How much each signal can add to suspicion at most, 0 to 1, in order of [`Signal::ALL`].
    pub suspicion_weights: Weights,
    /// Most transfer rows in the evidence of one signal.
    pub evidence_rows: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            as_of_seconds: None,
            utc_offset: UtcOffset::UTC,
            scale: Scale::CENTS,
            cycle_hops: 6,
            cycle_window_seconds: 7 * DAY,
            amount_tolerance: 0.1,
            max_steps: 1 << 13,
            return_window_seconds: 45 * DAY,
            return_rounds: 3,
            return_share: BasisPoints::new(200),
            funding_window_seconds: DAY,
            loan_window_seconds: 14 * DAY,
            recent_multiple: 3.0,
            recent_floor_minor: 5_000_000,
            payer_share: BasisPoints::new(2_000),
            payer_floor_minor: 300_000,
            haircuts: Haircuts::default(),
            suspicion_weights: Weights::default(),
            evidence_rows: 64,
        }
    }
}

impl AuditConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::is_invalid`] names the field.
    pub fn check(&self) -> Result<()> {
        self.cycles().check()?;
        if self.cycle_hops < 3 {
            return Err(Error::invalid("cycle_hops", self.cycle_hops, "from 3 to 8"));
        }
        for (name, value) in [
            ("return_window_seconds", self.return_window_seconds),
            ("funding_window_seconds", self.funding_window_seconds),
            ("loan_window_seconds", self.loan_window_seconds),
        ] {
            if !(0..=1 << 40).contains(&value) {
                return Err(Error::invalid(name, value, "from 0 to 2^40"));
            }
        }
        if !(1.0..=1e6).contains(&self.recent_multiple) {
            return Err(Error::invalid("recent_multiple", self.recent_multiple, "from 1 to 1,000,000"));
        }
        for (name, value) in
            [("recent_floor_minor", self.recent_floor_minor), ("payer_floor_minor", self.payer_floor_minor)]
        {
            if value < 0 {
                return Err(Error::invalid(name, value, "not below zero"));
            }
        }
        for (name, share) in [("payer_share", self.payer_share), ("return_share", self.return_share)] {
            if !(0..=10_000).contains(&share.get()) {
                return Err(Error::invalid(name, share.get(), "from 0 to 10,000 basis points"));
            }
        }
        Ok(())
    }

    /// Whether anything can come of `signal`: one with neither a haircut nor a weight in suspicion is not looked for, costs
    /// nothing and scores 0.
    #[must_use]
    pub fn looks_for(&self, signal: Signal) -> bool {
        self.haircuts.of(signal) > 0 || self.suspicion_weights.of(signal) > 0.0
    }

    /// Whether any of the signals about the shape of the business takes a share of every receipt.
    pub(super) fn takes_by_shape(&self) -> bool {
        of_shape().any(|signal| self.haircuts.of(signal) > 0)
    }

    pub(super) fn cycles(&self) -> CycleConfig {
        CycleConfig {
            min_hops: 3,
            max_hops: self.cycle_hops,
            window_seconds: self.cycle_window_seconds,
            amount_tolerance: self.amount_tolerance,
            max_steps: self.max_steps,
            max_flows: 64,
        }
    }
}

/// The signals that take a share of every receipt, if any.
pub(super) fn of_shape() -> impl Iterator<Item = Signal> {
    let from = Signal::ALL.into_iter().skip(Signal::PassThrough.index());
    from.filter(|&signal| signal != Signal::PreApplicationLift)
}

/// One share in basis points for each signal: how much of what it taints is taken from receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
pub struct Haircuts([u16; SIGNALS]);

impl Haircuts {
    /// Nothing is taken.
    pub const NONE: Self = Self([0; SIGNALS]);

    /// The share taken by `signal`, in basis points.
    #[must_use]
    pub const fn of(&self, signal: Signal) -> u16 {
        self.0[signal.index()]
    }

    /// The same shares with another one for `signal`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] above 10,000.
    pub fn with(mut self, signal: Signal, basis_points: u16) -> Result<Self> {
        if basis_points > 10_000 {
            return Err(Error::invalid(signal.name(), basis_points, "at most 10,000 basis points"));
        }
        self.0[signal.index()] = basis_points;
        Ok(self)
    }
}

impl Default for Haircuts {
    /// Everything that is proved transfer by transfer is taken whole; signals about the shape of the business only score.
    fn default() -> Self {
        let mut shares = [0; SIGNALS];
        for signal in [
            Signal::LoanFunded,
            Signal::SharedDevice,
            Signal::CircularFlow,
            Signal::RoundTrip,
            Signal::PayerExclusivity,
            Signal::PreApplicationLift,
        ] {
            shares[signal.index()] = 10_000;
        }
        Self(shares)
    }
}

impl TryFrom<Vec<u16>> for Haircuts {
    type Error = Error;

    fn try_from(shares: Vec<u16>) -> Result<Self> {
        let all = Self(shares.try_into().map_err(|shares: Vec<u16>| {
            Error::invalid("length of haircuts", shares.len(), format!("{SIGNALS}, one a signal"))
        })?);
        Signal::ALL.into_iter().try_fold(all, |all, signal| all.with(signal, all.of(signal)))
    }
}

impl From<Haircuts> for Vec<u16> {
    fn from(haircuts: Haircuts) -> Self {
        haircuts.0.to_vec()
    }
}

/// One weight in 0..=1 for each signal: how much it can add to suspicion at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Weights([f64; SIGNALS]);

impl Weights {
    /// Nothing weighs.
    pub const NONE: Self = Self([0.0; SIGNALS]);

    /// The weight of `signal`.
    #[must_use]
    pub const fn of(&self, signal: Signal) -> f64 {
        self.0[signal.index()]
    }

    /// The same weights with another one for `signal`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] outside 0..=1.
    pub fn with(mut self, signal: Signal, weight: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&weight) {
            return Err(Error::invalid(signal.name(), weight, "from 0 to 1"));
        }
        self.0[signal.index()] = weight;
        Ok(self)
    }
}

impl Default for Weights {
    fn default() -> Self {
        let weight = |signal: Signal| match signal {
            Signal::CircularFlow | Signal::AmountTrail | Signal::LoanFunded => 0.95,
            Signal::RoundTrip | Signal::SharedDevice | Signal::ScatterGather | Signal::TightGroup => 0.7,
            Signal::RepeatedTransfers | Signal::PassThrough | Signal::DenseBlock => 0.6,
            Signal::PayerOverlap | Signal::FlowThroughBlock | Signal::OutOfScale => 0.5,
            Signal::PayerExclusivity | Signal::Refunds | Signal::FanInBurst => 0.4,
            Signal::PayerNovelty | Signal::PreApplicationLift | Signal::TimingRegularity => 0.3,
            Signal::EqualAmounts | Signal::FanOutBurst => 0.3,
            Signal::RoundAmounts | Signal::AmountDigits | Signal::OwnCircle => 0.1,
            Signal::Association => 0.5,
        };
        Self(Signal::ALL.map(weight))
    }
}

impl TryFrom<Vec<f64>> for Weights {
    type Error = Error;

    fn try_from(weights: Vec<f64>) -> Result<Self> {
        let all = Self(weights.try_into().map_err(|weights: Vec<f64>| {
            Error::invalid("length of suspicion_weights", weights.len(), format!("{SIGNALS}, one a signal"))
        })?);
        Signal::ALL.into_iter().try_fold(all, |all, signal| all.with(signal, all.of(signal)))
    }
}

impl From<Weights> for Vec<f64> {
    fn from(weights: Weights) -> Self {
        weights.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_its_text_and_a_wrong_one_does_not() {
        let config = AuditConfig { cycle_hops: 5, ..AuditConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<AuditConfig>(&text).unwrap(), config);
        assert!(serde_json::from_str::<AuditConfig>(r#"{"haircuts":[1]}"#).is_err());
        assert!(serde_json::from_str::<AuditConfig>(r#"{"haircut":1}"#).is_err());
        let text = text.replacen("10000", "10001", 1);
        assert!(serde_json::from_str::<AuditConfig>(&text).is_err());
        assert!(AuditConfig { cycle_hops: 2, ..config.clone() }.check().unwrap_err().is_invalid());
        assert!(AuditConfig { amount_tolerance: f64::NAN, ..config.clone() }.check().unwrap_err().is_invalid());
        assert!(AuditConfig { payer_floor_minor: -1, ..config }.check().unwrap_err().is_invalid());
    }
}
