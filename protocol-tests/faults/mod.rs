//! Faults that a running process meets from outside: system calls that fail, disks that are full, clocks that jump,
//! crowds of connections. They need tools and rights of the machine, so they are a command and no `cargo test`.

pub mod clock;
pub mod crowd;
pub mod eio;
pub mod space;
mod tracer;

use std::time::{Duration, Instant};

/// How long something may take that should come soon.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until a condition holds; `false` if it did not in time.
async fn until(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    let mut looks = tokio::time::interval(LOOK);
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        looks.tick().await;
    }
    true
}
