//! A directory that Apache Kafka 4.3.1 has written (`fixtures/kafka-4.3.1-ledger-0`): topic `ledger` with
//! `segment.ms=1000` and `index.interval.bytes=1000`, 90 records from three idempotent console producers, of which the
//! second used lz4; the broker was stopped in good order.

use std::path::{Path, PathBuf};

use gracchus_base::{LeaderEpoch, Offset, TopicId};

use super::support::*;
use crate::config::LogConfig;
use crate::fs::Fs;
use crate::log::{Log, RecoveryStart};
use crate::recovery::Recovered;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-4.3.1-ledger-0")
}

/// A copy of the directory, and what lies in it.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("ledger-0");
    std::fs::create_dir(&dir).unwrap();
    for (name, bytes) in content(&fixture()) {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    (tmp, dir)
}

fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read =
        |e: std::fs::DirEntry| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap());
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}

fn open_kafkas(dir: &Path, start: RecoveryStart) -> (Log, Vec<Recovered>) {
    let config = LogConfig { index_interval_bytes: 1000, ..LogConfig::default() };
    let topic_id = TopicId::parse("lUL1tD6YQnKePu_zZSxIuA").unwrap();
    let mut seen = Vec::new();
    let log = Log::open(dir.to_owned(), topic_id, config, env(Fs::real()), start, &mut |r| seen.push(r));
    (log.unwrap(), seen)
}

#[test]
fn a_directory_written_by_kafka_opens_reads_and_stays_as_it_was() {
    let (_tmp, dir) = copy();
    let (mut log, seen) = open_kafkas(&dir, clean());
    assert_eq!(log.log_end().offset, Offset(90));
    assert_eq!(log.bases().collect::<Vec<_>>(), [Offset(0), Offset(40), Offset(70)]);
    let records: i32 = read_all(&log.view()).iter().map(|batch| batch.header.records_count).sum();
    assert_eq!(records, 90);
    assert!(matches!(&seen[0], Recovered::Snapshot(producers) if producers.len() == 3));
    assert!(matches!(&seen[1], Recovered::Epochs(e) if *e == [(LeaderEpoch(0), Offset(0))]));
    close(&mut log, &[]);
    assert!(content(&dir) == content(&fixture()), "not a byte has changed");
}

#[test]
fn indexes_made_anew_are_kafkas_byte_for_byte() {
    for keep_padding in [false, true] {
        let (_tmp, dir) = copy();
        for (name, bytes) in content(&dir) {
            if name.ends_with("index") {
                // A broker that was killed leaves its index files at their full length, filled with zeros.
                let padded = [bytes, vec![0; 10_000]].concat();
                let left = if keep_padding { padded } else { Vec::new() };
                std::fs::write(dir.join(name), left).unwrap();
            }
        }
        std::fs::remove_file(dir.join("leader-epoch-checkpoint")).unwrap();
        std::fs::remove_file(dir.join("00000000000000000090.snapshot")).unwrap();
        let (mut log, seen) = open_kafkas(&dir, unclean(Offset(0)));
        assert_eq!(log.log_end().offset, Offset(90));
        assert!(matches!(&seen[0], Recovered::Snapshot(producers) if producers.len() == 2));
        let replayed =
            seen.iter().filter(|r| matches!(r, Recovered::Batch(h) if h.base_offset >= Offset(70)));
        assert_eq!(replayed.count(), seen.len() - 2);
        assert!(matches!(&seen[seen.len() - 1], Recovered::Epochs(e) if *e == [(LeaderEpoch(0), Offset(0))]));
        close(&mut log, &[]);
        let indexes = |dir: &Path| {
            content(dir).into_iter().filter(|(name, _)| name.ends_with("index")).collect::<Vec<_>>()
        };
        assert_eq!(indexes(&dir), indexes(&fixture()));
    }
}

#[test]
fn batches_appended_to_kafkas_log_follow_its_own() {
    let (_tmp, dir) = copy();
    let (mut log, _) = open_kafkas(&dir, clean());
    log.append(&[batch(90, 2, 100, 1)], NOW).unwrap();
    flush(&mut log);
    let (log, _) = open_kafkas(&dir, unclean(Offset(90)));
    assert_eq!(log.log_end().offset, Offset(92));
    assert_eq!(read_all(&log.view()).last().unwrap().header.base_offset, Offset(90));
}

/// A log of several segments, made of the batches of the fixture again and again, with new offsets.
fn written_log(dir: &Path, closed: bool) -> Log {
    let (_tmp, kafkas) = copy();
    let material = read_all(&open_kafkas(&kafkas, clean()).0.view());
    let mut log = lazy(env(Fs::real()), dir);
    log.set_config(LogConfig { segment_bytes: 40_000, index_interval_bytes: 2000, ..LogConfig::default() });
    let producers = crate::producer_snapshot::decode(
        &std::fs::read(kafkas.join("00000000000000000090.snapshot")).unwrap(),
    );
    let producers = producers.unwrap();
    for round in 0..20 {
        for batch in &material {
            let mut batch = batch.clone();
            batch.header.base_offset = log.log_end().offset;
            batch.header.leader_epoch = LeaderEpoch(round / 7);
            if log.needs_roll(&batch.header, NOW) {
                log.roll(&producers, NOW).unwrap();
            }
            log.append(&[batch], NOW).unwrap();
        }
    }
    log.write_epochs(&[
        (LeaderEpoch(0), Offset(0)),
        (LeaderEpoch(1), Offset(630)),
        (LeaderEpoch(2), Offset(1260)),
    ]);
    flush(&mut log);
    if closed {
        close(&mut log, &producers);
    }
    log
}

/// Runs Kafka's `DumpLogSegments`; what it prints on both channels.
fn dump(libs: &str, files: &[String], options: &[&str]) -> String {
    let mut java = std::process::Command::new("java");
    java.args(["-Xmx256M", "-XX:TieredStopAtLevel=1", "-cp", &format!("{libs}/*")]);
    java.args(["org.apache.kafka.tools.DumpLogSegments", "--files", &files.join(",")]).args(options);
    let output = java.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    [output.stdout, output.stderr].into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

/// Needs Kafka's jars: `KAFKA_LIBS=<folder of the jars>`.
#[test]
fn kafka_dump_log_reads_every_file_without_complaint() {
    let Ok(libs) = std::env::var("KAFKA_LIBS") else {
        println!("SKIPPED: KAFKA_LIBS does not name a folder of Kafka's jars");
        return;
    };
    for close in [true, false] {
        let tmp = tempfile::tempdir().unwrap();
        let dir = tmp.path().join("t-0");
        let mut log = written_log(&dir, close);
        assert!(log.sealed.len() > 3);
        if !close {
            log.spill_indexes().unwrap();
        }
        let of = |end: &str| -> Vec<String> {
            let names = content(&dir).into_iter().map(|(name, _)| name).filter(|name| name.ends_with(end));
            names.map(|name| dir.join(name).to_string_lossy().into_owned()).collect()
        };
        let records = dump(&libs, &of(".log"), &["--deep-iteration", "--print-data-log"]);
        assert_eq!(records.matches("| offset: ").count(), 1800);
        let indexes = dump(&libs, &of(".index"), &[]);
        let entries: usize =
            of(".index").iter().map(|path| std::fs::metadata(path).unwrap().len() as usize / 8).sum();
        assert!(entries > 100);
        assert_eq!(indexes.matches("offset: ").count(), entries);
        let all: Vec<_> = [of(".index"), of(".timeindex")].concat();
        let verified = dump(&libs, &all, &["--verify-index-only"]);
        let sane = dump(&libs, &all, &["--index-sanity-check"]);
        let snapshots = dump(&libs, &of(".snapshot"), &[]);
        assert_eq!(snapshots.matches("producerId: ").count(), of(".snapshot").len() * 3);
        for said in [records, indexes, verified, sane, snapshots] {
            for complaint in
                ["mismatch", "not found", "out of order", "isvalid: false", "corrupt", "is followed by"]
            {
                // The tool says of every file that does not begin at 0, Kafka's own too, that -1 is followed by its base.
                let complains =
                    |line: &&str| line.contains(complaint) && !line.trim().starts_with("-1 is followed");
                assert_eq!(said.lines().find(complains), None);
            }
        }
    }
}
