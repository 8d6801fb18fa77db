//! A layer of accounts that lets money through.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Money that went from one account to another in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowEdge {
    /// Who paid.
    pub payer: u32,
    /// Who was paid.
    pub payee: u32,
    /// Minor units in all, above zero.
    pub amount_minor: i64,
}

/// Sources, a middle layer and sinks, between which much money moves and little stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlowBlock {
    /// Who pays the middle, ascending.
    pub sources: Vec<u32>,
    /// Who receives and sends on, ascending.
    pub middle: Vec<u32>,
    /// Whom the middle pays, ascending.
    pub sinks: Vec<u32>,
    /// `Σ over the middle of min(in, out) − λ |in − out|`, in minor units, over the number of all three layers.
    pub score_minor: f64,
}

/// The flow-through block that greedy peeling finds among `edges`, with `lambda` the price of a unit that stays in the
/// middle (4 in the paper; 0.25 bears the fees and the living of real mules).
///
/// Accounts of the least worth go first: an account of the middle is worth what it lets through, a source what it pays
/// into the middle, a sink what it takes out of it. The best block met on the way is told.
///
/// ```
/// use dandelion_credit::fraud::{FlowEdge, flow_block};
///
/// let edge = |payer, payee, amount_minor| FlowEdge { payer, payee, amount_minor };
/// // 1 and 2 pay 3 and 4, which send nearly all on to 5; 6 shops at 7.
/// let block = flow_block(
///     &[edge(1, 3, 900), edge(2, 3, 800), edge(2, 4, 900), edge(3, 5, 1_690), edge(4, 5, 890), edge(6, 7, 40)], 0.25,
/// );
/// assert_eq!((&block.sources[..], &block.middle[..], &block.sinks[..]), (&[1, 2][..], &[3, 4][..], &[5][..]));
/// ```
///
/// # Complexity
/// The number of edges times its logarithm.
#[must_use]
pub fn flow_block(edges: &[FlowEdge], lambda: f64) -> FlowBlock {
    // Whatever a caller passes, no sum of sums can overflow.
    let most = i64::MAX / (edges.len() as i64 + 1);
    let counted = edges.iter().filter(|edge| edge.payer != edge.payee && edge.amount_minor > 0);
    let mut sums: Vec<(u32, u32, i64)> =
        counted.map(|edge| (edge.payer, edge.payee, edge.amount_minor.min(most))).collect();
    sums.sort_unstable_by_key(|sum| (sum.0, sum.1));
    sums.dedup_by(|next, sum| {
        let same = (next.0, next.1) == (sum.0, sum.1);
        if same {
            sum.2 = sum.2.saturating_add(next.2).min(most);
        }
        same
    });
    Peeling::new(&sums, lambda).run()
}

/// Roles of an account: it can be peeled from one and stay in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Source,
    Middle,
    Sink,
}

/// When an account is peeled from a role: worth in whole minor units, ties by role, then account, in one number.
type Turn = i128;

fn turn_of(worth: f64, role: Role, account: u32) -> Turn {
    i128::from(worth as i64) << 64 | (role as i128) << 32 | i128::from(account)
}

struct Peeling {
    lambda: f64,
    /// What goes to and comes from each account, by number.
    accounts: Vec<u32>,
    out: Vec<Vec<(u32, i64)>>,
    into: Vec<Vec<(u32, i64)>>,
    inside: [Vec<bool>; 3],
    /// What the middle gets from present sources and gives to present sinks.
    got: Vec<i64>,
    gave: Vec<i64>,
    /// What a source pays into the present middle, and a sink takes out of it.
    paid: Vec<i64>,
    took: Vec<i64>,
}

impl Peeling {
    fn new(sums: &[(u32, u32, i64)], lambda: f64) -> Self {
        let mut accounts: Vec<u32> = sums.iter().flat_map(|sum| [sum.0, sum.1]).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let number = |account: u32| accounts.partition_point(|&other| other < account);
        let n = accounts.len();
        let (mut out, mut into) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        for &(payer, payee, sum) in sums {
            let (payer, payee) = (number(payer), number(payee));
            out[payer].push((payee as u32, sum));
            into[payee].push((payer as u32, sum));
        }
        let middle: Vec<bool> = (0..n).map(|a| !out[a].is_empty() && !into[a].is_empty()).collect();
        let touching = |lists: &[Vec<(u32, i64)>]| -> Vec<i64> {
            let sum = |list: &Vec<(u32, i64)>| list.iter().filter(|p| middle[p.0 as usize]).map(|p| p.1).sum();
            lists.iter().map(sum).collect()
        };
        let (paid, took) = (touching(&out), touching(&into));
        let whole = |lists: &[Vec<(u32, i64)>]| -> Vec<i64> {
            lists.iter().map(|list| list.iter().map(|p| p.1).sum()).collect()
        };
        let (got, gave) = (whole(&into), whole(&out));
        let inside = [paid.iter().map(|&p| p > 0).collect(), middle, took.iter().map(|&t| t > 0).collect()];
        Self { lambda, accounts, out, into, inside, got, gave, paid, took }
    }

    fn worth_of_middle(&self, account: usize) -> f64 {
        let (got, gave) = (self.got[account], self.gave[account]);
        got.min(gave) as f64 - self.lambda * got.abs_diff(gave) as f64
    }

    fn worth(&self, role: Role, account: usize) -> f64 {
        match role {
            Role::Source => self.paid[account] as f64,
            Role::Middle => self.worth_of_middle(account),
            Role::Sink => self.took[account] as f64,
        }
    }

    fn run(mut self) -> FlowBlock {
        let n = self.accounts.len();
        let roles = [Role::Source, Role::Middle, Role::Sink];
        // Whoever falls in worth is put in once more, and whoever rose when its turn comes; what is out of date is passed over.
        let mut queue: BinaryHeap<Reverse<Turn>> = BinaryHeap::new();
        let key =
            |peeling: &Self, role: Role, account: usize| turn_of(peeling.worth(role, account), role, account as u32);
        let mut size = 0usize;
        for role in roles {
            for account in (0..n).filter(|&account| self.inside[role as usize][account]) {
                queue.push(Reverse(key(&self, role, account)));
                size += 1;
            }
        }
        let mut total: f64 = (0..n).filter(|&a| self.inside[1][a]).map(|account| self.worth_of_middle(account)).sum();
        let (mut best, mut best_step, mut order) = (0.0f64, None, Vec::new());
        while let Some(Reverse(first)) = queue.pop() {
            let role = roles[(first >> 32) as usize & 3];
            let account = first as u32 as usize;
            if !self.inside[role as usize][account] {
                continue;
            }
            let now = key(&self, role, account);
            if now != first {
                queue.extend((now > first).then_some(Reverse(now)));
                continue;
            }
            if size > 0 && total / size as f64 > best {
                (best, best_step) = (total / size as f64, Some(order.len()));
            }
            self.inside[role as usize][account] = false;
            order.push((role, account));
            size -= 1;
            match role {
                Role::Middle => {
                    total -= self.worth_of_middle(account);
                    for (other, list) in [
                        (Role::Source, std::mem::take(&mut self.into[account])),
                        (Role::Sink, std::mem::take(&mut self.out[account])),
                    ] {
                        for &(peer, sum) in &list {
                            let place = peer as usize;
                            let worth = if other == Role::Source { &mut self.paid } else { &mut self.took };
                            worth[place] -= sum;
                            if self.inside[other as usize][place] {
                                queue.push(Reverse(key(&self, other, place)));
                            }
                        }
                        let lists = if other == Role::Source { &mut self.into } else { &mut self.out };
                        lists[account] = list;
                    }
                }
                Role::Source | Role::Sink => {
                    let lists = if role == Role::Source { &mut self.out } else { &mut self.into };
                    let list = std::mem::take(&mut lists[account]);
                    for &(peer, sum) in &list {
                        let place = peer as usize;
                        let there = self.inside[Role::Middle as usize][place];
                        let before = self.worth_of_middle(place);
                        if there {
                            total -= before;
                        }
                        let column = if role == Role::Source { &mut self.got } else { &mut self.gave };
                        column[place] -= sum;
                        if there {
                            let now = self.worth_of_middle(place);
                            total += now;
                            if now < before {
                                queue.push(Reverse(turn_of(now, Role::Middle, peer)));
                            }
                        }
                    }
                    let lists = if role == Role::Source { &mut self.out } else { &mut self.into };
                    lists[account] = list;
                }
            }
        }
        let Some(step) = best_step else { return FlowBlock::default() };
        let kept = |role: Role| {
            let mut accounts: Vec<u32> = order[step..]
                .iter()
                .filter(|(other, _)| *other == role)
                .map(|&(_, account)| self.accounts[account])
                .collect();
            accounts.sort_unstable();
            accounts
        };
        FlowBlock {
            sources: kept(Role::Source),
            middle: kept(Role::Middle),
            sinks: kept(Role::Sink),
            score_minor: best,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_that_stays_makes_no_layer() {
        let edge = |payer, payee, amount_minor| FlowEdge { payer, payee, amount_minor };
        let block = flow_block(&[edge(1, 2, 1_000), edge(2, 3, 10)], 1.0);
        assert_eq!(block, FlowBlock::default());
        assert_eq!(flow_block(&[], 1.0), FlowBlock::default());
        assert_eq!(flow_block(&[edge(1, 1, 5), edge(1, 2, -5)], 1.0), FlowBlock::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_score_is_that_of_the_layers_told(
            rows in prop::collection::vec((0u32..7, 0u32..7, 1i64..100), 1..30), lambda in 0.0f64..2.0,
        ) {
            let edges: Vec<FlowEdge> =
                rows.iter().map(|&(payer, payee, amount_minor)| FlowEdge { payer, payee, amount_minor }).collect();
            let block = flow_block(&edges, lambda);
            let sum = |from: &dyn Fn(u32) -> bool, to: &dyn Fn(u32) -> bool| -> i64 {
                edges.iter().filter(|e| e.payer != e.payee && from(e.payer) && to(e.payee)).map(|e| e.amount_minor).sum()
            };
            let worth: f64 = block.middle.iter().map(|&m| {
                let got = sum(&|a| block.sources.contains(&a), &|b| b == m);
                let gave = sum(&|a| a == m, &|b| block.sinks.contains(&b));
                got.min(gave) as f64 - lambda * got.abs_diff(gave) as f64
            }).sum();
            let size = block.sources.len() + block.middle.len() + block.sinks.len();
            if size > 0 {
                prop_assert!((worth / size as f64 - block.score_minor).abs() < 1e-6);
            }
            // Peeling never does worse than everybody together.
            let all = |_: u32| true;
            let whole: f64 = (0..7).map(|m| {
                let got = sum(&all, &|b| b == m);
                let gave = sum(&|a| a == m, &all);
                if got > 0 && gave > 0 { got.min(gave) as f64 - lambda * got.abs_diff(gave) as f64 } else { 0.0 }
            }).sum();
            prop_assert!(block.score_minor * 21.0 >= whole.max(0.0) - 1e-6);
        }
    }
}
