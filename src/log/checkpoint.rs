//! The checkpoint files of a data directory: an offset for each partition, as text of version 0.

use std::io;
use std::path::Path;

use gracchus_base::{Offset, PartitionIndex, TopicName, TopicPartition};

use crate::fs::Fs;
use crate::write_atomic::write_atomic;

/// More than all partitions of a broker take; guards against a file that is not ours.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

/// One of the checkpoint files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// Everything before it was flushed.
    RecoveryPoint,
    /// Where a log starts, if that is not where its first segment does.
    LogStart,
    /// The high watermarks.
    Replication,
    /// How far a log was compacted.
    Cleaner,
}

impl Checkpoint {
    pub(crate) const ALL: [Self; 4] = [Self::RecoveryPoint, Self::LogStart, Self::Replication, Self::Cleaner];

    pub(crate) const fn file_name(self) -> &'static str {
        match self {
            Self::RecoveryPoint => "recovery-point-offset-checkpoint",
            Self::LogStart => "log-start-offset-checkpoint",
            Self::Replication => "replication-offset-checkpoint",
            Self::Cleaner => "cleaner-offset-checkpoint",
        }
    }
}

pub(crate) fn write<'a>(
    fs: &Fs,
    dir: &Path,
    which: Checkpoint,
    offsets: impl Iterator<Item = (&'a TopicPartition, Offset)>,
) -> io::Result<()> {
    let mut lines = String::new();
    let mut count = 0usize;
    for (partition, offset) in offsets {
        lines.push_str(&format!("{} {} {offset}\n", partition.topic, partition.partition));
        count = count.saturating_add(1);
    }
    write_atomic(fs, dir, which.file_name(), format!("0\n{count}\n{lines}").as_bytes())
}

pub(crate) fn read(
    fs: &Fs,
    dir: &Path,
    which: Checkpoint,
) -> io::Result<Option<Vec<(TopicPartition, Offset)>>> {
    match fs.read_small(&dir.join(which.file_name()), BYTES_MAX) {
        Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(parse)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(None),
        Err(e) => Err(e),
    }
}

fn parse(text: &str) -> Option<Vec<(TopicPartition, Offset)>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut lines = text.lines();
    if lines.next()? != "0" {
        return None;
    }
    let count: usize = lines.next()?.parse().ok()?;
    let offsets: Option<Vec<_>> = lines.map(parse_line).collect();
    offsets.filter(|offsets| offsets.len() == count)
}

fn parse_line(line: &str) -> Option<(TopicPartition, Offset)> {
    let mut words = line.split(' ');
    let topic = TopicName::parse(words.next()?).ok()?;
    let partition = PartitionIndex(words.next()?.parse().ok()?);
    let offset = Offset(words.next()?.parse().ok().filter(|offset| *offset >= 0)?);
    words.next().is_none().then_some((TopicPartition { topic, partition }, offset))
}
