//! Start to the first answer on an empty directory, and what an idle broker holds.

use std::collections::BTreeMap;

use crate::BenchError;
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "start",
    about: "exec to the first answered ApiVersions on an empty directory (formatted before, where the broker \
            wants that); resident memory once it has answered",
    subjects: Subject::DEFAULTS,
    settings: &[],
    warm_up: false,
    round,
    rounds: 5,
}];

/// The answer is seen without polling: the harness is woken by the broker's last start-up line, then asks.
fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    // The one that was started for the workload has nothing to do here, and would use a little of the machine.
    running.broker().into_iter().for_each(|broker| broker.kill());
    let fresh = Running::start(running.subject(), &context.jars, &[])?;
    let usage = fresh.usage()?;
    let values = BTreeMap::from([
        (Metric::TookMs, fresh.start_took().as_secs_f64() * 1e3),
        (Metric::MemoryMegabytes, usage.rss_bytes as f64 / 1e6),
    ]);
    Ok(vec![(String::new(), values)])
}
