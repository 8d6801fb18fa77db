//! Events in, postings out: a scheduled loan as a fold over its events, with the journal of what each of them changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::charge::InstalmentFee;
use super::product::{LoanProduct, ScheduledTerms, TransactionKind};
use super::state::ScheduledLoan;
use super::term_change::TermChange;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Component, Every, JournalEntry, JournalKind, Posting, STATE_VERSION};
use crate::money::Money;

/// One thing that happened to a scheduled loan. What counts from another day than it was recorded on names that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum LoanAction {
    /// Money goes out.
    Disburse {
        /// The day it counts from.
        on: Date,
        /// How much.
        amount_minor: Money,
    },
    /// A payment, a refund, or a credit balance paid out.
    Pay {
        /// The day it counts from.
        on: Date,
        /// Its kind.
        kind: TransactionKind,
        /// How much.
        amount_minor: Money,
    },
    /// A payment is taken back by the payer's bank.
    ChargeBack {
        /// How much.
        amount_minor: Money,
        /// The key of the payment, where it is known.
        payment: Option<String>,
    },
    /// A fee that is deferred and earned until the last due date.
    DeferIncome {
        /// The day it counts from.
        on: Date,
        /// [`TransactionKind::CapitalisedIncome`] or [`TransactionKind::BuyDownFee`].
        kind: TransactionKind,
        /// How much.
        amount_minor: Money,
    },
    /// A fee or a penalty falls due on a day.
    Charge {
        /// [`Component::Fee`] or [`Component::Penalty`].
        component: Component,
        /// The day.
        due: Date,
        /// How much.
        amount_minor: Money,
    },
    /// A fee falls due with every instalment.
    ChargeEveryInstalment {
        /// The fee.
        fee: InstalmentFee,
    },
    /// A charge is given up.
    WaiveCharge {
        /// The key of the charge.
        charge: String,
    },
    /// The terms change.
    ChangeTerms {
        /// How.
        change: TermChange,
    },
    /// Everything unpaid moves to new instalments.
    ReAge {
        /// The first new due date.
        start: Date,
        /// The distance between them.
        every: Every,
        /// How many.
        instalments: u32,
    },
    /// A re-amortisation, a charge-off or a write-off.
    Mark {
        /// The day it counts from.
        on: Date,
        /// Which.
        kind: TransactionKind,
    },
    /// The day before the one it is recorded on, and all open days before that, are closed: income is accrued.
    CloseDay,
    /// An earlier event never happened.
    Reverse {
        /// Its key.
        key: String,
    },
}

/// An event with the key that makes it happen only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanEvent {
    /// The caller's key: the same event under the same key is recorded once.
    pub key: String,
    /// The day it is recorded.
    pub recorded_on: Date,
    /// Its place among the events recorded on the same day.
    pub sequence: u64,
    /// What happened.
    #[serde(flatten)]
    pub action: LoanAction,
}

impl LoanEvent {
    fn order(&self) -> (Date, u64, &str) {
        (self.recorded_on, self.sequence, &self.key)
    }
}

/// Numbers of charges begin here, behind those of transactions.
const CHARGES: u32 = 1 << 31;

type Booked = BTreeMap<(Date, TransactionKind, Account), i64>;

/// A scheduled loan with its events and its journal.
///
/// The loan is a fold of its product and terms over the events that were not reversed, by the day they were recorded and
/// their sequence: the order in which they arrive does not matter. An event that comes late, or takes another back, folds
/// everything again and books only the difference. An event that cannot be folded, or that would break a later one, is
/// refused and leaves no trace.
#[derive(Debug, Clone)]
pub struct ScheduledAccount {
    base: ScheduledLoan,
    events: Vec<LoanEvent>,
    keys: BTreeMap<String, String>,
    ids: BTreeMap<String, u32>,
    loan: ScheduledLoan,
    booked: Booked,
    journal: Vec<JournalEntry>,
    base_day: Option<Date>,
    base_ids: BTreeMap<String, u32>,
}

/// An account's state with a version and a digest, to go on from without the events before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledSnapshot {
    /// [`STATE_VERSION`] when it was made.
    pub version: u32,
    /// The loan.
    pub loan: ScheduledLoan,
    /// Keys of the events before it with their digests.
    pub keys: BTreeMap<String, String>,
    /// Keys of the events that later ones may name, with their transaction or charge.
    pub ids: BTreeMap<String, u32>,
    /// SHA-256 over version, loan, keys and ids.
    pub digest: String,
}

impl ScheduledAccount {
    /// An account of an approved loan.
    ///
    /// # Errors
    /// As [`ScheduledLoan::approve`].
    pub fn open(product: LoanProduct, terms: ScheduledTerms, amount: Money) -> Result<Self> {
        Ok(Self::from_loan(ScheduledLoan::approve(product, terms, amount)?, BTreeMap::new(), BTreeMap::new(), None))
    }

    fn from_loan(
        loan: ScheduledLoan,
        keys: BTreeMap<String, String>,
        ids: BTreeMap<String, u32>,
        base_day: Option<Date>,
    ) -> Self {
        Self {
            booked: book(&loan),
            base: loan.clone(),
            loan,
            events: Vec::new(),
            keys,
            base_ids: ids.clone(),
            ids,
            journal: Vec::new(),
            base_day,
        }
    }

    /// The loan as it stands.
    #[must_use]
    pub const fn loan(&self) -> &ScheduledLoan {
        &self.loan
    }

    /// The events, in the order they count in.
    #[must_use]
    pub fn events(&self) -> &[LoanEvent] {
        &self.events
    }

    /// All entries booked so far, compensations included.
    #[must_use]
    pub fn journal(&self) -> &[JournalEntry] {
        &self.journal
    }

    /// Records an event; gives back the entries it makes, none for one that is known.
    ///
    /// # Errors
    /// [`Error::is_conflict`] for another event under a known key, an event before the snapshot, a reversal of a reversal or
    /// of what was reversed before; [`Error::is_unknown`] for a key that nobody used; whatever the loan refuses. Nothing
    /// changes then.
    pub fn record(&mut self, event: LoanEvent) -> Result<Vec<JournalEntry>> {
        let digest = digest_of(&event)?;
        if let Some(known) = self.keys.get(&event.key) {
            if *known == digest {
                return Ok(Vec::new());
            }
            return Err(Error::conflict("event key", &event.key, "the same event under the same key"));
        }
        if self.base_day.is_some_and(|day| event.recorded_on < day) {
            return Err(Error::conflict("event", &event.key, "recorded on or after the day of the snapshot"));
        }
        let place = self.events.partition_point(|known| known.order() < event.order());
        let reverses = matches!(event.action, LoanAction::Reverse { .. });
        let (loan, ids) = if place == self.events.len() && !reverses {
            let (mut loan, mut ids) = (self.loan.clone(), self.ids.clone());
            apply(&mut loan, &mut ids, &event)?;
            self.events.push(event);
            (loan, ids)
        } else {
            self.events.insert(place, event);
            match self.fold() {
                Ok(folded) => folded,
                Err(error) => {
                    self.events.remove(place);
                    return Err(error);
                }
            }
        };
        let (key, recorded_on) = (self.events[place].key.clone(), self.events[place].recorded_on);
        let before = self.journal.len();
        self.book_difference(&loan, recorded_on);
        (self.loan, self.ids) = (loan, ids);
        self.keys.insert(key, digest);
        Ok(self.journal[before..].to_vec())
    }

    /// Folds all events that were not reversed over the beginning.
    fn fold(&self) -> Result<(ScheduledLoan, BTreeMap<String, u32>)> {
        let mut reversed = BTreeSet::new();
        for event in &self.events {
            let LoanAction::Reverse { key } = &event.action else { continue };
            let target = self.events.iter().find(|other| other.key == *key);
            let Some(target) = target else {
                return Err(Error::unknown("event to reverse", key));
            };
            if matches!(target.action, LoanAction::Reverse { .. }) {
                return Err(Error::conflict("reversal", key, "an event that is not a reversal itself"));
            }
            if !reversed.insert(key.as_str()) {
                return Err(Error::conflict("reversal", key, "an event not reversed before"));
            }
        }
        let (mut loan, mut ids) = (self.base.clone(), self.base_ids.clone());
        for event in &self.events {
            if !reversed.contains(event.key.as_str()) {
                apply(&mut loan, &mut ids, event).map_err(|error| error.at(&event.key))?;
            }
        }
        Ok((loan, ids))
    }

    /// Books what a loan shows and the books do not, by value date and kind.
    fn book_difference(&mut self, loan: &ScheduledLoan, recorded_on: Date) {
        let now = book(loan);
        let groups: BTreeSet<(Date, TransactionKind)> =
            now.keys().chain(self.booked.keys()).map(|&(on, kind, _)| (on, kind)).collect();
        for (on, kind) in groups {
            let of = |booked: &Booked, account: Account| booked.get(&(on, kind, account)).copied().unwrap_or(0);
            let changed = |account: Account| of(&now, account) - of(&self.booked, account);
            let postings: Vec<Posting> = Account::ALL
                .into_iter()
                .map(|account| Posting { account, debit_minor: Money::from_minor(changed(account)) })
                .filter(|posting| !posting.debit_minor.is_zero())
                .collect();
            if postings.is_empty() {
                continue;
            }
            let is_new = Account::ALL.into_iter().all(|account| of(&self.booked, account) == 0);
            let kind = match (is_new, kind.is_accrual()) {
                (false, _) => JournalKind::Compensation,
                (true, true) => JournalKind::Accrual,
                (true, false) => JournalKind::Event,
            };
            self.journal.push(JournalEntry {
                booked_on: recorded_on,
                value_date: on,
                event: Some(self.keys.len() as u32),
                drawdown: None,
                kind,
                postings,
            });
        }
        self.booked = now;
    }

    /// The state with a version and a digest, to be stored and gone on from.
    ///
    /// # Errors
    /// Never for an account made through this type; the digest is made from its JSON form.
    pub fn snapshot(&self) -> Result<ScheduledSnapshot> {
        let (loan, keys, ids) = (self.loan.clone(), self.keys.clone(), self.ids.clone());
        let digest = digest_of(&(STATE_VERSION, &loan, &keys, &ids))?;
        Ok(ScheduledSnapshot { version: STATE_VERSION, loan, keys, ids, digest })
    }

    /// An account that goes on from a snapshot.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for another version; [`Error::is_conflict`] when the digest does not fit.
    pub fn resume(snapshot: ScheduledSnapshot) -> Result<Self> {
        if snapshot.version != STATE_VERSION {
            return Err(Error::unsupported("snapshot version", snapshot.version));
        }
        let digest = digest_of(&(snapshot.version, &snapshot.loan, &snapshot.keys, &snapshot.ids))?;
        if digest != snapshot.digest {
            return Err(Error::conflict("snapshot digest", &snapshot.digest, "the digest of its content"));
        }
        let day = snapshot.loan.today();
        Ok(Self::from_loan(snapshot.loan, snapshot.keys, snapshot.ids, Some(day)))
    }
}

/// What a loan's transactions post in all, by value date and kind.
fn book(loan: &ScheduledLoan) -> Booked {
    let mut booked = Booked::new();
    for transaction in loan.transactions() {
        for posting in loan.postings(transaction) {
            let key = (transaction.on, transaction.kind, posting.account);
            *booked.entry(key).or_default() += posting.debit_minor.to_minor();
        }
    }
    booked.retain(|_, debit| *debit != 0);
    booked
}

fn apply(loan: &mut ScheduledLoan, ids: &mut BTreeMap<String, u32>, event: &LoanEvent) -> Result<()> {
    let known = |key: &String| ids.get(key).copied().ok_or_else(|| Error::unknown("event named by another", key));
    loan.set_today(event.recorded_on);
    let transaction = loan.transactions.len() as u32;
    let mut id = Some(transaction);
    match &event.action {
        LoanAction::Disburse { on, amount_minor } => loan.disburse(*on, *amount_minor)?,
        LoanAction::Pay { on, kind, amount_minor } => id = Some(loan.pay(*on, *kind, *amount_minor)?),
        LoanAction::ChargeBack { amount_minor, payment } => {
            let payment = payment.as_ref().map(known).transpose()?;
            loan.charge_back(*amount_minor, payment)?;
        }
        LoanAction::DeferIncome { on, kind, amount_minor } => loan.defer_income(*on, *kind, *amount_minor)?,
        LoanAction::Charge { component, due, amount_minor } => {
            id = Some(CHARGES + loan.charges().len() as u32);
            loan.charge(*component, *due, *amount_minor)?;
        }
        LoanAction::ChargeEveryInstalment { fee } => loan.charge_every_instalment(*fee)?,
        LoanAction::WaiveCharge { charge } => {
            let number = known(charge)?;
            let number = number.checked_sub(CHARGES).ok_or_else(|| Error::unknown("charge", charge))?;
            loan.waive_charge(number as usize)?;
        }
        LoanAction::ChangeTerms { change } => loan.change_terms(*change)?,
        LoanAction::ReAge { start, every, instalments } => loan.re_age(*start, *every, *instalments)?,
        LoanAction::Mark { on, kind } => loan.mark(*on, *kind)?,
        LoanAction::CloseDay => loan.end_of_day()?,
        LoanAction::Reverse { .. } => id = None,
    }
    if let Some(id) = id {
        ids.insert(event.key.clone(), id);
    }
    Ok(())
}

fn digest_of(content: &impl Serialize) -> Result<String> {
    let bytes =
        serde_json::to_vec(content).map_err(|error| Error::invalid("state", error, "of a form that JSON can hold"))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
