//! What has to be known about the whole market before single accounts can be examined.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::temporal::{Leg, Legs, ScatterConfig, circular_flows, scatter_gathers};
use crate::parallel::{map_chunks, try_map_chunks};
use crate::progress::Progress;

use super::blocks::{MarketBlocks, market_blocks};
use super::closure::Closure;
use super::config::AuditConfig;
use super::context::{Knowledge, sole_payee};
use super::patterns::Patterns;
use super::{overlap, trail};

const CHUNK: usize = 1 << 12;

pub(super) fn scatter_config(config: &AuditConfig) -> ScatterConfig {
    ScatterConfig { amount_tolerance: config.amount_tolerance, max_steps: config.max_steps, ..ScatterConfig::default() }
}

/// Whether an account pays often enough in a short time to be worth a search for scattered money.
pub(super) fn scatters_at_all(sent: &[Leg], config: &ScatterConfig) -> bool {
    let apart = |three: &[Leg]| three[0].peer != three[1].peer && three[1].peer != three[2].peer;
    sent.windows(3).any(|three| three[2].at_seconds - three[0].at_seconds <= config.window_seconds && apart(three))
}

impl Knowledge {
    /// Searches the whole market.
    pub fn of(
        legs: &impl Legs,
        graph: Option<&TransferGraph>,
        config: &AuditConfig,
        progress: Progress<'_>,
    ) -> Result<Self> {
        let accounts = legs.accounts();
        let sole = map_chunks(accounts, CHUNK, |range| {
            range.map(|account| sole_payee(legs.sent(account as u32))).collect::<Vec<u32>>()
        });
        let circles = circular_flows(legs, &config.cycles(), progress)?;
        let mut flows_of: Vec<(u32, u32)> = Vec::new();
        for (number, flow) in (0..).zip(&circles.flows) {
            flows_of.extend(flow.accounts.iter().map(|&account| (account, number)));
        }
        flows_of.sort_unstable();
        let (scatters, mut capped) = scatters(legs, config, progress)?;
        capped.extend(circles.capped);
        capped.sort_unstable();
        capped.dedup();
        let blocks = match graph {
            Some(graph) => market_blocks(graph, legs, progress)?,
            None => MarketBlocks::default(),
        };
        let closure = match graph {
            Some(graph) => Closure::of(graph, progress)?,
            None => Closure::default(),
        };
        Ok(Self {
            sole_payee: sole.concat(),
            flows: circles.flows,
            flows_of,
            capped,
            trails: trail::trails(legs, progress)?,
            scatters,
            dense: blocks.dense,
            layers: blocks.layers,
            closure,
            overlap: overlap::overlaps(legs, progress)?,
        })
    }
}

fn scatters(legs: &impl Legs, config: &AuditConfig, progress: Progress<'_>) -> Result<(Patterns, Vec<u32>)> {
    let config = scatter_config(config);
    let accounts = legs.accounts();
    let chunks = try_map_chunks(accounts, CHUNK, |range| {
        progress.step("looking for scattered money", range.start as u64, accounts as u64)?;
        let (mut found, mut capped) = (Vec::new(), Vec::new());
        for account in range {
            let sent = legs.sent(account as u32);
            if scatters_at_all(sent, &config) {
                let around = scatter_gathers(legs, (account as u32).into(), &config)?;
                found.extend(around.found);
                if around.capped {
                    capped.push(account as u32);
                }
            }
        }
        Ok((found, capped))
    })?;
    let (mut patterns, mut capped) = (Patterns::default(), Vec::new());
    for (found, reached) in chunks {
        capped.extend(reached);
        for around in found {
            let strength = 1.0 - 0.5f32.powi(around.middle.len() as i32 - 2);
            let members = around.middle.iter().copied().chain([around.source, around.target]);
            patterns.add(strength, around.rows, members);
        }
    }
    Ok((patterns.seal(), capped))
}
