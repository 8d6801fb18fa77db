//! The structure of a graph the slow way: nested loops over a matrix, straight from the definitions.

use dandelion_credit::graph::{GraphConfig, StructureFeature as F, TransferGraph};
use dandelion_credit::{AccountIndex, Progress, Transfer};

pub fn build(transfers: &[Transfer], accounts: usize) -> TransferGraph {
    let columns: dandelion_credit::Transfers = transfers.iter().copied().collect();
    TransferGraph::build(&columns.columns(), accounts, &GraphConfig::default(), Progress::silent()).unwrap()
}

pub fn pay(payer: u32, payee: u32, amount_minor: i64, at_seconds: i64) -> Transfer {
    Transfer { payer: AccountIndex::new(payer), payee: AccountIndex::new(payee), amount_minor, at_seconds }
}

/// Counts and sums of transfers between every two accounts.
pub struct Matrix {
    pub n: usize,
    pub counts: Vec<Vec<u64>>,
    pub sums: Vec<Vec<i64>>,
}

impl Matrix {
    pub fn of(transfers: &[Transfer], n: usize) -> Self {
        let mut matrix = Self { n, counts: vec![vec![0; n]; n], sums: vec![vec![0; n]; n] };
        for transfer in transfers.iter().filter(|t| t.payer != t.payee) {
            let (payer, payee) = (transfer.payer.as_usize(), transfer.payee.as_usize());
            matrix.counts[payer][payee] += 1;
            matrix.sums[payer][payee] += transfer.amount_minor;
        }
        matrix
    }

    fn pays(&self, a: usize, b: usize) -> bool {
        self.counts[a][b] > 0
    }

    fn linked(&self, a: usize, b: usize) -> bool {
        self.pays(a, b) || self.pays(b, a)
    }

    pub fn neighbours(&self, a: usize) -> Vec<usize> {
        (0..self.n).filter(|&b| self.linked(a, b)).collect()
    }

    fn linked_share(&self, among: &[usize]) -> f64 {
        let linked: usize = among.iter().map(|&a| among.iter().filter(|&&b| self.linked(a, b)).count()).sum();
        let pairs = among.len() as f64 * (among.len() as f64 - 1.0);
        if among.len() < 2 { f64::NAN } else { linked as f64 / pairs }
    }

    fn constraint(&self, a: usize, weight: impl Fn(usize, usize) -> f64) -> f64 {
        let total = |i: usize| (0..self.n).map(|j| weight(i, j)).sum::<f64>();
        let share = |i: usize, j: usize| if total(i) > 0.0 { weight(i, j) / total(i) } else { 0.0 };
        let others = self.neighbours(a);
        if others.is_empty() || total(a) == 0.0 {
            return f64::NAN;
        }
        let around = |j: usize| others.iter().filter(|&&q| q != j).map(|&q| share(a, q) * share(q, j)).sum::<f64>();
        others.iter().map(|&j| (share(a, j) + around(j)).powi(2)).sum()
    }

    fn core_number(&self, a: usize) -> f64 {
        let mut core = 0;
        for c in 1..self.n {
            let mut left: Vec<usize> = (0..self.n).collect();
            loop {
                let keep: Vec<usize> = left
                    .iter()
                    .copied()
                    .filter(|&i| left.iter().filter(|&&j| self.linked(i, j)).count() >= c)
                    .collect();
                if keep.len() == left.len() {
                    break;
                }
                left = keep;
            }
            if left.contains(&a) {
                core = c;
            }
        }
        core as f64
    }

    fn components(&self, among: &[usize]) -> f64 {
        let mut label: Vec<usize> = (0..among.len()).collect();
        for _ in 0..among.len() {
            for i in 0..among.len() {
                for j in 0..among.len() {
                    if self.linked(among[i], among[j]) {
                        let low = label[i].min(label[j]);
                        (label[i], label[j]) = (low, low);
                    }
                }
            }
        }
        (0..among.len()).filter(|&i| label[i] == i).count() as f64
    }

    /// Entry `(a, a)` of the product of three matrices, each the payments or their transpose.
    fn closed_walks(&self, a: usize, turned: [bool; 3]) -> f64 {
        let step = |turned: bool, i: usize, j: usize| f64::from(if turned { self.pays(j, i) } else { self.pays(i, j) });
        let mut walks = 0.0;
        for j in 0..self.n {
            for k in 0..self.n {
                walks += step(turned[0], a, j) * step(turned[1], j, k) * step(turned[2], k, a);
            }
        }
        walks
    }

    /// Butterflies that hold `a` as a payer and as a payee, and the share of three-relation paths through it that are closed.
    pub fn butterflies(&self, a: usize) -> [(u64, f64); 2] {
        [false, true].map(|turned| {
            let pays = |x: usize, y: usize| if turned { self.pays(y, x) } else { self.pays(x, y) };
            let (mut closed, mut paths) = (0u64, 0u64);
            for p in (0..self.n).filter(|&p| pays(a, p)) {
                for q in (0..self.n).filter(|&q| q != p && pays(a, q)) {
                    for other in (0..self.n).filter(|&other| other != a && pays(other, q)) {
                        paths += 1;
                        closed += u64::from(pays(other, p));
                    }
                }
            }
            (closed / 2, if paths == 0 { f64::NAN } else { closed as f64 / paths as f64 })
        })
    }

    /// Every measure of account `a` but the residual over the population.
    pub fn measure(&self, feature: F, a: usize) -> f64 {
        let others = self.neighbours(a);
        let payers: Vec<usize> = (0..self.n).filter(|&b| self.pays(b, a)).collect();
        let payees: Vec<usize> = (0..self.n).filter(|&b| self.pays(a, b)).collect();
        let mutual = payers.iter().filter(|b| payees.contains(b)).count() as f64;
        let one_sided: Vec<usize> = payers.iter().copied().filter(|b| !payees.contains(b)).collect();
        let (k, ins, outs) = (others.len() as f64, payers.len() as f64, payees.len() as f64);
        let ties: usize = others.iter().map(|&i| others.iter().filter(|&&j| self.linked(i, j)).count()).sum();
        let t = ties as f64 / 2.0;
        let acquainted = others.iter().filter(|&&i| others.iter().any(|&j| self.linked(i, j))).count() as f64;
        let over = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
        let [cycle, middleman, inward, outward] =
            [[false, false, false], [false, true, false], [true, false, false], [false, false, true]]
                .map(|turned| self.closed_walks(a, turned));
        match feature {
            F::Degree => k,
            F::InDegree => ins,
            F::OutDegree => outs,
            F::MutualDegree => mutual,
            F::Triangles => t,
            F::LocalClustering => self.linked_share(&others),
            F::PayerClustering => self.linked_share(&payers),
            F::OneSidedPayerClustering => self.linked_share(&one_sided),
            F::EffectiveSize => k - over(2.0 * t, k),
            F::Constraint => self.constraint(a, |i, j| (self.counts[i][j] + self.counts[j][i]) as f64),
            F::ConstraintAmount => self.constraint(a, |i, j| (self.sums[i][j] + self.sums[j][i]).max(0) as f64),
            F::CoreNumber => self.core_number(a),
            F::UnacquaintedShare => over(k - acquainted, k),
            F::AlterComponents => self.components(&others),
            F::Reciprocity => over(mutual, k),
            F::MeanNeighbourDegree => over(others.iter().map(|&b| self.neighbours(b).len() as f64).sum(), k),
            F::CycleTriangles => cycle,
            F::MiddlemanTriangles => middleman,
            F::InTriangles => inward,
            F::OutTriangles => outward,
            F::CycleClustering => over(cycle, ins * outs - mutual),
            F::MiddlemanClustering => over(middleman, ins * outs - mutual),
            F::InClustering => over(inward, ins * (ins - 1.0)),
            F::OutClustering => over(outward, outs * (outs - 1.0)),
            other => panic!("no slow twin of {other}"),
        }
    }
}

pub fn assert_close(found: f64, expected: f64, what: impl FnOnce() -> String) {
    let close = (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= 1e-12 * expected.abs().max(1.0);
    assert!(close, "{}: found {found}, expected {expected}", what());
}
