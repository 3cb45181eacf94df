//! Who waits for a partition to change: the long polls of Fetch, and the sessions behind them.
//!
//! It works as epoll does. A [`Poll`] is registered with many partitions, each under a slot of the poll's own; a partition
//! that changes drops the registration, puts the slot on the poll's list and wakes it. So a registration stays until it
//! is used, also from one request of a session to the next, and a poll costs what has changed, not what it watches.
//! Publishing a change that nobody waits for costs one atomic load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gracchus_state::fetch_session::Slot;
use tokio::sync::Notify;

/// One waiting client.
#[derive(Debug)]
pub struct Poll {
    id: PollId,
    woken: Notify,
    /// What has changed and was not taken yet: at most a slot per registration.
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

/// The polls that watch one partition. Its length is bounded by the clients there are: a poll belongs to a session or to
/// a request in progress, and whenever the list has doubled, those that are gone or stand there twice are dropped.
#[derive(Debug, Default)]
pub struct Waiters {
    any: AtomicBool,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    waiting: Vec<Waiting>,
    /// How long the list was when it was last cleaned.
    clean: usize,
}

#[derive(Debug)]
struct Waiting {
    id: PollId,
    poll: Weak<Poll>,
    slot: Slot,
}

/// A list that short is not worth cleaning.
const SHORT_LIST: usize = 8;

impl Waiters {
    /// Wakes `poll` with `slot` at the next [`Waiters::wake`]; an older registration of it may wake it too. Register first
    /// and look at the view afterwards: a change in between is then seen by one of the two.
    pub fn register(&self, poll: &Arc<Poll>, slot: Slot) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.waiting.push(Waiting { id: poll.id, poll: Arc::downgrade(poll), slot });
        if list.waiting.len() > SHORT_LIST.max(list.clean.saturating_mul(2)) {
            list.clean();
        }
        self.any.store(true, Ordering::SeqCst);
    }

    /// Wakes everyone who waits.
    pub fn wake(&self) {
        if !self.any.swap(false, Ordering::SeqCst) {
            return;
        }
        let list = std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner));
        for Waiting { poll, slot, .. } in list.waiting {
            if let Some(poll) = poll.upgrade() {
                poll.wake(slot);
            }
        }
    }
}

impl List {
    fn clean(&mut self) {
        self.waiting.retain(|waiting| waiting.poll.strong_count() > 0);
        // Stable: of one poll the latest comes last, and its slot is the one that counts.
        self.waiting.sort_by_key(|waiting| waiting.id);
        self.waiting.dedup_by(|later, kept| {
            let is_same = later.id == kept.id;
            if is_same {
                kept.slot = later.slot;
            }
            is_same
        });
        self.clean = self.waiting.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(waiters: &Waiters) -> Vec<u64> {
        waiters.list.lock().unwrap().waiting.iter().map(|waiting| waiting.slot.0).collect()
    }

    #[test]
    fn a_change_wakes_each_poll_once_with_the_slots_it_was_registered_under() {
        let (partitions, poll) = ([Waiters::default(), Waiters::default()], Poll::new());
        partitions[0].register(&poll, Slot(5));
        partitions[1].register(&poll, Slot(6));
        partitions.iter().chain(&partitions).for_each(Waiters::wake);
        assert_eq!(poll.take_changed(), [Slot(5), Slot(6)]);
        assert_eq!(poll.take_changed(), []);
    }

    #[test]
    fn a_list_holds_no_more_than_twice_the_polls_that_are_there() {
        let (waiters, stays) = (Waiters::default(), Poll::new());
        for n in 0..1000 {
            waiters.register(&stays, Slot(n));
            waiters.register(&Poll::new(), Slot(0));
            assert!(waiting(&waiters).len() <= SHORT_LIST);
        }
        let many: Vec<_> = (0..100).map(|_| Poll::new()).collect();
        for slot in 0..1000 {
            many.iter().for_each(|poll| waiters.register(poll, Slot(slot)));
            assert!(waiting(&waiters).len() <= 2 * 101);
        }
        waiters.wake();
        assert!(
            many.iter().all(|poll| poll.take_changed().last() == Some(&Slot(999))),
            "the latest is not lost"
        );
    }

    #[tokio::test]
    async fn what_was_taken_without_waiting_does_not_end_the_next_wait() {
        let (waiters, poll) = (Waiters::default(), Poll::new());
        waiters.register(&poll, Slot(1));
        waiters.wake();
        poll.changed().await;
        poll.take_changed();
        let is_woken = tokio::select! {
            biased;
            () = poll.changed() => true,
            () = std::future::ready(()) => false,
        };
        assert!(!is_woken);
    }
}
