//! Cases in a row, watched by a clock.

use std::fmt;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Target;
use crate::dice::Dice;
use crate::judge::judge;
use crate::mutate::changed;
use crate::shrink::smallest;

/// A case takes milliseconds; one that takes so long, on however busy a machine, does not end.
const CASE_MAX: Duration = Duration::from_secs(120);

/// Bytes of an input that are shown.
const SHOWN_BYTES_MAX: usize = 2048;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    pub cases: u64,
    /// The most memory that a case has held, as a share of what it may hold.
    pub memory: f64,
}

/// An input that does what none may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub target: &'static str,
    pub seed: u64,
    /// The smallest that was found.
    pub input: Vec<u8>,
    pub how: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = String::new();
        for byte in self.input.iter().take(SHOWN_BYTES_MAX) {
            write!(hex, "{byte:02x}")?;
        }
        let more = self.input.len().saturating_sub(SHOWN_BYTES_MAX);
        let dots = if more > 0 { format!("... and {more} bytes more") } else { String::new() };
        writeln!(f, "{}, seed {}: {}", self.target, self.seed, self.how)?;
        writeln!(f, "the smallest input found: {hex}{dots}")?;
        write!(f, "again: fuzz --target {} --seed {} --cases 1", self.target, self.seed)
    }
}

impl std::error::Error for Failure {}

/// Runs cases one after the other.
fn run(
    target: &'static Target,
    seeds: impl Iterator<Item = u64>,
    mut begins: impl FnMut(u64, &[u8]),
) -> Result<Done, Box<Failure>> {
    let samples = (target.samples)();
    let mut done = Done::default();
    for seed in seeds {
        // In turn, so that each of them is changed equally often.
        let turn = usize::try_from(seed % samples.len().max(1) as u64).unwrap_or(0);
        let input = changed(&samples, turn, &Dice::new(seed));
        begins(seed, &input);
        match judge(target, &input) {
            Ok(share) => done.memory = done.memory.max(share),
            Err(how) => {
                let (input, how) = smallest(input, how, |input| judge(target, input).err());
                return Err(Box::new(Failure { target: target.name, seed, input, how }));
            }
        }
        done.cases += 1;
    }
    Ok(done)
}

/// Runs the cases of `seeds`, one after the other, on a thread of their own. A seed is a case: which sample, and how it is
/// changed. One that does not end is a failure too.
///
/// # Errors
/// The first that fails.
pub fn watched(
    target: &'static Target,
    seeds: impl Iterator<Item = u64> + Send + 'static,
) -> Result<Done, Box<Failure>> {
    let now = Arc::new(Mutex::new((0, Vec::new())));
    let (beats, heart) = sync_channel(64);
    let thread = thread::spawn({
        let now = now.clone();
        move || beating(target, seeds, &now, &beats)
    });
    loop {
        match heart.recv_timeout(CASE_MAX) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(outcome)) => return outcome,
            Err(RecvTimeoutError::Timeout) => {
                let (seed, input) = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let how = format!("did not end within {CASE_MAX:?}");
                return Err(Box::new(Failure { target: target.name, seed, input, how }));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let panic = thread.join().err().unwrap_or_else(|| Box::new("it ended without a word"));
                std::panic::resume_unwind(panic);
            }
        }
    }
}

type Outcome = Result<Done, Box<Failure>>;

/// Leaves word of what begins, for whoever watches.
fn beating(
    target: &'static Target,
    seeds: impl Iterator<Item = u64>,
    now: &Mutex<(u64, Vec<u8>)>,
    beats: &SyncSender<ControlFlow<Outcome>>,
) {
    let outcome = run(target, seeds, |seed, input| {
        let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
        now.0 = seed;
        now.1.clear();
        now.1.extend_from_slice(input);
        // Nobody listens once the watch has given up.
        drop(beats.send(ControlFlow::Continue(())));
    });
    drop(beats.send(ControlFlow::Break(outcome)));
}
