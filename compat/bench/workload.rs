//! What a workload is, and the table of all of them.

use std::time::Duration;

use compat_harness::Jars;

use crate::BenchError;
use crate::results::Measured;
use crate::subject::{Running, Subject};
use crate::workloads;

/// One row, or several that share a set-up.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// As in `--only` and in the results.
    pub name: &'static str,
    /// How it is run, in one or two sentences, for the report: client, sizes, counts, settings.
    pub about: &'static str,
    pub subjects: &'static [Subject],
    /// Settings that the brokers are started with, on top of their defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// Whether the first round of each subject is a warm-up that is not kept. Without: where each round starts a process of
    /// its own.
    pub warm_up: bool,
    /// One round: makes what it needs (topics of its own), measures, removes it again.
    pub round: fn(&mut Running, &Context) -> Result<Measured, BenchError>,
    /// Rounds that are kept.
    pub rounds: u32,
}

/// What a round may know.
#[derive(Clone, Debug)]
pub struct Context {
    pub jars: Jars,
    /// Counted over all rounds of the run: makes the names of topics and groups unique.
    pub round: u32,
    /// The round is not kept: it may be shorter than the others.
    pub is_warm_up: bool,
    /// 1.0 is the full size; `--scale` makes it smaller while one works on it.
    pub scale: f64,
}

impl Context {
    /// How often a round does what it measures; the last time counts. A JVM goes on compiling what is hot for several
    /// times a round's work (measured, CPU of the reference in rounds of 600 MB: 5.9, 3.7, 2.1, 1.9 ... 1.5 s/GB): what
    /// is kept is to be its steady state, as it is ours.
    pub const fn repeats(&self) -> u32 {
        if self.is_warm_up { 6 } else { 1 }
    }

    /// `count` made smaller (at least 1), where a round allows it.
    pub fn scaled(&self, count: u64) -> u64 {
        ((count as f64 * self.scale) as u64).max(1)
    }

    /// `time` made shorter, likewise.
    pub fn scaled_time(&self, time: Duration) -> Duration {
        time.mul_f64(self.scale)
    }
}

/// All workloads, in the order of the report.
pub fn all() -> Vec<Workload> {
    [
        workloads::start::WORKLOADS,
        workloads::client_produce::WORKLOADS,
        workloads::replay::WORKLOADS,
        workloads::client_consume::WORKLOADS,
        workloads::fetch_replay::WORKLOADS,
        workloads::end_to_end::WORKLOADS,
        workloads::partitions::WORKLOADS,
        workloads::trickle::WORKLOADS,
        workloads::idle_connections::WORKLOADS,
        workloads::groups::WORKLOADS,
        workloads::long_polls::WORKLOADS,
        workloads::growth::WORKLOADS,
        workloads::slow_consumer::WORKLOADS,
        workloads::soak::WORKLOADS,
    ]
    .concat()
}
