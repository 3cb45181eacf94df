//! Names of files and directories, as Kafka gives them.

use gracchus_base::{Offset, PartitionIndex, TopicId, TopicName, TopicPartition};

/// Marks a file that is about to be unlinked.
pub(crate) const DELETED: &str = ".deleted";
/// Marks a partition directory that is about to be removed.
pub(crate) const DELETE_DIR: &str = "-delete";
/// Marks a partition directory that belongs to no topic of the cluster any more. Nothing removes it.
pub(crate) const STRAY_DIR: &str = "-stray";
pub(crate) const EPOCH_CHECKPOINT: &str = "leader-epoch-checkpoint";
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";

/// The longest name that file systems take.
const NAME_BYTES_MAX: usize = 255;

/// What a file of a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Log,
    Index,
    TimeIndex,
    TxnIndex,
    Snapshot,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Log, Self::Index, Self::TimeIndex, Self::TxnIndex, Self::Snapshot];

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Index => "index",
            Self::TimeIndex => "timeindex",
            Self::TxnIndex => "txnindex",
            Self::Snapshot => "snapshot",
        }
    }
}

/// `00000000000000000042.log`
pub(crate) fn segment_file(base: Offset, kind: Kind) -> String {
    format!("{:020}.{}", base.get(), kind.extension())
}

/// Reads what [`segment_file`] writes; `None` for any other name.
pub(crate) fn parse_segment_file(name: &str) -> Option<(Offset, Kind)> {
    let (digits, extension) = name.split_once('.')?;
    if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.extension() == extension)?;
    Some((Offset(digits.parse().ok()?), kind))
}

/// Reads a partition directory's name, `<topic>-<n>`; `None` for any other name, among them those of partitions that
/// are being deleted, moved or were found to be nobody's (`-delete`, `-future`, `-stray`).
pub(crate) fn parse_partition_dir(name: &str) -> Option<TopicPartition> {
    let (topic, number) = name.rsplit_once('-')?;
    // `topic-01` and `topic-+1` parse as numbers, but are not how a partition is written.
    let partition = number.parse().ok().filter(|n: &i32| *n >= 0 && n.to_string() == number)?;
    Some(TopicPartition { topic: TopicName::parse(topic).ok()?, partition: PartitionIndex(partition) })
}

/// The name of a partition directory that is a partition's no more: `<topic>-<n>.<32 hex><mark>`, the front cut if the
/// whole would be too long.
pub(crate) fn marked_dir(name: &str, unique: TopicId, mark: &str) -> String {
    let unique: String = unique.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let room = NAME_BYTES_MAX.saturating_sub(unique.len().saturating_add(mark.len()).saturating_add(1));
    let front = name.get(..room.min(name.len())).unwrap_or("");
    format!("{front}.{unique}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_names_read_back() {
        assert_eq!(segment_file(Offset(42), Kind::TimeIndex), "00000000000000000042.timeindex");
        for kind in Kind::ALL {
            assert_eq!(parse_segment_file(&segment_file(Offset(7), kind)), Some((Offset(7), kind)));
        }
        let strange = ["42.log", "00000000000000000042.log.deleted", "+0000000000000000042.log", "x", ""];
        for name in strange.into_iter().chain(["99999999999999999999.log"]) {
            assert_eq!(parse_segment_file(name), None, "{name}");
        }
    }

    #[test]
    fn only_plain_partition_directories_are_partitions() {
        let parsed = parse_partition_dir("a-b-12").unwrap();
        assert_eq!((parsed.topic.as_str(), parsed.partition), ("a-b", PartitionIndex(12)));
        let hex = "0123456789abcdef0123456789abcdef";
        for name in ["a", "a-", "-1", "a-01", "a-+1", ".lock", "a-2147483648", "..-0"] {
            assert_eq!(parse_partition_dir(name), None, "{name}");
        }
        for suffix in ["delete", "future", "stray"] {
            assert_eq!(parse_partition_dir(&format!("a-1.{hex}-{suffix}")), None, "{suffix}");
        }
    }

    #[test]
    fn the_name_of_a_marked_directory_fits_the_file_system() {
        let unique = TopicId([0xab; 16]);
        let hex = "ab".repeat(16);
        assert_eq!(marked_dir("a-1", unique, DELETE_DIR), format!("a-1.{hex}-delete"));
        assert_eq!(marked_dir("a-1", unique, STRAY_DIR), format!("a-1.{hex}-stray"));
        let long = format!("{}-100", "x".repeat(249));
        assert_eq!(marked_dir(&long, unique, DELETE_DIR).len(), 255);
    }
}
