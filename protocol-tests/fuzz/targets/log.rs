//! `log`: each file of ours, on a simulated disk, as a start and `gracchus verify` read it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gracchus_base::{BrokerId, Entropy, LeaderEpoch, Offset, Timestamp, TopicId};
use gracchus_log::fs::Disk;
use gracchus_log::fs::sim::SimDisk;
use gracchus_log::verify::{self, Known};
use gracchus_log::{
    Checkpoint, Deleter, FileCache, Fs, Log, LogConfig, LogDir, LogEnv, LogView, RecoveryStart,
    epoch_checkpoint, producer_snapshot,
};
use gracchus_wire::records::BatchHeader;

use super::wire::{KAFKAS_SEGMENT, all_made_right};
use crate::{Bound, Target};

const TOPIC_ID: TopicId = TopicId([7; 16]);

/// Files of Kafka 4.3.1.
macro_rules! kafkas {
    ($name:literal) => {
        include_bytes!(concat!("../../../src/log/fixtures/kafka-4.3.1-ledger-0/", $name))
    };
}

/// The simulated disk keeps a file three times: as it is, as it was flushed, and as what is written to it.
const SMALL_FILE: Bound = Bound { per_byte: 16, always: 24 * 1024 };

/// Entries of indexes that a log has room for, and what is read at a time.
const WHOLE_LOG: Bound = Bound { per_byte: 16, always: 256 * 1024 };

pub(super) const META_PROPERTIES: Target = Target {
    name: "meta-properties",
    samples: || {
        let ours = "#\nnode.id=1\ndirectory.id=40GugFeZ1QopdviKd0KshA\nversion=1\ncluster.id=AAAAAAAAQQCCCCCCAAAAAA\n";
        vec![ours.as_bytes().to_vec()]
    },
    run: |input| {
        let disk = disk_with("/d", "meta.properties", input);
        let fs = Fs::new(disk);
        let found = LogDir::identity(&fs, Path::new("/d"));
        let opened =
            LogDir::open(&fs, Path::new("/d"), "AAAAAAAAQQCCCCCCAAAAAA", BrokerId(1), &Entropy::seeded(1));
        assert!(found.is_ok() || opened.is_err());
    },
    bound: SMALL_FILE,
};

pub(super) const PARTITION_METADATA: Target = Target {
    name: "partition-metadata",
    samples: || vec![kafkas!("partition.metadata").to_vec()],
    run: |input| {
        let disk = disk_with("/d/t-0", "partition.metadata", input);
        let found = data_dir(&disk).partitions(1).expect("the directory is listed");
        assert_eq!(found.len(), 1);
        drop(verify::data_dir(&Fs::new(disk), Path::new("/d"), &mut |_| {}));
    },
    bound: SMALL_FILE,
};

const CHECKPOINTS: [(Checkpoint, &str); 4] = [
    (Checkpoint::RecoveryPoint, "recovery-point-offset-checkpoint"),
    (Checkpoint::LogStart, "log-start-offset-checkpoint"),
    (Checkpoint::Replication, "replication-offset-checkpoint"),
    (Checkpoint::Cleaner, "cleaner-offset-checkpoint"),
];

/// The first byte says which of the files.
pub(super) const CHECKPOINT: Target = Target {
    name: "checkpoint",
    samples: || (0..4).map(|which| [&[which][..], b"0\n2\nsome-topic 0 17\nt 3 0\n"].concat()).collect(),
    run: |input| {
        let Some((which, content)) = input.split_first() else { return };
        let (which, name) = CHECKPOINTS[usize::from(*which) % CHECKPOINTS.len()];
        let dir = data_dir(&disk_with("/d", name, content));
        let Some(offsets) = dir.read_checkpoint(which).expect("the disk is whole") else { return };
        let written =
            dir.write_checkpoint(which, offsets.iter().map(|(partition, offset)| (partition, *offset)));
        written.expect("the disk is whole");
        assert_eq!(dir.read_checkpoint(which).expect("the disk is whole"), Some(offsets));
    },
    // An entry is a text of its own and 40 bytes, for 6 of input, doubled as the list grows, and twice for the comparison.
    bound: Bound { per_byte: 96, always: 32 * 1024 },
};

pub(super) const CLEAN_MARKER: Target = Target {
    name: "clean-marker",
    samples: || vec![b"{\"version\":0,\"brokerEpoch\":17}".to_vec()],
    run: |input| {
        let dir = data_dir(&disk_with("/d", ".kafka_cleanshutdown", input));
        assert!(dir.take_clean_marker().expect("the disk is whole").is_some());
        assert_eq!(dir.take_clean_marker().expect("the disk is whole"), None);
    },
    bound: SMALL_FILE,
};

/// The name of a directory in a data directory: what is found is a partition whose directory has that name.
pub(super) const DIRECTORY_NAME: Target = Target {
    name: "directory-name",
    samples: || {
        let names = ["some-topic-0", "t-2147483647", "a-b-3", "t-0.40a1b2c3d4e5f60718293a4b5c6d7e8f-delete"];
        names.map(|name| name.as_bytes().to_vec()).to_vec()
    },
    run: |input| {
        let name = String::from_utf8_lossy(input);
        let name = name.rsplit('/').next().unwrap_or_default();
        // No file system has others.
        if name.is_empty() || name == "." || name == ".." || name.len() > 255 {
            return;
        }
        let disk = disk_with(&format!("/d/{name}"), "x", b"");
        for found in data_dir(&disk).partitions(1).expect("the directory is listed") {
            assert_eq!(
                (found.partition.to_string(), found.path),
                (name.to_owned(), Path::new("/d").join(name))
            );
        }
    },
    bound: SMALL_FILE,
};

pub(super) const EPOCHS: Target = Target {
    name: "epoch-checkpoint",
    samples: || vec![kafkas!("leader-epoch-checkpoint").to_vec(), b"0\n3\n0 0\n4 17\n9 90\n".to_vec()],
    run: |input| {
        let fs = Fs::new(disk_with("/d", "leader-epoch-checkpoint", input));
        let Some(epochs) = epoch_checkpoint::read(&fs, Path::new("/d")).expect("the disk is whole") else {
            return;
        };
        assert!(
            epochs.is_sorted()
                && epochs.iter().all(|(epoch, start)| *epoch >= LeaderEpoch(0) && *start >= Offset(0))
        );
    },
    bound: SMALL_FILE,
};

/// The CRC is set right: else hardly a change would be seen.
pub(super) const SNAPSHOT: Target = Target {
    name: "producer-snapshot",
    samples: || vec![kafkas!("00000000000000000090.snapshot").to_vec(), producer_snapshot::encode(&[])],
    run: |input| {
        drop(producer_snapshot::decode(input));
        let mut right = input.to_vec();
        if right.len() > 6 {
            let crc = crc32c::crc32c(&right[6..]);
            right[2..6].copy_from_slice(&crc.to_be_bytes());
        }
        if let Some(producers) = producer_snapshot::decode(&right) {
            let again = producer_snapshot::decode(&producer_snapshot::encode(&producers));
            assert_eq!(again.map(|again| again.len()), Some(producers.len()));
        }
    },
    // An entry takes 56 bytes for 46, three times while the list grows and twice after, and is written once more.
    bound: Bound { per_byte: 12, always: 1024 },
};

/// The first byte says how the log was closed; its lowest bit, whether CRCs are set right before.
pub(super) const SEGMENT: Target = Target {
    name: "segment",
    samples: || (0..4).map(|how| [&[how][..], KAFKAS_SEGMENT].concat()).collect(),
    run: |input| {
        let Some((how, content)) = input.split_first() else { return };
        let content = if how & 1 == 0 { content.to_vec() } else { all_made_right(content.to_vec()) };
        opened_with(&[(".log", &content)], *how);
    },
    bound: WHOLE_LOG,
};

pub(super) const INDEX: Target = Target {
    name: "index",
    samples: || (0..4).map(|how| [&[how][..], kafkas!("00000000000000000040.index")].concat()).collect(),
    run: |input| {
        let Some((how, content)) = input.split_first() else { return };
        opened_with(&[(".log", KAFKAS_SEGMENT), (".index", content)], *how);
    },
    bound: WHOLE_LOG,
};

pub(super) const TIME_INDEX: Target = Target {
    name: "time-index",
    samples: || (0..4).map(|how| [&[how][..], kafkas!("00000000000000000040.timeindex")].concat()).collect(),
    run: |input| {
        let Some((how, content)) = input.split_first() else { return };
        opened_with(&[(".log", KAFKAS_SEGMENT), (".timeindex", content)], *how);
    },
    bound: WHOLE_LOG,
};

/// Verifies, opens, uses and flushes a log whose segment at offset 40 has these files; what is there then is there again.
fn opened_with(files: &[(&str, &[u8])], how: u8) {
    let (disk, dir) = (SimDisk::new(), Path::new("/t-0"));
    for (ending, content) in files {
        put(&disk, dir, &format!("00000000000000000040{ending}"), content);
    }
    let known = Known { flushed: Offset(70), compacted: how & 4 != 0 };
    verify::partition(&Fs::new(disk.clone()), dir, known, &mut |_| {});
    let start = RecoveryStart {
        clean_shutdown: how & 2 != 0,
        recovery_point: Offset(if how & 8 != 0 { 70 } else { 0 }),
        log_start: Offset(if how & 16 != 0 { 55 } else { 0 }),
    };
    let config = LogConfig { retention_ms: -1, compact: how & 4 != 0, ..LogConfig::default() };
    let open = |start| Log::open(dir.to_owned(), TOPIC_ID, config, env(&disk), start, &mut |_| {});
    let Ok(mut log) = open(start) else { return };
    use_everything(&log.view());
    if let Some(ticket) = log.flush_ticket() {
        log.flushed(ticket.run().expect("the disk is whole"));
    }
    let end = log.log_end();
    drop(log);
    let unclean =
        RecoveryStart { clean_shutdown: false, recovery_point: end.offset, log_start: start.log_start };
    let again = open(unclean).expect("what was opened once is opened again");
    assert!(again.log_end().offset <= end.offset, "nothing appears that was not there");
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
    for wanted in [i64::MIN, -1, 0, 1_700_000_000_000, i64::MAX] {
        drop(view.lookup_timestamp(Timestamp(wanted), view.log_start()));
    }
    for offset in [0, 40, 55, 69, 70, i64::MAX] {
        drop(view.position_of(Offset(offset)));
    }
    drop(view.max_timestamp());
}

/// A disk with one file.
fn disk_with(dir: &str, file: &str, content: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    put(&disk, Path::new(dir), file, content);
    disk
}

/// Puts a file there, and the directories that it lies in.
pub(super) fn put(disk: &SimDisk, dir: &Path, file: &str, content: &[u8]) {
    let mut parents: Vec<_> = dir.ancestors().collect();
    parents.reverse();
    for parent in parents.into_iter().skip(1) {
        disk.create_dir(parent).expect("a simulated directory");
    }
    drop(disk.create(&dir.join(file)).expect("a simulated file"));
    disk.change(&dir.join(file), |bytes| bytes.extend_from_slice(content));
}

fn data_dir(disk: &SimDisk) -> LogDir {
    let fs = Fs::new(disk.clone());
    LogDir::open(&fs, Path::new("/d"), "some-cluster", BrokerId(1), &Entropy::seeded(1))
        .expect("a data directory")
}

pub(super) fn env(disk: &SimDisk) -> LogEnv {
    LogEnv {
        fs: Fs::new(disk.clone()),
        files: Arc::new(FileCache::new(64)),
        deleter: Deleter::at_once(Arc::new(|_: PathBuf, _| {})),
        entropy: Entropy::seeded(1),
    }
}
