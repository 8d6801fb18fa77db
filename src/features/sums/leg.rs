//! What is added up: a transfer as one party sees it, and what passed with a counterparty or on a day.

/// One transfer as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::features) struct Leg {
    pub(in crate::features) at_seconds: i64,
    pub(in crate::features) amount_minor: i64,
    pub(in crate::features) other: u32,
    /// Bit 0: money comes in. The bits above are the caller's.
    pub(in crate::features) tag: u32,
}

impl Leg {
    pub(in crate::features) fn is_in(&self) -> bool {
        self.tag & 1 == 1
    }

    /// Time first; at one instant what comes in stands before what goes out.
    pub(in crate::features) fn time_order(&self) -> (i64, bool) {
        (self.at_seconds, !self.is_in())
    }
}

/// What passed between the account and others, both ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::features) struct Pair {
    pub(in crate::features) in_count: u64,
    pub(in crate::features) out_count: u64,
    pub(in crate::features) in_minor: i64,
    pub(in crate::features) out_minor: i64,
}

impl Pair {
    #[inline]
    pub(in crate::features) fn add(&mut self, leg: &Leg, sign: Sign) {
        let (count, amount) = if leg.is_in() {
            (&mut self.in_count, &mut self.in_minor)
        } else {
            (&mut self.out_count, &mut self.out_minor)
        };
        sign.count(count, 1);
        *amount += sign.of(leg.amount_minor);
    }

    pub(in crate::features) fn is_empty(&self) -> bool {
        self.in_count == 0 && self.out_count == 0
    }
}

/// Whether something is added or taken away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::features) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// `by` more, or `by` less.
    pub(super) fn count(self, count: &mut u64, by: u64) {
        match self {
            Self::Plus => *count += by,
            Self::Minus => *count -= by,
        }
    }

    pub(super) fn of<T: std::ops::Neg<Output = T>>(self, value: T) -> T {
        match self {
            Self::Plus => value,
            Self::Minus => -value,
        }
    }
}

/// What one civil day saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::features) struct Day {
    pub(in crate::features) day: i64,
    /// With all counterparties together.
    pub(in crate::features) passed: Pair,
}
