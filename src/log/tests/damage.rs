//! Files that were damaged while the log was closed.

use std::path::{Path, PathBuf};

use gracchus_base::{Entropy, LeaderEpoch, Offset, Timestamp};
use gracchus_wire::records::Batch;

use super::support::*;
use crate::error::{OpenError, ReadError};
use crate::fs::sim::SimDisk;
use crate::fs::{Disk, Fs};
use crate::log::{Log, RecoveryStart};
use crate::recovery::Recovered;

const BATCHES: i64 = 60;

fn timestamp(n: i64) -> i64 {
    (n * 37) % 50 + n
}

/// A log of several segments and two epochs, closed in good order.
fn closed_log() -> (SimDisk, Vec<Batch>) {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let of = |n: i64| epoch_batch(n, 1, 60 + (n as usize * 13) % 50, timestamp(n), i32::from(n >= 30));
    let batches: Vec<_> = (0..BATCHES).map(of).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    log.write_epochs(&[(LeaderEpoch(0), Offset(0)), (LeaderEpoch(1), Offset(30))]);
    close(&mut log, &[]);
    (disk, batches)
}

fn files(disk: &SimDisk) -> Vec<PathBuf> {
    disk.list(&dir()).unwrap().into_iter().map(|entry| dir().join(entry.name)).collect()
}

fn last_log_file(disk: &SimDisk) -> PathBuf {
    files(disk).into_iter().filter(|path| path.extension().is_some_and(|e| e == "log")).max().unwrap()
}

fn starts() -> [RecoveryStart; 4] {
    let marker = RecoveryStart { recovery_point: Offset(BATCHES), ..clean() };
    [clean(), marker, unclean(Offset(0)), unclean(Offset(50))]
}

/// Whole answers: batches, times, epochs.
fn check_all(log: &Log, seen: &[Recovered], batches: &[Batch]) {
    let view = log.view();
    assert_same(&read_all(&view), batches);
    for wanted in (0..120).step_by(7) {
        let found = view.lookup_timestamp(Timestamp(wanted), Offset(0)).unwrap();
        let expected = (0..BATCHES).find(|n| timestamp(*n) >= wanted);
        assert_eq!(found.map(|f| f.header.base_offset.0), expected, "at {wanted}");
    }
    let max = (0..BATCHES).max_by_key(|n| (timestamp(*n), -n)).map(Offset);
    assert_eq!(view.max_timestamp().unwrap().map(|f| f.header.base_offset), max);
    let epochs = [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(1), Offset(30))];
    assert!(matches!(&seen[seen.len() - 1], Recovered::Epochs(e) if *e == epochs), "{seen:?}");
}

#[test]
fn faults_23_a_torn_tail_is_cut_at_the_first_bad_batch() {
    let (disk, batches) = closed_log();
    let path = last_log_file(&disk);
    let tail = bytes_of(&batches[BATCHES as usize - 1]);
    let random = |n: usize| Entropy::seeded(n as u64).next_u64() as u8;
    type Damage = Box<dyn Fn(&mut Vec<u8>, usize)>;
    let damages: [(&str, Damage); 5] = [
        ("cut", Box::new(|bytes, k| bytes.truncate(bytes.len() - k))),
        ("zeros", Box::new(|bytes, k| bytes.iter_mut().rev().take(k).for_each(|b| *b = 0))),
        (
            "random",
            Box::new(move |bytes, k| {
                bytes.iter_mut().rev().take(k).enumerate().for_each(|(n, b)| *b = random(n))
            }),
        ),
        ("zeros behind", Box::new(|bytes, k| bytes.resize(bytes.len() + k, 0))),
        ("duplicate", Box::new(move |bytes, k| bytes.extend(&tail[tail.len().saturating_sub(k)..]))),
    ];
    for (name, damage) in &damages {
        for k in [1, 2, 10, 60, 61, 62, 100, 130, 150, 400] {
            // Where the checkpoint says that the tail was flushed, it is not torn: see FAULTS 22.
            for start in starts().into_iter().filter(|start| start.recovery_point < Offset(BATCHES)) {
                let disk = disk.kill();
                disk.change(&path, |bytes| damage(bytes, k));
                let (mut log, _) = open(sim_env(&disk), &dir(), start);
                let there = read_all(&log.view());
                let harmed =
                    if name.contains("behind") || *name == "duplicate" { 0 } else { k.div_ceil(121) + 1 };
                assert!(there.len() + harmed >= batches.len(), "{name} {k} {start:?}: {}", there.len());
                assert_same(&there, &batches[..there.len()]);
                let end = log.log_end().offset;
                assert_eq!(end, Offset(there.len() as i64));
                let left = disk.bytes(&last_log_file(&disk)).unwrap().len();
                assert_eq!(left, log.log_end().position as usize, "what is torn is cut off the file");
                append(&mut log, epoch_batch(end.0, 1, 80, 500, 2));
                flush(&mut log);
                let (again, _) = open(sim_env(&disk.crash(k as u64)), &dir(), unclean(Offset(0)));
                assert_eq!(again.log_end().offset, end.plus(1));
                assert_eq!(read_all(&again.view()).len(), there.len() + 1);
            }
        }
    }
}

#[test]
fn faults_24_lost_zeroed_and_garbled_sidecars_change_no_answer() {
    let (disk, batches) = closed_log();
    type Damage = fn(&SimDisk, &Path);
    let damages: [(&str, Damage); 6] = [
        ("lost", |disk, path| disk.remove_file(path).unwrap()),
        ("empty", |disk, path| disk.change(path, Vec::clear)),
        ("zeros", |disk, path| disk.change(path, |bytes| bytes.fill(0))),
        ("zeros behind", |disk, path| disk.change(path, |bytes| bytes.resize(bytes.len() + 4800, 0))),
        ("odd", |disk, path| disk.change(path, |bytes| bytes.truncate(bytes.len().saturating_sub(3)))),
        ("garbled", |disk, path| {
            let chance = Entropy::seeded(9);
            disk.change(path, |bytes| bytes.iter_mut().for_each(|b| *b = chance.next_u64() as u8));
        }),
    ];
    let mut cases = 0;
    for path in files(&disk).iter().filter(|path| path.extension().is_none_or(|e| e != "log")) {
        for (name, damage) in damages {
            for start in starts() {
                let disk = disk.kill();
                damage(&disk, path);
                // Shown if it fails.
                println!("{name} {} {start:?}", path.display());
                let (log, seen) = open(sim_env(&disk), &dir(), start);
                check_all(&log, &seen, &batches);
                let (log, seen) = open(sim_env(&disk.kill()), &dir(), start);
                check_all(&log, &seen, &batches);
                cases += 1;
                assert!(!log.is_offline(), "{name} {}", path.display());
            }
        }
    }
    assert!(cases > 200);
}

#[test]
fn faults_24_one_wrong_index_entry_leads_nowhere_wrong() {
    let (disk, batches) = closed_log();
    let indexes = files(&disk).into_iter().filter(|path| path.extension().is_some_and(|e| e == "index"));
    for path in indexes {
        let entries = disk.bytes(&path).unwrap().len() / 8;
        for entry in 0..entries {
            let disk = disk.kill();
            disk.change(&path, |bytes| bytes[entry * 8 + 4..entry * 8 + 8].copy_from_slice(&[0, 0, 1, 7]));
            for start in starts() {
                let (log, _) = open(sim_env(&disk), &dir(), start);
                assert_same(&read_all(&log.view()), &batches);
            }
        }
    }
}

#[test]
fn faults_21_a_flipped_bit_in_a_sealed_segment_harms_no_other_batch() {
    let (disk, batches) = closed_log();
    let first = dir().join("00000000000000000000.log");
    disk.change(&first, |bytes| bytes[16] ^= 1);
    let (log, _) = open(sim_env(&disk), &dir(), clean());
    let view = log.view();
    assert_eq!(log.log_end().offset, Offset(BATCHES), "nothing is cut off a sealed segment");
    let read = view.read(Offset(0), view.log_end(), 1000, true);
    assert!(matches!(read, Err(ReadError::Corrupt { segment: Offset(0), position: 0 })), "{read:?}");
    let next = log.bases().nth(1).unwrap();
    let range = view.read(next, view.log_end(), 100, true).unwrap().unwrap();
    assert!(range.read_all().unwrap().starts_with(&bytes_of(&batches[next.0 as usize])[..61]));
}

#[test]
fn a_directory_of_another_topic_is_not_opened() {
    let (disk, _) = closed_log();
    let other = gracchus_base::TopicId([8; 16]);
    let opened = Log::open(dir(), other, config(), sim_env(&disk), clean(), &mut |_| {});
    assert!(matches!(opened, Err(OpenError::TopicId { found: TOPIC_ID, .. })));
}

#[test]
fn what_an_earlier_run_left_half_done_is_put_in_order() {
    let (disk, batches) = closed_log();
    let fs = Fs::new(disk.clone());
    // A compacted segment that was about to replace the first two: here with the same batches.
    let bases: Vec<_> =
        files(&disk).iter().filter(|p| p.extension().is_some_and(|e| e == "log")).cloned().collect();
    let merged = [disk.bytes(&bases[0]).unwrap(), disk.bytes(&bases[1]).unwrap()].concat();
    let swap = fs.create(&dir().join("00000000000000000000.log.swap")).unwrap();
    crate::fs::write_all(&*swap, 0, &merged).unwrap();
    for name in
        ["00000000000000000030.log.deleted", "00000000000000000030.log.cleaned", "00000000000000000099.index"]
    {
        fs.create(&dir().join(name)).unwrap();
    }
    let (log, _) = open(sim_env(&disk), &dir(), clean());
    assert_same(&read_all(&log.view()), &batches);
    assert_eq!(log.bases().count(), bases.len() - 1);
    let left = files(&disk);
    assert!(left.iter().all(|path| !path.to_string_lossy().contains("swap") && !path.ends_with("99.index")));
}

#[test]
fn a_log_that_ends_before_its_start_begins_anew_there() {
    let (disk, _) = closed_log();
    let start = RecoveryStart { log_start: Offset(100), ..clean() };
    let (mut log, _) = open(sim_env(&disk), &dir(), start);
    assert_eq!((log.log_start(), log.log_end().offset), (Offset(100), Offset(100)));
    append(&mut log, batch(100, 1, 10, 0));
    assert_eq!(read_all(&log.view()).len(), 1);
}
