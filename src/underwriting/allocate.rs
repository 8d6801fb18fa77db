//! A night's applicants to lenders under their budgets.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::parallel;
use crate::progress::Progress;

/// One lender's offer to one applicant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocationOffer {
    /// The applicant, from 0; offers are sorted by it.
    pub applicant: u32,
    /// The lender, from 0.
    pub lender: u32,
    /// What it takes of the lender's budget, minor units, above zero.
    pub amount_minor: i64,
    /// What it is worth to the platform (expected profit, or the merchant's gain), minor units; zero and below is never
    /// taken.
    pub value_minor: i64,
}

/// How hard to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AllocationConfig {
    /// Steps of the price search, 1 to 100,000.
    pub steps: u32,
    /// Stop when the allocation is proven to be within this share of the best there can be.
    pub gap: f64,
}

impl Default for AllocationConfig {
    fn default() -> Self {
        Self { steps: 120, gap: 0.000_5 }
    }
}

/// Who lends to whom, and how far from the best that can be at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// For each applicant, the index of its offer; none when nobody lends.
    pub chosen: Vec<Option<u32>>,
    /// What it is worth, minor units.
    pub value_minor: i64,
    /// No allocation can be worth more than this, minor units.
    pub bound_minor: i64,
    /// What greedy allocation (the best value for a unit of budget first) is worth, minor units; never more than
    /// `value_minor`.
    pub greedy_minor: i64,
    /// Left of each lender's budget, minor units.
    pub left_minor: Vec<i64>,
    /// What one more unit of each lender's budget would be worth: its shadow price.
    pub shadow_price: Vec<f64>,
    /// Steps taken.
    pub steps: u32,
}

impl Allocation {
    /// The proven distance from the best allocation, as a share of the bound; zero when nothing can be gained.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.bound_minor <= 0 { 0.0 } else { (self.bound_minor - self.value_minor) as f64 / self.bound_minor as f64 }
    }
}

/// Applicants in a chunk of the price search.
const CHUNK: usize = 16_384;

/// Gives each applicant at most one offer so that every lender stays within its budget and the total value is large.
///
/// Greedy allocation spends a lender's budget on merchants others would have served. Here each lender's budget gets a
/// price, every applicant takes the offer worth most after paying it, and the prices move until budgets and demand meet
/// (Lagrangian relaxation with Polyak's subgradient steps; Fisher, *Management Science* 27(1), 1981). The prices give a
/// proven upper bound, and the allocation repaired from them is compared with greedy: the better is returned with its gap.
///
/// # Errors
/// [`Error::is_invalid`] when offers are not sorted by applicant, name a lender without a budget, have an amount that is
/// not above zero, or a budget is below zero; [`Error::is_overflow`] when the values do not add up in 63 bits;
/// [`Error::is_cancelled`] when progress asks to stop.
///
/// # Complexity
/// O(steps × offers) after one sort of the applicants.
///
/// ```
/// use dandelion_credit::Progress;
/// use dandelion_credit::underwriting::{AllocationConfig, AllocationOffer, allocate};
///
/// let offer = |applicant, lender, value_minor| AllocationOffer { applicant, lender, amount_minor: 100, value_minor };
/// // Greedy gives lender 0 to the first applicant, who had another choice, and leaves the second with nothing.
/// let offers = [offer(0, 0, 10), offer(0, 1, 9), offer(1, 0, 8)];
/// let allocation = allocate(&offers, 2, &[100, 100], &AllocationConfig::default(), Progress::silent())?;
/// assert_eq!((allocation.value_minor, allocation.greedy_minor), (17, 10));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
pub fn allocate(
    offers: &[AllocationOffer],
    applicants: usize,
    budgets: &[i64],
    config: &AllocationConfig,
    progress: Progress<'_>,
) -> Result<Allocation> {
    check(offers, applicants, budgets, config)?;
    let starts = starts(offers, applicants);
    let problem = Problem { offers, starts: &starts, budgets };

    let greedy = problem.greedy();
    let greedy_minor = problem.value(&greedy);
    let mut best = Best { value_minor: greedy_minor, chosen: greedy };
    let mut descent = Descent::new(budgets.len());
    let mut taken = 0;
    for step in 0..config.steps {
        progress.step("allocating to lenders", u64::from(step), u64::from(config.steps))?;
        taken = step + 1;
        let relaxed = problem.relaxed(&descent.prices);
        let dual = descent.bound_by(&relaxed, budgets);
        // A repair costs a sort, so it is made while prices still move much, then now and then.
        if step < 8 || step % 6 == 0 || step + 1 == config.steps {
            best.or(&problem, problem.repaired(&descent.prices));
        }
        let bound = descent.bound;
        let is_close = bound <= 0.0 || (bound - best.value_minor as f64) / bound <= config.gap;
        if is_close || !descent.step(dual, &relaxed.used, budgets, best.value_minor) {
            break;
        }
    }
    // One last repair at the prices of the best bound.
    best.or(&problem, problem.repaired(&descent.best_prices));
    let mut left: Vec<i64> = budgets.to_vec();
    for offer in best.chosen.iter().flatten().map(|&index| &offers[index as usize]) {
        left[offer.lender as usize] -= offer.amount_minor;
    }
    // Float sums of the bound err by far less than this.
    let bound_minor = (descent.bound * (1.0 + 1e-9)).ceil().min(i64::MAX as f64) as i64;
    Ok(Allocation {
        chosen: best.chosen,
        value_minor: best.value_minor,
        bound_minor: bound_minor.max(best.value_minor),
        greedy_minor,
        left_minor: left,
        shadow_price: descent.best_prices,
        steps: taken,
    })
}

/// The best allocation so far.
struct Best {
    value_minor: i64,
    chosen: Vec<Option<u32>>,
}

impl Best {
    /// Keeps the better of the two.
    fn or(&mut self, problem: &Problem<'_>, chosen: Vec<Option<u32>>) {
        let value_minor = problem.value(&chosen);
        if value_minor > self.value_minor {
            *self = Self { value_minor, chosen };
        }
    }
}

/// Prices of the budgets on their way down to the least upper bound.
struct Descent {
    prices: Vec<f64>,
    /// The least upper bound met, and the prices there.
    bound: f64,
    best_prices: Vec<f64>,
    /// Share of Polyak's step; less each time five steps brought nothing.
    agility: f64,
    stale: u32,
}

impl Descent {
    fn new(lenders: usize) -> Self {
        let prices = vec![0.0; lenders];
        Self { best_prices: prices.clone(), prices, bound: f64::INFINITY, agility: 1.0, stale: 0 }
    }

    /// The upper bound that the prices prove; kept when it is the least.
    fn bound_by(&mut self, relaxed: &Relaxed, budgets: &[i64]) -> f64 {
        let spent: f64 = self.prices.iter().zip(budgets).map(|(price, &budget)| price * budget as f64).sum();
        let dual = relaxed.value + spent;
        if dual < self.bound {
            self.bound = dual;
            self.best_prices.clone_from(&self.prices);
            self.stale = 0;
        } else {
            self.stale += 1;
            if self.stale >= 5 {
                self.agility *= 0.6;
                self.stale = 0;
            }
        }
        dual
    }

    /// Moves each price with the excess demand for its budget; false when nothing pulls.
    fn step(&mut self, dual: f64, used: &[i128], budgets: &[i64], best_minor: i64) -> bool {
        let excess: Vec<f64> =
            used.iter().zip(budgets).map(|(&used, &budget)| (used - i128::from(budget)) as f64).collect();
        // Lenders whose price is zero and whose budget is not reached pull nowhere.
        let pulls = |(excess, price): &(&f64, &f64)| **excess > 0.0 || **price > 0.0;
        let norm: f64 = excess.iter().zip(&self.prices).filter(pulls).map(|(excess, _)| excess * excess).sum();
        if norm == 0.0 {
            return false;
        }
        let length = self.agility * (dual - best_minor as f64).max(1.0) / norm;
        for (price, excess) in self.prices.iter_mut().zip(&excess) {
            *price = (*price + length * excess).max(0.0);
        }
        true
    }
}

fn check(offers: &[AllocationOffer], applicants: usize, budgets: &[i64], config: &AllocationConfig) -> Result<()> {
    if !(1..=100_000).contains(&config.steps) {
        return Err(Error::invalid("allocation.steps", config.steps, "1 to 100,000"));
    }
    if !(0.0..=1.0).contains(&config.gap) {
        return Err(Error::invalid("allocation.gap", config.gap, "from 0 to 1"));
    }
    if u32::try_from(offers.len()).is_err() {
        return Err(Error::overflow("offers", "at most 4,294,967,295"));
    }
    if let Some(lender) = budgets.iter().position(|budget| *budget < 0) {
        return Err(Error::invalid(format!("budget of lender {lender}"), budgets[lender], "zero or more minor units"));
    }
    let mut total = 0i64;
    for (index, offer) in offers.iter().enumerate() {
        let place = |name: &str| format!("offer {index}: {name}");
        if offer.applicant as usize >= applicants {
            return Err(Error::unknown(place("applicant"), offer.applicant));
        }
        if index > 0 && offers[index - 1].applicant > offer.applicant {
            return Err(Error::invalid(place("applicant"), offer.applicant, "sorted by applicant"));
        }
        if offer.lender as usize >= budgets.len() {
            return Err(Error::unknown(place("lender"), offer.lender));
        }
        if offer.amount_minor <= 0 {
            return Err(Error::invalid(place("amount"), offer.amount_minor, "above zero"));
        }
        let long = || Error::overflow("total value of the offers", "at most what 63 bits hold");
        total = total.checked_add(offer.value_minor.max(0)).ok_or_else(long)?;
    }
    Ok(())
}

fn starts(offers: &[AllocationOffer], applicants: usize) -> Vec<u32> {
    let mut starts = vec![0u32; applicants + 1];
    for offer in offers {
        starts[offer.applicant as usize + 1] += 1;
    }
    for index in 1..starts.len() {
        starts[index] += starts[index - 1];
    }
    starts
}

struct Problem<'a> {
    offers: &'a [AllocationOffer],
    starts: &'a [u32],
    budgets: &'a [i64],
}

struct Relaxed {
    value: f64,
    used: Vec<i128>,
}

impl Problem<'_> {
    fn applicants(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, applicant: usize) -> std::ops::Range<usize> {
        self.starts[applicant] as usize..self.starts[applicant + 1] as usize
    }

    fn value(&self, chosen: &[Option<u32>]) -> i64 {
        chosen.iter().flatten().map(|&index| self.offers[index as usize].value_minor).sum()
    }

    fn reduced(&self, index: usize, prices: &[f64]) -> f64 {
        let offer = &self.offers[index];
        offer.value_minor as f64 - prices[offer.lender as usize] * offer.amount_minor as f64
    }

    /// The best offer of an applicant after prices, when any is worth more than nothing.
    fn pick(&self, applicant: usize, prices: &[f64]) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for index in self.of(applicant) {
            let reduced = self.reduced(index, prices);
            if reduced > 0.0 && best.is_none_or(|(_, before)| reduced > before) {
                best = Some((index, reduced));
            }
        }
        best
    }

    /// Everybody takes its best offer after prices, budgets or not.
    fn relaxed(&self, prices: &[f64]) -> Relaxed {
        let parts = parallel::map_chunks(self.applicants(), CHUNK, |range| {
            let mut part = Relaxed { value: 0.0, used: vec![0; self.budgets.len()] };
            for applicant in range {
                if let Some((index, reduced)) = self.pick(applicant, prices) {
                    part.value += reduced;
                    part.used[self.offers[index].lender as usize] += i128::from(self.offers[index].amount_minor);
                }
            }
            part
        });
        let mut all = Relaxed { value: 0.0, used: vec![0; self.budgets.len()] };
        for part in parts {
            all.value += part.value;
            for (used, more) in all.used.iter_mut().zip(part.used) {
                *used += more;
            }
        }
        all
    }

    /// The best value for a unit of budget first.
    fn greedy(&self) -> Vec<Option<u32>> {
        let mut order: Vec<u32> = (0..self.offers.len() as u32).collect();
        order.retain(|&index| self.offers[index as usize].value_minor > 0);
        let density = |index: u32| {
            let offer = &self.offers[index as usize];
            offer.value_minor as f64 / offer.amount_minor as f64
        };
        order.sort_by(|&a, &b| density(b).total_cmp(&density(a)).then(a.cmp(&b)));
        let mut left = self.budgets.to_vec();
        let mut chosen = vec![None; self.applicants()];
        for index in order {
            let offer = &self.offers[index as usize];
            let lender = offer.lender as usize;
            if chosen[offer.applicant as usize].is_none() && offer.amount_minor <= left[lender] {
                left[lender] -= offer.amount_minor;
                chosen[offer.applicant as usize] = Some(index);
            }
        }
        chosen
    }

    /// The relaxed choice made to fit: those who would lose most by not getting it come first, the others take their next
    /// best; then what budget is left goes to whoever can still use it, and choices are bettered while they can be.
    fn repaired(&self, prices: &[f64]) -> Vec<Option<u32>> {
        let regret = parallel::map_chunks(self.applicants(), CHUNK, |range| {
            range.map(|applicant| self.regret(applicant, prices)).collect::<Vec<f64>>()
        })
        .concat();
        let mut order: Vec<u32> = (0..self.applicants() as u32).collect();
        order.sort_by(|&a, &b| regret[b as usize].total_cmp(&regret[a as usize]).then(a.cmp(&b)));
        let mut left = self.budgets.to_vec();
        let mut chosen: Vec<Option<u32>> = vec![None; self.applicants()];
        // First at the prices, then without them for what is left over, then moves to something better.
        for pass in 0..3 {
            for &applicant in &order {
                let now = chosen[applicant as usize];
                if pass < 2 && now.is_some() {
                    continue;
                }
                if let Some(index) = now {
                    let offer = &self.offers[index as usize];
                    left[offer.lender as usize] += offer.amount_minor;
                }
                let mut best: Option<(usize, f64)> = None;
                for index in self.of(applicant as usize) {
                    let offer = &self.offers[index];
                    if offer.value_minor <= 0 || offer.amount_minor > left[offer.lender as usize] {
                        continue;
                    }
                    let worth = if pass == 0 { self.reduced(index, prices) } else { offer.value_minor as f64 };
                    if worth > 0.0 && best.is_none_or(|(_, before)| worth > before) {
                        best = Some((index, worth));
                    }
                }
                let next = best.map(|(index, _)| index as u32).or(now);
                if let Some(index) = next {
                    let offer = &self.offers[index as usize];
                    left[offer.lender as usize] -= offer.amount_minor;
                }
                chosen[applicant as usize] = next;
            }
        }
        chosen
    }

    /// What an applicant loses after prices when its best offer is gone, for a unit of budget.
    fn regret(&self, applicant: usize, prices: &[f64]) -> f64 {
        let (mut first, mut second, mut amount) = (0.0, 0.0, 1.0);
        for index in self.of(applicant) {
            let reduced = self.reduced(index, prices);
            if reduced > first {
                second = first;
                first = reduced;
                amount = self.offers[index].amount_minor as f64;
            } else if reduced > second {
                second = reduced;
            }
        }
        (first - second) / amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with no pattern, the same every time.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }
    }

    fn market(applicants: u32, lenders: u32, each: u64, seed: u64) -> (Vec<AllocationOffer>, Vec<i64>) {
        let mut dice = Dice(seed);
        let mut offers = Vec::new();
        let mut total = 0;
        for applicant in 0..applicants {
            let mut seen = Vec::new();
            for _ in 0..1 + dice.below(each) {
                let lender = dice.below(u64::from(lenders)) as u32;
                if seen.contains(&lender) {
                    continue;
                }
                seen.push(lender);
                let amount_minor = 100 + dice.below(900) as i64;
                let value_minor = amount_minor * (5 + dice.below(30) as i64) / 100;
                total += amount_minor;
                offers.push(AllocationOffer { applicant, lender, amount_minor, value_minor });
            }
        }
        // Enough for about half of the applicants.
        let budget = total / i64::from(lenders) / 5;
        (offers, vec![budget; lenders as usize])
    }

    fn exact(problem: &Problem<'_>, applicant: usize, left: &mut Vec<i64>) -> i64 {
        if applicant == problem.applicants() {
            return 0;
        }
        let mut best = exact(problem, applicant + 1, left);
        for index in problem.of(applicant) {
            let offer = problem.offers[index];
            let lender = offer.lender as usize;
            if offer.amount_minor <= left[lender] {
                left[lender] -= offer.amount_minor;
                best = best.max(offer.value_minor + exact(problem, applicant + 1, left));
                left[lender] += offer.amount_minor;
            }
        }
        best
    }

    #[test]
    fn the_bound_holds_and_greedy_is_never_better_on_small_worlds() {
        let mut won = 0;
        for seed in 0..60 {
            let (offers, budgets) = market(9, 3, 3, seed);
            let starts = starts(&offers, 9);
            let problem = Problem { offers: &offers, starts: &starts, budgets: &budgets };
            let optimum = exact(&problem, 0, &mut budgets.clone());
            let found = allocate(&offers, 9, &budgets, &AllocationConfig::default(), Progress::silent()).unwrap();
            assert!(found.value_minor <= optimum && optimum <= found.bound_minor, "{seed}");
            assert!(found.greedy_minor <= found.value_minor);
            won += u32::from(found.value_minor == optimum);
        }
        assert!(won >= 30, "the optimum is found in most small worlds: {won} of 60");
    }

    #[test]
    fn large_nights_are_near_the_bound_and_within_budget() {
        let (offers, budgets) = market(4_000, 20, 8, 7);
        let found = allocate(&offers, 4_000, &budgets, &AllocationConfig::default(), Progress::silent()).unwrap();
        assert!(found.gap() < 0.005, "{}", found.gap());
        assert!(found.value_minor > found.greedy_minor);
        assert!(found.left_minor.iter().all(|left| *left >= 0));
        let mut used = [0; 20];
        for (applicant, index) in found.chosen.iter().enumerate() {
            if let Some(index) = index {
                let offer = offers[*index as usize];
                assert_eq!(offer.applicant as usize, applicant);
                used[offer.lender as usize] += offer.amount_minor;
            }
        }
        for ((used, left), budget) in used.iter().zip(&found.left_minor).zip(&budgets) {
            assert_eq!(used + left, *budget);
        }
    }

    #[test]
    fn bad_offers_are_refused_by_place() {
        let offer = AllocationOffer { applicant: 0, lender: 0, amount_minor: 1, value_minor: 1 };
        let run = |offers: &[AllocationOffer], budgets: &[i64]| {
            allocate(offers, 1, budgets, &AllocationConfig::default(), Progress::silent())
        };
        assert!(run(&[AllocationOffer { lender: 1, ..offer }], &[1]).unwrap_err().is_unknown());
        assert!(run(&[AllocationOffer { applicant: 1, ..offer }], &[1]).unwrap_err().is_unknown());
        assert!(run(&[AllocationOffer { amount_minor: 0, ..offer }], &[1]).unwrap_err().is_invalid());
        assert!(run(&[offer], &[-1]).unwrap_err().to_string().starts_with("budget of lender 0"));
        assert_eq!(run(&[], &[]).unwrap().chosen, [None]);
        let rich = AllocationOffer { value_minor: i64::MAX, ..offer };
        assert!(run(&[rich, rich], &[1]).unwrap_err().is_overflow());
    }
}
