//! Produce requests, replayed over several connections by a few threads that never block.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::{BatchShape, Frame};
use super::lane::{Lane, Pace, Tally};
use crate::BenchError;
use crate::histogram::Histogram;
use crate::protocol_client::ANSWER_LIMIT;

/// More would take the processors from what is measured.
const THREADS: usize = 2;

/// How a produce replay is run.
#[derive(Clone, Copy, Debug)]
pub struct ProduceReplay {
    pub batch: BatchShape,
    pub partitions: usize,
    pub connections: usize,
    /// Requests that a connection has under way.
    pub in_flight: usize,
    pub amount: Amount,
    /// Requests a second over all connections; `None`: as many as are answered.
    pub rate: Option<f64>,
}

/// When it ends: no request is given out any more, those under way are waited for.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    Requests(u64),
    Time(Duration),
}

/// What a replay did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub took: Duration,
    pub requests: u64,
    /// Of all batches.
    pub bytes: u64,
    pub latencies: Histogram,
    /// The offset behind the last record, by partition.
    pub end_offsets: Vec<i64>,
}

/// Whether another request may be given out; shared by the threads.
enum Quota {
    Left(AtomicU64),
    Until(Instant),
}

impl Quota {
    fn take(&self) -> bool {
        match self {
            Quota::Until(end) => Instant::now() < *end,
            Quota::Left(left) => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            }
        }
    }
}

impl ProduceReplay {
    /// So many requests as fast as they are answered, 5 in flight on each of 2 connections.
    pub const fn of_requests(batch: BatchShape, partitions: usize, count: u64) -> ProduceReplay {
        let amount = Amount::Requests(count);
        ProduceReplay { batch, partitions, connections: 2, in_flight: 5, amount, rate: None }
    }

    /// Sends to `topic`, which must be there and empty. An answer with an error, and records that are stored twice or
    /// not at all, are errors.
    pub fn run(&self, address: SocketAddr, topic: &str) -> Result<Outcome, BenchError> {
        self.run_behind(address, topic, &vec![0; self.partitions])
    }

    /// The same for partitions that end at those offsets.
    pub fn run_behind(&self, address: SocketAddr, topic: &str, ends: &[i64]) -> Result<Outcome, BenchError> {
        let batch = self.batch.encode()?;
        let frames: Vec<Frame> = (0..self.partitions)
            .map(|partition| Frame::produce(topic, partition, &batch))
            .collect::<Result<_, _>>()?;
        let begun = Instant::now();
        let mut lanes = Vec::new();
        for lane in 0..self.connections {
            let pace = self.rate.map(|rate| self.pace(begun, rate, lane));
            lanes.push(Lane::connect(address, &frames, self.in_flight, lane, pace)?);
        }
        let quota = match self.amount {
            Amount::Requests(count) => Quota::Left(AtomicU64::new(count)),
            Amount::Time(time) => Quota::Until(begun + time),
        };
        let tallies = run_threads(lanes, &quota)?;
        let took = begun.elapsed();
        let (mut latencies, mut end_offsets) = (Histogram::default(), Vec::new());
        for tally in &tallies {
            latencies.add(&tally.latencies);
        }
        for (partition, begin) in ends.iter().enumerate() {
            end_offsets.push(self.end_offset(&tallies, partition, *begin)?);
        }
        let requests = latencies.count();
        Ok(Outcome { took, requests, bytes: requests * batch.len() as u64, latencies, end_offsets })
    }

    /// The connections send in turn.
    fn pace(&self, begun: Instant, rate: f64, lane: usize) -> Pace {
        let interval = Duration::from_secs_f64(self.connections as f64 / rate);
        Pace { next: begun + interval.mul_f64(lane as f64 / self.connections as f64), interval }
    }

    /// Where a partition ends that ended at `begin`: the answers must have counted every record once.
    fn end_offset(&self, tallies: &[Tally], partition: usize, begin: i64) -> Result<i64, BenchError> {
        let answered: u64 = tallies.iter().map(|tally| tally.answered[partition]).sum();
        let last = tallies.iter().map(|tally| tally.last_base_offset[partition]).max().unwrap_or(-1);
        let records = self.batch.records as i64;
        let (expected, end) = (begin + answered as i64 * records, last + records);
        if answered > 0 && end != expected {
            return Err(BenchError::Failed(format!("a partition ends at {end} instead of {expected}")));
        }
        Ok(expected)
    }
}

/// Deals the connections out to a few threads and waits for all of them.
fn run_threads(mut lanes: Vec<Lane<'_>>, quota: &Quota) -> Result<Vec<Tally>, BenchError> {
    let each = lanes.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        while !lanes.is_empty() {
            let share: Vec<_> = lanes.drain(..each.min(lanes.len())).collect();
            threads.push(scope.spawn(move || drive(share, quota)));
        }
        let mut tallies = Vec::new();
        for thread in threads {
            let done = thread.join().map_err(|_| BenchError::Failed("a replaying thread panicked".into()))?;
            tallies.extend(done?);
        }
        Ok(tallies)
    })
}

fn drive(mut lanes: Vec<Lane<'_>>, quota: &Quota) -> Result<Vec<Tally>, BenchError> {
    let now = Instant::now();
    for lane in &mut lanes {
        lane.send(now, || quota.take())?;
    }
    while lanes.iter().any(Lane::is_at_work) {
        let ready = wait(&lanes)?;
        for (lane, ready) in lanes.iter_mut().zip(ready) {
            // Errors of the socket show when it is read.
            if ready.intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP) {
                lane.receive()?;
            }
            if !ready.is_empty() || lane.due().is_some() {
                lane.send(Instant::now(), || quota.take())?;
            }
        }
    }
    Ok(lanes.into_iter().map(Lane::into_tally).collect())
}

/// What each connection is ready for; nothing when a request is due.
fn wait(lanes: &[Lane<'_>]) -> Result<Vec<PollFlags>, BenchError> {
    let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let write = if lane.wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
        polled.push(PollFd::new(&lane.stream, PollFlags::IN | write));
    }
    let due = lanes.iter().filter_map(Lane::due).min();
    let limit =
        due.map_or(ANSWER_LIMIT, |due| due.saturating_duration_since(Instant::now()).min(ANSWER_LIMIT));
    let timeout = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
    match poll(&mut polled, Some(&timeout)) {
        Ok(0) if due.is_none() => Err(BenchError::Failed(format!("no answer for {ANSWER_LIMIT:?}"))),
        Ok(_) => Ok(polled.iter().map(PollFd::revents).collect()),
        Err(rustix::io::Errno::INTR) => Ok(vec![PollFlags::empty(); lanes.len()]),
        Err(error) => Err(std::io::Error::from(error).into()),
    }
}
