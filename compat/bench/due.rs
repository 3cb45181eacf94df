//! Requests at fixed times.

use std::thread;
use std::time::Instant;

/// Stays off the processor until then.
pub fn wait_for(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
