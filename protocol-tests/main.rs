//! The long part of the tests, run by hand: `cargo run --release -p protocol-tests -- crashes --points 100000`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use counting_allocator::Counting;
use protocol_tests::faults::{clock, crowd, eio, half_open, space};
use protocol_tests::{broker_simulation, crash_points, fuzz, kill_loop, mutants, power_cuts, soak};

/// For `fuzz`, which measures memory.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The long part of the tests.
#[derive(Debug, Parser)]
#[command(name = "protocol-tests")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everything below but the mutants, for so many minutes in all; prints a table
    Soak {
        #[arg(long, default_value_t = 30)]
        minutes: u64,
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Power cuts at every operation of a log, from one seed on, until there were so many
    Crashes {
        #[arg(long, default_value_t = 100_000)]
        points: u64,
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Power cuts of a whole broker under load, on a simulated disk
    Power {
        #[arg(long, default_value_t = 1000)]
        cuts: u32,
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// A whole broker in one thread, whose every step a seed repeats: so many seeds
    Simulate {
        #[arg(long, default_value_t = 100)]
        seeds: u64,
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// System calls of a running process that fail with EIO, by strace
    Eio {
        #[arg(long, default_value_t = 12)]
        rounds: u32,
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Small file systems until they are full, and read-only ones; takes root, to mount them
    Space,
    /// The time of day of a running process jumps, by libfaketime
    Clock {
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// Connections that come and go, while another client is timed
    Crowd {
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
    },
    /// Hundreds of connections whose cable is cut, while another client is timed; takes root, for network namespaces
    HalfOpen,
    /// Mistakes planted into a copy of the last commit: do the tests find them?
    Mutants {
        /// Those whose name contains this
        #[arg(default_value = "")]
        only: String,
    },
    /// Changed inputs through everything that reads bytes from outside, for so many minutes in all
    Fuzz {
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// So many cases of each target, however long they take
        #[arg(long)]
        cases: Option<u64>,
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The one whose name is this
        #[arg(long)]
        target: Option<String>,
    },
    /// A process that is killed under load, so many times
    Kills {
        #[arg(long, default_value_t = 30)]
        kills: u32,
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match Command::parse().what {
        What::Soak { minutes, seed, threads } => soaked(minutes, seed, threads),
        What::Crashes { points, seed, threads } => crashes(points, seed, threads),
        What::Mutants { only } => plant(&only),
        What::Simulate { seeds, seed, threads } => {
            told(broker_simulation::run_many(seed, seeds, threads).map_err(|failure| failure.to_string()))
        }
        What::Power { cuts, seed } => power(cuts, seed),
        What::Fuzz { minutes, cases, seed, target } => {
            let until =
                cases.map_or(fuzz::Until::Passed(Duration::from_secs(minutes * 60)), fuzz::Until::Cases);
            fuzzed(until, seed, target.as_deref())
        }
        What::Kills { kills, seed } => killed(kills, seed),
        What::Eio { rounds, seed } => told(block_on(eio::run(rounds, seed))),
        What::Space => told(block_on(space::run())),
        What::Clock { rounds } => told(block_on(clock::run(rounds))),
        What::HalfOpen => told(block_on(half_open::run())),
        What::Crowd { connections } => told(Ok(block_on(crowd::run(connections)))),
    }
}

fn crashes(points: u64, seed: u64, threads: usize) -> ExitCode {
    let began = Instant::now();
    match crash_points::run(seed, points, threads) {
        Ok(done) => {
            let (points, batches) = (done.tally.points, done.tally.batches);
            let seconds = began.elapsed().as_secs_f64();
            println!(
                "{points} power cuts in {} schedules, {batches} batches read back: {seconds:.1} s",
                done.schedules
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}after {:.1} s", began.elapsed().as_secs_f64());
            ExitCode::FAILURE
        }
    }
}

fn fuzzed(until: fuzz::Until, seed: u64, only: Option<&str>) -> ExitCode {
    println!("| target | cases | most memory, of what is allowed |\n|---|---:|---:|");
    match fuzz::run(until, seed, only, |target, done| {
        println!("| {target} | {} | {:.0} % |", done.cases, 100.0 * done.memory);
    }) {
        Ok(0) => {
            eprintln!("there is no such target");
            ExitCode::FAILURE
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn block_on<F: Future>(part: F) -> F::Output {
    tokio::runtime::Runtime::new().expect("threads for a runtime").block_on(part)
}

/// What was done, or what is missing to do it. A failure is a panic that says what is wrong.
fn told(done: Result<impl std::fmt::Display, String>) -> ExitCode {
    match done {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(missing) => {
            eprintln!("{missing}");
            ExitCode::FAILURE
        }
    }
}

/// A failure is a panic that says what is wrong.
fn killed(kills: u32, seed: u64) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("threads for a runtime");
    let done = runtime.block_on(kill_loop::run(kills, seed));
    println!(
        "{} kills, {} batches acknowledged and found once and in order; slowest start {:?}",
        done.kills, done.acknowledged, done.slowest_start
    );
    ExitCode::SUCCESS
}

fn plant(only: &str) -> ExitCode {
    let mut missed = 0;
    mutants::run(only, |outcome| match outcome.found_after {
        Some(after) => println!("found after {:5.1} s: {}", after.as_secs_f64(), outcome.name),
        None => {
            println!("NOT FOUND: {}", outcome.name);
            missed += 1;
        }
    });
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A failure is a panic that says what is wrong.
fn power(cuts: u32, seed: u64) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("threads for a runtime");
    let done = runtime.block_on(power_cuts::run(cuts, seed));
    let (records, commits, topics) = done.acknowledged;
    println!(
        "{} power cuts; {records} records, {commits} commits and {topics} topics were acknowledged and found",
        done.power_cuts
    );
    ExitCode::SUCCESS
}

/// A failure is a panic that says what is wrong. The table goes to standard output, what is being done to standard error.
fn soaked(minutes: u64, seed: u64, threads: usize) -> ExitCode {
    println!("| | | minutes |\n|---|---|---:|");
    let began = Instant::now();
    let mut tell = |progress| match progress {
        soak::Progress::Begins(what) => eprintln!("{:6} s: {what}", began.elapsed().as_secs()),
        soak::Progress::Done(row) => {
            println!("| {} | {} | {:.1} |", row.what, row.done, row.took.as_secs_f64() / 60.0);
        }
    };
    match block_on(soak::run(minutes, seed, threads, &mut tell)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(missing) => {
            eprintln!("{missing}");
            ExitCode::FAILURE
        }
    }
}
