//! Who of one account's counterparties know each other, by their places in its row.

use crate::graph::components::Components;

/// Counterparties whose acquaintances are told in one word, a bit each.
const FEW: usize = u64::BITS as usize;

/// Entries of the table of places.
const TABLE: usize = 1 << 12;

/// The counterparties of one account at a time.
#[derive(Debug)]
pub(super) struct Circle {
    /// Places in a short row by the lowest bits of names. What earlier rows left here is known by the row, which has another
    /// name at that place.
    places: Box<[u16; TABLE]>,
    /// Whom each of a few knows.
    knows: [u64; FEW],
    /// The places of each pair that was named.
    pairs: Vec<[u32; 2]>,
    /// One bit a place, set for those that know another.
    acquainted: Vec<u64>,
    /// Joined, where there are many of them.
    components: Components,
    /// Components among the counterparties.
    parts: u32,
}

impl Default for Circle {
    fn default() -> Self {
        Self {
            places: Box::new([0; TABLE]),
            knows: [0; FEW],
            pairs: Vec::new(),
            acquainted: Vec::new(),
            components: Components::default(),
            parts: 0,
        }
    }
}

impl Circle {
    /// Meets the pairs of those in `row`, ascending, who know each other.
    #[inline]
    pub fn meet(&mut self, row: &[u32], named: impl ExactSizeIterator<Item = [u32; 2]>) {
        self.pairs.clear();
        self.acquainted.clear();
        if row.len() <= FEW { self.meet_few(row, named) } else { self.meet_many(row, named) }
    }

    #[inline]
    fn meet_few(&mut self, row: &[u32], named: impl ExactSizeIterator<Item = [u32; 2]>) {
        let Self { places, knows, pairs, .. } = self;
        if named.len() > 0 {
            for (place, &name) in (0..).zip(row) {
                places[name as usize % TABLE] = place;
            }
        }
        knows[..row.len()].fill(0);
        let mut acquainted = 0;
        pairs.extend(named.map(|names| {
            let [a, b] = names.map(|name| place_by(places, row, name));
            let [bit_a, bit_b] = [a, b].map(|place| 1 << (place % u64::BITS));
            knows[a as usize % FEW] |= bit_b;
            knows[b as usize % FEW] |= bit_a;
            acquainted |= bit_a | bit_b;
            [a, b]
        }));
        self.acquainted.push(acquainted);
        self.parts = row.len() as u32 - joins_of(knows, acquainted);
    }

    #[inline(never)]
    fn meet_many(&mut self, row: &[u32], named: impl ExactSizeIterator<Item = [u32; 2]>) {
        let Self { pairs, acquainted, components, .. } = self;
        acquainted.resize(row.len().div_ceil(FEW), 0);
        components.begin(row.len());
        for pair in named {
            let pair = pair.map(|name| place_in(row, name));
            for place in pair {
                acquainted[place as usize / FEW] |= 1 << (place % u64::BITS);
            }
            components.join(pair[0], pair[1]);
            pairs.push(pair);
        }
        self.parts = row.len() as u32 - components.joined();
    }

    /// The places of each pair, as they were named.
    pub fn pairs(&self) -> &[[u32; 2]] {
        &self.pairs
    }

    /// The places of those that know another, ascending.
    pub fn acquainted(&self) -> impl Iterator<Item = usize> + '_ {
        self.acquainted.iter().enumerate().flat_map(|(word, &bits)| {
            std::iter::successors(Some(bits), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest > 0)
                .map(move |rest| word * FEW + rest.trailing_zeros() as usize)
        })
    }

    /// How many know another, and how many components there are among all.
    pub fn counted(&self) -> [u32; 2] {
        [self.acquainted.iter().map(|word| word.count_ones()).sum(), self.parts]
    }
}

/// The place of `name` in a row that holds it, by the table of places; by looking for it where another name took its entry.
#[inline]
fn place_by(places: &[u16; TABLE], row: &[u32], name: u32) -> u32 {
    #[cold]
    fn looked_for(row: &[u32], name: u32) -> u32 {
        place_in(row, name)
    }
    let place = places[name as usize % TABLE];
    if row.get(usize::from(place)) == Some(&name) { u32::from(place) } else { looked_for(row, name) }
}

/// The place of `name` in a row, ascending, that holds it. No step hangs on a guess, so that several names are looked for at
/// a time.
#[inline]
fn place_in(row: &[u32], name: u32) -> u32 {
    row.partition_point(|&other| other < name) as u32
}

/// The fewest pairs that join a few who are `acquainted` as far as they know each other: how many of them there are, less
/// their components.
#[inline]
fn joins_of(knows: &[u64; FEW], acquainted: u64) -> u32 {
    let (mut rest, mut components) = (acquainted, 0);
    while rest > 0 {
        let mut front = rest & rest.wrapping_neg();
        rest ^= front;
        components += 1;
        while front > 0 {
            let newly = knows[front.trailing_zeros() as usize] & rest;
            rest ^= newly;
            front = front & (front - 1) | newly;
        }
    }
    acquainted.count_ones() - components
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places by looking through the row, and components by spreading the lowest place until nothing changes.
    fn slow(row: &[u32], named: &[[u32; 2]]) -> (Vec<[u32; 2]>, Vec<usize>, [u32; 2]) {
        let place = |name: u32| row.iter().position(|&other| other == name).unwrap();
        let pairs: Vec<[usize; 2]> = named.iter().map(|pair| pair.map(place)).collect();
        let acquainted: Vec<usize> = (0..row.len()).filter(|at| pairs.iter().any(|pair| pair.contains(at))).collect();
        let mut lowest: Vec<usize> = (0..row.len()).collect();
        for _ in 0..row.len() {
            for &[a, b] in &pairs {
                let low = lowest[a].min(lowest[b]);
                (lowest[a], lowest[b]) = (low, low);
            }
        }
        let components = lowest.iter().enumerate().filter(|(at, low)| at == *low).count();
        let counted = [acquainted.len() as u32, components as u32];
        (pairs.into_iter().map(|pair| pair.map(|place| place as u32)).collect(), acquainted, counted)
    }

    #[test]
    fn few_and_many_know_each_other_as_the_slow_twin_says() {
        let mut state = 23u64;
        let mut below = |bound: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (((state >> 33) * u64::from(bound)) >> 31) as u32
        };
        let mut circle = Circle::default();
        let mut in_several_parts = 0;
        for len in (0..140u32).cycle().take(1_000) {
            // Names far apart, the largest there can be among them.
            let row: Vec<u32> = (0..len).map(|at| u32::MAX - 2 - (len - 1 - at) * (1 + 20_000_000 / len)).collect();
            let mut named = Vec::new();
            for _ in 0..if len < 2 { 0 } else { below(len) } {
                let a = below(len);
                named.push([a, (a + 1 + below(len - 1)) % len].map(|place| row[place as usize]));
            }
            circle.meet(&row, named.iter().copied());
            let (pairs, acquainted, counted) = slow(&row, &named);
            assert_eq!(circle.pairs(), pairs);
            assert_eq!(circle.acquainted().collect::<Vec<_>>(), acquainted);
            assert_eq!(circle.counted(), counted);
            in_several_parts += usize::from(counted[1] > len - counted[0] + 1);
        }
        assert!(in_several_parts > 300);
    }
}
