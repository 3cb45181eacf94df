//! Where the loops run that own something and may block: on threads of their own; in a simulation as tasks of the one
//! thread there is, so that a seed repeats every step.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use gracchus_base::Entropy;
use tokio::task;

/// How loops and blocking calls are run; clones are the same.
#[derive(Clone, Debug)]
pub enum Execution {
    /// Each loop has a thread, and blocking calls have threads of the runtime.
    Threads,
    /// Everything is a task of a runtime with one thread and a clock that stands still while there is work. Which of the
    /// loops comes first, these numbers decide.
    Tasks(Entropy),
}

/// Of the steps of a simulation one in so many is taken at once, and one in so many later than what is due by then.
const AT_ONCE_ONE_IN: u64 = 2;
const LATE_ONE_IN: u64 = 4;

/// How late such a step is at most.
const LATE_MS_MAX: u64 = 5;

/// A loop that was started.
pub enum Running {
    Thread(JoinHandle<()>),
    Task(task::JoinHandle<()>),
}

impl Execution {
    /// Starts a loop.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        &self,
        name: &str,
        stack_bytes: usize,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Running> {
        match self {
            Self::Threads => {
                let thread = thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes);
                Ok(Running::Thread(thread.spawn(move || block_on(work))?))
            }
            Self::Tasks(_) => Ok(Running::Task(tokio::spawn(work))),
        }
    }

    /// Runs what may wait for a disk off the async threads. It runs to its end whether it is waited for or not.
    pub(crate) fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> task::JoinHandle<T> {
        match self {
            Self::Threads => task::spawn_blocking(work),
            Self::Tasks(_) => {
                let execution = self.clone();
                tokio::spawn(async move {
                    execution.step().await;
                    work()
                })
            }
        }
    }

    /// To be awaited before each step of a loop. Threads go on at once; in a simulation somebody else may come first.
    pub(crate) async fn step(&self) {
        let Self::Tasks(chance) = self else { return };
        if chance.next_u64().is_multiple_of(AT_ONCE_ONE_IN) {
            return;
        }
        if chance.next_u64().is_multiple_of(LATE_ONE_IN) {
            let late = Duration::from_millis(chance.next_u64() % LATE_MS_MAX);
            tokio::time::sleep(late).await;
        } else {
            task::yield_now().await;
        }
    }

    /// How many threads may share a piece of work.
    pub(crate) const fn threads(&self, wanted: usize) -> usize {
        match self {
            Self::Threads => wanted,
            Self::Tasks(_) => 1,
        }
    }
}

impl Running {
    /// Waits for its end. Answers whether it ended well.
    pub(crate) async fn ended(self) -> bool {
        match self {
            Self::Thread(thread) => {
                task::spawn_blocking(move || thread.join().is_ok()).await.unwrap_or(false)
            }
            Self::Task(task) => task.await.is_ok(),
        }
    }
}

/// Runs a future on this thread, which sleeps while there is nothing to do.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
