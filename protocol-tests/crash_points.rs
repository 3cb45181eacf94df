//! Runs schedules of the simulation on several threads until enough points were looked at.

use std::sync::atomic::{AtomicU64, Ordering};

use gracchus_simulation::Failure;

use crate::seeds;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub schedules: u64,
    pub tally: gracchus_simulation::Tally,
}

impl seeds::Tally for Done {
    fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.tally.points += other.tally.points;
        self.tally.batches += other.tally.batches;
    }
}

/// Plays the schedules of `seed` and those after it until the power was cut `points` times.
///
/// # Errors
/// The first failure, with its seed and the shortest schedule that was found for it.
pub fn run(seed: u64, points: u64, threads: usize) -> Result<Done, Box<Failure>> {
    let counted = AtomicU64::new(0);
    let goes_on = |_| counted.load(Ordering::Relaxed) < points;
    seeds::play(seed, threads, goes_on, |seed| {
        let tally = gracchus_simulation::run(seed)?;
        counted.fetch_add(tally.points, Ordering::Relaxed);
        Ok(Done { schedules: 1, tally })
    })
}
