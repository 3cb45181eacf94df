//! Reads of what the disk alone has.

use std::path::PathBuf;

use gracchus_base::Offset;

use super::support::*;
use crate::error::ReadError;
use crate::fs::sim::SimDisk;
use crate::log::Log;
use crate::range::FileRange;

/// Enough segments that most are sealed and their indexes are in files.
fn long_log(disk: &SimDisk) -> Log {
    let mut log = lazy(sim_env(disk), &dir());
    for base in 0..60 {
        append(&mut log, batch(base, 1, 300, base));
    }
    flush(&mut log);
    log
}

fn files(log: &Log) -> Vec<PathBuf> {
    let entries = log.shared.env.fs.list(log.dir()).unwrap();
    entries.into_iter().map(|entry| log.dir().join(entry.name)).collect()
}

fn place(range: &FileRange) -> (u64, u32) {
    (range.position, range.len)
}

#[test]
fn a_read_that_must_not_wait_says_so_and_does_not() {
    let disk = SimDisk::new();
    let log = long_log(&disk);
    let (view, files) = (log.view(), files(&log));
    assert!(files.len() > 20);
    for offset in (0..60).map(Offset) {
        files.iter().for_each(|file| disk.evict(file));
        let before = disk.waits().len();
        let refused = view.read_cached(offset, view.log_end(), 700, true);
        assert!(matches!(refused, Err(ReadError::NotCached)), "{offset}: {refused:?}");
        assert_eq!(disk.waits().len(), before, "{offset}");
        let found = view.read(offset, view.log_end(), 700, true).unwrap().unwrap();
        assert!(disk.waits().len() > before, "{offset}");
        // What was waited for is there for all.
        let again = view.read_cached(offset, view.log_end(), 700, true).unwrap().unwrap();
        assert_eq!(place(&again), place(&found), "{offset}");
    }
}

#[test]
fn what_may_not_be_read_yet_is_answered_without_a_look_at_any_file() {
    let disk = SimDisk::new();
    let log = long_log(&disk);
    let (view, end) = (log.view(), log.log_end());
    files(&log).iter().for_each(|file| disk.evict(file));
    assert!(view.read_cached(end.offset, end, 700, true).unwrap().is_none());
}

#[test]
fn a_range_that_was_loaded_can_be_sent() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let large = batch(0, 1, 1500, 0);
    append(&mut log, large.clone());
    let whole = log.view().read(Offset(0), log.log_end(), 10_000, true).unwrap().unwrap();
    assert!(whole.is_cached());
    files(&log).iter().for_each(|file| disk.evict(file));
    assert!(!whole.is_cached() && whole.read_cached().unwrap().is_none());
    let part = whole.part(1000, 100);
    assert_eq!(place(&part), (1000, 100));
    assert_eq!(place(&whole.part(1500, 1000)), (1500, whole.len - 1500));
    part.load().unwrap();
    assert!(part.is_cached());
    assert_eq!(part.read_cached().unwrap().unwrap(), bytes_of(&large)[1000..1100]);
}

#[test]
fn a_range_is_in_memory_only_if_both_its_ends_are() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    log.config.segment_bytes = 1 << 20;
    append(&mut log, batch(0, 1, 50_000, 0));
    let whole = log.view().read(Offset(0), log.log_end(), 1 << 20, true).unwrap().unwrap();
    let ends = [whole.part(0, 10), whole.part(whole.len - 10, 10)];
    for end in &ends {
        files(&log).iter().for_each(|file| disk.evict(file));
        end.load().unwrap();
        assert!(end.is_cached() && !whole.is_cached());
    }
    whole.load().unwrap();
    assert!(whole.is_cached());
}
