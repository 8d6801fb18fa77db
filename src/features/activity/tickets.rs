//! How large receipts are, and which amounts come again.

use crate::features::activity::Way;
use crate::features::catalogue::Feature;
use crate::features::sums::Context;
use crate::features::sums::Leg;
use crate::features::sums::Row;
use crate::features::sums::entropy;
use crate::features::sums::share;

pub(super) fn look(ins: Way<'_>, context: &Context<'_>, tickets: &mut Vec<u64>, row: &mut impl Row) {
    tickets.clear();
    tickets.resize(ins.len(), 0);
    let mut len = 0;
    for &Leg { amount_minor: minor, .. } in ins {
        tickets[len] = minor as u64;
        len += usize::from(minor > 0);
    }
    let tickets = &mut tickets[..len];
    if tickets.is_empty() {
        return;
    }
    tickets.sort_unstable();
    // The smallest ticket that at least p tenths do not exceed.
    let quantile = |tenths: usize| context.money(tickets[(tickets.len() * tenths).div_ceil(10) - 1] as i64);
    row.set(Feature::TicketP10, quantile(1));
    row.set(Feature::TicketP50, quantile(5));
    row.set(Feature::TicketP90, quantile(9));
    row.set(Feature::TicketMax, quantile(10));
    let (mut repeated, mut top, mut sum) = (0u64, 0u32, 0i128);
    let (mut last, mut run) = (0, 0u32);
    for &ticket in tickets.iter() {
        run = if ticket == last { run } else { 0 };
        sum += context.logarithms.rise(run);
        run += 1;
        // The second of a run makes two.
        repeated += u64::from(run > 1) + u64::from(run == 2);
        top = top.max(run);
        last = ticket;
    }
    let number = tickets.len() as u64;
    row.set(Feature::RepeatedAmountShare, share(repeated, number));
    row.set(Feature::TopAmountShare, share(u64::from(top), number));
    if number >= 2 {
        let most = context.logarithms.ln(number) as f64 / (1u64 << 40) as f64;
        row.set(Feature::AmountEntropy, entropy(number, sum, context.logarithms) / most);
    }
}
