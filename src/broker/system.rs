//! The doors to the outside of one broker.

use gracchus_base::{Clock, Entropy};
use gracchus_log::Fs;

use crate::execution::Execution;

/// What a broker reaches the world through; a simulation puts its own in.
#[derive(Clone, Debug)]
pub struct System {
    /// Where the directories are.
    pub fs: Fs,
    pub clock: Clock,
    pub entropy: Entropy,
    pub execution: Execution,
}

impl System {
    /// The machine's.
    pub fn real() -> Self {
        Self::on(Fs::real())
    }

    /// The machine's, but for its disk.
    pub fn on(fs: Fs) -> Self {
        Self { fs, clock: Clock::system(), entropy: Entropy::system(), execution: Execution::Threads }
    }
}
