//! Larger graphs of every shape: many buckets, rows of mail, dense cores; the same bits on any number of threads.

use std::collections::HashSet;

use dandelion_credit::graph::{
    GraphConfig, Structure, StructureConfig, StructureFeature as F, TransferGraph, account_structure,
    bipartite_structure, structure, triangles,
};
use dandelion_credit::{AccountIndex, Progress, TransferColumns, Transfers};

use super::slow::pay;

/// Pairs of payer and payee.
#[derive(Default)]
struct Pairs {
    payer: Vec<u32>,
    payee: Vec<u32>,
    state: u64,
}

impl Pairs {
    fn pay(&mut self, payer: u32, payee: u32) {
        self.payer.push(payer);
        self.payee.push(payee);
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.state >> 32) * u64::from(bound)) >> 32) as u32
    }

    fn graph(&self, accounts: usize) -> TransferGraph {
        let columns = TransferColumns::of_pairs(&self.payer, &self.payee);
        TransferGraph::build(&columns, accounts, &GraphConfig::default(), Progress::silent()).unwrap()
    }
}

/// Circles of people, shops with hundreds of customers, one shop everybody pays, and some who pay nobody.
fn town(accounts: u32) -> Pairs {
    let mut town = Pairs { state: 310, ..Pairs::default() };
    for person in 0..accounts {
        for _ in 0..6 {
            let friend = (person / 12 * 12 + town.below(12)).min(accounts - 1);
            if town.below(2) == 0 { town.pay(person, friend) } else { town.pay(friend, person) }
        }
        for _ in 0..3 {
            let shop = town.below(accounts / 20) * 20;
            town.pay(person, shop);
        }
        if !person.is_multiple_of(5) {
            town.pay(person, 7);
        }
    }
    town
}

/// Relations among the first `core` accounts with probability a half, and followers of them.
fn dense(core: u32, accounts: u32) -> Pairs {
    let mut dense = Pairs { state: 7, ..Pairs::default() };
    for a in 0..core {
        for b in a + 1..core {
            if dense.below(2) == 0 {
                dense.pay(a, b);
            }
        }
    }
    for follower in core..accounts {
        for _ in 0..24 {
            let leader = dense.below(core);
            dense.pay(follower, leader);
        }
    }
    dense
}

/// A town with a close circle: those in it point to more others than most, and some outside point to them.
fn town_with_circle(accounts: u32, circle: u32) -> Pairs {
    let mut town = town(accounts);
    let apart = accounts / circle;
    for a in 0..circle {
        (a + 1..circle).for_each(|b| town.pay(a * apart, b * apart));
        (0..20).for_each(|at| town.pay((a * 7 + at * 13) % accounts, a * apart));
    }
    town
}

fn measured(graph: &TransferGraph) -> Structure {
    structure(graph, &StructureConfig::default(), Progress::silent()).unwrap()
}

/// Triangles of every account by testing every wedge against a set.
fn slow_triangles(graph: &TransferGraph) -> Vec<u64> {
    let accounts = graph.accounts() as u32;
    let mut linked = HashSet::new();
    for a in 0..accounts {
        linked.extend(graph.neighbours(a).iter().map(|&b| (a, b)));
    }
    let mut found = vec![0; accounts as usize];
    for a in 0..accounts {
        let higher: Vec<u32> = graph.neighbours(a).iter().copied().filter(|&b| b > a).collect();
        for (at, &b) in higher.iter().enumerate() {
            for &c in &higher[at + 1..] {
                if linked.contains(&(b, c)) {
                    [a, b, c].into_iter().for_each(|corner| found[corner as usize] += 1);
                }
            }
        }
    }
    found
}

/// The bits of everything measured.
fn bits(graph: &TransferGraph) -> Vec<u64> {
    let found = measured(graph);
    let pairs = bipartite_structure(graph, Progress::silent()).unwrap();
    let all = |account| F::ALL.map(|feature| found.value(feature, account).to_bits());
    let structure = (0..graph.accounts()).flat_map(all);
    structure.chain((0..graph.accounts()).map(|account| pairs.butterflies(account))).collect()
}

#[test]
fn a_town_of_many_buckets_and_a_dense_core_are_measured_as_the_slow_ways_do() {
    for pairs in [town(9_000), town_with_circle(9_000, 80), dense(180, 9_000)] {
        let graph = pairs.graph(9_100);
        let expected = slow_triangles(&graph);
        assert_eq!(triangles(&graph, Progress::silent()).unwrap().of_account, expected);
        let all = measured(&graph);
        assert_eq!(all.triangles(), expected);
        for account in (0..graph.accounts()).step_by(37).chain([7]) {
            let one = account_structure(&graph, AccountIndex::new(account as u32), all.config(), all.egonet()).unwrap();
            for feature in F::ALL.into_iter().filter(|&feature| feature != F::CoreNumber) {
                let (one, all) = (one.value(feature), all.value(feature, account));
                assert!(one.to_bits() == all.to_bits() || one.is_nan() && all.is_nan(), "{feature}: {one} and {all}");
            }
        }
    }
}

#[test]
fn the_same_bits_come_out_on_one_two_and_seven_threads() {
    for pairs in [town(9_000), town_with_circle(9_000, 60), dense(120, 4_000)] {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let graph = pairs.graph(9_100);
                let bits = bits(&graph);
                (graph, bits)
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(7));
    }
}

#[test]
fn amounts_reach_the_constraint_through_the_mail_and_the_core_as_they_do_account_by_account() {
    for pairs in [town_with_circle(5_000, 50), dense(700, 5_000)] {
        let rows = pairs.payer.iter().zip(&pairs.payee).enumerate();
        let transfers: Transfers =
            rows.map(|(row, (&a, &b))| pay(a, b, (row as i64 * 37) % 901 - 80, row as i64 * 60)).collect();
        let graph =
            TransferGraph::build(&transfers.columns(), 5_000, &GraphConfig::default(), Progress::silent()).unwrap();
        let all = measured(&graph);
        let mut defined = 0;
        for account in (0..graph.accounts()).step_by(3) {
            let one = account_structure(&graph, AccountIndex::new(account as u32), all.config(), all.egonet()).unwrap();
            for feature in F::ALL.into_iter().filter(|&feature| feature != F::CoreNumber) {
                let (one, all) = (one.value(feature), all.value(feature, account));
                let same = one.to_bits() == all.to_bits() || one.is_nan() && all.is_nan();
                assert!(same, "{feature} of {account}: {one} and {all}");
            }
            defined += usize::from(!all.value(F::ConstraintAmount, account).is_nan());
        }
        assert!(defined > 1_600, "{defined}");
    }
}

#[test]
fn hostile_shapes_have_the_figures_arithmetic_gives_them() {
    // A star, a path, a clique, a complete bipartite core: none may take quadratic time in this size.
    let mut star = Pairs::default();
    (1..=200_000).for_each(|leaf| star.pay(leaf, 0));
    let graph = star.graph(200_001);
    let found = measured(&graph);
    assert_eq!(found.value(F::AlterComponents, 0), 200_000.0);
    assert!((found.value(F::Constraint, 0) * 200_000.0 - 1.0).abs() < 1e-9);
    assert_eq!((found.value(F::CoreNumber, 0), found.value(F::Constraint, 1)), (1.0, 1.0));
    let hub = account_structure(&graph, AccountIndex::new(0), &StructureConfig::default(), None).unwrap();
    assert_eq!(hub.value(F::UnacquaintedShare), 1.0);

    let mut path = Pairs::default();
    (0..200_000).for_each(|at| path.pay(at, at + 1));
    let found = measured(&path.graph(200_001));
    assert_eq!((found.value(F::CoreNumber, 100_000), found.value(F::MeanNeighbourDegree, 0)), (1.0, 2.0));

    let mut clique = Pairs::default();
    (0..300).for_each(|a| (a + 1..300).for_each(|b| clique.pay(a, b)));
    let graph = clique.graph(300);
    let found = measured(&graph);
    assert_eq!(triangles(&graph, Progress::silent()).unwrap().total, 300 * 299 * 298 / 6);
    assert_eq!((found.value(F::LocalClustering, 9), found.value(F::CoreNumber, 9)), (1.0, 299.0));

    let mut core = Pairs::default();
    (0..200).for_each(|payer| (200..500).for_each(|payee| core.pay(payer, payee)));
    let pairs = bipartite_structure(&core.graph(500), Progress::silent()).unwrap();
    assert_eq!(pairs.butterflies(0), 199 * (300 * 299 / 2));
    assert_eq!(pairs.butterflies(499), 299 * (200 * 199 / 2));
}
