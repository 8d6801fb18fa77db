//! From what the other rooms found to an applicant's plain values.

use std::collections::BTreeMap;

use crate::calendar::{Date, epoch_day};
use crate::fraud::FraudAssessment;
use crate::merchant::{Verdict, VerdictKind};
use crate::rate::Probability;
use crate::receipts::{Condition, Forecast, Receipt, Receipts};
use crate::transfer::UtcOffset;
use crate::underwriting::applicant::{
    AccountKind, Applicant, ConditionFacts, ForecastFacts, QuantileFact, ReceiptFacts, VerdictFacts,
};

fn share(part: f64, whole: f64) -> Option<Probability> {
    if whole > 0.0 { Probability::new((part / whole).clamp(0.0, 1.0)).ok() } else { None }
}

impl ReceiptFacts {
    /// Measures windows, days and payers of verified receipts up to and including `last_day`; `received` are the receipts
    /// before anything was taken out, none when nothing was examined.
    ///
    /// Refunds (negative receipts) lower the sums but are no receipts: they make no active day and no payer. Sums below
    /// zero count as zero, and a window never counts more than the longer one around it, so that a refund before the
    /// last 30 days is not forgotten. Days are cut at `offset`.
    #[must_use]
    pub fn measure(verified: &Receipts, received: Option<&Receipts>, offset: UtcOffset, last_day: Date) -> Self {
        let last = i64::from(epoch_day(last_day));
        let mut sums = [0i128; 3];
        let mut active = [false; 90];
        let mut payers_90 = std::collections::BTreeSet::new();
        for (receipt, age) in last_year(verified, offset, last) {
            for (sum, days) in sums.iter_mut().zip([30, 90, 365]) {
                if age < days {
                    *sum += i128::from(receipt.amount_minor);
                }
            }
            if receipt.amount_minor > 0 && age < 90 {
                active[age as usize] = true;
                payers_90.insert(receipt.payer.get());
            }
        }
        // A refund can leave a year with less than its last month: the windows stay nested, on the careful side.
        let year = minor(sums[2]);
        let quarter = minor(sums[1]).min(year);
        let month = minor(sums[0]).min(quarter);
        let customers = Customers::of(verified, offset, last);
        // Who weighs how much, and what went back, is seen before anything is taken out: a cap would hide the large payer.
        let whole = received.map(|received| Customers::of(received, offset, last));
        let seen = whole.as_ref().unwrap_or(&customers);
        Self {
            received_365_minor: whole.as_ref().map(|whole| minor(whole.positive - whole.refunds)),
            verified_30_minor: month,
            verified_90_minor: quarter,
            verified_365_minor: year,
            active_days_90: active.iter().filter(|active| **active).count() as u32,
            payers_90: payers_90.len() as u32,
            top_payer_share: share(seen.largest as f64, seen.positive as f64),
            payer_return_rate: share(customers.returned as f64, customers.payers as f64),
            refund_share: share(seen.refunds as f64, (seen.positive + seen.refunds) as f64),
        }
    }
}

fn minor(sum: i128) -> i64 {
    i64::try_from(sum.max(0)).unwrap_or(i64::MAX)
}

/// The receipts of the 365 days up to day `last`, each with its age in days.
fn last_year(receipts: &Receipts, offset: UtcOffset, last: i64) -> impl Iterator<Item = (&Receipt, i64)> {
    let aged = receipts.rows().iter().map(move |row| (row, last - i64::from(offset.epoch_day(row.at_seconds))));
    aged.filter(|(_, age)| (0..365).contains(age))
}

/// Who paid in the last year.
#[derive(Debug, Default)]
struct Customers {
    /// Sum of receipts above zero.
    positive: i128,
    /// Sum of refunds, as a positive number.
    refunds: i128,
    /// What the largest payer paid.
    largest: i64,
    /// Payers.
    payers: usize,
    /// Payers on more than one day.
    returned: usize,
}

impl Customers {
    fn of(receipts: &Receipts, offset: UtcOffset, last: i64) -> Self {
        let mut customers = Self::default();
        // Payer: what it paid, on how many distinct days, and the day last seen.
        let mut payers: BTreeMap<u32, (i64, u32, i64)> = BTreeMap::new();
        for (receipt, age) in last_year(receipts, offset, last) {
            if receipt.amount_minor <= 0 {
                customers.refunds -= i128::from(receipt.amount_minor);
                continue;
            }
            customers.positive += i128::from(receipt.amount_minor);
            let (paid, days, before) = payers.entry(receipt.payer.get()).or_insert((0, 0, i64::MAX));
            *paid = paid.saturating_add(receipt.amount_minor);
            *days += u32::from(*before != age);
            *before = age;
        }
        customers.largest = payers.values().map(|(paid, ..)| *paid).max().unwrap_or(0);
        customers.payers = payers.len();
        customers.returned = payers.values().filter(|(_, days, _)| *days > 1).count();
        customers
    }
}

impl ForecastFacts {
    /// The totals of a forecast over `horizon_days`; levels outside 0 to 1 are left out.
    #[must_use]
    pub fn of_forecast(forecast: &Forecast, horizon_days: u32) -> Self {
        Self::of_levels(&forecast.levels, &forecast.total_minor, horizon_days)
    }

    /// The totals at `levels`.
    #[must_use]
    pub fn of_levels(levels: &[f64], total_minor: &[i64], horizon_days: u32) -> Self {
        let totals = levels.iter().zip(total_minor).filter_map(|(&level, &total)| {
            let level = Probability::new(level).ok()?;
            Some(QuantileFact { level, total_minor: total.max(0) })
        });
        Self { horizon_days, totals: totals.collect() }
    }
}

impl ConditionFacts {
    /// The same with the growth of a year: receipts of the 365 days up to `last_day` over those of the 365 days before,
    /// less one. Left as it is where the receipts do not reach back two years, or nothing came in then.
    #[must_use]
    pub fn with_growth_365(mut self, verified: &Receipts, offset: UtcOffset, last_day: Date) -> Self {
        let last = i64::from(epoch_day(last_day));
        let mut years = [0i128; 2];
        let mut oldest = 0;
        for receipt in verified.rows() {
            let age = last - i64::from(offset.epoch_day(receipt.at_seconds));
            oldest = oldest.max(age);
            if let Some(sum) = usize::try_from(age).ok().and_then(|age| years.get_mut(age / 365)) {
                *sum += i128::from(receipt.amount_minor);
            }
        }
        // A month short of two years still compares what is alike.
        if oldest >= 700 && years[1] > 0 {
            self.growth_365 = Some((years[0] as f64 / years[1] as f64 - 1.0).clamp(-1.0, 1e6));
        }
        self
    }
}

impl From<&Condition> for ConditionFacts {
    /// Trend, variation and silence as the receipts room measures them.
    fn from(condition: &Condition) -> Self {
        Self {
            growth_30: condition.get("trend_30d"),
            growth_365: None,
            weekly_variation: condition.get("weekly_cv"),
            days_since_receipt: condition.get("days_since_last_receipt").map(|days| days.clamp(0.0, 1e6) as u32),
            alive_probability: condition
                .get("segment_stop_rate_30d")
                .and_then(|stops| Probability::new((1.0 - stops).clamp(0.0, 1.0)).ok()),
        }
    }
}

impl From<VerdictKind> for AccountKind {
    fn from(kind: VerdictKind) -> Self {
        match kind {
            VerdictKind::Individual => Self::Individual,
            VerdictKind::Merchant => Self::Merchant,
            VerdictKind::Collector => Self::Collector,
            VerdictKind::PassThrough => Self::PassThrough,
            VerdictKind::Unknown => Self::Unknown,
        }
    }
}

impl VerdictFacts {
    /// A row of the merchant room's table; a probability that is none counts as zero.
    #[must_use]
    pub fn of_row(kind: VerdictKind, merchant_probability: f32) -> Self {
        let probability = Probability::new(f64::from(merchant_probability).clamp(0.0, 1.0)).unwrap_or_default();
        Self { kind: kind.into(), merchant_probability: probability }
    }
}

impl From<&Verdict> for VerdictFacts {
    fn from(verdict: &Verdict) -> Self {
        Self::of_row(verdict.kind, verdict.probabilities.merchant as f32)
    }
}

impl Applicant {
    /// The same merchant with the merchant room's verdict.
    #[must_use]
    pub fn with_verdict(mut self, verdict: &Verdict) -> Self {
        self.verdict = Some(verdict.into());
        self
    }

    /// The same merchant with the suspicion of a fraud assessment; its verified receipts are those of
    /// [`FraudAssessment::verify`], which [`from_receipts`](Self::from_receipts) takes.
    #[must_use]
    pub fn with_suspicion_of(mut self, assessment: &FraudAssessment) -> Self {
        self.suspicion = Some(assessment.suspicion());
        self
    }

    /// The same merchant with the quantiles of a forecast over `horizon_days`.
    #[must_use]
    pub fn with_forecast(mut self, forecast: &Forecast, horizon_days: u32) -> Self {
        self.forecast = Some(ForecastFacts::of_forecast(forecast, horizon_days));
        self
    }

    /// The same merchant with its business condition.
    #[must_use]
    pub fn with_condition(mut self, condition: &Condition) -> Self {
        self.condition = ConditionFacts { growth_365: self.condition.growth_365, ..condition.into() };
        self
    }

    /// A merchant with what its receipts say: windows, history and silence; verdict, suspicion, forecast, debt and
    /// repayment are the caller's to add.
    ///
    /// ```
    /// use dandelion_credit::receipts::{Receipt, Receipts};
    /// use dandelion_credit::underwriting::Applicant;
    /// use dandelion_credit::{AccountIndex, UtcOffset};
    ///
    /// let day = |day: i64| day * 86_400 + 3_600;
    /// let receipt = |payer, at_seconds| Receipt { at_seconds, payer: AccountIndex::new(payer), amount_minor: 500, transfer_row: 0 };
    /// let receipts = Receipts::from_rows([receipt(1, day(19_700)), receipt(2, day(19_800)), receipt(1, day(19_801))])?;
    /// let applicant = Applicant::from_receipts("stall", &receipts, None, UtcOffset::default(), "2024-03-20".parse().unwrap());
    /// assert_eq!(applicant.receipts.verified_365_minor, 1_500);
    /// assert_eq!(applicant.receipts.verified_30_minor, 1_000);
    /// assert_eq!(applicant.history_days, 103);
    /// # Ok::<(), dandelion_credit::Error>(())
    /// ```
    #[must_use]
    pub fn from_receipts(
        id: impl Into<String>,
        verified: &Receipts,
        received: Option<&Receipts>,
        offset: UtcOffset,
        last_day: Date,
    ) -> Self {
        let last = epoch_day(last_day);
        let days =
            verified.rows().iter().filter(|receipt| receipt.amount_minor > 0).map(|r| offset.epoch_day(r.at_seconds));
        let days = days.filter(|day| *day <= last);
        let ends = days.fold(None, |ends: Option<(i32, i32)>, day| {
            Some(ends.map_or((day, day), |(first, latest)| (first.min(day), latest.max(day))))
        });
        Self {
            data_as_of: Some(last_day),
            history_days: ends.map_or(0, |(first, _)| last.abs_diff(first) + 1),
            receipts: ReceiptFacts::measure(verified, received, offset, last_day),
            condition: ConditionFacts {
                days_since_receipt: ends.map(|(_, latest)| last.abs_diff(latest)),
                ..ConditionFacts::default()
            }
            .with_growth_365(verified, offset, last_day),
            ..Self::new(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountIndex;
    use crate::receipts::Receipt;

    #[test]
    fn windows_days_payers_and_refunds_are_told_apart() {
        let last: Date = "2026-06-30".parse().unwrap();
        let today = i64::from(epoch_day(last)) * 86_400;
        let receipt = |ago: i64, payer, amount_minor| Receipt {
            at_seconds: today - ago * 86_400 + 40_000,
            payer: AccountIndex::new(payer),
            amount_minor,
            transfer_row: 0,
        };
        let mut rows = vec![
            receipt(500, 9, 1_000_000),
            receipt(364, 1, 100),
            receipt(90, 2, 100),
            receipt(89, 1, 300),
            receipt(30, 3, 100),
            receipt(29, 2, 400),
            receipt(1, 4, -100),
            receipt(0, 2, 100),
            receipt(-1, 5, 777),
        ];
        rows.sort_by_key(|receipt| receipt.at_seconds);
        let receipts = Receipts::from_rows(rows).unwrap();
        let applicant = Applicant::from_receipts("a", &receipts, Some(&receipts), UtcOffset::default(), last);
        let facts = &applicant.receipts;
        assert_eq!((facts.verified_30_minor, facts.verified_90_minor, facts.verified_365_minor), (400, 800, 1_000));
        assert_eq!(facts.received_365_minor, Some(1_000));
        assert_eq!((facts.active_days_90, facts.payers_90), (4, 3));
        assert!((facts.top_payer_share.unwrap().get() - 600.0 / 1_100.0).abs() < 1e-12);
        assert!((facts.payer_return_rate.unwrap().get() - 2.0 / 3.0).abs() < 1e-12);
        assert!((facts.refund_share.unwrap().get() - 100.0 / 1_200.0).abs() < 1e-12);
        assert_eq!(applicant.history_days, 501);
        assert_eq!(applicant.condition.days_since_receipt, Some(0));
        applicant.check().unwrap();
        let none = Receipts::from_rows([]).unwrap();
        let empty = Applicant::from_receipts("b", &none, None, UtcOffset::default(), last);
        assert_eq!((empty.history_days, empty.receipts.top_payer_share), (0, None));
    }
}
