//! All accounts at once, or one of them by day.

use crate::account::AccountIndex;
use crate::error::{Error, Result};
use crate::graph::TransferGraph;
use crate::graph::temporal::{Legs, TemporalIndex};
use crate::parallel::try_map_chunks;
use crate::progress::Progress;

use super::assessment::FraudAssessment;
use super::config::AuditConfig;
use super::context::{Context, Knowledge, Loans};
use super::examine::{Scratch, Taker, examine};
use super::marks::Marks;
use super::signal::{SIGNALS, Signal};
use super::suspicion::{Baseline, association, calibrated};

const CHUNK: usize = 1 << 11;

/// A market that is being audited: the transfers, what was marked, and the patterns that span several accounts.
///
/// [`prepare`](Self::prepare) searches the market once; [`audit`](Self::audit) then examines everybody, and
/// [`assess`](Self::assess) tells one account in full.
#[derive(Debug)]
pub struct Auditor<'a> {
    index: &'a TemporalIndex,
    graph: Option<&'a TransferGraph>,
    marks: &'a Marks,
    config: &'a AuditConfig,
    knowledge: Knowledge,
    loans: Loans,
    as_of: i64,
}

/// Every account's figures, a row an account.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketAudit {
    /// Receipts in minor units, refunds taken off.
    pub received_minor: Vec<i64>,
    /// What of them counts.
    pub verified_minor: Vec<i64>,
    /// How suspect the account is, 0 to 1: how unusual its signals are in this market, on the scale of the synthetic one,
    /// where it is the share of such shops that wash receipts.
    pub suspicion: Vec<f32>,
    /// The scores of all signals, in order of [`Signal::ALL`].
    pub scores: Vec<[f32; SIGNALS]>,
    /// What each signal took from all accounts together, in order of [`Signal::ALL`].
    pub removed_minor: [i64; SIGNALS],
    /// What the cap on single payers took from all accounts together.
    pub removed_by_payer_cap_minor: i64,
    /// Accounts around which a search reached its cap, ascending.
    pub capped: Vec<u32>,
    /// How often each score occurs: the scale of suspicion, to keep for [`assess_live`].
    pub baseline: Baseline,
}

impl MarketAudit {
    /// The signals raised for `account`, in order of precedence, with their scores.
    pub fn signals(&self, account: AccountIndex) -> impl Iterator<Item = (Signal, f32)> + '_ {
        let scores = &self.scores[account.as_usize()];
        Signal::ALL.into_iter().map(|signal| (signal, scores[signal.index()])).filter(|pair| pair.1 > 0.0)
    }
}

impl<'a> Auditor<'a> {
    /// Searches the market for what spans several accounts. `graph`, built from the same transfers, carries the signals
    /// that follow relations: blocks, circles of payers and association; without it they stay silent.
    ///
    /// # Errors
    /// As [`AuditConfig::check`]; [`Error::is_invalid`] when graph and index differ in accounts; [`Error::is_cancelled`].
    ///
    /// # Complexity
    /// Linear in the transfers, but for the sorts of small groups; searches around hubs are capped.
    pub fn prepare(
        index: &'a TemporalIndex,
        graph: Option<&'a TransferGraph>,
        marks: &'a Marks,
        config: &'a AuditConfig,
        progress: Progress<'_>,
    ) -> Result<Self> {
        config.check()?;
        if let Some(graph) = graph
            && graph.accounts() != index.accounts()
        {
            let rule = format!("{}, as in the index", index.accounts());
            return Err(Error::invalid("accounts of the graph", graph.accounts(), rule));
        }
        let latest = index.span().map_or(0, |span| span[1]);
        let span_seconds = index.span().map_or(0, |span| span[1].saturating_sub(span[0]));
        let knowledge = Knowledge::of(index, graph, span_seconds, config, progress)?;
        let loans = Loans::of(index, marks);
        Ok(Self { index, graph, marks, config, knowledge, loans, as_of: config.as_of_seconds.unwrap_or(latest) })
    }

    fn context(&self) -> Context<'_, TemporalIndex> {
        Context {
            legs: self.index,
            graph: self.graph,
            marks: self.marks,
            config: self.config,
            loans: &self.loans,
            market: Some(&self.knowledge),
            as_of: self.as_of,
            takes_by_shape: self.config.takes_by_shape(),
        }
    }

    /// Examines every account.
    ///
    /// # Errors
    /// [`Error::is_cancelled`].
    ///
    /// # Complexity
    /// The transfers of each account times the logarithm of their number.
    pub fn audit(&self, progress: Progress<'_>) -> Result<MarketAudit> {
        #[derive(Default)]
        struct Part {
            received: Vec<i64>,
            verified: Vec<i64>,
            scores: Vec<[f32; SIGNALS]>,
            removed: [i64; SIGNALS],
            by_cap: i64,
            capped: Vec<u32>,
        }
        let context = self.context();
        let accounts = self.index.accounts();
        let parts = try_map_chunks(accounts, CHUNK, |range| {
            progress.step("examining accounts", range.start as u64, accounts as u64)?;
            let mut scratch = Scratch::default();
            let mut part = Part {
                received: Vec::with_capacity(range.len()),
                verified: Vec::with_capacity(range.len()),
                scores: Vec::with_capacity(range.len()),
                ..Part::default()
            };
            for account in range {
                let examination = examine(&context, account as u32, &mut scratch, false);
                part.received.push(examination.received_minor);
                part.verified.push(examination.verified_minor());
                part.scores.push(examination.scores);
                for (by, minor, _) in examination.taken {
                    match by {
                        Taker::Signal(signal) => part.removed[signal.index()] += minor,
                        Taker::PayerCap => part.by_cap += minor,
                    }
                }
                if examination.capped {
                    part.capped.push(account as u32);
                }
            }
            Ok(part)
        })?;
        let mut audit = MarketAudit {
            received_minor: Vec::with_capacity(accounts),
            verified_minor: Vec::with_capacity(accounts),
            suspicion: Vec::with_capacity(accounts),
            scores: Vec::with_capacity(accounts),
            removed_minor: [0; SIGNALS],
            removed_by_payer_cap_minor: 0,
            capped: Vec::new(),
            baseline: Baseline::default(),
        };
        for part in parts {
            audit.received_minor.extend(part.received);
            audit.verified_minor.extend(part.verified);
            audit.scores.extend(part.scores);
            audit.removed_minor.iter_mut().zip(part.removed).for_each(|(sum, part)| *sum += part);
            audit.removed_by_payer_cap_minor += part.by_cap;
            audit.capped.extend(part.capped);
        }
        audit.baseline = Baseline::of(&audit.scores);
        let weights = &self.config.suspicion_weights;
        audit.suspicion = try_map_chunks(accounts, CHUNK, |range| {
            Ok(audit.scores[range]
                .iter()
                .map(|row| audit.baseline.unusualness(row, weights) as f32)
                .collect::<Vec<f32>>())
        })?
        .concat();
        if let Some(graph) = self.graph.filter(|_| self.config.looks_for(Signal::Association)) {
            let reached = association(graph, &self.knowledge.closure.ties, &audit.suspicion, progress)?;
            let weight = weights.of(Signal::Association) as f32;
            for (account, &near) in reached.iter().enumerate() {
                audit.scores[account][Signal::Association.index()] = near;
                let own = audit.suspicion[account];
                audit.suspicion[account] = 1.0 - (1.0 - own) * (1.0 - weight * near);
            }
        }
        audit.suspicion.iter_mut().for_each(|suspicion| *suspicion = calibrated(f64::from(*suspicion)) as f32);
        Ok(audit)
    }

    /// One account in full: findings with evidence, and what was removed line by line. `market` is the audit of this
    /// market, which places the account's suspicion.
    ///
    /// # Errors
    /// [`Error::is_unknown`] when there is no such account.
    pub fn assess(&self, account: AccountIndex, market: &MarketAudit) -> Result<FraudAssessment> {
        if account.as_usize() >= self.index.accounts().min(market.suspicion.len()) {
            return Err(Error::unknown("account", account));
        }
        let examination = examine(&self.context(), account.get(), &mut Scratch::default(), true);
        let suspicion = f64::from(market.suspicion[account.as_usize()]);
        let near = market.scores[account.as_usize()][Signal::Association.index()];
        let association = (near > 0.0).then(|| (near, self.rows_of_suspects(account.get(), market)));
        Ok(FraudAssessment::of(account.get(), examination, suspicion, association, self.config))
    }

    /// The transfers with the three most suspicious counterparties.
    fn rows_of_suspects(&self, account: u32, market: &MarketAudit) -> Vec<u32> {
        let (received, sent) = (self.index.received(account), self.index.sent(account));
        let mut peers: Vec<u32> = received.iter().chain(sent).map(|leg| leg.peer).collect();
        peers.sort_unstable();
        peers.dedup();
        let suspicion = |peer: &u32| market.suspicion[*peer as usize];
        peers.sort_by(|a, b| suspicion(b).total_cmp(&suspicion(a)).then(a.cmp(b)));
        peers.truncate(3);
        let mut rows = Vec::new();
        for peer in peers {
            rows.extend(received.iter().chain(sent).filter(|leg| leg.peer == peer).map(|leg| leg.row));
        }
        rows.truncate(self.config.evidence_rows);
        rows
    }
}

/// One account on a live window, by day: the same signals from its own surroundings, with no search of the market.
///
/// Signals that compare the whole market (overlap of payers, trails of odd amounts, blocks, crowds, association) need an
/// [`Auditor`] and stay silent here; `baseline` is the one that the last [`MarketAudit`] left behind.
///
/// # Errors
/// As [`AuditConfig::check`]; [`Error::is_unknown`] when there is no such account.
///
/// # Complexity
/// The transfers of the account and those around it that carry matching amounts; capped by
/// [`max_steps`](AuditConfig::max_steps) per search, and the assessment says so.
pub fn assess_live(
    legs: &impl Legs,
    account: AccountIndex,
    as_of_seconds: i64,
    marks: &Marks,
    config: &AuditConfig,
    baseline: &Baseline,
) -> Result<FraudAssessment> {
    config.check()?;
    if account.as_usize() >= legs.accounts() {
        return Err(Error::unknown("account", account));
    }
    let loans = Loans::of(legs, marks);
    let context = Context {
        legs,
        graph: None,
        marks,
        config,
        loans: &loans,
        market: None,
        as_of: as_of_seconds,
        takes_by_shape: config.takes_by_shape(),
    };
    let examination = examine(&context, account.get(), &mut Scratch::default(), true);
    let suspicion = calibrated(baseline.unusualness(&examination.scores, &config.suspicion_weights));
    Ok(FraudAssessment::of(account.get(), examination, suspicion, None, config))
}
