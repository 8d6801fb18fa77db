//! What has to be known about the whole market before single accounts can be examined.

use crate::elementary::half_to_the;
use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::temporal::{CircularFlows, Legs, RowSet, ScatterConfig, ScatterGather, circular_flows};
use crate::parallel::join;
use crate::progress::Progress;

use super::blocks::{MarketBlocks, market_blocks};
use super::by_account::ByAccount;
use super::chain::{Step, add_chains};
use super::closure::Closure;
use super::config::AuditConfig;
use super::context::Knowledge;
use super::facts::Facts;
use super::passed_on::PassedOn;
use super::patterns::Patterns;
use super::scattered::all_scatter_gathers;
use super::signal::Signal;
use super::{burst, overlap, trail};

pub(super) fn scatter_config(config: &AuditConfig) -> ScatterConfig {
    ScatterConfig { amount_tolerance: config.amount_tolerance, max_steps: config.max_steps, ..ScatterConfig::default() }
}

impl Knowledge {
    /// Searches the whole market.
    pub fn of(
        legs: &impl Legs,
        graph: Option<&TransferGraph>,
        span_seconds: i64,
        config: &AuditConfig,
        progress: Progress<'_>,
    ) -> Result<Self> {
        progress.step("lining up facts", 0, 1)?;
        let scatter = scatter_config(config);
        // Every search has stretches that one thread alone can work at; those side by side fill each other's.
        let (circles, (facts, passed_on)) = join(
            || match config.looks_for(Signal::CircularFlow) {
                true => circular_flows(legs, &config.cycles(), progress),
                false => Ok(CircularFlows::default()),
            },
            || {
                let facts = Facts::of(legs, scatter.window_seconds);
                let passed_on = PassedOn::of(legs, &facts, config, &scatter, progress);
                (facts, passed_on.map(|passed_on| bring_together(passed_on, &scatter)))
            },
        );
        let (circles, (passed_on, scattered)) = (circles?, passed_on?);
        let PassedOn { forwarded, links, mut capped, .. } = passed_on;
        let mut flows_of: Vec<(u32, u32)> = Vec::new();
        for (number, flow) in (0..).zip(&circles.flows) {
            flows_of.extend(flow.accounts.iter().map(|&account| (account, number)));
        }
        flows_of.sort_unstable();
        capped.extend(circles.capped);
        capped.sort_unstable();
        capped.dedup();
        let flow_rows = RowSet::of(circles.flows.iter().flat_map(|flow| &flow.rows).copied());
        let looks_for_any = |signals: &[Signal]| signals.iter().any(|&signal| config.looks_for(signal));
        let (blocks, closure) = join(
            || match graph {
                Some(graph) => market_blocks(graph, legs, config, progress),
                None => Ok(MarketBlocks::default()),
            },
            || match graph {
                Some(graph) if looks_for_any(&[Signal::TightGroup, Signal::OwnCircle, Signal::Association]) => {
                    Closure::of(graph, progress)
                }
                _ => Ok(Closure::default()),
            },
        );
        let (blocks, closure) = (blocks?, closure?);
        let (trails, (crowds, overlap)) = join(
            || match config.looks_for(Signal::AmountTrail) {
                true => trails(legs, &links, progress),
                false => Ok(Patterns::default()),
            },
            || {
                let crowds = match looks_for_any(&[Signal::FanInBurst, Signal::FanOutBurst, Signal::ScatterGather]) {
                    true => burst::crowds(legs, span_seconds, config, progress),
                    false => Ok(Default::default()),
                };
                let overlap = match config.looks_for(Signal::PayerOverlap) {
                    true => overlap::overlaps(legs, progress),
                    false => Ok(Vec::new()),
                };
                (crowds, overlap)
            },
        );
        let [crowds_in, crowds_out, relays] = crowds?;
        let mut scatters = scatters(scattered);
        scatters.append(relays);
        Ok(Self {
            facts,
            forwarded,
            flows: circles.flows,
            flow_rows,
            flows_of: ByAccount::of(flows_of.into_iter()),
            capped,
            trails: trails?,
            scatters: scatters.seal(),
            dense: blocks.dense,
            layers: blocks.layers,
            crowds_in,
            crowds_out,
            closure,
            overlap: overlap?,
        })
    }
}

/// The scattered money among what was passed on, whose hops are no longer needed then.
fn bring_together(mut passed_on: PassedOn, config: &ScatterConfig) -> (PassedOn, Vec<ScatterGather>) {
    let scattered = all_scatter_gathers(std::mem::take(&mut passed_on.hops), config);
    (passed_on, scattered)
}

/// The trails of odd amounts and the chains of money handed on whole.
fn trails(legs: &impl Legs, links: &[[Step; 2]], progress: Progress<'_>) -> Result<Patterns> {
    // Chains first: what one thread alone does for them is soon behind.
    let (chains, trails) = join(
        || {
            let mut chains = Patterns::default();
            progress.step("following chains", 0, 1)?;
            add_chains(links, &mut chains);
            Ok(chains)
        },
        || trail::trails(legs, progress),
    );
    let mut found = trails?;
    found.append(chains?);
    Ok(found.seal())
}

fn scatters(found: Vec<ScatterGather>) -> Patterns {
    let mut patterns = Patterns::default();
    for around in found {
        let strength = 1.0 - half_to_the(around.middle.len() as u32 - 2) as f32;
        let members = around.middle.iter().copied().chain([around.source, around.target]);
        patterns.add(strength, around.rows, members);
    }
    patterns
}
