//! What is added up: a transfer as one party sees it, and what passed with a counterparty or on a day.

/// One transfer as one of its two accounts sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::features) struct Leg {
    pub(in crate::features) at_seconds: i64,
    pub(in crate::features) amount_minor: i64,
    pub(in crate::features) other: u32,
    /// Whether money comes in.
    pub(in crate::features) is_in: bool,
}

impl Leg {
    /// All bits set for money that comes in and none for money that goes out, and the other way round.
    #[inline(always)]
    pub(in crate::features) fn either_way(&self) -> [i64; 2] {
        let came = -i64::from(self.is_in);
        [came, !came]
    }

    /// Time first; at one instant what comes in stands before what goes out.
    pub(in crate::features) fn time_order(&self) -> (i64, bool) {
        (self.at_seconds, !self.is_in)
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
        let [came, went] = leg.either_way();
        sign.count(&mut self.in_count, (came & 1) as u64);
        sign.count(&mut self.out_count, (went & 1) as u64);
        self.in_minor += sign.of(leg.amount_minor & came);
        self.out_minor += sign.of(leg.amount_minor & went);
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
    #[inline(always)]
    pub(super) fn count(self, count: &mut u64, by: u64) {
        match self {
            Self::Plus => *count += by,
            Self::Minus => *count -= by,
        }
    }

    #[inline(always)]
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
