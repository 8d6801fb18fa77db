//! Income that is deferred when it is charged and earned day by day until the loan's last due date: fees added to the
//! principal, and fees a third party pays for the borrower.

use super::plan::days;
use super::product::TransactionKind;
use super::state::ScheduledLoan;
use super::transaction::Portions;
use crate::calendar::Date;

/// Kinds of deferred income: what defers it, what earns it, what takes it back.
const KINDS: [[TransactionKind; 3]; 2] = [
    [
        TransactionKind::CapitalisedIncome,
        TransactionKind::CapitalisedIncomeAmortisation,
        TransactionKind::CapitalisedIncomeAmortisationAdjustment,
    ],
    [
        TransactionKind::BuyDownFee,
        TransactionKind::BuyDownFeeAmortisation,
        TransactionKind::BuyDownFeeAmortisationAdjustment,
    ],
];

impl ScheduledLoan {
    /// Books the deferred income earned by the end of a day, or all of it, less what was booked before.
    pub(super) fn amortise_deferred_income(&mut self, day: Date, all: bool) {
        let Some(maturity) = self.instalments.iter().map(|row| row.due).max() else { return };
        for [income, amortisation, adjustment] in KINDS {
            let mut earned = 0;
            let live = |kind: TransactionKind| {
                self.transactions.iter().filter(move |known| known.kind == kind && !known.reverted)
            };
            for deferred in live(income) {
                let whole = days(deferred.on, maturity);
                let passed = days(deferred.on, day) + 1;
                earned += if all || whole <= passed {
                    deferred.amount
                } else if passed <= 0 {
                    0
                } else {
                    let part = i128::from(deferred.amount) * i128::from(passed);
                    self.product.rounding.div(part, i128::from(whole)) as i64
                };
            }
            let booked: i64 = live(amortisation).map(|known| known.amount).sum::<i64>()
                - live(adjustment).map(|known| known.amount).sum::<i64>();
            let change = earned - booked;
            if change != 0 {
                let kind = if change > 0 { amortisation } else { adjustment };
                let index = self.push(day, kind, change.abs());
                self.transactions[index].portions = Portions { interest: change.abs(), ..Portions::default() };
            }
        }
    }
}
