//! The feature table of transfers that come in pieces.

use dandelion_credit::features::{Feature, FeatureBuilder, FeatureConfig, extract_exact};
use dandelion_credit::{AccountIndex, Progress, Transfer, TransferColumns, Transfers};
use proptest::prelude::*;

use super::batch::{bits, some_transfers};

/// The columns of some of the rows, without amounts or times where there are to be none.
fn some_of<'a>(columns: &TransferColumns<'a>, from: usize, to: usize, has: [bool; 2]) -> TransferColumns<'a> {
    TransferColumns {
        payer: &columns.payer[from..to],
        payee: &columns.payee[from..to],
        amount_minor: columns.amount_minor.filter(|_| has[0]).map(|column| &column[from..to]),
        at_seconds: columns.at_seconds.filter(|_| has[1]).map(|column| &column[from..to]),
    }
}

fn in_pieces(columns: &TransferColumns<'_>, cuts: &[usize], has: [bool; 2], config: &FeatureConfig) -> Vec<u64> {
    let mut builder = FeatureBuilder::new(6, config).unwrap();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (columns.len() + 1)).chain([0, columns.len()]).collect();
    cuts.sort_unstable();
    for cut in cuts.windows(2) {
        builder.push(&some_of(columns, cut[0], cut[1], has)).unwrap();
    }
    bits(&builder.finish_exact(Progress::silent()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn pieces_give_the_bits_of_the_whole(
        transfers in some_transfers(40), cuts in proptest::collection::vec(any::<usize>(), 0..5),
        cut in proptest::option::of(0i64..70), has in any::<[bool; 2]>(), giant in any::<Option<(i64, u64)>>(),
    ) {
        let config = FeatureConfig { as_of_seconds: cut.map(|day| 1_500_000_000 + day * 86_400), ..FeatureConfig::default() };
        let mut transfers = transfers;
        transfers.push(Transfer {
            payer: AccountIndex::new(0), payee: AccountIndex::new(1),
            amount_minor: giant.map_or(7, |giant| giant.0 / 2), at_seconds: giant.map_or(0, |giant| (giant.1 >> 28) as i64),
        });
        let transfers: Transfers = transfers.into_iter().collect();
        let columns = some_of(&transfers.columns(), 0, transfers.len(), has);
        let whole = extract_exact(&columns, 6, &config, Progress::silent()).unwrap();
        prop_assert_eq!(in_pieces(&columns, &cuts, has, &config), bits(&whole));
    }
}

#[test]
fn more_than_a_chunk_gives_the_bits_of_the_whole_however_it_is_cut() {
    const ROWS: usize = (1 << 20) + 4_321;
    let transfers: Transfers = (0..ROWS as i64)
        .map(|row| Transfer {
            payer: AccountIndex::new((row * 7 % 6) as u32),
            payee: AccountIndex::new((row * row % 5) as u32),
            amount_minor: row * 31 % 9_000 - 500,
            at_seconds: row * 977 % 8_000_000,
        })
        .collect();
    let config =
        FeatureConfig::of_features([Feature::Degree, Feature::InAmount, Feature::GapVariation, Feature::DwellP50]);
    let columns = transfers.columns();
    let whole = bits(&extract_exact(&columns, 6, &config, Progress::silent()).unwrap());
    for cuts in [&[][..], &[10], &[ROWS - 10], &[400_000, 800_000]] {
        assert_eq!(in_pieces(&columns, cuts, [true; 2], &config), whole, "{cuts:?}");
    }
    let mut builder = FeatureBuilder::new(6, &config).unwrap();
    builder.extend(columns.iter()).unwrap();
    assert_eq!(bits(&builder.finish_exact(Progress::silent()).unwrap()), whole);
}

#[test]
fn a_piece_that_cannot_be_meant_is_refused_and_nothing_of_it_kept() {
    let config = FeatureConfig::of_features([Feature::InCount, Feature::InAmount]);
    assert!(FeatureBuilder::new(2, &FeatureConfig::of_features([Feature::Degree; 2])).unwrap_err().is_invalid());
    let mut builder = FeatureBuilder::new(2, &config).unwrap();
    let pairs = TransferColumns::of_pairs(&[0], &[1]);
    let with = |amount_minor| TransferColumns { amount_minor: Some(amount_minor), ..pairs };
    builder.push(&with(&[i64::MAX - 1])).unwrap();
    assert!(
        builder.push(&TransferColumns::of_pairs(&[0], &[2])).unwrap_err().to_string().contains("after the first 1")
    );
    assert!(builder.push(&pairs).unwrap_err().is_conflict());
    assert!(builder.push(&with(&[-2])).unwrap_err().is_overflow());
    builder.push(&TransferColumns::default()).unwrap();
    builder.push(&with(&[1])).unwrap();
    let table = builder.finish(Progress::silent()).unwrap();
    assert_eq!((table.transfers(), table.value(AccountIndex::new(1), Feature::InCount)), (2, Some(2.0)));
    let empty = FeatureBuilder::new(2, &config).unwrap().finish(Progress::silent()).unwrap();
    assert_eq!(empty.column_named("in_count").unwrap(), [0.0, 0.0]);
}
