//! Files with anything in them: nothing panics, nothing hangs, and what is read is bounded by what is there.

use std::path::PathBuf;

use gracchus_base::{Entropy, LeaderEpoch, Offset, Timestamp};
use gracchus_wire::records::BatchHeader;

use super::support::*;
use crate::fs::sim::SimDisk;
use crate::fs::{Disk, Fs};
use crate::log::{Log, RecoveryStart};
use crate::verify::{Known, partition};
use crate::view::LogView;

/// A log of several segments with everything beside it.
fn closed_log() -> SimDisk {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    (0..60).for_each(|n| append(&mut log, epoch_batch(n, 1, 80, n * 37 % 50 + n, i32::from(n >= 30))));
    log.write_epochs(&[(LeaderEpoch(0), Offset(0)), (LeaderEpoch(1), Offset(30))]);
    close(&mut log, &[]);
    disk
}

/// Damages one file in one way.
fn damage(disk: &SimDisk, files: &[PathBuf], chance: &Entropy) {
    let below = |end: usize| (chance.next_u64() as usize).checked_rem(end).unwrap_or(0);
    let path = &files[below(files.len())];
    let other = disk.bytes(&files[below(files.len())]).unwrap_or_default();
    let strange = [0, 1, 0x7f, 0x80, 0xff][below(5)];
    disk.change(path, |bytes| {
        let at = below(bytes.len());
        match below(8) {
            0 => bytes.truncate(at),
            1 => bytes.extend((0..below(500)).map(|_| chance.next_u64() as u8)),
            2 => bytes.resize(bytes.len() + below(5000), 0),
            3 => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = strange),
            4 => bytes.iter_mut().skip(at).take(600).for_each(|byte| *byte = strange),
            5 => *bytes = other,
            6 => drop(bytes.splice(at.., other)),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << below(8)),
        }
    });
}

/// Reads and looks up whatever can be found.
fn use_everything(view: &LogView) {
    let mut at = view.log_start();
    while let Ok(Some(range)) = view.read(at, view.log_end(), 700, true) {
        let Ok(bytes) = range.read_all() else { break };
        assert!(bytes.len() as u64 <= view.size_bytes(), "no more is read than is there");
        match BatchHeader::parse(&bytes) {
            Ok(header) if header.next_offset() > at => at = header.next_offset(),
            _ => break,
        }
    }
    for wanted in [i64::MIN, -1, 0, 30, i64::MAX] {
        drop(view.lookup_timestamp(Timestamp(wanted), view.log_start()));
    }
    for offset in [0, 15, 30, 59, 60, i64::MAX] {
        drop(view.position_of(Offset(offset)));
    }
    drop(view.max_timestamp());
}

#[test]
fn faults_24_whatever_stands_in_the_files_a_start_ends_and_reads_end() {
    let whole = closed_log();
    let names = whole.list(&dir()).unwrap().into_iter().map(|entry| dir().join(entry.name));
    let mut files: Vec<_> = names.collect();
    files.sort();
    let mut opened = 0;
    for seed in 0..1500 {
        let chance = Entropy::seeded(seed);
        let disk = whole.kill();
        for _ in 0..1 + chance.next_u64() % 3 {
            damage(&disk, &files, &chance);
        }
        let known = Known { flushed: Offset(chance.next_u64() as i64), compacted: false };
        partition(&Fs::new(disk.clone()), &dir(), known, &mut |_| {});
        let start = RecoveryStart {
            clean_shutdown: chance.next_u64().is_multiple_of(2),
            recovery_point: Offset((chance.next_u64() % 70) as i64),
            log_start: Offset((chance.next_u64() % 10) as i64),
        };
        let Ok(mut log) = Log::open(dir(), TOPIC_ID, config(), sim_env(&disk), start, &mut |_| {}) else {
            continue;
        };
        opened += 1;
        use_everything(&log.view());
        let end = log.log_end().offset;
        append(&mut log, epoch_batch(end.0, 1, 80, 500, 2));
        flush(&mut log);
        let (again, _) = open(sim_env(&disk.crash(seed)), &dir(), unclean(log.recovery_point()));
        assert_eq!(again.log_end().offset, end.plus(1), "seed {seed}: what is appended afterwards is kept");
    }
    assert!(opened > 1000, "{opened}");
}
