//! Starts real brokers (ours and the reference, Apache Kafka 4.3.1) and the reference's command-line tools as
//! processes, waits for what they say or answer, and ends them by their pid.
//!
//! Nothing here knows what a test expects; it never sleeps, every wait has a condition and a deadline.

pub mod binary;
pub mod block_on;
pub mod broker;
pub mod deadline;
pub mod jars;
pub mod probe;
pub mod process;
pub mod reference;
pub mod tools;

pub use block_on::block_on;
pub use broker::{Broker, Kind, StartError};
pub use deadline::wait_until;
pub use jars::Jars;
pub use process::{Outcome, Process, Stream};
pub use tools::Tools;

use std::path::PathBuf;

/// The root of the checkout that this code was compiled from.
pub fn repository_root() -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::fs::canonicalize(root).unwrap_or_else(|_| PathBuf::from(root))
}

/// True when a missing toolchain must fail the run (`COMPAT_REQUIRE=all`) instead of skipping a part of it.
pub fn everything_required() -> bool {
    std::env::var("COMPAT_REQUIRE").is_ok_and(|value| value == "all")
}
