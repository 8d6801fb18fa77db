//! Which debt a payment meets first.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// When a debt falls due, seen from the day of the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Before the day of payment.
    PastDue,
    /// On that very day.
    Due,
    /// After it.
    InAdvance,
}

/// What a debt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Penalty interest and penalty charges.
    Penalty,
    /// Fees.
    Fee,
    /// Contract interest.
    Interest,
    /// The money lent.
    Principal,
}

impl Component {
    /// All four, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Penalty, Self::Fee, Self::Interest, Self::Principal];
}

/// One cell of the waterfall: a [`Timing`] and a [`Component`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// When the debt falls due.
    pub timing: Timing,
    /// What it is for.
    pub component: Component,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.timing, self.component)
    }
}

/// Whether one instalment is finished before the next is touched, or one component before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Instalment by instalment: within a timing, the oldest instalment is met in all its components first.
    #[default]
    Horizontal,
    /// Cell by cell: all past-due penalties of all instalments, then the next cell.
    Vertical,
}

/// The order in which a payment meets what is owed: twelve cells, each exactly once, and a [`Direction`].
///
/// ```
/// use dandelion_credit::loan::{Allocation, Component, Timing};
///
/// let order = Allocation::default();
/// assert_eq!(order.cells()[0].timing, Timing::PastDue);
/// assert_eq!(order.cells()[0].component, Component::Penalty);
/// assert_eq!(order.cells().len(), 12);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawAllocation", into = "RawAllocation")]
pub struct Allocation {
    cells: Vec<Cell>,
    direction: Direction,
}

#[derive(Serialize, Deserialize)]
struct RawAllocation {
    cells: Vec<Cell>,
    direction: Direction,
}

impl TryFrom<RawAllocation> for Allocation {
    type Error = Error;

    fn try_from(raw: RawAllocation) -> Result<Self> {
        Self::new(raw.cells, raw.direction)
    }
}

impl From<Allocation> for RawAllocation {
    fn from(allocation: Allocation) -> Self {
        Self { cells: allocation.cells, direction: allocation.direction }
    }
}

impl Allocation {
    /// The waterfall with exactly these cells in this order.
    ///
    /// # Errors
    /// [`Error::is_invalid`] unless each of the twelve cells stands in it once.
    pub fn new(cells: Vec<Cell>, direction: Direction) -> Result<Self> {
        let mut sorted = cells.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != 12 || cells.len() != 12 {
            return Err(Error::invalid(
                "allocation order",
                format!("{} cells", cells.len()),
                "each of the 12 cells once",
            ));
        }
        Ok(Self { cells, direction })
    }

    /// Past due, then due, then in advance; inside each the components in the order given. The usual waterfall.
    ///
    /// # Errors
    /// [`Error::is_invalid`] unless each component is given once.
    pub fn by_timing(components: [Component; 4], direction: Direction) -> Result<Self> {
        let timings = [Timing::PastDue, Timing::Due, Timing::InAdvance];
        let cells = timings.into_iter().flat_map(|timing| components.map(|component| Cell { timing, component }));
        Self::new(cells.collect(), direction)
    }

    /// One component after another, whatever its timing, oldest first inside each.
    ///
    /// # Errors
    /// As [`by_timing`](Self::by_timing).
    pub fn by_component(components: [Component; 4], direction: Direction) -> Result<Self> {
        let timings = [Timing::PastDue, Timing::Due, Timing::InAdvance];
        let cells = components.into_iter().flat_map(|component| timings.map(|timing| Cell { timing, component }));
        Self::new(cells.collect(), direction)
    }

    /// Costs before interest before principal: penalties, fees, interest, principal, oldest instalment first.
    #[must_use]
    pub fn standard() -> Self {
        let cells = [Timing::PastDue, Timing::Due, Timing::InAdvance]
            .into_iter()
            .flat_map(|timing| Component::ALL.map(|component| Cell { timing, component }));
        Self { cells: cells.collect(), direction: Direction::Horizontal }
    }

    /// The order Chinese courts prescribe once a debt is overdue (Civil Code art. 561): costs of realising the claim,
    /// interest (penalty interest with it), principal.
    #[must_use]
    pub fn china_civil_code() -> Self {
        let order = [Component::Fee, Component::Interest, Component::Penalty, Component::Principal];
        let cells = [Timing::PastDue, Timing::Due, Timing::InAdvance]
            .into_iter()
            .flat_map(|timing| order.map(|component| Cell { timing, component }));
        Self { cells: cells.collect(), direction: Direction::Horizontal }
    }

    /// Principal before interest before charges, oldest first: what some overdue-relief rules ask for after 90 days.
    #[must_use]
    pub fn principal_first() -> Self {
        let order = [Component::Principal, Component::Interest, Component::Fee, Component::Penalty];
        let cells = [Timing::PastDue, Timing::Due, Timing::InAdvance]
            .into_iter()
            .flat_map(|timing| order.map(|component| Cell { timing, component }));
        Self { cells: cells.collect(), direction: Direction::Vertical }
    }

    /// The cells in their order: always twelve.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Instalment by instalment or cell by cell.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }
}

impl Default for Allocation {
    fn default() -> Self {
        Self::standard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_with_a_cell_missing_or_twice_is_refused() {
        let mut cells = Allocation::standard().cells().to_vec();
        cells[3] = cells[2];
        assert!(Allocation::new(cells, Direction::Horizontal).unwrap_err().is_invalid());
        assert!(Allocation::new(Vec::new(), Direction::Vertical).unwrap_err().is_invalid());
        let twice = [Component::Fee, Component::Fee, Component::Interest, Component::Principal];
        assert!(Allocation::by_timing(twice, Direction::Horizontal).is_err());
        let json = serde_json::to_string(&Allocation::default()).unwrap().replacen("penalty", "fee", 1);
        assert!(serde_json::from_str::<Allocation>(&json).is_err());
    }
}
