//! Why: stable codes, an order of precedence, and sentences that can be read out.

use serde::{Deserialize, Serialize};

use crate::underwriting::risk::RiskFeature;
use crate::underwriting::sizing::LimitRule;

/// A reason, by its stable name. The order is the order of precedence between reasons of equal weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The values know of days after the decision's.
    DataFromFuture,
    /// The values are too old.
    DataTooOld,
    /// The lender does not serve the segment.
    SegmentNotServed,
    /// A loan is overdue today.
    ArrearsToday,
    /// The account is not a merchant's.
    NotAMerchant,
    /// Receipts look washed.
    SuspiciousReceipts,
    /// Receipts that could not be verified.
    UnverifiedReceipts,
    /// The probability of default is above the policy's.
    RiskTooHigh,
    /// What the loan costs the lender is above the rate it may ask.
    PriceAboveCap,
    /// Too little is known to say what kind of account it is.
    KindUnknown,
    /// How surely this is a merchant.
    MerchantUnsure,
    /// Too few days since the first receipt.
    ShortHistory,
    /// Too few days with receipts.
    FewActiveDays,
    /// Receipts of the year.
    LowReceipts,
    /// Receipts of the last month against the year.
    LowRecentReceipts,
    /// Too few payers.
    FewPayers,
    /// Few payers come back.
    FewReturningPayers,
    /// Much of it comes from one payer.
    OnePayer,
    /// Refunds and voids.
    ManyRefunds,
    /// Receipts fall.
    FallingReceipts,
    /// Receipts are unsteady.
    UnsteadyReceipts,
    /// No receipt for some time.
    NoReceiptLately,
    /// The business may have closed.
    MayHaveClosed,
    /// What will come in does not carry more.
    RepaymentCapacity,
    /// Debt against receipts.
    HighDebt,
    /// Loans were overdue in the last year.
    PastArrears,
    /// Loans were repaid late.
    LateLoans,
    /// Few loans were repaid on time so far.
    FewLoansRepaid,
    /// A line in force grows step by step.
    RaiseStep,
    /// The first line on little history.
    StarterLine,
    /// No more was asked for, or less than the least line.
    Requested,
    /// The law's cap.
    LawCap,
    /// The lender's cap.
    LenderCap,
    /// The segment's cap.
    SegmentCap,
    /// The lender has nothing left for the segment.
    SegmentCapital,
    /// The lender has nothing left.
    CapitalShort,
    /// A probability of default handed in by the lender's own model.
    OwnModelRisk,
}

/// The language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

/// How an observed number is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Minor units of the policy's currency.
    MoneyMinor,
    /// Days.
    Days,
    /// A count.
    Count,
    /// A fraction.
    Share,
    /// Log-odds of default, in which the model adds up.
    LogOdds,
}

/// One reason of a decision: a code, how much it weighed, and the numbers behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The code.
    pub code: ReasonCode,
    /// Share of the largest possible line this took away, parts per million; 1,000,000 refuses outright.
    pub weight_ppm: i64,
    /// What was seen.
    pub observed: Option<f64>,
    /// What would have been enough, or the bound that applied.
    pub needed: Option<f64>,
    /// How to read both.
    pub unit: Unit,
}

impl ReasonCode {
    /// Every code, in order of precedence.
    pub const ALL: [Self; 37] = [
        Self::DataFromFuture,
        Self::DataTooOld,
        Self::SegmentNotServed,
        Self::ArrearsToday,
        Self::NotAMerchant,
        Self::SuspiciousReceipts,
        Self::UnverifiedReceipts,
        Self::RiskTooHigh,
        Self::PriceAboveCap,
        Self::KindUnknown,
        Self::MerchantUnsure,
        Self::ShortHistory,
        Self::FewActiveDays,
        Self::LowReceipts,
        Self::LowRecentReceipts,
        Self::FewPayers,
        Self::FewReturningPayers,
        Self::OnePayer,
        Self::ManyRefunds,
        Self::FallingReceipts,
        Self::UnsteadyReceipts,
        Self::NoReceiptLately,
        Self::MayHaveClosed,
        Self::RepaymentCapacity,
        Self::HighDebt,
        Self::PastArrears,
        Self::LateLoans,
        Self::FewLoansRepaid,
        Self::RaiseStep,
        Self::StarterLine,
        Self::Requested,
        Self::LawCap,
        Self::LenderCap,
        Self::SegmentCap,
        Self::SegmentCapital,
        Self::CapitalShort,
        Self::OwnModelRisk,
    ];

    /// The code of a limit rule.
    #[must_use]
    pub const fn of_rule(rule: LimitRule) -> Self {
        match rule {
            LimitRule::Law => Self::LawCap,
            LimitRule::Lender => Self::LenderCap,
            LimitRule::Segment => Self::SegmentCap,
            LimitRule::SegmentCapital => Self::SegmentCapital,
            LimitRule::Capital => Self::CapitalShort,
            LimitRule::Requested => Self::Requested,
            LimitRule::Volume | LimitRule::Growth => Self::LowReceipts,
            LimitRule::Recent => Self::LowRecentReceipts,
            LimitRule::Capacity => Self::RepaymentCapacity,
            LimitRule::Debt => Self::HighDebt,
            LimitRule::Risk => Self::RiskTooHigh,
            LimitRule::Suspicion => Self::SuspiciousReceipts,
            LimitRule::Merchant => Self::MerchantUnsure,
            LimitRule::Payers => Self::FewPayers,
            LimitRule::ActiveDays => Self::FewActiveDays,
            LimitRule::Tenure => Self::ShortHistory,
            LimitRule::Repaid => Self::FewLoansRepaid,
            LimitRule::Raise => Self::RaiseStep,
            LimitRule::Starter => Self::StarterLine,
        }
    }

    /// The code of a feature of the default model.
    #[must_use]
    pub const fn of_feature(feature: RiskFeature) -> Self {
        match feature {
            RiskFeature::LogReceipts365 => Self::LowReceipts,
            RiskFeature::LogReceipts30 => Self::LowRecentReceipts,
            RiskFeature::ActiveDays90 => Self::FewActiveDays,
            RiskFeature::LogPayers90 => Self::FewPayers,
            RiskFeature::PayerReturnRate => Self::FewReturningPayers,
            RiskFeature::TopPayerShare => Self::OnePayer,
            RiskFeature::RefundShare => Self::ManyRefunds,
            RiskFeature::HistoryDays => Self::ShortHistory,
            RiskFeature::DaysSinceReceipt => Self::NoReceiptLately,
            RiskFeature::Growth30 | RiskFeature::Growth365 => Self::FallingReceipts,
            RiskFeature::WeeklyVariation => Self::UnsteadyReceipts,
            RiskFeature::AliveProbability => Self::MayHaveClosed,
            RiskFeature::Suspicion => Self::SuspiciousReceipts,
            RiskFeature::UnverifiedShare => Self::UnverifiedReceipts,
            RiskFeature::MerchantProbability => Self::MerchantUnsure,
            RiskFeature::DebtShare => Self::HighDebt,
            RiskFeature::DaysPastDue => Self::ArrearsToday,
            RiskFeature::WorstDaysPastDue => Self::PastArrears,
            RiskFeature::LoansOnTime => Self::FewLoansRepaid,
            RiskFeature::LoansLate => Self::LateLoans,
        }
    }

    /// What the merchant is told: true, specific, and of no help to somebody who washes receipts.
    #[must_use]
    pub const fn sentence(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::DataFromFuture => ("Our data about you is being corrected.", "您的数据正在核对中。"),
            Self::DataTooOld => ("Our data about your receipts is out of date.", "您的收款数据不是最新的。"),
            Self::SegmentNotServed => ("We do not lend to this line of business.", "暂不支持您所在的行业。"),
            Self::ArrearsToday => ("A loan of yours is overdue today.", "您当前有逾期未还的贷款。"),
            Self::NotAMerchant => {
                ("This account is not used for business as far as we can see.", "该账户未显示经营特征。")
            }
            Self::SuspiciousReceipts | Self::UnverifiedReceipts => {
                ("Some of your receipts could not be verified.", "您的部分收款未能核实。")
            }
            Self::RiskTooHigh | Self::OwnModelRisk => (
                "Taken together, your records show too high a risk for more.",
                "综合评估显示风险偏高，暂不能给予更多额度。",
            ),
            Self::PriceAboveCap => (
                "We cannot cover the cost of this loan at a permitted rate.",
                "在允许的利率范围内，无法覆盖该贷款的成本。",
            ),
            Self::KindUnknown => ("We know too little of this account yet.", "我们对该账户了解还不够。"),
            Self::MerchantUnsure => {
                ("We are not yet sure that this account is used for business.", "尚不能确定该账户用于经营。")
            }
            Self::ShortHistory => ("Your history of receipts is still short.", "您的收款历史还较短。"),
            Self::FewActiveDays => ("You received payments on few days lately.", "您近期有收款的天数较少。"),
            Self::LowReceipts => {
                ("Your verified receipts of the last year set the limit.", "额度由您近一年已核实的收款决定。")
            }
            Self::LowRecentReceipts => ("Your receipts of the last month are low.", "您最近一个月的收款较少。"),
            Self::FewPayers => ("Few different customers paid you lately.", "近期向您付款的不同顾客较少。"),
            Self::FewReturningPayers => ("Few of your customers came back.", "您的回头客较少。"),
            Self::OnePayer => ("Much of your receipts comes from one payer.", "您的收款大部分来自同一付款人。"),
            Self::ManyRefunds => ("Many of your receipts were refunded or voided.", "您的收款中退款或作废较多。"),
            Self::FallingReceipts => ("Your receipts have been falling.", "您的收款在下降。"),
            Self::UnsteadyReceipts => ("Your receipts vary much from week to week.", "您每周的收款波动较大。"),
            Self::NoReceiptLately => ("You have not received payments for some time.", "您已有一段时间没有收款。"),
            Self::MayHaveClosed => ("The business seems to have paused.", "您的经营似乎已暂停。"),
            Self::RepaymentCapacity => {
                ("More could not safely be repaid from the receipts we expect.", "按预计收款，更高的额度难以稳妥偿还。")
            }
            Self::HighDebt => ("You owe much compared with your receipts.", "与收款相比，您的负债较高。"),
            Self::PastArrears => ("A loan of yours was overdue in the last year.", "您近一年有过逾期。"),
            Self::LateLoans => ("Some of your loans were repaid late.", "您有贷款未按时还清。"),
            Self::FewLoansRepaid => {
                ("The limit grows with each loan repaid on time.", "每按时还清一笔贷款，额度会提高。")
            }
            Self::RaiseStep => ("Your limit grows step by step.", "您的额度会逐步提高。"),
            Self::StarterLine => ("This is a first limit on a short history.", "这是基于较短历史的首次额度。"),
            Self::Requested => ("You asked for no more than this.", "您申请的就是这个金额。"),
            Self::LawCap => ("The law allows no more for one borrower.", "法规对单户额度有上限。"),
            Self::LenderCap => ("This is the most we lend to one borrower.", "这是我们对单户的最高额度。"),
            Self::SegmentCap => ("This is the most we lend in your line of business.", "这是您所在行业的最高额度。"),
            Self::SegmentCapital => {
                ("We can lend no more in your line of business at present.", "您所在行业的可贷额度暂已用完。")
            }
            Self::CapitalShort => ("We can lend no more at present.", "我们的可贷额度暂已用完。"),
        };
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// Whether the numbers behind the reason may be shown to the merchant: not where they would teach how to feign.
    #[must_use]
    pub const fn numbers_are_safe(self) -> bool {
        !matches!(
            self,
            Self::SuspiciousReceipts
                | Self::UnverifiedReceipts
                | Self::NotAMerchant
                | Self::MerchantUnsure
                | Self::KindUnknown
                | Self::FewPayers
                | Self::FewActiveDays
                | Self::OnePayer
                | Self::FewReturningPayers
                | Self::RiskTooHigh
                | Self::OwnModelRisk
        )
    }
}

impl Reason {
    /// The sentence for the merchant.
    #[must_use]
    pub const fn sentence(&self, language: Language) -> &'static str {
        self.code.sentence(language)
    }

    /// The sentence for the file: the code, what was seen and what was needed.
    #[must_use]
    pub fn for_the_file(&self, language: Language) -> String {
        let show = |number: f64| match self.unit {
            Unit::MoneyMinor | Unit::Days | Unit::Count => format!("{number:.0}"),
            Unit::Share | Unit::LogOdds => format!("{number:.4}"),
        };
        let unit = match (self.unit, language) {
            (Unit::MoneyMinor, Language::English) => " minor units",
            (Unit::MoneyMinor, Language::Chinese) => "（最小货币单位）",
            (Unit::Days, Language::English) => " days",
            (Unit::Days, Language::Chinese) => "天",
            (Unit::LogOdds, Language::English) => " log-odds",
            (Unit::LogOdds, Language::Chinese) => "（对数几率）",
            (Unit::Count | Unit::Share, _) => "",
        };
        let (seen, against) = match language {
            Language::English => ("seen", "against"),
            Language::Chinese => ("实际", "标准"),
        };
        let mut text = self.sentence(language).to_owned();
        if let Some(observed) = self.observed {
            text.push_str(&format!(" [{seen} {}{unit}", show(observed)));
            if let Some(needed) = self.needed {
                text.push_str(&format!(", {against} {}{unit}", show(needed)));
            }
            text.push(']');
        }
        text
    }
}

/// At most this many reasons are given: more are "not likely to be helpful" (Regulation B, comment 9(b)(2)-1).
pub const MAX_REASONS: usize = 4;

/// Keeps the heaviest reason of each code, in order of weight and then of precedence, at most [`MAX_REASONS`].
pub(crate) fn principal(mut reasons: Vec<Reason>) -> Vec<Reason> {
    reasons.sort_by(|a, b| b.weight_ppm.cmp(&a.weight_ppm).then(a.code.cmp(&b.code)));
    let mut kept: Vec<Reason> = Vec::with_capacity(MAX_REASONS);
    for reason in reasons {
        if kept.len() < MAX_REASONS && kept.iter().all(|before| before.code != reason.code) {
            kept.push(reason);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_place_its_name_and_two_sentences() {
        for (index, code) in ReasonCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, index);
            let (english, chinese) = (code.sentence(Language::English), code.sentence(Language::Chinese));
            assert!(english.ends_with('.') && english.is_ascii(), "{english}");
            assert!(chinese.ends_with('。'), "{chinese}");
        }
        for rule in LimitRule::ALL {
            let _ = ReasonCode::of_rule(rule);
        }
        for feature in RiskFeature::ALL {
            let _ = ReasonCode::of_feature(feature);
        }
    }

    #[test]
    fn principal_reasons_are_four_distinct_and_in_order() {
        let reason = |code, weight_ppm| Reason { code, weight_ppm, observed: None, needed: None, unit: Unit::Count };
        let kept = principal(vec![
            reason(ReasonCode::LenderCap, 1),
            reason(ReasonCode::FewPayers, 5),
            reason(ReasonCode::LowReceipts, 5),
            reason(ReasonCode::FewPayers, 9),
            reason(ReasonCode::HighDebt, 4),
            reason(ReasonCode::LateLoans, 3),
        ]);
        let codes: Vec<ReasonCode> = kept.iter().map(|reason| reason.code).collect();
        use ReasonCode as R;
        assert_eq!(codes, [R::FewPayers, R::LowReceipts, R::HighDebt, R::LateLoans]);
    }
}
