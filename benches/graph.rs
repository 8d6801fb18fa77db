//! Benchmarks of the `graph` room: build, triangles, structure, one account, butterflies; rivals beside them where Rust
//! has one.

use std::collections::HashSet;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dandelion_credit::graph::{
    GraphBuilder, GraphConfig, StructureConfig, StructureFeature, TransferGraph, account_structure,
    bipartite_structure, structure, triangles,
};
use dandelion_credit::{AccountIndex, Progress, TransferColumns};
use graph_builder::prelude::{CsrLayout, GraphBuilder as RivalBuilder, UndirectedCsrGraph, UndirectedDegrees};
use petgraph::graph::{NodeIndex, UnGraph};

#[path = "../examples/shared/memory.rs"]
mod memory;

/// Large blocks lie on huge pages and are used again, ours and the rivals'.
#[global_allocator]
static MEMORY: memory::HugePages = memory::HugePages::new();

/// Circles of people and shops that strangers pay, with repeats: payer and payee columns.
struct Town {
    accounts: usize,
    payer: Vec<u32>,
    payee: Vec<u32>,
}

impl Town {
    fn of(accounts: u32) -> Self {
        let mut state = 310u64;
        let mut below = |bound: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (((state >> 32) * u64::from(bound)) >> 32) as u32
        };
        let (mut payer, mut payee) = (Vec::new(), Vec::new());
        // Neighbours in life are not neighbours in number.
        let named = |hidden: u32| (u64::from(hidden) * 0x9E37_79B1 % u64::from(accounts)) as u32;
        for person in 0..accounts {
            for _ in 0..4 {
                let friend = (person / 10 * 10 + below(10)).min(accounts - 1);
                for _ in 0..1 + below(4) {
                    payer.push(named(person));
                    payee.push(named(friend));
                }
            }
            for _ in 0..4 {
                let shop = below(accounts / 12) * 12;
                for _ in 0..1 + below(4) {
                    payer.push(named(person));
                    payee.push(named(shop));
                }
            }
        }
        Self { accounts: accounts as usize, payer, payee }
    }

    fn columns(&self) -> TransferColumns<'_> {
        TransferColumns::of_pairs(&self.payer, &self.payee)
    }

    fn graph(&self) -> TransferGraph {
        let config = GraphConfig::default();
        TransferGraph::build(&self.columns(), self.accounts, &config, Progress::silent()).expect("the town is in order")
    }
}

/// The pairs of a file of little-endian u32 payer, payee in `DANDELION_EDGES`, where it is set; else a small town where
/// benches only have to run once, a large one where they measure.
fn town() -> Town {
    if let Some(name) = std::env::var_os("DANDELION_EDGES") {
        let bytes = std::fs::read(name).expect("DANDELION_EDGES names a file");
        let (pairs, _) = bytes.as_chunks::<8>();
        let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let payer: Vec<u32> = pairs.iter().map(|pair| word(&pair[..4])).collect();
        let payee: Vec<u32> = pairs.iter().map(|pair| word(&pair[4..])).collect();
        let accounts = payer.iter().chain(&payee).max().map_or(0, |&most| most as usize + 1);
        return Town { accounts, payer, payee };
    }
    let test = std::env::args().any(|argument| argument == "--test");
    Town::of(if test { 2_000 } else { 200_000 })
}

fn build(criterion: &mut Criterion) {
    let town = town();
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10).throughput(Throughput::Elements(town.payer.len() as u64));
    let relations = town.graph().relations();
    let mut builder = GraphBuilder::new(town.accounts, &GraphConfig::default()).expect("few accounts");
    group.bench_function("dandelion", |bencher| {
        bencher.iter(|| {
            builder.push(&town.columns()).expect("the town is in order");
            let graph = builder.finish(Progress::silent()).expect("nobody stops it");
            assert_eq!(graph.relations(), relations);
            graph
        });
    });
    group.bench_function("graph_builder, deduplicated", |bencher| {
        let edges = || town.payer.iter().copied().zip(town.payee.iter().copied()).collect::<Vec<(u32, u32)>>();
        bencher.iter_batched(
            edges,
            |edges| {
                let graph: UndirectedCsrGraph<u32> =
                    RivalBuilder::new().csr_layout(CsrLayout::Deduplicated).edges(edges).build();
                black_box(graph.degree(0));
                graph
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Triangles of every account on petgraph, by its edges and a set for each account.
fn petgraph_triangles(graph: &UnGraph<(), ()>) -> u64 {
    let around: Vec<HashSet<NodeIndex>> = graph.node_indices().map(|node| graph.neighbors(node).collect()).collect();
    let common = |edge| {
        let (a, b) = graph.edge_endpoints(edge).expect("an edge has two ends");
        let (a, b) = (&around[a.index()], &around[b.index()]);
        let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
        few.iter().filter(|node| many.contains(*node)).count() as u64
    };
    graph.edge_indices().map(common).sum::<u64>() / 3
}

fn kernels(criterion: &mut Criterion) {
    let graph = town().graph();
    let total = triangles(&graph, Progress::silent()).expect("nobody stops it").total;
    let mut group = criterion.benchmark_group("triangles");
    group.sample_size(10).throughput(Throughput::Elements(graph.relations()));
    group.bench_function("dandelion", |bencher| {
        bencher.iter(|| {
            let found = triangles(&graph, Progress::silent()).expect("nobody stops it");
            assert_eq!(found.total, total);
            found
        });
    });
    let mut rival = UnGraph::<(), ()>::with_capacity(graph.accounts(), graph.relations() as usize);
    for _ in 0..graph.accounts() {
        rival.add_node(());
    }
    for account in 0..graph.accounts() as u32 {
        for &other in graph.neighbours(account).iter().filter(|&&other| other > account) {
            rival.add_edge(NodeIndex::new(account as usize), NodeIndex::new(other as usize), ());
        }
    }
    group.bench_function("petgraph and hash sets", |bencher| {
        bencher.iter(|| assert_eq!(petgraph_triangles(&rival), total));
    });
    group.finish();

    let mut group = criterion.benchmark_group("structure");
    group.sample_size(10).throughput(Throughput::Elements(graph.relations()));
    for (name, config) in [
        ("everything", StructureConfig::default()),
        ("constraint", StructureConfig::only([StructureFeature::Constraint])),
        ("core number", StructureConfig::only([StructureFeature::CoreNumber])),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| structure(&graph, &config, Progress::silent()).expect("nobody stops it"));
        });
    }
    group.bench_function("butterflies", |bencher| {
        bencher.iter(|| bipartite_structure(&graph, Progress::silent()).expect("nobody stops it"));
    });
    group.finish();
}

fn single(criterion: &mut Criterion) {
    let graph = town().graph();
    let all = structure(&graph, &StructureConfig::default(), Progress::silent()).expect("nobody stops it");
    let mut account = 0;
    criterion.bench_function("one account in a hurry", |bencher| {
        bencher.iter(|| {
            account = (account + 7_919) % graph.accounts() as u32;
            let one = account_structure(&graph, AccountIndex::new(account), all.config(), all.egonet());
            let one = one.expect("the account exists").value(StructureFeature::Triangles);
            assert_eq!(one, all.value(StructureFeature::Triangles, account as usize));
            one
        });
    });
}

criterion_group!(benches, build, kernels, single);
criterion_main!(benches);
