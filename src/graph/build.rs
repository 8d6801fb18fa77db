//! From raw transfers, in any order and as many pieces as the caller likes, to the compact graph.
//!
//! Nothing is sorted as a whole. Accounts are cut into *buckets*: ranges so narrow that all that concerns one of them fits
//! in a core's cache.
//! 1. *Partition*: each piece of transfers is dealt to the buckets of the lower of the two accounts, as packed words.
//! 2. *Distinct*: each bucket gathers its words from all pieces, lines them up by account, sorts the short rows, and
//!    folds repeats into counts. What is left are the relations, once each, ascending.
//! 3. *Mirror*: the relations are dealt to the buckets of the higher account; they arrive in ascending order.
//! 4. *Layout*: each bucket writes its rows: the lower neighbours that arrived, then the higher ones it had.
//!
//! Every access outside a cache is a stream. Radix partitioning after Polychroniou and Ross (SIGMOD 2014).

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::graph::TransferGraph;

use crate::graph::distinct::distinct;
use crate::graph::layout::layout;
use crate::graph::partition::{Buckets, Piece};
use crate::parallel::{map_chunks, try_map_chunks};
use crate::progress::Progress;
use crate::transfer::{Admitted, Transfer, TransferColumns, Transfers, UtcOffset};

/// Transfers that are dealt to the buckets in one go; fixed, so that threads do not change the result.
const PIECE: usize = 1 << 22;
/// Rows that single transfers wait in until they are dealt.
const STAGE: usize = 1 << 18;

/// How transfers become relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GraphConfig {
    /// Where days are cut; UTC by default.
    pub utc_offset: UtcOffset,
    /// Leaves amounts out of the graph although the transfers have them, which saves 32 bytes a relation.
    pub without_amounts: bool,
    /// Leaves first and last days out of the graph although the transfers have times, which saves 16 bytes a relation.
    pub without_days: bool,
}

/// Takes transfers in pieces and makes the graph of them; the pieces may be dropped as soon as they were pushed.
///
/// Of each transfer the builder keeps 8 bytes (20 with amounts and times). [`finish`](Self::finish) holds on to that memory for
/// the next build; [`into_graph`](Self::into_graph) gives it back before the rows are laid out, which may then lie in it.
///
/// ```
/// use dandelion_credit::graph::{GraphBuilder, GraphConfig};
/// use dandelion_credit::{AccountIndex, Progress, Transfer, TransferColumns};
///
/// let mut builder = GraphBuilder::new(3, &GraphConfig::default()).unwrap();
/// let [mei, wang, stall] = [0, 1, 2].map(AccountIndex::new);
/// builder.extend([
///     Transfer { payer: mei, payee: stall, amount_minor: 1_850, at_seconds: 1_718_900_000 },
///     Transfer { payer: mei, payee: stall, amount_minor: -350, at_seconds: 1_718_900_600 },
/// ]).unwrap();
/// builder.push(&TransferColumns {
///     payer: &[1], payee: &[2], amount_minor: Some(&[990]), at_seconds: Some(&[1_719_000_000]),
/// }).unwrap();
/// let graph = builder.finish(Progress::silent()).unwrap();
/// let sale = graph.relation(stall.get(), mei.get()).unwrap();
/// assert_eq!((sale.received, sale.received_minor), (2, 1_500));
/// assert!(graph.relation(mei.get(), wang.get()).is_none());
/// ```
#[derive(Debug)]
pub struct GraphBuilder {
    accounts: usize,
    config: GraphConfig,
    buckets: Buckets,
    admitted: Admitted,
    pieces: Vec<Piece>,
    /// Pieces of earlier builds, whose memory the next ones take.
    spent: Vec<Piece>,
    stage: Transfers,
    self_transfers: u64,
}

impl GraphBuilder {
    /// A builder of graphs over accounts `0..accounts`.
    ///
    /// # Errors
    /// [`Error::is_overflow`] beyond 4,294,967,295 accounts.
    pub fn new(accounts: usize, config: &GraphConfig) -> Result<Self> {
        if accounts > u32::MAX as usize {
            return Err(Error::overflow("number of accounts", "at most 4,294,967,295 accounts"));
        }
        Ok(Self {
            accounts,
            config: *config,
            buckets: Buckets::over(accounts),
            admitted: Admitted::default(),
            pieces: Vec::new(),
            spent: Vec::new(),
            stage: Transfers::new(),
            self_transfers: 0,
        })
    }

    /// Adds a piece of transfers. All pieces have amounts or none has, and so with times.
    ///
    /// # Errors
    /// As [`TransferColumns::check`], whose rule on the sum of amounts holds over all pieces together; and
    /// [`Error::is_conflict`] when a piece lacks a column that earlier pieces had, or the other way round. On an error
    /// nothing of the piece is kept.
    pub fn push(&mut self, columns: &TransferColumns<'_>) -> Result<()> {
        self.admitted = self.admitted.with(columns, self.accounts)?;
        let kept = TransferColumns {
            amount_minor: columns.amount_minor.filter(|_| !self.config.without_amounts),
            at_seconds: columns.at_seconds.filter(|_| !self.config.without_days),
            ..*columns
        };
        let (buckets, offset) = (self.buckets, self.config.utc_offset);
        let spent = Mutex::new(std::mem::take(&mut self.spent));
        let dealt = map_chunks(kept.len(), PIECE, |range| {
            let spent = spent.lock().ok().and_then(|mut spent| spent.pop()).unwrap_or_default();
            Piece::deal(&buckets, &kept, range, offset, spent)
        });
        self.spent = spent.into_inner().unwrap_or_default();
        self.self_transfers += (kept.len() - dealt.iter().map(Piece::len).sum::<usize>()) as u64;
        self.pieces.extend(dealt);
        Ok(())
    }

    /// Adds transfers one by one, with amounts and times.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn extend(&mut self, transfers: impl IntoIterator<Item = Transfer>) -> Result<()> {
        for transfer in transfers {
            self.stage.push(transfer);
            if self.stage.len() == STAGE {
                self.flush()?;
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        let stage = std::mem::take(&mut self.stage);
        if stage.is_empty() { Ok(()) } else { self.push(&stage.columns()) }
    }

    /// The graph of all transfers pushed since the last call; the builder is empty afterwards and can be used again.
    ///
    /// # Errors
    /// [`Error::is_cancelled`] when `progress` asks to stop; the transfers pushed so far are dropped.
    ///
    /// # Complexity
    /// Linear in transfers, but for the sorting of each account's row.
    pub fn finish(&mut self, progress: Progress<'_>) -> Result<TransferGraph> {
        self.fold(progress, |builder, pieces| builder.spent.extend(pieces))
    }

    /// The graph of all transfers pushed, where no other is built after it: the memory of the transfers is free again before
    /// that of the graph is taken, and a host whose allocator hands it out anew touches less of it for the first time.
    ///
    /// ```
    /// use dandelion_credit::graph::{GraphBuilder, GraphConfig};
    /// use dandelion_credit::{Progress, TransferColumns};
    ///
    /// let mut builder = GraphBuilder::new(3, &GraphConfig::default()).unwrap();
    /// builder.push(&TransferColumns::of_pairs(&[0, 1], &[1, 2])).unwrap();
    /// assert_eq!(builder.into_graph(Progress::silent()).unwrap().neighbours(1), [0, 2]);
    /// ```
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    ///
    /// # Complexity
    /// As [`finish`](Self::finish).
    pub fn into_graph(mut self, progress: Progress<'_>) -> Result<TransferGraph> {
        self.spent.clear();
        self.fold(progress, |_, pieces| drop(pieces))
    }

    /// Folds the transfers pushed into a graph; `spend` takes the pieces as soon as they are read.
    fn fold(&mut self, progress: Progress<'_>, spend: impl FnOnce(&mut Self, Vec<Piece>)) -> Result<TransferGraph> {
        let columns = std::mem::take(&mut self.admitted).columns();
        let has = [columns[0] && !self.config.without_amounts, columns[1] && !self.config.without_days];
        let pieces = std::mem::take(&mut self.pieces);
        let transfers = pieces.iter().map(Piece::len).sum::<usize>() as u64;
        let self_transfers = std::mem::take(&mut self.self_transfers);

        for bucket in 0..self.buckets.len() {
            let held: usize = pieces.iter().map(|piece| piece.segment(bucket).len()).sum();
            if held > u32::MAX as usize {
                return Err(Error::overflow("transfers of neighbouring accounts", "at most 4,294,967,295 in a range"));
            }
        }
        let (done, total) = (AtomicU64::new(0), self.buckets.len() as u64);
        let stage = "folding transfers into relations";
        let uppers = try_map_chunks(self.buckets.len(), 1, |bucket| {
            let upper = distinct(&self.buckets, bucket.start, &pieces, has);
            progress.step(stage, done.fetch_add(1, Ordering::Relaxed) + 1, total)?;
            Ok(upper)
        })?;
        spend(self, pieces);
        let rows = layout(&self.buckets, self.accounts, &uppers, has, progress)?;
        Ok(TransferGraph {
            offsets: rows.offsets,
            neighbours: rows.neighbours,
            tallies: rows.tallies,
            large: rows.large,
            amounts: rows.amounts,
            days: rows.days,
            transfers,
            self_transfers,
        })
    }
}

impl TransferGraph {
    /// The graph of `columns` over accounts `0..accounts`.
    ///
    /// # Errors
    /// As [`GraphBuilder::new`], [`GraphBuilder::push`] and [`GraphBuilder::finish`].
    ///
    /// # Complexity
    /// Linear in transfers, but for the sorting of each account's row; 8 bytes a transfer (20 with amounts and times)
    /// beside the result.
    pub fn build(
        columns: &TransferColumns<'_>,
        accounts: usize,
        config: &GraphConfig,
        progress: Progress<'_>,
    ) -> Result<Self> {
        let mut builder = GraphBuilder::new(accounts, config)?;
        builder.push(columns)?;
        builder.into_graph(progress)
    }
}
