//! Choosing the bins of a column from the rows of a training table.

use crate::error::Error;
use crate::error::Result;
use crate::scorecard::bins::Bins;
use crate::scorecard::bins::Unseen;
use crate::scorecard::bins::edge_of_key;
use crate::scorecard::bins::ordered_key;
use crate::scorecard::table::Column;
use crate::scorecard::table::MISSING_LEVEL;
use crate::scorecard::table::Values;

/// Rows that free edges are chosen from, at most.
const SORTED_ROWS: usize = 1 << 20;

/// How the bins of a column are chosen.
#[derive(Debug, Clone)]
pub(crate) struct BinningRule<'a> {
    pub(crate) max_bins: usize,
    pub(crate) specials: &'a [f32],
    pub(crate) unseen: Unseen,
    pub(crate) min_level_weight: f64,
}

/// A value, or all values of one key, and its weight.
struct Atom {
    value: f32,
    weight: f64,
}

/// The bins of `column`. Equal weights share the bins; a value that alone outweighs a bin has one of its own.
pub(crate) fn choose(column: &Column<'_>, weights: Option<&[f32]>, rule: &BinningRule<'_>) -> Result<Bins> {
    match &column.values {
        Values::Nominal { levels, codes } => {
            if !rule.specials.is_empty() {
                return Err(Error::invalid("special values of", &column.name, "a numeric column"));
            }
            nominal(levels, codes, weights, rule)
        }
        Values::F32(_) | Values::F64(_) => {
            let values = column.numbers()?;
            let weight = |row: usize| weights.map_or(1.0, |weights| f64::from(weights[row]));
            let ordinary = |value: f32| value.is_finite() && !rule.specials.contains(&value);
            let edges = match by_key(&values, weight, ordinary, rule) {
                Some(edges) => edges,
                None => by_value(&values, weight, ordinary, rule),
            };
            Bins::numeric(edges, rule.specials.to_vec())
        }
    }
}

fn intervals(rule: &BinningRule<'_>) -> usize {
    rule.max_bins.saturating_sub(rule.specials.len()).max(1)
}

/// Edges at prefix keys; `None` where one key holds several values and more than its share of the weight.
fn by_key(
    values: &[f32],
    weight: impl Fn(usize) -> f64,
    ordinary: impl Fn(f32) -> bool,
    rule: &BinningRule<'_>,
) -> Option<Vec<f32>> {
    let mut held = vec![0.0_f64; 65536];
    let mut range = vec![(f32::INFINITY, f32::NEG_INFINITY); 65536];
    let mut total = 0.0;
    for (row, &value) in values.iter().enumerate() {
        if ordinary(value) {
            let key = usize::from(ordered_key(value));
            let weight = weight(row);
            total += weight;
            held[key] += weight;
            range[key] = (range[key].0.min(value), range[key].1.max(value));
        }
    }
    let share = total / intervals(rule) as f64;
    let used: Vec<usize> = (0..65536).filter(|&key| range[key].0 <= range[key].1).collect();
    let crowded = used.iter().any(|&key| range[key].0 < range[key].1 && held[key] > 1.5 * share);
    let blurred = used.len() < 32 && used.iter().any(|&key| range[key].0 < range[key].1);
    if crowded || blurred {
        return None;
    }
    let atoms: Vec<Atom> = used.iter().map(|&key| Atom { value: key as f32, weight: held[key] }).collect();
    let between = |low: f32, high: f32| {
        // The key half way, so that numbers in a gap of the training rows go to the nearer side.
        let (low, high) = (low as u32, high as u32);
        edge_of_key((low + (high - low).div_ceil(2)) as u16)
    };
    let mut edges = cut(&atoms, intervals(rule), between);
    // Keys around zero stand for one number.
    edges.dedup();
    Some(edges)
}

/// Free edges, half way between neighbouring values.
fn by_value(
    values: &[f32],
    weight: impl Fn(usize) -> f64,
    ordinary: impl Fn(f32) -> bool,
    rule: &BinningRule<'_>,
) -> Vec<f32> {
    let step = values.len().div_ceil(SORTED_ROWS).max(1);
    let mut sorted: Vec<(f32, f64)> = (0..values.len())
        .step_by(step)
        .filter(|&row| ordinary(values[row]))
        .map(|row| (values[row] + 0.0, weight(row)))
        .collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut atoms: Vec<Atom> = Vec::new();
    for (value, weight) in sorted {
        match atoms.last_mut() {
            Some(last) if last.value == value => last.weight += weight,
            _ => atoms.push(Atom { value, weight }),
        }
    }
    let mut edges = cut(&atoms, intervals(rule), |low, high| {
        let middle = (f64::midpoint(f64::from(low), f64::from(high))) as f32;
        if middle > low { middle } else { high }
    });
    edges.dedup();
    edges
}

/// Cuts ascending atoms into at most `most` bins of like weight, spikes apart; `between` makes the edge of two atoms.
fn cut(atoms: &[Atom], most: usize, between: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    if atoms.len() <= most {
        return atoms.windows(2).map(|pair| between(pair[0].value, pair[1].value)).collect();
    }
    let total: f64 = atoms.iter().map(|atom| atom.weight).sum();
    let is_spike = |atom: &Atom| atom.weight >= total / most as f64;
    let spikes = atoms.iter().filter(|atom| is_spike(atom)).count();
    let mut left: f64 = atoms.iter().filter(|atom| !is_spike(atom)).map(|atom| atom.weight).sum();
    let mut bins_left = most.saturating_sub(spikes).max(1);
    let (mut edges, mut held, mut target) = (Vec::new(), 0.0, left / bins_left as f64);
    for pair in atoms.windows(2) {
        let (atom, next) = (&pair[0], &pair[1]);
        if !is_spike(atom) {
            held += atom.weight;
            left -= atom.weight;
        }
        let full = held + 0.5 * next.weight >= target;
        if is_spike(atom) || is_spike(next) || full {
            if edges.len() + 1 < most {
                edges.push(between(atom.value, next.value));
            }
            if !is_spike(atom) {
                bins_left = bins_left.saturating_sub(1).max(1);
                target = left / bins_left as f64;
            }
            held = 0.0;
        }
    }
    edges
}

fn nominal(levels: &[String], codes: &[u32], weights: Option<&[f32]>, rule: &BinningRule<'_>) -> Result<Bins> {
    let mut held = vec![0.0_f64; levels.len()];
    for (row, &code) in codes.iter().enumerate() {
        if code != MISSING_LEVEL {
            held[code as usize] += weights.map_or(1.0, |weights| f64::from(weights[row]));
        }
    }
    let mut kept: Vec<usize> = (0..levels.len()).filter(|&level| held[level] >= rule.min_level_weight).collect();
    kept.sort_by(|&a, &b| held[b].total_cmp(&held[a]).then_with(|| levels[a].cmp(&levels[b])));
    kept.truncate(rule.max_bins);
    let mut names: Vec<String> = kept.into_iter().map(|level| levels[level].clone()).collect();
    names.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => x.total_cmp(&y).then_with(|| a.cmp(b)),
        (x, y) => x.is_err().cmp(&y.is_err()).then_with(|| a.cmp(b)),
    });
    Bins::nominal(names, rule.unseen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorecard::table::Table;

    fn bins_of(values: Vec<f32>, max_bins: usize, specials: &[f32]) -> Bins {
        let mut table = Table::new(values.len());
        table.push_f32("x", values).unwrap();
        let rule = BinningRule { max_bins, specials, unseen: Unseen::Other, min_level_weight: 1.0 };
        choose(&table.columns()[0], None, &rule).unwrap()
    }

    fn counts(bins: &Bins, values: &[f32]) -> Vec<usize> {
        let mut counts = vec![0; bins.len()];
        values.iter().for_each(|&value| counts[bins.bin_of(value)] += 1);
        counts
    }

    #[test]
    fn a_spike_has_its_own_bin() {
        let mut values: Vec<f32> = (1..2000).map(|v| v as f32).collect();
        values.extend([0.0; 3000]);
        values.extend([512.0; 400]);
        let bins = bins_of(values.clone(), 16, &[]);
        assert!(bins.len() <= 17);
        let (zero, spike) = (bins.bin_of(0.0), bins.bin_of(512.0));
        let counts = counts(&bins, &values);
        assert_eq!(counts[zero], 3000);
        assert!((401..=404).contains(&counts[spike]), "{}", counts[spike]);
    }

    #[test]
    fn weight_is_shared_evenly_without_spikes() {
        let values: Vec<f32> = (0..10_000).map(|v| (v as f32 / 1000.0).exp()).collect();
        let bins = bins_of(values.clone(), 20, &[]);
        let counts = counts(&bins, &values);
        assert!(bins.is_prefix());
        assert_eq!(bins.len(), 21);
        assert!(counts[1..].iter().all(|&count| (400..=600).contains(&count)), "{counts:?}");
    }

    #[test]
    fn years_and_dates_are_told_apart() {
        let values: Vec<f32> = (0..5000).map(|v| (15_000 + v % 500) as f32).collect();
        let bins = bins_of(values, 100, &[]);
        assert!(!bins.is_prefix());
        assert!(bins.len() >= 100);
    }

    #[test]
    fn special_values_leave_the_intervals() {
        let mut values: Vec<f32> = (0..1000).map(|v| v as f32).collect();
        values.extend([-999.0; 100]);
        let bins = bins_of(values.clone(), 8, &[-999.0]);
        assert_eq!(counts(&bins, &values)[1], 100);
        assert!(bins.len() <= 9);
    }

    #[test]
    fn a_column_without_numbers_has_one_interval() {
        assert_eq!(bins_of(vec![f32::NAN; 5], 8, &[]).len(), 2);
        assert_eq!(bins_of(vec![3.0; 5], 8, &[]).len(), 2);
    }
}
