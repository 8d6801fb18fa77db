//! Whole lives of scheduled loans: product, events, and what schedule, transactions, charges and journal must then show.

use std::collections::BTreeMap;

use dandelion_credit::calendar::Date;
use dandelion_credit::loan::{
    Allocation, Cell, ChargeOffEffect, Component, DelinquencyBuckets, Direction, DownPayment, Every, FutureRule,
    InstalmentFee, InstalmentKind, InstalmentShape, InterestMethod, InterestStep, LoanProduct, LoanStatus,
    LoanTransaction, MonthDays, PaymentRule, PayoffInterest, Posting, ScheduleKind, ScheduledLoan, ScheduledTerms,
    TermChange, Timing, TransactionKind, YearDays,
};
use dandelion_credit::{BasisPoints, Money, Rounding, Scale};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::check::{Check, Judged, Stop, date, decimal, list, malformed, text, whole};

/// A story in progress.
struct Story<'a> {
    file: &'a Value,
    rules: BTreeMap<TransactionKind, FutureRule>,
    default_rule: Option<FutureRule>,
    today: Option<Date>,
    loan: Option<ScheduledLoan>,
    payments: Vec<u32>,
    grace_days: u32,
}

pub fn scenario(file: &Value, vector: &Value, check: &mut Check) -> Judged {
    let mut story = Story {
        file,
        rules: BTreeMap::new(),
        default_rule: None,
        today: None,
        loan: None,
        payments: Vec::new(),
        grace_days: 0,
    };
    for (nth, event) in list(&vector["events"])?.iter().enumerate() {
        match (event["op"].as_str(), event["expect"].as_str()) {
            (Some(op), _) => story.happen(op, event).map_err(|stop| at(stop, &format!("event {nth} {op}")))?,
            (_, Some(expect)) => story.expect(nth, expect, event, check)?,
            _ => return Err(malformed("event", event)),
        }
    }
    Ok(())
}

fn at(stop: Stop, place: &str) -> Stop {
    match stop {
        Stop::Failed(why) => Stop::Failed(format!("{place}: {why}")),
        Stop::Unsupported(what) => Stop::Unsupported(what),
    }
}

fn minor(value: &Value) -> Judged<i64> {
    let money = Money::parse(&text(value)?, Scale::CENTS)?;
    Ok(money.to_minor())
}

fn kind_of(name: &str) -> Option<TransactionKind> {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    Some(match folded.as_str() {
        "disbursement" => TransactionKind::Disbursement,
        "downpayment" => TransactionKind::DownPayment,
        "repayment" => TransactionKind::Repayment,
        "merchantissuedrefund" => TransactionKind::MerchantRefund,
        "payoutrefund" => TransactionKind::PayoutRefund,
        "goodwillcredit" => TransactionKind::GoodwillCredit,
        "interestpaymentwaiver" => TransactionKind::InterestWaiver,
        "interestrefund" => TransactionKind::InterestRefund,
        "chargeback" => TransactionKind::ChargeBack,
        "creditbalancerefund" => TransactionKind::CreditBalanceRefund,
        "reage" => TransactionKind::ReAge,
        "reamortize" => TransactionKind::ReAmortise,
        "chargeoff" => TransactionKind::ChargeOff,
        "closeaswrittenoff" | "writeoff" => TransactionKind::WriteOff,
        "waiveloancharges" => TransactionKind::ChargeWaiver,
        "refund" => TransactionKind::Refund,
        "accrual" => TransactionKind::Accrual,
        "accrualadjustment" => TransactionKind::AccrualAdjustment,
        "accrualactivity" => TransactionKind::AccrualActivity,
        "capitalizedincome" => TransactionKind::CapitalisedIncome,
        "capitalizedincomeamortization" => TransactionKind::CapitalisedIncomeAmortisation,
        "capitalizedincomeamortizationadjustment" => TransactionKind::CapitalisedIncomeAmortisationAdjustment,
        "buydownfee" => TransactionKind::BuyDownFee,
        "buydownfeeamortization" => TransactionKind::BuyDownFeeAmortisation,
        "buydownfeeamortizationadjustment" => TransactionKind::BuyDownFeeAmortisationAdjustment,
        _ => return None,
    })
}

fn rule_of(name: &str) -> Judged<FutureRule> {
    Ok(match name {
        "NEXT_INSTALLMENT" => FutureRule::NextInstalment,
        "LAST_INSTALLMENT" => FutureRule::LastInstalment,
        "NEXT_LAST_INSTALLMENT" => FutureRule::NextThenLast,
        "REAMORTIZATION" => FutureRule::Reamortise,
        other => return Err(Stop::Unsupported(format!("future instalment rule {other}"))),
    })
}

fn component_of(name: &str) -> Judged<Component> {
    Ok(match name {
        "PENALTY" => Component::Penalty,
        "FEE" => Component::Fee,
        "INTEREST" => Component::Interest,
        "PRINCIPAL" => Component::Principal,
        other => return Err(malformed("component", other)),
    })
}

fn cells(order: &Value) -> Judged<Vec<Cell>> {
    list(order)?
        .iter()
        .map(|cell| {
            let name = text(cell)?;
            let (timing, rest) = if let Some(rest) = name.strip_prefix("PAST_DUE_") {
                (Timing::PastDue, rest)
            } else if let Some(rest) = name.strip_prefix("IN_ADVANCE_") {
                (Timing::InAdvance, rest)
            } else if let Some(rest) = name.strip_prefix("DUE_") {
                (Timing::Due, rest)
            } else {
                return Err(malformed("allocation cell", name));
            };
            Ok(Cell { timing, component: component_of(rest)? })
        })
        .collect()
}

fn every(count: &Value, unit: &str) -> Judged<Every> {
    let count = whole(count)?;
    Ok(match unit {
        "DAYS" => Every::Days(count),
        "WEEKS" => Every::Days(count * 7),
        "MONTHS" => Every::Months(count),
        "YEARS" => Every::Months(count * 12),
        other => return Err(Stop::Unsupported(format!("period unit {other}"))),
    })
}

fn or_nought(event: &Value, key: &str) -> Judged<u32> {
    event.get(key).filter(|value| !value.is_null()).map_or(Ok(0), whole)
}

impl Story<'_> {
    fn product(&self, create: &Value) -> Judged<LoanProduct> {
        let name = text(&create["product"])?;
        let policy = &self.file["products"][&name];
        if policy.is_null() {
            return Err(Stop::Unsupported("product policy not given".to_owned()));
        }
        let flag = |key: &str| policy[key].as_bool().unwrap_or(false);
        let string = |key: &str| policy[key].as_str().unwrap_or_default();
        let progressive = string("loanScheduleType") == "PROGRESSIVE";
        let direction = match string("loanScheduleProcessingType") {
            "VERTICAL" => Direction::Vertical,
            _ => Direction::Horizontal,
        };
        let mut rules = BTreeMap::new();
        let mut rule = PaymentRule {
            allocation: legacy(string("transactionProcessingStrategyCode"))?,
            future: FutureRule::NextInstalment,
        };
        if let Some(given) = policy["payment_allocation"].as_object() {
            for (name, given) in given {
                let allocation = Allocation::new(cells(&given["order"])?, direction).map_err(Stop::from)?;
                let future = rule_of(given["future_installment_rule"].as_str().unwrap_or("NEXT_INSTALLMENT"))?;
                if name == "DEFAULT" {
                    rule = PaymentRule { allocation, future: self.default_rule.unwrap_or(future) };
                } else if let Some(kind) = kind_of(name) {
                    let future = self.rules.get(&kind).copied().unwrap_or(future);
                    rules.insert(kind, PaymentRule { allocation, future });
                }
            }
        }
        let charge_back_order = match policy["credit_allocation"]["CHARGEBACK"].as_array() {
            None => None,
            Some(order) => {
                let order: Vec<Component> =
                    order.iter().map(|cell| component_of(cell.as_str().unwrap_or_default())).collect::<Judged<_>>()?;
                <[Component; 4]>::try_from(order).ok()
            }
        };
        let recalculates =
            flag("isInterestRecalculationEnabled").then(|| match string("preClosureInterestCalculationStrategy") {
                "TILL_REST_FREQUENCY_DATE" => PayoffInterest::DueDate,
                _ => PayoffInterest::PaymentDay,
            });
        let year = match string("daysInYearType") {
            "360" => YearDays::Fixed(360),
            "364" => YearDays::Fixed(364),
            "365" => YearDays::Fixed(365),
            _ => YearDays::Actual,
        };
        let year = match (year, string("daysInYearCustomStrategy")) {
            (YearDays::Actual, leap) if leap.starts_with("FEB_29_PERIOD_ONLY") => YearDays::ActualLeapPeriod,
            (year, _) => year,
        };
        let share = string("disbursedAmountPercentageForDownPayment");
        let share: String = share.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        let share: Decimal = share.trim_matches('.').parse().unwrap_or(Decimal::ZERO);
        let down = flag("enableDownPayment").then(|| DownPayment {
            share: BasisPoints::new((share * Decimal::ONE_HUNDRED).trunc().to_string().parse().unwrap_or(0)),
            automatic: flag("enableAutoRepaymentForDownPayment"),
        });
        let multiple: Option<i64> = string("installmentAmountInMultiplesOf").parse().ok();
        let step =
            match create["interest_calculation_period"].as_str().unwrap_or(string("interestCalculationPeriodType")) {
                "DAILY" | "0" => InterestStep::Daily,
                _ => InterestStep::Instalment,
            };
        Ok(LoanProduct {
            kind: if progressive { ScheduleKind::Progressive } else { ScheduleKind::Cumulative },
            method: match create["interest_type"].as_str() {
                Some("FLAT") => InterestMethod::Flat,
                _ => InterestMethod::DecliningBalance,
            },
            step,
            partial_periods: flag("allowPartialPeriodInterestCalcualtion"),
            year,
            month: if string("daysInMonthType") == "30" { MonthDays::Thirty } else { MonthDays::Actual },
            level_multiple_minor: multiple.map(|unit| unit * 100),
            recalculates,
            rests_by_instalment: string("recalculationRestFrequencyType").starts_with("SAME_AS_REPAYMENT"),
            no_interest_past_due: flag("disallowInterestCalculationOnPastDue"),
            down_payment: down,
            due_from_submission: string("repaymentStartDateType") == "SUBMITTED_ON_DATE",
            fixed_length_days: string("fixedLength").parse().ok(),
            rule,
            rules,
            interest_refunds: if self.product_lists(&name, "Interest Refund") {
                [TransactionKind::MerchantRefund, TransactionKind::PayoutRefund].into()
            } else {
                [].into()
            },
            accrual_activity: self.product_lists(&name, "Accrual Activity"),
            charges_in_advance: policy["payment_allocation"].is_null(),
            charge_back_order,
            charge_off: match string("chargeOffBehaviour") {
                "ZERO_INTEREST" => ChargeOffEffect::ZeroInterest,
                "ACCELERATE_MATURITY" => ChargeOffEffect::AccelerateMaturity,
                _ => ChargeOffEffect::Regular,
            },
            interest_on_first_day: flag("interestRecognitionOnDisbursementDate"),
            rounding: Rounding::HalfEven,
        })
    }

    /// Whether any story of a product lists transactions of a name: what the file's policies do not say of the product.
    fn product_lists(&self, product: &str, transaction: &str) -> bool {
        let lists = |event: &Value| {
            event["rows"].as_array().is_some_and(|rows| rows.iter().any(|row| row["transaction_type"] == transaction))
        };
        let vectors = self.file["vectors"].as_array();
        vectors.is_some_and(|vectors| {
            vectors
                .iter()
                .filter(|vector| vector["product"] == product)
                .any(|vector| vector["events"].as_array().is_some_and(|events| events.iter().any(lists)))
        })
    }

    fn loan(&mut self) -> Judged<&mut ScheduledLoan> {
        self.loan.as_mut().ok_or_else(|| Stop::Failed("no loan yet".to_owned()))
    }

    fn happen(&mut self, op: &str, event: &Value) -> Judged {
        match op {
            "business_date" => {
                let today = date(&event["date"])?;
                self.today = Some(today);
                if let Some(loan) = &mut self.loan {
                    loan.set_today(today);
                }
            }
            "set_future_installment_rule" => {
                let rule = rule_of(&text(&event["rule"])?)?;
                let name = text(&event["transaction_type"])?;
                if name == "DEFAULT" {
                    self.default_rule = Some(rule);
                } else if let Some(kind) = kind_of(&name) {
                    self.rules.insert(kind, rule);
                }
            }
            "create" => {
                if self.loan.is_some() {
                    return Err(Stop::Unsupported("two loans in one story".to_owned()));
                }
                let product = self.product(event)?;
                let submitted_on = date(&event["submitted"])?;
                let terms = ScheduledTerms {
                    annual_rate: decimal(&event["annual_rate_pct"])? / Decimal::ONE_HUNDRED,
                    every: every(&event["every"], event["every_unit"].as_str().unwrap_or_default())?,
                    instalments: whole(&event["repayments"])?,
                    submitted_on,
                    expected_on: submitted_on,
                    shape: InstalmentShape {
                        equal_principal: event["amortization"]
                            .as_str()
                            .is_some_and(|kind| kind.starts_with("EQUAL_PRINCIPAL")),
                        principal_grace: or_nought(event, "grace_on_principal")?,
                        interest_grace: or_nought(event, "grace_on_interest")?,
                        interest_free: or_nought(event, "interest_free_period")?,
                    },
                };
                // A story that never approves means the amount asked for.
                let mut loan = ScheduledLoan::approve(product, terms, Money::from_minor(minor(&event["principal"])?))?;
                if let Some(today) = self.today {
                    loan.set_today(today);
                }
                let name = text(&event["product"])?;
                let grace = self.file["products"][&name]["graceOnArrearsAgeing"].as_str();
                self.grace_days = grace.and_then(|days| days.parse().ok()).unwrap_or(0);
                self.loan = Some(loan);
            }
            "approve" => {
                let amount = Money::from_minor(minor(&event["amount"])?);
                self.loan()?.approve_amount(amount)?;
            }
            "disburse" => {
                let (on, amount) = (date(&event["date"])?, Money::from_minor(minor(&event["amount"])?));
                self.loan()?.disburse(on, amount)?;
            }
            "repayment" => self.pay(event, TransactionKind::Repayment)?,
            "refund" => self.pay(event, TransactionKind::PayoutRefund)?,
            "credit_balance_refund" => self.pay(event, TransactionKind::CreditBalanceRefund)?,
            "transaction" => {
                let name = text(&event["type"])?;
                match kind_of(&name) {
                    Some(kind) => self.pay(event, kind)?,
                    None => return Err(Stop::Unsupported(format!("transaction {name}"))),
                }
            }
            "add_charge" => {
                let name = text(&event["charge"])?;
                let component =
                    if name.contains("NSF") || name.contains("PENALTY") { Component::Penalty } else { Component::Fee };
                let due = date(&event["due_date"])?;
                let amount = if event["percent"].is_null() {
                    Money::from_minor(minor(&event["amount"])?)
                } else {
                    // A share of all principal and interest.
                    let share = decimal(&event["percent"])? / Decimal::ONE_HUNDRED;
                    let rows = self.loan()?.instalments();
                    let whole: i64 = rows.iter().map(|row| row.principal.due + row.interest.due).sum();
                    Money::from_decimal_minor(Decimal::from(whole) * share, Rounding::HalfEven)?
                };
                self.loan()?.charge(component, due, amount)?;
            }
            "capitalized_income" | "buy_down_fee" => {
                let kind = match op {
                    "buy_down_fee" => TransactionKind::BuyDownFee,
                    _ => TransactionKind::CapitalisedIncome,
                };
                let (on, amount) = (date(&event["date"])?, Money::from_minor(minor(&event["amount"])?));
                self.loan()?.defer_income(on, kind, amount)?;
            }
            "chargeback" => {
                let amount = Money::from_minor(minor(&event["amount"])?);
                let payment = match event["payment_nr"].as_str() {
                    Some(nth) => {
                        let nth: usize = nth.parse().map_err(|_| malformed("payment number", nth))?;
                        nth.checked_sub(1).and_then(|nth| self.payments.get(nth)).copied()
                    }
                    None => match event["payment_nr"].as_u64() {
                        Some(nth) => (nth as usize).checked_sub(1).and_then(|nth| self.payments.get(nth)).copied(),
                        None => self.payments.last().copied(),
                    },
                };
                self.loan()?.charge_back(amount, payment)?;
            }
            "charge_off" => {
                let on = date(&event["date"])?;
                self.loan()?.mark(on, TransactionKind::ChargeOff)?;
            }
            "write_off" => {
                let on = date(&event["date"])?;
                self.loan()?.mark(on, TransactionKind::WriteOff)?;
            }
            "reamortize" => {
                let today = self.today.ok_or_else(|| Stop::Failed("no day".to_owned()))?;
                self.loan()?.mark(today, TransactionKind::ReAmortise)?;
            }
            "reage" => {
                let step = every(&event["frequencyNumber"], event["frequencyType"].as_str().unwrap_or_default())?;
                let (start, count) = (date(&event["startDate"])?, whole(&event["numberOfInstallments"])?);
                self.loan()?.re_age(start, step, count)?;
            }
            "reschedule" => self.reschedule(event)?,
            "interest_pause" => {
                let (from, to) = (date(&event["from"])?, date(&event["to"])?);
                self.loan()?.change_terms(TermChange::PauseInterest { from, to })?;
            }
            "add_installment_charge" => {
                let (name, amount) = (text(&event["charge"])?, text(&event["amount"])?);
                let share = || -> Judged<BasisPoints> {
                    let points = decimal(&event["amount"])? * Decimal::ONE_HUNDRED;
                    Ok(BasisPoints::new(
                        points.to_string().split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0),
                    ))
                };
                let fee = if name.ends_with("FLAT") {
                    InstalmentFee::Flat(minor(&event["amount"])?)
                } else if name.ends_with("AMOUNT_PLUS_INTEREST") {
                    InstalmentFee::OfBoth(share()?)
                } else if name.ends_with("INTEREST") {
                    InstalmentFee::OfInterest(share()?)
                } else if name.ends_with("AMOUNT") {
                    InstalmentFee::OfPrincipal(share()?)
                } else {
                    return Err(Stop::Unsupported(format!("instalment charge {name} of {amount}")));
                };
                self.loan()?.charge_every_instalment(fee)?;
            }
            "waive_charge" => {
                let last = self.loan()?.charges().len().saturating_sub(1);
                self.loan()?.waive_charge(last)?;
            }
            "pay_off" => {
                let on = date(&event["date"])?;
                let owed = self.loan()?.payoff(on)?;
                let total = owed.principal + owed.interest + owed.fee + owed.penalty;
                let id = self.loan()?.pay(on, TransactionKind::Repayment, Money::from_minor(total))?;
                self.payments.push(id);
            }
            "undo" => self.undo(event)?,
            "undo_last_repayment" => self.undo_last(&[TransactionKind::Repayment])?,
            "undo_last_disbursal" => self.undo_last(&[TransactionKind::Disbursement])?,
            "undo_reage" => self.undo_last(&[TransactionKind::ReAge])?,
            "undo_reamortize" => self.undo_last(&[TransactionKind::ReAmortise])?,
            "undo_charge_off" => self.undo_last(&[TransactionKind::ChargeOff])?,
            "undo_refund" => self.undo_last(&[
                TransactionKind::Refund,
                TransactionKind::PayoutRefund,
                TransactionKind::MerchantRefund,
            ])?,
            "undo_disbursal" => self.loan()?.undo_all_disbursements()?,
            "end_of_day" => {
                if let Some(loan) = &mut self.loan {
                    loan.end_of_day()?;
                }
            }
            other => return Err(Stop::Unsupported(format!("event {other}"))),
        }
        Ok(())
    }

    fn pay(&mut self, event: &Value, kind: TransactionKind) -> Judged {
        let (on, amount) = (date(&event["date"])?, Money::from_minor(minor(&event["amount"])?));
        let plain = event["interest_refund"] == "false" || event["interest_refund"] == false;
        let loan = self.loan()?;
        let id = if plain { loan.pay_without_interest_refund(on, kind, amount)? } else { loan.pay(on, kind, amount)? };
        if kind.is_payment() {
            self.payments.push(id);
        }
        Ok(())
    }

    fn reschedule(&mut self, event: &Value) -> Judged {
        let from = date(&event["rescheduleFromDate"])?;
        if !event["newInterestRate"].is_null() {
            let annual_rate = decimal(&event["newInterestRate"])? / Decimal::ONE_HUNDRED;
            self.loan()?.change_terms(TermChange::Rate { from, annual_rate })?;
        }
        if !event["extraTerms"].is_null() {
            let count = whole(&event["extraTerms"])?;
            self.loan()?.change_terms(TermChange::MoreInstalments { from, count })?;
        }
        if !event["adjustedDueDate"].is_null() {
            let to = date(&event["adjustedDueDate"])?;
            self.loan()?.change_terms(TermChange::MoveDueDate { from, to })?;
        }
        if !event["graceOnInterest"].is_null() {
            return Err(Stop::Unsupported("rescheduling with interest grace".to_owned()));
        }
        Ok(())
    }

    fn undo(&mut self, event: &Value) -> Judged {
        let on = date(&event["transaction_date"])?;
        let nth = whole(&event["nth"])? as usize;
        let kind = event["type"]
            .as_str()
            .map(|name| kind_of(name).ok_or_else(|| Stop::Unsupported(format!("undo of {name}"))));
        let kind = kind.transpose()?;
        let loan = self.loan()?;
        let found = loan
            .transactions()
            .into_iter()
            .filter(|transaction| transaction.on == on && kind.is_none_or(|kind| transaction.kind == kind))
            .nth(nth.saturating_sub(1))
            .map(|transaction| transaction.id);
        // Some stories number the transactions of a kind over the whole loan.
        let of_kind = || {
            let all = loan.transactions();
            let mut of_kind = all.iter().filter(|transaction| kind.is_none_or(|kind| transaction.kind == kind));
            of_kind.nth(nth.saturating_sub(1)).filter(|transaction| transaction.on == on).map(|found| found.id)
        };
        let id = found.or_else(of_kind).ok_or_else(|| Stop::Failed("no such transaction".to_owned()))?;
        loan.undo(id)?;
        Ok(())
    }

    fn undo_last(&mut self, kinds: &[TransactionKind]) -> Judged {
        let loan = self.loan()?;
        let last = loan
            .transactions()
            .into_iter()
            .rfind(|transaction| !transaction.reverted && kinds.contains(&transaction.kind))
            .map(|transaction| (transaction.id, transaction.on, transaction.kind));
        let (id, _, _) = last.ok_or_else(|| Stop::Failed("nothing to undo".to_owned()))?;
        loan.undo(id)?;
        Ok(())
    }

    fn expect(&mut self, nth: usize, expect: &str, event: &Value, check: &mut Check) -> Judged {
        let place = format!("event {nth} {expect}");
        let grace = self.grace_days;
        let loan = self.loan()?;
        match expect {
            "schedule" => schedule(loan, &place, event, check),
            "totals" => totals(loan, &place, event, check),
            "transactions" => transactions(loan, &place, event, check),
            "journal" => journal(loan, &place, event, check),
            "charges" => charges(loan, &place, event, check),
            "status" => {
                let found = match loan.status() {
                    LoanStatus::Approved => "approved",
                    LoanStatus::Active => "active",
                    LoanStatus::Closed => "closed",
                    LoanStatus::Overpaid => "overpaid",
                    LoanStatus::WrittenOff => "written",
                };
                let wanted = text(&event["value"])?.to_ascii_lowercase();
                let met = if found == "written" { wanted.contains("written") } else { wanted.starts_with(found) };
                check.equal(&place, wanted.clone(), if met { wanted } else { found.to_owned() });
                Ok(())
            }
            "outstanding" => {
                check.equal(&place, minor(&event["value"])?, loan.outstanding());
                Ok(())
            }
            "overpaid" => {
                check.equal(&place, minor(&event["value"])?, loan.overpaid());
                Ok(())
            }
            "all_paid" | "closed_zero" => {
                check.equal(&place, 0, loan.outstanding());
                Ok(())
            }
            "delinquency" => {
                let since = loan.delinquent_since(grace);
                let days = since.map_or(0, |since| (loan.today().duration_since(since).as_hours() / 24) as u32);
                // The source's ranges, named by their first day.
                let ranges = DelinquencyBuckets::new(vec![1, 4, 31, 61, 91]).map_err(Stop::from)?;
                let names = ["RANGE_1", "RANGE_3", "RANGE_30", "RANGE_60", "RANGE_90"];
                let found = ranges.bucket(days).map_or("NO_DELINQUENCY", |bucket| names[bucket]);
                check.equal(format!("{place} range"), text(&event["range"])?, found.to_owned());
                let since = since.map(|day| day.to_string()).unwrap_or_default();
                check.equal(format!("{place} since"), text(&event["delinquent_since"])?, since);
                Ok(())
            }
            other => Err(Stop::Unsupported(format!("expectation {other}"))),
        }
    }
}

/// The fixed waterfalls of products without one of their own.
fn legacy(name: &str) -> Judged<Allocation> {
    use Component::{Fee, Interest, Penalty, Principal};
    let by = |due: [Component; 4], advance: [Component; 4]| {
        let mut cells = Vec::new();
        for timing in [Timing::PastDue, Timing::Due] {
            cells.extend(due.map(|component| Cell { timing, component }));
        }
        cells.extend(advance.map(|component| Cell { timing: Timing::InAdvance, component }));
        Allocation::new(cells, Direction::Horizontal).map_err(Stop::from)
    };
    let standard = [Penalty, Fee, Interest, Principal];
    match name {
        "DUE_PENALTY_FEE_INTEREST_PRINCIPAL_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST" => {
            by(standard, [Principal, Penalty, Fee, Interest])
        }
        "DUE_PENALTY_INTEREST_PRINCIPAL_FEE_IN_ADVANCE_PENALTY_INTEREST_PRINCIPAL_FEE" => {
            by([Penalty, Interest, Principal, Fee], [Penalty, Interest, Principal, Fee])
        }
        _ => by(standard, standard),
    }
}

fn compare(check: &mut Check, place: &str, what: &str, row: &Value, found: i64) -> Judged {
    if !row[what].is_null() {
        check.equal(format!("{place} {what}"), minor(&row[what])?, found);
    }
    Ok(())
}

fn schedule(loan: &ScheduledLoan, place: &str, event: &Value, check: &mut Check) -> Judged {
    let mut disbursed: Vec<(Date, i64)> = loan
        .transactions()
        .iter()
        .filter(|transaction| transaction.kind.adds_principal() && !transaction.reverted)
        .map(|transaction| (transaction.on, transaction.amount))
        .collect();
    if disbursed.is_empty() {
        let whole = loan.instalments().iter().map(|row| row.principal.due).sum();
        disbursed.push((loan.instalments()[0].from, whole));
    }
    disbursed.reverse();
    let rows = list(&event["rows"])?;
    let mut found = loan.instalments().iter().enumerate().peekable();
    let parts = loan.product().down_payment.is_some() && loan.product().kind == ScheduleKind::Cumulative;
    let mut balance = 0;
    let total = loan.instalments().len() + disbursed.len();
    check.equal(format!("{place} rows"), rows.len(), total);
    for (nth, row) in rows.iter().enumerate() {
        let place = format!("{place} row {nth}");
        let next_due = found.peek().map(|(_, next)| (next.due, next.kind));
        let lent = disbursed.last().copied().filter(|&(on, _)| {
            next_due.is_none_or(|(due, kind)| on < due || on == due && (kind == InstalmentKind::DownPayment || parts))
        });
        if let Some((on, amount)) = lent {
            disbursed.pop();
            balance += amount;
            if !row["nr"].is_null() {
                check.differs(&place, row["nr"].clone(), "a disbursement row");
                return Ok(());
            }
            check.equal(format!("{place} date"), date(&row["date"])?, on);
            compare(check, &place, "balance", row, amount)?;
            continue;
        }
        let Some((place_nr, instalment)) = found.next() else { break };
        if row["nr"].is_null() {
            check.differs(&place, "a disbursement row", instalment.due);
            return Ok(());
        }
        balance += instalment.credited - instalment.principal.due;
        check.equal(format!("{place} nr"), whole(&row["nr"])? as usize, place_nr + 1);
        check.equal(format!("{place} date"), date(&row["date"])?, instalment.due);
        let days = (instalment.due.duration_since(instalment.from).as_hours() / 24) as u32;
        if !row["days"].is_null() {
            check.equal(format!("{place} days"), whole(&row["days"])?, days);
        }
        let met = instalment.met_on.map(|day| day.to_string()).unwrap_or_default();
        let wanted = row["paid_date"].as_str().unwrap_or_default().to_owned();
        check.equal(format!("{place} paid_date"), wanted, met);
        compare(check, &place, "balance", row, balance)?;
        compare(check, &place, "principal", row, instalment.principal.due)?;
        compare(check, &place, "interest", row, instalment.interest.due)?;
        compare(check, &place, "fees", row, instalment.fee.due)?;
        compare(check, &place, "penalties", row, instalment.penalty.due)?;
        compare(check, &place, "due", row, instalment.due_total())?;
        compare(check, &place, "paid", row, instalment.paid_total())?;
        compare(check, &place, "in_advance", row, instalment.in_advance)?;
        compare(check, &place, "late", row, instalment.late)?;
        compare(check, &place, "outstanding", row, instalment.open_total())?;
    }
    Ok(())
}

fn totals(loan: &ScheduledLoan, place: &str, event: &Value, check: &mut Check) -> Judged {
    let row = &event["rows"][0];
    let rows = loan.instalments();
    let sum = |of: &dyn Fn(&dandelion_credit::loan::ScheduledInstalment) -> i64| rows.iter().map(of).sum::<i64>();
    compare(check, place, "principal", row, sum(&|row| row.principal.due))?;
    compare(check, place, "interest", row, sum(&|row| row.interest.due))?;
    compare(check, place, "fees", row, sum(&|row| row.fee.due))?;
    compare(check, place, "penalties", row, sum(&|row| row.penalty.due))?;
    compare(check, place, "due", row, sum(&|row| row.due_total()))?;
    compare(check, place, "paid", row, sum(&|row| row.paid_total()))?;
    compare(check, place, "in_advance", row, sum(&|row| row.in_advance))?;
    compare(check, place, "late", row, sum(&|row| row.late))?;
    compare(check, place, "outstanding", row, sum(&|row| row.open_total()))
}

fn transactions(loan: &ScheduledLoan, place: &str, event: &Value, check: &mut Check) -> Judged {
    let rows = list(&event["rows"])?;
    let mut found: Vec<&LoanTransaction> = loan.transactions();
    check.equal(format!("{place} rows"), rows.len(), found.len());
    for (nth, row) in rows.iter().enumerate() {
        let on = date(&row["transaction_date"])?;
        let name = text(&row["transaction_type"])?;
        let Some(kind) = kind_of(&name) else {
            return Err(Stop::Unsupported(format!("transaction {name}")));
        };
        let amount = minor(&row["amount"])?;
        let place = format!("{place} row {nth} {on} {name} {amount}");
        let reverted = row["reverted"].as_str() == Some("true");
        let fits = |transaction: &&LoanTransaction| transaction.on == on && transaction.kind == kind;
        let exact = found.iter().position(|transaction| {
            fits(transaction)
                && transaction.amount == amount
                && (row["reverted"].is_null() || transaction.reverted == reverted)
        });
        let Some(index) = exact.or_else(|| found.iter().position(fits)) else {
            check.differs(&place, "a transaction", "none");
            continue;
        };
        let transaction = found.remove(index);
        compare(check, &place, "amount", row, transaction.amount)?;
        compare(check, &place, "principal", row, transaction.portions.principal)?;
        compare(check, &place, "interest", row, transaction.portions.interest)?;
        compare(check, &place, "fees", row, transaction.portions.fee)?;
        compare(check, &place, "penalties", row, transaction.portions.penalty)?;
        compare(check, &place, "overpayment", row, transaction.portions.overpaid)?;
        compare(check, &place, "loan_balance", row, transaction.balance)?;
        for (what, found) in [("reverted", transaction.reverted), ("replayed", transaction.replayed)] {
            if let Some(wanted) = row[what].as_str() {
                check.equal(format!("{place} {what}"), wanted.to_owned(), found.to_string());
            }
        }
    }
    Ok(())
}

fn charges(loan: &ScheduledLoan, place: &str, event: &Value, check: &mut Check) -> Judged {
    let rows = list(&event["rows"])?;
    let mut by_instalment = loan.instalment_fee_debts();
    check.equal(format!("{place} rows"), rows.len(), loan.charges().len() + by_instalment.len());
    for row in rows {
        let penalty = row["ispenalty"].as_str() == Some("true");
        let due = minor(&row["due"])?;
        let on = row["due_as_of"].as_str().and_then(|day| day.parse::<Date>().ok());
        let found = loan.charges().iter().find(|charge| {
            (charge.component == Component::Penalty) == penalty
                && charge.amount == due
                && on.is_none_or(|on| charge.due == on)
        });
        match found {
            Some(charge) => {
                compare(check, place, "paid", row, loan.charge_paid(charge))?;
                compare(check, place, "waived", row, if charge.is_waived() { charge.amount } else { 0 })?;
            }
            None => match by_instalment.iter().position(|debt| debt.due == due) {
                Some(nth) => compare(check, place, "paid", row, by_instalment.remove(nth).paid)?,
                None => check.differs(format!("{place} charge of {due}"), "a charge", "none"),
            },
        }
    }
    Ok(())
}

fn journal(loan: &ScheduledLoan, place: &str, event: &Value, check: &mut Check) -> Judged {
    let name = text(&event["transaction"])?;
    let on = date(&event["date"])?;
    let Some(kind) = kind_of(&name) else {
        return Err(Stop::Unsupported(format!("journal of {name}")));
    };
    let mut found: Vec<(String, i64)> = Vec::new();
    for transaction in loan.transactions().iter().filter(|transaction| transaction.on == on && transaction.kind == kind)
    {
        for posting in loan.postings(transaction) {
            found.push((
                code(kind, loan.is_after_charge_off(transaction), &posting)?.to_owned(),
                posting.debit_minor.to_minor(),
            ));
        }
    }
    let mut wanted: Vec<(String, i64)> = Vec::new();
    for row in list(&event["rows"])? {
        let debit = if row["debit"].is_null() { 0 } else { minor(&row["debit"])? };
        let credit = if row["credit"].is_null() { 0 } else { minor(&row["credit"])? };
        wanted.push((text(&row["account_code"])?, debit - credit));
    }
    found.sort();
    wanted.sort();
    check.equal(place, format!("{wanted:?}"), format!("{found:?}"));
    Ok(())
}

/// The source's chart of accounts.
fn code(kind: TransactionKind, charged_off: bool, posting: &Posting) -> Judged<&'static str> {
    use dandelion_credit::loan::Account as A;
    Ok(match posting.account {
        A::CreditLoss if kind == TransactionKind::WriteOff && posting.debit_minor > Money::ZERO => "e4",
        A::InterestIncome if kind == TransactionKind::BuyDownFeeAmortisation => "450281",
        A::InterestIncome if charged_off || kind == TransactionKind::ChargeOff => "404001",
        A::FeeIncome | A::PenaltyIncome if charged_off || kind == TransactionKind::ChargeOff => "404008",
        A::Cash => "145023",
        A::Principal => "112601",
        A::InterestReceivable | A::FeeReceivable | A::PenaltyReceivable => "112603",
        A::CreditBalance => "l1",
        A::InterestIncome => "404000",
        A::FeeIncome | A::PenaltyIncome => "404007",
        A::GoodwillExpense => "744003",
        A::CreditLoss => "744007",
        A::DeferredIncome => "145024",
        A::BuyDownExpense => "450280",
        other => return Err(Stop::Unsupported(format!("account {other:?}"))),
    })
}
