//! Rows held against rows on wide registers: the only unsafe code of the crate.
//!
//! A processor with AVX-512 compares an account with all lanes of a line at once and answers in one bit a lane, counts the
//! bits of eight words at once, and makes eight numbers whole at once; one with AVX2 does half as much at a time. None of this
//! safe code is compiled to. What it gains is in `BENCHMARKS.md`. Elsewhere, and in the tests that compare them, portable
//! functions do the same; the bits are equal, since whole numbers are compared, counted and added, and products are rounded
//! alike, factor by factor. Memory that will be needed soon is asked for here too, which changes nothing but the time.
#![allow(unsafe_code)]

use crate::graph::lines::{LANES, Line, NOBODY};

/// Begins to fetch what `item` is from memory, without waiting for it.
#[inline]
pub(crate) fn prefetch<T>(item: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this kind has the instruction, which reads nothing, and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}

/// The whole number below `number`, which is not negative and below 2^63: what a cast gives, which also looks after
/// numbers beyond and takes several steps for that.
#[inline]
pub(super) fn whole_below(number: f64) -> i64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this kind has the instruction, which takes any number.
    unsafe {
        use std::arch::x86_64::{_mm_cvttsd_si64, _mm_set_sd};
        _mm_cvttsd_si64(_mm_set_sd(number))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        number as i64
    }
}

/// As [`prefetch`], for every line of memory of an item that has many.
#[inline]
pub(crate) fn prefetch_all<T>(item: &T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of::<T>()).step_by(64) {
        // SAFETY: as above.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast::<i8>().add(offset));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}

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
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: likewise AVX2.
        return unsafe { meet_on_avx2(run, asked, answers, met) };
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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn meet_on_avx2(run: &[Line], asked: &[Ask], answers: &[&Line], met: &mut Vec<u16>) {
    use std::arch::x86_64::{
        __m256i, _mm256_andnot_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_load_si256, _mm256_movemask_ps,
        _mm256_or_si256, _mm256_set1_epi32, _mm256_setzero_si256,
    };

    type Half = [u32; LANES / 2];
    // SAFETY: half a line is 32 bytes of plain numbers at an address that 32 divides, borrowed for as long as this takes.
    let load = |half: &Half| unsafe { _mm256_load_si256(half.as_ptr().cast()) };
    let bits = |equal: __m256i| _mm256_movemask_ps(_mm256_castsi256_ps(equal)).cast_unsigned();
    met.clear();
    met.extend(asked.iter().zip(answers).map(|(&(_, place), answer)| {
        let [low, high] = halves(&run[usize::from(place) / LANES]).map(load);
        let mut equal = [_mm256_setzero_si256(); 2];
        // Nobody is behind the last: the second half of most lines is empty, and then so is what it would meet.
        for others in halves(answer) {
            if others[0] == NOBODY {
                break;
            }
            for &other in others {
                let other = _mm256_set1_epi32(other.cast_signed());
                equal[0] = _mm256_or_si256(equal[0], _mm256_cmpeq_epi32(low, other));
                equal[1] = _mm256_or_si256(equal[1], _mm256_cmpeq_epi32(high, other));
            }
        }
        let nobody = _mm256_set1_epi32(NOBODY.cast_signed());
        let met = |equal, own| bits(_mm256_andnot_si256(_mm256_cmpeq_epi32(own, nobody), equal));
        (met(equal[0], low) | met(equal[1], high) << (LANES / 2)) as u16
    }));
}

fn halves(line: &Line) -> [&[u32; LANES / 2]; 2] {
    let (low, high) = line.0.split_at(LANES / 2);
    [low, high].map(|half| half.try_into().expect("half a line"))
}

/// Words of a register.
pub(super) const WORDS: usize = 8;

/// What the counterparties of two accounts that know each other have in common, seen from the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MetWays {
    /// All of them.
    pub known: u64,
    /// Payers of the first that the second pays.
    pub paying_a_payer: u64,
    /// Payers of the first that pay the second.
    pub paid_by_a_payer: u64,
    /// Payees of the first that the second pays.
    pub paying_a_payee: u64,
    /// Payers of the first that the second knows.
    pub payers: u64,
    /// Those of them that the first does not pay.
    pub one_sided_payers: u64,
}

/// Holds the rows of two accounts against each other: whom each pays, then by whom each is paid, one bit an account, in a
/// multiple of [`WORDS`] each.
pub(super) fn meet_ways(own: &[u64], other: &[u64]) -> MetWays {
    assert!(own.len() == other.len() && own.len().is_multiple_of(2 * WORDS), "rows of two halves of whole registers");
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
        // SAFETY: the processor was just found to have both.
        return unsafe { meet_ways_on_avx512(own, other) };
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor was just found to have both.
        return unsafe { meet_ways_on_avx2(own, other) };
    }
    meet_ways_portably(own, other)
}

/// The same, compiled for registers of four words.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn meet_ways_on_avx2(own: &[u64], other: &[u64]) -> MetWays {
    meet_ways_portably(own, other)
}

#[inline(always)]
fn meet_ways_portably(own: &[u64], other: &[u64]) -> MetWays {
    let half = own.len() / 2;
    let mut met = MetWays::default();
    for at in 0..half {
        let [pays, paid, other_pays, other_paid] = [own[at], own[half + at], other[at], other[half + at]];
        let count = |word: u64| u64::from(word.count_ones());
        met.known += count((other_pays | other_paid) & (pays | paid));
        met.paying_a_payer += count(other_pays & paid);
        met.paid_by_a_payer += count(other_paid & paid);
        met.paying_a_payee += count(other_pays & pays);
        met.payers += count((other_pays | other_paid) & paid);
        met.one_sided_payers += count((other_pays | other_paid) & paid & !pays);
    }
    met
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn meet_ways_on_avx512(own: &[u64], other: &[u64]) -> MetWays {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_andnot_si512, _mm512_loadu_si512, _mm512_or_si512,
        _mm512_popcnt_epi64, _mm512_reduce_add_epi64, _mm512_setzero_si512,
    };
    type Register = [u64; WORDS];
    // SAFETY: a register's worth of plain words, borrowed for as long as this takes.
    let load = |words: &Register| unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
    let halves = |row| {
        let (one, other) = <[u64]>::split_at(row, own.len() / 2);
        one.as_chunks::<WORDS>().0.iter().zip(other.as_chunks::<WORDS>().0)
    };
    let mut sums = [_mm512_setzero_si512(); 6];
    for ((pays, paid), (other_pays, other_paid)) in halves(own).zip(halves(other)) {
        let (pays, paid, other_pays, other_paid) = (load(pays), load(paid), load(other_pays), load(other_paid));
        let other = _mm512_or_si512(other_pays, other_paid);
        let payers = _mm512_and_si512(other, paid);
        let words: [__m512i; 6] = [
            _mm512_and_si512(other, _mm512_or_si512(pays, paid)),
            _mm512_and_si512(other_pays, paid),
            _mm512_and_si512(other_paid, paid),
            _mm512_and_si512(other_pays, pays),
            payers,
            _mm512_andnot_si512(pays, payers),
        ];
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(word));
        }
    }
    let [known, paying_a_payer, paid_by_a_payer, paying_a_payee, payers, one_sided_payers] =
        sums.map(|sum| _mm512_reduce_add_epi64(sum).cast_unsigned());
    MetWays { known, paying_a_payer, paid_by_a_payer, paying_a_payee, payers, one_sided_payers }
}

/// Nanoseconds [`weigh_through`] takes for one account, about.
pub(super) fn cost_of_a_tie() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
        return 0.15;
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return 0.5;
    }
    2.0
}

/// Accounts whose weights are met at a time.
pub(super) const SPAN: usize = 256;
/// Those of them that are in `common`, a bit each.
pub(super) type Common = [u64; SPAN / 64];

/// The sum of `first * second * inverse`, each made whole towards zero, over the accounts of a span that are in `common`; of
/// all others one weight or the other is nothing. Every product is not negative and below 2^63, and so is the sum.
pub(super) fn weigh_through(common: &Common, first: &[f64], second: &[f64], inverses: &[f64]) -> u64 {
    assert!(first.len() == SPAN && second.len() == SPAN && inverses.len() == SPAN, "weights of a span");
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
        // SAFETY: the processor was just found to have both.
        return unsafe { weigh_through_on_avx512(common, first, second, inverses) };
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just found to have it.
        return unsafe { weigh_through_on_avx2(common, first, second, inverses) };
    }
    weigh_through_portably(common, first, second, inverses)
}

fn weigh_through_portably(common: &Common, first: &[f64], second: &[f64], inverses: &[f64]) -> u64 {
    let mut sum = 0u64;
    for (word, &bits) in common.iter().enumerate() {
        let mut rest = bits;
        while rest > 0 {
            let at = word * 64 + rest.trailing_zeros() as usize;
            sum += ((first[at] * second[at] * inverses[at]) as i64).cast_unsigned();
            rest &= rest - 1;
        }
    }
    sum
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn weigh_through_on_avx512(common: &Common, first: &[f64], second: &[f64], inverses: &[f64]) -> u64 {
    use std::arch::x86_64::{
        _mm512_add_epi64, _mm512_cvttpd_epi64, _mm512_loadu_pd, _mm512_mul_pd, _mm512_reduce_add_epi64,
        _mm512_setzero_si512,
    };
    // SAFETY: a register's worth of plain numbers, borrowed for as long as this takes.
    let load = |numbers: &[f64; WORDS]| unsafe { _mm512_loadu_pd(numbers.as_ptr()) };
    let (first, second, inverses) =
        (first.as_chunks::<WORDS>().0, second.as_chunks::<WORDS>().0, inverses.as_chunks::<WORDS>().0);
    let through = |at: usize| {
        let product = _mm512_mul_pd(_mm512_mul_pd(load(&first[at]), load(&second[at])), load(&inverses[at]));
        _mm512_cvttpd_epi64(product)
    };
    let mut sum = _mm512_setzero_si512();
    for (word, &bits) in common.iter().enumerate() {
        if bits == u64::MAX {
            for at in word * WORDS..(word + 1) * WORDS {
                sum = _mm512_add_epi64(sum, through(at));
            }
            continue;
        }
        // Eight accounts at a time, as far as one of them is in common; the weights of those that are not give nothing.
        let mut rest = bits;
        while rest > 0 {
            let eight = rest.trailing_zeros() as usize / WORDS;
            sum = _mm512_add_epi64(sum, through(word * WORDS + eight));
            rest &= !(0xFF << (eight * WORDS));
        }
    }
    _mm512_reduce_add_epi64(sum).cast_unsigned()
}

/// Numbers of a register of half the width.
#[cfg(target_arch = "x86_64")]
const HALF: usize = WORDS / 2;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn weigh_through_on_avx2(common: &Common, first: &[f64], second: &[f64], inverses: &[f64]) -> u64 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi64, _mm256_add_pd, _mm256_castpd_si256, _mm256_extract_epi64, _mm256_floor_pd,
        _mm256_loadu_pd, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_si256, _mm256_slli_epi64, _mm256_sub_epi64,
        _mm256_sub_pd,
    };
    // SAFETY: a register's worth of plain numbers, borrowed for as long as this takes.
    let load = |numbers: &[f64; HALF]| unsafe { _mm256_loadu_pd(numbers.as_ptr()) };
    let (first, second, inverses) =
        (first.as_chunks::<HALF>().0, second.as_chunks::<HALF>().0, inverses.as_chunks::<HALF>().0);
    let [word, part, ones] =
        [(1u64 << 32) as f64, 1.0 / (1u64 << 32) as f64, (1u64 << 52) as f64].map(|number| _mm256_set1_pd(number));
    // A whole number below 2^52 with that added to it has itself in its lowest bits.
    let whole = |number| _mm256_sub_epi64(_mm256_castpd_si256(_mm256_add_pd(number, ones)), _mm256_castpd_si256(ones));
    // High and low 32 bits of the whole numbers are added up apart.
    let add = |[highs, lows]: [__m256i; 2], at: usize| {
        let product = _mm256_mul_pd(_mm256_mul_pd(load(&first[at]), load(&second[at])), load(&inverses[at]));
        let high = _mm256_floor_pd(_mm256_mul_pd(product, part));
        let low = _mm256_floor_pd(_mm256_sub_pd(product, _mm256_mul_pd(high, word)));
        [_mm256_add_epi64(highs, whole(high)), _mm256_add_epi64(lows, whole(low))]
    };
    let mut sums = [_mm256_setzero_si256(); 2];
    for (word, &bits) in common.iter().enumerate() {
        let fours = word * (64 / HALF)..(word + 1) * (64 / HALF);
        if bits == u64::MAX {
            sums = fours.fold(sums, add);
            continue;
        }
        // Four accounts at a time, as far as one of them is in common; the weights of those that are not give nothing.
        let mut rest = bits;
        while rest > 0 {
            let four = rest.trailing_zeros() as usize / HALF;
            sums = add(sums, fours.start + four);
            rest &= !(0xF << (four * HALF));
        }
    }
    let sum = _mm256_add_epi64(_mm256_slli_epi64::<32>(sums[0]), sums[1]);
    let words = [
        _mm256_extract_epi64::<0>(sum),
        _mm256_extract_epi64::<1>(sum),
        _mm256_extract_epi64::<2>(sum),
        _mm256_extract_epi64::<3>(sum),
    ];
    words.iter().map(|word| word.cast_unsigned()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_portable_registers_count_and_weigh_the_same() {
        let mut state = 88u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        for _ in 0..200 {
            let [own, other]: [Vec<u64>; 2] =
                std::array::from_fn(|_| (0..4 * WORDS).map(|_| next() & next()).collect());
            assert_eq!(meet_ways(&own, &other), meet_ways_portably(&own, &other));
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
                // SAFETY: the processor was just found to have both.
                assert_eq!(meet_ways(&own, &other), unsafe { meet_ways_on_avx2(&own, &other) });
            }
            assert!(meet_ways(&own, &other).one_sided_payers > 0);
            let mut numbers = |scale: f64| -> Vec<f64> {
                (0..SPAN).map(|_| if next() % 3 == 0 { 0.0 } else { (next() >> 34) as f64 * scale }).collect()
            };
            let (mut first, second, inverses) = (numbers(1.0), numbers(1.0 / 64.0), numbers(1e-9));
            // A span nearly full, and one nearly empty.
            for sparse in [false, true] {
                if sparse {
                    (0..SPAN).filter(|at| at % 37 != 0).for_each(|at| first[at] = 0.0);
                } else {
                    (64..128).for_each(|at| first[at] += 1.0);
                }
                let mut common = [0u64; SPAN / 64];
                for at in (0..SPAN).filter(|&at| first[at] > 0.0) {
                    common[at / 64] |= 1 << (at % 64);
                }
                let sum = weigh_through(&common, &first, &second, &inverses);
                assert_eq!(sum, weigh_through_portably(&common, &first, &second, &inverses));
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor was just found to have it.
                    assert_eq!(sum, unsafe { weigh_through_on_avx2(&common, &first, &second, &inverses) });
                }
                assert!(sum > 1 << 50 || sparse);
                assert_eq!(common[1] == u64::MAX, !sparse);
            }
        }
    }

    #[test]
    fn whole_numbers_are_those_of_a_cast() {
        for number in [0.0, 0.5, 0.999_999, 1.0, 4_503_599_627_370_497.5, 4.6e18] {
            assert_eq!(whole_below(number), number as i64);
        }
    }

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
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was just found to have it.
            unsafe { meet_on_avx2(run, &asked, &answers, &mut wide) };
            assert_eq!(wide, portable);
        }
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
