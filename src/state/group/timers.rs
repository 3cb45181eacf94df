//! The timers of one coordinator: one deadline per key, ordered by time.
//!
//! A timer is named by its group and its purpose, as in Kafka: setting it again moves it. What happens when one is due
//! is decided elsewhere.

use std::collections::{BTreeSet, HashMap};

use gracchus_base::{GroupId, Monotonic};

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum TimerKind {
    /// The join phase ends.
    Join,
    /// Members that have not asked for their assignment are removed.
    Sync,
    /// A member, or one that was promised an id, was not heard of for too long.
    Session(String),
}

/// A timer's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TimerKey {
    pub(super) group: GroupId,
    pub(super) kind: TimerKind,
}

/// All timers that are set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Monotonic, TimerKey)>,
    by_key: HashMap<TimerKey, Monotonic>,
}

impl Timers {
    /// Sets or moves a timer.
    pub(super) fn schedule(&mut self, key: TimerKey, at: Monotonic) {
        if let Some(old) = self.by_key.insert(key.clone(), at) {
            self.by_time.remove(&(old, key.clone()));
        }
        self.by_time.insert((at, key));
    }

    /// Forgets a timer, if it is set.
    pub(super) fn cancel(&mut self, key: TimerKey) {
        if let Some(old) = self.by_key.remove(&key) {
            self.by_time.remove(&(old, key));
        }
    }

    /// Takes the earliest timer that is due at `now`.
    pub(super) fn pop_due(&mut self, now: Monotonic) -> Option<TimerKey> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// When the earliest timer is due.
    pub(super) fn next(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.by_time.clear();
        self.by_key.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_again_moves_and_is_due_once() {
        let mut timers = Timers::default();
        let key = TimerKey { group: GroupId::new("g"), kind: TimerKind::Join };
        timers.schedule(key.clone(), Monotonic(5));
        timers.schedule(key.clone(), Monotonic(9));
        assert_eq!(timers.pop_due(Monotonic(8)), None);
        assert_eq!(timers.next(), Some(Monotonic(9)));
        assert_eq!(timers.pop_due(Monotonic(9)), Some(key));
        assert_eq!(timers.next(), None);
    }
}
