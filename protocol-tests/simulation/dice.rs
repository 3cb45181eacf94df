//! Random decisions that a seed repeats.

use gracchus_base::Entropy;

/// A sequence of decisions.
pub(crate) struct Dice(Entropy);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Entropy::seeded(seed))
    }

    /// A number from 0 to below `end`, which is not 0.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    /// Once in `n` times, on average.
    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A seed for a decision of its own: the same for the same parts.
pub(crate) fn mixed(seed: u64, part: u64) -> u64 {
    Entropy::seeded(seed ^ part.rotate_left(32)).next_u64()
}
