//! Producers and consumers at once for ten minutes: nothing may drift.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use super::replayed_topic::ReplayedTopic;
use crate::BenchError;
use crate::replay::frame::BatchShape;
use crate::replay::{Amount, Fetcher, ProduceReplay, Wanted};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "soak",
    about: "16 connections that produce 60 MB/s in all (3,000 batches of 20 KB a second, acks=all) to 16 partitions in \
            turn, and 16 that read one partition each at its tail with long polls, for ten minutes; segments of 32 MB \
            and retention of 64 MB a partition, so that files come and go. Each minute: latency of the produce \
            requests, counted from when they were due, and the memory at its end",
    subjects: Subject::DEFAULTS,
    settings: &[
        ("log.segment.delete.delay.ms", "1000"),
        ("log.retention.check.interval.ms", "5000"),
        // The connection that makes the topic, and looks at its end, does nothing in between: longer than by default.
        ("connections.max.idle.ms", "3600000"),
    ],
    round,
    warm_up: true,
    rounds: 1,
}];

const CONNECTIONS: usize = 16;
const BATCH_BYTES: usize = 20_000;
const RATE: f64 = 3000.0;
const MINUTES: u32 = 10;
const CONFIGS: &[(&str, &str)] = &[("segment.bytes", "33554432"), ("retention.bytes", "67108864")];
/// The end offset while it is not known.
const NOT_KNOWN: i64 = i64::MAX;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let (minutes, minute) =
        if context.is_warm_up { (1, Duration::from_secs(10)) } else { (MINUTES, Duration::from_secs(60)) };
    let name = format!("soak-{}", context.round);
    let topic = ReplayedTopic::create(running, name, CONNECTIONS, CONFIGS)?;
    let address = running.address();
    let ends: Vec<AtomicI64> = (0..CONNECTIONS).map(|_| AtomicI64::new(NOT_KNOWN)).collect();
    let measured = thread::scope(|scope| {
        let mut readers = Vec::new();
        for (partition, end) in ends.iter().enumerate() {
            let (topic, partition) = (topic.name.as_str(), partition as i32);
            readers.push(scope.spawn(move || read_tail(address, topic, partition, end)));
        }
        let produced = produce(running, &topic.name, minutes, context.scaled_time(minute));
        // However the producing ended, the readers must come to an end too.
        let none = vec![0; CONNECTIONS];
        let end_offsets = produced.as_ref().map_or(&none, |(_, end_offsets)| end_offsets);
        for (end, offset) in ends.iter().zip(end_offsets) {
            end.store(*offset, Ordering::Relaxed);
        }
        for reader in readers {
            reader.join().map_err(|_| BenchError::Failed("a reader panicked".into()))??;
        }
        produced.map(|(measured, _)| measured)
    })?;
    topic.delete()?;
    Ok(measured)
}

/// Produces minute by minute; returns what was measured and where the partitions end.
fn produce(
    running: &Running,
    topic: &str,
    minutes: u32,
    minute: Duration,
) -> Result<(Measured, Vec<i64>), BenchError> {
    let replay = ProduceReplay {
        batch: BatchShape::of_bytes(BATCH_BYTES),
        partitions: CONNECTIONS,
        connections: CONNECTIONS,
        in_flight: 5,
        amount: Amount::Time(minute),
        rate: Some(RATE),
    };
    let mut ends = vec![0; CONNECTIONS];
    let mut measured = Vec::new();
    for number in 1..=minutes {
        let before = running.usage()?;
        let outcome = replay.run_behind(running.address(), topic, &ends)?;
        let after = running.usage()?;
        let seconds = outcome.took.as_secs_f64();
        let values = BTreeMap::from([
            (Metric::MegabytesPerSecond, outcome.bytes as f64 / seconds / 1e6),
            (Metric::LatencyP50Ms, outcome.latencies.quantile_ms(0.5)),
            (Metric::LatencyP99Ms, outcome.latencies.quantile_ms(0.99)),
            (Metric::MemoryMegabytes, after.rss_bytes as f64 / 1e6),
            (Metric::CpuPercent, (after.cpu - before.cpu).as_secs_f64() / seconds * 100.0),
        ]);
        measured.push((format!("minute {number}"), values));
        ends = outcome.end_offsets;
    }
    Ok((measured, ends))
}

/// Reads until the end, once that is known. A gap in the offsets is an error.
fn read_tail(address: SocketAddr, topic: &str, partition: i32, end: &AtomicI64) -> Result<(), BenchError> {
    let mut fetcher = Fetcher::connect(address, topic, vec![(partition, 0)], Wanted::default())?;
    while fetcher.positions[0].1 < end.load(Ordering::Relaxed) {
        fetcher.fetch()?;
    }
    Ok(())
}
