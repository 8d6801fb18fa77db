//! Closed groups: counterparties that deal with each other more than chance brings together.
//!
//! Whatever a ring does with amounts and times, its transfers have to close: there and back, round three, round four. Every
//! closed way counts by `Π 1 / √degree` over its accounts, so that meeting over somebody whom everybody knows counts little,
//! and each length is told in multiples of the market's mean, so that lengths are comparable and a market of families is
//! its own measure. Ways over two counterparties are counted where these and whom they lead to are not busy ([`BUSY`]): customers that two
//! shops share make no group of them, and the work is bounded by `BUSY` a relation.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::parallel::{map_chunks, try_map_chunks};
use crate::progress::Progress;

use super::quiet::{BUSY, QuietRows};

const CHUNK: usize = 1 << 11;
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
    /// For every relation in the rows of the graph the weight of the quiet counterparties that both ends have.
    pub ties: Vec<f32>,
    pub quiet: QuietRows,
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
struct Desk {
    reached: Reached,
    sieve: Sieve,
    /// Ends that may matter, and the weight of the middle.
    found: Vec<(u32, f32)>,
    /// A bit for each quiet counterparty of the account at hand; none between accounts.
    marked: Vec<u64>,
    /// What ties the account at hand to each of its counterparties.
    ties: Vec<f32>,
}

/// The graph with what is looked up of every account.
struct Surroundings<'a> {
    graph: &'a TransferGraph,
    quiet: &'a QuietRows,
    /// [`ends_of`] the degrees that nearly everybody has.
    ends: Vec<f64>,
    /// As [`Closure::ties`], in bits; every slot is written once.
    ties: Vec<AtomicU32>,
}

impl<'a> Surroundings<'a> {
    fn of(graph: &'a TransferGraph, quiet: &'a QuietRows) -> Self {
        Self {
            graph,
            quiet,
            ends: (0..1 << 10).map(ends_of).collect(),
            ties: (0..graph.relations() * 2).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    fn is_busy(&self, account: u32) -> bool {
        self.quiet.corner(account).0 > BUSY
    }

    fn tie(&self, slot: usize) -> f32 {
        f32::from_bits(self.ties[slot].load(Ordering::Relaxed))
    }

    fn set_tie(&self, slot: usize, tie: f32) {
        self.ties[slot].store(tie.to_bits(), Ordering::Relaxed);
    }

    /// Goes over the quiet counterparties of `account` to theirs, and gives the weight of the closed ways of four.
    fn reach(&self, account: u32, desk: &mut Desk) -> f64 {
        let Desk { reached, sieve, found, .. } = desk;
        let middles = self.quiet.of_account(account);
        // All rows are touched before any is read, so that they come from memory side by side and not one after the other.
        let (mut steps, mut touched) = (0, 0);
        for &middle in middles {
            let row = self.quiet.of_account(middle);
            steps += row.len();
            touched ^= row.first().copied().unwrap_or(0) ^ row.last().copied().unwrap_or(0);
        }
        std::hint::black_box(touched);
        sieve.clear(steps);
        for &middle in middles {
            self.quiet.of_account(middle).iter().for_each(|&end| sieve.meet(end));
        }
        found.clear();
        for &middle in middles {
            let (ends, weight) = self.quiet.row(middle);
            found.extend(ends.iter().filter(|&&end| sieve.may_matter(end)).map(|&end| (end, weight)));
        }
        reached.clear(found.len());
        found.iter().for_each(|&(end, weight)| reached.add(end, weight));
        let own = 1.0 / self.graph.degree(account).max(1) as f64;
        let mut fours = 0.0;
        for &place in &reached.order {
            let (end, pairs) = (reached.keys[place as usize], reached.over[place as usize][1]);
            if pairs > 0.0 && end != account {
                fours += own * f64::from(pairs) * f64::from(self.quiet.row(end).1);
            }
        }
        fours
    }

    /// What ties `account` to its quiet counterparties after `before`, by their places in its row: the weight of those quiet
    /// ones that both ends have.
    fn tie_up(&self, account: u32, before: Option<u32>, desk: &mut Desk) {
        let Desk { ties, marked, found, .. } = desk;
        let own = self.quiet.of_account(account);
        marked.resize(self.graph.accounts().div_ceil(64), 0);
        // All rows are touched before any is read, so that they come from memory side by side and not one after the other.
        let mut touched = 0;
        for &peer in own {
            marked[peer as usize / 64] |= 1 << (peer % 64);
            touched ^= self.quiet.of_account(peer).last().copied().unwrap_or(0);
        }
        std::hint::black_box(touched);
        found.clear();
        for &middle in own {
            let (ends, weight) = self.quiet.row(middle);
            let both = |end: &&u32| marked[**end as usize / 64] >> (**end % 64) & 1 == 1;
            let later = ends.iter().rev().take_while(|&&end| before.is_none_or(|before| end > before));
            found.extend(later.filter(both).map(|&end| (end, weight)));
        }
        own.iter().for_each(|&peer| marked[peer as usize / 64] = 0);
        let peers = self.graph.neighbours(account);
        ties.clear();
        ties.resize(peers.len(), 0.0);
        for &(end, weight) in found.iter() {
            ties[peers.partition_point(|&peer| peer < end)] += weight;
        }
    }

    /// Writes down on both sides what ties a quiet account to later quiet ones.
    fn tie_up_quiet(&self, account: u32, desk: &mut Desk) {
        self.tie_up(account, Some(account), desk);
        for (slot, (&peer, &tie)) in
            self.graph.row(account as usize).zip(self.graph.neighbours(account).iter().zip(&desk.ties))
        {
            self.tie_both(account, slot, peer, tie);
        }
    }

    /// Writes down on both sides what ties a busy account to others.
    fn tie_up_busy(&self, account: u32, desk: &mut Desk) {
        self.tie_up(account, None, desk);
        let Desk { ties, marked, .. } = desk;
        let own = self.quiet.of_account(account);
        own.iter().for_each(|&peer| marked[peer as usize / 64] |= 1 << (peer % 64));
        let row = self.graph.row(account as usize);
        for ((slot, &peer), &tie) in row.zip(self.graph.neighbours(account)).zip(ties.iter()) {
            let tie = if !self.is_busy(peer) {
                tie
            } else if (self.quiet.of_account(peer).len(), peer) < (own.len(), account) {
                let both = |peer: &&u32| marked[**peer as usize / 64] >> (**peer % 64) & 1 == 1;
                self.quiet.of_account(peer).iter().filter(both).map(|&middle| self.quiet.row(middle).1).sum()
            } else {
                0.0
            };
            self.tie_both(account, slot, peer, tie);
        }
        own.iter().for_each(|&peer| marked[peer as usize / 64] = 0);
    }

    fn tie_both(&self, account: u32, slot: usize, peer: u32, tie: f32) {
        if tie > 0.0
            && let Some(mirror) = self.graph.slot_of(peer, account)
        {
            self.set_tie(slot, tie);
            self.set_tie(mirror, tie);
        }
    }

    /// Adds up the closed ways of two and three through `account`, by what ties it to others.
    fn look_around(&self, account: u32) -> Ways {
        let graph = self.graph;
        let own = 1.0 / graph.degree(account).max(1) as f64;
        let [mut twos, mut threes] = [0.0f64; 2];
        let mut chance = Chance::default();
        for (slot, &peer) in graph.row(account as usize).zip(graph.neighbours(account)) {
            let (degree, weight) = self.quiet.corner(peer);
            let weight = f64::from(weight);
            chance.add(degree, self.ends.get(degree).copied().unwrap_or_else(|| ends_of(degree)));
            let counts = graph.counts(slot);
            if counts.sent > 0 && counts.received > 0 {
                twos += own * weight;
            }
            let tie = self.tie(slot);
            // A triangle is met over each of its quiet corners.
            let met = if degree > BUSY { 1.0 } else { 0.5 };
            threes += own * f64::from(tie) * met * weight;
        }
        let by_chance = own * chance.pairs(2.0 * graph.relations() as f64);
        Ways { closed: [twos, threes, 0.0], by_chance }
    }
}

/// Desks that are handed from one piece of work to the next.
#[derive(Default)]
struct Desks(Mutex<Vec<Desk>>);

impl Desks {
    fn with<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        let mut desk = self.0.lock().ok().and_then(|mut spare| spare.pop()).unwrap_or_default();
        let made = work(&mut desk);
        if let Ok(mut spare) = self.0.lock() {
            spare.push(desk);
        }
        made
    }
}

impl Closure {
    /// Looks around every account: first around the busy ones, whose ties their counterparties then find written down.
    ///
    /// # Complexity
    /// For every relation with a quiet account its quiet counterparties, [`BUSY`] at most; for every relation of two busy
    /// ones the quiet counterparties of the one that has fewer.
    pub fn of(graph: &TransferGraph, progress: Progress<'_>) -> Result<Self> {
        let accounts = graph.accounts();
        progress.step("looking for closed groups", 0, accounts as u64)?;
        let quiet = QuietRows::of(graph);
        let around = Surroundings::of(graph, &quiet);
        let (busy, others): (Vec<u32>, Vec<u32>) = (0..accounts as u32).partition(|&account| around.is_busy(account));
        let desks = Desks::default();
        try_map_chunks(busy.len(), BUSY_CHUNK, |range| {
            progress.step("looking for closed groups", 0, accounts as u64)?;
            desks.with(|desk| busy[range].iter().for_each(|&account| around.tie_up_busy(account, desk)));
            Ok(())
        })?;
        try_map_chunks(others.len(), CHUNK, |range| {
            progress.step("looking for closed groups", range.start as u64, accounts as u64)?;
            desks.with(|desk| others[range].iter().for_each(|&account| around.tie_up_quiet(account, desk)));
            Ok(())
        })?;
        let ways = |range: std::ops::Range<usize>| {
            range.map(|account| around.look_around(account as u32)).collect::<Vec<Ways>>()
        };
        let mut ways = map_chunks(accounts, CHUNK, ways).concat();
        let openness = openness(&ways);
        let scores = if openness < LEAST_OPEN {
            vec![0.0; accounts]
        } else {
            for (list, chunk) in [busy, others].iter().zip([BUSY_CHUNK, CHUNK]) {
                let fours = try_map_chunks(list.len(), chunk, |range| {
                    progress.step("looking for closed groups of four", range.start as u64, list.len() as u64)?;
                    let reach =
                        |desk: &mut Desk| list[range].iter().map(|&account| around.reach(account, desk)).collect();
                    Ok(desks.with::<Vec<f64>>(reach))
                })?;
                list.iter()
                    .zip(fours.into_iter().flatten())
                    .for_each(|(&account, four)| ways[account as usize].closed[2] = four);
            }
            scores(&ways, openness)
        };
        let ties = around.ties.into_iter().map(|tie| f32::from_bits(tie.into_inner())).collect();
        Ok(Self { scores, ties, quiet })
    }
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
            let around = Surroundings::of(&graph, &quiet);
            let closure = Closure::of(&graph, Progress::silent()).unwrap();
            let is_quiet = |account: u32| graph.degree(account) <= BUSY;
            prop_assert!((0..3).all(|shop| !is_quiet(shop)));
            let linked = |a: u32, b: u32| graph.relation(a, b).is_some();
            let weight = |account: u32| 1.0 / (graph.degree(account).max(1) as f64).sqrt();
            for a in 0..83u32 {
                for (slot, &peer) in graph.row(a as usize).zip(graph.neighbours(a)) {
                    let common = (0..83).filter(|&c| is_quiet(c) && linked(a, c) && linked(c, peer));
                    let tie: f64 = common.map(weight).sum();
                    prop_assert!((f64::from(closure.ties[slot]) - tie).abs() < 1e-5 * tie.max(1.0), "{a} {peer}");
                }
                let mut fours = 0.0;
                for end in (0..83).filter(|&end| end != a && is_quiet(end)) {
                    let middles: Vec<u32> = (0..83).filter(|&c| is_quiet(c) && linked(a, c) && linked(c, end)).collect();
                    for (place, &one) in middles.iter().enumerate() {
                        fours += middles[place + 1..].iter().map(|&other| weight(one) * weight(other) * weight(end)).sum::<f64>();
                    }
                }
                let told = around.reach(a, &mut Desk::default()) * graph.degree(a).max(1) as f64;
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
                    prop_assert!((f64::from(closure.ties[slot]) - tie).abs() < 1e-5);
                }
            }
        }
    }
}
