//! What `gracchus verify` finds, and what it does not touch.

use std::path::{Path, PathBuf};

use gracchus_base::{LeaderEpoch, Offset};

use super::support::*;
use crate::fs::sim::SimDisk;
use crate::fs::{Disk, Fs};
use crate::verify::{Known, Problem, Totals, data_dir, partition};

const BATCHES: i64 = 60;

/// A log of several segments and two epochs, closed in good order.
fn closed_log() -> SimDisk {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    for n in 0..BATCHES {
        append(&mut log, epoch_batch(n, 1, 60 + (n as usize * 13) % 50, n, i32::from(n >= 30)));
    }
    log.write_epochs(&[(LeaderEpoch(0), Offset(0)), (LeaderEpoch(1), Offset(30))]);
    close(&mut log, &[]);
    disk
}

fn files(disk: &SimDisk, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        disk.list(&dir()).unwrap().into_iter().map(|entry| dir().join(entry.name)).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// What is found in the partition, without the paths.
fn problems(disk: &SimDisk, flushed: Offset) -> (Totals, Vec<(PathBuf, Problem)>) {
    let before = disk.ops();
    let mut found = Vec::new();
    let known = Known { flushed, compacted: false };
    let totals = partition(&Fs::new(disk.clone()), &dir(), known, &mut |f| found.push((f.path, f.problem)));
    assert_eq!(disk.ops(), before, "nothing is changed");
    (totals, found)
}

#[test]
fn faults_21_verify_names_file_position_and_offset_of_every_flipped_bit_in_a_batch() {
    let disk = closed_log();
    let (totals, found) = problems(&disk, Offset(BATCHES));
    assert_eq!(found, []);
    let segments = files(&disk, ".log");
    assert_eq!((totals.batches, totals.segments), (BATCHES as u64, segments.len() as u64));
    for path in &segments {
        let len = disk.bytes(path).unwrap().len();
        for bit in (0..len * 8).step_by(7) {
            let disk = disk.kill();
            disk.change(path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let (_, found) = problems(&disk, Offset(BATCHES));
            let here = |(at, problem): &(PathBuf, Problem)| at == path && problem.is_damage();
            // An epoch is not covered by the CRC: the checkpoint beside it tells, if it is another one then.
            let epoch = found.iter().any(|(at, _)| at.ends_with("leader-epoch-checkpoint"));
            let in_epoch = (12..16).contains(&(position_in_batch(&disk, path, bit / 8)));
            assert!(
                found.iter().any(here) || epoch || in_epoch,
                "bit {bit} of {}: {found:?}",
                path.display()
            );
        }
    }
}

/// How far behind the start of its batch a byte lies.
fn position_in_batch(disk: &SimDisk, path: &Path, at: usize) -> usize {
    let bytes = disk.bytes(path).unwrap();
    let mut start = 0;
    loop {
        let length = u32::from_be_bytes(bytes[start + 8..start + 12].try_into().unwrap()) as usize;
        match start + 12 + length {
            end if end <= at && end < bytes.len() => start = end,
            _ => return at - start,
        }
    }
}

#[test]
fn faults_24_verify_finds_wrong_entries_and_garbled_files_beside_the_log() {
    let disk = closed_log();
    for ending in [".index", ".timeindex"] {
        for path in files(&disk, ending) {
            let entry = if ending == ".index" { 8 } else { 12 };
            let entries = disk.bytes(&path).unwrap().len() / entry;
            for n in 0..entries {
                let disk = disk.kill();
                disk.change(&path, |bytes| bytes[n * entry + entry - 1] ^= 1);
                let (_, found) = problems(&disk, Offset(BATCHES));
                assert!(
                    found.iter().any(|(at, _)| *at == path),
                    "entry {n} of {}: {found:?}",
                    path.display()
                );
            }
            let disk = disk.kill();
            disk.change(&path, |bytes| bytes.push(1));
            assert_eq!(problems(&disk, Offset(BATCHES)).1, [(path.clone(), Problem::OddBytes(1))]);
        }
    }
    for name in ["leader-epoch-checkpoint", "partition.metadata"] {
        let disk = disk.kill();
        let path = dir().join(name);
        disk.change(&path, |bytes| bytes[0] ^= 0x55);
        assert_eq!(problems(&disk, Offset(BATCHES)).1, [(path, Problem::Garbled)]);
    }
    let snapshots = files(&disk, ".snapshot");
    assert!(!snapshots.is_empty());
    for path in snapshots {
        let disk = disk.kill();
        disk.change(&path, |bytes| bytes[5] ^= 1);
        assert_eq!(problems(&disk, Offset(BATCHES)).1, [(path, Problem::Garbled)]);
    }
    let epochs = dir().join("leader-epoch-checkpoint");
    disk.change(&epochs, |bytes| *bytes = b"0\n2\n0 0\n1 31\n".to_vec());
    let expected = Problem::Epoch { epoch: LeaderEpoch(1), start: Offset(30) };
    assert_eq!(problems(&disk, Offset(BATCHES)).1, [(epochs, expected)]);
}

#[test]
fn faults_23_a_torn_tail_is_damage_only_where_it_was_flushed() {
    let disk = closed_log();
    let last = files(&disk, ".log").pop().unwrap();
    disk.change(&last, |bytes| bytes.truncate(bytes.len() - 3));
    let found = |flushed| problems(&disk, Offset(flushed)).1.remove(0).1;
    assert!(matches!(found(BATCHES), Problem::NotABatch { offset: Offset(59), .. }));
    let torn = found(BATCHES - 1);
    assert!(matches!(torn, Problem::Torn { .. }) && !torn.is_damage(), "{torn}");
    // In the middle of the log a tail is never torn by a crash.
    let first = files(&disk, ".log").remove(0);
    disk.change(&first, |bytes| bytes.truncate(bytes.len() - 3));
    assert!(problems(&disk, Offset(0)).1.iter().any(|(path, problem)| *path == first && problem.is_damage()));
}

#[test]
fn a_segment_that_is_gone_is_missed() {
    let disk = closed_log();
    let second = files(&disk, ".log").remove(1);
    disk.remove_file(&second).unwrap();
    let (_, found) = problems(&disk, Offset(BATCHES));
    assert!(found.iter().any(|(_, problem)| matches!(problem, Problem::Offset { .. })), "{found:?}");
}

#[test]
fn kafkas_own_directory_is_whole() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kafka-4.3.1-ledger-0");
    let mut found = Vec::new();
    let known = Known { flushed: Offset(i64::MAX), compacted: false };
    let totals = partition(&Fs::real(), &fixtures, known, &mut |finding| found.push(finding));
    assert_eq!(found, []);
    assert_eq!((totals.partitions, totals.segments), (1, 3));
}

#[test]
fn a_data_directory_is_checked_with_its_checkpoints() {
    let disk = closed_log();
    let fs = Fs::new(disk.clone());
    let check = || {
        let mut found = Vec::new();
        let totals = data_dir(&fs, Path::new("/"), &mut |finding| found.push(finding)).unwrap();
        (totals.partitions, found)
    };
    assert_eq!(check(), (1, Vec::new()));
    let checkpoint = Path::new("/recovery-point-offset-checkpoint");
    let file = fs.create(checkpoint).unwrap();
    crate::fs::write_all(&*file, 0, b"0\n1\nt 0 60\n").unwrap();
    let last = files(&disk, ".log").pop().unwrap();
    disk.change(&last, |bytes| *bytes.last_mut().unwrap() ^= 1);
    let (_, found) = check();
    assert!(matches!(found[0].problem, Problem::Crc { offset: Offset(59), .. }), "{found:?}");
    disk.change(checkpoint, |bytes| bytes[0] = b'x');
    let (_, found) = check();
    assert_eq!((&*found[0].path, &found[0].problem), (checkpoint, &Problem::Garbled));
    assert!(matches!(found[1].problem, Problem::Torn { .. }), "nothing says that it was flushed: {found:?}");
}
