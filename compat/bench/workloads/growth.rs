//! Whether a partition becomes slower as it grows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Instant;

use gracchus_base::{Clock, Entropy};

use super::replayed_topic::{ReplayedTopic, SETTINGS};
use crate::BenchError;
use crate::histogram::Histogram;
use crate::protocol_client::ProtocolClient;
use crate::replay::frame::BatchShape;
use crate::replay::{Fetcher, Outcome, ProduceReplay, Wanted};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "growth",
    about: "One partition at 0, 1, 5 and 20 GB, all of it batches of 64 KB. At each size: 500 MB by 2 connections with \
            5 requests in flight, read at the tail by a third at the same time; then 300 fetches of one batch at \
            random offsets and 300 ListOffsets with random times, one at a time, each asked twice and the second \
            counted, because it is the lookup that is measured and not the disk",
    subjects: Subject::DEFAULTS,
    settings: SETTINGS,
    round,
    warm_up: true,
    rounds: 2,
}];

const SIZES_GB: [u64; 4] = [0, 1, 5, 20];
const GIGABYTE: u64 = 1_000_000_000;
const BATCH_BYTES: usize = 64 * 1024;
const LOOKUPS: usize = 300;

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let mut topic = ReplayedTopic::create(running, format!("growth-{}", context.round), 1, &[])?;
    let (address, begun_ms) = (running.address(), Clock::system().now().0);
    let mut partition = Partition { address, topic: topic.name.clone(), begun_ms, end: 0, bytes: 0 };
    let mut measured = Vec::new();
    // The warm-up is for code that becomes faster as it is used: the smaller sizes are enough.
    let sizes = if context.is_warm_up { &SIZES_GB[..2] } else { &SIZES_GB[..] };
    for size in sizes {
        partition.grow_to(context.scaled(size * GIGABYTE))?;
        measured.extend(partition.measure(&mut topic.client, &format!("{size} GB"), context)?);
    }
    topic.expect_stored(&[partition.end])?;
    topic.delete()?;
    Ok(measured)
}

/// The partition, and what was sent to it.
struct Partition {
    address: SocketAddr,
    topic: String,
    begun_ms: i64,
    end: i64,
    bytes: u64,
}

impl Partition {
    fn grow_to(&mut self, bytes: u64) -> Result<(), BenchError> {
        let missing = bytes.saturating_sub(self.bytes) / BATCH_BYTES as u64;
        if missing > 0 {
            self.produce(missing)?;
        }
        // What is still to be written back must not slow down what is measured.
        rustix::fs::sync();
        Ok(())
    }

    fn produce(&mut self, requests: u64) -> Result<Outcome, BenchError> {
        let replay = ProduceReplay::of_requests(BatchShape::of_bytes(BATCH_BYTES), 1, requests);
        let outcome = replay.run_behind(self.address, &self.topic, &[self.end])?;
        self.end = outcome.end_offsets[0];
        self.bytes += outcome.bytes;
        Ok(outcome)
    }

    fn measure(
        &mut self,
        client: &mut ProtocolClient,
        size: &str,
        context: &Context,
    ) -> Result<Measured, BenchError> {
        let records = BatchShape::of_bytes(BATCH_BYTES).records;
        let requests = context.scaled(GIGABYTE / 2 / BATCH_BYTES as u64);
        let tail = Fetcher::connect(self.address, &self.topic, vec![(0, self.end)], Wanted::default())?;
        let until = AtomicI64::new(self.end + (requests * records as u64) as i64);
        let begun = Instant::now();
        let (produced, consumed) = thread::scope(|scope| {
            let reader = scope.spawn(|| read_to(tail, &until));
            let produced = self.produce(requests);
            if produced.is_err() {
                until.store(0, Ordering::Relaxed);
            }
            let read = reader.join().map_err(|_| BenchError::Failed("the reading thread panicked".into()))?;
            Ok::<_, BenchError>((produced?, read? as f64 / begun.elapsed().as_secs_f64() / 1e6))
        })?;
        let produced = produced.bytes as f64 / produced.took.as_secs_f64() / 1e6;
        rustix::fs::sync();
        let (by_offset, by_time) = (self.look_up_offsets()?, self.look_up_times(client)?);
        let part = |what: &str, metric, value| (format!("{what}, {size}"), BTreeMap::from([(metric, value)]));
        Ok(vec![
            part("produce", Metric::MegabytesPerSecond, produced),
            part("tail fetch", Metric::MegabytesPerSecond, consumed),
            part("lookup by offset", Metric::LatencyP50Ms, by_offset.quantile_ms(0.5)),
            part("lookup by time", Metric::LatencyP50Ms, by_time.quantile_ms(0.5)),
        ])
    }

    fn look_up_offsets(&self) -> Result<Histogram, BenchError> {
        // A byte is answered with one whole batch.
        let wanted = Wanted { partition_bytes: 1, ..Wanted::default() };
        let mut fetcher = Fetcher::connect(self.address, &self.topic, vec![(0, 0)], wanted)?;
        // The same lookups on both sides.
        let (entropy, mut latencies) = (Entropy::seeded(1), Histogram::default());
        for _ in 0..LOOKUPS {
            let offset = random_below(&entropy, self.end);
            fetcher.positions[0].1 = offset;
            fetcher.fetch()?;
            fetcher.positions[0].1 = offset;
            let begun = Instant::now();
            let fetched = fetcher.fetch()?;
            latencies.record(begun.elapsed());
            if fetched.records < 1 {
                return Err(BenchError::Failed("no batch at an offset that is stored".into()));
            }
        }
        Ok(latencies)
    }

    fn look_up_times(&self, client: &mut ProtocolClient) -> Result<Histogram, BenchError> {
        let span_ms = Clock::system().now().0 - self.begun_ms;
        // The same lookups on both sides.
        let (entropy, mut latencies) = (Entropy::seeded(1), Histogram::default());
        for _ in 0..LOOKUPS {
            // Not beyond the last record, for which there is nothing to be found.
            let time = self.begun_ms + random_below(&entropy, span_ms * 9 / 10);
            client.list_offsets(&self.topic, &[(0, time)])?;
            let begun = Instant::now();
            client.list_offsets(&self.topic, &[(0, time)])?;
            latencies.record(begun.elapsed());
        }
        Ok(latencies)
    }
}

fn random_below(entropy: &Entropy, end: i64) -> i64 {
    (entropy.next_u64() % end.max(1) as u64) as i64
}

/// Reads until the position, which may change; returns the bytes.
fn read_to(mut fetcher: Fetcher, until: &AtomicI64) -> Result<u64, BenchError> {
    let mut bytes = 0;
    while fetcher.positions[0].1 < until.load(Ordering::Relaxed) {
        bytes += fetcher.fetch()?.bytes;
    }
    Ok(bytes)
}
