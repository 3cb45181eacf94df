//! Produce requests that are encoded once and replayed, so that the broker and not the client is the limit.

use std::collections::BTreeMap;
use std::time::Duration;

use super::replayed_topic::{ReplayedTopic, SETTINGS};
use crate::BenchError;
use crate::free_memory;
use crate::process_usage::ProcessUsage;
use crate::replay::frame::BatchShape;
use crate::replay::{Amount, Outcome, ProduceReplay};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

const LARGE: BatchShape = BatchShape { records: 900, value_bytes: 1014 };
const LARGE_REQUESTS: u64 = 3300;
const TIME: Duration = Duration::from_secs(3);

/// What a round of large batches writes at most, about; what one of single records writes is little.
const CLAIMED_BYTES: u64 = 4_000_000_000;

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "replay-900k",
        about: "Produce requests replayed: batches of 900 KB (900 records), 6 partitions in turn, 2 connections with 5 \
                requests in flight each, acks=all, 3 GB a round",
        subjects: Subject::ALL,
        settings: SETTINGS,
        round: large,
        warm_up: true,
        rounds: 3,
    },
    Workload {
        name: "replay-16k",
        about: "Produce requests replayed: batches of 16 KB (16 records), 6 partitions in turn, 6 connections with 5 \
                requests in flight each, acks=all, 3 s",
        subjects: Subject::ALL,
        settings: SETTINGS,
        round: |running, context| {
            produce(running, context, &timed(running, context, BatchShape::of_bytes(16 * 1024), 6, 5), &[])
        },
        warm_up: true,
        rounds: 3,
    },
    Workload {
        name: "replay-one-record",
        about: "Produce requests replayed: one record of 100 B each, 6 partitions in turn, 16 connections with 2 \
                requests in flight each, acks=all, 3 s",
        subjects: Subject::ALL,
        settings: SETTINGS,
        round: |running, context| {
            produce(running, context, &timed(running, context, BatchShape::one_record(100), 16, 2), &[])
        },
        warm_up: true,
        rounds: 3,
    },
    Workload {
        name: "replay-one-by-one",
        about: "Produce requests replayed: one record of 100 B each, 6 partitions in turn, 1 connection that waits for \
                each answer, acks=all, 3 s",
        subjects: Subject::ALL,
        settings: SETTINGS,
        round: |running, context| {
            produce(running, context, &timed(running, context, BatchShape::one_record(100), 1, 1), &[])
        },
        warm_up: true,
        rounds: 3,
    },
    Workload {
        name: "flush-messages-1",
        about: "As replay-900k, and the topic has flush.messages=1: the reference flushes each batch too",
        subjects: &[Subject::Reference, Subject::Flushed, Subject::LimitFlushed],
        settings: SETTINGS,
        round: |running, context| {
            produce(running, context, &large_replay(context), &[("flush.messages", "1")])
        },
        warm_up: true,
        rounds: 3,
    },
];

/// For a fixed time; in the reference's warm-up for as long as it takes until it has compiled what is hot.
fn timed(
    running: &Running,
    context: &Context,
    batch: BatchShape,
    connections: usize,
    in_flight: usize,
) -> ProduceReplay {
    let repeats = if running.subject() == Subject::Reference { context.repeats() } else { 1 };
    ProduceReplay {
        batch,
        partitions: 6,
        connections,
        in_flight,
        amount: Amount::Time(context.scaled_time(TIME * repeats)),
        rate: None,
    }
}

fn large_replay(context: &Context) -> ProduceReplay {
    ProduceReplay::of_requests(LARGE, 6, context.scaled(LARGE_REQUESTS))
}

fn large(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    produce(running, context, &large_replay(context), &[])
}

/// One round: makes a topic with those settings, replays, checks what is stored, removes the topic.
fn produce(
    running: &mut Running,
    context: &Context,
    replay: &ProduceReplay,
    configs: &[(&str, &str)],
) -> Result<Measured, BenchError> {
    let name = format!("replay-{}", context.round);
    let mut topic = ReplayedTopic::create(running, name, replay.partitions, configs)?;
    if replay.batch.records > 1 {
        free_memory::claim(CLAIMED_BYTES)?;
    }
    ProcessUsage::reset_peak(running.pid())?;
    let before = running.usage()?;
    let outcome = replay.run(running.address(), &topic.name)?;
    let after = running.usage()?;
    topic.expect_stored(&outcome.end_offsets)?;
    topic.delete()?;
    Ok(vec![(String::new(), values(&outcome, &before, &after))])
}

fn values(outcome: &Outcome, before: &ProcessUsage, after: &ProcessUsage) -> BTreeMap<Metric, f64> {
    let (requests, bytes) = (outcome.requests as f64, outcome.bytes as f64);
    let (seconds, cpu) = (outcome.took.as_secs_f64(), (after.cpu - before.cpu).as_secs_f64());
    BTreeMap::from([
        (Metric::MegabytesPerSecond, bytes / seconds / 1e6),
        (Metric::RequestsPerSecond, requests / seconds),
        (Metric::CpuSecondsPerGigabyte, cpu * 1e9 / bytes),
        (Metric::CpuMicrosPerRequest, cpu * 1e6 / requests),
        (Metric::LatencyP50Ms, outcome.latencies.quantile_ms(0.5)),
        (Metric::LatencyP99Ms, outcome.latencies.quantile_ms(0.99)),
        (Metric::LatencyP999Ms, outcome.latencies.quantile_ms(0.999)),
        (Metric::MemoryPeakMegabytes, after.rss_peak_bytes as f64 / 1e6),
    ])
}
