//! Repeatable chance for schedules, and the seed on the screen when one fails.

use gracchus_base::Entropy;

/// Random choices from one seed. Prints the seed if the test fails while it lives.
pub(crate) struct Dice {
    seed: u64,
    entropy: Entropy,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, entropy: Entropy::seeded(seed) }
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.entropy.next_u64() % n as u64) as usize
    }

    /// True in `percent` of cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

impl Drop for Dice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failing seed: {} (run it alone with SCHEDULE_SEED={})", self.seed, self.seed);
        }
    }
}

/// The seeds of a test: those below `count`, or the one in `SCHEDULE_SEED`.
pub(crate) fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let only: Option<u64> = std::env::var("SCHEDULE_SEED").ok().map(|text| text.parse().expect("a seed"));
    only.map_or(0..count, |seed| seed..seed + 1)
}
