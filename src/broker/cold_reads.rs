//! Reads that may have to wait for a disk. They run on threads of their own, so that a slow disk stalls only the clients
//! who want something from it; everything else reads what is in memory and does not wait.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Reads from disk at a time: enough to keep a disk busy, few enough that a dead one does not take all threads. Others
/// wait for their turn.
const COLD_READS_MAX: usize = 16;

/// Where such reads get their turn.
#[derive(Debug)]
pub struct ColdReads {
    turns: Arc<Semaphore>,
}

impl Default for ColdReads {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(COLD_READS_MAX)) }
    }
}

impl ColdReads {
    /// Runs a read that may wait for the disk. When the caller gives up, it still runs to its end, and keeps its turn.
    ///
    /// # Errors
    /// The broker stops, or the read panicked.
    pub async fn run<T: Send + 'static>(&self, read: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let turn = self.turns.clone().acquire_owned().await.map_err(io::Error::other)?;
        let with_turn = move || {
            let outcome = read();
            drop(turn);
            outcome
        };
        Ok(spawn_blocking(with_turn).await?)
    }
}
