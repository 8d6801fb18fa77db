//! One drawdown on the line just granted: 50 days of money, paid back early, closed to exactly zero.

use dandelion_credit::calendar::{Date, date_of_epoch_day, epoch_day};
use dandelion_credit::loan::{
    AccrualBasis, Action, CreditLine, DrawdownId, DrawdownPosition, DrawdownTerms, Event, InterestRate, LinePolicy,
    LineTerms, PaymentKind, PrepaymentFee, RepaymentPlan,
};
use dandelion_credit::underwriting::Offer;
use dandelion_credit::{Money, Scale};

use crate::shared::Outcome;

/// What a drawdown cost, and that it is closed.
pub struct DrawdownStory {
    /// What was drawn.
    pub amount: Money,
    /// Days until it was paid back.
    pub days: u32,
    /// Interest for those days.
    pub interest: Money,
    /// Everything paid back.
    pub paid: Money,
    /// Owed afterwards.
    pub owed_after: Money,
    /// What can be drawn again afterwards.
    pub available_after: Money,
    /// Postings booked on the way.
    pub entries: usize,
}

/// Days of use that the report tells.
const DAYS: u32 = 50;

/// Draws on the offer's line, keeps the money for 50 days, and pays it off.
pub fn tell(offer: &Offer, as_of: Date) -> Outcome<DrawdownStory> {
    let limit = Money::from_minor(offer.available_minor);
    let expires_on = date_of_epoch_day(epoch_day(as_of) + 365)?;
    let terms = LineTerms { limit_minor: limit, opened_on: as_of, expires_on };
    let mut line = CreditLine::open(LinePolicy::china(), terms)?;

    let amount = Money::parse("7615", Scale::CENTS)?.min(limit);
    let fee = amount.mul_ratio(offer.price.fee_ppm, 1_000_000, LinePolicy::china().rounding)?;
    let drawdown = DrawdownTerms {
        rate: InterestRate::Daily(offer.price.daily_rate),
        basis: AccrualBasis::Actual360,
        repayment: RepaymentPlan::Bullet { term_days: 365 },
        interest_free_days: 0,
        upfront_fee_minor: fee,
        prepayment_fee: PrepaymentFee::None,
    };
    let first = DrawdownId(1);
    line.record(Event::new(
        "draw 1",
        as_of,
        Action::Disburse { drawdown: first, amount_minor: amount, terms: drawdown },
    ))?;

    let day = date_of_epoch_day(epoch_day(as_of) + DAYS as i32)?;
    let quote = line.payoff(first, day)?;
    line.record(
        Event::new(
            "pay off 1",
            day,
            Action::Repay { drawdown: Some(first), amount_minor: quote.total_minor, kind: PaymentKind::Repayment },
        )
        .in_sequence(1),
    )?;
    let position = line.position(day)?;
    Ok(DrawdownStory {
        amount,
        days: DAYS,
        interest: quote.interest_minor,
        paid: quote.total_minor,
        owed_after: Money::checked_sum(position.drawdowns.iter().map(DrawdownPosition::owed))?,
        available_after: position.available_minor,
        entries: line.journal().len(),
    })
}
