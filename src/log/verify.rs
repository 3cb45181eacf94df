//! Looks at everything in a data directory and changes nothing: `gracchus verify`.
//!
//! A start believes most of what it finds: sealed segments, their indexes, what lies before the recovery point. Here every
//! batch is read, and every entry of every file beside them is compared with the batches. Memory does not depend on the
//! size of the files, except for a few bytes for each leader epoch.

mod segment;

use std::io;
use std::path::{Path, PathBuf};

use gracchus_base::{LeaderEpoch, Offset, Timestamp};

use crate::checkpoint::Checkpoint;
use crate::dir::{DirError, has_clean_marker};
use crate::fs::Fs;
use crate::names::{EPOCH_CHECKPOINT, Kind, PARTITION_METADATA, parse_partition_dir, parse_segment_file};
use crate::{checkpoint, epoch_checkpoint, meta_properties, partition_metadata, producer_snapshot};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    pub problem: Problem,
}

/// What is wrong with a file. Positions are bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("position {position}: no batch begins here, where offset {offset} is due")]
    NotABatch { position: u64, offset: Offset },
    #[error("position {position}: the batch of offset {offset} does not have its CRC")]
    Crc { position: u64, offset: Offset },
    #[error("position {position}: offset {offset} although offset {due} is due")]
    Offset { position: u64, offset: Offset, due: Offset },
    #[error(
        "position {position}: {bytes} bytes that were not flushed are no whole batch; the next start cuts them off"
    )]
    Torn { position: u64, bytes: u64 },
    #[error("the file is larger than a segment can be")]
    TooLarge,
    #[error(
        "entry {entry}: offset {offset} is not the last of a batch at position {position} of the segment"
    )]
    IndexEntry { entry: u32, offset: Offset, position: u32 },
    #[error("entry {entry}: {timestamp} is not the largest timestamp up to the batch of offset {offset}")]
    TimeEntry { entry: u32, timestamp: Timestamp, offset: Offset },
    #[error("{0} bytes at the end are no whole entry")]
    OddBytes(u64),
    #[error("epoch {epoch}, which begins at offset {start}, is not in it")]
    Epoch { epoch: LeaderEpoch, start: Offset },
    #[error("its content makes no sense")]
    Garbled,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl Problem {
    /// Whether no crash can explain it. One that can is a tail that was not flushed.
    pub const fn is_damage(&self) -> bool {
        !matches!(self, Self::Torn { .. })
    }
}

/// What the data directory says of a partition.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What lies before it was flushed.
    pub flushed: Offset,
    /// It was compacted: missing offsets mean nothing.
    pub compacted: bool,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub partitions: u64,
    pub segments: u64,
    pub batches: u64,
    /// Of all segments.
    pub bytes: u64,
}

/// Where findings go.
struct Report<'a> {
    totals: Totals,
    tell: &'a mut dyn FnMut(Finding),
}

impl Report<'_> {
    fn add(&mut self, path: &Path, problem: Problem) {
        (self.tell)(Finding { path: path.to_owned(), problem });
    }

    /// The outcome of reading a file; a failure is a finding.
    fn read<T>(&mut self, path: &Path, outcome: io::Result<T>) -> Option<T> {
        outcome.map_err(|error| self.add(path, Problem::Unreadable(error.to_string()))).ok()
    }
}

/// Checks a data directory with all partitions in it. What a running broker writes meanwhile may be found torn.
///
/// # Errors
/// The directory itself cannot be read.
pub fn data_dir(fs: &Fs, dir: &Path, tell: &mut dyn FnMut(Finding)) -> io::Result<Totals> {
    let mut entries = fs.list(dir)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut report = Report { totals: Totals::default(), tell };
    if let Err(error) = meta_properties::read(fs, dir) {
        let problem = match error {
            DirError::Io { error, .. } => Problem::Unreadable(error.to_string()),
            _ => Problem::Garbled,
        };
        report.add(&dir.join(meta_properties::FILE), problem);
    }
    let (mut recovery_points, mut cleaned) = (Vec::new(), Vec::new());
    for which in Checkpoint::ALL {
        let path = dir.join(which.file_name());
        let there = fs.stat_if_there(&path)?.is_some();
        match report.read(&path, checkpoint::read(fs, dir, which)) {
            Some(Some(offsets)) if which == Checkpoint::RecoveryPoint => recovery_points = offsets,
            Some(Some(offsets)) if which == Checkpoint::Cleaner => cleaned = offsets,
            Some(None) if there => report.add(&path, Problem::Garbled),
            _ => {}
        }
    }
    let clean = has_clean_marker(fs, dir)?;
    for entry in entries.iter().filter(|entry| entry.is_dir) {
        let Some(name) = parse_partition_dir(&entry.name) else { continue };
        let checkpointed = recovery_points.iter().find(|(partition, _)| *partition == name);
        let flushed = match (clean, checkpointed) {
            (true, _) => Offset(i64::MAX),
            (false, Some((_, offset))) => *offset,
            (false, None) => Offset::ZERO,
        };
        let compacted = cleaned.iter().any(|(partition, _)| *partition == name);
        check_partition(fs, &dir.join(&entry.name), Known { flushed, compacted }, &mut report);
    }
    Ok(report.totals)
}

/// Checks the directory of one partition.
pub fn partition(fs: &Fs, dir: &Path, known: Known, tell: &mut dyn FnMut(Finding)) -> Totals {
    let mut report = Report { totals: Totals::default(), tell };
    check_partition(fs, dir, known, &mut report);
    report.totals
}

fn check_partition(fs: &Fs, dir: &Path, known: Known, report: &mut Report<'_>) {
    let Some(entries) = report.read(dir, fs.list(dir)) else { return };
    report.totals.partitions = report.totals.partitions.saturating_add(1);
    let names: Vec<_> = entries.into_iter().filter(|entry| !entry.is_dir).map(|entry| entry.name).collect();
    let mut segments: Vec<_> = names
        .iter()
        .filter_map(|name| parse_segment_file(name))
        .filter(|(_, kind)| *kind == Kind::Log)
        .map(|(base, _)| base)
        .collect();
    segments.sort_unstable();
    let mut walk = segment::Walk::new(fs, dir, known);
    for (n, base) in segments.iter().enumerate() {
        let is_last = n.saturating_add(1) == segments.len();
        walk.check(*base, is_last, report);
    }
    check_small_files(fs, dir, &names, report);
    check_epochs(fs, dir, &names, &walk.epochs, report);
}

fn check_small_files(fs: &Fs, dir: &Path, names: &[String], report: &mut Report<'_>) {
    for name in names {
        let path = dir.join(name);
        let makes_sense = match parse_segment_file(name) {
            Some((_, Kind::Snapshot)) => {
                report.read(&path, producer_snapshot::read(fs, &path)).map(|s| s.is_some())
            }
            _ if name == PARTITION_METADATA => {
                report.read(&path, partition_metadata::read(fs, dir)).map(|id| id.is_some())
            }
            _ => continue,
        };
        if makes_sense == Some(false) {
            report.add(&path, Problem::Garbled);
        }
    }
}

/// The epochs of the batches must be in the checkpoint.
fn check_epochs(
    fs: &Fs,
    dir: &Path,
    names: &[String],
    epochs: &[(LeaderEpoch, Offset)],
    report: &mut Report<'_>,
) {
    if !names.iter().any(|name| name == EPOCH_CHECKPOINT) {
        return;
    }
    let path = dir.join(EPOCH_CHECKPOINT);
    match report.read(&path, epoch_checkpoint::read(fs, dir)) {
        Some(Some(stored)) => {
            let oldest = stored.first().map_or(Offset::ZERO, |(_, start)| *start);
            let newest = stored.last().map_or(LeaderEpoch::NONE, |(epoch, _)| *epoch);
            // The oldest begins where the log does, or did; newer ones than there are will be written with a flush.
            let expected = epochs.iter().skip(1).filter(|(epoch, start)| *start > oldest && *epoch <= newest);
            for (epoch, start) in expected {
                if !stored.contains(&(*epoch, *start)) {
                    report.add(&path, Problem::Epoch { epoch: *epoch, start: *start });
                }
            }
        }
        Some(None) => report.add(&path, Problem::Garbled),
        None => {}
    }
}
