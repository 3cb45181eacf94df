//! Whether a consumer at the tail suffers from another one that reads old records from the disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gracchus_base::Clock;
use rustix::fs::{Advice, fadvise};

use super::fetch_replay::filled;
use super::replayed_topic::{ReplayedTopic, SETTINGS};
use crate::BenchError;
use crate::due::wait_for;
use crate::histogram::Histogram;
use crate::protocol_client::ProtocolClient;
use crate::replay::frame::{Answer, BatchShape, Frame};
use crate::replay::{Fetcher, ProduceReplay, Wanted};
use crate::results::{Measured, Metric};
use crate::subject::{Running, Subject};
use crate::workload::{Context, Workload};

pub const WORKLOADS: &[Workload] = &[Workload {
    name: "slow-consumer",
    about: "500 records of 1 KB a second, one a request, acks=all, to one partition whose tail a consumer reads with \
            long polls, for 10 s: time from sending a record to having fetched it. Then the same beside a connection \
            that reads 4 GB of another topic, dropped from the page cache, from the disk as fast as it comes (its \
            speed is the MB/s)",
    subjects: Subject::DEFAULTS,
    settings: SETTINGS,
    round,
    warm_up: true,
    rounds: 3,
}];

const COLD: &str = "cold";
const COLD_BYTES: u64 = 4_000_000_000;
const COLD_BATCH_BYTES: usize = 900 * 1024;
const RATE: u32 = 500;
const TIME: Duration = Duration::from_secs(10);

fn round(running: &mut Running, context: &Context) -> Result<Measured, BenchError> {
    let Some(broker) = running.broker() else { return Ok(Vec::new()) };
    let (address, data_dir) = (broker.socket_address(), broker.data_dir());
    let requests = context.scaled(COLD_BYTES / COLD_BATCH_BYTES as u64);
    let fill = ProduceReplay::of_requests(BatchShape::of_bytes(COLD_BATCH_BYTES), 1, requests);
    let cold_end = filled(address, COLD, &fill)?[0];
    // Pages that are not on the disk yet cannot be dropped from the cache.
    rustix::fs::sync();
    let topic = ReplayedTopic::create(running, format!("tail-{}", context.round), 1, &[])?;
    let records = (f64::from(RATE) * context.scaled_time(TIME).as_secs_f64()) as u32;
    let alone = tail(address, &topic.name, 0, records)?;
    let done = AtomicBool::new(false);
    let (beside, cold) = thread::scope(|scope| {
        let reader = scope.spawn(|| read_cold(address, &data_dir.join(format!("{COLD}-0")), cold_end, &done));
        let beside = tail(address, &topic.name, records, records);
        done.store(true, Ordering::Relaxed);
        let cold = reader.join().map_err(|_| BenchError::Failed("the cold reader panicked".into()))?;
        Ok::<_, BenchError>((beside?, cold?))
    })?;
    topic.delete()?;
    let mut beside = values(&beside);
    beside.insert(Metric::MegabytesPerSecond, cold / 1e6);
    Ok(vec![("alone".into(), values(&alone)), ("beside a cold reader".into(), beside)])
}

fn values(latencies: &Histogram) -> BTreeMap<Metric, f64> {
    BTreeMap::from([
        (Metric::LatencyP50Ms, latencies.quantile_ms(0.5)),
        (Metric::LatencyP99Ms, latencies.quantile_ms(0.99)),
    ])
}

/// Sends `count` records to a partition that ends at `first` and reads them at its tail: from sent to fetched.
fn tail(address: SocketAddr, topic: &str, first: u32, count: u32) -> Result<Histogram, BenchError> {
    let wanted = Wanted::default();
    let mut fetcher = Fetcher::connect(address, topic, vec![(0, i64::from(first))], wanted)?;
    let begun = Instant::now();
    let sent_at: Vec<AtomicU64> = (0..count).map(|_| AtomicU64::new(0)).collect();
    let mut latencies = Histogram::default();
    thread::scope(|scope| {
        let sender = scope.spawn(|| send_all(address, topic, begun, &sent_at));
        let mut seen = 0;
        while seen < sent_at.len() {
            let all_sent = sender.is_finished();
            let fetched = fetcher.fetch()?;
            let now = begun.elapsed();
            let upto = (fetcher.positions[0].1 - i64::from(first)) as usize;
            for sent in &sent_at[seen..upto] {
                let sent = Duration::from_nanos(sent.load(Ordering::Acquire));
                latencies.record(now.saturating_sub(sent));
            }
            seen = upto;
            if all_sent && fetched.records == 0 {
                break;
            }
        }
        sender.join().map_err(|_| BenchError::Failed("the sending thread panicked".into()))??;
        if seen < sent_at.len() {
            return Err(BenchError::Failed(format!("{seen} of {count} records came")));
        }
        Ok(latencies)
    })
}

/// One record at a time, each when it is due; notes when it was sent.
fn send_all(
    address: SocketAddr,
    topic: &str,
    begun: Instant,
    sent_at: &[AtomicU64],
) -> Result<(), BenchError> {
    let frame = Frame::produce(topic, 0, &BatchShape::one_record(1000).encode()?)?;
    let clock = Clock::system();
    let mut client = ProtocolClient::connect(address)?;
    for (number, sent_at) in sent_at.iter().enumerate() {
        wait_for(begun + Duration::from_secs(1) * number as u32 / RATE);
        let request = [frame.head(number as i32, clock.now()).bytes(), &frame.rest].concat();
        sent_at.store(begun.elapsed().as_nanos() as u64, Ordering::Release);
        let answer = Answer::read(&client.exchange(&request)?).filter(|answer| answer.error_code == 0);
        answer.ok_or_else(|| BenchError::Failed("Produce: an error in an answer".into()))?;
    }
    Ok(())
}

/// Reads the whole partition again and again, from the disk each time; returns bytes a second.
fn read_cold(
    address: SocketAddr,
    partition_dir: &Path,
    end: i64,
    done: &AtomicBool,
) -> Result<f64, BenchError> {
    let begun = Instant::now();
    let mut bytes = 0;
    while !done.load(Ordering::Relaxed) {
        drop_from_cache(partition_dir)?;
        let mut fetcher = Fetcher::connect(address, COLD, vec![(0, 0)], Wanted::default())?;
        while fetcher.positions[0].1 < end && !done.load(Ordering::Relaxed) {
            bytes += fetcher.fetch()?.bytes;
        }
    }
    Ok(bytes as f64 / begun.elapsed().as_secs_f64())
}

fn drop_from_cache(dir: &Path) -> Result<(), BenchError> {
    for entry in fs::read_dir(dir)? {
        fadvise(File::open(entry?.path())?, 0, None, Advice::DontNeed).map_err(std::io::Error::from)?;
    }
    Ok(())
}
