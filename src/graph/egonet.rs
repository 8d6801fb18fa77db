//! How ego networks grow with their size, and how far one of them is off.

use serde::{Deserialize, Serialize};

use crate::elementary::ln;
use crate::parallel::map_chunks;

/// The usual number of relations in an ego network of so many accounts: `relations = exp(intercept) * accounts^slope`.
///
/// An ego network is the account, its counterparties, and every relation among them: `k + 1` accounts and `k + t`
/// relations. Far above the line lies a near-clique, far below it a near-star. OddBall (Akoglu, McGlohon and Faloutsos,
/// 2010). The line is fitted robustly: through the median of each of a series of size classes, eight to a doubling, by the
/// median of the slopes between them (Theil and Sen), so that no crowd of odd accounts bends it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EgonetFit {
    /// Logarithm of the relations of an ego network of one account.
    pub intercept: f64,
    /// Exponent of the growth: 1 where everybody is a star, 2 where everybody is in a clique.
    pub slope: f64,
}

/// Size classes a doubling of the degree has.
const CLASSES: u32 = 8;

fn class_of(degree: u32) -> usize {
    let octave = degree.ilog2();
    let within = if octave >= 3 { (degree >> (octave - 3)) & 7 } else { (degree << (3 - octave)) & 7 };
    (octave * CLASSES + within) as usize
}

/// Accounts whose ego networks are dealt to their size classes in one go.
const ACCOUNTS: usize = 1 << 18;

/// Counterparties and triangles of accounts of about one size.
type Members = Vec<(u32, u64)>;

/// The members of every size class among these accounts.
fn deal(degree: &[u32], triangles: &[u64]) -> Vec<Members> {
    let mut classes = vec![Members::new(); (32 * CLASSES) as usize];
    for (&degree, &triangles) in degree.iter().zip(triangles).filter(|(degree, _)| **degree > 0) {
        classes[class_of(degree)].push((degree, triangles));
    }
    classes
}

/// Logarithms of the accounts and relations of the ego network in the middle, where there are members.
fn middle_of(mut members: Members) -> Option<(f64, f64)> {
    if members.is_empty() {
        return None;
    }
    let middle = members.len() / 2;
    let size = members.select_nth_unstable_by_key(middle, |member| member.0).1.0;
    let relations = |member: &(u32, u64)| u64::from(member.0) + member.1;
    let median = relations(members.select_nth_unstable_by_key(middle, relations).1);
    Some((ln(f64::from(size) + 1.0), ln(median as f64)))
}

impl EgonetFit {
    /// The line of a population; `None` when fewer than two size classes are met.
    #[must_use]
    pub fn of(degree: &[u32], triangles: &[u64]) -> Option<Self> {
        let accounts = degree.len().min(triangles.len());
        let dealt = map_chunks(accounts, ACCOUNTS, |range| deal(&degree[range.clone()], &triangles[range]));
        let middles = map_chunks((32 * CLASSES) as usize, 1, |class| {
            let members = dealt.iter().map(|classes| &classes[class.start][..]);
            middle_of(members.collect::<Vec<_>>().concat())
        });
        let points: Vec<(f64, f64)> = middles.into_iter().flatten().collect();
        let mut slopes: Vec<f64> = points
            .iter()
            .enumerate()
            .flat_map(|(at, one)| points[at + 1..].iter().map(move |other| (other.1 - one.1) / (other.0 - one.0)))
            .collect();
        let slope = median(&mut slopes)?;
        let mut intercepts: Vec<f64> = points.iter().map(|point| point.1 - slope * point.0).collect();
        let intercept = median(&mut intercepts)?;
        Some(Self { intercept, slope })
    }

    /// Logarithm of how many times more relations than usual the ego network of an account with so many counterparties and
    /// triangles has; not a number without counterparties.
    #[must_use]
    pub fn residual(&self, degree: u64, triangles: u64) -> f64 {
        if degree == 0 {
            return f64::NAN;
        }
        ln((degree + triangles) as f64) - (self.intercept + self.slope * ln(degree as f64 + 1.0))
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_ascend_with_the_degree() {
        let classes: Vec<usize> = (1..5000).map(class_of).collect();
        assert!(classes.is_sorted());
        assert_eq!(classes[..8], [0, 8, 12, 16, 18, 20, 22, 24]);
        assert!(class_of(u32::MAX) < 256);
    }

    #[test]
    fn stars_grow_with_slope_one_and_a_crowd_of_odd_ones_does_not_bend_the_line() {
        let mut degree: Vec<u32> = (1..2000).collect();
        let mut triangles = vec![0u64; degree.len()];
        let stars = EgonetFit::of(&degree, &triangles).unwrap();
        assert!((stars.slope - 1.0).abs() < 0.1, "{stars:?}");
        for clique in (10..400).step_by(4) {
            degree.push(clique);
            triangles.push(u64::from(clique) * (u64::from(clique) - 1) / 2);
        }
        let fit = EgonetFit::of(&degree, &triangles).unwrap();
        assert!((fit.slope - stars.slope).abs() < 0.05, "{fit:?}");
        assert!(fit.residual(100, 4950) > 3.0);
        assert!(fit.residual(100, 0).abs() < 0.3);
        assert!(fit.residual(0, 0).is_nan());
    }
}
