//! Who waits for a partition to change: the long polls of Fetch.
//!
//! A poll waits on many partitions with one [`Poll`]; a partition keeps weak ends only. Publishing a change that nobody
//! waits for costs one atomic load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// One long poll; it ends when any partition it watches changes.
#[derive(Debug, Default)]
pub struct Poll {
    changed: Notify,
}

impl Poll {
    /// Waits until a watched partition has changed since the poll was registered there.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// The polls that watch one partition. Its length is bounded by the connections: each has one poll at a time, and dead
/// ones are dropped whenever the list would grow.
#[derive(Debug, Default)]
pub struct Waiters {
    any: AtomicBool,
    polls: Mutex<Vec<Weak<Poll>>>,
}

impl Waiters {
    /// Wakes `poll` at the next [`Waiters::wake`]. Register first and look at the view afterwards: a change in between
    /// is then seen by one of the two.
    pub fn register(&self, poll: &Arc<Poll>) {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        if polls.len() == polls.capacity() {
            polls.retain(|poll| poll.strong_count() > 0);
        }
        polls.push(Arc::downgrade(poll));
        self.any.store(true, Ordering::SeqCst);
    }

    /// Wakes everyone who waits.
    pub fn wake(&self) {
        if !self.any.swap(false, Ordering::SeqCst) {
            return;
        }
        let polls = std::mem::take(&mut *self.polls.lock().unwrap_or_else(PoisonError::into_inner));
        for poll in polls.iter().filter_map(Weak::upgrade) {
            // `notify_one` leaves a permit when the poll does not wait yet, so no change is missed.
            poll.changed.notify_one();
        }
    }
}
