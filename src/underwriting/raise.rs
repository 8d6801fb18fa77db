//! What would raise it: the smallest honest change that reaches the next step, found by deciding again.

use serde::{Deserialize, Serialize};

use crate::calendar::Date;
use crate::underwriting::applicant::Applicant;
use crate::underwriting::compiled::Policy;
use crate::underwriting::curve::ratio_of;
use crate::underwriting::decide::{OutcomeKind, decide_row};
use crate::underwriting::reasons::Language;

/// Something a merchant can do.
///
/// Only what costs a pretender as much as a real business is here. More customers and more active days come with the
/// receipts that real ones bring; nothing advises a change in how receipts are spread, split or timed, and nothing touches
/// suspicion or the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lever {
    /// Pay what is overdue.
    PayArrears,
    /// Repay debt to others, minor units.
    RepayElsewhere,
    /// Repay loans on time, one after another: how many more.
    RepayOnTime,
    /// Go on trading as now: how many more days.
    KeepTrading,
    /// Receive more a month for three months, minor units a month.
    Receipts,
    /// Open on more days of a quarter, each with its usual receipts.
    ActiveDays,
    /// Win more customers in a quarter, each with the usual receipts.
    Customers,
}

impl Lever {
    /// Every lever, the cheapest kind first.
    pub const ALL: [Self; 7] = [
        Self::PayArrears,
        Self::RepayElsewhere,
        Self::RepayOnTime,
        Self::KeepTrading,
        Self::Receipts,
        Self::ActiveDays,
        Self::Customers,
    ];

    /// The most of it that is sensible to ask for.
    fn most(self, applicant: &Applicant) -> i64 {
        let receipts = &applicant.receipts;
        match self {
            Self::PayArrears => i64::from(applicant.repayment.as_ref().is_some_and(|record| record.days_past_due > 0)),
            Self::RepayElsewhere => applicant.debt.elsewhere_minor.unwrap_or(0).max(0),
            Self::RepayOnTime => 6,
            Self::KeepTrading => 365,
            // Tripling a business is not advice.
            Self::Receipts => receipts.verified_30_minor.max(0).saturating_mul(2).max(100_000),
            Self::ActiveDays => i64::from(90u32.saturating_sub(receipts.active_days_90)),
            Self::Customers => i64::from(receipts.payers_90).saturating_mul(2).max(20),
        }
    }

    /// The applicant after `amount` of it.
    fn apply(self, applicant: &Applicant, amount: i64) -> Applicant {
        let mut changed = applicant.clone();
        let quarter = applicant.receipts.verified_90_minor.max(0);
        match self {
            Self::PayArrears if amount > 0 => {
                if let Some(record) = &mut changed.repayment {
                    // What is paid is no longer overdue, but it was.
                    record.worst_days_past_due_365 = record.worst_days_past_due_365.max(record.days_past_due);
                    record.days_past_due = 0;
                }
            }
            Self::PayArrears => {}
            Self::RepayElsewhere => {
                changed.debt.elsewhere_minor = changed.debt.elsewhere_minor.map(|debt| (debt.max(0) - amount).max(0));
            }
            Self::RepayOnTime => {
                let record = changed.repayment.get_or_insert_default();
                record.loans_on_time = record.loans_on_time.saturating_add(amount as u32);
            }
            Self::KeepTrading => changed.history_days = changed.history_days.saturating_add(amount as u32),
            Self::Receipts => receive(&mut changed, amount),
            Self::ActiveDays => {
                let days = i64::from(changed.receipts.active_days_90.max(1));
                changed.receipts.active_days_90 += amount as u32;
                receive(&mut changed, ratio_of(quarter, amount, 3 * days));
            }
            Self::Customers => {
                let payers = i64::from(changed.receipts.payers_90.max(1));
                changed.receipts.payers_90 = changed.receipts.payers_90.saturating_add(amount as u32);
                receive(&mut changed, ratio_of(quarter, amount, 3 * payers));
            }
        }
        changed
    }

    /// How hard it is, in months of a business like this one: only to put the easiest advice first.
    fn effort(self, applicant: &Applicant, amount: i64) -> f64 {
        let month = applicant.receipts.verified_30_minor.max(1) as f64;
        let amount = amount as f64;
        match self {
            Self::PayArrears => 0.0,
            Self::RepayElsewhere => amount / month,
            Self::RepayOnTime => amount * 50.0 / 30.0,
            Self::KeepTrading => amount / 30.0,
            Self::Receipts => 3.0 * amount / month,
            Self::ActiveDays => 3.0 * amount / f64::from(applicant.receipts.active_days_90.max(1)),
            Self::Customers => 3.0 * amount / f64::from(applicant.receipts.payers_90.max(1)),
        }
    }

    /// Money that has to flow in for it, minor units.
    fn received(self, applicant: &Applicant, amount: i64) -> i64 {
        let after = self.apply(applicant, amount);
        after.receipts.verified_365_minor.saturating_sub(applicant.receipts.verified_365_minor)
    }

    const fn brings_receipts(self) -> bool {
        matches!(self, Self::Receipts | Self::ActiveDays | Self::Customers)
    }
}

/// `more` a month for three months, in every window that holds it and in what is expected to come.
fn receive(applicant: &mut Applicant, more: i64) {
    let receipts = &mut applicant.receipts;
    let month = receipts.verified_30_minor.max(0);
    let quarter = more.saturating_mul(3);
    receipts.received_365_minor = receipts.received_365_minor.map(|received| received.saturating_add(quarter));
    receipts.verified_30_minor = month.saturating_add(more);
    receipts.verified_90_minor = receipts.verified_90_minor.max(0).saturating_add(quarter);
    receipts.verified_365_minor = receipts.verified_365_minor.max(0).saturating_add(quarter);
    if let Some(forecast) = &mut applicant.forecast {
        for total in &mut forecast.totals {
            // What is expected grows in proportion; without a last month there is nothing to be in proportion to.
            if month > 0 {
                total.total_minor = ratio_of(total.total_minor.max(0), month.saturating_add(more), month);
            }
        }
    }
}

/// One change of one lever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub lever: Lever,
    /// How much more of it, in the lever's unit.
    pub amount: i64,
}

/// A change, or two together, that reaches the next step: decided again, and one unit less would not do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raise {
    /// What to change.
    pub changes: Vec<Change>,
    /// The line after it, minor units.
    pub limit_minor: i64,
    /// How hard it is, in months of a business like this one.
    pub effort_months: f64,
}

/// What to look for.
///
/// ```
/// use dandelion_credit::Probability;
/// use dandelion_credit::underwriting::{
///     AccountKind, Applicant, Policy, RaiseConfig, VerdictFacts, decide, what_would_raise,
/// };
///
/// let mut stall = Applicant::new("noodle stall");
/// stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
/// stall.history_days = 420;
/// stall.receipts.verified_30_minor = 900_000;
/// stall.receipts.verified_90_minor = 2_600_000;
/// stall.receipts.verified_365_minor = 10_000_000;
/// stall.receipts.active_days_90 = 80;
/// stall.receipts.payers_90 = 220;
/// let on = "2026-11-23".parse().unwrap();
///
/// // A line of 12,000.00 is one step from 12,100.00; who wants 13,000.00 has to receive more.
/// let policy = Policy::default();
/// assert_eq!(decide(&stall, &policy, on).limit_minor(), 1_200_000);
/// let easiest = |config: &RaiseConfig| what_would_raise(&stall, &policy, on, config)[0].clone();
/// let step = easiest(&RaiseConfig::default());
/// let further = easiest(&RaiseConfig { target_minor: Some(1_300_000), ..RaiseConfig::default() });
/// assert_eq!((step.limit_minor, further.limit_minor), (1_210_000, 1_300_000));
/// assert!(step.changes[0].amount < further.changes[0].amount);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RaiseConfig {
    /// The line to reach, minor units; none is the next rounding step, or approval.
    pub target_minor: Option<i64>,
    /// Advice to return at most.
    pub most: usize,
    /// Advice is left out when the line would grow by more than this share of the receipts it asks for: cycling that much
    /// money would then be worth a pretender's while.
    pub max_gain_share: f64,
}

impl Default for RaiseConfig {
    fn default() -> Self {
        Self { target_minor: None, most: 4, max_gain_share: 1.0 }
    }
}

/// The smallest honest changes that reach the next step of the limit, or approval; the easiest first, none when no lever
/// or pair of levers reaches it.
///
/// Found by deciding again: a lever's amount is bisected, which is exact because the limit is monotone in every lever, so
/// each advice holds when followed and nothing smaller of its kind does.
///
/// ```
/// use dandelion_credit::underwriting::*;
/// use dandelion_credit::Probability;
///
/// let mut stall = Applicant::new("stall");
/// stall.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97)? });
/// stall.history_days = 200;
/// stall.receipts.verified_30_minor = 900_000;
/// stall.receipts.verified_90_minor = 1_800_000;
/// stall.receipts.verified_365_minor = 1_800_000;
/// stall.receipts.active_days_90 = 55;
/// stall.receipts.payers_90 = 220;
/// let (policy, day) = (Policy::default(), "2026-11-23".parse().unwrap());
/// let before = decide(&stall, &policy, day).limit_minor();
/// let raises = what_would_raise(&stall, &policy, day, &RaiseConfig::default());
/// assert!(raises[0].limit_minor > before);
/// assert_eq!(raises[0].changes[0].lever, Lever::Receipts);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[must_use]
pub fn what_would_raise(applicant: &Applicant, policy: &Policy, as_of: Date, config: &RaiseConfig) -> Vec<Raise> {
    // What was asked for is a wish, not a bound to advise on.
    let asked = Applicant { requested_minor: None, ..applicant.clone() };
    let limit = |applicant: &Applicant| {
        let row = decide_row(applicant, policy, as_of);
        if row.outcome == OutcomeKind::Declined { 0 } else { row.limit_minor }
    };
    let now = limit(&asked);
    let limits = &policy.rules().limit;
    let next = now.saturating_add(limits.rounding_minor).max(limits.min_line_minor);
    let target = config.target_minor.unwrap_or(next).max(next);
    let reaches = |applicant: &Applicant| limit(applicant) >= target;

    let mut found: Vec<Raise> = Vec::new();
    let mut alone = [false; Lever::ALL.len()];
    for (index, lever) in Lever::ALL.into_iter().enumerate() {
        if let Some(amount) = least(lever, &asked, &asked, &reaches) {
            alone[index] = true;
            found.push(raise(&asked, &[Change { lever, amount }], limit));
        }
    }
    // Two together where neither does it alone.
    for (first, one) in Lever::ALL.into_iter().enumerate() {
        for (second, other) in Lever::ALL.into_iter().enumerate().skip(first + 1) {
            if alone[first] || alone[second] {
                continue;
            }
            let most = one.most(&asked);
            // The least of the second with all of the first, then the least of the first that still suffices.
            let with_all = one.apply(&asked, most);
            let Some(amount) = least(other, &asked, &with_all, &reaches).filter(|_| most > 0) else { continue };
            let with_other = other.apply(&asked, amount);
            let Some(of_one) = least(one, &asked, &with_other, &reaches) else { continue };
            let changes = [Change { lever: one, amount: of_one }, Change { lever: other, amount }];
            found.push(raise(&asked, &changes, limit));
        }
    }
    found.retain(|raise| {
        let received: i64 = raise.changes.iter().map(|change| change.lever.received(&asked, change.amount)).sum();
        let gain = raise.limit_minor - now;
        !raise.changes.iter().any(|change| change.lever.brings_receipts())
            || gain as f64 <= config.max_gain_share * received as f64
    });
    found.sort_by(|a, b| a.effort_months.total_cmp(&b.effort_months));
    found.truncate(config.most);
    found
}

/// The least amount of `lever` on top of `base` that reaches the target, when even the most of it does.
fn least(lever: Lever, asked: &Applicant, base: &Applicant, reaches: &impl Fn(&Applicant) -> bool) -> Option<i64> {
    let most = lever.most(asked);
    if most <= 0 || !reaches(&lever.apply(base, most)) {
        return None;
    }
    let (mut short, mut enough) = (0, most);
    while enough - short > 1 {
        let middle = short + (enough - short) / 2;
        if reaches(&lever.apply(base, middle)) {
            enough = middle;
        } else {
            short = middle;
        }
    }
    Some(enough)
}

fn raise(asked: &Applicant, changes: &[Change], limit: impl Fn(&Applicant) -> i64) -> Raise {
    let changed = changes.iter().fold(asked.clone(), |applicant, change| change.lever.apply(&applicant, change.amount));
    Raise {
        changes: changes.to_vec(),
        limit_minor: limit(&changed),
        effort_months: changes.iter().map(|change| change.lever.effort(asked, change.amount)).sum(),
    }
}

impl Change {
    /// The applicant after the change.
    #[must_use]
    pub fn apply(&self, applicant: &Applicant) -> Applicant {
        self.lever.apply(applicant, self.amount)
    }

    /// The advice in a sentence; money in major units with `minor_per_major` minor ones each.
    #[must_use]
    pub fn sentence(&self, language: Language, minor_per_major: i64) -> String {
        let major = |minor: i64| {
            let unit = minor_per_major.max(1);
            // Upwards: advice that is followed must suffice.
            minor / unit + i64::from(minor % unit > 0)
        };
        let amount = self.amount;
        match language {
            Language::English => match self.lever {
                Lever::PayArrears => "Pay what is overdue.".to_owned(),
                Lever::RepayElsewhere => format!("Repay {} of what you owe to others.", major(amount)),
                Lever::RepayOnTime => {
                    format!("Repay {amount} more loan{} on time.", if amount == 1 { "" } else { "s" })
                }
                Lever::KeepTrading => format!("Go on trading as now for {amount} more days."),
                Lever::Receipts => {
                    format!("Receive {} more a month from your customers for three months.", major(amount))
                }
                Lever::ActiveDays => format!("Trade on {amount} more days in three months."),
                Lever::Customers => format!("Serve {amount} more customers in three months."),
            },
            Language::Chinese => match self.lever {
                Lever::PayArrears => "还清逾期款项。".to_owned(),
                Lever::RepayElsewhere => format!("偿还其他机构欠款 {}。", major(amount)),
                Lever::RepayOnTime => format!("再按时还清 {amount} 笔贷款。"),
                Lever::KeepTrading => format!("继续正常经营 {amount} 天。"),
                Lever::Receipts => format!("连续三个月，每月多收顾客货款 {}。", major(amount)),
                Lever::ActiveDays => format!("三个月内多营业 {amount} 天。"),
                Lever::Customers => format!("三个月内多服务 {amount} 位顾客。"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Probability;
    use crate::underwriting::applicant::{AccountKind, RepaymentFacts, VerdictFacts};

    fn stall() -> Applicant {
        let mut stall = Applicant::new("stall");
        stall.verdict =
            Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability: Probability::new(0.97).unwrap() });
        stall.history_days = 420;
        stall.receipts.verified_30_minor = 900_000;
        stall.receipts.verified_90_minor = 2_600_000;
        stall.receipts.verified_365_minor = 10_000_000;
        stall.receipts.active_days_90 = 80;
        stall.receipts.payers_90 = 220;
        stall
    }

    fn day() -> Date {
        "2026-11-23".parse().unwrap()
    }

    #[test]
    fn each_advice_holds_and_is_the_least_of_its_kind() {
        let policy = Policy::default();
        let before = decide_row(&stall(), &policy, day()).limit_minor;
        let raises = what_would_raise(&stall(), &policy, day(), &RaiseConfig { most: 99, ..RaiseConfig::default() });
        assert!(raises.len() >= 3, "{raises:?}");
        for raise in raises {
            let changed = raise.changes.iter().fold(stall(), |stall, change| change.apply(&stall));
            assert_eq!(decide_row(&changed, &policy, day()).limit_minor, raise.limit_minor);
            assert!(raise.limit_minor > before);
            if let [change] = raise.changes[..] {
                let less = Change { amount: change.amount - 1, ..change }.apply(&stall());
                assert_eq!(decide_row(&less, &policy, day()).limit_minor, before, "{change:?}");
            }
        }
    }

    #[test]
    fn arrears_come_first_and_nobody_is_told_to_look_less_suspicious() {
        let policy = Policy::default();
        let mut late = stall();
        late.repayment = Some(RepaymentFacts { loans_on_time: 2, days_past_due: 2, ..RepaymentFacts::default() });
        assert_eq!(decide_row(&late, &policy, day()).limit_minor, 0);
        let raises = what_would_raise(&late, &policy, day(), &RaiseConfig::default());
        assert_eq!(raises[0].changes, [Change { lever: Lever::PayArrears, amount: 1 }]);

        let mut washed = stall();
        washed.suspicion = Some(Probability::new(0.95).unwrap());
        assert!(what_would_raise(&washed, &policy, day(), &RaiseConfig::default()).is_empty());
    }

    #[test]
    fn advice_that_a_ring_could_follow_cheaply_is_left_out() {
        let policy = Policy::default();
        let strict = RaiseConfig { max_gain_share: 0.0, ..RaiseConfig::default() };
        for raise in what_would_raise(&stall(), &policy, day(), &strict) {
            assert!(raise.changes.iter().all(|change| !change.lever.brings_receipts()), "{raise:?}");
        }
    }

    #[test]
    fn two_levers_help_where_one_does_not() {
        let policy = Policy::default();
        // Overdue, and with too little history: paying alone does not reach a line of 5,000 yuan.
        let mut late = stall();
        late.history_days = 40;
        late.repayment = Some(RepaymentFacts { days_past_due: 2, ..RepaymentFacts::default() });
        let config = RaiseConfig { target_minor: Some(500_000), ..RaiseConfig::default() };
        let raises = what_would_raise(&late, &policy, day(), &config);
        assert!(raises.iter().any(|raise| raise.changes.len() == 2), "{raises:?}");
        assert!(raises.iter().all(|raise| raise.limit_minor >= 500_000));
    }

    #[test]
    fn sentences_round_money_upwards() {
        let change = Change { lever: Lever::Receipts, amount: 10_001 };
        assert_eq!(
            change.sentence(Language::English, 100),
            "Receive 101 more a month from your customers for three months."
        );
        assert_eq!(change.sentence(Language::Chinese, 100), "连续三个月，每月多收顾客货款 101。");
    }
}
