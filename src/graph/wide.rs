//! Lines held against lines on 64-byte registers: the only unsafe code of the crate.
//!
//! A processor with AVX-512 compares an account with all lanes of a line at once and answers in one bit a lane, which no safe
//! code is compiled to. What it gains is in `BENCHMARKS.md`. Elsewhere, and in the test that compares the two, the portable
//! function does the same; the bits are equal, since nothing but equality of whole numbers is asked.
#![allow(unsafe_code)]

use crate::graph::lines::{LANES, Line, NOBODY};

/// A line that is asked for: whose it is, and the line and lane of the run it is asked from, as `line * LANES + lane`.
pub(super) type Ask = (u32, u8);

/// For each answer to an ask, one bit a lane of the asking line whose account is in the answer too. A line that stands for a
/// long row gets none.
pub(super) fn meet(run: &[Line], asked: &[Ask], answers: &[&Line], met: &mut Vec<u16>) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: all the function asks for is a processor that has AVX-512F, and this one was just found to have it.
        return unsafe { meet_on_avx512(run, asked, answers, met) };
    }
    meet_portably(run, asked, answers, met);
}

fn meet_portably(run: &[Line], asked: &[Ask], answers: &[&Line], met: &mut Vec<u16>) {
    met.clear();
    met.extend(asked.iter().zip(answers).map(|(&(_, place), answer)| {
        let own = &run[usize::from(place) / LANES].0;
        let mut equal = [0; LANES];
        for &other in answer.0.iter().take_while(|&&other| other != NOBODY) {
            for (equal, &account) in equal.iter_mut().zip(own) {
                *equal |= if account == other { u32::MAX } else { 0 };
            }
        }
        equal.iter().enumerate().fold(0, |bits, (lane, equal)| bits | equal & 1 << lane) as u16
    }));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn meet_on_avx512(run: &[Line], asked: &[Ask], answers: &[&Line], met: &mut Vec<u16>) {
    use std::arch::x86_64::{_mm512_cmpeq_epi32_mask, _mm512_cmpneq_epi32_mask, _mm512_load_si512, _mm512_set1_epi32};

    met.clear();
    met.extend(asked.iter().zip(answers).map(|(&(_, place), answer)| {
        let own = &run[usize::from(place) / LANES];
        // SAFETY: a line is 64 bytes of plain numbers at an address that 64 divides, borrowed for as long as this takes.
        let lanes = unsafe { _mm512_load_si512(own.0.as_ptr().cast()) };
        let mut equal = 0;
        for &other in &answer.0 {
            equal |= _mm512_cmpeq_epi32_mask(lanes, _mm512_set1_epi32(other.cast_signed()));
        }
        let somebody = _mm512_cmpneq_epi32_mask(lanes, _mm512_set1_epi32(NOBODY.cast_signed()));
        if answer.0[0] == NOBODY { 0 } else { equal & somebody }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_portable_registers_meet_the_same() {
        let mut state = 310u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let mut lines = vec![Line([NOBODY; LANES]), Line::long(7, 20)];
        for len in (0..=LANES).cycle().take(300) {
            let mut row: Vec<u32> = (0..len).map(|_| below(40) as u32).collect();
            row.sort_unstable();
            row.dedup();
            row.resize(LANES, NOBODY);
            lines.push(Line(row.try_into().unwrap()));
        }
        let run = &lines[2..18];
        let asked: Vec<Ask> = (0..5_000).map(|_| (0, below(256) as u8)).collect();
        let answers: Vec<&Line> = asked.iter().map(|_| &lines[below(302) as usize]).collect();
        let (mut wide, mut portable, mut found) = (Vec::new(), Vec::new(), 0);
        meet(run, &asked, &answers, &mut wide);
        meet_portably(run, &asked, &answers, &mut portable);
        assert_eq!(wide, portable);
        for ((&(_, place), answer), &met) in asked.iter().zip(&answers).zip(&wide) {
            let own = &run[usize::from(place) / LANES].0;
            for (lane, account) in own.iter().enumerate() {
                let both = answer.as_long().is_none() && *account != NOBODY && answer.0.contains(account);
                assert_eq!(met >> lane & 1 == 1, both);
                found += usize::from(both);
            }
        }
        assert!(found > 1_000);
    }
}
