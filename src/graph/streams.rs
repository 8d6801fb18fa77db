//! Words written to many streams at once and read back stream by stream: how work goes to where its data lies in cache.

/// Words of a block, its two words of header with them.
const BLOCK: usize = 1024;
/// Words of a chunk of memory, as a power of two.
const CHUNK: u32 = 20;
/// A block's header: where the next block begins (0 for none), and how many words are used.
const HEADER: usize = 2;

/// Streams of records, each record a few words that lie side by side.
///
/// Blocks of all streams lie in chunks of memory that are taken one by one and kept when cleared: nothing is ever moved.
#[derive(Debug, Default)]
pub(super) struct Streams {
    chunks: Vec<Vec<u32>>,
    used: usize,
    /// First block and present block of each stream; no stream has a block at 0, which stands for none.
    first: Vec<u32>,
    block: Vec<u32>,
    /// Where the next record of each stream goes.
    cursor: Vec<u32>,
}

impl Streams {
    /// So many empty streams.
    pub fn of(streams: usize) -> Self {
        let mut all = Self::default();
        all.clear(streams);
        all
    }

    /// Empties `streams` streams.
    pub fn clear(&mut self, streams: usize) {
        self.used = BLOCK;
        for column in [&mut self.first, &mut self.block, &mut self.cursor] {
            column.clear();
            column.resize(streams, 0);
        }
    }

    /// Words taken up by all records.
    pub fn held(&self) -> usize {
        self.used
    }

    /// Whether positions come near what 32 bits hold.
    pub fn is_full(&self) -> bool {
        self.used > u32::MAX as usize / 2
    }

    /// Room for a record of `LEN` words at the end of a stream.
    #[inline(always)]
    pub fn record<const LEN: usize>(&mut self, stream: usize) -> &mut [u32; LEN] {
        let mut at = self.cursor[stream] as usize;
        // A cursor stands at the beginning of a block only before the first one and behind a full one, so the word before it
        // tells the block; this is full when the record would run into the next.
        if at.wrapping_sub(1) % BLOCK + LEN >= BLOCK {
            at = self.open(stream);
        }
        self.cursor[stream] = (at + LEN) as u32;
        let behind = &mut self.chunks[at >> CHUNK][at & ((1 << CHUNK) - 1)..];
        behind.first_chunk_mut().expect("a chunk holds whole blocks")
    }

    fn words(&self, from: usize, to: usize) -> &[u32] {
        let within = from & ((1 << CHUNK) - 1);
        &self.chunks[from >> CHUNK][within..within + (to - from)]
    }

    fn head(&mut self, block: usize) -> &mut [u32] {
        &mut self.chunks[block >> CHUNK][block & ((1 << CHUNK) - 1)..][..HEADER]
    }

    #[cold]
    fn open(&mut self, stream: usize) -> usize {
        let new = self.used;
        self.used += BLOCK;
        if self.chunks.len() << CHUNK < self.used {
            self.chunks.push(vec![0; 1 << CHUNK]);
        }
        let old = self.block[stream] as usize;
        if old == 0 {
            self.first[stream] = new as u32;
        } else {
            let used = self.cursor[stream] - old as u32;
            self.head(old).copy_from_slice(&[new as u32, used]);
        }
        self.head(new)[0] = 0;
        self.block[stream] = new as u32;
        new + HEADER
    }

    /// The blocks of a stream in the order they were written, each holding whole records.
    pub fn blocks(&self, stream: usize) -> impl Iterator<Item = &[u32]> {
        let mut next = self.first[stream] as usize;
        std::iter::from_fn(move || {
            if next == 0 {
                return None;
            }
            let at = next;
            let head = self.words(at, at + HEADER);
            next = head[0] as usize;
            let is_last = at == self.block[stream] as usize;
            let end = if is_last { self.cursor[stream] as usize } else { at + head[1] as usize };
            Some(self.words(at + HEADER, end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_whole_and_in_order() {
        let mut streams = Streams::default();
        for round in 1..3u32 {
            streams.clear(7);
            let mut expected: Vec<Vec<u32>> = vec![Vec::new(); 7];
            let mut word = round;
            for step in 0..5_000usize {
                let stream = step * step % 6;
                let record: &mut [u32] = match step % 4 {
                    0 => streams.record::<1>(stream),
                    1 => streams.record::<4>(stream),
                    2 => streams.record::<7>(stream),
                    _ => streams.record::<37>(stream),
                };
                for slot in record {
                    word = word.wrapping_mul(48_271).wrapping_add(11);
                    *slot = word;
                    expected[stream].push(word);
                }
            }
            for (stream, expected) in expected.iter().enumerate() {
                let found: Vec<u32> = streams.blocks(stream).flatten().copied().collect();
                assert_eq!(&found, expected);
            }
        }
    }
}
