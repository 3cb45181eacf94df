//! A disk that is full or fails while the log is at work.

use gracchus_base::{LeaderEpoch, Offset};

use super::support::*;
use crate::error::{AppendError, RollError};
use crate::fs::sim::{Fault, Op, SimDisk};
use crate::names::Kind;

/// Fails everything that needs space from operation `from` on; the first write still takes `after` bytes.
fn full_from(disk: &SimDisk, from: u64, after: usize) {
    disk.fail(move |n, op, _| match op {
        Op::Write | Op::Create | Op::CreateDir if n == from => Some(Fault::NoSpace { after }),
        Op::Write | Op::Create | Op::CreateDir if n > from => Some(Fault::NoSpace { after: 0 }),
        _ => None,
    });
}

#[test]
fn faults_26_a_full_disk_refuses_and_leaves_no_trace_and_accepts_again() {
    let batches: Vec<_> = (0..40).map(|n| batch(n, 1, 150, n)).collect();
    let mut refused = 0;
    for from in 0..150 {
        let disk = SimDisk::new();
        full_from(&disk, from, (from as usize * 7) % 300);
        let mut log = lazy(sim_env(&disk), &dir());
        for (n, batch) in batches.iter().enumerate() {
            if log.needs_roll(&batch.header, NOW)
                && let Err(e) = log.roll(&[], NOW)
            {
                assert!(matches!(e, RollError::NoSpace(_)), "{e}");
                refused += 1;
                disk.heal();
                log.roll(&[], NOW).unwrap();
            }
            if let Err(e) = log.append(std::slice::from_ref(batch), NOW) {
                assert!(matches!(e, AppendError::NoSpace(_)), "{e}");
                refused += 1;
                assert_same(&read_all(&log.view()), &batches[..n]);
                assert!(log.append(std::slice::from_ref(batch), NOW).is_err());
                // What is on disk is whole batches, also for someone who looks now.
                let restarted = disk.kill();
                let file = log.shared.path(log.active.id.base, Kind::Log);
                let there = disk.bytes(&file).map_or(0, |bytes| bytes.len());
                assert_eq!(there, log.log_end().position as usize);
                if n > 0 {
                    let (seen, _) = open(sim_env(&restarted), &dir(), unclean(Offset(0)));
                    assert_same(&read_all(&seen.view()), &batches[..n]);
                }
                disk.heal();
                log.append(std::slice::from_ref(batch), NOW).unwrap();
            }
        }
        disk.heal();
        assert_same(&read_all(&log.view()), &batches);
        flush(&mut log);
        let (log, _) = open(sim_env(&disk.crash(from)), &dir(), unclean(Offset(0)));
        assert_same(&read_all(&log.view()), &batches);
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn faults_26_a_full_disk_opens_and_serves_what_it_has() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let batches: Vec<_> = (0..40).map(|n| batch(n, 1, 150, n)).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    flush(&mut log);
    let disk = disk.kill();
    full_from(&disk, 0, 0);
    let (log, _) = open(sim_env(&disk), &dir(), unclean(Offset(0)));
    assert_same(&read_all(&log.view()), &batches);
}

#[test]
fn faults_28_after_an_io_error_the_log_is_offline_and_what_was_flushed_can_be_read() {
    let mut failed = 0;
    for from in 0..150 {
        let disk = SimDisk::new();
        disk.fail(move |n, op, _| {
            (n == from && op != Op::SyncData && op != Op::SyncDir).then_some(Fault::Io)
        });
        let mut log = lazy(sim_env(&disk), &dir());
        let batches: Vec<_> = (0..40).map(|n| batch(n, 1, 150, n)).collect();
        let mut given = 0;
        for batch in &batches {
            let rolled = if log.needs_roll(&batch.header, NOW) { log.roll(&[], NOW) } else { Ok(()) };
            if rolled.is_err() || log.append(std::slice::from_ref(batch), NOW).is_err() {
                break;
            }
            given += 1;
        }
        if given == batches.len() {
            continue;
        }
        failed += 1;
        assert!(log.is_offline() && log.flush_ticket().is_none());
        assert!(matches!(log.append(&[batch(given as i64, 1, 10, 0)], NOW), Err(AppendError::Offline)));
        assert!(log.truncate_to(Offset(0)).is_err() && log.retain(NOW, Offset(9), &mut Vec::new).is_err());
        assert_same(&read_all(&log.view()), &batches[..given]);
    }
    assert!(failed > 50, "{failed}");
}

#[test]
fn faults_29_a_failed_flush_is_never_taken_for_a_flush() {
    for failing in 0..12 {
        let disk = SimDisk::new();
        let mut syncs = 0;
        disk.fail(move |_, op, _| {
            let is_sync = matches!(op, Op::SyncData | Op::SyncDir | Op::SyncFs);
            syncs += i32::from(is_sync);
            (is_sync && syncs == failing + 1).then_some(Fault::Io)
        });
        let mut log = lazy(sim_env(&disk), &dir());
        log.write_epochs(&[(LeaderEpoch(0), Offset(0))]);
        let mut acked = Offset(0);
        for n in 0..12 {
            append(&mut log, batch(n, 1, 100, n));
            // Now and then the whole disk is flushed, which may fail as well.
            let ticket = log.flush_ticket().unwrap();
            let outcome = if n % 3 == 2 {
                run_together(vec![ticket], &log.shared.env.fs).remove(0)
            } else {
                ticket.run()
            };
            match outcome {
                Ok(flushed) => acked = log.flushed(flushed).offset,
                Err(_) => {
                    log.poison();
                    break;
                }
            }
        }
        assert!(log.is_offline(), "flush {failing} has failed");
        assert!(log.flush_ticket().is_none());
        assert!(matches!(log.append(&[batch(acked.0, 1, 10, 0)], NOW), Err(AppendError::Offline)));
        assert_eq!(log.flushed_to().offset, acked);
    }
}

#[test]
fn faults_29_a_file_system_that_was_not_flushed_fails_every_log_that_was_flushed_with_it() {
    let disk = SimDisk::new();
    let env = sim_env(&disk);
    let mut logs: Vec<_> = (0..5).map(|n| lazy(env.clone(), format!("/t-{n}").as_ref())).collect();
    let flush_all = |logs: &mut [crate::Log]| {
        let tickets = logs.iter_mut().map(|log| log.flush_ticket().unwrap()).collect();
        run_together(tickets, &env.fs)
    };
    logs.iter_mut().for_each(|log| append(log, batch(0, 1, 100, 0)));
    let outcomes = flush_all(&mut logs);
    for (log, flushed) in logs.iter_mut().zip(outcomes) {
        assert_eq!(log.flushed(flushed.unwrap()).offset, Offset(1));
    }
    logs.iter_mut().for_each(|log| append(log, batch(1, 1, 100, 0)));
    disk.fail(|_, op, _| (op == Op::SyncFs).then_some(Fault::Io));
    let outcomes = flush_all(&mut logs);
    disk.heal();
    assert!(outcomes.iter().all(Result::is_err));
    for (n, log) in logs.iter_mut().enumerate() {
        log.poison();
        assert!(log.flush_ticket().is_none(), "never flushed again as if nothing had happened");
        assert!(matches!(log.append(&[batch(2, 1, 10, 0)], NOW), Err(AppendError::Offline)));
        assert_eq!(log.flushed_to().offset, Offset(1));
        let path = format!("/t-{n}");
        let (log, _) = open(sim_env(&disk.crash(n as u64)), path.as_ref(), unclean(Offset(0)));
        assert_same(&read_all(&log.view())[..1], &[batch(0, 1, 100, 0)]);
    }
}

#[test]
fn one_flush_at_a_time_covers_what_was_written_before_it_is_run() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    append(&mut log, batch(0, 1, 100, 0));
    let ticket = log.flush_ticket().unwrap();
    append(&mut log, batch(1, 1, 100, 0));
    assert!(log.flush_ticket().is_none(), "one at a time");
    assert_eq!(ticket.up_to().offset, Offset(1));
    let flushed = ticket.run().unwrap();
    append(&mut log, batch(2, 1, 100, 0));
    assert_eq!(log.flushed(flushed).offset, Offset(2));
    assert!(!log.is_flushed());
    flush(&mut log);
    assert!(log.is_flushed() && log.recovery_point() == Offset(3));
}

#[test]
fn a_flush_covers_nothing_of_a_file_that_was_made_after_it_was_asked_for() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    append(&mut log, batch(0, 1, 100, 0));
    let ticket = log.flush_ticket().unwrap();
    log.roll(&[], NOW).unwrap();
    append(&mut log, batch(1, 1, 100, 0));
    let flushed = ticket.run().unwrap();
    assert_eq!(log.flushed(flushed).offset, Offset(1));
    // The roll flushed nothing, and this time the new file is among those that are.
    let ticket = log.flush_ticket().unwrap();
    append(&mut log, batch(2, 1, 100, 0));
    let flushed = ticket.run().unwrap();
    assert_eq!(log.flushed(flushed).offset, Offset(3));
    assert!(log.is_flushed());
}

#[test]
fn a_flush_that_was_on_its_way_during_a_truncation_vouches_for_nothing() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    (0..5).for_each(|n| append(&mut log, batch(n, 1, 100, 0)));
    let ticket = log.flush_ticket().unwrap();
    log.truncate_to(Offset(2)).unwrap();
    (2..5).for_each(|n| append(&mut log, epoch_batch(n, 1, 90, 0, 1)));
    let flushed = ticket.run().unwrap();
    assert_eq!(log.flushed(flushed).offset, Offset(0));
    flush(&mut log);
    assert_eq!(log.recovery_point(), Offset(5));
}

#[test]
fn faults_26_a_flush_without_space_for_the_epochs_keeps_the_log_online_and_writes_them_later() {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    log.write_epochs(&[(LeaderEpoch(0), Offset(0))]);
    let batches: Vec<_> = (0..20).map(|n| batch(n, 1, 150, n)).collect();
    for (n, batch) in batches.iter().enumerate() {
        append(&mut log, batch.clone());
        if n % 5 == 4 {
            // Only the small file beside the log finds no space.
            disk.fail(|_, op, _| (op == Op::Create).then_some(Fault::NoSpace { after: 0 }));
            for together in [false, true] {
                let Some(ticket) = log.flush_ticket() else { continue };
                let flushed = match together {
                    false => ticket.run(),
                    true => run_together(vec![ticket], &log.shared.env.fs).remove(0),
                };
                assert_eq!(log.flushed(flushed.unwrap()).offset, Offset(n as i64 + 1));
            }
            assert_eq!(
                log.recovery_point(),
                Offset(n as i64 + 1),
                "no file: the next start reads everything"
            );
            disk.heal();
        }
    }
    assert!(!log.is_offline() && disk.bytes(&dir().join("leader-epoch-checkpoint")).is_none());
    flush(&mut log);
    assert!(log.is_flushed() && disk.bytes(&dir().join("leader-epoch-checkpoint")).is_some());
    let (log, _) = open(sim_env(&disk.crash(1)), &dir(), unclean(Offset(0)));
    assert_same(&read_all(&log.view()), &batches);
}

#[test]
fn faults_29_what_a_failed_flush_has_lost_is_not_read_from_memory_by_the_next_start() {
    for together in [false, true] {
        let disk = SimDisk::new();
        let mut log = lazy(sim_env(&disk), &dir());
        append(&mut log, batch(0, 1, 100, 0));
        flush(&mut log);
        append(&mut log, batch(1, 1, 100, 0));
        disk.fail(|_, op, _| matches!(op, Op::SyncData | Op::SyncFs).then_some(Fault::Io));
        let ticket = log.flush_ticket().unwrap();
        if together {
            // What is written to another file meanwhile is lost with the rest.
            log.roll(&[], NOW).unwrap();
            append(&mut log, batch(2, 1, 100, 0));
        }
        let outcome = match together {
            false => ticket.run(),
            true => run_together(vec![ticket], &log.shared.env.fs).remove(0),
        };
        assert!(outcome.is_err());
        log.poison();
        disk.heal();
        // The process ends, the machine does not; then it does.
        let disk = disk.kill();
        let (mut log, _) = open(sim_env(&disk), &dir(), unclean(Offset(0)));
        flush(&mut log);
        let flushed = log.flushed_to().offset;
        assert_eq!((flushed, read_all(&log.view()).len()), (Offset(1), 1), "only what the disk has");
        let (log, _) = open(sim_env(&disk.crash(1)), &dir(), unclean(Offset(0)));
        assert_eq!(
            log.log_end().offset,
            flushed,
            "what was flushed after the restart is there after a power cut"
        );
    }
}

#[test]
fn faults_29_a_log_that_others_have_flushed_in_vain_hears_of_it_from_its_own_file() {
    let disk = SimDisk::new();
    let env = sim_env(&disk);
    let mut logs: Vec<_> = (0..2).map(|n| lazy(env.clone(), format!("/t-{n}").as_ref())).collect();
    logs.iter_mut().for_each(|log| append(log, batch(0, 1, 100, 0)));
    disk.fail(|_, op, _| (op == Op::SyncFs).then_some(Fault::Io));
    let ticket = logs[0].flush_ticket().unwrap();
    assert!(run_together(vec![ticket], &env.fs).remove(0).is_err());
    assert!(logs[1].flush_ticket().unwrap().run().is_err(), "its batch is not on the disk");
}
