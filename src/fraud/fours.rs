//! Closed ways of four accounts: over two quiet counterparties to the same account two steps away.

use super::quiet::QuietRows;

/// What lies two steps away from one account: a table by account that is as small as its surroundings, so that it stays in
/// the nearest cache however many accounts there are.
#[derive(Default)]
struct Reached {
    /// Accounts in open addressing, [`NOBODY`] where free.
    keys: Vec<u32>,
    /// Weight of the middles towards each account, and of their pairs.
    over: Vec<[f32; 2]>,
    /// Places taken, in the order in which the accounts were reached.
    order: Vec<u32>,
    shift: u32,
}

const NOBODY: u32 = u32::MAX;

impl Reached {
    /// Empties the table and makes room for `most` accounts, in at most half of its places.
    fn clear(&mut self, most: usize) {
        for place in self.order.drain(..) {
            self.keys[place as usize] = NOBODY;
        }
        let bits = (most.max(8) * 2).next_power_of_two().trailing_zeros();
        if self.keys.len() < 1 << bits {
            self.keys.resize(1 << bits, NOBODY);
            self.over.resize(1 << bits, [0.0; 2]);
        }
        self.shift = 32 - bits;
    }

    /// Where `account` is, or would be.
    fn place(&self, account: u32) -> usize {
        let mask = (1usize << (32 - self.shift)) - 1;
        let mut place = (account.wrapping_mul(0x9e37_79b1) >> self.shift) as usize;
        while self.keys[place] != account && self.keys[place] != NOBODY {
            place = (place + 1) & mask;
        }
        place
    }

    fn add(&mut self, account: u32, weight: f32) {
        let place = self.place(account);
        if self.keys[place] == NOBODY {
            self.keys[place] = account;
            self.over[place] = [0.0; 2];
            self.order.push(place as u32);
        }
        let over = &mut self.over[place];
        over[1] += over[0] * weight;
        over[0] += weight;
    }
}

/// Which ends matter at all: those that were reached twice; and a few others, since several accounts share a
/// bit. Most ends are reached once, and are kept out of the table for the price of a bit in the nearest cache.
#[derive(Default)]
struct Sieve {
    /// Met once, and met again.
    words: Vec<[u64; 2]>,
    shift: u32,
}

impl Sieve {
    /// Forgets everything and makes room for `steps` ends, with bits for sixteen times as many.
    fn clear(&mut self, steps: usize) {
        let bits = (steps * 16).next_power_of_two().clamp(1 << 8, 1 << 31);
        self.shift = 32 - bits.trailing_zeros();
        self.words.clear();
        self.words.resize(bits / 64, [0; 2]);
    }

    fn bit(&self, account: u32) -> (usize, u64) {
        let bit = account.wrapping_mul(0x9e37_79b1) >> self.shift;
        (bit as usize / 64, 1 << (bit % 64))
    }

    fn meet(&mut self, account: u32) {
        let (word, bit) = self.bit(account);
        let [once, again] = &mut self.words[word];
        *again |= *once & bit;
        *once |= bit;
    }

    fn may_matter(&self, account: u32) -> bool {
        let (word, bit) = self.bit(account);
        self.words[word][1] & bit != 0
    }
}

/// What one thread needs to look around account after account.
#[derive(Default)]
pub(super) struct Fours {
    reached: Reached,
    sieve: Sieve,
    /// Ends that may matter, and the weight of the middle.
    found: Vec<(u32, f32)>,
}

impl Fours {
    /// Goes over the quiet counterparties of `account` to theirs, and gives the weight of the closed ways of four.
    pub fn around(&mut self, quiet: &QuietRows, account: u32) -> f64 {
        let Self { reached, sieve, found } = self;
        let middles = quiet.of_account(account);
        // All rows are touched before any is read, so that they come from memory side by side and not one after the other.
        let (mut steps, mut touched) = (0, 0);
        for &middle in middles {
            let row = quiet.of_account(middle);
            steps += row.len();
            touched ^= row.first().copied().unwrap_or(0) ^ row.last().copied().unwrap_or(0);
        }
        std::hint::black_box(touched);
        sieve.clear(steps);
        for &middle in middles {
            quiet.of_account(middle).iter().for_each(|&end| sieve.meet(end));
        }
        found.clear();
        for &middle in middles {
            let (ends, weight) = quiet.row(middle);
            found.extend(ends.iter().filter(|&&end| sieve.may_matter(end)).map(|&end| (end, weight)));
        }
        reached.clear(found.len());
        found.iter().for_each(|&(end, weight)| reached.add(end, weight));
        let own = 1.0 / quiet.degree(account).max(1) as f64;
        let mut fours = 0.0;
        for &place in &reached.order {
            let (end, pairs) = (reached.keys[place as usize], reached.over[place as usize][1]);
            if pairs > 0.0 && end != account {
                fours += own * f64::from(pairs) * f64::from(quiet.row(end).1);
            }
        }
        fours
    }
}
