//! Components by union and find, over numbers from 0.

/// Numbers that are joined one pair after the other.
#[derive(Debug, Default)]
pub(super) struct Components {
    parents: Vec<u32>,
    joined: u32,
}

impl Components {
    /// Begins with `len` numbers, each by itself.
    pub fn begin(&mut self, len: usize) {
        self.parents.clear();
        self.parents.extend(0..len as u32);
        self.joined = 0;
    }

    /// How many joins found the two apart.
    pub fn joined(&self) -> u32 {
        self.joined
    }

    /// Whether all are one component.
    pub fn is_whole(&self) -> bool {
        self.joined as usize + 1 >= self.parents.len()
    }

    /// Joins `a` and `b`; whether they were apart before.
    #[inline]
    pub fn join(&mut self, a: u32, b: u32) -> bool {
        let (root_a, root_b) = (self.root(a), self.root(b));
        self.parents[root_a.max(root_b) as usize] = root_a.min(root_b);
        self.joined += u32::from(root_a != root_b);
        root_a != root_b
    }

    #[inline]
    fn root(&mut self, mut at: u32) -> u32 {
        while self.parents[at as usize] != at {
            let up = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = up;
            at = up;
        }
        at
    }
}
