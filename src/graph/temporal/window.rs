//! The same lists for a stream: transfers arrive, old ones are forgotten.

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::transfer::{AT_SECONDS, Transfer};

use super::index::{Leg, Legs};

/// Transfers of an account, the forgotten ones in front until there are enough of them to be worth moving the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct List {
    legs: Vec<Leg>,
    forgotten: usize,
}

impl List {
    fn live(&self) -> &[Leg] {
        &self.legs[self.forgotten..]
    }

    /// What is not older than `at_seconds`.
    fn since(&self, at_seconds: i64) -> &[Leg] {
        let live = self.live();
        match live.first() {
            Some(first) if first.at_seconds < at_seconds => {
                &live[live.partition_point(|leg| leg.at_seconds < at_seconds)..]
            }
            _ => live,
        }
    }

    fn insert(&mut self, leg: Leg) {
        let after = |other: &Leg| (other.at_seconds, other.row) <= (leg.at_seconds, leg.row);
        if self.legs.last().is_none_or(after) {
            self.legs.push(leg);
            return;
        }
        let place = self.forgotten + self.live().partition_point(after);
        self.legs.insert(place, leg);
    }

    fn forget_before(&mut self, at_seconds: i64) {
        self.forgotten = self.legs.len() - self.since(at_seconds).len();
        if self.forgotten * 2 > self.legs.len() {
            self.legs.drain(..self.forgotten);
            self.forgotten = 0;
            if self.legs.len() * 4 < self.legs.capacity() {
                self.legs.shrink_to(self.legs.len() * 2);
            }
        }
    }
}

/// The transfers of the last so many seconds, kept as they arrive: the live twin of
/// [`TemporalIndex`](super::TemporalIndex), and equal to it over the same transfers.
///
/// What it shows is in the window at any moment. What is forgotten gives its memory back when its account is touched, or
/// when the round comes to it: with every transfer one more account is looked after, so that memory follows the window
/// and not the history. Rows are numbered in the order of arrival.
///
/// ```
/// use dandelion_credit::graph::temporal::{Legs, TemporalWindow};
/// use dandelion_credit::{AccountIndex, Transfer};
///
/// let mut window = TemporalWindow::new(3, 100)?;
/// let pay = |payer, payee, at_seconds| Transfer {
///     payer: AccountIndex::new(payer), payee: AccountIndex::new(payee), amount_minor: 500, at_seconds,
/// };
/// window.push(pay(0, 1, 0))?;
/// window.push(pay(2, 1, 101))?;
/// assert_eq!(window.received(1).len(), 1);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TemporalWindow {
    received: Vec<List>,
    sent: Vec<List>,
    window_seconds: i64,
    latest: i64,
    rows: u32,
    /// The account to be looked after next.
    round: usize,
}

impl TemporalWindow {
    /// An empty window over accounts `0..accounts`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when `window_seconds` is not above 0.
    pub fn new(accounts: usize, window_seconds: i64) -> Result<Self> {
        if window_seconds <= 0 {
            return Err(Error::invalid("window_seconds", window_seconds, "above zero"));
        }
        let lists = vec![List::default(); accounts];
        Ok(Self { received: lists.clone(), sent: lists, window_seconds, latest: i64::MIN, rows: 0, round: 0 })
    }

    /// Takes one transfer in; accounts grow as needed. Late transfers are put in their place; those older than the window
    /// are left out. Gives the number of the row.
    ///
    /// # Errors
    /// [`Error::is_invalid`] when the time is outside [`AT_SECONDS`]; [`Error::is_overflow`] past 4,294,967,295 rows.
    ///
    /// # Complexity
    /// Constant for transfers in order; the length of the two lists for late ones.
    pub fn push(&mut self, transfer: Transfer) -> Result<u32> {
        let Transfer { payer, payee, amount_minor, at_seconds } = transfer;
        if !AT_SECONDS.contains(&at_seconds) {
            let rule = "seconds since 1970-01-01 UTC within the years -9999 to 9999";
            return Err(Error::invalid("at_seconds", at_seconds, rule));
        }
        let row = self.rows;
        self.rows =
            row.checked_add(1).ok_or_else(|| Error::overflow("number of transfers", "at most 4,294,967,295"))?;
        self.latest = self.latest.max(at_seconds);
        let oldest = self.oldest();
        if payer != payee && at_seconds >= oldest {
            self.grow(payer.max(payee));
            let leg = |peer: AccountIndex| Leg { at_seconds, amount_minor, peer: peer.get(), row };
            self.sent[payer.as_usize()].insert(leg(payee));
            self.received[payee.as_usize()].insert(leg(payer));
            self.round = (self.round + 1) % self.sent.len();
            for account in [payer.as_usize(), payee.as_usize(), self.round] {
                self.received[account].forget_before(oldest);
                self.sent[account].forget_before(oldest);
            }
        }
        Ok(row)
    }

    fn oldest(&self) -> i64 {
        self.latest.saturating_sub(self.window_seconds)
    }

    fn grow(&mut self, account: AccountIndex) {
        let needed = account.as_usize() + 1;
        if needed > self.sent.len() {
            self.sent.resize(needed, List::default());
            self.received.resize(needed, List::default());
        }
    }
}

impl Legs for TemporalWindow {
    fn accounts(&self) -> usize {
        self.sent.len()
    }

    fn received(&self, account: u32) -> &[Leg] {
        self.received[account as usize].since(self.oldest())
    }

    fn sent(&self, account: u32) -> &[Leg] {
        self.sent[account as usize].since(self.oldest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::temporal::TemporalIndex;
    use crate::progress::Progress;
    use crate::transfer::Transfers;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_window_equals_a_batch_over_the_same_transfers(
            rows in prop::collection::vec((0u32..5, 0u32..5, 1i64..100, 0i64..200), 1..60),
            width in 1i64..120,
        ) {
            let mut window = TemporalWindow::new(5, width).unwrap();
            for &(payer, payee, amount_minor, at_seconds) in &rows {
                let [payer, payee] = [payer, payee].map(AccountIndex::new);
                window.push(Transfer { payer, payee, amount_minor, at_seconds }).unwrap();
            }
            let latest = rows.iter().map(|row| row.3).max().unwrap();
            let all: Transfers = rows
                .iter()
                .map(|&(payer, payee, amount_minor, at_seconds)| {
                    let [payer, payee] = [payer, payee].map(AccountIndex::new);
                    Transfer { payer, payee, amount_minor, at_seconds }
                })
                .collect();
            let index = TemporalIndex::build(&all.columns(), 5, Progress::silent()).unwrap();
            for account in 0..5 {
                for (live, batch) in [
                    (window.received(account), index.received(account)),
                    (window.sent(account), index.sent(account)),
                ] {
                    let kept: Vec<Leg> =
                        batch.iter().copied().filter(|leg| leg.at_seconds >= latest - width).collect();
                    prop_assert_eq!(live, &kept[..]);
                }
            }
        }
    }
}
