//! The structure around every account.

use crate::error::Result;
use crate::graph::TransferGraph;
use crate::graph::core_numbers::core_numbers;
use crate::graph::corner::Corner;
use crate::graph::egonet::EgonetFit;
use crate::graph::enumerate::{CornerColumns, corners_of_all, triangles_of_all};
use crate::graph::features::{StructureConfig, StructureFeature};
use crate::graph::lines::ACCOUNTS;
use crate::graph::rows::RowColumns;
use crate::graph::weights::DirectedDegrees;
use crate::parallel::{join, map_chunks};
use crate::progress::Progress;

/// The structure around every account of a graph: what [`structure`] gives.
///
/// What was counted lies in whole numbers; ratios are worked out when they are read. A measure that was not asked for has
/// no column, and reads as not a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    config: StructureConfig,
    degree: Vec<u32>,
    directed: Vec<DirectedDegrees>,
    corners: CornerColumns,
    core: Vec<u32>,
    neighbour_degrees: Vec<u64>,
    egonet: Option<EgonetFit>,
}

/// What is known of one account, in whole numbers where it is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    pub degree: u32,
    pub directed: DirectedDegrees,
    pub corner: Corner,
    pub core: Option<u32>,
    pub neighbour_degrees: u64,
    pub egonet: Option<EgonetFit>,
}

impl Measured {
    /// The measure as a number; not a number where it is undefined.
    #[inline(always)]
    pub fn value(&self, feature: StructureFeature) -> f64 {
        use StructureFeature as F;
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
        let pairs = |n: u32| f64::from(n) * (f64::from(n) - 1.0);
        let k = f64::from(self.degree);
        let DirectedDegrees { payers, payees } = self.directed;
        let (ins, outs) = (f64::from(payers), f64::from(payees));
        let mutual = ins + outs - k;
        let corner = &self.corner;
        let t = corner.triangles as f64;
        let [cycle, middleman, inward, outward] = corner.kinds.map(|kind| kind as f64);
        match feature {
            F::Degree => k,
            F::InDegree => ins,
            F::OutDegree => outs,
            F::MutualDegree => mutual,
            F::Triangles => t,
            F::LocalClustering => ratio(2.0 * t, pairs(self.degree)),
            F::PayerClustering => ratio(2.0 * corner.payer_pairs[0] as f64, pairs(payers)),
            F::OneSidedPayerClustering => ratio(2.0 * corner.payer_pairs[1] as f64, pairs(self.degree - payees)),
            F::EffectiveSize => k - ratio(2.0 * t, k),
            F::Constraint => corner.constraint,
            F::ConstraintAmount => corner.constraint_amount,
            F::CoreNumber => self.core.map_or(f64::NAN, f64::from),
            F::UnacquaintedShare => ratio(k - f64::from(corner.alters[0]), k),
            F::AlterComponents => f64::from(corner.alters[1]),
            F::Reciprocity => ratio(mutual, k),
            F::MeanNeighbourDegree => ratio(self.neighbour_degrees as f64, k),
            F::CycleTriangles => cycle,
            F::MiddlemanTriangles => middleman,
            F::InTriangles => inward,
            F::OutTriangles => outward,
            F::CycleClustering => ratio(cycle, ins * outs - mutual),
            F::MiddlemanClustering => ratio(middleman, ins * outs - mutual),
            F::InClustering => ratio(inward, ins * (ins - 1.0)),
            F::OutClustering => ratio(outward, outs * (outs - 1.0)),
            F::EgonetResidual => {
                self.egonet.map_or(f64::NAN, |fit| fit.residual(u64::from(self.degree), corner.triangles))
            }
        }
    }
}

impl Structure {
    /// Number of accounts.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.degree.len()
    }

    /// Which measures there are.
    #[must_use]
    pub fn config(&self) -> &StructureConfig {
        &self.config
    }

    /// One measure of one account; not a number where it is undefined or was not asked for.
    ///
    /// # Panics
    /// When `account` is not below [`accounts`](Self::accounts).
    #[must_use]
    pub fn value(&self, feature: StructureFeature, account: usize) -> f64 {
        if self.config.wants(feature) { self.measured(account).value(feature) } else { f64::NAN }
    }

    /// One measure of every account, `None` when it was not asked for; not a number where it is undefined.
    #[must_use]
    pub fn column(&self, feature: StructureFeature) -> Option<Vec<f64>> {
        self.config.wants(feature).then(|| {
            let chunks = map_chunks(self.accounts(), ACCOUNTS, |range| {
                range.map(|account| self.measured(account).value(feature)).collect::<Vec<f64>>()
            });
            chunks.concat()
        })
    }

    /// Triangles that hold each account, where triangles were asked for.
    #[must_use]
    pub fn triangles(&self) -> &[u64] {
        &self.corners.triangles
    }

    /// How ego networks of this population grow with their size, where the residual was asked for and there are enough
    /// accounts to tell.
    #[must_use]
    pub fn egonet(&self) -> Option<EgonetFit> {
        self.egonet
    }

    pub(super) fn measured(&self, account: usize) -> Measured {
        fn at<T: Copy + Default>(column: &[T], account: usize) -> T {
            column.get(account).copied().unwrap_or_default()
        }
        Measured {
            degree: self.degree[account],
            directed: at(&self.directed, account),
            corner: self.corners.get(account),
            core: self.core.get(account).copied(),
            neighbour_degrees: at(&self.neighbour_degrees, account),
            egonet: self.egonet,
        }
    }
}

/// Measures the structure around every account, exactly.
///
/// One enumeration of the triangles feeds all that triangles feed, each triangle meeting its three accounts. The result
/// has the same bits on any number of threads.
///
/// ```
/// use dandelion_credit::graph::{GraphConfig, StructureConfig, StructureFeature, TransferGraph, structure};
/// use dandelion_credit::{Progress, TransferColumns};
///
/// // A ball of yarn, 0-1-2-3 who all deal with each other, and a stall, 4, that they and 5 and 6 pay.
/// let columns = TransferColumns::of_pairs(&[0, 0, 0, 1, 1, 2, 0, 5, 6], &[1, 2, 3, 2, 3, 3, 4, 4, 4]);
/// let graph = TransferGraph::build(&columns, 7, &GraphConfig::default(), Progress::silent()).unwrap();
/// let measured = structure(&graph, &StructureConfig::default(), Progress::silent()).unwrap();
/// assert_eq!(measured.value(StructureFeature::LocalClustering, 1), 1.0);
/// assert_eq!(measured.value(StructureFeature::LocalClustering, 4), 0.0);
/// assert_eq!(measured.value(StructureFeature::AlterComponents, 4), 3.0);
/// assert_eq!(measured.value(StructureFeature::CoreNumber, 4), 1.0);
/// assert!(measured.value(StructureFeature::LocalClustering, 5).is_nan());
/// ```
///
/// # Errors
/// [`Error::is_cancelled`](crate::Error::is_cancelled) when `progress` asks to stop.
///
/// # Complexity
/// At most twice the relations times the largest out-degree of the graph oriented by degree, which never exceeds the square
/// root of twice the relations and is around 20 on payment graphs.
pub fn structure(graph: &TransferGraph, config: &StructureConfig, progress: Progress<'_>) -> Result<Structure> {
    let mut needs = config.needs();
    needs.tie_amounts &= graph.has_amounts();
    let mut rows = RowColumns::of(graph, needs);
    let (core, corners) = join(
        || if needs.core { core_numbers(graph, progress) } else { Ok(Vec::new()) },
        || {
            if needs.corners() {
                corners_of_all(graph, &mut rows, needs, progress)
            } else if needs.triangles {
                triangles_of_all(graph, progress).map(CornerColumns::of_triangles)
            } else {
                Ok(CornerColumns::default())
            }
        },
    );
    let (core, corners) = (core?, corners?);
    let RowColumns { degree, directed, neighbour_degrees, .. } = rows;
    let egonet = if needs.egonet { EgonetFit::of(&degree, &corners.triangles) } else { None };
    Ok(Structure { config: *config, degree, directed, corners, core, neighbour_degrees, egonet })
}
