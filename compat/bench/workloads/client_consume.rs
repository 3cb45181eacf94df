//! What one librdkafka consumer can read from the page cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::BenchError;
use crate::client::{Consumer, Producer, Topic, Values};
use crate::meter::Meter;
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "client-consume-1k",
    about: "one librdkafka consumer without a group reads 1,000,000 values of 1,000 bytes from the page \
            cache, 1 partition, librdkafka's own settings (1 MB a fetch)",
    subjects: Subject::BROKERS,
    settings: &[],
    round,
    warm_up: true,
    rounds: 3,
}];

const TOPIC: &str = "consume-1k";
const RECORDS: u64 = 1_000_000;
/// librdkafka's own settings. With fetches of 8 MB and a longer queue the client was not faster (measured:
/// 2.3 GB/s both times), and the brokers had an eighth of the requests to answer.
const SETTINGS: &[(&str, &str)] = &[];

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let records = context.scaled(RECORDS);
    match Topic::find(running, TOPIC)? {
        Some(topic) => topic.expect_stored(records)?,
        None => fill(running, records)?,
    }
    let mut measured = BTreeMap::new();
    for _ in 0..context.repeats() {
        measured = consume(running, records)?;
    }
    Ok(vec![(String::new(), measured)])
}

fn consume(running: &Running, records: u64) -> Result<BTreeMap<Metric, f64>, BenchError> {
    let mut consumer = Consumer::open(running.address(), TOPIC, SETTINGS)?;

    let meter = Meter::start(running)?;
    consumer.start()?;
    let read = consumer.read_to(records)?;
    let cost = meter.stop(running)?;
    Ok(cost.values(read.records, read.bytes))
}

/// Once for each broker: the topic serves all rounds.
fn fill(running: &Running, records: u64) -> Result<(), BenchError> {
    let topic = Topic::create(running, TOPIC, 1)?;
    let values = Arc::new(Values::random(1000));
    let mut producer = Producer::open(running.address(), &topic, &values, &[])?;
    producer.send(records - producer.sent())?;
    topic.expect_stored(records)
}
