//! Structure columns, and one level of neighbourhood, from the graph room.

use crate::error::Error;
use crate::error::Result;
use crate::features::catalogue::Feature;
use crate::features::catalogue::FeatureGroup;
use crate::features::piece::Rows;
use crate::features::source::Source;
use crate::features::table::Cell;
use crate::features::table::FeatureTable;
use crate::graph::GraphBuilder;
use crate::graph::GraphConfig;
use crate::graph::Role;
use crate::graph::StructureConfig;
use crate::graph::StructureFeature;
use crate::graph::TransferGraph;
use crate::graph::bipartite_structure;
use crate::graph::structure;
use crate::parallel::for_each_chunk_mut;
use crate::progress::Progress;
use crate::transfer::TransferColumns;

/// Accounts whose cells are written at a time.
const BLOCK: usize = 1 << 12;
/// Chunks of transfers that are copied at a time where they do not stand in columns, or some are left out.
const TOGETHER: usize = 16;

/// The features whose values over the counterparties make up the neighbourhood group, in catalogue order.
pub(super) const OVER_COUNTERPARTIES: [Feature; 6] = [
    Feature::Degree,
    Feature::LocalClustering,
    Feature::InCount,
    Feature::InAmount,
    Feature::PassThrough,
    Feature::ActiveDays,
];

/// Whether a column needs the graph.
pub(super) fn needs_graph(feature: Feature) -> bool {
    matches!(feature.info().group, FeatureGroup::Structure | FeatureGroup::Neighbourhood)
}

/// Columns that see payers and payees as the two sides of a graph.
const TWO_SIDED: [Feature; 2] = [Feature::Butterflies, Feature::BipartiteClustering];

fn in_graph_room(feature: Feature) -> Option<StructureFeature> {
    StructureFeature::ALL.into_iter().find(|measure| measure.name() == feature.name())
}

/// The graph of the transfers that count, as small as the wanted features allow.
pub(super) fn build_graph(
    source: &Source<'_>,
    accounts: usize,
    features: &[Feature],
    progress: Progress<'_>,
) -> Result<TransferGraph> {
    let config = GraphConfig {
        without_amounts: !features.contains(&Feature::ConstraintAmount),
        without_days: true,
        ..GraphConfig::default()
    };
    let is_left_out = |rows: &Rows<'_>| (0..rows.len()).any(|row| rows.at_seconds.get(row) > source.until_seconds);
    if let Some(columns) = source.columns.filter(|_| !source.chunks.iter().any(is_left_out)) {
        return TransferGraph::build(&columns, accounts, &config, progress);
    }
    let mut builder = GraphBuilder::new(accounts, &config)?;
    let (mut payer, mut payee, mut amount) = (Vec::new(), Vec::new(), Vec::new());
    for chunks in source.chunks.chunks(TOGETHER) {
        payer.clear();
        payee.clear();
        amount.clear();
        for rows in chunks {
            for row in (0..rows.len()).filter(|&row| rows.at_seconds.get(row) <= source.until_seconds) {
                payer.push(rows.payer[row]);
                payee.push(rows.payee[row]);
                amount.extend(source.has_amounts.then(|| rows.amount_minor.get(row)));
            }
        }
        builder.push(&TransferColumns {
            amount_minor: source.has_amounts.then_some(&amount[..]),
            ..TransferColumns::of_pairs(&payer, &payee)
        })?;
    }
    builder.into_graph(progress)
}

/// Writes the structure columns of the table.
pub(super) fn fill_structure<T: Cell>(
    graph: &TransferGraph,
    table: &mut FeatureTable<T>,
    progress: Progress<'_>,
) -> Result<()> {
    if graph.accounts() != table.accounts() {
        let rule = "the graph has the accounts of the table";
        return Err(Error::invalid("accounts of the graph", graph.accounts(), rule));
    }
    let wanted: Vec<StructureFeature> = table.features().iter().filter_map(|&feature| in_graph_room(feature)).collect();
    if !wanted.is_empty() {
        let measured = structure(graph, &StructureConfig::only(wanted.iter().copied()), progress)?;
        let measured = &measured;
        fill(table, |feature| in_graph_room(feature).map(|measure| move |account| measured.value(measure, account)));
    }
    if table.features().iter().any(|feature| TWO_SIDED.contains(feature)) {
        let measured = bipartite_structure(graph, progress)?;
        fill(table, |feature| {
            (feature == Feature::Butterflies).then_some(|account| measured.butterflies(account) as f64)
        });
        fill(table, |feature| {
            (feature == Feature::BipartiteClustering).then_some(|account| measured.clustering_as(Role::Payee, account))
        });
    }
    Ok(())
}

/// Writes the columns for which there is a figure of every account.
fn fill<T: Cell, F: Fn(usize) -> f64 + Sync + Send>(
    table: &mut FeatureTable<T>,
    figure: impl Fn(Feature) -> Option<F>,
) {
    for (feature, column) in table.columns_mut() {
        if let Some(figure) = figure(feature) {
            for_each_chunk_mut(column, BLOCK, |first, cells| {
                for (place, cell) in cells.iter_mut().enumerate() {
                    *cell = T::from_f64(figure(first + place));
                }
            });
        }
    }
}

/// Writes mean, spread and maximum over the counterparties, from the finished columns of the table.
///
/// The features of one account are packed side by side first, so that a counterparty costs one visit to memory.
pub(super) fn fill_neighbourhood<T: Cell>(
    graph: &TransferGraph,
    table: &mut FeatureTable<T>,
    progress: Progress<'_>,
) -> Result<()> {
    const STAGE: &str = "looking at counterparties";
    if !table.features().iter().any(|feature| feature.info().group == FeatureGroup::Neighbourhood) {
        return Ok(());
    }
    progress.step(STAGE, 0, 1)?;
    let accounts = table.accounts();
    let read: Vec<&[T]> = OVER_COUNTERPARTIES.iter().filter_map(|&feature| table.column(feature)).collect();
    let mut packed = vec![[T::UNDEFINED; OVER_COUNTERPARTIES.len()]; accounts];
    for_each_chunk_mut(&mut packed, BLOCK, |first, rows| {
        for (place, row) in rows.iter_mut().enumerate() {
            row.iter_mut().zip(&read).for_each(|(cell, column)| *cell = column[first + place]);
        }
    });
    let first = Feature::AlterMeanDegree.index();
    let (places, mut columns): (Vec<usize>, Vec<&mut [T]>) = table
        .columns_mut()
        .filter(|(feature, _)| feature.info().group == FeatureGroup::Neighbourhood)
        .map(|(feature, column)| (feature.index() - first, column))
        .unzip();
    let mut blocks: Vec<Vec<&mut [T]>> = Vec::with_capacity(accounts.div_ceil(BLOCK));
    for start in (0..accounts).step_by(BLOCK) {
        let rows = BLOCK.min(accounts - start);
        blocks.push(columns.iter_mut().map(|column| column.split_off_mut(..rows).unwrap_or_default()).collect());
    }
    for_each_chunk_mut(&mut blocks, 1, |block, cells| {
        let start = block * BLOCK;
        for account in start..(start + BLOCK).min(accounts) {
            let figures = over_counterparties(graph.neighbours(account as u32), &packed);
            for (place, column) in places.iter().zip(cells[0].iter_mut()) {
                column[account - start] = T::from_f64(figures[*place]);
            }
        }
    });
    progress.step(STAGE, 1, 1)
}

/// Mean, spread and maximum of each packed feature, those three together, over counterparties where it is defined.
fn over_counterparties<T: Cell>(
    counterparties: &[u32],
    packed: &[[T; OVER_COUNTERPARTIES.len()]],
) -> [f64; 3 * OVER_COUNTERPARTIES.len()] {
    let mut defined = [0u32; OVER_COUNTERPARTIES.len()];
    let mut sum = [0f64; OVER_COUNTERPARTIES.len()];
    let mut max = [f64::NEG_INFINITY; OVER_COUNTERPARTIES.len()];
    for &other in counterparties {
        for (place, cell) in packed[other as usize].iter().enumerate() {
            let value = cell.to_f64();
            if !value.is_nan() {
                defined[place] += 1;
                sum[place] += value;
                max[place] = max[place].max(value);
            }
        }
    }
    let mut mean = [f64::NAN; OVER_COUNTERPARTIES.len()];
    for place in 0..mean.len() {
        mean[place] = sum[place] / f64::from(defined[place]);
    }
    let mut squares = [0f64; OVER_COUNTERPARTIES.len()];
    for &other in counterparties {
        for (place, cell) in packed[other as usize].iter().enumerate() {
            let off = cell.to_f64() - mean[place];
            squares[place] += if off.is_nan() { 0.0 } else { off * off };
        }
    }
    let mut figures = [f64::NAN; 3 * OVER_COUNTERPARTIES.len()];
    for place in (0..mean.len()).filter(|&place| defined[place] > 0) {
        figures[3 * place] = mean[place];
        figures[3 * place + 1] = (squares[place] / f64::from(defined[place])).sqrt();
        figures[3 * place + 2] = max[place];
    }
    figures
}
