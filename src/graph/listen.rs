//! What accounts were told of their triangles, added up account by account.

use std::ops::Range;

use crate::graph::alters::{Alter, Alters};
use crate::graph::components::Components;
use crate::graph::corner::{Corner, Ties, squared_amounts, squared_counts};
use crate::graph::corners::{AMOUNTS, COUNT, COUNTS, Space, Work, amount_told, count_told, inverse_told};
use crate::graph::enumerate::CornerPart;
use crate::graph::kinds::add_up;

/// The workspace of one bucket at a time.
#[derive(Debug, Default)]
pub(super) struct Listener {
    /// Where what each account was told begins.
    starts: Vec<u32>,
    /// Ways of the triangles, by account.
    ways: Vec<u8>,
    /// The two others, by name and then by number.
    pairs: Vec<[u32; 2]>,
    /// The counts of the three relations, and the two others' totals.
    counts: Vec<[u32; 3]>,
    /// The amounts of the three relations, and the two others' totals.
    amounts: Vec<[u32; 5]>,
    alters: Alters,
    components: Components,
    ties: Ties,
}

impl Listener {
    /// Adds up what the accounts of one bucket were told in records of `LEN` words.
    #[inline(never)]
    pub fn listen<const LEN: usize>(
        &mut self,
        work: Work<'_>,
        bucket: usize,
        spaces: &[Space],
        part: &mut CornerPart<'_>,
    ) {
        let range = work.lines.buckets.range(bucket);
        self.deal::<LEN>(bucket, range.len(), spaces);
        for (local, account) in range.enumerate() {
            let told = self.starts[local] as usize..self.starts[local + 1] as usize;
            let mut sums = [0; 6];
            add_up(&mut sums, &self.ways[told.clone()]);
            let [payers, one_sided, kinds @ ..] = sums;
            let mut corner = Corner {
                triangles: told.len() as u64,
                payer_pairs: [payers, one_sided],
                kinds,
                constraint: f64::NAN,
                constraint_amount: f64::NAN,
                alters: [0; 2],
            };
            if LEN > 1 {
                self.know(work, account, told, &mut corner);
            }
            part.set(local, &corner);
        }
    }

    /// Sorts what the `accounts` of a bucket were told by account.
    fn deal<const LEN: usize>(&mut self, bucket: usize, accounts: usize, spaces: &[Space]) {
        let Self { starts, ways, pairs, counts, amounts, .. } = self;
        let blocks = || spaces.iter().flat_map(|space| space.told.blocks(bucket));
        let records = || blocks().flat_map(|block| block.as_chunks::<LEN>().0);
        // Where the records of each account end, and, once they are dealt out, where they begin.
        starts.clear();
        starts.resize(accounts + 1, 0);
        records().for_each(|record| starts[(record[0] >> 16) as usize] += 1);
        let mut end = 0;
        for start in starts.iter_mut() {
            end += *start;
            *start = end;
        }
        let end = end as usize;
        ways.resize(ways.len().max(end), 0);
        pairs.resize(if LEN > 1 { pairs.len().max(end) } else { 0 }, Default::default());
        counts.resize(if LEN > COUNTS { counts.len().max(end) } else { 0 }, Default::default());
        amounts.resize(if LEN > AMOUNTS { amounts.len().max(end) } else { 0 }, Default::default());
        for record in records() {
            let cursor = &mut starts[(record[0] >> 16) as usize];
            *cursor -= 1;
            let at = *cursor as usize;
            ways[at] = (record[0] & 63) as u8;
            if LEN > 1 {
                pairs[at].copy_from_slice(&record[1..COUNTS]);
            }
            if LEN > COUNTS {
                counts[at].copy_from_slice(&record[COUNTS..AMOUNTS]);
            }
            if LEN > AMOUNTS {
                amounts[at].copy_from_slice(&record[AMOUNTS..]);
            }
        }
    }

    /// Adds what an account's counterparties in triangles come to.
    #[inline]
    fn know(&mut self, work: Work<'_>, account: usize, told: Range<usize>, corner: &mut Corner) {
        let Self { pairs, counts, amounts, alters, components, ties, .. } = self;
        let Work { graph, totals, needs, .. } = work;
        let row = graph.row(account);
        let (counts, amounts) = (counts.get(told.clone()), amounts.get(told.clone()));
        let pairs = &mut pairs[told];
        alters.begin(row.len().min(2 * pairs.len()));
        for (at, [one, other]) in pairs.iter_mut().enumerate() {
            let [counts, by_one, by_other] = counts.map_or([0; 3], |counts| counts[at]);
            let [with_one, with_other, _, amount_one, amount_other] = amounts.map_or([0; 5], |amounts| amounts[at]);
            let count_other = counts >> COUNT.count_ones() & COUNT;
            *one =
                alters.number(Alter { name: *one, weights: [counts & COUNT, with_one], totals: [by_one, amount_one] });
            *other = alters.number(Alter {
                name: *other,
                weights: [count_other, with_other],
                totals: [by_other, amount_other],
            });
        }
        let alters = alters.all();
        if needs.alters {
            components.begin(alters.len());
            for &[one, other] in pairs.iter() {
                if components.is_whole() {
                    break;
                }
                components.join(one, other);
            }
            corner.alters = [alters.len() as u32, row.len() as u32 - components.joined()];
        }
        let inverse = |kind: usize| inverse_told(graph, kind, account as u32, totals.0[kind][account]);
        let other = |kind: usize, alter: &Alter| inverse_told(graph, kind, alter.name, alter.totals[kind]);
        let names = |[one, other]: [u32; 2]| [one, other].map(|number| alters[number as usize].name);
        if let Some(counts) = counts.filter(|_| needs.ties) {
            let tie =
                |alter: &Alter| (count_told(graph, [account as u32, alter.name], alter.weights[0]), other(0, alter));
            ties.begin(inverse(0), squared_counts(graph, row.clone(), inverse(0)), alters.iter().map(tie));
            for (&pair, counts) in pairs.iter().zip(counts) {
                ties.meet_one(pair, count_told(graph, names(pair), counts[0] >> (2 * COUNT.count_ones())));
            }
            corner.constraint = ties.finish();
        }
        if let Some(amounts) = amounts.filter(|_| needs.tie_amounts) {
            let tie =
                |alter: &Alter| (amount_told(graph, [account as u32, alter.name], alter.weights[1]), other(1, alter));
            ties.begin(inverse(1), squared_amounts(graph, row, inverse(1)), alters.iter().map(tie));
            for (&pair, amounts) in pairs.iter().zip(amounts) {
                ties.meet_one(pair, amount_told(graph, names(pair), amounts[2]));
            }
            corner.constraint_amount = ties.finish();
        }
    }
}
