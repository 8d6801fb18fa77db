//! The graph and the structure against their slow twins, and the laws they keep.

use std::ops::ControlFlow;

use dandelion_credit::graph::{
    GraphBuilder, GraphConfig, Role, Structure, StructureConfig, StructureFeature as F, TransferGraph,
    account_structure, bipartite_structure, structure, triangles,
};
use dandelion_credit::{AccountIndex, Progress, Transfer, TransferColumns, Transfers, Update};
use proptest::prelude::*;

use super::slow::{Matrix, assert_close, build, pay};

fn measured(graph: &TransferGraph) -> Structure {
    structure(graph, &StructureConfig::default(), Progress::silent()).unwrap()
}

fn assert_as_slow(transfers: &[Transfer], accounts: usize) {
    let graph = build(transfers, accounts);
    let slow = Matrix::of(transfers, accounts);
    for account in 0..accounts {
        let neighbours: Vec<usize> = graph.neighbours(account as u32).iter().map(|&b| b as usize).collect();
        assert_eq!(neighbours, slow.neighbours(account), "{transfers:?}");
        for relation in graph.relations_of(account as u32) {
            let other = relation.counterparty.as_usize();
            assert_eq!(
                (relation.sent, relation.received, relation.sent_minor, relation.received_minor),
                (
                    slow.counts[account][other],
                    slow.counts[other][account],
                    slow.sums[account][other],
                    slow.sums[other][account]
                )
            );
        }
    }
    let fast = measured(&graph);
    for feature in F::ALL {
        if feature != F::EgonetResidual {
            for account in 0..accounts {
                assert_close(fast.value(feature, account), slow.measure(feature, account), || {
                    format!("{feature} of {account} in {transfers:?}")
                });
            }
        }
    }
    let pairs = bipartite_structure(&graph, Progress::silent()).unwrap();
    for account in 0..accounts {
        let alone =
            account_structure(&graph, AccountIndex::new(account as u32), &StructureConfig::default(), fast.egonet());
        let alone = alone.unwrap();
        for feature in F::ALL.into_iter().filter(|&feature| feature != F::CoreNumber) {
            let (one, all) = (alone.value(feature), fast.value(feature, account));
            assert!(one.to_bits() == all.to_bits() || one.is_nan() && all.is_nan(), "{feature}: {one} and {all}");
        }
        for (role, (butterflies, clustering)) in [Role::Payer, Role::Payee].into_iter().zip(slow.butterflies(account)) {
            assert_eq!(pairs.butterflies_as(role, account), butterflies, "{role:?} {account} in {transfers:?}");
            assert_close(pairs.clustering_as(role, account), clustering, || format!("{role:?} {account}"));
        }
    }
    let counted = triangles(&graph, Progress::silent()).unwrap();
    assert_eq!(counted.of_account, fast.triangles());
    assert_eq!(counted.total * 3, fast.triangles().iter().sum::<u64>());
}

/// The pairs of `0..n`, each once.
fn pairs(n: u32) -> Vec<(u32, u32)> {
    (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect()
}

#[test]
fn every_graph_of_five_accounts_is_measured_as_the_slow_twin_does() {
    for graph in 0..1u32 << 10 {
        let transfers: Vec<Transfer> = pairs(5)
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| graph >> bit & 1 == 1)
            .map(|(bit, (a, b))| {
                // Directions and weights that differ from graph to graph.
                let (payer, payee) = if (graph * 31 + bit as u32 * 7).is_multiple_of(3) { (b, a) } else { (a, b) };
                pay(payer, payee, i64::from(graph % 17 + 1) * (bit as i64 + 1), bit as i64)
            })
            .collect();
        assert_as_slow(&transfers, 5);
    }
}

#[test]
fn every_directed_graph_of_three_accounts_is_measured_as_the_slow_twin_does() {
    let arrows: Vec<(u32, u32)> = pairs(3).into_iter().flat_map(|(a, b)| [(a, b), (b, a)]).collect();
    for graph in 0..1u32 << arrows.len() {
        let chosen = arrows.iter().enumerate().filter(|(bit, _)| graph >> bit & 1 == 1);
        let transfers: Vec<Transfer> = chosen.map(|(bit, &(a, b))| pay(a, b, 1 + bit as i64, 0)).collect();
        assert_as_slow(&transfers, 3);
    }
}

/// Transfers among up to `accounts`, with repeats, self-transfers, refunds, both directions.
fn transfers(accounts: u32, most: usize) -> impl Strategy<Value = Vec<Transfer>> {
    let one = (0..accounts, 0..accounts, -50i64..200, -1_000_000i64..1_000_000);
    prop::collection::vec(one.prop_map(|(a, b, amount, at)| pay(a, b, amount, at)), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_multigraphs_are_measured_as_the_slow_twin_does(transfers in transfers(12, 80)) {
        assert_as_slow(&transfers, 12);
    }

    #[test]
    fn renaming_accounts_permutes_features(transfers in transfers(40, 300), seed in any::<u64>()) {
        let mut renamed: Vec<u32> = (0..40).collect();
        let mut state = seed | 1;
        for at in (1..40).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            renamed.swap(at, (state >> 33) as usize % (at + 1));
        }
        let other: Vec<Transfer> = transfers
            .iter()
            .map(|t| pay(renamed[t.payer.as_usize()], renamed[t.payee.as_usize()], t.amount_minor, t.at_seconds))
            .collect();
        let (one, other) = (measured(&build(&transfers, 40)), measured(&build(&other, 40)));
        for feature in F::ALL {
            for (account, &name) in renamed.iter().enumerate() {
                prop_assert_eq!(
                    one.value(feature, account).to_bits(),
                    other.value(feature, name as usize).to_bits(),
                    "{} of {}", feature, account
                );
            }
        }
    }

    #[test]
    fn a_strangers_relation_elsewhere_changes_nothing(transfers in transfers(20, 120)) {
        let before = measured(&build(&transfers, 24));
        let more: Vec<Transfer> = transfers.iter().copied().chain([pay(21, 22, 5, 0), pay(22, 23, 5, 0)]).collect();
        let after = measured(&build(&more, 24));
        // The residual is relative to the population, which the strangers have joined.
        for feature in F::ALL.into_iter().filter(|&feature| feature != F::EgonetResidual) {
            for account in 0..20 {
                prop_assert_eq!(before.value(feature, account).to_bits(), after.value(feature, account).to_bits());
            }
        }
    }

    #[test]
    fn the_order_and_the_pieces_of_transfers_do_not_matter(transfers in transfers(30, 200), cut in 0usize..200) {
        let whole = build(&transfers, 30);
        let mut builder = GraphBuilder::new(30, &GraphConfig::default()).unwrap();
        let cut = cut.min(transfers.len());
        builder.extend(transfers[cut..].iter().rev().copied()).unwrap();
        let rest: Transfers = transfers[..cut].iter().copied().collect();
        builder.push(&rest.columns()).unwrap();
        prop_assert_eq!(&builder.finish(Progress::silent()).unwrap(), &whole);
        // The builder is as good as new afterwards.
        builder.extend(transfers.iter().copied()).unwrap();
        prop_assert_eq!(&builder.finish(Progress::silent()).unwrap(), &whole);
    }

    #[test]
    fn each_feature_can_be_asked_for_alone(transfers in transfers(20, 120)) {
        let graph = build(&transfers, 20);
        let all = measured(&graph);
        for feature in F::ALL {
            let alone = structure(&graph, &StructureConfig::only([feature]), Progress::silent()).unwrap();
            for account in 0..20 {
                prop_assert_eq!(alone.value(feature, account).to_bits(), all.value(feature, account).to_bits(), "{}", feature);
            }
            for other in F::ALL {
                prop_assert_eq!(alone.column(other).is_some(), other == feature);
            }
        }
    }
}

#[test]
fn counts_beyond_a_byte_are_exact() {
    let mut transfers = Vec::new();
    for (a, b, times) in [(0, 1, 254), (1, 0, 255), (1, 2, 256), (2, 0, 70_000), (3, 2, 255), (2, 3, 1)] {
        transfers.extend((0..times).map(|at| pay(a, b, 2, at)));
    }
    assert_as_slow(&transfers, 4);
}

#[test]
fn refunds_lower_sums_and_keep_their_direction() {
    let graph = build(&[pay(0, 1, 500, 0), pay(0, 1, -200, 86_400), pay(1, 0, 50, -1)], 2);
    let sale = graph.relation(1, 0).unwrap();
    assert_eq!((sale.received, sale.received_minor, sale.sent, sale.sent_minor), (2, 300, 1, 50));
    assert_eq!(sale.days, Some([-1, 1]));
}

#[test]
fn the_extremes_of_amounts_and_accounts_meet_an_error_not_a_wrapped_sum() {
    let rows = [pay(0, 1, i64::MAX, 0)];
    assert_eq!(build(&rows, 2).relation(0, 1).unwrap().sent_minor, i64::MAX);
    let columns: Transfers = rows.into_iter().collect();
    let mut builder = GraphBuilder::new(2, &GraphConfig::default()).unwrap();
    builder.push(&columns.columns()).unwrap();
    assert!(builder.push(&columns.columns()).unwrap_err().is_overflow());
    assert!(builder.push(&TransferColumns::of_pairs(&[0], &[1])).unwrap_err().is_conflict());
    assert!(builder.push(&TransferColumns::of_pairs(&[0], &[2])).unwrap_err().is_unknown());
    // What was refused left no trace.
    assert_eq!(builder.finish(Progress::silent()).unwrap(), build(&[pay(0, 1, i64::MAX, 0)], 2));
    assert!(GraphBuilder::new(1 << 32, &GraphConfig::default()).unwrap_err().is_overflow());
}

#[test]
fn nothing_at_all_and_nothing_but_self_transfers_make_empty_graphs() {
    let none = build(&[], 0);
    assert_eq!((none.accounts(), none.relations()), (0, 0));
    assert_eq!(measured(&none).accounts(), 0);
    let own = build(&[pay(0, 0, 5, 0), pay(2, 2, 5, 0)], 3);
    assert_eq!((own.relations(), own.transfers(), own.self_transfers()), (0, 0, 2));
    let measured = measured(&own);
    for feature in F::ALL {
        let defined = [
            F::Degree,
            F::InDegree,
            F::OutDegree,
            F::MutualDegree,
            F::Triangles,
            F::CoreNumber,
            F::AlterComponents,
            F::CycleTriangles,
            F::MiddlemanTriangles,
            F::InTriangles,
            F::OutTriangles,
        ];
        let value = measured.value(feature, 0);
        assert_eq!(value == 0.0, defined.contains(&feature), "{feature} is {value}");
        assert_eq!(value.is_nan(), !defined.contains(&feature), "{feature} is {value}");
    }
}

#[test]
fn a_build_and_a_measurement_can_be_stopped() {
    let transfers: Vec<Transfer> = (0..200).map(|i| pay(i % 60, (i * 7 + 1) % 60, 1, 0)).collect();
    let graph = build(&transfers, 60);
    let stop = |_: Update| ControlFlow::Break(());
    let progress = Progress::new(&stop);
    let columns: Transfers = transfers.iter().copied().collect();
    let stopped = TransferGraph::build(&columns.columns(), 60, &GraphConfig::default(), progress);
    assert!(stopped.unwrap_err().is_cancelled());
    assert!(structure(&graph, &StructureConfig::default(), progress).unwrap_err().is_cancelled());
    assert!(triangles(&graph, progress).unwrap_err().is_cancelled());
    assert!(bipartite_structure(&graph, progress).unwrap_err().is_cancelled());
    let beyond = account_structure(&graph, AccountIndex::new(60), &StructureConfig::default(), None);
    assert!(beyond.unwrap_err().is_unknown());
}
