//! One partition's log, its recovery and its producers on a simulated disk, with a power cut at every operation.
//!
//! A seed gives a schedule of steps. The real parts take them (`world`), a plain record of them is kept beside
//! (`history`), and before each operation on the disk the power may fail: then what is left is opened again and held
//! against the record (`judge`, `invariants`). A schedule that fails is made shorter before it is shown (`shrink`).
//!
//! Production code must not depend on this crate.

mod dice;
mod history;
mod invariants;
mod judge;
mod player;
mod schedule;
mod shrink;
mod world;

use std::fmt;

use self::dice::Dice;
use self::judge::Judge;
use self::player::Player;
pub use self::schedule::Step;
use self::schedule::drawn;

/// Steps of a schedule.
const STEPS: usize = 40;

/// How often the power fails at one point, each time with another outcome.
const CRASHES: u32 = 2;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts, each followed by a recovery that was checked.
    pub points: u64,
    /// Batches that were read back and compared.
    pub batches: u64,
}

/// A schedule after which something does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    /// The shortest schedule found that fails.
    pub steps: Vec<Step>,
    pub violation: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.violation)?;
        writeln!(f, "the shortest schedule found:")?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

impl std::error::Error for Failure {}

/// Plays the schedule of a seed.
///
/// # Errors
/// Something does not hold after a power cut.
pub fn run(seed: u64) -> Result<Tally, Box<Failure>> {
    let steps = drawn(&Dice::new(seed), STEPS);
    play(seed, &steps, CRASHES).map_err(|violation| {
        let (steps, violation) = shrink::shortest(steps, violation, |steps| play(seed, steps, 2 * CRASHES));
        Box::new(Failure { seed, steps, violation })
    })
}

fn play(seed: u64, steps: &[Step], crashes: u32) -> Result<Tally, String> {
    let mut judge = Judge::new(seed, crashes);
    Player::new().play(steps, &mut judge)?;
    Ok(judge.tally)
}
