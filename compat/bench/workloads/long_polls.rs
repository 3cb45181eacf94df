//! Consumers that wait for partitions in which nothing happens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use gracchus_wire::messages::{
    FetchRequest, Uuid,
    fetch_request::{FetchPartition, FetchTopic},
};
use gracchus_wire::{ApiKey, Request, Response};

use crate::BenchError;
use crate::crowd::{Answers, Crowd};
use crate::process_usage::ProcessUsage;
use crate::protocol_client::{self, CORRELATION_ID_AT, ProtocolClient, check, retry, unexpected};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "long-poll-64",
    about: "64 consumers wait for 1,000 idle partitions, each for all of them or each for its share: one full Fetch, \
            then incremental empty ones of that session with max.wait 500 ms, for 20 s; raw protocol",
    subjects: Subject::DEFAULTS,
    settings: &[],
    warm_up: true,
    round,
    rounds: 3,
}];

const CONSUMERS: usize = 64;
const PARTITIONS: usize = 1_000;
const MAX_WAIT_MS: i32 = 500;
const SETTLE: Duration = Duration::from_secs(2);
const MEASURE_SECS: f64 = 20.0;
/// The last that every client library of today speaks.
const FETCH: i16 = 17;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let topic = format!("long-poll-{}", context.round);
    let mut client = ProtocolClient::connect(running.address())?;
    let id = client.create_topic(&topic, PARTITIONS as i32, &[])?;
    let measure = Duration::from_secs_f64((MEASURE_SECS * context.scale).max(1.0));
    let all: Vec<i32> = (0..PARTITIONS as i32).collect();
    let each_all = vec![&all[..]; CONSUMERS];
    let shared: Vec<_> = all.chunks(PARTITIONS.div_ceil(CONSUMERS)).collect();
    let mut measured = Vec::new();
    for (part, assignments) in [("each waits for all", each_all), ("each waits for its share", shared)] {
        let mut consumers = Consumers::start(running.address(), id, &assignments)?;
        consumers.poll_until(Instant::now() + SETTLE)?;
        let (before, begun) = (running.usage()?, Instant::now());
        let polls = consumers.poll_until(begun + measure)?;
        let (after, took) = (running.usage()?, begun.elapsed());
        measured.push((part.to_owned(), values(before, after, took, polls)?));
    }
    client.delete_topic(&topic)?;
    Ok(measured)
}

fn values(
    before: ProcessUsage,
    after: ProcessUsage,
    took: Duration,
    polls: u64,
) -> Result<BTreeMap<Metric, f64>, BenchError> {
    let rate = polls as f64 / took.as_secs_f64();
    // A broker that answers before the time is up does other work. One that answers late does less of it, which the
    // rate tells; half of it is no comparison any more.
    let expected = CONSUMERS as f64 * 1e3 / f64::from(MAX_WAIT_MS);
    if !(0.5..1.1).contains(&(rate / expected)) {
        return Err(BenchError::Failed(format!("{rate:.0} polls a second were answered, not {expected:.0}")));
    }
    let cpu = (after.cpu - before.cpu).as_secs_f64() / took.as_secs_f64();
    Ok(BTreeMap::from([(Metric::CpuPercent, cpu * 100.0), (Metric::RequestsPerSecond, rate)]))
}

/// Consumers with a fetch session each.
struct Consumers {
    crowd: Crowd,
    answers: Answers,
    sessions: Vec<Session>,
}

struct Session {
    /// An incremental request that names nothing: what changes from one to the next is patched.
    request: BytesMut,
    epoch: i32,
    epoch_at: usize,
}

impl Consumers {
    /// Connects, fetches everything once and sends the first incremental request.
    fn start(address: SocketAddr, topic: Uuid, assignments: &[&[i32]]) -> Result<Self, BenchError> {
        let (mut streams, mut sessions) = (Vec::new(), Vec::new());
        for partitions in assignments {
            let mut client = ProtocolClient::connect(address)?;
            // A broker that does not know the topic yet says so and makes no session worth having.
            let id = retry("a full fetch", || full_fetch(&mut client, topic, partitions))?;
            sessions.push(Session::new(id)?);
            streams.push(client.into_stream());
        }
        let mut consumers = Self { crowd: Crowd::new(streams)?, answers: Answers::default(), sessions };
        for consumer in 0..consumers.sessions.len() {
            consumers.poll(consumer)?;
        }
        Ok(consumers)
    }

    fn poll(&mut self, consumer: usize) -> Result<(), BenchError> {
        Ok(self.crowd.send(consumer, self.sessions[consumer].next())?)
    }

    /// Answers every answer with the next poll; gives how many were answered.
    fn poll_until(&mut self, until: Instant) -> Result<u64, BenchError> {
        let mut polls = 0;
        while Instant::now() < until {
            let mut answers = std::mem::take(&mut self.answers);
            self.crowd.turn(until, &mut answers)?;
            for (consumer, frame) in answers.iter() {
                check_empty(frame)?;
                self.poll(consumer)?;
                polls += 1;
            }
            self.answers = answers;
        }
        Ok(polls)
    }
}

impl Session {
    fn new(id: i32) -> Result<Self, BenchError> {
        // The epoch is found by what two requests differ in.
        let [one, other] = [1, i32::MAX].map(|epoch| {
            let request = request(MAX_WAIT_MS).with_session_id(id).with_session_epoch(epoch);
            protocol_client::encode(FETCH, 0, &Request::Fetch(request))
        });
        let (one, other) = (one?, other?);
        let epoch_at = one.iter().zip(&other).position(|(a, b)| a != b).unwrap_or(0);
        Ok(Self { request: BytesMut::from(&one[..]), epoch: 0, epoch_at })
    }

    fn next(&mut self) -> &[u8] {
        self.epoch += 1;
        for at in [CORRELATION_ID_AT, self.epoch_at] {
            self.request[at..at + 4].copy_from_slice(&self.epoch.to_be_bytes());
        }
        &self.request
    }
}

fn request(max_wait_ms: i32) -> FetchRequest {
    FetchRequest::default().with_max_wait_ms(max_wait_ms).with_min_bytes(1).with_max_bytes(50 * 1024 * 1024)
}

/// The first Fetch of a consumer; gives its session's id, or `None` while a partition is not there yet.
fn full_fetch(
    client: &mut ProtocolClient,
    topic: Uuid,
    partitions: &[i32],
) -> Result<Option<i32>, BenchError> {
    let partition = |index: &i32| {
        FetchPartition::default()
            .with_partition(*index)
            .with_fetch_offset(0)
            .with_partition_max_bytes(1 << 20)
    };
    let topic = FetchTopic::default()
        .with_topic_id(topic)
        .with_partitions(partitions.iter().map(partition).collect());
    let request = request(0).with_session_epoch(0).with_topics(vec![topic]);
    match client.ask(FETCH, &Request::Fetch(request))? {
        Response::Fetch(answer) => {
            check("Fetch", answer.error_code)?;
            let mut of_partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
            let ready = answer.session_id != 0 && of_partitions.all(|one| one.error_code == 0);
            Ok(ready.then_some(answer.session_id))
        }
        other => Err(unexpected(&other)),
    }
}

/// An answer without an error and without anything new.
fn check_empty(frame: &[u8]) -> Result<(), BenchError> {
    match protocol_client::decode(ApiKey::Fetch, FETCH, Bytes::copy_from_slice(frame))? {
        (_, Response::Fetch(answer)) if answer.responses.is_empty() => check("Fetch", answer.error_code),
        (_, other) => Err(unexpected(&other)),
    }
}
