//! The dense block while edges arrive.

use std::collections::HashMap;

use super::DenseBlock;
use super::dense::dense_block;
use super::edge_weight;

/// Keeps the dense block of a growing set of payments.
///
/// Most payments cannot change the block: an edge between two accounts whose weights, with the edge, stay below the
/// block's density is peeled before the block is reached (the benign edges of Spade). Such edges wait; one that could
/// matter has the peeling done again, over the accounts that could be in a block at all: those of a weight of at least
/// the density found so far. The block told is, at any time, at least half as dense as the densest among all edges seen.
///
/// ```
/// use dandelion_credit::fraud::BlockWatch;
///
/// let mut watch = BlockWatch::new();
/// let mut peeled = 0;
/// for customer in 0..1_000 {
///     peeled += u32::from(watch.pay(100 + customer, customer % 50));
/// }
/// for i in 0..25 {
///     watch.pay(5_000 + i / 5, 6_000 + i % 5);
/// }
/// assert_eq!(watch.block().payees, [6_000, 6_001, 6_002, 6_003, 6_004]);
/// assert!(peeled < 100, "customers of shops are no reason to look again");
/// ```
#[derive(Debug, Clone, Default)]
pub struct BlockWatch {
    /// Payees of each payer and payers of each payee.
    payees_of: HashMap<u32, Vec<u32>>,
    payers_of: HashMap<u32, Vec<u32>>,
    block: DenseBlock,
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
    /// The number of payments of the two accounts for an edge that cannot matter; otherwise that of a peeling of the
    /// accounts that could be in a block.
    pub fn pay(&mut self, payer: u32, payee: u32) -> bool {
        let payees = self.payees_of.entry(payer).or_default();
        match payees.binary_search(&payee) {
            Ok(_) => return false,
            Err(place) => payees.insert(place, payee),
        }
        let payers = self.payers_of.entry(payee).or_default();
        let place = payers.partition_point(|&other| other < payer);
        payers.insert(place, payer);
        // A block that contains the new edge is denser than the present one only if both its ends weigh more than that.
        let density = self.block.density;
        let matters = self.weight_of_payer(payer) > density && self.weight_of_payee(payee) > density;
        if matters {
            self.peel();
        }
        matters
    }

    /// The dense block of everything seen.
    #[must_use]
    pub fn block(&self) -> &DenseBlock {
        &self.block
    }

    fn weight_of_payer(&self, payer: u32) -> f64 {
        let payers = |payee: &u32| self.payers_of[payee].len();
        self.payees_of[&payer].iter().map(|payee| edge_weight(payers(payee))).sum::<u64>() as f64 / UNIT
    }

    fn weight_of_payee(&self, payee: u32) -> f64 {
        let payers = self.payers_of[&payee].len();
        (edge_weight(payers) * payers as u64) as f64 / UNIT
    }

    fn peel(&mut self) {
        let density = self.block.density / 2.0;
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (&payer, payees) in &self.payees_of {
            if self.weight_of_payer(payer) >= density {
                pairs.extend(payees.iter().filter(|&&p| self.weight_of_payee(p) >= density).map(|&p| (payer, p)));
            }
        }
        self.block = dense_block(&pairs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_watched_block_is_within_half_of_a_peeling_of_everything(
            pairs in prop::collection::vec((0u32..8, 20u32..26), 1..40),
        ) {
            let mut watch = BlockWatch::new();
            for (seen, &(payer, payee)) in pairs.iter().enumerate() {
                watch.pay(payer, payee);
                let whole = dense_block(&pairs[..=seen]);
                prop_assert!(watch.block().density * 2.0 >= whole.density - 1e-9);
            }
        }
    }
}
