//! Unlinks files and removes directories later, on a thread of its own: Kafka's `file.delete.delay.ms`.
//!
//! What is lost when the process ends is found again at the next start, by its name (`.deleted`, `-delete`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gracchus_base::{Clock, Monotonic};

use crate::fs::Fs;

/// Paths that wait; when it is full, what comes is removed at once, on the caller's thread.
const QUEUE_MAX: usize = 16 * 1024;

/// A handle to the thread that removes; clones share it. It ends when the last handle is dropped, what still waits stays.
#[derive(Clone)]
pub struct Deleter(Sink);

#[derive(Clone)]
enum Sink {
    Thread { jobs: SyncSender<Job>, failed: OnFailure },
    AtOnce(OnFailure),
}

/// Told of each path that could not be removed; it stays until the next start.
pub type OnFailure = Arc<dyn Fn(PathBuf, std::io::Error) + Send + Sync>;

struct Job {
    paths: Vec<PathBuf>,
    delay_ms: i64,
}

impl Deleter {
    /// Starts the thread. Failures are reported to `failed`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(fs: Fs, clock: Clock, failed: OnFailure) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, receiver) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("deleter".to_owned());
        let sink = Sink::Thread { jobs, failed: failed.clone() };
        let handle = thread.spawn(move || run(&receiver, &fs, &clock, &failed))?;
        Ok((Self(sink), handle))
    }

    /// Removes at once, whatever the delay: for tests, and for tools that run for a moment.
    pub fn at_once(failed: OnFailure) -> Self {
        Self(Sink::AtOnce(failed))
    }

    /// Removes files or directory trees after a delay.
    pub(crate) fn remove_later(&self, fs: &Fs, paths: Vec<PathBuf>, delay_ms: i64) {
        match &self.0 {
            Sink::AtOnce(failed) => remove(fs, paths, failed),
            Sink::Thread { jobs, failed } => match jobs.try_send(Job { paths, delay_ms }) {
                Ok(()) => {}
                Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                    remove(fs, job.paths, failed);
                }
            },
        }
    }
}

/// Takes jobs until all senders are gone, and does each when its time has come.
fn run(jobs: &Receiver<Job>, fs: &Fs, clock: &Clock, failed: &OnFailure) {
    let mut waiting: BinaryHeap<Reverse<(Monotonic, Vec<PathBuf>)>> = BinaryHeap::new();
    loop {
        let due_in_ms = waiting.peek().map_or(i64::MAX, |Reverse((due, _))| due.since_ms(clock.monotonic()));
        if due_in_ms <= 0 {
            if let Some(Reverse((_, paths))) = waiting.pop() {
                remove(fs, paths, failed);
            }
            continue;
        }
        match jobs.recv_timeout(Duration::from_millis(due_in_ms.unsigned_abs().min(MAX_WAIT_MS))) {
            Ok(job) => waiting.push(Reverse((clock.monotonic().plus_ms(job.delay_ms.max(0)), job.paths))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// How long the thread waits at most before it looks at the clock again.
const MAX_WAIT_MS: u64 = 60_000;

fn remove(fs: &Fs, paths: Vec<PathBuf>, failed: &OnFailure) {
    for path in paths {
        let removed = match fs.stat_if_there(&path) {
            Ok(Some(stat)) if stat.is_dir => fs.remove_tree(&path),
            Ok(Some(_)) => fs.remove_if_there(&path),
            Ok(None) => Ok(()),
            Err(e) => Err(e),
        };
        if let Err(e) = removed {
            failed(path, e);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gracchus_base::Timestamp;

    use super::*;
    use crate::fs::sim::SimDisk;

    #[test]
    fn what_is_due_is_removed_and_what_is_not_stays_for_the_next_start() {
        let fs = Fs::new(SimDisk::new());
        for path in ["/soon", "/later"] {
            fs.create_dir(Path::new(path)).unwrap();
            fs.create(&Path::new(path).join("x")).unwrap();
        }
        let failed = Arc::new(|path: PathBuf, e| panic!("{}: {e}", path.display()));
        let (deleter, thread) = Deleter::start(fs.clone(), Clock::manual(Timestamp(0)), failed).unwrap();
        deleter.remove_later(&fs, vec!["/soon".into(), "/never/was".into()], 0);
        deleter.remove_later(&fs, vec!["/later".into()], 60_000);
        drop(deleter);
        thread.join().unwrap();
        let left: Vec<_> = fs.list(Path::new("/")).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(left, ["later"]);
    }
}
