//! A market as a lender meets it: who comes to the door on which morning, and what is known of them then.

use dandelion_credit::calendar::{date_of_epoch_day, epoch_day};
use dandelion_credit::fraud::{AuditConfig, Auditor, Baseline, Marks, assess_live};
use dandelion_credit::graph::temporal::{Leg, Legs, TemporalIndex, TemporalWindow};
use dandelion_credit::receipts::{Receipt, Receipts};
use dandelion_credit::synthetic::{Borrowing, Market, MarketConfig, Purpose};
use dandelion_credit::underwriting::*;
use dandelion_credit::{AccountIndex, Date, Probability, Progress, Transfers};

use super::shared::Outcome as Done;
use super::{Arguments, HISTORY};

/// The days of a live window: a year and a month.
const WINDOW_DAYS: i64 = 400;
const DAY: i64 = 86_400;

/// One market's cases, as verified and as received.
pub struct Town {
    pub verified: Vec<BacktestCase>,
    pub received: Vec<BacktestCase>,
    pub rings: Vec<Ring>,
}

/// A shop whose ring has done its work, and the same shop without what was washed.
pub struct Ring {
    pub as_of: Date,
    pub verified: Applicant,
    pub verified_honest: Applicant,
    pub received: Applicant,
    pub received_honest: Applicant,
    pub washed_minor: i64,
}

/// Somebody at the door on the morning of a day.
struct Caller {
    day: i32,
    shop: usize,
    errand: Errand,
}

#[derive(Clone, Copy)]
enum Errand {
    /// The loan wanted and how many were repaid before.
    Loan(Borrowing, u32),
    /// All that can be had, once a ring has washed.
    Ring(usize),
}

impl Town {
    /// The market of a seed, with everybody who wants money after the days that only build history.
    pub fn make(arguments: &Arguments, seed: u64) -> Done<Self> {
        let accounts = arguments.accounts as usize;
        let config =
            MarketConfig { seed, accounts: arguments.accounts, days: arguments.days, ..MarketConfig::default() };
        let market = Market::generate(&config)?;
        let door = Door::open(&market, &config, accounts)?;

        let mut town = Self { verified: vec![], received: vec![], rings: vec![] };
        let mut with = TemporalWindow::new(accounts, WINDOW_DAYS * DAY)?;
        let mut without = TemporalWindow::new(accounts, WINDOW_DAYS * DAY)?;
        let mut transfers = market.transfers().columns().iter().zip(market.purposes()).peekable();
        for caller in &door.callers() {
            while let Some((transfer, purpose)) =
                transfers.next_if(|(row, _)| row.at_seconds < midnight(&door.audit, caller.day))
            {
                with.push(transfer)?;
                if !matches!(purpose, Purpose::WashReceipt | Purpose::WashFunding) {
                    without.push(transfer)?;
                }
            }
            let (verified, received) = (door.verified(&with, caller)?, door.received(&with, caller)?);
            if let Errand::Ring(ring) = caller.errand {
                town.rings.push(Ring {
                    as_of: date_of_epoch_day(caller.day)?,
                    verified: verified.clone(),
                    verified_honest: door.verified(&without, caller)?,
                    received: received.clone(),
                    received_honest: door.received(&without, caller)?,
                    washed_minor: market.rings()[ring].washed_minor,
                });
            }
            town.verified.push(door.case(caller, verified)?);
            town.received.push(door.case(caller, received)?);
        }
        Ok(town)
    }
}

/// What the lender knows of a market on any morning.
struct Door<'a> {
    market: &'a Market,
    /// Accounts of the shops, ascending, and the day of each one's first receipt.
    shops: Vec<u32>,
    first_days: Vec<i32>,
    /// The day after each ring's last washed receipt.
    ring_days: Vec<Option<i32>>,
    /// The first day of the market.
    first: i32,
    audit: AuditConfig,
    marks: Marks,
    baseline: Baseline,
}

impl<'a> Door<'a> {
    fn open(market: &'a Market, config: &MarketConfig, accounts: usize) -> Done<Self> {
        let audit = AuditConfig { utc_offset: config.utc_offset, ..AuditConfig::default() };
        let first = epoch_day(config.as_of) - config.days as i32;
        let marks = Marks::none();
        let mut door = Self {
            market,
            shops: market.shops().iter().map(|shop| shop.account.get()).collect(),
            first_days: vec![i32::MAX; market.shops().len()],
            ring_days: vec![None; market.rings().len()],
            first,
            baseline: usual(market, accounts, midnight(&audit, first + HISTORY as i32), &audit, &marks)?,
            audit,
            marks,
        };
        for (transfer, purpose) in market.transfers().columns().iter().zip(market.purposes()) {
            let day = config.utc_offset.epoch_day(transfer.at_seconds);
            let Some(shop) = door.place(transfer.payee.get()) else { continue };
            door.first_days[shop] = door.first_days[shop].min(day);
            if purpose.is_washed()
                && let Some(ring) = door.ring_of(transfer.payee.get())
            {
                door.ring_days[ring] = Some(day + 1);
            }
        }
        Ok(door)
    }

    fn place(&self, account: u32) -> Option<usize> {
        self.shops.binary_search(&account).ok()
    }

    fn ring_of(&self, account: u32) -> Option<usize> {
        self.market.rings().iter().position(|ring| ring.merchant.get() == account)
    }

    /// Everybody who comes, in the order of days: honest shops for the loans they want, rings when their work is done.
    fn callers(&self) -> Vec<Caller> {
        let borrowings = self.market.borrowings();
        let mut callers = Vec::new();
        for (loan, before) in borrowings.iter().zip(previous(&borrowings)) {
            let account = loan.account.get();
            let honest = loan.drawn_day >= HISTORY && self.ring_of(account).is_none();
            if let Some(shop) = self.place(account).filter(|_| honest) {
                let day = self.first + loan.drawn_day as i32;
                callers.push(Caller { day, shop, errand: Errand::Loan(*loan, before) });
            }
        }
        for (ring, day) in self.ring_days.iter().enumerate() {
            if let (Some(day), Some(shop)) = (*day, self.place(self.market.rings()[ring].merchant.get())) {
                callers.push(Caller { day, shop, errand: Errand::Ring(ring) });
            }
        }
        callers.sort_by_key(|caller| caller.day);
        callers
    }

    /// The caller by what the fraud room leaves of its receipts.
    fn verified(&self, window: &TemporalWindow, caller: &Caller) -> Done<Applicant> {
        let account = self.shops[caller.shop];
        let (received, last) = (self.receipts(window, account)?, date_of_epoch_day(caller.day - 1)?);
        let now = midnight(&self.audit, caller.day) - 1;
        let assessment =
            assess_live(window, AccountIndex::new(account), now, &self.marks, &self.audit, &self.baseline)?;
        let verified = assessment.verify(&received)?;
        let offset = self.audit.utc_offset;
        let applicant = Applicant::from_receipts(account.to_string(), &verified, Some(&received), offset, last);
        self.known(caller, applicant.with_suspicion_of(&assessment))
    }

    /// The caller by its receipts as they came.
    fn received(&self, window: &TemporalWindow, caller: &Caller) -> Done<Applicant> {
        let account = self.shops[caller.shop];
        let (received, last) = (self.receipts(window, account)?, date_of_epoch_day(caller.day - 1)?);
        let offset = self.audit.utc_offset;
        self.known(caller, Applicant::from_receipts(account.to_string(), &received, None, offset, last))
    }

    fn receipts(&self, window: &TemporalWindow, account: u32) -> Done<Receipts> {
        let row = |leg: &Leg| Receipt {
            at_seconds: leg.at_seconds,
            payer: AccountIndex::new(leg.peer),
            amount_minor: leg.amount_minor,
            transfer_row: u64::from(leg.row),
        };
        Ok(Receipts::from_rows(window.received(account).iter().map(row))?)
    }

    /// The applicant with what is known besides its receipts.
    fn known(&self, caller: &Caller, mut applicant: Applicant) -> Done<Applicant> {
        applicant.history_days = (caller.day - self.first_days[caller.shop]).max(0) as u32;
        let merchant_probability = Probability::new(0.95)?;
        applicant.verdict = Some(VerdictFacts { kind: AccountKind::Merchant, merchant_probability });
        if let Errand::Loan(_, loans_on_time @ 1..) = caller.errand {
            applicant.repayment = Some(RepaymentFacts { loans_on_time, ..RepaymentFacts::default() });
        }
        Ok(applicant)
    }

    /// What came of lending: shops that closed before the loan was due defaulted, rings draw all they are given and vanish.
    fn case(&self, caller: &Caller, applicant: Applicant) -> Done<BacktestCase> {
        let as_of = date_of_epoch_day(caller.day)?;
        let (demand_minor, days, defaulted, recovered_share) = match caller.errand {
            Errand::Loan(loan, _) => {
                let closed = self.market.shops()[caller.shop].closed_day;
                let defaulted = closed.is_some_and(|closed| closed < loan.drawn_day + loan.used_days);
                (loan.principal_minor, loan.used_days, defaulted, 0.35)
            }
            Errand::Ring(_) => (i64::MAX, 50, true, 0.0),
        };
        Ok(BacktestCase { applicant, as_of, demand_minor, days, defaulted, recovered_share, propensity: 1.0 })
    }
}

/// The second at which a day begins.
fn midnight(audit: &AuditConfig, day: i32) -> i64 {
    i64::from(day) * DAY - i64::from(audit.utc_offset.seconds())
}

/// What is usual in this market, learnt from the days that only build history.
fn usual(market: &Market, accounts: usize, until: i64, audit: &AuditConfig, marks: &Marks) -> Done<Baseline> {
    let history: Transfers = market.transfers().columns().iter().take_while(|row| row.at_seconds < until).collect();
    let index = TemporalIndex::build(&history.columns(), accounts, Progress::silent())?;
    let auditor = Auditor::prepare(&index, None, marks, audit, Progress::silent())?;
    Ok(auditor.audit(Progress::silent())?.baseline)
}

/// How many loans of the same shop came before each, at most five counted.
fn previous(borrowings: &[Borrowing]) -> Vec<u32> {
    let mut counts = Vec::with_capacity(borrowings.len());
    for (index, loan) in borrowings.iter().enumerate() {
        let repaid = borrowings[..index]
            .iter()
            .rev()
            .take_while(|other| other.account == loan.account)
            .filter(|other| other.drawn_day + other.used_days <= loan.drawn_day);
        counts.push(repaid.count().min(5) as u32);
    }
    counts
}
