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
    /// Each timer once, at the time it was set for or an earlier one.
    by_time: BTreeSet<(Monotonic, TimerKey)>,
    by_key: HashMap<TimerKey, Timer>,
}

#[derive(Debug)]
struct Timer {
    at: Monotonic,
    /// Where it stands in the order of time. A timer that is moved to later stays where it is until that has come: each
    /// commit and each heartbeat moves one, few ever fall due.
    queued: Monotonic,
}

impl Timers {
    /// Sets or moves a timer.
    pub(super) fn schedule(&mut self, key: TimerKey, at: Monotonic) {
        match self.by_key.get_mut(&key) {
            Some(timer) if timer.queued <= at => timer.at = at,
            Some(timer) => {
                let queued = std::mem::replace(timer, Timer { at, queued: at }).queued;
                self.by_time.remove(&(queued, key.clone()));
                self.by_time.insert((at, key));
            }
            None => {
                self.by_key.insert(key.clone(), Timer { at, queued: at });
                self.by_time.insert((at, key));
            }
        }
    }

    /// Forgets a timer, if it is set.
    pub(super) fn cancel(&mut self, key: TimerKey) {
        if let Some(timer) = self.by_key.remove(&key) {
            self.by_time.remove(&(timer.queued, key));
        }
    }

    /// Takes the earliest timer that is due at `now`.
    pub(super) fn pop_due(&mut self, now: Monotonic) -> Option<TimerKey> {
        while self.next()? <= now {
            let (queued, key) = self.by_time.pop_first()?;
            match self.by_key.get_mut(&key) {
                Some(timer) if timer.at > queued => {
                    timer.queued = timer.at;
                    self.by_time.insert((timer.at, key));
                }
                _ => {
                    self.by_key.remove(&key);
                    return Some(key);
                }
            }
        }
        None
    }

    /// When the earliest timer is due, or a time before that.
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

    #[test]
    fn timers_fall_due_in_the_order_of_what_they_were_last_set_for() {
        let mut timers = Timers::default();
        let key = |group: &str| TimerKey { group: GroupId::new(group), kind: TimerKind::Sync };
        for (group, at) in [("a", 1), ("b", 5), ("c", 7), ("a", 6), ("c", 2), ("d", 3)] {
            timers.schedule(key(group), Monotonic(at));
        }
        timers.cancel(key("d"));
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(Monotonic(6))).collect();
        assert_eq!(due, [key("c"), key("b"), key("a")]);
        assert!(timers.by_time.is_empty() && timers.by_key.is_empty());
    }
}
