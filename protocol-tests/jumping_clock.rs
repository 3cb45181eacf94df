//! The machine's clock, whose time of day a test sets forward and back (FAULTS 31).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gracchus_base::{Clock, Monotonic, TimeSource, Timestamp};

/// Clones are one clock.
#[derive(Clone, Debug)]
pub struct JumpingClock(Arc<Jumping>);

#[derive(Debug)]
struct Jumping {
    system: Clock,
    ahead_ms: AtomicI64,
}

impl JumpingClock {
    /// A clock that is right.
    pub fn new() -> Self {
        Self(Arc::new(Jumping { system: Clock::system(), ahead_ms: AtomicI64::new(0) }))
    }

    /// For a broker.
    pub fn handle(&self) -> Clock {
        Clock::other(self.0.clone())
    }

    /// Sets the time of day forward by so many milliseconds, or back.
    pub fn jump(&self, by_ms: i64) {
        self.0.ahead_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Default for JumpingClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp(self.system.now().get() + self.ahead_ms.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Monotonic {
        self.system.monotonic()
    }
}
