//! Which keys come up more than once, for the price of a bit: most come up once, and need not be lined up at all.

/// Keys that were met, and met again; and a few others, since several keys share a bit.
#[derive(Default)]
pub(super) struct Sieve {
    /// Met once, and met again.
    words: Vec<[u64; 2]>,
    shift: u32,
}

impl Sieve {
    /// Forgets everything and makes room for `keys`, with bits for sixteen times as many.
    pub fn clear(&mut self, keys: usize) {
        let bits = (keys * 16).next_power_of_two().clamp(1 << 8, 1 << 31);
        self.shift = 64 - bits.trailing_zeros();
        self.words.clear();
        self.words.resize(bits / 64, [0; 2]);
    }

    fn bit(&self, key: u64) -> (usize, u64) {
        let bit = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        (bit as usize / 64, 1 << (bit % 64))
    }

    pub fn meet(&mut self, key: u64) {
        let (word, bit) = self.bit(key);
        let [once, again] = &mut self.words[word];
        *again |= *once & bit;
        *once |= bit;
    }

    /// Whether `key` may have been met twice: always where it was.
    pub fn may_matter(&self, key: u64) -> bool {
        let (word, bit) = self.bit(key);
        self.words[word][1] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whatever_is_met_twice_matters(keys in proptest::collection::vec(0u64..300, 0..200), far in proptest::bool::ANY) {
            let key = |key: u64| if far { key << 55 | key } else { key };
            let mut sieve = Sieve::default();
            for _ in 0..2 {
                sieve.clear(keys.len());
                keys.iter().for_each(|&one| sieve.meet(key(one)));
                let twice = |one: u64| keys.iter().filter(|&&other| other == one).count() > 1;
                proptest::prop_assert!(keys.iter().all(|&one| !twice(one) || sieve.may_matter(key(one))));
            }
        }
    }
}
