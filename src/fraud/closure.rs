//! Closed groups: counterparties that deal with each other more than chance brings together.
//!
//! Whatever a ring does with amounts and times, its transfers have to close: there and back, round three, round four. Every
//! closed way counts by `Π 1 / √degree` over its accounts, so that meeting over somebody whom everybody knows counts little,
//! and each length is told in multiples of the market's mean, so that lengths are comparable and a market of families is
//! its own measure. Ways over two counterparties are counted where these and whom they lead to are not busy ([`BUSY`]): customers that two
//! shops share make no group of them, and the work is bounded by `BUSY` a relation.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::parallel::{map_chunks, try_map_chunks};
use crate::progress::Progress;

/// Counterparties above which nobody is looked through: whom everybody knows makes no group.
pub(super) const BUSY: usize = 64;
const CHUNK: usize = 1 << 11;
/// Relative difference below which two closures count as equal: weights are carried in 24 bits.
const ALIKE: f64 = 1e-6;

/// How closed the surroundings of every account are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Closure {
    /// `o a / (a + 1)`, with `a` the mean over closed ways of two, three and four accounts of their weight at the account, in
    /// multiples of the market's mean, and `o` the market's openness.
    pub scores: Vec<f32>,
    /// For every relation in the rows of the graph the weight of the counterparties that both ends have.
    pub ties: Vec<f32>,
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

impl Chance {
    fn add(&mut self, degree: usize) {
        let ends = (degree as f64 - 1.0) / (degree.max(1) as f64).sqrt();
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

    /// Weight of the middles towards `account`.
    fn towards(&self, account: u32) -> f32 {
        let place = self.place(account);
        if self.keys[place] == account { self.over[place][0] } else { 0.0 }
    }
}

/// What one thread needs to look around account after account.
struct Desk<'a> {
    graph: &'a TransferGraph,
    /// `1 / √degree` of every account.
    weight: &'a [f32],
    reached: Reached,
}

impl Desk<'_> {
    /// Adds up the closed ways through `account` and writes down how close each counterparty is.
    fn look_around(&mut self, account: usize, ties: &mut Vec<f32>) -> Ways {
        let graph = self.graph;
        let quiet = graph.neighbours(account as u32).iter().filter(|&&middle| graph.degree(middle) <= BUSY);
        // All rows are touched before any is read, so that they come from memory side by side and not one after the other.
        let (mut steps, mut touched) = (0, 0);
        for &middle in quiet.clone() {
            let row = graph.neighbours(middle);
            steps += row.len();
            touched ^= row[0] ^ row[row.len() - 1];
        }
        std::hint::black_box(touched);
        self.reached.clear(steps.min(graph.accounts()));
        for &middle in quiet {
            let weight = self.weight[middle as usize];
            for &end in graph.neighbours(middle) {
                self.reached.add(end, weight);
            }
        }
        let own = 1.0 / graph.row(account).len().max(1) as f64;
        let [mut twos, mut threes, mut fours] = [0.0f64; 3];
        let mut chance = Chance::default();
        for (slot, &peer) in graph.row(account).zip(graph.neighbours(account as u32)) {
            let weight = f64::from(self.weight[peer as usize]);
            chance.add(graph.degree(peer));
            let counts = graph.counts(slot);
            if counts.sent > 0 && counts.received > 0 {
                twos += own * weight;
            }
            let tie = self.reached.towards(peer);
            ties.push(tie);
            // A triangle is met over each of its quiet corners.
            let met = if graph.degree(peer) <= BUSY { 0.5 } else { 1.0 };
            threes += own * f64::from(tie) * met * weight;
        }
        for &place in &self.reached.order {
            let (end, pairs) = (self.reached.keys[place as usize], self.reached.over[place as usize][1]);
            if pairs > 0.0 && end as usize != account && graph.degree(end) <= BUSY {
                fours += own * f64::from(pairs) * f64::from(self.weight[end as usize]);
            }
        }
        let by_chance = own * chance.pairs(2.0 * graph.relations() as f64);
        Ways { closed: [twos, threes, fours], by_chance }
    }
}

impl Closure {
    /// Looks around every account.
    ///
    /// # Complexity
    /// Relations times the counterparties of those that are not busy, [`BUSY`] at most.
    pub fn of(graph: &TransferGraph, progress: Progress<'_>) -> Result<Self> {
        let accounts = graph.accounts();
        let weight: Vec<f32> = map_chunks(accounts, CHUNK, |range| {
            range.map(|account| 1.0 / (graph.row(account).len().max(1) as f32).sqrt()).collect::<Vec<f32>>()
        })
        .concat();
        let spare = std::sync::Mutex::new(Vec::new());
        let parts = try_map_chunks(accounts, CHUNK, |range| {
            progress.step("looking for closed groups", range.start as u64, accounts as u64)?;
            let last = spare.lock().ok().and_then(|mut spare: std::sync::MutexGuard<'_, Vec<Desk<'_>>>| spare.pop());
            let mut desk = last.unwrap_or_else(|| Desk { graph, weight: &weight, reached: Reached::default() });
            let mut ties = Vec::new();
            let ways: Vec<Ways> = range.map(|account| desk.look_around(account, &mut ties)).collect();
            if let Ok(mut spare) = spare.lock() {
                spare.push(desk);
            }
            Ok((ways, ties))
        })?;
        let mut sums = [0.0f64; 3];
        for ways in parts.iter().flat_map(|part| &part.0) {
            sums.iter_mut().zip(ways.closed).for_each(|(sum, way)| *sum += way);
        }
        let openness = openness(parts.iter().flat_map(|part| &part.0));
        let lengths = sums.iter().filter(|&&sum| sum > 0.0).count().max(1) as f64;
        let score = |ways: &Ways| {
            let multiple = |(way, sum): (&f64, &f64)| if *sum > 0.0 { way / sum * accounts as f64 } else { 0.0 };
            let closed = ways.closed.iter().zip(&sums).map(multiple).sum::<f64>() / lengths;
            (openness * closed / (closed + 1.0)) as f32
        };
        let scores = parts.iter().flat_map(|part| part.0.iter().map(score)).collect();
        let mut ties = Vec::with_capacity(parts.iter().map(|part| part.1.len()).sum());
        parts.into_iter().for_each(|part| ties.extend(part.1));
        Ok(Self { scores, ties })
    }
}

/// How much of the closure of the market's ordinary accounts chance explains: 1 where nobody's counterparties know each
/// other but by chance, and closed ways tell; near 0 where people live in families and among friends, and they tell nothing.
/// The most closed twentieth of the accounts is left out, so that rings do not hide themselves.
fn openness<'a>(ways: impl Iterator<Item = &'a Ways> + Clone) -> f64 {
    let mut threes: Vec<f64> = ways.clone().map(|ways| ways.closed[1]).collect();
    if threes.is_empty() {
        return 1.0;
    }
    let most = threes.len() - 1;
    let limit = *threes.select_nth_unstable_by(most * 19 / 20, f64::total_cmp).1;
    // Accounts alike to rounding are kept or left out together.
    let limit = limit * (1.0 + ALIKE);
    let (mut closed, mut by_chance) = (0.0, 0.0);
    for ways in ways.filter(|ways| ways.closed[1] <= limit) {
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
                let expected = openness * closed / (closed + 1.0);
                prop_assert!((f64::from(score) - expected).abs() < 1e-5, "{score} {expected}");
                for (slot, &peer) in graph.row(account).zip(graph.neighbours(account as u32)) {
                    let common = all().filter(|&c| linked(account as u32, c) && linked(c, peer));
                    let tie: f64 = common.map(|c| weight(&[c])).sum();
                    prop_assert!((f64::from(closure.ties[slot]) - tie).abs() < 1e-5);
                }
            }
        }
    }
}
