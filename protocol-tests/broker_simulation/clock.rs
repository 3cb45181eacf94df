//! The clock of a simulation: the monotonic time is the runtime's, which moves on only when nobody has anything to do; the
//! time of day jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gracchus_base::{Clock, Entropy, Monotonic, TimeSource, Timestamp};
use tokio::time::Instant;

/// When the first life begins.
const BEGINNING_MS: i64 = 1_700_000_000_000;

/// How far the time of day jumps, back or forth.
const HOUR_MS: i64 = 3_600_000;

/// One clock for all lives.
#[derive(Clone, Debug)]
pub(super) struct SimClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What earlier lives took.
    passed_ms: AtomicI64,
    /// When this life began; the runtime's clock begins anew with each.
    began: std::sync::Mutex<Option<Instant>>,
    wall_offset_ms: AtomicI64,
    chance: Entropy,
}

impl SimClock {
    pub(super) fn new(chance: &Entropy) -> Self {
        Self(Arc::new(Inner {
            passed_ms: AtomicI64::new(0),
            began: std::sync::Mutex::new(None),
            wall_offset_ms: AtomicI64::new(BEGINNING_MS),
            chance: Entropy::seeded(chance.next_u64()),
        }))
    }

    /// For a broker.
    pub(super) fn handle(&self) -> Clock {
        Clock::other(self.0.clone())
    }

    /// A life begins, in its runtime.
    pub(super) fn begin_life(&self) {
        *self.0.began() = Some(Instant::now());
    }

    /// A life ends, still in its runtime.
    pub(super) fn end_life(&self) {
        let all = self.now_ms();
        *self.0.began() = None;
        self.0.passed_ms.store(all, Ordering::SeqCst);
    }

    /// Milliseconds since the first life began.
    pub(super) fn now_ms(&self) -> i64 {
        self.0.monotonic().0
    }

    /// The time of day jumps by an hour.
    pub(super) fn jump(&self) {
        let back = self.0.chance.next_u64().is_multiple_of(2);
        self.0.wall_offset_ms.fetch_add(if back { -HOUR_MS } else { HOUR_MS }, Ordering::SeqCst);
    }
}

impl Inner {
    fn began(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.began.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl TimeSource for Inner {
    fn now(&self) -> Timestamp {
        Timestamp(self.monotonic().0 + self.wall_offset_ms.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Monotonic {
        let in_this_life = self.began().map_or(0, |began| began.elapsed().as_millis() as i64);
        Monotonic(self.passed_ms.load(Ordering::SeqCst) + in_this_life)
    }
}
