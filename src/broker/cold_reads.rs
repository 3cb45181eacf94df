//! Reads that may have to wait for a disk. They run on threads of their own, so that a slow disk stalls only the clients
//! who want something from it; everything else reads what is in memory and does not wait.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::execution::Execution;
use crate::flushes_first::FlushesFirst;

/// Reads of each kind at a time: enough to keep a disk busy, few enough that a dead one does not take all threads.
const AT_A_TIME: usize = 16;

/// Where such reads get their turn. Each kind has turns of its own, so that finding a place in a log, which is a page or
/// two, never waits behind megabytes.
#[derive(Debug)]
pub struct ColdReads {
    lookups: Arc<Semaphore>,
    loads: Arc<Semaphore>,
    flushes: Arc<FlushesFirst>,
    execution: Execution,
}

impl ColdReads {
    /// Of disks with these flushes.
    pub fn new(flushes: Arc<FlushesFirst>, execution: Execution) -> Self {
        let turns = || Arc::new(Semaphore::new(AT_A_TIME));
        Self { lookups: turns(), loads: turns(), flushes, execution }
    }

    /// Runs a search that may wait for the disk. When the caller gives up, it still runs to its end, and keeps its turn.
    ///
    /// # Errors
    /// The broker stops, or the search panicked.
    pub async fn look_up<T: Send + 'static>(
        &self,
        search: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        self.run(&self.lookups, search).await
    }

    /// The same for bringing records into memory, once the flushes under way have passed.
    ///
    /// # Errors
    /// As [`ColdReads::look_up`].
    pub async fn load<T: Send + 'static>(&self, load: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        self.flushes.let_pass().await;
        self.run(&self.loads, load).await
    }

    async fn run<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let turn = turns.clone().acquire_owned().await.map_err(io::Error::other)?;
        let with_turn = move || {
            let outcome = read();
            drop(turn);
            outcome
        };
        Ok(self.execution.blocking(with_turn).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn loads_that_hang_take_neither_more_threads_nor_the_turns_of_lookups() {
        let cold = Arc::new(ColdReads::new(Arc::default(), Execution::Threads));
        let (begun, beginnings) = channel();
        let mut hanging = Vec::new();
        let mut release = Vec::new();
        for _ in 0..AT_A_TIME + 1 {
            let (end, wait) = channel::<()>();
            release.push(end);
            let (cold, begun) = (cold.clone(), begun.clone());
            hanging.push(tokio::spawn(async move {
                let hang = move || (begun.send(()).is_ok(), wait.recv().is_err());
                cold.load(hang).await.is_ok()
            }));
        }
        for _ in 0..AT_A_TIME {
            tokio::task::yield_now().await;
        }
        (0..AT_A_TIME).for_each(|_| beginnings.recv().unwrap());
        assert_eq!(cold.look_up(|| 5).await.unwrap(), 5);
        assert!(beginnings.try_recv().is_err(), "the last one has no turn yet");
        drop(release);
        for hung in hanging {
            assert!(hung.await.unwrap());
        }
        beginnings.recv().unwrap();
    }
}
