use std::sync::Arc;

use gracchus_base::{Offset, PartitionIndex, TopicName};

use super::*;
use crate::fs::sim::SimDisk;

const CLUSTER: &str = "AAAAAAAAQQCCCCCCAAAAAA";
const NODE: BrokerId = BrokerId(1);

fn open(fs: &Fs, path: &Path) -> Result<LogDir, DirError> {
    LogDir::open(fs, path, CLUSTER, NODE, &Entropy::seeded(5))
}

fn partition(topic: &str, n: i32) -> TopicPartition {
    TopicPartition { topic: TopicName::parse(topic).unwrap(), partition: PartitionIndex(n) }
}

#[test]
fn a_directory_keeps_its_identity_and_takes_no_other() {
    let tmp = tempfile::tempdir().unwrap();
    let (fs, path) = (Fs::real(), tmp.path().join("a/b"));
    assert!(LogDir::identity(&fs, &path).unwrap().is_none());
    let meta = open(&fs, &path).unwrap().meta().clone();
    assert_eq!(open(&fs, &path).unwrap().meta(), &meta);
    let before = std::fs::read(path.join("meta.properties")).unwrap();
    let other = LogDir::open(&fs, &path, "BBBBBBBBQQCCCCCCAAAAAA", NODE, &Entropy::seeded(6));
    assert!(matches!(other, Err(DirError::Cluster { .. })));
    let other = LogDir::open(&fs, &path, CLUSTER, BrokerId(2), &Entropy::seeded(6));
    assert!(matches!(other, Err(DirError::Node { .. })));
    assert_eq!(std::fs::read(path.join("meta.properties")).unwrap(), before);
}

#[test]
fn a_directory_in_use_is_refused_and_free_again_afterwards() {
    let tmp = tempfile::tempdir().unwrap();
    let fs = Fs::real();
    let first = open(&fs, tmp.path()).unwrap();
    assert!(matches!(open(&fs, tmp.path()), Err(DirError::InUse(_))));
    assert!(matches!(open(&fs, tmp.path()), Err(DirError::InUse(_))), "asking has not given the lock up");
    drop(first);
    open(&fs, tmp.path()).unwrap();
    let sim = Fs::new(SimDisk::new());
    let first = open(&sim, Path::new("/d"));
    assert!(first.is_ok() && matches!(open(&sim, Path::new("/d")), Err(DirError::InUse(_))));
}

#[test]
fn a_directory_that_is_set_aside_keeps_its_files_and_frees_its_name() {
    let fs = Fs::new(SimDisk::new());
    let dir = open(&fs, Path::new("/d")).unwrap();
    let path = dir.partition_path(&partition("t", 0));
    fs.create_dir(&path).unwrap();
    partition_metadata::write(&fs, &path, TopicId([3; 16])).unwrap();
    let found = dir.partitions(2).unwrap().remove(0);
    let aside = dir.set_aside(&found, &Entropy::seeded(7)).unwrap();
    let name = aside.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("t-0.") && name.ends_with("-stray"), "{name}");
    assert_eq!(partition_metadata::read(&fs, &aside).unwrap(), Some(TopicId([3; 16])));
    assert_eq!(dir.partitions(2).unwrap(), []);
    dir.remove_marked(&Deleter::at_once(Arc::new(|path, e| panic!("{path:?}: {e}")))).unwrap();
    assert!(fs.stat_if_there(&aside).unwrap().is_some(), "nothing removes it");
}

#[test]
fn partitions_are_found_and_marked_directories_are_removed() {
    let fs = Fs::new(SimDisk::new());
    let dir = open(&fs, Path::new("/d")).unwrap();
    let hex = "0123456789abcdef0123456789abcdef";
    for name in ["t-0", "a.b-12", &format!("t-1.{hex}-delete"), &format!("t-2.{hex}-stray"), "snapshots"] {
        fs.create_dir(&dir.path().join(name)).unwrap();
    }
    partition_metadata::write(&fs, &dir.partition_path(&partition("t", 0)), TopicId([3; 16])).unwrap();
    let found = dir.partitions(2).unwrap();
    let found: Vec<_> = found.into_iter().map(|f| (f.partition, f.topic_id)).collect();
    assert_eq!(found, [(partition("a.b", 12), None), (partition("t", 0), Some(TopicId([3; 16])))]);
    dir.remove_marked(&Deleter::at_once(Arc::new(|path, e| panic!("{path:?}: {e}")))).unwrap();
    let names: Vec<_> = fs.list(dir.path()).unwrap().into_iter().map(|e| e.name).collect();
    assert!(
        !names.iter().any(|name| name.ends_with("-delete")) && names.iter().any(|n| n.ends_with("-stray"))
    );
}

#[test]
fn faults_25_the_clean_marker_is_taken_once_also_if_the_power_fails_after_it() {
    let disk = SimDisk::new();
    let fs = Fs::new(disk.clone());
    let dir = open(&fs, Path::new("/d")).unwrap();
    assert_eq!(dir.take_clean_marker().unwrap(), None);
    dir.write_clean_marker(11).unwrap();
    let text = disk.bytes(Path::new("/d/.kafka_cleanshutdown")).unwrap();
    assert_eq!(text, b"{\"version\":0,\"brokerEpoch\":11}", "as Kafka 4.3.1 writes it");
    for seed in 0..20 {
        let fs = Fs::new(disk.crash(seed));
        let dir = open(&fs, Path::new("/d")).unwrap();
        assert_eq!(dir.take_clean_marker().unwrap(), Some(11), "the marker is durable");
        assert_eq!(dir.take_clean_marker().unwrap(), None);
    }
    assert_eq!(dir.take_clean_marker().unwrap(), Some(11));
    for seed in 0..20 {
        let fs = Fs::new(disk.crash(seed));
        assert_eq!(open(&fs, Path::new("/d")).unwrap().take_clean_marker().unwrap(), None);
    }
}

#[test]
fn checkpoints_read_back_and_bad_ones_are_none() {
    let disk = SimDisk::new();
    let fs = Fs::new(disk.clone());
    let dir = open(&fs, Path::new("/d")).unwrap();
    let which = Checkpoint::RecoveryPoint;
    assert_eq!(dir.read_checkpoint(which).unwrap(), None);
    let offsets = [(partition("a", 0), Offset(5)), (partition("b.c", 3), Offset(0))];
    dir.write_checkpoint(which, offsets.iter().map(|(p, o)| (p, *o))).unwrap();
    assert_eq!(dir.read_checkpoint(which).unwrap().unwrap(), offsets);
    let path = Path::new("/d/recovery-point-offset-checkpoint");
    assert_eq!(disk.bytes(path).unwrap(), b"0\n2\na 0 5\nb.c 3 0\n");
    for bad in [
        "1\n0\n",
        "0\n3\na 0 5\n",
        "0\n1\na 0\n",
        "0\n1\na x 5\n",
        "0\n1\na/b 0 5\n",
        "0\n1\na 0 -5\n",
        "\0\0",
    ] {
        disk.change(path, |bytes| *bytes = bad.as_bytes().to_vec());
        assert_eq!(dir.read_checkpoint(which).unwrap(), None, "{bad:?}");
    }
    // Kafka makes the file empty before it has something to write.
    disk.change(path, Vec::clear);
    assert_eq!(dir.read_checkpoint(which).unwrap(), Some(vec![]));
}
