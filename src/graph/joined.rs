//! How many ties join the counterparties of an account that know each other, where rows are long.

use crate::graph::components::Components;
use crate::graph::orient::Oriented;

/// The counterparties of one account at a time, joined where one points to another.
#[derive(Debug)]
pub(super) struct Joined {
    /// One bit an account, set for the counterparties.
    marks: Vec<u64>,
    /// Their places in the row.
    places: Vec<u32>,
    components: Components,
}

impl Joined {
    pub fn over(accounts: usize) -> Self {
        Self { marks: vec![0; accounts.div_ceil(64)], places: vec![0; accounts], components: Components::default() }
    }

    /// The fewest ties that join the `acquainted` ones among `neighbours` as far as they know each other: how many of them
    /// there are less how many components. Only those with `triangles` are looked at.
    ///
    /// Everybody is joined to the highest rank they point to first, which is nearly always enough: the search ends when all
    /// who are acquainted hang together.
    pub fn ties(&mut self, oriented: &Oriented, neighbours: &[u32], triangles: &[u64], acquainted: u32) -> u32 {
        let most = acquainted.saturating_sub(1);
        if most == 0 {
            return 0;
        }
        self.components.begin(neighbours.len());
        for (place, &other) in neighbours.iter().enumerate() {
            self.marks[other as usize / 64] |= 1 << (other % 64);
            self.places[other as usize] = place as u32;
        }
        'joining: for widely in [false, true] {
            for (place, &other) in neighbours.iter().enumerate().filter(|(_, other)| triangles[**other as usize] > 0) {
                let (part, row) = oriented.row(other);
                for &target in part.targets[row].iter().rev() {
                    if self.marks[target as usize / 64] >> (target % 64) & 1 == 0 {
                        continue;
                    }
                    self.components.join(place as u32, self.places[target as usize]);
                    if self.components.joined() == most {
                        break 'joining;
                    }
                    if !widely {
                        break;
                    }
                }
            }
        }
        for &other in neighbours {
            self.marks[other as usize / 64] = 0;
        }
        self.components.joined()
    }
}
