//! Fetch requests over data in the page cache; the answers are passed over without decoding.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::BenchError;
use crate::protocol_client::ProtocolClient;
use crate::replay::frame::BatchShape;
use crate::replay::{FetchReplay, ProduceReplay, Wanted};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "fetch-replay",
    about: "6 partitions of 500 MB (batches of 64 KB) in the page cache, read again and again for 5 s by 2 connections \
            with one Fetch of 3 partitions in flight, 1 MB a partition; the limit is sendfile of the same ranges",
    subjects: &[Subject::Reference, Subject::Flushed, Subject::LimitRelaxed],
    settings: &[],
    round,
    warm_up: true,
    rounds: 3,
}];

const TOPIC: &str = "fetch-replay";
const PARTITIONS: usize = 6;
const BATCH_BYTES: usize = 64 * 1024;
const BYTES: u64 = 3_000_000_000;
const REPLAY: FetchReplay = FetchReplay {
    connections: 2,
    time: Duration::from_secs(5),
    wanted: Wanted { min_bytes: 1, max_wait_ms: 500, partition_bytes: 1024 * 1024 },
};

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let (topic, end_offsets) = records(running, context)?;
    let before = running.usage()?;
    let done = REPLAY.run(running.address(), &topic, &end_offsets)?;
    let cpu = (running.usage()?.cpu - before.cpu).as_secs_f64();
    if running.broker().is_none() {
        ProtocolClient::connect(running.address())?.delete_topic(&topic)?;
    }
    let bytes = done.bytes as f64;
    let values = BTreeMap::from([
        (Metric::MegabytesPerSecond, bytes / done.took.as_secs_f64() / 1e6),
        (Metric::CpuSecondsPerGigabyte, cpu * 1e9 / bytes),
        (Metric::LatencyP50Ms, done.latencies.quantile_ms(0.5)),
        (Metric::LatencyP99Ms, done.latencies.quantile_ms(0.99)),
    ]);
    Ok(vec![(String::new(), values)])
}

/// A topic with records, and the end offsets of its partitions. All rounds of a broker read the same records, which its
/// first round makes; the limit server, which cannot be asked what it has, gets them anew.
fn records(running: &mut Running, context: &Context) -> Result<(String, Vec<i64>), BenchError> {
    let requests = context.scaled(BYTES / BATCH_BYTES as u64);
    let fill = ProduceReplay::of_requests(BatchShape::of_bytes(BATCH_BYTES), PARTITIONS, requests);
    let address = running.address();
    let Some(broker) = running.broker() else {
        let topic = format!("{TOPIC}-{}", context.round);
        let end_offsets = fill.run(address, &topic)?.end_offsets;
        return Ok((topic, end_offsets));
    };
    Ok((TOPIC.to_owned(), filled(broker.socket_address(), TOPIC, &fill)?))
}

/// The end offsets of a topic, which is made and filled unless it is there.
pub fn filled(address: SocketAddr, topic: &str, fill: &ProduceReplay) -> Result<Vec<i64>, BenchError> {
    let mut client = ProtocolClient::connect(address)?;
    let partitions = fill.partitions as i32;
    if let Ok(end_offsets) = client.end_offsets(topic, partitions) {
        return Ok(end_offsets);
    }
    client.create_topic_with_leaders(topic, partitions, &[])?;
    Ok(fill.run(address, topic)?.end_offsets)
}
