//! Runs schedules of the simulation on several threads until enough points were looked at.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use gracchus_simulation::{Failure, Tally};

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub schedules: u64,
    pub tally: Tally,
}

/// Plays the schedules of `seed` and those after it until the power was cut `points` times.
///
/// # Errors
/// The first failure, with its seed and the shortest schedule that was found for it.
pub fn run(seed: u64, points: u64, threads: usize) -> Result<Done, Box<Failure>> {
    let (next, counted, failed) = (AtomicU64::new(seed), AtomicU64::new(0), AtomicBool::new(false));
    let work = || -> Result<Done, Box<Failure>> {
        let mut done = Done::default();
        while counted.load(Ordering::Relaxed) < points && !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let tally =
                gracchus_simulation::run(seed).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            counted.fetch_add(tally.points, Ordering::Relaxed);
            done.schedules += 1;
            done.tally.points += tally.points;
            done.tally.batches += tally.batches;
        }
        Ok(done)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Done::default();
        for thread in threads {
            let done = thread.join().expect("a schedule does not panic")?;
            all.schedules += done.schedules;
            all.tally.points += done.tally.points;
            all.tally.batches += done.tally.batches;
        }
        Ok(all)
    })
}
