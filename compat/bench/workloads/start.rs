//! Start to the first answer on an empty directory, and what an idle broker holds.

use std::collections::BTreeMap;

use crate::BenchError;
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "start",
    about: "exec to the first answered ApiVersions on an empty directory; memory read once it has answered",
    subjects: Subject::DEFAULTS,
    settings: &[],
    warm_up: false,
    round,
    rounds: 5,
}];

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let fresh = Running::start(running.subject(), &context.jars, &[])?;
    let usage = fresh.usage()?;
    let values = BTreeMap::from([
        (Metric::TookMs, fresh.start_took().as_secs_f64() * 1e3),
        (Metric::MemoryMegabytes, usage.rss_bytes as f64 / 1e6),
    ]);
    Ok(vec![(String::new(), values)])
}
