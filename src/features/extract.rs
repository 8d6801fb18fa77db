//! The verb: transfers in, feature table out.

use crate::error::Result;
use crate::features::activity::Scratch;
use crate::features::activity::Wanted;
use crate::features::activity::write_activity;
use crate::features::catalogue::Feature;
use crate::features::catalogue::FeatureGroup;
use crate::features::config::FeatureConfig;
use crate::features::grouping::group_by_account;
use crate::features::source::Source;
use crate::features::source::Survey;
use crate::features::structure::OVER_COUNTERPARTIES;
use crate::features::structure::build_graph;
use crate::features::structure::fill_neighbourhood;
use crate::features::structure::fill_structure;
use crate::features::structure::needs_graph;
use crate::features::sums::Context;
use crate::features::sums::FeatureRow;
use crate::features::sums::Logarithms;
use crate::features::table::Cell;
use crate::features::table::FeatureTable;
use crate::features::table::check_distinct;
use crate::graph::TransferGraph;
use crate::progress::Progress;
use crate::transfer::TransferColumns;

/// Features of every account, in `f32`: what models read.
///
/// Rows are the accounts `0..accounts`; accounts without transfers have counts of 0 and undefined shares. Without times
/// timing features are undefined, without amounts amount features are, and shares of money fall back to shares of transfers
/// where the catalogue says so.
///
/// # Errors
/// What [`TransferColumns::check`] finds; [`Error::is_invalid`](crate::Error::is_invalid) when a feature is asked for twice;
/// [`Error::is_cancelled`](crate::Error::is_cancelled).
///
/// # Complexity
/// Flow, timing and amount: O(T log d) for T transfers, d of them at the busiest account of a bucket, in one grouped pass
/// that holds 12 bytes for each of 134 million legs (a sixteenth of all legs where that is more, and never less than the
/// busiest account's); 24 bytes where some amount does not fit 32 bits, or times lie further apart than those of 30 million
/// accounts within eight years, or half as many within twice that. Structure costs what [`graph`](crate::graph) says.
///
/// ```
/// use dandelion_credit::features::{extract, Feature, FeatureConfig};
/// use dandelion_credit::{AccountIndex, Progress, Transfer, Transfers};
///
/// let [mei, stall, supplier] = [0, 1, 2].map(AccountIndex::new);
/// let pay = |payer, payee, amount_minor, hours: i64| Transfer { payer, payee, amount_minor, at_seconds: hours * 3600 };
/// let transfers: Transfers = [
///     pay(mei, stall, 1_850, 9), pay(mei, stall, 1_150, 33), pay(stall, supplier, 1_000, 34), pay(mei, stall, 3_000, 57),
/// ].into_iter().collect();
///
/// let table = extract(&transfers.columns(), 3, &FeatureConfig::default(), Progress::silent())?;
/// let stall = |feature| table.value(stall, feature).unwrap();
/// assert_eq!(stall(Feature::InAmount), 60.0);
/// assert_eq!(stall(Feature::PayerReturnRate), 1.0);
/// assert_eq!(stall(Feature::PassThrough), f64::from(10.0f32 / 60.0));
/// assert_eq!(stall(Feature::Burstiness), -1.0); // every 24 hours, as a clock
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn extract(
    columns: &TransferColumns<'_>,
    accounts: usize,
    config: &FeatureConfig,
    progress: Progress<'_>,
) -> Result<FeatureTable> {
    extract_cells(columns, accounts, None, config, progress)
}

/// The same features before they are rounded to `f32`: counts and minor units are whole up to 2⁵³, twice the memory.
///
/// # Errors
/// As [`extract`].
pub fn extract_exact(
    columns: &TransferColumns<'_>,
    accounts: usize,
    config: &FeatureConfig,
    progress: Progress<'_>,
) -> Result<FeatureTable<f64>> {
    extract_cells(columns, accounts, None, config, progress)
}

/// As [`extract`], over a graph that the caller has already built of the same transfers (up to the as-of second), so that it
/// is not built twice.
///
/// # Errors
/// As [`extract`]. Whether the graph is of these transfers is the caller's word; only the number of accounts is checked.
pub fn extract_on_graph(
    graph: &TransferGraph,
    columns: &TransferColumns<'_>,
    config: &FeatureConfig,
    progress: Progress<'_>,
) -> Result<FeatureTable> {
    extract_cells(columns, graph.accounts(), Some(graph), config, progress)
}

fn extract_cells<T: Cell>(
    columns: &TransferColumns<'_>,
    accounts: usize,
    graph: Option<&TransferGraph>,
    config: &FeatureConfig,
    progress: Progress<'_>,
) -> Result<FeatureTable<T>> {
    columns.check(accounts)?;
    extract_source(&Source::of_columns(columns, config.as_of_seconds), accounts, graph, config, progress)
}

/// The table of transfers that were checked.
pub(super) fn extract_source<T: Cell>(
    source: &Source<'_>,
    accounts: usize,
    graph: Option<&TransferGraph>,
    config: &FeatureConfig,
    progress: Progress<'_>,
) -> Result<FeatureTable<T>> {
    check_distinct(&config.features)?;
    let survey = source.survey(accounts);
    let latest = survey.span_seconds.map(|(_, latest)| latest);
    let as_of_seconds = config.as_of_seconds.or(latest).filter(|_| source.has_times);
    let mut table = FeatureTable::undefined(accounts, with_bases(&config.features));
    table.note_source(survey.transfers, survey.self_transfers, as_of_seconds);
    let logarithms = Logarithms::new();
    let context = Context {
        has_amounts: source.has_amounts,
        has_times: source.has_times,
        has_hours: source.has_hours(config.utc_offset),
        utc_offset: config.utc_offset,
        as_of_day: as_of_seconds.map_or(0, |at| i64::from(config.utc_offset.epoch_day(at))),
        scale: config.scale,
        minor_per_major: config.scale.minor_per_major(),
        logarithms: &logarithms,
    };
    fill_activity(source, &survey, &context, &mut table, progress)?;
    if table.features().iter().any(|&feature| needs_graph(feature)) {
        let built = match graph {
            Some(_) => None,
            None => Some(build_graph(source, accounts, table.features(), progress)?),
        };
        if let Some(graph) = graph.or(built.as_ref()) {
            fill_structure(graph, &mut table, progress)?;
            fill_neighbourhood(graph, &mut table, progress)?;
        }
    }
    table.keep_first(config.features.len());
    Ok(table)
}

/// The features asked for, and behind them those that neighbourhood features are made of.
fn with_bases(features: &[Feature]) -> Vec<Feature> {
    let mut all = features.to_vec();
    if features.iter().any(|feature| feature.info().group == FeatureGroup::Neighbourhood) {
        all.extend(OVER_COUNTERPARTIES.iter().filter(|base| !features.contains(base)));
    }
    all
}

/// Flow, timing and amount columns.
fn fill_activity<T: Cell>(
    source: &Source<'_>,
    survey: &Survey,
    context: &Context<'_>,
    table: &mut FeatureTable<T>,
    progress: Progress<'_>,
) -> Result<()> {
    let wanted = Wanted::of(table.features());
    if !wanted.anything {
        return Ok(());
    }
    let accounts = table.accounts();
    let (features, mut rest): (Vec<Feature>, Vec<&mut [T]>) =
        table.columns_mut().filter(|(feature, _)| Wanted::of(&[*feature]).anything).unzip();
    group_by_account(
        source,
        survey,
        accounts,
        progress,
        |range| -> Vec<&mut [T]> {
            rest.iter_mut().map(|column| column.split_off_mut(..range.len()).unwrap_or_default()).collect()
        },
        |columns, grouped, accounts| {
            let mut scratch = Scratch::default();
            for account in 0..accounts {
                let mut row = FeatureRow::undefined();
                write_activity(grouped.ways(account), wanted, context, &mut scratch, &mut row);
                for (feature, column) in features.iter().zip(columns.iter_mut()) {
                    column[account] = T::from_f64(row.get(*feature));
                }
            }
        },
    )
}
