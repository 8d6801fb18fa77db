//! What accounts were told of their triangles, added up account by account.

use crate::graph::circle::Circle;
use crate::graph::corner::{Corner, Ties};
use crate::graph::corners::{AMOUNT, NAMES, Space, Work, inverse_told};
use crate::graph::enumerate::CornerPart;
use crate::graph::kinds::add_up;
use crate::graph::told::{amount_told, count_told, told_count, told_ways};
use crate::graph::weights::{amount_weight, count_weight};
use crate::graph::wide::prefetch;

/// Accounts before the one whose alters' totals are asked for.
const AHEAD: usize = 8;

/// The workspace of one bucket at a time.
#[derive(Debug, Default)]
pub(super) struct Listener {
    /// Where what each account was told begins, in records.
    starts: Vec<u32>,
    /// The records, by account.
    told: Vec<u32>,
    circle: Circle,
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
        let range = work.buckets.range(bucket);
        self.deal::<LEN>(bucket, range.len(), spaces);
        let Self { starts, told, circle, ties } = self;
        let told = told.as_chunks::<LEN>().0;
        for (local, account) in range.enumerate() {
            if LEN > NAMES {
                let ahead = (local + AHEAD).min(starts.len() - 2);
                ask_totals(work, &told[starts[ahead] as usize..starts[ahead + 1] as usize]);
            }
            let told = &told[starts[local] as usize..starts[local + 1] as usize];
            let mut sums = [0; 6];
            add_up(&mut sums, told, |record| told_ways(record[0]));
            let [payers, one_sided, kinds @ ..] = sums;
            let [constraint, constraint_amount] = part.constraints_alone(local);
            let mut corner = Corner {
                triangles: told.len() as u64,
                payer_pairs: [payers, one_sided],
                kinds,
                constraint,
                constraint_amount,
                alters: [0, work.graph.row(account).len() as u32],
            };
            if LEN > NAMES && !told.is_empty() {
                know(work, account, told, circle, ties, &mut corner);
            }
            part.set(local, &corner);
        }
    }

    /// Sorts what the `accounts` of a bucket were told by account.
    fn deal<const LEN: usize>(&mut self, bucket: usize, accounts: usize, spaces: &[Space]) {
        let Self { starts, told, .. } = self;
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
        told.resize(told.len().max(end as usize * LEN), 0);
        let told = told.as_chunks_mut::<LEN>().0;
        for record in records() {
            let cursor = &mut starts[(record[0] >> 16) as usize];
            *cursor -= 1;
            told[*cursor as usize] = *record;
        }
    }
}

/// Asks for the totals of all who are named, a while before they are needed.
#[inline]
fn ask_totals<const LEN: usize>(work: Work<'_>, told: &[[u32; LEN]]) {
    for totals in work.totals.0.iter().filter(|totals| !totals.is_empty()) {
        for record in told {
            record[NAMES..NAMES + 2].iter().for_each(|&name| prefetch(&totals[name as usize]));
        }
    }
}

/// Adds what an account's counterparties in triangles come to.
#[inline]
fn know<const LEN: usize>(
    work: Work<'_>,
    account: usize,
    told: &[[u32; LEN]],
    circle: &mut Circle,
    ties: &mut Ties,
    corner: &mut Corner,
) {
    let Work { graph, totals, needs, .. } = work;
    let row = graph.row(account);
    let others = &graph.neighbours[row.clone()];
    circle.meet(others, told.iter().map(|record| [record[NAMES], record[NAMES + 1]]));
    corner.alters = circle.counted();
    let inverse = |kind: usize, account: usize| inverse_told(graph, kind, account as u32, totals.0[kind][account]);
    let names = |places: [u32; 2]| places.map(|place| others[place as usize]);
    if needs.ties {
        let own = inverse(0, account);
        ties.begin(own, corner.constraint, row.len());
        circle.acquainted().for_each(|place| {
            ties.know(place, count_weight(graph, row.start + place), inverse(0, others[place] as usize));
        });
        for (&pair, record) in circle.pairs().iter().zip(told) {
            ties.meet_one(pair, count_told(graph, || names(pair), told_count(record[0])));
        }
        corner.constraint = ties.finish(circle.acquainted());
    }
    if LEN > AMOUNT {
        let own = inverse(1, account);
        ties.begin(own, corner.constraint_amount, row.len());
        circle.acquainted().for_each(|place| {
            ties.know(place, amount_weight(graph, row.start + place), inverse(1, others[place] as usize));
        });
        for (&pair, record) in circle.pairs().iter().zip(told) {
            ties.meet_one(pair, amount_told(graph, || names(pair), record[AMOUNT]));
        }
        corner.constraint_amount = ties.finish(circle.acquainted());
    }
}
