//! A whole broker in one thread: its shards, flushers, coordinators and controller, random clients, a disk and a clock,
//! all of which a seed decides. The power fails, processes are killed, flushes fail, the time of day jumps; whatever was
//! promised to a client must hold afterwards. A seed repeats every step.
//!
//! Only the sockets are left out: clients hand frames to the broker and get frames back.

mod admin;
mod client;
mod clock;
mod committer;
mod history;
mod judge;
mod life;
mod member;
mod producer;
mod reader;

use std::fmt;
use std::sync::Arc;

use gracchus_base::Entropy;
use gracchus_log::fs::sim::SimDisk;

use self::clock::SimClock;
use self::history::History;
use self::life::{End, Life, Positions};
use crate::seeds;

/// Lives of the broker that one seed has, the last one without trouble.
const LIVES: usize = 6;

/// What was done and found to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub seeds: u64,
    pub lives: u64,
    pub power_cuts: u64,
    /// Records that were acknowledged.
    pub records: u64,
    /// Commits that were acknowledged.
    pub commits: u64,
    /// Generations in which members were given partitions.
    pub generations: u64,
    /// Everything that clients saw, in its order: two runs of a seed have the same.
    pub trace: u64,
}

impl seeds::Tally for Tally {
    /// The order of seeds does not matter to the trace, either.
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.lives += other.lives;
        self.power_cuts += other.power_cuts;
        self.records += other.records;
        self.commits += other.commits;
        self.generations += other.generations;
        self.trace ^= other.trace;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, lives, power_cuts, records, commits, generations, trace } = self;
        write!(
            f,
            "{seeds} seeds, {lives} lives, {power_cuts} power cuts; {records} records, {commits} commits and "
        )?;
        write!(f, "{generations} generations of groups acknowledged and found; trace {trace:016x}")
    }
}

/// Something did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    pub violation: String,
    /// What clients saw last.
    pub events: Vec<String>,
    /// What the broker logged in its last life.
    pub log: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "  {event}")?;
        }
        writeln!(f, "{}", self.log)?;
        writeln!(f, "seed {}: {}", self.seed, self.violation)
    }
}

impl std::error::Error for Failure {}

/// Plays so many seeds on several threads, from `seed` on.
///
/// # Errors
/// The first failure that a thread came upon.
pub fn run_many(seed: u64, seeds: u64, threads: usize) -> Result<Tally, Box<Failure>> {
    seeds::play(seed, threads, |next| next < seed + seeds, run)
}

/// Plays one seed.
///
/// # Errors
/// Something does not hold.
pub fn run(seed: u64) -> Result<Tally, Box<Failure>> {
    let chance = Entropy::seeded(seed);
    let clock = SimClock::new(&chance);
    let history = History::new(clock.clone());
    let positions = Arc::new(Positions::default());
    let (mut disk, mut tally) = (SimDisk::new(), Tally { seeds: 1, ..Tally::default() });
    let mut log = String::new();
    for n in 0..LIVES {
        let end = if n + 1 == LIVES { End::Closed } else { End::drawn(&chance) };
        let (history, positions) = (&history, &positions);
        let mut life = Life {
            disk: &disk,
            chance: &chance,
            clock: &clock,
            history,
            positions,
            log: &mut log,
            number: n as u64,
        };
        let lived = life.live(end, n + 1 == LIVES);
        tally.lives += 1;
        tally.power_cuts += u64::from(end.is_power_cut());
        if let Err(violation) = lived {
            return Err(Box::new(Failure { seed, violation, events: history.last_events(), log }));
        }
        disk.heal();
        disk = if end.is_power_cut() { disk.crash(chance.next_u64()) } else { disk.kill() };
    }
    history.add_to(&mut tally);
    Ok(tally)
}
