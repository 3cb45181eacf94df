use std::path::Path;
use std::sync::Arc;

use gracchus_base::{Clock, Entropy, TopicId};
use gracchus_log::fs::sim::SimDisk;
use gracchus_log::{Deleter, FileCache, Fs, Log, LogConfig, LogEnv};
use gracchus_state::partition::EpochCache;
use gracchus_wire::records::{BatchBuilder, BatchOptions};

use super::*;

/// Two batches of one record each, of which the first may be read.
fn half_flushed(fs: Fs, dir: &std::path::Path) -> PartitionView {
    let env = LogEnv {
        fs,
        files: Arc::new(FileCache::new(8)),
        deleter: Deleter::at_once(Arc::new(|_, _| {})),
        entropy: Entropy::seeded(1),
    };
    let mut log = Log::new_lazy(dir.join("a-0"), TopicId([1; 16]), LogConfig::default(), env);
    let now = Clock::system().now();
    for offset in 0..2 {
        let options = BatchOptions { base_offset: Offset(offset), ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        builder.push(Timestamp(now.0 + offset), None, Some(b"x"), &[]);
        log.append(&[builder.finish().unwrap()], now).unwrap();
    }
    let high_watermark = log.view().position_of(Offset(1)).unwrap();
    PartitionView {
        status: Status::Online,
        leader_epoch: LeaderEpoch(0),
        epochs: EpochCache::default(),
        log_start: Offset(0),
        high_watermark,
        last_stable: Offset(1),
        log: Some(log.view()),
    }
}

fn read(view: &PartitionView, from: i64) -> Result<Option<u32>, Unread> {
    read_with(view, from, Access::Disk)
}

fn read_with(view: &PartitionView, from: i64, access: Access) -> Result<Option<u32>, Unread> {
    let limits = RangeLimits { bytes_max: 1 << 20, min_one: true };
    let found = range(view, Offset(from), Isolation::ReadUncommitted, limits, access);
    found.map(|range| range.map(|range| range.len))
}

#[test]
fn an_offset_between_the_high_watermark_and_the_end_waits_and_is_not_out_of_range() {
    let dir = tempfile::tempdir().unwrap();
    let view = half_flushed(Fs::real(), dir.path());
    assert!(read(&view, 0).unwrap().is_some());
    assert_eq!(read(&view, 1), Ok(None));
    assert_eq!(read(&view, 2), Ok(None));
    assert_eq!(read(&view, 3), Err(Unread::Refused(ErrorCode::OffsetOutOfRange)));
    assert_eq!(read(&view, -1), Err(Unread::Refused(ErrorCode::OffsetOutOfRange)));
}

#[test]
fn nothing_above_the_high_watermark_is_found_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut view = half_flushed(Fs::real(), dir.path());
    assert_eq!(max_timestamp(&view, Isolation::ReadUncommitted).unwrap(), None);
    view.high_watermark = view.log.as_ref().unwrap().log_end();
    let found = max_timestamp(&view, Isolation::ReadUncommitted).unwrap();
    assert_eq!(found.map(|found| found.offset), Some(Offset(1)));
    assert_eq!(max_timestamp(&view, Isolation::ReadCommitted).unwrap(), None);
}

#[test]
fn a_read_that_must_not_wait_for_the_disk_is_refused_and_another_is_not() {
    let disk = SimDisk::new();
    let view = half_flushed(Fs::new(disk.clone()), Path::new("/"));
    let found = read(&view, 0).unwrap();
    disk.evict(Path::new("/a-0/00000000000000000000.log"));
    assert_eq!(read_with(&view, 0, Access::Cached), Err(Unread::NotCached));
    assert_eq!(read_with(&view, 1, Access::Cached), Ok(None), "there is nothing to look for");
    assert!(disk.waits().is_empty());
    assert_eq!(read_with(&view, 0, Access::Disk), Ok(found));
    assert_eq!(read_with(&view, 0, Access::Cached), Ok(found));
}
