//! The counterparties of one account that know each other, told pair by pair.

/// Slots of the table of names; a power of two.
const SLOTS: usize = 64;
/// Names the table takes in, so that looking for one ends soon.
const NAMES: u32 = 40;
/// A number no account has, in slots without a name.
const NOBODY: u32 = u32::MAX;

/// The counterparties of one account at a time that know another, joined where they do.
///
/// Up to [`NAMES`] of them are numbered by their slot in a small table, and whom each knows is one bit a slot.
#[derive(Debug)]
pub(super) struct Alters {
    names: [u32; SLOTS],
    known: [u64; SLOTS],
    sorted: Vec<u32>,
    parents: Vec<u32>,
}

impl Default for Alters {
    fn default() -> Self {
        Self { names: [NOBODY; SLOTS], known: [0; SLOTS], sorted: Vec::new(), parents: Vec::new() }
    }
}

impl Alters {
    /// Counterparties acquainted with another one, and components among all `degree` of them; `pairs` are different.
    #[inline]
    pub fn of(&mut self, degree: u32, pairs: &[[u32; 2]]) -> [u32; 2] {
        let (acquainted, joined) = match pairs {
            [] => (0, 0),
            [_] => (2, 1),
            _ => self.few(pairs).unwrap_or_else(|| self.many(pairs)),
        };
        [acquainted, degree - joined]
    }

    /// Those of an account with no more than [`NAMES`] of them: how many, and how many ties it takes to join them.
    #[inline]
    fn few(&mut self, pairs: &[[u32; 2]]) -> Option<(u32, u32)> {
        let mut used = 0u64;
        for pair in pairs {
            let [one, other] = pair.map(|name| self.slot(name));
            self.known[one] |= 1 << other;
            self.known[other] |= 1 << one;
            used |= 1 << one | 1 << other;
            if used.count_ones() > NAMES {
                self.clear(used);
                return None;
            }
        }
        let mut components = 0;
        let mut rest = used;
        while rest > 0 {
            components += 1;
            let mut met = rest & rest.wrapping_neg();
            let mut next = met;
            while next > 0 {
                let further = self.known[next.trailing_zeros() as usize] & !met;
                met |= further;
                next = next & (next - 1) | further;
            }
            rest &= !met;
        }
        self.clear(used);
        Some((used.count_ones(), used.count_ones() - components))
    }

    /// The slot of a name, which is put there if it is new.
    #[inline]
    fn slot(&mut self, name: u32) -> usize {
        let mut slot = (name.wrapping_mul(0x9E37_79B1) >> (u32::BITS - SLOTS.ilog2())) as usize;
        while self.names[slot] != name && self.names[slot] != NOBODY {
            slot = (slot + 1) % SLOTS;
        }
        self.names[slot] = name;
        slot
    }

    #[inline]
    fn clear(&mut self, mut used: u64) {
        while used > 0 {
            let slot = used.trailing_zeros() as usize;
            (self.names[slot], self.known[slot]) = (NOBODY, 0);
            used &= used - 1;
        }
    }

    /// Those of an account with any number of them.
    fn many(&mut self, pairs: &[[u32; 2]]) -> (u32, u32) {
        let Self { sorted, parents, .. } = self;
        sorted.clear();
        sorted.extend(pairs.as_flattened());
        sorted.sort_unstable();
        sorted.dedup();
        parents.clear();
        parents.extend(0..sorted.len() as u32);
        let mut joined = 0;
        for pair in pairs {
            let [one, other] = pair.map(|name| {
                let mut at = sorted.binary_search(&name).unwrap_or_default();
                while parents[at] as usize != at {
                    let up = parents[parents[at] as usize];
                    parents[at] = up;
                    at = up as usize;
                }
                at
            });
            if one != other {
                parents[one.max(other)] = one.min(other) as u32;
                joined += 1;
            }
        }
        (sorted.len() as u32, joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_agree() {
        let mut state = 17u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % bound) as u32
        };
        let mut alters = Alters::default();
        let mut too_many = 0;
        for round in 0..2_000u64 {
            let names = 3 + round % 60;
            let pairs: Vec<[u32; 2]> = (0..1 + below(names))
                .map(|_| [below(names), below(names)].map(|name| name.wrapping_mul(1 + 977 * (round as u32 % 7))))
                .filter(|[one, other]| one != other)
                .collect();
            match alters.few(&pairs) {
                Some(few) => assert_eq!(few, alters.many(&pairs)),
                None => too_many += 1,
            }
        }
        assert!(too_many > 10 && too_many < 1_500);
        assert_eq!(alters.of(9, &[[1, 2], [2, 3], [1, 3], [7, 8]]), [5, 6]);
        assert_eq!(alters.of(9, &[]), [0, 9]);
    }
}
