//! Who waits for a partition to change: the long polls of Fetch, and the sessions behind them.
//!
//! It works as epoll does. A [`Poll`] is registered with many partitions, each under a slot of the poll's own; a partition
//! that changes drops the registration, puts the slot on the poll's list and wakes it. So a registration stays until it
//! is used, also from one request of a session to the next, and a poll costs what has changed, not what it watches.
//! Publishing a change that nobody waits for costs one atomic load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gracchus_state::fetch_session::Slot;
use tokio::sync::Notify;

/// One waiting client.
#[derive(Debug)]
pub struct Poll {
    id: PollId,
    woken: Notify,
    /// What has changed and was not taken yet: at most one slot per registration.
    changed: Mutex<Vec<Slot>>,
}

/// A number that no poll had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PollId(u64);

impl Poll {
    /// A poll that is registered nowhere.
    pub fn new() -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = PollId(NEXT.fetch_add(1, Ordering::Relaxed));
        Arc::new(Self { id, woken: Notify::new(), changed: Mutex::default() })
    }

    /// Waits until something has changed since [`Poll::take_changed`].
    pub async fn changed(&self) {
        // A permit may be left of a change that was taken without waiting.
        while self.changed.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.woken.notified().await;
        }
    }

    /// What has changed since the last call. None of it is registered any more.
    pub fn take_changed(&self) -> Vec<Slot> {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wake(&self, slot: Slot) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
        // Leaves a permit when the poll does not wait yet, so no change is missed.
        self.woken.notify_one();
    }
}

/// The polls that watch one partition: each once at most. Polls that are gone are dropped whenever the list has doubled,
/// so it is bounded by the clients there are: a poll belongs to a session or to a request in progress.
#[derive(Debug, Default)]
pub struct Waiters {
    any: AtomicBool,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    polls: BTreeMap<PollId, (Weak<Poll>, Slot)>,
    /// How long the list was when the gone ones were last dropped.
    alive: usize,
}

/// A list that short is not looked through for polls that are gone.
const SHORT_LIST: usize = 8;

impl Waiters {
    /// Wakes `poll` with `slot` at the next [`Waiters::wake`]; a poll that is registered already gets the new slot only.
    /// Register first and look at the view afterwards: a change in between is then seen by one of the two.
    pub fn register(&self, poll: &Arc<Poll>, slot: Slot) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.polls.insert(poll.id, (Arc::downgrade(poll), slot));
        if list.polls.len() > SHORT_LIST.max(list.alive.saturating_mul(2)) {
            list.polls.retain(|_, (poll, _)| poll.strong_count() > 0);
            list.alive = list.polls.len();
        }
        self.any.store(true, Ordering::SeqCst);
    }

    /// Wakes everyone who waits.
    pub fn wake(&self) {
        if !self.any.swap(false, Ordering::SeqCst) {
            return;
        }
        let list = std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner));
        for (poll, slot) in list.polls.into_values() {
            if let Some(poll) = poll.upgrade() {
                poll.wake(slot);
            }
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).polls.len()
    }
}
