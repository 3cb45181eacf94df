//! Fetch requests; of the answers only sizes, error codes and the headers of batches are looked at.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use gracchus_base::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use gracchus_wire::Request;
use gracchus_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use gracchus_wire::messages::{BrokerId, FetchRequest};

use super::incoming::Incoming;
use crate::BenchError;
use crate::histogram::Histogram;
use crate::protocol_client::{self, ProtocolClient, topic_name};

/// The last version that names topics.
pub const VERSION: i16 = 12;

/// What a fetch asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub min_bytes: i32,
    pub max_wait_ms: i32,
    pub partition_bytes: i32,
}

impl Default for Wanted {
    /// As Kafka's consumers ask.
    fn default() -> Self {
        Wanted { min_bytes: 1, max_wait_ms: 500, partition_bytes: 1024 * 1024 }
    }
}

/// What an answer held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    pub records: i64,
    /// Of all record data, a cut batch at the end included.
    pub bytes: u64,
}

/// One connection that reads some partitions, one request in flight.
#[derive(Debug)]
pub struct Fetcher {
    stream: TcpStream,
    topic: String,
    wanted: Wanted,
    /// Partitions and the next offset of each.
    pub positions: Vec<(i32, i64)>,
    correlation_id: i32,
    incoming: Incoming,
}

impl Fetcher {
    /// Connects; reads those partitions from those offsets on.
    pub fn connect(
        address: SocketAddr,
        topic: &str,
        positions: Vec<(i32, i64)>,
        wanted: Wanted,
    ) -> Result<Fetcher, BenchError> {
        let stream = ProtocolClient::connect(address)?.into_stream();
        let incoming = Incoming::default();
        Ok(Fetcher { stream, topic: topic.to_owned(), wanted, positions, correlation_id: 0, incoming })
    }

    /// One request and its answer. An error code, and a batch that does not follow the one before it, are errors.
    pub fn fetch(&mut self) -> Result<Fetched, BenchError> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let request = Request::Fetch(self.request());
        let frame = protocol_client::encode(VERSION, self.correlation_id, &request)?;
        self.stream.write_all(&frame)?;
        let Fetcher { stream, incoming, .. } = self;
        incoming.open(stream)?;
        if incoming.u32(stream)? != self.correlation_id as u32 {
            return Err(BenchError::Failed("an answer to another request".into()));
        }
        incoming.skip_tags(stream)?;
        // Throttle time.
        incoming.skip(stream, 4)?;
        check(incoming.u16(stream)?)?;
        // Session id.
        incoming.skip(stream, 4)?;
        let mut fetched = Fetched::default();
        for _ in 1..incoming.varint(stream)? {
            let name_length = incoming.varint(stream)?.saturating_sub(1);
            incoming.skip(stream, name_length)?;
            for _ in 1..incoming.varint(stream)? {
                let partition = read_partition(incoming, stream, &mut self.positions)?;
                fetched.records += partition.records;
                fetched.bytes += partition.bytes;
            }
            incoming.skip_tags(stream)?;
        }
        incoming.skip_tags(stream)?;
        incoming.close()?;
        Ok(fetched)
    }

    fn request(&self) -> FetchRequest {
        let partition = |(index, offset): &(i32, i64)| {
            FetchPartition::default()
                .with_partition(*index)
                .with_current_leader_epoch(-1)
                .with_fetch_offset(*offset)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(self.wanted.partition_bytes)
        };
        let topic = FetchTopic::default()
            .with_topic(topic_name(&self.topic))
            .with_partitions(self.positions.iter().map(partition).collect());
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(self.wanted.max_wait_ms)
            .with_min_bytes(self.wanted.min_bytes)
            .with_max_bytes(50 * 1024 * 1024)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }
}

fn check(error_code: u16) -> Result<(), BenchError> {
    if error_code == 0 { Ok(()) } else { Err(BenchError::Failed(format!("Fetch: error {error_code}"))) }
}

fn read_partition(
    incoming: &mut Incoming,
    stream: &TcpStream,
    positions: &mut [(i32, i64)],
) -> Result<Fetched, BenchError> {
    let index = incoming.u32(stream)? as i32;
    check(incoming.u16(stream)?)?;
    // High watermark, last stable offset, log start offset.
    incoming.skip(stream, 3 * 8)?;
    for _ in 1..incoming.varint(stream)? {
        // An aborted transaction: producer id, first offset.
        incoming.skip(stream, 2 * 8)?;
        incoming.skip_tags(stream)?;
    }
    // Preferred read replica.
    incoming.skip(stream, 4)?;
    let bytes = incoming.varint(stream)?.saturating_sub(1);
    let asked = positions.iter_mut().find(|(asked, _)| *asked == index);
    let (_, next) = asked.ok_or_else(|| BenchError::Failed("an answer for another partition".into()))?;
    let before = *next;
    walk_batches(incoming, stream, bytes, next)?;
    incoming.skip_tags(stream)?;
    Ok(Fetched { records: *next - before, bytes: bytes as u64 })
}

/// Moves `next` behind the last whole batch.
fn walk_batches(
    incoming: &mut Incoming,
    stream: &TcpStream,
    bytes: usize,
    next: &mut i64,
) -> Result<(), BenchError> {
    let mut left = bytes;
    while left >= BATCH_HEADER_BYTES {
        let header: [u8; BATCH_HEADER_BYTES] = incoming.array(stream)?;
        left -= BATCH_HEADER_BYTES;
        let number =
            |at: usize| i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (base_high, base_low) = (number(0), number(4));
        let base_offset = i64::from(base_high) << 32 | i64::from(base_low as u32);
        let rest = (number(8) as usize + BATCH_PREFIX_BYTES).saturating_sub(BATCH_HEADER_BYTES);
        if rest > left {
            break;
        }
        incoming.skip(stream, rest)?;
        left -= rest;
        let end_offset = base_offset + i64::from(number(23)) + 1;
        // The first batch may begin before the offset that was asked for.
        if base_offset > *next || end_offset <= *next {
            let why = format!("offset {next} was asked for, a batch of {base_offset} to {end_offset} came");
            return Err(BenchError::Failed(why));
        }
        *next = end_offset;
    }
    incoming.skip(stream, left)
}

/// How a fetch replay is run: the partitions are dealt out to the connections, and read again and again.
#[derive(Clone, Copy, Debug)]
pub struct FetchReplay {
    pub connections: usize,
    pub time: Duration,
    pub wanted: Wanted,
}

/// What it did.
#[derive(Clone, Debug, Default)]
pub struct FetchOutcome {
    pub took: Duration,
    pub records: i64,
    pub bytes: u64,
    pub latencies: Histogram,
}

impl FetchReplay {
    /// Reads the partitions of `topic`, which end at `end_offsets`.
    pub fn run(
        &self,
        address: SocketAddr,
        topic: &str,
        end_offsets: &[i64],
    ) -> Result<FetchOutcome, BenchError> {
        let begun = Instant::now();
        let mut outcome = FetchOutcome::default();
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for connection in 0..self.connections {
                let mine = (0..end_offsets.len()).skip(connection).step_by(self.connections);
                let positions = mine.map(|partition| (partition as i32, 0)).collect();
                let fetcher = Fetcher::connect(address, topic, positions, self.wanted)?;
                threads.push(scope.spawn(move || read_on(fetcher, end_offsets, begun + self.time)));
            }
            for thread in threads {
                let done =
                    thread.join().map_err(|_| BenchError::Failed("a fetching thread panicked".into()))??;
                outcome.records += done.records;
                outcome.bytes += done.bytes;
                outcome.latencies.add(&done.latencies);
            }
            outcome.took = begun.elapsed();
            Ok(outcome)
        })
    }
}

fn read_on(mut fetcher: Fetcher, end_offsets: &[i64], until: Instant) -> Result<FetchOutcome, BenchError> {
    let mut outcome = FetchOutcome::default();
    let mut now = Instant::now();
    while now < until {
        if fetcher.positions.iter().all(|(partition, next)| *next >= end_offsets[*partition as usize]) {
            fetcher.positions.iter_mut().for_each(|(_, next)| *next = 0);
        }
        let fetched = fetcher.fetch()?;
        outcome.latencies.record(now.elapsed());
        outcome.records += fetched.records;
        outcome.bytes += fetched.bytes;
        now = Instant::now();
    }
    Ok(outcome)
}
