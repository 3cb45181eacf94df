//! What a connection costs that does nothing.

use std::collections::BTreeMap;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::BenchError;
use crate::protocol_client::ProtocolClient;
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "idle-connections",
    about: "5,000 connections to a fresh broker that have asked for ApiVersions once: what they add to its resident \
            memory, each (the kernel's buffers are not in it)",
    subjects: Subject::DEFAULTS,
    settings: &[],
    warm_up: false,
    round,
    rounds: 3,
}];

const CONNECTIONS: u64 = 5_000;
/// Beside the connections.
const OTHER_FILES: u64 = 1_000;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let count = context.scaled(CONNECTIONS);
    // The brokers inherit it.
    allow_open_files(count + OTHER_FILES)?;
    let fresh = Running::start(running.subject(), &context.jars, &[])?;
    let before = fresh.usage()?;
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut client = ProtocolClient::connect(fresh.address())?;
        client.api_versions()?;
        connections.push(client);
    }
    let after = fresh.usage()?;
    let added = after.rss_bytes.saturating_sub(before.rss_bytes) as f64;
    let values = BTreeMap::from([
        (Metric::KilobytesEach, added / count as f64 / 1e3),
        (Metric::MemoryMegabytes, after.rss_bytes as f64 / 1e6),
    ]);
    Ok(vec![(String::new(), values)])
}

/// Raises what this process and the brokers it starts may open.
fn allow_open_files(count: u64) -> Result<(), BenchError> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    limit.current = limit.maximum;
    if limit.maximum.is_some_and(|maximum| maximum < count) {
        return Err(BenchError::Failed(format!("{count} files must be allowed to be open (ulimit -n)")));
    }
    Ok(setrlimit(Resource::Nofile, limit).map_err(std::io::Error::from)?)
}
