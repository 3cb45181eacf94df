//! A process whose time of day jumps, by `libfaketime` (FAULTS 31): its monotonic clock goes on, as a machine's does.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gracchus_base::{Clock, ErrorCode, Timestamp};
use gracchus_wire::messages::{
    FetchRequest, ListOffsetsRequest, fetch_request as f, list_offsets_request as lo,
};
use gracchus_wire::records::{BatchBuilder, BatchOptions};
use tokio::task::JoinSet;

use super::member::Member;
use super::{LOOK, PATIENCE, until};
use crate::Client;
use crate::client::topic_name;
use crate::ledger::Producer;
use crate::process::{Signal, serve, serve_from};

const HOUR_MS: i64 = 3_600_000;

/// Where the time of day is, in seconds from the true one, one after the other: forward, back, and to and fro.
const AHEAD_S: [i64; 8] = [3600, 0, -3600, 0, 3600, -3600, 3600, 0];

const PARTITIONS: i32 = 2;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub jumps: usize,
    /// Batches that were acknowledged meanwhile, and found.
    pub acknowledged: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} jumps of the time of day; {} batches acknowledged and found",
            self.jumps, self.acknowledged
        )
    }
}

impl Done {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.jumps += other.jumps;
        self.acknowledged += other.acknowledged;
    }
}

/// Where the library is.
///
/// # Errors
/// When it is missing.
fn library() -> Result<PathBuf, String> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let candidates = folders.chain(["/usr/lib".into(), "/usr/local/lib".into()]);
    let mut found = candidates.map(|folder: PathBuf| folder.join("faketime/libfaketime.so.1"));
    found
        .find(|path| path.exists())
        .ok_or_else(|| "libfaketime is not there: install the package `faketime`".to_owned())
}

/// Lets the time of day of a process jump, so many rounds.
///
/// # Errors
/// When the library is missing.
///
/// # Panics
/// When something does not hold.
pub async fn run(rounds: u32) -> Result<Done, String> {
    let library = library()?;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let time = dir.path().join("time");
    jump(&time, 0);
    let environment = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", time.as_os_str()),
        ("FAKETIME_NO_CACHE", OsStr::new("1")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", OsStr::new("1")),
    ];
    let often = [("log.initial.task.delay.ms", "0"), ("log.retention.check.interval.ms", "20")];
    let (mut process, address) = serve_from(dir.path(), &["data"], &often, &environment);
    let mut client = Client::connect(address).await;
    client.create_topic("jumps", PARTITIONS, &[]).await;
    client.create_topic("ahead", 1, &[]).await;
    let producers = Producer::for_each(&mut client, "jumps", PARTITIONS).await;
    let mut writing = JoinSet::new();
    producers.iter().for_each(|producer| drop(writing.spawn(producer.clone().write(address))));
    let member = Member::join(&mut client, "jumping", Duration::from_secs(10)).await;
    let mut done = Done::default();
    for (round, ahead_s) in (0..rounds).flat_map(|round| AHEAD_S.map(|ahead_s| (round, ahead_s))) {
        jump(&time, ahead_s);
        assert!(is_at(&mut client, ahead_s).await, "the process sees another time of day");
        let before: Vec<_> = producers.iter().map(Producer::acknowledged).collect();
        let moved = || producers.iter().zip(&before).all(|(p, before)| p.acknowledged() > *before);
        assert!(until(PATIENCE, moved).await, "producers stand still");
        long_poll_ends(&mut client).await;
        assert_eq!(member.heartbeat(&mut client).await, 0, "{ahead_s} s ahead");
        retention(&mut client, &format!("{round}-{}", done.jumps), ahead_s).await;
        done.jumps += 1;
    }
    process.signal(Signal::KILL);
    process.wait();
    writing.join_all().await;
    let (_process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    for producer in &producers {
        producer.check(&mut client, producer.acknowledged()).await;
        done.acknowledged += u64::from(producer.acknowledged().unsigned_abs());
    }
    Ok(done)
}

/// Sets the time of day that the process sees.
fn jump(file: &Path, ahead_s: i64) {
    // At once: half a file would be another time.
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{ahead_s:+}\n")).expect("the file can be written");
    std::fs::rename(&new, file).expect("the file can be replaced");
}

/// Whether the broker's clock is there: a record is refused whose timestamp is more than an hour ahead of it.
async fn is_at(client: &mut Client, ahead_s: i64) -> bool {
    let edge = now() + ahead_s * 1000 + HOUR_MS;
    produce(client, "ahead", edge - 60_000).await == 0
        && produce(client, "ahead", edge + 60_000).await == ErrorCode::InvalidTimestamp.code()
}

fn now() -> i64 {
    Clock::system().now().0
}

/// Produces a record with a timestamp; answers the error.
async fn produce(client: &mut Client, topic: &str, at: i64) -> i16 {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.push(Timestamp(at), None, Some(b"x"), &[]);
    let answer = client.produce(topic, 0, -1, builder.finish().expect("a batch").to_bytes()).await;
    answer.responses[0].partition_responses[0].error_code
}

/// A Fetch that nothing ends but its time.
async fn long_poll_ends(client: &mut Client) {
    let wanted = f::FetchPartition::default()
        .with_fetch_offset(log_offset(client, "ahead", -1).await)
        .with_partition_max_bytes(1 << 20);
    let topic = f::FetchTopic::default().with_topic(topic_name("ahead")).with_partitions(vec![wanted]);
    let request = FetchRequest::default().with_max_wait_ms(100).with_min_bytes(1).with_max_bytes(1 << 20);
    let began = Instant::now();
    let answer = client.call(12, request.with_topics(vec![topic])).await;
    let took = began.elapsed();
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
    assert!((Duration::from_millis(90)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

async fn log_offset(client: &mut Client, topic: &str, timestamp: i64) -> i64 {
    let partition = lo::ListOffsetsPartition::default().with_timestamp(timestamp);
    let topic = lo::ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    client.call(5, request).await.topics[0].partitions[0].offset
}

/// Of records that are kept for three hours, retention takes the one that is six hours old, and leaves the young one,
/// wherever in between the time of day is.
async fn retention(client: &mut Client, name: &str, ahead_s: i64) {
    let names = ["old", "young"].map(|which| format!("{which}-{name}"));
    for (name, at) in names.iter().zip([now() - 6 * HOUR_MS, now() + (ahead_s * 1000).min(0)]) {
        let configs = [("retention.ms", "10800000"), ("file.delete.delay.ms", "0")];
        client.create_topic(name, 1, &configs).await;
        assert_eq!(produce(client, name, at).await, 0);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut looks = tokio::time::interval(LOOK);
    while log_offset(client, &names[0], -2).await == 0 {
        assert!(Instant::now() < deadline, "retention stands still");
        looks.tick().await;
    }
    assert_eq!(log_offset(client, &names[1], -2).await, 0, "what is young stays");
}
