//! Waiting for a condition that can only be asked for, never be told.

use std::time::{Duration, Instant};

/// How long to stay off the processor between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks `condition` until it gives a value; `None` once `limit` has passed.
/// Where a process writes a line when the condition holds, [`crate::Process::wait_for`] is the better wait.
pub fn wait_until<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::park_timeout(PAUSE);
    }
}
