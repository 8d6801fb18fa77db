//! Snapshot and restore: what is in the window, and how the window is set up. Everything else follows from those.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::features::catalogue::CATALOGUE_VERSION;
use crate::features::live::LiveConfig;
use crate::features::live::LiveFeatures;
use crate::features::live::check_time;
use crate::transfer::Transfer;
use crate::transfer::Transfers;

/// Transfers that are put back at a time.
const PIECE: usize = 1 << 14;

/// The written form. The transfers stand in order of time, payer, payee and amount, so that two windows that hold the same
/// are written the same, whatever order it came in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    catalogue_version: u32,
    config: LiveConfig,
    newest_seconds: Option<i64>,
    self_transfers: u64,
    transfers: Transfers,
}

impl Serialize for LiveFeatures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            catalogue_version: CATALOGUE_VERSION,
            config: self.config,
            newest_seconds: self.window.newest_seconds,
            self_transfers: self.self_transfers,
            transfers: self.held(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LiveFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        restore(&Written::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn restore(written: &Written) -> Result<LiveFeatures> {
    if written.catalogue_version != CATALOGUE_VERSION {
        return Err(Error::unsupported("feature catalogue", format_args!("version {}", written.catalogue_version)));
    }
    let mut live = LiveFeatures::new(&written.config)?;
    let columns = written.transfers.columns();
    columns.check(u32::MAX as usize)?;
    let Some(newest) = written.newest_seconds else {
        let rule = "a window that has seen nothing holds nothing";
        let empty = columns.is_empty() && written.self_transfers == 0;
        return if empty { Ok(live) } else { Err(Error::invalid("transfers in the window", columns.len(), rule)) };
    };
    check_time(newest)?;
    let oldest = newest - written.config.window_seconds();
    let mut transfers: Vec<Transfer> = Vec::with_capacity(columns.len());
    for (row, transfer) in columns.iter().enumerate() {
        let place = |error: Error| error.at(format_args!("transfer {row} of the snapshot"));
        if transfer.at_seconds > newest || transfer.at_seconds <= oldest {
            return Err(place(Error::invalid("at_seconds", transfer.at_seconds, "inside the window")));
        }
        if transfer.payer == transfer.payee {
            return Err(place(Error::invalid("payee", transfer.payee, "not the payer")));
        }
        transfers.push(transfer);
    }
    transfers.sort_by_key(|transfer| transfer.at_seconds);
    for piece in transfers.chunks(PIECE) {
        live.push_batch(piece)?;
    }
    live.advance_to(newest)?;
    live.self_transfers = written.self_transfers;
    Ok(live)
}
