//! How long a record takes from its producer to its consumer, one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compat_harness::Tools;

use crate::BenchError;
use crate::client::{Consumer, Producer, Topic, Values};
use crate::histogram::Histogram;
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "end-to-end-latency",
    about: "10,000 records of 100 bytes, acks=all, the next one sent when the last one was acknowledged and \
            read: once with Kafka's EndToEndLatency (which polls without waiting, and prints percentiles in \
            whole milliseconds, cut off), once with librdkafka (long polls, linger.ms=0), timed to the \
            nanosecond",
    subjects: Subject::BROKERS,
    settings: &[],
    round,
    warm_up: true,
    rounds: 3,
}];

const RECORDS: u64 = 10_000;
const SIZE: usize = 100;
const TOOL_LIMIT: Duration = Duration::from_secs(300);

type Latencies = BTreeMap<Metric, f64>;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let records = context.scaled(RECORDS);
    Ok(vec![
        ("EndToEndLatency".to_owned(), with_tool(running, context, records)?),
        ("librdkafka".to_owned(), with_librdkafka(running, context, records)?),
    ])
}

fn with_tool(running: &Running, context: &Context, records: u64) -> Result<Latencies, BenchError> {
    let topic = Topic::create(running, &format!("tool-latency-{}", context.round), 1)?;
    let arguments = [
        ("--bootstrap-server", running.address().to_string()),
        ("--topic", topic.name().to_owned()),
        ("--num-records", records.to_string()),
        ("--producer-acks", "all".to_owned()),
        ("--record-size", SIZE.to_string()),
    ];
    let arguments: Vec<String> =
        arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    let tools = Tools::new(context.jars.clone())?;
    let outcome = tools.run("kafka-e2e-latency", &arguments, b"", TOOL_LIMIT)?;
    let printed = printed(&outcome.stdout).filter(|_| outcome.code == Some(0));
    let measured = printed.ok_or_else(|| {
        BenchError::Failed(format!("EndToEndLatency: {}{}", outcome.stdout, outcome.stderr))
    })?;
    topic.expect_stored(records)?;
    topic.delete()?;
    Ok(measured)
}

/// From `Avg latency: 0.9812 ms` and `Percentiles: 50th = 0, 99th = 3, 99.9th = 12`.
fn printed(text: &str) -> Option<Latencies> {
    let after = |label: &str| -> Option<f64> {
        let (_, rest) = text.split_once(label)?;
        rest.split([' ', ',', '\n']).next()?.parse().ok()
    };
    Some(BTreeMap::from([
        (Metric::LatencyAverageMs, after("Avg latency: ")?),
        (Metric::LatencyP50Ms, after("50th = ")?),
        (Metric::LatencyP99Ms, after("99th = ")?),
        (Metric::LatencyP999Ms, after("99.9th = ")?),
    ]))
}

fn with_librdkafka(running: &Running, context: &Context, records: u64) -> Result<Latencies, BenchError> {
    let topic = Topic::create(running, &format!("latency-{}", context.round), 1)?;
    let values = Arc::new(Values::random(SIZE));
    let settings = [("linger.ms", "0"), ("statistics.interval.ms", "0")];
    let mut producer = Producer::open(running.address(), &topic, &values, &settings)?;
    let mut consumer = Consumer::open(running.address(), topic.name(), &[])?;
    consumer.start()?;
    consumer.read_to(producer.sent())?;

    let mut latencies = Histogram::default();
    for _ in 0..records {
        let sent = Instant::now();
        producer.send(1)?;
        consumer.read_to(producer.sent())?;
        latencies.record(sent.elapsed());
    }
    topic.expect_stored(producer.sent())?;
    topic.delete()?;
    Ok(BTreeMap::from([
        (Metric::LatencyAverageMs, latencies.average_ms()),
        (Metric::LatencyP50Ms, latencies.quantile_ms(0.5)),
        (Metric::LatencyP99Ms, latencies.quantile_ms(0.99)),
        (Metric::LatencyP999Ms, latencies.quantile_ms(0.999)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tool_prints_is_read() {
        let text = "0\t12.5\nAvg latency: 0.9812 ms\nPercentiles: 50th = 0, 99th = 3, 99.9th = 12\n";
        let values = printed(text).unwrap();
        assert_eq!(values.into_values().collect::<Vec<_>>(), [0.9812, 0.0, 3.0, 12.0]);
        assert_eq!(printed("Avg latency: 0.9812 ms\n"), None);
    }
}
