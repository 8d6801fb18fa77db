//! Optimal limits: which line for which grade earns most on the capital there is.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::underwriting::curve::Knot;

/// How one grade of merchants behaves at different limits, from outcomes or an experiment.
///
/// Curves are straight between knots and flat beyond; places are limits in minor units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradeCurves {
    /// Name of the grade.
    pub name: String,
    /// Merchants in it.
    pub merchants: u64,
    /// Probability of default within a year at a limit.
    pub default_probability: Vec<Knot>,
    /// Share of the line in use at a limit, on average over the year.
    pub use_share: Vec<Knot>,
    /// Share of the line in use when a merchant defaults, at a limit.
    pub use_at_default: Vec<Knot>,
    /// Income less cost of funds a year over money out, as a fraction, at a limit.
    pub margin: Vec<Knot>,
}

/// What is searched.
///
/// ```
/// use dandelion_credit::underwriting::{GradeCurves, Knot, OptimalLimitsConfig, optimal_limits};
///
/// // 100 merchants, each worth 89.00 a year at a line of 1,000.00 and half of that at half the line.
/// let flat = |value| vec![Knot { at: 0.0, value }];
/// let grade = GradeCurves {
///     name: "A".to_owned(), merchants: 100, default_probability: flat(0.02), use_share: flat(1.0),
///     use_at_default: flat(1.0), margin: flat(0.10),
/// };
/// let config = OptimalLimitsConfig {
///     grid_minor: vec![0, 50_000, 100_000], loss_given_default: 0.5, cost_per_line_minor: 0, ..OptimalLimitsConfig::default()
/// };
/// assert_eq!(optimal_limits(&[grade.clone()], &config)?.chosen.limits_minor, [100_000]);
/// // Capital of 60,000.00 carries lines of 500.00.
/// let short = OptimalLimitsConfig { capital_minor: Some(6_000_000), ..config };
/// assert_eq!(optimal_limits(&[grade], &short)?.chosen.limits_minor, [50_000]);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimalLimitsConfig {
    /// Limits that may be given, minor units, rising from 0 (no line).
    pub grid_minor: Vec<i64>,
    /// Share of an exposure lost on default.
    pub loss_given_default: f64,
    /// Cost a year of keeping a line open, minor units.
    pub cost_per_line_minor: i64,
    /// Capital bound by a unit in use.
    pub capital_used: f64,
    /// Capital bound by a unit granted and not in use.
    pub capital_unused: f64,
    /// Capital there is, minor units; none is without end.
    pub capital_minor: Option<i64>,
    /// Whether a better grade (earlier in the list) never gets a smaller line.
    pub monotone: bool,
}

impl Default for OptimalLimitsConfig {
    fn default() -> Self {
        Self {
            grid_minor: (0..=60).map(|step| step * 50_000).collect(),
            loss_given_default: 0.65,
            cost_per_line_minor: 1_000,
            capital_used: 1.0,
            capital_unused: 0.1,
            capital_minor: None,
            monotone: true,
        }
    }
}

/// One point of the frontier: no other limits earn more on as little capital, mixing aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontierPoint {
    /// Capital bound, minor units.
    pub capital_minor: f64,
    /// Expected profit a year, minor units.
    pub profit_minor: f64,
    /// Expected loss a year, minor units.
    pub loss_minor: f64,
    /// Limits by grade, minor units.
    pub limits_minor: Vec<i64>,
}

/// The limits found, the frontier they lie on, and how good they can be at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptimalLimits {
    /// The choice under the capital there is.
    pub chosen: FrontierPoint,
    /// Profit of one more unit of capital.
    pub shadow_price: f64,
    /// No limits under this capital earn more than this, minor units a year.
    pub bound_minor: f64,
    /// The concave frontier, capital rising.
    pub frontier: Vec<FrontierPoint>,
}

fn curve(knots: &[Knot], at: f64) -> f64 {
    let above = knots.partition_point(|knot| knot.at <= at);
    if above == 0 {
        return knots[0].value;
    }
    if above == knots.len() {
        return knots[above - 1].value;
    }
    let (low, high) = (knots[above - 1], knots[above]);
    low.value + (high.value - low.value) * (at - low.at) / (high.at - low.at)
}

/// Profit, capital and loss of a whole grade at one limit.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    profit: f64,
    capital: f64,
    loss: f64,
}

fn cell(grade: &GradeCurves, limit: i64, config: &OptimalLimitsConfig) -> Cell {
    if limit == 0 {
        return Cell::default();
    }
    let (at, merchants) = (limit as f64, grade.merchants as f64);
    let used = at * curve(&grade.use_share, at);
    let exposure = at * curve(&grade.use_at_default, at);
    let default = curve(&grade.default_probability, at);
    let loss = default * exposure * config.loss_given_default;
    // A merchant who defaults pays for half of the year.
    let income = used * curve(&grade.margin, at) * (1.0 - default / 2.0);
    let capital = used * config.capital_used + (at - used) * config.capital_unused;
    Cell {
        profit: merchants * (income - loss - config.cost_per_line_minor as f64),
        capital: merchants * capital,
        loss: merchants * loss,
    }
}

/// Limits by grade that maximise expected profit a year under the capital there is.
///
/// Capital gets a price; at a price the best limits under "a better grade never gets less" come from dynamic programming
/// over grades and grid. Prices are found where the frontier turns, so the frontier is the exact concave hull; the choice
/// is its last point within the capital, then raised grid step by grid step while capital is left, and told together with
/// the bound no choice can pass.
///
/// # Errors
/// [`Error::is_invalid`] naming the field when a curve is empty, unsorted, not finite or (for shares and probabilities)
/// outside 0 to 1, when the grid does not rise from 0, or a cost is below zero.
///
/// # Complexity
/// O(points of the frontier × grades × grid).
///
/// ```
/// use dandelion_credit::underwriting::{GradeCurves, Knot, OptimalLimitsConfig, optimal_limits};
///
/// let flat = |value| vec![Knot { at: 0.0, value }];
/// let grade = |name: &str, default| GradeCurves {
///     name: name.to_owned(), merchants: 100, default_probability: flat(default), use_share: flat(1.0),
///     use_at_default: flat(1.0), margin: flat(0.10),
/// };
/// let config = OptimalLimitsConfig {
///     grid_minor: vec![0, 100_000], loss_given_default: 0.5, cost_per_line_minor: 0, ..OptimalLimitsConfig::default()
/// };
/// // Of 1,000.00 out for a year, A earns 100.00 × 0.99 and loses 0.02 × 500.00: 89.00 a merchant. B earns 100.00 × 0.8 and
/// // loses 0.4 × 500.00, so B gets no line.
/// let found = optimal_limits(&[grade("A", 0.02), grade("B", 0.40)], &config)?;
/// assert_eq!(found.chosen.limits_minor, [100_000, 0]);
/// assert_eq!(found.chosen.profit_minor.round(), 890_000.0);
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn optimal_limits(grades: &[GradeCurves], config: &OptimalLimitsConfig) -> Result<OptimalLimits> {
    check(grades, config)?;
    let cells: Vec<Vec<Cell>> = grades
        .iter()
        .map(|grade| config.grid_minor.iter().map(|&limit| cell(grade, limit, config)).collect())
        .collect();
    let search = Search { cells: &cells, monotone: config.monotone };

    // From no capital at all to as much as profit can use.
    let none = vec![0usize; grades.len()];
    let most = search.best_at(0.0);
    let mut hull = vec![none.clone()];
    if search.total(&most).profit > 0.0 {
        search.between(&none, &most, &mut hull, 0);
        hull.push(most);
    }
    hull.dedup();

    let budget = config.capital_minor.map_or(f64::INFINITY, |capital| capital as f64);
    let within = hull.iter().rposition(|point| search.total(point).capital <= budget).unwrap_or(0);
    let (shadow_price, bound_minor) = match hull.get(within + 1) {
        Some(next) => {
            let (low, high) = (search.total(&hull[within]), search.total(next));
            let price = (high.profit - low.profit) / (high.capital - low.capital);
            (price, low.profit + price * (budget - low.capital))
        }
        None => (0.0, search.total(&hull[within]).profit),
    };
    let mut chosen = hull[within].clone();
    search.fill(&mut chosen, budget);
    let point = |indices: &Vec<usize>| {
        let total = search.total(indices);
        FrontierPoint {
            capital_minor: total.capital,
            profit_minor: total.profit,
            loss_minor: total.loss,
            limits_minor: indices.iter().map(|&index| config.grid_minor[index]).collect(),
        }
    };
    let frontier = hull.iter().map(point).collect();
    Ok(OptimalLimits { chosen: point(&chosen), shadow_price, bound_minor, frontier })
}

struct Search<'a> {
    cells: &'a [Vec<Cell>],
    monotone: bool,
}

impl Search<'_> {
    fn total(&self, indices: &[usize]) -> Cell {
        let mut total = Cell::default();
        for (grade, &index) in self.cells.iter().zip(indices) {
            total.profit += grade[index].profit;
            total.capital += grade[index].capital;
            total.loss += grade[index].loss;
        }
        total
    }

    /// The limits that earn most when a unit of capital costs `price`; of equals the smaller.
    fn best_at(&self, price: f64) -> Vec<usize> {
        let worth =
            |grade: usize, index: usize| self.cells[grade][index].profit - price * self.cells[grade][index].capital;
        let grid = self.cells.first().map_or(0, Vec::len);
        if !self.monotone {
            let best = |grade: usize| {
                (1..grid).fold(0, |best, index| if worth(grade, index) > worth(grade, best) { index } else { best })
            };
            return (0..self.cells.len()).map(best).collect();
        }
        // From the worst grade up: value[i] is the best of this grade and all worse ones when this one may have at most i.
        let mut value = vec![0.0; grid];
        let mut choices: Vec<Vec<usize>> = Vec::with_capacity(self.cells.len());
        for grade in (0..self.cells.len()).rev() {
            let mut next = vec![0.0; grid];
            let mut choice = vec![0; grid];
            for index in 0..grid {
                let here = worth(grade, index) + value[index];
                if index > 0 && next[index - 1] >= here {
                    next[index] = next[index - 1];
                    choice[index] = choice[index - 1];
                } else {
                    next[index] = here;
                    choice[index] = index;
                }
            }
            value = next;
            choices.push(choice);
        }
        let mut cap = grid.saturating_sub(1);
        choices
            .iter()
            .rev()
            .map(|choice| {
                cap = choice[cap];
                cap
            })
            .collect()
    }

    /// Every turn of the frontier between two of its points.
    fn between(&self, low: &[usize], high: &[usize], hull: &mut Vec<Vec<usize>>, depth: u32) {
        let (from, to) = (self.total(low), self.total(high));
        if depth > 64 || to.capital <= from.capital {
            return;
        }
        let price = (to.profit - from.profit) / (to.capital - from.capital);
        let middle = self.best_at(price);
        let found = self.total(&middle);
        let gain = (found.profit - price * found.capital) - (from.profit - price * from.capital);
        let scale = from.profit.abs().max(to.profit.abs()).max(1.0);
        if gain <= scale * 1e-9 || found.capital <= from.capital || found.capital >= to.capital {
            return;
        }
        self.between(low, &middle, hull, depth + 1);
        hull.push(middle.clone());
        self.between(&middle, high, hull, depth + 1);
    }

    /// Raises single grades while capital is left, the best profit first.
    fn fill(&self, chosen: &mut [usize], budget: f64) {
        loop {
            let now = self.total(chosen);
            let mut best: Option<(usize, usize, f64)> = None;
            for grade in 0..chosen.len() {
                let most = if self.monotone && grade > 0 { chosen[grade - 1] } else { self.cells[grade].len() - 1 };
                for index in chosen[grade] + 1..=most {
                    let gain = self.cells[grade][index].profit - self.cells[grade][chosen[grade]].profit;
                    let more = self.cells[grade][index].capital - self.cells[grade][chosen[grade]].capital;
                    let fits = now.capital + more <= budget;
                    if fits && gain > 0.0 && best.is_none_or(|(_, _, before)| gain > before) {
                        best = Some((grade, index, gain));
                    }
                }
            }
            let Some((grade, index, _)) = best else { return };
            chosen[grade] = index;
        }
    }
}

fn check(grades: &[GradeCurves], config: &OptimalLimitsConfig) -> Result<()> {
    let grid = &config.grid_minor;
    if grid.first() != Some(&0) || grid.windows(2).any(|pair| pair[0] >= pair[1]) || grid.len() > 10_000 {
        let shown = format!("{} limits from {:?}", grid.len(), grid.first());
        return Err(Error::invalid("grid_minor", shown, "at most 10,000 limits rising from 0"));
    }
    let share = |name: &str, value: f64, most: f64| {
        if (0.0..=most).contains(&value) {
            Ok(())
        } else {
            Err(Error::invalid(name.to_owned(), value, format!("from 0 to {most}")))
        }
    };
    share("loss_given_default", config.loss_given_default, 1.0)?;
    share("capital_used", config.capital_used, 100.0)?;
    share("capital_unused", config.capital_unused, 100.0)?;
    share("cost_per_line_minor", config.cost_per_line_minor as f64, 1e15)?;
    share("capital_minor", config.capital_minor.unwrap_or(0) as f64, i64::MAX as f64)?;
    for (index, grade) in grades.iter().enumerate() {
        let curves = [
            ("default_probability", &grade.default_probability, 0.0, 1.0),
            ("use_share", &grade.use_share, 0.0, 1.0),
            ("use_at_default", &grade.use_at_default, 0.0, 1.0),
            ("margin", &grade.margin, -100.0, 100.0),
        ];
        for (name, knots, low, high) in curves {
            let name = format!("grades[{index}].{name}");
            if knots.is_empty()
                || knots
                    .windows(2)
                    .any(|pair| !matches!(pair[0].at.partial_cmp(&pair[1].at), Some(std::cmp::Ordering::Less)))
            {
                return Err(Error::invalid(name, format!("{} knots", knots.len()), "one knot or more, rising"));
            }
            if let Some(knot) = knots.iter().find(|knot| !knot.at.is_finite() || !(low..=high).contains(&knot.value)) {
                return Err(Error::invalid(name, knot.value, format!("from {low} to {high}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Better grades default less; larger lines are used less and default more.
    fn grades(count: usize) -> Vec<GradeCurves> {
        let knots = |points: [(f64, f64); 3]| points.map(|(at, value)| Knot { at, value }).to_vec();
        (0..count)
            .map(|grade| {
                let worse = grade as f64;
                let pd = 0.01 + 0.02 * worse;
                GradeCurves {
                    name: format!("{grade}"),
                    merchants: 100 + 37 * grade as u64,
                    default_probability: knots([(0.0, pd), (1_000_000.0, pd * 1.3), (3_000_000.0, pd * 2.5)]),
                    use_share: knots([(0.0, 0.7), (1_000_000.0, 0.45), (3_000_000.0, 0.2)]),
                    use_at_default: knots([(0.0, 0.95), (1_000_000.0, 0.9), (3_000_000.0, 0.8)]),
                    margin: knots([(0.0, 0.12), (1_000_000.0, 0.11), (3_000_000.0, 0.10)]),
                }
            })
            .collect()
    }

    fn brute(grades: &[GradeCurves], config: &OptimalLimitsConfig) -> f64 {
        let grid = &config.grid_minor;
        let mut best = 0.0f64;
        let total = grid.len().pow(grades.len() as u32);
        for code in 0..total {
            let indices: Vec<usize> =
                (0..grades.len()).map(|grade| code / grid.len().pow(grade as u32) % grid.len()).collect();
            if config.monotone && indices.windows(2).any(|pair| pair[0] < pair[1]) {
                continue;
            }
            let cells = indices.iter().zip(grades).map(|(&index, grade)| cell(grade, grid[index], config));
            let sum = cells.fold(Cell::default(), |sum, cell| Cell {
                profit: sum.profit + cell.profit,
                capital: sum.capital + cell.capital,
                loss: 0.0,
            });
            if sum.capital <= config.capital_minor.unwrap_or(i64::MAX) as f64 {
                best = best.max(sum.profit);
            }
        }
        best
    }

    #[test]
    fn every_small_case_agrees_with_trying_everything() {
        for monotone in [true, false] {
            for capital in [Some(0), Some(5_000_000), Some(40_000_000), Some(120_000_000), None] {
                let config = OptimalLimitsConfig {
                    grid_minor: vec![0, 100_000, 300_000, 600_000, 1_000_000, 2_000_000, 3_000_000],
                    capital_minor: capital,
                    monotone,
                    ..OptimalLimitsConfig::default()
                };
                let grades = grades(4);
                let found = optimal_limits(&grades, &config).unwrap();
                let best = brute(&grades, &config);
                assert!(found.chosen.profit_minor <= best + 1e-6 && best <= found.bound_minor + 1e-6, "{capital:?}");
                assert!(
                    found.chosen.profit_minor >= 0.9 * best,
                    "{capital:?}: {} of {best}",
                    found.chosen.profit_minor
                );
                if capital.is_none() {
                    assert!((found.chosen.profit_minor - best).abs() < 1e-6);
                }
                assert!(found.chosen.capital_minor <= capital.unwrap_or(i64::MAX) as f64);
            }
        }
    }

    #[test]
    fn the_frontier_is_concave_and_the_limits_fall_by_grade() {
        let found = optimal_limits(&grades(8), &OptimalLimitsConfig::default()).unwrap();
        assert!(found.frontier.len() > 10, "{}", found.frontier.len());
        let slopes: Vec<f64> = found
            .frontier
            .windows(2)
            .map(|pair| (pair[1].profit_minor - pair[0].profit_minor) / (pair[1].capital_minor - pair[0].capital_minor))
            .collect();
        assert!(slopes.windows(2).all(|pair| pair[0] >= pair[1] - 1e-9), "{slopes:?}");
        for point in &found.frontier {
            assert!(point.limits_minor.windows(2).all(|pair| pair[0] >= pair[1]));
        }
        let middle = found.frontier[found.frontier.len() / 2].capital_minor as i64;
        let config = OptimalLimitsConfig { capital_minor: Some(middle), ..OptimalLimitsConfig::default() };
        let tight = optimal_limits(&grades(8), &config).unwrap();
        assert!(tight.shadow_price > 0.0 && tight.chosen.profit_minor < found.chosen.profit_minor);
        assert!(tight.chosen.profit_minor > 0.97 * tight.bound_minor);
    }

    #[test]
    fn nonsense_is_refused_by_field() {
        let mut bad = grades(1);
        bad[0].use_share[1].value = 1.5;
        let error = optimal_limits(&bad, &OptimalLimitsConfig::default()).unwrap_err();
        assert_eq!(error.to_string(), "grades[0].use_share is 1.5: from 0 to 1");
        let config = OptimalLimitsConfig { grid_minor: vec![5], ..OptimalLimitsConfig::default() };
        assert!(optimal_limits(&grades(1), &config).is_err());
        let config = OptimalLimitsConfig { loss_given_default: f64::NAN, ..OptimalLimitsConfig::default() };
        assert!(optimal_limits(&grades(1), &config).is_err());
        assert_eq!(optimal_limits(&[], &OptimalLimitsConfig::default()).unwrap().chosen.profit_minor, 0.0);
    }
}
