//! Seeds one after the other, on several threads.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long one seed may take; those that end take seconds.
const SEED_TAKES: Duration = Duration::from_secs(300);

/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What seeds add up to, in whatever order they are done.
pub trait Tally: Default + Send {
    fn add(&mut self, other: Self);
}

/// Plays `seed` and those after it as long as `goes_on` says so of the next, and adds up what they give.
///
/// A seed that does not end ends the process, which says which one it is: a thread cannot be stopped from outside.
///
/// # Errors
/// The first failure that a thread came upon; the others stop soon.
pub fn play<T: Tally, E: Send>(
    seed: u64,
    threads: usize,
    goes_on: impl Fn(u64) -> bool + Sync,
    one: impl Fn(u64) -> Result<T, E> + Sync,
) -> Result<T, E> {
    let (next, failed) = (AtomicU64::new(seed), AtomicBool::new(false));
    let playing: Vec<Mutex<Option<(u64, Instant)>>> = (0..threads).map(|_| Mutex::default()).collect();
    let set = |slot: &Mutex<_>, now| *slot.lock().unwrap_or_else(PoisonError::into_inner) = now;
    let work = |slot: &Mutex<_>| {
        let mut all = T::default();
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !goes_on(seed) {
                break;
            }
            set(slot, Some((seed, Instant::now())));
            all.add(one(seed).inspect_err(|_| failed.store(true, Ordering::Relaxed))?);
            set(slot, None);
        }
        Ok(all)
    };
    thread::scope(|scope| {
        let (ended, ends) = channel();
        let (work, playing) = (&work, &playing);
        for slot in playing {
            let ended = ended.clone();
            // The receiver outlives the threads.
            scope.spawn(move || drop(ended.send(work(slot))));
        }
        drop(ended);
        let mut all = T::default();
        loop {
            match ends.recv_timeout(LOOK) {
                Ok(done) => all.add(done?),
                Err(RecvTimeoutError::Timeout) => playing.iter().for_each(exit_if_stuck),
                Err(RecvTimeoutError::Disconnected) => return Ok(all),
            }
        }
    })
}

fn exit_if_stuck(slot: &Mutex<Option<(u64, Instant)>>) {
    let playing = *slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((seed, _)) = playing.filter(|(_, began)| began.elapsed() > SEED_TAKES) {
        eprintln!("seed {seed} does not end: {} seconds so far", SEED_TAKES.as_secs());
        process::exit(1);
    }
}
