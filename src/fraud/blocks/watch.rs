//! The dense block while edges arrive.

use std::collections::HashMap;

use super::DenseBlock;
use super::dense::peel_pairs;
use super::edge_weight;

/// Keeps the dense block of a growing set of payments.
///
/// Most payments cannot change the block. Every payment is laid on one of its two ends, on the one that bears less; no
/// block is denser than the heaviest load (each edge of a block is borne inside it). While the heaviest load is at most
/// twice the density of the block, the block is therefore at least half as dense as the densest there is, and nothing
/// needs doing; only a payment that lifts the load past that has the peeling done again, over the accounts that could be
/// in a block at all, and loads start anew from the order of the peeling. (The idea is that of Spade's benign edges; the
/// bound by loads is Charikar's, APPROX 2000.)
///
/// ```
/// use dandelion_credit::fraud::BlockWatch;
///
/// let mut watch = BlockWatch::new();
/// let mut peeled = 0;
/// for customer in 0..1_000 {
///     peeled += u32::from(watch.pay(100 + customer, customer % 50));
/// }
/// assert!(peeled < 20, "customers of shops are seldom a reason to look again");
/// for i in 0..25 {
///     watch.pay(5_000 + i / 5, 6_000 + i % 5);
/// }
/// assert_eq!(watch.block().payees, [6_000, 6_001, 6_002, 6_003, 6_004]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct BlockWatch {
    /// Payees of each payer and payers of each payee, ascending.
    payees_of: HashMap<u32, Vec<u32>>,
    payers_of: HashMap<u32, Vec<u32>>,
    /// At least what each end bears of the payments seen, in the units of [`edge_weight`].
    payer_load: HashMap<u32, u64>,
    payee_load: HashMap<u32, u64>,
    heaviest: u64,
    block: DenseBlock,
    /// Payers inside the block of each of its payees.
    inner: Vec<u64>,
}

/// A density in the units of [`edge_weight`].
const UNIT: f64 = (1u64 << 20) as f64;

impl BlockWatch {
    /// No payments yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one payment in and says whether the block was peeled again for it. Repeats change nothing.
    ///
    /// # Complexity
    /// The number of payments of the two accounts, and of payees of the block, for an edge that cannot matter; otherwise
    /// that of a peeling.
    pub fn pay(&mut self, payer: u32, payee: u32) -> bool {
        let payees = self.payees_of.entry(payer).or_default();
        match payees.binary_search(&payee) {
            Ok(_) => return false,
            Err(place) => payees.insert(place, payee),
        }
        let payers = self.payers_of.entry(payee).or_default();
        let place = payers.partition_point(|&other| other < payer);
        payers.insert(place, payer);
        let weight = edge_weight(payers.len());
        self.bear(payer, payee, weight);
        if let Ok(place) = self.block.payees.binary_search(&payee) {
            self.inner[place] += u64::from(self.block.payers.binary_search(&payer).is_ok());
            self.block.density = self.density();
        }
        let matters = self.heaviest as f64 / UNIT > 2.0 * self.block.density;
        if matters {
            self.peel();
        }
        matters
    }

    /// The dense block of everything seen: at least half as dense as the densest there is.
    #[must_use]
    pub fn block(&self) -> &DenseBlock {
        &self.block
    }

    /// Lays a new edge on the end that bears less. The payee's other edges have become lighter, which its load ignores.
    fn bear(&mut self, payer: u32, payee: u32, weight: u64) {
        let payer = self.payer_load.entry(payer).or_default();
        let payee = self.payee_load.entry(payee).or_default();
        let lighter = if *payer <= *payee { payer } else { payee };
        *lighter += weight;
        self.heaviest = self.heaviest.max(*lighter);
    }

    /// The block's density today: payers from outside make payments to its payees weigh less.
    fn density(&self) -> f64 {
        let weight = |(payee, inner): (&u32, &u64)| inner * edge_weight(self.payers_of[payee].len());
        let total: u64 = self.block.payees.iter().zip(&self.inner).map(weight).sum();
        total as f64 / UNIT / (self.block.payers.len() + self.block.payees.len()) as f64
    }

    fn weight_of_payer(&self, payer: u32) -> u64 {
        self.payees_of[&payer].iter().map(|payee| edge_weight(self.payers_of[payee].len())).sum()
    }

    fn weight_of_payee(&self, payee: u32) -> u64 {
        let payers = self.payers_of[&payee].len();
        edge_weight(payers) * payers as u64
    }

    /// Peels the accounts that weigh at least the density of the block, as all do that are in the densest. Edges of the
    /// others are borne by those others, who weigh less than that.
    fn peel(&mut self) {
        let least = (self.block.density * UNIT) as u64;
        self.payer_load = self.payees_of.keys().map(|&payer| (payer, self.weight_of_payer(payer))).collect();
        self.payee_load = self.payers_of.keys().map(|&payee| (payee, self.weight_of_payee(payee))).collect();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (&payer, payees) in self.payees_of.iter().filter(|(payer, _)| self.payer_load[*payer] >= least) {
            pairs.extend(payees.iter().filter(|payee| self.payee_load[*payee] >= least).map(|&payee| (payer, payee)));
        }
        pairs.sort_unstable();
        let peeled = peel_pairs(&pairs, |payee| self.payers_of[&payee].len());
        self.payer_load.extend(peeled.payer_load);
        self.payee_load.extend(peeled.payee_load);
        self.heaviest = self.payer_load.values().chain(self.payee_load.values()).copied().max().unwrap_or(0);
        self.block = peeled.block;
        let inside = |payee: &u32| {
            self.payers_of[payee].iter().filter(|payer| self.block.payers.binary_search(payer).is_ok()).count() as u64
        };
        self.inner = self.block.payees.iter().map(inside).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::dense_block;
    use super::*;
    use proptest::prelude::*;

    /// The density of a block, added up from the pairs.
    fn density_of(block: &DenseBlock, pairs: &[(u32, u32)]) -> f64 {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs.dedup();
        let popularity = |payee: u32| pairs.iter().filter(|pair| pair.1 == payee).count();
        let inside = pairs.iter().filter(|pair| block.payers.contains(&pair.0) && block.payees.contains(&pair.1));
        let total: u64 = inside.map(|pair| edge_weight(popularity(pair.1))).sum();
        total as f64 / UNIT / (block.payers.len() + block.payees.len()) as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_watched_block_is_within_half_of_a_peeling_of_everything(
            pairs in prop::collection::vec((0u32..8, 20u32..26), 1..40),
        ) {
            let mut watch = BlockWatch::new();
            for (seen, &(payer, payee)) in pairs.iter().enumerate() {
                watch.pay(payer, payee);
                let (seen, block) = (&pairs[..=seen], watch.block());
                prop_assert!(block.density * 2.0 >= dense_block(seen).density - 1e-9);
                prop_assert!((block.density - density_of(block, seen)).abs() < 1e-9, "the density told is today's");
            }
        }
    }
}
