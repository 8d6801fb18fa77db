//! Memory for jobs that fill gigabytes: large blocks lie on huge pages, and stay with the process when they are freed.
//!
//! A host decides where memory comes from; the library only asks for it. Two things cost a job of this kind more than its own
//! work: the first touch of every fresh page, and random reads that miss the page table's cache. Both go away when the host
//! asks the system for 2 MiB pages and hands freed blocks out again instead of returning them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Blocks from this size on are ours; smaller ones are the system's.
const LARGE: usize = 1 << 16;
/// Sizes are rounded up to this, and blocks begin on a multiple of it.
const GRAIN: usize = 1 << 12;
/// Address space set aside: memory is taken only where it is touched.
const SPACE: usize = 1 << 40;

/// The allocator: `#[global_allocator] static MEMORY: HugePages = HugePages::new();`.
pub struct HugePages {
    space: Mutex<Space>,
}

/// One stretch of addresses, and which parts of it are free.
struct Space {
    start: usize,
    end: usize,
    /// From here on nothing was ever handed out: the system gives zeroes.
    fresh: usize,
    /// Free blocks by address and by size; neighbours are joined.
    by_address: BTreeMap<usize, usize>,
    by_size: BTreeSet<(usize, usize)>,
}

impl HugePages {
    pub const fn new() -> Self {
        let nothing = Space { start: 0, end: 0, fresh: 0, by_address: BTreeMap::new(), by_size: BTreeSet::new() };
        Self { space: Mutex::new(nothing) }
    }

    /// An address of `size` bytes and whether they may hold old data; `None` where there is no space.
    fn take(&self, size: usize) -> Option<(usize, bool)> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner).take(size.next_multiple_of(GRAIN))
    }

    fn is_ours(layout: Layout) -> bool {
        layout.size() >= LARGE && layout.align() <= GRAIN
    }
}

impl Space {
    fn take(&mut self, size: usize) -> Option<(usize, bool)> {
        if self.start == 0 {
            (self.start, self.end) = reserve()?;
            self.fresh = self.start;
        }
        // The smallest free block that fits, the lowest of these.
        if let Some(&(held, at)) = self.by_size.range((size, 0)..).next() {
            self.remove(at, held);
            if held > size {
                self.insert(at + size, held - size);
            }
            return Some((at, true));
        }
        if size > self.end - self.fresh {
            return None;
        }
        let at = self.fresh;
        self.fresh += size;
        Some((at, false))
    }

    /// Takes a block back and joins it with its free neighbours.
    fn give_back(&mut self, mut at: usize, size: usize) {
        let mut size = size.next_multiple_of(GRAIN);
        if let Some((&before, &held)) = self.by_address.range(..at).next_back()
            && before + held == at
        {
            self.remove(before, held);
            (at, size) = (before, size + held);
        }
        if let Some(&held) = self.by_address.get(&(at + size)) {
            self.remove(at + size, held);
            size += held;
        }
        self.insert(at, size);
    }

    fn insert(&mut self, at: usize, size: usize) {
        self.by_address.insert(at, size);
        self.by_size.insert((size, at));
    }

    fn remove(&mut self, at: usize, size: usize) {
        self.by_address.remove(&at);
        self.by_size.remove(&(size, at));
    }
}

/// Sets address space aside and asks for huge pages in it.
#[cfg(target_os = "linux")]
fn reserve() -> Option<(usize, usize)> {
    const HUGE: usize = 1 << 21;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new private mapping at an address of the system's choice touches nobody's memory, and the advice is about
    // this mapping only; where the system knows no huge pages the advice fails without effect.
    let start = unsafe {
        let start = libc::mmap(std::ptr::null_mut(), SPACE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if start == libc::MAP_FAILED {
            return None;
        }
        libc::madvise(start, SPACE, libc::MADV_HUGEPAGE);
        start as usize
    };
    Some((start.next_multiple_of(HUGE), start + SPACE))
}

#[cfg(not(target_os = "linux"))]
fn reserve() -> Option<(usize, usize)> {
    None
}

// SAFETY: blocks come from one mapping that is never unmapped; a block is removed from the free ones before it is handed out
// and put back only by `dealloc`, so no two live blocks overlap; starts are multiples of `GRAIN`, which covers the alignments
// `is_ours` admits. Whose a block is follows from its layout and address alone, and the bookkeeping's own small blocks are
// the system's, so the lock is never taken twice by one thread.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::is_ours(layout)
            && let Some((at, _)) = self.take(layout.size())
        {
            return at as *mut u8;
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::is_ours(layout)
            && let Some((at, used)) = self.take(layout.size())
        {
            if used {
                unsafe { std::ptr::write_bytes(at as *mut u8, 0, layout.size()) };
            }
            return at as *mut u8;
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if Self::is_ours(layout) {
            let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
            if (space.start..space.end).contains(&(block as usize)) {
                return space.give_back(block as usize, layout.size());
            }
        }
        unsafe { System.dealloc(block, layout) }
    }
}
