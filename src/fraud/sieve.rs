//! Which keys come up again and again, for the price of a bit: most come up once, and need not be lined up at all.

/// Keys that were met so many times; and a few others, since several keys share a bit.
#[derive(Default)]
pub(super) struct Sieve<const TIMES: usize = 2> {
    /// Met once, met again, and so on.
    words: Vec<[u64; TIMES]>,
    shift: u32,
}

impl<const TIMES: usize> Sieve<TIMES> {
    /// Forgets everything and makes room for `keys`, with bits for sixteen times as many.
    pub fn clear(&mut self, keys: usize) {
        let bits = (keys * 16).next_power_of_two().clamp(1 << 8, 1 << 31);
        self.shift = 64 - bits.trailing_zeros();
        self.words.clear();
        self.words.resize(bits / 64, [0; TIMES]);
    }

    fn bit(&self, key: u64) -> (usize, u64) {
        let bit = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        (bit as usize / 64, 1 << (bit % 64))
    }

    pub fn meet(&mut self, key: u64) {
        let (word, bit) = self.bit(key);
        let times = &mut self.words[word];
        (1..TIMES).rev().for_each(|time| times[time] |= times[time - 1] & bit);
        times[0] |= bit;
    }

    /// Whether `key` may have been met `TIMES` times: always where it was.
    pub fn may_matter(&self, key: u64) -> bool {
        let (word, bit) = self.bit(key);
        self.words[word][TIMES - 1] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whatever_is_met_so_often_matters(keys in proptest::collection::vec(0u64..300, 0..200), far in proptest::bool::ANY) {
            let key = |key: u64| if far { key << 55 | key } else { key };
            let (mut twice, mut thrice) = (Sieve::<2>::default(), Sieve::<3>::default());
            for _ in 0..2 {
                twice.clear(keys.len());
                thrice.clear(keys.len());
                keys.iter().for_each(|&one| { twice.meet(key(one)); thrice.meet(key(one)); });
                for &one in &keys {
                    let times = keys.iter().filter(|&&other| other == one).count();
                    proptest::prop_assert!(times < 2 || twice.may_matter(key(one)));
                    proptest::prop_assert!(times < 3 || thrice.may_matter(key(one)));
                }
            }
        }
    }
}
