//! Walking two columns side by side without waiting for memory.

/// Pairs of whole numbers one after the other, the next of which is always read before it is asked for: where a step
/// depends on what the last one saw, it waits for a comparison and not for a load.
pub(super) struct Ahead<F> {
    pub(super) place: usize,
    pub(super) now: (i64, i64),
    next: (i64, i64),
    get: F,
}

impl<F: Fn(usize) -> Option<(i64, i64)>> Ahead<F> {
    /// `get` has nothing from the end on.
    pub(super) fn new(get: F) -> Self {
        let [now, next] = [0, 1].map(|place| get(place).unwrap_or_default());
        Self { place: 0, now, next, get }
    }

    /// Goes on to the next, or stays.
    #[inline]
    pub(super) fn step(&mut self, goes_on: bool) {
        self.now = if goes_on { self.next } else { self.now };
        self.place += usize::from(goes_on);
        self.next = (self.get)(self.place + 1).unwrap_or_default();
    }
}
