//! Files of a data directory that were damaged, emptied or lost while the process was down (FAULTS 22, 24).

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gracchus_base::{ErrorCode, ProducerEpoch, ProducerId, Sequence, Timestamp};
use gracchus_wire::messages::InitProducerIdRequest;
use gracchus_wire::records::{BatchBuilder, BatchOptions, BatchProducer};
use protocol_tests::process::{Process, Signal, run, serve};
use protocol_tests::{Client, batch};
use tempfile::TempDir;

use super::disk_faults::{crc_is_right, files};
use super::list_offsets::epoch_end;
use super::support::*;

/// A copy of a data directory, to be damaged.
fn copied(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("a temporary directory");
    copy(&from.join("data"), &to.path().join("data"));
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}

fn partition_dir(dir: &Path, topic: &Topic) -> PathBuf {
    dir.join(format!("data/{}-0", topic.name.as_str()))
}

/// Waits until the recovery point of the topic's partition is at `offset` or behind it.
fn recovery_point_at(dir: &Path, topic: &Topic, offset: i64) {
    let patience = Patience::new();
    loop {
        let text = fs::read_to_string(dir.join("data/recovery-point-offset-checkpoint")).unwrap_or_default();
        let prefix = format!("{} 0 ", topic.name.as_str());
        let found = text.lines().find_map(|line| line.strip_prefix(&prefix)?.parse::<i64>().ok());
        if found.is_some_and(|found| found >= offset) {
            return;
        }
        patience.wait();
    }
}

fn end_with(mut process: Process, signal: Signal) {
    process.signal(signal);
    process.wait();
}

/// Bytes of a value, batches, and the segments that they make.
const VALUE_BYTES: usize = 50_000;
const BATCHES: i64 = 110;
const SEGMENT_BYTES: &str = "2097152";
const SEGMENTS: usize = 3;

/// Bytes that are zeroed.
const REGION: usize = 1 << 20;

fn value(n: i64) -> String {
    format!("{n}-{}", "x".repeat(VALUE_BYTES))
}

/// A partition of several segments in a data directory that nobody uses any more.
async fn flushed_log(signal: Signal) -> (TempDir, Topic) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // Of a process that is killed, the checkpoint is to know the newest segment too.
    let often = [("log.flush.offset.checkpoint.interval.ms", "20")];
    let (process, address) = serve(dir.path(), &often);
    let mut client = Client::connect(address).await;
    let topic = create(&mut client, "zeroed", 1, &[("segment.bytes", SEGMENT_BYTES)]).await;
    for n in 0..BATCHES {
        assert_eq!(produced(&mut client, &topic, batch::values(&[&value(n)])).await, n);
    }
    recovery_point_at(dir.path(), &topic, BATCHES);
    end_with(process, signal);
    assert_eq!(files(&partition_dir(dir.path(), &topic), ".log").len(), SEGMENTS);
    (dir, topic)
}

/// What a reader finds at an offset: the record there, or the error; a wrong CRC it finds itself.
async fn read_at(client: &mut Client, topic: &Topic, offset: i64) -> Result<String, i16> {
    let mut partition = fetch_partition(0, offset);
    partition.partition_max_bytes = 1;
    let request = fetch_request(vec![fetch_topic(12, topic, vec![partition])]);
    let answer = client.call(12, request).await.responses[0].partitions[0].clone();
    if batches_of(&answer).first().is_some_and(|batch| !crc_is_right(batch)) {
        return Err(ErrorCode::CorruptMessage.code());
    }
    let Some((found, _, value)) = records_of(&answer).pop() else { return Err(answer.error_code) };
    assert_eq!((answer.error_code, found), (0, offset));
    Ok(value.expect("a value"))
}

#[tokio::test]
async fn faults_22_a_zeroed_megabyte_of_flushed_data_takes_nothing_else_away_and_no_offset_is_used_twice() {
    if !is_ours() {
        return;
    }
    for signal in [Signal::TERM, Signal::KILL] {
        let (whole, topic) = flushed_log(signal).await;
        let last = files(&partition_dir(whole.path(), &topic), ".log").pop().expect("a segment");
        let tail = usize::try_from(last.metadata().expect("its size").len()).expect("a size") - REGION;
        for (segment, from) in [(0, 0), (1, 700_000), (2, 60_000), (2, tail)] {
            let dir = copied(whole.path());
            let logs = files(&partition_dir(dir.path(), &topic), ".log");
            let mut bytes = fs::read(&logs[segment]).expect("the segment");
            bytes.iter_mut().skip(from).take(REGION).for_each(|byte| *byte = 0);
            fs::write(&logs[segment], &bytes).expect("the segment can be damaged");
            let damaged: Vec<_> = logs.iter().map(|log| fs::read(log).expect("a segment")).collect();
            println!("{signal:?}: segment {segment} from {from} on");

            let (process, address) = serve(dir.path(), &[]);
            let mut client = Client::connect(address).await;
            assert_eq!(end(&mut client, &topic).await, BATCHES);
            let mut lost = 0;
            for n in 0..BATCHES {
                match read_at(&mut client, &topic, n).await {
                    Ok(found) => assert!(found == value(n), "batch {n}"),
                    Err(error) => {
                        assert_eq!(error, ErrorCode::CorruptMessage.code(), "batch {n}");
                        lost += 1;
                    }
                }
            }
            let harmed = i64::try_from(REGION / VALUE_BYTES).expect("a few") + 2;
            assert!((1..=harmed).contains(&lost), "{lost} of {harmed}");
            assert_eq!(produced(&mut client, &topic, batch::values(&["next"])).await, BATCHES);
            for (log, bytes) in logs.iter().zip(&damaged) {
                assert!(
                    fs::read(log).expect("a segment").starts_with(bytes),
                    "{} was changed",
                    log.display()
                );
            }
            end_with(process, Signal::KILL);
            let (_process, address) = serve(dir.path(), &[]);
            let mut client = Client::connect(address).await;
            assert_eq!(read_at(&mut client, &topic, BATCHES).await.as_deref(), Ok("next"));
            assert_eq!(end(&mut client, &topic).await, BATCHES + 1);
        }
    }
}

#[tokio::test]
async fn faults_22_after_a_kill_damage_to_a_sealed_segment_is_known_without_waiting_for_the_checkpoints_turn()
{
    if !is_ours() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    let topic = create(&mut client, "sealed", 1, &[("segment.bytes", "1048576")]).await;
    for n in 0..50 {
        produced(&mut client, &topic, batch::values(&[&value(n)])).await;
    }
    let logs = files(&partition_dir(dir.path(), &topic), ".log");
    let name = logs.last().and_then(|log| log.file_stem()).expect("a name").to_string_lossy().into_owned();
    recovery_point_at(dir.path(), &topic, name.parse().expect("a base offset"));
    end_with(process, Signal::KILL);
    let mut bytes = fs::read(&logs[0]).expect("the segment");
    bytes[300_000..].fill(0);
    fs::write(&logs[0], &bytes).expect("the segment can be damaged");
    let (_process, address) = serve(dir.path(), &[]);
    let mut client = Client::connect(address).await;
    assert_eq!(end(&mut client, &topic).await, 50);
    assert!(read_at(&mut client, &topic, 49).await.is_ok_and(|found| found == value(49)));
    assert_eq!(read_at(&mut client, &topic, 10).await, Err(ErrorCode::CorruptMessage.code()));
}

/// What was acknowledged before files were damaged.
struct Acknowledged {
    dir: TempDir,
    signal: Signal,
    topic: Topic,
    producer_id: i64,
    first_ms: i64,
    /// Where the second start's leader epoch begins.
    epoch_1: i64,
}

/// Records of the logs whose sidecars are damaged, and bytes of their values: a segment has eight or so.
const RECORDS: i64 = 20;
const RECORD_BYTES: usize = 120_000;

impl Acknowledged {
    /// Records of an idempotent producer in several segments and two leader epochs.
    async fn made(signal: Signal) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (process, address) = serve(dir.path(), &[]);
        let mut client = Client::connect(address).await;
        let topic = create(&mut client, "sidecars", 1, &[("segment.bytes", "1048576")]).await;
        let init = InitProducerIdRequest::default().with_transactional_id(None);
        let producer_id = client.call(4, init).await.producer_id.0;
        let first_ms = gracchus_base::Clock::system().now().0 - 1_000_000;
        let made = Self { dir, signal, topic, producer_id, first_ms, epoch_1: RECORDS / 2 };
        for n in 0..made.epoch_1 {
            assert_eq!(produced(&mut client, &made.topic, made.batch(n)).await, n);
        }
        end_with(process, Signal::KILL);
        let (process, address) = serve(made.dir.path(), &[]);
        let mut client = Client::connect(address).await;
        for n in made.epoch_1..RECORDS {
            assert_eq!(produced(&mut client, &made.topic, made.batch(n)).await, n);
        }
        end_with(process, signal);
        made
    }

    fn value(n: i64) -> String {
        format!("{n}-{}", "x".repeat(RECORD_BYTES))
    }

    fn batch(&self, n: i64) -> bytes::Bytes {
        let producer = BatchProducer {
            producer_id: ProducerId(self.producer_id),
            producer_epoch: ProducerEpoch(0),
            base_sequence: Sequence(i32::try_from(n).expect("a small number")),
        };
        let mut builder =
            BatchBuilder::new(BatchOptions { producer: Some(producer), ..BatchOptions::default() });
        let at = Timestamp(self.first_ms + n * 1000);
        builder.push(at, None, Some(Self::value(n).as_bytes()), &[]);
        builder.finish().expect("a batch").to_bytes()
    }

    /// Everything is there: by offset, by timestamp, for retries, and by epoch.
    async fn check(&self, address: SocketAddr) {
        let mut client = Client::connect(address).await;
        assert_eq!(end(&mut client, &self.topic).await, RECORDS);
        for n in (0..RECORDS).step_by(3).chain([RECORDS - 1]) {
            let found = read_at(&mut client, &self.topic, n).await;
            assert!(
                found.as_deref() == Ok(&Self::value(n)),
                "record {n}: {:?}",
                found.map(|found| found.len())
            );
            let by_time = list_offset(&mut client, 8, &self.topic, 0, self.first_ms + n * 1000 - 500).await;
            assert_eq!((by_time.error_code, by_time.offset), (0, n));
        }
        // The snapshot of a clean stop holds the newest batch of a producer only, as Kafka's does.
        let remembered = if self.signal == Signal::TERM { 1 } else { 5 };
        for n in RECORDS - remembered..RECORDS {
            assert_eq!(produced(&mut client, &self.topic, self.batch(n)).await, n, "a duplicate");
        }
        assert_eq!(epoch_end(&mut client, 4, &self.topic, 0, (-1, 0)).await, (0, 0, self.epoch_1));
        assert_eq!(epoch_end(&mut client, 4, &self.topic, 0, (-1, 1)).await, (0, 1, RECORDS));
    }

    /// The files beside the batches, one of each kind and place.
    fn sidecars(&self) -> Vec<PathBuf> {
        let data = self.dir.path().join("data");
        let partition = partition_dir(self.dir.path(), &self.topic);
        let mut found = Vec::new();
        for kind in [".index", ".timeindex", ".snapshot"] {
            let of_kind = files(&partition, kind);
            found.extend(of_kind.first().cloned());
            found.extend(of_kind.into_iter().skip(1).next_back());
        }
        let all = |dir: &Path| files(dir, "").into_iter().filter(|path| path.is_file()).collect::<Vec<_>>();
        let is_named = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            ["checkpoint", "metadata", "cleanshutdown"].iter().any(|end| name.ends_with(end))
        };
        found.extend(all(&partition).into_iter().chain(all(&data)).filter(is_named));
        found
    }
}

type Damage = fn(&Path);

/// What can happen to a file that is not a log.
const DAMAGES: [(&str, Damage); 4] = [
    ("lost", |path| fs::remove_file(path).expect("it is there")),
    ("empty", |path| fs::write(path, "").expect("it can be written")),
    ("zeroed", |path| {
        let bytes = fs::read(path).expect("it can be read");
        fs::write(path, vec![0; bytes.len()]).expect("it can be written");
    }),
    ("garbled", |path| {
        let chance = gracchus_base::Entropy::seeded(5);
        let bytes = fs::read(path).expect("it can be read");
        let garbled: Vec<_> = bytes.iter().map(|_| chance.next_u64().to_le_bytes()[0]).collect();
        fs::write(path, garbled).expect("it can be written");
    }),
];

async fn each_sidecar(signal: Signal, least: usize) {
    let made = Acknowledged::made(signal).await;
    let sidecars = made.sidecars();
    assert!(sidecars.len() >= least, "{sidecars:?}");
    for path in sidecars {
        let name = path.strip_prefix(made.dir.path()).expect("a file of it");
        for (how, damage) in DAMAGES {
            println!("{signal:?}: {} {how}", name.display());
            let dir = copied(made.dir.path());
            damage(&dir.path().join(name));
            let (_process, address) = serve(dir.path(), &[]);
            made.check(address).await;
        }
    }
}

#[tokio::test]
async fn faults_24_after_a_clean_stop_no_file_beside_the_batches_is_needed_to_have_all_of_them() {
    if is_ours() {
        each_sidecar(Signal::TERM, 11).await;
    }
}

#[tokio::test]
async fn faults_24_after_a_kill_no_file_beside_the_batches_is_needed_to_have_all_of_them() {
    if is_ours() {
        each_sidecar(Signal::KILL, 8).await;
    }
}

#[tokio::test]
async fn faults_24_a_data_directory_that_does_not_say_whose_it_is_is_refused_or_taken_whole() {
    if !is_ours() {
        return;
    }
    for signal in [Signal::TERM, Signal::KILL] {
        let made = Acknowledged::made(signal).await;
        for (how, damage) in DAMAGES {
            let dir = copied(made.dir.path());
            let properties = dir.path().join("data/meta.properties");
            let whole = fs::read(&properties).expect("it can be read");
            damage(&properties);
            println!("{signal:?}: meta.properties {how}");
            if how != "lost" {
                let output = run(dir.path(), &["--listen", "127.0.0.1:0", "--data-dir", "data"]);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(1), "{said}");
                assert!(said.lines().last().is_some_and(|line| line.contains("meta.properties")), "{said}");
                fs::write(&properties, &whole).expect("it can be written");
            }
            let (_process, address) = serve(dir.path(), &[]);
            made.check(address).await;
        }
    }
}
