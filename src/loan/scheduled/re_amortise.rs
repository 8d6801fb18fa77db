//! Overdue principal spread over the instalments to come.

use super::instalment::InstalmentKind;
use super::plan::multiple;
use super::replay::Replay;
use super::transaction::Portions;
use crate::calendar::Date;
use crate::error::{Error, Result};

impl Replay<'_> {
    pub(super) fn re_amortise(&mut self, on: Date) -> Result<Portions> {
        let future: Vec<usize> = (0..self.rows.len())
            .filter(|&nth| self.rows[nth].due > on && self.rows[nth].kind == InstalmentKind::Planned)
            .collect();
        let Some(&last) = future.last() else {
            return Err(Error::invalid("re-amortisation", on, "a day before the last due date"));
        };
        let mut moved = 0;
        for row in self.rows.iter_mut().filter(|row| row.due <= on) {
            let open = row.principal.open();
            moved += open;
            row.principal.due -= open;
            row.note_met(on);
        }
        let even = self.loan.product.rounding.div(i128::from(moved), future.len() as i128) as i64;
        let even = multiple(even, self.loan.product.level_multiple_minor);
        let mut rest = moved;
        for nth in future {
            let part = if nth == last { rest } else { even };
            self.rows[nth].principal.due += part;
            self.rows[nth].note_met(on);
            rest -= part;
        }
        self.re_amortised = true;
        Ok(Portions { principal: moved, ..Portions::default() })
    }
}
