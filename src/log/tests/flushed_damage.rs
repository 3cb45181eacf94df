//! Damage to what was flushed: it is told from a torn tail by the recovery point, and nothing is taken away (FAULTS 22).

use std::collections::BTreeMap;
use std::path::PathBuf;

use gracchus_base::Offset;
use gracchus_wire::records::header::crc_matches;
use gracchus_wire::records::{Batch, BatchHeader};

use super::support::*;
use crate::error::ReadError;
use crate::fs::Disk;
use crate::fs::sim::SimDisk;
use crate::log::RecoveryStart;
use crate::view::LogView;

const BATCHES: i64 = 60;

/// Bytes of a region that is zeroed.
const REGION: usize = 450;

/// A log of several segments whose batches have three records each, all of it flushed; closed in good order or not.
fn flushed_log(closed: bool) -> (SimDisk, Vec<Batch>) {
    let disk = SimDisk::new();
    let mut log = lazy(sim_env(&disk), &dir());
    let batches: Vec<_> =
        (0..BATCHES).map(|n| batch(n * 3, 3, 60 + (n as usize * 13) % 50, 100 + n)).collect();
    batches.iter().cloned().for_each(|batch| append(&mut log, batch));
    flush(&mut log);
    if closed {
        close(&mut log, &[]);
    }
    (disk, batches)
}

fn log_files(disk: &SimDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let names = disk.list(&dir()).unwrap().into_iter().map(|entry| dir().join(entry.name));
    let logs = names.filter(|path| path.extension().is_some_and(|e| e == "log"));
    logs.map(|path| (path.clone(), disk.bytes(&path).unwrap())).collect()
}

/// Where each batch stands: its file, and its place there.
fn places(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<(PathBuf, usize, usize)> {
    let mut places = Vec::new();
    for (path, bytes) in files {
        let mut at = 0;
        while let Ok(header) = BatchHeader::parse(&bytes[at..]) {
            places.push((path.clone(), at, header.total_bytes()));
            at += header.total_bytes();
        }
    }
    places
}

/// The batch that a reader finds at an offset: `None` if it is told of damage, or finds it by the batch's CRC.
fn read_at(view: &LogView, offset: Offset) -> Option<Batch> {
    let range = match view.read(offset, view.log_end(), 100, true) {
        Ok(range) => range.expect("there is something below the end"),
        Err(ReadError::Corrupt { .. }) => return None,
        Err(other) => panic!("{other}"),
    };
    let bytes = range.read_all().unwrap();
    let header = BatchHeader::parse(&bytes).unwrap();
    let whole = bytes.slice(..header.total_bytes());
    crc_matches(&header, &whole).then(|| Batch { header, body: whole.slice(61..) })
}

/// Batches that lie outside of the region and cannot be read all the same.
fn unread(view: &LogView, batches: &[Batch], harmed: &[bool]) -> Vec<usize> {
    let mut unread = Vec::new();
    for (n, (batch, harmed)) in batches.iter().zip(harmed).enumerate() {
        for offset in batch.header.base_offset.0..batch.header.next_offset().0 {
            match read_at(view, Offset(offset)) {
                Some(found) if *harmed => assert!(found.header.base_offset > batch.header.base_offset),
                Some(found) => assert_same(&[found], std::slice::from_ref(batch)),
                None if !harmed && !unread.contains(&n) => unread.push(n),
                None => {}
            }
        }
    }
    unread
}

/// The starts that know that everything was flushed; without a clean stop, also with the indexes gone.
fn cases() -> [(bool, bool, RecoveryStart); 4] {
    let end = Offset(BATCHES * 3);
    let marker = RecoveryStart { recovery_point: end, ..clean() };
    [(true, false, marker), (true, true, marker), (false, false, unclean(end)), (false, true, unclean(end))]
}

#[test]
fn faults_22_a_zeroed_region_that_was_flushed_takes_nothing_else_with_it_and_no_offset_is_used_twice() {
    let mut refound = 0;
    for (closed, without_indexes, start) in cases() {
        let (disk, batches) = flushed_log(closed);
        let whole = log_files(&disk);
        let places = places(&whole);
        assert_eq!(places.len(), batches.len());
        for (path, from, _) in places.iter().step_by(2) {
            let disk = disk.kill();
            // It begins inside a batch, or with one.
            let from = from + refound % 2 * 30;
            disk.change(path, |bytes| bytes.iter_mut().skip(from).take(REGION).for_each(|byte| *byte = 0));
            if without_indexes {
                let names = disk.list(&dir()).unwrap().into_iter().map(|entry| dir().join(entry.name));
                let indexes = names.filter(|p| p.to_str().is_some_and(|p| p.ends_with("index")));
                indexes.for_each(|index| disk.remove_file(&index).unwrap());
            }
            println!("{} {from} {start:?} {without_indexes}", path.display());
            let damaged = log_files(&disk);
            // Some bytes are zeros anyway.
            let is_harmed = |file: &PathBuf, at: usize, len| {
                whole.get(file).map(|bytes| &bytes[at..at + len]) != Some(&damaged[file][at..at + len])
            };
            let harmed: Vec<_> = places.iter().map(|(file, at, len)| is_harmed(file, *at, *len)).collect();

            let (mut log, _) = open(sim_env(&disk), &dir(), start);
            assert_eq!(log.log_end().offset, Offset(BATCHES * 3), "offsets go on behind the old end");
            let unread_then = unread(&log.view(), &batches, &harmed);
            let behind = harmed.iter().rposition(|harmed| *harmed).unwrap_or(0) + 1;
            // With indexes that stand as they are, what lies between the damage and the next entry is not led to.
            let few = unread_then.iter().all(|n| places[*n].0 == *path && (behind..behind + 4).contains(n));
            assert!(few && (unread_then.is_empty() || !without_indexes), "{unread_then:?}");
            refound += usize::from(unread_then.is_empty());

            append(&mut log, batch(BATCHES * 3, 1, 50, 500));
            flush(&mut log);
            assert!(!log.is_offline());
            for (path, bytes) in &damaged {
                let now = disk.bytes(path).unwrap();
                assert!(now.starts_with(bytes), "{} is not as it was", path.display());
            }
            for start in [unclean(Offset(BATCHES * 3 + 1)), unclean(Offset(BATCHES * 3))] {
                let (again, _) = open(sim_env(&disk.crash(from as u64)), &dir(), start);
                assert_eq!(again.log_end().offset, Offset(BATCHES * 3 + 1));
                unread(&again.view(), &batches, &harmed);
                let appended = read_at(&again.view(), Offset(BATCHES * 3)).expect("the new batch");
                assert_same(&[appended], &[batch(BATCHES * 3, 1, 50, 500)]);
            }
        }
    }
    assert!(refound > 60, "{refound}");
}

#[test]
fn faults_22_a_recovery_point_that_no_segment_could_reach_is_not_believed() {
    let (disk, batches) = flushed_log(false);
    let (path, from, _) = places(&log_files(&disk)).pop().unwrap();
    disk.change(&path, |bytes| bytes.iter_mut().skip(from).for_each(|byte| *byte = 0));
    let (log, _) = open(sim_env(&disk), &dir(), unclean(Offset(i64::from(i32::MAX) * 9)));
    assert_eq!(log.log_end().offset, batches[BATCHES as usize - 1].header.base_offset);
}
