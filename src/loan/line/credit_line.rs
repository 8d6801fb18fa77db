//! The aggregate: a limit, its drawdowns, the log of events and the journal they made.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::drawdown::{Drawdown, DrawdownStatus};
use super::event::{Action, DrawdownId, Event};
use super::fold::{Fold, LineState, Movement};
use super::policy::LinePolicy;
use super::terms::DrawdownTerms;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, Component, JournalEntry, JournalKind, Posting};
use crate::money::Money;

/// The version of the serialised form of states and snapshots.
pub const STATE_VERSION: u32 = 1;

/// What a line starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTerms {
    /// The limit: principal outstanding may not pass it.
    pub limit_minor: Money,
    /// The first day.
    pub opened_on: Date,
    /// The first day without drawdowns.
    pub expires_on: Date,
}

/// Why a drawdown is not possible, in this order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The line is frozen.
    Frozen,
    /// The line has not begun or has ended.
    NotOpen,
    /// Something on the line is overdue.
    Overdue,
    /// More than is available.
    AboveAvailable {
        /// What is available.
        available_minor: Money,
    },
}

/// How a drawdown stands on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawdownPosition {
    /// The caller's number.
    pub id: DrawdownId,
    /// How it stands.
    pub status: DrawdownStatus,
    /// Principal outstanding.
    pub principal_minor: Money,
    /// Interest earned and not paid, up to the day.
    pub interest_minor: Money,
    /// Fees open.
    pub fee_minor: Money,
    /// Penalties open.
    pub penalty_minor: Money,
    /// Principal and interest that fell due before the day and are open.
    pub overdue_minor: Money,
    /// Days past due.
    pub days_past_due: u32,
    /// Whether interest is not recognised as income.
    pub non_accrual: bool,
    /// Whether it was restructured.
    pub restructured: bool,
    /// The next due date from the day on.
    pub next_due_on: Option<Date>,
}

impl DrawdownPosition {
    fn of(drawdown: &Drawdown, day: Date, policy: &LinePolicy) -> Self {
        let held = matches!(drawdown.status, DrawdownStatus::Active | DrawdownStatus::ChargedOff);
        Self {
            id: drawdown.id,
            status: drawdown.status,
            principal_minor: drawdown.outstanding(),
            interest_minor: drawdown.open_of(Component::Interest),
            fee_minor: drawdown.open_of(Component::Fee),
            penalty_minor: drawdown.open_of(Component::Penalty),
            overdue_minor: Money::from_minor(if held { drawdown.overdue(day) } else { 0 }),
            days_past_due: if held { drawdown.days_past_due(day, policy) } else { 0 },
            non_accrual: drawdown.non_accrual,
            restructured: drawdown.restructured,
            next_due_on: drawdown
                .instalments
                .iter()
                .find(|row| row.due_on >= day && row.open() > Money::ZERO)
                .map(|row| row.due_on),
        }
    }

    /// Everything open.
    #[must_use]
    pub fn owed(&self) -> Money {
        let parts = [self.principal_minor, self.interest_minor, self.fee_minor, self.penalty_minor];
        Money::from_minor(parts.iter().map(|part| part.to_minor()).sum())
    }
}

/// How a line stands on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePosition {
    /// The day.
    pub as_of: Date,
    /// The limit.
    pub limit_minor: Money,
    /// What can still be drawn: the limit less principal outstanding, never below zero; nothing when frozen or ended.
    pub available_minor: Money,
    /// Principal outstanding on all drawdowns still held.
    pub principal_minor: Money,
    /// Everything owed on them.
    pub owed_minor: Money,
    /// What is overdue.
    pub overdue_minor: Money,
    /// The highest days past due of any drawdown.
    pub days_past_due: u32,
    /// Money the borrower has paid too much.
    pub credit_balance_minor: Money,
    /// The drawdowns, in the order of their disbursement.
    pub drawdowns: Vec<DrawdownPosition>,
}

/// What it takes to close a drawdown on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoffQuote {
    /// The day of payment.
    pub on: Date,
    /// Principal outstanding.
    pub principal_minor: Money,
    /// Interest up to the day.
    pub interest_minor: Money,
    /// Fees, the prepayment fee included.
    pub fee_minor: Money,
    /// Penalties.
    pub penalty_minor: Money,
    /// The fee for leaving early, contained in the fees.
    pub prepayment_fee_minor: Money,
    /// The sum: paying it on the day leaves exactly nothing.
    pub total_minor: Money,
}

/// A line's state on a day with a version and a digest, to go on from without the events before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`STATE_VERSION`] when it was made.
    pub version: u32,
    /// What the line started from.
    pub terms: LineTerms,
    /// The state.
    pub state: LineState,
    /// Keys of the events before it, with their bodies' digests, so that a late repeat is still recognised.
    pub keys: BTreeMap<String, String>,
    /// SHA-256 over version, policy, terms, state and keys.
    pub digest: String,
}

/// A revolving credit line.
///
/// Its state is `fold(policy, events)` in value order. An event of today is folded in; one that is backdated, or a
/// reversal, folds everything again and books only the difference. Nothing is half applied: an event that cannot be
/// folded, or that would break a later one, is refused and leaves no trace.
///
/// ```
/// use dandelion_credit::Money;
/// use dandelion_credit::loan::{Action, CreditLine, DrawdownId, DrawdownTerms, Event, LinePolicy, LineTerms, PaymentKind};
///
/// let terms = LineTerms {
///     limit_minor: Money::from_minor(1_000_000),
///     opened_on: "2026-01-01".parse().unwrap(),
///     expires_on: "2027-01-01".parse().unwrap(),
/// };
/// let mut line = CreditLine::open(LinePolicy::china(), terms)?;
/// let id = DrawdownId(1);
/// let fifty_days = DrawdownTerms::bullet_daily("0.0005".parse().unwrap(), 50)?;
/// line.draw("draw-1", "2026-03-01".parse().unwrap(), id, Money::from_minor(761_500), &fifty_days)?.expect("within the limit");
///
/// // Paid back after 20 days: 7,615.00 × 0.05 % × 20 = 76.15
/// let day = "2026-03-21".parse().unwrap();
/// let quote = line.payoff(id, day)?;
/// assert_eq!(quote.total_minor.to_minor(), 761_500 + 7_615);
/// line.record(Event::new("pay-1", day, Action::Repay {
///     drawdown: Some(id), amount_minor: quote.total_minor, kind: PaymentKind::Repayment,
/// }))?;
/// assert_eq!(line.position(day)?.owed_minor, Money::ZERO);
/// assert_eq!(line.position(day)?.available_minor.to_minor(), 1_000_000);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CreditLine {
    policy: LinePolicy,
    terms: LineTerms,
    /// Where the fold starts: an empty line or a snapshot.
    base: LineState,
    base_keys: BTreeMap<String, String>,
    events: Vec<Event>,
    /// Numbers of the events that count, in value order.
    order: Vec<u32>,
    /// Key to number.
    numbers: HashMap<String, u32>,
    /// Number of a reversed event to number of its reversal.
    reversed: BTreeMap<u32, u32>,
    state: LineState,
    /// What the fold as it stands would have booked.
    folded: Vec<JournalEntry>,
    movements: Vec<Movement>,
    /// What was booked, compensations included.
    journal: Vec<JournalEntry>,
}

impl CreditLine {
    /// An empty line.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a negative limit, an expiry before the opening, or a policy that breaks a rule.
    pub fn open(policy: LinePolicy, terms: LineTerms) -> Result<Self> {
        policy.check()?;
        if terms.limit_minor.is_negative() {
            return Err(Error::invalid("limit", terms.limit_minor.to_minor(), "not below zero"));
        }
        if terms.expires_on < terms.opened_on {
            return Err(Error::invalid(
                "expiry",
                terms.expires_on,
                format!("not before the opening on {}", terms.opened_on),
            ));
        }
        let state = LineState {
            as_of: terms.opened_on,
            limit_minor: terms.limit_minor,
            expires_on: terms.expires_on,
            frozen: false,
            credit_balance_minor: Money::ZERO,
            drawdowns: Vec::new(),
            turnover: 0,
        };
        Ok(Self::from_base(policy, terms, state, BTreeMap::new()))
    }

    fn from_base(policy: LinePolicy, terms: LineTerms, base: LineState, base_keys: BTreeMap<String, String>) -> Self {
        Self {
            policy,
            terms,
            state: base.clone(),
            base,
            base_keys,
            events: Vec::new(),
            order: Vec::new(),
            numbers: HashMap::new(),
            reversed: BTreeMap::new(),
            folded: Vec::new(),
            movements: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// The line that these events make, given in any order.
    ///
    /// # Errors
    /// As [`record`](Self::record), naming the event.
    pub fn replay(policy: LinePolicy, terms: LineTerms, events: impl IntoIterator<Item = Event>) -> Result<Self> {
        let mut line = Self::open(policy, terms)?;
        line.record_all(events)?;
        Ok(line)
    }

    /// The rules it is kept by.
    #[must_use]
    pub const fn policy(&self) -> &LinePolicy {
        &self.policy
    }

    /// What it started from.
    #[must_use]
    pub const fn terms(&self) -> &LineTerms {
        &self.terms
    }

    /// The state after the last event.
    #[must_use]
    pub const fn state(&self) -> &LineState {
        &self.state
    }

    /// All events, in the order of their arrival.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// All entries booked so far, compensations included.
    #[must_use]
    pub fn journal(&self) -> &[JournalEntry] {
        &self.journal
    }

    /// The movements of the fold as it now stands, in value order.
    #[must_use]
    pub fn movements(&self) -> &[Movement] {
        &self.movements
    }

    /// Whether and why not `amount` can be drawn on `day`.
    ///
    /// # Errors
    /// As [`position`](Self::position).
    pub fn refusal(&self, day: Date, amount: Money) -> Result<Option<Refusal>> {
        let position = self.position(day)?;
        Ok(if self.state.frozen {
            Some(Refusal::Frozen)
        } else if day < self.terms.opened_on || day >= self.state.expires_on {
            Some(Refusal::NotOpen)
        } else if position.days_past_due > 0 {
            Some(Refusal::Overdue)
        } else if amount > position.available_minor {
            Some(Refusal::AboveAvailable { available_minor: position.available_minor })
        } else {
            None
        })
    }

    /// Draws on the line if the line allows it. A refusal is a result and leaves no trace.
    ///
    /// [`record`](Self::record) takes a disbursement as a fact, whatever the limit; this door asks first.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for an amount that is not above zero or terms that make no loan; [`Error::is_conflict`] for a
    /// drawdown number or key in use.
    pub fn draw(
        &mut self,
        key: &str,
        day: Date,
        drawdown: DrawdownId,
        amount: Money,
        terms: &DrawdownTerms,
    ) -> Result<Result<Vec<JournalEntry>, Refusal>> {
        let action = Action::Disburse { drawdown, amount_minor: amount, terms: terms.clone() };
        let event = Event::new(key, day, action).in_sequence(self.events.len() as u64);
        if !self.knows(&event)?
            && let Some(refusal) = self.refusal(day, amount)?
        {
            return Ok(Err(refusal));
        }
        self.record(event).map(Ok)
    }

    /// Whether the very same event was recorded before.
    fn knows(&self, event: &Event) -> Result<bool> {
        let conflict = || Error::conflict("event key", &event.key, "the same event under the same key");
        if let Some(&number) = self.numbers.get(&event.key) {
            let known = &self.events[number as usize];
            let same = known.action == event.action && known.value_date == event.value_date;
            return if same { Ok(true) } else { Err(conflict()) };
        }
        match self.base_keys.get(&event.key) {
            Some(digest) if *digest == body_digest(event)? => Ok(true),
            Some(_) => Err(conflict()),
            None => Ok(false),
        }
    }

    /// Records an event and gives back the entries it booked. The same event under the same key does nothing.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for amounts and dates that break a rule, [`Error::is_unknown`] for a drawdown or a key that
    /// does not exist, [`Error::is_conflict`] for a key used twice, a reversal of a reversal, an event before the snapshot
    /// the line was resumed from, or one that takes away what a later event stands on. The line is then as it was.
    pub fn record(&mut self, event: Event) -> Result<Vec<JournalEntry>> {
        if self.knows(&event)? {
            return Ok(Vec::new());
        }
        let number = self.admit(&event)?;
        let recorded_on = event.recorded_on.max(event.value_date);
        let in_order = !matches!(event.action, Action::Reverse { .. })
            && event.value_date >= self.state.as_of
            && self.order.last().is_none_or(|&last| self.events[last as usize].order() < event.order());
        let booked_before = self.journal.len();
        if in_order {
            let mut fold =
                Fold { policy: &self.policy, state: self.state.clone(), entries: Vec::new(), movements: Vec::new() };
            fold.step(number, &event).map_err(|error| error.at(format!("event {}", event.key)))?;
            let Fold { state, entries, movements, .. } = fold;
            self.state = state;
            self.movements.extend(movements);
            self.folded.extend(entries.iter().cloned());
            self.journal.extend(entries);
            self.order.push(number);
        } else {
            let mut order = self.order.clone();
            let mut reversed = self.reversed.clone();
            if let Action::Reverse { ref key } = event.action {
                let target = self.reversible(key)?;
                order.retain(|&other| other != target);
                reversed.insert(target, number);
            } else {
                let place = order.partition_point(|&other| self.events[other as usize].order() < event.order());
                order.insert(place, number);
            }
            let as_of = self.state.as_of.max(event.value_date);
            let Fold { state, entries, movements, .. } = self.fold(&order, Some((number, &event)), as_of)?;
            self.compensate(&entries, number, recorded_on);
            (self.order, self.reversed) = (order, reversed);
            (self.state, self.folded, self.movements) = (state, entries, movements);
        }
        self.numbers.insert(event.key.clone(), number);
        self.events.push(event);
        Ok(self.journal[booked_before..].to_vec())
    }

    /// Records many events at once, given in any order: one fold, all or nothing.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_all(&mut self, events: impl IntoIterator<Item = Event>) -> Result<Vec<JournalEntry>> {
        let mut draft = Draft { numbers: self.numbers.clone(), events: std::mem::take(&mut self.events) };
        let kept = draft.events.len();
        let result = self.admit_all(&mut draft, events);
        self.events = draft.events;
        match result {
            Ok(booked) => {
                self.numbers = draft.numbers;
                Ok(booked)
            }
            Err(error) => {
                self.events.truncate(kept);
                Err(error)
            }
        }
    }

    fn admit_all(&mut self, draft: &mut Draft, events: impl IntoIterator<Item = Event>) -> Result<Vec<JournalEntry>> {
        let first_new = draft.events.len();
        let mut recorded_on = self.state.as_of;
        for event in events {
            let known = match draft.numbers.get(&event.key) {
                Some(&number) => {
                    let known = &draft.events[number as usize];
                    if known.action != event.action || known.value_date != event.value_date {
                        return Err(Error::conflict("event key", &event.key, "the same event under the same key"));
                    }
                    true
                }
                None => !self.base_keys.is_empty() && self.knows(&event)?,
            };
            if known {
                continue;
            }
            self.admit_after(&event, draft.events.len())?;
            recorded_on = recorded_on.max(event.recorded_on).max(event.value_date);
            draft.numbers.insert(event.key.clone(), draft.events.len() as u32);
            draft.events.push(event);
        }
        let mut reversed = self.reversed.clone();
        for number in first_new..draft.events.len() {
            let Action::Reverse { ref key } = draft.events[number].action else { continue };
            let Some(&target) = draft.numbers.get(key) else {
                return Err(Error::unknown("event to reverse", key));
            };
            if matches!(draft.events[target as usize].action, Action::Reverse { .. }) {
                return Err(Error::conflict("reversal", key, "an event that is not a reversal itself"));
            }
            if reversed.insert(target, number as u32).is_some() {
                return Err(Error::conflict("reversal", key, "an event not reversed before"));
            }
        }
        let events = &draft.events;
        let mut order: Vec<u32> = (0..events.len() as u32)
            .filter(|number| !reversed.contains_key(number))
            .filter(|&number| !matches!(events[number as usize].action, Action::Reverse { .. }))
            .collect();
        order.sort_unstable_by(|&a, &b| events[a as usize].order().cmp(&events[b as usize].order()));
        let as_of = events.iter().map(|event| event.value_date).max().unwrap_or(self.state.as_of).max(self.state.as_of);
        let mut fold = self.begin();
        for &number in &order {
            let event = &events[number as usize];
            fold.step(number, event).map_err(|error| error.at(format!("event {}", event.key)))?;
        }
        fold.state.as_of = fold.state.as_of.max(as_of);
        let Fold { state, entries, movements, .. } = fold;
        let before = self.journal.len();
        if before == 0 {
            self.journal = entries.clone();
        } else {
            let number = draft.events.len().saturating_sub(1) as u32;
            self.compensate(&entries, number, recorded_on);
        }
        (self.order, self.reversed) = (order, reversed);
        (self.state, self.folded, self.movements) = (state, entries, movements);
        Ok(self.journal[before..].to_vec())
    }

    fn admit(&self, event: &Event) -> Result<u32> {
        self.admit_after(event, self.events.len())
    }

    fn admit_after(&self, event: &Event, known: usize) -> Result<u32> {
        if event.value_date < self.terms.opened_on {
            return Err(Error::invalid(
                "value date",
                event.value_date,
                format!("not before the opening on {}", self.terms.opened_on),
            ));
        }
        let is_reversal = matches!(event.action, Action::Reverse { .. });
        if event.value_date < self.base.as_of && !is_reversal {
            let rule = format!("a value date not before the snapshot of {}", self.base.as_of);
            return Err(Error::conflict("event", &event.key, rule));
        }
        u32::try_from(known).map_err(|_| Error::overflow("events of a line", "at most 4,294,967,295"))
    }

    fn reversible(&self, key: &str) -> Result<u32> {
        if self.base_keys.contains_key(key) {
            return Err(Error::conflict(
                "reversal",
                key,
                format!("an event after the snapshot of {}", self.base.as_of),
            ));
        }
        let &target = self.numbers.get(key).ok_or_else(|| Error::unknown("event to reverse", key))?;
        if matches!(self.events[target as usize].action, Action::Reverse { .. }) {
            return Err(Error::conflict("reversal", key, "an event that is not a reversal itself"));
        }
        if self.reversed.contains_key(&target) {
            return Err(Error::conflict("reversal", key, "an event not reversed before"));
        }
        Ok(target)
    }

    fn begin(&self) -> Fold<'_> {
        Fold { policy: &self.policy, state: self.base.clone(), entries: Vec::new(), movements: Vec::new() }
    }

    fn fold(&self, order: &[u32], new: Option<(u32, &Event)>, as_of: Date) -> Result<Fold<'_>> {
        let mut fold = self.begin();
        for &number in order {
            let event = match new {
                Some((newest, event)) if newest == number => event,
                _ => &self.events[number as usize],
            };
            fold.step(number, event).map_err(|error| error.at(format!("event {}", event.key)))?;
        }
        // Accruals that were booked up to a day stay booked up to it.
        if self.folded.iter().any(|entry| entry.kind == JournalKind::Accrual && entry.event.is_none()) {
            fold.advance(as_of)?;
        }
        fold.state.as_of = fold.state.as_of.max(as_of);
        Ok(fold)
    }

    /// Books the difference between what was booked and what should have been, by event and, for accruals, by drawdown.
    fn compensate(&mut self, folded: &[JournalEntry], number: u32, booked_on: Date) {
        type Source = (Option<u32>, Option<u32>);
        let mut differences: BTreeMap<Source, BTreeMap<Account, i64>> = BTreeMap::new();
        let mut value_dates: BTreeMap<Source, Date> = BTreeMap::new();
        for (entries, sign) in [(&self.folded[..], -1), (folded, 1)] {
            for entry in entries {
                let source = (entry.event, entry.drawdown);
                let date = value_dates.entry(source).or_insert(entry.value_date);
                *date = (*date).max(entry.value_date);
                let accounts = differences.entry(source).or_default();
                for posting in &entry.postings {
                    *accounts.entry(posting.account).or_default() += sign * posting.debit_minor.to_minor();
                }
            }
        }
        for (source, accounts) in differences {
            let postings: Vec<Posting> = accounts
                .into_iter()
                .filter(|&(_, debit)| debit != 0)
                .map(|(account, debit)| Posting { account, debit_minor: Money::from_minor(debit) })
                .collect();
            if postings.is_empty() {
                continue;
            }
            let kind = match source.0 {
                Some(event) if event == number => JournalKind::Event,
                _ => JournalKind::Compensation,
            };
            self.journal.push(JournalEntry {
                booked_on,
                value_date: value_dates[&source],
                event: source.0,
                drawdown: source.1,
                kind,
                postings,
            });
        }
    }

    /// Books what the days up to `day` have earned on every drawdown. A nightly run; nothing for a day already passed.
    ///
    /// # Errors
    /// [`Error::is_overflow`] when interest outgrows 10^18 minor units.
    pub fn advance(&mut self, day: Date) -> Result<Vec<JournalEntry>> {
        let mut fold =
            Fold { policy: &self.policy, state: self.state.clone(), entries: Vec::new(), movements: Vec::new() };
        fold.advance(day)?;
        let Fold { state, entries, movements, .. } = fold;
        self.state = state;
        self.movements.extend(movements);
        self.folded.extend(entries.iter().cloned());
        self.journal.extend(entries.iter().cloned());
        Ok(entries)
    }

    /// The state as it was, or will be if nothing more happens, at the end of `day`'s events.
    ///
    /// # Errors
    /// [`Error::is_conflict`] for a day before the snapshot the line was resumed from.
    pub fn state_on(&self, day: Date) -> Result<LineState> {
        if day < self.base.as_of && !self.base_keys.is_empty() {
            return Err(Error::conflict("day", day, format!("a day not before the snapshot of {}", self.base.as_of)));
        }
        let mut fold = if day >= self.state.as_of {
            Fold { policy: &self.policy, state: self.state.clone(), entries: Vec::new(), movements: Vec::new() }
        } else {
            let mut fold = self.begin();
            for &number in self.order.iter().take_while(|&&number| self.events[number as usize].value_date <= day) {
                fold.step(number, &self.events[number as usize])?;
            }
            fold
        };
        fold.advance(day)?;
        Ok(fold.state)
    }

    /// How the line stands at the end of `day`, past or future.
    ///
    /// # Errors
    /// As [`state_on`](Self::state_on).
    pub fn position(&self, day: Date) -> Result<LinePosition> {
        let state = self.state_on(day)?;
        let drawdowns: Vec<DrawdownPosition> =
            state.drawdowns.iter().map(|drawdown| DrawdownPosition::of(drawdown, day, &self.policy)).collect();
        let principal: i64 = drawdowns.iter().map(|drawdown| drawdown.principal_minor.to_minor()).sum();
        let open = !state.frozen && day >= self.terms.opened_on && day < state.expires_on;
        let available = if open { (state.limit_minor.to_minor() - principal).max(0) } else { 0 };
        Ok(LinePosition {
            as_of: day,
            limit_minor: state.limit_minor,
            available_minor: Money::from_minor(available),
            principal_minor: Money::from_minor(principal),
            owed_minor: Money::checked_sum(drawdowns.iter().map(DrawdownPosition::owed))?,
            overdue_minor: Money::checked_sum(drawdowns.iter().map(|drawdown| drawdown.overdue_minor))?,
            days_past_due: drawdowns.iter().map(|drawdown| drawdown.days_past_due).max().unwrap_or(0),
            credit_balance_minor: state.credit_balance_minor,
            drawdowns,
        })
    }

    /// What closes a drawdown on `day`, a day not before the last event.
    ///
    /// # Errors
    /// [`Error::is_unknown`] for a drawdown that does not exist; [`Error::is_conflict`] for a day before the last event.
    pub fn payoff(&self, id: DrawdownId, day: Date) -> Result<PayoffQuote> {
        if day < self.state.as_of {
            return Err(Error::conflict(
                "payoff day",
                day,
                format!("a day not before the last event on {}", self.state.as_of),
            ));
        }
        let state = self.state_on(day)?;
        let found = state.drawdowns.iter().find(|drawdown| drawdown.id == id);
        let drawdown = found.ok_or_else(|| Error::unknown("drawdown", id.0))?;
        let early = drawdown.principal_in_advance(day);
        let fee = if drawdown.is_active() && early > 0 {
            Money::from_minor(drawdown.prepayment_fee(day, early, true, self.policy.rounding)?)
        } else {
            Money::ZERO
        };
        let position = DrawdownPosition::of(drawdown, day, &self.policy);
        Ok(PayoffQuote {
            on: day,
            principal_minor: position.principal_minor,
            interest_minor: position.interest_minor,
            fee_minor: position.fee_minor.checked_add(fee)?,
            penalty_minor: position.penalty_minor,
            prepayment_fee_minor: fee,
            total_minor: position.owed().checked_add(fee)?,
        })
    }

    /// The quotes of `days` days from `day` on: what a reader sees who may pay today or later.
    ///
    /// # Errors
    /// As [`payoff`](Self::payoff).
    pub fn payoffs(&self, id: DrawdownId, day: Date, days: u32) -> Result<Vec<PayoffQuote>> {
        (0..days).map(|ahead| self.payoff(id, super::drawdown::plus(day, ahead)?)).collect()
    }

    /// The state with a version and a digest, to be stored and gone on from.
    ///
    /// # Errors
    /// Never for a line made through this type; the digest is made from its JSON form.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut keys = self.base_keys.clone();
        for event in &self.events {
            keys.insert(event.key.clone(), body_digest(event)?);
        }
        let digest = state_digest(&self.policy, &self.terms, &self.state, &keys)?;
        Ok(Snapshot { version: STATE_VERSION, terms: self.terms, state: self.state.clone(), keys, digest })
    }

    /// Goes on from a snapshot. Later events give the state a full replay would have given; earlier ones are refused.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] for another version; [`Error::is_conflict`] when the digest does not fit, because the
    /// snapshot was changed or belongs to another policy.
    pub fn resume(policy: LinePolicy, snapshot: Snapshot) -> Result<Self> {
        if snapshot.version != STATE_VERSION {
            return Err(Error::unsupported("snapshot version", snapshot.version));
        }
        policy.check()?;
        let digest = state_digest(&policy, &snapshot.terms, &snapshot.state, &snapshot.keys)?;
        if digest != snapshot.digest {
            return Err(Error::conflict(
                "snapshot digest",
                &snapshot.digest,
                "the digest of its content under this policy",
            ));
        }
        Ok(Self::from_base(policy, snapshot.terms, snapshot.state, snapshot.keys))
    }

    /// SHA-256 of policy, terms, state and the keys of all events.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn digest(&self) -> Result<String> {
        Ok(self.snapshot()?.digest)
    }
}

/// Keys and events while a batch is admitted.
struct Draft {
    numbers: HashMap<String, u32>,
    events: Vec<Event>,
}

fn state_digest(
    policy: &LinePolicy,
    terms: &LineTerms,
    state: &LineState,
    keys: &BTreeMap<String, String>,
) -> Result<String> {
    sha256(&(STATE_VERSION, policy, terms, state, keys))
}

fn body_digest(event: &Event) -> Result<String> {
    sha256(&(event.value_date, &event.action))
}

fn sha256<T: Serialize>(content: &T) -> Result<String> {
    let bytes =
        serde_json::to_vec(content).map_err(|error| Error::invalid("state", error, "content that JSON can hold"))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
