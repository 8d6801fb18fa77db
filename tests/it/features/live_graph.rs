//! The live graph is at every moment the graph that a batch build would give.

use std::collections::BTreeMap;

use dandelion_credit::graph::{GraphConfig, LiveGraph, StructureConfig, TransferGraph, structure};
use dandelion_credit::{AccountIndex, Progress, TransferColumns};
use proptest::prelude::*;

fn same_as_batch(live: &LiveGraph, multiset: &BTreeMap<(u32, u32), u32>, accounts: u32) {
    let (mut payer, mut payee) = (Vec::new(), Vec::new());
    for (&(from, to), &times) in multiset {
        (0..times).for_each(|_| {
            payer.push(from);
            payee.push(to);
        });
    }
    let columns = TransferColumns::of_pairs(&payer, &payee);
    let config = GraphConfig::default();
    let graph = TransferGraph::build(&columns, accounts as usize, &config, Progress::silent()).unwrap();
    let batch = structure(&graph, &StructureConfig::only(LiveGraph::KEPT), Progress::silent()).unwrap();
    assert_eq!((live.relations(), live.transfers()), (graph.relations(), payer.len() as u64));
    for account in 0..accounts {
        for feature in LiveGraph::KEPT {
            let (a, b) = (live.value(feature, AccountIndex::new(account)), batch.value(feature, account as usize));
            assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{feature} of {account}: {a} not {b}");
        }
    }
}

/// Inserts and removes at random, and compares after every `every`-th step.
fn follow(accounts: u32, hub_share: u32, steps: &[(u32, u32, bool)], every: usize) {
    let mut live = LiveGraph::new();
    let mut multiset: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (step, &(a, b, insert)) in steps.iter().enumerate() {
        // Some accounts of the range fall together, which makes a hub of account 0.
        let fold = |x: u32| if x < hub_share { 0 } else { x % accounts };
        let (from, to) = (fold(a), fold(b));
        let [payer, payee] = [from, to].map(AccountIndex::new);
        if insert {
            live.insert(payer, payee);
            if from != to {
                *multiset.entry((from, to)).or_default() += 1;
            }
        } else {
            let held = multiset.get(&(from, to)).copied().unwrap_or(0);
            assert_eq!(live.remove(payer, payee), held > 0);
            if held > 0 {
                multiset.insert((from, to), held - 1);
            }
        }
        if step % every == 0 {
            same_as_batch(&live, &multiset, accounts);
        }
    }
    for ((from, to), times) in std::mem::take(&mut multiset) {
        for _ in 0..times {
            assert!(live.remove(AccountIndex::new(from), AccountIndex::new(to)));
        }
    }
    assert_eq!((live.accounts(), live.relations(), live.transfers()), (0, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_insertion_and_deletion_leaves_what_a_batch_build_gives(
        steps in proptest::collection::vec((0u32..7, 0u32..7, any::<bool>()), 0..80)
    ) {
        follow(7, 0, &steps, 1);
    }
}

#[test]
fn hubs_that_outgrow_their_list_and_shrink_again_stay_exact() {
    let mut state = 3u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below) as u32
    };
    let steps: Vec<(u32, u32, bool)> = (0..12_000u32)
        .map(|step| {
            let insert = if step % 6_000 < 3_000 { next(10) < 9 } else { next(10) < 2 };
            (next(300), next(300), insert)
        })
        .collect();
    follow(150, 60, &steps, 400);
}
