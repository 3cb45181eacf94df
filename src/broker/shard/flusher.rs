//! The threads that make logs durable, so that shards can go on appending meanwhile. The shards of a data directory
//! share them.
//!
//! Each partition has at most one flush in progress; what is appended during it is covered by the next. So the queue holds
//! at most one ticket per partition. Few logs are flushed beside one another, many together: while that is in progress
//! more tickets gather, so that there is group commit over partitions too, without a timer (`docs/decisions/005`).

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gracchus_log::{FlushError, FlushTicket, Flushed, LogDir, WholeFlush};
use tokio::sync::Notify;

use super::{Message, ShardHandle};
use crate::execution::Execution;
use crate::flushes_first::FlushesFirst;
use crate::partition::PartitionKey;

/// Flushes of single logs at a time: one file after another costs several times more than eight at once (DESIGN 4).
const THREADS: usize = 8;

/// The stack of such a thread.
const STACK_BYTES: usize = 256 * 1024;

/// Logs that wait for a flush before they are flushed together: fewer are done sooner beside one another.
const TOGETHER_MIN: usize = 8;

/// The outcomes of flushes of one shard.
pub type FlushOutcomes = Vec<(PartitionKey, Result<Flushed, FlushError>)>;

/// The way to the flushers of one data directory. They end when the last clone is dropped.
#[derive(Clone)]
pub struct Flusher(Arc<Door>);

/// Closes the queue when it is dropped.
struct Door(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    execution: Execution,
    /// Who reads from the same disk waits meanwhile.
    first: Arc<FlushesFirst>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// How many logs can be flushed together, if the file system lets them and no thread is at it.
    whole: Option<WholeFlush>,
    /// A thread is at it.
    together: bool,
    closed: bool,
}

struct Job {
    /// Who is told.
    shard: ShardHandle,
    key: PartitionKey,
    ticket: FlushTicket,
}

/// What a thread does next.
enum Work {
    One(Job),
    Together(WholeFlush, VecDeque<Job>),
}

impl Flusher {
    /// Starts the threads of a data directory, before anything is written to it.
    pub fn spawn(
        name: &str,
        dir: &LogDir,
        first: Arc<FlushesFirst>,
        execution: &Execution,
    ) -> io::Result<Self> {
        let state = State { whole: dir.whole_flush()?, ..State::default() };
        let (state, changed) = (Mutex::new(state), Notify::new());
        let shared = Arc::new(Shared { state, changed, execution: execution.clone(), first });
        let flusher = Self(Arc::new(Door(shared.clone())));
        for n in 0..THREADS {
            execution.start(&format!("{name}-{n}"), STACK_BYTES, shared.clone().run())?;
        }
        Ok(flusher)
    }

    /// Queues flushes of a shard, which is told of them with [`Message::Flushed`].
    pub fn flush(&self, shard: &ShardHandle, tickets: Vec<(PartitionKey, FlushTicket)>) {
        if !tickets.is_empty() {
            let jobs = tickets.into_iter().map(|(key, ticket)| Job { shard: shard.clone(), key, ticket });
            self.0.0.lock().queue.extend(jobs);
            self.0.0.changed.notify_one();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_waiters();
    }
}

impl Shared {
    async fn run(self: Arc<Self>) {
        while let Some(work) = self.next().await {
            self.execution.step().await;
            let under_way = self.first.begin();
            match work {
                Work::One(Job { shard, key, ticket }) => {
                    let outcome = caught(|| ticket.run());
                    drop(under_way);
                    shard.send(Message::Flushed(vec![(key, outcome)]));
                }
                Work::Together(mut whole, jobs) => {
                    flush_together(&mut whole, jobs);
                    let mut state = self.lock();
                    (state.whole, state.together) = (Some(whole), false);
                }
            }
        }
    }

    /// Waits for work. `None`: the directory is closed.
    async fn next(&self) -> Option<Work> {
        loop {
            if let Some(next) = self.look() {
                return next;
            }
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            // What has changed before that is seen now, what changes after it wakes.
            if let Some(next) = self.look() {
                return next;
            }
            changed.await;
        }
    }

    /// The next work, or that there will be none; `None` if that is to be waited for.
    fn look(&self) -> Option<Option<Work>> {
        let mut state = self.lock();
        let Some(work) = state.take() else {
            return (state.closed && state.queue.is_empty()).then_some(None);
        };
        if !state.queue.is_empty() {
            // One call wakes one thread, whatever it brings: that one wakes the next.
            self.changed.notify_one();
        }
        Some(Some(work))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What a thread should do now; `None` if that is to wait. A thread that comes back from a flush asks again.
    fn take(&mut self) -> Option<Work> {
        let waiting = self.queue.len();
        if waiting >= TOGETHER_MIN && self.whole.as_mut().is_some_and(|whole| whole.pays(waiting)) {
            self.together = true;
            return Some(Work::Together(self.whole.take()?, std::mem::take(&mut self.queue)));
        }
        // What comes while many are flushed together goes with the next.
        if self.together { None } else { self.queue.pop_front().map(Work::One) }
    }
}

/// The outcome of a flush; a panic, which is a mistake of ours, is a failed one.
fn caught<T>(flush: impl FnOnce() -> Result<T, FlushError>) -> Result<T, FlushError> {
    catch_unwind(AssertUnwindSafe(flush)).unwrap_or_else(|_| Err(FlushError::panicked()))
}

/// Flushes the logs, and tells each shard once.
fn flush_together(whole: &mut WholeFlush, jobs: VecDeque<Job>) {
    let (keys, tickets): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|Job { shard, key, ticket }| ((shard, key), ticket)).unzip();
    let outcomes = catch_unwind(AssertUnwindSafe(|| whole.run(tickets)));
    let outcomes = outcomes.unwrap_or_else(|_| keys.iter().map(|_| Err(FlushError::panicked())).collect());
    let mut told: Vec<(ShardHandle, FlushOutcomes)> = Vec::new();
    for ((shard, key), outcome) in keys.into_iter().zip(outcomes) {
        match told.iter_mut().find(|(other, _)| other.is(&shard)) {
            Some((_, outcomes)) => outcomes.push((key, outcome)),
            None => told.push((shard, vec![(key, outcome)])),
        }
    }
    for (shard, outcomes) in told {
        shard.send(Message::Flushed(outcomes));
    }
}
