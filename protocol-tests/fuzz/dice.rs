//! Random decisions that a seed repeats.

use gracchus_base::Entropy;

/// A sequence of decisions.
pub(crate) struct Dice(Entropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Entropy::seeded(seed))
    }

    /// A number from 0 to below `end`; 0 if there is none.
    pub(crate) fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        self.0.next_u64().checked_rem(end).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }

    /// One of them.
    pub(crate) fn one<'a, T: ?Sized>(&self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(crate) fn byte(&self) -> u8 {
        self.0.next_u64().to_le_bytes()[0]
    }

    /// Once in `n` times, on average.
    pub(crate) fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }
}
