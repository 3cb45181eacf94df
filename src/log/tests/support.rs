//! Batches, logs and checks for the tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gracchus_base::producer::ProducerSnapshot;
use gracchus_base::{Entropy, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId};
use gracchus_wire::records::{Attributes, Batch, BatchHeader};

use crate::config::{LogConfig, LogEnv};
use crate::deleter::Deleter;
use crate::error::FlushError;
use crate::files::FileCache;
use crate::flush::{FlushTicket, Flushed};
use crate::fs::Fs;
use crate::fs::sim::SimDisk;
use crate::log::{Log, RecoveryStart};
use crate::recovery::Recovered;
use crate::view::LogView;
use crate::whole_flush::WholeFlush;

pub const TOPIC_ID: TopicId = TopicId([7; 16]);
pub const NOW: Timestamp = Timestamp(1_000_000);

/// Small segments and indexes, so that a test sees many of them.
pub fn config() -> LogConfig {
    LogConfig { segment_bytes: 2000, index_interval_bytes: 200, retention_ms: -1, ..LogConfig::default() }
}

pub fn env(fs: Fs) -> LogEnv {
    let failed = Arc::new(|path: PathBuf, e| panic!("{} was not removed: {e}", path.display()));
    LogEnv {
        fs,
        files: Arc::new(FileCache::new(64)),
        deleter: Deleter::at_once(failed),
        entropy: Entropy::seeded(1),
    }
}

pub fn sim_env(disk: &SimDisk) -> LogEnv {
    LogEnv { deleter: Deleter::at_once(Arc::new(|_, _| {})), ..env(Fs::new(disk.clone())) }
}

pub fn dir() -> PathBuf {
    PathBuf::from("/t-0")
}

pub fn lazy(env: LogEnv, dir: &Path) -> Log {
    Log::new_lazy(dir.to_owned(), TOPIC_ID, config(), env)
}

/// A batch of `records` records that are no records: a log does not look at them.
pub fn batch(base: i64, records: i32, body_len: usize, timestamp: i64) -> Batch {
    epoch_batch(base, records, body_len, timestamp, 0)
}

pub fn epoch_batch(base: i64, records: i32, body_len: usize, timestamp: i64, epoch: i32) -> Batch {
    let body: Vec<u8> = (0..body_len).map(|n| (n as i64 * 31 + base * 7 + 1) as u8).collect();
    let mut header = BatchHeader {
        base_offset: Offset(base),
        length: (61 - 12 + body_len) as i32,
        leader_epoch: LeaderEpoch(epoch),
        magic: 2,
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: records - 1,
        base_timestamp: Timestamp(timestamp),
        max_timestamp: Timestamp(timestamp),
        producer_id: ProducerId(1),
        producer_epoch: ProducerEpoch(0),
        base_sequence: Sequence(0),
        records_count: records,
    };
    let crc = crc32c::crc32c(&header.encode()[21..]);
    header.crc = crc32c::crc32c_append(crc, &body);
    Batch { header, body: Bytes::from(body) }
}

pub fn bytes_of(batch: &Batch) -> Vec<u8> {
    [&batch.header.encode()[..], &batch.body].concat()
}

/// Runs the flush that is due, if one is.
pub fn flush(log: &mut Log) {
    if let Some(ticket) = log.flush_ticket() {
        let flushed = ticket.run().unwrap();
        log.flushed(flushed);
    }
}

/// Closes in good order.
pub fn close(log: &mut Log, producers: &[ProducerSnapshot]) {
    if let Some(ticket) = log.close(producers).unwrap() {
        let flushed = ticket.run().unwrap();
        log.flushed(flushed);
    }
}

/// Runs tickets with one flush of the whole disk.
pub fn run_together(tickets: Vec<FlushTicket>, fs: &Fs) -> Vec<Result<Flushed, FlushError>> {
    WholeFlush::new(fs.file_system(Path::new("/")).unwrap().unwrap()).run(tickets)
}

/// Rolls as a shard does, then appends.
pub fn append(log: &mut Log, batch: Batch) {
    if log.needs_roll(&batch.header, NOW) {
        log.roll(&[], NOW).unwrap();
    }
    log.append(&[batch], NOW).unwrap();
}

pub fn clean() -> RecoveryStart {
    RecoveryStart { clean_shutdown: true, recovery_point: Offset(0), log_start: Offset(0) }
}

pub fn unclean(recovery_point: Offset) -> RecoveryStart {
    RecoveryStart { clean_shutdown: false, recovery_point, log_start: Offset(0) }
}

pub fn open(env: LogEnv, dir: &Path, start: RecoveryStart) -> (Log, Vec<Recovered>) {
    let mut recovered = Vec::new();
    let log = Log::open(dir.to_owned(), TOPIC_ID, config(), env, start, &mut |r| recovered.push(r)).unwrap();
    (log, recovered)
}

/// All batches of a log, read as a consumer reads them, each checked against its CRC.
pub fn read_all(view: &LogView) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut at = view.log_start();
    while let Some(range) = view.read(at, view.log_end(), 700, true).unwrap() {
        let mut bytes = range.read_all().unwrap();
        let before = at;
        while let Ok(header) = BatchHeader::parse(&bytes) {
            if header.total_bytes() > bytes.len() {
                break;
            }
            let whole = bytes.split_to(header.total_bytes());
            assert!(gracchus_wire::records::header::crc_matches(&header, &whole), "at {at}");
            at = header.next_offset();
            batches.push(Batch { header, body: whole.slice(61..) });
        }
        assert!(at > before, "a read has at least one whole batch");
    }
    batches
}

/// That two lists of batches are the same, said briefly if not.
pub fn assert_same(actual: &[Batch], expected: &[Batch]) {
    let offsets = |batches: &[Batch]| batches.iter().map(|b| b.header.base_offset.0).collect::<Vec<_>>();
    assert_eq!(offsets(actual), offsets(expected));
    for (a, b) in actual.iter().zip(expected) {
        assert!(a.header == b.header && a.body == b.body, "batch {}", a.header.base_offset);
    }
}
