//! The same verb for transfers that come in pieces.

use crate::error::Result;
use crate::features::config::FeatureConfig;
use crate::features::extract::extract_source;
use crate::features::piece::{Piece, Rows};
use crate::features::source::{CHUNK, Source};
use crate::features::table::{Cell, FeatureTable, check_distinct};
use crate::parallel::map_chunks;
use crate::progress::Progress;
use crate::transfer::{Admitted, Transfer, TransferColumns, Transfers};

/// Single transfers that are pushed together.
const STAGE: usize = 1 << 16;

/// Takes transfers in pieces and makes the feature table of them, with the bits that [`extract`](crate::features::extract)
/// gives over all in one; the pieces may be dropped as soon as they were pushed.
///
/// Of each transfer the builder keeps 16 bytes: 8 for the accounts, and 4 for its amount and its time, in a million neighbouring
/// transfers whose amounts and whose times lie within 2³² of each other, and 8 where they do not. So the features by flow,
/// timing and amount of 30 million accounts with 600 million transfers take 9.6 GB of transfers, 6.5 GB of table and 1.6 GB on
/// the way.
///
/// ```
/// use dandelion_credit::features::{Feature, FeatureBuilder, FeatureConfig};
/// use dandelion_credit::{AccountIndex, Progress, Transfer, TransferColumns};
///
/// let [mei, wang, stall] = [0, 1, 2].map(AccountIndex::new);
/// let mut builder = FeatureBuilder::new(3, &FeatureConfig::default())?;
/// builder.extend([
///     Transfer { payer: mei, payee: stall, amount_minor: 1_850, at_seconds: 1_718_900_000 },
///     Transfer { payer: mei, payee: stall, amount_minor: -350, at_seconds: 1_718_900_600 },
/// ])?;
/// builder.push(&TransferColumns {
///     payer: &[1], payee: &[2], amount_minor: Some(&[990]), at_seconds: Some(&[1_719_000_000]),
/// })?;
/// let table = builder.finish(Progress::silent())?;
/// assert_eq!(table.value(stall, Feature::InCount), Some(3.0));
/// assert_eq!(table.value(wang, Feature::Degree), Some(1.0));
/// # Ok::<(), dandelion_credit::Error>(())
/// ```
#[derive(Debug)]
pub struct FeatureBuilder {
    accounts: usize,
    config: FeatureConfig,
    admitted: Admitted,
    pieces: Vec<Piece>,
    /// What is too little for a piece of its own.
    stage: Transfers,
}

impl FeatureBuilder {
    /// A builder of the table of accounts `0..accounts`.
    ///
    /// # Errors
    /// [`Error::is_invalid`](crate::Error::is_invalid) when a feature is asked for twice.
    pub fn new(accounts: usize, config: &FeatureConfig) -> Result<Self> {
        check_distinct(&config.features)?;
        Ok(Self {
            accounts,
            config: config.clone(),
            admitted: Admitted::default(),
            pieces: Vec::new(),
            stage: Transfers::new(),
        })
    }

    /// Adds a piece of transfers. All pieces have amounts or none has, and so with times.
    ///
    /// # Errors
    /// As [`TransferColumns::check`], whose rule on the sum of amounts holds over all pieces together; and
    /// [`Error::is_conflict`](crate::Error::is_conflict) when a piece lacks a column that earlier pieces had, or the other way round. On an error
    /// nothing of the piece is kept.
    pub fn push(&mut self, columns: &TransferColumns<'_>) -> Result<()> {
        self.admitted = self.admitted.with(columns, self.accounts)?;
        if columns.len() < CHUNK {
            self.stage.extend(columns.iter());
            if self.stage.len() >= CHUNK {
                self.flush();
            }
        } else {
            self.flush();
            self.pieces.extend(pieces_of(columns));
        }
        Ok(())
    }

    /// Adds transfers one by one, with amounts and times.
    ///
    /// # Errors
    /// As [`push`](Self::push), of some ten thousand together.
    pub fn extend(&mut self, transfers: impl IntoIterator<Item = Transfer>) -> Result<()> {
        let mut transfers = transfers.into_iter().peekable();
        while transfers.peek().is_some() {
            self.push(&transfers.by_ref().take(STAGE).collect::<Transfers>().columns())?;
        }
        Ok(())
    }

    /// Makes a piece of what is staged, of the columns the transfers have.
    fn flush(&mut self) {
        let stage = std::mem::take(&mut self.stage);
        let [has_amounts, has_times] = self.admitted.columns();
        let columns = stage.columns();
        self.pieces.extend(pieces_of(&TransferColumns {
            amount_minor: columns.amount_minor.filter(|_| has_amounts),
            at_seconds: columns.at_seconds.filter(|_| has_times),
            ..columns
        }));
    }

    /// The table of all transfers pushed, in `f32`.
    ///
    /// # Errors
    /// [`Error::is_cancelled`](crate::Error::is_cancelled) when `progress` asks to stop.
    ///
    /// # Complexity
    /// As [`extract`](crate::features::extract).
    pub fn finish(self, progress: Progress<'_>) -> Result<FeatureTable> {
        self.finish_cells(progress)
    }

    /// The table of all transfers pushed, in `f64`, as [`extract_exact`](crate::features::extract_exact) gives it.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_exact(self, progress: Progress<'_>) -> Result<FeatureTable<f64>> {
        self.finish_cells(progress)
    }

    fn finish_cells<T: Cell>(mut self, progress: Progress<'_>) -> Result<FeatureTable<T>> {
        self.flush();
        let source = Source::of_pieces(&self.pieces, self.admitted.columns(), self.config.as_of_seconds);
        extract_source(&source, self.accounts, None, &self.config, progress)
    }
}

/// The transfers of `columns` as we keep them, a chunk to a piece.
fn pieces_of(columns: &TransferColumns<'_>) -> Vec<Piece> {
    map_chunks(columns.len(), CHUNK, |range| Piece::of(&Rows::of(columns, range.start, range.len())))
}
