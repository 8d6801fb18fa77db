//! The slow twin: every flow, timing and amount feature of one account, straight from its definition.

use std::collections::{BTreeMap, BTreeSet};

use dandelion_credit::features::Feature;
use dandelion_credit::{Transfer, UtcOffset};

/// What one account's features are, by definition; features that are undefined are absent.
pub struct Definition<'a> {
    pub account: u32,
    pub transfers: &'a [Transfer],
    pub as_of: i64,
    pub offset: UtcOffset,
    pub minor_per_major: f64,
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

fn deviation(numbers: &[f64]) -> Option<f64> {
    let m = mean(numbers)?;
    Some((numbers.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / numbers.len() as f64).sqrt())
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole != 0.0).then(|| part / whole)
}

fn entropy(weights: impl IntoIterator<Item = f64>) -> Option<f64> {
    let weights: Vec<f64> = weights.into_iter().filter(|w| *w > 0.0).collect();
    let total: f64 = weights.iter().sum();
    (total > 0.0).then(|| -weights.iter().map(|w| w / total * (w / total).ln()).sum::<f64>())
}

fn quantile(sorted: &[f64], tenths: usize) -> Option<f64> {
    sorted.iter().enumerate().find(|(place, _)| (place + 1) * 10 >= sorted.len() * tenths).map(|(_, x)| *x)
}

impl Definition<'_> {
    fn day(&self, t: &Transfer) -> i64 {
        i64::from(self.offset.epoch_day(t.at_seconds))
    }

    pub fn features(&self) -> BTreeMap<Feature, f64> {
        use Feature as F;
        let counted = |t: &&Transfer| t.payer != t.payee && t.at_seconds <= self.as_of;
        let mut all: Vec<Transfer> = self.transfers.iter().filter(counted).copied().collect();
        all.sort_by_key(|t| t.at_seconds);
        let ins: Vec<Transfer> = all.iter().filter(|t| t.payee.get() == self.account).copied().collect();
        let outs: Vec<Transfer> = all.iter().filter(|t| t.payer.get() == self.account).copied().collect();
        let both: Vec<Transfer> =
            all.iter().filter(|t| t.payee.get() == self.account || t.payer.get() == self.account).copied().collect();
        let money = |ts: &[Transfer]| ts.iter().map(|t| t.amount_minor).sum::<i64>() as f64 / self.minor_per_major;
        let (n_in, n_out) = (ins.len() as f64, outs.len() as f64);
        let (in_amount, out_amount) = (money(&ins), money(&outs));
        let mut found: BTreeMap<F, f64> = BTreeMap::new();
        let mut set = |feature: F, value: Option<f64>| {
            if let Some(value) = value {
                found.insert(feature, value);
            }
        };
        set(F::InCount, Some(n_in));
        set(F::OutCount, Some(n_out));
        set(F::InAmount, Some(in_amount));
        set(F::OutAmount, Some(out_amount));
        set(F::NetReceiverShare, ratio(in_amount, in_amount + out_amount));

        // By counterparty.
        let by = |ts: &[Transfer], key: fn(&Transfer) -> u32| {
            let mut groups: BTreeMap<u32, Vec<Transfer>> = BTreeMap::new();
            ts.iter().for_each(|t| groups.entry(key(t)).or_default().push(*t));
            groups
        };
        let payers = by(&ins, |t| t.payer.get());
        let payees = by(&outs, |t| t.payee.get());
        let everybody: BTreeSet<u32> = payers.keys().chain(payees.keys()).copied().collect();
        let count = |group: &BTreeMap<u32, Vec<Transfer>>, who| group.get(who).map_or(0, Vec::len) as f64;
        let sum = |group: &BTreeMap<u32, Vec<Transfer>>, who| group.get(who).map_or(0.0, |ts| money(ts)).max(0.0);
        let matched: f64 = everybody.iter().map(|j| count(&payers, j).min(count(&payees, j))).sum();
        set(F::CountReciprocity, ratio(2.0 * matched, n_in + n_out));
        let matched: f64 = everybody.iter().map(|j| sum(&payers, j).min(sum(&payees, j))).sum();
        let exchanged: f64 = everybody.iter().map(|j| sum(&payers, j) + sum(&payees, j)).sum();
        set(F::AmountReciprocity, ratio(2.0 * matched, exchanged));
        let hhi = |group: &BTreeMap<u32, Vec<Transfer>>, total: f64| {
            (total != 0.0).then(|| group.values().map(|ts| (money(ts) / total).powi(2)).sum())
        };
        set(F::PayerHhi, hhi(&payers, in_amount));
        set(F::PayeeHhi, hhi(&payees, out_amount));
        let sorted = |group: &BTreeMap<u32, Vec<Transfer>>| {
            let mut sums: Vec<f64> = group.values().map(|ts| money(ts).max(0.0)).collect();
            sums.sort_by(|a, b| b.total_cmp(a));
            sums
        };
        let (top, top_out) = (sorted(&payers), sorted(&payees));
        let brought: f64 = top.iter().sum();
        set(F::TopPayerShare, top.first().and_then(|x| ratio(*x, brought)));
        set(F::TopFivePayerShare, ratio(top.iter().take(5).sum(), brought));
        set(F::TopPayeeShare, top_out.first().and_then(|x| ratio(*x, top_out.iter().sum())));
        set(F::EffectivePayers, entropy(top.iter().copied()).map(f64::exp));
        let share_of_payers = |holds: &dyn Fn(&Vec<Transfer>) -> bool| {
            ratio(payers.values().filter(|ts| holds(ts)).count() as f64, payers.len() as f64)
        };
        set(F::PayerReturnRate, share_of_payers(&|ts| ts.len() > 1));
        set(F::PayerReturnDayRate, share_of_payers(&|ts| ts.iter().any(|t| self.day(t) != self.day(&ts[0]))));
        let as_of_day = i64::from(self.offset.epoch_day(self.as_of));
        set(F::NewPayerShare, share_of_payers(&|ts| as_of_day - self.day(&ts[0]) < 30));
        let visits: Vec<f64> = payers
            .values()
            .flat_map(|ts| ts.windows(2).map(|two| (two[1].at_seconds - two[0].at_seconds) as f64 / 86_400.0))
            .collect();
        set(F::VisitGapDays, mean(&visits));
        let refunds: Vec<Transfer> = ins.iter().filter(|t| t.amount_minor < 0).copied().collect();
        let sales: Vec<Transfer> = ins.iter().filter(|t| t.amount_minor > 0).copied().collect();
        set(F::RefundShare, ratio(refunds.len() as f64, n_in));
        set(F::RefundAmountShare, ratio(-money(&refunds), money(&sales)));

        // By day.
        let days: BTreeSet<i64> = both.iter().map(|t| self.day(t)).collect();
        let on =
            |ts: &[Transfer], day: i64| money(&ts.iter().filter(|t| self.day(t) == day).copied().collect::<Vec<_>>());
        set(F::PassThrough, ratio(days.iter().map(|&d| on(&ins, d).min(on(&outs, d))).sum(), in_amount));
        set(F::ActiveDays, Some(days.len() as f64));
        let receipt_days: BTreeSet<i64> = ins.iter().map(|t| self.day(t)).collect();
        set(F::ReceiptDays, Some(receipt_days.len() as f64));
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            let tenure = (as_of_day - first + 1) as f64;
            set(F::TenureDays, Some(tenure));
            set(F::RecencyDays, Some((as_of_day - last) as f64));
            set(F::ActiveDayShare, Some(days.len() as f64 / tenure));
            let week = |start: i64| (start..start + 7).map(|d| on(&ins, d)).sum::<f64>();
            let best = (first - 7..=last + 1).map(week).fold(0.0, f64::max);
            set(F::TopWeekShare, ratio(best, in_amount));
        }
        if let Some(last) = receipt_days.last() {
            set(F::ReceiptRecencyDays, Some((as_of_day - last) as f64));
        } else {
            set(F::TopWeekShare, None);
        }
        let recent: Vec<Transfer> = ins.iter().filter(|t| as_of_day - self.day(t) < 30).copied().collect();
        set(F::RecentReceiptShare, ratio(money(&recent), in_amount));

        // By hour and weekday.
        let hour = |t: &Transfer| (self.offset.second_of_day(t.at_seconds) / 3600) as usize;
        let weekday = |t: &Transfer| (self.day(t) + 3).rem_euclid(7) as usize;
        let histogram = |size: usize, key: &dyn Fn(&Transfer) -> usize| {
            let mut counts = vec![0.0; size];
            ins.iter().for_each(|t| counts[key(t)] += 1.0);
            counts
        };
        let (hours, weekdays) = (histogram(24, &hour), histogram(7, &weekday));
        set(F::WeekdayEntropy, entropy(weekdays.iter().copied()).map(|h| h / 7f64.ln()));
        // Where all times are midnight, they tell the day and not the hour.
        let off_midnight = |offset: UtcOffset| all.iter().any(|t| offset.second_of_day(t.at_seconds) != 0);
        let has_hours = off_midnight(UtcOffset::UTC) && off_midnight(self.offset);
        if has_hours {
            set(F::HourEntropy, entropy(hours.iter().copied()).map(|h| h / 24f64.ln()));
            set(F::NightShare, ratio(hours[..6].iter().sum(), n_in));
        }
        set(F::WeekendShare, ratio(weekdays[5] + weekdays[6], n_in));

        // Gaps.
        let gaps: Vec<f64> = ins.windows(2).map(|two| (two[1].at_seconds - two[0].at_seconds) as f64).collect();
        set(F::GapMeanHours, mean(&gaps).map(|m| m / 3600.0));
        if let (true, Some(m), Some(s)) = (gaps.len() >= 2, mean(&gaps), deviation(&gaps)) {
            set(F::GapVariation, ratio(s, m));
            set(F::Burstiness, ratio(s - m, s + m));
        }

        // Money that waits in line, minor unit by minor unit.
        let mut line: std::collections::VecDeque<i64> = std::collections::VecDeque::new();
        let (mut dwells, mut came): (Vec<f64>, usize) = (Vec::new(), 0);
        let instants: BTreeSet<i64> = both.iter().map(|t| t.at_seconds).collect();
        for &at in &instants {
            let now = || both.iter().filter(move |t| t.at_seconds == at);
            let comes = |t: &&Transfer| (t.payee.get() == self.account) == (t.amount_minor > 0);
            for t in now().filter(comes) {
                came += t.amount_minor.unsigned_abs() as usize;
                line.extend(std::iter::repeat_n(at, t.amount_minor.unsigned_abs() as usize));
            }
            for t in now().filter(|t| !comes(t)) {
                for _ in 0..t.amount_minor.unsigned_abs() {
                    dwells.extend(line.pop_front().map(|since| (at - since) as f64 / 3600.0));
                }
            }
        }
        dwells.sort_by(f64::total_cmp);
        let waits = [(F::PassThroughHour, 1.0), (F::PassThroughDay, 24.0), (F::PassThroughThreeDays, 72.0)];
        for (feature, hours) in waits.into_iter().skip(usize::from(!has_hours)) {
            set(feature, ratio(dwells.iter().filter(|d| **d <= hours).count() as f64, came as f64));
        }
        for (feature, tenths) in [(F::DwellP10, 1), (F::DwellP50, 5), (F::DwellP90, 9)] {
            set(feature, quantile(&dwells, tenths));
        }

        // Amounts.
        let mut tickets: Vec<f64> = sales.iter().map(|t| t.amount_minor as f64 / self.minor_per_major).collect();
        tickets.sort_by(f64::total_cmp);
        set(F::TicketMean, mean(&tickets));
        set(F::TicketLogMean, mean(&tickets.iter().map(|x| x.ln()).collect::<Vec<_>>()));
        if tickets.len() >= 2 {
            set(F::TicketVariation, deviation(&tickets).zip(mean(&tickets)).map(|(s, m)| s / m));
        }
        for (feature, tenths) in [(F::TicketP10, 1), (F::TicketP50, 5), (F::TicketP90, 9), (F::TicketMax, 10)] {
            set(feature, quantile(&tickets, tenths));
        }
        let out_tickets: Vec<f64> =
            outs.iter().map(|t| t.amount_minor as f64 / self.minor_per_major).filter(|x| *x > 0.0).collect();
        set(F::OutTicketMean, mean(&out_tickets));
        let round = |ts: &[Transfer]| {
            let whole = |t: &&Transfer| t.amount_minor % (10.0 * self.minor_per_major) as i64 == 0;
            ratio(ts.iter().filter(whole).count() as f64, ts.len() as f64)
        };
        set(F::RoundAmountShare, round(&ins));
        set(F::OutRoundAmountShare, round(&outs));
        let mut amounts: BTreeMap<i64, f64> = BTreeMap::new();
        sales.iter().for_each(|t| *amounts.entry(t.amount_minor).or_default() += 1.0);
        let repeated: f64 = amounts.values().filter(|c| **c > 1.0).sum();
        set(F::RepeatedAmountShare, ratio(repeated, sales.len() as f64));
        let most = amounts.values().copied().fold(0.0, f64::max);
        set(F::TopAmountShare, ratio(most, sales.len() as f64));
        if sales.len() >= 2 {
            let most = (sales.len() as f64).ln();
            set(F::AmountEntropy, entropy(amounts.values().copied()).map(|h| h / most));
        }
        found
    }
}
