//! Closed groups: counterparties that deal with each other more than chance brings together.
//!
//! Whatever a ring does with amounts and times, its transfers have to close: there and back, round three, round four. Every
//! closed way counts by `Π 1 / √degree` over its accounts, so that meeting over somebody whom everybody knows counts little,
//! and each length is told in multiples of the market's mean, so that lengths are comparable and a market of families is
//! its own measure. Ways over two counterparties are counted where these and whom they lead to are not busy ([`BUSY`]): customers that two
//! shops share make no group of them, and the work is bounded by `BUSY` a relation.

use std::ops::Range;

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::parallel::{Workspaces, try_map_chunks};
use crate::progress::Progress;

use super::fours::Fours;
use super::quiet::{BUSY, QuietRows, weight_of};
use super::ties::{Marked, Tie, ties_of};

const CHUNK: usize = 1 << 9;
/// Busy accounts of one piece of work.
const BUSY_CHUNK: usize = 1 << 6;
/// Openness below which closed groups tell nothing: no score could reach it, and ways of four are not looked for.
const LEAST_OPEN: f64 = 0.1;
/// Relative difference below which two closures count as equal: weights are carried in 24 bits.
const ALIKE: f64 = 1e-6;

/// How closed the surroundings of every account are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Closure {
    /// `o a / (a + 1)`, with `a` the mean over closed ways of two, three and four accounts of their weight at the account, in
    /// multiples of the market's mean, and `o` the market's openness; 0 for everybody below [`LEAST_OPEN`].
    pub scores: Vec<f32>,
    /// For every relation in the rows of the graph what ties its ends.
    pub ties: Vec<Tie>,
}

/// Weights of the closed ways at one account, by their length less 2, and what chance would make of those of three.
#[derive(Debug, Clone, Copy, Default)]
struct Ways {
    closed: [f64; 3],
    by_chance: f64,
}

/// Pairs that may be linked by chance, as sums over the counterparties, quiet and busy ones.
#[derive(Default)]
struct Chance {
    sum: f64,
    squares: f64,
    busy_sum: f64,
    busy_squares: f64,
}

/// Ends that may be linked by chance at a counterparty of this degree, weighted.
fn ends_of(degree: usize) -> f64 {
    (degree as f64 - 1.0) / (degree.max(1) as f64).sqrt()
}

/// What meeting over an account of this degree counts, and its [`ends_of`].
fn corner_of(degree: usize) -> (f64, f64) {
    (f64::from(weight_of(degree)), ends_of(degree))
}

impl Chance {
    fn add(&mut self, degree: usize, ends: f64) {
        self.sum += ends;
        self.squares += ends * ends;
        if degree > BUSY {
            self.busy_sum += ends;
            self.busy_squares += ends * ends;
        }
    }

    /// Weight of the linked pairs when `ends` ends of relations meet at random; two busy ones are not looked for.
    fn pairs(&self, ends: f64) -> f64 {
        let pairs = |sum: f64, squares: f64| (sum * sum - squares) / 2.0;
        (pairs(self.sum, self.squares) - pairs(self.busy_sum, self.busy_squares)) / ends
    }
}

/// Degrees whose corners are worked out once; nearly everybody has one of them.
const USUAL: usize = 1 << 10;

/// Adds up the closed ways of two and three through every one of `accounts`, whose `ties` are known.
fn look_around(graph: &TransferGraph, accounts: Range<usize>, ties: &[Tie], usual: &[(f64, f64)]) -> Vec<Ways> {
    let first = graph.row(accounts.start).start;
    let around = |account: usize| {
        let row = graph.row(account);
        let own = 1.0 / row.len().max(1) as f64;
        let [mut twos, mut threes] = [0.0f64; 2];
        let mut chance = Chance::default();
        let ties = &ties[row.start - first..row.end - first];
        for ((slot, &peer), tie) in row.zip(graph.neighbours(account as u32)).zip(ties) {
            let degree = graph.degree(peer);
            let (weight, ends) = usual.get(degree).copied().unwrap_or_else(|| corner_of(degree));
            chance.add(degree, ends);
            let counts = graph.counts(slot);
            // Who pays back is anybody's guess, so that nothing is added instead of not adding.
            let back = (counts.sent > 0) & (counts.received > 0);
            twos += own * weight * f64::from(u8::from(back));
            // A triangle is met over each of its quiet corners.
            let met = if degree > BUSY { 1.0 } else { 0.5 };
            threes += own * f64::from(tie.weight()) * met * weight;
        }
        let by_chance = own * chance.pairs(2.0 * graph.relations() as f64);
        Ways { closed: [twos, threes, 0.0], by_chance }
    };
    accounts.map(around).collect()
}

impl Closure {
    /// Looks around every account.
    ///
    /// # Complexity
    /// For every relation with a quiet account its counterparties, [`BUSY`] at most.
    pub fn of(graph: &TransferGraph, progress: Progress<'_>) -> Result<Self> {
        let accounts = graph.accounts();
        progress.step("looking for closed groups", 0, accounts as u64)?;
        let usual: Vec<(f64, f64)> = (0..USUAL).map(corner_of).collect();
        let marked = Workspaces::new();
        let parts = try_map_chunks(accounts, CHUNK, |range| {
            progress.step("looking for closed groups", range.start as u64, accounts as u64)?;
            let ties = marked.with(Marked::default, |marked| ties_of(graph, range.clone(), marked));
            let ways = look_around(graph, range, &ties, &usual);
            Ok((ties, ways))
        })?;
        let mut ties = Vec::with_capacity(2 * graph.relations() as usize);
        let mut ways = Vec::with_capacity(accounts);
        for part in parts {
            ties.extend::<Vec<Tie>>(part.0);
            ways.extend::<Vec<Ways>>(part.1);
        }
        let openness = openness(&ways);
        if openness < LEAST_OPEN {
            return Ok(Self { scores: vec![0.0; accounts], ties });
        }
        look_four_around(graph, &mut ways, progress)?;
        Ok(Self { scores: scores(&ways, openness), ties })
    }
}

/// Adds the closed ways of four: around the busy ones first, whose surroundings are the largest.
fn look_four_around(graph: &TransferGraph, ways: &mut [Ways], progress: Progress<'_>) -> Result<()> {
    let quiet = QuietRows::of(graph);
    let is_busy = |account: &u32| graph.degree(*account) > BUSY;
    let (busy, others): (Vec<u32>, Vec<u32>) = (0..graph.accounts() as u32).partition(is_busy);
    let spaces = Workspaces::new();
    for (list, chunk) in [busy, others].iter().zip([BUSY_CHUNK, CHUNK]) {
        let fours = try_map_chunks(list.len(), chunk, |range| {
            progress.step("looking for closed groups of four", range.start as u64, list.len() as u64)?;
            let around = |fours: &mut Fours| list[range].iter().map(|&account| fours.around(&quiet, account)).collect();
            Ok(spaces.with::<Vec<f64>>(Fours::default, around))
        })?;
        for (&account, four) in list.iter().zip(fours.into_iter().flatten()) {
            ways[account as usize].closed[2] = four;
        }
    }
    Ok(())
}

/// The scores that [`Closure::scores`] tells.
fn scores(ways: &[Ways], openness: f64) -> Vec<f32> {
    let mut sums = [0.0f64; 3];
    for ways in ways {
        sums.iter_mut().zip(ways.closed).for_each(|(sum, way)| *sum += way);
    }
    let lengths = sums.iter().filter(|&&sum| sum > 0.0).count().max(1) as f64;
    let score = |of: &Ways| {
        let multiple = |(way, sum): (&f64, &f64)| if *sum > 0.0 { way / sum * ways.len() as f64 } else { 0.0 };
        let closed = of.closed.iter().zip(&sums).map(multiple).sum::<f64>() / lengths;
        (openness * closed / (closed + 1.0)) as f32
    };
    ways.iter().map(score).collect()
}

/// How much of the closure of the market's ordinary accounts chance explains: 1 where nobody's counterparties know each
/// other but by chance, and closed ways tell; near 0 where people live in families and among friends, and they tell nothing.
/// The most closed twentieth of the accounts is left out, so that rings do not hide themselves.
fn openness(ways: &[Ways]) -> f64 {
    let mut threes: Vec<f64> = ways.iter().map(|ways| ways.closed[1]).collect();
    if threes.is_empty() {
        return 1.0;
    }
    let most = threes.len() - 1;
    let limit = *threes.select_nth_unstable_by(most * 19 / 20, f64::total_cmp).1;
    // Accounts alike to rounding are kept or left out together.
    let limit = limit * (1.0 + ALIKE);
    let (mut closed, mut by_chance) = (0.0, 0.0);
    for ways in ways.iter().filter(|ways| ways.closed[1] <= limit) {
        closed += ways.closed[1];
        by_chance += ways.by_chance;
    }
    if closed > by_chance { by_chance / closed } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphConfig;
    use crate::transfer::TransferColumns;
    use proptest::prelude::*;

    fn graph(pairs: &[(u32, u32)], accounts: usize) -> TransferGraph {
        let (payer, payee): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        let columns = TransferColumns::of_pairs(&payer, &payee);
        TransferGraph::build(&columns, accounts, &GraphConfig::default(), Progress::silent()).unwrap()
    }

    /// The openness by the pairs of counterparties, of which no one is busy in so small a world.
    fn openness(ways: &[[f64; 9]; 3], graph: &TransferGraph) -> f64 {
        let mut limit = ways[1].to_vec();
        limit.sort_by(f64::total_cmp);
        let (mut closed, mut by_chance) = (0.0, 0.0);
        for account in (0..9u32).filter(|&account| ways[1][account as usize] <= limit[8 * 19 / 20] * (1.0 + ALIKE)) {
            closed += ways[1][account as usize];
            let peers = graph.neighbours(account);
            for (place, &a) in peers.iter().enumerate() {
                for &b in &peers[place + 1..] {
                    let [a, b] = [a, b].map(|peer| graph.degree(peer) as f64);
                    let linked = (a - 1.0) * (b - 1.0) / (2.0 * graph.relations() as f64);
                    by_chance += linked / (a * b).sqrt() / peers.len() as f64;
                }
            }
        }
        if closed > by_chance { by_chance / closed } else { 1.0 }
    }

    #[test]
    fn a_closed_group_stands_out_from_customers_of_shops() {
        // Five shops with forty customers each, who visit two of them; and five accounts that pay each other round.
        let mut pairs: Vec<(u32, u32)> =
            (0..200).flat_map(|i| [(10 + i, i % 5), (10 + i, (i + 1 + i % 2) % 5)]).collect();
        pairs.extend((0..5).flat_map(|i| [(300 + i, 300 + (i + 1) % 5), (300 + i, 300 + (i + 2) % 5)]));
        let closure = Closure::of(&graph(&pairs, 305), Progress::silent()).unwrap();
        let strongest = closure.scores[..300].iter().copied().fold(0.0, f32::max);
        assert!((300..305).all(|member| closure.scores[member] > 0.9), "{:?}", &closure.scores[300..]);
        assert!(strongest < 0.6, "{strongest}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        /// Every closed way over the accounts of a town with three shops that are busy, one by one.
        #[test]
        fn ties_and_ways_of_busy_accounts_are_those_of_an_enumeration(
            missed in prop::collection::vec((0u32..80, 0u32..3), 0..15),
            friends in prop::collection::vec((0u32..80, 0u32..80), 60..120),
        ) {
            let visits = (0..80).flat_map(|customer| [0, 1, 2].map(|shop| (customer, shop)));
            let mut pairs: Vec<(u32, u32)> =
                visits.filter(|visit| !missed.contains(visit)).map(|(customer, shop)| (3 + customer, shop)).collect();
            pairs.extend(friends.iter().map(|&(a, b)| (3 + a, 3 + b)).chain([(0, 1), (2, 1)]));
            let graph = graph(&pairs, 83);
            let quiet = QuietRows::of(&graph);
            let closure = Closure::of(&graph, Progress::silent()).unwrap();
            let is_quiet = |account: u32| graph.degree(account) <= BUSY;
            prop_assert!((0..3).all(|shop| !is_quiet(shop)));
            let linked = |a: u32, b: u32| graph.relation(a, b).is_some();
            let weight = |account: u32| 1.0 / (graph.degree(account).max(1) as f64).sqrt();
            for a in 0..83u32 {
                for (slot, &peer) in graph.row(a as usize).zip(graph.neighbours(a)) {
                    let common = (0..83).filter(|&c| is_quiet(c) && linked(a, c) && linked(c, peer));
                    let tie: f64 = common.map(weight).sum();
                    prop_assert!((f64::from(closure.ties[slot].weight()) - tie).abs() < 1e-5 * tie.max(1.0), "{a} {peer}");
                    let pays = |c: u32| is_quiet(c) && linked(a, c) && linked(c, peer) && pairs.contains(&(c, a));
                    prop_assert_eq!(closure.ties[slot].is_over_payer(), (0..83).any(pays), "{} {}", a, peer);
                }
                let mut fours = 0.0;
                for end in (0..83).filter(|&end| end != a && is_quiet(end)) {
                    let middles: Vec<u32> = (0..83).filter(|&c| is_quiet(c) && linked(a, c) && linked(c, end)).collect();
                    for (place, &one) in middles.iter().enumerate() {
                        fours += middles[place + 1..].iter().map(|&other| weight(one) * weight(other) * weight(end)).sum::<f64>();
                    }
                }
                let told = Fours::default().around(&quiet, a) * graph.degree(a).max(1) as f64;
                prop_assert!((told - fours).abs() < 1e-4 * fours.max(1.0), "{a}: {told} {fours}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Every closed way of two, three and four accounts, one by one.
        #[test]
        fn closed_ways_are_those_of_an_enumeration(pairs in prop::collection::vec((0u32..9, 0u32..9), 1..40)) {
            let graph = graph(&pairs, 9);
            let closure = Closure::of(&graph, Progress::silent()).unwrap();
            let linked = |a: u32, b: u32| graph.relation(a, b).is_some();
            let paid = |a: u32, b: u32| a != b && pairs.contains(&(a, b));
            let weight = |accounts: &[u32]| {
                accounts.iter().map(|&account| 1.0 / (graph.degree(account).max(1) as f64).sqrt()).product::<f64>()
            };
            let per_counterparty = |account: u32| 1.0 / graph.degree(account).max(1) as f64;
            let mut ways = [[0.0f64; 9]; 3];
            let all = || 0..9u32;
            for a in all() {
                for b in all().filter(|&b| linked(a, b)) {
                    ways[0][a as usize] += if paid(a, b) && paid(b, a) { weight(&[b]) * per_counterparty(a) } else { 0.0 };
                    for c in all().filter(|&c| c != a && linked(b, c)) {
                        // Each triangle and each square is met in both directions.
                        ways[1][a as usize] += if linked(c, a) { weight(&[b, c]) * per_counterparty(a) / 2.0 } else { 0.0 };
                        for d in all().filter(|&d| d != a && d != b && linked(c, d) && linked(d, a)) {
                            ways[2][a as usize] += weight(&[b, c, d]) * per_counterparty(a) / 2.0;
                        }
                    }
                }
            }
            let openness = openness(&ways, &graph);
            let sums = ways.map(|of| of.iter().sum::<f64>());
            let lengths = sums.iter().filter(|&&sum| sum > 0.0).count().max(1) as f64;
            for (account, &score) in closure.scores.iter().enumerate() {
                let multiple = |length: usize| if sums[length] > 0.0 { ways[length][account] / sums[length] * 9.0 } else { 0.0 };
                let closed = (0..3).map(multiple).sum::<f64>() / lengths;
                let told = if openness < LEAST_OPEN { 0.0 } else { openness };
                let expected = told * closed / (closed + 1.0);
                prop_assert!((f64::from(score) - expected).abs() < 1e-5, "{score} {expected}");
                for (slot, &peer) in graph.row(account).zip(graph.neighbours(account as u32)) {
                    let common = all().filter(|&c| linked(account as u32, c) && linked(c, peer));
                    let tie: f64 = common.map(|c| weight(&[c])).sum();
                    prop_assert!((f64::from(closure.ties[slot].weight()) - tie).abs() < 1e-5);
                }
            }
        }
    }
}
