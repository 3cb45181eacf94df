//! Appending, reading, rolling, reopening, closing, deleting.

use gracchus_base::{LeaderEpoch, Offset, Timestamp};

use super::support::*;
use crate::error::ReadError;
use crate::fs::Fs;
use crate::fs::sim::SimDisk;
use crate::log::LogPosition;
use crate::recovery::Recovered;

#[test]
fn what_was_appended_is_read_and_is_there_after_closing_and_after_a_crash() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("t-0");
    let mut log = lazy(env(Fs::real()), &dir);
    let batches: Vec<_> = (0..100).map(|n| batch(n * 2, 2, 100, 1000 + n)).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    assert!(log.sealed.len() > 5);
    assert_same(&read_all(&log.view()), &batches);
    assert_eq!(log.recovery_point(), Offset(0));
    flush(&mut log);
    assert_eq!(log.recovery_point(), Offset(200));
    drop(log);

    let (mut log, seen) = open(env(Fs::real()), &dir, unclean(Offset(100)));
    assert_same(&read_all(&log.view()), &batches);
    assert_eq!(log.recovery_point(), Offset(100), "what the process before has flushed is not known");
    flush(&mut log);
    assert_eq!(log.log_end().offset, Offset(200));
    assert!(matches!(&seen[0], Recovered::Snapshot(producers) if producers.is_empty()));
    assert!(matches!(&seen[seen.len() - 1], Recovered::Epochs(e) if e == &[(LeaderEpoch(0), Offset(0))]));
    close(&mut log, &[]);
    assert!(log.append(&[batch(200, 1, 10, 0)], NOW).is_err());

    let (log, seen) = open(env(Fs::real()), &dir, clean());
    assert_same(&read_all(&log.view()), &batches);
    assert_eq!(log.recovery_point(), Offset(200));
    assert!(!seen.iter().any(|r| matches!(r, Recovered::Batch(_))), "the snapshot stands at the end");
}

#[test]
fn a_lazy_log_leaves_nothing_on_disk_before_its_first_append() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    assert!(log.flush_ticket().is_none());
    log.roll(&[], NOW).unwrap();
    assert_eq!(log.view().read(Offset(0), log.log_end(), 100, true).unwrap().map(|r| r.len), None);
    close(&mut log, &[]);
    assert_eq!(disk.ops(), 0);
}

#[test]
fn traps_31_a_read_starts_with_the_batch_that_contains_the_offset() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let batches: Vec<_> = (0..20).map(|n| batch(n * 10, 10, 50, n)).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    let view = log.view();
    for offset in 0..200 {
        let range = view.read(Offset(offset), log.log_end(), 1, true).unwrap().unwrap();
        assert_eq!(range.read_all().unwrap(), bytes_of(&batches[offset as usize / 10]), "{offset}");
    }
    let partial = view.read(Offset(0), log.log_end(), 150, true).unwrap().unwrap();
    assert_eq!(partial.len, 150, "the tail may be cut in a batch");
    assert!(view.read(Offset(0), log.log_end(), 60, false).unwrap().is_none());
    assert!(view.read(Offset(200), log.log_end(), 60, true).unwrap().is_none());
    for outside in [-1, 201] {
        assert!(matches!(
            view.read(Offset(outside), log.log_end(), 60, true),
            Err(ReadError::OutOfRange { .. })
        ));
    }
}

#[test]
fn a_read_does_not_go_beyond_its_limit() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let mut ends: Vec<LogPosition> = Vec::new();
    for n in 0..50 {
        ends.push(log.log_end());
        append(&mut log, batch(n, 1, 100, n));
    }
    let view = log.view();
    for limit in &ends {
        for from in 0..50 {
            let by_position =
                view.read(Offset(from), *limit, 100_000, true).unwrap().map(|r| (r.position, r.len));
            let by_offset = view.read(Offset(from), limit.offset, 100_000, true).unwrap();
            assert_eq!(by_offset.map(|r| (r.position, r.len)), by_position);
            let expected = (limit.offset.0 - from).max(0) as u32 * 161;
            match by_position {
                None => assert_eq!(expected, 0),
                Some((_, len)) => assert!(len <= expected && len > 0 && len % 161 == 0),
            }
        }
    }
}

#[test]
fn a_segment_that_is_gone_says_so() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    (0..100).for_each(|n| append(&mut log, batch(n, 1, 100, n)));
    let view = log.view();
    let held = view.read(Offset(0), log.log_end(), 100, true).unwrap().unwrap();
    log.advance_log_start(Offset(50));
    log.retain(NOW, Offset(100), &mut Vec::new).unwrap();
    assert!(matches!(view.read(Offset(0), view.log_end(), 100, true), Err(ReadError::Gone)));
    assert_eq!(held.read_all().unwrap(), bytes_of(&batch(0, 1, 100, 0)), "an open range can be read on");
    assert_eq!(read_all(&log.view())[0].header.base_offset, Offset(50));
}

#[test]
fn truncation_takes_whole_batches_and_old_views_do_not_read_what_came_instead() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let batches: Vec<_> = (0..50).map(|n| batch(n * 2, 2, 100, n)).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    flush(&mut log);
    let old = log.view();
    assert_eq!(log.truncate_to(Offset(61)).unwrap().offset, Offset(60));
    assert_eq!(log.recovery_point(), Offset(60));
    append(&mut log, epoch_batch(60, 2, 90, 7, 1));
    assert!(matches!(old.read(Offset(60), old.log_end(), 100, true), Err(ReadError::Gone)));
    let mut expected = batches[..30].to_vec();
    expected.push(epoch_batch(60, 2, 90, 7, 1));
    assert_same(&read_all(&log.view()), &expected);
    flush(&mut log);
    let (log, _) = open(sim_env(&disk.crash(1)), &dir(), unclean(Offset(0)));
    assert_same(&read_all(&log.view()), &expected);
}

#[test]
fn timestamps_are_looked_up_as_if_every_batch_were_looked_at() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let stamp = |n: i64| (n * 37) % 50 + n;
    let batches: Vec<_> = (0..100).map(|n| batch(n, 1, 50, stamp(n))).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    flush(&mut log);
    let (reopened, _) = open(sim_env(&disk.kill()), &dir(), unclean(Offset(40)));
    for view in [log.view(), reopened.view()] {
        for wanted in -1..200 {
            for from in [0, 30, 99] {
                let found = view.lookup_timestamp(Timestamp(wanted), Offset(from)).unwrap();
                let expected = (from..100).find(|n| stamp(*n) >= wanted);
                assert_eq!(found.map(|f| f.header.base_offset.0), expected, "{wanted} from {from}");
            }
        }
        let newest = view.max_timestamp().unwrap().unwrap();
        let max = (0..100).map(stamp).max().unwrap();
        assert_eq!(newest.header.max_timestamp, Timestamp(max));
        assert_eq!(newest.range.read_all().unwrap().len(), 111);
    }
}

#[test]
fn a_deleted_log_frees_its_name_at_once() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    append(&mut log, batch(0, 1, 100, 0));
    let view = log.view();
    log.delete().unwrap();
    assert!(matches!(view.read(Offset(0), view.log_end(), 100, true), Err(ReadError::Gone)));
    let fs = Fs::new(disk);
    assert!(fs.list(std::path::Path::new("/")).unwrap().is_empty(), "here it is removed without delay");
}

#[test]
fn a_view_of_a_deleted_log_does_not_read_the_one_that_has_its_name_now() {
    let disk = SimDisk::new();
    let env = sim_env(&disk);
    let mut log = lazy(env.clone(), &dir());
    append(&mut log, batch(0, 1, 100, 5));
    let view = log.view();
    log.delete().unwrap();
    let mut log = lazy(env, &dir());
    append(&mut log, batch(0, 1, 100, 6));
    assert!(matches!(view.read(Offset(0), view.log_end(), 100, true), Err(ReadError::Gone)));
    assert!(matches!(view.lookup_timestamp(Timestamp(0), Offset(0)), Err(ReadError::Gone)));
    assert_eq!(read_all(&log.view())[0].header.max_timestamp, Timestamp(6));
}

#[test]
fn a_flush_that_outlives_its_log_leaves_the_one_that_has_its_name_now_alone() {
    for together in [false, true] {
        let disk = SimDisk::new();
        let env = sim_env(&disk);
        let mut log = lazy(env.clone(), &dir());
        log.write_epochs(&[(LeaderEpoch(7), Offset(0))]);
        append(&mut log, batch(0, 1, 100, 5));
        log.roll(&[], NOW).unwrap();
        let late = log.flush_ticket().unwrap();
        log.delete().unwrap();
        let mut log = lazy(env.clone(), &dir());
        log.write_epochs(&[(LeaderEpoch(0), Offset(0))]);
        append(&mut log, batch(0, 1, 100, 6));
        log.roll(&[], NOW).unwrap();
        flush(&mut log);
        let _flushed =
            if together { run_together(vec![late], &env.fs).remove(0) } else { late.run() }.unwrap();
        let epochs = crate::epoch_checkpoint::read(&Fs::new(disk), &dir()).unwrap();
        assert_eq!(epochs, Some(vec![(LeaderEpoch(0), Offset(0))]));
    }
}

#[test]
fn epochs_are_stored_when_a_segment_is_sealed_and_the_recovery_point_waits_for_them() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    log.write_epochs(&[(LeaderEpoch(0), Offset(0))]);
    append(&mut log, batch(0, 1, 100, 0));
    flush(&mut log);
    let stored = || crate::epoch_checkpoint::read(&Fs::new(disk.clone()), &dir()).unwrap().map(|e| e.len());
    assert_eq!((stored(), log.recovery_point()), (None, Offset(1)), "without a file all batches are read");
    log.roll(&[], NOW).unwrap();
    flush(&mut log);
    assert_eq!((stored(), log.recovery_point()), (Some(1), Offset(1)));

    log.write_epochs(&[(LeaderEpoch(0), Offset(0)), (LeaderEpoch(3), Offset(1))]);
    (1..3).for_each(|n| append(&mut log, epoch_batch(n, 1, 100, 0, 3)));
    flush(&mut log);
    assert_eq!(
        (stored(), log.recovery_point()),
        (Some(1), Offset(1)),
        "the first batch of 3 is to be read again"
    );
    let (_, seen) = open(sim_env(&disk.crash(1)), &dir(), unclean(log.recovery_point()));
    let expected = [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(3), Offset(1))];
    assert!(matches!(&seen[seen.len() - 1], Recovered::Epochs(epochs) if *epochs == expected), "{seen:?}");

    log.roll(&[], NOW).unwrap();
    let ticket = log.flush_ticket().unwrap();
    assert_eq!(log.recovery_point(), Offset(1), "not before it is flushed");
    let flushed = ticket.run().unwrap();
    log.flushed(flushed);
    assert_eq!((stored(), log.recovery_point()), (Some(2), Offset(3)));

    log.write_epochs(&[
        (LeaderEpoch(0), Offset(0)),
        (LeaderEpoch(3), Offset(1)),
        (LeaderEpoch(4), Offset(3)),
    ]);
    append(&mut log, epoch_batch(3, 1, 100, 0, 4));
    close(&mut log, &[]);
    assert_eq!((stored(), log.recovery_point()), (Some(3), Offset(4)));
}

#[test]
fn epochs_are_stored_when_much_was_written_since() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    log.set_config(crate::LogConfig::default());
    log.write_epochs(&[(LeaderEpoch(0), Offset(0))]);
    let stored = || crate::epoch_checkpoint::read(&Fs::new(disk.clone()), &dir()).unwrap().is_some();
    for n in 0..11 {
        assert!(!stored());
        append(&mut log, batch(n, 1, 100_000, 0));
        flush(&mut log);
    }
    assert!(stored());
}

#[test]
fn an_idle_partition_is_small_and_holds_no_descriptor() {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<crate::LogView>();
    crosses_threads::<crate::FlushTicket>();
    assert!(size_of::<crate::Log>() <= 640, "{}", size_of::<crate::Log>());
    println!("Log {} LogView {}", size_of::<crate::Log>(), size_of::<crate::LogView>());
    let disk = SimDisk::new();
    let env = sim_env(&disk);
    let files = env.files.clone();
    let mut log = lazy(env.clone(), &dir());
    append(&mut log, batch(0, 1, 100, 0));
    flush(&mut log);
    assert!(!log.unflushed.holds_files());
    drop(log);
    let (_log, _) = open(env, &dir(), clean());
    assert!(files.open_files() <= 1, "only what the first log had is in the cache");
}

#[test]
fn segments_roll_by_size_age_index_and_distance() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let far = i64::from(i32::MAX);
    let rolls = |log: &crate::Log, batch: &gracchus_wire::records::Batch, now| {
        log.needs_roll(&batch.header, Timestamp(now))
    };
    assert!(!rolls(&log, &batch(far + 5, 1, 5000, 5), 0), "an empty segment takes anything");
    log.append(&[batch(0, 1, 100, 1000)], Timestamp(7)).unwrap();
    assert!(!rolls(&log, &batch(1, 1, 2000 - 161 - 61, 1000), 0), "just fits");
    assert!(rolls(&log, &batch(1, 1, 2000 - 161 - 60, 1000), 0));
    assert!(!rolls(&log, &batch(far, 1, 10, 1000), 0) && rolls(&log, &batch(far + 1, 1, 10, 1000), 0));
    log.set_config(crate::LogConfig { segment_ms: 500, ..config() });
    assert!(!rolls(&log, &batch(1, 1, 10, 1500), 1_000_000), "the batches' own time counts");
    assert!(rolls(&log, &batch(1, 1, 10, 1501), 0));
    log.roll(&[], Timestamp(2000)).unwrap();
    log.append(&[batch(1, 1, 10, -1)], Timestamp(2000)).unwrap();
    assert!(
        !rolls(&log, &batch(2, 1, 10, 9999), 2500) && rolls(&log, &batch(2, 1, 10, 9999), 2501),
        "no time: the clock"
    );
    log.set_config(crate::LogConfig { segment_index_bytes: 36, index_interval_bytes: 0, ..config() });
    for n in 2..6 {
        assert!(!rolls(&log, &batch(n, 1, 10, -1), 2000));
        log.append(&[batch(n, 1, 10, -1)], NOW).unwrap();
    }
    assert!(rolls(&log, &batch(6, 1, 10, -1), 2000), "four entries of eight bytes fill the index");
}

#[test]
fn faults_32_strange_timestamps_are_indexed_and_kept_sanely() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let stamps = [-1, i64::MIN, 5, i64::MAX, 0, -2, 7];
    for (n, stamp) in stamps.iter().cycle().take(70).enumerate() {
        append(&mut log, batch(n as i64, 1, 60, *stamp));
    }
    flush(&mut log);
    let (mut reopened, _) = open(sim_env(&disk.crash(3)), &dir(), unclean(Offset(0)));
    for view in [log.view(), reopened.view()] {
        assert_eq!(view.max_timestamp().unwrap().unwrap().header.base_offset, Offset(3));
        let found = |stamp| {
            view.lookup_timestamp(Timestamp(stamp), Offset(0)).unwrap().map(|f| f.header.base_offset.0)
        };
        assert_eq!((found(0), found(5), found(6), found(i64::MAX)), (Some(2), Some(2), Some(3), Some(3)));
    }
    reopened.set_config(crate::LogConfig { retention_ms: 1000, ..config() });
    let removed = reopened.retain(NOW, Offset(70), &mut Vec::new).unwrap();
    assert!(removed.is_empty(), "every segment has a batch from the far future, as in Kafka");
}

#[test]
fn large_batches_are_read_whole_and_what_is_left_out_is_told() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    log.config.segment_bytes = 10 << 20;
    for base in 0..30 {
        let len = if base < 10 { 50_000 } else { 5_000 };
        append(&mut log, batch(base, 1, len - 61, base));
    }
    let (view, end) = (log.view(), log.log_end());
    let read = |from, max| {
        let range = view.read(Offset(from), end, max, true).unwrap().unwrap();
        (range.len, range.left_out)
    };
    assert_eq!(read(0, 140_000), (100_000, 40_000));
    assert_eq!(read(0, 150_000), (150_000, 0));
    assert_eq!(read(0, 100), (50_000, 0), "the first one whatever the limit");
    assert_eq!(read(8, 109_999), (105_000, 4_999), "small ones behind large ones");
    assert_eq!(read(10, 77_777), (77_777, 0), "small ones may be cut");
    assert_eq!(read(0, 60_000), (60_000, 0), "and so may little");
    assert_eq!(read(5, 1 << 20), (5 * 50_000 + 20 * 5_000, 0), "up to the end");
}
