//! Measures that need single receipts: tickets, payers, outflows.

use super::catalogue::{WIDTH, at};
use super::days::Scratch;

/// One receipt, as payers are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    account: u32,
    /// Days before the day of judgement.
    back: i32,
    amount_minor: i64,
}

impl Seen {
    pub(super) fn new(account: u32, back: i32, amount_minor: i64) -> Self {
        Self { account, back, amount_minor }
    }
}

/// Fills the measures of a row that receipts in `scratch.payers` give; receipts after the day of judgement are not in it.
pub(super) fn measure_receipts(row: &mut [f64; WIDTH], scratch: &mut Scratch) {
    let Scratch { payers, tickets, .. } = scratch;
    payers.sort_unstable();
    tickets.clear();
    let mut refunds = 0.0;
    for seen in payers.iter().filter(|seen| seen.back < 90) {
        if seen.amount_minor > 0 {
            tickets.push(seen.amount_minor);
        } else {
            refunds -= seen.amount_minor as f64;
        }
    }
    let received: f64 = tickets.iter().map(|&ticket| ticket as f64).sum();
    let days = row[at::TENURE].min(90.0);
    row[at::TICKETS] = if days > 0.0 { tickets.len() as f64 / days } else { 0.0 };
    if received > 0.0 {
        row[at::REFUNDS] = refunds / received;
        let middle = tickets.len() / 2;
        let odd = tickets.len() % 2 == 1;
        let (below, &mut upper, _) = tickets.select_nth_unstable(middle);
        let lower = if odd { upper } else { below.iter().copied().max().unwrap_or(upper) };
        row[at::TICKET] = 0.5 * (lower as f64 + upper as f64);
    }
    let (mut within90, mut within30, mut new30, mut before30, mut retained) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut cohort, mut cohort_kept, mut squares, mut top) = (0.0, 0.0, 0.0, 0.0f64);
    for payer in payers.chunk_by(|a, b| a.account == b.account) {
        // Sorted: the latest payment first. Who only took money back is no customer.
        let paid = || payer.iter().filter(|seen| seen.amount_minor > 0);
        let (Some(latest), Some(first)) = (paid().next(), paid().next_back()) else { continue };
        within90 += f64::from(u8::from(latest.back < 90));
        if latest.back < 30 {
            within30 += 1.0;
            new30 += f64::from(u8::from(first.back < 30));
        }
        if paid().any(|seen| (30..60).contains(&seen.back)) {
            before30 += 1.0;
            retained += f64::from(u8::from(latest.back < 30));
        }
        if (90..180).contains(&first.back) {
            cohort += 1.0;
            cohort_kept += f64::from(u8::from(latest.back < 90));
        }
        let sum: f64 = paid().filter(|seen| seen.back < 90).map(|seen| seen.amount_minor as f64).sum();
        squares += sum * sum;
        top = top.max(sum);
    }
    row[at::PAYERS] = within90;
    if within30 > 0.0 {
        row[at::NEW_PAYERS] = new30 / within30;
        row[at::RETURNING] = 1.0 - new30 / within30;
    }
    if before30 > 0.0 {
        row[at::RETAINED] = retained / before30;
    }
    if cohort > 0.0 {
        row[at::COHORT] = cohort_kept / cohort;
    }
    if received > 0.0 {
        row[at::HHI] = (squares / (received * received)).min(1.0);
        row[at::TOP_PAYER] = (top / received).min(1.0);
    }
}

/// Fills the measures of a row that outflows in `scratch.payers` give.
pub(super) fn measure_outflows(row: &mut [f64; WIDTH], scratch: &mut Scratch) {
    let payees = &mut scratch.payers;
    let sent: f64 = payees.iter().filter(|seen| seen.back < 90).map(|seen| seen.amount_minor as f64).sum();
    if row[at::R90] > 0.0 {
        row[at::OUTFLOW] = sent / row[at::R90];
    }
    if row[at::TENURE] < 28.0 {
        return;
    }
    payees.sort_unstable();
    let mut weeks = 0u16;
    for payee in payees.chunk_by(|a, b| a.account == b.account) {
        let own = payee
            .iter()
            .filter(|seen| seen.amount_minor > 0 && seen.back < 91)
            .fold(0u16, |weeks, seen| weeks | 1 << (seen.back / 7));
        if own.count_ones() >= 3 {
            weeks |= own;
        }
    }
    let seen = (row[at::TENURE] / 7.0).floor().min(13.0);
    row[at::SUPPLIER] = (f64::from(weeks.count_ones()) / seen).min(1.0);
}
