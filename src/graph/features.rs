//! The names of what is measured around an account, and which of them to measure.

use std::fmt;

/// A measure of the structure around one account.
///
/// `k` is the number of distinct counterparties, `t` the number of relations among them; self-transfers count nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StructureFeature {
    /// `k`.
    Degree,
    /// Distinct payers.
    InDegree,
    /// Distinct payees.
    OutDegree,
    /// Counterparties that are both payer and payee.
    MutualDegree,
    /// `t`, the triangles that hold the account.
    Triangles,
    /// `2t / k(k-1)`; undefined below `k = 2`. Watts and Strogatz (1998).
    LocalClustering,
    /// Share of linked pairs among the distinct payers; undefined below 2 payers.
    PayerClustering,
    /// Share of linked pairs among the payers that are not payees; undefined below 2 of them.
    OneSidedPayerClustering,
    /// `k - 2t/k`; undefined without counterparties. Burt's effective size as simplified by Borgatti (1997).
    EffectiveSize,
    /// Burt's constraint (1992), `sum over j of (p_ij + sum over q of p_iq p_qj)^2`, with `p` from transfer counts of
    /// both directions; undefined without counterparties.
    Constraint,
    /// Burt's constraint with `p` from net amounts of both directions, a relation whose refunds outweigh its sales
    /// counting as 0; undefined where nothing is left, or without amounts.
    ConstraintAmount,
    /// The largest `c` such that the account is in a part of the graph where everybody has `c` counterparties.
    CoreNumber,
    /// Share of counterparties that have no relation to any other counterparty; undefined without counterparties.
    UnacquaintedShare,
    /// Connected components among the counterparties once the account is taken away.
    AlterComponents,
    /// `mutual degree / degree`; undefined without counterparties.
    Reciprocity,
    /// Mean degree of the counterparties; undefined without counterparties.
    MeanNeighbourDegree,
    /// Directed triangles in which money can run around through the account. Fagiolo (2007).
    CycleTriangles,
    /// Directed triangles in which the account passes on what also goes directly. Fagiolo (2007).
    MiddlemanTriangles,
    /// Directed triangles whose two other accounts pay this one. Fagiolo (2007).
    InTriangles,
    /// Directed triangles whose two other accounts are paid by this one. Fagiolo (2007).
    OutTriangles,
    /// Cycle triangles over those the degrees would allow, `in out - mutual`; undefined where that is 0.
    CycleClustering,
    /// Middleman triangles over those the degrees would allow, `in out - mutual`; undefined where that is 0.
    MiddlemanClustering,
    /// In triangles over those the degrees would allow, `in (in - 1)`; undefined where that is 0.
    InClustering,
    /// Out triangles over those the degrees would allow, `out (out - 1)`; undefined where that is 0.
    OutClustering,
    /// Logarithm of how many times more relations the ego network (the account, its counterparties) has than is usual for
    /// one of so many accounts in this population; undefined without counterparties. OddBall, Akoglu et al. (2010).
    EgonetResidual,
}

use StructureFeature as F;

impl StructureFeature {
    /// Every measure, in catalogue order.
    pub const ALL: [Self; 25] = [
        F::Degree,
        F::InDegree,
        F::OutDegree,
        F::MutualDegree,
        F::Triangles,
        F::LocalClustering,
        F::PayerClustering,
        F::OneSidedPayerClustering,
        F::EffectiveSize,
        F::Constraint,
        F::ConstraintAmount,
        F::CoreNumber,
        F::UnacquaintedShare,
        F::AlterComponents,
        F::Reciprocity,
        F::MeanNeighbourDegree,
        F::CycleTriangles,
        F::MiddlemanTriangles,
        F::InTriangles,
        F::OutTriangles,
        F::CycleClustering,
        F::MiddlemanClustering,
        F::InClustering,
        F::OutClustering,
        F::EgonetResidual,
    ];

    /// The column's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            F::Degree => "degree",
            F::InDegree => "in_degree",
            F::OutDegree => "out_degree",
            F::MutualDegree => "mutual_degree",
            F::Triangles => "triangles",
            F::LocalClustering => "local_clustering",
            F::PayerClustering => "payer_clustering",
            F::OneSidedPayerClustering => "one_sided_payer_clustering",
            F::EffectiveSize => "effective_size",
            F::Constraint => "constraint",
            F::ConstraintAmount => "constraint_amount",
            F::CoreNumber => "core_number",
            F::UnacquaintedShare => "unacquainted_share",
            F::AlterComponents => "alter_components",
            F::Reciprocity => "reciprocity",
            F::MeanNeighbourDegree => "mean_neighbour_degree",
            F::CycleTriangles => "cycle_triangles",
            F::MiddlemanTriangles => "middleman_triangles",
            F::InTriangles => "in_triangles",
            F::OutTriangles => "out_triangles",
            F::CycleClustering => "cycle_clustering",
            F::MiddlemanClustering => "middleman_clustering",
            F::InClustering => "in_clustering",
            F::OutClustering => "out_clustering",
            F::EgonetResidual => "egonet_residual",
        }
    }
}

impl fmt::Display for StructureFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which measures to take; everything by default. What is not asked for is not computed, unless what is asked for needs
/// it anyway.
///
/// ```
/// use dandelion_credit::graph::{StructureConfig, StructureFeature};
///
/// let config = StructureConfig::only([StructureFeature::LocalClustering]);
/// assert!(config.wants(StructureFeature::LocalClustering) && !config.wants(StructureFeature::CoreNumber));
/// assert!(StructureConfig::default().wants(StructureFeature::CoreNumber));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StructureConfig {
    wanted: u32,
}

impl Default for StructureConfig {
    fn default() -> Self {
        Self::only(StructureFeature::ALL)
    }
}

impl StructureConfig {
    /// Nothing but `features`.
    #[must_use]
    pub fn only(features: impl IntoIterator<Item = StructureFeature>) -> Self {
        Self { wanted: features.into_iter().fold(0, |wanted, feature| wanted | 1 << feature as u32) }
    }

    /// Everything but `feature`, as far as it was asked for.
    #[must_use]
    pub fn without(self, feature: StructureFeature) -> Self {
        Self { wanted: self.wanted & !(1 << feature as u32) }
    }

    /// Whether `feature` is asked for.
    #[must_use]
    pub const fn wants(&self, feature: StructureFeature) -> bool {
        self.wanted & 1 << feature as u32 != 0
    }

    fn any(&self, features: &[StructureFeature]) -> bool {
        features.iter().any(|&feature| self.wants(feature))
    }

    pub(super) fn needs(&self) -> Needs {
        let needs = Needs {
            degrees: self.any(&[
                F::InDegree,
                F::OutDegree,
                F::MutualDegree,
                F::Reciprocity,
                F::PayerClustering,
                F::CycleClustering,
                F::MiddlemanClustering,
                F::InClustering,
                F::OutClustering,
            ]),
            one_sided: self.wants(F::OneSidedPayerClustering),
            triangles: self.any(&[F::Triangles, F::LocalClustering, F::EffectiveSize, F::EgonetResidual]),
            payers: self.any(&[F::PayerClustering, F::OneSidedPayerClustering]),
            kinds: self.any(&[
                F::CycleTriangles,
                F::MiddlemanTriangles,
                F::InTriangles,
                F::OutTriangles,
                F::CycleClustering,
                F::MiddlemanClustering,
                F::InClustering,
                F::OutClustering,
            ]),
            ties: self.wants(F::Constraint),
            tie_amounts: self.wants(F::ConstraintAmount),
            alters: self.any(&[F::UnacquaintedShare, F::AlterComponents]),
            core: self.wants(F::CoreNumber),
            neighbour_degree: self.wants(F::MeanNeighbourDegree),
            egonet: self.wants(F::EgonetResidual),
        };
        Needs { degrees: needs.degrees || needs.one_sided, ..needs }
    }
}

/// What has to be computed for what is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub degrees: bool,
    pub one_sided: bool,
    pub triangles: bool,
    pub payers: bool,
    pub kinds: bool,
    pub ties: bool,
    pub tie_amounts: bool,
    pub alters: bool,
    pub core: bool,
    pub neighbour_degree: bool,
    pub egonet: bool,
}

impl Needs {
    /// Whether every triangle has to be met at each of its corners.
    pub fn corners(self) -> bool {
        self.payers || self.kinds || self.ties || self.tie_amounts || self.alters
    }
}
