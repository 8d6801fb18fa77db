//! Which transfers may lie on a circle at all: told by what their payees send on and what their payers were sent before.

use std::ops::Range;

use super::cycles::CycleConfig;
use super::index::Leg;

/// Rows of transfers, a bit each from the lowest on: small enough to stay near while transfers are looked up at random.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowSet {
    first: u32,
    words: Vec<u64>,
}

impl RowSet {
    pub fn of(rows: impl Iterator<Item = u32> + Clone) -> Self {
        let (Some(first), Some(last)) = (rows.clone().min(), rows.clone().max()) else { return Self::default() };
        let mut words = vec![0u64; (last - first) as usize / 64 + 1];
        rows.for_each(|row| words[(row - first) as usize / 64] |= 1 << ((row - first) % 64));
        Self { first, words }
    }

    pub fn contains(&self, row: u32) -> bool {
        let place = row.wrapping_sub(self.first);
        self.words.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }
}

/// The transfers that may lie on a circle, and a few others at busy accounts.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Their payee sent an amount that can share a circle with them to somebody else than the payer, within the window.
    pub handed_on: RowSet,
    /// Their payer was sent such an amount before.
    pub passed_on: RowSet,
}

impl Known {
    /// Brings together what was found at each account.
    pub fn of(parts: &[[Vec<u32>; 2]]) -> Self {
        let [handed_on, passed_on] = [0, 1].map(|side| RowSet::of(parts.iter().flat_map(|part| &part[side]).copied()));
        Self { handed_on, passed_on }
    }
}

/// Looks at account after account for receipts and payments that may follow each other on a circle.
pub(super) struct HandedOn {
    window_seconds: i64,
    /// Between what shares of an amount those lie that can share a circle with it: a little more than in any circle, whose
    /// ends are rounded.
    least: f64,
    most: f64,
    back_and_forth: bool,
    /// Rows of receipts that are handed on, and of payments that pass something on.
    rows: [Vec<u32>; 2],
    many: Columns,
}

/// Whom nobody is: accounts are fewer.
const NOBODY: u32 = u32::MAX;

impl HandedOn {
    pub fn new(config: &CycleConfig) -> Self {
        let ratio = (1.0 + config.amount_tolerance) / (1.0 - config.amount_tolerance);
        Self {
            window_seconds: config.window_seconds,
            least: (1.0 - 1e-9) / ratio,
            most: (1.0 + 1e-9) * ratio,
            back_and_forth: config.min_hops == 2,
            rows: Default::default(),
            many: Columns::default(),
        }
    }

    /// The rows of receipts that are handed on, and of payments that pass something on.
    pub fn found(self) -> [Vec<u32>; 2] {
        self.rows
    }

    /// Looks at every receipt of an account with all payments within the window after it, from the side that has fewer.
    pub fn look_at(&mut self, received: &[Leg], sent: &[Leg]) {
        if received.is_empty() || sent.is_empty() {
            return;
        }
        if received.len() <= sent.len() {
            self.meet(0, received, sent, [0, self.window_seconds]);
        } else {
            self.meet(1, sent, received, [-self.window_seconds, 0]);
        }
    }

    /// Holds each of the `few` transfers of one side against the `many` of the other between so many seconds after it.
    fn meet(&mut self, side: usize, few: &[Leg], many: &[Leg], between: [i64; 2]) {
        self.many.line_up(many);
        let (mut first, mut end) = (0, 0);
        for leg in few.iter().filter(|leg| leg.amount_minor > 0) {
            let [from, until] = between.map(|seconds| leg.at_seconds.saturating_add(seconds));
            first += many[first..].iter().take_while(|other| other.at_seconds < from).count();
            end = first.max(end);
            end += many[end..].iter().take_while(|other| other.at_seconds <= until).count();
            if first == end {
                continue;
            }
            let amount = leg.amount_minor as f64;
            let band = [rounded_up(amount * self.least - 1.0).max(1), (amount * self.most + 1.0) as i64];
            let unlike = if self.back_and_forth { NOBODY } else { leg.peer };
            if self.many.mark(first..end, band.map(narrow), unlike) {
                self.rows[side].push(leg.row);
            }
        }
        let marked = many.iter().zip(&self.many.marks).filter(|(_, mark)| **mark > 0);
        self.rows[1 - side].extend(marked.map(|(leg, _)| leg.row));
    }
}

/// An amount in 32 bits; all that are too large are alike, so that none of them is taken for unlike another.
fn narrow(amount: i64) -> i32 {
    amount.clamp(0, i64::from(i32::MAX)) as i32
}

/// The transfers on one side of an account by column: wide registers compare several at once.
#[derive(Default)]
struct Columns {
    amounts: Vec<i32>,
    peers: Vec<u32>,
    /// Above 0 where a transfer of the other side fits.
    marks: Vec<u32>,
}

impl Columns {
    fn line_up(&mut self, legs: &[Leg]) {
        self.amounts.clear();
        self.amounts.extend(legs.iter().map(|leg| narrow(leg.amount_minor)));
        self.peers.clear();
        self.peers.extend(legs.iter().map(|leg| leg.peer));
        self.marks.clear();
        self.marks.resize(legs.len(), 0);
    }

    /// Marks those in `range` whose amounts lie in the band and that are with somebody else than `unlike`, and tells whether
    /// there are any; all of them where they are too many to be asked.
    fn mark(&mut self, range: Range<usize>, [low, high]: [i32; 2], unlike: u32) -> bool {
        let marks = &mut self.marks[range.clone()];
        if range.len() > MOST {
            marks.fill(1);
            return true;
        }
        let columns = self.amounts[range.clone()].iter().zip(&self.peers[range]);
        let mut any = 0;
        for (mark, (&amount, &peer)) in marks.iter_mut().zip(columns) {
            let fits = u32::from((low <= amount) & (amount <= high) & (peer != unlike));
            *mark |= fits;
            any |= fits;
        }
        any > 0
    }
}

/// Transfers that are held against one of the other side.
const MOST: usize = 1 << 12;

/// The least whole number that is not below `value`.
pub(super) fn rounded_up(value: f64) -> i64 {
    let below = value as i64;
    below.saturating_add(i64::from((below as f64) < value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The slow twin asks every pair of a receipt and a payment.
        #[test]
        fn what_can_share_a_circle_is_marked_on_both_sides(
            rows in prop::collection::vec((0u32..4, prop_oneof![80i64..130, -3i64..3, 1i64 << 40..1 << 41], 0i64..40, any::<bool>()), 0..40),
            min_hops in 2usize..4,
        ) {
            let config = CycleConfig { min_hops, window_seconds: 12, ..CycleConfig::default() };
            let side = |into: bool| {
                let own = (0u32..).zip(&rows).filter(|(_, row)| row.3 == into);
                let leg = |(row, &(peer, amount_minor, at_seconds, _)): (u32, &(u32, i64, i64, bool))| Leg { at_seconds, amount_minor, peer, row };
                let mut legs: Vec<Leg> = own.map(leg).collect();
                legs.sort_by_key(|leg| (leg.at_seconds, leg.row));
                legs
            };
            let [received, sent] = [true, false].map(side);
            let mut finder = HandedOn::new(&config);
            finder.look_at(&received, &sent);
            let [handed_on, passed_on] = finder.found();
            let fits = |into: &Leg, out: &Leg| {
                let (a, b) = (into.amount_minor.min(out.amount_minor), into.amount_minor.max(out.amount_minor));
                a > 0 && b as f64 * 0.9 <= a as f64 * 1.1 && (0..=12).contains(&(out.at_seconds - into.at_seconds))
                    && (min_hops == 2 || into.peer != out.peer)
            };
            // Amounts next to the band and very large ones may be marked, too.
            let may_fit = |into: &Leg, out: &Leg| {
                let slack = |leg: &Leg| Leg { amount_minor: leg.amount_minor.min(1 << 31), ..*leg };
                let [into, out] = [slack(into), slack(out)];
                (-2..=2).any(|more| fits(&into, &Leg { amount_minor: out.amount_minor + more, ..out }))
            };
            for into in &received {
                let told = handed_on.contains(&into.row);
                prop_assert!(told || !sent.iter().any(|out| fits(into, out)));
                prop_assert!(!told || sent.iter().any(|out| may_fit(into, out)), "{:?}", into);
            }
            for out in &sent {
                let told = passed_on.contains(&out.row);
                prop_assert!(told || !received.iter().any(|into| fits(into, out)));
                prop_assert!(!told || received.iter().any(|into| may_fit(into, out)), "{:?}", out);
            }
        }
    }

    #[test]
    fn transfers_too_many_to_be_asked_are_all_marked() {
        let leg = |at_seconds: usize, amount_minor: i64, row: usize| Leg {
            at_seconds: at_seconds as i64,
            amount_minor,
            peer: row as u32,
            row: row as u32,
        };
        let many: Vec<Leg> = (1..=MOST + 1).map(|row| leg(row, 5, row)).collect();
        for (all, told) in [(MOST, 0), (MOST + 1, MOST + 1)] {
            let look = |received: &[Leg], sent: &[Leg]| {
                let mut finder = HandedOn::new(&CycleConfig::default());
                finder.look_at(received, sent);
                finder.found().map(|rows| rows.len())
            };
            assert_eq!(look(&[leg(0, 900, 0)], &many[..all]), [usize::from(told > 0), told]);
            assert_eq!(look(&many[..all], &[leg(9_000, 900, 0)]), [told, usize::from(told > 0)]);
        }
    }
}
