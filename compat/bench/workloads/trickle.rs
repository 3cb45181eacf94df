//! Many partitions that each get a little all the time: what a flush for each of them would cost.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gracchus_wire::messages::ProduceRequest;
use gracchus_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use gracchus_wire::{ApiKey, Request, Response};

use super::replayed_topic::{ReplayedTopic, SETTINGS};
use crate::BenchError;
use crate::due::wait_for;
use crate::histogram::Histogram;
use crate::protocol_client::{self, CORRELATION_ID_AT, ProtocolClient, check, topic_name, unexpected};
use crate::replay::frame::{self, BatchShape};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "many-partitions-trickle",
    about: "1,000 partitions, each getting one record of 100 B every 100 ms, acks=all, from 10 connections that send \
            one Produce request for 100 partitions each at staggered times, 20 s, after 40 records in each; \
            latency counts from when a request was due",
    subjects: Subject::DEFAULTS,
    settings: SETTINGS,
    round,
    warm_up: true,
    rounds: 3,
}];

const PARTITIONS: i32 = 1000;
const CONNECTIONS: i32 = 10;
const EVERY: Duration = Duration::from_millis(100);
const TIME: Duration = Duration::from_secs(20);
/// A partition's first records make its files and, after 4 KB, its first index entries, for which the reference waits
/// for the file system for seconds. That is measured elsewhere.
const SENT_BEFORE: u32 = 40;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let name = format!("trickle-{}", context.round);
    let mut topic = ReplayedTopic::create(running, name, PARTITIONS as usize, &[])?;
    let address = running.address();
    let times = (context.scaled_time(TIME).as_nanos() / EVERY.as_nanos()) as u32;
    send_all(address, &topic.name, Instant::now(), SENT_BEFORE)?;
    let before = running.usage()?;
    let begun = Instant::now();
    let latencies = send_all(address, &topic.name, begun, times)?;
    let took = begun.elapsed().as_secs_f64();
    let cpu = (running.usage()?.cpu - before.cpu).as_secs_f64();
    topic.expect_stored(&[i64::from(times + SENT_BEFORE); PARTITIONS as usize])?;
    topic.delete()?;
    let values = BTreeMap::from([
        (Metric::LatencyP50Ms, latencies.quantile_ms(0.5)),
        (Metric::LatencyP99Ms, latencies.quantile_ms(0.99)),
        (Metric::CpuPercent, cpu / took * 100.0),
    ]);
    Ok(vec![(String::new(), values)])
}

/// All connections send that often.
fn send_all(address: SocketAddr, topic: &str, begun: Instant, times: u32) -> Result<Histogram, BenchError> {
    let batch = BatchShape::one_record(100).encode()?;
    let mut latencies = Histogram::default();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for connection in 0..CONNECTIONS {
            let share = PARTITIONS / CONNECTIONS;
            let request = encode(topic, connection * share..(connection + 1) * share, &batch)?;
            let first = begun + EVERY * connection as u32 / CONNECTIONS as u32;
            threads.push(scope.spawn(move || send(address, request, first, times)));
        }
        for thread in threads {
            let done = thread.join().map_err(|_| BenchError::Failed("a sending thread panicked".into()))?;
            latencies.add(&done?);
        }
        Ok(latencies)
    })
}

fn encode(topic: &str, partitions: Range<i32>, batch: &Bytes) -> Result<Vec<u8>, BenchError> {
    let data = partitions
        .map(|index| PartitionProduceData::default().with_index(index).with_records(Some(batch.clone())));
    let topic = TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(data.collect());
    let request =
        ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(vec![topic]);
    Ok(protocol_client::encode(frame::VERSION, 0, &Request::Produce(request))?.to_vec())
}

fn send(
    address: SocketAddr,
    mut request: Vec<u8>,
    first: Instant,
    times: u32,
) -> Result<Histogram, BenchError> {
    let mut client = ProtocolClient::connect(address)?;
    let mut latencies = Histogram::default();
    for time in 0..times {
        let due = first + EVERY * time;
        wait_for(due);
        request[CORRELATION_ID_AT..][..4].copy_from_slice(&(time as i32).to_be_bytes());
        let answer = client.exchange(&request)?;
        latencies.record(due.elapsed());
        check_stored(time as i32, answer.into())?;
    }
    Ok(latencies)
}

fn check_stored(correlation_id: i32, answer: Bytes) -> Result<(), BenchError> {
    let (answered, response) = protocol_client::decode(ApiKey::Produce, frame::VERSION, answer)?;
    if answered != correlation_id {
        return Err(BenchError::Failed("an answer to another request".into()));
    }
    let Response::Produce(response) = response else { return Err(unexpected(&response)) };
    let mut partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.try_for_each(|partition| check("Produce", partition.error_code))
}
