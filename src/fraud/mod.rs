//! Receipts that should not count: signals with evidence, and haircuts that turn receipts into verified receipts.
//!
//! A limit that grows with receipts invites people to make them up: equal sums going in circles among friends, puppets
//! that pay only one shop, a burst before the application, the lender's own money coming back as sales. This room finds
//! such money transfer by transfer, takes it out with a reason, and bounds what nobody can find.
//!
//! `TemporalIndex (+ TransferGraph) -> `[`Auditor`]` -> `[`MarketAudit`] for everybody, [`FraudAssessment`] for one account
//! in full, and [`FraudAssessment::verify`] from [`Receipts`](crate::receipts::Receipts) to verified receipts.
//! By day, [`assess_live`] does the same for one account on a window of the stream.
//!
//! # Signals
//! Every signal has a score in 0..=1 by a written formula, a haircut, and evidence: rows of transfers, bounded in number,
//! the most telling first. The formulas are data, [`Signal::formula`]; `audit_receipts --help` prints them.
//!
//! | signals | taken from receipts by default |
//! |---|---|
//! | `loan_funded` `shared_device` `temporal_cycle` `round_trip` | what they taint: proved transfer by transfer |
//! | `payer_exclusivity` | the receipts from *puppets*: payers that again and again forward what one purse just gave them; exclusive payers only score |
//! | `pre_application_lift` | receipts of the last 30 days above a multiple of the best earlier 30 days |
//! | all others | nothing; they score, and [`AuditConfig::haircuts`] can make them take `score × share` of every receipt |
//!
//! # How haircuts combine
//! A yuan is removed once. For each receipt the signals are asked in order of precedence ([`Signal::ALL`]); a signal takes
//! what it taints *beyond what is already gone*, so that in the end the largest taint counts, not the sum, and every line
//! of [`FraudAssessment::removals`] adds up to what is missing. From no payer more is taken than they brought after
//! refunds. Then the cap on single payers is applied, and last the bound on the last 30 days.
//!
//! # What cannot be bought
//! Let `κ` be [`AuditConfig::payer_share`] and `f` [`AuditConfig::payer_floor_minor`]. The cap is the largest `c` with
//! `c ≤ f + κ Σ min(h, c)` over the sums `h` of the payers, where payers count together with the purse behind them: the one
//! that at least half of their payments are forwarded from, or, for payers of nobody else, that brought half their money. Property tests hold these laws:
//! 1. verified receipts never exceed received ones;
//! 2. receipts from customers of their own never lower the verified sum;
//! 3. `k` ring accounts, however much they pay, add at most `k (f + κ H) / (1 − k κ)` to honest receipts of `H`, for
//!    `k κ < 1`; and money that is handed back to its payer within [`AuditConfig::return_window_seconds`], three
//!    times or more or 2 % of all receipts at once, adds nothing, so that a ring with budget `B` adds no more than `B` by
//!    going round;
//! 4. splitting one payer into puppets that it funds adds nothing.
//!
//! # Suspicion
//! Scores are first put on the market's own scale: a score that one account in a thousand reaches is telling, one that
//! every second reaches is not ([`Baseline`]). Unusualness is `1 − Π (1 − weight × score × rarity)`, raised a little by
//! closeness to suspicious accounts, the more so over shared counterparties; nothing in it is fitted on labels. Suspicion is the share of the synthetic market's
//! shops so unusual that wash receipts: half of its honest shops are at 0.02 or below and nineteen in twenty at 0.35 or
//! below, half of the washing ones at 0.34 or above. The scale keeps the order of unusualness, so that accounts of other
//! markets rank the same. Being close to a ring is not guilt: association takes nothing from receipts.
//!
//! # What it does not see
//! Puppets that hold the money for more than a day and pay others, too, are only held by the cap. A circle whose amounts change by more
//! than the tolerance, or that takes longer than the window, is only held by the cap. Cash is not seen at all.
//!
//! ```
//! use dandelion_credit::fraud::{AuditConfig, Auditor, Marks, RemovedBy, Signal};
//! use dandelion_credit::graph::temporal::TemporalIndex;
//! use dandelion_credit::{Progress, TransferColumns};
//!
//! // 1 and 2 buy at shop 0; the shop's own 500.00 goes over 3 and 4 and comes back as a sale, a little less each time.
//! let columns = TransferColumns {
//!     payer: &[1, 2, 0, 3, 4], payee: &[0, 0, 3, 4, 0],
//!     amount_minor: Some(&[12_000, 9_500, 50_000, 49_800, 49_500]), at_seconds: Some(&[0, 900, 1_000, 4_000, 9_000]),
//! };
//! let index = TemporalIndex::build(&columns, 5, Progress::silent())?;
//! let (marks, config) = (Marks::none(), AuditConfig::default());
//! let auditor = Auditor::prepare(&index, None, &marks, &config, Progress::silent())?;
//! let audit = auditor.audit(Progress::silent())?;
//! let shop = auditor.assess(0.into(), &audit)?;
//! assert_eq!((shop.received().to_minor(), shop.verified().to_minor()), (71_000, 21_500));
//! assert_eq!(shop.removals()[0].by, RemovedBy::Signal(Signal::CircularFlow));
//! assert_eq!(shop.signal(Signal::CircularFlow).unwrap().evidence, [2, 3, 4]);
//! # Ok::<(), dandelion_credit::Error>(())
//! ```

mod amounts;
mod assessment;
mod audit;
mod baseline;
mod blocks;
mod burst;
mod by_account;
mod cap;
mod chain;
mod closure;
mod config;
mod context;
mod cusum;
mod digits;
mod examine;
mod facts;
mod few;
mod fours;
mod knowledge;
mod marks;
mod overlap;
mod passed_on;
mod patterns;
mod quiet;
mod relay;
mod scattered;
mod shape;
mod sieve;
mod signal;
mod suspicion;
mod ties;
mod trail;

pub use assessment::{FraudAssessment, Removal, RemovedBy, SignalFinding};
pub use audit::{Auditor, MarketAudit, assess_live};
pub use blocks::{BlockWatch, DenseBlock, FlowBlock, FlowEdge, dense_block, flow_block};
pub use config::{AuditConfig, Haircuts, Weights};
pub use marks::Marks;
pub use signal::{SIGNALS, Signal};
pub use suspicion::Baseline;
