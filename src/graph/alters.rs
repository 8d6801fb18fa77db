//! The counterparties of one account that are in a triangle, numbered as they are named.

use std::collections::BTreeMap;

use crate::graph::lines::NOBODY;

/// Slots that are looked at before a name goes aside: the most that names chosen to collide can cost.
const PROBES: usize = 64;

/// A counterparty: its name, the weights of the account's relation to it, and its own totals, as they were told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alter {
    pub name: u32,
    pub weights: [u32; 2],
    pub totals: [u32; 2],
}

/// The counterparties of one account at a time, found by name in a table that is at most half full.
#[derive(Debug, Default)]
pub(super) struct Alters {
    /// Name and number; nobody's name in slots that are free.
    slots: Vec<[u32; 2]>,
    shift: u32,
    numbered: Vec<Alter>,
    len: usize,
    /// Numbers of names that found no slot near their own.
    aside: BTreeMap<u32, u32>,
}

impl Alters {
    /// Begins with an account that has no more than `most` of them.
    #[inline]
    pub fn begin(&mut self, most: usize) {
        let slots = (2 * most).next_power_of_two().max(16);
        if self.slots.len() < slots {
            self.slots.resize(slots, [NOBODY; 2]);
        }
        self.slots[..slots].fill([NOBODY; 2]);
        self.shift = u32::BITS - slots.ilog2();
        // Room for one more: each candidate is written, only the new ones are kept.
        if self.numbered.len() <= most {
            self.numbered.resize(most + 1, Alter::default());
        }
        self.len = 0;
        self.aside.clear();
    }

    /// The number of a counterparty, the next one if it is new.
    #[inline]
    pub fn number(&mut self, alter: Alter) -> u32 {
        let mask = (1 << (u32::BITS - self.shift)) - 1;
        let home = (alter.name.wrapping_mul(0x9E37_79B1) >> self.shift) as usize;
        for slot in home..home + PROBES {
            let slot = &mut self.slots[slot & mask];
            if slot[0] == alter.name || slot[0] == NOBODY {
                let number = if slot[0] == NOBODY { self.len as u32 } else { slot[1] };
                *slot = [alter.name, number];
                return self.keep(number, alter);
            }
        }
        self.number_aside(alter)
    }

    #[cold]
    fn number_aside(&mut self, alter: Alter) -> u32 {
        let next = self.len as u32;
        let number = *self.aside.entry(alter.name).or_insert(next);
        self.keep(number, alter)
    }

    #[inline]
    fn keep(&mut self, number: u32, alter: Alter) -> u32 {
        self.numbered[self.len] = alter;
        self.len += usize::from(number as usize == self.len);
        number
    }

    /// All of them, by number.
    pub fn all(&self) -> &[Alter] {
        &self.numbered[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places_of_first_mention() {
        let mut state = 17u64;
        let mut below = |bound: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (((state >> 33) * u64::from(bound)) >> 31) as u32
        };
        let mut alters = Alters::default();
        let mut repeated = 0;
        for round in 0..500 {
            // Names that differ in their highest bits, which the table does not take for the same.
            let names: Vec<u32> = (0..below(60)).map(|_| below(2 + round % 90) << (round % 25)).collect();
            let mut mentioned: Vec<u32> = Vec::new();
            alters.begin(names.len());
            for &name in &names {
                let place = mentioned.iter().position(|&other| other == name).unwrap_or(mentioned.len());
                if place == mentioned.len() {
                    mentioned.push(name);
                } else {
                    repeated += 1;
                }
                assert_eq!(alters.number(Alter { name, weights: [name ^ 5, 0], totals: [0; 2] }) as usize, place);
            }
            assert!(alters.all().iter().map(|alter| alter.name).eq(mentioned.iter().copied()));
            assert!(alters.all().iter().all(|alter| alter.weights == [alter.name ^ 5, 0]));
        }
        assert!(repeated > 1_000);
    }

    #[test]
    fn names_chosen_to_collide_are_numbered_all_the_same() {
        // Multiples of the multiplier's inverse: all of them hash to the first slots of the table.
        let inverse = (0..5).fold(1_u32, |x, _| x.wrapping_mul(2_u32.wrapping_sub(x.wrapping_mul(0x9E37_79B1))));
        let names: Vec<u32> = (0..200_000).map(|place: u32| place.wrapping_mul(inverse)).collect();
        let mut alters = Alters::default();
        alters.begin(names.len());
        for round in 0..2 {
            for (place, &name) in names.iter().enumerate() {
                let number = alters.number(Alter { name, ..Alter::default() });
                assert_eq!(number as usize, place, "round {round}");
            }
        }
        assert_eq!(alters.all().len(), names.len());
        assert!(alters.aside.len() > 100_000);
    }
}
