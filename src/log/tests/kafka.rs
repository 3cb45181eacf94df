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
    log.close(&[]).unwrap();
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
        log.close(&[]).unwrap();
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
