//! Local clustering of real graphs, as other tools computed it.

use std::collections::BTreeMap;

use dandelion_credit::graph::{GraphConfig, TransferGraph, triangles};
use dandelion_credit::{Progress, TransferColumns};

use crate::shared_data;

/// A graph over the names of a file, in order of their names.
struct Named {
    rows: BTreeMap<u64, u32>,
    graph: TransferGraph,
}

fn named(pairs: &[(u64, u64)], alone: &[u64]) -> Named {
    let mut rows: BTreeMap<u64, u32> = pairs.iter().flat_map(|&(a, b)| [(a, 0), (b, 0)]).collect();
    rows.extend(alone.iter().map(|&name| (name, 0)));
    rows.values_mut().enumerate().for_each(|(row, index)| *index = row as u32);
    let (payer, payee): (Vec<u32>, Vec<u32>) = pairs.iter().map(|(a, b)| (rows[a], rows[b])).unzip();
    let columns = TransferColumns::of_pairs(&payer, &payee);
    let graph = TransferGraph::build(&columns, rows.len(), &GraphConfig::default(), Progress::silent()).unwrap();
    Named { rows, graph }
}

fn numbers(line: &str) -> Vec<u64> {
    line.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect()
}

fn clustering(graph: &TransferGraph) -> Vec<f64> {
    triangles(graph, Progress::silent()).unwrap().local_clustering(graph)
}

#[test]
fn seven_real_graphs_have_the_clustering_that_igraph_computed() {
    let names =
        ["ca-AstroPh", "ca-CondMat", "email-Enron", "soc-brightkite", "soc-epinions", "web-polblogs", "web-spam"];
    for name in names {
        let (Some(edges), Some(expected)) = (
            shared_data::text(&format!("snap/{name}.txt.gz")),
            shared_data::text(&format!("snap/ref_lcc_{name}.csv.gz")),
        ) else {
            continue;
        };
        let pairs: Vec<(u64, u64)> = edges
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(numbers)
            .filter(|pair| pair.len() >= 2)
            .map(|pair| (pair[0], pair[1]))
            .collect();
        let named = named(&pairs, &[]);
        let found = clustering(&named.graph);
        let mut checked = 0;
        for line in expected.lines() {
            let cells: Vec<&str> = line.split(',').collect();
            let Ok(node) = cells[0].parse::<u64>() else { continue };
            let row = named.rows[&node];
            let (degree, lcc): (usize, f64) = (cells[1].parse().unwrap(), cells[2].parse().unwrap());
            assert_eq!(named.graph.degree(row), degree, "{name}: degree of {node}");
            let ours = found[row as usize];
            assert_eq!(ours.is_nan(), degree < 2);
            assert!((if degree < 2 { 0.0 } else { ours } - lcc).abs() <= 1e-12, "{name}: {node}: {ours} and {lcc}");
            checked += 1;
        }
        assert_eq!(checked, found.len(), "{name}");
    }
}

/// `name value` lines.
fn expected(text: &str) -> Vec<(u64, f64)> {
    let pair = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// The directed variant of LDBC: arrows inside the union of payers and payees over `d(d-1)`.
fn directed_clustering(graph: &TransferGraph, account: u32) -> f64 {
    let around = graph.neighbours(account);
    if around.len() < 2 {
        return 0.0;
    }
    let arrows: usize = around
        .iter()
        .map(|&a| graph.relations_of(a).filter(|r| r.sent > 0 && around.contains(&r.counterparty.get())).count())
        .sum();
    arrows as f64 / (around.len() as f64 * (around.len() as f64 - 1.0))
}

#[test]
fn the_examples_of_ldbc_have_the_clustering_it_prints() {
    for (kind, directed) in [("undirected", false), ("directed", true)] {
        let folder = "graphalytics_lcc";
        let base = format!("{folder}/example_example-{kind}");
        let files = [format!("{base}.e"), format!("{base}.v"), format!("{base}-LCC")];
        let [Some(edges), Some(vertices), Some(lcc)] = files.map(|file| shared_data::text(&file)) else { continue };
        let pairs: Vec<(u64, u64)> = edges.lines().map(numbers).map(|pair| (pair[0], pair[1])).collect();
        let alone: Vec<u64> = vertices.lines().flat_map(numbers).collect();
        check(&named(&pairs, &alone), &expected(&lcc), directed, kind);

        let short = if directed { "dir" } else { "undir" };
        let files = [format!("{folder}/lcc_{short}-input"), format!("{folder}/lcc_{short}-output")];
        let [Some(lists), Some(lcc)] = files.map(|file| shared_data::text(&file)) else { continue };
        let (mut pairs, mut alone) = (Vec::new(), Vec::new());
        for list in lists.lines().map(numbers).filter(|list| !list.is_empty()) {
            alone.push(list[0]);
            pairs.extend(list[1..].iter().map(|&other| (list[0], other)));
        }
        check(&named(&pairs, &alone), &expected(&lcc), directed, short);
    }
}

fn check(named: &Named, expected: &[(u64, f64)], directed: bool, what: &str) {
    assert_eq!(expected.len(), named.graph.accounts(), "{what}");
    let undirected = clustering(&named.graph);
    for &(name, lcc) in expected {
        let row = named.rows[&name];
        let ours = if directed { directed_clustering(&named.graph, row) } else { undirected[row as usize] };
        let ours = if ours.is_nan() { 0.0 } else { ours };
        assert!((ours - lcc).abs() <= 1e-12, "{what}: {name}: {ours} and {lcc}");
    }
}
