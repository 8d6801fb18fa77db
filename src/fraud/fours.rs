//! Closed ways of four accounts: over two quiet counterparties to the same account two steps away.

use std::collections::BTreeMap;

use super::quiet::QuietRows;
use super::sieve::Sieve;

/// What lies two steps away from one account: a table by account that is as small as its surroundings, so that it stays in
/// the nearest cache however many accounts there are.
#[derive(Default)]
struct Reached {
    /// Accounts in open addressing, [`NOBODY`] where free, and their numbers.
    cells: Vec<(u32, u32)>,
    /// Cells taken.
    taken: Vec<u32>,
    shift: u32,
    /// Numbers of accounts that found no cell near their own.
    aside: BTreeMap<u32, u32>,
    /// The accounts in the order in which they were reached, with the weight of the middles towards each, and of their
    /// pairs.
    ends: Vec<(u32, [f32; 2])>,
}

const NOBODY: u32 = u32::MAX;

/// Cells that are looked at before an account goes aside: the most that numbers chosen to collide can cost.
const PROBES: usize = 64;

impl Reached {
    /// Empties the table and makes room for `most` accounts, in at most half of its cells.
    fn clear(&mut self, most: usize) {
        for cell in self.taken.drain(..) {
            self.cells[cell as usize].0 = NOBODY;
        }
        self.aside.clear();
        self.ends.clear();
        let bits = (most.max(8) * 2).next_power_of_two().trailing_zeros();
        if self.cells.len() < 1 << bits {
            self.cells.resize(1 << bits, (NOBODY, 0));
        }
        self.shift = 32 - bits;
    }

    /// The number of `account`, which is that of the ends known where it is new.
    fn number(&mut self, account: u32) -> u32 {
        let new = self.ends.len() as u32;
        let mask = (1usize << (32 - self.shift)) - 1;
        let home = (account.wrapping_mul(0x9e37_79b1) >> self.shift) as usize;
        for place in home..home + PROBES {
            let cell = &mut self.cells[place & mask];
            if cell.0 == account {
                return cell.1;
            }
            if cell.0 == NOBODY {
                *cell = (account, new);
                self.taken.push((place & mask) as u32);
                return new;
            }
        }
        *self.aside.entry(account).or_insert(new)
    }

    fn add(&mut self, account: u32, weight: f32) {
        let number = self.number(account) as usize;
        if number == self.ends.len() {
            self.ends.push((account, [0.0; 2]));
        }
        let over = &mut self.ends[number].1;
        over[1] += over[0] * weight;
        over[0] += weight;
    }
}

/// What one thread needs to look around account after account.
#[derive(Default)]
pub(super) struct Fours {
    reached: Reached,
    /// Most ends are reached once, and are kept out of the table.
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
            quiet.of_account(middle).iter().for_each(|&end| sieve.meet(u64::from(end)));
        }
        found.clear();
        for &middle in middles {
            let (ends, weight) = quiet.row(middle);
            found.extend(ends.iter().filter(|&&end| sieve.may_matter(u64::from(end))).map(|&end| (end, weight)));
        }
        reached.clear(found.len());
        found.iter().for_each(|&(end, weight)| reached.add(end, weight));
        let own = 1.0 / quiet.degree(account).max(1) as f64;
        let mut fours = 0.0;
        for &(end, [_, pairs]) in &reached.ends {
            if pairs > 0.0 && end != account {
                fours += own * f64::from(pairs) * f64::from(quiet.row(end).1);
            }
        }
        fours
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Accounts that are all looked for first in the cell of `account`, in a table of any size up to 2^16 cells.
    fn colliding(account: u32) -> impl Iterator<Item = u32> {
        // What the multiplication is undone by.
        const INVERSE: u32 = 0x0e8b_2f51;
        let product = account.wrapping_mul(0x9e37_79b1);
        (0..1u32 << 16).map(move |low| (product & 0xffff_0000 | low).wrapping_mul(INVERSE))
    }

    #[test]
    fn accounts_chosen_to_collide_cost_no_more_than_the_cells_looked_at() {
        let mut reached = Reached::default();
        for round in 0..2u32 {
            reached.clear(1 << 15);
            for account in colliding(7 + round).take(1 << 15).chain(colliding(7 + round).take(1 << 15)) {
                reached.add(account, 0.5);
            }
            assert_eq!(reached.ends.len(), 1 << 15);
            assert_eq!((reached.taken.len(), reached.aside.len()), (PROBES, (1 << 15) - PROBES));
            let same = reached.ends.iter().zip(colliding(7 + round));
            assert!(same.into_iter().all(|(&end, account)| end == (account, [1.0, 0.25])));
        }
        reached.clear(3);
        assert!(reached.ends.is_empty() && reached.aside.is_empty());
        reached.add(7, 0.5);
        assert_eq!(reached.ends, [(7, [0.5, 0.0])]);
    }

    proptest! {
        #[test]
        fn what_was_reached_is_what_a_list_tells(
            steps in prop::collection::vec((0u32..40, 0u32..9, any::<bool>()), 0..400),
        ) {
            let steps = steps.iter().map(|&(account, weight, far)| {
                let account = if far { colliding(3).nth(account as usize * 9).unwrap() } else { account };
                (account, weight as f32 / 8.0)
            });
            let (mut reached, mut slow) = (Reached::default(), Vec::<(u32, [f32; 2])>::new());
            reached.clear(steps.len());
            for (account, weight) in steps {
                reached.add(account, weight);
                let place = slow.iter().position(|end| end.0 == account).unwrap_or(slow.len());
                if place == slow.len() {
                    slow.push((account, [0.0; 2]));
                }
                let over = &mut slow[place].1;
                *over = [over[0] + weight, over[1] + over[0] * weight];
            }
            prop_assert_eq!(&reached.ends, &slow);
        }
    }
}
