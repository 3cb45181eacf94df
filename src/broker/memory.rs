//! What the process holds for its clients, by class: how much it is, how much it may be, and how often that was not
//! enough.
//!
//! Counting is an addition to a number; deciding what happens at a bound is up to whoever holds it
//! (`docs/ARCHITECTURE.md`, "Bounds").

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One class as it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes or entries.
    pub held: u64,
    /// What `held` is kept below.
    pub max: u64,
    /// How often since the start somebody had to wait, was refused or made room.
    pub hits: u64,
}

impl Usage {
    /// Of two parts of a class.
    pub const fn plus(self, other: Self) -> Self {
        let Self { held, max, hits } = other;
        Self { held: self.held + held, max: self.max + max, hits: self.hits + hits }
    }
}

/// All classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Bytes of requests in progress (`queued.max.request.bytes`).
    pub requests: Usage,
    /// Bytes of answers that are not sent yet (`queued.max.response.bytes`).
    pub responses: Usage,
    /// `max.incremental.fetch.session.cache.slots`
    pub fetch_sessions: Usage,
    /// `max.incremental.fetch.session.cache.partitions`
    pub fetch_session_partitions: Usage,
    /// `max.producer.ids`; a hit is a producer that made room, also for `max.producer.ids.per.partition`.
    pub producer_ids: Usage,
    /// `max.groups`; a hit is a refusal, also for `max.groups.per.offsets.partition`.
    pub groups: Usage,
    /// `max.group.state.bytes`; hits as with groups.
    pub group_state_bytes: Usage,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, hit {} times", self.held, self.max, self.hits)
    }
}

impl MemoryUsage {
    /// Hits over all classes.
    pub const fn hits(&self) -> u64 {
        let Self { requests, responses, fetch_sessions, fetch_session_partitions, .. } = self;
        let Self { producer_ids, groups, group_state_bytes, .. } = self;
        requests.hits
            + responses.hits
            + fetch_sessions.hits
            + fetch_session_partitions.hits
            + producer_ids.hits
            + groups.hits
            + group_state_bytes.hits
    }
}

impl fmt::Display for MemoryUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "requests {}; responses {}; fetch sessions {}; their partitions {}; producer ids {}; groups {}; group state {}",
            self.requests,
            self.responses,
            self.fetch_sessions,
            self.fetch_session_partitions,
            self.producer_ids,
            self.groups,
            self.group_state_bytes,
        )
    }
}

/// The counter of a class whose members are spread over threads.
#[derive(Debug)]
pub struct Gauge {
    held: AtomicU64,
    max: u64,
    hits: AtomicU64,
}

impl Gauge {
    /// Of a class that may hold `max`.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), max: max as u64, hits: AtomicU64::new(0) })
    }

    /// How much there is.
    pub fn held(&self) -> usize {
        usize::try_from(self.held.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    /// How much there may be.
    pub fn max(&self) -> usize {
        usize::try_from(self.max).unwrap_or(usize::MAX)
    }

    /// The bound was hit so many times more.
    pub fn hit(&self, times: u64) {
        self.hits.fetch_add(times, Ordering::Relaxed);
    }

    /// The class as it is now.
    pub fn usage(&self) -> Usage {
        let (held, hits) = (self.held.load(Ordering::Relaxed), self.hits.load(Ordering::Relaxed));
        Usage { held, max: self.max, hits }
    }
}

/// What one holder has of a class; gone from its counter when dropped.
#[derive(Debug)]
pub struct Holding {
    gauge: Arc<Gauge>,
    amount: u64,
}

impl Holding {
    /// Nothing yet.
    pub const fn new(gauge: Arc<Gauge>) -> Self {
        Self { gauge, amount: 0 }
    }

    /// It holds so much now.
    pub fn set(&mut self, amount: usize) {
        let amount = amount as u64;
        // Most steps change nothing, and the counter is shared.
        if amount != self.amount {
            self.gauge.held.fetch_add(amount.wrapping_sub(self.amount), Ordering::Relaxed);
            self.amount = amount;
        }
    }

    /// The counter.
    pub fn gauge(&self) -> &Gauge {
        &self.gauge
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holdings_of_a_class_add_up_and_leave_nothing_when_they_are_dropped() {
        let gauge = Gauge::new(10);
        let (mut a, mut b) = (Holding::new(gauge.clone()), Holding::new(gauge.clone()));
        a.set(5);
        b.set(7);
        a.set(3);
        gauge.hit(2);
        assert_eq!(gauge.usage(), Usage { held: 10, max: 10, hits: 2 });
        drop(a);
        assert_eq!(gauge.held(), 7);
        drop(b);
        assert_eq!(gauge.held(), 0);
    }
}
