//! Faults that a running process meets from outside: system calls that fail, disks that are full, clocks that jump,
//! crowds of connections, peers that are gone without a word. They need tools and rights of the machine, so they are a
//! command and no `cargo test`.

pub mod clock;
pub mod crowd;
pub mod eio;
pub mod half_open;
mod member;
mod network;
pub mod space;
mod timed;
mod tracer;

use std::process::Command;
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

/// Runs a tool of the machine.
fn command(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{program} is not there: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program} {args:?}: {}", said.trim())) }
}
