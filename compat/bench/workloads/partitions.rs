//! Five thousand partitions: how long it takes to make them, to write the first record of each, and to have all of them
//! back after SIGKILL.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gracchus_base::ErrorCode;
use gracchus_wire::messages::{
    FetchRequest, MetadataRequest, ProduceRequest,
    fetch_request::{FetchPartition, FetchTopic},
    fetch_response::PartitionData,
    metadata_request::MetadataRequestTopic,
    produce_request::{PartitionProduceData, TopicProduceData},
};
use gracchus_wire::records::BatchHeader;
use gracchus_wire::{ApiKey, Request, Response};

use crate::BenchError;
use crate::protocol_client::{ProtocolClient, batch_of_one, check, retry, topic_name, unexpected};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "partitions-5000",
    about: "one topic of 5,000 partitions on a fresh broker: CreateTopics until Metadata knows all leaders; one record \
            of 100 B to each with acks=all, 100 partitions a request, 5 connections with up to 5 requests under way; \
            then SIGKILL and a start on what is there, until a Fetch of every partition has brought its record",
    subjects: Subject::BROKERS,
    settings: &[],
    warm_up: false,
    round,
    rounds: 3,
}];

const PARTITIONS: u64 = 5_000;
const TOPIC: &str = "scale";
const RECORD_BYTES: usize = 100;
const CONNECTIONS: usize = 5;
const PARTITIONS_A_REQUEST: usize = 100;
/// Of one connection; a producer's `max.in.flight.requests.per.connection`.
const UNDER_WAY_MAX: usize = 5;
const METADATA: i16 = 12;
/// The last version that names topics.
const PRODUCE: i16 = 12;
/// The last version that names topics.
const FETCH: i16 = 12;
const FETCH_BYTES_MAX: i32 = 50 * 1024 * 1024;
/// What a client takes for "not yet" and tries again.
const NOT_YET: &[ErrorCode] =
    &[ErrorCode::UnknownTopicOrPartition, ErrorCode::LeaderNotAvailable, ErrorCode::NotLeaderOrFollower];

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let partitions = i32::try_from(context.scaled(PARTITIONS)).unwrap_or(i32::MAX);
    let mut fresh = Running::start(running.subject(), &context.jars, &[])?;
    let created = create(fresh.address(), partitions)?;
    let stored = store_one_in_each(fresh.address(), partitions)?;
    let held = fresh.usage()?;

    let broker = fresh.broker().ok_or_else(|| BenchError::Failed("a limit server has no topics".into()))?;
    broker.kill();
    let killed = Instant::now();
    broker.restart()?;
    let answered = broker.start_took();
    read_each(fresh.address(), partitions)?;
    let readable = killed.elapsed();
    let held_again = fresh.usage()?;
    running.finish(fresh);

    let took = |took: Duration| (Metric::TookMs, took.as_secs_f64() * 1e3);
    let memory = |bytes: u64| (Metric::MemoryMegabytes, bytes as f64 / 1e6);
    let files = |count: usize| (Metric::OpenFiles, count as f64);
    Ok(vec![
        ("create".into(), BTreeMap::from([took(created)])),
        ("one record to each".into(), BTreeMap::from([took(stored)])),
        ("afterwards".into(), BTreeMap::from([memory(held.rss_bytes), files(held.open_files)])),
        ("restart: first answer".into(), BTreeMap::from([took(answered)])),
        (
            "restart: all readable".into(),
            BTreeMap::from([took(readable), memory(held_again.rss_bytes), files(held_again.open_files)]),
        ),
    ])
}

fn create(address: SocketAddr, partitions: i32) -> Result<Duration, BenchError> {
    let mut client = ProtocolClient::connect(address)?;
    let begun = Instant::now();
    client.create_topic(TOPIC, partitions, &[])?;
    retry("having all leaders", || {
        let leaders = leaders(&mut client)?;
        Ok((leaders == partitions as usize).then_some(()))
    })?;
    Ok(begun.elapsed())
}

/// How many partitions have a leader.
fn leaders(client: &mut ProtocolClient) -> Result<usize, BenchError> {
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name(TOPIC)));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    match client.ask(METADATA, &Request::Metadata(request))? {
        Response::Metadata(answer) => {
            let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
            Ok(partitions.filter(|one| one.error_code == 0 && one.leader_id.0 >= 0).count())
        }
        other => Err(unexpected(&other)),
    }
}

fn store_one_in_each(address: SocketAddr, partitions: i32) -> Result<Duration, BenchError> {
    let batch = batch_of_one(&[b'x'; RECORD_BYTES])?;
    let begun = Instant::now();
    let mut left: Vec<i32> = (0..partitions).collect();
    retry("storing a record in each partition", || {
        left = store(address, &batch, &left)?;
        Ok(left.is_empty().then_some(()))
    })?;
    Ok(begun.elapsed())
}

/// Sends the batch to each of the partitions over all connections at once; gives those that were not led yet.
fn store(address: SocketAddr, batch: &Bytes, partitions: &[i32]) -> Result<Vec<i32>, BenchError> {
    let share = partitions.len().div_ceil(CONNECTIONS).max(1);
    thread::scope(|scope| {
        let of_one = |share| scope.spawn(move || store_over_one_connection(address, batch, share));
        let threads: Vec<_> = partitions.chunks(share).map(of_one).collect();
        let mut left = Vec::new();
        for thread in threads {
            left.extend(thread.join().map_err(|_| BenchError::Failed("a producer panicked".into()))??);
        }
        Ok(left)
    })
}

fn store_over_one_connection(
    address: SocketAddr,
    batch: &Bytes,
    partitions: &[i32],
) -> Result<Vec<i32>, BenchError> {
    let mut client = ProtocolClient::connect(address)?;
    let mut left = Vec::new();
    let mut under_way = 0;
    for some in partitions.chunks(PARTITIONS_A_REQUEST) {
        if under_way == UNDER_WAY_MAX {
            receive_stored(&mut client, &mut left)?;
            under_way -= 1;
        }
        client.send(PRODUCE, &Request::Produce(produce(batch, some)))?;
        under_way += 1;
    }
    for _ in 0..under_way {
        receive_stored(&mut client, &mut left)?;
    }
    Ok(left)
}

fn produce(batch: &Bytes, partitions: &[i32]) -> ProduceRequest {
    let data = partitions
        .iter()
        .map(|index| PartitionProduceData::default().with_index(*index).with_records(Some(batch.clone())));
    let topic = TopicProduceData::default().with_name(topic_name(TOPIC)).with_partition_data(data.collect());
    ProduceRequest::default().with_acks(-1).with_timeout_ms(60_000).with_topic_data(vec![topic])
}

fn receive_stored(client: &mut ProtocolClient, left: &mut Vec<i32>) -> Result<(), BenchError> {
    let Response::Produce(answer) = client.receive(ApiKey::Produce, PRODUCE)? else {
        return Err(BenchError::Failed("not an answer to Produce".into()));
    };
    for one in answer.responses.iter().flat_map(|topic| &topic.partition_responses) {
        if is_not_yet(one.error_code) {
            left.push(one.index);
        } else {
            check("Produce", one.error_code)?;
        }
    }
    Ok(())
}

fn is_not_yet(code: i16) -> bool {
    NOT_YET.iter().any(|error| error.code() == code)
}

/// Fetches every partition from its beginning until all have given their record.
fn read_each(address: SocketAddr, partitions: i32) -> Result<(), BenchError> {
    let mut client = ProtocolClient::connect(address)?;
    let mut left: Vec<i32> = (0..partitions).collect();
    retry("reading each partition", || {
        let Response::Fetch(answer) = client.ask(FETCH, &Request::Fetch(fetch(&left)))? else {
            return Err(BenchError::Failed("not an answer to Fetch".into()));
        };
        check("Fetch", answer.error_code)?;
        left.clear();
        for one in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            if !has_its_record(one)? {
                left.push(one.partition_index);
            }
        }
        Ok(left.is_empty().then_some(()))
    })
}

fn fetch(partitions: &[i32]) -> FetchRequest {
    let partition = |index: &i32| {
        FetchPartition::default().with_partition(*index).with_fetch_offset(0).with_partition_max_bytes(4096)
    };
    let topic = FetchTopic::default()
        .with_topic(topic_name(TOPIC))
        .with_partitions(partitions.iter().map(partition).collect());
    FetchRequest::default().with_max_bytes(FETCH_BYTES_MAX).with_session_epoch(-1).with_topics(vec![topic])
}

fn has_its_record(partition: &PartitionData) -> Result<bool, BenchError> {
    if is_not_yet(partition.error_code) {
        return Ok(false);
    }
    check("Fetch", partition.error_code)?;
    let records = partition.records.clone().unwrap_or_default();
    if records.is_empty() {
        return Ok(false);
    }
    match BatchHeader::parse(&records) {
        Ok(header) if header.next_offset().0 == 1 => Ok(true),
        _ => Err(BenchError::Failed("a partition has something else than its record".into())),
    }
}
