//! The signals: what each one is called, how it is computed, and what it may take from receipts.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Number of signals.
pub const SIGNALS: usize = Signal::ALL.len();

/// One reason why receipts may not count.
///
/// The order is the order of precedence: where several signals taint the same receipt, the first one named takes its
/// part, and the next takes only what is left. Names and formulas are in [`name`](Self::name) and
/// [`formula`](Self::formula); the table in the [room's documentation](crate::fraud) shows them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// A lender's money on its way back as sales.
    LoanFunded,
    /// Payers that share a device or a place with the account.
    SharedDevice,
    /// Money that goes round three or more accounts and comes back.
    CircularFlow,
    /// Money that goes back to the payer, or to the purse behind the payer.
    RoundTrip,
    /// Payers that pay nobody else, and puppets among them.
    PayerExclusivity,
    /// Money that leaves as it came.
    PassThrough,
    /// Suddenly many payers that were never seen before.
    PayerNovelty,
    /// Receipts that jump or shift upwards before the application.
    PreApplicationLift,
    /// The same set of payers as another account.
    PayerOverlap,
    /// Money moving on from account to account: the same odd amount, or one sum handed on whole.
    AmountTrail,
    /// One amount over and over, or a few.
    EqualAmounts,
    /// Round amounts.
    RoundAmounts,
    /// First digits that trade does not give.
    AmountDigits,
    /// Receipts like clockwork, or by night.
    TimingRegularity,
    /// Sales that are taken back.
    Refunds,
    /// A block of payers and payees denser than its camouflage.
    DenseBlock,
    /// A layer of accounts that lets money through.
    FlowThroughBlock,
    /// Payers that know each other.
    OwnCircle,
    /// Counterparties that deal with each other more than chance explains.
    TightGroup,
    /// Many payers at once.
    FanInBurst,
    /// Many payees at once.
    FanOutBurst,
    /// Scattered over several accounts and gathered again, or gathered from several and scattered.
    ScatterGather,
    /// Many transfers to the same account within a day.
    RepeatedTransfers,
    /// Amounts out of all proportion to the account's others.
    OutOfScale,
    /// Close to accounts with strong signals of their own.
    Association,
}

impl Signal {
    /// Every signal, in order of precedence.
    pub const ALL: [Self; 25] = [
        Self::LoanFunded,
        Self::SharedDevice,
        Self::CircularFlow,
        Self::RoundTrip,
        Self::PayerExclusivity,
        Self::PassThrough,
        Self::PayerNovelty,
        Self::PreApplicationLift,
        Self::PayerOverlap,
        Self::AmountTrail,
        Self::EqualAmounts,
        Self::RoundAmounts,
        Self::AmountDigits,
        Self::TimingRegularity,
        Self::Refunds,
        Self::DenseBlock,
        Self::FlowThroughBlock,
        Self::OwnCircle,
        Self::TightGroup,
        Self::FanInBurst,
        Self::FanOutBurst,
        Self::ScatterGather,
        Self::RepeatedTransfers,
        Self::OutOfScale,
        Self::Association,
    ];

    /// The place of the signal in [`ALL`](Self::ALL) and in every row of scores.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoanFunded => "loan_funded",
            Self::SharedDevice => "shared_device",
            Self::CircularFlow => "temporal_cycle",
            Self::RoundTrip => "round_trip",
            Self::PayerExclusivity => "payer_exclusivity",
            Self::PassThrough => "pass_through",
            Self::PayerNovelty => "payer_novelty_burst",
            Self::PreApplicationLift => "pre_application_lift",
            Self::PayerOverlap => "payer_overlap",
            Self::AmountTrail => "amount_trail",
            Self::EqualAmounts => "equal_amounts",
            Self::RoundAmounts => "round_amounts",
            Self::AmountDigits => "amount_digits",
            Self::TimingRegularity => "timing_regularity",
            Self::Refunds => "refunds",
            Self::DenseBlock => "dense_block",
            Self::FlowThroughBlock => "flow_through_block",
            Self::OwnCircle => "own_circle",
            Self::TightGroup => "tight_group",
            Self::FanInBurst => "fan_in_burst",
            Self::FanOutBurst => "fan_out_burst",
            Self::ScatterGather => "scatter_gather",
            Self::RepeatedTransfers => "repeated_transfers",
            Self::OutOfScale => "out_of_scale",
            Self::Association => "association",
        }
    }

    /// The signal of that [`name`](Self::name).
    ///
    /// # Errors
    /// [`Error::is_unknown`] for any other text.
    pub fn of_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name).ok_or_else(|| Error::unknown("signal", name))
    }

    /// How the score is computed, every score being in 0..=1. `V` stands for the positive receipts, `n` for their number,
    /// `s(n, m) = n / (n + m)` for the shrinkage of thin evidence.
    #[must_use]
    pub const fn formula(self) -> &'static str {
        match self {
            Self::LoanFunded => {
                "receipts from payers within loan_window of a marked lender's disbursement to them, up to the sum disbursed, / V"
            }
            Self::SharedDevice => "receipts from payers that share a marked device or place with the account / V",
            Self::CircularFlow => {
                "1 - (1 - receipts that close a circle / V) * 0.5^circles; circles of 3..=max_hops, amounts kept, in order of time"
            }
            Self::RoundTrip => {
                "receipts matched with money paid back to the payer (or to the purse that funded the payer) within return_window, in order of time, / V; from return_rounds receipts or return_share of V on; a payer repaid by half or more is matched whole"
            }
            Self::PayerExclusivity => {
                "1 - (1 - payers whose only payee is the account / payers * s(payers, 5)) * (1 - receipts from puppets / V * s(puppets, 1)); a puppet forwards at least two and half of its payments from one purse within funding_window"
            }
            Self::PassThrough => {
                "money that leaves within 24 hours, first in first out, each unit counting 1 - hours it stayed / 48, / V * s(n, 4)"
            }
            Self::PayerNovelty => {
                "(share of receipts of the last 30 days from payers first seen in them - mean of the same share over earlier 30-day blocks)+ * s(n, 10)"
            }
            Self::PreApplicationLift => {
                "larger of (1 - recent_multiple * median of the earlier 30-day blocks / receipts of the last 30 days)+ * s(n, 10) and (1 - 5 / S)+ * s(n, 10), S the upper cumulative sum over the last eight weeks of what a week is above the median of those before, at least eight, in their robust deviation of at least a quarter of the median, at most 4, less 0.5"
            }
            Self::PayerOverlap => {
                "largest share of the smaller payer set that lies in another account's, among candidates of equal MinHash, * s(shared, 5)"
            }
            Self::AmountTrail => {
                "1 - 0.5^p, p the different pairs of accounts that the same rare amount moved over, on from each other; or 1 - 0.5^(p - 2), p the pairs, four at least, over which nearly one sum was handed on within two days each, at least half of all that moved in and out meanwhile, or (1 % or the difference, the larger) * receipts * payments meanwhile at most 0.1; 1 if it came back"
            }
            Self::EqualAmounts => {
                "larger of (share of the most frequent amount among receipts - 0.2)+ / 0.8 and, from 100 receipts on, (1 - 2 * entropy of the amounts / ln n)+, * s(n, 10)"
            }
            Self::RoundAmounts => "share of receipts that are whole multiples of 10 major units * s(n, 10)",
            Self::AmountDigits => {
                "((d - c - 0.015) / 0.045)+, at most 1, * s(n, 100); d the mean absolute deviation of the shares of the first digits from Benford's law, c what it comes to by chance, of at least 100 receipts whose 95th percentile is at least 50 times the 5th"
            }
            Self::TimingRegularity => {
                "largest of (1 - CV of the gaps)+, (1 - entropy of the hours / ln 24) and (share of the hours from midnight to six - 1/4)+ / (3/4), * s(n, 10)"
            }
            Self::Refunds => "refunds / V, at most 1, * s(refunds, 2)",
            Self::DenseBlock => {
                "(1 - 3 * density of the whole market / density of the block)+, for the three densest blocks; edges weigh 1 / ln(payers of the payee + 5)"
            }
            Self::FlowThroughBlock => {
                "for accounts in the middle of a block: (min(in, out) - |in - out| / 4)+ / max(in, out); for its ends the largest of their middles, halved"
            }
            Self::OwnCircle => {
                "share of the ten largest payers that have a relation with another payer of at most 64 counterparties * s(payers, 5)"
            }
            Self::TightGroup => {
                "o * a / (a + 1), o the share of ordinary accounts' triangles that chance explains, a the mean over lengths 2, 3 and 4 of the closed ways through the account, in multiples of the market's mean: sum(product of 1 / sqrt(degree) over the others) / degree; 0 for everybody where o is below 0.1"
            }
            Self::FanInBurst => {
                "larger of payers in the busiest two days / all payers * s(payers in them, 5) and, for an account and those in a crowd at it, (1 - exp(1 - c / (2 u)))+; a crowd are at least four payers who pay an account of at most 64 receipts once, within five days, c the decimals of the chance of so many at the account's own pace by Poisson's law, less those of the tries, u the larger of 1 and the c of the twentieth of the accounts with the largest, in multiples of 1.3"
            }
            Self::FanOutBurst => "as fan_in_burst, of payees",
            Self::ScatterGather => {
                "1 - 0.5^(accounts in the middle - 2) for source, target and middle; or 0.7 * (1 - exp(1 - c / (2 u)))+ for an account and at least two strangers who pay it and two whom it pays, once, within five days: c and u as for fan_in_burst, the c of both crowds together, log10 5 more where their sums are as near as the tolerance"
            }
            Self::RepeatedTransfers => "1 - 1 / m, m the most transfers of one payer to one payee within a day",
            Self::OutOfScale => {
                "1 - exp(-(z - 3)+ / 6), z the largest distance of ln amount from the median of its side in robust deviations of at least 0.25"
            }
            Self::Association => {
                "a / (a + 1), a the squared suspicion that reaches the account over its relations, half of it along shared counterparties, in multiples of the market's mean over the square root of the degree"
            }
        }
    }

    /// The version of the formula; a change of the formula changes it.
    #[must_use]
    pub const fn version(self) -> u16 {
        match self {
            Self::AmountTrail => 3,
            Self::Association | Self::OwnCircle | Self::TightGroup | Self::FanInBurst | Self::FanOutBurst => 2,
            Self::ScatterGather
            | Self::PassThrough
            | Self::PreApplicationLift
            | Self::EqualAmounts
            | Self::TimingRegularity => 2,
            _ => 1,
        }
    }

    /// The sentence a loan officer can read out.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::LoanFunded => "receipts were paid out of a loan",
            Self::SharedDevice => "payers use the same device or place as the merchant",
            Self::CircularFlow => "money came back to the merchant over other accounts",
            Self::RoundTrip => "money was paid back to those who paid",
            Self::PayerExclusivity => "payers pay nobody but this merchant",
            Self::PassThrough => "money leaves as soon as it comes",
            Self::PayerNovelty => "unusually many receipts come from payers never seen before",
            Self::PreApplicationLift => "receipts rose steeply just before the application",
            Self::PayerOverlap => "the same payers pay another merchant",
            Self::AmountTrail => "one sum moves on from account to account",
            Self::EqualAmounts => "one amount or a few are paid over and over",
            Self::RoundAmounts => "most receipts are round amounts",
            Self::AmountDigits => "amounts begin with other digits than those of trade",
            Self::TimingRegularity => "receipts come like clockwork or by night",
            Self::Refunds => "many sales are taken back",
            Self::DenseBlock => "payers and payees form an unusually dense block",
            Self::FlowThroughBlock => "the account lies in a layer that only lets money through",
            Self::OwnCircle => "payers know each other",
            Self::TightGroup => "counterparties deal with each other unusually much",
            Self::FanInBurst => "many payers paid within two days",
            Self::FanOutBurst => "many payees were paid within two days",
            Self::ScatterGather => "money was scattered and gathered again, or gathered and scattered",
            Self::RepeatedTransfers => "the same payer paid many times within a day",
            Self::OutOfScale => "amounts are out of proportion to the account's others",
            Self::Association => "the account is close to accounts with strong signals",
        }
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_stable_distinct_and_known() {
        let names: BTreeSet<&str> = Signal::ALL.iter().map(|signal| signal.name()).collect();
        assert_eq!(names.len(), SIGNALS);
        for (place, signal) in Signal::ALL.into_iter().enumerate() {
            assert_eq!(signal.index(), place);
            assert_eq!(Signal::of_name(signal.name()).unwrap(), signal);
            assert!(!signal.formula().is_empty() && !signal.reason().is_empty() && signal.version() > 0);
        }
        assert!(Signal::of_name("witchcraft").unwrap_err().is_unknown());
    }
}
