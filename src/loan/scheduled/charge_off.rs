//! The loss recognised, and the claim given up.

use super::instalment::InstalmentKind;
use super::product::ChargeOffEffect;
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::Result;
use crate::loan::Component;

impl Replay<'_> {
    pub(super) fn charge_off(&mut self, on: Date) -> Result<Portions> {
        self.bring_up_to(on, false)?;
        match self.loan.product.charge_off {
            ChargeOffEffect::Regular => {}
            ChargeOffEffect::ZeroInterest => {
                self.plan.interest_stops_on = Some(on);
                self.plan.lay_out(&self.loan.product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
            }
            ChargeOffEffect::AccelerateMaturity => {
                self.plan.interest_stops_on = Some(on);
                self.plan.lay_out(&self.loan.product, None, true)?;
                Self::write(&mut self.rows, &self.plan, self.loan);
                let Some(running) =
                    self.rows.iter().position(|row| row.kind == InstalmentKind::Planned && row.due >= on)
                else {
                    return Ok(self.open_portions());
                };
                let later = self.rows.split_off(running + 1);
                let row = &mut self.rows[running];
                row.due = on;
                for other in later {
                    for component in Component::ALL {
                        let from = other.debt(component);
                        let to = row.debt_mut(component);
                        to.due += from.due;
                        to.paid += from.paid;
                        to.waived += from.waived;
                    }
                    row.in_advance += other.in_advance;
                }
                self.read_back();
            }
        }
        Ok(self.open_portions())
    }

    pub(super) fn write_off(&mut self, on: Date) -> Portions {
        let portions = self.open_portions();
        for row in &mut self.rows {
            for component in Component::ALL {
                let open = row.debt(component).open();
                row.debt_mut(component).waived += open;
            }
            if row.met_on.is_none() {
                row.met_on = Some(on);
            }
        }
        portions
    }
}
