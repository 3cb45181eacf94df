//! What one librdkafka producer can store.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::BenchError;
use crate::client::{Producer, Topic, Values};
use crate::free_memory;
use crate::meter::Meter;
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "client-produce-1k",
        about: "one librdkafka producer, 600,000 values of 1,000 bytes, 1 partition, acks=all, \
                batch.size=1000000, linger.ms=5",
        subjects: Subject::BROKERS,
        settings: &[],
        round: values_of_1k,
        warm_up: true,
        rounds: 3,
    },
    Workload {
        name: "client-produce-100b",
        about: "one librdkafka producer, 6,000,000 values of 100 bytes to 6 partitions in turn, acks=all, \
                batch.size=1000000, linger.ms=5",
        subjects: Subject::BROKERS,
        settings: &[],
        round: values_of_100b,
        warm_up: true,
        rounds: 3,
    },
    Workload {
        name: "client-produce-compressed",
        about: "one librdkafka producer that compresses JSON of about 1 KB a value, 1 partition, acks=all, \
                batch.size=1000000, linger.ms=5; bytes are those of the values before compression",
        subjects: Subject::BROKERS,
        settings: &[],
        round: compressed,
        warm_up: true,
        rounds: 3,
    },
];

fn values_of_1k(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let values = Arc::new(Values::random(1000));
    Ok(vec![produce(running, context, &values, Load { partitions: 1, records: 600_000, codec: "none" })?])
}

fn values_of_100b(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let values = Arc::new(Values::random(100));
    Ok(vec![produce(running, context, &values, Load { partitions: 6, records: 6_000_000, codec: "none" })?])
}

/// Each for some seconds: the client compresses lz4 ten times as fast as gzip.
fn compressed(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let values = Arc::new(Values::json());
    let parts = [("lz4", 1_000_000), ("zstd", 600_000), ("gzip", 150_000)];
    parts
        .into_iter()
        .map(|(codec, records)| produce(running, context, &values, Load { partitions: 1, records, codec }))
        .collect()
}

/// What a round writes, and as much again.
const CLAIMED_BYTES: u64 = 1_200_000_000;

struct Load {
    partitions: i32,
    records: u64,
    codec: &'static str,
}

type Part = (String, BTreeMap<Metric, f64>);

fn produce(
    running: &Running,
    context: &Context,
    values: &Arc<Values>,
    load: Load,
) -> Result<Part, BenchError> {
    for repeat in 1..context.repeats() {
        once(running, &format!("warm-up-{repeat}-{}", load.codec), context, values, &load)?;
    }
    once(running, &format!("produce-{}-{}", context.round, load.codec), context, values, &load)
}

/// One producer on a topic of its own.
fn once(
    running: &Running,
    topic: &str,
    context: &Context,
    values: &Arc<Values>,
    load: &Load,
) -> Result<Part, BenchError> {
    let topic = Topic::create(running, topic, load.partitions)?;
    let settings = [("compression.codec", load.codec)];
    let mut producer = Producer::open(running.address(), &topic, values, &settings)?;
    let (records, requests_before) = (context.scaled(load.records), producer.requests()?);

    free_memory::claim(CLAIMED_BYTES)?;
    let meter = Meter::start(running)?;
    producer.send(records)?;
    let cost = meter.stop(running)?;

    topic.expect_stored(producer.sent())?;
    topic.delete()?;
    let mut measured = cost.values(records, producer.bytes_of_last(records));
    let requests = producer.requests()? - requests_before;
    measured.insert(Metric::RequestsPerSecond, requests as f64 / cost.took.as_secs_f64());
    let part = if load.codec == "none" { "" } else { load.codec };
    Ok((part.to_owned(), measured))
}
