//! The size class of every account's degree: one byte an account instead of four keeps the order of tens of millions of
//! accounts near the cache, and tells all but the large degrees outright.

use crate::graph::TransferGraph;
use crate::graph::lines::ACCOUNTS;
use crate::parallel::map_chunks;

/// The least degree that shares its class with others; the class of each one below is the degree itself.
pub(super) const SHARED: u8 = 128;

/// The size class of a degree: itself below [`SHARED`], four to a doubling from there on.
pub(super) fn class_of(degree: usize) -> u8 {
    let degree = degree as u64;
    if degree < u64::from(SHARED) {
        return degree as u8;
    }
    let octave = degree.ilog2();
    SHARED + ((octave - SHARED.ilog2()) * 4 + (degree >> (octave - 2) & 3) as u32) as u8
}

/// The size class of every account's degree.
pub(super) fn classes_of(graph: &TransferGraph) -> Vec<u8> {
    let of = |account| class_of(graph.row(account).len());
    map_chunks(graph.accounts(), ACCOUNTS, |range| range.map(of).collect::<Vec<u8>>()).concat()
}

/// The degrees of some accounts together. Classes tell most of them; those that they do not tell are of few accounts, whose
/// degrees stay in the cache however often they are asked for.
pub(super) struct DegreeSum<'a> {
    told: u64,
    /// Who was not told, and room for one more.
    untold: &'a mut [u32],
    noted: usize,
}

impl<'a> DegreeSum<'a> {
    /// A sum over at most `most` accounts, in `room`.
    #[inline]
    pub fn over(most: usize, room: &'a mut Vec<u32>) -> Self {
        if room.len() <= most {
            room.resize(most + 1, 0);
        }
        Self { told: 0, untold: &mut room[..=most], noted: 0 }
    }

    /// Adds an account of such a class.
    #[inline(always)]
    pub fn add(&mut self, account: u32, class: u8) {
        let told = class < SHARED;
        self.told += if told { u64::from(class) } else { 0 };
        // Everybody is noted, only those that are not told are kept: no branch to guess.
        self.untold[self.noted] = account;
        self.noted += usize::from(!told);
    }

    #[inline]
    pub fn finish(self, degree: &[u32]) -> u64 {
        self.untold[..self.noted].iter().fold(self.told, |sum, &account| sum + u64::from(degree[account as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_ascend_fit_a_byte_and_tell_small_degrees() {
        let classes: Vec<u8> = (0..100_000).map(class_of).collect();
        assert!(classes.is_sorted());
        assert!((0..SHARED).all(|degree| classes[usize::from(degree)] == degree));
        assert_eq!(classes[127..192], [[127].as_slice(), &[128; 32], &[129; 32]].concat());
        assert!(class_of(u32::MAX as usize) < u8::MAX);
    }

    #[test]
    fn degrees_add_up_whether_classes_tell_them_or_not() {
        let degree: Vec<u32> = (0..1_000).map(|account| account * account % 700).collect();
        let mut room = Vec::new();
        for most in [0, 1, 17, 1_000] {
            let mut sum = DegreeSum::over(most, &mut room);
            (0..most as u32).for_each(|account| sum.add(account, class_of(degree[account as usize] as usize)));
            assert_eq!(sum.finish(&degree), degree[..most].iter().copied().map(u64::from).sum::<u64>());
        }
    }
}
