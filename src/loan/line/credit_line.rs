//! The aggregate: a limit, its drawdowns, the log of events and the journal they made.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::cost::CostCheck;
use super::event::{Action, DrawdownId, Event};
use super::fold::{Fold, LineState, Movement};
use super::policy::LinePolicy;
use super::position::Refusal;
use super::snapshot::body_digest;
use super::terms::DrawdownTerms;
use crate::calendar::Date;
use crate::error::{Error, Result};
use crate::loan::{Account, JournalEntry, JournalKind, Posting};
use crate::money::Money;

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

/// What recording did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recorded {
    /// The entries booked: the event's own, and compensations where it changed what came later.
    pub entries: Vec<JournalEntry>,
    /// Where the policy has a cap, what every drawdown that the event moved has cost; of a backdated event or a reversal also the
    /// checks of later events that came out differently.
    pub costs: Vec<CostCheck>,
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
    pub(super) policy: LinePolicy,
    pub(super) terms: LineTerms,
    /// Where the fold starts: an empty line or a snapshot.
    pub(super) base: LineState,
    pub(super) base_keys: BTreeMap<String, String>,
    pub(super) events: Vec<Event>,
    /// Numbers of the events that count, in value order.
    pub(super) order: Vec<u32>,
    /// Key to number.
    numbers: HashMap<String, u32>,
    /// Number of a reversed event to number of its reversal.
    reversed: BTreeMap<u32, u32>,
    pub(super) state: LineState,
    /// What the fold as it stands would have booked.
    folded: Vec<JournalEntry>,
    movements: Vec<Movement>,
    pub(super) costs: Vec<CostCheck>,
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
            fee_minor: Money::ZERO,
            drawdowns: Vec::new(),
            turnover: 0,
        };
        Ok(Self::from_base(policy, terms, state, BTreeMap::new()))
    }

    pub(super) fn from_base(
        policy: LinePolicy,
        terms: LineTerms,
        base: LineState,
        base_keys: BTreeMap<String, String>,
    ) -> Self {
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
            costs: Vec::new(),
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
    ) -> Result<Result<Recorded, Refusal>> {
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

    /// Records an event and gives back the entries it booked and, where the policy has a cap, what the drawdowns it moved have
    /// cost. The same event under the same key does nothing.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for amounts and dates that break a rule, [`Error::is_unknown`] for a drawdown or a key that
    /// does not exist, [`Error::is_conflict`] for a key used twice, a reversal of a reversal, an event before the snapshot
    /// the line was resumed from, or one that takes away what a later event stands on. The line is then as it was.
    pub fn record(&mut self, event: Event) -> Result<Recorded> {
        if self.knows(&event)? {
            return Ok(Recorded::default());
        }
        let number = self.admit(&event)?;
        let recorded_on = event.recorded_on.max(event.value_date);
        let in_order = !matches!(event.action, Action::Reverse { .. })
            && event.value_date >= self.state.as_of
            && self.order.last().is_none_or(|&last| self.events[last as usize].order() < event.order());
        let booked_before = self.journal.len();
        let costs;
        if in_order {
            let mut fold = Fold::new(&self.policy, self.state.clone());
            fold.step(number, &event).map_err(|error| error.at(format!("event {}", event.key)))?;
            let Fold { state, entries, movements, costs: checks, .. } = fold;
            self.state = state;
            self.movements.extend(movements);
            self.costs.extend_from_slice(&checks);
            costs = checks;
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
            let Fold { state, entries, movements, costs: checks, .. } =
                self.fold(&order, Some((number, &event)), as_of)?;
            self.compensate(&entries, number, recorded_on);
            costs = self.replace_costs(checks);
            (self.order, self.reversed) = (order, reversed);
            (self.state, self.folded, self.movements) = (state, entries, movements);
        }
        self.numbers.insert(event.key.clone(), number);
        self.events.push(event);
        Ok(Recorded { entries: self.journal[booked_before..].to_vec(), costs })
    }

    /// Records many events at once, given in any order: one fold, all or nothing.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_all(&mut self, events: impl IntoIterator<Item = Event>) -> Result<Recorded> {
        let mut draft = Draft { numbers: self.numbers.clone(), events: std::mem::take(&mut self.events) };
        let kept = draft.events.len();
        let result = self.admit_all(&mut draft, events);
        self.events = draft.events;
        match result {
            Ok(recorded) => {
                self.numbers = draft.numbers;
                Ok(recorded)
            }
            Err(error) => {
                self.events.truncate(kept);
                Err(error)
            }
        }
    }

    fn admit_all(&mut self, draft: &mut Draft, events: impl IntoIterator<Item = Event>) -> Result<Recorded> {
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
        let Fold { state, entries, movements, costs: checks, .. } = fold;
        let costs = self.replace_costs(checks);
        let before = self.journal.len();
        if before == 0 {
            self.journal = entries.clone();
        } else {
            let number = draft.events.len().saturating_sub(1) as u32;
            self.compensate(&entries, number, recorded_on);
        }
        (self.order, self.reversed) = (order, reversed);
        (self.state, self.folded, self.movements) = (state, entries, movements);
        Ok(Recorded { entries: self.journal[before..].to_vec(), costs })
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

    pub(super) fn begin(&self) -> Fold<'_> {
        Fold::new(&self.policy, self.base.clone())
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

    /// Takes the checks of a new fold and gives back those that were not there, or not so, before.
    fn replace_costs(&mut self, checks: Vec<CostCheck>) -> Vec<CostCheck> {
        let before: HashMap<(u32, DrawdownId), CostCheck> =
            self.costs.iter().map(|check| ((check.event, check.drawdown), *check)).collect();
        let is_new = |check: &&CostCheck| before.get(&(check.event, check.drawdown)) != Some(check);
        let new = checks.iter().filter(is_new).copied().collect();
        self.costs = checks;
        new
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
        let mut fold = Fold::new(&self.policy, self.state.clone());
        fold.advance(day)?;
        let Fold { state, entries, movements, .. } = fold;
        self.state = state;
        self.movements.extend(movements);
        self.folded.extend(entries.iter().cloned());
        self.journal.extend(entries.iter().cloned());
        Ok(entries)
    }
}

/// Keys and events while a batch is admitted.
struct Draft {
    numbers: HashMap<String, u32>,
    events: Vec<Event>,
}
