//! The long part of all of it, one after the other, for so many minutes; what was done comes out as a table.

use std::time::{Duration, Instant};

use crate::faults::{clock, crowd, eio, half_open, space};
use crate::fuzz::Until;
use crate::seeds::Tally;
use crate::{broker_simulation, crash_points, fuzz, kill_loop, power_cuts};

/// Power cuts of one log in a turn.
const POINTS: u64 = 20_000;

/// Seeds of the simulated broker in a turn.
const SEEDS: u64 = 100;

/// Power cuts of a whole broker in a turn.
const POWER_CUTS: u32 = 25;

/// Kills of a process in a turn.
const KILLS: u32 = 5;

/// Processes with EIO in a turn; as many jumps of the clock make a round.
const EIO_ROUNDS: u32 = 6;

/// Connections that come and go in a turn.
const CONNECTIONS: usize = 10_000;

/// One part of the soak.
#[derive(Debug)]
pub struct Row {
    pub what: &'static str,
    /// How much of it was done.
    pub done: String,
    pub took: Duration,
}

/// What is told while it goes on.
#[derive(Debug)]
pub enum Progress {
    /// A part begins, with what repeats it.
    Begins(String),
    Done(Row),
}

/// Where [`Progress`] goes.
type Tell<'a> = &'a mut dyn FnMut(Progress);

/// Runs everything, for `minutes` in all, from a seed on.
///
/// # Errors
/// When a tool or a right is missing, before anything else is done.
///
/// # Panics
/// When something does not hold, with what it is and the seed.
pub async fn run(minutes: u64, seed: u64, threads: usize, tell: Tell<'_>) -> Result<(), String> {
    let each = Duration::from_secs(minutes * 60) / 6;
    from_outside(each, seed, tell).await?;
    tell(Progress::Begins("fuzz".to_owned()));
    let row = everything_read(each, seed);
    tell(Progress::Done(row));
    let row = one_log(each, seed, threads, tell);
    tell(Progress::Done(row));
    let row = simulated_broker(each, seed, threads, tell);
    tell(Progress::Done(row));
    let row = whole_broker(each, seed, tell).await;
    tell(Progress::Done(row));
    let row = process(each, seed, tell).await;
    tell(Progress::Done(row));
    Ok(())
}

/// Whatever takes tools and rights of the machine, in turn.
async fn from_outside(time: Duration, seed: u64, tell: Tell<'_>) -> Result<(), String> {
    let began = Instant::now();
    let mut took = [Duration::ZERO; 5];
    let (mut calls, mut disks, mut jumps) =
        (eio::Done::default(), space::Done::default(), clock::Done::default());
    let (mut crowds, mut cut_off) = (Vec::new(), Vec::new());
    while crowds.is_empty() || began.elapsed() < time {
        let mut turn = Instant::now();
        let mut lap = || std::mem::replace(&mut turn, Instant::now()).elapsed();
        let seed = seed + crowds.len() as u64;
        tell(Progress::Begins(format!("eio --rounds {EIO_ROUNDS} --seed {seed}")));
        calls.add(eio::run(EIO_ROUNDS, seed).await?);
        took[0] += lap();
        tell(Progress::Begins("space".to_owned()));
        disks.add(space::run().await?);
        took[1] += lap();
        tell(Progress::Begins("clock --rounds 1".to_owned()));
        jumps.add(clock::run(1).await?);
        took[2] += lap();
        tell(Progress::Begins(format!("crowd --connections {CONNECTIONS}")));
        crowds.push(crowd::run(CONNECTIONS).await);
        took[3] += lap();
        tell(Progress::Begins("half-open".to_owned()));
        cut_off.push(half_open::run().await?);
        took[4] += lap();
    }
    let slowest = crowds.iter().max_by_key(|crowd| crowd.produce_p99[1]).expect("there was one");
    let crowd = format!("{} times; the slowest: {slowest}", crowds.len());
    let slowest = cut_off.iter().max_by_key(|cut| cut.closed).expect("there was one");
    let cut_off = format!("{} times; the slowest: {slowest}", cut_off.len());
    let done = [
        ("EIO under a process", calls.to_string()),
        ("small file systems, full and read-only", disks.to_string()),
        ("a process whose clock jumps", jumps.to_string()),
        ("crowds of connections", crowd),
        ("peers that are gone without a word", cut_off),
    ];
    done.into_iter()
        .zip(took)
        .for_each(|((what, done), took)| tell(Progress::Done(Row { what, done, took })));
    Ok(())
}

fn simulated_broker(time: Duration, seed: u64, threads: usize, tell: Tell<'_>) -> Row {
    let began = Instant::now();
    let mut all = broker_simulation::Tally::default();
    while began.elapsed() < time {
        tell(Progress::Begins(format!("simulate --seeds {SEEDS} --seed {}", seed + all.seeds)));
        match broker_simulation::run_many(seed + all.seeds, SEEDS, threads) {
            Ok(done) => all.add(done),
            Err(failure) => panic!("{failure}"),
        }
    }
    Row { what: "a whole broker in one thread, repeatable", done: all.to_string(), took: began.elapsed() }
}

fn everything_read(time: Duration, seed: u64) -> Row {
    let began = Instant::now();
    match fuzz::run(Until::Passed(time), seed, None, |_, _| {}) {
        Ok(cases) => Row {
            what: "everything that reads bytes from outside, changed inputs",
            done: format!("{cases} inputs without a panic, each in its bound of memory"),
            took: began.elapsed(),
        },
        Err(failure) => panic!("{failure}"),
    }
}

fn one_log(time: Duration, seed: u64, threads: usize, tell: Tell<'_>) -> Row {
    let began = Instant::now();
    let mut all = crash_points::Done::default();
    while began.elapsed() < time {
        let seed = seed + all.schedules;
        tell(Progress::Begins(format!("crashes --points {POINTS} --seed {seed}")));
        match crash_points::run(seed, POINTS, threads) {
            Ok(done) => all.add(done),
            Err(failure) => panic!("{failure}"),
        }
    }
    let crash_points::Done { schedules, tally } = all;
    let done =
        format!("{} power cuts in {schedules} schedules; {} batches read back", tally.points, tally.batches);
    Row { what: "one log, power cut at every operation of a simulated disk", done, took: began.elapsed() }
}

async fn whole_broker(time: Duration, seed: u64, tell: Tell<'_>) -> Row {
    let began = Instant::now();
    let (mut power_cuts, mut acknowledged) = (0, (0, 0, 0));
    while began.elapsed() < time {
        let seed = seed + u64::from(power_cuts);
        tell(Progress::Begins(format!("power --cuts {POWER_CUTS} --seed {seed}")));
        let done = power_cuts::run(POWER_CUTS, seed).await;
        power_cuts += done.power_cuts;
        let (records, commits, topics) = done.acknowledged;
        acknowledged = (acknowledged.0 + records, acknowledged.1 + commits, acknowledged.2 + topics);
    }
    let (records, commits, topics) = acknowledged;
    let done = format!(
        "{power_cuts} power cuts; {records} records, {commits} commits and {topics} topics acknowledged and found"
    );
    Row { what: "a whole broker under load, on a simulated disk", done, took: began.elapsed() }
}

async fn process(time: Duration, seed: u64, tell: Tell<'_>) -> Row {
    let began = Instant::now();
    let (mut kills, mut acknowledged, mut slowest) = (0, 0, Duration::ZERO);
    while began.elapsed() < time {
        let seed = seed + u64::from(kills);
        tell(Progress::Begins(format!("kills --kills {KILLS} --seed {seed}")));
        let done = kill_loop::run(KILLS, seed).await;
        kills += done.kills;
        acknowledged += done.acknowledged;
        slowest = slowest.max(done.slowest_start);
    }
    let slowest = slowest.as_millis();
    let done = format!(
        "{kills} kills; {acknowledged} batches acknowledged and found once and in order; slowest start {slowest} ms"
    );
    Row { what: "a process under load, SIGKILL", done, took: began.elapsed() }
}
