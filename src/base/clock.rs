//! The only door to the time of day and to the monotonic clock.
//!
//! State machines take times as values; drivers read them here, and tests and simulations put their own clock in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC, as record timestamps and commit timestamps have it. -1 means "none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// "No timestamp" on the wire.
    pub const NONE: Self = Self(-1);

    /// The bare number of milliseconds.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds on a clock that never jumps, counted from an arbitrary start. For timeouts only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub i64);

impl Monotonic {
    /// The moment `ms` milliseconds later; saturates.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment.
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A handle to the clock; clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { start: Instant },
    Manual { wall_ms: Arc<AtomicI64>, monotonic_ms: Arc<AtomicI64> },
    Other(Arc<dyn TimeSource>),
}

/// A clock of somebody else, such as a simulation's.
pub trait TimeSource: fmt::Debug + Send + Sync {
    /// The time of day, which may jump.
    fn now(&self) -> Timestamp;
    /// The time that never jumps.
    fn monotonic(&self) -> Monotonic;
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System { start: Instant::now() })
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        let wall_ms = Arc::new(AtomicI64::new(start.0));
        Self(Source::Manual { wall_ms, monotonic_ms: Arc::new(AtomicI64::new(0)) })
    }

    /// Somebody else's clock.
    pub fn other(source: Arc<dyn TimeSource>) -> Self {
        Self(Source::Other(source))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Timestamp(system_now_ms()),
            Source::Manual { wall_ms, .. } => Timestamp(wall_ms.load(Ordering::SeqCst)),
            Source::Other(source) => source.now(),
        }
    }

    /// The monotonic time.
    pub fn monotonic(&self) -> Monotonic {
        match &self.0 {
            Source::System { start } => {
                Monotonic(i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual { monotonic_ms, .. } => Monotonic(monotonic_ms.load(Ordering::SeqCst)),
            Source::Other(source) => source.monotonic(),
        }
    }

    /// Moves a manual clock; the system's clock cannot be moved and ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { wall_ms, monotonic_ms } = &self.0 {
            let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            wall_ms.fetch_add(ms, Ordering::SeqCst);
            monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn system_now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
